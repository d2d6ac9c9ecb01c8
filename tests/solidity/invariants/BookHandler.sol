// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IIdentityRegistry} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {ISale} from "../../../contracts/interfaces/ISale.sol";
import {OrderBook} from "../../../contracts/market/OrderBook.sol";
import {BookFixture} from "../utils/BookFixture.sol";

/// @notice Sells an issue by a book, or fails to, in any order of events, and keeps its own books: a list of orders, over
/// which it walks for every question.
/// @dev One buyer is not verified, one is a party of the deal, and any may be forgotten and verified again. Each action is
/// predicted from the books first.
contract BookHandler is BookFixture {
    uint256 public constant BUYERS = 5;
    uint256 private constant MOST_ORDERS = 40;

    struct Entry {
        address who;
        uint256 units;
        uint256 level;
        bool delivered;
        bool taken;
    }

    Entry[] private _orders;
    /// @dev Of what the registry says of them.
    mapping(address => uint256) private _until;
    mapping(address => uint256) public units;
    bool public cleared;
    uint256 public level;
    uint256 public soldUnits;
    uint256 public soldToAgent;
    uint256 public refunded;
    uint256 public paidIn;
    uint256 public paidBack;
    bool public settled;
    ISale.State private _seen;

    constructor() {
        deployBook();
        for (uint256 i = 0; i < BUYERS; ++i) {
            _until[buyerAt(i)] = buyerAt(i) == STRANGER ? 0 : type(uint64).max;
            vm.prank(buyerAt(i));
            currency.approve(address(book), type(uint256).max);
        }
        vm.warp(OPENS - 1);
    }

    /// @dev After every action: time and money only lead onward, and a failed or settled book stays what it is.
    modifier watched() {
        _;
        ISale.State now_ = book.state();
        bool over = _seen == ISale.State.Failed || _seen == ISale.State.Settled;
        isTrue(now_ == _seen || (!over && now_ > _seen), "a forbidden transition");
        _seen = now_;
    }

    // ---------------------------------------------------------------- actions

    function wait(uint256 seed) external watched {
        uint256 dice = mix(seed);
        uint256 edge = CLOSES;
        if (dice % 4 == 0) edge = OPENS;
        if (dice % 4 == 1) edge = DELIVERED_BY;
        if (dice % 4 == 2) edge = SETTLED_BY;
        edge = edge + (dice >> 128) % 3 - 1;
        // Not past the whole sale at once: that is the end of most lives.
        if ((dice >> 64) % 3 == 0 && edge > block.timestamp && edge < block.timestamp + 10 days) vm.warp(edge);
        else vm.warp(block.timestamp + 1 + (dice >> 192) % 1 days);
        vm.roll(block.number + 1);
    }

    function order(uint256 who, uint256 seed) external watched {
        if (_orders.length == MOST_ORDERS) return;
        address buyer = buyerAt(mix(who));
        uint256 dice = mix(seed);
        uint256 wanted = (dice >> 8) % 350;
        if (dice % 16 == 0) wanted = HARD_CAP;
        if (dice % 16 == 1) wanted = HARD_CAP + 1;
        uint256 at = (dice >> 64) % (LEVELS + 1);
        uint256 price = priceAt(at) + ((dice >> 96) % 16 == 0 ? 1 : 0);
        if ((dice >> 128) % 8 != 0) currency.mint(buyer, wanted * price);
        bool expected = state() == ISale.State.Open && wanted >= MINIMUM && wanted <= HARD_CAP;
        if (!mayHold(buyer) || _until[buyer] < DELIVERED_BY) expected = false;
        if (at == LEVELS || price != priceAt(at) || currency.balanceOf(buyer) < wanted * price) expected = false;
        if (buyer == AGENT && (at != 0 || wanted > HARD_CAP - SOFT_CAP - _ordered(AGENT, 0))) expected = false;
        vm.prank(buyer);
        try book.order(wanted, price) returns (uint256 number) {
            isTrue(expected, "order should have failed");
            _orders.push(Entry(buyer, wanted, at, false, false));
            eq(number, _orders.length, "number");
            paidIn += wanted * price;
        } catch {
            isFalse(expected, "order should have succeeded");
        }
        _empty(buyer);
    }

    function clear() external watched {
        bool expected = state() == ISale.State.Succeeded && !cleared;
        try book.clear() {
            isTrue(expected, "clear should have failed");
            cleared = true;
            // The highest price at which the whole issue is wanted; else the least.
            for (level = LEVELS - 1; level != 0 && _ordered(address(0), level) < HARD_CAP;) {
                --level;
            }
        } catch {
            isFalse(expected, "clear should have succeeded");
        }
    }

    function deliver(uint256 seed) external watched {
        if (_orders.length == 0) return;
        uint256 i = mix(seed) % _orders.length;
        Entry storage entry = _orders[i];
        uint256 bought = shareOf(i);
        bool expected = bought != 0 && !entry.delivered && !entry.taken && block.timestamp < DELIVERED_BY;
        try book.deliver(entry.who, i + 1) returns (uint256 given) {
            isTrue(expected && mayHold(entry.who), "deliver should have failed");
            eq(given, bought, "units");
            _given(entry, bought);
        } catch {
            isFalse(expected && mayHold(entry.who), "deliver should have succeeded");
        }
    }

    function take(uint256 seed) external watched {
        if (_orders.length == 0) return;
        uint256 i = mix(seed) % _orders.length;
        Entry storage entry = _orders[i];
        uint256 bought = shareOf(i);
        bool brings = bought != 0 && !entry.delivered && block.timestamp < DELIVERED_BY;
        bool expected = !entry.taken && (cleared || state() == ISale.State.Failed) && (!brings || mayHold(entry.who));
        uint256 due = owedTo(i);
        try book.take(entry.who, i + 1) returns (uint256 paid) {
            isTrue(expected, "take should have failed");
            eq(paid, due, "what it did not need");
            eq(currency.balanceOf(entry.who), paid, "goes to whose order it is");
            if (brings) _given(entry, bought);
            entry.taken = true;
            paidBack += paid;
            _empty(entry.who);
        } catch {
            isFalse(expected, "take should have succeeded");
        }
    }

    function settle() external watched {
        bool done = toDeliver() == 0 || block.timestamp >= DELIVERED_BY;
        bool expected = state() == ISale.State.Succeeded && cleared && done;
        try book.settle() {
            isTrue(expected, "settle should have failed");
            settled = true;
        } catch {
            isFalse(expected, "settle should have succeeded");
        }
    }

    function refund(uint256 who, uint256 seed) external watched {
        address buyer = buyerAt(mix(who));
        uint256 dice = mix(seed);
        uint256 amount = dice % 4 == 0 ? units[buyer] + 1 : (dice >> 8) % (units[buyer] + 1);
        bool expected = state() == ISale.State.Failed && amount != 0 && amount <= units[buyer];
        vm.prank(buyer);
        try book.refund(amount) returns (uint256 paid) {
            isTrue(expected, "refund should have failed");
            eq(paid, amount * priceAt(level), "what all paid");
            units[buyer] -= amount;
            refunded += amount;
            paidBack += paid;
            _empty(buyer);
        } catch {
            isFalse(expected, "refund should have succeeded");
        }
    }

    /// @dev Somebody is forgotten, or verified again, for ever or until about when units are delivered.
    function check(uint256 who) external watched {
        uint256 dice = mix(who);
        address buyer = buyerAt(dice);
        if (buyer == STRANGER) return;
        uint256 until = (dice >> 64) % 2 == 0 ? DELIVERED_BY - 1 + (dice >> 72) % 2 : type(uint64).max;
        if (mayHold(buyer)) {
            registry.revoke(buyer);
            until = 0;
        } else if (until > block.timestamp) {
            registry.setIdentity(buyer, IIdentityRegistry.Identity(uint64(until), 840, 1));
        }
        _until[buyer] = until;
    }

    /// @dev Nobody can issue units, take them back or start the bond before the book says so.
    function trespass(uint256 who) external watched {
        address[4] memory intruders = [STRANGER, ISSUER, AGENT, ALICE];
        vm.startPrank(intruders[who % 4]);
        try token.mint(ALICE, 1) {
            revert Expected("only the book issues units");
        } catch {}
        try token.burn(ALICE, 1) {
            revert Expected("only the book takes back units");
        } catch {}
        try bond.activate() {
            revert Expected("only the book starts the bond");
        } catch {}
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- the books' rules

    function state() public view returns (ISale.State) {
        if (settled) return ISale.State.Settled;
        if (block.timestamp < OPENS) return ISale.State.NotOpen;
        if (block.timestamp < CLOSES) return ISale.State.Open;
        if (block.timestamp > SETTLED_BY) return ISale.State.Failed;
        uint256 counts = _ordered(address(0), 0) - _ordered(AGENT, 0);
        if (block.timestamp >= DELIVERED_BY || (cleared && toDeliver() == 0)) counts = soldUnits - soldToAgent;
        else if (cleared) return ISale.State.Succeeded;
        return counts >= SOFT_CAP ? ISale.State.Succeeded : ISale.State.Failed;
    }

    /// @notice Units that the order at a place has bought.
    function shareOf(uint256 place) public view returns (uint256) {
        if (!cleared || _orders[place].level < level) return 0;
        if (_orders[place].level > level) return _orders[place].units;
        (uint256 above, uint256 before, uint256 all) = (0, 0, 0);
        for (uint256 i = 0; i < _orders.length; ++i) {
            if (_orders[i].level > level) above += _orders[i].units;
            if (_orders[i].level != level) continue;
            all += _orders[i].units;
            if (i < place) before += _orders[i].units;
        }
        uint256 left = HARD_CAP - above < all ? HARD_CAP - above : all;
        return (before + _orders[place].units) * left / all - before * left / all;
    }

    /// @notice Money of the order at a place that is its investor's.
    function owedTo(uint256 place) public view returns (uint256) {
        Entry memory entry = _orders[place];
        if (entry.taken) return 0;
        bool lapsed = !entry.delivered && block.timestamp >= DELIVERED_BY;
        return entry.units * priceAt(entry.level) - (lapsed ? 0 : shareOf(place) * priceAt(level));
    }

    function mayHold(address who) public view returns (bool) {
        return block.timestamp < _until[who];
    }

    function toDeliver() public view returns (uint256 left) {
        for (uint256 i = 0; i < _orders.length; ++i) {
            if (!_orders[i].delivered) left += shareOf(i);
        }
    }

    function buyerAt(uint256 i) public pure returns (address) {
        address[5] memory buyers = [ALICE, BOB, CAROL, STRANGER, AGENT];
        return buyers[i % 5];
    }

    /// @dev By somebody, or anybody, at a level or above.
    function _ordered(address who, uint256 from) private view returns (uint256 all) {
        for (uint256 i = 0; i < _orders.length; ++i) {
            if ((who == address(0) || _orders[i].who == who) && _orders[i].level >= from) all += _orders[i].units;
        }
    }

    function _given(Entry storage entry, uint256 bought) private {
        entry.delivered = true;
        soldUnits += bought;
        if (entry.who == AGENT) soldToAgent += bought;
        units[entry.who] += bought;
    }

    /// @dev So that a balance is just what the last action paid.
    function _empty(address buyer) private returns (bool) {
        uint256 balance = currency.balanceOf(buyer);
        vm.prank(buyer);
        return currency.transfer(address(0xdead), balance);
    }

    // ---------------------------------------------------------------- views for the invariants

    function theBook() external view returns (OrderBook) {
        return book;
    }

    /// @notice Units that all orders have bought, and money that is investors' or, for units delivered, waits.
    function sums() external view returns (uint256 bought, uint256 owed) {
        for (uint256 i = 0; i < _orders.length; ++i) {
            bought += shareOf(i);
            owed += owedTo(i);
            bool waits = !_orders[i].delivered && !_orders[i].taken && block.timestamp < DELIVERED_BY;
            if (waits) owed += shareOf(i) * priceAt(level);
        }
        if (!settled) owed += (soldUnits - refunded) * priceAt(level);
    }

    function orderedAtOrAbove(uint256 from) external view returns (uint256) {
        return _ordered(address(0), from);
    }

    function held(address who) external view returns (uint256) {
        return currency.balanceOf(who);
    }

    function supply() external view returns (uint256) {
        return token.totalSupply();
    }

    function unitsOf(address buyer) external view returns (uint256) {
        return token.balanceOf(buyer);
    }

    function issuer() external pure returns (address) {
        return ISSUER;
    }

    function hasBegun() external view returns (bool) {
        return bond.state() == IKpiBond.State.Active;
    }
}
