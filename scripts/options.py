"""Options that several of the analyst's commands have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DEAL = Path("deals/dc-water-eib-2016.yaml")


class KpiModel(StrEnum):
    """What the KPI is expected to be: the distribution in the deal file, or the sample of its twin."""

    INTERVAL = "interval"
    TWIN = "twin"


Solve = Annotated[
    str | None,
    typer.Option(help="KPI payments: solve the fixed payments for fair, wang, sd, sharpe or dscr."),
]
Parameter = Annotated[
    float | None,
    typer.Option(help="What --solve is to reach: price of risk, standard deviations, Sharpe ratio, DSCR."),
]
Part = Annotated[
    str | None,
    typer.Option(help="The part to value, of a deal that joins several; default: each in turn."),
]
Paths = Annotated[int | None, typer.Option(min=1, help="KPI payments: paths of the simulation.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of the Monte Carlo.")]
WithSwap = Annotated[bool, typer.Option("--with-swap", help="KPI payments: the side with the swap.")]
WithoutSwap = Annotated[bool, typer.Option("--without-swap", help="KPI payments: the side without it.")]


@dataclass(frozen=True)
class Outputs:
    """Where results go besides the terminal: JSON to stdout, or files."""

    json: bool = False
    csv: Path | None = None
    xlsx: Path | None = None
    plot: Path | None = None
    html: Path | None = None

    def checked(self) -> Outputs:
        """The same, once it is clear that the files can be written."""
        from scripts.console import writable

        writable(self.csv, ".csv"), writable(self.xlsx, ".xlsx")
        writable(self.plot, ".png", ".svg", ".pdf"), writable(self.html, ".html", ".htm")
        return self
