"""A deal that joins parts: one transaction, one record, every part served by the keeper, difference 0."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.bindings import read
from chain.check import check_deployment
from chain.kinds import plan_of
from chain.ledger import read_ledger
from chain.network import reach_time
from chain.reconcile import reconcile
from chain.records import RecordError, load_record
from finance.terms import InputError, load_deal, parse_deal
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, COUPON_DATES, THOUSAND, at
from tests.chain.joined_life import UNIT, Joined
from tests.joined_deals import DEALS, crowded_tree, joined_deal, term


@pytest.fixture(params=list(CLIENTS))
def life(request: pytest.FixtureRequest) -> Iterator[Joined]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as chain:
        yield Joined(chain, joined_deal())


def test_what_is_left_of_the_rewards_goes_to_the_first_by_the_alphabet() -> None:
    """Of those whose parts read the KPI, wherever they stand in the file: the terms hash knows no order."""
    tree = crowded_tree()
    tree["parts"]["rain"] |= {"kpi": "leakage", "payee": "issuer"}
    tree["parties"]["city"]["roles"].remove("payee")
    del tree["kpis"]["city-leakage"], tree["oracle"]["city-leakage"]
    turned = {**tree, "parts": dict(reversed(tree["parts"].items()))}
    deals = [parse_deal(each) for each in (tree, turned)]
    assert deals[0].terms_hash == deals[1].terms_hash
    for deal in deals:
        sponsors = {feed.terms.kpi: feed.sponsor for feed in plan_of(deal).feeds}
        assert sponsors["leakage"] == "payer.contractor"  # leaks, then rain
        assert sponsors["city-runoff"] == "issuer.city"


def test_one_failed_sale_does_not_end_the_deal(life: Joined) -> None:
    """What hangs together with it is over; the other bond has coupons to pay, and the forward is to begin."""
    life.sell(a=4, b=3)
    life.settle()
    life.fund(20 * THOUSAND)
    life.coupon(COUPON_DATES[0])
    result = reconcile(life.w3, life.record)
    assert result.ok
    assert (result.states["bond"], result.states["junior-sale"]) == ("active", "failed")
    assert f"{len(COUPON_DATES) - 1} of {len(COUPON_DATES)} coupons are not paid" in result.not_yet
    assert result.not_yet.count("the bond is not redeemed") == 1


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

    keeper = life.begin()
    reach_time(w3, at("2016-09-29"))
    done = [(each.act.part, each.act.call) for each in keeper.round()]
    assert sorted(done) == [("junior-sale", "settle"), ("leaks", "activate"), ("offering", "settle")]
    life.serve()
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
    ledger = read_ledger(w3, record)
    assert {name: set(ledger.table(name)["part"]) for name in ("fixings", "periods", "transfers")} == {
        "fixings": {"bond", "junior"},
        "periods": {"leaks"},
        "transfers": {"token", "junior-units"},
    }
    assert ledger.holdings_at(token="junior-units") == {life.a: 10}
    junior = read_ledger(w3, record, part="junior")
    assert junior.holdings_at() == {life.a: 10}
    assert set(junior.turns["part"]) == {"junior", "junior-sale", "junior-units"}
    assert len(ledger.payouts) == 2 * len(junior.payouts) == 20
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
        life.record.load_deal().group()


@pytest.mark.parametrize("file", sorted(DEALS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_plan_is_that_of_the_terms_whatever_their_order_in_a_file(file: Path) -> None:
    """A record holds the terms in canonical order; what is deployed must be what is found again."""
    tree = json.loads(load_deal(file).canonical_json)
    plans = []
    for way in (sorted, lambda keys: sorted(keys, reverse=True)):
        for section in ("parts", "kpis", "oracle", "parties"):
            tree[section] = {key: tree[section][key] for key in way(tree[section])}
        plan = plan_of(parse_deal(tree))
        plans.append(([part.key for part in plan.parts], plan.feeds, plan.asked()))
    assert plans[0] == plans[1]


def test_the_plan_of_all_parts_names_every_role_once() -> None:
    plan = plan_of(joined_deal())
    roles, shared = plan.asked()
    assert roles == ["agent", "issuer", "payer", "payee"]
    assert sorted(shared) == ["currency", "oracle", "registry"]
