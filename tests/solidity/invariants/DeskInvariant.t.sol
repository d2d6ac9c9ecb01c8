// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITradeDesk} from "../../../contracts/interfaces/ITradeDesk.sol";
import {Test} from "../utils/Test.sol";
import {DeskHandler} from "./DeskHandler.sol";

/// @notice The trade desk against the handler's books, after any sequence of actions.
contract DeskInvariant is Test {
    DeskHandler private handler;

    function setUp() external {
        handler = new DeskHandler();
        bytes4[] memory actions = new bytes4[](15);
        actions[0] = DeskHandler.wait.selector;
        actions[1] = DeskHandler.quote.selector;
        actions[2] = DeskHandler.fill.selector;
        actions[3] = DeskHandler.cancel.selector;
        actions[4] = DeskHandler.cancelBelow.selector;
        actions[5] = DeskHandler.pay.selector;
        actions[6] = DeskHandler.freeze.selector;
        actions[7] = DeskHandler.register.selector;
        actions[8] = DeskHandler.pause.selector;
        actions[9] = DeskHandler.close.selector;
        actions[10] = DeskHandler.recovery.selector;
        (actions[11], actions[12]) = (actions[1], actions[1]);
        (actions[13], actions[14]) = (actions[2], actions[2]);
        target(address(handler), actions);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        unitsAndMoneyAreKeptAndNothingStays();
        quotesAreFilledNoFurtherThanTheySay();
    }

    function unitsAndMoneyAreKeptAndNothingStays() public view {
        (uint256 units, uint256 money) = (0, 0);
        for (uint256 i = 0; i < handler.PEOPLE(); ++i) {
            address who = handler.personAt(i);
            eq(handler.unitsOf(who), handler.units(i), "units");
            eq(handler.moneyOf(who), handler.money(i), "money");
            (units, money) = (units + handler.units(i), money + handler.money(i));
        }
        eq(units, handler.supply(), "conservation of units");
        eq(money, handler.moneyGiven(), "conservation of money");
        eq(handler.unitsOf(handler.theDesk()), 0, "no units stay with the desk");
        eq(handler.moneyOf(handler.theDesk()), 0, "no money stays with the desk");
    }

    function quotesAreFilledNoFurtherThanTheySay() public view {
        uint256 count = handler.count();
        for (uint256 n = count < 6 ? 0 : count - 6; n < count; ++n) {
            (ITradeDesk.Quote memory quote, uint256 maker) = handler.quoteAt(n);
            atMost(handler.filled(n), quote.units, "filled");
            bool over = handler.cancelled(n) || quote.nonce < handler.leastNonce(maker);
            eq(handler.leftOf(n), over ? 0 : quote.units - handler.filled(n), "left");
        }
    }
}
