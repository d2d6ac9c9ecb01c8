"""Where a vehicle stands: state, figures, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator

from api.instruments import offering, token
from api.instruments.base import Case, day, fact, report_steps, stands, step, unexplained
from api.instruments.spv_case import (
    books,
    failed_since,
    lines,
    registers,
    sale,
    state_name,
    terms,
    titles,
    units,
)
from api.models.deployment import Fact, NextStep, StateView

ONE = 10**18
TITLES = {
    **offering.TITLES,
    "active": "Active",
    "watched": "A covenant has failed",
    "run": "All periods run",
}


def state(case: Case) -> StateView:
    name = state_name(case)
    turn = case.last("spv", "TreasuryInitialized", "TreasuryActivated", "TreasuryClosed")
    sentence, facts, steps = _sentence(case, name), _facts(case), _steps(case, name)
    return stands(case, name, TITLES[name], sentence, turn, facts, steps)


def _sentence(case: Case, name: str) -> str:
    if name == "failed":
        return "Not everything was sold, or not settled in time; everybody gets their money back."
    if name in offering.TITLES:
        first = next(each for each in terms(case).tranches if _sale_state(case, each.offering) == name)
        return offering.offering_sentence(case, name, first.offering)
    run, dates = books(case).periods_paid, terms(case).plan.due
    words = f"{run} of {len(dates)} periods are run; the last is run on {day(dates[-1])}."
    if name == "watched":
        failed = "; ".join(titles(case)[each] for each in failed_since(case))
        return f"{words} Failed: {failed}."
    return words if name == "active" else f"All {len(dates)} periods are run."


def _sale_state(case: Case, key: str) -> str:
    return offering.offering_state(case, key)


def _facts(case: Case) -> Iterator[Fact]:
    found, names, kept = books(case), titles(case), registers(case)
    last, plan = case.last("spv", "PeriodPaid"), terms(case).plan
    yield fact("periods_run", "Periods run", found.periods_paid, "number", last)
    yield fact("periods", "Periods in all", len(plan.due), "number")
    for pot in plan.pot_names:
        yield fact(f"pot_{pot}", f"In the pot: {names[pot]}", kept[pot], "money")
    for loan in plan.loans:
        yield fact(
            f"balance_{loan.name}", f"Not repaid: {names[loan.name]}", kept[f"{loan.name}.balance"], "money"
        )
    for claim in plan.claim_names:
        if kept[claim]:
            yield fact(f"owed_{claim}", f"Owed: {names[claim]}", kept[claim], "money")
    for each in terms(case).tranches:
        yield fact(f"units_{each.key}", f"Units in issue: {each.name}", units(case, each), "units")
        if each.rate is not None:
            factor = kept[f"{each.key}.balance"] * ONE // (each.units * each.unit_principal)
            yield fact(f"factor_{each.key}", f"Not repaid, of the principal: {each.name}", factor, "rate")
    failed = failed_since(case)
    for test in plan.covenants:
        if test.name in failed:
            yield fact(f"failed_{test.name}", f"Failed since: {names[test.name]}", failed[test.name], "time")
    for number, payee in enumerate(terms(case).payees):
        if credit := found.credits.get(number):
            who = payee.party or payee.tranche
            yield fact(f"credit_{who}", f"To withdraw: {who}", credit, "money")
    arrears = sum(each.arrears for each in lines(case))
    yield fact("arrears", "In arrears: due by now and not paid in", arrears, "money")
    yield fact("held", "Held by the treasury", case.held("spv"), "money")
    yield from token.distributed(case)
    yield from unexplained(case)


def _steps(case: Case, name: str) -> Iterator[NextStep]:
    if name in offering.TITLES:
        for each in terms(case).tranches:
            yield from offering.offering_steps(case, _sale_state(case, each.offering), each.offering)
        yield from _openings(case, name)
        return
    yield from report_steps(case)
    run, dates = books(case).periods_paid, terms(case).plan.due
    if name == "run":
        return
    for line in lines(case):
        if line.arrears:
            title = f"{titles(case)[line.key]}: what was due is not all paid in"
            yield step("revenue-late", title, case.now, "pay-line")
    due = case.is_due("spv", "pay")
    title = f"period {run + 1} can be run from {day(dates[run])}"
    if not due and case.now >= dates[run]:
        title = f"period {run + 1} waits for its report"
    yield step("period", title, dates[run], "run-period" if due else None, due, period=run)


def _openings(case: Case, name: str) -> Iterator[NextStep]:
    """Pots that must be filled before the treasury begins."""
    if name == "failed":
        return
    closes = max(sale(case, each).terms.closes for each in terms(case).tranches)
    wanted = zip(list(terms(case).plan.pots), books(case).openings, books(case).spent_pots[1:], strict=True)
    for pot, opening, there in wanted:
        if there < opening:
            title = f"{titles(case)[pot]}: must be filled before it begins"
            yield step("fill-pot", title, closes, "fill-pot")
