"""Registry, claim token and offering: real contracts and their books, lived act by act."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from finance.settlement import claim_token, offering
from finance.settlement.acts import Act
from finance.settlement.claim_token import TokenBooks
from finance.settlement.identity_registry import RegistryBooks
from finance.settlement.offering import OfferingBooks
from finance.settlement.world import World
from tests.settlement.issues import Issue
from tests.settlement.twins import Chain, Difference, require_all, same_functions

KINDS = {"registry": RegistryBooks, "offering": OfferingBooks, "token": TokenBooks}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def lived(chain: Chain, name: str, lives: int) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Acts accepted and refused in some random lives."""
    accepted: Counter[tuple[str, str]] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    for case in range(lives):
        issue = Issue(chain, Random(f"{name}/issue {case}"))
        issue.live(120)
        accepted += issue.accepted
        refused += issue.refused
    return accepted, refused


def test_an_issue_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    accepted, refused = lived(chain, str(seed), max(30, cases // 300))
    require_all(KINDS, accepted, refused)


def test_every_function_is_an_act(chain: Chain) -> None:
    same_functions("IdentityRegistry", RegistryBooks, but={"grantRole", "revokeRole", "renounceRole"})
    same_functions("SecurityToken", TokenBooks, but={"approve", "permit", "initialize"})
    same_functions("Offering", OfferingBooks, but={"initialize"})


def _later(real: Any, by: int) -> Any:
    return lambda *args, **named: real(*args, **named) + by


def _rounded_up(amount: int, units: int) -> tuple[int, int]:
    each = -(-amount // units) if units else 0
    return each, each * units


def _last_two_swapped(real: Any) -> Any:
    def swapped(self: Any, world: World, by: str, **arguments: Any) -> Any:
        result = real(self, world, by, **arguments)
        told = world._done.emitted
        told[-2:] = reversed(told[-2:])
        return result

    return swapped


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "a unit of a claim": (TokenBooks, "claimable", lambda real: lambda *a: real(*a) and real(*a) + 1),
    "a rounding": (claim_token, "per_unit", lambda real: _rounded_up),
    "an order of events": (TokenBooks, "forced_transfer", _last_two_swapped),
    "an order of money and units": (OfferingBooks, "subscribe", _last_two_swapped),
    "a second of notice": (claim_token, "RECOVERY_NOTICE", lambda real: real + 1),
    "a second of a recovery": (claim_token, "RECOVERY_WINDOW", lambda real: real - 1),
    "a second of an issue": (offering, "SETTLEMENT_PERIOD", lambda real: real - 1),
    "a unit of supply": (claim_token, "MAX_UNITS", lambda real: real - 1),
    "parties count": (OfferingBooks, "available", lambda real: lambda self, buyer: (
        self.terms.hard_cap - self.sold)),
    "a pause that stops nothing": (TokenBooks, "set_paused", lambda real: (
        lambda self, world, by, paused: world.emit(self.key, "TransfersPaused", paused=paused))),
    "an expiry": (RegistryBooks, "is_eligible", lambda real: lambda self, account, policy, at: real(
        self, account, policy, at - 1)),
    "anybody is the agent": (TokenBooks, "roles", lambda real: lambda self, world: real(self, world) | {
        "agent": list(world.money)}),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_change_of_the_books_is_found(
    chain: Chain, seed: int, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The comparison itself can fail."""
    where, what, change = MUTANTS[name]
    monkeypatch.setattr(where, what, change(getattr(where, what)))
    with pytest.raises(Difference):
        lived(chain, f"{seed}/{name}", 400)


def test_what_is_due_can_be_done_by_anyone(chain: Chain, seed: int) -> None:
    """The first act that is due is taken, by the contract too, whoever does it, and is due no more."""
    done: Counter[str] = Counter()
    for case in range(20):
        issue = Issue(chain, Random(f"{seed}/due {case}"))
        for _ in range(120):
            issue.step()
            while due := issue.world.due():
                act: Act = due[0]
                assert not act.by
                assert issue.do(issue.by_anyone(act)), f"{act} is refused"
                assert act not in issue.world.due()
                done[act.call] += 1
    assert done.keys() == {"settle", "recover_holding"}, done
