"""KpiPayment: margin calls, cures, close-out by both rules, early termination. Branches: KpiPayment.tree."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.contracts.checks import names, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.disputes import challenge
from tests.contracts.material import DAY, Status
from tests.contracts.swaps import (
    CURE,
    FIXED,
    LAST_FIXING,
    PAYEE,
    PAYER,
    QUARTER,
    REPLACEMENT_COST,
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
def valued(defaulted, report, parties):
    """valued(value): the quarter under way at the default brings nothing, the model values the payments from
    the third on (None: nobody does), and all is final."""

    def make(value):
        swap = defaulted
        warp(swap.period_ends[1])
        report(swap, [10 * K] * 3, at=now(), period=1)
        if value is not None:
            report(model(swap), [value] * 3, at=now(), period=2)
        warp(swap.pay_dates[1])
        swap.payment.settle({"from": parties.stranger})
        return swap

    return make


@pytest.mark.parametrize("value", [-25 * K, -70 * K], ids=["a part", "more than posted"])
def test_a_defaulter_owes_what_the_rest_is_worth(valued, parties, value):
    swap = valued(value)
    tx = swap.payment.closeOut({"from": parties.stranger})
    assert tx.return_value == value
    at = swap.payment.defaultedAt()
    said(tx, "ClosedOut", period=2, defaultedAt=at, missing=False, amount=value)
    assert swap.payment.state() == State.CLOSED
    by = {"from": parties.stranger}
    payer = received(swap, parties.investor, lambda: swap.payment.withdraw(PAYER, by))
    assert (payer, held(swap)) == (64 * K, 0)
    assert swap.payment.owed(PAYEE) >= -value


def test_a_close_out_never_pays_the_defaulter(valued, parties):
    """The rest was worth 25,000 to the project, which defaulted: a default forfeits that."""
    swap = valued(25 * K)
    assert swap.payment.closeOut({"from": parties.stranger}).return_value == 0
    assert swap.payment.withdraw(PAYEE, {"from": parties.stranger}).return_value == 0


def test_a_claim_from_the_close_out_can_still_be_paid(valued, parties):
    swap = valued(-25 * K)
    tx = swap.payment.closeOut({"from": parties.stranger})
    next_at(tx.timestamp + 365 * DAY)
    post(swap, PAYEE, 30 * K, parties.issuer)
    assert account(swap, PAYEE) == (2_500 * K // 1_000, 0, 0)  # 25,000 and 10 % for a year
    assert account(swap, PAYER)[1] == 4 * K + 27_500 * K // 1_000


def test_a_missing_model_value_costs_a_defaulter_who_controls_the_data(valued, parties):
    tx = valued(None).payment.closeOut({"from": parties.stranger})
    assert tx.return_value == -VALUE_BOUND
    assert tx.events["ClosedOut"]["missing"] is True


def test_a_missing_model_value_never_pays_a_defaulter(swap, report, parties):
    """The payer, short of collateral, calls itself; the project stays silent on the value. The payer gets
    nothing, and the project no more than a report against the payer would bring it."""
    swap.payment.withdraw(PAYER, {"from": parties.investor})
    settle(swap, report, parties, 4 * K)
    swap.payment.callMargin(PAYER, {"from": parties.investor})
    settle(swap, report, parties, 10 * K)
    warp(swap.valued_at[2] + 46 * DAY)
    assert swap.oracle.statusOf(swap.value_feed, 2) == Status.MISSING
    assert swap.payment.closeOut({"from": parties.stranger}).return_value == 0


def test_close_out_of_a_report_in_the_making_waits(defaulted, report, parties, KpiOracle):
    made = defaulted
    warp(made.period_ends[1])
    report(made, [10 * K] * 3, at=now(), period=1)
    warp(made.valued_at[2] + 44 * DAY)
    report(model(made), [-7 * K] * 3, at=now(), period=2)
    made.currency.approve(made.oracle, 2**256 - 1, {"from": parties.other})
    warp(now() + 13 * DAY)
    challenge(SimpleNamespace(feed=made.value_feed, oracle=made.oracle), parties.other, period=2)
    warp(made.pay_dates[1])
    made.payment.settle({"from": parties.stranger})
    with refuses(KpiOracle, "KpiOracle_NotFinal", made.value_feed, 2, Status.CHALLENGED):
        made.payment.closeOut({"from": parties.stranger})
    warp(now() + 30 * DAY)
    assert made.payment.closeOut({"from": parties.stranger}).return_value == -7 * K
    assert made.oracle.reportOf(made.value_feed, 2)["used"], "and it cannot be restated any more"


@pytest.mark.parametrize("delay", [1, QUARTER, 10 * 365 * DAY])
def test_last_fixing_costs_the_collateral_whenever_it_is_closed_out(launch_swap, report, parties, delay):
    made = launch_swap(rule=LAST_FIXING, posted=(60 * K, 2 * K))
    settle(made, report, parties, 14 * K)  # the project owes 2,000
    tx = made.payment.callMargin(PAYEE, {"from": parties.investor})
    settle(made, report, parties, 13 * K)  # the quarter in which it defaults: 3,000
    warp(max(now() + 1, tx.timestamp + CURE + delay))
    assert made.payment.closeOut({"from": parties.stranger}).return_value == -2 * K
    assert made.payment.accountOf(PAYEE)["principal"] == 7 * K


@pytest.mark.parametrize(
    ("first", "second", "amount"),
    [(14 * K, 10 * K, -2 * K), (14 * K, 13 * K, -3_500 * K // 1_000), (TOP, 4 * K, -7 * K)],
    ids=["the collateral", "half a year's for half a year", "a bad quarter counts as it was"],
)
def test_replacement_cost_in_the_first_year(launch_swap, report, parties, first, second, amount):
    """Two of four quarters are settled, two are left: the amounts of the year for half of a year."""
    made = launch_swap(rule=REPLACEMENT_COST, posted=(60 * K, 2 * K))
    settle(made, report, parties, first)
    made.payment.callMargin(PAYEE, {"from": parties.investor})
    settle(made, report, parties, second)
    assert made.payment.closeOut({"from": parties.stranger}).return_value == amount


def test_last_fixing_by_silence_counts_as_silence(launch_swap, parties):
    made = launch_swap(rule=LAST_FIXING)
    for date in made.pay_dates[:2]:
        warp(date)
        tx = made.payment.settle({"from": parties.stranger})
        assert tx.return_value == FIXED - TOP
        if date == made.pay_dates[0]:
            made.payment.callMargin(PAYEE, {"from": parties.investor})
    assert made.payment.closeOut({"from": parties.stranger}).return_value == -2 * K


def test_what_was_measured_before_the_default_is_settled_first(launch_swap, report, parties, KpiPayment):
    """The proof of the audit: cure of ten days, paid sixty after the quarter. A final report against the
    payer, who is one unit short, calls itself and leaves before the pay date."""
    swap = launch_swap(rule=LAST_FIXING, posted=(5 * K, 2 * K), curePeriod=10 * DAY)
    settle(swap, report, parties, 10 * K - 1)
    warp(swap.period_ends[1])
    report(swap, [1 * K] * 3, at=now(), period=1)
    warp(now() + 14 * DAY)
    assert swap.oracle.statusOf(swap.feed, 1) == Status.FINAL
    tx = swap.payment.callMargin(PAYER, {"from": parties.investor})
    warp(tx.timestamp + 10 * DAY + 1)
    assert swap.payment.state() == State.DEFAULTED
    assert now() < swap.pay_dates[1]
    with refuses(KpiPayment, "KpiPayment_PeriodOutstanding", 1):
        swap.payment.closeOut({"from": parties.investor})
    with refuses(KpiPayment, "KpiPayment_NotDue", swap.pay_dates[1]):
        swap.payment.settle({"from": parties.investor})
    warp(swap.pay_dates[1])
    assert swap.payment.settle({"from": parties.stranger}).return_value == 9 * K
    # The third had begun by the default, the fourth not.
    with refuses(KpiPayment, "KpiPayment_PeriodOutstanding", 2):
        swap.payment.closeOut({"from": parties.investor})
    assert settle(swap, report, parties, 10 * K).return_value == 0
    warp(swap.pay_dates[3])
    with refuses(KpiPayment, "KpiPayment_WrongState", State.DEFAULTED):
        swap.payment.settle({"from": parties.stranger})
    assert swap.payment.closeOut({"from": parties.stranger}).return_value == 5 * K
    for call in (swap.payment.settle, swap.payment.closeOut):
        with refuses(KpiPayment, "KpiPayment_WrongState", State.CLOSED):
            call({"from": parties.stranger})
    with refuses(KpiPayment, "KpiPayment_WrongState", State.CLOSED):
        swap.payment.callMargin(PAYER, {"from": parties.stranger})


def test_nothing_leaves_between_default_and_close_out_but_a_credit(valued, parties):
    swap = valued(0)
    by = {"from": parties.investor}
    assert received(swap, parties.investor, lambda: swap.payment.withdraw(PAYER, by)) == 4 * K, "its credit"
    assert account(swap, PAYER)[:2] == (60 * K, 0)
    post(swap, PAYEE, 9 * K, parties.issuer)
    assert swap.payment.withdraw(PAYEE, {"from": parties.issuer}).return_value == 0, "it is in default"
    swap.payment.closeOut({"from": parties.stranger})
    back = received(swap, parties.investor, lambda: swap.payment.withdraw(PAYER, {"from": parties.stranger}))
    assert back == 60 * K


def test_a_side_that_lacks_collateral_is_paid_nothing_before_it_has_paid(launch_swap, report, parties):
    """Neither before it is called, nor with the call open; a stranger cannot deliver its credit either."""
    swap = launch_swap(rule=LAST_FIXING, posted=(5 * K, 20 * K))
    settle(swap, report, parties, 13 * K)  # 3,000 to the payer
    settle(swap, report, parties, 10 * K - 1)  # and one unit from it
    for who in (parties.investor, parties.stranger):
        assert swap.payment.withdraw(PAYER, {"from": who}).return_value == 0
    swap.payment.callMargin(PAYER, {"from": parties.investor})
    assert swap.payment.withdraw(PAYER, {"from": parties.investor}).return_value == 0
    post(swap, PAYER, 1, parties.investor)
    assert swap.payment.withdraw(PAYER, {"from": parties.investor}).return_value == 3 * K


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


def test_an_offer_holds_for_its_last_second(swap, parties):
    expiry = now() + DAY
    swap.payment.proposeTermination(0, expiry, {"from": parties.investor})
    next_at(expiry)
    swap.payment.acceptTermination(1, {"from": parties.issuer})
    assert swap.payment.state() == State.TERMINATED


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
