"""RevenueTreasury."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chain.history import Event, History
from chain.parts import sale as sales
from chain.parts import token
from chain.parts.base import (
    BALANCES,
    Held,
    Now,
    PartKind,
    Rebuilt,
    Said,
    Seen,
    Standing,
    running,
    said,
    turns,
)
from chain.plan import Plan, Planned, Site
from chain.reconciliation import Check, Position, Row
from chain.terms import text_of
from finance.settlement.swap_terms import ProjectTerms, swap_terms
from finance.settlement.treasury import Party, Period
from finance.settlement.treasury_books import State, TreasuryBooks, TreasuryParts
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.offering import Sale
from finance.terms.treasury import Treasury


def _received(a: Said, _world: World) -> Rebuilt:
    yield a["from"], "receive_revenue", {"line": a["line"], "amount": a["amount"]}


def _paid(a: Said, world: World) -> Rebuilt:
    rest = a["period"] == len(world.books(a.part, TreasuryBooks).terms.periods)
    yield "", "pay_rest" if rest else "pay", {}


def _withdrawn(a: Said, _world: World) -> Rebuilt:
    yield "", "withdraw", {"party": a["party"]}


def _returned(_a: Said, _world: World) -> Rebuilt:
    yield "", "return_money", {}


# -- what it pays


def _books(world: World, part: str) -> TreasuryBooks:
    return world.books(part, TreasuryBooks)


def _revenue(seen: Seen) -> Iterator[Row]:
    yield seen.row("revenue", seen["from"], seen.both("amount"), detail=text_of(seen["line"]))


def _spent(seen: Seen) -> Iterator[Row]:
    """What a period credits to the parties, and each unit's part of the rest."""
    books, period = _books(seen.after, seen.part), seen["period"]
    for kind, argument, party in (
        ("operating_cost", "operatingCost", Party.OPERATOR),
        ("debt_service", "debtService", Party.LENDER),
    ):
        if any(seen.both(argument)):
            yield seen.row(kind, books.terms.address(party), seen.both(argument), period)
    expected, actual = (amount // books.units if books.units else 0 for amount in seen.both("holders"))
    if expected or actual:
        yield from seen.shares(books.terms.token, "distribution", (expected, actual), period)


def _paid_out(seen: Seen) -> Iterator[Row]:
    yield seen.row("withdrawn", seen["to"], seen.both("amount"))


def _given_back(seen: Seen) -> Iterator[Row]:
    yield seen.row("returned", seen["issuer"], seen.both("returned"))


# -- how it stands


def _standing(now: Now) -> Standing:
    books, at = _books(now.world, now.part), now.world.at
    paid, periods, state = books.ledger.periods_paid, books.terms.periods, books.state
    found = Standing(
        state=state.name.lower(),
        ended=state == State.CLOSED,
        checks=[
            Check(f"{now.part}: state", state, now.read("state")),
            Check(f"{now.part}: periods paid", paid, now.read("periodsPaid")),
        ],
    )
    for party in Party:
        name, address = party.name.lower(), books.terms.address(party)
        held, owed = books.ledger.credits[party], books.ledger.arrears[party]
        found.positions.append(Position(name, address, "held", held, now.read("creditOf", party)))
        found.positions.append(Position(name, address, "owed", owed, now.read("arrearsOf", party)))
    if state != State.OFFERED and paid < len(periods) and at >= periods[paid].pay_date:
        found.notes.append(f"period {paid + 1}: due, not paid by the treasury")
    credits = sum(now.read("creditOf", party) for party in Party)
    found.rows.append(
        Row(
            now.part,
            "carried",
            now.world.addresses[now.part],
            None,
            books.available(now.world),
            now.held - credits,
        )
    )
    return found


# -- its tables


def _booked(log: History, event: Event, held: Held) -> Iterator[tuple[str, int]]:
    """What an event adds to what is due to a party."""
    a = event.arguments
    if event.name == "PeriodPaid":
        yield "operator credit", a["operatingCost"]
        yield "lender credit", a["debtService"]
    else:
        credit = f"{_party(log, event)} credit"
        yield credit, -held.get(credit, 0)


def _party(_log: History, event: Event) -> str:
    return Party(event.arguments["party"]).name.lower()


TABLES = {
    "treasury_periods": said(
        "PeriodPaid", period="period", collected="collected", operating_cost="operatingCost",
        debt_service="debtService", swap="swap", holders="holders",
    ),
    "revenue": said(
        "RevenueReceived", line=lambda _, e: text_of(e.arguments["line"]), **{"from": "from"}, amount="amount"
    ),
    "withdrawals": said("Withdrawn", contract=lambda *_: "treasury", party=_party, to="to", amount="amount"),
    "balances": running("PeriodPaid", "Withdrawn", columns=BALANCES, changes=_booked),
    "turns": turns("TreasuryInitialized", "TreasuryActivated", "MoneyReturned", "TreasuryClosed"),
}  # fmt: skip


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """A project whose revenue is shared out: its treasury, which a KPI payment tops up, the token of the
    claim on what is left, and the sale of that."""
    project, treasury = swap_terms(deal).project, deal.only_or_none(Treasury)
    assert project is not None
    assert treasury is not None
    key, claim, sale = deal.key_of(Treasury), treasury.token, deal.key_of(Sale)
    issuer, operator = deal.wallet_of(key, "issuer"), deal.wallet_of(key, "operator")
    lender = deal.wallet_of(key, "lender")
    agent, payer = deal.wallet_of(claim, "agent"), deal.wallet_of(treasury.swap, "payer")
    parts = (
        token.planned(claim, project, agent, minter=sale, servicer=key),
        sales.planned(deal, sale, project, claim, key, issuer, (issuer, agent, payer, operator, lender)),
        planned(key, project, claim, sale, treasury.swap, operator, lender),
    )
    return Plan(parts, (), (sales.deadline(project),))


def planned(
    key: str, project: ProjectTerms, token: str, offering: str, swap: str, operator: str, lender: str
) -> Planned:
    """A treasury that serves the part `token`; `offering` begins it, and it begins `swap`, parts too.
    `operator` and `lender` are names of wallets."""

    def begin(site: Site) -> tuple[Any, ...]:
        struct = {
            "token": site.parts[token],
            "currency": site.shared["currency"],
            "offering": site.parts[offering],
            "swap": site.parts[swap],
            "operator": site.wallets[operator],
            "lender": site.wallets[lender],
            "periods": [
                {"payDate": p.pay_date, "operatingCost": p.operating_cost, "debtService": p.debt_service}
                for p in project.periods
            ],
        }
        return (struct,)

    def books(site: Site) -> TreasuryBooks:
        periods = tuple(Period(p.pay_date, p.operating_cost, p.debt_service) for p in project.periods)
        people = site.wallets[operator], site.wallets[lender]
        return TreasuryBooks(TreasuryParts(periods, *people, swap, token, offering), key=key)

    return Planned(key, "treasury", begin, books, lambda site: {"terms": begin(site)[0]})


WORDS = {
    "revenue": "paid in by line",
    "operating_cost": "credited to the operator",
    "debt_service": "credited to the lender",
    "distribution": "earned by holders, each period",
    "returned": "of the treasury of a failed issue, to the issuer",
    "carried": "what the treasury holds for the next period, dust of distributions among it",
}
ACTS_OF = {
    "RevenueReceived": _received,
    "PeriodPaid": _paid,
    "Withdrawn": _withdrawn,
    "MoneyReturned": _returned,
}
KIND = PartKind(
    "RevenueTreasury",
    ACTS_OF,
    {
        "RevenueReceived": _revenue,
        "PeriodPaid": _spent,
        "Withdrawn": _paid_out,
        "MoneyReturned": _given_back,
    },
    _standing,
    calls_currency=True,
    words=WORDS,
    tables=TABLES,
    shared=lambda *_: {"kind": "revenue"},
)
