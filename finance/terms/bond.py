"""A bond or loan in a deal file, and what KPIs decide in it: tiers, lines, coupon steps, outcome payments."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from finance.terms.part import Issue, Link, Part
from finance.terms.values import DayTerm, Key, NumberTerm, Strict, Text

if TYPE_CHECKING:
    from finance.terms.deal import Deal
    from finance.terms.schedule import AccrualPeriod

Inclusive = Literal["both", "from", "to", "neither"]
GAS_OF_A_PERIOD, GAS_OF_A_RULE, GAS_OF_A_POINT = 12_000, 28_000, 8_500
"""At least, of a coupon period, of what a KPI decides, of a point of that (tests/chain/test_chain_gas.py)."""


class TierBounds(Strict):
    """One tier of a step payoff: KPI `below` a bound, `from` one `to` another, or `above` one.

    `inclusive` says whether the tier owns its bound: true or false for `below` and `above`; both, from, to or
    neither for `from`/`to`.
    """

    below: NumberTerm | None = None
    from_: NumberTerm | None = Field(default=None, alias="from")
    to: NumberTerm | None = None
    above: NumberTerm | None = None
    inclusive: bool | Inclusive


class Tier(TierBounds):
    """A tier and its `amount` for the whole issue, positive when the issuer pays holders."""

    amount: NumberTerm


class RateTier(TierBounds):
    """A tier and the `rate` that it adds to the coupon, a fraction a year (0.0025 is 25 basis points)."""

    rate: NumberTerm


class AmountPoint(Strict):
    """A point of a payoff line: the `amount` for the whole issue at a `kpi` value."""

    kpi: NumberTerm
    amount: NumberTerm


class RatePoint(Strict):
    """A point of a payoff line: the `rate` added to the coupon at a `kpi` value."""

    kpi: NumberTerm
    rate: NumberTerm


class CouponStep(Strict):
    """A change of the coupon that a KPI report decides; `period` counts the KPI's periods from 1.

    It holds for the coupon periods that begin on or after `from` and before `until` (default: to the end).
    The payoff is `tiers`, or a `line` that runs straight between its points and flat beyond them.
    """

    kpi: Text
    period: Annotated[int, Field(strict=True, ge=1)]
    from_: DayTerm = Field(alias="from")
    until: DayTerm | None = None
    tiers: Annotated[list[RateTier], Field(min_length=1)] | None = None
    line: Annotated[list[RatePoint], Field(min_length=1)] | None = None

    def reach(self, schedule: tuple[AccrualPeriod, ...]) -> tuple[int, int]:
        """First and last coupon period, from 0, whose rate it changes; raises ValueError if there is none."""
        until = self.until.value if self.until is not None else date.max
        inside = [i for i, period in enumerate(schedule) if self.from_.value <= period.start < until]
        if not inside:
            raise ValueError("no coupon period begins in the dates given")
        return inside[0], inside[-1]


class Coupon(Strict):
    """The coupon; `rate` is a fraction a year (0.0343 is 3.43 %), which `steps` may change.

    `once` is one coupon at maturity.
    """

    rate: NumberTerm
    frequency: Literal["annual", "semiannual", "quarterly", "monthly", "once"]
    day_count: Text
    business_days: Text
    steps: Annotated[list[CouponStep], Field(min_length=1)] | None = None


class OutcomePayment(Strict):
    """A two-way payment that depends on a KPI; `period` counts the KPI's periods from 1.

    It is paid at maturity, or on the coupon `date`. The payoff is `tiers`, or a `line` that runs straight
    between its points and flat beyond them.
    """

    kpi: Text
    period: Annotated[int, Field(strict=True, ge=1)]
    pays: Literal["at_maturity", "on_date"]
    date: DayTerm | None = None
    tiers: Annotated[list[Tier], Field(min_length=1)] | None = None
    line: Annotated[list[AmountPoint], Field(min_length=1)] | None = None

    def reach(self, schedule: tuple[AccrualPeriod, ...]) -> tuple[int, int]:
        """The coupon period, from 0, on whose pay date it is paid (twice); raises ValueError if there is
        none.
        """
        last = len(schedule) - 1
        if self.pays == "at_maturity" or self.date is None:
            return last, last
        ends = [period.end for period in schedule]
        if self.date.value not in ends:
            raise ValueError("is not a pay date of the coupon")
        return ends.index(self.date.value), ends.index(self.date.value)


class LinearAmortisation(Strict):
    """Equal repayments on every pay date from `from` to maturity; the last one takes what does not divide."""

    kind: Literal["linear"]
    from_: DayTerm = Field(alias="from")


class Instalment(Strict):
    """A repayment: the `fraction` of the original principal that falls due on a pay date."""

    date: DayTerm
    fraction: NumberTerm


class ScheduledAmortisation(Strict):
    """Repayments on listed pay dates; the rest falls due at maturity."""

    kind: Literal["schedule"]
    instalments: Annotated[list[Instalment], Field(min_length=1)]


Amortisation = Annotated[LinearAmortisation | ScheduledAmortisation, Field(discriminator="kind")]


class TermReading(Strict):
    """One way to read the life of the bond, in years; reports show the yields under each."""

    years: NumberTerm
    note: Text


class KpiBond(Part):
    """A bond or loan whose coupon or redemption may bend with KPIs; without either it is a fixed bond. It
    pays whoever holds the claim `token`; `issuer` owes it, by default the only party with that role.

    Money in units of the currency, dates at 00:00 UTC. Without `amortisation` it is repaid at maturity.
    `late_rate` is simple interest a year, ACT/365F by whole days, on what is due and not paid: never less
    than the coupon can be, or not paying would be cheaper than paying.
    """

    leads: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ("issuer",)
    gas: ClassVar[int] = 300_000

    kind: Literal["kpi_bond"]
    title: Text
    issuer: Key | None = None
    token: Annotated[Key, Link("claim_token", "pays")]
    principal: NumberTerm
    denomination: NumberTerm
    issue_price: NumberTerm
    issue_date: DayTerm
    interest_from: DayTerm
    maturity: DayTerm
    final_maturity: DayTerm | None = None
    coupon: Coupon
    amortisation: Amortisation | None = None
    outcome_payment: OutcomePayment | None = None
    grace_days: NumberTerm
    cure_days: NumberTerm
    late_rate: NumberTerm
    term_readings: list[TermReading] = Field(default_factory=list)

    @property
    def kpi_rules(self) -> list[CouponStep | OutcomePayment]:
        """Everything that a KPI decides: coupon steps in the file's order, then the outcome payment."""
        return [*(self.coupon.steps or []), *([self.outcome_payment] if self.outcome_payment else [])]

    def least_gas(self, deal: Deal) -> int:
        """By its coupon periods, and what KPIs decide with the points of their curves."""
        from finance.terms.schedule import bond_schedule

        rules = self.kpi_rules
        points = sum(len(rule.tiers or rule.line or []) for rule in rules)
        periods = len(bond_schedule(self))
        return self.gas + GAS_OF_A_PERIOD * periods + GAS_OF_A_RULE * len(rules) + GAS_OF_A_POINT * points

    def keep_dates(self, moved: dict[str, Any], days: int) -> None:
        """Put the dates in `moved`, its section of the file `days` later, back on its coupon schedule."""
        from finance.terms.bond_dates import keep_schedule

        keep_schedule(self, moved, days)

    @property
    def issue(self) -> Issue:
        """What is sold of it."""
        unit = self.denomination.value
        return Issue(
            "principal",
            self.principal.value,
            "denomination",
            unit,
            self.issue_date.value,
            "outcome amounts refer to it",
        )
