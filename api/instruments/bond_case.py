"""What a bond's books make of it: fixings, and its state."""

from __future__ import annotations

from api.instruments.base import Case
from api.instruments.offering import books as sale
from api.instruments.offering import offering_state
from api.instruments.slots import Slot
from api.instruments.token import units
from chain.history import Event
from finance.settlement.bond_books import BondBooks
from finance.settlement.bond_life import BondLife, State
from finance.settlement.payoff_curve import maximum, minimum
from finance.settlement.terms import Effect, FeedTerms, Fixing, SettlementTerms, settlement_terms
from finance.terms import Deal


def read_terms(deal: Deal) -> tuple[SettlementTerms, tuple[FeedTerms, ...]]:
    terms = settlement_terms(deal)
    return terms, terms.feeds


def life(case: Case) -> BondLife:
    """The bond by its books, told of its money and of the reports that are settled."""
    return case.books("bond", BondBooks).told(case.world)


def terms_now(case: Case) -> SettlementTerms:
    """The terms as a call that is announced leaves them."""
    return life(case).terms


def slot_of(case: Case, fixing: Fixing) -> Slot:
    """The report that a fixing goes by."""
    return case.slots[case.terms.feeds[fixing.feed].kpi, fixing.kpi_period]


def made(case: Case) -> dict[int, Event]:
    """KpiFixed events by fixing."""
    return {event.arguments["fixing"]: event for event in case.events("bond", "KpiFixed")}


def value_of(case: Case, number: int) -> int | None:
    """What fixing `number` gives: as made, or as its settled report will make it; None while that is open."""
    return life(case).given(number)


def values(case: Case, low: bool) -> list[int]:
    """Every fixing's value; what is open stands at the least (or most) that any report or silence can
    give."""
    found, bond = [], life(case)
    for number, fixing in enumerate(case.terms.fixings):
        value = bond.given(number)
        if value is None:
            least, most = minimum(fixing.curve), maximum(fixing.curve)
            value = min(least, fixing.missing) if low else max(most, fixing.missing)
        found.append(value)
    return found


def has_outcome(case: Case, index: int) -> bool:
    """Whether an amount is part of payment `index`."""
    terms = terms_now(case)
    return any(terms.first_payment(f) == index for f in terms.fixings if f.effect is Effect.AMOUNT)


def waits_for(case: Case, index: int) -> list[int]:
    """Fixings that are not made yet and bend payment `index`."""
    made = life(case).values
    return [number for number in terms_now(case).bending(index) if number not in made]


def state_name(case: Case) -> str:
    """The bond's state; before it is activated, the offering's."""
    state = life(case).state
    return offering_state(case) if state == State.OFFERED else state.name.lower()


def planned_units(case: Case) -> int:
    """Units that payments to come are for: those in issue, or sold when the sale is over. While it is open,
    what is sold so far may still become nothing or more, and the plan is the full issue."""
    state = state_name(case)
    if state in ("announced", "offering"):
        return case.terms.hard_cap
    return sale(case).coming(case.now) if state == "sold" else units(case)
