"""What a bond's events and the oracle's reports make of it: fixings, units, and its state."""

from __future__ import annotations

from api.instruments.base import Case, offering_state
from api.instruments.slots import Slot
from chain.bond_replay import BondReplay, replay_bond
from chain.events import Event
from finance.settlement.bond_life import Settled
from finance.settlement.payoff_curve import maximum, minimum, payoff
from finance.settlement.terms import Effect, FeedTerms, Fixing, SettlementTerms, settlement_terms
from finance.terms import Deal


def read_terms(deal: Deal) -> tuple[SettlementTerms, tuple[FeedTerms, ...]]:
    terms = settlement_terms(deal)
    return terms, terms.feeds


def slot_of(case: Case, fixing: Fixing) -> Slot:
    """The report that a fixing goes by."""
    return case.slots[case.terms.feeds[fixing.feed].kpi, fixing.kpi_period]


def made(case: Case) -> dict[int, Event]:
    """KpiFixed events by fixing."""
    return {event.arguments["fixing"]: event for event in case.events("bond", "KpiFixed")}


def value_of(case: Case, number: int) -> int | None:
    """What fixing `number` gives: as made, or as its settled report will make it; None while that is open."""
    found = made(case).get(number)
    if found is not None:
        return int(found.arguments["value"])
    fixing = case.terms.fixings[number]
    slot = slot_of(case, fixing)
    if not slot.is_settled:
        return None
    return fixing.missing if slot.settled_value is None else payoff(fixing.curve, slot.settled_value)


def values(case: Case, low: bool) -> list[int]:
    """Every fixing's value; what is open stands at the least (or most) that any report or silence can
    give."""
    found = []
    for number, fixing in enumerate(case.terms.fixings):
        value = value_of(case, number)
        if value is None:
            least, most = minimum(fixing.curve), maximum(fixing.curve)
            value = min(least, fixing.missing) if low else max(most, fixing.missing)
        found.append(value)
    return found


def paid_in(terms: SettlementTerms, fixing: Fixing) -> int:
    """The payment that an amount is part of; the redemption follows the last coupon."""
    return fixing.first if fixing.first + 1 < len(terms.periods) else len(terms.periods)


def waits_for(case: Case, index: int) -> list[int]:
    """Fixings that are not made yet and bend payment `index`."""
    fixed = made(case)
    return [
        number
        for number, fixing in enumerate(case.terms.fixings)
        if number not in fixed
        and (
            fixing.first <= index <= fixing.last
            if fixing.effect is Effect.RATE
            else paid_in(case.terms, fixing) == index
        )
    ]


def lived(case: Case) -> BondReplay:
    """The bond's twin after everything that has happened."""
    reports = {}
    for number, fixing in enumerate(case.terms.fixings):
        slot = slot_of(case, fixing)
        if slot.is_settled:
            since = slot.report_until + 1 if slot.final_at is None else slot.final_at
            reports[number] = Settled(slot.settled_value, since)
    return replay_bond(case.terms, units(case), reports, case.ledger)


def state_name(case: Case) -> str:
    """By the bond's events; before it is activated, by the offering."""
    last = case.last(
        "bond",
        "BondActivated",
        "BondDefaulted",
        "DefaultCured",
        "BondAccelerated",
        "BondRedeemed",
    )
    if last is None:
        terms = case.terms
        return offering_state(case, terms.opens, terms.closes, terms.soft_cap, terms.hard_cap)
    names = {
        "BondActivated": "active",
        "BondDefaulted": "defaulted",
        "DefaultCured": "active",
        "BondAccelerated": "accelerated",
        "BondRedeemed": "redeemed",
    }
    return names[last.name]


def planned_units(case: Case) -> int:
    """Units that payments to come are for: those in issue, or sold when the sale is over. While it is open,
    what is sold so far may still become nothing or more, and the plan is the full issue."""
    return units(case) if state_name(case) not in ("announced", "offering") else case.terms.hard_cap


def units(case: Case) -> int:
    """Units in issue: as activated, or sold and not returned."""
    begun = case.last("bond", "BondActivated")
    if begun is not None:
        return int(begun.arguments["units"])
    sold = sum(e.arguments["units"] for e in case.events("offering", "Subscribed"))
    return sold - sum(e.arguments["units"] for e in case.events("offering", "Refunded"))
