// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProRata} from "settlement/ProRata.sol";
import {Proof} from "./Proof.sol";

contract ProRataProof is Proof {
    function check_perUnit(uint256 amount, uint256 units) external pure {
        (uint256 each, uint256 paid) = ProRata.perUnit(amount, units);
        assert(paid <= amount && amount - paid < units);
        unchecked {
            assert(paid == each * units);
        }
    }

    function check_scalesDown(int256 amount, uint256 units, uint256 ofUnits) external pure {
        given(amount >= 0);
        int256 scaled = ProRata.scale(amount, units, ofUnits);
        uint256 exact = uint256(amount) * units;
        assert(scaled >= 0);
        uint256 back = uint256(scaled) * ofUnits;
        assert(back <= exact && exact - back < ofUnits);
    }
}
