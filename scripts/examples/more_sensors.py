"""What more sensors are worth: the cost of capital against the number and the error of KPI reports.

    python scripts/examples/more_sensors.py

Both the price of risk and the error of a report are judgements: they are at the top, so change them.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # needed only where the package is not installed

import pandas as pd  # noqa: E402

from finance import load_deal  # noqa: E402
from finance.pricing.study import deal_cost_of_capital  # noqa: E402
from finance.terms import KpiBond  # noqa: E402

RISK_PRICE = 0.25  # what a buyer wants per standard deviation, assumed
ERRORS = (0.06, 0.03, 0.015)  # standard deviation of one report's error, in the KPI's unit, assumed
REPORTS = (1, 2, 4, 8)


def main() -> None:
    deal = load_deal(ROOT / "deals" / "dc-water-eib-2016.yaml")
    bond = deal.only(KpiBond)
    principal = float(bond.principal.value)
    rows = []
    for error in ERRORS:
        for reports in REPORTS:
            found = deal_cost_of_capital(deal, RISK_PRICE, error, reports)
            rows.append(
                {
                    "error of a report": error,
                    "reports": reports,
                    "cost of capital, %": 100 * found.with_data.cost,
                    "saved, bp a year": 1e4 * found.saving,
                    # What the issuer could pay for the data today: the rise of the price.
                    f"worth, {deal.currency.code}": (found.with_data.price - found.without.price)
                    / 100
                    * principal,
                }
            )
    print(f"{deal.title}: without data {found.without.cost:.4%}")
    print(pd.DataFrame(rows).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
