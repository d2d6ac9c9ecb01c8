"""What a swap deal's events and the oracle's reports make of it: its books by the pure replay, and its
state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from api.instruments.base import Case, offering_state
from api.instruments.slots import Slot, Slots
from chain.swap.replay import Replay, Report, Reports
from finance.settlement import kpi_payment
from finance.settlement.kpi_payment import PaymentTerms, Side, State
from finance.settlement.swap_terms import SwapTerms, swap_terms
from finance.settlement.terms import FeedTerms
from finance.terms import Deal

if TYPE_CHECKING:
    from finance.swaps.holders import Owed

SIDES = ("payer", "payee")
"""IKpiPayment.Side"""


def read_terms(deal: Deal) -> tuple[SwapTerms, tuple[FeedTerms, ...]]:
    terms = swap_terms(deal)
    return terms, (terms.feed,) if terms.value_feed is None else (terms.feed, terms.value_feed)


@dataclass(frozen=True)
class SlotReports:
    """The oracle's reports for the replay, from the index instead of the chain."""

    slots: Slots
    feeds: list[str]

    def of(self, period: int, feed: int = 0) -> Report:
        slot = self.slots[self.feeds[feed], period]
        return Report(slot.status, slot.settled_value)


def replayed(case: Case) -> Replay:
    """The deal's life as the replay has it, remembered with the case."""
    found = case.memory.get("replay")
    if found is None:
        reports = SlotReports(case.slots, [feed.kpi for feed in case.feeds])
        # The replay asks its reports for nothing that these do not have.
        found = case.memory["replay"] = Replay(case.terms, case.ledger, cast(Reports, reports))
    return cast(Replay, found)


def books(case: Case) -> kpi_payment.Ledger | None:
    """The swap's books after all acts; None where the chain did what the replay does not allow."""
    replay = replayed(case)
    return None if replay.refused else replay.swap


def payment(case: Case) -> PaymentTerms:
    return cast(PaymentTerms, case.terms.payment)


def settled(case: Case) -> int:
    """Periods settled so far."""
    return len(case.events("swap", "PeriodSettled"))


def slot_of(case: Case, period: int) -> Slot:
    """The report that a period of the swap settles on."""
    return case.slots[case.terms.feed.kpi, period]


def has_project(case: Case) -> bool:
    return case.terms.project is not None


def swap_state(case: Case) -> State:
    """As KpiPayment.state at the chain's clock."""
    ended = case.last("swap", "Matured", "ClosedOut", "AgreedTermination")
    if ended is not None:
        return {"Matured": State.MATURED, "ClosedOut": State.CLOSED, "AgreedTermination": State.TERMINATED}[
            ended.name
        ]
    if case.last("swap", "PaymentActivated") is None:
        return State.LAPSED if case.now > payment(case).start_by else State.AGREED
    return State.DEFAULTED if defaulted_at(case) else State.ACTIVE


def defaulted_at(case: Case) -> int:
    """The margin deadline that has passed first, or 0."""
    found = [until for until in open_calls(case).values() if case.now > until]
    return min(found, default=0)


def open_calls(case: Case) -> dict[int, int]:
    """Deadlines of margin calls that nobody has met, by side."""
    found: dict[int, int] = {}
    for event in case.ledger.events:
        if event.source == "swap" and event.name == "MarginCalled":
            found[event.arguments["side"]] = event.arguments["deadline"]
        elif event.source == "swap" and event.name == "MarginRestored":
            found.pop(event.arguments["side"], None)
    return found


def is_over(case: Case) -> bool:
    return swap_state(case) > State.DEFAULTED


def state_name(case: Case) -> str:
    """Of the deal: a project's offering first, then the swap; a project whose treasury is closed has
    ended."""
    if has_project(case):
        project = case.terms.project
        if case.last("treasury", "TreasuryClosed") is not None:
            return "ended"
        if case.last("treasury", "TreasuryActivated") is None:
            return offering_state(case, project.opens, project.closes, project.soft_cap, project.hard_cap)
    return {
        State.AGREED: "agreed",
        State.LAPSED: "lapsed",
        State.ACTIVE: "active",
        State.DEFAULTED: "defaulted",
        State.MATURED: "matured",
        State.CLOSED: "closed_out",
        State.TERMINATED: "terminated",
    }[swap_state(case)]


def units(case: Case) -> int:
    """Units of the claim token in issue."""
    begun = case.last("treasury", "TreasuryActivated")
    if begun is not None:
        return int(begun.arguments["units"])
    sold = sum(e.arguments["units"] for e in case.events("offering", "Subscribed"))
    return sold - sum(e.arguments["units"] for e in case.events("offering", "Refunded"))


def amount_due(case: Case, period: int) -> int | None:
    """The signed amount that the period's settled report makes due; None while it is open."""
    slot = slot_of(case, period)
    if not slot.is_settled:
        return None
    return kpi_payment.amount_of(payment(case), period, slot.settled_value)


def periods_paid(case: Case) -> int:
    """Of the treasury; what it pays after the last period, or between two, is of none."""
    total = len(case.terms.project.periods)
    return sum(event.arguments["period"] < total for event in case.events("treasury", "PeriodPaid"))


def owed(case: Case) -> Owed | None:
    """What a project's treasury has not paid of the periods it has spent for, to operator and lender, and
    what it owes on the swap with its interest; None for a swap between two parties.
    """
    from finance.swaps.holders import Owed

    if not has_project(case):
        return None
    runs, paid = case.events("treasury", "PeriodPaid"), periods_paid(case)
    due = case.terms.project.periods[:paid]
    arrears = tuple(
        max(0, sum(getattr(each, own) for each in due) - sum(run.arguments[name] for run in runs))
        for own, name in (("operating_cost", "operatingCost"), ("debt_service", "debtService"))
    )
    swap = books(case)
    owes = 0 if swap is None else kpi_payment.owed(payment(case), swap, Side.PAYEE, case.now)
    scale = 10.0**-case.terms.currency_decimals
    return Owed(arrears[0] * scale, arrears[1] * scale, owes * scale, paid=paid)


def lacks(case: Case, side: Side) -> int:
    """What a side lacks of its collateral, with what it owes unless that is of limited recourse; 0 if
    sound."""
    swap = books(case)
    if swap is None:
        return 0
    terms, account = payment(case), swap.accounts[side]
    limited = side is Side.PAYEE and terms.limited_recourse
    owes = 0 if limited else kpi_payment.owed(terms, swap, side, case.now)
    return max(0, terms.required[side] - account.balance) + owes
