"""The payments of a swap deal: settlements both ways, and what a project's revenue leaves for holders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.instruments.base import Case, trace_of
from api.instruments.swap_case import (
    amount_due,
    has_project,
    is_over,
    payment,
    periods_paid,
    settled,
    slot_of,
    state_name,
)
from api.models import Trace
from api.models.deployment import PaymentView, SettlementView
from chain.history import TRACE, Event
from finance.settlement.payoff_curve import maximum, minimum


def settlements(case: Case) -> list[SettlementView]:
    """Every period of the swap: what was settled, and what is to come."""
    rows = {row["period"]: row for row in case.ledger.rows("periods")}
    return [_settlement(case, index, rows.get(index)) for index in range(len(payment(case).periods))]


def _settlement(case: Case, index: int, row: dict[str, Any] | None) -> SettlementView:
    terms, slot = payment(case).periods[index], slot_of(case, index)
    about: dict[str, Any] = {
        "period": index,
        "start": slot.start,
        "end": slot.end,
        "pay_date": terms.pay_date,
        "fixed": str(terms.fixed_amount),
    }
    decimals = case.terms.feed.decimals
    if row is not None:
        return SettlementView(
            **about,
            status="settled",
            kpi=None if row["kpi"] is None else row["kpi"] / 10**decimals,
            missing=row["kpi"] is None,
            **{name: str(row[name]) for name in ("amount", "netted", "paid", "unpaid")},
            trace=Trace.model_validate({name: row[name] for name in TRACE}),
        )
    if is_over(case):
        return SettlementView(**about, status="ended")
    due, value = amount_due(case, index), slot.settled_value
    return SettlementView(
        **about,
        status="due" if due is not None and case.now >= terms.pay_date else "expected",
        kpi=None if value is None else value / 10**decimals,
        missing=slot.status == "missing",
        amount=None if due is None else str(due),
    )


def payments(case: Case) -> list[PaymentView]:
    """Settlements and distributions, made and expected, in order of dates."""
    found = [
        *_settlement_payments(case),
        *_end_payments(case),
        *_distributions(case),
        *_empty_distributions(case),
        *_coming_distributions(case),
    ]
    return sorted(found, key=lambda each: (each.date, each.kind))


def _settlement_payments(case: Case) -> Iterator[PaymentView]:
    lowest, highest = minimum(payment(case).curve), maximum(payment(case).curve)
    silent = payment(case).missing_payoff
    note: str | None
    for row in settlements(case):
        if row.status == "ended":
            continue
        about: dict[str, Any] = {
            "kind": "settlement",
            "index": row.period,
            "title": f"Settlement {row.period + 1}",
            "date": row.pay_date if row.trace is None else row.trace.time,
            "status": _paid(row) if row.status == "settled" else row.status,
            "trace": row.trace,
        }
        if row.amount is None:
            fixed = int(row.fixed)
            low, high = fixed + min(lowest, silent), fixed + max(highest, silent)
            payer, payee = _sides(case, 0)
            note = f"below zero, {payee} pays"
            yield PaymentView(**about, payer=payer, payee=payee, low=str(low), high=str(high), note=note)
            continue
        amount = int(row.amount)
        payer, payee = _sides(case, amount)
        yield PaymentView(**about, payer=payer, payee=payee, amount=str(abs(amount)), unpaid=row.unpaid)


def _sides(case: Case, amount: int) -> tuple[str, str]:
    """Who pays a signed amount, and to whom: the parties' keys in the deal."""
    payer, payee = case.terms.payer, case.terms.payee
    return (payer, payee) if amount >= 0 else (payee, payer)


def _paid(row: SettlementView) -> str:
    if int(row.unpaid or 0):
        return "owed"
    return "paid" if int(row.amount or 0) else "nothing"


def _end_payments(case: Case) -> Iterator[PaymentView]:
    """The one payment of a close-out or an agreed end."""
    for row in case.ledger.rows("ends"):
        payer, payee = _sides(case, row["amount"])
        yield PaymentView(
            kind=row["how"],
            title="Close-out" if row["how"] == "close_out" else "Agreed termination",
            date=row["time"],
            status="owed" if row["unpaid"] else "paid" if row["amount"] else "nothing",
            payer=payer,
            payee=payee,
            amount=str(abs(row["amount"])),
            unpaid=str(row["unpaid"]),
            trace=Trace.model_validate({name: row[name] for name in TRACE}),
        )


def _paid_period(case: Case, event: Event) -> int | None:
    """The treasury's period that a distribution belongs to."""
    paid = case.ledger.before(event, case.deployment.keys["treasury"], "PeriodPaid")
    if paid is None:
        return None
    period = int(paid.arguments["period"])
    return period if period < len(case.terms.project.periods) else None


def _revenue(index: int | None, title: str = "", **more: Any) -> PaymentView:
    """What the treasury shares out for a period."""
    title = title or f"Distribution {(index or 0) + 1}"
    return PaymentView(kind="revenue", index=index, title=title, payer="project", payee="holders", **more)


def _empty_distributions(case: Case) -> Iterator[PaymentView]:
    """Periods that the treasury has paid and that left nothing to holders: the token says nothing of them."""
    for event in case.events("treasury", "PeriodPaid"):
        index = int(event.arguments["period"])
        if not event.arguments["holders"] and index < len(case.terms.project.periods):
            trace = trace_of(event)
            yield _revenue(index, date=event.time, status="nothing", amount="0", per_unit="0", trace=trace)


def _distributions(case: Case) -> Iterator[PaymentView]:
    for each in case.ledger.payouts:
        event, sums = each.event, {"amount": str(each.paid), "per_unit": str(each.per_unit)}
        about = {"date": event.time, "status": "paid", "trace": trace_of(event), **sums}
        if each.kind == "gift":
            yield PaymentView(kind="gift", title="Gift to holders", payer="others", payee="holders", **about)
            continue
        index = _paid_period(case, event)
        yield _revenue(index, "Distribution of the rest" if index is None else "", **about)


def _coming_distributions(case: Case) -> Iterator[PaymentView]:
    """Periods that the treasury has not paid; what they leave depends on revenue."""
    if not has_project(case) or state_name(case) in ("failed", "ended"):
        return
    periods = case.terms.project.periods
    note = "what revenue leaves after operating cost, debt service and the swap"
    for index in range(periods_paid(case), len(periods)):
        date = periods[index].pay_date
        due = case.now >= date and (settled(case) > index or is_over(case))
        yield _revenue(index, date=date, status="due" if due else "expected", low="0", note=note)
