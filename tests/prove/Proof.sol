// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Base of every proof. Each `check_` is run by halmos on all its arguments at once: no choice of them may reach
/// a false `assert`.
abstract contract Proof {
    /// @dev Leave what is not meant out of the proof. A revert is no counterexample to halmos.
    function given(bool condition) internal pure {
        if (!condition) revert();
    }

    // Without a jump, so that halmos asks one question for all that is to hold on a path.

    function isLeast(uint256 least, uint256 a, uint256 b) internal pure returns (bool) {
        return both(either(least == a, least == b), both(least <= a, least <= b));
    }

    function both(bool a, bool b) internal pure returns (bool ok) {
        assembly ("memory-safe") {
            ok := and(a, b)
        }
    }

    function either(bool a, bool b) internal pure returns (bool ok) {
        assembly ("memory-safe") {
            ok := or(a, b)
        }
    }
}
