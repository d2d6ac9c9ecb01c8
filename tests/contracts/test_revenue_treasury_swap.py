"""RevenueTreasury and its swap when things go wrong: limited recourse, default, silence, disputes, an issue
that fails. Branches: RevenueTreasury.tree."""

from __future__ import annotations

import pytest

from tests.contracts.checks import names, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.disputes import challenge
from tests.contracts.lives import claim_all
from tests.contracts.material import DAY, Sale, Status, Verdict
from tests.contracts.projects import (
    COST,
    DEBT,
    SENIOR,
    State,
    arrears,
    credits,
    earn,
    held,
    paid,
    pay,
    quarter,
)
from tests.contracts.swaps import (
    CURE,
    LAST_FIXING,
    PAYEE,
    PAYER,
    QUARTER,
    K,
    account,
    model,
    post,
    report_period,
)
from tests.contracts.swaps import State as Swap

YEAR = 365 * DAY


def interest(amount: int, seconds: int) -> int:
    """10 % a year, simple."""
    return amount * seconds // (10 * YEAR)


# ---------------------------------------------------------------- limited recourse


@pytest.fixture(scope="module")
def late(launch_project):
    """A sold project that pays 10 % a year on what it owes late; the provider has posted nothing."""
    return launch_project.sell(launch_project(swap={"lateRate": 10**17}))


def test_the_project_owes_only_what_is_above_its_senior_needs(late, report, parties):
    """Owed 10,000 with 9,000 of revenue: 4,000 go to the swap, 6,000 wait with interest; no holder, no
    margin call. The next quarter's surplus pays them first."""
    project = late
    report_period(project, report, 20 * K)
    earn(project, parties, 9 * K)
    settled = project.payment.settle({"from": parties.stranger}).timestamp
    next_at(settled + 1)
    tx = pay(project, parties)
    assert paid(tx) == (0, COST, DEBT, 4 * K, 0)
    second_of_it = interest(10 * K, 1)
    assert account(project, PAYEE)[2] == 6 * K + second_of_it
    assert account(project, PAYER)[1] == 4 * K
    assert held(project) == SENIOR
    with refuses(project.payment, "KpiPayment_NoShortfall", PAYEE):
        project.payment.callMargin(PAYEE, {"from": project.provider})
    second = quarter(project, report, parties, 10 * K, 14 * K)
    # The first payment met the interest of one second, and then principal.
    due = 6 * K + second_of_it + interest(6 * K + second_of_it, second.timestamp - tx.timestamp)
    _, cost, debt, swap, holders = paid(second)
    assert (cost, debt) == (COST, DEBT)
    assert due <= swap <= due + 1  # the swap keeps fractions of a unit of interest, the line above does not
    assert holders == (9 * K - swap) // 100 * 100
    assert account(project, PAYEE)[2] == 0
    assert account(project, PAYER)[1] == 4 * K + swap


def test_with_nothing_above_the_senior_needs_the_swap_waits(project, report, parties):
    tx = quarter(project, report, parties, 30 * K, 4 * K)
    assert paid(tx) == (0, COST, 1 * K, 0, 0)
    assert arrears(project) == (0, 1 * K)
    # Debt service and its arrears come before the swap in the next quarter too.
    tx = quarter(project, report, parties, 10 * K, 7 * K)
    assert paid(tx) == (0, COST, 3 * K, 1 * K, 0)
    assert "Distributed" not in names(tx)


def test_what_the_swap_owes_the_project_is_netted_there(project, report, parties):
    """The project owes 6,000; the next quarter is 8,000 in its favour: 2,000 reach the treasury."""
    quarter(project, report, parties, 16 * K, 5 * K)
    assert account(project, PAYEE)[2] == 6 * K
    assert paid(quarter(project, report, parties, 2 * K, 3 * K)) == (2 * K, COST, DEBT, 0, 0)


def test_anyone_may_pay_the_swap_for_the_project(project, report, parties):
    """A sponsor helps out: what is too much is the treasury's."""
    report_period(project, report, 16 * K)
    project.payment.settle({"from": parties.stranger})
    post(project, PAYEE, 9 * K, parties.issuer)
    earn(project, parties, 5 * K)
    assert paid(pay(project, parties)) == (3 * K, COST, DEBT, 0, 3 * K)


# ---------------------------------------------------------------- the provider fails


def default(project, report, parties, model_value=None):
    """The provider takes its excess, does not meet the margin call after the first quarter, and defaults 30
    days later. By then the model value of the second quarter, due at its start, was reported, or not
    (None)."""
    project.payment.withdraw(PAYER, {"from": project.provider})
    warp(project.period_ends[0])
    report(project, [5 * K] * 3, at=now(), period=0)
    if model_value is not None:
        warp(max(now() + 1, project.valued_at[1]))
        report(model(project), [model_value] * 3, at=now(), period=1)
    warp(project.pay_dates[0])
    project.payment.settle({"from": parties.stranger})
    earn(project, parties, 5 * K)
    assert paid(pay(project, parties)) == (5 * K, COST, DEBT, 0, 5 * K)
    called = project.payment.callMargin(PAYER, {"from": parties.stranger})
    warp(called.timestamp + CURE + 1)
    assert project.payment.state() == Swap.DEFAULTED


def test_a_default_pauses_the_treasury_until_the_close_out(project, report, parties):
    default(project, report, parties)
    earn(project, parties, 10 * K)
    warp(project.pay_dates[1])
    with refuses(project.treasury, "RevenueTreasury_SwapNotSettled", 1):
        pay(project, parties)
    tx = project.payment.closeOut({"from": parties.stranger})
    assert tx.return_value == -80 * K  # the project controls the data: silence costs it the most
    # All above the senior needs goes to the close-out, before holders.
    assert paid(pay(project, parties)) == (0, COST, DEBT, 5 * K, 0)
    assert project.payment.state() == Swap.CLOSED


def test_close_out_in_favour_of_the_project(late, report, parties):
    """The model says 12,000; the provider has nothing: it owes them with interest, and pays a year later."""
    project = late
    post(project, PAYER, 20 * K, project.provider)
    default(project, report, parties, model_value=12 * K)
    assert project.payment.closeOut({"from": parties.stranger}).return_value == 12 * K
    for i in (1, 2, 3):
        warp(max(now() + 1, project.pay_dates[i]))
        earn(project, parties, SENIOR + 1 * K)
        assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 1 * K)
    # The last period is paid, but the provider still owes: something can come, so units can still be sold.
    assert (project.treasury.state(), project.token.closed()) == (State.ACTIVE, False)
    project.token.transfer(parties.other, 10, {"from": parties.investor})
    warp(now() + YEAR)
    owed = account(project, PAYER)[2]
    post(project, PAYER, owed + 10_000, project.provider)
    tx = project.treasury.payRest({"from": parties.stranger})
    collected = paid(tx)[0]
    assert owed <= collected < owed + 10_000  # with the interest of some seconds
    assert paid(tx)[1:] == (0, 0, 0, collected // 100 * 100)
    assert project.token.closed()
    said(tx, "TreasuryClosed")


def test_a_period_due_before_the_default_is_settled_and_paid(launch_project, report, parties):
    """The margin call runs out after the second pay date: that quarter is settled first, then closed out."""
    project = launch_project.sell(launch_project(rule=LAST_FIXING, swap={"curePeriod": 120 * DAY}))
    post(project, PAYER, 10 * K, project.provider)
    quarter(project, report, parties, 2 * K, 2 * K)
    called = project.payment.callMargin(PAYER, {"from": parties.stranger})
    assert called.timestamp + 120 * DAY > project.pay_dates[1]
    tx = quarter(project, report, parties, 8 * K, 8 * K)
    assert paid(tx) == (2 * K, COST, DEBT, 0, 5 * K)
    warp(called.timestamp + 120 * DAY + 1)
    with refuses(project.treasury, "RevenueTreasury_NotDue", project.pay_dates[2]):
        pay(project, parties)
    closed = project.payment.closeOut({"from": parties.stranger}).return_value
    passed = called.timestamp + 120 * DAY - project.pay_dates[1]
    assert closed == 2 * K * passed // QUARTER
    warp(project.pay_dates[2])
    earn(project, parties, 5 * K)
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 0)


# ---------------------------------------------------------------- silence and disputes


def test_a_missing_report_costs_the_project_not_its_operator(project, report, parties):
    """Silence counts as 30,000 of proxy revenue; cost and debt are still senior."""
    tx = quarter(project, report, parties, None, 12 * K)
    assert paid(tx) == (0, COST, DEBT, 7 * K, 0)
    assert account(project, PAYEE)[2] == 13 * K


@pytest.mark.parametrize(
    ("verdict", "value", "swapped"),
    [(Verdict.STANDS, 0, 6 * K), (Verdict.CORRECTED, 13 * K, -3 * K), (Verdict.VOID, 0, -20 * K)],
)
def test_a_disputed_report_delays_and_then_counts_as_ruled(
    project, report, rule, parties, base, verdict, value, swapped
):
    """Challenged at the end of its dispute window: nothing is paid before the ruling, and then as it says."""
    i = 0
    warp(project.period_ends[i] + 44 * DAY)
    report(project, [4 * K] * 3, at=now(), period=i)
    base.currency.approve(project.oracle, 2**256 - 1, {"from": parties.other})
    warp(now() + 13 * DAY)
    challenge(project, parties.other, period=i)
    warp(max(now() + 1, project.pay_dates[i]))
    earn(project, parties, 30 * K)
    with refuses(project.oracle, "KpiOracle_NotFinal", project.feed, i, Status.CHALLENGED):
        project.payment.settle({"from": parties.stranger})
    with refuses(project.treasury, "RevenueTreasury_SwapNotSettled", i):
        pay(project, parties)
    rule(project, verdict, value)
    assert project.payment.settle({"from": parties.stranger}).return_value == swapped
    expected = (max(swapped, 0), COST, DEBT, max(-swapped, 0), 30 * K - SENIOR + swapped)
    assert paid(pay(project, parties)) == expected


# ---------------------------------------------------------------- the issue fails


def test_when_the_issue_fails_the_provider_can_leave(launch_project, parties):
    """Nobody would ever begin the treasury: it offers to end the swap for nothing, and the provider gets back
    all it posted."""
    project = launch_project()
    post(project, PAYER, 20 * K, project.provider)
    for _ in range(2):
        with refuses(project.treasury, "RevenueTreasury_IssueNotFailed"):
            project.treasury.releaseSwap({"from": project.provider})
        warp(project.opens)
    project.offering.subscribe(99, {"from": parties.investor})
    warp(project.closes)
    assert project.offering.state() == Sale.FAILED
    tx = project.treasury.releaseSwap({"from": parties.stranger})
    said(tx, "SwapReleased", proposal=1)
    said(tx, "TerminationProposed", side=PAYEE, id=1, amount=0, expiry=2**64 - 1)
    # A second offer would only void the first one under the provider's hands.
    with refuses(project.treasury, "RevenueTreasury_AlreadyReleased", 1):
        project.treasury.releaseSwap({"from": parties.stranger})
    with refuses(project.payment, "KpiPayment_NotParty", parties.stranger):
        project.payment.acceptTermination(1, {"from": parties.stranger})
    project.payment.acceptTermination(1, {"from": project.provider})
    before = project.currency.balanceOf(project.provider)
    project.payment.withdraw(PAYER, {"from": project.provider})
    assert project.currency.balanceOf(project.provider) - before == 20 * K
    project.offering.refund(99, {"from": parties.investor})
    assert project.payment.state() == Swap.TERMINATED


def test_an_offer_that_a_settlement_voided_is_made_again(launch_project, report, parties):
    project = launch_project()
    warp(project.closes)
    project.treasury.releaseSwap({"from": parties.stranger})
    report_period(project, report, 10 * K)
    project.payment.settle({"from": parties.stranger})
    tx = project.treasury.releaseSwap({"from": parties.stranger})
    said(tx, "SwapReleased", proposal=2)
    project.payment.acceptTermination(2, {"from": project.provider})


def test_a_treasury_that_has_begun_never_lets_go_of_its_swap(project, parties):
    with refuses(project.treasury, "RevenueTreasury_IssueNotFailed"):
        project.treasury.releaseSwap({"from": parties.stranger})
    with refuses(project.payment, "KpiPayment_NoSuchProposal", 0, 0):
        project.payment.acceptTermination(0, {"from": project.provider})


def test_without_a_swap_there_is_nothing_to_release(plain_treasury, launch_project, parties):
    """Its offering has failed, and it has no swap."""
    failed = launch_project()
    warp(failed.closes)
    project = plain_treasury(begun=False, offering=failed.offering.address)
    with refuses(project.treasury, "RevenueTreasury_NoSwap"):
        project.treasury.releaseSwap({"from": parties.stranger})


# ---------------------------------------------------------------- when it is late


def test_nobody_gains_by_waiting_for_the_next_quarters_revenue(project, report, parties):
    """Two quarters settled, the first unpaid: its payment sees what the second owes on the swap and needs."""
    report_period(project, report, 10 * K)
    project.payment.settle({"from": parties.stranger})
    earn(project, parties, 10 * K)
    report_period(project, report, 14 * K)
    project.payment.settle({"from": parties.stranger})
    earn(project, parties, 14 * K)
    assert paid(pay(project, parties)) == (0, COST, DEBT, 4 * K, 10 * K)
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 0)
    assert credits(project) == (2 * COST, 2 * DEBT)
    assert claim_all(project, parties.investor) == [6 * K]
