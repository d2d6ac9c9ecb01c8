"""What a KPI payment is, by its own terms: what to call it, and which measures mean something for it.

Three forms, told apart by the signs that a period's amount can have and by whether there is a fixed part:

    charge     a fixed part from which the KPI takes something, but never more than all of it: one side pays
    forward    no fixed part: the KPI alone makes an amount due
    swap       a fixed part in exchange for what the KPI makes due: it is the price of the other, with a
               premium over what is fair
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finance.terms.deal import Deal
from finance.terms.payoffs import payoff_term, steps_of
from finance.terms.swap import KpiPayment


@dataclass(frozen=True)
class PaymentForm:
    """Words for one KPI payment.

    `noun`: the payment; `fixed` and `payoff`: its fixed part, and what the KPI adds; `due`: both together.
    `two_way`: whether either side may have to pay.
    """

    noun: str
    fixed: str
    payoff: str
    due: str
    two_way: bool

    @property
    def is_charge(self) -> bool:
        return self.noun == "charge"

    @property
    def is_swap(self) -> bool:
        """Only then are there a fair fixed payment, a premium over it and a price of risk."""
        return self.noun == "swap"


def payment_form(deal: Deal) -> PaymentForm:
    """The form of the deal's KPI payment."""
    swap = deal.only(KpiPayment)
    fixed, payoffs = swap.fixed.value, [payoff_term(step).value for step in steps_of(swap)]
    policy = deal.oracle.get(swap.kpi)
    if policy is not None and policy.missing.amount is not None:
        payoffs.append(policy.missing.amount.value)
    low, high = min(fixed) + min(payoffs), max(fixed) + max(payoffs)
    two_way = low < 0 < high
    if not any(fixed):
        noun = "forward" if two_way else "payment"
        return PaymentForm(noun, "fixed payment", "payoff", "payment", two_way)
    if low >= 0 and min(fixed) > 0:
        return PaymentForm("charge", "charge", _change(payoffs), "payment", two_way)
    return PaymentForm("swap", "fixed payment", "payoff", "settlement", two_way)


def _change(payoffs: list[Decimal]) -> str:
    """What a KPI's amounts are to a charge."""
    return "deduction" if max(payoffs) <= 0 else "addition" if min(payoffs) >= 0 else "adjustment"
