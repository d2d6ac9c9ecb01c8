"""What a service makes of the acts of another package's contract: run by test_package_contract.py in a
process that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from performance_bond.books import PerformanceBondBooks

from api.instruments.acts import WORDS
from api.instruments.offers import Offered, PartWords, by_the_books, offers
from chain.artifacts import ensure_compiled
from chain.network import local_account, set_time, start_anvil
from chain.records import load_record
from finance.terms import load_deal
from tests.api.test_transactions_prepare import prepare, send
from tests.api.world import Service, World, serving
from tests.chain.swap_life import at
from tests.kinds.of_the_package import run, told

KIND = PerformanceBondBooks.KIND
AMOUNT = 250_000 * 10**6
STRANGER = 9
ANOTHER = """
  second:
    kind: further_bond
    title: Performance bond of new valves
    payer: contractor
    payee: city
    kpi: volume
    target: {value: 890, assumed: an example}
    amount: {value: 1000, assumed: an example}
    beside: bond
"""


def deal_file() -> Path:
    (home,) = find_spec("performance_bond").submodule_search_locations
    return Path(home) / "performance-bond.yaml"


SAID = PartWords(
    "Performance bond",
    offers(
        KIND,
        PerformanceBondBooks.ACTS,
        post=Offered("Set {money} aside", "Set money aside", name="set-aside", pays=by_the_books),
    ),
    {"PerformanceBond_NotNow": "This is not for now."},
)
"""Words that the package could declare."""


@contextmanager
def served(folder: Path, more: str = "") -> Iterator[Service]:
    """The deal, with more parts, deployed and served; a stranger has money."""
    ensure_compiled()
    file, record = folder / "deal.yaml", folder / "deal.json"
    file.write_text(deal_file().read_text().replace("\noracle:", f"{more}\noracle:"))
    with start_anvil(timestamp=at("2023-12-25")) as chain:
        there = ("--network", chain.url)
        run("deploy", file, *there, "--out", record, "--folder", folder)
        who = local_account(STRANGER).address
        told("act", record, "currency.mint", f"to={who}", f"amount={AMOUNT}", *there)
        life = SimpleNamespace(record=load_record(record), deal=load_deal(file))
        with serving(World(chain, life, folder / "data").save()) as service:
            yield service


def refused(service: Service, status: int = 422, **given: Any) -> str:
    """The one line by which what is asked for is refused."""
    body = {"deployment": service.world.id, "from": local_account(STRANGER).address, **given}
    answer = service.post("/v1/transactions/prepare", json=body)
    assert answer.status_code == status, answer.text
    (line,) = answer.json()["detail"].splitlines()
    return line


def test_its_acts_are_listed_prepared_sent_and_shown(tmp_path: Path) -> None:
    with served(tmp_path) as service:
        record, w3, who = service.world.record, service.world.chain.w3, local_account(STRANGER).address
        acts = {each["name"]: each for each in service.of("/actions")["items"]}
        assert {"post", "waive", "settle", "challenge", "mint-test-money"} <= acts.keys()
        assert acts["post"] == {
            "name": "post",
            "title": "Set the amount aside",
            "contract": "performance_bond",
            "part": "bond",
            "function": "post",
            "who": "anyone",
            "pays": None,
            "parameters": [],
        }
        assert acts["waive"]["who"] == "owner"
        (amount,) = acts["waive"]["parameters"]
        assert (amount["name"], amount["kind"], amount["optional"]) == ("amount", "number", False)
        assert {"post", "waive", "settle"} <= set(service.of()["actions"])
        # What it takes the books find out.
        approve, post = prepare(service, "post", who)["steps"]
        assert approve["title"] == "Allow the contract to take EUR 250,000.00"
        assert (post["title"], post["to"]) == ("Set the amount aside", record.addresses["bond"])
        assert [(each["from"], each["amount"]) for each in post["outcome"]["moves"]] == [(who, str(AMOUNT))]
        send(service, approve, STRANGER)
        done = send(service, post, STRANGER)
        assert (done["state"], done["action"], done["title"]) == ("done", "post", "Set the amount aside")
        assert (done["contract"], done["function"]) == ("performance_bond", "post")
        assert [each["name"] for each in done["events"] if each["contract"] != "currency"] == ["Posted"]
        page = service.get(f"/transactions/{done['hash']}")
        assert page.status_code == 200, page.text
        assert "Set the amount aside" in page.text
        assert "performance bond" in page.text
        service.catch_up()
        for language in ("ko", "en"):
            page = service.get(f"/deals/{service.world.deal.id}?lang={language}")
            assert page.status_code == 200, page.text
        (event,) = service.of("/events?source=performance_bond&name=Posted")["items"]
        assert event["arguments"] == {"by": who, "amount": str(AMOUNT)}
        assert service.of("/state")["state"] == "posted"
        # Again: nothing is allowed for what the contract refuses.
        (again,) = prepare(service, "post", who)["steps"]
        assert again["outcome"]["refusal"]["name"] == "PerformanceBond_NotNow"
        assert (
            again["outcome"]["refusal"]["words"]
            == "The contract refuses this: post: PerformanceBond_NotNow()"
        )
        # An act with an argument, of which the sender pays nothing.
        (waive,) = prepare(service, "waive", record.wallets["payee"], amount="7")["steps"]
        moves = [(each["to"], each["amount"]) for each in waive["outcome"]["moves"]]
        assert moves == [(record.wallets["payer"], "7")]
        (theirs,) = prepare(service, "waive", who, amount=7)["steps"]
        assert theirs["outcome"]["refusal"]["name"] == "PerformanceBond_NotOwner"
        w3.eth.wait_for_transaction_receipt(
            w3.eth.send_transaction(
                {"from": record.wallets["payee"], "to": waive["to"], "data": waive["data"]}
            )
        )
        set_time(w3, at("2025-01-01"))
        (settle,) = prepare(service, "settle", who)["steps"]
        assert settle["outcome"]["ok"] is True
        send(service, settle, STRANGER)
        service.catch_up()
        state = service.of("/state")
        assert state["state"] == "settled"
        assert "unexplained" not in {each["name"] for each in state["facts"]}
        found = service.of("/reconciliation")
        assert found["ok"]
        assert {each["kind"]: each["actual"] for each in found["payments"]} == {
            "set_aside": str(AMOUNT),
            "given_back": "7",
            "released": str(AMOUNT - 7),
        }


def test_it_may_have_words_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then they say what is offered, and its contract's errors."""
    monkeypatch.setitem(WORDS._ours, KIND, f"{__name__}:SAID")
    with served(tmp_path) as service:
        who = local_account(STRANGER).address
        acts = [each for each in service.of("/actions")["items"] if each["part"] == "bond"]
        assert [(each["name"], each["function"]) for each in acts] == [("set-aside", "post")]
        prepared = prepare(service, "set-aside", who)
        assert prepared["title"] == "Set EUR 250,000.00 aside"
        for step in prepared["steps"]:
            done = send(service, step, STRANGER)
        assert (done["action"], done["title"]) == ("set-aside", "Set money aside")
        service.catch_up()
        (again,) = prepare(service, "set-aside", who)["steps"]
        assert again["outcome"]["refusal"]["words"] == "This is not for now."


def test_bad_arguments_and_parts(tmp_path: Path) -> None:
    """One clear line each; and of two parts of one kind the one that is named."""
    with served(tmp_path, ANOTHER) as service:
        at_, who = service.world.record.addresses, local_account(STRANGER).address
        acts = {(each["part"], each["name"]) for each in service.of("/actions")["items"]}
        assert {(part, name) for part in ("bond", "second") for name in ("post", "settle")} <= acts
        shown = service.of()
        assert shown["actions"].count("post") == 1
        own = {each["part"]: each["address"] for each in shown["contracts"] if not each["shared"]}
        assert own == {key: at_[key] for key in ("bond", "second")}
        assert refused(service, action="posts").startswith("action: posts: this deployment has post, ")
        assert refused(service, action="post") == "part: is missing: post is an action of bond, second"
        assert (
            refused(service, action="post", part="third") == "part: third: post is an action of bond, second"
        )
        one = {"action": "waive", "part": "second"}
        assert refused(service, **one) == "parameters.amount: is missing: a whole number"
        for wrong, why in (
            ("all", "must be a whole number"),
            (-1, f"must be from 0 to {2**128 - 1}"),
            (str(2**128), f"must be from 0 to {2**128 - 1}"),
        ):
            assert refused(service, **one, parameters={"amount": wrong}) == f"parameters.amount: {why}"
        other = {"action": "post", "part": "bond", "parameters": {"amount": 1}}
        assert refused(service, **other) == "parameters.amount: unknown; there is none"
        body = {"deployment": service.world.id, "action": "post", "part": "second", "from": who}
        steps = service.post("/v1/transactions/prepare", json=body).json()["steps"]
        assert steps[0]["title"] == "Allow the contract to take EUR 1,000.00"
        assert steps[1]["to"] == at_["second"]
        for step in steps:
            done = send(service, step, STRANGER)
        assert [(each["name"], each["address"]) for each in done["events"][:1]] == [("Posted", at_["second"])]
        service.catch_up()
        (event,) = service.of("/events?source=performance_bond&name=Posted")["items"]
        assert event["source"] == "performance_bond"
        # `act` and the books have the same: the first is not set aside.
        record = tmp_path / "deal.json"
        now = {
            each["act"]: each["now"]
            for each in told("act", record, "--network", service.world.chain.url)["acts"]
        }
        assert now["bond.post"] == "can be done"
        assert now["second.post"].startswith("no: ")
