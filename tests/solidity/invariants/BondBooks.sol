// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {DealFixture, DealTerms} from "../utils/DealFixture.sol";

/// @notice Books of a bond of which 613 units of 997 are in issue: who holds what, what was promised, shared out and
/// claimed. What can be done to any bond is here; what depends on its terms is the handlers'.
abstract contract BondBooks is DealFixture {
    uint256 public constant UNITS = 613;
    uint256 internal constant PRINCIPAL = 611_161;

    IKpiBond.State public state = IKpiBond.State.Active;
    uint256 public couponsPaid;
    uint256 public bondMoney;
    uint256 public carried;
    uint256 public interestOwed;
    uint256 public principalOwed;
    uint256 internal _lateOwed; // 2^32 to the minor unit, up to _lateTo
    uint256 internal _lateTo;
    uint256 internal _notBearing; // money that was there
    uint256 public promised; // to holders, by payments made or, once accelerated, by everything owed
    uint256 public distributed; // to holders
    uint256 public moneyIn;
    uint256 public surplus;
    mapping(address => uint256) public units;
    mapping(address => uint256) public earned;
    mapping(address => uint256) public claimed;
    uint256 internal _defaultedAt;
    bool private _squeezed;

    /// @dev All money that had come in when the bond was told of some.
    struct Told {
        uint256 time;
        uint256 moneyIn;
    }

    Told[] private _told;
    uint256 private _paidFor; // all payments made, with late interest
    mapping(uint256 payment => bool) private _met;
    mapping(uint256 payment => uint256) private _lateWhenMet;

    function begin(DealTerms memory terms) internal {
        deployDeal(terms);
        vm.warp(OPENS);
        _buy(ALICE, 300);
        _buy(BOB, 213);
        _buy(CAROL, 100);
        vm.warp(CLOSES);
        offering.settle();
        currency.approve(address(bond), type(uint256).max);
    }

    function _buy(address investor, uint256 amount) private {
        buy(investor, amount);
        units[investor] = amount;
    }

    /// @dev What is missing for the next payment, or for a cure.
    function _lacking() internal view virtual returns (uint256);

    /// @dev The amount of a payment that is known.
    function _dueOf(uint256 payment) internal view virtual returns (uint256);

    /// @dev When a payment could be made, or could have been; zero if it is not known or its day has not come.
    function _sinceOf(uint256 payment) internal view virtual returns (uint256);

    /// @dev Whether the payment's day has come and nothing but its fixings is wanting.
    function _couldBeFixed(uint256 payment) internal view virtual returns (bool);

    /// @dev Before the first action; a handler that has no bond yet begins one here.
    function _wake() internal virtual {}

    /// @dev After every action: no transition but those that IKpiBond names.
    modifier watched() {
        _wake();
        IKpiBond.State before = bond.state();
        _;
        IKpiBond.State afterwards = bond.state();
        isTrue(before == afterwards || _isAllowed(before, afterwards), "a forbidden transition");
    }

    function _isAllowed(IKpiBond.State from, IKpiBond.State to) private pure returns (bool) {
        if (from == IKpiBond.State.Active) return to == IKpiBond.State.Defaulted || to == IKpiBond.State.Redeemed;
        if (from == IKpiBond.State.Defaulted) return to == IKpiBond.State.Active || to == IKpiBond.State.Accelerated;
        return from == IKpiBond.State.Accelerated && to == IKpiBond.State.Redeemed;
    }

    /// @dev While squeezed, the issuer can bring only small money, so that defaults happen.
    function squeeze(uint256 seed) external watched {
        _squeezed = mix(seed) % 2 == 0;
    }

    // ---------------------------------------------------------------- money in

    function fund(uint256 seed) external watched {
        uint256 amount = _someMoney(seed);
        currency.mint(address(this), amount);
        try bond.fund(amount) {
            isTrue(state != IKpiBond.State.Redeemed, "fund should have failed");
            _book(amount);
            _tell();
        } catch {
            isTrue(state == IKpiBond.State.Redeemed, "fund should have succeeded");
        }
    }

    /// @dev Money sent without `fund` is the bond's all the same.
    function donate(uint256 amount) external watched {
        amount = bound(amount, 1, 2_000);
        currency.mint(address(bond), amount);
        _book(amount);
    }

    // ---------------------------------------------------------------- after an acceleration, after redemption

    function recover() external watched {
        uint256 late = lateNow();
        uint256 owed = late / 2 ** 32 + interestOwed + principalOwed;
        uint256 amount = (bondMoney < owed ? bondMoney : owed) / UNITS * UNITS;
        bool expected = state == IKpiBond.State.Accelerated && amount != 0;
        uint256 seniorBefore = interestOwed;
        try bond.recover() returns (uint256 paid) {
            isTrue(expected, "recover should have failed");
            eq(paid, amount, "recovered");
            uint256 first = paid < late / 2 ** 32 ? paid : late / 2 ** 32;
            uint256 senior = paid - first < interestOwed ? paid - first : interestOwed;
            _lateOwed = late - first * 2 ** 32;
            _wholeDays();
            promised += late / 2 ** 32 - _latePromised;
            _latePromised = late / 2 ** 32 - first;
            interestOwed -= senior;
            principalOwed -= paid - first - senior;
            isTrue(paid == first + senior || senior == seniorBefore, "principal before interest");
            _credit(paid);
            _notBearing = bondMoney;
            if (owed - paid < UNITS) state = IKpiBond.State.Redeemed;
        } catch {
            isFalse(expected, "recover should have succeeded");
        }
    }

    function returnSurplus() external watched {
        uint256 before = currency.balanceOf(ISSUER);
        try bond.returnSurplus() returns (uint256 amount) {
            isTrue(state == IKpiBond.State.Redeemed, "returnSurplus should have failed");
            eq(amount, bondMoney, "all that is left");
            eq(currency.balanceOf(ISSUER) - before, amount, "it goes to the issuer");
            surplus += amount;
            (bondMoney, carried) = (0, 0);
        } catch {
            isTrue(state != IKpiBond.State.Redeemed, "returnSurplus should have succeeded");
        }
    }

    // ---------------------------------------------------------------- holders

    function claim(uint256 who) external watched {
        address holder = _holder(who);
        eq(token.claim(holder), earned[holder] - claimed[holder], "claimed");
        claimed[holder] = earned[holder];
    }

    function transfer(uint256 who, uint256 whom, uint256 amount) external watched {
        (address from, address to) = (_holder(who), _holder(whom));
        amount = bound(amount, 0, units[from]);
        vm.prank(from);
        try token.transfer(to, amount) {
            isTrue(state != IKpiBond.State.Redeemed, "a closed token moved");
            units[from] -= amount;
            units[to] += amount;
        } catch {
            isTrue(state == IKpiBond.State.Redeemed, "transfer should have succeeded");
        }
    }

    /// @dev Whatever the bond's owner-less powers are, nobody else has them, the issuer and the agent included.
    function trespass(uint256 who) external watched {
        address[3] memory intruders = [STRANGER, ISSUER, AGENT];
        vm.startPrank(intruders[who % 3]);
        try bond.activate() {
            revert Expected("only the offering starts the bond, and once");
        } catch {}
        try token.close() {
            revert Expected("only the bond closes the token");
        } catch {}
        try token.mint(ALICE, 1) {
            revert Expected("only the offering issues units");
        } catch {}
        try token.burn(ALICE, 1) {
            revert Expected("only the offering takes back units");
        } catch {}
        try oracle.consume(feed, 0) {
            revert Expected("only the bond uses the report");
        } catch {}
        try currency.transferFrom(address(bond), STRANGER, 1) {
            revert Expected("nobody takes the bond's money");
        } catch {}
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- views for the invariants

    function theBond() external view returns (IKpiBond) {
        return bond;
    }

    function heldByBond() external view returns (uint256) {
        return currency.balanceOf(address(bond));
    }

    function heldByToken() external view returns (uint256) {
        return currency.balanceOf(address(token));
    }

    function holderAt(uint256 i) external pure returns (address) {
        return _holder(i);
    }

    function claimableBy(address holder) external view returns (uint256) {
        return token.claimable(holder);
    }

    // ---------------------------------------------------------------- the books' rules

    function _holder(uint256 seed) private pure returns (address) {
        address[3] memory holders = [ALICE, BOB, CAROL];
        return holders[seed % 3];
    }

    /// @dev What the next payment lacks, one minor unit less, a little, or enough for the whole life.
    function _someMoney(uint256 seed) private view returns (uint256) {
        uint256 dice = mix(seed) % 16;
        uint256 small = mix(seed) >> 128;
        if (_squeezed) return small % 3_000;
        uint256 lacking = _lacking();
        if (dice < 7) return lacking;
        if (dice < 11) return lacking == 0 ? 0 : lacking - 1;
        if (dice < 15) return small % 30_000;
        return PRINCIPAL + 150_000;
    }

    uint256 private _latePromised;

    /// @dev Late interest after an acceleration, 2^32 to the minor unit: on what was owed and not there.
    function lateNow() public view returns (uint256) {
        uint256 owed = interestOwed + principalOwed;
        if (state != IKpiBond.State.Accelerated || owed <= _notBearing) return _lateOwed;
        uint256 bearing = (owed - _notBearing) * 2 ** 32;
        return _lateOwed + bearing * BOND_LATE_RATE * ((block.timestamp - _lateTo) / 1 days) / (1e18 * 365);
    }

    /// @notice Whether no money has been there since an acceleration.
    function owesAll() external view returns (bool) {
        return state == IKpiBond.State.Accelerated && _notBearing == 0;
    }

    /// @dev Late interest beyond what is promised already.
    function _lateSince() internal view returns (uint256) {
        return state == IKpiBond.State.Accelerated ? lateNow() / 2 ** 32 - _latePromised : 0;
    }

    function _wholeDays() private {
        while (_lateTo + 1 days <= block.timestamp) _lateTo += 1 days;
    }

    function _beginLate(uint256 late) internal {
        (_lateOwed, _lateTo, _notBearing, _latePromised) = (late * 2 ** 32, block.timestamp, bondMoney, late);
    }

    /// @dev Late interest of a payment not made: none if all money that the bond had been told of when the payment could
    /// be made was enough for it and everything before; else until it was met, or now.
    function _lateOf(uint256 payment) internal view returns (uint256) {
        if (_met[payment]) return _lateWhenMet[payment];
        uint256 since = _sinceOf(payment);
        if (since == 0) return 0;
        uint256 need = _paidFor + _dueOf(payment);
        for (uint256 j = couponsPaid; j < payment; ++j) {
            need += _dueOf(j) + _lateOf(j);
        }
        if (_toldBy(since) >= need) return 0;
        return _dueOf(payment) * BOND_LATE_RATE * ((block.timestamp - since) / 1 days) / (1e18 * 365);
    }

    function _toldBy(uint256 time) private view returns (uint256 sum) {
        for (uint256 i = 0; i < _told.length && _told[i].time <= time; ++i) {
            sum = _told[i].moneyIn;
        }
    }

    /// @dev The bond is told of its money. It counts unless something waits for nothing but its fixing.
    function _tell() internal {
        if (state == IKpiBond.State.Accelerated) {
            (_lateOwed, _notBearing) = (lateNow(), bondMoney);
            _wholeDays();
            return;
        }
        uint256 end = couponsPaid;
        while (_sinceOf(end) != 0) ++end;
        if (!_couldBeFixed(end)) _told.push(Told(block.timestamp, moneyIn));
        uint256 need = _paidFor;
        for (uint256 j = couponsPaid; j < end; ++j) {
            need += _dueOf(j) + _lateOf(j);
            if (moneyIn < need) return;
            (_lateWhenMet[j], _met[j]) = (_lateOf(j), true);
        }
    }

    /// @dev What the next payment takes with late interest, and all that was met before it with its.
    function _withLate(uint256 payment) internal view returns (uint256 sum) {
        sum = _dueOf(payment) + _lateOf(payment);
        for (uint256 j = payment + 1; _met[j]; ++j) {
            sum += _lateWhenMet[j];
        }
    }

    /// @dev The next payment is made, with its late interest and that of what was met with it.
    function _made(uint256 whole) internal {
        promised += whole;
        _paidFor += whole;
        for (uint256 j = couponsPaid + 1; _met[j]; ++j) {
            _lateWhenMet[j] = 0; // paid
        }
        ++couponsPaid;
        _tell();
    }

    function _book(uint256 amount) internal {
        moneyIn += amount;
        bondMoney += amount;
    }

    /// @dev Shares out all of `amount` that divides by the units; the rest is carried.
    function _share(uint256 amount) internal returns (uint256 paid) {
        carried = amount % UNITS;
        paid = amount - carried;
        _credit(paid);
    }

    function _credit(uint256 paid) private {
        distributed += paid;
        bondMoney -= paid;
        for (uint256 i = 0; i < 3; ++i) {
            earned[_holder(i)] += units[_holder(i)] * paid / UNITS; // exact: paid is a multiple of UNITS
        }
    }
}
