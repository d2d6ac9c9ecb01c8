"""The claim as pricing sees it: exact money from the settlement arithmetic, and what KPIs make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from finance.settlement.accrual import RATE_ONE
from finance.settlement.bond import PaymentKind, coupon, payments, premium
from finance.settlement.payoff_curve import Shape, maximum, minimum
from finance.settlement.terms import NEVER, SettlementTerms, settlement_terms
from finance.terms.bond import CouponStep, KpiBond, OutcomePayment
from finance.terms.deal import Deal
from finance.terms.payoffs import label, steps_of
from finance.terms.schedule import AccrualPeriod, coupons_a_year


@dataclass(frozen=True)
class Case:
    """One way the KPIs may turn out: `values` is what each fixing gives, `amount` all it adds to payments.

    `start` is the first KPI integer of a tier (None: from minus infinity, or the case is no tier).
    """

    label: str
    start: int | None
    values: tuple[int, ...]
    amount: Decimal


@dataclass(frozen=True)
class BondClaim:
    """A bond for the whole issue, in units of the currency; what is certain is `Decimal`.

    `rate` is the coupon at first; `coupons` and `repayments` are per period at the stated rates. `cases` are
    the tiers of the one report that decides everything (`tiered`), or else the worst and the best for
    holders; none for a fixed bond. `rules` are what KPIs decide, one for each fixing, `kpis` names the KPI of
    each, `kpi` and `kpi_decimals` are those of the first ("" and 0 without one). It runs to maturity, whoever
    may call it; `premium` is what a call pays beside the last repayment, once it is announced.
    """

    name: str
    currency: str
    rules: tuple[CouponStep | OutcomePayment, ...]
    kpis: tuple[str, ...]
    kpi: str
    kpi_decimals: int
    principal: Decimal
    issue_price: Decimal
    issue_date: date
    frequency: float
    rate: Decimal
    schedule: tuple[AccrualPeriod, ...]
    coupons: tuple[Decimal, ...]
    repayments: tuple[Decimal, ...]
    cases: tuple[Case, ...]
    tiered: bool
    terms: SettlementTerms
    money_decimals: int
    premium: Decimal | None = None

    @classmethod
    def of(cls, deal: Deal, called: int | None = None) -> BondClaim:
        """The deal's bond, or what is left of it once it is `called` on the pay date of a period (from 0);
        every amount goes through the integers that settle it. Raises ValueError when there is no such call.
        """
        terms = settlement_terms(deal)
        bond = deal.only(KpiBond)
        rules = bond.kpi_rules
        if called is not None:
            terms = terms.called(called)
            pairs = [pair for pair in zip(rules, terms.fixings, strict=True) if pair[1].first != NEVER]
            rules, terms = [rule for rule, _ in pairs], replace(terms, fixings=tuple(f for _, f in pairs))
        schedule = bond.schedule[: len(terms.periods)]
        units, still = terms.hard_cap, (0,) * len(terms.fixings)
        return cls(
            name=bond.title,
            currency=deal.currency.code,
            rules=tuple(rules),
            kpis=tuple(rule.kpi for rule in rules),
            kpi=rules[0].kpi if rules else "",
            kpi_decimals=deal.kpis[rules[0].kpi].decimals if rules else 0,
            principal=_money(terms.unit_principal * units, terms),
            issue_price=_money(terms.unit_price * units, terms),
            issue_date=bond.issue_date.value,
            frequency=coupons_a_year(bond.coupon.frequency, bond.schedule),
            rate=bond.coupon.rate.value,
            schedule=schedule,
            coupons=tuple(
                _money(coupon(terms, units, index, still), terms) for index in range(len(terms.periods))
            ),
            repayments=tuple(_money(period.repayment * units, terms) for period in terms.periods),
            cases=_cases(deal, rules, terms),
            tiered=_tiered(terms),
            terms=terms,
            money_decimals=terms.currency_decimals,
            premium=None if called is None else _money(premium(terms, units), terms),
        )

    @property
    def tiers(self) -> tuple[Case, ...]:
        """The cases if they are tiers of one report, else none."""
        return self.cases if self.tiered else ()

    @property
    def bullet(self) -> bool:
        """Whether all principal is repaid at maturity."""
        return not any(self.repayments[:-1])

    @property
    def average_rate(self) -> Fraction:
        """The stated rate a year on average over the life of the claim."""
        years = [period.years for period in self.schedule]
        rates = (self.terms.rate + period.step for period in self.terms.periods)
        return Fraction(sum(rate * time for rate, time in zip(rates, years, strict=True)), RATE_ONE) / sum(
            years
        )

    def payments(self, values: Sequence[int]) -> list[tuple[PaymentKind, int, Decimal]]:
        """Shape, period from 0 and money of every payment when the fixings give `values`, as it falls due."""
        last = len(self.schedule) - 1
        return [
            (payment.kind, min(payment.index, last), _money(payment.due, self.terms))
            for payment in payments(self.terms, self.terms.hard_cap, values)
            if not (payment.kind == "coupon" and payment.index > last)  # interest that was due before
        ]

    def years(self) -> list[Fraction]:
        """Accrued years from the start of interest to each pay date."""
        total, times = Fraction(0), []
        for period in self.schedule:
            total += period.years
            times.append(total)
        return times


def _tiered(terms: SettlementTerms) -> bool:
    return len(terms.fixings) == 1 and terms.fixings[0].curve.shape == Shape.STEP


def _cases(
    deal: Deal, rules: Sequence[CouponStep | OutcomePayment], terms: SettlementTerms
) -> tuple[Case, ...]:
    if not terms.fixings:
        return ()
    if _tiered(terms):
        ((rule,), (fixing,)) = rules, terms.fixings
        percent = deal.kpis[rule.kpi].unit == "fraction"
        return tuple(
            _case(terms, label(step, percent), None if index == 0 else knot.x, (knot.y,))
            for index, (step, knot) in enumerate(zip(steps_of(rule), fixing.curve.knots, strict=True))
        )
    worst, best = (tuple(choose(fixing.curve) for fixing in terms.fixings) for choose in (minimum, maximum))
    return (
        _case(terms, "worst for holders", None, worst),
        _case(terms, "best for holders", None, best),
    )


def _case(terms: SettlementTerms, label: str, start: int | None, values: tuple[int, ...]) -> Case:
    units, still = terms.hard_cap, (0,) * len(terms.fixings)
    total = sum(payment.due for payment in payments(terms, units, values))
    plain = sum(payment.due for payment in payments(terms, units, still))
    return Case(label, start, values, _money(total - plain, terms))


def _money(amount: int, terms: SettlementTerms) -> Decimal:
    sign, digits, _ = Decimal(amount).as_tuple()
    return Decimal((sign, digits, -terms.currency_decimals))
