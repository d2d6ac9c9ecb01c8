"""`penstock sensitivity`: what a bond is worth at a date, and what moves it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from scripts.kinds import by_kind
from scripts.options import KpiModel, Outputs, Part, Paths, Seed

app = typer.Typer(add_completion=False)


@app.command()
def sensitivity(
    deal: Annotated[Path, typer.Argument(help="The deal file.", metavar="DEAL", show_default=False)],
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date; default: the start of interest.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--yield", help="Riskless yield a year as a fraction; default: the coupon."),
    ] = None,
    spread: Annotated[float, typer.Option(help="Spread of a plain bond of the issuer, a fraction.")] = 0.0,
    quote: Annotated[float | None, typer.Option(help="A quoted clean price: show its greenium.")] = None,
    kpi: Annotated[
        KpiModel, typer.Option(help="The deal file's KPI distribution, or the twin's sample.")
    ] = KpiModel.INTERVAL,
    report: Annotated[
        list[float] | None, typer.Option(help="A KPI report that has arrived; may be repeated.")
    ] = None,
    error: Annotated[float | None, typer.Option(help="Standard deviation of a report's error.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write price against KPI mean and yield to CSV.")] = None,
    xlsx: Annotated[
        Path | None, typer.Option(help="Write measures, payments, curves and inputs to this workbook.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw those curves to this PNG, SVG or PDF file.")] = None,
    part: Part = None,
    paths: Paths = None,
    seed: Seed = None,
) -> None:
    """Prices at a date, spreads, KPI delta and vega, fair coupon, reports; or what moves a KPI payment."""
    by_kind(
        sensitivity,
        deal,
        Outputs(json, csv, xlsx, plot),
        part,
        at=at,
        rate=rate,
        spread=spread,
        quote=quote,
        kpi=kpi,
        report=report,
        error=error,
        paths=paths,
        seed=seed,
    )


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
