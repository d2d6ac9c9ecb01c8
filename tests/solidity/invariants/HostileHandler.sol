// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KpiPayment} from "../../../contracts/instruments/KpiPayment.sol";
import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {PaymentFixture} from "../utils/PaymentFixture.sol";

/// @notice One party lives twice with the same counterparty and the same weather. In the one life it calls whatever it
/// likes whenever it likes: it sees every report before it acts, tops up or not, calls itself, defaults on purpose, stays
/// silent about what it measures. In its mirror it keeps the terms: it posts what it must as soon as it must.
/// @dev The counterparty keeps the terms in both and does what anyone may do when it is due; in the hostile life the
/// hostile party may do it first, or later. By model value the whole future is known to the hostile party from the start,
/// and the value reports tell it truly. By the other rules nobody knows what had not begun at the default: it brings what
/// the swap was agreed at, nothing.
contract HostileHandler is PaymentFixture {
    uint256 internal constant LIFE = 0;
    uint256 internal constant MIRROR = 1;

    IKpiPayment.Side public immutable HOSTILE;
    IKpiPayment.Side private immutable HONEST;
    IKpiPayment.CloseOutRule private immutable RULE;

    KpiPayment[2] public swaps;
    bytes32[2] private _feeds;
    bytes32[2] private _models;
    int256[2] private _flow; // to the hostile party, less what it paid in
    mapping(bytes32 feed => mapping(uint256 period => bool)) private _done; // reported, or decided not to be
    int128[PERIODS] private _revenue;
    bool[PERIODS] private _isDrawn;
    uint256 private _seed;

    constructor(IKpiPayment.Side hostile, IKpiPayment.CloseOutRule rule) {
        (HOSTILE, HONEST, RULE) = (hostile, hostile == PAYER ? PAYEE : PAYER, rule);
        deployPaymentRooms();
        for (uint256 w = 0; w < 2; ++w) {
            freshPayment();
            (swaps[w], _feeds[w], _models[w]) = (payment, feed, valueFeed);
            payment.initialize(paymentTerms());
            currency.approve(address(payment), type(uint256).max);
            _fund(w, PAYER, PAYER_MARGIN);
            _fund(w, PAYEE, PAYEE_MARGIN);
            payment.activate();
        }
    }

    /// @dev A cure period shorter than from a quarter's end to its pay date.
    function paymentTerms() internal view override returns (IKpiPayment.Terms memory t) {
        t = super.paymentTerms();
        t.curePeriod = 10 days;
        if (RULE != IKpiPayment.CloseOutRule.ModelValue) t = closedOutBy(RULE, t);
    }

    // ---------------------------------------------------------------- what the hostile party may do

    /// @dev Before anything is measured: the weather of the life.
    function weather(uint256 seed) external {
        if (!_isDrawn[0]) _seed = mix(seed);
    }

    /// @dev Often to the second at which something changes, or one beside it; then the counterparty does what is due.
    function wait(uint256 seed) external {
        uint256 dice = mix(seed);
        _passTime(dice);
        _keep(LIFE, dice % 2 == 0);
        _keep(MIRROR, true);
    }

    function _passTime(uint256 dice) private {
        uint256 i = swaps[LIFE].periodsSettled();
        if (i == PERIODS) --i;
        uint256 edge = payDay(i);
        if (dice % 4 == 0) edge = periodEnd(i);
        if (dice % 4 == 1) edge = swaps[LIFE].accountOf(HOSTILE).deadline;
        edge += (dice >> 128) % 3;
        bool near = edge > block.timestamp + 1 && edge < block.timestamp + 20 days; // or a report would come too late
        vm.warp(near ? edge - 1 : block.timestamp + 1 hours + (dice >> 192) % 19 days);
    }

    function fund(uint256 seed) external {
        uint256 dice = mix(seed);
        uint256 amount = dice % 9_000;
        if (dice >> 128 & 1 == 0) amount = _lacking(LIFE, HOSTILE);
        if (dice >> 129 & 7 == 0 && amount != 0) --amount;
        _fund(LIFE, HOSTILE, amount);
    }

    /// @dev Nothing while it lacks collateral, is called, or is in default.
    function withdraw() external {
        IKpiPayment.Account memory a = swaps[LIFE].accountOf(HOSTILE);
        bool running = swaps[LIFE].state() <= IKpiPayment.State.Defaulted;
        bool bad = running && (a.deadline != 0 || _lacking(LIFE, HOSTILE) != 0);
        uint256 paid = _withdraw(LIFE, HOSTILE);
        if (bad) eq(paid, 0, "paid before it has paid");
    }

    function withdrawForTheOther() external {
        swaps[LIFE].withdraw(HONEST);
    }

    function settle() external {
        _settle(LIFE);
    }

    function callMargin(uint256 seed) external {
        try swaps[LIFE].callMargin(mix(seed) % 4 == 0 ? HONEST : HOSTILE) {} catch {}
    }

    function closeOut() external {
        try swaps[LIFE].closeOut() {} catch {}
    }

    function begin() external {
        try swaps[LIFE].activate() {
            revert Expected("it has begun");
        } catch {}
    }

    // ---------------------------------------------------------------- the end

    /// @dev From now on the hostile party sits still.
    function finish() external {
        for (uint256 step = 0; step < 120 && !(_isOver(LIFE) && _isOver(MIRROR)); ++step) {
            vm.warp(block.timestamp + 7 days);
            _keep(LIFE, true);
            _keep(MIRROR, true);
        }
        isTrue(_isOver(LIFE) && _isOver(MIRROR), "a life without an end");
        isTrue(swaps[MIRROR].state() == IKpiPayment.State.Matured, "who keeps the terms is never in default");
        isTrue(swaps[LIFE].accountOf(HONEST).deadline == 0, "nor called");
    }

    /// @dev What the hostile party has had, has and owes.
    function wealth(uint256 w) public view returns (int256) {
        IKpiPayment.Account memory a = swaps[w].accountOf(HOSTILE);
        return _flow[w] + int256(a.balance + a.credit) - int256(swaps[w].owed(HOSTILE));
    }

    /// @dev What a default costs at least.
    function damages() external view returns (int256) {
        bool closed = swaps[LIFE].state() == IKpiPayment.State.Closed;
        if (!closed || RULE == IKpiPayment.CloseOutRule.ModelValue) return 0;
        return int256(uint256(HOSTILE == PAYER ? PAYER_MARGIN : PAYEE_MARGIN));
    }

    // ---------------------------------------------------------------- who keeps the terms

    function _keep(uint256 w, bool settles) private {
        for (uint256 i = 0; i < PERIODS; ++i) {
            _report(w, i);
            if (RULE == IKpiPayment.CloseOutRule.ModelValue) _reportValue(w, i);
        }
        if (!settles) return;
        while (_settle(w)) {}
        try swaps[w].callMargin(HOSTILE) {} catch {}
        try swaps[w].closeOut() {} catch {}
    }

    function _settle(uint256 w) private returns (bool done) {
        try swaps[w].settle() {
            done = true;
        } catch {}
        _fund(w, HONEST, _lacking(w, HONEST));
        if (w == MIRROR) _fund(w, HOSTILE, _lacking(w, HOSTILE));
    }

    function _report(uint256 w, uint256 i) private {
        bytes32 which = _feeds[w];
        if (_done[which][i] || block.timestamp < periodEnd(i)) return;
        _done[which][i] = true;
        int128 seen = _measured(i);
        if (!_isSilent(w, i)) oracle.submit(which, uint32(i), 0, unanimous(which, uint32(i), 0, QUORUM, seen));
    }

    /// @dev The truth about all payments from a period on.
    function _reportValue(uint256 w, uint256 i) private {
        bytes32 which = _models[w];
        if (_done[which][i] || block.timestamp < valuedAt(i)) return;
        _done[which][i] = true;
        int256 value = 0;
        for (uint256 k = i; k < PERIODS; ++k) {
            value += FIXED + int256(k) - _measured(k);
        }
        if (_isSilent(w, i + PERIODS)) return;
        oracle.submit(which, uint32(i), 0, unanimous(which, uint32(i), 0, QUORUM, int128(value)));
    }

    /// @dev The project produces the data.
    function _isSilent(uint256 w, uint256 i) private view returns (bool) {
        return w == LIFE && HOSTILE == PAYEE && mix(_seed + i + 1_000) % 5 == 0;
    }

    function _measured(uint256 i) private returns (int128) {
        if (_isDrawn[i]) return _revenue[i];
        _isDrawn[i] = true;
        _revenue[i] = int128(int256(5_000 + mix(_seed + i) % 10_001));
        bool known = RULE == IKpiPayment.CloseOutRule.ModelValue || i == 0;
        uint64 default_ = swaps[LIFE].defaultedAt();
        if (!known && default_ != 0 && periodEnd(i - 1) >= default_) _revenue[i] = FIXED + int128(int256(i));
        return _revenue[i];
    }

    // ---------------------------------------------------------------- money

    function _fund(uint256 w, IKpiPayment.Side side, uint256 amount) private {
        if (amount == 0) return;
        currency.mint(address(this), amount);
        swaps[w].fund(side, amount);
        if (side == HOSTILE) _flow[w] -= int256(amount);
    }

    function _withdraw(uint256 w, IKpiPayment.Side side) private returns (uint256 paid) {
        vm.prank(side == PAYER ? HEDGER : PROJECT);
        paid = swaps[w].withdraw(side);
        _flow[w] += int256(paid);
    }

    function _lacking(uint256 w, IKpiPayment.Side side) private view returns (uint256) {
        if (_isOver(w)) return 0;
        uint256 margin = side == PAYER ? PAYER_MARGIN : PAYEE_MARGIN;
        uint256 balance = swaps[w].accountOf(side).balance;
        return swaps[w].owed(side) + (balance < margin ? margin - balance : 0);
    }

    function _isOver(uint256 w) private view returns (bool) {
        return swaps[w].state() > IKpiPayment.State.Defaulted;
    }
}
