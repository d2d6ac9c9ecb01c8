"""A register of proceeds on a chain: recorded, struck out and reviewed by commands, reconciled, replayed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner
from web3.types import Wei

from chain.bindings import contract, read
from chain.check import check_deployment
from chain.kinds import world_of
from chain.ledger import read_ledger
from chain.network import local_account
from chain.reconcile import reconcile
from chain.replay import replay
from finance.terms import parse_deal
from scripts.cli import main
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, THOUSAND, Life, small_tree
from tests.joined_deals import term


def proceeds_tree() -> dict[str, Any]:
    """The small bond of ten thousand, of which nine are for sewers; an engineer reviews."""
    tree = small_tree()
    tree["parties"]["engineer"] = {"name": "Engineer", "roles": ["verifier"], "assumed": "illustrative"}
    tree["parts"]["works"] = {
        "kind": "proceeds",
        "of": "token",
        "reviewer": "engineer",
        "uses": {
            "sewers": {"title": "Sewers", "amount": term(9_000)},
            "costs": {"title": "Costs of issue", "amount": term(1_000)},
        },
    }
    return tree


@pytest.fixture(scope="module", params=list(CLIENTS))
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, parse_deal(proceeds_tree()))
        life.sell(a=6, b=4)
        life.settle()
        yield life


@pytest.fixture(scope="module")
def penstock(life: Life, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    file = life.record.save(tmp_path_factory.mktemp("works") / "deal.json")

    def run(command: str, *arguments: object) -> Result:
        network = str(life.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
        return CliRunner().invoke(main, [command, str(file), *map(str, arguments), "--network", network])

    return run


def document(text: str) -> str:
    return "0x" + sha256(text.encode()).hexdigest()


def test_uses_are_recorded_reviewed_and_reconciled(
    life: Life, penstock: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_deployment(life.w3, life.record)
    issuer, engineer = (life.record.wallets[name] for name in ("issuer", "verifier.engineer"))
    works = contract(life.w3, "ProceedsRegister", life.record.addresses["works"]).functions

    def act(by: str, call: str, **given: Any) -> Result:
        asked = [f"{name}={value}" for name, value in given.items()]
        who = ["--from", by] if by in life.w3.eth.accounts else []
        return penstock("act", f"works.{call}", *asked, *who, "--json")

    # The engineer has a key of its own, which no node keeps.
    key = next(each for each in map(local_account, range(100)) if each.address == engineer)
    monkeypatch.setenv("PENSTOCK_KEY", key.key.to_0x_hex())
    life.w3.eth.send_transaction({"from": life.deployer, "to": engineer, "value": Wei(10**18)})

    invoice, thousand = document("invoice 1"), THOUSAND
    first = act(issuer, "record", use="sewers", amount=4 * thousand, document=invoice)
    assert first.exit_code == 0, first.output
    again = act(issuer, "record", use="costs", amount=thousand, document=invoice)
    assert (again.exit_code, f"{invoice} counts already" in again.stderr) == (1, True)
    more = act(issuer, "record", use="costs", amount=thousand + 1, document=document("invoice 2"))
    assert (more.exit_code, f"{thousand + 1} of {thousand} that are left" in more.stderr) == (1, True)
    other = act(life.a, "record", use="costs", amount=1, document=document("invoice 2"))
    assert (other.exit_code, "not by the issuer" in other.stderr) == (1, True)
    said = act(engineer, "review", entry=0, accepted="false", document=document("opinion"))
    assert said.exit_code == 0, said.output
    assert act(issuer, "strike", entry=0, document=document("wrong use")).exit_code == 0
    assert act(issuer, "record", use="sewers", amount=9 * thousand, document=invoice).exit_code == 0
    assert act(engineer, "review", entry=1, accepted="true", document=document("opinion 2")).exit_code == 0
    assert read(works.unallocated()) == thousand
    assert [
        read(works.allocatedTo(use)) for use in (b"costs".ljust(32, b"\0"), b"sewers".ljust(32, b"\0"))
    ] == [0, 9 * thousand]
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    told = json.loads(penstock("reconcile", "--json").stdout)
    assert any("1 uses of proceeds recorded" in note for note in told["notes"])
    table = read_ledger(life.w3, life.record).table("proceeds")
    assert list(table["what"]) == ["recorded", "objected to", "struck out", "recorded", "accepted"]


def test_an_entry_left_out_or_renumbered_shows(life: Life) -> None:
    events = [event for event in read_ledger(life.w3, life.record).events if event.tx != life.record.tx]
    deal = life.record.load_deal()
    assert replay(world_of(life.record, deal), life.record, events).holds
    for place, event in enumerate(events):
        if event.source != "works":
            continue
        before, after = events[:place], events[place + 1 :]
        for name, value in event.arguments.items():
            if name == "entry":
                more = replace(event, arguments={**event.arguments, name: value + 1})
                again = replay(world_of(life.record, deal), life.record, [*before, more, *after])
                assert not again.holds, f"{event.name}: {name}"
