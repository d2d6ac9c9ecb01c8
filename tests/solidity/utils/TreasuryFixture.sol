// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KpiPayment} from "../../../contracts/instruments/KpiPayment.sol";
import {IDealFactory} from "../../../contracts/interfaces/IDealFactory.sol";
import {HoldingPolicy} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {ISale} from "../../../contracts/interfaces/ISale.sol";
import {IRevenueTreasury} from "../../../contracts/interfaces/IRevenueTreasury.sol";
import {ISecurityToken} from "../../../contracts/interfaces/ISecurityToken.sol";
import {Offering} from "../../../contracts/market/Offering.sol";
import {RevenueTreasury} from "../../../contracts/spv/RevenueTreasury.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {PaymentFixture} from "./PaymentFixture.sol";

/// @param payment without `oracle` and feeds, and `payee`, the treasury
/// @param kpiPolicy, valuePolicy without `deal` and `consumers`; the second is of the close-out rule ModelValue
struct SwapTerms {
    bytes32 termsHash;
    IKpiPayment.Terms payment;
    IKpiOracle.FeedConfig kpiPolicy;
    IKpiOracle.FeedConfig valuePolicy;
}

/// @notice The project's side of it.
struct ProjectTerms {
    string name;
    string symbol;
    address registry;
    address agent;
    HoldingPolicy policy;
    address issuer;
    uint128 unitPrice;
    uint64 softCap;
    uint64 hardCap;
    uint64 opens;
    uint64 closes;
    address operator;
    address lender;
    IRevenueTreasury.Period[] periods;
}

/// @notice A project of awkward numbers on {PaymentFixture}'s swap, of limited recourse: 613 units at 1,003; six quarters, the
/// swap has five; operating cost 3,001 and one more each quarter, debt service 2,003 and two less each quarter.
abstract contract TreasuryFixture is PaymentFixture {
    uint256 internal constant UNITS = 613;
    uint256 internal constant QUARTERS = 6;
    uint96 internal constant COST = 3_001;
    uint96 internal constant DEBT = 2_003;
    address internal constant OPERATOR = address(0x09E4A704);
    address internal constant LENDER = address(0x1E4DE4);

    address internal treasuryCode;
    RevenueTreasury internal treasury;

    function deployTreasuryRooms() internal {
        deployPaymentRooms();
        treasuryCode = address(new RevenueTreasury());
    }

    function deployProject(SwapTerms memory s, ProjectTerms memory p) internal {
        bytes memory anchors = anchorsOf(p.registry, p.policy, s.payment.currency, p.agent, s.termsHash);
        token = SecurityToken(placeOf(address(this), s.termsHash, "token", tokenCode, anchors));
        treasury = RevenueTreasury(placeOf(address(this), s.termsHash, "treasury", treasuryCode, ""));
        offering = Offering(placeOf(address(this), s.termsHash, "offering", offeringCode, ""));
        payment = KpiPayment(placeOf(address(this), s.termsHash, "swap", implementation, ""));
        bool byModel = s.payment.closeOutRule == IKpiPayment.CloseOutRule.ModelValue;
        IKpiOracle.FeedConfig[] memory policies = new IKpiOracle.FeedConfig[](byModel ? 2 : 1);
        policies[0] = s.kpiPolicy;
        if (byModel) policies[1] = s.valuePolicy;
        (IDealFactory.Call[] memory calls, bytes32[] memory feeds) = feedCalls(policies, s.termsHash, address(payment));
        (feed, valueFeed) = (feeds[0], byModel ? feeds[1] : bytes32(0));
        IDealFactory.Part[] memory parts = new IDealFactory.Part[](4);
        bytes memory begin =
            abi.encodeCall(ISecurityToken.initialize, (p.name, p.symbol, address(offering), address(treasury)));
        parts[0] = IDealFactory.Part("token", tokenCode, anchors, begin);
        parts[1] = IDealFactory.Part("offering", offeringCode, "", abi.encodeCall(Offering.initialize, (saleOf(s, p))));
        parts[2] = IDealFactory.Part("swap", implementation, "", abi.encodeCall(KpiPayment.initialize, (swapOf(s))));
        parts[3] =
            IDealFactory.Part("treasury", treasuryCode, "", abi.encodeCall(RevenueTreasury.initialize, (spvOf(s, p))));
        factory.deploy(s.termsHash, calls, parts);
        currency.approve(address(payment), type(uint256).max);
        currency.approve(address(treasury), type(uint256).max);
    }

    function swapOf(SwapTerms memory s) private view returns (IKpiPayment.Terms memory t) {
        t = s.payment;
        (t.oracle, t.feed, t.valueFeed) = (address(oracle), feed, valueFeed);
        (t.payee, t.payeeStarts) = (address(treasury), true);
    }

    function spvOf(SwapTerms memory s, ProjectTerms memory p) private view returns (IRevenueTreasury.Terms memory t) {
        (t.token, t.currency, t.offering) = (address(token), s.payment.currency, address(offering));
        (t.swap, t.operator, t.lender, t.periods) = (address(payment), p.operator, p.lender, p.periods);
    }

    function saleOf(SwapTerms memory s, ProjectTerms memory p) private view returns (ISale.Terms memory o) {
        (o.token, o.servicer, o.currency, o.issuer) = (address(token), address(treasury), s.payment.currency, p.issuer);
        (o.unitPrice, o.softCap, o.hardCap, o.opens, o.closes) = (p.unitPrice, p.softCap, p.hardCap, p.opens, p.closes);
        o.parties = new address[](5);
        (o.parties[0], o.parties[1], o.parties[2]) = (p.issuer, p.agent, s.payment.payer);
        (o.parties[3], o.parties[4]) = (p.operator, p.lender);
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

    function swapTerms() internal view returns (SwapTerms memory s) {
        s.termsHash = keccak256("project of awkward numbers");
        s.payment = paymentTerms();
        s.payment.limitedRecourse = true;
        s.payment.requiredCollateral = [PAYER_MARGIN, 0];
        s.kpiPolicy = kpiFeed(address(1));
        s.valuePolicy = modelFeed(address(1));
    }

    function projectTerms() internal pure returns (ProjectTerms memory p) {
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
        ProjectTerms memory project = projectTerms();
        project.registry = address(registry);
        deployProject(swapTerms(), project);
    }

    // ---------------------------------------------------------------- steps

    function earn(uint256 amount) internal {
        currency.mint(address(this), amount);
        treasury.receiveRevenue("power", amount);
    }
}
