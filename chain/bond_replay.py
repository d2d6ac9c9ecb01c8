"""A bond's events, replayed through its Python twin: what each act must have paid, late interest included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from chain.events import Event
from chain.ledger import Ledger
from finance.settlement import SettlementError
from finance.settlement.bond_life import BondLife, Paid, Settled
from finance.settlement.terms import SettlementTerms


@dataclass
class BondReplay:
    """The twin after the last event; `paid` by payment, the redemption after the last coupon. `compared`:
    what the twin and the bond say of acts that are no payments, by name. `refused`: acts that the twin does
    not allow, because another deal than was deployed is given."""

    life: BondLife
    paid: dict[int, Paid] = field(default_factory=dict)
    compared: list[tuple[str, int, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def open_payments(self, at: int) -> dict[int, tuple[int, int]]:
        """Of every payment due and not made at `at`: since when it could be made, and the late interest that
        runs on it."""
        life, start = self.life, self.life.coupons_paid
        due = life.payments(start, life.overdue(at))
        late = life.late_on(due, at)
        found = {start + i: (payment.since, late[i]) for i, payment in enumerate(due)}
        if start in found:  # what runs no more is paid with the next payment
            found[start] = (found[start][0], found[start][1] + life.late)
        return found


def replay_bond(
    terms: SettlementTerms, units: int, reports: dict[int, Settled], ledger: Ledger
) -> BondReplay:
    """Replay a bond of `units` under settled `reports`, by fixing, from the events of its ledger."""
    lived = BondReplay(BondLife(terms, units, reports))
    accelerated = {event.tx for event in ledger.of("bond", "BondAccelerated")}
    for event in _in_order(ledger):
        if event.name == "KpiFixed" and event.tx in accelerated:
            continue  # by the acceleration
        try:
            _apply(lived, event)
        except SettlementError as error:
            lived.refused.append(f"{event.name} in {event.tx}: {error}")
    return lived


def _in_order(ledger: Ledger) -> Iterator[Event]:
    """The bond's events, and currency that came to it by a plain transfer."""
    me, funded = ledger.record.addresses["bond"], 0
    moves = (e for e in ledger.of("currency", "Transfer") if e.arguments["to"] == me)
    events = chain(moves, (e for e in ledger.events if e.source == "bond"))
    for event in sorted(events, key=lambda e: (e.block, e.index)):
        if event.name == "BondFunded":
            funded = event.arguments["amount"]
        elif event.source == "currency" and event.arguments["value"] == funded:
            funded = 0  # what the bond has just announced
            continue
        yield event


def _apply(lived: BondReplay, event: Event) -> None:
    life, a, at = lived.life, event.arguments, event.time
    match event.name:
        case "Transfer":
            life.receive(a["value"])
        case "BondFunded":
            life.fund(a["amount"], at)
        case "KpiFixed":
            life.fix(a["fixing"], at)
        case "CouponPaid":
            index = life.coupons_paid
            lived.paid[index] = paid = life.pay_coupon(at)
            lived.compared.append((f"late interest with coupon {index + 1}", paid.late, a["late"]))
        case "BondRedeemed":
            lived.paid[life.total] = paid = life.redeem(at)
            lived.compared.append(("late interest with the redemption", paid.late, a["late"]))
        case "BondDefaulted":
            life.declare_default(at)
        case "DefaultCured":
            life.cure(at)
        case "BondAccelerated":
            life.accelerate(at)
            owed = (life.interest_owed, life.principal_owed, life.late_owed(at) // 2**32)
            names = ("interest", "principal", "late")
            for name, mine in zip(names, owed, strict=True):
                lived.compared.append((f"called due: {name}", mine, a[f"{name}Owed"]))
        case "Recovered":
            recovery = life.recover(at)
            for name in ("late", "interest", "principal"):
                mine = getattr(recovery, name)
                lived.compared.append((f"recovered in {event.tx}: {name}", mine, a[name]))
        case "SurplusReturned":
            life.return_surplus()
