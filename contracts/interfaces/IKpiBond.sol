// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PayoffCurve} from "../settlement/PayoffCurve.sol";
import {IServicer} from "./IServicer.sol";

/// @title KPI bond
/// @notice A bond or loan with a frozen schedule of coupons and repayments, whose coupon rate and payments may bend with
/// KPIs, either way. Without fixings it is a fixed bond; with everything repaid in the last period, a bullet.
/// @dev The bond is the paying agent: the issuer (or anyone) funds it, anyone triggers what is due, holders claim from
/// the token. The issuer can take money back only once the bond is redeemed. Accrual factors come in as exact fractions
/// computed off chain by the deal's day-count rule, so every day count works. Interest rounds down to a minor unit; the
/// remainder stays with the bond. Silence never pays: a missing report costs the party that controls the data at least
/// as much as any report could (checked for every fixing when the bond is created).
///
/// Payments are counted from 0. Payment i, on the pay date of period i, is one distribution of the period's interest, its
/// repayment and the amounts fixed for it; but in the last period of interest only, and the rest of the principal with the
/// amounts fixed for the last period is the redemption, a payment of its own. Python twin: finance/settlement/bond.py.
interface IKpiBond is IServicer {
    /// @param payDate when the coupon falls due, unix seconds
    /// @param numerator, denominator accrual factor of the period in years, an exact fraction
    /// @param repayment principal of one unit that is repaid on the pay date, in minor units
    struct Period {
        uint64 payDate;
        uint32 numerator;
        uint32 denominator;
        uint128 repayment;
    }

    /// @dev Rate: adds to the coupon rate of a range of periods (1e18 = 100 % a year). Amount: is paid in one period (minor
    /// units for the full issue; positive: issuer pays holders).
    enum Effect {
        Rate,
        Amount
    }

    /// @notice How one report bends the bond.
    /// @param feed, kpiPeriod the report
    /// @param first, last periods that it bends, from 0, both inclusive; for an amount the one it is paid in
    /// @param missing takes the place of the curve's value when the report is missing
    /// @param curve KPI in, rate or amount out
    struct Fixing {
        bytes32 feed;
        uint32 kpiPeriod;
        Effect effect;
        uint16 first;
        uint16 last;
        int128 missing;
        PayoffCurve.Curve curve;
    }

    /// @dev Who produces the data, and so must not gain from withholding it.
    enum DataController {
        Issuer,
        Holders
    }

    /// @param gracePeriod seconds after a due date before the bond can be in default
    /// @param curePeriod seconds after a default in which arrears can still be made good
    /// @param unitPrincipal principal of one unit in minor units of the currency
    /// @param authorisedUnits units of the full issue, to which the amounts of fixings refer
    /// @param rate coupon a year before any fixing, 1e18 = 100 %
    /// @param periods coupon periods, ascending; the last pay date is the maturity, and repayments add up to the principal
    /// @param fixings in any order; several may bend the same period
    struct Terms {
        address token;
        address currency;
        address issuer;
        address offering;
        address oracle;
        uint32 gracePeriod;
        uint32 curePeriod;
        DataController dataController;
        uint128 unitPrincipal;
        uint64 authorisedUnits;
        uint64 rate;
        Period[] periods;
        Fixing[] fixings;
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
    /// @param value what the fixing adds to the rate, or its amount for the full issue
    event KpiFixed(uint256 indexed fixing, int128 kpi, bool missing, int128 value);
    event CouponPaid(uint256 indexed period, uint256 interest, uint256 repayment, int256 outcome, uint256 paid);
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
    error KpiBond_UnknownFixing(uint256 fixing);
    error KpiBond_NotFixed(uint256 fixing);
    error KpiBond_AlreadyFixed(uint256 fixing);
    error KpiBond_InGrace(uint64 until);
    error KpiBond_Funded(uint256 due, uint256 held);
    error KpiBond_CurePeriodOver(uint64 until);
    error KpiBond_CurePeriodOpen(uint64 until);
    error KpiBond_NothingToRecover();

    function initialize(Terms calldata terms_) external;

    /// @notice Put money in to meet what is or will be due. Anyone.
    function fund(uint256 amount) external;

    /// @notice Turn the final (or missing) report of a fixing into its value. Anyone.
    function fix(uint256 fixing) external returns (int128 value);

    /// @notice Make the next payment that is due, but for the redemption: interest, repayment and amounts. Anyone, once the
    /// fixings that bend it are made. Several overdue payments take several calls.
    function payCoupon() external returns (uint256 paid);

    /// @notice At maturity, with all coupons paid and the fixings of the redemption made: pay the rest of the principal plus
    /// the amounts (less, if negative), close the token.
    function redeem() external returns (uint256 paid);

    /// @notice Declare the default of a payment that is past its grace period and not funded. Anyone. A payment that waits
    /// for a report cannot be in default yet; the oracle's deadlines bound the wait.
    function declareDefault() external;

    /// @notice Return to normal when the arrears are funded within the cure period. Anyone.
    /// @dev Arrears are what is due by the schedule; late interest and late repayments bear no interest.
    function cure() external;

    /// @notice Make everything due once the cure period has passed: unpaid coupons, interest accrued to now (by time
    /// within the period), principal that is not repaid, and every amount that is not paid. Anyone.
    /// @dev What is not fixed yet is fixed here: every unpaid amount, and the rate changes of coupons that are due or
    /// running; later coupons are never due, so their changes do not matter. Each goes by its own report. A settled
    /// report (or a missing one) counts as always. Before its measurement period has ended there can be none, through
    /// the issuer's default alone, so the value best for holders counts: a default is no way round an outcome payment or
    /// a step-up. In between, acceleration waits for the report to be settled, which the oracle's deadlines bound, so
    /// that nobody gains by sitting on data.
    function accelerate() external;

    /// @notice After acceleration: share whatever the bond holds among holders pro rata, interest before principal.
    function recover() external returns (uint256 paid);

    /// @notice Interest and principal (with the outcomes) still owed after acceleration.
    function owedAfterAcceleration() external view returns (uint256 interest, uint256 principalAndOutcome);

    /// @notice After redemption, return what is left to the issuer. Anyone may call; it goes to the issuer.
    function returnSurplus() external returns (uint256 amount);

    function terms() external view returns (Terms memory);
    function state() external view returns (State);
    function couponsPaid() external view returns (uint256);
    /// @notice Whether a fixing is made, and its value: an addition to the rate, or an amount for the full issue.
    function fixingOf(uint256 fixing) external view returns (bool made, int128 value);
    /// @notice Coupon rate of a period with every change that applies to it; reverts while one of them is not fixed.
    function rateOf(uint256 period) external view returns (uint256 rate);
    /// @notice Amounts that payment `payment` pays beside interest and principal, for the units in issue, signed; the
    /// redemption is the payment after the last period's. Reverts while one of them is not fixed.
    function outcomeOf(uint256 payment) external view returns (int256 outcome);
    /// @notice The amount and date of the next payment: a coupon with what is paid beside it, or after the last coupon the
    /// redemption. Reverts while a fixing that bends it is not made.
    function nextPayment() external view returns (uint64 due, uint256 amount);
    function maturity() external view returns (uint64);
    /// @notice Principal of the units in issue that is not repaid; after an acceleration see {owedAfterAcceleration}.
    function principal() external view returns (uint256);
}
