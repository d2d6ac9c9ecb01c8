// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {IRevenueTreasury} from "../../../contracts/interfaces/IRevenueTreasury.sol";
import {TreasuryFixture} from "../utils/TreasuryFixture.sol";

/// @notice Lives the life of a project with its swap in any order of events, and keeps the treasury's books.
/// @dev The swap's own books are {PaymentHandler}'s matter: here it is asked what it would pay out and what is owed on it,
/// just before. The waterfall is written down as the interface's words have it, one need after the other. As in
/// {TokenHandler}, each action is predicted first.
contract TreasuryHandler is TreasuryFixture {
    // The books.
    uint256 public cash; // of the treasury, credited to nobody
    uint256[2] public arrears;
    uint256[2] public credit;
    uint256[2] public withdrawn;
    uint256 public periodsPaid;
    bool public closed;
    uint256 public moneyIn; // into treasury and swap
    uint256 public providerOut;
    uint256 public distributed;
    mapping(address => uint256) public units;
    mapping(address => uint256) public earned;
    mapping(address => uint256) public claimed;
    mapping(bytes32 feed => mapping(uint256 period => bool)) private _isReported;
    bool private _windy; // revenue is plenty

    constructor() {
        standardProject();
        sellProject();
        (units[ALICE], units[BOB], units[CAROL]) = (300, 213, 100);
        moneyIn = PAYER_MARGIN;
        _fund(PAYER, 20_000);
    }

    /// @dev After every action: no transition but those that IRevenueTreasury names.
    modifier watched() {
        IRevenueTreasury.State before = treasury.state();
        uint256 paidBefore = treasury.periodsPaid();
        _;
        IRevenueTreasury.State afterwards = treasury.state();
        bool closes = before == IRevenueTreasury.State.Active && afterwards == IRevenueTreasury.State.Closed;
        isTrue(before == afterwards || closes, "a forbidden transition");
        atMost(paidBefore, treasury.periodsPaid(), "a period is unpaid again");
        atMost(treasury.periodsPaid(), paidBefore + 1, "two periods at once");
    }

    // ---------------------------------------------------------------- time and data

    /// @dev Often to the very second at which something changes, or one beside it.
    function wait(uint256 seed) external watched {
        uint256 dice = mix(seed);
        uint256 settled = payment.periodsSettled();
        uint256 edge = periodsPaid < QUARTERS ? payDateOf(periodsPaid) : 0;
        if (dice % 5 == 0 && settled < PERIODS) edge = payDay(settled);
        if (dice % 5 == 1 && settled < PERIODS) edge = periodEnd(settled) + MISSING;
        if (dice % 5 == 2) edge = payment.accountOf(PAYER).deadline;
        edge = edge + (dice >> 128) % 3;
        if ((dice >> 64) % 3 != 0 && edge > block.timestamp + 1) vm.warp(edge - 1);
        else vm.warp(block.timestamp + 1 hours + (dice >> 192) % 30 days);
    }

    function weather(uint256 seed) external watched {
        _windy = mix(seed) % 2 == 0;
    }

    /// @dev Proxy revenue, or the model value, of the swap's next period.
    function report(uint256 seed, int256 value) external watched {
        bool model = mix(seed) % 4 == 0;
        uint256 i = payment.periodsSettled();
        if (i == PERIODS) return;
        bytes32 which = model ? valueFeed : feed;
        uint256 end = model ? valuedAt(i) : periodEnd(i);
        if (block.timestamp < end || block.timestamp > end + REPORTING || _isReported[which][i]) return;
        int128 seen = int128(model ? bound(value, -VALUE_BOUND, VALUE_BOUND) : bound(value, 0, TOP));
        oracle.submit(which, uint32(i), 0, unanimous(which, uint32(i), 0, QUORUM, seen));
        _isReported[which][i] = true;
    }

    /// @dev A quarter as it should be, so that lives get as far as their end.
    function keepPromise(int256 value, uint256 amount) external watched {
        uint256 i = payment.periodsSettled();
        if (periodsPaid == QUARTERS) return;
        if (i < PERIODS && i == periodsPaid && payment.state() == IKpiPayment.State.Active) {
            if (block.timestamp < periodEnd(i)) vm.warp(periodEnd(i));
            if (block.timestamp <= periodEnd(i) + REPORTING && !_isReported[feed][i]) {
                int128 seen = int128(bound(value, 0, 20_000));
                oracle.submit(feed, uint32(i), 0, unanimous(feed, uint32(i), 0, QUORUM, seen));
                _isReported[feed][i] = true;
            }
            if (block.timestamp < payDay(i)) vm.warp(payDay(i));
        }
        if (block.timestamp < payDateOf(periodsPaid)) vm.warp(payDateOf(periodsPaid));
        _settle();
        _earn(bound(amount, 2_000, 16_000));
        _pay();
    }

    // ---------------------------------------------------------------- the swap

    function settle() external watched {
        _settle();
    }

    /// @dev {PaymentHandler} knows when it may succeed.
    function _settle() private {
        try payment.settle() {} catch {}
    }

    function fundSwap(uint256 who, uint256 seed) external watched {
        uint256 dice = mix(seed);
        IKpiPayment.Side side = mix(who) % 4 == 0 ? PAYEE : PAYER;
        uint256 amount = (dice >> 8) % 15_000;
        if (dice % 3 == 0) amount = payment.owed(side);
        if (dice % 3 == 1 && side == PAYER) amount = payment.owed(side) + PAYER_MARGIN;
        _fund(side, amount);
    }

    function _fund(IKpiPayment.Side side, uint256 amount) private {
        post(side, amount);
        moneyIn += amount;
    }

    function callMargin() external watched {
        try payment.callMargin(PAYER) {} catch {}
        try payment.callMargin(PAYEE) {
            revert Expected("a project of limited recourse cannot be called");
        } catch {}
    }

    function closeOut() external watched {
        try payment.closeOut() {} catch {}
    }

    function providerWithdraws() external watched {
        vm.prank(HEDGER);
        providerOut += payment.withdraw(PAYER);
    }

    /// @dev A stranger has the swap pay the treasury: never.
    function collect() external watched {
        try payment.withdraw(PAYEE) {
            isTrue(false, "a stranger collects for the treasury");
        } catch {}
    }

    // ---------------------------------------------------------------- the treasury

    function receiveRevenue(uint256 seed) external watched {
        _earn(mix(seed) % (_windy ? 25_000 : 4_000));
    }

    function _earn(uint256 amount) private {
        earn(amount); // never fails, in any state once begun
        _book(amount);
    }

    function donate(uint256 amount) external watched {
        amount = bound(amount, 1, 2_000);
        currency.mint(address(treasury), amount);
        _book(amount);
    }

    function _book(uint256 amount) private {
        moneyIn += amount;
        cash += amount;
    }

    function pay() external watched {
        _pay();
    }

    function _pay() private {
        uint256 i = periodsPaid;
        bool expected = i < QUARTERS && block.timestamp >= payDateOf(i) && _swapIsWaitedForNoMore(i);
        uint256 collected = payment.withdrawable(PAYEE);
        try treasury.pay() returns (uint256 shared) {
            isTrue(expected, "pay should have failed");
            ++periodsPaid;
            arrears[0] += costOf(i);
            arrears[1] += debtOf(i);
            _spend(collected, shared);
        } catch {
            isFalse(expected, "pay should have succeeded");
        }
    }

    /// @dev It has settled the period, and can settle no more and not be closed out now; and its provider has paid, or is in
    /// default, or has had its cure period after the last settlement could be made.
    function _swapIsWaitedForNoMore(uint256 period) private returns (bool) {
        IKpiPayment.State stands = payment.state();
        if (stands <= IKpiPayment.State.Defaulted) {
            if (payment.periodsSettled() <= period) return false;
            if (_takes(abi.encodeCall(payment.settle, ())) || _takes(abi.encodeCall(payment.closeOut, ()))) {
                return false;
            }
        }
        if (payment.owed(PAYER) == 0 || stands == IKpiPayment.State.Defaulted) return true;
        if (stands == IKpiPayment.State.Active) return false;
        bool defaulted = stands != IKpiPayment.State.Matured || payment.defaultedAt() != 0;
        uint256 known = oracle.reportOf(feed, uint32(PERIODS - 1)).finalAt;
        return defaulted || block.timestamp > (known > payDay(PERIODS - 1) ? known : payDay(PERIODS - 1)) + CURE;
    }

    function _takes(bytes memory call) private returns (bool possible) {
        uint256 before = vm.snapshotState();
        (possible,) = address(payment).call(call);
        vm.revertToState(before);
    }

    function payRest() external watched {
        uint256 collected = payment.withdrawable(PAYEE);
        try treasury.payRest() returns (uint256 shared) {
            isTrue(periodsPaid == QUARTERS, "payRest should have failed");
            _spend(collected, shared);
        } catch {
            isTrue(periodsPaid != QUARTERS, "payRest should have succeeded");
        }
    }

    /// @dev Operator, lender, what both need for periods that are due as well, the swap, holders.
    function _spend(uint256 collected, uint256 shared) private {
        cash += collected;
        for (uint256 i = 0; i < 2; ++i) {
            uint256 part = cash < arrears[i] ? cash : arrears[i];
            arrears[i] -= part;
            credit[i] += part;
            cash -= part;
        }
        uint256 keep = 0;
        for (uint256 i = periodsPaid; i < QUARTERS; ++i) {
            if (payDateOf(i) <= block.timestamp || i < payment.periodsSettled()) keep += costOf(i) + debtOf(i);
        }
        uint256 free = cash > keep ? cash - keep : 0;
        // What is owed on the swap afterwards is what the free money did not meet.
        uint256 owedAfter = payment.owed(PAYEE);
        uint256 each = shared / UNITS;
        eq(each * UNITS, shared, "the same for every unit");
        if (shared != 0) {
            eq(arrears[0] + arrears[1], 0, "holders before senior arrears");
            eq(owedAfter, 0, "holders before the swap");
        }
        uint256 toSwap = cash - shared - (currency.balanceOf(address(treasury)) - credit[0] - credit[1]);
        atMost(toSwap + shared, free, "junior out of what is kept for senior");
        if (owedAfter != 0) eq(toSwap, free, "all that is free goes to the swap while it is owed");
        else eq(shared, (free - toSwap) / UNITS * UNITS, "the rest goes to the holders");
        cash -= toSwap + shared;
        distributed += shared;
        earned[ALICE] += units[ALICE] * each;
        earned[BOB] += units[BOB] * each;
        earned[CAROL] += units[CAROL] * each;
        closed = closed || (periodsPaid == QUARTERS && payment.owed(PAYER) == 0);
    }

    /// @dev Never fails; it goes to the party, whoever calls.
    function withdraw(uint256 who) external watched {
        uint256 i = who % 2;
        address to = i == 0 ? OPERATOR : LENDER;
        uint256 before = currency.balanceOf(to);
        eq(treasury.withdraw(IRevenueTreasury.Party(i)), credit[i], "withdrawn");
        eq(currency.balanceOf(to) - before, credit[i], "it goes to the party");
        withdrawn[i] += credit[i];
        credit[i] = 0;
    }

    // ---------------------------------------------------------------- holders and others

    function claim(uint256 who) external watched {
        address holder = holderAt(who);
        eq(token.claim(holder), earned[holder] - claimed[holder], "claimed");
        claimed[holder] = earned[holder];
    }

    function transfer(uint256 who, uint256 whom, uint256 amount) external watched {
        (address from, address to) = (holderAt(who), holderAt(whom));
        amount = bound(amount, 0, units[from]);
        vm.prank(from);
        try token.transfer(to, amount) {
            isFalse(closed, "a closed token moved");
            units[from] -= amount;
            units[to] += amount;
        } catch {
            isTrue(closed, "transfer should have succeeded");
        }
    }

    /// @dev Nobody has a power of the treasury, the issuer, the agent, operator, lender and provider included.
    function trespass(uint256 who) external watched {
        address[6] memory intruders = [STRANGER, ISSUER, AGENT, OPERATOR, LENDER, HEDGER];
        IRevenueTreasury.Terms memory terms = treasury.terms();
        vm.startPrank(intruders[who % 6]);
        try treasury.initialize(terms) {
            revert Expected("terms are set once");
        } catch {}
        try treasury.activate() {
            revert Expected("only the offering starts the treasury, and once");
        } catch {}
        try treasury.returnMoney() {
            revert Expected("the issue has not failed");
        } catch {}
        try token.close() {
            revert Expected("only the treasury closes the token");
        } catch {}
        try token.mint(ALICE, 1) {
            revert Expected("only the offering issues units");
        } catch {}
        try currency.transferFrom(address(treasury), STRANGER, 1) {
            revert Expected("nobody takes the treasury's money");
        } catch {}
        try payment.acceptTermination(payment.proposalOf(PAYEE).id) {
            revert Expected("the treasury offers no termination");
        } catch {}
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- views for the invariants

    function theTreasury() external view returns (IRevenueTreasury) {
        return treasury;
    }

    function theSwap() external view returns (IKpiPayment) {
        return payment;
    }

    function tokenIsClosed() external view returns (bool) {
        return token.closed();
    }

    function heldBy(uint256 which) external view returns (uint256) {
        address[3] memory holders = [address(treasury), address(payment), address(token)];
        return currency.balanceOf(holders[which]);
    }

    function holderAt(uint256 i) public pure returns (address) {
        address[3] memory holders = [ALICE, BOB, CAROL];
        return holders[i % 3];
    }

    function claimableBy(address holder) external view returns (uint256) {
        return token.claimable(holder);
    }

    /// @dev What has fallen due to operator or lender in the periods paid, as the deal's words give it.
    function dueTo(uint256 party) external view returns (uint256 sum) {
        for (uint256 i = 0; i < periodsPaid; ++i) {
            sum += party == 0 ? 3_001 + i : 2_003 - 2 * i;
        }
    }
}
