"""What an office's terms may say, and whose wallets it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from chain.kinds import plan_of, seats_of
from finance.terms import DealFileError, parse_deal
from finance.terms.reader import read_deal_yaml
from tests.chain.test_office import office_tree
from tests.finance.deal_variants import term
from tests.kinds.deals import ROOT

Tree = dict[str, Any]


def keeping(tree: Tree, keeper: str, of: str) -> Tree:
    """A deal with an office of a party in a part; two others may give it away."""
    others = [key for key in tree["parties"] if key != keeper][:2]
    office = {"kind": "office", "of": of, "keeper": keeper, "appointers": others}
    tree["parts"]["office"] = office | {"quorum": term(2), "notice_days": term(30)}
    return tree


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda office: office.update(keeper="nobody"), "unknown party"),
        (lambda office: office.update(of="nothing"), "no such part"),
        (lambda office: office.update(of="offering"), "has no role in parts.offering"),
        (lambda office: office.update(quorum=term(1)), "must be a whole number from 2 to 3"),
        (lambda office: office.update(quorum=term(4)), "must be a whole number from 2 to 3"),
        (lambda office: office.update(appointers=["trustee"]), "no single party may take a role"),
        (lambda office: office["appointers"].append("trustee"), "is listed already"),
        (lambda office: office["appointers"].append("stranger"), "unknown party"),
        (lambda office: office["appointers"].append(office["keeper"]), "could stand in the way of all"),
        (lambda office: office.update(notice_days=term(0)), "must be a whole number from 1 to 3650"),
        (lambda office: office.update(notice_days=term(3_651)), "must be a whole number from 1 to 3650"),
    ],
)
def test_what_is_refused(change: Callable[[Tree], Any], why: str) -> None:
    tree = office_tree()
    change(tree["parts"]["register"])
    with pytest.raises(DealFileError, match=re.escape(why)):
        parse_deal(tree)


def test_a_party_keeps_one_office() -> None:
    tree = office_tree()
    tree["parts"]["register-2"] = tree["parts"]["register"]
    with pytest.raises(DealFileError, match="keeps register already"):
        parse_deal(tree)


@pytest.mark.parametrize(
    ("deal", "keeper", "of", "why"),
    [
        ("dc-water-eib-2016", "issuer", "bond", "is the issuer of parts.bond"),
        ("viveracqua-hydrobond-2014", "etra", "hydrobond", "is the payer of parts.hydrobond"),
        ("siheung-efficiency-abs", "aggregator", "efficiency", "is the issuer of parts.efficiency"),
    ],
)
def test_who_pays_in_cannot_hand_its_role_on(deal: str, keeper: str, of: str, why: str) -> None:
    tree = read_deal_yaml(ROOT / "deals" / f"{deal}.yaml")
    with pytest.raises(DealFileError, match=re.escape(why)):
        parse_deal(keeping(tree, keeper, of))


def test_a_servicer_may_who_is_only_paid() -> None:
    tree = read_deal_yaml(ROOT / "deals" / "viveracqua-hydrobond-2014.yaml")
    deal = parse_deal(keeping(tree, "servicer", "hydrobond"))
    assert set(seats_of(deal)) == {"payee.servicer"}
    assert "payee.servicer" in plan_of(deal).asked()[0]
