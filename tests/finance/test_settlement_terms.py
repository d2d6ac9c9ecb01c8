"""From the deal to integers: the step curve, the schedule, and silence that never pays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st

from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum, payoff
from finance.settlement.terms import settlement_terms
from finance.terms import Deal, load_deal, parse_deal
from finance.terms.bond import OutcomePayment
from finance.terms.payoffs import points
from finance.terms.reader import read_deal_yaml
from finance.terms.schedule import accrual_factor, coupon_schedule, months_after, unix
from finance.terms.tiers import Tier, check_tiers, describe, lower_bound, upper_bound

GOOD = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"


def at(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


def test_dc_water_in_integers(deal: Deal) -> None:
    """Units and knots as docs/architecture.md has them: 6 token decimals, rate 1e18 = 100 %."""
    terms = settlement_terms(deal)
    assert [(knot.x, knot.y) for knot in terms.fixings[0].curve.knots] == [
        (-(2**127), -3_300_000 * 10**6),
        (186_000, 0),
        (413_001, 3_300_000 * 10**6),
    ]
    assert terms.fixings[0].curve.shape is Shape.STEP
    assert terms.rate == 34_300_000_000_000_000
    assert (terms.unit_principal, terms.unit_price) == (10**9, 10**9)
    assert (terms.soft_cap, terms.hard_cap) == (25_000, 25_000)
    assert (terms.opens, terms.closes) == (at(2016, 9, 15), at(2016, 9, 29))
    assert [(period.numerator, period.denominator) for period in terms.periods] == [(180, 360)] * 9
    assert terms.periods[0].start == at(2016, 10, 1)
    assert [period.pay_date for period in terms.periods] == [
        at(year, month, 1) for year in range(2017, 2022) for month in (4, 10)
    ][:9]
    assert terms.allowed_classes == 0b1110
    assert terms.blocked_countries == ()
    assert terms.terms_hash == deal.terms_hash
    assert terms.feeds[0].period_ends == (at(2021, 1, 1),)
    assert (terms.feeds[0].min_value, terms.feeds[0].max_value) == (-1_000_000, 1_000_000)
    assert (terms.feeds[0].nodes, terms.feeds[0].quorum, terms.fixings[0].kpi_period) == (4, 3, 0)
    assert (terms.feeds[0].reporting_window, terms.feeds[0].late_window) == (35 * 86_400, 15 * 86_400)
    assert terms.feeds[0].challenge_bond == 10_000 * 10**6
    assert terms.feeds[0].method_hash.startswith("0x")
    assert len(terms.feeds[0].method_hash) == 66


@pytest.mark.parametrize(
    ("kpi", "amount"),
    [(185_999, -3_300_000), (186_000, 0), (413_000, 0), (413_001, 3_300_000), (-(2**127), -3_300_000)],
)
def test_dc_water_tiers_at_their_bounds(kpi: int, amount: int, deal: Deal) -> None:
    """FIELD.md: more than 41.3 % pays, 18.6 % to 41.3 % inclusive does not, less than 18.6 % costs."""
    assert payoff(settlement_terms(deal).fixings[0].curve, kpi) == amount * 10**6


def test_silence_costs_the_issuer_most(deal: Deal) -> None:
    terms = settlement_terms(deal)
    assert terms.data_controller == "issuer"
    assert terms.fixings[0].missing == maximum(terms.fixings[0].curve) == 3_300_000 * 10**6


def test_silence_costs_the_holders_most_when_they_hold_the_data(edited: Callable[..., Path]) -> None:
    path = edited(
        ("roles: [issuer, data_controller]", "roles: [issuer]"),
        ("roles: [holder]", "roles: [holder, data_controller]"),
    )
    terms = settlement_terms(load_deal(path))
    assert terms.data_controller == "holders"
    assert terms.fixings[0].missing == minimum(terms.fixings[0].curve) == -3_300_000 * 10**6


def test_blocked_countries_become_numbers(edited: Callable[..., Path]) -> None:
    """ISO 3166-1: Norway 578, Korea 410; NO must not be read as false."""
    path = edited(("blocked_countries: []", "blocked_countries: [NO, KR]"))
    assert settlement_terms(load_deal(path)).blocked_countries == (410, 578)


@pytest.mark.parametrize("decimals", [8, 18])
def test_other_token_decimals_scale_all_money(decimals: int, deal: Deal, edited: Callable[..., Path]) -> None:
    scale = 10 ** (decimals - 6)
    six, other = (
        settlement_terms(deal),
        settlement_terms(load_deal(edited(("token_decimals: 6", f"token_decimals: {decimals}")))),
    )
    assert other.unit_principal == six.unit_principal * scale
    assert other.fixings[0].missing == six.fixings[0].missing * scale
    assert other.feeds[0].challenge_bond == six.feeds[0].challenge_bond * scale
    assert (other.rate, other.hard_cap) == (six.rate, six.hard_cap)


# --- tiers against what they say

DECIMALS = 4


@st.composite
def tier_decks(draw: Any) -> list[Tier]:
    """Tiers that cover the line once, with random bounds, amounts and owners of the bounds."""
    bounds = sorted(draw(st.sets(st.integers(min_value=-4500, max_value=4500), min_size=1, max_size=6)))
    # Two steps apart, so that a tier that owns neither bound still holds a value.
    bounds = [2 * bound for bound in bounds]
    owners = [draw(st.booleans()) for _ in bounds]  # True: the tier above owns the bound
    amounts = [draw(st.integers(min_value=-25_000_000, max_value=25_000_000)) for _ in range(len(bounds) + 1)]

    def term(value: int | Decimal) -> dict[str, Any]:
        return {"value": value, "assumed": "drawn"}

    def bound(index: int) -> dict[str, Any]:
        return term(Decimal(bounds[index]).scaleb(-DECIMALS))

    deck: list[dict[str, Any]] = [{"below": bound(0), "inclusive": not owners[0], "amount": term(amounts[0])}]
    for index in range(1, len(bounds)):
        inclusive = {
            (True, True): "from",
            (True, False): "both",
            (False, True): "neither",
            (False, False): "to",
        }
        deck.append({"from": bound(index - 1), "to": bound(index), "amount": term(amounts[index]),
                     "inclusive": inclusive[owners[index - 1], owners[index]]})  # fmt: skip
    deck.append({"above": bound(-1), "inclusive": owners[-1], "amount": term(amounts[-1])})
    return [Tier.model_validate(tier) for tier in deck]


def owner(tiers: list[Tier], value: Decimal) -> list[Tier]:
    """The tiers that claim `value`, read straight from their bounds."""

    def claims(tier: Tier) -> bool:
        low, high = lower_bound(tier), upper_bound(tier)
        above = low is None or value > low[0] or (low[1] and value == low[0])
        below = high is None or value < high[0] or (high[1] and value == high[0])
        return above and below

    return [tier for tier in tiers if claims(tier)]


@settings(max_examples=300, deadline=None)
@given(tier_decks(), st.data())
def test_curve_pays_what_the_owning_tier_says(tiers: list[Tier], data: Any) -> None:
    """At every KPI value, bounds and neighbours above all, one tier owns it and the curve pays its amount."""
    assert list(check_tiers(tiers)) == []
    rule = OutcomePayment(kpi="kpi", period=1, pays="at_maturity", tiers=tiers)
    curve = Curve.of(Shape.STEP, points(rule, DECIMALS, 6, -(2**127)))
    bounds = [int(low[0].scaleb(DECIMALS)) for tier in tiers if (low := lower_bound(tier))]
    free = data.draw(st.integers(min_value=-(10**6), max_value=10**6))
    for kpi in {free, *bounds, *(bound + 1 for bound in bounds), *(bound - 1 for bound in bounds)}:
        (tier,) = owner(tiers, Decimal(kpi).scaleb(-DECIMALS))
        assert payoff(curve, kpi) == tier.amount.value * 10**6
        assert minimum(curve) <= payoff(curve, kpi) <= maximum(curve)


@settings(max_examples=300, deadline=None)
@given(tier_decks(), st.data())
def test_changing_one_owner_is_always_found(tiers: list[Tier], data: Any) -> None:
    """Flip who owns one bound on one side only: the deck then overlaps or has a gap, and says so."""
    index = data.draw(st.integers(min_value=0, max_value=len(tiers) - 1))
    tier = tiers[index]
    flips: Any = {True: False, False: True, "both": "from", "from": "neither", "neither": "to", "to": "both"}
    broken = [
        *tiers[:index],
        tier.model_copy(update={"inclusive": flips[tier.inclusive]}),
        *tiers[index + 1 :],
    ]
    reasons = [reason for _, reason in check_tiers(broken)]
    assert reasons
    assert all("overlap" in reason or "gap" in reason for reason in reasons)


@settings(max_examples=100, deadline=None)
@given(tier_decks(), st.sampled_from(["issuer", "holders"]))
def test_silence_never_pays_the_data_controller(tiers: list[Tier], controller: str) -> None:
    """Law 4, on whole deals: no report is never better for the data controller than any report."""
    tree = read_deal_yaml(GOOD)
    tree["parts"]["bond"]["outcome_payment"]["tiers"] = [
        tier.model_dump(by_alias=True, exclude_none=True) for tier in tiers
    ]
    if controller == "holders":
        tree["parties"]["issuer"]["roles"] = ["issuer"]
        tree["parties"]["investors"]["roles"] = ["holder", "data_controller"]
    terms = settlement_terms(parse_deal(tree))
    possible = [payoff(terms.fixings[0].curve, knot.x) for knot in terms.fixings[0].curve.knots]
    if controller == "issuer":
        assert terms.fixings[0].missing >= max(possible)
    else:
        assert terms.fixings[0].missing <= min(possible)


def test_tiers_in_words(deal: Deal) -> None:
    tiers = deal.parts["bond"].outcome_payment.tiers
    assert [describe(tier, percent=True) for tier in tiers] == [
        "below 18.6 %",
        "18.6 % to 41.3 % inclusive",
        "above 41.3 %",
    ]


# --- schedule


@pytest.mark.parametrize(
    ("day_count", "start", "end", "expected"),
    [
        # ISDA 2006 Definitions, section 4.16(f), the worked examples 1 and 2 that ISDA published for 30/360
        # (https://www.isda.org/2008/12/22/30-360-day-count-conventions/), bond basis.
        ("30/360", date(2006, 8, 20), date(2007, 2, 20), (180, 360)),
        ("30/360", date(2008, 2, 20), date(2008, 8, 20), (180, 360)),
        ("30/360", date(2006, 8, 31), date(2007, 2, 28), (178, 360)),
        ("30/360", date(2007, 2, 28), date(2007, 8, 31), (183, 360)),
        ("30/360", date(2007, 8, 31), date(2008, 2, 29), (179, 360)),
        ("30/360", date(2008, 2, 29), date(2008, 8, 31), (182, 360)),
        ("30/360", date(2009, 2, 28), date(2009, 8, 31), (183, 360)),
        ("ACT/360", date(2016, 10, 1), date(2017, 4, 1), (182, 360)),
        ("ACT/365F", date(2016, 10, 1), date(2017, 4, 1), (182, 365)),
        ("ACT/365F", date(2020, 1, 1), date(2021, 1, 1), (366, 365)),
    ],
)  # fmt: skip
def test_accrual_factors(day_count: str, start: date, end: date, expected: tuple[int, int]) -> None:
    assert accrual_factor(day_count, start, end) == expected


def test_unsupported_day_count_says_what_is_supported() -> None:
    with pytest.raises(ValueError, match="ACT/ACT is not supported: use one of 30/360, ACT/360, ACT/365F"):
        accrual_factor("ACT/ACT", date(2020, 1, 1), date(2021, 1, 1))


@settings(max_examples=200, deadline=None)
@given(
    st.dates(min_value=date(1990, 1, 1), max_value=date(2060, 12, 31)).filter(lambda day: day.day <= 28),
    st.sampled_from([("annual", 12), ("semiannual", 6), ("quarterly", 3), ("monthly", 1)]),
    st.integers(min_value=1, max_value=40),
    st.sampled_from(["30/360", "ACT/360", "ACT/365F"]),
)
def test_schedules_are_whole_and_lose_no_day(
    start: date, frequency: tuple[str, int], count: int, day_count: str
) -> None:
    months = start.month - 1 + frequency[1] * count
    end = start.replace(year=start.year + months // 12, month=months % 12 + 1)
    schedule = coupon_schedule(start, end, frequency[0], day_count)
    assert len(schedule) == count
    assert (schedule[0].start, schedule[-1].end) == (start, end)
    assert all(before.end == after.start for before, after in pairwise(schedule))
    total = sum((period.years for period in schedule), Fraction(0))
    if day_count == "30/360":
        assert total == Fraction(frequency[1] * count, 12)
    else:
        assert total == Fraction((end - start).days, schedule[0].denominator)


def test_month_ends_stay_month_ends() -> None:
    schedule = coupon_schedule(date(2019, 8, 31), date(2021, 2, 28), "semiannual", "30/360")
    assert [period.end for period in schedule] == [date(2020, 2, 29), date(2020, 8, 31), date(2021, 2, 28)]


@settings(max_examples=500, deadline=None)
@given(
    st.dates(date(1970, 1, 1), date(2150, 12, 31)),
    st.sampled_from([("annual", 12), ("semiannual", 6), ("quarterly", 3), ("monthly", 1)]),
    st.integers(min_value=1, max_value=40),
    st.sampled_from([0, 0, 0, -1, 1, 2, -3]),
)
def test_schedules_are_quantlibs(start: date, frequency: tuple[str, int], count: int, off: int) -> None:
    """Counted back from the maturity, at the month's end if both ends are; else refused as not whole."""
    name, months = frequency
    end = months_after(start, months * count) + timedelta(days=off)
    if end <= start:
        return
    days = [ql.Date.from_date(day) for day in (start, end)]
    month_ends = all(map(ql.Date.isEndOfMonth, days))
    peer = ql.Schedule(
        *days, ql.Period(months, ql.Months), ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted,
        ql.DateGeneration.Backward, month_ends,
    )  # fmt: skip
    if not all(peer.isRegular(index) for index in range(1, len(peer))):
        with pytest.raises(ValueError, match=f"is not a whole number of {name} periods"):
            coupon_schedule(start, end, name, "30/360")
        return
    schedule = coupon_schedule(start, end, name, "30/360")
    assert [schedule[0].start, *(period.end for period in schedule)] == [day.to_date() for day in peer]


def test_unix_seconds() -> None:
    assert unix(date(1970, 1, 2)) == 86_400
