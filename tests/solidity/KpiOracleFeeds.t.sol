// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {OracleFixture} from "./utils/OracleFixture.sol";

/// @notice The branches of createFeed and fundRewards in KpiOracle.tree.
contract KpiOracleFeedsTest is OracleFixture {
    function invalid(IKpiOracle.FeedConfig memory config, string memory what) private {
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_InvalidConfig.selector, what));
        oracle.createFeed(config);
    }

    function test_createFeed_refusesWhatCouldNotBeTrusted() external {
        IKpiOracle.FeedConfig memory c = validConfig();
        c.quorum = NODES / 2;
        invalid(c, "quorum not a majority of signers");
        c = validConfig();
        c.quorum = NODES + 1;
        invalid(c, "quorum not a majority of signers");
        c = validConfig();
        c.panelQuorum = 1;
        invalid(c, "panelQuorum not a majority of panel");
        c = validConfig();
        (c.signers[0], c.signers[1]) = (c.signers[1], c.signers[0]);
        invalid(c, "signers not 1-32 ascending addresses");
        c = validConfig();
        c.signers[1] = c.signers[0];
        invalid(c, "signers not 1-32 ascending addresses");
        c = validConfig();
        c.signers[0] = address(0);
        invalid(c, "signers not 1-32 ascending addresses");
        c = validConfig();
        c.panel = new address[](0);
        invalid(c, "panel not 1-32 ascending addresses");
        c = validConfig();
        c.consumers = new address[](9);
        invalid(c, "consumers not 1-8 ascending addresses");
        c = validConfig();
        c.panel = new address[](1);
        (c.panel[0], c.panelQuorum) = (c.signers[2], 1);
        invalid(c, "a signer sits on the panel");
    }

    function test_createFeed_refusesEmptyWindowsBoundsAndPeriods() external {
        IKpiOracle.FeedConfig memory c = validConfig();
        c.minValue = c.maxValue;
        invalid(c, "minValue not below maxValue");
        c = validConfig();
        c.reportingWindow = 0;
        invalid(c, "reportingWindow zero");
        c = validConfig();
        c.disputeWindow = 0;
        invalid(c, "disputeWindow zero");
        c = validConfig();
        c.lateWindow = c.disputeWindow - 1;
        invalid(c, "lateWindow shorter than disputeWindow");
        c = validConfig();
        c.sponsor = address(0);
        invalid(c, "sponsor zero");
        c = validConfig();
        c.rulingWindow = 0;
        invalid(c, "rulingWindow zero");
        c = validConfig();
        c.challengeBond = 0;
        invalid(c, "challengeBond zero");
        c = validConfig();
        c.bondCurrency = address(0);
        invalid(c, "bondCurrency zero");
        c = validConfig();
        c.periodEnds = new uint64[](0);
        invalid(c, "periodEnds not 1-512");
        c = validConfig();
        c.periodEnds[1] = c.periodEnds[0];
        invalid(c, "periodEnds not ascending");
        c = validConfig();
        c.periodEnds[1] = type(uint64).max;
        invalid(c, "periodEnds too far away");
    }

    function test_createFeed_largestFeedFits() external {
        IKpiOracle.FeedConfig memory c = validConfig();
        c.signers = addressesOf(keysByAddress(1, 32));
        c.panel = addressesOf(keysByAddress(2, 32));
        (c.quorum, c.panelQuorum) = (32, 32);
        c.consumers = addressesOf(keysByAddress(3, 8));
        c.periodEnds = new uint64[](512);
        for (uint64 i = 0; i < 512; ++i) {
            c.periodEnds[i] = PERIOD_END + i;
        }
        bytes32 id = oracle.createFeed(c);
        eq(oracle.configOf(id).periodEnds[511], PERIOD_END + 511, "read back");
        eqAddress(oracle.configOf(id).signers[31], c.signers[31], "read back");
    }

    function test_createFeed_sameConfigurationSameFeed() external {
        report(1);
        isTrue(oracle.createFeed(validConfig()) == feed, "the id");
        isStatus(IKpiOracle.Status.Pending); // nothing was reset
    }

    function test_createFeed_idBindsEveryField() external {
        bytes32[21] memory ids;
        for (uint256 i = 0; i < 21; ++i) {
            IKpiOracle.FeedConfig memory c = validConfig();
            if (i == 1) c.deal = "d";
            if (i == 2) c.kpi = "k";
            if (i == 3) c.decimals += 1;
            if (i == 4) c.minValue += 1;
            if (i == 5) c.maxValue += 1;
            if (i == 6) c.maxSpread += 1;
            if (i == 7) c.signers[3] = address(type(uint160).max);
            if (i == 8) c.quorum += 1;
            if (i == 9) c.methodHash = "m";
            if (i == 10) c.periodEnds[1] += 1;
            if (i == 11) c.reportingWindow += 1;
            if (i == 12) c.disputeWindow += 1;
            if (i == 13) c.rulingWindow += 1;
            if (i == 14) c.bondCurrency = ISSUER;
            if (i == 15) c.challengeBond += 1;
            if (i == 16) c.challengeReward += 1;
            if (i == 17) c.panelQuorum += 1;
            if (i == 18) c.consumers[0] = ISSUER;
            if (i == 19) c.lateWindow += 1;
            if (i == 20) c.sponsor = STRANGER;
            ids[i] = oracle.createFeed(c);
            for (uint256 j = 0; j < i; ++j) {
                isTrue(ids[j] != ids[i], "two configurations, one id");
            }
        }
    }

    /// @dev Of n nodes f = floor((n - 1) / 3) lie, at least one. Whatever all say, the (lower) median of the smallest quorum
    /// that is accepted lies between values of honest nodes; of one that is one smaller, it need not.
    function test_createFeed_acceptsJustTheQuorumsThatBearLiars() external {
        IKpiOracle.FeedConfig memory c = validConfig();
        for (uint256 nodes = 1; nodes <= 32; ++nodes) {
            uint256 liars = nodes < 7 ? 1 : (nodes - 1) / 3;
            c.signers = addressesOf(keysByAddress(1, nodes));
            for (uint256 quorum = nodes / 2 + 1; quorum <= nodes; ++quorum) {
                // All liars in the quorum say the least (then the most) there is, the honest say 1.
                uint256 middle = (quorum - 1) / 2;
                bool safe = middle >= liars && middle < quorum - liars;
                c.quorum = uint8(quorum);
                bool taken;
                try oracle.createFeed(c) {
                    taken = true;
                } catch {}
                isTrue(taken == safe, "accepted just when safe");
            }
        }
    }

    function test_fundRewards_refusesAnUnknownFeed() external {
        refuses(abi.encodeWithSelector(IKpiOracle.KpiOracle_UnknownFeed.selector, bytes32("none")));
        oracle.fundRewards("none", 1);
    }
}
