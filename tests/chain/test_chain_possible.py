"""What can be done by books that another package brings, which may fail at anything."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar

import pytest

from chain.possible import possible
from finance.settlement import SettlementError
from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.widths import FailedError
from finance.settlement.world import Books, World


class Colour(IntEnum):
    RED, BLUE = 1, 5


class OddBooks(Books):
    KIND = "odd"
    ACTS: ClassVar = table(
        Call("share", ANYONE, "share among so many", {"parts": "uint8"}),
        Call("paint", ANYONE, "paint", {"colour": Colour}),
        Call("tint", ANYONE, "tint", {"colour": Colour}),
        Call("note", ANYONE, "note", {"text": "string", "data": "bytes", "all": [{"a": "bytes4"}]}),
        Call("stop", ANYONE, "stop"),
        Call("missing", ANYONE, "has no method"),
        Call("end", ANYONE, "end"),
    )
    key = "odd"

    def share(self, world: World, by: str, parts: int) -> int:
        return 1 // parts

    def paint(self, world: World, by: str, colour: Colour) -> None:
        raise LookupError

    def tint(self, world: World, by: str, colour: Colour) -> None:
        world.emit("odd", "Tinted", colour={Colour.BLUE: 7}[colour])

    def note(self, world: World, by: str, text: str, data: str, all: list[Any]) -> None:
        assert (text, data, all) == ("", "0x", [])
        raise SettlementError("not now")

    def stop(self, world: World, by: str) -> None:
        raise RecursionError

    def end(self, world: World, by: str) -> None:
        raise SettlementError("not now")


def test_books_that_break_off_refuse() -> None:
    """So that a log with such an act is not explained, and nobody who looks on falls over."""
    world = World({"odd": OddBooks()}, {"odd": "0x" + "0d" * 20})
    act = Act("", "odd", "share", {"parts": 0}, 0)
    with pytest.raises(FailedError, match="odd: share: its books break off: ZeroDivisionError"):
        world.tried(act)
    assert not world.takes(act)


def test_books_that_fail_take_nothing_down() -> None:
    """Whether such an act can be done is not known: it depends, or the contract is asked."""
    world = World({"odd": OddBooks()}, {"odd": "0x" + "0d" * 20})
    assert {each.call.name: each.now for each in possible(world)} == {
        "share": "depends on parts",
        "paint": "depends on colour",
        "tint": "can be done: colour=blue",
        "note": "depends on text, data and all",
        "stop": "ask the contract",
        "missing": "ask the contract",
        "end": "no: not now",
    }
