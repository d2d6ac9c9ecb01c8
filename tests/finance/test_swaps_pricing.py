"""Fixed payments against closed forms of normal and lognormal revenue, and as inverses of their promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from finance.pricing.data_value import risk_adjusted
from finance.pricing.flows import KpiFlow
from finance.pricing.process import NormalKpi
from finance.settlement.payoff_curve import Curve, Shape
from finance.swaps.estimates import exceeded
from finance.swaps.hedge import (
    basis_risk,
    best_ratio,
    effectiveness,
    node_hub_basis,
    r_squared,
    variance_reduction,
)
from finance.swaps.pricing import (
    Leg,
    certainty_gap,
    coverage,
    dscr_fixed,
    fair_fixed,
    implied_loading,
    implied_risk_price,
    loaded_fixed,
    model_value,
    sharpe_fixed,
    usual_terms,
    wang_fixed,
    wang_mean,
    yearly_sharpe,
)
from finance.swaps.variants import fair_term, payoff_value
from finance.terms import InputError
from tests.seeds import usual

MEAN, SD = 12e6, 1.5e6
GRID = ndtri((np.arange(200_000) + 0.5) / 200_000)  # the normal distribution as evenly likely values
SEED = usual(7)


def one_period(values: np.ndarray, factor: float = 0.95) -> Leg:
    # Shuffled, because replicates are taken from the order.
    shuffled = np.random.default_rng(SEED).permutation(values)
    return Leg.level(shuffled[:, None], np.array([factor]), 1)


@pytest.fixture(scope="module")
def leg() -> Leg:
    """Eight quarters of gamma revenue with a season and a common yearly factor."""
    stream = np.random.default_rng(SEED)
    season = np.tile([1.3, 1.0, 0.7, 1.0], 2)
    proxy = stream.gamma(20, 1 / 20, (20_000, 8)) * season * 3e6 * stream.lognormal(0, 0.1, (20_000, 1))
    return Leg(proxy, 0.99 ** np.arange(1, 9), season, 4)


# --- closed forms


def test_normal_revenue_has_closed_forms() -> None:
    """Fair is the mean; a Wang price of risk and a loading both take off that many sds; so does Sharpe."""
    normal = one_period(MEAN + SD * GRID)
    assert fair_fixed(normal).value == pytest.approx(MEAN, rel=1e-9)
    assert fair_fixed(normal).standard_error == pytest.approx(SD / np.sqrt(200_000), rel=0.5)
    for price in (-0.2, 0.1, 0.4, 1.0):
        wanted = MEAN - price * SD
        assert wang_fixed(normal, price).amount == pytest.approx(wanted, abs=1e-3 * SD)
        assert loaded_fixed(normal, price).amount == pytest.approx(wanted, abs=1e-3 * SD)
        assert sharpe_fixed(normal, price).amount == pytest.approx(wanted, abs=1e-3 * SD)
        assert wang_fixed(normal, price).loading == pytest.approx(price * SD / MEAN, abs=2e-4)


def test_wang_of_a_lognormal_moves_its_log_mean() -> None:
    """Wang 2000: a lognormal stays one, with log mean lower by price * log sd."""
    values = np.exp(16 + 0.3 * GRID)
    for price in (0.1, 0.5):
        wanted = np.exp(16 - 0.3 * price + 0.3**2 / 2)
        assert wang_mean(values, price) == pytest.approx(wanted, rel=1e-4)


def test_wang_agrees_with_the_one_of_kpi_bonds() -> None:
    """finance.pricing.data_value takes a curve under a law; the same payment as a sample gives its number."""
    curve = Curve.of(Shape.LINEAR, [(0, 0), (400_000, 400_000_000)])  # a coverage that caps and floors
    flow = KpiFlow(None, None, curve, 6, 0.01, "x")  # type: ignore[arg-type]
    kpi = NormalKpi(0.3, 0.06)
    for price in (0.0, 0.25, 0.8):
        sample = flow.amounts(0.3 + 0.06 * GRID)
        assert wang_mean(sample, price) == pytest.approx(risk_adjusted(flow, kpi, price), rel=1e-4)


def test_standard_error_of_a_fair_payment(leg: Leg) -> None:
    present = leg.proxy @ leg.discount
    wanted = present.std(ddof=1) / np.sqrt(len(present)) / (leg.discount @ leg.profile)
    assert fair_fixed(leg).standard_error == pytest.approx(wanted, rel=0.5)


# --- properties


samples = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40).map(np.array)


@settings(max_examples=200, deadline=None)
@given(samples, st.floats(-2, 2), st.floats(-2, 2), st.floats(0, 10), st.floats(-1e3, 1e3))
def test_wang_is_a_distortion(values: np.ndarray, a: float, b: float, scale: float, shift: float) -> None:
    assert wang_mean(values, 0) == pytest.approx(values.mean(), abs=1e-9)
    low, high = sorted((a, b))
    assert wang_mean(values, low) >= wang_mean(values, high) - 1e-9
    assert values.min() - 1e-9 <= wang_mean(values, a) <= values.max() + 1e-9
    moved = wang_mean(scale * values + shift, a)
    assert moved == pytest.approx(scale * wang_mean(values, a) + shift, abs=1e-7)


def test_no_loading_is_fair_and_more_loading_pays_less(leg: Leg) -> None:
    fair = fair_fixed(leg).value
    for solve in (wang_fixed, loaded_fixed, sharpe_fixed):
        amounts = [solve(leg, price).amount for price in (0.0, 0.1, 0.3, 0.9)]
        if solve is sharpe_fixed:  # undiscounted, so its zero is the plain mean over the plain profile
            assert amounts[0] == pytest.approx(leg.yearly.mean() / leg.yearly_profile.mean(), rel=1e-12)
        else:
            assert amounts[0] == pytest.approx(fair, rel=1e-12)
        assert amounts == sorted(amounts, reverse=True)
        assert len(set(amounts)) == 4


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1.5))
def test_each_target_is_achieved(leg: Leg, target: float) -> None:
    assert yearly_sharpe(leg, sharpe_fixed(leg, target).amount) == pytest.approx(target, abs=1e-9)
    assert implied_loading(leg, loaded_fixed(leg, target).amount) == pytest.approx(target, abs=1e-9)
    assert implied_risk_price(leg, wang_fixed(leg, target).amount) == pytest.approx(target, abs=1e-8)


@pytest.mark.parametrize("which", ["minimum", "average"])
@pytest.mark.parametrize("target", [1.0, 1.35])
def test_target_coverage_is_achieved(leg: Leg, which: str, target: float) -> None:
    stream = np.random.default_rng(11)
    actual = leg.proxy * stream.normal(0.96, 0.03, leg.proxy.shape)
    costs, service = np.array([2e6, 2.2e6]), np.array([5e6, 4.4e6])
    found = dscr_fixed(leg, actual, costs, service, target, 0.99, which)  # type: ignore[arg-type]
    ratios = coverage(leg, found.amount, actual, costs, service, 0.99)
    assert (ratios.min() if which == "minimum" else ratios.mean()) == pytest.approx(target, abs=1e-12)
    # The long way: the quantile of the hedged cash flow itself.
    hedged = (actual + found.amount * leg.profile - leg.proxy).reshape(-1, 2, 4).sum(axis=2) - costs
    assert ratios == pytest.approx(exceeded(hedged, 0.99) / service, rel=1e-12)


# --- value


def test_a_fair_swap_is_worth_nothing(leg: Leg) -> None:
    fair = fair_fixed(leg).value
    found = model_value(leg, fair)
    assert found.value.value == pytest.approx(0, abs=1e-3)
    assert found.low < 0 < found.high
    assert certainty_gap(leg, fair) == pytest.approx(0, abs=1e-3)
    dearer = model_value(leg, fair + 1_000)
    assert dearer.value.value == pytest.approx(1_000 * leg.annuity, rel=1e-9)


def test_value_of_what_is_left(leg: Leg) -> None:
    """Parts add up; and with the last period left it is that period alone."""
    amount = 3e6
    whole = model_value(leg, amount).value.value
    first = float((amount * leg.profile[0] - leg.proxy[:, 0]).mean() * leg.discount[0])
    assert model_value(leg, amount, settled=1).value.value == pytest.approx(whole - first, rel=1e-9)
    last = float((amount * leg.profile[-1] - leg.proxy[:, -1]).mean() * leg.discount[-1])
    assert model_value(leg, amount, settled=7).value.value == pytest.approx(last, rel=1e-12)
    with pytest.raises(InputError, match="settled = 8"):
        model_value(leg, amount, settled=8)


def test_standard_error_of_the_value_covers() -> None:
    """The exact value of a normal swap lies within 2 errors about 95 times in 100 (t with 19 degrees: 94)."""
    stream, inside = np.random.default_rng(SEED), 0
    for _ in range(400):
        drawn = Leg.level(MEAN + SD * stream.standard_normal((400, 1)), np.ones(1), 1)
        found = model_value(drawn, MEAN - 0.3 * SD).value
        inside += abs(found.value + 0.3 * SD) < 2.093 * found.standard_error
    assert 0.92 < inside / 400 < 0.98


# --- hedge effectiveness in closed form


def test_hedge_of_a_scaled_and_noisy_project() -> None:
    """actual = a proxy + noise: everything follows from a and the two variances."""
    stream, a, noise = np.random.default_rng(SEED), 0.9, 0.4e6
    proxy = stream.normal(MEAN, SD, 400_000)
    actual = a * proxy + stream.normal(0, noise, 400_000)
    left, whole = (1 - a) ** 2 * SD**2 + noise**2, a**2 * SD**2 + noise**2
    found = effectiveness(actual, proxy)
    pairs = (
        (found.variance_reduction, 1 - left / whole),
        (found.r_squared, a**2 * SD**2 / whole),
        (found.best_ratio, a),
        (found.basis_risk, np.sqrt(left) / (a * MEAN)),
    )
    for estimate, exact in pairs:
        assert abs(estimate.value - exact) < 5 * estimate.standard_error
        assert estimate.standard_error < 0.01 * exact


def test_r_squared_is_that_of_a_regression() -> None:
    from scipy.stats import linregress

    stream = np.random.default_rng(SEED)
    proxy = stream.gamma(5, 1, 500)
    actual = 2 + 0.8 * proxy + stream.normal(0, 1, 500)
    peer = linregress(proxy, actual)
    assert r_squared(actual, proxy) == pytest.approx(peer.rvalue**2, rel=1e-12)
    assert best_ratio(actual, proxy) == pytest.approx(peer.slope, rel=1e-12)
    best = variance_reduction(actual, actual - peer.slope * proxy)
    assert best == pytest.approx(peer.rvalue**2, rel=1e-12)
    assert variance_reduction(actual, actual - proxy) < best
    assert basis_risk(proxy, proxy) == 0


def test_a_season_is_not_risk() -> None:
    """Revenue that differs between quarters but not between paths leaves nothing to hedge."""
    with pytest.raises(InputError, match="nothing to hedge"):
        variance_reduction(np.tile([1.0, 2.0], (9, 1)), np.zeros((9, 2)))
    node = np.tile([20.0, 40.0], (200, 1)) + np.random.default_rng(1).normal(-2, 1, (200, 2))
    found = node_hub_basis(node, np.tile([20.0, 40.0], (200, 1)))
    assert found.mean.value == pytest.approx(-2, abs=0.3)
    assert found.sd.value == pytest.approx(1, abs=0.2)


# --- other payoffs


def test_fair_term_of_a_collar() -> None:
    """For a normal index a collar without premium is symmetric: cap as far above the mean as the floor
    below.
    """
    index = (MEAN + SD * GRID)[:, None]
    floor = MEAN - 0.7 * SD

    def collar(cap: float):  # type: ignore[no-untyped-def]
        return lambda x: np.maximum(floor - x, 0) - np.maximum(x - cap, 0)

    cap = fair_term(collar, index, np.ones(1), MEAN, MEAN + 5 * SD)
    assert cap == pytest.approx(MEAN + 0.7 * SD, rel=1e-6)
    dearer = fair_term(collar, index, np.ones(1), MEAN, MEAN + 5 * SD, target=0.1 * SD)
    assert payoff_value(collar(dearer), index, np.ones(1)).value.value == pytest.approx(0.1 * SD)
    assert dearer > cap
    with pytest.raises(InputError, match="no term between"):
        fair_term(collar, index, np.ones(1), MEAN, MEAN + 0.1 * SD)


def test_floor_is_bacheliers_put() -> None:
    shuffled = np.random.default_rng(SEED).permutation(MEAN + SD * GRID)[:, None]
    found = payoff_value(lambda x: np.maximum(MEAN - x, 0), shuffled, np.array([0.9]))
    assert found.value.value == pytest.approx(0.9 * SD / np.sqrt(2 * np.pi), rel=1e-4)


# --- bad input


def test_a_project_that_earns_nothing_has_terms_all_the_same() -> None:
    """No risk is paid for where nothing varies: every amount is the fair one, nothing, and no share of it."""
    found = usual_terms(Leg.level(np.zeros((300, 4)), np.ones(4), 4), 0.25)
    assert [(each.basis, each.amount, each.loading) for each in found] == [
        ("fair", 0, None),
        ("wang", 0, None),
        ("standard deviation", 0, None),
    ]


def test_bad_legs_are_refused(leg: Leg) -> None:
    proxy = np.ones((300, 4))
    with pytest.raises(InputError, match="discount: 3 numbers for 4 periods"):
        Leg.level(proxy, np.ones(3), 4)
    with pytest.raises(InputError, match="whole years"):
        Leg.level(proxy, np.ones(4), 3)
    with pytest.raises(InputError, match="above 0"):
        Leg.level(proxy, np.zeros(4), 4)
    with pytest.raises(InputError, match="not all 0"):
        Leg(proxy, np.ones(4), np.zeros(4), 4)
    with pytest.raises(InputError, match="no risk to be paid for"):
        sharpe_fixed(Leg.level(proxy, np.ones(4), 4), 0.2)
    with pytest.raises(InputError, match="outside all simulated"):
        implied_risk_price(leg, 1e12)
    with pytest.raises(InputError, match="service: must be above 0"):
        dscr_fixed(leg, leg.proxy, np.zeros(2), np.zeros(2), 1.2)
    with pytest.raises(InputError, match="minimum or average"):
        dscr_fixed(leg, leg.proxy, np.zeros(2), np.ones(2), 1.2, 0.99, "mean")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="between 0 and 1"):
        exceeded(np.ones(3), 1.0)
