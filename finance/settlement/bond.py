"""What a KPI bond pays when it is served on time: the pure replay of contracts/instruments/KpiBond.sol.

Every payment is a distribution to the units in issue, and a distribution pays a whole number of minor units
to each unit. What is due but cannot be shared out so (less than one minor unit per unit) is carried to the
next distribution, exactly as the contract carries it, so the replay agrees with the chain to the minor
unit. Late payments, default and recovery depend on when money arrives: `finance.settlement.bond_life`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finance.settlement.accrual import interest
from finance.settlement.payoff_curve import payoff
from finance.settlement.pro_rata import per_unit, scale
from finance.settlement.terms import RATE_DECIMALS, Effect, SettlementTerms
from finance.settlement.widths import SettlementError

PaymentKind = Literal["coupon", "principal", "premium", "outcome"]
Reports = Sequence[int | None]
"""One per fixing of the terms: the final report's value times 10^decimals of its feed, None when missing."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a bond to all units in issue; money in minor units.

    `due` is the amount before sharing out, `per_unit` what each unit gets (negative only for an outcome,
    which then lowers the money it is paid with), `total` is per_unit times units. `index` counts coupon
    periods from 0. Repayments and outcomes before maturity share the distribution of their period's coupon;
    the redemption and its outcome have one of their own and carry the index after the last coupon.
    """

    kind: PaymentKind
    index: int
    due: int
    total: int
    per_unit: int


def fixed(terms: SettlementTerms, reports: Reports) -> list[int]:
    """The `y` of every fixing: its curve at the report's value, or what holds when the report is missing.

    Raises SettlementError unless there is one report per fixing, and for values that the contract refuses.
    """
    if len(reports) != len(terms.fixings):
        raise SettlementError(f"reports: {len(reports)} for {len(terms.fixings)} fixings")
    return [
        fixing.missing if kpi is None else payoff(fixing.curve, kpi)
        for fixing, kpi in zip(terms.fixings, reports, strict=True)
    ]


def outcome(terms: SettlementTerms, units: int, index: int, values: Sequence[int]) -> int:
    """The outcome payment of period `index` for `units` in issue, in minor units; positive: the issuer pays.

    `values` are those of `fixed`. Amounts are quoted for the full issue and scaled to the units sold, each
    fixing by itself, rounding toward minus infinity.
    """
    return sum(
        scale(value, units, terms.hard_cap)
        for fixing, value in zip(terms.fixings, values, strict=True)
        if fixing.effect is Effect.AMOUNT and fixing.first == index
    )


def rate(terms: SettlementTerms, index: int, values: Sequence[int]) -> int:
    """The coupon rate of period `index` with every change that applies to it, 1e18 = 100 % a year."""
    bent = sum(
        value
        for fixing, value in zip(terms.fixings, values, strict=True)
        if fixing.effect is Effect.RATE and fixing.first <= index <= fixing.last
    )
    return terms.rate + terms.periods[index].step + bent


def outstanding(terms: SettlementTerms, index: int) -> int:
    """Principal of one unit that bears interest in period `index`, in minor units."""
    return terms.unit_principal - sum(period.repayment for period in terms.periods[:index])


def premium(terms: SettlementTerms, units: int) -> int:
    """What the redemption of a bond that is called pays beside the principal: of each unit rounded down."""
    principal = outstanding(terms, len(terms.periods) - 1)
    return principal * (terms.premium or 0) // 10**RATE_DECIMALS * units


def coupon(terms: SettlementTerms, units: int, index: int, values: Sequence[int]) -> int:
    """Interest of period `index` (from 0) on `units` in issue, in minor units, rounded down."""
    period = terms.periods[index]
    principal = outstanding(terms, index) * units
    return interest(principal, rate(terms, index, values), period.numerator, period.denominator)


def replay(terms: SettlementTerms, units: int, reports: Reports) -> list[Payment]:
    """Every payment of a bond with `units` in issue under these reports, in order: `payments` of `fixed`."""
    return payments(terms, units, fixed(terms, reports))


def payments(terms: SettlementTerms, units: int, values: Sequence[int]) -> list[Payment]:
    """Every payment of a bond with `units` in issue whose fixings gave `values`, in order.

    Each period: coupon, repaid principal and outcome in one distribution, except that the last period's
    principal and outcome, the redemption, have a second one, with the premium of a call. Of what a unit
    receives, principal is the repayment of one unit; a coupon or premium that is paid with more is what it
    gives each unit by itself, rounded down; the rest, with what was carried, is the last part named. Raises
    SettlementError unless 0 < units <= hard_cap, and for values that the contract refuses.
    """
    if not 0 < units <= terms.hard_cap:
        raise SettlementError(f"units = {units}: must be from 1 to the full issue of {terms.hard_cap}")
    made: list[Payment] = []
    carried = 0

    def distribute(
        index: int, interest_due: int | None, repayment: int, bonus: int | None, extra: int = 0
    ) -> None:
        nonlocal carried
        due = (interest_due or 0) + repayment * units + extra + (bonus or 0)
        each, paid = per_unit(due + carried, units)
        carried += due - paid
        left = each - repayment
        if interest_due is not None:
            share = left if bonus is None else per_unit(interest_due, units)[0]
            made.append(Payment("coupon", index, interest_due, share * units, share))
            left -= share
        if repayment:
            made.append(Payment("principal", index, repayment * units, repayment * units, repayment))
        if extra:
            share = left if bonus is None else per_unit(extra, units)[0]
            made.append(Payment("premium", index, extra, share * units, share))
            left -= share
        # What was carried is less than a minor unit per unit, so a redemption without outcome leaves nothing.
        if bonus is not None:
            made.append(Payment("outcome", index, bonus, left * units, left))

    last = len(terms.periods) - 1
    bonus_at = {f.first for f in terms.fixings if f.effect is Effect.AMOUNT}
    for index, period in enumerate(terms.periods):
        due = coupon(terms, units, index, values)
        bonus = outcome(terms, units, index, values) if index in bonus_at else None
        if index < last:
            distribute(index, due, period.repayment, bonus)
        else:
            distribute(index, due, 0, None)
            distribute(last + 1, None, period.repayment, bonus, premium(terms, units))
    return made
