"""`penstock price`: value a deal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from scripts.kinds import by_kind
from scripts.options import DEFAULT_DEAL, KpiModel, Outputs, Parameter, Part, Paths, Solve

app = typer.Typer(add_completion=False)


@app.command()
def price(
    deal: Annotated[Path, typer.Argument(help="The deal file.", metavar="DEAL", show_default=False)],
    kpi: Annotated[
        KpiModel, typer.Option(help="KPI distribution: the deal file's, or the twin's sample.")
    ] = KpiModel.INTERVAL,
    discount: Annotated[
        float | None,
        typer.Option("--yield", help="Discount yield a year as a fraction (0.0343); default: the coupon."),
    ] = None,
    sample: Annotated[
        Path | None, typer.Option(help="The twin's sample; default: deals/twins/<deal id>.<kpi>.json.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the Monte Carlo.")] = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Bonds: what a unit has been worth since issue, by this day."
        ),
    ] = None,
    settled: Annotated[
        Path | None,
        typer.Option(
            help="With --at: reports, kpi,period,settled_at,value; default: what the deal file states."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write the valuation as tidy rows to this CSV file.")
    ] = None,
    xlsx: Annotated[
        Path | None, typer.Option(help="Write cash flows, valuation and inputs to this workbook.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Draw payoff and KPI distribution, or a vehicle's money, to this PNG, SVG or PDF file."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a report that needs no other file to this HTML file.")
    ] = None,
    solve: Solve = None,
    part: Part = None,
    parameter: Parameter = None,
    paths: Paths = None,
) -> None:
    """Value a deal: price, yields, tier probabilities, expected outcome; or a KPI payment and its project."""
    by_kind(
        price,
        deal,
        Outputs(json, csv, xlsx, plot, html),
        part,
        kpi=kpi,
        discount=discount,
        sample=sample,
        seed=seed,
        at=at,
        settled=settled,
        solve=solve,
        parameter=parameter,
        paths=paths,
    )


def main(deal: str = str(DEFAULT_DEAL)) -> None:
    """Entry of `brownie run price main [DEAL]`."""
    price(Path(deal))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
