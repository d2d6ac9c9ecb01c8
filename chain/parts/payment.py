"""KpiPayment. Who withdraws is not said: the party itself gets more than a stranger would pay it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chain.history import Event, History
from chain.network import when
from chain.parts.base import (
    BALANCES,
    Held,
    Now,
    PartKind,
    Rebuilt,
    Rows,
    Said,
    Seen,
    Standing,
    nobodys,
    running,
    said,
    turns,
)
from chain.plan import Plan, Planned, PlannedFeed, Site
from chain.reconciliation import Check, MoneyCheck, Position, ReportState, Row
from chain.terms import ZERO_HASH, curve, text_of
from finance.report.text import token_money
from finance.settlement.feed_report import STATUS
from finance.settlement.kpi_payment import Account, Side, State
from finance.settlement.netting import INTEREST_ONE
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks, PaymentParts
from finance.settlement.swap_terms import SwapTerms, swap_terms
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury


def _party(a: Said, world: World, side: int) -> str:
    return world.books(a.part, PaymentBooks).party(Side(side))


def _activated(_a: Said, _world: World) -> Rebuilt:
    yield "", "activate", {}


def _settled(_a: Said, _world: World) -> Rebuilt:
    yield "", "settle", {}


def _funded(a: Said, world: World) -> Rebuilt:
    if a["from"] not in world.addresses.values():
        yield a["from"], "fund", {"side": a["side"], "amount": a["amount"]}


def _withdrawn(a: Said, _world: World) -> Rebuilt:
    yield "", "withdraw", {"side": a["side"]}
    yield a["to"], "withdraw", {"side": a["side"]}


def _called(a: Said, _world: World) -> Rebuilt:
    yield "", "call_margin", {"side": a["side"]}


def _closed_out(_a: Said, _world: World) -> Rebuilt:
    yield "", "close_out", {}


def _proposed(a: Said, world: World) -> Rebuilt:
    offer = {"amount": a["amount"], "expiry": a["expiry"]}
    yield _party(a, world, a["side"]), "propose_termination", offer


def _taken_back(a: Said, world: World) -> Rebuilt:
    yield _party(a, world, a["side"]), "withdraw_termination", {}


def _accepted(a: Said, world: World) -> Rebuilt:
    yield _party(a, world, 1 - a["proposer"]), "accept_termination", {"id": a["id"]}


# -- what it pays


def _books(world: World, part: str) -> PaymentBooks:
    return world.books(part, PaymentBooks)


def _fixed(what: str) -> Rows:
    """An amount that was fixed, by where it goes: to the payee if it is positive, or zero."""

    def rows(seen: Seen) -> Iterator[Row]:
        books, (expected, actual) = _books(seen.after, seen.part), seen.both("amount")
        for to, side, sign in (("payee", Side.PAYEE, 1), ("payer", Side.PAYER, -1)):
            amounts = max(sign * expected, 0), max(sign * actual, 0)
            if any(amounts) or (sign > 0 and expected == actual == 0):
                yield seen.row(f"{what}_to_{to}", books.party(side), amounts, seen.period)

    return rows


def _how_paid(seen: Seen) -> Iterator[Row]:
    receiver = Side.PAYEE if seen["amount"] >= 0 else Side.PAYER
    for kind in ("paid", "netted", "unpaid"):
        if any(seen.both(kind)):
            yield seen.row(kind, _books(seen.after, seen.part).party(receiver), seen.both(kind), seen.period)
    yield from _interest(seen, receiver, seen.both("netted"))


def _paid_in(seen: Seen) -> Iterator[Row]:
    """Money paid in for a side: first what it owes, which is the other's, then its balance."""
    books, side = _books(seen.after, seen.part), Side(seen["side"])
    amount, repaid = seen.both("amount"), seen.both("repaid")
    posted = amount[0] - repaid[0], amount[1] - repaid[1]
    if any(repaid):
        yield seen.row("late_paid", books.party(Side(1 - side)), repaid, seen.period)
        yield from _interest(seen, side, repaid)
    if any(posted):
        yield seen.row("posted", books.party(side), posted, seen.period)


def _interest(seen: Seen, debtor: Side, repaid: tuple[int, int]) -> Iterator[Row]:
    """What of a repayment is not the debt's principal, by the books; nothing where they do not explain it."""
    if not seen.expected:
        return
    before, after = (
        _books(world, seen.part).ledger.accounts[debtor].debt.principal for world in (seen.before, seen.after)
    )
    amounts = tuple(amount - (before - after) if amount else 0 for amount in repaid)
    if any(amounts):
        to = _books(seen.after, seen.part).party(Side(1 - debtor))
        yield seen.row("interest", to, (amounts[0], amounts[1]), seen.period)


def _paid_out(seen: Seen) -> Iterator[Row]:
    """A side's credit, then what it need not hold."""
    expected, actual = seen.both("amount")
    credit = _books(seen.before, seen.part).ledger.accounts[seen["side"]].credit
    for kind, amounts in (
        ("withdrawn", (min(expected, credit), min(actual, credit))),
        ("given_back", (max(expected - credit, 0), max(actual - credit, 0))),
    ):
        if any(amounts):
            yield seen.row(kind, seen["to"], amounts, seen.period)


# -- how it stands


def _standing(now: Now) -> Standing:
    books, at = _books(now.world, now.part), now.world.at
    terms, settled, state = books.terms, books.periods_settled, books.state(at)
    left = len(terms.periods) - settled
    found = Standing(
        state=state.name.lower(),
        ended=state > State.DEFAULTED,
        checks=[
            Check(f"{now.part}: state", state, now.read("state")),
            Check(f"{now.part}: periods settled", settled, now.read("periodsSettled")),
        ],
        reports=[_report(now, books, period) for period in range(settled)],
        notes=nobodys(now),
    )
    for side in Side:
        _add_account(now, books, side, found)
    if not found.ended:
        if left:
            found.not_yet.append(f"{left} of {len(terms.periods)} periods of the swap are not settled")
        if state == State.DEFAULTED:
            found.not_yet.append("the swap, in default, is not closed out")
    if state == State.AGREED:
        by = when(terms.start_by)
        found.not_yet.insert(0, f"the swap begins with both sides' collateral by {by}, or lapses")
    if state == State.ACTIVE and left and at >= terms.periods[settled].pay_date:
        report = _report(now, books, settled)
        found.notes.append(f"period {settled + 1}: due, not settled, its report is {report.status}")
    if state == State.DEFAULTED:
        found.notes.append(f"in default since {when(books.defaulted_at(at))}, not closed out")
    return found


def _report(now: Now, books: PaymentBooks, period: int) -> ReportState:
    oracle, feed = now.world.books(books.parts.oracle, FeedBooks), books.parts.feed
    report = oracle.report_of(feed, period, now.world.at)
    return ReportState(
        text_of(oracle.config_of(feed).kpi), period + 1, STATUS[report.status], report.settled_value
    )


def _add_account(now: Now, books: PaymentBooks, side: Side, found: Standing) -> None:
    """A side's money and debt in the swap, against the contract's account of it."""
    name, at = side.name.lower(), now.world.at
    mine: Account = books.ledger.accounts[side]
    debt, its = books.debt(side, at), now.read("accountOf", side)
    sums = {
        "balance": (mine.balance, its["balance"]),
        "credit": (mine.credit, its["credit"]),
        "principal owed": (debt.principal, its["principal"]),
        "interest owed": (debt.interest // INTEREST_ONE, its["interest"]),
    }
    found.checks += [MoneyCheck(f"{now.part}: {name}: {figure}", *both) for figure, both in sums.items()]
    found.checks.append(Check(f"{now.part}: {name}: margin deadline", mine.deadline, its["deadline"]))
    owed = books.owed(side, at)
    held = mine.balance + mine.credit, its["balance"] + its["credit"]
    party = books.party(side)
    found.positions.append(Position(name, party, "held", *held))
    found.positions.append(Position(name, party, "owes", owed, its["principal"] + its["interest"]))
    if books.state(at) == State.ACTIVE and mine.deadline:
        found.notes.append(f"{name}: margin called, to be met by {when(mine.deadline)}")
    if owed:
        found.notes.append(f"{name}: owes {token_money(owed, now.currency)}, interest included")


_WAYS = {
    f"{what}_to_{to}": words
    for what, words in (
        ("settlement", "fixed for a period"),
        ("close_out", "after a default"),
        ("termination", "agreed"),
    )
    for to, words in (
        ("payee", f"{words}, from the payer to the payee"),
        ("payer", f"{words}, from the payee to the payer"),
    )
}


# -- its tables

SIDES = tuple(side.name.lower() for side in Side)


def _side(_log: History, event: Event) -> str:
    return SIDES[event.arguments["side"]]


def _named(names: Mapping[str, str]) -> Callable[[History, Event], str]:
    return lambda _, event: names[event.name]


def _kpi(_log: History, event: Event) -> int | None:
    return None if event.arguments["missing"] else event.arguments["kpi"]


def _how(what: str) -> Callable[[History, Event], int]:
    """How much of the amount that an event fixes was paid in a way."""

    def cell(log: History, event: Event) -> int:
        paid = log.after(event, event.source, "AmountPaid")
        return 0 if paid is None else int(paid.arguments[what])

    return cell


def _booked(_log: History, event: Event, held: Held) -> Iterator[tuple[str, int]]:
    """What an event adds to a side's balance (posted), and to what is due to it (credit)."""
    a = event.arguments
    match event.name:
        case "AmountPaid":
            payer, payee = SIDES if a["amount"] >= 0 else SIDES[::-1]
            yield f"{payer} posted", -a["paid"]
            yield f"{payee} credit", a["paid"]
        case "Funded":
            yield f"{SIDES[a['side']]} posted", a["amount"] - a["repaid"]
            yield f"{SIDES[1 - a['side']]} credit", a["repaid"]
        case "Withdrawn":
            side = SIDES[a["side"]]
            due = held.get(f"{side} credit", 0)
            yield f"{side} credit", -due
            yield f"{side} posted", due - a["amount"]


AMOUNTS: dict[str, Any] = {"amount": "amount", **{what: _how(what) for what in ("netted", "paid", "unpaid")}}
ENDS = {"ClosedOut": "close_out", "AgreedTermination": "termination"}
MARGINS = {"MarginCalled": "called", "MarginRestored": "restored"}
PROPOSALS = {"TerminationProposed": "proposed", "TerminationWithdrawn": "withdrawn"}
TABLES = {
    "periods": said("PeriodSettled", period="period", kpi=_kpi, **AMOUNTS),
    "ends": said(*ENDS, how=_named(ENDS), **AMOUNTS),
    "fundings": said(
        "Funded", side=_side, **{"from": "from"}, amount="amount", repaid="repaid",
        posted=lambda _, e: e.arguments["amount"] - e.arguments["repaid"],
    ),
    "withdrawals": said("Withdrawn", contract=lambda *_: "payment", party=_side, to="to", amount="amount"),
    "margins": said(*MARGINS, event=_named(MARGINS), side=_side, deadline="deadline"),
    "proposals": said(
        *PROPOSALS, event=_named(PROPOSALS), side=_side, id="id", amount="amount", expiry="expiry"
    ),
    "balances": running("AmountPaid", "Funded", "Withdrawn", columns=BALANCES, changes=_booked),
    "turns": turns("PaymentInitialized", "PaymentActivated", "Matured", *ENDS),
}  # fmt: skip


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The KPI payments of a group: between two parties, or to a treasury, which begins it."""
    return Plan.joined(_plan(deal, key, swap.spv) for key, swap in deal.having(KpiPayment).items())


def _plan(deal: Deal, key: str, spv: str | None) -> Plan:
    terms = swap_terms(deal if spv is None else deal.alone(key))
    part = deal.key_of(Treasury) if terms.project is not None else spv
    payer, payee = deal.wallet_of(key, "payer"), deal.wallet_of(key, "payee")
    feeds = [terms.feed] if terms.value_feed is None else [terms.feed, terms.value_feed]
    by = terms.payment.start_by
    late = (by + 1, f"the swap had to begin by {when(by)}")
    planned_feeds = tuple(PlannedFeed(feed, (key,), payer) for feed in feeds)
    return Plan((planned(key, terms, payer, payee, part),), planned_feeds, (late,))


def planned(key: str, terms: SwapTerms, payer: str, payee: str, part: str | None) -> Planned:
    """A KPI payment by the wallet called `payer` to that called `payee`, or to the `part` that stands in its
    place and begins it."""
    swap = terms.payment

    def receiver(site: Site) -> str:
        return site.wallets[payee] if part is None else site.parts[part]

    def value_feed(site: Site) -> str | None:
        return None if terms.value_feed is None else site.feeds[terms.value_feed.kpi]

    def begin(site: Site) -> tuple[Any, ...]:
        struct = {
            "currency": site.shared["currency"],
            "payer": site.wallets[payer],
            "payee": receiver(site),
            "oracle": site.shared["oracle"],
            "feed": site.feeds[terms.feed.kpi],
            "valueFeed": value_feed(site) or ZERO_HASH,
            "curePeriod": swap.cure_period,
            "lateRate": swap.late_rate,
            "dataController": int(swap.data_controller),
            "closeOutRule": int(swap.close_out_rule),
            "limitedRecourse": swap.limited_recourse,
            "payeeStarts": part is not None,
            "startBy": swap.start_by,
            "missingPayoff": swap.missing_payoff,
            "missingValue": swap.missing_value,
            "requiredCollateral": list(swap.required),
            "periods": [{"payDate": p.pay_date, "fixedAmount": p.fixed_amount} for p in swap.periods],
            "curve": curve(swap.curve),
        }
        return (struct,)

    def books(site: Site) -> PaymentBooks:
        feed, value = site.feeds[terms.feed.kpi], value_feed(site)
        parts = PaymentParts(site.wallets[payer], receiver(site), feed, value, part is not None)
        return PaymentBooks(swap, parts, key=key)

    return Planned(key, "payment", begin, books, lambda site: {"terms": begin(site)[0]})


WORDS = {
    **_WAYS,
    "paid": "of what was fixed: at once, from the debtor's balance",
    "netted": "of what was fixed: against what the receiver owed",
    "unpaid": "of what was fixed: owed from then on",
    "late_paid": "paid later on what was owed, with interest",
    "interest": "of what was netted and paid late",
    "posted": "paid in for a side, beyond what it owed",
    "given_back": "withdrawn from a side's balance",
    "withdrawn": "what was due to a party, paid out to it",
}
ACTS_OF = {
    "PaymentActivated": _activated,
    "PeriodSettled": _settled,
    "Funded": _funded,
    "Withdrawn": _withdrawn,
    "MarginCalled": _called,
    "ClosedOut": _closed_out,
    "TerminationProposed": _proposed,
    "TerminationWithdrawn": _taken_back,
    "AgreedTermination": _accepted,
}
KIND = PartKind(
    "KpiPayment",
    ACTS_OF,
    {
        "PeriodSettled": _fixed("settlement"),
        "ClosedOut": _fixed("close_out"),
        "AgreedTermination": _fixed("termination"),
        "AmountPaid": _how_paid,
        "Funded": _paid_in,
        "Withdrawn": _paid_out,
    },
    _standing,
    helper="PaymentChecks",
    measured=frozenset({"PeriodSettled"}),
    words=WORDS,
    tables=TABLES,
)
