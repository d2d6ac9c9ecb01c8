"""IdentityRegistry.tree, branch by branch."""

from __future__ import annotations

import pytest

from tests.contracts import material
from tests.contracts.checks import ZERO, plain, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.material import CUBA, DAY, INSTITUTIONAL, PROFESSIONAL, RETAIL, USA, policy

NEITHER, SENDER, RECEIVER = range(3)


@pytest.fixture(scope="module")
def registry(base):
    return base.registry


@pytest.fixture(scope="module")
def verifier(parties):
    return {"from": parties.deployer}


@pytest.fixture(scope="module")
def identity(base):
    return (base.expiry, USA, RETAIL)


# ---------------------------------------------------------------- constructor


def test_constructor_refuses_zero_admin(IdentityRegistry, parties):
    with refuses(IdentityRegistry, "IdentityRegistry_ZeroAddress"):
        IdentityRegistry.deploy(ZERO, {"from": parties.deployer})


def test_constructor_makes_admin_a_verifier(registry, parties):
    assert registry.hasRole(registry.DEFAULT_ADMIN_ROLE(), parties.deployer)
    assert registry.hasRole(registry.VERIFIER_ROLE(), parties.deployer)
    assert not registry.hasRole(registry.VERIFIER_ROLE(), parties.stranger)


# ---------------------------------------------------------------- setIdentity, setIdentities


def test_set_identity_registers_and_says_so(registry, parties, verifier, base):
    tx = registry.setIdentity(parties.stranger, (base.expiry, CUBA, INSTITUTIONAL), verifier)
    said(
        tx,
        "IdentitySet",
        account=parties.stranger,
        investorClass=INSTITUTIONAL,
        country=CUBA,
        expiry=base.expiry,
    )
    assert plain(registry.identityOf(parties.stranger)) == (base.expiry, CUBA, INSTITUTIONAL)


def test_set_identity_renews(registry, parties, verifier, base):
    registry.setIdentity(parties.investor, (base.expiry + DAY, CUBA, PROFESSIONAL), verifier)
    assert plain(registry.identityOf(parties.investor)) == (base.expiry + DAY, CUBA, PROFESSIONAL)


@pytest.mark.parametrize("call", ["setIdentity", "setIdentities", "revoke"])
def test_only_a_verifier(registry, parties, identity, call):
    arguments = {
        "setIdentity": (parties.stranger, identity),
        "setIdentities": ([parties.stranger], [identity]),
        "revoke": (parties.investor,),
    }[call]
    role = registry.VERIFIER_ROLE()
    with refuses(registry, "AccessControlUnauthorizedAccount", parties.stranger, bytes(role)):
        getattr(registry, call)(*arguments, {"from": parties.stranger})


def test_set_identity_refuses_zero_address(registry, verifier, identity):
    with refuses(registry, "IdentityRegistry_ZeroAddress"):
        registry.setIdentity(ZERO, identity, verifier)


@pytest.mark.parametrize("investor_class", [0, 8, 255])
def test_set_identity_refuses_classes_outside_the_policy_byte(
    registry, parties, verifier, base, investor_class
):
    with refuses(registry, "IdentityRegistry_InvalidClass", investor_class):
        registry.setIdentity(parties.stranger, (base.expiry, USA, investor_class), verifier)


def test_set_identity_refuses_expiry_now_and_accepts_the_next_second(registry, parties, verifier):
    at = now() + DAY
    next_at(at)
    with refuses(registry, "IdentityRegistry_Expired", parties.stranger, at):
        registry.setIdentity(parties.stranger, (at, USA, RETAIL), verifier)
    next_at(at + 10)
    registry.setIdentity(parties.stranger, (at + 11, USA, RETAIL), verifier)


def test_set_identities_registers_each(registry, parties, verifier, base):
    identities = [(base.expiry, USA, RETAIL), (base.expiry + 1, CUBA, PROFESSIONAL)]
    tx = registry.setIdentities([parties.stranger, parties.relay], identities, verifier)
    assert [e["account"] for e in tx.events["IdentitySet"]] == [parties.stranger, parties.relay]
    assert [plain(registry.identityOf(a)) for a in (parties.stranger, parties.relay)] == identities


def test_set_identities_refuses_lists_of_different_length(registry, parties, verifier, identity):
    with refuses(registry, "IdentityRegistry_LengthMismatch", 2, 1):
        registry.setIdentities([parties.stranger, parties.relay], [identity], verifier)


def test_set_identities_sets_none_when_one_is_wrong(registry, parties, verifier, identity):
    with refuses(registry, "IdentityRegistry_InvalidClass", 0):
        registry.setIdentities([parties.stranger, parties.relay], [identity, (identity[0], USA, 0)], verifier)
    assert plain(registry.identityOf(parties.stranger)) == (0, 0, 0)


# ---------------------------------------------------------------- revoke


def test_revoke_forgets_and_says_so(registry, parties, verifier):
    tx = registry.revoke(parties.investor, verifier)
    said(tx, "IdentityRevoked", account=parties.investor)
    assert plain(registry.identityOf(parties.investor)) == (0, 0, 0)
    assert not registry.isEligible(parties.investor, policy())


def test_revoke_refuses_who_is_not_registered(registry, parties, verifier):
    with refuses(registry, "IdentityRegistry_NotRegistered", parties.stranger):
        registry.revoke(parties.stranger, verifier)


# ---------------------------------------------------------------- isEligible, whoIsIneligible


@pytest.mark.parametrize(
    ("investor_class", "country", "rule", "eligible"),
    [
        (RETAIL, USA, policy(), True),
        (RETAIL, USA, policy(classes=1 << RETAIL), True),
        (RETAIL, USA, policy(classes=1 << PROFESSIONAL | 1 << INSTITUTIONAL), False),
        (7, USA, policy(classes=1 << 7), True),
        (RETAIL, CUBA, policy(blocked=(CUBA,)), False),
        (RETAIL, USA, policy(blocked=(CUBA,)), True),
        (RETAIL, CUBA, policy(blocked=(*range(1, 15), CUBA)), False),  # last of fifteen
        (RETAIL, USA, policy(classes=0), False),
    ],
)
def test_eligibility_by_class_and_country(
    registry, parties, verifier, base, investor_class, country, rule, eligible
):
    registry.setIdentity(parties.stranger, (base.expiry, country, investor_class), verifier)
    assert registry.isEligible(parties.stranger, rule) is eligible


def test_unregistered_is_never_eligible(registry, parties):
    assert not registry.isEligible(parties.stranger, policy(classes=255))
    assert not registry.isEligible(ZERO, policy(classes=255))


def test_eligibility_ends_at_expiry(registry, parties, verifier):
    expiry = now() + DAY
    registry.setIdentity(parties.stranger, (expiry, USA, RETAIL), verifier)
    warp(expiry - 1)
    assert registry.isEligible(parties.stranger, policy())
    warp(expiry)
    assert not registry.isEligible(parties.stranger, policy())


def test_who_is_ineligible(registry, parties):
    good, bad = parties.investor, parties.stranger
    assert registry.whoIsIneligible(good, parties.other, policy()) == NEITHER
    assert registry.whoIsIneligible(bad, good, policy()) == SENDER
    assert registry.whoIsIneligible(good, bad, policy()) == RECEIVER
    assert registry.whoIsIneligible(bad, parties.relay, policy()) == SENDER


# ---------------------------------------------------------------- roles


def test_admin_names_and_removes_verifiers(registry, parties, verifier, identity):
    role = registry.VERIFIER_ROLE()
    registry.grantRole(role, parties.relay, verifier)
    registry.setIdentity(parties.stranger, identity, {"from": parties.relay})
    registry.revokeRole(role, parties.relay, verifier)
    with refuses(registry, "AccessControlUnauthorizedAccount", parties.relay, bytes(role)):
        registry.setIdentity(parties.stranger, identity, {"from": parties.relay})


def test_a_verifier_cannot_name_verifiers(registry, parties, verifier):
    role, admin_role = registry.VERIFIER_ROLE(), registry.DEFAULT_ADMIN_ROLE()
    registry.grantRole(role, parties.relay, verifier)
    with refuses(registry, "AccessControlUnauthorizedAccount", parties.relay, bytes(admin_role)):
        registry.grantRole(role, parties.stranger, {"from": parties.relay})


def test_policy_helper_matches_the_documented_layout():
    """Lowest byte classes, then 16 bits a country, lowest first (IIdentityRegistry)."""
    assert material.policy(classes=2, blocked=(0x0348, 0x00C0)) == "0x" + f"{0x00C0_0348_02:064x}"
