"""A bond that its issuer calls, on chains: announced with notice, repaid at the price, difference 0; and each
call that is none is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chain.bindings import read
from chain.check import check_deployment
from chain.errors import ContractError
from chain.network import reach_time, start_anvil
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from finance.terms import DealFileError
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, COUPON_DATES, THOUSAND, at
from tests.chain.called_life import COUPON, DAY, LAST, PREMIUM, Called, callable_deal

FOUR = 66_666_666  # floor(4 x COUPON / 7): what seven units cannot share of one is carried to the next


def refused(life: Called, who: str, called: int, name: str, **arguments: Any) -> None:
    with pytest.raises(ContractError) as problem:
        life.announce(who, called)
    assert (problem.value.name, problem.value.arguments) == (f"KpiBond_{name}", arguments)


def reconciled(life: Called) -> Reconciliation:
    found = reconcile(life.w3, life.record)
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
    refused(life, life.a, LAST, "NotIssuer", caller=life.a)
    refused(life, life.issuer, LAST - 1, "NotCallable", period=LAST - 1)
    refused(life, life.issuer, 8, "NotCallable", period=8)  # at maturity there is nothing to call
    life.announce(life.issuer, LAST)
    refused(life, life.issuer, LAST, "NotCallable", period=LAST)  # once and for good

    between = reconciled(life)
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

    result = reconciled(life)
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
    refused(life, life.issuer, LAST, "ShortNotice", until=until)
    life.announce(life.issuer, LAST + 1)
    result = reconciled(life)
    assert "2 of 5 coupons are not paid" in result.not_yet


def test_there_is_no_call_in_default(life: Called) -> None:
    """Who does not pay has no choice left."""
    life.default()
    refused(life, life.issuer, LAST + 2, "WrongState", state=2)
    life.accelerate()
    refused(life, life.issuer, LAST + 2, "WrongState", state=3)


def test_a_called_bond_that_is_not_paid_owes_its_premium(life: Called) -> None:
    """Law 5: an announced call is owed like any redemption."""
    life.called()
    life.fund(COUPON)
    life.coupon(COUPON_DATES[LAST])
    life.default()
    life.accelerate()
    _, principal, late = read(life.bond.owedAfterAcceleration())
    assert principal == 7 * (THOUSAND + PREMIUM)
    assert late > 0
    life.fund(principal + 2 * late)
    life.send(life.c, life.bond.recover())
    assert reconciled(life).states["bond"] == "redeemed"


def test_a_price_that_would_escape_the_outcome_is_refused() -> None:
    with pytest.raises(DealFileError, match="to escape what KPIs may still add"):
        callable_deal("1.33")
