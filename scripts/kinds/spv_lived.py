"""What there is to say of a vehicle that is lived on a chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from chain.reconciliation import Row
from finance.report.sankey_plot import sankey_figure
from finance.report.table import Table
from finance.report.text import counted, percent
from finance.report.vehicle import protection_table, tranche_table
from finance.report.waterfall_words import Teller
from finance.securitisation.vehicle import protection, value_vehicle
from finance.settlement.spv_books import SpvBooks
from finance.settlement.spv_terms import TrancheTerms, VehicleTerms, vehicle_terms
from finance.settlement.world import World
from finance.terms import Deal
from finance.waterfalls.projection import REVENUE, Flow, project
from scripts.demo.company import Money
from scripts.kinds import Closing, Drawn


def opening(deal: Deal) -> tuple[list[str], list[Table]]:
    """What tranches are worth when the vehicle begins: in lines, and as tables."""
    found = value_vehicle(deal)
    lines = [
        f"{each.terms.name}: {each.price:.2f} per 100 at {percent(each.rate, 2)}, expected loss "
        f"{percent(each.expected_loss, 2)}, proxy {each.rating}"
        for each in found.tranches
    ]
    return lines, [tranche_table(found), protection_table(protection(deal))]


def dates(deal: Deal) -> Iterator[tuple[int, str]]:
    """What happens when."""
    due = vehicle_terms(deal).plan.due
    for number, at in enumerate(due, start=1):
        yield at, f"Period {number} is run" + ", the last one" * (number == len(due))


def closing(
    deal: Deal, world: World, paid: Sequence[tuple[int, Row]], _reports: Sequence[dict[str, Any]]
) -> Closing:
    """The same waterfall projected on what came in, what each tranche got, and who did not pay."""
    terms, made = vehicle_terms(deal), Closing()
    books, plan, words = world.books(terms.key, SpvBooks), terms.plan, Money.of(deal).words
    if books.periods_paid < len(plan.due):
        made.headline = f"{counted(books.periods_paid, 'period')} of {len(plan.due)} were run"
        return made
    count = len(plan.due)
    income = {
        name: [books.income.get((period, line), 0) for period in range(count)]
        for line, name in enumerate(plan.lines)
    }
    facts = {
        name: [_value(world, books, number, period) for period in range(count)]
        for number, name in enumerate(plan.facts)
    }
    projected: dict[tuple[int, int, str], int] = {}
    for flow in project(plan, income, facts).flows():
        if flow.source not in (*plan.lines, REVENUE) and flow.step:
            projected[flow.period, flow.step, flow.target] = flow.amount
    settled = {
        (row.period - 1, int(row.detail.split()[1].rstrip(":")), row.detail.split(" > ")[1]): row.actual
        for _, row in paid
        if row.part == terms.key and row.kind in ("spent", "moved") and row.period and row.period <= count
    }
    differ = sum(
        abs(projected.get(key, 0) - settled.get(key, 0)) for key in projected.keys() | settled.keys()
    )
    line = f"the waterfall projected on what came in moves {words(sum(projected.values()))}"
    made.lines.append((f"{line} in {counted(len(projected), 'step')}: difference {differ}", not differ))
    told = Teller(deal).names
    short = [
        (due - sum(income[line]), line) for line, due in _due(terms, facts).items() if due > sum(income[line])
    ]
    got = [_got(each, settled) for each in terms.tranches]
    made.headline = "; ".join(
        [f"{told[name]} fell short by {words(amount)}" for amount, name in short]
        + [f"{each.name} was paid {words(amount)}" for each, amount in zip(terms.tranches, got, strict=True)]
    )
    unit = 10**terms.currency_decimals
    flows = [
        (told.get(source, source), told.get(target, target), amount / unit)
        for source, target, amount in _summed(project(plan, income, facts).flows())
    ]
    about = "What came in by line, and where the steps of the waterfall moved it, all periods together."
    figure = partial(sankey_figure, flows, terms.title, about, deal.currency.code)
    made.figures.append(Drawn(figure, about))
    left = zip(plan.pot_names, project(plan, income, facts).runs[-1].state.registers, strict=False)
    made.facts["vehicle"] = {
        "short": {name: str(amount) for amount, name in short},
        "tranches": {
            each.key: {
                "paid": str(amount),
                "unpaid": str(sum(books.spent.registers[at] for at in _owed(books, each))),
            }
            for each, amount in zip(terms.tranches, got, strict=True)
        },
        "pots_after_last_period": {name: str(amount) for name, amount in left},
        "flows": [list(flow) for flow in _summed(project(plan, income, facts).flows())],
    }
    return made


def _due(terms: VehicleTerms, facts: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """What was to come of each line, by what KPIs were."""
    found = {}
    for name, expected, (fact, at) in zip(terms.plan.lines, terms.expected, terms.measured, strict=True):
        values = None if fact is None else facts[terms.plan.facts[fact]]
        found[name] = sum(
            whole if values is None else whole * max(0, values[period]) // at
            for period, whole in enumerate(expected)
        )
    return found


def _value(world: World, books: SpvBooks, number: int, period: int) -> int:
    """A KPI's value as the treasury read it."""
    from finance.settlement.oracle_feed import FeedBooks

    fact = books.terms.facts[number]
    report = world.books("oracle", FeedBooks).report_of(fact.feed, period, world.at)
    return fact.missing if report.settled_value is None else report.settled_value


def _got(tranche: TrancheTerms, settled: dict[tuple[int, int, str], int]) -> int:
    """What a tranche's claims were paid."""
    return sum(amount for (_, _, to), amount in settled.items() if to.split(".")[0] == tranche.key)


def _owed(books: SpvBooks, tranche: TrancheTerms) -> Iterator[int]:
    """Registers of what a tranche is still owed."""
    plan = books.terms.compiled.plan
    for number, claim in enumerate(plan.claim_names):
        if claim.split(".")[0] == tranche.key:
            yield len(plan.pot_names) + number


def _summed(flows: Iterator[Flow]) -> Iterator[tuple[str, str, int]]:
    """Money from where to where over all periods."""
    sums: dict[tuple[str, str], int] = {}
    for flow in flows:
        sums[flow.source, flow.target] = sums.get((flow.source, flow.target), 0) + flow.amount
    for (source, target), amount in sums.items():
        yield source, target, amount
