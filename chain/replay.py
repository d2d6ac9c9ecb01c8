"""A deal's log, act by act, against the books of its parts.

What somebody did is rebuilt from the events; what comes of it is worked out by the books alone, and must be
what the log says, event for event, to the unit. Whatever the deal, the same lines do it: what the acts of a
contract look like in the log is in `chain.acts`, what they do in `finance.settlement`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from web3 import Web3

from chain.acts import APART, Said, acts_of
from chain.bindings import contract, read
from chain.event_tables import EventTables
from chain.events import Event, Watch
from chain.reconciliation import Check
from finance.settlement.acts import Act, Done
from finance.settlement.widths import SettlementError
from finance.settlement.world import CURRENCY, World


@dataclass(frozen=True)
class Step:
    """An act, what the books make of it, and the events of the log that it explains."""

    act: Act
    done: Done
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Difference:
    """An argument of an event that is not what the books say."""

    event: Event
    argument: str
    expected: Any
    actual: Any


@dataclass
class Replayed:
    """A deal lived again: `world` is what its parts hold after the last act. `unexplained` is the first event
    that no act of the deal explains, with the reason; that and what came after it, `left` events in all, were
    not lived."""

    world: World
    steps: list[Step] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unexplained: tuple[Event, str] | None = None
    left: int = 0

    @property
    def holds(self) -> bool:
        """Whether the log is what the deal gives, to the unit."""
        return not self.differences and self.unexplained is None


def replay(world: World, watch: Watch, events: Sequence[Event]) -> Replayed:
    """Live the `events` of a deal, in their order and without those of its deployment, from the `world` as it
    was deployed."""
    made = Replayed(world)
    known = [e for e in events if e.name not in APART.get(e.source, ())]
    lived = 0
    for _, group in groupby(known, key=lambda event: event.tx):
        rest = list(group)
        while rest:
            step, reason = _explained(made.world, watch, rest)
            if step is None:
                made.unexplained, made.left = (rest[0], reason), len(known) - lived
                return made
            after, found = step
            made.world = after
            made.steps.append(found)
            made.differences += _differences(watch, found)
            rest = rest[len(found.events) :]
            lived += len(found.events)
    return made


def _explained(world: World, watch: Watch, rest: Sequence[Event]) -> tuple[tuple[World, Step] | None, str]:
    """The act whose events are the longest beginning of the rest of a transaction; else the one that gives
    the same events with other figures; else why there is none."""
    reasons, best, exact = [], None, False
    for act in _candidates(world, rest):
        try:
            after, done = world.tried(act)
        except SettlementError as error:
            reasons.append(str(error))
            continue
        said = _said(watch, done)
        events = tuple(rest[: len(said)])
        if not events or [s[:2] for s in said] != [(e.source, e.name) for e in events]:
            reasons.append(f"{act.part}: {act.call} would say {', '.join(s.name for s in said) or 'nothing'}")
            continue
        same = all(dict(s.arguments) == e.arguments for s, e in zip(said, events, strict=True))
        if best is None or (same, len(events)) > (exact, len(best[1].events)):
            best, exact = (after, Step(act, done, events)), same
        if exact and len(events) == len(rest):
            break
    return best, "; ".join(dict.fromkeys(reasons)) or "no act of the deal says so"


def _candidates(world: World, rest: Sequence[Event]) -> Iterator[Act]:
    for event in rest:
        yield from acts_of(Said(event.source, event.name, event.arguments), world, event.time, event.block)


def _said(watch: Watch, done: Done) -> list[Said]:
    """What the books say of an act, as far as the log of a deal has it."""
    return [
        Said(each.part, each.name, each.arguments)
        for each in done.emitted
        if watch.concerns(each.part, each.name, each.arguments)
    ]


def _differences(watch: Watch, step: Step) -> Iterator[Difference]:
    for said, event in zip(_said(watch, step.done), step.events, strict=True):
        expected: Mapping[str, Any] = said.arguments
        for name in {**expected, **event.arguments}:
            if expected.get(name) != event.arguments.get(name):
                yield Difference(event, name, expected.get(name), event.arguments.get(name))


def balances(w3: Web3, world: World, watch: Watch, block: int) -> list[Check]:
    """Currency that each of the deal's own contracts holds at a block: by the books, and on the chain."""
    money = contract(w3, "IERC20", world.addresses[CURRENCY]).functions
    return [
        Check(
            f"money: {part}: by the books = held",
            world.held(part),
            int(read(money.balanceOf(address), block)),
        )
        for part, address in world.addresses.items()
        if address in watch.own
    ]


def log_checks(w3: Web3, world: World, watch: Watch, ledger: EventTables) -> tuple[list[Check], list[str]]:
    """A deal lived again from its log: that every event is explained by an act, and has the figures of the
    books, and that every contract holds what the books say; and in words what is not so. `world`: the deal
    as it was deployed."""
    events = [event for event in ledger.events if event.tx != ledger.record.tx]
    made = replay(world, watch, events)
    checks = [
        Check("log: events that no act of the deal explains", 0, made.left),
        Check("log: figures unlike the books'", 0, len(made.differences)),
    ]
    notes = [
        f"{_where(d.event)}: {d.argument} = {d.actual}, by the books {d.expected}" for d in made.differences
    ]
    if made.unexplained is None:
        checks += balances(w3, made.world, watch, ledger.to_block)
    else:
        event, reason = made.unexplained
        notes.append(f"{_where(event)}: no act of the deal explains it: {reason}")
    return checks, notes


def _where(event: Event) -> str:
    return f"block {event.block}, {event.source} {event.name}"
