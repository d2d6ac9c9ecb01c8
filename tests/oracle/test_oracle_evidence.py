"""Evidence bundles: any change is seen, and nobody's name is in them."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from eth_utils import keccak

from oracle.evidence import Bundle, EvidenceError, load
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
