// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IdentityRegistry} from "../../../contracts/identity/IdentityRegistry.sol";
import {HoldingPolicy, IIdentityRegistry} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {ISecurityToken} from "../../../contracts/interfaces/ISecurityToken.sol";
import {TestCurrency} from "../../../contracts/testing/TestCurrency.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {Test} from "../utils/Test.sol";

/// @notice Does everything that can be done to a claim token, in any order, and keeps its own books.
/// @dev The books know nothing of the contract's packing or index: on every distribution they walk over all holders and
/// credit each one its units times the money per unit. Every action is predicted from the books first, and must succeed
/// or fail as predicted; so a forbidden transfer that goes through is as much a failure as an allowed one that does not.
contract TokenHandler is Test {
    uint256 internal constant HOLDERS = 5;
    /// @dev Most money a unit can earn in a token's life, as ISecurityToken says.
    uint256 internal constant MOST_PER_UNIT = type(uint96).max;
    /// @dev As ISecurityToken says.
    uint256 internal constant NOTICE = 90 days;
    uint256 internal constant WINDOW = 30 days;
    uint256 internal constant MOST_UNITS = type(uint64).max;

    TestCurrency public currency;
    IdentityRegistry public registry;
    SecurityToken public token;
    address[HOLDERS] public holders;

    // The books.
    mapping(address => uint256) public units;
    mapping(address => uint256) public frozen;
    mapping(address => uint256) public earned;
    mapping(address => uint256) public claimed;
    mapping(address => uint256) public verifiedUntil;
    mapping(address => address) public heir;
    mapping(address => uint256) public noticeEnds;
    uint256 public supply;
    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public perUnit;
    bool public paused;
    bool public closed;

    constructor() {
        vm.warp(1_700_000_000);
        currency = new TestCurrency("Test dollar", "TUSD", 6);
        registry = new IdentityRegistry(address(this));
        HoldingPolicy policy = HoldingPolicy.wrap(bytes32(uint256(1 << 1)));
        ISecurityToken.Anchors memory anchors = ISecurityToken.Anchors({
            currency: address(currency),
            registry: address(registry),
            agent: address(this),
            policy: policy,
            termsHash: keccak256("terms")
        });
        token = SecurityToken(Clones.cloneWithImmutableArgs(address(new SecurityToken()), abi.encode(anchors)));
        token.initialize("Claim", "CLM", address(this), address(this));
        currency.approve(address(token), type(uint256).max);
        for (uint256 i = 0; i < HOLDERS; ++i) {
            holders[i] = address(uint160(0x1000 + i));
            if (i != 0) _verify(holders[i], type(uint64).max); // the first one starts unverified
        }
    }

    // ---------------------------------------------------------------- actions

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 30 days));
    }

    function verify(uint256 who, uint256 time) external {
        _verify(_holder(who), uint64(block.timestamp + bound(time, 1, 365 days)));
    }

    function revoke(uint256 who, uint256 dice) external {
        address holder = _holder(who);
        if (verifiedUntil[holder] == 0 || mix(dice) % 3 != 0) return; // rarer than verify, so that most can act
        registry.revoke(holder);
        verifiedUntil[holder] = 0;
    }

    function mint(uint256 who, uint256 amount) external {
        address to = _holder(who);
        amount = _amount(amount, 1_000);
        bool expected = !closed && _eligible(to) && amount <= MOST_UNITS - supply;
        try token.mint(to, amount) {
            isTrue(expected, "mint should have failed");
            units[to] += amount;
            supply += amount;
        } catch {
            isFalse(expected, "mint should have succeeded");
        }
    }

    function burn(uint256 who, uint256 amount) external {
        address from = _holder(who);
        amount = _amount(amount, units[from]);
        // A refund is the holder's own money, so frozen units go too; free ones go first.
        try token.burn(from, amount) {
            isTrue(amount <= units[from], "burn should have failed");
            if (amount > _free(from)) frozen[from] -= amount - _free(from);
            units[from] -= amount;
            supply -= amount;
        } catch {
            isTrue(amount > units[from], "burn should have succeeded");
        }
    }

    function distribute(uint256 amount) external {
        // Mostly small money that does not divide evenly; sometimes sums that strain the width of every field.
        uint256 dice = mix(amount);
        amount = dice % 4 == 0
            ? (dice >> 8) % (supply * 2 ** (dice % 8 == 0 ? 97 : 90) + 1)
            : (dice >> 8) % (supply * 5 + 3);
        currency.mint(address(this), amount);
        bool expected = supply != 0 && amount >= supply && amount / supply <= MOST_PER_UNIT - perUnit;
        try token.distribute(amount) returns (uint256 paid) {
            isTrue(expected, "distribute should have failed");
            uint256 each = amount / supply;
            eq(paid, each * supply, "taken from the payer");
            for (uint256 i = 0; i < HOLDERS; ++i) {
                earned[holders[i]] += units[holders[i]] * each;
            }
            perUnit += each;
            paidIn += paid;
        } catch {
            isFalse(expected, "distribute should have succeeded");
        }
    }

    /// @dev Never fails for the holder, whatever its standing and the token's state; for others only in a recovery.
    function claim(uint256 who, uint256 dice) external {
        address holder = _holder(who);
        bool own = mix(dice) % 2 == 0;
        uint256 before = currency.balanceOf(holder);
        if (own) vm.prank(holder);
        try token.claim(holder) returns (uint256 paid) {
            isTrue(own || !_inRecovery(holder), "claim in a recovery should have failed");
            eq(paid, earned[holder] - claimed[holder], "paid is what was earned and not yet claimed");
            eq(currency.balanceOf(holder) - before, paid, "money went to the holder");
            claimed[holder] += paid;
            paidOut += paid;
            if (own) noticeEnds[holder] = 0;
        } catch {
            isTrue(!own && _inRecovery(holder), "claim should have succeeded");
        }
    }

    // ---------------------------------------------------------------- lost keys

    function announceRecovery(uint256 who, uint256 whom) external {
        (address holder, address to) = (_holder(who), _holder(whom));
        try token.announceRecovery(holder, to) {
            isTrue(holder != to && _eligible(to), "announceRecovery should have failed");
            (heir[holder], noticeEnds[holder]) = (to, block.timestamp + NOTICE);
        } catch {
            isFalse(holder != to && _eligible(to), "announceRecovery should have succeeded");
        }
    }

    function objectToRecovery(uint256 who, uint256 dice) external {
        address holder = _holder(who);
        if (mix(dice) % 3 != 0) return; // so that some notices end
        vm.prank(holder);
        try token.objectToRecovery() {
            isTrue(_inRecovery(holder), "objectToRecovery should have failed");
            noticeEnds[holder] = 0;
        } catch {
            isFalse(_inRecovery(holder), "objectToRecovery should have succeeded");
        }
    }

    /// @dev Often just before or after an edge of the window in which it can be made.
    function recoverHolding(uint256 who, uint256 seed) external {
        address holder = _holder(who);
        uint256 dice = mix(seed);
        uint256 edge = noticeEnds[holder] + (dice % 4 == 0 ? WINDOW : 0) + dice / 4 % 3; // and one second off
        if (dice % 8 < 4 && noticeEnds[holder] != 0 && edge > block.timestamp) vm.warp(edge - 1);
        address to = heir[holder];
        uint256 owed = earned[holder] - claimed[holder];
        bool expected = _inRecovery(holder) && block.timestamp >= noticeEnds[holder] && _eligible(to);
        vm.prank(address(0xBAD));
        try token.recoverHolding(holder) returns (uint256 moved, uint256 money) {
            isTrue(expected, "recoverHolding should have failed");
            eq(moved, units[holder], "all units");
            eq(money, owed, "and all that was earned and not claimed");
            if (moved > _free(holder)) frozen[holder] -= moved - _free(holder);
            _move(holder, to, moved);
            earned[holder] -= money;
            earned[to] += money;
            noticeEnds[holder] = 0;
        } catch {
            isFalse(expected, "recoverHolding should have succeeded");
        }
    }

    function transfer(uint256 who, uint256 whom, uint256 amount) external {
        (address from, address to) = (_holder(who), _holder(whom));
        amount = _amount(amount, units[from]);
        bool expected = _canMove(from, to, amount);
        bool said = token.canTransfer(from, to, amount);
        vm.prank(from);
        try token.transfer(to, amount) {
            isTrue(expected, "transfer should have failed");
            isTrue(said, "canTransfer said no to a transfer that went through");
            _move(from, to, amount);
        } catch {
            isFalse(expected, "transfer should have succeeded");
        }
    }

    function transferFrom(uint256 who, uint256 whom, uint256 amount, uint256 allowed) external {
        (address from, address to) = (_holder(who), _holder(whom));
        amount = _amount(amount, units[from]);
        allowed = _amount(allowed, amount);
        bool expected = amount <= allowed && _canMove(from, to, amount);
        vm.prank(from);
        token.approve(address(this), allowed);
        try token.transferFrom(from, to, amount) {
            isTrue(expected, "transferFrom should have failed");
            _move(from, to, amount);
        } catch {
            isFalse(expected, "transferFrom should have succeeded");
        }
    }

    function forcedTransfer(uint256 who, uint256 whom, uint256 amount) external {
        (address from, address to) = (_holder(who), _holder(whom));
        amount = _amount(amount, units[from]);
        bool expected = from != to && !closed && _eligible(to) && amount <= units[from];
        try token.forcedTransfer(from, to, amount) {
            isTrue(expected, "forcedTransfer should have failed");
            uint256 free = _free(from);
            if (amount > free) frozen[from] -= amount - free;
            _move(from, to, amount);
        } catch {
            isFalse(expected, "forcedTransfer should have succeeded");
        }
    }

    function freeze(uint256 who, uint256 amount) external {
        address holder = _holder(who);
        frozen[holder] = _amount(amount, units[holder]);
        token.setFrozenTokens(holder, frozen[holder]);
    }

    function pause(uint256 dice) external {
        paused = mix(dice) % 4 == 0;
        token.setPaused(paused);
    }

    /// @dev The end of most actions, so only now and then.
    function close(uint256 dice) external {
        if (mix(dice) % 24 != 0 || closed) return;
        token.close();
        closed = true;
    }

    /// @dev A stranger tries every power it does not have.
    function trespass(uint256 who, uint256 amount) external {
        address holder = _holder(who);
        vm.startPrank(address(0xBAD));
        try token.mint(holder, amount) {
            revert Expected("a stranger cannot mint");
        } catch {}
        try token.burn(holder, amount) {
            revert Expected("a stranger cannot burn");
        } catch {}
        try token.setFrozenTokens(holder, amount) {
            revert Expected("a stranger cannot freeze");
        } catch {}
        try token.forcedTransfer(holder, address(0xBAD), amount) {
            revert Expected("a stranger cannot force a transfer");
        } catch {}
        try token.announceRecovery(holder, holders[4]) {
            revert Expected("a stranger cannot announce a recovery");
        } catch {}
        try token.objectToRecovery() {
            revert Expected("a stranger has no holding");
        } catch {}
        try token.setPaused(true) {
            revert Expected("a stranger cannot pause");
        } catch {}
        try token.close() {
            revert Expected("a stranger cannot close");
        } catch {}
        try token.initialize("", "", address(0xBAD), address(0xBAD)) {
            revert Expected("a stranger cannot take over");
        } catch {}
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- the books' rules

    function _holder(uint256 seed) private view returns (address) {
        return holders[mix(seed) % HOLDERS];
    }

    /// @dev Around `pivot`, where decisions change; now and then far beyond it.
    function _amount(uint256 seed, uint256 pivot) private pure returns (uint256) {
        uint256 dice = mix(seed);
        uint256 kind = dice % 16;
        if (kind == 0) return pivot;
        if (kind == 1) return pivot + 1;
        if (kind == 2) return dice >> 192;
        return (dice >> 8) % (pivot + 1);
    }

    function _verify(address holder, uint64 until) private {
        registry.setIdentity(holder, IIdentityRegistry.Identity(until, 840, 1));
        verifiedUntil[holder] = until;
    }

    function _eligible(address holder) private view returns (bool) {
        return verifiedUntil[holder] > block.timestamp;
    }

    function _inRecovery(address holder) private view returns (bool) {
        return noticeEnds[holder] != 0 && block.timestamp <= noticeEnds[holder] + WINDOW;
    }

    function _free(address holder) private view returns (uint256) {
        return units[holder] > frozen[holder] ? units[holder] - frozen[holder] : 0;
    }

    function _canMove(address from, address to, uint256 amount) private view returns (bool) {
        return !paused && !closed && _eligible(from) && _eligible(to) && amount <= units[from]
            && (amount == 0 || amount <= _free(from));
    }

    function _move(address from, address to, uint256 amount) private {
        units[from] -= amount;
        units[to] += amount;
    }
}
