"""What a bond is worth: in closed form, at its start and in mid-life."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Literal

from api.i18n import Translator, plain
from api.instruments.controls import Control, Kind, control
from api.instruments.valued import Report, Valued, chart, quantiles_of
from api.jobs import Jobs
from api.models.deployment import Quantiles
from api.models.valuation import (
    CaseAmount,
    CaseValue,
    CashflowRow,
    ChartPoint,
    KpiChange,
    LivePrice,
    PeriodValue,
    TierChance,
    ValuationRequest,
    ValuationView,
)
from finance.pricing.engine import closed_form
from finance.pricing.live import (
    Realised,
    decided_flows,
    expected_now,
    fixing_chances,
    fixing_rules,
    later_law,
    live_value,
)
from finance.pricing.prepared import PreparedBond, changed
from finance.pricing.process import KpiProcess
from finance.pricing.processes import Process
from finance.pricing.value import DEFAULT_SEED, case_columns, cashflow_rows, deal_expectation, price
from finance.pricing.yields import checked_yield
from finance.settlement.terms import Effect, Fixing
from finance.swaps.holders import Owed
from finance.terms import Deal
from finance.terms.bond import KpiBond
from finance.terms.payoffs import Rule, label, steps_of
from finance.terms.problems import InputError

Outlook = Mapping[str, Process | KpiProcess]
NEVER_CALLED = "the issuer never calls the bond: its right to do so is not valued"


class BondValue(Valued):
    """A KPI bond: to maturity, or `called` on the pay date of a period (from 0)."""

    options = frozenset({"discount_yield"})
    noun = "bond"
    at_once = True
    figures = "what_if_bond.html.j2"

    def __init__(self, deal: Deal, called: int | None = None) -> None:
        super().__init__(deal)
        self.called = called
        self._left: BondValue | None = None

    @cached_property
    def bond(self) -> PreparedBond:
        return PreparedBond.of(self.deal, self.called)

    def as_called(self, period: int) -> BondValue:
        """What is left of it once a call on the pay date of a period is announced."""
        if self._left is None or self._left.called != period:
            self._left = BondValue(self.deal, period)
        return self._left

    @property
    def assumed(self) -> list[str]:
        may_end = self.called is None and self.deal.only(KpiBond).call is not None
        return [*([NEVER_CALLED] if may_end else []), *super().assumed]

    @cached_property
    def rules(self) -> list[tuple[Rule, Fixing]]:
        return fixing_rules(self.bond)

    @cached_property
    def twin(self) -> Outlook:
        """What the twin's sample says to expect."""
        return deal_expectation(self.deal, "twin")

    @property
    def kpis(self) -> Iterable[str]:
        return dict.fromkeys(rule.kpi for rule, _ in self.rules)

    def effect(self, report: Report) -> Literal["amount", "rate"]:
        found = self.fixing_of(report)
        return "rate" if found is not None and self.rules[found][1].effect is Effect.RATE else "amount"

    def fixing_of(self, report: Report) -> int | None:
        """The first fixing that goes by a report."""
        rules = enumerate(self.rules)
        return next((i for i, (rule, fixing) in rules if (rule.kpi, fixing.kpi_period) == report), None)

    def warm(self, jobs: Jobs) -> None:
        self.bond.value()

    # -- now

    def price(
        self, known: Realised, today: date, jobs: Jobs | None = None, owed: Owed | None = None
    ) -> LivePrice:
        bond = self.bond
        now = live_value(bond, known, today)
        return LivePrice(
            deal=self.deal.id,
            state="over" if now.dirty is None else "ready",
            day=today,
            rate=now.rate,
            price=now.dirty,
            clean=now.clean,
            accrued=now.accrued,
            outstanding=self.minor(now.outstanding),
            tiers=self.tiers(0, known) if bond.claim.tiered else [],
            last_report=self.last_report(
                known, today, self.paid, lambda reports, day: live_value(bond, reports, day).dirty
            ),
            basis=f"closed form, discounted at the coupon of {100 * bond.coupon:g} %",
            assumed=["the discount yield is the coupon", *self.assumed],
        )

    @property
    def paid(self) -> dict[Report, date]:
        """The last day on which each report is paid for."""
        found: dict[Report, date] = {}
        for rule, fixing in self.rules:
            key, end = (rule.kpi, fixing.kpi_period), self.bond.flows.periods[fixing.last].end
            found[key] = max(end, found.get(key, end))
        return found

    def tiers(self, index: int, known: Realised) -> list[TierChance]:
        """The tiers of a fixing with their chances; none for a line."""
        rule, fixing = self.rules[index]
        kpi = self.deal.kpis[rule.kpi]
        chances = fixing_chances(self.bond, index, known)
        return [
            TierChance(
                label=label(step, kpi.unit == "fraction"),
                start=None if place == 0 else knot.x / 10**kpi.decimals,
                effect="amount" if fixing.effect is Effect.AMOUNT else "rate",
                y=str(knot.y),
                probability=chance,
            )
            for place, (step, knot, chance) in enumerate(
                zip(steps_of(rule), fixing.curve.knots, chances, strict=False)
            )
        ]

    def expected(self, known: Realised) -> Mapping[Report, Quantiles]:
        every = ((name, period) for name in self.kpis for period in range(len(self.deal.kpis[name].periods)))
        return {
            report: quantiles_of(later_law(self.bond, *report, known, self.bond.outlook))
            for report in every
            if report not in known
        }

    # -- if

    def value(
        self,
        request: ValuationRequest,
        known: Realised,
        jobs: Jobs | None = None,
        owed: Owed | None = None,
    ) -> ValuationView:
        bond = self.bond
        outlook = self.outlook(request)
        rate = bond.coupon if request.discount_yield is None else request.discount_yield
        found = self.blank(request, rate, "closed form")
        if request.discount_yield is None:
            found.assumed.insert(0, "the discount yield is the coupon")
        if request.as_of is None and not known:
            self.at_start(found, outlook)
        else:
            self.in_life(found, known, outlook, request.as_of or bond.flows.periods[0].start)
        found.periods = self.periods(known, outlook)
        if request.chart:
            found.chart = self.chart(known, outlook)
        return found

    def outlook(self, request: ValuationRequest) -> Outlook:
        """What is expected of the bond's KPIs with the changes asked for."""
        base = self.bond.outlook if request.kpi_model == "interval" else self.twin
        if not request.kpis:
            return base
        found = dict(base)
        for name, change in request.kpis.items():
            if name not in found:
                raise InputError(f"kpis.{name}: no payment depends on it")
            found[name] = _changed(name, found[name], change)
        return found

    def at_start(self, found: ValuationView, outlook: Outlook) -> None:
        value = self.bond.value(found.rate, outlook)
        exact = value.closed_form
        found.price, found.expected_yield, found.spread = value.price, value.expected_yield, value.spread
        found.macaulay_duration = value.durations.macaulay
        found.modified_duration = value.durations.modified
        found.expected_outcome = self.minor(exact.expected)
        found.outcome_sd = None if exact.sd is None else self.minor(exact.sd)
        found.cases = self.cases(exact.probabilities, value.case_prices)

    def in_life(self, found: ValuationView, known: Realised, outlook: Outlook, day: date) -> None:
        bond = self.bond
        now = live_value(bond, known, day, found.rate, outlook)
        found.as_of = day
        found.price, found.clean, found.accrued = now.dirty, now.clean, now.accrued
        found.expected_outcome = self.minor(sum(now.amounts))
        if not bond.claim.tiered:
            return
        ((rule, fixing),) = self.rules
        report = (rule.kpi, fixing.kpi_period)
        prices = [
            live_value(bond, {**known, report: knot.x}, day, found.rate, outlook).dirty
            for knot in fixing.curve.knots
        ]
        found.cases = self.cases(fixing_chances(bond, 0, known, outlook), prices)

    def cases(self, chances: Iterable[float] | None, prices: Iterable[float | None]) -> list[CaseValue]:
        """The cases of the claim, each with its chance (none of a worst and a best) and its price."""
        claim = self.bond.claim
        likely: Iterable[float | None] = chances or [None] * len(claim.cases)
        return [
            CaseValue(
                label=case.label,
                start=None if case.start is None else case.start / 10**claim.kpi_decimals,
                amount=str(int(case.amount.scaleb(claim.money_decimals))),
                probability=chance,
                price=price,
            )
            for case, chance, price in zip(claim.cases, likely, prices, strict=True)
        ]

    def periods(self, known: Realised, outlook: Outlook) -> list[PeriodValue]:
        """Every report that decides money, in the order of the rules, and what it decides."""
        amounts = iter(expected_now(self.bond, decided_flows(self.bond, known), known, outlook))
        money: dict[Report, float] = {}
        for rule, fixing in self.rules:
            report = (rule.kpi, fixing.kpi_period)
            paid = sum(next(amounts) for _ in range(fixing.first, fixing.last + 1))
            money[report] = money.get(report, 0.0) + paid
        return [
            self.period(
                report,
                known,
                amount,
                None if report in known else quantiles_of(later_law(self.bond, *report, known, outlook)),
            )
            for report, amount in money.items()
        ]

    def chart(self, known: Realised, outlook: Outlook) -> list[ChartPoint] | None:
        """Distribution and payoff of the first report that has not arrived."""
        for rule, fixing in self.rules:
            if (rule.kpi, fixing.kpi_period) not in known:
                law = later_law(self.bond, rule.kpi, fixing.kpi_period, known, outlook)
                return chart(law, fixing.curve, self.deal.kpis[rule.kpi].decimals)
        return None

    def simulated(self, request: ValuationRequest, progress: Callable[..., None]) -> ValuationView:
        if request.as_of is not None or request.reports:
            raise InputError("method: full is of a bond at its start; in mid-life the closed form is exact")
        found = self.value(request, {})
        seed = DEFAULT_SEED if request.seed is None else request.seed
        found.simulated = price(self.deal, self.outlook(request), request.discount_yield, seed).to_dict()
        found.basis += "; Monte Carlo beside it"
        return found

    # -- at its start

    def cashflows(self, discount_yield: float | None) -> list[CashflowRow]:
        bond = self.bond
        rate = checked_yield(bond.coupon if discount_yield is None else discount_yield, bond.claim.frequency)
        rows = cashflow_rows(bond.claim, bond.flows, rate, closed_form(bond.flows, bond.outlook))
        columns = case_columns(bond.claim)
        found = []
        for row in rows:
            amounts = [row[name] for name in columns] or [row["expected"]]
            found.append(
                CashflowRow(
                    date=row["date"],
                    period=row["period"],
                    kind=row["kind"],
                    accrual=row["accrual"],
                    expected=self.minor(row["expected"]),
                    low=self.minor(min(amounts)),
                    high=self.minor(max(amounts)),
                    cases=[
                        CaseAmount(case=case.label, amount=self.minor(row[name]))
                        for case, name in zip(bond.claim.cases, columns, strict=True)
                    ],
                    discount_factor=row["discount_factor"],
                    present_value=self.minor(Decimal(row["present_value"])),
                )
            )
        return found

    # -- its what-if page

    def question(self, say: Translator) -> str:
        return say(
            "Move the sliders: what would the bond be worth if buyers asked another yield, or if something "
            "else were to be measured?"
        )

    def controls(self, say: Translator) -> list[Control]:
        coupon = self.bond.coupon
        about = say("What buyers ask a year; the coupon if nothing is said.")
        ends = (coupon - 0.03, coupon + 0.05)
        found = [control("yield", "discount_yield", say("Yield"), about, coupon, *ends)]
        for place, name in enumerate(self.kpis):
            kpi, process = self.deal.kpis[name], self.bond.outlook[name]
            kind: Kind = "percent" if kpi.unit == "fraction" else "number"
            unit, title = plain(say.deal(kpi.unit)), say.deal(kpi.title)
            end, path = "" if place == 0 else str(place + 1), f"kpis.{name}"
            if hasattr(process, "probability"):
                words = say("{kpi}: its chance", kpi=title)
                found.append(control(f"mean{end}", f"{path}.mean", words, "", process.probability, 0, 1))
                continue
            mean, sd = getattr(process, "mean", None), getattr(process, "sd", None)
            if mean is None or sd is None or not (hasattr(process, "moved") or hasattr(process, "trend")):
                continue
            # The KPI may move over years; its level is what the slider sets.
            spread = max(4 * sd, abs(mean) / 4)
            words = say("{kpi}: what is expected", kpi=title)
            about = say("The mean of what may be measured.")
            if getattr(process, "trend", 0):
                about = say(
                    "The mean at the start; from there it moves from year to year as the deal expects."
                )
            ends = (mean - spread, mean + spread)
            found.append(control(f"mean{end}", f"{path}.mean", words, about, mean, *ends, kind, unit))
            words = say("{kpi}: how uncertain", kpi=title)
            about = say("The standard deviation of what may be measured.")
            found.append(control(f"sd{end}", f"{path}.sd", words, about, sd, sd / 20, 3 * sd, kind, unit))
        return found


def _changed(name: str, process: Process | KpiProcess, change: KpiChange) -> Process | KpiProcess:
    mean, sd = change.mean, change.sd
    if change.mean_factor is not None or change.sd_factor is not None:
        level, spread = getattr(process, "mean", None), getattr(process, "sd", None)
        if level is None or spread is None:
            raise InputError(f"kpis.{name}: a KPI that is {process.description} has no mean to change")
        mean = (level if mean is None else mean) * (change.mean_factor or 1.0)
        sd = (spread if sd is None else sd) * (change.mean_factor or 1.0) * (change.sd_factor or 1.0)
    return process if mean is None and sd is None else changed(process, mean, sd)
