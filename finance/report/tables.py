"""Tables of a valuation as plain text cells, ready for a terminal, a page or a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from finance.pricing.value import Valuation
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
    """Price, yield, spread, durations and the expected outcome payment, each with its unit and basis."""
    claim, exact, estimate = valuation.claim, valuation.closed_form, valuation.monte_carlo
    currency = claim.currency
    points = f"{estimate.replicates} x {estimate.points} Sobol points, seed {estimate.seed}"
    size = valuation.process.sample_size
    sample = f"standard error of a mean over {size} runs" if size else "none: a distribution, not a sample"
    cells = (
        ("KPI", claim.kpi, f"{valuation.process.description}: mean {valuation.process.mean:.4f}, "
         f"sd {valuation.process.sd:.4f}"),
        ("Discount yield", percent(valuation.market.rate), f"flat, {claim.frequency} times a year"),
        ("Price", f"{valuation.price:.4f}", "per 100 of principal, at the start of interest"),
        ("Standard error of the price", f"{valuation.price_standard_error:.4f}", "Monte Carlo and sample"),
        ("Expected yield", percent(valuation.expected_yield), "bond-equivalent, bought at the issue price"),
        ("Spread", basis_points(valuation.spread), "expected yield less discount yield"),
        ("Macaulay duration", f"{valuation.durations.macaulay:.4f}", "years"),
        ("Modified duration", f"{valuation.durations.modified:.4f}", "years"),
        ("Expected outcome payment", f"{money(exact.expected)} {currency}", "closed form"),
        ("  by Monte Carlo", f"{money(estimate.expected)} {currency}",
         f"+- {money(estimate.standard_error)} standard error; {points}"),
        ("  error of the sample", f"{money(valuation.sampling_error)} {currency}", sample),
        ("Outcome payment, sd", f"{money(exact.sd)} {currency}", "one outcome, not its mean"),
    )  # fmt: skip
    return Table(
        f"{valuation.deal.title}: {money(claim.principal)} {currency}",
        ("Quantity", "Value", "Basis"),
        cells,
        frozenset({"Value"}),
    )


def tier_table(valuation: Valuation) -> Table:
    """What each tier pays, how likely it is, and what it yields under each reading of the term."""
    claim = valuation.claim
    columns = ["Tier of the KPI", "Probability", f"Outcome ({claim.currency})", "Price"]
    for reading in valuation.readings:
        columns.append(f"Yield, {reading.periods} periods")
    for reading in valuation.readings:
        columns.append(f"Simple, {plain(reading.years)} years")
    rows = []
    for index, tier in enumerate(claim.tiers):
        cells = [
            tier.label,
            percent(valuation.closed_form.probabilities[index], 2),
            money(tier.amount),
            f"{valuation.tier_prices[index]:.4f}",
        ]
        cells += [percent(reading.yields[index]) for reading in valuation.readings]
        cells += [percent(reading.simple_returns[index], 2) for reading in valuation.readings]
        rows.append(tuple(cells))
    expected = ["expected", percent(1, 2), money(valuation.closed_form.expected), f"{valuation.price:.4f}"]
    expected += [percent(reading.expected_yield) for reading in valuation.readings]
    expected += [percent(reading.expected_simple_return, 2) for reading in valuation.readings]
    notes = tuple(
        f"{reading.periods} periods, {plain(reading.years)} years: {reading.note}."
        for reading in valuation.readings
    )
    return Table(
        "Tiers",
        tuple(columns),
        (*rows, tuple(expected)),
        frozenset(columns[1:]),
        (
            "Yields are bond-equivalent internal rates; "
            "simple returns are the coupon plus outcome/principal/years.",
            *notes,
        ),
    )


def beside_table(valuations: Sequence[Valuation]) -> Table:
    """Valuations of one claim under several KPI models, side by side."""
    first = valuations[0]
    currency = first.claim.currency
    columns = ("Quantity", *(valuation.process.description for valuation in valuations))
    quantities: list[tuple[str, list[str]]] = [
        ("KPI mean", [f"{v.process.mean:.4f}" for v in valuations]),
        ("KPI sd", [f"{v.process.sd:.4f}" for v in valuations]),
        ("Price per 100", [f"{v.price:.4f}" for v in valuations]),
        ("Standard error of the price", [f"{v.price_standard_error:.4f}" for v in valuations]),
        ("Expected yield", [percent(v.expected_yield) for v in valuations]),
        (f"Expected outcome ({currency})", [money(v.closed_form.expected) for v in valuations]),
    ]
    for index, tier in enumerate(first.claim.tiers):
        chances = [percent(v.closed_form.probabilities[index], 2) for v in valuations]
        quantities.append((f"Chance of {tier.label}", chances))
    rows = tuple((name, *cells) for name, cells in quantities)
    return Table("KPI models side by side", columns, rows, frozenset(columns[1:]))


def cashflow_table(valuation: Valuation) -> Table:
    """The cash flows of the whole issue, seen by the holders."""
    frame, claim = valuation.cashflows, valuation.claim
    tiers = [name for name in frame.columns if str(name).startswith("tier_")]
    heads = [f"Tier {number}" for number in range(1, len(tiers) + 1)]
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
    rows = tuple(
        (path, plain(value) if isinstance(value, Decimal) else str(value), kind, text)
        for path, value, kind, text in shown
    )
    return Table(
        "Assumed inputs" if only_assumed else "Inputs",
        ("Field", "Value", "Origin", "Source or reason"),
        rows,
        frozenset({"Value"}),
        (f"{assumed} of {len(facts)} inputs are assumed; the others are sourced.",),
    )


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
    for index, tier in enumerate(valuation.claim.tiers):
        rows.append(("outcome", tier.label, "", float(tier.amount), currency))
        rows.append(("probability", tier.label, "", valuation.closed_form.probabilities[index], "fraction"))
        rows.append(("price", tier.label, "", valuation.tier_prices[index], "per 100 of principal"))
        for reading in valuation.readings:
            name = f"{plain(reading.years)} years"
            rows.append(("yield", tier.label, name, reading.yields[index], "fraction a year"))
            rows.append(("simple_return", tier.label, name, reading.simple_returns[index], "fraction a year"))
    return pd.DataFrame(rows, columns=["quantity", "tier", "reading", "value", "unit"])


def records(table: Table) -> Iterable[dict[str, Any]]:
    """The rows of a table as dictionaries."""
    return (dict(zip(table.columns, row, strict=True)) for row in table.rows)
