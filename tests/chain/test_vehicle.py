"""A vehicle on a chain: what is checked of it, an issue that fails, and a record without an oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from random import Random

import pytest

from chain.bindings import contract, read
from chain.check import check_deployment
from chain.kinds import plan_of
from chain.ledger import read_ledger
from chain.network import LocalChain, reach_time, start_anvil
from chain.plan import dates_of
from chain.reconcile import reconcile
from chain.records import DeploymentRecord
from chain.sender import GasLog
from finance.settlement.acts import Act
from finance.terms import Deal, load_deal, parse_deal
from finance.terms.reader import read_deal_yaml
from scripts.demo.company import Company
from scripts.demo.conductor import ACCOUNTS
from tests.chain.test_chain_deploy import changed_code
from tests.joined_deals import DEALS
from tests.kinds.deals import short
from tests.kinds.test_kinds_chain import lived
from tests.settlement.twins import DAY

POOL, SAVINGS = DEALS / "viveracqua-hydrobond-2014.yaml", DEALS / "siheung-efficiency-abs.yaml"


def begun(chain: LocalChain, deal: Deal) -> Company:
    life = Company(chain, deal, GasLog(), dates_of(plan_of(deal)))
    life.deploy()
    life.begin()
    return life


@pytest.fixture(scope="module")
def pool() -> Iterator[Company]:
    """Deployed; nobody has done anything."""
    deal = load_deal(POOL)
    first = dates_of(plan_of(deal))[0]
    with start_anvil(timestamp=first - DAY, accounts=ACCOUNTS) as chain:
        yield begun(chain, deal)


def test_terms_code_and_helpers_are_checked(pool: Company) -> None:
    """Also what the treasury's implementation stands on: another contract in its place is found."""
    assert check_deployment(pool.w3, pool.record) == []
    made = pool.record.parts["hydrobond"].implementation
    treasury = contract(pool.w3, "Treasury", made).functions
    for view, name in (
        ("CHECKS", "WaterfallTerms"),
        ("ENGINE", "WaterfallEngine"),
        ("LEGS", "SwapLegs"),
    ):
        helper = str(read(treasury[view]()))
        code = bytes(pool.w3.eth.get_code(helper))  # type: ignore[arg-type]
        with changed_code(pool.chain, helper, code[:-60] + bytes([code[-60] ^ 1]) + code[-59:]):
            found = {each.field: each.actual for each in check_deployment(pool.w3, pool.record)}
            assert found == {"hydrobond.implementation": f"Treasury with another {name}"}
        own = bytes(pool.w3.eth.get_code(made))  # type: ignore[arg-type]
        other = bytes.fromhex(pool.record.shared["currency"][2:])
        with changed_code(pool.chain, made, own.replace(bytes.fromhex(helper[2:]), other)):
            found = {each.field: each.actual for each in check_deployment(pool.w3, pool.record)}
            assert found["hydrobond.implementation"] == f"Treasury with another {name}"


def test_another_waterfall_is_found(pool: Company) -> None:
    """The deal of investors says steps in another order than the chain."""
    tree = read_deal_yaml(POOL)
    steps = tree["parts"]["hydrobond"]["steps"]
    steps[1], steps[2] = steps[2], steps[1]
    found = check_deployment(pool.w3, pool.record, parse_deal(tree))
    assert any(".terms.steps[1]" in each.field for each in found)


def test_a_deal_that_reads_no_oracle_needs_none(pool: Company) -> None:
    """Its record names none, and it reconciles."""
    assert pool.record.shared.keys() == {"registry", "currency", "factory"}
    again = DeploymentRecord.model_validate_json(pool.record.to_json())
    assert again == pool.record
    result = reconcile(pool.w3, pool.record)
    assert result.ok
    assert result.not_yet


def test_where_one_sale_fails_everybody_has_their_money_back(seed: int) -> None:
    """Two tranches: one is sold and one is not; neither begins, and what filled the pot goes back."""
    deal = load_deal(SAVINGS)
    dates = dates_of(plan_of(deal))
    with start_anvil(timestamp=dates[0] - DAY, accounts=ACCOUNTS) as chain:
        life = begun(chain, deal)
        reach_time(life.w3, dates[0])
        list(life.round())  # the pot is filled
        sponsor = life.record.wallets["payer.aggregator"]
        treasury = life.record.addresses["efficiency"]
        assert life.balance(treasury) == 900_000_000 * 10**6
        units = life.on_sale()["senior-sale"]
        life.subscribe("senior-sale", units)
        before = life.balance(sponsor)
        # Nobody buys the rest: once its sale is over nothing of the vehicle can begin.
        reach_time(life.w3, dates[1] + 31 * DAY)
        world = life.look()
        pay = Act(life.stranger.address, "efficiency", "pay", {}, world.at, world.block)
        assert not world.takes(pay)
        list(life.round())
        assert life.balance(treasury) == 0
        assert life.balance(sponsor) == before + 900_000_000 * 10**6
        while owing := life.look().owing():
            for act in owing:
                life.do(act)
        result = reconcile(life.w3, life.record)
        assert result.ok, result.differences
        assert {row.kind for row in result.rows if row.actual} >= {"deposit", "returned", "refund"}
        assert life.balance(life.record.addresses["senior-sale"]) == 0


def test_what_is_written_off_is_paid_to_nobody(seed: int) -> None:
    """Whatever came in was spent, or is still there; what a loan loses is neither."""
    tree = deepcopy(short(SAVINGS))
    loss = {"write_down": ["senior"], "limit": {"value": 1_000_000, "assumed": "a loss each year"}}
    tree["parts"]["efficiency"]["steps"].insert(0, loss)
    result = lived(parse_deal(tree), Random(seed)).result
    assert result.ok, result.differences
    sums = Counter[str]()
    for row in result.rows:
        sums[row.kind] += row.actual
    assert sums["written_off"] >= 5 * 10**12
    assert sums["deposit"] + sums["revenue"] == sums["spent"] + sums["carried"]
    assert not [row for row in result.rows if row.kind == "spent" and row.detail.startswith("step 1:")]


def test_a_stranger_can_neither_pay_a_line_nor_a_period_early(pool: Company) -> None:
    world = pool.look()
    for call, arguments in (
        ("receive_revenue", {"line": world.parts["hydrobond"].terms.lines[0].name, "amount": 1}),
        ("pay", {}),
        ("withdraw", {"payee": 0}),
        ("return_money", {"pot": 1}),
        ("activate", {}),
    ):
        act = Act(pool.stranger.address, "hydrobond", call, arguments, world.at, world.block)
        after, done = world.tried(act) if call == "withdraw" else (world, None)
        assert done is None or done.flows == []
        assert call == "withdraw" or not after.takes(act)


def test_the_tables_of_its_ledger(pool: Company) -> None:
    ledger = read_ledger(pool.w3, pool.record)
    assert {"waterfall", "income", "covenants", "revenue", "withdrawals", "turns"} <= {*ledger.names}
    assert ledger.table("waterfall").empty
