"""A stranger's large bodies: what one costs grows with its size and no faster, and nobody waits for it."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from api.problems import shown
from api.settings import Limits
from api.views import documents
from api.web.limits import MOST_PLAIN
from finance.terms import Deal
from finance.terms.bond import KpiBond
from finance.terms.checks import check
from finance.terms.claim_token import ClaimToken
from finance.terms.offering import Offering
from finance.terms.processes import NormalProcess
from finance.terms.reader import exact_json
from finance.terms.values import NumberTerm
from tests.api.browser import free_port, served
from tests.api.without_chain import offline
from tests.chain.bond_life import small_deal, small_tree

JSON = {"content-type": "application/json"}
DEAL = "dc-water-eib-2016"
PATIENCE = 3.0
"""Seconds that others may wait on a busy machine; what is guarded against took minutes."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    made = offline(tmp_path_factory.mktemp("bodies"))
    yield made
    made.app.state.services.jobs.close()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def url(client: TestClient) -> Iterator[str]:
    """The same service on a real event loop."""
    with served(client.app, free_port()) as address:
        yield address


def names(count: int) -> str:
    return ",".join(f'"{index:x}":0' for index in range(count))


def twice(count: int) -> bytes:
    """An object of `count` keys whose last one is there twice: all others are looked at before."""
    return ("{" + names(count) + ',"zz":0,"zz":0}').encode()


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def own_seconds(work: Callable[[], Any]) -> float:
    """Of this thread's processor, without the collector, which looks through what all other tests left."""
    gc.disable()
    began = time.thread_time()
    try:
        work()
        return time.thread_time() - began
    finally:
        gc.enable()


def post(client: TestClient, path: str, body: bytes, kind: str = "application/json") -> httpx.Response:
    found: httpx.Response = client.post(path, content=body, headers={"content-type": kind})
    assert found.status_code < 500, found.text
    return found


def refuse_twice(data: bytes) -> None:
    with pytest.raises(ValueError, match="duplicate key 'zz'"):
        exact_json(data)


def test_a_duplicate_key_is_found_in_a_time_that_grows_as_the_text() -> None:
    """Sixteen times the keys: in one pass some 16 times as long, pair by pair 256 times."""
    few, many = twice(2_500), twice(40_000)
    short = min(own_seconds(lambda: refuse_twice(few)) for _ in range(5))
    long = min(own_seconds(lambda: refuse_twice(many)) for _ in range(2))
    assert long < 80 * short


def test_the_service_answers_while_large_bodies_are_read(url: str) -> None:
    bodies = [
        b'{"document":' + twice(44_000) + b"}",
        b'{"document":{"a":[' + b"{}," * 150_000 + b"{}]}}",
        ('{"deal":"x","kpis":{' + names(44_000) + "}}").encode(),
        ("{" + names(44_000) + "}").encode(),
        ('{"deal":"x","reports":[' + ",".join(["{" + names(80) + "}"] * 900) + "]}").encode(),
    ]
    for body in bodies:
        answers: list[int] = []

        def send(body: bytes = body, answers: list[int] = answers) -> None:
            answers.append(
                httpx.post(f"{url}/v1/valuations", content=body, headers=JSON, timeout=300).status_code
            )

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        slowest = 0.0
        while sender.is_alive():
            slowest = max(slowest, seconds(lambda: httpx.get(f"{url}/health/live", timeout=300)))
            assert slowest < PATIENCE, body[:40]
        assert answers in ([413], [422]), body[:40]


def test_few_large_bodies_are_read_at_once_and_the_others_are_told(client: TestClient) -> None:
    large, held = b'{"document":{"a":"' + b"x" * 30_000 + b'"}}', 0
    while documents._places.acquire(blocking=False):
        held += 1
    try:
        assert held == documents.MOST_WAITING
        for path, body in (("valuations", large), ("transactions", large), ("deals/validate", b"#" * 30_000)):
            answer = client.post(f"/v1/{path}", content=body, headers=JSON)
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/busy"), path
            assert int(answer.headers["retry-after"]) > 0
        small = client.post("/v1/valuations", json={"deal": DEAL})
        assert small.status_code == 200
    finally:
        for _ in range(held):
            documents._places.release()
    assert post(client, "/v1/valuations", large).status_code == 422


def test_many_unknown_fields_are_one_error(client: TestClient) -> None:
    """A hundred thousand errors took a second to be told, of which fifty are."""
    for body in (
        "{" + names(40_000) + "}",
        '{"deal":"x","kpis":{"a":{' + names(40_000) + "}}}",
        '{"deal":"x","kpis":{' + names(40_000) + "}}",
        '{"deal":"x","fixed":[' + ",".join(["0"] * 200_000) + "]}",
        '{"deal":"x","reports":[' + ",".join(["0"] * 200_000) + "]}",
    ):
        assert len(post(client, "/v1/valuations", body.encode()).json()["errors"]) == 1, body[:30]
    raw = post(client, "/v1/transactions", ("{" + names(40_000) + "}").encode())
    assert [flaw["reason"] for flaw in raw.json()["errors"]] == ["`0` is not known"]


def test_only_deals_and_transactions_may_be_large(client: TestClient) -> None:
    """FastAPI reads other bodies on the event loop, before it asks who sent them."""
    most = Limits().body_bytes
    for path, size in (
        ("auth/session", MOST_PLAIN),
        ("transactions/prepare", MOST_PLAIN),
        ("valuations", most),
    ):
        within = post(client, f"/v1/{path}", b" " * (size - 2) + b"{}")
        beyond = post(client, f"/v1/{path}", b" " * size + b"{}")
        assert (within.status_code, beyond.status_code) == (422, 413), path


@pytest.mark.parametrize(
    "number",
    ["1e999999999", "-1e-999999999", "1e99999999999999999999", "9" * 5_000, "1." + "1" * 50_000],
    ids=["huge", "tiny", "beyond", "whole", "long"],
)
def test_a_short_number_does_not_fill_the_memory(client: TestClient, number: str) -> None:
    """30 bytes took gigabytes when the number was written in full."""
    text = (Path(__file__).parents[2] / "deals" / f"{DEAL}.yaml").read_text()
    tree = client.get(f"/v1/deals/{DEAL}/terms").json()
    tree["parts"]["bond"]["principal"]["value"] = "PLACE"
    posted = json.dumps(tree).replace('"PLACE"', number)
    for path, body, kind in (
        ("valuations", f'{{"document":{posted}}}', "application/json"),
        ("deals/validate", posted, "application/json"),
        ("deals/validate", text.replace("{value: 25000000,", f"{{value: {number},"), "application/yaml"),
    ):
        answer = post(client, f"/v1/{path}", body.encode(), kind)
        assert answer.status_code == 422 or not answer.json()["valid"], path
        assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    "inner",
    ["[" * 70 + "]" * 70, "[" * 800 + "]" * 800, '{"a":' * 3_000 + "0" + "}" * 3_000],
    ids=["70", "800", "3000"],
)
@pytest.mark.parametrize(
    "around", ['{"document":{"a":%s}}', '{"document":%s}', '{"deal":%s}', '{"raw":%s}', "%s"]
)
def test_deep_json_is_refused(client: TestClient, inner: str, around: str) -> None:
    for path in ("valuations", "transactions", "auth/session", "transactions/prepare"):
        assert post(client, f"/v1/{path}", (around % inner).encode()).status_code in (400, 422), path
    assert not post(client, "/v1/deals/validate", (around % inner).encode()).json()["valid"]


@pytest.mark.parametrize("half", [b'"\\ud800"', b'{"\\ud800":"\\ud800"}'])
def test_half_a_character_is_refused(client: TestClient, half: bytes) -> None:
    """JSON can say \\ud800, which no UTF-8 can: neither what is read nor what is answered may hold it."""
    for path in ("valuations", "transactions", "auth/session", "transactions/prepare"):
        for name in (b"document", b"deal", b"raw", b"message", b"action"):
            answer = post(client, f"/v1/{path}", b'{"%s":%s}' % (name, half))
            assert answer.status_code == 422, path
    assert not post(client, "/v1/deals/validate", b'{"id":%s}' % half).json()["valid"]


def test_what_is_wrong_with_a_deal_of_thousands_of_parts_is_short(client: TestClient) -> None:
    """Each of its flaws names all that is known."""
    sources = "\n".join(f"  s{index}: {{title: t, url: 'http://x.y'}}" for index in range(1_500))
    values = "\n".join(f"    p{index}: {{value: 1, source: z}}" for index in range(2_000))
    body = f"id: x\nsources:\n{sources}\nasset:\n  parameters:\n{values}\n".encode()
    took = time.perf_counter()
    found = post(client, "/v1/deals/validate", body, "application/yaml")
    assert time.perf_counter() - took < 10
    assert not found.json()["valid"]
    assert len(found.content) < 400_000


def many_claims(count: int) -> Deal:
    """Each sold once and paid by nobody."""
    small = small_deal()
    token, sale, parts = small.only(ClaimToken), small.only(Offering), dict(small.parts)
    for index in range(count):
        parts[f"t{index}"] = token.model_copy(update={"symbol": f"S{index}"})
        parts[f"o{index}"] = sale.model_copy(update={"sells": f"t{index}"})
    return small.model_copy(update={"parts": parts})


def many_sales(count: int) -> Deal:
    """Of claims that are not there."""
    small = small_deal()
    sale = small.only(Offering)
    sales = {f"o{index}": sale.model_copy(update={"sells": f"none{index}"}) for index in range(count)}
    return small.model_copy(update={"parts": {**small.parts, **sales}})


def many_kpis(count: int) -> Deal:
    """As many tokens, which read none."""
    small = small_deal()
    ((_, kpi),) = small.kpis.items()
    token = small.only(ClaimToken)
    return small.model_copy(
        update={
            "kpis": {**small.kpis, **{f"k{index}": kpi for index in range(count)}},
            "parts": {**small.parts, **{f"t{index}": token for index in range(count)}},
        }
    )


def many_trends(count: int) -> Deal:
    """And as many bonds, none of which they move too far."""
    small = many_kpis(count)
    process = NormalProcess(kind="normal", mean=one(0), sd=one(1), trend=one(0))
    kpi, bond = next(iter(small.kpis.values())), small.only(KpiBond)
    moving = kpi.model_copy(update={"process": process})
    return small.model_copy(
        update={
            "kpis": {**small.kpis, **{f"k{index}": moving for index in range(count)}},
            "parts": {**small.parts, **{f"t{index}": bond for index in range(count)}},
        }
    )


def one(value: int) -> NumberTerm:
    return NumberTerm(value=Decimal(value), assumed="x")


@pytest.mark.parametrize("made", [many_claims, many_sales, many_kpis, many_trends])
def test_the_rules_take_a_time_that_grows_as_the_deal(made: Callable[[int], Deal]) -> None:
    """Sixteen times the parts: part by part some 16 times as long, pair by pair 256 times."""
    few, many = ([made(count) for _ in range(2)] for count in (50, 800))
    short = min(own_seconds(lambda: check(deal)) for deal in few)  # noqa: B023
    long = min(own_seconds(lambda: check(deal)) for deal in many)  # noqa: B023
    assert long < 60 * short


def test_more_parts_than_any_transaction_deploys_are_one_line(client: TestClient) -> None:
    """Whatever else is wrong with them, and however little each costs to write."""
    tree = json.loads(json.dumps(small_tree(), default=str))
    tree["parts"] |= {f"t{index}": {"kind": "claim_token"} for index in range(2_000)}
    took = seconds(lambda: post(client, "/v1/deals/validate", json.dumps(tree).encode()))
    assert took < PATIENCE
    found = post(client, "/v1/deals/validate", json.dumps(tree).encode()).json()
    (flaw,) = found["problems"]
    assert flaw["field"] == "parts"
    assert flaw["reason"] == (
        "are 2003, and 200 at most: more can never be deployed in one transaction: make several deals of them"
    )


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "x",
        5,
        None,
        {"a": [1, "b", {"c": None}]},
        ["'", '"'],
        {"x" * 300: 1},
        list(range(1_000)),
        1.5,
        b"\xff",
    ],
)
def test_what_was_sent_is_shown_as_text_and_only_its_beginning_is_made(value: Any) -> None:
    assert shown(value) == str(value)[:200]
    deep: Any = value
    for _ in range(5_000):
        deep = [deep, value]
    assert len(shown(deep)) == 200
