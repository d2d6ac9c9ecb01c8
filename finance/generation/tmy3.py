"""NREL's typical meteorological years (TMY3): the files that pvlib ships, and their columns by name.

Read where they lie: importing pvlib takes a second, and needs none of it. S. Wilcox and W. Marion, Users
Manual for TMY3 Data Sets, NREL/TP-581-43156, 2008.
"""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from finance.generation.tables import Floats
from finance.terms.problems import InputError

HEADER_LINES = 2  # the station, and the names of the columns


def packaged(name: str) -> Path:
    """Where pvlib keeps its data file `name`; raises InputError when there is none."""
    spec = find_spec("pvlib")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"{name}: the package pvlib, which ships it, is not installed")
    file = Path(spec.submodule_search_locations[0]) / "data" / name
    if not file.is_file():
        raise InputError(f"{name}: pvlib ships no such file")
    return file


def tmy3_columns(file: Path, *names: str) -> tuple[Floats, ...]:
    """The hourly values of the columns `names` (as in the file's second line, `Wspd (m/s)`), each (n).

    Raises InputError for a file that is no TMY3, that has no such column, or a cell that is no number.
    """
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            stream.readline()
            head = next(csv.reader(stream), [])
        wanted = [head.index(name) for name in names]
        values = np.loadtxt(file, delimiter=",", skiprows=HEADER_LINES, usecols=wanted, ndmin=2)
    except ValueError as error:  # also what is not UTF-8
        raise InputError(f"{file}: no TMY3 file with {', '.join(names)}: {error}") from None
    return tuple(np.ascontiguousarray(column) for column in values.T)
