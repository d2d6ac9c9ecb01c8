// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../interfaces/IKpiPayment.sol";
import {CodeStore} from "../settlement/CodeStore.sol";
import {CloseOut} from "../settlement/CloseOut.sol";
import {Netting} from "../settlement/Netting.sol";
import {PaymentChecks} from "./PaymentChecks.sol";
import {PaymentTerms} from "./PaymentTerms.sol";

/// @title KPI payment
/// @notice See {IKpiPayment}.
contract KpiPayment is IKpiPayment, Initializable {
    using SafeERC20 for IERC20;
    using PaymentTerms for bytes;

    /// @dev What is kept of a side, one slot. A side that owes has no balance, so one signed number says both. See
    /// {PaymentTerms-MAX_AMOUNT} for its width.
    /// @param position balance, or below zero the principal that is owed
    /// @param since when interest was last added to {_interests}
    struct Slot {
        int112 position;
        uint104 credit;
        uint40 since;
    }

    /// @dev A side in memory.
    /// @param kept interest as it was read
    struct Ledger {
        uint256 balance;
        uint256 credit;
        uint256 principal;
        uint256 interest;
        uint256 since;
        uint256 kept;
    }

    PaymentChecks private immutable CHECKS;

    /// @dev One slot: where the terms are kept, and how far the swap has come.
    address private _store;
    State private _state; // never Lapsed or Defaulted, which the clock decides
    uint8 private _settled;
    uint40[2] private _deadlines;

    Slot[2] private _slots;
    uint256[2] private _interests; // of what is owed, as {Netting} counts it; zero when nothing is
    Proposal[2] private _proposals;

    constructor() {
        CHECKS = new PaymentChecks();
        _disableInitializers();
    }

    // Zero stands for what is not there: no deadline, no debt, nothing to pay. None of it is a balance a stranger can set.
    // slither-disable-start incorrect-equality

    /// @inheritdoc IKpiPayment
    function initialize(Terms calldata terms_) external initializer {
        bytes memory t = abi.encode(terms_);
        CHECKS.validate(t);
        _store = CodeStore.write(t);
        _state = State.Agreed;
        emit PaymentInitialized(terms_.payer, terms_.payee, terms_.feed);
    }

    /// @inheritdoc IKpiPayment
    function activate() external {
        bytes memory t = _terms();
        _require(State.Agreed);
        if (t.payeeStarts() && msg.sender != t.party(Side.Payee)) revert KpiPayment_NotParty(msg.sender);
        if (!_isSound(t, Side.Payer, _ledger(Side.Payer))) revert KpiPayment_NotCollateralised(Side.Payer);
        if (!_isSound(t, Side.Payee, _ledger(Side.Payee))) revert KpiPayment_NotCollateralised(Side.Payee);
        _state = State.Active;
        emit PaymentActivated();
    }

    // ---------------------------------------------------------------- money

    /// @inheritdoc IKpiPayment
    function settle() external returns (int256 amount) {
        bytes memory t = _running();
        uint256 period = _settled;
        uint64 payDate = t.payDate(period);
        if (block.timestamp < payDate) revert KpiPayment_NotDue(payDate);
        uint64 until = defaultedAt();
        if (until != 0 && !_hasBegun(t, period, until)) revert KpiPayment_WrongState(State.Defaulted);
        _settled = uint8(period + 1); // at most 240
        bool last = period + 1 == t.periodCount();
        if (last) _end(State.Matured);

        // The oracle is fixed by the terms and calls nobody back; ledgers are read only after it has answered.
        // slither-disable-start reentrancy-no-eth
        (int128 kpi, bool missing) = _report(t, t.feed(), period);
        amount = t.amountOf(period, kpi, missing);
        emit PeriodSettled(period, kpi, missing, amount);
        // What cannot be paid is owed.
        // slither-disable-next-line unused-return
        _pay(t, amount);
        // slither-disable-end reentrancy-no-eth
        if (last) emit Matured();
    }

    /// @inheritdoc IKpiPayment
    function fund(Side side, uint256 amount) external {
        bytes memory t = _terms();
        Side other = _other(side);
        (Ledger memory mine, Ledger memory others) = (_ledger(side), _ledger(other));
        uint256 held = mine.balance + mine.credit + others.balance + others.credit + amount;
        // From here on nothing that is moved within can exceed its width.
        if (held > type(uint104).max) revert KpiPayment_TooMuchHeld(held, type(uint104).max);
        (Netting.Debt memory left, uint256 repaid) = Netting.repay(_debt(t, mine), amount);
        if (repaid != 0) {
            _setDebt(mine, left);
            others.credit += repaid;
            _book(other, others);
        }
        mine.balance += amount - repaid;
        _book(side, mine);
        emit Funded(side, msg.sender, amount, repaid);
        _restoreMargin(t, side, mine);
        _take(t.currency(), amount);
    }

    /// @inheritdoc IKpiPayment
    function withdraw(Side side) external returns (uint256 paid) {
        bytes memory t = _terms();
        address party = t.party(side);
        bool takesItself = side == Side.Payee && t.payeeStarts();
        if (takesItself && msg.sender != party) revert KpiPayment_NotParty(msg.sender);
        Ledger memory mine = _ledger(side);
        (uint256 posted, uint256 credit) = _free(t, side, mine, msg.sender == party);
        paid = posted + credit;
        if (paid == 0) return 0;
        mine.balance -= posted;
        mine.credit -= credit;
        _book(side, mine);
        emit Withdrawn(side, party, paid);
        IERC20(t.currency()).safeTransfer(party, paid);
    }

    // ---------------------------------------------------------------- default

    /// @inheritdoc IKpiPayment
    function callMargin(Side side) external {
        bytes memory t = _terms();
        _require(State.Active);
        uint40 deadline = _deadlines[uint256(side)];
        if (deadline != 0) revert KpiPayment_MarginAlreadyCalled(side, deadline);
        if (_isSound(t, side, _ledger(side))) revert KpiPayment_NoShortfall(side);
        deadline = uint40(block.timestamp) + t.curePeriod();
        _deadlines[uint256(side)] = deadline;
        emit MarginCalled(side, deadline);
    }

    /// @inheritdoc IKpiPayment
    function closeOut() external returns (int256 amount) {
        bytes memory t = _terms();
        _require(State.Defaulted);
        uint256 period = _settled;
        uint64 until = defaultedAt();
        if (_hasBegun(t, period, until)) revert KpiPayment_PeriodOutstanding(period);
        (bool payer, bool payee) = (_deadlines[0] == until, _deadlines[1] == until);
        _end(State.Closed);
        bool missing = false;
        uint128 damages = uint128(t.required(payer ? Side.Payer : Side.Payee)); // not above MAX_AMOUNT
        CloseOutRule rule = t.closeOutRule();
        // As in {settle}.
        // slither-disable-start reentrancy-no-eth
        if (rule == CloseOutRule.ModelValue) {
            (amount, missing) = _report(t, t.valueFeed(), period);
            (amount, damages) = (missing ? t.missingValue() : amount, 0);
        } else if (rule == CloseOutRule.ReplacementCost) {
            amount = _replacementCost(t, period, payer);
        }
        if (payer && payee) amount = 0;
        else amount = CloseOut.against(payer, amount, damages);
        emit ClosedOut(period, until, missing, amount);
        // What cannot be paid is owed.
        // slither-disable-next-line unused-return
        _pay(t, amount);
        // slither-disable-end reentrancy-no-eth
    }

    /// @dev The reports have been used to settle, so they are what they were.
    function _replacementCost(bytes memory t, uint256 period, bool payer) private returns (int256) {
        uint256 year = t.periodsAYear();
        int256 sum = 0;
        for (uint256 i = period < year ? 0 : period - year; i < period; ++i) {
            (int128 kpi, bool missing) = _report(t, t.feed(), i);
            sum += t.amountOf(i, kpi, missing);
        }
        return CloseOut.replacementCost(payer, sum, t.periodCount() - period, year);
    }

    /// @dev Whether something of a period had been measured before a default.
    function _hasBegun(bytes memory t, uint256 period, uint64 until) private view returns (bool) {
        return period == 0 || IKpiOracle(t.oracle()).periodEndOf(t.feed(), uint32(period - 1)) < until;
    }

    function _report(bytes memory t, bytes32 feed, uint256 period) private returns (int128, bool) {
        return IKpiOracle(t.oracle()).consume(feed, uint32(period));
    }

    // ---------------------------------------------------------------- early termination

    /// @inheritdoc IKpiPayment
    function proposeTermination(int128 amount, uint64 expiry) external returns (uint32 id) {
        Side side = _sideOf(_running(), msg.sender);
        if (amount < -PaymentTerms.MAX_AMOUNT || amount > PaymentTerms.MAX_AMOUNT) {
            revert KpiPayment_AmountTooLarge(amount);
        }
        if (expiry < block.timestamp) revert KpiPayment_ExpiryPassed(expiry);
        id = _proposals[uint256(side)].id + 1;
        _proposals[uint256(side)] = Proposal(id, _settled, expiry, amount);
        emit TerminationProposed(side, id, amount, expiry);
    }

    /// @inheritdoc IKpiPayment
    function withdrawTermination() external {
        Side side = _sideOf(_running(), msg.sender);
        Proposal storage mine = _proposals[uint256(side)];
        if (mine.expiry == 0) revert KpiPayment_NoSuchProposal(mine.id, 0);
        mine.expiry = 0;
        emit TerminationWithdrawn(side, mine.id);
    }

    /// @inheritdoc IKpiPayment
    function acceptTermination(uint32 id) external {
        bytes memory t = _running();
        Side proposer = _other(_sideOf(t, msg.sender));
        Proposal memory theirs = _proposals[uint256(proposer)];
        bool open = theirs.expiry != 0 && theirs.periodsSettled == _settled;
        if (!open || theirs.id != id) revert KpiPayment_NoSuchProposal(id, open ? theirs.id : 0);
        if (theirs.expiry < block.timestamp) revert KpiPayment_ExpiryPassed(theirs.expiry);
        _end(State.Terminated);
        emit AgreedTermination(proposer, id, theirs.amount);
        uint256 unpaid = _pay(t, theirs.amount);
        if (unpaid != 0) revert KpiPayment_Underfunded(unpaid);
    }

    // ---------------------------------------------------------------- ledger

    /// @dev Positive: from the payer to the payee. What the balance does not cover is owed from now on.
    function _pay(bytes memory t, int256 amount) private returns (uint256) {
        Side from = amount < 0 ? Side.Payee : Side.Payer;
        Side to = _other(from);
        (Ledger memory debtor, Ledger memory creditor) = (_ledger(from), _ledger(to));
        uint256 magnitude = uint256(amount < 0 ? -amount : amount); // far from the ends of int256
        (Netting.Debt memory left, uint256 netted, uint256 paid, uint256 unpaid) =
            Netting.net(magnitude, _means(t, from, debtor), _debt(t, creditor));
        if (netted != 0) _setDebt(creditor, left);
        creditor.credit += paid;
        _spend(debtor, paid);
        if (unpaid != 0) {
            Netting.Debt memory debt = _debt(t, debtor);
            debt.principal += unpaid;
            _setDebt(debtor, debt);
        }
        _book(from, debtor);
        _book(to, creditor);
        emit AmountPaid(amount, netted, paid, unpaid);
        if (netted != 0) _restoreMargin(t, to, creditor);
        return unpaid;
    }

    /// @dev With what a side can be made to pay: of limited recourse only with what it has posted.
    function _means(bytes memory t, Side side, Ledger memory ledger) private pure returns (uint256) {
        return t.isLimited(side) ? ledger.balance : ledger.balance + ledger.credit;
    }

    /// @dev Balance first, then credit.
    function _spend(Ledger memory ledger, uint256 amount) private pure {
        uint256 posted = amount < ledger.balance ? amount : ledger.balance;
        ledger.balance -= posted;
        ledger.credit -= amount - posted;
    }

    function _ledger(Side side) private view returns (Ledger memory ledger) {
        Slot memory slot = _slots[uint256(side)];
        (ledger.credit, ledger.since) = (slot.credit, slot.since);
        if (slot.position >= 0) {
            ledger.balance = uint112(slot.position);
        } else {
            ledger.principal = uint112(-slot.position);
            ledger.interest = ledger.kept = _interests[uint256(side)];
        }
    }

    /// @dev No figure reaches 2^104: what is held is bounded in {fund}, what is owed by the terms.
    function _book(Side side, Ledger memory ledger) private {
        int256 position = int256(ledger.balance) - int256(ledger.principal); // one of them is zero
        _slots[uint256(side)] = Slot(int112(position), uint104(ledger.credit), uint40(ledger.since));
        if (ledger.interest != ledger.kept) _interests[uint256(side)] = ledger.interest;
    }

    /// @dev What a side owes, with interest to now.
    function _debt(bytes memory t, Ledger memory ledger) private view returns (Netting.Debt memory) {
        return
            Netting.accrue(
                Netting.Debt(ledger.principal, ledger.interest), t.lateRate(), block.timestamp - ledger.since
            );
    }

    function _setDebt(Ledger memory ledger, Netting.Debt memory debt) private view {
        (ledger.principal, ledger.interest, ledger.since) = (debt.principal, debt.interest, block.timestamp);
    }

    /// @dev The end of an open call, if the side is sound again and no deadline has passed.
    function _restoreMargin(bytes memory t, Side side, Ledger memory ledger) private {
        if (_deadlines[uint256(side)] == 0 || state() != State.Active || !_isSound(t, side, ledger)) return;
        _deadlines[uint256(side)] = 0;
        emit MarginRestored(side);
    }

    function _isSound(bytes memory t, Side side, Ledger memory ledger) private pure returns (bool) {
        return ledger.balance >= t.required(side) && (ledger.principal == 0 || t.isLimited(side));
    }

    /// @dev The parts of a balance and a credit that can leave now. Of a debtor that has ended nothing is left, unless it is
    /// of limited recourse.
    function _free(bytes memory t, Side side, Ledger memory mine, bool byParty)
        private
        view
        returns (uint256 posted, uint256 credit)
    {
        State current = state();
        if (current > State.Defaulted) return (mine.balance, mine.credit);
        bool sound = _isSound(t, side, mine);
        if (current == State.Agreed) {
            if (!byParty) return (0, 0);
            Side other = _other(side);
            bool bound = sound && _isSound(t, other, _ledger(other));
            return (bound ? mine.balance - t.required(side) : mine.balance, 0);
        }
        if (!sound || _deadlines[uint256(side)] != 0) return (0, 0);
        bool free = byParty && current == State.Active && block.timestamp < t.payDate(_settled);
        return (free ? mine.balance - t.required(side) : 0, mine.credit);
    }

    /// @dev What is booked must really have come in: both sides share this contract's money.
    function _take(address currency, uint256 amount) private {
        uint256 expected = IERC20(currency).balanceOf(address(this)) + amount;
        IERC20(currency).safeTransferFrom(msg.sender, address(this), amount);
        uint256 held = IERC20(currency).balanceOf(address(this));
        if (held != expected) revert KpiPayment_UnsupportedCurrency(currency, expected, held);
    }

    // ---------------------------------------------------------------- checks

    function _terms() private view returns (bytes memory) {
        if (_state == State.None) revert KpiPayment_WrongState(State.None);
        return CodeStore.read(_store);
    }

    /// @dev The terms, if the swap has begun and not ended.
    function _running() private view returns (bytes memory) {
        if (_state != State.Active) revert KpiPayment_WrongState(state());
        return CodeStore.read(_store);
    }

    /// @dev Calls that no longer matter are forgotten; the one that led to a default stays to be read.
    function _end(State how) private {
        if (defaultedAt() == 0) delete _deadlines;
        _state = how;
    }

    function _require(State expected) private view {
        State current = state();
        if (current != expected) revert KpiPayment_WrongState(current);
    }

    function _sideOf(bytes memory t, address account) private pure returns (Side) {
        if (account == t.party(Side.Payer)) return Side.Payer;
        if (account == t.party(Side.Payee)) return Side.Payee;
        revert KpiPayment_NotParty(account);
    }

    function _other(Side side) private pure returns (Side) {
        return side == Side.Payer ? Side.Payee : Side.Payer;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IKpiPayment
    function state() public view returns (State) {
        State kept = _state;
        if (kept == State.Active && defaultedAt() != 0) return State.Defaulted;
        if (kept == State.Agreed && block.timestamp > CodeStore.read(_store).startBy()) return State.Lapsed;
        return kept;
    }

    /// @inheritdoc IKpiPayment
    function defaultedAt() public view returns (uint64) {
        (uint256 payer, uint256 payee) = (_deadlines[0], _deadlines[1]);
        uint256 first = payee == 0 || (payer != 0 && payer < payee) ? payer : payee;
        return block.timestamp > first ? uint64(first) : 0;
    }

    // slither-disable-end incorrect-equality

    /// @inheritdoc IKpiPayment
    function owed(Side side) external view returns (uint256) {
        return Netting.due(_debt(_terms(), _ledger(side)));
    }

    /// @inheritdoc IKpiPayment
    function accountOf(Side side) external view returns (Account memory) {
        Ledger memory ledger = _ledger(side);
        Netting.Debt memory debt = _debt(_terms(), ledger);
        uint256 interest = debt.interest / Netting.INTEREST_ONE;
        return Account(ledger.balance, ledger.credit, debt.principal, interest, _deadlines[uint256(side)]);
    }

    /// @inheritdoc IKpiPayment
    function withdrawable(Side side) external view returns (uint256) {
        (uint256 posted, uint256 credit) = _free(_terms(), side, _ledger(side), true);
        return posted + credit;
    }

    /// @inheritdoc IKpiPayment
    function periodsSettled() external view returns (uint256) {
        return _settled;
    }

    /// @inheritdoc IKpiPayment
    function proposalOf(Side side) external view returns (Proposal memory) {
        return _proposals[uint256(side)];
    }

    /// @inheritdoc IKpiPayment
    function partyOf(Side side) external view returns (address) {
        return _terms().party(side);
    }

    /// @inheritdoc IKpiPayment
    function terms() external view returns (Terms memory) {
        bytes memory t = _terms();
        assembly ("memory-safe") {
            return(add(t, 32), mload(t)) // kept as the ABI encodes it, so there is nothing to decode
        }
    }
}
