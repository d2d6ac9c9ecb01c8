"""The analyst's library: read a deal, price it, settle it. Pure: no chain, no network, no database.

>>> from finance import load_deal, price, price_table
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance.lazy import on_demand

if TYPE_CHECKING:
    from finance.pricing.frames import curve_from_frame, price_table
    from finance.pricing.value import price
    from finance.terms import Deal, DealFileError, load_deal

__all__ = ["Deal", "DealFileError", "curve_from_frame", "load_deal", "price", "price_table"]

__getattr__ = on_demand(
    __name__,
    {
        "pricing.frames": ("curve_from_frame", "price_table"),
        "pricing.value": ("price",),
        "terms": ("Deal", "DealFileError", "load_deal"),
    },
)
