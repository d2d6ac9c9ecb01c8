"""Rules of KPI payments: parties, reports, amounts, collateral, close-out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.payoffs import payoff_name, payoff_term, steps_of
from finance.terms.processes import TwinProcess
from finance.terms.rule_parts import (
    MAX_DAYS,
    Finding,
    Loc,
    count,
    money,
    parts_of,
    period_amounts,
    yearly_rate,
)
from finance.terms.schedule import days_after
from finance.terms.sections import Kpi
from finance.terms.swap import KpiPayment

MAX_PERIODS = 240  # contracts/instruments/KpiPayment.sol
MAX_AMOUNT = 2**96 - 1  # of one payment, in minor units: contracts/instruments/KpiPayment.sol
MOST_PER_UNIT = Decimal("1e12")  # currency
LONGEST_LAST_FIXING = 366
"""Days that a swap may run under the close-out rule last_fixing without saying why."""


def swaps(deal: Deal) -> Iterator[tuple[Loc, KpiPayment]]:
    yield from parts_of(deal, KpiPayment)


def parties(deal: Deal) -> Iterator[Finding]:
    for here, swap in swaps(deal):
        if swap.payer == swap.payee:
            yield (*here, "payee"), "is the payer as well"


def reports(deal: Deal) -> Iterator[Finding]:
    for here, swap in swaps(deal):
        kpi = deal.kpis.get(swap.kpi)
        if kpi is None:
            yield (*here, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis) or 'none'})"
        elif len(kpi.periods) > MAX_PERIODS:
            yield (
                (*here, "kpi"),
                f"has {len(kpi.periods)} periods, and a KPI payment has at most {MAX_PERIODS}",
            )
        elif swap.kpi not in deal.oracle:
            yield ("oracle", swap.kpi), "is required: a claim depends on this KPI"
        yield from count((*here, "pay_lag_days"), swap.pay_lag_days, 0, MAX_DAYS)
        yield from _in_time(deal, here, swap)
        yield from _close_out(deal, (*here, "close_out"), swap, kpi)


def _in_time(deal: Deal, here: Loc, swap: KpiPayment) -> Iterator[Finding]:
    """A report must be settled, challenge and ruling included, by the pay date it fixes."""
    policy = deal.oracle.get(swap.kpi)
    if policy is None:
        return
    windows = policy.reporting_days.value + policy.late_days.value
    windows += policy.dispute_days.value + policy.ruling_days.value
    if windows > swap.pay_lag_days.value:
        yield (
            (*here, "pay_lag_days"),
            f"report, late report, dispute and ruling may take {plain(windows)} days after the period",
        )


def _close_out(deal: Deal, here: Loc, swap: KpiPayment, kpi: Kpi | None) -> Iterator[Finding]:
    close = swap.close_out
    if close.why is not None and close.rule != "last_fixing":
        yield (*here, "why"), "belongs to the rule last_fixing only"
    if close.rule != "model_value":
        if close.kpi is not None:
            yield (*here, "kpi"), "belongs to the rule model_value only"
        if close.rule == "last_fixing" and close.why is None and kpi is not None:
            yield from _short(here, kpi)
        return
    if close.kpi is None:
        yield (*here, "kpi"), "is required by the rule model_value"
    elif close.kpi not in deal.kpis:
        yield (*here, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis)})"
    elif close.kpi == swap.kpi:
        yield (*here, "kpi"), "is what the periods go by: what is left is valued by a KPI of its own"
    elif close.kpi not in deal.oracle:
        yield ("oracle", close.kpi), "is required: a close-out depends on this KPI"
    elif kpi is not None and len(deal.kpis[close.kpi].periods) != len(kpi.periods):
        yield (*here, "kpi"), f"has not the {len(kpi.periods)} periods of {swap.kpi}"
    elif deal.kpis[close.kpi].decimals != deal.currency.token_decimals:
        token = deal.currency.token_decimals
        yield (*here, "kpi"), f"is money on chain: it must have the {token} decimals of the currency's token"
    elif kpi is not None:
        yield from _valued(deal, (*here, "kpi"), swap, kpi)


def _short(here: Loc, kpi: Kpi) -> Iterator[Finding]:
    """A rule by which the future counts nothing lets a side walk away from all of it for its collateral."""
    first, last = kpi.periods[0].start, kpi.periods[-1].end
    if (last - first).days > LONGEST_LAST_FIXING:
        yield (
            (*here, "rule"),
            "last_fixing lets a side walk away from years to come at the price of its collateral: use "
            "replacement_cost or model_value, or say why",
        )


def _valued(deal: Deal, loc: Loc, swap: KpiPayment, kpi: Kpi) -> Iterator[Finding]:
    """The model value knows what was measured before what it values, and is due with it."""
    values = deal.kpis[swap.close_out.kpi or ""].periods
    for k, (period, value) in enumerate(zip(kpi.periods, values, strict=True)):
        if k and value.end < kpi.periods[k - 1].end:
            yield loc, f"values period {k + 1} before period {k} of {swap.kpi} has ended"
        if value.end > days_after(period.end, swap.pay_lag_days.value):
            yield loc, f"values period {k + 1} after its pay date"


def amounts(deal: Deal) -> Iterator[Finding]:
    for here, swap in swaps(deal):
        yield from period_amounts(deal, (*here, "fixed"), swap.fixed, _periods(deal, swap), signed=True)
        steps = steps_of(swap)
        name = "line" if swap.tiers is None else "tiers"
        for index, step in enumerate(steps):
            yield from money(deal, (*here, name, str(index), payoff_name(step)), payoff_term(step))
        if steps and swap.fixed.value:
            largest = max(abs(x) for x in swap.fixed.value) + max(abs(payoff_term(x).value) for x in steps)
            if largest * 10**deal.currency.token_decimals > MAX_AMOUNT:
                yield (*here, "fixed"), "is too large for the chain together with the payoff"
        for side in ("payer", "payee"):
            loc = (*here, "collateral", side)
            yield from money(deal, loc, getattr(swap.collateral, side), sign=1)
        yield from count((*here, "cure_days"), swap.cure_days, 0, MAX_DAYS)
        yield from yearly_rate((*here, "late_rate"), swap.late_rate)
        if swap.covenant_dscr is not None and swap.covenant_dscr.value < 1:
            yield (*here, "covenant_dscr"), "must be 1 or more"


def _periods(deal: Deal, swap: KpiPayment) -> int | None:
    kpi = deal.kpis.get(swap.kpi)
    return None if kpi is None else len(kpi.periods)


def revenue(deal: Deal) -> Iterator[Finding]:
    """What a unit of the KPI costs the payee is named by that unit."""
    units = {deal.kpis[swap.kpi].unit for _, swap in swaps(deal) if swap.kpi in deal.kpis}
    for name, term in deal.asset.parameters.items():
        if not units or not name.startswith("revenue_per_"):
            continue
        if name.removeprefix("revenue_per_") not in units:
            wanted = " or ".join(f"revenue_per_{unit}" for unit in sorted(units))
            yield ("asset", "parameters", name), f"the KPI is measured in another unit: {wanted}"
        elif not isinstance(term.value, Decimal) or not 0 < abs(term.value) < MOST_PER_UNIT:
            yield ("asset", "parameters", name), f"must be a number other than 0, below {MOST_PER_UNIT:g}"


def simulated(deal: Deal) -> Iterator[Finding]:
    """A payment that a twin simulates is a wind project's, with a revenue share. That its periods are whole
    months is only asked for when it is valued (`finance.swaps.periods.swap_periods`): moved dates are not.
    """
    for here, swap in swaps(deal):
        kpi, wind = deal.kpis.get(swap.kpi), deal.asset.twin == "wind"
        if kpi is None or not kpi.periods:
            continue
        if isinstance(kpi.process, TwinProcess) and not wind:
            twin = deal.asset.twin or "(missing)"
            loc = ("kpis", swap.kpi, "process", "kind")
            yield loc, f"only the twin `wind` can be simulated, and asset.twin = {twin}"
        if not wind:
            continue
        if not deal.linking(here[1], "is hedged by"):
            yield here, "needs a treasury beside it, whose costs and debt a wind project has"


def silence(deal: Deal) -> Iterator[Finding]:
    """Law 4 for a KPI payment: a stated amount for a missing report is no better than any report."""
    for _, swap in swaps(deal):
        policy = deal.oracle.get(swap.kpi)
        steps = steps_of(swap)
        if policy is None or policy.missing.amount is None or not steps:
            continue
        loc: Loc = ("oracle", swap.kpi, "missing", "amount")
        value = policy.missing.amount.value
        payoffs: list[Decimal] = [payoff_term(step).value for step in steps]
        if swap.payee not in deal.parties:
            continue
        payee = "data_controller" in deal.parties[swap.payee].roles
        if payee and value > min(payoffs):
            yield loc, f"silence would pay {swap.payee}, who controls the data: at most {plain(min(payoffs))}"
        if not payee and value < max(payoffs):
            yield (
                loc,
                f"silence would pay {swap.payer}, who controls the data: at least {plain(max(payoffs))}",
            )


RULES = (parties, reports, amounts, revenue, simulated, silence)
