// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title Liquidity buffer
/// @notice Money of a sponsor that stands ready to buy units of a claim token at their model value less a discount: what a
/// holder gets by selling today. The value of a unit is a KPI of the deal, reported by the oracle network as any other: what
/// a unit is worth since issue, all that it had earned by the end of the period and the value of what is still to be paid
/// then. What it has earned by now is taken off, so a payment before or after a sale makes no difference to either side.
/// @dev It is a maker on a trade desk that signs by rule (ERC-1271): whoever sells writes the quote that the buffer would,
/// and gives `abi.encode(quote)` as its signature. The desk moves units and money together, or nothing.
/// Open is it only while the last period of the KPI that has ended is marked: from the end of a period until its report is
/// final nobody sells at the old value who may know the new one, and a period without a report has no mark. A mark older
/// than the deal allows is none. No trade changes a mark.
/// What it holds earns as any unit does; that money buys again. Units stay here to their end, and after the offer what they
/// earn is the sponsor's. Nobody can take its money before; no role.
/// Assumes: nodes that compute the value by the deal's method; the registry's verifier admits the buffer as a holder; the
/// sponsor has no hand in the data.
/// Warning: bad news between two marks is bought at the old value, for the units of one period at most.
/// Python twin: finance/settlement/liquidity_buffer.py.
interface ILiquidityBuffer is IERC1271 {
    /// @param desk of the token
    /// @param feed of the value of a unit, minor units of the currency
    /// @param sponsor whose money it is
    /// @param discount of a unit's value, 1e18 = 100 %, below that
    /// @param longest age of a mark, seconds from the end of its period
    /// @param most units that it buys at one mark
    /// @param until when the offer ends, unix seconds (exclusive)
    struct Terms {
        address desk;
        address oracle;
        bytes32 feed;
        address sponsor;
        uint64 discount;
        uint32 longest;
        uint64 most;
        uint64 until;
    }

    /// @param value of a unit since issue at the end of its period, minor units; 0: there is none
    /// @param time the end of its period, unix seconds
    /// @param closes when it no longer counts, unix seconds (exclusive)
    /// @param limit units that the buffer holds at most while it counts
    /// @param evidence of the report: its basis
    struct Mark {
        uint128 value;
        uint64 time;
        uint64 closes;
        uint64 limit;
        bytes32 evidence;
    }

    event Funded(uint256 amount);
    /// @param period from 0
    /// @param value of a unit since issue, minor units; 0 where the report is missing or not above 0
    event Marked(uint32 indexed period, uint256 value, bytes32 evidence);
    event Released(uint256 amount);

    error LiquidityBuffer_InvalidTerms(string what);
    error LiquidityBuffer_NotSponsor(address caller);
    error LiquidityBuffer_Over(uint64 until);
    error LiquidityBuffer_StillOffered(uint64 until);
    error LiquidityBuffer_NotExact(uint256 received, uint256 due);

    /// @notice Set once, by the factory, in the transaction that creates the clone.
    function initialize(Terms calldata terms_) external;

    /// @notice For the sponsor: put money in, until the offer ends.
    function fund(uint256 amount) external;

    /// @notice Mark the next period of the KPI, once its report is final or missing. Anyone.
    function mark() external;

    /// @notice Take what the buffer's units have earned, which also objects to a recovery of its holding. Anyone.
    function collect() external returns (uint256 amount);

    /// @notice Once the offer is over, or the token has ended: all the money there is goes to the sponsor. Anyone, again
    /// when more is collected.
    function release() external returns (uint256 amount);

    /// @notice What it pays for a unit now, minor units; 0 while it buys none.
    function bid() external view returns (uint256);

    /// @notice Units that it would still buy at this mark, if it has the money.
    function room() external view returns (uint256);

    /// @notice The mark of the last period that was marked, whether it still counts or not.
    function markNow() external view returns (Mark memory);

    /// @notice How many periods are marked.
    function marked() external view returns (uint32);

    function terms() external view returns (Terms memory);
}
