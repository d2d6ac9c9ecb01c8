// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Median
/// @notice Median of values that arrive in order. With an even count the lower middle, so that the result is always a
/// value somebody signed.
/// @dev Python twin: finance/settlement/median.py.
library Median {
    error Median_Empty();
    error Median_NotAscending(uint256 index);

    function median(int128[] memory ascending) internal pure returns (int128) {
        uint256 count = ascending.length;
        if (count == 0) revert Median_Empty();
        for (uint256 i = 1; i < count; ++i) {
            if (ascending[i] < ascending[i - 1]) revert Median_NotAscending(i);
        }
        return ascending[(count - 1) / 2];
    }
}
