"""Where a swap deal stands: state, figures, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator

from api.instruments import offering, token
from api.instruments.base import (
    Case,
    day,
    fact,
    report_steps,
    stands,
    step,
    unexplained,
)
from api.instruments.swap_case import (
    amount_due,
    books,
    defaulted_at,
    has_project,
    is_over,
    open_calls,
    payment,
    periods_paid,
    settled,
    slot_of,
    state_name,
    swap_state,
)
from api.models.deployment import Fact, NextStep, StateView
from chain.parts.payment import SIDES
from finance.settlement import kpi_payment
from finance.settlement.kpi_payment import Side, State

TITLES = {
    **offering.TITLES,
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
    sentence, facts, steps = _sentence(case, name), _facts(case), _steps(case, name)
    return stands(case, name, TITLES[name], sentence, turn, facts, steps)


def _sentence(case: Case, name: str) -> str:
    if name in offering.TITLES:
        return offering.offering_sentence(case, name)
    count = len(payment(case).periods)
    match name:
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
    yield fact(
        "units", "Units in issue", token.units(case), "units", case.last("treasury", "TreasuryActivated")
    )
    yield fact("full_issue", "Units of the full issue", case.terms.project.hard_cap, "units")
    yield fact("treasury_periods", "Periods paid by the treasury", periods_paid(case), "number")
    revenue = sum(e.arguments["amount"] for e in case.events("treasury", "RevenueReceived"))
    yield fact(
        "revenue", "Revenue received so far", revenue, "money", case.last("treasury", "RevenueReceived")
    )
    yield from token.distributed(case)
    yield fact("treasury_held", "Held by the treasury", case.held("treasury"), "money")


def _steps(case: Case, name: str) -> Iterator[NextStep]:
    if has_project(case):
        yield from offering.offering_steps(case, name)
        if name in offering.TITLES:
            return
    if name == "agreed":
        due = case.is_due("payment", "activate")
        title = f"the swap begins by {day(payment(case).start_by)}, or lapses"
        action = "begin" if due else "fund-swap"
        yield step("begin", title, payment(case).start_by, action, due)
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
        due = case.is_due("payment", "settle")
        title = f"period {index + 1} can be settled from {day(date)}"
        if not known and case.now >= date:
            title = f"period {index + 1} waits for its report"
            date = slot_of(case, index).final_at or slot_of(case, index).missing_at
        yield step("settle", title, date, "settle" if due else None, due, period=index)
    if default:
        title = "the swap can be closed out"
        if outstanding:
            title = f"the swap can be closed out when period {index + 1} is settled"
        due = case.is_due("payment", "close_out")
        yield step("close-out", title, default, "close-out" if due else None, due)
        return
    calls = open_calls(case)
    for side in Side:
        if side in calls:
            title = f"{SIDES[side]}: the margin call can be met until {day(calls[side])}"
            yield step("margin", title, calls[side], "fund-swap")
        elif case.is_due("payment", "call_margin", side=side):
            title = f"{SIDES[side]}: lacks collateral or owes, and can be called"
            yield step("call-margin", title, case.now, "call-margin")


def _treasury_steps(case: Case) -> Iterator[NextStep]:
    periods, index = case.terms.project.periods, periods_paid(case)
    if index >= len(periods):
        return
    date = periods[index].pay_date
    due = case.is_due("treasury", "pay")
    title = f"the treasury pays period {index + 1} from {day(date)}"
    yield step("waterfall", title, date, "pay-waterfall" if due else None, due, period=index)
