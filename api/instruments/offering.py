"""The offering of a claim: where it stands, what every deal with one lists of it, and what buyers can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.i18n import N_
from api.instruments.base import Case, day, step, tabled
from api.instruments.offers import Given, Offered, PartWords, StateWords, offers
from api.instruments.rows import RefundRow, SubscriptionRow
from api.instruments.sentences import Sentence, units_of
from api.instruments.token import symbol
from api.models.deployment import NextStep
from finance.settlement.offering import ACTS as CALLS
from finance.settlement.offering import OfferingBooks

if TYPE_CHECKING:
    from api.index.reader import Deployment

OFFERING_STATES = ("announced", "offering", "sold", "failed", "settled")
"""In words, by IOffering.State."""
TITLES = {
    "announced": "Offering announced",
    "offering": "Offering open",
    "sold": "Sold, not settled",
    "failed": "Issue failed",
}
"""Of the states before it is settled."""


def books(case: Case, key: str | None = None) -> OfferingBooks:
    """The books of the offering, or of the one that is called `key`."""
    return case.books("offering", OfferingBooks) if key is None else case.world.books(key, OfferingBooks)


def offering_state(case: Case, key: str | None = None) -> str:
    """Of an offering by the clock."""
    return OFFERING_STATES[books(case, key).state(case.now)]


def offering_sentence(case: Case, state: str, key: str | None = None) -> str:
    """Where it stands before it is settled."""
    terms, sold = books(case, key).terms, books(case, key).sold
    return {
        "announced": f"The offering opens on {day(terms.opens)}.",
        "offering": f"{sold} of {terms.hard_cap} units are sold; the offering closes on {day(terms.closes)}.",
        "sold": f"{sold} units are sold; the issue waits to be settled.",
        "failed": "Too few units were sold, or nobody settled the issue in time; holders get their money "
        "back.",
    }[state]


def offering_steps(case: Case, state: str, key: str | None = None) -> list[NextStep]:
    """What comes next while the offering is not settled."""
    opens, closes = books(case, key).terms.opens, books(case, key).terms.closes
    match state:
        case "announced":
            return [step("opens", "the offering opens", opens, due=False)]
        case "offering":
            return [step("subscribe", f"the offering is open until {day(closes)}", closes, "subscribe")]
        case "sold":
            title = "the issue can be settled: money to the issuer, the claim begins"
            return [step("settle-offering", title, closes, "settle-offering")]
        case "failed":
            return [step("refund", "the issue has failed: holders get their money back", closes, "refund")]
    return []


@dataclass(frozen=True)
class Offer:
    """An issue (the key of its `part`) that is being sold, or has failed, to a wallet: the symbol of the
    claim, whether the wallet may hold it, and the money that it has, minor units."""

    deployment: Deployment
    part: str
    symbol: str
    books: OfferingBooks
    failed: bool
    may_hold: bool | None
    balance: int | None

    @property
    def left(self) -> int:
        return self.books.terms.hard_cap - self.books.sold

    @property
    def affordable(self) -> int:
        """Units that the wallet can pay for, of those left."""
        return min(self.left, (self.balance or 0) // self.books.terms.unit_price)


def offered(case: Case, may_hold: Mapping[str, bool], balance: int | None) -> Iterator[Offer]:
    """The deal's issues, while something can be done about them; `may_hold`: by claim token."""
    for part in case.deployment.keys_of("offering"):
        state, token = offering_state(case, part), books(case, part).terms.token
        if state in ("offering", "failed"):
            named, sale = symbol(case.deal, token), books(case, part)
            yield Offer(case.deployment, part, named, sale, state == "failed", may_hold.get(token), balance)


COLLECTIONS = (
    tabled("subscriptions", "Units sold in the offering", SubscriptionRow, "offering", account=("holder",)),
    tabled("refunds", "Units returned after a failed offering", RefundRow, "offering", account=("holder",)),
)


def _price(given: Given) -> int:
    return int(given["units"]) * int(given.read("offering", "terms")["unitPrice"])


REFUSALS: Mapping[str, str] = {
    "Offering_WrongState": "The offering is not in the state that this needs.",
    "Offering_CapExceeded": "Only {available} units are left.",
    "Offering_PartyCapExceeded": "Parties of the deal can buy {available} units more, not all.",
    "Offering_SoldInThisBlock": "Units were sold in this very block; settle in a later one.",
    "Offering_ZeroUnits": "At least one unit must be named.",
}
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
TOLD: Mapping[str, Sentence] = {
    "Subscribed": lambda t, a: t.say(
        "{who} bought {units} for {amount}.",
        who=t.who(a["investor"]),
        units=units_of(t, a["units"]),
        amount=t.money(a["paid"]),
    ),
    "OfferingSettled": lambda t, a: t.say(
        "The sale was settled: {units} for {amount}.",
        units=units_of(t, a["units"]),
        amount=t.money(a["proceeds"]),
    ),
    "Refunded": lambda t, a: t.say(
        "{who} gave back {units} and got {amount}.",
        who=t.who(a["holder"]),
        units=units_of(t, a["units"]),
        amount=t.money(a["amount"]),
    ),
}
WORDS = PartWords(
    N_("Offering"),
    ACTS,
    REFUSALS,
    TOLD,
    states={
        "announced": StateWords(N_("Not open yet"), "plain", N_("Units cannot be bought yet.")),
        "offering": StateWords(
            N_("Open for subscription"), "good", N_("Units can be bought now, from the issuer.")
        ),
        "sold": StateWords(
            N_("Sold"), "good", N_("The sale has ended; the money has not changed hands yet.")
        ),
        "failed": StateWords(
            N_("Sale failed"), "bad", N_("Too little was sold; buyers get their money back.")
        ),
    },
    steps={
        "opens": N_("The sale opens"),
        "subscribe": N_("The sale closes"),
        "settle-offering": N_("The sale can be settled"),
        "refund": N_("Buyers can take their money back"),
    },
    lines={"subscription": N_("Bought in the offering"), "refund": N_("Money back")},
)
