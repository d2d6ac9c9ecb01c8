"""Any deal from beginning to end: a clock, the keeper, a cast with habits, and planned accidents.

Nothing here knows a kind of part. The dates are those of the books (`Books.dates`). At each those who owe do
what they promised (`World.promised`), the keeper does what anybody may do (`World.due`), and people take what
is theirs (`World.owing`) by their habits. KPIs are reported by real node processes as their periods end. What
goes wrong on purpose is listed in scripts.demo.accidents; what a kind has to say of itself is in its module
(scripts.kinds).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from chain.errors import NetworkError
from chain.kinds import plan_of
from chain.ledger import read_ledger
from chain.network import LocalChain, clock, reach_time, rpc, start_anvil, start_ganache, when
from chain.parts import PARTS
from chain.plan import dates_of
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation, Row
from chain.sender import GasLog, GasUse
from finance.report.table import Table
from finance.settlement.acts import Act, Done
from finance.settlement.terms import FeedTerms
from finance.terms import Deal, InputError
from oracle.method import method_of
from oracle.methods.base import Preparation
from oracle.methods.reported import ReportedMethod
from oracle.methods.reported_table import last_day
from oracle.twins.reported import reported_rows
from scripts.demo import reporting
from scripts.demo.accidents import NONE, PLANNED, Accidents, Capture
from scripts.demo.company import DAY, DEFAULT, Company, Reading
from scripts.demo.narrator import Narrator
from scripts.demo.sentences import Sentences
from scripts.kinds import MODULES, Closing

CHAINS: dict[str, Callable[..., Any]] = {"anvil": start_anvil, "ganache": start_ganache}
LEAD_DAYS = 7
"""The chain begins this long before anything of the deal."""
ACCOUNTS = 40
"""Of the chain: for the cast, and for parties in roles that several have."""

Origin = tuple[str, str]
"""Where a KPI value comes from: `as published`, `assumed` or `simulated`, and by what."""


@dataclass(frozen=True)
class Options:
    """What the user chose. `out`: folder for everything the demonstration writes."""

    out: Path
    outcome: str = "published"
    client: str = "anvil"
    seed: int = 2020
    what_ifs: bool = True
    default: bool = False
    """Half way through nothing is paid for so long that it is a default; then what is owed by then is."""


@dataclass
class Course:
    """How one life of a deal went."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    values: dict[tuple[str, int], tuple[str | None, str]] = field(default_factory=dict)
    """What counts of a KPI in a period (from 0), and its label."""
    faults: dict[str, str] = field(default_factory=dict)
    exposed: dict[str, str] = field(default_factory=dict)
    found: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)
    """By KPI and period, where a report was computed again from its evidence: whose part does not hold."""
    disputes: list[dict[str, Any]] = field(default_factory=list)
    unpaid: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    """What each report decided, of each leading part (scripts.kinds)."""
    closing: dict[str, Closing] = field(default_factory=dict)
    """What there is to say of each leading part at the end."""
    paid: list[tuple[int, Row]] = field(default_factory=list)
    """Every payment, and when."""
    claims: dict[str, list[int]] = field(default_factory=dict)
    """What each claim on a part paid out, in minor units."""
    sound: bool = True
    _reconciliation: Reconciliation | None = None

    @property
    def reconciliation(self) -> Reconciliation:
        assert self._reconciliation is not None
        return self._reconciliation

    @property
    def ok(self) -> bool:
        return self.sound and self.reconciliation.ok


@dataclass
class Conducted:
    """Everything the summary and the report are made of."""

    options: Options
    deal: Deal
    chain: LocalChain
    life: Company
    narrator: Narrator
    main: Course = field(default_factory=Course)
    what_ifs: dict[str, Course] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    """What each leading part was worth beforehand."""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return all(course.ok for course in (self.main, *self.what_ifs.values()))


def tell(deal: Deal, options: Options, narrator: Narrator) -> Conducted:
    """Run the demonstration. Raises InputError where a KPI has no value; whatever was started is stopped."""
    plan = plan_of(deal)
    if options.outcome != "published" and not any(_is_of_works(feed.terms) for feed in plan.feeds):
        raise InputError(
            f"--outcome = {options.outcome}: the KPIs of {deal.id} are not computed from works; --seed draws "
            "others"
        )
    groups = {kpi: group for group in reversed(deal.groups.values()) for kpi in group.kpis}
    feeds = {feed.terms.kpi: feed.terms for feed in plan.feeds}
    origins = {kpi: origins_of(groups[kpi], feed, options.seed) for kpi, feed in feeds.items()}
    dates = dates_of(plan)
    begins = min([*dates, *(feed.period_starts[0] for feed in feeds.values())])
    with ExitStack() as stack:
        start = begins - LEAD_DAYS * DAY
        chain = stack.enter_context(CHAINS[options.client](timestamp=start, accounts=ACCOUNTS))
        starting = stack.enter_context(reporting.Starting())
        planned = PLANNED.get(deal.id, NONE)
        if not options.what_ifs:
            planned = replace(planned, what_ifs={})
        crews: Crews = {
            (kpi, capture): starting.begin(crew_of(chain.url, groups[kpi], feed, options, capture))
            for kpi, feed in feeds.items()
            for capture in dict.fromkeys([None, *(each.captured.get(kpi) for each in planned.lives)])
        }
        narrator.chapter(f"1. {deal.title}")
        narrator.say(f"terms hash {deal.terms_hash}")
        assumed, total = deal.assumed()
        narrator.say(f"{total} stated inputs: {total - assumed} sourced, {assumed} assumed")
        tables = []
        for key, group, opening in said_of(deal, "opening"):
            lines, shown = opening(group)
            for line in lines:
                narrator.say(line if len(deal.groups) == 1 else f"{key}: {line}")
            tables += shown
        narrator.chapter("2. A chain, and the deal on it")
        narrator.say(f"{chain.client}, chain id {chain.chain_id}, starts at {when(start)} (simulated time)")
        life = Company(chain, deal, GasLog(), dates)
        deploy(life, narrator)
        done = Conducted(options, deal, chain, life, narrator, tables=tables)
        what = "Reports, payments" if feeds else "Payments"
        narrator.chapter(f"3. {what}, trades and claims over simulated time")
        _Conductor(done, done.main, planned, origins, crews).live(dates)
        narrator.chapter("4. Reconciliation")
        tell_end(done.main, life, narrator)
        done.seconds = narrator.seconds
        return done


def deploy(life: Company, narrator: Narrator) -> None:
    """Deploy the deal and say where it is."""
    record = life.deploy()
    narrator.say(f"deal deployed in one transaction, block {record.block}: {record.tx}")
    narrator.say("every term read back from the chain equals the deal file", True)
    narrator.say(", ".join(f"{PARTS[part.kind].contract} {part.address}" for part in record.parts.values()))


def said_of(deal: Deal, what: str) -> Iterator[tuple[str, Deal, Callable[..., Any]]]:
    """Each group of a deal with what the kind of its leading part has to say (scripts.kinds), if anything."""
    for key, group in deal.groups.items():
        lived = getattr(MODULES.get(group.kind), "LIVED", None)
        made = None if lived is None else getattr(import_module(lived), what, None)
        if made is not None:
            yield key, group, made


def origins_of(deal: Deal, feed: FeedTerms, seed: int) -> list[Origin]:
    """Where each period's value of a KPI comes from, as the nodes have it. Raises InputError where a period
    of a published KPI has none."""
    if feed.method != ReportedMethod.id:
        return [("simulated", f"the {method_of(feed.method).twin} twin")] * len(feed.period_ends)
    found = {row.period_end: row for row in reported_rows(Preparation(feed, deal, seed, {}))}
    rows = [found.get(last_day(end)) for end in feed.period_ends]
    if None in rows:
        where = f"{deal.file or deal.id}: kpis.{feed.kpi}.reported_values"
        raise InputError(f"{where}: none for period {rows.index(None) + 1}")
    return [(row.label, row.document) for row in rows if row is not None]


def _origin(label: str, source: str) -> str:
    return source if source.startswith(label) else f"{label}: {source}"


def _is_of_works(feed: FeedTerms) -> bool:
    """Whether the nodes' twin can be given other works."""
    return "scenario" in method_of(feed.method).options


def crew_of(
    rpc: str, deal: Deal, feed: FeedTerms, options: Options, capture: Capture | None = None
) -> AbstractContextManager[reporting.Crew]:
    """The nodes of a KPI; one lies and one is down where honest ones stay the majority of a quorum. Of those
    of a `capture` a whole quorum tells the same lie."""
    lies: dict[int, float] = {}
    down: list[int] = []
    if capture is not None:
        lies = dict.fromkeys(range(feed.quorum), capture.lie)
    elif feed.nodes - feed.quorum >= 1 and feed.quorum >= 3:
        lie = int(feed.max_spread * reporting.LIE_OF_SPREAD) / 10**feed.decimals
        lies, down = {reporting.LIAR: lie}, [reporting.SLEEPER]
    home = options.out / "oracle" / f"nodes-{feed.kpi}{'-captured' * (capture is not None)}"
    data = {"deal": deal, "seed": options.seed}
    if _is_of_works(feed):
        data["scenario"] = options.outcome
    return reporting.crew(rpc, home, feed, data, lies, down, deal.kpis[feed.kpi].unit)


def tell_end(course: Course, life: Company, narrator: Narrator) -> None:
    """Say every sum and whether it is right."""
    tell_reconciliation(course.reconciliation, life, narrator)
    for closing in course.closing.values():
        for line, good in closing.lines:
            narrator.say(line, good)


def tell_reconciliation(result: Reconciliation, life: Company, narrator: Narrator) -> None:
    """Say every sum and whether it is right."""
    words = life.money.words
    for kind, sums in result.payments().items():
        line = f"{kind}: expected {words(sums['expected'])}, actual {words(sums['actual'])}"
        narrator.say(f"{line}, difference {sums['difference']} minor units", sums["difference"] == 0)
    narrator.say(
        "reconciled per party, holder and payment: difference 0"
        if result.ok
        else f"{len(result.differences)} differences: {result.differences[:3]}",
        result.ok,
    )


# -- a life

Crews = dict[tuple[str, Capture | None], Callable[[], reporting.Crew]]
"""By KPI, and how its quorum is captured, if it is."""


class _Conductor:
    """Moves the clock from date to date, lets everybody act, and tells what happened."""

    def __init__(
        self,
        done: Conducted,
        course: Course,
        planned: Accidents,
        origins: Mapping[str, list[Origin]],
        crews: Crews,
    ) -> None:
        self.done, self.life, self.narrator = done, done.life, done.narrator
        self.course, self.planned, self.origins, self.crews = course, planned, origins, crews
        self.agenda: list[tuple[int, int, Reading | Act | None]] = []
        """When there is something to do: a report, an act of somebody outside, or what falls due then."""
        self._order = count()
        self.beside = ""
        """What the folder of another life's reports is called beside that of the main one."""
        self.undone: list[GasUse] = []
        self.sentences = Sentences(done.life)
        self.told: list[tuple[str, str]] = []
        """What was done since it was last told: the part, and a sentence."""

    def live(self, dates: list[int]) -> None:
        """From deployment to the last claim."""
        self._begin(dates)
        self._go_on()
        # Of transactions that never were only the gas of what the main life has not.
        known = {use.operation for use in self.life.gas}
        self.life.gas.entries += [use for use in self.undone if use.operation not in known]

    def _begin(self, dates: list[int]) -> None:
        life = self.life
        verified = life.begin()
        if verified:
            self.narrator.say(verified)
        self._round()
        for key, number in self.planned.unpaid.items():
            life.past.unpaid_from[key] = life.look().parts[key].dates()[number - 1]
        if self.done.options.default:
            life.past.lateness = DEFAULT
            for key in life.deal.groups:
                falls_due = life.look().parts[key].dates()
                life.past.unpaid_from[key] = falls_due[len(falls_due) // 2]
        for name, number in self.planned.gone.items():
            life.past.gone_from[life.record.wallets[name]] = dates[number - 1]
            whose = life.called[life.record.wallets[name]]
            self.narrator.say(f"planned: {whose} pays nothing from {when(dates[number - 1])[:10]} on")
        for kpi in {kpi: None for planned in self.planned.lives for kpi in planned.captured}:
            life.stake(kpi)
        for _, group, revenue in said_of(self.done.deal, "revenue"):
            for at, act in revenue(group, self.done.options.seed):
                self._plan(at, replace(act, by=life.account(life.cast.offtaker).address))
        for kpi, feed in life.feeds.items():
            for period, end in enumerate(feed.period_ends):
                self._plan(end + reporting.HOUR, Reading(feed, life.record.feeds[kpi], period))
        for date in dates:
            self._plan(date)

    def _plan(self, at: int, what: Reading | Act | None = None) -> None:
        heapq.heappush(self.agenda, (at, next(self._order), what))

    def _go_on(self) -> None:
        """From what is next on the agenda to the end."""
        life = self.life
        while self.agenda:
            at, _, what = heapq.heappop(self.agenda)
            if isinstance(what, Reading):
                self._report(what)
                continue
            reach_time(life.w3, at)
            if what is not None:
                if life.look().takes(life.now(what)):
                    self._do(what)
                continue
            for key, units in life.on_sale().items():
                said = life.refused(key)
                self.narrator.say(f"an unverified wallet tries to buy and is refused: {said}", True)
                sold = life.subscribe(key, units)
                line = f"{sum(sold.values()):,} units sold to {len(sold)} investors."
                self.told.append((key, line))
            self._round()
        while owing := life.look().owing():
            self._take(owing)
            self._round()
        self._end()

    def _end(self) -> None:
        life, course, world = self.life, self.course, self.life.look()
        events = read_ledger(life.w3, life.record)
        times = {event.tx: event.time for event in events.events}
        result = course._reconciliation = reconcile(life.w3, life.record, life.deal, ledger=events)
        course.paid = [(times[row.tx], row) for row in result.rows if row.tx]
        for key, group, decided in said_of(life.deal, "decided"):
            course.decisions += [{"part": key, **each} for each in decided(group, world)]
        for key, group, closing in said_of(life.deal, "closing"):
            made: Closing = closing(group, world, course.paid, course.reports)
            course.closing[key] = made
            course.sound = course.sound and all(good for _, good in made.lines)

    # -- what people do

    def _round(self) -> None:
        """All that is promised, due or, by people's habits, taken at this moment."""
        late = self.life.past.late_until
        begun = set(late)
        for act, done in self.life.round():
            if act.call != "claim":
                self._note(act, done)
            else:
                self._claimed(act, done)
        for part in late.keys() - begun:
            self.told.append((part, "What is due is not paid."))
            self._plan(late[part])
        self._tell()
        for part in late.keys() - begun:
            self._tell_unpaid(part)

    def _tell(self) -> None:
        """A line for each part, of a deal of one group one for all, in the order in which things happened."""
        day, single = when(clock(self.life.w3))[:10], len(self.done.deal.groups) == 1
        for part in dict.fromkeys("" if single else part for part, _ in self.told):
            said = " ".join(line[:1].upper() + line[1:] for key, line in self.told if part in ("", key))
            self.narrator.say(f"{day}  {f'{part}: ' * bool(part)}{said}")
        self.told.clear()

    def _take(self, owing: list[Act]) -> None:
        """Each act of `owing` is done, and told by part in sum; of a part on which holders have claims, with
        what all of them took in its life."""
        took: dict[str, list[int]] = {}
        for act, made in self.life.each(owing):
            took.setdefault(act.part, []).append(sum(flow.amount for flow in made.flows))
            if act.call == "claim":
                self._claimed(act, made)
        words = self.life.money.words
        for part, amounts in took.items():
            who = "one" if len(amounts) == 1 else f"{len(amounts)}"
            line = f"{who} took out what was left to them, {words(sum(amounts))}"
            if (paid := self.course.claims.get(part, [])) and len(paid) > len(amounts):
                line += f"; {len(paid)} claims in all paid out {words(sum(paid))}"
            self.told.append((part, f"{line}."))

    def _claimed(self, act: Act, done: Done) -> None:
        self.course.claims.setdefault(act.part, []).append(sum(flow.amount for flow in done.flows))

    def _tell_unpaid(self, part: str) -> None:
        found = {"part": part, "time": clock(self.life.w3)}
        for _, group, unpaid in said_of(self.done.deal, "unpaid"):
            if part in group.parts and (made := unpaid(group, self.life.look())):
                line, facts = made
                self.narrator.say(line)
                found |= facts
        self.course.unpaid.append(found)

    def _do(self, act: Act) -> None:
        self._note(act, self.life.do(act))

    def _note(self, act: Act, done: Done) -> None:
        self.told += [(act.part, line) for line in self.sentences.of(act, done)]

    # -- reports

    def _report(self, reading: Reading) -> None:
        life, course, feed = self.life, self.course, reading.feed
        place = feed.kpi, reading.period
        folder = self.done.options.out / "oracle" / f"reports{self.beside}" / feed.kpi
        label, source = self.origins[feed.kpi][reading.period]
        reporting.to_reporting_time(life, reading)
        for name, planned in self.planned.what_ifs.items():
            if planned.at(*place):
                self._what_if(name, planned, reading)
        if self.planned.silent.get(feed.kpi) == reading.period + 1:
            self.narrator.say(
                f"{when(reading.ends)[:10]}  nobody reports on {feed.kpi}, period {place[1] + 1}"
            )
            self._plan(feed.missing_at(reading.period))
            course.values[place] = None, "missing"
            return
        if self.planned.at(*place):
            crew = self.crews[feed.kpi, self.planned.captured[feed.kpi]]()
            told_of = partial(self.sentences.value, feed.kpi)
            told = reporting.told_dispute(life, reading, crew, folder, self.narrator, told_of)
            course.disputes.append(told.facts)
            course.values[place] = told.record["corrected"], f"{label}, after a made up one"
        else:
            crew, origin = self.crews[feed.kpi, None](), _origin(label, source)
            earlier = [each for each in course.reports if "corrected" not in each]
            first = all(each["kpi"] != feed.kpi for each in earlier)
            told = reporting.told_report(life, reading, origin, crew, folder, self.narrator, first)
            course.values[place] = told.record["value"], label
            course.faults |= crew.faults
            course.exposed |= told.exposed or {}
        course.sound = course.sound and told.sound
        course.reports.append(told.record)
        if told.exposed is not None:
            course.found[place] = told.exposed

    # -- other lives

    def _what_if(self, name: str, planned: Accidents, reading: Reading) -> None:
        """Live on from a report with what else could have gone wrong, and take the chain back."""
        life = self.life
        self.narrator.chapter(f"   Another life: {name} (lived, then undone)")
        snapshot, gas, past = rpc(life.w3, "evm_snapshot"), len(life.gas.entries), deepcopy(life.past)
        other = copy(self)
        other.planned, other.beside, other.told = planned, f"-{name}", []
        other.course = self.done.what_ifs[name] = deepcopy(self.course)
        other.agenda = list(self.agenda)
        other._report(reading)
        other._go_on()
        tell_end(other.course, life, self.narrator)
        if not rpc(life.w3, "evm_revert", snapshot):
            raise NetworkError("the chain could not be taken back to before the what-if")
        self.undone += life.gas.entries[gas:]
        del life.gas.entries[gas:]
        life.past = past
        self.narrator.chapter("   Back to the main life")
