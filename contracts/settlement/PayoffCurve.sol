// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Payoff curve
/// @notice A KPI value in, a rate or an amount out: sorted knots, step or linear. Floor and cap are the end knots.
/// @dev Python twin: finance/settlement/payoff_curve.py. Both are pure integer arithmetic and agree to the unit.
library PayoffCurve {
    enum Kind {
        Step,
        Linear
    }

    /// @param x KPI value; @param y payoff at (and, for a step, from) x
    struct Knot {
        int128 x;
        int128 y;
    }

    /// @param knots at least one, at most MAX_KNOTS, strictly ascending in x
    struct Curve {
        Kind kind;
        Knot[] knots;
    }

    uint256 internal constant MAX_KNOTS = 32;

    error PayoffCurve_NoKnots();
    error PayoffCurve_TooManyKnots(uint256 count);
    error PayoffCurve_NotAscending(uint256 index);
}
