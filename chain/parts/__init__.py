"""The kinds of contracts that deals have: one module each, listed here.

What a module gives: how a part is deployed, from the deal to the arguments of its contract; from an event
back to what somebody did: for each event that stands for an act, what may have been called, one way or
several, of which the books say which one explains the log (an event does not always say who called), while
events that only follow from others stand for nothing; what an event pays whom, in the words in which people
read it; and how the part stands at a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from chain.parts.base import Now, PartKind, Said, Seen, Standing
from chain.plan import Planned
from chain.reconciliation import Row
from finance.registry import Registry
from finance.settlement.acts import Act
from finance.settlement.world import World

__all__ = ["PARTS", "SALES", "acts_of", "is_apart", "is_begun_before", "rows_of", "standing_of", "words_of"]

PARTS: Final[Registry[PartKind]] = Registry(
    {
        "bond": "chain.parts.bond:KIND",
        "consent_solicitation": "chain.parts.consent_solicitation:KIND",
        "currency": "chain.parts.currency:KIND",
        "liquidity_buffer": "chain.parts.liquidity_buffer:KIND",
        "offering": "chain.parts.offering:KIND",
        "offering_book": "chain.parts.offering_book:KIND",
        "office": "chain.parts.office:KIND",
        "oracle": "chain.parts.oracle:KIND",
        "payment": "chain.parts.payment:KIND",
        "proceeds": "chain.parts.proceeds:KIND",
        "put": "chain.parts.put_right:KIND",
        "registry": "chain.parts.registry:KIND",
        "spv": "chain.parts.spv:KIND",
        "token": "chain.parts.token:KIND",
        "token sums": "chain.parts.token:SUMS",
        "trade_desk": "chain.parts.trade_desk:KIND",
        "treasury": "chain.parts.treasury:KIND",
    },
    "penstock.contracts",
)
"""By kind, as the books have it. Another package's contract is compiled there (chain.artifacts)."""

SALES: Final[Registry[Callable[..., Planned]]] = Registry(
    {
        "offering": "chain.parts.offering:planned",
        "offering_book": "chain.parts.offering_book:planned",
    },
    "penstock.sales",
)
"""How the sale of a claim is planned, by its kind in the deal file: from the deal, the part's key and what
all sales say (chain.parts.sale.Sale)."""


def words_of(row: str) -> str:
    """What a kind of row means."""
    return next(kind.words[row] for kind in PARTS.values() if row in kind.words)


def acts_of(said: Said, world: World, at: int, block: int) -> Iterator[Act]:
    """What may have been done, the likeliest first; nothing for an event that only follows from another."""
    rebuild = PARTS[world.kind(said.part)].acts_of.get(said.name)
    if rebuild is not None:
        for by, call, arguments in rebuild(said, world):
            yield Act(by, said.part, call, arguments, at, block)


def is_begun_before(world: World, part: str, name: str) -> bool:
    """Whether the act behind an event may have said something before it."""
    return name not in PARTS[world.kind(part)].alone


def is_apart(world: World, part: str, name: str) -> bool:
    """Whether the books know nothing of an event."""
    return name in PARTS[world.kind(part)].apart


def rows_of(seen: Seen) -> Iterator[Row]:
    """What an event pays whom."""
    rows = PARTS[seen.after.kind(seen.part)].rows
    if seen.name in rows:
        yield from rows[seen.name](seen)


def standing_of(now: Now) -> Standing | None:
    """How a part stands; None if there is nothing to be said."""
    kind = PARTS.get(now.world.kind(now.part))
    return None if kind is None or kind.standing is None else kind.standing(now)
