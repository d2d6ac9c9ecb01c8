// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {PaymentFixture} from "../utils/PaymentFixture.sol";

/// @notice Lives the life of a swap in any order of events, and keeps its own books.
/// @dev The books know one debt, whoever owes it, because at most one side may owe; a contract in which both do cannot
/// agree with them. They follow the words of {IKpiPayment}. As in {TokenHandler}, each action is predicted first.
contract PaymentHandler is PaymentFixture {
    // The books.
    uint256[2] public balance;
    uint256[2] public credit;
    uint256[2] public deadline;
    uint256[2] public paidIn;
    uint256[2] public paidOut;
    uint256 public donated;
    uint256 public debt;
    uint256 private _debtInterest; // 2^-32 of a minor unit, at _debtSince
    uint256 private _debtSince;
    IKpiPayment.Side public debtor;
    int256 public promised; // sum of all amounts fixed, to the payee
    int256 public interestPaid; // to the payee
    int256[] public fixings;
    IKpiPayment.State private _ended = IKpiPayment.State.Active;

    struct Offer {
        uint32 id;
        int256 amount;
        uint256 expiry;
        uint256 settled;
    }

    Offer[2] private _offers;
    mapping(bytes32 feed => mapping(uint256 period => uint256)) private _reportedAt;
    mapping(bytes32 feed => mapping(uint256 period => int128)) private _reported;

    bool private _squeezed;

    /// @dev Model: both of full recourse and with collateral, closed out by model value. Limited: a project of limited
    /// recourse without collateral, closed out by the last fixing. Bare: nobody holds collateral, so a margin call is only
    /// for what is owed, and long enough for it to be netted; closed out by replacement cost.
    enum Kind {
        Model,
        Limited,
        Bare
    }

    Kind private immutable KIND;
    uint32 private immutable CURE_PERIOD;

    constructor(Kind kind) {
        KIND = kind;
        CURE_PERIOD = kind == Kind.Bare ? 120 days : CURE;
        deployPaymentRooms();
        deployPayment();
        uint256 first = kind == Kind.Bare ? 15_000 : 6_000;
        post(PAYER, first);
        _bookFunding(PAYER, first);
        post(PAYEE, 3_000);
        _bookFunding(PAYEE, 3_000);
        payment.activate();
    }

    function paymentTerms() internal view override returns (IKpiPayment.Terms memory t) {
        t = super.paymentTerms();
        if (KIND == Kind.Model) return t;
        t = closedOutBy(
            KIND == Kind.Limited ? IKpiPayment.CloseOutRule.LastFixing : IKpiPayment.CloseOutRule.ReplacementCost, t
        );
        (t.curePeriod, t.limitedRecourse) = (CURE_PERIOD, KIND == Kind.Limited);
        t.requiredCollateral = [uint128(_margin(PAYER)), uint128(_margin(PAYEE))];
    }

    /// @dev After every action: no transition but those that IKpiPayment names.
    modifier watched() {
        IKpiPayment.State before = payment.state();
        _;
        IKpiPayment.State afterwards = payment.state();
        bool fromActive = before == IKpiPayment.State.Active && afterwards > IKpiPayment.State.Active;
        bool fromDefault = before == IKpiPayment.State.Defaulted && afterwards > IKpiPayment.State.Defaulted;
        bool closedUnasked = before == IKpiPayment.State.Active && afterwards == IKpiPayment.State.Closed;
        isTrue(before == afterwards || ((fromActive || fromDefault) && !closedUnasked), "a forbidden transition");
    }

    // ---------------------------------------------------------------- time and data

    /// @dev Often to the very second at which something changes, or one beside it.
    function wait(uint256 seed) external watched {
        uint256 dice = mix(seed);
        uint256 i = fixings.length < PERIODS ? fixings.length : PERIODS - 1;
        uint256 edge = payDay(i);
        if (dice % 6 == 0) edge = periodEnd(i);
        if (dice % 6 == 1) edge = periodEnd(i) + REPORTING;
        if (dice % 6 == 2) edge = deadline[(dice >> 192) % 2];
        if (dice % 6 == 3) edge = valuedAt(i);
        edge = edge + (dice >> 128) % 3;
        if ((dice >> 64) % 3 != 0 && edge > block.timestamp + 1) vm.warp(edge - 1);
        else vm.warp(block.timestamp + 1 hours + (dice >> 192) % 20 days);
    }

    /// @dev Reports the period now to be settled, or its model value.
    function report(uint256 seed, int256 value) external watched {
        bool model = mix(seed) % 4 == 0;
        uint256 i = fixings.length;
        if (i == PERIODS) return;
        bytes32 which = model ? valueFeed : feed;
        uint256 end = model ? valuedAt(i) : periodEnd(i);
        if (block.timestamp < end || block.timestamp > end + REPORTING || _reportedAt[which][i] != 0) return;
        int128 seen = int128(model ? bound(value, -VALUE_BOUND, VALUE_BOUND) : bound(value, 0, TOP));
        if (!model && mix(seed) % 3 == 0) seen = int128(bound(value, 9_000, 11_000)); // where the sign turns
        oracle.submit(which, uint32(i), 0, unanimous(which, uint32(i), 0, QUORUM, seen));
        (_reportedAt[which][i], _reported[which][i]) = (block.timestamp, seen);
    }

    /// @dev To the next pay date, reported and settled as it should be, so that lives get as far as their end.
    function keepPromise(int256 value) external watched {
        uint256 i = fixings.length;
        if (i == PERIODS || payment.state() != IKpiPayment.State.Active) return;
        if (block.timestamp < periodEnd(i)) vm.warp(periodEnd(i));
        if (block.timestamp <= periodEnd(i) + REPORTING && _reportedAt[feed][i] == 0) {
            int128 seen = int128(bound(value, 5_000, 15_000));
            oracle.submit(feed, uint32(i), 0, unanimous(feed, uint32(i), 0, QUORUM, seen));
            (_reportedAt[feed][i], _reported[feed][i]) = (block.timestamp, seen);
        }
        if (block.timestamp < payDay(i)) vm.warp(payDay(i));
        _settle();
    }

    // ---------------------------------------------------------------- money

    function fund(uint256 who, uint256 seed) external watched {
        IKpiPayment.Side side = _side(who);
        uint256 dice = mix(seed);
        uint256 amount = (dice >> 8) % 12_000;
        if (dice % 4 == 0) amount = _owed(side) + _margin(side);
        if (dice % 4 == 1 && balance[uint256(side)] < _margin(side)) amount = _margin(side) - balance[uint256(side)];
        if (dice % 16 == 15) amount = _owed(side);
        if (dice % 16 == 14 && amount != 0) --amount;
        if (_squeezed) amount %= 500;
        post(side, amount); // never fails, in any state
        _bookFunding(side, amount);
    }

    /// @dev What a side that is called lacks, or a unit less.
    function cure(uint256 who, uint256 seed) external watched {
        IKpiPayment.Side side = _side(who);
        if (deadline[uint256(side)] == 0 || _isSound(side)) return;
        uint256 amount = _owed(side) + _margin(side) - balance[uint256(side)];
        if (mix(seed) % 8 == 0) --amount;
        post(side, amount);
        _bookFunding(side, amount);
    }

    /// @dev While squeezed, small money only comes in, so that both sides can fall short.
    function squeeze(uint256 seed) external watched {
        _squeezed = mix(seed) % 2 == 0;
    }

    /// @dev Money sent without `fund` is nobody's, and moves nothing.
    function donate(uint256 amount) external watched {
        amount = bound(amount, 1, 2_000);
        currency.mint(address(payment), amount);
        donated += amount;
    }

    /// @dev Never fails: a party can always have what is its own.
    function withdraw(uint256 who, bool byParty) external watched {
        IKpiPayment.Side side = _side(who);
        uint256 i = uint256(side);
        address party = side == PAYER ? HEDGER : PROJECT;
        uint256 excess = 0;
        uint256 own = credit[i];
        bool over = state() > IKpiPayment.State.Defaulted;
        if (over) {
            excess = balance[i];
        } else if (!_isSound(side) || deadline[i] != 0) {
            own = 0;
        } else if (byParty && _defaultedAt() == 0 && block.timestamp < payDay(fixings.length)) {
            excess = balance[i] - _margin(side);
        }
        uint256 before = currency.balanceOf(party);
        if (byParty) vm.prank(party);
        eq(payment.withdraw(side), own + excess, "withdrawn");
        eq(currency.balanceOf(party) - before, own + excess, "it goes to the party");
        paidOut[i] += own + excess;
        credit[i] -= own;
        balance[i] -= excess;
    }

    function settle() external watched {
        _settle();
    }

    function _settle() private {
        uint256 i = fixings.length;
        uint256 default_ = _defaultedAt();
        bool expected = _ended == IKpiPayment.State.Active && block.timestamp >= payDay(i)
            && (default_ == 0 || _hasBegun(i, default_)) && _isSettled(feed, i, periodEnd(i));
        try payment.settle() returns (int256 amount) {
            isTrue(expected, "settle should have failed");
            // Fixed minus proxy revenue; the most there can be, when nobody said.
            int256 revenue = _reportedAt[feed][i] == 0 ? TOP : _reported[feed][i];
            eqInt(amount, int256(FIXED) + int256(i) - revenue, "amount");
            isTrue(amount >= int256(FIXED) + int256(i) - TOP, "no report costs the project more than silence");
            fixings.push(amount);
            if (i + 1 == PERIODS) _end(IKpiPayment.State.Matured);
            _bookAmount(amount);
        } catch {
            isFalse(expected, "settle should have succeeded");
        }
    }

    // ---------------------------------------------------------------- default and termination

    function callMargin(uint256 who) external watched {
        _callMargin(_side(who));
    }

    /// @dev One after the other, so that two deadlines run.
    function callBoth(uint256 seed) external watched {
        if (mix(seed) >> 128 & 3 != 0) return;
        _callMargin(_side(seed));
        vm.warp(block.timestamp + mix(seed) % 10 days);
        _callMargin(_side(seed) == PAYER ? PAYEE : PAYER);
    }

    function _callMargin(IKpiPayment.Side side) private {
        bool expected = state() == IKpiPayment.State.Active && deadline[uint256(side)] == 0 && !_isSound(side);
        try payment.callMargin(side) {
            isTrue(expected, "callMargin should have failed");
            deadline[uint256(side)] = block.timestamp + CURE_PERIOD;
        } catch {
            isFalse(expected, "callMargin should have succeeded");
        }
    }

    function closeOut() external watched {
        uint256 i = fixings.length;
        bool expected = state() == IKpiPayment.State.Defaulted && !_hasBegun(i, _defaultedAt())
            && (KIND != Kind.Model || _isSettled(valueFeed, i, valuedAt(i)));
        int256 wanted = expected ? _closeOutAmount(i, _defaultedAt()) : int256(0);
        try payment.closeOut() returns (int256 amount) {
            isTrue(expected, "closeOut should have failed");
            eqInt(amount, wanted, "close-out amount");
            _end(IKpiPayment.State.Closed);
            _bookAmount(amount);
        } catch {
            isFalse(expected, "closeOut should have succeeded");
        }
    }

    function propose(uint256 who, int256 amount, uint256 seed) external watched {
        IKpiPayment.Side side = _side(who);
        amount = bound(amount, -12_000, 12_000);
        uint256 expiry = block.timestamp + mix(seed) % (mix(seed) >> 128 & 1 == 0 ? 5 days : 400 days);
        vm.prank(side == PAYER ? HEDGER : PROJECT);
        try payment.proposeTermination(int128(amount), uint64(expiry)) returns (uint32 id) {
            isTrue(_ended == IKpiPayment.State.Active, "propose should have failed");
            eq(id, _offers[uint256(side)].id + 1, "a new id");
            _offers[uint256(side)] = Offer(id, amount, expiry, fixings.length);
        } catch {
            isTrue(_ended != IKpiPayment.State.Active, "propose should have succeeded");
        }
    }

    function takeBack(uint256 who) external watched {
        IKpiPayment.Side side = _side(who);
        bool expected = _ended == IKpiPayment.State.Active && _offers[uint256(side)].expiry != 0;
        vm.prank(side == PAYER ? HEDGER : PROJECT);
        try payment.withdrawTermination() {
            isTrue(expected, "withdrawTermination should have failed");
            _offers[uint256(side)].expiry = 0;
        } catch {
            isFalse(expected, "withdrawTermination should have succeeded");
        }
    }

    /// @dev An open offer seldom, because that is the end of a life; one that has lapsed whenever there is one.
    function accept(uint256 who, uint256 seed) external watched {
        IKpiPayment.Side side = _side(who);
        Offer memory offer = _offers[1 - uint256(side)];
        uint256 dice = mix(seed);
        bool lapsed = offer.settled != fixings.length || offer.expiry < block.timestamp;
        if (!lapsed && dice % 4 != 0) return;
        uint32 id = dice >> 128 & 3 == 0 ? offer.id + 1 : offer.id;
        IKpiPayment.Side from = offer.amount < 0 ? PAYEE : PAYER;
        uint256 most = _means(from) + (debt != 0 && debtor != from ? _owed(debtor) : 0);
        uint256 size = uint256(offer.amount < 0 ? -offer.amount : offer.amount);
        bool expected = _ended == IKpiPayment.State.Active && offer.expiry >= block.timestamp && id == offer.id
            && offer.settled == fixings.length && size <= most;
        vm.prank(side == PAYER ? HEDGER : PROJECT);
        try payment.acceptTermination(id) {
            isTrue(expected, "accept should have failed");
            _end(IKpiPayment.State.Terminated);
            _bookAmount(offer.amount);
        } catch {
            isFalse(expected, "accept should have succeeded");
        }
    }

    /// @dev Nobody else has a party's powers, and a party has none over the other's money.
    function trespass(uint256 who) external watched {
        address[3] memory intruders = [STRANGER, ISSUER, address(oracle)];
        IKpiPayment.Terms memory terms = payment.terms();
        vm.startPrank(intruders[who % 3]);
        try payment.initialize(terms) {
            revert Expected("terms are set once");
        } catch {}
        try payment.activate() {
            revert Expected("it has begun");
        } catch {}
        try payment.proposeTermination(0, type(uint64).max) {
            revert Expected("only a party proposes");
        } catch {}
        try payment.withdrawTermination() {
            revert Expected("only a party takes its offer back");
        } catch {}
        try payment.acceptTermination(_offers[0].id) {
            revert Expected("only a party accepts");
        } catch {}
        try oracle.consume(feed, 0) {
            revert Expected("only the payment uses the report");
        } catch {}
        try currency.transferFrom(address(payment), STRANGER, 1) {
            revert Expected("nobody takes the payment's money");
        } catch {}
        vm.stopPrank();
        vm.startPrank(HEDGER);
        uint32 own = _offers[0].id;
        if (own != 0 && own != _offers[1].id) {
            try payment.acceptTermination(own) {
                revert Expected("nobody accepts its own offer");
            } catch {}
        }
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- views for the invariants

    function thePayment() external view returns (IKpiPayment) {
        return payment;
    }

    function held() external view returns (uint256) {
        return currency.balanceOf(address(payment));
    }

    function reportUsed(uint256 i) external view returns (bool) {
        return oracle.reportOf(feed, uint32(i)).used;
    }

    function fixingCount() external view returns (uint256) {
        return fixings.length;
    }

    function defaultedAt() external view returns (uint256) {
        return _defaultedAt();
    }

    /// @dev Minor units, with interest to now.
    function owed(IKpiPayment.Side side) external view returns (uint256) {
        return _owed(side);
    }

    function state() public view returns (IKpiPayment.State) {
        return _ended == IKpiPayment.State.Active && _defaultedAt() != 0 ? IKpiPayment.State.Defaulted : _ended;
    }

    // ---------------------------------------------------------------- the books' rules

    function _side(uint256 seed) private pure returns (IKpiPayment.Side) {
        return mix(seed) % 2 == 0 ? PAYER : PAYEE;
    }

    function _margin(IKpiPayment.Side side) private view returns (uint256) {
        if (side == PAYER) return KIND == Kind.Bare ? 0 : PAYER_MARGIN;
        return KIND == Kind.Model ? PAYEE_MARGIN : 0;
    }

    function _isSound(IKpiPayment.Side side) private view returns (bool) {
        bool owing = debt != 0 && debtor == side && !(KIND == Kind.Limited && side == PAYEE);
        return balance[uint256(side)] >= _margin(side) && !owing;
    }

    function _defaultedAt() private view returns (uint256 first) {
        for (uint256 i = 0; i < 2; ++i) {
            if (deadline[i] != 0 && block.timestamp > deadline[i] && (first == 0 || deadline[i] < first)) {
                first = deadline[i];
            }
        }
    }

    function _end(IKpiPayment.State how) private {
        if (_defaultedAt() == 0) delete deadline;
        _ended = how;
    }

    /// @dev 10.01 % a year of 365 days, by seconds.
    function _interest() private view returns (uint256) {
        return _debtInterest + debt * 2 ** 32 * 1_001 * (block.timestamp - _debtSince) / (10_000 * 365 days);
    }

    function _owed(IKpiPayment.Side side) private view returns (uint256) {
        return debt != 0 && debtor == side ? debt + _interest() / 2 ** 32 : 0;
    }

    /// @dev Takes off the debt what `amount` meets of it, interest first.
    function _payOff(uint256 amount) private returns (uint256 left) {
        uint256 total = _interest();
        uint256 interest = total / 2 ** 32 < amount ? total / 2 ** 32 : amount;
        uint256 principal = amount - interest < debt ? amount - interest : debt;
        (_debtInterest, _debtSince) = (total - interest * 2 ** 32, block.timestamp);
        debt -= principal;
        interestPaid += debtor == PAYER ? int256(interest) : -int256(interest);
        if (debt == 0) _debtInterest = 0;
        return amount - interest - principal;
    }

    function _bookFunding(IKpiPayment.Side side, uint256 amount) private {
        paidIn[uint256(side)] += amount;
        uint256 left = amount;
        if (amount != 0 && debt != 0 && debtor == side) left = _payOff(amount);
        credit[1 - uint256(side)] += amount - left;
        balance[uint256(side)] += left;
        _cure(side);
    }

    function _bookAmount(int256 amount) private {
        promised += amount;
        if (amount == 0) return;
        IKpiPayment.Side from = amount < 0 ? PAYEE : PAYER;
        IKpiPayment.Side to = amount < 0 ? PAYER : PAYEE;
        uint256 left = uint256(amount < 0 ? -amount : amount);
        if (debt != 0 && debtor == to) {
            left = _payOff(left);
            _cure(to);
        }
        uint256 paid = left < _means(from) ? left : _means(from);
        uint256 posted = paid < balance[uint256(from)] ? paid : balance[uint256(from)];
        balance[uint256(from)] -= posted;
        credit[uint256(from)] -= paid - posted;
        credit[uint256(to)] += paid;
        if (left == paid) return;
        (_debtInterest, _debtSince) = (debt == 0 ? 0 : _interest(), block.timestamp);
        debt += left - paid;
        debtor = from;
    }

    function _cure(IKpiPayment.Side side) private {
        if (state() == IKpiPayment.State.Active && _isSound(side)) deadline[uint256(side)] = 0;
    }

    /// @dev What a settlement can be paid with.
    function _means(IKpiPayment.Side side) private view returns (uint256) {
        bool limited = KIND == Kind.Limited && side == PAYEE;
        return balance[uint256(side)] + (limited ? 0 : credit[uint256(side)]);
    }

    /// @dev The quarter before it was over when the swap went into default.
    function _hasBegun(uint256 i, uint256 default_) private pure returns (bool) {
        return i < PERIODS && START + i * QUARTER < default_;
    }

    /// @dev There is a final report, or there will never be one.
    function _isSettled(bytes32 which, uint256 i, uint256 end) private view returns (bool) {
        if (_reportedAt[which][i] != 0) return block.timestamp >= _reportedAt[which][i] + DISPUTE;
        return block.timestamp > end + MISSING;
    }

    /// @dev As the words have it, per side: what the defaulter loses.
    function _closeOutAmount(uint256 i, uint256 default_) private view returns (int256) {
        (bool payer, bool payee) = (deadline[0] == default_, deadline[1] == default_);
        if (payer && payee) return 0;
        int256 sign = payer ? int256(1) : -1;
        int256 loss = 0;
        if (KIND == Kind.Model) {
            loss = sign * (_reportedAt[valueFeed][i] != 0 ? int256(_reported[valueFeed][i]) : -VALUE_BOUND);
        } else if (KIND == Kind.Limited) {
            loss = int256(_margin(payer ? PAYER : PAYEE));
        } else {
            for (uint256 k = i > 4 ? i - 4 : 0; k < i; ++k) {
                loss += sign * fixings[k];
            }
            loss *= int256(PERIODS - i);
            loss = loss > 0 ? (loss + 3) / 4 : int256(0);
        }
        return loss > 0 ? sign * loss : int256(0);
    }
}
