// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Waterfall
/// @notice Spends what is available on needs in order: a later need gets nothing before an earlier one is met.
/// @dev Python twin: finance/settlement/waterfall.py.
library Waterfall {
    /// @return paid what each need gets; sum(paid) + left = available
    /// @return left what remains after all needs are met
    function allocate(uint256 available, uint256[] memory needs)
        internal
        pure
        returns (uint256[] memory paid, uint256 left)
    {
        paid = new uint256[](needs.length);
        left = available;
        for (uint256 i = 0; i < needs.length; ++i) {
            paid[i] = needs[i] < left ? needs[i] : left;
            left -= paid[i];
        }
    }
}
