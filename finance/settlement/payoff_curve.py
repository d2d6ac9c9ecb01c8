"""Payoff curve: a KPI value in, a rate or an amount out. Twin of contracts/settlement/PayoffCurve.sol.

A curve is a list of knots, strictly ascending in `x` and flat beyond both ends.

- step: from `x` (inclusive) upwards the payoff is that knot's `y`; below the first knot it is the first
  knot's `y`.
- linear: between knots (x0, y0) and (x1, y1) the payoff is floor(y0 + (y1 - y0)(x - x0)/(x1 - x0)), rounded
  toward minus infinity, so against the receiver of a positive amount.

Units: `x` is the KPI value times 10^decimals of the KPI; `y` is minor units of currency, or a rate with
1e18 = 100 %.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from finance.settlement.widths import INT128_MAX, SettlementError, int128

MAX_KNOTS: Final = 32


class Shape(IntEnum):
    """How a curve runs between its knots; the numbers are those of the Solidity enum."""

    STEP = 0
    LINEAR = 1


@dataclass(frozen=True, slots=True)
class Knot:
    """Payoff `y` at (and, for a step, from) the KPI value `x`; both int128."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Curve:
    """`knots` in strictly ascending `x`, at least one and at most MAX_KNOTS."""

    shape: Shape
    knots: tuple[Knot, ...]

    @classmethod
    def of(cls, shape: Shape, points: Sequence[tuple[int, int]]) -> Curve:
        """A validated curve from (x, y) pairs; raises SettlementError as `validate` does."""
        curve = cls(shape, tuple(Knot(x, y) for x, y in points))
        validate(curve)
        return curve


def validate(curve: Curve) -> None:
    """Raise SettlementError unless `curve` has 1 to MAX_KNOTS int128 knots, strictly ascending in x.

    A line between two knots may not span more than int128 in x or in y, so that its payoff can always be
    computed.
    """
    if curve.shape not in (Shape.STEP, Shape.LINEAR):
        raise SettlementError(f"shape = {curve.shape!r}: must be STEP or LINEAR")
    if not curve.knots:
        raise SettlementError("knots: a curve needs at least one")
    if len(curve.knots) > MAX_KNOTS:
        raise SettlementError(f"knots: {len(curve.knots)} of at most {MAX_KNOTS}")
    for i, knot in enumerate(curve.knots):
        int128(f"knots[{i}].x", knot.x)
        int128(f"knots[{i}].y", knot.y)
        if i and knot.x <= curve.knots[i - 1].x:
            raise SettlementError(
                f"knots[{i}].x = {knot.x}: must be greater than its predecessor {curve.knots[i - 1].x}"
            )
        if i and curve.shape == Shape.LINEAR:
            before = curve.knots[i - 1]
            if knot.x - before.x > INT128_MAX or abs(knot.y - before.y) > INT128_MAX:
                raise SettlementError(f"knots[{i}]: the line from its predecessor spans more than int128")


def payoff(curve: Curve, x: int) -> int:
    """The payoff for the KPI value `x` (int128), in the unit of the knots' `y`.

    Raises SettlementError for an invalid curve or an `x` outside int128.
    """
    validate(curve)
    int128("x", x)
    knots = curve.knots
    after = bisect_right(knots, x, key=lambda knot: knot.x)
    if after == 0:
        return knots[0].y
    left = knots[after - 1]
    if curve.shape == Shape.STEP or after == len(knots):
        return left.y
    right = knots[after]
    # Python's // is already the floor toward minus infinity.
    return left.y + (right.y - left.y) * (x - left.x) // (right.x - left.x)


def minimum(curve: Curve) -> int:
    """The smallest payoff over all KPI values. Curves are monotone between knots, so it is a knot's."""
    validate(curve)
    return min(knot.y for knot in curve.knots)


def maximum(curve: Curve) -> int:
    """The largest payoff over all KPI values (see `minimum`)."""
    validate(curve)
    return max(knot.y for knot in curve.knots)
