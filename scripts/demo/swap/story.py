"""The demonstration of a KPI payment from beginning to end, and what it measured.

One life: the deal is priced, deployed and issued; each period the nodes report, the swap settles either way,
the treasury pays costs, debt, swap and holders. Once the payer does not pay in and its margin is called; once
a captured quorum reports a wrong value, is challenged and corrected.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chain.network import LocalChain, reach_time, when
from chain.reconciliation import Reconciliation
from chain.sender import GasLog
from finance.report.swap_page import headline
from finance.report.text import counted
from finance.settlement.kpi_payment import Side, close_out_amount
from finance.settlement.swap_terms import swap_terms
from finance.swaps.deal import swap_inputs
from finance.swaps.index import index_swap
from finance.swaps.study import SwapStudy, swap_study
from finance.swaps.wind import is_wind
from finance.terms import Deal
from finance.terms.payment_form import payment_form
from finance.terms.schedule import regular_months
from scripts.demo import reporting
from scripts.demo.narrator import Narrator
from scripts.demo.reporting import LIAR, SLEEPER, Crew, Starting
from scripts.demo.story import CHAINS, LEAD_DAYS, Options, deploy, tell_reconciliation
from scripts.demo.swap.cast import DISPUTED, FIRST_MARGIN
from scripts.demo.swap.life import SwapLife
from scripts.demo.swap.world import Revenue, power_sales

LIE = 0.3
"""Part of the feed's largest spread that the lying node adds to what it measured."""
CAPTURE_LIE = 0.75
"""Part of the feed's largest spread that a captured quorum takes off."""
STUDY_PATHS = 4_000


@dataclass
class Fixing:
    """One period as it went, money in minor units; `revenue` and `run` only where there is a project."""

    period: int
    end: int
    kpi: int
    amount: int
    disputed: bool = False
    margin_called: bool = False
    revenue: Revenue | None = None
    run: dict[str, Any] = field(default_factory=dict)
    owed: int = 0


@dataclass
class SwapDemonstration:
    """Everything the summary and the report are made of."""

    options: Options
    deal: Deal
    chain: LocalChain
    study: SwapStudy | None
    life: SwapLife
    allotted: dict[str, int]
    faults: dict[str, str]
    fixings: list[Fixing]
    dispute: dict[str, Any]
    margin: dict[str, Any]
    reports: list[dict[str, Any]]
    reconciliation: Reconciliation
    narrator: Narrator
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.reconciliation.ok


@dataclass
class _Telling:
    """What the steps of the story share while it is told."""

    deal: Deal
    options: Options
    narrator: Narrator
    life: SwapLife
    main: Crew
    captured: Callable[[], Crew]
    sales: list[Revenue]
    fixings: list[Fixing] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    dispute: dict[str, Any] = field(default_factory=dict)
    margin: dict[str, Any] = field(default_factory=dict)

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong with the nodes that report; the one period of a short deal is reported by others."""
        return self.main.faults if len(self.life.terms.payment.periods) > 1 else {}


def tell(deal: Deal, options: Options, narrator: Narrator) -> SwapDemonstration:
    """Run the demonstration. Raises what the rooms raise; whatever was started is stopped."""
    with ExitStack() as stack:
        start = _first_day(deal) - LEAD_DAYS * 86_400
        chain = stack.enter_context(CHAINS[options.client](timestamp=start))
        starting = stack.enter_context(Starting())
        crews = _start_nodes(chain.url, deal, options, starting)
        study = _price(deal, narrator)
        narrator.chapter("2. A chain, and the deal on it")
        narrator.say(f"{chain.client}, chain id {chain.chain_id}, starts at {when(start)} (simulated time)")
        life = SwapLife(chain, deal, GasLog())
        deploy(life, narrator)
        allotted = _begin(life, narrator)
        told = _Telling(
            deal,
            options,
            narrator,
            life,
            crews["main"](),
            crews["captured"],
            power_sales(deal, life.terms, options.seed),
        )
        _periods(told)
        narrator.chapter(
            f"{5 if life.has_project else 4}. Everybody takes what is theirs, and reconciliation"
        )
        life.wind_up()
        result = life.reconcile()
        tell_reconciliation(result, life, narrator)
        return SwapDemonstration(
            options, deal, chain, study, life, allotted, told.faults, told.fixings, told.dispute,
            told.margin, told.reports, result, narrator, narrator.seconds,
        )  # fmt: skip


def _first_day(deal: Deal) -> int:
    """Unix seconds of the offering's first day, or of the first period's."""
    day = (
        deal.offering.opens.value if deal.offering is not None else deal.kpis[deal.swap.kpi].periods[0].start
    )
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _start_nodes(rpc: str, deal: Deal, options: Options, starting: Starting) -> dict[str, Callable[[], Crew]]:
    """Two sets of the same nodes: one honest but for a liar and a dead one, one whose quorum is captured."""
    feed, folder, unit = swap_terms(deal).feed, options.out / "oracle", deal.kpis[deal.swap.kpi].unit
    spread, quorum = feed.max_spread / 10**feed.decimals, feed.quorum
    data = {"deal": deal, "seed": options.seed}

    def begin(name: str, lies: dict[int, float], down: list[int]) -> Callable[[], Crew]:
        nodes = reporting.crew(rpc, folder / f"nodes-{name}", feed, data, lies, down, unit)
        return starting.begin(nodes)

    return {
        "main": begin("main", {LIAR: round(LIE * spread, 2)}, [SLEEPER]),
        "captured": begin("captured", dict.fromkeys(range(quorum), round(-CAPTURE_LIE * spread, 2)), []),
    }


def _price(deal: Deal, narrator: Narrator) -> SwapStudy | None:
    narrator.chapter(f"1. {deal.title}")
    narrator.say(f"terms hash {deal.terms_hash}")
    assumed, count = deal.assumed()
    narrator.say(f"{count} stated inputs: {count - assumed} sourced, {assumed} assumed")
    if not is_wind(deal):
        narrator.say(headline(index_swap(deal, paths=STUDY_PATHS)))
        return None
    study = swap_study(swap_inputs(deal, paths=STUDY_PATHS))
    before, after = study.before, study.after
    code = deal.currency.code
    narrator.say(
        f"revenue of a given year, P99: {code} {before.revenue['P99'].value:,.0f} without the swap, "
        f"{code} {after.revenue['P99'].value:,.0f} with it ({STUDY_PATHS:,} scenarios at the deal's own "
        "fixed payments)"
    )
    narrator.say(
        "DSCR on the same debt, P50 and P99 of each year on average: "
        f"{before.same_debt.average['P50']:.2f} and "
        f"{before.same_debt.average['P99']:.2f} without, {after.same_debt.average['P50']:.2f} and "
        f"{after.same_debt.average['P99']:.2f} with"
    )
    less = study.yearly_hedge.variance_reduction.value
    narrator.say(f"variance of a year's revenue taken away by the swap: {less:.1%}")
    return study


def _begin(life: SwapLife, narrator: Narrator) -> dict[str, int]:
    allotted: dict[str, int] = {}
    posted = life.post_collateral()
    if life.has_project:
        project = life.terms.project
        assert project is not None
        narrator.chapter("3. Investors and the issue (delivery versus payment)")
        life.onboard()
        narrator.say(f"{len(life.cast.investors)} wallets verified: {life.classes()}")
        _tell_posted(life, narrator, posted)
        allotted = life.sell()
        unit = life.money.words(project.unit_price)
        sold = f"{sum(allotted.values()):,} units of {unit} sold to {len(allotted)} investors"
        narrator.say(f"{sold}; treasury and swap begin")
    else:
        _tell_posted(life, narrator, posted)
        life.begin()
        ready = (
            "both sides' collateral is in place"
            if all(life.terms.payment.required)
            else ("the collateral is in place" if posted else "no collateral is asked for")
        )
        narrator.say(f"{ready}: the {payment_form(life.deal).noun} begins", True)
    life.aside()
    return allotted


def _tell_posted(life: SwapLife, narrator: Narrator, posted: dict[Side, int]) -> None:
    for side, amount in posted.items():
        name = life.deal.parties[_key(life, side)].name
        narrator.say(f"{name} posts {life.money.words(amount)} of collateral")


def _key(life: SwapLife, side: Side) -> str:
    return life.terms.payer if side is Side.PAYER else life.terms.payee


def _periods(told: _Telling) -> None:
    life, narrator = told.life, told.narrator
    count, span = len(life.terms.payment.periods), _span(told.deal)
    shared = ", distributions" if life.has_project else ""
    ways = " both ways" if payment_form(told.deal).two_way and count > 1 else ""
    each = f"reports, {payment_form(told.deal).due}s{ways}" if count > 1 else "one report, one payment"
    narrator.chapter(f"{4 if life.has_project else 3}. {counted(count, span)}: {each}{shared}")
    for index, fault in enumerate(told.faults.items()):
        if index == 0:
            narrator.say(f"in every {span} one node lies and one is down; the median of the others counts")
        narrator.say(f"fault injected: {fault[0]} {fault[1]}")
    disputed = min(DISPUTED, count - 1)
    for period in range(count):
        fixing = _period(told, period, period == disputed)
        told.fixings.append(fixing)
        _tell_period(told, fixing)


def _period(told: _Telling, period: int, disputed: bool) -> Fixing:
    life = told.life
    revenue = told.sales[period] if life.has_project else None
    if revenue is not None and revenue.amount:
        reach_time(life.w3, life.terms.feed.period_ends[period])
        life.sell_power(revenue.amount)
    kpi = _disputed_report(told, period) if disputed else _plain_report(told, period)
    amount = life.due(period, kpi)
    debtor = Side.PAYER if amount > 0 else Side.PAYEE
    pays_in = not (debtor is Side.PAYEE and life.has_project) and amount != 0
    calls = pays_in and debtor is Side.PAYER and not told.margin and period >= FIRST_MARGIN
    if pays_in and not calls:
        life.pay_in(debtor, abs(amount))
    reach_time(life.w3, life.terms.payment.periods[period].pay_date)
    life.settle()
    if calls:
        _margin_call(told, period, amount)
    fixing = Fixing(period, life.terms.feed.period_ends[period], kpi, amount, disputed, calls, revenue)
    if life.has_project:
        fixing.run = dict(life.pay_waterfall())
        life.habits(period + 1)
    if period % 4 == 3 and not life.has_project:
        for side in Side:
            life.take(side)
    fixing.owed = life.owed(Side.PAYEE)
    return fixing


def _plain_report(told: _Telling, period: int) -> int:
    reading = told.life.reading(period)
    reporting.to_reporting_time(told.life, reading)
    record = reporting.report(told.life, reading, told.main.urls, told.options.out / "oracle" / "reports")
    told.reports.append(record)
    reporting.wait_until_final(told.life, reading)
    return int(record["value"])


def _disputed_report(told: _Telling, period: int) -> int:
    """A captured quorum reports a wrong value, which is challenged and corrected."""
    life, reading = told.life, told.life.reading(period)
    reporting.to_reporting_time(life, reading)
    found = reporting.told_dispute(
        life,
        reading,
        told.captured(),
        told.options.out / "oracle" / "reports-disputed",
        told.narrator,
        lambda value: _kpi(life, value),
    )
    told.reports.append(found.record)
    told.dispute = {
        "period": period,
        "wrong_value": str(found.record["value"]),
        "corrected_value": str(found.right),
        "culprits": found.culprits,
        "paid_to_challenger": str(found.paid),
    }
    return found.right


def _margin_call(told: _Telling, period: int, amount: int) -> None:
    life, narrator = told.life, told.narrator
    lacks = life.shortfall(Side.PAYER)
    deadline = life.call_margin(Side.PAYER)
    name = told.deal.parties[life.terms.payer].name
    until = when(deadline)[:10]
    terms, settled = life.terms.payment, [*(f.amount for f in told.fixings), amount]
    leaving, left = close_out_amount(terms, settled, Side.PAYER), len(terms.periods) - len(settled)
    posted = terms.required[Side.PAYER]
    owing = f"has not paid in; its collateral lacks {life.money.words(lacks)}"
    narrator.say(f"{name} {owing if posted else f'has not paid {life.money.words(lacks)}'}")
    called = "margin called" if posted else "called for"
    narrator.say(f"{called} by a stranger; it can be made good until {until}")
    narrator.say(
        f"left unmet, the {_span(told.deal)} under way would be settled by its report, and {name} would owe "
        f"{life.money.words(leaving)} for the {left} after it (close-out by "
        f"{terms.close_out_rule.name.lower().replace('_', ' ')}, as of now), and be paid nothing"
    )
    life.make_good(Side.PAYER)
    made_good = "restored" if posted else "paid"
    narrator.say(f"{made_good} within the cure period; the call is void", life.shortfall(Side.PAYER) == 0)
    told.margin = {
        "period": period,
        "lacking": str(lacks),
        "deadline": deadline,
        "walking_away": str(leaving),
    }


def _span(deal: Deal) -> str:
    """What a period of the payment is called."""
    listed = deal.kpis[deal.swap.kpi].periods
    months = regular_months([(period.start, period.end) for period in listed])
    return {1: "month", 3: "quarter", 12: "year"}.get(months or 0, "period")


def _kpi(life: SwapLife, value: int) -> str:
    """A KPI value with its unit."""
    feed = life.terms.feed
    return f"{value / 10**feed.decimals:,.2f} {life.deal.kpis[feed.kpi].unit}"


def _tell_period(told: _Telling, fixing: Fixing) -> None:
    life = told.life
    words = life.money.words
    day = when(fixing.end)[:10]
    way = "to the payee" if fixing.amount > 0 else "to the payer"
    text = f"{day}  KPI {_kpi(life, fixing.kpi)}: {words(abs(fixing.amount))} {way}"
    if fixing.run:
        text += f"; holders {words(fixing.run['holders'])}"
    if fixing.owed:
        text += f"; owed by the payee {words(fixing.owed)}"
    told.narrator.say(text)
