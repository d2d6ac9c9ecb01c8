"""The demonstration of vehicles: a utility that pays no more, the reserve and what was retained; and savings
that miss what was sold. To difference 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finance import load_deal
from finance.settlement.spv_terms import vehicle_terms
from tests.e2e.test_demo import ROOT, run_here

POOL = ROOT / "deals" / "viveracqua-hydrobond-2014.yaml"
SAVINGS = ROOT / "deals" / "siheung-efficiency-abs.yaml"
MILLION = 10**12


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_here(tmp_path_factory.mktemp("pool"), str(POOL))


def test_noteholders_are_paid_though_a_utility_is_not_there(pool: dict[str, Any]) -> None:
    """The reserve of 6 million is drawn first, then what all utilities left in the vehicle; and the notes get
    every coupon and all of their principal."""
    found = pool["vehicle"]
    terms = vehicle_terms(load_deal(POOL))
    assert list(found["short"]) == ["minibond-chiampo"]
    assert int(found["short"]["minibond-chiampo"]) > 20 * MILLION
    balance, owed = 150 * MILLION, 0
    for back in terms.plan.loans[0].repayment.values:  # type: ignore[union-attr]
        owed += balance * 39 // 1000 // 2 + back
        balance -= back
    assert found["tranches"]["notes"] == {"paid": str(owed), "unpaid": "0"}
    pots = {name: int(amount) for name, amount in found["pots_after_last_period"].items()}
    assert pots["cash"] == pots["reserve"] == 0
    assert 0 < pots["retained"] < 24 * MILLION
    flows = {(source, target): amount for source, target, amount in found["flows"]}
    out = sum(amount for (source, _), amount in flows.items() if source in ("reserve", "retained"))
    back = sum(amount for (_, target), amount in flows.items() if target in ("reserve", "retained"))
    assert out - back == 30 * MILLION - pots["retained"]
    assert all(int(each["difference"]) == 0 for each in pool["payments"].values())
    assert pool["ok"]


def test_savings_that_miss_lock_the_rest_up(tmp_path: Path) -> None:
    """In the third year less is saved than was sold: nothing goes to the rest, and what is over repays senior
    notes; a year later it is cured."""
    summary = run_here(tmp_path, str(SAVINGS))
    assert summary["ok"]
    assert summary["vehicle"]["tranches"]["senior"]["unpaid"] == "0"
    assert int(summary["vehicle"]["tranches"]["residual"]["paid"]) > 0
    assert [each["value"] for each in summary["kpis"]["savings"]["periods"]][2] == "580"
