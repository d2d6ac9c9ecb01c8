// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Primary sale
/// @notice Money against the units of a claim that is issued: what an offering and a book of orders have in common. The
/// money waits here until the soft cap is met; then it goes to the issuer and the servicer begins. If it is not met,
/// whoever holds units returns them for the price. The soft cap is a promise that others believe in the deal, so what its
/// own parties buy does not count towards it, and they can never buy so much that others could not meet it.
/// @dev Nobody can stop a refund, extend the window or change the terms. A wallet that no party is known by counts as
/// anybody's.
interface ISale {
    /// @param servicer of the token, which begins when the issue is settled: a bond, or a treasury
    /// @param unitPrice price of a unit in minor units; of a book the least
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

    event OfferingSettled(uint256 units, uint256 proceeds);
    event Refunded(address indexed holder, uint256 units, uint256 amount);

    error Offering_InvalidTerms(string what);
    error Offering_WrongState(State state);
    error Offering_ZeroUnits();
    error Offering_CapExceeded(uint256 requested, uint256 available);
    /// @param available units that parties of the deal can still buy
    error Offering_PartyCapExceeded(uint256 requested, uint256 available);

    /// @notice After a success, when nothing is to be delivered any more: proceeds to the issuer, the servicer begins.
    /// Anyone.
    function settle() external;

    /// @notice After a failed issue: the caller returns its units for their price.
    function refund(uint256 units) external returns (uint256 amount);

    function state() external view returns (State);
    function sold() external view returns (uint256);
    /// @notice Units of those sold that parties of the deal bought, which do not count towards the soft cap.
    function soldToParties() external view returns (uint256);
    /// @notice What the issuer was given, minor units; 0 until it is settled.
    function proceeds() external view returns (uint256);
    function terms() external view returns (Terms memory);
}
