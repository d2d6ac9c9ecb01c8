"""The demonstration's endpoints: there in a demonstration only, and for no other site."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from web3 import Web3

from api.demo import NextEvent
from chain.bindings import read
from chain.errors import ChainError
from chain.network import advance, start_anvil
from scripts.serve.conductor import Conductor
from scripts.serve.plan import Plan
from tests.api.wallets import ChainDemo
from tests.api.world import ORIGIN, Service, bond_world, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING


class Clock(ChainDemo):
    """Moves the real chain's clock by a day; waits in between if it is told to."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.fails = False

    def advance(self) -> NextEvent:
        self.begun.set()
        self.go.wait(10)
        if self.fails:
            raise ChainError("the treasury is empty")
        advance(self._chain.w3, 86_400)
        return NextEvent(self._chain.w3.eth.get_block("latest")["timestamp"], "all", "a day later")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Clock]]:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path_factory.mktemp("demo"), "offered")
        clock = Clock(chain, {world.life.a: "Ada", world.life.b: "Ben"})
        with serving(world, demo=clock) as service:
            yield service, clock


def test_there_is_none_without_a_demonstration(active: Service) -> None:
    assert active.get("/v1/demo").status_code == 404
    for path in ("/v1/demo/advance", "/v1/demo/rpc"):
        answer = active.post(path, json={"method": "eth_accounts"})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


def test_what_it_says_of_itself(demo: tuple[Service, Clock]) -> None:
    service, _ = demo
    answer = service.get("/v1/demo")
    assert answer.headers["cache-control"] == "no-store"
    assert [each["name"] for each in answer.json()["accounts"]] == ["Ada", "Ben"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": ORIGIN}, 200),
        ({}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json-patch+json"}, 415),
        ({"Content-Type": "application/json; charset=utf-8", "Origin": ORIGIN}, 200),
    ],
)
def test_no_other_site_can_use_it(demo: tuple[Service, Clock], headers: dict[str, str], status: int) -> None:
    service, _ = demo
    head = {"Content-Type": "application/json", **headers}
    for path, body in (("/v1/demo/rpc", '{"method": "eth_chainId"}'), ("/v1/demo/advance", "{}")):
        answer = service.post(path, content=body, headers=head)
        assert answer.status_code == status, (path, answer.text)


def test_only_calls_of_a_wallet_pass(demo: tuple[Service, Clock]) -> None:
    service, _ = demo
    for method in (
        "evm_mine",
        "anvil_setBalance",
        "eth_sendRawTransaction",
        "debug_traceCall",
        "eth_sign",
        "eth_call",
    ):
        answer = service.post("/v1/demo/rpc", json={"method": method, "params": []})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unknown-method"), method


def test_a_transaction_of_an_account_reaches_the_chain(demo: tuple[Service, Clock]) -> None:
    service, _ = demo
    life = service.world.life
    call = {
        "from": life.a,
        "to": life.record.addresses["token"],
        "data": life.token.transfer(life.c, 1)._encode_transaction_data(),
    }
    sent = service.post("/v1/demo/rpc", json={"method": "eth_sendTransaction", "params": [call]})
    assert sent.status_code == 200, sent.text
    service.world.chain.w3.eth.wait_for_transaction_receipt(sent.json()["result"])
    assert read(life.token.balanceOf(life.c)) == 1


def test_the_clock_moves_once_at_a_time(demo: tuple[Service, Clock]) -> None:
    service, clock = demo
    clock.begun.clear()
    clock.go.clear()
    answers: list[int] = []
    first = threading.Thread(
        target=lambda: answers.append(service.post("/v1/demo/advance", json={}).status_code)
    )
    first.start()
    try:
        assert clock.begun.wait(5)
        second = service.post("/v1/demo/advance", json={})
        assert (second.status_code, second.json()["type"]) == (409, "/problems/busy")
    finally:
        clock.go.set()
        first.join()
    assert answers == [200]
    clock.fails = True
    failed = service.post("/v1/demo/advance", json={})
    assert (failed.status_code, failed.json()["type"]) == (409, "/problems/not-advanced")
    assert "treasury" in failed.json()["detail"]
    clock.fails = False
    assert service.post("/v1/demo/advance", json={}).status_code == 200


def test_a_dead_chain_is_an_answer_and_one_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "offered")
        clock = Clock(chain, {world.life.a: "Ada"})
        rest = ExitStack()
        service = rest.enter_context(serving(world, demo=clock))
    with rest:
        call = {"method": "personal_sign", "params": ["0x00", world.life.a]}
        for path, body in (("/v1/demo/advance", {}), ("/v1/demo/rpc", call)):
            answer = service.post(path, json=body)
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/chain-unavailable")
        monkeypatch.setattr("scripts.serve.conductor.WATCH_SECONDS", 0.01)
        dead = Web3(Web3.HTTPProvider(chain.url, exception_retry_configuration=None))
        panel = SimpleNamespace(look=lambda: dead.eth.block_number)
        conductor = Conductor(chain, Plan(), cast(Any, panel), [], {}, {})
        stop = threading.Event()
        watching = threading.Thread(target=conductor.watch, args=(stop,))
        with caplog.at_level("WARNING", "penstock.serve"):
            watching.start()
            time.sleep(0.5)
            stop.set()
            watching.join(10)
        said = [record for record in caplog.records if record.name == "penstock.serve"]
        assert len(said) == 1
        assert said[0].exc_info is None
        assert "waits for its chain" in said[0].getMessage()
