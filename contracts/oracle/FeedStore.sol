// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../interfaces/IKpiOracle.sol";

/// @title Feed store
/// @notice Keeps a feed's configuration (ABI-encoded) as the code of a contract that does nothing: it can never change,
/// and reading all of it costs less than reading a few storage slots. Single fields are read in place, without decoding
/// the rest, because every report pays for it.
/// @dev The data was encoded by the oracle itself, so fields need no validation. Word 0 is the offset of the tuple; field
/// i of {IKpiOracle.FeedConfig} is word i + 1; a list's word holds its offset from word 1.
library FeedStore {
    /// @dev Positions of fields in {IKpiOracle.FeedConfig}.
    uint256 internal constant MIN_VALUE = 3;
    uint256 internal constant MAX_VALUE = 4;
    uint256 internal constant MAX_SPREAD = 5;
    uint256 internal constant REPORTING_WINDOW = 6;
    uint256 internal constant LATE_WINDOW = 7;
    uint256 internal constant DISPUTE_WINDOW = 8;
    uint256 internal constant RULING_WINDOW = 9;
    uint256 internal constant QUORUM = 10;
    uint256 internal constant PANEL_QUORUM = 11;
    uint256 internal constant BOND_CURRENCY = 13;
    uint256 internal constant CHALLENGE_BOND = 14;
    uint256 internal constant CHALLENGE_REWARD = 15;
    uint256 internal constant SPONSOR = 16;
    uint256 internal constant PERIOD_ENDS = 17;
    uint256 internal constant SIGNERS = 18;
    uint256 internal constant PANEL = 19;
    uint256 internal constant CONSUMERS = 20;

    /// @return store address whose code holds the configuration
    function write(bytes memory encodedConfig) internal returns (address store) {
        store = address(new FeedData(encodedConfig));
    }

    function read(address store) internal view returns (bytes memory data) {
        uint256 size = store.code.length - 1; // the leading STOP
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(store, add(data, 32), 1, size)
        }
    }

    /// @notice The field at a position; the value of a number or address.
    function word(bytes memory data, uint256 field) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(data, add(64, shl(5, field))))
        }
    }

    /// @notice Length of the list at a position.
    function count(bytes memory data, uint256 list) internal pure returns (uint256 length) {
        uint256 offset = word(data, list);
        assembly ("memory-safe") {
            length := mload(add(data, add(64, offset)))
        }
    }

    /// @notice Item of the list at a position. The caller has checked that index is below {count}.
    function item(bytes memory data, uint256 list, uint256 index) internal pure returns (uint256 value) {
        uint256 offset = word(data, list);
        assembly ("memory-safe") {
            value := mload(add(data, add(add(96, offset), shl(5, index))))
        }
    }
}

/// @title Feed data
/// @notice Code: a STOP, so that a call does nothing, then the data.
contract FeedData {
    constructor(bytes memory data) {
        bytes memory code = abi.encodePacked(hex"00", data);
        assembly ("memory-safe") {
            return(add(code, 32), mload(code))
        }
    }
}
