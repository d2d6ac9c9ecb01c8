"""The helpers that all other tests lean on must themselves be able to fail."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.contracts import gas_table
from tests.contracts.checks import refuses, said


def test_refuses_accepts_the_right_error_only(base, parties, SecurityToken, IdentityRegistry):
    by = {"from": parties.deployer}
    with refuses(IdentityRegistry, "IdentityRegistry_NotRegistered", parties.stranger):
        base.registry.revoke(parties.stranger, by)
    with (
        pytest.raises(AssertionError),
        refuses(IdentityRegistry, "IdentityRegistry_NotRegistered", parties.relay),  # another argument
    ):
        base.registry.revoke(parties.stranger, by)
    with (
        pytest.raises(AssertionError),
        refuses(IdentityRegistry, "IdentityRegistry_ZeroAddress"),  # another error
    ):
        base.registry.revoke(parties.stranger, by)
    with (
        pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"),
        refuses(IdentityRegistry, "IdentityRegistry_NotRegistered", parties.investor),
    ):
        base.registry.revoke(parties.investor, by)
    with pytest.raises(AssertionError, match="is not an error of"), refuses(SecurityToken, "Typo"):
        base.registry.revoke(parties.stranger, by)


def test_said_compares_every_field(base, parties):
    tx = base.registry.revoke(parties.investor, {"from": parties.deployer})
    said(tx, "IdentityRevoked", account=parties.investor)
    for wrong in ({"account": parties.stranger}, {}, {"account": parties.investor, "more": 1}):
        with pytest.raises(AssertionError):
            said(tx, "IdentityRevoked", **wrong)
    with pytest.raises(AssertionError, match="0 events"):
        said(tx, "IdentitySet", account=parties.investor)


def test_gas_record_fails_above_the_mark_and_off_the_snapshot(monkeypatch, tmp_path):
    monkeypatch.setattr(gas_table, "SNAPSHOT", tmp_path / "snapshot.json")
    monkeypatch.setattr(gas_table, "ROWS", [])
    monkeypatch.delenv("PENSTOCK_UPDATE_GAS", raising=False)
    with pytest.raises(AssertionError, match="above the mark"):
        gas_table.record("thing", 101, 100)
    with pytest.raises(AssertionError, match="is not in"):
        gas_table.record("thing", 1_000)
    monkeypatch.setenv("PENSTOCK_UPDATE_GAS", "1")
    gas_table.record("thing", 1_000)
    monkeypatch.delenv("PENSTOCK_UPDATE_GAS")
    assert json.loads(gas_table.SNAPSHOT.read_text()) == {"thing": 1_000}
    gas_table.record("thing", 1_000)
    for gas in (999, 1_001):
        with pytest.raises(AssertionError, match="snapshot 1000"):
            gas_table.record("thing", gas)


def test_every_test_named_in_the_security_page_exists():
    """docs/security.md says which test stops which misuse; a renamed test must not leave it behind."""
    tests = Path(__file__).parents[1]
    named = re.findall(r"`(test_\w+)::(test_\w+)`", (tests.parent / "docs" / "security.md").read_text())
    assert len(named) > 60
    modules = {path.stem: path.read_text() for path in tests.rglob("test_*.py")}
    missing = [f"{module}::{test}" for module, test in named if f"def {test}(" not in modules.get(module, "")]
    assert not missing
