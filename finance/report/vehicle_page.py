"""A vehicle and its tranches as one HTML page for people, which needs no other file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finance.report.files import whole
from finance.report.page import drawing, environment, inputs, versions
from finance.report.style import amount_text
from finance.report.swap_notes import assumed_row
from finance.report.tables import inputs_table
from finance.report.text import counted, percent
from finance.report.vehicle import flows_table, pool_table, protection_table, tranche_table
from finance.report.vehicle_plots import flows_figure, money_figure
from finance.report.waterfall_words import Teller
from finance.securitisation.vehicle import HAZARD_YEARS, Protected, VehicleValue


def save_vehicle_page(
    found: VehicleValue, steps: Sequence[Protected], path: str | Path, command: str = ""
) -> Path:
    """Write the report of a vehicle to `path`, whole or not at all; `command` is how to make it again."""
    path = Path(path)
    with whole(path) as part:
        part.write_text(render_vehicle_page(found, steps, command), encoding="utf-8")
    return path


def render_vehicle_page(found: VehicleValue, steps: Sequence[Protected], command: str = "") -> str:
    """The report of a vehicle as HTML text; `steps`: what stands before its tranches."""
    return environment().get_template("parts_page.html.j2").render(**_content(found, steps, command))


def _content(found: VehicleValue, steps: Sequence[Protected], command: str) -> dict[str, Any]:
    deal = found.deal
    before = [protection_table(steps)] if len(steps) > 1 else []
    return {
        "deal": deal,
        "headline": _headline(found),
        "cards": _cards(found),
        "steps": Teller(deal).steps(),
        "figure": drawing(money_figure(deal), "money"),
        "tables": [tranche_table(found), *before, pool_table(found)],
        "flow_figure": drawing(flows_figure(found), "flows"),
        "flows": flows_table(found),
        "inputs": inputs(deal),
        "inputs_note": inputs_table(deal).notes[0],
        "method": _method(found),
        "command": command,
        "versions": versions(),
    }


def _headline(found: VehicleValue) -> str:
    worth = [
        f"{each.terms.name} is worth {each.price:.2f} per 100"
        + (f" and loses {percent(each.expected_loss, 2)} on average" if each.terms.rate is not None else "")
        for each in found.tranches
    ]
    return f"At {percent(found.assumed.discount_rate, 2)} a year {'; '.join(worth)}."


def _cards(found: VehicleValue) -> list[tuple[str, str]]:
    code, principal = found.deal.currency.code, sum(each.principal for each in found.tranches)
    cards = [("Principal of all tranches", f"{code} {amount_text(principal)}")]
    for each in found.tranches:
        if each.terms.rate is not None:
            cards.append((f"{each.terms.symbol}: chance of any loss", percent(each.any_loss, 1)))
            cards.append((f"{each.terms.symbol}: rating proxy", each.rating))
    return [*cards, ("Inputs that are assumed", assumed_row(found.deal)[1])]


def _method(found: VehicleValue) -> list[str]:
    stated = found.assumed
    return [
        "The waterfall is the one that settles on chain, in whole numbers; here it is run in floating point "
        f"on {counted(found.count, 'path')} of revenue and KPIs, seed {found.seed}.",
        f"Who owes a receivable defaults with a chance of {percent(stated.default_probability, 2)} in "
        f"{HAZARD_YEARS:g} years, all under one Gaussian factor with a correlation of "
        f"{stated.asset_correlation:g}, and pays {percent(stated.recovery, 0)} of what is owed then, once.",
        "A price is what a tranche is expected to be paid, discounted at one yield; no premium for risk is "
        "taken off, and nothing is said of what a market would pay.",
        "The money of the first figure is of the waterfall in whole numbers, with every line as expected and "
        "every KPI at its median.",
    ]
