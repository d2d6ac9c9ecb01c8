"""Figures of the demonstration's report: no bar is cut off by the edge of its chart."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.figure import Figure

from finance import load_deal
from finance.settlement.swap_terms import swap_terms
from scripts.demo.company import Money
from scripts.demo.figures import Earned, payments_figure
from scripts.kinds.payment_lived import _Lived, _settlements
from tests.e2e.test_demo import ROOT


def room_above(figure: Figure) -> float:
    """What is free above the highest bar, as a part of the axes."""
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    patches: list[Any] = list(axes.patches)
    return (high - max(each.get_y() + each.get_height() for each in patches)) / (high - low)


def test_of_a_charge_that_is_paid_in_part() -> None:
    lived = _Lived(load_deal(ROOT / "deals" / "highway-availability.yaml"), None, ())  # type: ignore[arg-type]
    full = [period.fixed_amount for period in swap_terms(lived.deal).payment.periods]
    lived.__dict__["amounts"] = tuple(
        amount * part // 10 for amount, part in zip(full, [10, 8] * 99, strict=False)
    )
    assert room_above(_settlements(lived)) > 0.02


@pytest.mark.parametrize("days", [("2020-01-01", "2021-01-01"), ("2021-01-01", "2020-01-01")])
def test_of_what_holders_earned(days: tuple[str, str]) -> None:
    """The highest bar of one kind on a day without the other."""
    earned = [
        Earned(day, "bond", what, "0x11", 1, amount * 10**6)
        for day, what, amount in zip(days, ("repayment", "coupon"), (100, 5), strict=True)
    ]
    assert room_above(payments_figure(earned, Money("USD", 6))) > 0.02
