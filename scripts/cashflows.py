"""`penstock cashflows`: the cash-flow table of a deal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.kinds import by_kind
from scripts.options import DEFAULT_DEAL, KpiModel, Outputs, Part, Paths, Seed

app = typer.Typer(add_completion=False)


@app.command()
def cashflows(
    deal: Annotated[Path, typer.Argument(help="The deal file.", metavar="DEAL", show_default=False)],
    kpi: Annotated[
        KpiModel, typer.Option(help="KPI distribution behind the expected column.")
    ] = KpiModel.INTERVAL,
    discount: Annotated[
        float | None,
        typer.Option("--yield", help="Discount yield a year as a fraction (0.0343); default: the coupon."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
    xlsx: Annotated[
        Path | None, typer.Option(help="Write the table and its inputs to this workbook.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the payments to this PNG, SVG or PDF file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    part: Part = None,
    paths: Paths = None,
    seed: Seed = None,
) -> None:
    """The cash-flow table of a deal, per tier and expected, seen by the holders; or of a KPI payment."""
    by_kind(
        cashflows,
        deal,
        Outputs(json, csv, xlsx, plot),
        part,
        kpi=kpi,
        discount=discount,
        paths=paths,
        seed=seed,
    )


def main(deal: str = str(DEFAULT_DEAL)) -> None:
    """Entry of `brownie run cashflows main [DEAL]`."""
    cashflows(Path(deal))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
