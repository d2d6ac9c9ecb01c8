"""Rules of registers of proceeds: all that is sold has a use, and its reviewer has no part in it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.offering import Sale
from finance.terms.proceeds import Proceeds
from finance.terms.rule_parts import Finding, Loc, money, parts_of

MAX_USES = 32
GAIN = ("issuer", "operator", "payee")
"""Roles of those who could be paid out of the proceeds."""


def registers(deal: Deal) -> Iterator[Finding]:
    for here, register in parts_of(deal, Proceeds):
        if not 1 <= len(register.uses) <= MAX_USES:
            yield (*here, "uses"), f"must be 1 to {MAX_USES}"
        for key, use in register.uses.items():
            yield from money(deal, (*here, "uses", key, "amount"), use.amount, positive=True)
        yield from _whole(deal, here, register)
        yield from _reviewer(deal, here, register)


def _whole(deal: Deal, here: Loc, register: Proceeds) -> Iterator[Finding]:
    sold = [deal.parts[key] for key in deal.linking(register.of, "sells")]
    caps = [each.hard_cap.value for each in sold if isinstance(each, Sale)]
    planned = sum((use.amount.value for use in register.uses.values()), Decimal(0))
    if caps and register.uses and planned != caps[0]:
        yield (*here, "uses"), f"come to {plain(planned)}, and the whole issue is {plain(caps[0])}"


def _reviewer(deal: Deal, here: Loc, register: Proceeds) -> Iterator[Finding]:
    key, loc = register.reviewer, (*here, "reviewer")
    if key is None:
        return
    if key not in deal.parties:
        yield loc, f"unknown party (known: {', '.join(deal.parties)})"
        return
    roles = deal.parties[key].roles
    gains = [role for role in GAIN if role in roles]
    if "verifier" not in roles:
        yield loc, "the party has not the role verifier"
    elif gains:
        yield loc, f"has the role {gains[0]} too: nobody reviews what it was paid"


RULES = (registers,)
