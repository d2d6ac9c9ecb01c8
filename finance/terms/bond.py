"""A bond or loan in a deal file, and what KPIs decide in it: tiers, lines, coupon steps, outcome payments."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from finance.terms.part import Issue, Link, Part, Sides, UnitPayment, Whole
from finance.terms.schedule import AccrualPeriod, coupon_schedule, months_after
from finance.terms.tiers import AmountPoint, RatePoint, RateTier, Tier
from finance.terms.values import DayTerm, Key, NumberTerm, Strict, Text

GAS_OF_A_PERIOD, GAS_OF_A_RULE, GAS_OF_A_POINT = 12_700, 28_000, 8_500
"""At least, of a coupon period, of what a KPI decides, of a point of that (tests/chain/test_chain_gas.py)."""


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


class LaterRate(Strict):
    """The `rate` a year from the coupon period on that begins on `from`, until the next later rate."""

    from_: DayTerm = Field(alias="from")
    rate: NumberTerm


class Coupon(Strict):
    """The coupon; `rate` is a fraction a year (0.0343 is 3.43 %), until the first of `later_rates`, whatever
    any KPI does; `steps` add to it what KPIs decide.

    `once` is one coupon at maturity.
    """

    rate: NumberTerm
    later_rates: Annotated[list[LaterRate], Field(min_length=1)] | None = None
    frequency: Literal["annual", "semiannual", "quarterly", "monthly", "once"]
    day_count: Text
    business_days: Text
    steps: Annotated[list[CouponStep], Field(min_length=1)] | None = None

    def rate_on(self, day: date) -> Decimal:
        """The rate of a coupon period that begins on `day`, before what KPIs decide."""
        begun = [later.rate for later in self.later_rates or [] if later.from_.value <= day]
        return (begun[-1] if begun else self.rate).value


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


class CallPrice(Strict):
    """The `price` of a call on the pay date `from` or a later one, until the next of these: a fraction of the
    principal that it repays, 1 is par."""

    from_: DayTerm = Field(alias="from")
    price: NumberTerm


class IssuerCall(Strict):
    """The issuer may end the bond on a pay date that it announces at least `notice_days` before, once and for
    good: all principal outstanding in the period that ends then is repaid at the price of the day.

    KPIs decide nothing of what would have come later. So each price, less 1, is at least the most that they
    could still add: nobody gains by the moment of a call.
    """

    notice_days: NumberTerm
    prices: Annotated[list[CallPrice], Field(min_length=1)]


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

    called: ClassVar[str] = "bond"
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
    call: IssuerCall | None = None
    grace_days: NumberTerm
    cure_days: NumberTerm
    late_rate: NumberTerm
    term_readings: list[TermReading] = Field(default_factory=list)

    @property
    def kpi_rules(self) -> list[CouponStep | OutcomePayment]:
        """Everything that a KPI decides: coupon steps in the file's order, then the outcome payment."""
        return [*(self.coupon.steps or []), *([self.outcome_payment] if self.outcome_payment else [])]

    @property
    def stated_rates(self) -> list[tuple[date, date, Decimal]]:
        """The coupon before what KPIs decide: from which day to which it is how much a year."""
        later = self.coupon.later_rates or []
        days = [self.interest_from.value, *(each.from_.value for each in later), self.maturity.value]
        rates = [self.coupon.rate.value, *(each.rate.value for each in later)]
        return list(zip(days, days[1:], rates, strict=False))

    @property
    def schedule(self) -> tuple[AccrualPeriod, ...]:
        """The coupon periods; raises ValueError when the dates do not fit."""
        coupon = self.coupon
        return coupon_schedule(
            self.interest_from.value, self.maturity.value, coupon.frequency, coupon.day_count
        )

    def repayments(self, principal: int) -> list[int]:
        """What is repaid of `principal` (minor units) at the end of each period; adds up to it.

        Instalments are rounded down, and the last repayment takes the rest. Raises ValueError when the
        amortisation does not fit the schedule, or leaves nothing to repay at maturity.
        """
        ends = [period.end for period in self.schedule]
        back = [0] * len(ends)
        plan = self.amortisation
        if plan is not None and plan.kind == "linear":
            if plan.from_.value not in ends:
                raise ValueError("is not a pay date of the coupon")
            first = ends.index(plan.from_.value)
            for index in range(first, len(ends)):
                back[index] = principal // (len(ends) - first)
        elif plan is not None:
            fractions = [Fraction(instalment.fraction.value) for instalment in plan.instalments]
            if sum(fractions) > 1:
                raise ValueError("the instalments add up to more than the principal")
            if sum(fractions) == 1 and all(item.date.value != ends[-1] for item in plan.instalments):
                raise ValueError("nothing is left for the maturity: end the bond at its last instalment")
            for instalment in plan.instalments:
                if instalment.date.value not in ends:
                    raise ValueError(f"{instalment.date.value} is not a pay date of the coupon")
                part = Fraction(instalment.fraction.value)
                back[ends.index(instalment.date.value)] += principal * part.numerator // part.denominator
        back[-1] += principal - sum(back)
        return back

    @property
    def call_prices(self) -> list[tuple[int, Fraction]]:
        """The coupon period, from 0, on whose pay date each price of a call begins, and the price; raises
        ValueError when there is none."""
        ends = [period.end for period in self.schedule]
        prices = self.call.prices if self.call is not None else []
        return [(ends.index(each.from_.value), Fraction(each.price.value)) for each in prices]

    def unit_payments(self, deal: Whole) -> tuple[UnitPayment, ...]:
        """Coupons with what is repaid beside them, each part rounded down."""
        scale = 10**deal.currency.token_decimals
        unit = int(Fraction(self.denomination.value) * scale)
        units, schedule = Fraction(self.principal.value) * scale / unit, self.schedule
        rates, amounts = [Fraction(0)] * len(schedule), [Fraction(0)] * len(schedule)
        for rule in self.kpi_rules:
            values = [Fraction(0), *(_payoff(step) for step in rule.tiers or rule.line or [])]
            bent = rates
            if isinstance(rule, OutcomePayment):
                missing = deal.oracle[rule.kpi].missing.amount
                values += [Fraction(missing.value)] if missing else []
                bent = amounts
            first, last = rule.reach(schedule)
            for index in range(first, last + 1):
                bent[index] += min(values)
        left, found = unit, []
        for index, (period, back) in enumerate(zip(schedule, self.repayments(unit), strict=True)):
            stated, lowered = (left * rate * period.years for rate in (self._rate(period), rates[index]))
            taken = -lowered - amounts[index] * scale / units
            left -= back
            call = [price for begins, price in self.call_prices if begins <= index]
            least = floor(stated + lowered) + back
            found.append(UnitPayment(period.end, least, left, ceil(taken), call[-1] if call else None))
        return tuple(found)

    def _rate(self, period: AccrualPeriod) -> Fraction:
        return Fraction(self.coupon.rate_on(period.start))

    def sides(self, deal: Whole) -> Sides | None:
        """The issuer and whoever holds it."""
        issuers = deal.in_role("issuer") if self.issuer is None else [self.issuer]
        between = frozenset((*issuers, *deal.in_role("holder")))
        return Sides(between, "either the issuer or the holders") if self.kpi_rules else None

    def least_gas(self, deal: Whole) -> int:
        """By its coupon periods, and what KPIs decide with the points of their curves."""
        rules = self.kpi_rules
        points = sum(len(rule.tiers or rule.line or []) for rule in rules)
        periods = len(self.schedule)
        return self.gas + GAS_OF_A_PERIOD * periods + GAS_OF_A_RULE * len(rules) + GAS_OF_A_POINT * points

    def keep_dates(self, moved: dict[str, Any], days: int) -> None:
        """Put the dates in `moved`, its section of the file `days` later, back on its coupon schedule.

        Its maturity keeps its distance from `interest_from` in months, because coupons fill whole periods and
        half years differ in days; so it moves by up to three days more or less than the rest. Likewise what
        falls on a pay date (repayments, an outcome payment, a call, the first coupon of a rate or step) stays
        on that one.
        """
        self._keep_months(moved)
        coupon = self.coupon
        start, end = moved["interest_from"]["value"], moved["maturity"]["value"]
        later = coupon_schedule(start, end, coupon.frequency, coupon.day_count)
        pairs = list(zip(_turns(self.schedule), _turns(later), strict=True))

        def put(term: dict[str, Any], was: date) -> None:
            """On the turn of a period where it was on one; else between the same two turns."""
            term["value"] = dict(pairs).get(was, was + timedelta(days=days))
            for old, new in pairs:
                if was < old:
                    term["value"] = min(term["value"], new - timedelta(days=1))
                elif was > old:
                    term["value"] = max(term["value"], new + timedelta(days=1))

        for each, old in zip(moved["coupon"].get("later_rates", []), coupon.later_rates or [], strict=True):
            put(each["from"], old.from_.value)
        for step, old_step in zip(moved["coupon"].get("steps", []), coupon.steps or [], strict=True):
            put(step["from"], old_step.from_.value)
            if old_step.until is not None:
                put(step["until"], old_step.until.value)
        if self.call is not None:
            for price, old_price in zip(moved["call"]["prices"], self.call.prices, strict=True):
                put(price["from"], old_price.from_.value)
        plan, paid = self.amortisation, self.outcome_payment
        if plan is not None and plan.kind == "linear":
            put(moved["amortisation"]["from"], plan.from_.value)
        elif plan is not None:
            for part, old_part in zip(moved["amortisation"]["instalments"], plan.instalments, strict=True):
                put(part["date"], old_part.date.value)
        if paid is not None and paid.date is not None:
            put(moved["outcome_payment"]["date"], paid.date.value)

    def _keep_months(self, moved: dict[str, Any]) -> None:
        start, end = self.interest_from.value, self.maturity.value
        if start.day != end.day:
            return
        begin: date = moved["interest_from"]["value"]
        months = 12 * (end.year - start.year) + end.month - start.month
        moved["maturity"]["value"] = months_after(begin, months)

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
            unit * self.issue_price.value,
        )


def _payoff(step: Tier | AmountPoint | RateTier | RatePoint) -> Fraction:
    return Fraction((step.amount if isinstance(step, Tier | AmountPoint) else step.rate).value)


def _turns(schedule: tuple[AccrualPeriod, ...]) -> list[date]:
    """Where periods begin and end."""
    return [schedule[0].start, *(period.end for period in schedule)]
