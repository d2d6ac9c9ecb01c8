"""KpiPayment and its currency: blocked accounts, fees, hooks, decimals, gifts, and who may move what."""

from __future__ import annotations

import pytest

from tests.contracts.checks import error_text, refuses, said
from tests.contracts.clock import now, warp
from tests.contracts.material import DAY, Status
from tests.contracts.swaps import (
    CURE,
    FIXED,
    PAYEE,
    PAYER,
    TOP,
    K,
    State,
    account,
    booked,
    held,
    model,
    post,
    received,
    report_period,
    settle,
)

NEVER, BEFORE, AFTER = range(3)
MOMENTS = pytest.mark.parametrize("moment", [BEFORE, AFTER], ids=["before", "after"])


def launched(launch_swap, parties, currency, **how):
    """A swap in this currency, the payer with 60,000 and the project with 4,000 posted."""
    one = 10 ** int(currency.decimals())
    for account_ in (parties.investor, parties.issuer):
        currency.mint(account_, 10**6 * one, {"from": parties.deployer})
    return launch_swap(currency=currency, posted=(60_000 * one, 4_000 * one), **how)


# ---------------------------------------------------------------- decimals


@pytest.mark.parametrize("decimals", [0, 6, 8, 18])
def test_any_decimals(launch_swap, parties, report, TestCurrency, decimals):
    currency = TestCurrency.deploy("Any dollar", "ANY", decimals, {"from": parties.deployer})
    swap = launched(launch_swap, parties, currency)
    one = 10**decimals
    assert settle(swap, report, parties, 7 * K // 2).return_value == 6_500 * one
    assert settle(swap, report, parties, 12 * K).return_value == -2_000 * one
    by = {"from": parties.issuer}
    assert received(swap, parties.issuer, lambda: swap.payment.withdraw(PAYEE, by)) == 6_500 * one
    assert account(swap, PAYEE) == (2_000 * one, 0, 0)
    assert held(swap) == booked(swap)


# ---------------------------------------------------------------- blocked accounts


@pytest.mark.parametrize("side", [PAYER, PAYEE])
def test_a_blocked_party_blocks_nobody_else(launch_swap, parties, report, BlockingCurrency, side):
    currency = BlockingCurrency.deploy(6, {"from": parties.deployer})
    swap = launched(launch_swap, parties, currency)
    blocked, free = (
        (parties.investor, parties.issuer) if side == PAYER else (parties.issuer, parties.investor)
    )
    currency.setBlocked(blocked, True, {"from": parties.deployer})
    settle(swap, report, parties, 4 * K)
    settle(swap, report, parties, 12 * K)
    currency.mint(parties.stranger, 2 * K, {"from": parties.deployer})
    post(swap, side, 2 * K, parties.stranger)  # others may pay for it
    by = {"from": parties.stranger}
    with refuses(BlockingCurrency, "BlockingCurrency_Blocked", blocked):
        swap.payment.withdraw(side, by)
    assert (
        received(swap, free, lambda: swap.payment.withdraw(1 - side, by)) == (2 if side == PAYEE else 6) * K
    )
    settle(swap, report, parties, 10 * K)
    settle(swap, report, parties, 10 * K)
    assert swap.payment.state() == State.MATURED
    assert (
        received(swap, free, lambda: swap.payment.withdraw(1 - side, by)) == (54 if side == PAYEE else 2) * K
    )
    currency.setBlocked(blocked, False, {"from": parties.deployer})
    swap.payment.withdraw(side, by)  # its money has waited
    assert held(swap) == 0


# ---------------------------------------------------------------- fees


def test_a_currency_with_a_fee_is_refused(launch_swap, parties, FeeCurrency, KpiPayment):
    """Both sides share the contract's money, so what is booked must have come in."""
    currency = FeeCurrency.deploy(6, {"from": parties.deployer})
    swap = launched(launch_swap, parties, currency, begin=False)
    with refuses(KpiPayment, "KpiPayment_UnsupportedCurrency", currency, 100 * K, 99 * K):
        post(swap, PAYER, 100 * K, parties.investor)
    assert account(swap, PAYER) == (0, 0, 0)
    currency.mint(swap.payment, 10 * K, {"from": parties.investor})  # a gift does not make up for it
    with refuses(KpiPayment, "KpiPayment_UnsupportedCurrency", currency, 110 * K, 109 * K):
        post(swap, PAYER, 100 * K, parties.investor)


# ---------------------------------------------------------------- hooks


@pytest.fixture(scope="module")
def hooked(launch_swap, parties, ReentrantCurrency):
    currency = ReentrantCurrency.deploy(6, {"from": parties.deployer})
    return launched(launch_swap, parties, currency)


@pytest.fixture
def arm(hooked, parties):
    """arm(moment, function, *args): the next transfer calls it on the payment."""

    def make(moment, function, *args):
        data = getattr(hooked.payment, function).encode_input(*args)
        hooked.currency.arm(moment, hooked.payment, data, {"from": parties.stranger})

    return make


def answer(currency):
    """None if the call from inside went through, else what it was refused with."""
    from brownie.exceptions import decode_typed_error

    assert currency.attacked(), "the attack never ran"
    return None if currency.succeeded() else decode_typed_error(str(currency.answer()))


@MOMENTS
def test_withdraw_cannot_be_entered_twice(hooked, arm, parties, report, moment):
    settle(hooked, report, parties, 4 * K)
    arm(moment, "withdraw", PAYEE)
    by = {"from": parties.stranger}
    assert received(hooked, parties.issuer, lambda: hooked.payment.withdraw(PAYEE, by)) == 6 * K
    assert answer(hooked.currency) is None  # it found nothing left
    assert held(hooked) == booked(hooked) == 58 * K


@MOMENTS
def test_money_that_has_not_come_cannot_be_taken(hooked, arm, parties, report, moment):
    """From inside a funding that repays a debt, the creditor takes its credit: booked, but not there yet.
    More has then left than came in, and all of it fails."""
    settle(hooked, report, parties, 20 * K)
    arm(moment, "withdraw", PAYER)
    with pytest.raises(Exception, match="KpiPayment_UnsupportedCurrency"):
        post(hooked, PAYEE, 5 * K, parties.issuer)
    assert account(hooked, PAYER)[:2] == (60 * K, 4 * K)
    assert held(hooked) == booked(hooked)


@MOMENTS
def test_a_funding_inside_a_funding_is_not_booked_twice(hooked, arm, parties, moment):
    currency = hooked.currency
    currency.mint(currency, 10, {"from": parties.deployer})
    approve = currency.approve.encode_input(hooked.payment, 10)
    currency.arm(AFTER, currency, approve, {"from": parties.stranger})
    currency.transfer(parties.other, 1, {"from": parties.issuer})  # it approves the payment for itself
    arm(moment, "fund", PAYEE, 10)
    with pytest.raises(Exception, match="KpiPayment_UnsupportedCurrency"):
        post(hooked, PAYER, 100, parties.investor)
    assert held(hooked) == booked(hooked) == 64 * K


@MOMENTS
def test_settling_from_inside_a_withdrawal_finds_what_is_left(hooked, arm, parties, report, moment):
    report_period(hooked, report, 4 * K)
    hooked.payment.settle({"from": parties.stranger})
    report_period(hooked, report, 0)
    arm(moment, "settle")
    hooked.payment.withdraw(PAYEE, {"from": parties.stranger})
    assert answer(hooked.currency) is None
    assert account(hooked, PAYEE) == (4 * K, FIXED, 0)
    assert held(hooked) == booked(hooked)


# ---------------------------------------------------------------- amounts and gifts


def test_gifts_move_nothing(swap, parties, KpiPayment):
    swap.currency.transfer(swap.payment, 5 * K, {"from": parties.issuer})
    assert booked(swap) == 64 * K == held(swap) - 5 * K
    with refuses(KpiPayment, "KpiPayment_NoShortfall", PAYEE):
        swap.payment.callMargin(PAYEE, {"from": parties.stranger})


def test_more_than_a_ledger_holds_is_refused(swap, parties, KpiPayment):
    most = 2**104 - 1
    swap.currency.mint(parties.stranger, 2**104, {"from": parties.stranger})
    with refuses(KpiPayment, "KpiPayment_TooMuchHeld", 64 * K + most, most):
        post(swap, PAYER, most, parties.stranger)
    post(swap, PAYER, most - 64 * K, parties.stranger)


# ---------------------------------------------------------------- who could misuse what


def test_a_stranger_moves_money_only_to_whom_it_belongs(swap, report, parties, KpiPayment):
    by = {"from": parties.stranger}
    for call in (
        lambda: swap.payment.proposeTermination(1, now() + DAY, by),
        lambda: swap.payment.withdrawTermination(by),
        lambda: swap.payment.acceptTermination(1, by),
    ):
        with refuses(KpiPayment, "KpiPayment_NotParty", parties.stranger):
            call()
    settle(swap, report, parties, 4 * K)
    before = swap.currency.balanceOf(parties.stranger)
    assert received(swap, parties.issuer, lambda: swap.payment.withdraw(PAYEE, by)) == 6 * K
    assert swap.payment.withdraw(PAYER, by).return_value == 0
    assert swap.currency.balanceOf(parties.stranger) == before


def test_a_stranger_cannot_send_back_what_was_posted_for_tomorrow(swap, parties):
    post(swap, PAYEE, 20 * K, parties.issuer)
    warp(swap.pay_dates[0] - 1)
    assert swap.payment.withdraw(PAYEE, {"from": parties.stranger}).return_value == 0
    assert account(swap, PAYEE)[0] == 24 * K
    warp(swap.pay_dates[0] - 1)


def test_a_debtor_cannot_take_its_money_out_before_a_due_settlement(swap, report, parties):
    """The excess above its collateral is its own until a period is due; from then on it serves that."""
    report_period(swap, report, TOP - 1)
    assert swap.payment.withdraw(PAYEE, {"from": parties.issuer}).return_value == 0
    settled = swap.payment.settle({"from": parties.stranger})
    said(settled, "AmountPaid", amount=FIXED - TOP + 1, netted=0, paid=4 * K, unpaid=16 * K - 1)


def test_a_party_takes_its_excess_but_not_its_collateral(swap, parties):
    assert swap.payment.withdrawable(PAYER) == 55 * K
    assert (
        received(swap, parties.investor, lambda: swap.payment.withdraw(PAYER, {"from": parties.investor}))
        == 55 * K
    )
    assert swap.payment.withdraw(PAYER, {"from": parties.investor}).return_value == 0
    assert account(swap, PAYER)[0] == 5 * K


def test_withdrawing_is_no_way_round_a_margin_call(swap, report, parties):
    """Only what is above the requirement leaves, so no withdrawal makes or widens a shortfall."""
    swap.payment.withdraw(PAYER, {"from": parties.investor})
    swap.payment.withdraw(PAYEE, {"from": parties.issuer})
    with pytest.raises(Exception, match="KpiPayment_NoShortfall"):
        swap.payment.callMargin(PAYER, {"from": parties.issuer})
    settle(swap, report, parties, 9 * K)
    swap.payment.callMargin(PAYER, {"from": parties.issuer})
    assert swap.payment.withdraw(PAYER, {"from": parties.investor}).return_value == 0


def test_dust_neither_cures_nor_shortens_a_debt_by_rounding(swap, report, parties):
    """A debtor that pays a unit every second still owes the interest of every second."""
    settle(swap, report, parties, 20 * K)
    start = now()
    swap.payment.callMargin(PAYEE, {"from": parties.stranger})
    for i in range(1, 21):
        post(swap, PAYEE, 1, parties.issuer)
        assert swap.payment.accountOf(PAYEE)["deadline"] != 0, i
    elapsed = now() - start
    a = swap.payment.accountOf(PAYEE)
    assert a["principal"] + a["interest"] + 20 >= 6 * K + 6 * K * elapsed // (10 * 365 * DAY) - 1


def test_a_data_controller_gains_nothing_by_silence_in_a_default(swap, report, parties):
    """The project stays silent on KPI and value: both count as the worst there could be for it."""
    warp(swap.pay_dates[0])
    assert swap.payment.settle({"from": parties.stranger}).return_value == FIXED - TOP
    tx = swap.payment.callMargin(PAYEE, {"from": parties.investor})
    warp(tx.timestamp + CURE + 1)
    warp(swap.pay_dates[1])
    swap.payment.settle({"from": parties.stranger})
    assert swap.oracle.statusOf(swap.value_feed, 2) == Status.MISSING
    worst = swap.payment.closeOut({"from": parties.stranger}).return_value
    assert worst == swap.oracle.configOf(swap.value_feed)["minValue"]


def test_only_the_payment_uses_its_reports(swap, report, parties, KpiOracle):
    report_period(swap, report, 1)
    for who in (parties.investor, parties.issuer, parties.stranger):
        with refuses(KpiOracle, "KpiOracle_NotConsumer", who):
            swap.oracle.consume(swap.feed, 0, {"from": who})
        with refuses(KpiOracle, "KpiOracle_NotConsumer", who):
            swap.oracle.consume(model(swap).feed, 0, {"from": who})


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"payer": "0x" + "00" * 20}, "payer or payee zero or the same"),
        ({"missingPayoff": -TOP + 1}, "silence would pay the data controller"),
        ({"dataController": PAYER}, "silence would pay the data controller"),
        ({"missingValue": -80 * K + 1}, "silent value pays the controller"),
        ({"periods": []}, "periods not 1-240"),
        ({"lateRate": 10**18 + 1}, "late rate above 100 %"),
        ({"requiredCollateral": [0, 2**96]}, "collateral too large"),
        ({"valueFeed": lambda s: s.feed}, "value feed is the KPI feed"),
        (
            {"periods": lambda s: [{"payDate": e - 1, "fixedAmount": 0} for e in s.period_ends]},
            "period ends after its pay date",
        ),
    ],
)
def test_terms_that_are_refused(launch_swap, parties, KpiPayment, changes, what):
    made = launch_swap(initialise=False, **changes)
    with refuses(KpiPayment, "KpiPayment_InvalidTerms", what):
        made.payment.initialize(made.terms, {"from": parties.deployer})
    assert error_text(KpiPayment, "KpiPayment_InvalidTerms", what)
