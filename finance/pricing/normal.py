"""The standard normal distribution and its inverse, to the last digits of a float, for numbers and arrays.

Own lines rather than scipy.special, which takes longer to load than a bond to price; the tests compare them
with it over the whole range. Rational approximations of W. J. Cody, Mathematics of Computation 23 (1969),
doi:10.1090/S0025-5718-1969-0247736-4, as in his algorithm 715, and of M. J. Wichura, algorithm AS 241,
Applied Statistics 37 (1988), doi:10.2307/2347330.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Coefficients of the numerator and the denominator of a fraction, highest power first.
Fraction = tuple[tuple[float, ...], tuple[float, ...]]

NEAR, FAR = 0.67448975, sqrt(32.0)  # between which, on either side of 0, Φ is the density times a fraction
_NEAR: Fraction = (
    (0.065682337918207449113, 2.2352520354606839287, 161.02823106855587881, 1067.6894854603709582,
     18154.981253343561249),
    (1.0, 47.20258190468824187, 976.09855173777669322, 10260.932208618978205, 45507.789335026729956),
)  # fmt: skip
_BETWEEN: Fraction = (
    (1.0765576773720192317e-8, 0.39894151208813466764, 8.8831497943883759412, 93.506656132177855979,
     597.27027639480026226, 2494.5375852903726711, 6848.1904505362823326, 11602.651437647350124,
     9842.7148383839780218),
    (1.0, 22.266688044328115691, 235.38790178262499861, 1519.377599407554805, 6485.558298266760755,
     18615.571640885098091, 34900.952721145977266, 38912.003286093271411, 19685.429676859990727),
)  # fmt: skip
_FAR: Fraction = (
    (0.02307344176494017303, 0.21589853405795699, 0.1274011611602473639, 0.022235277870649807,
     0.001421619193227893466, 2.9112874951168792e-5),
    (1.0, 1.28426009614491121, 0.468238212480865118, 0.0659881378689285515, 0.00378239633202758244,
     7.29751555083966205e-5),
)  # fmt: skip

MIDDLE = 0.425  # how far a probability may lie from 1/2 for the first fraction of its quantile
TAIL = 5.0  # root of minus the logarithm of a probability, beyond which the third one holds
_QUANTILE: Fraction = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_QUANTILE_BEYOND: Fraction = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_QUANTILE_TAIL: Fraction = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


@overload
def normal_cdf(x: float) -> float: ...
@overload
def normal_cdf(x: Floats) -> Floats: ...
def normal_cdf(x: float | Floats) -> float | Floats:
    """Φ(x) = P(X <= x), of the shape of `x`; right in its digits far out on the left too.

    >>> round(normal_cdf(1.959963984540054), 12), normal_cdf(np.array([-np.inf, 0.0])).tolist()
    (0.975, [0.0, 0.5])
    """
    if isinstance(x, float):
        return erfc(-x * sqrt(0.5)) / 2
    y = np.abs(x)
    with np.errstate(under="ignore"):
        upper = np.where(y <= FAR, _ratio(_BETWEEN, np.minimum(y, FAR)), 0.0)
        far = y > FAR
        if far.any():
            inverse = 1 / np.square(y[far])
            upper[far] = (1 / sqrt(2 * np.pi) - inverse * _ratio(_FAR, inverse)) / y[far]
        # x^2 in two parts, of which the first is exact: far out its rounding would show in the density.
        whole = np.trunc(np.minimum(y, 40.0) * 16) / 16
        rest = np.minimum(y, 40.0) - whole
        upper *= np.exp(-whole * whole / 2) * np.exp(-rest * (whole + rest / 2))
    near = np.minimum(y, NEAR)
    middle = 0.5 + np.copysign(near, x) * _ratio(_NEAR, near * near)
    return np.where(y <= NEAR, middle, np.where(x < 0, upper, 1 - upper))


@overload
def normal_quantile(u: float) -> float: ...
@overload
def normal_quantile(u: Floats) -> Floats: ...
def normal_quantile(u: float | Floats) -> float | Floats:
    """The x with Φ(x) = u, of the shape of `u`: -inf and inf at 0 and 1, not a number outside.

    >>> round(normal_quantile(0.975), 12)
    1.959963984540
    """
    if isinstance(u, float):
        return float(normal_quantile(np.array([u]))[0])
    q = u - 0.5
    inner = np.clip(q, -MIDDLE, MIDDLE)
    found = inner * _ratio(_QUANTILE, MIDDLE**2 - inner * inner)
    outer = np.abs(q) > MIDDLE
    if outer.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            r = np.sqrt(-np.log(np.where(q[outer] < 0, u[outer], 1 - u[outer])))
        beyond = _ratio(_QUANTILE_BEYOND, np.minimum(r, TAIL) - 1.6)
        tail = np.where(np.isinf(r), np.inf, _ratio(_QUANTILE_TAIL, np.minimum(r, 40.0) - TAIL))
        found[outer] = np.copysign(np.where(r <= TAIL, beyond, tail), q[outer])
    return np.asarray(found)


def _ratio(fraction: Fraction, x: Floats) -> Floats:
    top, bottom = (_polynomial(coefficients, x) for coefficients in fraction)
    return np.asarray(top / bottom)


def _polynomial(coefficients: tuple[float, ...], x: Floats) -> Floats:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += coefficient
    return value
