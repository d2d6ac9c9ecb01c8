"""DealFactory.tree, and what KpiBond refuses to begin with."""

from __future__ import annotations

import pytest
from checks import ZERO, names, plain, refuses, said
from material import INT128_MIN, Status, components_of, evidence, tuple_of

HOLDERS_CONTROL = 1


@pytest.fixture(scope="module")
def deploy(base, parties, plan_of, terms_of):
    def make(who=None, **changes):
        return base.factory.deploy(terms_of(plan_of(**changes)), {"from": who or parties.deployer})

    return make


# ---------------------------------------------------------------- deploy


def test_one_transaction_makes_and_wires_a_whole_deal(launch, parties, base):
    deal = launch()
    terms_hash = deal.plan.terms()["termsHash"]
    said(
        deal.tx,
        "DealDeployed",
        deployer=parties.deployer,
        termsHash=terms_hash,
        token=deal.token,
        bond=deal.bond,
        offering=deal.offering,
        feed=bytes(deal.feed),
    )
    assert bytes(deal.token.documentHash()) == terms_hash
    assert (deal.token.minter(), deal.token.servicer()) == (deal.offering, deal.bond)
    assert (deal.token.name(), deal.token.symbol()) == ("Test bond", "TEST")
    bond = deal.bond.terms().dict()
    assert (bond["offering"], bond["token"], bond["oracle"]) == (deal.offering, deal.token, base.oracle)
    assert bytes(bond["feed"]) == bytes(deal.feed)
    config = plain(base.oracle.configOf(deal.feed))
    assert config[0] == "0x" + terms_hash.hex()
    assert config[18] == (deal.bond.address.lower(),)
    assert deal.oracle.statusOf(deal.feed, 0) == Status.NONE
    recorded = plain(base.factory.dealOf(parties.deployer, terms_hash))
    assert recorded == plain((deal.token, deal.bond, deal.offering, bytes(deal.feed)))


def test_factory_keeps_no_power(launch, base, parties):
    """The factory is nobody in what it made, and has no function but deploy that writes."""
    writes = [
        f["name"]
        for f in base.factory.abi
        if f["type"] == "function" and f["stateMutability"] == "nonpayable"
    ]
    assert writes == ["deploy"]
    deal = launch()
    powers = (
        deal.token.minter(),
        deal.token.servicer(),
        deal.token.anchors()[3],
        deal.bond.terms().dict()["issuer"],
    )
    assert base.factory.address not in powers


def test_deal_and_consumers_of_the_policy_are_the_factorys(launch, parties):
    """Whatever the caller writes there."""
    lies = {"deal": b"\7" * 32, "consumers": [parties.stranger.address]}
    deal = launch(oracle_overrides=lies)
    config = plain(deal.oracle.configOf(deal.feed))
    assert (config[0], config[18]) == (
        "0x" + deal.plan.terms()["termsHash"].hex(),
        (deal.bond.address.lower(),),
    )


def test_same_deployer_and_hash_twice(deploy, parties, base):
    terms_hash = evidence("a deal file")
    deploy(termsHash=terms_hash)
    with refuses(base.factory, "DealFactory_AlreadyDeployed", parties.deployer, terms_hash):
        deploy(termsHash=terms_hash)


def test_another_deployer_is_not_blocked(deploy, parties, base):
    """Somebody who copies the hash first, with terms of its own, takes nobody's place."""
    terms_hash = evidence("a deal file")
    first = deploy(who=parties.stranger, termsHash=terms_hash, rate=0)
    second = deploy(who=parties.deployer, termsHash=terms_hash)
    tokens = [tx.events["DealDeployed"]["token"] for tx in (first, second)]
    assert tokens[0] != tokens[1]
    assert base.factory.dealOf(parties.deployer, terms_hash)[0] == tokens[1]
    assert base.factory.dealOf(parties.stranger, terms_hash)[0] == tokens[0]


def test_zero_terms_hash(deploy, base):
    with refuses(base.factory, "DealFactory_ZeroTermsHash"):
        deploy(termsHash=b"\0" * 32)


def test_unknown_deal_is_empty(base, parties):
    assert plain(base.factory.dealOf(parties.stranger, evidence("nothing"))) == (ZERO,) * 3 + (
        "0x" + "00" * 32,
    )


def test_a_stranger_who_creates_the_feed_first_blocks_nothing(base, parties, plan_of, terms_of, launch):
    """The bond's address can be predicted, so anyone can create the deal's feed before the deal."""
    plan = plan_of(termsHash=evidence("a deal file"))
    token, bond, _, feed = base.factory.deploy.call(terms_of(plan), {"from": parties.deployer})
    policy = plan.oracle_policy() | {"deal": evidence("a deal file"), "consumers": [bond]}
    config = tuple_of(components_of(base.oracle, "createFeed"), policy)
    squatted = base.oracle.createFeed(config, {"from": parties.stranger})
    assert str(squatted.return_value) == str(feed)
    tx = base.factory.deploy(terms_of(plan), {"from": parties.deployer})
    assert (tx.events["DealDeployed"]["token"], str(tx.events["DealDeployed"]["feed"])) == (token, str(feed))
    assert "FeedCreated" not in names(tx)


# ---------------------------------------------------------------- implementations and clones


def test_implementations_cannot_be_initialised(base, parties, plan_of):
    token, bond, offering = base.implementations
    by = {"from": parties.stranger}
    with refuses(token, "InvalidInitialization"):
        token.initialize("a", "b", parties.stranger, parties.stranger, by)
    with refuses(bond, "InvalidInitialization"):
        bond.initialize(bond_terms(bond, plan_of(), parties), by)
    with refuses(offering, "InvalidInitialization"):
        offering.initialize((parties.stranger,) * 4 + (1, 1, 1, 1, 2), by)


def test_clones_cannot_be_initialised_again(launch, parties, plan_of):
    deal = launch()
    by = {"from": parties.stranger}
    with refuses(deal.token, "InvalidInitialization"):
        deal.token.initialize("a", "b", parties.stranger, parties.stranger, by)
    with refuses(deal.bond, "InvalidInitialization"):
        deal.bond.initialize(bond_terms(deal.bond, plan_of(), parties), by)
    with refuses(deal.offering, "InvalidInitialization"):
        deal.offering.initialize((parties.stranger,) * 4 + (1, 1, 1, 1, 2), by)


def bond_terms(bond, plan, parties, **changes):
    """KpiBond's own terms, as a stranger would have to write them."""
    terms = plan.terms()
    values = {
        "token": parties.stranger.address,
        "currency": terms["currency"],
        "issuer": parties.stranger.address,
        "offering": parties.stranger.address,
        "oracle": parties.stranger.address,
        "feed": b"\1" * 32,
        "authorisedUnits": terms["hardCap"],
    }
    names_ = [c["name"] for c in components_of(bond, "initialize")]
    values |= {name: terms[name] for name in names_ if name not in values}
    return tuple_of(components_of(bond, "initialize"), values | changes)


# ---------------------------------------------------------------- terms that are refused

TENTH = 10_000 * 10**6
CURVE = {
    "kind": 0,
    "knots": [{"x": INT128_MIN, "y": -TENTH}, {"x": 200_000, "y": 0}, {"x": 400_001, "y": TENTH}],
}


def periods(*dates, denominator=1):
    return [{"payDate": date, "numerator": 1, "denominator": denominator} for date in dates]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"issuer": ZERO}, "issuer or offering zero"),
        ({"unitPrincipal": 0}, "principal zero"),
        ({"periods": []}, "periods not 1-240"),
        ({"periods": periods(*range(2**40, 2**40 + 241))}, "periods not 1-240"),
        ({"periods": periods(2**40, denominator=0)}, "accrual denominator zero"),
        ({"periods": periods(2**40, 2**40)}, "pay dates not ascending"),
        ({"periods": periods(2**40, 2**40 - 1)}, "pay dates not ascending"),
        ({"periods": periods(2**48)}, "maturity too far away"),
        # Silence must cost the party that controls the data as much as the worst report.
        ({"missingOutcome": TENTH - 1}, "silence would pay the data controller"),
        ({"missingOutcome": 0}, "silence would pay the data controller"),
        ({"missingOutcome": -TENTH}, "silence would pay the data controller"),
        (
            {"dataController": HOLDERS_CONTROL, "missingOutcome": -TENTH + 1},
            "silence would pay the data controller",
        ),
        (
            {"dataController": HOLDERS_CONTROL, "missingOutcome": TENTH},
            "silence would pay the data controller",
        ),
        (
            {"outcome": {"kind": 0, "knots": [{"x": 0, "y": -10 * TENTH - 1}]}, "missingOutcome": 0},
            "outcome takes more than the principal",
        ),
        (
            {"dataController": HOLDERS_CONTROL, "missingOutcome": -10 * TENTH - 1},
            "outcome takes more than the principal",
        ),
        ({"unitPrincipal": 2**95}, "pays more than a token can account for"),
        ({"missingOutcome": 2**120}, "pays more than a token can account for"),
        ({"rate": 2**64 - 1, "unitPrincipal": 2**93}, "pays more than a token can account for"),
    ],
)
def test_bond_terms_that_are_refused(base, parties, plan_of, terms_of, KpiBond, change, what):
    # By eth_call: for a transaction, brownie reads the error from its trace, too long for Ganache with 241
    # periods.
    with refuses(KpiBond, "KpiBond_InvalidTerms", what):
        base.factory.deploy.call(terms_of(plan_of(**change)), {"from": parties.deployer})


@pytest.mark.parametrize("field", ["token", "currency"])
def test_bond_refuses_zero_token_and_currency(base, parties, plan_of, clone_of, KpiBond, field):
    bond = clone_of(KpiBond, base.implementations[1])
    terms = bond_terms(bond, plan_of(), parties, **{field: ZERO})
    with refuses(bond, "KpiBond_InvalidTerms", "token or currency zero"):
        bond.initialize(terms, {"from": parties.deployer})


def test_edge_terms_that_are_allowed(deploy):
    """Exactly as bad for the controller as its worst report; an outcome of the whole principal; 240
    periods."""
    deploy(missingOutcome=TENTH)
    deploy(dataController=HOLDERS_CONTROL, missingOutcome=-TENTH)
    deploy(outcome={"kind": 0, "knots": [{"x": 0, "y": -10 * TENTH}]}, missingOutcome=0)
    deploy(periods=periods(*range(2**40, 2**40 + 240)))


@pytest.mark.parametrize(
    ("curve", "error"),
    [
        ({"kind": 0, "knots": []}, ("PayoffCurve_NoKnots",)),
        ({"kind": 0, "knots": [{"x": i, "y": 0} for i in range(33)]}, ("PayoffCurve_TooManyKnots", 33)),
        ({"kind": 1, "knots": [{"x": 5, "y": 0}, {"x": 5, "y": 1}]}, ("PayoffCurve_NotAscending", 1)),
        (
            {"kind": 1, "knots": [{"x": INT128_MIN, "y": 0}, {"x": 2**127 - 1, "y": 1}]},
            ("PayoffCurve_TooSteep", 1),
        ),
    ],
)
def test_outcome_curves_that_are_refused(deploy, KpiBond, curve, error):
    with refuses(KpiBond, *error):
        deploy(outcome=curve)


def test_a_period_the_feed_does_not_have(deploy, base, parties, plan_of, terms_of):
    plan = plan_of(kpiPeriod=1)
    with pytest.raises(Exception, match="KpiOracle_UnknownPeriod") as caught:
        base.factory.deploy(terms_of(plan), {"from": parties.deployer})
    assert caught.value.revert_msg.endswith(", 1")


def test_an_invalid_feed_stops_the_whole_deal(deploy, base, parties):
    with refuses(base.oracle, "KpiOracle_InvalidConfig", "quorum not a majority of signers"):
        deploy(termsHash=evidence("a deal file"), oracle_overrides={"quorum": 2})
    assert base.factory.dealOf(parties.deployer, evidence("a deal file"))[0] == ZERO
    deploy(termsHash=evidence("a deal file"))  # the hash is still free
