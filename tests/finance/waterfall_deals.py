"""Deals to project: that of waterfall-py's README, and project loans of random figures; and how others do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pandas as pd

from finance.settlement.waterfall import Op
from finance.settlement.waterfall_plan import Covenant, Due, Interest, Loan, Plan, Share, Spend, Table, Total
from finance.terms.schedule import months_after, unix

if TYPE_CHECKING:
    import waterfall as peer

PER_CENT = 10**16
UNIT = 10**7
"""Minor units of a dollar here: finer than cents, so that rounding down does not show in published cents."""
FOR_ALL = 2**127 - 1
START = date(2025, 1, 1)
CFADS = [1_400_000 * UNIT] * 8
MATURE = [0] * 7 + [1]


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


def peer_deal() -> peer.Deal:
    """The same for waterfall-py."""
    import waterfall as peer

    tranche = {"principal": 10_000_000, "coupon": 0.06, "day_count": "ACT/360", "term_periods": 8}
    mezz = {"principal": 2_000_000, "coupon": 0.10, "term_periods": 8, "day_count": "ACT/360"}
    return peer.Deal(
        deal_close_date=date(2024, 1, 1),
        operations_start_date=date(2024, 1, 1),
        period_frequency="Q",
        deal_type="PF",
        tranches=[
            peer.Tranche(name="senior", tranche_type="senior", amort_type="fully_amortizing", **tranche),
            peer.Tranche(name="mezz", tranche_type="mezzanine", amort_type="bullet", **mezz),
            peer.Tranche(name="equity", tranche_type="equity", principal=3_000_000),
        ],
        cfads_stream=[1_400_000] * 8,
        data_currency="USD",
        reporting_basis="calendar",
        reserves=[peer.ReserveConfig(reserve_type="DSRA", months_dsra=6, opening_balance=750_000)],
        covenants=[peer.CovenantConfig(metric="DSCR", trap=1.10, default=1.00)],
        sweep=peer.SweepConfig(bands=[peer.SweepBand(4.0, 1.0), peer.SweepBand(3.0, 0.5)]),
    )


def project_loan(rng: Random, periods: int) -> tuple[Plan, dict[str, int]]:
    """A project of senior and mezzanine debt and a reserve, and the figures that it is made of."""
    days = quarters(START, periods)
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


def ladder(figures: dict[str, int], due: Sequence[int], revenue: Sequence[int]) -> pd.DataFrame:
    """The cash of such a loan as an analyst writes it down with pandas: a row a period, in floats."""
    years = [(end - start) / 86_400 / 360 for start, end in pairwise((unix(START), *due))]
    f = {name: float(value) for name, value in figures.items()}
    one = 10.0**18
    senior, mezz, unpaid, reserve = f["senior"], f["mezz"], 0.0, f["reserve"]
    cash = owed_opex = owed_interest = owed_principal = 0.0
    locked, rows = False, []
    for year, income in zip(years, map(float, revenue), strict=True):
        cash += income
        owed_opex += f["opex"]
        owed_interest += senior * f["senior_rate"] / one * year
        owed_principal = min(owed_principal + f["instalment"], senior)
        unpaid += (mezz + unpaid) * f["mezz_rate"] / one * year
        service, cover = owed_interest + owed_principal, income - owed_opex
        row = dict.fromkeys(("opex", "interest", "principal", "mezz", "sweep", "equity"), 0.0)
        row["opex"] = min(cash, owed_opex)
        cash, owed_opex = cash - row["opex"], owed_opex - row["opex"]
        for name in ("interest", "principal"):
            owed = owed_interest if name == "interest" else owed_principal
            row[name] = min(cash, owed)
            cash -= row[name]
        short = service - row["interest"] - row["principal"]
        help_ = min(short, reserve)
        to_interest = min(help_, owed_interest - row["interest"])
        row["interest"] += to_interest
        row["principal"] += help_ - to_interest
        reserve -= help_
        owed_interest -= row["interest"]
        owed_principal -= row["principal"]
        senior -= row["principal"]
        top = min(cash, max(0.0, service - reserve))
        cash, reserve = cash - top, reserve + top
        locked = cover < service * f["lock_up"] / one
        if not locked:
            row["mezz"] = min(cash, unpaid)
            cash, unpaid = cash - row["mezz"], unpaid - row["mezz"]
            row["sweep"] = min(cash * f["sweep"] / one, senior - owed_principal)
            cash, senior = cash - row["sweep"], senior - row["sweep"]
            row["equity"], cash = cash, 0.0
        rows.append({**row, "cash": cash, "reserve": reserve, "senior": senior, "unpaid": unpaid})
    return pd.DataFrame(rows)
