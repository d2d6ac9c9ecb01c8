"""A deal's log, act by act, against the books of its parts.

What somebody did is rebuilt from the events; what comes of it is worked out by the books alone, and must be
what the log says, event for event, to the unit. Whatever the deal, the same lines do it: what the acts of a
contract look like in the log is in `chain.parts`, what they do in `finance.settlement`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from chain.events import Watch, watch
from chain.history import Event
from chain.parts import acts_of, is_apart, is_begun_before
from chain.parts.base import Said, Seen
from chain.records import DeploymentRecord
from finance.settlement.acts import Act, Done
from finance.settlement.widths import SettlementError
from finance.settlement.world import World


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
    that no act of the deal explains, with the reason; that and what came after it, `left` in all, were not
    lived."""

    world: World
    steps: list[Step] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unexplained: tuple[Event, str] | None = None
    left: Sequence[Event] = ()

    @property
    def holds(self) -> bool:
        """Whether the log is what the deal gives, to the unit."""
        return not self.differences and self.unexplained is None

    @property
    def unlike(self) -> list[str]:
        """In words, what the log has and the books do not."""
        found = [
            f"{_where(each.event)}: {each.argument} = {each.actual}, by the books {each.expected}"
            for each in self.differences
        ]
        if self.unexplained is not None:
            event, reason = self.unexplained
            found.append(f"{_where(event)}: no act of the deal explains it: {reason}")
        return found


Told = Callable[[Seen], None]


def replay(
    world: World, record: DeploymentRecord, events: Sequence[Event], tell: Told | None = None
) -> Replayed:
    """Live the `events` of the deal in `record`, in their order, from the `world` as it was before them.
    Those of its deployment are passed over: with it the first world begins (chain.kinds.world_of). `tell` is
    told of every event, those that are not lived among them."""
    made, its = Replayed(world), watch(record)
    known = [e for e in events if e.tx != record.tx and not is_apart(world, e.source, e.name)]
    lived = 0
    for _, group in groupby(known, key=lambda event: event.tx):
        rest = list(group)
        while rest and made.unexplained is None:
            step, reason = _explained(made.world, its, rest)
            if step is None:
                made.unexplained, made.left = (rest[0], reason), known[lived:]
                break
            after, found = step
            if tell is not None:
                for seen in _seen(its, found, made.world, after):
                    tell(seen)
            made.world = after
            made.steps.append(found)
            made.differences += _differences(its, found)
            rest = rest[len(found.events) :]
            lived += len(found.events)
        if made.unexplained is not None:
            break
    if tell is not None:
        for event in made.left:
            tell(Seen(event.source, event.name, event.tx, {}, event.arguments, made.world, made.world))
    return made


def _seen(its: Watch, step: Step, before: World, after: World) -> Iterator[Seen]:
    """The events of an act, each with the period that it or one before it names."""
    period = None
    for said, event in zip(_said(its, step.done), step.events, strict=True):
        if said.part != "oracle":
            period = event.arguments.get("period", period)
        alone = len(step.events) == 1
        yield Seen(
            said.part, said.name, event.tx, said.arguments, event.arguments, before, after, period, alone
        )


def _explained(world: World, its: Watch, rest: Sequence[Event]) -> tuple[tuple[World, Step] | None, str]:
    """The act whose events are the longest beginning of the rest of a transaction; else the one that gives
    the same events with other figures; else why there is none."""
    reasons, best, exact = [], None, False
    for act in _candidates(world, rest):
        try:
            after, done = world.tried(act)
        except SettlementError as error:
            reasons.append(str(error))
            continue
        said = _said(its, done)
        events = tuple(rest[: len(said)])
        if not events or [(s.part, s.name) for s in said] != [(e.source, e.name) for e in events]:
            reasons.append(f"{act.part}: {act.call} would say {', '.join(s.name for s in said) or 'nothing'}")
            continue
        same = all(dict(s.arguments) == e.arguments for s, e in zip(said, events, strict=True))
        if best is None or (same, len(events)) > (exact, len(best[1].events)):
            best, exact = (after, Step(act, done, events)), same
        if exact and len(events) == len(rest):
            break
    return best, "; ".join(dict.fromkeys(reasons)) or "no act of the deal says so"


def _candidates(world: World, rest: Sequence[Event]) -> Iterator[Act]:
    for place, event in enumerate(rest):
        if place and not is_begun_before(world, event.source, event.name):
            continue  # one transaction can hold two thousand of them, and each would be tried for every other
        yield from acts_of(Said(event.source, event.name, event.arguments), world, event.time, event.block)


def _said(its: Watch, done: Done) -> list[Said]:
    """What the books say of an act, as far as the log of a deal has it."""
    return [
        Said(each.part, each.name, each.arguments)
        for each in done.emitted
        if its.concerns(each.part, each.name, each.arguments)
    ]


def _differences(its: Watch, step: Step) -> Iterator[Difference]:
    for said, event in zip(_said(its, step.done), step.events, strict=True):
        expected: Mapping[str, Any] = said.arguments
        for name in {**expected, **event.arguments}:
            if expected.get(name) != event.arguments.get(name):
                yield Difference(event, name, expected.get(name), event.arguments.get(name))


def _where(event: Event) -> str:
    return f"block {event.block}, {event.source} {event.name}"
