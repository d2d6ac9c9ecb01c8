"""The payments of a vehicle to whoever holds its tranches: made by period, and as expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from api.instruments.base import Case, trace_of
from api.instruments.spv_case import books, claims_of, made, registers, state_name, terms, to_come
from api.models.deployment import PaymentView
from finance.settlement.spv_terms import TrancheTerms

KIND = "tranche"


def payments(case: Case) -> list[PaymentView]:
    """What tranches were and will be paid, in order of dates. Expected is what the waterfall pays if
    everything comes in from now on as it should; what is left in the end is a payment more."""
    found = [each for tranche in terms(case).tranches for each in _of(case, tranche)]
    return sorted(found, key=lambda each: (each.date, each.title))


def _of(case: Case, tranche: TrancheTerms) -> Iterator[PaymentView]:
    yield from _made(case, tranche)
    yield from _gifts(case, tranche)
    if state_name(case) not in ("failed", "run"):
        yield from _coming(case, tranche)


def _made(case: Case, tranche: TrancheTerms) -> Iterator[PaymentView]:
    paid: dict[tuple[int, str], int] = {}
    for flow in made(case):
        paid[flow.period, flow.target] = paid.get((flow.period, flow.target), 0) + flow.amount
    runs = case.events("spv", "PeriodPaid")
    for event in runs:
        period = event.arguments["period"]
        parts = {claim: paid.get((period, claim), 0) for claim in claims_of(case, tranche)}
        given = case.ledger.after(event, tranche.token, "Distributed")
        if period == len(terms(case).plan.due) and not any(parts.values()):
            continue
        unpaid = _unpaid(case, tranche) if event is runs[-1] else 0
        yield _payment(
            tranche,
            len(terms(case).plan.due),
            period,
            parts,
            date=event.time,
            status="owed" if unpaid else "paid" if any(parts.values()) else "nothing",
            per_unit=str(0 if given is None else given.arguments["perUnit"]),
            unpaid=str(unpaid) if unpaid else None,
            trace=trace_of(event if given is None else given),
        )


def _unpaid(case: Case, tranche: TrancheTerms) -> int:
    """What has fallen due to its holders and was not paid."""
    owed = registers(case)
    return sum(owed[claim] for claim in claims_of(case, tranche))


def _gifts(case: Case, tranche: TrancheTerms) -> Iterator[PaymentView]:
    """What others shared out among its holders."""
    for each in case.ledger.payouts:
        if each.kind == "gift" and each.event.source == tranche.token:
            sums = {"amount": str(each.paid), "per_unit": str(each.per_unit)}
            about = {"date": each.event.time, "trace": trace_of(each.event), **sums}
            yield PaymentView(
                kind="gift", title="Gift to holders", status="paid", payer="others", payee="holders", **about
            )


def _coming(case: Case, tranche: TrancheTerms) -> Iterator[PaymentView]:
    plan, first = terms(case).plan, books(case).periods_paid
    for period, run in enumerate(to_come(case), start=first):
        claims = dict(zip(plan.claim_names, run.paid, strict=True))
        parts = {claim: claims[claim] for claim in claims_of(case, tranche)}
        date = plan.due[min(period, len(plan.due) - 1)]
        total = sum(parts.values())
        if period == len(plan.due) and not total:
            continue
        yield _payment(
            tranche,
            len(plan.due),
            period,
            parts,
            date=date,
            status="due" if case.now >= date else "expected",
            per_unit=str(total // tranche.units),
            note="if everything comes in as expected",
        )


def _payment(
    tranche: TrancheTerms, count: int, period: int, parts: Mapping[str, int], **more: Any
) -> PaymentView:
    what = f"period {period + 1}" if period < count else "the rest"
    rated = tranche.rate is not None
    return PaymentView(
        kind=KIND,
        index=period,
        title=f"{tranche.name}, {what}",
        amount=str(sum(parts.values())),
        payer="vehicle",
        payee="holders",
        interest=str(parts[f"{tranche.key}.interest"]) if rated else None,
        principal=str(parts[f"{tranche.key}.principal"]) if rated else None,
        **more,
    )
