"""The deal file: model, loader, checks, canonical hash, JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance.lazy import on_demand

if TYPE_CHECKING:
    from finance.terms.bond import KpiBond
    from finance.terms.deal import Deal
    from finance.terms.load import load_deal, parse_deal
    from finance.terms.problems import DealFileError, InputError, Problem
    from finance.terms.values import Term

__all__ = ["Deal", "DealFileError", "InputError", "KpiBond", "Problem", "Term", "load_deal", "parse_deal"]

__getattr__ = on_demand(
    __name__,
    {
        "bond": ("KpiBond",),
        "deal": ("Deal",),
        "load": ("load_deal", "parse_deal"),
        "problems": ("DealFileError", "InputError", "Problem"),
        "values": ("Term",),
    },
)
