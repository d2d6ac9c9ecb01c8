"""Formula and integer curve are one promise; and the payoffs are what their names say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance.pricing.flows import KpiFlow
from finance.settlement.payoff_curve import Curve, Shape, payoff
from finance.swaps import Collar, IndexForward, LimitedSwap, PlainSwap, Scale, TieredIndex, UpsideSharing
from finance.swaps.curves import Payoff, curves, product_index
from finance.terms import InputError

HIGH = 20_000_000
SCALE = Scale(decimals=2, money_decimals=2, low=-1_000_000, high=HIGH)
cents = st.integers(0, 100 * HIGH).map(lambda n: Decimal(n) / 100)
shares = st.integers(0, 1_000).map(lambda n: Decimal(n) / 1_000)


@st.composite
def payoffs(draw: st.DrawFn) -> Payoff:
    kind = draw(st.sampled_from(["plain", "share", "collar", "floor", "cap", "limited", "index"]))
    a, b = sorted((draw(cents), draw(cents)))
    if kind == "plain":
        return PlainSwap(a)
    if kind == "share":
        return UpsideSharing(a, draw(shares), b)
    if kind == "limited":
        return LimitedSwap(a, draw(cents), draw(cents))
    if kind == "index":
        return IndexForward(a, draw(shares) + 1, draw(st.sampled_from(["above", "below"])))
    return Collar(None if kind == "cap" else a, None if kind == "floor" else b)


@settings(max_examples=400, deadline=None)
@given(payoffs(), st.integers(-100_000_000, 100 * HIGH))
def test_formula_and_integer_curve_agree(deal: Payoff, x: int) -> None:
    """The curve is never above the formula and less than two minor units below, at every KPI in bounds."""
    curve = deal.curve(SCALE)
    exact = deal.exact(Fraction(x, 100)) * 100
    assert exact - 2 < payoff(curve, x) <= exact
    price = float(deal(np.array([x / 100]))[0])
    assert price == pytest.approx(float(exact) / 100, rel=1e-12, abs=1e-6)
    flow = KpiFlow(date(2018, 1, 1), date(2018, 1, 1), curve, 2, 0.01)
    assert flow.amounts(np.array([x / 100]))[0] == pytest.approx(price, rel=1e-9, abs=0.03)


@settings(max_examples=100, deadline=None)
@given(st.integers(-100, 10_300), st.integers(-50_000, 50_000))
def test_steps_agree_exactly(x: int, low: int) -> None:
    tiers = TieredIndex(
        ((Decimal("1.00"), low), (Decimal("2.50"), 10_000), (Decimal("99.99"), Decimal("7.25")))
    )
    curve = tiers.curve(Scale(2, 2, 0, 100))
    assert curve.shape == Shape.STEP
    assert payoff(curve, x) == tiers.exact(Fraction(x, 100)) * 100
    assert float(tiers(np.array([x / 100]))[0]) * 100 == pytest.approx(payoff(curve, x))


@settings(max_examples=100, deadline=None)
@given(cents, st.integers(-100_000_000, 100 * HIGH))
def test_kinships(fixed: Decimal, x: int) -> None:
    """A collar of one strike, a swap without sharing and one with wide limits are the plain swap; call and
    put make a forward.
    """
    at = Fraction(x, 100)
    plain = PlainSwap(fixed).exact(at)
    wide = 2 * HIGH
    kin = (Collar(fixed, fixed), UpsideSharing(fixed, 0, fixed), LimitedSwap(fixed, wide, wide),
           IndexForward(fixed, 1, "below"))  # fmt: skip
    for other in kin:
        assert other.exact(at) == plain
        assert other.curve(SCALE).knots[0] == PlainSwap(fixed).curve(SCALE).knots[0]
    assert Collar(fixed, None).exact(at) + Collar(None, fixed).exact(at) == plain
    assert IndexForward(fixed, 3, "above").exact(at) == -3 * plain


def test_who_pays_when() -> None:
    """Fixed 3,000,000. A windy, dear quarter of 3,400,000: the project pays. A still one: it receives."""
    revenue = np.array([2_500_000.0, 3_000_000.0, 3_400_000.0])
    assert PlainSwap(3_000_000)(revenue).tolist() == [500_000, 0, -400_000]
    assert UpsideSharing(3_000_000, Decimal("0.25"), 3_200_000)(revenue).tolist() == [500_000, 0, -350_000]
    assert Collar(2_700_000, 3_300_000)(revenue).tolist() == [200_000, 0, -100_000]
    assert LimitedSwap(3_000_000, 450_000, 100_000)(revenue).tolist() == [450_000, 0, -100_000]


def test_volume_quanto_and_index_forwards() -> None:
    """40 a MWh short of 90,000 whatever power costs; leakage below 12.5 % earns 20,000 a point; 15 for each
    ratepayer above 48,000.
    """
    volume = IndexForward(90_000, 40, "below").curve(Scale(3, 2, 0, 178 * 24 * 92))
    assert payoff(volume, 85_000_000) == 200_000_00
    leakage = IndexForward(Decimal("12.50"), 20_000, "below").curve(Scale(2, 2, 0, 100))
    assert payoff(leakage, 11_00) == 30_000_00
    assert payoff(leakage, 14_00) == -30_000_00
    ratepayers = IndexForward(48_000, 15, "above").curve(Scale(0, 2, 0, 200_000))
    assert payoff(ratepayers, 50_000) == 30_000_00


def test_product_quanto() -> None:
    """Short of 90,000 MWh by 5,000 while the price is 20 above its strike of 30: 100,000 to buy it back."""
    found = product_index(np.array([85_000.0, 95_000.0]), np.array([50.0, 50.0]), 90_000, 30)
    assert found.tolist() == [100_000, -100_000]
    both = product_index(
        np.array([85_000.0, 95_000.0, 85_000.0]), np.array([20.0, 20.0, 40.0]), 90_000, 30, True
    )
    assert both.tolist() == [50_000, 0, 0]
    # As a KPI it settles one to one.
    curve = IndexForward(0, 1, "above").curve(Scale(2, 2, -(10**9), 10**9))
    assert payoff(curve, 100_000_00) == 100_000_00


def test_curves_of_a_schedule() -> None:
    found = curves([PlainSwap(3_000_000), PlainSwap(2_500_000)], SCALE)
    assert [curve.knots[-1].y for curve in found] == [-17_000_000_00, -17_500_000_00]
    assert all(isinstance(curve, Curve) for curve in found)


def test_bad_terms_are_refused() -> None:
    with pytest.raises(InputError, match="must be below high"):
        Scale(2, 2, 5, 5)
    with pytest.raises(InputError, match="more than the KPI's 2 decimals"):
        Scale(2, 2, Decimal("0.001"), 5)
    with pytest.raises(InputError, match="a bend has more"):
        Collar(Decimal("1.005"), None).curve(SCALE)
    with pytest.raises(InputError, match="fraction from 0 to 1"):
        UpsideSharing(1, 2, 3)
    with pytest.raises(InputError, match="at least one is needed"):
        Collar(None, None)
    with pytest.raises(InputError, match="must not lie above the cap"):
        Collar(5, 4)
    with pytest.raises(InputError, match="0 or more"):
        LimitedSwap(1, -1, 1)
    with pytest.raises(InputError, match="above or below"):
        IndexForward(1, 1, "up")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must be above 0"):
        IndexForward(1, 0, "above")
    with pytest.raises(InputError, match="ascend"):
        TieredIndex(((2, 1), (1, 1)))
