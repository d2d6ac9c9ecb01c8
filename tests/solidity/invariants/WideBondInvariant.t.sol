// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {BondInvariants} from "./BondInvariants.sol";
import {WideBondHandler} from "./WideBondHandler.sol";

/// @notice Bonds of random terms against the handler's books, after any sequence of events.
contract WideBondInvariant is BondInvariants {
    WideBondHandler private handler;

    function setUp() external {
        handler = new WideBondHandler();
        books = handler;
        bytes4[] memory actions = new bytes4[](25);
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
        (actions[17], actions[18], actions[19]) = (actions[0], actions[1], actions[2]);
        (actions[20], actions[21]) = (actions[5], handler.breakPromise.selector);
        (actions[22], actions[23]) = (handler.makeGood.selector, handler.giveUp.selector);
        actions[24] = actions[16];
        target(address(handler), actions);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        moneyIsSolventConservedAndPaidAsPromised();
        stateIsTheBooks();
        breakingTheTermsIsNeverCheaper();
        fixingsAndPrincipalAreTheBooks();
    }

    /// @dev Law 5, whatever is called by whom and when: until a claim is met, whoever broke the terms owes no less than
    /// one that kept them; the handler asks the same at every redemption and acceleration. But for a day's accrual.
    function breakingTheTermsIsNeverCheaper() public view {
        if (!handler.owesAll()) return;
        atMost(handler.kept(), handler.burden() + 2 * uint256(handler.UNITS()), "cheaper than keeping the terms");
    }

    function fixingsAndPrincipalAreTheBooks() public view {
        if (handler.total() == 0) return;
        IKpiBond bond = books.theBond();
        for (uint256 i = 0; i < handler.rules(); ++i) {
            (bool made, int128 value) = bond.fixingOf(i);
            (bool booked, int256 wanted) = handler.ruleAt(i);
            isTrue(made == booked, "fixing made");
            eqInt(value, wanted, "value");
        }
        uint256 left = bond.state() == IKpiBond.State.Redeemed ? 0 : 997 - handler.repaid();
        eq(bond.principal(), left * handler.UNITS(), "principal not repaid");
    }
}
