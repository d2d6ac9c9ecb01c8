// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Accrual} from "../settlement/Accrual.sol";
import {Median} from "../settlement/Median.sol";
import {CloseOut} from "../settlement/CloseOut.sol";
import {Netting} from "../settlement/Netting.sol";
import {PayoffCurve} from "../settlement/PayoffCurve.sol";
import {ProRata} from "../settlement/ProRata.sol";
import {Waterfall} from "../settlement/Waterfall.sol";
import {WaterfallChecks} from "../settlement/WaterfallChecks.sol";

/// @title Settlement harness
/// @notice External wrappers around the settlement libraries, so that tests/settlement can run them against their
/// Python twins. Not deployed with any deal.
contract SettlementHarness {
    function interest(uint256 principal, uint256 rate, uint256 numerator, uint256 denominator)
        external
        pure
        returns (uint256)
    {
        return Accrual.interest(principal, rate, numerator, denominator);
    }

    function validate(PayoffCurve.Curve memory curve) external pure {
        PayoffCurve.validate(curve);
    }

    function payoff(PayoffCurve.Curve memory curve, int128 x) external pure returns (int256) {
        return PayoffCurve.payoff(curve, x);
    }

    function minimum(PayoffCurve.Curve memory curve) external pure returns (int256) {
        return PayoffCurve.minimum(curve);
    }

    function maximum(PayoffCurve.Curve memory curve) external pure returns (int256) {
        return PayoffCurve.maximum(curve);
    }

    function median(int128[] memory ascending) external pure returns (int128) {
        return Median.median(ascending);
    }

    function allocate(uint256 available, uint256[] memory needs)
        external
        pure
        returns (uint256[] memory paid, uint256 left)
    {
        return Waterfall.allocate(available, needs);
    }

    function perUnit(uint256 amount, uint256 units) external pure returns (uint256 each, uint256 paid) {
        return ProRata.perUnit(amount, units);
    }

    function scale(int256 amount, uint256 units, uint256 ofUnits) external pure returns (int256) {
        return ProRata.scale(amount, units, ofUnits);
    }

    function accrue(Netting.Debt memory debt, uint256 rate, uint256 elapsed)
        external
        pure
        returns (Netting.Debt memory)
    {
        return Netting.accrue(debt, rate, elapsed);
    }

    function due(Netting.Debt memory debt) external pure returns (uint256) {
        return Netting.due(debt);
    }

    function repay(Netting.Debt memory debt, uint256 amount)
        external
        pure
        returns (Netting.Debt memory left, uint256 paid)
    {
        return Netting.repay(debt, amount);
    }

    function net(uint256 amount, uint256 balance, Netting.Debt memory receivers)
        external
        pure
        returns (Netting.Debt memory left, uint256 netted, uint256 paid, uint256 unpaid)
    {
        return Netting.net(amount, balance, receivers);
    }

    function replacementCost(bool payer, int256 sum, uint256 remaining, uint256 year) external pure returns (int256) {
        return CloseOut.replacementCost(payer, sum, remaining, year);
    }

    function against(bool payer, int256 value, uint128 damages) external pure returns (int256) {
        return CloseOut.against(payer, value, damages);
    }

    function validateWaterfall(Waterfall.Program memory program) external pure {
        WaterfallChecks.validate(program);
    }

    /// @param state registers up to the losses
    /// @return the registers after it, the triggers' states, what each claim was paid, moves, and tests
    function runWaterfall(
        Waterfall.Program memory program,
        int128[] memory state,
        uint256[] memory tripped,
        int128[] memory inputs,
        uint40 due,
        bool isOver
    ) external pure returns (int256[] memory, uint256[] memory, uint256[] memory, uint256[] memory, int256[] memory) {
        uint256 first = state.length + tripped.length + program.claims.length;
        int256[] memory x = new int256[](first + inputs.length);
        for (uint256 i = 0; i < state.length; ++i) {
            x[i] = state[i];
        }
        for (uint256 i = 0; i < inputs.length; ++i) {
            x[first + i] = inputs[i];
        }
        Waterfall.Run memory r = Waterfall.run(program, x, tripped, due, isOver);
        return (r.x, r.tripped, r.paid, r.moves, r.tests);
    }
}
