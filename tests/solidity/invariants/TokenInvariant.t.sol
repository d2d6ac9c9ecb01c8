// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestCurrency} from "../../../contracts/testing/TestCurrency.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {Test} from "../utils/Test.sol";
import {TokenHandler} from "./TokenHandler.sol";

/// @notice The claim token against the handler's books, after any sequence of actions.
contract TokenInvariant is Test {
    uint256 private constant HOLDERS = 5;

    TokenHandler private handler;
    SecurityToken private token;
    TestCurrency private currency;

    function setUp() external {
        handler = new TokenHandler();
        token = handler.token();
        currency = handler.currency();
        bytes4[] memory actions = new bytes4[](17);
        actions[0] = TokenHandler.wait.selector;
        actions[1] = TokenHandler.verify.selector;
        actions[2] = TokenHandler.revoke.selector;
        actions[3] = TokenHandler.mint.selector;
        actions[4] = TokenHandler.burn.selector;
        actions[5] = TokenHandler.distribute.selector;
        actions[6] = TokenHandler.claim.selector;
        actions[7] = TokenHandler.transfer.selector;
        actions[8] = TokenHandler.transferFrom.selector;
        actions[9] = TokenHandler.forcedTransfer.selector;
        actions[10] = TokenHandler.freeze.selector;
        actions[11] = TokenHandler.pause.selector;
        actions[12] = TokenHandler.close.selector;
        actions[13] = TokenHandler.trespass.selector;
        actions[14] = TokenHandler.announceRecovery.selector;
        actions[15] = TokenHandler.objectToRecovery.selector;
        actions[16] = TokenHandler.recoverHolding.selector;
        target(address(handler), actions);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        moneyIsSolventConservedAndOwedAsEarned();
        unitsAreWhereTheBooksSay();
    }

    function moneyIsSolventConservedAndOwedAsEarned() public view {
        uint256 held = currency.balanceOf(address(token));
        uint256 owed;
        for (uint256 i = 0; i < HOLDERS; ++i) {
            address holder = handler.holders(i);
            uint256 claimable = token.claimable(holder);
            eq(claimable, handler.earned(holder) - handler.claimed(holder), "claimable = earned - claimed");
            eq(currency.balanceOf(holder), handler.claimed(holder), "a holder has just what it claimed");
            owed += claimable;
        }
        atMost(owed, held, "solvency: what is claimable is held");
        eq(handler.paidIn(), handler.paidOut() + held, "conservation: in = out + held");
    }

    function unitsAreWhereTheBooksSay() public view {
        uint256 sum;
        for (uint256 i = 0; i < HOLDERS; ++i) {
            address holder = handler.holders(i);
            uint256 balance = token.balanceOf(holder);
            eq(balance, handler.units(holder), "units");
            eq(token.getFrozenTokens(holder), handler.frozen(holder), "frozen");
            sum += balance;
        }
        eq(token.totalSupply(), sum, "supply is the sum of balances");
        isTrue(token.closed() == handler.closed() && token.paused() == handler.paused(), "state as in the books");
    }
}
