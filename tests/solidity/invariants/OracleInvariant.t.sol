// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {KpiOracle} from "../../../contracts/oracle/KpiOracle.sol";
import {Test} from "../utils/Test.sol";
import {OracleHandler} from "./OracleHandler.sol";

/// @notice The KPI oracle against the handler's books, after any sequence of actions.
contract OracleInvariant is Test {
    OracleHandler private handler;
    KpiOracle private oracle;
    bytes32 private feed;

    function setUp() external {
        handler = new OracleHandler();
        oracle = handler.theOracle();
        feed = handler.theFeed();
        bytes4[] memory actions = new bytes4[](12);
        actions[0] = OracleHandler.wait.selector;
        actions[1] = OracleHandler.report.selector;
        actions[2] = OracleHandler.forgeReport.selector;
        actions[3] = OracleHandler.challenge.selector;
        actions[4] = OracleHandler.rule.selector;
        actions[5] = OracleHandler.settleSilentPanel.selector;
        actions[6] = OracleHandler.consume.selector;
        actions[7] = OracleHandler.trespass.selector;
        actions[8] = OracleHandler.fundRewards.selector;
        actions[9] = OracleHandler.withdraw.selector;
        actions[10] = OracleHandler.report.selector; // twice, because most of the rest waits for a report
        actions[11] = OracleHandler.wait.selector;
        target(address(handler), actions);
    }

    function invariant_onePeriodOneValueAndUsedForGood() external view {
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

    function invariant_stakesRewardsAndCreditsAreHeld() external view {
        eq(oracle.rewardPool(feed), handler.pool(), "reward pool");
        eq(handler.held(), handler.pool() + handler.credit() + handler.stakes(), "solvency: all that is owed is held");
        eq(handler.held(), handler.moneyIn() - handler.moneyOut(), "conservation: in = out + held");
    }
}
