"""A KPI payment as one HTML page for people, which needs no other file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finance.report.files import whole
from finance.report.page import drawing, environment, inputs, versions
from finance.report.swap_frames import View, labels, paid, simulated_value
from finance.report.swap_notes import assumed_row, simulation_note
from finance.report.swap_plots import swap_figure
from finance.report.swaps import cashflows_table, price_tables
from finance.report.tables import inputs_table
from finance.report.text import initial, money, percent
from finance.swaps.index import IndexSwap
from finance.swaps.project import ProjectSwap
from finance.terms.payment_form import payment_form
from finance.terms.swap import KpiPayment


def save_swap_page(view: View, path: str | Path, command: str = "") -> Path:
    """Write the report of a KPI payment to `path`, whole or not at all; `command` is how to make it again."""
    path = Path(path)
    with whole(path) as part:
        part.write_text(render_swap_page(view, command), encoding="utf-8")
    return path


def render_swap_page(view: View, command: str = "") -> str:
    """The report of a KPI payment as HTML text."""
    return environment().get_template("parts_page.html.j2").render(**_content(view, command))


def _content(view: View, command: str) -> dict[str, Any]:
    deal = view.deal
    return {
        "deal": deal,
        "headline": headline(view),
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
    swap, parties = view.deal.only(KpiPayment), view.deal.parties
    return parties[swap.payer].name, parties[swap.payee].name


def headline(view: View) -> str:
    """What the payment is worth, and to whom, in a sentence."""
    payer, payee = _names(view)
    form, worth, code = payment_form(view.deal), view.exact_value.value, view.deal.currency.code
    if isinstance(view, IndexSwap) and view.charge is not None:
        charge = view.charge
        taken = f"{percent(abs(charge.share), 1)} of the charge in {form.payoff}s"
        return (
            f"{payee} is expected to receive {code} {money(worth, 0)} in present value from {payer}, after "
            f"{taken}."
        )
    winner, loser = (payee, payer) if worth > 0 else (payer, payee)
    at, why = (
        ("At its fixed payments the", ": what bearing the risk is paid with") if form.is_swap else ("The", "")
    )
    return (
        f"{at} {form.noun} is worth {code} {money(abs(worth), 0)} to {winner}, and costs "
        f"{loser} as much{why}."
    )


def _cards(view: View) -> list[tuple[str, str]]:
    code, form = view.deal.currency.code, payment_form(view.deal)
    cards = [("Value to the payee", f"{code} {money(view.exact_value.value, 0)}")]
    if form.two_way:
        pays = percent(float((paid(view) < 0).mean()), 0)
        one = len(labels(view)) == 1
        cards.append(
            ("Chance that the payee pays", pays) if one else ("The payee pays in", f"{pays} of periods")
        )
    if isinstance(view, IndexSwap) and view.charge is not None:
        cards.append((f"Periods with {form.payoff}s", percent(view.charge.chance, 0)))
        cards.append(
            (f"{initial(form.payoff)} a period, expected", f"{code} {money(abs(view.charge.average), 0)}")
        )
    cards += [
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
    deal, swap = view.deal, view.deal.only(KpiPayment)
    kpi, beyond = deal.kpis[swap.kpi], view.collateral
    form, named = payment_form(deal), f"the KPI \u201c{kpi.title}\u201d ({kpi.unit})"
    after = f"{swap.pay_lag_days.value} days after the period"
    times = f"Each of {len(kpi.periods)} periods" if len(kpi.periods) > 1 else "Once"
    if form.is_charge:
        what = (
            f"{times}, {payer} pays {payee} the charge less the {form.payoff} that the curve makes of {named}"
        )
        what = what if form.payoff == "deduction" else what.replace(" less ", " and ")
    elif form.is_swap:
        what = f"{times}, {payer} and {payee} settle a fixed payment and what the curve makes of {named}"
    else:
        what = f"{times}, {payer} and {payee} settle what the curve makes of {named}"
    posted = (
        f"{payer} keeps {money(swap.collateral.payer.value, 0)} posted, which one {form.due} exceeds with a "
        f"chance of {percent(float(beyond['payer_exceeds'].mean()), 2)}; {payee} keeps "
        f"{money(swap.collateral.payee.value, 0)}"
        + (" and pays what it owes out of its revenue only." if swap.limited_recourse else ".")
    )
    if not (swap.collateral.payer.value or swap.collateral.payee.value):
        posted = "Neither side posts collateral."
    return [
        f"{what}, {after}.",
        posted,
        "Without a report the amount that is worst for whoever controls the data is due.",
    ]


def _method(view: View) -> list[str]:
    value, form = simulated_value(view), payment_form(view.deal)
    simulated = (
        f"By Monte Carlo the {form.noun} is worth {money(value.value, 0)} to the payee, with a standard "
        f"error of {money(value.standard_error, 0)}. {simulation_note(view)}"
    )
    if isinstance(view, ProjectSwap):
        return [
            "Hourly wind and prices are simulated from the parameters of the asset; every quarter is settled "
            "on the curve that settles on chain.",
            simulated,
            "The headline's value uses the exact mean of proxy revenue as a control variate.",
        ]
    found = "Chances, quantiles and loadings" if form.is_swap else "Chances and quantiles"
    return [
        f"Each period's expected {form.payoff} is a closed form, with the KPI rounded as on chain.",
        simulated,
        f"{found} come from the same paths.",
    ]
