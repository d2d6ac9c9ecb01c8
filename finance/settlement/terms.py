"""The one conversion from a deal to the integers that settle it, used by deployment, replay and oracle
alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from finance.settlement.payoff_curve import Curve, Kind, maximum, minimum
from finance.settlement.widths import INT128_MIN
from finance.terms.canonical import sha256_hex
from finance.terms.deal import Deal, KpiBond
from finance.terms.iso import COUNTRIES
from finance.terms.schedule import coupon_schedule, day_after, unix
from finance.terms.tiers import step_points
from finance.terms.values import scaled

RATE_DECIMALS = 18  # 1e18 = 100 % a year
SECONDS_PER_DAY = 86_400
INVESTOR_CLASS_BITS = {"retail": 1 << 1, "professional": 1 << 2, "institutional": 1 << 3}


@dataclass(frozen=True, slots=True)
class CouponPeriod:
    """First day and pay date in unix seconds, and the accrual factor numerator/denominator in years."""

    start: int
    pay_date: int
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class FeedTerms:
    """The KPI feed: values times 10^decimals, times in unix seconds, windows in seconds, money in minor
    units.

    `period_ends` are exclusive: a period whose last day is 31 December ends at 00:00 UTC of 1 January.
    """

    kpi: str
    decimals: int
    min_value: int
    max_value: int
    max_spread: int
    nodes: int
    quorum: int
    method: str
    method_hash: str
    period_starts: tuple[int, ...]
    period_ends: tuple[int, ...]
    reporting_window: int
    dispute_window: int
    ruling_window: int
    challenge_bond: int
    challenge_reward: int
    panel_size: int
    panel_quorum: int


@dataclass(frozen=True, slots=True)
class SettlementTerms:
    """A KPI bond in integers. Money in minor units of the settlement token, rates with 1e18 = 100 % a year.

    `hard_cap` is the full issue in units, to which `outcome` and `missing_outcome` refer (positive: the
    issuer pays holders). `allowed_classes` has bit 1 for retail, 2 professional, 3 institutional.
    `kpi_period` counts from 0.
    """

    deal_id: str
    terms_hash: str
    name: str
    symbol: str
    currency_decimals: int
    unit_principal: int
    unit_price: int
    soft_cap: int
    hard_cap: int
    opens: int
    closes: int
    allowed_classes: int
    blocked_countries: tuple[int, ...]
    rate: int
    periods: tuple[CouponPeriod, ...]
    grace_seconds: int
    cure_seconds: int
    data_controller: Literal["issuer", "holders"]
    outcome: Curve
    missing_outcome: int
    kpi_period: int
    feed: FeedTerms


def settlement_terms(deal: Deal, claim: str | None = None) -> SettlementTerms:
    """The integers of `claim` (default: the deal's only one) of a checked deal.

    Raises ValueError when a number has no exact integer, which `load_deal` has already ruled out.
    """
    bond = _bond(deal, claim)
    token = deal.currency.token_decimals
    payment = bond.outcome_payment
    curve = Curve.of(
        Kind.STEP,
        step_points(payment.tiers, deal.kpis[payment.kpi].decimals, token, minus_infinity=INT128_MIN),
    )
    offering = deal.offering
    return SettlementTerms(
        deal_id=deal.id,
        terms_hash=deal.terms_hash,
        name=bond.title,
        symbol=bond.symbol,
        currency_decimals=token,
        unit_principal=_integer(bond.denomination.value, token),
        unit_price=_integer(Fraction(bond.denomination.value) * Fraction(bond.issue_price.value), token),
        soft_cap=_integer(Fraction(offering.soft_cap.value) / Fraction(bond.denomination.value), 0),
        hard_cap=_integer(Fraction(offering.hard_cap.value) / Fraction(bond.denomination.value), 0),
        opens=unix(offering.opens.value),
        closes=unix(offering.closes.value),
        allowed_classes=sum(INVESTOR_CLASS_BITS[name] for name in set(offering.eligible_classes)),
        blocked_countries=tuple(sorted(COUNTRIES[code] for code in offering.blocked_countries)),
        rate=_integer(bond.coupon.rate.value, RATE_DECIMALS),
        periods=_periods(bond),
        grace_seconds=_integer(bond.grace_days.value, 0) * SECONDS_PER_DAY,
        cure_seconds=_integer(bond.cure_days.value, 0) * SECONDS_PER_DAY,
        data_controller=deal.data_controller,
        outcome=curve,
        missing_outcome=missing_outcome(deal, payment.kpi, curve),
        kpi_period=payment.period - 1,
        feed=feed_terms(deal, payment.kpi),
    )


def missing_outcome(deal: Deal, kpi: str, curve: Curve) -> int:
    """What is paid when the report is missing: the worst the data controller could have got, or a stated
    amount.

    The issuer pays the curve, so its worst is the maximum; holders receive it, so theirs is the minimum.
    """
    missing = deal.oracle[kpi].missing
    if missing.amount is not None:
        return _integer(missing.amount.value, deal.currency.token_decimals)
    return maximum(curve) if deal.data_controller == "issuer" else minimum(curve)


def feed_terms(deal: Deal, kpi: str) -> FeedTerms:
    """The integers of the oracle feed of `kpi`."""
    measure, policy, token = deal.kpis[kpi], deal.oracle[kpi], deal.currency.token_decimals
    return FeedTerms(
        kpi=kpi,
        decimals=measure.decimals,
        min_value=_integer(measure.bounds.minimum.value, measure.decimals),
        max_value=_integer(measure.bounds.maximum.value, measure.decimals),
        max_spread=_integer(policy.max_spread.value, measure.decimals),
        nodes=_integer(policy.nodes.value, 0),
        quorum=_integer(policy.quorum.value, 0),
        method=policy.method,
        method_hash=sha256_hex(policy.method),
        period_starts=tuple(unix(period.start) for period in measure.periods),
        period_ends=tuple(unix(day_after(period.end)) for period in measure.periods),
        reporting_window=_integer(policy.reporting_days.value, 0) * SECONDS_PER_DAY,
        dispute_window=_integer(policy.dispute_days.value, 0) * SECONDS_PER_DAY,
        ruling_window=_integer(policy.ruling_days.value, 0) * SECONDS_PER_DAY,
        challenge_bond=_integer(policy.challenge_bond.value, token),
        challenge_reward=_integer(policy.challenge_reward.value, token),
        panel_size=_integer(policy.panel_size.value, 0),
        panel_quorum=_integer(policy.panel_quorum.value, 0),
    )


def _bond(deal: Deal, claim: str | None) -> KpiBond:
    if claim is None:
        if len(deal.claims) != 1:
            raise ValueError(f"the deal has {len(deal.claims)} claims: name one of {', '.join(deal.claims)}")
        (claim,) = deal.claims
    if claim not in deal.claims:
        raise ValueError(f"the deal has no claim {claim}: name one of {', '.join(deal.claims)}")
    return deal.claims[claim]


def _periods(bond: KpiBond) -> tuple[CouponPeriod, ...]:
    schedule = coupon_schedule(
        bond.interest_from.value, bond.maturity.value, bond.coupon.frequency, bond.coupon.day_count
    )
    return tuple(
        CouponPeriod(unix(period.start), unix(period.end), period.numerator, period.denominator)
        for period in schedule
    )


def _integer(number: Decimal | Fraction, decimals: int) -> int:
    value = scaled(number, decimals)
    if value is None:
        raise ValueError(f"{number} is not a whole number of 10^-{decimals}")
    return value
