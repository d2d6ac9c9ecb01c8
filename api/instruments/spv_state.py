"""Where a vehicle stands, what it has paid, and what is to come."""

from __future__ import annotations

from collections.abc import Iterator

from api.instruments import offering
from api.instruments.base import Case, day, fact, in_order, report_steps, step, trace_of, unexplained
from api.models.deployment import Fact, NextStep, PaymentView, StateView
from finance.settlement.claim_token import TokenBooks
from finance.settlement.spv_books import SpvBooks, State
from finance.settlement.spv_terms import VehicleTerms
from finance.waterfalls.projection import project

TITLES = {**offering.TITLES, "running": "Running", "closed": "All periods run"}


def books(case: Case) -> SpvBooks:
    """The treasury's books."""
    return case.books("spv", SpvBooks)


def state_name(case: Case) -> str:
    """By the treasury, and before it begins by its sales."""
    known = books(case)
    if known.state == State.OFFERED:
        return "failed" if known.has_failed(case.world) else offering.offering_state(case)
    return "running" if known.state == State.ACTIVE else "closed"


def state(case: Case) -> StateView:
    name = state_name(case)
    turn = case.last("spv", "TreasuryActivated", "TreasuryClosed")
    return StateView(
        state=name,
        title=TITLES[name],
        sentence=_sentence(case, name),
        since=None if turn is None else trace_of(turn),
        time=case.now,
        facts=list(_facts(case)),
        steps=in_order(_steps(case, name)),
    )


def _sentence(case: Case, name: str) -> str:
    if name in offering.TITLES:
        return offering.offering_sentence(case, name)
    terms: VehicleTerms = case.terms
    run, count = books(case).periods_paid, len(terms.plan.due)
    if name == "closed":
        return f"All {count} periods are run; what comes still is spent in the same order."
    return f"{run} of {count} periods are run; the last one is due on {day(terms.plan.due[-1])}."


def _facts(case: Case) -> Iterator[Fact]:
    terms: VehicleTerms = case.terms
    known, plan = books(case), terms.plan
    run = case.last("spv", "PeriodPaid")
    yield fact("periods_run", "Periods run", known.periods_paid, "number", run)
    yield fact("periods", "Periods in all", len(plan.due), "number")
    for each in terms.tranches:
        yield fact(f"units {each.key}", f"Units in issue: {each.name}", _units(case, each.token), "units")
    registers = dict(zip(plan.pot_names, known.spent_pots, strict=True))
    for name, amount in registers.items():
        title = "Cash, not spent yet" if name == "cash" else f"Held apart: {_title(case, name)}"
        yield fact(f"pot {name}", title, amount, "money", run)
    first = len(plan.pot_names) + len(plan.claim_names)
    for number, loan in enumerate(plan.loans):
        amount = known.spent.registers[first + number]
        yield fact(f"balance {loan.name}", f"Not repaid: {_title(case, loan.name)}", amount, "money", run)
    for number, claim in enumerate(plan.claim_names):
        owed = known.spent.registers[len(plan.pot_names) + number]
        if owed:
            yield fact(f"owed {claim}", f"Owed and unpaid: {claim}", owed, "money", run)
    for test, trigger in zip(plan.covenants, known.spent.triggers, strict=True):
        if trigger.since:
            title = f"Stands failed since: {_title(case, test.name)}"
            yield fact(f"failed {test.name}", title, trigger.since, "time")
    yield fact("credits", "Credited and not paid out", sum(known.credits.values()), "money")
    yield from unexplained(case)


def _units(case: Case, key: str) -> int:
    return case.world.books(key, TokenBooks).supply


def _title(case: Case, name: str) -> str:
    """What a name of the waterfall is called in the deal file."""
    deal = case.deal
    if name in deal.parts:
        return str(getattr(deal.parts[name], "title", name))
    spv = deal.parts[case.terms.key]
    groups = (getattr(spv, group) for group in ("pots", "facilities", "covenants", "payables", "lines"))
    return next((group[name].title for group in groups if name in group), name)


def _steps(case: Case, name: str) -> Iterator[NextStep]:
    yield from offering.offering_steps(case, name)
    if name not in ("running", "closed"):
        return
    yield from report_steps(case)
    known, due = books(case), case.terms.plan.due
    can = case.is_due("spv", "pay")
    if known.periods_paid < len(due):
        at = due[known.periods_paid]
        title = f"period {known.periods_paid + 1} is run on {day(at)}"
        yield step("run-period", title, at, "run-period" if can else None, can, period=known.periods_paid)
    elif can:
        yield step("run-period", "what is left can be spent", case.now, "run-period")


# -- payments


def payments(case: Case) -> list[PaymentView]:
    """What was shared among holders, then what is to come where everything comes in as it should."""
    return [*_past(case), *_coming(case)]


def _past(case: Case) -> Iterator[PaymentView]:
    for made in case.ledger.payouts:
        gift = made.kind == "gift"
        yield PaymentView(
            kind="gift" if gift else "pass_through",
            title="Gift to holders" if gift else f"Paid to holders of {made.event.source}",
            date=made.event.time,
            status="paid",
            amount=str(made.paid),
            per_unit=str(made.per_unit),
            payer="others" if gift else "project",
            payee="holders",
            trace=trace_of(made.event),
        )


def _coming(case: Case) -> Iterator[PaymentView]:
    terms: VehicleTerms = case.terms
    name = state_name(case)
    if name in ("failed", "closed"):
        return
    plan, run = terms.plan, books(case).periods_paid
    if any(fact is not None for fact, _ in terms.measured) or plan.facts:
        amounts: list[int | None] = [None] * len(plan.due)
    else:
        made = project(plan, dict(zip(plan.lines, terms.expected, strict=True)))
        of = [i for i, payee in enumerate(terms.payee_of) if terms.payees[payee].tranche]
        claims = [plan.claim_names[i] for i in of]
        amounts = [sum(made.paid(claim)[period] for claim in claims) for period in range(len(plan.due))]
    for period in range(run, len(plan.due)):
        amount, at = amounts[period], plan.due[period]
        yield PaymentView(
            kind="pass_through",
            index=period,
            title=f"Period {period + 1}, if everything comes in as it should",
            date=at,
            status="expected" if at > case.now else "due",
            amount=None if amount is None else str(amount),
            payer="project",
            payee="holders",
        )
