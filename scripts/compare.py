"""`penstock compare`: the cost of capital with and without data, side by side."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from scripts.swap_views import Paths, Seed, WithoutSwap, WithSwap

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
    with_swap: WithSwap = False,
    without_swap: WithoutSwap = False,
    paths: Paths = None,
    seed: Seed = None,
) -> None:
    """Cost of capital with and without data; for a KPI payment, the project with and without the swap."""
    from scripts.swap_views import Outputs, compare_swap, other_than, refuse, swap_deal

    if (swap := swap_deal(deal)) is not None:
        prices = other_than(risk_price, 0.25)
        refuse(deal, "KPI payment", error=error, reports=other_than(reports, 1), risk_price=prices)
        refuse(deal, "KPI payment", **{"yield": rate})
        return compare_swap(swap, Outputs(json, csv), with_swap, without_swap, paths, seed)
    refuse(deal, "bond", with_swap=with_swap, without_swap=without_swap, paths=paths, seed=seed)
    import pandas as pd

    from finance.pricing import NormalKpi
    from finance.pricing.flows import deal_flows
    from finance.pricing.sensitivity import cost_of_capital
    from finance.pricing.study import bond_market
    from finance.report.studies import capital_table
    from finance.terms import InputError, load_deal
    from scripts.console import show, show_json, writable

    if error is None:
        raise InputError(f"--error: is required for {deal}, a bond: the sd of a report's error")
    csv = writable(csv, ".csv")
    terms = load_deal(deal)
    bond = terms.bond
    flows = deal_flows(terms)
    market = bond_market(flows, float(bond.coupon.rate.value) if rate is None else rate)
    if not flows.kpi_flows:
        raise InputError(f"{deal}: a fixed bond: no KPI, and so no data, decides anything here")
    prior = NormalKpi.from_kpi(terms.kpis[flows.kpi_flows[0].kpi])
    found = cost_of_capital(flows, market, flows.periods[0].start, prior, risk_price, error, reports)
    if csv is not None:
        columns = {"without_data": asdict(found.without), "with_data": asdict(found.with_data)}
        pd.DataFrame(columns).rename_axis("measure").to_csv(csv)
    if json:
        show_json({"deal": terms.id, "terms_hash": terms.terms_hash, **asdict(found), "saving": found.saving})
    else:
        show(capital_table(found))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
