// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Accrual} from "settlement/Accrual.sol";
import {Proof} from "./Proof.sol";

contract AccrualProof is Proof {
    /// @dev The payer keeps the remainder, and it is below one minor unit.
    function check_interest(uint256 principal, uint256 rate, uint256 numerator, uint256 denominator) external pure {
        uint256 interest = Accrual.interest(principal, rate, numerator, denominator);
        uint256 exact = principal * rate * numerator;
        uint256 year = 1e18 * denominator;
        assert(interest * year <= exact && exact - interest * year < year);
    }

    function check_rises(uint256 principal, uint256 more, uint256 rate, uint256 numerator, uint256 denominator)
        external
        pure
    {
        given(principal <= more);
        uint256 larger = Accrual.interest(more, rate, numerator, denominator);
        assert(Accrual.interest(principal, rate, numerator, denominator) <= larger);
    }
}
