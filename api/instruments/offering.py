"""The offering of a claim: where it stands, what every deal with one lists of it, and what buyers can do."""

from __future__ import annotations

from api.instruments.base import Case, day, logged
from api.instruments.offers import Given, Offered, offers
from api.instruments.rows import RefundRow, SubscriptionRow
from api.models.deployment import NextStep
from finance.settlement.offering import ACTS as CALLS
from finance.settlement.offering import OfferingBooks

OFFERING_STATES = ("announced", "offering", "sold", "failed", "settled")
"""In words, by IOffering.State."""


def books(case: Case) -> OfferingBooks:
    """The offering's books."""
    return case.books("offering", OfferingBooks)


def offering_state(case: Case) -> str:
    """Of an offering by the clock."""
    return OFFERING_STATES[books(case).state(case.now)]


def offering_steps(case: Case, state: str, opens: int, closes: int) -> list[NextStep]:
    """What comes next while the offering is not settled."""
    match state:
        case "announced":
            return [NextStep(what="opens", title="the offering opens", time=opens, due=False)]
        case "offering":
            title = f"the offering is open until {day(closes)}"
            return [NextStep(what="subscribe", title=title, time=closes, due=True, action="subscribe")]
        case "sold":
            title = "the issue can be settled: money to the issuer, the claim begins"
            return [
                NextStep(what="settle-offering", title=title, time=closes, due=True, action="settle-offering")
            ]
        case "failed":
            title = "the issue has failed: holders get their money back"
            return [NextStep(what="refund", title=title, time=closes, due=True, action="refund")]
    return []


COLLECTIONS = (
    logged(
        "subscriptions", "Units sold in the offering", SubscriptionRow, ("offering", "Subscribed"),
        account=("holder",), holder="investor",
    ),
    logged(
        "refunds", "Units returned after a failed offering", RefundRow, ("offering", "Refunded"),
        account=("holder",),
    ),
)  # fmt: skip


def _price(given: Given) -> int:
    return int(given["units"]) * int(given.read("offering", "terms")["unitPrice"])


ACTS = offers(
    "offering",
    CALLS,
    subscribe=Offered(
        "Buy {units} units for {money}", "Bought units in the offering", pays=_price, who="investor"
    ),
    refund=Offered(
        "Return {units} units of the failed issue for their price",
        "Returned units of a failed issue for their price",
        who="investor",
    ),
    settle=Offered(
        "Settle the offering: the money to the issuer, and the claim begins",
        "Settled the offering",
        name="settle-offering",
    ),
)
