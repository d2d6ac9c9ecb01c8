"""Where a swap deal stands: state, figures, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator

from api.instruments.base import (
    Case,
    day,
    fact,
    in_order,
    report_steps,
    trace_of,
    unexplained,
)
from api.instruments.offering import offering_steps
from api.instruments.swap_case import (
    SIDES,
    amount_due,
    books,
    defaulted_at,
    has_project,
    is_over,
    lacks,
    open_calls,
    payment,
    periods_paid,
    settled,
    slot_of,
    state_name,
    swap_state,
)
from api.instruments.token import units
from api.models.deployment import Fact, NextStep, StateView
from finance.settlement import kpi_payment
from finance.settlement.kpi_payment import Side, State

TITLES = {
    "announced": "Offering announced",
    "offering": "Offering open",
    "sold": "Sold, not settled",
    "failed": "Issue failed",
    "agreed": "Agreed, not begun",
    "lapsed": "Lapsed",
    "active": "Active",
    "defaulted": "In default",
    "matured": "Matured",
    "closed_out": "Closed out",
    "terminated": "Terminated by agreement",
    "ended": "Ended",
}


def state(case: Case) -> StateView:
    name = state_name(case)
    turn = case.last(
        "payment", "PaymentInitialized", "PaymentActivated", "Matured", "ClosedOut", "AgreedTermination"
    )
    if name == "ended":
        turn = case.last("treasury", "TreasuryClosed")
    elif has_project(case) and swap_state(case) is State.ACTIVE:
        turn = case.last("treasury", "TreasuryActivated")
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
    count = len(payment(case).periods)
    match name:
        case "announced":
            return f"The offering opens on {day(case.terms.project.opens)}."
        case "offering":
            project = case.terms.project
            sold = f"{units(case)} of {project.hard_cap} units are sold"
            return f"{sold}; the offering closes on {day(project.closes)}."
        case "sold":
            return f"{units(case)} units are sold; the issue waits to be settled."
        case "failed":
            return (
                "Too few units were sold, or nobody settled the issue in time; holders get their money back."
            )
        case "agreed":
            by = day(payment(case).start_by)
            return f"It begins with both sides' collateral in place, by {by}, or lapses."
        case "lapsed":
            return "Its collateral was not in place in time; each side gets its own back."
        case "active":
            end = day(payment(case).periods[-1].pay_date)
            return f"{settled(case)} of {count} periods are settled; the last is paid on {end}."
        case "defaulted":
            return f"A margin call was not met by {day(defaulted_at(case))}; the swap can be closed out."
        case "matured":
            return f"All {count} periods are settled."
        case "ended" if settled(case) == count:
            return f"All {count} periods are settled, and the project's treasury is closed."
    return f"{settled(case)} of {count} periods were settled before it ended."


def _facts(case: Case) -> Iterator[Fact]:
    last = case.last("payment", "PeriodSettled")
    yield fact("periods_settled", "Periods settled", settled(case), "number", last)
    yield fact("periods", "Periods in all", len(payment(case).periods), "number")
    net = sum(e.arguments["amount"] for e in case.events("payment", "PeriodSettled"))
    yield fact("net", "Fallen due so far, net (positive: to the payee)", net, "money")
    missed = sum(e.arguments["unpaid"] for e in case.events("payment", "AmountPaid"))
    yield fact("missed", "Of it not paid when it fell due, both ways", missed, "money")
    swap = books(case)
    for side in Side:
        name = SIDES[side]
        title = name.capitalize()
        yield fact(f"{name}_required", f"{title}: collateral required", payment(case).required[side], "money")
        account, owes = swap.ledger.accounts[side], swap.owed(side, case.now)
        yield fact(f"{name}_posted", f"{title}: posted", account.balance, "money")
        yield fact(f"{name}_credit", f"{title}: to withdraw", account.credit, "money")
        yield fact(f"{name}_owes", f"{title}: owes, with interest", owes, "money")
    yield fact("held", "Held by the swap", case.held("payment"), "money")
    if has_project(case):
        yield from _project_facts(case)
    yield from unexplained(case)


def _project_facts(case: Case) -> Iterator[Fact]:
    yield fact("units", "Units in issue", units(case), "units", case.last("treasury", "TreasuryActivated"))
    yield fact("full_issue", "Units of the full issue", case.terms.project.hard_cap, "units")
    yield fact("treasury_periods", "Periods paid by the treasury", periods_paid(case), "number")
    revenue = sum(e.arguments["amount"] for e in case.events("treasury", "RevenueReceived"))
    yield fact(
        "revenue", "Revenue received so far", revenue, "money", case.last("treasury", "RevenueReceived")
    )
    paid = sum(e.arguments["paid"] for e in case.events("token", "Distributed"))
    yield fact(
        "distributed", "Distributed to holders so far", paid, "money", case.last("token", "Distributed")
    )
    yield fact("unclaimed", "Distributed to holders, not claimed yet", case.held("token"), "money")
    yield fact("treasury_held", "Held by the treasury", case.held("treasury"), "money")


def _steps(case: Case, name: str) -> Iterator[NextStep]:
    if has_project(case):
        yield from offering_steps(case, name, case.terms.project.opens, case.terms.project.closes)
        if name in ("announced", "offering", "sold", "failed"):
            return
    if name == "agreed":
        due = not any(lacks(case, side) for side in Side)
        title = f"the swap begins by {day(payment(case).start_by)}, or lapses"
        action = "begin" if due else "fund-swap"
        yield NextStep(what="begin", title=title, time=payment(case).start_by, due=due, action=action)
    elif not is_over(case):
        yield from report_steps(case)
        yield from _swap_steps(case)
    if has_project(case) and name != "ended":
        yield from _treasury_steps(case)


def _swap_steps(case: Case) -> Iterator[NextStep]:
    index, terms = settled(case), payment(case)
    default = defaulted_at(case)
    outstanding = not default or kpi_payment.has_begun(terms, index, default)
    if index < len(terms.periods) and outstanding:
        date = terms.periods[index].pay_date
        known = amount_due(case, index) is not None
        due = known and case.now >= date
        title = f"period {index + 1} can be settled from {day(date)}"
        if not known and case.now >= date:
            title = f"period {index + 1} waits for its report"
            date = slot_of(case, index).final_at or slot_of(case, index).missing_at
        yield NextStep(
            what="settle", title=title, time=date, due=due, action="settle" if due else None, period=index
        )
    if default:
        title = "the swap can be closed out"
        if outstanding:
            title = f"the swap can be closed out when period {index + 1} is settled"
        action = None if outstanding else "close-out"
        yield NextStep(
            what="close-out", title=title, time=default, due=not outstanding, action=action, period=None
        )
        return
    calls = open_calls(case)
    for side in Side:
        if side in calls:
            title = f"{SIDES[side]}: the margin call can be met until {day(calls[side])}"
            yield NextStep(what="margin", title=title, time=calls[side], due=True, action="fund-swap")
        elif lacks(case, side):
            title = f"{SIDES[side]}: lacks collateral or owes, and can be called"
            yield NextStep(what="call-margin", title=title, time=case.now, due=True, action="call-margin")


def _treasury_steps(case: Case) -> Iterator[NextStep]:
    periods, index = case.terms.project.periods, periods_paid(case)
    if index >= len(periods):
        return
    date = periods[index].pay_date
    due = case.now >= date and (settled(case) > index or is_over(case))
    title = f"the treasury pays period {index + 1} from {day(date)}"
    yield NextStep(
        what="waterfall",
        title=title,
        time=date,
        due=due,
        action="pay-waterfall" if due else None,
        period=index,
    )
