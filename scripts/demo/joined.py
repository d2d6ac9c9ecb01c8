"""Any deal of any parts from beginning to end: a clock, the keeper, and people who keep their word.

Nothing here knows a kind of part but those that are sold. The dates are those of the books (`Books.dates`).
At each the keeper does what anybody may do (`World.due`), those who owe do what they promised
(`World.promised`), holders take what is theirs (`World.owing`). KPIs are reported by real node processes as
their periods end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from chain.keeper import Keeper
from chain.kinds import plan_of
from chain.network import LocalChain, clock, reach_time, when
from chain.plan import dates_of
from chain.reconcile import names_of
from chain.reconciliation import Reconciliation
from chain.sender import GasLog
from finance.settlement.acts import Act, Flow
from finance.settlement.claim_token import TokenBooks
from finance.settlement.offering import OfferingBooks, State
from finance.settlement.terms import FeedTerms, allowed_classes
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.claim_token import ClaimToken
from oracle.methods.reported import ReportedRow
from scripts.demo import cast as people
from scripts.demo import reporting
from scripts.demo.any_bond import crew_of, publications_of
from scripts.demo.cast import allot
from scripts.demo.life import DAY, IDENTITY_YEARS, Issue, Life, Reading
from scripts.demo.narrator import Narrator
from scripts.demo.story import CHAINS, LEAD_DAYS, Options, deploy, tell_reconciliation

ACCOUNTS = 40
"""Of the chain: for the cast, and for parties in roles that several have."""
ANY_CLASS = 0b1110
"""Retail, professional, institutional, as bits."""


@dataclass
class JoinedDemonstration:
    """Everything the summary and the report are made of."""

    options: Options
    deal: Deal
    chain: LocalChain
    life: JoinedLife
    narrator: Narrator
    faults: dict[str, str] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    exposed: dict[str, str] = field(default_factory=dict)
    labels: dict[tuple[str, int], str] = field(default_factory=dict)
    sound: bool = True
    reconciliation: Reconciliation | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.sound and self.reconciliation is not None and self.reconciliation.ok


class JoinedLife(Life):
    """A deployed deal of any parts and everybody around it."""

    def __init__(self, chain: LocalChain, deal: Deal, gas: GasLog, ends: int) -> None:
        allowed = ANY_CLASS
        for token in deal.having(ClaimToken).values():
            allowed &= allowed_classes(token)
        sale = Issue(0, 0, 0, 0, ends, allowed) if deal.having(ClaimToken) else None
        super().__init__(chain, deal, gas, people.QUARTERS, sale)
        self.feeds: dict[str, FeedTerms] = {feed.terms.kpi: feed.terms for feed in plan_of(deal).feeds}
        self._payments: Counter[str] = Counter()
        self._earned: dict[str, int] = {}

    def begin(self) -> None:
        """Verify investors, and set a keeper up, who is a stranger."""
        self.keeper = Keeper(self.w3, self.stranger.address, [self.record])
        self.following = self.keeper.deals[0]
        self.called = names_of(self.record) | {at: key for key, at in self.record.addresses.items()}
        self.called |= {self.wallet(each): each.name for each in self.cast.investors}
        if self.issue is not None:
            expiry = self.issue.last_payment + IDENTITY_YEARS * 365 * DAY
            identities = [(expiry, people.COUNTRY_USA, self.investor_class(i)) for i in self.cast.investors]
            wallets = [self.wallet(each) for each in self.cast.investors]
            self.verifier.send(
                self.registry.functions.setIdentities(wallets, identities), "verify holders (batch)"
            )

    def look(self) -> World:
        return self.following.look()

    def do(self, act: Act) -> Sequence[Flow]:
        """Send an act by the party that does it, who has test money for what it pays; what moved."""
        world = self.look()
        act = replace(act, at=world.at, block=world.block)
        _, done = world.tried(act)
        sender = self.sender(act.by)
        pays = sum(flow.amount for flow in done.flows if flow.payer == act.by)
        if pays:
            lacks = pays - self.balance(act.by)
            if lacks > 0:
                self.mint(act.by, lacks)
            self.approve(sender, world.addresses[act.part], pays)
        sender.send(self.following.call(world, act), f"{act.call.replace('_', ' ')} ({world.kind(act.part)})")
        return done.flows

    def subscribe_all(self) -> Iterator[tuple[str, int, int]]:
        """Whatever is open for sale and not sold is sold to everybody by their shares: the offering, units,
        buyers."""
        for key, books in self.look().parts.items():
            if (
                not isinstance(books, OfferingBooks)
                or books.sold
                or books.state(clock(self.w3)) != State.OPEN
            ):
                continue
            allotted = allot(books.terms.hard_cap)
            for name, units in allotted.items():
                self.do(Act(self.wallet(name), key, "subscribe", {"units": units}, 0))
            yield key, sum(allotted.values()), len(allotted)

    def holders_do(self) -> Iterator[tuple[Act, Sequence[Flow]]]:
        """Claims and trades after each payment to the holders of a claim, by their habits."""
        before = self.look()
        for key, books in before.parts.items():
            if not isinstance(books, TokenBooks) or books.index == self._earned.get(key, 0):
                continue
            self._earned[key] = books.index
            self._payments[key] += 1
            names = {self.wallet(each): each.name for each in self.cast.investors}
            for act in books.owing(before):
                if act.by in names and self.cast.claims_after(names[act.by], self._payments[key]):
                    yield act, self.do(act)
            for trade in self.cast.trades_after(self._payments[key]):
                seller, buyer = self.wallet(trade.seller), self.wallet(trade.buyer)
                units = min(trade.units, books.units_of(seller))
                if units:
                    act = Act(seller, key, "transfer", {"to": buyer, "value": units}, 0)
                    yield act, self.do(act)


def tell(deal: Deal, options: Options, narrator: Narrator) -> JoinedDemonstration:
    """Run the demonstration. Raises InputError for a KPI that is read from anything but publications;
    whatever was started is stopped."""
    plan = plan_of(deal)
    groups = {kpi: group for group in reversed(deal.groups.values()) for kpi in group.kpis}
    feeds = {feed.terms.kpi: feed.terms for feed in plan.feeds}
    said = {kpi: publications_of(groups[kpi], feed, options.seed) for kpi, feed in feeds.items()}
    dates = dates_of(plan)
    begins = min([*dates, *(feed.period_starts[0] for feed in feeds.values())])
    with ExitStack() as stack:
        start = begins - LEAD_DAYS * DAY
        chain = stack.enter_context(CHAINS[options.client](timestamp=start, accounts=ACCOUNTS))
        starting = stack.enter_context(reporting.Starting())
        crews = {
            kpi: starting.begin(crew_of(chain.url, groups[kpi], feed, options)) for kpi, feed in feeds.items()
        }
        narrator.chapter(f"1. {deal.title}")
        narrator.say(f"terms hash {deal.terms_hash}")
        assumed, count = deal.assumed()
        narrator.say(f"{count} stated inputs: {count - assumed} sourced, {assumed} assumed")
        for key, group in deal.groups.items():
            narrator.say(f"{key}: {group.title.removeprefix(f'{deal.title}: ')}, of {len(group.parts)} parts")
        narrator.chapter("2. A chain, and the deal on it")
        narrator.say(f"{chain.client}, chain id {chain.chain_id}, starts at {when(start)} (simulated time)")
        life = JoinedLife(chain, deal, GasLog(), dates[-1])
        deploy(life, narrator)
        done = JoinedDemonstration(options, deal, chain, life, narrator)
        narrator.chapter("3. What falls due, is reported, promised and paid, over simulated time")
        _live(done, dates, said, crews)
        narrator.chapter("4. Reconciliation")
        done.reconciliation = life.reconcile()
        tell_reconciliation(done.reconciliation, narrator)
        done.seconds = narrator.seconds
        return done


# -- the life


def _live(
    done: JoinedDemonstration,
    dates: Sequence[int],
    said: Mapping[str, Mapping[int, ReportedRow]],
    crews: Mapping[str, Callable[[], reporting.Crew]],
) -> None:
    life = done.life
    life.begin()
    if life.issue is not None:
        done.narrator.say(f"{len(life.cast.investors)} wallets verified: {life.classes()}")
    _round(done)
    readings = [
        Reading(feed, life.record.feeds[kpi], period)
        for kpi, feed in life.feeds.items()
        for period in range(len(feed.period_ends))
    ]
    agenda: list[tuple[int, Reading | None]] = [(date, None) for date in dates]
    agenda += [(each.ends + reporting.HOUR, each) for each in readings]
    for date, reading in sorted(agenda, key=lambda each: (each[0], each[1] is None)):
        if reading is not None:
            _report(done, reading, said[reading.feed.kpi][reading.period], crews[reading.feed.kpi]())
            continue
        reach_time(life.w3, date)
        for key, units, buyers in life.subscribe_all():
            _say(done, f"{key}: {units:,} units sold to {buyers} investors")
        _round(done)
    while owing := life.look().owing():
        for act in owing:
            _tell(done, act, life.do(act))
        _round(done)


def _round(done: JoinedDemonstration) -> None:
    """All that is due, promised or, by people's habits, taken at this moment."""
    life = done.life
    while True:
        performed = life.keeper.round()
        for each in performed:
            _tell(done, each.act, each.flows)
        promised = life.look().promised()
        for act in promised:
            _tell(done, act, life.do(act))
        if not performed and not promised:
            break
    for act, flows in life.holders_do():
        if act.call != "claim":
            _tell(done, act, flows)


def _tell(done: JoinedDemonstration, act: Act, flows: Sequence[Flow]) -> None:
    life = done.life
    given = ", ".join(f"{name} {_word(life, name, value)}" for name, value in act.arguments.items())
    moved = "".join(
        f"; {life.money.words(flow.amount)} {flow.what.replace('_', ' ')}"
        + ("" if flow.period is None else f" of period {flow.period + 1}")
        + f" from {life.called.get(flow.payer, flow.payer)} to {life.called.get(flow.payee, flow.payee)}"
        for flow in flows
    )
    by = f", by {life.called.get(act.by, act.by)}" if act.by and not flows else ""
    _say(done, f"{act.part}: {act.call.replace('_', ' ')}{f' ({given})' if given else ''}{by}{moved}")


def _word(life: JoinedLife, name: str, value: Any) -> str:
    """An argument: amounts as money, fixings and periods from 1, addresses by their names."""
    if name == "amount":
        return life.money.words(value)
    if name in ("fixing", "period"):
        return str(value + 1)
    return str(getattr(value, "name", life.called.get(value, value))).lower()


def _say(done: JoinedDemonstration, line: str) -> None:
    done.narrator.say(f"{when(clock(done.life.w3))[:10]}  {line}")


def _report(done: JoinedDemonstration, reading: Reading, said: ReportedRow, crew: reporting.Crew) -> None:
    reporting.to_reporting_time(done.life, reading)
    folder = done.options.out / "oracle" / "reports" / reading.feed.kpi
    known = bool(done.faults.keys() & crew.faults.keys())
    told = reporting.told_report(done.life, reading, said, crew, folder, done.narrator, known)
    done.labels[reading.feed.kpi, reading.period] = said.label
    done.sound = done.sound and told.sound
    done.faults |= crew.faults
    done.exposed |= told.exposed
    done.reports.append(told.record)
