"""Bonds beyond the bullet on a chain: fixed, amortising, coupon steps, amounts before maturity, two KPIs.

Seven of ten units of 1,000 at 6 %, four half-yearly coupons (3 % each), 500 of each unit repaid with the
second coupon. Energy steps the coupons after the first up by 100 basis points when it is missed; water pays
100 for the full ten units with the third coupon, and takes up to 700 at maturity. Amounts by hand.
"""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chain.bindings import contract, read
from chain.check import check_deployment
from chain.deploy import local_wallets
from chain.errors import RecordError
from chain.ledger import read_ledger
from chain.network import LocalChain, set_time, start_anvil
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.records import load_record
from finance.settlement.terms import settlement_terms
from finance.terms import Deal, DealFileError, load_deal, parse_deal
from finance.terms.shift import shift_deal
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, Life, at, small_tree

DEALS = Path(__file__).resolve().parents[2] / "deals"
DATES = ("2017-04-01", "2017-10-01", "2018-04-01", "2018-10-01")
ONE = 1_000_000  # a dollar with six decimals


def term(value: Any) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


def fixed_tree() -> dict[str, Any]:
    """The small deal without a KPI."""
    tree = small_tree()
    claim = tree["parts"]["bond"]
    del claim["outcome_payment"], claim["term_readings"]
    claim["maturity"]["value"] = at_date(DATES[-1])
    claim["coupon"]["rate"]["value"] = Decimal("0.06")
    claim["late_rate"]["value"] = Decimal("0.08")
    tree["kpis"], tree["oracle"] = {}, {}
    tree["parties"]["issuer"]["roles"] = ["issuer"]  # nothing is measured, so there is no data to control
    return tree


def at_date(text: str) -> date:
    return date.fromisoformat(text)


def wide_tree() -> dict[str, Any]:
    """Two KPIs, a step, two amounts (one before maturity, one that may take), and a repayment."""
    tree, small = fixed_tree(), small_tree()
    tree["parties"]["issuer"]["roles"] = ["issuer", "data_controller"]
    kpi, policy = small["kpis"]["runoff-reduction"], small["oracle"]["runoff-reduction"]
    ends = {"energy": ["2016-12-31"], "water": ["2017-12-31", "2018-06-30"]}
    for name, last_days in ends.items():
        tree["kpis"][name] = deepcopy(kpi)
        tree["kpis"][name]["periods"] = [
            {"start": at_date(f"{day[:4]}-01-01"), "end": at_date(day), "assumed": "a test"}
            for day in last_days
        ]
        tree["oracle"][name] = deepcopy(policy)
    tree["oracle"]["water"] |= {"nodes": term(7), "quorum": term(5)}
    claim = tree["parts"]["bond"]
    claim["coupon"]["steps"] = [
        {
            "kpi": "energy",
            "period": 1,
            "from": term(at_date("2017-04-01")),
            "tiers": [
                {"below": term(Decimal("0.5")), "inclusive": False, "rate": term(Decimal("0.01"))},
                {"above": term(Decimal("0.5")), "inclusive": True, "rate": term(0)},
            ],
        }
    ]
    claim["outcome_payment"] = {
        "kpi": "water",
        "period": 1,
        "pays": "on_date",
        "date": term(at_date("2018-04-01")),
        "tiers": [
            {"below": term(Decimal("0.2")), "inclusive": False, "amount": term(0)},
            {"above": term(Decimal("0.2")), "inclusive": True, "amount": term(100)},
        ],
    }
    half = {"date": term(at_date("2017-10-01")), "fraction": term(Decimal("0.5"))}
    claim["amortisation"] = {"kind": "schedule", "instalments": [half]}
    return tree


def lived(chain: LocalChain, deal: Deal) -> Life:
    """Sold (A 4, B 3), settled and funded with all that it can need."""
    life = Life(chain, deal)
    life.sell(a=4, b=3)
    life.verify(life.c)
    life.settle()
    life.fund(20 * THOUSAND)
    return life


@pytest.fixture
def chain() -> Any:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as started:
        yield started


def amounts(result: Reconciliation, kind: str) -> list[tuple[int | None, int]]:
    """(period, paid to all holders) of a kind, after checking that it was expected so."""
    sums: dict[int | None, int] = {}
    for row in result.rows:
        assert row.difference == 0
        if row.kind == kind:
            sums[row.period] = sums.get(row.period, 0) + row.actual
    return list(sums.items())


# -- a fixed bond


def test_a_fixed_bond_lives_without_an_oracle(chain: LocalChain) -> None:
    life = lived(chain, parse_deal(fixed_tree()))
    assert life.record.feeds == {}
    assert (life.record.wallets.nodes, life.record.wallets.panel) == ([], [])
    assert check_deployment(life.w3, life.record) == []
    with pytest.raises(RecordError, match=r"must be named \(--kpi; known: none\)"):
        life.record.feed_of()
    for day in DATES:
        life.coupon(day)
    life.send(life.c, life.bond.redeem())
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    assert (result.states["bond"], result.reports) == ("redeemed", [])
    assert amounts(result, "coupon") == [(n, 210 * ONE) for n in (1, 2, 3, 4)]  # 3 % of 7,000
    assert amounts(result, "principal") == [(None, 7 * THOUSAND)]
    assert result.payments().keys() == {"subscription", "proceeds", "funding", "coupon", "principal"}


def test_dust_of_a_fixed_bond_is_carried_and_returned(chain: LocalChain) -> None:
    """3.33333331 % a year: 116,666,665.85, so 116,666,665 a coupon. Four are 466,666,660, of which seven
    units can share 466,666,655; the 5 that are left go back to the issuer."""
    tree = fixed_tree()
    tree["parts"]["bond"]["coupon"]["rate"]["value"] = Decimal("0.0333333331")
    life = lived(chain, parse_deal(tree))
    for day in DATES:
        life.coupon(day)
    life.send(life.c, life.bond.redeem())
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    assert [paid for _, paid in amounts(result, "coupon")] == [
        116_666_662,
        116_666_662,
        116_666_669,
        116_666_662,
    ]
    assert amounts(result, "principal") == [(None, 7 * THOUSAND)]
    assert read(life.currency.balanceOf(life.record.addresses["bond"])) == 13 * THOUSAND - 466_666_655


def test_a_coupon_that_steps_by_the_terms_alone(chain: LocalChain) -> None:
    """6 % for a year, then 4 %, then 7 %: 210, 210, 140 and 245 on 7,000. Another step is a difference."""
    tree = fixed_tree()
    tree["parts"]["bond"]["coupon"]["later_rates"] = [
        {"from": term(at_date(DATES[1])), "rate": term(Decimal("0.04"))},
        {"from": term(at_date(DATES[2])), "rate": term(Decimal("0.07"))},
    ]
    life = lived(chain, parse_deal(tree))
    assert check_deployment(life.w3, life.record) == []
    for day in DATES:
        life.coupon(day)
    life.send(life.c, life.bond.redeem())
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    assert amounts(result, "coupon") == [(1, 210 * ONE), (2, 210 * ONE), (3, 140 * ONE), (4, 245 * ONE)]
    tree["parts"]["bond"]["coupon"]["later_rates"][0]["rate"]["value"] = Decimal("0.05")
    altered = reconcile(life.w3, life.record, parse_deal(tree))
    assert "bond.terms.periods[2].step" in {each.field for each in altered.deployment}
    assert {(row.kind, row.period) for row in altered.rows if row.difference} >= {("coupon", 3)}


# -- everything together


@pytest.mark.parametrize(
    ("energy", "water"), [(600_000, 300_000), (400_000, 100_000), (None, None), (600_000, None)]
)
def test_a_wide_bond_reconciles_to_the_unit(chain: LocalChain, energy: int | None, water: int | None) -> None:
    life = lived(chain, parse_deal(wide_tree()))
    assert check_deployment(life.w3, life.record) == []
    assert list(life.record.feeds) == ["energy", "water"]
    configs = [read(life.oracle.configOf(feed)) for feed in life.record.feeds.values()]
    assert [len(c["signers"]) for c in configs] == [4, 7]
    assert configs[0]["signers"] == configs[1]["signers"][:4] == life.record.wallets.nodes[:4]
    if energy is not None:
        life.report(energy, "2017-01-20", "energy")
    life.coupon(DATES[0])
    life.send(life.c, life.bond.fix(0))  # needed by the second coupon, missing by now or final
    life.coupon(DATES[1])
    if water is not None:
        life.report(water, "2018-01-20", "water")
    set_time(life.w3, at(DATES[2]))
    waiting = reconcile(life.w3, life.record)
    assert waiting.ok, waiting.differences
    life.send(life.c, life.bond.fix(1))
    life.coupon(DATES[2])
    life.coupon(DATES[3])
    life.send(life.c, life.bond.redeem())
    life.claim(life.a)
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    stepped = energy is None or energy < 500_000
    half_year = Decimal("0.035") if stepped else Decimal("0.03")
    coupons = [int(7_000 * Decimal("0.03")), int(7_000 * half_year)]
    coupons += [int(3_500 * half_year * 10)] * 2  # tenths of a dollar
    assert amounts(result, "coupon") == [
        (1, coupons[0] * ONE),
        (2, coupons[1] * ONE),
        (3, coupons[2] * ONE // 10),
        (4, coupons[3] * ONE // 10),
    ]
    assert amounts(result, "principal") == [(2, 3_500 * ONE), (None, 3_500 * ONE)]
    bonus = 70 * ONE if water is None or water >= 200_000 else 0  # 100 for ten units, seven are sold
    assert amounts(result, "outcome") == [(3, bonus)]
    states = [(r.kpi, r.period, r.status, r.value) for r in result.reports]
    said = ["final" if value is not None else "missing" for value in (energy, water)]
    assert states == [("energy", 1, said[0], energy), ("water", 1, said[1], water)]
    text = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert text["reports"][0]["value"] == (None if energy is None else str(energy))
    ledger = read_ledger(life.w3, life.record)
    assert list(ledger.fixings["fixing"]) == [0, 1]
    assert list(ledger.fixings["value"]) == [10**16 if stepped else 0, 10 * bonus // 7]
    assert list(ledger.reports["kpi"]) == [
        k for k, v in (("energy", energy), ("water", water)) if v is not None
    ]


def test_what_waits_for_a_report_is_noted_not_counted(chain: LocalChain) -> None:
    tree = wide_tree()
    # The report on 2017 may come until the end of February 2018, and is challenged by nobody.
    tree["oracle"]["water"] |= {
        "reporting_days": term(52), "dispute_days": term(7), "ruling_days": term(14)
    }  # fmt: skip
    life = lived(chain, parse_deal(tree))
    life.report(600_000, "2017-01-20", "energy")
    life.coupon(DATES[0])
    life.send(life.c, life.bond.fix(0))
    set_time(life.w3, at("2018-02-10"))
    noted = reconcile(life.w3, life.record)
    # The second coupon is past its grace period, and only that is missing.
    assert {(r.kind, r.period) for r in noted.rows if r.difference} == {("coupon", 2), ("principal", 2)}
    life.send(life.c, life.bond.payCoupon())
    life.report(300_000, "2018-02-20", "water")
    assert reconcile(life.w3, life.record).ok
    set_time(life.w3, at(DATES[2]))
    paid = reconcile(life.w3, life.record)
    assert paid.notes == ["coupon 3: due, not paid, within its grace period"]
    assert paid.ok


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("parts", "bond", "coupon", "steps", 0, "tiers", 0, "rate"), {"coupon"}),
        (("parts", "bond", "amortisation", "instalments", 0, "fraction"), {"coupon", "principal"}),
        (("parts", "bond", "outcome_payment", "tiers", 1, "amount"), {"outcome"}),
    ],
)
def test_an_altered_wide_deal_does_not_reconcile(
    one_wide_life: Life, change: tuple[str | int, ...], names: set[str]
) -> None:
    tree = json.loads(one_wide_life.deal.canonical_json)
    part: Any = tree
    for key in change:
        part = part[key]
    part["value"] = str(Decimal(part["value"]) / 2)
    result = reconcile(one_wide_life.w3, one_wide_life.record, parse_deal(tree))
    assert {r.kind for r in result.rows if r.difference} >= names
    assert {r.kind for r in result.rows if r.difference} <= names | {"claim", "surplus"}
    assert {d.field.split("[")[0] for d in result.deployment} >= {"token.documentHash"}


@pytest.fixture(scope="module")
def one_wide_life() -> Any:
    """Energy and water unreported: the dearest step and the amount."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = lived(chain, parse_deal(wide_tree()))
        life.coupon(DATES[0])
        life.send(life.c, life.bond.fix(0))
        life.coupon(DATES[1])
        set_time(life.w3, at(DATES[2]))
        life.send(life.c, life.bond.fix(1))
        life.coupon(DATES[2])
        life.coupon(DATES[3])
        life.send(life.c, life.bond.redeem())
        yield life


def test_feeds_are_found_by_kpi(one_wide_life: Life, tmp_path: Path) -> None:
    record = load_record(one_wide_life.record.save(tmp_path / "record.json"))
    assert record.feed_of("water") == record.feeds["water"] != record.feeds["energy"]
    with pytest.raises(RecordError, match="known: energy, water"):
        record.feed_of()
    with pytest.raises(RecordError, match="no feed for the KPI wind"):
        record.feed_of("wind")


def test_a_record_with_feeds_exchanged_is_caught(one_wide_life: Life) -> None:
    data = json.loads(one_wide_life.record.to_json())
    feeds = data["feeds"]
    data["feeds"] = {"energy": feeds["water"], "water": feeds["energy"]}
    wrong = type(one_wide_life.record).model_validate(data)
    found = {d.field for d in check_deployment(one_wide_life.w3, wrong)}
    assert {"record.feeds.energy", "record.feeds.water", "feeds.energy.kpi"} <= found
    assert "bond.terms.fixings[0].feed" in found


# -- the deal book


BONDS = ("atlanta-eib-2019", "enel-slb-2019", "hksar-tokenised-green-bond-2023", "singapore-ebus-loan")


@pytest.mark.parametrize("name", BONDS)
def test_every_bond_of_the_deal_book_deploys_as_it_is(name: str) -> None:
    deal = load_deal(DEALS / f"{name}.yaml")
    terms = settlement_terms(deal)
    with start_anvil(timestamp=terms.opens) as chain:
        life = Life(chain, deal)
        assert check_deployment(chain.w3, life.record, deal) == []
        assert list(life.record.feeds) == [feed.kpi for feed in terms.feeds]
        wallets = local_wallets(chain.w3, deal)
        assert (wallets.nodes, wallets.panel) == (life.record.wallets.nodes, life.record.wallets.panel)
        bond = read(contract(chain.w3, "KpiBond", life.record.addresses["bond"]).functions.terms())
        assert sum(p["repayment"] for p in bond["periods"]) == bond["unitPrincipal"]


@pytest.mark.parametrize("name", BONDS)
def test_moved_dates_stay_on_their_pay_dates(name: str) -> None:
    """Whatever day a deal is moved to, each fixing bends the same coupons and each repayment stays."""
    deal = load_deal(DEALS / f"{name}.yaml")
    before = settlement_terms(deal)
    moved_some = 0
    for days in (1, 17, 45, 100, 365, 1_000, 2_001):
        try:
            terms = settlement_terms(shift_deal(deal, days))
        except DealFileError:  # a month without that day, or a report that would come too late
            continue
        moved_some += 1
        assert len(terms.periods) == len(before.periods)
        reach = [(f.effect, f.first, f.last, f.kpi_period) for f in terms.fixings]
        assert reach == [(f.effect, f.first, f.last, f.kpi_period) for f in before.fixings]
        assert [p.repayment for p in terms.periods] == [p.repayment for p in before.periods]
    assert moved_some >= 5
