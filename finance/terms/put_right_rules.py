"""Rules of puts: dates at coupons with room for notice, and prices that are no way round KPIs or calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from math import floor

from finance.terms.deal import Deal
from finance.terms.part import UnitPayment
from finance.terms.put_right import Put, PutDay
from finance.terms.rule_parts import MAX_DAYS, RATE_DECIMALS, Finding, Loc, count, money, parts_of
from finance.terms.values import scaled

MAX_DATES = 64
MOST = 2**96
"""What a unit can earn in its life, minor units (contracts/token/SecurityToken.sol)."""


def puts(deal: Deal) -> Iterator[Finding]:
    for here, put in parts_of(deal, Put):
        days = [
            *count((*here, "notice_from_days"), put.notice_from_days, 1, MAX_DAYS),
            *count((*here, "notice_until_days"), put.notice_until_days, 0, MAX_DAYS),
            *count((*here, "exercise_days"), put.exercise_days, 1, MAX_DAYS),
        ]
        yield from days
        if put.writer not in deal.parties:
            yield (*here, "writer"), f"unknown party (known: {', '.join(deal.parties)})"
        if put.notice_until_days.value >= put.notice_from_days.value:
            yield (*here, "notice_until_days"), "must be less than notice_from_days: notice opens, then ends"
        if len(put.dates) > MAX_DATES:
            yield (*here, "dates"), f"must be 1 to {MAX_DATES}"
        if not days:
            yield from _dates(deal, here, put)


def _dates(deal: Deal, here: Loc, put: Put) -> Iterator[Finding]:
    payers = deal.linking(put.of, "pays")
    try:
        payments = deal.parts[payers[0]].unit_payments(deal) if payers else None
    except (ValueError, KeyError, ZeroDivisionError, OverflowError):
        return  # has its own problem
    before: date | None = None
    for number, each in enumerate(put.dates):
        loc = (*here, "dates", str(number))
        if payments is None:
            yield from _total(deal, loc, each)
            day = each.day.value if each.day is not None else None
        else:
            yield from _at_coupon(loc, each, payments)
            coupon = each.coupon if each.coupon is not None else len(payments)
            day = payments[coupon - 1].day if coupon < len(payments) else None
            if day is not None:
                yield from _room(loc, put, payments, coupon - 1)
        if day is None:
            continue
        if before is not None and day <= before:
            yield loc, f"dates out of order: not after {before}"
        if deal.window is not None and (day - deal.window[1]).days < put.notice_from_days.value:
            yield loc, f"notice for {day} would open before the units are sold, on {deal.window[1]}"
        before = day


def _total(deal: Deal, loc: Loc, each: PutDay) -> Iterator[Finding]:
    if each.day is None or each.amount is None or each.coupon is not None or each.price is not None:
        yield loc, "needs a day and an amount, and no more: the terms of this claim do not say its payments"
    elif each.amount is not None:
        yield from money(deal, (*loc, "amount"), each.amount, positive=True)
        if Fraction(each.amount.value) * 10**deal.currency.token_decimals >= MOST:
            yield (*loc, "amount"), "is too large for the chain"


def _at_coupon(loc: Loc, each: PutDay, payments: tuple[UnitPayment, ...]) -> Iterator[Finding]:
    if each.coupon is None or each.price is None or each.day is not None or each.amount is not None:
        yield loc, "needs a coupon and a price, and no more: the terms of this claim say its payments"
        return
    if each.coupon >= len(payments):
        yield (*loc, "coupon"), f"is none before the redemption: there are {len(payments)} coupons"
        return
    price, here = Fraction(each.price.value), (*loc, "price")
    paid = payments[each.coupon - 1]
    later = sum(payment.taken for payment in payments[each.coupon :])
    if not 0 < price < 2:
        yield here, "must be above 0 and below 2: a fraction, 102 % is 1.02"
    elif scaled(each.price.value, RATE_DECIMALS) is None:
        yield here, f"has more than {RATE_DECIMALS} decimals"
    elif later and price > 1 - Fraction(later, paid.left):
        # Laws 4 and 5: nobody escapes by a put what KPIs decide, be it settled, pending or not yet measured.
        most = max(0.0, floor((1 - Fraction(later, paid.left)) * 10**6) / 10**6)
        yield (
            here,
            "holders could sell to escape what KPIs may still take from later payments: "
            f"at most {most:.7g} is allowed",
        )
    elif paid.call is not None and price > paid.call:
        yield (
            here,
            f"is above the price of a call that day, {float(paid.call):.7g}: who acts first would gain",
        )


def _room(loc: Loc, put: Put, payments: tuple[UnitPayment, ...], index: int) -> Iterator[Finding]:
    """The payment before is made when notice opens, and the next one is not due while units are sold."""
    day, following = payments[index].day, payments[index + 1].day
    if index and (day - payments[index - 1].day).days <= put.notice_from_days.value:
        yield loc, f"notice for {day} would open no later than the payment of {payments[index - 1].day}"
    if (following - day).days < put.exercise_days.value:
        yield loc, f"units could be sold from {day} on until after the payment of {following}"


RULES = (puts,)
