// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {IOffering} from "../../../contracts/interfaces/IOffering.sol";
import {Test} from "../utils/Test.sol";
import {OfferingHandler} from "./OfferingHandler.sol";

/// @notice The offering against the handler's books, after any sequence of events.
contract OfferingInvariant is Test {
    uint256 private constant PRICE = 1_003;
    uint256 private constant HARD_CAP = 1_000;

    OfferingHandler private handler;
    IOffering private offering;

    function setUp() external {
        handler = new OfferingHandler();
        offering = handler.theOffering();
        bytes4[] memory actions = new bytes4[](8);
        actions[0] = OfferingHandler.wait.selector;
        actions[1] = OfferingHandler.subscribe.selector;
        actions[2] = OfferingHandler.settle.selector;
        actions[3] = OfferingHandler.refund.selector;
        actions[4] = OfferingHandler.transfer.selector;
        actions[5] = OfferingHandler.trespass.selector;
        (actions[6], actions[7]) = (actions[0], actions[1]);
        target(address(handler), actions);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        moneyWaitsUntilTheIssueSucceedsOrGoesBack();
        unitsAndStatesAreTheBooks();
    }

    function moneyWaitsUntilTheIssueSucceedsOrGoesBack() public view {
        uint256 held = handler.heldByOffering();
        uint256 issuer = handler.heldByIssuer();
        eq(handler.paidIn(), held + issuer + handler.paidBack(), "conservation: in = out + held");
        if (handler.settled()) {
            eq(issuer, handler.sold() * PRICE, "proceeds to the issuer");
            eq(held, 0, "nothing stays");
        } else {
            eq(issuer, 0, "no proceeds before success");
            eq(held, handler.supply() * PRICE, "solvency: every unit can be refunded");
        }
    }

    function unitsAndStatesAreTheBooks() public view {
        eq(uint256(offering.state()), uint256(handler.state()), "state");
        eq(offering.sold(), handler.sold(), "sold");
        atMost(handler.sold(), HARD_CAP, "never above the hard cap");
        eq(handler.supply(), handler.sold() - handler.refunded(), "units in issue");
        for (uint256 i = 0; i < handler.BUYERS(); ++i) {
            eq(handler.unitsOf(handler.buyerAt(i)), handler.units(handler.buyerAt(i)), "units");
        }
        IKpiBond.State wanted = handler.settled() ? IKpiBond.State.Active : IKpiBond.State.Offered;
        eq(uint256(handler.bondState()), uint256(wanted), "the bond begins with the settlement");
    }
}
