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
    tally = lived(chain, str(seed), max(120, cases // 100))
    assert not tally.missing(PARTS)
    assert tally.accepted["put", "exercise"] > 30


def test_every_function_is_an_act() -> None:
    same_functions("PutRight", PutBooks, but={"initialize"})


def test_money_is_kept_and_short_money_is_shared_by_notice(chain: Chain, seed: int) -> None:
    """Whatever is done: the put holds what stands for its dates and gifts, each date's sales are within its
    notices, a holder's within its part of them, and what can still be sold is paid for."""
    sold = short = 0
    for case in range(60):
        life = Holders(chain, Random(f"{seed}/kept {case}"))
        for _ in range(120):
            life.step()
            books, world = life.books, life.world
            assert world.held("put") == sum(each.money for each in books.standings.values())
            for date, terms in enumerate(life.terms.dates):
                stands = books.standing_of(date)
                each = {who: notice for (at, who), notice in books.notices.items() if at == date}
                assert sum(notice.units for notice in each.values()) == stands.noticed
                assert sum(notice.sold for notice in each.values()) == stands.sold <= stands.noticed
                assert all(notice.sold <= notice.units for notice in each.values())
                if terms.settles <= world.at < books.ends_of(date) and not world.parts["token"].closed:
                    left = {who: books.left_of(world, date, who) for who in each}
                    assert sum(left.values()) * books.price_of(world, date) <= stands.money
                    sold, short = sold + bool(stands.sold), short + (sum(left.values()) < stands.noticed)
    assert sold > 20
    assert short > 20


MUTANTS: list[tuple[Any, str, str, str]] = [
    (PutBooks, "price_of", "terms.due - since, 0", "0"),
    (PutBooks, "price_of", "terms.earned - earned, ", ""),
    (PutBooks, "covered", "stands.sold + ", ""),
    (PutBooks, "left_of", "part - notice.sold", "part"),
    (PutBooks, "needed", "world.at < self", "world.at <= self"),
    (PutBooks, "spare", "world.at >= self.ends_of(date) or ", ""),
    (PutBooks, "spare", "(stands.noticed - stands.sold)", "stands.noticed"),
    (PutBooks, "give_notice", "if by == self.terms.writer:", "if False:"),
    (PutBooks, "give_notice", "units > held", "units >= held"),
    (PutBooks, "lapse", "held > units", "held >= units"),
    (PutBooks, "lapse", "terms.opens, terms.settles", "terms.opens, terms.closes"),
    (PutBooks, "dishonour", "terms.opens if self.terms.ahead else terms.settles", "terms.settles"),
    (PutBooks, "prolong", "token.paused or", "False or"),
    (PutBooks, "_require_between", "<= world.at <", "<= world.at <="),
    (PutBooks, "_set_notice", " - notice.units + units", " + units"),
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
