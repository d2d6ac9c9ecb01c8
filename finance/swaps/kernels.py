"""Compiled simulation of days: weather, price level, basis, operations. Reached through scenarios.simulate.

Each path has four streams of its own (weather, price, basis, operations), so changing one model leaves the
draws of the others as they were (common random numbers: P. Glasserman and D. D. Yao, Management Science 38,
1992, doi:10.1287/mnsc.38.6.884), and path i is the same whatever the number of paths or threads.

An hour costs nothing here: given the day that was drawn and the level of the day, the sums over its hours are
linear in tables made once per day of the record.

The generator is that of finance.pricing.kernels. numba's cache sees changes of this file only: after a change
there, touch this one.
"""

from __future__ import annotations

from math import erfc

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from finance.compiled import kernel
from finance.pricing.kernels import EDGES, HEIGHTS, _fill, _next, _unit

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
STREAMS = 4  # weather, price, basis, operations

ROOT_HALF = 0.7071067811865476


def stream_states(seed: int, paths: int) -> Words:
    """Four words for each stream of each path, shape (paths, STREAMS, 4), from numpy's SeedSequence."""
    words = np.random.SeedSequence(seed).generate_state(4 * STREAMS * paths, np.uint64)
    return np.asarray(words.reshape(paths, STREAMS, 4), dtype=np.uint64)


@njit(inline="always")
def _below(state, count):  # type: ignore[no-untyped-def]
    """A whole number from 0 to count - 1; its bias is below count/2^53."""
    return min(np.int64(_unit(_next(state)) * count), count - 1)


@kernel()
def _weather(state, doy, near, record_days, rule, number, z, edges, heights, chosen):  # type: ignore[no-untyped-def]
    """The record's day that stands for each simulated day, into `chosen`."""
    count = near.shape[1]
    if rule == 2:
        _fill(state, z, edges, heights)
        fresh, x = np.sqrt(1.0 - number * number), 0.0
        for d in range(len(doy)):
            x = z[d] if d == 0 else number * x + fresh * z[d]
            u = 0.5 * erfc(-x * ROOT_HALF)
            chosen[d] = near[doy[d], min(np.int64(u * count), count - 1)]
        return
    # A first block of random length, so that no date is always at the beginning of a block.
    left = _below(state, np.int64(number)) + 1 if rule == 0 else 1
    for d in range(len(doy)):
        new = d == 0 or (left == 0 if rule == 0 else _unit(_next(state)) < number)
        if new:
            chosen[d] = near[doy[d], _below(state, count)]
            if d > 0 and rule == 0:
                left = np.int64(number)
        else:
            # 29 February stands on the 28th's day, so the block waits there for a day.
            chosen[d] = (chosen[d - 1] + (doy[d] != doy[d - 1])) % record_days
        left -= 1


@kernel()
def _autoregress(start, memory, noise, z):  # type: ignore[no-untyped-def]
    x = start
    for d in range(len(z)):
        x = memory * x + noise * z[d]
        z[d] = x


@kernel()
def _walk(  # type: ignore[no-untyped-def]
    states, doy, near, record_days, rule, number, level_mean, fast, slow, basis, edges, heights,
    chosen, level, noise, z,
):  # fmt: skip
    """One path: the day drawn, the price level and the basis noise of each day."""
    _weather(states[0].copy(), doy, near, record_days, rule, number, z, edges, heights, chosen)
    state = states[1].copy()
    _fill(state, level, edges, heights)
    _fill(state, z, edges, heights)
    _autoregress(fast[0], fast[1], fast[2], level)
    _autoregress(slow[0], slow[1], slow[2], z)
    for d in range(len(doy)):
        level[d] = np.exp(level_mean[d] + level[d] + z[d])
    _fill(states[2].copy(), noise, edges, heights)
    # The first day is drawn from the stationary law; later ones step from it.
    noise[0] *= basis[0]
    for d in range(1, len(doy)):
        noise[d] = basis[1] * noise[d - 1] + basis[2] * noise[d]


@kernel()
def _factors(state, year_sd, lasting_sd, period_sd, mean, windiness, running, edges, heights):  # type: ignore[no-untyped-def]
    """Windiness of each year and operations of each period, in place; each noise has mean 1."""
    one = np.empty(1)
    _fill(state, one, edges, heights)
    _fill(state, running, edges, heights)
    for k in range(len(running)):
        running[k] = mean * np.exp(
            lasting_sd * one[0] + period_sd * running[k] - 0.5 * (lasting_sd**2 + period_sd**2)
        )
    _fill(state, windiness, edges, heights)
    for k in range(len(windiness)):
        windiness[k] = np.exp(year_sd * windiness[k] - 0.5 * year_sd**2)


@kernel(parallel=True)
def simulate_paths(  # type: ignore[no-untyped-def]
    states, doy, period, year, near, rule, number, level_mean, fast, slow, basis, risks, tables, floor,
    edges, heights, out,
):  # fmt: skip
    """Sums by period into `out`, shape (6, paths, periods): see scenarios.Scenarios for their meaning.

    `tables` has one row a day of the record: MWh, sum of MWh x (pattern + floor), sum of (pattern + floor),
    sum of MWh x basis, sum of basis.
    """
    days, periods, years = len(doy), out.shape[2], year[-1] + 1
    for i in prange(states.shape[0]):
        chosen = np.empty(days, dtype=np.int64)
        level, noise, z = np.empty(days), np.empty(days), np.empty(days)
        windiness, running = np.empty(years), np.empty(periods)
        _walk(
            states[i], doy, near, tables.shape[0], rule, number, level_mean, fast, slow, basis,
            edges, heights, chosen, level, noise, z,
        )  # fmt: skip
        _factors(
            states[i, 3].copy(), risks[0], risks[1], risks[2], risks[3], windiness, running, edges, heights
        )
        for d in range(days):
            k, t = period[d], tables[chosen[d]]
            q = windiness[year[d]] * t[0]
            hub_money = windiness[year[d]] * (level[d] * t[1] - floor * t[0])
            out[0, i, k] += q
            out[1, i, k] += hub_money
            out[2, i, k] += running[k] * q
            out[3, i, k] += running[k] * (hub_money + windiness[year[d]] * t[3] + noise[d] * q)
            out[4, i, k] += level[d] * t[2] - 24.0 * floor
            out[5, i, k] += t[4] + 24.0 * noise[d]


@kernel()
def trace_path(  # type: ignore[no-untyped-def]
    states, doy, periods, years, near, record_days, rule, number, level_mean, fast, slow, basis, risks,
    edges, heights,
):  # fmt: skip
    """What one path drew: days of the record, level and basis noise by day, windiness by year, operations by
    period.
    """
    days = len(doy)
    chosen = np.empty(days, dtype=np.int64)
    level, noise, z = np.empty(days), np.empty(days), np.empty(days)
    windiness, running = np.empty(years), np.empty(periods)
    _walk(
        states, doy, near, record_days, rule, number, level_mean, fast, slow, basis,
        edges, heights, chosen, level, noise, z,
    )  # fmt: skip
    _factors(states[3].copy(), risks[0], risks[1], risks[2], risks[3], windiness, running, edges, heights)
    return chosen, level, noise, windiness, running


__all__ = ["EDGES", "HEIGHTS", "STREAMS", "simulate_paths", "stream_states", "trace_path"]
