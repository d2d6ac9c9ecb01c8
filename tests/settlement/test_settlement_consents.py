"""The consent solicitation: the real contract and its books, lived act by act, with the token it asks."""

from __future__ import annotations

import pytest

from finance.settlement.consent_solicitation import ConsentBooks
from tests.settlement.solicitations import Solicitation
from tests.settlement.twins import Chain, Tally, same_functions

PARTS = {"consents": ("ConsentSolicitation", ConsentBooks)}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def test_a_solicitation_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    lives = max(60, cases // 150)
    tally = Tally.of(lambda rng, case: Solicitation(chain, rng), f"{seed}/consents", lives, 120, PARTS)
    assert not tally.missing(PARTS)
    assert tally.accepted["consents", "count"] > 2


def test_every_function_is_an_act() -> None:
    same_functions("ConsentSolicitation", ConsentBooks, but={"initialize"})
