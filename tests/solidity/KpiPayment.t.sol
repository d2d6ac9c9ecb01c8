// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../../contracts/interfaces/IKpiPayment.sol";
import {KpiPayment} from "../../contracts/instruments/KpiPayment.sol";
import {PaymentFixture} from "./utils/PaymentFixture.sol";

/// @notice The branches of KpiPayment.tree, but for initialize.
contract KpiPaymentTest is PaymentFixture {
    function setUp() public {
        deployPaymentRooms();
        freshPayment();
        launchPayment(paymentTerms(), 20_000, 4_000);
    }

    // ---------------------------------------------------------------- activate

    function test_activate_needsBothSidesCollateral() external {
        deployPayment();
        isState(IKpiPayment.State.Agreed);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotCollateralised.selector, PAYER));
        payment.activate();
        post(PAYER, PAYER_MARGIN);
        post(PAYEE, PAYEE_MARGIN - 1);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotCollateralised.selector, PAYEE));
        payment.activate();
        bytes memory agreed = wrongState(IKpiPayment.State.Agreed);
        refuses(agreed);
        payment.callMargin(PAYEE);
        refuses(agreed);
        payment.settle();
        refuses(agreed);
        payment.closeOut();
        vm.prank(HEDGER);
        refuses(agreed);
        payment.proposeTermination(0, type(uint64).max);
        post(PAYEE, 1);
        vm.prank(STRANGER);
        payment.activate();
        isState(IKpiPayment.State.Active);
        refuses(wrongState(IKpiPayment.State.Active));
        payment.activate();
    }

    function test_activate_nobodyIsBoundUntilBothAre() external {
        deployPayment();
        post(PAYER, PAYER_MARGIN + 1);
        eq(payment.withdraw(PAYER), 0, "not for a stranger");
        eq(payment.withdrawable(PAYER), PAYER_MARGIN + 1, "all of it");
        post(PAYEE, PAYEE_MARGIN);
        eq(payment.withdrawable(PAYER), 1, "both are in place");
        eq(payment.withdrawable(PAYEE), 0, "both are in place");
        vm.prank(HEDGER);
        eq(payment.withdraw(PAYER), 1, "above the requirement");
    }

    function test_activate_inTimeOrItLapses() external {
        deployPayment();
        post(PAYER, PAYER_MARGIN);
        post(PAYEE, PAYEE_MARGIN);
        uint256 agreed = vm.snapshotState();
        vm.warp(CLOSES + 1 days);
        payment.activate();
        vm.revertToState(agreed);
        vm.warp(CLOSES + 1 days + 1);
        isState(IKpiPayment.State.Lapsed);
        refuses(wrongState(IKpiPayment.State.Lapsed));
        payment.activate();
        refuses(wrongState(IKpiPayment.State.Lapsed));
        payment.callMargin(PAYER);
        eq(payment.withdraw(PAYER), PAYER_MARGIN, "back, whoever calls");
        eq(payment.withdraw(PAYEE), PAYEE_MARGIN, "back, whoever calls");
    }

    function test_activate_onlyByThePayeeIfItStarts() external {
        freshPayment();
        IKpiPayment.Terms memory t = paymentTerms();
        t.payeeStarts = true;
        deployPayment(t);
        post(PAYER, PAYER_MARGIN);
        post(PAYEE, PAYEE_MARGIN);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotParty.selector, HEDGER));
        vm.prank(HEDGER);
        payment.activate();
        vm.prank(PROJECT);
        payment.activate();
    }

    // ---------------------------------------------------------------- settle

    function test_settle_refusesBeforeItIsDueAndWithoutAFinalReport() external {
        reportFinal(feed, 0, periodEnd(0), 1);
        vm.warp(payDay(0) - 1);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotDue.selector, payDay(0)));
        payment.settle();
        vm.warp(payDay(0));
        payment.settle();
        vm.warp(periodEnd(1) + REPORTING);
        oracle.submit(feed, 1, 0, unanimous(feed, 1, 0, QUORUM, 1));
        vm.warp(payDay(1) - 1);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotDue.selector, payDay(1)));
        payment.settle();
        // Due, but challenged at the last moment: it waits for the panel.
        vm.warp(periodEnd(1) + REPORTING + DISPUTE - 1);
        challengeAs(STRANGER, feed, 1);
        vm.warp(payDay(1));
        refuses(
            abi.encodeWithSelector(
                IKpiOracle.KpiOracle_NotFinal.selector, feed, uint32(1), IKpiOracle.Status.Challenged
            )
        );
        payment.settle();
        vm.warp(periodEnd(1) + REPORTING + DISPUTE - 1 + RULING);
        eqInt(payment.settle(), FIXED + 1 - 1, "settled when the panel stayed silent");
    }

    function test_settle_paysBothWays() external {
        eqInt(settleAt(4_000), 6_007, "fixed minus proxy revenue");
        isAccount(PAYER, 20_000 - 6_007, 0, 0);
        isAccount(PAYEE, 4_000, 6_007, 0);
        eqInt(settleAt(12_000), -1_992, "proxy revenue above fixed");
        isAccount(PAYER, 13_993, 1_992, 0);
        isAccount(PAYEE, 4_000 - 1_992, 6_007, 0);
        eqInt(settleAt(10_009), 0, "nothing");
        isAccount(PAYER, 13_993, 1_992, 0);
    }

    function test_settle_missingCostsTheController() external {
        vm.warp(payDay(0));
        eqInt(payment.settle(), FIXED - TOP, "as the worst report");
        isAccount(PAYEE, 0, 0, uint256(uint128(TOP - FIXED)) - 4_000);
    }

    function test_settle_owesWithInterestAndNets() external {
        eqInt(settleAt(20_007), -10_000, "first");
        isAccount(PAYEE, 0, 0, 6_000);
        isAccount(PAYER, 20_000, 4_000, 0);
        vm.warp(payDay(0) + 73 days);
        isAccount(PAYEE, 0, 0, 6_120); // a fifth of a year at 10.01 % on 6,000 is 120.12
        vm.warp(payDay(0));
        eqInt(settleAt(9_008), 1_000, "second");
        // 91 days: 149.73. The 1,000 meets 149 of interest and 851 of principal; 0.73 of interest stays.
        isAccount(PAYEE, 0, 0, 5_149);
        isAccount(PAYER, 20_000, 4_000, 0);
        eqInt(settleAt(9), 10_000, "third");
        // 91 days on 5,149: 128.50, and 0.73: 129. Netted 5,278, paid 4,722.
        isAccount(PAYEE, 0, 4_722, 0);
        isAccount(PAYER, 20_000 - 4_722, 4_000, 0);
    }

    function test_settle_matures() external {
        for (uint256 i = 0; i < PERIODS; ++i) {
            settleAt(FIXED);
        }
        isState(IKpiPayment.State.Matured);
        refuses(wrongState(IKpiPayment.State.Matured));
        payment.settle();
        eq(payment.withdraw(PAYER), 20_000 - 10, "no requirement any more, whoever calls");
        eq(payment.withdraw(PAYEE), 4_010, "all of it");
        eq(currency.balanceOf(address(payment)), 0, "nothing stays");
    }

    // ---------------------------------------------------------------- fund

    function test_fund_paysWhatIsOwedFirst() external {
        settleAt(20_007);
        vm.warp(payDay(0) + 365 days);
        isAccount(PAYEE, 0, 0, 6_600);
        post(PAYEE, 500);
        isAccount(PAYEE, 0, 0, 6_100);
        eq(payment.accountOf(PAYEE).principal, 6_000, "interest first");
        isAccount(PAYER, 20_000, 4_500, 0);
        post(PAYEE, 7_000);
        isAccount(PAYEE, 900, 0, 0);
        isAccount(PAYER, 20_000, 10_600, 0);
    }

    function test_fund_refusesMoreThanALedgerHolds() external {
        uint256 room = type(uint104).max - 24_000;
        refuses(
            abi.encodeWithSelector(
                IKpiPayment.KpiPayment_TooMuchHeld.selector, uint256(type(uint104).max) + 1, type(uint104).max
            )
        );
        payment.fund(PAYER, room + 1);
        post(PAYER, room);
    }

    function test_everything_refusesBeforeItIsInitialised() external {
        freshPayment();
        bytes memory none = wrongState(IKpiPayment.State.None);
        refuses(none);
        payment.settle();
        refuses(none);
        payment.fund(PAYER, 1);
        refuses(none);
        payment.withdraw(PAYER);
        refuses(none);
        payment.activate();
        refuses(none);
        payment.callMargin(PAYER);
        refuses(none);
        payment.closeOut();
        refuses(none);
        payment.proposeTermination(0, type(uint64).max);
        refuses(none);
        payment.acceptTermination(0);
        isState(IKpiPayment.State.None);
    }

    // ---------------------------------------------------------------- withdraw

    function test_withdraw_strangersOnlyDeliverCredit() external {
        settleAt(4_000);
        eq(payment.withdraw(PAYEE), 6_007, "credit");
        eq(currency.balanceOf(PROJECT), 6_007, "to the party");
        eq(payment.withdraw(PAYEE), 0, "once");
        eq(payment.withdrawable(PAYEE), 4_000 - PAYEE_MARGIN, "the party itself gets more");
        vm.prank(PROJECT);
        eq(payment.withdraw(PAYEE), 4_000 - PAYEE_MARGIN, "above the requirement");
        vm.prank(PROJECT);
        eq(payment.withdraw(PAYEE), 0, "not the requirement");
        isAccount(PAYEE, PAYEE_MARGIN, 0, 0);
    }

    function test_withdraw_nothingPostedLeavesWhileAPeriodIsDue() external {
        vm.warp(payDay(0));
        eq(payment.withdrawable(PAYEE), 0, "due");
        vm.prank(PROJECT);
        eq(payment.withdraw(PAYEE), 0, "due");
        payment.settle();
        eq(payment.withdrawable(PAYER), 4_000 + 20_000 - PAYER_MARGIN, "settled");
    }

    // ---------------------------------------------------------------- margin and default

    function test_callMargin_andCure() external {
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NoShortfall.selector, PAYER));
        payment.callMargin(PAYER);
        settleAt(14_007); // the project pays all it has
        isAccount(PAYEE, 0, 0, 0);
        payment.callMargin(PAYEE);
        uint64 deadline = uint64(block.timestamp) + CURE;
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_MarginAlreadyCalled.selector, PAYEE, deadline));
        payment.callMargin(PAYEE);
        post(PAYEE, PAYEE_MARGIN - 1);
        eq(payment.accountOf(PAYEE).deadline, deadline, "dust does not cure");
        vm.warp(deadline);
        isState(IKpiPayment.State.Active);
        post(PAYEE, 1);
        eq(payment.accountOf(PAYEE).deadline, 0, "cured in the last second");
        vm.warp(deadline + 1);
        isState(IKpiPayment.State.Active);
    }

    function test_callMargin_tooLateToCure() external {
        settleAt(14_007);
        payment.callMargin(PAYEE);
        uint64 deadline = payment.accountOf(PAYEE).deadline;
        vm.warp(deadline + 1);
        isState(IKpiPayment.State.Defaulted);
        eq(payment.defaultedAt(), deadline, "the deadline is the default");
        post(PAYEE, 50_000);
        isState(IKpiPayment.State.Defaulted);
        refuses(wrongState(IKpiPayment.State.Defaulted));
        payment.callMargin(PAYER);
        vm.prank(HEDGER);
        eq(payment.withdraw(PAYER), 4_000, "credit, but no posted money before the close-out");
        eq(payment.withdrawable(PAYEE), 0, "nothing for whoever is in default, whatever it pays too late");
    }

    /// @dev Neither by being first with a withdrawal, nor with the call open, nor in default.
    function test_withdraw_nothingForASideThatLacksCollateral() external {
        freshPayment();
        launchPayment(lastFixing(paymentTerms()), PAYER_MARGIN, 20_000);
        settleAt(FIXED + 1_000); // the payer is paid 1,000
        settleAt(FIXED); // and pays 1, so that it lacks 1
        isAccount(PAYER, PAYER_MARGIN - 1, 1_000, 0);
        vm.startPrank(HEDGER);
        eq(payment.withdraw(PAYER), 0, "not called yet");
        payment.callMargin(PAYER);
        eq(payment.withdraw(PAYER), 0, "called");
        vm.stopPrank();
        uint256 called = vm.snapshotState();
        post(PAYER, 1);
        eq(payment.withdraw(PAYER), 1_000, "it has paid");
        vm.revertToState(called);
        vm.warp(payment.accountOf(PAYER).deadline + 1);
        vm.prank(HEDGER);
        eq(payment.withdraw(PAYER), 0, "in default");
        settleAt(FIXED + 2); // nothing
        payment.closeOut();
        // Its collateral and one unit of its credit answer for the damages.
        eq(payment.withdraw(PAYER), 999, "what is left");
    }

    function test_settle_whatABalanceCannotMeetACreditDoes() external {
        settleAt(4_000); // +6,007 of credit to the project, which has 4,000
        eqInt(settleAt(15_008), -5_000, "more than it has posted");
        isAccount(PAYEE, 0, 5_007, 0);
        isAccount(PAYER, 20_000 - 6_007, 5_000, 0);
        eqInt(settleAt(TOP), FIXED + 2 - TOP, "more than it has");
        isAccount(PAYEE, 0, 0, uint128(TOP - FIXED - 2) - 5_007);
    }

    function test_settle_aCreditOfLimitedRecourseIsItsOwn() external {
        freshPayment();
        IKpiPayment.Terms memory t = paymentTerms();
        (t.limitedRecourse, t.requiredCollateral) = (true, [PAYER_MARGIN, uint128(0)]);
        launchPayment(t, 20_000, 0);
        settleAt(4_000);
        settleAt(15_008);
        isAccount(PAYEE, 0, 6_007, 5_000);
        eq(payment.withdraw(PAYEE), 6_007, "it owes only what it posts");
    }

    function test_callMargin_onWhatAFullRecourseSideOwes() external {
        settleAt(0);
        settleAt(0); // the payer has no more than 20,000 for 20,015
        isAccount(PAYER, 0, 0, 15);
        payment.callMargin(PAYER);
        post(PAYER, 15 + PAYER_MARGIN);
        eq(payment.accountOf(PAYER).deadline, 0, "cured");
    }

    function test_callMargin_limitedRecourseOwesWithoutDefault() external {
        freshPayment();
        IKpiPayment.Terms memory t = paymentTerms();
        (t.limitedRecourse, t.requiredCollateral) = (true, [PAYER_MARGIN, uint128(0)]);
        launchPayment(t, PAYER_MARGIN, 0);
        settleAt(20_007);
        isAccount(PAYEE, 0, 0, 10_000);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NoShortfall.selector, PAYEE));
        payment.callMargin(PAYEE);
    }

    function test_callMargin_isCuredByNetting() external {
        freshPayment();
        IKpiPayment.Terms memory t = paymentTerms();
        t.requiredCollateral = [uint128(0), 0];
        t.curePeriod = 200 days;
        launchPayment(t, 0, 0);
        settleAt(10_008);
        isAccount(PAYEE, 0, 0, 1);
        payment.callMargin(PAYEE);
        settleAt(0);
        eq(payment.accountOf(PAYEE).deadline, 0, "what it owed was netted");
        isAccount(PAYER, 0, 0, 10_007);
    }

    function closeOutAfterDefaultOf(IKpiPayment.Side side) private returns (int256) {
        payment.callMargin(side);
        vm.warp(payment.accountOf(side).deadline + 1);
        settleAt(FIXED + 1); // the quarter that had begun: nothing
        return payment.closeOut();
    }

    function test_closeOut_byModelValue() external {
        settleAt(14_007);
        payment.callMargin(PAYEE);
        refuses(wrongState(IKpiPayment.State.Active));
        payment.closeOut();
        vm.warp(payment.accountOf(PAYEE).deadline + 1);
        reportFinal(feed, 1, periodEnd(1), FIXED + 1);
        vm.warp(valuedAt(2) + REPORTING);
        oracle.submit(valueFeed, 2, 0, unanimous(valueFeed, 2, 0, QUORUM, -12_345));
        vm.warp(block.timestamp + DISPUTE - 1);
        challengeAs(STRANGER, valueFeed, 2);
        vm.warp(payDay(1));
        payment.settle();
        refuses(
            abi.encodeWithSelector(
                IKpiOracle.KpiOracle_NotFinal.selector, valueFeed, uint32(2), IKpiOracle.Status.Challenged
            )
        );
        payment.closeOut();
        vm.warp(valuedAt(2) + REPORTING + DISPUTE - 1 + RULING);
        eqInt(payment.closeOut(), -12_345, "what the rest is worth, and no damages");
        isState(IKpiPayment.State.Closed);
        isAccount(PAYEE, 0, 0, 12_345);
        refuses(wrongState(IKpiPayment.State.Closed));
        payment.closeOut();
        refuses(wrongState(IKpiPayment.State.Closed));
        payment.settle();
        post(PAYEE, 1_000);
        isAccount(PAYER, 20_000, 5_000, 0);
        eq(payment.withdraw(PAYER), 25_000, "the claim stays, the money goes");
    }

    function test_closeOut_neverPaysTheDefaulter() external {
        settleAt(14_007);
        payment.callMargin(PAYEE);
        vm.warp(payment.accountOf(PAYEE).deadline + 1);
        reportFinal(feed, 1, periodEnd(1), FIXED + 1);
        reportFinal(valueFeed, 2, valuedAt(2), 12_345);
        vm.warp(payDay(1));
        payment.settle();
        eqInt(payment.closeOut(), 0, "the rest was worth something to it");
        eq(payment.withdraw(PAYEE), 0, "no gain");
    }

    /// @dev The project controls the data: its silence costs it the worst when it has defaulted, and when the payer has,
    /// gains it nothing and never pays the payer.
    function test_closeOut_aMissingValueNeverPaysTheDefaulter() external {
        uint256 begun = vm.snapshotState();
        settleAt(14_007);
        eqInt(closeOutAfterDefaultOf(PAYEE), -VALUE_BOUND, "the controller defaulted");
        vm.revertToState(begun);
        vm.warp(START);
        vm.prank(HEDGER);
        payment.withdraw(PAYER);
        settleAt(4_000);
        eqInt(closeOutAfterDefaultOf(PAYER), 0, "a payer short of collateral called itself");
    }

    /// @dev The proof of the audit: a final report against the payer, its pay date to come, and it leaves.
    function test_closeOut_settlesWhatHadBegunByTheDefault() external {
        freshPayment();
        IKpiPayment.Terms memory t = lastFixing(paymentTerms());
        t.curePeriod = 10 days; // shorter than from a quarter's end to its pay date
        launchPayment(t, PAYER_MARGIN, 20_000);
        settleAt(FIXED - 1); // the payer pays one unit, so it is short
        reportFinal(feed, 1, periodEnd(1), 0); // and owes all of the next quarter's
        payment.callMargin(PAYER);
        vm.warp(block.timestamp + 10 days + 1);
        isState(IKpiPayment.State.Defaulted);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_PeriodOutstanding.selector, 1));
        payment.closeOut();
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotDue.selector, payDay(1)));
        payment.settle();
        vm.warp(payDay(1));
        eqInt(payment.settle(), FIXED + 1, "measured before the default");
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_PeriodOutstanding.selector, 2));
        payment.closeOut();
        reportFinal(feed, 2, periodEnd(2), 0);
        vm.warp(payDay(2));
        eqInt(payment.settle(), FIXED + 2, "and the quarter in which it defaulted");
        vm.warp(payDay(3));
        refuses(wrongState(IKpiPayment.State.Defaulted));
        payment.settle();
        eqInt(payment.closeOut(), int128(PAYER_MARGIN), "and its collateral");
        isState(IKpiPayment.State.Closed);
    }

    function test_closeOut_aQuarterThatBeginsWithTheDefaultIsNotSettled() external {
        freshPayment();
        launchPayment(lastFixing(paymentTerms()), PAYER_MARGIN, 20_000);
        settleAt(FIXED - 1);
        vm.warp(periodEnd(1) - CURE);
        payment.callMargin(PAYER);
        vm.warp(payDay(1));
        payment.settle();
        eqInt(payment.closeOut(), int128(PAYER_MARGIN), "the third had not begun before");
    }

    function test_closeOut_byLastFixingCostsTheCollateralWheneverItIsCalled() external {
        freshPayment();
        launchPayment(lastFixing(paymentTerms()), 20_000, 4_000);
        settleAt(14_007);
        payment.callMargin(PAYEE);
        vm.warp(payDay(0) + CURE + 1 + 1_000 days);
        eqInt(payment.settle(), FIXED + 1 - TOP, "silence");
        eqInt(payment.closeOut(), -int128(PAYEE_MARGIN), "as of the default");
    }

    function deployByReplacementCost() private {
        freshPayment();
        launchPayment(closedOutBy(IKpiPayment.CloseOutRule.ReplacementCost, paymentTerms()), 20_000, 4_000);
    }

    function test_closeOut_byReplacementCostInTheFirstYear() external {
        deployByReplacementCost();
        settleAt(14_007); // -4,000
        // The quarter under way pays nothing. Four quarters make a year, three remain: 3/4 of -4,000.
        eqInt(closeOutAfterDefaultOf(PAYEE), -3_000, "what is not settled counts as nothing");
    }

    function test_closeOut_byReplacementCostRoundsAgainstTheDefaulter() external {
        deployByReplacementCost();
        settleAt(14_010); // -4,003: 3/4 of it is -3,002.25
        eqInt(closeOutAfterDefaultOf(PAYEE), -3_003, "down");
    }

    function test_closeOut_byReplacementCostIsAtLeastTheCollateral() external {
        deployByReplacementCost();
        settleAt(FIXED); // nothing
        vm.prank(PROJECT);
        payment.withdraw(PAYEE);
        settleAt(FIXED + 2); // the project pays one
        payment.callMargin(PAYEE);
        vm.warp(payment.accountOf(PAYEE).deadline + 1);
        settleAt(FIXED + 2);
        eqInt(payment.closeOut(), -int128(PAYEE_MARGIN), "damages");
    }

    function test_default_theFirstDeadlineCounts() external {
        freshPayment();
        IKpiPayment.Terms memory t = lastFixing(paymentTerms());
        launchPayment(t, PAYER_MARGIN, PAYEE_MARGIN);
        settleAt(FIXED + 1); // the project pays one
        payment.callMargin(PAYEE);
        uint64 first = payment.accountOf(PAYEE).deadline;
        settleAt(FIXED); // and the payer one, after the default
        vm.warp(first + 1 days);
        eq(payment.defaultedAt(), first, "the project was first");
        post(PAYEE, 50_000);
        eq(payment.defaultedAt(), first, "and stays it");
        eqInt(payment.closeOut(), -int128(PAYEE_MARGIN), "so it pays");
    }

    function test_default_maturesWhenNoPeriodIsLeftToCloseOut() external {
        for (uint256 i = 0; i < 3; ++i) {
            settleAt(FIXED);
        }
        settleAt(20_000); // more than the project has
        payment.callMargin(PAYEE);
        uint64 deadline = payment.accountOf(PAYEE).deadline;
        vm.warp(payDay(4) + 1);
        isState(IKpiPayment.State.Defaulted);
        payment.settle();
        isState(IKpiPayment.State.Matured);
        eq(payment.defaultedAt(), deadline, "still to be read");
        refuses(wrongState(IKpiPayment.State.Matured));
        payment.closeOut();
    }

    function test_end_forgetsAnOpenCall() external {
        for (uint256 i = 0; i < 3; ++i) {
            settleAt(FIXED);
        }
        settleAt(20_000);
        vm.warp(payDay(4) - CURE + 1);
        payment.callMargin(PAYEE);
        vm.warp(payDay(4));
        payment.settle();
        vm.warp(payDay(4) + 1 days);
        eq(payment.defaultedAt(), 0, "it matured before the cure period was over");
        isState(IKpiPayment.State.Matured);
    }

    // ---------------------------------------------------------------- early termination

    function propose(address party, int128 amount) private returns (uint32) {
        vm.prank(party);
        return payment.proposeTermination(amount, uint64(block.timestamp) + 1 days);
    }

    function noProposal(uint32 asked, uint32 open) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IKpiPayment.KpiPayment_NoSuchProposal.selector, asked, open);
    }

    function test_terminate_byAgreement() external {
        uint32 id = propose(HEDGER, 777);
        vm.prank(PROJECT);
        payment.acceptTermination(id);
        isState(IKpiPayment.State.Terminated);
        isAccount(PAYEE, 4_000, 777, 0);
        eq(payment.withdraw(PAYEE), 4_777, "all of it");
        eq(payment.withdraw(PAYER), 20_000 - 777, "all of it");
        vm.prank(PROJECT);
        refuses(wrongState(IKpiPayment.State.Terminated));
        payment.acceptTermination(id);
    }

    function test_terminate_refusesAnythingElse() external {
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotParty.selector, address(this)));
        payment.proposeTermination(1, type(uint64).max);
        vm.prank(HEDGER);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_ExpiryPassed.selector, uint64(START - 1)));
        payment.proposeTermination(1, uint64(START - 1));
        vm.prank(HEDGER);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_AmountTooLarge.selector, int256(2 ** 96)));
        payment.proposeTermination(2 ** 96, type(uint64).max);

        uint32 id = propose(HEDGER, 777);
        vm.prank(HEDGER);
        refuses(noProposal(id, 0));
        payment.acceptTermination(id); // one's own
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NotParty.selector, address(this)));
        payment.acceptTermination(id);
        uint32 worse = propose(HEDGER, -777); // swapped just before
        vm.prank(PROJECT);
        refuses(noProposal(id, worse));
        payment.acceptTermination(id);
        vm.prank(HEDGER);
        payment.withdrawTermination();
        vm.prank(PROJECT);
        refuses(noProposal(worse, 0));
        payment.acceptTermination(worse);
        vm.prank(HEDGER);
        refuses(noProposal(worse, 0));
        payment.withdrawTermination();
        vm.prank(PROJECT);
        refuses(noProposal(0, 0));
        payment.acceptTermination(0);

        id = propose(HEDGER, 777);
        vm.warp(START + 1 days + 1);
        vm.prank(PROJECT);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_ExpiryPassed.selector, uint64(START + 1 days)));
        payment.acceptTermination(id);
    }

    function test_terminate_anOfferStandsInItsLastSecond() external {
        uint32 id = propose(HEDGER, 777);
        vm.warp(START + 1 days);
        vm.prank(PROJECT);
        payment.acceptTermination(id);
        isState(IKpiPayment.State.Terminated);
    }

    function test_terminate_aSettlementVoidsTheProposal() external {
        vm.prank(HEDGER);
        uint32 id = payment.proposeTermination(777, type(uint64).max);
        settleAt(0);
        vm.prank(PROJECT);
        refuses(noProposal(id, 0));
        payment.acceptTermination(id);
    }

    function test_terminate_isPaidAtOnceOrNotAtAll() external {
        uint32 id = propose(HEDGER, 20_000);
        vm.prank(HEDGER);
        payment.withdraw(PAYER); // just before it is accepted
        vm.prank(PROJECT);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_Underfunded.selector, 20_000 - PAYER_MARGIN));
        payment.acceptTermination(id);
        isState(IKpiPayment.State.Active);
    }

    function test_terminate_inDefault() external {
        settleAt(14_007);
        payment.callMargin(PAYEE);
        vm.warp(payment.accountOf(PAYEE).deadline + 1);
        uint32 id = propose(PROJECT, 5);
        vm.prank(HEDGER);
        payment.acceptTermination(id);
        isState(IKpiPayment.State.Terminated);
        isAccount(PAYEE, 0, 5, 0);
    }
}
