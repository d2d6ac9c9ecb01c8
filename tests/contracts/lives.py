"""Steps of a bond's life, shared by the bond tests. `deal` is what conftest's launch makes."""

from __future__ import annotations

from typing import Any

from tests.contracts.clock import now, warp
from tests.contracts.material import DAY, MILLION

K = 1_000 * MILLION
COUPON = 5 * K  # 5 % of 100 units of 1,000
PRINCIPAL = 100 * K
TENTH = 10 * K


def late(amount: int, days: int) -> int:
    """Late interest of so many whole days: 36.5 % a year, a thousandth a day."""
    return amount * days // 1_000


def mature_report(deal: Any, report: Any, value: int | None, end: int | None = None) -> None:
    """Bring the KPI to its end: three nodes report the value and it becomes final, or (None) nobody
    reports."""
    end = end or deal.plan.period_end
    warp(end)
    if value is None:
        warp(end + 59 * DAY + 1)
    else:
        report(deal, [value] * 3, at=now())
        warp(now() + 14 * DAY)


def pay_coupons(deal: Any, parties: Any, first: int = 0, last: int = 2, amount: int = COUPON) -> list:
    """Fund and pay coupons first..last (0-based) on their dates."""
    out = []
    for i in range(first, last + 1):
        warp(deal.plan.pay_dates[i])
        deal.bond.fund(amount, {"from": parties.issuer})
        out.append(deal.bond.payCoupon({"from": parties.stranger}))
    return out


def default_on_first_coupon(deal: Any, parties: Any) -> Any:
    warp(deal.plan.pay_dates[0] + 10 * DAY + 1)
    return deal.bond.declareDefault({"from": parties.stranger})


def accelerated(deal: Any, parties: Any) -> Any:
    """Default on the first coupon, let the cure period pass, accelerate; the transaction."""
    tx = default_on_first_coupon(deal, parties)
    warp(tx.timestamp + 30 * DAY + 1)
    return deal.bond.accelerate({"from": parties.stranger})


def claim_all(deal: Any, *holders: Any) -> list[int]:
    """What each holder received."""
    out = []
    for holder in holders:
        before = deal.currency.balanceOf(holder)
        deal.token.claim(holder, {"from": holder})
        out.append(int(deal.currency.balanceOf(holder) - before))
    return out
