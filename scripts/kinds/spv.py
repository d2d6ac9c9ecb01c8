"""What the commands do for a vehicle and its tranches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from scripts.kinds import offered
from scripts.options import Outputs

if TYPE_CHECKING:
    import pandas as pd

    from finance.report.table import Table
    from finance.terms import Deal

TITLE: Final = "vehicle"
LIVED: Final = "scripts.kinds.spv_lived"
DEFAULT_SEED = 1
MOST_PATHS = 200_000


def price(deal: Deal, paths: int | None, seed: int | None, outputs: Outputs) -> None:
    """What each tranche is worth, what it loses, and what stands before it."""
    from finance.report.tables import inputs_table
    from finance.report.vehicle import pool_table, protection_frame, protection_table, tranche_table
    from finance.securitisation.vehicle import protection, value_vehicle
    from scripts.console import working

    count, used = _checked(outputs, paths, seed)
    with working(f"Simulating {deal.file.name if deal.file else deal.id}"):
        found = value_vehicle(deal, count, used)
        steps = protection(deal, count, used)
    frame = protection_frame(steps)
    if outputs.plot is not None:
        from finance.report.vehicle_plots import save_money_plot

        save_money_plot(deal, outputs.plot)
    if outputs.html is not None:
        from finance.report.vehicle_page import save_vehicle_page
        from scripts.console import command_line

        save_vehicle_page(found, steps, outputs.html, command_line())
    tables = (tranche_table(found), protection_table(steps), pool_table(found))
    said = {**found.to_dict(), "protection": _rows(frame)}
    sheets = {"Tranches": frame, "Cash flows": found.frame}
    _told(deal, outputs, sheets, said, *tables, inputs_table(deal, only_assumed=True))


def cashflows(deal: Deal, paths: int | None, seed: int | None, outputs: Outputs) -> None:
    """What each period is expected to bring, and to whom."""
    from finance.report.tables import inputs_table
    from finance.report.vehicle import flows_table
    from finance.securitisation.vehicle import value_vehicle
    from scripts.console import working

    count, used = _checked(outputs, paths, seed)
    with working("Simulating"):
        found = value_vehicle(deal, count, used)
    if outputs.plot is not None:
        from finance.report.vehicle_plots import save_flows_plot

        save_flows_plot(found, outputs.plot)
    said = _rows(found.frame.assign(date=found.frame["date"].astype(str)))
    tables = flows_table(found), inputs_table(deal, only_assumed=True)
    _told(deal, outputs, {"Cash flows": found.frame}, said, *tables)


def compare(deal: Deal, paths: int | None, seed: int | None, outputs: Outputs) -> None:
    """The tranches without any pot, and with each in turn."""
    from finance.report.vehicle import protection_frame, protection_table
    from finance.securitisation.vehicle import protection
    from scripts.console import working

    count, used = _checked(outputs, paths, seed)
    with working("Simulating"):
        steps = protection(deal, count, used)
    frame = protection_frame(steps)
    _told(deal, outputs, {"Protection": frame}, _rows(frame), protection_table(steps))


def sensitivity(deal: Deal, paths: int | None, seed: int | None, outputs: Outputs) -> None:
    """One assumption at a time, on the same random numbers."""
    from finance.report.tables import inputs_table
    from finance.report.vehicle import sensitivity_frame, sensitivity_table
    from finance.securitisation.vehicle import sensitivities
    from finance.terms import InputError
    from scripts.console import working

    if outputs.plot is not None:
        raise InputError("--plot: not of a vehicle's sensitivity; `cashflows` and `price` draw its money")
    count, used = _checked(outputs, paths, seed)
    with working("Moving one assumption at a time"):
        moved = list(sensitivities(deal, count, used))
    frame = sensitivity_frame(moved)
    tables = sensitivity_table(moved), inputs_table(deal, only_assumed=True)
    _told(deal, outputs, {"Sensitivity": frame}, _rows(frame), *tables)


def _told(
    deal: Deal, outputs: Outputs, sheets: Mapping[str, pd.DataFrame], said: Any, *tables: Table
) -> None:
    """What was found goes where it was asked for: the first of `sheets` as a file of its own, all of them as
    a workbook, and `said` or the `tables` to the terminal."""
    from finance.report.files import save_csv
    from finance.report.workbook import save_frames
    from scripts.console import show, show_json

    if outputs.csv is not None:
        save_csv(next(iter(sheets.values())), outputs.csv)
    if outputs.xlsx is not None:
        save_frames(sheets, outputs.xlsx, deal)
    if outputs.json:
        show_json(said)
    else:
        show(*tables)


def _rows(frame: pd.DataFrame) -> Any:
    """A row for each of the frame's, without what is not there."""
    return frame.astype(object).where(frame.notna(), None).to_dict(orient="records")


def _checked(outputs: Outputs, paths: int | None, seed: int | None) -> tuple[int | None, int]:
    """How many paths and which seed to use."""
    from finance.terms import InputError

    outputs.checked()
    if paths is not None and not 2 <= paths <= MOST_PATHS:
        raise InputError(f"--paths = {paths}: from 2 to {MOST_PATHS:,}")
    return paths, DEFAULT_SEED if seed is None else seed


# -- on a chain


def about(deal: Deal) -> Iterator[tuple[str, str]]:
    """What was agreed."""
    from chain.network import when
    from finance.report.text import counted, percent, token_money
    from finance.settlement.spv_terms import vehicle_terms
    from finance.settlement.terms import RATE_DECIMALS

    terms = vehicle_terms(deal)
    due = terms.plan.due
    yield (
        "agreed",
        f"{terms.title}: {counted(len(due), 'period')}, {when(due[0])} to {when(due[-1])}, "
        f"{counted(len(terms.plan.lines), 'line')} of revenue, {counted(len(terms.plan.steps), 'step')}",
    )
    for pot, opening in terms.plan.pots.items():
        yield pot, f"{token_money(opening, deal.currency)} before it begins"
    for each in terms.tranches:
        principal = token_money(each.units * each.unit_principal, deal.currency)
        rate = "residual" if each.rate is None else percent(each.rate / 10**RATE_DECIMALS, 2)
        yield each.key, f"{each.name}: {principal}, {rate}"
        yield "offering", offered(each, deal.currency)
