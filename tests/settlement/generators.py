"""Random inputs for the settlement functions, biased to the edges where integer arithmetic goes wrong.

Every generator takes a `random.Random`, so a run repeats exactly from its seed. Inputs that the functions
must refuse (zero denominators, descending knots, values wider than int128) are drawn on purpose.
"""

from __future__ import annotations

from random import Random

UINT_EDGES = [0, 1, 2, 3, 7, 360, 365, 10**6, 10**18, 2**128, 2**255, 2**256 - 1]
INT128_EDGES = [0, 1, -1, 2, -2, 10**6, -(10**6), 2**127 - 1, -(2**127), 2**127 - 2, -(2**127) + 1]
MAX_KNOTS = 32


def uint(rng: Random, bits: int = 256) -> int:
    """An unsigned integer of at most `bits` bits: an edge, beside a power of two, round, or of random
    length."""
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice(UINT_EDGES) % 2**bits
    if kind == 1:
        return max(0, 2 ** rng.randint(0, bits) + rng.choice((-1, 0))) % 2**bits
    if kind == 2:
        return 10 ** rng.randint(0, 77) * rng.randint(1, 9) % 2**bits
    return rng.getrandbits(rng.randint(1, bits))


def int_of(rng: Random, bits: int) -> int:
    """A signed integer of `bits` bits, edges included."""
    edge = 2 ** (bits - 1)
    if rng.randrange(8) == 0:
        return rng.choice((0, 1, -1, edge - 1, -edge, edge - 2, 1 - edge))
    value = uint(rng, bits - 1)
    return -value if rng.getrandbits(1) else value


def int128_or_wider(rng: Random) -> int:
    """Mostly an int128; now and then one that only a wider type holds, which both engines must refuse."""
    if rng.randrange(60) == 0:
        return rng.choice((2**127, -(2**127) - 1, 2**200, -(2**255)))
    return int_of(rng, 128)


def interest_case(rng: Random) -> tuple[int, int, int, int]:
    """(principal, rate, numerator, denominator): realistic money half the time, full widths otherwise."""
    kind = rng.randrange(4)
    if kind < 2:
        principal = rng.randint(0, 10 ** rng.randint(1, 30))
        rate = rng.randint(0, 10 ** rng.randint(1, 20))
        denominator = rng.choice((0, 1, 4, 360, 365, 366, 365 * 366, rng.randint(1, 2**32 - 1)))
        return principal, rate, rng.randint(0, max(1, 2 * denominator)), denominator
    if kind == 2:  # near the edge where the product stops fitting
        bits = [rng.randint(1, 256) for _ in range(2)]
        third = max(1, min(256, 256 - sum(bits) + rng.randint(-2, 3)))
        return uint(rng, bits[0]), uint(rng, bits[1]), uint(rng, third), uint(rng)
    return uint(rng), uint(rng), uint(rng, 64), uint(rng)


def curve_case(rng: Random) -> tuple[int, list[tuple[int, int]]]:
    """(shape, knots): mostly valid; also none, too many, equal or descending x, an unknown shape, dirty
    int128 words."""
    shape = 2 if rng.randrange(40) == 0 else rng.randrange(2)
    if rng.randrange(12) == 0:  # so long and steep that the product of differences may not fit
        left, right = (rng.getrandbits(127) for _ in range(2))
        rises = [rng.choice((-1, 1)) * rng.getrandbits(127) for _ in range(2)]
        return rng.randrange(2), [(-left, rises[0]), (right, rises[1])]
    size = rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 5, 8, MAX_KNOTS, MAX_KNOTS + 1, rng.randint(1, MAX_KNOTS)))
    width = rng.choice((4, 8, 21, 64, 100, 127, 128))
    xs = [int_of(rng, width) for _ in range(size)]
    if rng.randrange(8):
        xs = sorted(set(xs))
    knots = [(x, int_of(rng, rng.choice((3, 8, 64, width)))) for x in xs]
    if knots and rng.randrange(60) == 0:
        i = rng.randrange(len(knots))
        knots[i] = rng.choice(((knots[i][0], 2**127), (-(2**127) - 1, knots[i][1])))
    return shape, knots


def payoff_case(rng: Random) -> tuple[int, list[tuple[int, int]], int]:
    """A curve and a KPI value that is often on, just beside, or between its knots."""
    shape, knots = curve_case(rng)
    if knots and rng.randrange(4):
        left, right = rng.choice(knots)[0], rng.choice(knots)[0]
        if rng.getrandbits(1):
            return shape, knots, left + rng.choice((-1, 0, 1))
        return shape, knots, rng.randint(min(left, right), max(left, right))
    return shape, knots, int128_or_wider(rng)


def median_case(rng: Random) -> tuple[list[int]]:
    """Observations, mostly ascending with ties; also none, two swapped, or one too wide."""
    width = rng.choice((2, 8, 64, 128))
    values = sorted(int_of(rng, width) for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 7, 16, 31, 32))))
    if len(values) > 1 and rng.randrange(5) == 0:
        i = rng.randrange(len(values) - 1)
        values[i], values[i + 1] = values[i + 1], values[i]
    if values and rng.randrange(40) == 0:
        values[-1] = 2**127
    return (values,)


def allocate_case(rng: Random) -> tuple[int, list[int]]:
    """Money and needs; the needs are often close to the money, where the last paid step lies."""
    needs = [uint(rng, rng.choice((4, 64, 256))) for _ in range(rng.choice((0, 1, 2, 3, 5, 8, 20)))]
    total = sum(needs[: rng.randint(0, len(needs))])
    available = max(0, total + rng.choice((-1, 0, 1))) if rng.getrandbits(1) else uint(rng)
    return available % 2**256, needs


def per_unit_case(rng: Random) -> tuple[int, int]:
    """An amount and units; often units near a divisor of the amount, sometimes zero."""
    units = uint(rng, rng.choice((4, 64, 96, 256)))
    if rng.getrandbits(1):
        return max(0, units * uint(rng, 64) + rng.choice((-1, 0, 1))) % 2**256, units
    return uint(rng), units


def scale_case(rng: Random) -> tuple[int, int, int]:
    """A signed amount, the units in issue and the units it is quoted for; realistic, at the edge, and any."""
    kind = rng.randrange(3)
    if kind == 0:
        of_units = rng.randint(0, 10 ** rng.randint(1, 9))
        return rng.randint(-(10**18), 10**18), rng.randint(0, max(1, of_units)), of_units
    if kind == 1:  # near the edge where the product stops fitting, and often nothing to divide it by
        bits = rng.randint(2, 256)
        if rng.getrandbits(1):
            amount = rng.choice((-1, 1)) * (2 ** (bits - 1) - 1 - rng.getrandbits(max(1, bits - 4)))
            return amount, uint(rng, max(1, 258 - bits)), rng.choice((1, 1, 2))
        return int_of(rng, bits), uint(rng, min(256, max(1, 257 - bits + rng.randint(-2, 2)))), uint(rng)
    return int_of(rng, 256), uint(rng), uint(rng, rng.choice((8, 256)))


INTEREST_ONE = 2**32  # Netting's unit of interest


def debt_case(rng: Random) -> tuple[int, int]:
    """(principal, interest): none, interest alone, whole and broken minor units of it, full widths."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice((0, 1, uint(rng, 104))), rng.choice((0, 1, INTEREST_ONE - 1, INTEREST_ONE))
    if kind == 1:
        return uint(rng), uint(rng)
    principal = rng.randint(0, 10 ** rng.randint(1, 30))
    return principal, rng.randint(0, max(1, principal)) * INTEREST_ONE // rng.choice((1, 3, 1_000))


def due_case(rng: Random) -> tuple[int, int]:
    """A debt; now and then so large that principal and interest together do not fit."""
    principal, interest = debt_case(rng)
    if rng.randrange(8) == 0:
        return 2**256 - 1 - uint(rng, 8), uint(rng, 40)
    return principal, interest


def against_case(rng: Random) -> tuple[bool, int, int]:
    """Damages sometimes wider than an amount."""
    value = rng.randint(-(2 ** rng.randint(0, 255)), 2 ** rng.randint(0, 255) - 1)
    damages = rng.choice((0, rng.randrange(10 ** rng.randint(1, 38)), rng.randrange(2**130)))
    return rng.random() < 0.5, value, damages


def accrue_case(rng: Random) -> tuple[int, int, int, int]:
    """A debt, a rate and seconds; near the edge where the product stops fitting a quarter of the time."""
    principal, interest = debt_case(rng)
    if rng.randrange(4) == 0:
        bits = rng.randint(1, 200)
        rest = max(1, 224 - bits + rng.randint(-2, 3))
        return uint(rng, bits), interest, uint(rng, rest // 2 + 1), uint(rng, (rest + 1) // 2 + 1)
    rate = rng.choice((0, 10**18, rng.randint(0, 10**18), uint(rng)))
    return principal, interest, rate, rng.choice((0, 1, 365 * 86_400, rng.randint(0, 10**9), uint(rng, 48)))


def repay_case(rng: Random) -> tuple[int, int, int]:
    """A debt and an amount that is often just what is owed, the interest alone, or one beside it."""
    principal, interest = debt_case(rng)
    whole = interest // INTEREST_ONE
    near = rng.choice((whole, principal, principal + whole)) + rng.choice((-1, 0, 1))
    return principal, interest, max(0, near) % 2**256 if rng.randrange(4) else uint(rng)


def net_case(rng: Random) -> tuple[int, int, int, int]:
    """An amount, the payer's balance and the receiver's debt, each often just what meets the others."""
    principal, interest, amount = repay_case(rng)
    rest = max(0, amount - principal - interest // INTEREST_ONE)
    near = max(0, rest + rng.choice((-1, 0, 1)))
    return amount, near % 2**256 if rng.randrange(3) else uint(rng), principal, interest
