"""Tables and sums of ledgers, from events made by hand: who held what, what belongs together, strays."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from pickle import dumps, loads
from types import SimpleNamespace
from typing import Any

import pytest

from chain.events import Watch, filters
from chain.history import Event
from chain.ledger import Ledger
from chain.log_reader import Log
from chain.parts import PARTS
from chain.parts.base import PartKind, said, turns
from chain.reconciliation import (
    Check,
    Holder,
    Position,
    Reconciliation,
    ReportState,
    Row,
    verdict,
)
from chain.terms import text_of
from finance.terms import InputError

ZERO, A, B, C = ("0x" + f"{n:040x}" for n in (0, 10, 11, 12))
SWAP, TREASURY, TOKEN, OFFERING, BOND = ("0x" + f"{n:040x}" for n in range(1, 6))


def event(at: tuple[int, int], source: str, name: str, tx: str = "0xt", **arguments: Any) -> Event:
    block, index = at
    return Event(block, index, 1000 * block, tx, source, name, arguments)


def moved(
    at: tuple[int, int], who: str, to: str, value: int, source: str = "currency", tx: str = "0xt"
) -> Event:
    return event(at, source, "Transfer", tx, **{"from": who, "to": to, "value": value})


def parts_at(**at: str) -> dict[str, Any]:
    """Parts by key, as a record has them; a swap's kind is payment."""
    return {
        key: SimpleNamespace(kind={"swap": "payment"}.get(key, key), address=address)
        for key, address in at.items()
    }


def tables(*events: Event, to_block: int = 9) -> Ledger:
    return Ledger(
        to_block, 9000, list(events), SimpleNamespace(feeds={"kpi": "0xf"}, parts=parts_at(token=TOKEN))
    )


# -- units


def test_holdings_at_any_moment() -> None:
    found = tables(
        moved((1, 3), ZERO, A, 5, "token"),
        moved((2, 1), A, B, 2, "token"),
        moved((2, 4), B, C, 2, "token"),
        moved((7, 0), C, ZERO, 1, "token"),
        moved((8, 0), A, B, 99),  # money is no unit
    )
    assert found.holdings_at(0) == {}
    assert found.holdings_at(1) == {A: 5}
    assert found.holdings_at(2, before_log=1) == {A: 5}
    assert found.holdings_at(2, before_log=4) == {A: 3, B: 2}
    assert found.holdings_at(2, before_log=5) == found.holdings_at(2) == found.holdings_at(6) == {A: 3, C: 2}
    assert found.holdings_at(7, before_log=0) == {A: 3, C: 2}
    assert found.holdings_at() == found.holdings_at(9) == {A: 3, C: 1}
    assert found.holders == [A, B, C]
    rows = [(row.holder, row.units) for row in found.holdings.itertuples()]
    assert rows == [(A, 5), (A, 3), (B, 2), (B, 0), (C, 2), (C, 1)]
    early = tables(*found.events, to_block=2)
    assert early.holdings_at() == {A: 3, C: 2}


def test_what_recoveries_hand_on() -> None:
    found = tables(
        event((1, 0), "token", "HoldingRecovered", holder=A, to=B, units=3, money=70),
        event((2, 0), "token", "HoldingRecovered", holder=B, to=C, units=3, money=80),
        event((2, 1), "other", "HoldingRecovered", holder=B, to=C, units=3, money=1000),
    )
    assert list(found.recoveries["money"]) == [70, 80]


def test_reports_name_their_signers_and_kpi() -> None:
    """One byte for each, its index and one more, the first in the lowest: up to all 32."""
    everybody = sum((index + 1) << (8 * place) for place, index in enumerate(range(32)))
    about = {"feed": "0xf", "period": 2, "version": 1, "value": -7, "evidence": "0xe", "supersedes": "0x0"}
    found = tables(
        event((1, 0), "oracle", "ReportSubmitted", **about, finalAt=77, signers=0x01_04_02),
        event((2, 0), "oracle", "ReportSubmitted", **about, finalAt=78, signers=everybody),
        event(
            (3, 0),
            "oracle",
            "ReportRuled",
            feed="0xf",
            period=2,
            version=1,
            verdict=2,
            value=0,
            evidence="0x",
        ),
    )
    assert list(found.reports["signers"]) == [(1, 3, 0), tuple(range(32))]
    assert list(found.reports["kpi"]) == ["kpi", "kpi"]
    assert list(found.rulings["verdict"]) == ["void"]
    kinds = found.reports.dtypes
    assert {name: str(kinds[name]) for name in ("block", "time", "period", "final_at", "value")} == {
        "block": "int64", "time": "int64", "period": "int64", "final_at": "int64", "value": "object",
    }  # fmt: skip


# -- a bond's money


def bond_ledger(*events: Event) -> Ledger:
    record: Any = SimpleNamespace(parts=parts_at(bond=BOND, token=TOKEN, offering=OFFERING), feeds={})
    return Ledger(9, 9000, list(events), record)


def shared(at: tuple[int, int], payer: str, paid: int, per_unit: int) -> Event:
    return event(at, "token", "Distributed", payer=payer, paid=paid, perUnit=per_unit)


def test_a_distribution_is_what_the_bond_announces_after_it() -> None:
    found = bond_ledger(
        shared((1, 0), BOND, 70, 10),
        event((1, 1), "bond", "CouponPaid", period=3, interest=50, repayment=15, late=5),
        shared((2, 0), A, 14, 2),
        shared((3, 0), BOND, 700, 100),
        event((3, 1), "token", "CouponPaid", period=9, interest=0, repayment=0, late=0),
        event((3, 2), "bond", "BondRedeemed", principal=690, late=10),
        shared((4, 0), BOND, 7, 1),
        event((4, 1), "bond", "Recovered", late=1, interest=2, principal=4),
        event((5, 0), "bond", "CouponPaid", period=4, interest=1, repayment=0, late=0),  # nothing was shared
    )
    assert [(d.kind, d.index, d.payer, d.paid, d.supply) for d in found.payouts] == [
        ("coupon", 3, BOND, 70, 7),
        ("gift", -1, A, 14, 7),
        ("redemption", -1, BOND, 700, 7),
        ("recovery", -1, BOND, 7, 7),
    ]
    assert [(d.interest, d.principal, d.late) for d in found.payouts] == [
        (50, 15, 5), (0, 0, 0), (0, 690, 10), (2, 4, 1),
    ]  # fmt: skip


def test_turns_are_of_the_contracts_and_not_of_their_currency() -> None:
    names = [
        ("offering", "OfferingSettled"), ("currency", "TransfersPaused"), ("token", "TransfersPaused"),
        ("token", "Transfer"), ("bond", "BondActivated"),
    ]  # fmt: skip
    events = [event((n, 0), source, name, value=1) for n, (source, name) in enumerate(names)]
    assert list(bond_ledger(*events).turns["event"]) == [
        "OfferingSettled",
        "TransfersPaused",
        "BondActivated",
    ]
    assert list(swap_ledger(*events).turns["event"]) == ["OfferingSettled", "TransfersPaused"]


# -- a swap's


def swap_ledger(*events: Event, project: bool = True) -> Ledger:
    at = {"swap": SWAP, "treasury": TREASURY, "token": TOKEN, "offering": OFFERING}
    addresses = at if project else {"swap": SWAP}
    record: Any = SimpleNamespace(
        addresses=addresses, parts=parts_at(**addresses), wallets={"issuer": C}, feeds={}
    )
    return Ledger(9, 9000, list(events), record)


def test_what_belongs_together_is_in_one_transaction() -> None:
    first = event((1, 1), "swap", "AmountPaid")
    middle = event((1, 2), "swap", "PeriodSettled")
    last = event((1, 3), "swap", "AmountPaid")
    elsewhere = event((1, 4), "swap", "Funded", tx="0xo")
    found = swap_ledger(first, middle, last, event((1, 5), "treasury", "AmountPaid"), elsewhere)
    assert found.after(middle, "swap", "AmountPaid") is last
    assert found.before(middle, "swap", "AmountPaid") is first
    assert found.before(last, "swap", "AmountPaid") is first
    assert found.after(first, "swap", "AmountPaid") is last
    for none in (
        found.after(middle, "swap", "Funded"),
        found.after(last, "swap", "AmountPaid"),
        found.before(first, "swap", "AmountPaid"),
        found.before(middle, "treasury", "AmountPaid"),
    ):
        assert none is None


def test_tables_of_a_swap_have_its_own_events_alone() -> None:
    """The oracle, the token and strangers have events of the same names."""
    said = [
        event((1, 0), "swap", "MarginCalled", side=0, deadline=50),
        event((1, 1), "other", "MarginCalled", side=1, deadline=60),
        event((2, 0), "swap", "MarginRestored", side=1),
        event((3, 0), "swap", "TerminationProposed", side=1, id=4, amount=-5, expiry=70),
        event((3, 1), "swap", "TerminationWithdrawn", side=1, id=4),
        event((3, 2), "other", "TerminationWithdrawn", side=1, id=4),
        event((4, 0), "swap", "PeriodSettled", period=2, kpi=9, missing=False, amount=-30),
        event((4, 1), "swap", "AmountPaid", amount=-30, netted=5, paid=20, unpaid=5),
        event((5, 0), "swap", "PeriodSettled", "0xp", period=3, kpi=0, missing=True, amount=0),
        event((6, 0), "swap", "ClosedOut", "0xc", amount=3, period=4, missing=False, defaultedAt=1),
        event((6, 1), "other", "ClosedOut", "0xc", amount=3),
        event((7, 0), "swap", "Withdrawn", "0xw", side=1, to=A, amount=4),
        event((7, 1), "treasury", "Withdrawn", "0xw", party=1, to=B, amount=5),
        event((7, 2), "token", "Withdrawn", "0xw", party=1, to=B, amount=6),
        event((7, 3), "treasury", "Else", "0xw", party=1, to=B, amount=6),
        event((8, 0), "swap", "Funded", "0xf", side=1, amount=10, repaid=4, **{"from": A}),
    ]
    found = swap_ledger(*said)

    def rows(table: Any, *columns: str) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in columns) for row in table.to_dict("records")]

    assert rows(found.margins, "event", "side", "deadline") == [
        ("called", "payer", 50),
        ("restored", "payee", None),
    ]
    assert rows(found.proposals, "event", "side", "id", "amount", "expiry") == [
        ("proposed", "payee", 4, -5, 70),
        ("withdrawn", "payee", 4, None, None),
    ]
    assert rows(found.periods, "period", "kpi", "amount", "netted", "paid", "unpaid") == [
        (2, 9, -30, 5, 20, 5),
        (3, None, 0, 0, 0, 0),
    ]
    assert rows(found.ends, "how", "amount", "paid") == [("close_out", 3, 0)]
    assert rows(found.withdrawals, "contract", "party", "to", "amount") == [
        ("payment", "payee", A, 4),
        ("treasury", "lender", B, 5),
    ]
    assert rows(found.fundings, "side", "amount", "repaid", "posted") == [("payee", 10, 4, 6)]


def test_balances_follow_every_change() -> None:
    found = swap_ledger(
        moved((1, 0), A, SWAP, 10),
        event((1, 1), "swap", "Funded", side=0, amount=10, repaid=3, **{"from": A}),
        event((2, 0), "swap", "AmountPaid", amount=4, netted=0, paid=4, unpaid=0),
        event((3, 0), "swap", "AmountPaid", amount=-2, netted=0, paid=2, unpaid=0),
        event((4, 0), "swap", "AmountPaid", amount=0, netted=0, paid=0, unpaid=0),
        event((5, 0), "swap", "Withdrawn", side=0, to=A, amount=4),
        moved((5, 1), SWAP, A, 4),
        event((6, 0), "treasury", "PeriodPaid", operatingCost=7, debtService=8),
        event((7, 0), "treasury", "Withdrawn", party=0, to=B, amount=7),
        moved((8, 0), A, B, 1, "token"),
    )
    changes = [(row.account, row.change, row.balance) for row in found.balances.itertuples()]
    assert changes == [
        (A, -10, -10), ("swap", 10, 10),
        ("payer posted", 7, 7), ("payee credit", 3, 3),
        ("payer posted", -4, 3), ("payee credit", 4, 7),
        ("payee posted", -2, -2), ("payer credit", 2, 2),
        ("payer credit", -2, 0), ("payer posted", -2, 1),
        ("swap", -4, 6), (A, 4, -6),
        ("operator credit", 7, 7), ("lender credit", 8, 8),
        ("operator credit", -7, 0),
    ]  # fmt: skip


def test_distributions_of_a_project_and_gifts() -> None:
    found = swap_ledger(shared((1, 0), TREASURY, 60, 2), shared((2, 0), A, 30, 1))
    assert [(d.kind, d.index, d.supply) for d in found.payouts] == [("revenue", -1, 30), ("gift", -1, 30)]
    assert {(d.interest, d.principal, d.late) for d in found.payouts} == {(0, 0, 0)}
    assert list(found.distributions["kind"]) == ["revenue", "gift"]


# -- several parts, and parts of other packages


def joined_ledger(*events: Event) -> Ledger:
    """Two swaps, two tokens and a bond that serves one of them."""
    kinds = {"rain": "payment", "wind": "payment", "senior": "token", "junior": "token", "debt": "bond"}
    at = {key: "0x" + f"{n:040x}" for n, key in enumerate(kinds, start=20)}
    parts = {key: SimpleNamespace(kind=kind, address=at[key]) for key, kind in kinds.items()}
    return Ledger(9, 9000, list(events), SimpleNamespace(deal="joined", addresses=at, parts=parts, feeds={}))


def test_parts_of_one_kind_are_told_apart() -> None:
    debt = joined_ledger().record.addresses["debt"]
    found = joined_ledger(
        moved((1, 0), ZERO, A, 5, "senior"),
        moved((1, 1), ZERO, A, 7, "junior"),
        event((2, 0), "rain", "PeriodSettled", period=0, kpi=1, missing=False, amount=4),
        event((2, 1), "wind", "AmountPaid", amount=9, netted=0, paid=9, unpaid=0),
        event((2, 2), "rain", "AmountPaid", amount=4, netted=0, paid=3, unpaid=1),
        event((3, 0), "debt", "BondFunded", amount=10, **{"from": A}),
        event((3, 1), "wind", "Funded", side=0, amount=8, repaid=2, **{"from": B}),
        event((4, 0), "junior", "Distributed", payer=debt, paid=70, perUnit=10),
        event((4, 1), "debt", "CouponPaid", period=0, interest=70, repayment=0, late=0),
    )
    (settled,) = found.periods.to_dict("records")
    assert (settled["part"], settled["paid"], settled["unpaid"]) == ("rain", 3, 1)
    changes = [(row.part, row.account, row.balance) for row in found.balances.itertuples()]
    assert changes == [
        ("wind", "payer posted", -9), ("wind", "payee credit", 9),
        ("rain", "payer posted", -3), ("rain", "payee credit", 3),
        ("wind", "payer posted", -3), ("wind", "payee credit", 11),
    ]  # fmt: skip
    rows = found.fundings.to_dict("records")
    assert [(row["part"], row["amount"], row["posted"]) for row in rows] == [
        ("debt", 10, None),
        ("wind", 8, 6),
    ]
    assert (rows[0]["payer"], rows[1]["from"]) == (A, B)
    ((shared, kind),) = zip(found.distributions["part"], found.distributions["kind"], strict=True)
    assert (shared, kind) == ("junior", "coupon")
    with pytest.raises(InputError, match="has units of junior, senior: name one"):
        found.holdings_at()
    assert found.holdings_at(token="senior") == {A: 5}
    one = replace(found, keys=frozenset({"senior", "rain"}))
    assert one.holdings_at() == {A: 5}
    assert set(one.balances["part"]) == {"rain"}
    assert one.distributions.empty


def test_a_part_of_another_package_brings_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says what it shares money out for; what nobody says is a gift."""
    tables = {
        "uses": said("Used", who="by", half=lambda _, e: e.arguments["count"] // 2),
        "reports": said("Used", value="count"),
        "turns": turns("Shut"),
    }
    for name, shared in (("meter", lambda *_: {"kind": "usage"}), ("silent", None)):
        monkeypatch.setitem(PARTS._known, name, PartKind("Meter", {}, tables=tables, shared=shared))
    parts = parts_at(meter=BOND, silent=SWAP, token=TOKEN)
    found = Ledger(
        9,
        9000,
        [
            event((1, 0), "meter", "Used", by=A, count=7),
            event((1, 1), "token", "Used", by=A, count=9),
            event((2, 0), "token", "Distributed", payer=BOND, paid=4, perUnit=2),
            event((2, 1), "token", "Distributed", payer=SWAP, paid=4, perUnit=2),
            event((3, 0), "meter", "Shut"),
        ],
        SimpleNamespace(parts=parts, feeds={}),
    )
    assert found.uses[["part", "who", "half"]].to_dict("records") == [{"part": "meter", "who": A, "half": 3}]
    assert list(found.turns["event"]) == ["Shut"]
    assert [each.kind for each in found.payouts] == ["usage", "gift"]
    assert "uses" in found.tables()
    # To a table of ours it adds rows that lack some of the columns.
    assert found.reports[["part", "kpi", "period", "value"]].to_dict("records") == [
        {"part": "meter", "kpi": None, "period": None, "value": 7}
    ]


@pytest.mark.parametrize("column", ["block", "log", "time", "tx", "part"])
def test_no_table_hides_where_an_event_happened(column: str) -> None:
    with pytest.raises(InputError) as refused:
        said("Used", **{"who": "by", column: "count"})
    assert str(refused.value) == (
        f"a table's column {column}: every table has block, log, time, tx and part of its own"
    )


def test_a_ledger_can_be_copied() -> None:
    """Also as it goes to another process."""
    found = tables(moved((1, 3), ZERO, A, 5, "token"))
    for made in (copy(found), deepcopy(found), loads(dumps(found))):
        assert made == found
        assert made.holdings_at() == {A: 5}


def test_a_table_of_parts_that_a_deal_has_not_is_empty() -> None:
    found = swap_ledger(project=False)
    assert "claims" not in found.tables()
    assert list(found.claims.columns) == ["block", "log", "time", "tx", "part", "holder", "amount"]
    assert found.claims.empty
    with pytest.raises(AttributeError, match="there is no claim; tables of this deal: periods, ends, "):
        _ = found.claim


def test_the_name_of_a_line_is_its_text() -> None:
    assert text_of("0x" + b"power sales".hex().ljust(64, "0")) == "power sales"
    assert text_of("0x" + "ff" * 32) == "0x" + "ff" * 32


# -- which events are a deal's


def watch(**feeds: str) -> Watch:
    at = {"0xT": ("token", "SecurityToken"), "0xO": ("oracle", "KpiOracle"), "0xM": ("currency", "IERC20")}
    return Watch(at, frozenset(feeds.values()))


def test_of_shared_contracts_only_what_concerns_the_deal() -> None:
    its = watch(kpi="0xf")
    assert its.own == {"0xT"}
    assert its.concerns("oracle", "ReportSubmitted", {"feed": "0xf"})
    assert not its.concerns("oracle", "ReportSubmitted", {"feed": "0xg"})
    assert not its.concerns("oracle", "Upgraded", {})
    for way, mine in (((A, "0xT"), True), (("0xT", A), True), ((A, B), False)):
        assert its.concerns("currency", "Transfer", {"from": way[0], "to": way[1], "value": 1}) == mine
        assert not its.concerns("currency", "Transfer", {"from": way[0], "to": way[1], "value": 0})
    assert not its.concerns("currency", "Approval", {"from": "0xT", "to": A})
    assert its.concerns("token", "Anything", {})
    for log in (Log(1, "0x", 0, 1, "0x", "0xZ", ("0x1",), "0x"), Log(1, "0x", 0, 1, "0x", "0xT", (), "0x"),
                Log(1, "0x", 0, 1, "0x", "0xT", ("0x" + "00" * 32,), "0x")):  # fmt: skip
        assert its.event(log, 1) is None


def test_filters_ask_for_own_events_own_feeds_and_own_money() -> None:
    asked = filters([watch(kpi="0xf"), watch(kpi="0xg")])
    assert asked[0] == {"address": ["0xT"]}
    assert asked[1] == {"address": ["0xO"], "topics": [None, ["0xf", "0xg"]]}
    who = ["0x" + "t".rjust(64, "0")]
    transfer = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"  # Transfer of ERC-20
    assert asked[2:] == [
        {"address": ["0xM"], "topics": [transfer, who]},
        {"address": ["0xM"], "topics": [transfer, None, who]},
    ]


# -- the result


def result(**parts: Any) -> Reconciliation:
    given: dict[str, Any] = {
        "deal": "d", "terms_hash": "0x", "chain_id": 1, "block": 2, "time": 3, "states": {"bond": "active"},
        "currency_decimals": 6, "reports": [], "rows": [], "positions": [], "accounts": [],
        "holders": [], "checks": [], "deployment": [],
    }  # fmt: skip
    return Reconciliation(**{**given, **parts})


def test_any_difference_is_a_difference() -> None:
    assert result().ok
    for parts in (
        {"rows": [Row("bond", "coupon", A, 1, 5, 4)]},
        {"holders": [Holder("token", A, 1, 5, 3, 1)]},
        {"checks": [Check("c", 5, 6)]},
        {"positions": [Position("payer", A, "held", 5, 6)]},
        {"accounts": [Position("issuer", A, "paid_in", 5, 4)]},
    ):
        found = result(**parts)
        assert not found.ok
        assert [abs(item.difference) for item in found.differences] == [1]
    assert not result(deployment=["a field"]).ok
    equal = result(
        rows=[Row("bond", "coupon", A, 1, 5, 5)],
        holders=[Holder("token", A, 1, 5, 3, 2)],
        checks=[Check("c", 5, 5)],
    )
    assert (equal.ok, equal.differences) == (True, [])


def test_sums_are_by_kind_and_over_holders() -> None:
    coupons = [Row("bond", "coupon", A, 1, 50, 40), Row("bond", "coupon", B, 1, 25, 30)]
    rows = [*coupons, Row("token", "gift", A, None, 4, 4)]
    found = result(rows=rows, holders=[Holder("token", A, 2, 54, 40, 4), Holder("token", B, 1, 25, 0, 30)])
    coupon, gift = (
        {"expected": 75, "actual": 70, "difference": -5},
        {"expected": 4, "actual": 4, "difference": 0},
    )
    assert found.payments() == {"coupon": coupon, "gift": gift}
    assert found.by_party()[B] == {"coupon": {"expected": 25, "actual": 30, "difference": 5}}
    assert found.earned() == {
        "expected": 79, "actual": 74, "difference": -5, "claimed": 40, "unclaimed": 34
    }  # fmt: skip


def test_reports_are_settled_when_final_or_missing() -> None:
    settled = {
        s: ReportState("k", 1, s, None).is_settled
        for s in ("none", "pending", "challenged", "final", "missing")
    }
    assert [status for status, yes in settled.items() if yes] == ["final", "missing"]
    text = result(reports=[ReportState("k", 1, "final", 7), ReportState("k", 2, "missing", None)]).as_json()
    assert [report["value"] for report in text["reports"]] == ["7", None]


@pytest.mark.parametrize(
    ("ok", "happened", "not_yet", "says"),
    [
        (True, True, [], "reconciled: every difference is 0"),
        (True, True, ["a", "b"], "reconciled so far: every difference is 0\nnot yet: a\nnot yet: b"),
        (True, False, ["a"], "nothing has been paid yet, so there is nothing to reconcile\nnot yet: a"),
        (False, True, [], "NOT reconciled"),
        (False, False, ["a"], "NOT reconciled\nnot yet: a"),
    ],
)
def test_the_last_words(ok: bool, happened: bool, not_yet: list[str], says: str) -> None:
    assert verdict(ok, happened, not_yet) == says
