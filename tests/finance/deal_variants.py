"""Deals that the book does not have: every KPI process, payoffs along a line, a rise of the coupon with both
signs. Made in memory from the book's files, so that what draws and prints can be tried on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from finance.terms import Deal, load_deal, parse_deal
from finance.terms.reader import read_deal_yaml

DEALS = Path(__file__).resolve().parents[2] / "deals"
BOOK = [
    "atlanta-eib-2019",
    "dc-water-eib-2016",
    "enel-slb-2019",
    "hksar-tokenised-green-bond-2023",
    "singapore-ebus-loan",
]
WHY = "made up for a test"


def file_of(name: str) -> Path:
    return DEALS / f"{name}.yaml"


def book_deal(name: str) -> Deal:
    return load_deal(file_of(name))


def term(value: Any) -> dict[str, Any]:
    """A number of a deal file that is assumed."""
    if isinstance(value, float):
        value = Decimal(str(value))
    return {"value": value, "assumed": WHY}


def process(kind: str, **terms: Any) -> dict[str, Any]:
    return {"kind": kind, **{name: term(value) for name, value in terms.items()}}


ENEL_PROCESSES = {
    "lognormal": process("lognormal", mean=0.57, sd=0.02),
    "bernoulli": process("bernoulli", probability=0.8),
    "ar1": process("ar1", start=0.46, mean=0.6, memory=0.5, noise=0.02),
    "mean_reverting": process("mean_reverting", start=0.46, mean=0.6, speed=0.7, volatility=0.03),
    "empirical": process("empirical", series=[Decimal(n) / 100 for n in (50, 52, 54, 55, 57, 58, 60, 61)]),
    "trend": process("normal", mean=0.46, sd=0.02, trend=0.04),
}


def enel_under(kind: str) -> Deal:
    """The Enel bond with its KPI under another process."""
    tree = read_deal_yaml(file_of("enel-slb-2019"))
    tree["kpis"]["renewable-share"]["process"] = ENEL_PROCESSES[kind]
    return parse_deal(tree)


def enel_along_a_line() -> Deal:
    """A coupon that falls in a straight line from +25 basis points at 50 % to -10 at 60 %."""
    tree = read_deal_yaml(file_of("enel-slb-2019"))
    (step,) = tree["parts"]["bond"]["coupon"]["steps"]
    del step["tiers"]
    step["line"] = [{"kpi": term(0.5), "rate": term(0.0025)}, {"kpi": term(0.6), "rate": term(-0.001)}]
    return parse_deal(tree)


def enel_stepping_up() -> Deal:
    """The coupon of 2.65 % is 3 % from 10 September 2022 on, where the KPI adds to it too."""
    tree = read_deal_yaml(file_of("enel-slb-2019"))
    tree["parts"]["bond"]["coupon"]["later_rates"] = [{"from": term(date(2022, 9, 10)), "rate": term(0.03)}]
    return parse_deal(tree)


def atlanta_along_a_line() -> Deal:
    """An outcome payment that rises from nothing at 6 to a million at 7 million gallons."""
    tree = read_deal_yaml(file_of("atlanta-eib-2019"))
    outcome = tree["parts"]["bond"]["outcome_payment"]
    del outcome["tiers"]
    outcome["line"] = [{"kpi": term(6), "amount": term(0)}, {"kpi": term(7), "amount": term(1_000_000)}]
    return parse_deal(tree)


def singapore_along_lines() -> Deal:
    """The loan with a line in place of each year's tiers."""
    tree = read_deal_yaml(file_of("singapore-ebus-loan"))
    for year, step in enumerate(tree["parts"]["bond"]["coupon"]["steps"], start=1):
        del step["tiers"]
        low, high = Decimal(year) / 10 - Decimal("0.05"), Decimal(year) / 10 + Decimal("0.05")
        step["line"] = [{"kpi": term(low), "rate": term(0.00025)}, {"kpi": term(high), "rate": term(-0.0005)}]
    return parse_deal(tree)


VARIANTS: dict[str, Callable[[], Deal]] = {
    **{f"enel {kind}": (lambda kind=kind: enel_under(kind)) for kind in ENEL_PROCESSES},  # type: ignore[misc]
    "enel along a line": enel_along_a_line,
    "enel stepping up": enel_stepping_up,
    "atlanta along a line": atlanta_along_a_line,
    "singapore along lines": singapore_along_lines,
}
ALL: dict[str, Callable[[], Deal]] = {
    **{name: (lambda name=name: book_deal(name)) for name in BOOK},  # type: ignore[misc]
    **VARIANTS,
}
