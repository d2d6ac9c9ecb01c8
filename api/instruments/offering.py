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
from finance.settlement.sale import SaleBooks

if TYPE_CHECKING:
    from api.index.reader import Deployment

OFFERING_STATES = ("announced", "offering", "sold", "failed", "settled")
"""In words, by ISale.State."""
TITLES = {
    "announced": "Offering announced",
    "offering": "Offering open",
    "sold": "Sold, not settled",
    "failed": "Issue failed",
}
"""Of the states before it is settled."""
TURNS = {
    "clear": ("clear-book", "the book can be cleared: the price that all pay"),
    "deliver": ("deliver-order", "units that orders have bought can be delivered"),
    "settle": ("settle-offering", "the issue can be settled: money to the issuer, the claim begins"),
}
"""What leads a success on, by the books' name of the act: the step, and why."""
NAMES = {
    "offering": {"settle": "settle-offering"},
    "offering_book": {
        "clear": "clear-book",
        "deliver": "deliver-order",
        "take": "take-order",
        "settle": "settle-book",
        "refund": "refund-from-book",
    },
}
"""Of acts as clients call them, if not as the books do, by the kind of sale."""


def books(case: Case, key: str | None = None) -> SaleBooks:
    """The books of the sale, of whatever kind, or of the one that is called `key`."""
    if key is not None:
        return case.world.books(key, SaleBooks)
    found = (case.world.parts.get(each) for each in case.deployment.keys.values())
    return next(each for each in found if isinstance(each, SaleBooks))


def offering_state(case: Case, key: str | None = None) -> str:
    """Of an offering by the clock."""
    return OFFERING_STATES[books(case, key).state(case.now)]


def offering_sentence(case: Case, state: str, key: str | None = None) -> str:
    """Where it stands before it is settled."""
    sale = books(case, key)
    terms, are = sale.terms, "sold" if sale.placed == sale.sold else "ordered"
    return {
        "announced": f"The offering opens on {day(terms.opens)}.",
        "offering": f"{sale.placed} of {terms.hard_cap} units are {are}; "
        f"the offering closes on {day(terms.closes)}.",
        "sold": f"{sale.placed} units are {are}; the issue waits to be settled.",
        "failed": "Too few units were sold, or nobody settled the issue in time; holders get their money "
        "back.",
    }[state]


def offering_steps(case: Case, state: str, key: str | None = None) -> list[NextStep]:
    """What comes next while the offering is not settled."""
    sale = books(case, key)
    opens, closes = sale.terms.opens, sale.terms.closes
    match state:
        case "announced":
            return [step("opens", "the offering opens", opens, due=False)]
        case "offering":
            action = _name(sale, next(iter(sale.ACTS)))
            return [step("subscribe", f"the offering is open until {day(closes)}", closes, action)]
        case "sold":
            turn, title = TURNS[sale.turn]
            return [step(turn, title, closes, _name(sale, sale.turn))]
        case "failed":
            title = "the issue has failed: holders get their money back"
            return [step("refund", title, closes, _name(sale, "refund"))]
    return []


def _name(sale: SaleBooks, call: str) -> str:
    """Of an act of a sale, as clients call it."""
    return NAMES[sale.KIND].get(call, call)


@dataclass(frozen=True)
class Offer:
    """An issue (the key of its `part`) that is being sold, or has failed, to a wallet: the symbol of the
    claim, whether the wallet may hold it, and the money that it has, minor units."""

    deployment: Deployment
    part: str
    symbol: str
    books: SaleBooks
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
    tabled(
        "refunds",
        "Units returned after a failed offering",
        RefundRow,
        "offering",
        "offering_book",
        account=("holder",),
    ),
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
REFUND = Offered(
    "Return {units} units of the failed issue for their price",
    "Returned units of a failed issue for their price",
    who="investor",
)
SETTLE = Offered(
    "Settle the offering: the money to the issuer, and the claim begins",
    "Settled the offering",
    name="settle-offering",
)
ACTS = offers(
    "offering",
    CALLS,
    subscribe=Offered(
        "Buy {units} units for {money}", "Bought units in the offering", pays=_price, who="investor"
    ),
    refund=REFUND,
    settle=SETTLE,
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
