// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../interfaces/IKpiBond.sol";
import {CodeStore} from "../settlement/CodeStore.sol";
import {PayoffCurve} from "../settlement/PayoffCurve.sol";

/// @title Bond terms
/// @notice A bond's terms as words kept as code, as feeds and swaps keep theirs ({CodeStore}): they can never change, and
/// all of them cost less to read than a few storage slots. Packed, because deploying costs 200 gas a byte.
/// @dev Words 0 to 7: token, grace and cure period, data controller | currency, authorised units | issuer, rate |
/// offering, late rate | oracle, counts of periods, fixings, periods again (fewer once a call is announced) and calls,
/// notice period | principal of a unit, premium of a call that is announced | address of a second store | where holders
/// consent to a standstill. Then a word for each period, two for each fixing, a word for each call, and the curves' knots, a word each. What does not fit the first
/// store is in the second; a curve is never torn. The data was packed by {BondChecks}, so fields need no validation: a pay
/// date fits 48 bits, a repayment 96.
library BondTerms {
    /// @dev Words that a store can hold: the largest contract, less the leading STOP of {CodeStore}, and a word for a call.
    uint256 private constant STORE_WORDS = 766;
    uint256 private constant HEAD = 8;

    /// @dev No period: of what a call leaves nothing to bend, whatever that was.
    uint256 private constant NEVER = type(uint16).max;

    /// @dev A fixing without its curve.
    struct FixingHead {
        bytes32 feed;
        uint32 kpiPeriod;
        bool bendsRate;
        uint256 first;
        uint256 last;
        int128 missing;
    }

    // ---------------------------------------------------------------- writing

    /// @return head the store from which everything can be read
    function write(IKpiBond.Terms calldata t) internal returns (address head) {
        (uint256 periods, uint256 fixings) = (t.periods.length, t.fixings.length);
        // Where the next curve goes: in the first store, then in the second.
        uint256 here = HEAD + periods + 2 * fixings + t.calls.length;
        uint256 there = STORE_WORDS;
        uint256[] memory positions = new uint256[](fixings);
        for (uint256 i = 0; i < fixings; ++i) {
            uint256 knots = t.fixings[i].curve.knots.length;
            if (here + knots <= STORE_WORDS) (positions[i], here) = (here, here + knots);
            else (positions[i], there) = (there, there + knots);
        }
        bytes memory first = new bytes(32 * here);
        bytes memory rest = new bytes(32 * (there - STORE_WORDS));
        _packPeriods(first, t);
        _packFixings(first, rest, t, positions);
        for (uint256 i = 0; i < t.calls.length; ++i) {
            _put(first, HEAD + periods + 2 * fixings + i, t.calls[i].first | uint256(t.calls[i].premium) << 16);
        }
        _packHead(first, t, rest.length == 0 ? address(0) : CodeStore.write(rest));
        head = CodeStore.write(first);
    }

    function _packHead(bytes memory data, IKpiBond.Terms calldata t, address rest) private pure {
        _put(
            data,
            0,
            uint160(t.token) | uint256(t.gracePeriod) << 160 | uint256(t.curePeriod) << 192 | uint256(t.dataController)
                << 224
        );
        _put(data, 1, uint160(t.currency) | uint256(t.authorisedUnits) << 160);
        _put(data, 2, uint160(t.issuer) | uint256(t.rate) << 160);
        _put(data, 3, uint160(t.offering) | uint256(t.lateRate) << 160);
        uint256 counts = t.periods.length | t.fixings.length << 16 | t.periods.length << 32 | t.calls.length << 48;
        _put(data, 4, uint160(t.oracle) | counts << 160 | uint256(t.noticePeriod) << 224);
        _put(data, 5, t.unitPrincipal);
        _put(data, 6, uint160(rest));
        _put(data, 7, uint160(t.consents));
    }

    function _packPeriods(bytes memory data, IKpiBond.Terms calldata t) private pure {
        for (uint256 i = 0; i < t.periods.length; ++i) {
            IKpiBond.Period calldata p = t.periods[i];
            _put(
                data,
                HEAD + i,
                p.payDate | uint256(p.numerator) << 48 | uint256(p.denominator) << 72 | uint256(p.repayment) << 96
                    | uint256(uint64(p.step)) << 192
            );
        }
    }

    function _packFixings(bytes memory data, bytes memory rest, IKpiBond.Terms calldata t, uint256[] memory positions)
        private
        pure
    {
        for (uint256 i = 0; i < t.fixings.length; ++i) {
            IKpiBond.Fixing calldata f = t.fixings[i];
            uint256 place = HEAD + t.periods.length + 2 * i;
            _put(data, place, uint256(f.feed));
            _put(
                data,
                place + 1,
                f.kpiPeriod | uint256(f.effect) << 32 | uint256(f.first) << 40 | uint256(f.last) << 56
                    | uint256(f.curve.shape) << 72 | f.curve.knots.length << 80 | positions[i] << 88
                    | uint256(uint128(f.missing)) << 128
            );
            PayoffCurve.Knot[] calldata knots = f.curve.knots;
            bool torn = positions[i] >= STORE_WORDS;
            (bytes memory target, uint256 to) = torn ? (rest, positions[i] - STORE_WORDS) : (data, positions[i]);
            for (uint256 j = 0; j < knots.length; ++j) {
                _put(target, to + j, uint128(knots[j].x) | uint256(uint128(knots[j].y)) << 128);
            }
        }
    }

    /// @notice Write the terms once more, with `period` as the last one: its redemption pays a unit the premium, and what
    /// is fixed for later periods bends nothing.
    /// @param t the terms at `head`, which are changed in memory
    function cut(bytes memory t, address head, uint256 period, uint256 premium_) internal returns (address) {
        _put(t, 4, _get(t, 4) & ~(uint256(type(uint16).max) << 192) | (period + 1) << 192);
        _put(t, 5, _get(t, 5) | premium_ << 128);
        uint256 count = fixingCount(t);
        for (uint256 i = 0; i < count; ++i) {
            uint256 place;
            unchecked {
                place = HEAD + _periodsKept(t) + 2 * i + 1; // a word of the terms, which fit a contract
            }
            uint256 word = _get(t, place);
            if (uint16(word >> 40) > period) {
                word = word & ~(uint256(type(uint8).max) << 32) | NEVER << 40 | NEVER << 56;
            } else if (uint16(word >> 56) > period) {
                word = word & ~(NEVER << 56) | period << 56;
            }
            _put(t, place, word);
        }
        return CodeStore.write(bytes.concat(t, bytes32(uint256(uint160(head)))));
    }

    // ---------------------------------------------------------------- reading

    function load(address head) internal view returns (bytes memory) {
        return CodeStore.read(head);
    }

    /// @notice The terms as they were when the bond was created.
    function loadOriginal(address head) internal view returns (bytes memory t) {
        t = load(head);
        if (isCalled(t)) t = load(address(uint160(_get(t, t.length / 32 - 1))));
    }

    function token(bytes memory t) internal pure returns (address) {
        return address(uint160(_get(t, 0)));
    }

    function gracePeriod(bytes memory t) internal pure returns (uint32) {
        return uint32(_get(t, 0) >> 160);
    }

    function curePeriod(bytes memory t) internal pure returns (uint32) {
        return uint32(_get(t, 0) >> 192);
    }

    function currency(bytes memory t) internal pure returns (address) {
        return address(uint160(_get(t, 1)));
    }

    function authorisedUnits(bytes memory t) internal pure returns (uint64) {
        return uint64(_get(t, 1) >> 160);
    }

    function issuer(bytes memory t) internal pure returns (address) {
        return address(uint160(_get(t, 2)));
    }

    function rate(bytes memory t) internal pure returns (uint64) {
        return uint64(_get(t, 2) >> 160);
    }

    function offering(bytes memory t) internal pure returns (address) {
        return address(uint160(_get(t, 3)));
    }

    function lateRate(bytes memory t) internal pure returns (uint64) {
        return uint64(_get(t, 3) >> 160);
    }

    function oracle(bytes memory t) internal pure returns (address) {
        return address(uint160(_get(t, 4)));
    }

    function periodCount(bytes memory t) internal pure returns (uint256) {
        return uint16(_get(t, 4) >> 192);
    }

    /// @dev Without regard to a call.
    function _periodsKept(bytes memory t) private pure returns (uint256) {
        return uint16(_get(t, 4) >> 160);
    }

    /// @notice Whether a call is announced.
    function isCalled(bytes memory t) internal pure returns (bool) {
        return periodCount(t) != _periodsKept(t);
    }

    function noticePeriod(bytes memory t) internal pure returns (uint32) {
        return uint32(_get(t, 4) >> 224);
    }

    function calls(bytes memory t) internal pure returns (IKpiBond.Call[] memory all) {
        all = new IKpiBond.Call[](uint16(_get(t, 4) >> 208));
        uint256 place = HEAD + _periodsKept(t) + 2 * fixingCount(t);
        for (uint256 i = 0; i < all.length; ++i) {
            uint256 word = _get(t, place + i);
            all[i] = IKpiBond.Call(uint16(word), uint64(word >> 16));
        }
    }

    function fixingCount(bytes memory t) internal pure returns (uint256) {
        return uint16(_get(t, 4) >> 176);
    }

    function unitPrincipal(bytes memory t) internal pure returns (uint256) {
        return uint128(_get(t, 5));
    }

    /// @notice What the redemption pays a unit beside the principal, once a call is announced.
    function premium(bytes memory t) internal pure returns (uint256) {
        return _get(t, 5) >> 128;
    }

    /// @notice Where holders consent to a standstill; zero if they cannot.
    function consents(bytes memory t) internal pure returns (address) {
        return address(uint160(_get(t, 7)));
    }

    function payDate(bytes memory t, uint256 period) internal pure returns (uint64) {
        return uint48(_get(t, HEAD + period));
    }

    /// @notice Accrual factor of a period, numerator and denominator.
    function factor(bytes memory t, uint256 period) internal pure returns (uint256, uint256) {
        uint256 word = _get(t, HEAD + period);
        return (uint24(word >> 48), uint24(word >> 72));
    }

    function repayment(bytes memory t, uint256 period) internal pure returns (uint256) {
        return uint96(_get(t, HEAD + period) >> 96);
    }

    /// @notice Principal of one unit that the schedule leaves before payment `i`.
    function left(bytes memory t, uint256 i) internal pure returns (uint256 principal) {
        principal = unitPrincipal(t);
        for (uint256 j = 0; j < i && j + 1 < periodCount(t); ++j) {
            principal -= repayment(t, j);
        }
    }

    /// @notice What the terms themselves add to the rate in a period.
    function step(bytes memory t, uint256 period) internal pure returns (int256) {
        return int256(_get(t, HEAD + period)) >> 192;
    }

    /// @notice A fixing but for its curve. The caller has checked that there is one.
    function fixing(bytes memory t, uint256 i) internal pure returns (FixingHead memory f) {
        uint256 place = HEAD + _periodsKept(t) + 2 * i;
        uint256 word = _get(t, place + 1);
        f.feed = bytes32(_get(t, place));
        f.kpiPeriod = uint32(word);
        f.bendsRate = uint8(word >> 32) == uint8(IKpiBond.Effect.Rate);
        f.first = uint16(word >> 40);
        f.last = uint16(word >> 56);
        f.missing = int128(int256(word) >> 128);
    }

    /// @notice The first payment that a fixing bends. What is due at maturity is paid by the redemption.
    function firstPayment(bytes memory t, FixingHead memory f) internal pure returns (uint256) {
        return !f.bendsRate && f.first + 1 == periodCount(t) ? f.first + 1 : f.first;
    }

    function curve(bytes memory t, uint256 i) internal view returns (PayoffCurve.Curve memory c) {
        uint256 word = _get(t, HEAD + _periodsKept(t) + 2 * i + 1);
        uint256 place = uint16(word >> 88);
        if (place >= STORE_WORDS) (t, place) = (CodeStore.read(address(uint160(_get(t, 6)))), place - STORE_WORDS);
        c.shape = PayoffCurve.Shape(uint8(word >> 72));
        c.knots = new PayoffCurve.Knot[](uint8(word >> 80));
        for (uint256 j = 0; j < c.knots.length; ++j) {
            int256 knot = int256(_get(t, place + j));
            c.knots[j] = PayoffCurve.Knot(int128(knot), int128(knot >> 128));
        }
    }

    /// @notice All terms, as they were written.
    function decode(bytes memory t) internal view returns (IKpiBond.Terms memory terms) {
        terms.token = token(t);
        terms.currency = currency(t);
        terms.issuer = issuer(t);
        terms.offering = offering(t);
        terms.oracle = oracle(t);
        terms.gracePeriod = gracePeriod(t);
        terms.curePeriod = curePeriod(t);
        terms.dataController = IKpiBond.DataController(uint8(_get(t, 0) >> 224));
        terms.unitPrincipal = uint128(unitPrincipal(t));
        terms.authorisedUnits = authorisedUnits(t);
        terms.rate = rate(t);
        terms.lateRate = lateRate(t);
        terms.periods = new IKpiBond.Period[](periodCount(t));
        for (uint256 i = 0; i < terms.periods.length; ++i) {
            (uint256 numerator, uint256 denominator) = factor(t, i);
            terms.periods[i] = IKpiBond.Period(
                payDate(t, i), uint24(numerator), uint24(denominator), uint128(repayment(t, i)), int64(step(t, i))
            );
        }
        terms.fixings = new IKpiBond.Fixing[](fixingCount(t));
        for (uint256 i = 0; i < terms.fixings.length; ++i) {
            FixingHead memory f = fixing(t, i);
            terms.fixings[i] = IKpiBond.Fixing({
                feed: f.feed,
                kpiPeriod: f.kpiPeriod,
                effect: f.bendsRate ? IKpiBond.Effect.Rate : IKpiBond.Effect.Amount,
                first: uint16(f.first),
                last: uint16(f.last),
                missing: f.missing,
                curve: curve(t, i)
            });
        }
        terms.noticePeriod = noticePeriod(t);
        terms.calls = calls(t);
        terms.consents = consents(t);
    }

    // ---------------------------------------------------------------- words

    function _get(bytes memory data, uint256 word) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(data, add(32, shl(5, word))))
        }
    }

    function _put(bytes memory data, uint256 word, uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(add(data, add(32, shl(5, word))), value)
        }
    }
}
