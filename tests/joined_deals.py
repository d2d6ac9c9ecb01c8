"""Deals that join several parts, made of those of the book."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

from finance.terms import Deal, parse_deal
from finance.terms.reader import read_deal_yaml
from tests.chain.bond_life import small_tree

DEALS = Path(__file__).resolve().parents[1] / "deals"


def term(value: Any) -> dict[str, Any]:
    return {"value": value, "assumed": "a test"}


def joined_tree() -> dict[str, Any]:
    """The small bond of DC Water; a second one of the same issuer on the same KPI, of twice the coupon, sold
    by itself; and a forward on leakage that the issuer has with a contractor."""
    tree, forward = small_tree(), read_deal_yaml(DEALS / "leakage-forward.yaml")
    parts = tree["parts"]
    second = deepcopy(parts["bond"]) | {"title": "The second bond", "token": "junior-units"}
    second["coupon"]["rate"] = term(Decimal("0.0666666666"))
    second["late_rate"] = term(Decimal("0.09"))
    parts["junior"] = second
    parts["junior-units"] = deepcopy(parts["token"]) | {"symbol": "SECOND"}
    parts["junior-sale"] = deepcopy(parts["offering"]) | {"sells": "junior-units"}
    parts["leaks"] = forward["parts"]["forward"] | {"payee": "issuer"}
    tree["kpis"] |= forward["kpis"]
    tree["oracle"] |= forward["oracle"]
    tree["sources"] |= forward["sources"]
    tree["parties"]["contractor"] = forward["parties"]["contractor"]
    tree["parties"]["issuer"]["roles"].append("payee")
    parameters = tree["asset"]["parameters"]
    parameters["discount_rate"] = term(Decimal("0.03"))
    parameters["leakage_last_year"] = term(690)
    tree["oracle"]["runoff-reduction"]["method"] = "reported-values/1"
    tree["asset"]["twin"] = "reported"
    # Small, as the bonds are: 4.50 for each Ml/d.
    for point in parts["leaks"]["line"]:
        point["amount"] = term(point["amount"]["value"] // 100_000)
    parts["leaks"]["collateral"] = {"payer": term(150), "payee": term(150)}
    return tree


def crowded_tree() -> dict[str, Any]:
    """The joined deal with more people: the second bond is another issuer's, whose own KPI it is on, and a
    second forward has other parties, of which one measures, and its own KPI."""
    tree = joined_tree()
    parts, parties = tree["parts"], tree["parties"]
    parties["city"] = {"name": "A city", "roles": ["issuer", "payee", "data_controller"], "assumed": "a test"}
    parties["insurer"] = {"name": "An insurer", "roles": ["payer"], "assumed": "a test"}
    parts["bond"]["issuer"] = "issuer"
    parts["junior"]["issuer"] = "city"
    parts["junior"]["outcome_payment"] = parts["junior"]["outcome_payment"] | {"kpi": "city-runoff"}
    for section in ("kpis", "oracle"):
        tree[section]["city-runoff"] = deepcopy(tree[section]["runoff-reduction"])
        tree[section]["city-leakage"] = deepcopy(tree[section]["leakage"])
    parts["rain"] = deepcopy(parts["leaks"]) | {
        "title": "Second forward",
        "payer": "insurer",
        "payee": "city",
        "kpi": "city-leakage",
    }
    return tree


def crowded_deal() -> Deal:
    return parse_deal(crowded_tree())


def joined_deal() -> Deal:
    return parse_deal(joined_tree())
