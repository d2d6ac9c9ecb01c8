"""Price a deal under a rate curve instead of one flat yield.

    python scripts/examples/rate_curve.py

Change the rates, the deal or the spread, and run it again.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # needed only where the package is not installed

import pandas as pd  # noqa: E402

from finance import curve_from_frame, load_deal  # noqa: E402
from finance.pricing.study import study  # noqa: E402
from finance.pricing.value import deal_expectation  # noqa: E402
from finance.terms import KpiBond  # noqa: E402

# Par rates of government bonds by years to maturity, fractions a year. Made up: put your own here, or read
# them with pd.read_csv. A column `date` may stand in place of `years`, and `zero` in place of `par`.
RATES = pd.DataFrame({"years": [1, 2, 3, 5, 10], "par": [0.0175, 0.0165, 0.0160, 0.0158, 0.0170]})
SPREAD = 0.0095  # what a plain bond of the issuer pays on top, assumed


def main() -> None:
    deal = load_deal(ROOT / "deals" / "enel-slb-2019.yaml")
    bond = deal.only(KpiBond)
    curve = curve_from_frame(RATES, bond.interest_from.value, frequency=1)

    # The rate counts for nothing where there is a curve.
    found = study(deal, deal_expectation(deal), rate=0.0, spread=SPREAD, curve=curve)
    rows = {
        "clean price": found.clean,
        "worst outcome": found.worst,
        "best outcome": found.best,
        "yield, %": 100 * found.implied_yield,
        "fair coupon, %": 100 * found.fair_coupon,
    }
    print(deal.title)
    print(pd.Series(rows).round(4).to_string())


if __name__ == "__main__":
    main()
