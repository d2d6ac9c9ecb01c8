// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {DealFixture} from "./DealFixture.sol";

/// @notice A bond of 613 units of 997, sold and begun: coupons of 10,395 and 10,567 in turn (611,161 x 3.43 % x 181/365
/// and 184/365, rounded down), outcome at most 80,675 (131,607 x 613/1000, rounded down).
abstract contract BondFixture is DealFixture {
    uint256 internal constant UNITS = 613;
    uint256 internal constant PRINCIPAL = 611_161;
    uint256 internal constant COUPON = 10_395;
    uint64 internal constant MATURITY = CLOSES + 4 * HALF_YEAR;

    function setUp() public virtual {
        deployRooms();
        deployDeal(dealTerms());
        vm.warp(OPENS);
        buy(ALICE, 613);
        vm.warp(CLOSES);
        offering.settle();
    }

    function payDate(uint64 i) internal pure returns (uint64) {
        return CLOSES + (i + 1) * HALF_YEAR;
    }

    function payAllCoupons() internal {
        fundBond(50_000);
        for (uint64 i = 0; i < 4; ++i) {
            vm.warp(payDate(i));
            bond.payCoupon();
        }
    }

    /// @dev The fixed outcome of the redemption.
    function outcome() internal view returns (int256) {
        return bond.outcomeOf(4);
    }

    function notFixed(uint256 fixing) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IKpiBond.KpiBond_NotFixed.selector, fixing);
    }

    function reportKpi(int128 value) internal {
        vm.warp(PERIOD_END);
        oracle.submit(feed, 0, 0, unanimous(feed, 0, 0, QUORUM, value));
        vm.warp(PERIOD_END + DISPUTE);
    }

    function goIntoDefault() internal {
        vm.warp(payDate(0) + GRACE + 1);
        bond.declareDefault();
    }

    function wrongState(IKpiBond.State state) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IKpiBond.KpiBond_WrongState.selector, state);
    }

    function isState(IKpiBond.State wanted) internal view {
        eq(uint256(bond.state()), uint256(wanted), "state");
    }
}
