// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Office
/// @notice The account of a role that outlasts whoever has it: other contracts of a deal name the office, and the office has a
/// keeper, who acts through it. Terms never change; the keeper does, by these rules and with notice.
///
/// The keeper may hand the office on: it names its successor, who takes it once the notice has run. And the deal's appointers
/// may give it to another, so that no lost or stolen key ends a role: a quorum of them supports a candidate, and the notice
/// runs from then. A keeper who is still there may object to that, and then only all appointers together can do it, with
/// another notice; what all of them support nobody can object to.
/// @dev Who takes an office does it by itself, so that no role goes to a key that nobody has; and within 30 days, so that no
/// old support turns up years later. Until then the keeper acts as before, whatever is announced.
///
/// A handover by the keeper leaves support and objections as they are. Else a thief of its key, who hands the office from one
/// wallet of its own to the next, would escape the appointers for ever. An appointment ends them all, and what the keeper
/// has announced.
///
/// Money that a deal pays to the role comes to the office, and anybody may send it on to the keeper.
/// Python twin: finance/settlement/office.py.
interface IOffice {
    /// @param keeper the first one
    /// @param currency what {collect} sends on
    /// @param noticeSeconds from an announcement to the first second in which the office can be taken; at most 3650 days
    /// @param quorum of the appointers, at least 2
    /// @param appointers at most 16, each once
    struct Terms {
        address keeper;
        address currency;
        uint40 noticeSeconds;
        uint8 quorum;
        address[] appointers;
    }

    /// @param votes a bit for each appointer that supports the candidate, by its place in the terms
    /// @param objected whether the keeper has objected, so that all must
    /// @param since when there were enough, unix seconds; 0 where there are not
    struct Candidacy {
        uint16 votes;
        bool objected;
        uint40 since;
    }

    /// @param to zero where the keeper takes its announcement back
    /// @param from when it can be taken, unix seconds
    event HandoverAnnounced(address indexed to, uint256 from);
    /// @param votes how many support the candidate now
    /// @param from when the office can be taken, unix seconds; 0 while there are not enough
    event CandidateSupported(address indexed appointer, address indexed candidate, uint256 votes, uint256 from);
    event SupportWithdrawn(address indexed appointer, address indexed candidate, uint256 votes);
    /// @notice From now on only all appointers together can give the candidate the office.
    event CandidateRejected(address indexed candidate);
    /// @param appointed whether by appointers; else the keeper has handed it on
    event OfficeTaken(address indexed from, address indexed to, bool appointed);
    event OfficeMoneyCollected(address indexed keeper, uint256 amount);

    error Office_InvalidTerms(string what);
    error Office_NotKeeper(address caller);
    error Office_NotAppointer(address caller);
    /// @dev Nobody, the office itself, an appointer, or who has it already.
    error Office_NoCandidate(address candidate);
    /// @dev It supports the candidate already, or does not support it.
    error Office_NothingChanges(address candidate);
    /// @dev Nobody supports the candidate, the keeper has objected already, or all appointers are for it.
    error Office_CannotObject(address candidate);
    /// @param from when it can be taken; 0: nobody gives it to the caller, or no more
    error Office_NotYours(address caller, uint256 from);
    error Office_NotThroughItself();

    /// @notice Set once, by the factory, in the transaction that creates the clone.
    function initialize(Terms calldata terms_) external;

    /// @notice Call another contract as the office. Only the keeper; what it reverts with is passed on.
    /// @return what the other contract returns
    function execute(address target, bytes calldata data) external returns (bytes memory);

    /// @notice Announce who is to have the office next, in place of whom was announced; zero: nobody. Only the keeper.
    function handOn(address to) external;

    /// @notice Be for a candidate. Only an appointer. Support that has lapsed, since the office was not taken in time, begins
    /// anew.
    function support(address candidate) external;

    /// @notice Be no longer for a candidate: where too few are left, nothing is announced any more. Only an appointer.
    function withdrawSupport(address candidate) external;

    /// @notice Object to a candidate, once. Only the keeper, and not against all appointers.
    function object(address candidate) external;

    /// @notice Have the office from now on. Only who may by now: whom the keeper has announced, or enough appointers support.
    function take() external;

    /// @notice Send what the office holds of the currency to the keeper.
    function collect() external returns (uint256 amount);

    function terms() external view returns (Terms memory);
    function keeper() external view returns (address);
    /// @notice Whom the keeper has announced, and when, unix seconds.
    function announced() external view returns (address to, uint40 since);
    function candidacyOf(address candidate) external view returns (Candidacy memory);
}
