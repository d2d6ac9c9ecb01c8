"""A study of a bond at a date: its curves and figures against prices worked out anew."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import QuantLib as ql
from scipy.stats import norm

from finance import price
from finance.pricing.live import live_value
from finance.pricing.market import DiscountCurve
from finance.pricing.measures import price_from_yield
from finance.pricing.outlook import deal_outlook
from finance.pricing.prepared import PreparedBond
from finance.pricing.process import BernoulliKpi, EmpiricalKpi, LognormalKpi, NormalKpi
from finance.pricing.simulate import kpi_time
from finance.pricing.study import Study, deal_cost_of_capital, price_curves, study
from finance.terms import InputError
from tests.finance.deal_variants import VARIANTS, book_deal

DC, LOAN = "dc-water-eib-2016", "singapore-ebus-loan"


def along(found: Study, name: str) -> pd.DataFrame:
    table = price_curves(found)
    return table[table["along"] == name].reset_index(drop=True)


@pytest.mark.parametrize("day", [date(2016, 10, 1), date(2018, 2, 15)])
def test_the_price_along_the_mean_and_the_yield(day: date) -> None:
    """41 means up to four sd either way, each priced anew; 41 yields up to three points either way, at each
    of which the bond costs what it says. In the middle of both stands the study's own price."""
    deal, law = book_deal(DC), NormalKpi(0.35, 0.05)
    found = study(deal, law, 0.03, settle=day)
    means, bond = along(found, "kpi_mean"), PreparedBond.of(deal)
    assert means["x"].to_numpy() == pytest.approx(np.linspace(0.15, 0.55, 41))
    for mean, worth in means[["x", "price"]].itertuples(index=False):
        kpi = {"runoff-reduction": NormalKpi(float(mean), 0.05)}
        assert worth == pytest.approx(live_value(bond, {}, day, 0.03, kpi).dirty, abs=1e-9)
    yields = along(found, "yield")
    assert len(yields) == 41
    for rate, worth in yields[["x", "price"]].itertuples(index=False):
        assert price_from_yield(found.flows, rate, day, found.kpi_amounts) == pytest.approx(worth, abs=1e-9)
    # A continuous rate moved by three points: (1 + y/2) e^(0.03/2).
    for row, shift in ((0, -0.03), (20, 0.0), (40, 0.03)):
        assert yields["x"][row] == pytest.approx(2 * (1.015 * np.exp(shift / 2) - 1), abs=1e-9)
    for table in (means, yields):
        assert table["price"][20] == pytest.approx(found.dirty, abs=1e-9)


def test_several_reports_are_shifted_together() -> None:
    """One shift of all means: what a higher start of the trend does, up to four sd of the first report."""
    deal = book_deal(LOAN)
    found, bond = study(deal, deal_outlook(deal), 0.03), PreparedBond.of(deal)
    shifts, process = along(found, "kpi_shift"), bond.outlook["electric-share"]
    assert found.process is not None
    assert shifts["x"].to_numpy() == pytest.approx(np.linspace(-4, 4, 41) * found.process.sd)
    for shift, worth in shifts[["x", "price"]].iloc[::8].itertuples(index=False):
        moved = NormalShifted(process, float(shift))
        wanted = live_value(bond, {}, bond.flows.start, 0.03, {"electric-share": moved}).dirty  # type: ignore[dict-item]
        assert worth == pytest.approx(wanted, abs=1e-9)
    assert along(found, "kpi_mean").empty


class NormalShifted:
    """A process whose marginals all lie `by` higher."""

    def __init__(self, process: object, by: float) -> None:
        self._process, self._by = process, by
        self.description = "shifted"

    def marginal(self, time: float) -> NormalKpi:
        law = self._process.marginal(time)  # type: ignore[attr-defined]
        return NormalKpi(law.mean + self._by, law.sd)


def test_a_positive_kpi_has_only_positive_means() -> None:
    found = study(book_deal("enel-slb-2019"), LognormalKpi.from_moments(0.5, 0.2), 0.0265)
    means = along(found, "kpi_mean")["x"]
    assert means.min() > 0
    assert means.max() == pytest.approx(0.5 + 4 * 0.2)
    assert len(means) == sum(x > 1e-12 for x in np.linspace(0.5 - 0.8, 0.5 + 0.8, 41))
    sample = study(book_deal("enel-slb-2019"), EmpiricalKpi((0.1, 0.9, 0.5)), 0.0265)
    assert len(along(sample, "kpi_mean")) == 41 - sum(x <= 0 for x in np.linspace(0.5 - 1.6, 0.5 + 1.6, 41))


def test_a_yes_or_no_moves_along_the_yield_only() -> None:
    found = study(book_deal("enel-slb-2019"), BernoulliKpi(0.7), 0.0265)
    assert (found.kpi_risk, found.break_even) == (None, None)
    assert set(price_curves(found)["along"]) == {"yield"}
    assert found.to_dict()["kpi_delta"] is found.to_dict()["kpi_vega"] is None


def test_what_a_study_says_in_json() -> None:
    """Money as its own table adds up; the KPI by its id; a quote and what it implies."""
    deal, day = book_deal(DC), date(2018, 2, 15)
    found = study(deal, deal_outlook(deal), 0.0343, 0.002, day, quote=101.0)
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (said["deal"], said["terms_hash"], said["settle"]) == (deal.id, deal.terms_hash, "2018-02-15")
    assert said["kpi"]["id"] == "runoff-reduction"
    sd = (0.413 - 0.186) / 2 / norm.ppf(0.975)  # the middle tier read as a 95 % interval
    assert (said["kpi"]["mean"], said["kpi"]["sd"]) == pytest.approx((0.2995, sd), abs=1e-12)
    assert said["dirty"] == pytest.approx(said["clean"] + said["accrued"], abs=1e-12)
    assert 250_000 * said["dirty"] == pytest.approx(sum(row["present_value"] for row in said["payments"]))
    assert all(date.fromisoformat(row["date"]) > day for row in said["payments"])
    assert said["z_spread"] == pytest.approx(0.002, abs=1e-12)
    assert said["yield"] == pytest.approx(2 * (1.01715 * np.exp(0.001) - 1), abs=1e-9)
    assert said["greenium"]["clean"] == 101.0
    assert said["greenium"]["dirty"] == pytest.approx(101 + said["accrued"])
    assert said["greenium"]["greenium"] == pytest.approx(
        said["greenium"]["implied_spread"] - 0.002, abs=1e-12
    )
    assert study(deal, deal_outlook(deal), 0.0343).to_dict()["greenium"] is None


def test_the_break_even_kpi_makes_the_clean_price_par() -> None:
    deal, day = book_deal(DC), date(2018, 2, 15)
    found = study(deal, NormalKpi(0.35, 0.05), 0.04, settle=day)
    assert found.break_even is not None
    again = study(deal, NormalKpi(found.break_even, 0.05), 0.04, settle=day)
    assert again.clean == pytest.approx(100, abs=1e-9)
    assert study(book_deal(LOAN), deal_outlook(book_deal(LOAN)), 0.03).break_even is None  # seven reports


@pytest.mark.parametrize("name", ["enel along a line", "enel trend", "enel lognormal"])
def test_delta_and_vega_are_differences_of_prices(name: str) -> None:
    """Of a study's own price, by moving what is expected; vega by widening it."""
    deal = VARIANTS[name]()
    found = study(deal, deal_outlook(deal), 0.0265)
    law = found.process
    assert law is not None
    assert found.kpi_risk is not None

    def worth(by: float, wider: float) -> float:
        return study(deal, law.moved(law.mean + by, law.sd + wider), 0.0265).dirty  # type: ignore[attr-defined]

    h = 1e-3 * law.sd
    assert found.kpi_risk.delta == pytest.approx((worth(h, 0) - worth(-h, 0)) / (2 * h), rel=1e-5, abs=1e-7)
    assert found.kpi_risk.vega == pytest.approx((worth(0, h) - worth(0, -h)) / (2 * h), rel=1e-5, abs=1e-7)


def test_a_study_is_of_a_day_of_the_bonds_life() -> None:
    deal = book_deal(DC)
    last = date(2021, 4, 1)
    for day in (date(2016, 9, 30), last, last + timedelta(days=1)):
        with pytest.raises(InputError, match="must lie from 2016-10-01 to before 2021-04-01"):
            study(deal, deal_outlook(deal), 0.03, settle=day)
    assert study(deal, deal_outlook(deal), 0.03).settle == date(2016, 10, 1)
    final = study(deal, NormalKpi(0.3, 0.05), 0.03, settle=date(2021, 3, 30))
    paid = 101.715 + final.kpi_amounts[0] / 250_000
    assert final.dirty == pytest.approx(paid * 1.015 ** (-2 / 360), abs=1e-9)
    # By 30/360 the 31st is the 1st already: nothing is discounted, so a price says no yield.
    with pytest.raises(InputError, match="2021-03-31: no day is left by 30/360 to the last payment"):
        study(deal, NormalKpi(0.3, 0.05), 0.03, settle=date(2021, 3, 31))


def test_what_is_paid_on_the_day_is_the_sellers() -> None:
    """On the last day that the first report moves, the second one is the first still to come."""
    deal = book_deal(LOAN)
    outlook = deal_outlook(deal)
    for day, number in ((date(2028, 3, 31), 0), (date(2028, 4, 1), 1)):
        found = study(deal, NormalKpi(0.1, 0.03), 0.03, settle=day)
        first = found.flows.kpi_flows[0]
        assert first.observed == deal.kpis["electric-share"].periods[number].end
        assert first.paid > day
        assert study(deal, outlook, 0.03, settle=day).process == outlook["electric-share"].marginal(  # type: ignore[union-attr]
            kpi_time(found.flows.start, first.observed)
        )


def test_a_curve_takes_the_place_of_the_rate() -> None:
    """On a curve of zero rates, by QuantLib's, with the spread added."""
    deal, day = book_deal("hksar-tokenised-green-bond-2023"), date(2023, 2, 16)
    curve = DiscountCurve.from_zero_rates(day, {date(2023, 8, 16): 0.03, date(2024, 2, 16): 0.035}, 0)
    found = study(deal, {}, 9.99, 0.001, curve=curve)
    before = ql.Settings.instance().evaluationDate
    ql.Settings.instance().evaluationDate = ql.Date(16, 2, 2023)
    zeros = ql.ZeroCurve(
        [ql.Date(16, 2, 2023), ql.Date(16, 2, 2024)], [0.036, 0.036], ql.Actual365Fixed(), ql.NullCalendar(),
        ql.Linear(), ql.Continuous,
    )  # fmt: skip
    (period,) = found.flows.periods
    wanted = (
        (period.coupon + period.principal) / found.flows.face * 100 * zeros.discount(ql.Date(16, 2, 2024))
    )
    ql.Settings.instance().evaluationDate = before
    assert found.dirty == pytest.approx(wanted, abs=1e-10)
    assert found.spread == pytest.approx(0.001, abs=1e-12)


def test_the_cost_of_capital_of_a_deal() -> None:
    """At the coupon unless told otherwise; a buyer without a price of risk asks just that."""
    deal = book_deal(DC)
    for rate, wanted in ((None, 0.0343), (0.05, 0.05)):
        found = deal_cost_of_capital(deal, 0.0, 0.03, 2, rate)
        assert found.without.cost == pytest.approx(wanted, abs=1e-11)
        assert found.with_data.cost == pytest.approx(wanted, abs=1e-9)
        assert (found.risk_price, found.error_sd, found.reports) == (0.0, 0.03, 2)
    priced = price(deal)
    found = deal_cost_of_capital(deal, 0.0, 0.03)
    assert found.without.price == pytest.approx(priced.price, abs=1e-9)
    assert found.reports == 1
    # 29.95 % lies above 18.6 %, the first value at which payments change... by (0.2995 - 0.186)/0.0579 sd,
    # and a report leaves less of the sd: 1/sqrt(1/sd^2 + 1/error^2).
    sd = priced.process.sd  # type: ignore[union-attr]
    assert found.without.headroom == pytest.approx((0.2995 - 0.186) / sd, rel=1e-9)
    assert found.with_data.headroom == pytest.approx(
        (0.2995 - 0.186) * np.sqrt(1 / sd**2 + 1 / 0.03**2), rel=1e-9
    )
    for name, message in (
        ("hksar-tokenised-green-bond-2023", "a fixed bond"),
        (LOAN, "7 reports decide"),
    ):
        with pytest.raises(InputError, match=message):
            deal_cost_of_capital(book_deal(name), 0.2, 0.03)
    with pytest.raises(InputError, match="its process is bernoulli, and this needs a normal one"):
        deal_cost_of_capital(VARIANTS["enel bernoulli"](), 0.2, 0.03)
