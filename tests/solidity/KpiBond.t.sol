// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../contracts/interfaces/IKpiBond.sol";
import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {BondFixture} from "./utils/BondFixture.sol";
import {DealTerms} from "./utils/DealFixture.sol";

/// @notice Every branch of KpiBond.tree but initialize.
contract KpiBondTest is BondFixture {
    // ---------------------------------------------------------------- begin

    function test_activate_onlyTheOfferingAndOnce() external {
        refuses(wrongState(IKpiBond.State.Active));
        vm.prank(address(offering));
        bond.activate();
        DealTerms memory terms = dealTerms();
        terms.termsHash = "another";
        deployDeal(terms);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_NotOffering.selector, ISSUER));
        vm.prank(ISSUER);
        bond.activate();
        refuses(wrongState(IKpiBond.State.Offered));
        bond.fund(1);
        refuses(wrongState(IKpiBond.State.Offered));
        bond.payCoupon();
        refuses(wrongState(IKpiBond.State.Offered));
        bond.fix(0);
    }

    // ---------------------------------------------------------------- coupons

    function test_payCoupon_notBeforeItIsDueNorUnfunded() external {
        vm.warp(payDate(0) - 1);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_NotDue.selector, payDate(0)));
        bond.payCoupon();
        vm.warp(payDate(0));
        fundBond(COUPON - 1);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_Underfunded.selector, COUPON, COUPON - 1));
        bond.payCoupon();
    }

    function test_payCoupon_carriesTheDust() external {
        fundBond(COUPON + 10_567);
        vm.warp(payDate(1));
        // 10,395 = 16 x 613 + 587; then 10,567 + 587 = 18 x 613 + 120.
        eq(bond.payCoupon(), 16 * UNITS, "first coupon");
        eq(bond.payCoupon(), 18 * UNITS, "second coupon with the dust of the first");
        eq(currency.balanceOf(address(bond)), 120, "carried on");
        eq(token.claim(ALICE), 34 * UNITS, "to the holder");
    }

    function test_payCoupon_notMoreThanThereAre() external {
        payAllCoupons();
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_CouponsOutstanding.selector, 4, 4));
        bond.payCoupon();
    }

    // ---------------------------------------------------------------- late interest

    /// @dev Simple, 23.17 % a year of 365 days, by whole days.
    function late(uint256 amount, uint256 whole) private pure returns (uint256) {
        return amount * 2_317 * whole / 3_650_000;
    }

    function test_late_aPaymentOnItsDayBearsNothingAndThenEveryWholeDayCounts() external {
        vm.warp(payDate(0) + 1 days - 1);
        (, uint256 amount) = bond.nextPayment();
        eq(amount, COUPON, "on the day");
        vm.warp(payDate(0) + 1 days);
        (, amount) = bond.nextPayment();
        eq(amount, COUPON + 6, "10,395 x 23.17 % / 365 = 6.59...");
        vm.warp(payDate(0) + 365 days);
        (, amount) = bond.nextPayment();
        eq(amount, COUPON + 2_408, "10,395 x 23.17 % = 2,408.52...; the second coupon is due by now, and waits");
        fundBond(amount - 1);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_Underfunded.selector, amount, amount - 1));
        bond.payCoupon();
        fundBond(1);
        vm.warp(block.timestamp + 1000 days); // in the bond it bears no more
        eq(bond.payCoupon(), (COUPON + 2_408) / UNITS * UNITS, "paid with interest");
    }

    function test_late_moneyThereInTimeBearsNothingWhoeverCallsWhen() external {
        fundBond(COUPON);
        vm.warp(payDate(0) + 100 days);
        fundBond(1);
        eq(bond.payCoupon(), COUPON / UNITS * UNITS, "nothing late");
    }

    function test_late_moneySentWithoutACallCountsFromWhenTheBondIsTold() external {
        currency.mint(address(bond), COUPON);
        vm.warp(payDate(0) + 10 days);
        (, uint256 amount) = bond.nextPayment();
        eq(amount, COUPON + 65, "not told");
        currency.mint(address(bond), 65);
        bond.fund(0);
        vm.warp(payDate(0) + 20 days);
        bond.payCoupon();
    }

    /// @dev The redemption waits for a report that a dispute holds up beyond maturity: not at the issuer's cost, but from
    /// its ruling on, whoever fixes it when.
    function test_late_runsFromWhenTheReportIsSettledWheneverItIsFixed(uint256 fixedAfter) external {
        DealTerms memory terms = dealTerms();
        terms.termsHash = "a report after maturity";
        terms.oraclePolicies[0].periodEnds[0] = MATURITY - 1 days;
        vm.warp(OPENS);
        deployDeal(terms);
        buy(ALICE, HARD_CAP);
        offering.settle();
        fundBond(70_000);
        for (uint64 i = 0; i < 4; ++i) {
            vm.warp(payDate(i));
            bond.payCoupon();
        }
        vm.warp(MATURITY + 5 days);
        oracle.submit(feed, 0, 0, unanimous(feed, 0, 0, QUORUM, 300_001));
        uint64 settled = MATURITY + 5 days + DISPUTE;
        fixedAfter = bound(fixedAfter, 0, 3 * 365 days);
        vm.warp(settled + fixedAfter);
        bond.fix(0);
        (, uint256 amount) = bond.nextPayment();
        uint256 whole = uint256(HARD_CAP) * UNIT_PRINCIPAL;
        eq(amount, whole + late(whole, fixedAfter / 1 days), "since the report is final");
        if (fixedAfter <= GRACE) {
            refuses(abi.encodeWithSelector(IKpiBond.KpiBond_InGrace.selector, settled + GRACE));
            bond.declareDefault();
        }
    }

    /// @dev After an acceleration: on what is owed and not there, however often the bond is called.
    function test_late_afterAnAccelerationOnWhatIsNotThere(uint256 seed) external {
        goIntoDefault();
        vm.warp(payDate(0) + GRACE + CURE + 2);
        bond.accelerate();
        uint256 owed = COUPON + 2_322 + PRINCIPAL + 80_675;
        vm.warp(block.timestamp + 3650 days);
        (uint256 interest, uint256 principal, uint256 most) = bond.owedAfterAcceleration();
        eq(interest + principal, owed, "as accelerated");
        eq(most, late(COUPON, 40) + late(owed, 3650), "ten years of it");
        fundBond(owed / 2); // late interest is paid last of all by money that is only there
        uint256 then = block.timestamp;
        while (block.timestamp < then + 100 days) {
            vm.warp(block.timestamp + 1 + mix(seed ^ block.timestamp) % 2 days);
            bond.fund(0);
        }
        vm.warp(then + 110 days);
        (,, uint256 more) = bond.owedAfterAcceleration();
        uint256 wanted = most + late(owed - owed / 2, 110);
        isTrue(more <= wanted + 1 && more + 1 >= wanted, "half of it bears interest");
    }

    // ---------------------------------------------------------------- outcome

    function test_fix_onlyOnceAndOnlyWhatIsSettled() external {
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotFinal.selector, feed, 0, IKpiOracle.Status.None));
        bond.fix(0);
        reportKpi(400_000);
        // Half way from 300,001 to 500,000 the line is at 65,803.17..; 613 of 1,000 of 65,803 are 40,337.2...
        eqInt(bond.fix(0), 65_803, "for the full issue");
        eqInt(outcome(), 40_337, "outcome");
        isTrue(oracle.reportOf(feed, 0).used, "the report is used");
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_AlreadyFixed.selector, 0));
        bond.fix(0);
    }

    function test_fix_missingCostsTheIssuerTheMost() external {
        vm.warp(PERIOD_END + MISSING + 1);
        eqInt(bond.fix(0), BONUS, "for the full issue");
        eqInt(outcome(), 80_675, "outcome");
    }

    function test_fix_negativeRoundsAgainstHolders() external {
        reportKpi(100_000);
        eqInt(bond.fix(0), -BONUS, "for the full issue");
        eqInt(outcome(), -80_676, "outcome");
    }

    // ---------------------------------------------------------------- redemption

    function test_redeem_paysPrincipalAndOutcomeOnce() external {
        payAllCoupons();
        refuses(notFixed(0));
        bond.redeem();
        bond.fix(0); // missing by now: 80,675
        uint256 held = currency.balanceOf(address(bond));
        uint256 carried = (2 * COUPON + 2 * 10_567) % UNITS;
        uint256 due = PRINCIPAL + 80_675 + carried;
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_Underfunded.selector, due, held));
        bond.redeem();
        fundBond(PRINCIPAL + 80_675);
        eq(bond.redeem(), due / UNITS * UNITS, "paid");
        isState(IKpiBond.State.Redeemed);
        isTrue(token.closed(), "the token is closed");
        // All in all: every coupon, the principal and the outcome, but for less than a minor unit per unit.
        uint256 all = 2 * COUPON + 2 * 10_567 + PRINCIPAL + 80_675;
        eq(token.claim(ALICE), all / UNITS * UNITS, "received over the bond's life");
        refuses(wrongState(IKpiBond.State.Redeemed));
        bond.redeem();
        refuses(wrongState(IKpiBond.State.Redeemed));
        bond.fund(1);
    }

    function test_redeem_notBeforeTheLastCoupon() external {
        fundBond(1_000_000);
        vm.warp(MATURITY);
        bond.payCoupon();
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_CouponsOutstanding.selector, 1, 4));
        bond.redeem();
    }

    // ---------------------------------------------------------------- call

    uint32 private constant NOTICE = 20 days;
    uint256 private constant PREMIUM = 133 * UNITS; // 13.4 % of 997 is 133.6 a unit

    /// @dev The same bond with a call, on the second and third pay dates, that covers the outcome.
    function beginCallable() private {
        DealTerms memory t = dealTerms();
        t.termsHash = "callable";
        t.noticePeriod = NOTICE;
        t.calls = new IKpiBond.Call[](1);
        t.calls[0] = IKpiBond.Call(1, 0.134e18);
        vm.warp(OPENS);
        deployDeal(t);
        buy(ALICE, 613);
        vm.warp(CLOSES);
        offering.settle();
    }

    function announce(address caller, uint256 period) private {
        vm.prank(caller);
        bond.announceCall(period);
    }

    function notCallable(uint256 period) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IKpiBond.KpiBond_NotCallable.selector, period);
    }

    function test_announceCall_onlyWhereTheTermsHaveOne() external {
        refuses(notCallable(1));
        announce(ISSUER, 1);
        beginCallable();
        uint256[4] memory none = [uint256(0), 3, 4, type(uint256).max];
        for (uint256 i = 0; i < 4; ++i) {
            refuses(notCallable(none[i]));
            announce(ISSUER, none[i]);
        }
    }

    function test_announceCall_onlyTheIssuerOnceAndInTime() external {
        beginCallable();
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_NotIssuer.selector, STRANGER));
        announce(STRANGER, 1);
        vm.warp(payDate(1) - NOTICE + 1);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_ShortNotice.selector, payDate(1) - NOTICE));
        announce(ISSUER, 1);
        vm.warp(payDate(1) - NOTICE);
        announce(ISSUER, 1);
        eq(bond.periodCount(), 2, "periods left");
        for (uint256 i = 0; i < 4; ++i) {
            refuses(notCallable(i));
            announce(ISSUER, i);
        }
        eq(bond.terms().periods.length, 4, "what was bought cannot change");
    }

    function test_announceCall_notInDefault() external {
        beginCallable();
        goIntoDefault();
        refuses(wrongState(IKpiBond.State.Defaulted));
        announce(ISSUER, 2);
    }

    function test_announceCall_thatPeriodIsTheLast() external {
        beginCallable();
        announce(ISSUER, 1);
        fundBond(COUPON + 10_567 + PRINCIPAL + PREMIUM);
        vm.warp(payDate(0));
        bond.payCoupon();
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_CouponsOutstanding.selector, 1, 2));
        bond.redeem();
        vm.warp(payDate(1));
        bond.payCoupon();
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_CouponsOutstanding.selector, 2, 2));
        bond.payCoupon();
        eq(uint256(bond.outcomeOf(2)), PREMIUM, "the premium, and nothing of the outcome that is not measured");
        eq(bond.redeem(), PRINCIPAL + PREMIUM, "in all");
        isState(IKpiBond.State.Redeemed);
        require(token.closed(), "the token is closed");
    }

    function test_announceCall_thatIsNotPaidIsADefault(bool before) external {
        beginCallable();
        announce(ISSUER, 1);
        if (!before) {
            fundBond(COUPON + 10_567);
            vm.warp(payDate(1));
            bond.payCoupon();
            bond.payCoupon();
        }
        vm.warp((before ? payDate(0) : payDate(1)) + GRACE + 1);
        bond.declareDefault();
        vm.warp(block.timestamp + CURE + 1);
        bond.accelerate();
        (, uint256 principal,) = bond.owedAfterAcceleration();
        eq(principal, PRINCIPAL + PREMIUM, "owed like any redemption");
    }

    function test_returnSurplus_onlyAfterRedemptionAndOnlyToTheIssuer() external {
        fundBond(2_000_000);
        refuses(wrongState(IKpiBond.State.Active));
        bond.returnSurplus();
        payAllCoupons();
        bond.fix(0);
        bond.redeem();
        uint256 left = currency.balanceOf(address(bond));
        vm.prank(STRANGER);
        eq(bond.returnSurplus(), left, "returned");
        eq(currency.balanceOf(ISSUER), left + UNITS * UNIT_PRICE, "to the issuer, beside the proceeds of the issue");
        eq(bond.returnSurplus(), 0, "once");
    }

    // ---------------------------------------------------------------- default

    function test_declareDefault_onlyPastGraceAndUnfunded() external {
        vm.warp(payDate(0) + GRACE);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_InGrace.selector, payDate(0) + GRACE));
        bond.declareDefault();
        vm.warp(payDate(0) + GRACE + 1);
        fundBond(COUPON + late(COUPON, 10));
        // The money is there: whoever waits with the payment gains nothing.
        for (uint256 i = 0; i < 3; ++i) {
            uint256 held = COUPON + late(COUPON, 10);
            refuses(abi.encodeWithSelector(IKpiBond.KpiBond_Funded.selector, held, held));
            bond.declareDefault();
            vm.warp(block.timestamp + 50 days);
        }
        bond.payCoupon();
        vm.warp(payDate(1) + GRACE + 1);
        bond.declareDefault();
        isState(IKpiBond.State.Defaulted);
        refuses(wrongState(IKpiBond.State.Defaulted));
        bond.payCoupon();
        refuses(wrongState(IKpiBond.State.Defaulted));
        bond.redeem();
        refuses(wrongState(IKpiBond.State.Defaulted));
        bond.declareDefault();
        refuses(wrongState(IKpiBond.State.Defaulted));
        bond.recover();
    }

    function test_declareDefault_waitsForTheOutcome() external {
        payAllCoupons();
        vm.warp(MATURITY + GRACE + 1);
        refuses(notFixed(0));
        bond.declareDefault();
        bond.fix(0);
        bond.declareDefault();
        isState(IKpiBond.State.Defaulted);
    }

    function test_cure_takesAllArrearsInTime() external {
        goIntoDefault();
        fundBond(COUPON - 1);
        // The coupon is ten days late.
        uint256 wanted = COUPON + late(COUPON, 10);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_Underfunded.selector, wanted, COUPON - 1));
        bond.cure();
        fundBond(wanted - COUPON + 1);
        vm.warp(payDate(0) + GRACE + 1 + CURE);
        bond.cure();
        isState(IKpiBond.State.Active);
        bond.payCoupon();
    }

    function test_cure_notTooLate() external {
        goIntoDefault();
        fundBond(COUPON);
        uint64 until = payDate(0) + GRACE + 1 + CURE;
        vm.warp(until + 1);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_CurePeriodOver.selector, until));
        bond.cure();
    }

    function test_cure_afterMaturityNeedsTheOutcomeAndAllMoney() external {
        vm.warp(MATURITY + GRACE + 1);
        bond.declareDefault();
        fundBond(2 * COUPON + 2 * 10_567 + PRINCIPAL);
        refuses(notFixed(0));
        bond.cure();
        bond.fix(0); // missing: 80,675 more
        uint256 held = currency.balanceOf(address(bond));
        uint256 late =
            late(COUPON, 556) + late(10_567, 374) + late(COUPON, 192) + late(10_567, 10) + late(PRINCIPAL + 80_675, 10);
        uint256 wanted = held + 80_675 + late;
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_Underfunded.selector, wanted, held));
        bond.cure();
        fundBond(80_675 + late);
        vm.warp(block.timestamp + CURE); // the money is there, and bears no more
        bond.cure();
        isState(IKpiBond.State.Active);
    }

    function test_accelerate_onlyAfterTheCurePeriod() external {
        refuses(wrongState(IKpiBond.State.Active));
        bond.accelerate();
        goIntoDefault();
        uint64 until = payDate(0) + GRACE + 1 + CURE;
        vm.warp(until);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_CurePeriodOpen.selector, until));
        bond.accelerate();
        vm.warp(until + 1);
        bond.accelerate();
        (uint256 interest, uint256 principal, uint256 late) = bond.owedAfterAcceleration();
        // 10,395 x 23.17 % x 40 days / 365 days.
        eq(late, 263, "late interest on the coupon");
        // The first coupon, and of the second one 40 days and 2 seconds out of 182 days: 10,567 x 3,456,002 / 15,724,800.
        eq(interest, COUPON + 2_322, "interest");
        eq(principal, PRINCIPAL + 80_675, "principal, with the best outcome, because the period is not over");
        refuses(wrongState(IKpiBond.State.Accelerated));
        bond.fix(0);
    }

    /// @dev A bond whose holders control the data, in default of the last coupon before `from`, cured by nobody.
    function defaultOnHoldersData(uint64 paid, uint64 from) private {
        DealTerms memory terms = dealTerms();
        terms.termsHash = "holders control the data";
        terms.dataController = IKpiBond.DataController.Holders;
        terms.fixings[0].missing = -BONUS;
        vm.warp(OPENS);
        deployDeal(terms);
        buy(ALICE, HARD_CAP);
        offering.settle();
        fundBond(3 * 20_000);
        for (uint64 i = 0; i < paid; ++i) {
            vm.warp(payDate(i));
            bond.payCoupon();
        }
        uint256 held = currency.balanceOf(address(bond));
        vm.prank(address(bond));
        currency.transfer(STRANGER, held); // so that the next coupon is not funded
        vm.warp(from);
        bond.declareDefault();
    }

    /// @dev Law 4 in default: holders who control the data gain nothing by sitting on it until acceleration.
    function test_accelerate_silenceDoesNotPayHoldersWhoControlTheData() external {
        defaultOnHoldersData(3, MATURITY + GRACE + 1);
        vm.warp(MATURITY + GRACE + CURE + 2);
        bond.accelerate();
        (, uint256 principal,) = bond.owedAfterAcceleration();
        eq(principal, uint256(HARD_CAP) * UNIT_PRINCIPAL - uint128(BONUS), "missing counts as missing");
    }

    function test_accelerate_waitsForAReportInTheMaking() external {
        defaultOnHoldersData(2, payDate(2) + GRACE + 1); // the measuring period has just ended
        vm.warp(PERIOD_END + REPORTING);
        isTrue(block.timestamp < payDate(2) + GRACE + 1 + CURE, "still curable");
        oracle.submit(feed, 0, 0, unanimous(feed, 0, 0, QUORUM, 100_000));
        vm.warp(payDate(2) + GRACE + CURE + 2);
        // Settled meanwhile, though nobody has fixed it: the report counts, as it always does.
        bond.accelerate();
        (, uint256 principal,) = bond.owedAfterAcceleration();
        eq(principal, uint256(HARD_CAP) * UNIT_PRINCIPAL - uint128(BONUS), "the report counts");
        isTrue(oracle.reportOf(feed, 0).used, "and is used");
    }

    /// @dev What was measured after the missed payment's grace counts at its best: whenever somebody declares, fixes or
    /// accelerates, and whatever has been reported since.
    function test_accelerate_theBestOutcomeOfWhatIsMeasuredLater(uint256 declared, uint256 waited, bool fixedFirst)
        external
    {
        vm.warp(bound(declared, payDate(0) + GRACE + 1, PERIOD_END + DISPUTE - CURE));
        bond.declareDefault();
        uint256 until = block.timestamp + CURE + 1;
        if (fixedFirst) {
            reportKpi(100_000);
            eqInt(bond.fix(0), -BONUS, "the worst for holders");
        }
        if (block.timestamp < until) vm.warp(until);
        vm.warp(block.timestamp + bound(waited, 0, 2 * HALF_YEAR));
        bond.accelerate();
        eqInt(outcome(), 80_675, "outcome");
    }

    /// @dev A month's report for every month, each settled only after many more have ended: an acceleration waits for the
    /// months that ended before the missed payment's grace did, and so never longer than one report's windows.
    function test_accelerate_isNotHeldUpByOverlappingReports() external {
        DealTerms memory terms = dealTerms();
        terms.termsHash = "a report a month";
        IKpiOracle.FeedConfig memory c = terms.oraclePolicies[0];
        (c.reportingWindow, c.lateWindow, c.disputeWindow, c.rulingWindow) = (200 days, 60 days, 60 days, 90 days);
        c.periodEnds = new uint64[](28);
        terms.fixings = new IKpiBond.Fixing[](28);
        for (uint32 i = 0; i < 28; ++i) {
            c.periodEnds[i] = CLOSES + (i + 1) * 26 days;
            terms.fixings[i] = outcomeAt(3);
            terms.fixings[i].kpiPeriod = i;
            for (uint256 j = 0; j < 3; ++j) {
                terms.fixings[i].curve.knots[j].y = j == 2 ? BONUS : int128(0);
            }
        }
        vm.warp(OPENS);
        deployDeal(terms);
        buy(ALICE, HARD_CAP);
        offering.settle();
        uint256 missed = payDate(0) + GRACE;
        vm.warp(missed + 1);
        bond.declareDefault();
        // Every report comes in on its last second, is challenged on its last, and the panel is silent.
        uint256 bound_ = missed + 200 days + 60 days + 90 days;
        for (uint32 i = 0; i < 10; ++i) {
            if (i >= 3) {
                vm.warp(c.periodEnds[i - 3] + 260 days - 1);
                challengeAs(STRANGER, feed, i - 3);
            }
            if (i >= 7) continue;
            vm.warp(c.periodEnds[i] + 200 days);
            oracle.submit(feed, i, 0, unanimous(feed, i, 0, QUORUM, 250_000));
        }
        vm.warp(bound_);
        bond.accelerate();
        isState(IKpiBond.State.Accelerated);
    }

    function test_accelerate_refusesWhileAReportIsPending() external {
        defaultOnHoldersData(2, payDate(2) + GRACE + 1);
        vm.warp(PERIOD_END + REPORTING);
        oracle.submit(feed, 0, 0, unanimous(feed, 0, 0, QUORUM, 100_000));
        challengeAs(STRANGER, feed, 0);
        vm.warp(payDate(2) + GRACE + CURE + 2);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotFinal.selector, feed, 0, IKpiOracle.Status.Challenged));
        bond.accelerate();
        vm.warp(PERIOD_END + REPORTING + RULING); // the oracle's deadlines bound the wait
        bond.accelerate();
        isState(IKpiBond.State.Accelerated);
    }

    /// @dev When so little is owed that no unit could get a minor unit, the claim is met, or the surplus would be locked in.
    function test_recover_whenLessIsOwedThanAMinorUnitAUnit() external {
        DealTerms memory terms = dealTerms();
        terms.termsHash = "all principal can be lost";
        terms.lateRate = RATE;
        terms.oraclePolicies[0].periodEnds[0] = payDate(0) - 60 days;
        terms.fixings[0].curve.knots[0].y = -int128(int256(uint256(UNIT_PRINCIPAL) * HARD_CAP));
        for (uint256 i = 0; i < 4; ++i) {
            (terms.periods[i].numerator, terms.periods[i].denominator) = (1, 365); // 93 minor units for 1,000 units
        }
        vm.warp(OPENS);
        deployDeal(terms);
        buy(ALICE, HARD_CAP);
        offering.settle();
        vm.warp(payDate(0) - 60 days);
        oracle.submit(feed, 0, 0, unanimous(feed, 0, 0, QUORUM, 100_000)); // the worst
        vm.warp(payDate(0) + GRACE + 1);
        bond.fix(0);
        bond.declareDefault();
        vm.warp(block.timestamp + CURE + 1);
        bond.accelerate();
        bond.recover();
        isState(IKpiBond.State.Redeemed);
    }

    function test_recover_oneMinorUnitAUnitShortIsNotMet() external {
        DealTerms memory terms = dealTerms();
        terms.termsHash = "principal only";
        (terms.rate, terms.lateRate, terms.fixings[0].missing) = (0, 0, 0);
        for (uint256 i = 0; i < 3; ++i) {
            terms.fixings[0].curve.knots[i].y = 0;
        }
        vm.warp(OPENS);
        deployDeal(terms);
        buy(ALICE, HARD_CAP);
        offering.settle();
        vm.warp(MATURITY);
        for (uint64 i = 0; i < 4; ++i) {
            eq(bond.payCoupon(), 0, "no interest");
        }
        bond.fix(0);
        vm.warp(MATURITY + GRACE + 1);
        bond.declareDefault();
        vm.warp(MATURITY + GRACE + CURE + 2);
        bond.accelerate();
        fundBond(uint256(HARD_CAP) * (UNIT_PRINCIPAL - 1));
        bond.recover();
        isState(IKpiBond.State.Accelerated);
        fundBond(HARD_CAP);
        bond.recover();
        isState(IKpiBond.State.Redeemed);
        eq(token.claim(ALICE), uint256(HARD_CAP) * UNIT_PRINCIPAL, "all of it");
    }

    function test_recover_interestBeforePrincipalAndProRata() external {
        goIntoDefault();
        vm.warp(payDate(0) + GRACE + CURE + 2);
        bond.accelerate();
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_NothingToRecover.selector));
        bond.recover();
        fundBond(UNITS - 1);
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_NothingToRecover.selector));
        bond.recover();

        fundBond(1 + 9 * UNITS);
        eq(bond.recover(), 10 * UNITS, "what there is");
        (uint256 interest, uint256 principal, uint256 late) = bond.owedAfterAcceleration();
        eq(late, 0, "late interest first");
        eq(interest, 263 + COUPON + 2_322 - 10 * UNITS, "then interest");
        eq(principal, PRINCIPAL + 80_675, "principal waits");

        fundBond(20 * UNITS);
        bond.recover();
        (interest, principal,) = bond.owedAfterAcceleration();
        eq(interest, 0, "interest met");
        uint256 owed = 263 + COUPON + 2_322 + PRINCIPAL + 80_675;
        eq(principal, owed - 30 * UNITS, "then principal");

        fundBond(principal + 5_000);
        bond.recover();
        isState(IKpiBond.State.Redeemed);
        isTrue(token.closed(), "the token is closed");
        eq(token.claim(ALICE), owed / UNITS * UNITS, "all that was owed, but for dust");
        refuses(wrongState(IKpiBond.State.Redeemed));
        bond.recover();
    }
}
