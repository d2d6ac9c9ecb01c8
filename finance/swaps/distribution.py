"""How settlements are spread, period by period, and what they ask of the collateral."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from finance.swaps.periods import Floats

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, Floats]
"""Figures by name, each of shape (periods,)."""
QUANTILES: Final = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)


def settlement_columns(fixed: Floats, settlements: Floats) -> Columns:
    """By period: fixed payment, mean settlement, its standard error, sd, quantiles, chance that the payee
    pays. `settlements` to the payee have the shape (paths, periods), `fixed` (periods,).
    """
    columns = {
        "fixed": fixed,
        "mean": settlements.mean(axis=0),
        "standard_error": settlements.std(axis=0, ddof=1) / np.sqrt(len(settlements)),
        "sd": settlements.std(axis=0, ddof=1),
    }
    for q, row in zip(QUANTILES, np.quantile(settlements, QUANTILES, axis=0), strict=True):
        columns[f"q{100 * q:02.0f}"] = row
    columns["project_pays"] = (settlements < 0).mean(axis=0)
    return columns


def collateral_columns(settlements: Floats, payer: float, payee: float, recourse: bool) -> Columns:
    """By period: the chance that a side pays, which leaves it below its requirement until it tops up;
    that what it pays exceeds its collateral, so that the rest is owed and margin can be called; and the mean
    of that excess, currency.

    Both sides are taken to hold exactly `payer` and `payee` at each settlement. Without `recourse` the payee
    pays out of its revenue and is not called for what it owes.
    """
    from_payer, from_payee = np.maximum(settlements, 0), np.maximum(-settlements, 0)
    over_payer, over_payee = np.maximum(from_payer - payer, 0), np.maximum(from_payee - payee, 0)
    return {
        "payer_pays": (from_payer > 0).mean(axis=0),
        "payer_exceeds": (over_payer > 0).mean(axis=0),
        "payer_excess": over_payer.mean(axis=0),
        "payee_pays": (from_payee > 0).mean(axis=0),
        "payee_exceeds": (over_payee > 0).mean(axis=0),
        "payee_excess": over_payee.mean(axis=0),
        "payee_called": (over_payee > 0).mean(axis=0) * recourse,
    }


def period_rows(labels: Sequence[str], columns: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """One row a period as plain data, its label first."""
    return [
        {"period": label, **{name: float(column[k]) for name, column in columns.items()}}
        for k, label in enumerate(labels)
    ]


def period_frame(labels: Sequence[str], columns: Mapping[str, Floats]) -> pd.DataFrame:
    """One row a period, indexed by its label."""
    import pandas as pd  # a second to load, for files alone

    return pd.DataFrame(dict(columns), index=pd.Index(list(labels), name="period"))
