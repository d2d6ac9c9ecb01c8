// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Waterfall} from "../settlement/Waterfall.sol";
import {IServicer} from "./IServicer.sol";

/// @title Treasury
/// @notice A vehicle's money: revenue comes in by line, and each period is spent by the ordered steps of a waterfall, which
/// are data of the deal. It services as many claim tokens as the deal issues.
/// @dev Nobody owns it; whatever is due, anyone can do. A period is run once, from its due date on, with the money that came
/// in before that date, the KPIs of that period and that date as its clock, so that it comes to the same whoever runs it
/// and whenever. What comes in later waits for its own period. People are paid by credit, to withdraw at any time, so that
/// one who cannot be paid blocks nobody; tokens are distributed to as the period is run, in whole minor units per unit, and
/// what is less waits for their next payment. Money that was simply sent is cash of the next period, and no revenue. After the
/// last period every pot is emptied by steps that the terms name for that, which neither test nor limit anything.
///
/// Assumes: the currency is a plain ERC-20 (one that takes a fee is refused) that does not block the contracts of the deal
/// themselves.
interface ITreasury is IServicer {
    /// @dev Offered -> Active -> Closed. Nothing else. Closed: all periods have been run. What is left, and revenue that comes
    /// still later, is spent all the same, but only claims that are `late` fall due on it.
    enum State {
        Offered,
        Active,
        Closed
    }

    /// @notice A source of revenue.
    /// @param name as a short string
    /// @param payer the only one who may pay it in; zero: anyone. Whoever pays a line in decides what a covenant on it says: what
    /// is tested should come from a payer who gains nothing by it, or be a KPI
    struct Line {
        bytes32 name;
        address payer;
    }

    /// @notice A KPI: its value of the period with the same number, which ends by the treasury's date.
    /// @param missing what counts where no report came
    struct Fact {
        address oracle;
        bytes32 feed;
        int128 missing;
    }

    /// @notice A pot of money beside the cash.
    /// @param opening what must be in it before the treasury begins
    /// @param funder who gets it back, whoever paid it in, if the treasury never does
    struct Pot {
        uint128 opening;
        address funder;
    }

    /// @notice Who is paid: a claim token, of which so many units must be in issue, or, without units, anyone by credit.
    struct Payee {
        address to;
        uint64 units;
    }

    /// @notice A KPI payment of which this treasury is the payee: `payee`, by its number, whom it pays what it owes on the swap,
    /// at once and not by credit, and whose money is revenue of `line`, by its number, into which nobody else pays.
    struct Swap {
        uint8 line;
        uint8 payee;
    }

    /// @param late whether it also falls due on revenue that comes after the last period
    /// @param payee of this claim, by its number
    struct Claim {
        uint8 due;
        uint8 loan;
        bool carries;
        bool late;
        uint8 payee;
    }

    struct Trigger {
        uint8 value;
        uint8 divisor;
        uint8 threshold;
        bool below;
        uint8 cures;
        uint40 within;
    }

    struct Figure {
        Waterfall.Rule rule;
        uint8 count;
        uint8[] refs;
    }

    struct Step {
        Waterfall.Op op;
        uint8 source;
        Waterfall.Order order;
        uint8 limit;
        uint8 target;
        uint8 weights;
        uint16 on;
        uint16 off;
        Waterfall.When when;
        uint8[] claims;
    }

    /// @notice What the references of claims, triggers, figures and steps mean: {Waterfall}. The inputs of a period are the
    /// revenue of each line, the value of each fact, what is owed on each swap when it is run, and the numbers.
    /// @param offerings that sell the tokens; the treasury begins with all of them or with none
    /// @param due when each period is, ascending, unix seconds
    /// @param pots beside the cash
    /// @param loans balance of each at first
    /// @param numbers each a value for every period, starting over when they are through
    /// @param swaps begin with the treasury. Of limited recourse and without collateral of the payee; they have settled all by
    /// the last due date, and a period is run long before they settle again: {SwapLegs}
    struct Terms {
        address currency;
        address[] offerings;
        uint64[] due;
        Line[] lines;
        Fact[] facts;
        Pot[] pots;
        Payee[] payees;
        uint128[] loans;
        int128[][] numbers;
        Claim[] claims;
        Trigger[] triggers;
        Figure[] figures;
        Step[] steps;
        Swap[] swaps;
    }

    event TreasuryInitialized(address indexed currency);
    event Deposited(uint256 indexed pot, address indexed from, uint256 amount);
    event TreasuryActivated();
    /// @param period that it counts for
    event RevenueReceived(bytes32 indexed line, address indexed from, uint256 indexed period, uint256 amount);
    /// @notice A period has been run.
    /// @param period their number for money that came after the last one
    /// @param income revenue of each line
    /// @param gifts what was simply sent, which is there for the next period
    /// @param moves what each step paid or moved, if anything, in order: step 8 bits, to 8, amount
    event PeriodPaid(uint256 indexed period, uint256[] income, uint256 gifts, uint256[] moves);
    /// @param value, divisor, threshold what it was tested with; @param failed whether it stands failed since
    event CovenantTested(
        uint256 indexed period, uint256 indexed trigger, int256 value, int256 divisor, int256 threshold, bool failed
    );
    event Withdrawn(uint256 indexed payee, address indexed to, uint256 amount);
    event MoneyReturned(uint256 indexed pot, address indexed to, uint256 amount);
    event TreasuryClosed();

    error Treasury_InvalidTerms(string what);
    error Treasury_NotOffering(address caller);
    error Treasury_WrongState(State state);
    error Treasury_NoSuchLine(bytes32 line);
    error Treasury_NoSuchPot(uint256 pot);
    error Treasury_NoSuchPayee(uint256 payee);
    error Treasury_NotPayer(address caller, address payer);
    error Treasury_TooMuch(uint256 amount, uint256 most);
    error Treasury_PotNotFilled(uint256 pot, uint256 amount, uint256 opening);
    error Treasury_NotIssued(address token, uint256 units, uint256 wanted);
    error Treasury_ForeignOffering();
    error Treasury_TooLate(uint64 firstDue);
    /// @dev Another services it, it is in another currency, or an offering that is none of the deal's sells it.
    error Treasury_ForeignToken(address token);
    error Treasury_NotDue(uint64 due);
    /// @dev A period waits for what its swaps bring.
    error Treasury_SwapNotSettled(address swap, uint256 period);
    error Treasury_SwapNotClosedOut(address swap);
    error Treasury_ProviderOwes(address swap, uint256 amount);
    error Treasury_NothingToSpend();
    error Treasury_UnsupportedCurrency(address currency, uint256 expected, uint256 received);
    error Treasury_IssueNotFailed();

    /// @notice Set the terms, once and for good.
    function initialize(Terms calldata terms_) external;

    /// @notice Until the treasury begins: fill a pot, up to its opening. Anyone; see {returnMoney}.
    function deposit(uint256 pot, uint256 amount) external;

    /// @notice Pay in revenue of a named line, once the treasury has begun. It counts for the first period not due yet.
    function receiveRevenue(bytes32 line, uint256 amount) external;

    /// @notice Run the next period, from its due date on, when the reports that it needs are final or missing, and swaps have
    /// settled all until then, can not be closed out, and are owed nothing by a provider who is not in default. After the
    /// last one: spend what is left and has come since. Anyone.
    function pay() external;

    /// @notice Pay a payee its credit. Anyone may call; it goes to the payee.
    function withdraw(uint256 payee) external returns (uint256 paid);

    /// @notice When an issue has failed, or was settled for something else, and so the treasury never begins: give what is in a pot to its funder, and what was
    /// simply sent (pot 0) to the issuer of the first offering. Anyone.
    function returnMoney(uint256 pot) external returns (uint256 returned);

    function terms() external view returns (Terms memory);
    function state() external view returns (State);
    function periodsPaid() external view returns (uint256);
    /// @notice Pots, the cash first, what each claim is owed, balances of loans and their losses.
    function registers() external view returns (int256[] memory);
    /// @notice Since when a trigger is on, 0 while it is off, and how many tests in a row it has passed.
    function triggerOf(uint256 trigger) external view returns (uint40 since, uint8 passes);
    /// @notice What a payee has earned and not been paid.
    function creditOf(uint256 payee) external view returns (uint256);
    /// @notice Revenue of a line that counts for a period; after the last one, what has not been spent.
    function incomeOf(uint256 period, uint256 line) external view returns (uint256);
}
