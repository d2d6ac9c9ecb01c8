"""What the commands do for a KPI payment, with or without a project whose revenue is sold in units."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.kinds import offered
from scripts.options import Outputs

if TYPE_CHECKING:
    from finance.report.swap_frames import View
    from finance.settlement.swap_terms import SwapTerms
    from finance.terms import Deal

TITLE: Final = "KPI payment"
LIVED: Final = "scripts.kinds.payment_lived"
DEFAULT_SEED = 1
PROJECT_PATHS = 10_000
MOST_PATHS = 200_000  # of which a decade of quarters takes about a gigabyte
SENSITIVITY_PATHS = 4_000  # thirteen runs, whose common numbers make up for fewer paths


def path_count(paths: int | None, default: int) -> int:
    """How many paths to simulate. Raises InputError for more than fit into memory."""
    from finance.terms import InputError

    if paths is not None and paths > MOST_PATHS:
        raise InputError(f"--paths = {paths}: at most {MOST_PATHS:,}")
    return default if paths is None else paths


def price(
    deal: Deal,
    solve: str | None,
    parameter: float | None,
    paths: int | None,
    seed: int | None,
    outputs: Outputs,
) -> None:
    """Value, terms, settlements, hedge, project and units."""
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
        from scripts.console import command_line

        save_swap_page(view, outputs.html, command_line())
    if outputs.json:
        show_json(view.to_dict())
    else:
        show(*price_tables(view))


def compare(
    deal: Deal, with_swap: bool, without_swap: bool, paths: int | None, seed: int | None, outputs: Outputs
) -> None:
    """With and without the swap, or the one that was asked for."""
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


def cashflows(deal: Deal, paths: int | None, seed: int | None, outputs: Outputs) -> None:
    """What each period is expected to bring, and to whom."""
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


def sensitivity(deal: Deal, paths: int | None, seed: int | None, outputs: Outputs) -> None:
    """One assumption at a time, on the same random numbers."""
    from finance.report.files import save_csv
    from finance.report.swaps import sensitivity_table
    from finance.report.tables import inputs_table
    from finance.report.workbook import save_frames
    from finance.swaps.bumps import PROJECT_BUMPS, index_sensitivity, project_sensitivity
    from finance.swaps.wind import is_wind
    from finance.terms import InputError
    from scripts.console import show, show_json, working

    outputs.checked()
    if is_wind(deal):
        with working("Moving one assumption at a time", len(PROJECT_BUMPS) + 1) as step:
            count, used = path_count(paths, SENSITIVITY_PATHS), DEFAULT_SEED if seed is None else seed
            found = project_sensitivity(deal, count, used, lambda done, _: step(done))
    else:
        for name, given in (("paths", paths), ("seed", seed)):
            if given is not None:
                raise InputError(
                    f"--{name}: {deal.file or deal.id} has a KPI in closed form, for which it means nothing"
                )
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


# -- on a chain


def about(deal: Deal) -> Iterator[tuple[str, str]]:
    """What was agreed."""
    from chain.network import when
    from finance.report.text import counted, token_money
    from finance.settlement.kpi_payment import CloseOutRule
    from finance.settlement.swap_terms import swap_terms

    terms = swap_terms(deal)
    swap = terms.payment
    first, last = swap.periods[0].pay_date, swap.periods[-1].pay_date
    paid = when(first) if first == last else f"{when(first)} to {when(last)}"
    yield "agreed", f"{terms.name}: {counted(len(swap.periods), 'period')}, paid {paid}"
    posted = [f"{side} {token_money(need, deal.currency)}" for side, need in _collateral(terms)]
    rule = {
        CloseOutRule.MODEL_VALUE: "by model value",
        CloseOutRule.LAST_FIXING: "by the last fixing",
        CloseOutRule.REPLACEMENT_COST: "by replacement cost",
    }[swap.close_out_rule]
    limited = ", the payee of limited recourse" if swap.limited_recourse else ""
    yield "collateral", f"{', '.join(posted) or 'none'}; close-out {rule}{limited}"
    if terms.project is not None:
        yield "offering", offered(terms.project, deal.currency)


def _collateral(terms: SwapTerms) -> list[tuple[str, int]]:
    return [
        (side, need) for side, need in zip(("payer", "payee"), terms.payment.required, strict=True) if need
    ]
