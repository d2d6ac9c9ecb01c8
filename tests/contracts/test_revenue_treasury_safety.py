"""RevenueTreasury against bad currencies and bad faith: what issuer, operator, lender, provider, holder or a
stranger could gain. Branches: RevenueTreasury.tree."""

from __future__ import annotations

import pytest

from tests.contracts.checks import ZERO, error_text, plain, refuses
from tests.contracts.clock import warp
from tests.contracts.lives import claim_all
from tests.contracts.material import DAY, MILLION
from tests.contracts.projects import (
    COST,
    DEBT,
    LENDER,
    OPERATOR,
    POWER,
    RICH,
    SENIOR,
    arrears,
    credits,
    earn,
    held,
    paid,
    pay,
    quarter,
    without_swap,
)
from tests.contracts.swaps import PAYEE, PAYER, K, account, report_period
from tests.contracts.swaps import State as Swap

NEVER, BEFORE, AFTER = range(3)
MOMENTS = pytest.mark.parametrize("moment", [BEFORE, AFTER], ids=["before", "after"])


def funded(currency, parties):
    for account_ in (parties.investor, parties.other, parties.third, parties.issuer):
        currency.mint(account_, RICH, {"from": parties.deployer})
    return currency


# ---------------------------------------------------------------- blocked recipients


@pytest.fixture(scope="module")
def blocking(launch_project, parties, BlockingCurrency):
    currency = funded(BlockingCurrency.deploy(6, {"from": parties.deployer}), parties)
    project = launch_project.sell(launch_project(currency=currency), posted=60 * K)
    return project


@pytest.mark.parametrize("name", ["operator", "lender", "provider", "investor"])
def test_a_blocked_recipient_blocks_nobody(blocking, report, parties, name):
    """Whoever the currency blocks, the treasury pays on; what is its own waits for it."""
    project = blocking
    who = getattr(project, name, None) or getattr(parties, name)
    project.currency.setBlocked(who, True, {"from": parties.deployer})
    assert paid(quarter(project, report, parties, 4 * K, 4 * K)) == (6 * K, COST, DEBT, 0, 5 * K)
    assert paid(quarter(project, report, parties, 13 * K, 13 * K)) == (0, COST, DEBT, 3 * K, 5 * K)
    draws = {
        "operator": lambda: project.treasury.withdraw(OPERATOR, {"from": parties.stranger}),
        "lender": lambda: project.treasury.withdraw(LENDER, {"from": parties.stranger}),
        "provider": lambda: project.payment.withdraw(PAYER, {"from": parties.stranger}),
        "investor": lambda: project.token.claim(parties.investor, {"from": parties.stranger}),
    }
    own = {"operator": 2 * COST, "lender": 2 * DEBT, "provider": 3 * K, "investor": 6 * K}
    blocked = draws.pop(name)
    with refuses(project.currency, "BlockingCurrency_Blocked", who):
        blocked()
    for other, draw in draws.items():
        assert draw().return_value == own[other]
    project.currency.setBlocked(who, False, {"from": parties.deployer})
    assert blocked().return_value == own[name]


# ---------------------------------------------------------------- odd money


def test_money_that_is_simply_sent_counts_as_revenue(project, report, parties):
    project.currency.transfer(project.treasury, SENIOR + 100, {"from": parties.issuer})
    assert paid(quarter(project, report, parties, 10 * K, 0)) == (0, COST, DEBT, 0, 100)


def test_money_sent_to_others_credits_nobody(project, report, parties):
    """A donation to the token or the swap is no claim and no settlement."""
    project.currency.transfer(project.token, 7, {"from": parties.issuer})
    project.currency.transfer(project.payment, 7, {"from": parties.issuer})
    assert paid(quarter(project, report, parties, 4 * K, 4 * K)) == (6 * K, COST, DEBT, 0, 5 * K)
    assert claim_all(project, parties.investor, parties.other) == [3 * K, 2 * K]


def test_a_currency_with_a_fee_is_refused_as_revenue(plain_treasury, parties, FeeCurrency):
    currency = funded(FeeCurrency.deploy(6, {"from": parties.deployer}), parties)
    project = plain_treasury(currency=currency)
    args = (currency, 10_000, 9_900)
    with refuses(project.treasury, "RevenueTreasury_UnsupportedCurrency", *args):
        earn(project, parties, 10_000)
    assert held(project) == 0


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_any_decimals(launch_project, report, parties, TestCurrency, decimals):
    """The same project in millionths, hundred-millionths and 10^-18: the KPI stays in millionths."""
    currency = TestCurrency.deploy("Dollar", "USD", decimals, {"from": parties.deployer})
    one = 10**decimals
    for account_ in (parties.investor, parties.other, parties.third, parties.issuer):
        currency.mint(account_, 10**9 * one, {"from": parties.deployer})
    project = launch_project.sell(launch_project(currency=currency), posted=60_000 * one)
    assert paid(quarter(project, report, parties, 4 * K + 1, 4_000 * one)) == (
        6_000 * one - one // MILLION,
        3_000 * one,
        2_000 * one,
        0,
        (5_000 * one - one // MILLION) // 100 * 100,
    )
    late = quarter(project, report, parties, 16 * K, 7_000 * one)
    assert paid(late)[:3] == (0, 3_000 * one, 2_000 * one)
    carried = (5_000 * one - one // MILLION) % 100
    assert account(project, PAYEE)[2] == 4_000 * one - carried
    assert project.treasury.available() == 0


# ---------------------------------------------------------------- reentrancy


@pytest.fixture(scope="module")
def evil(launch_project, parties, ReentrantCurrency):
    """A project in a currency that calls back, the first quarter reported at 10,000."""
    currency = funded(ReentrantCurrency.deploy(6, {"from": parties.deployer}), parties)
    project = launch_project.sell(launch_project(currency=currency), posted=60 * K)
    return project


def arm(project, parties, moment, contract, function, *args):
    data = getattr(contract, function).encode_input(*args)
    project.currency.arm(moment, contract, data, {"from": parties.stranger})


def answer(project):
    """None if the call from inside went through, else what it was refused with."""
    from brownie.exceptions import decode_typed_error

    assert project.currency.attacked(), "the attack never ran"
    return None if project.currency.succeeded() else decode_typed_error(str(project.currency.answer()))


@MOMENTS
@pytest.mark.parametrize(
    ("proxy", "function", "args"),
    [
        # The first transfer inside a payment: from the swap, to the swap, or to the token.
        *((proxy, "pay", ()) for proxy in (4 * K, 13 * K, 10 * K)),
        *((proxy, "payRest", ()) for proxy in (4 * K, 13 * K, 10 * K)),
        *((proxy, "withdraw", (OPERATOR,)) for proxy in (4 * K, 13 * K, 10 * K)),
        *((proxy, "receiveRevenue", (POWER, 0)) for proxy in (4 * K, 13 * K, 10 * K)),
    ],
)
def test_nothing_that_moves_money_is_entered_while_another_does(
    evil, report, parties, moment, proxy, function, args
):
    """Even with the next period due and settled: what is on its way out is not paid again."""
    project = evil
    report_period(project, report, proxy)
    project.payment.settle({"from": parties.stranger})
    report_period(project, report, 10 * K)
    project.payment.settle({"from": parties.stranger})
    earn(project, parties, proxy + 10 * K)
    arm(project, parties, moment, project.treasury, function, *args)
    collected, cost, debt, swap, holders = paid(pay(project, parties))
    assert answer(project) == error_text(project.treasury, "ReentrancyGuardReentrantCall")
    assert (collected, swap) == (max(10 * K - proxy, 0), max(proxy - 10 * K, 0))
    # Both quarters' 20,000, less this one's cost and debt and what the next one needs of them.
    assert (cost, debt, holders) == (COST, DEBT, 20 * K - 2 * SENIOR)
    assert held(project) == 2 * SENIOR


@MOMENTS
@pytest.mark.parametrize("function", ["pay", "withdraw"])
def test_a_withdrawal_is_not_entered_either(evil, report, parties, moment, function):
    """While the operator's money is still here and no longer credited, a payment would share it out."""
    project = evil
    quarter(project, report, parties, 10 * K, 10 * K)
    report_period(project, report, 10 * K)
    project.payment.settle({"from": parties.stranger})
    arm(project, parties, moment, project.treasury, function, *([LENDER] if function == "withdraw" else []))
    before = project.currency.balanceOf(project.operator)
    project.treasury.withdraw(OPERATOR, {"from": parties.stranger})
    assert answer(project) == error_text(project.treasury, "ReentrancyGuardReentrantCall")
    assert project.currency.balanceOf(project.operator) - before == COST
    assert (credits(project), held(project)) == ((0, DEBT), DEBT)


@MOMENTS
def test_the_provider_takes_nothing_twice_from_inside(evil, report, parties, moment):
    """The provider draws its credit from inside the payment to it: the swap sees that not all of the money
    has come, and the payment fails as a whole. Nothing is lost."""
    project = evil
    quarter(project, report, parties, 10 * K, 10 * K)
    report_period(project, report, 13 * K)
    project.payment.settle({"from": parties.stranger})
    earn(project, parties, 14 * K)
    arm(project, parties, moment, project.payment, "withdraw", PAYER)
    with refuses(project.payment, "KpiPayment_UnsupportedCurrency", project.currency, 63 * K, 60 * K):
        pay(project, parties)
    project.currency.arm(NEVER, parties.stranger, b"", {"from": parties.stranger})
    assert paid(pay(project, parties)) == (0, COST, DEBT, 3 * K, 6 * K)
    assert project.payment.withdraw(PAYER, {"from": parties.stranger}).return_value == 3 * K
    assert account(project, PAYER) == (60 * K, 0, 0)
    assert claim_all(project, parties.investor, parties.other) == [6_600 * MILLION, 4_400 * MILLION]


def test_a_deposit_inside_a_deposit_is_not_booked(evil, parties):
    """Revenue whose transfer sends more of it from elsewhere fails as a whole."""
    project = evil
    project.currency.mint(project.currency, 10, {"from": parties.deployer})
    arm(project, parties, AFTER, project.currency, "transfer", project.treasury, 10)
    with refuses(project.treasury, "RevenueTreasury_UnsupportedCurrency", project.currency, 1_000, 1_010):
        earn(project, parties, 1_000)
    project.currency.arm(NEVER, parties.stranger, b"", {"from": parties.stranger})


# ---------------------------------------------------------------- what bad faith could gain


def test_nobody_has_a_power_over_the_money(project, parties):
    """All that writes pays what is due to whom it is due; only the offering may call activate."""
    writes = sorted(
        f["name"]
        for f in project.treasury.abi
        if f["type"] == "function" and f["stateMutability"] == "nonpayable"
    )
    assert writes == [
        "activate",
        "initialize",
        "pay",
        "payRest",
        "receiveRevenue",
        "returnMoney",
        "withdraw",
    ]
    for who in (parties.issuer, parties.agent, project.operator, project.lender, project.provider):
        with refuses(project.currency, "ERC20InsufficientAllowance", who, 0, 1):
            project.currency.transferFrom(project.treasury, who, 1, {"from": who})
        with refuses(project.treasury, "RevenueTreasury_NotOffering", who):
            project.treasury.activate({"from": who})
        with refuses(project.token, "SecurityToken_NotServicer", who):
            project.token.close({"from": who})


def test_operator_and_lender_get_what_the_terms_say_and_no_sooner(project, report, parties):
    earn(project, parties, 50 * K)
    for who in (project.operator, project.lender):
        with refuses(project.treasury, "RevenueTreasury_NotDue", project.pay_dates[0]):
            project.treasury.pay({"from": who})
    assert project.treasury.withdraw(OPERATOR, {"from": project.operator}).return_value == 0
    quarter(project, report, parties, 10 * K, 0)
    assert credits(project) == (COST, DEBT)
    before = project.currency.balanceOf(project.operator)
    project.treasury.withdraw(LENDER, {"from": project.operator})  # it goes to the lender
    assert project.currency.balanceOf(project.operator) == before
    assert project.currency.balanceOf(project.lender) == DEBT


def test_the_provider_cannot_call_the_project_nor_take_more_than_it_is_owed(project, report, parties):
    report_period(project, report, 30 * K)
    project.payment.settle({"from": project.provider})
    with refuses(project.payment, "KpiPayment_NoShortfall", PAYEE):
        project.payment.callMargin(PAYEE, {"from": project.provider})
    with refuses(project.payment, "KpiPayment_WrongState", Swap.ACTIVE):
        project.payment.closeOut({"from": project.provider})
    earn(project, parties, SENIOR - 1)
    project.treasury.pay({"from": project.provider})
    assert account(project, PAYER)[1] == 0
    assert arrears(project) == (0, 1)


def test_a_provider_that_is_never_paid_out_stops_nobody(project, report, parties):
    """It leaves its credit in the swap for good."""
    for proxy in (13 * K, 13 * K, 4 * K, 13 * K):
        quarter(project, report, parties, proxy, proxy)
    assert project.token.closed()


def test_holders_who_pay_at_once_get_nothing_before_arrears(plain_treasury, parties):
    """They call pay before the revenue has come: all it needs is carried, and comes first."""
    project = plain_treasury()
    without_swap(project)
    project.treasury.pay({"from": parties.investor})
    assert arrears(project) == (COST, DEBT)
    without_swap(project)
    earn(project, parties, 2 * SENIOR + 500)
    assert paid(project.treasury.pay({"from": parties.investor})) == (0, 2 * COST, 2 * DEBT, 0, 500)


def test_units_move_with_what_is_not_paid_yet(project, report, parties):
    """A seller keeps what was distributed, a buyer gets what is distributed from then on; frozen, revoked and
    paused holders can claim."""
    quarter(project, report, parties, 10 * K, 10 * K)
    project.token.setPaused(True, {"from": parties.agent})
    project.token.setFrozenTokens(parties.other, 40, {"from": parties.agent})
    assert claim_all(project, parties.investor, parties.other) == [3 * K, 2 * K]
    assert paid(quarter(project, report, parties, 10 * K, 10 * K))[4] == 5 * K
    assert claim_all(project, parties.other) == [2 * K]


def test_strangers_can_only_help(project, report, parties):
    """Everything is done by a stranger, in an odd order, and comes out the same."""
    by = {"from": parties.stranger}
    report_period(project, report, 4 * K)
    project.payment.settle(by)
    project.treasury.withdraw(OPERATOR, by)
    earn(project, parties, 4 * K)
    project.treasury.receiveRevenue(POWER, 0, by)
    assert paid(project.treasury.pay(by)) == (6 * K, COST, DEBT, 0, 5 * K)
    project.treasury.withdraw(LENDER, by)
    project.treasury.withdraw(OPERATOR, by)
    assert held(project) == 0


def test_an_issue_that_nobody_settles_holds_no_revenue(launch_project, parties):
    project = launch_project()
    warp(project.closes + 40 * DAY)
    with refuses(project.treasury, "RevenueTreasury_WrongState", 0):
        earn(project, parties, 1)
    assert plain(project.treasury.terms())[3] != ZERO
