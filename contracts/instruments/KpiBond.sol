// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IConsentSolicitation} from "../interfaces/IConsentSolicitation.sol";
import {IKpiBond} from "../interfaces/IKpiBond.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {IServicer} from "../interfaces/IServicer.sol";
import {Accrual} from "../settlement/Accrual.sol";
import {ProRata} from "../settlement/ProRata.sol";
import {BondChecks} from "./BondChecks.sol";
import {BondTerms} from "./BondTerms.sol";

/// @title KPI bond
/// @notice See {IKpiBond}.
/// @dev Terms are read once in a call, as bytes `t`, and handed on.
contract KpiBond is IKpiBond, Initializable {
    using SafeERC20 for IERC20;
    using BondTerms for bytes;

    /// @notice Where terms are checked, once, and kept, and curves evaluated.
    BondChecks public immutable CHECKS;

    /// @dev After an acceleration, late interest owed is kept in 2^-32 of a minor unit: small recoveries round none away.
    uint256 private constant LATE_ONE = 2 ** 32;

    address private _terms;
    State private _state;
    uint16 private _couponsPaid;
    uint64 private _units;

    /// @dev Money that the bond knew of in time, which is all there is unless some came for payments already late.
    uint128 private _known;
    /// @dev Due to holders but less than a minor unit per unit, so below `_units`; carried to the next distribution.
    uint64 private _carried;
    /// @dev The first payment for which the money is not there, unless it was in time: those before bear no more interest.
    uint16 private _metTo;
    /// @dev Once accelerated: up to when late interest is booked.
    uint48 private _bookedTo;

    /// @dev Late interest that runs no more and is paid with the next payment; once accelerated, see LATE_ONE.
    uint160 private _late;
    uint64 private _defaultedAt;
    uint32 private _fixed; // one bit for each fixing

    uint256 private _interestOwed;
    uint256 private _principalOwed;
    int128[32] private _values; // of the fixings
    uint64[32] private _settledAt; // the reports that held up the first payment they bend

    /// @dev Parts of one payment.
    /// @param rate of the coupon
    /// @param since when it could be made
    /// @param waits one more than the fixing it waits for, or zero; then interest and outcome mean nothing
    struct Payment {
        int256 rate;
        uint256 interest;
        uint256 repayment;
        int256 outcome;
        uint64 since;
        uint256 waits;
    }

    constructor() {
        CHECKS = new BondChecks();
        _disableInitializers();
    }

    modifier inState(State expected) {
        _requireState(expected);
        _;
    }

    function _requireState(State expected) private view {
        if (_state != expected) revert KpiBond_WrongState(_state);
    }

    /// @dev And in no later state than `last`.
    function _requireBegun(State last) private view {
        State now_ = _state;
        if (now_ == State.Offered || now_ > last) revert KpiBond_WrongState(now_);
    }

    /// @inheritdoc IKpiBond
    function initialize(Terms calldata terms_) external initializer {
        // The terms as they came: to encode them again would take 1,500 bytes of code. The checks have code, by {constructor}.
        (address checks, address head) = (address(CHECKS), address(0));
        bytes memory asked = abi.encodePacked(BondChecks.keep.selector, msg.data[4:]);
        assembly ("memory-safe") {
            if iszero(call(gas(), checks, 0, add(asked, 32), mload(asked), 0, 32)) {
                returndatacopy(mload(0x40), 0, returndatasize())
                revert(mload(0x40), returndatasize())
            }
            head := mload(0)
        }
        _terms = head;
        IERC20(terms_.currency).forceApprove(terms_.token, type(uint256).max);
    }

    /// @inheritdoc IServicer
    function activate() external inState(State.Offered) {
        bytes memory t = _load();
        if (msg.sender != t.offering()) revert KpiBond_NotOffering(msg.sender);
        uint256 units = ISecurityToken(t.token()).totalSupply();
        _state = State.Active;
        _units = uint64(units); // the offering sells at most authorisedUnits, a uint64
        emit BondActivated(units);
    }

    // The currency is called first because what it brings decides what is late; whoever is called by it finds the bond as
    // if the money had come by a transfer.
    // slither-disable-start reentrancy-no-eth

    /// @inheritdoc IKpiBond
    function fund(uint256 amount) external {
        _requireBegun(State.Accelerated);
        bytes memory t = _load();
        emit BondFunded(msg.sender, amount);
        IERC20(t.currency()).safeTransferFrom(msg.sender, address(this), amount);
        if (_state == State.Accelerated) _accrue(t, _held(t));
        else _note(t, _held(t));
    }

    // slither-disable-end reentrancy-no-eth

    // ---------------------------------------------------------------- normal life

    /// @inheritdoc IKpiBond
    function fix(uint256 fixing) external returns (int128 value) {
        _requireBegun(State.Defaulted);
        bytes memory t = _load();
        _requireFixing(t, fixing);
        if (_isFixed(fixing)) revert KpiBond_AlreadyFixed(fixing);
        _markFixed(fixing);
        value = _fix(t, fixing);
        if (block.timestamp >= _dateOf(t, _couponsPaid)) _note(t, _held(t));
    }

    function _markFixed(uint256 fixing) private {
        _fixed |= uint32(1 << fixing);
    }

    // The oracle calls nobody back.
    // slither-disable-start reentrancy-no-eth

    function _fix(bytes memory t, uint256 fixing) private returns (int128 value) {
        BondTerms.FixingHead memory f = t.fixing(fixing);
        (int128 kpi, bool missing) = IKpiOracle(t.oracle()).consume(f.feed, f.kpiPeriod);
        value = missing ? f.missing : CHECKS.payoff(_terms, fixing, kpi);
        _values[fixing] = value;
        if (block.timestamp > _dateOf(t, t.firstPayment(f))) _noteSettled(fixing);
        emit KpiFixed(fixing, kpi, missing, value);
    }

    function _noteSettled(uint256 fixing) private {
        _settledAt[fixing] = CHECKS.settledAt(_terms, fixing);
    }

    // slither-disable-end reentrancy-no-eth

    /// @inheritdoc IKpiBond
    function payCoupon() external inState(State.Active) returns (uint256 paid) {
        bytes memory t = _load();
        uint256 i = _couponsPaid;
        uint256 total = t.periodCount();
        _requireCoupons(i != total, total);
        uint64 date = t.payDate(i);
        if (block.timestamp < date) revert KpiBond_NotDue(date);
        Payment memory p;
        uint256 late;
        (p, late, paid) = _payNext(t, i + 1, State.Active);
        emit CouponPaid(i, p.interest, p.repayment, p.outcome, late, paid);
    }

    /// @inheritdoc IKpiBond
    function announceCall(uint256 period) external inState(State.Active) {
        _terms = CHECKS.call(_terms, msg.sender, period);
        emit CallAnnounced(period, _load().premium() * _units);
    }

    /// @inheritdoc IKpiBond
    function redeem() external inState(State.Active) returns (uint256 paid) {
        bytes memory t = _load();
        uint256 total = t.periodCount();
        _requireCoupons(_couponsPaid == total, total);
        // The last coupon falls due at maturity, so maturity has come.
        Payment memory p;
        uint256 late;
        (p, late, paid) = _payNext(t, total, State.Redeemed);
        emit BondRedeemed(p.repayment, p.outcome, late, paid);
        ISecurityToken(t.token()).close();
    }

    function _requireCoupons(bool ok, uint256 total) private view {
        if (!ok) revert KpiBond_CouponsOutstanding(_couponsPaid, total);
    }

    /// @dev Shares out what is due and what earlier distributions carried over, and carries the new remainder.
    function _payNext(bytes memory t, uint256 couponsPaid_, State state_)
        private
        returns (Payment memory p, uint256 late, uint256 paid)
    {
        uint256 due;
        (p, due, late) = _next(t);
        due += late + _carried;
        uint256 held = _requireHeld(t, due);
        // Of pro rata only the sum is wanted here.
        // slither-disable-next-line unused-return
        (, paid) = ProRata.perUnit(due, _units);
        (_state, _couponsPaid) = (state_, uint16(couponsPaid_));
        (_known, _carried) = (uint128(_known > paid ? _known - paid : 0), uint64(due - paid)); // below the units
        _late = 0;
        if (state_ == State.Active) _note(t, held - paid);
        _distribute(t, paid);
    }

    /// @inheritdoc IKpiBond
    function returnSurplus() external inState(State.Redeemed) returns (uint256 amount) {
        bytes memory t = _load();
        amount = _held(t);
        // Nothing to return is not an error; a donation only makes it something.
        // slither-disable-next-line incorrect-equality
        if (amount == 0) return 0;
        _carried = 0;
        emit SurplusReturned(amount);
        IERC20(t.currency()).safeTransfer(t.issuer(), amount);
    }

    // ---------------------------------------------------------------- default

    /// @inheritdoc IKpiBond
    function declareDefault() external inState(State.Active) {
        bytes memory t = _load();
        _requirePast(_dateOf(t, _couponsPaid) + t.gracePeriod());
        (Payment memory p, uint256 due, uint256 late) = _next(t);
        _requirePast(p.since + t.gracePeriod());
        uint256 amount = due + late + _carried;
        uint256 held = _held(t);
        if (held >= amount) revert KpiBond_Funded(amount, held);
        _state = State.Defaulted;
        _defaultedAt = uint64(block.timestamp);
        emit BondDefaulted(_couponsPaid, amount, held);
    }

    function _cureEnd(bytes memory t) private view returns (uint64 end) {
        end = _defaultedAt + t.curePeriod();
        address consents = t.consents();
        if (consents != address(0)) end += IConsentSolicitation(consents).standstillOf(_couponsPaid);
    }

    function _requirePast(uint64 until) private view {
        if (block.timestamp <= until) revert KpiBond_InGrace(until);
    }

    /// @inheritdoc IKpiBond
    function cure() external inState(State.Defaulted) {
        bytes memory t = _load();
        uint64 until = _cureEnd(t);
        if (block.timestamp > until) revert KpiBond_CurePeriodOver(until);
        (Payment[] memory arrears, uint256 toFix) = _arrears(t);
        if (toFix != 0) revert KpiBond_NotFixed(toFix - 1);
        (uint256 sum, uint256 late,) = _sums(t, arrears, type(uint256).max);
        uint256 held = _requireHeld(t, sum + late + _carried);
        _state = State.Active;
        _note(t, held);
        emit DefaultCured();
    }

    /// @inheritdoc IKpiBond
    function accelerate() external inState(State.Defaulted) {
        bytes memory t = _load();
        uint64 until = _cureEnd(t);
        if (block.timestamp <= until) revert KpiBond_CurePeriodOpen(until);
        _state = State.Accelerated;
        uint256 paid = _couponsPaid;
        uint256 running = _running(t);
        _fixForAcceleration(t, running);
        // What falls due later as if it did now: its interest does not count but for the running period's.
        Payment[] memory all = _payments(t, paid, t.periodCount() + 1);
        uint256 interest = _carried;
        int256 rest = 0;
        for (uint256 j = 0; j < all.length; ++j) {
            if (paid + j < running) interest += all[j].interest;
            else if (paid + j == running) interest += _accrued(t, running, all[j].interest);
            rest += int256(all[j].repayment) + all[j].outcome;
        }
        (, uint256 late,) = _sums(t, all, type(uint256).max); // none runs on what would fall due later
        (_interestOwed, _principalOwed) = (interest, uint256(rest));
        _carried = 0;
        _book(_held(t), late * LATE_ONE, block.timestamp);
        emit BondAccelerated(interest, uint256(rest), late);
    }

    // `distribute` takes exactly what was asked, because it is asked for a whole multiple of the units; of pro rata only the
    // sum is wanted here; and whether it is zero depends on nothing an attacker could set to exactly zero.
    // slither-disable-start unused-return
    // slither-disable-start incorrect-equality

    /// @inheritdoc IKpiBond
    function recover() external inState(State.Accelerated) returns (uint256 paid) {
        bytes memory t = _load();
        uint256 held = _held(t);
        _accrue(t, held);
        uint256 late = _late / LATE_ONE;
        uint256 interest = _interestOwed;
        uint256 owed = late + interest + _principalOwed;
        (, paid) = ProRata.perUnit(held < owed ? held : owed, _units);
        // What is left is less than a minor unit per unit and can never be paid: the claim is met.
        bool met = owed - paid < _units;
        if (paid == 0 && !met) revert KpiBond_NothingToRecover();
        late = late < paid ? late : paid;
        interest = interest < paid - late ? interest : paid - late;
        uint256 rest = paid - late - interest;
        _late -= uint160(late * LATE_ONE);
        _interestOwed -= interest;
        _principalOwed -= rest;
        _known = uint128(held - paid);
        if (met) _state = State.Redeemed;
        _distribute(t, paid);
        emit Recovered(late, interest, rest, paid);
        if (met) ISecurityToken(t.token()).close();
    }

    // slither-disable-end incorrect-equality
    // slither-disable-end unused-return

    // The state, accelerated by now, lets nobody else fix anything, and the oracle calls nobody back.
    // slither-disable-start reentrancy-no-eth

    /// @dev What matters: amounts that are not paid, and rates of coupons due or running. What was measured after the
    /// missed payment's grace counts at its best, whatever has been reported since.
    function _fixForAcceleration(bytes memory t, uint256 running) private {
        uint256 paid = _couponsPaid;
        uint64 missed = _only(t, paid)[0].since + t.gracePeriod();
        uint256 count = t.fixingCount();
        for (uint256 i = 0; i < count; ++i) {
            BondTerms.FixingHead memory f = t.fixing(i);
            bool matters = f.bendsRate ? f.first <= running && f.last >= paid : t.firstPayment(f) >= paid;
            if (!matters) continue;
            (bool isLater, int128 best) = CHECKS.best(_terms, i, missed);
            if (isLater) {
                _values[i] = best;
                if (!_isFixed(i)) _noteSettled(i);
            } else if (!_isFixed(i)) {
                _fix(t, i); // refused by the oracle while the report is in the making
            }
            _markFixed(i);
        }
    }

    // slither-disable-end reentrancy-no-eth

    // ---------------------------------------------------------------- late interest

    /// @dev Ends the late interest of payments that could be made and for which, and all before, the money is there.
    function _note(bytes memory t, uint256 held) private {
        (Payment[] memory arrears, uint256 toFix) = _arrears(t);
        uint256 limit = held > _carried ? held - _carried : 0;
        (, uint256 late, uint256 met) = _sums(t, arrears, limit);
        if (met != 0 && _couponsPaid + met > _metTo) (_metTo, _late) = (uint16(_couponsPaid + met), uint160(late));
        // Money counts for a payment from the fixing, if it could have been fixed by now. A count and a number of a fixing.
        // slither-disable-next-line incorrect-equality
        if (met == arrears.length && toFix == 0) _known = _clip(held);
    }

    /// @return arrears payments overdue that wait for nothing
    /// @return toFix one more than the fixing that the payment after them waits for though nothing keeps anyone from
    /// making it, or zero: for a report in the making nobody waits
    function _arrears(bytes memory t) private view returns (Payment[] memory arrears, uint256 toFix) {
        arrears = _payments(t, _couponsPaid, _overdue(t));
        uint256 all = arrears.length;
        uint256 count = 0;
        while (count < all && arrears[count].waits == 0) ++count;
        if (count < all && !CHECKS.waitsForReport(_terms, _fixed, _couponsPaid + count)) toFix = arrears[count].waits;
        assembly ("memory-safe") {
            mstore(arrears, count) // the same list, cut short
        }
    }

    function _book(uint256 held, uint256 late, uint256 time) private {
        _known = _clip(held);
        _bookedTo = uint48(time);
        _late = uint160(late); // {BondChecks} bounds what can be owed, for all time that a clock can tell
    }

    /// @param payments the next ones, all of which could be made by now
    /// @return sum of as many of them as fit a limit, with late interest
    /// @return late interest on them up to now, with what is booked
    /// @return count of them
    function _sums(bytes memory t, Payment[] memory payments, uint256 limit)
        private
        view
        returns (uint256 sum, uint256 late, uint256 count)
    {
        late = _late;
        uint256 left = late + _carried;
        left = _known > left ? _known - left : 0; // of the money known in time
        for (; count < payments.length; ++count) {
            Payment memory p = payments[count];
            uint256 due = _sum(p);
            uint256 more = _couponsPaid + count >= _metTo && left < due ? _interest(t, due, p.since) : 0;
            if (sum + due + late + more > limit) break;
            (sum, late) = (sum + due, late + more);
            left = left > due ? left - due : 0;
        }
    }

    /// @dev After an acceleration: books late interest on what was owed and not held.
    function _accrue(bytes memory t, uint256 held) private {
        uint256 late = _lateNow(t);
        // Up to the last whole day, so that nobody can call often enough to let none pass.
        // A part of a day, and nothing random.
        // slither-disable-next-line weak-prng
        _book(held, late, block.timestamp - (block.timestamp - _bookedTo) % 1 days);
    }

    function _lateNow(bytes memory t) private view returns (uint256) {
        uint256 owed = _interestOwed + _principalOwed;
        uint256 bears = owed > _known ? owed - _known : 0;
        return _late + _interest(t, bears * LATE_ONE, _bookedTo);
    }

    /// @dev Simple, by whole days of a year of 365, rounded down.
    function _interest(bytes memory t, uint256 amount, uint256 since) private view returns (uint256) {
        if (block.timestamp < since) return 0; // of a payment whose day has not come
        return Accrual.interest(amount, t.lateRate(), (block.timestamp - since) / 1 days, 365);
    }

    function _clip(uint256 held) private pure returns (uint128) {
        return held > type(uint128).max ? type(uint128).max : uint128(held);
    }

    // ---------------------------------------------------------------- arithmetic

    /// @dev Payments from `start` until before `end`.
    function _payments(bytes memory t, uint256 start, uint256 end) private view returns (Payment[] memory all) {
        all = new Payment[](end - start);
        for (uint256 j = 0; j < all.length; ++j) {
            (all[j].rate, all[j].since) = (int256(uint256(t.rate())), _dateOf(t, start + j));
        }
        // Fixing by fixing, because what reads storage is dear.
        uint256 count = t.fixingCount();
        for (uint256 i = 0; i < count; ++i) {
            _bend(t, i, all, start);
        }
        uint256 total = t.periodCount();
        uint256 left = t.left(start);
        for (uint256 j = start; j < end; ++j) {
            Payment memory p = all[j - start];
            if (j == total) {
                p.repayment = left * _units;
                p.outcome += int256(t.premium() * _units);
            } else if (p.waits == 0) {
                p.interest = _coupon(t, j, left * _units, p.rate += t.step(j));
            }
            if (j + 1 >= total) continue;
            p.repayment = t.repayment(j) * _units;
            left -= t.repayment(j);
        }
    }

    /// @dev What fixing `i` does to `payments`, of which the first is `start`.
    function _bend(bytes memory t, uint256 i, Payment[] memory payments, uint256 start) private view {
        BondTerms.FixingHead memory f = t.fixing(i);
        uint256 first = t.firstPayment(f);
        uint256 last = f.bendsRate ? f.last : first;
        // Zero is no time: the report held nothing up.
        // slither-disable-next-line incorrect-equality
        if (last < start && _settledAt[i] == 0) return;
        first = first < start ? 0 : first - start; // now an index of `payments`
        _delay(payments, first, _settledAt[i]);
        if (last < start) return;
        last = last - start + 1 < payments.length ? last - start + 1 : payments.length;
        bool made = _isFixed(i);
        int256 value = _values[i];
        if (!f.bendsRate) value = ProRata.scale(value, _units, t.authorisedUnits());
        for (uint256 j = first; j < last; ++j) {
            Payment memory p = payments[j];
            if (!made) p.waits = i + 1;
            else if (f.bendsRate) p.rate += value;
            else p.outcome += value;
        }
    }

    /// @dev Payments are made in order, so that all from the first on waited.
    function _delay(Payment[] memory payments, uint256 first, uint64 until) private pure {
        // slither-disable-next-line incorrect-equality
        if (until == 0) return; // no time
        for (uint256 j = first; j < payments.length; ++j) {
            if (payments[j].since < until) payments[j].since = until;
        }
    }

    /// @param rate not negative and not beyond a uint64: {BondChecks} tries every whole sum of changes
    function _coupon(bytes memory t, uint256 i, uint256 outstanding, int256 rate) private pure returns (uint256) {
        (uint256 numerator, uint256 denominator) = t.factor(i);
        return Accrual.interest(outstanding, uint256(rate), numerator, denominator);
    }

    /// @return p the next payment
    /// @return due its sum
    /// @return late interest up to now, if it is late, and what is booked
    function _next(bytes memory t) private view returns (Payment memory p, uint256 due, uint256 late) {
        Payment[] memory one = _only(t, _couponsPaid);
        p = one[0];
        (due, late,) = _sums(t, one, type(uint256).max);
    }

    /// @dev A payment that is known.
    function _only(bytes memory t, uint256 payment) private view returns (Payment[] memory one) {
        one = _payments(t, payment, payment + 1);
        if (one[0].waits != 0) revert KpiBond_NotFixed(one[0].waits - 1);
    }

    /// @dev Not negative: {BondChecks} lets no amount take more than the principal it is paid with.
    function _sum(Payment memory p) private pure returns (uint256) {
        return uint256(int256(p.interest + p.repayment) + p.outcome);
    }

    /// @dev Interest of the running period up to now, by time, rounded down. Only after a default, so after the first
    /// pay date: there is always a period before the running one.
    function _accrued(bytes memory t, uint256 running, uint256 interest) private view returns (uint256) {
        if (running == t.periodCount()) return 0;
        uint64 start = t.payDate(running - 1);
        return interest * (block.timestamp - start) / (t.payDate(running) - start);
    }

    /// @dev The first period whose pay date has not come; as many as there are periods from maturity on.
    function _running(bytes memory t) private view returns (uint256 i) {
        i = _couponsPaid;
        while (i < t.periodCount() && t.payDate(i) <= block.timestamp) ++i;
    }

    /// @dev The first payment whose date has not come. The redemption's is the last coupon's.
    function _overdue(bytes memory t) private view returns (uint256 end) {
        end = _running(t);
        if (end == t.periodCount()) ++end;
    }

    function _requireFixing(bytes memory t, uint256 i) private pure {
        if (i >= t.fixingCount()) revert KpiBond_UnknownFixing(i);
    }

    function _isFixed(uint256 fixing) private view returns (bool) {
        return _fixed & (1 << fixing) != 0;
    }

    /// @dev The day of a payment; the redemption's is the last coupon's.
    function _dateOf(bytes memory t, uint256 payment) private pure returns (uint64) {
        uint256 last = t.periodCount() - 1;
        return t.payDate(payment < last ? payment : last);
    }

    function _load() private view returns (bytes memory) {
        return BondTerms.load(_terms);
    }

    function _held(bytes memory t) private view returns (uint256) {
        return IERC20(t.currency()).balanceOf(address(this));
    }

    function _requireHeld(bytes memory t, uint256 due) private view returns (uint256 held) {
        held = _held(t);
        if (held < due) revert KpiBond_Underfunded(due, held);
    }

    function _distribute(bytes memory t, uint256 paid) private {
        // `distribute` takes exactly `paid`, a whole multiple of the units.
        // slither-disable-next-line unused-return
        if (paid != 0) ISecurityToken(t.token()).distribute(paid);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IKpiBond
    function terms() external view returns (Terms memory) {
        // As it came, for the reason given in {initialize}.
        (address checks, bytes memory asked) = (address(CHECKS), abi.encodeCall(BondChecks.kept, (_terms)));
        assembly ("memory-safe") {
            let ok := staticcall(gas(), checks, add(asked, 32), mload(asked), 0, 0)
            returndatacopy(mload(0x40), 0, returndatasize())
            if iszero(ok) { revert(mload(0x40), returndatasize()) }
            return(mload(0x40), returndatasize())
        }
    }

    /// @inheritdoc IKpiBond
    function state() external view returns (State) {
        return _state;
    }

    /// @inheritdoc IKpiBond
    function couponsPaid() external view returns (uint256) {
        return _couponsPaid;
    }

    /// @inheritdoc IKpiBond
    function periodCount() external view returns (uint256) {
        return _load().periodCount();
    }

    /// @inheritdoc IKpiBond
    function fixingOf(uint256 fixing) external view returns (bool made, int128 value) {
        _requireFixing(_load(), fixing);
        return (_isFixed(fixing), _values[fixing]);
    }

    /// @inheritdoc IKpiBond
    function rateOf(uint256 period) external view returns (uint256) {
        return uint256(_only(_load(), period)[0].rate);
    }

    /// @inheritdoc IKpiBond
    function outcomeOf(uint256 payment) external view returns (int256) {
        return _only(_load(), payment)[0].outcome;
    }

    /// @inheritdoc IKpiBond
    function nextPayment() external view returns (uint64, uint256) {
        bytes memory t = _load();
        (, uint256 due, uint256 late) = _next(t);
        return (_dateOf(t, _couponsPaid), due + late);
    }

    /// @inheritdoc IKpiBond
    function owedAfterAcceleration() external view returns (uint256, uint256, uint256) {
        uint256 late = _state == State.Accelerated ? _lateNow(_load()) / LATE_ONE : 0;
        return (_interestOwed, _principalOwed, late);
    }

    /// @inheritdoc IKpiBond
    function principal() external view returns (uint256) {
        return _state == State.Redeemed ? 0 : _load().left(_couponsPaid) * _units;
    }
}
