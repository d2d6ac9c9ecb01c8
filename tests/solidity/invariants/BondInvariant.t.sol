// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {BondHandler} from "./BondHandler.sol";
import {BondInvariants} from "./BondInvariants.sol";

/// @notice A bullet bond against the handler's books, after any sequence of events.
contract BondInvariant is BondInvariants {
    BondHandler private handler;

    function setUp() external {
        handler = new BondHandler();
        books = handler;
        bytes4[] memory actions = new bytes4[](21);
        actions[0] = handler.wait.selector;
        actions[1] = handler.report.selector;
        actions[2] = handler.fund.selector;
        actions[3] = handler.donate.selector;
        actions[4] = handler.payCoupon.selector;
        actions[5] = handler.fix.selector;
        actions[6] = handler.redeem.selector;
        actions[7] = handler.declareDefault.selector;
        actions[8] = handler.cure.selector;
        actions[9] = handler.accelerate.selector;
        actions[10] = handler.recover.selector;
        actions[11] = handler.returnSurplus.selector;
        actions[12] = handler.claim.selector;
        actions[13] = handler.transfer.selector;
        actions[14] = handler.trespass.selector;
        actions[15] = handler.squeeze.selector;
        actions[16] = handler.keepPromise.selector;
        // A life lasts two years and a report has a month, so time and money move more often than the rest.
        (actions[17], actions[18]) = (actions[0], actions[0]);
        (actions[19], actions[20]) = (actions[1], actions[2]);
        target(address(handler), actions);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        moneyIsSolventConservedAndPaidAsPromised();
        stateIsTheBooks();
        theOutcomeIsTheBooks();
    }

    function theOutcomeIsTheBooks() public view {
        IKpiBond bond = books.theBond();
        (bool made,) = bond.fixingOf(0);
        isTrue(made == handler.outcomeFixed(), "outcome fixed");
        if (made) eqInt(bond.outcomeOf(4), handler.outcome(), "outcome");
    }
}
