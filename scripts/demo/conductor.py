"""Any deal from beginning to end: a clock, the keeper, and people who keep their word.

Nothing here knows a kind of part but those that are sold. The dates are those of the books (`Books.dates`).
At each the keeper does what anybody may do (`World.due`), those who owe do what they promised
(`World.promised`), holders take what is theirs (`World.owing`). KPIs are reported by real node processes as
their periods end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from hexbytes import HexBytes
from web3 import Web3

from api.i18n import DEFAULT, Translator
from api.pages.transaction_words import WORDS
from chain.keeper import Keeper
from chain.kinds import plan_of
from chain.network import LocalChain, clock, reach_time, when
from chain.plan import dates_of
from chain.reconcile import names_of
from chain.reconciliation import Reconciliation
from chain.sender import GasLog
from finance.report.table import Table
from finance.settlement.acts import Act, Done
from finance.settlement.claim_token import TokenBooks
from finance.settlement.offering import OfferingBooks, State
from finance.settlement.terms import FeedTerms, allowed_classes
from finance.settlement.world import World
from finance.terms import Deal, InputError
from finance.terms.canonical import plain
from finance.terms.claim_token import ClaimToken
from oracle.kpi import to_decimal
from oracle.methods.base import Preparation
from oracle.methods.reported import ReportedMethod, ReportedRow, last_day
from oracle.twins.reported import reported_rows
from scripts.demo import cast as people
from scripts.demo import reporting
from scripts.demo.accidents import NONE, PLANNED, Accidents
from scripts.demo.cast import allot
from scripts.demo.life import DAY, IDENTITY_YEARS, Issue, Life, Reading
from scripts.demo.narrator import Narrator
from scripts.demo.story import CHAINS, LEAD_DAYS, Options, deploy, tell_reconciliation
from scripts.kinds import MODULES

ACCOUNTS = 40
"""Of the chain: for the cast, and for parties in roles that several have."""
LATE = 2 * DAY
"""By which a promise that is not kept is made good."""
MANY = 24
"""Dates from which on holders trade and claim less often than at each."""
ANY_CLASS = 0b1110
"""Retail, professional, institutional, as bits."""


@dataclass
class Conducted:
    """Everything the summary and the report are made of."""

    options: Options
    deal: Deal
    chain: LocalChain
    life: Company
    narrator: Narrator
    faults: dict[str, str] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    exposed: dict[str, str] = field(default_factory=dict)
    labels: dict[tuple[str, int], str] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    """What each leading part was worth beforehand."""
    shared: list[tuple[int, str, str, int]] = field(default_factory=list)
    """Money that holders earned: when, by which part, what for, and how much."""
    decisions: list[dict[str, Any]] = field(default_factory=list)
    """What each report decided, of each leading part (scripts.kinds)."""
    sound: bool = True
    reconciliation: Reconciliation | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.sound and self.reconciliation is not None and self.reconciliation.ok


class Company(Life):
    """A deployed deal of any parts and everybody around it."""

    def __init__(self, chain: LocalChain, deal: Deal, gas: GasLog, dates: Sequence[int]) -> None:
        allowed = ANY_CLASS
        for token in deal.having(ClaimToken).values():
            allowed &= allowed_classes(token)
        sale = Issue(0, 0, 0, 0, dates[-1], allowed) if deal.having(ClaimToken) else None
        often = len(dates) > MANY
        cast = people.QUARTERS if often else people.HALF_YEARS
        super().__init__(chain, deal, gas, cast, sale)
        self.feeds: dict[str, FeedTerms] = {feed.terms.kpi: feed.terms for feed in plan_of(deal).feeds}
        self._payments: Counter[str] = Counter()
        self._earned: dict[str, int] = {}

    def begin(self) -> None:
        """Verify investors, and set a keeper up, who is a stranger."""
        self.keeper = Keeper(self.w3, self.stranger.address, [self.record])
        self.following = self.keeper.deals[0]
        self.called = names_of(self.record) | {at: key for key, at in self.record.addresses.items()}
        for key, part in self.deal.parts.items():
            for role in part.people:
                wallet = self.record.wallets.people.get(self.deal.wallet_of(key, role))
                if wallet is not None and self.deal.in_role(role):
                    self.called[wallet] = self.deal.parties[self.deal.party_of(key, role)].name
        self.called |= self.names
        if self.issue is not None:
            expiry = self.issue.last_payment + IDENTITY_YEARS * 365 * DAY
            identities = [(expiry, people.COUNTRY_USA, self.investor_class(i)) for i in self.cast.investors]
            wallets = [self.wallet(each) for each in self.cast.investors]
            self.verifier.send(
                self.registry.functions.setIdentities(wallets, identities), "verify holders (batch)"
            )

    def fund_rewards_of(self, kpi: str) -> None:
        """What a challenger of the KPI's reports may win, by whoever sponsors its feed."""
        sponsor = next(feed.sponsor for feed in plan_of(self.deal).feeds if feed.terms.kpi == kpi)
        self.fund_rewards(sponsor, self.feeds[kpi])

    def look(self) -> World:
        return self.following.look()

    def do(self, act: Act) -> Done:
        """Send an act by the party that does it, who has test money for what it pays; what it came to."""
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
        sender.send(self.following.call(world, act), self._operation(world, act))
        return done

    def shared(self, result: Reconciliation) -> Iterator[tuple[int, str, str, int]]:
        """What holders earned, row by row: when, by which part, what for, and how much."""
        parts, times = self.look().parts, dict[str, int]()
        for row in result.rows:
            earned = not isinstance(parts[row.part], TokenBooks | OfferingBooks)
            if earned and row.units and row.tx:
                if row.tx not in times:
                    times[row.tx] = time_of(self.w3, row.tx)
                yield times[row.tx], row.part, row.kind.replace("_", " "), row.actual

    def _operation(self, world: World, act: Act) -> str:
        """What the gas is counted for; a first time costs more."""
        books = world.parts[act.part]
        if not isinstance(books, TokenBooks):
            return f"{act.call.replace('_', ' ')} ({books.KIND})"
        if act.call == "claim":
            return "claim" if self.balance(act.by) else "first claim"
        known = act.call != "transfer" or books.units_of(act.arguments["to"])
        return act.call.replace("_", " ") + ("" if known else " to a new holder")

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

    def holders_do(self) -> Iterator[tuple[Act, Done]]:
        """Claims and trades after each payment to the holders of a claim, by their habits."""
        before = self.look()
        for key, books in before.parts.items():
            if not isinstance(books, TokenBooks) or books.index == self._earned.get(key, 0):
                continue
            self._earned[key] = books.index
            self._payments[key] += 1
            names = {self.wallet(each): each.name for each in self.cast.investors}  # as the cast has them
            for act in books.owing(before):
                if act.by in names and self.cast.claims_after(names[act.by], self._payments[key]):
                    yield act, self.do(act)
            for trade in self.cast.trades_after(self._payments[key]):
                seller, buyer = self.wallet(trade.seller), self.wallet(trade.buyer)
                units = min(trade.units, books.units_of(seller))
                if units and not books.closed:
                    act = Act(seller, key, "transfer", {"to": buyer, "value": units}, 0)
                    yield act, self.do(act)


def tell(deal: Deal, options: Options, narrator: Narrator) -> Conducted:
    """Run the demonstration. Raises InputError as `check` does; whatever was started is stopped."""
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
        planned = PLANNED.get(deal.id, NONE)
        crews = {
            (kpi, captured): starting.begin(crew_of(chain.url, groups[kpi], feed, options, captured))
            for kpi, feed in feeds.items()
            for captured in ([False, True] if kpi in planned.captured else [False])
        }
        narrator.chapter(f"1. {deal.title}")
        narrator.say(f"terms hash {deal.terms_hash}")
        assumed, count = deal.assumed()
        narrator.say(f"{count} stated inputs: {count - assumed} sourced, {assumed} assumed")
        tables = []
        for key, group in deal.groups.items():
            if (opening := _said_of(group, "opening")) is None:
                continue
            line, shown = opening(group)
            narrator.say(line if len(deal.groups) == 1 else f"{key}: {line}")
            tables += shown
        narrator.chapter("2. A chain, and the deal on it")
        narrator.say(f"{chain.client}, chain id {chain.chain_id}, starts at {when(start)} (simulated time)")
        life = Company(chain, deal, GasLog(), dates)
        deploy(life, narrator)
        done = Conducted(options, deal, chain, life, narrator, tables=tables)
        what = "Reports, payments" if feeds else "Payments"
        narrator.chapter(f"3. {what}, trades and claims over simulated time")
        _Conductor(done, planned, said, crews).live(dates)
        world = life.look()
        done.decisions = [
            {"part": key, **each}
            for key, group in deal.groups.items()
            for each in (_said_of(group, "decided") or _nothing)(group, world)
        ]
        narrator.chapter("4. Reconciliation")
        done.reconciliation = life.reconcile()
        done.shared = list(life.shared(done.reconciliation))
        tell_reconciliation(done.reconciliation, life, narrator)
        done.seconds = narrator.seconds
        return done


def check(deal: Deal) -> None:
    """Raise InputError for a KPI that is read from anything but publications, before anything is touched."""
    for group in deal.groups.values():
        for feed in plan_of(group).feeds:
            publications_of(group, feed.terms, 0)


def time_of(w3: Web3, tx: str) -> int:
    """When a transaction was mined, unix seconds."""
    block = w3.eth.get_transaction(HexBytes(tx))["blockNumber"]
    return int(w3.eth.get_block(block)["timestamp"])


def _said_of(group: Deal, what: str) -> Callable[..., Any] | None:
    """What the leading part's kind has to say (scripts.kinds), if anything."""
    return getattr(MODULES.get(group.kind), what, None)


def _nothing(_group: Deal, _world: World) -> list[dict[str, Any]]:
    return []


def publications_of(deal: Deal, feed: FeedTerms, seed: int) -> dict[int, ReportedRow]:
    """What is published of a KPI in each of its periods, as the nodes read it (oracle.twins.reported).

    Raises InputError for a KPI of another method, or where a period has no value.
    """
    if feed.method != ReportedMethod.id:
        raise InputError(
            f"{deal.file or deal.id}: oracle.{feed.kpi}.method = {feed.method}: the demonstration of such a "
            f"deal reads its KPIs from publications ({ReportedMethod.id})"
        )
    found = {row.period_end: row for row in reported_rows(Preparation(feed, deal, seed, {}))}
    rows = {period: found.get(last_day(end)) for period, end in enumerate(feed.period_ends)}
    missing = [period + 1 for period, row in rows.items() if row is None]
    if missing:
        where = f"{deal.file or deal.id}: kpis.{feed.kpi}.reported_values"
        raise InputError(f"{where}: none for period {missing[0]}")
    return {period: row for period, row in rows.items() if row is not None}


def crew_of(
    rpc: str, deal: Deal, feed: FeedTerms, options: Options, captured: bool = False
) -> AbstractContextManager[reporting.Crew]:
    """The nodes of a KPI; one lies and one is down where honest ones stay the majority of a quorum. Of a
    `captured` set a whole quorum tells the same lie."""
    lies: dict[int, float] = {}
    down: list[int] = []
    lie = int(feed.max_spread * reporting.LIE_OF_SPREAD) / 10**feed.decimals
    if captured:
        lies = dict.fromkeys(range(feed.quorum), -lie)
    elif feed.nodes - feed.quorum >= 1 and feed.quorum >= 3:
        lies, down = {reporting.LIAR: lie}, [reporting.SLEEPER]
    home = options.out / "oracle" / f"nodes-{feed.kpi}{'-captured' * captured}"
    return reporting.crew(rpc, home, feed, {"deal": deal, "seed": options.seed}, lies, down)


# -- the life


class _Conductor:
    """Moves the clock from date to date, lets everybody act, and tells what happened."""

    def __init__(
        self,
        done: Conducted,
        planned: Accidents,
        said: Mapping[str, Mapping[int, ReportedRow]],
        crews: Mapping[tuple[str, bool], Callable[[], reporting.Crew]],
    ) -> None:
        """`crews`: by KPI, and whether its quorum is captured."""
        self.done, self.life, self.planned, self.said, self.crews = done, done.life, planned, said, crews
        self.late: dict[str, tuple[int, int]] = {}
        """From when to when a part is not paid what was promised."""
        self.told_late: set[str] = set()
        self.sentences = Sentences(done.life)
        self.told: dict[str, list[str]] = {}
        """What was done since it was last told, by part."""

    def live(self, dates: Sequence[int]) -> None:
        """From deployment to the last claim."""
        life = self.life
        life.begin()
        if life.issue is not None:
            self.done.narrator.say(f"{len(life.cast.investors)} wallets verified: {life.classes()}")
        self._round()
        for key, number in self.planned.unpaid.items():
            date = life.look().parts[key].dates()[number - 1]
            self.late[key] = date, date + LATE
        if self.planned.captured:
            life.mint(life.citizen.address, max(feed.challenge_bond for feed in life.feeds.values()))
        for kpi in self.planned.captured:
            life.fund_rewards_of(kpi)
        readings = [
            Reading(feed, life.record.feeds[kpi], period)
            for kpi, feed in life.feeds.items()
            for period in range(len(feed.period_ends))
        ]
        agenda: list[tuple[int, Reading | None]] = [(date, None) for date in dates]
        agenda += [(until, None) for _, until in self.late.values()]
        agenda += [(each.ends + reporting.HOUR, each) for each in readings]
        for date, reading in sorted(agenda, key=lambda each: (each[0], each[1] is None)):
            if reading is not None:
                self._report(reading)
                continue
            reach_time(life.w3, date)
            for key, units, buyers in life.subscribe_all():
                self.told.setdefault(key, []).append(f"{units:,} units sold to {buyers} investors.")
            self._round()
        while owing := life.look().owing():
            took: dict[str, list[int]] = {}
            for act in owing:
                made = life.do(act)
                took.setdefault(act.part, []).append(sum(flow.amount for flow in made.flows))
            for part, amounts in took.items():
                who = "one" if len(amounts) == 1 else f"{len(amounts)}"
                line = f"{who} took out what was theirs, {life.money.words(sum(amounts))}."
                self.told.setdefault(part, []).append(line)
            self._round()

    def _round(self) -> None:
        """All that is due, promised or, by people's habits, taken at this moment."""
        life = self.life
        while True:
            performed = life.keeper.round()
            for each in performed:
                self._note(each.act, each.done)
            promised = [act for act in life.look().promised() if not self._is_late(act.part)]
            for act in promised:
                self._note(act, life.do(act))
            if not performed and not promised:
                break
        for act, done in life.holders_do():
            if act.call != "claim":
                self._note(act, done)
        day = when(clock(life.w3))[:10]
        for part, sentences in self.told.items():
            whose = "" if len(self.done.deal.groups) == 1 else f"{part}: "
            self.done.narrator.say(f"{day}  {whose}{' '.join(sentences)}")
        self.told.clear()

    def _is_late(self, part: str) -> bool:
        """Whether those who owe a part something let the day pass, on purpose; it is told once."""
        begins, until = self.late.get(part, (0, 0))
        late = begins <= clock(self.life.w3) < until
        if late and part not in self.told_late:
            self.told_late.add(part)
            self.told.setdefault(part, []).append("Nobody pays what is due.")
        return late

    def _note(self, act: Act, done: Done) -> None:
        sentences = list(self.sentences.of(act, done))
        if sentences:
            self.told.setdefault(act.part, []).extend(sentences)

    def _report(self, reading: Reading) -> None:
        done, feed = self.done, reading.feed
        row, folder = self.said[feed.kpi][reading.period], done.options.out / "oracle" / "reports" / feed.kpi
        reporting.to_reporting_time(self.life, reading)
        if self.planned.captured.get(feed.kpi) == reading.period + 1:
            crew, name = self.crews[feed.kpi, True](), feed.kpi
            told_of = partial(self.sentences.value, name)
            found = reporting.told_dispute(self.life, reading, crew, folder, done.narrator, told_of)
            done.labels[feed.kpi, reading.period] = f"{row.label}, after a made up one"
            done.faults |= crew.faults
            done.exposed |= found.culprits
            done.sound = done.sound and found.culprits.keys() == crew.faults.keys()
            done.reports.append(found.record)
            return
        crew = self.crews[feed.kpi, False]()
        known = bool(done.faults.keys() & crew.faults.keys())
        told = reporting.told_report(self.life, reading, row, crew, folder, done.narrator, known)
        done.labels[feed.kpi, reading.period] = row.label
        done.sound = done.sound and told.sound
        done.faults |= crew.faults
        done.exposed |= told.exposed
        done.reports.append(told.record)


class Sentences:
    """What events say, in the words of the pages (api.pages.transaction_words), in English."""

    def __init__(self, life: Company) -> None:
        self.life, self.say, self.write = life, Translator(DEFAULT), self
        self._kpi = ""

    def of(self, act: Act, done: Done) -> Iterator[str]:
        """Of an act: what its own part says of it."""
        world = self.life.look()
        feeds = {feed: kpi for kpi, feed in self.life.record.feeds.items()}
        for event in done.emitted:
            self._kpi = feeds.get(event.arguments.get("feed", ""), self._kpi)
        for event in done.emitted:
            make = WORDS.get((world.kind(event.part), event.name))
            if event.part == act.part and make is not None:
                said: Any = self
                yield make(said, said, event.arguments)

    # -- as sentences are made

    def money(self, _event: Any, amount: Any) -> str:
        return self.life.money.words(int(amount))

    def kpi(self, _event: Any, value: Any) -> str:
        return self.value(self._kpi, int(value))

    def value(self, kpi_id: str, value: int) -> str:
        """A value of a KPI with its unit."""
        kpi = self.life.deal.kpis[kpi_id]
        number = to_decimal(value, kpi.decimals)
        return f"{plain(100 * number)} %" if kpi.unit == "fraction" else f"{number} {kpi.unit}"

    def who(self, address: Any) -> str:
        name = self.life.called.get(str(address), str(address))
        return name[:1].upper() + name[1:]

    def day_text(self, seconds: int) -> str:
        return when(seconds)[:10]
