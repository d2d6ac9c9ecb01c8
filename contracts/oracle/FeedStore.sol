// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../interfaces/IKpiOracle.sol";

/// @title Feed store
/// @notice Reads a feed's configuration, which is kept ABI-encoded as code ({CodeStore}). Single fields are read in place,
/// without decoding the rest, because every report pays for it.
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
