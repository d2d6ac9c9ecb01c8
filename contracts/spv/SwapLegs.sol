// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../interfaces/IKpiPayment.sol";
import {ITreasury} from "../interfaces/ITreasury.sol";
import {PaymentTerms} from "../instruments/PaymentTerms.sol";

/// @title Swap legs
/// @notice What a treasury asks of the KPI payments that it is the payee of: before it takes them, and before a period.
/// @dev A contract of its own, so that the treasury does not carry this code. It has no state.
contract SwapLegs {
    using PaymentTerms for bytes;

    IKpiPayment.Side private constant PROJECT = IKpiPayment.Side.Payee;
    IKpiPayment.Side private constant PROVIDER = IKpiPayment.Side.Payer;

    /// @notice Revert with Treasury_InvalidTerms unless the caller, a treasury in `currency` whose periods are due at `due`, can
    /// be the swap's payee.
    /// @dev The treasury has no money of its own to post, and pays the swap what its waterfall leaves for it: recourse is
    /// limited. It has settled all before the last period is run. And no period waits for a provider, until that has paid or
    /// is in default, for as long as until the swap settles again: who runs each in time has it run on its own money.
    function check(address swap, address currency, uint64[] calldata due) external view {
        bytes memory t = _terms(swap);
        _require(t.party(PROJECT) == msg.sender, "not the payee of the swap");
        _require(t.currency() == currency, "swap in another currency");
        _require(t.payeeStarts(), "anyone starts the swap");
        _require(t.isLimited(PROJECT), "swap of full recourse");
        _require(t.required(PROJECT) == 0, "swap asks for collateral");
        uint256 count = t.periodCount();
        _require(t.payDate(count - 1) <= due[due.length - 1], "swap outlives the treasury");
        uint256 period = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint64 settles = t.payDate(i);
            while (due[period] < settles) {
                ++period; // ends: the last one is not before the swap's last
            }
            if (i + 1 == count) break;
            uint64 next = t.payDate(i + 1);
            bool isLast = next > due[period]; // of those that the period waits for
            _require(!isLast || settles + t.curePeriod() < next, "still waits when the swap settles again");
        }
    }

    /// @notice Revert unless a swap has brought all that a period due at `due` can have of it.
    /// @dev Or whoever gains by its being late, or in another order, would call first. So the swap has settled all that it
    /// could by then; what can be closed out is; and the provider's debt is waited for until it is paid or in default: a cure
    /// period after a margin call, or after the last settlement could be made.
    /// @return since when what it has now counts: the pay date that it settled last, zero for none
    function awaitSwap(IKpiPayment swap, uint64 due) external returns (uint64 since) {
        bytes memory t = _terms(address(swap));
        IKpiPayment.State stands = swap.state();
        uint256 settled = swap.periodsSettled();
        if (settled != 0) since = t.payDate(settled - 1);
        if (stands <= IKpiPayment.State.Defaulted) {
            if (t.payDate(settled) <= due) revert ITreasury.Treasury_SwapNotSettled(address(swap), settled);
            if (stands == IKpiPayment.State.Defaulted) {
                // What this call does is undone with all the rest. Out of gas it says nothing, which is no answer.
                // slither-disable-next-line unused-return
                try swap.closeOut() returns (int256) {
                    revert ITreasury.Treasury_SwapNotClosedOut(address(swap));
                } catch (bytes memory why) {
                    if (why.length == 0) revert ITreasury.Treasury_SwapNotClosedOut(address(swap));
                }
                return since;
            }
        }
        uint256 owed = swap.owed(PROVIDER);
        if (owed != 0 && _mayStillPay(swap, t, stands)) revert ITreasury.Treasury_ProviderOwes(address(swap), owed);
    }

    /// @dev Whether the provider, which owes, is not in default.
    function _mayStillPay(IKpiPayment swap, bytes memory t, IKpiPayment.State stands) private view returns (bool) {
        if (stands == IKpiPayment.State.Active) return true;
        if (stands != IKpiPayment.State.Matured || swap.defaultedAt() != 0) return false;
        uint256 last = t.periodCount() - 1;
        uint64 paid = t.payDate(last);
        uint64 known = IKpiOracle(t.oracle()).reportOf(t.feed(), uint32(last)).finalAt; // at most 240 periods
        return block.timestamp <= (known > paid ? known : paid) + t.curePeriod();
    }

    /// @dev As {PaymentTerms} reads them: what the swap answers is what it keeps.
    function _terms(address swap) private view returns (bytes memory) {
        return Address.functionStaticCall(swap, abi.encodeCall(IKpiPayment.terms, ()));
    }

    function _require(bool ok, string memory what) private pure {
        if (!ok) revert ITreasury.Treasury_InvalidTerms(what);
    }
}
