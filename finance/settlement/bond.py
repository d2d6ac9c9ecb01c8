"""What a KPI bond pays when it is served on time: the pure replay of contracts/instruments/KpiBond.sol.

Every payment is a distribution to the units in issue, and a distribution pays a whole number of minor units
to each unit. What is due but cannot be shared out so (less than one minor unit per unit) is carried to the
next distribution, exactly as the contract carries it, so the replay agrees with the chain to the minor
unit. Default and recovery depend on when money arrives and are not replayed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from finance.settlement.accrual import interest
from finance.settlement.payoff_curve import payoff
from finance.settlement.pro_rata import per_unit, scale
from finance.settlement.terms import SettlementTerms
from finance.settlement.widths import SettlementError

Kind = Literal["coupon", "principal", "outcome"]


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a bond to all units in issue; money in minor units.

    `due` is the amount before sharing out, `per_unit` what each unit gets (negative only for an outcome,
    which then lowers the principal it is paid with), `total` is per_unit times units. `index` counts
    coupons from 0; principal and outcome, which share the redemption, carry the index after the last
    coupon.
    """

    kind: Kind
    index: int
    due: int
    total: int
    per_unit: int


def outcome(terms: SettlementTerms, units: int, kpi: int | None) -> int:
    """The outcome payment for `units` in issue, in minor units; positive: the issuer pays holders.

    `kpi` is the final report's value times 10^decimals of the feed, or None when the report is missing,
    which pays the deal's `missing_outcome` (silence never pays). Amounts are quoted for the full issue and
    scaled to the units sold, rounding toward minus infinity. Raises SettlementError for values that the
    contract refuses.
    """
    amount = terms.missing_outcome if kpi is None else payoff(terms.outcome, kpi)
    return scale(amount, units, terms.hard_cap)


def coupon(terms: SettlementTerms, units: int, index: int) -> int:
    """Interest of period `index` (from 0) on `units` in issue, in minor units, rounded down."""
    period = terms.periods[index]
    return interest(terms.unit_principal * units, terms.rate, period.numerator, period.denominator)


def replay(terms: SettlementTerms, units: int, kpi: int | None) -> list[Payment]:
    """Every payment of a bond with `units` in issue whose KPI report says `kpi` (None: missing), in order.

    Coupons, then principal and outcome. The last two share one distribution: each unit's part of it is
    unit_principal as principal and the rest as outcome, so that the parts add up to what the unit receives.
    Raises SettlementError unless 0 < units <= hard_cap, and for values that the contract refuses.
    """
    if not 0 < units <= terms.hard_cap:
        raise SettlementError(f"units = {units}: must be from 1 to the full issue of {terms.hard_cap}")
    made: list[Payment] = []
    carried = 0
    for index in range(len(terms.periods)):
        due = coupon(terms, units, index)
        each, paid = per_unit(due + carried, units)
        carried += due - paid
        made.append(Payment("coupon", index, due, paid, each))

    principal = terms.unit_principal * units
    bonus = outcome(terms, units, kpi)
    each, paid = per_unit(principal + bonus + carried, units)
    last = len(terms.periods)
    made.append(Payment("principal", last, principal, principal, terms.unit_principal))
    made.append(Payment("outcome", last, bonus, paid - principal, each - terms.unit_principal))
    return made
