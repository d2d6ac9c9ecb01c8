"""What the analyst's commands show for a deal with a KPI payment; bonds go on in the commands themselves.

A command asks `swap_deal` first and hands over when there is a deal. Options that do not fit the deal are
refused by `refuse`, one line each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from finance.report.swap_frames import View
    from finance.terms import Deal

Solve = Annotated[
    str | None,
    typer.Option(help="KPI payments: solve the fixed payments for fair, wang, sd, sharpe or dscr."),
]
Parameter = Annotated[
    float | None,
    typer.Option(help="What --solve is to reach: price of risk, standard deviations, Sharpe ratio, DSCR."),
]
Paths = Annotated[int | None, typer.Option(min=1, help="KPI payments: paths of the simulation.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of the Monte Carlo.")]
WithSwap = Annotated[bool, typer.Option("--with-swap", help="KPI payments: the side with the swap.")]
WithoutSwap = Annotated[bool, typer.Option("--without-swap", help="KPI payments: the side without it.")]

DEFAULT_SEED = 1
PROJECT_PATHS = 10_000
MOST_PATHS = 200_000  # of which a decade of quarters takes about a gigabyte
SENSITIVITY_PATHS = 4_000  # thirteen runs, whose common numbers make up for fewer paths


@dataclass(frozen=True)
class Outputs:
    """Where results go besides the terminal: JSON to stdout, or files."""

    json: bool = False
    csv: Path | None = None
    xlsx: Path | None = None
    plot: Path | None = None
    html: Path | None = None

    def checked(self) -> Outputs:
        """The same, once it is clear that the files can be written."""
        from scripts.console import writable

        writable(self.csv, ".csv"), writable(self.xlsx, ".xlsx")
        writable(self.plot, ".png", ".svg", ".pdf"), writable(self.html, ".html", ".htm")
        return self


def swap_deal(path: Path) -> Deal | None:
    """The deal at `path` if it has a KPI payment, None if it is a bond's. Raises as `load_deal` does."""
    from finance.terms import load_deal
    from finance.terms.swap import KpiPayment

    deal = load_deal(path)
    return deal if any(isinstance(claim, KpiPayment) for claim in deal.claims.values()) else None


def refuse(deal: Path, what: str, **options: Any) -> None:
    """Raise InputError when an option was given that means nothing for a deal with a `what`."""
    from finance.terms import InputError

    for name, value in options.items():
        if value is not None and value is not False and value != []:
            raise InputError(f"--{name.replace('_', '-')}: {deal} has a {what}, for which it means nothing")


def path_count(paths: int | None, default: int) -> int:
    """How many paths to simulate. Raises InputError for more than fit into memory."""
    from finance.terms import InputError

    if paths is not None and paths > MOST_PATHS:
        raise InputError(f"--paths = {paths}: at most {MOST_PATHS:,}")
    return default if paths is None else paths


def other_than(value: Any, default: Any) -> Any:
    """`value`, or None when it is the default of its option, so that nobody gave it."""
    return None if value == default else value


def price_swap(
    deal: Deal,
    outputs: Outputs,
    solve: str | None,
    parameter: float | None,
    paths: int | None,
    seed: int | None,
) -> None:
    """`penstock price`: value, terms, settlements, hedge, project and units."""
    from finance.report.files import save_csv
    from finance.report.swap_frames import view_frame
    from finance.report.swaps import price_tables
    from scripts.console import show, show_json

    outputs.checked()
    view = value(deal, solve, parameter, paths, seed)
    if outputs.csv is not None:
        save_csv(view_frame(view), outputs.csv)
    if outputs.xlsx is not None:
        _workbook(view, outputs.xlsx)
    if outputs.plot is not None:
        from finance.report.swap_plots import save_swap_plot

        save_swap_plot(view, outputs.plot)
    if outputs.html is not None:
        from finance.report.swap_page import save_swap_page
        from scripts.price import command_line

        save_swap_page(view, outputs.html, command_line())
    if outputs.json:
        show_json(view.to_dict())
    else:
        show(*price_tables(view))


def compare_swap(
    deal: Deal, outputs: Outputs, with_swap: bool, without_swap: bool, paths: int | None, seed: int | None
) -> None:
    """`penstock compare`: both sides, or the one that was asked for."""
    from finance.report.files import save_csv
    from finance.report.swap_compare import comparison, comparison_frame
    from finance.report.workbook import save_frames
    from scripts.console import show, show_json

    outputs.checked()
    asked = {"without_swap": without_swap, "with_swap": with_swap}
    sides = tuple(name for name, given in asked.items() if given) or tuple(asked)
    view = value(deal, None, None, paths, seed)
    table, content = comparison(view, sides)
    if outputs.csv is not None:
        save_csv(comparison_frame(view, sides), outputs.csv)
    if outputs.xlsx is not None:
        save_frames({"Comparison": comparison_frame(view, sides)}, outputs.xlsx, deal)
    if outputs.json:
        show_json(content)
    else:
        show(table)


def cashflows_swap(deal: Deal, outputs: Outputs, paths: int | None, seed: int | None) -> None:
    """`penstock cashflows`: what each period is expected to bring, and to whom."""
    from finance.report.files import save_csv
    from finance.report.swap_frames import cashflow_frame
    from finance.report.swaps import cashflows_table
    from finance.report.tables import inputs_table
    from finance.report.workbook import save_frames
    from scripts.console import show, show_json

    outputs.checked()
    view = value(deal, None, None, paths, seed)
    frame = cashflow_frame(view)
    if outputs.csv is not None:
        save_csv(frame, outputs.csv)
    if outputs.xlsx is not None:
        save_frames({"Cash flows": frame}, outputs.xlsx, deal)
    if outputs.plot is not None:
        from finance.report.swap_plots import save_swap_plot

        save_swap_plot(view, outputs.plot)
    if outputs.json:
        show_json(frame.to_dict(orient="records"))
    else:
        show(cashflows_table(view), inputs_table(deal, only_assumed=True))


def sensitivity_swap(deal: Deal, outputs: Outputs, paths: int | None, seed: int | None) -> None:
    """`penstock sensitivity`: one assumption at a time, on the same random numbers."""
    from finance.report.files import save_csv
    from finance.report.swaps import sensitivity_table
    from finance.report.tables import inputs_table
    from finance.report.workbook import save_frames
    from finance.swaps.bumps import PROJECT_BUMPS, index_sensitivity, project_sensitivity
    from finance.swaps.wind import is_wind
    from scripts.console import show, show_json, working

    outputs.checked()
    if is_wind(deal):
        with working("Moving one assumption at a time", len(PROJECT_BUMPS) + 1) as step:
            count, used = path_count(paths, SENSITIVITY_PATHS), DEFAULT_SEED if seed is None else seed
            found = project_sensitivity(deal, count, used, lambda done, _: step(done))
    else:
        refuse(deal.file or Path(deal.id), "KPI in closed form", paths=paths, seed=seed)
        found = index_sensitivity(deal)
    if outputs.csv is not None:
        save_csv(found.frame(), outputs.csv)
    if outputs.xlsx is not None:
        save_frames({"Sensitivity": found.frame()}, outputs.xlsx, deal)
    if outputs.plot is not None:
        from finance.report.swap_plots import save_sensitivity_plot

        save_sensitivity_plot(found, outputs.plot)
    if outputs.json:
        show_json(found.to_dict())
    else:
        show(sensitivity_table(found), inputs_table(deal, only_assumed=True))


def value(
    deal: Deal, solve: str | None, parameter: float | None, paths: int | None, seed: int | None
) -> View:
    """The deal's KPI payment valued by what its KPI is: proxy revenue of a wind plant, or any other."""
    from finance.swaps.index import PATHS, index_swap
    from finance.swaps.project import project_swap
    from finance.swaps.wind import is_wind
    from scripts.console import working

    used = DEFAULT_SEED if seed is None else seed
    count = path_count(paths, PROJECT_PATHS if is_wind(deal) else PATHS)
    with working("Simulating", count) as step:
        if is_wind(deal):
            return project_swap(deal, solve, parameter, count, used, lambda done, _: step(done))
        return index_swap(deal, solve, parameter, count, used)


def _workbook(view: View, path: Path) -> None:
    from finance.report.swap_compare import comparison_frame
    from finance.report.swap_frames import cashflow_frame, labels, settlements, view_frame
    from finance.report.workbook import save_frames
    from finance.swaps.distribution import period_frame
    from finance.swaps.project import ProjectSwap

    sheets = {
        "Valuation": view_frame(view),
        "Settlements": period_frame(labels(view), settlements(view)).reset_index(),
        "Collateral": period_frame(labels(view), view.collateral).reset_index(),
        "Cash flows": cashflow_frame(view),
    }
    if isinstance(view, ProjectSwap) or view.revenue is not None:
        sheets["Comparison"] = comparison_frame(view, ("without_swap", "with_swap"))
    save_frames(sheets, path, view.deal)
