// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Waterfall} from "settlement/Waterfall.sol";
import {Proof} from "./Proof.sol";

/// @notice How a step shares what it may spend among its claims.
/// @custom:halmos --default-array-lengths 0,1,2,3,4,5,6 --panic-error-codes * --solver-timeout-branching 20ms
contract WaterfallAllotProof is Proof {
    /// @dev In sequence, a later need gets nothing before the earlier ones are met.
    function check_inSequence(uint256 budget, uint256[] memory needs) external pure {
        uint256[] memory paid = _allots(budget, needs, Waterfall.Order.Sequence);
        bool ok = true;
        bool met = true;
        for (uint256 i = 0; i < needs.length; ++i) {
            ok = both(ok, either(met, paid[i] == 0));
            met = both(met, paid[i] == needs[i]);
        }
        assert(ok);
    }

    /// @custom:halmos --default-array-lengths 0,1,2,3
    function check_proRata(uint256 budget, uint256[] memory needs) external pure {
        _allots(budget, needs, Waterfall.Order.ProRata);
    }

    /// @dev Whatever the order, no need gets more than it is, and all is spent unless all needs are met.
    function _allots(uint256 budget, uint256[] memory needs, Waterfall.Order order)
        private
        pure
        returns (uint256[] memory paid)
    {
        given(budget <= Waterfall.MOST);
        for (uint256 i = 0; i < needs.length; ++i) {
            given(needs[i] <= Waterfall.MOST);
        }
        paid = Waterfall.allot(budget, needs, order, new uint256[](0));
        unchecked {
            (bool ok, uint256 spent, uint256 needed) = (true, 0, 0);
            for (uint256 i = 0; i < needs.length; ++i) {
                ok = both(ok, paid[i] <= needs[i]);
                (spent, needed) = (spent + paid[i], needed + needs[i]);
            }
            assert(both(ok, isLeast(spent, budget, needed)));
        }
    }
}
