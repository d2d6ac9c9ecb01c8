// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {DealFixture} from "../utils/DealFixture.sol";

/// @notice A hostile party against honest nodes, an honest relay and an honest panel that may be silent.
/// @dev Three nodes are honest, but two at most can be kept silent; the hostile one signs anything. Honest nodes sign one
/// value a version, and those signatures are for all to see. Nobody honest challenges, so whatever is paid to a challenger
/// is the hostile party's. The handler is the feed's consumer.
contract OracleHostileHandler is DealFixture {
    uint32 public constant PERIODS = 3;
    int128 public constant LOWEST = 100_000;
    int128 public constant HIGHEST = 120_000;
    uint8 private constant LIAR = 3;
    address private constant HOSTILE = address(0xBAD);
    uint256 public constant start = 1_000_000_000;

    uint64[] private _ends;
    uint256 private _salts;

    constructor() {
        deployRooms();
        IKpiOracle.FeedConfig memory config = feedConfig();
        config.consumers = new address[](1);
        config.consumers[0] = address(this);
        config.periodEnds = new uint64[](PERIODS);
        for (uint32 i = 0; i < PERIODS; ++i) {
            config.periodEnds[i] = uint64(START + (i + 1) * 20 days);
        }
        _ends = config.periodEnds;
        feed = oracle.createFeed(config);
        currency.mint(HOSTILE, start);
        vm.prank(HOSTILE);
        currency.approve(address(oracle), type(uint256).max);
        currency.mint(address(this), 3 * CHALLENGE_REWARD);
        currency.approve(address(oracle), type(uint256).max);
        oracle.fundRewards(feed, 3 * CHALLENGE_REWARD);
    }

    // ---------------------------------------------------------------- the honest

    /// @dev What an honest node signs, once for all.
    function _honest(uint8 node) private pure returns (int128) {
        return LOWEST + int128(uint128(node) * 10_000);
    }

    /// @dev All honest nodes, in the version there is: it completes a report that left one out.
    function honestRelay(uint256 which) external {
        uint32 period = uint32(which % PERIODS);
        _submit(period, oracle.reportOf(feed, period).version, 7, 0);
    }

    /// @dev The panel decides by the true value, when it decides.
    function panelRules(uint256 which, uint256 dice) external {
        uint32 period = uint32(which % PERIODS);
        IKpiOracle.Report memory r = oracle.reportOf(feed, period);
        if (r.status != IKpiOracle.Status.Challenged || dice % 3 == 0) return; // or silent
        bool fine = r.value >= LOWEST && r.value <= HIGHEST;
        IKpiOracle.Verdict verdict = fine ? IKpiOracle.Verdict.Stands : IKpiOracle.Verdict.Corrected;
        int128 value = fine ? r.value : LOWEST + 10_000;
        oracle.rule(
            feed,
            period,
            verdict,
            value,
            "panel",
            panelSignatures(period, r.version, verdict, value, "panel", PANEL_QUORUM)
        );
    }

    function consume(uint256 which) external {
        try oracle.consume(feed, uint32(which % PERIODS)) {} catch {}
    }

    // ---------------------------------------------------------------- the hostile

    function wait(uint256 seed) external {
        uint256 dice = mix(seed);
        uint32 period = uint32((dice >> 192) % PERIODS);
        uint256 edge = oracle.reportOf(feed, period).finalAt;
        if (dice % 4 == 0) edge = _ends[period] + (dice >> 64) % 2 * REPORTING;
        edge = edge + (dice >> 128) % 3 - 1;
        if (edge > block.timestamp && edge < block.timestamp + 15 days) vm.warp(edge);
        else vm.warp(block.timestamp + 1 hours + (dice >> 192) % 3 days);
    }

    /// @dev Any of the honest (bits of `dice`) with a lie.
    function relay(uint256 which, uint256 dice, int256 lie) external {
        uint32 period = uint32(which % PERIODS);
        uint32 version = oracle.reportOf(feed, period).version;
        uint256 honest = dice & 7;
        _submit(period, version, honest, lie == 0 ? int256(1) : lie);
    }

    /// @dev Challenges or petitions, whatever there is.
    function attack(uint256 which) external {
        uint32 period = uint32(which % PERIODS);
        IKpiOracle.Report memory r = oracle.reportOf(feed, period);
        bytes32 salt = bytes32(++_salts);
        bytes32 why = "why";
        oracle.commitChallenge(keccak256(abi.encode(HOSTILE, feed, period, r.value, why, salt)));
        oracle.commitChallenge(keccak256(abi.encode(HOSTILE, feed, period, why, salt)));
        vm.prank(HOSTILE);
        try oracle.challenge(feed, period, r.value, why, salt) {} catch {}
        vm.prank(HOSTILE);
        try oracle.petition(feed, period, why, salt) {} catch {}
    }

    /// @dev Whatever anyone may call.
    function settle(uint256 which) external {
        try oracle.settleSilentPanel(feed, uint32(which % PERIODS)) {} catch {}
        try oracle.releaseRewards(feed) {} catch {}
        oracle.withdraw(address(currency), HOSTILE);
    }

    // ---------------------------------------------------------------- for the invariants

    function valueOf(uint32 period) external view returns (bool counts, int128 value) {
        IKpiOracle.Report memory r = oracle.reportOf(feed, period);
        return (r.status == IKpiOracle.Status.Final, r.value);
    }

    function wealth() external view returns (uint256 sum) {
        sum = currency.balanceOf(HOSTILE) + oracle.creditOf(address(currency), HOSTILE);
        for (uint32 i = 0; i < PERIODS; ++i) {
            if (oracle.challengerOf(feed, i) == HOSTILE) sum += CHALLENGE_BOND; // staked
        }
    }

    /// @dev Submits the honest nodes of `honest` and, unless `lie` is 0, the liar, ascending.
    function _submit(uint32 period, uint32 version, uint256 honest, int256 lie) private {
        if (block.timestamp < _ends[period]) return;
        IKpiOracle.Observation[] memory list = new IKpiOracle.Observation[](4);
        uint256 count;
        int128 lied = int128(bound(lie, LOWEST - 100_000, HIGHEST + 100_000));
        bool open = lie != 0;
        for (uint8 node = 0; node < LIAR; ++node) {
            if (open && lied < _honest(node)) {
                list[count++] = observe(feed, period, version, LIAR, lied);
                open = false;
            }
            if (honest >> node & 1 != 0) list[count++] = observe(feed, period, version, node, _honest(node));
        }
        if (open) list[count++] = observe(feed, period, version, LIAR, lied);
        assembly ("memory-safe") {
            mstore(list, count)
        }
        try oracle.submit(feed, period, version, list) {} catch {}
    }
}
