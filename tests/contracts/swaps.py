"""A small proxy revenue swap in plain numbers, and steps of its life, shared by the KPI payment tests.

Fixed 10,000 a quarter against proxy revenue of 0 to 30,000; four quarters; the payer (investor) must hold
5,000 and the project (issuer) 2,000; 10 % a year on what is late. `swap` is what conftest's launch_swap
makes.
"""

from __future__ import annotations

from enum import IntEnum
from types import SimpleNamespace
from typing import Any

from tests.contracts.clock import now, warp
from tests.contracts.material import DAY, MILLION, components_of, tuple_of

PAYER, PAYEE = 0, 1
MODEL_VALUE, LAST_FIXING, REPLACEMENT_COST = range(3)
K = 1_000 * MILLION
FIXED, TOP = 10 * K, 30 * K
MARGINS = (5 * K, 2 * K)
CURE = 30 * DAY
QUARTER = 91 * DAY
PERIODS = 4
VALUE_BOUND = 80 * K
NO_FEED = b"\0" * 32


class State(IntEnum):
    """IKpiPayment.State"""

    NONE, AGREED, ACTIVE, DEFAULTED, MATURED, CLOSED, TERMINATED, LAPSED = range(8)


def terms(swap: Any, parties: Any, rule: int, **changes: Any) -> dict:
    """IKpiPayment.Terms; changes may be functions of the swap."""
    plain = {
        "currency": swap.currency.address,
        "payer": parties.investor.address,
        "payee": parties.issuer.address,
        "oracle": swap.oracle.address,
        "feed": swap.feed,
        "valueFeed": swap.value_feed if rule == MODEL_VALUE else NO_FEED,
        "curePeriod": CURE,
        "lateRate": 10**17,
        "dataController": PAYEE,
        "closeOutRule": rule,
        "limitedRecourse": False,
        "payeeStarts": False,
        "startBy": swap.start + 10 * DAY,
        "missingPayoff": -TOP * swap.one // MILLION,
        "missingValue": -VALUE_BOUND if rule == MODEL_VALUE else 0,
        "requiredCollateral": [margin * swap.one // MILLION for margin in MARGINS],
        "periods": [{"payDate": d, "fixedAmount": FIXED * swap.one // MILLION} for d in swap.pay_dates],
        "curve": {
            "shape": 1,
            "knots": [{"x": 0, "y": 0}, {"x": TOP, "y": -TOP * swap.one // MILLION}],
        },
    }
    return plain | {name: value(swap) if callable(value) else value for name, value in changes.items()}


def feeds(swap: Any, policy: dict, deployer: Any) -> None:
    """The KPI feed (proxy revenue in millionths) and the model's (value of the payments from each period on,
    at its start), of which the payment is the only consumer."""
    create = components_of(swap.oracle, "createFeed")
    kpi = policy | {
        "kpi": b"proxy-revenue".ljust(32, b"\0"),
        "minValue": 0,
        "maxValue": TOP,
        "maxSpread": K,
        "periodEnds": swap.period_ends,
        "consumers": [swap.payment.address],
    }
    value = kpi | {
        "kpi": b"model-value".ljust(32, b"\0"),
        "minValue": -VALUE_BOUND,
        "maxValue": VALUE_BOUND,
        "periodEnds": swap.valued_at,
    }
    by = {"from": deployer}
    swap.feed = bytes(swap.oracle.createFeed(tuple_of(create, kpi), by).return_value)
    swap.value_feed = bytes(swap.oracle.createFeed(tuple_of(create, value), by).return_value)


def dates(swap: Any, start: int, periods: int = PERIODS) -> None:
    """Quarters from `start`; paid 60 days after each, when a report must be final or missing."""
    swap.start = start
    swap.period_ends = [start + (i + 1) * QUARTER for i in range(periods)]
    swap.pay_dates = [end + 60 * DAY for end in swap.period_ends]
    swap.valued_at = [start + i * QUARTER for i in range(periods)]


def post(swap: Any, side: int, amount: int, who: Any) -> Any:
    return swap.payment.fund(side, amount, {"from": who})


def report_period(swap: Any, report: Any, value: int | None) -> None:
    """Bring the next period to its pay date: three nodes report the value in time, or (None) nobody does."""
    i = swap.payment.periodsSettled()
    if value is not None:
        warp(max(now() + 1, swap.period_ends[i]))
        report(swap, [value] * 3, at=now(), period=i)
    warp(max(now() + 1, swap.pay_dates[i]))


def settle(swap: Any, report: Any, parties: Any, value: int | None) -> Any:
    """Report and settle the next period; the transaction, by a stranger."""
    report_period(swap, report, value)
    return swap.payment.settle({"from": parties.stranger})


def model(swap: Any) -> SimpleNamespace:
    """The value feed, in the form `report` takes."""
    return SimpleNamespace(feed=swap.value_feed, oracle=swap.oracle)


def account(swap: Any, side: int) -> tuple[int, int, int]:
    """(balance, credit, owed with interest to the last block)"""
    a = swap.payment.accountOf(side)
    return int(a["balance"]), int(a["credit"]), int(swap.payment.owed(side))


def held(swap: Any) -> int:
    return int(swap.currency.balanceOf(swap.payment))


def booked(swap: Any) -> int:
    return sum(sum(account(swap, side)[:2]) for side in (PAYER, PAYEE))


def received(swap: Any, who: Any, action: Any) -> int:
    """What an action pays a party."""
    before = swap.currency.balanceOf(who)
    action()
    return int(swap.currency.balanceOf(who) - before)
