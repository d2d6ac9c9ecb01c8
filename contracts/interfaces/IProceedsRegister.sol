// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Register of proceeds
/// @notice What the money of an issue is used for: the issuer records each payment out of the proceeds under one of the uses
/// that the deal names, with the hash of the document that shows it, and an independent reviewer, if the deal has one, says
/// of each whether it holds. No more is recorded than the issue brought, nor for a use than the deal has for it, and no
/// document counts twice. What is not recorded is unallocated, which anybody can read at any time.
/// @dev A statement and its proof, not custody: the proceeds are the issuer's once the issue is settled, and nothing that is
/// recorded, or left out, moves money. What is struck out stays in the log with the reason. Who the issuer is and what the
/// issue brought is the sale's to say, which the claim token names as its minter.
/// Source: ICMA, Green Bond Principles, June 2021: use of proceeds, management of proceeds, reporting.
/// Python twin: finance/settlement/proceeds.py.
interface IProceedsRegister {
    /// @param name as a short string
    /// @param amount the most that is recorded for it, minor units
    struct Use {
        bytes32 name;
        uint128 amount;
    }

    /// @param token whose minter is the sale
    /// @param reviewer who says whether an entry holds; zero: nobody does
    /// @param uses at most 32, each name once
    struct Terms {
        address token;
        address reviewer;
        Use[] uses;
    }

    enum Review {
        None,
        Accepted,
        Objected
    }

    /// @param struck whether the issuer has taken it out again
    struct Entry {
        bytes32 use;
        uint128 amount;
        Review review;
        bool struck;
        bytes32 document;
    }

    /// @param entry its number, from 0
    /// @param use by its name in the terms
    /// @param document the hash of what shows it
    event Recorded(uint256 indexed entry, bytes32 indexed use, uint256 amount, bytes32 document);
    /// @param document the hash of what says why
    event Struck(uint256 indexed entry, bytes32 document);
    /// @param accepted whether it holds, by the reviewer; the last word counts
    event Reviewed(uint256 indexed entry, bool accepted, bytes32 document);

    error ProceedsRegister_InvalidTerms(string what);
    error ProceedsRegister_NotIssuer(address caller);
    error ProceedsRegister_NotReviewer(address caller);
    /// @dev The issue is not settled, so there are no proceeds.
    error ProceedsRegister_NotSettled();
    error ProceedsRegister_NoSuchUse(bytes32 use);
    error ProceedsRegister_NoSuchEntry(uint256 entry);
    error ProceedsRegister_Nothing();
    /// @param left that can still be recorded: for the use, or of the proceeds, whichever is less
    error ProceedsRegister_TooMuch(uint256 amount, uint256 left);
    /// @param entry that it counts in already
    error ProceedsRegister_DocumentUsed(bytes32 document, uint256 entry);

    /// @notice Set once, by the factory, in the transaction that creates the clone.
    function initialize(Terms calldata terms_) external;

    /// @notice Record that so much was used. Only the sale's issuer, once the issue is settled.
    /// @return entry its number
    function record(bytes32 use, uint128 amount, bytes32 document) external returns (uint256 entry);

    /// @notice Take an entry out again: its amount is unallocated from now on, and its document may count anew. Only the
    /// issuer.
    function strike(uint256 entry, bytes32 document) external;

    /// @notice Say whether an entry holds. Only the reviewer.
    function review(uint256 entry, bool accepted, bytes32 document) external;

    function terms() external view returns (Terms memory);
    /// @notice How many entries there are, those struck out too.
    function entryCount() external view returns (uint256);
    function entryOf(uint256 entry) external view returns (Entry memory);
    /// @notice Recorded for a use, minor units.
    function allocatedTo(bytes32 use) external view returns (uint256);
    /// @notice What the issue brought, minor units; 0 before it is settled.
    function raised() external view returns (uint256);
    /// @notice What of that is recorded for nothing.
    function unallocated() external view returns (uint256);
}
