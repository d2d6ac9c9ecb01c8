"""Tables of a KPI payment: its value, its terms, settlements, the project or payee before and after."""

from __future__ import annotations

from typing import Any

import numpy as np

from finance.report.swap_compare import SIDE_HEADS, comparison_table, index_comparison_table
from finance.report.swap_frames import (
    View,
    cashflow_frame,
    implied_terms,
    labels,
    settlements,
    simulated_value,
    valued,
)
from finance.report.swap_notes import assumed_note, assumed_row, simulation_note
from finance.report.table import Table
from finance.report.tables import inputs_table
from finance.report.text import initial, kpi_law, kpi_value, money, percent
from finance.swaps.bumps import Sensitivity
from finance.swaps.distribution import period_rows
from finance.swaps.estimates import Estimate
from finance.swaps.index import IndexSwap
from finance.swaps.pricing import FixedPayment
from finance.swaps.project import ProjectSwap
from finance.terms.claim_token import ClaimToken
from finance.terms.payment_form import PaymentForm, payment_form
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury

HEADS = ("Quantity", "Value", "Standard error", "Basis")
NUMBERS = frozenset({"Value", "Standard error"})
BASES = {
    "fair": "Fair",
    "wang": "Wang's price of risk",
    "standard deviation": "Standard deviations of the present value",
    "sharpe": "Yearly Sharpe ratio",
    "dscr": "DSCR in the P99 case",
    "quoted": "Quoted",
}


def price_tables(view: View) -> list[Table]:
    """Everything that `penstock price` shows for a KPI payment, assumptions first and last."""
    tables = [value_table(view)]
    if payment_form(view.deal).is_swap or solved_payment(view) is not None:
        tables.append(fixed_table(view))
    if view.other_terms:
        tables.append(terms_table(view))
    tables.append(settlement_table(view))
    if isinstance(view, ProjectSwap):
        tables += [hedge_table(view), comparison_table(view, tuple(SIDE_HEADS)), unit_table(view)]
    elif view.revenue is not None:
        tables.append(index_comparison_table(view, tuple(SIDE_HEADS)))
    return [*tables, inputs_table(view.deal, only_assumed=True)]


def _money(amount: float) -> str:
    return money(amount, 0)


def _error(found: Estimate, decimals: int = 0) -> str:
    return money(found.standard_error, decimals)


def _number(value: float | None, decimals: int = 4) -> str:
    return "none" if value is None else f"{value + 0.0:.{decimals}f}"


def value_table(view: View) -> Table:
    """What the swap is worth to each side, what its fixed payments imply, and how often who pays."""
    deal, form = view.deal, payment_form(view.deal)
    rows = [assumed_row(deal)]
    if form.is_charge:
        rows += _charge_rows(view)
    else:
        rows += _worth_rows(view)
        rows += _premium_rows(view) if form.is_swap else _forward_rows(view)
    rows += _chance_rows(view, form)
    swap = deal.only(KpiPayment)
    defaults = "The provider's default is" if form.is_swap else "Defaults are"
    notes = [
        simulation_note(view),
        f"Discounted at {percent(deal.number('discount_rate'), 2)} a year (ACT/365) from "
        f"{labels(view)[0]} to each pay date. {defaults} not priced.",
    ]
    return Table(f"{deal.title}: value of {swap.title}", HEADS, tuple(rows), NUMBERS, tuple(notes))


def _worth_rows(view: View) -> list[tuple[str, str, str, str]]:
    swap, deal, value, exact = view.deal.only(KpiPayment), view.deal, simulated_value(view), view.exact_value
    project = isinstance(view, ProjectSwap)
    sd = view.study.value if isinstance(view, ProjectSwap) else view.value
    known, rows = "expected, with the KPI's exact mean" if project else "closed form", []
    for party, sign in ((swap.payee, 1), (swap.payer, -1)):
        name = deal.parties[party].name
        rows.append((f"Value to {name}", _money(sign * exact.value), _error(exact), known))
        rows.append(("  by Monte Carlo", _money(sign * value.value), _error(value), "expected, discounted"))
    span = f"{_money(sd.low)} to {_money(sd.high)}"
    rows.append((f"  to {deal.parties[swap.payee].name}, 5 % to 95 %", span, "", "discounted sum of a path"))
    return rows


def _charge_rows(view: View) -> list[tuple[str, str, str, str]]:
    """What a charge brings and what the KPI takes off it."""
    assert isinstance(view, IndexSwap)  # a project's swap gives up its revenue
    charge, form = view.charge, view.form
    assert charge is not None
    deal, name, sign = view.deal, initial(form.payoff), -1 if form.payoff == "deduction" else 1
    payee, value, spread = deal.parties[deal.only(KpiPayment).payee].name, simulated_value(view), view.value
    known, least = "present value; closed form", f"{_money(spread.low)} to {_money(spread.high)}"
    return [
        (f"{payee} receives", _money(view.exact_value.value), _error(view.exact_value), known),
        ("  by Monte Carlo", _money(value.value), _error(value), "expected, discounted"),
        ("  in nine of ten paths", least, "", "discounted sum of a path"),
        (f"Charge without {form.payoff}s", _money(charge.full), "", "present value"),
        (f"{name}s", _money(sign * charge.changed), _error(view.exact_value), known),
        (f"{name}s over the charge", percent(sign * charge.share, 2), "", "in present value"),
        (f"{name} of a period, expected", _money(sign * charge.average), "", "closed form"),
        (f"{name} of a period, at most", _money(sign * charge.most), "", "by the curve"),
        (f"Periods with {form.payoff}s", percent(charge.chance, 2), "", "mean"),
        (f"Periods with the largest {form.payoff}", percent(charge.chance_of_most, 2), "", "mean"),
    ]


def _forward_rows(view: View) -> list[tuple[str, str, str, str]]:
    """The KPI that is expected, and the one at which nobody pays."""
    if not isinstance(view, IndexSwap):
        return []
    kpi, first = view.deal.kpis[view.deal.only(KpiPayment).kpi], view.kpis.marginals[0]
    rows = [
        (f"{kpi.title}, expected", kpi_law(kpi, first), "", "" if len(labels(view)) == 1 else "first period")
    ]
    even = view.terms.break_even
    if even is not None and not valued(view).any():
        rows.append(("Nobody pays at", kpi_value(kpi, even), "", "where the line crosses zero"))
    return rows


def _premium_rows(view: View) -> list[tuple[str, str, str, str]]:
    implied = implied_terms(view)
    rows = [
        ("Price of risk in the fixed payments", _number(implied["wang_risk_price"]), "", "Wang's transform"),
        ("  in standard deviations", _number(implied["standard_deviations"]), "", "of the present value"),
        ("  yearly Sharpe ratio of the provider", _number(implied["yearly_sharpe"]), "", "mean gain over sd"),
    ]
    if isinstance(view, ProjectSwap):
        loading, study = percent(view.study.payment.loading, 2), view.study
        worth, error = study.exact_fair, study.exact_value.standard_error / study.leg.annuity
        return [
            ("Fair payment, average", money(worth), money(error), "a period; with the KPI's exact mean"),
            ("Loading", loading, "", "below the fair payments by the paths, in present value"),
            *rows,
        ]
    return [("Premium", percent(view.premium, 2), "", "of the fair payments, in present value"), *rows]


def _chance_rows(view: View, form: PaymentForm) -> list[tuple[str, str, str, str]]:
    table, swap, found = view.collateral, view.deal.only(KpiPayment), view.deal.parties
    payer, payee = found[swap.payer].name, found[swap.payee].name
    held = {"payer": float(swap.collateral.payer.value), "payee": float(swap.collateral.payee.value)}
    # One period has chances of its own; of several there is a mean, and a worst.
    one, sides = len(labels(view)) == 1, (("payee", payee), ("payer", payer))
    mean = "" if one else "a period, mean"
    chances = [(name, percent(float(table[f"{side}_pays"].mean()), 2)) for side, name in sides]
    rows = [(f"Chance that {name} pays", chance, "", mean) for name, chance in chances if form.two_way]
    for side, name in reversed(sides):
        if not (held[side] or form.is_swap):
            continue
        worst = percent(float(table[f"{side}_exceeds"].max()), 2)
        basis = f"of {_money(held[side])}" + ("" if one else f"; most in a period {worst}")
        if side == "payee" and swap.limited_recourse:
            basis += "; limited recourse: paid out of revenue, not called"
        chance = percent(float(table[f"{side}_exceeds"].mean()), 2)
        often = "Chance of a payment" if one else "Periods"
        rows.append((f"{often} beyond the collateral of {name}", chance, "", basis))
    outside, most = float(np.max(view.outside)), "" if one else "most in a period; "
    rows.append(("KPI outside its bounds", percent(outside, 2), "", f"{most}then no report, missing rule"))
    return rows


def solved_payment(view: View) -> FixedPayment | None:
    """The fixed payment that was asked for; None at the deal's own."""
    found = view.study.payment if isinstance(view, ProjectSwap) else view.payment
    return None if found is None or found.basis == "quoted" else found


def fixed_table(view: View) -> Table:
    """The deal's fixed payments beside the fair ones, and the solved ones if any were asked for."""
    solved = solved_payment(view)
    asked = solved is not None
    columns = ["Season from", "Deal's own", "Fair", "Own less fair"]
    if asked:
        columns.append("Solved")
    rows = []
    for k in range(view.seasons):
        own, fair = float(view.own[k]), float(view.fair[k])
        cells = [labels(view)[k], money(own), money(fair), money(own - fair)]
        rows.append(tuple(cells + ([money(view.solved[k])] if asked else [])))
    notes = ["A season's amount repeats in each round of the list."]
    if isinstance(view, ProjectSwap):
        notes.append("Fair: by the paths.")
    if solved is not None:
        basis = BASES[solved.basis] + (f" {solved.parameter:g}" if solved.basis != "fair" else "")
        error = (
            f"standard error of the average {money(solved.standard_error)}; "
            if solved.standard_error
            else "in closed form; "
        )
        notes.append(
            f"Solved for: {basis}; {error}spread over the seasons by what is expected of each; rounded to "
            "minor units, half to even. All other tables are at the solved payments."
        )
    return Table("Fixed payments", tuple(columns), tuple(rows), frozenset(columns[1:]), tuple(notes))


def terms_table(view: View) -> Table:
    """What the average fixed payment would be on usual terms."""
    rows = []
    for terms in view.other_terms:
        parameter = "" if terms.basis == "fair" else f"{terms.parameter:g}"
        loading = "none" if terms.loading is None else percent(terms.loading, 2)
        error = money(terms.standard_error) if terms.standard_error else "exact"
        rows.append((BASES[terms.basis], parameter, money(terms.amount), error, loading))
    columns = ("Terms", "Parameter", "Average payment a period", "Standard error", "Below fair")
    title = "Average fixed payment on other terms"
    notes = ["The parameter is the asset's risk_price where it has one, otherwise assumed."]
    if isinstance(view, ProjectSwap):
        title += ", by the paths"
        exact = money(view.study.exact_fair)
        notes.append(f"All rows are by the paths; with the KPI's exact mean the fair payment is {exact}.")
    return Table(title, columns, tuple(rows), frozenset(columns[1:]), tuple(notes))


def settlement_table(view: View) -> Table:
    """The distribution of each period's settlement, seen by the payee."""
    table, form, swap = settlements(view), payment_form(view.deal), view.deal.only(KpiPayment)
    means = ["exact_mean", "mean"] if "exact_mean" in table else ["mean"]
    shown = ["fixed"] if valued(view).any() else []
    shown += [*means, "standard_error", "sd", "q01", "q05", "q50", "q95", "q99"]
    heads = {"exact_mean": "Mean, exact", "mean": "Mean", "standard_error": "+-", "sd": "Sd"}
    heads["fixed"] = "Charge" if form.is_charge else "Fixed"
    columns = ["Period from", *(heads[name] if name in heads else f"{int(name[1:])} %" for name in shown)]
    columns += ["Payee pays"] if form.two_way else []
    posted = form.is_swap or swap.collateral.payer.value
    columns += ["Beyond collateral"] if posted else []
    rows = []
    for k, row in enumerate(period_rows(labels(view), table)):
        cells = [row["period"], *(_money(row[name]) for name in shown)]
        cells += [percent(row["project_pays"], 1)] if form.two_way else []
        cells += [percent(float(view.collateral["payer_exceeds"][k]), 1)] if posted else []
        rows.append(tuple(cells))
    sign = "less" if form.payoff == "deduction" else "and"
    parts = f": {form.fixed} {sign} {form.payoff}" if valued(view).any() else ""
    signs = "; negative when it pays" if form.two_way else ""
    payee = view.deal.parties[swap.payee].name
    notes = (f"{initial(form.due)} to {payee}{parts}{signs}. {simulation_note(view)}",)
    title = f"{initial(form.due)} by period"
    return Table(title, tuple(columns), tuple(rows), frozenset(columns[1:]), notes)


def hedge_table(view: ProjectSwap) -> Table:
    """Hedge effectiveness by quarter and by year, what is left, and where the risk came from."""
    study, rows = view.study, []
    meanings = {
        "variance_reduction": ("Variance reduction", "1 - var(actual - given up)/var(actual)"),
        "r_squared": ("R squared", "of actual on proxy revenue"),
        "best_ratio": ("Best hedge ratio", "swap per unit of project"),
        "basis_risk": ("Basis risk", "sd(actual - proxy)/mean"),
    }
    for label, hedge in (("period", study.hedge), ("year", study.yearly_hedge)):
        for name, (text, basis) in meanings.items():
            found = getattr(hedge, name)
            rows.append((f"{text}, by {label}", f"{found.value:.4f}", f"{found.standard_error:.4f}", basis))
    for name, found in (("mean", study.basis.mean), ("sd", study.basis.sd)):
        unit = f"{view.deal.currency.code} per MWh"
        rows.append((f"Node less hub, {name}", f"{found.value:.4f}", f"{found.standard_error:.4f}", unit))
    for name, share in study.risk.items():
        rows.append(
            (f"Risk share of {name}", percent(share, 2), "", "of the variance of total actual revenue")
        )
    return Table("Hedge effectiveness", HEADS, tuple(rows), NUMBERS, (simulation_note(view),))


def unit_table(view: ProjectSwap) -> Table:
    """What one unit of the revenue share gets each period, with the swap."""
    unit, share = view.with_swap, view.deal.only_or_none(Treasury)
    quantiles = unit.quantiles()
    columns = ("Pay date", "Expected", *(f"{int(name[1:])} %" for name in quantiles), "Without swap")
    rows = tuple(
        (
            day.isoformat(),
            money(float(unit.mean[k])),
            *(money(float(row[k])) for row in quantiles.values()),
            money(float(view.without_swap.mean[k])),
        )
        for k, day in enumerate(unit.pay_dates)
    )
    symbol = "" if share is None else f" of {view.deal.part(share.token, ClaimToken).symbol}"
    earned = "none" if unit.expected_yield is None else percent(unit.expected_yield, 2)
    notes = (
        f"Worth {money(unit.value.value)} +- {money(unit.value.standard_error)} at the discount rate, "
        f"against a unit price of {money(unit.price)}: a yield of {earned} a year (ACT/365) on the expected "
        "amounts.",
        f"Only the {len(unit.pay_dates)} periods of the deal count; what the plant earns afterwards is in no "
        "file.",
        f"After operating cost, debt service and the swap, in this order. {simulation_note(view)}",
    )
    return Table(f"One unit{symbol}, by period", columns, rows, frozenset(columns[1:]), notes)


CASHFLOW_HEADS = {
    "period": "Period from",
    "pay_date": "Pay date",
    "fixed": "Fixed",
    "expected_payoff": "Expected payoff",
    "expected_settlement": "Expected settlement",
    "settlement_q05": "5 %",
    "settlement_q50": "50 %",
    "settlement_q95": "95 %",
    "present_value": "Present value",
    "expected_revenue": "Expected revenue",
    "operating_cost": "Cost",
    "debt_service": "Debt service",
    "expected_to_holders": "To holders",
    "per_unit": "A unit",
}


def cashflows_table(view: View) -> Table:
    """The payments of each period, seen by the payee."""
    frame, form, heads = cashflow_frame(view), payment_form(view.deal), dict(CASHFLOW_HEADS)
    if not form.is_swap:
        heads |= {"fixed": initial(form.fixed), "expected_payoff": f"Expected {form.payoff}"}
        heads["expected_settlement"] = f"Expected {form.due}"
    # A project has more columns than a page has room for; files have them all.
    left_out = {"present_value", "settlement_q50"} if isinstance(view, ProjectSwap) else set()
    if not valued(view).any():
        left_out = {"fixed", "expected_payoff"}
    shown = [name for name in heads if name in frame and name not in left_out]
    words = {"period", "pay_date"}
    rows = tuple(
        tuple(
            str(row[name]) if name in words else money(row[name], 2 if name == "per_unit" else 0)
            for name in shown
        )
        for row in frame.to_dict(orient="records")
    )
    columns = tuple(heads[name] for name in shown)
    payee = view.deal.parties[view.deal.only(KpiPayment).payee].name
    exact = f"Expected {form.payoff}s are exact" if isinstance(view, IndexSwap) else "All is simulated"
    seen = f"Seen by {payee}; negative is paid" if form.two_way else f"What {payee} receives"
    notes = (
        assumed_note(view.deal),
        f"{seen}. {exact}. {simulation_note(view)}",
    )
    return Table(f"Cash flows of {view.deal.title}", columns, rows, frozenset(columns[2:]), notes)


def sensitivity_table(found: Sensitivity) -> Table:
    """The change that each bump makes, with the base in the first row."""
    project, form = "debt_capacity" in found.base, payment_form(found.deal)
    # What makes a swap worth nothing is to a charge what its KPI takes off; a forward has neither.
    average = {"swap": "Fair payment", "charge": f"Average {form.payoff}"}.get(form.noun)
    sign = -1 if form.payoff in ("addition", "adjustment") else 1
    columns = ["One at a time", "Value to payee", *([average] if average else [])]
    columns += ["DSCR P50, average", "DSCR P99, minimum", "Debt capacity"] if project else []
    base = [_money(found.base["value"]), *([_money(sign * found.base["fair_payment"])] if average else [])]
    rows = [("as the deal has it", *base, *(_project_cells(found.base) if project else ()))]
    for move in found.moves:
        cells: list[Any] = [move.name, _changed(move.value)]
        cells += [f"{sign * move.fair:+,.0f}"] if average else []
        if project and move.capacity is not None:
            cells += [_signed(move.dscr_p50), _signed(move.dscr_p99), _changed(move.capacity)]
        rows.append(tuple(cells))
    draws = (
        f"{found.paths:,d} paths, seed {found.seed}, the same for all rows" if found.paths else "Closed form"
    )
    stays = {"swap": "; the fixed payments stay", "charge": "; the charge stays"}.get(form.noun, "")
    words = f"Rows below the first are changes{stays}."
    words += f" {average}: average a period." if form.is_swap else f" {average}: a period." if average else ""
    notes = [assumed_note(found.deal), f"{draws}; money in {found.deal.currency.code}. {words}"]
    if project:
        notes.append("Coverage and debt capacity are of the project with the swap. +-: standard error.")
    return Table(
        f"Sensitivity of {found.deal.title}",
        tuple(columns),
        tuple(rows),
        frozenset(columns[1:]),
        tuple(notes),
    )


def _project_cells(base: dict[str, float]) -> tuple[str, ...]:
    ratios = [base.get(name) for name in ("dscr_p50_average", "dscr_p99_minimum")]
    return (*("none" if x is None else f"{x:.3f}" for x in ratios), _money(base["debt_capacity"]))


def _changed(found: Estimate) -> str:
    error = f" +- {_money(found.standard_error)}" if found.standard_error >= 0.5 else ""
    return f"{found.value:+,.0f}{error}"


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.3f}"
