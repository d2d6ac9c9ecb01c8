"""Terms of loans and bonds that the published cases leave out; expected values are worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from finance.actus import Observed
from tests.finance.actus_contracts import day, paid, run, seen, series

YEARLY = {"cycleOfInterestPayment": "P1YL1"}


def rates_of(found: list[Any]) -> list[float]:
    return [round(flow.state.Ipnr, 12) for flow in found if flow.type in ("RR", "RRF")]


RESETS: dict[str, Any] = {
    "cycleAnchorDateOfRateReset": "2020-07-01",
    "cycleOfRateReset": "P6ML1",
    "marketObjectCodeOfRateReset": "LIBOR",
    "rateSpread": "0.01",
    "rateMultiplier": "2",
}
LIBOR = series("LIBOR", ("2020-07-01", 0.05), ("2021-01-01", 0.01), ("2021-07-01", 0.03))


@pytest.mark.parametrize(
    ("bounds", "rates"),
    [
        ({}, [0.11, 0.03, 0.07]),
        ({"lifeCap": "0.09", "lifeFloor": "0.04"}, [0.09, 0.04, 0.07]),
        ({"periodCap": "0.02", "periodFloor": "-0.03"}, [0.08, 0.05, 0.07]),
        ({"periodCap": "0.02", "periodFloor": "0.03"}, [0.08, 0.05, 0.07]),
        ({"periodCap": "0.02", "lifeCap": "0.075"}, [0.075, 0.03, 0.05]),
        ({"nextResetRate": "0.055"}, [0.055, 0.03, 0.07]),
    ],
)
def test_rate_resets_and_their_bounds(bounds: dict[str, str], rates: list[float]) -> None:
    assert rates_of(run("PAM", seen(LIBOR), **RESETS, **bounds)) == rates


def test_absolute_fee_is_paid_and_accrues_in_proportion() -> None:
    found = run("PAM", feeRate="12", feeBasis="A", cycleOfFee="P1YL1")
    assert paid(found, "FP") == [("FP", "2021-01-01", 12.0), ("FP", "2022-01-01", 12.0)]
    halves = [flow.state.Feac for flow in found if flow.type == "IP"]
    assert halves == pytest.approx([6.0, 0.0, 6.0, 0.0])


def test_fee_on_the_principal() -> None:
    found = run("PAM", feeRate="0.01", feeBasis="N", cycleOfFee="P1YL1")
    assert paid(found, "FP") == [("FP", "2021-01-01", 10.0), ("FP", "2022-01-01", 10.0)]
    half = next(flow for flow in found if flow.time == day("2020-07-01"))
    assert half.state.Feac == pytest.approx(5.0)


def test_scaling_by_an_index() -> None:
    index = series("CPI", ("2021-01-01", 110.0))
    scaled = {
        "cycleAnchorDateOfScalingIndex": "2021-01-01", "cycleOfScalingIndex": "P1YL1",
        "marketObjectCodeOfScalingIndex": "CPI", "scalingIndexAtContractDealDate": "100",
    }  # fmt: skip
    both = run("PAM", seen(index), scalingEffect="IN0", **YEARLY, **scaled)
    assert paid(both, "IP", "MD") == [
        ("IP", "2021-01-01", 60.0), ("IP", "2022-01-01", 66.0), ("MD", "2022-01-01", 1100.0)
    ]  # fmt: skip
    interest = run("PAM", seen(index), scalingEffect="I00", **YEARLY, **scaled)
    assert paid(interest, "IP", "MD")[1:] == [("IP", "2022-01-01", 66.0), ("MD", "2022-01-01", 1000.0)]
    principal = run("PAM", seen(index), scalingEffect="0N0", **YEARLY, **scaled)
    assert paid(principal, "IP", "MD")[1:] == [("IP", "2022-01-01", 60.0), ("MD", "2022-01-01", 1100.0)]


LOAN: dict[str, Any] = {
    **YEARLY,
    "maturityDate": "2024-01-01",
    "cycleOfPrincipalRedemption": "P1YL1",
    "prepaymentEffect": "A",
}


def prepayment(amount: float) -> Any:
    return seen(events=(Observed("PP", day("2020-07-01"), amount),))


def test_prepayment_needs_the_right_to_it() -> None:
    assert not paid(run("PAM", prepayment(400.0)), "PP")


def test_prepayment_of_a_bullet_stops_interest_on_it() -> None:
    found = run("PAM", prepayment(400.0), prepaymentEffect="A", **YEARLY)
    assert paid(found)[1:] == [
        ("PP", "2020-07-01", 400.0),
        ("IP", "2021-01-01", 48.0),
        ("IP", "2022-01-01", 36.0),
        ("MD", "2022-01-01", 600.0),
    ]


def test_prepayment_lowers_instalments_or_ends_them_earlier() -> None:
    lower = run("LAM", prepayment(400.0), **LOAN)
    assert paid(lower, "PR", "MD") == [
        ("PR", "2021-01-01", 150.0), ("PR", "2022-01-01", 150.0), ("PR", "2023-01-01", 150.0),
        ("MD", "2024-01-01", 150.0),
    ]  # fmt: skip
    earlier = run("LAM", prepayment(400.0), **{**LOAN, "prepaymentEffect": "M"})
    assert paid(earlier, "PR", "MD") == [
        ("PR", "2021-01-01", 250.0), ("PR", "2022-01-01", 250.0), ("PR", "2023-01-01", 100.0),
        ("MD", "2024-01-01", 0.0),
    ]  # fmt: skip


def test_prepayment_of_an_annuity_lowers_the_level_payment() -> None:
    found = run("ANN", prepayment(400.0), **LOAN)
    totals: dict[str, float] = {}
    for flow in found:
        if flow.type in ("PR", "IP", "MD"):
            totals[flow.time.isoformat()] = totals.get(flow.time.isoformat(), 0.0) + flow.payoff
    # 30 of interest to the prepayment and 18 after it belong to the first level payment.
    payment = (600 + 48) / (1 + 1 / 1.06 + 1 / 1.06**2 + 1 / 1.06**3)
    assert list(totals.values()) == pytest.approx([payment] * 4)


@pytest.mark.parametrize(
    ("kind", "rate", "penalty"), [("A", "7", 7.0), ("N", "0.02", 10.0), ("R", "0.02", 10.0), ("I", "0", 5.0)]
)
def test_penalty_for_a_prepayment(kind: str, rate: str, penalty: float) -> None:
    # Half a year since the loan began: 2 % a year of 1000, or the 1 % that the loan pays above the market.
    market = seen(
        series("LIBOR", ("2020-01-01", 0.05)), events=(Observed("PP", day("2020-07-01"), 100.0),)
    )  # fmt: skip
    terms = {"penaltyType": kind, "penaltyRate": rate, "marketObjectCodeOfRateReset": "LIBOR"}
    found = run("PAM", market, prepaymentEffect="M", **terms, **YEARLY)
    assert paid(found, "PY", "PP") == [("PY", "2020-07-01", penalty), ("PP", "2020-07-01", 100.0)]


@pytest.mark.parametrize(
    ("base", "interest"),
    [
        ({}, [60.0, 45.0, 30.0, 15.0]),
        ({"interestCalculationBase": "NTIED"}, [60.0, 60.0, 60.0, 60.0]),
        (
            {
                "interestCalculationBase": "NTL",
                "interestCalculationBaseAmount": "2000",
                "cycleAnchorDateOfInterestCalculationBase": "2022-01-01",
            },
            [120.0, 120.0, 30.0, 30.0],
        ),
    ],
)
def test_interest_calculation_base(base: dict[str, str], interest: list[float]) -> None:
    found = run("LAM", **{**LOAN, "prepaymentEffect": None}, **base)
    assert [amount for _, _, amount in paid(found, "IP")] == pytest.approx(interest)


def test_interest_in_advance() -> None:
    found = run("PAM", cyclePointOfInterestPayment="B", **YEARLY)
    assert paid(found) == [
        ("IED", "2020-01-01", -1000.0),
        ("IP", "2020-01-01", 60.0),
        ("IP", "2021-01-01", 60.0),
        ("IP", "2022-01-01", 0.0),
        ("MD", "2022-01-01", 1000.0),
    ]
    assert found[1].state.Ipac == pytest.approx(-60.0)  # not yet earned


def test_capitalised_interest() -> None:
    found = run("PAM", capitalizationEndDate="2021-01-01", **YEARLY)
    assert paid(found)[1:] == [
        ("IPCI", "2021-01-01", 0.0), ("IP", "2022-01-01", 63.6), ("MD", "2022-01-01", 1060.0)
    ]  # fmt: skip


def test_settlement_currency() -> None:
    rate = series("USD/EUR", ("2020-01-01", 0.5), ("2022-01-01", 0.25))
    found = run("PAM", seen(rate), settlementCurrency="EUR", **YEARLY)
    assert paid(found, "IED", "MD") == [("IED", "2020-01-01", -500.0), ("MD", "2022-01-01", 250.0)]
    assert {flow.currency for flow in found} == {"EUR"}
    assert found[0].state.Nt == 1000.0


def test_calculate_before_or_after_the_shift() -> None:
    # 2020-08-01 is a Saturday.
    terms = {"calendar": "MF", "cycleAnchorDateOfInterestPayment": "2020-08-01", "dayCountConvention": "A360"}
    before = run("PAM", businessDayConvention="CSF", **terms)
    after = run("PAM", businessDayConvention="SCF", **terms)
    assert paid(before, "IP")[0] == ("IP", "2020-08-03", pytest.approx(60 * 213 / 360))
    assert paid(after, "IP")[0] == ("IP", "2020-08-03", pytest.approx(60 * 215 / 360))


def test_a_running_contract_starts_from_its_status_date() -> None:
    running = {**YEARLY, "statusDate": "2020-10-01T00:00:00"}
    since = run("PAM", cycleAnchorDateOfInterestPayment="2020-01-01", **running)
    assert paid(since) == [
        ("IP", "2021-01-01", 60.0), ("IP", "2022-01-01", 60.0), ("MD", "2022-01-01", 1000.0)
    ]  # fmt: skip
    given = run("PAM", accruedInterest="40", **running)
    assert paid(given)[0] == ("IP", "2021-01-01", 55.0)
    # Without an interest date before it, and without the term, nothing has accrued by then.
    assert paid(run("PAM", **running))[0] == ("IP", "2021-01-01", 15.0)


@pytest.mark.parametrize("letter", ["0", "O"])
def test_scaling_effects_are_written_with_zeros_or_letters(letter: str) -> None:
    terms = {
        "cycleAnchorDateOfScalingIndex": "2021-01-01", "cycleOfScalingIndex": "P1YL1",
        "marketObjectCodeOfScalingIndex": "CPI", "scalingIndexAtContractDealDate": "100",
    }  # fmt: skip
    index = seen(series("CPI", ("2021-01-01", 110.0)))
    found = run("PAM", index, scalingEffect=f"{letter}N{letter}", **YEARLY, **terms)
    assert paid(found, "MD") == [("MD", "2022-01-01", 1100.0)]
    assert paid(run("PAM", scalingEffect=letter * 3, **YEARLY, **terms), "MD")[0][2] == 1000.0


@pytest.mark.parametrize("convention", ["SCF", "CSF"])
def test_market_objects_are_read_on_the_day_that_the_schedule_names(convention: str) -> None:
    # Saturday 2020-08-01: the event is on Monday, the rate is Saturday's (scheduleTime, event dictionary).
    market = seen(
        series("LIBOR", ("2020-08-01", 0.02), ("2020-08-03", 0.05)),
        series("USD/EUR", ("2020-01-01", 0.5), ("2020-08-03", 0.75)),
    )
    terms = {
        "calendar": "MondayToFriday", "businessDayConvention": convention,
        "cycleAnchorDateOfRateReset": "2020-08-01", "marketObjectCodeOfRateReset": "LIBOR",
        "cycleAnchorDateOfInterestPayment": "2020-08-01", "settlementCurrency": "EUR",
    }  # fmt: skip
    found = run("PAM", market, **terms)
    assert [(f.time, f.state.Ipnr) for f in found if f.type == "RR"] == [(day("2020-08-03"), 0.02)]
    days = 212 if convention == "SCF" else 210  # 30E/360 from 1 January to the 3rd or the 1st of August
    assert paid(found, "IP")[0] == ("IP", "2020-08-03", pytest.approx(0.5 * 60 * days / 360))


def test_a_negative_amortizer_pays_interest_up_to_one_cycle_before_its_first_redemption() -> None:
    # Monthly interest until 2020-07-01, which is PRANX - PRCL; then with each quarterly redemption.
    found = run(
        "NAM", maturityDate="2021-04-01", cycleOfInterestPayment="P1ML1", cycleOfPrincipalRedemption="P3ML1",
        cycleAnchorDateOfInterestPayment="2020-05-01", cycleAnchorDateOfPrincipalRedemption="2020-10-01",
        nextPrincipalRedemptionPayment="100",
    )  # fmt: skip
    assert [when for _, when, _ in paid(found, "IP")] == [
        "2020-05-01", "2020-06-01", "2020-07-01", "2020-10-01", "2021-01-01", "2021-04-01",
    ]  # fmt: skip
    assert paid(found, "PR") == [("PR", "2020-10-01", 85.0), ("PR", "2021-01-01", 86.275)]
    from_then = run(
        "NAM", maturityDate="2021-04-01", cycleOfInterestPayment="P1ML1", cycleOfPrincipalRedemption="P3ML1",
        cycleAnchorDateOfInterestPayment="2020-07-01", cycleAnchorDateOfPrincipalRedemption="2020-10-01",
        nextPrincipalRedemptionPayment="100",
    )  # fmt: skip
    assert paid(from_then, "IP")[:2] == [("IP", "2020-07-01", 30.0), ("IP", "2020-10-01", 15.0)]


def test_a_negative_amortizer_ends_when_its_payments_have_repaid_it() -> None:
    # 110 - 60 repays 50 of 1,000 a year at first: twenty payments by that count, more than it needs.
    terms = {"maturityDate": None, "cycleOfInterestPayment": "P1YL1", "cycleOfPrincipalRedemption": "P1YL1"}
    found = run("NAM", nextPrincipalRedemptionPayment="110", **terms)
    assert found[-1].time == day("2040-01-01")
    repaid = [amount for _, _, amount in paid(found, "PR", "MD")]
    assert repaid[:2] == [50.0, 53.0]
    assert sum(repaid) == pytest.approx(1000.0)


@pytest.mark.parametrize("role", ["RPA", "RPL"])
def test_interest_accrued_before_the_exchange_is_a_term(role: str) -> None:
    found = run("PAM", contractRole=role, accruedInterest="7", **YEARLY)
    sign = 1 if role == "RPA" else -1
    assert found[0].state.Ipac == sign * 7.0
    assert paid(found, "IP")[0] == ("IP", "2021-01-01", sign * 67.0)


def test_each_segment_of_an_array_has_its_own_stub() -> None:
    array = {
        "arrayCycleAnchorDateOfPrincipalRedemption": ["2020-02-01", "2020-07-15"],
        "arrayNextPrincipalRedemptionPayment": ["10", "20"], "arrayIncreaseDecrease": ["DEC", "DEC"],
    }  # fmt: skip
    for stub, months in (("L0", (2, 4)), ("L1", (2, 4, 6))):
        cycles = {"arrayCycleOfPrincipalRedemption": ["P2M" + stub, "P1Y" + stub]}
        found = paid(run("LAX", maturityDate="2021-01-01", **array, **cycles), "PR")
        assert [when for _, when, amount in found if amount == 10.0] == [f"2020-0{m}-01" for m in months]


def test_analysis_and_credit_events_show_the_state() -> None:
    events = (
        Observed("AD", day("2020-07-01")),
        Observed("CE", day("2020-10-01"), performance="DQ"),
        Observed("CE", day("2020-11-01"), contract="another", performance="DF"),
    )
    found = run("PAM", seen(events=events), **YEARLY)
    assert paid(found)[1:3] == [("AD", "2020-07-01", 0.0), ("CE", "2020-10-01", 0.0)]
    assert (found[1].state.Ipac, found[2].state.Prf) == (pytest.approx(30.0), "DQ")
    assert found[-1].state.Prf == "DQ"


def test_analysis_as_of_the_status_date() -> None:
    # The first analysis time is t0 itself (section 7.1); other events of that day have happened.
    looked = seen(events=(Observed("AD", day("2021-01-01")), Observed("AD", day("2020-12-31"))))
    terms = {**YEARLY, "statusDate": "2021-01-01"}
    found = run("PAM", looked, **terms)
    assert paid(found)[:2] == [("AD", "2021-01-01", 0.0), ("IP", "2022-01-01", 60.0)]
    assert (found[0].state.Nt, found[0].state.Ipac) == (1000.0, 0.0)


def test_the_horizon_ends_what_is_looked_at() -> None:
    assert paid(run("PAM", to="2020-07-01"))[-1] == ("IP", "2020-07-01", 30.0)


@pytest.mark.parametrize("kind", ["PAM", "LAM", "NAM", "ANN"])
@pytest.mark.parametrize("convention", ["NULL", "SCF", "CSMP"])
def test_a_liability_mirrors_the_asset(kind: str, convention: str) -> None:
    terms = {
        **LOAN, **RESETS, "calendar": "MF", "businessDayConvention": convention, "dayCountConvention": "AA",
        "nextPrincipalRedemptionPayment": "150", "feeRate": "0.01", "feeBasis": "N", "cycleOfFee": "P3ML0",
        "premiumDiscountAtIED": "-5", "penaltyType": "A", "penaltyRate": "3", "interestCalculationBase": "NT",
    }  # fmt: skip
    market = seen(LIBOR, events=(Observed("PP", day("2021-03-01"), 100.0),))
    asset, debt = (run(kind, market, **terms, contractRole=role) for role in ("RPA", "RPL"))
    assert [(t, d, -amount) for t, d, amount in paid(asset)] == pytest.approx(paid(debt))
    assert asset[-1].state.Nt == 0.0
    # All principal comes back: IED without the discount, against PR, PP and MD.
    principal = sum(amount for t, _, amount in paid(asset) if t in ("PR", "PP", "MD"))
    assert principal == pytest.approx(1000.0)
