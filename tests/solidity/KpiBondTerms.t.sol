// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {KpiBond} from "../../contracts/instruments/KpiBond.sol";
import {IKpiBond} from "../../contracts/interfaces/IKpiBond.sol";
import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {PayoffCurve} from "../../contracts/settlement/PayoffCurve.sol";
import {BondFixture} from "./utils/BondFixture.sol";
import {DealTerms, Wired} from "./utils/DealFixture.sol";

/// @notice The branches of initialize in KpiBond.tree.
contract KpiBondTermsTest is BondFixture {
    function test_initialize_onlyOnce() external {
        IKpiBond.Terms memory terms = bond.terms();
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        bond.initialize(terms);
        KpiBond implementation = new KpiBond();
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        implementation.initialize(terms);
    }

    function invalid(IKpiBond.Terms memory terms, string memory what) private {
        KpiBond fresh = KpiBond(Clones.clone(bondCode));
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_InvalidTerms.selector, what));
        fresh.initialize(terms);
    }

    function test_initialize_refusesInvalidTerms() external {
        IKpiBond.Terms memory t = bond.terms();
        t.token = address(0);
        invalid(t, "token or currency zero");
        t = bond.terms();
        t.issuer = address(0);
        invalid(t, "issuer or offering zero");
        t = bond.terms();
        t.unitPrincipal = 0;
        invalid(t, "principal zero");
        t = bond.terms();
        t.periods = new IKpiBond.Period[](0);
        invalid(t, "periods not 1-240");
        t = bond.terms();
        t.periods[2].denominator = 0;
        invalid(t, "accrual denominator zero");
        t = bond.terms();
        t.periods[2].payDate = t.periods[1].payDate;
        invalid(t, "pay dates not ascending");
        t = bond.terms();
        t.lateRate = RATE - 1;
        invalid(t, "late rate below the coupon");
        t = bond.terms();
        t.fixings[0].curve.knots[0].y = -int128(int256(uint256(UNIT_PRINCIPAL) * HARD_CAP)) - 1;
        invalid(t, "outcome takes more than the principal");
    }

    function test_initialize_refusesCallsThatAreNone() external {
        IKpiBond.Terms memory t = bond.terms();
        t.calls = new IKpiBond.Call[](1);
        t.calls[0] = IKpiBond.Call(1, 0.2e18);
        invalid(t, "call without notice");
        t.noticePeriod = 1;
        t.calls[0].first = 3;
        invalid(t, "call not before maturity");
        t.calls = new IKpiBond.Call[](2);
        (t.calls[0], t.calls[1]) = (IKpiBond.Call(1, 0.2e18), IKpiBond.Call(1, 0.2e18));
        invalid(t, "calls not ascending");
        (t.calls[0], t.calls[1]) = (IKpiBond.Call(1, 0.2e18), IKpiBond.Call(2, 0.2e18 + 1));
        invalid(t, "call premium rising");
    }

    /// @dev The outcome is at most 131,607 for 1,000 units, so at most 132 for a unit of 997.
    function test_initialize_premiumsCoverWhatKpisMayAdd() external {
        IKpiBond.Terms memory t = bond.terms();
        t.noticePeriod = 1;
        t.calls = new IKpiBond.Call[](1);
        t.calls[0] = IKpiBond.Call(1, uint64(uint256(132 * 1e18) / 997));
        invalid(t, "call premium below what KPIs may add");
        t.calls[0].premium += 1;
        KpiBond(Clones.clone(bondCode)).initialize(t);
    }

    function test_initialize_refusesAPeriodThatTheFeedDoesNotHave() external {
        IKpiBond.Terms memory t = bond.terms();
        t.fixings[0].kpiPeriod = 2;
        KpiBond fresh = KpiBond(Clones.clone(bondCode));
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_UnknownPeriod.selector, feed, 2));
        fresh.initialize(t);
    }

    function test_initialize_refusesMoreThanATokenCanAccountFor() external {
        IKpiBond.Terms memory t = bond.terms();
        IKpiBond.Fixing memory f = t.fixings[0];
        t.unitPrincipal = t.periods[3].repayment = 2 ** 95;
        invalid(t, "pays more than a token can account for");
    }

    function test_initialize_refusesTermsUnderWhichSilencePays() external {
        IKpiBond.Terms memory t = bond.terms();
        t.fixings[0].missing = BONUS - 1; // the issuer would rather be silent than report 50 %
        invalid(t, "silence would pay the data controller");
        t = bond.terms();
        t.dataController = IKpiBond.DataController.Holders; // and holders rather than report anything worse
        invalid(t, "silence would pay the data controller");
    }

    /// @dev Law 4 for any curve: whatever terms a bond accepts, no report is better than silence for the data controller
    /// only if it does not control the data.
    function testFuzz_silenceNeverPaysTheDataController(
        int64[4] calldata x,
        int64[4] calldata y,
        int64 missing,
        bool linear,
        bool holders,
        int128 kpi
    ) external {
        IKpiBond.Terms memory t = bond.terms();
        IKpiBond.Fixing memory f = t.fixings[0];
        t.unitPrincipal = t.periods[3].repayment = type(uint64).max; // so that no curve takes more than the principal
        t.dataController = holders ? IKpiBond.DataController.Holders : IKpiBond.DataController.Issuer;
        f.curve.shape = linear ? PayoffCurve.Shape.Linear : PayoffCurve.Shape.Step;
        f.curve.knots = new PayoffCurve.Knot[](4);
        int256 last = type(int64).min;
        for (uint256 i = 0; i < 4; ++i) {
            last = last + 1 + int256(uint256(uint64(x[i])) % 2 ** 61); // ascending
            f.curve.knots[i] = PayoffCurve.Knot(int128(last), y[i]);
        }
        f.missing = missing;
        KpiBond fresh = KpiBond(Clones.clone(bondCode));
        try fresh.initialize(t) {
            int256 payoff = PayoffCurve.payoff(f.curve, kpi);
            isTrue(holders ? missing <= payoff : missing >= payoff, "silence pays");
        } catch {
            // Refused: then there is a report that the controller would rather withhold, namely at one of the knots.
            bool found;
            for (uint256 i = 0; i < 4; ++i) {
                found = found || (holders ? missing > y[i] : missing < y[i]);
            }
            isTrue(found, "refused although silence does not pay");
        }
    }

    /// @dev Three changes over any ranges, and steps by the terms: accepted exactly when no sum of their values leaves the
    /// range, in any period.
    function testFuzz_noReportsMoveARateOutOfRange(
        uint16[3] memory a,
        uint16[3] memory b,
        int64[6] memory y,
        int64[4] memory steps,
        bool holders
    ) external {
        IKpiBond.Terms memory t = bond.terms();
        IKpiBond.Fixing memory model = t.fixings[0];
        t.dataController = holders ? IKpiBond.DataController.Holders : IKpiBond.DataController.Issuer;
        t.fixings = new IKpiBond.Fixing[](3);
        for (uint256 i = 0; i < 3; ++i) {
            (uint16 first, uint16 last) = (a[i] % 4, b[i] % 4);
            (int128 low, int128 high) = (y[2 * i] / 400, y[2 * i + 1] / 400); // about 2.3 % either way
            if (low > high) (low, high) = (high, low);
            t.fixings[i] =
                rateFixing(model, first < last ? first : last, first < last ? last : first, low, high, holders);
        }
        bool fits = true;
        for (uint256 period = 0; period < 4; ++period) {
            t.periods[period].step = steps[period] / 400;
            for (uint256 values = 0; values < 8; ++values) {
                int256 rate = int256(uint256(t.rate)) + steps[period] / 400;
                for (uint256 i = 0; i < 3; ++i) {
                    bool bends = t.fixings[i].first <= period && period <= t.fixings[i].last;
                    if (bends) rate += t.fixings[i].curve.knots[values >> i & 1].y;
                }
                fits = fits && rate >= 0 && rate <= int256(uint256(type(uint64).max));
            }
        }
        KpiBond fresh = KpiBond(Clones.clone(bondCode));
        if (!fits) refuses(abi.encodeWithSelector(IKpiBond.KpiBond_InvalidTerms.selector, "rate out of range"));
        fresh.initialize(t);
    }

    function rateFixing(IKpiBond.Fixing memory model, uint16 first, uint16 last, int128 low, int128 high, bool holders)
        private
        pure
        returns (IKpiBond.Fixing memory f)
    {
        (f.feed, f.effect) = (model.feed, IKpiBond.Effect.Rate);
        (f.first, f.last) = (first, last);
        f.missing = holders ? low : high;
        f.curve.knots = new PayoffCurve.Knot[](2);
        f.curve.knots[0] = PayoffCurve.Knot(0, low);
        f.curve.knots[1] = PayoffCurve.Knot(1, high);
    }

    /// @dev The most of everything: 240 periods, 32 fixings of 32 knots, in one transaction of less than 2^24 gas.
    function test_initialize_theLargestDealFitsATransaction() external {
        DealTerms memory terms = largest(1);
        Wired memory w = wired(terms, address(this));
        bytes memory call = abi.encodeCall(factory.deploy, (terms.termsHash, w.calls, w.parts));
        uint256 gas = gasleft();
        factory.deploy(terms.termsHash, w.calls, w.parts);
        gas -= gasleft();
        gas += 21_000 + dataGas(call);
        atMost(gas, 16_700_000, "gas of the largest deal");
    }

    /// @dev Terms that fill two stores are written once more, and those that were bought stay as they were.
    function test_announceCall_ofTheLargestBondFitsABlock() external {
        DealTerms memory terms = largest(1);
        terms.noticePeriod = 1;
        terms.calls = new IKpiBond.Call[](1);
        terms.calls[0] = IKpiBond.Call(100, 1e18);
        vm.warp(OPENS);
        deployDeal(terms);
        buy(ALICE, HARD_CAP);
        vm.warp(CLOSES);
        offering.settle();
        bytes memory bought = abi.encode(bond.terms());
        vm.prank(ISSUER);
        uint256 gas = gasleft();
        bond.announceCall(100);
        atMost(gas - gasleft(), 11_000_000, "gas of the call");
        eq(bond.periodCount(), 101, "periods left");
        require(keccak256(abi.encode(bond.terms())) == keccak256(bought), "the terms have changed");
    }

    /// @dev A dearest byte is 16 gas, a zero one 4.
    function dataGas(bytes memory data) private pure returns (uint256 gas) {
        for (uint256 i = 0; i < data.length; ++i) {
            gas += data[i] == 0 ? 4 : 16;
        }
    }

    /// @dev Every number as long as may be, so that none of it is cheap; on as many KPIs as named.
    function largest(uint256 kpis) private view returns (DealTerms memory terms) {
        terms = dealTerms();
        terms.termsHash = "the largest deal";
        terms.periods = new IKpiBond.Period[](240);
        for (uint64 i = 0; i < 240; ++i) {
            terms.periods[i] = IKpiBond.Period(
                CLOSES + (i + 1) * 30 days, 1_193_046, 14_593_470, 2 ** 66 + i, 123_456_789_123_456_789 - int64(i)
            );
        }
        terms.unitPrincipal = uint128(240 * 2 ** 66 + 239 * 120);
        terms.oraclePolicies = new IKpiOracle.FeedConfig[](kpis);
        for (uint256 i = 0; i < kpis; ++i) {
            IKpiOracle.FeedConfig memory c = feedConfig();
            c.kpi = bytes32(uint256(KPI) + i);
            c.periodEnds = new uint64[](32 / kpis);
            for (uint256 j = 0; j < c.periodEnds.length; ++j) {
                c.periodEnds[j] = PERIOD_END + uint64(j) * 30 days;
            }
            terms.oraclePolicies[i] = c;
        }
        terms.fixings = new IKpiBond.Fixing[](32);
        for (uint256 i = 0; i < 32; ++i) {
            IKpiBond.Fixing memory f = terms.fixings[i];
            (f.feed, f.kpiPeriod) = (bytes32(uint256(KPI) + i % kpis), uint32(i / kpis));
            (f.first, f.last, f.missing) = (uint16(i), 239, 1e14);
            f.curve.shape = PayoffCurve.Shape.Linear;
            f.curve.knots = new PayoffCurve.Knot[](32);
            for (uint256 j = 0; j < 32; ++j) {
                f.curve.knots[j] = PayoffCurve.Knot(
                    int128(int256(type(int128).max / 2 - 2 ** 90 + int256(j))), int128(int256(1e14 - j * 2 ** 20 - i))
                );
            }
        }
    }

    /// @dev The most of everything, all of it overdue: still within a block of 12 million gas.
    function test_cure_andAccelerateOfTheLargestBondFitABlock() external {
        DealTerms memory terms = dealTerms();
        terms.termsHash = "the largest bond";
        terms.lateRate = RATE + 32 * 1e14;
        terms.periods = new IKpiBond.Period[](240);
        for (uint64 i = 0; i < 240; ++i) {
            terms.periods[i] = IKpiBond.Period(CLOSES + (i + 1) * 30 days, 1, 12, i < 239 ? 4 : 41, 0);
        }
        IKpiBond.Fixing memory model = terms.fixings[0];
        terms.fixings = new IKpiBond.Fixing[](32);
        for (uint256 i = 0; i < 32; ++i) {
            terms.fixings[i] = rateFixing(model, 0, 239, 0, 1e14, false);
        }
        vm.warp(OPENS);
        deployDeal(terms);
        buy(ALICE, HARD_CAP);
        offering.settle();
        vm.warp(CLOSES + 239 * 30 days + 1);
        for (uint256 i = 0; i < 32; ++i) {
            bond.fix(i); // nobody reported
        }
        bond.declareDefault();
        fundBond(5_000_000);
        vm.warp(CLOSES + 240 * 30 days);
        uint256 gas = gasleft();
        bond.cure();
        atMost(gas - gasleft(), 11_000_000, "gas of the cure");
        bond.payCoupon();
        uint256 held = currency.balanceOf(address(bond));
        vm.prank(address(bond));
        currency.transfer(STRANGER, held);
        bond.declareDefault();
        vm.warp(block.timestamp + CURE + 1);
        gas = gasleft();
        bond.accelerate();
        atMost(gas - gasleft(), 11_000_000, "gas of the acceleration");
    }
}
