"""Evidence bundles: any change is seen, and nobody's name is in them."""

from __future__ import annotations

import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak

from oracle.evidence import COMMON_FILES, Bundle, EvidenceError, canonical, load, write_whole
from oracle.method import MethodError, measure, recompute
from oracle.methods.stormwater import FILES
from oracle.twins.rain import RainSeries, gauge
from oracle.twins.stormwater_parameters import scenario

FEED = "0x" + "01" * 32


@pytest.fixture(scope="module")
def bundle(area: float, rain: RainSeries) -> Bundle:
    seen = gauge(rain, bias=0.01, noise=0.05, seed=1)
    about = {"feed": FEED, "period": 0, "version": 0, "kpi": "runoff-reduction", "decimals": 6}
    done = measure("swmm-paired-rain/1", scenario("twin", area), seen, gauge="gauge-1", **about)
    assert done.bundle.context.value == done.value
    return done.bundle


def test_root_is_the_documented_hash(bundle: Bundle) -> None:
    leaves = b""
    for name in ("after.inp", "before.inp", "method.json", "observation.json", "parameters.json", "rain.csv"):
        leaves += keccak(name.encode() + b"\x00" + keccak(bundle.files[name]))
    leaves += keccak(b"results.json\x00" + keccak(bundle.files["results.json"]))
    assert bundle.root == "0x" + keccak(leaves).hex()


def test_stored_bundle_has_a_manifest_and_comes_back(bundle: Bundle, tmp_path: Path) -> None:
    folder = bundle.save(tmp_path)
    assert folder == tmp_path / bundle.root
    assert bundle.save(tmp_path) == folder  # again: nothing happens
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["root"] == bundle.root
    assert set(manifest["files"]) == set(FILES)
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert entry["sha256"] == "0x" + hashlib.sha256(content).hexdigest()
        assert entry["keccak256"] == "0x" + keccak(content).hex()
        assert entry["bytes"] == len(content)
    assert load(folder) == bundle
    assert [path.name for path in tmp_path.iterdir()] == [bundle.root]  # no half-written leftovers


def test_any_changed_byte_is_seen(bundle: Bundle, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder = bundle.save(tmp_path)
    for name in (*FILES, "manifest.json"):
        original = (folder / name).read_bytes()
        for _ in range(8):
            at, flip = rng.randrange(len(original)), 1 << rng.randrange(8)
            (folder / name).write_bytes(original[:at] + bytes([original[at] ^ flip]) + original[at + 1 :])
            if name == "manifest.json" and original[at : at + 1] == b"\n":
                continue  # the newline at its end may become other white space
            with pytest.raises(EvidenceError):
                load(folder)
        (folder / name).write_bytes(original)
    load(folder)


def test_missing_added_and_renamed_files_are_seen(bundle: Bundle, tmp_path: Path) -> None:
    folder = bundle.save(tmp_path)
    (folder / "more.txt").write_text("x")
    with pytest.raises(EvidenceError, match=r"more\.txt"):
        load(folder)
    (folder / "more.txt").unlink()
    content = (folder / "rain.csv").read_bytes()
    (folder / "rain.csv").unlink()
    with pytest.raises(EvidenceError, match=r"rain\.csv"):
        load(folder)
    (folder / "rain.csv").write_bytes(content)
    other = tmp_path / ("0x" + "0" * 64)
    folder.rename(other)
    with pytest.raises(EvidenceError, match="hash to"):
        load(other)
    with pytest.raises(EvidenceError, match="not a bundle"):
        load(tmp_path / "absent")


def test_a_consistent_forgery_has_another_root(bundle: Bundle, tmp_path: Path) -> None:
    """Changing a file and the manifest with it gives a sound bundle, but not at the signed root."""
    forged = Bundle({**bundle.files, "results.json": b"{}\n"})
    assert forged.root != bundle.root
    folder = forged.save(tmp_path)
    folder.rename(tmp_path / bundle.root)
    with pytest.raises(EvidenceError, match="hash to"):
        load(tmp_path / bundle.root)


def test_wire_round_trip_and_tampering(bundle: Bundle) -> None:
    wire = json.loads(json.dumps(bundle.to_wire()))
    assert Bundle.from_wire(wire, bundle.root) == bundle
    wire["files"]["rain.csv"] += " "
    with pytest.raises(EvidenceError, match="hash to"):
        Bundle.from_wire(wire, bundle.root)
    for bad in (None, [], {}, {"files": {}}, {"files": {"rain.csv": 1}}, {"files": {"../key": "x"}}):
        with pytest.raises(EvidenceError):
            Bundle.from_wire(bad, bundle.root)
    huge = {**bundle.to_wire()["files"], "rain.csv": "x" * 9_000_000}
    with pytest.raises(EvidenceError, match="larger than"):
        Bundle.from_wire({"files": huge}, bundle.root)


def test_value_recomputes(bundle: Bundle) -> None:
    assert recompute(bundle) == bundle.context.value


def forged(bundle: Bundle, name: str, old: str, new: str) -> Bundle:
    text = bundle.text(name)
    assert old in text
    return Bundle({**bundle.files, name: text.replace(old, new, 1).encode()})


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("rain.csv", ",30.", ",90.", "before.inp"),
        ("after.inp", "MONTHLY 0.8", "MONTHLY 9.8", "after.inp"),
        ("parameters.json", '"clogged_fraction":0.0', '"clogged_fraction":0.5', "after.inp"),
        ("parameters.json", '"clogged_fraction":0.0', '"clogged_fraction":2.0', "clogged_fraction = 2.0"),
        ("parameters.json", '"twin":"stormwater"', '"twin":"other"', "twin = other"),
        ("results.json", '"reduction":0.', '"reduction":0.1', "reduction = 0.1"),
        ("method.json", "swmm-paired-rain/1", "guess/1", "guess/1: not known"),
        ("observation.json", '"period_end":16', '"period_end":17', "not the period"),
        ("rain.csv", "steps=8784", "steps=8760", "not the period"),
    ],
)
def test_forgeries_do_not_recompute(bundle: Bundle, name: str, old: str, new: str, says: str) -> None:
    with pytest.raises(MethodError, match=says):
        recompute(forged(bundle, name, old, new))


def test_a_forged_value_does_not_recompute(bundle: Bundle) -> None:
    value = bundle.context.value
    with pytest.raises(MethodError, match=f"value = {value + 11}"):
        recompute(forged(bundle, "observation.json", f'"value":"{value}"', f'"value":"{value + 11}"'))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema":1}', "[" * 100_000])
def test_nonsense_context_is_refused(bundle: Bundle, text: str) -> None:
    broken = Bundle({**bundle.files, "observation.json": text.encode()})
    with pytest.raises(EvidenceError, match=r"observation\.json"):
        _ = broken.context


def test_no_one_is_named(bundle: Bundle) -> None:
    """No addresses, hosts, users or paths: a bundle says what was measured, not by whom."""
    import getpass
    import re
    import socket

    everything = b"\n".join(bundle.files.values()).decode()
    assert not re.search(r"0x[0-9a-fA-F]{40}(?![0-9a-fA-F])", everything)
    assert "/tmp" not in everything
    assert socket.gethostname() not in everything
    assert not re.search(rf"\b{re.escape(getpass.getuser())}\b", everything)


# -- made by hand


def made_of(**more: bytes) -> Bundle:
    return Bundle({**dict.fromkeys(COMMON_FILES, b"{}\n"), **{name: more[name] for name in more}})


def test_a_bundle_has_no_more_files_and_bytes_than_documented() -> None:
    extra = {f"f{number}.txt": b"" for number in range(29)}
    assert len(made_of(**dict(list(extra.items())[:28])).files) == 32
    with pytest.raises(EvidenceError, match="more than 32"):
        made_of(**extra)
    room = 8_000_000 - 3 * len(COMMON_FILES)
    made_of(**{"rain.csv": b"x" * room})
    with pytest.raises(EvidenceError, match="larger than 8000000 bytes"):
        made_of(**{"rain.csv": b"x" * (room + 1)})


@pytest.mark.parametrize(
    "name", ["manifest.json", "../key", "a/b.csv", "A.csv", "run.sh", ".csv", "a.csv.exe"]
)
def test_a_bundle_has_no_file_of_another_name(name: str) -> None:
    with pytest.raises(EvidenceError, match="unfit file names"):
        made_of(**{name: b""})
    with pytest.raises(EvidenceError, match="unfit file names"):
        Bundle.from_wire({"files": {**dict.fromkeys(COMMON_FILES, "{}\n"), name: ""}}, FEED)


def test_files_on_the_wire_are_all_texts() -> None:
    whole = made_of().to_wire()
    for wrong in (1, None, ["x"], {}):
        with pytest.raises(EvidenceError):
            Bundle.from_wire({"files": {**whole["files"], "rain.csv": wrong}}, made_of().root)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("decimals", 19, "decimals out of range"), ("decimals", -1, "decimals out of range"),
        ("decimals", 6.0, "decimals is not an integer"), ("period", True, "period is not an integer"),
        ("version", "0", "version is not an integer"), ("period_end", None, "period_end is not an integer"),
        ("feed", 1, "feed is not a text"), ("gauge", None, "gauge is not a text"),
        ("schema", "penstock/evidence/2", "unknown schema"), ("value", "x", "invalid literal"),
    ],
)  # fmt: skip
def test_what_a_bundle_says_it_is_about_is_checked(field: str, value: Any, says: str) -> None:
    about = {
        "schema": "penstock/evidence/1", "feed": FEED, "period": 0, "version": 0, "kpi": "k", "decimals": 0,
        "value": "5", "period_start": 0, "period_end": 1, "gauge": "g",
    }  # fmt: skip
    assert made_of(**{"observation.json": canonical(about)}).context.value == 5
    assert made_of(**{"observation.json": canonical({**about, "decimals": 18})}).context.decimals == 18
    with pytest.raises(EvidenceError, match=f"observation.json: {says}"):
        _ = made_of(**{"observation.json": canonical({**about, field: value})}).context


def test_json_is_canonical() -> None:
    """Sorted keys, no spaces, shortest floats, text as it is; no number that JSON does not have."""
    document = {"b": 1.0, "a": {"z": [1e22, 0.1, 10**30], "é": "ü\n"}}
    assert (
        canonical(document)
        == '{"a":{"z":[1e+22,0.1,1000000000000000000000000000000],"é":"ü\\n"},"b":1.0}\n'.encode()
    )
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical({"a": number})


def test_bundles_are_stored_in_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    folder = made_of().save(tmp_path / "not" / "yet")
    assert json.loads((folder / "manifest.json").read_text())["root"] == made_of().root


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash leaves is the old file or the new one: content, then name, then the folder's entry."""
    order: list[str] = []
    sync, rename = os.fsync, os.replace

    def synced(handle: int) -> None:
        order.append("sync " + Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        sync(handle)

    def renamed(source: Any, target: Any) -> None:
        order.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    write_whole(tmp_path / "report.json", "x")
    assert (tmp_path / "report.json").read_text() == "x"
    content, named, folder = order
    assert content.startswith("sync .report.json.")
    assert (named, folder) == ("rename", f"sync {tmp_path.name}")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
