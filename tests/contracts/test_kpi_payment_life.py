"""KpiPayment: a swap that is served, both ways, with and without data. Branches: KpiPayment.tree."""

from __future__ import annotations

import pytest

from tests.contracts.checks import names, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.disputes import challenge
from tests.contracts.material import DAY, MILLION, Status, Verdict
from tests.contracts.swaps import (
    CURE,
    FIXED,
    MARGINS,
    PAYEE,
    PAYER,
    QUARTER,
    TOP,
    K,
    State,
    account,
    booked,
    held,
    post,
    received,
    report_period,
    settle,
)


def test_initialised_once_by_anybody(launch_swap, parties, KpiPayment):
    made = launch_swap(initialise=False)
    assert made.payment.state() == State.NONE
    with refuses(KpiPayment, "KpiPayment_WrongState", State.NONE):
        made.payment.settle({"from": parties.stranger})
    tx = made.payment.initialize(made.terms, {"from": parties.stranger})
    said(tx, "PaymentInitialized", payer=parties.investor, payee=parties.issuer, feed=made.feed)
    assert made.payment.state() == State.AGREED
    for contract in (made.payment, made.implementation):
        with refuses(KpiPayment, "InvalidInitialization"):
            contract.initialize(made.terms, {"from": parties.deployer})
    assert made.payment.terms()[0] == made.currency
    assert [made.payment.partyOf(side) for side in (PAYER, PAYEE)] == [parties.investor, parties.issuer]


def test_begins_with_both_sides_collateral_and_not_before(launch_swap, parties, KpiPayment):
    made = launch_swap(begin=False)
    by = {"from": parties.stranger}
    with refuses(KpiPayment, "KpiPayment_WrongState", State.AGREED):
        made.payment.callMargin(PAYER, by)  # nothing is posted, and nobody can be called for it
    with refuses(KpiPayment, "KpiPayment_NotCollateralised", PAYER):
        made.payment.activate(by)
    post(made, PAYER, 5 * K, parties.investor)
    with refuses(KpiPayment, "KpiPayment_NotCollateralised", PAYEE):
        made.payment.activate(by)
    # Until the other side has posted, nobody is bound.
    assert made.payment.withdraw(PAYER, by).return_value == 0
    assert made.payment.withdrawable(PAYER) == 5 * K
    post(made, PAYEE, 2 * K, parties.issuer)
    assert made.payment.withdrawable(PAYER) == 0
    tx = made.payment.activate(by)
    assert names(tx) == ["PaymentActivated"]
    assert made.payment.state() == State.ACTIVE


def test_what_has_not_begun_in_time_lapses(launch_swap, parties, KpiPayment):
    made = launch_swap(begin=False)
    post(made, PAYER, 5 * K, parties.investor)
    post(made, PAYEE, 2 * K, parties.issuer)
    warp(made.start + 10 * DAY + 1)
    assert made.payment.state() == State.LAPSED
    with refuses(KpiPayment, "KpiPayment_WrongState", State.LAPSED):
        made.payment.activate({"from": parties.investor})
    for side, who, amount in ((PAYER, parties.investor, 5 * K), (PAYEE, parties.issuer, 2 * K)):
        back = received(made, who, lambda side=side: made.payment.withdraw(side, {"from": parties.stranger}))
        assert back == amount


@pytest.mark.parametrize(
    ("revenue", "amount"),
    [(0, FIXED), (4 * K, 6 * K), (10 * K, 0), (10 * K + 1, -1), (13 * K, -3 * K), (TOP, -20 * K)],
)
def test_pays_fixed_minus_proxy_revenue_either_way(swap, report, parties, revenue, amount):
    tx = settle(swap, report, parties, revenue)
    assert tx.return_value == amount
    said(tx, "PeriodSettled", period=0, kpi=revenue, missing=False, amount=amount)
    if amount >= 0:
        assert account(swap, PAYER) == (60 * K - amount, 0, 0)
        assert account(swap, PAYEE) == (4 * K, amount, 0)
        said(tx, "AmountPaid", amount=amount, netted=0, paid=amount, unpaid=0)
    else:
        paid = min(-amount, 4 * K)
        assert account(swap, PAYEE) == (4 * K - paid, 0, -amount - paid)
        assert account(swap, PAYER) == (60 * K, paid, 0)
        said(tx, "AmountPaid", amount=amount, netted=0, paid=paid, unpaid=-amount - paid)
    assert held(swap) == booked(swap) == 64 * K


def test_what_is_owed_is_netted_over_periods(swap, report, parties):
    first = settle(swap, report, parties, 20 * K).timestamp
    assert swap.payment.accountOf(PAYEE)["principal"] == 6 * K
    report_period(swap, report, 5 * K)
    at = swap.pay_dates[1] + DAY
    next_at(at)
    tx = swap.payment.settle({"from": parties.stranger})
    # 10 % simple on 6,000 for the seconds between the two settlements.
    owed = 6 * K + 6 * K * (at - first) // (10 * 365 * DAY)
    said(tx, "AmountPaid", amount=5 * K, netted=5 * K, paid=0, unpaid=0)
    assert account(swap, PAYEE) == (0, 0, owed - 5 * K)
    assert account(swap, PAYER)[0] == 60 * K, "nothing was paid: it was netted"
    settle(swap, report, parties, 0)
    balance, credit, left = account(swap, PAYEE)
    assert (balance, left) == (0, 0)
    assert credit == 60 * K - account(swap, PAYER)[0] > 8 * K


def test_funding_pays_interest_then_principal_then_posts(swap, report, parties, base):
    base.currency.mint(parties.stranger, K, {"from": parties.stranger})
    settle(swap, report, parties, 20 * K)
    settled = now()
    next_at(settled + 73 * DAY)  # a fifth of a year: 2 % of 6,000
    tx = post(swap, PAYEE, 100 * MILLION, parties.stranger)
    said(tx, "Funded", side=PAYEE, **{"from": parties.stranger}, amount=100 * MILLION, repaid=100 * MILLION)
    a = swap.payment.accountOf(PAYEE)
    assert (a["principal"], a["interest"]) == (6 * K, 20 * MILLION)
    next_at(settled + 73 * DAY + 1)
    tx = post(swap, PAYEE, 7 * K, parties.issuer)
    balance, credit, owed = account(swap, PAYEE)
    second = 6 * K // (10 * 365 * DAY)
    assert (credit, owed) == (0, 0)
    assert balance == 7 * K - 6 * K - 20 * MILLION - second
    assert account(swap, PAYER)[1] == 4 * K + 6 * K + 120 * MILLION + second


def test_in_order_once_and_not_early(swap, report, parties, KpiPayment):
    warp(swap.period_ends[0])
    report(swap, [K] * 3, at=now(), period=0)
    next_at(swap.pay_dates[0] - 1)
    with refuses(KpiPayment, "KpiPayment_NotDue", swap.pay_dates[0]):
        swap.payment.settle({"from": parties.investor})
    next_at(swap.pay_dates[0])
    swap.payment.settle({"from": parties.investor})
    with refuses(KpiPayment, "KpiPayment_NotDue", swap.pay_dates[1]):
        swap.payment.settle({"from": parties.investor})
    assert swap.payment.periodsSettled() == 1
    # Two periods late, one without a report: they settle in order, each by its own report or absence.
    warp(swap.period_ends[2])
    report(swap, [2 * K] * 3, at=now(), period=2)
    warp(swap.pay_dates[2])
    assert swap.payment.settle({"from": parties.stranger}).return_value == FIXED - TOP
    assert swap.payment.settle({"from": parties.stranger}).return_value == FIXED - 2 * K
    with refuses(KpiPayment, "KpiPayment_NotDue", swap.pay_dates[3]):
        swap.payment.settle({"from": parties.stranger})


@pytest.mark.parametrize(("controller", "missing"), [(PAYEE, -TOP), (PAYER, 0)], ids=["project", "payer"])
def test_a_missing_report_costs_whoever_controls_the_data(launch_swap, report, parties, controller, missing):
    """With the project in control silence counts as the windiest quarter, with the payer as the calmest."""
    made = launch_swap(
        dataController=controller,
        missingPayoff=missing,
        missingValue=(80 * K if controller == PAYER else -80 * K),
    )
    tx = settle(made, report, parties, None)
    assert tx.return_value == FIXED + missing
    said(tx, "PeriodSettled", period=0, kpi=0, missing=True, amount=FIXED + missing)
    assert account(made, controller)[2] == abs(FIXED + missing) - MARGINS[controller]


def test_a_disputed_report_waits_and_the_ruling_counts(swap, report, rule, parties, base, KpiOracle):
    warp(swap.period_ends[0] + 40 * DAY)
    report(swap, [1 * K] * 3, at=now())
    base.currency.approve(base.oracle, 2**256 - 1, {"from": parties.other})
    warp(now() + 13 * DAY)
    challenge(swap, parties.other)
    warp(swap.pay_dates[0])
    with refuses(KpiOracle, "KpiOracle_NotFinal", swap.feed, 0, Status.CHALLENGED):
        swap.payment.settle({"from": parties.stranger})
    rule(swap, Verdict.CORRECTED, 8 * K)
    assert swap.payment.settle({"from": parties.stranger}).return_value == 2 * K


def test_a_voided_report_counts_as_missing(swap, report, rule, parties, base):
    warp(swap.period_ends[0])
    report(swap, [1 * K] * 3, at=now())
    base.currency.approve(base.oracle, 2**256 - 1, {"from": parties.other})
    challenge(swap, parties.other)
    rule(swap, Verdict.VOID)
    warp(swap.pay_dates[0])
    assert swap.payment.settle({"from": parties.stranger}).return_value == FIXED - TOP


def test_a_report_that_was_settled_on_stays(launch_swap, report, parties, KpiOracle):
    """A pay date before the reporting window is over: the settlement ends the restatements."""
    made = launch_swap(
        periods=lambda s: [{"payDate": e + 20 * DAY, "fixedAmount": FIXED} for e in s.period_ends]
    )
    warp(made.period_ends[0])
    report(made, [1 * K] * 3, at=now())
    warp(made.period_ends[0] + 20 * DAY)
    made.payment.settle({"from": parties.stranger})
    with refuses(KpiOracle, "KpiOracle_AlreadyUsed", made.feed, 0):
        report(made, [2 * K] * 3, at=now(), version=1)


def test_matures_and_pays_everything_out(swap, report, parties, KpiPayment):
    for revenue in (0, 13 * K, 9 * K):
        settle(swap, report, parties, revenue)
    tx = settle(swap, report, parties, 12 * K)
    assert names(tx, swap.payment) == ["PeriodSettled", "AmountPaid", "Matured"]
    assert swap.payment.state() == State.MATURED
    with refuses(KpiPayment, "KpiPayment_WrongState", State.MATURED):
        swap.payment.settle({"from": parties.stranger})
    by = {"from": parties.stranger}
    # The payer paid 10,000 and 1,000; the project 3,000 and 2,000, of which it had posted 4,000: the last
    # thousand came out of what it had been paid.
    assert received(swap, parties.investor, lambda: swap.payment.withdraw(PAYER, by)) == (60 - 11 + 5) * K
    assert received(swap, parties.issuer, lambda: swap.payment.withdraw(PAYEE, by)) == 10 * K
    assert held(swap) == 0
    assert swap.payment.owed(PAYEE) == 0
    assert swap.payment.withdraw(PAYER, by).return_value == 0


def test_what_is_unpaid_at_maturity_can_still_be_paid(swap, report, parties):
    for revenue in (10 * K, 10 * K, 10 * K, 24 * K):
        settle(swap, report, parties, revenue)
    assert account(swap, PAYEE) == (0, 0, 10 * K)
    at = now() + 365 * DAY
    next_at(at)
    post(swap, PAYEE, 12 * K, parties.issuer)
    by = {"from": parties.stranger}
    assert account(swap, PAYEE) == (1 * K, 0, 0)  # a year's 10 % on 10,000
    assert received(swap, parties.issuer, lambda: swap.payment.withdraw(PAYEE, by)) == 1 * K
    assert received(swap, parties.investor, lambda: swap.payment.withdraw(PAYER, by)) == 75 * K


def test_limited_recourse_is_tracked_with_interest_and_is_no_default(
    launch_swap, report, parties, KpiPayment
):
    made = launch_swap(limitedRecourse=True, requiredCollateral=[5 * K, 0], posted=(60 * K, 0))
    settle(made, report, parties, 25 * K)
    settled = now()
    assert account(made, PAYEE) == (0, 0, 15 * K)
    with refuses(KpiPayment, "KpiPayment_NoShortfall", PAYEE):
        made.payment.callMargin(PAYEE, {"from": parties.investor})
    next_at(settled + 73 * DAY)
    post(made, PAYEE, 300 * MILLION, parties.issuer)  # what its treasury could spare: just the interest
    a = made.payment.accountOf(PAYEE)
    assert (a["principal"], a["interest"]) == (15 * K, 0)
    assert received(
        made, parties.investor, lambda: made.payment.withdraw(PAYER, {"from": parties.stranger})
    ) == (300 * MILLION)
    for revenue in (10 * K, 10 * K, 10 * K):
        settle(made, report, parties, revenue)
    assert made.payment.state() == State.MATURED
    later = now() + 10 * 365 * DAY
    warp(later)
    expected = 15 * K + 15 * K * (later - settled - 73 * DAY) // (10 * 365 * DAY)
    assert made.payment.owed(PAYEE) == expected


def test_limited_recourse_does_not_excuse_the_payer_nor_collateral(launch_swap, report, parties):
    made = launch_swap(limitedRecourse=True)
    by = {"from": parties.stranger}
    settle(made, report, parties, 10 * K + 1)  # the project pays one
    made.payment.callMargin(PAYEE, by)  # 2,000 of collateral are required of it all the same
    assert made.payment.accountOf(PAYEE)["deadline"] == now() + CURE
    settle(made, report, parties, 10 * K - 1)
    assert made.payment.state() == State.DEFAULTED
    assert QUARTER > CURE
