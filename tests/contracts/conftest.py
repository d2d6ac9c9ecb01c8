"""Fixtures for brownie's pytest: `brownie test tests/contracts`. Each *.tree file lists a contract's
branches.

brownie starts Anvil itself, here on a free port. To run the same tests on Ganache, start it first, and
brownie attaches to it with PENSTOCK_BROWNIE_PORT=8545: `ganache --chain.hardfork shanghai
--wallet.deterministic --miner.blockGasLimit 12000000 --chain.vmErrorsOnRPCResponse true`.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import time
from types import SimpleNamespace

import pytest

from tests.contracts import material

UNLIMITED = 2**256 - 1


def _port_of_its_own() -> None:
    """brownie takes port 8545 and joins whatever answers there: the tests would move the clock of a chain
    that a user has running, and fail on it."""
    from brownie._config import CONFIG

    given = os.environ.get("PENSTOCK_BROWNIE_PORT")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(given or probe.getsockname()[1])
    for network in CONFIG.networks.values():
        if "cmd_settings" in network:
            network["cmd_settings"]["port"] = port


_port_of_its_own()


@pytest.fixture(scope="session", autouse=True)
def cheap_isolation():
    """brownie runs gc.collect() twice a test; what is loaded by now need not be looked through each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def pays_for_gas():
    """Ganache has a base fee that no option takes away; brownie offers nothing for gas on its default
    network."""
    from brownie import network

    from tests.contracts.clock import is_ganache

    if is_ganache():
        network.gas_price("auto")


@pytest.fixture(scope="session", autouse=True)
def a_second_a_block():
    """Otherwise blocks follow the clock on the wall, and what a test pays or owes depends on the machine's
    speed. Ganache knows no such setting."""
    from brownie import web3

    from tests.contracts.clock import is_ganache

    if not is_ganache():
        web3.provider.make_request("anvil_setBlockTimestampInterval", [1])


@pytest.fixture(scope="session", autouse=True)
def patient_look_up():
    """While Anvil mines a block, a sender's nonce is already the new one and the receipt is not there yet.
    brownie 1.22.2 then takes the transaction for dropped, most often one of many million gas; so look
    again."""
    from brownie import web3
    from web3.exceptions import TransactionNotFound

    def patient(look_up):
        def again(txid):
            for _ in range(100):
                try:
                    return look_up(txid)
                except TransactionNotFound:
                    time.sleep(0.02)
            return look_up(txid)

        return again

    for name in ("get_transaction", "get_transaction_receipt"):
        setattr(web3.eth, name, patient(getattr(web3.eth, name)))
    yield
    for name in ("get_transaction", "get_transaction_receipt"):
        delattr(web3.eth, name)


@pytest.fixture(scope="module")
def parties(accounts):
    names = ["deployer", "issuer", "agent", "investor", "other", "third", "stranger", "relay"]
    return SimpleNamespace(**dict(zip(names, accounts, strict=False)))


@pytest.fixture(scope="module")
def base(parties, IdentityRegistry, KpiOracle, SecurityToken, KpiBond, Offering, DealFactory, TestCurrency):
    """The shared contracts, three verified investors with money."""
    from tests.contracts.clock import now

    by = {"from": parties.deployer}
    registry = IdentityRegistry.deploy(parties.deployer, by)
    oracle = KpiOracle.deploy(by)
    implementations = [c.deploy(by) for c in (SecurityToken, KpiBond, Offering)]
    factory = DealFactory.deploy(by)
    expiry = now() + 20 * 365 * material.DAY
    for account in (parties.investor, parties.other, parties.third):
        registry.setIdentity(account, (expiry, material.USA, material.RETAIL), by)
    currency = TestCurrency.deploy("Test dollar", "TUSD", 6, by)
    for account in (parties.investor, parties.other, parties.third, parties.issuer):
        currency.mint(account, 10**6 * material.MILLION, by)
    return SimpleNamespace(
        currency=currency,
        registry=registry,
        oracle=oracle,
        factory=factory,
        implementations=implementations,
        expiry=expiry,
    )


@pytest.fixture(scope="module")
def plan_of(parties, base):
    """plan_of(currency=, unit=, units=, oracle_overrides=, **overrides): the terms of a deal starting now."""
    from tests.contracts.clock import now

    def make(currency=None, unit=1_000 * material.MILLION, units=100, oracle_overrides=None, **overrides):
        return material.Plan(
            now=now(),
            currency=(currency or base.currency).address,
            registry=base.registry.address,
            issuer=parties.issuer.address,
            agent=parties.agent.address,
            unit=unit,
            units=units,
            overrides=overrides,
            oracle_overrides=oracle_overrides or {},
        )

    return make


@pytest.fixture(scope="module")
def terms_of(base, parties):
    """terms_of(plan, who=): the plan as the factory takes it from the deployer, or somebody else."""
    from tests.contracts import wiring

    return lambda plan, who=None: wiring.bond(base, plan.terms(), who or parties.deployer).arguments


@pytest.fixture(scope="module")
def launch(parties, base, plan_of, SecurityToken, KpiBond, Offering):
    """launch(**plan) deploys a deal through the factory; launch.sell(deal) sells and settles it."""
    from tests.contracts import wiring
    from tests.contracts.clock import warp

    def deploy(currency=None, **changes):
        currency = currency or base.currency
        plan = plan_of(currency=currency, **changes)
        wired = wiring.bond(base, plan.terms(), parties.deployer)
        tx = base.factory.deploy(*wired.arguments, {"from": parties.deployer})
        deal = SimpleNamespace(
            plan=plan,
            tx=tx,
            wired=wired,
            feeds=wired.feeds,
            feed=next(iter(wired.feeds), None),
            token=SecurityToken.at(wired.at["token"]),
            bond=KpiBond.at(wired.at["bond"]),
            offering=Offering.at(wired.at["offering"]),
            oracle=base.oracle,
            currency=currency,
        )
        for account in (parties.investor, parties.other, parties.third):
            currency.approve(deal.offering, UNLIMITED, {"from": account})
        currency.approve(deal.bond, UNLIMITED, {"from": parties.issuer})
        return deal

    def sell(deal, **holdings):
        """holdings: units by party name; sold in the window, then settled after it."""
        warp(deal.plan.opens)
        for name, units in (holdings or {"investor": 60, "other": 40}).items():
            deal.offering.subscribe(units, {"from": getattr(parties, name)})
        warp(deal.plan.closes)
        deal.offering.settle({"from": parties.stranger})
        return deal

    deploy.sell, deploy.plan_of, deploy.base = sell, plan_of, base
    return deploy


@pytest.fixture(scope="module")
def live(launch):
    """A sold and active bond: investor 60 units, other 40."""
    return launch.sell(launch())


@pytest.fixture(autouse=True)
def isolation(fn_isolation):
    """Each test starts from the state the module's fixtures left."""


@pytest.fixture(scope="module")
def report(parties, chain):
    """report(deal, values, nodes=, version=, period=, at=) submits a signed report as the relay;
    report.sign makes the observations only. `deal` is anything with .feed and .oracle."""
    from tests.contracts.clock import now

    def make(deal, values, nodes=(0, 1, 2, 3), *, at=None, period=0, version=0, **changes):
        pairs = sorted(zip(values, nodes, strict=False))  # as many nodes as values
        assert len(pairs) == len(values)
        return [
            material.observation(
                deal.feed,
                value,
                node,
                at=at or now(),
                chain_id=chain.id,
                oracle=deal.oracle.address,
                period=period,
                version=version,
                **changes,
            )
            for value, node in pairs
        ]

    def send(deal, values, nodes=(0, 1, 2, 3), *, period=0, version=0, **changes):
        observations = make(deal, values, nodes, period=period, version=version, **changes)
        return deal.oracle.submit(deal.feed, period, version, observations, {"from": parties.relay})

    send.sign = make
    return send


@pytest.fixture(scope="module")
def new_feed(base, plan_of, parties):
    """new_feed(**changes): a feed without a deal, of two periods that end in 1 and 100 days; the third
    party consumes."""
    from tests.contracts.clock import now

    def make(**changes):
        ends = [now() + material.DAY, now() + 100 * material.DAY]
        policy = plan_of().oracle_policy() | {"consumers": [parties.third.address], "periodEnds": ends}
        config = material.tuple_of(material.components_of(base.oracle, "createFeed"), policy | changes)
        created = base.oracle.createFeed(config, {"from": parties.deployer})
        return SimpleNamespace(feed=bytes(created.return_value), oracle=base.oracle, ends=ends)

    return make


@pytest.fixture(scope="module")
def feed(new_feed, report, base, parties):
    """A pending report of 200, an hour after its period; investor, other and issuer can stake and fund."""
    from tests.contracts.clock import warp

    made = new_feed()
    warp(made.ends[0] + 3_600)
    made.final_at = report(made, [100, 200, 300]).timestamp + 14 * material.DAY
    for account in (parties.investor, parties.other, parties.issuer):
        base.currency.approve(made.oracle, UNLIMITED, {"from": account})
    return made


@pytest.fixture
def challenged(feed, parties):
    """The pending feed, challenged by investor."""
    from tests.contracts.disputes import challenge

    feed.challenged_at = challenge(feed, parties.investor).timestamp
    return feed


@pytest.fixture
def rule(parties, chain):
    """rule(deal, verdict, value=0, members=(0, 1), version=, period=, signed=): the panel signs, a stranger
    brings it. rule.sign(...): what it signs for the report that is there, to be brought later as `signed`."""
    from tests.contracts.disputes import report_evidence

    def make(deal, verdict, value=0, members=(0, 1), *, period=0, version=0):
        return material.ruling(
            deal.feed,
            verdict,
            value,
            members,
            chain_id=chain.id,
            oracle=deal.oracle.address,
            report=report_evidence(deal, period),
            period=period,
            version=version,
        )

    def bring(deal, verdict, value=0, members=(0, 1), *, period=0, signed=None, **changes):
        root, signatures = signed or make(deal, verdict, value, members, period=period, **changes)
        return deal.oracle.rule(
            deal.feed, period, verdict, value, root, signatures, {"from": parties.stranger}
        )

    bring.sign = make
    return bring


@pytest.fixture(scope="module")
def clone_of(parties):
    """clone_of(Container, implementation, arguments=b""): a clone that nobody has initialised."""

    def make(container, implementation, arguments=b""):
        tx = parties.deployer.transfer(data=material.clone_code(implementation.address, arguments))
        return container.at(tx.contract_address)

    return make


@pytest.fixture(scope="module")
def launch_swap(parties, base, plan_of, clone_of, KpiPayment):
    """launch_swap(currency=, rule=, posted=, **changes): a swap whose first quarter is to come, begun with
    what each side has posted, by default what it must; changes are of its terms. Investor is the payer,
    issuer the project. `begin=False` and `initialise=False` stop before."""
    from tests.contracts import swaps
    from tests.contracts.clock import now

    implementation = KpiPayment.deploy({"from": parties.deployer})

    def launch(currency=None, rule=swaps.MODEL_VALUE, initialise=True, begin=True, posted=None, **changes):
        currency = currency or base.currency
        swap = SimpleNamespace(currency=currency, oracle=base.oracle, implementation=implementation)
        swap.one = 10 ** int(currency.decimals())
        swap.payment = clone_of(KpiPayment, implementation)
        swaps.dates(swap, now() + material.DAY)
        swaps.feeds(swap, plan_of().oracle_policy(), parties.deployer)
        components = material.components_of(swap.payment, "initialize")
        terms = swaps.terms(swap, parties, rule, **changes)
        swap.terms = material.tuple_of(components, terms)
        for account in (parties.investor, parties.issuer, parties.stranger):
            currency.approve(swap.payment, UNLIMITED, {"from": account})
        if initialise:
            swap.tx = swap.payment.initialize(swap.terms, {"from": parties.stranger})
        if initialise and begin:
            amounts = posted or terms["requiredCollateral"]
            for side, who in enumerate((parties.investor, parties.issuer)):
                swaps.post(swap, side, amounts[side], who)
            swap.payment.activate({"from": parties.stranger})
        return swap

    return launch


@pytest.fixture(scope="module")
def swap(launch_swap, parties):
    """A running swap of full recourse, by model value: the payer posted 60,000, the project 4,000."""
    from tests.contracts import swaps

    return launch_swap(posted=(60 * swaps.K, 4 * swaps.K))


@pytest.fixture(scope="module")
def swap_rooms(base, parties, RevenueTreasury, KpiPayment):
    """The implementations that projects have and bonds do not."""
    by = {"from": parties.deployer}
    return SimpleNamespace(treasury=RevenueTreasury.deploy(by), payment=KpiPayment.deploy(by))


@pytest.fixture(scope="module")
def launch_project(
    parties, base, accounts, plan_of, swap_rooms, SecurityToken, RevenueTreasury, Offering, KpiPayment
):
    """launch_project(currency=, rule=, swap=, quarters=, **changes) deploys a project by the factory, with
    changes of its own terms and, in `swap`, of its swap's; launch_project.sell(project, posted=) sells
    it, with what the provider has posted, by default what it must."""
    from tests.contracts import projects, swaps, wiring
    from tests.contracts.clock import now, warp

    def launch(
        currency=None,
        rule=swaps.MODEL_VALUE,
        swap=None,
        deploy=True,
        quarters=4,
        terms_hash=None,
        who=None,
        **changes,
    ):
        currency, who = currency or base.currency, who or parties.deployer
        project = projects.plan(now(), accounts, parties, currency, base.oracle, quarters)
        policy = plan_of(currency=currency).oracle_policy()
        values = (
            projects.swap_terms(project, parties, policy, rule, **(swap or {})),
            projects.project_terms(project, parties, base.registry, **changes),
        )
        project.terms_hash = values[0]["termsHash"] = terms_hash or values[0]["termsHash"]
        project.values, project.factory = values, base.factory
        project.wired = wiring.project(base, swap_rooms, *values, who)
        if not deploy:
            return project
        project.tx = base.factory.deploy(*project.wired.arguments, {"from": who})
        project.token = SecurityToken.at(project.wired.at["token"])
        project.treasury = RevenueTreasury.at(project.wired.at["treasury"])
        project.offering = Offering.at(project.wired.at["offering"])
        project.payment = KpiPayment.at(project.wired.at["swap"])
        project.feed, project.value_feed = (*project.wired.feeds, wiring.NO_FEED)[:2]
        for account in (parties.investor, parties.other, parties.third, parties.issuer):
            for spender in (project.offering, project.treasury, project.payment):
                currency.approve(spender, UNLIMITED, {"from": account})
        return project

    def sell(project, posted=None, **holdings):
        required = project.payment.terms()["requiredCollateral"][0]
        swaps.post(project, swaps.PAYER, posted or required, project.provider)
        warp(project.opens)
        for name, units in (holdings or {"investor": 60, "other": 40}).items():
            project.offering.subscribe(units, {"from": getattr(parties, name)})
        warp(project.closes)
        project.offering.settle({"from": parties.stranger})
        return project

    launch.sell = sell
    return launch


@pytest.fixture(scope="module")
def project(launch_project, parties):
    """A sold project, investor 60 units, other 40; the provider has posted 60,000 on its swap."""
    from tests.contracts import swaps

    return launch_project.sell(launch_project(), posted=60 * swaps.K)


@pytest.fixture(scope="module")
def plain_treasury(parties, base, clone_of, new_token, swap_rooms, accounts, RevenueTreasury):
    """plain_treasury(currency=, **changes): a treasury without a swap, begun by the deployer, whose token has
    100 units: investor 60, other 40. `begun=False` leaves that out."""
    from tests.contracts import projects
    from tests.contracts.clock import now

    def make(currency=None, begun=True, **changes):
        made = projects.plan(now(), accounts, parties, currency or base.currency, base.oracle)
        made.treasury = clone_of(RevenueTreasury, swap_rooms.treasury)
        made.token = new_token(made.currency, servicer=made.treasury)
        sold = projects.project_terms(made, parties, base.registry)
        values = {name: sold[name] for name in ("operator", "lender", "periods")} | {
            "token": made.token.address,
            "currency": made.currency.address,
            "offering": parties.deployer.address,
            "swap": "0x" + "00" * 20,
        }
        components = material.components_of(made.treasury, "initialize")
        made.terms = material.tuple_of(components, values | changes)
        made.tx = made.treasury.initialize(made.terms, {"from": parties.deployer})
        made.currency.approve(made.treasury, UNLIMITED, {"from": parties.issuer})
        for name, units in (("investor", 60), ("other", 40)):
            made.token.mint(getattr(parties, name), units, {"from": parties.deployer})
        if begun:
            made.treasury.activate({"from": parties.deployer})
        return made

    return make


@pytest.fixture(scope="module")
def new_token(parties, base, clone_of, SecurityToken):
    """new_token(currency=, registry=, holding=, servicer=): a claim token whose minter is the deployer and
    servicer the relay."""
    from eth_abi import encode

    def make(currency=None, registry=None, holding=None, servicer=None):
        anchors = (
            (registry or base.registry).address,
            bytes.fromhex((holding or material.policy())[2:]),
            (currency or base.currency).address,
            parties.agent.address,
            material.evidence("terms"),
        )
        arguments = encode(["address", "bytes32", "address", "address", "bytes32"], anchors)
        token = clone_of(SecurityToken, base.implementations[0], arguments)
        token.initialize(
            "Claim", "CLM", parties.deployer, servicer or parties.relay, {"from": parties.deployer}
        )
        return token

    return make


@pytest.fixture(scope="module")
def token(new_token, parties):
    """A claim token of 100 units: investor 60, other 40."""
    made = new_token()
    made.mint(parties.investor, 60, {"from": parties.deployer})
    made.mint(parties.other, 40, {"from": parties.deployer})
    return made


@pytest.fixture(scope="module")
def pay(parties, base):
    """pay(token, amount): the issuer distributes an amount of the token's currency, having approved it."""

    def distribute(token, amount, currency=None):
        (currency or base.currency).approve(token, UNLIMITED, {"from": parties.issuer})
        return token.distribute(amount, {"from": parties.issuer})

    return distribute


def pytest_terminal_summary(terminalreporter):
    """The measured gas as a table, for the README."""
    measured = sys.modules.get("gas_table")
    if measured and measured.ROWS:
        terminalreporter.section("gas")
        terminalreporter.write(measured.render())
