// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Pro rata
/// @notice Equal shares per unit, and amounts scaled to the units in issue.
/// @dev Python twin: finance/settlement/pro_rata.py.
library ProRata {
    error ProRata_NoUnits();
    error ProRata_Overflow();

    /// @notice Split an amount over units in whole minor units.
    /// @return each what a unit gets, rounded down
    /// @return paid each * units; the remainder (below `units` minor units) stays with the payer
    function perUnit(uint256 amount, uint256 units) internal pure returns (uint256 each, uint256 paid) {
        if (units == 0) revert ProRata_NoUnits();
        // Rounding down to whole shares is the purpose.
        // slither-disable-start divide-before-multiply
        each = amount / units;
        unchecked {
            paid = each * units; // not above amount
        }
        // slither-disable-end divide-before-multiply
    }

    /// @notice amount * units / ofUnits, rounded toward minus infinity (against the receiver of a positive amount).
    function scale(int256 amount, uint256 units, uint256 ofUnits) internal pure returns (int256 scaled) {
        if (ofUnits == 0) revert ProRata_NoUnits();
        uint256 magnitude = amount < 0 ? uint256(-amount) : uint256(amount);
        uint256 product = magnitude * units;
        // The second product only tells whether there was a remainder.
        // slither-disable-start divide-before-multiply
        uint256 quotient = product / ofUnits;
        if (amount < 0 && quotient * ofUnits != product) ++quotient;
        // slither-disable-end divide-before-multiply
        if (quotient > uint256(type(int256).max)) revert ProRata_Overflow();
        scaled = amount < 0 ? -int256(quotient) : int256(quotient);
    }
}
