"""RevenueTreasury: a served project, with its swap and without. Branches: RevenueTreasury.tree."""

from __future__ import annotations

import pytest

from tests.contracts.checks import ZERO, names, plain, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.lives import claim_all
from tests.contracts.material import DAY, components_of, tuple_of
from tests.contracts.projects import (
    COST,
    DEBT,
    LENDER,
    OPERATOR,
    POWER,
    SENIOR,
    State,
    arrears,
    credits,
    earn,
    held,
    paid,
    pay,
    quarter,
    without_swap,
)
from tests.contracts.swaps import CURE, PAYEE, PAYER, QUARTER, K, account, report_period

HOLDERS = (60, 40)


# ---------------------------------------------------------------- a served project


@pytest.mark.parametrize("proxy", [0, 4 * K, 10 * K, 13 * K, 30 * K])
def test_with_an_exact_proxy_holders_get_the_same_whatever_the_wind(project, report, parties, proxy):
    """Revenue plus the swap is the fixed 10,000: 3,000 of cost, 2,000 of debt, 50 for each of 100 units."""
    tx = quarter(project, report, parties, proxy, proxy)
    swapped = 10 * K - proxy
    assert paid(tx) == (max(swapped, 0), COST, DEBT, max(-swapped, 0), 5 * K)
    assert tx.return_value == 5 * K
    assert claim_all(project, parties.investor, parties.other) == [3 * K, 2 * K]
    assert account(project, PAYEE) == (0, 0, 0)
    assert account(project, PAYER) == (60 * K - max(swapped, 0), max(-swapped, 0), 0)
    assert (credits(project), arrears(project)) == ((COST, DEBT), (0, 0))
    assert held(project) == SENIOR


def test_a_whole_life(project, report, parties):
    """Four quarters, both ways; then everybody takes what is its own and nothing is left."""
    distributed = 0
    for proxy, revenue in ((4 * K, 4 * K), (16 * K, 17 * K), (None, 26 * K), (9 * K, 9 * K)):
        tx = quarter(project, report, parties, proxy, revenue)
        distributed += tx.return_value
    said(tx, "TreasuryClosed")
    assert project.treasury.state() == State.CLOSED
    assert project.token.closed()
    # Missing counts as 30,000: the project owes 20,000 and pays it.
    assert distributed == 5 * K + 6 * K + 1 * K + 5 * K
    assert account(project, PAYER)[1] == 6 * K + 20 * K
    assert claim_all(project, parties.investor, parties.other) == [17 * K * 60 // 100, 17 * K * 40 // 100]
    for party, who, each in ((OPERATOR, project.operator, COST), (LENDER, project.lender, DEBT)):
        before = project.currency.balanceOf(who)
        tx = project.treasury.withdraw(party, {"from": parties.stranger})
        said(tx, "Withdrawn", party=party, to=who, amount=4 * each)
        assert tx.return_value == 4 * each == project.currency.balanceOf(who) - before
        assert project.treasury.withdraw(party, {"from": who}).return_value == 0
    assert held(project) == 0
    assert project.currency.balanceOf(project.token) == 0
    with refuses(project.treasury, "RevenueTreasury_AllPaid", 4):
        pay(project, parties)


def test_the_payment_says_what_it_paid(project, report, parties):
    tx = quarter(project, report, parties, 13 * K, 14 * K)
    said(
        tx,
        "PeriodPaid",
        period=0,
        collected=0,
        operatingCost=COST,
        debtService=DEBT,
        swap=3 * K,
        holders=6 * K,
    )
    said(tx, "Funded", side=PAYEE, **{"from": project.treasury}, amount=3 * K, repaid=3 * K)
    said(tx, "Distributed", payer=project.treasury, paid=6 * K, perUnit=60 * K // 1_000)
    assert project.treasury.periodsPaid() == 1


def test_units_bought_between_quarters_carry_no_past(project, report, parties):
    quarter(project, report, parties, 10 * K, 10 * K)
    project.token.transfer(parties.third, 40, {"from": parties.other})
    quarter(project, report, parties, 10 * K, 10 * K)
    assert claim_all(project, parties.investor, parties.other, parties.third) == [6 * K, 2 * K, 2 * K]


# ---------------------------------------------------------------- order, arrears, dust


def test_senior_before_junior(plain_treasury, parties):
    """4,000, then nothing, then 16,500: arrears without interest, cost before debt before holders."""
    project = plain_treasury()
    for revenue, expected, left in (
        (4 * K, (0, COST, 1 * K, 0, 0), (0, 1 * K)),
        (0, (0, 0, 0, 0, 0), (3 * K, 3 * K)),
        (16_500 * 10**6, (0, 6 * K, 5 * K, 0, 5_500 * 10**6), (0, 0)),
    ):
        without_swap(project)
        if revenue:
            earn(project, parties, revenue)
        tx = pay(project, parties)
        assert (paid(tx), arrears(project)) == (expected, left)
    assert credits(project) == (9 * K, 6 * K)


def test_dust_is_carried(plain_treasury, parties):
    project = plain_treasury()
    without_swap(project)
    earn(project, parties, SENIOR + 199)
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 100)
    assert project.treasury.available() == 99
    without_swap(project)
    earn(project, parties, SENIOR + 1)
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 100)
    without_swap(project)
    earn(project, parties, SENIOR + 99)
    tx = pay(project, parties)  # less than one a unit: nothing to distribute
    assert paid(tx) == (0, COST, DEBT, 0, 0)
    assert "Distributed" not in names(tx)
    assert project.treasury.available() == 99


def test_a_late_payment_holds_back_what_other_periods_need(plain_treasury, parties):
    """Else holders could wait for the next quarter's revenue and be paid it before its cost."""
    project = plain_treasury()
    earn(project, parties, 2 * SENIOR + 5 * K)
    warp(project.pay_dates[1])
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 5 * K)
    assert held(project) == 2 * SENIOR
    assert paid(pay(project, parties)) == (0, COST, DEBT, 0, 0)
    short = plain_treasury()
    earn(short, parties, SENIOR + 4 * K)
    warp(short.pay_dates[3])
    assert paid(pay(short, parties)) == (0, COST, DEBT, 0, 0)
    assert short.treasury.available() == 4 * K


def test_paid_on_its_day_by_anyone_once(plain_treasury, parties):
    project = plain_treasury()
    earn(project, parties, 3 * SENIOR)
    first, second = project.pay_dates[:2]
    next_at(first - 1)
    with refuses(project.treasury, "RevenueTreasury_NotDue", first):
        pay(project, parties)
    next_at(first)
    pay(project, parties)
    with refuses(project.treasury, "RevenueTreasury_NotDue", second):
        pay(project, parties)


# ---------------------------------------------------------------- the swap comes first


def test_waits_for_the_settlement_of_the_swap(project, report, parties):
    report_period(project, report, 4 * K)
    earn(project, parties, 10 * K)
    with refuses(project.treasury, "RevenueTreasury_SwapNotSettled", 0):
        pay(project, parties)
    project.payment.settle({"from": parties.stranger})
    pay(project, parties)


def test_no_stranger_collects_for_the_treasury(project, report, parties):
    """Else money of one period could be made to count for the next (Treasury)."""
    report_period(project, report, 4 * K)
    project.payment.settle({"from": parties.stranger})
    with refuses(project.payment, "KpiPayment_NotParty", parties.stranger):
        project.payment.withdraw(PAYEE, {"from": parties.stranger})
    earn(project, parties, 4 * K)
    assert paid(pay(project, parties)) == (6 * K, COST, DEBT, 0, 5 * K)


def test_a_treasury_that_outlives_its_swap(launch_project, report, parties):
    """Six periods, the swap has four."""

    def longer(project):
        dates = [*project.pay_dates, *(project.pay_dates[-1] + i * QUARTER for i in (1, 2))]
        return [{"payDate": date, "operatingCost": COST, "debtService": 0} for date in dates]

    project = launch_project.sell(launch_project(periods=longer))
    for _ in range(4):
        quarter(project, report, parties, 10 * K, 10 * K)
    assert project.treasury.state() == State.ACTIVE
    for i in (1, 2):
        warp(project.pay_dates[-1] + i * QUARTER)
        earn(project, parties, 4 * K)
        assert paid(pay(project, parties)) == (0, COST, 0, 0, 1 * K)
    assert project.token.closed()


# ---------------------------------------------------------------- begin, revenue, end


def test_begins_with_the_offering_only(project, launch_project, parties):
    unsold = launch_project()
    assert unsold.treasury.state() == State.OFFERED
    for caller in (parties.issuer, parties.deployer, unsold.operator, unsold.provider):
        with refuses(unsold.treasury, "RevenueTreasury_NotOffering", caller):
            unsold.treasury.activate({"from": caller})
    for call in (unsold.treasury.pay, unsold.treasury.payRest):
        with refuses(unsold.treasury, "RevenueTreasury_WrongState", State.OFFERED):
            call({"from": parties.stranger})
    with refuses(unsold.treasury, "RevenueTreasury_WrongState", State.OFFERED):
        earn(unsold, parties, 1)
    assert project.treasury.state() == State.ACTIVE


def test_begins_once(plain_treasury, parties):
    project = plain_treasury(begun=False)
    said(project.treasury.activate({"from": parties.deployer}), "TreasuryActivated", units=100)
    with refuses(project.treasury, "RevenueTreasury_WrongState", State.ACTIVE):
        project.treasury.activate({"from": parties.deployer})


def test_revenue_by_line_from_anyone(project, parties, base):
    tx = earn(project, parties, 7)
    said(tx, "RevenueReceived", line=POWER, **{"from": parties.issuer}, amount=7)
    project.treasury.receiveRevenue(b"certificates", 5, {"from": parties.investor})
    assert project.treasury.available() == 12 == held(project)
    with refuses(base.currency, "ERC20InsufficientAllowance", project.treasury, 0, 1):
        project.treasury.receiveRevenue(POWER, 1, {"from": parties.stranger})


def test_the_rest_after_the_last_period(plain_treasury, parties):
    """Revenue that comes after the end still goes the same way, to a token that is closed."""
    project = plain_treasury()
    with refuses(project.treasury, "RevenueTreasury_PeriodsOutstanding", 0, 4):
        project.treasury.payRest({"from": parties.stranger})
    warp(project.pay_dates[3])
    for _ in range(4):
        tx = pay(project, parties)
    said(tx, "TreasuryClosed")
    said(tx, "TokenClosed")
    assert arrears(project) == (4 * COST, 4 * DEBT)
    warp(now() + 100 * DAY)
    earn(project, parties, 4 * SENIOR + 250)
    tx = project.treasury.payRest({"from": parties.stranger})
    assert paid(tx) == (0, 4 * COST, 4 * DEBT, 0, 200)
    said(
        tx,
        "PeriodPaid",
        period=4,
        collected=0,
        operatingCost=4 * COST,
        debtService=4 * DEBT,
        swap=0,
        holders=200,
    )
    assert "TreasuryClosed" not in names(tx)
    assert claim_all(project, parties.investor, parties.other) == [120, 80]
    assert project.treasury.payRest({"from": parties.stranger}).return_value == 0


# ---------------------------------------------------------------- terms


def test_initialised_once(project, swap_rooms, parties):
    terms = project.treasury.terms()
    for treasury in (project.treasury, swap_rooms.treasury):
        with refuses(treasury, "InvalidInitialization"):
            treasury.initialize(terms, {"from": parties.stranger})
    assert plain(terms)[:4] == plain((project.token, project.currency, project.offering, project.payment))


def periods(*dates, debt=0):
    return [{"payDate": date, "operatingCost": 1, "debtService": debt} for date in dates]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"token": ZERO}, "token or currency zero"),
        ({"currency": ZERO}, "token or currency zero"),
        ({"operator": ZERO}, "operator or offering zero"),
        ({"offering": ZERO}, "operator or offering zero"),
        ({"periods": []}, "periods not 1-240"),
        ({"periods": periods(*range(1, 242))}, "periods not 1-240"),
        ({"periods": periods(2, 2)}, "pay dates not ascending"),
        ({"lender": ZERO, "periods": periods(2, debt=1)}, "debt service without lender"),
    ],
)
def test_terms_that_are_refused(clone_of, swap_rooms, parties, base, RevenueTreasury, change, what):
    treasury = clone_of(RevenueTreasury, swap_rooms.treasury)
    components = components_of(treasury, "initialize")
    somebody = parties.stranger.address
    values = dict.fromkeys(("token", "offering", "operator", "lender"), somebody)
    values |= {"currency": base.currency.address, "swap": ZERO, "periods": periods(1, 2, debt=1)}
    # By eth_call, for the sake of 241 periods.
    with refuses(treasury, "RevenueTreasury_InvalidTerms", what):
        treasury.initialize.call(tuple_of(components, values | change), {"from": parties.deployer})
    treasury.initialize.call(tuple_of(components, values), {"from": parties.deployer})


@pytest.mark.parametrize(
    ("swap_change", "change", "what"),
    [
        ({"payee": "stranger"}, {}, "not the payee of the swap"),
        ({}, {"currency": "0x" + "01" * 20}, "swap in another currency"),
        ({"requiredCollateral": [5 * K, 1]}, {}, "swap asks for collateral"),
        ({}, {"periods": lambda dates: periods(*dates[:3])}, "swap outlives the treasury"),
        ({}, {"periods": lambda dates: periods(*(d - 1 for d in dates))}, "pays before the swap settles"),
        ({"payeeStarts": False}, {}, "anyone starts the swap"),
        # Called on the day it owes, a rich treasury would be in default before it may pay.
        (
            {},
            {"periods": lambda dates: periods(*(d + CURE for d in dates))},
            "pays after the swap's cure period",
        ),
        ({}, {"periods": lambda dates: periods(*(d + CURE - 1 for d in dates))}, None),
        ({"limitedRecourse": True}, {"periods": lambda dates: periods(*(d + CURE for d in dates))}, None),
        # A provider that is short would still be waited for when the swap settles again, and be paid of what
        # was held up.
        (
            {"curePeriod": QUARTER, "limitedRecourse": True},
            {},
            "still waits when the swap settles again",
        ),
        ({"curePeriod": QUARTER - 1, "limitedRecourse": True}, {}, None),
        (
            {"limitedRecourse": True},
            {"periods": lambda dates: periods(*(d + QUARTER for d in dates))},
            "still waits when the swap settles again",
        ),
        (
            {"limitedRecourse": True},
            {"periods": lambda dates: periods(*(d + QUARTER - 1 for d in dates))},
            None,
        ),
        ({}, {}, None),
        ({}, {"periods": lambda dates: periods(*dates, dates[-1] + 1)}, None),
    ],
)
def test_terms_must_fit_the_swap(
    launch_swap, clone_of, swap_rooms, parties, base, RevenueTreasury, swap_change, change, what
):
    treasury = clone_of(RevenueTreasury, swap_rooms.treasury)
    payee = parties.stranger if "payee" in swap_change else treasury
    plain_swap = {"requiredCollateral": [5 * K, 0], "payeeStarts": True, "begin": False}
    made = launch_swap(**(plain_swap | swap_change | {"payee": payee.address}))
    values = dict.fromkeys(("token", "offering", "operator", "lender"), parties.stranger.address)
    values |= {"currency": base.currency.address, "swap": made.payment.address}
    values |= {"periods": periods(*made.pay_dates)}
    values |= {name: value(made.pay_dates) if callable(value) else value for name, value in change.items()}
    terms = tuple_of(components_of(treasury, "initialize"), values)
    if what is None:
        said(
            treasury.initialize(terms, {"from": parties.deployer}),
            "TreasuryInitialized",
            token=parties.stranger,
            swap=made.payment,
        )
        return
    with refuses(treasury, "RevenueTreasury_InvalidTerms", what):
        treasury.initialize(terms, {"from": parties.deployer})
