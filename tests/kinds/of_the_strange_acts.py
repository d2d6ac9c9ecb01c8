"""What a service and `penstock act` make of the acts of strange_acts.py: run by test_package_contract.py in a
process that knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from eth_abi.abi import decode

from chain.network import local_account
from tests.api.test_transactions_prepare import prepare, send, sign
from tests.api.world import Service
from tests.kinds.of_the_contract_package import STRANGER, served
from tests.kinds.of_the_package import run, told

OTHER = "0x" + "11" * 20
GRADE = {
    "colour": "blue",
    "note": " as {new} ",
    "proof": "0x0102",
    "first_share": 50,
    "second_share": "7",
    "amount": OTHER,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("strange")) as started:
        yield started


def test_they_are_prepared_sent_and_shown(service: Service) -> None:
    who = local_account(STRANGER).address
    acts = {(each["part"], each["name"]): each for each in service.of("/actions")["items"]}
    title = "Say {what} {0.__class__} {amount.real} of the works"
    grade = acts["bond", "grade"]
    assert grade["title"] == title
    kinds = [(each["name"], each["kind"]) for each in grade["parameters"]]
    assert kinds[:3] == [("colour", "choice"), ("note", "string"), ("proof", "bytes")]
    assert kinds[3:] == [("first_share", "number"), ("second_share", "number"), ("amount", "address")]
    prepared = prepare(service, "grade", who, **GRADE)
    (step,) = prepared["steps"]
    assert step["title"] == title
    given = decode(
        ["uint8", "string", "bytes", "uint8", "uint8", "address"], bytes.fromhex(step["data"][10:])
    )
    assert given == (5, " as {new} ", b"\1\2", 50, 7, OTHER)
    assert step["outcome"]["ok"] is True
    # The books fail at a share of nothing; the contract does not.
    (odd,) = prepare(service, "grade", who, **GRADE | {"first_share": 0})["steps"]
    assert odd["outcome"]["ok"] is True
    for name, asked in (("break-down", {}), ("dim", {"amount": True})):
        (step,) = prepare(service, name, who, **asked)["steps"]
        assert step["outcome"]["ok"] is True
        assert step["title"] in ("Break {", "Dim {money")
    done = send(service, prepare(service, "grade", who, **GRADE)["steps"][0], STRANGER)
    assert (done["action"], done["arguments"]["note"]) == ("grade", " as {new} ")
    assert service.get(f"/transactions/{done['hash']}").status_code == 200
    service.catch_up()
    assert service.of("/reconciliation")["ok"]


def test_the_page_has_a_form_for_them(service: Service) -> None:
    """Its fields tell arguments of one type apart."""
    for language, number in (("ko", "정수"), ("en", "a whole number")):
        page = service.get(f"/deals/{service.world.deal.id}?lang={language}")
        assert page.status_code == 200, page.text
        (form,) = re.findall(r'data-act="grade".*?</form>', page.text, re.DOTALL)
        labels = [unescape(each) for each in re.findall(r"<label[^>]*>(.*?)</label>", form)]
        assert labels[3:5] == [f"First share: {number}", f"Second share: {number}"]
        assert labels[5].startswith("Amount: ")
        assert 'value="blue"' in form


def test_the_command_lists_them(service: Service, tmp_path: Path) -> None:
    file = service.world.record.save(tmp_path / "deal.json")
    there = ("act", file, "--network", service.world.chain.url)
    now = {each["act"]: each["now"] for each in told(*there)["acts"]}
    assert now["bond.grade"] == "depends on colour, note, proof, first_share, second_share and amount"
    assert now["bond.dim"] == "depends on amount"
    assert now["bond.break_down"] == "ask the contract"
    assert "bond.grade" in run(*there, "--all").stdout
    given = [f"{name}={value}" for name, value in GRADE.items()]
    graded = told("act", file, "bond.grade", *given, *there[2:])
    assert graded["tx"]


def test_acts_and_errors_of_ours_keep_their_names(service: Service) -> None:
    """Who asks for one of ours need not say whose; an error of theirs is not told in our words."""
    who = local_account(STRANGER).address
    (step,) = prepare(service, "withdraw-credit", who)["steps"]
    assert (step["contract"], step["title"][:26]) == ("oracle", "Pay out what the oracle ow")
    body = {"deployment": service.world.id, "action": "withdraw-credit", "part": "bond", "from": who}
    answer = service.post("/v1/transactions/prepare", json=body)
    assert answer.status_code == 200, answer.text
    (step,) = answer.json()["steps"]
    assert step["contract"] == "performance_bond"
    refusal = step["outcome"]["refusal"]
    assert (refusal["name"], refusal["arguments"]) == ("KpiOracle_BelowQuorum", {"who": who})
    assert refusal["words"] == "The contract refuses this: KpiOracle_BelowQuorum"
    # One with the very arguments of ours, too: the contract that was called has declared it.
    (step,) = prepare(service, "grade", who, **GRADE | {"amount": who})["steps"]
    told = "The contract refuses this: grade: KpiBond_NothingToRecover()"
    assert step["outcome"]["refusal"]["words"] == told
    (good,) = prepare(service, "grade", who, **GRADE)["steps"]
    raw = sign(service, {**good, "data": step["data"]}, STRANGER)
    refused = service.post("/v1/transactions", json={"raw": raw})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/contract-refused")
    assert refused.json()["detail"] == f"{told} (KpiBond_NothingToRecover)"
