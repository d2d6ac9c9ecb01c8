"""What there is to say of a bond that is lived on a chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from chain.reconciliation import Row
from finance.actus.deal import against_settlement
from finance.pricing.sample import find_sample
from finance.pricing.value import price
from finance.report.table import Table
from finance.report.tables import summary_table
from finance.settlement.bond_books import BondBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.pro_rata import scale
from finance.settlement.terms import NEVER, RATE_DECIMALS, Effect, settlement_terms
from finance.settlement.world import World
from finance.terms import Deal
from scripts.demo.company import Money
from scripts.kinds import Closing, Drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def opening(deal: Deal) -> tuple[list[str], list[Table]]:
    """What a bond is worth when it begins: in lines, and as tables."""
    found = price(deal)
    return [f"price {found.price:.4f} per 100 at {found.rate:.2%}"], [summary_table(found)]


def dates(deal: Deal) -> Iterator[tuple[int, str]]:
    """What happens when."""
    terms = settlement_terms(deal)
    for number, period in enumerate(terms.periods, start=1):
        last = ", and the bond is redeemed" * (number == len(terms.periods))
        yield period.pay_date, f"Coupon {number} is paid{last}"


def decided(deal: Deal, world: World) -> Iterator[dict[str, Any]]:
    """What each report decided, once it was used: its KPI and period, `kpi_value`, and the `value` that the
    curve gives (1e18 = 100 % a year, or minor units for the full issue); as `outcome` what an amount is for
    the units in issue, and in `words`."""
    books = world.books(deal.lead, BondBooks)
    oracle = world.books("oracle", FeedBooks)
    for number, rule in enumerate(books.terms.fixings):
        if number not in books.life.values or rule.first == NEVER:
            continue
        value, is_rate = books.life.values[number], rule.effect is Effect.RATE
        report = oracle.report_of(books.parts.feeds[rule.feed], rule.kpi_period, world.at)
        outcome = 0 if is_rate else scale(value, books.life.units, books.terms.hard_cap)
        known = report.settled_value
        points = value / 10 ** (RATE_DECIMALS - 4)
        yield {
            "kpi": books.terms.feeds[rule.feed].kpi,
            "period": rule.kpi_period + 1,
            "decides": "rate" if is_rate else "amount",
            "coupons": [rule.first + 1, rule.last + 1],
            "kpi_value": None if known is None else str(known),
            "value": str(value),
            "outcome": str(outcome),
            "words": f"{points:+g} basis points on coupons {rule.first + 1} to {rule.last + 1}"
            if is_rate
            else f"{_direction(deal, outcome)} with payment {rule.first + 1}",
        }


def closing(
    deal: Deal, world: World, _paid: Sequence[tuple[int, Row]], reports: Sequence[dict[str, Any]]
) -> Closing:
    """The same payments as cash-flow contracts, what silence cost, and where the one report fell."""
    books, made = world.books(deal.lead, BondBooks), Closing()
    decisions = list(decided(deal, world))
    for each, rule in zip(decisions, books.terms.fixings, strict=False):
        if each["kpi_value"] is None:
            best = max(knot.y for knot in rule.curve.knots)
            line = f"silence: {each['words']}; no report could have cost the issuer more"
            made.lines.append((line, int(each["value"]) >= best))
    values = [None if each["kpi_value"] is None else int(each["kpi_value"]) for each in decisions]
    if len(values) < len(books.terms.fixings) or books.terms.premium is not None:
        return made
    contracts = against_settlement(deal, values)
    differ = sum(abs(ours - theirs) for ours, theirs in contracts.values())
    parts = ", ".join(f"{kind} {ours:,}" for kind, (ours, _) in contracts.items())
    made.lines.append((f"as ACTUS contracts the deal pays {parts}: difference {differ}", not differ))
    made.facts["cash_flow_contracts"] = {
        kind: {"contracts": str(ours), "settled": str(theirs), "difference": str(ours - theirs)}
        for kind, (ours, theirs) in contracts.items()
    }
    ours = [each for each in reports if each["kpi"] in deal.kpis]
    if len(decisions) == len(ours) == 1:
        made.headline = (
            f"Reported {deal.kpis[decisions[0]['kpi']].title.lower()} {_counted(deal, ours[0])}: "
            f"{decisions[0]['words']}"
        )
        made.figures.append(
            Drawn(
                partial(_report_figure, deal, ours[0]),
                "Above, what each value pays. Below, what the KPI was expected to be (curve: the deal file; "
                "filled: a simulated ensemble, if there is one), what each node signed, and what counted.",
            )
        )
    return made


def _direction(deal: Deal, outcome: int) -> str:
    """Who pays whom an amount, in words."""
    if not outcome:
        return "no payment either way"
    payer = "the issuer pays holders" if outcome > 0 else "holders pay the issuer"
    return f"{payer} {Money.of(deal).words(abs(outcome))}"


def _counted(deal: Deal, report: dict[str, Any]) -> str:
    """The value of a report that counts, with its unit."""
    unit, value = deal.kpis[report["kpi"]].unit, int(report.get("corrected", report["value"]))
    number = value / 10 ** int(report["decimals"])
    return f"{100 * number:.2f} %" if unit == "fraction" else f"{number:,g} {unit}"


def _report_figure(deal: Deal, report: dict[str, Any]) -> Figure:
    """KPI against what it pays, with what each node signed and what counted."""
    from finance.report.plots import INK, TWIN, payoff_figure

    valuation = price(deal)
    figure = payoff_figure(valuation, find_sample(deal, valuation.claim.kpi))
    upper, lower = figure.axes[:2]
    scale = 10 ** int(report["decimals"])
    for place, each in enumerate(report["observations"]):
        # Staggered, because honest nodes lie close together.
        height, x = (0.10 + 0.09 * place) * lower.get_ylim()[1], int(each["value"]) / scale
        lower.plot([x], [height], marker="o", markersize=6, color=INK, linestyle="none", zorder=5)
        text = f"node {each['signer_index']}"
        lower.annotate(
            text, (x, height), xytext=(7, 0), textcoords="offset points", fontsize=8, color=INK, va="center"
        )
    final = int(report.get("corrected", report["value"])) / scale
    for axes in (upper, lower):
        axes.axvline(final, color=TWIN, linewidth=1.8, zorder=1)
    counted = f"reported {_counted(deal, report)}"
    where = final, 0.6 * upper.get_ylim()[0]
    upper.annotate(counted, where, xytext=(5, 0), textcoords="offset points", color=TWIN, va="center")
    return figure
