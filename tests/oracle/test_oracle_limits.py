"""The last value that is taken and the first that is refused: configurations, messages, sizes, times."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from fastapi.testclient import TestClient
from pydantic import ValidationError

from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import load_deal
from oracle.access import AccessError, Gate, sign_request
from oracle.local import LOCAL_RELAY, NodeFiles, bind_feed, prepare_nodes
from oracle.method import METHODS
from oracle.methods.rain import RainIndexData
from oracle.methods.stormwater import TwinSource
from oracle.methods.wind import PlantSection, Sources
from oracle.node import NodeStore, RefusedError
from oracle.node_config import (
    ConfigError,
    Fault,
    FeedId,
    KeySource,
    Kpi,
    Listen,
    Period,
    load_key,
)
from oracle.relay_config import RelayConfig
from oracle.server import create_app
from oracle.wire import ObservationRequest, one_line
from tests.oracle.conftest import ROOT
from tests.oracle.offline import CONTRACT, FEED, Sky, edit, request, start

WORD, ADDRESS = "0x" + "ab" * 32, "0x" + "0a" * 20
PLACE = {"contract": ADDRESS, "feed": WORD}
RELAY = {"network": "anvil", "feed": PLACE, "account": {"address": ADDRESS}}
PLANT = {
    "curve": "c.csv", "turbines": 1, "capacity_mw": 1, "efficiency": 1, "availability": 1, "hub_height_m": 80,
}  # fmt: skip
GAUGES = {"rain": "r.csv", "source": "s", "gauge": {"id": "g"}}
TEXTS = (["x", "x" * 500], ["", "x" * 501])
TAKEN_AND_NOT: list[tuple[Any, dict[str, Any], dict[str, tuple[list[Any], list[Any]]]]] = [
    (Listen, {}, {"port": ([0, 65_535], [-1, 65_536, "x"]), "host": (["::1", "localhost"], ["0.0.0.0"])}),
    (
        Kpi,
        {"id": "k", "decimals": 0, "minimum": 0, "maximum": 1},
        {"id": (["k", "k" * 31], ["", "k" * 32]), "decimals": ([0, 18], [-1, 19])},
    ),
    (Period, {"start": 5, "end": 6}, {"end": ([6], [5, 4])}),
    (
        Fault,
        {},
        {
            "lie": ([-1e12, 0.5, 1e12], [-1.01e12, 1.01e12]),
            "delay_seconds": ([0, 600], [-0.01, 600.5]),
            "silent": ([True, False], [2]),
        },
    ),
    (FeedId, {"chain_id": 1, **PLACE}, {"chain_id": ([1, 2**64 - 1], [0, 2**64])}),
    (Sources, {"wind": "w", "prices": "p"}, dict.fromkeys(("wind", "prices"), TEXTS)),
    (PlantSection, PLANT, {"turbines": ([1, 10_000], [0, 10_001])}),
    (
        RainIndexData,
        {**GAUGES, "twin": {"weights": {"a": "1"}}},
        {
            "source": TEXTS,
            "twin": (
                [{"weights": {"a": "1"}}, {"weights": {f"g{i}": "0.01" for i in range(100)}}],
                [{"weights": {}}, {"weights": {f"g{i}": "0.01" for i in range(101)}}],
            ),
        },
    ),
    (
        RelayConfig,
        RELAY,
        {
            "period": ([1, 2**32 - 1], [0, 2**32, "1", 1.0]),
            "timeout_seconds": ([0.5, 600], [0, -1, 600.5]),
            "nodes": ([[], ["http://a"], ["https://a"]], [["ftp://a"]]),
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "cases"), TAKEN_AND_NOT, ids=lambda x: getattr(x, "__name__", ""))
def test_the_first_value_that_is_refused(
    kind: Any, fields: dict[str, Any], cases: dict[str, tuple[list[Any], list[Any]]]
) -> None:
    for name, (taken, refused) in cases.items():
        for value in taken:
            kind(**{**fields, name: value})
        for value in refused:
            with pytest.raises(ValidationError, match=rf"{name}|end is not after start"):
                kind(**{**fields, name: value})


def test_what_is_meant_where_nothing_is_said() -> None:
    """As the documentation has it: a free port, no fault, the first period, half a minute, no restatement."""
    assert (Listen().host, Listen().port) == ("127.0.0.1", 0)
    assert Fault().active == []
    settings = RelayConfig(**RELAY)  # type: ignore[arg-type]
    assert (settings.period, settings.timeout_seconds, settings.restate) == (1, 30, False)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            KeySource,
            [{"file": "k"}, {"keystore": "k", "password_file": "p"}],
            [{}, {"file": "k", "keystore": "k", "password_file": "p"}, {"keystore": "k"},
             {"password_file": "p"}, {"file": "k", "password_file": "p"}],
        ),
        (
            TwinSource,
            [{"scenario": "twin", "impervious_area_acres": 1}, {"parameters": "p"}],
            [{}, {"scenario": "twin"}, {"impervious_area_acres": 1},
             {"scenario": "twin", "impervious_area_acres": 1, "parameters": "p"},
             {"parameters": "p", "impervious_area_acres": 1}],
        ),
        (
            RelayConfig,
            [RELAY, {**RELAY, "feed": None, "deployment": "d"},
             {**RELAY, "feed": None, "deployment": "d", "kpi": "k"},
             {**RELAY, "account": {"key": {"file": "k"}}}],
            [{**RELAY, "feed": None}, {**RELAY, "deployment": "d"}, {**RELAY, "kpi": "k"},
             {**RELAY, "account": {}}, {**RELAY, "account": {"address": ADDRESS, "key": {"file": "k"}}}],
        ),
    ],
)  # fmt: skip
def test_what_belongs_together_and_what_excludes(kind: Any, good: list[Any], bad: list[Any]) -> None:
    for fields in good:
        kind(**fields)
    for fields in bad:
        with pytest.raises(ValidationError, match=r"give either|belong together|belongs to"):
            kind(**fields)


def test_a_method_that_repeats_to_the_unit_allows_nothing_else() -> None:
    page = (ROOT / "docs" / "oracle.md").read_text()
    rows = {
        line.split("`")[1]: line.rsplit("|", 2)[1].strip() for line in page.splitlines() if "| to " in line
    }
    assert rows.keys() == METHODS.keys()
    for name, recomputed in rows.items():
        word = recomputed.split()[1]
        assert METHODS[name].tolerance == (0 if word == "the" else Decimal(word)), name


# -- a node


@pytest.fixture(scope="module")
def terms() -> FeedTerms:
    return feed_terms(load_deal(ROOT / "deals" / "enel-slb-2019.yaml"), "renewable-share")


@pytest.fixture
def files(terms: FeedTerms, tmp_path: Path) -> NodeFiles:
    deal = load_deal(ROOT / "deals" / "enel-slb-2019.yaml")
    return prepare_nodes(tmp_path / "nodes", terms, deal=deal)[0]


def test_a_node_signs_from_the_second_in_which_the_period_ends(files: NodeFiles, terms: FeedTerms) -> None:
    ends = terms.period_ends[0]
    assert start(files, Sky(time=ends)).observe(request(terms)).observed_at == ends
    last = len(terms.period_ends)
    with pytest.raises(RefusedError, match=f"^period {last + 1}: the node knows {last}$") as refusal:
        start(files).observe(request(terms, last))
    assert refusal.value.status == 404


def test_the_bounds_of_a_kpi_are_inside(files: NodeFiles, terms: FeedTerms) -> None:
    value = start(files).observe(request(terms)).value
    kpi = json.loads(files.config.read_text())["kpi"]
    for low, high in ((value, value), (value - 1, value + 1)):
        edit(files, kpi={**kpi, "minimum": str(low), "maximum": str(high)})
        assert start(files).observe(request(terms)).value == value
    for low, high in ((value + 1, value + 1), (value - 1, value - 1)):
        edit(files, kpi={**kpi, "minimum": str(low), "maximum": str(high)})
        with pytest.raises(RefusedError, match="outside the KPI's bounds") as refusal:
            start(files).observe(request(terms))
        assert refusal.value.status == 422


def test_a_node_serves_any_of_several_feeds_and_no_other(files: NodeFiles, terms: FeedTerms) -> None:
    bind_feed([files], 1, CONTRACT, FEED)
    feeds = json.loads(files.config.read_text())["feeds"]
    edit(files, feeds=[{"chain_id": 9, "contract": CONTRACT, "feed": FEED}, *feeds])
    assert start(files).observe(request(terms)).chain_id == 1
    with pytest.raises(RefusedError, match="does not serve"):
        start(files).observe(request(terms).model_copy(update={"chain_id": 8}))


def test_where_a_node_keeps_its_state_is_made(files: NodeFiles, terms: FeedTerms) -> None:
    edit(files, state="deep/er/state")
    start(files).observe(request(terms))
    assert (files.config.parent / "deep" / "er" / "state" / "signed.sqlite").exists()


@pytest.mark.parametrize(("mode", "private"), [(0o600, True), (0o700, True), (0o400, True), (0o640, False),
                                               (0o604, False), (0o610, False), (0o601, False)])  # fmt: skip
def test_a_key_that_anybody_else_can_reach_is_not_used(files: NodeFiles, mode: int, private: bool) -> None:
    key = files.config.parent / "key"
    key.chmod(mode)
    if private:
        assert load_key(KeySource(file=key)).address == files.address
    else:
        with pytest.raises(ConfigError, match=f"mode is {mode:04o}: others can read it"):
            load_key(KeySource(file=key))


def test_prepared_nodes_are_as_many_as_the_feed_has_and_listen_where_they_are_told(
    terms: FeedTerms, tmp_path: Path
) -> None:
    deal = load_deal(ROOT / "deals" / "enel-slb-2019.yaml")
    keys = [bytes([number]) * 32 for number in range(1, terms.nodes + 1)]
    for first in (0, 9000):
        made = prepare_nodes(tmp_path / str(first), terms, deal=deal, keys=keys, first_port=first)
        assert {item.address for item in made} == {Account.from_key(key).address for key in keys}
        assert [int(item.address, 16) for item in made] == sorted(int(item.address, 16) for item in made)
        ports = [json.loads(item.config.read_text())["listen"]["port"] for item in made]
        assert ports == [first and first + index for index in range(terms.nodes)]
    assert (
        json.loads(prepare_nodes(tmp_path / "d", terms, deal=deal)[1].config.read_text())["listen"]["port"]
        == 0
    )
    with pytest.raises(ConfigError, match=f"keys: {terms.nodes - 1} for {terms.nodes} nodes"):
        prepare_nodes(tmp_path / "few", terms, deal=deal, keys=keys[1:])
    with pytest.raises(
        ConfigError, match="scenario = x: not an option of reported-values/1; options: documents,"
    ):
        prepare_nodes(tmp_path / "odd", terms, deal=deal, scenario="x")


# -- requests


def test_a_request_is_fresh_for_exactly_a_minute(terms: FeedTerms) -> None:
    spent: dict[str, int] = {}
    gate = Gate([LOCAL_RELAY.address], lambda nonce, until: spent.setdefault(nonce, until) == until)
    for late in (-60, 0, 60):
        asked = sign_request(request(terms), LOCAL_RELAY, 1_000_000)
        assert gate.admit(asked, 1_000_000 + late) == request(terms)
        assert spent[asked.nonce] == 1_000_060  # so long it counts, and so long it is remembered
    for late in (-61, 61):
        with pytest.raises(AccessError, match="more than 60 s from this node's clock"):
            gate.admit(sign_request(request(terms), LOCAL_RELAY, 1_000_000), 1_000_000 + late)


def test_a_request_cannot_be_repeated_in_its_last_second_and_is_forgotten_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000]
    monkeypatch.setattr(time, "time", lambda: now[0] + 0.5)
    ledger = NodeStore(tmp_path / "signed.sqlite")
    until = now[0] + 60
    assert ledger.spend("a", until)
    for second in (now[0], until - 1, until):
        now[0] = second
        assert not ledger.spend("a", until), second
        assert ledger.spend(f"b{second}", second + 60)
    now[0] = until + 10
    assert ledger.spend("c", until + 70)
    with ledger._open() as connection:  # the table does not grow for ever
        assert {row[0] for row in connection.execute("SELECT nonce FROM served")} == {
            f"b{until - 1}", f"b{until}", "c",
        }  # fmt: skip


def test_a_body_is_read_to_its_limit(files: NodeFiles) -> None:
    client = TestClient(create_app(start(files)))
    for size, status in ((16_384, 422), (16_385, 413)):
        answer = client.post("/v1/observation", content=b" " * size)
        assert answer.status_code == status
    assert answer.json()["error"] == "body: larger than 16384 bytes"


def test_the_first_of_several_problems_is_said_in_one_line() -> None:
    def words(body: str) -> str:
        with pytest.raises(ValidationError) as caught:
            ObservationRequest.model_validate_json(body)
        return one_line(caught.value)

    good = request(feed_terms(load_deal(ROOT / "deals" / "enel-slb-2019.yaml"), "renewable-share"))
    fields = good.model_dump()
    assert words(json.dumps({**fields, "period": -1})) == ("period = -1: must be greater than or equal to 0")
    assert words(json.dumps({k: v for k, v in fields.items() if k != "feed"})) == "feed: is required"
    assert words(json.dumps({**fields, "period": -1, "version": -1})).endswith("equal to 0 (and 1 more)")
    assert words(json.dumps({**fields, "feed": {"a": 1}})) == "feed: must be text"
    assert words("{").startswith("body = '{': invalid JSON")
    assert words("[]") == "body: must be a mapping of fields, such as {KEY: VALUE}"
