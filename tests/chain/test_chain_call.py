"""A bond that its issuer calls, on chains: announced with notice, repaid at the price, difference 0; and each
call that is none is refused.

The small bond of bond_life: seven units of 1,000, nine half-years from October 2016. It can be called from
October 2018 on at 1.34, since its outcome payment is at best 0.33 of the principal.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chain.bindings import read
from chain.check import check_deployment
from chain.errors import ContractError
from chain.network import LocalChain, reach_time, start_anvil
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from finance.terms import Deal, DealFileError, parse_deal
from finance.terms.bond import KpiBond
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, COUPON_DATES, THOUSAND, Life, at, small_tree
from tests.finance.deal_variants import term

LAST = 3  # the fourth coupon, of October 2018
PREMIUM = 340_000_000  # 34 % of a unit
COUPON = 116_666_666
FOUR = 66_666_666  # floor(4 x COUPON / 7): what seven units cannot share of one is carried to the next
DAY = 86_400


def callable_deal(price: str = "1.34") -> Deal:
    tree = small_tree()
    begins = date.fromisoformat(COUPON_DATES[LAST])
    tree["parts"]["bond"]["call"] = {
        "notice_days": term(30),
        "prices": [{"from": term(begins), "price": term(Decimal(price))}],
    }
    return parse_deal(tree)


class Called(Life):
    """A bond with a call, in mid-life: three coupons are paid, and nothing is held for the fourth."""

    def __init__(self, chain: LocalChain) -> None:
        super().__init__(chain, callable_deal())
        self.sell(a=4, b=3)
        self.settle()
        self.fund(LAST * COUPON)
        for day in COUPON_DATES[:LAST]:
            self.coupon(day)

    def announce(self, who: str, period: int) -> None:
        self.send(who, self.bond.announceCall(period))

    def refused(self, who: str, called: int, name: str, **arguments: Any) -> None:
        with pytest.raises(ContractError) as refused:
            self.announce(who, called)
        assert (refused.value.name, refused.value.arguments) == (f"KpiBond_{name}", arguments)

    def default(self) -> None:
        """The fourth coupon, or what is due with it, is not paid past its grace."""
        reach_time(self.w3, at(COUPON_DATES[LAST]) + self.terms("grace_days") + 1)
        self.send(self.c, self.bond.declareDefault())

    def accelerate(self) -> None:
        reach_time(self.w3, at(COUPON_DATES[LAST]) + self.terms("grace_days") + self.terms("cure_days") + DAY)
        self.send(self.c, self.bond.accelerate())

    def terms(self, days: str) -> int:
        """A span of the deal file in seconds."""
        return DAY * int(getattr(self.deal.only(KpiBond), days).value)

    def reconciled(self) -> Reconciliation:
        found = reconcile(self.w3, self.record)
        assert found.ok, found.differences
        assert all(row.expected == row.actual for row in found.rows)
        return found


@pytest.fixture(params=list(CLIENTS))
def any_life(request: pytest.FixtureRequest) -> Iterator[Called]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as started:
        yield Called(started)


@pytest.fixture
def life() -> Iterator[Called]:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as started:
        yield Called(started)


def test_a_bond_is_called_and_its_holders_have_the_premium(any_life: Called) -> None:
    life = any_life
    reach_time(life.w3, at(COUPON_DATES[LAST]) - 47 * DAY)
    life.refused(life.a, LAST, "NotIssuer", caller=life.a)
    life.refused(life.issuer, LAST - 1, "NotCallable", period=LAST - 1)
    life.refused(life.issuer, 8, "NotCallable", period=8)  # at maturity there is nothing to call
    life.announce(life.issuer, LAST)
    life.refused(life.issuer, LAST, "NotCallable", period=LAST)  # once and for good

    between = life.reconciled()
    assert between.states["bond"] == "active"
    assert between.not_yet == ["1 of 4 coupons are not paid", "the bond is not redeemed"]
    assert "the bond is called: its last coupon is number 4" in between.notes
    assert check_deployment(life.w3, life.record) == []  # what was bought has not changed
    assert read(life.bond.periodCount()) == LAST + 1

    life.fund(COUPON + 7 * (THOUSAND + PREMIUM))
    life.coupon(COUPON_DATES[LAST])
    life.send(life.c, life.bond.redeem())
    for holder in (life.a, life.b):
        life.claim(holder)
    life.send(life.deployer, life.bond.returnSurplus())

    result = life.reconciled()
    assert result.states["bond"] == "redeemed"
    assert result.not_yet == []
    for holder, units in ((life.a, 4), (life.b, 3)):
        found = {r.kind: r.actual for r in result.rows if r.party == holder and r.period is None}
        assert found["principal"] == units * THOUSAND
        assert found["premium"] == units * PREMIUM
        assert "outcome" not in found  # the report of 2021 bends nothing any more
        assert read(life.currency.balanceOf(holder)) == units * (THOUSAND + PREMIUM + FOUR)
    assert result.by_party()[life.issuer]["surplus"]["actual"] == 4 * COUPON - 7 * FOUR
    assert read(life.currency.balanceOf(life.record.addresses["bond"])) == 0


def test_a_call_too_late_is_for_the_next_date(life: Called) -> None:
    until = at(COUPON_DATES[LAST]) - 30 * DAY
    reach_time(life.w3, until + 1)
    life.refused(life.issuer, LAST, "ShortNotice", until=until)
    life.announce(life.issuer, LAST + 1)
    result = life.reconciled()
    assert "2 of 5 coupons are not paid" in result.not_yet


def test_there_is_no_call_in_default(life: Called) -> None:
    """Who does not pay has no choice left."""
    life.default()
    life.refused(life.issuer, LAST + 2, "WrongState", state=2)
    life.accelerate()
    life.refused(life.issuer, LAST + 2, "WrongState", state=3)


def test_a_called_bond_that_is_not_paid_owes_its_premium(life: Called) -> None:
    """Law 5: an announced call is owed like any redemption."""
    reach_time(life.w3, at(COUPON_DATES[LAST]) - 47 * DAY)
    life.announce(life.issuer, LAST)
    life.fund(COUPON)
    life.coupon(COUPON_DATES[LAST])
    life.default()
    life.accelerate()
    _, principal, late = read(life.bond.owedAfterAcceleration())
    assert principal == 7 * (THOUSAND + PREMIUM)
    assert late > 0
    life.fund(principal + 2 * late)
    life.send(life.c, life.bond.recover())
    assert life.reconciled().states["bond"] == "redeemed"


def test_a_price_that_would_escape_the_outcome_is_refused() -> None:
    with pytest.raises(DealFileError, match="to escape what KPIs may still add"):
        callable_deal("1.33")
