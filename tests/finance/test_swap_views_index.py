"""KPI payments on a KPI with a process of its own: closed forms, QuantLib, Monte Carlo, variants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import QuantLib as ql

from finance.report.swaps import terms_table
from finance.settlement.kpi_payment import amount_of
from finance.settlement.swap_terms import swap_terms
from finance.swaps import Collar, IndexForward
from finance.swaps.bumps import index_sensitivity
from finance.swaps.index import IndexSwap, index_swap
from finance.swaps.variants import with_payoff
from finance.terms import Deal, InputError, load_deal, parse_deal
from finance.terms.reader import read_deal_yaml
from tests.seeds import usual

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deals" / "water-utility-rainfall-swap.yaml"
MEANS, SDS = (92, 240, 372, 130), (30, 65, 90, 40)  # the deal file's, of the station's quarters
OWN = (-1_880_000, -4_850_000, -7_510_000, -2_650_000)
PER_MM, CAP = 20_000, 600
SEED = usual(20240101)


@lru_cache
def rain() -> Deal:
    return load_deal(FILE)


@lru_cache
def at_own_payments() -> IndexSwap:
    return index_swap(rain(), seed=SEED)


def assumed(value: Any) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


def other_process(process: Mapping[str, Any]) -> Deal:
    """The rainfall deal with another process of its KPI."""
    tree = read_deal_yaml(FILE)
    tree["kpis"]["rainfall"]["process"] = dict(process)
    return parse_deal(tree)


def bachelier(strike: float, mean: float, sd: float) -> float:
    return float(ql.bachelierBlackFormula(ql.Option.Call, float(strike), float(mean), float(sd), 1.0))


def capped_line(mean: float, sd: float) -> float:
    """E 20,000 x min(max(rain, 0), 600): a call spread on a normal."""
    return PER_MM * (bachelier(0, mean, sd) - bachelier(CAP, mean, sd))


def test_each_quarter_is_quantlibs_call_spread() -> None:
    view = at_own_payments()
    for k, (mean, sd) in enumerate(zip(MEANS, SDS, strict=True)):
        # Rain is reported in hundredths of a millimetre, which moves the mean by less than 1e-9 of it.
        assert view.expected[k::4] == pytest.approx([capped_line(mean, sd)] * 5, rel=1e-9)
        assert view.fair[k] == pytest.approx(-capped_line(mean, sd), rel=1e-9)


def test_value_by_hand() -> None:
    """Fixed and expected payoff, discounted at 4 % (ACT/365) from 40 days after the day that follows."""
    paid = [date(2024 + y, 5 + 3 * q, 11 if q == 0 else 10) for y in range(5) for q in range(3)]
    paid += [date(2025 + y, 2, 10) for y in range(5)]
    starts = date(2024, 1, 1)
    total = 0.0
    for k, day in enumerate(sorted(paid)):
        mean, sd = MEANS[k % 4], SDS[k % 4]
        total += (OWN[k % 4] + capped_line(mean, sd)) * 1.04 ** (-(day - starts).days / 365)
    assert at_own_payments().exact_value.value == pytest.approx(total, rel=1e-9)
    assert at_own_payments().exact_value.standard_error == 0


def test_monte_carlo_agrees_with_the_closed_form() -> None:
    view = at_own_payments()
    table = view.settlement_table()
    off = (table["mean"] - table["exact_mean"]) / table["standard_error"]
    assert off.abs().max() < 4.5
    assert table["sd"].to_numpy() == pytest.approx(table["exact_sd"].to_numpy(), rel=0.03)
    found = view.value.value
    assert abs(found.value - view.exact_value.value) < 4.5 * found.standard_error
    chance = table["project_pays"].to_numpy()
    normal = [1 - ql.CumulativeNormalDistribution()((-OWN[k] / PER_MM - MEANS[k]) / SDS[k]) for k in range(4)]
    assert chance[:4] == pytest.approx([1 - p for p in normal], abs=0.01)


def test_settlements_are_those_of_the_contract() -> None:
    view, terms = at_own_payments(), swap_terms(rain())
    for path in range(0, 2_000, 97):
        for k in range(20):
            kpi = int(np.rint(view.values[path, k] * 100))
            exact = float(Decimal(amount_of(terms.payment, k, kpi)) / 10**6)
            assert view.settlements[path, k] == pytest.approx(exact, abs=1e-5)


@pytest.mark.parametrize(
    "process",
    [
        {"kind": "normal", "mean": assumed(200), "sd": assumed(60)},
        {"kind": "normal", "mean": assumed(300), "sd": assumed(60), "trend": assumed(12)},
        {"kind": "lognormal", "mean": assumed(220), "sd": assumed(90)},
        {"kind": "bernoulli", "probability": assumed(Decimal("0.3"))},
        {"kind": "empirical", "series": assumed([80, 250, 390, 700])},
        {"kind": "ar1", "start": assumed(300), "mean": assumed(220), "memory": assumed(Decimal("0.6")),
         "noise": assumed(50)},
        {"kind": "mean_reverting", "start": assumed(500), "mean": assumed(300), "speed": assumed(1),
         "volatility": assumed(120)},
    ],
    ids=lambda process: process["kind"],
)  # fmt: skip
def test_every_process_has_both(process: dict[str, Any]) -> None:
    view = index_swap(other_process(process), paths=20_000, seed=SEED)
    table = view.settlement_table()
    off = (table["mean"] - table["exact_mean"]).abs()
    assert (off < 4.5 * table["standard_error"]).all()
    assert table["sd"].to_numpy() == pytest.approx(table["exact_sd"].to_numpy(), rel=0.05)


def test_periods_of_a_process_with_memory_hang_together() -> None:
    stated = {"start": assumed(300), "mean": assumed(300), "speed": assumed(1), "volatility": assumed(60)}
    view = index_swap(other_process({"kind": "mean_reverting", **stated}), paths=20_000, seed=SEED)
    found = np.corrcoef(view.values[:, 8], view.values[:, 9])[0, 1]
    # Ornstein-Uhlenbeck: correlation exp(-speed t) sd_8/sd_9, a quarter apart
    step, at = 92 / 365, (view.deal.kpis["rainfall"].periods[8].end - date(2024, 1, 1)).days / 365
    var = [(1 - np.exp(-2 * t)) for t in (at, at + step)]
    assert found == pytest.approx(np.exp(-step) * np.sqrt(var[0] / var[1]), abs=0.01)


@pytest.mark.parametrize(
    ("solve", "parameter", "implied"),
    [
        ("fair", None, "standard_deviations"),
        ("wang", 0.2, "wang_risk_price"),
        ("sd", 0.2, "standard_deviations"),
        ("sharpe", 0.1, "yearly_sharpe"),
    ],
)
def test_solving_and_pricing_are_inverse(solve: str, parameter: float | None, implied: str) -> None:
    solved = index_swap(rain(), solve, parameter, 20_000, SEED)
    tree = read_deal_yaml(FILE)
    tree["parts"]["swap"]["fixed"] = assumed(list(solved.solved))
    again = index_swap(parse_deal(tree), paths=20_000, seed=SEED)
    # Exact means on both sides; rounding to cents is worth 0.1 at most in all.
    assert again.implied[implied] == pytest.approx(parameter or 0, abs=1e-6)
    if solve == "fair":
        assert abs(again.exact_value.value) < 0.1
        assert [float(x) for x in solved.solved] == pytest.approx(
            [-capped_line(m, s) for m, s in zip(MEANS, SDS, strict=True)], abs=0.006
        )


def test_a_normal_sums_loading_is_its_deviations() -> None:
    """Independent near-normal quarters: Wang's price of risk and standard deviations are nearly one."""
    view = at_own_payments()
    wang, sds = view.implied["wang_risk_price"], view.implied["standard_deviations"]
    assert wang == pytest.approx(sds, abs=0.002)
    assert sds == pytest.approx(
        -view.exact_value.value / np.sqrt(((view.sd * view.discount) ** 2).sum()), rel=0.02
    )


def test_revenue_is_hedged_but_for_the_cap_and_the_premium() -> None:
    view = at_own_payments()
    revenue = view.revenue
    assert revenue is not None
    assert revenue.before == pytest.approx(-PER_MM * view.values.reshape(len(view.values), 5, 4).sum(axis=2))
    # A year with every quarter between 0 and 600 mm leaves the fixed payments alone, but for rounding.
    dry = ((view.values > 0) & (view.values < CAP)).reshape(len(view.values), 5, 4).all(axis=2)
    assert revenue.after[dry] == pytest.approx(float(sum(OWN)), abs=4 * 0.005 * PER_MM)
    assert 0.99 < revenue.variance_reduction.value < 1


def test_outside_bounds_is_the_normals_tail() -> None:
    tail = ql.CumulativeNormalDistribution()
    assert at_own_payments().outside[:4] == pytest.approx(
        [tail((-0.005 - m) / s) for m, s in zip(MEANS, SDS, strict=True)], rel=1e-6
    )


def test_bumps_are_the_closed_forms_own() -> None:
    found = {move.name: move for move in index_sensitivity(rain()).moves}
    discount = at_own_payments().discount

    def worth(mean: float, sd: float) -> float:
        each = [OWN[k] + capped_line(MEANS[k] * mean, SDS[k] * sd) for k in range(4)]
        return float(np.resize(each, 20) @ discount)

    for name, mean, sd in (("KPI mean +5 %", 1.05, 1.0), ("KPI sd +25 %", 1.0, 1.25)):
        assert found[name].value.value == pytest.approx(worth(mean, sd) - worth(1, 1), rel=1e-6)
    with pytest.raises(InputError, match="do not move apart"):
        index_sensitivity(other_process({"kind": "bernoulli", "probability": assumed(Decimal("0.3"))}))


def one_period(title: str, unit: str, mean: str, sd: str, top: int) -> Deal:
    """A KPI payment with one period, in memory: what an index forward is."""
    tree = read_deal_yaml(FILE)
    kpi = tree["kpis"]["rainfall"]
    kpi |= {"title": title, "unit": unit, "periods": kpi["periods"][:1]}
    kpi["bounds"] = {"minimum": assumed(0), "maximum": assumed(top)}
    kpi["process"] = {"kind": "normal", "mean": assumed(Decimal(mean)), "sd": assumed(Decimal(sd))}
    del tree["asset"]["parameters"]["revenue_per_mm"]
    claim = tree["parts"]["swap"]
    claim["fixed"] = assumed([0])
    claim["line"] = [{"kpi": assumed(0), "amount": assumed(0)}]
    return parse_deal(tree)


def test_a_forward_on_leakage_is_worth_its_distance_from_the_strike() -> None:
    """20,000 for each point of leakage below 12.5 %, expected at 11.8 % +- 1.5: the bounds are 8 sd away."""
    plain = one_period("Leakage", "%", "11.8", "1.5", 100)
    deal = with_payoff(plain, IndexForward(Decimal("12.5"), 20_000, "below"), (0,))
    view = index_swap(deal, paths=20_000, seed=SEED)
    discount = 1.04 ** (-(date(2024, 5, 11) - date(2024, 1, 1)).days / 365)
    assert view.exact_value.value == pytest.approx(20_000 * 0.7 * discount, rel=1e-9)
    assert view.revenue is None
    assert view.leg.per_year == 1
    # Wang on a normal: fair less risk price x sd
    wang = index_swap(deal, "wang", 0.25, 100_000, SEED)
    assert wang.payment is not None
    assert wang.payment.amount == pytest.approx(-20_000 * (0.7 + 0.25 * 1.5), rel=0.01)


def test_a_volume_quanto_pays_at_a_price_fixed_beforehand() -> None:
    """40 for each MWh short of 90,000, whatever power costs: a put if only shortfall pays."""
    plain = one_period("Proxy energy", "MWh", "92000", "9000", 400_000)
    both = index_swap(with_payoff(plain, IndexForward(90_000, 40, "below"), (0,)), paths=2_000)
    discount = float(both.discount[0])
    assert both.exact_value.value == pytest.approx(-40 * 2_000 * discount, rel=1e-6)
    put = index_swap(with_payoff(plain, Collar(90_000, None), (0,)), paths=2_000)
    by_quantlib = ql.bachelierBlackFormula(ql.Option.Put, 90_000.0, 92_000.0, 9_000.0, 1.0)
    assert put.exact_value.value == pytest.approx(by_quantlib * discount, rel=1e-8)


def test_what_cannot_be_valued_says_why() -> None:
    tree = read_deal_yaml(FILE)
    tree["kpis"]["rainfall"]["process"] = {"kind": "twin"}
    with pytest.raises(InputError, match="only the twin `wind` can be simulated"):
        index_swap(parse_deal(tree))
    with pytest.raises(InputError, match="only a wind project's debt is modelled"):
        index_swap(rain(), "dscr", 1.3)
    with pytest.raises(InputError, match="replicates need at least 200"):
        assert index_swap(rain(), paths=50).value
    tree = read_deal_yaml(FILE)
    del tree["asset"]["parameters"]["discount_rate"]
    with pytest.raises(InputError, match=r"asset\.parameters\.discount_rate"):
        index_swap(parse_deal(tree))


def test_what_is_below_fair_is_so_by_its_sign_where_payments_are_negative() -> None:
    """A payee that pays 1.3 % more than is fair is below fair, not above it."""
    rows = terms_table(at_own_payments()).rows
    fair = float(rows[0][2].replace(",", ""))
    assert fair < 0
    assert len(rows) > 2
    for terms, _, amount, _, below in rows[1:]:
        paid = float(amount.replace(",", ""))
        assert float(below.removesuffix(" %")) == pytest.approx(100 * (fair - paid) / -fair, abs=0.01), terms
        assert (float(below.removesuffix(" %")) > 0) == (paid < fair)
