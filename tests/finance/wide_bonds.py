"""Random bonds of every shape that a deal file can state, as plain data, and reports for them."""

from __future__ import annotations

from calendar import monthrange
from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from finance.settlement.bond import Reports
from finance.settlement.terms import SettlementTerms
from finance.terms.reader import read_deal_yaml
from finance.terms.schedule import AccrualPeriod, coupon_schedule

ENEL = Path(__file__).resolve().parents[2] / "deals" / "enel-slb-2019.yaml"
MONTHS = {"annual": 12, "semiannual": 6, "quarterly": 3, "monthly": 1, "once": 7}
KPI_DECIMALS = 4
REPORTS_OF = 3  # measurement periods of each KPI

Tree = dict[str, Any]


def term(value: Any) -> Tree:
    return {"value": value, "assumed": "drawn"}


def after(day: date, months: int) -> date:
    """`months` later, on the last day of the month where the day does not exist."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@st.composite
def bases(draw: Any) -> tuple[Tree, tuple[AccrualPeriod, ...]]:
    """A deal whose one claim is a plain bond, and its schedule. Its two KPIs decide nothing yet."""
    tree = deepcopy(_enel())
    frequency = draw(st.sampled_from(list(MONTHS)))
    day_count = draw(st.sampled_from(["30/360", "ACT/360", "ACT/365F"]))
    start = draw(st.dates(date(2020, 1, 1), date(2040, 12, 31)))
    count = draw(st.integers(1, 12)) if frequency != "once" else 1
    end = after(start, MONTHS[frequency] * count)
    try:
        schedule = coupon_schedule(start, end, frequency, day_count)
    except ValueError:
        assume(False)  # a day that February moved: refused, and tested elsewhere
    denomination = draw(st.sampled_from([1, 100, 1000, 99_999]))
    principal = denomination * draw(st.integers(1, 20_000))
    bond = tree["parts"]["bond"]
    bond |= {
        "principal": term(principal),
        "denomination": term(denomination),
        "issue_price": term(1),
        "interest_from": term(start),
        "issue_date": term(start),
        "maturity": term(end),
        "late_rate": term(Decimal("0.99")),  # below no coupon
        "coupon": {
            "rate": term(Decimal(draw(st.integers(0, 2000))).scaleb(-4)),
            "frequency": frequency,
            "day_count": day_count,
            "business_days": "unadjusted",
        },
    }
    tree["currency"]["token_decimals"] = draw(st.sampled_from([6, 8, 18]))
    tree["parts"]["offering"] |= {
        "opens": term(start - timedelta(days=9)),
        "closes": term(start),
        "soft_cap": term(principal),
        "hard_cap": term(principal),
    }
    if draw(st.booleans()):
        tree["parties"]["issuer"]["roles"] = ["issuer"]
        tree["parties"]["investors"]["roles"] = ["holder", "data_controller"]
    # Measured soon after the start and in before the first pay date: deadlines have tests of their own.
    days = [start + timedelta(days=3 + 2 * number) for number in range(REPORTS_OF)]
    measure, policy = tree["kpis"].pop("renewable-share"), tree["oracle"].pop("renewable-share")
    measure["periods"] = [{"start": day, "end": day, "assumed": "drawn"} for day in days]
    measure["decimals"] = KPI_DECIMALS
    policy |= {name: term(1) for name in ("reporting_days", "late_days", "dispute_days", "ruling_days")}
    for name in ("first-kpi", "second-kpi"):
        tree["kpis"][name], tree["oracle"][name] = deepcopy(measure), deepcopy(policy)
    return tree, schedule


@cache
def _enel() -> Tree:
    return read_deal_yaml(ENEL)


@st.composite
def payoffs(draw: Any, name: str, values: st.SearchStrategy[Decimal]) -> Tree:
    """`tiers` or a `line`, whose payoff field is `name`."""
    bounds = sorted(draw(st.sets(st.integers(1, 4999), min_size=1, max_size=4)))
    at = [term(Decimal(2 * bound).scaleb(-KPI_DECIMALS)) for bound in bounds]
    if draw(st.sampled_from([False, False, True])):
        return {"line": [{"kpi": kpi, name: term(draw(values))} for kpi in at]}
    owners = [draw(st.booleans()) for _ in bounds]  # True: the tier above owns the bound
    kinds = {(True, True): "from", (True, False): "both", (False, True): "neither", (False, False): "to"}
    middle = [
        {"from": low, "to": high, "inclusive": kinds[below, above]}
        for low, high, below, above in zip(at, at[1:], owners, owners[1:], strict=False)
    ]
    tiers: list[Tree] = [
        {"below": at[0], "inclusive": not owners[0]},
        *middle,
        {"above": at[-1], "inclusive": owners[-1]},
    ]
    return {"tiers": [tier | {name: term(draw(values))} for tier in tiers]}


def report(draw: Any) -> Tree:
    return {
        "kpi": draw(st.sampled_from(["first-kpi", "second-kpi"])),
        "period": draw(st.integers(1, REPORTS_OF)),
    }


@st.composite
def wide_bonds(draw: Any) -> tuple[Tree, tuple[AccrualPeriod, ...]]:
    """A deal that is accepted, and its schedule: later rates, steps, lines, repayments, an outcome, or none
    of them."""
    tree, schedule = draw(bases())
    bond = tree["parts"]["bond"]
    stated = [bond["coupon"]["rate"]]
    starts = st.sampled_from([period.start for period in schedule])
    if days := sorted(draw(st.sets(starts, max_size=3)) - {schedule[0].start}):
        stated += [term(Decimal(draw(st.integers(0, 2000))).scaleb(-4)) for _ in days]
        bond["coupon"]["later_rates"] = [
            {"from": term(day), "rate": rate} for day, rate in zip(days, stated[1:], strict=True)
        ]
    ends = [period.end for period in schedule]
    rates = st.integers(-200 * 10**4, 500 * 10**4).map(lambda number: Decimal(number).scaleb(-8))
    steps = []
    for _ in range(draw(st.integers(0, 3))):
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(schedule) - 1)] * 2)))
        step = report(draw) | {"from": term(schedule[first].start)} | draw(payoffs("rate", rates))
        if last < len(schedule) - 1:
            step["until"] = term(schedule[last].end)
        steps.append(step)
    if steps:
        bond["coupon"]["steps"] = steps
        lows = [min(each["rate"]["value"] for each in step.get("tiers") or step["line"]) for step in steps]
        for rate in stated:
            rate["value"] += sum(-low for low in lows if low < 0)
    kind = draw(st.sampled_from(["bullet", "linear", "schedule"]))
    if kind == "linear":
        bond["amortisation"] = {"kind": kind, "from": term(draw(st.sampled_from(ends)))}
    elif kind == "schedule":
        parts = draw(st.lists(st.tuples(st.sampled_from(ends), st.integers(1, 300)), min_size=1, max_size=3))
        bond["amortisation"] = {
            "kind": kind,
            "instalments": [
                {"date": term(day), "fraction": term(Decimal(part).scaleb(-3))} for day, part in parts
            ],
        }
    if draw(st.booleans()):
        dated = draw(st.booleans())
        # Holders can pay back from what is redeemed, which is a twelfth or more; before maturity nothing.
        cents = int(bond["principal"]["value"] * 100)
        amounts = st.integers(0 if dated else -cents // 20, cents // 5).map(
            lambda number: Decimal(number).scaleb(-2)
        )
        outcome = report(draw) | draw(payoffs("amount", amounts))
        outcome |= (
            {"pays": "on_date", "date": term(draw(st.sampled_from(ends)))}
            if dated
            else {"pays": "at_maturity"}
        )
        bond["outcome_payment"] = outcome
    used = {rule["kpi"] for rule in [*steps, bond.get("outcome_payment", {"kpi": ""})]}
    tree["oracle"] = {name: policy for name, policy in tree["oracle"].items() if name in used}
    return tree, schedule


@st.composite
def reports_for(draw: Any, terms: SettlementTerms) -> Reports:
    """One report for each fixing: a knot, beside one, anywhere, or missing. Fixings of one report agree."""
    by_report: dict[tuple[int, int], int | None] = {}
    for fixing in terms.fixings:
        knots = [knot.x for knot in fixing.curve.knots if knot.x >= 0]
        near = st.sampled_from([x + shift for x in knots for shift in (-1, 0, 1)])
        feed = terms.feeds[fixing.feed]
        anywhere = st.integers(feed.min_value, feed.max_value)
        by_report[fixing.feed, fixing.kpi_period] = draw(st.one_of(near, near, near, anywhere, st.none()))
    return [by_report[fixing.feed, fixing.kpi_period] for fixing in terms.fixings]
