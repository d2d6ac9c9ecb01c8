"""What a KPI makes of a payment in a deal file: tiers, or the points of a line. Where a tier begins and ends,
and what can be wrong with tiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal

from pydantic import Field

from finance.terms.canonical import plain
from finance.terms.values import NumberTerm, Strict

Inclusive = Literal["both", "from", "to", "neither"]

# (field inside `tiers`, reason); the field names the tier by its index.
Finding = tuple[tuple[str, ...], str]


class TierBounds(Strict):
    """One tier of a step payoff: KPI `below` a bound, `from` one `to` another, or `above` one.

    `inclusive` says whether the tier owns its bound: true or false for `below` and `above`; both, from, to or
    neither for `from`/`to`.
    """

    below: NumberTerm | None = None
    from_: NumberTerm | None = Field(default=None, alias="from")
    to: NumberTerm | None = None
    above: NumberTerm | None = None
    inclusive: bool | Inclusive


class Tier(TierBounds):
    """A tier and its `amount` for the whole issue, positive when the issuer pays holders."""

    amount: NumberTerm


class RateTier(TierBounds):
    """A tier and the `rate` that it adds to the coupon, a fraction a year (0.0025 is 25 basis points)."""

    rate: NumberTerm


class AmountPoint(Strict):
    """A point of a payoff line: the `amount` for the whole issue at a `kpi` value."""

    kpi: NumberTerm
    amount: NumberTerm


class RatePoint(Strict):
    """A point of a payoff line: the `rate` added to the coupon at a `kpi` value."""

    kpi: NumberTerm
    rate: NumberTerm


def lower_bound(tier: TierBounds) -> tuple[Decimal, bool] | None:
    """Where a tier begins and whether it owns that point; None for minus infinity."""
    if tier.above is not None:
        return tier.above.value, tier.inclusive is True
    if tier.from_ is not None:
        return tier.from_.value, tier.inclusive in ("both", "from")
    return None


def upper_bound(tier: TierBounds) -> tuple[Decimal, bool] | None:
    """Where a tier ends and whether it owns that point; None for plus infinity."""
    if tier.below is not None:
        return tier.below.value, tier.inclusive is True
    if tier.to is not None:
        return tier.to.value, tier.inclusive in ("both", "to")
    return None


def describe(tier: TierBounds, percent: bool = False) -> str:
    """A tier in words, such as `18.6 % to 41.3 %` or `above 41.3 %`, saying who owns the bounds."""

    def show(number: Decimal) -> str:
        return f"{plain(number * 100)} %" if percent else plain(number)

    if tier.below is not None:
        return (
            f"{show(tier.below.value)} or less"
            if tier.inclusive is True
            else f"below {show(tier.below.value)}"
        )
    if tier.above is not None:
        return (
            f"{show(tier.above.value)} or more"
            if tier.inclusive is True
            else f"above {show(tier.above.value)}"
        )
    if tier.from_ is None or tier.to is None:
        return "a tier without bounds"
    span = f"{show(tier.from_.value)} to {show(tier.to.value)}"
    return {
        "both": f"{span} inclusive",
        "from": f"{span}, without the end",
        "to": f"{span}, without the start",
        "neither": f"{span} exclusive",
    }.get(str(tier.inclusive), span)


def _shape(index: int, tier: TierBounds) -> Iterator[Finding]:
    """One tier alone: it must be exactly one of below, from/to and above."""
    between = tier.from_ is not None and tier.to is not None
    given = [name for name in ("below", "from_", "to", "above") if getattr(tier, name) is not None]
    if given not in (["below"], ["above"], ["from_", "to"]):
        yield (str(index),), "must have exactly one of `below`, `above`, or `from` with `to`"
        return
    if between and isinstance(tier.inclusive, bool):
        yield (str(index), "inclusive"), "must be both, from, to or neither for a tier with `from` and `to`"
    if not between and not isinstance(tier.inclusive, bool):
        yield (str(index), "inclusive"), "must be true or false for a tier with one bound"
    if between and tier.from_ is not None and tier.to is not None and tier.from_.value >= tier.to.value:
        yield (str(index),), f"`from` {plain(tier.from_.value)} is not less than `to` {plain(tier.to.value)}"


def check_tiers(tiers: Sequence[TierBounds]) -> Iterator[Finding]:
    """Everything wrong with `tiers`: they must cover every KPI value exactly once, in ascending order."""
    shapes = [finding for index, tier in enumerate(tiers) for finding in _shape(index, tier)]
    yield from shapes
    if shapes or not tiers:
        return
    if len(tiers) > 1 and upper_bound(tiers[0]) is None:
        yield ("0",), "the first tier must be the lowest: list tiers in ascending order"
        return
    if lower_bound(tiers[0]) is not None:
        yield (
            ("0",),
            f"KPI values {_outside(tiers[0], low=True)} fall in no tier: the first tier must be a `below`",
        )
    if upper_bound(tiers[-1]) is not None:
        yield (
            (str(len(tiers) - 1),),
            f"KPI values {_outside(tiers[-1], low=False)} fall in no tier: the last tier must be an `above`",
        )
    for index in range(1, len(tiers)):
        end, start = upper_bound(tiers[index - 1]), lower_bound(tiers[index])
        before, here = f"tiers {index - 1} and {index}", (str(index),)
        if end is None or start is None:
            yield here, f"{before} overlap: only the last tier may be an `above` and only the first a `below`"
        elif start[0] < end[0]:
            yield here, f"{before} overlap: one ends at {plain(end[0])}, the next starts at {plain(start[0])}"
        elif start[0] > end[0]:
            yield (
                here,
                f"{before} leave a gap: one ends at {plain(end[0])}, the next starts at {plain(start[0])}",
            )
        elif end[1] and start[1]:
            yield here, f"{before} overlap: both include {plain(end[0])}; exactly one may"
        elif not end[1] and not start[1]:
            yield here, f"{before} leave a gap: neither includes {plain(end[0])}; exactly one must"


def _outside(tier: TierBounds, low: bool) -> str:
    bound = lower_bound(tier) if low else upper_bound(tier)
    return f"{'below' if low else 'above'} {plain(bound[0])}" if bound else ""
