// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PayoffCurve} from "../settlement/PayoffCurve.sol";
import {IServicer} from "./IServicer.sol";

/// @title KPI bond
/// @notice A bullet bond with a frozen coupon schedule and an outcome payment that bends with a KPI, either way.
/// @dev The bond is the paying agent: the issuer (or anyone) funds it, anyone triggers what is due, holders claim from
/// the token. The issuer can take money back only once the bond is redeemed. Accrual factors come in as exact fractions
/// computed off chain by the deal's day-count rule, so every day count works. Interest rounds down to a minor unit; the
/// remainder stays with the bond. Silence never pays: a missing report costs the party that controls the data at least
/// as much as any report could (checked when the bond is created).
interface IKpiBond is IServicer {
    /// @param payDate when the coupon falls due, unix seconds
    /// @param numerator, denominator accrual factor of the period in years, an exact fraction
    struct Period {
        uint64 payDate;
        uint32 numerator;
        uint32 denominator;
    }

    /// @dev Who produces the data, and so must not gain from withholding it.
    enum DataController {
        Issuer,
        Holders
    }

    /// @param unitPrincipal principal of one unit in minor units of the currency
    /// @param authorisedUnits units of the full issue, to which `outcome` amounts refer
    /// @param rate coupon a year, 1e18 = 100 %
    /// @param periods coupon periods, ascending; the last pay date is the maturity
    /// @param gracePeriod seconds after a due date before the bond can be in default
    /// @param curePeriod seconds after a default in which arrears can still be made good
    /// @param feed, kpiPeriod the report that fixes the outcome
    /// @param outcome KPI in, outcome payment out (minor units for the full issue; positive: issuer pays holders)
    /// @param missingOutcome outcome payment when the report is missing
    struct Terms {
        address token;
        address currency;
        address issuer;
        address offering;
        address oracle;
        bytes32 feed;
        uint32 kpiPeriod;
        uint32 gracePeriod;
        uint32 curePeriod;
        DataController dataController;
        uint128 unitPrincipal;
        uint64 authorisedUnits;
        uint64 rate;
        int128 missingOutcome;
        Period[] periods;
        PayoffCurve.Curve outcome;
    }

    /// @dev Offered -> Active -> Redeemed; Active <-> Defaulted -> Accelerated -> Redeemed. Nothing else.
    enum State {
        Offered,
        Active,
        Defaulted,
        Accelerated,
        Redeemed
    }

    event BondActivated(uint256 units);
    event BondFunded(address indexed from, uint256 amount);
    event CouponPaid(uint256 indexed period, uint256 due, uint256 paid);
    event OutcomeFixed(int128 kpi, bool missing, int256 outcome);
    event BondRedeemed(uint256 principal, int256 outcome, uint256 paid);
    event BondDefaulted(uint256 indexed period, uint256 due, uint256 held);
    event DefaultCured();
    event BondAccelerated(uint256 interestOwed, uint256 principalOwed);
    event Recovered(uint256 interest, uint256 principal, uint256 paid);
    event SurplusReturned(uint256 amount);

    error KpiBond_InvalidTerms(string what);
    error KpiBond_NotOffering(address caller);
    error KpiBond_WrongState(State state);
    error KpiBond_NotDue(uint64 due);
    error KpiBond_Underfunded(uint256 due, uint256 held);
    error KpiBond_CouponsOutstanding(uint256 paid, uint256 total);
    error KpiBond_OutcomeNotFixed();
    error KpiBond_OutcomeAlreadyFixed();
    error KpiBond_InGrace(uint64 until);
    error KpiBond_Funded(uint256 due, uint256 held);
    error KpiBond_CurePeriodOver(uint64 until);
    error KpiBond_CurePeriodOpen(uint64 until);
    error KpiBond_NothingToRecover();

    function initialize(Terms calldata terms_) external;

    /// @notice Put money in to meet what is or will be due. Anyone.
    function fund(uint256 amount) external;

    /// @notice Pay the next coupon that is due. Anyone. Several overdue coupons take several calls.
    function payCoupon() external returns (uint256 paid);

    /// @notice Turn the final (or missing) report into the outcome payment. Anyone.
    function fixOutcome() external returns (int256 outcome);

    /// @notice At maturity, coupons paid and outcome fixed: pay principal plus outcome (less, if negative), close the token.
    function redeem() external returns (uint256 paid);

    /// @notice Declare the default of a payment that is past its grace period and not funded. Anyone.
    function declareDefault() external;

    /// @notice Return to normal when the arrears are funded within the cure period. Anyone.
    function cure() external;

    /// @notice Make everything due once the cure period has passed: unpaid coupons, interest accrued to now (by time
    /// within the period), principal and the outcome. Anyone.
    /// @dev The outcome is fixed here if it is not yet. A settled report (or a missing one) counts as always. Before the
    /// period has ended there can be none, through the issuer's default alone, so the outcome best for holders counts: a
    /// default is no way round an outcome payment. In between, acceleration waits for the report to be settled, which
    /// the oracle's deadlines bound, so that nobody gains by sitting on data.
    function accelerate() external;

    /// @notice After acceleration: share whatever the bond holds among holders pro rata, interest before principal.
    function recover() external returns (uint256 paid);

    /// @notice Interest and principal (with the outcome) still owed after acceleration.
    function owedAfterAcceleration() external view returns (uint256 interest, uint256 principalAndOutcome);

    /// @notice After redemption, return what is left to the issuer. Anyone may call; it goes to the issuer.
    function returnSurplus() external returns (uint256 amount);

    function terms() external view returns (Terms memory);
    function state() external view returns (State);
    function couponsPaid() external view returns (uint256);
    function outcomeFixed() external view returns (bool);
    /// @notice The fixed outcome payment for the units in issue, signed.
    function outcome() external view returns (int256);
    /// @notice The amount and date of the next payment: a coupon, or after the last coupon the redemption.
    function nextPayment() external view returns (uint64 due, uint256 amount);
    function maturity() external view returns (uint64);
    function principal() external view returns (uint256);
}
