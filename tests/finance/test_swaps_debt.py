"""Debt sizing against NREL's System Advisor Model, numpy-financial, and the normal case's closed forms."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy_financial as npf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from finance.swaps.debt import (
    RATING_BANDS,
    Covenant,
    DebtTerms,
    binding,
    coverage,
    debt_capacity,
    debt_service,
    rating_proxy,
    sculpted_debt,
    summarise,
)
from finance.terms import InputError
from tools.shared_data import SHARED_DATA

FOLDER = SHARED_DATA / "sam"
PAIRS = {
    name: FOLDER / f"2022.08.08_develop_branch_{name}_Single_Owner_cmod_singleowner.json"
    for name in ("Generic_System", "MSPT", "Wind_Power")
}
RANKS = ("A", "BBB", "BB", "B", "CCC")


def sam_files(name: str = "Wind_Power") -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and outputs of one published Single Owner case."""
    inputs = PAIRS[name]
    if not inputs.is_file():
        pytest.skip(f"{inputs} is absent (set PENSTOCK_SHARED_DATA)")
    outputs = inputs.with_stem(f"{inputs.stem}_outputs")
    return json.loads(inputs.read_text(encoding="utf-8")), json.loads(outputs.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PAIRS)
def test_the_published_single_owner_cases(name: str) -> None:
    """The whole schedule of debt, to a millionth of a dollar (of 700 million: to what doubles hold)."""
    terms, results = sam_files(name)
    years = slice(1, terms["term_tenor"] + 1)
    cash = np.array(results["cf_cash_for_ds"][years])
    found = sculpted_debt(cash / terms["dscr"], terms["term_int_rate"] / 100)
    close = max(1e-6, 1e-14 * results["size_of_debt"])
    assert found.size == pytest.approx(results["size_of_debt"], abs=close)
    assert found.size == pytest.approx(results["pv_cafds"] / terms["dscr"], abs=close)
    for mine, name in ((found.interest, "payment_interest"), (found.principal, "payment_principal"),
                       (found.service, "payment_total"), (found.balance, "balance")):  # fmt: skip
        assert mine == pytest.approx(np.array(results[f"cf_debt_{name}"][years]), abs=close)
    ratios = coverage(cash[None, :], found.service)[0]
    assert ratios == pytest.approx(np.array(results["cf_pretax_dscr"][years]), abs=1e-12)


@pytest.mark.parametrize(
    ("rate", "dscr", "tenor"), [(7.0, 1.4, 18), (4.25, 1.2, 25), (9.0, 2.0, 7), (5.5, 1.35, 10)]
)
def test_single_owner_run_anew(rate: float, dscr: float, tenor: int) -> None:
    """The program itself, run with other terms: size and DSCR follow."""
    program = pytest.importorskip("PySAM.Singleowner", reason="PySAM is not installed")
    terms, _ = sam_files()
    model = program.new()
    for name, value in terms.items():
        if not name.startswith("number_"):
            model.value(name, value)
    model.value("term_int_rate", rate)
    model.value("dscr", dscr)
    model.value("term_tenor", tenor)
    model.execute(0)
    cash = np.array(model.Outputs.cf_cash_for_ds[1 : tenor + 1])
    found = sculpted_debt(cash / dscr, rate / 100)
    assert found.size == pytest.approx(model.Outputs.size_of_debt, rel=1e-12)
    assert found.balance == pytest.approx(np.array(model.Outputs.cf_debt_balance[1 : tenor + 1]), abs=1e-5)
    assert model.Outputs.min_dscr == pytest.approx(coverage(cash[None, :], found.service).min(), rel=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=40), st.floats(-0.05, 0.3))
def test_a_sculpted_debt_is_repaid(service: list[float], rate: float) -> None:
    """Its size is the service's net present value; each year's balance is the last one's, with interest, less
    the payment; at the end nothing is owed.
    """
    found = sculpted_debt(np.array(service), rate)
    assert found.size == pytest.approx(npf.npv(rate, [0, *service]), rel=1e-9, abs=1e-6)
    opening = np.concatenate(([found.size], found.balance[:-1]))
    assert found.balance == pytest.approx(opening * (1 + rate) - found.service, rel=1e-6, abs=1e-2)
    assert found.interest + found.principal == pytest.approx(found.service, rel=1e-9, abs=1e-6)
    assert found.principal.sum() == pytest.approx(found.size, rel=1e-9, abs=1e-2)
    assert found.balance[-1] == 0


def test_normal_cash_flow_in_closed_form() -> None:
    """P99 is mean - 2.3263 sd, so the covenant that binds is known, and so is the debt."""
    years, mean, sd = 10, 10e6, 2e6
    cfads = np.random.default_rng(3).normal(mean, sd, (200_000, years))
    both = DebtTerms(0.06, years, (Covenant(0.5, 1.35), Covenant(0.99, 1.0)))
    annuity = npf.pv(0.06, years, -1)
    exact = min(mean / 1.35, mean - norm.ppf(0.99) * sd)
    found = debt_capacity(cfads, both)
    assert found.value == pytest.approx(exact * annuity, rel=0.003)
    assert abs(found.value - exact * annuity) < 6 * found.standard_error
    assert set(binding(cfads, both)) == {"P99 at 1.00x"}
    p50 = debt_capacity(cfads, DebtTerms(0.06, years, (Covenant(0.5, 1.35),)))
    assert p50.value == pytest.approx(mean / 1.35 * annuity, rel=0.003)
    assert set(binding(cfads / 10 + 9e6, both)) == {"P50 at 1.35x"}


def test_covenants_hold_in_every_year_and_one_is_met() -> None:
    stream = np.random.default_rng(4)
    cfads = stream.gamma(30, 1, (20_000, 6)) * np.linspace(1, 2, 6) * stream.lognormal(0, 0.2, (20_000, 1))
    terms = DebtTerms(0.05, 5, (Covenant(0.5, 1.4), Covenant(0.9, 1.2), Covenant(0.99, 1.0)))
    service = debt_service(cfads, terms)
    ratios = np.array([np.quantile(cfads[:, :5], 1 - c.probability, axis=0) / service / c.dscr
                       for c in terms.covenants])  # fmt: skip
    assert (ratios >= 1 - 1e-12).all()
    assert ratios.min(axis=0) == pytest.approx(np.ones(5))
    tighter = DebtTerms(0.05, 5, (*terms.covenants, Covenant(0.999, 1.0)))
    assert debt_capacity(cfads, tighter).value < debt_capacity(cfads, terms).value


def test_summary() -> None:
    cfads = np.random.default_rng(5).normal(10, 1, (100_000, 4))
    found = summarise(cfads, np.array([8.0, 8.0, 5.0, 0.0]))
    assert found.years == 3  # the year without debt service has no DSCR
    assert found.average["P50"] == pytest.approx((10 / 8 + 10 / 8 + 10 / 5) / 3, abs=2e-3)
    assert found.minimum["P99"] == pytest.approx((10 - 2.3263) / 8, abs=3e-3)
    # Two of the three years fall short beyond two deviations: of a given year a third less often than of any.
    any_year, given = found.any_year_below_one, found.given_year_below_one
    assert abs(any_year.value - (1 - norm.cdf(2) ** 2)) < 5 * any_year.standard_error
    assert abs(given.value - 2 * norm.sf(2) / 3) < 5 * given.standard_error
    none = summarise(cfads, np.zeros(4))
    assert (none.years, none.rating, none.average) == (0, "none", {})


def test_no_cash_no_debt() -> None:
    cfads = np.random.default_rng(6).normal(1, 2, (1_000, 3))
    assert debt_capacity(cfads, DebtTerms(0.05, 3)).value == 0


@settings(max_examples=200, deadline=None)
@given(st.floats(0, 4), st.floats(0, 3), st.floats(0, 1), st.floats(0, 1))
def test_rating_proxy_never_falls_with_coverage(p50: float, p99: float, more: float, safer: float) -> None:
    assert RANKS.index(rating_proxy(p50 + more, p99 + safer)) <= RANKS.index(rating_proxy(p50, p99))


def test_the_sourced_edge_of_the_bands() -> None:
    """Debt sized as Bodmer describes is just investment grade by the proxy, and a hair less is not."""
    assert rating_proxy(1.35, 1.00) == "BBB"
    assert rating_proxy(1.3499, 1.00) == rating_proxy(1.35, 0.9999) == "BB"
    assert tuple(band.rating for band in RATING_BANDS) == RANKS[:-1]


def test_bad_terms_are_refused() -> None:
    with pytest.raises(InputError, match="longer than the 3 years"):
        debt_service(np.ones((300, 3)), DebtTerms(0.05, 4))
    for change, message in (
        (lambda: Covenant(1.0, 1.2), "between 0 and 1"),
        (lambda: Covenant(0.5, 0.0), "above 0"),
        (lambda: DebtTerms(1.0, 5), "between -1 and 1"),
        (lambda: DebtTerms(0.05, 0), "1 year or more"),
        (lambda: DebtTerms(0.05, 5, ()), "at least one"),
        (lambda: DebtTerms(0.05, 2, planned=(1.0,)), "2 amounts of 0 or more"),
    ):
        with pytest.raises(InputError, match=message):
            change()
