"""How settlements are spread, period by period, and what they ask of the collateral."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from finance.swaps.periods import Floats

QUANTILES: Final = (0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99)


def settlement_table(labels: Sequence[str], fixed: Floats, settlements: Floats) -> pd.DataFrame:
    """One row a period: fixed payment, mean settlement, its standard error, sd, quantiles, chance that the
    payee pays. `settlements` to the payee have the shape (paths, periods), `fixed` (periods,).
    """
    columns: dict[str, Floats] = {
        "fixed": fixed,
        "mean": settlements.mean(axis=0),
        "standard_error": settlements.std(axis=0, ddof=1) / np.sqrt(len(settlements)),
        "sd": settlements.std(axis=0, ddof=1),
    }
    for q, row in zip(QUANTILES, np.quantile(settlements, QUANTILES, axis=0), strict=True):
        columns[f"q{100 * q:02.0f}"] = row
    columns["project_pays"] = (settlements < 0).mean(axis=0)
    return pd.DataFrame(columns, index=pd.Index(list(labels), name="period"))


def collateral_table(
    labels: Sequence[str], settlements: Floats, payer: float, payee: float, recourse: bool
) -> pd.DataFrame:
    """One row a period: the chance that a side pays, which leaves it below its requirement until it tops up;
    that what it pays exceeds its collateral, so that the rest is owed and margin can be called; and the mean
    of that excess, currency.

    Both sides are taken to hold exactly `payer` and `payee` at each settlement. Without `recourse` the payee
    pays out of its revenue and is not called for what it owes.
    """
    from_payer, from_payee = np.maximum(settlements, 0), np.maximum(-settlements, 0)
    over_payer, over_payee = np.maximum(from_payer - payer, 0), np.maximum(from_payee - payee, 0)
    columns = {
        "payer_pays": (from_payer > 0).mean(axis=0),
        "payer_exceeds": (over_payer > 0).mean(axis=0),
        "payer_excess": over_payer.mean(axis=0),
        "payee_pays": (from_payee > 0).mean(axis=0),
        "payee_exceeds": (over_payee > 0).mean(axis=0),
        "payee_excess": over_payee.mean(axis=0),
        "payee_called": (over_payee > 0).mean(axis=0) * recourse,
    }
    return pd.DataFrame(columns, index=pd.Index(list(labels), name="period"))
