"""What can be done in a deal now, by whom, and why not what cannot: by trying it on the books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from math import prod
from typing import Any

from chain.following import acts_of
from finance.report.text import joined
from finance.settlement.acts import ANYONE, AbiType, Act, Call
from finance.settlement.widths import FailedError, SettlementError, StateError
from finance.settlement.world import World

DUE, ASK, WITHIN = "due", "ask the contract", "by the deal's contracts only"
MOST_TRIED = 64
"""Combinations of arguments; of more it is said that it depends on them."""
MOST_SAID = 3
"""Reasons why not."""
DEPENDS, CAN, CANNOT = "depends on", "can be done", "no"


@dataclass(frozen=True)
class Possible:
    """An act of a part: addresses that `may`, where the table names a role; and `now`, in words, whether it
    can be done: DUE, CAN (with arguments of which there are few), DEPENDS (on which), CANNOT (why), or one
    of ASK and WITHIN. Where books fail at trying it, nothing is known: DEPENDS, or ASK if it has none."""

    part: str
    call: Call
    may: list[str]
    now: str

    @property
    def open(self) -> bool:
        """Whether somebody who may, with the right arguments, could do it now."""
        return self.now.startswith((DUE, CAN, DEPENDS))


def possible(world: World) -> Iterator[Possible]:
    """Every act of every part."""
    due = {(each.part, each.call) for each in world.due()}
    for part in world.parts:
        for name, row in acts_of(world, part).items():
            now = DUE if (part, name) in due else _now(world, part, row)
            yield Possible(part, row, sorted(world.parts[part].roles(world).get(row.who, [])), now)


def _now(world: World, part: str, row: Call) -> str:
    """Whether an act can be done now, by whoever may; else why not, or on which arguments that depends."""
    if world.shared(part):
        return ASK
    roles, contracts = world.parts[part].roles(world), set(world.addresses.values())
    who = sorted(roles.get(row.who, []))
    if who and set(who) <= contracts:
        return WITHIN
    if not who and row.who != ANYONE:
        return f"{CANNOT}: there is no {row.who}"
    if row.who == ANYONE:  # some acts do more for a party that calls itself
        who = ["", *sorted({each for some in roles.values() for each in some} - contracts)]
    known = world.parts[part].few(row.name)
    if not all(known.values()):
        return f"{CANNOT}: {nothing(row.name)}"
    few = {name: _choices(kind) for name, kind in row.arguments.items()} | known
    asked = enumerate(row.arguments.items(), 1)
    choices = [few[name] or [_blank(kind, place)] for place, (name, kind) in asked]
    if prod(map(len, choices)) > MOST_TRIED:
        return f"{DEPENDS} {joined(list(row.arguments))}"
    found, reasons, failed = [], [], False
    for by, values in product(who, product(*choices)):
        given = dict(zip(row.arguments, values, strict=True))
        try:
            _, done = world.tried(Act(by, part, row.name, given, world.at, world.block))
        except StateError as error:
            return f"{CANNOT}: {error}"
        except FailedError:
            failed = True
            continue
        except SettlementError as error:
            reasons.append(str(error))
            continue
        if done.emitted:
            found.append(" ".join(f"{name}={_typed(value)}" for name, value in given.items()))
        else:
            reasons.append(nothing(row.name))
    if not all(few.values()) or (failed and row.arguments and not found):
        return f"{DEPENDS} {joined(list(row.arguments))}"
    if found:
        return ": ".join(filter(None, (CAN, " or ".join(dict.fromkeys(found)))))
    if failed:
        return ASK
    return f"{CANNOT}: " + "; ".join([*dict.fromkeys(reasons)][:MOST_SAID])


def _choices(kind: AbiType) -> list[Any]:
    """All values of a type that has few; none of another."""
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return list(kind)
    return [True, False] if kind == "bool" else []


def _blank(kind: AbiType, place: int) -> Any:
    """Some value of a type; an address is another in each place, for few acts take one twice."""
    if isinstance(kind, Mapping):
        return {name: _blank(each, place) for name, each in kind.items()}
    if isinstance(kind, list):
        return []
    if choices := _choices(kind):
        return choices[0]
    if kind == "string":
        return ""
    if kind == "address":
        return f"0x{place:040x}"
    if not str(kind).startswith("bytes"):
        return 0
    return "0x" + "00" * int(str(kind).removeprefix("bytes") or 0)


def _typed(value: Any) -> str:
    """One of few values as it is typed."""
    return value.name.lower() if isinstance(value, IntEnum) else str(value).lower()


def nothing(call: str) -> str:
    """Of an act of which the contract would say nothing, and which moves nothing."""
    return f"there is nothing to {call.partition('_')[0]}"
