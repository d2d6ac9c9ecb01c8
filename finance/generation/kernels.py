"""Compiled kernels of wind proxy power. Reached through finance.generation.wind; numba takes a second to
load.

Only additions, multiplications and divisions in a fixed order, which IEEE 754 rounds the same everywhere, and
no fast maths: the same inputs give the same bits with any number of threads, and the bits of plain NumPy.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from finance.compiled import kernel

BLOCK = 4096  # steps that one thread takes at a time


@njit(inline="always")
def _cube_root(x):  # type: ignore[no-untyped-def]
    # The same operations as finance.generation.wind.cube_root.
    y = (1.0 + 2.0 * x) / (2.0 + x)
    for _ in range(3):
        c = y * y * y
        y = y * ((c + (x + x)) / ((c + c) + x))
    return y


@njit(inline="always")
def _power(v, speeds, powers, gains, first, per_bin):  # type: ignore[no-untyped-def]
    last = len(speeds) - 1
    if v > speeds[0] and v < speeds[last]:
        j = first[int((v - speeds[0]) * per_bin)]
        while speeds[j + 1] <= v:
            j += 1
        return powers[j] + (v - speeds[j]) * gains[j]
    if v == speeds[last]:
        return powers[last]
    return 0.0 if v == v else v  # a missing value stays missing


@kernel(parallel=True, nogil=True)
def turbine_power(speed, ratio, speeds, powers, gains, first, per_bin, out):  # type: ignore[no-untyped-def]
    """Power of one turbine [kW] into `out` (n), from wind speed [m/s] and density ratio (n).

    speeds, powers, gains: the curve and its slopes; first: for each bin of speed a segment that does not lie
    beyond it; per_bin: bins per m/s.
    """
    n = len(speed)
    for block in prange((n + BLOCK - 1) // BLOCK):
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            out[i] = _power(speed[i] * _cube_root(ratio[i]), speeds, powers, gains, first, per_bin)


@kernel(parallel=True, nogil=True)
def plant_energy(  # type: ignore[no-untyped-def]
    speed, temperature, pressure, speeds, powers, gains, first, per_bin, zero, scale, factor, cap, hours, out
):
    """Energy of a plant [MWh] into `out` (n) in one pass: density, curve, plant factor, cap.

    speed [m/s], temperature [C], pressure [Pa] (n); zero: 0 C in K; scale: 288.15 K / 101325 Pa; factor: MW
    of the plant per kW of one turbine; cap [MW]; hours of a step.
    """
    n = len(speed)
    for block in prange((n + BLOCK - 1) // BLOCK):
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            v = speed[i] * _cube_root((pressure[i] * scale) / (temperature[i] + zero))
            power = _power(v, speeds, powers, gains, first, per_bin) * factor
            out[i] = (cap if power > cap else power) * hours


@kernel()
def held(ratio, step):  # type: ignore[no-untyped-def]
    """Density ratios as a rule that holds one until the next lies more than `step` off uses them (n)."""
    out = np.empty_like(ratio)
    last = 1.0
    for i in range(len(ratio)):
        if abs(ratio[i] - last) > step:
            last = ratio[i]
        out[i] = last
    return out
