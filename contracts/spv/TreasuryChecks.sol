// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../interfaces/IKpiPayment.sol";
import {IRevenueTreasury} from "../interfaces/IRevenueTreasury.sol";

/// @title Treasury checks
/// @notice What a treasury's terms must satisfy, alone and together with its swap.
library TreasuryChecks {
    uint256 internal constant MAX_PERIODS = 240; // bounds the loop over periods that are due as well

    /// @notice Revert with RevenueTreasury_InvalidTerms naming what is wrong.
    function validate(IRevenueTreasury.Terms calldata terms) internal view {
        _require(terms.token != address(0) && terms.currency != address(0), "token or currency zero");
        _require(terms.operator != address(0) && terms.offering != address(0), "operator or offering zero");
        uint256 count = terms.periods.length;
        _require(count != 0 && count <= MAX_PERIODS, "periods not 1-240");
        for (uint256 i = 0; i < count; ++i) {
            _require(i == 0 || terms.periods[i].payDate > terms.periods[i - 1].payDate, "pay dates not ascending");
            _require(terms.lender != address(0) || terms.periods[i].debtService == 0, "debt service without lender");
        }
        if (terms.swap != address(0)) _checkSwap(terms);
    }

    /// @dev The swap's terms are set already. A period is paid after the swap has settled it, so the swap must not go on
    /// when all periods are paid.
    function _checkSwap(IRevenueTreasury.Terms calldata terms) private view {
        IKpiPayment.Terms memory swap = IKpiPayment(terms.swap).terms();
        _require(swap.payee == address(this), "not the payee of the swap");
        _require(swap.payeeStarts, "anyone starts the swap");
        _require(swap.currency == terms.currency, "swap in another currency");
        _require(swap.requiredCollateral[uint256(IKpiPayment.Side.Payee)] == 0, "swap asks for collateral");
        _require(swap.periods.length <= terms.periods.length, "swap outlives the treasury");
        for (uint256 i = 0; i < swap.periods.length; ++i) {
            (uint256 pays, uint256 settles) = (terms.periods[i].payDate, swap.periods[i].payDate);
            _require(pays >= settles, "pays before the swap settles");
            // Called as soon as it owes, a project of full recourse must be able to pay in time.
            bool inTime = swap.limitedRecourse || pays < settles + swap.curePeriod;
            _require(inTime, "pays after the swap's cure period");
            if (i == 0) continue;
            // A provider that is short has paid, or is in default, and the period is paid, before the next one is settled.
            (uint256 paid, uint256 settled) = (terms.periods[i - 1].payDate, swap.periods[i - 1].payDate);
            _require(settled + swap.curePeriod < settles && paid < settles, "still waits when the swap settles again");
        }
    }

    function _require(bool ok, string memory what) private pure {
        if (!ok) revert IRevenueTreasury.RevenueTreasury_InvalidTerms(what);
    }
}
