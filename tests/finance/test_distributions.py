"""Distributions of a KPI against scipy's and against their definitions, at the edges of their values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from finance.pricing.process import BernoulliKpi, EmpiricalKpi, LognormalKpi, NormalKpi, rounded

U = np.array([1e-9, 0.01, 0.3, 0.5, 0.77, 0.999999])
X = np.array([-1.0, 0.0, 1e-9, 0.1, 0.35, 0.9, 4.0])


@pytest.mark.parametrize(
    ("kpi", "law"),
    [
        (NormalKpi(0.35, 0.2), stats.norm(0.35, 0.2)),
        (LognormalKpi(-1.2, 0.4), stats.lognorm(0.4, scale=np.exp(-1.2))),
        (LognormalKpi(0.4, 1.3), stats.lognorm(1.3, scale=np.exp(0.4))),
    ],
    ids=["normal", "lognormal", "wide lognormal"],
)
def test_laws_are_scipys(kpi: NormalKpi | LognormalKpi, law: stats.rv_continuous) -> None:
    assert (kpi.mean, kpi.sd) == pytest.approx((law.mean(), law.std()), rel=1e-12)
    assert kpi.quantile(U) == pytest.approx(law.ppf(U), rel=1e-12)
    assert kpi.density(X) == pytest.approx(law.pdf(X), rel=1e-11, abs=1e-15)
    assert kpi.upper(X) == pytest.approx(law.sf(X), rel=1e-11)
    for x in X:
        call = law.expect(lambda value, x=x: value - x, lb=max(x, law.support()[0]), epsabs=1e-11)
        assert float(kpi.excess(np.array(x))) == pytest.approx(call, abs=1e-8)
    for n in (-3, 0, 1, 35, 36, 400):
        assert kpi.at_least(n, 2) == pytest.approx(law.sf((n - 0.5) / 100), rel=1e-11)
    wider = kpi.moved(0.6, 0.05)
    assert (type(wider), wider.mean, wider.sd) == (type(kpi), pytest.approx(0.6), pytest.approx(0.05))
    assert kpi.sample_size is None


def test_an_interval_is_central() -> None:
    """Half of what lies outside lies below, half above."""
    for probability in (0.5, 0.9, 0.95):
        kpi = NormalKpi.from_interval(2.0, 5.0, probability)
        law = stats.norm(kpi.mean, kpi.sd)
        assert law.cdf(2.0) == pytest.approx((1 - probability) / 2, abs=1e-12)
        assert law.sf(5.0) == pytest.approx((1 - probability) / 2, abs=1e-12)
        assert kpi.description == f"normal with {100 * probability:g} % between 2 and 5"


def test_a_lognormal_by_its_moments() -> None:
    for mean, sd in ((100.0, 20.0), (0.35, 0.6), (3.0, 0.001)):
        kpi = LognormalKpi.from_moments(mean, sd)
        assert (kpi.mean, kpi.sd) == pytest.approx((mean, sd), rel=1e-9)
    for mean, sd in ((0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="both must be greater than 0"):
            LognormalKpi.from_moments(mean, sd)
    for log_mean, log_sd in ((0.0, 0.0), (0.0, -1.0), (np.inf, 1.0), (np.nan, 1.0), (0.0, np.inf)):
        with pytest.raises(ValueError, match="log_sd"):
            LognormalKpi(log_mean, log_sd)
    for sd in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="must be greater than 0"):
            NormalKpi(0.0, sd)


def test_yes_or_no() -> None:
    """1 with 0.3, so three of ten equal slices; rounded to decimals it is 0 or 10^decimals."""
    kpi = BernoulliKpi(0.3)
    assert (kpi.mean, kpi.sd) == (0.3, pytest.approx(np.sqrt(0.21)))
    assert [kpi.at_least(x, 2) for x in (-1, 0, 1, 99, 100, 101)] == [1, 1, 0.3, 0.3, 0.3, 0]
    assert [kpi.at_least(x, 0) for x in (0, 1, 2)] == [1, 0.3, 0]
    assert kpi.quantile((np.arange(10) + 0.5) / 10).tolist() == [0] * 7 + [1] * 3
    assert BernoulliKpi(0.0).quantile(np.array([0.0, 0.999])).tolist() == [0, 0]
    assert BernoulliKpi(1.0).quantile(np.array([0.0, 0.999])).tolist() == [1, 1]
    for never in (-0.01, 1.01):
        with pytest.raises(ValueError, match="between 0 and 1"):
            BernoulliKpi(never)


def test_a_sample_is_its_values() -> None:
    values = (0.4, 0.1, 0.3, 0.1, 0.6)
    kpi = EmpiricalKpi(values)
    assert (kpi.mean, kpi.sd) == (pytest.approx(np.mean(values)), pytest.approx(stats.tstd(values)))
    assert kpi.sample_size == 5
    assert [kpi.at_least(x, 1) for x in (1, 2, 3, 4, 6, 7)] == [1, 0.6, 0.6, 0.4, 0.2, 0]
    # Each value has a fifth of the chances, from where the one before it ends.
    assert kpi.quantile(np.array([0.0, 0.19, 0.2, 0.39, 0.41, 0.6, 0.8, 0.99, 1.0])).tolist() == [
        0.1, 0.1, 0.1, 0.1, 0.3, 0.4, 0.6, 0.6, 0.6,
    ]  # fmt: skip
    other = kpi.moved(2.0, 3.0)
    assert (other.mean, other.sd, other.sample_size) == (pytest.approx(2), pytest.approx(3), 5)
    assert stats.skew(other.values) == pytest.approx(stats.skew(values))
    assert EmpiricalKpi((1.0, 2.0)).sample_size == 2
    for bad in ((1.0,), (), (1.0, np.nan), (1.0, np.inf)):
        with pytest.raises(ValueError, match="at least two values"):
            EmpiricalKpi(bad)


def test_rounding_to_decimals() -> None:
    assert rounded(np.array([0.125, 0.135, -0.125, 1e-9]), 2).tolist() == [12, 14, -12, 0]
