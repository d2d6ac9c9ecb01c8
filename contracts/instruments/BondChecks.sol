// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../interfaces/IKpiBond.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {Accrual} from "../settlement/Accrual.sol";
import {PayoffCurve} from "../settlement/PayoffCurve.sol";
import {BondTerms} from "./BondTerms.sol";

/// @title Bond checks
/// @notice What a bond's terms must satisfy, among it that silence never pays; keeping them; and what their curves give.
/// @dev A contract of its own, made by the bond's implementation, so that the bond does not carry this code. Whatever KPIs
/// report, terms that pass give coupons and payments that are neither negative nor too large to compute.
contract BondChecks {
    uint256 private constant MAX_PERIODS = 240; // bounds the loops of a cure and an acceleration
    uint256 private constant MAX_FIXINGS = 32; // what is fixed is one bit each of a word

    /// @dev Half of what the claim token's 96-bit index holds, so that a payment can never be too large to distribute.
    uint256 private constant MAX_LIFETIME_PER_UNIT = type(uint96).max / 2;

    /// @dev For all units: so that late interest can be computed at any rate and for thousands of years.
    uint256 private constant MAX_LIFETIME = type(uint112).max;

    /// @dev All that the fixings can do to the periods: additions to the rate as they begin (and, negated, end), and the
    /// most that a unit can be paid in the amounts of each.
    struct Range {
        int256[] lowest;
        int256[] highest;
        uint256[] amounts;
    }

    /// @notice Check terms and keep them as code. Anyone may: what nobody points to is of no meaning.
    /// @return head where {BondTerms} reads them
    function keep(IKpiBond.Terms calldata terms) external returns (address head) {
        _validate(terms);
        return BondTerms.write(terms);
    }

    /// @notice The terms kept at `head`, whether the bond is called or not.
    function kept(address head) external view returns (IKpiBond.Terms memory) {
        return BondTerms.decode(BondTerms.loadOriginal(head));
    }

    /// @notice What a report makes of a fixing of the terms kept at `head`.
    function payoff(address head, uint256 fixing, int128 kpi) external view returns (int128) {
        return int128(PayoffCurve.payoff(BondTerms.curve(BondTerms.load(head), fixing), kpi)); // between two knots
    }

    /// @notice The most that a fixing of the terms kept at `head` can give holders, by any report or none.
    /// @return isLater whether what it goes by was measured after `time`
    function best(address head, uint256 fixing, uint64 time) external view returns (bool isLater, int128 most) {
        bytes memory t = BondTerms.load(head);
        BondTerms.FixingHead memory f = BondTerms.fixing(t, fixing);
        isLater = IKpiOracle(BondTerms.oracle(t)).periodEndOf(f.feed, f.kpiPeriod) > time;
        most = int128(PayoffCurve.maximum(BondTerms.curve(t, fixing)));
        if (f.missing > most) most = f.missing;
    }

    /// @notice When the report on a fixing was settled, whether anyone has fixed it or not; now, while it is not.
    function settledAt(address head, uint256 fixing) external view returns (uint64 time) {
        bytes memory t = BondTerms.load(head);
        BondTerms.FixingHead memory f = BondTerms.fixing(t, fixing);
        time = IKpiOracle(BondTerms.oracle(t)).reportOf(f.feed, f.kpiPeriod).finalAt;
        if (time > block.timestamp) time = uint64(block.timestamp);
    }

    /// @notice Whether a report on a fixing that bends a payment is in the making.
    /// @param fixed_ the fixings made by now, one bit each
    function waitsForReport(address head, uint256 fixed_, uint256 payment) external view returns (bool) {
        bytes memory t = BondTerms.load(head);
        uint256 count = BondTerms.fixingCount(t);
        for (uint256 i = 0; i < count; ++i) {
            BondTerms.FixingHead memory f = BondTerms.fixing(t, i);
            uint256 first = BondTerms.firstPayment(t, f);
            if (fixed_ & (1 << i) != 0 || payment < first || payment > (f.bendsRate ? f.last : first)) continue;
            IKpiOracle.Status status = IKpiOracle(BondTerms.oracle(t)).statusOf(f.feed, f.kpiPeriod);
            if (status != IKpiOracle.Status.Final && status != IKpiOracle.Status.Missing) return true;
        }
        return false;
    }

    /// @notice Keep the terms that a call on the pay date of a period leaves. Reverts unless `caller` may announce it now.
    /// @return called where they are, with the premium that a unit is paid beside the principal, rounded down
    function call(address head, address caller, uint256 period) external returns (address called) {
        bytes memory t = BondTerms.load(head);
        if (caller != BondTerms.issuer(t)) revert IKpiBond.KpiBond_NotIssuer(caller);
        IKpiBond.Call[] memory calls = BondTerms.calls(t);
        uint256 count = 0;
        while (count < calls.length && calls[count].first <= period) ++count;
        bool may = count != 0 && !BondTerms.isCalled(t) && period < BondTerms.periodCount(t) - 1;
        if (!may) revert IKpiBond.KpiBond_NotCallable(period);
        // A notice is never empty, so nothing of that day's payment is made.
        uint64 until = BondTerms.payDate(t, period) - BondTerms.noticePeriod(t);
        if (block.timestamp > until) revert IKpiBond.KpiBond_ShortNotice(until);
        uint256 premium = BondTerms.left(t, period) * calls[count - 1].premium / 1e18;
        called = BondTerms.cut(t, head, period, premium);
    }

    /// @dev Revert with KpiBond_InvalidTerms naming what is wrong, with the oracle's error unless it has the feeds and
    /// their periods, or with the curve's.
    function _validate(IKpiBond.Terms calldata terms) private view {
        _require(terms.token != address(0) && terms.currency != address(0), "token or currency zero");
        _require(terms.issuer != address(0) && terms.offering != address(0), "issuer or offering zero");
        _require(terms.unitPrincipal != 0 && terms.authorisedUnits != 0, "principal zero");
        _checkPeriods(terms);
        Range memory range = _checkFixings(terms);
        _checkCoupons(terms, range);
        if (terms.calls.length != 0) _checkCalls(terms, range.amounts);
        for (uint256 i = 0; i < terms.fixings.length; ++i) {
            // Called for its revert.
            // slither-disable-next-line unused-return
            IKpiOracle(terms.oracle).statusOf(terms.fixings[i].feed, terms.fixings[i].kpiPeriod);
        }
    }

    function _checkPeriods(IKpiBond.Terms calldata terms) private pure {
        uint256 count = terms.periods.length;
        _require(count != 0 && count <= MAX_PERIODS, "periods not 1-240");
        uint256 repaid = 0;
        for (uint256 i = 0; i < count; ++i) {
            IKpiBond.Period calldata p = terms.periods[i];
            _require(p.denominator != 0, "accrual denominator zero");
            _require(i == 0 || p.payDate > terms.periods[i - 1].payDate, "pay dates not ascending");
            repaid += p.repayment;
        }
        _require(repaid == terms.unitPrincipal, "repayments are not the principal");
        _require(terms.periods[count - 1].payDate <= type(uint48).max, "maturity too far away");
    }

    function _checkFixings(IKpiBond.Terms calldata terms) private pure returns (Range memory range) {
        uint256 count = terms.periods.length;
        _require(terms.fixings.length <= MAX_FIXINGS, "fixings more than 32");
        range.lowest = new int256[](count + 1);
        range.highest = new int256[](count + 1);
        range.amounts = new uint256[](count);
        uint256 takers = 0;
        int256 taken = 0;
        for (uint256 i = 0; i < terms.fixings.length; ++i) {
            IKpiBond.Fixing calldata f = terms.fixings[i];
            _require(f.first <= f.last && f.last < count, "fixing outside the periods");
            (int256 low, int256 high) = _values(terms.dataController, f);
            if (f.effect == IKpiBond.Effect.Rate) {
                range.lowest[f.first] += low;
                range.lowest[uint256(f.last) + 1] -= low;
                range.highest[f.first] += high;
                range.highest[uint256(f.last) + 1] -= high;
                continue;
            }
            _require(f.first == f.last, "amount in more than one period");
            _require(low >= 0 || uint256(f.last) + 1 == count, "amount negative before maturity");
            if (low < 0) (takers, taken) = (takers + 1, taken - low);
            if (high > 0) range.amounts[f.first] += uint256(high) / terms.authorisedUnits + 1;
        }
        if (takers != 0) _checkTaken(terms, takers, uint256(taken));
    }

    /// @dev Values that a fixing can take. Silence must be as bad for the data controller as the worst of them.
    function _values(IKpiBond.DataController controller, IKpiBond.Fixing calldata f)
        private
        pure
        returns (int256 low, int256 high)
    {
        (low, high) = PayoffCurve.range(f.curve);
        bool adverse = controller == IKpiBond.DataController.Issuer ? f.missing >= high : f.missing <= low;
        _require(adverse, "silence would pay the data controller");
        if (f.missing < low) low = f.missing;
        if (f.missing > high) high = f.missing;
    }

    /// @dev Each amount is rounded down by itself when it is scaled to the units in issue, so each after the first could
    /// take one minor unit more.
    function _checkTaken(IKpiBond.Terms calldata terms, uint256 takers, uint256 taken) private pure {
        uint256 redeemed = uint256(terms.periods[terms.periods.length - 1].repayment) * terms.authorisedUnits;
        taken += (takers - 1) * terms.authorisedUnits;
        _require(taken <= redeemed, "outcome takes more than the principal");
    }

    /// @dev Every sum of changes gives a rate from 0 to what the bond can compute with, and all that a unit can ever earn,
    /// rounded up, fits the token. Adds to the amounts of each period the most that a unit can earn by changes of its rate.
    function _checkCoupons(IKpiBond.Terms calldata terms, Range memory range) private pure {
        uint256 sum = terms.unitPrincipal;
        bool callable = terms.calls.length != 0;
        if (callable) sum += sum * terms.calls[0].premium / 1e18;
        uint256 left = terms.unitPrincipal;
        int256 lowest = int256(uint256(terms.rate));
        int256 added = 0;
        for (uint256 i = 0; i < terms.periods.length; ++i) {
            IKpiBond.Period calldata p = terms.periods[i];
            lowest += range.lowest[i];
            added += range.highest[i];
            int256 most = int256(uint256(terms.rate)) + added + p.step;
            _require(lowest + p.step >= 0 && most <= int256(uint256(type(uint64).max)), "rate out of range");
            // Or an issuer would finance itself more cheaply by not paying.
            _require(most <= int256(uint256(terms.lateRate)), "late rate below the coupon");
            sum += Accrual.interest(left, uint256(most), p.numerator, p.denominator) + 1 + range.amounts[i];
            if (callable && added > 0) {
                range.amounts[i] += Accrual.interest(left, uint256(added), p.numerator, p.denominator) + 1;
            }
            left -= p.repayment;
        }
        bool fits = sum <= MAX_LIFETIME_PER_UNIT && sum * terms.authorisedUnits <= MAX_LIFETIME;
        _require(fits, "pays more than a token can account for");
    }

    /// @dev Whatever KPIs report, no call takes from holders what they could still earn by it.
    /// @param most that KPIs can add to what a unit is paid for each period, rounded up
    function _checkCalls(IKpiBond.Terms calldata terms, uint256[] memory most) private pure {
        uint256 calls = terms.calls.length;
        _require(terms.noticePeriod != 0, "call without notice");
        _require(uint256(terms.calls[calls - 1].first) + 1 < terms.periods.length, "call not before maturity");
        for (uint256 i = 1; i < calls; ++i) {
            _require(terms.calls[i].first > terms.calls[i - 1].first, "calls not ascending");
            _require(terms.calls[i].premium <= terms.calls[i - 1].premium, "call premium rising");
        }
        uint256 later = 0;
        uint256 left = 0;
        // From the last period on back, and each premium from where it ends.
        for (uint256 i = terms.periods.length - 1; i > terms.calls[0].first;) {
            (later, left) = (later + most[i], left + terms.periods[i].repayment);
            --i;
            while (terms.calls[calls - 1].first > i) --calls;
            uint256 paid = (left + terms.periods[i].repayment) * terms.calls[calls - 1].premium / 1e18;
            _require(paid >= later, "call premium below what KPIs may add");
        }
    }

    function _require(bool ok, string memory what) private pure {
        if (!ok) revert IKpiBond.KpiBond_InvalidTerms(what);
    }
}
