"""The contracts of a deal as its log shows them: one module each, listed here.

From an event back to what somebody did: a module gives, for each event that stands for an act, what may have
been called: one way, or several, of which the books say which one explains the log (an event does not always
say who called). Events that only follow from others stand for nothing. And what an event pays whom, by the
words in which people read it (`WORDS`), and how the part stands at a block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from chain.parts import bond, currency, offering, oracle, payment, token, treasury
from chain.parts.base import Now, PartKind, Seen, Standing
from chain.reconciliation import Row
from finance.settlement.acts import Act
from finance.settlement.world import World

__all__ = ["PARTS", "WORDS", "Said", "acts_of", "is_apart", "rows_of", "standing_of"]

PARTS: Mapping[str, PartKind] = {
    "bond": bond.KIND,
    "currency": currency.KIND,
    "offering": offering.KIND,
    "oracle": oracle.KIND,
    "swap": payment.KIND,
    "token": token.KIND,
    "treasury": treasury.KIND,
}
"""By the part's role in its deal."""
WORDS: Mapping[str, str] = {
    kind: words
    for module in (offering, treasury, payment, bond, token, currency)
    for kind, words in module.WORDS.items()
}
"""What each kind of row means, in the order in which they are shown."""


class Said(NamedTuple):
    """An event as far as it matters here."""

    part: str
    name: str
    arguments: Mapping[str, Any]


def acts_of(said: Said, world: World, at: int, block: int) -> Iterator[Act]:
    """What may have been done, the likeliest first; nothing for an event that only follows from another."""
    kind = PARTS.get(said.part)
    rebuild = None if kind is None else kind.acts_of.get(said.name)
    if rebuild is not None:
        for by, call, arguments in rebuild(said.arguments, world):
            yield Act(by, said.part, call, arguments, at, block)


def is_apart(part: str, name: str) -> bool:
    """Whether the books know nothing of an event."""
    return part in PARTS and name in PARTS[part].apart


def rows_of(seen: Seen) -> Iterator[Row]:
    """What an event pays whom."""
    kind = PARTS.get(seen.part)
    if kind is not None and seen.name in kind.rows:
        yield from kind.rows[seen.name](seen)


def standing_of(now: Now) -> Standing | None:
    """How a part stands; None if there is nothing to be said."""
    kind = PARTS.get(now.part)
    return None if kind is None or kind.standing is None else kind.standing(now)
