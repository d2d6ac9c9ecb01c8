// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PayoffCurve} from "settlement/PayoffCurve.sol";
import {Proof} from "./Proof.sol";

/// @custom:halmos --default-array-lengths 1,2,3,4
contract PayoffCurveProof is Proof {
    function check_stepWithin(PayoffCurve.Knot[] memory knots, int128 x, int128 least, int128 most) external pure {
        _within(PayoffCurve.Shape.Step, knots, x, least, most);
    }

    function check_stepRises(PayoffCurve.Knot[] memory knots, int128 x, int128 above) external pure {
        _rises(PayoffCurve.Shape.Step, knots, x, above);
    }

    /// @custom:halmos --array-lengths knots={1,2}
    function check_lineWithin(PayoffCurve.Knot[] memory knots, int128 x, int128 least, int128 most) external pure {
        _within(PayoffCurve.Shape.Linear, knots, x, least, most);
    }

    /// @dev No KPI value pays less than `least` or more than `most`, when no knot does.
    function _within(PayoffCurve.Shape shape, PayoffCurve.Knot[] memory knots, int128 x, int128 least, int128 most)
        private
        pure
    {
        for (uint256 i = 0; i < knots.length; ++i) {
            given(least <= knots[i].y);
            given(knots[i].y <= most);
        }
        int256 amount = PayoffCurve.payoff(PayoffCurve.Curve(shape, knots), x);
        assert(least <= amount && amount <= most);
    }

    /// @dev Where the knots' amounts rise with the KPI value, so does the payoff.
    function _rises(PayoffCurve.Shape shape, PayoffCurve.Knot[] memory knots, int128 x, int128 above) private pure {
        for (uint256 i = 1; i < knots.length; ++i) {
            given(knots[i - 1].y <= knots[i].y);
        }
        given(x <= above);
        PayoffCurve.Curve memory curve = PayoffCurve.Curve(shape, knots);
        assert(PayoffCurve.payoff(curve, x) <= PayoffCurve.payoff(curve, above));
    }
}
