"""Scrambled Sobol points, the very numbers of scipy.stats.qmc, without loading scipy.stats.

That package takes longer to load than a bond takes to price. Direction numbers are read from SciPy's own
file: S. Joe and F. Y. Kuo, SIAM Journal on Scientific Computing 30 (2008), doi:10.1137/070709359. Scrambling:
J. Matoušek, Journal of Complexity 14 (1998), doi:10.1006/jcom.1998.0489.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

BITS = 30
WEIGHTS = (1 << np.arange(BITS, dtype=np.uint32))[::-1]
"""Of binary digits, the first after the point first."""


@lru_cache(maxsize=8)
def direction_digits(dimensions: int) -> NDArray[np.uint32]:
    """Binary digits of the direction numbers, of shape (dimensions, number, digit).

    Recurrence by a primitive polynomial: P. Bratley and B. L. Fox, ACM Transactions on Mathematical Software
    14 (1988), doi:10.1145/42288.214372, section 2.
    """
    with as_file(files("scipy") / "stats" / "_sobol_direction_numbers.npz") as path, np.load(path) as kept:
        polynomials, starts = kept["poly"][:dimensions].tolist(), kept["vinit"][:dimensions].tolist()
    found = [[1] * BITS]
    for polynomial, start in zip(polynomials[1:], starts[1:], strict=True):
        degree = polynomial.bit_length() - 1
        numbers = start[:degree]
        for _ in range(degree, BITS):
            number = numbers[-degree]
            for back in range(1, degree + 1):
                if polynomial >> (degree - back) & 1:
                    number ^= numbers[-back] << back
            numbers.append(number)
        found.append(numbers)
    whole = np.array(found, dtype=np.uint32) * WEIGHTS
    return (whole[:, :, None] & WEIGHTS > 0).astype(np.uint32)


def scrambled(dimensions: int, log2_points: int, stream: np.random.Generator) -> NDArray[np.float64]:
    """The first 2^log2_points points in [0, 1), of shape (2^log2_points, dimensions), scrambled by `stream`.

    As `scipy.stats.qmc.Sobol(dimensions, scramble=True, rng=stream).random_base2(log2_points)`: to each digit
    those before it are added, as a random triangular matrix says, and to all points one random shift, modulo
    2.
    """
    (own,) = stream.spawn(1)
    shift = own.integers(2, size=(dimensions, BITS), dtype=np.uint32) @ WEIGHTS[::-1]
    lower = np.tril(own.integers(2, size=(dimensions, BITS, BITS), dtype=np.uint32))
    lower[:, range(BITS), range(BITS)] = 1
    directions = (direction_digits(dimensions) @ lower.transpose(0, 2, 1) % 2) @ WEIGHTS
    points = shift[None, :]
    for index in range(log2_points):  # in the order of the Gray code: what there is, then its mirror image
        points = np.concatenate([points, points[::-1] ^ directions[:, index]])
    return points * 2.0**-BITS
