"""A vehicle on which everything comes in as it should: what it pays whom, to the unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from finance.pricing.outlook import kpi_outlook, over_time
from finance.settlement.spv_terms import VehicleTerms, vehicle_terms
from finance.settlement.waterfall import run
from finance.terms.deal import Deal
from finance.terms.spv import Spv
from finance.waterfalls.projection import Projection, project


def planned(deal: Deal) -> Projection:
    """A deal's only vehicle with all revenue that is expected, KPIs at their medians, and after the last
    period one run more, which spends what is left."""
    terms = vehicle_terms(deal)
    plan = terms.plan
    facts = {name: _medians(deal, terms, name) for name in plan.facts}
    lines = {
        name: list(expected) if fact is None else _measured(expected, facts[plan.facts[fact]], at)
        for name, expected, (fact, at) in zip(plan.lines, terms.expected, terms.measured, strict=True)
    }
    made = project(plan, lines, facts)
    last = len(plan.due) - 1
    inputs = made.compiled.inputs(
        last, dict.fromkeys(lines, 0), {name: values[last] for name, values in facts.items()}
    )
    end = run(made.compiled.waterfall, made.runs[-1].state, inputs, plan.due[last], is_over=True)
    return replace(made, lines={name: (*values, 0) for name, values in lines.items()}, runs=(*made.runs, end))


def _measured(expected: tuple[int, ...], values: list[int], at: int) -> list[int]:
    """Revenue in proportion to a KPI, all of it `at` this value."""
    return [whole * max(0, value) // at for whole, value in zip(expected, values, strict=True)]


def _medians(deal: Deal, terms: VehicleTerms, name: str) -> list[int]:
    """Of a KPI by period, as it stands on chain."""
    feed, _ = terms.facts[terms.plan.facts.index(name)]
    key = deal.part(terms.key, Spv).measures[name].kpi
    years = np.cumsum([float(period.years) for period in terms.periods])
    values = over_time(kpi_outlook(deal.kpis[key])).paths(years, np.zeros((1, len(years))))[0]
    scaled = np.rint(values * 10 ** deal.kpis[key].decimals)
    return [int(each) for each in np.clip(scaled, feed.min_value, feed.max_value)]
