"""What an act's arguments may be, as eth_abi takes them; and a world that goes forward and loses nothing."""

from __future__ import annotations

from enum import IntEnum
from random import Random
from typing import Any

import pytest
from eth_abi import abi

from finance.settlement import SettlementError
from finance.settlement.acts import ANYONE, Act, Call, abi_name, table
from finance.settlement.treasury import Party
from finance.settlement.world import ACTS, CURRENCY, NOBODY, World

ADDRESS, WORD = "0x" + "Ab" * 20, "0x" + "cD" * 32
DEAL = "0x" + "d0" * 20


def takes(kind: Any, value: Any) -> bool:
    try:
        found = Call("try_it", ANYONE, "", {"x": kind}).checked({"x": value})
    except SettlementError:
        return False
    assert found == {"x": value}
    return True


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [8, 16, 32, 64, 96, 128, 256])
def test_integers_have_their_widths(bits: int, signed: bool) -> None:
    kind = f"{'' if signed else 'u'}int{bits}"
    edges = [0, 1, -1, 2**bits, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1, -(2 ** (bits - 1)),
             -(2 ** (bits - 1)) - 1, 3**bits, 2 * bits]  # fmt: skip
    for value in edges:
        assert takes(kind, value) == abi.is_encodable(kind, value), value
    for value in (True, 1.0, "1", None):
        assert not takes(kind, value)


def test_other_elementary_types() -> None:
    assert takes("bool", True)
    assert takes("bool", False)
    for value in (0, 1, "true", None):
        assert not takes("bool", value)
    for kind, good in (("address", ADDRESS), ("bytes32", WORD), ("bytes4", "0x01020304")):
        assert takes(kind, good)
        assert abi.is_encodable(kind, good if kind == "address" else bytes.fromhex(good[2:]))
        digits = len(good) - 2
        longer, shorter = [good + "0", good + "00"], [good[:-1], good[:-2], good[2:]]
        others = ["0x" + "z" * digits, "1" + good[1:], bytes.fromhex(good[2:]), 7, None]
        for bad in (*longer, *shorter, *others):
            assert not takes(kind, bad), bad


def test_texts_and_bytes_of_any_length() -> None:
    for text in ("", "a", "물 {x}", "a" * 999):
        assert takes("string", text)
    for data in ("0x", "0x00", "0x" + "aB" * 999):
        assert takes("bytes", data)
    for kind, bad in (("string", (b"", 7, None, "\ud800")), ("bytes", (b"", "", "0x0", "00", "0xgg", 7))):
        for value in bad:
            assert not takes(kind, value), value


class Wide(IntEnum):
    A, B = 1, 256


class Empty(IntEnum):
    pass


@pytest.mark.parametrize(
    "kind",
    ["uint", "int", "uint0", "uint12", "uint264", "uint08", "bytes0", "bytes33", "uint8[]", "tuple", "", None,
     float, int, [], ["uint8", "bool"], ["uint"], {}, {"a": "uint"}, Wide, Empty],
)  # fmt: skip
def test_an_argument_of_no_type_is_refused_with_its_act(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"^try_it: x.*: no type of an argument: "):
        Call("try_it", ANYONE, "", {"x": kind})


@pytest.mark.parametrize(
    ("name", "argument"), [("try it", "x"), ("{try}", "x"), ("try_it", "an {x}"), ("", "x")]
)
def test_acts_and_arguments_have_names_that_a_function_can_have(name: str, argument: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        Call(name, ANYONE, "", {argument: "bool"})
    with pytest.raises(ValueError, match="no name"):
        Call("try_it", ANYONE, "", {"x": {name + argument + " ": "bool"}})


def test_lists_structs_and_enumerations() -> None:
    pair = {"units": "uint8", "to": "address"}
    assert takes(["uint8"], [])
    assert takes(["uint8"], [1, 255])
    assert not takes(["uint8"], [1, 256])
    assert takes(pair, {"units": 255, "to": ADDRESS})
    assert takes([pair], [{"units": 0, "to": ADDRESS}] * 2)
    for bad in (
        {"units": 1},
        {"units": 1, "to": ADDRESS, "more": 1},
        {"units": 256, "to": ADDRESS},
        [1, ADDRESS],
        5,
    ):
        assert not takes(pair, bad)
    found = Call("pay", ANYONE, "", {"party": Party}).checked({"party": 1})
    assert found == {"party": Party.LENDER}
    assert isinstance(found["party"], Party)
    for bad in (2, -1, "LENDER"):
        assert not takes(Party, bad)


@pytest.mark.parametrize("value", [5, None, "", "12", {}, {"a": 1}, True, b""])
def test_what_is_no_list_is_refused(value: Any) -> None:
    assert takes(["uint8"], [1, 2])
    assert not takes(["uint8"], value)
    assert not takes({"them": [["uint8"]]}, {"them": [value]})


class Kind(IntEnum):
    A = 0


def test_functions_are_called_by_the_names_that_solidity_hashes() -> None:
    struct = {"a": "uint64", "b": ["bytes32"], "c": Kind}
    call = Call("set_many_things", ANYONE, "", {"from": "address", "them": [struct], "ok": "bool"})
    assert call.function == "setManyThings"
    assert call.signature == "setManyThings(address,(uint64,bytes32[],uint8)[],bool)"
    assert Call("settle", ANYONE, "").signature == "settle()"
    assert abi_name([["uint8"]]) == "uint8[][]"
    # A keyword of Python gets an underscore, nothing else does.
    values = {"from": ADDRESS, "them": [], "ok": True}
    assert call.checked(values) == {"from_": ADDRESS, "them": [], "ok": True}
    for wrong in ({"from": ADDRESS, "them": []}, {**values, "more": 1}, {}):
        with pytest.raises(SettlementError, match="set_many_things: arguments"):
            call.checked(wrong)
    assert list(table(call, Call("settle", ANYONE, ""))) == ["set_many_things", "settle"]


def sent(by: str, to: str, value: int, at: int = 5, block: int = 2) -> Act:
    return Act(by, CURRENCY, "transfer", {"to": to, "value": value}, at, block)


def a_world() -> World:
    return World({}, {"deal": DEAL, CURRENCY: "0x" + "cc" * 20}, at=5, block=2)


def test_the_world_goes_forward_only() -> None:
    world = a_world()
    for at, block in ((4, 2), (5, 1), (4, 3), (6, 1)):
        with pytest.raises(SettlementError, match="before what was last done"):
            world.do(sent(ADDRESS, DEAL, 1, at, block))
    for at, block in ((5, 2), (5, 3), (6, 3)):
        world.do(sent(ADDRESS, DEAL, 1, at, block))
        assert (world.at, world.block) == (at, block)
    assert Act(ADDRESS, "deal", "x", {}, 1).block == 0
    assert World({}, a_world().addresses).takes(sent(ADDRESS, DEAL, 1, 0, 0))  # at first any time is later


def test_currency_is_neither_made_nor_lost(seed: int) -> None:
    """Outsiders give what they have, which is not known; the deal only what it holds; nobody gets none."""
    rng, world, held = Random(f"{seed}/currency"), a_world(), 0
    for _ in range(300):
        value, gives = rng.choice((0, rng.randrange(100), held, held + 1)), rng.random() < 0.5
        by, to = (ADDRESS, DEAL) if gives else (DEAL, ADDRESS)
        if not gives and value > held:
            with pytest.raises(SettlementError, match=f"{value} of {held} that"):
                world.tried(sent(by, to, value))
            continue
        before = world
        world, done = world.tried(sent(by, to, value))
        assert before.money[DEAL] == held
        held += value if gives else -value
        assert (world.held("deal"), world.money[DEAL], world.money[ADDRESS]) == (held, held, -held)
        (flow,) = done.flows
        assert (flow.payer, flow.payee, flow.amount, flow.what, flow.period) == (by, to, value, "gift", None)
        (event,) = done.emitted
        assert (event.part, event.name) == (CURRENCY, "Transfer")
        assert event.arguments == {"from": by, "to": to, "value": value}
        assert done.result is True
    with pytest.raises(SettlementError, match="to nobody"):
        world.do(sent(ADDRESS, NOBODY, 0))
    assert NOBODY == "0x" + 40 * "0"
    assert not world.takes(sent(DEAL, ADDRESS, held + 1))
    assert world.takes(sent(DEAL, ADDRESS, held))
    for value in (-1, 2**256):
        assert not world.takes(sent(ADDRESS, DEAL, value))


def test_parts_and_acts_that_are_not_there() -> None:
    world = a_world()
    for act, message in (
        (Act(ADDRESS, CURRENCY, "mint", {}, 5, 2), "no act mint"),
        (Act(ADDRESS, "bond", "pay", {}, 5, 2), "bond: the deal has no such part"),
        (Act(ADDRESS, CURRENCY, "transfer", {"to": DEAL}, 5, 2), "arguments"),
    ):
        with pytest.raises(SettlementError, match=message):
            world.do(act)
    with pytest.raises(SettlementError, match="no such part"):
        world.books("token", dict)
    world.parts["token"] = []
    with pytest.raises(SettlementError, match="token: list, no dict"):
        world.books("token", dict)
    assert world.books("token", list) == []
    assert set(ACTS) == {"transfer"}
