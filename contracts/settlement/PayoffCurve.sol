// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Payoff curve
/// @notice A KPI value in, a rate or an amount out: sorted knots, step or linear. Floor and cap are the end knots.
/// @dev Python twin: finance/settlement/payoff_curve.py. Both are pure integer arithmetic and agree to the unit.
library PayoffCurve {
    enum Shape {
        Step,
        Linear
    }

    /// @param x KPI value
    /// @param y payoff at (for a step: from) x
    struct Knot {
        int128 x;
        int128 y;
    }

    /// @param knots at least one, at most MAX_KNOTS, strictly ascending in x
    struct Curve {
        Shape shape;
        Knot[] knots;
    }

    /// @dev Bounds the work of a fixing.
    uint256 internal constant MAX_KNOTS = 32;

    error PayoffCurve_NoKnots();
    error PayoffCurve_TooManyKnots(uint256 count);
    error PayoffCurve_NotAscending(uint256 index);
    error PayoffCurve_TooSteep(uint256 index);

    /// @notice Revert unless the curve has between one and MAX_KNOTS knots, strictly ascending in x, and no line between
    /// two knots spans more than int128 in x or in y: so that a payoff can always be computed.
    function validate(Curve memory curve) internal pure {
        uint256 count = curve.knots.length;
        if (count == 0) revert PayoffCurve_NoKnots();
        if (count > MAX_KNOTS) revert PayoffCurve_TooManyKnots(count);
        for (uint256 i = 1; i < count; ++i) {
            if (curve.knots[i].x <= curve.knots[i - 1].x) revert PayoffCurve_NotAscending(i);
            if (curve.shape == Shape.Linear) {
                (Knot memory left, Knot memory right) = (curve.knots[i - 1], curve.knots[i]);
                _requireSpans(left.x, left.y, right.x, right.y, i);
            }
        }
    }

    /// @notice Smallest and largest payoff over all KPI values. Reverts as {validate} does.
    /// @dev In one pass and in place, because a bond may bring 32 curves of 32 knots.
    function range(Curve calldata curve) internal pure returns (int128 lowest, int128 highest) {
        Knot[] calldata knots = curve.knots;
        uint256 count = knots.length;
        if (count == 0) revert PayoffCurve_NoKnots();
        if (count > MAX_KNOTS) revert PayoffCurve_TooManyKnots(count);
        bool linear = curve.shape == Shape.Linear;
        (int128 x, int128 y) = (knots[0].x, knots[0].y);
        (lowest, highest) = (y, y);
        for (uint256 i = 1; i < count; ++i) {
            (int128 x1, int128 y1) = (knots[i].x, knots[i].y);
            if (x1 <= x) revert PayoffCurve_NotAscending(i);
            if (linear) _requireSpans(x, y, x1, y1, i);
            if (y1 < lowest) lowest = y1;
            if (y1 > highest) highest = y1;
            (x, y) = (x1, y1);
        }
    }

    /// @notice Payoff at x. Below the first knot it is the first knot's, above the last knot the last one's.
    /// @dev A line between two knots is rounded toward minus infinity, against the receiver of a positive amount.
    function payoff(Curve memory curve, int128 x) internal pure returns (int256) {
        validate(curve);
        Knot[] memory knots = curve.knots;
        if (x <= knots[0].x) return knots[0].y;
        uint256 last = knots.length - 1;
        if (x >= knots[last].x) return knots[last].y;
        uint256 i = last;
        while (knots[i].x > x) --i; // ends at 0 at the latest, because x > knots[0].x
        if (curve.shape == Shape.Step) return knots[i].y;
        Knot memory left = knots[i];
        Knot memory right = knots[i + 1];
        // Both factors fit an int128 (see {validate}), so the product fits.
        int256 rise = (int256(x) - left.x) * (int256(right.y) - left.y);
        return int256(left.y) + _floorDiv(rise, int256(right.x) - left.x);
    }

    /// @notice Smallest payoff over all KPI values.
    function minimum(Curve memory curve) internal pure returns (int256 lowest) {
        validate(curve);
        lowest = curve.knots[0].y;
        for (uint256 i = 1; i < curve.knots.length; ++i) {
            if (curve.knots[i].y < lowest) lowest = curve.knots[i].y;
        }
    }

    /// @notice Largest payoff over all KPI values.
    function maximum(Curve memory curve) internal pure returns (int256 highest) {
        validate(curve);
        highest = curve.knots[0].y;
        for (uint256 i = 1; i < curve.knots.length; ++i) {
            if (curve.knots[i].y > highest) highest = curve.knots[i].y;
        }
    }

    function _requireSpans(int256 x0, int256 y0, int256 x1, int256 y1, uint256 i) private pure {
        int256 dx;
        int256 dy;
        unchecked {
            (dx, dy) = (x1 - x0, y1 - y0); // of int128
        }
        int256 most = type(int128).max;
        if (dx > most || dy > most || dy < -most) revert PayoffCurve_TooSteep(i);
    }

    /// @dev Solidity truncates toward zero; `b` is positive here.
    function _floorDiv(int256 a, int256 b) private pure returns (int256 q) {
        // The product only tells whether there was a remainder.
        // slither-disable-start divide-before-multiply
        q = a / b;
        if (a < 0 && q * b != a) --q;
        // slither-disable-end divide-before-multiply
    }
}
