"""What a vehicle's books make of it: its state, what its lines owe, what its tranches are still owed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.instruments import offering
from api.instruments.base import Case
from chain.terms import short_string
from finance.report.waterfall_words import Teller
from finance.securitisation.planned import ahead, planned
from finance.settlement.claim_token import TokenBooks
from finance.settlement.sale import SaleBooks
from finance.settlement.spv_books import SpvBooks, State
from finance.settlement.spv_terms import TrancheTerms, VehicleTerms, vehicle_terms
from finance.settlement.terms import FeedTerms
from finance.settlement.waterfall import Run
from finance.terms import Deal
from finance.terms.spv import Spv
from finance.waterfalls.projection import Flow

BEFORE = ("offering", "announced", "sold")
"""States of sales that are not all settled: the deal is in the first that one of them is in."""


def read_terms(deal: Deal) -> tuple[VehicleTerms, tuple[FeedTerms, ...]]:
    terms = vehicle_terms(deal)
    return terms, tuple(feed for feed, _ in terms.facts)


def books(case: Case) -> SpvBooks:
    """The treasury's books."""
    return case.books("spv", SpvBooks)


def terms(case: Case) -> VehicleTerms:
    found: VehicleTerms = case.terms
    return found


def vehicle(case: Case) -> Spv:
    """The vehicle as the deal has it."""
    return case.deal.only(Spv)


def titles(case: Case) -> Mapping[str, str]:
    """What people call pots, lines, claims, loans and covenants, in English."""
    if "titles" not in case.memory:
        case.memory["titles"] = Teller(case.deal).names
    found: Mapping[str, str] = case.memory["titles"]
    return found


def state_name(case: Case) -> str:
    """Of the deal: its sales first, all of them; then whether a covenant stands failed."""
    treasury = books(case)
    if treasury.has_failed(case.world):
        return "failed"
    if treasury.state == State.OFFERED:
        sales = {offering.offering_state(case, each.offering) for each in terms(case).tranches}
        return next((name for name in BEFORE if name in sales), "sold")
    if treasury.state == State.CLOSED:
        return "run"
    return "watched" if failed_since(case) else "active"


def failed_since(case: Case) -> dict[str, int]:
    """The covenants that stand failed, each with since when, unix seconds."""
    tests = zip(terms(case).plan.covenants, books(case).spent.triggers, strict=True)
    return {test.name: trigger.since for test, trigger in tests if trigger.since}


def registers(case: Case) -> dict[str, int]:
    """What is in each pot, what each claim is owed, and each LOAN.balance and LOAN.lost, in minor units."""
    return dict(zip(terms(case).plan.kept_names, books(case).spent.registers, strict=True))


def units(case: Case, tranche: TrancheTerms) -> int:
    """In issue."""
    return case.world.books(tranche.token, TokenBooks).supply


def sale(case: Case, tranche: TrancheTerms) -> SaleBooks:
    """The books of a tranche's offering."""
    return offering.books(case, tranche.offering)


def claims_of(case: Case, tranche: TrancheTerms) -> list[str]:
    """The claims that are paid to the holders of a tranche."""
    return [name for name in terms(case).plan.claim_names if name.split(".")[0] == tranche.key]


# -- the pool


@dataclass(frozen=True)
class LineNow:
    """A line of revenue: what was due by the periods that have come due, and what was `paid` for them and
    since, in minor units."""

    key: str
    due: int
    paid: int
    to_come: int

    @property
    def arrears(self) -> int:
        return max(0, self.due - self.paid)


def lines(case: Case) -> Iterator[LineNow]:
    """Every line, in the order of the terms."""
    said = {short_string(name): 0 for name in terms(case).plan.lines}
    for event in case.events("spv", "RevenueReceived"):
        said[event.arguments["line"]] += event.arguments["amount"]
    dates = terms(case).plan.due
    reached = sum(due <= case.now for due in dates)
    for number, name in enumerate(terms(case).plan.lines):
        owed = [_due(case, number, period) for period in range(len(dates))]
        yield LineNow(name, sum(owed[:reached]), said[short_string(name)], sum(owed[reached:]))


def _due(case: Case, line: int, period: int) -> int:
    """What is to come of a line for a period: where it follows a KPI by its report, without one all of it
    for periods that are ahead."""
    fact = terms(case).measured[line].fact
    if fact is not None and not case.slots[terms(case).facts[fact][0].kpi, period].is_settled:
        return terms(case).expected[line][period]
    return books(case).expected(case.world, line, period)


# -- money by step


def made(case: Case) -> list[Flow]:
    """All revenue that was counted and all money that moved, by period and step."""
    found = [
        Flow(row["period"], 0, row["line"], terms(case).plan.pot_names[0], row["amount"])
        for row in case.ledger.rows("income")
        if row["amount"]
    ]
    found += [
        Flow(row["period"], row["step"], row["source"], row["target"], row["amount"])
        for row in case.ledger.rows("waterfall")
    ]
    return sorted(found, key=lambda flow: (flow.period, flow.step))


def to_come(case: Case) -> tuple[Run, ...]:
    """The periods that are not run yet, if everything comes in as expected; the last of these runs spends
    what is left then."""
    treasury = books(case)
    if treasury.state == State.OFFERED:
        return planned(case.deal).runs
    return ahead(case.deal, treasury.spent, treasury.periods_paid)
