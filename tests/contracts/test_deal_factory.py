"""DealFactory.tree, and what KpiBond refuses to begin with."""

from __future__ import annotations

import pytest
from brownie.exceptions import decode_typed_error

from tests.contracts import wiring
from tests.contracts.checks import ZERO, error_text, names, plain, refuses
from tests.contracts.material import (
    AMOUNT,
    INT128_MIN,
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
from tests.contracts.projects import POWER, UNITS, earn
from tests.contracts.swaps import PAYEE, PAYER, K, State
from tests.contracts.wiring import key

HOLDERS_CONTROL = 1
FILE = evidence("a deal file")


@pytest.fixture(scope="module")
def deploy(base, parties, plan_of, terms_of):
    def make(who=None, **changes):
        who = who or parties.deployer
        return base.factory.deploy(*terms_of(plan_of(**changes), who), {"from": who})

    return make


@pytest.fixture(scope="module")
def whole(launch, launch_project, parties):
    """whole(kind, deploy=, terms_hash=, who=): a bond or a project, with `wired` and `tx`."""

    def make(kind, terms_hash=FILE, who=None, currency=None):
        if kind == "project":
            return launch_project(terms_hash=terms_hash, who=who, currency=currency, deploy=False).wired
        plan = launch.plan_of(termsHash=terms_hash, currency=currency)
        return wiring.bond(launch.base, plan.terms(), who or parties.deployer)

    return make


KINDS = pytest.mark.parametrize("kind", ["bond", "project"])


# ---------------------------------------------------------------- deploy


def test_one_transaction_makes_and_wires_a_whole_deal(launch, parties, base):
    deal = launch()
    terms_hash = deal.plan.terms()["termsHash"]
    (event,) = [e for e in deal.tx.events if e.name == "DealDeployed"]
    assert (event["deployer"], plain(event["termsHash"])) == (parties.deployer, plain(terms_hash))
    token, bond, offering = base.implementations
    codes = {"token": token, "offering": offering, "bond": bond}
    made = [(key(name), code.address, deal.wired.at[name]) for name, code in codes.items()]
    assert plain(event["parts"]) == plain(made) == plain(deal.tx.return_value)
    assert base.factory.deployedIn(parties.deployer, terms_hash) == deal.tx.block_number
    assert bytes(deal.token.documentHash()) == terms_hash
    assert (deal.token.minter(), deal.token.servicer()) == (deal.offering, deal.bond)
    assert (deal.token.name(), deal.token.symbol()) == ("Test bond", "TEST")
    terms = deal.bond.terms().dict()
    assert (terms["offering"], terms["token"], terms["oracle"]) == (deal.offering, deal.token, base.oracle)
    ((reported, *_),) = plain(deal.bond.terms())[-4]
    assert reported == "0x" + bytes(deal.feed).hex()
    config = plain(base.oracle.configOf(deal.feed))
    assert config[0] == "0x" + terms_hash.hex()
    assert config[-1] == (deal.bond.address.lower(),)
    assert deal.oracle.statusOf(deal.feed, 0) == Status.NONE
    for name, at in deal.wired.at.items():
        assert base.factory.partOf(parties.deployer, terms_hash, key(name)) == at


def test_one_transaction_makes_and_wires_a_whole_project(launch_project, parties, base):
    """Of other parts, by the same factory: sold, settled, funded, and revenue comes in."""
    project = launch_project()
    token = project.token
    assert bytes(token.documentHash()) == project.terms_hash
    assert (token.minter(), token.servicer()) == (project.offering, project.treasury)
    assert plain(token.anchors())[:1] == plain((base.registry,))
    treasury = project.treasury.terms().dict()
    assert plain(treasury["token"]) == plain(token)
    assert (treasury["swap"], treasury["offering"]) == (project.payment, project.offering)
    offering = project.offering.terms().dict()
    assert (offering["servicer"], offering["token"], offering["hardCap"]) == (project.treasury, token, UNITS)
    payment = project.payment.terms().dict()
    assert (payment["payee"], payment["payeeStarts"]) == (project.treasury, True)
    assert project.payment.state() == State.AGREED
    for name, at in project.wired.at.items():
        assert base.factory.partOf(parties.deployer, project.terms_hash, key(name)) == at
    launch_project.sell(project)
    (event,) = earn(project, parties, 5).events["RevenueReceived"]
    assert (plain(event["line"]), event["amount"]) == (plain(POWER), 5)
    project.payment.fund(PAYER, 5 * K, {"from": project.provider})
    assert project.payment.partyOf(PAYEE) == project.treasury


def test_a_deal_may_be_one_part(launch_project, base, swap_rooms, parties):
    """A swap between two parties."""
    values = launch_project(deploy=False).values
    wired = wiring.swap(base, swap_rooms, values[0], parties.deployer)
    tx = base.factory.deploy(*wired.arguments, {"from": parties.deployer})
    assert plain(tx.return_value) == plain([(key("swap"), swap_rooms.payment.address, wired.at["swap"])])
    assert names(tx).count("FeedCreated") == 2


def test_factory_keeps_no_power(launch, launch_project, base, parties):
    """The factory is nobody in what it made, and has no function but deploy that writes."""
    writes = [
        f["name"]
        for f in base.factory.abi
        if f["type"] == "function" and f["stateMutability"] not in ("view", "pure")
    ]
    assert writes == ["deploy"]
    deal, project = launch(), launch_project()
    powers = [deal.token.minter(), deal.token.servicer(), deal.token.anchors()[3]]
    powers += [deal.bond.terms().dict()["issuer"]]
    powers += list(project.treasury.terms())[:6] + list(project.payment.terms())[:4]
    assert base.factory.address not in [str(power) for power in powers]


@KINDS
def test_same_deployer_and_hash_twice(whole, parties, base, kind):
    base.factory.deploy(*whole("bond").arguments, {"from": parties.deployer})
    before = base.factory.partOf(parties.deployer, FILE, key("token"))
    with refuses(base.factory, "DealFactory_AlreadyDeployed", parties.deployer, FILE):
        base.factory.deploy(*whole(kind).arguments, {"from": parties.deployer})
    assert base.factory.partOf(parties.deployer, FILE, key("token")) == before


@KINDS
def test_another_deployer_is_not_blocked(whole, parties, base, kind):
    """Somebody who copies the hash first, even the whole call, takes nobody's place."""
    theirs, ours = whole(kind, who=parties.stranger), whole(kind)
    base.factory.deploy(*theirs.arguments, {"from": parties.stranger})
    base.factory.deploy(*ours.arguments, {"from": parties.deployer})
    assert not set(theirs.at.values()) & set(ours.at.values())
    for who, wired in ((parties.stranger, theirs), (parties.deployer, ours)):
        for name, at in wired.at.items():
            assert base.factory.partOf(who, FILE, key(name)) == at


def test_who_copies_a_call_gets_a_deal_that_is_not_wired(whole, parties, base, Offering):
    """The terms of the copy name the parts of the one copied, which go on as if nothing had been."""
    ours = whole("bond")
    base.factory.deploy(*ours.arguments, {"from": parties.stranger})
    base.factory.deploy(*ours.arguments, {"from": parties.deployer})
    copy = Offering.at(base.factory.partOf(parties.stranger, FILE, key("offering")))
    assert copy.terms().dict()["token"] == ours.at["token"] != copy
    assert base.factory.partOf(parties.deployer, FILE, key("token")) == ours.at["token"]


def test_zero_terms_hash(whole, base, parties):
    _, calls, parts = whole("bond").arguments
    with refuses(base.factory, "DealFactory_ZeroTermsHash"):
        base.factory.deploy(b"\0" * 32, calls, parts, {"from": parties.deployer})


def test_no_parts(whole, base, parties):
    terms_hash, calls, _ = whole("bond").arguments
    with refuses(base.factory, "DealFactory_NoParts"):
        base.factory.deploy(terms_hash, calls, [], {"from": parties.deployer})


def test_two_parts_of_one_name(whole, base, parties):
    terms_hash, calls, parts = whole("bond").arguments
    parts[1] = (key("token"), *parts[1][1:])
    with refuses(base.factory, "DealFactory_KeyTwice", key("token")):
        base.factory.deploy(terms_hash, calls, parts, {"from": parties.deployer})


def test_unknown_deal_is_empty(base, parties):
    assert base.factory.partOf(parties.stranger, evidence("nothing"), key("token")) == ZERO
    assert base.factory.deployedIn(parties.stranger, evidence("nothing")) == 0


@KINDS
def test_a_stranger_who_creates_the_feeds_first_blocks_nothing(whole, base, parties, kind):
    """Addresses can be predicted, so anyone can create the deal's feeds before the deal."""
    wired = whole(kind)
    for to, data in wired.arguments[1]:
        parties.stranger.transfer(to, data=data)
    tx = base.factory.deploy(*wired.arguments, {"from": parties.deployer})
    assert "FeedCreated" not in names(tx)
    for feed in wired.feeds:
        assert plain(base.oracle.configOf(feed))[0] == plain(FILE)


# ---------------------------------------------------------------- nothing half done


@pytest.mark.parametrize(
    ("changes", "source", "error"),
    [
        ({"swap": {"missingPayoff": 0}}, "KpiPayment", "silence would pay the data controller"),
        ({"swap": {"requiredCollateral": [0, 1]}}, "RevenueTreasury", "swap asks for collateral"),
        ({"operator": ZERO}, "RevenueTreasury", "operator or offering zero"),
        ({"periods": []}, "RevenueTreasury", "periods not 1-240"),
        ({"softCap": 0}, "Offering", "caps"),
        ({"unitPrice": 0}, "Offering", "price zero"),
    ],
)
def test_terms_that_a_part_refuses_leave_nothing(
    launch_project, base, parties, KpiPayment, RevenueTreasury, Offering, changes, source, error
):
    containers = {"KpiPayment": KpiPayment, "RevenueTreasury": RevenueTreasury, "Offering": Offering}
    with refuses(containers[source], f"{source}_InvalidTerms", error):
        launch_project(terms_hash=FILE, **changes)
    assert base.factory.partOf(parties.deployer, FILE, key("swap")) == ZERO
    launch_project(terms_hash=FILE)  # the hash is still free


@KINDS
def test_an_invalid_feed_stops_the_whole_deal(whole, base, parties, kind):
    wired = whole(kind)
    create = components_of(base.oracle, "createFeed")
    config = list(base.oracle.createFeed.decode_input(wired.arguments[1][0][1])[0])
    config[[c["name"] for c in create].index("quorum")] = 2
    calls = [(base.oracle.address, base.oracle.createFeed.encode_input(config))]
    with refuses(base.oracle, "KpiOracle_InvalidConfig", "quorum not a majority of signers"):
        base.factory.deploy(FILE, calls, wired.arguments[2], {"from": parties.deployer})
    assert base.factory.partOf(parties.deployer, FILE, key("token")) == ZERO
    base.factory.deploy(*wired.arguments, {"from": parties.deployer})


@pytest.mark.parametrize("moment", [1, 2], ids=["before", "after"])
@pytest.mark.parametrize(
    ("kind", "part"),
    [("bond", name) for name in ("token", "offering", "bond")]
    + [("project", name) for name in ("token", "offering", "swap", "treasury")],
)
def test_factory_cannot_be_caught_half_way(
    whole, swap_rooms, base, parties, ReentrantCurrency, kind, moment, part
):
    """Whoever approves the currency begins last, when all other parts have begun: from inside, nothing can be
    taken over."""
    currency = ReentrantCurrency.deploy(6, {"from": parties.deployer})
    wired = whole(kind, currency=currency)
    data = next(data for name, _, _, data in wired.arguments[2] if name == key(part))
    currency.arm(moment, wired.at[part], data, {"from": parties.stranger})
    tx = base.factory.deploy(*wired.arguments, {"from": parties.deployer})
    assert currency.attacked()
    assert not currency.succeeded()
    assert [made[2] for made in tx.return_value] == [wired.at[name] for name in order(wired)]
    error = decode_typed_error(str(currency.answer()))
    assert error == error_text(base.implementations[0], "InvalidInitialization")


def order(wired):
    return [bytes(name).rstrip(b"\0").decode() for name, *_ in wired.arguments[2]]


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


def test_payments_cannot_be_initialised_again(launch_project, swap_rooms, parties):
    project = launch_project()
    for payment in (project.payment, swap_rooms.payment):
        with refuses(payment, "InvalidInitialization"):
            payment.initialize(project.payment.terms(), {"from": parties.stranger})


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


def stepping(*steps):
    """Years of a bullet to whose rate the terms add these."""
    years = zip(periods(*range(2**40, 2**40 + len(steps))), steps, strict=True)
    return [year | {"step": each} for year, each in years]


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
        # A call may not take from holders what a report could add: a tenth, rounded up for each unit.
        (
            {"noticePeriod": 1, "calls": [{"first": 1, "premium": 10**17}]},
            "call premium below what KPIs may add",
        ),
        ({"calls": [{"first": 1, "premium": 2 * 10**17}]}, "call without notice"),
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
        # Steps of the terms, by themselves and with what a report can add.
        ({"periods": stepping(0, -FIVE - 1, 0)}, "rate out of range"),
        (
            {
                "periods": stepping(0, 1 - FIVE, 0),
                "fixings": [fixing(RATE, 1, 1, step((0, -2), (1, 0)), 0)],
            },
            "rate out of range",
        ),
        ({"periods": stepping(0, 1, 0), "lateRate": FIVE}, "late rate below the coupon"),
        ({"periods": stepping(2**63 - 1, 0), "rate": 2**64 - 1}, "rate out of range"),
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
        base.factory.deploy.call(*terms_of(plan_of(**change)), {"from": parties.deployer})


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


def test_a_period_the_feed_does_not_have(deploy):
    with pytest.raises(Exception, match="KpiOracle_UnknownPeriod") as caught:
        deploy(kpiPeriod=1)
    assert caught.value.revert_msg.endswith(", 1")


def test_a_fixing_by_a_feed_that_is_not_there(deploy, base):
    other = b"another".ljust(32, b"\0")
    with refuses(base.oracle, "KpiOracle_UnknownFeed", other):
        deploy(fixings=[fixing(RATE, 0, 0, step((0, 0)), 0, feed=other)])
