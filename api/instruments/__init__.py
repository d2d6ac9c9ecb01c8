"""Instruments by kind: a later one is a module that makes an `Instrument`, and a line here."""

from __future__ import annotations

from api.instruments.base import Case, Collection, Instrument
from api.instruments.bond import BOND
from api.instruments.swap import SWAP
from api.instruments.words import PlainWords, Say, Write
from finance.terms import Deal

__all__ = ["INSTRUMENTS", "Case", "Collection", "Instrument", "instrument_of", "words_of"]

INSTRUMENTS: dict[str, Instrument] = {each.kind: each for each in (BOND, SWAP)}


def instrument_of(kind: str) -> Instrument:
    """The instrument of a kind of deal. Raises KeyError for one that is not known here."""
    return INSTRUMENTS[kind]


def words_of(deal: Deal, say: Say, write: Write) -> PlainWords:
    """A deal in plain words."""
    return instrument_of(deal.kind).words(deal, say, write)
