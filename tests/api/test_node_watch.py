"""The watch of the nodes: every kind of bad node costs a bounded time and is said so; what is news counts."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from api import node_watch
from api.node_watch import NodeWatch
from api.problems import unavailable

ADDRESS = "0x" + "1f" * 20
Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def listening(answer: Answer) -> Iterator[str]:
    """A server that answers every GET as it is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def says(content: Any, status: int = 200) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def healthy(faults: list[str] | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        content: dict[str, Any] = {"address": ADDRESS}
        if handler.path == "/health":
            content |= {"status": "up", "faults_injected": faults or []}
        else:
            content |= {"method": "swmm-paired-rain/1", "twin": "stormwater", "twin_version": "1.0.0"}
        says(content)(handler)

    return answer


class Index:
    """Which deployments there are; `down`: the database does not answer."""

    down = False

    def deployments(self) -> list[Any]:
        if self.down:
            raise unavailable("down")
        return [SimpleNamespace(id="a-deal")]


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def watch(tmp_path: Path, index: Index) -> NodeWatch:
    return NodeWatch(SimpleNamespace(data=tmp_path), index)  # type: ignore[arg-type]


def at(folder: Path, *urls: Any) -> None:
    (folder / "a-deal").mkdir(exist_ok=True)
    path = folder / "a-deal" / "nodes.json"
    path.write_text(json.dumps({"runoff": list(urls)}))


def test_a_node_that_is_up_says_who_it_is_and_what_is_wrong_with_it(tmp_path: Path, watch: NodeWatch) -> None:
    with listening(healthy(["lie"])) as url:
        at(tmp_path, url + "/")
        watch.poll()
        (node,) = watch.nodes("a-deal")
    assert (node.health, node.address, node.faults, node.url) == ("up", ADDRESS, ("lie",), url)
    assert node.info["twin"] == "stormwater"
    assert node.last_seen is not None
    assert watch.nodes("another") == []


def test_a_node_that_went_down_is_remembered(tmp_path: Path, watch: NodeWatch) -> None:
    with listening(healthy()) as url:
        at(tmp_path, url)
        watch.poll()
        version = watch.version
        watch.poll()
        assert watch.version == version  # nothing new
    watch.poll()
    (node,) = watch.nodes("a-deal")
    assert (node.health, node.address) == ("down", ADDRESS)
    assert node.error
    assert watch.version == version + 1


@pytest.mark.parametrize(
    "answer",
    [
        says(b"\xff\xfe nonsense"),
        says([1, 2]),
        says({"address": "me"}),
        says({"no": "address"}),
        says({"address": ADDRESS}, 500),
        says(b"x" * 1_000_000),
        says({"address": ADDRESS, "faults_injected": 7}),
    ],
)
def test_nonsense_is_a_node_that_is_down(tmp_path: Path, watch: NodeWatch, answer: Answer) -> None:
    with listening(answer) as url:
        at(tmp_path, url)
        watch.poll()
        (node,) = watch.nodes("a-deal")
    assert node.health == "down"
    assert node.error
    assert len(node.error) <= 200


def test_nodes_that_hang_cost_a_bounded_time(
    tmp_path: Path, watch: NodeWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_watch, "TIMEOUT_SECONDS", 0.3)
    dripping = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            if dripping.wait(0.1):
                return
            try:
                handler.wfile.write(b" ")
                handler.wfile.flush()
            except OSError:
                return

    with socket.socket() as silent, listening(drip) as slow, listening(healthy()) as good:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        at(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}", slow, good)
        begun = time.monotonic()
        watch.poll()
        spent = time.monotonic() - begun
        dripping.set()
    assert [node.health for node in watch.nodes("a-deal")] == ["down", "down", "up"]
    assert spent < 3


def test_files_that_cannot_be_used_are_no_nodes(tmp_path: Path, watch: NodeWatch) -> None:
    (tmp_path / "a-deal").mkdir()
    path = tmp_path / "a-deal" / "nodes.json"
    for content in ("", "{", "[]", '{"kpi": 3}', '{"kpi": ["ftp://x", "no url"]}'):
        path.write_text(content)
        watch.poll()
        assert watch.nodes("a-deal") == []


def test_a_database_that_is_down_does_not_stop_the_watch(
    tmp_path: Path, watch: NodeWatch, index: Index
) -> None:
    with listening(healthy()) as url:
        at(tmp_path, url)
        watch.poll()
        index.down = True
        watch.poll()
        assert [node.health for node in watch.nodes("a-deal")] == ["up"]


def test_it_starts_and_stops(tmp_path: Path, watch: NodeWatch) -> None:
    with listening(healthy()) as url:
        at(tmp_path, url)
        watch.start()
        deadline = time.monotonic() + 60
        while not watch.nodes("a-deal") and time.monotonic() < deadline:
            time.sleep(0.02)
        watch.stop()
    assert [node.health for node in watch.nodes("a-deal")] == ["up"]
    assert watch._thread is not None
    assert not watch._thread.is_alive()
