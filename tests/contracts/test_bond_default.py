"""KpiBond.tree: default, cure, acceleration, recovery; and every transition that must not be."""

from __future__ import annotations

import pytest

from tests.contracts.checks import plain, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.lives import (
    COUPON,
    PRINCIPAL,
    TENTH,
    K,
    accelerated,
    claim_all,
    default_on_first_coupon,
    late,
    mature_report,
    pay_coupons,
)
from tests.contracts.material import DAY, MILLION, Bond, Status

YEAR = 365 * DAY


@pytest.fixture(scope="module")
def issuer(parties):
    return {"from": parties.issuer}


@pytest.fixture(scope="module")
def anyone(parties):
    return {"from": parties.stranger}


# ---------------------------------------------------------------- declareDefault


def test_default_after_grace_when_not_funded(live, issuer, anyone):
    live.bond.fund(COUPON - 1, issuer)
    until = live.plan.pay_dates[0] + 10 * DAY
    next_at(until)
    with refuses(live.bond, "KpiBond_InGrace", until):
        live.bond.declareDefault(anyone)
    next_at(until + 1)
    tx = live.bond.declareDefault(anyone)
    said(tx, "BondDefaulted", period=0, due=COUPON + late(COUPON, 10), held=COUPON - 1)
    assert live.bond.state() == Bond.DEFAULTED


def test_no_default_when_the_money_is_there(live, issuer, anyone):
    """Nobody triggered the payment, but that is not the issuer's fault."""
    live.bond.fund(COUPON, issuer)
    warp(live.plan.pay_dates[0] + 100 * DAY)
    with refuses(live.bond, "KpiBond_Funded", COUPON, COUPON):
        live.bond.declareDefault(anyone)


def test_default_on_the_redemption_needs_the_outcome(live, parties, report, anyone):
    """Before the outcome is known, nobody can say what is owed."""
    pay_coupons(live, parties)
    warp(live.plan.pay_dates[2] + 10 * DAY + 1)
    with refuses(live.bond, "KpiBond_NotFixed", 0):
        live.bond.declareDefault(anyone)
    live.bond.fix(0, anyone)  # nobody reported
    tx = live.bond.declareDefault(anyone)
    due = PRINCIPAL + TENTH + late(PRINCIPAL + TENTH, 10)
    said(tx, "BondDefaulted", period=3, due=due, held=0)


# ---------------------------------------------------------------- cure


def test_cure_in_time_goes_on_as_before(live, parties, issuer, anyone):
    tx = default_on_first_coupon(live, parties)
    due = COUPON + late(COUPON, 10)
    with refuses(live.bond, "KpiBond_Underfunded", due, 0):
        live.bond.cure(anyone)
    live.bond.fund(due, issuer)
    next_at(tx.timestamp + 30 * DAY)  # the last second; the money is there, and bears no more
    assert "DefaultCured" in live.bond.cure(anyone).events
    assert live.bond.state() == Bond.ACTIVE
    live.bond.payCoupon(anyone)
    assert claim_all(live, parties.investor) == [3 * K + late(3 * K, 10)]


def test_cure_too_late(live, parties, issuer, anyone):
    tx = default_on_first_coupon(live, parties)
    live.bond.fund(COUPON, issuer)
    until = tx.timestamp + 30 * DAY
    next_at(until + 1)
    with refuses(live.bond, "KpiBond_CurePeriodOver", until):
        live.bond.cure(anyone)


def test_cure_takes_all_arrears(launch, parties, issuer, anyone):
    """A cure period so long that the second coupon falls due in it."""
    deal = launch.sell(launch(curePeriod=2 * YEAR))
    default_on_first_coupon(deal, parties)
    warp(deal.plan.pay_dates[1])
    due = 2 * COUPON + late(COUPON, 365)
    deal.bond.fund(due - 1, issuer)
    with refuses(deal.bond, "KpiBond_Underfunded", due, due - 1):
        deal.bond.cure(anyone)
    deal.bond.fund(1, issuer)
    deal.bond.cure(anyone)


def test_cure_after_maturity_takes_the_redemption_too(launch, parties, report, issuer, anyone):
    deal = launch.sell(launch(curePeriod=3 * YEAR))
    default_on_first_coupon(deal, parties)
    mature_report(deal, report, 300_000)
    warp(deal.plan.pay_dates[2])
    due = 3 * COUPON + PRINCIPAL + late(COUPON, 730) + late(COUPON, 365)
    deal.bond.fund(due - 1, issuer)
    with refuses(deal.bond, "KpiBond_NotFixed", 0):
        deal.bond.cure(anyone)
    deal.bond.fix(0, anyone)  # also while in default
    with refuses(deal.bond, "KpiBond_Underfunded", due, due - 1):
        deal.bond.cure(anyone)
    deal.bond.fund(1, issuer)
    deal.bond.cure(anyone)
    for _ in range(3):
        deal.bond.payCoupon(anyone)
    deal.bond.redeem(anyone)
    assert claim_all(deal, parties.investor, parties.other) == [
        69 * K + 3_285 * MILLION,
        46 * K + 2_190 * MILLION,
    ]


# ---------------------------------------------------------------- accelerate


def test_acceleration_waits_for_the_cure_period(live, parties, anyone):
    tx = default_on_first_coupon(live, parties)
    until = tx.timestamp + 30 * DAY
    next_at(until)
    with refuses(live.bond, "KpiBond_CurePeriodOpen", until):
        live.bond.accelerate(anyone)
    next_at(until + 1)
    live.bond.accelerate(anyone)


def test_acceleration_makes_everything_due(live, parties):
    """The unpaid coupon, interest of the running year by the second, principal, and the outcome best
    for holders."""
    tx = accelerated(live, parties)
    elapsed = tx.timestamp - live.plan.pay_dates[0]
    assert elapsed > 40 * DAY
    interest = COUPON + COUPON * elapsed // YEAR
    owed = (interest, PRINCIPAL + TENTH, late(COUPON, 40))
    said(tx, "BondAccelerated", interestOwed=owed[0], principalOwed=owed[1], lateOwed=owed[2])
    assert plain(live.bond.owedAfterAcceleration()) == owed
    assert live.bond.state() == Bond.ACCELERATED


def test_acceleration_after_maturity_owes_the_coupons_and_late_interest(launch, parties, anyone):
    deal = launch.sell(launch(curePeriod=3 * YEAR))
    tx = default_on_first_coupon(deal, parties)
    warp(tx.timestamp + 3 * YEAR + 1)
    assert now() > deal.plan.pay_dates[2]
    tx = deal.bond.accelerate(anyone)
    # 10 days to the default and three years of cure. That its report never came was settled before maturity,
    # so the redemption is as late as the last coupon, whether anybody has fixed it or not.
    overdue = late(COUPON, 10 + 1_095) + late(COUPON, 10 + 730) + late(COUPON, 10 + 365)
    overdue += late(PRINCIPAL + TENTH, 10 + 365)
    said(
        tx,
        "BondAccelerated",
        interestOwed=3 * COUPON,
        principalOwed=PRINCIPAL + TENTH,
        lateOwed=overdue,
    )


def test_acceleration_with_the_outcome_fixed(launch, parties, report, anyone):
    """Default on the last coupon after a report in the low tier: 90,000 of principal, nothing more for the
    holders."""
    deal = launch.sell(launch())
    pay_coupons(deal, parties, last=1)
    mature_report(deal, report, 100_000)
    deal.bond.fix(0, anyone)
    warp(deal.plan.pay_dates[2] + 10 * DAY + 1)
    tx = deal.bond.declareDefault(anyone)
    warp(tx.timestamp + 30 * DAY + 1)
    said(
        deal.bond.accelerate(anyone),
        "BondAccelerated",
        interestOwed=COUPON,
        principalOwed=PRINCIPAL - TENTH,
        lateOwed=late(COUPON, 40) + late(PRINCIPAL - TENTH, 40),
    )


def test_default_is_no_way_round_the_outcome(live, parties, report, anyone):
    """The issuer stops paying before there can be a report: it owes the outcome best for holders."""
    accelerated(live, parties)
    assert live.bond.owedAfterAcceleration()[1] == PRINCIPAL + TENTH
    assert live.bond.fixingOf(0)[0]
    mature_report(live, report, 100_000)
    with refuses(live.bond, "KpiBond_WrongState", Bond.ACCELERATED):
        live.bond.fix(0, anyone)  # a low report afterwards takes nothing back


def default_near_the_end(deal, parties, anyone):
    """Two coupons paid, the third not; the KPI period ended 40 days before it fell due. Then the cure
    period passes."""
    pay_coupons(deal, parties, last=1)
    warp(deal.plan.pay_dates[2] + 10 * DAY + 1)
    tx = deal.bond.declareDefault(anyone)
    warp(tx.timestamp + 30 * DAY + 1)


LATE = {"periodEnds": lambda plan: [plan.pay_dates[2] - 40 * DAY], "reportingWindow": 200 * DAY}
HOLDERS = {"dataController": 1, "missing": -TENTH}


@pytest.mark.parametrize("controller", [{}, HOLDERS], ids=["issuer", "holders"])
def test_acceleration_waits_for_a_report_in_the_making(launch, parties, report, anyone, controller):
    """Between the period's end and the settled report nobody may gain by sitting on data; the deadlines
    bound the wait."""
    deal = launch.sell(launch(oracle_overrides=LATE, **controller))
    default_near_the_end(deal, parties, anyone)
    with refuses(deal.oracle, "KpiOracle_NotFinal", deal.feed, 0, Status.NONE):
        deal.bond.accelerate(anyone)
    report(deal, [300_000] * 3)
    with refuses(deal.oracle, "KpiOracle_NotFinal", deal.feed, 0, Status.PENDING):
        deal.bond.accelerate(anyone)
    warp(now() + 14 * DAY)
    tx = deal.bond.accelerate(anyone)
    said(tx, "KpiFixed", fixing=0, kpi=300_000, missing=False, value=0)
    # The coupon is 54 days late; the redemption could not be paid before the report was final.
    said(tx, "BondAccelerated", interestOwed=COUPON, principalOwed=PRINCIPAL, lateOwed=late(COUPON, 54))
    assert plain(deal.oracle.reportOf(deal.feed, 0))[5] is True  # used: no restatement


@pytest.mark.parametrize(
    ("controller", "owed"), [({}, PRINCIPAL + TENTH), (HOLDERS, PRINCIPAL - TENTH)], ids=["issuer", "holders"]
)
def test_silence_until_the_deadline_counts_as_missing(launch, parties, anyone, controller, owed):
    """Whoever controls the data and keeps silent bears the missing outcome, in a default too."""
    deal = launch.sell(launch(oracle_overrides=LATE, **controller))
    default_near_the_end(deal, parties, anyone)
    warp(deal.oracle.periodEndOf(deal.feed, 0) + 214 * DAY + 1)
    tx = deal.bond.accelerate(anyone)
    said(tx, "KpiFixed", fixing=0, kpi=0, missing=True, value=owed - PRINCIPAL)
    assert tx.events["BondAccelerated"]["principalOwed"] == owed


def test_an_issuer_cannot_default_its_way_below_the_principal(launch, parties, anyone):
    """Holders control the data, so a missing report costs them 10 %. But before the period has ended nobody
    can report: the issuer must not get that outcome by skipping a coupon."""
    deal = launch.sell(launch(**HOLDERS))
    accelerated(deal, parties)
    assert deal.bond.owedAfterAcceleration()[1] == PRINCIPAL + TENTH


def test_a_final_report_counts_though_nobody_fixed_it(launch, parties, report, anyone):
    """A holder who accelerates first cannot escape a report that went against holders."""
    deal = launch.sell(launch())
    pay_coupons(deal, parties, last=1)
    mature_report(deal, report, 100_000)
    warp(deal.plan.pay_dates[2] + 10 * DAY + 1)
    tx = deal.bond.declareDefault({"from": parties.investor})
    warp(tx.timestamp + 30 * DAY + 1)
    tx = deal.bond.accelerate({"from": parties.investor})
    overdue = late(COUPON, 40) + late(PRINCIPAL - TENTH, 40)
    said(tx, "BondAccelerated", interestOwed=COUPON, principalOwed=PRINCIPAL - TENTH, lateOwed=overdue)


def test_acceleration_takes_the_carried_dust(launch, parties, issuer, anyone):
    """7 units of 1,000.050 (see the dust test): 3 were carried from the first coupon and are still owed."""
    deal = launch.sell(launch(unit=1_000_050, units=7), investor=7)
    warp(deal.plan.pay_dates[0])
    deal.bond.fund(350_017, issuer)
    deal.bond.payCoupon(anyone)
    warp(deal.plan.pay_dates[1] + 10 * DAY + 1)
    tx = deal.bond.declareDefault(anyone)
    said(tx, "BondDefaulted", period=1, due=350_020 + late(350_017, 10), held=3)
    warp(tx.timestamp + 30 * DAY + 1)
    tx = deal.bond.accelerate(anyone)
    running = 350_017 * (tx.timestamp - deal.plan.pay_dates[1]) // YEAR
    assert tx.events["BondAccelerated"]["interestOwed"] == 350_017 + running + 3


# ---------------------------------------------------------------- recover


def test_recovery_is_pro_rata_and_interest_comes_first(live, parties, issuer, anyone):
    accelerated(live, parties)
    interest, principal, overdue = plain(live.bond.owedAfterAcceleration())
    assert overdue == late(COUPON, 40) == 200 * MILLION
    with refuses(live.bond, "KpiBond_NothingToRecover"):
        live.bond.recover(anyone)
    live.bond.fund(3 * K, issuer)
    interest += overdue
    said(
        live.bond.recover(anyone),
        "Recovered",
        late=overdue,
        interest=3 * K - overdue,
        principal=0,
        paid=3 * K,
    )
    assert claim_all(live, parties.investor, parties.other) == [1_800 * MILLION, 1_200 * MILLION]
    live.bond.fund(10 * K, issuer)
    tx = live.bond.recover(anyone)
    said(tx, "Recovered", late=0, interest=interest - 3 * K, principal=13 * K - interest, paid=10 * K)
    assert claim_all(live, parties.investor, parties.other) == [6 * K, 4 * K]
    assert plain(live.bond.owedAfterAcceleration()) == (0, principal - (13 * K - interest), 0)
    assert live.bond.state() == Bond.ACCELERATED


def test_recovery_in_full_ends_the_bond_and_returns_what_is_over(live, parties, issuer, anyone):
    accelerated(live, parties)
    interest, principal, overdue = plain(live.bond.owedAfterAcceleration())
    interest += overdue
    live.bond.fund(interest + principal + 5 * K, issuer)
    tx = live.bond.recover(anyone)
    share = (interest + principal) // 100 * 100
    assert tx.events["Recovered"]["paid"] == share
    assert live.bond.state() == Bond.REDEEMED
    assert live.token.closed()
    dust = interest + principal - share
    said(live.bond.returnSurplus(anyone), "SurplusReturned", amount=5 * K + dust)
    got = claim_all(live, parties.investor, parties.other)
    assert got == [share * 60 // 100, share * 40 // 100]


def test_recovery_leaves_dust_until_it_can_be_shared(live, parties, issuer, anyone):
    accelerated(live, parties)
    live.bond.fund(199, issuer)
    assert live.bond.recover(anyone).events["Recovered"]["paid"] == 100
    with refuses(live.bond, "KpiBond_NothingToRecover"):
        live.bond.recover(anyone)
    live.bond.fund(1, issuer)
    assert live.bond.recover(anyone).events["Recovered"]["paid"] == 100


def test_recovery_of_less_than_a_minor_unit_per_unit_ends_the_bond(launch, parties, report, issuer, anyone):
    """All of the principal was taken by the outcome, and what interest is left cannot be shared: the claim
    is met."""
    whole = {"shape": 0, "knots": [{"x": 0, "y": -70}, {"x": 1, "y": -70}]}
    early = {"periodEnds": lambda plan: [plan.pay_dates[0] - 100 * DAY]}
    deal = launch(unit=10, units=7, curve=whole, missing=0, oracle_overrides=early)
    launch.sell(deal, investor=7)
    warp(deal.plan.pay_dates[0] - 100 * DAY)
    report(deal, [1, 1, 1])
    warp(deal.plan.pay_dates[0])
    assert deal.bond.fix(0, anyone).return_value == -70
    deal.bond.fund(3, issuer)
    deal.bond.payCoupon(anyone)
    warp(deal.plan.pay_dates[1] + 10 * DAY + 1)
    deal.bond.declareDefault(anyone)
    warp(now() + 30 * DAY + 1)
    deal.bond.accelerate(anyone)
    # 3 carried from the first coupon, 3 of the second, nothing accrued in the 40 days of the third: 6 for 7
    # units.
    assert plain(deal.bond.owedAfterAcceleration()) == (6, 0, 0)
    said(deal.bond.recover(anyone), "Recovered", late=0, interest=0, principal=0, paid=0)
    assert deal.bond.state() == Bond.REDEEMED
    said(deal.bond.returnSurplus(anyone), "SurplusReturned", amount=3)


def test_holders_share_by_units_held_when_money_comes(live, parties, issuer, anyone):
    accelerated(live, parties)
    live.token.transfer(parties.third, 60, {"from": parties.investor})
    live.bond.fund(10 * K, issuer)
    live.bond.recover(anyone)
    assert claim_all(live, parties.investor, parties.other, parties.third) == [0, 4 * K, 6 * K]


# ---------------------------------------------------------------- forbidden transitions

CALLS = [
    "activate",
    "payCoupon",
    "fix",
    "redeem",
    "returnSurplus",
    "declareDefault",
    "cure",
    "accelerate",
    "recover",
]
ARGUMENTS = {"fix": (0,)}
ALLOWED = {
    Bond.OFFERED: {"activate"},  # by the offering; see below
    Bond.ACTIVE: {"payCoupon", "fix", "redeem", "declareDefault"},
    Bond.DEFAULTED: {"fix", "cure", "accelerate"},
    Bond.ACCELERATED: {"recover"},
    Bond.REDEEMED: {"returnSurplus"},
}


@pytest.mark.parametrize("state", list(ALLOWED), ids=lambda s: s.name.lower())
def test_forbidden_transitions(launch, parties, report, issuer, anyone, state):
    deal = launch()
    if state != Bond.OFFERED:
        launch.sell(deal)
    if state == Bond.DEFAULTED:
        default_on_first_coupon(deal, parties)
    if state in (Bond.ACCELERATED, Bond.REDEEMED):
        accelerated(deal, parties)
    if state == Bond.REDEEMED:
        deal.bond.fund(200 * K, issuer)
        deal.bond.recover(anyone)
    assert deal.bond.state() == state
    for call in set(CALLS) - ALLOWED[state]:
        with refuses(deal.bond, "KpiBond_WrongState", state):
            getattr(deal.bond, call)(*ARGUMENTS.get(call, ()), anyone)
    assert deal.bond.state() == state


def test_only_the_offering_activates(launch, parties):
    deal = launch()
    for caller in (parties.issuer, parties.deployer, parties.stranger):
        with refuses(deal.bond, "KpiBond_NotOffering", caller):
            deal.bond.activate({"from": caller})


def test_acceleration_cannot_be_undone(live, parties, issuer, anyone):
    accelerated(live, parties)
    live.bond.fund(500 * K, issuer)
    with refuses(live.bond, "KpiBond_WrongState", Bond.ACCELERATED):
        live.bond.cure(anyone)
    live.bond.recover(anyone)
    assert live.bond.state() == Bond.REDEEMED
