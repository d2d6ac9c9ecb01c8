"""`penstock price`: value a deal."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scripts.swap_views import Parameter, Paths, Solve

DEFAULT_DEAL = Path("deals/dc-water-eib-2016.yaml")

app = typer.Typer(add_completion=False)


class KpiModel(StrEnum):
    """What the KPI is expected to be: the distribution in the deal file, or the sample of its twin."""

    INTERVAL = "interval"
    TWIN = "twin"


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
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write the valuation as tidy rows to this CSV file.")
    ] = None,
    xlsx: Annotated[
        Path | None, typer.Option(help="Write cash flows, valuation and inputs to this workbook.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw payoff and KPI distribution to this PNG, SVG or PDF file.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a report that needs no other file to this HTML file.")
    ] = None,
    solve: Solve = None,
    parameter: Parameter = None,
    paths: Paths = None,
) -> None:
    """Value a deal: price, yields, tier probabilities, expected outcome; or a KPI payment and its project."""
    from scripts.swap_views import Outputs, other_than, price_swap, refuse, swap_deal

    if (swap := swap_deal(deal)) is not None:
        model = other_than(kpi, KpiModel.INTERVAL)
        refuse(deal, "KPI payment", kpi=model, sample=sample, **{"yield": discount})
        return price_swap(swap, Outputs(json, csv, xlsx, plot, html), solve, parameter, paths, seed)
    refuse(deal, "bond", solve=solve, parameter=parameter, paths=paths)
    from finance.terms import InputError
    from scripts.console import show, show_json, working, writable

    csv, xlsx, html = writable(csv, ".csv"), writable(xlsx, ".xlsx"), writable(html, ".html", ".htm")
    plot = writable(plot, ".png", ".svg", ".pdf")
    if sample is not None and kpi is not KpiModel.TWIN:
        raise InputError("--sample: needs --kpi twin")
    with working(f"Pricing {deal.name}"):
        from finance.pricing.value import DEFAULT_SEED
        from finance.pricing.value import price as value
        from finance.report.files import save_csv
        from finance.report.tables import beside_table, inputs_table, valuation_frame, valuation_tables
        from finance.terms import load_deal

        terms, used_seed = load_deal(deal), DEFAULT_SEED if seed is None else seed
        valuation = value(terms, kpi.value, discount, used_seed, sample)
        if csv is not None:
            save_csv(valuation_frame(valuation), csv)
        if xlsx is not None:
            from finance.report.workbook import save_workbook

            save_workbook(valuation, xlsx)
        if plot is not None:
            from finance.report.plots import save_payoff_plot

            save_payoff_plot(valuation, plot)
        if html is not None:
            from finance.report.page import save_page

            save_page(valuation, html, command_line())
        tables = valuation_tables(valuation)
        if kpi is KpiModel.TWIN:
            tables.append(beside_table([value(terms, "interval", discount, used_seed), valuation]))
    if json:
        show_json(valuation.to_dict())
    else:
        show(*tables, inputs_table(valuation.deal, only_assumed=True))


def command_line() -> str:
    """The command as it was typed, so that a report can say how it is made again."""
    import shlex

    name = Path(sys.argv[0]).name
    start = "penstock" if name in ("penstock", "__main__.py") else f"python {sys.argv[0]}"
    return shlex.join([*start.split(), *sys.argv[1:]])


def main(deal: str = str(DEFAULT_DEAL)) -> None:
    """Entry of `brownie run price main [DEAL]`."""
    price(Path(deal))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
