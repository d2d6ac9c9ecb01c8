"""`penstock compare`: the cost of capital with and without data, side by side."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.swap_views import Paths, Seed, WithoutSwap, WithSwap

if TYPE_CHECKING:
    from finance.pricing.sensitivity import CapitalCost
    from finance.terms import Deal

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
    paths: Paths = None,
    seed: Seed = None,
) -> None:
    """Cost of capital with and without data; for a KPI payment, the project with and without the swap."""
    from scripts.swap_views import Outputs, compare_swap, other_than, refuse, swap_deal

    if (swap := swap_deal(deal)) is not None:
        prices = other_than(risk_price, 0.25)
        refuse(deal, "KPI payment", error=error, reports=other_than(reports, 1), risk_price=prices)
        refuse(deal, "KPI payment", **{"yield": rate})
        return compare_swap(swap, Outputs(json, csv, xlsx), with_swap, without_swap, paths, seed)
    refuse(deal, "bond", with_swap=with_swap, without_swap=without_swap, paths=paths, seed=seed)
    from finance.terms.problems import InputError
    from scripts.console import show, show_json, working, writable

    if error is None:
        raise InputError(f"--error: is required for {deal}, a bond: the sd of a report's error")
    csv, xlsx = writable(csv, ".csv"), writable(xlsx, ".xlsx")
    with working(f"Comparing {deal.name} with and without data"):
        import pandas as pd

        from finance.report.files import save_csv
        from finance.report.studies import capital_table
        from finance.terms import load_deal

        terms = load_deal(deal)
        found = _found(terms, str(deal), risk_price, error, reports, rate)
        if csv is not None:
            columns = {"without_data": asdict(found.without), "with_data": asdict(found.with_data)}
            save_csv(pd.DataFrame(columns).rename_axis("measure"), csv, index=True)
        if xlsx is not None:
            from finance.report.workbook import save_capital_workbook

            save_capital_workbook(found, terms, xlsx)
    if json:
        show_json({"deal": terms.id, "terms_hash": terms.terms_hash, **asdict(found), "saving": found.saving})
    else:
        show(capital_table(found))


def _found(
    terms: Deal, name: str, risk_price: float, error: float, reports: int, rate: float | None
) -> CapitalCost:
    from finance.pricing.study import deal_cost_of_capital
    from finance.terms import InputError

    try:
        return deal_cost_of_capital(terms, risk_price, error, reports, rate)
    except InputError as problem:
        raise InputError(f"{name}: {problem}") from None


def main(deal: str = "deals/dc-water-eib-2016.yaml", error: str = "0.03") -> None:
    """Entry of `brownie run compare main [DEAL] [ERROR]`."""
    compare(Path(deal), float(error))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
