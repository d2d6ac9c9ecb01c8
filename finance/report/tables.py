"""Tables of a valuation as plain text cells, ready for a terminal, a page or a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from finance.pricing.process import KpiProcess
from finance.pricing.value import Valuation, case_columns
from finance.settlement.terms import Effect
from finance.terms.canonical import plain
from finance.terms.deal import Deal


@dataclass(frozen=True)
class Table:
    """A titled table; `notes` are sentences below it. Cells are text; `numeric` columns align right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def money(amount: Decimal | float, decimals: int = 2) -> str:
    """1234567.5 as 1,234,567.50; a true zero has no sign."""
    text = f"{amount:,.{decimals}f}"
    return text.lstrip("-") if not any(digit in text for digit in "123456789") else text


def basis_points(fraction: float) -> str:
    """0.000811 as +8.11 bp; what rounds to zero has a plus."""
    return f"{round(10_000 * fraction, 2) + 0.0:+.2f} bp"


def percent(fraction: float, decimals: int = 4) -> str:
    """0.0343 as 3.4300 %."""
    return f"{100 * fraction:.{decimals}f} %"


def summary_table(valuation: Valuation) -> Table:
    """Price, yield, spread, durations and what KPIs are expected to pay, each with its unit and basis."""
    claim, process = valuation.claim, valuation.process
    cells = [
        ("Discount yield", percent(valuation.market.rate), f"flat, {claim.frequency} times a year"),
        ("Price", f"{valuation.price:.4f}", "per 100 of principal, at the start of interest"),
        ("Expected yield", percent(valuation.expected_yield), "bond-equivalent, bought at the issue price"),
        ("Spread", basis_points(valuation.spread), "expected yield less discount yield"),
        ("Macaulay duration", f"{valuation.durations.macaulay:.4f}", "years"),
        ("Modified duration", f"{valuation.durations.modified:.4f}", "years"),
    ]
    if process is None:
        cells.insert(0, ("KPI", "none", "a fixed bond"))
    else:
        text = f"{process.description}: mean {process.mean:.4f}, sd {process.sd:.4f}"
        cells.insert(
            0, ("KPI", claim.kpi, text if len(set(claim.kpis)) == 1 else f"{text}; first of several")
        )
        error = (
            "Standard error of the price",
            f"{valuation.price_standard_error:.4f}",
            "Monte Carlo and sample",
        )
        cells.insert(3, error)
        cells += _kpi_money(valuation, process)
    return Table(
        f"{valuation.deal.title}: {money(claim.principal)} {claim.currency}",
        ("Quantity", "Value", "Basis"),
        tuple(cells),
        frozenset({"Value"}),
    )


def kpi_payment_name(valuation: Valuation) -> str:
    """What the KPI's payments are called: an outcome payment, or a change of the coupon."""
    effects = {fixing.effect for fixing in valuation.claim.terms.fixings}
    if effects == {Effect.RATE}:
        return "coupon steps"
    return "outcome payment" if effects == {Effect.AMOUNT} else "KPI payments"


def _kpi_money(valuation: Valuation, process: KpiProcess) -> list[tuple[str, str, str]]:
    exact, estimate, currency = valuation.closed_form, valuation.monte_carlo, valuation.claim.currency
    name = kpi_payment_name(valuation)
    points = f"{estimate.replicates} x {estimate.points} Sobol points, seed {estimate.seed}"
    size = process.sample_size
    sample = f"standard error of a mean over {size} runs" if size else "none: a distribution, not a sample"
    cells = [
        (f"Expected {name}", f"{money(exact.expected)} {currency}", "closed form"),
        (
            "  by Monte Carlo",
            f"{money(estimate.expected)} {currency}",
            f"+- {money(estimate.standard_error)} standard error; {points}",
        ),
        ("  error of the sample", f"{money(valuation.sampling_error)} {currency}", sample),
    ]
    if exact.sd is not None:
        sd = (
            f"{name[0].upper()}{name[1:]}, sd",
            f"{money(exact.sd)} {currency}",
            "one outcome, not its mean",
        )
        cells.append(sd)
    return cells


def tier_table(valuation: Valuation) -> Table:
    """What each tier (or the worst and best case) pays, how likely it is, and what it yields."""
    claim = valuation.claim
    tiered, simple = claim.tiered, claim.bullet
    what = kpi_payment_name(valuation) if claim.kpis else "payments"
    columns = ["Tier of the KPI" if tiered else "Case"]
    columns += ["Probability"] if tiered else []
    columns += [f"{what[0].upper()}{what[1:]} ({claim.currency})", "Price"]
    columns += [f"Yield, {_periods(reading.periods)}" for reading in valuation.readings]
    columns += [f"Simple, {_years(reading.years)}" for reading in valuation.readings] if simple else []
    rows = []
    for index, case in enumerate(claim.cases):
        cells = [case.label]
        cells += [percent(valuation.closed_form.probabilities[index], 2)] if tiered else []
        cells += [money(case.amount), f"{valuation.case_prices[index]:.4f}"]
        cells += [percent(reading.yields[index]) for reading in valuation.readings]
        cells += [percent(r.simple_returns[index], 2) for r in valuation.readings] if simple else []
        rows.append(tuple(cells))
    expected = ["expected" if claim.cases else "certain"]
    expected += [percent(1, 2)] if tiered else []
    expected += [money(valuation.closed_form.expected), f"{valuation.price:.4f}"]
    expected += [percent(reading.expected_yield) for reading in valuation.readings]
    expected += (
        [percent(reading.expected_simple_return or 0.0, 2) for reading in valuation.readings]
        if simple
        else []
    )
    notes = tuple(
        f"{_periods(reading.periods)}, {_years(reading.years)}: {reading.note}."
        for reading in valuation.readings
    )
    about = "Yields are bond-equivalent internal rates"
    about += f"; simple returns are the coupon plus {what.split()[0]}/principal/years." if simple else "."
    return Table(
        "Tiers" if tiered else "Cases",
        tuple(columns),
        (*rows, tuple(expected)),
        frozenset(columns[1:]),
        (about, *notes),
    )


def _periods(count: int) -> str:
    return f"{count} period" if count == 1 else f"{count} periods"


def _years(years: Decimal) -> str:
    text = plain(round(years, 4))
    return f"{text} year" if text == "1" else f"{text} years"


def beside_table(valuations: Sequence[Valuation]) -> Table:
    """Valuations of one claim under several KPI models, side by side. The claim depends on a KPI."""
    first = valuations[0]
    currency = first.claim.currency
    processes = [valuation.process for valuation in valuations if valuation.process is not None]
    columns = ("Quantity", *(process.description for process in processes))
    quantities: list[tuple[str, list[str]]] = [
        ("KPI mean", [f"{process.mean:.4f}" for process in processes]),
        ("KPI sd", [f"{process.sd:.4f}" for process in processes]),
        ("Price per 100", [f"{v.price:.4f}" for v in valuations]),
        ("Standard error of the price", [f"{v.price_standard_error:.4f}" for v in valuations]),
        ("Expected yield", [percent(v.expected_yield) for v in valuations]),
        (
            f"Expected {kpi_payment_name(first)} ({currency})",
            [money(v.closed_form.expected) for v in valuations],
        ),
    ]
    for index, tier in enumerate(first.claim.tiers):
        chances = [percent(v.closed_form.probabilities[index], 2) for v in valuations]
        quantities.append((f"Chance of {tier.label}", chances))
    rows = tuple((name, *cells) for name, cells in quantities)
    return Table("KPI models side by side", columns, rows, frozenset(columns[1:]))


def cashflow_table(valuation: Valuation) -> Table:
    """The cash flows of the whole issue, seen by the holders."""
    frame, claim = valuation.cashflows, valuation.claim
    tiers = case_columns(claim)
    heads = [name.replace("_", " ").capitalize() for name in tiers]
    columns = ("Date", "Period", "Kind", "Accrual", *heads, "Expected", "Discount factor", "Present value")
    rows = tuple(
        (
            str(row["date"]),
            str(row["period"]),
            str(row["kind"]),
            str(row["accrual"]),
            *(money(row[name]) for name in tiers),
            money(row["expected"]),
            f"{row['discount_factor']:.6f}",
            money(row["present_value"]),
        )
        for row in frame.to_dict(orient="records")
    )
    notes = tuple(f"Tier {number}: {tier.label}." for number, tier in enumerate(claim.tiers, start=1))
    return Table(
        f"Cash flows of {money(claim.principal)} {claim.currency}, seen by the holders",
        columns,
        rows,
        frozenset(columns) - {"Date", "Kind"},
        (*notes, f"Amounts in {claim.currency}; discounted at {percent(valuation.market.rate)}."),
    )


def inputs_table(deal: Deal, only_assumed: bool = False) -> Table:
    """Every stated number, date and parameter of a deal, and whether it is sourced or assumed."""
    facts = deal.numbers()
    shown = [fact for fact in facts if fact[2] == "assumed" or not only_assumed]
    assumed = sum(1 for fact in facts if fact[2] == "assumed")
    rows = tuple((path, shown_value(value), kind, text) for path, value, kind, text in shown)
    return Table(
        "Assumed inputs" if only_assumed else "Inputs",
        ("Field", "Value", "Origin", "Source or reason"),
        rows,
        frozenset({"Value"}),
        (f"{assumed} of {len(facts)} inputs are assumed; the others are sourced.",),
    )


def shown_value(value: Any) -> str:
    """A number, a list of numbers, a date or a text of a deal, as a reader writes it."""
    if isinstance(value, list):
        return ", ".join(shown_value(each) for each in value)
    return plain(value) if isinstance(value, Decimal) else str(value)


def valuation_frame(valuation: Valuation) -> pd.DataFrame:
    """The valuation as tidy rows (quantity, tier, reading, value, unit) for a spreadsheet or a CSV file."""
    currency = valuation.claim.currency
    rows: list[tuple[str, str, str, float, str]] = [
        ("price", "", "", valuation.price, "per 100 of principal"),
        ("price_standard_error", "", "", valuation.price_standard_error, "per 100 of principal"),
        ("discount_yield", "", "", valuation.market.rate, "fraction a year"),
        ("expected_yield", "", "", valuation.expected_yield, "fraction a year"),
        ("spread", "", "", valuation.spread, "fraction a year"),
        ("macaulay_duration", "", "", valuation.durations.macaulay, "years"),
        ("modified_duration", "", "", valuation.durations.modified, "years"),
        ("expected_outcome", "", "", valuation.closed_form.expected, currency),
        ("expected_outcome_monte_carlo", "", "", valuation.monte_carlo.expected, currency),
        ("expected_outcome_standard_error", "", "", valuation.monte_carlo.standard_error, currency),
        ("expected_outcome_sampling_error", "", "", valuation.sampling_error, currency),
    ]
    for index, case in enumerate(valuation.claim.cases):
        rows.append(("outcome", case.label, "", float(case.amount), currency))
        if valuation.claim.tiered:
            chance = valuation.closed_form.probabilities[index]
            rows.append(("probability", case.label, "", chance, "fraction"))
        rows.append(("price", case.label, "", valuation.case_prices[index], "per 100 of principal"))
        for reading in valuation.readings:
            name = f"{plain(reading.years)} years"
            rows.append(("yield", case.label, name, reading.yields[index], "fraction a year"))
            if reading.simple_returns:
                simple = reading.simple_returns[index]
                rows.append(("simple_return", case.label, name, simple, "fraction a year"))
    return pd.DataFrame(rows, columns=["quantity", "tier", "reading", "value", "unit"])


def records(table: Table) -> Iterable[dict[str, Any]]:
    """The rows of a table as dictionaries."""
    return (dict(zip(table.columns, row, strict=True)) for row in table.rows)
