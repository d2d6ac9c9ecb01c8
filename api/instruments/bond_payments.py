"""The payments of a bond: distributions made, and what is due or expected."""

from __future__ import annotations

from collections.abc import Sequence

from api.instruments.base import Case, trace_of
from api.instruments.bond_case import (
    has_outcome,
    life,
    planned_units,
    slot_of,
    state_name,
    terms_now,
    value_of,
    values,
    waits_for,
)
from api.instruments.token import units
from api.models.deployment import PaymentView
from chain.history import Event
from finance.settlement import bond
from finance.settlement.terms import SettlementTerms
from finance.settlement.widths import SettlementError


def payments(case: Case) -> list[PaymentView]:
    """Distributions made, then what is due or expected, in order of dates."""
    return [*past(case), *(expected(case) if state_name(case) not in ("accelerated", "failed") else [])]


def past(case: Case) -> list[PaymentView]:
    """Distributions made, and coupons that came to nothing, of which the token says nothing."""
    found = [_empty(event) for event in case.events("bond", "CouponPaid") if not event.arguments["paid"]]
    for made_ in case.ledger.payouts:
        index, event = made_.index, made_.event
        if made_.kind == "redemption":
            index = len(terms_now(case).periods)
        title = {
            "coupon": f"Coupon {index + 1}",
            "redemption": "Redemption",
            "recovery": "Recovery after the default",
            "gift": "Gift to holders",
        }[made_.kind]
        premium = bond.premium(terms_now(case), units(case)) if made_.kind == "redemption" else 0
        outcome = made_.outcome - premium if has_outcome(case, index) else None
        found.append(
            PaymentView(
                kind=made_.kind,
                index=index if index >= 0 else None,
                title=title,
                date=event.time,
                status="paid",
                amount=str(made_.paid),
                per_unit=str(made_.per_unit),
                payer="others" if made_.kind == "gift" else "issuer",
                payee="holders",
                interest=str(made_.paid - made_.principal - (outcome or 0) - made_.late)
                if made_.kind == "coupon"
                else None,
                principal=str(made_.principal) if made_.principal else None,
                premium=str(premium) if premium else None,
                outcome=None if outcome is None else str(outcome),
                late=str(made_.late) if made_.late else None,
                trace=trace_of(event),
            )
        )
    return sorted(found, key=lambda each: (each.trace.block, each.trace.log) if each.trace else (0, 0))


def _empty(event: Event) -> PaymentView:
    index = int(event.arguments["period"])
    return PaymentView(
        kind="coupon",
        index=index,
        title=f"Coupon {index + 1}",
        date=event.time,
        status="nothing",
        amount="0",
        per_unit="0",
        payer="issuer",
        payee="holders",
        interest=str(event.arguments["interest"]),
        outcome=str(event.arguments["outcome"]),
        trace=trace_of(event),
    )


def expected(case: Case) -> list[PaymentView]:
    """What is not paid yet, for the units in issue, or the full issue while it is being sold."""
    terms, count = terms_now(case), planned_units(case)
    paid = life(case).coupons_paid
    if state_name(case) == "redeemed":
        return []
    low, high = (_replayed(terms, count, values(case, low)) for low in (True, False))
    overdue = _late(case)
    found = []
    for index in range(paid, len(terms.periods) + 1):
        last = index == len(terms.periods)
        date = terms.periods[min(index, len(terms.periods) - 1)].pay_date
        # A replay has no row for a part that is not there; a payment of nothing is 0.
        ends = [{kind: rows.get((index, kind), (0, 0)) for kind in PARTS} for rows in (low, high)]
        more = overdue.get(index, 0) // count  # of late interest, a unit
        sums = [sum(total for total, _ in parts.values()) + more * count for parts in ends]
        each = [sum(unit for _, unit in parts.values()) + more for parts in ends]
        known = sums[0] == sums[1]
        late = case.now > date + terms.grace_seconds
        found.append(
            PaymentView(
                kind="redemption" if last else "coupon",
                index=index,
                title="Redemption" if last else f"Coupon {index + 1}",
                date=date,
                status="expected" if date > case.now else "late" if late else "due",
                amount=str(sums[0]) if known else None,
                per_unit=str(each[0]) if known else None,
                low=None if known else str(min(sums)),
                high=None if known else str(max(sums)),
                payer="issuer",
                payee="holders",
                interest=None if last else _same(ends, "coupon"),
                principal=_same(ends, "principal") if any(p["principal"][0] for p in ends) else None,
                premium=_same(ends, "premium") if terms.premium and last else None,
                outcome=_same(ends, "outcome") if has_outcome(case, index) else None,
                late=str(more * count) if more else None,
                note=_note(case, index),
            )
        )
    return found


def needed(case: Case, index: int) -> int | None:
    """What the bond must hold to make payment `index` next: what is due, with late interest and what rounding
    has carried. None while a report decides it."""
    found = set()
    for low in (True, False):
        rows = _replay(terms_now(case), planned_units(case), values(case, low))
        due = sum(row.due for row in rows if row.index <= index)
        found.add(due - sum(row.total for row in rows if row.index < index) + _late(case).get(index, 0))
    return found.pop() if len(found) == 1 else None


def _late(case: Case) -> dict[int, int]:
    """Late interest on payments that are due, as of now; what runs no more is paid with the next one."""
    if state_name(case) not in ("active", "defaulted"):
        return {}
    bond_, start = life(case), life(case).coupons_paid
    late = bond_.late_on(bond_.payments(start, bond_.overdue(case.now)), case.now)
    return {start + i: more + (0 if i else bond_.late) for i, more in enumerate(late)}


PARTS = ("coupon", "principal", "premium", "outcome")
Rows = dict[tuple[int, str], tuple[int, int]]


def _replayed(terms: SettlementTerms, count: int, fixed: Sequence[int]) -> Rows:
    """(total, per unit) by payment and part."""
    return {(p.index, p.kind): (p.total, p.per_unit) for p in _replay(terms, count, fixed)}


def _replay(terms: SettlementTerms, count: int, fixed: Sequence[int]) -> list[bond.Payment]:
    try:
        return bond.payments(terms, count, fixed)
    except SettlementError:  # an extreme that no report gives all at once
        return []


def _same(ends: Sequence[dict[str, tuple[int, int]]], kind: str) -> str | None:
    low, high = (parts[kind][0] for parts in ends)
    return str(low) if low == high else None


def _note(case: Case, index: int) -> str | None:
    waiting = [n for n in waits_for(case, index) if value_of(case, n) is None]
    if not waiting:
        return None
    slots = [slot_of(case, case.terms.fixings[n]) for n in waiting]
    names = dict.fromkeys(f"{case.deal.kpis[s.feed.kpi].title}, period {s.period + 1}" for s in slots)
    return f"depends on {'; '.join(names)}"
