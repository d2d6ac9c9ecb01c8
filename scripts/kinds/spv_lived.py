"""What there is to say of a vehicle that is lived on a chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from chain.reconciliation import Row
from finance.report.sankey import summed
from finance.report.sankey_plot import sankey_figure
from finance.report.table import Table
from finance.report.text import counted, percent
from finance.report.vehicle import protection_table, tranche_table
from finance.report.waterfall_words import Teller
from finance.securitisation.vehicle import protection, value_vehicle
from finance.settlement.spv_books import SpvBooks
from finance.settlement.spv_terms import TrancheTerms, vehicle_terms
from finance.settlement.world import World
from finance.terms import Deal
from finance.waterfalls.projection import project
from scripts.demo.company import Money
from scripts.kinds import Closing, Drawn

STEPS = ("spent", "moved", "written_off")
"""Rows of chain.parts.spv that a step of the waterfall made."""


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
        for number, name in enumerate(plan.facts[: len(books.terms.facts)])
    }
    for key in terms.swaps:  # what it was paid, of what it was owed
        facts[f"{key}.debt"] = [
            sum(
                row.actual
                for _, row in paid
                if row.period == period + 1 and row.detail.endswith(f"> {key}.owed")
            )
            for period in range(count)
        ]
    made_of = project(plan, income, facts)
    moved = list(made_of.flows())
    projected = {(flow.period, flow.step, flow.target): flow.amount for flow in moved if flow.step}
    settled = {
        (row.period - 1, int(row.detail.split()[1].rstrip(":")), row.detail.split(" > ")[1]): row.actual
        for _, row in paid
        if row.part == terms.key and row.kind in STEPS and row.period and row.period <= count
    }
    differ = sum(
        abs(projected.get(key, 0) - settled.get(key, 0)) for key in projected.keys() | settled.keys()
    )
    line = f"the waterfall projected on what came in moves {words(sum(projected.values()))}"
    made.lines.append((f"{line} in {counted(len(projected), 'step')}: difference {differ}", not differ))
    told = Teller(deal).names
    due = {
        name: sum(books.expected(world, line, period) for period in range(count))
        for line, name in enumerate(plan.lines)
    }
    short = {name: owed - sum(income[name]) for name, owed in due.items() if owed > sum(income[name])}
    made.missed = [f"{name} short" for name in short]
    got = [_got(each, settled) for each in terms.tranches]
    made.headline = "; ".join(
        [f"{told[name]} fell short by {words(amount)}" for name, amount in short.items()]
        + [f"{each.name} was paid {words(amount)}" for each, amount in zip(terms.tranches, got, strict=True)]
    )
    unit = 10**terms.currency_decimals
    sums = summed((flow.source, flow.target, flow.amount) for flow in moved)
    flows = [
        (told.get(source, source), told.get(target, target), amount / unit) for source, target, amount in sums
    ]
    about = "What came in by line, and where the steps of the waterfall moved it, all periods together."
    figure = partial(sankey_figure, flows, terms.title, about, deal.currency.code)
    made.figures.append(Drawn(figure, about))
    made.facts["vehicle"] = {
        "short": {name: str(amount) for name, amount in short.items()},
        "tranches": {
            each.key: {
                "paid": str(amount),
                "unpaid": str(sum(books.spent.registers[at] for at in _owed(books, each))),
            }
            for each, amount in zip(terms.tranches, got, strict=True)
        },
        "pots_after_last_period": {name: str(made_of.after(name)[-1]) for name in plan.pot_names},
        "flows": [list(flow) for flow in sums],
    }
    return made


def _value(world: World, books: SpvBooks, number: int, period: int) -> int:
    """A KPI's value as the treasury read it."""
    missing = books.terms.facts[number].missing
    known = books.known(world, number, period, missing)
    return missing if known is None else known


def _got(tranche: TrancheTerms, settled: dict[tuple[int, int, str], int]) -> int:
    """What a tranche's claims were paid."""
    return sum(amount for (_, _, to), amount in settled.items() if to.split(".")[0] == tranche.key)


def _owed(books: SpvBooks, tranche: TrancheTerms) -> Iterator[int]:
    """Registers of what a tranche is still owed."""
    plan = books.terms.compiled.plan
    for number, claim in enumerate(plan.claim_names):
        if claim.split(".")[0] == tranche.key:
            yield len(plan.pot_names) + number
