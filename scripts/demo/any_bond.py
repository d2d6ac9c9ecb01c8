"""Any bond from beginning to end: fixed, amortising, with coupon steps, with amounts on any date.

The story of one outcome at maturity (scripts.demo.story) has lives of its own for disputes and silence. This
one lives every other bond of the deal book once, in order of time: reports by real node processes as their
periods end, the fixings that a payment needs, the payments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from chain.network import LocalChain, reach_time, when
from chain.reconciliation import Reconciliation
from chain.sender import GasLog
from finance.pricing.value import Valuation, price
from finance.settlement.terms import RATE_DECIMALS, Effect, FeedTerms, settlement_terms
from finance.terms import Deal, InputError
from oracle.kpi import to_decimal
from oracle.methods.base import Preparation
from oracle.methods.reported import ReportedMethod, ReportedRow, last_day
from oracle.twins.reported import reported_rows
from scripts.demo import reporting
from scripts.demo.bond import BondLife
from scripts.demo.life import Reading
from scripts.demo.narrator import Narrator
from scripts.demo.story import CHAINS, LEAD_DAYS, Options, deploy, issue, tell_reconciliation, tell_trades

Publications = dict[str, dict[int, ReportedRow]]
"""By KPI and period, from 0."""
LIE_OF_SPREAD = 0.6
"""What a lying node adds to a KPI, as a part of the spread of a report, so that only the median stops it."""


@dataclass
class BondDemonstration:
    """Everything the summary and the report are made of."""

    options: Options
    deal: Deal
    chain: LocalChain
    valuation: Valuation
    life: BondLife
    allotted: dict[str, int]
    narrator: Narrator
    faults: dict[str, str] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    exposed: dict[str, str] = field(default_factory=dict)
    fixings: dict[int, dict[str, Any]] = field(default_factory=dict)
    labels: dict[tuple[str, int], str] = field(default_factory=dict)
    sound: bool = True
    reconciliation: Reconciliation | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.sound and self.reconciliation is not None and self.reconciliation.ok


def tell(deal: Deal, options: Options, narrator: Narrator) -> BondDemonstration:
    """Run the demonstration. Raises InputError as `check` does; whatever was started is stopped."""
    terms = settlement_terms(deal)
    publications = {feed.kpi: publications_of(deal, feed, options.seed) for feed in terms.feeds}
    with ExitStack() as stack:
        chain = stack.enter_context(CHAINS[options.client](timestamp=terms.opens - LEAD_DAYS * 86_400))
        starting = stack.enter_context(reporting.Starting())
        crews = {feed.kpi: starting.begin(crew_of(chain.url, deal, feed, options)) for feed in terms.feeds}
        narrator.chapter(f"1. {deal.title}")
        valuation = price(deal)
        narrator.say(f"terms hash {deal.terms_hash}")
        narrator.say(f"price {valuation.price:.4f} per 100 at {valuation.rate:.2%}")
        narrator.chapter("2. A chain, and the deal on it")
        start = when(terms.opens - LEAD_DAYS * 86_400)
        narrator.say(f"{chain.client}, chain id {chain.chain_id}, starts at {start} (simulated time)")
        life = BondLife(chain, deal, GasLog())
        deploy(life, narrator)
        done = BondDemonstration(options, deal, chain, valuation, life, issue(life, narrator), narrator)
        what = "Reports, payments" if terms.feeds else "Payments"
        narrator.chapter(f"4. {what}, trades and claims over simulated time")
        _live(done, publications, crews)
        narrator.chapter("5. Reconciliation")
        done.reconciliation = life.reconcile()
        tell_reconciliation(done.reconciliation, narrator)
        done.seconds = narrator.seconds
        return done


def check(deal: Deal) -> None:
    """Raise InputError for a deal that `tell` cannot live, before anything is touched."""
    for feed in settlement_terms(deal).feeds:
        publications_of(deal, feed, 0)


def publications_of(deal: Deal, feed: FeedTerms, seed: int) -> dict[int, ReportedRow]:
    """What is published of a KPI in each of its periods, as the nodes read it (oracle.twins.reported).

    Raises InputError for a KPI of another method, or where a period has no value.
    """
    if feed.method != ReportedMethod.id:
        raise InputError(
            f"{deal.file}: oracle.{feed.kpi}.method = {feed.method}: the demonstration of such a bond reads "
            f"its KPIs from publications ({ReportedMethod.id})"
        )
    found = {row.period_end: row for row in reported_rows(Preparation(feed, deal, seed, {}))}
    rows = {period: found.get(last_day(end)) for period, end in enumerate(feed.period_ends)}
    missing = [period + 1 for period, row in rows.items() if row is None]
    if missing:
        raise InputError(f"{deal.file}: kpis.{feed.kpi}.reported_values: none for period {missing[0]}")
    return {period: row for period, row in rows.items() if row is not None}


def crew_of(rpc: str, deal: Deal, feed: FeedTerms, options: Options) -> Any:
    lies, down = {}, []
    if feed.nodes - feed.quorum >= 1 and feed.quorum >= 3:  # honest nodes stay the majority of a quorum
        lie = int(feed.max_spread * LIE_OF_SPREAD) / 10**feed.decimals
        lies, down = {reporting.LIAR: lie}, [reporting.SLEEPER]
    home = options.out / "oracle" / f"nodes-{feed.kpi}"
    return reporting.crew(rpc, home, feed, {"deal": deal, "seed": options.seed}, lies, down)


# -- the life


def _live(
    done: BondDemonstration, publications: Publications, crews: dict[str, Callable[[], reporting.Crew]]
) -> None:
    life, terms = done.life, done.life.terms
    todo = _readings(life)
    for number, period in enumerate(terms.periods, start=1):
        while todo and todo[0].ends + reporting.HOUR <= period.pay_date:
            reading = todo.pop(0)
            _report(done, reading, publications[reading.feed.kpi][reading.period], crews[reading.feed.kpi]())
        reach_time(life.w3, period.pay_date)  # by now every report that the payment needs is settled
        _fix(done, terms.bending(number - 1))
        paid = life.pay_coupon(number)
        day = when(period.pay_date)[:10]
        rate = f" at {_rate(life, number - 1)}" if terms.feeds else ""
        repaid = f", repaid {life.money.words(paid['repayment'])}" if paid["repayment"] else ""
        outcome = f", outcome {life.money.words(paid['outcome'])}" if paid["outcome"] else ""
        interest = life.money.words(paid["interest"])
        done.narrator.say(f"{day}  coupon {number}{rate}: {interest}{repaid}{outcome}")
        tell_trades(life, done.narrator)
    _fix(done, terms.bending(len(terms.periods)))
    redeemed = life.redeem()
    outcome = f", outcome {life.money.words(redeemed['outcome'])}" if redeemed["outcome"] else ""
    done.narrator.say(
        f"redeemed: principal {life.money.words(redeemed['principal'])}{outcome}, shared among holders "
        f"{life.money.words(redeemed['paid'])}"
    )
    life.everybody_claims()


def _readings(life: BondLife) -> list[Reading]:
    """Every report that a fixing goes by, once, in order of time."""
    found = {(r.id, r.period): r for r in map(life.reading, range(len(life.terms.fixings)))}
    return sorted(found.values(), key=lambda r: (r.ends, r.feed.kpi))


def _report(done: BondDemonstration, reading: Reading, said: ReportedRow, crew: reporting.Crew) -> None:
    reporting.to_reporting_time(done.life, reading)
    folder = done.options.out / "oracle" / "reports" / reading.feed.kpi
    known = bool(done.faults.keys() & crew.faults.keys())
    told = reporting.told_report(done.life, reading, said, crew, folder, done.narrator, known)
    done.labels[reading.feed.kpi, reading.period] = said.label
    done.sound = done.sound and told.sound
    done.faults |= crew.faults
    done.exposed |= told.exposed
    done.reports.append(told.record)


def _fix(done: BondDemonstration, numbers: Iterable[int]) -> None:
    life = done.life
    for number in numbers:
        if number in done.fixings:
            continue
        event = done.fixings[number] = life.fix(number)
        reading, rule = life.reading(number), life.terms.fixings[number]
        kpi = "no report" if event["missing"] else str(to_decimal(event["kpi"], reading.feed.decimals))
        if rule.effect is Effect.RATE:
            points = float(to_decimal(event["value"], RATE_DECIMALS)) * 10_000
            gives = f"coupons {rule.first + 1} to {rule.last + 1} change by {points:+g} basis points"
        else:
            gives = f"outcome {life.money.words(event['outcome'])}"
        done.narrator.say(f"fixed on {reading.feed.kpi}, period {reading.period + 1}, {kpi}: {gives}")


def _rate(life: BondLife, period: int) -> str:
    rate = life.rate(period)
    return f"{100 * float(to_decimal(rate, RATE_DECIMALS)):.4f} %"
