// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Accrual
/// @notice Interest of a period. Multiplies before it divides; the accrual factor is an exact fraction of a year,
/// computed off chain by the deal's day-count rule (30/360: 180/360; ACT/365: 181/365).
/// @dev Python twin: finance/settlement/accrual.py.
library Accrual {
    /// @dev A rate of 100 % a year.
    uint256 internal constant RATE_ONE = 1e18;

    error Accrual_ZeroDenominator();

    /// @notice principal * rate * numerator / (RATE_ONE * denominator), rounded down: the payer keeps the remainder.
    /// @param principal minor units
    /// @param rate a year, RATE_ONE = 100 %
    function interest(uint256 principal, uint256 rate, uint256 numerator, uint256 denominator)
        internal
        pure
        returns (uint256)
    {
        if (denominator == 0) revert Accrual_ZeroDenominator();
        return principal * rate * numerator / (RATE_ONE * denominator);
    }
}
