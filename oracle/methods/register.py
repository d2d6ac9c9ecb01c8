"""The list of methods: each known by its id alone until one is asked for.

Their libraries take a second to load, and a node computes by one method, a check of a deal file by none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance.registry import Registry

if TYPE_CHECKING:
    from oracle.methods.base import Method

METHODS: Registry[Method] = Registry(
    {
        "swmm-paired-rain/1": "oracle.methods.stormwater:StormwaterMethod",
        "proxy-revenue-wind/1": "oracle.methods.wind:WindRevenueMethod",
        "rain-index/1": "oracle.methods.rain:RainIndexMethod",
        "reported-values/1": "oracle.methods.reported:ReportedMethod",
        "unit-value/1": "oracle.methods.unit_value:UnitValueMethod",
    },
    "penstock.oracle_methods",
    lambda method: method(),
)
"""Every method that this version can compute, by id: one line a method, the class that knows how. Other
packages add theirs as entry points of that group, the id as name (docs/oracle.md)."""
