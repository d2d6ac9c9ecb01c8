// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Offering
/// @notice Primary issue, delivery versus payment: money and units change hands in one transaction. The money waits here
/// until the soft cap is met; then it goes to the issuer and the servicer begins. If it is not met, whoever holds units
/// returns them for the price. The soft cap is a promise that others believe in the deal, so what its own parties buy does
/// not count towards it, and they can never buy so much that others could not meet it.
/// @dev Nobody can stop a refund, extend the window or change the price. No issue is settled in the block of a sale: money
/// borrowed for one transaction meets no cap. A wallet that no party is known by counts as anybody's.
interface IOffering {
    /// @param servicer of the token, which begins when the issue is settled: a bond, or a treasury
    /// @param unitPrice price of a unit in minor units
    /// @param softCap units below which the issue fails; @param hardCap most units that can be sold
    /// @param opens, closes subscription window, unix seconds (closes exclusive)
    /// @param parties of the deal, at most 16: together they buy no more than hardCap - softCap
    struct Terms {
        address token;
        address servicer;
        address currency;
        address issuer;
        uint128 unitPrice;
        uint64 softCap;
        uint64 hardCap;
        uint64 opens;
        uint64 closes;
        address[] parties;
    }

    enum State {
        NotOpen,
        Open,
        Succeeded,
        Failed,
        Settled
    }

    event Subscribed(address indexed investor, uint256 units, uint256 paid);
    event OfferingSettled(uint256 units, uint256 proceeds);
    event Refunded(address indexed holder, uint256 units, uint256 amount);

    error Offering_InvalidTerms(string what);
    error Offering_WrongState(State state);
    error Offering_ZeroUnits();
    error Offering_CapExceeded(uint256 requested, uint256 available);
    /// @param available units that parties of the deal can still buy
    error Offering_PartyCapExceeded(uint256 requested, uint256 available);
    error Offering_SoldInThisBlock(uint256 number);

    function initialize(Terms calldata terms_) external;

    /// @notice Buy units: the caller pays and receives in this transaction. It must have approved the currency.
    function subscribe(uint256 units) external returns (uint256 paid);

    /// @notice After the window (or at the hard cap) with the soft cap met by others than the parties: proceeds to the
    /// issuer, the servicer begins. Anyone, but not in the block of a sale.
    function settle() external;

    /// @notice After a failed issue: the caller returns its units for their price.
    function refund(uint256 units) external returns (uint256 amount);

    function state() external view returns (State);
    function sold() external view returns (uint256);
    /// @notice Units of those sold that parties of the deal bought, which do not count towards the soft cap.
    function soldToParties() external view returns (uint256);
    function terms() external view returns (Terms memory);
}
