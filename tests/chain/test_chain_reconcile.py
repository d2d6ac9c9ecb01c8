"""Ledger and reconciliation over whole and broken lives of a small bond.

Expected amounts are worked out by hand for 7 units of 1,000 (1,000,000,000 minor units) at 3.33333333 %
a year, half-yearly. Each coupon is 7,000,000,000 x 0.0333333333 / 2 = 116,666,666.55, so 116,666,666 is
due. Seven units share it; what they cannot share is carried on, so after n coupons each has got
floor(n x 116,666,666 / 7).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from chain.bindings import calldata
from chain.ledger import read_ledger
from chain.network import LocalChain, reach_time, rpc, set_time, start_anvil
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.sender import Sender
from finance.terms import parse_deal
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, Life, at, small_deal

AFTER_2, AFTER_5, AFTER_9 = 33_333_333, 83_333_332, 149_999_999  # floor(n x 116,666,666 / 7)
OUTCOME = 330_000_000  # 3,300 for ten units is 330 for each
# Nobody reported: the issuer controls the data, so it pays as if the target had been exceeded.
OUTCOMES = {420_000: OUTCOME, 100_000: -OUTCOME, None: OUTCOME}


def rows_of(result: Reconciliation, holder: str, kind: str) -> list[tuple[int | None, int, int]]:
    return [(r.period, r.expected, r.actual) for r in result.rows if (r.party, r.kind) == (holder, kind)]


# -- a whole life


def test_a_whole_life_reconciles_to_the_unit(lived: Life) -> None:
    result = reconcile(lived.w3, lived.record)
    assert result.ok, result.differences
    assert result.states == {"offering": "settled", "bond": "redeemed"}
    (report,) = result.reports
    outcome = OUTCOMES[report.value]
    assert (report.kpi, report.period) == ("runoff-reduction", 1)
    assert report.status == ("missing" if report.value is None else "final")
    held = {lived.a: (4, 3, 3), lived.b: (3, 3, 0), lived.c: (0, 1, 4)}  # for coupons 1-2, 3-5, and later
    for account in result.holders:
        early, middle, late = held[account.holder]
        coupons = early * AFTER_2 + middle * (AFTER_5 - AFTER_2) + late * (AFTER_9 - AFTER_5)
        assert account.expected == coupons + late * (THOUSAND + outcome)
        assert account.units == late
    accounts = {h.holder: (h.claimed, h.unclaimed) for h in result.holders}
    total = {h.holder: h.expected for h in result.holders}
    assert accounts == {
        lived.a: (4 * AFTER_2, total[lived.a] - 4 * AFTER_2),
        lived.b: (0, total[lived.b]),
        lived.c: (total[lived.c], 0),
    }
    assert rows_of(result, lived.b, "subscription") == [(None, 3 * THOUSAND, 3 * THOUSAND)]
    assert rows_of(result, lived.a, "coupon")[:2] == [
        (1, 66_666_664, 66_666_664),
        (2, 66_666_668, 66_666_668),
    ]
    assert rows_of(result, lived.c, "principal") == [(None, 4 * THOUSAND, 4 * THOUSAND)]
    assert rows_of(result, lived.c, "outcome") == [(None, 4 * outcome, 4 * outcome)]
    surplus = 20 * THOUSAND - 7 * AFTER_9 - 7 * (THOUSAND + outcome)
    assert result.by_party()[lived.issuer] == {
        kind: {"expected": amount, "actual": amount, "difference": 0}
        for kind, amount in (("proceeds", 7 * THOUSAND), ("funding", 20 * THOUSAND), ("surplus", surplus))
    }
    money = {(a.address, a.figure): a.actual for a in result.accounts}
    assert money[lived.issuer, "paid_in"] == 20 * THOUSAND
    assert money[lived.issuer, "received"] == 7 * THOUSAND + surplus
    assert money[lived.a, "paid_in"] == 4 * THOUSAND


def test_sums_and_json_agree_with_the_rows(lived: Life) -> None:
    result = reconcile(lived.w3, lived.record)
    sums = result.payments()
    assert sums["coupon"] == {"expected": 7 * AFTER_9, "actual": 7 * AFTER_9, "difference": 0}
    earned = sum(sums[kind]["actual"] for kind in ("coupon", "principal", "outcome"))
    total = result.earned()
    assert total["expected"] == earned == total["claimed"] + total["unclaimed"]
    assert total["claimed"] == sums["claim"]["actual"]
    text = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert text["ok"] is True
    assert text["payments"]["principal"] == {
        "expected": "7000000000",
        "actual": "7000000000",
        "difference": "0",
    }
    assert len(text["rows"]) == len(result.rows) == len(result.frame())
    assert int(text["rows"][0]["expected"]) == result.rows[0].expected


def test_the_past_can_be_reconciled_too(lived: Life) -> None:
    # At the block of coupon 2, before A gave a unit away.
    ledger = read_ledger(lived.w3, lived.record)
    block = ledger.payouts[1].event.block
    then = reconcile(lived.w3, lived.record, block=block)
    assert then.ok, then.differences
    assert then.states["bond"] == "active"
    assert then.not_yet[0] == "7 of 9 coupons are not paid"
    assert then.not_yet[-1] == "the bond is not redeemed"
    assert reconcile(lived.w3, lived.record).not_yet == []
    assert {h.holder: (h.units, h.unclaimed) for h in then.holders} == {
        lived.a: (4, 4 * AFTER_2),
        lived.b: (3, 3 * AFTER_2),
    }


# -- ledger


def test_every_row_names_the_transaction_it_comes_from(lived: Life) -> None:
    ledger = read_ledger(lived.w3, lived.record)
    for name, table in ledger.tables().items():
        assert list(table.columns[:4]) == ["block", "log", "time", "tx"], name
        for row in table.drop_duplicates("tx").itertuples():
            receipt = lived.w3.eth.get_transaction_receipt(row.tx)
            assert receipt["blockNumber"] == row.block
            assert row.log in [log["logIndex"] for log in receipt["logs"]]
            assert lived.w3.eth.get_block(row.block)["timestamp"] == row.time


def test_holdings_over_blocks(lived: Life) -> None:
    ledger = read_ledger(lived.w3, lived.record)
    moves = ledger.transfers
    assert list(moves["units"]) == [4, 3, 1, 3]
    begun, sold, given, all_given = moves["block"]
    assert ledger.holdings_at(begun - 1) == {}
    assert ledger.holdings_at(begun) == {lived.a: 4}
    assert ledger.holdings_at(sold) == {lived.a: 4, lived.b: 3}
    assert ledger.holdings_at(given - 1) == {lived.a: 4, lived.b: 3}
    assert ledger.holdings_at(given) == {lived.a: 3, lived.b: 3, lived.c: 1}
    assert ledger.holdings_at(given, before_log=int(moves["log"][2])) == {lived.a: 4, lived.b: 3}
    assert ledger.holdings_at(all_given) == ledger.holdings_at() == {lived.a: 3, lived.c: 4}
    last = ledger.holdings.groupby("holder")["units"].last()
    assert dict(last) == {lived.a: 3, lived.b: 0, lived.c: 4}
    assert ledger.holders == sorted([lived.a, lived.b, lived.c])


def test_distributions_know_what_they_were(lived: Life) -> None:
    ledger = read_ledger(lived.w3, lived.record)
    paid = ledger.distributions
    assert list(paid["kind"]) == ["coupon"] * 9 + ["redemption"]
    assert list(paid["index"]) == [*range(9), -1]
    assert list(paid["per_unit"][:2]) == [16_666_666, 16_666_667]
    assert sum(paid["per_unit"][:9]) == AFTER_9
    assert set(paid["supply"]) == {7}
    assert ledger.claims["amount"].iloc[0] == 4 * AFTER_2
    assert list(ledger.turns["event"])[:2] == ["OfferingSettled", "BondActivated"]
    assert list(ledger.fundings["amount"]) == [20 * THOUSAND]
    fixing = ledger.fixings.iloc[0]
    # For the full issue of ten units.
    assert fixing["fixing"] == 0
    assert fixing["value"] == 10 * OUTCOMES[None if fixing["missing"] else fixing["kpi_value"]]
    if not fixing["missing"]:
        report = ledger.reports.iloc[0]
        assert (report["kpi"], report["period"], report["version"]) == ("runoff-reduction", 0, 0)
        assert report["value"] == fixing["kpi_value"]
        assert report["signers"] == (0, 1, 2, 3)


def test_pages_of_any_size_give_the_same(lived: Life) -> None:
    whole = read_ledger(lived.w3, lived.record)
    for page in (1, 7):
        parts = read_ledger(lived.w3, lived.record, page=page)
        assert parts.events == whole.events
        pd.testing.assert_frame_equal(parts.currency, whole.currency)


def test_pages_shrink_when_the_node_finds_them_too_long(lived: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_ledger(lived.w3, lived.record)
    real, refused = lived.w3.provider.make_request, []

    def picky(method: Any, parameters: Any) -> Any:
        if method == "eth_getLogs":
            (query,) = parameters
            if int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 10:
                refused.append(query)
                return {"error": {"code": -32005, "message": "query returned more than 10 blocks"}}
        return real(method, parameters)

    monkeypatch.setattr(lived.w3.provider, "make_request", picky)
    assert read_ledger(lived.w3, lived.record).events == whole.events
    assert refused


# -- what must be found


def altered(change: Callable[[dict[str, Any]], None]) -> Any:
    tree = json.loads(small_deal().canonical_json)
    change(tree)
    return parse_deal(tree)


def test_an_altered_deal_does_not_reconcile(lived: Life) -> None:
    def rate(tree: dict[str, Any]) -> None:
        tree["parts"]["bond"]["coupon"]["rate"]["value"] = "0.04"

    result = reconcile(lived.w3, lived.record, altered(rate))
    assert not result.ok
    # 4 % a year on 7,000,000,000 for 4.5 years
    assert result.payments()["coupon"]["difference"] == 7 * AFTER_9 - 1_260_000_000
    # More is promised than was paid, so more could be claimed, and less was left for the issuer.
    assert {r.kind for r in result.rows if r.difference} == {"coupon", "claim", "surplus"}
    assert {d.field for d in result.deployment} >= {"token.documentHash", "bond.terms.rate"}


def test_an_altered_outcome_does_not_reconcile(lived: Life) -> None:
    def more(tree: dict[str, Any]) -> None:
        for tier in tree["parts"]["bond"]["outcome_payment"]["tiers"]:
            tier["amount"]["value"] = str(int(tier["amount"]["value"]) * 2)

    result = reconcile(lived.w3, lived.record, altered(more))
    assert {r.kind for r in result.rows if r.difference} == {"outcome", "claim", "surplus"}
    wrong = [r for r in result.rows if r.difference and r.kind == "outcome"]
    outcome = OUTCOMES[result.reports[0].value]
    assert {r.party: r.difference for r in wrong} == {lived.a: -3 * outcome, lived.c: -4 * outcome}
    wrong_sums = {c.name: c.difference for c in result.checks if c.difference}
    assert wrong_sums.pop("log: figures unlike the books'") > 0
    assert wrong_sums == {"money: token: by the books = held": -3 * outcome}  # A has not claimed
    assert any(f"outcome = {7 * outcome}, by the books {14 * outcome}" in note for note in result.notes)
    assert {h.holder: h.difference for h in result.holders} == {
        lived.a: -3 * outcome,
        lived.b: 0,
        lived.c: -4 * outcome,
    }


@pytest.fixture
def young() -> Iterator[Life]:
    """A bond just sold (A 4, B 3) on a chain of its own."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, small_deal())
        life.sell(a=4, b=3)
        life.verify(life.c)
        yield life


def test_money_that_leaves_the_token_unseen_is_found(young: Life) -> None:
    young.settle()
    young.fund(THOUSAND)
    young.coupon("2017-04-01")
    assert reconcile(young.w3, young.record).ok
    token, thief = young.record.addresses["token"], young.deployer
    rpc(young.w3, "anvil_impersonateAccount", token)
    rpc(young.w3, "anvil_setBalance", token, hex(10**18))
    Sender(young.w3, token).send(young.currency.transfer(thief, 5))
    result = reconcile(young.w3, young.record)
    assert not result.ok
    assert [(h.holder, h.difference) for h in result.holders if h.difference] == [(thief, 5)]
    names = {c.name: c.difference for c in result.checks if c.difference}
    assert names == {
        "money: token: by the books = held": -5,
        "log: events that no act of the deal explains": 1,
    }
    assert [(r.kind, r.party, r.difference) for r in result.rows if r.difference] == [
        ("unannounced", thief, 5)
    ]
    assert "currency Transfer: no act of the deal explains it" in result.notes[-1]


def test_a_block_keeps_its_order(young: Life) -> None:
    """Transfer, coupon, transfer in one block: the coupon goes to who held between them."""
    young.settle()
    young.fund(THOUSAND)
    set_time(young.w3, at("2017-04-01"))
    rpc(young.w3, "evm_setAutomine", False)
    give = young.token.transfer(young.c, 1)
    for function in (give, young.bond.payCoupon(), give):
        young.w3.eth.send_transaction(
            {"from": young.a, "to": function.address, "data": calldata(function), "gas": 500_000}  # type: ignore[typeddict-item]
        )
    rpc(young.w3, "evm_mine")
    rpc(young.w3, "evm_setAutomine", True)
    ledger = read_ledger(young.w3, young.record)
    assert ledger.payouts[0].event.block == ledger.transfers["block"].iloc[-1]
    result = reconcile(young.w3, young.record)
    assert result.ok, result.differences
    assert {r.party: r.units for r in result.rows if r.kind == "coupon"} == {
        young.a: 3,
        young.b: 3,
        young.c: 1,
    }
    assert {h.holder: h.units for h in result.holders} == {young.a: 2, young.b: 3, young.c: 2}


def test_a_late_coupon_is_noted_then_counted(young: Life) -> None:
    young.settle()
    young.fund(THOUSAND)
    set_time(young.w3, at("2017-03-31"))
    before = reconcile(young.w3, young.record)
    assert before.ok
    assert before.notes == []
    set_time(young.w3, at("2017-04-10"))
    grace = reconcile(young.w3, young.record)
    assert grace.ok
    assert grace.notes == ["coupon 1: due, not paid, within its grace period"]
    set_time(young.w3, at("2017-04-12"))
    late = reconcile(young.w3, young.record)
    assert not late.ok
    assert {r.party: r.difference for r in late.rows if r.difference} == {
        young.a: -4 * 16_666_666,
        young.b: -3 * 16_666_666,
    }
    young.send(young.c, young.bond.payCoupon())
    assert reconcile(young.w3, young.record).ok


def test_the_last_second_of_grace_is_grace(young: Life) -> None:
    young.settle()
    day = at("2017-04-11")  # ten days after the coupon's
    set_time(young.w3, day)
    grace = reconcile(young.w3, young.record)
    assert (grace.time, grace.ok) == (day, True)
    assert grace.notes == ["coupon 1: due, not paid, within its grace period"]
    set_time(young.w3, day + 1)
    over = reconcile(young.w3, young.record)
    assert (over.time, over.ok) == (day + 1, False)
    assert over.notes == ["coupon 1: due, not paid, past its grace period"]


def test_a_late_coupon_pays_late_interest(young: Life) -> None:
    """116,666,666 of 7,000,000,000 at 3.33.. % are due on 1 April; at 5.43 % they bear 520,684.92 in 30 days,
    which is 74,383 a unit."""
    young.settle()
    set_time(young.w3, at("2017-05-01") + 60)
    waiting = reconcile(young.w3, young.record)
    assert rows_of(waiting, young.a, "late") == [(1, 4 * 74_383, 0)]
    young.fund(116_666_666 + 520_684)
    set_time(young.w3, at("2017-06-01"))  # the money is there, and bears no more
    young.send(young.c, young.bond.payCoupon())
    paid = reconcile(young.w3, young.record)
    assert paid.ok, paid.differences
    assert rows_of(paid, young.a, "late") == [(1, 4 * 74_383, 4 * 74_383)]


def test_a_default_shows_what_was_lost(young: Life) -> None:
    young.settle()
    young.fund(700_000_000)  # a tenth of the principal; six coupons and some
    for date in ("2017-04-01", "2017-10-01", "2018-04-01", "2018-10-01", "2019-04-01", "2019-10-01"):
        young.coupon(date)
    set_time(young.w3, at("2020-04-12"))
    young.send(young.b, young.bond.declareDefault())
    set_time(young.w3, at("2020-05-20"))
    young.send(young.b, young.bond.accelerate())
    called = young.w3.eth.get_block("latest")["timestamp"]  # a busy machine is some seconds late
    young.fund(THOUSAND)
    young.send(young.b, young.bond.recover())
    result = reconcile(young.w3, young.record)
    assert (result.ok, result.states["bond"]) == (False, "accelerated")
    assert any("accelerated" in note for note in result.notes)
    sums = result.payments()
    # 700,000,000 funded less six coupons of 7 x floor(6 x 116,666,666 / 7), and 1,000 more, in sevenths.
    recovered = (700_000_000 + THOUSAND - 699_999_994) // 7 * 7
    assert (sums["recovery"]["actual"], sums["recovery"]["difference"]) == (recovered, 0)
    # Interest comes first, so what is lacking is principal: 1,000 a unit and the outcome at its best, 330,
    # since nobody has measured yet, with coupon 7, 49 days of 5.43 % late, and what has run of coupon 8, less
    # the recovery; in whole minor units a unit.
    assert (sums["principal"]["actual"], "coupon" in [r.kind for r in result.rows if not r.tx]) == (0, False)
    running = 116_666_666 * (called - at("2020-04-01")) // (at("2020-10-01") - at("2020-04-01"))
    late = 116_666_666 * 543 * (called - at("2020-04-01")) // (10_000 * 365 * 86_400)
    owed = 7 * (THOUSAND + OUTCOME) + 116_666_666 + late + running - recovered
    assert 0 <= owed + sums["principal"]["difference"] < 14
    assert [c.name for c in result.checks if c.difference] == []  # money is all accounted for


def test_a_recovered_holding_is_its_new_wallets(young: Life) -> None:
    """The coupon that B's lost key never claimed is C's to claim, with B's units."""
    agent, notice = young.record.wallets["agent"], 90 * 86_400
    young.settle()
    young.fund(THOUSAND)
    young.coupon("2017-04-01")
    young.verify(young.c)
    young.send(agent, young.token.announceRecovery(young.b, young.c))
    reach_time(young.w3, young.w3.eth.get_block("latest")["timestamp"] + notice)
    young.send(young.a, young.token.recoverHolding(young.b))
    young.claim(young.c)
    result = reconcile(young.w3, young.record)
    assert result.ok, result.differences
    first = 116_666_666 // 7
    accounts = {h.holder: (h.units, h.expected, h.claimed, h.unclaimed) for h in result.holders}
    assert accounts[young.b] == (0, 0, 0, 0)
    assert accounts[young.c] == (3, 3 * first, 3 * first, 0)
    (row,) = read_ledger(young.w3, young.record).recoveries.itertuples()
    assert (row.holder, row.to, row.units, row.money) == (young.b, young.c, 3, 3 * first)


def test_gifts_belong_to_holders_and_to_no_promise(young: Life) -> None:
    young.settle()
    giver, token = young.c, young.record.addresses["token"]
    young.send(young.deployer, young.currency.mint(giver, 1_000))
    young.send(giver, young.currency.approve(token, 70))
    young.send(giver, young.token.distribute(70))
    young.send(giver, young.currency.transfer(token, 100))  # straight into the contract: nobody's
    result = reconcile(young.w3, young.record)
    assert result.ok, result.differences
    assert rows_of(result, young.a, "gift") == [(None, 40, 40)]
    assert {h.holder: h.unclaimed for h in result.holders} == {young.a: 40, young.b: 30}


def test_a_failed_offering_is_refunded_in_full() -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, small_deal())
        life.sell(a=4, b=2)  # the soft cap is seven
        set_time(life.w3, at("2016-09-29"))
        life.send(life.a, life.offering.refund(3))
        result = reconcile(life.w3, life.record)
        assert result.ok, result.differences
        assert result.states == {"offering": "failed", "bond": "offered"}
        assert rows_of(result, life.a, "refund") == [(None, 3 * THOUSAND, 3 * THOUSAND)]
        assert {h.holder: h.units for h in result.holders} == {life.a: 1, life.b: 2}
        assert result.earned()["expected"] == 0
        assert (result.notes, result.not_yet) == (
            ["the issue has failed; 3 of the 6 units sold are given back"],
            [],
        )


def test_an_issue_that_nobody_bought_has_failed_and_nothing_is_to_come() -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, small_deal())
        open_block = chain.w3.eth.block_number
        assert reconcile(life.w3, life.record).not_yet  # it is still to be sold
        set_time(life.w3, at("2016-09-29"))
        result = reconcile(life.w3, life.record)
        assert result.ok, result.differences
        assert (result.notes, result.not_yet) == (["the issue has failed; no units were sold"], [])
        then = reconcile(life.w3, life.record, block=open_block)
        assert "the issue has failed; no units were sold" not in then.notes
        assert "the bond is not redeemed" in then.not_yet


def test_deals_on_one_chain_do_not_mix(anvil: LocalChain) -> None:
    tree = json.loads(small_deal().canonical_json)
    lives = []
    for title in ("first of two", "second of two"):
        life = Life(anvil, parse_deal({**tree, "title": title}))
        life.sell(a=2 if title.startswith("first") else 5)
        lives.append(life)
    for life, units in zip(lives, (2, 5), strict=True):
        result = reconcile(life.w3, life.record)
        assert result.ok, result.differences
        assert [(h.holder, h.units) for h in result.holders] == [(life.a, units)]
