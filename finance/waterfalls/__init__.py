"""Waterfalls: what a treasury does with its money, a period after the other to the unit, or on many paths at
once.

>>> from finance.waterfalls import Due, Op, Plan, Spend, project
>>> plan = Plan(due=(1,), lines=("tolls",), claims=(Due("fee", 30), Due("equity")),
...             steps=(Spend(Op.PAY, ("fee",)), Spend(Op.REST, ("equity",))))
>>> project(plan, {"tolls": [100]}).paid("equity")
[70]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance.lazy import on_demand
from finance.settlement.waterfall import Op, Order, When
from finance.settlement.waterfall_plan import (
    Covenant,
    Due,
    Interest,
    Least,
    Loan,
    Most,
    Plan,
    Schedule,
    Share,
    Spend,
    Table,
    Total,
    While,
)

if TYPE_CHECKING:
    from finance.waterfalls.paths import Paths, project_paths
    from finance.waterfalls.projection import Flow, Projection, project

__all__ = [
    "Covenant",
    "Due",
    "Flow",
    "Interest",
    "Least",
    "Loan",
    "Most",
    "Op",
    "Order",
    "Paths",
    "Plan",
    "Projection",
    "Schedule",
    "Share",
    "Spend",
    "Table",
    "Total",
    "When",
    "While",
    "project",
    "project_paths",
]

__getattr__ = on_demand(
    __name__,
    {
        "paths": ("Paths", "project_paths"),
        "projection": ("Flow", "Projection", "project"),
    },
)
