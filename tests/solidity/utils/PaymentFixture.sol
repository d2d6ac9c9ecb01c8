// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {KpiPayment} from "../../../contracts/instruments/KpiPayment.sol";
import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {PayoffCurve} from "../../../contracts/settlement/PayoffCurve.sol";
import {DealFixture} from "./DealFixture.sol";

/// @notice A proxy revenue swap of awkward numbers: fixed 10,007 and one more each quarter, against proxy revenue of 0 to
/// 30,011; five quarters; the payer must hold 5,003 and the project 1,009; 10.01 % on what is late.
abstract contract PaymentFixture is DealFixture {
    address internal constant HEDGER = address(0x4ED6E2);
    address internal constant PROJECT = address(0x920EC7);
    uint256 internal constant PERIODS = 5;
    uint64 internal constant QUARTER = 91 days;
    uint64 internal constant SETTLES = 50 days; // from a period's end to its pay date
    int128 internal constant FIXED = 10_007;
    int128 internal constant TOP = 30_011;
    uint128 internal constant PAYER_MARGIN = 5_003;
    uint128 internal constant PAYEE_MARGIN = 1_009;
    uint64 internal constant LATE_RATE = 0.1001e18;
    int128 internal constant VALUE_BOUND = 60_000;

    IKpiPayment.Side internal constant PAYER = IKpiPayment.Side.Payer;
    IKpiPayment.Side internal constant PAYEE = IKpiPayment.Side.Payee;

    address internal implementation;
    KpiPayment internal payment;
    bytes32 internal valueFeed;

    function deployPaymentRooms() internal {
        deployRooms();
        implementation = address(new KpiPayment());
    }

    /// @dev A clone that nobody has initialised, and feeds that name it.
    function freshPayment() internal {
        payment = KpiPayment(Clones.clone(implementation));
        feed = oracle.createFeed(kpiFeed(address(payment)));
        valueFeed = oracle.createFeed(modelFeed(address(payment)));
    }

    /// @dev Agreed; nothing is posted.
    function deployPayment(IKpiPayment.Terms memory terms) internal {
        payment.initialize(terms);
        currency.approve(address(payment), type(uint256).max);
    }

    function deployPayment() internal {
        freshPayment();
        deployPayment(paymentTerms());
    }

    /// @dev Begun.
    function launchPayment(IKpiPayment.Terms memory terms, uint256 payers, uint256 payees) internal {
        deployPayment(terms);
        post(PAYER, payers);
        post(PAYEE, payees);
        payment.activate();
    }

    // ---------------------------------------------------------------- dates

    function periodEnd(uint256 i) internal pure returns (uint64) {
        return uint64(START + (i + 1) * QUARTER);
    }

    function payDay(uint256 i) internal pure returns (uint64) {
        return periodEnd(i) + SETTLES;
    }

    /// @dev The model values payments i and later at the start of period i.
    function valuedAt(uint256 i) internal pure returns (uint64) {
        return uint64(START + i * QUARTER + 1 days);
    }

    // ---------------------------------------------------------------- terms

    function kpiFeed(address consumer) internal view returns (IKpiOracle.FeedConfig memory c) {
        c = feedConfig();
        c.kpi = "proxy-revenue";
        c.decimals = 0;
        (c.minValue, c.maxValue, c.maxSpread) = (0, TOP, 1_000);
        c.periodEnds = new uint64[](PERIODS);
        for (uint256 i = 0; i < PERIODS; ++i) {
            c.periodEnds[i] = periodEnd(i);
        }
        c.consumers = new address[](1);
        c.consumers[0] = consumer;
    }

    function modelFeed(address consumer) internal view returns (IKpiOracle.FeedConfig memory c) {
        c = kpiFeed(consumer);
        c.kpi = "model-value";
        (c.minValue, c.maxValue) = (-VALUE_BOUND, VALUE_BOUND);
        for (uint256 i = 0; i < PERIODS; ++i) {
            c.periodEnds[i] = valuedAt(i);
        }
    }

    function paymentTerms() internal view virtual returns (IKpiPayment.Terms memory t) {
        t.currency = address(currency);
        t.payer = HEDGER;
        t.payee = PROJECT;
        t.oracle = address(oracle);
        t.feed = feed;
        t.valueFeed = valueFeed;
        t.curePeriod = CURE;
        t.lateRate = LATE_RATE;
        t.dataController = PAYEE;
        t.closeOutRule = IKpiPayment.CloseOutRule.ModelValue;
        t.startBy = CLOSES + 1 days;
        t.missingPayoff = -TOP;
        t.missingValue = -VALUE_BOUND;
        t.requiredCollateral = [PAYER_MARGIN, PAYEE_MARGIN];
        t.periods = new IKpiPayment.Period[](PERIODS);
        for (uint256 i = 0; i < PERIODS; ++i) {
            t.periods[i] = IKpiPayment.Period(payDay(i), FIXED + int128(int256(i)));
        }
        t.curve.shape = PayoffCurve.Shape.Linear;
        t.curve.knots = new PayoffCurve.Knot[](2);
        t.curve.knots[0] = PayoffCurve.Knot(0, 0);
        t.curve.knots[1] = PayoffCurve.Knot(TOP, -TOP);
    }

    function closedOutBy(IKpiPayment.CloseOutRule rule, IKpiPayment.Terms memory t)
        internal
        pure
        returns (IKpiPayment.Terms memory)
    {
        (t.closeOutRule, t.valueFeed, t.missingValue) = (rule, 0, 0);
        return t;
    }

    function lastFixing(IKpiPayment.Terms memory t) internal pure returns (IKpiPayment.Terms memory) {
        return closedOutBy(IKpiPayment.CloseOutRule.LastFixing, t);
    }

    // ---------------------------------------------------------------- steps

    function post(IKpiPayment.Side side, uint256 amount) internal {
        currency.mint(address(this), amount);
        payment.fund(side, amount);
    }

    /// @dev Three nodes report; final when this returns.
    function reportFinal(bytes32 which, uint32 period, uint64 end, int128 value) internal {
        if (block.timestamp < end) vm.warp(end);
        oracle.submit(which, period, 0, unanimous(which, period, 0, QUORUM, value));
        vm.warp(block.timestamp + DISPUTE);
    }

    /// @dev Proxy revenue of the next period, to its pay date, settled.
    function settleAt(int128 revenue) internal returns (int256) {
        uint256 i = payment.periodsSettled();
        reportFinal(feed, uint32(i), periodEnd(i), revenue);
        if (block.timestamp < payDay(i)) vm.warp(payDay(i));
        return payment.settle();
    }

    function isState(IKpiPayment.State wanted) internal view {
        eq(uint256(payment.state()), uint256(wanted), "state");
    }

    function wrongState(IKpiPayment.State state) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IKpiPayment.KpiPayment_WrongState.selector, state);
    }

    function isAccount(IKpiPayment.Side side, uint256 balance, uint256 credit, uint256 owed) internal view {
        IKpiPayment.Account memory a = payment.accountOf(side);
        eq(a.balance, balance, "balance");
        eq(a.credit, credit, "credit");
        eq(payment.owed(side), owed, "owed");
        eq(a.principal + a.interest, owed, "principal and interest");
    }
}
