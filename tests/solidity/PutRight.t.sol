// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC7943Fungible} from "../../contracts/interfaces/IERC7943Fungible.sol";
import {IPutRight} from "../../contracts/interfaces/IPutRight.sol";
import {ISecurityToken} from "../../contracts/interfaces/ISecurityToken.sol";
import {PutRight} from "../../contracts/market/PutRight.sol";
import {FeeCurrency} from "../../contracts/testing/FeeCurrency.sol";
import {ReentrantCurrency} from "../../contracts/testing/ReentrantCurrency.sol";
import {TestCurrency} from "../../contracts/testing/TestCurrency.sol";
import {PutFixture} from "./utils/PutFixture.sol";

/// @notice Every branch of PutRight.tree.
contract PutRightTest is PutFixture {
    event PutExercised(address indexed holder, uint256 indexed date, uint256 units, uint256 paid);
    event PutDishonoured(uint256 indexed date, uint256 units);

    uint256 private constant NONE = type(uint256).max;

    function setUp() external {
        begin(new TestCurrency("Test dollar", "TUSD", 6), false);
    }

    /// @dev Ada has 100 units and Ben 50; one coupon of the two was paid, and notice is open.
    function begin(TestCurrency currency_, bool ahead) private {
        deploy(currency_, ahead);
        token.mint(ADA, 100);
        token.mint(BEN, 50);
        distribute(COUPON);
        vm.warp(OPENS);
    }

    function settled() private {
        vm.warp(SETTLES);
        distribute(COUPON);
    }

    function noticed(uint256 ofAda, uint256 ofBen) private {
        giveNotice(ADA, ofAda);
        giveNotice(BEN, ofBen);
    }

    function with(bytes4 error, uint256 a) private pure returns (bytes memory) {
        return abi.encodeWithSelector(error, a);
    }

    function with(bytes4 error, uint256 a, uint256 b) private pure returns (bytes memory) {
        return abi.encodeWithSelector(error, a, b);
    }

    function notNow(uint256 from, uint256 until) private {
        refuses(with(IPutRight.PutRight_NotNow.selector, from, until));
    }

    function notLeft(uint256 units, uint256 left) private {
        refuses(with(IPutRight.PutRight_UnitsNotLeft.selector, units, left));
    }

    function wealth(address who) private view returns (uint256) {
        return currency.balanceOf(who) + token.claimable(who);
    }

    function money() private view returns (uint256) {
        return put.standingOf(0).money;
    }

    // ---------------------------------------------------------------- initialize

    function test_initialize_onceAndOnlyValidTerms() external {
        IPutRight.Terms memory t = put.terms();
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        put.initialize(t);
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        code.initialize(t);
        t.dates = new IPutRight.Date[](0);
        invalid(t, "number of dates");
        t.dates = new IPutRight.Date[](65);
        invalid(t, "number of dates");
        t = termsOf(false);
        t.writer = address(0);
        invalid(t, "no writer");
        t = termsOf(false);
        t.currency = address(registry);
        invalid(t, "not the token's currency");
        t = termsOf(false);
        (t.dates[1].price, t.dates[1].earned) = (0, 0);
        invalid(t, "price zero");
        for (uint256 i = 0; i < 3; ++i) {
            t = termsOf(false);
            if (i == 0) t.dates[1].closes = t.dates[1].opens;
            if (i == 1) t.dates[1].closes = t.dates[1].settles + 1;
            if (i == 2) t.dates[1].ends = t.dates[1].settles;
            invalid(t, "order of times");
        }
    }

    function invalid(IPutRight.Terms memory t, string memory what) private {
        PutRight made = fresh();
        refuses(abi.encodeWithSelector(IPutRight.PutRight_InvalidTerms.selector, what));
        made.initialize(t);
    }

    // ---------------------------------------------------------------- giveNotice and lapse

    function test_giveNotice_inItsTimeAndOfOwnUnits() external {
        vm.warp(OPENS - 1);
        notNow(OPENS, CLOSES);
        giveNotice(ADA, 1);
        vm.warp(CLOSES);
        notNow(OPENS, CLOSES);
        giveNotice(ADA, 1);
        vm.warp(CLOSES - 1);
        refuses(with(IPutRight.PutRight_NoSuchDate.selector, 2));
        put.giveNotice(2, 1);
        refuses(with(IPutRight.PutRight_UnitsHeld.selector, 101, 100));
        giveNotice(ADA, 101);
        token.mint(WRITER, 10);
        refuses(abi.encodeWithSelector(IPutRight.PutRight_IsWriter.selector, WRITER));
        giveNotice(WRITER, 10);
    }

    function test_giveNotice_standsInPlaceOfTheOneBefore() external {
        giveNotice(ADA, 100);
        giveNotice(ADA, 40);
        eq(put.standingOf(0).noticed, 40, "noticed");
        giveNotice(BEN, 50);
        eq(put.standingOf(0).noticed, 90, "noticed");
        giveNotice(ADA, 0);
        eq(put.standingOf(0).noticed, 50, "taken back");
        eq(token.balanceOf(ADA), 100, "nothing moves");
    }

    /// @dev Whoever gives notice, hands the units on and gives notice of them again has it once: anybody cuts what is not
    /// backed, and nobody else's.
    function test_lapse_theSameUnitsCountOnce() external {
        giveNotice(ADA, 100);
        vm.prank(ADA);
        token.transfer(CLEO, 100);
        giveNotice(CLEO, 100);
        giveNotice(BEN, 50);
        vm.warp(SETTLES - 1);
        refuses(with(IPutRight.PutRight_UnitsHeld.selector, 49, 50));
        put.lapse(0, BEN, 49);
        refuses(with(IPutRight.PutRight_NothingLapses.selector, 100, 100));
        put.lapse(0, ADA, 100);
        put.lapse(0, ADA, 0);
        eq(put.standingOf(0).noticed, 150, "as many as there are");
        fund(75 * (PRICE + COUPON)); // the coupon is not paid yet
        vm.warp(SETTLES);
        notLeft(1, 0);
        exercise(ADA, 1);
        eq(put.leftOf(0, CLEO), 50, "half");
        eq(put.leftOf(0, BEN), 25, "half");
    }

    function test_lapse_notOnceUnitsCanBeSold() external {
        noticed(100, 50);
        vm.prank(ADA);
        token.transfer(CLEO, 60);
        vm.warp(SETTLES);
        notNow(OPENS, SETTLES);
        put.lapse(0, ADA, 40);
        fund(150 * PRICE);
        distribute(COUPON);
        // What is gone cannot be sold; the rest can, in parts.
        refuses(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ADA, 40, 41));
        exercise(ADA, 41);
        exercise(ADA, 40);
        exercise(BEN, 50);
        vm.warp(ENDS);
        eq(put.returnMoney(0), 60 * PRICE, "what is not needed");
    }

    // ---------------------------------------------------------------- fund

    function test_fund_untilItEndsByAnybody() external {
        currency.mint(CLEO, 10);
        vm.prank(CLEO);
        put.fund(0, 10);
        eq(money(), 10, "money");
        vm.warp(ENDS);
        notNow(0, ENDS);
        fund(1);
        eq(put.returnMoney(0), 10, "the writer's");
    }

    function test_fund_exactly() external {
        begin(new FeeCurrency(6), false);
        refuses(with(IPutRight.PutRight_NotExact.selector, 99, 100));
        fund(100);
    }

    // ---------------------------------------------------------------- exercise

    function test_exercise_unitsAgainstMoney() external {
        noticed(100, 50);
        vm.warp(CLOSES);
        fund(150 * PRICE);
        settled();
        vm.expectEmit(address(put));
        emit PutExercised(ADA, 0, 60, 60 * PRICE);
        eq(exercise(ADA, 60), 60 * PRICE, "paid");
        notLeft(41, 40);
        exercise(ADA, 41);
        notLeft(0, 40);
        exercise(ADA, 0);
        exercise(ADA, 40);
        exercise(BEN, 50);
        eq(token.balanceOf(WRITER), 150, "units");
        eq(currency.balanceOf(ADA), 100 * PRICE, "money");
        eq(currency.balanceOf(address(put)), 0, "nothing stays");
        eq(token.balanceOf(address(put)), 0, "nothing stays");
    }

    function test_exercise_inItsTime() external {
        noticed(100, 50);
        fund(150 * (PRICE + COUPON));
        vm.warp(SETTLES - 1);
        notNow(SETTLES, ENDS);
        exercise(ADA, 1);
        vm.warp(ENDS);
        notNow(SETTLES, ENDS);
        exercise(ADA, 1);
        vm.warp(ENDS - 1);
        exercise(ADA, 1);
        notLeft(1, 0);
        exercise(CLEO, 1);
    }

    /// @dev Law 5: whoever comes first, and whoever comes again, sells its part and no more.
    function testFuzz_exercise_thatIsShortSharesEqually(uint256 ofAda, uint256 ofBen, uint256 short, uint256 order)
        external
    {
        (ofAda, ofBen) = (bound(ofAda, 1, 100), bound(ofBen, 1, 50));
        noticed(ofAda, ofBen);
        uint256 all = (ofAda + ofBen) * PRICE;
        uint256 given = bound(short, 0, all);
        fund(given);
        settled();
        uint256 part = given / PRICE; // in units
        (uint256 adas, uint256 bens) = (ofAda * part / (ofAda + ofBen), ofBen * part / (ofAda + ofBen));
        eq(put.leftOf(0, ADA), adas, "Ada's part");
        eq(put.leftOf(0, BEN), bens, "Ben's part");
        bool first = order % 2 == 0;
        if (first && adas != 0) exercise(ADA, adas);
        eq(put.leftOf(0, BEN), bens, "as before");
        if (bens != 0) exercise(BEN, bens);
        if (!first && adas != 0) exercise(ADA, adas);
        eq(put.leftOf(0, ADA), 0, "all of it");
        // The rest comes late: then all is sold.
        fund(all - given);
        if (ofAda != adas) exercise(ADA, ofAda - adas);
        if (ofBen != bens) exercise(BEN, ofBen - bens);
        eq(currency.balanceOf(ADA), ofAda * PRICE, "money");
        eq(money(), 0, "no more than is needed");
    }

    function test_exercise_oneHolderHindersNoOther() external {
        noticed(100, 50);
        fund(150 * PRICE);
        settled();
        vm.prank(AGENT);
        token.setFrozenTokens(ADA, 100);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943InsufficientUnfrozenBalance.selector, ADA, 100, 0));
        exercise(ADA, 100);
        exercise(BEN, 20);
        registry.revoke(BEN);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotSend.selector, BEN));
        exercise(BEN, 30);
        vm.prank(AGENT);
        token.setFrozenTokens(ADA, 0);
        exercise(ADA, 100);
    }

    // ---------------------------------------------------------------- what a payment changes

    /// @dev Law 5: coupon first, put first, or a gift between: the holder has the same.
    function testFuzz_exercise_itDoesNotMatterWhetherAPaymentComesFirst(uint256 units, uint256 gift) external {
        units = bound(units, 1, 100);
        gift = bound(gift, 0, COUPON);
        noticed(units, 0);
        fund(units * (PRICE + COUPON));
        vm.warp(SETTLES);
        uint256 before = vm.snapshotState();
        exercise(ADA, units);
        distribute(COUPON);
        uint256 putFirst = wealth(ADA);
        uint256 writers = wealth(WRITER) + money();
        vm.revertToState(before);
        distribute(COUPON);
        exercise(ADA, units);
        eq(wealth(ADA), putFirst, "the holder's");
        eq(wealth(WRITER) + money(), writers, "the writer's");
        vm.revertToState(before);
        if (gift != 0) distribute(gift);
        exercise(ADA, units);
        distribute(COUPON - gift + 1); // one more than due, which is what whoever has the unit gets
        eq(wealth(ADA), putFirst + 100 - units, "with a gift of the same");
    }

    /// @dev Late interest, a step-up, a gift before notice: the holder's, and what is due is paid all the same.
    function test_exercise_whatWasEarnedBeyondIsTheHolders() external {
        vm.warp(OPENS - 1);
        distribute(500);
        vm.warp(OPENS);
        noticed(100, 50);
        fund(150 * (PRICE + COUPON));
        vm.warp(SETTLES);
        eq(put.priceOf(0), PRICE + COUPON, "the coupon is missing");
        distribute(COUPON);
        eq(put.priceOf(0), PRICE, "it was paid");
        distribute(500);
        eq(put.priceOf(0), PRICE, "never less");
    }

    /// @dev A writer that pays an old coupon only after notice, and not the new one, has not paid one with the other.
    function test_exercise_whatWasDueBeforeNoticeIsMissingAllTheSame() external {
        deploy(new TestCurrency("Test dollar", "TUSD", 6), false);
        token.mint(ADA, 100);
        vm.warp(OPENS);
        giveNotice(ADA, 100);
        eq(put.priceOf(0), PRICE + 2 * COUPON, "both are missing");
        distribute(COUPON);
        eq(put.priceOf(0), PRICE + COUPON, "one is");
        distribute(COUPON);
        eq(put.priceOf(0), PRICE, "none is");
    }

    function test_exercise_ofATotalPaysWhatIsMissing() external {
        IPutRight.Terms memory t = termsOf(false);
        (t.dates[0].price, t.dates[0].due, t.dates[0].earned) = (0, 0, 1_100);
        put = fresh();
        put.initialize(t);
        allow(ADA);
        allow(WRITER);
        giveNotice(ADA, 100);
        fund(100 * 1_100);
        vm.warp(SETTLES);
        eq(put.priceOf(0), 1_100 - COUPON, "less what was paid");
        exercise(ADA, 50);
        distribute(2_000);
        notLeft(50, 50);
        exercise(ADA, 50);
        eq(put.returnMoney(0), 100 * 1_100 - 50 * (1_100 - COUPON), "no notice needs it");
    }

    function test_exercise_theTokensEndEndsIt() external {
        noticed(100, 50);
        fund(150 * PRICE);
        settled();
        exercise(ADA, 10);
        token.close();
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_Closed.selector));
        exercise(ADA, 10);
        eq(put.returnMoney(0), 140 * PRICE, "all of it");
        refuses(with(IPutRight.PutRight_NotShort.selector, 0));
        put.dishonour(0);
    }

    function test_exercise_aRecoveredHoldingIsTheHeirs() external {
        vm.warp(OPENS - 80 days);
        vm.prank(AGENT);
        token.announceRecovery(ADA, CLEO);
        vm.warp(OPENS);
        giveNotice(ADA, 100); // the key is not lost, or a thief has it
        vm.warp(OPENS + 10 days);
        token.recoverHolding(ADA);
        put.lapse(0, ADA, 0);
        giveNotice(CLEO, 100);
        fund(100 * PRICE);
        settled();
        notLeft(100, 0);
        exercise(ADA, 100);
        exercise(CLEO, 100);
        eq(currency.balanceOf(CLEO), 100 * PRICE, "the heir's");
    }

    function test_exercise_andACurrencyThatCallsBack() external {
        for (uint256 moment = 1; moment < 3; ++moment) {
            ReentrantCurrency loop = new ReentrantCurrency(6);
            begin(loop, false);
            noticed(100, 50);
            fund(150 * PRICE);
            settled();
            bytes[] memory calls = new bytes[](3);
            calls[0] = abi.encodeCall(IPutRight.exercise, (0, 1));
            calls[1] = abi.encodeCall(IPutRight.returnMoney, (0));
            calls[2] = abi.encodeCall(IPutRight.dishonour, (0));
            for (uint256 i = 0; i < 3; ++i) {
                loop.arm(ReentrantCurrency.Moment(moment), address(put), calls[i]);
                exercise(ADA, 10);
                isTrue(loop.attacked(), "attacked");
                eq(loop.balanceOf(address(put)), money(), "kept");
            }
            eq(money(), 120 * PRICE, "money");
        }
    }

    // ---------------------------------------------------------------- dishonour

    function test_dishonour_onceAndForGood() external {
        noticed(100, 50);
        fund(149 * PRICE);
        vm.warp(SETTLES - 1);
        notNow(SETTLES, ENDS);
        put.dishonour(0);
        settled();
        vm.expectEmit(address(put));
        emit PutDishonoured(0, 1);
        eq(put.dishonour(0), 1, "units");
        fund(PRICE);
        isTrue(put.standingOf(0).dishonoured, "it stands");
        refuses(with(IPutRight.PutRight_NotShort.selector, 0));
        put.dishonour(0);
        exercise(ADA, 100);
        exercise(BEN, 50);
    }

    function test_dishonour_notWhereTheMoneyIsThere() external {
        noticed(100, 50);
        fund(150 * PRICE);
        settled();
        refuses(with(IPutRight.PutRight_NotShort.selector, 0));
        put.dishonour(0);
        vm.warp(ENDS);
        notNow(SETTLES, ENDS);
        put.dishonour(0);
    }

    /// @dev With the money there before notice, nothing that anybody does makes it short.
    function test_dishonour_aheadFromWhenNoticeOpens() external {
        begin(new TestCurrency("Test dollar", "TUSD", 6), true);
        vm.warp(OPENS - 1);
        notNow(OPENS, ENDS);
        put.dishonour(0);
        vm.warp(OPENS);
        fund(149 * (PRICE + COUPON));
        uint256 before = vm.snapshotState();
        eq(put.dishonour(0), 1, "for all units in issue");
        vm.revertToState(before);
        fund(PRICE + COUPON);
        refuses(with(IPutRight.PutRight_NotShort.selector, 0));
        put.dishonour(0);
        noticed(100, 50);
        vm.warp(CLOSES);
        eq(put.returnMoney(0), 0, "all is needed");
        settled();
        eq(put.returnMoney(0), 150 * COUPON, "the coupon is not");
        refuses(with(IPutRight.PutRight_NotShort.selector, 0));
        put.dishonour(0);
        exercise(ADA, 100);
        exercise(BEN, 50);
    }

    // ---------------------------------------------------------------- prolong

    /// @dev Law 5: neither a pause nor a writer who may not hold is a way round the put; it only takes longer.
    function test_prolong_whileSomethingHinders() external {
        noticed(100, 50);
        fund(150 * PRICE);
        settled();
        refuses(with(IPutRight.PutRight_NotHindered.selector, 0));
        put.prolong(0);
        registry.revoke(WRITER);
        refuses(with(IPutRight.PutRight_NotHindered.selector, 0)); // it would be no day longer
        put.prolong(0);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, WRITER));
        exercise(ADA, 1);
        vm.warp(ENDS - 1);
        put.prolong(0);
        eq(put.standingOf(0).ends, ENDS - 1 + 5 days, "anew");
        vm.warp(ENDS + 1);
        eq(put.returnMoney(0), 0, "it is needed");
        admit(WRITER);
        vm.prank(AGENT);
        token.setPaused(true);
        vm.warp(ENDS + 3 days);
        put.prolong(0);
        vm.prank(AGENT);
        token.setPaused(false);
        exercise(ADA, 100);
        exercise(BEN, 50);
        registry.revoke(WRITER);
        vm.warp(ENDS + 7 days);
        refuses(with(IPutRight.PutRight_NotHindered.selector, 0)); // all is sold
        put.prolong(0);
    }

    function test_prolong_notOnceTheTokenHasEnded() external {
        noticed(100, 50);
        fund(150 * PRICE);
        settled();
        token.close();
        vm.warp(ENDS - 1);
        registry.revoke(WRITER);
        refuses(with(IPutRight.PutRight_NotHindered.selector, 0));
        put.prolong(0);
    }

    // ---------------------------------------------------------------- returnMoney

    function test_returnMoney_whatNoNoticeNeeds() external {
        fund(200 * PRICE);
        notNow(CLOSES, NONE);
        put.returnMoney(0);
        noticed(100, 0);
        vm.warp(CLOSES);
        uint256 kept = 100 * (PRICE + COUPON);
        eq(put.returnMoney(0), 200 * PRICE - kept, "more than notices need");
        eq(put.returnMoney(0), 0, "and once");
        settled();
        exercise(ADA, 30);
        vm.warp(ENDS - 1);
        eq(put.returnMoney(0), 100 * COUPON, "the coupon, which was paid");
        vm.warp(ENDS);
        vm.prank(CLEO);
        eq(put.returnMoney(0), 70 * PRICE, "the rest");
        eq(currency.balanceOf(WRITER), 1e9 - 30 * PRICE, "the writer's");
    }

    function test_returnMoney_datesAreApart() external {
        noticed(100, 50);
        vm.prank(WRITER);
        put.fund(1, 150 * PRICE);
        settled();
        eq(put.leftOf(0, ADA), 0, "the other date's money");
        notNow(CLOSES + 365 days, NONE);
        put.returnMoney(1);
    }
}
