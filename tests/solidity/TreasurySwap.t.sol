// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KpiPayment} from "../../contracts/instruments/KpiPayment.sol";
import {IDealFactory} from "../../contracts/interfaces/IDealFactory.sol";
import {HoldingPolicy} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../../contracts/interfaces/IKpiPayment.sol";
import {ISale} from "../../contracts/interfaces/ISale.sol";
import {ISecurityToken} from "../../contracts/interfaces/ISecurityToken.sol";
import {ITreasury} from "../../contracts/interfaces/ITreasury.sol";
import {Offering} from "../../contracts/market/Offering.sol";
import {Waterfall} from "../../contracts/settlement/Waterfall.sol";
import {SwapLegs} from "../../contracts/spv/SwapLegs.sol";
import {Treasury} from "../../contracts/spv/Treasury.sol";
import {WaterfallEngine} from "../../contracts/spv/WaterfallEngine.sol";
import {WaterfallTerms} from "../../contracts/spv/WaterfallTerms.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {PaymentFixture} from "./utils/PaymentFixture.sol";

/// @notice A vehicle on {PaymentFixture}'s swap, of limited recourse: 613 units at 1,003; six quarters, each due a day after the
/// swap's pay date, which has five; cost of 3,001, then the swap, then the units. Line 0 is power, line 1 the swap.
/// Registers: 0 cash, 1 cost, 2 the swap, 3 units; 4 to 6 dues; 7, 8 lines, 9 owed on the swap, 10 cost.
contract TreasurySwapTest is PaymentFixture {
    uint64 private constant UNITS = 613;
    uint256 private constant QUARTERS = 6;
    int128 private constant COST = 3_001;
    address private constant OPERATOR = address(0x09E4A704);
    uint8 private constant NONE = 255;

    SwapLegs private legs;
    Treasury private treasury;

    function setUp() external {
        deployPaymentRooms();
        legs = new SwapLegs();
        address code = address(new Treasury(new WaterfallTerms(), new WaterfallEngine(), legs));
        bytes32 deal = keccak256("hedged vehicle of awkward numbers");
        HoldingPolicy held = HoldingPolicy.wrap(bytes32(uint256(1 << 1 | 1 << 2)));
        bytes memory anchors = anchorsOf(address(registry), held, address(currency), AGENT, deal);
        token = SecurityToken(placeOf(address(this), deal, "token", tokenCode, anchors));
        treasury = Treasury(placeOf(address(this), deal, "treasury", code, ""));
        offering = Offering(placeOf(address(this), deal, "offering", offeringCode, ""));
        payment = KpiPayment(placeOf(address(this), deal, "swap", implementation, ""));
        IKpiOracle.FeedConfig[] memory policies = new IKpiOracle.FeedConfig[](1);
        policies[0] = kpiFeed(address(1));
        (IDealFactory.Call[] memory calls, bytes32[] memory feeds) = feedCalls(policies, deal, address(payment));
        feed = feeds[0];
        IDealFactory.Part[] memory parts = new IDealFactory.Part[](4);
        parts[0] = IDealFactory.Part(
            "token",
            tokenCode,
            anchors,
            abi.encodeCall(ISecurityToken.initialize, ("Hedged", "HDG", address(offering), address(treasury)))
        );
        parts[1] = IDealFactory.Part("offering", offeringCode, "", abi.encodeCall(Offering.initialize, (saleTerms())));
        parts[2] = IDealFactory.Part("swap", implementation, "", abi.encodeCall(KpiPayment.initialize, (swapTerms())));
        parts[3] = IDealFactory.Part("treasury", code, "", abi.encodeCall(Treasury.initialize, (spvTerms())));
        factory.deploy(deal, calls, parts);
        currency.approve(address(payment), type(uint256).max);
        currency.approve(address(treasury), type(uint256).max);
    }

    // ---------------------------------------------------------------- terms

    function dueOf(uint256 i) private pure returns (uint64) {
        return payDay(i) + 1 days;
    }

    function swapTerms() private view returns (IKpiPayment.Terms memory t) {
        t = paymentTerms();
        (t.oracle, t.feed, t.payee, t.payeeStarts) = (address(oracle), feed, address(treasury), true);
        (t.limitedRecourse, t.requiredCollateral) = (true, [PAYER_MARGIN, 0]);
        t = closedOutBy(IKpiPayment.CloseOutRule.ReplacementCost, t);
    }

    function saleTerms() private view returns (ISale.Terms memory o) {
        (o.token, o.servicer, o.currency, o.issuer) = (address(token), address(treasury), address(currency), ISSUER);
        (o.unitPrice, o.softCap, o.hardCap, o.opens, o.closes) = (UNIT_PRICE, UNITS, UNITS, OPENS, CLOSES);
        o.parties = new address[](1);
        o.parties[0] = ISSUER;
    }

    function spvTerms() private view returns (ITreasury.Terms memory t) {
        t.currency = address(currency);
        t.offerings = new address[](1);
        t.offerings[0] = address(offering);
        t.due = new uint64[](QUARTERS);
        for (uint256 i = 0; i < QUARTERS; ++i) {
            t.due[i] = dueOf(i);
        }
        t.lines = new ITreasury.Line[](2);
        (t.lines[0], t.lines[1]) = (ITreasury.Line("power", address(0)), ITreasury.Line("swap", address(payment)));
        t.payees = new ITreasury.Payee[](3);
        (t.payees[0], t.payees[1]) = (ITreasury.Payee(OPERATOR, 0), ITreasury.Payee(address(payment), 0));
        t.payees[2] = ITreasury.Payee(address(token), UNITS);
        t.numbers = new int128[][](1);
        t.numbers[0] = new int128[](1);
        t.numbers[0][0] = COST;
        t.claims = new ITreasury.Claim[](3);
        t.claims[0] = ITreasury.Claim(10, NONE, true, false, 0);
        t.claims[1] = ITreasury.Claim(9, NONE, false, true, 1);
        t.claims[2] = ITreasury.Claim(NONE, NONE, true, false, 2);
        t.steps = new ITreasury.Step[](3);
        t.swaps = new ITreasury.Swap[](1);
        t.swaps[0] = ITreasury.Swap(1, 1);
        for (uint8 i = 0; i < 3; ++i) {
            (t.steps[i].op, t.steps[i].limit) = (i == 2 ? Waterfall.Op.Rest : Waterfall.Op.Pay, NONE);
            (t.steps[i].weights, t.steps[i].when) = (NONE, Waterfall.When.Always);
            t.steps[i].claims = new uint8[](1);
            t.steps[i].claims[0] = i;
        }
    }

    // ---------------------------------------------------------------- steps

    function begin() private {
        post(PAYER, PAYER_MARGIN);
        sellAll();
        offering.settle();
    }

    function sellAll() private {
        vm.warp(OPENS);
        buy(ALICE, UNITS);
        vm.warp(CLOSES);
    }

    /// @dev Reported so that the swap can settle quarter `i` on its pay date, which it is then.
    function known(uint256 i, int128 revenue) private {
        reportFinal(feed, uint32(i), periodEnd(i), revenue);
        if (block.timestamp < payDay(i)) vm.warp(payDay(i));
    }

    function earn(uint256 amount) private {
        currency.mint(address(this), amount);
        treasury.receiveRevenue("power", amount);
    }

    function _refuses(bytes memory refusal) private {
        vm.expectRevert(refusal);
    }

    // ---------------------------------------------------------------- running

    /// @dev What the swap pays is revenue of its line, cost comes first, and all there is goes to somebody.
    function test_pay_ofWhatTheSwapPays() external {
        begin();
        known(0, 6_000); // 4,007 for the project
        eq(uint256(payment.settle()), 4_007, "settled");
        earn(1_000);
        vm.warp(dueOf(0));
        treasury.pay();
        eq(treasury.incomeOf(0, 1), 4_007, "of its line");
        eq(treasury.creditOf(0), uint128(COST), "cost");
        eq(token.earnedPerUnit(), (1_000 + 4_007 - uint128(COST)) / UNITS, "units");
        eq(payment.accountOf(PAYEE).credit, 0, "collected");
    }

    /// @dev What the vehicle owes is paid at once, after cost and before units, and no more than that.
    function test_pay_whatTheSwapIsOwed() external {
        begin();
        known(0, 12_000); // 1,993 for the provider
        payment.settle();
        earn(uint128(COST) + 1_993 + 50_000);
        vm.warp(dueOf(0));
        uint256 owed = payment.owed(PAYEE);
        isTrue(owed >= 1_993, "with interest");
        treasury.pay();
        eq(payment.owed(PAYEE), 0, "paid");
        eq(payment.accountOf(PAYER).credit, owed, "to the provider");
        eq(treasury.creditOf(1), 0, "not by credit");
        eq(treasury.withdraw(1), 0, "nothing");
    }

    /// @dev Of limited recourse: cost is paid, the swap as far as there is money, units nothing, and the rest goes on being owed.
    function test_pay_theSwapAsFarAsThereIsMoney() external {
        begin();
        known(0, 12_000);
        payment.settle();
        earn(uint128(COST) + 700);
        vm.warp(dueOf(0));
        uint256 owed = payment.owed(PAYEE);
        treasury.pay();
        eq(payment.owed(PAYEE), owed - 700, "still owed");
        eq(token.earnedPerUnit(), 0, "units");
        isTrue(payment.state() == IKpiPayment.State.Active, "no default");
    }

    // ---------------------------------------------------------------- waiting

    function test_pay_notBeforeTheSwapHasSettled() external {
        begin();
        vm.warp(dueOf(0));
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_SwapNotSettled.selector, address(payment), 0));
        treasury.pay();
    }

    /// @dev Not while a provider that is short may still pay: until its cure period is over, and it is closed out.
    function test_pay_notWhileTheProviderOwes() external {
        begin();
        known(0, 0);
        payment.settle();
        uint256 owed = payment.owed(PAYER);
        eq(owed, uint128(FIXED) - PAYER_MARGIN, "more than its collateral");
        vm.warp(dueOf(0));
        _refuses(
            abi.encodeWithSelector(ITreasury.Treasury_ProviderOwes.selector, address(payment), payment.owed(PAYER))
        );
        treasury.pay();
        payment.callMargin(PAYER);
        vm.warp(payment.accountOf(PAYER).deadline + 1);
        treasury.pay();
        eq(treasury.incomeOf(0, 1), PAYER_MARGIN, "what there was");
        known(1, 0);
        vm.warp(dueOf(1));
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_SwapNotSettled.selector, address(payment), 1));
        treasury.pay();
        payment.settle();
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_SwapNotClosedOut.selector, address(payment)));
        treasury.pay();
        payment.closeOut();
        treasury.pay();
        eq(treasury.incomeOf(1, 1), 0, "nothing came");
        // Paid late, it is revenue of the period that is run then.
        post(PAYER, payment.owed(PAYER));
        vm.warp(dueOf(2));
        treasury.pay();
        isTrue(treasury.incomeOf(2, 1) > owed + uint128(FIXED), "with damages and interest");
    }

    function test_pay_aCallThatSaysNothingIsNoAnswer() external {
        begin();
        known(0, 6_000);
        payment.settle();
        payment.callMargin(PAYER);
        vm.warp(payment.accountOf(PAYER).deadline + 1);
        vm.mockCallRevert(address(payment), abi.encodeWithSelector(IKpiPayment.closeOut.selector), "");
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_SwapNotClosedOut.selector, address(payment)));
        treasury.pay();
        vm.clearMockedCalls();
    }

    // ---------------------------------------------------------------- choosing the moment

    /// @dev A quarter that is run late, when the swap has settled the next one, is not paid of that one's money: nobody below
    /// the next quarter's cost gains by the delay. In time anybody can run it alone.
    function test_pay_late_isNotPaidOfTheNextQuartersMoney() external {
        begin();
        post(PAYER, 10_000);
        known(0, 6_000);
        payment.settle();
        known(1, 4_000);
        payment.settle();
        vm.warp(dueOf(1));
        treasury.pay();
        eq(treasury.incomeOf(0, 1), 0, "none of it");
        eq(treasury.incomeOf(1, 1), 4_007 + 6_008, "of the next one"); // a unit more each quarter
        eq(token.earnedPerUnit(), 0, "units");
        treasury.pay();
        eq(treasury.creditOf(0), 2 * uint128(COST), "cost of both");
        eq(token.earnedPerUnit(), (4_007 + 6_008 - 2 * uint128(COST)) / UNITS, "then units");
    }

    /// @dev Else anybody could have it arrive as money that was simply sent, which counts for the period after.
    function test_pay_nobodyElseHasTheSwapPayTheTreasury() external {
        begin();
        known(0, 6_000);
        payment.settle();
        _refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotParty.selector, OPERATOR));
        vm.prank(OPERATOR);
        payment.withdraw(PAYEE);
        vm.warp(dueOf(0));
        treasury.pay();
        eq(treasury.incomeOf(0, 1), 4_007, "of its own period");
    }

    function test_receiveRevenue_ofTheSwapsLineByNobodyElse() external {
        begin();
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NotPayer.selector, address(this), address(payment)));
        treasury.receiveRevenue("swap", 1);
    }

    /// @dev The swap does not begin without the provider's collateral, and so nothing does; what was paid in for the project
    /// goes back with all that was sent.
    function test_activate_notWithoutTheProvider() external {
        post(PAYEE, 777);
        sellAll();
        _refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotCollateralised.selector, PAYER));
        offering.settle();
        vm.warp(CLOSES + 31 days);
        eq(treasury.returnMoney(0), 777, "to the issuer");
        eq(currency.balanceOf(ISSUER), 777, "there");
    }

    /// @dev To the end, whatever is reported: all money that came in went out or is held for somebody.
    function testFuzz_pay_moneyIsConserved(uint256 dice) external {
        begin();
        uint256 inflow;
        for (uint256 i = 0; i < QUARTERS; ++i) {
            if (i < PERIODS) {
                known(i, int128(int256((dice >> 16 * i) % 16_000)));
                if (payment.state() == IKpiPayment.State.Active) payment.settle();
                uint256 short = payment.owed(PAYER);
                if (short != 0) post(PAYER, short + PAYER_MARGIN);
                inflow += short == 0 ? 0 : short + PAYER_MARGIN;
            }
            earn((dice >> 96 + 16 * i) % 9_000);
            inflow += (dice >> 96 + 16 * i) % 9_000;
            vm.warp(dueOf(i));
            treasury.pay();
        }
        isTrue(treasury.state() == ITreasury.State.Closed, "closed");
        treasury.withdraw(0);
        payment.withdraw(PAYER);
        uint256 held = currency.balanceOf(address(treasury)) + currency.balanceOf(address(payment));
        uint256 out = currency.balanceOf(OPERATOR) + currency.balanceOf(HEDGER) + currency.balanceOf(address(token));
        eq(held + out, inflow + PAYER_MARGIN, "conserved");
        isTrue(held < UNITS + payment.accountOf(PAYER).balance + 1, "nothing is kept but dust");
    }

    // ---------------------------------------------------------------- terms that are refused

    function test_check_whatItAsksOfASwap() external {
        vm.startPrank(address(treasury));
        legs.check(address(payment), address(currency), spvTerms().due);
        vm.stopPrank();
        _invalid(address(this), swapTerms(), spvTerms().due, "not the payee of the swap");
        IKpiPayment.Terms memory t = swapTerms();
        t.currency = address(1);
        _invalid(address(treasury), t, spvTerms().due, "swap in another currency");
        t = swapTerms();
        t.payeeStarts = false;
        _invalid(address(treasury), t, spvTerms().due, "anyone starts the swap");
        t = swapTerms();
        t.limitedRecourse = false;
        _invalid(address(treasury), t, spvTerms().due, "swap of full recourse");
        t = swapTerms();
        t.requiredCollateral[1] = 1;
        _invalid(address(treasury), t, spvTerms().due, "swap asks for collateral");
        t = swapTerms();
        t.periods[PERIODS - 1].payDate = dueOf(QUARTERS - 1) + 1;
        _invalid(address(treasury), t, spvTerms().due, "swap outlives the treasury");
        t = swapTerms();
        t.curePeriod = uint32(payDay(1) - payDay(0));
        _invalid(address(treasury), t, spvTerms().due, "still waits when the swap settles again");
        // Of a treasury that waits for both, the first one's provider holds nothing up.
        uint64[] memory due = new uint64[](1);
        due[0] = dueOf(QUARTERS - 1);
        vm.mockCall(address(payment), abi.encodeWithSelector(IKpiPayment.terms.selector), abi.encode(t));
        vm.prank(address(treasury));
        legs.check(address(payment), address(currency), due);
    }

    function _invalid(address by, IKpiPayment.Terms memory t, uint64[] memory due, string memory what) private {
        vm.mockCall(address(payment), abi.encodeWithSelector(IKpiPayment.terms.selector), abi.encode(t));
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_InvalidTerms.selector, what));
        vm.prank(by);
        legs.check(address(payment), address(currency), due);
        vm.clearMockedCalls();
    }

    function test_terms_ofALegThatIsNone() external {
        WaterfallTerms checks = treasury.CHECKS();
        ITreasury.Terms memory t = spvTerms();
        t.swaps[0].line = 0;
        _unsound(checks, t, "swap is not the line's payer");
        t = spvTerms();
        t.swaps[0].line = 2;
        _unsound(checks, t, "no such leg");
        t = spvTerms();
        t.swaps[0].payee = 3;
        _unsound(checks, t, "no such payee");
        t = spvTerms();
        t.swaps[0].payee = 2;
        _unsound(checks, t, "no such leg");
        bytes32 given = keccak256(abi.encode(spvTerms()));
        isTrue(keccak256(abi.encode(treasury.terms())) == given, "those given");
    }

    function _unsound(WaterfallTerms checks, ITreasury.Terms memory t, string memory what) private {
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_InvalidTerms.selector, what));
        checks.keep(t);
    }
}
