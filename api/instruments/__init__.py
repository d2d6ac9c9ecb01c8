"""Instruments by kind: a later one is a module that makes an `Instrument`, and a line here; or, in another
package, an entry point."""

from __future__ import annotations

import threading
from collections import OrderedDict

from api.instruments.base import Case, Collection, Instrument
from api.instruments.valued import Valued
from api.instruments.words import PlainWords, Say, Write
from finance.registry import Registry
from finance.terms import Deal

__all__ = [
    "INSTRUMENTS", "Case", "Collection", "Instrument", "instrument_of", "is_shown", "standing", "valued",
    "words_of",
]  # fmt: skip

INSTRUMENTS: Registry[Instrument] = Registry(
    {
        "kpi_bond": "api.instruments.bond:BOND",
        "kpi_payment": "api.instruments.swap:SWAP",
        "spv": "api.instruments.spv:SPV",
    },
    "penstock.instruments",
)


def is_shown(deal: Deal) -> bool:
    """Whether a deal's kind has an instrument."""
    return deal.kind in INSTRUMENTS


def instrument_of(kind: str) -> Instrument:
    """The instrument of a kind of deal. Raises KeyError for one that is not known here."""
    return INSTRUMENTS[kind]


def words_of(deal: Deal, say: Say, write: Write) -> PlainWords:
    """A deal in plain words."""
    return instrument_of(deal.kind).words(deal, say, write)


KEPT = 64  # deals ready to be valued
_lock = threading.Lock()
_ready: OrderedDict[int, tuple[Deal, Valued]] = OrderedDict()


def valued(deal: Deal) -> Valued | None:
    """A deal ready to be valued, which is made once for each deal object: a deal is immutable. None for a
    kind that gives no valuation."""
    with _lock:
        if id(deal) in _ready:
            _ready.move_to_end(id(deal))
            return _ready[id(deal)][1]
    make = instrument_of(deal.kind).valued
    if make is None:
        return None
    made = make(deal)
    with _lock:
        _ready[id(deal)] = (deal, made)
        while len(_ready) > KEPT:
            _ready.popitem(last=False)
    return made


def standing(case: Case) -> Valued | None:
    """A deployment ready to be valued as it stands. None for a kind that gives no valuation."""
    ready = valued(case.deal)
    return None if ready is None else case.instrument.standing(case, ready)
