"""One claim, one date, one yield: one price, whichever command is asked, and it is QuantLib's.

Random fixed bonds of every day count and frequency, ends of months included; deals allow whole periods only,
so the one period of a bond that pays `once` is the only odd one.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import QuantLib as ql

from finance import price
from finance.pricing.flows import deal_flows
from finance.pricing.live import live_value
from finance.pricing.market import Market, years
from finance.pricing.measures import accrued_price, bond_market, dirty_price, price_from_yield
from finance.pricing.prepared import PreparedBond
from finance.pricing.processes import NormalProcess
from finance.pricing.study import study
from finance.terms import Deal, parse_deal
from finance.terms.bond import KpiBond
from finance.terms.reader import read_deal_yaml
from finance.terms.schedule import accrual_factor, coupon_schedule
from tests.finance.deal_variants import book_deal, term
from tests.finance.wide_bonds import MONTHS, after

DAY_COUNTS = {
    "30/360": ql.Thirty360(ql.Thirty360.BondBasis),
    "ACT/360": ql.Actual360(),
    "ACT/365F": ql.Actual365Fixed(),
}
FREQUENCIES = {
    "annual": ql.Annual,
    "semiannual": ql.Semiannual,
    "quarterly": ql.Quarterly,
    "monthly": ql.Monthly,
}
BONDS = 500


def fixed_bond(start: date, maturity: date, frequency: str, day_count: str, rate: str) -> Deal:
    """The Hong Kong bond's file with another schedule and coupon: one claim, no KPI."""
    tree = read_deal_yaml(book_deal("hksar-tokenised-green-bond-2023").file)  # type: ignore[arg-type]
    bond = tree["parts"]["bond"]
    bond |= {name: term(day) for name, day in
             {"interest_from": start, "issue_date": start, "maturity": maturity}.items()}  # fmt: skip
    late = term(Decimal(rate) + Decimal("0.02"))
    bond |= {"issue_price": term(1), "late_rate": late, "coupon": bond["coupon"] | {
        "rate": term(Decimal(rate)), "frequency": frequency, "day_count": day_count}}  # fmt: skip
    bond["term_readings"] = []
    tree["parts"]["offering"] |= {"opens": term(start - timedelta(days=9)), "closes": term(start)}
    return parse_deal(tree)


def quantlib(deal: Deal) -> Any:
    coupon, schedule = deal.only(KpiBond).coupon, deal.only(KpiBond).schedule
    dates = [ql.Date.from_date(day) for day in (schedule[0].start, *(period.end for period in schedule))]
    return ql.FixedRateBond(
        0, 100.0, ql.Schedule(dates), [float(coupon.rate.value)], DAY_COUNTS[coupon.day_count]
    )


def quantlib_dirty(deal: Deal, day: date, rate: float) -> float:
    """QuantLib's dirty price; a yield compounded once a life is restated as a yearly one."""
    ql.Settings.instance().evaluationDate = ql.Date.from_date(day)
    coupon, often = deal.only(KpiBond).coupon, ql.Annual
    if coupon.frequency == "once":
        whole = float(deal.only(KpiBond).schedule[0].years)
        rate = (1 + rate * whole) ** (1 / whole) - 1
    else:
        often = FREQUENCIES[coupon.frequency]
    counted = ql.InterestRate(rate, DAY_COUNTS[coupon.day_count], ql.Compounded, often)
    at = ql.Date.from_date(day)
    bond = quantlib(deal)
    return float(ql.BondFunctions.cleanPrice(bond, counted, at) + bond.accruedAmount(at))


def every_price(deal: Deal, day: date, rate: float) -> dict[str, float]:
    """The price by each way that commands and the API have."""
    bond = PreparedBond.of(deal)
    flows, none = bond.flows, study(deal, {}, rate, settle=day)
    found: dict[str, float | None] = {
        "live": live_value(bond, {}, day, rate).dirty,
        "study": none.dirty,
        "yield": price_from_yield(flows, rate, day, none.kpi_amounts),
        "market": dirty_price(flows, bond_market(flows, rate), day, none.kpi_amounts),
    }
    if day == flows.start:
        found["value"] = bond.value(rate).price
    return {name: worth for name, worth in found.items() if worth is not None}


def random_bond(rng: random.Random) -> Deal:
    while True:
        start = date(2024, 1, 1) + timedelta(days=rng.randrange(2200))
        if rng.random() < 0.5:  # the days on which day counts differ
            start = rng.choice([date(start.year, 2, 28), date(2024, 2, 29), date(start.year, 8, 31),
                                date(start.year, 11, 30), date(start.year, 1, 30)])  # fmt: skip
        frequency, day_count = rng.choice([*FREQUENCIES, "once"]), rng.choice(list(DAY_COUNTS))
        count = rng.randint(1, 20) if frequency != "once" else 1
        months = MONTHS[frequency] * count if frequency != "once" else rng.randint(1, 60)
        try:
            coupon_schedule(start, after(start, months), frequency, day_count)
        except ValueError:
            continue  # a day that February moved: refused, and tested elsewhere
        rate = f"0.{rng.randrange(1000):04d}"
        return fixed_bond(start, after(start, months), frequency, day_count, rate)


def a_day_before(end: date, deal: Deal, rng: random.Random) -> date:
    """From which some time is left by the bond's clock: 30/360 has none from a 30th to the 31st."""
    flows = deal_flows(deal)
    while True:
        day = flows.start + timedelta(days=rng.randrange((end - flows.start).days))
        if flows.clock.time(day) < flows.clock.time(end):
            return day


def test_every_command_has_quantlibs_price(seed: int) -> None:
    print(f"PENSTOCK_SEED={seed}")
    rng = random.Random(seed)
    for number in range(BONDS):
        deal = random_bond(rng)
        start, end = deal.only(KpiBond).interest_from.value, deal.only(KpiBond).maturity.value
        day = start if number % 3 == 0 else a_day_before(end, deal, rng)
        rate = rng.uniform(-0.02, 0.15)
        wanted = quantlib_dirty(deal, day, rate)
        about = (number, deal.only(KpiBond).coupon, start, end, day, rate)
        found = every_price(deal, day, rate)
        assert found == pytest.approx(dict.fromkeys(found, wanted), abs=2e-8), about
        accrued = quantlib(deal).accruedAmount(ql.Date.from_date(day))
        assert accrued_price(deal_flows(deal), day) == pytest.approx(accrued, abs=2e-8), about


@pytest.mark.parametrize(
    ("frequency", "day_count", "start", "end", "rate", "wanted"),
    [
        ("semiannual", "30/360", date(2026, 2, 28), date(2033, 2, 28), 0.0437, 103.772),
        ("quarterly", "ACT/360", date(2024, 1, 1), date(2029, 1, 1), 0.05, 99.998),
    ],
)
def test_prices_that_differed_by_command(
    frequency: str, day_count: str, start: date, end: date, rate: float, wanted: float
) -> None:
    deal = fixed_bond(start, end, frequency, day_count, "0.05")
    found = every_price(deal, start, rate)
    assert {name: round(worth, 3) for name, worth in found.items()} == dict.fromkeys(found, wanted)
    valuation = price(deal, discount_yield=rate)
    assert round(valuation.price, 3) == wanted
    table = valuation.cashflows
    assert table["present_value"].sum() + float(valuation.claim.issue_price) == pytest.approx(
        valuation.price / 100 * float(valuation.claim.principal), abs=0.05
    )
    ql.Settings.instance().evaluationDate = ql.Date.from_date(start)
    often = FREQUENCIES[frequency]
    counted = ql.InterestRate(rate, DAY_COUNTS[day_count], ql.Compounded, often)
    at = ql.Date.from_date(start)
    for value, kind in (
        (valuation.durations.macaulay, ql.Duration.Macaulay),
        (valuation.durations.modified, ql.Duration.Modified),
    ):
        assert value == pytest.approx(ql.BondFunctions.duration(quantlib(deal), counted, kind, at), abs=1e-8)


def test_thirty_360_is_quantlibs(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(3000):
        start = date(2024, 1, 1) + timedelta(days=rng.randrange(1500))
        end = start + timedelta(days=rng.randrange(1500))
        wanted = DAY_COUNTS["30/360"].dayCount(ql.Date.from_date(start), ql.Date.from_date(end))
        assert accrual_factor("30/360", start, end) == (wanted, 360)


def test_the_clock_of_a_kpi_starts_with_interest_on_every_day() -> None:
    """Only a report tells more about a KPI: its trend and memory do not start again on the day of a price.

    By hand: the mean of the first report is where the trend has come by the end of 2026, on every valuation
    date. Singapore's first step is then worth the same expected money as in `price`.
    """
    deal = book_deal("singapore-ebus-loan")
    wanted = price(deal, discount_yield=0.03).closed_form.amounts[0]
    outlook = PreparedBond.of(deal).outlook
    process = outlook["electric-share"]
    assert isinstance(process, NormalProcess)
    for day in (None, date(2026, 6, 1), date(2026, 12, 1), date(2026, 12, 30)):
        found = study(deal, outlook, 0.03, settle=day)
        assert found.kpi_amounts[0] == pytest.approx(wanted, abs=1e-9)
        assert found.process is not None
        passed = years("30/360", deal.only(KpiBond).interest_from.value, date(2026, 12, 31))
        assert found.process.mean == pytest.approx(process.mean + process.trend * passed, abs=1e-12)
        at = found.settle
        assert found.dirty == pytest.approx(live_value(PreparedBond.of(deal), {}, at, 0.03).dirty, abs=1e-9)


def test_a_market_may_still_count_plainly() -> None:
    """A curve of the world is not a bond's: without pay dates its days are counted from its reference."""
    market = Market.flat(date(2026, 2, 28), 0.04)
    assert market.curve.time(date(2027, 2, 28)) == 1.0
