// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {KpiPayment} from "../../contracts/instruments/KpiPayment.sol";
import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../../contracts/interfaces/IKpiPayment.sol";
import {PayoffCurve} from "../../contracts/settlement/PayoffCurve.sol";
import {PaymentFixture} from "./utils/PaymentFixture.sol";

/// @notice The branches of initialize in KpiPayment.tree.
contract KpiPaymentTermsTest is PaymentFixture {
    function setUp() public {
        deployPaymentRooms();
        freshPayment();
    }

    function invalid(IKpiPayment.Terms memory terms, string memory what) private {
        refuses(abi.encodeWithSelector(IKpiPayment.KpiPayment_InvalidTerms.selector, what));
        payment.initialize(terms);
    }

    function test_initialize_onlyOnce() external {
        payment.initialize(paymentTerms());
        isState(IKpiPayment.State.Agreed);
        IKpiPayment.Terms memory t = paymentTerms();
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        payment.initialize(t);
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        KpiPayment(implementation).initialize(t);
    }

    function test_terms_areWhatWasSet() external {
        IKpiPayment.Terms memory t = paymentTerms();
        payment.initialize(t);
        eq(uint256(keccak256(abi.encode(payment.terms()))), uint256(keccak256(abi.encode(t))), "terms");
        eqAddress(payment.partyOf(PAYER), HEDGER, "payer");
        eqAddress(payment.partyOf(PAYEE), PROJECT, "payee");
    }

    function test_initialize_refusesInvalidTerms() external {
        IKpiPayment.Terms memory t = paymentTerms();
        t.currency = address(0);
        invalid(t, "currency or oracle zero");
        t = paymentTerms();
        t.oracle = address(0);
        invalid(t, "currency or oracle zero");
        t = paymentTerms();
        t.payer = address(0);
        invalid(t, "payer or payee zero or the same");
        t = paymentTerms();
        t.payee = t.payer;
        invalid(t, "payer or payee zero or the same");
        t = paymentTerms();
        t.curePeriod = 0;
        invalid(t, "cure period zero");
        t = paymentTerms();
        t.startBy = periodEnd(0);
        invalid(t, "starts after a period has ended");
        t = paymentTerms();
        t.lateRate = 1e18 + 1;
        invalid(t, "late rate above 100 %");
        t = paymentTerms();
        t.requiredCollateral[1] = 2 ** 96;
        invalid(t, "collateral too large");
        t = paymentTerms();
        t.requiredCollateral[0] = 2 ** 96;
        invalid(t, "collateral too large");
        t = paymentTerms();
        t.periods = new IKpiPayment.Period[](0);
        invalid(t, "periods not 1-240");
        t.periods = new IKpiPayment.Period[](241);
        invalid(t, "periods not 1-240");
        t = paymentTerms();
        t.periods[2].payDate = t.periods[1].payDate;
        invalid(t, "pay dates not ascending");
        t = paymentTerms();
        t.periods[4].payDate = 2 ** 40;
        invalid(t, "last pay date too far away");
        t = paymentTerms();
        t.periods[3].fixedAmount = 2 ** 96;
        invalid(t, "amount too large");
        t = paymentTerms();
        t.periods[3].fixedAmount = -(2 ** 96);
        invalid(t, "amount too large");
        t = paymentTerms();
        t.curve.knots = new PayoffCurve.Knot[](0);
        refuses(abi.encodeWithSelector(PayoffCurve.PayoffCurve_NoKnots.selector));
        payment.initialize(t);
    }

    function test_initialize_refusesFeedsThatCouldNeverBeSettledOn() external {
        IKpiPayment.Terms memory t = paymentTerms();
        t.feed = "none";
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_UnknownFeed.selector, bytes32("none")));
        payment.initialize(t);
        t = paymentTerms();
        t.feed = oracle.createFeed(kpiFeed(address(this)));
        invalid(t, "not a consumer of the feed");
        t = paymentTerms();
        t.valueFeed = oracle.createFeed(modelFeed(address(this)));
        invalid(t, "not a consumer of the feed");
        t = paymentTerms();
        t.valueFeed = t.feed;
        invalid(t, "value feed is the KPI feed");

        IKpiOracle.FeedConfig memory c = kpiFeed(address(payment));
        c.periodEnds[4] = payDay(4) + 1;
        t = paymentTerms();
        t.feed = oracle.createFeed(c);
        invalid(t, "period ends after its pay date");
        c.periodEnds = new uint64[](4);
        for (uint256 i = 0; i < 4; ++i) {
            c.periodEnds[i] = periodEnd(i);
        }
        t.feed = oracle.createFeed(c);
        invalid(t, "feed has too few periods");
    }

    function test_initialize_refusesAModelValueThatDoesNotFitItsRule() external {
        IKpiPayment.Terms memory t = lastFixing(paymentTerms());
        t.valueFeed = valueFeed;
        invalid(t, "model value without its rule");
        t = lastFixing(paymentTerms());
        t.missingValue = 1;
        invalid(t, "model value without its rule");
        t = closedOutBy(IKpiPayment.CloseOutRule.ReplacementCost, paymentTerms());
        t.missingValue = 1;
        invalid(t, "model value without its rule");
        IKpiOracle.FeedConfig memory c = modelFeed(address(payment));
        c.periodEnds[2] = periodEnd(1) - 1; // so it could not know what the second quarter brought
        t = paymentTerms();
        t.valueFeed = oracle.createFeed(c);
        invalid(t, "valued before it is measured");
        c = modelFeed(address(payment));
        c.maxValue = 2 ** 96;
        t = paymentTerms();
        t.valueFeed = oracle.createFeed(c);
        invalid(t, "model value too large");
        t = paymentTerms();
        t.missingValue = -(2 ** 96);
        invalid(t, "model value too large");
    }

    function test_initialize_refusesTermsUnderWhichSilencePays() external {
        IKpiPayment.Terms memory t = paymentTerms();
        t.missingPayoff = -TOP + 1; // the project would rather be silent than report a windy quarter
        invalid(t, "silence would pay the data controller");
        t = paymentTerms();
        t.dataController = PAYER; // and the payer rather than report a calm one
        invalid(t, "silence would pay the data controller");
        t.missingPayoff = 0;
        invalid(t, "silent value pays the controller");
        t.missingValue = VALUE_BOUND - 1;
        invalid(t, "silent value pays the controller");
        t.missingValue = VALUE_BOUND;
        payment.initialize(t);
    }

    /// @dev The terms are kept as they come, so what comes must be clean: a word that no enum or number has is refused.
    function testFuzz_initialize_refusesWordsThatDoNotFitTheirType(uint256 dirt) external {
        bytes memory clean = abi.encodeCall(IKpiPayment.initialize, (paymentTerms()));
        // Words of the tuple: single fields, then a period's date and amount, the curve's shape and a knot.
        uint256[13] memory fields = [uint256(0), 1, 6, 7, 8, 9, 10, 13, 15, 20, 21, 30, 33];
        uint8[13] memory widths = [160, 160, 32, 64, 1, 2, 1, 128, 128, 64, 128, 1, 128];
        uint256 pick = mix(dirt) % 13;
        uint256 word = 2 ** bound(mix(dirt) >> 8, widths[pick], 255);
        bytes memory dirty = bytes.concat(clean);
        assembly ("memory-safe") {
            mstore(add(dirty, add(68, shl(5, mload(add(fields, shl(5, pick)))))), word)
        }
        (bool ok,) = address(payment).call(dirty);
        isFalse(ok, "dirty terms were taken");
        (ok,) = address(payment).call(clean);
        isTrue(ok, "clean ones are");
    }

    /// @dev Law 4 for any curve: whatever terms are accepted, no report is worse than silence for the data controller.
    function testFuzz_silenceNeverPaysTheDataController(
        int64[4] calldata x,
        int64[4] calldata y,
        int64 missing,
        bool linear,
        bool payer,
        int128 kpi
    ) external {
        IKpiPayment.Terms memory t = lastFixing(paymentTerms());
        t.dataController = payer ? PAYER : PAYEE;
        t.curve.shape = linear ? PayoffCurve.Shape.Linear : PayoffCurve.Shape.Step;
        t.curve.knots = new PayoffCurve.Knot[](4);
        int256 last = type(int64).min;
        for (uint256 i = 0; i < 4; ++i) {
            last = last + 1 + int256(uint256(uint64(x[i])) % 2 ** 61); // ascending
            t.curve.knots[i] = PayoffCurve.Knot(int128(last), y[i]);
        }
        t.missingPayoff = missing;
        try payment.initialize(t) {
            int256 payoff = PayoffCurve.payoff(t.curve, kpi);
            isTrue(payer ? missing >= payoff : missing <= payoff, "silence pays");
        } catch {
            bool found;
            for (uint256 i = 0; i < 4; ++i) {
                found = found || (payer ? missing < y[i] : missing > y[i]);
            }
            isTrue(found, "refused although silence does not pay");
        }
    }

    /// @dev The contract settles on the knots around a value; the library's payoff of the whole curve says what is right.
    function testFuzz_settle_paysThePayoffOfTheWholeCurve(uint256 seed, bool linear, int128 kpi) external {
        seed = mix(seed) >> 1;
        IKpiPayment.Terms memory t = lastFixing(paymentTerms());
        t.curve.shape = linear ? PayoffCurve.Shape.Linear : PayoffCurve.Shape.Step;
        uint256 knots = 1 + mix(seed) % 32;
        t.curve.knots = new PayoffCurve.Knot[](knots);
        int128 x = -500;
        for (uint256 i = 0; i < knots; ++i) {
            x += 1 + int128(int256(mix(seed + i + 1) % 2_000));
            t.curve.knots[i] = PayoffCurve.Knot(x, int128(int256(mix(seed + i + 99) % 200_000)) - 100_000);
        }
        t.missingPayoff = -100_000;
        launchPayment(t, PAYER_MARGIN, PAYEE_MARGIN);
        kpi = int128(bound(int256(kpi), 0, TOP));
        uint256 dice = mix(seed + 7);
        int128 knot = t.curve.knots[dice % knots].x;
        if (dice >> 128 & 1 == 0 && knot >= 0 && knot <= TOP) kpi = knot; // often on a knot
        eqInt(settleAt(kpi), FIXED + PayoffCurve.payoff(t.curve, kpi), "amount");
    }

    /// @dev The longest swap with the longest curve fits the code of one contract, and settles.
    function test_initialize_takesTheLargestTerms() external {
        IKpiOracle.FeedConfig memory c = kpiFeed(address(payment));
        c.periodEnds = new uint64[](240);
        IKpiPayment.Terms memory t = lastFixing(paymentTerms());
        t.periods = new IKpiPayment.Period[](240);
        for (uint256 i = 0; i < 240; ++i) {
            c.periodEnds[i] = periodEnd(i);
            t.periods[i] = IKpiPayment.Period(payDay(i), FIXED);
        }
        t.curve.knots = new PayoffCurve.Knot[](32);
        for (uint256 i = 0; i < 32; ++i) {
            t.curve.knots[i] = PayoffCurve.Knot(int128(int256(i)) * 900, -int128(int256(i)) * 900);
        }
        t.feed = feed = oracle.createFeed(c);
        launchPayment(t, PAYER_MARGIN, PAYEE_MARGIN);
        for (uint256 i = 0; i < 240; ++i) {
            eqInt(settleAt(int128(int256(i)) * 100), FIXED - int256(i) * 100, "amount");
        }
        isState(IKpiPayment.State.Matured);
    }
}
