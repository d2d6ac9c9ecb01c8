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
        deployPayment();
        post(PAYER, 20_000);
        post(PAYEE, 4_000);
    }

    function deployByLastFixing() private {
        freshPayment();
        payment.initialize(lastFixing(paymentTerms()));
        currency.approve(address(payment), type(uint256).max);
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
        currency.mint(address(this), CHALLENGE_BOND);
        currency.approve(address(oracle), CHALLENGE_BOND);
        oracle.challenge(feed, 1, 0, "why");
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
        payment.initialize(t);
        settleAt(20_007);
        isAccount(PAYEE, 0, 0, 10_000);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_NoShortfall.selector, PAYEE));
        payment.callMargin(PAYEE);
        payment.callMargin(PAYER); // it posted nothing
    }

    function test_callMargin_isCuredByNetting() external {
        freshPayment();
        IKpiPayment.Terms memory t = paymentTerms();
        t.requiredCollateral = [uint128(0), 0];
        t.curePeriod = 200 days;
        payment.initialize(t);
        settleAt(10_008);
        isAccount(PAYEE, 0, 0, 1);
        payment.callMargin(PAYEE);
        settleAt(0);
        eq(payment.accountOf(PAYEE).deadline, 0, "what it owed was netted");
        isAccount(PAYER, 0, 0, 10_007);
    }

    function test_closeOut_byModelValue() external {
        settleAt(14_007);
        payment.callMargin(PAYEE);
        refuses(wrongState(IKpiPayment.State.Active));
        payment.closeOut();
        vm.warp(payment.accountOf(PAYEE).deadline + 1);
        // The model valued the payments from the second on at the start of the second quarter: missing by now.
        eqInt(payment.closeOut(), -VALUE_BOUND, "silence costs the project, who controls the data");
        isState(IKpiPayment.State.Closed);
        isAccount(PAYEE, 0, 0, uint128(VALUE_BOUND));
        refuses(wrongState(IKpiPayment.State.Closed));
        payment.closeOut();
        refuses(wrongState(IKpiPayment.State.Closed));
        payment.settle();
        post(PAYEE, 1_000);
        isAccount(PAYER, 20_000, 5_000, 0);
        eq(payment.withdraw(PAYER), 25_000, "the claim stays, the money goes");
    }

    function test_closeOut_waitsForTheReportAndPaysTheDefaulter() external {
        freshPayment();
        payment.initialize(paymentTerms());
        currency.approve(address(payment), type(uint256).max);
        post(PAYER, 20_000);
        payment.callMargin(PAYEE);
        vm.warp(valuedAt(0) + REPORTING - 1);
        oracle.submit(valueFeed, 0, 0, unanimous(valueFeed, 0, 0, QUORUM, 12_345));
        vm.warp(START + CURE + 1);
        refuses(
            abi.encodeWithSelector(
                IKpiOracle.KpiOracle_NotFinal.selector, valueFeed, uint32(0), IKpiOracle.Status.Pending
            )
        );
        payment.closeOut();
        vm.warp(valuedAt(0) + REPORTING - 1 + DISPUTE);
        eqInt(payment.closeOut(), 12_345, "to the side that defaulted, too");
        isAccount(PAYEE, 0, 12_345, 0);
        eq(payment.withdraw(PAYER), 20_000 - 12_345, "the rest goes back");
    }

    function test_closeOut_settlesWhatFellDueByTheDefault() external {
        settleAt(14_007);
        vm.warp(payDay(1) - CURE);
        payment.callMargin(PAYEE);
        vm.warp(payDay(1) + 1);
        isState(IKpiPayment.State.Defaulted);
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_PeriodOutstanding.selector, 1));
        payment.closeOut();
        eqInt(payment.settle(), FIXED + 1 - TOP, "due on the very second of the default");
        vm.warp(payDay(2));
        refuses(wrongState(IKpiPayment.State.Defaulted));
        payment.settle();
        payment.closeOut();
        isState(IKpiPayment.State.Closed);
    }

    function test_closeOut_byLastFixingIsTheSameWhenever() external {
        deployByLastFixing();
        post(PAYER, 20_000);
        post(PAYEE, 4_000);
        settleAt(14_007);
        payment.callMargin(PAYEE);
        // 30 of 91 days of -4,000: -1,318.68, rounded toward minus infinity.
        vm.warp(payDay(0) + CURE + 1 + 1_000 days);
        eqInt(payment.closeOut(), -1_319, "as of the default");
        isAccount(PAYEE, 0, 0, 1_319);
    }

    function test_closeOut_byLastFixingIsNothingBeforeAnyFixing() external {
        deployByLastFixing();
        post(PAYER, 20_000);
        payment.callMargin(PAYEE);
        vm.warp(START + CURE + 1);
        eqInt(payment.closeOut(), 0, "nothing was ever fixed");
        eq(payment.withdraw(PAYER), 20_000, "back");
    }

    function test_default_theFirstDeadlineCounts() external {
        freshPayment();
        payment.initialize(paymentTerms());
        currency.approve(address(payment), type(uint256).max);
        payment.callMargin(PAYEE);
        vm.warp(START + 1 days);
        payment.callMargin(PAYER);
        vm.warp(START + CURE + 1 days + 1);
        eq(payment.defaultedAt(), START + CURE, "the project was first");
        post(PAYER, 50_000);
        eq(payment.defaultedAt(), START + CURE, "and stays it");
    }

    function test_default_maturesWhenNoPeriodIsLeftToCloseOut() external {
        for (uint256 i = 0; i < 3; ++i) {
            settleAt(FIXED);
        }
        settleAt(20_000); // more than the project has
        vm.warp(payDay(4) - CURE);
        payment.callMargin(PAYEE);
        vm.warp(payDay(4) + 1);
        isState(IKpiPayment.State.Defaulted);
        payment.settle();
        isState(IKpiPayment.State.Matured);
        eq(payment.defaultedAt(), payDay(4), "still to be read");
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
