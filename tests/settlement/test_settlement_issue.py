"""Registry, claim token and offering: real contracts and their books, lived act by act."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from finance.settlement import claim_token, offering
from finance.settlement.claim_token import TokenBooks
from finance.settlement.identity_registry import RegistryBooks
from finance.settlement.offering import OfferingBooks
from tests.settlement.issues import Issue
from tests.settlement.twins import Chain, Difference, Tally, mutate, same_functions

PARTS = {
    "registry": ("IdentityRegistry", RegistryBooks),
    "offering": ("Offering", OfferingBooks),
    "token": ("SecurityToken", TokenBooks),
}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(lambda rng, case: Issue(chain, rng), f"{name}/issue", lives, 120, PARTS)


def test_an_issue_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(30, cases // 300))
    assert not tally.missing(PARTS)
    assert tally.accepted.total() > tally.refused.total()


def test_every_function_is_an_act(chain: Chain) -> None:
    same_functions("IdentityRegistry", RegistryBooks, but={"grantRole", "revokeRole", "renounceRole"})
    same_functions("SecurityToken", TokenBooks, but={"approve", "permit", "initialize"})
    same_functions("Offering", OfferingBooks, but={"initialize"})


MUTANTS: list[tuple[Any, str, str, str]] = [
    (TokenBooks, "claim", "amount = self.claimable(holder)", "amount = self.claimable(holder) * 99 // 98"),
    (TokenBooks, "claimable", "self.index - account.index", "self.index - account.index + 1"),
    (claim_token, "per_unit", "each = amount // units", "each = -(-amount // units)"),
    (TokenBooks, "mint", "units > MAX_UNITS - self.supply", "units >= MAX_UNITS - self.supply"),
    (TokenBooks, "distribute", "each > MAX_INDEX - self.index", "each > MAX_INDEX"),
    (TokenBooks, "recovery_of", "at > recovery.start", "at >= recovery.start"),
    (TokenBooks, "recover_holding", "owed=heir.owed + money", "owed=money"),
    (TokenBooks, "_release", "frozen - (units - unfrozen)", "frozen - units"),
    (TokenBooks, "transfer", "if self.paused:", "if self.paused and value:"),
    (TokenBooks, "transfer", "if value > unfrozen:", "if value > unfrozen + 1:"),
    (
        TokenBooks,
        "forced_transfer",
        "        self._release(world, from_, amount)\n        self._debit(from_, amount)\n",
        "        self._debit(from_, amount)\n        self._release(world, from_, amount)\n",
    ),
    (RegistryBooks, "is_eligible", "at >= known.expiry", "at > known.expiry"),
    (RegistryBooks, "set_identity", "known.expiry <= world.at", "known.expiry < world.at"),
    (OfferingBooks, "available", "buyer not in self.terms.parties", "True"),
    (OfferingBooks, "state", "at <= terms.closes + SETTLE", "at < terms.closes + SETTLE"),
    (OfferingBooks, "settle", "world.block <= self.last_sale", "world.block < self.last_sale"),
    (OfferingBooks, "subscribe", "units * self.terms.unit_price", "units * self.terms.unit_price + 1"),
]  # fmt: skip
"""A unit, a rounding, a second, an order: of a function, a piece and what takes its place."""


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "name", "old", "new"), MUTANTS, ids=range(len(MUTANTS)))
def test_books_that_are_a_little_wrong_are_found(
    chain: Chain, seed: int, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, old: str, new: str
) -> None:
    """The comparison itself can fail."""
    mutate(monkeypatch, owner, name, old, new)
    with pytest.raises(Difference):
        lived(chain, f"{seed}/wrong", 400)


def test_what_is_due_can_be_done_by_anyone(chain: Chain, seed: int) -> None:
    """The first act that is due is taken, by the contract too, whoever does it, and is due no more."""
    done: Counter[str] = Counter()
    for case in range(200):  # go on until the rarest thing has been seen
        if case >= 20 and len(done) == 2:
            break
        issue = Issue(chain, Random(f"{seed}/due {case}"))
        done += issue.kept(120)
    assert done.keys() == {"settle", "recover_holding"}, done
    assert offering.ACTS["settle"].who == "anyone"
