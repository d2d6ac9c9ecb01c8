"""Charges and forwards in a deal file: what they pay, what they are worth, and what is said of them."""

from __future__ import annotations

import html
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import QuantLib as ql
from typer.testing import CliRunner

from finance.pricing.closed import expected_amount
from finance.pricing.flows import KpiFlow
from finance.report.style import sentence_of
from finance.report.swap_plots import sensitivity_figure, swap_figure
from finance.settlement.kpi_payment import amount_of
from finance.settlement.swap_terms import swap_terms
from finance.swaps.bumps import index_sensitivity
from finance.swaps.index import IndexSwap, index_swap
from finance.terms import Deal, InputError, load_deal, parse_deal
from finance.terms.payment_form import payment_form
from finance.terms.reader import read_deal_yaml
from finance.terms.swap import KpiPayment
from scripts.cli import main
from tests.seeds import usual

ROOT = Path(__file__).resolve().parents[2]
HIGHWAY, LEAKAGE, RAIN, BLOOM = (
    ROOT / "deals" / f"{name}.yaml"
    for name in ("highway-availability", "leakage-forward", "water-utility-rainfall-swap", "bloom-wind-prs")
)
SEED = usual(20260301)
MILLION = 10**6  # minor units of a dollar or a pound
CHARGE, RATE, FREE, CAP = 16_475_000, 2_500, 100, 1_700  # 65.9 million a year; a lane-hour; lane-hours
STRIKE, NOTIONAL = 606, 450_000  # Ml/d; pounds a Ml/d
JARGON = re.compile(
    r"\bswaps?\b|sharpe|hedg|premium|price of risk|\bwang\b|proxy|fair|loading|provider|fixed payment",
    re.IGNORECASE,
)


@lru_cache
def view(file: Path) -> IndexSwap:
    return index_swap(load_deal(file), paths=20_000, seed=SEED)


def edited(file: Path, **claim: Any) -> Deal:
    """The deal with other terms of its payment."""
    tree = read_deal_yaml(file)
    (terms,) = tree["parts"].values()
    terms |= claim
    return parse_deal(tree)


def assumed(value: Any) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


# -- what they pay


def test_a_charge_is_paid_less_a_deduction_for_each_lane_hour_and_never_below_zero() -> None:
    payment = swap_terms(load_deal(HIGHWAY)).payment
    paid = []
    for tenths in (0, 999, 1_000, 1_001, 2_400, 10_000, 16_999, 17_000, 17_001, 200_000):
        hours = Decimal(tenths) / 10
        due = CHARGE - RATE * min(max(hours - FREE, Decimal(0)), Decimal(CAP - FREE))
        paid.append(amount_of(payment, 7, tenths))
        assert paid[-1] == due * MILLION, hours
    assert all(0 <= amount <= CHARGE * MILLION for amount in paid)
    # The concessionaire keeps the log, so a quarter without one costs it all that a log could.
    assert amount_of(payment, 7, None) == min(paid) == (CHARGE - 4_000_000) * MILLION


def test_a_forward_pays_both_ways_by_the_distance_from_the_target() -> None:
    payment = swap_terms(load_deal(LEAKAGE)).payment
    for leakage in (
        595,
        606,
        642,
        677,
        695,
        690,
    ):  # as published for 2019/20, the target, and the years before
        assert amount_of(payment, 0, 10 * leakage) == NOTIONAL * (leakage - STRIKE) * MILLION
    # The utility measures: without a figure it pays as if leakage were as low as it gets.
    assert amount_of(payment, 0, None) == -45_000_000 * MILLION


def test_the_forward_s_leakage_is_what_was_published() -> None:
    """11 Ml/d under the annual target of 606."""
    deal = load_deal(LEAKAGE)
    stated = deal.kpis["leakage"].reported_values
    assert stated is not None
    assert stated.value == [STRIKE - 11]
    assert stated.is_sourced
    assert len(deal.kpis["leakage"].periods) == 1


# -- what they are worth


def days_after(end: date, lag: int) -> date:
    return end + timedelta(days=1 + lag)


def test_a_charge_is_worth_what_a_lognormal_call_spread_leaves() -> None:
    found, deal = view(HIGHWAY), load_deal(HIGHWAY)
    spread = sqrt(log(1 + (160 / 240) ** 2))

    def call(strike: float) -> float:
        return float(ql.blackFormula(ql.Option.Call, strike, 240.0, spread, 1.0))

    deduction = RATE * (call(FREE) - call(CAP))
    # Tenths of an hour move the mean by far less than a hundred-thousandth.
    assert -found.expected == pytest.approx([deduction] * 20, rel=1e-5)
    start = date(2024, 1, 1)
    factors = [
        1.05 ** (-(days_after(period.end, 45) - start).days / 365)
        for period in deal.kpis[deal.only(KpiPayment).kpi].periods
    ]
    assert found.exact_value.value == pytest.approx((CHARGE - deduction) * sum(factors), rel=1e-7)
    charge = found.charge
    assert charge is not None
    assert charge.full == pytest.approx(CHARGE * sum(factors), rel=1e-12)
    assert charge.changed == pytest.approx(-deduction * sum(factors), rel=1e-5)
    assert charge.full + charge.changed == pytest.approx(found.exact_value.value, rel=1e-12)
    assert charge.most == -4_000_000
    tail = ql.CumulativeNormalDistribution()

    def above(hours: float) -> float:
        return 1 - float(tail((log(hours / 240) + spread**2 / 2) / spread))

    assert charge.chance == pytest.approx(above(FREE + 0.05), abs=0.004)
    assert charge.chance_of_most == pytest.approx(above(CAP - 0.05), abs=0.0005)
    assert (found.settlements >= 0).all()
    assert (found.settlements <= CHARGE).all()


def test_a_forward_is_worth_its_distance_from_what_is_expected() -> None:
    """602 Ml/d are expected: 4 below the target, at 3 % until the day of payment."""
    found = view(LEAKAGE)
    factor = 1.03 ** (-(days_after(date(2020, 3, 31), 180) - date(2019, 4, 1)).days / 365)
    assert found.exact_value.value == pytest.approx(-4 * NOTIONAL * factor, rel=1e-5)
    assert found.terms.break_even == pytest.approx(STRIKE)
    assert found.value.value.value == pytest.approx(
        found.exact_value.value, abs=4.5 * found.value.value.standard_error
    )


def test_leakage_outside_its_bounds_is_no_report_and_costs_the_utility_the_most() -> None:
    """Normal about 602 with an sd of 60, reported from 506 to 706 Ml/d only: part of a line, two tails."""
    tree = read_deal_yaml(LEAKAGE)
    kpi = tree["kpis"]["leakage"]
    kpi["bounds"] = {"minimum": assumed(506), "maximum": assumed(706)}
    kpi["process"]["sd"] = assumed(60)
    found = index_swap(parse_deal(tree), paths=50_000, seed=SEED)
    mean, sd, low, high = 602.0, 60.0, 505.95, 706.05  # where rounding to a tenth turns
    a, b = (low - mean) / sd, (high - mean) / sd
    cdf, pdf = ql.CumulativeNormalDistribution(), ql.NormalDistribution()
    inside = cdf(b) - cdf(a)
    line = NOTIONAL * ((mean - STRIKE) * inside - sd * (pdf(b) - pdf(a)))
    assert found.outside == pytest.approx([1 - inside], rel=1e-9)
    assert found.expected == pytest.approx([line - 45_000_000 * (1 - inside)], rel=1e-5)
    off = found.settlements.mean() - found.expected[0]
    assert abs(off) < 4.5 * found.settlements.std() / sqrt(len(found.settlements))


def test_index_periods_are_kpi_flows() -> None:
    """One price: what finance.pricing makes of a KPI flow is what an index swap's period is worth."""
    deal, found = load_deal(RAIN), view(RAIN)
    terms, kpi = swap_terms(deal), deal.kpis["rainfall"]
    for period, law, expected in zip(kpi.periods, found.kpis.marginals, found.expected, strict=True):
        flow = KpiFlow(period.end, period.end, terms.payment.curve, kpi.decimals, 10.0**-6, "rainfall")
        assert expected_amount(flow, law) - expected == 0.0


# -- what form they have


@pytest.mark.parametrize(
    ("file", "noun", "payoff", "two_way"),
    [
        (HIGHWAY, "charge", "deduction", False),
        (LEAKAGE, "forward", "payoff", True),
        (RAIN, "swap", "payoff", True),
        (BLOOM, "swap", "payoff", True),
    ],
)
def test_form_of_the_book_s_payments(file: Path, noun: str, payoff: str, two_way: bool) -> None:
    form = payment_form(load_deal(file))
    assert (form.noun, form.payoff, form.two_way) == (noun, payoff, two_way)


def test_form_goes_by_amounts_alone() -> None:
    less = edited(HIGHWAY, fixed=assumed([3_999_999]))  # the deduction may turn it around
    assert payment_form(less).noun == "swap"
    assert payment_form(edited(HIGHWAY, fixed=assumed([4_000_000]))).noun == "charge"
    point = {"kpi": assumed(0), "amount": assumed(0)}
    bonus = edited(HIGHWAY, line=[point, {"kpi": assumed(100), "amount": assumed(5)}])
    assert payment_form(bonus).payoff == "addition"
    both = edited(
        HIGHWAY,
        line=[point, {"kpi": assumed(9), "amount": assumed(5)}, {"kpi": assumed(99), "amount": assumed(-5)}],
    )
    assert payment_form(both).payoff == "adjustment"
    option = edited(
        LEAKAGE,
        line=[{"kpi": assumed(606), "amount": assumed(0)}, {"kpi": assumed(700), "amount": assumed(5)}],
    )
    assert (payment_form(option).noun, payment_form(option).two_way) == ("payment", False)


# -- what is said of them


def call(*arguments: str) -> str:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def said(text: str) -> str:
    """Without the table of inputs, whose names are those of the deal file's fields."""
    return re.split(r"\nAssumed inputs *\n", text)[0]


@pytest.mark.slow
@pytest.mark.parametrize("file", [HIGHWAY, LEAKAGE], ids=lambda file: file.stem)
def test_no_word_of_a_swap_is_said_of_a_charge_or_a_forward(file: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    texts = [
        call("price", str(file), "--html", str(page)),
        call("cashflows", str(file)),
        call("sensitivity", str(file)),
    ]
    body = re.sub(r"<style.*?</style>|<svg.*?</svg>|<[^>]+>", " ", page.read_text(), flags=re.DOTALL)
    texts.append(html.unescape(body))
    texts += [
        sentence_of(swap_figure(view(file))),
        sentence_of(sensitivity_figure(index_sensitivity(load_deal(file)))),
    ]
    for text in texts:
        assert not JARGON.findall(said(text)), said(text)
        assert "nan" not in text.lower().split()
    for field in ("premium", "implied", "other_terms"):
        found = json.loads(call("price", str(file), "--json"))[field]
        assert not (any(found.values()) if isinstance(found, dict) else found), field


@pytest.mark.slow
def test_a_charge_says_what_is_taken_off() -> None:
    text = said(call("price", str(HIGHWAY)))
    for words in (
        "Concessionaire receives",
        "Deductions",
        "over the charge",
        "Periods with deductions",
        "of a period, at most",
    ):
        assert words in text
    assert "Payee pays" not in text  # it never does
    assert "collateral" not in text.lower()  # there is none
    charge = json.loads(call("price", str(HIGHWAY), "--json"))["charge"]
    assert charge["share"] == pytest.approx(charge["changed"] / charge["full"])
    assert "Average deduction" in call("sensitivity", str(HIGHWAY))


@pytest.mark.slow
def test_a_forward_says_where_nobody_pays() -> None:
    text = said(call("price", str(LEAKAGE)))
    assert re.search(r"Nobody pays at\s*│\s*606 Ml/d", text)
    assert re.search(r"Leakage, average of the year, expected\s*│\s*mean 602 Ml/d, sd 20 Ml/d", text)
    assert "Chance that Water utility pays" in text


@pytest.mark.slow
def test_swaps_keep_their_measures() -> None:
    text = call("price", str(RAIN), "--paths", "400")
    for words in (
        "Premium",
        "Price of risk in the fixed payments",
        "yearly Sharpe ratio",
        "Fair",
        "Without swap",
    ):
        assert words in text


@pytest.mark.parametrize("file", [HIGHWAY, LEAKAGE], ids=lambda file: file.stem)
def test_what_hedges_no_revenue_is_compared_with_nothing(file: Path) -> None:
    result = CliRunner().invoke(main, ["compare", str(file)])
    assert result.exit_code == 2
    assert "hedges no revenue" in result.stderr
    assert "Traceback" not in result.stderr


def test_no_charge_is_fair() -> None:
    with pytest.raises(InputError, match=r"charge less deductions, which has no fair amount"):
        index_swap(load_deal(HIGHWAY), "fair", paths=400)
    solved = index_swap(load_deal(LEAKAGE), "fair", paths=400)  # what the contractor would add
    assert float(solved.solved[0]) == pytest.approx(4 * NOTIONAL, rel=1e-5)
    assert np.isclose(solved.exact_value.value, 0, atol=0.01)
