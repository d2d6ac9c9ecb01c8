"""The helpers that all other tests lean on must themselves be able to fail."""

from __future__ import annotations

import pytest
from checks import refuses, said


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
