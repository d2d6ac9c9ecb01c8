"""Tables of a valuation, ready for a terminal or a page; and its numbers as a frame for files."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import fsum
from typing import TYPE_CHECKING

from finance.pricing.calls import least_price, least_yield
from finance.pricing.decisions import Decision, decisions
from finance.pricing.process import KpiProcess
from finance.pricing.value import Valuation, case_columns
from finance.pricing.yields import bond_equivalent
from finance.report.table import Table
from finance.report.text import (
    basis_points,
    counted,
    fact,
    initial,
    kpi_law,
    kpi_sd,
    kpi_value,
    money,
    often,
    percent,
    tiny,
)
from finance.settlement.terms import Effect
from finance.terms.canonical import plain
from finance.terms.deal import Deal

if TYPE_CHECKING:
    import pandas as pd

MOST_PAYOFFS = 5  # chances of more payoffs than these are for a plot, not for a table


def summary_table(valuation: Valuation) -> Table:
    """Price, yield, spread, durations and what KPIs are expected to pay, each with its unit and basis."""
    claim, process = valuation.claim, valuation.process
    cells = [
        ("Discount yield", percent(valuation.rate), f"flat, compounded {often(claim.frequency)}"),
        (
            "Price",
            f"{valuation.price:.4f}",
            f"per 100 of principal, at the start of interest{_end(valuation)}",
        ),
        *_worst_cells(valuation),
        (
            "Expected yield",
            percent(valuation.expected_yield),
            f"bond-equivalent, bought at the issue price{_end(valuation)}",
        ),
        ("Spread", basis_points(valuation.spread), _spread_basis(valuation)),
        ("Macaulay duration", f"{valuation.durations.macaulay:.4f}", "years"),
        ("Modified duration", f"{valuation.durations.modified:.4f}", "fall in per cent for a point of yield"),
    ]
    if process is None:
        cells.insert(0, ("KPI", "none", "a fixed bond: no report changes a payment"))
    else:
        error = ("Standard error of the price", tiny(valuation.price_standard_error), _error_basis(process))
        cells.insert(2, error)
        cells = [*_kpi_cells(valuation, process), *cells, *_kpi_money(valuation, process)]
    return Table(
        f"{valuation.deal.title}: {money(claim.principal)} {claim.currency}",
        ("Quantity", "Value", "Basis"),
        tuple(cells),
        frozenset({"Value"}),
    )


def _end(valuation: Valuation) -> str:
    """Until when, where that is a choice."""
    return ", to maturity" if valuation.workouts or valuation.puts else ""


def _worst_cells(valuation: Valuation) -> list[tuple[str, str, str]]:
    """Of a bond that can be called: the most it is worth, and the least it yields; of one that can be sold
    back: what it is worth with that."""
    held, cells = valuation.held, []
    if valuation.puts:
        end = "nobody ends it" if held.day == valuation.flows.dates[-1] else f"it ends on {held.day}"
        basis = f"{end}, if each side does what is best at this yield: not what the option adds to that"
        cells.append(("  with the put", f"{held.price:.4f}", basis))
    if not (found := valuation.workouts):
        return cells
    price, earned = least_price(found), least_yield(found)
    last = found[-1].day
    by_price, by_yield = (
        "if it is never called" if each.day == last else f"if it is called for {each.day}"
        for each in (price, earned)
    )
    return [
        *cells,
        (
            "  to worst",
            f"{price.price:.4f}",
            f"{by_price}: at most this, as the issuer's option is not valued",
        ),
        ("Yield to worst", percent(earned.earned), f"{by_yield}; bond-equivalent, bought at the issue price"),
    ]


def put_table(valuation: Valuation) -> Table:
    """Of a bond that can be sold back: its price and yield on each of the days."""
    columns = ("It ends", "Repaid at", "Price", "Yield")
    rows = tuple(
        (f"sold back on {each.day}", f"{each.call_price:.4f}", f"{each.price:.4f}", percent(each.earned))
        for each in valuation.puts
    )
    note = (
        "Repaid at: per 100 of the principal left then. Yields: bond-equivalent, bought at the issue price."
    )
    return Table("If holders sell it back", columns, rows, frozenset(columns[1:]), (note,))


def workout_table(valuation: Valuation) -> Table:
    """Of a bond that can be called: its price and yield where a call price begins, to worst and to
    maturity."""
    found = valuation.workouts
    begin = [
        each
        for before, each in zip((None, *found), found, strict=False)
        if before is None or each.call_price != before.call_price
    ]
    shown = {each.day for each in (*begin, least_price(found), least_yield(found), found[-1])}
    rows = tuple(
        (
            "maturity" if each is found[-1] else f"called for {each.day}",
            f"{each.call_price:.4f}",
            f"{each.price:.4f}",
            percent(each.earned),
        )
        for each in found
        if each.day in shown
    )
    columns = ("It ends", "Repaid at", "Price", "Yield")
    return Table(
        "If the issuer calls it",
        columns,
        rows,
        frozenset(columns[1:]),
        (
            "Repaid at: per 100 of the principal repaid then. Yields: bond-equivalent, bought at the issue "
            "price.",
            f"It can be called on {counted(len(found) - 1, 'day')}; shown are those on which a price begins "
            "or price or yield are least. When the issuer calls, and what its option is worth, is not "
            "modelled: at the discount yield the bond is worth no more than its lowest price.",
        ),
    )


def _spread_basis(valuation: Valuation) -> str:
    """Both yields compound twice a year, which a discount yield that compounds otherwise does not show."""
    frequency = valuation.claim.frequency
    basis = "expected yield less discount yield, both bond-equivalent"
    return basis if frequency == 2 else f"{basis}: {percent(bond_equivalent(valuation.rate, frequency))}"


def _kpi_cells(valuation: Valuation, process: KpiProcess) -> list[tuple[str, str, str]]:
    claim = valuation.claim
    names = list(dict.fromkeys(claim.kpis))
    kpi = valuation.deal.kpis[claim.kpi]
    cells = [("KPI", ", ".join(names), f"{kpi.title}: {valuation.outlook[claim.kpi].description}")]
    if len(claim.kpis) > 1:
        cells.append(("Reports", str(len(claim.kpis)), f"the first: {kpi_law(kpi, process)}"))
    else:
        cells.append(("KPI's mean", kpi_value(kpi, process.mean), f"sd {kpi_sd(kpi, process.sd)}"))
    return cells


def _error_basis(process: KpiProcess) -> str:
    return "Monte Carlo and sample" if process.sample_size else "Monte Carlo"


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
    size, outside = process.sample_size, exact.outside
    cells = [
        (f"Expected {name}", f"{money(exact.expected)} {currency}", "closed form"),
        (
            "  by Monte Carlo",
            f"{money(estimate.expected)} {currency}",
            f"± {money(estimate.standard_error)} standard error; {points}",
        ),
    ]
    if outside:
        cells.append(("KPI outside its bounds", percent(outside, 2), "then no report, and the missing rule"))
    if size:
        error = f"{money(valuation.sampling_error)} {currency}"
        cells.append(("  error of the sample", error, f"standard error of a mean over {size} values"))
    if exact.sd is not None:
        sd = (
            f"{initial(name)}, sd",
            f"{money(exact.sd)} {currency}",
            "one outcome, not its mean",
        )
        cells.append(sd)
    return cells


def tier_table(valuation: Valuation) -> Table:
    """What each tier (or the worst and best case) pays, how likely it is, and what it yields."""
    claim, exact, readings = valuation.claim, valuation.closed_form, valuation.readings
    tiered, simple, fixed = claim.tiered, claim.bullet, not claim.kpis
    what = kpi_payment_name(valuation)
    unit = valuation.deal.kpis[claim.kpi].unit if tiered else ""
    # Tiers of a fraction are written in per cent.
    head = "Tier of the KPI" if unit == "fraction" else f"Tier of the KPI ({unit})"
    columns = [head if tiered else "Case"]
    columns += ["Probability"] if tiered else []
    columns += [] if fixed else [f"{initial(what)} ({claim.currency})"]
    columns += ["Price", *(f"Yield, {counted(reading.periods, 'period')}" for reading in readings)]
    columns += [f"Simple, {_years(reading.years)}" for reading in readings] if simple else []
    rows = []
    for index, case in enumerate(claim.cases):
        cells = [case.label]
        cells += [percent(exact.probabilities[index], 2)] if tiered else []
        cells += [money(case.amount), f"{valuation.case_prices[index]:.4f}"]
        cells += [percent(reading.yields[index]) for reading in readings]
        cells += [percent(r.simple_returns[index], 2) for r in readings] if simple else []
        rows.append(tuple(cells))
    expected = ["certain" if fixed else "expected"]
    expected += [percent(1, 2)] if tiered else []
    expected += [] if fixed else [money(exact.expected)]
    expected += [f"{valuation.price:.4f}", *(percent(reading.expected_yield) for reading in readings)]
    expected += [percent(r.expected_simple_return or 0.0, 2) for r in readings] if simple else []
    notes = [
        f"{counted(reading.periods, 'period')}, {_years(reading.years)}: {reading.note}."
        for reading in readings
    ]
    about = "Yields are bond-equivalent internal rates, bought at the issue price"
    if simple:
        about += "; simple returns are the coupon" + ("" if fixed else f" plus {what}/principal/years")
    return Table(
        "Tiers" if tiered else "What it yields" if fixed else "Cases",
        tuple(columns),
        (*rows, tuple(expected)),
        frozenset(columns[1:]),
        (f"{about}.", *notes),
    )


def decision_table(valuation: Valuation) -> Table:
    """What each report decides: when it is measured, what is expected of it, and the money at stake."""
    found, deal = decisions(valuation), valuation.deal
    payoffs = sorted({payoff for each in found if each.tiered for payoff in each.payoffs}, reverse=True)
    alike = all(each.tiered for each in found) and len({each.effect for each in found}) == 1
    chances = payoffs if alike and len(payoffs) <= MOST_PAYOFFS else []
    columns = ["Measured until", "KPI's mean", "sd", "Moves payments"]
    columns += [f"Chance of {_payoff(found[0], payoff, deal)}" for payoff in chances]
    columns += ["Expected", f"Worst ({valuation.claim.currency})", "Best", "Expected money"]
    rows = []
    for each in found:
        kpi, (first, last) = deal.kpis[each.kpi], each.paid
        cells = [str(each.measured[1]), kpi_value(kpi, each.law.mean), kpi_sd(kpi, each.law.sd)]
        cells.append(str(first) if first == last else f"{first} to {last}")
        for payoff in chances:
            pairs = zip(each.payoffs, each.chances, strict=True)
            cells.append(percent(sum(chance for other, chance in pairs if other == payoff), 2))
        cells.append(_payoff(each, each.expected_payoff, deal))
        cells += [money(min(each.amounts)), money(max(each.amounts)), money(each.expected)]
        rows.append(tuple(cells))
    total = ["all", "", "", "", *[""] * (len(chances) + 1)]
    total += [money(sum(edge(each.amounts) for each in found)) for edge in (min, max)]
    total.append(money(valuation.closed_form.expected))
    return Table(
        "What each report decides",
        tuple(columns),
        tuple(rows),
        frozenset(columns) - {"Measured until", "Moves payments"},
        ("Money over all payments that the report moves, not discounted; expected as seen at the start.",),
        (tuple(total),),
    )


def _payoff(decision: Decision, payoff: float, deal: Deal) -> str:
    if decision.effect is Effect.RATE:
        return basis_points(payoff)
    return f"{money(payoff)} {deal.currency.code}"


def _years(years: Decimal) -> str:
    text = plain(round(years, 4))
    return f"{text} year" if text == "1" else f"{text} years"


def beside_table(valuations: Sequence[Valuation]) -> Table:
    """Valuations of one claim under several KPI models, side by side. The claim depends on a KPI."""
    first = valuations[0]
    currency, kpi = first.claim.currency, first.deal.kpis[first.claim.kpi]
    processes = [valuation.process for valuation in valuations if valuation.process is not None]
    columns = ("Quantity", *(process.description for process in processes))
    quantities: list[tuple[str, list[str]]] = [
        ("KPI's mean", [kpi_value(kpi, process.mean) for process in processes]),
        ("KPI's sd", [kpi_sd(kpi, process.sd) for process in processes]),
        ("Price per 100", [f"{v.price:.4f}" for v in valuations]),
        ("Standard error of the price", [tiny(v.price_standard_error) for v in valuations]),
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
    payments, claim = valuation.payments, valuation.claim
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
        for row in payments
    )
    names = [f"tier {number} is {tier.label}" for number, tier in enumerate(claim.tiers, start=1)]
    notes: tuple[str, ...] = (initial("; ".join(names)) + ".",) if names else ()
    if valuation.workouts:
        notes += ("To maturity; the issuer may call the bond before.",)
    if valuation.puts:
        notes += ("To maturity; holders may sell the bond back before.",)
    received = [row for row in payments if row["kind"] != "issue"]
    sums = [money(sum((row[name] for row in received), Decimal(0))) for name in (*tiers, "expected")]
    total = ["received", "", "", "", *sums, "", money(fsum(row["present_value"] for row in received))]
    return Table(
        f"Cash flows of {money(claim.principal)} {claim.currency}, seen by the holders",
        columns,
        rows,
        frozenset(columns) - {"Date", "Kind"},
        (
            *notes,
            f"Amounts in {claim.currency}; discounted at {percent(valuation.rate)}, compounded "
            f"{often(claim.frequency)}.",
        ),
        (tuple(total),),
    )


def inputs_table(deal: Deal, only_assumed: bool = False) -> Table:
    """Every stated number, date and parameter of a deal, and whether it is sourced or assumed."""
    facts = deal.numbers()
    shown = [fact for fact in facts if fact[2] == "assumed" or not only_assumed]
    assumed, count = deal.assumed()
    rows = tuple((path, fact(value), kind, text) for path, value, kind, text in shown)
    return Table(
        "Assumed inputs" if only_assumed else "Inputs",
        ("Field", "Value", "Origin", "Source or reason"),
        rows,
        notes=(f"{assumed} of the deal's {count} inputs are assumed; the others are sourced.",),
    )


def valuation_frame(valuation: Valuation) -> pd.DataFrame:
    """The valuation as tidy rows (quantity, tier, reading, value, unit) for a spreadsheet or a CSV file."""
    import pandas as pd  # for files alone: the tables above are text

    currency, several = valuation.claim.currency, len(valuation.claim.kpis) > 1
    rows: list[tuple[str, str, str, float | None, str]] = [
        ("price", "", "", valuation.price, "per 100 of principal"),
        ("price_standard_error", "", "", valuation.price_standard_error, "per 100 of principal"),
        ("discount_yield", "", "", valuation.rate, "fraction a year"),
        ("expected_yield", "", "", valuation.expected_yield, "fraction a year"),
        ("spread", "", "", valuation.spread, "fraction a year"),
        ("macaulay_duration", "", "", valuation.durations.macaulay, "years"),
        ("modified_duration", "", "", valuation.durations.modified, "years"),
        ("expected_outcome", "", "", valuation.closed_form.expected, currency),
        ("expected_outcome_monte_carlo", "", "", valuation.monte_carlo.expected, currency),
        ("expected_outcome_standard_error", "", "", valuation.monte_carlo.standard_error, currency),
        ("expected_outcome_sampling_error", "", "", valuation.sampling_error, currency),
    ]
    for each in valuation.workouts:
        end = str(each.day)
        rows.append(("price_to_call", "", end, each.price, "per 100 of principal"))
        rows.append(("yield_to_call", "", end, each.earned, "fraction a year"))
    for each in valuation.puts:
        rows.append(("price_to_put", "", str(each.day), each.price, "per 100 of principal"))
        rows.append(("yield_to_put", "", str(each.day), each.earned, "fraction a year"))
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
    rows += [row for each in decisions(valuation) for row in _tidy(each, currency)] if several else []
    return pd.DataFrame(rows, columns=["quantity", "tier", "reading", "value", "unit"])


def _tidy(each: Decision, currency: str) -> list[tuple[str, str, str, float, str]]:
    name = f"{each.kpi} to {each.measured[1]}"
    found = [("report_mean", name, "", each.law.mean, "unit of the KPI")]
    found += [("report_sd", name, "", each.law.sd, "unit of the KPI")]
    found += [("report_expected", name, "", each.expected, currency)]
    for text, chance in zip(each.labels, each.chances, strict=False):
        found.append(("report_probability", name, text, chance, "fraction"))
    return found


def valuation_tables(valuation: Valuation) -> list[Table]:
    """What a reader wants to see first: the summary, tiers or cases, and each report where there are "
    "several."""
    tables = [summary_table(valuation), tier_table(valuation)]
    if valuation.workouts:
        tables.append(workout_table(valuation))
    if valuation.puts:
        tables.append(put_table(valuation))
    return [*tables, decision_table(valuation)] if len(valuation.claim.kpis) > 1 else tables
