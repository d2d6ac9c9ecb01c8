"""`penstock cashflows`: the cash-flow table of a deal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.price import DEFAULT_DEAL, KpiModel
from scripts.swap_views import Paths, Seed

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
    paths: Paths = None,
    seed: Seed = None,
) -> None:
    """The cash-flow table of a deal, per tier and expected, seen by the holders; or of a KPI payment."""
    from scripts.swap_views import Outputs, cashflows_swap, other_than, refuse, swap_deal

    if (swap := swap_deal(deal)) is not None:
        refuse(deal, "KPI payment", kpi=other_than(kpi, KpiModel.INTERVAL), **{"yield": discount})
        return cashflows_swap(swap, Outputs(json, csv, xlsx, plot), paths, seed)
    refuse(deal, "bond", paths=paths, seed=seed)
    from scripts.console import show, show_json, working, writable

    csv, xlsx = writable(csv, ".csv"), writable(xlsx, ".xlsx")
    plot = writable(plot, ".png", ".svg", ".pdf")
    with working(f"Cash flows of {deal.name}"):
        from finance.pricing.value import plain_rows, price
        from finance.report.files import save_csv
        from finance.report.tables import cashflow_table, inputs_table
        from finance.terms import load_deal

        valuation = price(load_deal(deal), kpi.value, discount)
        if csv is not None:
            save_csv(valuation.cashflows, csv)
        if xlsx is not None:
            from finance.report.workbook import save_workbook

            save_workbook(valuation, xlsx)
        if plot is not None:
            from finance.report.plots import cashflow_figure
            from finance.report.style import save

            save(cashflow_figure(valuation), plot, valuation.deal.title)
    if json:
        show_json(plain_rows(valuation.payments))
    else:
        show(cashflow_table(valuation), inputs_table(valuation.deal, only_assumed=True))


def main(deal: str = str(DEFAULT_DEAL)) -> None:
    """Entry of `brownie run cashflows main [DEAL]`."""
    cashflows(Path(deal))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
