"""Copies that share: the same as copies of dicts, and an act does not cost all that a deal holds."""

from __future__ import annotations

from random import Random
from time import process_time

import pytest

from finance.settlement.acts import Act
from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.identity_registry import HoldingPolicy, Identity, RegistryBooks
from finance.settlement.layered import Layered, Sums
from finance.settlement.world import World
from tests.settlement.twins import person


def test_copies_are_those_of_dicts(seed: int) -> None:
    """Any of many copies is read, changed and copied on, as a dict is; each stays its own."""
    rng = Random(f"{seed}/layered")
    pairs: list[tuple[Layered[int, int], dict[int, int]]] = [(Layered(), {})]
    for step in range(6_000):
        made, meant = rng.choice(pairs)
        key = rng.randrange(80)
        match rng.randrange(6):
            case 0:
                pairs = [*pairs[-12:], (made.copy(), meant.copy())]
            case 1 if key in meant:
                del made[key], meant[key]
            case _:
                made[key] = meant[key] = step
        for each, model in pairs:
            assert (key in each, each.get(key), len(each)) == (key in model, model.get(key), len(model))
        assert (list(made.items()), made == meant) == (list(meant.items()), True)
    with pytest.raises(KeyError):
        del Layered({1: 1})[2]
    with pytest.raises(KeyError):
        Layered({1: 1})[2]
    sums = Sums({1: 5})
    sums[2] += 3
    assert (sums[2], sums[3], len(sums)) == (3, 0, 2)


def test_what_is_tried_costs_no_more_among_many_holders() -> None:
    """24,000 claims one after the other: under a second, and twelve if each copied all accounts."""
    count, deal = 24_000, person("deal")
    holders = [person(f"holder {number}") for number in range(count)]
    token = TokenBooks(TokenTerms(person("agent"), HoldingPolicy(255)))
    registry = RegistryBooks(frozenset(), dict.fromkeys(holders, Identity(2**40, 840, 3)))
    addresses = {
        "token": deal,
        "offering": person("offering"),
        "bond": person("bond"),
        "currency": person(""),
    }
    world = World({"token": token, "registry": registry}, addresses)
    for holder in holders:
        world.do(Act(addresses["offering"], "token", "mint", {"to": holder, "units": 1}, 0))
    world.do(Act(person("payer"), "token", "distribute", {"amount": 7 * count}, 0))
    first, start = world, process_time()
    for holder in holders:
        world, _ = world.tried(Act("", "token", "claim", {"holder": holder}, 0))
    assert process_time() - start < 4
    assert (first.held("token"), world.held("token")) == (7 * count, 0)
    assert {first.money[holder] for holder in holders} == {0}
    assert {world.money[holder] for holder in holders} == {7}
    assert sum(first.parts["token"].claimable(holder) for holder in holders) == 7 * count
