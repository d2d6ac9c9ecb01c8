"""The register of proceeds: the real contract and its books, lived act by act, with the sale that it asks."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from finance.settlement.proceeds import ProceedsBooks
from tests.settlement.registers import Register
from tests.settlement.twins import Chain, Difference, Tally, mutate, same_functions

PARTS = {"register": ("ProceedsRegister", ProceedsBooks)}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(lambda rng, case: Register(chain, rng), f"{name}/register", lives, 120, PARTS)


def test_a_register_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(30, cases // 300))
    assert not tally.missing(PARTS)
    assert tally.accepted["register", "record"] > 30


def test_every_function_is_an_act() -> None:
    same_functions("ProceedsRegister", ProceedsBooks, but={"initialize"})


def test_no_more_is_recorded_than_was_raised_and_no_document_counts_twice(chain: Chain, seed: int) -> None:
    """Whatever the issuer does; and what is recorded moves no money."""
    recorded = 0
    for case in range(60):
        life = Register(chain, Random(f"{seed}/proceeds {case}"))
        for _ in range(120):
            money = dict(life.world.money)
            life.step()
            books = life.books
            if any(part == "register" for part, _ in life.told):
                assert {k: v for k, v in life.world.money.items() if v} == {
                    k: v for k, v in money.items() if v
                }
                recorded += 1
            life.told.clear()
            if not life.is_sold:
                continue
            standing = books.standing
            assert len({each.document for each in standing}) == len(standing)
            raised = books.sale(life.world).proceeds
            assert 0 <= books.unallocated(life.world) <= raised
            for use, most in books.terms.uses.items():
                assert sum(each.amount for each in standing if each.use == use) <= most
    assert recorded > 50


LEFT = "min(self.terms.uses[use] - self.allocated_to(use), self.unallocated(world))"
MUTANTS: list[tuple[Any, str, str, str]] = [
    (ProceedsBooks, "record", "amount > left", "amount >= left"),
    (ProceedsBooks, "record", LEFT, "self.terms.uses[use] - self.allocated_to(use)"),
    (ProceedsBooks, "record", LEFT, "self.unallocated(world)"),
    (ProceedsBooks, "record", "in [each.document for each in self.standing]", "in [NOTHING]"),
    (ProceedsBooks, "record", "for each in self.standing]:", "for each in self.entries.values()]:"),
    (ProceedsBooks, "record", "use not in self.terms.uses", "False"),
    (ProceedsBooks, "strike", "struck=True", "struck=False"),
    (ProceedsBooks, "review", "if accepted", "if not accepted"),
    (ProceedsBooks, "_existing", "found is None or found.struck", "found is None"),
]  # fmt: skip
"""Of a function a piece, and what takes its place."""


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "name", "old", "new"), MUTANTS, ids=range(len(MUTANTS)))
def test_books_that_are_a_little_wrong_are_found(
    chain: Chain, seed: int, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, old: str, new: str
) -> None:
    """The comparison itself can fail."""
    mutate(monkeypatch, owner, name, old, new)
    with pytest.raises(Difference):
        lived(chain, f"{seed}/wrong", 400)
