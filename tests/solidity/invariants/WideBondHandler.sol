// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DealTerms} from "../utils/DealFixture.sol";
import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {PayoffCurve} from "../../../contracts/settlement/PayoffCurve.sol";
import {BondBooks} from "./BondBooks.sol";

/// @notice Lives the life of a bond of random terms: two to five periods, repayments and rates of their own on the way, up
/// to five coupon steps and amounts that go by the reports on up to two KPIs, and either side in control of the data.
/// @dev The first action throws the dice for the terms. Curves have two points, so that a payoff can be written down here
/// without the contracts' curve. As in {TokenHandler}, each action is predicted from the books first.
contract WideBondHandler is BondBooks {
    uint256 private constant DATA_ENDS = 60 days; // before a pay date: later than all windows of the oracle

    struct Rule {
        uint256 kpi;
        uint256 measured; // which of the KPI's periods
        bool bendsRate;
        uint256 first;
        uint256 last;
        bool linear;
        int256 x0;
        int256 x1;
        int256 y0;
        int256 y1;
        int256 missing;
        bool made;
        int256 value;
        uint256 waitedFor; // until when its report was, or an acceleration in its place
    }

    struct Seen {
        uint256 at;
        int256 value;
    }

    uint256 public total; // periods; zero before the first action
    Rule[] private _rules;
    uint256[] private _numerators;
    uint256[] private _denominators;
    uint256[] private _repayments;
    int256[] private _steps;
    uint256 public repaid; // of one unit
    bytes32[] private _feeds;
    mapping(uint256 kpi => mapping(uint256 measured => Seen)) private _seen;
    bool private _issuerControls;

    constructor() {
        deployRooms();
    }

    // ---------------------------------------------------------------- terms

    function _wake() internal override {
        if (total != 0) return;
        uint256 dice = mix(uint256(keccak256(msg.data)));
        DealTerms memory t = dealTerms();
        t.termsHash = bytes32(dice);
        _issuerControls = _pick(dice, 0, 1) == 0;
        t.dataController = _issuerControls ? IKpiBond.DataController.Issuer : IKpiBond.DataController.Holders;
        total = 2 + _pick(dice, 1, 3);
        t.periods = new IKpiBond.Period[](total);
        uint256 left = UNIT_PRINCIPAL;
        for (uint256 i = 0; i < total; ++i) {
            uint256 back =
                i + 1 == total ? left : _pick(mix(dice + i), 2, 2) == 0 ? 0 : _pick(mix(dice + i), 3, left / 2);
            left -= back;
            _numerators.push(181 + _pick(mix(dice + i), 4, 3));
            _denominators.push(_pick(mix(dice + i), 5, 1) == 0 ? 360 : 365);
            _repayments.push(back);
            // A quarter of the rate down to half of it up: with all that reports can do, it stays from zero to the late rate.
            _steps.push(int256(RATE * _pick(mix(dice + i), 6, 75) / 100) - int256(uint256(RATE)) / 4);
            t.periods[i] = IKpiBond.Period({
                payDate: uint64(_payDate(i)),
                numerator: uint24(_numerators[i]),
                denominator: uint24(_denominators[i]),
                repayment: uint128(back),
                step: int64(_steps[i])
            });
        }
        uint256 kpis = _pick(dice, 6, 2);
        t.oraclePolicies = new IKpiOracle.FeedConfig[](kpis);
        for (uint256 i = 0; i < kpis; ++i) {
            t.oraclePolicies[i] = feedConfig();
            t.oraclePolicies[i].kpi = bytes32(i + 1);
            t.oraclePolicies[i].periodEnds = new uint64[](total);
            for (uint256 j = 0; j < total; ++j) {
                t.oraclePolicies[i].periodEnds[j] = uint64(_dataEnd(j));
            }
        }
        t.fixings = new IKpiBond.Fixing[](kpis == 0 ? 0 : _pick(dice, 7, 5));
        for (uint256 i = 0; i < t.fixings.length; ++i) {
            _throwRule(mix(dice ^ (i + 1)), kpis);
            t.fixings[i] = _asTerms(_rules[i]);
        }
        begin(t);
        _feeds = wired(t, address(this)).feeds;
    }

    /// @dev A number from 0 to `most` out of the `n`-th byte pair.
    function _pick(uint256 dice, uint256 n, uint256 most) private pure returns (uint256) {
        return (dice >> (n * 16)) % 2 ** 16 % (most + 1);
    }

    /// @dev Five steps down take at most five eighths of the rate. Amounts before maturity are not negative; five at
    /// maturity take at most five eighths of what is repaid then, and nothing where that is too little to round.
    function _throwRule(uint256 dice, uint256 kpis) private {
        Rule storage r = _rules.push();
        r.kpi = _pick(dice, 0, kpis - 1);
        r.measured = _pick(dice, 1, total - 1);
        r.bendsRate = _pick(dice, 2, 1) == 0;
        // Mostly as deal files have it, after the measurement; now and then before, and payments wait.
        uint256 earliest = _pick(dice, 3, 7) == 0 ? 0 : r.measured;
        r.first = earliest + _pick(dice, 4, total - 1 - earliest);
        r.last = r.bendsRate ? r.first + _pick(dice, 5, total - 1 - r.first) : r.first;
        r.linear = _pick(dice, 6, 1) == 0;
        r.x0 = int256(_pick(dice, 7, 40_000)) * 10;
        r.x1 = r.x0 + 1 + int256(_pick(dice, 8, 20_000)) * 10;
        (int256 low, int256 high) = _ends(r, dice);
        (r.y0, r.y1) = _pick(dice, 11, 1) == 0 ? (low, high) : (high, low);
        r.missing = _issuerControls ? high + int256(_pick(dice, 12, 1) * 7) : low;
    }

    function _ends(Rule storage r, uint256 dice) private view returns (int256 low, int256 high) {
        uint256 most = RATE / 8;
        if (!r.bendsRate) {
            uint256 back = r.first + 1 == total ? _repayments[total - 1] : 0;
            most = back < 16 ? 0 : back * HARD_CAP / 8;
        }
        low = -int256(most * _pick(dice, 9, 100) / 100);
        high = int256((r.bendsRate ? RATE : BONUS_UINT) * _pick(dice, 10, 100) / 100);
    }

    uint256 private constant BONUS_UINT = uint256(uint128(BONUS));

    function _asTerms(Rule storage r) private view returns (IKpiBond.Fixing memory f) {
        f.feed = bytes32(r.kpi + 1);
        f.kpiPeriod = uint32(r.measured);
        f.effect = r.bendsRate ? IKpiBond.Effect.Rate : IKpiBond.Effect.Amount;
        (f.first, f.last) = (uint16(r.first), uint16(r.last));
        f.missing = int128(r.missing);
        f.curve.shape = r.linear ? PayoffCurve.Shape.Linear : PayoffCurve.Shape.Step;
        f.curve.knots = new PayoffCurve.Knot[](2);
        f.curve.knots[0] = PayoffCurve.Knot(int128(r.x0), int128(r.y0));
        f.curve.knots[1] = PayoffCurve.Knot(int128(r.x1), int128(r.y1));
    }

    // ---------------------------------------------------------------- time and data

    /// @dev Often to the very second at which something changes, or one beside it.
    function wait(uint256 seed) external watched {
        uint256 dice = mix(seed);
        uint256 i = (dice >> 192) % total;
        uint256 edge = _payDate(i);
        if (dice % 6 == 0) edge += GRACE;
        if (dice % 6 == 1) edge = _defaultedAt + CURE;
        if (dice % 6 == 2) edge = _dataEnd(i) + REPORTING;
        if (dice % 6 == 3) edge = _dataEnd(i);
        edge = edge + (dice >> 128) % 3 - 1;
        if ((dice >> 64) % 3 != 0 && edge > block.timestamp && edge < block.timestamp + HALF_YEAR) vm.warp(edge);
        else vm.warp(block.timestamp + 1 hours + (dice >> 192) % 30 days);
    }

    /// @dev On whatever can be reported now, around the points where its payoffs bend.
    function report(uint256 seed) external watched {
        uint256 dice = mix(seed);
        for (uint256 kpi = 0; kpi < _feeds.length; ++kpi) {
            for (uint256 j = 0; j < total; ++j) {
                bool open = block.timestamp >= _dataEnd(j) && block.timestamp <= _dataEnd(j) + REPORTING;
                if (!open || _seen[kpi][j].at != 0 || mix(dice ^ (kpi * 8 + j)) % 3 == 0) continue;
                int256 value = int256(mix(dice + kpi * 8 + j) % 620_000) - 10_000;
                IKpiOracle.Observation[] memory all = unanimous(_feeds[kpi], uint32(j), 0, QUORUM, int128(value));
                oracle.submit(_feeds[kpi], uint32(j), 0, all);
                _seen[kpi][j] = Seen(block.timestamp, value);
            }
        }
    }

    /// @dev Everything that leads to the next payment, which is then made, so that lives get as far as their end.
    function keepPromise() external watched {
        if (state != IKpiBond.State.Active) return;
        _waitUntil(_payDate(couponsPaid < total ? couponsPaid : total - 1));
        _fixAll();
        _bring(_lacking());
        if (couponsPaid < total) payCoupon();
        else redeem();
    }

    /// @dev A default on the next payment, soon after its grace period or much later.
    function breakPromise(uint256 seed) external watched {
        if (state != IKpiBond.State.Active) return;
        uint256 late = mix(seed) % 3 == 0 ? 1 : mix(seed) % uint256(HALF_YEAR);
        _waitUntil(_payDate(couponsPaid < total ? couponsPaid : total - 1) + GRACE + late);
        if (mix(seed) % 2 == 0) _fixAll();
        declareDefault();
    }

    function makeGood(uint256 seed) external watched {
        if (state != IKpiBond.State.Defaulted) return;
        if (mix(seed) % 3 == 0) _waitUntil(_defaultedAt + CURE);
        _fixAll();
        uint256 lacking = _lacking();
        _bring(lacking == 0 ? 0 : lacking - (mix(seed) >> 8) % 2);
        cure();
    }

    function giveUp() external watched {
        if (state != IKpiBond.State.Defaulted) return;
        _waitUntil(_defaultedAt + CURE + 1);
        accelerate();
    }

    function _waitUntil(uint256 time) private {
        if (block.timestamp < time) vm.warp(time);
    }

    function _fixAll() private {
        for (uint256 i = 0; i < _rules.length; ++i) {
            fix(i);
        }
    }

    function _bring(uint256 amount) private {
        currency.mint(address(bond), amount);
        _book(amount);
    }

    // ---------------------------------------------------------------- what anyone can trigger

    function fix(uint256 seed) public watched {
        if (_rules.length == 0) return;
        uint256 i = seed % _rules.length;
        Rule storage r = _rules[i];
        bool expected =
            (state == IKpiBond.State.Active || state == IKpiBond.State.Defaulted) && !r.made && _isSettled(r);
        try bond.fix(i) returns (int128 value) {
            isTrue(expected, "fix should have failed");
            (r.made, r.value, r.waitedFor) = (true, _settledValue(r), _settledAt(r));
            eqInt(value, r.value, "value");
            int256 silent = r.missing;
            isTrue(_issuerControls ? value <= silent : value >= silent, "silence never pays");
            if (block.timestamp >= _dateOf(couponsPaid)) _tell();
        } catch {
            isFalse(expected, "fix should have succeeded");
        }
    }

    function payCoupon() public watched {
        uint256 i = couponsPaid;
        bool known = i < total && _isKnown(i);
        uint256 due = known ? _withLate(i) : 0;
        bool expected =
            state == IKpiBond.State.Active && known && block.timestamp >= _payDate(i) && bondMoney >= due + carried;
        try bond.payCoupon() returns (uint256 paid) {
            isTrue(expected, "payCoupon should have failed");
            if (i + 1 < total) repaid += _repayments[i];
            eq(paid, _share(due + carried), "coupon paid");
            _made(due);
        } catch {
            isFalse(expected, "payCoupon should have succeeded");
        }
    }

    function redeem() public watched {
        bool known = couponsPaid == total && _isKnown(total);
        uint256 due = known ? _withLate(total) : 0;
        bool expected = state == IKpiBond.State.Active && known && bondMoney >= due + carried;
        try bond.redeem() returns (uint256 paid) {
            isTrue(expected, "redeem should have failed");
            isTrue(block.timestamp >= _payDate(total - 1), "redeemed before maturity");
            atMost(kept(), promised + due, "paying late is cheaper than keeping the terms");
            state = IKpiBond.State.Redeemed;
            promised += due;
            eq(paid, _share(due + carried), "redemption paid");
        } catch {
            isFalse(expected, "redeem should have succeeded");
        }
    }

    function declareDefault() public watched {
        uint256 i = couponsPaid;
        bool known = _isKnown(i);
        // Also the grace period of a payment that waited for a report begins when it could be made.
        bool expected = state == IKpiBond.State.Active && known && _sinceOf(i) != 0
            && block.timestamp > _sinceOf(i) + GRACE && bondMoney < _withLate(i) + carried;
        try bond.declareDefault() {
            isTrue(expected, "declareDefault should have failed");
            state = IKpiBond.State.Defaulted;
            _defaultedAt = block.timestamp;
        } catch {
            isFalse(expected, "declareDefault should have succeeded");
        }
    }

    function cure() public watched {
        (bool known, uint256 arrears) = _arrears();
        bool expected = state == IKpiBond.State.Defaulted && block.timestamp <= _defaultedAt + CURE && known
            && bondMoney >= arrears + carried;
        try bond.cure() {
            isTrue(expected, "cure should have failed");
            state = IKpiBond.State.Active;
            _tell();
        } catch {
            isFalse(expected, "cure should have succeeded");
        }
    }

    function accelerate() public watched {
        bool expected = state == IKpiBond.State.Defaulted && block.timestamp > _defaultedAt + CURE;
        uint256 missed = _sinceOf(couponsPaid) + GRACE;
        for (uint256 i = 0; i < _rules.length; ++i) {
            // Nobody may jump over a report in the making that still matters and was measured before the default.
            Rule storage r = _rules[i];
            if (_matters(r) && !r.made && _dataEnd(r.measured) <= missed && !_isSettled(r)) expected = false;
        }
        try bond.accelerate() {
            isTrue(expected, "accelerate should have failed");
            state = IKpiBond.State.Accelerated;
            _bookAcceleration(missed);
        } catch {
            isFalse(expected, "accelerate should have succeeded");
        }
    }

    function _bookAcceleration(uint256 missed) private {
        for (uint256 i = 0; i < _rules.length; ++i) {
            Rule storage r = _rules[i];
            if (!_matters(r)) continue;
            if (_dataEnd(r.measured) > missed) r.value = _best(r);
            else if (!r.made) r.value = _settledValue(r);
            uint256 settledAt = _settledAt(r);
            if (!r.made) r.waitedFor = settledAt < block.timestamp ? settledAt : block.timestamp;
            r.made = true;
        }
        uint256 interest = 0;
        uint256 late = 0;
        for (uint256 i = couponsPaid; _sinceOf(i) != 0; ++i) {
            late += _lateOf(i);
        }
        for (uint256 i = couponsPaid; i < total && _begins(i) <= block.timestamp; ++i) {
            uint256 whole = _interest(i);
            bool due = _payDate(i) <= block.timestamp;
            interest += due ? whole : whole * (block.timestamp - _begins(i)) / HALF_YEAR;
        }
        int256 owed = int256((UNIT_PRINCIPAL - repaid) * UNITS);
        for (uint256 i = couponsPaid; i <= total; ++i) {
            owed += _amounts(i);
        }
        promised += interest + uint256(owed) + late;
        atMost(kept(), promised, "a default is cheaper than keeping the terms");
        (interestOwed, principalOwed, carried) = (interest + carried, uint256(owed), 0);
        _beginLate(late);
    }

    // ---------------------------------------------------------------- views for the invariants

    function rules() external view returns (uint256) {
        return _rules.length;
    }

    function ruleAt(uint256 i) external view returns (bool made, int256 value) {
        return (_rules[i].made, _rules[i].value);
    }

    /// @notice What an issuer that kept the terms would have paid by now and would still owe: what has fallen due, the
    /// running coupon by time, principal, and every amount; by the reports there are, else at the best for holders.
    function kept() public view returns (uint256 sum) {
        for (uint256 j = 0; j <= total; ++j) {
            uint256 whole = j < total ? _interestIf(j, true) : 0;
            if (j < total && _payDate(j) > block.timestamp) {
                whole = _begins(j) > block.timestamp ? 0 : whole * (block.timestamp - _begins(j)) / HALF_YEAR;
            }
            sum += whole;
        }
        sum = uint256(int256(sum + UNIT_PRINCIPAL * UNITS) + _amountsIf(0, total, true));
    }

    /// @notice What the issuer has paid holders and owes, with late interest up to now.
    function burden() external view returns (uint256) {
        return promised + _lateSince();
    }

    // ---------------------------------------------------------------- the books' rules

    function _payDate(uint256 i) private pure returns (uint256) {
        return CLOSES + (i + 1) * HALF_YEAR;
    }

    function _dateOf(uint256 payment) private view returns (uint256) {
        return _payDate(payment < total ? payment : total - 1);
    }

    function _dueOf(uint256 payment) internal view override returns (uint256) {
        return _due(payment);
    }

    function _sinceOf(uint256 payment) internal view override returns (uint256 since) {
        if (payment > total || !_isKnown(payment) || block.timestamp < _dateOf(payment)) return 0;
        since = _dateOf(payment);
        for (uint256 i = 0; i < _rules.length; ++i) {
            Rule storage r = _rules[i];
            if ((_bends(r, total) && !r.bendsRate ? total : r.first) > payment) continue;
            if (since < r.waitedFor) since = r.waitedFor;
        }
    }

    function _couldBeFixed(uint256 payment) internal view override returns (bool) {
        if (payment > total || _isKnown(payment) || block.timestamp < _dateOf(payment)) return false;
        for (uint256 i = 0; i < _rules.length; ++i) {
            Rule storage r = _rules[i];
            if (_bends(r, payment) && !r.made && !_isSettled(r)) return false;
        }
        return true;
    }

    function _settledAt(Rule storage r) private view returns (uint256) {
        uint256 reportedAt = _seen[r.kpi][r.measured].at;
        return reportedAt != 0 ? reportedAt + DISPUTE : _dataEnd(r.measured) + MISSING + 1;
    }

    function _begins(uint256 i) private pure returns (uint256) {
        return CLOSES + i * HALF_YEAR;
    }

    function _dataEnd(uint256 measured) private pure returns (uint256) {
        return _payDate(measured) - DATA_ENDS;
    }

    /// @dev Amounts of the last period belong to the redemption, payment `total`.
    function _bends(Rule storage r, uint256 payment) private view returns (bool) {
        if (r.bendsRate) return r.first <= payment && payment <= r.last;
        return payment == (r.first == total - 1 ? total : r.first);
    }

    function _isKnown(uint256 payment) private view returns (bool) {
        for (uint256 i = 0; i < _rules.length; ++i) {
            if (_bends(_rules[i], payment) && !_rules[i].made) return false;
        }
        return true;
    }

    /// @dev By the schedule: what is repaid late bears interest no more than what is repaid in time.
    function _interest(uint256 period) private view returns (uint256) {
        return _interestIf(period, false);
    }

    /// @dev Had the terms been kept, the report would count, and no acceleration in its place.
    function _valueIf(Rule storage r, bool termsKept) private view returns (int256) {
        if (!termsKept) return r.value;
        return _isSettled(r) ? _settledValue(r) : _best(r);
    }

    function _interestIf(uint256 period, bool termsKept) private view returns (uint256) {
        int256 rate = int256(uint256(RATE)) + _steps[period];
        for (uint256 i = 0; i < _rules.length; ++i) {
            if (_rules[i].bendsRate && _bends(_rules[i], period)) rate += _valueIf(_rules[i], termsKept);
        }
        uint256 outstanding = UNIT_PRINCIPAL;
        for (uint256 i = 0; i < period; ++i) {
            outstanding -= _repayments[i];
        }
        return outstanding * UNITS * uint256(rate) * _numerators[period] / (1e18 * _denominators[period]);
    }

    /// @dev Each amount is the part of 613 in 1,000 units, rounded toward minus infinity by itself.
    function _amounts(uint256 payment) private view returns (int256) {
        return _amountsIf(payment, payment, false);
    }

    function _amountsIf(uint256 first, uint256 last, bool termsKept) private view returns (int256 sum) {
        for (uint256 i = 0; i < _rules.length; ++i) {
            Rule storage r = _rules[i];
            uint256 payment = r.first == total - 1 ? total : r.first;
            if (r.bendsRate || payment < first || payment > last) continue;
            sum += _floor(_valueIf(r, termsKept) * int256(UNITS), int256(uint256(HARD_CAP)));
        }
    }

    function _due(uint256 payment) private view returns (uint256) {
        int256 sum = _amounts(payment);
        if (payment < total) sum += int256(_interest(payment));
        if (payment + 1 < total) sum += int256(_repayments[payment] * UNITS);
        if (payment == total) sum += int256(_repayments[total - 1] * UNITS);
        isTrue(sum >= 0, "a payment below zero");
        return uint256(sum);
    }

    /// @return known whether all that has fallen due is fixed
    function _arrears() private view returns (bool known, uint256 sum) {
        for (uint256 i = couponsPaid; i <= total; ++i) {
            if (_payDate(i < total ? i : total - 1) > block.timestamp) break;
            if (!_isKnown(i)) return (_isInMaking(i), sum); // what follows waits as well
            sum += _due(i) + _lateOf(i);
        }
        return (true, sum);
    }

    /// @dev Whether a payment waits for a report that is not settled.
    function _isInMaking(uint256 payment) private view returns (bool) {
        for (uint256 i = 0; i < _rules.length; ++i) {
            Rule storage r = _rules[i];
            if (!r.made && _bends(r, payment) && !_isSettled(r)) return true;
        }
        return false;
    }

    function _lacking() internal view override returns (uint256) {
        uint256 wanted = carried;
        if (state == IKpiBond.State.Defaulted) {
            (, uint256 arrears) = _arrears();
            wanted += arrears;
        } else if (state == IKpiBond.State.Active && _isKnown(couponsPaid)) {
            wanted += _withLate(couponsPaid);
        }
        return wanted > bondMoney ? wanted - bondMoney : 0;
    }

    /// @dev Whether an acceleration now would need it: an amount that is not paid, or the rate of a coupon that is due or
    /// running.
    function _matters(Rule storage r) private view returns (bool) {
        if (!r.bendsRate) return r.first >= couponsPaid || r.first == total - 1;
        for (uint256 i = couponsPaid; i < total && _begins(i) <= block.timestamp; ++i) {
            if (_bends(r, i)) return true;
        }
        return false;
    }

    /// @dev There is a final report, or there will never be one.
    function _isSettled(Rule storage r) private view returns (bool) {
        uint256 reportedAt = _seen[r.kpi][r.measured].at;
        if (reportedAt != 0) return block.timestamp >= reportedAt + DISPUTE;
        return block.timestamp > _dataEnd(r.measured) + MISSING;
    }

    function _settledValue(Rule storage r) private view returns (int256) {
        Seen memory seen = _seen[r.kpi][r.measured];
        if (seen.at == 0) return r.missing;
        if (seen.value >= r.x1) return r.y1;
        if (seen.value <= r.x0 || !r.linear) return r.y0;
        return r.y0 + _floor((seen.value - r.x0) * (r.y1 - r.y0), r.x1 - r.x0);
    }

    function _best(Rule storage r) private view returns (int256 best) {
        best = r.y0 > r.y1 ? r.y0 : r.y1;
        if (r.missing > best) best = r.missing;
    }

    function _floor(int256 a, int256 b) private pure returns (int256) {
        return a >= 0 ? a / b : -((b - 1 - a) / b);
    }
}
