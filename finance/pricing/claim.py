"""The claim as pricing sees it: exact money from the settlement arithmetic, and a payoff over arrays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np

from finance.pricing.process import Floats
from finance.settlement.accrual import interest
from finance.settlement.payoff_curve import Curve, Kind
from finance.settlement.terms import SettlementTerms, settlement_terms
from finance.terms.deal import Deal, KpiBond
from finance.terms.schedule import PERIODS_PER_YEAR, AccrualPeriod, coupon_schedule
from finance.terms.tiers import describe


@dataclass(frozen=True)
class TierPayoff:
    """One tier: its words, the first KPI integer that falls in it (None: from minus infinity), and its
    amount.
    """

    label: str
    start: int | None
    amount: Decimal


@dataclass(frozen=True)
class BondClaim:
    """A KPI bond for the whole issue, in units of the currency; what is certain is `Decimal`."""

    name: str
    currency: str
    kpi: str
    kpi_decimals: int
    principal: Decimal
    issue_price: Decimal
    issue_date: date
    frequency: int
    rate: Decimal
    schedule: tuple[AccrualPeriod, ...]
    coupons: tuple[Decimal, ...]
    tiers: tuple[TierPayoff, ...]
    curve: Curve
    money_decimals: int

    @classmethod
    def of(cls, deal: Deal) -> BondClaim:
        """The deal's bond; every amount goes through the integers that settle it."""
        terms = settlement_terms(deal)
        ((_, bond),) = deal.claims.items()
        kpi = bond.outcome_payment.kpi
        principal = terms.unit_principal * terms.hard_cap
        return cls(
            name=bond.title,
            currency=deal.currency.code,
            kpi=kpi,
            kpi_decimals=deal.kpis[kpi].decimals,
            principal=_money(principal, terms),
            issue_price=_money(terms.unit_price * terms.hard_cap, terms),
            issue_date=bond.issue_date.value,
            frequency=PERIODS_PER_YEAR[bond.coupon.frequency],
            rate=bond.coupon.rate.value,
            schedule=_schedule(bond),
            coupons=tuple(
                _money(interest(principal, terms.rate, period.numerator, period.denominator), terms)
                for period in terms.periods
            ),
            tiers=tuple(
                TierPayoff(
                    describe(tier, percent=deal.kpis[kpi].unit == "fraction"),
                    None if index == 0 else knot.x,
                    _money(knot.y, terms),
                )
                for index, (tier, knot) in enumerate(
                    zip(bond.outcome_payment.tiers, terms.outcome.knots, strict=True)
                )
            ),
            curve=terms.outcome,
            money_decimals=terms.currency_decimals,
        )

    def payoff(self, kpi: Floats) -> Floats:
        """Outcome payments in units of the currency for KPI integers (whole numbers as float64), same shape.

        The fast twin of finance.settlement.payoff_curve.payoff; tests hold the two together.
        """
        scale = 10.0**self.money_decimals
        y = np.array([float(knot.y) for knot in self.curve.knots]) / scale
        if self.curve.kind == Kind.STEP:
            # Below the second knot the payoff is the first knot's, however low its x.
            starts = np.array([float(knot.x) for knot in self.curve.knots[1:]])
            return y[np.searchsorted(starts, kpi, side="right")]
        x = np.array([float(knot.x) for knot in self.curve.knots])
        return np.asarray(np.interp(kpi, x, y), dtype=np.float64)

    def years(self) -> list[Fraction]:
        """Accrued years from the start of interest to each pay date."""
        total, times = Fraction(0), []
        for period in self.schedule:
            total += period.years
            times.append(total)
        return times


def _schedule(bond: KpiBond) -> tuple[AccrualPeriod, ...]:
    return coupon_schedule(
        bond.interest_from.value, bond.maturity.value, bond.coupon.frequency, bond.coupon.day_count
    )


def _money(amount: int, terms: SettlementTerms) -> Decimal:
    sign, digits, _ = Decimal(amount).as_tuple()
    return Decimal((sign, digits, -terms.currency_decimals))
