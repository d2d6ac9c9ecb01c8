// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Offering
/// @notice Primary issue, delivery versus payment: money and units change hands in one transaction. The money waits here
/// until the soft cap is met; then it goes to the issuer and the servicer begins. If it is not met, whoever holds units
/// returns them for the price.
/// @dev Nobody can stop a refund, extend the window or change the price.
interface IOffering {
    /// @param servicer of the token, which begins when the issue is settled: a bond, or a treasury
    /// @param unitPrice price of a unit in minor units
    /// @param softCap units below which the issue fails; @param hardCap most units that can be sold
    /// @param opens, closes subscription window, unix seconds (closes exclusive)
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

    function initialize(Terms calldata terms_) external;

    /// @notice Buy units: the caller pays and receives in this transaction. It must have approved the currency.
    function subscribe(uint256 units) external returns (uint256 paid);

    /// @notice After the window (or at the hard cap) with the soft cap met: proceeds to the issuer, the servicer begins.
    /// Anyone.
    function settle() external;

    /// @notice After a failed issue: the caller returns its units for their price.
    function refund(uint256 units) external returns (uint256 amount);

    function state() external view returns (State);
    function sold() external view returns (uint256);
    function terms() external view returns (Terms memory);
}
