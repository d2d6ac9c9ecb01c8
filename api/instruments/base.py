"""What an instrument is to the API: its lists, acts, state, payments and payoffs, each a function of a
`Case`.

An instrument is one module that makes an `Instrument`; routes and pages know no other difference between
kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from api.instruments.rows import TurnRow
from api.instruments.sections import Section
from api.instruments.slots import Slot, Slots, slots
from api.instruments.words import PlainWords, Say, Write
from api.models import Resource, Trace
from api.models.deployment import (
    CurvePoint,
    CurveView,
    Fact,
    Measure,
    NextStep,
    PaymentView,
    StateView,
    TierView,
)
from chain.history import Event
from chain.kinds import world_of
from chain.ledger import Ledger
from chain.parts import PARTS
from chain.replay import replay
from finance.settlement.claim_token import TokenSums
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payoff_curve import Curve, Shape
from finance.settlement.terms import FeedTerms
from finance.settlement.widths import INT128_MIN
from finance.settlement.world import Books, World
from finance.terms import Deal

if TYPE_CHECKING:
    from api.index.reader import Deployment
    from api.instruments.valued import Valued
    from finance.swaps.holders import Owed
    from finance.terms.payment_form import PaymentForm


B = TypeVar("B", bound=Books)


class TermsReader(Protocol):
    """The integers of a deal, and its feeds in the order of the record."""

    def __call__(self, deal: Deal) -> tuple[Any, tuple[FeedTerms, ...]]: ...


@dataclass(frozen=True)
class Lived:
    """The books of a deal after `events`. `unlike`: in words, what the log has and the books do not, after
    which nothing was lived."""

    events: Sequence[Event]
    world: World
    unlike: tuple[str, ...] = ()

    def goes_on(self, events: Sequence[Event]) -> bool:
        """Whether these are the same events, and perhaps more: a chain that takes blocks back can end with
        the same one again."""
        return list(self.events) == list(events[: len(self.events)])


@dataclass
class Case:
    """A deployment as the index has it, at the time `now` of the chain's clock; its `ledger` perhaps without
    the movements of units. `earlier`: the books of the same deployment before, if they are known."""

    deployment: Deployment
    instrument: Instrument
    ledger: Ledger
    now: int
    earlier: Lived | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    """What views have worked out for it once."""

    @property
    def deal(self) -> Deal:
        return self.deployment.deal

    @property
    def record(self) -> Any:
        return self.deployment.record

    @cached_property
    def _read(self) -> tuple[Any, tuple[FeedTerms, ...]]:
        return terms_of(self.instrument.terms, self.deal)

    @property
    def terms(self) -> Any:
        """SettlementTerms of a bond, SwapTerms of a swap."""
        return self._read[0]

    @property
    def feeds(self) -> tuple[FeedTerms, ...]:
        return self._read[1]

    @cached_property
    def lived(self) -> Lived:
        """The books of the deal's parts after everything that has happened, who holds what apart."""
        events, before = self.ledger.events, self.earlier
        if before is None or not before.goes_on(events):
            before = Lived((), world_of(self.record, self.record.load_deal(), holders=False))
        world, unlike = before.world, before.unlike
        if not unlike:
            made = replay(world, self.record, events[len(before.events) :])
            world, unlike = made.world, tuple(made.unlike)
        return Lived(events, world, unlike)

    @cached_property
    def world(self) -> World:
        """The books at the chain's clock: a copy of this case's own."""
        lived = self.lived.world
        parts = {key: books.copied() for key, books in lived.parts.items()}
        return replace(lived, parts=parts, at=max(self.now, lived.at), block=self.ledger.to_block + 1)

    def to_try(self, now: int) -> World:
        """The books at a time not before the last block's, for finding what somebody might do: who holds
        what they do not say."""
        parts = {
            key: books.with_holders() if isinstance(books, TokenSums) else books
            for key, books in self.world.parts.items()
        }
        return replace(self.world, parts=parts, at=max(self.world.at, now))

    @property
    def known(self) -> Lived | None:
        """The books as far as they have been worked out."""
        return self.__dict__.get("lived", self.earlier)

    @cached_property
    def slots(self) -> Slots:
        """What the oracle holds for every KPI and period."""
        return slots(self.ledger.events, self.feeds, self.deployment.feeds, self.oracle, self.now)

    @property
    def oracle(self) -> FeedBooks:
        """The oracle's books, as far as they are of this deal."""
        if "oracle" not in self.world.parts:
            return FeedBooks({})  # no part reads any
        return self.world.books("oracle", FeedBooks)

    @cached_property
    def by_name(self) -> dict[tuple[str, str], list[Event]]:
        """The events by (role of who said it, name)."""
        found: dict[tuple[str, str], list[Event]] = {}
        for event in self.ledger.events:
            found.setdefault((self.deployment.role(event.source), event.name), []).append(event)
        return found

    def events(self, source: str, name: str) -> Sequence[Event]:
        return self.by_name.get((source, name), ())

    def last(self, source: str, *names: str) -> Event | None:
        """The newest of these events, or None."""
        found = [events[-1] for name in names if (events := self.by_name.get((source, name)))]
        return max(found, key=lambda e: (e.block, e.index), default=None)

    def held(self, role: str) -> int:
        """Currency that a part holds, in minor units."""
        return self.world.held(self.deployment.keys[role])

    def is_due(self, role: str, call: str, **arguments: Any) -> bool:
        """Whether anybody may do an act of a part now, and its contract takes it: whether a keeper would."""
        acts = self.world.parts[self.deployment.keys[role]].due(self.world)
        return any(
            act.call == call and arguments.items() <= act.arguments.items() and self.world.takes(act)
            for act in acts
        )

    def books(self, role: str, kind: type[B]) -> B:
        """The books of a part."""
        return self.world.books(self.deployment.keys[role], kind)


_TERMS: dict[tuple[Deal, TermsReader], tuple[Any, tuple[FeedTerms, ...]]] = {}


def terms_of(read: TermsReader, deal: Deal) -> tuple[Any, tuple[FeedTerms, ...]]:
    """`read(deal)`, remembered: there are as many as deployed deals."""
    key = (deal, read)
    if key not in _TERMS:
        _TERMS[key] = read(deal)
    return _TERMS[key]


# -- lists


@dataclass(frozen=True)
class Collection:
    """A list of a deployment. Either `events`, (role, name) pairs of which `make` makes a row each, so that
    long ones are read from the database in parts; or `rows`, which makes them all from the case.

    `account`: the fields of a row that may be asked for by address. `role`: the contract that it takes."""

    name: str
    title: str
    row: type[Resource]
    events: frozenset[tuple[str, str]] = frozenset()
    make: Callable[[Case, Event], Resource | None] | None = None
    rows: Callable[[Case], Sequence[Resource]] | None = None
    account: tuple[str, ...] = ()
    role: str | None = None

    def is_of(self, deployment: Deployment) -> bool:
        """Whether a deployment has the contract that the list is about."""
        return self.role is None or self.role in deployment.at


class Extent(NamedTuple):
    """From the first day that counts to the last, and the principal in minor units, where there is one."""

    starts: date
    ends: date
    principal: int | None = None


@dataclass(frozen=True)
class Instrument:
    """A kind of deal. `kind` as in the deal; `name` and `title` in words, short (of the deal at hand) and in
    full. What can be done with it is in api.instruments.acts, by its contracts."""

    kind: str
    name: Callable[[Deal], str]
    title: str
    terms: TermsReader
    collections: tuple[Collection, ...]
    state: Callable[[Case], StateView]
    payments: Callable[[Case], list[PaymentView]]
    curves: Callable[[Case, str], list[CurveView]]
    given: Callable[[Case, Slot], int | None]
    """What the value that a slot holds now gives by the first payoff of its KPI; None while it holds none."""
    words: Callable[[Deal, Say, Write], PlainWords]
    """The deal in plain words, for those who buy it."""
    extent: Callable[[Deal], Extent]
    unit: Callable[[Deal], Decimal]
    """What a price of 100 is a price of, in the deal's currency."""
    valued: Callable[[Deal], Valued] | None = None
    """The deal ready to be valued; None for a kind that gives no valuation."""
    standing: Callable[[Case, Valued], Valued] = lambda case, ready: ready
    """What there is to value of a deployment as it stands, whose whole deal is ready."""
    form: Callable[[Deal], PaymentForm | None] = lambda deal: None
    """What its payments between two sides are; None for a kind without any."""
    sides: Callable[[Deal], dict[str, str]] = lambda deal: {}
    """Keys of the parties that pay each other, by side."""
    sections: Callable[[Deal, Say, Write, Case | None], list[Section]] = lambda deal, say, write, case: []
    """What its page shows besides, of a deployment as it stands."""
    owed: Callable[[Case], Owed | None] = lambda case: None
    """What the deal's project owes now, currency; None for a deal without one."""

    def reading(self, read: Callable[[Deal], Deal], **own: Any) -> Instrument:
        """The same for a kind that says in fewer words what this one says, beside what is its `own`: its
        deals are `read` as those of this kind (see Deal.reading)."""

        def of(does: Callable[..., Any]) -> Callable[..., Any]:
            return lambda deal, *more: does(read(deal), *more)

        taken = ("name", "terms", "words", "extent", "unit", "valued", "form", "sides", "sections")
        return replace(self, **{name: of(getattr(self, name)) for name in taken if getattr(self, name)} | own)

    def collection(self, name: str) -> Collection | None:
        return next((each for each in self.collections if each.name == name), None)


# -- what instruments say alike


def trace_of(event: Event) -> Trace:
    return Trace(block=event.block, log=event.index, time=event.time, tx=event.tx)


def tabled(
    name: str,
    title: str,
    row: type[Resource],
    *roles: str,
    account: tuple[str, ...] = (),
    **given: str | Callable[[Case, Event], Any],
) -> Collection:
    """The list of the table of that name (chain.parts) as far as parts in these roles add to it: a field is
    the column of the same name, or the one that is `given` for it, or what a function makes of the event;
    else its default."""
    table = name.replace("-", "_")
    tables = {role: PARTS[role].tables[table] for role in roles}

    def make(case: Case, event: Event) -> Resource:
        (cells,) = tables[case.deployment.role(event.source)].rows(case.ledger, event, {})
        found: dict[str, Any] = {"trace": trace_of(event)}
        for each in row.model_fields:
            source = given.get(each, each)
            if callable(source):
                found[each] = source(case, event)
            elif source in cells:
                found[each] = cells[source]
        return row.model_validate(found)

    events = frozenset((role, event) for role in roles for event in tables[role].events)
    return Collection(name, title, row, events, make, account=account, role=roles[0])


def turns(*roles: str) -> Collection:
    """The list of turns in the lives of parts in these roles."""
    return replace(
        tabled(
            "turns",
            "Turns in the deal's life",
            TurnRow,
            *roles,
            contract=lambda case, event: case.deployment.role(event.source),
            event=lambda _, event: event.name,
            arguments=lambda _, event: {name: str(value) for name, value in event.arguments.items()},
        ),
        role=None,
    )


def day(unix: int) -> str:
    """Unix seconds as 2021-04-01."""
    return datetime.fromtimestamp(unix, UTC).date().isoformat()


def fact(name: str, title: str, value: int | str, measure: Measure, event: Event | None = None) -> Fact:
    trace = None if event is None else trace_of(event)
    return Fact(name=name, title=title, value=str(value), measure=measure, trace=trace)


def unexplained(case: Case) -> Iterator[Fact]:
    """Where the log has what the books do not: everything here is as it was before."""
    if case.lived.unlike:
        title = "Deviations of the log from what the deal allows; figures are from before the first"
        yield fact("unexplained", title, len(case.lived.unlike), "number")


def stands(
    case: Case,
    state: str,
    title: str,
    sentence: str,
    turn: Event | None,
    facts: Iterable[Fact],
    steps: Iterable[NextStep],
) -> StateView:
    """Where a deployment stands, since its last `turn`; of the steps first those that can be done now, then
    by time."""
    return StateView(
        state=state,
        title=title,
        sentence=sentence,
        since=None if turn is None else trace_of(turn),
        time=case.now,
        facts=list(facts),
        steps=sorted(steps, key=lambda step: (not step.due, step.time)),
    )


def step(
    what: str, title: str, time: int, action: str | None = None, due: bool = True, **about: Any
) -> NextStep:
    """Something that comes next, and the `action` that does it, where it can be done now."""
    return NextStep(what=what, title=title, time=time, due=due, action=action, **about)


def report_steps(case: Case) -> Iterator[NextStep]:
    """What comes next with the reports: a measurement ends, a report is awaited, can be challenged, ruled
    on."""
    ahead: set[str] = set()
    for (kpi, period), slot in case.slots.items():
        about: dict[str, Any] = {"kpi": kpi, "period": period}
        name = f"{case.deal.kpis[kpi].title}, period {period + 1}"
        until = slot.final_at or 0
        match slot.status:
            case "none" if case.now < slot.end:
                if kpi not in ahead:  # the first of those to come is enough
                    yield step("measured", f"{name}: measurement ends", slot.end, due=False, **about)
                ahead.add(kpi)
            case "none" if case.now > slot.report_until:
                until = slot.missing_at - 1
                title = f"{name}: nobody has reported; the panel can be asked until {day(until)}"
                yield step("petition", title, until, "petition", **about)
            case "none":
                title = f"{name}: a report is due until {day(slot.report_until)}"
                yield step("report", title, slot.report_until, **about)
            case "pending":
                title = f"{name}: the report can be challenged until {day(until)}"
                yield step("final", title, until, "challenge", **about)
            case "challenged":
                yield step("ruling", f"{name}: the panel rules until {day(until)}", until, "rule", **about)


def knots_of(curve: Curve, decimals: int) -> list[tuple[float | None, int]]:
    """Knots with x in the KPI's unit; None where the curve begins at minus infinity."""
    return [(None if k.x == INT128_MIN else k.x / 10**decimals, k.y) for k in curve.knots]


def curve_view(curve: Curve, decimals: int, **about: Any) -> CurveView:
    """A payoff as points, and as tiers where it is a step."""
    knots = knots_of(curve, decimals)
    step = curve.shape is Shape.STEP
    tiers = []
    if step:
        for place, (x, y) in enumerate(knots):
            high = knots[place + 1][0] if place + 1 < len(knots) else None
            # Below the first knot the first knot's payoff holds.
            tiers.append(TierView(low=None if place == 0 else x, high=high, y=str(y)))
    return CurveView(
        kind="step" if step else "linear",
        points=[CurvePoint(x=x, y=str(y)) for x, y in knots],
        tiers=tiers,
        **about,
    )
