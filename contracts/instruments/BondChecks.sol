// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiBond} from "../interfaces/IKpiBond.sol";
import {Accrual} from "../settlement/Accrual.sol";
import {PayoffCurve} from "../settlement/PayoffCurve.sol";

/// @title Bond checks
/// @notice What a bond's terms must satisfy, among it that silence never pays.
library BondChecks {
    uint256 internal constant MAX_PERIODS = 240; // bounds the loops of a cure and an acceleration

    /// @dev Half of what the claim token's 96-bit index holds, so that a payment can never be too large to distribute.
    uint256 internal constant MAX_LIFETIME_PER_UNIT = type(uint96).max / 2;

    /// @notice Revert with KpiBond_InvalidTerms naming what is wrong.
    function validate(IKpiBond.Terms calldata terms) internal pure {
        _require(terms.token != address(0) && terms.currency != address(0), "token or currency zero");
        _require(terms.issuer != address(0) && terms.offering != address(0), "issuer or offering zero");
        _require(terms.unitPrincipal != 0 && terms.authorisedUnits != 0, "principal zero");
        uint256 count = terms.periods.length;
        _require(count != 0 && count <= MAX_PERIODS, "periods not 1-240");
        for (uint256 i = 0; i < count; ++i) {
            _require(terms.periods[i].denominator != 0, "accrual denominator zero");
            _require(i == 0 || terms.periods[i].payDate > terms.periods[i - 1].payDate, "pay dates not ascending");
        }
        _require(terms.periods[count - 1].payDate <= type(uint48).max, "maturity too far away");

        int256 lowest = PayoffCurve.minimum(terms.outcome);
        int256 highest = PayoffCurve.maximum(terms.outcome);
        int256 missing = terms.missingOutcome;
        bool adverse =
            terms.dataController == IKpiBond.DataController.Issuer ? missing >= highest : missing <= lowest;
        _require(adverse, "silence would pay the data controller");
        int256 principal = int256(uint256(terms.unitPrincipal) * terms.authorisedUnits); // below 2^192
        _require(lowest >= -principal && missing >= -principal, "outcome takes more than the principal");
        uint256 best = uint256(_max(_max(highest, missing), 0));
        _require(_lifetimePerUnit(terms, best) <= MAX_LIFETIME_PER_UNIT, "pays more than a token can account for");
    }

    /// @dev All a unit can ever earn from the bond, rounded up.
    function _lifetimePerUnit(IKpiBond.Terms calldata terms, uint256 bestOutcome) private pure returns (uint256 sum) {
        sum = uint256(terms.unitPrincipal) + bestOutcome / terms.authorisedUnits + 1;
        for (uint256 i = 0; i < terms.periods.length; ++i) {
            IKpiBond.Period calldata p = terms.periods[i];
            sum += Accrual.interest(terms.unitPrincipal, terms.rate, p.numerator, p.denominator) + 1;
        }
    }

    function _max(int256 a, int256 b) private pure returns (int256) {
        return a > b ? a : b;
    }

    function _require(bool ok, string memory what) private pure {
        if (!ok) revert IKpiBond.KpiBond_InvalidTerms(what);
    }
}
