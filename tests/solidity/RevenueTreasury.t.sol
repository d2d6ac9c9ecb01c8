// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../../contracts/interfaces/IKpiPayment.sol";
import {IRevenueTreasury} from "../../contracts/interfaces/IRevenueTreasury.sol";
import {TreasuryFixture} from "./utils/TreasuryFixture.sol";

/// @notice The treasury asks its swap whether more can be settled, or it can be closed out. A call that is given too little
/// gas says nothing, and that is no answer.
contract RevenueTreasuryTest is TreasuryFixture {
    function setUp() external {
        standardProject();
        sellProject();
        vm.warp(periodEnd(0) + 1 days);
        oracle.submit(feed, 0, 0, unanimous(feed, 0, 0, QUORUM, 7_000));
        vm.warp(payDateOf(0));
        payment.settle();
        earn(20_000);
    }

    function _refusesAllButWords(bytes4 call, bytes memory refusal) private {
        vm.mockCallRevert(address(payment), abi.encodeWithSelector(call), "");
        vm.expectRevert(refusal);
        treasury.pay();
        vm.clearMockedCalls();
        bytes memory words = abi.encodeWithSelector(IKpiPayment.KpiPayment_NotDue.selector, uint64(1));
        vm.mockCallRevert(address(payment), abi.encodeWithSelector(call), words);
        treasury.pay();
        eq(treasury.periodsPaid(), 1, "paid");
    }

    function test_pay_withoutGasForTheSettlement() external {
        _refusesAllButWords(
            IKpiPayment.settle.selector,
            abi.encodeWithSelector(IRevenueTreasury.RevenueTreasury_SwapNotSettled.selector, 1)
        );
    }

    function test_pay_withoutGasForTheCloseOut() external {
        payment.callMargin(PAYER);
        vm.warp(payment.accountOf(PAYER).deadline + 1);
        isTrue(payment.state() == IKpiPayment.State.Defaulted, "in default");
        _refusesAllButWords(
            IKpiPayment.closeOut.selector,
            abi.encodeWithSelector(IRevenueTreasury.RevenueTreasury_SwapNotClosedOut.selector)
        );
    }
}
