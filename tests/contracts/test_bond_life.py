"""KpiBond.tree: the normal life, with the money of every tier written out."""

from __future__ import annotations

import pytest

from tests.contracts import disputes
from tests.contracts.checks import names, plain, refuses, said
from tests.contracts.clock import next_at, now, warp
from tests.contracts.lives import COUPON, PRINCIPAL, TENTH, K, claim_all, late, mature_report, pay_coupons
from tests.contracts.material import AMOUNT, DAY, INT128_MIN, MILLION, Bond, Status, Verdict, evidence


@pytest.fixture(scope="module")
def issuer(parties):
    return {"from": parties.issuer}


@pytest.fixture(scope="module")
def anyone(parties):
    return {"from": parties.stranger}


def redeem(deal, parties, report, value, funding):
    """All three coupons, the report before the last one, and the redemption funded with `funding`."""
    pay_coupons(deal, parties, last=1)
    mature_report(deal, report, value)
    deal.bond.fix(0, {"from": parties.stranger})
    pay_coupons(deal, parties, first=2)
    deal.bond.fund(funding, {"from": parties.issuer})
    return deal.bond.redeem({"from": parties.stranger})


# ---------------------------------------------------------------- the three tiers and silence


@pytest.mark.parametrize(
    ("value", "outcome", "investor", "other"),
    [
        # coupons 3 x 5,000, principal 100,000, outcome; 60 and 40 of 100 units
        (400_001, +10 * K, 75 * K, 50 * K),
        (400_000, 0, 69 * K, 46 * K),
        (200_000, 0, 69 * K, 46 * K),
        (199_999, -10 * K, 63 * K, 42 * K),
        (-1_000_000, -10 * K, 63 * K, 42 * K),
        (None, +10 * K, 75 * K, 50 * K),  # the issuer controls the data: silence costs it the most
    ],
    ids=["high", "top of middle", "bottom of middle", "low", "lowest", "missing"],
)
def test_tiers_to_the_last_unit(live, parties, report, value, outcome, investor, other):
    """The issuer puts in coupons, principal and the bonus; what the tier does not need goes back to it."""
    before = live.currency.balanceOf(parties.issuer)
    tx = redeem(live, parties, report, value, funding=PRINCIPAL + TENTH)
    said(tx, "BondRedeemed", principal=PRINCIPAL, outcome=outcome, late=0, paid=PRINCIPAL + outcome)
    assert live.bond.state() == Bond.REDEEMED
    assert live.token.closed()
    assert claim_all(live, parties.investor, parties.other) == [investor, other]
    surplus = live.bond.returnSurplus({"from": parties.stranger})
    if outcome != TENTH:
        said(surplus, "SurplusReturned", amount=TENTH - outcome)
    assert before - live.currency.balanceOf(parties.issuer) == 3 * COUPON + PRINCIPAL + outcome
    assert live.currency.balanceOf(live.bond) == 0
    assert live.currency.balanceOf(live.token) == 0


def test_low_tier_needs_only_ninety_percent(live, parties, report):
    """The outcome payment of the holders to the issuer is taken from the redemption, not asked back."""
    tx = redeem(live, parties, report, 100_000, funding=90 * K)
    said(tx, "BondRedeemed", principal=PRINCIPAL, outcome=-TENTH, late=0, paid=90 * K)
    assert claim_all(live, parties.investor) == [3 * 3 * K + 54 * K]


def test_fix_outcome_says_what_it_read(live, parties, report, anyone):
    mature_report(live, report, 500_000)
    tx = live.bond.fix(0, anyone)
    said(tx, "KpiFixed", fixing=0, kpi=500_000, missing=False, value=TENTH)
    assert tx.return_value == TENTH
    assert plain(live.oracle.reportOf(live.feed, 0))[5] is True
    assert live.bond.fixingOf(0)[0]
    assert live.bond.outcomeOf(3) == TENTH


def test_missing_report_is_the_missing_outcome(live, report, anyone):
    mature_report(live, report, None)
    said(live.bond.fix(0, anyone), "KpiFixed", fixing=0, kpi=0, missing=True, value=TENTH)


@pytest.mark.parametrize(
    ("verdict", "value", "missing", "outcome"),
    [
        (Verdict.CORRECTED, 100_000, False, -TENTH),
        (Verdict.VOID, 0, True, TENTH),
        (Verdict.STANDS, 0, False, 0),
    ],
    ids=["corrected", "void", "stands"],
)
def test_what_the_panel_ruled_counts(
    live, parties, report, rule, anyone, base, verdict, value, missing, outcome
):
    """The report said 300,000, the middle tier."""
    warp(live.plan.period_end)
    report(live, [300_000] * 3)
    base.currency.approve(live.oracle, 10 * K, {"from": parties.other})
    disputes.challenge(live, parties.other)
    rule(live, verdict, value)
    kpi = 300_000 if verdict == Verdict.STANDS else value
    said(live.bond.fix(0, anyone), "KpiFixed", fixing=0, kpi=kpi, missing=missing, value=outcome)


def test_one_fixing_only(live, report, anyone):
    mature_report(live, report, 500_000)
    live.bond.fix(0, anyone)
    with refuses(live.bond, "KpiBond_AlreadyFixed", 0):
        live.bond.fix(0, anyone)
    assert live.bond.outcomeOf(3) == TENTH


def test_fix_outcome_waits_for_the_final_report(live, report, anyone):
    with refuses(live.oracle, "KpiOracle_NotFinal", live.feed, 0, Status.NONE):
        live.bond.fix(0, anyone)
    warp(live.plan.period_end)
    report(live, [500_000] * 3, at=now())
    with refuses(live.oracle, "KpiOracle_NotFinal", live.feed, 0, Status.PENDING):
        live.bond.fix(0, anyone)
    assert not live.bond.fixingOf(0)[0]


# ---------------------------------------------------------------- coupons


def test_coupon_is_paid_on_its_date_by_anyone(live, parties, issuer, anyone):
    live.bond.fund(COUPON, issuer)
    due = live.plan.pay_dates[0]
    next_at(due - 1)
    with refuses(live.bond, "KpiBond_NotDue", due):
        live.bond.payCoupon(anyone)
    next_at(due)
    tx = live.bond.payCoupon(anyone)
    said(tx, "CouponPaid", period=0, interest=COUPON, repayment=0, outcome=0, late=0, paid=COUPON)
    assert tx.return_value == COUPON
    assert live.bond.couponsPaid() == 1
    assert claim_all(live, parties.investor, parties.other) == [3 * K, 2 * K]


def test_coupon_refuses_without_money(live, issuer, anyone):
    warp(live.plan.pay_dates[0])
    live.bond.fund(COUPON - 1, issuer)
    with refuses(live.bond, "KpiBond_Underfunded", COUPON, COUPON - 1):
        live.bond.payCoupon(anyone)
    live.bond.fund(1, issuer)
    live.bond.payCoupon(anyone)


def test_overdue_coupons_take_one_call_each(live, issuer, anyone):
    """The money is there at once, so all late interest comes with the first and no more runs."""
    warp(live.plan.pay_dates[2])
    overdue = late(COUPON, 730) + late(COUPON, 365)
    live.bond.fund(3 * COUPON + overdue, issuer)
    for period in range(3):
        warp(now() + 50 * DAY)
        more = overdue if period == 0 else 0
        parts = {"interest": COUPON, "repayment": 0, "outcome": 0, "late": more, "paid": COUPON + more}
        said(live.bond.payCoupon(anyone), "CouponPaid", period=period, **parts)
    with refuses(live.bond, "KpiBond_CouponsOutstanding", 3, 3):
        live.bond.payCoupon(anyone)


def test_next_payment(live, parties, report):
    assert plain(live.bond.nextPayment()) == (live.plan.pay_dates[0], COUPON)
    pay_coupons(live, parties, last=1)
    assert plain(live.bond.nextPayment()) == (live.plan.pay_dates[2], COUPON)
    mature_report(live, report, 500_000)
    live.bond.fix(0, {"from": parties.stranger})
    pay_coupons(live, parties, first=2)
    assert plain(live.bond.nextPayment()) == (live.plan.pay_dates[2], PRINCIPAL + TENTH)
    assert live.bond.principal() == PRINCIPAL


def test_dust_is_carried_to_the_next_payment(launch, parties, report, issuer, anyone):
    """7 units of 1,000.050 (3 decimals shown): principal 7,000,350; 5 % is 350,017.5, so 350,017 falls due
    each year.

    Year 1: 350,017 = 7 x 50,002 + 3. Year 2: 350,020 = 7 x 50,002 + 6. Year 3: 350,023 = 7 x 50,003 + 2.
    Redemption: 7,000,352 = 7 x 1,000,050 + 2, and the 2 go back to the issuer.
    """
    deal = launch.sell(launch(unit=1_000_050, units=7), investor=4, other=3)
    tenth = 7_000_350 // 10
    assert deal.bond.principal() == 7_000_350
    paid = []
    for year in range(2):
        warp(deal.plan.pay_dates[year])
        deal.bond.fund(350_017, issuer)
        paid.append(deal.bond.payCoupon(anyone))
    mature_report(deal, report, 300_000)
    deal.bond.fix(0, anyone)
    warp(deal.plan.pay_dates[2])
    deal.bond.fund(350_016, issuer)
    with refuses(deal.bond, "KpiBond_Underfunded", 350_023, 350_022):
        deal.bond.payCoupon(anyone)  # the dust is part of what must be there
    deal.bond.fund(1, issuer)
    paid.append(deal.bond.payCoupon(anyone))
    for period, (tx, amount) in enumerate(zip(paid, (350_014, 350_014, 350_021), strict=True)):
        said(tx, "CouponPaid", period=period, interest=350_017, repayment=0, outcome=0, late=0, paid=amount)
    deal.bond.fund(7_000_350 + tenth, issuer)
    said(deal.bond.redeem(anyone), "BondRedeemed", principal=7_000_350, outcome=0, late=0, paid=7_000_350)
    per_unit = 50_002 + 50_002 + 50_003 + 1_000_050
    assert claim_all(deal, parties.investor, parties.other) == [4 * per_unit, 3 * per_unit]
    said(deal.bond.returnSurplus(anyone), "SurplusReturned", amount=tenth + 2)


def test_a_coupon_below_one_minor_unit_per_unit_is_carried_whole(launch, parties, issuer, anyone):
    """7 units of 10: 5 % of 70 is 3.5, so 3 fall due and nobody gets anything until they add up to 7."""
    deal = launch.sell(launch(unit=10, units=7), investor=7)
    shares = []
    for year in range(3):
        warp(deal.plan.pay_dates[year])
        deal.bond.fund(3, issuer)
        shares.append(deal.bond.payCoupon(anyone).events["CouponPaid"]["paid"])
    assert shares == [0, 0, 7]
    assert claim_all(deal, parties.investor) == [7]


@pytest.mark.parametrize("decimals", [6, 8, 18])
def test_any_decimals(launch, parties, report, issuer, anyone, TestCurrency, decimals):
    one = 10**decimals
    currency = TestCurrency.deploy("Money", "M", decimals, {"from": parties.deployer})
    for account in (parties.investor, parties.other, parties.issuer):
        currency.mint(account, 10**6 * one, {"from": parties.deployer})
    deal = launch(currency=currency, unit=1_000 * one, oracle_overrides={"challengeBond": one})
    launch.sell(deal)
    before = [currency.balanceOf(a) for a in (parties.investor, parties.other)]
    pay_coupons(deal, parties, last=1, amount=5_000 * one)
    mature_report(deal, report, 400_001)
    deal.bond.fix(0, anyone)
    pay_coupons(deal, parties, first=2, amount=5_000 * one)
    deal.bond.fund(110_000 * one, issuer)
    deal.bond.redeem(anyone)
    claim_all(deal, parties.investor, parties.other)
    after = [currency.balanceOf(a) for a in (parties.investor, parties.other)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [75_000 * one, 50_000 * one]


# ---------------------------------------------------------------- outcome scaled to the units in issue


def test_outcome_scales_with_the_units_sold(launch, parties, report, issuer, anyone):
    """60 of 100 authorised units: principal 60,000, outcome 6,000, coupon 3,000."""
    deal = launch.sell(launch(softCap=50), investor=60)
    pay_coupons(deal, parties, last=1, amount=3 * K)
    mature_report(deal, report, 500_000)
    said(deal.bond.fix(0, anyone), "KpiFixed", fixing=0, kpi=500_000, missing=False, value=10 * K)
    assert deal.bond.outcomeOf(3) == 6 * K
    pay_coupons(deal, parties, first=2, amount=3 * K)
    deal.bond.fund(66 * K, issuer)
    deal.bond.redeem(anyone)
    assert claim_all(deal, parties.investor) == [9 * K + 66 * K]


@pytest.mark.parametrize(("amount", "scaled"), [(10, 0), (-10, -1), (100, 7), (-100, -7)])
def test_scaled_outcome_rounds_against_the_holders(launch, report, anyone, amount, scaled):
    """7 of 100 units: 0.7 becomes 0 and -0.7 becomes -1, toward minus infinity."""
    curve = {"shape": 0, "knots": [{"x": 0, "y": min(amount, 0)}, {"x": 1, "y": amount}]}
    deal = launch.sell(launch(softCap=1, curve=curve, missing=200), investor=7)
    mature_report(deal, report, 5)
    assert deal.bond.fix(0, anyone).return_value == amount
    assert deal.bond.outcomeOf(3) == scaled


def test_linear_outcome(launch, report, anyone):
    """A line from -10,000 at 0.2 to +10,000 at 0.4."""
    curve = {"shape": 1, "knots": [{"x": 200_000, "y": -10 * K}, {"x": 400_000, "y": 10 * K}]}
    deal = launch.sell(launch(curve=curve))
    mature_report(deal, report, 266_667)
    # -10,000 + 20,000 x 66,667 / 200,000 = -3,333.3 exactly
    assert deal.bond.fix(0, anyone).return_value == -3_333_300_000


# ---------------------------------------------------------------- funding, redemption, surplus


def test_fund_by_anyone_and_only_while_it_lives(launch, live, parties, report, base):
    base.currency.approve(live.bond, K, {"from": parties.third})
    said(
        live.bond.fund(K, {"from": parties.third}),
        "BondFunded",
        **{"from": parties.third},
        amount=K,
    )
    offered = launch(termsHash=evidence("another"))
    with refuses(offered.bond, "KpiBond_WrongState", Bond.OFFERED):
        offered.bond.fund(1, {"from": parties.issuer})
    redeem(live, parties, report, 300_000, funding=PRINCIPAL)
    with refuses(live.bond, "KpiBond_WrongState", Bond.REDEEMED):
        live.bond.fund(1, {"from": parties.issuer})


def test_redeem_in_order_only(live, parties, report, issuer, anyone):
    live.bond.fund(3 * COUPON + PRINCIPAL - 1, issuer)
    with refuses(live.bond, "KpiBond_CouponsOutstanding", 0, 3):
        live.bond.redeem(anyone)
    mature_report(live, report, 300_000)
    warp(live.plan.pay_dates[2])
    live.bond.payCoupon(anyone)
    live.bond.payCoupon(anyone)
    with refuses(live.bond, "KpiBond_CouponsOutstanding", 2, 3):
        live.bond.redeem(anyone)
    live.bond.payCoupon(anyone)
    with refuses(live.bond, "KpiBond_NotFixed", 0):
        live.bond.redeem(anyone)
    live.bond.fix(0, anyone)
    with refuses(live.bond, "KpiBond_Underfunded", PRINCIPAL, PRINCIPAL - 1):
        live.bond.redeem(anyone)
    live.bond.fund(1, issuer)
    live.bond.redeem(anyone)


def test_nobody_can_withdraw_before_redemption(live, parties, report, issuer):
    live.bond.fund(500 * K, issuer)
    for caller in (parties.issuer, parties.agent, parties.deployer, parties.investor, parties.stranger):
        with refuses(live.bond, "KpiBond_WrongState", Bond.ACTIVE):
            live.bond.returnSurplus({"from": caller})
    warp(live.plan.pay_dates[0] + 11 * DAY)
    with refuses(live.bond, "KpiBond_Funded", COUPON, 500 * K):
        live.bond.declareDefault(issuer)  # a default is no way to the money either
    assert live.currency.balanceOf(live.bond) == 500 * K


def test_surplus_goes_to_the_issuer_whoever_calls_and_once(live, parties, report):
    redeem(live, parties, report, 300_000, funding=PRINCIPAL + 7)
    before = live.currency.balanceOf(parties.issuer)
    said(live.bond.returnSurplus({"from": parties.stranger}), "SurplusReturned", amount=7)
    assert live.currency.balanceOf(parties.issuer) - before == 7
    again = live.bond.returnSurplus({"from": parties.stranger})
    assert (again.return_value, names(again)) == (0, [])


def test_units_sold_after_a_coupon_carry_no_claim_on_it(live, parties, issuer, anyone):
    pay_coupons(live, parties, last=0)
    live.token.transfer(parties.third, 60, {"from": parties.investor})
    assert claim_all(live, parties.investor, parties.other, parties.third) == [3 * K, 2 * K, 0]
    pay_coupons(live, parties, first=1, last=1)
    assert claim_all(live, parties.investor, parties.other, parties.third) == [0, 2 * K, 3 * K]


def test_terms_are_kept_as_given(live, parties, base):
    terms = live.bond.terms().dict()
    assert (terms["issuer"], terms["token"], terms["offering"]) == (parties.issuer, live.token, live.offering)
    assert (terms["rate"], terms["unitPrincipal"], terms["authorisedUnits"]) == (5 * 10**16, K, 100)
    dates = live.plan.pay_dates
    *_, periods, fixings, notice, calls, consents = plain(live.bond.terms())
    assert (notice, calls, consents) == (0, (), "0x" + "0" * 40)
    assert periods == ((dates[0], 1, 1, 0, 0), (dates[1], 1, 1, 0, 0), (dates[2], 1, 1, K, 0))
    (fixing,) = fixings
    assert fixing[:6] == ("0x" + bytes(live.feed).hex(), 0, AMOUNT, 2, 2, 10_000 * MILLION)
    assert fixing[6] == (0, ((INT128_MIN, -TENTH), (200_000, 0), (400_001, TENTH)))
