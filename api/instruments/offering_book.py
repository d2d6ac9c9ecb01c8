"""The sale of a claim by a book of orders: orders as a list, and what investors can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from api.i18n import N_
from api.instruments import offering
from api.instruments.base import tabled
from api.instruments.offers import UNITS, Given, Offered, PartWords, Refusal, offers
from api.instruments.parameters import Parameter
from api.instruments.rows import DeliveryRow, OrderRow
from api.instruments.sentences import Sentence, units_of
from finance.settlement.offering_book import ACTS as CALLS

_NAMES = offering.NAMES["offering_book"]
_PRICE = Parameter("price", "amount", "the most that a unit may cost, minor units of the currency", least=1)
_ORDER = (
    Parameter("investor", "address", "whose order; whoever sends if left out", optional=True),
    Parameter("number", "number", "number of the order", bits=64, least=1),
)


def _paid_in(given: Given) -> int:
    return int(given["units"]) * int(given["price"])


REFUSALS: Mapping[str, str | Refusal] = {
    "OrderBook_TooFewUnits": "An order is for at least {least} units.",
    "OrderBook_NotOnTheLadder": "The book has no such price.",
    "OrderBook_NotTheLeastPrice": "A party of the deal orders at the least price only.",
    "OrderBook_MayNotHold": "This wallet may not hold the claim, or not to the end of the week in which "
    "units are delivered.",
    "OrderBook_NoSuchOrder": "The wallet has no such order, or it has been taken.",
    "OrderBook_NotCleared": "The price of the book is not known yet.",
    "OrderBook_Cleared": "The price of the book is known already.",
    "OrderBook_NothingToDeliver": "The order has no units to be delivered.",
    "OrderBook_TooLateToDeliver": "The week in which units are delivered is over; the order has lapsed.",
    "OrderBook_NotDelivered": "{units} units are to be delivered first.",
}
ACTS = offers(
    "offering_book",
    CALLS,
    order=Offered(
        "Order {units} units for {money} or less",
        "Ordered units in the offering",
        asked=(UNITS, _PRICE),
        pays=_paid_in,
        who="investor",
    ),
    clear=Offered("Clear the book: the price that all pay", "Cleared the book", name=_NAMES["clear"]),
    deliver=Offered(
        "Deliver the units that order {number} has bought",
        "Delivered units of an order",
        name=_NAMES["deliver"],
        asked=_ORDER,
    ),
    take=Offered(
        "Take the money that order {number} did not need",
        "Took the money that an order did not need",
        name=_NAMES["take"],
        asked=_ORDER,
    ),
    refund=replace(offering.REFUND, name=_NAMES["refund"]),
    settle=replace(offering.SETTLE, name=_NAMES["settle"]),
)
TOLD: Mapping[str, Sentence] = {
    "Ordered": lambda t, a: t.say(
        "{who} ordered {units} at {price} each or less, and paid in {amount}.",
        who=t.who(a["investor"]),
        units=units_of(t, a["units"]),
        price=t.money(a["price"]),
        amount=t.money(a["paid"]),
    ),
    "BookCleared": lambda t, a: t.say(
        "The book was cleared: {units} at {price} each.",
        units=units_of(t, a["units"]),
        price=t.money(a["price"]),
    ),
    "Delivered": lambda t, a: t.say(
        "{who} got {units} for an order.", who=t.who(a["investor"]), units=units_of(t, a["units"])
    ),
    "Taken": lambda t, a: t.say(
        "{who} got back {amount} of an order.", who=t.who(a["investor"]), amount=t.money(a["amount"])
    ),
    "OfferingSettled": offering.TOLD["OfferingSettled"],
    "Refunded": offering.TOLD["Refunded"],
}
LISTS = (
    tabled("orders", "Units ordered in the offering", OrderRow, "offering_book", account=("holder",)),
    tabled("deliveries", "Units that orders have bought", DeliveryRow, "offering_book", account=("holder",)),
)
WORDS = PartWords(
    N_("Book of orders"),
    ACTS,
    REFUSALS,
    TOLD,
    steps={
        "clear-book": N_("The book can be cleared"),
        "deliver-order": N_("Units can be delivered"),
    },
    lines={"order": N_("Paid in for an order"), "rest": N_("Money back of an order")},
    lists=LISTS,
)
