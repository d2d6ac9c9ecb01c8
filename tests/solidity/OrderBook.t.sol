// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC7943Fungible} from "../../contracts/interfaces/IERC7943Fungible.sol";
import {IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {IKpiBond} from "../../contracts/interfaces/IKpiBond.sol";
import {IOrderBook} from "../../contracts/interfaces/IOrderBook.sol";
import {ISale} from "../../contracts/interfaces/ISale.sol";
import {OrderBook} from "../../contracts/market/OrderBook.sol";
import {BookFixture} from "./utils/BookFixture.sol";

/// @notice OrderBook.tree, branch by branch.
contract OrderBookTest is BookFixture {
    function setUp() external {
        deployBook();
        vm.warp(OPENS);
    }

    // ---------------------------------------------------------------- initialize

    function test_initialize_onceAndNeverOnTheImplementation() external {
        ISale.Terms memory t = book.terms();
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        book.initialize(t, ladder());
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        OrderBook(offeringCode).initialize(t, ladder());
    }

    function test_initialize_refusesWhatIsNotValid() external {
        ISale.Terms memory t = book.terms();
        invalid(t, IOrderBook.Ladder(0, LEVELS, MINIMUM), "tick zero");
        invalid(t, IOrderBook.Ladder(TICK, 0, MINIMUM), "levels not 1-64");
        invalid(t, IOrderBook.Ladder(TICK, 65, MINIMUM), "levels not 1-64");
        invalid(t, IOrderBook.Ladder(TICK, LEVELS, 0), "minimum");
        invalid(t, IOrderBook.Ladder(TICK, LEVELS, HARD_CAP + 1), "minimum");
        t.unitPrice = 0;
        invalid(t, ladder(), "price zero");
        (t.unitPrice, t.softCap) = (1, HARD_CAP + 1);
        invalid(t, ladder(), "caps");
        (t.softCap, t.closes) = (1, t.opens);
        invalid(t, ladder(), "window");
        (t.closes, t.parties) = (CLOSES, new address[](17));
        invalid(t, ladder(), "parties");
        t.parties = new address[](16);
        OrderBook(Clones.clone(offeringCode)).initialize(t, IOrderBook.Ladder(1, 64, HARD_CAP));
    }

    // ---------------------------------------------------------------- order

    function test_order_onlyInTheWindow() external {
        vm.warp(OPENS - 1);
        refusesOrder(ALICE, 10, priceAt(0), wrongState(ISale.State.NotOpen));
        vm.warp(CLOSES);
        refusesOrder(ALICE, 10, priceAt(0), wrongState(ISale.State.Failed));
        vm.warp(CLOSES - 1);
        order(ALICE, 10, 0);
    }

    function test_order_asManyUnitsAndAtSuchPricesAsTheBookHas() external {
        refusesOrder(ALICE, 2, priceAt(0), abi.encodeWithSelector(IOrderBook.OrderBook_TooFewUnits.selector, 3));
        bytes memory above = abi.encodeWithSelector(ISale.Offering_CapExceeded.selector, HARD_CAP + 1, HARD_CAP);
        refusesOrder(ALICE, HARD_CAP + 1, priceAt(0), above);
        uint256[5] memory off = [0, priceAt(0) - 1, priceAt(0) + 1, priceAt(LEVELS), type(uint256).max];
        for (uint256 i = 0; i < off.length; ++i) {
            refusesOrder(ALICE, 3, off[i], abi.encodeWithSelector(IOrderBook.OrderBook_NotOnTheLadder.selector, off[i]));
        }
        eq(order(ALICE, HARD_CAP, LEVELS - 1), 1, "number");
        eq(order(BOB, 3, 0), 2, "number");
        eq(currency.balanceOf(address(book)), HARD_CAP * priceAt(LEVELS - 1) + 3 * priceAt(0), "all is paid in");
        eq(currency.balanceOf(ALICE), 0, "all of hers");
    }

    /// @dev Who is paid what is bid may not bid it up, nor be the one who meets the cap or keeps others from it.
    function test_order_ofAPartyIsAtTheLeastPriceAndAboveTheSoftCap() external {
        bytes memory high = abi.encodeWithSelector(IOrderBook.OrderBook_NotTheLeastPrice.selector, priceAt(1));
        refusesOrder(AGENT, 3, priceAt(1), high);
        bytes memory many = abi.encodeWithSelector(ISale.Offering_PartyCapExceeded.selector, 601, 600);
        refusesOrder(AGENT, 601, priceAt(0), many);
        order(AGENT, 600, 0);
        vm.warp(CLOSES);
        eq(uint256(book.state()), uint256(ISale.State.Failed), "a party meets no soft cap");
        vm.warp(CLOSES - 1);
        order(ALICE, SOFT_CAP, 2);
        vm.warp(CLOSES);
        eq(uint256(book.state()), uint256(ISale.State.Succeeded), "others do");
        book.clear();
        eq(book.price(), priceAt(0), "the whole issue is wanted at the least only");
    }

    function test_order_ofAWalletThatMayNotHoldOrCannotPay() external {
        bytes memory not_ = abi.encodeWithSelector(IOrderBook.OrderBook_MayNotHold.selector, STRANGER);
        refusesOrder(STRANGER, 3, priceAt(0), not_);
        vm.prank(ALICE);
        try book.order(3, priceAt(0)) {
            revert Expected("no order without money");
        } catch {}
        (uint256 units,) = book.ordered();
        eq(units, 0, "nothing is ordered");
    }

    /// @dev Else a firm order could be walked away from, and keep others from units that are then nobody's.
    function test_order_ofAWalletWhoseIdentityEndsBeforeUnitsAreDelivered() external {
        registry.setIdentity(ALICE, IIdentityRegistry.Identity(uint64(DELIVERED_BY - 1), 840, 1));
        isTrue(token.canReceive(ALICE), "she may hold today");
        refusesOrder(ALICE, 3, priceAt(4), abi.encodeWithSelector(IOrderBook.OrderBook_MayNotHold.selector, ALICE));
        registry.setIdentity(ALICE, IIdentityRegistry.Identity(uint64(DELIVERED_BY), 840, 1));
        order(ALICE, HARD_CAP, 4);
        vm.warp(CLOSES);
        book.clear();
        vm.warp(DELIVERED_BY - 1);
        eq(book.deliver(ALICE, 1), HARD_CAP, "to the last second");
    }

    // ---------------------------------------------------------------- clear

    function test_clear_onceAfterASuccess() external {
        order(ALICE, SOFT_CAP - 1, 4);
        refuses(wrongState(ISale.State.Open));
        book.clear();
        vm.warp(CLOSES);
        refuses(wrongState(ISale.State.Failed));
        book.clear();
        vm.warp(CLOSES - 1);
        order(BOB, 3, 0);
        vm.warp(CLOSES);
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NotCleared.selector));
        book.price();
        book.clear();
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_Cleared.selector));
        book.clear();
        eq(book.price(), priceAt(0), "not the whole issue is wanted: the least price");
        eq(book.toDeliver(), SOFT_CAP + 2, "all that was ordered");
    }

    function test_clear_atTheHighestPriceAtWhichAllIsWanted() external {
        order(ALICE, 700, 3);
        order(BOB, 300, 2);
        order(CAROL, 500, 1);
        vm.warp(CLOSES);
        book.clear();
        eq(book.price(), priceAt(2), "just the whole issue");
        eq(book.allotted(ALICE, 1) + book.allotted(BOB, 2), HARD_CAP, "both are filled");
        eq(book.allotted(CAROL, 3), 0, "and not who bid less");
    }

    /// @dev Dust cannot hold anything up: the walk is over levels.
    function test_clear_costsTheSameForFiveOrdersOrFiveHundred() external {
        uint256 state = vm.snapshotState();
        uint256 few = _gasToClear(5);
        vm.revertToState(state);
        atMost(_gasToClear(500), few + 5_000, "gas");
    }

    function _gasToClear(uint256 orders) private returns (uint256 gas) {
        order(BOB, 900, 4);
        for (uint256 i = 0; i < orders; ++i) {
            order(ALICE, 40, i % LEVELS);
        }
        vm.warp(CLOSES);
        vm.cool(address(book));
        gas = gasleft();
        book.clear();
        gas -= gasleft();
    }

    // ---------------------------------------------------------------- deliver and take

    function test_deliver_onceByAnybody() external {
        order(ALICE, 990, 4);
        order(BOB, 15, 1);
        order(CAROL, 5, 1);
        order(CAROL, 5, 0);
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NotCleared.selector));
        book.deliver(ALICE, 1);
        vm.warp(CLOSES);
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NotCleared.selector));
        book.take(ALICE, 1);
        book.clear();
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NoSuchOrder.selector, BOB, 1));
        book.deliver(BOB, 1);
        eq(book.deliver(ALICE, 1), 990, "whole");
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NothingToDeliver.selector));
        book.deliver(ALICE, 1);
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NothingToDeliver.selector));
        book.deliver(CAROL, 4);
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NotDelivered.selector, 10));
        book.settle();
        // Ten units for twenty: floor(15 * 10 / 20), and what is left of ten.
        eq(book.take(BOB, 2), 15 * priceAt(1) - 7 * priceAt(1), "the rest of Bob's");
        eq(book.take(CAROL, 3), 5 * priceAt(1) - 3 * priceAt(1), "the rest of Carol's");
        eq(book.take(CAROL, 4), 5 * priceAt(0), "all of what bought nothing");
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NoSuchOrder.selector, CAROL, 4));
        book.take(CAROL, 4);
        eq(token.balanceOf(BOB), 7, "units");
        eq(token.balanceOf(CAROL), 3, "units");
        book.settle();
        eq(currency.balanceOf(ISSUER), HARD_CAP * priceAt(1), "proceeds at one price");
        eq(book.take(ALICE, 1), 990 * (priceAt(4) - priceAt(1)), "after the settlement too");
        eq(currency.balanceOf(address(book)), 0, "nothing stays");
        eq(uint256(bond.state()), uint256(IKpiBond.State.Active), "the bond has begun");
    }

    /// @dev Whoever is revoked between costs nobody but itself: a week, then its order has lapsed and its money is free.
    function test_deliver_notToWhoMayNotHold_theOrderLapses() external {
        order(ALICE, 500, 4);
        order(BOB, 600, 4);
        vm.warp(CLOSES);
        book.clear();
        registry.revoke(BOB);
        book.take(ALICE, 1);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, BOB));
        book.deliver(BOB, 2);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, BOB));
        book.take(BOB, 2);
        uint256 left = book.toDeliver();
        vm.warp(DELIVERED_BY - 1);
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NotDelivered.selector, left));
        book.settle();
        vm.warp(DELIVERED_BY);
        book.settle();
        verify(BOB);
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_TooLateToDeliver.selector, DELIVERED_BY));
        book.deliver(BOB, 2);
        eq(book.take(BOB, 2), 600 * priceAt(4), "all his money");
        eq(token.totalSupply(), book.sold(), "the issue is what was delivered");
        eq(currency.balanceOf(ISSUER), book.sold() * priceAt(4), "and is paid");
        eq(currency.balanceOf(address(book)), 0, "nothing stays");
    }

    function test_settle_whenTooLittleWasDelivered_theIssueHasFailed() external {
        order(ALICE, SOFT_CAP - 1, 4);
        order(BOB, 700, 4);
        vm.warp(CLOSES);
        book.clear();
        registry.revoke(BOB);
        uint256 units = book.deliver(ALICE, 1);
        vm.warp(DELIVERED_BY - 1);
        eq(uint256(book.state()), uint256(ISale.State.Succeeded), "he may yet be verified");
        vm.warp(DELIVERED_BY);
        refuses(wrongState(ISale.State.Failed));
        book.settle();
        eq(book.take(BOB, 2), 700 * priceAt(4), "all his money");
        eq(book.take(ALICE, 1), (SOFT_CAP - 1 - units) * priceAt(4), "what she has no units for");
        vm.prank(ALICE);
        eq(book.refund(units), units * priceAt(4), "and the price of those she has");
        eq(currency.balanceOf(address(book)), 0, "nothing stays");
    }

    /// @dev A currency that blocks an investor blocks its money only: its units are delivered, and the issue settles.
    function test_settle_whenTheCurrencyBlocksAnInvestor() external {
        order(ALICE, 900, 4);
        order(BOB, 100, 1);
        bytes memory blocked = abi.encodeWithSignature("Blocked()");
        vm.mockCallRevert(address(currency), abi.encodeWithSelector(currency.transfer.selector, ALICE), blocked);
        vm.warp(CLOSES);
        book.clear();
        refuses(blocked);
        book.take(ALICE, 1);
        book.deliver(ALICE, 1);
        book.take(BOB, 2);
        book.settle();
        vm.clearMockedCalls();
        eq(book.take(ALICE, 1), 900 * (priceAt(4) - priceAt(1)), "hers once it is unblocked");
    }

    // ---------------------------------------------------------------- failure

    function test_take_atOnceAfterAFailure() external {
        order(ALICE, SOFT_CAP - 1, 4);
        refuses(abi.encodeWithSelector(IOrderBook.OrderBook_NotCleared.selector));
        book.take(ALICE, 1); // firm while the book is open
        vm.warp(CLOSES);
        vm.prank(STRANGER);
        eq(book.take(ALICE, 1), (SOFT_CAP - 1) * priceAt(4), "all her money, whoever asks");
        eq(currency.balanceOf(ALICE), (SOFT_CAP - 1) * priceAt(4), "with her");
    }

    function test_take_whenNobodyClearsOrSettlesInTime() external {
        order(ALICE, HARD_CAP, 4);
        order(BOB, 3, 0);
        vm.warp(DELIVERED_BY);
        eq(uint256(book.state()), uint256(ISale.State.Failed), "nobody has cleared the book");
        vm.warp(CLOSES);
        book.clear();
        book.deliver(ALICE, 1);
        vm.prank(ALICE);
        refuses(wrongState(ISale.State.Succeeded));
        book.refund(1);
        vm.warp(SETTLED_BY);
        eq(uint256(book.state()), uint256(ISale.State.Succeeded), "there is time");
        vm.warp(SETTLED_BY + 1);
        refuses(wrongState(ISale.State.Failed));
        book.settle();
        eq(book.take(BOB, 2), 3 * priceAt(0), "his money");
        vm.prank(ALICE);
        token.transfer(CAROL, 400);
        vm.prank(CAROL);
        eq(book.refund(400), 400 * priceAt(4), "what all paid, to whoever holds");
        vm.prank(ALICE);
        refuses(abi.encodeWithSelector(ISale.Offering_ZeroUnits.selector));
        book.refund(0);
        vm.prank(ALICE);
        book.refund(600);
        eq(currency.balanceOf(address(book)), 0, "nothing stays");
    }

    // ---------------------------------------------------------------- what nobody gains

    /// @dev In pieces that follow each other an order gets what it would get whole, and so does everybody else.
    function testFuzz_order_inPiecesGetsTheSame(uint256 seed, uint8 pieces) external {
        uint256 count = 1 + pieces % 6;
        uint256 units = bound(seed, MINIMUM * count, HARD_CAP);
        uint256 others = bound(mix(seed), HARD_CAP / 2, HARD_CAP);
        order(BOB, others, 2);
        uint256 state = vm.snapshotState();
        order(ALICE, units, 2);
        order(CAROL, others, 2);
        vm.warp(CLOSES);
        book.clear();
        (uint256 whole, uint256 carols) = (book.allotted(ALICE, 2), book.allotted(CAROL, 3));
        vm.revertToState(state);
        for (uint256 i = 0; i < count; ++i) {
            order(ALICE, i == 0 ? units - MINIMUM * (count - 1) : MINIMUM, 2);
        }
        order(CAROL, others, 2);
        vm.warp(CLOSES);
        book.clear();
        uint256 split;
        for (uint256 i = 0; i < count; ++i) {
            split += book.allotted(ALICE, 2 + i);
        }
        eq(split, whole, "hers");
        eq(book.allotted(CAROL, 2 + count), carols, "and Carol's");
    }

    /// @dev Once the window is over nothing is left to choose: not by the issuer, not by who waits or waits in a block.
    function testFuzz_clear_theSameWhoeverAsksAndWhenever(address who, uint128 seed) external {
        for (uint256 i = 0; i < 8; ++i) {
            uint256 dice = mix(uint256(seed) + i);
            order(i % 2 == 0 ? ALICE : BOB, bound(dice >> 8, MINIMUM, 400), (dice >> 128) % LEVELS);
        }
        order(CAROL, SOFT_CAP, seed % LEVELS);
        vm.warp(CLOSES);
        uint256 state = vm.snapshotState();
        book.clear();
        (uint256 price, uint256 units, uint256 carols) = (book.price(), book.toDeliver(), book.allotted(CAROL, 9));
        vm.revertToState(state);
        vm.warp(bound(mix(seed), CLOSES, DELIVERED_BY - 1));
        vm.prank(seed % 3 == 0 ? ISSUER : who);
        book.clear();
        eq(book.price(), price, "price");
        eq(book.toDeliver(), units, "units");
        eq(book.allotted(CAROL, 9), carols, "and Carol's");
    }

    /// @dev A thousand small orders at all prices cost who makes them more than who delivers them, and hold up nobody else.
    function test_order_aThousandSmallOnesHoldUpNobodyElse() external {
        order(BOB, 997, 4);
        uint256 gas;
        for (uint256 i = 0; i < 1_000; ++i) {
            order(ALICE, MINIMUM, i % (LEVELS - 1));
        }
        vm.warp(CLOSES);
        book.clear();
        eq(book.price(), priceAt(3), "all is wanted at the second price");
        eq(book.take(BOB, 1), 997 * (priceAt(4) - priceAt(3)), "his at once, whatever is behind it");
        eq(token.balanceOf(BOB), 997, "units");
        vm.warp(DELIVERED_BY);
        gas = gasleft();
        book.settle();
        atMost(gas - gasleft(), 200_000, "no walk over orders");
        eq(currency.balanceOf(ISSUER), 997 * priceAt(3), "what was delivered is paid");
    }

    // ---------------------------------------------------------------- helpers

    function invalid(ISale.Terms memory t, IOrderBook.Ladder memory rungs, string memory what) private {
        OrderBook clone = OrderBook(Clones.clone(offeringCode));
        refuses(abi.encodeWithSelector(ISale.Offering_InvalidTerms.selector, what));
        clone.initialize(t, rungs);
    }

    function refusesOrder(address who, uint256 units, uint256 price, bytes memory why) private {
        vm.prank(who);
        refuses(why);
        book.order(units, price);
    }

    function wrongState(ISale.State state) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ISale.Offering_WrongState.selector, state);
    }
}
