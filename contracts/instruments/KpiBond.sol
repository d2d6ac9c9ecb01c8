// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
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

    Terms private _terms;

    State private _state;
    bool private _outcomeFixed;
    uint32 private _couponsPaid;
    uint64 private _units;
    uint64 private _defaultedAt;
    int256 private _outcome;
    /// @dev Due to holders but less than a minor unit per unit; carried to the next distribution.
    uint256 private _carried;
    uint256 private _interestOwed;
    uint256 private _principalOwed;

    constructor() {
        _disableInitializers();
    }

    modifier inState(State expected) {
        if (_state != expected) revert KpiBond_WrongState(_state);
        _;
    }

    /// @inheritdoc IKpiBond
    function initialize(Terms calldata terms_) external initializer {
        BondChecks.validate(terms_);
        // Called for its revert: unless the feed has that period.
        // slither-disable-next-line unused-return
        IKpiOracle(terms_.oracle).statusOf(terms_.feed, terms_.kpiPeriod);
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
    function payCoupon() external inState(State.Active) returns (uint256 paid) {
        uint256 i = _couponsPaid;
        uint256 total = _terms.periods.length;
        if (i == total) revert KpiBond_CouponsOutstanding(i, total);
        uint64 payDate = _terms.periods[i].payDate;
        if (block.timestamp < payDate) revert KpiBond_NotDue(payDate);
        uint256 due = _coupon(i);
        _requireHeld(due + _carried);
        _couponsPaid = uint32(i + 1);
        paid = _distribute(due);
        emit CouponPaid(i, due, paid);
    }

    /// @inheritdoc IKpiBond
    function fixOutcome() external returns (int256) {
        if (_state != State.Active && _state != State.Defaulted) revert KpiBond_WrongState(_state);
        if (_outcomeFixed) revert KpiBond_OutcomeAlreadyFixed();
        return _fixOutcome();
    }

    function _fixOutcome() private returns (int256) {
        _outcomeFixed = true;
        (int128 kpi, bool missing) = IKpiOracle(_terms.oracle).consume(_terms.feed, _terms.kpiPeriod);
        _outcome = _inIssue(missing ? _terms.missingOutcome : PayoffCurve.payoff(_terms.outcome, kpi));
        emit OutcomeFixed(kpi, missing, _outcome);
        return _outcome;
    }

    /// @inheritdoc IKpiBond
    function redeem() external inState(State.Active) returns (uint256 paid) {
        uint256 total = _terms.periods.length;
        if (_couponsPaid != total) revert KpiBond_CouponsOutstanding(_couponsPaid, total);
        if (!_outcomeFixed) revert KpiBond_OutcomeNotFixed();
        // The last coupon falls due at maturity, so maturity has come.
        uint256 due = _redemption();
        _requireHeld(due + _carried);
        _state = State.Redeemed;
        paid = _distribute(due);
        emit BondRedeemed(principal(), _outcome, paid);
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
        (uint64 due, uint256 amount) = nextPayment();
        uint64 until = due + _terms.gracePeriod;
        if (block.timestamp <= until) revert KpiBond_InGrace(until);
        if (_couponsPaid == _terms.periods.length && !_outcomeFixed) revert KpiBond_OutcomeNotFixed();
        amount += _carried;
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
        uint256 arrears = _couponsDue() + _carried;
        if (block.timestamp >= maturity()) {
            if (!_outcomeFixed) revert KpiBond_OutcomeNotFixed();
            arrears += _redemption();
        }
        _requireHeld(arrears);
        _state = State.Active;
        emit DefaultCured();
    }

    /// @inheritdoc IKpiBond
    function accelerate() external inState(State.Defaulted) {
        uint64 until = _defaultedAt + _terms.curePeriod;
        if (block.timestamp <= until) revert KpiBond_CurePeriodOpen(until);
        _state = State.Accelerated;
        if (!_outcomeFixed) _fixOutcomeForAcceleration();
        _interestOwed = _couponsDue() + _accrued() + _carried;
        _carried = 0;
        _principalOwed = _redemption();
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

    function _fixOutcomeForAcceleration() private {
        IKpiOracle oracle = IKpiOracle(_terms.oracle);
        if (block.timestamp < oracle.periodEndOf(_terms.feed, _terms.kpiPeriod)) {
            _outcomeFixed = true;
            int256 best = PayoffCurve.maximum(_terms.outcome);
            _outcome = _inIssue(best > _terms.missingOutcome ? best : int256(_terms.missingOutcome));
            return;
        }
        IKpiOracle.Status status = oracle.statusOf(_terms.feed, _terms.kpiPeriod);
        bool settled = status == IKpiOracle.Status.Final || status == IKpiOracle.Status.Missing;
        if (!settled) revert KpiBond_OutcomeNotFixed();
        _fixOutcome();
    }

    // ---------------------------------------------------------------- arithmetic

    function _coupon(uint256 i) private view returns (uint256) {
        Period memory p = _terms.periods[i];
        return Accrual.interest(principal(), _terms.rate, p.numerator, p.denominator);
    }

    /// @dev Unpaid coupons that have fallen due.
    function _couponsDue() private view returns (uint256 sum) {
        for (uint256 i = _couponsPaid; i < _terms.periods.length; ++i) {
            if (_terms.periods[i].payDate > block.timestamp) break;
            sum += _coupon(i);
        }
    }

    /// @dev Interest of the running period up to now, by time, rounded down. Only after a default, so after the first
    /// pay date: there is always a period before the running one.
    function _accrued() private view returns (uint256) {
        for (uint256 i = _couponsPaid; i < _terms.periods.length; ++i) {
            uint64 end = _terms.periods[i].payDate;
            if (end <= block.timestamp) continue;
            uint64 start = _terms.periods[i - 1].payDate;
            return _coupon(i) * (block.timestamp - start) / (end - start);
        }
        return 0;
    }

    /// @dev Not negative: {BondChecks} holds every outcome above minus the principal.
    function _redemption() private view returns (uint256) {
        return uint256(int256(principal()) + _outcome);
    }

    /// @dev Amount for the full issue, scaled to the units in issue.
    function _inIssue(int256 amount) private view returns (int256) {
        return ProRata.scale(amount, _units, _terms.authorisedUnits);
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
        _carried = amount - paid;
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
    function outcomeFixed() external view returns (bool) {
        return _outcomeFixed;
    }

    /// @inheritdoc IKpiBond
    function outcome() external view returns (int256) {
        return _outcome;
    }

    /// @inheritdoc IKpiBond
    function nextPayment() public view returns (uint64 due, uint256 amount) {
        uint256 i = _couponsPaid;
        if (i < _terms.periods.length) return (_terms.periods[i].payDate, _coupon(i));
        return (maturity(), _redemption());
    }

    /// @inheritdoc IKpiBond
    function owedAfterAcceleration() external view returns (uint256, uint256) {
        return (_interestOwed, _principalOwed);
    }

    /// @inheritdoc IKpiBond
    function maturity() public view returns (uint64) {
        return _terms.periods[_terms.periods.length - 1].payDate;
    }

    /// @inheritdoc IKpiBond
    function principal() public view returns (uint256) {
        return uint256(_terms.unitPrincipal) * _units;
    }
}
