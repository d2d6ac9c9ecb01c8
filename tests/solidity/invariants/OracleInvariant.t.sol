// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {KpiOracle} from "../../../contracts/oracle/KpiOracle.sol";
import {Test} from "../utils/Test.sol";
import {OracleHandler} from "./OracleHandler.sol";
import {OracleHostileHandler} from "./OracleHostileHandler.sol";

/// @notice The KPI oracle against the handler's books, after any sequence of actions.
contract OracleInvariant is Test {
    OracleHandler private handler;
    KpiOracle private oracle;
    bytes32 private feed;

    function setUp() external {
        handler = new OracleHandler();
        oracle = handler.theOracle();
        feed = handler.theFeed();
        bytes4[] memory actions = new bytes4[](17);
        actions[0] = OracleHandler.wait.selector;
        actions[1] = OracleHandler.report.selector;
        actions[2] = OracleHandler.forgeReport.selector;
        actions[3] = OracleHandler.commit.selector;
        actions[4] = OracleHandler.rule.selector;
        actions[5] = OracleHandler.settleSilentPanel.selector;
        actions[6] = OracleHandler.consume.selector;
        actions[7] = OracleHandler.trespass.selector;
        actions[8] = OracleHandler.fundRewards.selector;
        actions[9] = OracleHandler.withdraw.selector;
        actions[10] = OracleHandler.report.selector; // twice, because most of the rest waits for a report
        actions[11] = OracleHandler.wait.selector;
        actions[12] = OracleHandler.open.selector;
        actions[13] = OracleHandler.open.selector;
        actions[14] = OracleHandler.releaseRewards.selector;
        actions[15] = OracleHandler.commit.selector;
        actions[16] = OracleHandler.ruleOnAnother.selector;
        target(address(handler), actions);
    }

    /// @dev Found by a campaign: a report of the same observations under a higher version, challenged.
    function test_ruleOnAnother_theSameObservationsAreNoOtherReport() external {
        handler.wait(1373399493574113428878990308917730305507653531);
        handler.wait(7194);
        handler.wait(26338486);
        handler.wait(111667116377336738616354964633387228500246602710007091092034660510);
        handler.wait(1050432);
        handler.wait(7208173142175756623789249440237115001921975332311458961);
        handler.wait(1908089726452);
        handler.report(10969, type(uint256).max - 1, false);
        handler.report(type(uint256).max - 2, type(uint256).max - 1, false);
        handler.commit(3001, 200001);
        handler.open(85959, false);
        handler.ruleOnAnother(312941316750291628500434927094824825651243516390719600, 0);
    }

    /// @dev One campaign hunts them all.
    function invariant_theBooksHold() external view {
        onePeriodOneValueAndUsedForGood();
        whateverAnybodyDoesAPeriodEnds();
        rewardsAreBoundedByPeriod();
        stakesRewardsAndCreditsAreHeld();
    }

    function onePeriodOneValueAndUsedForGood() public view {
        for (uint32 period = 0; period < handler.PERIODS(); ++period) {
            (OracleHandler.Book memory book, IKpiOracle.Status status) = handler.bookOf(period);
            IKpiOracle.Report memory report = oracle.reportOf(feed, period);
            eq(uint256(report.status), uint256(status), "status");
            eq(report.version, book.version, "version");
            eqInt(report.value, book.value, "value");
            isTrue(report.used == book.used, "used");
            if (book.used && book.settledMissing) {
                isTrue(report.status == IKpiOracle.Status.Missing, "a period settled as missing stays so");
            } else if (book.used) {
                isTrue(report.status == IKpiOracle.Status.Final, "a report settled on stays final");
                eqInt(report.value, book.settledValue, "a value settled on stays");
            }
        }
    }

    function whateverAnybodyDoesAPeriodEnds() public view {
        for (uint32 period = 0; period < handler.PERIODS(); ++period) {
            if (block.timestamp <= handler.settledBy(period)) continue;
            IKpiOracle.Status status = oracle.statusOf(feed, period);
            isTrue(status == IKpiOracle.Status.Final || status == IKpiOracle.Status.Missing, "over");
        }
    }

    function rewardsAreBoundedByPeriod() public view {
        isTrue(handler.rewards() <= handler.mostRewards(), "a period pays one reward");
    }

    function stakesRewardsAndCreditsAreHeld() public view {
        eq(oracle.rewardPool(feed), handler.pool(), "reward pool");
        eq(handler.held(), handler.pool() + handler.credit() + handler.stakes(), "solvency: all that is owed is held");
        eq(handler.held(), handler.moneyIn() - handler.moneyOut(), "conservation: in = out + held");
    }
}

/// @notice Law 5 of the oracle: a party that may relay, leave out, lie with one node, keep two silent, commit, challenge,
/// petition and settle at any time, while the panel may be silent, never moves a value that counts out of what honest
/// nodes saw, and never ends richer than it began.
contract OracleHostileInvariant is Test {
    OracleHostileHandler private handler;

    function setUp() external {
        handler = new OracleHostileHandler();
        bytes4[] memory actions = new bytes4[](10);
        actions[0] = OracleHostileHandler.wait.selector;
        actions[1] = OracleHostileHandler.relay.selector;
        actions[2] = OracleHostileHandler.honestRelay.selector;
        actions[3] = OracleHostileHandler.relay.selector;
        actions[4] = OracleHostileHandler.attack.selector;
        actions[5] = OracleHostileHandler.panelRules.selector;
        actions[6] = OracleHostileHandler.settle.selector;
        actions[7] = OracleHostileHandler.consume.selector;
        actions[8] = OracleHostileHandler.wait.selector;
        actions[9] = OracleHostileHandler.attack.selector;
        target(address(handler), actions);
    }

    function invariant_hostilityMovesNoValueAndPaysNothing() external view {
        for (uint32 period = 0; period < handler.PERIODS(); ++period) {
            (bool counts, int128 value) = handler.valueOf(period);
            if (counts) isTrue(value >= handler.LOWEST() && value <= handler.HIGHEST(), "between honest values");
        }
        isTrue(handler.wealth() <= handler.start(), "no richer");
    }
}
