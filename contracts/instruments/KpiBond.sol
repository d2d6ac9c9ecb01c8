// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IKpiBond} from "../interfaces/IKpiBond.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {IServicer} from "../interfaces/IServicer.sol";
import {Accrual} from "../settlement/Accrual.sol";
import {PayoffCurve} from "../settlement/PayoffCurve.sol";
import {ProRata} from "../settlement/ProRata.sol";
import {Waterfall} from "../settlement/Waterfall.sol";
import {BondChecks} from "./BondChecks.sol";

/// @title KPI bond
/// @notice See {IKpiBond}.
contract KpiBond is IKpiBond, Initializable {
    using SafeERC20 for IERC20;

    /// @notice What terms must satisfy; checked there, once.
    BondChecks public immutable CHECKS;

    Terms private _terms;

    State private _state;
    uint16 private _couponsPaid;
    uint64 private _units;
    uint64 private _defaultedAt;
    uint32 private _fixed; // one bit for each fixing
    /// @dev Principal of one unit.
    uint128 private _repaid;
    /// @dev Due to holders but less than a minor unit per unit, so below `_units`; carried to the next distribution.
    uint64 private _carried;
    uint256 private _interestOwed;
    uint256 private _principalOwed;
    int128[32] private _values; // of the fixings

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

    /// @inheritdoc IKpiBond
    function initialize(Terms calldata terms_) external initializer {
        // The terms as they came: to encode them again would take 1,500 bytes of code.
        // slither-disable-next-line unused-return
        Address.functionStaticCall(address(CHECKS), abi.encodePacked(BondChecks.validate.selector, msg.data[4:]));
        _terms = terms_;
        IERC20(terms_.currency).forceApprove(terms_.token, type(uint256).max);
    }

    /// @inheritdoc IServicer
    function activate() external inState(State.Offered) {
        if (msg.sender != _terms.offering) revert KpiBond_NotOffering(msg.sender);
        uint256 units = ISecurityToken(_terms.token).totalSupply();
        _state = State.Active;
        _units = uint64(units); // the offering sells at most authorisedUnits, a uint64
        emit BondActivated(units);
    }

    /// @inheritdoc IKpiBond
    function fund(uint256 amount) external {
        if (_state == State.Offered || _state == State.Redeemed) revert KpiBond_WrongState(_state);
        emit BondFunded(msg.sender, amount);
        IERC20(_terms.currency).safeTransferFrom(msg.sender, address(this), amount);
    }

    // ---------------------------------------------------------------- normal life

    /// @inheritdoc IKpiBond
    function fix(uint256 fixing) external returns (int128) {
        if (_state != State.Active && _state != State.Defaulted) revert KpiBond_WrongState(_state);
        _fixing(fixing); // unless there is none
        if (_isFixed(fixing)) revert KpiBond_AlreadyFixed(fixing);
        _markFixed(fixing);
        return _fix(fixing);
    }

    function _markFixed(uint256 fixing) private {
        _fixed |= uint32(1 << fixing);
    }

    function _fix(uint256 fixing) private returns (int128 value) {
        Fixing storage f = _fixing(fixing);
        (int128 kpi, bool missing) = IKpiOracle(_terms.oracle).consume(f.feed, f.kpiPeriod);
        value = missing ? f.missing : int128(PayoffCurve.payoff(_curveOf(f), kpi)); // between two knots, so an int128
        _values[fixing] = value;
        emit KpiFixed(fixing, kpi, missing, value);
    }

    /// @inheritdoc IKpiBond
    function payCoupon() external inState(State.Active) returns (uint256 paid) {
        uint256 i = _couponsPaid;
        uint256 total = _terms.periods.length;
        if (i == total) revert KpiBond_CouponsOutstanding(i, total);
        uint64 payDate = _payDate(i);
        if (block.timestamp < payDate) revert KpiBond_NotDue(payDate);
        (uint256 interest, uint256 repayment, int256 bonus) = _next();
        uint256 due = _sum(interest, repayment, bonus);
        _requireHeld(due + _carried);
        _couponsPaid = uint16(i + 1);
        if (repayment != 0) _repaid += _terms.periods[i].repayment;
        paid = _distribute(due);
        emit CouponPaid(i, interest, repayment, bonus, paid);
    }

    /// @inheritdoc IKpiBond
    function redeem() external inState(State.Active) returns (uint256 paid) {
        uint256 total = _terms.periods.length;
        if (_couponsPaid != total) revert KpiBond_CouponsOutstanding(_couponsPaid, total);
        // The last coupon falls due at maturity, so maturity has come.
        (, uint256 rest, int256 bonus) = _next();
        uint256 due = _sum(0, rest, bonus);
        _requireHeld(due + _carried);
        _state = State.Redeemed;
        paid = _distribute(due);
        emit BondRedeemed(rest, bonus, paid);
        ISecurityToken(_terms.token).close();
    }

    /// @inheritdoc IKpiBond
    function returnSurplus() external inState(State.Redeemed) returns (uint256 amount) {
        amount = _held();
        // Nothing to return is not an error; a donation only makes it something.
        // slither-disable-next-line incorrect-equality
        if (amount == 0) return 0;
        _carried = 0;
        emit SurplusReturned(amount);
        IERC20(_terms.currency).safeTransfer(_terms.issuer, amount);
    }

    // ---------------------------------------------------------------- default

    /// @inheritdoc IKpiBond
    function declareDefault() external inState(State.Active) {
        uint64 until = _nextDate() + _terms.gracePeriod;
        if (block.timestamp <= until) revert KpiBond_InGrace(until);
        (uint256 interest, uint256 repayment, int256 bonus) = _next();
        uint256 amount = _sum(interest, repayment, bonus) + _carried;
        uint256 held = _held();
        if (held >= amount) revert KpiBond_Funded(amount, held);
        _state = State.Defaulted;
        _defaultedAt = uint64(block.timestamp);
        emit BondDefaulted(_couponsPaid, amount, held);
    }

    /// @inheritdoc IKpiBond
    function cure() external inState(State.Defaulted) {
        uint64 until = _defaultedAt + _terms.curePeriod;
        if (block.timestamp > until) revert KpiBond_CurePeriodOver(until);
        uint256 running = _running();
        bool matured = running == _terms.periods.length;
        (uint256 interest, uint256 left) = _scheduled(running);
        uint256 repayments = principal() - (matured ? 0 : left * _units);
        int256 bonus = _outcome(_couponsPaid, matured ? running + 1 : running);
        _requireHeld(_sum(interest, repayments, bonus) + _carried);
        _state = State.Active;
        emit DefaultCured();
    }

    /// @inheritdoc IKpiBond
    function accelerate() external inState(State.Defaulted) {
        uint64 until = _defaultedAt + _terms.curePeriod;
        if (block.timestamp <= until) revert KpiBond_CurePeriodOpen(until);
        _state = State.Accelerated;
        uint256 running = _running();
        _fixForAcceleration(running);
        (uint256 interest, uint256 left) = _scheduled(running);
        _interestOwed = interest + _accrued(running, left) + _carried;
        _carried = 0;
        _principalOwed = _sum(0, principal(), _outcome(_couponsPaid, _terms.periods.length + 1));
        emit BondAccelerated(_interestOwed, _principalOwed);
    }

    // `distribute` takes exactly what was asked, because it is asked for a whole multiple of the units; of pro rata only the
    // sum is wanted here; and whether it is zero depends on nothing an attacker could set to exactly zero.
    // slither-disable-start unused-return
    // slither-disable-start incorrect-equality

    /// @inheritdoc IKpiBond
    function recover() external inState(State.Accelerated) returns (uint256 paid) {
        uint256 owed = _interestOwed + _principalOwed;
        uint256 held = _held();
        (, paid) = ProRata.perUnit(held < owed ? held : owed, _units);
        // What is left is less than a minor unit per unit and can never be paid: the claim is met.
        bool met = owed - paid < _units;
        if (paid == 0 && !met) revert KpiBond_NothingToRecover();
        uint256[] memory needs = new uint256[](2);
        (needs[0], needs[1]) = (_interestOwed, _principalOwed);
        (uint256[] memory shares,) = Waterfall.allocate(paid, needs);
        _interestOwed -= shares[0];
        _principalOwed -= shares[1];
        if (met) _state = State.Redeemed;
        if (paid != 0) ISecurityToken(_terms.token).distribute(paid);
        emit Recovered(shares[0], shares[1], paid);
        if (met) ISecurityToken(_terms.token).close();
    }

    // slither-disable-end incorrect-equality
    // slither-disable-end unused-return

    // The state, accelerated by now, lets nobody else fix anything, and the oracle calls nobody back.
    // slither-disable-start reentrancy-no-eth

    /// @dev What is not fixed and matters: amounts that are not paid, and rates of coupons due or running.
    function _fixForAcceleration(uint256 running) private {
        uint256 paid = _couponsPaid;
        for (uint256 i = 0; i < _terms.fixings.length; ++i) {
            Fixing storage f = _fixing(i);
            bool matters = f.effect == Effect.Rate ? f.first <= running && f.last >= paid : _paidIn(f) >= paid;
            if (!matters || _isFixed(i)) continue;
            _markFixed(i);
            if (block.timestamp < IKpiOracle(_terms.oracle).periodEndOf(f.feed, f.kpiPeriod)) {
                int256 best = PayoffCurve.maximum(_curveOf(f));
                _values[i] = best > f.missing ? int128(best) : f.missing;
            } else {
                _fix(i); // refused by the oracle while the report is in the making
            }
        }
    }

    // slither-disable-end reentrancy-no-eth

    // ---------------------------------------------------------------- arithmetic

    /// @dev Parts of the next payment.
    function _next() private view returns (uint256 interest, uint256 repayment, int256 bonus) {
        uint256 i = _couponsPaid;
        uint256 total = _terms.periods.length;
        if (i < total) {
            interest = _coupon(i, _terms.unitPrincipal - _repaid, _rate(i));
            if (i + 1 < total) repayment = uint256(_terms.periods[i].repayment) * _units;
        } else {
            repayment = principal();
        }
        bonus = _outcome(i, i + 1);
    }

    /// @dev Not negative: {BondChecks} lets no amount take more than the principal it is paid with.
    function _sum(uint256 interest, uint256 repayment, int256 bonus) private pure returns (uint256) {
        return uint256(int256(interest + repayment) + bonus);
    }

    /// @param left principal of one unit that bears interest
    /// @param rate not negative and not beyond a uint64: {BondChecks} tries every sum of changes
    function _coupon(uint256 i, uint256 left, int256 rate) private view returns (uint256) {
        Period memory p = _terms.periods[i];
        return Accrual.interest(left * _units, uint256(rate), p.numerator, p.denominator);
    }

    /// @dev Interest of the unpaid coupons before period `end`, and the principal of one unit that bears interest then.
    function _scheduled(uint256 end) private view returns (uint256 interest, uint256 left) {
        left = _terms.unitPrincipal - _repaid;
        uint256 start = _couponsPaid;
        int256[] memory rates = _rates(start, end);
        for (uint256 i = start; i < end; ++i) {
            interest += _coupon(i, left, rates[i - start]);
            left -= _terms.periods[i].repayment;
        }
    }

    /// @dev Interest of the running period up to now, by time, rounded down. Only after a default, so after the first
    /// pay date: there is always a period before the running one.
    function _accrued(uint256 running, uint256 left) private view returns (uint256) {
        if (running == _terms.periods.length) return 0;
        uint64 start = _payDate(running - 1);
        return _coupon(running, left, _rate(running)) * (block.timestamp - start) / (_payDate(running) - start);
    }

    /// @dev The first period whose pay date has not come; as many as there are periods from maturity on.
    function _running() private view returns (uint256 i) {
        i = _couponsPaid;
        while (i < _terms.periods.length && _payDate(i) <= block.timestamp) ++i;
    }

    /// @dev Coupon rates from period `start` until before `end`. Fixing by fixing, because what reads storage is dear.
    function _rates(uint256 start, uint256 end) private view returns (int256[] memory rates) {
        rates = new int256[](end - start);
        for (uint256 j = 0; j < rates.length; ++j) {
            rates[j] = int256(uint256(_terms.rate));
        }
        for (uint256 i = 0; i < _terms.fixings.length; ++i) {
            Fixing storage f = _fixing(i);
            (uint256 first, uint256 last) = (f.first, f.last);
            if (f.effect != Effect.Rate || last < start || first >= end) continue;
            int256 change = _value(i);
            for (uint256 j = first < start ? start : first; j <= last && j < end; ++j) {
                rates[j - start] += change;
            }
        }
    }

    function _rate(uint256 period) private view returns (int256) {
        return _rates(period, period + 1)[0];
    }

    /// @dev Amounts of the payments from `start` until before `end`, for the units in issue.
    function _outcome(uint256 start, uint256 end) private view returns (int256 sum) {
        for (uint256 i = 0; i < _terms.fixings.length; ++i) {
            Fixing storage f = _fixing(i);
            if (f.effect != Effect.Amount) continue;
            uint256 payment = _paidIn(f);
            if (start <= payment && payment < end) sum += ProRata.scale(_value(i), _units, _terms.authorisedUnits);
        }
    }

    /// @dev The payment that an amount is part of: what is due at maturity is paid by the redemption.
    function _paidIn(Fixing storage f) private view returns (uint256) {
        uint256 total = _terms.periods.length;
        return f.first + 1 == total ? total : f.first;
    }

    function _fixing(uint256 i) private view returns (Fixing storage) {
        if (i >= _terms.fixings.length) revert KpiBond_UnknownFixing(i);
        return _terms.fixings[i];
    }

    function _curveOf(Fixing storage f) private view returns (PayoffCurve.Curve memory) {
        return f.curve;
    }

    function _isFixed(uint256 fixing) private view returns (bool) {
        return _fixed & (1 << fixing) != 0;
    }

    function _value(uint256 fixing) private view returns (int256) {
        if (!_isFixed(fixing)) revert KpiBond_NotFixed(fixing);
        return _values[fixing];
    }

    function _payDate(uint256 period) private view returns (uint64) {
        return _terms.periods[period].payDate;
    }

    function _nextDate() private view returns (uint64) {
        uint256 i = _couponsPaid;
        return i < _terms.periods.length ? _payDate(i) : maturity();
    }

    function _held() private view returns (uint256) {
        return IERC20(_terms.currency).balanceOf(address(this));
    }

    function _requireHeld(uint256 due) private view {
        uint256 held = _held();
        if (held < due) revert KpiBond_Underfunded(due, held);
    }

    /// @dev Shares out `due` and what earlier distributions carried over; carries the new remainder.
    function _distribute(uint256 due) private returns (uint256 paid) {
        uint256 amount = due + _carried;
        // `distribute` takes exactly `paid`, a whole multiple of the units.
        // slither-disable-start unused-return
        (, paid) = ProRata.perUnit(amount, _units);
        _carried = uint64(amount - paid); // below the units
        if (paid != 0) ISecurityToken(_terms.token).distribute(paid);
        // slither-disable-end unused-return
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IKpiBond
    function terms() external view returns (Terms memory) {
        return _terms;
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
    function fixingOf(uint256 fixing) external view returns (bool made, int128 value) {
        _fixing(fixing); // unless there is none
        return (_isFixed(fixing), _values[fixing]);
    }

    /// @inheritdoc IKpiBond
    function rateOf(uint256 period) external view returns (uint256) {
        return uint256(_rate(period));
    }

    /// @inheritdoc IKpiBond
    function outcomeOf(uint256 payment) external view returns (int256) {
        return _outcome(payment, payment + 1);
    }

    /// @inheritdoc IKpiBond
    function nextPayment() external view returns (uint64 due, uint256 amount) {
        (uint256 interest, uint256 repayment, int256 bonus) = _next();
        return (_nextDate(), _sum(interest, repayment, bonus));
    }

    /// @inheritdoc IKpiBond
    function owedAfterAcceleration() external view returns (uint256, uint256) {
        return (_interestOwed, _principalOwed);
    }

    /// @inheritdoc IKpiBond
    function maturity() public view returns (uint64) {
        return _payDate(_terms.periods.length - 1);
    }

    /// @inheritdoc IKpiBond
    function principal() public view returns (uint256) {
        return _state == State.Redeemed ? 0 : uint256(_terms.unitPrincipal - _repaid) * _units;
    }
}
