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
from tests.contracts.swaps import CURE, LAST_FIXING, PAYEE, PAYER, K, account, model, post, report_period
from tests.contracts.swaps import State as Swap

YEAR = 365 * DAY


def interest(amount: int, seconds: int) -> int:
    """10 % a year, simple."""
    return amount * seconds // (10 * YEAR)


# ---------------------------------------------------------------- limited recourse


@pytest.fixture(scope="module")
def late(launch_project):
    """A sold project that pays 10 % a year on what it owes late; the provider has posted what it must."""
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


def default(project, report, parties):
    """The provider takes its excess, does not meet the margin call after the first quarter, and defaults 30
    days later, in the second."""
    project.payment.withdraw(PAYER, {"from": project.provider})
    assert paid(quarter(project, report, parties, 5 * K, 5 * K)) == (5 * K, COST, DEBT, 0, 5 * K)
    called = project.payment.callMargin(PAYER, {"from": parties.stranger})
    warp(called.timestamp + CURE + 1)
    assert project.payment.state() == Swap.DEFAULTED


def test_a_default_pauses_the_treasury_until_the_close_out(project, report, parties):
    """The quarter in which the provider defaults is settled, and paid after the close-out, once that can be:
    what it brings is there for the quarter. The project controls the data: its silence on the value
    gains it nothing, and the defaulter neither."""
    default(project, report, parties)
    with refuses(project.treasury, "RevenueTreasury_SwapNotClosedOut"):
        quarter(project, report, parties, 10 * K, 10 * K)
    assert project.payment.closeOut({"from": parties.stranger}).return_value == 0
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 5 * K)
    assert project.payment.state() == Swap.CLOSED
    earn(project, parties, 10 * K)
    warp(project.pay_dates[2])
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 5 * K)


def test_the_quarter_before_a_default_does_not_wait_for_its_reports(launch_project, report, parties):
    """The provider defaults in the second quarter, whose report is to come: cost and debt of the first are
    paid without it."""
    project = launch_project.sell(
        launch_project(rule=LAST_FIXING, swap={"curePeriod": 20 * DAY, "lateRate": 0})
    )
    report_period(project, report, 2 * K)
    earn(project, parties, SENIOR)
    called = project.payment.settle({"from": parties.stranger})
    assert account(project, PAYER)[2] == 3 * K
    project.payment.callMargin(PAYER, {"from": parties.stranger})
    warp(called.timestamp + 19 * DAY)
    with refuses(project.treasury, "RevenueTreasury_ProviderOwes", 3 * K):
        pay(project, parties)
    warp(called.timestamp + 21 * DAY)
    assert project.payment.state() == Swap.DEFAULTED
    assert paid(pay(project, parties)) == (5 * K, COST, DEBT, 0, 5 * K)


def test_nobody_gains_by_paying_before_the_provider_does(launch_project, report, parties):
    """The provider is short by 3,000, which it may be for its cure period. Were the quarter paid at once, the
    lender would have of the next quarter's what holders get now: it waits to the last unit."""
    project = launch_project.sell(launch_project(swap={"lateRate": 0}))
    report_period(project, report, 2 * K)
    earn(project, parties, 1 * K)
    project.payment.settle({"from": parties.stranger})
    post(project, PAYER, 3 * K - 1, project.provider)
    with refuses(project.treasury, "RevenueTreasury_ProviderOwes", 1):
        pay(project, parties)
    post(project, PAYER, 1, project.provider)
    assert paid(pay(project, parties)) == (8 * K, COST, DEBT, 0, 4 * K)


def test_what_can_be_settled_is_settled_first(project, report, parties):
    """A quarter is left unpaid until the next one can be settled. Whoever pays first then, before or after
    that, gets the same: the swap's money comes first, and what both quarters need is held back."""
    report_period(project, report, 10 * K)
    project.payment.settle({"from": parties.stranger})
    earn(project, parties, SENIOR)
    report_period(project, report, 2 * K)
    with refuses(project.treasury, "RevenueTreasury_SwapNotSettled", 1):
        pay(project, parties)
    assert project.payment.settle({"from": parties.stranger}).return_value == 8 * K
    assert paid(pay(project, parties)) == (8 * K, COST, DEBT, 0, 3 * K)
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 0)


def test_after_the_last_settlement_the_provider_has_its_cure_period(launch_project, report, parties):
    """Margin can be called no more; the lender cannot have the last quarter paid before the provider could
    pay, nor is a provider that never pays waited for any longer."""
    project = launch_project.sell(launch_project(swap={"lateRate": 0}))
    for _ in range(3):
        quarter(project, report, parties, 10 * K, SENIOR)
    report_period(project, report, 2 * K)
    earn(project, parties, 1 * K)
    project.payment.settle({"from": parties.stranger})
    assert project.payment.state() == Swap.MATURED
    with refuses(project.treasury, "RevenueTreasury_ProviderOwes", 3 * K):
        pay(project, parties)
    over = project.payment.terms()["periods"][3][0] + CURE
    next_at(over)
    with refuses(project.treasury, "RevenueTreasury_ProviderOwes", 3 * K):
        pay(project, parties)
    next_at(over + 1)
    assert paid(pay(project, parties)) == (5 * K, COST, DEBT, 0, 1 * K)
    post(project, PAYER, 3 * K, project.provider)
    assert paid(project.treasury.payRest({"from": parties.stranger})) == (3 * K, 0, 0, 0, 3 * K)


def test_a_dispute_leaves_the_provider_its_cure_period(launch_project, report, rule, parties, base):
    """A challenge puts the last settlement off for as long as one can: the provider's cure period is from
    when that was known, and the lender gains nothing by the delay."""
    project = launch_project.sell(launch_project(swap={"lateRate": 0}))
    for _ in range(3):
        quarter(project, report, parties, 10 * K, SENIOR)
    warp(project.period_ends[3] + 44 * DAY)
    report(project, [2 * K] * 3, at=now(), period=3)
    base.currency.approve(project.oracle, 2**256 - 1, {"from": parties.other})
    warp(now() + 13 * DAY)
    challenge(project, parties.other, period=3)
    warp(max(now(), project.pay_dates[3]) + 14 * DAY)
    rule(project, Verdict.STANDS, 0, period=3)
    final = project.oracle.reportOf(project.feed, 3)["finalAt"]
    assert final > project.pay_dates[3]
    earn(project, parties, 1 * K)
    project.payment.settle({"from": parties.stranger})
    next_at(final + CURE)
    with refuses(project.treasury, "RevenueTreasury_ProviderOwes", 3 * K):
        pay(project, parties)
    next_at(final + CURE + 1)
    assert paid(pay(project, parties)) == (5 * K, COST, DEBT, 0, 1 * K)


def test_a_called_project_of_full_recourse_pays_between_its_dates(launch_project, report, parties):
    """Somebody has its quarter paid at once, with nothing in hand; its revenue comes in the cure period, and
    meets the call: beyond arrears and what the next quarter needs, and before any holder."""
    project = launch_project.sell(launch_project(swap={"limitedRecourse": False, "lateRate": 0}))
    quarter(project, report, parties, 16 * K, 0)
    earn(project, parties, 20 * K)
    rest = {"from": parties.stranger}
    with refuses(project.treasury, "RevenueTreasury_PeriodsOutstanding", 1, 4):
        project.treasury.payRest(rest)
    project.payment.callMargin(PAYEE, rest)
    assert paid(project.treasury.payRest(rest)) == (0, COST, DEBT, 6 * K, 0)
    assert project.payment.accountOf(PAYEE)[4] == 0  # the call is met
    with refuses(project.treasury, "RevenueTreasury_PeriodsOutstanding", 1, 4):
        project.treasury.payRest(rest)
    assert paid(quarter(project, report, parties, 10 * K, 0)) == (0, COST, DEBT, 0, 4 * K)


def test_close_out_in_favour_of_the_project(late, report, parties):
    """The model says 12,000; the provider has nothing: it owes them with interest, and pays a year later."""
    project = late
    post(project, PAYER, 20 * K, project.provider)
    default(project, report, parties)
    warp(project.valued_at[2])
    report(model(project), [12 * K] * 3, at=now(), period=2)
    with refuses(project.treasury, "RevenueTreasury_SwapNotClosedOut"):
        quarter(project, report, parties, 10 * K, SENIOR)
    assert project.payment.closeOut({"from": parties.stranger}).return_value == 12 * K
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 0)
    for i in (2, 3):
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


def test_every_period_that_had_begun_is_settled_and_paid(launch_project, report, parties):
    """The margin call runs out in the third quarter: two more are settled first, then it is closed out."""
    project = launch_project.sell(
        launch_project(rule=LAST_FIXING, swap={"curePeriod": 80 * DAY}), posted=10 * K
    )
    quarter(project, report, parties, 2 * K, 2 * K)
    called = project.payment.callMargin(PAYER, {"from": parties.stranger})
    default = called.timestamp + 80 * DAY
    assert project.period_ends[1] < default < project.period_ends[2]
    assert paid(quarter(project, report, parties, 8 * K, 8 * K)) == (2 * K, COST, DEBT, 0, 5 * K)
    with refuses(project.treasury, "RevenueTreasury_SwapNotClosedOut"):
        quarter(project, report, parties, 9 * K, 5 * K)
    assert account(project, PAYER)[2] == 1 * K
    assert project.payment.closeOut({"from": parties.stranger}).return_value == 5 * K
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 0)
    warp(project.pay_dates[3])
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


def test_an_issue_settles_only_with_the_providers_collateral(launch_project, parties, KpiPayment):
    """The provider sits the sale out: nothing can be called, nothing is settled, and buyers get their money
    back."""
    project = launch_project()
    warp(project.opens)
    with refuses(KpiPayment, "KpiPayment_WrongState", Swap.AGREED):
        project.payment.callMargin(PAYER, {"from": parties.stranger})
    project.offering.subscribe(100, {"from": parties.investor})
    warp(project.closes)
    with refuses(KpiPayment, "KpiPayment_NotCollateralised", PAYER):
        project.offering.settle({"from": parties.stranger})
    with refuses(KpiPayment, "KpiPayment_NotParty", project.provider):
        project.payment.activate({"from": project.provider})
    warp(project.closes + 30 * DAY + 1)
    assert project.offering.state() == Sale.FAILED
    project.offering.refund(100, {"from": parties.investor})
    assert (project.payment.state(), project.treasury.state()) == (Swap.LAPSED, State.OFFERED)


def test_a_provider_that_has_posted_is_bound_until_the_sale_is_over(launch_project, parties):
    project = launch_project()
    post(project, PAYER, 6 * K, project.provider)
    by = {"from": project.provider}
    assert project.payment.withdraw(PAYER, by).return_value == 1 * K
    assert project.payment.withdraw(PAYER, by).return_value == 0


def test_when_the_issue_fails_everybody_gets_its_own(launch_project, parties):
    """The swap lapses: the provider has back all it posted; what somebody paid to the treasury, or for it
    into the swap, goes to the issuer."""
    project = launch_project()
    post(project, PAYER, 20 * K, project.provider)
    for _ in range(2):
        with refuses(project.treasury, "RevenueTreasury_IssueNotFailed"):
            project.treasury.returnMoney({"from": parties.issuer})
        warp(project.opens)
    project.offering.subscribe(99, {"from": parties.investor})
    post(project, PAYEE, 3 * K, parties.investor)
    project.currency.transfer(project.treasury, 7, {"from": parties.investor})
    warp(project.closes)
    assert project.offering.state() == Sale.FAILED
    before = project.currency.balanceOf(parties.issuer)
    tx = project.treasury.returnMoney({"from": parties.stranger})
    said(tx, "MoneyReturned", issuer=parties.issuer, collected=3 * K, returned=3 * K + 7)
    assert project.currency.balanceOf(parties.issuer) - before == 3 * K + 7
    warp(project.start + 10 * DAY + 1)
    assert project.payment.state() == Swap.LAPSED
    before = project.currency.balanceOf(project.provider)
    project.payment.withdraw(PAYER, {"from": parties.stranger})
    assert project.currency.balanceOf(project.provider) - before == 20 * K
    project.offering.refund(99, {"from": parties.investor})
    # As often as money comes.
    post(project, PAYEE, 5, parties.investor)
    assert project.treasury.returnMoney({"from": parties.stranger}).return_value == 5


def test_a_treasury_that_has_begun_returns_nothing(project, parties):
    with refuses(project.treasury, "RevenueTreasury_IssueNotFailed"):
        project.treasury.returnMoney({"from": parties.stranger})


def test_without_a_swap_money_is_returned_too(plain_treasury, launch_project, parties):
    """Its offering has failed, and it has no swap."""
    failed = launch_project()
    warp(failed.closes)
    project = plain_treasury(begun=False, offering=failed.offering.address)
    project.currency.transfer(project.treasury, 9, {"from": parties.investor})
    assert project.treasury.returnMoney({"from": parties.stranger}).return_value == 9


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
