// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {IOffering} from "../../../contracts/interfaces/IOffering.sol";
import {ISale} from "../../../contracts/interfaces/ISale.sol";
import {DealFixture} from "../utils/DealFixture.sol";

/// @notice Sells an issue, or fails to, in any order of events, and keeps its own books.
/// @dev Buyers come and go between themselves; one of them is not verified, and one is a party of the deal. As in {TokenHandler}, each action is
/// predicted from the books first.
contract OfferingHandler is DealFixture {
    uint256 public constant BUYERS = 5;
    /// @dev As IOffering says: a success that nobody could settle for so long counts as failed.
    uint256 private constant LAPSES_AFTER = 30 days;

    mapping(address => uint256) public units;
    uint256 public sold;
    uint256 public soldToAgent;
    uint256 public lastSale;
    uint256 public refunded;
    uint256 public paidIn;
    uint256 public paidBack;
    bool public settled;
    ISale.State private _seen;

    constructor() {
        deployRooms();
        deployDeal(dealTerms());
        verify(AGENT);
        for (uint256 i = 0; i < BUYERS; ++i) {
            vm.prank(buyerAt(i));
            currency.approve(address(offering), type(uint256).max);
        }
    }

    /// @dev After every action: time and money only lead onward, and a failed or settled offering stays what it is.
    modifier watched() {
        _;
        ISale.State now_ = offering.state();
        bool over = _seen == ISale.State.Failed || _seen == ISale.State.Settled;
        isTrue(now_ == _seen || (!over && now_ > _seen), "a forbidden transition");
        _seen = now_;
    }

    // ---------------------------------------------------------------- actions

    function wait(uint256 seed) external watched {
        uint256 dice = mix(seed);
        uint256 edge = CLOSES;
        if (dice % 3 == 0) edge = OPENS;
        if (dice % 3 == 1) edge = CLOSES + LAPSES_AFTER;
        edge = edge + (dice >> 128) % 3 - 1;
        // Not past the whole sale at once: that is the end of most lives.
        if ((dice >> 64) % 4 == 0 && edge > block.timestamp && edge < block.timestamp + 10 days) vm.warp(edge);
        else vm.warp(block.timestamp + 1 + (dice >> 192) % 2 days);
        vm.roll(block.number + 1);
    }

    function subscribe(uint256 who, uint256 seed) external watched {
        address buyer = buyerAt(mix(who));
        uint256 dice = mix(seed);
        uint256 wanted = (dice >> 8) % 150;
        if (dice % 8 == 0) wanted = HARD_CAP - sold;
        if (dice % 8 == 1) wanted = HARD_CAP - sold + 1;
        if (dice % 8 == 2) wanted = sold < SOFT_CAP ? SOFT_CAP - sold : 1;
        if (dice % 8 == 3) wanted = sold + 1 < SOFT_CAP ? SOFT_CAP - sold - 1 : 1;
        bool funded = (dice >> 128) % 8 != 0;
        if (funded) currency.mint(buyer, wanted * UNIT_PRICE);
        bool expected = state() == ISale.State.Open && wanted != 0 && wanted <= HARD_CAP - sold && buyer != STRANGER
            && currency.balanceOf(buyer) >= wanted * UNIT_PRICE;
        if (buyer == AGENT && wanted > HARD_CAP - SOFT_CAP - soldToAgent) expected = false;
        vm.prank(buyer);
        try offering.subscribe(wanted) returns (uint256 paid) {
            isTrue(expected, "subscribe should have failed");
            eq(paid, wanted * UNIT_PRICE, "price paid");
            sold += wanted;
            if (buyer == AGENT) soldToAgent += wanted;
            lastSale = block.number;
            units[buyer] += wanted;
            paidIn += paid;
        } catch {
            isFalse(expected, "subscribe should have succeeded");
        }
        _empty(buyer);
    }

    function settle() external watched {
        bool expected = state() == ISale.State.Succeeded && block.number != lastSale;
        try offering.settle() {
            isTrue(expected, "settle should have failed");
            settled = true;
        } catch {
            isFalse(expected, "settle should have succeeded");
        }
    }

    function refund(uint256 who, uint256 seed) external watched {
        address buyer = buyerAt(mix(who));
        uint256 dice = mix(seed);
        uint256 amount = dice % 4 == 0 ? units[buyer] + 1 : (dice >> 8) % (units[buyer] + 1);
        bool expected = state() == ISale.State.Failed && amount != 0 && amount <= units[buyer];
        vm.prank(buyer);
        try offering.refund(amount) returns (uint256 paid) {
            isTrue(expected, "refund should have failed");
            eq(paid, amount * UNIT_PRICE, "what was paid for the units");
            eq(currency.balanceOf(buyer), paid, "it goes to whoever holds the units");
            units[buyer] -= amount;
            refunded += amount;
            paidBack += paid;
            _empty(buyer);
        } catch {
            isFalse(expected, "refund should have succeeded");
        }
    }

    /// @dev Units may change hands before the issue is settled; the claim to a refund goes with them.
    function transfer(uint256 who, uint256 whom, uint256 seed) external watched {
        (address from, address to) = (buyerAt(mix(who)), buyerAt(mix(whom)));
        uint256 amount = mix(seed) % (units[from] + 1);
        bool expected = from != STRANGER && to != STRANGER;
        vm.prank(from);
        try token.transfer(to, amount) {
            isTrue(expected, "transfer should have failed");
            units[from] -= amount;
            units[to] += amount;
        } catch {
            isFalse(expected, "transfer should have succeeded");
        }
    }

    /// @dev Nobody can issue units, take them back, start the bond or pay it before the offering says so.
    function trespass(uint256 who) external watched {
        address[4] memory intruders = [STRANGER, ISSUER, AGENT, ALICE];
        vm.startPrank(intruders[who % 4]);
        try token.mint(ALICE, 1) {
            revert Expected("only the offering issues units");
        } catch {}
        try token.burn(ALICE, 1) {
            revert Expected("only the offering takes back units");
        } catch {}
        try bond.activate() {
            revert Expected("only the offering starts the bond");
        } catch {}
        if (!settled) {
            try bond.fund(0) {
                revert Expected("a bond that has not begun takes no money");
            } catch {}
            try bond.payCoupon() {
                revert Expected("a bond that has not begun pays nothing");
            } catch {}
            try bond.returnSurplus() {
                revert Expected("a bond that has not begun gives nothing back");
            } catch {}
        }
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- the books' rules

    function state() public view returns (ISale.State) {
        if (settled) return ISale.State.Settled;
        if (block.timestamp < OPENS) return ISale.State.NotOpen;
        if (block.timestamp < CLOSES && sold < HARD_CAP) return ISale.State.Open;
        if (sold - soldToAgent >= SOFT_CAP && block.timestamp <= CLOSES + LAPSES_AFTER) {
            return ISale.State.Succeeded;
        }
        return ISale.State.Failed;
    }

    function buyerAt(uint256 i) public pure returns (address) {
        address[5] memory buyers = [ALICE, BOB, CAROL, STRANGER, AGENT];
        return buyers[i % 5];
    }

    /// @dev So that a balance is just what the last action paid.
    function _empty(address buyer) private returns (bool) {
        uint256 balance = currency.balanceOf(buyer);
        vm.prank(buyer);
        return currency.transfer(address(0xdead), balance);
    }

    // ---------------------------------------------------------------- views for the invariants

    function theOffering() external view returns (IOffering) {
        return offering;
    }

    function heldByOffering() external view returns (uint256) {
        return currency.balanceOf(address(offering));
    }

    function heldByIssuer() external view returns (uint256) {
        return currency.balanceOf(ISSUER);
    }

    function supply() external view returns (uint256) {
        return token.totalSupply();
    }

    function unitsOf(address buyer) external view returns (uint256) {
        return token.balanceOf(buyer);
    }

    function bondState() external view returns (IKpiBond.State) {
        return bond.state();
    }
}
