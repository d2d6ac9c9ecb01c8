// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OrderBook} from "../../../contracts/market/OrderBook.sol";
import {Test} from "../utils/Test.sol";
import {BookHandler} from "./BookHandler.sol";

/// @notice The book of orders against the handler's books, after any sequence of events.
contract BookInvariant is Test {
    uint256 private constant LEAST = 1_003;
    uint256 private constant TICK = 17;
    uint256 private constant LEVELS = 5;
    uint256 private constant HARD_CAP = 1_000;

    BookHandler private handler;
    OrderBook private book;

    function setUp() external {
        handler = new BookHandler();
        book = handler.theBook();
        bytes4[] memory actions = new bytes4[](14);
        actions[0] = BookHandler.wait.selector;
        actions[1] = BookHandler.order.selector;
        actions[2] = BookHandler.clear.selector;
        actions[3] = BookHandler.deliver.selector;
        actions[4] = BookHandler.take.selector;
        actions[5] = BookHandler.settle.selector;
        actions[6] = BookHandler.refund.selector;
        actions[7] = BookHandler.check.selector;
        actions[8] = BookHandler.trespass.selector;
        (actions[9], actions[10], actions[11]) = (actions[1], actions[1], actions[0]);
        (actions[12], actions[13]) = (actions[3], actions[4]);
        target(address(handler), actions);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        moneyIsKeptToTheUnit();
        thePriceIsTheHighestAtWhichAllIsWanted();
        unitsAndStatesAreTheBooks();
    }

    function moneyIsKeptToTheUnit() public view {
        (uint256 bought, uint256 owed) = handler.sums();
        uint256 held = handler.held(address(book));
        uint256 issuers = handler.held(handler.issuer());
        eq(handler.paidIn(), held + issuers + handler.paidBack(), "conservation: in = out + held");
        eq(held, owed, "solvency: what orders did not need, and the price of units that are not settled");
        if (handler.cleared()) {
            uint256 ordered = handler.orderedAtOrAbove(0);
            eq(bought, ordered < HARD_CAP ? ordered : HARD_CAP, "all that is wanted, or the whole issue");
        }
        eq(issuers, handler.settled() ? handler.soldUnits() * book.price() : 0, "proceeds at one price");
    }

    function thePriceIsTheHighestAtWhichAllIsWanted() public view {
        if (!handler.cleared()) return;
        uint256 level = (book.price() - LEAST) / TICK;
        if (level != 0) atMost(HARD_CAP, handler.orderedAtOrAbove(level), "at the price all is wanted");
        if (level != LEVELS - 1) atMost(handler.orderedAtOrAbove(level + 1) + 1, HARD_CAP, "not at the next");
    }

    function unitsAndStatesAreTheBooks() public view {
        eq(uint256(book.state()), uint256(handler.state()), "state");
        eq(book.sold(), handler.soldUnits(), "sold");
        eq(book.soldToParties(), handler.soldToAgent(), "sold to the party");
        eq(book.toDeliver(), handler.toDeliver(), "to be delivered");
        eq(handler.supply(), handler.soldUnits() - handler.refunded(), "units in issue");
        for (uint256 i = 0; i < handler.BUYERS(); ++i) {
            eq(handler.unitsOf(handler.buyerAt(i)), handler.units(handler.buyerAt(i)), "units");
        }
        isTrue(handler.hasBegun() == handler.settled(), "the bond begins with the settlement");
    }
}
