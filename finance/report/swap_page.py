"""A KPI payment as one HTML page for people, which needs no other file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finance.report.files import whole
from finance.report.page import drawing, environment, inputs, versions
from finance.report.swap_frames import View, paid, simulated_value
from finance.report.swap_notes import assumed_row, simulation_note
from finance.report.swap_plots import swap_figure
from finance.report.swaps import cashflows_table, price_tables
from finance.report.tables import inputs_table
from finance.report.text import money, percent
from finance.swaps.project import ProjectSwap


def save_swap_page(view: View, path: str | Path, command: str = "") -> Path:
    """Write the report of a KPI payment to `path`, whole or not at all; `command` is how to make it again."""
    path = Path(path)
    with whole(path) as part:
        part.write_text(render_swap_page(view, command), encoding="utf-8")
    return path


def render_swap_page(view: View, command: str = "") -> str:
    """The report of a KPI payment as HTML text."""
    return environment().get_template("swap_page.html.j2").render(**_content(view, command))


def _content(view: View, command: str) -> dict[str, Any]:
    deal = view.deal
    return {
        "deal": deal,
        "headline": _headline(view),
        "cards": _cards(view),
        "terms": _terms(view),
        "figure": drawing(swap_figure(view), "swap"),
        "tables": price_tables(view)[:-1],  # the inputs have a section of their own
        "flows": cashflows_table(view),
        "inputs": inputs(deal),
        "inputs_note": inputs_table(deal).notes[0],
        "method": _method(view),
        "command": command,
        "versions": versions(),
    }


def _names(view: View) -> tuple[str, str]:
    swap, parties = view.deal.swap, view.deal.parties
    return parties[swap.payer].name, parties[swap.payee].name


def _headline(view: View) -> str:
    payer, payee = _names(view)
    worth, code = view.exact_value.value, view.deal.currency.code
    winner, loser = (payee, payer) if worth > 0 else (payer, payee)
    return (
        f"At its fixed payments the swap is worth {code} {money(abs(worth), 0)} to {winner}, and costs "
        f"{loser} as much: what bearing the risk is paid with."
    )


def _cards(view: View) -> list[tuple[str, str]]:
    code, pays = view.deal.currency.code, float((paid(view) < 0).mean())
    cards = [
        ("Value to the payee", f"{code} {money(view.exact_value.value, 0)}"),
        ("The payee pays in", f"{percent(pays, 0)} of periods"),
        ("Inputs that are assumed", assumed_row(view.deal)[1]),
    ]
    if isinstance(view, ProjectSwap):
        before, after = view.study.before, view.study.after
        found = f"{before.capacity.value / 1e6:.0f} to {after.capacity.value / 1e6:.0f} million"
        cards[2:2] = [
            ("Debt capacity", f"{code} {found}"),
            ("Rating proxy", f"{before.rating} to {after.rating}"),
        ]
    return cards


def _terms(view: View) -> list[str]:
    payer, payee = _names(view)
    deal, swap = view.deal, view.deal.swap
    kpi, beyond = deal.kpis[swap.kpi], view.collateral
    return [
        f"Each of {len(kpi.periods)} periods, {payer} and {payee} settle a fixed payment and what the curve "
        f"makes of the KPI \u201c{kpi.title}\u201d ({kpi.unit}), {swap.pay_lag_days.value} days after the "
        "period.",
        f"{payer} keeps {money(swap.collateral.payer.value, 0)} posted, which one settlement exceeds with a "
        f"chance of {percent(float(beyond['payer_exceeds'].mean()), 2)}; {payee} keeps "
        f"{money(swap.collateral.payee.value, 0)}"
        + (" and pays what it owes out of its revenue only." if swap.limited_recourse else "."),
        "Without a report the amount that is worst for whoever controls the data is due.",
    ]


def _method(view: View) -> list[str]:
    value = simulated_value(view)
    simulated = (
        f"By Monte Carlo the swap is worth {money(value.value, 0)} to the payee, with a standard error of "
        f"{money(value.standard_error, 0)}. {simulation_note(view)}"
    )
    if isinstance(view, ProjectSwap):
        return [
            "Hourly wind and prices are simulated from the parameters of the asset; every quarter is settled "
            "on the curve that settles on chain.",
            simulated,
            "The headline's value uses the exact mean of proxy revenue as a control variate.",
        ]
    return [
        "Each period's expected payoff is a closed form, with the KPI rounded as on chain.",
        simulated,
        "Chances, quantiles and loadings come from the same paths.",
    ]
