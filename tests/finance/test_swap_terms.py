"""The integers of a KPI payment, worked out again from the words of the deal file."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from finance.settlement.kpi_payment import CloseOutRule, Period, Side
from finance.settlement.payoff_curve import Curve, Shape
from finance.settlement.swap_terms import TreasuryPeriod, pay_dates, swap_terms
from finance.terms import DealFileError, parse_deal
from finance.terms.reader import read_deal_yaml
from tests.finance.deal_variants import file_of, term

DAY, USD = 86_400, 10**6
BLOOM, RAIN = file_of("bloom-wind-prs"), file_of("water-utility-rainfall-swap")


def midnight(day: date, days: int = 0) -> int:
    """Unix seconds of 00:00 UTC, so many days later."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + days * DAY


def quarters(first: date, count: int) -> list[tuple[date, date]]:
    """First days of quarters, and of those that follow them."""
    months = [first.year * 12 + first.month - 1 + 3 * k for k in range(count + 1)]
    days = [date(month // 12, month % 12 + 1, 1) for month in months]
    return list(pairwise(days))


def test_the_integers_of_bloom() -> None:
    """Forty quarters from June 2017; fixed payments by season; a dollar for a dollar of proxy revenue."""
    deal = parse_deal(read_deal_yaml(BLOOM))
    terms, dated = swap_terms(deal), quarters(date(2017, 6, 1), 40)
    seasons = [3_060_000, 3_780_000, 3_520_000, 2_560_000]
    payment = terms.payment
    assert payment.periods == tuple(
        Period(midnight(after, 45), seasons[k % 4] * USD, midnight(after))
        for k, (_, after) in enumerate(dated)
    )
    assert pay_dates(deal) == [period.pay_date for period in payment.periods]
    # KPI in cents, money in millionths.
    most, least = 15_000_000, -2_000_000
    assert payment.curve == Curve.of(Shape.LINEAR, [(least * 100, -least * USD), (most * 100, -most * USD)])
    # The project measures, and receives: silence costs it the most that a quarter could.
    assert (payment.data_controller, payment.missing_payoff) == (Side.PAYEE, -most * USD)
    assert payment.required == (3_000_000 * USD, 0)
    assert (payment.cure_period, payment.late_rate) == (10 * DAY, 8 * 10**16)
    assert (payment.close_out_rule, payment.missing_value) == (CloseOutRule.REPLACEMENT_COST, 0)
    assert (payment.start_by, payment.limited_recourse) == (midnight(date(2017, 6, 1)), True)
    assert (terms.deal_id, terms.terms_hash, terms.name) == (deal.id, deal.terms_hash, "Proxy revenue swap")
    assert (terms.currency_decimals, terms.payer, terms.payee) == (6, "provider", "project")
    assert terms.value_feed is None


def test_the_feed_of_bloom() -> None:
    feed, dated = swap_terms(parse_deal(read_deal_yaml(BLOOM))).feed, quarters(date(2017, 6, 1), 40)
    assert (feed.kpi, feed.decimals) == ("proxy-revenue", 2)
    assert (feed.min_value, feed.max_value, feed.max_spread) == (-200_000_000, 1_500_000_000, 40_000_000)
    assert (feed.nodes, feed.quorum, feed.panel_size, feed.panel_quorum) == (4, 3, 3, 2)
    digest = hashlib.sha256(b"proxy-revenue-wind/1").hexdigest()
    assert (feed.method, feed.method_hash.removeprefix("0x")) == ("proxy-revenue-wind/1", digest)
    assert feed.period_starts == tuple(midnight(first) for first, _ in dated)
    assert feed.period_ends == tuple(midnight(after) for _, after in dated)
    windows = feed.reporting_window, feed.late_window, feed.dispute_window, feed.ruling_window
    assert windows == (10 * DAY, 10 * DAY, 10 * DAY, 15 * DAY)
    assert (feed.challenge_bond, feed.challenge_reward) == (10_000 * USD, 5_000 * USD)
    # Each of forty periods may pay its reward, and none more.
    assert feed.all_rewards == 200_000 * USD
    # Twenty days in which a report or a petition may still come; then a second more.
    assert [feed.missing_at(k) for k in (0, 39)] == [midnight(dated[k][1], 20) + 1 for k in (0, 39)]


def test_the_project_of_bloom() -> None:
    """60,000 units of 300 dollars, of which all must be sold; 1.1 and 1.0 million a quarter come first."""
    project = swap_terms(parse_deal(read_deal_yaml(BLOOM))).project
    assert project is not None
    assert (project.name, project.symbol) == ("Bloom Wind Revenue Share", "BLOOM")
    assert (project.unit_price, project.soft_cap, project.hard_cap) == (300 * USD, 60_000, 60_000)
    assert (project.opens, project.closes) == (midnight(date(2017, 5, 1)), midnight(date(2017, 5, 31)))
    # Classes 1, 2 and 3 as bits (HoldingPolicy.sol).
    assert (project.allowed_classes, project.blocked_countries) == (0b1110, ())
    assert project.periods == tuple(
        TreasuryPeriod(midnight(after, 45), 1_100_000 * USD, 1_000_000 * USD)
        for _, after in quarters(date(2017, 6, 1), 40)
    )


def test_a_payee_without_units_posts_collateral() -> None:
    terms = swap_terms(parse_deal(read_deal_yaml(RAIN)))
    assert terms.project is None
    assert terms.payment.required == (2_000_000 * USD, 1_000_000 * USD)
    assert not terms.payment.limited_recourse
    assert terms.payment.curve == Curve.of(Shape.LINEAR, [(0, 0), (60_000, 12_000_000 * USD)])
    assert terms.payment.missing_payoff == 0  # the utility measures: no rain is the worst for it


@pytest.mark.parametrize("file", [BLOOM, RAIN], ids=["bloom", "rain"])
def test_a_swap_begins_before_anything_is_measured(file: Path) -> None:
    """Later, a side could look on while the first period becomes known, and post its collateral or let the
    swap lapse as suits it. A deal cannot say when: it is the first second of the swap's first period."""
    tree = read_deal_yaml(file)
    terms = swap_terms(parse_deal(tree))
    assert terms.payment.start_by == terms.feed.period_starts[0] == min(terms.feed.period_starts)
    moved = deepcopy(tree)
    moved["parts"]["swap"]["begin_by"] = term(date(2030, 1, 1))
    with pytest.raises(DealFileError, match=r"parts\.swap\.begin_by.*unknown field"):
        parse_deal(moved)


def changed(*, controller: str = "payee", **swap: Any) -> Any:
    """Bloom with other terms of its swap; its payer measures if it is to."""
    tree = deepcopy(read_deal_yaml(BLOOM))
    tree["parts"]["swap"] |= swap
    if controller == "payer":
        tree["parties"]["project"]["roles"].remove("data_controller")
        tree["parties"]["provider"]["roles"].append("data_controller")
    return tree


@pytest.mark.parametrize(("controller", "worst"), [("payee", -25_000_000), ("payer", 30_000_000)])
def test_a_model_value_that_nobody_tells_is_the_worst_for_who_measures(controller: str, worst: int) -> None:
    tree = changed(controller=controller, close_out={"rule": "model_value", "kpi": "model-value"})
    tree["kpis"]["model-value"] = deepcopy(tree["kpis"]["proxy-revenue"]) | {
        "decimals": 6, "bounds": {"minimum": term(-25_000_000), "maximum": term(30_000_000)},
    }  # fmt: skip
    tree["oracle"]["model-value"] = deepcopy(tree["oracle"]["proxy-revenue"]) | {
        "max_spread": term(1_000_000)
    }
    terms = swap_terms(parse_deal(tree))
    assert terms.payment.close_out_rule is CloseOutRule.MODEL_VALUE
    assert terms.payment.missing_value == worst * USD
    assert terms.value_feed is not None
    assert terms.value_feed.kpi == "model-value"
    # A missing measurement is the worst of the curve for who measures: -15 million, or 2 million to pay.
    assert terms.payment.missing_payoff == (-15_000_000 if controller == "payee" else 2_000_000) * USD
    assert terms.payment.data_controller is (Side.PAYEE if controller == "payee" else Side.PAYER)


def test_tiers_are_steps_and_silence_may_have_a_stated_amount() -> None:
    tree = changed(
        tiers=[
            {"below": term(3_000_000), "inclusive": False, "amount": term(500_000)},
            {"above": term(3_000_000), "inclusive": True, "amount": term(-250_000)},
        ]
    )
    del tree["parts"]["swap"]["line"]
    tree["oracle"]["proxy-revenue"]["missing"] = {"rule": "amount", "amount": term(Decimal(-300_000))}
    payment = swap_terms(parse_deal(tree)).payment
    assert payment.curve == Curve.of(Shape.STEP, [(-(2**127), 500_000 * USD), (300_000_000, -250_000 * USD)])
    assert payment.missing_payoff == -300_000 * USD


def test_a_sale_of_part_to_some() -> None:
    """A third sold is enough; institutions only (class 3); two countries, by ISO numbers, may not buy."""
    tree = changed()
    tree["parts"]["offering"] |= {
        "soft_cap": term(6_000_000),
        "opens": term(date(2017, 4, 1)),
        "closes": term(date(2017, 4, 1) + timedelta(days=30)),
    }
    tree["parts"]["token"] |= {"eligible_classes": ["institutional"], "blocked_countries": ["US", "KR"]}
    project = swap_terms(parse_deal(tree)).project
    assert project is not None
    assert (project.soft_cap, project.hard_cap) == (20_000, 60_000)
    assert (project.opens, project.closes) == (midnight(date(2017, 4, 1)), midnight(date(2017, 5, 1)))
    assert (project.allowed_classes, project.blocked_countries) == (1 << 3, (410, 840))
