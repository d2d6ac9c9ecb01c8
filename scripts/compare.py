"""`penstock compare`: the cost of capital with and without data, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.kinds import by_kind
from scripts.options import Outputs, Part, Paths, Seed, WithoutSwap, WithSwap

app = typer.Typer(add_completion=False)


@app.command()
def compare(
    deal: Annotated[Path, typer.Argument(help="The deal file.", metavar="DEAL", show_default=False)],
    error: Annotated[
        float | None, typer.Option(help="Assumed standard deviation of a report's error, KPI's unit (bonds).")
    ] = None,
    reports: Annotated[int, typer.Option(min=1, help="Reports before the bond is priced.")] = 1,
    risk_price: Annotated[
        float, typer.Option(help="Assumed price of risk: what a buyer wants per standard deviation.")
    ] = 0.25,
    rate: Annotated[
        float | None,
        typer.Option("--yield", help="Discount yield a year as a fraction; default: the coupon."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write the comparison to this CSV file.")] = None,
    xlsx: Annotated[
        Path | None, typer.Option(help="Write the comparison and the deal's inputs to this workbook.")
    ] = None,
    with_swap: WithSwap = False,
    without_swap: WithoutSwap = False,
    part: Part = None,
    paths: Paths = None,
    seed: Seed = None,
) -> None:
    """Cost of capital with and without data; for a KPI payment, the project with and without the swap."""
    by_kind(
        compare,
        deal,
        Outputs(json, csv, xlsx),
        part,
        error=error,
        reports=reports,
        risk_price=risk_price,
        rate=rate,
        with_swap=with_swap,
        without_swap=without_swap,
        paths=paths,
        seed=seed,
    )


def main(deal: str = "deals/dc-water-eib-2016.yaml", error: str = "0.03") -> None:
    """Entry of `brownie run compare main [DEAL] [ERROR]`."""
    compare(Path(deal), float(error))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
