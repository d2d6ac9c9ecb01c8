"""The liquidity buffer: what a holder gets by selling to it now, and what people can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.i18n import N_
from api.instruments.base import Case, Collection
from api.instruments.offers import Offered, PartWords, offers
from api.instruments.parameters import Parameter
from api.instruments.rows import LiquidityRow
from api.instruments.sentences import Sentence
from finance.settlement.liquidity_buffer import ACTS as CALLS
from finance.settlement.liquidity_buffer import LiquidityBufferBooks
from finance.terms.liquidity_buffer import LiquidityBuffer

REFUSALS: Mapping[str, str] = {
    "LiquidityBuffer_InvalidTerms": "These are no terms of a liquidity buffer.",
    "LiquidityBuffer_NotSponsor": "Only the sponsor may do this.",
    "LiquidityBuffer_Over": "The offer is over.",
    "LiquidityBuffer_StillOffered": "The offer still runs, so its money stays.",
    "LiquidityBuffer_NotExact": "The currency keeps back a part of what it moves.",
}
TOLD: Mapping[str, Sentence] = {
    "Funded": lambda t, a: t.say(
        "The sponsor put {amount} in to buy units with.", amount=t.money(a["amount"])
    ),
    "Marked": lambda t, a: (
        t.say("A unit was marked at {amount} since issue.", amount=t.money(a["value"]))
        if a["value"]
        else t.say("The value of a unit was not reported, so nothing is bought.")
    ),
    "Released": lambda t, a: t.say("{amount} went back to the sponsor.", amount=t.money(a["amount"])),
}


def _bids(case: Case) -> Sequence[LiquidityRow]:
    """Every buffer that has been marked."""
    found = []
    for part in case.deployment.keys_of("liquidity_buffer"):
        books, world = case.world.books(part, LiquidityBufferBooks), case.world
        if not books.marked:
            continue
        status: Any = books.status(world)
        found.append(
            LiquidityRow(
                trace=None,
                part=part,
                period=books.marked,
                status=status,
                time=books.mark_now.time,
                age=books.age(world),
                worth=str(books.mark_now.value),
                value=str(books.value_now(world)),
                discount=str(case.deal.part(part, LiquidityBuffer).discount.value),
                bid=str(books.bid(world)),
                room=books.room(world),
                cash=str(world.held(part)),
                basis=books.mark_now.evidence,
            )
        )
    return found


WORDS = PartWords(
    N_("Liquidity buffer"),
    offers(
        "liquidity_buffer",
        CALLS,
        fund=Offered(
            "Put {money} in to buy units with",
            "Put money in to buy units with",
            name="fund-buffer",
            asked=(Parameter("amount", "amount", "minor units of the currency", least=1),),
            pays=lambda given: int(given["amount"]),
        ),
        mark=Offered("Take the next reported value of a unit", name="mark-units"),
        collect=Offered("Take what the buffer's units have earned", name="collect-earned"),
        release=Offered("Give the sponsor what is left in the buffer", name="release-buffer"),
    ),
    REFUSALS,
    TOLD,
    lists=(
        Collection(
            "liquidity", "What selling today brings", LiquidityRow, rows=_bids, role="liquidity_buffer"
        ),
    ),
)
