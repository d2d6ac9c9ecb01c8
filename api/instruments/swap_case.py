"""What the books of a swap deal's parts make of it, and its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from api.instruments.base import Case
from api.instruments.offering import offering_state
from api.instruments.slots import Slot
from finance.settlement import kpi_payment
from finance.settlement.kpi_payment import PaymentTerms, Side, State
from finance.settlement.payment_books import PaymentBooks
from finance.settlement.swap_terms import SwapTerms, swap_terms
from finance.settlement.terms import FeedTerms
from finance.settlement.treasury_books import State as TreasuryState
from finance.settlement.treasury_books import TreasuryBooks
from finance.terms import Deal

if TYPE_CHECKING:
    from finance.swaps.holders import Owed


def read_terms(deal: Deal) -> tuple[SwapTerms, tuple[FeedTerms, ...]]:
    terms = swap_terms(deal)
    return terms, (terms.feed,) if terms.value_feed is None else (terms.feed, terms.value_feed)


def books(case: Case) -> PaymentBooks:
    """The swap's books."""
    return case.books("payment", PaymentBooks)


def spv(case: Case) -> TreasuryBooks:
    """The project's treasury's books."""
    return case.books("treasury", TreasuryBooks)


def payment(case: Case) -> PaymentTerms:
    return cast(PaymentTerms, case.terms.payment)


def settled(case: Case) -> int:
    """Periods settled so far."""
    return books(case).periods_settled


def slot_of(case: Case, period: int) -> Slot:
    """The report that a period of the swap settles on."""
    return case.slots[case.terms.feed.kpi, period]


def has_project(case: Case) -> bool:
    return case.terms.project is not None


def swap_state(case: Case) -> State:
    """As KpiPayment.state at the chain's clock."""
    return books(case).state(case.now)


def defaulted_at(case: Case) -> int:
    """The margin deadline that has passed first, or 0."""
    return books(case).defaulted_at(case.now)


def open_calls(case: Case) -> dict[int, int]:
    """Deadlines of margin calls that nobody has met, by side."""
    accounts = books(case).ledger.accounts
    return {side: accounts[side].deadline for side in Side if accounts[side].deadline}


def is_over(case: Case) -> bool:
    return swap_state(case) > State.DEFAULTED


def state_name(case: Case) -> str:
    """Of the deal: a project's offering first, then the swap; a project whose treasury is closed has
    ended."""
    if has_project(case):
        if spv(case).state == TreasuryState.CLOSED:
            return "ended"
        if spv(case).state == TreasuryState.OFFERED:
            return offering_state(case)
    return {
        State.AGREED: "agreed",
        State.LAPSED: "lapsed",
        State.ACTIVE: "active",
        State.DEFAULTED: "defaulted",
        State.MATURED: "matured",
        State.CLOSED: "closed_out",
        State.TERMINATED: "terminated",
    }[swap_state(case)]


def amount_due(case: Case, period: int) -> int | None:
    """The signed amount that the period's settled report makes due; None while it is open."""
    slot = slot_of(case, period)
    if not slot.is_settled:
        return None
    return kpi_payment.amount_of(payment(case), period, slot.settled_value)


def periods_paid(case: Case) -> int:
    """Of the treasury; what it pays after the last period, or between two, is of none."""
    return spv(case).ledger.periods_paid


def owed(case: Case) -> Owed | None:
    """What a project's treasury has not paid of the periods it has spent for, to operator and lender, and
    what it owes on the swap with its interest; None for a swap between two parties.
    """
    from finance.swaps.holders import Owed

    if not has_project(case):
        return None
    scale = 10.0**-case.terms.currency_decimals
    cost, debt = (amount * scale for amount in spv(case).ledger.arrears)
    owes = books(case).owed(Side.PAYEE, case.now) * scale
    return Owed(cost, debt, owes, paid=periods_paid(case))
