// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {OracleFixture} from "./utils/OracleFixture.sol";

/// @notice The branches of challenge, rule, settleSilentPanel and withdraw in KpiOracle.tree.
contract KpiOracleDisputesTest is OracleFixture {
    function test_challenge_onlyAPendingReportOfThatVersionAndWithABond() external {
        refuses(wrongStatus(IKpiOracle.Status.None));
        oracle.challenge(feed, 0, 0, "why");
        report(1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_WrongVersion.selector, 1, 0));
        oracle.challenge(feed, 0, 1, "why");
        refuses(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(oracle), uint256(0), CHALLENGE_BOND
            )
        );
        oracle.challenge(feed, 0, 0, "why");
        challengeIt();
        refuses(wrongStatus(IKpiOracle.Status.Challenged));
        oracle.challenge(feed, 0, 0, "why");
        rule(IKpiOracle.Verdict.Stands, 0);
        refuses(wrongStatus(IKpiOracle.Status.Final));
        oracle.challenge(feed, 0, 0, "why");
    }

    function test_challenge_stopsTheFixing() external {
        report(1);
        vm.warp(PERIOD_END + DISPUTE - 1);
        challengeIt();
        vm.warp(PERIOD_END + DISPUTE);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotFinal.selector, feed, 0, IKpiOracle.Status.Challenged));
        oracle.consume(feed, 0);
    }

    function test_rule_standsForfeitsTheBond() external {
        report(1);
        challengeIt();
        rule(IKpiOracle.Verdict.Stands, 0);
        isStatus(IKpiOracle.Status.Final);
        eqInt(oracle.reportOf(feed, 0).value, 1, "value");
        eq(oracle.rewardPool(feed), CHALLENGE_BOND, "reward pool");
        eq(oracle.creditOf(address(currency), CHALLENGER), 0, "credit");
    }

    function test_rule_correctedPaysTheChallenger() external {
        currency.mint(address(this), 100_000);
        currency.approve(address(oracle), 100_000);
        oracle.fundRewards(feed, 100_000);
        report(1);
        challengeIt();
        rule(IKpiOracle.Verdict.Corrected, 42);
        isStatus(IKpiOracle.Status.Final);
        eqInt(oracle.reportOf(feed, 0).value, 42, "value");
        eq(oracle.withdraw(address(currency), CHALLENGER), CHALLENGE_BOND + CHALLENGE_REWARD, "bond and reward");
        eq(currency.balanceOf(CHALLENGER), CHALLENGE_BOND + CHALLENGE_REWARD, "with the challenger");
        eq(oracle.withdraw(address(currency), CHALLENGER), 0, "once");
    }

    function test_rule_voidMeansMissingAndRewardsWhatThereIs() external {
        currency.mint(address(this), 7);
        currency.approve(address(oracle), 7);
        oracle.fundRewards(feed, 7);
        report(1);
        challengeIt();
        rule(IKpiOracle.Verdict.Void, 0);
        isStatus(IKpiOracle.Status.Missing);
        eq(oracle.creditOf(address(currency), CHALLENGER), CHALLENGE_BOND + 7, "bond and what the pool held");
        (int128 value, bool missing) = oracle.consume(feed, 0);
        isTrue(missing && value == 0, "missing");
    }

    function test_rule_refusals() external {
        report(1);
        IKpiOracle.PanelSignature[] memory two = panelSignatures(0, 0, IKpiOracle.Verdict.Stands, 0, "e", 2);
        refuses(wrongStatus(IKpiOracle.Status.Pending));
        oracle.rule(feed, 0, IKpiOracle.Verdict.Stands, 0, "e", two);
        challengeIt();

        IKpiOracle.PanelSignature[] memory one = panelSignatures(0, 0, IKpiOracle.Verdict.Stands, 0, "e", 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_BelowQuorum.selector, 1, 2));
        oracle.rule(feed, 0, IKpiOracle.Verdict.Stands, 0, "e", one);

        IKpiOracle.PanelSignature memory second = two[1];
        two[1] = two[0];
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_DuplicateSigner.selector, 0));
        oracle.rule(feed, 0, IKpiOracle.Verdict.Stands, 0, "e", two);
        two[1] = IKpiOracle.PanelSignature(PANELLISTS, second.r, second.vs);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_UnknownSigner.selector, PANELLISTS));
        oracle.rule(feed, 0, IKpiOracle.Verdict.Stands, 0, "e", two);

        int128 tooMuch = KPI_MAX + 1;
        two = panelSignatures(0, 0, IKpiOracle.Verdict.Corrected, tooMuch, "e", 2);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_ValueOutOfBounds.selector, tooMuch));
        oracle.rule(feed, 0, IKpiOracle.Verdict.Corrected, tooMuch, "e", two);
    }

    function test_rule_needsSignaturesOnThisVeryRuling() external {
        report(1);
        challengeIt();
        IKpiOracle.PanelSignature[] memory two = panelSignatures(0, 0, IKpiOracle.Verdict.Corrected, 5, "e", 2);
        bool taken;
        try oracle.rule(feed, 0, IKpiOracle.Verdict.Corrected, 6, "e", two) {
            taken = true;
        } catch {}
        try oracle.rule(feed, 0, IKpiOracle.Verdict.Void, 5, "e", two) {
            taken = true;
        } catch {}
        try oracle.rule(feed, 0, IKpiOracle.Verdict.Corrected, 5, "f", two) {
            taken = true;
        } catch {}
        isFalse(taken, "a ruling that the panel did not sign");
        oracle.rule(feed, 0, IKpiOracle.Verdict.Corrected, 5, "e", two);
    }

    function test_settleSilentPanel() external {
        report(1);
        bytes memory nothing = abi.encodeWithSelector(IKpiOracle.KpiOracle_NothingToSettle.selector, feed, 0);
        refuses(nothing);
        oracle.settleSilentPanel(feed, 0);
        challengeIt();
        vm.warp(PERIOD_END + RULING - 1);
        refuses(nothing);
        oracle.settleSilentPanel(feed, 0);
        vm.warp(PERIOD_END + RULING);
        isStatus(IKpiOracle.Status.Final); // by the clock, without a transaction
        IKpiOracle.PanelSignature[] memory two = panelSignatures(0, 0, IKpiOracle.Verdict.Void, 0, "e", 2);
        refuses(wrongStatus(IKpiOracle.Status.Final));
        oracle.rule(feed, 0, IKpiOracle.Verdict.Void, 0, "e", two);
        oracle.settleSilentPanel(feed, 0);
        eq(oracle.creditOf(address(currency), CHALLENGER), CHALLENGE_BOND, "the bond goes back");
        refuses(nothing);
        oracle.settleSilentPanel(feed, 0);
    }
}
