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
/// amounts fixed for the last period is the redemption, a payment of its own.
///
/// What is late bears simple interest at the late rate, by whole days (ACT/365 fixed), rounded down, so that a payment
/// made on its day bears none; nor does late interest. It runs on the whole payment from when it could be made (its pay date, or when the last report was settled that
/// it or a payment before it goes by) until the money for all that is due is there. Money counts from when the bond is
/// told of it, by `fund` (of zero, after a plain transfer); money for a payment that no report holds up any more but that
/// is not fixed counts from the fixing. So nobody gains by calling nothing: the payer fixes and funds, a holder calls.
/// The late rate is never below the coupon's highest, so that money is nowhere cheaper than under the terms kept.
///
/// The issuer may end the bond early where its terms have calls: it announces a pay date, and the period that ends then is
/// the last one. Its redemption repays all principal outstanding in that period with the premium of the day, and is owed
/// like any. What is fixed for later periods bends nothing any more; so that no call is a way round what KPIs report, each
/// premium covers the most that they could still add (checked when the bond is created).
/// Python twin: finance/settlement/bond.py.
interface IKpiBond is IServicer {
    /// @param payDate when the coupon falls due, unix seconds
    /// @param numerator, denominator accrual factor of the period in years, an exact fraction
    /// @param repayment principal of one unit that is repaid on the pay date, in minor units
    /// @param step what the terms themselves add to the coupon rate in this period, 1e18 = 100 % a year
    struct Period {
        uint64 payDate;
        uint24 numerator;
        uint24 denominator;
        uint128 repayment;
        int64 step;
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

    /// @notice What a call pays beside the principal, until the next of these.
    /// @param first the first period, from 0, on whose pay date the bond can be called at this premium
    /// @param premium on the principal that the call repays, 1e18 = 100 %
    struct Call {
        uint16 first;
        uint64 premium;
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
    /// @param rate coupon a year before any step or fixing, 1e18 = 100 %
    /// @param lateRate simple interest a year on what is late, 1e18 = 100 %
    /// @param periods coupon periods, ascending; the last pay date is the maturity, and repayments add up to the principal
    /// @param fixings in any order; several may bend the same period
    /// @param noticePeriod seconds at least from the announcement of a call to its pay date
    /// @param calls ascending, premiums never higher than before; without any, the bond cannot be called
    /// @param consents where holders consent to a standstill ({IConsentSolicitation}); zero: they cannot
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
        uint64 lateRate;
        Period[] periods;
        Fixing[] fixings;
        uint32 noticePeriod;
        Call[] calls;
        address consents;
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
    /// @param late interest on this and earlier payments that were late
    event CouponPaid(
        uint256 indexed period, uint256 interest, uint256 repayment, int256 outcome, uint256 late, uint256 paid
    );
    /// @param premium that the redemption will pay beside the principal, in all
    event CallAnnounced(uint256 indexed period, uint256 premium);
    /// @param outcome with the premium of a call
    event BondRedeemed(uint256 principal, int256 outcome, uint256 late, uint256 paid);
    event BondDefaulted(uint256 indexed period, uint256 due, uint256 held);
    event DefaultCured();
    event BondAccelerated(uint256 interestOwed, uint256 principalOwed, uint256 lateOwed);
    event Recovered(uint256 late, uint256 interest, uint256 principal, uint256 paid);
    event SurplusReturned(uint256 amount);

    error KpiBond_InvalidTerms(string what);
    error KpiBond_NotOffering(address caller);
    error KpiBond_NotIssuer(address caller);
    error KpiBond_NotCallable(uint256 period);
    error KpiBond_ShortNotice(uint64 until);
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

    /// @notice Put money in to meet what is or will be due. Anyone. Zero tells the bond of money that came by a transfer.
    /// @dev Late interest ends here when the money is enough for all that is due.
    function fund(uint256 amount) external;

    /// @notice Turn the final (or missing) report of a fixing into its value. Anyone.
    function fix(uint256 fixing) external returns (int128 value);

    /// @notice Make the next payment that is due, but for the redemption: interest, repayment and amounts. Anyone, once the
    /// fixings that bend it are made. Several overdue payments take several calls.
    function payCoupon() external returns (uint256 paid);

    /// @notice Call the bond on the pay date of a period, which becomes its last. The issuer, once, while the bond is
    /// active and at least the notice period before; it cannot be withdrawn, and not paying it is a default like any other.
    function announceCall(uint256 period) external;

    /// @notice At maturity, or on the day of a call, with all coupons paid and the fixings of the redemption made: pay the
    /// rest of the principal plus the amounts (less, if negative), close the token.
    function redeem() external returns (uint256 paid);

    /// @notice Declare the default of a payment that is past its grace period and not funded. Anyone. The grace period
    /// runs from when the payment could be made, so one that waits for a report cannot be in default yet; the oracle's
    /// deadlines bound the wait.
    function declareDefault() external;

    /// @notice Return to normal when the arrears, with late interest, are funded within the cure period, which is longer by
    /// the standstill that holders have consented to for the missed payment. Anyone. What waits for a report in the making
    /// is no arrears yet.
    function cure() external;

    /// @notice Make everything due once the cure period has passed: unpaid coupons, interest accrued to now (by time
    /// within the period), principal that is not repaid, every amount that is not paid, and late interest. Anyone.
    /// @dev What was measured by the end of the missed payment's grace period goes by its own report: acceleration waits
    /// for it to be settled, so that nobody gains by sitting on data. Every such report is settled or missing within its
    /// feed's reporting, dispute and ruling windows, counted from that end (and one more dispute window for each node
    /// beyond the quorum, as a fuller report may follow), whatever other periods are being reported meanwhile. What was
    /// measured later counts at the value best for holders, also if it has been fixed since the default: a default is
    /// no way round an outcome payment or a step-up, and the moment at which somebody declares, fixes or accelerates
    /// changes nothing.
    function accelerate() external;

    /// @notice After acceleration: share whatever the bond holds among holders pro rata, late interest first, then
    /// interest, then principal. What is owed and not held bears late interest.
    function recover() external returns (uint256 paid);

    /// @notice Interest, principal (with the outcomes), and late interest up to now, still owed after acceleration.
    function owedAfterAcceleration() external view returns (uint256 interest, uint256 principalAndOutcome, uint256 late);

    /// @notice After redemption, return what is left to the issuer. Anyone may call; it goes to the issuer.
    function returnSurplus() external returns (uint256 amount);

    function terms() external view returns (Terms memory);
    function state() external view returns (State);
    function couponsPaid() external view returns (uint256);
    /// @notice Coupon periods: as many as in the terms, until a call is announced.
    function periodCount() external view returns (uint256);
    /// @notice Whether a fixing is made, and its value: an addition to the rate, or an amount for the full issue.
    function fixingOf(uint256 fixing) external view returns (bool made, int128 value);
    /// @notice Coupon rate of a period with every change that applies to it; reverts while a fixing that bends its payment is
    /// not made.
    function rateOf(uint256 period) external view returns (uint256 rate);
    /// @notice Amounts that payment `payment` pays beside interest and principal, for the units in issue, signed, and the
    /// premium of a call; the redemption is the payment after the last period's. Reverts while one of them is not fixed.
    function outcomeOf(uint256 payment) external view returns (int256 outcome);
    /// @notice The amount and date of the next payment: a coupon with what is paid beside it, or after the last coupon the
    /// redemption; with late interest up to now. Reverts while a fixing that bends it is not made.
    function nextPayment() external view returns (uint64 due, uint256 amount);
    /// @notice Principal of the units in issue that is not repaid; after an acceleration see {owedAfterAcceleration}.
    function principal() external view returns (uint256);
}
