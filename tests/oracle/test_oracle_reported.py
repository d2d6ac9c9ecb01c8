"""KPIs that are read from a publication: what counts as one, what a node signs, and what a lie looks like."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finance.settlement.terms import FeedTerms, settlement_terms
from finance.terms import load_deal
from oracle import evidence
from oracle.evidence import REPORTED_FILES, Bundle, EvidenceError
from oracle.local import prepare_nodes
from oracle.method import MethodError, measure_reported, method_hash, recompute, tolerance
from oracle.node import Node, RefusedError
from oracle.node_config import ConfigError, load_config
from oracle.twins.reported import METHOD, ReportedError, read_publication
from oracle.wire import ObservationRequest

DEALS = Path(__file__).resolve().parents[2] / "deals"
FEED = "0x" + "01" * 32
BEGIN_2021, BEGIN_2022 = 1609459200, 1640995200  # 2021-01-01 and 2022-01-01, 00:00 UTC
LAST_DAY = {
    "start": "2021-01-01",
    "end": "2021-12-31",
    "value": "0.5551",
    "label": "published",
    "source": "a",
}


def publication(**changes: Any) -> str:
    document = {"schema": "penstock/reported/1", "kpi": "share", "values": [LAST_DAY | changes]}
    return json.dumps(document)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"value": 0.5551}, r"values\[0\].value = 0.5551: must be a decimal number as a string"),
        ({"value": "NaN"}, "must be a decimal number as a string"),
        ({"value": "half"}, r"values\[0\]: InvalidOperation"),
        ({"label": "true"}, r"label = 'true': must be one of published, estimated, simulated"),
        ({"source": " "}, "source: must say where the value comes from"),
        ({"end": "2020-12-31"}, "before the start"),
        ({"start": "soon"}, r"values\[0\]: ValueError"),
    ],
)
def test_a_publication_says_what_is_wrong_with_it(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ReportedError, match=rf"^file.json: .*{says}|^file.json: {says}"):
        read_publication(publication(**changes), "file.json")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "penstock/reported/1", "kpi": "a", "values": []}']
)
def test_what_is_no_publication(text: str) -> None:
    with pytest.raises(ReportedError, match=r"^file\.json: "):
        read_publication(text, "file.json")


def measured(text: str, **changes: Any) -> Bundle:
    about = {"feed": FEED, "period": 0, "version": 0, "kpi": "share", "decimals": 3, "name": "copy"}
    done = measure_reported(text, **{**about, "start": BEGIN_2021, "end": BEGIN_2022, **changes})
    assert done.bundle.context.value == done.value
    return done.bundle


def test_the_value_of_the_period_is_signed_at_the_kpis_decimals() -> None:
    bundle = measured(publication())
    assert bundle.context.value == 555  # 0.5551 half to even at three decimals
    assert tuple(sorted(bundle.files)) == REPORTED_FILES
    assert recompute(bundle) == 555
    assert tolerance(bundle) == 0
    assert bundle.document("method.json")["hash"] == method_hash(METHOD)
    assert measured(publication(value="-2.5"), decimals=0).context.value == -2


@pytest.mark.parametrize(
    "changes", [{"start": BEGIN_2021 + 1}, {"end": BEGIN_2022 + 86_400}, {"kpi": "another"}, {"decimals": 99}]
)
def test_what_is_not_published_is_not_measured(changes: dict[str, Any]) -> None:
    with pytest.raises(MethodError, match=r"reported\.json"):
        measured(publication(), **changes)


def test_bundles_come_back_from_disk_and_wire(tmp_path: Path) -> None:
    bundle = measured(publication())
    folder = bundle.save(tmp_path)
    assert evidence.load(folder) == bundle
    assert Bundle.from_wire(bundle.to_wire(), bundle.root) == bundle
    (folder / "rain.csv").write_text("")
    with pytest.raises(EvidenceError, match=r"missing or unknown files: rain\.csv"):
        evidence.load(folder)
    (folder / "rain.csv").unlink()
    (folder / "reported.json").write_text(publication(value="0.7"))
    with pytest.raises(EvidenceError, match=r"reported\.json: changed"):
        evidence.load(folder)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("observation.json", '"value":"555"', '"value":"556"'),
        ("results.json", '"value":"0.5551"', '"value":"0.5552"'),
        ("results.json", '"label":"published"', '"label":"estimated"'),
        ("reported.json", '"0.5551"', '"0.6551"'),
        ("method.json", "reported-values/1", "swmm-paired-rain/1"),
    ],
)
def test_forgeries_do_not_recompute(name: str, old: str, new: str) -> None:
    bundle = measured(publication())
    assert old in bundle.text(name)
    forged = Bundle({**bundle.files, name: bundle.text(name).replace(old, new).encode()})
    with pytest.raises(MethodError):
        recompute(forged)


# -- a node


@pytest.fixture(scope="module")
def enel() -> FeedTerms:
    return settlement_terms(load_deal(DEALS / "enel-slb-2019.yaml")).feeds[0]


def request_at(observed_at: int, period: int = 0) -> ObservationRequest:
    return ObservationRequest(
        feed=FEED,
        period=period,
        version=0,
        chain_id=31337,
        contract="0x" + "22" * 20,
        observed_at=observed_at,
    )


def test_a_node_signs_what_its_copy_says(enel: FeedTerms, tmp_path: Path) -> None:
    text = (DEALS / "twins" / "enel-slb-2019.renewable-share.reported.json").read_text()
    files = prepare_nodes(tmp_path, enel, reported=text, faults={1: {"lie": 0.01}})
    honest, liar = (Node(load_config(file.config)) for file in files[:2])
    assert honest.info()["twin"] == "reported"
    seen = honest.observe(request_at(BEGIN_2022))
    assert seen.value == 580_000
    assert recompute(honest.evidence(seen.evidence)) == 580_000
    lied = liar.observe(request_at(BEGIN_2022))
    assert lied.value == 590_000
    with pytest.raises(MethodError, match=r"but its publication says 0\.58"):
        recompute(liar.evidence(lied.evidence))
    with pytest.raises(RefusedError, match="the period ends"):
        honest.observe(request_at(BEGIN_2022 - 1))


def test_a_node_whose_copy_lacks_the_period_refuses(enel: FeedTerms, tmp_path: Path) -> None:
    later = replace(
        enel, period_starts=(*enel.period_starts, BEGIN_2022), period_ends=(*enel.period_ends, BEGIN_2022 + 9)
    )
    text = publication().replace('"share"', '"renewable-share"')
    (file, *_) = prepare_nodes(tmp_path, later, reported=text)
    node = Node(load_config(file.config))
    assert node.observe(request_at(BEGIN_2022)).value == 555_100
    with pytest.raises(RefusedError, match="no value is reported for the period"):
        node.observe(request_at(BEGIN_2022 + 9, period=1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reported": None}, "the method reported-values/1 needs reported"),
        ({"rain": "rain.csv"}, "the method reported-values/1 has no rain"),
        ({"method": "swmm-paired-rain/1"}, "the method swmm-paired-rain/1 needs rain"),
        ({"reported": "elsewhere.json"}, "reported: .*No such file"),
    ],
)
def test_data_must_suit_the_method(
    enel: FeedTerms, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    (file, *_) = prepare_nodes(tmp_path, enel, reported=publication())
    config = {**json.loads(file.config.read_text()), **change}
    file.config.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    with pytest.raises(ConfigError, match=says):
        Node(load_config(file.config))


@pytest.mark.parametrize("file", sorted((DEALS / "twins").glob("*.reported.json")), ids=lambda f: f.stem)
def test_publications_of_the_deal_book_have_every_period(file: Path) -> None:
    name, kpi, _ = file.name.removesuffix(".json").rsplit(".", 2)
    feeds = settlement_terms(load_deal(DEALS / f"{name}.yaml")).feeds
    feed = next(f for f in feeds if f.kpi == kpi)
    assert feed.method == METHOD
    found = read_publication(file.read_text(), file.name)
    for start, end in zip(feed.period_starts, feed.period_ends, strict=True):
        value = found.of(start, end)
        assert feed.min_value <= value.value * 10**feed.decimals <= feed.max_value
