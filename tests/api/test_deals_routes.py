"""Deals over HTTP: the book, the hashed terms, cash flows, and what is said of a deal that cannot be used."""

from __future__ import annotations

import hashlib
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from starlette.testclient import TestClient

from api.instruments import instrument_of
from finance import load_deal, price
from finance.terms import Deal
from tests.api.without_chain import offline
from tests.book import groups

DEALS = Path(__file__).resolve().parents[2] / "deals"
BOOK = list(groups())
VALUED = [name for name, deal in groups().items() if instrument_of(deal.kind).valued is not None]
FILES = sorted(path.stem for path in DEALS.glob("*.yaml"))
DC = "dc-water-eib-2016"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    return offline(tmp_path_factory.mktemp("deals"))


def text(name: str = DC) -> bytes:
    return (DEALS / f"{name}.yaml").read_bytes()


def check(client: TestClient, body: bytes, kind: str = "application/yaml") -> Any:
    answer = client.post("/v1/deals/validate", content=body, headers={"content-type": kind})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_book_is_listed_in_parts(client: TestClient) -> None:
    found, cursor = [], None
    while True:
        answer = client.get("/v1/deals", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        found += [row["id"] for row in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert found == BOOK


def test_the_list_as_csv_and_parquet_is_the_list(client: TestClient) -> None:
    rows = client.get("/v1/deals").json()["items"]
    csv = client.get("/v1/deals", headers={"accept": "text/csv"})
    parquet = client.get("/v1/deals", params={"format": "parquet"})
    assert csv.headers["content-type"].startswith("text/csv")
    for table in (pd.read_csv(io.StringIO(csv.text)), pd.read_parquet(io.BytesIO(parquet.content))):
        assert list(table["id"]) == [row["id"] for row in rows]
        assert list(table["terms_hash"]) == [row["terms_hash"] for row in rows]
    assert client.get("/v1/deals", headers={"accept": "image/png"}).status_code == 406


@pytest.mark.parametrize("name", BOOK)
def test_the_terms_are_what_is_hashed(client: TestClient, name: str) -> None:
    answer = client.get(f"/v1/deals/{name}/terms")
    digest = "0x" + hashlib.sha256(answer.content).hexdigest()
    assert digest == answer.headers["terms-hash"] == groups()[name].terms_hash
    assert client.get(f"/v1/deals/{name}").json()["terms_hash"] == digest


@pytest.mark.parametrize("name", BOOK)
def test_every_input_says_where_it_comes_from(client: TestClient, name: str) -> None:
    deal = client.get(f"/v1/deals/{name}").json()
    sources = {source["key"] for source in deal["sources"]}
    assert deal["inputs"] == len(deal["terms"])
    assert deal["assumed"] == sum(term["origin"] == "assumed" for term in deal["terms"])
    for term in deal["terms"]:
        assert term["because"]
        assert (term["source"] in sources) == (term["origin"] == "sourced"), term


def test_cash_flows_are_the_published_ones(client: TestClient) -> None:
    """Nine coupons of 3.43 % / 2 on 25 million, the principal, and the outcome of 3.3 million either way."""
    rows = client.get(f"/v1/deals/{DC}/cashflows").json()["items"]
    coupons = [row for row in rows if row["kind"] == "coupon"]
    assert [row["expected"] for row in coupons] == ["428750000000"] * 9
    (outcome,) = (row for row in rows if row["kind"] == "outcome")
    assert [each["amount"] for each in outcome["cases"]] == ["-3300000000000", "0", "3300000000000"]
    (back,) = (row for row in rows if row["kind"] == "principal")
    assert (back["date"], back["expected"]) == ("2021-04-01", "25000000000000")
    worth = sum(int(row["present_value"]) for row in rows if row["kind"] != "issue")
    assert worth / 25e12 * 100 == pytest.approx(price(load_deal(DEALS / f"{DC}.yaml")).price, abs=1e-9)


@pytest.mark.parametrize("name", VALUED)
def test_every_deal_has_cash_flows_in_whole_minor_units(client: TestClient, name: str) -> None:
    rows = client.get(f"/v1/deals/{name}/cashflows", params={"limit": 1000}).json()["items"]
    assert rows
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
    for row in rows:
        for field in ("expected", "low", "high", "present_value"):
            assert row[field] is None or str(int(row[field])) == row[field]
        if row["expected"] is not None:
            assert int(row["low"]) <= int(row["expected"]) <= int(row["high"])


@pytest.mark.parametrize("name", sorted({*BOOK} - {*VALUED}))
def test_a_deal_without_a_valuation_says_so(client: TestClient, name: str) -> None:
    answer = client.get(f"/v1/deals/{name}/cashflows")
    assert answer.status_code == 404
    assert "there is no valuation" in answer.json()["detail"]


def test_cash_flows_of_the_rain_swap_are_exact_in_their_means(client: TestClient) -> None:
    """First quarter: 92 mm of mean rain at 20,000, less 1.88 million, and hardly any rain above the cap."""
    rows = client.get("/v1/deals/water-utility-rainfall-swap/cashflows").json()["items"]
    assert int(rows[0]["expected"]) == pytest.approx(-40_000e6, abs=1_000e6)


def test_nested_cells_of_a_csv_are_json(client: TestClient) -> None:
    table = pd.read_csv(io.StringIO(client.get(f"/v1/deals/{DC}/cashflows?format=csv").text))
    assert json.loads(table["cases"].iloc[-1])[0] == {"case": "below 18.6 %", "amount": "-3300000000000"}


def test_a_deal_that_is_not_there_is_a_problem(client: TestClient) -> None:
    for path in ("", "/terms", "/cashflows"):
        answer = client.get(f"/v1/deals/nothing{path}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/not-found"


def test_the_schema_accepts_what_the_book_has(client: TestClient) -> None:
    schema = client.get("/v1/schemas/deal").json()
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(schema["required"]) <= set(client.get(f"/v1/deals/{DC}/terms").json())


# -- checking a posted deal


@pytest.mark.parametrize("name", FILES)
def test_a_good_deal_is_good_as_yaml_and_as_json(client: TestClient, name: str) -> None:
    deal = load_deal(DEALS / f"{name}.yaml")
    for body, kind in ((text(name), "application/yaml"), (deal.canonical_json.encode(), "application/json")):
        found = check(client, body, kind)
        assert (found["valid"], found["terms_hash"], found["problems"]) == (True, deal.terms_hash, [])


def test_numbers_in_json_lose_no_digit(client: TestClient) -> None:
    """1.10 and a rate of 20 digits are what they are, though JSON readers make floats of them."""
    tree = json.loads(Deal.model_validate(load_deal(DEALS / f"{DC}.yaml")).canonical_json)
    tree["asset"]["parameters"]["impervious_area_acres"]["value"] = "PLACE"
    for digits in ("20.10", "0.12345678901234567891"):
        body = json.dumps(tree).replace('"PLACE"', digits).encode()
        wanted = json.dumps(tree).replace("PLACE", str(Decimal(digits))).encode()
        assert (
            check(client, body, "application/json")["terms_hash"]
            == (check(client, wanted, "application/json")["terms_hash"])
        )


def test_everything_that_is_wrong_is_said_at_once(client: TestClient) -> None:
    body = text().replace(b"principal: {value: 25000000", b"principal: {value: twenty-five")
    body = body.replace(b"maturity: {value: 2021-04-01", b"maturity: {value: 2015-04-01")
    found = check(client, body)
    assert not found["valid"]
    fields = {problem["field"] for problem in found["problems"]}
    assert {"parts.bond.principal.value", "parts.bond.maturity"} <= fields
    assert all(problem["reason"] for problem in found["problems"])
    assert found["terms_hash"] is None


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"", "application/json", "not"),
        (b"[]", "application/json", "not"),
        (b"{", "application/json", "not JSON"),
        (b'{"id": 1, "id": 2}', "application/json", "duplicate key 'id'"),
        (b'{"id": NaN}', "application/json", "NaN is not a number"),
        (b"\xff\xfe", "application/yaml", "not UTF-8"),
        (b"a: &x 1\nb: *x", "application/yaml", "aliases"),
        (b"[" * 100_000, "application/yaml", "not YAML"),
        (b'{"a":' * 100_000, "application/json", "not JSON"),
        (b'{"id": ' + b"9" * 10_000 + b"}", "application/json", ""),
    ],
    ids=[
        "empty",
        "list",
        "open",
        "duplicate",
        "nan",
        "bytes",
        "alias",
        "deep-yaml",
        "deep-json",
        "long-number",
    ],
)
def test_texts_that_are_no_deal_are_told_apart(
    client: TestClient, body: bytes, kind: str, reason: str
) -> None:
    answer = client.post("/v1/deals/validate", content=body, headers={"content-type": kind})
    assert answer.status_code in (200, 413)
    if answer.status_code == 200:
        found = answer.json()
        assert not found["valid"]
        assert reason in found["problems"][0]["reason"]


def test_other_types_and_sizes_are_refused(client: TestClient) -> None:
    answer = client.post("/v1/deals/validate", content=text(), headers={"content-type": "text/html"})
    assert answer.status_code == 415
    large = text() + b"# " + b"x" * 300_000
    answer = client.post("/v1/deals/validate", content=large, headers={"content-type": "text/yaml"})
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/deal-too-large")


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("weather", b"pvlib:703165TY.csv", b"/etc/passwd"),
        ("weather", b"pvlib:703165TY.csv", b"pvlib:../../../../../etc/passwd"),
        ("turbine_curve", b"windpowerlib:V117/3300", b"/etc/passwd"),
    ],
)
def test_a_posted_deal_cannot_read_files_of_ours(
    client: TestClient, field: str, old: bytes, new: bytes
) -> None:
    found = check(client, text("bloom-wind-prs").replace(old, new))
    assert not found["valid"]
    assert found["problems"][0]["field"] == f"asset.parameters.{field}"
