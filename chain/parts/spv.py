"""Treasury: a vehicle's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chain.history import Event, History
from chain.parts import sale as sales
from chain.parts import token
from chain.parts.base import (
    Cells,
    Held,
    Now,
    PartKind,
    Rebuilt,
    Said,
    Seen,
    Standing,
    Table,
    said,
    turns,
)
from chain.plan import Plan, Planned, PlannedFeed, Site
from chain.reconciliation import Check, Position, Row
from chain.terms import ZERO_ADDRESS, short_string, text_of
from finance.settlement.spv_books import Fact, Leg, Line, Payee, SpvBooks, SpvTerms, State, moved
from finance.settlement.spv_terms import Paid, VehicleTerms, vehicle_terms
from finance.settlement.waterfall_plan import LOSSES
from finance.settlement.waterfall_plan import Plan as Waterfall
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.deal import named_wallet
from finance.terms.spv import Spv


def _deposited(a: Said, _world: World) -> Rebuilt:
    yield a["from"], "deposit", {"pot": a["pot"], "amount": a["amount"]}


def _received(a: Said, world: World) -> Rebuilt:
    if a["from"] not in world.addresses.values():  # or a swap's, which the treasury collects
        yield a["from"], "receive_revenue", {"line": a["line"], "amount": a["amount"]}


def _paid(_a: Said, _world: World) -> Rebuilt:
    yield "", "pay", {}


def _withdrawn(a: Said, _world: World) -> Rebuilt:
    yield "", "withdraw", {"payee": a["payee"]}


def _returned(a: Said, _world: World) -> Rebuilt:
    yield "", "return_money", {"pot": a["pot"]}


# -- what it pays


def _books(world: World, part: str) -> SpvBooks:
    return world.books(part, SpvBooks)


def _filled(seen: Seen) -> Iterator[Row]:
    pot = _plan(seen.after, seen.part).pot_names[seen["pot"]]
    yield seen.row("deposit", seen["from"], seen.both("amount"), detail=pot)


def _revenue(seen: Seen) -> Iterator[Row]:
    line = text_of(seen["line"])
    yield seen.row("revenue", seen["from"], seen.both("amount"), seen["period"], detail=line)


def _spent(seen: Seen) -> Iterator[Row]:
    """What a period pays each claim, moves from pot to pot, and writes off, by step."""
    books = _books(seen.after, seen.part)
    plan, period = books.terms.compiled.plan, seen["period"]
    by_books, by_log = (
        {each[:3]: each[3] for each in moved(plan, moves)}
        for moves in (seen.expected.get("moves", []), seen["moves"])
    )
    for key in {**by_books, **by_log}:
        step, source, to = key
        amounts = by_books.get(key, 0), by_log.get(key, 0)
        kind, party = "moved", seen.after.addresses[seen.part]
        if to == LOSSES:
            kind = "written_off"
        elif to in plan.claim_names:
            payee = books.terms.payees[books.terms.payee_of[plan.claim_names.index(to)]]
            kind, party = "spent", seen.after.addresses[payee.to] if payee.units else payee.to
        yield seen.row(kind, party, amounts, period, detail=f"step {step}: {source} > {to}")


def _paid_out(seen: Seen) -> Iterator[Row]:
    yield seen.row("withdrawn", seen["to"], seen.both("amount"))


def _given_back(seen: Seen) -> Iterator[Row]:
    yield seen.row("returned", seen["to"], seen.both("amount"))


def _plan(world: World, part: str) -> Waterfall:
    return _books(world, part).terms.compiled.plan


# -- how it stands


def _standing(now: Now) -> Standing:
    books, at = _books(now.world, now.part), now.world.at
    terms, state, plan = books.terms, books.state, books.terms.compiled.plan
    failed = books.has_failed(now.world)
    found = Standing(
        state="failed" if failed else state.name.lower(),
        ended=failed or state == State.CLOSED,
        checks=[
            Check(f"{now.part}: state", state, now.read("state")),
            Check(f"{now.part}: periods paid", books.periods_paid, now.read("periodsPaid")),
        ],
    )
    for name, ours, theirs in zip(plan.kept_names, books.spent.registers, now.read("registers"), strict=True):
        found.checks.append(Check(f"{now.part}: {name}", ours, theirs))
    for number, (test, trigger) in enumerate(zip(plan.covenants, books.spent.triggers, strict=True)):
        since, passes = now.read("triggerOf", number)
        found.checks.append(Check(f"{now.part}: {test.name} failed since", trigger.since, since))
        found.checks.append(Check(f"{now.part}: {test.name} passes", trigger.passes, passes))
        if trigger.since:
            found.notes.append(f"{now.part}: {test.name} stands failed")
    credits = 0
    for number, payee in enumerate(terms.payees):
        held, there = books.credits.get(number, 0), now.read("creditOf", number)
        credits += there
        address = now.world.addresses[payee.to] if payee.units else payee.to
        found.positions.append(Position(payee.to if payee.units else "", address, "held", held, there))
    due = terms.due
    if state == State.ACTIVE and books.periods_paid < len(due) and at >= due[books.periods_paid]:
        found.notes.append(f"period {books.periods_paid + 1}: due, not run by the treasury")
    if not found.ended:
        found.not_yet.append(f"{len(due) - books.periods_paid} of {len(due)} periods are still to be run")
    ours = now.world.held(now.part) - sum(books.credits.values())
    found.rows.append(Row(now.part, "carried", now.world.addresses[now.part], None, ours, now.held - credits))
    return found


# -- its tables


def _waterfall(log: History, event: Event, _held: Held) -> Iterator[Cells]:
    """A row for each step that did something."""
    a = event.arguments
    plan = vehicle_terms(log.record.load_deal().group(event.source)).plan
    for step, source, to, amount in moved(plan, a["moves"]):
        yield {"period": a["period"], "step": step, "source": source, "target": to, "amount": amount}


def _income(log: History, event: Event, _held: Held) -> Iterator[Cells]:
    a = event.arguments
    plan = vehicle_terms(log.record.load_deal().group(event.source)).plan
    for name, amount in zip(plan.lines, a["income"], strict=True):
        yield {"period": a["period"], "line": name, "amount": amount}


def _tested(log: History, event: Event, _held: Held) -> Iterator[Cells]:
    a = event.arguments
    plan = vehicle_terms(log.record.load_deal().group(event.source)).plan
    values = {name: a[name] for name in ("period", "value", "divisor", "threshold", "failed")}
    yield {"covenant": plan.covenants[a["trigger"]].name, **values}


TABLES = {
    "waterfall": Table(("PeriodPaid",), ("period", "step", "source", "target", "amount"), _waterfall),
    "income": Table(("PeriodPaid",), ("period", "line", "amount"), _income),
    "covenants": Table(
        ("CovenantTested",), ("period", "covenant", "value", "divisor", "threshold", "failed"), _tested
    ),
    "revenue": said(
        "RevenueReceived", line=lambda _, e: text_of(e.arguments["line"]), **{"from": "from"}, amount="amount"
    ),
    "withdrawals": said("Withdrawn", contract=lambda _, e: e.source, party="payee", to="to", amount="amount"),
    "turns": turns(
        "TreasuryInitialized", "Deposited", "TreasuryActivated", "MoneyReturned", "TreasuryClosed"
    ),
}  # fmt: skip


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The vehicle's treasury, with the token and the sale of each tranche."""
    terms, key = vehicle_terms(deal), deal.key_of(Spv)
    issuer = deal.wallet_of(key, "issuer")
    people = {party: named_wallet(role, party) for role, party in reversed(deal.only(Spv).named)}
    people.pop(deal.party_of(key, "issuer"), None)
    providers = [deal.wallet_of(swap, "payer") for swap in terms.swaps]
    parts: list[Planned] = []
    for each in terms.tranches:
        agent = deal.wallet_of(each.token, "agent")
        parts.append(token.planned(each.token, each, agent, minter=each.offering, servicer=key))
        parties = tuple(dict.fromkeys((issuer, agent, *people.values(), *providers)))
        parts.append(sales.planned(deal, each.offering, each, each.token, key, issuer, parties))
    treasury = _planned(key, terms)
    feeds = tuple(PlannedFeed(feed, (key,), issuer) for feed, _ in terms.facts)
    deadlines = tuple(sales.deadline(each) for each in terms.tranches)
    return Plan((*parts, treasury), feeds, deadlines)


def _planned(key: str, terms: VehicleTerms) -> Planned:
    plan, compiled = terms.plan, terms.plan.compiled
    openings = tuple(plan.pots.values())

    def wallet(site: Site, role: str, party: str | None) -> str:
        return ZERO_ADDRESS if party is None else site.wallets[named_wallet(role, party)]

    def payees(site: Site) -> list[tuple[str, str, int]]:
        """Of each its part, or nothing; address; units."""
        units = {each.key: (each.token, each.units) for each in terms.tranches}
        return [
            ("", wallet(site, "payee", paid.party), 0)
            if paid.party
            else ("", site.parts[paid.swap], 0)
            if paid.swap
            else (units[paid.tranche][0], site.parts[units[paid.tranche][0]], units[paid.tranche][1])
            for paid in terms.payees
        ]

    def lines(site: Site) -> list[tuple[str, str]]:
        each = zip(plan.lines, terms.payers, strict=True)
        return [
            (short_string(name), site.parts[name] if name in terms.swaps else wallet(site, "payer", payer))
            for name, payer in each
        ]

    legs = [Leg(swap, plan.lines.index(swap), terms.payees.index(Paid(swap=swap))) for swap in terms.swaps]

    def begin(site: Site) -> tuple[Any, ...]:
        of, begins = compiled.waterfall, compiled.state.registers
        funders = [wallet(site, "payer", funder) for funder in terms.funders]
        struct = {
            "currency": site.shared["currency"],
            "offerings": [site.parts[each.offering] for each in terms.tranches],
            "due": list(plan.due),
            "lines": [{"name": name, "payer": payer} for name, payer in lines(site)],
            "facts": [
                {"oracle": site.shared["oracle"], "feed": site.feeds[feed.kpi], "missing": missing}
                for feed, missing in terms.facts
            ],
            "pots": [
                {"opening": opening, "funder": funder}
                for opening, funder in zip(openings, funders, strict=True)
            ],
            "payees": [{"to": to, "units": units} for _, to, units in payees(site)],
            "loans": list(begins[of.balances : of.losses]),
            "numbers": [list(values) for values in compiled.numbers],
            "claims": [
                {"due": c.due, "loan": c.loan, "carries": c.carries, "late": c.late, "payee": payee}
                for c, payee in zip(of.claims, terms.payee_of, strict=True)
            ],
            "triggers": [
                {
                    name: getattr(t, name)
                    for name in ("value", "divisor", "threshold", "below", "cures", "within")
                }
                for t in of.triggers
            ],
            "figures": [{"rule": int(f.rule), "count": f.count, "refs": list(f.of)} for f in of.figures],
            "steps": [
                {
                    **{name: int(getattr(s, name)) for name in STEP_FIELDS},
                    "claims": list(s.claims),
                }
                for s in of.steps
            ],
            "swaps": [{"line": leg.line, "payee": leg.payee} for leg in legs],
        }
        return (struct,)

    def books(site: Site) -> SpvBooks:
        return SpvBooks.of(
            SpvTerms(
                compiled,
                plan.due,
                tuple(
                    Line(name, payer, expected, *measured)
                    for (name, payer), expected, measured in zip(
                        lines(site), terms.expected, terms.measured, strict=True
                    )
                ),
                tuple(Fact("oracle", site.feeds[feed.kpi], missing) for feed, missing in terms.facts),
                tuple(wallet(site, "payer", funder) for funder in terms.funders),
                tuple(Payee(part or to, units) for part, to, units in payees(site)),
                terms.payee_of,
                tuple(each.offering for each in terms.tranches),
                tuple(legs),
            ),
            key=key,
        )

    return Planned(key, "spv", begin, books, lambda site: {"terms": begin(site)[0]})


STEP_FIELDS = ("op", "source", "order", "limit", "target", "weights", "on", "off", "when")
WORDS = {
    "deposit": "paid into a pot before the treasury begins",
    "spent": "paid by a step of the waterfall to whoever is owed",
    "moved": "moved by a step of the waterfall from pot to pot",
    "written_off": "written off a loan by a step of the waterfall; no money moves",
    "returned": "of a vehicle that never began, to whoever had paid it in",
}
KIND = PartKind(
    "Treasury",
    {
        "Deposited": _deposited,
        "RevenueReceived": _received,
        "PeriodPaid": _paid,
        "Withdrawn": _withdrawn,
        "MoneyReturned": _returned,
    },
    {
        "Deposited": _filled,
        "RevenueReceived": _revenue,
        "PeriodPaid": _spent,
        "Withdrawn": _paid_out,
        "MoneyReturned": _given_back,
    },
    _standing,
    needs={"CHECKS": "WaterfallTerms", "ENGINE": "WaterfallEngine", "LEGS": "SwapLegs"},
    words=WORDS,
    tables=TABLES,
    shared=lambda *_: {"kind": "revenue"},
    tells_shares=False,
)
