"""The service fee on a chain: the contract of a KPI payment, with its books."""

from __future__ import annotations

from chain.parts import payment
from chain.plan import Plan
from finance.terms import Deal
from service_fee.terms import read


def plan(deal: Deal) -> Plan:
    return payment.plan(read(deal))
