// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {Test} from "../utils/Test.sol";
import {BondHandler} from "./BondHandler.sol";

/// @notice The KPI bond against the handler's books, after any sequence of events.
contract BondInvariant is Test {
    uint256 private constant HOLDERS = 3;

    BondHandler private handler;
    IKpiBond private bond;

    function setUp() external {
        handler = new BondHandler();
        bond = handler.theBond();
        bytes4[] memory actions = new bytes4[](21);
        actions[0] = BondHandler.wait.selector;
        actions[1] = BondHandler.report.selector;
        actions[2] = BondHandler.fund.selector;
        actions[3] = BondHandler.donate.selector;
        actions[4] = BondHandler.payCoupon.selector;
        actions[5] = BondHandler.fix.selector;
        actions[6] = BondHandler.redeem.selector;
        actions[7] = BondHandler.declareDefault.selector;
        actions[8] = BondHandler.cure.selector;
        actions[9] = BondHandler.accelerate.selector;
        actions[10] = BondHandler.recover.selector;
        actions[11] = BondHandler.returnSurplus.selector;
        actions[12] = BondHandler.claim.selector;
        actions[13] = BondHandler.transfer.selector;
        actions[14] = BondHandler.trespass.selector;
        actions[15] = BondHandler.squeeze.selector;
        actions[16] = BondHandler.keepPromise.selector;
        // A life lasts two years and a report has a month, so time and money move more often than the rest.
        (actions[17], actions[18]) = (actions[0], actions[0]);
        (actions[19], actions[20]) = (actions[1], actions[2]);
        target(address(handler), actions);
    }

    function invariant_moneyIsSolventConservedAndPaidAsPromised() external view {
        uint256 owed;
        uint256 claimed;
        for (uint256 i = 0; i < HOLDERS; ++i) {
            address holder = handler.holderAt(i);
            uint256 claimable = handler.claimableBy(holder);
            eq(claimable, handler.earned(holder) - handler.claimed(holder), "claimable = earned - claimed");
            owed += claimable;
            claimed += handler.claimed(holder);
        }
        uint256 inBond = handler.heldByBond();
        uint256 inToken = handler.heldByToken();
        eq(inBond, handler.bondMoney(), "the bond's money");
        atMost(owed, inToken, "solvency: what is claimable is held");
        eq(handler.moneyIn(), inBond + inToken + claimed + handler.surplus(), "conservation: in = out + held");
        atMost(handler.carried(), inBond, "what is carried is held");
        atMost(handler.distributed(), handler.promised(), "no more than was promised");
        if (bond.state() == IKpiBond.State.Redeemed) {
            atMost(handler.promised() - handler.distributed(), handler.UNITS() - 1, "no less, but for dust");
        }
    }

    function invariant_stateIsTheBooks() external view {
        eq(uint256(bond.state()), uint256(handler.state()), "state");
        eq(bond.couponsPaid(), handler.couponsPaid(), "coupons paid");
        (bool made,) = bond.fixingOf(0);
        isTrue(made == handler.outcomeFixed(), "outcome fixed");
        if (made) eqInt(bond.outcomeOf(4), handler.outcome(), "outcome");
        if (bond.state() == IKpiBond.State.Accelerated) {
            (uint256 interest, uint256 principal) = bond.owedAfterAcceleration();
            eq(interest, handler.interestOwed(), "interest owed");
            eq(principal, handler.principalOwed(), "principal owed");
        }
    }
}
