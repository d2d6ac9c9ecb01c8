"""The integers of every bond of the book, and of one with odd terms, read again from the words of a file."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from finance.settlement.terms import Effect, FeedTerms, SettlementTerms, settlement_terms
from finance.terms import parse_deal
from finance.terms.reader import read_deal_yaml
from tests.finance.deal_variants import BOOK, file_of, term
from tests.finance.wide_bonds import MONTHS, Tree, after

DAY, RATE = 86_400, 10**18
CLASSES = {"retail": 1, "professional": 2, "institutional": 3}  # their bits, HoldingPolicy.sol
COUNTRIES = {"US": 840, "KR": 410, "NO": 578}  # ISO 3166-1


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def value(tree: Tree, name: str) -> Any:
    return tree[name]["value"]


def check_bond(tree: Tree) -> SettlementTerms:
    """The bond's own terms, its sale and its schedule."""
    deal = parse_deal(tree)
    terms, bond = settlement_terms(deal), tree["parts"]["bond"]
    token, unit = 10 ** tree["currency"]["token_decimals"], Decimal(value(bond, "denomination"))
    assert (terms.deal_id, terms.terms_hash, terms.name, terms.symbol) == (
        tree["id"], deal.terms_hash, bond["title"], tree["parts"]["token"]["symbol"],
    )  # fmt: skip
    assert terms.currency_decimals == tree["currency"]["token_decimals"]
    assert terms.unit_principal == unit * token
    assert terms.unit_price == unit * Decimal(value(bond, "issue_price")) * token
    sale = tree["parts"]["offering"]
    assert (terms.soft_cap, terms.hard_cap) == (
        value(sale, "soft_cap") / unit,
        value(sale, "hard_cap") / unit,
    )
    assert (terms.opens, terms.closes) == (midnight(value(sale, "opens")), midnight(value(sale, "closes")))
    held = tree["parts"]["token"]
    assert terms.allowed_classes == sum(1 << CLASSES[name] for name in held["eligible_classes"])
    assert terms.blocked_countries == tuple(sorted(COUNTRIES[code] for code in held["blocked_countries"]))
    assert terms.rate == value(bond["coupon"], "rate") * RATE
    assert terms.late_rate == value(bond, "late_rate") * RATE
    assert terms.grace_seconds == value(bond, "grace_days") * DAY
    assert terms.cure_seconds == value(bond, "cure_days") * DAY
    (issuer,) = (
        "data_controller" in party["roles"]
        for party in tree["parties"].values()
        if "issuer" in party["roles"]
    )
    assert terms.data_controller == ("issuer" if issuer else "holders")
    days, months = [value(bond, "interest_from")], MONTHS[bond["coupon"]["frequency"]]
    whole = bond["coupon"]["frequency"] == "once"
    while days[-1] < value(bond, "maturity"):
        days.append(value(bond, "maturity") if whole else after(days[0], months * len(days)))
    assert [(p.start, p.pay_date) for p in terms.periods] == [
        (midnight(a), midnight(b)) for a, b in pairwise(days)
    ]
    for period in terms.periods:
        exact = (30 * months, 360) if bond["coupon"]["day_count"] == "30/360" else (
            (period.pay_date - period.start) // DAY, int(bond["coupon"]["day_count"][4:7])
        )  # fmt: skip
        assert (period.numerator, period.denominator) == exact
    if "amortisation" not in bond:
        assert [period.repayment for period in terms.periods[:-1]] == [0] * (len(terms.periods) - 1)
    assert sum(period.repayment for period in terms.periods) == terms.unit_principal
    return terms


def check_feed(feed: FeedTerms, tree: Tree) -> None:
    """A feed's bounds, windows, money and quorums, and the periods of its KPI."""
    kpi, policy = tree["kpis"][feed.kpi], tree["oracle"][feed.kpi]
    one, token = 10 ** kpi["decimals"], 10 ** tree["currency"]["token_decimals"]
    assert feed.decimals == kpi["decimals"]
    assert (feed.min_value, feed.max_value) == tuple(
        value(kpi["bounds"], n) * one for n in ("minimum", "maximum")
    )
    assert feed.max_spread == value(policy, "max_spread") * one
    assert feed.method == policy["method"]
    for name in ("nodes", "quorum", "panel_size", "panel_quorum"):
        assert getattr(feed, name) == value(policy, name)
    for name in ("reporting", "late", "dispute", "ruling"):
        assert getattr(feed, f"{name}_window") == value(policy, f"{name}_days") * DAY
    for name in ("challenge_bond", "challenge_reward"):
        assert getattr(feed, name) == value(policy, name) * token
    assert feed.period_starts == tuple(midnight(period["start"]) for period in kpi["periods"])
    assert feed.period_ends == tuple(midnight(period["end"] + timedelta(days=1)) for period in kpi["periods"])
    assert feed.all_rewards == value(policy, "challenge_reward") * token * len(kpi["periods"])
    wait = (value(policy, "reporting_days") + value(policy, "late_days")) * DAY
    assert feed.missing_at(0) == midnight(kpi["periods"][0]["end"] + timedelta(days=1)) + wait + 1


@pytest.mark.parametrize("name", BOOK)
def test_every_bond_of_the_book_in_integers(name: str) -> None:
    tree = read_deal_yaml(file_of(name))
    terms = check_bond(tree)
    bond = tree["parts"]["bond"]
    rules = [*bond["coupon"].get("steps", []), *filter(None, [bond.get("outcome_payment")])]
    assert [feed.kpi for feed in terms.feeds] == list(dict.fromkeys(rule["kpi"] for rule in rules))
    for feed in terms.feeds:
        check_feed(feed, tree)
    for rule, fixing in zip(rules, terms.fixings, strict=True):
        assert terms.feeds[fixing.feed].kpi == rule["kpi"]
        assert fixing.kpi_period == rule["period"] - 1
        if "from" in rule:
            paid = [i for i, p in enumerate(terms.periods) if midnight(value(rule, "from")) <= p.start
                    and ("until" not in rule or p.start < midnight(value(rule, "until")))]  # fmt: skip
            assert (fixing.effect, fixing.first, fixing.last) == (Effect.RATE, paid[0], paid[-1])
            most = max(value(tier, "rate") for tier in rule["tiers"]) * RATE
        else:
            last = len(terms.periods) - 1
            if rule["pays"] == "on_date":
                (last,) = (
                    i for i, p in enumerate(terms.periods) if p.pay_date == midnight(value(rule, "date"))
                )
            assert (fixing.effect, fixing.first, fixing.last) == (Effect.AMOUNT, last, last)
            most = max(value(tier, "amount") for tier in rule["tiers"]) * 10**terms.currency_decimals
        assert fixing.missing == most  # the issuers of the book measure, and pay
        assert len(fixing.curve.knots) == len(rule["tiers"])


@pytest.mark.parametrize("day_count", ["ACT/365F", "ACT/360"])
def test_a_bond_of_odd_terms(day_count: str) -> None:
    """Sold at 97.5 % in part, to few, with eight decimals, by the day."""
    tree = read_deal_yaml(file_of("enel-slb-2019"))
    bond = tree["parts"]["bond"]
    tree["currency"]["token_decimals"] = 8
    bond |= {"issue_price": term(Decimal("0.975")), "grace_days": term(3), "cure_days": term(17),
             "late_rate": term(Decimal("0.0777"))}  # fmt: skip
    bond["coupon"]["day_count"] = day_count
    tree["parts"]["offering"]["soft_cap"] = term(3_000)
    held = {"eligible_classes": ["institutional", "retail"], "blocked_countries": ["US", "NO", "KR"]}
    tree["parts"]["token"] |= held
    tree["parties"]["issuer"]["roles"] = ["issuer"]
    holders = next(key for key, party in tree["parties"].items() if "holder" in party["roles"])
    tree["parties"][holders]["roles"].append("data_controller")
    terms = check_bond(tree)
    assert terms.blocked_countries == (410, 578, 840)
    assert terms.data_controller == "holders"
    assert terms.fixings[0].missing == 0  # who holds the data receives the step: silence gives it none
    assert {field.name for field in fields(terms)} >= {"feeds", "fixings"}


def test_a_loan_is_repaid_in_equal_parts() -> None:
    """Singapore: 32 quarters of 3,125 on each share of 100,000."""
    terms = settlement_terms(parse_deal(read_deal_yaml(file_of("singapore-ebus-loan"))))
    assert [period.repayment for period in terms.periods] == [3_125 * 10**6] * 32
