"""Deals to project: that of waterfall-py's README, and project loans of random figures."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from random import Random

from finance.settlement.waterfall import Op
from finance.settlement.waterfall_plan import Covenant, Due, Interest, Loan, Plan, Share, Spend, Table, Total
from finance.terms.schedule import months_after, unix

PER_CENT = 10**16
UNIT = 10**6
"""Minor units of a dollar here: finer than cents, so that rounding down does not show in published cents."""
FOR_ALL = 2**127 - 1


def quarters(first: date, count: int) -> list[date]:
    return [months_after(first, 3 * i) for i in range(count + 1)]


def actual_360(days: list[date]) -> tuple[tuple[int, int], ...]:
    return tuple(((end - start).days, 360) for start, end in pairwise(days))


def readme_deal() -> Plan:
    """The quick-start deal of waterfall-py's README (0.2.0): a term loan of 10 million at 6 % actual/360 in
    eight quarterly instalments, a mezzanine of 2 million at 10 %, six months of debt service in reserve, of
    which 750,000 at first, all cash swept while the debt service cover is below 1.10. What is left in the
    reserve at the end repays debt."""
    days = quarters(date(2024, 1, 1), 8)
    years = actual_360(days)
    debt_service = Total(("senior.interest.due", "senior.principal.due"))
    return Plan(
        due=tuple(map(unix, days[1:])),
        lines=("cfads",),
        pots={"dsra": 750_000 * UNIT},
        claims=(
            Due("equity"),
            Due("mezz_interest", Interest(10 * PER_CENT, ("mezz.balance",), years), False),
        ),
        loans=(
            Loan(
                "senior",
                10_000_000 * UNIT,
                Interest(6 * PER_CENT, ("senior.balance",), years),
                1_250_000 * UNIT,
            ),
            Loan("mezz", 2_000_000 * UNIT),
        ),
        covenants=(
            Covenant("trap", "cfads", debt_service, 110 * PER_CENT),
            Covenant("default", "cfads", debt_service, 100 * PER_CENT),
        ),
        steps=(
            Spend(Op.TEST, target="trap"),
            Spend(Op.TEST, target="default"),
            Spend(Op.PAY, ("senior.interest",)),
            Spend(Op.PAY, ("senior.principal",)),
            Spend(Op.PAY, ("senior.interest", "senior.principal"), source="dsra"),
            Spend(Op.MOVE, target="dsra", limit=Total((Share(debt_service, 2 * 10**18),), ("dsra",))),
            Spend(Op.PAY, ("mezz_interest",)),
            Spend(Op.PREPAY, ("senior.principal", "mezz.principal"), on=("trap",)),
            Spend(Op.REST, ("equity",), off=("trap",)),
            Spend(Op.PREPAY, ("mezz.principal",), "dsra", limit=Table("mature", None, ((1, FOR_ALL),))),
        ),
        facts=("mature",),
    )


MATURE = [0] * 7 + [1]


def project_loan(rng: Random, periods: int) -> tuple[Plan, dict[str, int]]:
    """A project of senior and mezzanine debt and a reserve, and the figures that it is made of."""
    days = quarters(date(2025, 1, 1), periods)
    years = actual_360(days)
    figures = {
        "opex": rng.randrange(10**5, 10**6) * UNIT,
        "senior": rng.randrange(10**7, 5 * 10**7) * UNIT,
        "senior_rate": rng.randrange(1, 9) * PER_CENT,
        "mezz": rng.randrange(10**6, 10**7) * UNIT,
        "mezz_rate": rng.randrange(5, 15) * PER_CENT,
        "lock_up": rng.randrange(105, 140) * PER_CENT,
        "sweep": rng.randrange(0, 100) * PER_CENT,
        "reserve": rng.randrange(0, 10**6) * UNIT,
    }
    figures["instalment"] = figures["senior"] // periods
    service = Total(("senior.interest.due", "senior.principal.due"))
    plan = Plan(
        due=tuple(map(unix, days[1:])),
        lines=("revenue",),
        pots={"reserve": figures["reserve"]},
        claims=(Due("opex", figures["opex"]), Due("equity")),
        loans=(
            Loan(
                "senior",
                figures["senior"],
                Interest(figures["senior_rate"], ("senior.balance",), years),
                figures["instalment"],
            ),
            Loan(
                "mezz",
                figures["mezz"],
                Interest(figures["mezz_rate"], ("mezz.balance", "mezz.interest"), years),
            ),
        ),
        covenants=(Covenant("lock_up", Total(("revenue",), ("opex.due",)), service, figures["lock_up"]),),
        steps=(
            Spend(Op.PAY, ("opex",)),
            Spend(Op.PAY, ("senior.interest",)),
            Spend(Op.PAY, ("senior.principal",)),
            Spend(Op.PAY, ("senior.interest", "senior.principal"), "reserve"),
            Spend(Op.MOVE, target="reserve", limit=Total((service,), ("reserve",))),
            Spend(Op.TEST, target="lock_up"),
            Spend(Op.PAY, ("mezz.interest",), off=("lock_up",)),
            Spend(Op.PREPAY, ("senior.principal",), limit=Share("cash", figures["sweep"]), off=("lock_up",)),
            Spend(Op.REST, ("equity",), off=("lock_up",)),
        ),
    )
    return plan, figures
