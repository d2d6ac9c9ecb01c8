"""DealFactory.tree, and what KpiBond refuses to begin with."""

from __future__ import annotations

import pytest

from tests.contracts.checks import ZERO, names, plain, refuses, said
from tests.contracts.material import (
    AMOUNT,
    INT128_MIN,
    KPI,
    MILLION,
    RATE,
    Status,
    bullet,
    components_of,
    evidence,
    fixing,
    step,
    tuple_of,
)

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
        feeds=(bytes(deal.feed),),
    )
    assert bytes(deal.token.documentHash()) == terms_hash
    assert (deal.token.minter(), deal.token.servicer()) == (deal.offering, deal.bond)
    assert (deal.token.name(), deal.token.symbol()) == ("Test bond", "TEST")
    bond = deal.bond.terms().dict()
    assert (bond["offering"], bond["token"], bond["oracle"]) == (deal.offering, deal.token, base.oracle)
    ((reported, *_),) = plain(deal.bond.terms())[-1]
    assert reported == "0x" + bytes(deal.feed).hex()
    config = plain(base.oracle.configOf(deal.feed))
    assert config[0] == "0x" + terms_hash.hex()
    assert config[-1] == (deal.bond.address.lower(),)
    assert deal.oracle.statusOf(deal.feed, 0) == Status.NONE
    recorded = plain(base.factory.dealOf(parties.deployer, terms_hash))
    assert recorded == plain((deal.token, deal.bond, deal.offering, [bytes(deal.feed)]))


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
    assert (config[0], config[-1]) == (
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
    assert plain(base.factory.dealOf(parties.stranger, evidence("nothing"))) == (ZERO,) * 3 + ((),)


def test_a_stranger_who_creates_the_feed_first_blocks_nothing(base, parties, plan_of, terms_of, launch):
    """The bond's address can be predicted, so anyone can create the deal's feed before the deal."""
    plan = plan_of(termsHash=evidence("a deal file"))
    token, bond, _, feeds = base.factory.deploy.call(terms_of(plan), {"from": parties.deployer})
    policy = plan.oracle_policy() | {"deal": evidence("a deal file"), "consumers": [bond]}
    config = tuple_of(components_of(base.oracle, "createFeed"), policy)
    squatted = base.oracle.createFeed(config, {"from": parties.stranger})
    assert [str(squatted.return_value)] == [str(feed) for feed in feeds]
    tx = base.factory.deploy(terms_of(plan), {"from": parties.deployer})
    made = tx.events["DealDeployed"]
    assert (made["token"], plain(made["feeds"])) == (token, plain(feeds))
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
        offering.initialize((parties.stranger,) * 4 + (1, 1, 1, 1, 2, ()), by)


def test_clones_cannot_be_initialised_again(launch, parties, plan_of):
    deal = launch()
    by = {"from": parties.stranger}
    with refuses(deal.token, "InvalidInitialization"):
        deal.token.initialize("a", "b", parties.stranger, parties.stranger, by)
    with refuses(deal.bond, "InvalidInitialization"):
        deal.bond.initialize(bond_terms(deal.bond, plan_of(), parties), by)
    with refuses(deal.offering, "InvalidInitialization"):
        deal.offering.initialize((parties.stranger,) * 4 + (1, 1, 1, 1, 2, ()), by)


def bond_terms(bond, plan, parties, **changes):
    """KpiBond's own terms, as a stranger would have to write them."""
    terms = plan.terms()
    values = {
        "token": parties.stranger.address,
        "currency": terms["currency"],
        "issuer": parties.stranger.address,
        "offering": parties.stranger.address,
        "oracle": parties.stranger.address,
        "authorisedUnits": terms["hardCap"],
    }
    names_ = [c["name"] for c in components_of(bond, "initialize")]
    values |= {name: terms[name] for name in names_ if name not in values}
    return tuple_of(components_of(bond, "initialize"), values | changes)


# ---------------------------------------------------------------- terms that are refused

TENTH = 10_000 * 10**6
FIVE = 5 * 10**16  # the plan's rate
CURVE = {
    "shape": 0,
    "knots": [{"x": INT128_MIN, "y": -TENTH}, {"x": 200_000, "y": 0}, {"x": 400_001, "y": TENTH}],
}


def periods(*dates, denominator=1):
    return bullet(1_000 * MILLION, *dates, denominator=denominator)


def repaying(*parts):
    """Years that repay these thousandths of a unit."""
    years = zip(bullet(0, *range(2**40, 2**40 + len(parts))), parts, strict=True)
    return [year | {"repayment": part * MILLION} for year, part in years]


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
        ({"missing": TENTH - 1}, "silence would pay the data controller"),
        ({"missing": 0}, "silence would pay the data controller"),
        ({"missing": -TENTH}, "silence would pay the data controller"),
        (
            {"dataController": HOLDERS_CONTROL, "missing": -TENTH + 1},
            "silence would pay the data controller",
        ),
        (
            {"dataController": HOLDERS_CONTROL, "missing": TENTH},
            "silence would pay the data controller",
        ),
        (
            {"curve": {"shape": 0, "knots": [{"x": 0, "y": -10 * TENTH - 1}]}, "missing": 0},
            "outcome takes more than the principal",
        ),
        (
            {"dataController": HOLDERS_CONTROL, "missing": -10 * TENTH - 1},
            "outcome takes more than the principal",
        ),
        ({"lateRate": FIVE - 1}, "late rate below the coupon"),
        (
            {"fixings": [fixing(RATE, 2, 2, step((0, 1), (1, 0)), 2)], "lateRate": FIVE + 1},
            "late rate below the coupon",
        ),
        ({"unit": 2**95}, "pays more than a token can account for"),
        ({"missing": 2**120}, "pays more than a token can account for"),
        ({"rate": 2**64 - 1, "unit": 2**93}, "pays more than a token can account for"),
        # Repayments.
        ({"periods": repaying(400, 600, 1)}, "repayments are not the principal"),
        ({"periods": repaying(400, 599)}, "repayments are not the principal"),
        # Fixings. The plan has three periods and 5 %.
        ({"fixings": [fixing(RATE, 0, 0, step((0, 0)), 0)] * 33}, "fixings more than 32"),
        ({"fixings": [fixing(RATE, 1, 3, step((0, 0)), 0)]}, "fixing outside the periods"),
        ({"fixings": [fixing(RATE, 2, 1, step((0, 0)), 0)]}, "fixing outside the periods"),
        ({"fixings": [fixing(AMOUNT, 3, 3, step((0, 0)), 0)]}, "fixing outside the periods"),
        ({"fixings": [fixing(AMOUNT, 1, 2, step((0, 0)), 0)]}, "amount in more than one period"),
        ({"fixings": [fixing(AMOUNT, 1, 1, step((0, -1), (1, 0)), 0)]}, "amount negative before maturity"),
        (
            {"dataController": HOLDERS_CONTROL, "fixings": [fixing(AMOUNT, 1, 1, step((0, 0)), -1)]},
            "amount negative before maturity",
        ),
        ({"fixings": [fixing(RATE, 0, 2, step((0, 0), (1, 1)), 0)]}, "silence would pay the data controller"),
        (
            {"dataController": HOLDERS_CONTROL, "fixings": [fixing(RATE, 0, 2, step((0, -1), (1, 1)), 0)]},
            "silence would pay the data controller",
        ),
        ({"fixings": [fixing(RATE, 0, 2, step((0, -FIVE - 1)), 0)]}, "rate out of range"),
        # Each leaves a rate of 2 % or more, together less than nothing in the second period.
        (
            {
                "fixings": [
                    fixing(RATE, 0, 1, step((0, -FIVE * 3 // 5)), 0),
                    fixing(RATE, 1, 2, step((0, -FIVE * 3 // 5)), 0),
                ]
            },
            "rate out of range",
        ),
        ({"fixings": [fixing(RATE, 0, 2, step((0, 0)), 2**64 - FIVE)]}, "rate out of range"),
        # Two that may take: each is rounded against holders by itself, so a minor unit a unit stays back.
        (
            {"fixings": [fixing(AMOUNT, 2, 2, step((0, -5 * TENTH)), 0)] * 2},
            "outcome takes more than the principal",
        ),
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
    deploy(missing=TENTH)
    deploy(dataController=HOLDERS_CONTROL, missing=-TENTH)
    deploy(curve={"shape": 0, "knots": [{"x": 0, "y": -10 * TENTH}]}, missing=0)
    deploy(periods=periods(*range(2**40, 2**40 + 240)))
    deploy(periods=repaying(0, 1_000, 0), fixings=[])
    deploy(fixings=[fixing(RATE, 0, 2, step((0, -FIVE)), 0)])
    deploy(fixings=[fixing(RATE, 0, 2, step((0, 0)), 2**64 - 1 - FIVE)], lateRate=2**64 - 1)
    deploy(lateRate=FIVE)
    # Three fifths less and three fifths less, which never meet.
    apart = [fixing(RATE, first, last, step((0, -FIVE * 3 // 5)), 0) for first, last in ((0, 0), (1, 2))]
    deploy(fixings=apart)
    deploy(fixings=[fixing(AMOUNT, 2, 2, step((0, -5 * TENTH + 50)), 0)] * 2)
    deploy(fixings=[fixing(RATE, 0, 0, step((0, 0)), 0)] * 32)
    deploy(dataController=HOLDERS_CONTROL, fixings=[fixing(RATE, 1, 2, step((0, -FIVE), (1, 1)), -FIVE)])


@pytest.mark.parametrize(
    ("curve", "error"),
    [
        ({"shape": 0, "knots": []}, ("PayoffCurve_NoKnots",)),
        ({"shape": 0, "knots": [{"x": i, "y": 0} for i in range(33)]}, ("PayoffCurve_TooManyKnots", 33)),
        ({"shape": 1, "knots": [{"x": 5, "y": 0}, {"x": 5, "y": 1}]}, ("PayoffCurve_NotAscending", 1)),
        (
            {"shape": 1, "knots": [{"x": INT128_MIN, "y": 0}, {"x": 2**127 - 1, "y": 1}]},
            ("PayoffCurve_TooSteep", 1),
        ),
    ],
)
def test_outcome_curves_that_are_refused(deploy, BondChecks, curve, error):
    with refuses(BondChecks, *error):
        deploy(curve=curve)


def test_a_period_the_feed_does_not_have(deploy, base, parties, plan_of, terms_of):
    plan = plan_of(kpiPeriod=1)
    with pytest.raises(Exception, match="KpiOracle_UnknownPeriod") as caught:
        base.factory.deploy(terms_of(plan), {"from": parties.deployer})
    assert caught.value.revert_msg.endswith(", 1")


def test_a_fixing_by_a_kpi_without_a_policy(deploy, base):
    other = b"another".ljust(32, b"\0")
    with refuses(base.factory, "DealFactory_UnknownKpi", other):
        deploy(fixings=[fixing(RATE, 0, 0, step((0, 0)), 0, feed=other)])


def test_two_policies_for_one_kpi(deploy, base):
    with refuses(base.factory, "DealFactory_KpiTwice", KPI):
        deploy(oraclePolicies=lambda plan: [plan.oracle_policy(), plan.oracle_policy() | {"quorum": 4}])


def test_an_invalid_feed_stops_the_whole_deal(deploy, base, parties):
    with refuses(base.oracle, "KpiOracle_InvalidConfig", "quorum not a majority of signers"):
        deploy(termsHash=evidence("a deal file"), oracle_overrides={"quorum": 2})
    assert base.factory.dealOf(parties.deployer, evidence("a deal file"))[0] == ZERO
    deploy(termsHash=evidence("a deal file"))  # the hash is still free
