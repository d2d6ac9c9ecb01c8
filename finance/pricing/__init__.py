"""Pricing: claim, KPI process, market and engine apart, so a new one of each needs none of the others."""

from finance.pricing.process import EmpiricalKpi, KpiProcess, NormalKpi
from finance.pricing.value import Valuation, price

__all__ = ["EmpiricalKpi", "KpiProcess", "NormalKpi", "Valuation", "price"]
