"""Simulated weather and prices against exact moments, their own hours, and the record they come from."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import stats

from finance.swaps import (
    Basis,
    BlockBootstrap,
    Market,
    Operations,
    Outlook,
    Periods,
    PriceLevel,
    PricePattern,
    SeasonalAR,
    WeatherYears,
    simulate,
)
from finance.swaps.estimates import exceeded, replicated
from finance.swaps.periods import day_of_year
from finance.swaps.prices import fit_level, hourly_correlation
from finance.swaps.revenue import period_facts, retained
from finance.swaps.scenarios import _Setup, expected_facts, hourly_path
from finance.swaps.weather import WeatherModel, normal_scores
from finance.terms import InputError
from tests.finance.swaps_world import CAPACITY, DIURNAL, MONTHLY, START, made_record, outlook, real_record
from tests.seeds import usual

SEED = usual(20170601)
MODELS = [BlockBootstrap(5, 15), BlockBootstrap(7.5, 15, "stationary"), SeasonalAR(0.6), BlockBootstrap(1, 0)]
NAMES = ["moving", "stationary", "autoregression", "days"]
FLAT = WeatherYears.from_hourly(date(2001, 1, 1), np.full(8_760, 0.5 * CAPACITY), CAPACITY)
EVEN = PricePattern((30.0,) * 12)


def drawn_days(weather: WeatherModel, record: WeatherYears, periods: Periods, paths: int) -> np.ndarray:
    """The record's day that stands for each day of each path, shape (paths, days)."""
    from finance.swaps.kernels import EDGES, HEIGHTS, stream_states, trace_path

    s = _Setup.of(Outlook(record, Market(EVEN), weather), periods)
    states = stream_states(SEED, paths)
    return np.array([
        trace_path(
            states[i], s.doy, periods.count, periods.years, s.near, len(record.energy), s.rule, s.number,
            s.level_mean, s.fast, s.slow, s.basis, s.risks, EDGES, HEIGHTS,
        )[0]
        for i in range(paths)
    ])  # fmt: skip


# --- means and marginals


@pytest.mark.parametrize("weather", MODELS, ids=NAMES)
def test_means_are_exact(weather: WeatherModel) -> None:
    """Volume, hub price and proxy revenue of every period, with drift, floor, seasons and a known start."""
    print("seed", SEED)
    level = PriceLevel(0.3, 0.9, 0.15, 0.5, drift=0.02, start=0.4, slow_start=-0.1)
    pattern = PricePattern(MONTHLY, DIURNAL, wind_effect=-0.8, floor=15)
    found_in = Outlook(made_record(), Market(pattern, level), weather, year_sd=0.06)
    periods, paths = Periods(START, "quarter", 12), 8_000
    found, exact = simulate(found_in, periods, paths, SEED), expected_facts(found_in, periods)
    pairs = ((found.volume, exact.volume), (found.hub, exact.price), (found.proxy, exact.revenue))
    for sample, mean in pairs:
        z = (sample.mean(axis=0) - mean) / (sample.std(axis=0, ddof=1) / np.sqrt(paths))
        assert np.abs(z).max() < 4.5
        assert 0.2 < np.sqrt(np.mean(z**2)) < 2


@pytest.mark.parametrize(
    "weather", [BlockBootstrap(5, 3), BlockBootstrap(4, 3, "stationary"), SeasonalAR(0.7, 3)]
)
def test_each_day_of_a_season_is_equally_likely(weather: WeatherModel) -> None:
    """Also in the middle of blocks, over new year and around 29 February: chi-squared over the record."""
    record = made_record()
    periods, paths = Periods(date(2019, 12, 1), "year", 1), 3_000
    drawn = drawn_days(weather, record, periods, paths)
    doy = day_of_year(periods.days)
    for day in (0, 3, 31, 58, 89, 90, 91, 200, 365):
        allowed = record.near(3)[doy[day]]
        counts = np.array([(drawn[:, day] == each).sum() for each in allowed])
        assert counts.sum() == paths or (86 <= day <= 94)  # a block that waits on 29 February is a day off
        assert stats.chisquare(counts * paths / counts.sum()).pvalue > 1e-4


@pytest.mark.parametrize("window", [0, 10, 182])
def test_season_is_the_days_around(window: int) -> None:
    """Every day of the record within the window, once, over new year too, and none other; stillest first."""
    record = made_record()
    table = record.near(window)
    for day in (0, 5, 180, 364):
        apart = np.abs(record.doy - day)
        wanted = np.flatnonzero(np.minimum(apart, 365 - apart) <= window)
        assert sorted(table[day]) == wanted.tolist()
        assert (np.diff(record.daily[table[day]]) >= 0).all()


def test_blocks_are_runs_of_the_record() -> None:
    record, periods = made_record(), Periods(date(2021, 1, 1), "year", 2)
    drawn = drawn_days(BlockBootstrap(6, 30), record, periods, 50)
    breaks = (np.diff(drawn, axis=1) % len(record.energy)) != 1
    for path in breaks:
        at = np.flatnonzero(path)
        assert (np.diff(at) % 6 == 0).all()  # a new block may by chance go on where the last ended
    first = np.array([np.flatnonzero(path)[0] for path in breaks])
    assert set(first % 6) == set(range(6))  # blocks of different paths do not begin on one date
    assert (first <= 5).mean() > 0.9
    lengths = 1 / (np.diff(drawn_days(BlockBootstrap(6, 30, "stationary"), record, periods, 50), axis=1)
                   % len(record.energy) != 1).mean()  # fmt: skip
    assert lengths == pytest.approx(6, rel=0.05)


def test_variance_of_independent_days_is_exact() -> None:
    """Blocks of one day are independent, so a month's variance is the sum of its days' seasonal variances."""
    record, periods = made_record(), Periods(date(2021, 1, 1), "month", 12)
    found = simulate(Outlook(record, Market(EVEN), BlockBootstrap(1, 15)), periods, 20_000, SEED)
    by_day = record.daily[record.near(15)].var(axis=1)[day_of_year(periods.days)]
    exact = np.bincount(periods.period_of_day, weights=by_day)
    assert found.volume.var(axis=0) == pytest.approx(exact, rel=0.06)  # sd of a variance: root 2/20,000, 1 %


def test_blocks_keep_more_of_the_record_than_days() -> None:
    """The record's days are correlated; blocks keep that, so monthly sums vary more than of single days."""
    record, periods = made_record(), Periods(date(2021, 1, 1), "month", 12)
    sd = {
        block: simulate(Outlook(record, Market(EVEN), BlockBootstrap(block, 15)), periods, 4_000, SEED)
        .volume.std(axis=0)
        .mean()
        for block in (1, 5, 15)
    }
    assert sd[1] < sd[5] < sd[15]


def test_autoregression_has_its_memory_and_the_season_s_distribution() -> None:
    record, periods = made_record(), Periods(date(2021, 1, 1), "year", 20)
    memory = 0.65
    drawn = drawn_days(SeasonalAR(memory, 20), record, periods, 20)
    z = normal_scores(record, 20)[drawn]
    assert z.mean() == pytest.approx(0, abs=0.03)
    assert z.std() == pytest.approx(1, abs=0.02)
    for lag in (1, 2, 3):
        found = np.mean([np.corrcoef(path[:-lag], path[lag:])[0, 1] for path in z])
        assert found == pytest.approx(memory**lag, abs=0.03)
    assert SeasonalAR.fit(record, 20).memory == pytest.approx(
        np.corrcoef(normal_scores(record, 20)[:-1], normal_scores(record, 20)[1:])[0, 1]
    )


def test_interannual_and_operations_noise() -> None:
    """On flat weather and prices all variance is theirs: lognormal with mean 1 and exp(sd^2) - 1."""
    periods = Periods(START, "quarter", 8)
    operations = Operations(0.95, lasting_sd=0.4, period_sd=0.3)
    found = simulate(Outlook(FLAT, Market(EVEN), operations=operations, year_sd=0.07), periods, 40_000, SEED)
    base = 12 * CAPACITY * periods.hours / 24
    share = found.volume / base
    assert share.mean(axis=0) == pytest.approx(np.ones(8), abs=5 * 0.07 / 200)
    assert share.var(axis=0) == pytest.approx(np.full(8, np.expm1(0.07**2)), rel=0.04)
    assert share[:, 0] == pytest.approx(share[:, 3], rel=1e-12)  # one factor a contract year
    ratio = found.actual_volume / found.volume
    assert ratio.mean(axis=0) == pytest.approx(np.full(8, 0.95), abs=5 * 0.53 / 200)
    assert np.corrcoef(np.log(ratio[:, 0]), np.log(ratio[:, 5]))[0, 1] == pytest.approx(16 / 25, abs=0.02)


# --- prices


@pytest.mark.parametrize(
    "level",
    [
        PriceLevel(sd=0.3, memory=0.9),
        PriceLevel(slow_volatility=0.25, slow_speed=0.8),
        PriceLevel(slow_volatility=0.2),
        PriceLevel(sd=0.2, memory=0.7, slow_volatility=0.15, slow_speed=0.3),
    ],
    ids=["autoregression", "reverting", "random walk", "both"],
)
def test_variance_of_mean_prices_is_exact(level: PriceLevel) -> None:
    """Var of a period's mean level: mean over pairs of days of exp(cov) - 1, from the processes' own
    covariances.
    """
    periods, paths = Periods(START, "quarter", 8), 30_000
    found = simulate(Outlook(FLAT, Market(EVEN, level)), periods, paths, SEED).hub / 30
    steps = np.arange(len(periods.days)) + 1.0
    gap, least = np.abs(steps[:, None] - steps), np.minimum(steps[:, None], steps)
    covariance = level.sd**2 * (level.memory**gap - level.memory ** (steps[:, None] + steps))
    k, t = level.slow_speed, 1 / 365.25
    slow = least * t if k == 0 else np.exp(-k * gap * t) * -np.expm1(-2 * k * least * t) / (2 * k)
    covariance = np.expm1(covariance + level.slow_volatility**2 * slow)
    exact = np.array([
        covariance[np.ix_(periods.period_of_day == q, periods.period_of_day == q)].mean() for q in range(8)
    ])  # fmt: skip
    assert found.mean(axis=0) == pytest.approx(np.ones(8), abs=5 * np.sqrt(exact.max() / paths))
    assert found.var(axis=0) == pytest.approx(exact, rel=0.05)


def test_basis_noise_is_stationary_from_the_first_day() -> None:
    """Variance of a period's mean of a stationary AR(1): sd^2/n^2 times the sum of memory^|i - j|."""
    basis, periods = Basis(mean=-2.0, sd=3.0, memory=0.9), Periods(START, "month", 12)
    found = simulate(Outlook(FLAT, Market(EVEN, basis=basis)), periods, 30_000, SEED)
    difference = found.node - found.hub
    for month, hours in enumerate(periods.hours):
        day = np.arange(hours // 24)
        exact = 9 * np.mean(0.9 ** np.abs(day[:, None] - day))
        assert difference[:, month].var() == pytest.approx(exact, rel=0.05)
        assert difference[:, month].mean() == pytest.approx(-2, abs=5 * np.sqrt(exact / 30_000))


def test_stationary_variance_of_the_autoregression() -> None:
    """noise^2/(1 - memory^2) on one long path, and the autocorrelation memory^lag."""
    level = PriceLevel(sd=0.4, memory=0.8)
    path = hourly_path(Outlook(FLAT, Market(EVEN, level)), Periods(START, "year", 60), SEED, 0)
    logs = np.log(path.hub[::24] / 30) + level.sd**2 / 2
    assert logs.var() == pytest.approx(0.16, rel=0.08)
    assert np.corrcoef(logs[:-1], logs[1:])[0, 1] == pytest.approx(0.8, abs=0.02)
    fitted = fit_level(path.hub[::24], np.arange(len(logs)) // 30 % 12)
    assert (fitted.sd, fitted.memory) == (pytest.approx(0.4, rel=0.05), pytest.approx(0.8, abs=0.02))


def test_pattern_keeps_its_means_whatever_the_wind_does() -> None:
    record = real_record()
    for effect in (-1.5, 0.0, 0.7):
        prices = PricePattern(MONTHLY, DIURNAL, effect, floor=20).hourly(record)
        means = np.array([prices[record.month == month].mean(axis=0) for month in range(12)])
        assert means == pytest.approx(np.outer(MONTHLY, DIURNAL), rel=1e-12)


@pytest.mark.parametrize("target", [-0.4, -0.15, 0.2])
def test_correlation_is_what_was_asked_for(target: float) -> None:
    record, level = real_record(), PriceLevel(sd=0.3, memory=0.5)
    pattern = PricePattern((30.0,) * 12, floor=10).with_correlation(record, target, level.sd)
    assert hourly_correlation(record, pattern, level.sd) == pytest.approx(target, abs=1e-9)
    path = hourly_path(Outlook(record, Market(pattern, level)), Periods(START, "year", 40), SEED, 0)
    assert np.corrcoef(path.proxy, path.hub)[0, 1] == pytest.approx(target, abs=0.03)
    with pytest.raises(InputError, match="no wind effect gives it"):
        pattern.with_correlation(record, -0.99, 0.3)


def test_negative_prices_only_when_allowed() -> None:
    level = PriceLevel(sd=0.5, memory=0.5)
    least = {}
    for floor in (0.0, 25.0):
        pattern = PricePattern(MONTHLY, DIURNAL, -1.5, floor)
        path = hourly_path(Outlook(real_record(), Market(pattern, level)), Periods(START, "year", 5), SEED, 0)
        least[floor] = float(path.hub.min())
    assert least[0.0] > 0
    assert -25 < least[25.0] < 0


def test_recorded_prices_travel_with_their_weather() -> None:
    record = made_record()
    hub = 60 - 40 * record.capacity_factors
    with_prices = replace(record, hub=hub, node=hub - 3 * record.capacity_factors)
    path = hourly_path(Outlook(with_prices, Market()), Periods(START, "year", 1), SEED, 3)
    assert path.hub == pytest.approx(60 - 40 * path.proxy / CAPACITY)
    assert path.node == pytest.approx(path.hub - 3 * path.proxy / CAPACITY)
    with pytest.raises(InputError, match="a pattern is needed"):
        simulate(Outlook(record, Market()), Periods(START, "year", 1), 1, SEED)


# --- the machine


def test_periods_are_the_sums_of_their_hours() -> None:
    """Everything the kernel adds up by day is what the hours of the same path add up to."""
    world, periods = outlook(), Periods(START, "quarter", 12)
    found = simulate(world, periods, 40, SEED)
    for i in (0, 17, 39):
        path = hourly_path(world, periods, SEED, i)
        facts = period_facts(periods, path.hours, path.proxy, path.hub)
        sold = period_facts(periods, path.hours, path.actual, path.node)
        left = retained(periods, path.hours, path.proxy, path.actual, path.hub, path.node)
        pairs = (
            (found.volume, facts.volume), (found.proxy, facts.revenue), (found.hub, facts.price),
            (found.actual_volume, sold.volume), (found.actual, sold.revenue), (found.node, sold.price),
        )  # fmt: skip
        for by_day, by_hour in pairs:
            assert by_day[i] == pytest.approx(by_hour, rel=1e-11)
        assert found.retained().operations[i] == pytest.approx(left.operations, rel=1e-6, abs=1e-3)
        assert found.retained().basis[i] == pytest.approx(left.basis, rel=1e-6, abs=1e-3)


def test_attribution_of_scenarios_adds_up() -> None:
    found = simulate(outlook(), Periods(START, "quarter", 8), 2_000, SEED)
    wanted = found.proxy - found.proxy.mean(axis=0)
    assert np.abs(found.deviation().total - wanted).max() < 1e-6
    assert np.abs(found.deviation().total.mean(axis=0)).max() < 1e-6
    assert found.retained().total == pytest.approx(found.actual - found.proxy, rel=1e-9, abs=1e-6)


def test_same_seed_same_numbers() -> None:
    """Whatever the threads, the number of paths and the other models (common random numbers)."""
    import numba

    world, periods = outlook(), Periods(START, "quarter", 4)
    calls: list[tuple[int, int]] = []
    found = simulate(world, periods, 2_500, SEED, lambda done, total: calls.append((done, total)))
    assert calls == [(1_024, 2_500), (2_048, 2_500), (2_500, 2_500)]
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = simulate(world, periods, 700, SEED)
    finally:
        numba.set_num_threads(before)
    for name in ("volume", "proxy", "actual_volume", "actual", "hub", "node"):
        assert (getattr(alone, name) == getattr(found, name)[:700]).all()
    other = replace(world, market=replace(world.market, level=PriceLevel(sd=0.5)))
    assert (simulate(other, periods, 700, SEED).volume == alone.volume).all()
    assert (simulate(world, periods, 700, SEED + 1).volume != alone.volume).any()


def test_ten_thousand_scenarios_of_forty_quarters_take_seconds() -> None:
    periods = Periods(START, "quarter", 40)
    simulate(outlook(), periods, 10, SEED)  # compiles
    begin = time.process_time()  # of all threads, whatever else the machine does
    simulate(outlook(), periods, 10_000, SEED)
    assert time.process_time() - begin < 10  # 0.5 s on two idle cores


def test_standard_errors_are_honest() -> None:
    """For the mean, sd/root n; and z-scores of a known mean spread like a t with 19 degrees of freedom."""
    normals = np.random.default_rng(SEED).standard_normal((300, 2_000))
    found = [replicated(np.mean, row) for row in normals]
    assert np.mean([each.standard_error for each in found]) == pytest.approx(1 / np.sqrt(2_000), rel=0.05)
    z = np.array([each.value / each.standard_error for each in found])
    assert z.std() == pytest.approx(np.sqrt(19 / 17), rel=0.12)
    errors = [replicated(lambda x: float(exceeded(x, 0.9)), row).standard_error for row in normals]
    # Asymptotic error of a quantile: sqrt(p(1-p)/n)/density.
    exact = np.sqrt(0.09 / 2_000) / stats.norm.pdf(stats.norm.ppf(0.1))
    assert np.mean(errors) == pytest.approx(exact, rel=0.1)
    with pytest.raises(InputError, match="need at least 200"):
        replicated(np.mean, np.ones(199))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: WeatherYears.from_hourly(date(2001, 1, 1), np.ones(8_759), 2), "not whole years"),
        (lambda: WeatherYears.from_hourly(date(2004, 1, 1), np.ones(8_760), 2), "not whole years"),
        (lambda: WeatherYears.from_hourly(date(2001, 1, 1), np.full(8_760, 3.0), 2), "0 to 2 is possible"),
        (lambda: WeatherYears.from_hourly(date(2001, 1, 1), np.full(8_760, np.nan), 2), "hour 0 is nan"),
        (lambda: WeatherYears.from_hourly(date(2001, 1, 1), np.ones(8_760), 0), "above 0 MW"),
        (lambda: WeatherYears.from_hourly(date(2001, 1, 1), np.ones(8_760), 2, np.ones(8_760)), "of both"),
        (lambda: WeatherYears.from_hourly(date(2001, 1, 1), np.ones(48), 2, np.ones(9), np.ones(9)), "shape"),
        (lambda: BlockBootstrap(0.5), "1 to 365 days"),
        (lambda: BlockBootstrap(2.5), "whole for moving"),
        (lambda: BlockBootstrap(5, 15, "odd"), "moving or stationary"),  # type: ignore[arg-type]
        (lambda: SeasonalAR(1.0), "between -1 and 1"),
        (lambda: made_record().near(200), "0 to 182"),
        (lambda: PricePattern((1.0,) * 11), "12 finite numbers"),
        (lambda: PricePattern((1.0,) * 12, (2.0,) * 24), "must be 1"),
        (lambda: PricePattern((-1.0,) * 12), "at or below the floor"),
        (lambda: PriceLevel(sd=-1), "sd = -1"),
        (lambda: PriceLevel(memory=1), "between -1 and 1"),
        (lambda: Basis(sd=-1), "0 or more"),
        (lambda: Operations(0), "above 0"),
        (lambda: simulate(outlook(), Periods(START, "year", 1), 0, 1), "at least one"),
        (lambda: fit_level(np.zeros(100), np.zeros(100, dtype=np.int64)), "no logarithm"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(change: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        change()  # type: ignore[operator]
