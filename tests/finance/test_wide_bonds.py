"""What holds for every bond that the deal file accepts: repayments, rates, silence, its ACTUS contract."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise, product
from math import floor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance import price
from finance.actus.deal import contract_flows
from finance.settlement.bond import fixed, rate, replay
from finance.settlement.terms import SettlementTerms, settlement_terms
from finance.terms import DealFileError, parse_deal
from finance.terms.bond import KpiBond
from finance.terms.deal import Deal
from finance.terms.reader import read_deal_yaml
from finance.terms.schedule import AccrualPeriod, coupon_schedule
from finance.terms.tiers import lower_bound
from tests.finance.wide_bonds import ENEL, Tree, after, reports_for, term, wide_bonds

DEALS = Path(__file__).resolve().parents[2] / "deals"
Drawn = tuple[Tree, tuple[AccrualPeriod, ...]]
wide = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


@wide
@given(wide_bonds())
def test_repayments_add_up_to_the_principal(drawn: Drawn) -> None:
    terms = settlement_terms(parse_deal(drawn[0]))
    back = [period.repayment for period in terms.periods]
    assert sum(back) == terms.unit_principal
    assert min(back) >= 0
    assert back[-1] > 0


@wide
@given(wide_bonds(), st.data())
def test_rates_are_those_that_the_file_states(drawn: Drawn, data: Any) -> None:
    """For any reports every rate lies from 0 to 100 %, and is the coupon, or the last of its later rates by
    then, plus what each step says, read from the file by its words: the tier that the report falls in, in
    periods that begin from `from` to `until`.
    """
    deal = parse_deal(drawn[0])
    terms = settlement_terms(deal)
    reports = data.draw(reports_for(terms))
    values = fixed(terms, reports)
    bond = deal.only(KpiBond)
    for index, period in enumerate(drawn[1]):
        found = rate(terms, index, values)
        assert 0 <= found < 10**18
        coupon = drawn[0]["parts"]["bond"]["coupon"]
        stated = Fraction(coupon["rate"]["value"]) * 10**18
        for later in coupon.get("later_rates", []):
            if later["from"]["value"] <= period.start:
                stated = Fraction(later["rate"]["value"]) * 10**18
        for step, report in zip(bond.coupon.steps or [], reports, strict=False):
            if step.from_.value <= period.start and (step.until is None or period.start < step.until.value):
                stated += in_words(step, report, deal.controller_of(deal.key_of(KpiBond)))
        assert found == stated


def in_words(step: Any, report: int | None, controller: str) -> int:
    """What a coupon step adds, 1e18 = 100 %, straight from the terms and not from the curve that settles."""
    points = [(lower_bound(tier), tier.rate.value) for tier in step.tiers or []]
    if report is None:
        rates = [payoff for _, payoff in points] or [point.rate.value for point in step.line]
        return int((max if controller == "issuer" else min)(rates) * 10**18)
    kpi = Decimal(report).scaleb(-4)
    if step.tiers:
        below = [y for low, y in points if low is None or kpi > low[0] or (kpi == low[0] and low[1])]
        return int(below[-1] * 10**18)
    line = [(Fraction(point.kpi.value), Fraction(point.rate.value)) for point in step.line]
    x = min(max(Fraction(kpi), line[0][0]), line[-1][0])
    (x0, y0), (x1, y1) = next(
        (pair for pair in pairwise(line) if pair[0][0] <= x <= pair[1][0]),
        (line[0], line[0]),
    )
    return floor((y0 + (y1 - y0) * (x - x0) / (x1 - x0 or 1)) * 10**18)


@wide
@given(wide_bonds(), st.data())
def test_a_missing_report_never_favours_who_controls_the_data(drawn: Drawn, data: Any) -> None:
    """Whatever would be reported, each report and each set of them costs its controller less than silence."""
    deal = parse_deal(drawn[0])
    terms = settlement_terms(deal)
    reports = list(data.draw(reports_for(terms)))
    told = due(terms, reports)
    at = sorted({(fixing.feed, fixing.kpi_period) for fixing in terms.fixings})
    for silent in product([False, True], repeat=len(at)):
        gone = {key for key, quiet in zip(at, silent, strict=True) if quiet}
        kept = [
            None if (fixing.feed, fixing.kpi_period) in gone else report
            for fixing, report in zip(terms.fixings, reports, strict=True)
        ]
        for index, amount in due(terms, kept).items():
            assert (
                amount >= told[index]
                if deal.controller_of(deal.key_of(KpiBond)) == "issuer"
                else amount <= told[index]
            )


def due(terms: SettlementTerms, reports: list[int | None]) -> dict[int, int]:
    """What falls due in each distribution, by its index."""
    payments = replay(terms, terms.hard_cap, reports)
    return {
        index: sum(payment.due for payment in group)
        for index, group in groupby(payments, key=lambda payment: payment.index)
    }


@wide
@given(wide_bonds(), st.data())
def test_every_minor_unit_is_paid_or_carried(drawn: Drawn, data: Any) -> None:
    """For any number of units in issue: nobody pays in, and less than a minor unit each is left."""
    terms = settlement_terms(parse_deal(drawn[0]))
    units = data.draw(st.integers(1, terms.hard_cap))
    payments = replay(terms, units, data.draw(reports_for(terms)))
    for _, group in groupby(payments, key=lambda payment: payment.index):
        assert sum(payment.per_unit for payment in group) >= 0
    assert all(payment.total == payment.per_unit * units for payment in payments)
    left = sum(payment.due for payment in payments) - sum(payment.total for payment in payments)
    assert 0 <= left < units


@wide
@given(wide_bonds(), st.data())
def test_cash_flow_contracts_pay_what_is_settled(drawn: Drawn, data: Any) -> None:
    """ACTUS events of the bond as PAM or LAX, against the integer replay: difference 0 to the cent."""
    deal = parse_deal(drawn[0])
    terms = settlement_terms(deal)
    reports = data.draw(reports_for(terms))
    settled: dict[tuple[int, str], int] = {}
    for payment in replay(terms, terms.hard_cap, reports):
        at = (min(payment.index, len(terms.periods) - 1), payment.kind)
        settled[at] = settled.get(at, 0) + payment.due
    for index, flow in enumerate(contract_flows(deal, reports)):
        assert flow.paid == drawn[1][index].end
        for kind, amount in (
            ("coupon", flow.interest),
            ("principal", flow.principal),
            ("outcome", flow.outcome),
        ):
            whole = settled.get((index, kind), 0) / 10**terms.currency_decimals
            assert abs(amount - whole) < 0.005, (index, kind, reports)


# --- days that months do not have


@pytest.mark.parametrize(
    ("start", "end", "frequency"),
    [
        (date(2023, 8, 30), date(2025, 8, 30), "semiannual"),  # 30 August, 29 February, 30 August
        (date(2023, 2, 28), date(2025, 8, 30), "semiannual"),  # begins on the clamped day
        (date(2023, 11, 30), date(2025, 5, 30), "quarterly"),  # begins on a month end, ends on none
        (date(2023, 8, 31), date(2025, 2, 28), "quarterly"),  # month ends throughout
        (date(2024, 2, 29), date(2028, 2, 29), "annual"),
        (date(2023, 1, 29), date(2024, 1, 29), "monthly"),
    ],
)
def test_days_that_february_lacks(start: date, end: date, frequency: str) -> None:
    """Contract and settlement pay on the same days, also where months are too short."""
    deal = fixed_bond(start, end, frequency)
    schedule = coupon_schedule(start, end, frequency, "ACT/365F")
    flows = contract_flows(deal)
    assert [flow.paid for flow in flows] == [period.end for period in schedule]
    for flow, period in zip(flows, schedule, strict=True):
        assert flow.interest == pytest.approx(8e8 * 0.0405 * (period.end - period.start).days / 365, abs=1e-4)


def fixed_bond(start: date, end: date, frequency: str, day_count: str = "ACT/365F") -> Deal:
    tree = read_deal_yaml(DEALS / "hksar-tokenised-green-bond-2023.yaml")
    bond = tree["parts"]["bond"]
    bond |= {"issue_date": term(start), "interest_from": term(start), "maturity": term(end)}
    bond["coupon"] |= {"frequency": frequency, "day_count": day_count}
    tree["parts"]["offering"] |= {"opens": term(date(2020, 1, 1)), "closes": term(start)}
    return parse_deal(tree)


@settings(max_examples=50, deadline=None)
@given(st.dates(date(2021, 1, 1), date(2030, 1, 1)), st.integers(1, 120), st.floats(0.0, 0.2))
def test_one_coupon_is_worth_simple_interest(start: date, months: int, discount: float) -> None:
    """(1 + c t) / (1 + y t) whatever the time t, so par at its own coupon (money-market yield of a zero)."""
    end = after(start, months)
    t = (end - start).days / 365
    valuation = price(fixed_bond(start, end, "once"), discount_yield=discount)
    assert valuation.price == pytest.approx(100 * (1 + 0.0405 * t) / (1 + discount * t), abs=1e-8)
    assert valuation.durations.macaulay == pytest.approx(t, abs=1e-12)
    # Bond-equivalent: the half-yearly compounded rate that grows 1 to 1 + c t.
    assert (1 + valuation.expected_yield / 2) ** (2 * t) == pytest.approx(1 + 0.0405 * t, abs=1e-9)


# --- what the rules allow, and what they refuse with words that no edit of a line can make


def enel() -> Tree:
    return deepcopy(read_deal_yaml(ENEL))


def test_steps_of_one_report_add_up() -> None:
    """Two steps of the same report and the same periods: 25 bp twice when the target is missed."""
    tree = enel()
    steps = tree["parts"]["bond"]["coupon"]["steps"]
    steps.append(deepcopy(steps[0]))
    terms = settlement_terms(parse_deal(tree))
    assert [rate(terms, 6, fixed(terms, [report, report])) for report in (549_999, 550_000, None)] == [
        265 * 10**14 + 50 * 10**14,
        265 * 10**14,
        265 * 10**14 + 50 * 10**14,
    ]


def test_a_step_that_always_adds_may_carry_one_that_takes() -> None:
    """Bounds are on the sum, in whatever order the steps stand."""
    tree = enel()
    coupon = tree["parts"]["bond"]["coupon"]
    taker, giver = coupon["steps"][0], deepcopy(coupon["steps"][0])
    taker["tiers"][0]["rate"]["value"] = Decimal("-0.03")
    for tier in giver["tiers"]:
        tier["rate"]["value"] = Decimal("0.01")
    for steps in ([taker, giver], [giver, taker]):
        coupon["steps"] = steps
        terms = settlement_terms(parse_deal(tree))
        assert rate(terms, 9, fixed(terms, [0, 0])) == 65 * 10**14


def test_an_outcome_may_take_all_that_is_redeemed() -> None:
    """Atlanta in twenty parts: holders of a 1,000 unit get 50 back at the end, and may lose all of it."""
    tree = read_deal_yaml(DEALS / "atlanta-eib-2019.yaml")
    bond = tree["parts"]["bond"]
    bond["amortisation"] = {"kind": "linear", "from": term(date(2019, 7, 31))}
    outcome = bond["outcome_payment"]
    outcome |= {"pays": "at_maturity"}
    del outcome["date"]
    outcome["tiers"][0]["amount"]["value"] = Decimal(-701_000)
    payments = replay(settlement_terms(parse_deal(tree)), 14_020, [0])
    last = [payment for payment in payments if payment.index == 20]
    assert [payment.per_unit for payment in last] == [50 * 10**6, -50 * 10**6]


PARTS = {
    "missing oracle": (
        lambda tree: tree.pop("oracle"),
        "oracle.renewable-share",
        "is required: a claim depends",
    ),
    "missing KPIs": (lambda tree: tree.pop("kpis"), "oracle.renewable-share", "unknown KPI (known: none)"),
    "more than 32 steps": (
        lambda tree: tree["parts"]["bond"]["coupon"]["steps"].extend(
            deepcopy(tree["parts"]["bond"]["coupon"]["steps"] * 32)
        ),
        "parts.bond.coupon.steps",
        "more than 32 steps and outcomes do not fit on chain",
    ),
    "more than 32 points": (
        lambda tree: tree["parts"]["bond"]["coupon"]["steps"].__setitem__(0, long_line()),
        "parts.bond.coupon.steps.0.line",
        "more than 32 points",
    ),
}


def long_line() -> Tree:
    step = {
        key: value for key, value in enel()["parts"]["bond"]["coupon"]["steps"][0].items() if key != "tiers"
    }
    points = [{"kpi": term(Decimal(k).scaleb(-2)), "rate": term(0)} for k in range(33)]
    return step | {"line": points}


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_belong_together(name: str) -> None:
    change, field, reason = PARTS[name]
    tree = enel()
    change(tree)
    with pytest.raises(DealFileError) as caught:
        parse_deal(tree)
    found = [problem.reason for problem in caught.value.problems if problem.field == field]
    assert any(reason in text for text in found), str(caught.value)


def test_an_oracle_left_over_is_refused() -> None:
    """A fixed bond whose file still configures an oracle."""
    tree = read_deal_yaml(DEALS / "hksar-tokenised-green-bond-2023.yaml")
    tree["oracle"] = enel()["oracle"]
    with pytest.raises(DealFileError) as caught:
        parse_deal(tree)
    (problem,) = caught.value.problems
    assert (problem.field, problem.reason) == ("oracle.renewable-share", "unknown KPI (known: none)")
