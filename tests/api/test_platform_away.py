"""The service when chain, database or a record is away or wrong: clear errors, nothing lost, no restart."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import build
from api.chain_link import ChainLink
from api.problems import ProblemError
from api.settings import Limits, Settings
from chain.network import start_anvil
from tests.api.browser import free_port
from tests.api.postgres import Postgres, running
from tests.api.world import ORIGIN, Service, World, bond_world, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deal that is being sold; each test has a service of its own over it."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        yield bond_world(chain, tmp_path_factory.mktemp("away"), "offered")


def test_the_chain_goes_away_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as rest:
        with start_anvil(timestamp=BEFORE_THE_OFFERING, port=port) as chain:
            world = bond_world(chain, tmp_path, "offered")
            state = chain.w3.provider.make_request("anvil_dumpState", [])["result"]  # type: ignore[arg-type]
            service = rest.enter_context(serving(world))
            assert service.get("/health/ready").json()["status"] == "ready"
            holders = service.of("/holders")
        time.sleep(1.1)
        ready = service.get("/health/ready")
        assert ready.status_code == 503
        assert "chain" in ready.json()["checks"]
        assert service.of("/holders")["items"] == holders["items"]  # what is read stays readable
        body = {"deployment": world.id, "action": "claim", "from": world.life.a}
        refused = service.post("/v1/transactions/prepare", json=body)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/chain-unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert service.get("/investor").status_code == 200
        rest.enter_context(start_anvil(timestamp=BEFORE_THE_OFFERING, port=port))
        world.chain.w3.provider.make_request("anvil_loadState", [state])  # type: ignore[arg-type]
        _until(lambda: service.post("/v1/transactions/prepare", json=body).status_code == 200, 30)


class _Broken(BaseHTTPRequestHandler):
    """Something at the chain's address that is no chain."""

    answer = b"<html>502 Bad Gateway</html>"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_given: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    "said",
    [
        b"<html>502 Bad Gateway</html>",
        b"",
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit exceeded"}}',
        b'{"jsonrpc":"2.0","id":1,"result":null}',
        b'{"jsonrpc":"2.0","id":1,"result":"0x1"}',
        b"[]",
    ],
)
def test_what_answers_is_no_chain(active: Service, said: bytes) -> None:
    """A proxy's error page, a limit, another chain: a clear 503 for whoever needs the chain."""
    broken = type("Broken", (_Broken,), {"answer": said})
    with ThreadingHTTPServer(("127.0.0.1", 0), broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        link = ChainLink(f"http://127.0.0.1:{server.server_port}", 31337)
        for action in (lambda w3: w3.eth.block_number, lambda w3: w3.eth.get_block("latest")["number"]):
            with pytest.raises(ProblemError) as told:
                link.call(action)
            assert told.value.status == 503
            assert told.value.name in ("chain-unavailable", "wrong-chain")
        server.shutdown()


def test_it_starts_without_a_chain_and_finds_it_later(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(
        f"http://127.0.0.1:{port}",
        f"sqlite:///{tmp_path / 'p.sqlite'}",
        tmp_path,
        origin=ORIGIN,
        limits=Limits(0),
    )
    with TestClient(build(settings), base_url=ORIGIN, raise_server_exceptions=False) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
        assert client.get("/v1/deals").status_code == 200
        assert client.get("/").status_code == 200
        with start_anvil(timestamp=BEFORE_THE_OFFERING, port=port) as chain:
            world = bond_world(chain, tmp_path, "offered")
            _until(lambda: client.get(f"/v1/deployments/{world.id}/holders").json().get("items"))
            _until(lambda: client.get("/health/ready").status_code == 200)


def test_the_database_goes_away_and_comes_back(world: World) -> None:
    with running() as server:
        _away(world, server)


def _away(world: World, server: Postgres) -> None:
    with serving(world, database=server.database()) as service:
        path = f"/v1/deployments/{world.id}/holders"
        before = service.get(path).json()["items"]
        server.stop("immediate")
        time.sleep(2.1)  # what was kept is too old now
        refused = service.get(path)
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-unavailable")
        assert service.get("/v1/deals").status_code == 200
        ready = service.get("/health/ready")
        assert ready.status_code == 503
        assert "ok" not in ready.json()["checks"]["database"]
        world.life.send(world.life.a, world.life.token.transfer(world.life.c, 1))
        server.start()
        _until(lambda: service.get(path).status_code == 200)
        service.catch_up()
        assert service.get(path).json()["items"] != before


def test_a_record_that_is_wrong_is_left_out(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = (world.folder / "deployment.json").read_text()
    other = json.loads(record)
    other["parts"]["token"]["address"] = world.life.a
    for name, content in (
        (world.id, record),
        ("broken-12345678", "{"),
        ("moved-12345678", json.dumps(other)),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "deployment.json").write_text(content)
    with serving(world, data=tmp_path, database=f"sqlite:///{tmp_path / 'own.sqlite'}") as service:
        assert [each.id for each in service.services.index.deployments()] == [world.id]
    assert "broken-12345678" in caplog.text
    assert "moved-12345678" in caplog.text


def _until(ready: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < deadline, "not there in time"
        time.sleep(0.1)


class Hung:
    """A way to a chain that can be stopped: then it takes connections and questions, and says nothing."""

    def __init__(self, port: int) -> None:
        self.port, self.stopped = free_port(), threading.Event()
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            chain = socket.create_connection(("127.0.0.1", self._to))
            self._open += [client, chain]
            for here, there in ((client, chain), (chain, client)):
                threading.Thread(target=self._pass, args=(here, there), daemon=True).start()

    def _pass(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while data := here.recv(65536):
                if not self.stopped.is_set():
                    there.sendall(data)

    def close(self) -> None:
        for each in (self._listener, *self._open):
            each.close()


def test_a_chain_that_hangs_holds_up_nobody_and_pages_say_so(tmp_path: Path) -> None:
    """It takes questions and answers none: readiness, pages and everything read go on, in a second or so, and
    say since when; what needs the chain is refused. Forty at once are no more trouble than one."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "offered")
        way = Hung(int(chain.url.rpartition(":")[2]))
        browser = {"accept": "text/html"}
        with serving(world, network=f"http://127.0.0.1:{way.port}") as service:
            assert "last heard" not in service.get("/?lang=en", headers=browser).text
            before = int(time.time())
            way.stopped.set()
            began = time.monotonic()
            ready = service.get("/health/ready")
            assert ready.status_code == 503
            assert "does not answer" in ready.json()["checks"]["chain"]
            assert time.monotonic() - began < 10
            body = {"deployment": world.id, "action": "claim", "from": world.life.a}
            questions = ["/health/ready", "/oracle", "/investor", "/", f"/v1/deployments/{world.id}/disputes"]
            began = time.monotonic()
            with ThreadPoolExecutor(40) as many:
                answers = list(many.map(lambda place: service.get(questions[place % 5]), range(40)))
                refused = service.post("/v1/transactions/prepare", json=body)
            assert time.monotonic() - began < 8
            assert {answer.status_code for answer in answers if answer.url.path != "/health/ready"} == {200}
            assert (refused.status_code, refused.json()["type"]) == (503, "/problems/chain-unavailable")
            for path in ("/", "/oracle", f"/deals/{world.deal.id}", "/investor"):
                page = service.get(f"{path}?lang=en", headers=browser).text
                assert "The chain does not answer. It was last heard on" in page, path
            heard = re.search(r'class="silent.*?datetime="([^"]+)"', page, re.DOTALL)
            assert heard is not None
            assert abs(datetime.fromisoformat(heard[1]).timestamp() - before) < 15
            assert "체인이 응답하지 않습니다" in service.get("/?lang=ko", headers=browser).text
            way.stopped.clear()
            _until(lambda: service.get("/health/ready").status_code == 200)
            _until(lambda: "last heard" not in service.get("/?lang=en", headers=browser).text)
        way.close()
