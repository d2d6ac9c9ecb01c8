"""A deal that joins parts: one transaction, one record, every part served by the keeper, difference 0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chain.bindings import contract, read
from chain.check import check_deployment
from chain.keeper import Keeper
from chain.kinds import plan_of, read_ledger
from chain.network import local_account, reach_time
from chain.reconcile import reconcile
from chain.records import RecordError, load_record
from finance.terms import InputError, parse_deal
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, COUPON_DATES, THOUSAND, Life, at
from tests.joined_deals import joined_deal, term

UNIT = 1_000_000


class Joined(Life):
    """The life of the first bond; what is done to the other parts is here."""

    def part(self, key: str, name: str) -> Any:
        return contract(self.w3, name, self.record.addresses[key]).functions

    def buy_second(self, who: str, units: int) -> None:
        self.send(self.deployer, self.currency.mint(who, units * THOUSAND))
        self.send(who, self.currency.approve(self.record.addresses["junior-sale"], units * THOUSAND))
        self.send(who, self.part("junior-sale", "Offering").subscribe(units))

    def pay_into(self, key: str, who: str, amount: int, call: Any) -> None:
        self.send(self.deployer, self.currency.mint(who, amount))
        self.send(who, self.currency.approve(self.record.addresses[key], amount))
        self.send(who, call)


@pytest.fixture(params=list(CLIENTS))
def life(request: pytest.FixtureRequest) -> Iterator[Joined]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as chain:
        yield Joined(chain, joined_deal())


def test_every_part_lives_its_life(life: Joined, tmp_path: Any) -> None:
    w3, record = life.w3, life.record
    assert list(record.parts) == [
        "token",
        "offering",
        "bond",
        "junior-units",
        "junior-sale",
        "junior",
        "leaks",
    ]
    assert check_deployment(w3, record) == []
    assert load_record(record.save(tmp_path / "joined.json")) == record
    # One feed for the KPI that both bonds read.
    assert list(record.feeds) == ["runoff-reduction", "leakage"]
    feed = read(life.oracle.configOf(record.feeds["runoff-reduction"]))
    assert set(feed["consumers"]) == {record.addresses["bond"], record.addresses["junior"]}

    life.sell(a=4, b=3)
    life.buy_second(life.a, 10)
    forward = life.part("leaks", "KpiPayment")
    for side, who in enumerate((record.wallets["payer"], record.wallets["payee"])):
        life.pay_into("leaks", who, 150 * UNIT, forward.fund(side, 150 * UNIT))

    keeper = Keeper(w3, local_account(12).address, [record], lambda line: None)
    reach_time(w3, at("2016-09-29"))
    done = [(each.act.part, each.act.call) for each in keeper.round()]
    assert sorted(done) == [("junior-sale", "settle"), ("leaks", "activate"), ("offering", "settle")]
    life.fund(20 * THOUSAND)
    life.pay_into("junior", life.issuer, 20 * THOUSAND, life.part("junior", "KpiBond").fund(20 * THOUSAND))
    for number, date in enumerate(COUPON_DATES, start=1):
        if number == 8:
            life.report(5950, "2020-07-20", "leakage")  # 595.0 Ml/d, 11 below the target
        if number == 9:
            life.report(500_000)  # 50 %: both bonds pay their bonus
        reach_time(w3, at(date))
        done += [(each.act.part, each.act.call) for each in keeper.round()]
    assert keeper.round() == []
    assert done.count(("bond", "pay_coupon")) == done.count(("junior", "pay_coupon")) == 9
    assert [call for part, call in done if part == "leaks"][:2] == ["activate", "settle"]
    for holder in (life.a, life.b):
        life.claim(holder)
    life.send(life.deployer, life.part("junior-units", "SecurityToken").claim(life.a))

    result = reconcile(w3, record)
    assert result.ok, result.differences
    assert result.states == {
        "offering": "settled",
        "bond": "redeemed",
        "junior-sale": "settled",
        "junior": "redeemed",
        "leaks": "matured",
    }
    outcome = {row.part: 0 for row in result.rows}
    for row in result.rows:
        if row.kind == "outcome":
            outcome[row.part] += row.actual
    # 3,300 for ten units: of the seven that were sold, and of all ten.
    assert (outcome["bond"], outcome["junior"]) == (2_310 * UNIT, 3_300 * UNIT)
    # 4.50 for each of 11 Ml/d, to the contractor.
    (settled,) = [row for row in result.rows if row.kind.startswith("settlement")]
    assert (settled.kind, settled.actual) == ("settlement_to_payer", 49_500_000)


def test_an_altered_part_is_found_and_no_other(life: Joined) -> None:
    tree = json.loads(joined_deal().canonical_json)
    tree["parts"]["leaks"]["collateral"]["payer"] = term(151)
    found = {each.field for each in check_deployment(life.w3, life.record, parse_deal(tree))}
    assert {field for field in found if field.startswith("leaks")} == {"leaks.terms.requiredCollateral[0]"}
    assert not [field for field in found if field.startswith(("bond.terms", "junior.terms"))]


def test_what_asks_for_the_only_part_says_that_there_are_several(life: Joined) -> None:
    with pytest.raises(RecordError, match="has 2 parts of the kind bond, and this needs one"):
        life.record.place_of("bond")
    with pytest.raises(InputError, match="joins several parts"):
        read_ledger(life.w3, life.record)


def test_the_plan_of_all_parts_names_every_role_once() -> None:
    plan = plan_of(joined_deal())
    roles, shared = plan.asked()
    assert roles == ["agent", "issuer", "payer", "payee"]
    assert sorted(shared) == ["currency", "oracle", "registry"]
