"""A small wind project in plain numbers, and steps of its life, shared by the treasury tests.

100 units at 1,000. Each quarter operating cost of 3,000 and debt service of 2,000; a proxy revenue swap of
limited recourse, fixed 10,000 against proxy revenue of 0 to 30,000 (see swaps.py), without interest on what
is late, so that no amount depends on the second in which a transaction is mined; tests of interest set a
rate. The issuer pays revenue in, third is the hedge provider. `project` is what conftest's launch_project
makes.
"""

from __future__ import annotations

from enum import IntEnum
from types import SimpleNamespace
from typing import Any

from tests.contracts import swaps
from tests.contracts.clock import warp
from tests.contracts.material import DAY, MILLION, evidence, policy
from tests.contracts.swaps import K, report_period

UNITS = 100
COST, DEBT = 3 * K, 2 * K
SENIOR = COST + DEBT
OPERATOR, LENDER = 0, 1
POWER = b"power".ljust(32, b"\0")
RICH = 10**6 * K


class State(IntEnum):
    """IRevenueTreasury.State"""

    OFFERED, ACTIVE, CLOSED = range(3)


def swap_terms(project: Any, parties: Any, plain_policy: dict, rule: int, **changes: Any) -> dict:
    """The swap's terms and the policies of its feeds; `changes` are of the swap. What wiring fills in is
    nonsense here."""
    project.feed = project.value_feed = b"\7" * 32
    limited = {
        "payer": project.provider.address,
        "payee": parties.stranger.address,
        "oracle": parties.stranger.address,
        "limitedRecourse": True,
        "lateRate": 0,
        "requiredCollateral": [swaps.MARGINS[0] * project.one // MILLION, 0],
    }
    kpi = plain_policy | {
        "deal": b"\7" * 32,
        "kpi": b"proxy-revenue".ljust(32, b"\0"),
        "minValue": 0,
        "maxValue": swaps.TOP,
        "maxSpread": K,
        "periodEnds": project.period_ends,
        "consumers": [parties.stranger.address],
    }
    bound = swaps.VALUE_BOUND
    value = {"kpi": b"model-value".ljust(32, b"\0"), "minValue": -bound, "maxValue": bound}
    return {
        "termsHash": evidence(f"project {project.start} {project.pay_dates} {rule} {changes}"),
        "payment": swaps.terms(project, parties, rule, **(limited | changes)),
        "kpiPolicy": kpi,
        "valuePolicy": kpi | value | {"periodEnds": project.valued_at},
    }


def project_terms(project: Any, parties: Any, registry: Any, **changes: Any) -> dict:
    """The project's own terms, of token, offering and treasury."""
    scale = project.one
    plain = {
        "name": "Wind share",
        "symbol": "WIND",
        "registry": registry.address,
        "agent": parties.agent.address,
        "policy": policy(),
        "issuer": parties.issuer.address,
        "unitPrice": 1_000 * scale,
        "softCap": UNITS,
        "hardCap": UNITS,
        "opens": project.opens,
        "closes": project.closes,
        "operator": project.operator.address,
        "lender": project.lender.address,
        "periods": [
            {
                "payDate": date,
                "operatingCost": COST * scale // MILLION,
                "debtService": DEBT * scale // MILLION,
            }
            for date in project.pay_dates
        ],
    }
    return plain | {name: value(project) if callable(value) else value for name, value in changes.items()}


def plan(
    now: int, accounts: Any, parties: Any, currency: Any, oracle: Any, quarters: int = swaps.PERIODS
) -> SimpleNamespace:
    """Who and when: on sale from tomorrow for nine days, then the quarters."""
    project = SimpleNamespace(currency=currency, oracle=oracle, one=10 ** int(currency.decimals()))
    project.provider, project.operator, project.lender = parties.third, accounts[8], accounts[9]
    project.opens, project.closes = now + DAY, now + 10 * DAY
    swaps.dates(project, project.closes, quarters)
    return project


# ---------------------------------------------------------------- steps


def earn(project: Any, parties: Any, amount: int) -> Any:
    return project.treasury.receiveRevenue(POWER, amount, {"from": parties.issuer})


def pay(project: Any, parties: Any) -> Any:
    return project.treasury.pay({"from": parties.stranger})


def quarter(project: Any, report: Any, parties: Any, proxy: int | None, revenue: int) -> Any:
    """The next quarter, from its report to the payment of the treasury; that transaction."""
    report_period(project, report, proxy)
    project.payment.settle({"from": parties.stranger})
    if revenue:
        earn(project, parties, revenue)
    return pay(project, parties)


def without_swap(project: Any) -> None:
    """To the next pay date, for a treasury without a swap."""
    warp(project.pay_dates[project.treasury.periodsPaid()])


def held(project: Any) -> int:
    return int(project.currency.balanceOf(project.treasury))


def credits(project: Any) -> tuple[int, int]:
    return tuple(int(project.treasury.creditOf(party)) for party in (OPERATOR, LENDER))


def arrears(project: Any) -> tuple[int, int]:
    return tuple(int(project.treasury.arrearsOf(party)) for party in (OPERATOR, LENDER))


def paid(tx: Any) -> tuple[int, int, int, int, int]:
    """(collected, cost, debt, swap, holders) of a payment."""
    (event,) = (e for e in tx.events if e.name == "PeriodPaid")
    names = ("collected", "operatingCost", "debtService", "swap", "holders")
    return tuple(int(event[name]) for name in names)
