// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOrderBook} from "../../../contracts/interfaces/IOrderBook.sol";
import {OrderBook} from "../../../contracts/market/OrderBook.sol";
import {KpiBond} from "../../../contracts/instruments/KpiBond.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {DealFixture, DealTerms, Wired} from "./DealFixture.sol";

/// @notice The deal of awkward numbers, sold by a book: five prices from 1,003 up by 17, orders of three units or more.
abstract contract BookFixture is DealFixture {
    uint128 internal constant TICK = 17;
    uint8 internal constant LEVELS = 5;
    uint64 internal constant MINIMUM = 3;
    uint256 internal constant DELIVERED_BY = CLOSES + 7 days;
    uint256 internal constant SETTLED_BY = CLOSES + 30 days;

    OrderBook internal book;

    function deployBook() internal {
        deployRooms();
        offeringCode = address(new OrderBook());
        DealTerms memory terms = dealTerms();
        Wired memory w = wired(terms, address(this));
        w.parts[1].data = abi.encodeCall(IOrderBook.initialize, (saleOf(terms, w), ladder()));
        factory.deploy(terms.termsHash, w.calls, w.parts);
        (token, bond, book) = (SecurityToken(w.token), KpiBond(w.bond), OrderBook(w.offering));
        verify(AGENT);
    }

    function ladder() internal pure returns (IOrderBook.Ladder memory) {
        return IOrderBook.Ladder(TICK, LEVELS, MINIMUM);
    }

    function priceAt(uint256 level) internal pure returns (uint256) {
        return UNIT_PRICE + level * TICK;
    }

    /// @dev With just the money it takes.
    function order(address who, uint256 units, uint256 level) internal returns (uint256 number) {
        currency.mint(who, units * priceAt(level));
        vm.startPrank(who);
        currency.approve(address(book), type(uint256).max);
        number = book.order(units, priceAt(level));
        vm.stopPrank();
    }
}
