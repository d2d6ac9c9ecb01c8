"""A node without HTTP: what it signs, what it refuses, and what it remembers."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from finance.settlement.terms import FeedTerms
from oracle.evidence import EvidenceError, load
from oracle.local import NodeFiles, bind_feed, prepare_nodes
from oracle.node import NodeStore, RefusedError
from oracle.node_config import ConfigError
from oracle.observation import recover
from oracle.wire import ObservationRequest
from tests.oracle.conftest import SECONDS_2021
from tests.oracle.offline import Sky, edit, start

FEED, CONTRACT = "0x" + "01" * 32, "0x" + "0a" * 20
REQUEST = ObservationRequest(feed=FEED, period=0, version=0, chain_id=1, contract=CONTRACT)


@pytest.fixture
def files(feed_terms: FeedTerms, area: float, tmp_path: Path) -> NodeFiles:
    return prepare_nodes(tmp_path, feed_terms, impervious_area_acres=area)[0]


def more_rain(files: NodeFiles) -> None:
    """Another data copy: one very wet hour."""
    rain = files.config.parent / "rain.csv"
    text = rain.read_text()
    assert "2020-07-28T16:00:00Z,30.0" in text
    rain.write_text(text.replace("2020-07-28T16:00:00Z,30.0", "2020-07-28T16:00:00Z,130.0"))


def test_signs_what_it_measured(files: NodeFiles) -> None:
    node = start(files)
    signed = node.observe(REQUEST)
    assert recover(signed.observation.message(signed.domain), signed.signature) == files.address
    bundle = node.evidence(signed.evidence)
    assert bundle.context.value == signed.value
    assert 186_000 <= signed.value <= 413_000  # the scenario `published`
    assert bundle.text("rain.csv") != (files.config.parent / "rain.csv").read_text()  # its own gauge
    later = start(files, Sky(time=4_000_000_009)).observe(REQUEST)
    assert (later.value, later.evidence) == (signed.value, signed.evidence)
    assert (later.r, later.vs) != (signed.r, signed.vs)


def test_gauges_differ_between_nodes_and_repeat_by_seed(
    feed_terms: FeedTerms, area: float, tmp_path: Path
) -> None:
    values: list[list[int]] = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        nodes = prepare_nodes(tmp_path / name, feed_terms, impervious_area_acres=area, seed=seed)
        values.append([start(files).observe(REQUEST).value for files in nodes[:2]])
    assert len(set(values[0])) == len(values[0])
    assert max(values[0]) - min(values[0]) < 20_000  # gauge error is small against a tier
    assert values[0] == values[1] != values[2]


def test_never_two_values_for_one_report_not_even_after_a_restart(files: NodeFiles) -> None:
    first = start(files).observe(REQUEST)
    more_rain(files)
    restarted = start(files)
    with pytest.raises(RefusedError, match=f"value {first.value} is already signed") as refusal:
        restarted.observe(REQUEST)
    assert refusal.value.status == 409
    elsewhere = REQUEST.model_copy(update={"chain_id": 5, "contract": "0x" + "0b" * 20})
    with pytest.raises(RefusedError, match="already signed"):
        restarted.observe(elsewhere)
    restatement = restarted.observe(REQUEST.model_copy(update={"version": 1}))
    assert restatement.value != first.value
    assert restarted.evidence(first.evidence).context.value == first.value  # still served


def test_two_processes_on_one_ledger_cannot_both_win(tmp_path: Path) -> None:
    ledgers = [NodeStore(tmp_path / "signed.sqlite") for _ in range(2)]
    won: list[tuple[int, str]] = []

    def claim(number: int) -> None:
        won.append(ledgers[number % 2].claim(FEED, 0, 0, number, hex(number)))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 16
    assert len(set(won)) == 1


def test_serves_only_its_feeds(files: NodeFiles) -> None:
    bind_feed([files], 1, CONTRACT.upper().replace("X", "x"), FEED)
    node = start(files)
    node.observe(REQUEST)
    for change in ({"chain_id": 2}, {"contract": "0x" + "0b" * 20}, {"feed": "0x" + "02" * 32}):
        with pytest.raises(RefusedError, match="does not serve"):
            node.observe(REQUEST.model_copy(update=change))


def test_refuses_early_unknown_and_out_of_bounds(files: NodeFiles) -> None:
    node = start(files)
    with pytest.raises(RefusedError, match="the period ends at"):
        start(files, Sky(time=SECONDS_2021[0] - 1)).observe(REQUEST)
    with pytest.raises(RefusedError, match=r"^period 3: the node knows 2$"):
        node.observe(REQUEST.model_copy(update={"period": 2}))
    kpi = {"id": "runoff-reduction", "decimals": 6, "minimum": "0", "maximum": "1000"}
    with pytest.raises(RefusedError, match="outside the KPI's bounds"):
        start(edit(files, kpi=kpi)).observe(REQUEST)


def test_faults_are_shown_and_work(files: NodeFiles) -> None:
    honest = start(files).observe(REQUEST).value
    liar = start(edit(files, fault={"lie": 0.15}, state="liar"))
    assert liar.health()["faults_injected"] == ["lie"]
    lie = liar.observe(REQUEST)
    assert lie.value == honest + 150_000
    assert liar.evidence(lie.evidence).context.value == lie.value  # the forgery is consistent
    silent = start(edit(files, fault={"silent": True}))
    with pytest.raises(RefusedError, match="fault injected"):
        silent.observe(REQUEST)


def test_damaged_evidence_is_made_again(files: NodeFiles) -> None:
    """As long as the data still give it, by whichever request comes first."""
    node = start(files)
    signed = node.observe(REQUEST)
    root = signed.evidence
    file = node.evidence_folder / root / "results.json"
    whole = file.read_text()
    for repair in (
        lambda: node.evidence(root),
        lambda: node.observe(REQUEST),
        lambda: start(files).evidence(root),
    ):
        file.write_text(whole.replace("0", "1"))
        with pytest.raises(EvidenceError):
            load(file.parent)
        repair()
        assert load(file.parent).root == root
        assert file.read_text() == whole
    shutil.rmtree(file.parent)
    assert node.evidence(root).root == root


def test_evidence_that_is_lost_is_not_signed_again(files: NodeFiles) -> None:
    node = start(files)
    root = node.observe(REQUEST).evidence
    file = node.evidence_folder / root / "results.json"
    file.write_text(file.read_text().replace("0", "1"))
    more_rain(files)
    for lost in (lambda: node.evidence(root), lambda: node.observe(REQUEST)):
        with pytest.raises(RefusedError, match=r"damaged|already signed"):
            lost()
    assert node.observe(REQUEST.model_copy(update={"version": 1})).evidence != root


def test_key_files_must_be_private(files: NodeFiles) -> None:
    key = files.config.parent / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o640)
    with pytest.raises(ConfigError, match=r"mode is 0640: .* chmod 600"):
        start(files)
    key.chmod(0o600)
    secret = key.read_text()
    key.write_text(secret[:-5])
    with pytest.raises(ConfigError, match="not a private key") as problem:
        start(files)
    assert secret[:20] not in str(problem.value)


def test_encrypted_keystore(files: NodeFiles) -> None:
    home = files.config.parent
    account = Account.create()
    store = Account.encrypt(account.key, "a password", kdf="pbkdf2", iterations=1000)
    (home / "keystore.json").write_text(json.dumps(store))
    (home / "password").write_text("a password\n")
    (home / "password").chmod(0o600)
    edit(files, key={"keystore": "keystore.json", "password_file": "password"})
    assert start(files).address == account.address
    (home / "password").write_text("another\n")
    with pytest.raises(ConfigError, match=r"keystore\.json: not a keystore that the password opens"):
        start(files)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"method": "guess/1"}, "method = 'guess/1': .*not known here"),
        ({"fault": {"lies": 1}}, r"fault\.lies"),
        ({"listen": {"host": "0.0.0.0"}}, r"listen\.host = '0\.0\.0\.0'"),
        ({"periods": []}, "periods"),
        ({"periods": [{"start": 2, "end": 1}]}, "end is not after start"),
        ({"feeds": "all"}, "feeds"),
        ({"key": {}}, "give either file or keystore"),
        ({"twin": {"scenario": "best", "impervious_area_acres": 20}}, "scenario = best"),
        ({"twin": {"scenario": "twin"}}, "belong together"),
        ({"gauge": {"id": "Name Surname"}}, r"gauge\.id"),
        ({"rain": "absent.csv"}, r"absent\.csv"),
        ({"extra": 1}, "extra"),
    ],
)
def test_bad_configurations_say_what_is_wrong(files: NodeFiles, change: dict[str, Any], says: str) -> None:
    edit(files, **change)
    with pytest.raises(ConfigError, match=says) as problem:
        start(files)
    assert "\n" not in str(problem.value)
