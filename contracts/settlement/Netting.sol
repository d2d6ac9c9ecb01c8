// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Accrual} from "./Accrual.sol";

/// @title Netting
/// @notice What a debt between two sides grows to, what a payment makes of it, and how an amount is paid: against the
/// receiver's debt first, then from the payer's balance; the rest is owed.
/// @dev Python twin: finance/settlement/netting.py.
library Netting {
    /// @dev One minor unit of interest. Interest is kept in 2^-32 of a minor unit, so that a debtor who pays every second
    /// in small parts cannot make it vanish by rounding: a hundred years of that lose less than one minor unit.
    uint256 internal constant INTEREST_ONE = 2 ** 32;

    /// @dev ACT/365 fixed, by seconds.
    uint256 internal constant YEAR = 365 days;

    /// @param principal minor units
    /// @param interest accrued and unpaid, INTEREST_ONE to the minor unit
    struct Debt {
        uint256 principal;
        uint256 interest;
    }

    /// @notice The debt after `elapsed` seconds of simple interest on its principal.
    /// @param rate a year, 1e18 = 100 %
    function accrue(Debt memory debt, uint256 rate, uint256 elapsed) internal pure returns (Debt memory) {
        uint256 interest = Accrual.interest(debt.principal * INTEREST_ONE, rate, elapsed, YEAR);
        return Debt(debt.principal, debt.interest + interest);
    }

    /// @notice Principal and interest in minor units, rounded down: the debtor keeps the fraction.
    function due(Debt memory debt) internal pure returns (uint256) {
        return debt.principal + debt.interest / INTEREST_ONE;
    }

    /// @notice Pay off a debt: interest first, then principal. A fraction of a minor unit of interest that is left when all
    /// else is paid is forgiven.
    /// @return left the debt that remains
    /// @return paid what was used of the amount
    function repay(Debt memory debt, uint256 amount) internal pure returns (Debt memory left, uint256 paid) {
        uint256 interest = _min(amount, debt.interest / INTEREST_ONE);
        uint256 principal = _min(amount - interest, debt.principal);
        paid = interest + principal;
        left = Debt(debt.principal - principal, debt.interest - interest * INTEREST_ONE);
        if (left.principal == 0 && left.interest < INTEREST_ONE) left.interest = 0;
    }

    /// @notice Pay an amount from one side to the other.
    /// @param balance money of the paying side
    /// @param receivers what the receiving side owes the paying one
    /// @return left what the receiving side still owes
    /// @return netted against that; netted + paid + unpaid = amount
    /// @return paid from the balance
    /// @return unpaid what the paying side owes in addition; zero unless `left` is
    function net(uint256 amount, uint256 balance, Debt memory receivers)
        internal
        pure
        returns (Debt memory left, uint256 netted, uint256 paid, uint256 unpaid)
    {
        (left, netted) = repay(receivers, amount);
        paid = _min(amount - netted, balance);
        unpaid = amount - netted - paid;
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
