// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {BondBooks} from "./BondBooks.sol";

/// @notice Lives the life of one bullet bond in any order of events, from the day it is settled.
/// @dev The coupons are written down here as exact fractions give them: 611,161 x 3.43 % x
/// 181/365 = 10,395.26... and x 184/365 = 10,567.55...; the outcome is at most 131,607 x 613/1000 = 80,675.09... Neither
/// divides by 613, so every payment leaves dust. As in {TokenHandler}, each action is predicted from the books first.
contract BondHandler is BondBooks {
    int256 private constant BEST_OUTCOME = 80_675;
    uint256 private constant COUPONS = 4;
    uint256[COUPONS] private COUPON = [10_395, 10_567, 10_395, 10_567];

    bool public outcomeFixed;
    int256 public outcome;
    uint256 private _reportedAt;
    int128 private _reported;

    constructor() {
        deployRooms();
        begin(dealTerms());
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
        oracle.submit(feed, 0, 0, unanimous(feed, 0, 0, QUORUM, _reported));
        _reportedAt = block.timestamp;
    }

    // ---------------------------------------------------------------- what anyone can trigger

    function payCoupon() public watched {
        uint256 i = couponsPaid;
        uint256 due = i < COUPONS ? _withLate(i) : 0;
        bool expected = state == IKpiBond.State.Active && i < COUPONS && block.timestamp >= _payDate(i)
            && bondMoney >= due + carried;
        try bond.payCoupon() returns (uint256 paid) {
            isTrue(expected, "payCoupon should have failed");
            eq(paid, _share(due + carried), "coupon paid");
            _made(due);
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
            if (block.timestamp >= _dateOf(couponsPaid)) _tell();
        } catch {
            isFalse(expected, "fix should have succeeded");
        }
    }

    function redeem() external watched {
        uint256 due = _withLate(COUPONS);
        bool expected =
            state == IKpiBond.State.Active && couponsPaid == COUPONS && outcomeFixed && bondMoney >= due + carried;
        try bond.redeem() returns (uint256 paid) {
            isTrue(expected, "redeem should have failed");
            isTrue(block.timestamp >= _payDate(COUPONS - 1), "redeemed before maturity");
            state = IKpiBond.State.Redeemed;
            promised += due;
            eq(paid, _share(due + carried), "redemption paid");
        } catch {
            isFalse(expected, "redeem should have succeeded");
        }
    }

    function declareDefault() external watched {
        bool last = couponsPaid == COUPONS;
        uint256 due = _payDate(last ? COUPONS - 1 : couponsPaid);
        bool known = !last || outcomeFixed;
        uint256 amount = known ? _withLate(couponsPaid) : 0;
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
            && (!matured || outcomeFixed || !_isSettled()) && bondMoney >= _arrears() + carried;
        try bond.cure() {
            isTrue(expected, "cure should have failed");
            state = IKpiBond.State.Active;
            _tell();
        } catch {
            isFalse(expected, "cure should have succeeded");
        }
    }

    function accelerate() external watched {
        // While a report on what was measured before the default is in the making nobody may jump over it; of what is
        // measured later the best outcome counts.
        bool measuredLater = PERIOD_END > _dateOf(couponsPaid) + GRACE;
        bool expected = state == IKpiBond.State.Defaulted && block.timestamp > _defaultedAt + CURE
            && (outcomeFixed || measuredLater || _isSettled());
        try bond.accelerate() {
            isTrue(expected, "accelerate should have failed");
            state = IKpiBond.State.Accelerated;
            if (measuredLater) outcome = BEST_OUTCOME;
            else if (!outcomeFixed) outcome = _settledOutcome();
            outcomeFixed = true;
            uint256 interest = _couponsDue() + _accrued();
            uint256 late = _arrears() - _couponsDue() - (block.timestamp < _payDate(COUPONS - 1) ? 0 : _redemption());
            promised += interest + _redemption() + late;
            (interestOwed, principalOwed, carried) = (interest + carried, _redemption(), 0);
            _beginLate(late);
        } catch {
            isFalse(expected, "accelerate should have succeeded");
        }
    }

    // ---------------------------------------------------------------- the books' rules

    function _payDate(uint256 i) private pure returns (uint256) {
        return CLOSES + (i + 1) * HALF_YEAR;
    }

    function _dateOf(uint256 payment) private pure returns (uint256) {
        return _payDate(payment < COUPONS ? payment : COUPONS - 1);
    }

    function _dueOf(uint256 payment) internal view override returns (uint256) {
        return payment < COUPONS ? COUPON[payment] : _redemption();
    }

    /// @dev Every report is settled long before the redemption it bends.
    function _sinceOf(uint256 payment) internal view override returns (uint256) {
        bool known = payment < COUPONS || (payment == COUPONS && outcomeFixed);
        return known && block.timestamp >= _dateOf(payment) ? _dateOf(payment) : 0;
    }

    function _couldBeFixed(uint256 payment) internal view override returns (bool) {
        return payment == COUPONS && !outcomeFixed && _isSettled() && block.timestamp >= _dateOf(payment);
    }

    /// @dev All that has fallen due and is known, with late interest.
    function _arrears() private view returns (uint256 sum) {
        for (uint256 i = couponsPaid; _sinceOf(i) != 0; ++i) {
            sum += _dueOf(i) + _lateOf(i);
        }
    }

    function _lacking() internal view override returns (uint256) {
        uint256 next = _withLate(couponsPaid);
        if (state == IKpiBond.State.Defaulted) next = _arrears();
        return next + carried > bondMoney ? next + carried - bondMoney : 0;
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
        return block.timestamp > PERIOD_END + MISSING;
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
