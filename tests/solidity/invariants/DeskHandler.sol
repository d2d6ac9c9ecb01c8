// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITradeDesk} from "../../../contracts/interfaces/ITradeDesk.sol";
import {TestCurrency} from "../../../contracts/testing/TestCurrency.sol";
import {DeskFixture} from "../utils/DeskFixture.sol";

/// @notice People who quote, fill and cancel in any order while units are paid on, frozen, paused and recovered; with its
/// own books of who has what and what was taken of each quote. As in {TokenHandler}, each action is predicted first.
/// @dev Everybody allows the desk everything.
contract DeskHandler is DeskFixture {
    uint256 public constant PEOPLE = 4;
    uint256 private constant DAVE_KEY = 0xDA7E;

    struct Signed {
        ITradeDesk.Quote quote;
        bytes signature;
        uint256 maker;
        bool forged;
    }

    address[4] private _people = [vm.addr(ADA_KEY), vm.addr(BEN_KEY), vm.addr(CLEO_KEY), vm.addr(DAVE_KEY)];
    Signed[] private _quotes;
    mapping(bytes32 hash => uint256) private _filled;
    mapping(uint256 person => mapping(bytes32 hash => bool)) private _hasCancelled;
    mapping(uint256 person => uint256) public leastNonce;
    mapping(uint256 person => uint256) public units;
    mapping(uint256 person => uint256) public money;
    mapping(uint256 person => uint256) public frozen;
    mapping(uint256 person => bool) public admitted;
    /// @dev Last second of the window in which it can be made; 0: none was announced.
    mapping(uint256 person => uint256) public recoverableUntil;
    uint256 public supply;
    uint256 public moneyGiven;
    uint256 public earned;
    bool public paused;
    bool public closed;

    constructor() {
        deploy(new TestCurrency("Test dollar", "TUSD", 6));
        allow(vm.addr(DAVE_KEY));
        for (uint256 i = 0; i < PEOPLE; ++i) {
            admit(personAt(i));
            admitted[i] = true;
            (units[i], money[i]) = (200, 1_000_000);
            token.mint(personAt(i), 200);
            currency.mint(personAt(i), 1_000_000);
        }
        (supply, moneyGiven) = (200 * PEOPLE, 1_000_000 * PEOPLE);
    }

    // ---------------------------------------------------------------- actions

    function wait(uint256 seed) external {
        vm.warp(block.timestamp + 1 + mix(seed) % (mix(seed) % 8 == 0 ? 40 days : 1 days));
    }

    function quote(uint256 seed) external {
        uint256 dice = mix(seed);
        uint256 maker = dice % PEOPLE;
        ITradeDesk.Quote memory q;
        q.maker = personAt(maker);
        if ((dice >> 8) % 4 == 0) q.taker = personAt((dice >> 16) % PEOPLE);
        q.side = (dice >> 24) % 2 == 0 ? ITradeDesk.Side.Sells : ITradeDesk.Side.Buys;
        q.units = uint64((dice >> 32) % 60);
        if ((dice >> 40) % 4 == 0) q.least = uint64((dice >> 48) % 60);
        if ((dice >> 40) % 4 == 1) q.least = q.units;
        q.price = uint128((dice >> 56) % 2_000);
        q.earned = uint96(earned + ((dice >> 64) % 16 == 0 ? 1 : 0));
        q.holds = (dice >> 72) % 2 == 0;
        q.opens = uint64(block.timestamp + ((dice >> 80) % 8 == 0 ? (dice >> 88) % 3 days : 0));
        q.expires = uint64(q.opens + (dice >> 96) % (LONGEST + 1 days));
        q.nonce = uint64(leastNonce[maker] + (dice >> 104) % 3);
        bool forged = (dice >> 112) % 16 == 0;
        uint256 signer = forged ? (maker + 1) % PEOPLE : maker;
        _quotes.push(Signed(q, sign(keyAt(signer), q), maker, forged));
    }

    function fill(uint256 who, uint256 which, uint256 seed) external {
        if (_quotes.length == 0) return;
        (uint256 taker, uint256 number) = (mix(who) % PEOPLE, latest(mix(which)));
        Signed memory s = _quotes[number];
        uint256 dice = mix(seed);
        uint256 wanted = dice % 3 == 0 ? (dice >> 8) % 60 : (dice >> 8) % (uint256(s.quote.units) + 2);
        if (dice % 3 == 1) wanted = s.quote.units - filled(number);
        uint256 price = priceOf(s.quote);
        bool sells = s.quote.side == ITradeDesk.Side.Sells;
        (uint256 seller, uint256 buyer) = sells ? (s.maker, taker) : (taker, s.maker);
        bool expected = isLive(number, taker) && isEnough(number, wanted) && price != 0
            && mayMove(seller, buyer, wanted) && money[buyer] >= wanted * price;
        vm.prank(personAt(taker));
        try desk.fill(s.quote, s.signature, wanted) returns (uint256 paid) {
            isTrue(expected, "fill should have failed");
            eq(paid, wanted * price, "paid");
            _filled[hashOf(s.quote)] += wanted;
            (units[seller], units[buyer]) = (units[seller] - wanted, units[buyer] + wanted);
            (money[seller], money[buyer]) = (money[seller] + paid, money[buyer] - paid);
        } catch {
            isFalse(expected, "fill should have succeeded");
        }
    }

    /// @dev By anybody: of others' quotes it changes nothing.
    function cancel(uint256 who, uint256 which) external {
        if (_quotes.length == 0) return;
        uint256 person = mix(who) % PEOPLE;
        bytes32 hash = hashOf(_quotes[latest(mix(which))].quote);
        bool expected = !_hasCancelled[person][hash];
        vm.prank(personAt(person));
        try desk.cancel(hash) {
            isTrue(expected, "cancel should have failed");
            _hasCancelled[person][hash] = true;
        } catch {
            isFalse(expected, "cancel should have succeeded");
        }
    }

    function cancelBelow(uint256 who, uint256 seed) external {
        uint256 person = mix(who) % PEOPLE;
        uint256 nonce = leastNonce[person] + mix(seed) % 3;
        bool expected = nonce > leastNonce[person];
        vm.prank(personAt(person));
        try desk.cancelBelow(uint64(nonce)) {
            isTrue(expected, "cancelBelow should have failed");
            leastNonce[person] = nonce;
        } catch {
            isFalse(expected, "cancelBelow should have succeeded");
        }
    }

    // ---------------------------------------------------------------- the token's

    function pay(uint256 seed) external {
        uint256 perUnit = 1 + mix(seed) % 50;
        distribute(perUnit);
        earned += perUnit;
    }

    function freeze(uint256 who, uint256 seed) external {
        uint256 person = mix(who) % PEOPLE;
        frozen[person] = mix(seed) % 4 == 0 ? mix(seed) % 300 : 0;
        vm.prank(AGENT);
        token.setFrozenTokens(personAt(person), frozen[person]);
    }

    function register(uint256 who, uint256 seed) external {
        uint256 person = mix(who) % PEOPLE;
        bool may = mix(seed) % 4 != 0;
        if (may) admit(personAt(person));
        else if (admitted[person]) registry.revoke(personAt(person));
        admitted[person] = may;
    }

    function pause(uint256 seed) external {
        paused = mix(seed) % 4 == 0;
        vm.prank(AGENT);
        token.setPaused(paused);
    }

    function close(uint256 seed) external {
        if (closed || mix(seed) % 64 != 0) return;
        closed = true;
        token.close();
    }

    function recovery(uint256 who, uint256 seed) external {
        uint256 person = mix(who) % PEOPLE;
        address lost = personAt(person);
        bool open = isInRecovery(person);
        if (open && mix(seed) % 2 == 0) {
            vm.prank(lost);
            token.objectToRecovery();
            recoverableUntil[person] = 0;
        } else if (admitted[(person + 1) % PEOPLE]) {
            vm.prank(AGENT);
            token.announceRecovery(lost, personAt((person + 1) % PEOPLE));
            recoverableUntil[person] = block.timestamp + 120 days;
        }
    }

    // ---------------------------------------------------------------- the books' rules

    /// @dev Who may, when, and whether it was taken back.
    function isLive(uint256 number, uint256 taker) private view returns (bool) {
        Signed memory s = _quotes[number];
        bool named = s.quote.taker == address(0) || s.quote.taker == personAt(taker);
        bool open = s.quote.opens <= block.timestamp && block.timestamp < s.quote.expires;
        bool short_ = s.quote.expires <= s.quote.opens + 30 days;
        bool kept = !cancelled(number) && s.quote.nonce >= leastNonce[s.maker];
        return named && taker != s.maker && open && short_ && kept && !s.forged && !isInRecovery(s.maker);
    }

    function isEnough(uint256 number, uint256 wanted) private view returns (bool) {
        ITradeDesk.Quote memory q = _quotes[number].quote;
        uint256 left = q.units - filled(number);
        return wanted != 0 && wanted <= left && (wanted == left || (wanted >= 5 && wanted >= q.least));
    }

    /// @dev 0: it has none now.
    function priceOf(ITradeDesk.Quote memory q) private view returns (uint256) {
        if (q.earned > earned || (q.earned < earned && !q.holds)) return 0;
        uint256 since = earned - q.earned;
        return q.price > since ? q.price - since : 0;
    }

    function mayMove(uint256 from, uint256 to, uint256 amount) private view returns (bool) {
        bool free = amount <= units[from] && (frozen[from] == 0 || amount + frozen[from] <= units[from]);
        return !paused && !closed && admitted[from] && admitted[to] && free;
    }

    /// @dev The same quote signed twice is one.
    function filled(uint256 number) public view returns (uint256) {
        return _filled[hashOf(_quotes[number].quote)];
    }

    function cancelled(uint256 number) public view returns (bool) {
        return _hasCancelled[_quotes[number].maker][hashOf(_quotes[number].quote)];
    }

    function isInRecovery(uint256 person) private view returns (bool) {
        return block.timestamp <= recoverableUntil[person];
    }

    function personAt(uint256 i) public view returns (address) {
        return _people[i];
    }

    function keyAt(uint256 i) private pure returns (uint256) {
        uint256[4] memory keys = [ADA_KEY, BEN_KEY, CLEO_KEY, DAVE_KEY];
        return keys[i];
    }

    /// @dev One of the newest: old ones are mostly over.
    function latest(uint256 dice) private view returns (uint256) {
        uint256 count = _quotes.length;
        return count - 1 - dice % (count < 6 ? count : 6);
    }

    // ---------------------------------------------------------------- views for the invariants

    function count() external view returns (uint256) {
        return _quotes.length;
    }

    function quoteAt(uint256 number) external view returns (ITradeDesk.Quote memory, uint256 maker) {
        return (_quotes[number].quote, _quotes[number].maker);
    }

    function leftOf(uint256 number) external view returns (uint256) {
        return desk.leftOf(_quotes[number].quote);
    }

    function unitsOf(address who) external view returns (uint256) {
        return token.balanceOf(who);
    }

    function moneyOf(address who) external view returns (uint256) {
        return currency.balanceOf(who);
    }

    function theDesk() external view returns (address) {
        return address(desk);
    }
}
