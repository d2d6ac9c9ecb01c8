"""A valuation as one HTML page for people, which needs no other file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from finance.pricing.study import Study, deal_cost_of_capital, study
from finance.pricing.value import Valuation
from finance.report import words
from finance.report.files import whole
from finance.report.plots import cashflow_figure, valuation_figure
from finance.report.studies import capital_table, study_figure, study_table
from finance.report.style import amount_text, sentence_of, svg
from finance.report.table import Table
from finance.report.tables import cashflow_table, inputs_table, valuation_tables
from finance.report.text import basis_points, counted, fact, kpi_sd, kpi_value, money, percent, tiny
from finance.terms.deal import Deal
from finance.terms.problems import InputError

# What the page assumes of data and of buyers, and says so: half the KPI's sd, and the price of risk that
# `penstock compare` takes too.
ERROR_OF_SD, RISK_PRICE = 0.5, 0.25
DATES = re.compile(r"\d{4}-\d\d-\d\d")
DAY = re.compile(r"\d{4}-\d\d-\d\d( to \d{4}-\d\d-\d\d)?")
PACKAGES = ("numpy", "scipy", "pandas", "QuantLib", "matplotlib")


@dataclass(frozen=True)
class Drawing:
    """A figure as SVG, and the sentence that stands below it."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Input:
    """A stated fact with its origin, and where to read it up."""

    field: str
    value: str
    assumed: bool
    text: str
    url: str | None


def save_page(valuation: Valuation, path: str | Path, command: str = "") -> Path:
    """Write the report of a valuation to `path`, whole or not at all; `command` is how to make it again."""
    path = Path(path)
    with whole(path) as part:
        part.write_text(render_page(valuation, command), encoding="utf-8")
    return path


def render_page(valuation: Valuation, command: str = "") -> str:
    """The report of a valuation as HTML text."""
    return environment().get_template("page.html.j2").render(**_content(valuation, command))


def environment() -> Environment:
    """How pages are made of the templates beside this module."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["prose"] = _prose
    found.filters["path"] = lambda field: Markup(escape(field).replace(".", Markup(".<wbr>")))
    found.tests["day"] = lambda cell: DAY.fullmatch(cell) is not None
    return found


def _prose(text: str) -> Markup:
    """Text in which no date is broken at its hyphens."""
    return Markup(DATES.sub(r'<span class="d">\g<0></span>', str(escape(text))))


def _content(valuation: Valuation, command: str) -> dict[str, Any]:
    deal = valuation.deal
    found = study(deal, valuation.outlook, valuation.rate)
    facts = inputs(deal)
    capital, why_not = _capital(valuation)
    return {
        "deal": deal,
        "headline": _headline(valuation),
        "cards": _cards(valuation, facts),
        "terms": words.terms_in_words(valuation),
        "changes": words.changes_in_words(valuation),
        "losses": words.losses_in_words(valuation),
        "tables": valuation_tables(valuation),
        "figures": [_drawing(valuation_figure, valuation, "deal")] if valuation.claim.kpis else [],
        "flows": cashflow_table(valuation),
        "flow_figure": _drawing(cashflow_figure, valuation, "flows"),
        "study": study_table(found),
        "study_figure": _drawing(study_figure, found, "study"),
        "capital": capital,
        "why_not": why_not,
        "inputs": facts,
        "inputs_note": inputs_table(deal).notes[0],
        "method": _method(valuation),
        "command": command,
        "versions": versions(),
    }


def versions() -> str:
    """The packages that numbers depend on."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def _drawing(draw: Callable[[Any], Figure], of: Valuation | Study, name: str) -> Drawing:
    return drawing(draw(of), name)


def drawing(figure: Figure, name: str) -> Drawing:
    """A figure for a page; `name` begins the ids in it."""
    return Drawing(Markup(svg(figure, name)), sentence_of(figure))


def _headline(valuation: Valuation) -> str:
    claim, process = valuation.claim, valuation.process
    text = (
        f"Worth {valuation.price:.2f} per 100 at a yield of {percent(valuation.rate, 2)}; bought at "
        f"the "
        f"issue price it is expected to yield {percent(valuation.expected_yield, 2)} a year."
    )
    if process is None:
        return text
    prices = valuation.case_prices
    return (
        f"{text} Reports can move the price from {min(prices):.2f} to {max(prices):.2f} ({claim.currency})."
    )


def _cards(valuation: Valuation, facts: list[Input]) -> list[tuple[str, str]]:
    claim = valuation.claim
    cards = [
        ("Price per 100", f"{valuation.price:.4f}"),
        ("Expected yield a year", percent(valuation.expected_yield, 2)),
        ("Spread over the discount yield", basis_points(valuation.spread)),
        ("Principal", f"{claim.currency} {amount_text(float(claim.principal))}"),
    ]
    if claim.kpis:
        expected = money(valuation.closed_form.expected, 0)
        cards.append(("Expected from KPI reports", f"{claim.currency} {expected}"))
    assumed = sum(fact.assumed for fact in facts)
    return [*cards, ("Inputs that are assumed", f"{assumed} of {len(facts)}")]


def _capital(valuation: Valuation) -> tuple[Table | None, str]:
    """The cost of capital with and without one report, or why there is no such thing."""
    if valuation.process is None:
        return None, "No report decides anything here, so data cannot change what the bond costs its issuer."
    error = ERROR_OF_SD * valuation.process.sd
    try:
        found = deal_cost_of_capital(valuation.deal, RISK_PRICE, error, 1, valuation.rate)
    except InputError as problem:
        return None, f"Not shown for this deal: {problem}."
    return capital_table(found), ""


def inputs(deal: Deal) -> list[Input]:
    """Every stated fact of a deal in the file's order, with its citation and the address of its source."""
    found = []
    for (path, value, kind, text), key in deal.inputs():
        source = deal.sources.get(key) if key else None
        found.append(Input(path, fact(value), kind == "assumed", text, source.url if source else None))
    return found


def _method(valuation: Valuation) -> list[str]:
    claim, exact, estimate = valuation.claim, valuation.closed_form, valuation.monte_carlo
    lines = [
        "What is certain goes through the same whole-number arithmetic that pays on chain; floating point "
        "begins "
        "where discounting and probability begin.",
        f"All payments are discounted at one flat yield of {percent(valuation.rate)}, compounded "
        f"with the "
        "coupon's frequency, at the ends of whole coupon periods. No default is priced, and nobody is paid "
        "for "
        "bearing the KPI's risk unless the table of the cost of capital says so.",
    ]
    if valuation.process is None:
        return lines
    currency = claim.currency
    kpi = valuation.deal.kpis[claim.kpi]
    text = valuation.outlook[claim.kpi].description
    lines += [
        f"{kpi.title} is expected to be: {text} (first report: mean "
        f"{kpi_value(kpi, valuation.process.mean)}, sd "
        f"{kpi_sd(kpi, valuation.process.sd)}). It is rounded to {counted(kpi.decimals, 'decimal')}, "
        f"half to "
        "even, before tiers are read, as on chain.",
        f"What reports are expected to pay, {currency} {money(exact.expected)}, is exact: a closed form. "
        f"It is "
        f"computed again by Monte Carlo: {currency} {money(estimate.expected)} with a standard error of "
        f"{money(estimate.standard_error)}, from {estimate.replicates} independent scramblings of "
        f"{estimate.points} Sobol points each, seed {estimate.seed}.",
        f"The standard error of the price is {tiny(valuation.price_standard_error)} per 100.",
    ]
    if valuation.process.sample_size:
        lines.append(
            f"The distribution is a sample of {valuation.process.sample_size} values; that it is only a "
            f"sample "
            f"adds a standard error of {currency} {money(valuation.sampling_error)} to the expected payment."
        )
    return lines
