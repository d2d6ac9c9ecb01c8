// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {DealFixture} from "../utils/DealFixture.sol";

/// @notice Lives the life of a bond in any order of events, from the day it is settled, and keeps its own books.
/// @dev 613 units of 997 are in issue. The coupons are written down here as exact fractions give them: 611,161 x 3.43 % x
/// 181/365 = 10,395.26... and x 184/365 = 10,567.55...; the outcome is at most 131,607 x 613/1000 = 80,675.09... Neither
/// divides by 613, so every payment leaves dust. As in {TokenHandler}, each action is predicted from the books first.
contract BondHandler is DealFixture {
    uint256 public constant UNITS = 613;
    uint256 private constant PRINCIPAL = 611_161;
    int256 private constant BEST_OUTCOME = 80_675;
    uint256 private constant COUPONS = 4;
    uint256[COUPONS] private COUPON = [10_395, 10_567, 10_395, 10_567];

    // The books.
    IKpiBond.State public state = IKpiBond.State.Active;
    uint256 public couponsPaid;
    bool public outcomeFixed;
    int256 public outcome;
    uint256 public bondMoney;
    uint256 public carried;
    uint256 public interestOwed;
    uint256 public principalOwed;
    uint256 public promised; // to holders, by payments made or, once accelerated, by everything owed
    uint256 public distributed; // to holders
    uint256 public moneyIn;
    uint256 public surplus;
    mapping(address => uint256) public units;
    mapping(address => uint256) public earned;
    mapping(address => uint256) public claimed;
    uint256 private _defaultedAt;
    uint256 private _reportedAt;
    int128 private _reported;
    bool private _squeezed;

    constructor() {
        deployRooms();
        deployDeal(dealTerms());
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

    /// @dev After every action: no transition but those that IKpiBond names.
    modifier watched() {
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

    // ---------------------------------------------------------------- time and data

    /// @dev Often to the very second at which something changes, or one beside it.
    function wait(uint256 seed) external watched {
        uint256 dice = mix(seed);
        uint256 edge = _payDate((dice >> 192) % COUPONS);
        if (dice % 6 == 0) edge += GRACE;
        if (dice % 6 == 1) edge = _defaultedAt + CURE;
        if (dice % 6 == 2) edge = _reportedAt + DISPUTE;
        if (dice % 6 == 3) edge = PERIOD_END + (dice >> 192) % 2 * REPORTING;
        edge = edge + (dice >> 128) % 3 - 1;
        if ((dice >> 64) % 3 != 0 && edge > block.timestamp && edge < block.timestamp + HALF_YEAR) vm.warp(edge);
        else vm.warp(block.timestamp + 1 hours + (dice >> 192) % 45 days);
    }

    /// @dev While squeezed, the issuer can bring only small money, so that defaults happen.
    function squeeze(uint256 seed) external watched {
        _squeezed = mix(seed) % 2 == 0;
    }

    /// @dev The next coupon on its day and in full, so that lives get as far as their end.
    function keepPromise() external watched {
        if (state != IKpiBond.State.Active || couponsPaid == COUPONS) return;
        if (block.timestamp < _payDate(couponsPaid)) vm.warp(_payDate(couponsPaid));
        uint256 lacking = _lacking();
        currency.mint(address(bond), lacking);
        _book(lacking);
        payCoupon();
    }

    function report(int256 value) external watched {
        if (block.timestamp < PERIOD_END || block.timestamp > PERIOD_END + REPORTING || _reportedAt != 0) return;
        _reported = int128(bound(value, 50_000, 550_000)); // around the knots, where the payoff bends
        oracle.submit(feed, 0, unanimous(feed, 0, 0, QUORUM, _reported));
        _reportedAt = block.timestamp;
    }

    // ---------------------------------------------------------------- money in

    function fund(uint256 seed) external watched {
        uint256 amount = _someMoney(seed);
        currency.mint(address(this), amount);
        try bond.fund(amount) {
            isTrue(state != IKpiBond.State.Redeemed, "fund should have failed");
            _book(amount);
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

    // ---------------------------------------------------------------- what anyone can trigger

    function payCoupon() public watched {
        uint256 i = couponsPaid;
        bool expected = state == IKpiBond.State.Active && i < COUPONS && block.timestamp >= _payDate(i)
            && bondMoney >= COUPON[i] + carried;
        try bond.payCoupon() returns (uint256 paid) {
            isTrue(expected, "payCoupon should have failed");
            ++couponsPaid;
            promised += COUPON[i];
            eq(paid, _share(COUPON[i] + carried), "coupon paid");
        } catch {
            isFalse(expected, "payCoupon should have succeeded");
        }
    }

    function fix() external watched {
        bool expected =
            (state == IKpiBond.State.Active || state == IKpiBond.State.Defaulted) && !outcomeFixed && _isSettled();
        try bond.fix(0) returns (int128 fixed_) {
            isTrue(expected, "fix should have failed");
            outcomeFixed = true;
            outcome = _settledOutcome();
            isTrue(fixed_ <= BONUS, "no report costs the issuer more than silence");
        } catch {
            isFalse(expected, "fix should have succeeded");
        }
    }

    function redeem() external watched {
        bool expected = state == IKpiBond.State.Active && couponsPaid == COUPONS && outcomeFixed
            && bondMoney >= _redemption() + carried;
        try bond.redeem() returns (uint256 paid) {
            isTrue(expected, "redeem should have failed");
            isTrue(block.timestamp >= _payDate(COUPONS - 1), "redeemed before maturity");
            state = IKpiBond.State.Redeemed;
            promised += _redemption();
            eq(paid, _share(_redemption() + carried), "redemption paid");
        } catch {
            isFalse(expected, "redeem should have succeeded");
        }
    }

    function declareDefault() external watched {
        bool last = couponsPaid == COUPONS;
        uint256 due = _payDate(last ? COUPONS - 1 : couponsPaid);
        bool known = !last || outcomeFixed;
        uint256 amount = last ? (known ? _redemption() : 0) : COUPON[couponsPaid];
        bool expected =
            state == IKpiBond.State.Active && block.timestamp > due + GRACE && known && bondMoney < amount + carried;
        try bond.declareDefault() {
            isTrue(expected, "declareDefault should have failed");
            state = IKpiBond.State.Defaulted;
            _defaultedAt = block.timestamp;
        } catch {
            isFalse(expected, "declareDefault should have succeeded");
        }
    }

    function cure() external watched {
        bool matured = block.timestamp >= _payDate(COUPONS - 1);
        bool expected = state == IKpiBond.State.Defaulted && block.timestamp <= _defaultedAt + CURE
            && (!matured || outcomeFixed)
            && bondMoney >= _couponsDue() + carried + (matured && outcomeFixed ? _redemption() : 0);
        try bond.cure() {
            isTrue(expected, "cure should have failed");
            state = IKpiBond.State.Active;
        } catch {
            isFalse(expected, "cure should have succeeded");
        }
    }

    function accelerate() external watched {
        // While a report is in the making nobody may jump over it; before there can be one, the best outcome counts.
        bool tooEarlyForReports = block.timestamp < PERIOD_END;
        bool expected = state == IKpiBond.State.Defaulted && block.timestamp > _defaultedAt + CURE
            && (outcomeFixed || tooEarlyForReports || _isSettled());
        try bond.accelerate() {
            isTrue(expected, "accelerate should have failed");
            state = IKpiBond.State.Accelerated;
            if (!outcomeFixed) outcome = tooEarlyForReports ? BEST_OUTCOME : _settledOutcome();
            outcomeFixed = true;
            uint256 interest = _couponsDue() + _accrued();
            promised += interest + _redemption();
            (interestOwed, principalOwed, carried) = (interest + carried, _redemption(), 0);
        } catch {
            isFalse(expected, "accelerate should have succeeded");
        }
    }

    function recover() external watched {
        uint256 owed = interestOwed + principalOwed;
        uint256 amount = (bondMoney < owed ? bondMoney : owed) / UNITS * UNITS;
        bool expected = state == IKpiBond.State.Accelerated && amount != 0;
        uint256 seniorBefore = interestOwed;
        try bond.recover() returns (uint256 paid) {
            isTrue(expected, "recover should have failed");
            eq(paid, amount, "recovered");
            uint256 senior = paid < interestOwed ? paid : interestOwed;
            interestOwed -= senior;
            principalOwed -= paid - senior;
            isTrue(paid == senior || senior == seniorBefore, "principal before interest");
            _credit(paid);
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

    function _payDate(uint256 i) private pure returns (uint256) {
        return CLOSES + (i + 1) * HALF_YEAR;
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

    function _lacking() private view returns (uint256) {
        uint256 next = couponsPaid < COUPONS ? COUPON[couponsPaid] : _redemption();
        bool matured = block.timestamp >= _payDate(COUPONS - 1);
        if (state == IKpiBond.State.Defaulted) next = _couponsDue() + (matured ? _redemption() : 0);
        return next + carried > bondMoney ? next + carried - bondMoney : 0;
    }

    function _book(uint256 amount) private {
        moneyIn += amount;
        bondMoney += amount;
    }

    /// @dev Shares out all of `amount` that divides by the units; the rest is carried.
    function _share(uint256 amount) private returns (uint256 paid) {
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

    function _redemption() private view returns (uint256) {
        return uint256(int256(PRINCIPAL) + outcome);
    }

    function _couponsDue() private view returns (uint256 sum) {
        for (uint256 i = couponsPaid; i < COUPONS; ++i) {
            if (_payDate(i) <= block.timestamp) sum += COUPON[i];
        }
    }

    /// @dev The part of the coupon now running that has accrued by time.
    function _accrued() private view returns (uint256) {
        uint256 elapsed = block.timestamp - CLOSES;
        uint256 running = elapsed / HALF_YEAR;
        return running < COUPONS ? COUPON[running] * (elapsed % HALF_YEAR) / HALF_YEAR : 0;
    }

    /// @dev There is a final report, or there will never be one.
    function _isSettled() private view returns (bool) {
        if (_reportedAt != 0) return block.timestamp >= _reportedAt + DISPUTE;
        return block.timestamp > PERIOD_END + REPORTING;
    }

    function _settledOutcome() private view returns (int256) {
        return _reportedAt != 0 ? _expectedOutcome(_reported) : BEST_OUTCOME;
    }

    /// @dev From the deal's words: -131,607 up to 10 %, rising to nothing at 30.0001 %, rising to 131,607 at 50 %; then
    /// the share of 613 in 1,000. Both steps round toward minus infinity.
    function _expectedOutcome(int256 kpi) private pure returns (int256) {
        int256 whole;
        if (kpi <= 100_000) whole = -BONUS;
        else if (kpi >= 500_000) whole = BONUS;
        else if (kpi < 300_001) whole = -_ceil(int256(BONUS) * (300_001 - kpi), 200_001);
        else whole = int256(BONUS) * (kpi - 300_001) / 199_999;
        return whole >= 0 ? whole * int256(UNITS) / 1_000 : -_ceil(-whole * int256(UNITS), 1_000);
    }

    function _ceil(int256 a, int256 b) private pure returns (int256) {
        return (a + b - 1) / b;
    }
}
