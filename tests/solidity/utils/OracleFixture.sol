// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {DealFixture} from "./DealFixture.sol";

/// @notice One feed whose only consumer is the test contract, at the end of its first period.
abstract contract OracleFixture is DealFixture {
    address internal constant CHALLENGER = address(0xC4A11);

    function setUp() public virtual {
        deployRooms();
        feed = oracle.createFeed(validConfig());
        currency.mint(CHALLENGER, CHALLENGE_BOND);
        vm.prank(CHALLENGER);
        currency.approve(address(oracle), CHALLENGE_BOND);
        vm.warp(PERIOD_END);
    }

    function validConfig() internal view returns (IKpiOracle.FeedConfig memory config) {
        config = feedConfig();
        config.consumers = new address[](1);
        config.consumers[0] = address(this);
    }

    function report(int128 value) internal {
        uint32 version = oracle.statusOf(feed, 0) == IKpiOracle.Status.None ? 0 : oracle.reportOf(feed, 0).version + 1;
        oracle.submit(feed, 0, version, unanimous(feed, 0, version, QUORUM, value));
    }

    function challengeIt() internal {
        commitTo(CHALLENGER, oracle.reportOf(feed, 0).value, "salt");
        openIt(CHALLENGER, oracle.reportOf(feed, 0).value, "salt");
    }

    function commitTo(address who, int128 value, bytes32 salt) internal {
        oracle.commitChallenge(keccak256(abi.encode(who, feed, uint32(0), value, bytes32("why"), salt)));
    }

    function openIt(address who, int128 value, bytes32 salt) internal {
        vm.prank(who);
        oracle.challenge(feed, 0, value, "why", salt);
    }

    function petitionIt(address who) internal {
        oracle.commitChallenge(keccak256(abi.encode(who, feed, uint32(0), bytes32("why"), bytes32("salt"))));
        vm.prank(who);
        oracle.petition(feed, 0, "why", "salt");
    }

    function rule(IKpiOracle.Verdict verdict, int128 value) internal {
        uint32 version = oracle.reportOf(feed, 0).version;
        oracle.rule(
            feed, 0, verdict, value, "panel", panelSignatures(0, version, verdict, value, "panel", PANEL_QUORUM)
        );
    }

    function status() internal view returns (IKpiOracle.Status) {
        return oracle.statusOf(feed, 0);
    }

    function isStatus(IKpiOracle.Status wanted) internal view {
        eq(uint256(status()), uint256(wanted), "status");
    }

    function wrongStatus(IKpiOracle.Status is_) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IKpiOracle.KpiOracle_WrongStatus.selector, is_);
    }
}
