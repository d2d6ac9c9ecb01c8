"""Where a bond stands: state, figures, and what comes next."""

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
from api.instruments.bond_case import life, made, slot_of, state_name, terms_now, value_of, waits_for
from api.instruments.bond_payments import expected, needed
from api.models.deployment import Fact, NextStep, StateView
from chain.history import Event
from finance.settlement import bond
from finance.settlement.bond_books import BondBooks
from finance.settlement.terms import Effect

TITLES = {
    **offering.TITLES,
    "active": "Active",
    "defaulted": "In default",
    "accelerated": "Accelerated",
    "redeemed": "Redeemed",
}


def state(case: Case) -> StateView:
    name = state_name(case)
    turn = case.last(
        "bond", "BondActivated", "BondDefaulted", "DefaultCured", "BondAccelerated", "BondRedeemed"
    )
    sentence, facts, steps = _sentence(case, name), _facts(case, name), _steps(case, name)
    return stands(case, name, TITLES[name], sentence, turn, facts, steps)


def _sentence(case: Case, name: str) -> str:
    if name in offering.TITLES:
        return offering.offering_sentence(case, name)
    terms = terms_now(case)
    paid, count = life(case).coupons_paid, len(terms.periods)
    match name:
        case "active" if terms.premium is not None:
            ends = day(terms.periods[-1].pay_date)
            return f"{paid} of {count} coupons are paid; the issuer has called it: repaid on {ends}."
        case "active":
            return f"{paid} of {count} coupons are paid; matures on {day(terms.periods[-1].pay_date)}."
        case "defaulted":
            return "A payment is overdue; it can still be made good in the cure period."
        case "accelerated":
            return "Everything is due after a default; what the bond holds is shared among holders."
    return f"All {count} coupons and the principal are paid."


def _facts(case: Case, name: str) -> Iterator[Fact]:
    terms, begun = terms_now(case), case.last("bond", "BondActivated")
    paid = life(case).coupons_paid
    yield fact("units", "Units in issue", token.units(case), "units", begun)
    yield fact("full_issue", "Units of the full issue", terms.hard_cap, "units")
    if begun is not None:
        left = case.books("bond", BondBooks).principal()
        yield fact("principal", "Principal outstanding", left, "money", _last_payment(case))
    index = min(paid, len(terms.periods) - 1)
    open_now = [n for n in waits_for(case, index) if terms.fixings[n].effect is Effect.RATE]
    if not open_now:
        made_values = [value_of(case, n) or 0 for n in range(len(terms.fixings))]
        yield fact(
            "rate", "Coupon rate", bond.rate(terms, index, made_values), "rate", _rate_event(case, index)
        )
    yield fact("coupons_paid", "Coupons paid", paid, "number", case.last("bond", "CouponPaid"))
    yield fact("coupons", "Coupons in all", len(terms.periods), "number")
    yield fact("held", "Held by the bond for what comes next", case.held("bond"), "money")
    yield from token.distributed(case)
    yield fact("maturity", "Maturity", terms.periods[-1].pay_date, "time")
    yield from unexplained(case)


def _last_payment(case: Case) -> Event | None:
    return case.last("bond", "CouponPaid", "BondRedeemed")


def _rate_event(case: Case, index: int) -> Event | None:
    """The last fixing that changed the rate of a period."""
    found = [
        event
        for number, event in made(case).items()
        if (fixing := terms_now(case).fixings[number]).effect is Effect.RATE
        and fixing.first <= index <= fixing.last
    ]
    return found[-1] if found else None


def _steps(case: Case, name: str) -> Iterator[NextStep]:
    terms = terms_now(case)
    yield from offering.offering_steps(case, name)
    if name in ("active", "defaulted"):
        yield from report_steps(case)
        yield from _payment_steps(case)
    if case.is_due("bond", "recover"):
        yield step("recover", "what the bond holds can be shared among holders", case.now, "recover")
    if name == "defaulted":
        until = life(case).defaulted_at + terms.cure_seconds
        if case.is_due("bond", "accelerate"):
            title = "the cure period is over: everything can be made due"
            yield step("accelerate", title, until, "accelerate")
        elif case.now <= until:
            title = f"the default can be cured until {day(until)}"
            yield step("cure", title, until, "cure", case.is_due("bond", "cure"))


def _payment_steps(case: Case) -> Iterator[NextStep]:
    for number, fixing in enumerate(terms_now(case).fixings):
        slot = slot_of(case, fixing)
        if case.is_due("bond", "fix", fixing=number):
            title = (
                f"the report of {case.deal.kpis[slot.feed.kpi].title}, period {slot.period + 1}, can be fixed"
            )
            kpi, period = slot.feed.kpi, slot.period
            yield step("fix", title, slot.final_at or case.now, "fix", kpi=kpi, period=period)
    paid = life(case).coupons_paid
    coming = [p for p in expected(case) if p.index is not None and p.index >= paid]
    if not coming:
        return
    first = coming[0]
    act = "pay_coupon" if first.kind == "coupon" else "redeem"
    due = case.is_due("bond", act)
    title = f"{first.title} on {day(first.date)}"
    needs = needed(case, first.index or 0)
    short = needs is not None and case.held("bond") < needs
    if case.is_due("bond", "declare_default"):
        words = f"{first.title} is overdue and not funded: the bond can be declared in default"
        yield step("default", words, first.date, "declare-default")
    if short:
        yield step("fund", f"the issuer funds {first.title}", first.date, "fund")
    yield step(first.kind, title, first.date, act.replace("_", "-") if due else None, due, period=first.index)
