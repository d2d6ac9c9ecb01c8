"""A contract is the same contract whenever its record is taken: properties over the status date, and peers.

Only events after the status date follow (section 2.3), so the record of a running contract, its states made
terms again, gives the tail of the earlier run: on payment days, between a due day and the business day it
moves to, and anywhere else. No expected value here is ours: tails against heads, roles against each other,
closed forms, QuantLib.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
import QuantLib as ql

from finance.actus import Flow, Observations, Observed, Series
from finance.actus.contracts import contract
from finance.actus.dates import BusinessDays
from finance.actus.day_count import year_fraction
from tests.finance.actus_contracts import BASE, day, paid, run, seen

DAY_COUNTS = ("AA", "A360", "A365", "30E360", "28E336", "B252")
CONVENTIONS = ("NOS", "SCF", "SCMF", "SCP", "SCMP", "CSF", "CSMF", "CSP", "CSMP")
KINDS = ("PAM", "LAM", "NAM", "ANN", "LAX", "CLM", "SWPPV")
RATES = Series.of(
    "LIBOR", [(day("2018-01-01") + timedelta(days=7 * n), 0.01 + (n * 37 % 50) / 1000) for n in range(900)]
)


def loan(chance: random.Random, kind: str) -> dict[str, Any]:
    """Random terms of a contract of type `kind`."""
    start = day("2019-06-01") + timedelta(days=chance.randrange(500))
    cycle = chance.choice(("P1ML", "P3ML", "P6ML", "P40DL", "P5WL")) + chance.choice("01")
    terms: dict[str, Any] = {
        **BASE,
        "contractType": kind,
        "contractRole": "RPA",
        "statusDate": start - timedelta(days=chance.choice((1, 40))),
        "initialExchangeDate": start,
        "maturityDate": start + timedelta(days=chance.randrange(500, 1500)),
        "dayCountConvention": chance.choice(DAY_COUNTS),
        "calendar": chance.choice(("NC", "MF")),
        "businessDayConvention": chance.choice(CONVENTIONS),
        "endOfMonthConvention": chance.choice(("SD", "EOM")),
        "cycleOfInterestPayment": cycle,
        "cycleOfPrincipalRedemption": cycle,
        "nextPrincipalRedemptionPayment": {"LAM": "17", "NAM": "20"}.get(kind),
        "nominalInterestRate2": "0.03",
        "deliverySettlement": chance.choice("SD"),
    }
    if chance.random() < 0.5:
        anchor = start + timedelta(days=chance.randrange(1, 60))
        terms["cycleAnchorDateOfInterestPayment"] = terms["cycleAnchorDateOfPrincipalRedemption"] = anchor
    if chance.random() < 0.5:
        terms |= {
            "cycleAnchorDateOfRateReset": start + timedelta(days=chance.randrange(1, 200)),
            "cycleOfRateReset": "P6ML1", "marketObjectCodeOfRateReset": "LIBOR",
            "rateSpread": "0.01", "periodCap": "0.02", "periodFloor": "0.015",
        }  # fmt: skip
    if chance.random() < 0.5 and kind != "SWPPV":
        terms |= {"feeRate": "0.004", "feeBasis": chance.choice("AN"), "cycleOfFee": "P4ML0"}
    if chance.random() < 0.3 and kind in ("LAM", "NAM"):
        terms |= {"interestCalculationBase": "NTL", "cycleOfInterestCalculationBase": "P7ML1"}
        terms |= {"interestCalculationBaseAmount": "900"}
    if kind == "LAX":
        anchors = [start + timedelta(days=days) for days in (90, 300)]
        terms |= {
            "cycleOfPrincipalRedemption": None, "arrayCycleAnchorDateOfPrincipalRedemption": anchors,
            "arrayCycleOfPrincipalRedemption": ["P2ML1", "P3ML0"],
            "arrayNextPrincipalRedemptionPayment": ["7", "11"], "arrayIncreaseDecrease": ["INC", "DEC"],
        }  # fmt: skip
    return {name: value for name, value in terms.items() if value is not None}


def tail(terms: dict[str, Any], market: Observations, at: datetime) -> dict[str, Any]:
    """The record of the contract at `at`: its states made terms again, without role."""
    s, sign = contract(terms, market).state_at(at), 1 if terms["contractRole"] in ("RPA", "RF") else -1
    record = {
        **terms, "statusDate": at, "notionalPrincipal": abs(s.Nt), "accruedInterest": sign * s.Ipac,
        "feeAccrued": sign * s.Feac, "interestCalculationBaseAmount": sign * s.Ipcb,
    }  # fmt: skip
    if "nextPrincipalRedemptionPayment" in terms:
        record["nextPrincipalRedemptionPayment"] = sign * s.Prnxt
    rate = "nominalInterestRate2" if terms["contractType"] == "SWPPV" else "nominalInterestRate"
    return record | {rate: s.Ipnr, "accruedInterest2": sign * s.Ipac2}


def told(found: list[Flow], after: datetime) -> list[tuple[str, datetime, list[float]]]:
    return [
        (f.type, f.time, [f.payoff, f.state.Nt, f.state.Ipac, f.state.Ipnr, f.state.Feac, f.state.Ipac2])
        for f in found
        if f.time > after
    ]


def same(left: list[Any], right: list[Any]) -> None:
    assert [one[:2] for one in left] == [one[:2] for one in right]
    for one, other in zip(left, right, strict=True):
        assert one[2] == pytest.approx(other[2], abs=1e-8), one


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_taken_later_gives_the_same_tail(kind: str, seed: int) -> None:
    chance, market = random.Random(f"{seed} {kind}"), seen(RATES)
    for _ in range(25):
        terms = loan(chance, kind)
        whole = contract(terms, market).flows()
        begun = [f.time for f in whole if f.time >= terms["initialExchangeDate"]]
        for at in (chance.choice(begun), chance.choice(begun) + timedelta(days=chance.choice((-1, 1, 9)))):
            if not terms["initialExchangeDate"] <= at < whole[-1].time:
                continue
            later = contract(tail(terms, market, at), market).flows()
            same(told(later, at), told(whole, at))


def test_accruals_that_the_record_leaves_out_are_calculated_anew(seed: int) -> None:
    """At a fixed rate, from the last interest or fee date before it (7.1, Ipac and Feac at t0)."""
    chance, market = random.Random(f"{seed} anew"), seen()
    for kind in ("PAM", "SWPPV") * 15:
        terms = {name: value for name, value in loan(chance, kind).items() if "RateReset" not in name}
        whole = contract(terms, market).flows()
        first: dict[str, datetime] = {}
        for flow in whole:
            first.setdefault(flow.type, flow.time)
        at = max(when for kind, when in first.items() if kind in ("IP", "IPFX", "FP"))
        at += timedelta(days=chance.randrange((terms["maturityDate"] - at).days or 1))
        record = tail(terms, market, at)
        for name in ("accruedInterest", "accruedInterest2", "feeAccrued"):
            record.pop(name)
        same(told(contract(record, market).flows(), at), told(whole, at))


@pytest.mark.parametrize("kind", KINDS)
def test_roles_mirror_each_other_and_analysis_changes_nothing(kind: str, seed: int) -> None:
    chance = random.Random(f"{seed} {kind}")
    for _ in range(25):
        terms = loan(chance, kind)
        whole = contract(terms, seen(RATES)).flows()
        other = contract({**terms, "contractRole": "RPL"}, seen(RATES)).flows()
        assert [-f.payoff for f in other] == pytest.approx([f.payoff for f in whole], abs=1e-9)
        looks = tuple(
            Observed("AD", terms["initialExchangeDate"] + timedelta(days=n)) for n in range(1, 500, 61)
        )
        looked = contract(terms, seen(RATES, events=looks)).flows()
        same(told([f for f in looked if f.type != "AD"], day("2000-01-01")), told(whole, day("2000-01-01")))


YEARLY = {"cycleOfInterestPayment": "P1YL1", "cycleOfPrincipalRedemption": "P1YL1"}


def test_what_falls_on_the_status_date_has_happened() -> None:
    terms = {**YEARLY, "statusDate": "2021-01-01", "maturityDate": "2024-01-01"}
    assert paid(run("PAM", **terms)) == [
        ("IP", "2022-01-01", 60.0), ("IP", "2023-01-01", 60.0), ("IP", "2024-01-01", 60.0),
        ("MD", "2024-01-01", 1000.0),
    ]  # fmt: skip
    # 1,000 left after that day's redemption: four payments of 250 follow it, the fourth of them at maturity.
    given = {**terms, "maturityDate": None, "nextPrincipalRedemptionPayment": "250"}
    assert paid(run("LAM", **given), "PR", "MD") == [
        ("PR", "2022-01-01", 250.0), ("PR", "2023-01-01", 250.0), ("PR", "2024-01-01", 250.0),
        ("MD", "2025-01-01", 250.0),
    ]  # fmt: skip
    equal = paid(run("LAM", **{**terms, "maturityDate": "2025-01-01"}), "PR", "MD")
    assert [amount for _, _, amount in equal] == [250.0] * 4
    swap = run("SWPPV", contractRole="RF", nominalInterestRate2="0.02", deliverySettlement="S", **terms)
    assert [amount for _, _, amount in paid(swap, "IP")] == [40.0] * 3


@pytest.mark.parametrize("status", ["2019-12-31", "2020-01-01"])
def test_an_annuity_recorded_on_the_day_of_its_exchange(status: str) -> None:
    terms = {**YEARLY, "maturityDate": "2025-01-01", "statusDate": status}
    terms |= {"cycleAnchorDateOfInterestPayment": "2020-01-01"} if status == "2020-01-01" else {}
    found = run("ANN", cycleAnchorDateOfPrincipalRedemption="2021-01-01", **terms)
    level = 1000 * 0.06 / (1 - 1.06**-5)
    by_year: dict[datetime, float] = {}
    for flow in found:
        if flow.time > day("2020-01-01"):
            by_year[flow.time] = by_year.get(flow.time, 0.0) + flow.payoff
    assert {t: v for t, v in by_year.items() if v} == {
        day(f"{year}-01-01"): pytest.approx(level, abs=1e-9) for year in range(2021, 2026)
    }
    if status == "2020-01-01":
        assert contract({**BASE, "contractType": "ANN", **terms}).initial().Prnxt == pytest.approx(level)


def test_an_annuity_whose_first_payment_is_at_its_exchange() -> None:
    terms = {**YEARLY, "maturityDate": "2025-01-01", "cycleAnchorDateOfPrincipalRedemption": "2020-01-01"}
    found = run("ANN", **terms)
    due: dict[datetime, float] = {}
    for flow in found[1:]:
        due[flow.time] = due.get(flow.time, 0.0) + flow.payoff
    level = 1000 / sum(1.06**-n for n in range(6))
    assert list(due.values()) == pytest.approx([level] * 6, abs=1e-9)


def test_the_known_rate_is_that_of_the_reset_after_the_status_date() -> None:
    resets = {
        "cycleAnchorDateOfRateReset": "2021-01-01", "cycleOfRateReset": "P6ML1",
        "marketObjectCodeOfRateReset": "LIBOR", "nextResetRate": "0.5",
    }  # fmt: skip
    found = run("PAM", seen(RATES), statusDate="2021-01-01", **resets, **YEARLY)
    assert [(f.type, f.time) for f in found if f.type in ("RR", "RRF")] == [("RRF", day("2021-07-01"))]


@pytest.mark.parametrize("basis", ["A", "N"])
def test_fees_of_a_guarantee_recorded_in_their_period(basis: str) -> None:
    cover = {
        "feeRate": "0.02" if basis == "N" else "10", "feeBasis": basis, "cycleOfFee": "P6ML1",
        "cycleAnchorDateOfFee": "2020-01-01", "notionalPrincipal": "1000", "contractRole": "BUY",
        "contractStructure": [
            {"object": {"contractIdentifier": "X1"}, "referenceType": "CID", "referenceRole": "COVE"}
        ],
    }  # fmt: skip
    for status in ("2020-07-01", "2020-10-01"):
        look = seen(events=(Observed("AD", day("2020-10-01")),))
        found = run("CEG", look, statusDate=status, **cover)
        assert found[0].state.Feac == pytest.approx(5.0)
        assert paid(found, "FP") == [("FP", f"202{when}-01", 10.0) for when in ("1-01", "1-07", "2-01")]


def test_between_the_due_day_and_the_business_day() -> None:
    # Interest due on Saturday 1 August 2020 is paid on Monday; a record of Sunday is still owed it. The one
    # before was due on Saturday 1 February: 182 days from 3 February or from the 1st, by convention.
    terms = {
        "calendar": "MF", "cycleAnchorDateOfInterestPayment": "2020-02-01", "dayCountConvention": "A365",
    }  # fmt: skip
    for convention in ("SCF", "CSF"):
        found = run("PAM", businessDayConvention=convention, statusDate="2020-08-02", **terms)
        assert paid(found)[0] == ("IP", "2020-08-03", pytest.approx(60 * 182 / 365, abs=1e-8))


def test_a_purchase_pays_what_accrued_since_the_record() -> None:
    bought = {
        **YEARLY, "statusDate": "2020-04-01", "purchaseDate": "2020-07-01", "priceAtPurchaseDate": "990",
    }  # fmt: skip
    # No interest date lies before the status date, and the record names no accrued interest: none at t0.
    assert paid(run("PAM", **bought))[:2] == [("PRD", "2020-07-01", -1005.0), ("IP", "2021-01-01", 45.0)]
    named = run("PAM", accruedInterest="15", **bought)
    assert paid(named)[:2] == [("PRD", "2020-07-01", -1020.0), ("IP", "2021-01-01", 60.0)]
    since = run("PAM", cycleAnchorDateOfInterestPayment="2020-01-01", **bought)
    assert paid(since)[0] == ("PRD", "2020-07-01", -1020.0)


ROLLS = {
    "F": ql.Following, "MF": ql.ModifiedFollowing, "P": ql.Preceding, "MP": ql.ModifiedPreceding,
}  # fmt: skip
THEIRS = {
    "AA": ql.ActualActual(ql.ActualActual.ISDA), "A360": ql.Actual360(), "A365": ql.Actual365Fixed(),
    "30E360": ql.Thirty360(ql.Thirty360.European), "B252": ql.Business252(ql.WeekendsOnly()),
}  # fmt: skip


@pytest.mark.parametrize("roll", ROLLS)
@pytest.mark.parametrize("shift_first", [True, False])
def test_bullets_are_quantlib_s_bonds(roll: str, shift_first: bool, seed: int) -> None:
    chance = random.Random(f"{seed} {roll} {shift_first}")
    for _ in range(30):
        start = day("2019-01-01") + timedelta(days=chance.randrange(900))
        if start.weekday() >= 5:
            start += timedelta(days=2)
        months, count = chance.choice((1, 3, 6, 12)), chance.choice(sorted(THEIRS))
        end = start + timedelta(days=chance.randrange(400, 2000))
        found = run(
            "PAM", statusDate=start - timedelta(days=1), initialExchangeDate=start, maturityDate=end,
            dayCountConvention=count, cycleOfInterestPayment=f"P{months}ML1", calendar="MF",
            cycleAnchorDateOfInterestPayment=start,
            businessDayConvention=("SC" if shift_first else "CS") + roll,
        )  # fmt: skip
        rule = ROLLS[roll] if shift_first else ql.Unadjusted
        schedule = ql.Schedule(
            ql.Date.from_date(start), ql.Date.from_date(end), ql.Period(months, ql.Months),
            ql.WeekendsOnly(), rule, rule, ql.DateGeneration.Forward, False,
        )  # fmt: skip
        bond = ql.FixedRateBond(0, 1000.0, schedule, [0.06], THEIRS[count], ROLLS[roll])
        theirs: dict[datetime, float] = {}
        for flow in bond.cashflows():
            when = datetime.combine(flow.date().to_date(), datetime.min.time())
            theirs[when] = theirs.get(when, 0.0) + flow.amount()
        ours: dict[datetime, float] = {}
        for one in found[2:]:  # after the exchange and the interest of no days
            ours[one.time] = ours.get(one.time, 0.0) + one.payoff
        assert ours == {when: pytest.approx(amount, abs=1e-8) for when, amount in theirs.items()}


@pytest.mark.parametrize("count", DAY_COUNTS)
def test_amortizers_repay_what_was_lent_at_their_own_rate(count: str, seed: int) -> None:
    """Discounted at the loan's own rate, period by period, the payments are worth the principal."""
    chance, years = random.Random(f"{seed} {count}"), year_fraction(count, BusinessDays("MF"))
    for kind in ("LAM", "NAM", "ANN", "PAM"):
        start = day("2019-01-01") + timedelta(days=chance.randrange(900))
        terms: dict[str, Any] = {
            "statusDate": start - timedelta(days=1), "initialExchangeDate": start,
            "maturityDate": start + timedelta(days=chance.randrange(400, 2000)),
            "dayCountConvention": count, "calendar": "MF",
            "cycleOfInterestPayment": "P2ML0", "cycleOfPrincipalRedemption": "P2ML0",
            "nextPrincipalRedemptionPayment": "30" if kind == "NAM" else None,
        }  # fmt: skip
        due: dict[datetime, float] = {}
        for flow in run(kind, **terms)[1:]:
            if flow.type != "PRF":
                due[flow.time] = due.get(flow.time, 0.0) + flow.payoff
        worth, factor, last = 0.0, 1.0, start
        for when, amount in due.items():
            factor, last = factor / (1 + 0.06 * years(last, when)), when
            worth += factor * amount
        assert worth == pytest.approx(1000.0, abs=1e-8)
        if kind == "ANN":
            assert len({round(amount, 8) for amount in due.values()}) == 1
