// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {KpiOracle} from "../../contracts/oracle/KpiOracle.sol";
import {Median} from "../../contracts/settlement/Median.sol";
import {OracleFixture} from "./utils/OracleFixture.sol";

/// @notice The branches of submit and consume in KpiOracle.tree.
contract KpiOracleTest is OracleFixture {
    // ---------------------------------------------------------------- submit: when

    function test_submit_refusesAnUnknownFeedOrPeriod() external {
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM, 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_UnknownFeed.selector, bytes32("none")));
        oracle.submit("none", 0, 0, list);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_UnknownPeriod.selector, feed, 2));
        oracle.submit(feed, 2, 0, list);
    }

    function test_submit_onlyWithinTheReportingWindow() external {
        vm.warp(PERIOD_END - 1);
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM, 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_PeriodNotEnded.selector, PERIOD_END));
        oracle.submit(feed, 0, 0, list);

        vm.warp(PERIOD_END + REPORTING + 1);
        isStatus(IKpiOracle.Status.None); // the panel can still be asked
        list = unanimous(feed, 0, 0, QUORUM, 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_DeadlinePassed.selector, PERIOD_END + REPORTING));
        oracle.submit(feed, 0, 0, list);
        vm.warp(PERIOD_END + MISSING + 1);
        isStatus(IKpiOracle.Status.Missing);
        list = unanimous(feed, 0, 0, QUORUM, 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_DeadlinePassed.selector, PERIOD_END + REPORTING));
        oracle.submit(feed, 0, 0, list);

        vm.warp(PERIOD_END + REPORTING); // the last second counts
        isStatus(IKpiOracle.Status.None);
        report(1);
        isStatus(IKpiOracle.Status.Pending);
    }

    function test_submit_restatesUntilUsed() external {
        report(10);
        vm.warp(PERIOD_END + DISPUTE);
        isStatus(IKpiOracle.Status.Final);
        report(20);
        isStatus(IKpiOracle.Status.Pending); // its own dispute window
        IKpiOracle.Report memory r = oracle.reportOf(feed, 0);
        eqInt(r.value, 20, "value");
        eq(r.version, 1, "version");
        vm.warp(PERIOD_END + 2 * DISPUTE);
        oracle.consume(feed, 0);
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 2, QUORUM, 30);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_AlreadyUsed.selector, feed, 0));
        oracle.submit(feed, 0, 2, list);
    }

    /// @dev Versions that a stranger had nodes sign are not lost ones: any above the last will do.
    function test_submit_takesAnyVersionAboveTheLast() external {
        oracle.submit(feed, 0, 7, unanimous(feed, 0, 7, QUORUM, 10));
        eq(oracle.reportOf(feed, 0).version, 7, "first version");
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 6, NODES, 20);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_WrongVersion.selector, 6, 7));
        oracle.submit(feed, 0, 6, list);
        oracle.submit(feed, 0, 1_000, unanimous(feed, 0, 1_000, QUORUM, 20));
        eq(oracle.reportOf(feed, 0).version, 1_000, "restated");
    }

    /// @dev The lowest of four was left out, in the last second. All four put the median back, until the report is final.
    function test_submit_aFullerReportReplacesOneOfTheSameVersion() external {
        vm.warp(PERIOD_END + REPORTING);
        IKpiOracle.Observation[] memory list = observations(110_000, 120_000, 130_000);
        IKpiOracle.Observation[] memory all = new IKpiOracle.Observation[](4);
        all[0] = observe(feed, 0, 0, 1, 100_000);
        (all[1], all[2], all[3]) = (list[0], list[1], list[2]);
        oracle.submit(feed, 0, 0, list);
        eqInt(oracle.reportOf(feed, 0).value, 120_000, "moved");
        vm.warp(PERIOD_END + REPORTING + DISPUTE - 1);
        oracle.submit(feed, 0, 0, all);
        IKpiOracle.Report memory r = oracle.reportOf(feed, 0);
        eqInt(r.value, 110_000, "the median of all");
        eq(r.finalAt, PERIOD_END + REPORTING + 2 * DISPUTE - 1, "the dispute window follows");
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotFuller.selector, 15, 15));
        oracle.submit(feed, 0, 0, all);
    }

    function test_submit_aFullerReportOfTheSameValueIsFinalNoLater() external {
        IKpiOracle.Observation[] memory all = unanimous(feed, 0, 0, NODES, 1);
        report(1);
        vm.warp(PERIOD_END + DISPUTE - 1);
        oracle.submit(feed, 0, 0, all); // the fourth signature, kept back until the last second
        isStatus(IKpiOracle.Status.Pending);
        eq(oracle.reportOf(feed, 0).finalAt, PERIOD_END + DISPUTE, "the window there was");
        vm.warp(PERIOD_END + DISPUTE);
        isStatus(IKpiOracle.Status.Final);
    }

    function test_submit_refusesAnotherReportOfTheSameVersionAndAFullerOneOfAFinalReport() external {
        IKpiOracle.Observation[] memory all = unanimous(feed, 0, 0, NODES, 1);
        report(1); // nodes 0, 1, 2
        IKpiOracle.Observation[] memory list = observations(1, 2, 3); // nodes 2, 0, 3
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotFuller.selector, 7, 13));
        oracle.submit(feed, 0, 0, list);
        vm.warp(PERIOD_END + DISPUTE);
        refuses(wrongStatus(IKpiOracle.Status.Final));
        oracle.submit(feed, 0, 0, all);
    }

    function test_submit_whileChallengedCorrectsAndAfterARulingIsRefused() external {
        report(10);
        challengeIt();
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 1, QUORUM, 10);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_SameValue.selector, int128(10)));
        oracle.submit(feed, 0, 1, list);
        report(20);
        isStatus(IKpiOracle.Status.Pending);
        eq(oracle.creditOf(address(currency), CHALLENGER), CHALLENGE_BOND, "the pool is empty");
        challengeAs(STRANGER, feed, 0);
        list = unanimous(feed, 0, 2, QUORUM, 30);
        rule(IKpiOracle.Verdict.Stands, 0);
        refuses(wrongStatus(IKpiOracle.Status.Final));
        oracle.submit(feed, 0, 2, list);
    }

    // ---------------------------------------------------------------- submit: what

    function test_submit_refusesBelowQuorum() external {
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM - 1, 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_BelowQuorum.selector, QUORUM - 1, QUORUM));
        oracle.submit(feed, 0, 0, list);
    }

    function test_submit_countsANodeOnce() external {
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM, 1);
        list[2] = list[0];
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_DuplicateSigner.selector, 0));
        oracle.submit(feed, 0, 0, list);
        list[2].signer = NODES; // the same signature under a number that no node has
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_UnknownSigner.selector, NODES));
        oracle.submit(feed, 0, 0, list);
    }

    /// @dev Submitting `list` must fail because the last signature recovers to somebody who is not the third node.
    function refusesLastSignature(IKpiOracle.Observation[] memory list, bytes32 signedDigest) private {
        bytes32 digest = oracle.observationDigest(feed, 0, 0, list[2].value, list[2].observedAt, list[2].evidence);
        isTrue(signedDigest != digest, "the digest does not bind what was changed");
        bytes32 s = list[2].vs & bytes32(type(uint256).max >> 1);
        address recovered = ecrecover(digest, uint8(27 + uint256(list[2].vs >> 255)), list[2].r, s);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_BadSignature.selector, 2, recovered));
        oracle.submit(feed, 0, 0, list);
    }

    /// @dev The third node signs the observation of `list`, but for another feed, period, version, contract or chain.
    function signElsewhere(
        IKpiOracle.Observation[] memory list,
        KpiOracle where,
        bytes32 feed_,
        uint32 period,
        uint32 version
    ) private view returns (bytes32 digest) {
        IKpiOracle.Observation memory o = list[2];
        digest = where.observationDigest(feed_, period, version, o.value, o.observedAt, o.evidence);
        (o.r, o.vs) = vm.signCompact(nodeKeys[2], digest);
    }

    function test_submit_refusesSignaturesReplayedFromElsewhere() external {
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM, 1);
        IKpiOracle.FeedConfig memory other = validConfig();
        other.kpi = "another";
        refusesLastSignature(list, signElsewhere(list, oracle, oracle.createFeed(other), 0, 0));
        refusesLastSignature(list, signElsewhere(list, oracle, feed, 1, 0));
        refusesLastSignature(list, signElsewhere(list, oracle, feed, 0, 1));
        refusesLastSignature(list, signElsewhere(list, new KpiOracle(), feed, 0, 0));
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        bytes32 digest = signElsewhere(list, oracle, feed, 0, 0);
        vm.chainId(here);
        refusesLastSignature(list, digest);
        signElsewhere(list, oracle, feed, 0, 0);
        oracle.submit(feed, 0, 0, list); // and the right one is taken
    }

    function test_submit_refusesWhatWasChangedAfterSigning() external {
        vm.warp(PERIOD_END + 1);
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM, 1);
        bytes32 digest = oracle.observationDigest(feed, 0, 0, 1, list[2].observedAt, list[2].evidence);
        list[2].value = 2;
        refusesLastSignature(list, digest);
        (list[2].value, list[2].observedAt) = (1, PERIOD_END);
        refusesLastSignature(list, digest);
        (list[2].observedAt, list[2].evidence) = (PERIOD_END + 1, "forged");
        refusesLastSignature(list, digest);
    }

    /// @dev Zero signatures recover to the zero address, which can be no signer.
    function test_submit_refusesAnEmptySignature() external {
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM, 1);
        (list[2].r, list[2].vs) = (0, 0);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_BadSignature.selector, 2, address(0)));
        oracle.submit(feed, 0, 0, list);
    }

    function test_submit_refusesStaleAndFutureObservations() external {
        vm.warp(PERIOD_END + 1 days);
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM, 1);
        list[1].observedAt = PERIOD_END - 1;
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_StaleObservation.selector, PERIOD_END - 1));
        oracle.submit(feed, 0, 0, list);
        list[1].observedAt = PERIOD_END + 1 days + 1;
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_StaleObservation.selector, PERIOD_END + 1 days + 1));
        oracle.submit(feed, 0, 0, list);
    }

    function observations(int128 a, int128 b, int128 c) private view returns (IKpiOracle.Observation[] memory list) {
        list = new IKpiOracle.Observation[](3);
        list[0] = observe(feed, 0, 0, 2, a);
        list[1] = observe(feed, 0, 0, 0, b);
        list[2] = observe(feed, 0, 0, 3, c);
    }

    function test_submit_refusesValuesThatDescend() external {
        IKpiOracle.Observation[] memory list = observations(1, 3, 2);
        refuses(abi.encodeWithSelector(Median.Median_NotAscending.selector, 2));
        oracle.submit(feed, 0, 0, list);
    }

    function test_submit_refusesValuesOutOfBounds() external {
        IKpiOracle.Observation[] memory list = observations(KPI_MAX - 1, KPI_MAX, KPI_MAX + 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_ValueOutOfBounds.selector, KPI_MAX + 1));
        oracle.submit(feed, 0, 0, list);
        list = observations(KPI_MIN - 1, KPI_MIN, KPI_MIN);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_ValueOutOfBounds.selector, KPI_MIN - 1));
        oracle.submit(feed, 0, 0, list);
        oracle.submit(feed, 0, 0, observations(KPI_MIN, KPI_MIN, KPI_MIN)); // a bound itself is in bounds
    }

    function test_submit_refusesTooWideASpread() external {
        IKpiOracle.Observation[] memory list = observations(0, 1, int128(MAX_SPREAD) + 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_SpreadTooWide.selector, MAX_SPREAD + 1, MAX_SPREAD));
        oracle.submit(feed, 0, 0, list);
        oracle.submit(feed, 0, 0, observations(0, 1, int128(MAX_SPREAD)));
    }

    function test_submit_takesTheMedianAndBindsTheEvidence() external {
        IKpiOracle.Observation[] memory list = observations(-7, 5, 11);
        oracle.submit(feed, 0, 0, list);
        IKpiOracle.Report memory r = oracle.reportOf(feed, 0);
        eqInt(r.value, 5, "median");
        bytes32 evidence = keccak256(abi.encodePacked(list[0].evidence, list[1].evidence, list[2].evidence));
        isTrue(r.evidence == evidence, "evidence binds all observations in their order");
    }

    // ---------------------------------------------------------------- consume

    function test_consume_onlyAConsumerAndOnlyWhatIsSettled() external {
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotConsumer.selector, STRANGER));
        vm.prank(STRANGER);
        oracle.consume(feed, 0);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotFinal.selector, feed, 0, IKpiOracle.Status.None));
        oracle.consume(feed, 0);
        report(1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_NotFinal.selector, feed, 0, IKpiOracle.Status.Pending));
        oracle.consume(feed, 0);
        vm.warp(PERIOD_END + DISPUTE);
        (int128 value, bool missing) = oracle.consume(feed, 0);
        isTrue(value == 1 && !missing, "the value");
    }

    function test_consume_missingIsForGood() external {
        vm.warp(PERIOD_END + MISSING + 1);
        (, bool missing) = oracle.consume(feed, 0);
        isTrue(missing, "missing");
        IKpiOracle.Observation[] memory list = unanimous(feed, 0, 0, QUORUM, 1);
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_DeadlinePassed.selector, PERIOD_END + REPORTING));
        oracle.submit(feed, 0, 0, list);
    }

    // ---------------------------------------------------------------- properties

    /// @dev With a quorum of three of which two are honest, the reported value lies between two honest values.
    function testFuzz_submit_aLiarCannotMoveTheValueOutOfTheHonestRange(int256 a, int256 b, int256 lie) external {
        int128 low = int128(bound(a, KPI_MIN, KPI_MAX));
        int128 high = int128(bound(b, KPI_MIN, KPI_MAX));
        int128 wrong = int128(bound(lie, KPI_MIN, KPI_MAX));
        if (low > high) (low, high) = (high, low);
        int128[3] memory v = wrong < low ? [wrong, low, high] : wrong > high ? [low, high, wrong] : [low, wrong, high];
        IKpiOracle.Observation[] memory list = observations(v[0], v[1], v[2]);
        try oracle.submit(feed, 0, 0, list) {
            int128 value = oracle.reportOf(feed, 0).value;
            isTrue(value >= low && value <= high, "a lie moved the value beyond what honest nodes saw");
        } catch {
            isTrue(uint256(int256(v[2]) - v[0]) > MAX_SPREAD, "only the spread can be a reason here");
        }
    }
}
