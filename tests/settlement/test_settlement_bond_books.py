"""Whole bonds, from the offering to redemption or recovery: real contracts and books, lived act by act."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from finance.settlement import bond, bond_life
from finance.settlement.bond_books import BondBooks
from finance.settlement.bond_life import BondLife
from finance.settlement.terms import SettlementTerms
from tests.settlement.bonds import Bond
from tests.settlement.twins import Chain, Difference, Tally, mutate, same_functions

PARTS = {"bond": ("KpiBond", BondBooks)}
INNER = {("bond", "activate")}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def test_every_function_is_an_act(chain: Chain) -> None:
    same_functions("KpiBond", BondBooks, but={"initialize"})


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(lambda rng, case: Bond(chain, rng), f"{name}/bond", lives, 250, PARTS, INNER)


def test_a_bond_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(40, cases // 250))
    assert not tally.missing(PARTS, INNER)
    assert tally.accepted.total() > tally.refused.total()


MUTANTS: list[tuple[Any, str, str, str]] = [
    (bond_life, "per_unit", "each = amount // units", "each = -(-amount // units)"),
    (bond_life, "scale", "amount * units // of_units", "-(-amount * units // of_units)"),
    (BondLife, "_interest", "at - since)", "at - since + 1)"),
    (BondLife, "late_on", "left < payment.due", "left <= payment.due"),
    (BondLife, "_pay_next", "due - paid", "0"),
    (BondLife, "_note", "self.held < sum_ + late", "self.held <= sum_ + late"),
    (BondLife, "declare_default", "at <= payment.since", "at < payment.since"),
    (BondLife, "cure", "self.held < due + late", "self.held <= due + late"),
    (BondLife, "accelerate", ".since + self.terms.grace_seconds", ".since"),
    (BondLife, "accelerate", "max(maximum(fixing.curve), fixing.missing)", "maximum(fixing.curve)"),
    (BondLife, "recover", "min(paid, total // LATE_ONE)", "0"),
    (BondLife, "_accrue", "at - (at - self.booked_to) % DAY", "at"),
    (BondLife, "announce_call", "at > terms", "at >= terms"),
    (SettlementTerms, "called", "first=NEVER, last=NEVER", "last=each.last"),
    (bond, "premium", "or 0) // 10**RATE_DECIMALS", "or 0) // 10**RATE_DECIMALS + 1"),
    (BondBooks, "activate", "self.life.units = ", "self.life.units = 1 + "),
    (
        BondBooks,
        "pay_coupon",
        'self._distribute(world, made.paid, "coupon", index)',
        'world.emit(self.key, "Early"), self._distribute(world, made.paid, "coupon", index)',
    ),
]
"""A unit, a rounding, a second, an order: of a function, a piece and what takes its place."""


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "name", "old", "new"), MUTANTS, ids=range(len(MUTANTS)))
def test_books_that_are_a_little_wrong_are_found(
    chain: Chain, seed: int, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, old: str, new: str
) -> None:
    """The comparison itself can fail."""
    mutate(monkeypatch, owner, name, old, new)
    with pytest.raises(Difference):
        lived(chain, f"{seed}/wrong", 300)


def test_what_is_due_can_be_done_by_anyone(chain: Chain, seed: int) -> None:
    """The first act that is due is taken, by the contract too, whoever does it; and there is an end to it."""
    done: Counter[str] = Counter()
    known = {"fix", "pay_coupon", "redeem", "declare_default", "cure", "accelerate", "recover"}
    for case in range(240):  # go on until the rarest thing has been seen
        if case >= 24 and done.keys() >= known:
            break
        done += Bond(chain, Random(f"{seed}/due {case}")).kept(150)
    assert done.keys() >= known, known - done.keys()
