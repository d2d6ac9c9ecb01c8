"""Proxy revenue swaps and their relatives: revenue, scenarios, price, payoff curves, hedge, debt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance.lazy import on_demand

if TYPE_CHECKING:
    from finance.swaps.curves import (
        Collar,
        IndexForward,
        LimitedSwap,
        PlainSwap,
        Scale,
        TieredIndex,
        UpsideSharing,
    )
    from finance.swaps.debt import Covenant, DebtTerms
    from finance.swaps.estimates import Estimate
    from finance.swaps.inputs import Pricing, SwapInputs
    from finance.swaps.periods import Periods, utc_hours
    from finance.swaps.prices import Basis, Market, Operations, PriceLevel, PricePattern
    from finance.swaps.pricing import FixedPayment, Leg, SwapValue, model_value
    from finance.swaps.scenarios import Outlook, Scenarios, simulate
    from finance.swaps.study import SwapStudy, swap_study
    from finance.swaps.weather import BlockBootstrap, SeasonalAR, WeatherYears

__all__ = [
    "Basis",
    "BlockBootstrap",
    "Collar",
    "Covenant",
    "DebtTerms",
    "Estimate",
    "FixedPayment",
    "IndexForward",
    "Leg",
    "LimitedSwap",
    "Market",
    "Operations",
    "Outlook",
    "Periods",
    "PlainSwap",
    "PriceLevel",
    "PricePattern",
    "Pricing",
    "Scale",
    "Scenarios",
    "SeasonalAR",
    "SwapInputs",
    "SwapStudy",
    "SwapValue",
    "TieredIndex",
    "UpsideSharing",
    "WeatherYears",
    "model_value",
    "simulate",
    "swap_study",
    "utc_hours",
]

__getattr__ = on_demand(
    __name__,
    {
        "curves": (
            "Collar",
            "IndexForward",
            "LimitedSwap",
            "PlainSwap",
            "Scale",
            "TieredIndex",
            "UpsideSharing",
        ),
        "debt": (
            "Covenant",
            "DebtTerms",
        ),
        "estimates": ("Estimate",),
        "inputs": (
            "Pricing",
            "SwapInputs",
        ),
        "periods": (
            "Periods",
            "utc_hours",
        ),
        "prices": (
            "Basis",
            "Market",
            "Operations",
            "PriceLevel",
            "PricePattern",
        ),
        "pricing": (
            "FixedPayment",
            "Leg",
            "SwapValue",
            "model_value",
        ),
        "scenarios": (
            "Outlook",
            "Scenarios",
            "simulate",
        ),
        "study": (
            "SwapStudy",
            "swap_study",
        ),
        "weather": (
            "BlockBootstrap",
            "SeasonalAR",
            "WeatherYears",
        ),
    },
)
