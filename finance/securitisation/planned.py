"""A vehicle on which everything comes in as it should: what it pays whom, to the unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from finance.pricing.outlook import kpi_outlook, over_time
from finance.securitisation import legs
from finance.settlement.spv_books import proportional
from finance.settlement.spv_terms import VehicleTerms, vehicle_terms
from finance.settlement.waterfall import Run, State, run
from finance.terms.deal import Deal
from finance.terms.spv import Spv
from finance.waterfalls.projection import Projection, project, received

Inputs = tuple[Mapping[str, Sequence[int]], Mapping[str, Sequence[int]]]
"""Lines of revenue, and facts: by name, a number for each period."""


@lru_cache(maxsize=32)
def planned(deal: Deal) -> Projection:
    """A deal's only vehicle with all revenue that is expected, KPIs at their medians, and after the last
    period the run that spends what is left."""
    lines, facts = _expected(deal)
    made = project(legs.priced(deal, vehicle_terms(deal)), lines, facts)
    return replace(
        made, lines={name: (*values, 0) for name, values in lines.items()}, runs=(*made.runs, made.end)
    )


def ahead(deal: Deal, state: State, period: int) -> tuple[Run, ...]:
    """The same from a state on, before the `period` with that number (from 0)."""
    plan = legs.priced(deal, vehicle_terms(deal))
    (lines, facts), runs = _expected(deal), []
    for number in range(period, len(plan.due) + 1):
        is_over = number == len(plan.due)
        row = min(number, len(plan.due) - 1)
        income = {name: 0 if is_over else values[row] for name, values in lines.items()}
        inputs = plan.compiled.inputs(row, income, {name: values[row] for name, values in facts.items()})
        state = received(state, sum(income.values()))
        runs.append(run(plan.compiled.waterfall, state, inputs, plan.due[row], is_over))
        state = runs[-1].state
    return tuple(runs)


@lru_cache(maxsize=32)
def _expected(deal: Deal) -> Inputs:
    terms = vehicle_terms(deal)
    facts = {name: _medians(deal, terms, name) for name in deal.part(terms.key, Spv).measures}
    lines = {
        name: expected if by.fact is None else _followed(expected, facts[terms.plan.facts[by.fact]], by.at)
        for name, expected, by in zip(terms.plan.lines, terms.expected, terms.measured, strict=True)
    }
    for key in terms.swaps:
        lines[key], facts[f"{key}.debt"] = legs.medians(deal, terms, key)
    return lines, facts


def _followed(expected: Sequence[int], values: Sequence[int], at: int) -> list[int]:
    return [proportional(whole, value, at) for whole, value in zip(expected, values, strict=True)]


def _medians(deal: Deal, terms: VehicleTerms, name: str) -> list[int]:
    """Of a KPI by period, as it stands on chain."""
    feed, _ = terms.facts[terms.plan.facts.index(name)]
    key = deal.part(terms.key, Spv).measures[name].kpi
    years = np.cumsum([float(period.years) for period in terms.periods])
    values = over_time(kpi_outlook(deal.kpis[key])).paths(years, np.zeros((1, len(years))))[0]
    scaled = np.rint(values * 10 ** deal.kpis[key].decimals)
    return [int(each) for each in np.clip(scaled, feed.min_value, feed.max_value)]
