// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../interfaces/IKpiPayment.sol";
import {FeedStore} from "../oracle/FeedStore.sol";
import {PayoffCurve} from "../settlement/PayoffCurve.sol";

/// @title Payment terms
/// @notice Reads single terms of a KPI payment in place. They are kept as code, as feeds are: they can never change, and
/// all of 240 periods cost a settlement less to read than three storage slots.
/// @dev The data is ABI-encoded {IKpiPayment.Terms}: field i is word i. The contract encoded it itself, so no word needs
/// validation. A list's items are words after its length; a curve is its shape, the offset of its knots, and their list.
library PaymentTerms {
    using FeedStore for bytes;

    /// @dev Positions of fields in {IKpiPayment.Terms}.
    uint256 private constant CURRENCY = 0;
    uint256 private constant PARTIES = 1; // payer, payee
    uint256 private constant ORACLE = 3;
    uint256 private constant FEED = 4;
    uint256 private constant VALUE_FEED = 5;
    uint256 private constant CURE_PERIOD = 6;
    uint256 private constant LATE_RATE = 7;
    uint256 private constant DATA_CONTROLLER = 8;
    uint256 private constant CLOSE_OUT_RULE = 9;
    uint256 private constant LIMITED_RECOURSE = 10;
    uint256 private constant PAYEE_STARTS = 11;
    uint256 private constant START_BY = 12;
    uint256 private constant MISSING_PAYOFF = 13;
    uint256 private constant MISSING_VALUE = 14;
    uint256 private constant REQUIRED = 15; // payer, payee
    uint256 private constant PERIODS = 17;
    uint256 private constant CURVE = 18;

    /// @dev No single amount is above this. 240 periods, those closed out among them, then add up to less than 2^104, the
    /// width in which {KpiPayment} keeps what a side owes.
    int256 internal constant MAX_AMOUNT = int256(uint256(type(uint96).max));

    function currency(bytes memory terms) internal pure returns (address) {
        return address(uint160(terms.word(CURRENCY)));
    }

    function party(bytes memory terms, IKpiPayment.Side side) internal pure returns (address) {
        return address(uint160(terms.word(PARTIES + uint256(side))));
    }

    function oracle(bytes memory terms) internal pure returns (address) {
        return address(uint160(terms.word(ORACLE)));
    }

    function feed(bytes memory terms) internal pure returns (bytes32) {
        return bytes32(terms.word(FEED));
    }

    function valueFeed(bytes memory terms) internal pure returns (bytes32) {
        return bytes32(terms.word(VALUE_FEED));
    }

    function curePeriod(bytes memory terms) internal pure returns (uint40) {
        return uint40(terms.word(CURE_PERIOD));
    }

    function lateRate(bytes memory terms) internal pure returns (uint256) {
        return terms.word(LATE_RATE);
    }

    function dataController(bytes memory terms) internal pure returns (IKpiPayment.Side) {
        return IKpiPayment.Side(terms.word(DATA_CONTROLLER));
    }

    function closeOutRule(bytes memory terms) internal pure returns (IKpiPayment.CloseOutRule) {
        return IKpiPayment.CloseOutRule(terms.word(CLOSE_OUT_RULE));
    }

    /// @notice Whether owing is no default for this side.
    function isLimited(bytes memory terms, IKpiPayment.Side side) internal pure returns (bool) {
        return side == IKpiPayment.Side.Payee && terms.word(LIMITED_RECOURSE) != 0;
    }

    /// @notice Whether only the payee can begin the swap.
    function payeeStarts(bytes memory terms) internal pure returns (bool) {
        return terms.word(PAYEE_STARTS) != 0;
    }

    function startBy(bytes memory terms) internal pure returns (uint256) {
        return terms.word(START_BY);
    }

    function missingPayoff(bytes memory terms) internal pure returns (int256) {
        return int256(terms.word(MISSING_PAYOFF));
    }

    function missingValue(bytes memory terms) internal pure returns (int256) {
        return int256(terms.word(MISSING_VALUE));
    }

    /// @notice Balance that a side must hold while the swap runs.
    function required(bytes memory terms, IKpiPayment.Side side) internal pure returns (uint256) {
        return terms.word(REQUIRED + uint256(side));
    }

    function periodCount(bytes memory terms) internal pure returns (uint256) {
        return terms.count(PERIODS);
    }

    function payDate(bytes memory terms, uint256 period) internal pure returns (uint64) {
        return uint64(terms.item(PERIODS, 2 * period));
    }

    /// @notice How many payments fall due in a year: within 350 days of the first, itself included, because the same day of
    /// the next year's quarter or month is not always 365 days away.
    function periodsAYear(bytes memory terms) internal pure returns (uint256 count) {
        uint256 end = uint256(payDate(terms, 0)) + 350 days;
        while (count < periodCount(terms) && payDate(terms, count) < end) ++count;
    }

    function fixedAmount(bytes memory terms, uint256 period) internal pure returns (int256) {
        return int256(terms.item(PERIODS, 2 * period + 1));
    }

    /// @notice The signed amount of a period: its fixed amount, and the payoff of its KPI or of its absence.
    function amountOf(bytes memory terms, uint256 period, int128 kpi, bool missing) internal pure returns (int256) {
        return
            fixedAmount(terms, period) + (missing ? missingPayoff(terms) : PayoffCurve.payoff(_around(terms, kpi), kpi));
    }

    function curve(bytes memory terms) internal pure returns (PayoffCurve.Curve memory) {
        return _part(terms, 0, terms.item(CURVE, 1));
    }

    /// @dev The one or two knots between which a KPI value lies: the payoff is theirs, and a settlement on a curve of 32
    /// knots then costs little more than on one of two.
    function _around(bytes memory terms, int128 kpi) private pure returns (PayoffCurve.Curve memory) {
        uint256 knots = terms.item(CURVE, 1);
        uint256 right = 0; // the first knot beyond the value, by bisection
        for (uint256 end = knots; right < end;) {
            // An index rounded down, not an amount.
            // slither-disable-next-line divide-before-multiply
            uint256 middle = (right + end) / 2;
            if (int256(terms.item(CURVE, 2 + 2 * middle)) <= kpi) right = middle + 1;
            else end = middle;
        }
        return _part(terms, right == 0 ? 0 : right - 1, right == knots ? knots : right + 1);
    }

    /// @dev Knots from `first` until before `end`.
    function _part(bytes memory terms, uint256 first, uint256 end) private pure returns (PayoffCurve.Curve memory c) {
        c.shape = PayoffCurve.Shape(terms.count(CURVE)); // the curve's first word
        c.knots = new PayoffCurve.Knot[](end - first);
        for (uint256 i = first; i < end; ++i) {
            int128 x = int128(int256(terms.item(CURVE, 2 + 2 * i)));
            int128 y = int128(int256(terms.item(CURVE, 3 + 2 * i)));
            c.knots[i - first] = PayoffCurve.Knot(x, y);
        }
    }
}
