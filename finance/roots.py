"""Where a function of one number crosses zero. In own lines, because scipy.optimize takes longer to load than
a bond takes to price, and every bond has a yield.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign

RELATIVE, ABSOLUTE = 1e-14, 1e-15  # how closely a root is found: the last digits of a float


def root(gap: Callable[[float], float], low: float, high: float) -> float:
    """The x between `low` and `high` at which `gap` is 0, to its last digits.

    Inverse quadratic interpolation where that is safe, else bisection: T. R. Chandrupatla, Advances in
    Engineering Software 28 (1997), doi:10.1016/S0965-9978(96)00051-8. Raises ValueError where `gap` has the
    same sign at both ends.

    >>> round(root(lambda x: x * x - 2, 0, 2), 12)
    1.414213562373
    """
    a, b, at_a, at_b = float(low), float(high), gap(low), gap(high)
    if at_a == 0 or at_b == 0:
        return a if at_a == 0 else b
    if not at_a * copysign(1, at_b) < 0:
        raise ValueError(f"no change of sign between {low:g} and {high:g}")
    part = 0.5
    while True:
        x = a + part * (b - a)
        at_x = gap(x)
        if copysign(1, at_x) == copysign(1, at_a):
            c, at_c = a, at_a
        else:
            c, b, at_c, at_b = b, a, at_b, at_a
        a, at_a = x, at_x
        best = a if abs(at_a) < abs(at_b) else b
        least = (RELATIVE * abs(best) + ABSOLUTE) / abs(b - a)
        if at_a == 0 or least > 0.5:
            return best
        across, up = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
        if up**2 < across and (1 - up) ** 2 < 1 - across:
            part = at_a / (at_b - at_a) * at_c / (at_b - at_c)
            part += (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
        else:
            part = 0.5
        part = min(max(part, least), 1 - least)
