// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {IRevenueTreasury} from "../../../contracts/interfaces/IRevenueTreasury.sol";
import {Test} from "../utils/Test.sol";
import {TreasuryHandler} from "./TreasuryHandler.sol";

/// @notice The treasury, its token and its swap against the handler's books, after any sequence of events.
contract TreasuryInvariant is Test {
    uint256 private constant HOLDERS = 3;

    TreasuryHandler private handler;
    IRevenueTreasury private treasury;
    IKpiPayment private swap;

    function setUp() external {
        handler = new TreasuryHandler();
        treasury = handler.theTreasury();
        swap = handler.theSwap();
        bytes4[] memory actions = new bytes4[](22);
        actions[0] = TreasuryHandler.wait.selector;
        actions[1] = TreasuryHandler.weather.selector;
        actions[2] = TreasuryHandler.report.selector;
        actions[3] = TreasuryHandler.keepPromise.selector;
        actions[4] = TreasuryHandler.settle.selector;
        actions[5] = TreasuryHandler.fundSwap.selector;
        actions[6] = TreasuryHandler.callMargin.selector;
        actions[7] = TreasuryHandler.closeOut.selector;
        actions[8] = TreasuryHandler.providerWithdraws.selector;
        actions[9] = TreasuryHandler.collect.selector;
        actions[10] = TreasuryHandler.receiveRevenue.selector;
        actions[11] = TreasuryHandler.donate.selector;
        actions[12] = TreasuryHandler.pay.selector;
        actions[13] = TreasuryHandler.payRest.selector;
        actions[14] = TreasuryHandler.withdraw.selector;
        actions[15] = TreasuryHandler.claim.selector;
        actions[16] = TreasuryHandler.transfer.selector;
        actions[17] = TreasuryHandler.trespass.selector;
        // A life lasts two years, and a report has a month.
        (actions[18], actions[19], actions[20], actions[21]) = (actions[0], actions[2], actions[3], actions[12]);
        target(address(handler), actions);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        moneyIsConservedAndCreditsAreHeld();
        stateIsTheBooksAndSeniorGetsWhatFellDueAndNoMore();
    }

    function moneyIsConservedAndCreditsAreHeld() public view {
        (uint256 inTreasury, uint256 inSwap, uint256 inToken) =
            (handler.heldBy(0), handler.heldBy(1), handler.heldBy(2));
        uint256 credits =
            treasury.creditOf(IRevenueTreasury.Party.Operator) + treasury.creditOf(IRevenueTreasury.Party.Lender);
        atMost(credits, inTreasury, "credits are held");
        eq(inTreasury, handler.cash() + handler.credit(0) + handler.credit(1), "the treasury's money");
        eq(treasury.available(), handler.cash(), "available");
        uint256 claimed;
        uint256 claimable;
        for (uint256 i = 0; i < HOLDERS; ++i) {
            address holder = handler.holderAt(i);
            eq(handler.claimableBy(holder), handler.earned(holder) - handler.claimed(holder), "claimable");
            claimable += handler.claimableBy(holder);
            claimed += handler.claimed(holder);
        }
        eq(inToken, claimable, "what is claimable is held");
        eq(handler.distributed(), claimable + claimed, "what was distributed is the holders'");
        uint256 out = claimed + handler.withdrawn(0) + handler.withdrawn(1) + handler.providerOut();
        eq(handler.moneyIn(), inTreasury + inSwap + inToken + out, "conservation: in = out + held");
    }

    function stateIsTheBooksAndSeniorGetsWhatFellDueAndNoMore() public view {
        for (uint256 i = 0; i < 2; ++i) {
            IRevenueTreasury.Party party = IRevenueTreasury.Party(i);
            eq(treasury.arrearsOf(party), handler.arrears(i), "arrears");
            eq(treasury.creditOf(party), handler.credit(i), "credit");
            eq(handler.dueTo(i), handler.arrears(i) + handler.credit(i) + handler.withdrawn(i), "what fell due");
        }
        eq(treasury.periodsPaid(), handler.periodsPaid(), "periods paid");
        isTrue((treasury.state() == IRevenueTreasury.State.Closed) == handler.closed(), "state");
        isTrue(handler.tokenIsClosed() == handler.closed(), "the token closes with the treasury");
        if (handler.closed()) {
            isTrue(swap.state() > IKpiPayment.State.Defaulted, "the swap is over");
            eq(swap.owed(IKpiPayment.Side.Payer), 0, "nothing is owed to the project");
        }
    }
}
