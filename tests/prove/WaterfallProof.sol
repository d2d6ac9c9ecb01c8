// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Waterfall} from "settlement/Waterfall.sol";
import {Proof} from "./Proof.sol";

/// @custom:halmos --default-array-lengths 0,1,2,3,4,5,6 --panic-error-codes * --solver yices --solver-timeout-branching 1ms
contract WaterfallProof is Proof {
    function check_conservation(uint256 available, uint256[] memory needs) external pure {
        (uint256[] memory paid, uint256 sum) = Waterfall.allocate(available, needs);
        for (uint256 i = 0; i < paid.length; ++i) {
            sum += paid[i];
        }
        assert(sum == available);
    }

    function check_needs(uint256 available, uint256[] memory needs) external pure {
        (uint256[] memory paid,) = Waterfall.allocate(available, needs);
        for (uint256 i = 0; i < needs.length; ++i) {
            assert(paid[i] <= needs[i]);
        }
    }
}
