// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISale} from "./ISale.sol";

/// @title Order book
/// @notice Primary issue by a book of orders: each names units and the most that a unit may cost, and pays that in. After
/// the window all pay one price, the highest at which the whole issue is wanted, or the least where it is not. Orders above
/// it are filled whole, those at it pro rata; what an order did not need goes back.
/// @dev Prices lie on a ladder of at most 64 levels, so to order, to deliver and to take costs the same whatever the book
/// holds, and to clear is one walk down the ladder. Orders are firm: nobody can take one back before the book has closed.
/// A share at the price is rounded where the order lies in the row of those at its level, floor(to) - floor(from), so the
/// shares sum to just what is left for them, and an order in two pieces that follow each other gets what one would.
/// Nothing of an order hangs on its moment. A party of the deal, who may be paid what is bid, orders at the least price
/// only, so it never raises what others pay.
/// Units and money are delivered apart, so that a currency that blocks a buyer stops no issue. Units are delivered within a
/// week; an order whose wallet may not hold them by then lapses, and all its money is free.
interface IOrderBook is ISale {
    /// @param tick minor units from one level to the next; the first is the terms' unitPrice
    /// @param levels of prices, from 1 to 64
    /// @param minimum units of an order
    struct Ladder {
        uint128 tick;
        uint8 levels;
        uint64 minimum;
    }

    /// @param start units ordered before it at its level
    struct Order {
        uint64 units;
        uint64 start;
        uint8 level;
        bool delivered;
    }

    /// @param order its number, from 1
    event Ordered(address indexed investor, uint256 indexed order, uint256 units, uint256 price, uint256 paid);
    /// @param ordered units at all levels
    /// @param units that are for orders, at `price`; @param atPrice those of them for orders at just that
    event BookCleared(uint256 ordered, uint256 units, uint256 price, uint256 atPrice);
    event Delivered(address indexed investor, uint256 indexed order, uint256 units);
    event Taken(address indexed investor, uint256 indexed order, uint256 amount);

    error OrderBook_TooFewUnits(uint256 least);
    error OrderBook_NotOnTheLadder(uint256 price);
    /// @dev A party of the deal orders at the least price only.
    error OrderBook_NotTheLeastPrice(uint256 price);
    /// @dev Now, or not until the end of the week in which units are delivered.
    error OrderBook_MayNotHold(address account);
    error OrderBook_NoSuchOrder(address investor, uint256 order);
    error OrderBook_NotCleared();
    error OrderBook_Cleared();
    error OrderBook_NothingToDeliver();
    error OrderBook_TooLateToDeliver(uint256 until);
    error OrderBook_NotDelivered(uint256 units);

    function initialize(Terms calldata terms_, Ladder calldata ladder_) external;

    /// @notice Order units at `price` each or less: the caller pays the whole of it in. It must have approved the currency,
    /// and may hold the token, by what is known now until units are delivered.
    /// @return number of the order
    function order(uint256 units, uint256 price) external returns (uint256 number);

    /// @notice After a window in which enough was ordered: find the price. Anyone, once.
    function clear() external;

    /// @notice Once the price is known, within a week after the window: an investor gets the units that an order has bought.
    /// Anyone.
    function deliver(address investor, uint256 number) external returns (uint256 units);

    /// @notice An investor gets what an order did not need, and first the units if they are still to be delivered; all of
    /// its money where the issue has failed, or it was not delivered in time. Anyone, once.
    function take(address investor, uint256 number) external returns (uint256 amount);

    /// @notice What every unit costs, once it is known.
    function price() external view returns (uint256);

    /// @notice Units that an order has bought, once the price is known; 0 before.
    function allotted(address investor, uint256 number) external view returns (uint256);

    /// @notice Units ordered at all levels, and of those by parties of the deal.
    function ordered() external view returns (uint256 units, uint256 byParties);

    /// @notice Units ordered at a level.
    function orderedAt(uint256 level) external view returns (uint256);

    /// @notice Units that are bought and not delivered yet.
    function toDeliver() external view returns (uint256);

    /// @notice All zero where there is none, or it has been taken.
    function orderOf(address investor, uint256 number) external view returns (Order memory);

    function ladder() external view returns (Ladder memory);
}
