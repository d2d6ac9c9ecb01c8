"""What a put adds to a price: against a published yield, QuantLib's tree, and the best of all choices."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import QuantLib as ql
import yaml
from typer.testing import CliRunner

from finance import price
from finance.report.tables import valuation_frame, valuation_tables
from finance.terms import Deal, parse_deal
from scripts.cli import main
from tests.finance.deal_variants import term
from tests.finance.test_calls import FIXED, callable_bond, fixed_bond

FABOZZI_YIELD = 0.03471
"""Half of the yield to put, for a half-year, of an 11 % bond of 18 years at 116.897 that can be sold back at
par after five: F. J. Fabozzi, Bond Markets, Analysis and Strategies, chapter 3."""


def with_put(deal: Deal, *dates: tuple[int, str]) -> Deal:
    """A deal whose holders may sell back to the issuer at coupons, counted from 1."""
    tree = deal.model_dump(mode="python", by_alias=True, exclude_none=True)
    issuer = next(key for key, party in tree["parties"].items() if "issuer" in party["roles"])
    tree["parts"]["put"] = {
        "kind": "put",
        "of": "token",
        "writer": issuer,
        "funded": "after_notice",
        "notice_from_days": term(60),
        "notice_until_days": term(30),
        "exercise_days": term(5),
        "dates": [{"coupon": coupon, "price": term(Decimal(at))} for coupon, at in dates],
    }
    return parse_deal(tree)


def putable(*dates: tuple[int, str]) -> Deal:
    return with_put(fixed_bond(*FIXED), *dates)


def test_the_published_yield_to_put() -> None:
    tree = fixed_bond(*FIXED).model_dump(mode="python", by_alias=True, exclude_none=True)
    bond = tree["parts"]["bond"]
    start = bond["interest_from"]["value"]
    bond["maturity"] = term(date(start.year + 18, start.month, start.day))
    bond["coupon"]["rate"], bond["late_rate"] = term(Decimal("0.11")), term(Decimal("0.12"))
    bond["issue_price"] = term(Decimal("1.16897"))
    (found,) = price(with_put(parse_deal(tree), (10, "1"))).puts
    assert found.earned == pytest.approx(2 * FABOZZI_YIELD, abs=2e-5)


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.05, 0.07, 0.12])
def test_a_putable_bond_has_quantlibs_price_where_yields_do_not_move(rate: float) -> None:
    """QuantLib's tree of a short rate that keeps still, with calls and puts."""
    deal = with_put(callable_bond(), (2, "0.97"), (5, "0.99"), (8, "1"))
    found = price(deal, discount_yield=rate)
    days = [found.flows.start, *found.flows.dates]
    start = ql.Date.from_date(days[0])
    ql.Settings.instance().evaluationDate = start
    count = ql.SimpleDayCounter()
    exercises = ql.CallabilitySchedule()
    choices = [(each.day, each.call_price, ql.Callability.Call) for each in found.workouts[:-1]]
    choices += [(each.day, each.call_price, ql.Callability.Put) for each in found.puts]
    for day, at, kind in sorted(choices, key=lambda choice: choice[0]):
        exercises.append(ql.Callability(ql.BondPrice(at, ql.BondPrice.Clean), kind, ql.Date.from_date(day)))
    schedule = ql.Schedule([ql.Date.from_date(day) for day in days])
    bond = ql.CallableFixedRateBond(0, 100.0, schedule, [0.05], count, ql.Unadjusted, 100.0, start, exercises)
    curve = ql.YieldTermStructureHandle(ql.FlatForward(start, rate, count, ql.Compounded, ql.Semiannual))
    bond.setPricingEngine(ql.TreeCallableFixedRateBondEngine(ql.HullWhite(curve, 0.03, 1e-9), 200))
    assert found.held.price == pytest.approx(bond.cleanPrice(), abs=1e-3)


@pytest.mark.parametrize("rate", [0.01, 0.04, 0.05, 0.06, 0.1])
def test_with_puts_alone_it_is_worth_the_best_of_them(rate: float) -> None:
    found = price(putable((2, "1.01"), (4, "0.99"), (7, "1")), discount_yield=rate)
    assert found.held.price == max(found.price, *(each.price for each in found.puts))
    assert found.price == price(fixed_bond(*FIXED), discount_yield=rate).price
    assert (found.held.price > found.price) == any(each.price > found.price for each in found.puts)


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.05, 0.09])
def test_neither_side_can_do_better_by_other_days(rate: float) -> None:
    """Whatever days the issuer chooses, holders have so much by theirs; and the other way round."""
    deal = with_put(callable_bond(), (2, "0.97"), (5, "0.99"), (8, "1"))
    found = price(deal, discount_yield=rate)
    end = found.workouts[-1]

    def ends(called: Any, put: Any) -> float:
        chosen = [each for each in (called, put) if each is not None]
        return min(chosen, key=lambda each: each.day, default=end).price

    calls, puts = [None, *found.workouts[:-1]], [None, *found.puts]
    worth = {(c, p): ends(calls[c], puts[p]) for c, p in product(range(len(calls)), range(len(puts)))}
    least = min(max(worth[c, p] for p in range(len(puts))) for c in range(len(calls)))
    most = max(min(worth[c, p] for c in range(len(calls))) for p in range(len(puts)))
    assert most - 1e-9 <= found.held.price <= least + 1e-9


def test_a_price_says_it(tmp_path: Path) -> None:
    deal = putable((2, "1.01"), (4, "0.99"))
    found = price(deal, discount_yield=0.09)
    text = "\n".join(map(str, valuation_tables(found)))
    assert "If holders sell it back" in text
    assert "with the put" in text
    frame = valuation_frame(found)
    assert list(frame[frame.quantity == "price_to_put"].value) == [each.price for each in found.puts]
    file = tmp_path / "deal.yaml"
    tree = deal.model_dump(mode="python", by_alias=True, exclude_none=True)
    file.write_text(yaml.safe_dump(json.loads(json.dumps(tree, default=_plain))))
    done = CliRunner().invoke(main, ["price", str(file), "--json"])
    assert done.exit_code == 0, done.output
    puts = json.loads(done.stdout)["puts"]
    assert [each["put_price"] for each in puts["workouts"]] == [101.0, 99.0]


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value.isoformat()
