"""Change a deal in memory and compare it with the one in the file.

    python scripts/examples/own_variant.py

The variant is checked like a file, has a terms hash of its own, and can be priced, drawn and reported alike.
"""

import sys
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # needed only where the package is not installed

from finance import load_deal, price_table  # noqa: E402
from finance.terms import parse_deal  # noqa: E402
from finance.terms.reader import read_deal_yaml  # noqa: E402

FILE = ROOT / "deals" / "enel-slb-2019.yaml"


def main() -> None:
    tree = read_deal_yaml(FILE)
    tree["id"] = "enel-with-a-steeper-step"
    tiers = tree["parts"]["bond"]["coupon"]["steps"][0]["tiers"]
    tiers[0]["rate"] = {"value": Decimal("0.0050"), "assumed": "twice the step of the real bond"}
    variant = parse_deal(tree)
    table = price_table([load_deal(FILE), variant])
    print(table[["deal", "price", "worst", "best", "expected_yield", "terms_hash"]].round(4).to_string())


if __name__ == "__main__":
    main()
