// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISale} from "./ISale.sol";

/// @title Offering
/// @notice Primary issue at one price, delivery versus payment: money and units change hands in one transaction.
/// @dev No issue is settled in the block of a sale: money borrowed for one transaction meets no cap.
interface IOffering is ISale {
    event Subscribed(address indexed investor, uint256 units, uint256 paid);

    error Offering_SoldInThisBlock(uint256 number);

    function initialize(Terms calldata terms_) external;

    /// @notice Buy units: the caller pays and receives in this transaction. It must have approved the currency.
    function subscribe(uint256 units) external returns (uint256 paid);
}
