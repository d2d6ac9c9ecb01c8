"""Pricing: claim, KPI process, market and engine apart, so a new one of each needs none of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance.lazy import on_demand

if TYPE_CHECKING:
    from finance.pricing.flows import Flows, KpiFlow, bond_flows, deal_flows
    from finance.pricing.market import DiscountCurve, Market
    from finance.pricing.prepared import PreparedBond
    from finance.pricing.process import BernoulliKpi, EmpiricalKpi, KpiProcess, LognormalKpi, NormalKpi
    from finance.pricing.value import Valuation, price
    from finance.pricing.worth import SettledReport, UnitValue, unit_value

__all__ = [
    "BernoulliKpi",
    "DiscountCurve",
    "EmpiricalKpi",
    "Flows",
    "KpiFlow",
    "KpiProcess",
    "LognormalKpi",
    "Market",
    "NormalKpi",
    "PreparedBond",
    "SettledReport",
    "UnitValue",
    "Valuation",
    "bond_flows",
    "deal_flows",
    "price",
    "unit_value",
]

__getattr__ = on_demand(
    __name__,
    {
        "flows": (
            "Flows",
            "KpiFlow",
            "bond_flows",
            "deal_flows",
        ),
        "market": (
            "DiscountCurve",
            "Market",
        ),
        "prepared": ("PreparedBond",),
        "process": (
            "BernoulliKpi",
            "EmpiricalKpi",
            "KpiProcess",
            "LognormalKpi",
            "NormalKpi",
        ),
        "value": (
            "Valuation",
            "price",
        ),
        "worth": (
            "SettledReport",
            "UnitValue",
            "unit_value",
        ),
    },
)
