"""What there is to say of a KPI payment that is lived on a chain, and of the project that it serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from chain.reconciliation import Row
from finance.report.table import Table
from finance.settlement.acts import Act
from finance.settlement.kpi_payment import PaymentTerms, Side, close_out_amount
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks
from finance.settlement.swap_terms import ProjectTerms, swap_terms
from finance.settlement.treasury import Run
from finance.settlement.treasury_books import TreasuryBooks
from finance.settlement.world import World
from finance.swaps.scenarios import hourly_path
from finance.swaps.wind import is_wind, wind_outlook
from finance.terms import Deal
from finance.terms.payment_form import payment_form
from finance.terms.schedule import regular_months
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury
from oracle.twins.wind import months_between
from scripts.demo.company import Money
from scripts.kinds import Closing, Drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE: Final = "0x" + b"power sales".ljust(32, b"\0").hex()
"""The treasury's line for what a plant sells."""
MOST_TOLD = 4_000
"""Paths behind the lines with which a demonstration opens."""


def opening(deal: Deal) -> tuple[list[str], list[Table]]:
    """What a payment is worth when it begins: in lines, and as tables."""
    from finance.report.swap_page import headline
    from finance.swaps.deal import swap_inputs
    from finance.swaps.index import index_swap
    from finance.swaps.study import swap_study

    if not is_wind(deal):
        return [headline(index_swap(deal, paths=MOST_TOLD))], []
    study = swap_study(swap_inputs(deal, paths=MOST_TOLD))
    before, after, code = study.before, study.after, deal.currency.code
    low, high = before.same_debt.average, after.same_debt.average
    return [
        f"revenue of a given year, P99: {code} {before.revenue['P99'].value:,.0f} without the swap, "
        f"{code} {after.revenue['P99'].value:,.0f} with it ({MOST_TOLD:,} scenarios at the deal's own "
        "fixed payments)",
        f"DSCR on the same debt, P50 and P99 of each year on average: {low['P50']:.2f} and {low['P99']:.2f} "
        f"without, {high['P50']:.2f} and {high['P99']:.2f} with",
        f"variance of a year's revenue taken away by the swap: "
        f"{study.yearly_hedge.variance_reduction.value:.1%}; debt capacity at the same covenants "
        f"{code} {before.capacity.value:,.0f} without, {code} {after.capacity.value:,.0f} with",
    ], []


def dates(deal: Deal) -> Iterator[tuple[int, str]]:
    """What happens when."""
    pays = ", the treasury pays" if deal.only_or_none(Treasury) is not None else ""
    for number, period in enumerate(swap_terms(deal).payment.periods, start=1):
        yield period.pay_date, f"The {payment_form(deal).noun} settles {_span(deal)} {number}{pays}"


def revenue(deal: Deal, seed: int) -> Iterator[tuple[int, Act]]:
    """What the buyer of a wind project's power pays at the end of each period, simulated: in the scenario
    behind the nodes' weather and prices. What the plant meters is the scenario's proxy energy times its
    operating noise; it is sold at the node, not at the hub."""
    terms, treasury = (
        swap_terms(deal),
        deal.key_of(Treasury) if deal.only_or_none(Treasury) is not None else None,
    )
    if treasury is None or not is_wind(deal):
        return
    starts, ends = terms.feed.period_starts, terms.feed.period_ends
    path = hourly_path(wind_outlook(deal), months_between(starts[0], ends[-1]), seed, 0)
    seconds = path.hours.astype("datetime64[s]").astype(np.int64)
    for first, after in zip(starts, ends, strict=True):
        here = (seconds >= first) & (seconds < after)
        worth = float(path.actual[here] @ path.node[here])
        cents = Decimal(worth).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        amount = int(cents.scaleb(terms.currency_decimals))
        if amount > 0:  # a quarter of losses is sold for nothing
            yield after, Act("", treasury, "receive_revenue", {"line": LINE, "amount": amount}, after)


def unpaid(deal: Deal, world: World) -> tuple[str, dict[str, Any]] | None:
    """What a side that has been called would owe if it left the call unmet, in words and figures."""
    books, terms = world.books(deal.lead, PaymentBooks), swap_terms(deal).payment
    amounts, words = books.ledger.amounts, Money.of(deal).words
    for side, key in ((Side.PAYER, deal.only(KpiPayment).payer), (Side.PAYEE, deal.only(KpiPayment).payee)):
        account = books.ledger.accounts[side]
        if not account.deadline:
            continue
        lacks = max(0, terms.required[side] - account.balance) + account.debt.principal
        leaving, left = abs(close_out_amount(terms, amounts, side)), len(terms.periods) - len(amounts)
        name, rule = deal.parties[key].name, terms.close_out_rule.name.lower().replace("_", " ")
        posted = "its collateral lacks" if terms.required[side] else "it owes"
        line = (
            f"{name} has not paid: {posted} {words(lacks)}; left unmet, the "
            f"{_span(deal)} under way would be settled by its report, and {name} would owe "
            f"{words(leaving)} for the {left} after it (close-out by {rule}, as of "
            "now), and be paid nothing"
        )
        facts = {"side": side.name.lower(), "deadline": account.deadline, "lacking": str(lacks)}
        return line, {**facts, "period": len(amounts), "walking_away": str(leaving)}
    return None


def decided(deal: Deal, world: World) -> Iterator[dict[str, Any]]:
    """What each report decided, once its period was settled: `value` is the amount due to the payee, in minor
    units; in `words` too."""
    books, oracle = world.books(deal.lead, PaymentBooks), world.books("oracle", FeedBooks)
    for period, amount in enumerate(books.ledger.amounts):
        known = oracle.report_of(books.parts.feed, period, world.at).settled_value
        way = "to the payee" if amount >= 0 else "to the payer"
        yield {
            "kpi": deal.only(KpiPayment).kpi,
            "period": period + 1,
            "decides": "payment",
            "kpi_value": None if known is None else str(known),
            "value": str(amount),
            "words": f"{Money.of(deal).words(abs(amount))} {way}",
        }


def closing(
    deal: Deal, world: World, paid: Sequence[tuple[int, Row]], _reports: Sequence[dict[str, Any]]
) -> Closing:
    """Settlements; and of a project its periods and the coverage of its debt before and after them."""
    lived = _Lived(deal, world, paid)
    form, amounts, words = payment_form(deal), lived.amounts, Money.of(deal).words
    to_payee, to_payer = (sum(max(0, way * amount) for amount in amounts) for way in (1, -1))
    names = [deal.parties[key].name for key in (deal.only(KpiPayment).payee, deal.only(KpiPayment).payer)]
    went = [
        f"{words(amount)} went to {name}"
        for amount, name in zip((to_payee, to_payer), names, strict=True)
        if amount
    ]
    if form.is_charge:
        went.append(f"after {words(lived.fixed - to_payee)} of {form.payoff}s")
    made = Closing(headline=", ".join(went) or "nothing was due")
    if len(amounts) > 1:
        made.figures.append(
            Drawn(
                partial(_settlements, lived),
                f"What each period's report made due: blue what is paid, orange the {form.payoff} by the "
                "reported KPI."
                if form.is_charge
                else "What each period's report made due: above the line the payee receives, below it pays.",
            )
        )
    if lived.project is not None:
        made.facts |= {"periods": lived.periods(), "coverage": lived.coverage()}
        made.tables += [_periods_table(lived), _coverage_table(lived)]
        made.figures.append(
            Drawn(
                partial(_coverage_figure, lived),
                "Left, the project's revenue of each contract year, without and with the swap. Right, how "
                "often it covers the year's debt service after operating cost. What happened in one "
                "simulated scenario.",
            )
        )
    return made


def _span(deal: Deal) -> str:
    """What a period of the payment is called."""
    listed = deal.kpis[deal.only(KpiPayment).kpi].periods
    months = regular_months([(period.start, period.end) for period in listed])
    return {1: "month", 3: "quarter", 12: "year"}.get(months or 0, "period")


# -- figures

YEAR = 4  # quarters


@dataclass(frozen=True, eq=False)
class _Lived:
    """A payment as it went, from the books and the payments of the log."""

    deal: Deal
    world: World
    paid: Sequence[tuple[int, Row]]

    @property
    def terms(self) -> PaymentTerms:
        return swap_terms(self.deal).payment

    @cached_property
    def project(self) -> ProjectTerms | None:
        return swap_terms(self.deal).project

    @cached_property
    def amounts(self) -> tuple[int, ...]:
        """To the payee, by period settled."""
        return self.world.books(self.deal.lead, PaymentBooks).ledger.amounts

    @cached_property
    def fixed(self) -> int:
        return sum(period.fixed_amount for period in self.terms.periods[: len(self.amounts)])

    @cached_property
    def runs(self) -> list[Run]:
        """What the treasury spent, by period."""
        runs = self.world.books(self.deal.key_of(Treasury), TreasuryBooks).ledger.runs
        return [run for run in runs if run.period < len(self.terms.periods)]

    @cached_property
    def sold(self) -> list[int]:
        """Revenue by the period before whose settlement it came in."""
        found = [0] * len(self.terms.periods)
        for at, row in self.paid:
            if row.kind == "revenue":
                place = next((i for i, each in enumerate(self.terms.periods) if at < each.pay_date), -1)
                found[place] += row.actual
        return found

    def periods(self) -> list[dict[str, Any]]:
        """Period by period, money in minor units as text."""
        return [
            {
                "period": run.period + 1,
                "end": self.terms.periods[run.period].end,
                "amount": str(self.amounts[run.period]),
                "revenue": str(self.sold[run.period]),
                "collected": str(run.collected),
                "operating_cost": str(run.paid[0]),
                "debt_service": str(run.paid[1]),
                "swap": str(run.paid[3]),
                "owed_on_swap": str(run.needs[3] - run.paid[3]),
                "holders": str(run.distributed),
            }
            for run in self.runs
        ]

    def coverage(self) -> list[dict[str, Any]]:
        """By contract year: revenue before and after the swap, and the DSCR of each: revenue less operating
        cost, over debt service."""
        assert self.project is not None
        years = []
        for first in range(0, len(self.amounts) - YEAR + 1, YEAR):
            quarters = slice(first, first + YEAR)
            before = sum(self.sold[quarters])
            after = before + sum(self.amounts[quarters])
            needs = self.project.periods[quarters]
            cost, service = sum(p.operating_cost for p in needs), sum(p.debt_service for p in needs)
            years.append(
                {
                    "year": first // YEAR + 1,
                    "revenue": str(before),
                    "hedged_revenue": str(after),
                    "dscr": round((before - cost) / service, 4) if service else None,
                    "hedged_dscr": round((after - cost) / service, 4) if service else None,
                }
            )
        return years

    @cached_property
    def million(self) -> int:
        return 10 ** (self.deal.currency.token_decimals + 6)

    @cached_property
    def ends(self) -> Any:
        return [datetime.fromtimestamp(p.end, UTC) for p in self.terms.periods[: len(self.amounts)]]


def _periods_table(lived: _Lived) -> Table:
    columns = ("Period", "To the payee", "Revenue", "Costs", "Debt", "On the swap", "To holders")
    names = ("amount", "revenue", "operating_cost", "debt_service", "swap", "holders")
    scale = 10**lived.deal.currency.token_decimals
    rows = tuple(
        (str(each["period"]), *(f"{round(int(each[name]) / scale):,}" for name in names))
        for each in lived.periods()
    )
    title = f"Period by period, {lived.deal.currency.code}"
    note = "Revenue is simulated: what the asset sold in the scenario behind the nodes' weather and prices."
    return Table(title, columns, rows, frozenset(columns), (note,))


def _coverage_table(lived: _Lived) -> Table:
    columns = ("Year", "Revenue", "With the swap", "DSCR", "DSCR with the swap")
    scale = 10**lived.deal.currency.token_decimals

    def ratio(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    rows = tuple(
        (
            str(each["year"]),
            f"{round(int(each['revenue']) / scale):,}",
            f"{round(int(each['hedged_revenue']) / scale):,}",
            ratio(each["dscr"]),
            ratio(each["hedged_dscr"]),
        )
        for each in lived.coverage()
    )
    title = f"Coverage of debt, {lived.deal.currency.code}"
    return Table(title, columns, rows, frozenset(columns), ("What happened in one simulated scenario.",))


def _settlements(lived: _Lived) -> Figure:
    """Every settlement: above the line the payee receives, below it pays."""
    from finance.report.plots import GAIN, INK, LOSS
    from finance.report.text import initial
    from scripts.demo.figures import leave_room_above

    form, amounts = payment_form(lived.deal), [amount / lived.million for amount in lived.amounts]
    figure = _figure(3.2)
    axes = figure.subplots()
    axes.bar(lived.ends, amounts, width=60, color=[GAIN if amount >= 0 else LOSS for amount in amounts])
    if form.is_charge:
        changed = [
            period.fixed_amount / lived.million - amount
            for period, amount in zip(lived.terms.periods, amounts, strict=False)
        ]
        axes.bar(lived.ends, changed, width=60, bottom=amounts, color=LOSS)
        leave_room_above(axes, map(sum, zip(amounts, changed, strict=True)))
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set_ylabel(f"{initial(form.due)} to the payee\n({lived.deal.currency.code} million)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _coverage_figure(lived: _Lived) -> Figure:
    """A project's revenue by contract year, before and after the swap, and the coverage of its debt."""
    from finance.report.plots import GAIN, LOSS, TWIN

    years = lived.coverage()
    places = np.arange(len(years))
    figure = _figure(3.6)
    left, right = figure.subplots(1, 2)
    for offset, name, colour, label in (
        (-0.2, "revenue", LOSS, "without the swap"),
        (0.2, "hedged_revenue", GAIN, "with it"),
    ):
        heights = [int(each[name]) / lived.million for each in years]
        left.bar(places + offset, heights, 0.38, color=colour, label=label)
    left.set_ylabel(f"Revenue of the year ({lived.deal.currency.code} million)")
    for name, colour, marker in (("dscr", LOSS, "o"), ("hedged_dscr", GAIN, "s")):
        right.plot(places, [each[name] for each in years], marker=marker, color=colour)
    covenant = lived.deal.only(KpiPayment).covenant_dscr
    if covenant is not None:
        level, text = float(covenant.value), {"textcoords": "offset points", "fontsize": 8}
        right.axhline(level, color=TWIN, linewidth=1, linestyle=(0, (4, 3)))
        right.annotate(f"covenant {level:.2f}", (0, level), xytext=(0, 3), **text)
    right.set_ylabel("DSCR of the year")
    for axes in (left, right):
        axes.set_xticks(places, [str(each["year"]) for each in years])
        axes.set_xlabel("Contract year")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(8.2, height), layout="constrained")
