// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Servicer
/// @notice Whoever services a claim token: pays its holders, and closes it in the end. A bond, or a project's treasury.
interface IServicer {
    /// @notice Begin: all units are sold. Only the offering.
    function activate() external;
}
