"""The fair coupon of a new sustainability-linked bond, for several steps and chances of missing the target.

    python scripts/examples/fair_coupon.py

The more likely and the dearer a miss, the lower the coupon at which buyers pay par.
"""

import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # needed only where the package is not installed

import pandas as pd  # noqa: E402
from scipy.stats import norm  # noqa: E402

from finance.pricing import NormalKpi  # noqa: E402
from finance.pricing.market import DiscountCurve, Market  # noqa: E402
from finance.pricing.sustainability import fair_linked_coupon, linked_bond  # noqa: E402
from finance.terms.schedule import coupon_schedule  # noqa: E402

ISSUE, MATURITY, OBSERVED = date(2026, 9, 10), date(2033, 9, 10), date(2030, 9, 10)
PLAIN_YIELD = 0.04  # what a plain bond of the issuer pays
TARGET, SD = 0.55, 0.02  # the KPI's target, and how uncertain the KPI is when it is observed


def main() -> None:
    schedule = coupon_schedule(ISSUE, MATURITY, "semiannual", "30/360")
    market = Market(DiscountCurve.flat(ISSUE, PLAIN_YIELD, frequency=2))
    rows = []
    for step in (0.0, 0.0025, 0.0050, 0.0075):
        bond = linked_bond(100.0, PLAIN_YIELD, schedule, OBSERVED, TARGET, step)
        row = {"step, bp": 1e4 * step}
        for chance in (0.1, 0.25, 0.5):
            expected = NormalKpi(TARGET - SD * norm.ppf(chance), SD)  # misses with this chance
            row[f"missed with {chance:.0%}"] = 100 * fair_linked_coupon(bond, market, ISSUE, expected)
        rows.append(row)
    print(f"Fair coupon in per cent, plain yield {PLAIN_YIELD:.2%}")
    print(pd.DataFrame(rows).set_index("step, bp").round(4).to_string())


if __name__ == "__main__":
    main()
