// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SwapFactory} from "../../../contracts/SwapFactory.sol";
import {KpiPayment} from "../../../contracts/instruments/KpiPayment.sol";
import {HoldingPolicy} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {IRevenueTreasury} from "../../../contracts/interfaces/IRevenueTreasury.sol";
import {ISwapFactory} from "../../../contracts/interfaces/ISwapFactory.sol";
import {Offering} from "../../../contracts/market/Offering.sol";
import {RevenueTreasury} from "../../../contracts/spv/RevenueTreasury.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {PaymentFixture} from "./PaymentFixture.sol";

/// @notice A project of awkward numbers on {PaymentFixture}'s swap, of limited recourse: 613 units at 1,003; six quarters, the
/// swap has five; operating cost 3,001 and one more each quarter, debt service 2,003 and two less each quarter.
abstract contract TreasuryFixture is PaymentFixture {
    uint256 internal constant UNITS = 613;
    uint256 internal constant QUARTERS = 6;
    uint96 internal constant COST = 3_001;
    uint96 internal constant DEBT = 2_003;
    address internal constant OPERATOR = address(0x09E4A704);
    address internal constant LENDER = address(0x1E4DE4);

    SwapFactory internal swapFactory;
    RevenueTreasury internal treasury;

    function deployTreasuryRooms() internal {
        deployPaymentRooms();
        swapFactory = new SwapFactory(
            address(new SecurityToken()),
            address(new RevenueTreasury()),
            address(new Offering()),
            implementation,
            address(oracle)
        );
    }

    function deployProject(ISwapFactory.SwapTerms memory swap, ISwapFactory.ProjectTerms memory project) internal {
        ISwapFactory.Deal memory deal = swapFactory.deployProject(swap, project);
        token = SecurityToken(deal.token);
        treasury = RevenueTreasury(deal.treasury);
        offering = Offering(deal.offering);
        payment = KpiPayment(deal.swap);
        (feed, valueFeed) = (deal.feed, deal.valueFeed);
        currency.approve(address(payment), type(uint256).max);
        currency.approve(address(treasury), type(uint256).max);
    }

    /// @dev The provider has posted its collateral, so the treasury and its swap begin.
    function sellProject() internal {
        post(PAYER, PAYER_MARGIN);
        vm.warp(OPENS);
        buy(ALICE, 300);
        buy(BOB, 213);
        buy(CAROL, 100);
        vm.warp(CLOSES);
        offering.settle();
    }

    // ---------------------------------------------------------------- terms

    function costOf(uint256 i) internal pure returns (uint96) {
        return COST + uint96(i);
    }

    function debtOf(uint256 i) internal pure returns (uint96) {
        return DEBT - 2 * uint96(i);
    }

    /// @dev A day after the swap's, which has one period less.
    function payDateOf(uint256 i) internal pure returns (uint64) {
        return payDay(i) + 1 days;
    }

    function swapTerms() internal view returns (ISwapFactory.SwapTerms memory s) {
        s.termsHash = keccak256("project of awkward numbers");
        s.payment = paymentTerms();
        s.payment.limitedRecourse = true;
        s.payment.requiredCollateral = [PAYER_MARGIN, 0];
        s.kpiPolicy = kpiFeed(address(1));
        s.valuePolicy = modelFeed(address(1));
    }

    function projectTerms() internal pure returns (ISwapFactory.ProjectTerms memory p) {
        p.name = "Awkward Wind";
        p.symbol = "AWW";
        p.agent = AGENT;
        p.policy = HoldingPolicy.wrap(bytes32(uint256(1 << 1 | 1 << 2)));
        p.issuer = ISSUER;
        p.unitPrice = UNIT_PRICE;
        p.softCap = SOFT_CAP;
        p.hardCap = HARD_CAP;
        p.opens = OPENS;
        p.closes = CLOSES;
        p.operator = OPERATOR;
        p.lender = LENDER;
        p.periods = new IRevenueTreasury.Period[](QUARTERS);
        for (uint256 i = 0; i < QUARTERS; ++i) {
            p.periods[i] = IRevenueTreasury.Period(payDateOf(i), costOf(i), debtOf(i));
        }
    }

    function standardProject() internal {
        deployTreasuryRooms();
        ISwapFactory.ProjectTerms memory project = projectTerms();
        project.registry = address(registry);
        deployProject(swapTerms(), project);
    }

    // ---------------------------------------------------------------- steps

    function earn(uint256 amount) internal {
        currency.mint(address(this), amount);
        treasury.receiveRevenue("power", amount);
    }
}
