"""KpiBond.tree beyond the bullet: fixed bonds, repayments, coupon steps, amounts before maturity, two KPIs.

100 units of 1,000 at 5 %, three annual coupons; every amount is written out by hand.
"""

from __future__ import annotations

import pytest

from tests.contracts import disputes
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
)
from tests.contracts.material import AMOUNT, DAY, RATE, Bond, Status, Verdict, bullet, fixing, step

YEAR = 365 * DAY
BASIS_POINT = 10**14
UP = 25 * BASIS_POINT  # on 100,000: 250 a year
HOLDERS = {"dataController": 1}
# 25 basis points more unless the KPI reaches 0.2.
STEP_UP = step((-(2**127), UP), (200_000, 0))


@pytest.fixture(scope="module")
def anyone(parties):
    return {"from": parties.stranger}


def measured_before(*payments: int) -> dict:
    """Measurement periods that end 100 days before these payments."""
    return {"periodEnds": lambda plan: [plan.pay_dates[i] - 100 * DAY for i in payments]}


def pay(deal, parties, payment: int, amount: int):
    """Fund exactly `amount` on the pay date and pay."""
    warp(max(now(), deal.plan.pay_dates[payment]))
    deal.bond.fund(amount, {"from": parties.issuer})
    return deal.bond.payCoupon({"from": parties.stranger})


def settle(deal, report, value: int | None, period: int = 0):
    """The report on a measurement period, or its absence, becomes final."""
    end = deal.oracle.periodEndOf(deal.feed, period)
    if value is None:
        warp(end + 59 * DAY + 1)
        return
    warp(end)
    report(deal, [value] * 3, at=now(), period=period)
    warp(now() + 14 * DAY)


# ---------------------------------------------------------------- no KPI


@pytest.fixture(scope="module")
def fixed(launch):
    """A fixed bond: nothing to report, no feed."""
    return launch.sell(launch(fixings=[], oraclePolicies=[]))


def test_a_fixed_bond_has_no_feed_and_waits_for_nothing(fixed, parties, base, anyone):
    assert fixed.feeds == []
    for payment in range(3):
        tx = pay(fixed, parties, payment, COUPON)
        said(tx, "CouponPaid", period=payment, interest=COUPON, repayment=0, outcome=0, late=0, paid=COUPON)
    fixed.bond.fund(PRINCIPAL, {"from": parties.issuer})
    said(fixed.bond.redeem(anyone), "BondRedeemed", principal=PRINCIPAL, outcome=0, late=0, paid=PRINCIPAL)
    assert claim_all(fixed, parties.investor, parties.other) == [69 * K, 46 * K]
    assert fixed.bond.principal() == 0


def test_a_fixed_bond_has_nothing_to_fix(fixed, anyone):
    with refuses(fixed.bond, "KpiBond_UnknownFixing", 0):
        fixed.bond.fix(0, anyone)
    with refuses(fixed.bond, "KpiBond_UnknownFixing", 0):
        fixed.bond.fixingOf(0)


def test_acceleration_of_a_fixed_bond(fixed, parties):
    tx = accelerated(fixed, parties)
    accrued = COUPON * (tx.timestamp - fixed.plan.pay_dates[0]) // YEAR
    overdue = late(COUPON, days_late(fixed, tx))
    said(tx, "BondAccelerated", interestOwed=COUPON + accrued, principalOwed=PRINCIPAL, lateOwed=overdue)


# ---------------------------------------------------------------- rates by the terms


def test_a_coupon_that_steps_by_the_terms_alone(launch, parties, anyone):
    """5 %, then 6.5 %, then 4 % on 100,000, with no report and nothing to fix."""
    steps = (0, 15 * 10**15, -(10**16))

    def periods(plan):
        years = bullet(plan.unit, *plan.pay_dates)
        return [year | {"step": each} for year, each in zip(years, steps, strict=True)]

    deal = launch.sell(launch(periods=periods, fixings=[], oraclePolicies=[]))
    for payment, interest in enumerate((5_000, 6_500, 4_000)):
        amount = interest * 10**6
        assert deal.bond.rateOf(payment) == interest * 10**13
        assert plain(deal.bond.nextPayment()) == (deal.plan.pay_dates[payment], amount)
        tx = pay(deal, parties, payment, amount)
        said(tx, "CouponPaid", period=payment, interest=amount, repayment=0, outcome=0, late=0, paid=amount)
    deal.bond.fund(PRINCIPAL, {"from": parties.issuer})
    deal.bond.redeem(anyone)
    assert claim_all(deal, parties.investor, parties.other) == [69_300 * 10**6, 46_200 * 10**6]


# ---------------------------------------------------------------- repayments


@pytest.fixture(scope="module")
def amortising(launch):
    """A quarter is repaid after the first year, a quarter after the second, half at maturity."""

    def periods(plan):
        years = bullet(0, *plan.pay_dates)
        return [
            year | {"repayment": part * plan.unit // 4} for year, part in zip(years, (1, 1, 2), strict=True)
        ]

    return launch.sell(launch(periods=periods, fixings=[], oraclePolicies=[]))


def test_repaid_principal_bears_no_more_interest(amortising, parties, anyone):
    for payment, (interest, left) in enumerate(((5_000, 75 * K), (3_750, 50 * K))):
        amount = interest * 10**6 + 25 * K
        assert plain(amortising.bond.nextPayment()) == (amortising.plan.pay_dates[payment], amount)
        tx = pay(amortising, parties, payment, amount)
        parts = {"interest": interest * 10**6, "repayment": 25 * K, "outcome": 0, "paid": amount}
        said(tx, "CouponPaid", period=payment, late=0, **parts)
        assert amortising.bond.principal() == left
    last = 2_500 * 10**6
    tx = pay(amortising, parties, 2, last)  # the last repayment is the redemption
    said(tx, "CouponPaid", period=2, interest=last, repayment=0, outcome=0, late=0, paid=last)
    assert plain(amortising.bond.nextPayment()) == (amortising.plan.pay_dates[2], 50 * K)
    amortising.bond.fund(50 * K, {"from": parties.issuer})
    said(amortising.bond.redeem(anyone), "BondRedeemed", principal=50 * K, outcome=0, late=0, paid=50 * K)
    # 111,250 in all, 60 and 40 of 100 units.
    assert claim_all(amortising, parties.investor, parties.other) == [66_750 * 10**6, 44_500 * 10**6]


def test_a_repayment_that_is_not_there_is_a_default(amortising, parties, anyone):
    warp(amortising.plan.pay_dates[0] + 10 * DAY + 1)
    amortising.bond.fund(30 * K - 1, {"from": parties.issuer})  # the interest alone is not enough
    due = 30 * K + late(30 * K, 10)
    with refuses(amortising.bond, "KpiBond_Underfunded", due, 30 * K - 1):
        amortising.bond.payCoupon(anyone)
    said(amortising.bond.declareDefault(anyone), "BondDefaulted", period=0, due=due, held=30 * K - 1)
    with refuses(amortising.bond, "KpiBond_Underfunded", due, 30 * K - 1):
        amortising.bond.cure(anyone)
    amortising.bond.fund(due - 30 * K + 1, {"from": parties.issuer})
    amortising.bond.cure(anyone)
    assert amortising.bond.payCoupon(anyone).return_value == due


def test_arrears_of_two_years_follow_the_schedule(amortising, parties, anyone):
    """5,000 + 25,000 and 3,750 + 25,000: the coupon is the schedule's, and late interest comes with the first
    payment: a thousandth a day of 30,000 for a year."""
    warp(amortising.plan.pay_dates[1] - 20 * DAY)
    amortising.bond.declareDefault(anyone)
    warp(amortising.plan.pay_dates[1])
    due = 58_750 * 10**6 + late(30 * K, 365)
    amortising.bond.fund(due - 1, {"from": parties.issuer})
    with refuses(amortising.bond, "KpiBond_Underfunded", due, due - 1):
        amortising.bond.cure(anyone)
    amortising.bond.fund(1, {"from": parties.issuer})
    amortising.bond.cure(anyone)
    paid = [amortising.bond.payCoupon(anyone).return_value for _ in range(2)]
    assert paid == [30 * K + 10_950 * 10**6, 28_750 * 10**6]


def test_arrears_after_maturity_are_everything_that_is_left(amortising, parties, anyone):
    """After the first payment: 3,750 + 25,000, then 2,500 and 50,000."""
    pay(amortising, parties, 0, 30 * K)
    warp(amortising.plan.pay_dates[2] - DAY)
    amortising.bond.declareDefault(anyone)
    warp(amortising.plan.pay_dates[2])
    due = 81_250 * 10**6 + late(28_750 * 10**6, 365)
    with refuses(amortising.bond, "KpiBond_Underfunded", due, 0):
        amortising.bond.cure(anyone)


def test_acceleration_makes_the_unpaid_principal_due(amortising, parties):
    """Interest of the running year accrues on what the schedule leaves, three quarters."""
    tx = accelerated(amortising, parties)
    accrued = 3_750 * 10**6 * (tx.timestamp - amortising.plan.pay_dates[0]) // YEAR
    overdue = late(30 * K, 40)
    said(tx, "BondAccelerated", interestOwed=COUPON + accrued, principalOwed=PRINCIPAL, lateOwed=overdue)


def test_acceleration_after_a_repayment(amortising, parties, anyone):
    pay(amortising, parties, 0, 30 * K)
    warp(amortising.plan.pay_dates[1] + 10 * DAY + 1)
    tx = amortising.bond.declareDefault(anyone)
    warp(tx.timestamp + 30 * DAY + 1)
    tx = amortising.bond.accelerate(anyone)
    accrued = 2_500 * 10**6 * (tx.timestamp - amortising.plan.pay_dates[1]) // YEAR
    overdue = late(28_750 * 10**6, 40)
    said(tx, "BondAccelerated", interestOwed=3_750 * 10**6 + accrued, principalOwed=75 * K, lateOwed=overdue)


# ---------------------------------------------------------------- coupon steps


@pytest.fixture(scope="module")
def step_up(launch):
    """step_up(**changes): the second and third coupon step up by 25 basis points unless a report before
    the second one reaches 0.2; silence costs the issuer the step."""

    def make(**changes):
        rule = fixing(RATE, 1, 2, STEP_UP, changes.pop("missing", UP))
        measured = changes.pop("measured", measured_before(1))
        return launch.sell(launch(fixings=[rule], oracle_overrides=measured, **changes))

    return make


@pytest.fixture(scope="module")
def stepping(step_up):
    return step_up()


@pytest.mark.parametrize(
    ("value", "coupon"), [(199_999, 5_250), (200_000, 5_000), (None, 5_250)], ids=["missed", "met", "silent"]
)
def test_a_missed_target_steps_the_coupon_up(stepping, parties, report, anyone, value, coupon):
    pay(stepping, parties, 0, COUPON)  # bent by nothing, so it waits for nothing
    settle(stepping, report, value)
    tx = stepping.bond.fix(0, anyone)
    up = UP if coupon > 5_000 else 0
    said(tx, "KpiFixed", fixing=0, kpi=value or 0, missing=value is None, value=up)
    assert [stepping.bond.rateOf(i) for i in range(3)] == [5 * 10**16, 5 * 10**16 + up, 5 * 10**16 + up]
    for payment in (1, 2):
        interest = coupon * 10**6
        tx = pay(stepping, parties, payment, interest)
        parts = {"interest": interest, "repayment": 0, "outcome": 0, "late": 0, "paid": interest}
        said(tx, "CouponPaid", period=payment, **parts)
    stepping.bond.fund(PRINCIPAL, {"from": parties.issuer})
    said(stepping.bond.redeem(anyone), "BondRedeemed", principal=PRINCIPAL, outcome=0, late=0, paid=PRINCIPAL)


def test_silence_does_not_pay_holders_who_control_the_data(step_up, report, anyone):
    deal = step_up(missing=0, **HOLDERS)
    settle(deal, report, None)
    said(deal.bond.fix(0, anyone), "KpiFixed", fixing=0, kpi=0, missing=True, value=0)


@pytest.mark.parametrize(
    ("verdict", "value", "up"),
    [(Verdict.CORRECTED, 100_000, UP), (Verdict.VOID, 0, UP), (Verdict.STANDS, 0, 0)],
    ids=["corrected", "void", "stands"],
)
def test_what_the_panel_ruled_steps_the_coupon(stepping, parties, report, rule, anyone, verdict, value, up):
    """The report said 300,000, target met."""
    warp(stepping.oracle.periodEndOf(stepping.feed, 0))
    report(stepping, [300_000] * 3)
    stepping.currency.approve(stepping.oracle, 10 * K, {"from": parties.other})
    disputes.challenge(stepping, parties.other)
    with refuses(stepping.oracle, "KpiOracle_NotFinal", stepping.feed, 0, Status.CHALLENGED):
        stepping.bond.fix(0, anyone)
    rule(stepping, verdict, value)
    stepping.bond.fix(0, anyone)
    assert plain(stepping.bond.fixingOf(0)) == (True, up)
    assert stepping.bond.rateOf(1) == 5 * 10**16 + up


def test_a_bent_coupon_waits_for_its_fixing(stepping, parties, report, anyone):
    """Neither paid nor in default while it is open what it is; afterwards both can be."""
    pay(stepping, parties, 0, COUPON)
    warp(stepping.plan.pay_dates[1] + 10 * DAY + 1)
    for call in (stepping.bond.payCoupon, stepping.bond.declareDefault, stepping.bond.nextPayment):
        with refuses(stepping.bond, "KpiBond_NotFixed", 0):
            call(anyone)
    with refuses(stepping.bond, "KpiBond_NotFixed", 0):
        stepping.bond.rateOf(1)
    assert plain(stepping.bond.fixingOf(0)) == (False, 0)
    stepping.bond.fix(0, anyone)  # nobody reported
    due = 5_250 * 10**6 + late(5_250 * 10**6, 10)
    said(stepping.bond.declareDefault(anyone), "BondDefaulted", period=1, due=due, held=0)


@pytest.fixture(scope="module")
def ratchet(launch):
    """Each of two years' reports moves all coupons from the next one on: 0.5 % up below 0.2, 0.5 % down
    from 0.4."""
    curve = step((-(2**127), 50 * BASIS_POINT), (200_000, 0), (400_000, -50 * BASIS_POINT))
    fixings = [fixing(RATE, year + 1, 2, curve, 50 * BASIS_POINT, kpiPeriod=year) for year in (0, 1)]
    return launch.sell(launch(fixings=fixings, oracle_overrides=measured_before(1, 2)))


@pytest.mark.parametrize(
    ("first", "second", "coupons"),
    [
        (100_000, 100_000, (5_000, 5_500, 6_000)),
        (100_000, 500_000, (5_000, 5_500, 5_000)),
        (500_000, 500_000, (5_000, 4_500, 4_000)),
        (500_000, None, (5_000, 4_500, 5_000)),
        (None, None, (5_000, 5_500, 6_000)),
    ],
)
def test_a_ratchet_adds_up_over_the_years(ratchet, parties, report, anyone, first, second, coupons):
    pay(ratchet, parties, 0, COUPON)
    settle(ratchet, report, first)
    ratchet.bond.fix(0, anyone)
    assert pay(ratchet, parties, 1, coupons[1] * 10**6).return_value == coupons[1] * 10**6
    settle(ratchet, report, second, period=1)
    ratchet.bond.fix(1, anyone)
    assert pay(ratchet, parties, 2, coupons[2] * 10**6).return_value == coupons[2] * 10**6
    # 60 of 100 units.
    assert claim_all(ratchet, parties.investor) == [sum(coupons) * 10**6 * 60 // 100]


def test_fixings_may_come_in_any_order(ratchet, report, anyone):
    settle(ratchet, report, 100_000)
    settle(ratchet, report, 500_000, period=1)
    ratchet.bond.fix(1, anyone)
    with refuses(ratchet.bond, "KpiBond_NotFixed", 0):
        ratchet.bond.rateOf(2)
    ratchet.bond.fix(0, anyone)
    assert ratchet.bond.rateOf(2) == 5 * 10**16


# ---------------------------------------------------------------- coupon steps in a default


def test_acceleration_before_the_report_takes_the_step_best_for_holders(stepping, parties):
    """The first coupon is not paid; in the second, running year the target is still open."""
    tx = accelerated(stepping, parties)
    accrued = 5_250 * 10**6 * (tx.timestamp - stepping.plan.pay_dates[0]) // YEAR
    overdue = late(COUPON, days_late(stepping, tx))
    said(tx, "BondAccelerated", interestOwed=COUPON + accrued, principalOwed=PRINCIPAL, lateOwed=overdue)
    assert plain(stepping.bond.fixingOf(0)) == (True, UP)


def test_an_issuer_cannot_default_its_way_round_a_step(step_up, parties):
    """Also where a missing report would cost holders the step, because they control the data."""
    deal = step_up(missing=0, **HOLDERS)
    tx = accelerated(deal, parties)
    accrued = 5_250 * 10**6 * (tx.timestamp - deal.plan.pay_dates[0]) // YEAR
    overdue = late(COUPON, days_late(deal, tx))
    said(tx, "BondAccelerated", interestOwed=COUPON + accrued, principalOwed=PRINCIPAL, lateOwed=overdue)


def test_steps_of_coupons_that_never_fall_due_do_not_matter(ratchet, parties):
    """In the second year only the first report's change applies, best for holders; the other stays open."""
    tx = accelerated(ratchet, parties)
    accrued = 5_500 * 10**6 * (tx.timestamp - ratchet.plan.pay_dates[0]) // YEAR
    overdue = late(COUPON, days_late(ratchet, tx))
    said(tx, "BondAccelerated", interestOwed=COUPON + accrued, principalOwed=PRINCIPAL, lateOwed=overdue)
    assert plain(ratchet.bond.fixingOf(0)) == (True, 50 * BASIS_POINT)
    assert plain(ratchet.bond.fixingOf(1)) == (False, 0)


IN_GRACE = {"periodEnds": lambda plan: [plan.pay_dates[0] + 5 * DAY]}
"""The measurement ends in the grace period of the coupon that is missed."""


def default_on_the_first_coupon(deal, anyone):
    warp(deal.plan.pay_dates[0] + 10 * DAY + 1)
    tx = deal.bond.declareDefault(anyone)
    warp(tx.timestamp + 30 * DAY + 1)


def days_late(deal, tx):
    return (tx.timestamp - deal.plan.pay_dates[0]) // DAY


@pytest.mark.parametrize("controller", [{}, {"missing": 0, **HOLDERS}], ids=["issuer", "holders"])
def test_acceleration_waits_for_a_step_in_the_making(step_up, parties, report, anyone, controller):
    deal = step_up(measured=IN_GRACE, **controller)
    default_on_the_first_coupon(deal, anyone)
    with refuses(deal.oracle, "KpiOracle_NotFinal", deal.feed, 0, Status.NONE):
        deal.bond.accelerate(anyone)
    report(deal, [200_000] * 3)  # the target is met
    with refuses(deal.oracle, "KpiOracle_NotFinal", deal.feed, 0, Status.PENDING):
        deal.bond.accelerate(anyone)
    warp(now() + 14 * DAY)
    tx = deal.bond.accelerate(anyone)
    said(tx, "KpiFixed", fixing=0, kpi=200_000, missing=False, value=0)
    accrued = COUPON * (tx.timestamp - deal.plan.pay_dates[0]) // YEAR
    overdue = late(COUPON, days_late(deal, tx))
    said(tx, "BondAccelerated", interestOwed=COUPON + accrued, principalOwed=PRINCIPAL, lateOwed=overdue)


@pytest.mark.parametrize(
    ("controller", "coupon"), [({}, 5_250), ({"missing": 0, **HOLDERS}, 5_000)], ids=["issuer", "holders"]
)
def test_silence_counts_as_missing_in_a_default_too(step_up, parties, anyone, controller, coupon):
    deal = step_up(measured=IN_GRACE, **controller)
    default_on_the_first_coupon(deal, anyone)
    warp(deal.oracle.periodEndOf(deal.feed, 0) + 59 * DAY + 1)
    tx = deal.bond.accelerate(anyone)
    accrued = coupon * 10**6 * (tx.timestamp - deal.plan.pay_dates[0]) // YEAR
    overdue = late(COUPON, days_late(deal, tx))
    said(tx, "BondAccelerated", interestOwed=COUPON + accrued, principalOwed=PRINCIPAL, lateOwed=overdue)


def test_a_cure_needs_the_steps_of_what_is_due(stepping, parties, anyone):
    warp(stepping.plan.pay_dates[1] - 10 * DAY)
    stepping.bond.declareDefault(anyone)
    warp(stepping.plan.pay_dates[1])
    due = COUPON + 5_250 * 10**6 + late(COUPON, 365)
    stepping.bond.fund(due - 1, {"from": parties.issuer})
    with refuses(stepping.bond, "KpiBond_NotFixed", 0):
        stepping.bond.cure(anyone)
    stepping.bond.fix(0, anyone)  # nobody reported; also while in default
    with refuses(stepping.bond, "KpiBond_Underfunded", due, due - 1):
        stepping.bond.cure(anyone)
    stepping.bond.fund(1, {"from": parties.issuer})
    stepping.bond.cure(anyone)
    paid = [stepping.bond.payCoupon(anyone).return_value for _ in range(2)]
    assert paid == [COUPON + 1_825 * 10**6, 5_250 * 10**6]


def test_a_report_in_the_making_keeps_no_money_from_curing(step_up, parties, report, anyone):
    """Who declares a default just before a coupon begins to wait for its report gains nothing: what could be
    paid by now is all that a cure takes. The coupon has its own grace period from its final report on."""
    deal = step_up(measured={"periodEnds": lambda plan: [plan.pay_dates[1] - 5 * DAY]})
    warp(deal.plan.pay_dates[1] - 10 * DAY)
    deal.bond.declareDefault(anyone)
    next_at(deal.plan.pay_dates[1] + DAY)
    due = COUPON + late(COUPON, 366)
    deal.bond.fund(due - 1, {"from": parties.issuer})
    with refuses(deal.bond, "KpiBond_Underfunded", due, due - 1):
        deal.bond.cure(anyone)
    deal.bond.fund(1, {"from": parties.issuer})
    deal.bond.cure(anyone)
    assert deal.bond.state() == Bond.ACTIVE
    assert deal.bond.payCoupon(anyone).return_value == due
    report(deal, [200_000] * 3)
    final = now() + 14 * DAY
    warp(final)
    deal.bond.fix(0, anyone)
    until = deal.oracle.reportOf(deal.feed, 0)["finalAt"] + 10 * DAY
    next_at(until)
    with refuses(deal.bond, "KpiBond_InGrace", until):
        deal.bond.declareDefault(anyone)


# ---------------------------------------------------------------- amounts before maturity


@pytest.fixture(scope="module")
def dated(launch):
    """10,000 with the second coupon if the KPI reaches 0.2, or nobody reports."""
    rule = fixing(AMOUNT, 1, 1, step((0, 0), (200_000, TENTH)), TENTH)
    return launch.sell(launch(fixings=[rule], oracle_overrides=measured_before(1)))


@pytest.mark.parametrize(("value", "amount"), [(199_999, 0), (200_000, TENTH), (None, TENTH)])
def test_an_amount_is_paid_with_its_coupon(dated, parties, report, anyone, value, amount):
    pay(dated, parties, 0, COUPON)
    settle(dated, report, value)
    with refuses(dated.bond, "KpiBond_NotFixed", 0):
        dated.bond.outcomeOf(1)
    dated.bond.fix(0, anyone)
    assert [dated.bond.outcomeOf(i) for i in range(4)] == [0, amount, 0, 0]
    due = COUPON + amount
    assert plain(dated.bond.nextPayment()) == (dated.plan.pay_dates[1], due)
    tx = pay(dated, parties, 1, due)
    said(tx, "CouponPaid", period=1, interest=COUPON, repayment=0, outcome=amount, late=0, paid=due)
    pay(dated, parties, 2, COUPON)
    dated.bond.fund(PRINCIPAL, {"from": parties.issuer})
    said(dated.bond.redeem(anyone), "BondRedeemed", principal=PRINCIPAL, outcome=0, late=0, paid=PRINCIPAL)
    assert claim_all(dated, parties.other) == [(3 * COUPON + amount + PRINCIPAL) * 40 // 100]


def test_acceleration_makes_an_unpaid_amount_due(dated, parties):
    tx = accelerated(dated, parties)
    assert tx.events["BondAccelerated"]["principalOwed"] == PRINCIPAL + TENTH  # the best, it was still open


def test_acceleration_does_not_pay_an_amount_twice(dated, parties, report, anyone):
    pay(dated, parties, 0, COUPON)
    settle(dated, report, 200_000)
    dated.bond.fix(0, anyone)
    pay(dated, parties, 1, COUPON + TENTH)
    warp(dated.plan.pay_dates[2] + 10 * DAY + 1)
    tx = dated.bond.declareDefault(anyone)
    warp(tx.timestamp + 30 * DAY + 1)
    tx = dated.bond.accelerate(anyone)
    overdue = late(COUPON, 40) + late(PRINCIPAL, 40)
    said(tx, "BondAccelerated", interestOwed=COUPON, principalOwed=PRINCIPAL, lateOwed=overdue)


def test_a_cure_takes_the_amount_that_is_due(dated, parties, report, anyone):
    settle(dated, report, 200_000)
    dated.bond.fix(0, anyone)
    warp(dated.plan.pay_dates[1] - 10 * DAY)
    default = dated.bond.declareDefault(anyone)
    # The amount is not due yet.
    said(default, "BondDefaulted", period=0, due=COUPON + late(COUPON, 355), held=0)
    due = 2 * COUPON + TENTH + late(COUPON, 355)
    dated.bond.fund(due - 1, {"from": parties.issuer})  # enough for the coupon, which bears no more
    warp(dated.plan.pay_dates[1])
    with refuses(dated.bond, "KpiBond_Underfunded", due, due - 1):
        dated.bond.cure(anyone)


# ---------------------------------------------------------------- several KPIs, everything together


@pytest.fixture(scope="module")
def both(launch, plan_of):
    """Two KPIs: energy steps the coupons after the first, water is paid at maturity and may take."""
    kpis = [name.ljust(32, b"\0") for name in (b"energy", b"water")]
    plan = plan_of()
    ends = [lambda p: p.pay_dates[1] - 100 * DAY, lambda p: p.pay_dates[2] - 100 * DAY]

    def policies(plan):
        return [
            plan.oracle_policy() | {"kpi": kpi, "periodEnds": [end(plan)]}
            for kpi, end in zip(kpis, ends, strict=True)
        ]

    water = step((-(2**127), -TENTH), (0, TENTH))
    fixings = [
        fixing(AMOUNT, 2, 2, water, TENTH, feed=kpis[1]),
        fixing(RATE, 1, 2, STEP_UP, UP, feed=kpis[0]),
    ]
    assert plan.units == 100
    return launch.sell(launch(oraclePolicies=policies, fixings=fixings))


def test_each_fixing_goes_by_the_report_of_its_own_kpi(both, parties, report, base, anyone):
    energy, water = both.feeds
    assert [plain(base.oracle.configOf(f))[1][2:14] for f in both.feeds] == [
        b"energy".hex(),
        b"water\0".hex(),
    ]
    assert [row[0] for row in plain(both.bond.terms())[-4]] == [
        "0x" + bytes(f).hex() for f in (water, energy)
    ]
    pay(both, parties, 0, COUPON)
    warp(base.oracle.periodEndOf(energy, 0))
    report(both, [100_000] * 3, at=now())  # energy, the first feed: missed
    warp(now() + 14 * DAY)
    with refuses(base.oracle, "KpiOracle_NotFinal", water, 0, Status.NONE):
        both.bond.fix(0, anyone)
    both.bond.fix(1, anyone)
    pay(both, parties, 1, 5_250 * 10**6)
    both.feed = water
    warp(base.oracle.periodEndOf(water, 0))
    report(both, [-1] * 3, at=now())
    warp(now() + 14 * DAY)
    pay(both, parties, 2, 5_250 * 10**6)  # does not wait for what only the redemption needs
    with refuses(both.bond, "KpiBond_NotFixed", 0):
        both.bond.redeem(anyone)
    both.bond.fix(0, anyone)
    both.bond.fund(90 * K, {"from": parties.issuer})
    said(both.bond.redeem(anyone), "BondRedeemed", principal=PRINCIPAL, outcome=-TENTH, late=0, paid=90 * K)
    both.feed = energy


def test_acceleration_takes_each_report_by_when_it_was_measured(both, parties, report, base, anyone):
    """Energy (target met) before the default, water after it: no step, and the amount best for holders."""
    pay(both, parties, 0, COUPON)
    warp(base.oracle.periodEndOf(both.feed, 0))
    report(both, [300_000] * 3, at=now())
    warp(both.plan.pay_dates[1] + 10 * DAY + 1)
    both.bond.fix(1, anyone)
    tx = both.bond.declareDefault(anyone)
    warp(tx.timestamp + 30 * DAY + 1)
    tx = both.bond.accelerate(anyone)
    accrued = COUPON * (tx.timestamp - both.plan.pay_dates[1]) // YEAR
    owed = {"interestOwed": COUPON + accrued, "principalOwed": PRINCIPAL + TENTH}
    said(tx, "BondAccelerated", lateOwed=late(COUPON, 40), **owed)
    assert plain(both.bond.fixingOf(0)) == (True, TENTH)
    with refuses(both.bond, "KpiBond_WrongState", Bond.ACCELERATED):
        both.bond.fix(0, anyone)


def test_default_on_first_coupon_needs_no_report(both, parties):
    default_on_first_coupon(both, parties)
    assert both.bond.state() == Bond.DEFAULTED
