// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {Test} from "../utils/Test.sol";
import {BondBooks} from "./BondBooks.sol";

/// @notice What holds for a bond of any terms, after any sequence of events.
abstract contract BondInvariants is Test {
    uint256 private constant HOLDERS = 3;

    BondBooks internal books;

    function moneyIsSolventConservedAndPaidAsPromised() public view {
        if (address(books.theBond()) == address(0)) return; // not begun yet
        uint256 owed;
        uint256 claimed;
        for (uint256 i = 0; i < HOLDERS; ++i) {
            address holder = books.holderAt(i);
            uint256 claimable = books.claimableBy(holder);
            eq(claimable, books.earned(holder) - books.claimed(holder), "claimable = earned - claimed");
            owed += claimable;
            claimed += books.claimed(holder);
        }
        uint256 inBond = books.heldByBond();
        uint256 inToken = books.heldByToken();
        eq(inBond, books.bondMoney(), "the bond's money");
        atMost(owed, inToken, "solvency: what is claimable is held");
        eq(books.moneyIn(), inBond + inToken + claimed + books.surplus(), "conservation: in = out + held");
        atMost(books.carried(), inBond, "what is carried is held");
        atMost(books.distributed(), books.promised(), "no more than was promised");
        if (books.theBond().state() == IKpiBond.State.Redeemed) {
            atMost(books.promised() - books.distributed(), books.UNITS() - 1, "no less, but for dust");
        }
    }

    function stateIsTheBooks() public view {
        IKpiBond bond = books.theBond();
        if (address(bond) == address(0)) return;
        eq(uint256(bond.state()), uint256(books.state()), "state");
        eq(bond.couponsPaid(), books.couponsPaid(), "coupons paid");
        if (bond.state() == IKpiBond.State.Accelerated) {
            (uint256 interest, uint256 principal, uint256 late) = bond.owedAfterAcceleration();
            eq(late, books.lateNow() / 2 ** 32, "late interest owed");
            eq(interest, books.interestOwed(), "interest owed");
            eq(principal, books.principalOwed(), "principal owed");
        }
    }
}
