"""A deal's bond as ACTUS contracts: the cash flows that pricing and the demo run on.

A bullet is a PAM, a bond that repays before maturity a LAX (an array of redemptions); later rates and coupon
steps are rate resets whose market object is the rate that the terms and the payoff curves give, in the
integers that settle; an outcome payment, once fixed, is a claim on one sum beside the bond, because no ACTUS
type has a redemption that bends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from finance.actus.contracts import flows
from finance.actus.market import Observations, Series
from finance.settlement.accrual import RATE_ONE
from finance.settlement.bond import Reports, fixed, rate, replay
from finance.settlement.terms import Effect, SettlementTerms, settlement_terms
from finance.terms.bond import KpiBond
from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.schedule import AccrualPeriod, ends_month

DAY_COUNTS = {"30/360": "30360", "ACT/360": "A360", "ACT/365F": "A365"}
CYCLES = {"annual": "P1YL1", "semiannual": "P6ML1", "quarterly": "P3ML1", "monthly": "P1ML1"}
RATE_CODE = "coupon"


@dataclass(frozen=True)
class PeriodFlow:
    """What one coupon period pays the holders of the whole issue, in units of the currency."""

    paid: date
    interest: float
    principal: float
    outcome: float


def contract_flows(deal: Deal, reports: Reports | None = None) -> list[PeriodFlow]:
    """The flows of a deal's bond for the whole issue, one per coupon period.

    With `reports` (one per fixing; None for a missing one) coupons step and outcomes are paid as they say;
    without, the bond is served at its stated rates. Raises ActusError for terms that no contract type takes.
    """
    terms = settlement_terms(deal)
    bond = deal.only(KpiBond)
    schedule = bond.schedule
    contract, rates = bond_contract(bond, schedule, terms, reports)
    paid: dict[date, list[float]] = {period.end: [0.0, 0.0, 0.0] for period in schedule}
    for flow in flows(contract, Observations({RATE_CODE: rates}) if rates else None):
        if flow.type in ("IP", "PR", "MD") and flow.time > _moment(schedule[0].start):
            paid[flow.time.date()][0 if flow.type == "IP" else 1] += flow.payoff
    for index, amount in _outcomes(terms, reports):
        day = schedule[index].end
        paid[day][2] += sum(flow.payoff for flow in flows(_claim(terms, day, amount))) if amount else 0.0
    return [PeriodFlow(day, *amounts) for day, amounts in paid.items()]


def bond_contract(
    bond: KpiBond, schedule: tuple[AccrualPeriod, ...], terms: SettlementTerms, reports: Reports | None
) -> tuple[dict[str, Any], Series | None]:
    """The ACTUS terms of a bond and, if its coupon changes, the market object of its rate resets."""
    start, end = schedule[0].start, schedule[-1].end
    anchor = _anchor(schedule)
    contract: dict[str, Any] = {
        "contractID": terms.symbol,
        "contractRole": "RPA",
        "statusDate": _time(start - timedelta(days=1)),
        "initialExchangeDate": _time(start),
        "maturityDate": _time(end),
        "notionalPrincipal": _money(terms.unit_principal * terms.hard_cap, terms),
        "nominalInterestRate": plain(bond.coupon.rate.value),
        "dayCountConvention": DAY_COUNTS[bond.coupon.day_count],
        "endOfMonthConvention": "EOM" if ends_month(start) and ends_month(end) else "SD",
        "cycleAnchorDateOfInterestPayment": _time(anchor),
        "cycleOfInterestPayment": CYCLES.get(bond.coupon.frequency),
    }
    early = [  # what falls due at maturity is paid by MD
        (_time(period.end), _money(item.repayment * terms.hard_cap, terms))
        for period, item in zip(schedule[:-1], terms.periods, strict=False)
        if item.repayment
    ]
    if not early:
        contract["contractType"] = "PAM"
    else:
        contract |= {
            "contractType": "LAX",
            "arrayCycleAnchorDateOfPrincipalRedemption": [time for time, _ in early],
            "arrayNextPrincipalRedemptionPayment": [amount for _, amount in early],
            "arrayIncreaseDecrease": ["DEC"] * len(early),
        }
    bent = reports is not None and bond.coupon.steps
    if bent or bond.coupon.later_rates:
        values = [0] * len(terms.fixings) if reports is None else fixed(terms, reports)
        rates = _rates(schedule, terms, values)
        contract["cycleAnchorDateOfRateReset"] = _time(anchor)
        contract["cycleOfRateReset"] = contract["cycleOfInterestPayment"]
        contract["marketObjectCodeOfRateReset"] = RATE_CODE
        contract["nominalInterestRate"] = rates(_moment(start))
        return contract, rates
    return contract, None


def _anchor(schedule: tuple[AccrualPeriod, ...]) -> date:
    """The day that cycles are counted from: the first pay date, unless February has clamped it.

    From 30 August half a year on is 28 or 29 February, and from there 28 August; so a bond that starts on the
    30th counts from its start. The interest due there is zero.
    """
    start, first = schedule[0].start, schedule[0].end
    return first if len(schedule) == 1 or first.day >= start.day else start


def _rates(schedule: tuple[AccrualPeriod, ...], terms: SettlementTerms, values: Sequence[int]) -> Series:
    """The coupon rate of each period from its first day on, in the integers that settle."""
    points = [
        (_moment(period.start), rate(terms, index, values) / RATE_ONE)
        for index, period in enumerate(schedule)
    ]
    return Series.of(RATE_CODE, points)


def _outcomes(terms: SettlementTerms, reports: Reports | None) -> list[tuple[int, int]]:
    values: Sequence[int] = [] if reports is None else fixed(terms, reports)
    return [
        (fixing.first, value)
        for fixing, value in zip(terms.fixings, values, strict=False)
        if fixing.effect is Effect.AMOUNT
    ]


def _claim(terms: SettlementTerms, due: date, amount: int) -> dict[str, Any]:
    """A fixed outcome payment: the claim on one sum on one day, the issuer's or, below zero, the holders'."""
    return {
        "contractID": f"{terms.symbol} outcome",
        "contractType": "PAM",
        "contractRole": "RPA" if amount > 0 else "RPL",
        "statusDate": _time(due - timedelta(days=1)),
        "initialExchangeDate": _time(due - timedelta(days=2)),
        "maturityDate": _time(due),
        "notionalPrincipal": _money(abs(amount), terms),
        "nominalInterestRate": 0,
        "dayCountConvention": "A365",
    }


def _money(amount: int, terms: SettlementTerms) -> str:
    return plain(Decimal(amount).scaleb(-terms.currency_decimals))


def _time(day: date) -> str:
    return f"{day.isoformat()}T00:00:00"


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - contracts live in local time


def against_settlement(deal: Deal, reports: Reports) -> dict[str, tuple[Decimal, Decimal]]:
    """What the contracts pay and what settlement pays under these reports, by kind, for the whole issue.

    In units of the currency, each payment rounded to the currency's own decimals. Contracts compute in
    floats, settlement in integers: agreement says that the schedule, the day counts, the rates and the
    amounts of both are the same.
    """
    terms = settlement_terms(deal)
    grain, last = Decimal(1).scaleb(-deal.currency.minor_units), len(terms.periods) - 1
    due: dict[tuple[str, int], int] = {}
    for payment in replay(terms, terms.hard_cap, reports):
        at = (payment.kind, min(payment.index, last))
        due[at] = due.get(at, 0) + payment.due
    totals: dict[str, tuple[Decimal, Decimal]] = {}
    for index, flow in enumerate(contract_flows(deal, reports)):
        made = {"coupon": flow.interest, "principal": flow.principal, "outcome": flow.outcome}
        for kind, amount in made.items():
            settled = Decimal(due.get((kind, index), 0)).scaleb(-terms.currency_decimals)
            if amount or settled:
                ours, theirs = totals.get(kind, (Decimal(0), Decimal(0)))
                totals[kind] = (ours + Decimal(amount).quantize(grain), theirs + settled.quantize(grain))
    return totals
