// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PayoffCurve} from "../settlement/PayoffCurve.sol";

/// @title KPI payment
/// @notice A two-way stream of payments whose signed amount per period is `fixed + payoff(KPI)`: positive, the payer (a
/// hedge provider) pays the payee (a project); negative, the other way round. A proxy revenue swap is one with a falling
/// line: fixed minus proxy revenue.
/// @dev A swap is agreed first and begins when {activate} is called with both sides' collateral in place; until then nothing
/// can be called, and by `startBy`, before anything is measured, it has begun or lapses.
///
/// Each side has three figures here. Its *balance* is money it has posted: collateral, and cash for the next
/// payments. What it *owes* is settlement it could not meet, with simple interest. Its *credit* is what it has
/// been paid and not withdrawn: its own while it keeps the terms; what its balance cannot meet its credit does. A side that
/// owes has no balance (nor, unless of limited recourse, credit), and at most one side owes: amounts are netted over
/// periods. Money only ever moves from a side to the other side's credit, or out to the party whose credit or balance it is.
///
/// Nobody owns the contract; whatever is due, anyone can trigger. Silence never pays: a missing report, of the KPI or of
/// the model value, costs the party that controls the data at least as much as any report (checked when it is created).
/// Timing never pays: the clock decides a default, and once a margin call's cure period has passed unmet nothing undoes it.
/// Periods that had begun by then are settled by their reports, the rest by a close-out amount that is the same whoever
/// closes out and whenever, and that never goes to the side that defaulted. A side that lacks collateral, is called or is
/// in default is paid nothing until it has paid.
///
/// Assumes: the currency is a plain ERC-20 (one that takes a fee is refused); the feeds name this contract as a consumer.
/// Warning: interest runs to the second, so a debtor who pays what `owed` said a moment ago still owes a little. Pay more:
/// the rest is its balance.
interface IKpiPayment {
    /// @dev Payer: the hedge provider. Payee: the project.
    enum Side {
        Payer,
        Payee
    }

    /// @dev What the defaulter owes for the periods that had not begun. ModelValue: what they are worth, by the value feed.
    /// LastFixing: the last fixing is the last; the future counts nothing but the required collateral, as damages.
    /// ReplacementCost: the settled amounts of the last year, for as long as the swap would have run, but not less than the
    /// required collateral.
    enum CloseOutRule {
        ModelValue,
        LastFixing,
        ReplacementCost
    }

    /// @dev Agreed -> Active or Lapsed; Active -> Matured, Defaulted or Terminated; Defaulted -> Closed, Terminated, or
    /// Matured when no period was left to close out. Nothing else. None: not initialised. Lapsed and Defaulted come by the
    /// clock.
    enum State {
        None,
        Agreed,
        Active,
        Defaulted,
        Matured,
        Closed,
        Terminated,
        Lapsed
    }

    /// @param payDate from when the period can be settled, unix seconds; not before the KPI's period of the same index ends
    /// @param fixedAmount signed part that does not depend on the KPI, minor units
    struct Period {
        uint64 payDate;
        int128 fixedAmount;
    }

    /// @param currency of all amounts; they are in its minor units
    /// @param feed KPI feed; its period i fixes payment i
    /// @param valueFeed with ModelValue: period i is what payments i and later are worth to the payee (negative: it owes),
    /// valued at that period's end: not before period i - 1 of the KPI has ended, not after pay date i. With the other
    /// rules: zero
    /// @param curePeriod seconds from a margin call to the default
    /// @param lateRate simple interest on what is owed, a year of 365 days, 1e18 = 100 %
    /// @param dataController who produces the data, and so must not gain from withholding it
    /// @param limitedRecourse the payee owes only what it posts: what it cannot pay is tracked, but is no default
    /// @param payeeStarts only the payee begins the swap (a project's treasury, when its issue settles); otherwise anyone
    /// @param startBy last second in which it can begin, unix seconds; before the first period ends
    /// @param missingPayoff takes the curve's place when the KPI report is missing
    /// @param missingValue takes the model value's place when its report is missing; with the other rules: zero
    /// @param requiredCollateral balance that each side must hold, [payer, payee]
    /// @param periods 1 to 240, pay dates ascending
    /// @param curve KPI in, signed minor units out
    struct Terms {
        address currency;
        address payer;
        address payee;
        address oracle;
        bytes32 feed;
        bytes32 valueFeed;
        uint32 curePeriod;
        uint64 lateRate;
        Side dataController;
        CloseOutRule closeOutRule;
        bool limitedRecourse;
        bool payeeStarts;
        uint64 startBy;
        int128 missingPayoff;
        int128 missingValue;
        uint128[2] requiredCollateral;
        Period[] periods;
        PayoffCurve.Curve curve;
    }

    /// @notice A side's books, in minor units.
    /// @param balance posted, and not yet paid away
    /// @param credit received, and not yet withdrawn
    /// @param principal, interest owed and unpaid, interest to now
    /// @param deadline of the open margin call, or zero
    struct Account {
        uint256 balance;
        uint256 credit;
        uint256 principal;
        uint256 interest;
        uint64 deadline;
    }

    /// @notice A side's offer to end the swap against one last signed amount.
    /// @param id counts up with each proposal of that side; zero: it has never made one
    /// @param periodsSettled when it was made; settling another period voids it
    /// @param expiry last second in which it can be accepted; zero: withdrawn
    struct Proposal {
        uint32 id;
        uint8 periodsSettled;
        uint64 expiry;
        int128 amount;
    }

    event PaymentInitialized(address indexed payer, address indexed payee, bytes32 indexed feed);
    event PaymentActivated();
    event PeriodSettled(uint256 indexed period, int128 kpi, bool missing, int256 amount);
    /// @notice A signed amount has been paid, as far as it could be: |amount| = netted + paid + unpaid.
    /// @param netted against what the receiving side owed
    /// @param paid from the paying side's balance, then its credit (not of limited recourse), to the other's credit
    /// @param unpaid added to what the paying side owes
    event AmountPaid(int256 amount, uint256 netted, uint256 paid, uint256 unpaid);
    /// @param repaid the part that went to the other side, for what was owed; the rest is balance
    event Funded(Side indexed side, address indexed from, uint256 amount, uint256 repaid);
    event Withdrawn(Side indexed side, address indexed to, uint256 amount);
    event MarginCalled(Side indexed side, uint64 deadline);
    event MarginRestored(Side indexed side);
    /// @param defaultedAt the deadline that passed first
    /// @param missing there was no model value, so the deal's rule took its place
    event ClosedOut(uint256 indexed period, uint64 defaultedAt, bool missing, int256 amount);
    event TerminationProposed(Side indexed side, uint32 indexed id, int128 amount, uint64 expiry);
    event TerminationWithdrawn(Side indexed side, uint32 indexed id);
    event AgreedTermination(Side indexed proposer, uint32 indexed id, int256 amount);
    event Matured();

    error KpiPayment_InvalidTerms(string what);
    error KpiPayment_WrongState(State state);
    error KpiPayment_NotDue(uint64 payDate);
    /// @dev A swap begins with both sides' collateral in place.
    error KpiPayment_NotCollateralised(Side side);
    /// @dev A period that had begun before the default must be settled first.
    error KpiPayment_PeriodOutstanding(uint256 period);
    error KpiPayment_NotParty(address caller);
    error KpiPayment_NoShortfall(Side side);
    error KpiPayment_MarginAlreadyCalled(Side side, uint64 deadline);
    error KpiPayment_AmountTooLarge(int256 amount);
    error KpiPayment_ExpiryPassed(uint64 expiry);
    /// @param asked the proposal that was to be accepted
    /// @param open the other side's proposal that can be, or zero
    error KpiPayment_NoSuchProposal(uint32 asked, uint32 open);
    /// @dev An agreed amount is paid at once, or the agreement is not made.
    error KpiPayment_Underfunded(uint256 unpaid);
    error KpiPayment_TooMuchHeld(uint256 held, uint256 most);
    /// @param expected what the contract should hold after a funding
    /// @param held what it holds
    error KpiPayment_UnsupportedCurrency(address currency, uint256 expected, uint256 held);

    /// @notice Set the terms, once and for good.
    function initialize(Terms calldata terms_) external;

    /// @notice Begin, with both sides' collateral in place, by `startBy`. The payee if it `payeeStarts`, otherwise anyone.
    function activate() external;

    // ---------------------------------------------------------------- money

    /// @notice Fix and pay the next period, from its pay date on, when its report is final or missing. Anyone.
    /// After a default: only periods that had begun before it.
    /// @dev What the receiving side owes from earlier is netted first (interest, then principal), then the paying side's
    /// balance goes to the other's credit, then its own credit (unless of limited recourse), and the rest is owed from now on.
    /// @return amount signed; positive: the payer pays
    function settle() external returns (int256 amount);

    /// @notice Pay in for a side. Anyone. What it owes is paid first (interest, then principal), the rest is its balance.
    /// Restores its margin when that is enough and in time.
    function fund(Side side, uint256 amount) external;

    /// @notice Pay a party its credit. Anyone may call, unless it is a payee who starts the swap: a treasury takes its money
    /// itself, as revenue of the period that it is for. It goes to the party. While the swap runs, only the party itself
    /// also gets its balance above the requirement, and only while no period is due and no default waits for its close-out;
    /// a side that lacks collateral, owes (unless of limited recourse) or is called gets nothing. Before the swap has begun
    /// the party gets all it has posted, and what is above the requirement once both sides' collateral is in place: from
    /// then on both are bound. Once the swap has ended or lapsed: all.
    /// @dev Otherwise a stranger could send back what a party has posted for tomorrow's payment, and a debtor could take its
    /// money out just before a settlement.
    function withdraw(Side side) external returns (uint256 paid);

    // ---------------------------------------------------------------- default

    /// @notice Call a side whose balance is below the requirement, or that owes (unless it is of limited recourse), to make
    /// that good within the cure period. Anyone.
    function callMargin(Side side) external;

    /// @notice After a default: the defaulter pays the close-out amount, and the swap ends. Anyone.
    /// @dev Periods that had begun before the default are settled first. By model value: period i of the value feed, where i
    /// is the first period that had not; waits until its report is final or missing. By replacement cost: see {CloseOut}.
    /// Not below zero for the other side, nor, unless by model value, below the defaulter's required collateral. When both
    /// sides default in the same second: zero.
    /// @return amount signed; positive: the payer pays
    function closeOut() external returns (int256 amount);

    // ---------------------------------------------------------------- early termination

    /// @notice For a party: offer to end the swap now against a signed amount, instead of all that is not settled yet. What
    /// is owed from earlier stays owed, but is netted. Replaces the party's own offer, if it has one.
    function proposeTermination(int128 amount, uint64 expiry) external returns (uint32 id);

    /// @notice For a party: take its own offer back.
    function withdrawTermination() external;

    /// @notice For a party: accept exactly this offer of the other one. Its amount is paid at once, or nothing happens: a
    /// proposer who takes its money out just before gains nothing by it.
    function acceptTermination(uint32 id) external;

    // ---------------------------------------------------------------- views

    function state() external view returns (State);
    /// @notice What a side owes and has not paid, with interest to now.
    function owed(Side side) external view returns (uint256 amount);
    function accountOf(Side side) external view returns (Account memory);
    /// @notice What `withdraw` would pay a side that calls it itself now.
    function withdrawable(Side side) external view returns (uint256);
    function periodsSettled() external view returns (uint256);
    /// @notice When the swap went into default, or zero.
    function defaultedAt() external view returns (uint64);
    function proposalOf(Side side) external view returns (Proposal memory);
    function partyOf(Side side) external view returns (address);
    function terms() external view returns (Terms memory);
}
