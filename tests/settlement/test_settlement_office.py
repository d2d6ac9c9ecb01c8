"""The office: the real contract and its books, lived act by act; and who can bring what about."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from finance.settlement.office import WINDOW, OfficeBooks
from tests.settlement.offices import NOTICE, Offices
from tests.settlement.twins import Chain, Difference, Tally, mutate, same_functions

PARTS = {"office": ("Office", OfficeBooks)}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(lambda rng, case: Offices(chain, rng), f"{name}/office", lives, 150, PARTS)


def test_an_office_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(60, cases // 200))
    assert not tally.missing(PARTS)
    assert tally.accepted["office", "take"] > 30


def test_every_function_is_an_act_but_what_the_keeper_does_as_the_office() -> None:
    same_functions("Office", OfficeBooks, but={"initialize", "execute"})


def test_nobody_has_it_without_notice_and_without_those_who_give_it(chain: Chain, seed: int) -> None:
    """Whoever takes it was announced by a keeper, or supported by a quorum, or by all against an objection,
    for the whole notice, and not for longer than the time to take it after that."""
    ways: Counter[str] = Counter()
    for case in range(60):
        life = Offices(chain, Random(f"{seed}/ways {case}"))
        said: list[tuple[int, Any]] = []
        for _ in range(150):
            before = life.books
            life.step()
            now = life.world.at
            if life.books.keeper != before.keeper:
                who = life.books.keeper
                stands = before.candidacy(who)
                handed = before.announced == who and _is_open(before.announced_at, now)
                enough = len(life.terms.appointers) if stands.objected else life.terms.quorum
                given = len(stands.by) >= enough and _is_open(stands.since, now)
                assert handed or given
                ways["handed" if handed else "against an objection" if stands.objected else "given"] += 1
                said.append((now, who))
            assert life.books.keeper not in life.terms.appointers
    assert all(ways[each] for each in ("handed", "given", "against an objection")), ways


def _is_open(since: int, now: int) -> bool:
    return since > 0 and since + NOTICE <= now <= since + NOTICE + WINDOW


MUTANTS: list[tuple[Any, str, str, str]] = [
    (OfficeBooks, "opens", "since + self.terms.notice", "since"),
    (OfficeBooks, "_is_open", "<= at <=", "< at <="),
    (OfficeBooks, "_is_open", "at <= opens + WINDOW", "at < opens + WINDOW"),
    (OfficeBooks, "_enough", "len(self.terms.appointers) if found.objected else ", ""),
    (OfficeBooks, "_require_candidate", ", *self.terms.appointers", ""),
    (OfficeBooks, "support", "found = Candidacy()", "pass"),
    (OfficeBooks, "support", "not found.since and ", ""),
    (OfficeBooks, "withdraw_support", "found if self._enough(found) else replace(found, since=0)", "found"),
    (OfficeBooks, "object", "found.objected or ", ""),
    (OfficeBooks, "object", "objected=True, since=0", "objected=True"),
    (OfficeBooks, "take", "self.candidates = {}", "pass"),
    (OfficeBooks, "take", "self.announced, self.keeper = NOBODY, by", "self.keeper = by"),
    (OfficeBooks, "collect", "self.keeper, amount, ", "by, amount, "),
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
