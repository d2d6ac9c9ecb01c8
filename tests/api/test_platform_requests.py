"""What every request meets: headers, cache, limits, logs, and the service when chain or database are away."""

from __future__ import annotations

import io
import json
import logging
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fastapi.responses import StreamingResponse

from api.app import build
from api.settings import Limits, Settings
from api.web.logs import Secrets, configure
from chain.bindings import read
from chain.network import start_anvil
from tests.api.browser import free_port, served
from tests.api.world import Service, World, bond_world, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING
from tests.seeds import SEED


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deal that is being sold; each test has a service of its own over it."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        yield bond_world(chain, tmp_path_factory.mktemp("platform"), "offered")


# -- headers


@pytest.mark.parametrize(
    "path", ["/", "/v1/deals", "/v1/nothing", "/health/live", "/static/style.css", "/metrics"]
)
def test_headers_of_every_answer(active: Service, path: str) -> None:
    answer = active.get(path)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers
    assert len(answer.headers["x-request-id"]) == 16


def test_an_error_of_ours_tells_nothing_and_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with serving(world) as service:

        def broken() -> None:
            raise RuntimeError("the inner secret")

        service.app.add_api_route("/v1/broken", broken)
        answer = service.get("/v1/broken", headers={"X-Request-ID": "my-own-id-1"})
        assert answer.status_code == 500
        assert answer.json()["type"] == "/problems/internal"
        assert "secret" not in answer.text
        assert answer.headers["x-request-id"] == "my-own-id-1"
        assert "content-security-policy" in answer.headers
        assert "the inner secret" in caplog.text


def test_only_our_own_hosts_are_served(active: Service) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "", "evil.example:80"):
        answer = active.get("/v1/deals", headers={"Host": host})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/wrong-host"), host
    for host in ("127.0.0.1", "127.0.0.1:8600", "localhost:1", "[::1]:8600", "[::1]", "TESTSERVER"):
        assert active.get("/v1/deals", headers={"Host": host}).status_code == 200, host
    assert active.get("/health/live", headers={"Host": "10.0.0.7:8600"}).status_code == 200


def test_other_sites_only_where_they_are_named(world: World) -> None:
    with serving(world, cors=("https://friend.example",)) as service:
        friend = service.get("/v1/deals", headers={"Origin": "https://friend.example"})
        assert friend.headers["access-control-allow-origin"] == "https://friend.example"
        assert "access-control-allow-credentials" not in friend.headers
        stranger = service.get("/v1/deals", headers={"Origin": "https://stranger.example"})
        assert "access-control-allow-origin" not in stranger.headers
        asked = {"Origin": "https://stranger.example", "Access-Control-Request-Method": "POST"}
        assert service.client.options("/v1/valuations", headers=asked).status_code == 400


# -- cache


def test_an_answer_is_kept_until_something_changes(world: World) -> None:
    with serving(world) as service:
        path = f"/v1/deployments/{world.id}/holders"
        first = service.get(path)
        etag = first.headers["etag"]
        assert first.headers["cache-control"] == "no-cache"
        unchanged = service.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
        assert "content-security-policy" in unchanged.headers
        life = world.life
        life.send(life.a, life.token.transfer(life.c, 1))
        service.catch_up()
        after = service.get(path, headers={"If-None-Match": etag})
        assert after.status_code == 200
        held = {row["holder"]: row["units"] for row in after.json()["items"]}
        assert held == {who: read(life.token.balanceOf(who)) for who in (life.a, life.c)}
        assert held[life.c] >= 1


def test_what_an_answer_depends_on_keeps_answers_apart(active: Service) -> None:
    active.client.cookies.clear()  # pages asked for by others have set the language
    path = f"/v1/deployments/{active.world.id}/holders"
    kinds = {
        kind: active.get(path, headers={"Accept": kind}).headers["content-type"]
        for kind in (
            "application/json",
            "text/csv",
            "application/vnd.apache.parquet",
            "text/csv",
            "application/json",
        )
    }
    assert {given: got.partition(";")[0] for given, got in kinds.items()} == {kind: kind for kind in kinds}
    assert active.get(path, headers={"Accept": "image/png"}).status_code == 406
    pages = {
        language: active.get("/", headers={"Accept-Language": language}).text
        for language in ("en", "ko", "en", "ko")
    }
    assert '<html lang="en">' in pages["en"]
    assert '<html lang="ko">' in pages["ko"]
    assert '<html lang="ko">' in active.get("/", headers={"Cookie": "lang=ko"}).text
    active.client.cookies.clear()
    assert '<html lang="en">' in active.get("/", headers={"Accept-Language": "en"}).text
    assert active.get(path + "?limit=1").json() != active.get(path + "?limit=2").json()


def test_head_is_get_without_its_body(active: Service) -> None:
    got, head = active.get("/v1/deals"), active.client.head("/v1/deals")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert int(head.headers["content-length"]) == len(got.content)
    assert active.client.head("/v1/nothing").status_code == 404


def test_errors_and_private_answers_are_not_kept(active: Service) -> None:
    for path in ("/v1/nothing", "/v1/auth/nonce", "/health/ready", "/v1/jobs/nothing"):
        answer = active.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        assert "etag" not in answer.headers


def test_nobody_waits_for_an_answer_that_grows_old(world: World) -> None:
    with serving(world) as service:
        made: list[float] = []

        def slow() -> dict[str, int]:
            made.append(time.monotonic())
            time.sleep(0.4)
            return {"made": len(made)}

        service.app.add_api_route("/v1/slow", slow)
        assert service.get("/v1/slow").json() == {"made": 1}
        end, slowest = time.monotonic() + 2.5, 0.0
        while time.monotonic() < end:
            began = time.monotonic()
            answer = service.get("/v1/slow")
            slowest = max(slowest, time.monotonic() - began)
            assert answer.status_code == 200
            time.sleep(0.02)
        assert slowest < 0.3
        assert 2 <= len(made) <= 4
        assert answer.json()["made"] >= 2


def test_many_who_ask_at_once_have_it_made_once(world: World) -> None:
    with serving(world) as service:
        made: list[int] = []

        def slow() -> dict[str, int]:
            made.append(1)
            time.sleep(0.3)
            return {"made": len(made)}

        service.app.add_api_route("/v1/slow", slow)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: service.get("/v1/slow").json(), range(8)))
        assert answers == [{"made": 1}] * 8


def test_a_slow_reader_of_something_large_holds_nobody_up(world: World) -> None:
    port = free_port()
    app = build(world.settings())
    app.add_api_route("/v1/large", lambda: StreamingResponse(iter([b"x" * 1_000_000] * 40)))
    with served(app, port), socket.create_connection(("127.0.0.1", port), timeout=5) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.sendall(b"GET /v1/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert slow.recv(1_000)
        with (
            httpx.Client(timeout=60) as other,
            other.stream("GET", f"http://127.0.0.1:{port}/v1/large", timeout=5) as answer,
        ):
            assert answer.status_code == 200
            assert sum(len(part) for part in answer.iter_bytes()) == 40_000_000


# -- limits


def test_a_client_that_asks_too_often_must_wait(world: World) -> None:
    with serving(world, limits=Limits(per_second=2, burst=4)) as service:
        # Cached answers are free: the first one is made, the others are found.
        assert {service.get("/v1/deals").status_code for _ in range(40)} == {200}
        found = [service.get(f"/v1/deals/nothing-{n}").status_code for n in range(12)]
        assert found.count(429) >= 6
        refused = service.get("/v1/deals/nothing")
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-requests")
        wait = int(refused.headers["retry-after"])
        assert 1 <= wait <= 4
        assert service.get("/health/live").status_code == 200
        time.sleep(wait + 0.1)
        assert service.get("/v1/deals/nothing").status_code == 404


def test_bodies_have_an_end(world: World) -> None:
    limits = Limits(per_second=0, body_bytes=10_000, body_seconds=0.5)
    port = free_port()
    app = build(world.settings(limits=limits))
    with served(app, port) as url, httpx.Client(base_url=url, timeout=60) as client:
        large = client.post("/v1/deals/validate", content=b"x" * 10_001)
        assert (large.status_code, large.json()["type"]) == (413, "/problems/body-too-large")
        assert large.headers["connection"] == "close"

        def endless() -> Iterator[bytes]:
            yield from (b"y" * 1_000 for _ in range(100))

        assert client.post("/v1/deals/validate", content=endless()).status_code == 413
        assert client.post("/v1/deals/validate", content=b"x" * 9_000).status_code in (200, 415, 422)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as slow:
            slow.sendall(
                b"POST /v1/deals/validate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nab"
            )
            began = time.monotonic()
            said = slow.recv(65_536)
            assert b" 408 " in said.partition(b"\r\n")[0]
            assert 0.3 < time.monotonic() - began < 3
            while chunk := slow.recv(65_536):
                said += chunk
        assert b"/problems/body-too-slow" in said
        for length in (b"-1", b"1e3", b"99999999999999999999999999", b"0x10"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as odd:
                odd.sendall(
                    b"POST /v1/valuations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                    + length
                    + b"\r\n\r\n"
                )
                assert odd.recv(65_536).split(b" ")[1] in (b"400", b"413"), length
        assert client.get("/health/live").status_code == 200


def test_rubbish_is_answered_with_a_clear_problem(active: Service) -> None:
    """Random bytes and nested nonsense to everything that takes a body: never an error of ours."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    paths = [
        (method, path)
        for path, methods in active.get("/v1/openapi.json").json()["paths"].items()
        for method in methods
        if method in ("post", "delete")
    ]
    assert ("post", "/v1/transactions/prepare") in paths
    odd = {"deployment": "x", "action": "\u0000", "from": "0x" + "1" * 40, "parameters": {"a": [{}] * 50}}
    bodies = [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b"\xff\xfe",
        b"1e999",
        b"NaN",
        json.dumps(odd).encode(),
    ]
    bodies += [b"[" * 5_000, b'{"a":' * 3_000, b'{"raw":"0x' + b"f" * 1_000 + b'"}']
    bodies += [b'{"message":"' + b"a" * 3_000 + b'","signature":"0x' + b"0" * 130 + b'"}']
    bodies += [rng.randbytes(rng.randrange(1, 400)) for _ in range(10)]
    for method, path in paths:
        for body in bodies:
            kind = rng.choice(
                ["application/json", "text/plain", "application/x-yaml", "", "multipart/form-data"]
            )
            url = path.replace("{id}", rng.choice([active.world.id, "x", "%00", "%ff"]))
            url = (
                url.replace("{kpi}", "runoff-reduction")
                .replace("{period}", "0")
                .replace("{", "")
                .replace("}", "")
            )
            answer = active.client.request(method, url, content=body, headers={"Content-Type": kind})
            assert answer.status_code < 500, (method, url, body[:80], kind, answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"].startswith("application/problem+json"), (
                    url,
                    answer.text,
                )
                assert len(answer.content) < 20_000


# -- logs, measurements


def test_logs_are_json_and_tell_no_secret(world: World) -> None:
    out = io.StringIO()
    before = logging.getLogger().handlers[:], logging.getLogger().level
    settings = world.settings(network=world.chain.url)
    try:
        configure(settings, stream=out)
        with serving(world) as service:
            bearer = {"Authorization": "Bearer penstock_12345678_THESECRETPART", "X-Request-ID": "request-77"}
            service.get("/v1/deals?token=QUERYSECRET", headers=bearer)
            service.get("/v1/deals%0aforged")
            logging.getLogger("penstock.test").warning("with %s", "penstock_12345678_THESECRETPART")
    finally:
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    line = next(each for each in lines if each.get("request") == "request-77")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/deals", 200)
    assert line["client"] == "testclient"
    assert line["cache"] == "passed"
    for secret in ("THESECRETPART", "QUERYSECRET"):
        assert secret not in out.getvalue()
    assert "penstock_12345678_***" in out.getvalue()


def test_secrets_of_the_settings_are_struck_out() -> None:
    settings = Settings(
        "https://mainnet.example/v3/0123456789abcdef?key=zyxwvutsrq",
        "postgresql://penstock:hunter22@db.example/penstock",
        Path(),
    )
    secrets = Secrets.of(settings)
    said = secrets.strike(f"{settings.network} and {settings.database} and Bearer abc.def-ghi")
    for secret in ("0123456789abcdef", "zyxwvutsrq", "hunter22", "abc.def"):
        assert secret not in said
    assert secrets.strike("no chain answers at http://127.0.0.1:8545: start one") == (
        "no chain answers at http://127.0.0.1:8545: start one"
    )


def test_measurements_are_by_route_and_not_by_path(active: Service) -> None:
    active.get(f"/v1/deployments/{active.world.id}/holders")
    active.get("/v1/somewhere/that/is/not")
    answer = active.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    routes = {
        line.partition('route="')[2].partition('"')[0]
        for line in lines
        if line.startswith("penstock_requests_total")
    }
    assert "/v1/deployments/{id}/holders" in routes
    assert "(none)" in routes
    assert not any("somewhere" in route for route in routes)
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(figures["penstock_chain_up"]) == float(figures["penstock_database_up"]) == 1
    assert float(figures["penstock_index_lag_blocks"]) == 0
