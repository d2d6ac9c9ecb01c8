"""What a put's terms may say, and what they come to in integers."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from chain.parts.put_right import dates_of
from finance.settlement.put_right import PutDate
from finance.terms import Deal, DealFileError, parse_deal
from finance.terms.put_right import Put
from finance.terms.shift import shift_deal
from tests.chain.bond_life import at
from tests.chain.test_put import DAY, put_tree
from tests.finance.deal_variants import term
from tests.finance.test_calls import FIRST, FIXED, callable_bond, fixed_bond
from tests.finance.test_put_pricing import with_put

Tree = dict[str, Any]


def refused(change: Callable[[Tree], Any], why: str) -> None:
    tree = put_tree()
    change(tree["parts"]["put"])
    with pytest.raises(DealFileError, match=re.escape(why)):
        parse_deal(tree)


def test_a_date_in_integers() -> None:
    """Of a unit of 1,000 at 3.33333333 % a year: 16.666666 a half-year, each rounded down."""
    deal = parse_deal(put_tree())
    first, second = dates_of(deal, deal.only(Put))
    settles = at("2017-10-01")
    times = (settles - 60 * DAY, settles - 30 * DAY, settles, settles + 10 * DAY)
    assert first == PutDate(*times, 16_666_666, 670_000_000, 2 * 16_666_666)
    assert (second.settles, second.earned) == (at("2018-10-01"), 4 * 16_666_666)


def test_no_put_is_a_way_round_kpis() -> None:
    """The outcome takes at most 3,300 of 10,000 at maturity."""
    refused(lambda put: put["dates"][0].update(price=term(Decimal("0.671"))), "at most 0.67 is allowed")


def test_a_put_is_not_above_a_call_of_the_same_day() -> None:
    deal = callable_bond()
    coupon = 1 + [period.end for period in deal.only(type(deal.parts["bond"])).schedule].index(FIRST)
    assert with_put(deal, (coupon, "1.02"))
    with pytest.raises(DealFileError, match=r"is above the price of a call that day, 1\.02"):
        with_put(deal, (coupon, "1.03"))
    assert with_put(deal, (coupon - 1, "1.03"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda put: put.update(writer="nobody"), "unknown party"),
        (lambda put: put.update(notice_until_days=term(60)), "must be less than notice_from_days"),
        (lambda put: put.update(exercise_days=term(0)), "must be a whole number from 1"),
        (lambda put: put.update(exercise_days=term(183)), "until after the payment of 2018-04-01"),
        (lambda put: put.update(notice_from_days=term(183)), "no later than the payment of 2017-04-01"),
        (lambda put: put["dates"].reverse(), "dates out of order"),
        (lambda put: put["dates"][1].update(coupon=9), "is none before the redemption: there are 9 coupons"),
        (lambda put: put["dates"][1].pop("price"), "needs a coupon and a price, and no more"),
        (lambda put: put["dates"][0].update(price=term(0)), "must be above 0 and below 2"),
    ],
)
def test_what_is_refused(change: Callable[[Tree], Any], why: str) -> None:
    refused(change, why)


def test_notice_opens_after_the_sale() -> None:
    def first(put: Tree) -> None:
        put["dates"][0]["coupon"] = 1
        put["notice_from_days"] = term(200)

    refused(first, "before the units are sold")


@pytest.mark.parametrize("days", [1, 400, 4_000])
def test_a_moved_deal_has_its_put_on_the_same_coupons(days: int) -> None:
    deal: Deal = with_put(fixed_bond(*FIXED), (2, "1"))
    moved = shift_deal(deal, days)
    (date,) = dates_of(moved, moved.only(Put))
    assert date.settles % DAY == 0
    assert date.due == dates_of(deal, deal.only(Put))[0].due
