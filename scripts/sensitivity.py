"""`penstock sensitivity`: what a bond is worth at a date, and what moves it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.price import KpiModel
from scripts.swap_views import Paths, Seed

if TYPE_CHECKING:
    import pandas as pd

    from finance.pricing.study import Study
    from finance.terms import Deal

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
    paths: Paths = None,
    seed: Seed = None,
) -> None:
    """Prices at a date, spreads, KPI delta and vega, fair coupon, reports; or what moves a KPI payment."""
    from scripts.swap_views import Outputs, other_than, refuse, sensitivity_swap, swap_deal

    if (swap := swap_deal(deal)) is not None:
        model, plain = other_than(kpi, KpiModel.INTERVAL), other_than(spread, 0.0)
        refuse(deal, "KPI payment", at=at, spread=plain, quote=quote, kpi=model, report=report, error=error)
        refuse(deal, "KPI payment", **{"yield": rate})
        return sensitivity_swap(swap, Outputs(json, csv, xlsx, plot), paths, seed)
    refuse(deal, "bond", paths=paths, seed=seed)
    from finance.terms.problems import InputError
    from scripts.console import show, show_json, working, writable

    csv, xlsx = writable(csv, ".csv"), writable(xlsx, ".xlsx")
    plot = writable(plot, ".png", ".svg", ".pdf")
    if report and error is None:
        raise InputError("--report: needs --error, the standard deviation of a report's error")
    if error is not None and not report:
        raise InputError("--error: needs --report, a KPI report that has arrived")
    with working(f"Studying {deal.name}"):
        from finance.pricing.study import price_curves, study
        from finance.pricing.value import deal_expectation
        from finance.report.files import save_csv
        from finance.report.studies import payments_table, reports_table, save_study_plot, study_table
        from finance.report.tables import inputs_table
        from finance.terms import load_deal

        terms, day = load_deal(deal), at.date() if at else None
        if day is not None:
            _check_known(terms, day)
        outlook = deal_expectation(terms, kpi.value)
        bond = terms.bond
        used = float(bond.coupon.rate.value) if rate is None else rate
        found = study(terms, outlook, used, spread, day, quote)
        tables, content = [study_table(found), payments_table(found)], found.to_dict()
        path = _reports(found, report, error) if report and error is not None else None
        if path is not None:
            tables.append(reports_table(path, terms.kpis[found.flows.kpi_flows[0].kpi]))
            content["reports"] = path.astype(object).where(path.notna(), None).to_dict(orient="records")
        if csv is not None:
            save_csv(price_curves(found), csv)
        if xlsx is not None:
            from finance.report.workbook import save_study_workbook

            save_study_workbook(found, xlsx, path)
        if plot is not None:
            save_study_plot(found, plot)
    if json:
        show_json(content)
    else:
        show(*tables, inputs_table(terms, only_assumed=True))


def _reports(found: Study, reports: list[float], error: float) -> pd.DataFrame:
    """The outcome's price before and after each of `reports`."""
    from finance.pricing.data_value import price_path
    from finance.pricing.engine import joint_report
    from finance.pricing.measures import weights
    from finance.terms.problems import InputError
    from finance.terms.rule_parts import outside_bounds

    joint = joint_report(found.flows)
    if joint is None or found.process is None:
        raise InputError("--report: needs a claim that one KPI report decides")
    kpi = found.deal.kpis[found.flows.kpi_flows[0].kpi]
    for value in reports:
        low, high = kpi.bounds.minimum.value, kpi.bounds.maximum.value
        if not isfinite(value):
            raise InputError(f"--report = {value:g}: must be a finite number")
        if not low <= value <= high:
            raise InputError(f"--report = {value:g}: {outside_bounds(kpi, Decimal(str(value)))}")
    worth = float(weights(found.flows, found.market, found.settle)[1] @ joint)
    left = found.flows.outstanding(found.settle)
    return price_path(found.flows.kpi_flows[0], found.process, reports, error, worth, left)


def _check_known(terms: Deal, day: date) -> None:
    """Raise InputError when a payment after `day` hangs on a KPI that has been measured by then."""
    from finance.pricing.flows import deal_flows
    from finance.terms.problems import InputError

    for flow in deal_flows(terms).kpi_flows:
        if flow.observed <= day < flow.paid:
            raise InputError(
                f"--at {day}: the KPI is observed by {day} (on {flow.observed}), and the deal file does not "
                "hold its report: take an earlier date"
            )


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
