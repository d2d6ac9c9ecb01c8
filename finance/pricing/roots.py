"""Where a function of one number is zero.

Own lines rather than scipy.optimize, which takes longer to load than most deals to price; the tests compare
them with its `brentq`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign

RELATIVE = 1e-14  # of the root itself: what rounding leaves of a sum of many payments
MOST_STEPS = 200


def root(gap: Callable[[float], float], low: float, high: float, absolute: float) -> float:
    """The number between `low` and `high` at which `gap` is 0, to within `absolute` and RELATIVE of itself.

    Brent's method: steps by interpolation while they close in faster than halving (R. P. Brent, Algorithms
    for Minimization without Derivatives, 1973, chapter 4). Raises ValueError unless `gap` changes its sign
    between the two or is 0 at one of them, and where it does not settle.

    >>> round(root(lambda x: x**2 - 2, 0, 2, 1e-15), 12)
    1.414213562373
    """
    last, best = low, high
    at_last, at_best = gap(last), gap(best)
    if not (at_last <= 0 <= at_best or at_best <= 0 <= at_last):
        raise ValueError(f"no change of sign: {at_last:g} at {low:g}, {at_best:g} at {high:g}")
    other, at_other = last, at_last  # the root lies between it and `best`
    step = before = best - last
    for _ in range(MOST_STEPS):
        if abs(at_other) < abs(at_best):
            last, best, other = best, other, best
            at_last, at_best, at_other = at_best, at_other, at_best
        near, half = (absolute + RELATIVE * abs(best)) / 2, (other - best) / 2
        if abs(half) < near or at_best == 0:
            return best
        guess = _interpolated((last, best, other), (at_last, at_best, at_other))
        inside = guess * half > 0 and 2 * abs(guess) < 3 * abs(half) - near
        if inside and 2 * abs(guess) < abs(before) and abs(before) > near:
            before, step = step, guess
        else:
            before = step = half
        last, at_last = best, at_best
        best += step if abs(step) > near else copysign(near, half)
        at_best = gap(best)
        if (at_best > 0) == (at_other > 0):
            other, at_other = last, at_last
            before = step = best - last
    raise ValueError(f"no root between {low:g} and {high:g} after {MOST_STEPS} steps")


def _interpolated(at: tuple[float, float, float], values: tuple[float, float, float]) -> float:
    """From the middle one of three points, the best yet, to where a line through two of them or an inverse
    parabola through all three is 0; 0 where they give none.
    """
    (last, best, other), (at_last, at_best, at_other) = at, values
    if abs(at_last) <= abs(at_best):
        return 0.0
    s = at_best / at_last
    if last == other:
        return s * (other - best) / (s - 1)
    if at_last == at_other:
        return 0.0
    q, r = at_last / at_other, at_best / at_other
    return s * ((best - last) * (r - 1) - (other - best) * q * (q - r)) / ((q - 1) * (r - 1) * (s - 1))
