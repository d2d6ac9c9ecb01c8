"""After every block of a deal's life, what the views say is what the contracts say at that block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from api.index.reader import Deployment, _Known
from api.instruments import Case, instrument_of
from chain.bindings import contract, read
from chain.deploy import local_keys
from chain.errors import ChainError
from chain.kinds import plan_of
from chain.ledger import read_ledger
from chain.network import LocalChain, reach_time, start_anvil
from chain.plan import dates_of
from chain.sender import GasLog
from finance.settlement.terms import SettlementTerms, settlement_terms
from finance.terms import load_deal
from scripts.demo.company import Company, Reading
from tests.chain.bond_life import (
    BEFORE_THE_OFFERING,
    COUPON_DATES,
    THOUSAND,
    Life,
    at,
    small_deal,
    whole_life,
)
from tests.chain.swap_life import BEFORE, project_life, rain_life

DEALS = Path(__file__).parents[2] / "deals"
BOND_STATES = {
    0: {"announced", "offering", "sold", "failed"},
    1: {"active"},
    2: {"defaulted"},
    3: {"accelerated"},
    4: {"redeemed"},
}
OFFERING_STATES = ("announced", "offering", "sold", "failed", "settled")
SWAP_STATES = (
    "none",
    "agreed",
    "active",
    "defaulted",
    "matured",
    "closed_out",
    "terminated",
    "lapsed",
)
STATUS = ("none", "pending", "challenged", "final", "missing")


def facts(case: Case) -> dict[str, int]:
    return {fact.name: int(fact.value) for fact in case.instrument.state(case).facts}


def cases(life: Any, kind: str, step: int = 1) -> Iterator[tuple[int, Case]]:
    """The case after each block, read from the chain to that block only."""
    known = _Known(life.record, life.deal.lead)
    deployment = Deployment(life.deal.id, life.deal.id, kind, life.record.block, 0, known)
    head = life.w3.eth.block_number
    for block in sorted({*range(life.record.block, head, step), head}):
        ledger = read_ledger(life.w3, life.record, block)
        yield block, Case(deployment, instrument_of(kind), ledger, ledger.time)


def check_oracle(life: Any, case: Case, block: int) -> None:
    """Status, value and reward pool of every feed."""
    oracle = contract(life.w3, "KpiOracle", life.record.addresses["oracle"]).functions
    for slot in case.slots.values():
        held = read(oracle.reportOf(slot.feed_id, slot.period), block)
        assert slot.status == STATUS[held["status"]], (block, slot.period)
        if slot.last is not None:
            assert (slot.last.version, slot.final_at) == (held["version"], held["finalAt"])
            assert bool(slot.uses) == held["used"]
        if slot.status != "missing" and slot.value is not None:
            assert slot.value == held["value"]
    for feed in case.feeds:
        id = life.record.feeds[feed.kpi]
        assert case.oracle.reward_pool(id) == read(oracle.rewardPool(id), block)


def check_bond(life: Any, step: int = 1) -> set[str]:
    """The states that it went through."""
    at_ = life.record.addresses
    bond, token = (
        contract(life.w3, name, at_[role]).functions
        for name, role in (("KpiBond", "bond"), ("SecurityToken", "token"))
    )
    offering = contract(life.w3, "Offering", at_["offering"]).functions
    money = contract(life.w3, "IERC20", at_["currency"]).functions
    seen = set()
    for block, case in cases(life, "kpi_bond", step):
        state = case.instrument.state(case)
        seen.add(state.state)
        assert state.state in BOND_STATES[read(bond.state(), block)], block
        if read(bond.state(), block) == 0:
            assert state.state == OFFERING_STATES[read(offering.state(), block)], block
        figures = facts(case)
        assert figures["units"] == read(token.totalSupply(), block)
        assert figures["coupons_paid"] == read(bond.couponsPaid(), block)
        assert figures["held"] == read(money.balanceOf(at_["bond"]), block)
        assert figures["unclaimed"] == read(money.balanceOf(at_["token"]), block)
        if state.state in ("active", "defaulted"):
            assert figures["principal"] == read(bond.principal(), block)
        if state.state == "active":
            check_next(case, bond, block)
        check_oracle(life, case, block)
    return seen


def check_next(case: Case, bond: Any, block: int) -> None:
    """The next payment as the bond itself will make it, unless it waits for a report that is not fixed."""
    paid = read(bond.couponsPaid(), block)
    coming = next(p for p in case.instrument.payments(case) if p.status != "paid")
    assert coming.index == paid
    try:
        due, amount = read(bond.nextPayment(), block)
    except ChainError:
        assert coming.amount is None or any(s.what == "fix" for s in case.instrument.state(case).steps)
        return
    assert coming.date == due
    # nextPayment is what is due before sharing out; what is paid is a whole number of minor units to each.
    units = facts(case)["units"]
    assert coming.amount is not None
    assert coming.per_unit is not None
    assert int(coming.amount) == int(coming.per_unit) * units
    assert abs(amount - int(coming.amount)) < units


@pytest.mark.parametrize("value", [420_000, pytest.param(100_000, marks=pytest.mark.slow), None])
def test_bond_at_every_block(value: int | None) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = whole_life(chain, value)
        seen = check_bond(life)
        assert seen == {"offering", "sold", "active", "redeemed"}


def test_bond_that_defaults_and_is_accelerated(chain: LocalChain) -> None:
    life = Life(chain, small_deal())
    life.sell(a=4, b=3)
    life.settle()
    life.fund(1 * THOUSAND)
    life.coupon(COUPON_DATES[0])
    for date in COUPON_DATES[1:8]:
        life.coupon(date)
    # 66.7 of the last coupon's 116.7 is left; after its grace period anybody may say so.
    held = read(life.currency.balanceOf(life.record.addresses["bond"]))
    reach_time(life.w3, at(COUPON_DATES[8]) + life_terms(life).grace_seconds + 1)
    life.send(life.c, life.bond.fix(0))
    life.send(life.c, life.bond.declareDefault())
    reach_time(life.w3, life.w3.eth.get_block("latest")["timestamp"] + life_terms(life).cure_seconds + 1)
    life.send(life.c, life.bond.accelerate())
    life.send(life.c, life.bond.recover())
    assert held < 117 * THOUSAND
    assert check_bond(life) == {"offering", "sold", "active", "defaulted", "accelerated"}


def life_terms(life: Life) -> SettlementTerms:
    return settlement_terms(life.deal)


def test_offering_that_fails() -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING - 86_400) as chain:
        life = Life(chain, small_deal())
        reach_time(life.w3, BEFORE_THE_OFFERING)
        life.sell(a=4)
        reach_time(life.w3, at("2016-09-30"))
        life.send(life.a, life.offering.refund(3))
        assert check_bond(life) == {"announced", "offering", "failed"}


class Signed(Company):
    """A bond of the deal book at its full size, whose nodes sign what a test says."""

    def report(self, reading: Reading, value: int) -> None:
        seen, keys = reading.ends + 60, local_keys(self.record.wallets)
        functions = self.oracle.functions
        observations = []
        for index, node in enumerate(read(functions.configOf(reading.id))["signers"]):
            said = (reading.id, reading.period, 0, value, seen, "0x" + "ab" * 32)
            signed = Account.unsafe_sign_hash(read(functions.observationDigest(*said)), keys[node].key)
            compact = signed.s | (signed.v - 27) << 255  # EIP-2098
            r, vs = (number.to_bytes(32, "big") for number in (signed.r, compact))
            observations.append((value, seen, index, bytes.fromhex("ab" * 32), r, vs))
        self.relay.send(functions.submit(reading.id, reading.period, 0, observations))

    def whole(self, values: dict[int, int]) -> None:
        """From the issue to the last claim; `values`: what is reported of each period, else nothing is."""
        self.deploy()
        self.begin()
        agenda: list[tuple[int, Reading | None]] = [(date, None) for date in self.dates]
        for kpi, feed in self.feeds.items():
            self.stake(kpi)
            for period, ends in enumerate(feed.period_ends):
                if period in values:
                    agenda.append((ends + 3_600, Reading(feed, self.record.feeds[kpi], period)))
                else:
                    agenda.append((feed.missing_at(period), None))
        for at_, reading in sorted(agenda, key=lambda each: each[0]):
            reach_time(self.w3, at_)
            if reading is not None:
                self.report(reading, values[reading.period])
                continue
            for key, units in self.on_sale().items():
                self.subscribe(key, units)
            list(self.round())
        while owing := self.look().owing():
            for act in owing:
                self.do(act)


@pytest.mark.parametrize(
    ("deal", "values"),
    [
        ("enel-slb-2019", {0: 540_000}),
        pytest.param("singapore-ebus-loan", {0: 1_000, 1: 4_000, 3: 9_000}, marks=pytest.mark.slow),
        pytest.param("atlanta-eib-2019", {0: 70_000}, marks=pytest.mark.slow),
    ],
)
def test_bonds_with_steps_and_repayments(deal: str, values: dict[int, int]) -> None:
    terms = load_deal(DEALS / f"{deal}.yaml")
    with start_anvil(timestamp=settlement_terms(terms).opens - 86_400) as chain:
        life = Signed(chain, terms, GasLog(), dates_of(plan_of(terms)))
        life.whole(values)
        seen = check_bond(life, 13)
    assert {"offering", "active", "redeemed"} <= seen


def check_swap(life: Any) -> set[str]:
    at_ = life.record.addresses
    swap = contract(life.w3, "KpiPayment", at_["swap"]).functions
    money = contract(life.w3, "IERC20", at_["currency"]).functions
    seen = set()
    for block, case in cases(life, "kpi_payment"):
        state = case.instrument.state(case)
        seen.add(state.state)
        held = SWAP_STATES[read(swap.state(), block)]
        project = "treasury" in at_
        if project:
            check_project(life, case, block)
        if not project or state.state in SWAP_STATES:
            assert state.state == held, block
        figures = facts(case)
        assert figures["periods_settled"] == read(swap.periodsSettled(), block)
        assert figures["held"] == read(money.balanceOf(at_["swap"]), block)
        for number, side in enumerate(("payer", "payee")):
            account = read(swap.accountOf(number), block)
            assert figures[f"{side}_posted"] == account["balance"], block
            assert figures[f"{side}_credit"] == account["credit"], block
            assert figures[f"{side}_owes"] == read(swap.owed(number), block), block
        check_oracle(life, case, block)
    return seen


def check_project(life: Any, case: Case, block: int) -> None:
    at_ = life.record.addresses
    treasury = contract(life.w3, "RevenueTreasury", at_["treasury"]).functions
    offering = contract(life.w3, "Offering", at_["offering"]).functions
    token = contract(life.w3, "SecurityToken", at_["token"]).functions
    money = contract(life.w3, "IERC20", at_["currency"]).functions
    state, figures = case.instrument.state(case).state, facts(case)
    held = ("offered", "active", "closed")[read(treasury.state(), block)]
    if held == "offered":
        assert state == OFFERING_STATES[read(offering.state(), block)], block
    assert (state == "ended") == (held == "closed")
    assert figures["units"] == read(token.totalSupply(), block)
    assert figures["treasury_held"] == read(money.balanceOf(at_["treasury"]), block)
    assert figures["unclaimed"] == read(money.balanceOf(at_["token"]), block)
    paid = read(treasury.periodsPaid(), block)
    rows = [p for p in case.instrument.payments(case) if p.kind == "revenue"]
    # A period that left holders nothing is over too.
    assert sum(1 for p in rows if p.status not in ("paid", "nothing")) == max(
        0, len(case.terms.project.periods) - paid
    ) * (state not in ("failed", "ended"))


def test_project_and_its_swap_at_every_block() -> None:
    with start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain:
        assert check_swap(project_life(chain)) == {"offering", "sold", "active", "matured", "ended"}


def test_swap_between_two_parties_at_every_block() -> None:
    with start_anvil(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        assert check_swap(rain_life(chain)) == {"agreed", "active", "defaulted", "closed_out"}


def test_what_no_act_explains_is_said_and_stops_nothing_else() -> None:
    """A log that lacks an event, as no chain gives it: the state is that of before, and says so. The books
    go on from those of the block before, and are the same as if lived at once."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = whole_life(chain, 420_000)
        pairs = list(cases(life, "kpi_bond"))
        whole = pairs[-1][1]
        assert whole.lived.unlike == ()
        assert "unexplained" not in facts(whole)
        for (_, before), (_, after) in pairwise(pairs):
            goes_on = Case(after.deployment, after.instrument, after.ledger, after.now, before.lived)
            assert goes_on.lived.world.parts == after.lived.world.parts
            assert dict(goes_on.lived.world.money) == dict(after.lived.world.money)
        sold = next(e for e in whole.ledger.events if e.name == "Subscribed")
        for events in (
            [e for e in whole.ledger.events if e is not sold],
            [
                replace(e, arguments={**e.arguments, "paid": 1}) if e is sold else e
                for e in whole.ledger.events
            ],
        ):
            torn = replace(whole.ledger, events=events)
            case = Case(whole.deployment, whole.instrument, torn, whole.now)
            assert case.lived.unlike
            assert facts(case)["unexplained"] == len(case.lived.unlike)
