// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {KpiBond} from "../../contracts/instruments/KpiBond.sol";
import {IKpiBond} from "../../contracts/interfaces/IKpiBond.sol";
import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {PayoffCurve} from "../../contracts/settlement/PayoffCurve.sol";
import {BondFixture} from "./utils/BondFixture.sol";

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
        KpiBond fresh = KpiBond(Clones.clone(factory.BOND()));
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
        t.fixings[0].curve.knots[0].y = -int128(int256(uint256(UNIT_PRINCIPAL) * HARD_CAP)) - 1;
        invalid(t, "outcome takes more than the principal");
    }

    function test_initialize_refusesAPeriodThatTheFeedDoesNotHave() external {
        IKpiBond.Terms memory t = bond.terms();
        t.fixings[0].kpiPeriod = 2;
        KpiBond fresh = KpiBond(Clones.clone(factory.BOND()));
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
        f.curve.kind = linear ? PayoffCurve.Kind.Linear : PayoffCurve.Kind.Step;
        f.curve.knots = new PayoffCurve.Knot[](4);
        int256 last = type(int64).min;
        for (uint256 i = 0; i < 4; ++i) {
            last = last + 1 + int256(uint256(uint64(x[i])) % 2 ** 61); // ascending
            f.curve.knots[i] = PayoffCurve.Knot(int128(last), y[i]);
        }
        f.missing = missing;
        KpiBond fresh = KpiBond(Clones.clone(factory.BOND()));
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
}
