"""Scrambled Sobol points: to the last bit those of scipy.stats.qmc.Sobol, which takes a second to load.

Direction numbers of S. Joe and F. Y. Kuo (SIAM Journal on Scientific Computing 30, 2008,
doi:10.1137/070709359), read where scipy keeps them. The scrambling is J. Matoušek's (Journal of Complexity
14, 1998, doi:10.1006/jcom.1998.0489): of each dimension's digits a random lower triangular matrix of bits,
with ones on its diagonal, and a random shift.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint32]

BITS = 30
PLACES: Words = np.arange(BITS - 1, -1, -1, dtype=np.uint32)  # of the digits, the first one first
TABLE = Path("stats") / "_sobol_direction_numbers.npz"


@cache
def _table() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Primitive polynomials, as bits, and initial direction numbers, one row a dimension."""
    spec = find_spec("scipy")
    assert spec is not None
    assert spec.submodule_search_locations
    with np.load(Path(spec.submodule_search_locations[0]) / TABLE) as found:
        return found["poly"], found["vinit"]


@cache
def direction_numbers(dimensions: int) -> Words:
    """Direction numbers as words of BITS bits, shape (dimensions, BITS). Raises ValueError for more
    dimensions than there are numbers for.

    With the polynomial x^m + a_1 x^(m-1) + ... + 1, m_j = 2 a_1 m_(j-1) ^ ... ^ 2^m m_(j-m) ^ m_(j-m).
    """
    polynomials, initial = _table()
    if not 1 <= dimensions <= len(polynomials):
        raise ValueError(f"{dimensions} Sobol dimensions: there are 1 to {len(polynomials)}")
    numbers = np.ones((dimensions, BITS), dtype=np.int64)  # all of the first dimension's are 1
    for row, polynomial, start in zip(numbers[1:], polynomials[1:], initial[1:], strict=False):
        degree = int(polynomial).bit_length() - 1
        row[:degree] = start[: min(degree, BITS)]
        for j in range(degree, BITS):
            row[j] = row[j - degree]
            for k in range(1, degree + 1):
                if polynomial >> (degree - k) & 1:
                    row[j] ^= row[j - k] << k
    return np.asarray(numbers << np.arange(BITS - 1, -1, -1), dtype=np.uint32)


def scrambled_sobol(dimensions: int, log2_points: int, stream: np.random.Generator) -> Floats:
    """2^log2_points points in [0, 1), shape (dimensions, points), scrambled by bits of a child of
    `stream`. Raises ValueError for more points or dimensions than there are.
    """
    if not 0 <= log2_points <= BITS:
        raise ValueError(f"log2_points = {log2_points}: must be 0 to {BITS}")
    (bits,) = stream.spawn(1)
    shift = bits.integers(2, size=(dimensions, BITS), dtype=np.uint32) @ (1 << PLACES[::-1])
    mixing = np.tril(bits.integers(2, size=(dimensions, BITS, BITS), dtype=np.uint32))
    mixing[:, np.arange(BITS), np.arange(BITS)] = 1
    digits = direction_numbers(dimensions)[:, None, :log2_points] >> PLACES[:, None] & 1
    mixed = (mixing.astype(np.float64) @ digits).astype(np.uint32) & 1
    numbers = (mixed << PLACES[:, None]).sum(axis=1, dtype=np.uint32)
    points = shift[:, None]
    for column in numbers.T:  # the order of a Gray code: from one point to the next one number changes
        points = np.concatenate([points, points[:, ::-1] ^ column[:, None]], axis=1)
    return np.asarray(points * 2.0**-BITS)
