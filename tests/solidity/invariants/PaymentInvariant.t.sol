// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {Test} from "../utils/Test.sol";
import {PaymentHandler} from "./PaymentHandler.sol";

/// @notice A KPI payment against the handler's books, after any sequence of events.
abstract contract PaymentInvariants is Test {
    PaymentHandler private handler;
    IKpiPayment private payment;

    function begin(PaymentHandler.Kind kind) internal {
        handler = new PaymentHandler(kind);
        payment = handler.thePayment();
        bytes4[] memory actions = new bytes4[](24);
        actions[0] = PaymentHandler.wait.selector;
        actions[1] = PaymentHandler.report.selector;
        actions[2] = PaymentHandler.keepPromise.selector;
        actions[3] = PaymentHandler.fund.selector;
        actions[4] = PaymentHandler.donate.selector;
        actions[5] = PaymentHandler.withdraw.selector;
        actions[6] = PaymentHandler.settle.selector;
        actions[7] = PaymentHandler.callMargin.selector;
        actions[8] = PaymentHandler.closeOut.selector;
        actions[9] = PaymentHandler.propose.selector;
        actions[10] = PaymentHandler.takeBack.selector;
        actions[11] = PaymentHandler.accept.selector;
        actions[12] = PaymentHandler.trespass.selector;
        // Time, data and money move more often than the rest.
        (actions[13], actions[14], actions[15]) = (actions[0], actions[0], actions[0]);
        (actions[16], actions[17], actions[18]) = (actions[1], actions[3], actions[6]);
        actions[19] = actions[7];
        actions[20] = PaymentHandler.squeeze.selector;
        actions[21] = PaymentHandler.callBoth.selector;
        (actions[22], actions[23]) = (PaymentHandler.cure.selector, PaymentHandler.cure.selector);
        target(address(handler), actions);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        moneyAndStatesAreTheBooks();
        settlementIsZeroSumAndWhoeverOwesHoldsNothing();
    }

    /// @dev Solvency with equality, conservation, each side's figures, one fixing per period, and the states.
    function moneyAndStatesAreTheBooks() public view {
        _statesAreTheBooks();
        uint256 booked;
        uint256 paidIn;
        uint256 paidOut;
        for (uint256 i = 0; i < 2; ++i) {
            IKpiPayment.Account memory a = payment.accountOf(IKpiPayment.Side(i));
            eq(a.balance, handler.balance(i), "balance");
            eq(a.credit, handler.credit(i), "credit");
            eq(a.deadline, handler.deadline(i), "deadline");
            eq(payment.owed(IKpiPayment.Side(i)), handler.owed(IKpiPayment.Side(i)), "owed, with interest");
            booked += a.balance + a.credit;
            paidIn += handler.paidIn(i);
            paidOut += handler.paidOut(i);
        }
        eq(handler.held(), booked + handler.donated(), "solvency: what is booked is held, and nothing else but gifts");
        eq(paidIn, booked + paidOut, "conservation: in = out + held");
    }

    /// @dev What one side has gained the other has lost, and it is what was fixed, with interest, but for what is owed.
    /// Money posted is never kept by a side that owes, and both cannot owe.
    function settlementIsZeroSumAndWhoeverOwesHoldsNothing() public view {
        int256[2] memory gain;
        uint256[2] memory principal;
        for (uint256 i = 0; i < 2; ++i) {
            IKpiPayment.Account memory a = payment.accountOf(IKpiPayment.Side(i));
            gain[i] = int256(a.balance + a.credit + handler.paidOut(i)) - int256(handler.paidIn(i));
            principal[i] = a.principal;
            isTrue(a.principal + a.interest == 0 || a.balance == 0, "owes and holds");
            bool limited = i == 1 && payment.terms().limitedRecourse;
            isTrue(a.principal + a.interest == 0 || a.credit == 0 || limited, "owes and is owed");
        }
        isTrue(principal[0] == 0 || principal[1] == 0, "both owe");
        eqInt(gain[0] + gain[1], 0, "zero-sum");
        int256 fixedAndPaid = handler.promised() + handler.interestPaid() - int256(principal[0]) + int256(principal[1]);
        eqInt(gain[1], fixedAndPaid, "what the payee got is what was fixed");
    }

    function _statesAreTheBooks() private view {
        eq(uint256(payment.state()), uint256(handler.state()), "state");
        eq(payment.defaultedAt(), handler.defaultedAt(), "default");
        uint256 settled = payment.periodsSettled();
        eq(settled, handler.fixingCount(), "periods settled");
        for (uint256 i = 0; i < 5; ++i) {
            isTrue(handler.reportUsed(i) == (i < settled), "a report is used when its period is settled, and only then");
        }
    }
}

/// @notice Both sides of full recourse, closed out by model value.
contract PaymentInvariant is PaymentInvariants {
    function setUp() external {
        begin(PaymentHandler.Kind.Model);
    }
}

/// @notice A project of limited recourse, closed out by the last fixing.
contract LimitedPaymentInvariant is PaymentInvariants {
    function setUp() external {
        begin(PaymentHandler.Kind.Limited);
    }
}

/// @notice No collateral on either side: what is owed, called, netted and closed out by replacement cost.
contract BarePaymentInvariant is PaymentInvariants {
    function setUp() external {
        begin(PaymentHandler.Kind.Bare);
    }
}
