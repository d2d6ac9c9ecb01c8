"""Pricing: claim, KPI process, market and engine apart, so a new one of each needs none of the others."""

from finance.pricing.flows import Flows, KpiFlow, bond_flows, deal_flows
from finance.pricing.market import DiscountCurve, Market
from finance.pricing.process import BernoulliKpi, EmpiricalKpi, KpiProcess, LognormalKpi, NormalKpi
from finance.pricing.value import Valuation, price

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
    "Valuation",
    "bond_flows",
    "deal_flows",
    "price",
]
