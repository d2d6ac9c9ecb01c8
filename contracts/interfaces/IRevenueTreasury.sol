// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServicer} from "./IServicer.sol";

/// @title Revenue treasury
/// @notice A project's treasury and the servicer of its claim token: revenue comes in by line, a swap settles in or out,
/// and each period what is held is spent in this order: operating cost, debt service, what the project owes on the swap,
/// and the rest to the holders of the token.
/// @dev The simplest waterfall that is fair. Nobody owns it; whatever is due, anyone can trigger. What a period cannot pay
/// of cost and debt is carried as arrears, without interest, before everything that ranks below; what the swap is owed is
/// carried by the swap, with its interest. So the project owes on the swap only what is held above its senior needs, and
/// holders get nothing while anything above them is unpaid. Operator and lender are paid by credit, to withdraw at any
/// time, so that one who cannot be paid blocks nobody. All money counts that is here and credited to nobody: revenue,
/// what the swap paid, and what was simply sent. Less than one minor unit per unit stays and is carried.
///
/// Assumes: the currency is a plain ERC-20 (one that takes a fee is refused as revenue) that does not block the contracts
/// of the deal themselves; the swap is a KpiPayment. The limits of the claim token hold.
/// Warning: revenue counts for the period that is paid next, whenever it was earned. Pay dates belong after the days on
/// which a period's revenue comes in: what comes later waits for the next one, while the swap's interest runs.
interface IRevenueTreasury is IServicer {
    enum Party {
        Operator,
        Lender
    }

    /// @dev Offered -> Active -> Closed. Nothing else. Closed: all periods are paid and the swap is over with nothing owed to
    /// the project. Revenue that comes still later is paid out all the same.
    enum State {
        Offered,
        Active,
        Closed
    }

    /// @param payDate from when the period can be paid, unix seconds
    /// @param operatingCost for the operator, minor units
    /// @param debtService for the lender, minor units
    struct Period {
        uint64 payDate;
        uint96 operatingCost;
        uint96 debtService;
    }

    /// @param swap of which this contract is the payee, without collateral; or zero. It begins with the treasury. Of full
    /// recourse, its cure period is longer than the treasury takes to pay after it
    /// @param operator, lender paid by credit; the lender may be zero if there is no debt service
    /// @param periods 1 to 240, pay dates ascending; as many as the swap's or more, and none before the swap's of the same
    /// index
    struct Terms {
        address token;
        address currency;
        address offering;
        address swap;
        address operator;
        address lender;
        Period[] periods;
    }

    event TreasuryInitialized(address indexed token, address indexed swap);
    event TreasuryActivated(uint256 units);
    /// @param line of the project's accounts, as a short string
    event RevenueReceived(bytes32 indexed line, address indexed from, uint256 amount);
    /// @notice What was held has been spent, in this order; cost and debt with their arrears.
    /// @param period that has been paid; their number for a payment after the last one
    /// @param collected from the swap
    /// @param swap paid for what the project owed on it
    /// @param holders distributed
    event PeriodPaid(
        uint256 indexed period,
        uint256 collected,
        uint256 operatingCost,
        uint256 debtService,
        uint256 swap,
        uint256 holders
    );
    event Withdrawn(Party indexed party, address indexed to, uint256 amount);
    /// @param collected from the swap
    event MoneyReturned(address indexed issuer, uint256 collected, uint256 returned);
    event TreasuryClosed();

    error RevenueTreasury_InvalidTerms(string what);
    error RevenueTreasury_NotOffering(address caller);
    error RevenueTreasury_WrongState(State state);
    error RevenueTreasury_NotDue(uint64 payDate);
    error RevenueTreasury_SwapNotSettled(uint256 period);
    error RevenueTreasury_SwapNotClosedOut();
    error RevenueTreasury_ProviderOwes(uint256 amount);
    error RevenueTreasury_AllPaid(uint256 periods);
    error RevenueTreasury_PeriodsOutstanding(uint256 paid, uint256 total);
    error RevenueTreasury_UnsupportedCurrency(address currency, uint256 expected, uint256 received);
    error RevenueTreasury_IssueNotFailed();

    /// @notice Set the terms, once and for good.
    function initialize(Terms calldata terms_) external;

    /// @notice Pay in revenue of a named line. Anyone, once the token is issued.
    function receiveRevenue(bytes32 line, uint256 amount) external;

    /// @notice Pay the next period, from its pay date on, when the swap has settled it, can neither settle more nor be closed
    /// out now, and its provider owes nothing or is in default; or when the swap is over. Anyone.
    /// @dev Collects what the swap has for the project first. If it is late and the pay dates of further periods have
    /// passed, or the swap has settled them, what those need for cost and debt is held back, so that nobody gains by the
    /// delay.
    /// @return distributed to the holders
    function pay() external returns (uint256 distributed);

    /// @notice After the last period: spend what has come since, in the same order. Anyone, as often as money comes. Before,
    /// while the swap has called a project of full recourse: pay what can be of arrears and of the swap, and no holder;
    /// what the next period needs is kept for it.
    function payRest() external returns (uint256 distributed);

    /// @notice Pay a party its credit. Anyone may call; it goes to the party.
    function withdraw(Party party) external returns (uint256 paid);

    /// @notice When the issue has failed, and so the swap never begins: give what is here, and what was paid into the swap
    /// for the project, to the issuer, whose project it still is. Anyone, as often as money comes.
    function returnMoney() external returns (uint256 returned);

    function terms() external view returns (Terms memory);
    function state() external view returns (State);
    function periodsPaid() external view returns (uint256);
    /// @notice What has fallen due to a party by the periods paid, and could not be paid.
    function arrearsOf(Party party) external view returns (uint256);
    /// @notice What {withdraw} would pay now.
    function creditOf(Party party) external view returns (uint256);
    /// @notice What is here and credited to nobody.
    function available() external view returns (uint256);
}
