// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {Test} from "../utils/Test.sol";
import {HostileHandler} from "./HostileHandler.sol";
import {HostileTreasuryHandler} from "./HostileTreasuryHandler.sol";

/// @notice Law 5: a party that may call anything at any time never ends richer than one that keeps the terms; and who
/// defaults is poorer by at least what the deal says.
abstract contract HostileInvariants is Test {
    HostileHandler private handler;

    function begin(IKpiPayment.Side hostile, IKpiPayment.CloseOutRule rule) internal {
        handler = new HostileHandler(hostile, rule);
        bytes4[] memory actions = new bytes4[](14);
        actions[0] = HostileHandler.weather.selector;
        actions[1] = HostileHandler.wait.selector;
        actions[2] = HostileHandler.fund.selector;
        actions[3] = HostileHandler.withdraw.selector;
        actions[4] = HostileHandler.withdrawForTheOther.selector;
        actions[5] = HostileHandler.settle.selector;
        actions[6] = HostileHandler.callMargin.selector;
        actions[7] = HostileHandler.closeOut.selector;
        actions[8] = HostileHandler.begin.selector;
        for (uint256 i = 9; i < 14; ++i) {
            actions[i] = i % 2 == 0 ? actions[6] : actions[1];
        }
        target(address(handler), actions);
    }

    function invariant_whoeverKeepsTheTermsHasNotLess() external view {
        isTrue(handler.swaps(1).state() != IKpiPayment.State.Defaulted, "the mirror keeps the terms");
    }

    /// @dev Called by forge at the end of each run.
    function afterInvariant() external {
        handler.finish();
        int256 most = handler.wealth(1) - handler.damages();
        int256 has = handler.wealth(0);
        if (has > most) revert NotEqualSigned("richer than its mirror, less damages", has, most);
    }
}

/// forge-config: default.invariant.runs = 128
/// forge-config: default.invariant.depth = 64
contract HostilePayerByModelValue is HostileInvariants {
    function setUp() external {
        begin(IKpiPayment.Side.Payer, IKpiPayment.CloseOutRule.ModelValue);
    }
}

/// forge-config: default.invariant.runs = 128
/// forge-config: default.invariant.depth = 64
contract HostilePayeeByModelValue is HostileInvariants {
    function setUp() external {
        begin(IKpiPayment.Side.Payee, IKpiPayment.CloseOutRule.ModelValue);
    }
}

/// forge-config: default.invariant.runs = 128
/// forge-config: default.invariant.depth = 64
contract HostilePayerByReplacementCost is HostileInvariants {
    function setUp() external {
        begin(IKpiPayment.Side.Payer, IKpiPayment.CloseOutRule.ReplacementCost);
    }
}

/// forge-config: default.invariant.runs = 128
/// forge-config: default.invariant.depth = 64
contract HostilePayeeByReplacementCost is HostileInvariants {
    function setUp() external {
        begin(IKpiPayment.Side.Payee, IKpiPayment.CloseOutRule.ReplacementCost);
    }
}

/// forge-config: default.invariant.runs = 128
/// forge-config: default.invariant.depth = 64
contract HostilePayerByLastFixing is HostileInvariants {
    function setUp() external {
        begin(IKpiPayment.Side.Payer, IKpiPayment.CloseOutRule.LastFixing);
    }
}

/// @notice The same around a treasury: the provider, who may call all that anyone may, and a party's calls.
abstract contract HostileTreasuryInvariants is Test {
    HostileTreasuryHandler internal handler;

    function begin(bool hostileProvider) internal {
        handler = new HostileTreasuryHandler(hostileProvider);
        bytes4[] memory actions = new bytes4[](20);
        actions[0] = HostileTreasuryHandler.weather.selector;
        actions[1] = HostileTreasuryHandler.settle.selector;
        actions[2] = HostileTreasuryHandler.pay.selector;
        actions[3] = HostileTreasuryHandler.payRest.selector;
        actions[4] = HostileTreasuryHandler.withdraw.selector;
        actions[5] = HostileTreasuryHandler.collect.selector;
        actions[6] = HostileTreasuryHandler.claim.selector;
        actions[7] = HostileTreasuryHandler.callMargin.selector;
        actions[8] = HostileTreasuryHandler.closeOut.selector;
        actions[9] = HostileTreasuryHandler.returnMoney.selector;
        actions[10] = HostileTreasuryHandler.providerWithdraws.selector;
        actions[11] = HostileTreasuryHandler.providerPays.selector;
        for (uint256 i = 12; i < 20; ++i) {
            actions[i] = HostileTreasuryHandler.wait.selector;
        }
        target(address(handler), actions);
    }

    function invariant_nobodyGainsByTheMoment() external pure {}

    function afterInvariant() external {
        handler.finish();
        compare();
    }

    function compare() internal view virtual;
}

/// forge-config: default.invariant.runs = 128
/// forge-config: default.invariant.depth = 96
contract HostileProvider is HostileTreasuryInvariants {
    function setUp() external {
        begin(true);
    }

    function compare() internal view override {
        (int256 has, int256 most) = (handler.providersWealth(0), handler.providersWealth(1));
        if (has > most) revert NotEqualSigned("the provider is richer than its mirror", has, most);
    }
}

/// @notice With nobody but strangers hostile, nobody's wealth depends on who calls what first: but for the dust that a
/// distribution leaves, less than one minor unit a unit.
/// forge-config: default.invariant.runs = 128
/// forge-config: default.invariant.depth = 96
contract HostileStranger is HostileTreasuryInvariants {
    function setUp() external {
        begin(false);
    }

    function compare() internal view override {
        eqInt(handler.providersWealth(0), handler.providersWealth(1), "provider");
        eq(handler.wealth(0, 1), handler.wealth(1, 1), "operator");
        eq(handler.wealth(0, 2), handler.wealth(1, 2), "lender");
        atMost(handler.wealth(0, 0), handler.wealth(1, 0) + 612, "holders");
        atMost(handler.wealth(1, 0), handler.wealth(0, 0) + 612, "holders");
    }
}
