"""What a price says of a bond that its issuer may call: against QuantLib, and that it is never silent."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import QuantLib as ql
import yaml
from typer.testing import CliRunner

from finance import price
from finance.pricing.calls import least_price, least_yield
from finance.pricing.live import fixing_rules, live_value
from finance.pricing.prepared import PreparedBond
from finance.pricing.study import study
from finance.report.studies import study_table
from finance.report.tables import cashflow_table, valuation_frame, valuation_tables
from finance.terms import Deal
from finance.terms.bond import KpiBond
from scripts.cli import main
from tests.finance.deal_variants import BOOK, book_deal
from tests.finance.test_calls import FIRST, SECOND, callable_bond, enel

YIELD = 0.03
ENEL_CALL = date(2023, 9, 10)


def quantlib(deal: Deal, until: date, redemption: float) -> Any:
    """The callable bond of test_calls up to a day, by QuantLib: its coupons, and so much at the end."""
    periods = deal.only(KpiBond).schedule
    days = [periods[0].start, *(period.end for period in periods if period.end <= until)]
    schedule = ql.Schedule([ql.Date.from_date(day) for day in days])
    count = ql.Thirty360(ql.Thirty360.BondBasis)
    return ql.FixedRateBond(0, 100.0, schedule, [0.05], count, ql.Unadjusted, redemption)


@pytest.mark.parametrize("rate", [0.01, YIELD, 0.05, 0.09])
def test_each_call_has_quantlibs_price_and_yield(rate: float) -> None:
    deal = callable_bond()
    found = price(deal, discount_yield=rate)
    start, count = ql.Date.from_date(found.flows.start), ql.Thirty360(ql.Thirty360.BondBasis)
    ql.Settings.instance().evaluationDate = start
    assert [each.day for each in found.workouts] == found.flows.dates[3:]
    for each in found.workouts:
        same = quantlib(deal, each.day, each.call_price)
        assert each.price == pytest.approx(
            same.dirtyPrice(rate, count, ql.Compounded, ql.Semiannual, start), abs=1e-9
        )
        bought = ql.BondPrice(100.0, ql.BondPrice.Dirty)
        earned = ql.BondFunctions.bondYield(same, bought, count, ql.Compounded, ql.Semiannual, start, 1e-13)
        assert each.earned == pytest.approx(earned, abs=1e-9)
    assert found.workouts[-1].price == found.price
    assert found.workouts[-1].earned == found.expected_yield


def test_it_is_worth_no_more_than_to_worst() -> None:
    """Below its coupon a bond is called at once, far above it never."""
    low, high = (price(callable_bond(), discount_yield=rate) for rate in (0.01, 0.09))
    assert least_price(low.workouts).day == FIRST
    assert least_price(low.workouts).price < low.price
    assert least_price(high.workouts).day == high.flows.dates[-1]
    assert least_price(high.workouts).price == high.price
    # Bought at par, a call at a premium earns more than the coupon, one at par the coupon: the worst.
    assert least_yield(low.workouts).day >= SECOND
    assert least_yield(low.workouts).earned == pytest.approx(0.05, abs=1e-12)


@pytest.mark.parametrize("deal", [callable_bond(), enel("1.01"), enel("1.02", date(2021, 9, 10))])
def test_a_call_is_priced_as_the_bond_that_it_leaves(deal: Deal) -> None:
    """Its premium paid, and what KPIs would have added later left out."""
    found = price(deal, discount_yield=YIELD)
    for index, each in zip(found.claim.terms.callable(), found.workouts, strict=False):
        left = PreparedBond.of(deal, index)
        value = left.value(YIELD)
        assert value.price == pytest.approx(each.price, abs=1e-9)
        assert value.expected_yield == pytest.approx(each.earned, abs=1e-9)
        live = live_value(left, {}, left.flows.start, YIELD)
        assert live.dirty == pytest.approx(each.price, abs=1e-9)
        day = left.flows.dates[-1]
        assert max((flow.paid for flow in left.flows.kpi_flows), default=day) <= day


def test_called_before_a_step_nothing_bends_it() -> None:
    """Enel's step is of coupons from September 2022 on."""
    deal = enel("1.02", date(2021, 9, 10))
    index = price(deal).claim.terms.callable()[0]
    left = PreparedBond.of(deal, index)
    assert fixing_rules(left) == []
    assert left.claim.cases == ()
    assert not left.claim.tiered


def test_a_called_bond_in_mid_life_has_quantlibs_price() -> None:
    deal, day = callable_bond(), date(2027, 7, 19)
    index = price(deal).claim.terms.callable()[0]
    live = live_value(PreparedBond.of(deal, index), {}, day, YIELD)
    at, count = ql.Date.from_date(day), ql.Thirty360(ql.Thirty360.BondBasis)
    ql.Settings.instance().evaluationDate = at
    same = quantlib(deal, FIRST, 102.0)
    assert live.dirty == pytest.approx(
        same.dirtyPrice(YIELD, count, ql.Compounded, ql.Semiannual, at), abs=1e-9
    )
    over = live_value(PreparedBond.of(deal, index), {}, FIRST + timedelta(days=1), YIELD)
    assert over.dirty is None


# -- in words


def said(deal: Deal) -> str:
    found = price(deal, discount_yield=YIELD)
    tables = [*valuation_tables(found), cashflow_table(found), study_table(study(deal, {}, YIELD))]
    return "\n".join(str(table) for table in tables)


def test_prices_and_cash_flows_say_that_the_option_is_not_valued() -> None:
    text = said(callable_bond())
    for words in (
        "at most this, as the issuer's option is not valued",
        "Yield to worst",
        "called for 2028-04-01",
        "To maturity; the issuer may call the bond before.",
        "to maturity: the issuer's call is not valued",
    ):
        assert words in text
    frame = valuation_frame(price(callable_bond()))
    assert set(frame[frame.quantity == "yield_to_call"].reading) >= {str(FIRST), str(SECOND)}


@pytest.mark.parametrize("name", BOOK)
def test_a_bond_that_cannot_be_called_says_nothing_of_calls(name: str) -> None:
    found = price(book_deal(name))
    assert found.workouts == ()
    assert "calls" not in found.to_dict()


def test_the_command_says_it(tmp_path: Path) -> None:
    tree = json.loads(callable_bond().canonical_json)
    file = tmp_path / "callable.yaml"
    file.write_text(yaml.safe_dump(tree))
    found = CliRunner().invoke(main, ["price", str(file), "--yield", "0.03", "--json"])
    assert found.exit_code == 0, found.stderr
    calls = json.loads(found.stdout)["calls"]
    assert calls["option"] == "not valued"
    assert calls["price_to_worst"] == min(each["price"] for each in calls["workouts"])
    shown = CliRunner().invoke(main, ["price", str(file)])
    assert "Yield to worst" in shown.stdout
    assert "If the issuer calls it" in shown.stdout
