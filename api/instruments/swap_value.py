"""What a KPI payment is worth: in closed form where the deal states its KPI's process; a wind project's is
simulated once in the background, and until then says so."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from api.i18n import Translator
from api.instruments.controls import Control, control
from api.instruments.valued import CHART_POINTS, TAIL, Report, Valued, chart, chart_points, quantiles_row
from api.jobs import Job, Jobs, apart
from api.models.deployment import Quantiles
from api.models.valuation import (
    CashflowRow,
    ChartPoint,
    KpiChange,
    LivePrice,
    PeriodValue,
    ValuationRequest,
    ValuationView,
)
from api.problems import bad_input, unavailable
from finance.pricing.live import Realised
from finance.swaps.holders import Owed
from finance.swaps.index import PATHS as INDEX_PATHS
from finance.swaps.index import index_swap
from finance.swaps.live import (
    LiveSwap,
    PreparedSwap,
    SwapOutlook,
    changed_outlook,
    index_outlook,
    project_outlook,
)
from finance.swaps.project import project_swap
from finance.swaps.wind import is_wind
from finance.terms import Deal, parse_deal
from finance.terms.payment_form import PaymentForm, payment_form
from finance.terms.problems import InputError
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury

PATHS, SEED = 10_000, 1
_MOST_SIMULATED = 8
_simulated: OrderedDict[str, SwapOutlook] = OrderedDict()


def _simulate(tree: Mapping[str, Any], paths: int, seed: int, progress: Callable[..., None]) -> SwapOutlook:
    return project_outlook(Deal.model_validate(tree), paths, seed, _counted(progress))


def _counted(progress: Callable[..., None]) -> Callable[[int, int], None]:
    return lambda done, of: progress(done / of, f"{done:,} of {of:,} paths")


class SwapValue(Valued):
    """A KPI payment, with or without a project whose revenue is shared out."""

    options = frozenset({"discount_rate", "fixed", "fixed_factor", "solve", "parameter", "paths"})
    noun = "KPI payment"
    figures = "what_if_payment.html.j2"

    @cached_property
    def swap(self) -> PreparedSwap:
        return PreparedSwap.of(self.deal)

    @property
    def form(self) -> PaymentForm:
        return payment_form(self.deal)

    @property
    def kpi(self) -> str:
        return self.deal.only(KpiPayment).kpi

    @property
    def kpis(self) -> Iterable[str]:
        return (self.kpi,)

    # -- what is expected of its periods

    def outlook(self, known: Realised) -> SwapOutlook | None:
        """None while a simulation that it needs is not there."""
        if is_wind(self.deal):
            return _simulated.get(self._key)
        reports = self.reported(known)
        return index_outlook(self.deal, reports) if reports else self._at_start

    @cached_property
    def _at_start(self) -> SwapOutlook:
        return index_outlook(self.deal)

    @property
    def _key(self) -> str:
        return f"{self.deal.terms_hash} {self.deal.lead}"

    def simulate(self, jobs: Jobs) -> Job | None:
        """A job that simulates what a wind project's swap may do; None when nothing needs to be simulated or
        it has been."""
        if not is_wind(self.deal) or self._key in _simulated:
            return None
        tree = self.deal.model_dump(mode="python", by_alias=True, exclude_none=True)
        work, key = apart(_simulate, tree, PATHS, SEED), self._key

        def keep(progress: Callable[[float, str], None], cancelled: threading.Event) -> str:
            _simulated[key] = work(progress, cancelled)
            while len(_simulated) > _MOST_SIMULATED:
                _simulated.popitem(last=False)
            return key

        return jobs.submit("outlook", keep, key=key, for_all=True)

    def warm(self, jobs: Jobs) -> None:
        self.swap  # noqa: B018 - prepared by being asked for
        self.simulate(jobs)

    def reported(self, known: Realised) -> dict[int, int | None]:
        """Reports of the swap's own KPI, by period. Raises InputError for a KPI that the deal has not."""
        self.known_kpis(known)
        return {period: value for (kpi, period), value in known.items() if kpi == self.kpi}

    # -- now

    def price(
        self, known: Realised, today: date, jobs: Jobs | None = None, owed: Owed | None = None
    ) -> LivePrice:
        swap, outlook = self.swap, self.outlook(known)
        found = LivePrice(
            deal=self.deal.id,
            state="computing",
            day=today,
            rate=swap.rate,
            basis=f"{_how(outlook)}, discounted at {100 * swap.rate:g} %",
            assumed=self.assumed,
        )
        if today >= swap.days[-1]:
            found.state = "over"
        elif outlook is not None:
            found.state = "ready"
            self.enter(found, swap.now(outlook, self.reported(known), today, owed=owed))
            paid = {(self.kpi, period): day for period, day in enumerate(swap.days)}

            def worth(reports: Realised, day: date) -> str:
                seen = outlook if outlook.paths is not None else self.outlook(reports)
                assert seen is not None
                return self.minor(swap.now(seen, self.reported(reports), day).value)

            found.last_report = self.last_report(known, today, paid, worth)
        elif jobs is not None:
            self.simulate(jobs)
        return found

    def enter(self, found: LivePrice | ValuationView, now: LiveSwap) -> None:
        """Enter what the payments and a unit of the revenue share are worth."""
        found.value, found.standard_error = self.minor(now.value), self.minor(now.standard_error)
        found.low = None if now.low is None else self.minor(now.low)
        found.high = None if now.high is None else self.minor(now.high)
        share = self.deal.only_or_none(Treasury)
        if share is not None and now.unit is not None:
            found.price = 100 * now.unit / float(share.unit_price.value)

    def expected(self, known: Realised) -> Mapping[Report, Quantiles] | None:
        outlook = self.outlook(known)
        if outlook is None:
            return None
        return {
            (self.kpi, period): quantiles_row(
                outlook.mean[period],
                outlook.quantiles[:, period],
                outlook.laws[period].description if outlook.laws else _how(outlook),
            )
            for period in range(len(self.deal.kpis[self.kpi].periods))
            if (self.kpi, period) not in known
        }

    # -- if

    def value(
        self,
        request: ValuationRequest,
        known: Realised,
        jobs: Jobs | None = None,
        owed: Owed | None = None,
    ) -> ValuationView:
        swap, reports, stands = self.swap, self.reported(known), self.outlook(known)
        if stands is None:
            if request.document is not None:
                raise bad_input("method: the KPI of this deal needs a simulation: use the method full")
            if jobs is not None:
                self.simulate(jobs)
            raise unavailable("the deal's scenarios are being simulated", "computing", retry=5)
        fixed, outlook = self.fixed(request), self.changed(request, stands)
        rate = swap.rate if request.discount_rate is None else request.discount_rate
        now = swap.now(outlook, reports, request.as_of or swap.start, rate, fixed, owed)
        found = self.blank(request, rate, _how(outlook))
        self.enter(found, now)
        found.fixed = [self.minor(float(each)) for each in fixed]
        found.fair = [self.minor(-float(each)) for each in outlook.payoff]
        found.periods = list(self.settlements(outlook, known, now))
        if request.chart:
            found.chart = self.chart(outlook, reports, [int(each) for each in found.fixed])
        return found

    def fixed(self, request: ValuationRequest) -> Any:
        """The fixed payment of each period as it is asked for, currency."""
        swap, scale = self.swap, 10.0**-self.deal.currency.token_decimals
        if request.fixed is not None:
            return np.resize([int(each) * scale for each in request.fixed], len(swap.fixed))
        return swap.fixed * (1.0 if request.fixed_factor is None else request.fixed_factor)

    def changed(self, request: ValuationRequest, outlook: SwapOutlook) -> SwapOutlook:
        """The outlook with the changes asked for."""
        change = request.kpis.get(self.kpi, KpiChange())
        if change.mean is not None or change.sd is not None:
            raise InputError("kpis: a swap's periods differ: change them by mean_factor and sd_factor")
        if change == KpiChange():
            return outlook
        return changed_outlook(self.deal, outlook, change.mean_factor or 1.0, change.sd_factor or 1.0)

    def settlements(self, outlook: SwapOutlook, known: Realised, now: LiveSwap) -> Iterator[PeriodValue]:
        for period, amount in enumerate(now.settlements):
            report, expected = (self.kpi, period), None
            if report not in known:
                expected = quantiles_row(outlook.mean[period], outlook.quantiles[:, period], _how(outlook))
            yield self.period(report, known, float(amount), expected)

    def chart(
        self, outlook: SwapOutlook, reports: Mapping[int, int | None], fixed: list[int]
    ) -> list[ChartPoint] | None:
        """Distribution of the KPI of the first period that has no report, and the payment it would make."""
        period = next((k for k in range(len(fixed)) if k not in reports), None)
        if period is None:
            return None
        curve, decimals = self.swap.terms.payment.curve, self.deal.kpis[self.kpi].decimals
        if outlook.laws:
            return chart(outlook.laws[period], curve, decimals, fixed[period])
        assert outlook.paths is not None
        values = outlook.paths.proxy[:, period]
        low, high = np.quantile(values, (TAIL, 1 - TAIL))
        edges = np.linspace(low, high, CHART_POINTS // 2)
        density, _ = np.histogram(values, edges, density=True)
        return chart_points((edges[1:] + edges[:-1]) / 2, density, curve, decimals, fixed[period])

    def simulated(self, request: ValuationRequest, progress: Callable[..., None]) -> ValuationView:
        asked = (request.as_of, request.reports, request.kpis, request.discount_rate)
        if any(each not in (None, [], {}) for each in asked):
            raise InputError(
                "method: full is of a swap at its start on its own terms, or with other payments"
            )
        deal, solve = self.with_fixed(request), (request.solve, request.parameter)
        seed = 1 if request.seed is None else request.seed
        if is_wind(deal):
            count = request.paths or PATHS
            study: Any = project_swap(deal, *solve, count, seed, _counted(progress))
            value, fixed = study.study.value, study.study.fixed
        else:
            count = request.paths or INDEX_PATHS
            study = index_swap(deal, *solve, count, seed)
            value, fixed = study.value, study.fixed
        how = f"{count:,} simulated paths (seed {seed}), exact means"
        found = self.blank(request, deal.number("discount_rate"), how)
        exact = study.exact_value
        found.simulated = study.to_dict()
        found.value, found.standard_error = self.minor(exact.value), self.minor(exact.standard_error)
        found.low, found.high = self.minor(value.low), self.minor(value.high)
        found.fixed = [self.minor(float(each)) for each in fixed]
        found.fair = [self.minor(float(each)) for each in study.fair]
        return found

    def with_fixed(self, request: ValuationRequest) -> Deal:
        """The deal with the fixed payments asked for."""
        if request.fixed is None and request.fixed_factor is None:
            return self.deal
        stated = self.deal.only(KpiPayment).fixed
        listed = [self.minor(float(each)) for each in self.fixed(request)[: len(stated.value)]]
        tree = self.deal.model_dump(mode="python", by_alias=True, exclude_none=True)
        kept = [f"{int(each)}e-{self.deal.currency.token_decimals}" for each in request.fixed or listed]
        tree["parts"][self.deal.key_of(KpiPayment)]["fixed"] = {"value": kept, "assumed": "what if"}
        return parse_deal(tree)

    # -- at its start

    def cashflows(self, discount_yield: float | None) -> list[CashflowRow]:
        swap, outlook = self.swap, self.outlook({})
        factors = swap.factors(swap.start, discount_yield)
        found = []
        for index, (day, fixed) in enumerate(zip(swap.days, swap.fixed, strict=True)):
            factor, money = float(factors[index]), dict.fromkeys(("expected", "low", "high", "present_value"))
            if outlook is not None:
                expected, (low, high) = float(fixed + outlook.payoff[index]), swap.spread(outlook, index)
                amounts = (expected, float(fixed) + low, float(fixed) + high, expected * factor)
                money = dict(zip(money, map(self.minor, amounts), strict=True))
            found.append(
                CashflowRow(
                    date=day,
                    period=index + 1,
                    kind="settlement",
                    accrual="",
                    cases=[],
                    discount_factor=factor,
                    **money,
                )
            )
        return found

    # -- its what-if page

    def question(self, say: Translator) -> str:
        if self.form.is_swap:
            return say(
                "Move the sliders: what would the swap be worth with another fixed payment, or if something "
                "else were to be measured?"
            )
        return say(
            "Move the sliders: what would the payments be worth if something else were to be measured?"
        )

    def controls(self, say: Translator) -> list[Control]:
        rate, path = self.swap.rate, f"kpis.{self.kpi}"
        title = say.deal(self.deal.kpis[self.kpi].title)
        same, yearly = say("100% is as the deal has it."), say("A year, for payments to come.")
        expected, uncertain = (
            say("{kpi}: what is expected", kpi=title),
            say("{kpi}: how uncertain", kpi=title),
        )
        fixed = say("Charge") if self.form.is_charge else say("Fixed payment")
        rates = (rate, max(rate - 0.05, -0.02), rate + 0.05)
        stated = [control("fixed", "fixed_factor", fixed, same, 1.0, 0.5, 1.5)]
        return [
            *(stated if any(self.deal.only(KpiPayment).fixed.value) else []),
            control("mean", f"{path}.mean_factor", expected, same, 1.0, 0.5, 1.5),
            control("sd", f"{path}.sd_factor", uncertain, same, 1.0, 0.1, 3.0),
            control("rate", "discount_rate", say("Discount rate"), yearly, *rates),
        ]


def _how(outlook: SwapOutlook | None) -> str:
    """How what is expected of a swap's periods is found, in words."""
    if outlook is not None and outlook.paths is None:
        return "closed form"
    return (
        f"exact mean of each period, spread over {PATHS:,} simulated paths (seed {SEED}) as seen at the start"
    )
