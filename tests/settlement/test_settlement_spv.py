"""Whole vehicles, from the offering to the money after the last period, on any waterfall: real contracts and
their books, lived act by act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from finance.settlement import swap_legs, waterfall
from finance.settlement.spv_books import SpvBooks
from tests.settlement.engine import Reverted
from tests.settlement.issues import AGENT
from tests.settlement.twins import DAY, Chain, Difference, Tally, mutate, same_functions
from tests.settlement.vehicles import Hedged, Vehicle, terms_struct

PARTS = {"treasury": ("Treasury", SpvBooks)}
INNER = {("treasury", "activate")}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def test_every_function_is_an_act(chain: Chain) -> None:
    same_functions("Treasury", SpvBooks, but={"initialize"})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda due: (*due, due[-1] + 1), "feed has too few periods"),
        (lambda due: (due[0] - 31 * DAY, *due[1:]), "KPI period ends after the treasury's"),
        (lambda due: due, "not a consumer of the feed"),
    ],
)
def test_a_feed_that_would_hold_up_a_period_is_refused(
    chain: Chain, change: Callable[[tuple[int, ...]], tuple[int, ...]], why: str
) -> None:
    """A treasury that could not read a report of each of its periods never begins."""
    vehicle = next(v for case in range(99) if (v := Vehicle(chain, Random(f"feeds {case}"))).facts)
    terms = vehicle.world.parts["treasury"].terms
    at = {key: each.address for key, each in vehicle.contracts.items()}
    changed = terms_struct(replace(terms, due=change(terms.due)), at)
    with pytest.raises(Reverted, match=why.encode().hex()):
        chain.send(AGENT, chain.clone("Treasury"), "initialize", changed)


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(lambda rng, _: Vehicle(chain, rng), f"{name}/vehicle", lives, 150, PARTS, INNER)


def test_a_vehicle_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(40, cases // 250))
    assert not tally.missing(PARTS, INNER)
    assert tally.accepted.total() > tally.refused.total()


def hedged(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives with a swap."""
    return Tally.of(lambda rng, _: Hedged(chain, rng), f"{name}/hedged", lives, 200, {}, INNER)


def test_a_hedged_vehicle_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    """A swap in and out, late and in default, closed out and ended by agreement."""
    rare = {("treasury", "pay"), ("swap", "settle"), ("swap", "call_margin"), ("swap", "close_out")}
    tally, lives = hedged(chain, str(seed), max(16, cases // 600)), 0
    while not rare <= tally.accepted.keys() and (lives := lives + 1) < 200:
        tally.add_all(hedged(chain, f"{seed}/{lives}", 1))
    assert rare <= tally.accepted.keys()


MUTANTS: list[tuple[Any, str, str, str]] = [
    (waterfall, "allot", "left * part // rest", "-(-left * part // rest)"),
    (SpvBooks, "_credit", "min(credit // to.units, room) * to.units", "credit"),
    (SpvBooks, "_received", "world.held(self.key) - self.held", "0"),
    (SpvBooks, "open_period", "<= at", "< at"),
    (SpvBooks, "pay", "min(period, count - 1)", "0"),
    (SpvBooks, "pay", "self.spent_pots[0] + gifts", "self.spent_pots[0]"),
    (SpvBooks, "pay", "self.terms.due[row], is_over", "self.terms.due[row], False"),
    (SpvBooks, "_fact", "fact.missing if missing else int(value)", "int(value)"),
    (SpvBooks, "withdraw", "self.credits[payee] = 0", "pass"),
    (SpvBooks, "return_money", "self.held -= returned", "pass"),
]
"""A unit, a rounding, a second, an order: of a function, a piece and what takes its place."""


HEDGED_MUTANTS: list[tuple[Any, str, str, str]] = [
    (SpvBooks, "_collect", "self.terms.due[counts] < since", "False"),
    (SpvBooks, "_credit", "given[number] = amount\n", "given[number] = amount - 1\n"),
    (SpvBooks, "pay", "swap.owed(Side.PAYEE, world.at)", "0"),
    (swap_legs, "await_swap", "<= due", "< due"),
    (swap_legs, "await_swap", "stands == State.DEFAULTED", "False"),
    (swap_legs, "_may_still_pay", "return stands == State.ACTIVE", "return False"),
]


BROKEN = [*((lived, *each) for each in MUTANTS), *((hedged, *each) for each in HEDGED_MUTANTS)]


@pytest.mark.slow
@pytest.mark.parametrize(("lives", "owner", "name", "old", "new"), BROKEN, ids=range(len(BROKEN)))
def test_books_that_are_a_little_wrong_are_found(
    chain: Chain,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
    lives: Callable[[Chain, str, int], Tally],
    owner: Any,
    name: str,
    old: str,
    new: str,
) -> None:
    """The comparison itself can fail."""
    mutate(monkeypatch, owner, name, old, new)
    with pytest.raises(Difference):
        lives(chain, f"{seed}/wrong", 400)


def test_what_is_due_can_be_done_by_anyone(chain: Chain, seed: int) -> None:
    """The first act that is due is taken, by the contract too, whoever does it, and is due no more."""
    done: Counter[str] = Counter()
    for case in range(240):  # go on until the rarest thing has been seen
        if case >= 24 and done.keys() >= {"pay", "return_money"}:
            break
        done += Vehicle(chain, Random(f"{seed}/due {case}"), most=10**30).kept(100)
    assert done.keys() >= {"pay", "return_money"}
