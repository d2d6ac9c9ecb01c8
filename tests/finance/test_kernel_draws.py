"""The kernels' random numbers against the published algorithms, written out again in plain integers."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log, sqrt

import numpy as np
import pytest

from finance.pricing.kernels import drawn_normals
from tests.seeds import usual

SEED = usual(20160929)
WORD = 2**64
TAIL, AREA = 3.6541528853610088, 0.00492867323397465519  # Marsaglia and Tsang (2000), 256 layers
PATHS = 2_048  # that one stream of words draws


def rotated(x: int, by: int) -> int:
    return (x << by | x >> (64 - by)) % WORD


def xoshiro(state: list[int]) -> Iterator[int]:
    """xoshiro256++ as its authors give it (xoshiro256plusplus.c)."""
    s = list(state)
    while True:
        yield (rotated((s[0] + s[3]) % WORD, 23) + s[0]) % WORD
        t = s[1] << 17 & (WORD - 1)
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)


def test_the_generator_is_the_published_one() -> None:
    """The first numbers of the authors' program from the state 1, 2, 3, 4."""
    words = xoshiro([1, 2, 3, 4])
    assert [next(words) for _ in range(6)] == [
        41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162,
    ]  # fmt: skip


def ziggurat(words: Iterator[int]) -> Iterator[float]:
    """Marsaglia and Tsang's normals of 256 layers: the layer by the lowest byte of a word, the place in it by
    the word as a signed fraction (Doornik), the tail by Marsaglia's exponentials."""
    edges = [AREA / exp(-(TAIL**2) / 2), TAIL]
    while len(edges) < 256:
        edges.append(sqrt(-2 * log(exp(-(edges[-1] ** 2) / 2) + AREA / edges[-1])))
    edges.append(0.0)

    def unit() -> float:
        return ((next(words) >> 11) + 0.5) * 2.0**-53

    while True:
        word = next(words)
        layer, x = word % 256, (word - WORD if word >= WORD // 2 else word) / 2.0**63
        x *= edges[layer]
        if abs(x) < edges[layer + 1]:
            yield x
        elif layer == 0:
            while True:
                far = -log(unit()) / TAIL
                if -2 * log(unit()) > far * far:
                    break
            yield TAIL + far if x > 0 else -TAIL - far
        else:
            low, high = exp(-(edges[layer] ** 2) / 2), exp(-(edges[layer + 1] ** 2) / 2)
            if low + unit() * (high - low) < exp(-x * x / 2):
                yield x


@pytest.mark.parametrize("paths", [1, PATHS, PATHS + 1, 3 * PATHS - 5])
def test_the_kernels_draw_these_normals(paths: int) -> None:
    """A stream of its own for each 2,048 paths, period after period, seeded by numpy's SeedSequence."""
    periods, blocks = 3, -(-paths // PATHS)
    states = np.random.SeedSequence(SEED).generate_state(4 * blocks, np.uint64).reshape(blocks, 4)
    wanted = np.empty((periods, paths))
    for block, state in enumerate(states.tolist()):
        here = slice(block * PATHS, min(paths, (block + 1) * PATHS))
        normals = ziggurat(xoshiro(state))
        for period in range(periods):
            wanted[period, here] = [next(normals) for _ in range(wanted[period, here].size)]
    assert drawn_normals(periods, paths, SEED) == pytest.approx(wanted, abs=1e-12)
