// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Code store
/// @notice Keeps data that never changes as the code of a contract that does nothing: reading all of it costs less than
/// reading a few storage slots. Feeds, bonds, swaps and treasuries keep their terms so.
library CodeStore {
    /// @return store address whose code holds the data
    function write(bytes memory data) internal returns (address store) {
        store = address(new StoredData(data));
    }

    function read(address store) internal view returns (bytes memory data) {
        uint256 size = store.code.length - 1; // the leading STOP
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(store, add(data, 32), 1, size)
        }
    }

    /// @notice As many bytes from a position on; zeros beyond the end.
    function readPart(address store, uint256 from, uint256 size) internal view returns (bytes memory data) {
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(store, add(data, 32), add(from, 1), size)
        }
    }
}

/// @title Stored data
/// @notice Code: a STOP, so that a call does nothing, then the data.
contract StoredData {
    constructor(bytes memory data) {
        bytes memory code = abi.encodePacked(hex"00", data);
        assembly ("memory-safe") {
            return(add(code, 32), mload(code))
        }
    }
}
