"""What-if valuations in closed form: a deal under another yield, other KPIs, reports or payments."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any

import numpy as np

from api.jobs import Jobs
from api.models.deployment import Quantiles
from api.problems import bad_input, unavailable
from api.views.documents import remembered_deal
from api.views.outlooks import (
    DealCache,
    bonds,
    hash_of,
    is_bond,
    outlook_of,
    reported,
    simulate_outlook,
    swaps,
)
from api.views.pricing import assumed_kpis, minor, outlook_basis, quantiles_of, quantiles_row
from api.views.valuation_models import (
    CaseValue,
    ChartPoint,
    KpiChange,
    PeriodValue,
    ValuationRequest,
    ValuationView,
)
from finance.pricing.live import (
    Realised,
    decided_flows,
    expected_now,
    fixing_chances,
    fixing_rules,
    later_law,
    live_value,
)
from finance.pricing.prepared import ClosedValue, PreparedBond, changed
from finance.pricing.process import KpiProcess
from finance.pricing.processes import Process
from finance.pricing.value import deal_expectation
from finance.settlement.payoff_curve import Curve, Shape, payoff
from finance.settlement.widths import INT128_MAX, INT128_MIN
from finance.swaps.holders import Owed
from finance.swaps.live import PreparedSwap, SwapOutlook, changed_outlook
from finance.terms.deal import Deal
from finance.terms.problems import InputError

CHART_POINTS = 81
_exact = partial(json.dumps, separators=(",", ":"), ensure_ascii=False, default=str)
TAIL = 1e-3  # of the KPI's distribution that a chart leaves out at each end

Outlook = Mapping[str, Process | KpiProcess]
_twin_outlooks: DealCache[Outlook] = DealCache(lambda deal: deal_expectation(deal, "twin"))


def deal_of(request: ValuationRequest, stored: Callable[[str], Deal]) -> Deal:
    """The deal that is asked about. Raises ProblemError for one that is unknown or cannot be used."""
    if request.deal is not None:
        return stored(request.deal)
    posted = request.document
    if request.kpi_model == "twin":
        raise bad_input("kpi_model: a posted deal has no twin's sample; use interval")
    try:
        # Numbers as they are written, not in full: 1e999999999 would fill the memory before it is refused.
        data = (posted if isinstance(posted, str) else _exact(posted, sort_keys=True)).encode()
    except (RecursionError, UnicodeEncodeError) as error:
        raise bad_input(f"document: {error}") from None
    return remembered_deal(data)


def closed_value(
    deal: Deal,
    request: ValuationRequest,
    jobs: Jobs | None = None,
    known: Realised | None = None,
    owed: Owed | None = None,
) -> ValuationView:
    """The valuation in closed form, by the reports of the request and those `known` besides; `owed`: what the
    project is known to owe on the day.

    Raises ProblemError: 422 for what does not fit the deal, 503 while a simulation that it rests on is under
    way.
    """
    try:
        realised = {**(known or {}), **_realised(deal, request)}
        if is_bond(deal):
            return _bond(deal, request, realised)
        return _swap(deal, request, realised, jobs, owed)
    except ArithmeticError:
        raise bad_input("these figures are beyond what can be computed") from None
    except ValueError as error:
        raise bad_input(str(error)[:500]) from None


# -- what is asked


def refuse(request: ValuationRequest, kind: str, *names: str) -> None:
    """Raise ProblemError (422) for what is not for this kind of deal."""
    given = [name for name in names if getattr(request, name) is not None]
    if given:
        raise bad_input(f"{given[0]}: is not for a {kind}")


def check_kpis(deal: Deal, request: ValuationRequest) -> None:
    """Raise ProblemError (422) for a KPI that the deal has not."""
    for name in [*request.kpis, *(report.kpi for report in request.reports)]:
        if name not in deal.kpis:
            raise bad_input(f"kpis.{name}: the deal {deal.id} has {', '.join(deal.kpis) or 'none'}")


def _realised(deal: Deal, request: ValuationRequest) -> dict[tuple[str, int], int | None]:
    """The reports as on chain: times 10^decimals, rounded half to even."""
    check_kpis(deal, request)
    found: dict[tuple[str, int], int | None] = {}
    for report in request.reports:
        kpi = deal.kpis[report.kpi]
        if report.period >= len(kpi.periods):
            raise bad_input(f"reports: {report.kpi} has {len(kpi.periods)} periods, counted from 0")
        raw = None if report.value is None else round(report.value * 10**kpi.decimals)
        if raw is not None and not INT128_MIN <= raw <= INT128_MAX:
            raise bad_input(f"reports: {report.kpi} = {report.value:g}: no report can say that")
        found[report.kpi, report.period] = raw
    return found


# -- bonds


def _bond(deal: Deal, request: ValuationRequest, realised: Realised) -> ValuationView:
    refuse(request, "bond", "discount_rate", "fixed", "fixed_factor")
    bond = bonds.of(deal)
    outlook = bond_outlook(bond, request)
    rate = bond.coupon if request.discount_yield is None else request.discount_yield
    found = blank_view(deal, request, rate, assumed_kpis(deal, outlook))
    found.basis = f"closed form, discounted at {100 * rate:g} %"
    if request.discount_yield is None:
        found.assumed.insert(0, "the discount yield is the coupon")
    if request.as_of is None and not realised:
        _at_start(bond, found, bond.value(rate, outlook))
    else:
        _live(bond, found, realised, outlook, request.as_of or bond.flows.periods[0].start)
    found.periods = _periods(bond, realised, outlook)
    if request.chart:
        found.chart = _bond_chart(bond, realised, outlook)
    return found


def bond_outlook(bond: PreparedBond, request: ValuationRequest) -> Outlook:
    """What is expected of the bond's KPIs with the changes asked for."""
    base = bond.outlook if request.kpi_model == "interval" else _twin_outlooks.of(bond.deal)
    if not request.kpis:
        return base
    found = dict(base)
    for name, change in request.kpis.items():
        if name not in found:
            raise InputError(f"kpis.{name}: no payment depends on it")
        found[name] = _changed(name, found[name], change)
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


def blank_view(deal: Deal, request: ValuationRequest, rate: float, assumed: list[str]) -> ValuationView:
    """A valuation without its figures."""
    return ValuationView(
        deal=deal.id,
        terms_hash=hash_of(deal),
        kind="kpi_bond" if is_bond(deal) else "kpi_payment",
        method="closed_form",
        currency=deal.currency.code,
        decimals=deal.currency.token_decimals,
        as_of=request.as_of,
        rate=rate,
        basis="",
        assumed=assumed,
    )


def _at_start(bond: PreparedBond, found: ValuationView, value: ClosedValue) -> None:
    exact = value.closed_form
    found.price, found.expected_yield, found.spread = value.price, value.expected_yield, value.spread
    found.macaulay_duration = value.durations.macaulay
    found.modified_duration = value.durations.modified
    found.expected_outcome = minor(bond.deal, exact.expected)
    found.outcome_sd = None if exact.sd is None else minor(bond.deal, exact.sd)
    chances = exact.probabilities or (None,) * len(bond.claim.cases)
    found.cases = _cases(bond, chances, value.case_prices)


def _cases(bond: PreparedBond, chances: Any, prices: Any) -> list[CaseValue]:
    scale = 10**bond.claim.kpi_decimals
    return [
        CaseValue(
            label=case.label,
            start=None if case.start is None else case.start / scale,
            amount=str(int(case.amount.scaleb(bond.claim.money_decimals))),
            probability=chance,
            price=price,
        )
        for case, chance, price in zip(bond.claim.cases, chances, prices, strict=True)
    ]


def _live(bond: PreparedBond, found: ValuationView, realised: Realised, outlook: Outlook, day: date) -> None:
    now = live_value(bond, realised, day, found.rate, outlook)
    found.as_of = day
    found.price, found.clean, found.accrued = now.dirty, now.clean, now.accrued
    found.expected_outcome = minor(bond.deal, sum(now.amounts))
    if not bond.claim.tiered:
        return
    ((rule, fixing),) = fixing_rules(bond)
    key = (rule.kpi, fixing.kpi_period)
    prices = [
        live_value(bond, {**realised, key: knot.x}, day, found.rate, outlook).dirty
        for knot in fixing.curve.knots
    ]
    chances = fixing_chances(bond, 0, realised, outlook) or (None,) * len(prices)
    found.cases = _cases(bond, chances, prices)


def _periods(bond: PreparedBond, realised: Realised, outlook: Outlook) -> list[PeriodValue]:
    """Every report that decides money, in the order of the rules, and what it decides."""
    flows = decided_flows(bond, realised)
    amounts = iter(expected_now(bond, flows, realised, outlook))
    money: dict[tuple[str, int], float] = {}
    for rule, fixing in fixing_rules(bond):
        key = (rule.kpi, fixing.kpi_period)
        money[key] = money.get(key, 0.0) + sum(next(amounts) for _ in range(fixing.first, fixing.last + 1))
    found = []
    for key, amount in money.items():
        expected = None if key in realised else quantiles_of(later_law(bond, *key, realised, outlook))
        found.append(_period(bond.deal, key, realised, amount, expected))
    return found


def _period(
    deal: Deal, key: tuple[str, int], realised: Realised, amount: float, expected: Quantiles | None
) -> PeriodValue:
    kpi, raw = deal.kpis[key[0]], realised.get(key)
    return PeriodValue(
        kpi=key[0],
        period=key[1],
        measured=kpi.periods[key[1]].end,
        value=None if raw is None else raw / 10**kpi.decimals,
        missing=key in realised and raw is None,
        expected=expected,
        amount=minor(deal, amount),
    )


def _bond_chart(bond: PreparedBond, realised: Realised, outlook: Outlook) -> list[ChartPoint] | None:
    """Distribution and payoff of the first report that has not arrived."""
    for rule, fixing in fixing_rules(bond):
        if (rule.kpi, fixing.kpi_period) not in realised:
            law = later_law(bond, rule.kpi, fixing.kpi_period, realised, outlook)
            return _chart(law, fixing.curve, bond.deal.kpis[rule.kpi].decimals)
    return None


def _chart(law: KpiProcess, curve: Curve, decimals: int, fixed: int = 0) -> list[ChartPoint]:
    """Density and payoff, with a point on either side of every step; `fixed` is added to the payoff."""
    low, high = (float(each) for each in law.quantile(np.array([TAIL, 1 - TAIL])))
    kpis = set(np.linspace(low, high, CHART_POINTS).tolist() if high > low else [low])
    if curve.shape is Shape.STEP:
        edges = [x / 10**decimals for knot in curve.knots[1:] for x in (knot.x - 1, knot.x)]
        kpis |= {edge for edge in edges if low < edge < high}
    at = np.array(sorted(kpis))
    density = getattr(law, "density", None)
    densities = [None] * len(at) if density is None else density(at)
    return [
        ChartPoint(
            kpi=float(kpi),
            density=None if d is None else float(d),
            payoff=_payoff(curve, kpi, decimals, fixed),
        )
        for kpi, d in zip(at, densities, strict=True)
    ]


def _payoff(curve: Curve, kpi: float, decimals: int, fixed: int) -> str:
    return str(fixed + payoff(curve, min(max(round(float(kpi) * 10**decimals), INT128_MIN), INT128_MAX)))


# -- swaps


def _swap(
    deal: Deal, request: ValuationRequest, realised: Realised, jobs: Jobs | None, owed: Owed | None
) -> ValuationView:
    refuse(request, "KPI payment", "discount_yield")
    swap = swaps.of(deal)
    reports = reported(deal, realised)
    outlook = outlook_of(deal, realised)
    if outlook is None:
        if request.document is not None:
            raise bad_input("method: the KPI of this deal needs a simulation: use the method full")
        if jobs is not None:
            simulate_outlook(deal, jobs)
        raise unavailable("the deal's scenarios are being simulated", "computing", retry=5)
    fixed = fixed_payments(swap, request)
    outlook = _swap_outlook(deal, request, outlook)
    rate = swap.rate if request.discount_rate is None else request.discount_rate
    day = request.as_of or swap.start
    now = swap.now(outlook, reports, day, rate, fixed, owed)
    found = blank_view(deal, request, rate, assumed_kpis(deal, [deal.swap.kpi]))
    found.basis = f"{outlook_basis(outlook)}, discounted at {100 * rate:g} %"
    found.value, found.standard_error = minor(deal, now.value), minor(deal, now.standard_error)
    found.low = None if now.low is None else minor(deal, now.low)
    found.high = None if now.high is None else minor(deal, now.high)
    found.fixed = [minor(deal, float(each)) for each in fixed]
    found.fair = [minor(deal, -float(each)) for each in outlook.payoff]
    share = deal.treasury
    if share is not None and now.unit is not None:
        found.price = 100 * now.unit / float(share.unit_price.value)
    found.periods = _settlements(deal, outlook, realised, now.settlements)
    if request.chart:
        found.chart = _swap_chart(deal, swap, outlook, reports, [int(each) for each in found.fixed])
    return found


def fixed_payments(swap: PreparedSwap, request: ValuationRequest) -> Any:
    """The fixed payment of each period as it is asked for, currency."""
    scale = 10.0**-swap.deal.currency.token_decimals
    if request.fixed is not None:
        return np.resize([int(each) * scale for each in request.fixed], len(swap.fixed))
    return swap.fixed * (1.0 if request.fixed_factor is None else request.fixed_factor)


def _swap_outlook(deal: Deal, request: ValuationRequest, outlook: SwapOutlook) -> SwapOutlook:
    change = request.kpis.get(deal.swap.kpi, KpiChange())
    if change.mean is not None or change.sd is not None:
        raise InputError("kpis: a swap's periods differ: change them by mean_factor and sd_factor")
    if change == KpiChange():
        return outlook
    return changed_outlook(deal, outlook, change.mean_factor or 1.0, change.sd_factor or 1.0)


def _settlements(deal: Deal, outlook: SwapOutlook, realised: Realised, settlements: Any) -> list[PeriodValue]:
    kpi, basis = deal.swap.kpi, outlook_basis(outlook)
    found = []
    for period, amount in enumerate(settlements):
        key, expected = (kpi, period), None
        if key not in realised:
            expected = quantiles_row(outlook.mean[period], outlook.quantiles[:, period], basis)
        found.append(_period(deal, key, realised, float(amount), expected))
    return found


def _swap_chart(
    deal: Deal, swap: PreparedSwap, outlook: SwapOutlook, reports: Mapping[int, int | None], fixed: list[int]
) -> list[ChartPoint] | None:
    """Distribution of the KPI of the first period that has no report, and the payment it would make."""
    period = next((k for k in range(len(swap.fixed)) if k not in reports), None)
    if period is None:
        return None
    curve, decimals = swap.terms.payment.curve, deal.kpis[deal.swap.kpi].decimals
    if outlook.laws:
        return _chart(outlook.laws[period], curve, decimals, fixed[period])
    assert outlook.paths is not None
    values = outlook.paths.proxy[:, period]
    low, high = np.quantile(values, (TAIL, 1 - TAIL))
    edges = np.linspace(low, high, CHART_POINTS // 2)
    density, _ = np.histogram(values, edges, density=True)
    return [
        ChartPoint(kpi=float(x), density=float(d), payoff=_payoff(curve, x, decimals, fixed[period]))
        for x, d in zip((edges[1:] + edges[:-1]) / 2, density, strict=True)
    ]
