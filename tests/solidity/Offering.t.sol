// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC7943Fungible} from "../../contracts/interfaces/IERC7943Fungible.sol";
import {IKpiBond} from "../../contracts/interfaces/IKpiBond.sol";
import {IOffering} from "../../contracts/interfaces/IOffering.sol";
import {ISale} from "../../contracts/interfaces/ISale.sol";
import {Offering} from "../../contracts/market/Offering.sol";
import {DealFixture} from "./utils/DealFixture.sol";

/// @notice Every branch of Offering.tree.
contract OfferingTest is DealFixture {
    uint256 private constant LAPSES_AFTER = 30 days;

    function setUp() external {
        deployRooms();
        deployDeal(dealTerms());
        vm.warp(OPENS);
    }

    function wrongState(ISale.State state) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ISale.Offering_WrongState.selector, state);
    }

    function invalid(ISale.Terms memory terms, string memory what) private {
        Offering fresh = Offering(Clones.clone(offeringCode));
        refuses(abi.encodeWithSelector(ISale.Offering_InvalidTerms.selector, what));
        fresh.initialize(terms);
    }

    function test_initialize_onceAndOnlyValidTerms() external {
        ISale.Terms memory t = offering.terms();
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        offering.initialize(t);
        t.unitPrice = 0;
        invalid(t, "price zero");
        t = offering.terms();
        t.softCap = 0;
        invalid(t, "caps");
        t.softCap = t.hardCap + 1;
        invalid(t, "caps");
        t = offering.terms();
        t.closes = t.opens;
        invalid(t, "window");
    }

    function test_subscribe_onlyWhileOpen() external {
        vm.warp(OPENS - 1);
        refuses(wrongState(ISale.State.NotOpen));
        offering.subscribe(1);
        vm.warp(OPENS);
        buy(ALICE, HARD_CAP);
        refuses(wrongState(ISale.State.Succeeded)); // sold out
        offering.subscribe(1);
        vm.warp(CLOSES);
        refuses(wrongState(ISale.State.Succeeded));
        offering.subscribe(1);
    }

    function test_subscribe_refusesNoUnitsAndTooMany() external {
        refuses(abi.encodeWithSelector(ISale.Offering_ZeroUnits.selector));
        offering.subscribe(0);
        buy(ALICE, 1);
        refuses(abi.encodeWithSelector(ISale.Offering_CapExceeded.selector, HARD_CAP, HARD_CAP - 1));
        offering.subscribe(HARD_CAP);
    }

    function test_subscribe_isMoneyAgainstUnitsOrNothing() external {
        currency.mint(STRANGER, UNIT_PRICE);
        vm.startPrank(STRANGER);
        currency.approve(address(offering), UNIT_PRICE);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, STRANGER));
        offering.subscribe(1);
        vm.stopPrank();
        eq(currency.balanceOf(STRANGER), UNIT_PRICE, "the stranger's money");

        currency.mint(BOB, UNIT_PRICE - 1);
        vm.startPrank(BOB);
        currency.approve(address(offering), UNIT_PRICE);
        refuses(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, BOB, UNIT_PRICE - 1, UNIT_PRICE));
        offering.subscribe(1);
        vm.stopPrank();
        eq(offering.sold(), 0, "sold");

        buy(BOB, 7);
        eq(token.balanceOf(BOB), 7, "units");
        eq(currency.balanceOf(address(offering)), 7 * UNIT_PRICE, "money");
    }

    function test_settle_onlyASuccessAndOnce() external {
        buy(ALICE, SOFT_CAP);
        refuses(wrongState(ISale.State.Open));
        offering.settle();
        vm.warp(CLOSES);
        offering.settle();
        eq(currency.balanceOf(ISSUER), SOFT_CAP * UNIT_PRICE, "proceeds");
        eq(uint256(bond.state()), uint256(IKpiBond.State.Active), "the bond begins");
        eq(bond.principal(), uint256(SOFT_CAP) * UNIT_PRINCIPAL, "principal");
        refuses(wrongState(ISale.State.Settled));
        offering.settle();
        refuses(wrongState(ISale.State.Settled));
        offering.refund(1);
    }

    function test_settle_atOnceWhenSoldOutButNotInThatBlock() external {
        buy(ALICE, HARD_CAP);
        vm.roll(block.number - 1); // back to the sale
        refuses(abi.encodeWithSelector(IOffering.Offering_SoldInThisBlock.selector, block.number));
        offering.settle();
        vm.roll(block.number + 1);
        offering.settle();
        eq(uint256(offering.state()), uint256(ISale.State.Settled), "state");
    }

    /// @dev A party may buy what is above the soft cap, which only others can meet, and never be the one who fails it.
    function test_parties_cannotMeetTheSoftCapNorKeepOthersFromIt() external {
        verify(ISSUER);
        verify(AGENT);
        buy(AGENT, 100);
        buy(ISSUER, HARD_CAP - SOFT_CAP - 100);
        currency.mint(ISSUER, UNIT_PRICE);
        vm.startPrank(ISSUER);
        currency.approve(address(offering), UNIT_PRICE);
        refuses(abi.encodeWithSelector(ISale.Offering_PartyCapExceeded.selector, 1, 0));
        offering.subscribe(1);
        vm.stopPrank();
        eq(offering.soldToParties(), HARD_CAP - SOFT_CAP, "sold to parties");
        buy(ALICE, SOFT_CAP - 1);
        vm.warp(CLOSES);
        eq(uint256(offering.state()), uint256(ISale.State.Failed), "one unit short, though many are sold");
        vm.warp(CLOSES - 1);
        buy(ALICE, 1);
        eq(uint256(offering.state()), uint256(ISale.State.Succeeded), "sold out");
    }

    function test_refund_onlyAfterAFailure() external {
        buy(ALICE, SOFT_CAP - 1);
        refuses(wrongState(ISale.State.Open));
        vm.prank(ALICE);
        offering.refund(1);
        vm.warp(CLOSES);
        refuses(wrongState(ISale.State.Failed));
        offering.settle();
        vm.startPrank(ALICE);
        refuses(abi.encodeWithSelector(ISale.Offering_ZeroUnits.selector));
        offering.refund(0);
        refuses(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ALICE, SOFT_CAP - 1, SOFT_CAP));
        offering.refund(SOFT_CAP);
        offering.refund(SOFT_CAP - 1);
        vm.stopPrank();
        eq(currency.balanceOf(ALICE), (SOFT_CAP - 1) * UNIT_PRICE, "all her money");
        eq(currency.balanceOf(address(offering)), 0, "nothing stays");
    }

    function test_refund_goesToWhoeverHoldsTheUnits() external {
        buy(ALICE, 10);
        vm.prank(ALICE);
        token.transfer(BOB, 4);
        vm.warp(CLOSES);
        vm.prank(BOB);
        eq(offering.refund(4), 4 * UNIT_PRICE, "refund");
        eq(currency.balanceOf(BOB), 4 * UNIT_PRICE, "with Bob");
    }

    function test_refund_whenASuccessIsNotSettledInTime() external {
        buy(ALICE, SOFT_CAP);
        bytes memory blocked = abi.encodeWithSignature("Blocked()");
        vm.mockCallRevert(address(currency), abi.encodeWithSelector(currency.transfer.selector, ISSUER), blocked);
        vm.warp(CLOSES);
        refuses(blocked); // the currency does not serve the issuer
        offering.settle();
        vm.warp(CLOSES + LAPSES_AFTER);
        eq(uint256(offering.state()), uint256(ISale.State.Succeeded), "state");
        vm.warp(CLOSES + LAPSES_AFTER + 1);
        vm.prank(ALICE);
        offering.refund(SOFT_CAP);
        eq(currency.balanceOf(ALICE), SOFT_CAP * UNIT_PRICE, "refunded");
    }

    function test_refund_cannotBeStopped() external {
        buy(ALICE, 10);
        registry.revoke(ALICE);
        vm.startPrank(AGENT);
        token.setPaused(true);
        token.setFrozenTokens(ALICE, 10);
        vm.stopPrank();
        vm.warp(CLOSES);
        vm.prank(ALICE);
        offering.refund(10);
        eq(currency.balanceOf(ALICE), 10 * UNIT_PRICE, "refunded while revoked, paused and frozen");
    }
}
