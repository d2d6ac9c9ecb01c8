"""Tables of a vehicle's valuation, ready for a terminal or a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from finance.report.table import Table
from finance.report.text import counted, money, percent
from finance.securitisation.rating import RATING_NOTE
from finance.securitisation.vehicle import HAZARD_YEARS, Protected, TrancheValue, VehicleValue
from finance.terms.spv import Spv
from finance.terms.swap import KpiPayment

if TYPE_CHECKING:
    import pandas as pd


def tranche_table(found: VehicleValue) -> Table:
    """What each tranche is worth and loses."""
    rows = [(each.terms.name, *_cells(each)) for each in found.tranches]
    code = found.deal.currency.code
    return Table(
        f"{found.deal.title}: {counted(found.count, 'path')}, seed {found.seed}",
        ("Tranche", f"Principal, {code}", "Price", "+-", "Yield", "Years", "Loss", "Any", "99 %", "Proxy"),
        tuple(rows),
        frozenset({f"Principal, {code}", "Price", "+-", "Yield", "Years", "Loss", "Any", "99 %"}),
        (
            f"Price per 100 at {percent(found.assumed.discount_rate, 2)}, with its standard error; yield at "
            "the issue price; average life; loss: expected, chance of any, and not exceeded in 99 cases of "
            "100, of what is due and unpaid at the end.",
            RATING_NOTE,
        ),
    )


def _cells(each: TrancheValue) -> tuple[str, ...]:
    return (
        money(each.principal, 0),
        f"{each.price:.2f}",
        f"{each.standard_error:.2f}",
        "" if each.yield_ is None else percent(each.yield_, 2),
        "" if each.average_life is None else f"{each.average_life:.1f}",
        percent(each.expected_loss, 2),
        percent(each.any_loss, 2),
        percent(each.loss_99, 2),
        each.rating if each.terms.rate is not None else "",
    )


def pool_table(found: VehicleValue) -> Table:
    """What pays in: by line what is due in all, and what comes on average."""
    spv, unit = found.deal.part(found.terms.key, Spv), 10**found.terms.currency_decimals
    rows = []
    for (name, line), due in zip(spv.lines.items(), found.terms.expected, strict=False):
        owed = "" if line.receivable is None else money(float(line.receivable.principal.value), 0)
        rate = "" if line.receivable is None else percent(float(line.receivable.rate.value), 2)
        mean = float(found.lines[name].sum())
        rows.append((line.title, owed, rate, money(sum(due) / unit, 0), money(mean, 0), line.data_stream))
    for key in found.terms.swaps:
        swap, mean = found.deal.part(key, KpiPayment), float(found.lines[key].sum())
        rows.append((swap.title, "", "", "", money(mean, 0), found.deal.kpis[swap.kpi].title))
    total = tuple(money(sum(float(row[at].replace(",", "") or 0) for row in rows), 0) for at in (3, 4))
    stated = found.assumed
    spread = f"; other revenue with a spread of {percent(stated.revenue_sd, 1)}" * bool(stated.revenue_sd)
    return Table(
        "Revenue by line",
        ("Line", "Principal", "Rate", "Due in all", "Expected", "Known by"),
        tuple(rows),
        frozenset({"Principal", "Rate", "Due in all", "Expected"}),
        (
            f"Chance of default {percent(stated.default_probability, 2)} in {HAZARD_YEARS:g} years, recovery "
            f"{percent(stated.recovery, 0)}, correlation {stated.asset_correlation:g}{spread}.",
        ),
        (("Sum", "", "", *total, ""),),
    )


def protection_table(steps: Iterable[Protected]) -> Table:
    """The tranches without any pot, and with each in turn."""
    rows = [
        (step.name, each.terms.name, *_cells(each)[1:3], *_cells(each)[5:])
        for step in steps
        for each in step.tranches
    ]
    return Table(
        "What stands before noteholders",
        ("With", "Tranche", "Price", "+-", "Loss", "Any", "99 %", "Proxy"),
        tuple(rows),
        frozenset({"Price", "+-", "Loss", "Any", "99 %"}),
        ("Each pot of the deal is switched on in turn, on the same paths.", RATING_NOTE),
    )


def protection_frame(steps: Iterable[Protected]) -> pd.DataFrame:
    """The same as numbers."""
    import pandas as pd

    return pd.DataFrame([{"with": step.name, **each.to_dict()} for step in steps for each in step.tranches])


def flows_table(found: VehicleValue) -> Table:
    """Expected revenue and payments by period, in units of the currency."""
    claims = [name for name, each in found.claims.items() if each.any()]
    revenue = np.sum(list(found.lines.values()), axis=0)
    rows = [
        (
            str(number + 1),
            period.end.isoformat(),
            money(float(revenue[number]), 0),
            *(money(float(found.claims[name][number]), 0) for name in claims),
            *(money(float(found.pots[name][number]), 0) for name in found.pots),
        )
        for number, period in enumerate(found.terms.periods)
    ]
    columns = ("Revenue", *claims, *(f"in {name}" for name in found.pots))
    return Table(
        f"Expected cash flows, {found.deal.currency.code}",
        ("No", "Period ends", *columns),
        tuple(rows),
        frozenset({"No", *columns}),
    )


Moved = tuple[str, float | None, VehicleValue]
"""An assumption, what it is moved to (None: as stated), and what follows."""


def sensitivity_frame(moved: Iterable[Moved]) -> pd.DataFrame:
    """A row for each assumption moved and tranche."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"assumption": name, "value": value, **each.to_dict()}
            for name, value, found in moved
            for each in found.tranches
        ]
    )


def sensitivity_table(moved: Iterable[Moved]) -> Table:
    """The same for people."""
    rows = [
        (
            name.replace("_", " "),
            "" if value is None else f"{value:g}",
            each.terms.name,
            *_cells(each)[1:3],
            *_cells(each)[5:],
        )
        for name, value, found in moved
        for each in found.tranches
    ]
    return Table(
        "One assumption at a time, on the same paths",
        ("Assumption", "Value", "Tranche", "Price", "+-", "Loss", "Any", "99 %", "Proxy"),
        tuple(rows),
        frozenset({"Value", "Price", "+-", "Loss", "Any", "99 %"}),
    )
