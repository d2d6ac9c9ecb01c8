"""The table of rain at gauges, as a node has it and as evidence holds it."""

from __future__ import annotations

import re

import numpy as np

from finance.terms import InputError
from oracle.methods.series import Series, decimal_text
from oracle.quality import impossible_rain

RAIN_FILE = "rain.csv"
DEPTH_DECIMALS = 2
_COLUMN = re.compile(r"rain_mm@(?P<gauge>[a-z0-9][a-z0-9-]{0,30})")


def rain_decimals(name: str) -> int:
    """Decimals of a column of the rain table. Raises KeyError for a name that is none."""
    if _COLUMN.fullmatch(name) is None:
        raise KeyError("unknown; there are columns rain_mm@GAUGE")
    return DEPTH_DECIMALS


def check_rain(rain: Series) -> Series:
    """`rain` itself. Raises InputError for a depth that cannot be."""
    for name, column in rain.columns.items():
        wrong = np.flatnonzero(column < 0)
        if len(wrong):
            shown = decimal_text(int(column[wrong[0]]), DEPTH_DECIMALS)
            raise InputError(f"{rain.source}: line {wrong[0] + 2}: {name} = {shown}: must be 0 or more")
        found = impossible_rain(column, rain.step)
        if found is not None:
            raise InputError(f"{rain.source}: line {found.step + 2}: {name}: {found.words}")
    return rain
