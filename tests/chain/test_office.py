"""An office on a chain: its keeper acts through it, it is handed on and taken away, and all of it is
reconciled and replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner
from web3.types import Wei

from chain.acting import Acting
from chain.bindings import contract, read
from chain.check import check_deployment
from chain.deploy import local_wallets
from chain.kinds import seats_of, world_of
from chain.ledger import read_ledger
from chain.network import local_account, reach_time
from chain.reconcile import reconcile
from chain.replay import replay
from finance.settlement.widths import SettlementError
from finance.terms import parse_deal
from scripts.cli import main
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, Life, small_tree
from tests.joined_deals import term

DAY = 86_400
NOTICE = 30 * DAY


def office_tree() -> dict[str, Any]:
    """The small bond, whose transfer agent's role is an office."""
    tree = small_tree()
    for key in ("trustee", "engineer"):
        tree["parties"][key] = {"name": key.title(), "roles": ["verifier"], "assumed": "illustrative"}
    (issuer,) = (key for key, party in tree["parties"].items() if "issuer" in party["roles"])
    (agent,) = (key for key, party in tree["parties"].items() if "agent" in party["roles"])
    tree["parts"]["register"] = {
        "kind": "office",
        "of": "token",
        "keeper": agent,
        "appointers": [issuer, "trustee", "engineer"],
        "quorum": term(2),
        "notice_days": term(30),
    }
    return tree


@pytest.fixture(params=list(CLIENTS))
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, parse_deal(office_tree()))
        life.sell(a=6, b=4)
        life.settle()
        yield life


@pytest.fixture
def acting(life: Life) -> Acting:
    """The people of the deal, and two more who may have the office."""
    people: dict[str, Any] = {"heir": life.w3.eth.accounts[7], "c": life.c}
    keys = {key.address: key for key in map(local_account, range(100))}
    for name, address in life.record.wallets.people.items():
        if name.startswith("appointer."):
            people[name] = keys[address]
            life.w3.eth.send_transaction({"from": life.deployer, "to": address, "value": Wei(10**18)})
    return Acting(life.w3, life.record, people)


def at(life: Life) -> str:
    return life.record.addresses["register"]


def test_the_token_names_the_office_and_its_agent_acts_through_it(life: Life, acting: Acting) -> None:
    check_deployment(life.w3, life.record)
    token = contract(life.w3, "SecurityToken", life.record.addresses["token"]).functions
    assert read(token.anchors())["agent"] == at(life)
    assert life.record.wallets["agent"] != at(life)
    acting.act("agent", "token.set_paused", paused=True)
    assert read(token.paused())
    with pytest.raises(SettlementError, match="not by the agent"):
        acting.act("c", "token.set_paused", paused=False)
    assert reconcile(life.w3, life.record).ok


def test_it_is_handed_on_with_notice(life: Life, acting: Acting) -> None:
    heir = acting.senders["heir"].address
    with pytest.raises(SettlementError, match="not by the keeper"):
        acting.act("heir", "register.hand_on", to=heir)
    acting.act("agent", "register.hand_on", to=heir)
    with pytest.raises(SettlementError, match="cannot take it now"):
        acting.act("heir", "register.take")
    reach_time(life.w3, life.w3.eth.get_block("latest")["timestamp"] + NOTICE)
    acting.act("heir", "register.take")
    with pytest.raises(SettlementError, match="not by the agent"):
        acting.act("agent", "token.set_paused", paused=True)
    acting.act("heir", "token.set_paused", paused=True)
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    assert any(f"register: is kept by {heir} now" in note for note in result.notes)
    table = read_ledger(life.w3, life.record).table("offices")
    assert list(table["what"]) == ["announced by the keeper", "taken"]


def test_a_stolen_key_loses_it_to_all_appointers(life: Life, acting: Acting) -> None:
    heir, agent = acting.senders["heir"].address, "agent"
    first, second, third = (name for name in life.record.wallets.people if name.startswith("appointer."))
    acting.act(first, "register.support", candidate=heir)
    acting.act(second, "register.support", candidate=heir)
    acting.act(agent, "register.object", candidate=heir)
    acting.act(third, "register.support", candidate=heir)
    with pytest.raises(SettlementError, match="no objection"):
        acting.act(agent, "register.object", candidate=heir)
    result = reconcile(life.w3, life.record)
    assert any(f"register: {heir} may take the office from" in note for note in result.notes)
    reach_time(life.w3, life.w3.eth.get_block("latest")["timestamp"] + NOTICE)
    acting.act("heir", "register.take")
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    events = [event for event in read_ledger(life.w3, life.record).events if event.tx != life.record.tx]
    deal = life.record.load_deal()
    assert replay(world_of(life.record, deal), life.record, events).holds
    for place, event in enumerate(events):
        if event.source != "register":
            continue
        for name, value in event.arguments.items():
            other = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else life.c
            more = replace(event, arguments={**event.arguments, name: other})
            again = replay(
                world_of(life.record, deal), life.record, [*events[:place], more, *events[place + 1 :]]
            )
            assert not again.holds, f"{event.name}: {name}"


def test_money_that_comes_to_it_goes_to_its_keeper(life: Life, acting: Acting) -> None:
    life.send(life.deployer, life.currency.mint(at(life), 70))
    life.send(life.c, contract(life.w3, "Office", at(life)).functions.collect())
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    (row,) = [row for row in result.rows if row.kind == "office_money"]
    assert (row.party, row.actual) == (life.record.wallets["agent"], 70)


def test_commands_say_in_whose_name(life: Life, tmp_path: Any) -> None:
    file = life.record.save(tmp_path / "deal.json")
    network = str(life.w3.provider.endpoint_uri)  # type: ignore[attr-defined]

    def run(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(main, [command, str(file), *arguments, "--network", network])

    asked = ("token.set_paused", "paused=true", "--from", "agent")
    assert f"in the name of {at(life)}: not done" in run("act", *asked, "--dry-run").output
    said = json.loads(run("act", *asked, "--json").stdout)
    assert (said["by"], said["in_the_name_of"]) == (life.record.wallets["agent"], at(life))
    listed = json.loads(run("act", "--json").stdout)["acts"]
    assert {"register.hand_on", "register.support", "register.take"} <= {each["act"] for each in listed}


def test_wallets_are_those_of_people(life: Life) -> None:
    """An office takes no wallet of its own, and its keeper's is called as ever."""
    deal = life.record.load_deal()
    assert set(seats_of(deal)) == {"agent"}
    assert local_wallets(life.w3, deal).people.keys() == life.record.wallets.people.keys()
    assert (
        len(set(life.record.wallets.people.values())) == len(life.record.wallets.people) - 1
    )  # the issuer's
