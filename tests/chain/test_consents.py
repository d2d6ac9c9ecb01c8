"""A standstill on a chain: proposed, consented to by act and by signature, counted by a keeper, replayed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chain.bindings import contract, read
from chain.check import check_deployment
from chain.kinds import world_of
from chain.ledger import read_ledger
from chain.network import reach_time, rpc
from chain.parts.consent_solicitation import typed_data
from chain.reconcile import reconcile
from chain.replay import replay
from finance.settlement.consent_solicitation import ConsentBooks
from finance.settlement.world import World
from finance.terms import parse_deal
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, Life, small_tree
from tests.joined_deals import term

DAY = 86_400


def consents_tree() -> dict[str, Any]:
    """The small bond, whose holders may put its acceleration off by a majority of two of three."""
    tree = small_tree()
    tree["parts"]["consents"] = {
        "kind": "consent_solicitation",
        "waives": "bond",
        "majority": {"parts": term(2), "of": term(3)},
        "standstill_days": term(180),
        "notice_days": term(10),
        "held_days": term(5),
        "count_days": term(20),
    }
    return tree


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    with CLIENTS["anvil"](timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, parse_deal(consents_tree()))
        life.sell(a=6, b=4)
        life.settle()
        yield life


def test_a_standstill_is_consented_to_counted_by_a_keeper_and_replayed(life: Life) -> None:
    record, w3 = life.record, life.w3
    check_deployment(w3, record)
    address = record.addresses["consents"]
    calls = contract(w3, "ConsentSolicitation", address).functions
    life.send(life.issuer, calls.propose(0, 90 * DAY, b"\1" * 32))
    life.send(life.a, calls.consent(0, 6))
    signature = rpc(w3, "eth_signTypedData_v4", life.b, typed_data(0, life.b, 4, w3.eth.chain_id, address))
    life.send(life.c, calls.lodge(0, life.b, 4, signature))
    life.send(life.a, calls.revoke(0))
    life.send(life.a, calls.consent(0, 5))

    def lived() -> World:
        events = [event for event in read_ledger(w3, record).events if event.tx != record.tx]
        found = replay(world_of(record, record.load_deal()), record, events)
        assert found.holds, found.unlike
        return found.world

    now = w3.eth.get_block("latest")["timestamp"]
    assert not [act for act in replace(lived(), at=now + 10 * DAY - 60).due() if act.call == "count"]
    reach_time(w3, now + 10 * DAY)
    (due,) = [act for act in replace(lived(), at=now + 10 * DAY).due() if act.call == "count"]
    assert sorted(due.arguments["units"]) == [4, 5]
    life.send(life.c, calls.count(0, *(due.arguments[name] for name in ("holders", "units"))))
    assert read(calls.standstillOf(0)) == 90 * DAY
    assert lived().books("consents", ConsentBooks).standstill(0) == 90 * DAY
    result = reconcile(w3, record)
    assert result.ok, result.differences
    assert any("consented to 90 days on payment 1" in note for note in result.notes)
    table = read_ledger(w3, record).table("consents")
    said = ["proposed", "consented", "consented", "revoked", "consented", "passed"]
    assert list(table["what"]) == said


def test_what_is_left_out_or_changed_shows(life: Life) -> None:
    events = [event for event in read_ledger(life.w3, life.record).events if event.tx != life.record.tx]
    deal = life.record.load_deal()
    for place, event in enumerate(events):
        if event.source != "consents" or event.name != "WaiverPassed":
            continue
        for name in ("consents", "base"):
            more = replace(event, arguments={**event.arguments, name: event.arguments[name] + 1})
            again = replay(world_of(life.record, deal), life.record, [*events[:place], more])
            assert not again.holds, name
        too_many = replace(event, arguments={**event.arguments, "units": [6, 4], "consents": 10})
        assert not replay(world_of(life.record, deal), life.record, [*events[:place], too_many]).holds
        return
    raise AssertionError("nothing passed")
