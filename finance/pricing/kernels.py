"""Compiled kernels: KPI paths through a payoff curve, in parallel threads over blocks of paths.

A block's result does not depend on how many threads run, so a seed gives the same numbers on every machine
with the same arithmetic. Reached through finance.pricing.simulate; imported only there, because numba takes a
second to load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from finance.compiled import kernel
from finance.pricing.flows import KpiFlow, knots
from finance.pricing.processes.protocol import Recursion
from finance.settlement.payoff_curve import Shape

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

BLOCK = 2048  # paths that one thread carries at a time: their arrays stay near the core
# The fast rounding adds and takes off 1.5 * 2^52; knots must lie well inside what it keeps exact.
LARGEST_KNOT = 2.0**50

# Ziggurat of 256 layers: where its tail begins, and the area of a layer (G. Marsaglia and W. W. Tsang,
# Journal of Statistical Software 5, 2000, doi:10.18637/jss.v005.i08). Layer and fraction come from different
# bits, as J. A. Doornik asked for (An improved ziggurat method to generate normal random samples, 2005).
TAIL = 3.6541528853610088
AREA = 0.00492867323397465519


def ziggurat_edges() -> Floats:
    """Right edges of the layers, widest first: 257 numbers from area/density(tail) down to 0."""
    edges = np.zeros(257)
    edges[0], edges[1] = AREA / np.exp(-0.5 * TAIL**2), TAIL
    for i in range(1, 255):
        edges[i + 1] = np.sqrt(-2 * np.log(np.exp(-0.5 * edges[i] ** 2) + AREA / edges[i]))
    return edges


EDGES = ziggurat_edges()
HEIGHTS = np.exp(-0.5 * EDGES**2)
HEIGHTS[0] = 0.0  # unused: the lowest layer ends in the tail


@dataclass(frozen=True)
class CurveTerms:
    """A payoff curve as base + sum of gain * clip(x - at, 0, width), or of gain where x >= at (`step`)."""

    base: float
    at: Floats
    width: Floats
    gain: Floats
    step: bool
    scale: float

    @classmethod
    def of(cls, flow: KpiFlow) -> CurveTerms:
        """The terms of `flow`, in units of the currency, over the KPI times `scale` and rounded.

        Raises ValueError when a knot is too large for the fast rounding.
        """
        x, y = knots(flow.settled)
        if np.abs(x).max() >= LARGEST_KNOT:
            raise ValueError(f"a knot at {x[np.abs(x).argmax()]:.0f} is too large for the fast kernels")
        y = y * flow.scale
        step = flow.curve.shape == Shape.STEP
        width, rise = np.diff(x), np.diff(y)
        return cls(
            float(y[0]),
            x[1:] if step else x[:-1],
            width,
            rise if step else rise / width,
            step,
            10.0**flow.decimals,
        )


@njit(inline="always")
def _whole(x):  # type: ignore[no-untyped-def]
    # Round half to even by the addition's own rounding. Only for callers without fast maths, which would
    # "simplify" it away.
    return (x + 6755399441055744.0) - 6755399441055744.0


@kernel()
def _advance(x, keep, noise, z, level, exponential, scale, kpi):  # type: ignore[no-untyped-def]
    """One period: the recursion in place, and the KPI as the whole number on chain."""
    if exponential:
        for i in range(len(x)):
            x[i] = keep * x[i] + noise * z[i]
            kpi[i] = _whole(np.exp(level + x[i]) * scale)
    else:
        for i in range(len(x)):
            x[i] = keep * x[i] + noise * z[i]
            kpi[i] = _whole((level + x[i]) * scale)


@kernel(fastmath={"reassoc", "contract", "nsz"})
def _paid(kpi, base, at, width, gain, step):  # type: ignore[no-untyped-def]
    total = base * len(kpi)
    for j in range(len(at)):
        part = 0.0
        if step:
            for i in range(len(kpi)):
                part += 1.0 if kpi[i] >= at[j] else 0.0
        else:
            for i in range(len(kpi)):
                part += min(max(kpi[i] - at[j], 0.0), width[j])
        total += gain[j] * part
    return total


@kernel(parallel=True)
def _shared(start, keep, noise, level, exponential, normals, base, at, width, gain, step, scale):  # type: ignore[no-untyped-def]
    periods, paths = normals.shape
    blocks = (paths + BLOCK - 1) // BLOCK
    sums = np.zeros((blocks, periods))
    for block in prange(blocks):
        low = block * BLOCK
        high = min(low + BLOCK, paths)
        x, kpi = np.full(high - low, start), np.empty(high - low)
        for k in range(periods):
            _advance(x, keep[k], noise[k], normals[k, low:high], level[k], exponential, scale, kpi)
            sums[block, k] = _paid(kpi, base, at, width, gain, step)
    return sums


@njit(inline="always")
def _rotate(x, by):  # type: ignore[no-untyped-def]
    return (x << np.uint64(by)) | (x >> np.uint64(64 - by))


@njit(inline="always")
def _next(state):  # type: ignore[no-untyped-def]
    """xoshiro256++ (D. Blackman and S. Vigna, ACM TOMS 47, 2021, doi:10.1145/3460772)."""
    result = _rotate(state[0] + state[3], 23) + state[0]
    t = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= t
    state[3] = _rotate(state[3], 45)
    return result


@njit(inline="always")
def _unit(word):  # type: ignore[no-untyped-def]
    return (np.int64(word >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16  # (0, 1), steps of 2^-53


@kernel()
def _rare(state, layer, x, edges, heights):  # type: ignore[no-untyped-def]
    """What one draw in a hundred needs: the wedge of a layer, or the tail; NaN to ask for another draw."""
    if layer == 0:
        while True:
            far = -np.log(_unit(_next(state))) / TAIL
            if -2.0 * np.log(_unit(_next(state))) > far * far:
                return TAIL + far if x > 0 else -TAIL - far
    low, high = heights[layer], heights[layer + 1]
    if low + _unit(_next(state)) * (high - low) < np.exp(-0.5 * x * x):
        return x
    return np.nan


@kernel()
def _fill(state, out, edges, heights):  # type: ignore[no-untyped-def]
    """Standard normals into `out` from the four words of `state`, which moves on."""
    for i in range(len(out)):
        while True:
            word = _next(state)
            layer = np.int64(word & np.uint64(255))
            # The upper 53 bits as a signed fraction in [-1, 1), apart from the 8 that chose the layer.
            x = np.int64(word) / 9223372036854775808.0 * edges[layer]
            if abs(x) < edges[layer + 1]:
                break
            x = _rare(state, layer, x, edges, heights)
            if not np.isnan(x):
                break
        out[i] = x


@kernel(parallel=True)
def _own(  # type: ignore[no-untyped-def]
    start, keep, noise, level, exponential, states, paths, edges, heights, base, at, width, gain, step, scale
):
    periods, blocks = len(keep), len(states)
    sums = np.zeros((blocks, periods))
    for block in prange(blocks):
        count = min(BLOCK, paths - block * BLOCK)
        x, kpi, z = np.full(count, start), np.empty(count), np.empty(count)
        state = states[block].copy()
        for k in range(periods):
            _fill(state, z, edges, heights)
            _advance(x, keep[k], noise[k], z, level[k], exponential, scale, kpi)
            sums[block, k] = _paid(kpi, base, at, width, gain, step)
    return sums


@kernel(parallel=True)
def _normals(states, out, edges, heights):  # type: ignore[no-untyped-def]
    blocks = len(states)
    for block in prange(blocks):
        state = states[block].copy()
        for k in range(out.shape[0]):
            _fill(state, out[k, block * BLOCK : min((block + 1) * BLOCK, out.shape[1])], edges, heights)


def _states(seed: int, paths: int) -> Words:
    """Four words of state per block of paths, spread by numpy's SeedSequence."""
    blocks = -(-paths // BLOCK)
    words = np.random.SeedSequence(seed).generate_state(4 * blocks, np.uint64)
    return np.asarray(words.reshape(blocks, 4), dtype=np.uint64)


def mean_payoffs(recursion: Recursion, flow: KpiFlow, normals: Floats) -> Floats:
    """Mean payment per period, in units of the currency, of `flow`'s curve under paths from `normals`.

    `normals` has the shape (periods, paths). Each period's KPI is rounded to the flow's decimals as on chain.
    """
    terms = CurveTerms.of(flow)
    sums = _shared(
        recursion.start, recursion.keep, recursion.noise, recursion.level, recursion.exponential,
        np.ascontiguousarray(normals), terms.base, terms.at, terms.width, terms.gain, terms.step, terms.scale,
    )  # fmt: skip
    return np.asarray(sums.sum(axis=0) / normals.shape[1])


def mean_payoffs_drawn(recursion: Recursion, flow: KpiFlow, paths: int, seed: int) -> Floats:
    """Like `mean_payoffs`, with `paths` paths of normals drawn inside the kernel from `seed`."""
    terms = CurveTerms.of(flow)
    sums = _own(
        recursion.start, recursion.keep, recursion.noise, recursion.level, recursion.exponential,
        _states(seed, paths), paths, EDGES, HEIGHTS,
        terms.base, terms.at, terms.width, terms.gain, terms.step, terms.scale,
    )  # fmt: skip
    return np.asarray(sums.sum(axis=0) / paths)


def drawn_normals(periods: int, paths: int, seed: int) -> Floats:
    """The normals that `mean_payoffs_drawn` uses for the same `paths` and `seed`, shape (periods, paths)."""
    out = np.empty((periods, paths))
    _normals(_states(seed, paths), out, EDGES, HEIGHTS)
    return out
