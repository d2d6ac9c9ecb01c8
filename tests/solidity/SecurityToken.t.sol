// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IdentityRegistry} from "../../contracts/identity/IdentityRegistry.sol";
import {IERC7943Fungible} from "../../contracts/interfaces/IERC7943Fungible.sol";
import {HoldingPolicy, IIdentityRegistry} from "../../contracts/interfaces/IIdentityRegistry.sol";
import {ISecurityToken} from "../../contracts/interfaces/ISecurityToken.sol";
import {TestCurrency} from "../../contracts/testing/TestCurrency.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {Test} from "./utils/Test.sol";

/// @notice Every branch of SecurityToken.tree. The test contract is minter, servicer and payer.
contract SecurityTokenTest is Test {
    address private constant AGENT = address(0xA6E27);
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    address private constant STRANGER = address(0x57A46E);
    uint16 private constant BLOCKED_COUNTRY = 192;

    TestCurrency private currency;
    IdentityRegistry private registry;
    SecurityToken private token;

    function setUp() external {
        vm.warp(1_700_000_000);
        currency = new TestCurrency("Test dollar", "TUSD", 6);
        registry = new IdentityRegistry(address(this));
        token = newToken();
        currency.approve(address(token), type(uint256).max);
        verify(ALICE);
        verify(BOB);
    }

    function newToken() private returns (SecurityToken clone) {
        HoldingPolicy policy = HoldingPolicy.wrap(bytes32(uint256(BLOCKED_COUNTRY) << 8 | 1 << 1));
        ISecurityToken.Anchors memory anchors = ISecurityToken.Anchors({
            currency: address(currency),
            registry: address(registry),
            agent: AGENT,
            policy: policy,
            termsHash: keccak256("terms")
        });
        clone = SecurityToken(Clones.cloneWithImmutableArgs(address(new SecurityToken()), abi.encode(anchors)));
        clone.initialize("Claim", "CLM", address(this), address(this));
    }

    function verify(address account) private {
        registry.setIdentity(account, IIdentityRegistry.Identity(type(uint64).max, 840, 1));
    }

    function distribute(uint256 amount) private returns (uint256) {
        currency.mint(address(this), amount);
        return token.distribute(amount);
    }

    function freeze(address account, uint256 amount) private {
        vm.prank(AGENT);
        token.setFrozenTokens(account, amount);
    }

    function pause() private {
        vm.prank(AGENT);
        token.setPaused(true);
    }

    // ---------------------------------------------------------------- initialize

    function test_initialize_refusesASecondTime() external {
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        token.initialize("", "", STRANGER, STRANGER);
        SecurityToken implementation = new SecurityToken();
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        implementation.initialize("", "", STRANGER, STRANGER);
    }

    // ---------------------------------------------------------------- mint and burn

    function test_mint_onlyTheMinter() external {
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_NotMinter.selector, STRANGER));
        vm.prank(STRANGER);
        token.mint(ALICE, 1);
    }

    function test_mint_refusesOnceClosed() external {
        token.close();
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_Closed.selector));
        token.mint(ALICE, 1);
    }

    function test_mint_refusesWhoeverMayNotHold() external {
        address[4] memory holders = [STRANGER, address(1), address(2), address(3)];
        registry.setIdentity(holders[1], IIdentityRegistry.Identity(uint64(block.timestamp + 1), 840, 1));
        registry.setIdentity(holders[2], IIdentityRegistry.Identity(type(uint64).max, 840, 2));
        registry.setIdentity(holders[3], IIdentityRegistry.Identity(type(uint64).max, BLOCKED_COUNTRY, 1));
        vm.warp(block.timestamp + 1);
        for (uint256 i = 0; i < holders.length; ++i) {
            refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, holders[i]));
            token.mint(holders[i], 1);
        }
    }

    function test_mint_refusesASupplyItCannotCount() external {
        token.mint(ALICE, type(uint64).max);
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_Overflow.selector, 1));
        token.mint(BOB, 1);
    }

    function testFuzz_mint_newUnitsHaveEarnedNothing(uint64 first, uint64 second, uint96 money) external {
        uint256 a = bound(first, 1, type(uint64).max / 2);
        uint256 b = bound(second, 1, type(uint64).max / 2);
        uint256 amount = bound(money, a, type(uint96).max);
        token.mint(ALICE, a);
        distribute(amount);
        token.mint(BOB, b);
        eq(token.claimable(BOB), 0, "earned by units that did not exist");
        eq(token.claimable(ALICE), amount / a * a, "earned by Alice");
        eq(token.totalSupply(), a + b, "supply");
    }

    function test_burn_onlyTheMinterAndNotMoreThanHeld() external {
        token.mint(ALICE, 5);
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_NotMinter.selector, ALICE));
        vm.prank(ALICE);
        token.burn(ALICE, 1);
        refuses(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ALICE, 5, 6));
        token.burn(ALICE, 6);
    }

    function test_burn_leavesWhatWasEarned() external {
        token.mint(ALICE, 5);
        distribute(50);
        token.burn(ALICE, 5);
        eq(token.totalSupply(), 0, "supply");
        eq(token.claim(ALICE), 50, "paid");
        eq(currency.balanceOf(ALICE), 50, "received");
    }

    function test_burn_takesFrozenUnitsToo() external {
        token.mint(ALICE, 10);
        freeze(ALICE, 8);
        vm.expectEmit(address(token));
        emit IERC7943Fungible.Frozen(ALICE, 4);
        token.burn(ALICE, 6);
        eq(token.balanceOf(ALICE), 4, "left");
        eq(token.getFrozenTokens(ALICE), 4, "still frozen");
    }

    // ---------------------------------------------------------------- distribute

    function test_distribute_needsUnitsAndAMinorUnitForEach() external {
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_NoSupply.selector));
        token.distribute(100);
        token.mint(ALICE, 101);
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_AmountBelowSupply.selector, 100, 101));
        token.distribute(100);
    }

    function test_distribute_withoutMoneyEarnsNothing() external {
        token.mint(ALICE, 10);
        currency.mint(STRANGER, 100);
        refuses(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(token), uint256(0), 100)
        );
        vm.prank(STRANGER);
        token.distribute(100);
        eq(token.claimable(ALICE), 0, "earned");
    }

    function testFuzz_distribute_takesTheLargestMultipleOfTheSupply(uint64 units, uint96 money) external {
        uint256 supply = bound(units, 1, type(uint64).max);
        uint256 amount = bound(money, supply, type(uint96).max);
        token.mint(ALICE, supply);
        uint256 paid = distribute(amount);
        eq(paid % supply, 0, "a whole minor unit for each unit");
        atMost(paid, amount, "paid not above what was offered");
        atMost(amount - paid, supply - 1, "dust below one minor unit for each unit");
        eq(currency.balanceOf(address(token)), paid, "taken");
        eq(currency.balanceOf(address(this)), amount - paid, "left with the payer");
        eq(token.claimable(ALICE), paid, "earned");
    }

    // ---------------------------------------------------------------- claim

    function test_claim_twicePaysOnce() external {
        token.mint(ALICE, 10);
        eq(token.claim(ALICE), 0, "nothing earned yet");
        distribute(100);
        vm.prank(STRANGER); // anyone may call; the money goes to the holder
        eq(token.claim(ALICE), 100, "paid");
        eq(token.claim(ALICE), 0, "paid again");
        eq(currency.balanceOf(ALICE), 100, "with Alice");
        eq(currency.balanceOf(STRANGER), 0, "with the caller");
    }

    function test_claim_cannotBeStopped() external {
        token.mint(ALICE, 10);
        distribute(100);
        registry.revoke(ALICE);
        freeze(ALICE, 10);
        pause();
        token.close();
        eq(token.claim(ALICE), 100, "paid while revoked, frozen, paused and closed");
    }

    /// @dev Regression of FerdiKurt/upgradeable-green-bonds, where the coupon followed the balance of the moment:
    /// claim, transfer, claim paid 199 % of the coupon.
    function test_claim_transfer_claim_paysOnce() external {
        token.mint(ALICE, 99);
        token.mint(BOB, 1);
        distribute(10_000);
        token.claim(ALICE);
        vm.prank(ALICE);
        token.transfer(BOB, 99);
        token.claim(BOB);
        eq(currency.balanceOf(ALICE), 9_900, "Alice's 99 units");
        eq(currency.balanceOf(BOB), 100, "Bob's one unit");
        eq(currency.balanceOf(address(token)), 0, "left");
    }

    function test_transfer_neverMovesMoneyAlreadyEarned() external {
        token.mint(ALICE, 60);
        token.mint(BOB, 40);
        distribute(100);
        vm.prank(ALICE);
        token.transfer(BOB, 60);
        distribute(100);
        eq(token.claimable(ALICE), 60, "earned by Alice before she sold");
        eq(token.claimable(BOB), 40 + 100, "earned by Bob");
    }

    // ---------------------------------------------------------------- transfer

    function test_transfer_refusesWhilePausedOrClosed() external {
        token.mint(ALICE, 1);
        pause();
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_Paused.selector));
        vm.prank(ALICE);
        token.transfer(BOB, 1);
        vm.prank(AGENT);
        token.setPaused(false);
        token.close();
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_Closed.selector));
        vm.prank(ALICE);
        token.transfer(BOB, 1);
    }

    function test_transfer_onlyBetweenVerifiedHolders() external {
        token.mint(ALICE, 1);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, STRANGER));
        vm.prank(ALICE);
        token.transfer(STRANGER, 1);
        registry.revoke(ALICE);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotSend.selector, ALICE));
        vm.prank(ALICE);
        token.transfer(BOB, 1);
    }

    function test_transfer_saysWhyTheAmountIsTooLarge() external {
        token.mint(ALICE, 10);
        freeze(ALICE, 4);
        refuses(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ALICE, 10, 11));
        vm.prank(ALICE);
        token.transfer(BOB, 11);
        refuses(
            abi.encodeWithSelector(
                IERC7943Fungible.ERC7943InsufficientUnfrozenBalance.selector, ALICE, uint256(7), uint256(6)
            )
        );
        vm.prank(ALICE);
        token.transfer(BOB, 7);
        vm.prank(ALICE);
        token.transfer(BOB, 6);
        eq(token.balanceOf(BOB), 6, "moved");
    }

    function test_transfer_toOneselfChangesNothing() external {
        token.mint(ALICE, 10);
        distribute(100);
        vm.prank(ALICE);
        token.transfer(ALICE, 10);
        eq(token.balanceOf(ALICE), 10, "balance");
        eq(token.totalSupply(), 10, "supply");
        eq(token.claimable(ALICE), 100, "earned");
    }

    function test_transferFrom_needsAllowance() external {
        token.mint(ALICE, 10);
        refuses(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, BOB, uint256(0), uint256(3)));
        vm.prank(BOB);
        token.transferFrom(ALICE, BOB, 3);
        vm.prank(ALICE);
        token.approve(BOB, 3);
        vm.prank(BOB);
        token.transferFrom(ALICE, BOB, 3);
        eq(token.balanceOf(BOB), 3, "moved");
    }

    /// @dev ERC-7943: a transfer must not succeed where canTransfer is false; balance is the base standard's matter.
    function testFuzz_canTransfer_agreesWithTransfer(uint8 units, uint8 frozen, uint8 amount, uint8 how) external {
        token.mint(ALICE, units);
        if (how & 1 != 0) freeze(ALICE, frozen);
        if (how & 2 != 0) pause();
        if (how & 4 != 0) registry.revoke(ALICE);
        if (how & 8 != 0) registry.revoke(BOB);
        if (how & 16 != 0) token.close();
        bool allowed = token.canTransfer(ALICE, BOB, amount);
        bool moved;
        vm.prank(ALICE);
        try token.transfer(BOB, amount) {
            moved = true;
        } catch {}
        isTrue(moved == (allowed && amount <= units), "transfer succeeds just when allowed and covered");
    }

    // ---------------------------------------------------------------- freezing

    function test_setFrozenTokens_onlyTheAgentAndAlsoBeyondTheBalance() external {
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_NotAgent.selector, address(this)));
        token.setFrozenTokens(ALICE, 1);
        vm.expectEmit(address(token));
        emit IERC7943Fungible.Frozen(ALICE, 1_000_000);
        freeze(ALICE, 1_000_000);
        eq(token.getFrozenTokens(ALICE), 1_000_000, "frozen");
        token.mint(ALICE, 10);
        isFalse(token.canTransfer(ALICE, BOB, 1), "a later balance is withheld too");
    }

    function test_forcedTransfer_refusals() external {
        token.mint(ALICE, 10);
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_NotAgent.selector, address(this)));
        token.forcedTransfer(ALICE, BOB, 1);
        vm.startPrank(AGENT);
        refuses(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, STRANGER));
        token.forcedTransfer(ALICE, STRANGER, 1);
        refuses(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ALICE, 10, 11));
        token.forcedTransfer(ALICE, BOB, 11);
        vm.stopPrank();
        token.close();
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_Closed.selector));
        vm.prank(AGENT);
        token.forcedTransfer(ALICE, BOB, 1);
    }

    /// @dev Regression of three ERC-7943 libraries, where this unfroze the tokens.
    function test_forcedTransfer_toOneselfCannotUnfreeze() external {
        token.mint(ALICE, 10);
        freeze(ALICE, 10);
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_ForcedTransferToSelf.selector, ALICE));
        vm.prank(AGENT);
        token.forcedTransfer(ALICE, ALICE, 10);
        eq(token.getFrozenTokens(ALICE), 10, "frozen");
        isFalse(token.canTransfer(ALICE, BOB, 1), "frozen units can move");
    }

    function testFuzz_forcedTransfer_unfreezesNoMoreThanItTakes(uint8 units, uint8 frozen, uint8 amount) external {
        uint256 balance = bound(units, 1, 255);
        uint256 taken = bound(amount, 0, balance);
        token.mint(ALICE, balance);
        distribute(balance * 3);
        freeze(ALICE, frozen);
        pause();
        vm.prank(AGENT);
        token.forcedTransfer(ALICE, BOB, taken);
        eq(token.balanceOf(ALICE), balance - taken, "left with Alice");
        eq(token.balanceOf(BOB), taken, "taken");
        eq(token.claimable(ALICE), balance * 3, "earned money stays");
        eq(token.claimable(BOB), 0, "earned money does not follow");
        // Free units go first; of the frozen ones only those that were taken stop being frozen.
        uint256 free = frozen < balance ? balance - frozen : 0;
        uint256 thawed = taken > free ? taken - free : 0;
        eq(token.getFrozenTokens(ALICE), frozen - thawed, "still frozen");
    }

    function test_forcedTransfer_saysSoInTheStandardsOrder() external {
        token.mint(ALICE, 10);
        freeze(ALICE, 10);
        vm.expectEmit(address(token));
        emit IERC7943Fungible.Frozen(ALICE, 6);
        vm.expectEmit(address(token));
        emit IERC7943Fungible.ForcedTransfer(ALICE, BOB, 4);
        vm.prank(AGENT);
        token.forcedTransfer(ALICE, BOB, 4);
    }

    // ---------------------------------------------------------------- the rest

    function test_close_onlyTheServicerAndOnce() external {
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_NotServicer.selector, STRANGER));
        vm.prank(STRANGER);
        token.close();
        token.close();
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_Closed.selector));
        token.close();
    }

    function test_setPaused_onlyTheAgent() external {
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_NotAgent.selector, address(this)));
        token.setPaused(true);
    }

    function test_supportsInterface() external view {
        isTrue(token.supportsInterface(0x3edbb4c4), "ERC-7943 fungible");
        isTrue(token.supportsInterface(0x01ffc9a7), "ERC-165");
        isTrue(token.supportsInterface(0x36372b07), "ERC-20");
        isFalse(token.supportsInterface(0xffffffff), "the invalid id of ERC-165");
    }
}
