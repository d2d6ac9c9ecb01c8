"""What a deal under way is worth, how its last report moved it, and what its KPIs may still do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from scipy.stats import norm

from api.instruments import valued
from api.instruments.swap_value import SwapValue
from api.jobs import Jobs
from api.models.deployment import Quantiles
from api.models.valuation import LivePrice
from finance.pricing.live import Realised
from finance.terms import Deal, InputError, load_deal

DEALS = Path(__file__).resolve().parents[2] / "deals"
KEY = ("runoff-reduction", 0)
REPORTED = date(2021, 1, 20)


def book(name: str) -> Deal:
    return load_deal(DEALS / f"{name}.yaml")


def live_price(deal: Deal, known: Realised, day: date, jobs: Jobs | None = None) -> LivePrice:
    ready = valued(deal)
    assert ready is not None
    return ready.price(known, day, jobs)


def expected(deal: Deal, known: Realised) -> Mapping[tuple[str, int], Quantiles]:
    ready = valued(deal)
    assert ready is not None
    found = ready.expected(known)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def dc() -> Deal:
    return book("dc-water-eib-2016")


@pytest.fixture(scope="module")
def bloom() -> Deal:
    return book("bloom-wind-prs")


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    made = Jobs()
    yield made
    made.close()


def test_a_report_moves_the_price_from_the_mean_to_its_tier(dc: Deal) -> None:
    before = live_price(dc, {}, REPORTED)
    after = live_price(dc, {KEY: 496_800}, REPORTED)
    assert before.last_report is None
    effect = after.last_report
    assert effect is not None
    assert (effect.kpi, effect.period, effect.value, effect.day) == (*KEY, 0.4968, REPORTED)
    assert effect.before == before.price
    assert effect.after == after.price
    # 13.2 per 100 at maturity in seventy-one days, against nothing in the mean: the tiers are symmetric.
    assert effect.moved == pytest.approx(13.2 * (1 + 0.0343 / 2) ** (-2 * 71 / 360), abs=1e-4)
    assert [tier.probability for tier in after.tiers] == [0, 0, 1]
    assert [tier.y for tier in after.tiers] == ["-3300000000000", "0", "3300000000000"]


def test_a_price_says_what_it_rests_on(dc: Deal) -> None:
    price = live_price(dc, {}, REPORTED)
    assert price.state == "ready"
    assert price.clean is not None
    assert price.accrued is not None
    assert price.price == pytest.approx(price.clean + price.accrued)
    assert price.outstanding == "25000000000000"
    assert "3.43 %" in price.basis
    assert any("95 % interval" in each for each in price.assumed)


def test_when_all_is_paid_there_is_no_price(dc: Deal) -> None:
    price = live_price(dc, {KEY: 300_000}, date(2021, 4, 1))
    assert (price.state, price.price, price.outstanding) == ("over", None, "0")
    assert price.last_report is not None
    assert price.last_report.day == date(2021, 3, 31)  # the day before its payment


def test_forecasts_are_the_distribution_of_the_deal_file(dc: Deal) -> None:
    """Published: 18.6 % to 41.3 %, read as 95 %."""
    forecast = expected(dc, {})[KEY]
    sd = (0.413 - 0.186) / 2 / norm.ppf(0.975)
    for name, chance in (("p05", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95)):
        assert getattr(forecast, name) == pytest.approx(norm.ppf(chance, 0.2995, sd), abs=1e-12)
    assert sum(tier.probability for tier in live_price(dc, {}, REPORTED).tiers) == pytest.approx(1)
    assert expected(dc, {KEY: 296_805}) == expected(dc, {KEY: None}) == {}


def test_a_fixed_bond_has_a_price_and_no_forecast() -> None:
    fixed = book("hksar-tokenised-green-bond-2023")
    assert expected(fixed, {}) == {}
    price = live_price(fixed, {}, date(2023, 6, 1))
    assert price.state == "ready"
    assert price.last_report is None


def test_a_swaps_report_moves_its_value_by_its_payment() -> None:
    rain = book("water-utility-rainfall-swap")
    key = ("rainfall", 0)
    price = live_price(rain, {key: 12_000}, date(2024, 4, 20))
    assert price.value is not None
    effect = price.last_report
    assert effect is not None
    assert (effect.before, effect.value) == (None, 120.0)
    assert int(effect.value_after or 0) - int(effect.value_before or 0) == int(effect.value_moved or 0)
    # 28 mm more than the season's mean of 92, at 20,000 each, 21 days later at 4 %.
    assert int(effect.value_moved or 0) / 1e6 == pytest.approx(28 * 20_000 * 1.04 ** (-21 / 365), rel=0.01)


def test_a_wind_swap_is_computed_first_and_then_valued(bloom: Deal, jobs: Jobs) -> None:
    day = date(2021, 1, 10)
    first = live_price(bloom, {}, day, jobs)
    if first.state == "computing":  # nobody in this process has valued it yet
        assert first.value is None
        job = SwapValue(bloom).simulate(jobs)
        assert job is not None
        assert job.ended.wait(90), job.word
        assert job.state == "done", job.error
    price = live_price(bloom, {}, day, jobs)
    assert price.state == "ready"
    assert price.price is not None
    assert 0 < price.price < 200
    assert int(price.low or 0) < int(price.value or 0) < int(price.high or 0)
    assert "10,000 simulated paths (seed 1)" in price.basis
    assert SwapValue(bloom).simulate(jobs) is None  # it is there already
    forecasts = expected(bloom, {("proxy-revenue", 0): 347_384_773})
    assert list(forecasts) == [("proxy-revenue", period) for period in range(1, 40)]
    for each in forecasts.values():
        assert each.p05 < each.p50 < each.p95
        assert each.p25 < each.mean < each.p75


def test_reports_of_what_the_deal_has_not_are_refused(dc: Deal) -> None:
    with pytest.raises(InputError, match="rain"):
        live_price(dc, {("rain", 0): 1}, REPORTED)
    with pytest.raises(InputError, match="rain"):
        live_price(book("water-utility-rainfall-swap"), {("rain", 0): 1}, date(2024, 4, 20))
