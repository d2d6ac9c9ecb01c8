// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProRata} from "./ProRata.sol";

/// @title Close-out
/// @notice What a side that has defaulted on a two-way payment owes for the periods that had not begun. Amounts are signed:
/// positive, the payer pays the payee.
/// @dev Python twin: finance/settlement/close_out.py.
library CloseOut {
    /// @notice What replacing the rest of the swap is taken to cost: a year of settled amounts, for as long as it would have
    /// run. A swap is agreed at its fair value, so what is not settled of a first year counts as nothing.
    /// @param payer whether the payer defaulted; the fraction of a minor unit is against the side that did
    /// @param sum of the settled amounts of the last year
    /// @param remaining periods that are closed out
    /// @param year periods in a year; not zero
    function replacementCost(bool payer, int256 sum, uint256 remaining, uint256 year) internal pure returns (int256) {
        return payer ? -ProRata.scale(-sum, remaining, year) : ProRata.scale(sum, remaining, year);
    }

    /// @notice The close-out amount: the value of the remaining periods where it is against the defaulter, at least damages,
    /// and never to the defaulter.
    /// @param payer whether the payer defaulted, and not the payee
    /// @param damages agreed for a default, zero or more
    function against(bool payer, int256 value, uint128 damages) internal pure returns (int256) {
        int256 least = payer ? int256(uint256(damages)) : -int256(uint256(damages));
        if (payer) return value > least ? value : least;
        return value < least ? value : least;
    }
}
