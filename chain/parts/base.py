"""What a module of this package gives of its contract: the acts behind its events, what an event pays whom,
which rows of tables it makes, and how the part stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from chain.history import TRACE, Event, History
from chain.reconciliation import Check, Position, ReportState, Row
from finance.report.text import token_money
from finance.settlement.claim_token import TokenBooks
from finance.settlement.world import World
from finance.terms.problems import InputError
from finance.terms.sections import Currency


@dataclass(frozen=True)
class Said:
    """An event as far as it matters here."""

    part: str
    name: str
    arguments: Mapping[str, Any]

    def __getitem__(self, argument: str) -> Any:
        return self.arguments[argument]


Rebuilt = Iterator[tuple[str, str, dict[str, Any]]]
Rebuild = Callable[[Said, World], Rebuilt]
"""From an event to (who, what, with which arguments)."""


@dataclass(frozen=True)
class Seen:
    """One event of a part twice: its arguments by the books (`expected`; empty if no act explains it) and in
    the log (`actual`), with the world before and after the act, and the period of it (from 0) that another
    event of the same act has named. `alone`: the act says nothing else."""

    part: str
    name: str
    tx: str
    expected: Mapping[str, Any]
    actual: Mapping[str, Any]
    before: World
    after: World
    period: int | None = None
    alone: bool = False

    def __getitem__(self, argument: str) -> Any:
        """What does not depend on figures: who, which period."""
        return self.actual[argument]

    def both(self, argument: str) -> tuple[int, int]:
        """An argument that is an amount: expected and actual."""
        return self.expected.get(argument, 0), self.actual[argument]

    def row(
        self, kind: str, party: str, amounts: tuple[int, int], period: int | None = None, **more: Any
    ) -> Row:
        """A row of this event; `period` counts from 0."""
        number = None if period is None else period + 1
        return Row(self.part, kind, party, number, *amounts, tx=self.tx, **more)

    def shares(
        self, token: str, kind: str, per_unit: tuple[int, int], period: int | None = None
    ) -> Iterator[Row]:
        """A row for everybody who holds units of a token just then."""
        for holder, units in holdings(self.after, token).items():
            expected, actual = per_unit
            yield self.row(kind, holder, (expected * units, actual * units), period, units=units)


Rows = Callable[[Seen], Iterator[Row]]


@dataclass(frozen=True)
class Now:
    """A part at the block of a reconciliation: the world as the log has it lived, its clock at that block,
    and the contract itself: `read("state")`. `held`: `currency` it holds there; `sent`: what came by plain
    transfers."""

    part: str
    world: World
    read: Callable[..., Any]
    held: int
    currency: Currency
    sent: int = 0


@dataclass
class Standing:
    """How a part stands: its `state` in words, figures against the contract's, what is not paid though it
    should be, and in words what a reader should know. `ended`: nothing of it is to come; `over`: nothing of
    all that hangs together with it in the deal (`Deal.groups`), which never began."""

    state: str = ""
    ended: bool = True
    over: bool = False
    checks: list[Check] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    reports: list[ReportState] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    not_yet: list[str] = field(default_factory=list)


# -- tables

Cells = Mapping[str, Any]
"""A row of a table, by column."""
Held = MutableMapping[str, int]
"""What accounts of a part have so far, by name."""


@dataclass(frozen=True)
class Table:
    """What a part adds to a table of its deal's events: for each of these `events` its `rows`, of which the
    `columns` are shown. Raises InputError for a column that every table has of its own."""

    events: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Callable[[History, Event, Held], Iterator[Cells]]

    def __post_init__(self) -> None:
        for name in self.columns:
            if name in (*TRACE, "part"):
                own = f"{', '.join(TRACE)} and part"
                raise InputError(f"a table's column {name}: every table has {own} of its own")


def said(*events: str, **columns: str | Callable[[History, Event], Any]) -> Table:
    """A row for each event: of its arguments by their names, None where it has none, or of what a function
    makes of it."""

    def rows(log: History, event: Event, _held: Held) -> Iterator[Cells]:
        yield {
            name: event.arguments.get(of) if isinstance(of, str) else of(log, event)
            for name, of in columns.items()
        }

    return Table(events, tuple(columns), rows)


def turns(*events: str) -> Table:
    """Turns in a part's life: event, and its arguments as text."""
    return said(*events, event=lambda _, e: e.name, arguments=lambda _, e: str(e.arguments))


def running(
    *events: str,
    columns: tuple[str, ...],
    changes: Callable[[History, Event, Held], Iterator[tuple[str, int]]],
) -> Table:
    """A row for each change of an account: whose (the first of the `columns`), `change`, and what it has then
    (the last). `changes` are told what accounts had before."""

    def rows(log: History, event: Event, held: Held) -> Iterator[Cells]:
        for account, change in changes(log, event, held):
            if change:
                held[account] = held.get(account, 0) + change
                yield {columns[0]: account, "change": change, columns[-1]: held[account]}

    return Table(events, columns, rows)


BALANCES = ("account", "change", "balance")


# -- a kind


@dataclass(frozen=True)
class PartKind:
    """A contract that deals have. `contract`: its name; `helper`: that of the contract it makes for itself,
    whose address its code holds. `needs`: contracts whose addresses its constructor takes, in that order, by
    the views that tell them. `calls_currency`: as soon as it begins, so it begins after the others.
    `apart`: events that are neither acts nor follow from one that the books know. `alone`: events whose acts
    say nothing before them. `cloned`: whether each deal has a clone of its own. `words`: what each kind of
    its rows means. `tables`: what it adds to those of a deal's events, by name. `shared`: what it was for
    that a part, by key, has shared money out among holders, of which their token's event tells: `kind` and
    more of chain.ledger.Distribution; `tells_shares`: whether its own rows say that too, or the token's must.
    `measured`: events that say what became of a measurement."""

    contract: str
    acts_of: Mapping[str, Rebuild]
    rows: Mapping[str, Rows] = field(default_factory=dict)
    standing: Callable[[Now], Standing] | None = None
    apart: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    helper: str | None = None
    needs: Mapping[str, str] = field(default_factory=dict)
    calls_currency: bool = False
    cloned: bool = True
    words: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    shared: Callable[[History, Event, str], Cells] | None = None
    tells_shares: bool = True
    measured: frozenset[str] = frozenset()


def holdings(world: World, token: str) -> dict[str, int]:
    """Units of everybody who holds some, by holder."""
    accounts = world.books(token, TokenBooks).accounts
    return {holder: account.units for holder, account in sorted(accounts.items()) if account.units}


def nobodys(now: Now) -> list[str]:
    """Of a part that does not use what is simply sent to it."""
    if not now.sent:
        return []
    sent = token_money(now.sent, now.currency)
    return [f"{sent} sent straight to {now.world.addresses[now.part]}: nobody's"]
