"""KpiPayment: margin calls, cures, close-out by both rules, early termination. Branches: KpiPayment.tree."""

from __future__ import annotations

import pytest

from tests.contracts.checks import names, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.material import DAY, Status
from tests.contracts.swaps import (
    CURE,
    FIXED,
    LAST_FIXING,
    PAYEE,
    PAYER,
    QUARTER,
    TOP,
    VALUE_BOUND,
    K,
    State,
    account,
    booked,
    held,
    model,
    post,
    received,
    settle,
)


@pytest.fixture
def called(swap, report, parties):
    """The project has paid all of its 4,000 and is called for 2,000 of collateral; swap.deadline is its last
    second."""
    settle(swap, report, parties, 14 * K)
    tx = swap.payment.callMargin(PAYEE, {"from": parties.stranger})
    swap.deadline = tx.timestamp + CURE
    said(tx, "MarginCalled", side=PAYEE, deadline=swap.deadline)
    return swap


@pytest.fixture
def defaulted(called):
    warp(called.deadline + 1)
    assert called.payment.state() == State.DEFAULTED
    return called


# ---------------------------------------------------------------- margin


def test_no_call_without_a_shortfall_nor_twice(swap, report, parties, KpiPayment):
    for side in (PAYER, PAYEE):
        with refuses(KpiPayment, "KpiPayment_NoShortfall", side):
            swap.payment.callMargin(side, {"from": parties.investor})
    settle(swap, report, parties, 14 * K)
    deadline = swap.payment.callMargin(PAYEE, {"from": parties.investor}).timestamp + CURE
    with refuses(KpiPayment, "KpiPayment_MarginAlreadyCalled", PAYEE, deadline):
        swap.payment.callMargin(PAYEE, {"from": parties.investor})


def test_a_call_is_cured_by_whoever_pays_to_the_last_second(called, parties):
    post(called, PAYEE, 2 * K - 1, parties.issuer)
    assert called.payment.accountOf(PAYEE)["deadline"] == called.deadline, "one unit is missing"
    next_at(called.deadline)
    tx = post(called, PAYEE, 1, parties.investor)
    said(tx, "MarginRestored", side=PAYEE)
    warp(called.deadline + 1)
    assert called.payment.state() == State.ACTIVE
    assert called.payment.defaultedAt() == 0


def test_nothing_cures_after_the_deadline(called, parties):
    next_at(called.deadline + 1)
    tx = post(called, PAYEE, 50 * K, parties.issuer)
    assert "MarginRestored" not in names(tx)
    assert called.payment.state() == State.DEFAULTED
    assert called.payment.defaultedAt() == called.deadline


def test_a_full_recourse_side_is_called_for_what_it_owes(launch_swap, report, parties):
    made = launch_swap(requiredCollateral=[0, 0])
    settle(made, report, parties, 4 * K)
    assert account(made, PAYER)[2] == 6 * K
    made.payment.callMargin(PAYER, {"from": parties.issuer})
    post(made, PAYER, 6 * K + K, parties.investor)
    assert made.payment.accountOf(PAYER)["deadline"] == 0


# ---------------------------------------------------------------- close-out


def test_no_close_out_before_a_default(called, parties, KpiPayment):
    with refuses(KpiPayment, "KpiPayment_WrongState", State.ACTIVE):
        called.payment.closeOut({"from": parties.investor})
    next_at(called.deadline)
    with refuses(KpiPayment, "KpiPayment_WrongState", State.ACTIVE):
        called.payment.closeOut({"from": parties.investor})


@pytest.fixture
def valued(swap, report, parties):
    """valued(value): the model values the payments from the second on, the project defaults, all is final."""

    def make(value):
        warp(swap.period_ends[0])
        report(swap, [14 * K] * 3, at=now())
        warp(swap.valued_at[1] + 30 * DAY)
        report(model(swap), [value] * 3, at=now(), period=1)
        warp(swap.pay_dates[0])
        swap.payment.settle({"from": parties.stranger})
        tx = swap.payment.callMargin(PAYEE, {"from": parties.stranger})
        warp(tx.timestamp + CURE + 1)
        return swap

    return make


@pytest.mark.parametrize("value", [25 * K, -25 * K, 70 * K], ids=["project", "payer", "more than posted"])
def test_model_value_is_paid_either_way(valued, parties, value):
    """Also to the side that defaulted: a default forfeits nothing."""
    swap = valued(value)
    tx = swap.payment.closeOut({"from": parties.stranger})
    assert tx.return_value == value
    at = swap.payment.defaultedAt()
    said(tx, "ClosedOut", period=1, defaultedAt=at, missing=False, amount=value)
    assert swap.payment.state() == State.CLOSED
    by = {"from": parties.stranger}
    payer = received(swap, parties.investor, lambda: swap.payment.withdraw(PAYER, by))
    payee = received(swap, parties.issuer, lambda: swap.payment.withdraw(PAYEE, by))
    paid = min(60 * K, max(0, value))
    assert (payer, payee) == (64 * K - paid, paid)
    assert held(swap) == 0
    assert swap.payment.owed(PAYER) >= max(0, value - 60 * K)
    assert swap.payment.owed(PAYEE) >= max(0, -value)


def test_a_claim_from_the_close_out_can_still_be_paid(valued, parties):
    swap = valued(-25 * K)
    tx = swap.payment.closeOut({"from": parties.stranger})
    next_at(tx.timestamp + 365 * DAY)
    post(swap, PAYEE, 30 * K, parties.issuer)
    assert account(swap, PAYEE) == (2_500 * K // 1_000, 0, 0)  # 25,000 and 10 % for a year
    assert account(swap, PAYER)[1] == 4 * K + 27_500 * K // 1_000


def test_a_missing_model_value_costs_whoever_controls_the_data(defaulted, parties):
    tx = defaulted.payment.closeOut({"from": parties.stranger})
    assert tx.return_value == -VALUE_BOUND
    assert tx.events["ClosedOut"]["missing"] is True


def test_close_out_waits_for_the_value_of_its_period_and_takes_no_other(swap, report, parties, KpiOracle):
    """Defaulted before the second quarter was valued: the next report counts, not an older one."""
    warp(swap.valued_at[0] + 1)
    report(model(swap), [1 * K] * 3, at=now(), period=0)
    swap.payment.withdraw(PAYEE, {"from": parties.issuer})
    settle(swap, report, parties, 12 * K)
    swap.payment.callMargin(PAYEE, {"from": parties.stranger})
    warp(swap.payment.accountOf(PAYEE)["deadline"] + 1)
    assert swap.oracle.statusOf(swap.value_feed, 1) == Status.MISSING
    assert swap.payment.closeOut({"from": parties.stranger}).return_value == -VALUE_BOUND


def test_close_out_of_a_report_in_the_making_waits(launch_swap, report, parties, KpiOracle):
    made = launch_swap()
    made.payment.callMargin(PAYEE, {"from": parties.stranger})
    warp(made.valued_at[0] + 44 * DAY)
    report(model(made), [7 * K] * 3, at=now())
    with refuses(KpiOracle, "KpiOracle_NotFinal", made.value_feed, 0, Status.PENDING):
        made.payment.closeOut({"from": parties.stranger})
    warp(now() + 14 * DAY)
    assert made.payment.closeOut({"from": parties.stranger}).return_value == 7 * K
    assert account(made, PAYER)[2] == 7 * K, "nothing was posted, so all of it is owed"
    assert made.oracle.reportOf(made.value_feed, 0)["used"], "and it cannot be restated any more"


@pytest.mark.parametrize("delay", [1, QUARTER, 10 * 365 * DAY])
def test_last_fixing_accrues_to_the_default_whenever_it_is_closed_out(launch_swap, report, parties, delay):
    made = launch_swap(rule=LAST_FIXING)
    post(made, PAYER, 60 * K, parties.investor)
    settle(made, report, parties, 14 * K)  # the project owes 4,000
    tx = made.payment.callMargin(PAYEE, {"from": parties.investor})
    warp(tx.timestamp + CURE + delay)
    amount = -4 * K * (tx.timestamp + CURE - made.pay_dates[0])
    assert made.payment.closeOut({"from": parties.stranger}).return_value == amount // QUARTER
    # Owed from the first quarter, which had interest, and from the close-out.
    assert account(made, PAYEE)[2] >= 4 * K - amount // QUARTER


def test_last_fixing_is_nothing_before_any_fixing(launch_swap, parties):
    made = launch_swap(rule=LAST_FIXING)
    post(made, PAYER, 60 * K, parties.investor)
    tx = made.payment.callMargin(PAYEE, {"from": parties.investor})
    warp(tx.timestamp + CURE + 1)
    assert made.payment.closeOut({"from": parties.stranger}).return_value == 0
    refund = received(
        made, parties.investor, lambda: made.payment.withdraw(PAYER, {"from": parties.stranger})
    )
    assert refund == 60 * K


def test_last_fixing_by_silence_counts_as_silence(launch_swap, parties):
    made = launch_swap(rule=LAST_FIXING)
    warp(made.pay_dates[0])
    made.payment.settle({"from": parties.stranger})
    tx = made.payment.callMargin(PAYEE, {"from": parties.investor})
    warp(tx.timestamp + CURE + 1)
    elapsed = tx.timestamp + CURE - made.pay_dates[0]
    assert (
        made.payment.closeOut({"from": parties.stranger}).return_value == (FIXED - TOP) * elapsed // QUARTER
    )


def test_what_fell_due_by_the_default_is_settled_first_and_nothing_later(swap, report, parties, KpiPayment):
    settle(swap, report, parties, 14 * K)
    warp(swap.period_ends[1])
    report(swap, [9 * K] * 3, at=now(), period=1)
    next_at(swap.pay_dates[1] - CURE)
    swap.payment.callMargin(PAYEE, {"from": parties.stranger})
    warp(swap.pay_dates[1] + 1)
    with refuses(KpiPayment, "KpiPayment_PeriodOutstanding", 1):
        swap.payment.closeOut({"from": parties.stranger})
    assert swap.payment.settle({"from": parties.stranger}).return_value == 1 * K
    warp(swap.pay_dates[2])
    with refuses(KpiPayment, "KpiPayment_WrongState", State.DEFAULTED):
        swap.payment.settle({"from": parties.stranger})
    swap.payment.closeOut({"from": parties.stranger})
    for call in (swap.payment.settle, swap.payment.closeOut):
        with refuses(KpiPayment, "KpiPayment_WrongState", State.CLOSED):
            call({"from": parties.stranger})
    with refuses(KpiPayment, "KpiPayment_WrongState", State.CLOSED):
        swap.payment.callMargin(PAYER, {"from": parties.stranger})


def test_nothing_posted_leaves_between_default_and_close_out(defaulted, parties):
    assert received(
        defaulted, parties.investor, lambda: defaulted.payment.withdraw(PAYER, {"from": parties.investor})
    ) == (4 * K), "its credit"
    assert account(defaulted, PAYER)[:2] == (60 * K, 0)
    defaulted.payment.closeOut({"from": parties.stranger})
    back = received(
        defaulted, parties.investor, lambda: defaulted.payment.withdraw(PAYER, {"from": parties.stranger})
    )
    assert back == 60 * K


# ---------------------------------------------------------------- early termination


@pytest.mark.parametrize("amount", [3 * K, -3 * K, 0])
def test_termination_by_agreement(swap, parties, amount):
    tx = swap.payment.proposeTermination(amount, now() + DAY, {"from": parties.investor})
    said(tx, "TerminationProposed", side=PAYER, id=1, amount=amount, expiry=tx.events[0]["expiry"])
    assert tx.return_value == 1
    tx = swap.payment.acceptTermination(1, {"from": parties.issuer})
    said(tx, "AgreedTermination", proposer=PAYER, id=1, amount=amount)
    assert swap.payment.state() == State.TERMINATED
    by = {"from": parties.stranger}
    assert received(swap, parties.issuer, lambda: swap.payment.withdraw(PAYEE, by)) == 4 * K + amount
    assert received(swap, parties.investor, lambda: swap.payment.withdraw(PAYER, by)) == 60 * K - amount
    assert held(swap) == booked(swap) == 0


def test_termination_nets_what_is_owed(swap, report, parties):
    settle(swap, report, parties, 20 * K)  # the project owes 6,000
    swap.payment.proposeTermination(10 * K, now() + DAY, {"from": parties.issuer})
    swap.payment.acceptTermination(1, {"from": parties.investor})
    balance, credit, owed = account(swap, PAYEE)
    assert (balance, owed) == (0, 0)
    assert 4 * K - 100 < credit <= 4 * K  # seconds of interest


def test_termination_is_exactly_what_was_proposed(swap, parties, KpiPayment):
    swap.payment.proposeTermination(3 * K, now() + DAY, {"from": parties.investor})
    swap.payment.proposeTermination(-3 * K, now() + DAY, {"from": parties.investor})  # swapped just before
    with refuses(KpiPayment, "KpiPayment_NoSuchProposal", 1, 2):
        swap.payment.acceptTermination(1, {"from": parties.issuer})
    with refuses(KpiPayment, "KpiPayment_NoSuchProposal", 2, 0):
        swap.payment.acceptTermination(2, {"from": parties.investor})  # its own
    tx = swap.payment.withdrawTermination({"from": parties.investor})
    said(tx, "TerminationWithdrawn", side=PAYER, id=2)
    with refuses(KpiPayment, "KpiPayment_NoSuchProposal", 2, 0):
        swap.payment.acceptTermination(2, {"from": parties.issuer})
    with refuses(KpiPayment, "KpiPayment_NoSuchProposal", 2, 0):
        swap.payment.withdrawTermination({"from": parties.investor})


def test_termination_expires_and_is_void_after_a_settlement(swap, report, parties, KpiPayment):
    with refuses(KpiPayment, "KpiPayment_ExpiryPassed", 1):
        swap.payment.proposeTermination(3 * K, 1, {"from": parties.investor})
    with refuses(KpiPayment, "KpiPayment_AmountTooLarge", 2**96):
        swap.payment.proposeTermination(2**96, now() + DAY, {"from": parties.investor})
    expiry = now() + DAY
    swap.payment.proposeTermination(3 * K, expiry, {"from": parties.investor})
    next_at(expiry + 1)
    with refuses(KpiPayment, "KpiPayment_ExpiryPassed", expiry):
        swap.payment.acceptTermination(1, {"from": parties.issuer})
    swap.payment.proposeTermination(3 * K, 2**63, {"from": parties.investor})
    settle(swap, report, parties, 0)  # the project takes a calm quarter first
    with refuses(KpiPayment, "KpiPayment_NoSuchProposal", 2, 0):
        swap.payment.acceptTermination(2, {"from": parties.issuer})


def test_a_proposer_who_takes_its_money_out_gains_nothing(swap, parties, KpiPayment):
    swap.payment.proposeTermination(50 * K, now() + DAY, {"from": parties.investor})
    swap.payment.withdraw(PAYER, {"from": parties.investor})
    with refuses(KpiPayment, "KpiPayment_Underfunded", 45 * K):
        swap.payment.acceptTermination(1, {"from": parties.issuer})
    assert swap.payment.state() == State.ACTIVE


def test_parties_may_still_agree_after_a_default(defaulted, parties):
    defaulted.payment.proposeTermination(1 * K, now() + DAY, {"from": parties.issuer})
    defaulted.payment.acceptTermination(1, {"from": parties.investor})
    assert defaulted.payment.state() == State.TERMINATED
    assert account(defaulted, PAYEE)[1] == 1 * K
