"""A table of what-ifs for every bond in the book, as a workbook for Excel.

python scripts/examples/what_ifs.py [FILE.xlsx]
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # needed only where the package is not installed

import pandas as pd  # noqa: E402

from finance import load_deal, price_table  # noqa: E402
from finance.report.workbook import save_frames  # noqa: E402
from finance.terms import InputError, KpiBond  # noqa: E402

SHIFTS = (-0.01, 0.0, 0.01)  # of the discount yield, from the coupon


def main(target: str = "what-ifs.xlsx") -> None:
    tables = []
    for path in sorted((ROOT / "deals").glob("*.yaml")):
        deal = load_deal(path)
        try:
            coupon = float(deal.only(KpiBond).coupon.rate.value)
        except InputError:  # it has no bond, or several
            continue
        scenarios = pd.DataFrame({"yield": [coupon + shift for shift in SHIFTS], "shift": SHIFTS})
        tables.append(price_table(deal, scenarios))
    table = pd.concat(tables, ignore_index=True)
    # One sheet for each name; formulas and charts are yours to add.
    save_frames({"What-ifs": table}, target)
    print(
        table[["deal", "yield", "price", "worst", "best", "expected_yield"]].round(4).to_string(index=False)
    )
    print(f"written to {target}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
