"""The put: the real contract and its books, lived act by act, with the token whose units it moves."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from finance.settlement.put_right import PutBooks
from tests.settlement.puts import Holders
from tests.settlement.twins import Chain, Difference, Tally, mutate, same_functions

PARTS = {"put": ("PutRight", PutBooks)}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(lambda rng, case: Holders(chain, rng), f"{name}/put", lives, 150, PARTS)


def test_a_put_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(40, cases // 300))
    assert not tally.missing(PARTS)
    assert tally.accepted["put", "exercise"] > 30


def test_every_function_is_an_act() -> None:
    same_functions("PutRight", PutBooks, but={"initialize"})
