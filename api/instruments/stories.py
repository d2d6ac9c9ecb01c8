"""Which words tell a deal: an instrument adds its function here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from api.instruments.bond_words import bond_words
from api.instruments.swap_words import swap_words
from api.instruments.words import Say, Story, Write
from finance.terms import Deal

STORIES: Mapping[str, Callable[[Deal, Say, Write], Story]] = {
    "kpi_payment": swap_words,
    "kpi_bond": bond_words,
}


def kind_of(deal: Deal) -> str:
    """The kind of a deal's instrument, by its claims; a swap's project has a claim of its own besides."""
    kinds = {claim.kind for claim in deal.claims.values()}
    return next(kind for kind in STORIES if kind in kinds)


def story_of(deal: Deal, say: Say, write: Write) -> Story:
    """A deal in plain words."""
    return STORIES[kind_of(deal)](deal, say, write)
