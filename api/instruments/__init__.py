"""Instruments by kind: a later one is a module that makes an `Instrument`, and a line here; or, in another
package, an entry point."""

from __future__ import annotations

from api.instruments.base import Case, Collection, Instrument
from api.instruments.words import PlainWords, Say, Write
from finance.registry import Registry
from finance.terms import Deal

__all__ = ["INSTRUMENTS", "Case", "Collection", "Instrument", "instrument_of", "words_of"]

INSTRUMENTS: Registry[Instrument] = Registry(
    {"kpi_bond": "api.instruments.bond:BOND", "kpi_payment": "api.instruments.swap:SWAP"},
    "penstock.instruments",
)


def instrument_of(kind: str) -> Instrument:
    """The instrument of a kind of deal. Raises KeyError for one that is not known here."""
    return INSTRUMENTS[kind]


def words_of(deal: Deal, say: Say, write: Write) -> PlainWords:
    """A deal in plain words."""
    return instrument_of(deal.kind).words(deal, say, write)
