"""The analyst's library: read a deal, price it, settle it. Pure: no chain, no network, no database.

>>> from finance import load_deal, price, price_table
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finance.pricing.frames import curve_from_frame, price_table
    from finance.pricing.value import price
    from finance.terms import Deal, DealFileError, load_deal

__all__ = ["Deal", "DealFileError", "curve_from_frame", "load_deal", "price", "price_table"]

_HOMES = {
    "Deal": "finance.terms",
    "DealFileError": "finance.terms",
    "curve_from_frame": "finance.pricing.frames",
    "load_deal": "finance.terms",
    "price": "finance.pricing.value",
    "price_table": "finance.pricing.frames",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: settlement code and `penstock --help` need neither pandas nor scipy.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'finance' has no attribute {name!r}")
