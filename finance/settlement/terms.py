"""The one conversion from a deal to the integers that settle it, used by deployment, replay and oracle
alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum
from finance.settlement.widths import INT128_MIN
from finance.terms.bond import CouponStep, KpiBond, OutcomePayment
from finance.terms.canonical import sha256_hex
from finance.terms.claim_token import ClaimToken
from finance.terms.deal import Deal
from finance.terms.iso import COUNTRIES
from finance.terms.offering import Sale
from finance.terms.payoffs import points
from finance.terms.schedule import AccrualPeriod, day_after, unix
from finance.terms.values import scaled

RATE_DECIMALS = 18  # 1e18 = 100 % a year
SECONDS_PER_DAY = 86_400
NEVER = 2**16 - 1
"""No period: of what a call leaves nothing to bend."""
INVESTOR_CLASS_BITS = {"retail": 1 << 1, "professional": 1 << 2, "institutional": 1 << 3}


@dataclass(frozen=True, slots=True)
class CouponPeriod:
    """First day and pay date in unix seconds, the accrual factor numerator/denominator in years, the
    principal of one unit that is repaid on the pay date, in minor units, and the `step` that the terms
    themselves add to the coupon rate in the period (1e18 = 100 % a year).
    """

    start: int
    pay_date: int
    numerator: int
    denominator: int
    repayment: int
    step: int = 0


class Effect(IntEnum):
    """What a fixing decides: a change of the coupon rate, or an amount paid."""

    RATE = 0
    AMOUNT = 1


@dataclass(frozen=True, slots=True)
class Fixing:
    """How one KPI report bends the bond: report `kpi_period` (from 0) of `feeds[feed]` through `curve`.

    RATE: the curve's `y` (1e18 = 100 % a year) is added to the rate of the coupon periods `first` to `last`,
    counted from 0, both inclusive. AMOUNT: `y` is minor units for the full issue, positive when the issuer
    pays holders, paid on the pay date of period `first` = `last`. `missing` takes the place of `y` when there
    is no report.
    """

    feed: int
    kpi_period: int
    effect: Effect
    first: int
    last: int
    curve: Curve
    missing: int


@dataclass(frozen=True, slots=True)
class CallPrice:
    """A call on the pay date of period `first` (from 0), or of one after it until the next of these, pays
    `premium` on the principal that it repays, 1e18 = 100 %.
    """

    first: int
    premium: int


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
    late_window: int
    dispute_window: int
    ruling_window: int
    challenge_bond: int
    challenge_reward: int
    panel_size: int
    panel_quorum: int

    @property
    def all_rewards(self) -> int:
        """What the pool must hold at first so that every period could pay its reward: KpiOracle lets a period
        have no more than its equal share."""
        return self.challenge_reward * len(self.period_ends)

    def missing_at(self, period: int) -> int:
        """From when a period (from 0) that nobody reported, or asked the panel about, is missing."""
        return self.period_ends[period] + self.reporting_window + self.late_window + 1


@dataclass(frozen=True, slots=True)
class SettlementTerms:
    """A KPI bond in integers. Money in minor units of the settlement token, rates with 1e18 = 100 % a year.

    `hard_cap` is the full issue in units, to which the amounts of fixings refer. `allowed_classes` has bit 1
    for retail, 2 professional, 3 institutional. A bond without `fixings` is a fixed bond, one without `calls`
    runs to its maturity. `premium`: what the redemption pays on the principal, once a call is announced.
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
    late_rate: int
    data_controller: Literal["issuer", "holders"]
    feeds: tuple[FeedTerms, ...]
    fixings: tuple[Fixing, ...]
    notice_seconds: int = 0
    calls: tuple[CallPrice, ...] = ()
    premium: int | None = None

    def first_payment(self, fixing: Fixing) -> int:
        """The first payment that a fixing bends: an amount due at maturity is paid by the redemption, which
        is the payment after the last coupon."""
        last = len(self.periods) - 1
        return last + 1 if fixing.effect is Effect.AMOUNT and fixing.first == last else fixing.first

    def bends(self, fixing: Fixing, payment: int) -> bool:
        """Whether a fixing bends a payment: a rate those of its coupons, an amount the one it is part of."""
        first = self.first_payment(fixing)
        return first <= payment <= (fixing.last if fixing.effect is Effect.RATE else first)

    def callable(self) -> list[int]:
        """The periods on whose pay dates the bond can be called: from the first call to before maturity."""
        if not self.calls or self.premium is not None:
            return []
        return list(range(self.calls[0].first, len(self.periods) - 1))

    def called(self, index: int) -> SettlementTerms:
        """These terms, called on the pay date of a period: it is the last one, and what is fixed for later
        ones bends nothing. Raises ValueError when there is no such call."""
        if index not in self.callable():
            raise ValueError(f"period {index}: no call on its pay date")
        *before, last = self.periods[: index + 1]
        left = self.unit_principal - sum(period.repayment for period in before)
        return replace(
            self,
            periods=(*before, replace(last, repayment=left)),
            fixings=tuple(
                replace(each, first=NEVER, last=NEVER)
                if each.first > index
                else replace(each, last=min(each.last, index))
                for each in self.fixings
            ),
            premium=[call.premium for call in self.calls if call.first <= index][-1],
        )

    def bending(self, payment: int) -> list[int]:
        """The fixings that bend a payment."""
        return [number for number, fixing in enumerate(self.fixings) if self.bends(fixing, payment)]


@lru_cache(maxsize=64)
def settlement_terms(deal: Deal) -> SettlementTerms:
    """The integers of the bond of a checked deal; made once for equal deals, since a price asks often.

    Raises InputError when it has none, ValueError when a number has no exact integer, which `load_deal` has
    already ruled out.
    """
    bond = deal.only(KpiBond)
    first = bond.coupon.rate.value
    decimals, token = deal.currency.token_decimals, deal.part(bond.token, ClaimToken)
    unit = integer(bond.denomination.value, decimals)
    schedule = bond.schedule
    offering = deal.only(Sale)
    kpis = list(dict.fromkeys(rule.kpi for rule in bond.kpi_rules))
    return SettlementTerms(
        deal_id=deal.id,
        terms_hash=deal.terms_hash,
        name=bond.title,
        symbol=token.symbol,
        currency_decimals=decimals,
        unit_principal=unit,
        unit_price=integer(Fraction(bond.denomination.value) * Fraction(bond.issue_price.value), decimals),
        soft_cap=integer(Fraction(offering.soft_cap.value) / Fraction(bond.denomination.value), 0),
        hard_cap=integer(Fraction(offering.hard_cap.value) / Fraction(bond.denomination.value), 0),
        opens=unix(offering.opens.value),
        closes=unix(offering.closes.value),
        allowed_classes=allowed_classes(token),
        blocked_countries=blocked_countries(token),
        rate=integer(first, RATE_DECIMALS),
        periods=tuple(
            CouponPeriod(
                unix(period.start),
                unix(period.end),
                period.numerator,
                period.denominator,
                back,
                integer(bond.coupon.rate_on(period.start) - first, RATE_DECIMALS),
            )
            for period, back in zip(schedule, bond.repayments(unit), strict=True)
        ),
        grace_seconds=integer(bond.grace_days.value, 0) * SECONDS_PER_DAY,
        cure_seconds=integer(bond.cure_days.value, 0) * SECONDS_PER_DAY,
        late_rate=integer(bond.late_rate.value, RATE_DECIMALS),
        data_controller=deal.controller_of(deal.key_of(KpiBond)),
        feeds=tuple(feed_terms(deal, kpi) for kpi in kpis),
        fixings=tuple(_fixings(deal, bond, schedule, kpis)),
        notice_seconds=integer(bond.call.notice_days.value, 0) * SECONDS_PER_DAY if bond.call else 0,
        calls=tuple(
            CallPrice(index, integer(call_price - 1, RATE_DECIMALS)) for index, call_price in bond.call_prices
        ),
    )


def _fixings(
    deal: Deal, bond: KpiBond, schedule: tuple[AccrualPeriod, ...], kpis: list[str]
) -> Iterator[Fixing]:
    for rule in bond.kpi_rules:
        effect = Effect.RATE if isinstance(rule, CouponStep) else Effect.AMOUNT
        unit_decimals = RATE_DECIMALS if effect is Effect.RATE else deal.currency.token_decimals
        curve = Curve.of(
            Shape.LINEAR if rule.tiers is None else Shape.STEP,
            points(rule, deal.kpis[rule.kpi].decimals, unit_decimals, minus_infinity=INT128_MIN),
        )
        first, last = rule.reach(schedule)
        missing = missing_payoff(deal, rule, curve)
        yield Fixing(kpis.index(rule.kpi), rule.period - 1, effect, first, last, curve, missing)


def missing_payoff(deal: Deal, rule: CouponStep | OutcomePayment, curve: Curve) -> int:
    """What holds when the report is missing: the worst the data controller could have got, or a stated
    amount (of an outcome payment).

    The issuer pays the curve, so its worst is the maximum; holders receive it, so theirs is the minimum.
    """
    missing = deal.oracle[rule.kpi].missing
    if missing.amount is not None and isinstance(rule, OutcomePayment):
        return integer(missing.amount.value, deal.currency.token_decimals)
    return maximum(curve) if deal.controller_of(deal.key_of(KpiBond)) == "issuer" else minimum(curve)


def feed_terms(deal: Deal, kpi: str) -> FeedTerms:
    """The integers of the oracle feed of `kpi`."""
    measure, policy, token = deal.kpis[kpi], deal.oracle[kpi], deal.currency.token_decimals
    return FeedTerms(
        kpi=kpi,
        decimals=measure.decimals,
        min_value=integer(measure.bounds.minimum.value, measure.decimals),
        max_value=integer(measure.bounds.maximum.value, measure.decimals),
        max_spread=integer(policy.max_spread.value, measure.decimals),
        nodes=integer(policy.nodes.value, 0),
        quorum=integer(policy.quorum.value, 0),
        method=policy.method,
        method_hash=sha256_hex(policy.method),
        period_starts=tuple(unix(period.start) for period in measure.periods),
        period_ends=tuple(unix(day_after(period.end)) for period in measure.periods),
        reporting_window=integer(policy.reporting_days.value, 0) * SECONDS_PER_DAY,
        late_window=integer(policy.late_days.value, 0) * SECONDS_PER_DAY,
        dispute_window=integer(policy.dispute_days.value, 0) * SECONDS_PER_DAY,
        ruling_window=integer(policy.ruling_days.value, 0) * SECONDS_PER_DAY,
        challenge_bond=integer(policy.challenge_bond.value, token),
        challenge_reward=integer(policy.challenge_reward.value, token),
        panel_size=integer(policy.panel_size.value, 0),
        panel_quorum=integer(policy.panel_quorum.value, 0),
    )


def allowed_classes(token: ClaimToken) -> int:
    """Investor classes as bits: 1 for retail, 2 professional, 3 institutional."""
    return sum(INVESTOR_CLASS_BITS[name] for name in set(token.eligible_classes))


def blocked_countries(token: ClaimToken) -> tuple[int, ...]:
    """ISO numeric codes, ascending."""
    return tuple(sorted(COUNTRIES[code] for code in token.blocked_countries))


def integer(number: Decimal | Fraction, decimals: int) -> int:
    """`number` times 10^decimals; raises ValueError unless that is a whole number."""
    value = scaled(number, decimals)
    if value is None:
        raise ValueError(f"{number} is not a whole number of 10^-{decimals}")
    return value
