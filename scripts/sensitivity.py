"""`penstock sensitivity`: what a bond is worth at a date, and what moves it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from scripts.price import KpiModel
from scripts.swap_views import Paths, Seed

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
    plot: Annotated[Path | None, typer.Option(help="Draw those curves to this PNG, SVG or PDF file.")] = None,
    paths: Paths = None,
    seed: Seed = None,
) -> None:
    """Prices at a date, spreads, KPI delta and vega, fair coupon, reports; or what moves a KPI payment."""
    from scripts.swap_views import Outputs, other_than, refuse, sensitivity_swap, swap_deal

    if (swap := swap_deal(deal)) is not None:
        model, plain = other_than(kpi, KpiModel.INTERVAL), other_than(spread, 0.0)
        refuse(deal, "KPI payment", at=at, spread=plain, quote=quote, kpi=model, report=report, error=error)
        refuse(deal, "KPI payment", **{"yield": rate})
        return sensitivity_swap(swap, Outputs(json, csv, plot=plot), paths, seed)
    refuse(deal, "bond", paths=paths, seed=seed)
    from finance.pricing.data_value import price_path
    from finance.pricing.engine import joint_report
    from finance.pricing.measures import weights
    from finance.pricing.study import price_curves, study
    from finance.pricing.value import deal_expectation
    from finance.report.studies import payments_table, reports_table, save_study_plot, study_table
    from finance.report.tables import inputs_table
    from finance.terms import InputError, load_deal
    from scripts.console import show, show_json, writable

    csv, plot = writable(csv, ".csv"), writable(plot, ".png", ".svg", ".pdf")
    if report and error is None:
        raise InputError("--report: needs --error, the standard deviation of a report's error")
    terms = load_deal(deal)
    outlook = deal_expectation(terms, kpi.value)
    bond = terms.bond
    used = float(bond.coupon.rate.value) if rate is None else rate
    found = study(terms, outlook, used, spread, at.date() if at else None, quote)
    tables, content = [study_table(found), payments_table(found)], found.to_dict()
    if report and error is not None:
        joint = joint_report(found.flows)
        if joint is None or found.process is None:
            raise InputError("--report: needs a claim that one KPI report decides")
        worth = float(weights(found.flows, found.market, found.settle)[1] @ joint)
        left = found.flows.outstanding(found.settle)
        path = price_path(found.flows.kpi_flows[0], found.process, report, error, worth, left)
        tables.append(reports_table(path))
        records = path.astype(object).where(path.notna(), None).to_dict(orient="records")
        content["reports"] = records
    if csv is not None:
        price_curves(found).to_csv(csv, index=False)
    if plot is not None:
        save_study_plot(found, plot)
    if json:
        show_json(content)
    else:
        show(*tables, inputs_table(terms, only_assumed=True))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
