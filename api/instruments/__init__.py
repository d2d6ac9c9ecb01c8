"""Instruments by kind: a later one is a module that makes an `Instrument`, and a line here."""

from __future__ import annotations

from api.instruments.base import Case, Collection, Instrument
from api.instruments.bond import BOND
from api.instruments.swap import SWAP

__all__ = ["INSTRUMENTS", "Case", "Collection", "Instrument", "instrument_of"]

INSTRUMENTS: dict[str, Instrument] = {each.kind: each for each in (BOND, SWAP)}


def instrument_of(kind: str) -> Instrument:
    """The instrument of a deployment's kind. Raises KeyError for one that is not known here."""
    return INSTRUMENTS[kind]
