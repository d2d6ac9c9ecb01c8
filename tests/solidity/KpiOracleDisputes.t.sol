// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {OracleFixture} from "./utils/OracleFixture.sol";

/// @notice The branches of challenge, rule, settleSilentPanel and withdraw in KpiOracle.tree.
contract KpiOracleDisputesTest is OracleFixture {
    function test_challenge_onlyAPendingReportOfThatValueAndWithABond() external {
        refuses(wrongStatus(IKpiOracle.Status.None));
        oracle.challenge(feed, 0, 0, "why", "salt");
        report(1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_WrongValue.selector, int128(2), int128(1)));
        oracle.challenge(feed, 0, 2, "why", "salt");
        bytes32 unknown =
            keccak256(abi.encode(address(this), feed, uint32(0), int128(1), bytes32("why"), bytes32("salt")));
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotCommitted.selector, unknown));
        oracle.challenge(feed, 0, 1, "why", "salt");
        commitTo(address(this), 1, "salt");
        refuses(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(oracle), uint256(0), CHALLENGE_BOND
            )
        );
        oracle.challenge(feed, 0, 1, "why", "salt");
        commitTo(STRANGER, 1, "salt");
        challengeIt();
        commitTo(address(this), 1, "later");
        refuses(wrongStatus(IKpiOracle.Status.Challenged));
        oracle.challenge(feed, 0, 1, "why", "later");
        rule(IKpiOracle.Verdict.Stands, 0);
        refuses(wrongStatus(IKpiOracle.Status.Final));
        oracle.challenge(feed, 0, 1, "why", "later");
    }

    function test_challenge_theFirstToCommitIsTheChallenger() external {
        report(1);
        vm.warp(PERIOD_END + 1);
        commitTo(CHALLENGER, 1, "salt");
        commitTo(STRANGER, 1, "salt");
        commitTo(CHALLENGER, 1, "salt"); // again: it stays the first
        currency.mint(STRANGER, CHALLENGE_BOND);
        vm.prank(STRANGER);
        currency.approve(address(oracle), CHALLENGE_BOND);
        openIt(STRANGER, 1, "salt");
        vm.warp(PERIOD_END + 1 + 1 hours);
        openIt(CHALLENGER, 1, "salt");
        eqAddress(oracle.challengerOf(feed, 0), CHALLENGER, "challenger");
        eq(oracle.creditOf(address(currency), STRANGER), CHALLENGE_BOND, "the copier's bond");
        eq(oracle.reportOf(feed, 0).finalAt, PERIOD_END + 1 + RULING, "no longer than before");
    }

    function test_challenge_withinAnHourOfItsCommitment() external {
        report(1);
        commitTo(CHALLENGER, 1, "salt");
        vm.warp(PERIOD_END + 1 hours + 1);
        bytes32 late = keccak256(abi.encode(CHALLENGER, feed, uint32(0), int128(1), bytes32("why"), bytes32("salt")));
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotCommitted.selector, late));
        openIt(CHALLENGER, 1, "salt");
    }

    function test_petition_thePanelSetsAValueNobodyReported() external {
        vm.warp(PERIOD_END + REPORTING);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_StillOpen.selector, PERIOD_END + REPORTING));
        oracle.petition(feed, 0, "why", "salt");
        vm.warp(PERIOD_END + MISSING);
        petitionIt(CHALLENGER);
        isStatus(IKpiOracle.Status.Challenged);
        vm.warp(PERIOD_END + MISSING + RULING - 1);
        rule(IKpiOracle.Verdict.Corrected, 42);
        isStatus(IKpiOracle.Status.Final);
        (int128 value, bool missing) = oracle.consume(feed, 0);
        isTrue(value == 42 && !missing, "the panel's value");
        eq(oracle.creditOf(address(currency), CHALLENGER), CHALLENGE_BOND, "the bond, and no reward");
    }

    function test_petition_aSilentPanelLeavesItMissing() external {
        vm.warp(PERIOD_END + REPORTING + 1);
        petitionIt(CHALLENGER);
        vm.warp(PERIOD_END + REPORTING + 1 + RULING);
        isStatus(IKpiOracle.Status.Missing);
        oracle.settleSilentPanel(feed, 0);
        isStatus(IKpiOracle.Status.Missing);
        eq(oracle.creditOf(address(currency), CHALLENGER), CHALLENGE_BOND, "the bond goes back");
    }

    function test_releaseRewards_onlyAtTheEndAndToTheSponsor() external {
        report(1);
        challengeIt();
        rule(IKpiOracle.Verdict.Stands, 0);
        uint64 over = PERIOD_END + HALF_YEAR + MISSING + DISPUTE + RULING;
        vm.warp(over);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_StillOpen.selector, over));
        oracle.releaseRewards(feed);
        vm.warp(over + 1);
        eq(oracle.releaseRewards(feed), CHALLENGE_BOND, "released");
        eq(oracle.creditOf(address(currency), ISSUER), CHALLENGE_BOND, "to the sponsor");
        eq(oracle.releaseRewards(feed), 0, "once");
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
        eq(oracle.creditOf(address(currency), CHALLENGER), CHALLENGE_BOND + 3, "bond and the first half of the pool");
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

    /// @dev Three nodes say 200, and the fourth, which makes it 100, comes while the panel's ruling is on its way.
    function test_rule_signedForOneReportDecidesNoFullerOne() external {
        IKpiOracle.Observation[] memory all = new IKpiOracle.Observation[](NODES);
        IKpiOracle.Observation[] memory three = new IKpiOracle.Observation[](NODES - 1);
        all[0] = observe(feed, 0, 0, NODES - 1, 90);
        for (uint8 i = 0; i < NODES - 1; ++i) {
            all[i + 1] = three[i] = observe(feed, 0, 0, i, 100 * int128(uint128(i) + 1));
        }
        oracle.submit(feed, 0, 0, three);
        challengeIt();
        IKpiOracle.PanelSignature[] memory stands = panelSignatures(0, 0, IKpiOracle.Verdict.Stands, 200, "panel", 2);
        IKpiOracle.PanelSignature[] memory none = panelSignatures(0, 0, IKpiOracle.Verdict.Void, 0, "panel", 2);
        oracle.submit(feed, 0, 0, all);
        isStatus(IKpiOracle.Status.Pending);
        eqInt(oracle.reportOf(feed, 0).value, 100, "of all");
        challengeAs(STRANGER, feed, 0);
        isForAnother(IKpiOracle.Verdict.Stands, 200, stands);
        isForAnother(IKpiOracle.Verdict.Void, 0, none);
        rule(IKpiOracle.Verdict.Stands, 100);
        isStatus(IKpiOracle.Status.Final);
    }

    function test_rule_signedForOneReportDecidesNoFullerOneOfTheSameValue() external {
        IKpiOracle.Observation[] memory all = unanimous(feed, 0, 0, NODES, 1);
        report(1);
        challengeIt();
        IKpiOracle.PanelSignature[] memory none = panelSignatures(0, 0, IKpiOracle.Verdict.Void, 0, "panel", 2);
        oracle.submit(feed, 0, 0, all);
        isForAnother(IKpiOracle.Verdict.Void, 0, none);
        rule(IKpiOracle.Verdict.Void, 0);
        isStatus(IKpiOracle.Status.Missing);
    }

    /// @dev Petition and answer are both of version 0.
    function test_rule_signedForAPetitionDecidesNoReport() external {
        vm.warp(PERIOD_END + REPORTING + 1);
        petitionIt(CHALLENGER);
        IKpiOracle.PanelSignature[] memory none = panelSignatures(0, 0, IKpiOracle.Verdict.Void, 0, "panel", 2);
        oracle.submit(feed, 0, 0, unanimous(feed, 0, 0, QUORUM, 1));
        challengeAs(STRANGER, feed, 0);
        isForAnother(IKpiOracle.Verdict.Void, 0, none);
        rule(IKpiOracle.Verdict.Stands, 1);
        isStatus(IKpiOracle.Status.Final);
    }

    /// @dev The ruling is refused, and all is as before: on the report that is there, nobody of the panel has signed it.
    function isForAnother(IKpiOracle.Verdict verdict, int128 value, IKpiOracle.PanelSignature[] memory signatures)
        private
    {
        IKpiOracle.Report memory r = oracle.reportOf(feed, 0);
        bytes32 digest = oracle.rulingDigest(feed, 0, r.version, r.evidence, verdict, value, "panel");
        (bytes32 vs, uint256 parity) = (signatures[0].vs, uint256(signatures[0].vs) >> 255);
        address recovered = ecrecover(digest, uint8(27 + parity), signatures[0].r, bytes32(uint256(vs) << 1 >> 1));
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_BadSignature.selector, 0, recovered));
        oracle.rule(feed, 0, verdict, value, "panel", signatures);
        isStatus(IKpiOracle.Status.Challenged);
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
