"""A rating proxy: the best rating whose ten-year chance of default is not exceeded.

The chances are Moody's rating factors over 10,000, as printed by HSBC's pyratings (github.com/hsbc/pyratings,
src/pyratings/warf.py, commit 86ad15c, 2025-06-16). That a factor stands for a ten-year chance of default:
Investopedia, Weighted Average Rating Factor (2021). Of the idealised tables this is the ten-year column of
default alone; the expected losses and the other years were in no source that could be checked.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from finance.terms.problems import InputError

RATING_FACTORS: Final = {
    "Aaa": 1,
    "Aa1": 10,
    "Aa2": 20,
    "Aa3": 40,
    "A1": 70,
    "A2": 120,
    "A3": 180,
    "Baa1": 260,
    "Baa2": 360,
    "Baa3": 610,
    "Ba1": 940,
    "Ba2": 1350,
    "Ba3": 1766,
    "B1": 2220,
    "B2": 2720,
    "B3": 3490,
    "Caa1": 4770,
    "Caa2": 6500,
    "Caa3": 8070,
}
"""Ten-year chance of default in hundredths of a per cent, by rating (see the module for the source)."""
LOWEST: Final = "Ca"
FACTOR_YEARS: Final = 10.0
RATING_NOTE: Final = (
    "Proxy from the chance of any loss alone, by ten-year rating factors; other horizons at a constant "
    "intensity, which is assumed. Not a rating, nor an agency's method."
)


def rating_proxy(chance: float, years: float = FACTOR_YEARS) -> str:
    """The proxy for a `chance` of any loss within `years`; below Caa3 it is Ca.

    Over other than ten years the chance is first brought to ten at a constant intensity (ours, ASSUMED).

    >>> rating_proxy(0.0061), rating_proxy(0.061), rating_proxy(0.0611), rating_proxy(0.01, 1.0)
    ('A1', 'Baa3', 'Ba1', 'Ba2')
    """
    if not (0 <= chance <= 1 and years > 0):
        raise InputError(f"chance = {chance:g} within {years:g} years: must be a chance over some time")
    with np.errstate(divide="ignore"):
        over_ten = float(-np.expm1(np.log1p(-chance) * FACTOR_YEARS / years))
    for rating, factor in RATING_FACTORS.items():
        if over_ten <= factor / 10_000 + 1e-12:  # a chance on the edge has its rating but for the last digit
            return rating
    return LOWEST
