"""Ledger and reconciliation over whole lives of swap deals, and what must be found when something is wrong.

Expected amounts are worked out by hand from the deal files: a quarter of Bloom's swap pays its fixed amount
(3,060,000, 3,780,000, 3,520,000, 2,560,000, and so on) less the proxy revenue reported; a quarter of the
rainfall swap pays 20,000 a millimetre, less 1,880,000, 4,850,000, 7,510,000 or 2,650,000. Late amounts bear
8 % a year of 365 days.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chain.bindings import calldata
from chain.history import place
from chain.network import reach_time, rpc, start_anvil, start_ganache
from chain.parts import words_of
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.sender import Sender
from finance.terms import Deal, parse_deal
from tests.chain.bond_life import CLIENTS
from tests.chain.swap_life import (
    BEFORE,
    DAY,
    VOID,
    SwapLife,
    at,
    project_deal,
    project_life,
    rain_deal,
    rain_life,
    units,
    valued_deal,
)

YEAR = 365 * DAY


def late(principal: int, seconds: int) -> int:
    """Interest at 8 % a year, in whole minor units."""
    return principal * 8 * seconds // (100 * YEAR)


Lives = tuple[SwapLife, SwapLife]


def both_lives(client: str) -> Iterator[Lives]:
    start = CLIENTS[client]
    with (
        start(timestamp=BEFORE["bloom-wind-prs"]) as one,
        start(timestamp=BEFORE["water-utility-rainfall-swap"]) as other,
    ):
        yield project_life(one), rain_life(other)


@pytest.fixture(scope="module")
def anvil_lives() -> Iterator[Lives]:
    """Whole lives of a project and of a swap between two parties. Read only, as the next."""
    yield from both_lives("anvil")


@pytest.fixture(scope="module")
def ganache_lives() -> Iterator[Lives]:
    yield from both_lives("ganache")


@pytest.fixture(params=list(CLIENTS))
def lives(request: pytest.FixtureRequest) -> Lives:
    """The lives on each client."""
    found: Lives = request.getfixturevalue(f"{request.param}_lives")
    return found


@pytest.fixture
def project(lives: Lives) -> SwapLife:
    return lives[0]


@pytest.fixture
def rain(lives: Lives) -> SwapLife:
    return lives[1]


@pytest.fixture
def young() -> Iterator[SwapLife]:
    """A swap between two parties, just funded, on a chain of its own."""
    with start_anvil(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        life = SwapLife(chain, rain_deal())
        life.fund("payer", units(2_000_000))
        life.fund("payee", units(1_000_000))
        life.activate()
        yield life


def of(result: Reconciliation, kind: str) -> list[tuple[str, int | None, int, int]]:
    return [(r.party, r.period, r.expected, r.actual) for r in result.rows if r.kind == kind]


def amounts(result: Reconciliation, kind: str) -> list[int]:
    rows = of(result, kind)
    assert all(expected == actual for _, _, expected, actual in rows), rows
    return [actual for _, _, _, actual in rows]


# -- whole lives


def test_a_project_s_life_reconciles_to_the_unit(project: SwapLife) -> None:
    result = project.reconcile()
    assert result.ok, (result.differences, result.deployment, result.refused)
    assert result.states == {"offering": "settled", "treasury": "closed", "swap": "matured"}
    assert [(r.status, r.value) for r in result.reports] == [
        ("final", 250_000_000),
        ("final", 450_000_000),  # as the panel corrected it
        ("missing", None),
        ("final", 100_000_000),
        ("final", 6_000_000),
        ("final", 20_000_000),
    ]
    treasury = project.record.addresses["treasury"]
    payer = project.record.wallets["payer"]
    assert of(result, "settlement_to_payee") == [
        (treasury, period, units(amount), units(amount))
        for period, amount in ((1, 560_000), (4, 1_560_000), (5, 3_000_000), (6, 3_580_000))
    ]
    assert of(result, "settlement_to_payer") == [
        (payer, period, units(amount), units(amount)) for period, amount in ((2, 720_000), (3, 11_480_000))
    ]
    assert amounts(result, "unpaid") == [units(a) for a in (720_000, 11_480_000, 580_000)]
    assert amounts(result, "netted") == [units(1_560_000), units(3_000_000)]
    assert amounts(result, "paid") == [units(560_000), units(3_000_000)]
    assert result.payments()["operating_cost"]["actual"] == units(6 * 1_100_000)
    assert result.payments()["debt_service"]["actual"] == units(6 * 1_000_000)
    # In the fourth quarter 1,500,000 came in: the lender waits for 600,000 of its million.
    assert [a for _, p, _, a in of(result, "debt_service") if p in (4, 5)] == [
        units(400_000),
        units(1_600_000),
    ]


def test_holders_get_what_is_left_and_dust_is_carried(project: SwapLife) -> None:
    result = project.reconcile()
    a, b, c = (project.address(name) for name in "abc")
    # 2,400,000.123457 of revenue and 560,000 of the swap, less 2,100,000: 860,000.123457 for 60,000 units.
    first = 14_333_335
    assert units("860000.123457") // 60_000 == first
    rows = [row for row in result.rows if row.kind == "distribution"]
    assert [(r.party, r.units, r.actual) for r in sorted(rows[:2], key=lambda r: r.party == b)] == [
        (a, 30_000, 30_000 * first),
        (b, 30_000, 30_000 * first),
    ]
    # 4,300,000 and the dust, less 2,100,000 and the 720,000 owed with the interest since it was settled.
    table = project.ledger()
    settled, paid = table.periods["time"][1], table.treasury_periods["time"][1]
    dust = units("860000.123457") - 60_000 * first
    second = (units(2_200_000 - 720_000) + dust - late(units(720_000), paid - settled)) // 60_000
    assert {r.party: (r.units, r.actual) for r in rows if r.period == 2} == {
        a: (20_000, 20_000 * second),
        b: (30_000, 30_000 * second),
        c: (10_000, 10_000 * second),
    }
    assert {row.period for row in rows} == {1, 2, 5, 6, 7}  # nothing was left in quarters 3 and 4
    holders = {h.holder: h for h in result.holders}
    assert {h: (x.units, x.claimed) for h, x in holders.items() if h in (a, c)} == {
        a: (20_000, 30_000 * first),
        c: (10_000, holders[c].expected),
    }
    assert holders[b].claimed + holders[b].unclaimed == holders[b].expected
    ((_, _, carried, held),) = of(result, "carried")
    assert 0 < carried == held < 60_000


def test_interest_on_late_amounts_by_hand(project: SwapLife, rain: SwapLife) -> None:
    for life, period, principal, side, fundings in (
        (project, 1, units(720_000), "payee", 0),
        (rain, 1, units(250_000), "payee", 0),
    ):
        tables = life.ledger()
        settled = tables.periods["time"][period]
        later = tables.fundings[(tables.fundings["side"] == side) & (tables.fundings["repaid"] != 0)]
        row = later.iloc[fundings]
        assert row["repaid"] == principal + late(principal, row["time"] - settled)


def test_a_life_between_two_parties_reconciles_to_the_unit(rain: SwapLife) -> None:
    result = rain.reconcile()
    assert result.ok, (result.differences, result.deployment, result.refused)
    assert (result.states, result.holders) == ({"swap": "closed"}, [])
    assert amounts(result, "settlement_to_payee") == [units(1_120_000), units(490_000)]
    assert amounts(result, "settlement_to_payer") == [units(a) for a in (1_250_000, 2_650_000, 680_000)]
    # The last year brought the provider 1,250,000 - 490,000 + 2,650,000 + 680,000: a quarter of it for the
    # one quarter that is left, which is more than the utility's collateral of a million.
    assert amounts(result, "close_out_to_payer") == [units(1_022_500)]
    tables = rain.ledger()
    assert list(tables.margins["event"]) == ["called", "restored", "called", "restored", "called"]
    money = {(a.address, a.figure): a.actual for a in result.accounts}
    payer, payee = rain.record.wallets["payer"], rain.record.wallets["payee"]
    assert money[payer, "paid_in"] == units(3_690_000)
    assert money[payee, "paid_in"] == units(5_800_000)
    assert sum(v for (_, figure), v in money.items() if figure == "received") == units(9_490_000)
    assert {p.figure for p in result.positions} == {"held", "owes"}
    assert not any(p.actual for p in result.positions)


def test_the_past_can_be_reconciled_too(anvil_lives: Lives) -> None:
    """At each settlement and the block before: with debts, open margin calls, and a default to close out."""
    for life in anvil_lives:
        seen = set()
        for block in [b for settled in life.ledger().periods["block"] for b in (settled - 1, settled)]:
            result = reconcile(life.w3, life.record, block=block)
            assert result.ok, (block, result.differences, result.refused)
            seen |= {note.split(":")[0] for note in result.notes}
        assert "payee" in seen  # owes


def test_sums_and_json_agree_with_the_rows(project: SwapLife) -> None:
    result = project.reconcile()
    assert all(words_of(row.kind) for row in result.rows)
    sums = result.payments()
    by_party = result.by_party()
    for kind, each in sums.items():
        assert each["actual"] == sum(kinds[kind]["actual"] for kinds in by_party.values() if kind in kinds)
    text = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert text["ok"] is True
    assert text["payments"]["unpaid"] == {
        "expected": "12780000000000",
        "actual": "12780000000000",
        "difference": "0",
    }
    assert len(text["rows"]) == len(result.rows) == len(result.frame())
    assert text["reports"][2] == {"kpi": "proxy-revenue", "period": 3, "status": "missing", "value": None}


# -- ledger


def test_every_row_names_the_transaction_it_comes_from(project: SwapLife, rain: SwapLife) -> None:
    for life in (project, rain):
        receipts: dict[str, Any] = {}
        for name, table in life.ledger().tables().items():
            assert list(table.columns[:4]) == ["block", "log", "time", "tx"], name
            for row in table.drop_duplicates("tx").itertuples():
                receipt = receipts.setdefault(row.tx, life.w3.eth.get_transaction_receipt(row.tx))
                assert receipt["blockNumber"] == row.block
                assert row.log in [log["logIndex"] for log in receipt["logs"]]


def test_balances_end_at_what_the_chain_holds(project: SwapLife, rain: SwapLife) -> None:
    for life in (project, rain):
        ledger = life.ledger()
        last = dict(ledger.balances.groupby("account")["balance"].last())
        for name in ("swap", "treasury", "token", "offering"):
            address = life.record.addresses.get(name)
            if address is not None:
                assert last.get(name, 0) == life.balance(address)
        for side in ("payer", "payee"):
            account = life.account(side)
            assert last.get(f"{side} posted", 0) == account["balance"]
            assert last.get(f"{side} credit", 0) == account["credit"]
        outside = sum(v for k, v in last.items() if k.startswith("0x"))
        inside = sum(last.get(k, 0) for k in ("swap", "treasury", "token", "offering"))
        assert outside == -inside
    assert last[rain.record.wallets["payer"]] == -last[rain.record.wallets["payee"]]


def test_revenue_stands_by_line(project: SwapLife) -> None:
    revenue = project.ledger().revenue
    assert dict(revenue.groupby("line")["amount"].sum()) == {
        "power sales": units("22800000.123457"),
        "renewable certificates": units(100_000),
    }
    turns = list(project.ledger().turns["event"])
    assert turns[:2] == ["PaymentInitialized", "TreasuryInitialized"]
    assert turns[-3:] == ["Matured", "TreasuryClosed", "TokenClosed"]
    assert list(project.ledger().rulings["verdict"]) == ["corrected"]
    assert list(project.ledger().distributions["kind"]) == ["revenue"] * 5


# -- other ends


def test_an_agreed_termination_is_paid_at_once() -> None:
    with start_ganache(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        life = SwapLife(chain, rain_deal())
        life.fund("payer", units(2_500_000))
        life.fund("payee", units(1_000_000))
        life.activate()
        life.settle_at(0, 150)
        withdrawn = life.propose_termination("payer", units(1), life.now() + DAY)
        life.send("payer", life.swap.withdrawTermination())
        number = life.propose_termination("payee", units(300_000), life.now() + 30 * DAY)
        life.accept_termination("payer", number)
        assert (withdrawn, number) == (1, 1)
        life.withdraw("payee", by="stranger")
        result = life.reconcile()
        assert result.ok, result.differences
        assert result.states["swap"] == "terminated"
        assert amounts(result, "termination_to_payee") == [units(300_000)]
        ledger = life.ledger()
        assert list(ledger.ends["how"]) == ["termination"]
        assert list(ledger.proposals["event"]) == ["proposed", "withdrawn", "proposed"]
        money = {(a.address, a.figure): a.actual for a in result.accounts}
        assert money[life.address("payee"), "received"] == units(2_420_000)


@pytest.mark.parametrize("value", ["-4000000.5", None], ids=["reported", "missing"])
def test_a_close_out_by_model_value(value: str | None) -> None:
    """What the rest is worth, by the model's report for the first period that begins after the default;
    without one the worst for the utility, which controls the data and defaulted: that it owes 9,000,000."""
    with start_anvil(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        life = SwapLife(chain, valued_deal())
        life.fund("payer", units(2_000_000))
        life.fund("payee", units(1_000_000))
        life.activate()
        life.settle_at(0, 80)  # 1,600,000 - 1,880,000: 280,000 to the provider
        life.call_margin("payee", by="payer")
        life.settle_at(1, "242.5")  # under way at the default: nothing
        if value is not None:
            life.report(2, value, kpi="model-value")
        reach_time(life.w3, life.pay_dates[2] + DAY)
        life.close_out()
        result = life.reconcile()
        assert result.ok, result.differences
        owes = units("4000000.5") if value else units(9_000_000)
        assert amounts(result, "close_out_to_payer") == [owes]
        assert amounts(result, "unpaid") == [owes - units(720_000)]
        life.fund("payee", units(200_000))
        life.withdraw("payer")
        assert life.reconcile().ok


def test_a_failed_issue_ends_the_swap_and_is_refunded() -> None:
    with start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain:
        life = SwapLife(chain, project_deal())
        life.sell(a=30_000, b=10)  # all or nothing: 60,000
        life.fund("payer", units(3_000_000))
        life.fund("payee", 123, by="stranger")
        life.send("stranger", life.currency.transfer(life.record.addresses["treasury"], 77))
        reach_time(life.w3, at("2017-05-31"))
        life.send("a", life.offering.refund(30_000))
        life.return_money("stranger")
        life.withdraw("payer")  # nothing: it is bound until the swap lapses
        result = life.reconcile()
        assert result.ok
        # The swap has not lapsed by the clock, and can begin no more all the same.
        assert (result.states["swap"], result.not_yet) == ("agreed", [])
        assert result.notes == ["the issue has failed; 30,000 of the 30,010 units sold are given back"]
        reach_time(life.w3, at("2017-06-01") + 1)
        life.withdraw("payer", by="stranger")
        result = life.reconcile()
        assert result.ok, result.differences
        assert (result.states["swap"], result.states["treasury"]) == ("lapsed", "offered")
        assert amounts(result, "refund") == [units(9_000_000)]
        assert amounts(result, "returned") == [200]
        assert amounts(result, "given_back") == [123, units(3_000_000)]
        assert [(h.holder, h.units) for h in result.holders if h.units] == [(life.address("b"), 10)]
        # What a stranger sends into the lapsed swap the treasury takes, and gives the issuer.
        life.fund("payee", 5, by="stranger")
        life.return_money("stranger")
        life.send("stranger", life.currency.transfer(life.record.addresses["token"], 3))  # nobody's
        result = life.reconcile()
        assert result.ok, result.differences
        assert amounts(result, "returned") == [200, 5]


def test_the_swap_begins_with_the_issue() -> None:
    with start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain:
        life = SwapLife(chain, project_deal())
        life.fund("payer", units(3_000_000))
        life.sell(a=60_000)
        life.send("stranger", life.currency.transfer(life.record.addresses["treasury"], 60_001))
        assert life.reconcile().ok
        life.settle_offering()
        assert life.reconcile().ok
        life.settle_at(0, "3060000")  # nothing to pay
        result = life.reconcile()
        assert result.ok, result.differences
        assert of(result, "settlement_to_payee") == [(life.record.addresses["treasury"], 1, 0, 0)]
        assert result.notes == ["period 1: due, not paid by the treasury"]


# -- order, gifts, and what is only noted


def test_a_voided_report_counts_as_missing(young: SwapLife) -> None:
    young.report(0, 150)
    young.challenge(0)
    young.rule(0, VOID)
    reach_time(young.w3, young.pay_dates[0])
    assert young.reconcile().notes == ["period 1: due, not settled, its report is missing"]
    young.settle()
    result = young.reconcile()
    assert result.ok, result.differences
    assert amounts(result, "settlement_to_payer") == [units(1_880_000)]
    assert amounts(result, "unpaid") == [units(880_000)]
    assert any(note.startswith("payee: owes USD 880,000.000") for note in result.notes)


def test_a_default_that_nobody_has_closed_out_is_noted(young: SwapLife) -> None:
    young.settle_at(0, 150)
    young.call_margin("payer", by="payee")
    assert any(note.startswith("payer: margin called") for note in young.reconcile().notes)
    reach_time(young.w3, young.now() + 11 * DAY)
    result = young.reconcile()
    assert (result.ok, result.states["swap"]) == (True, "defaulted")
    assert any(note.startswith("in default since") for note in result.notes)
    # A call that has run out can be met no more, and what ended has nothing to meet.
    assert not any("margin called" in note for note in result.notes)
    assert "the swap, in default, is not closed out" in result.not_yet


def test_money_sent_to_the_swap_is_nobody_s(young: SwapLife) -> None:
    young.send("stranger", young.currency.transfer(young.record.addresses["swap"], 5))
    result = young.reconcile()
    assert result.ok, result.differences
    assert amounts(result, "sent") == [5]
    assert result.notes == [f"USD 0.000005 sent straight to {young.record.addresses['swap']}: nobody's"]


def test_gifts_belong_to_holders_and_to_no_promise() -> None:
    with start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain:
        life = SwapLife(chain, project_deal())
        life.fund("payer", units(3_000_000))
        life.sell(a=20_000, b=40_000)
        life.settle_offering()
        life.act("stranger", "token.distribute", amount=120_000)
        life.claim("a")
        result = life.reconcile()
        assert result.ok, result.differences
        assert sorted(amounts(result, "gift")) == [40_000, 80_000]
        assert {h.holder: (h.claimed, h.unclaimed) for h in result.holders} == {
            life.address("a"): (40_000, 0),
            life.address("b"): (0, 80_000),
        }


def test_what_a_stranger_posts_for_the_project_is_collected_with_its_credit() -> None:
    with start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain:
        life = SwapLife(chain, project_deal())
        life.fund("payer", units(3_000_000))
        life.sell(a=60_000)
        life.settle_offering()
        life.settle_at(0, "2500000")
        life.fund("payee", 123, by="stranger")
        life.earn("2100000")
        life.pay()
        result = life.reconcile()
        assert result.ok, result.differences
        assert amounts(result, "given_back") == [123]
        assert amounts(result, "withdrawn") == [units(560_000)]
        # 560,000,000,123 minor units for 60,000 units: 9,333,333 each
        assert amounts(result, "distribution") == [559_999_980_000]
        assert amounts(result, "carried") == [20_123]


def test_a_block_keeps_its_order() -> None:
    """Transfer, payment, transfer in one block: the money goes to who held between them."""
    with start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain:
        life = SwapLife(chain, project_deal())
        life.fund("payer", units(3_000_000))
        life.sell(a=30_000, b=30_000)
        life.settle_offering()
        life.settle_at(0, "2500000")
        life.earn("2100000")
        rpc(life.w3, "evm_setAutomine", False)
        give = life.token.transfer(life.address("c"), 10_000)
        for function in (give, life.treasury.pay(), give):
            life.w3.eth.send_transaction(
                {
                    "from": life.address("a"),
                    "to": function.address,
                    "data": calldata(function),
                    "gas": 900_000,
                }  # type: ignore[typeddict-item]
            )
        rpc(life.w3, "evm_mine")
        rpc(life.w3, "evm_setAutomine", True)
        result = life.reconcile()
        assert result.ok, result.differences
        got = {r.party: r.units for r in result.rows if r.kind == "distribution"}
        assert got == {life.address("a"): 20_000, life.address("b"): 30_000, life.address("c"): 10_000}


def test_deals_on_one_chain_do_not_mix() -> None:
    with start_anvil(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        lives = [SwapLife(chain, rain_deal(title)) for title in ("first of two", "second of two")]
        for life, amount in zip(lives, (2, 3), strict=True):
            life.fund("payer", units(amount))
        for life, amount in zip(lives, (2, 3), strict=True):
            result = life.reconcile()
            assert result.ok, result.differences
            assert result.payments()["posted"]["actual"] == units(amount)


# -- what must be found


def altered(deal: Deal, change: Callable[[dict[str, Any]], None]) -> Deal:
    tree = json.loads(deal.canonical_json)
    change(tree)
    return parse_deal(tree)


def test_an_altered_deal_does_not_reconcile(anvil_lives: Lives) -> None:
    rain = anvil_lives[1]

    def dearer(tree: dict[str, Any]) -> None:
        tree["parts"]["swap"]["fixed"]["value"][0] = "-1880001"

    result = reconcile(rain.w3, rain.record, altered(rain.deal, dearer))
    assert not result.ok
    first = next(r for r in result.rows if r.kind == "settlement_to_payee")
    assert (first.period, first.difference) == (1, units(1))
    assert "swap.terms.periods[0].fixedAmount" in {d.field for d in result.deployment}


def test_an_altered_cost_does_not_reconcile(anvil_lives: Lives) -> None:
    project = anvil_lives[0]

    def cheaper(tree: dict[str, Any]) -> None:
        tree["parts"]["treasury"]["operating_cost"]["value"] = ["1000000"]

    result = reconcile(project.w3, project.record, altered(project.deal, cheaper))
    first = [r for r in result.rows if r.period == 1 and r.difference]
    assert {r.kind for r in first if r.kind != "claim"} == {"operating_cost", "distribution"}
    assert sum(r.difference for r in first if r.kind == "operating_cost") == units(100_000)
    assert any(h.difference < 0 for h in result.holders)


def test_a_shortened_history_does_not_reconcile(anvil_lives: Lives) -> None:
    """The end of it cut off, wherever money or a state changed since: the contracts know better."""
    for life in anvil_lives:
        ledger = life.ledger()
        blocks = sorted({event.block for event in ledger.events if event.source != "oracle"})
        for last in blocks[3:-1:5]:
            short = replace(ledger, events=[event for event in ledger.events if event.block <= last])
            assert not reconcile(life.w3, life.record, ledger=short).ok, last


def test_a_step_that_the_deal_does_not_allow_is_named(young: SwapLife) -> None:
    young.settle_at(0, 150)
    ledger = young.ledger()
    twice = [
        *ledger.events,
        replace(next(ledger.of("payment", "PeriodSettled")), block=ledger.to_block, index=99),
    ]
    result = reconcile(young.w3, young.record, ledger=replace(ledger, events=twice))
    assert not result.ok
    assert result.notes[-1].startswith(f"block {ledger.to_block}, swap PeriodSettled: no act of the deal")


def test_after_a_step_that_is_refused_nothing_is_expected_and_all_that_was_paid_is_shown(
    anvil_lives: Lives,
) -> None:
    """A settlement before its day, at the very beginning: each later payment is a row of its own, in full."""
    for life in anvil_lives:
        ledger, honest = life.ledger(), life.reconcile()
        begun = next(n for n, e in enumerate(ledger.events) if e.name == "PaymentActivated")
        early = replace(
            next(ledger.of("payment", "PeriodSettled")), block=ledger.events[begun].block, index=10**6
        )
        false = replace(early, time=ledger.events[begun].time, tx="0xfalse")
        events = [*ledger.events[: begun + 1], false, *ledger.events[begun + 1 :]]
        result = reconcile(life.w3, life.record, ledger=replace(ledger, events=events))
        before = {event.tx for event in ledger.events[: begun + 1]} | {"", "0xfalse"}
        later, usual = ([row for row in found.rows if row.tx not in before] for found in (result, honest))
        assert not any(row.expected for row in later)
        # Whose credit or collateral left, what was interest, and who held units, only the books know.
        unsure = {
            "interest",
            "withdrawn",
            "given_back",
            "distribution",
            "gift",
            "sent",
            "unannounced",
        }
        shown, should = (
            [
                (row.kind, row.party, row.actual, row.tx)
                for row in rows
                if row.kind not in unsure and row.actual
            ]
            for rows in (later, usual)
        )
        assert shown == should
        money = {(a.address, a.figure): a.actual for a in honest.accounts}
        assert {(a.address, a.figure): a.actual for a in result.accounts} == money
        assert any(a.difference for a in result.accounts)


def test_money_that_leaves_a_contract_unseen_is_found(young: SwapLife) -> None:
    swap = young.record.addresses["swap"]
    rpc(young.w3, "anvil_impersonateAccount", swap)
    rpc(young.w3, "anvil_setBalance", swap, hex(10**18))
    Sender(young.w3, swap).send(young.currency.transfer(young.address("stranger"), 5))
    result = young.reconcile()
    assert not result.ok
    assert [(r.kind, r.party, r.difference) for r in result.rows if r.difference] == [
        ("unannounced", young.address("stranger"), 5)
    ]
    assert {c.name: c.difference for c in result.checks if c.difference} == {
        "money: swap: by the books = held": -5,
        "log: events that no act of the deal explains": 1,
    }


def test_a_claim_that_pays_somebody_else_is_found(anvil_lives: Lives) -> None:
    project = anvil_lives[0]
    ledger = project.ledger()
    claim = next(ledger.of("token", "Claimed"))
    to = next(e for e in ledger.of("currency", "Transfer") if e.tx == claim.tx)
    stolen = replace(to, arguments={**to.arguments, "to": project.address("stranger")})
    events = [stolen if place(e) == place(to) else e for e in ledger.events]
    result = reconcile(project.w3, project.record, ledger=replace(ledger, events=events))
    assert {h.holder for h in result.holders if h.difference} == {
        claim.arguments["holder"],
        project.address("stranger"),
    }
