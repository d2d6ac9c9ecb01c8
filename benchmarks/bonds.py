"""Five-year semi-annual bonds a second, schedule, flows and present value: finance.actus.bulk and QuantLib.

    python -m benchmarks.bonds [--bonds N] [--repeat R] [--json]

Both sides value the same bonds, each with its own dates, coupon and yield, and must agree to 1e-8 of the
face. QuantLib gets its dates ready-made and only its NPV is asked for, which is in its favour. The best of R
runs counts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import QuantLib as ql  # noqa: N813

from finance.actus.bulk import Loans, flows

FACE = 100.0
YEARS = 5
SEED = 20240101
AGREEMENT = 1e-8
REQUIRED_RATIO = 5.0
VALUED = np.datetime64("2024-01-01")


def portfolio(count: int) -> tuple[Loans, np.ndarray]:
    """`count` five-year semi-annual 30E/360 bonds issued in 2024 on days 1 to 28, and their yields."""
    random = np.random.default_rng(SEED)
    start = np.datetime64("2024-01") + random.integers(0, 12, count)
    issued = (start.astype("M8[D]") + random.integers(0, 28, count)).astype("M8[D]")
    maturity = (start + 12 * YEARS).astype("M8[D]") + (issued - start.astype("M8[D]"))
    coupon = np.round(random.uniform(0.01, 0.08, count), 5)
    loans = Loans(issued, maturity, np.full(count, FACE), coupon)
    return loans, random.uniform(0.01, 0.08, count)


def ours(loans: Loans, yields: np.ndarray) -> np.ndarray:
    return flows(loans).present_value(VALUED, yields)


def quantlib(loans: Loans, yields: np.ndarray) -> Callable[[], list[float]]:
    """A function that builds and values every bond with QuantLib."""
    today = ql.Date.from_date(VALUED.astype(object))
    ql.Settings.instance().evaluationDate = today
    quote = ql.SimpleQuote(0.03)
    curve = ql.FlatForward(today, ql.QuoteHandle(quote), ql.Actual365Fixed(), ql.Compounded, ql.Annual)
    engine = ql.DiscountingBondEngine(ql.YieldTermStructureHandle(curve))
    calendar, tenor = ql.NullCalendar(), ql.Period(6, ql.Months)
    day_count = ql.Thirty360(ql.Thirty360.European)
    starts = [ql.Date.from_date(day) for day in loans.initial_exchange.astype(object)]
    ends = [ql.Date.from_date(day) for day in loans.maturity.astype(object)]
    coupons, rates = loans.rate.tolist(), yields.tolist()

    def run() -> list[float]:
        values = []
        for start, end, coupon, rate in zip(starts, ends, coupons, rates, strict=True):
            dates = ql.Schedule(
                start, end, tenor, calendar, ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Forward, False
            )
            bond = ql.FixedRateBond(0, FACE, dates, [coupon], day_count)
            quote.setValue(rate)
            bond.setPricingEngine(engine)
            values.append(bond.NPV())
        return values

    return run


def best(run: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Seconds of the fastest of `repeat` runs, and what the last one returned."""
    seconds, result = float("inf"), None
    for _ in range(repeat):
        begun = time.perf_counter()
        result = run()
        seconds = min(seconds, time.perf_counter() - begun)
    return seconds, result


def measure(bonds: int, repeat: int) -> dict[str, Any]:
    """Bonds a second of both sides, their ratio, and the largest difference in value."""
    loans, yields = portfolio(bonds)
    ours(*portfolio(10))
    theirs_run = quantlib(loans, yields)
    seconds, values = best(lambda: ours(loans, yields), repeat)
    theirs_seconds, theirs = best(theirs_run, max(1, repeat // 2))
    difference = float(np.max(np.abs(values - np.array(theirs))))
    return {
        "bonds": bonds,
        "bonds_per_second": round(bonds / seconds),
        "quantlib_bonds_per_second": round(bonds / theirs_seconds),
        "ratio": round(theirs_seconds / seconds, 2),
        "required_ratio": REQUIRED_RATIO,
        "largest_difference": difference,
        "agrees": difference <= AGREEMENT * FACE,
        "quantlib": ql.__version__,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Five-year semi-annual bonds a second, against QuantLib.")
    parser.add_argument("--bonds", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.bonds, arguments.repeat)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:<28} {value}")
    return 0 if result["agrees"] and result["ratio"] >= REQUIRED_RATIO else 1


if __name__ == "__main__":
    raise SystemExit(main())
