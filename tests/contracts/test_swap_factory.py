"""SwapFactory.tree: whole swap deals in one transaction."""

from __future__ import annotations

import pytest
from brownie.exceptions import decode_typed_error

from tests.contracts.checks import ZERO, error_text, names, plain, refuses, said
from tests.contracts.material import components_of, evidence, tuple_of
from tests.contracts.projects import POWER, UNITS, earn
from tests.contracts.swaps import LAST_FIXING, NO_FEED, PAYEE, PAYER, K, State

KINDS = pytest.mark.parametrize("kind", ["project", "swap"])


@pytest.fixture(scope="module")
def deploy(swap_rooms, parties, launch_project):
    """deploy(kind, **changes): by the factory, of a project or of a swap between two parties."""

    def make(kind, **changes):
        terms = launch_project(deploy=False, **changes).terms
        function = swap_rooms.factory.deployProject if kind == "project" else swap_rooms.factory.deploySwap
        arguments = terms if kind == "project" else terms[:1]
        return function(*arguments, {"from": parties.deployer})

    return make


def hash_of(project):
    return project.terms[0][0]


# ---------------------------------------------------------------- a project


def test_one_transaction_makes_and_wires_a_whole_project(launch_project, parties, base):
    project = launch_project()
    parts = (project.token, project.treasury, project.offering, project.payment)
    feeds = (project.feed, project.value_feed)
    said(
        project.tx,
        "SwapDealDeployed",
        deployer=parties.deployer,
        termsHash=project.terms_hash,
        token=project.token,
        treasury=project.treasury,
        offering=project.offering,
        swap=project.payment,
        feed=project.feed,
        valueFeed=project.value_feed,
    )
    recorded = plain(project.factory.dealOf(parties.deployer, project.terms_hash))
    assert recorded == plain((*parts, *feeds)) == plain(project.tx.return_value)

    token = project.token
    assert bytes(token.documentHash()) == project.terms_hash
    assert (token.minter(), token.servicer()) == (project.offering, project.treasury)
    assert (token.name(), token.symbol()) == ("Wind share", "WIND")
    assert plain(token.anchors())[:1] == plain((base.registry,))
    treasury = project.treasury.terms().dict()
    assert plain(treasury["token"]) == plain(token)
    assert (treasury["swap"], treasury["offering"]) == (project.payment, project.offering)
    assert (treasury["operator"], treasury["lender"]) == (project.operator, project.lender)
    offering = project.offering.terms().dict()
    assert (offering["servicer"], offering["token"], offering["hardCap"]) == (project.treasury, token, UNITS)
    assert offering["issuer"] == parties.issuer
    assert (treasury["currency"], offering["currency"], token.anchors()[2]) == (project.currency,) * 3


@KINDS
def test_whatever_the_caller_writes_there_the_factory_fills_in(deploy, base, parties, KpiPayment, kind):
    """Oracle, feeds, the project's payee; deal and consumers of the feeds. The fixture writes nonsense."""
    tx = deploy(kind)
    event = tx.events["SwapDealDeployed"]
    payment = KpiPayment.at(event["swap"])
    terms = payment.terms().dict()
    assert terms["oracle"] == base.oracle
    assert (bytes(terms["feed"]), bytes(terms["valueFeed"])) == (
        bytes(event["feed"]),
        bytes(event["valueFeed"]),
    )
    assert terms["payee"] == (event["treasury"] if kind == "project" else parties.stranger)
    for feed in (event["feed"], event["valueFeed"]):
        config = plain(base.oracle.configOf(feed))
        assert (config[0], config[-1]) == (plain(bytes(event["termsHash"])), (payment.address.lower(),))
    assert payment.state() == State.AGREED
    assert terms["payeeStarts"] == (kind == "project")


def test_a_project_begins_and_earns(launch_project, parties):
    """The parts fit: sold, settled, funded, and revenue comes in."""
    project = launch_project.sell(launch_project())
    tx = earn(project, parties, 5)
    said(tx, "RevenueReceived", line=POWER, **{"from": parties.issuer}, amount=5)
    project.payment.fund(PAYER, 5 * K, {"from": project.provider})
    assert project.payment.partyOf(PAYEE) == project.treasury


# ---------------------------------------------------------------- a swap between two parties


def test_a_swap_between_two_parties_has_no_other_parts(deploy, parties):
    event = deploy("swap").events["SwapDealDeployed"]
    assert [event[name] for name in ("token", "treasury", "offering")] == [ZERO] * 3


@KINDS
def test_without_a_model_there_is_no_value_feed(deploy, KpiPayment, kind):
    tx = deploy(kind, rule=LAST_FIXING)
    assert names(tx).count("FeedCreated") == 1
    assert plain(tx.events["SwapDealDeployed"]["valueFeed"]) == plain(NO_FEED)
    assert plain(KpiPayment.at(tx.events["SwapDealDeployed"]["swap"]).terms()[5]) == plain(NO_FEED)


# ---------------------------------------------------------------- one deal for a deployer and a hash


def with_hash(launch_project, terms_hash, **changes):
    """The terms of a project whose file would have this hash."""
    project = launch_project(deploy=False, **changes)
    project.terms[0] = (terms_hash, *project.terms[0][1:])
    return project


@pytest.mark.parametrize("first", ["project", "swap"])
@pytest.mark.parametrize("second", ["project", "swap"])
def test_same_deployer_and_hash_twice(launch_project, swap_rooms, parties, first, second):
    """Of either kind: a hash stands for one deal."""
    project = with_hash(launch_project, evidence("a deal file"))
    calls = {
        "project": lambda: swap_rooms.factory.deployProject(*project.terms, {"from": parties.deployer}),
        "swap": lambda: swap_rooms.factory.deploySwap(project.terms[0], {"from": parties.deployer}),
    }
    calls[first]()
    before = plain(swap_rooms.factory.dealOf(parties.deployer, evidence("a deal file")))
    error = ("SwapFactory_AlreadyDeployed", parties.deployer, evidence("a deal file"))
    with refuses(swap_rooms.factory, *error):
        calls[second]()
    assert plain(swap_rooms.factory.dealOf(parties.deployer, evidence("a deal file"))) == before


def test_another_deployer_is_not_blocked(launch_project, swap_rooms, parties):
    """Somebody who copies the hash first, with terms of its own, takes nobody's place."""
    factory, terms_hash = swap_rooms.factory, evidence("a deal file")
    theirs = with_hash(launch_project, terms_hash, operator=parties.stranger.address)
    factory.deployProject(*theirs.terms, {"from": parties.stranger})
    ours = with_hash(launch_project, terms_hash)
    factory.deployProject(*ours.terms, {"from": parties.deployer})
    deals = [plain(factory.dealOf(who, terms_hash)) for who in (parties.stranger, parties.deployer)]
    assert not set(deals[0]) & set(deals[1])


@KINDS
def test_zero_terms_hash(launch_project, swap_rooms, parties, kind):
    project = with_hash(launch_project, b"\0" * 32)
    with refuses(swap_rooms.factory, "SwapFactory_ZeroTermsHash"):
        if kind == "project":
            swap_rooms.factory.deployProject(*project.terms, {"from": parties.deployer})
        else:
            swap_rooms.factory.deploySwap(project.terms[0], {"from": parties.deployer})


def test_unknown_deal_is_empty(swap_rooms, parties):
    nothing = (ZERO,) * 4 + ("0x" + "00" * 32,) * 2
    assert plain(swap_rooms.factory.dealOf(parties.stranger, evidence("nothing"))) == nothing


def test_a_stranger_who_creates_the_feeds_first_blocks_nothing(launch_project, swap_rooms, base, parties):
    """The swap's address can be predicted, so anyone can create the deal's feeds before the deal."""
    project = with_hash(launch_project, evidence("a deal file"))
    by = {"from": parties.deployer}
    predicted = swap_rooms.factory.deployProject.call(*project.terms, by)
    create = components_of(base.oracle, "createFeed")
    fields = [c["name"] for c in create]
    for policy, feed in zip(project.terms[0][2:], predicted[4:], strict=True):
        values = dict(zip(fields, policy, strict=True))
        values |= {"deal": evidence("a deal file"), "consumers": [predicted[3]]}
        made = base.oracle.createFeed(tuple_of(create, values), {"from": parties.stranger})
        assert str(made.return_value) == str(feed)
    tx = swap_rooms.factory.deployProject(*project.terms, by)
    assert plain(tx.return_value) == plain(predicted)
    assert "FeedCreated" not in names(tx)


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
    launch_project, swap_rooms, parties, KpiPayment, RevenueTreasury, Offering, changes, source, error
):
    containers = {"KpiPayment": KpiPayment, "RevenueTreasury": RevenueTreasury, "Offering": Offering}
    bad = with_hash(launch_project, evidence("a deal file"), **changes)
    with refuses(containers[source], f"{source}_InvalidTerms", error):
        swap_rooms.factory.deployProject(*bad.terms, {"from": parties.deployer})
    assert plain(swap_rooms.factory.dealOf(parties.deployer, evidence("a deal file")))[3] == ZERO
    good = with_hash(launch_project, evidence("a deal file"))
    swap_rooms.factory.deployProject(*good.terms, {"from": parties.deployer})  # the hash is still free


def test_an_invalid_feed_stops_the_whole_deal(launch_project, swap_rooms, base, parties):
    project = launch_project(deploy=False)
    names_ = [c["name"] for c in components_of(base.oracle, "createFeed")]
    policy = list(project.terms[0][3])
    policy[names_.index("quorum")] = 2
    project.terms[0] = (*project.terms[0][:3], tuple(policy))
    for call in (
        lambda: swap_rooms.factory.deployProject(*project.terms, {"from": parties.deployer}),
        lambda: swap_rooms.factory.deploySwap(project.terms[0], {"from": parties.deployer}),
    ):
        with refuses(base.oracle, "KpiOracle_InvalidConfig", "quorum not a majority of signers"):
            call()
    assert plain(swap_rooms.factory.dealOf(parties.deployer, hash_of(project)))[3] == ZERO


@pytest.mark.parametrize("moment", [1, 2], ids=["before", "after"])
@pytest.mark.parametrize("part", ["token", "treasury", "offering", "swap"])
def test_factory_cannot_be_caught_half_way(
    launch_project, swap_rooms, base, parties, ReentrantCurrency, moment, part
):
    """The treasury's approvals are the only calls of the currency, made when all other parts are initialised:
    from inside, nothing can be taken over."""
    currency = ReentrantCurrency.deploy(6, {"from": parties.deployer})
    project = launch_project(currency=currency, deploy=False)
    by = {"from": parties.deployer}
    deal = swap_rooms.factory.deployProject.call(*project.terms, by)
    parts = dict(zip(("token", "treasury", "offering", "swap"), deal, strict=False))
    token, _, offering = base.implementations
    stranger = parties.stranger
    takeovers = {
        "token": token.initialize.encode_input("a", "b", stranger, stranger),
        "treasury": swap_rooms.treasury.initialize.encode_input(
            (deal[0], currency, stranger, ZERO, stranger, stranger, [(1, 1, 1)])
        ),
        "offering": offering.initialize.encode_input(
            (deal[0], stranger, currency, stranger, 1, 1, 1, 0, 1, ())
        ),
        "swap": swap_rooms.payment.initialize.encode_input(project.terms[0][1]),
    }
    currency.arm(moment, parts[part], takeovers[part], {"from": stranger})
    tx = swap_rooms.factory.deployProject(*project.terms, by)
    assert currency.attacked()
    assert not currency.succeeded()
    assert plain(tx.return_value) == plain(deal)
    assert decode_typed_error(str(currency.answer())) == error_text(token, "InvalidInitialization")


def test_factory_keeps_no_power(launch_project, swap_rooms):
    writes = sorted(
        f["name"]
        for f in swap_rooms.factory.abi
        if f["type"] == "function" and f["stateMutability"] == "nonpayable"
    )
    assert writes == ["deployProject", "deploySwap"]
    project = launch_project()
    powers = [project.token.minter(), project.token.servicer(), project.token.anchors()[3]]
    powers += list(project.treasury.terms())[:6] + list(project.payment.terms())[:4]
    assert swap_rooms.factory.address not in [str(power) for power in powers]


def test_clones_cannot_be_initialised_again(launch_project, swap_rooms, parties):
    project = launch_project()
    by = {"from": parties.stranger}
    for payment in (project.payment, swap_rooms.payment):
        with refuses(payment, "InvalidInitialization"):
            payment.initialize(project.payment.terms(), by)
    with refuses(project.token, "InvalidInitialization"):
        project.token.initialize("a", "b", parties.stranger, parties.stranger, by)
    with refuses(project.offering, "InvalidInitialization"):
        project.offering.initialize(project.offering.terms(), by)
