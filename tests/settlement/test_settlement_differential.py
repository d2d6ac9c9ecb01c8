"""One settlement arithmetic, two engines: the Solidity libraries and their Python twins never differ by one
unit.

Random inputs go to both. Either both give the same values, or the contract reverts and Python raises
SettlementError; nothing else passes, so neither a rounding difference nor a missing range check can hide.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from finance.settlement import SettlementError, close_out
from finance.settlement.accrual import interest
from finance.settlement.median import median
from finance.settlement.netting import Debt, accrue, due, net, repay
from finance.settlement.payoff_curve import Curve, Knot, maximum, minimum, payoff, validate
from finance.settlement.pro_rata import per_unit, scale
from finance.settlement.waterfall import allocate
from tests.settlement import generators
from tests.settlement.engine import Engine, Reverted

REFUSED = "refused"


def curve_of(shape: int, knots: list[tuple[int, int]]) -> Curve:
    """A curve exactly as given; `shape` may be a number that no Shape has."""
    return Curve(shape, tuple(Knot(x, y) for x, y in knots))  # type: ignore[arg-type]


def flat(value: Any) -> list[int]:
    """A debt, or a tuple that begins with one, as the words that Solidity returns."""
    first, *rest = value if isinstance(value, tuple) else (value,)
    return [*((first.principal, first.interest) if isinstance(first, Debt) else (first,)), *rest]


TWINS: dict[str, tuple[Callable[[Random], tuple[Any, ...]], Callable[..., Any]]] = {
    "interest": (generators.interest_case, interest),
    "validate": (generators.curve_case, lambda shape, knots: validate(curve_of(shape, knots))),
    "payoff": (generators.payoff_case, lambda shape, knots, x: payoff(curve_of(shape, knots), x)),
    "minimum": (generators.curve_case, lambda shape, knots: minimum(curve_of(shape, knots))),
    "maximum": (generators.curve_case, lambda shape, knots: maximum(curve_of(shape, knots))),
    "median": (generators.median_case, median),
    "allocate": (generators.allocate_case, allocate),
    "per_unit": (generators.per_unit_case, per_unit),
    "scale": (generators.scale_case, scale),
    "accrue": (generators.accrue_case, lambda p, i, rate, elapsed: flat(accrue(Debt(p, i), rate, elapsed))),
    "due": (generators.due_case, lambda p, i: flat(due(Debt(p, i)))),
    "repay": (generators.repay_case, lambda p, i, amount: flat(repay(Debt(p, i), amount))),
    "net": (generators.net_case, lambda amount, balance, p, i: flat(net(amount, balance, Debt(p, i)))),
    "replacement_cost": (
        lambda rng: (rng.random() < 0.5, *generators.scale_case(rng)),
        close_out.replacement_cost,
    ),
    "against": (generators.against_case, close_out.against),
}
# Functions with no input to refuse: a waterfall takes any amounts, and so does what pays a debt off.
NEVER_REFUSES = {"allocate", "repay", "net"}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.mark.parametrize("name", TWINS)
def test_the_engines_agree(name: str, engine: Engine, seed: int, cases: int) -> None:
    generate, python = TWINS[name]
    solidity = getattr(engine, name)
    rng = Random(f"{seed}/{name}")
    refused = 0
    for case in range(cases):
        arguments = generate(rng)
        try:
            on_chain = solidity(*arguments)
        except Reverted:
            on_chain = REFUSED
            refused += 1
        try:
            off_chain = python(*arguments)
        except SettlementError:
            off_chain = REFUSED
        assert off_chain == on_chain, (
            f"{name}{arguments}: Solidity {on_chain}, Python {off_chain} (PENSTOCK_SEED={seed}, case {case})"
        )
    # A fuzz that only ever takes one way shows nothing.
    assert refused < cases * 3 // 4, f"{refused} of {cases} cases refused: the generator wastes its cases"
    if name not in NEVER_REFUSES:
        assert refused > cases // 200, f"only {refused} of {cases} cases refused: reverts are not compared"


def test_a_difference_of_one_unit_is_caught(engine: Engine, seed: int) -> None:
    """The comparison itself can fail: interest rounded up, the usual mistake, is found within a thousand
    cases."""

    def rounded_up(principal: int, rate: int, numerator: int, denominator: int) -> int:
        return -(-principal * rate * numerator // (10**18 * denominator))

    rng = Random(seed)
    differences = 0
    for _ in range(1_000):
        arguments = generators.interest_case(rng)
        try:
            differences += engine.interest(*arguments) != rounded_up(*arguments)
        except Reverted:
            continue
    assert differences > 0
