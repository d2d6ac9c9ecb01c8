// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Base of every proof. Each `check_` is run by halmos on all its arguments at once: no choice of them may reach
/// a false `assert`.
abstract contract Proof {
    /// @dev Leave what is not meant out of the proof. A revert is no counterexample to halmos.
    function given(bool condition) internal pure {
        if (!condition) revert();
    }
}
