"""From the deal's integers to the structs of the contracts, by field name as the ABI has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chain.records import Signers, Wallets
from finance.settlement.payoff_curve import Curve
from finance.settlement.swap_terms import ProjectTerms
from finance.settlement.terms import FeedTerms, SettlementTerms

DATA_CONTROLLERS = {"issuer": 0, "holders": 1}
"""IKpiBond.DataController"""
ZERO_HASH = "0x" + "00" * 32


def holding_policy(terms: SettlementTerms | ProjectTerms) -> str:
    """Who may hold, as the one word of IIdentityRegistry.HoldingPolicy.

    Class bitmap in the lowest byte, then up to fifteen blocked countries (ISO numeric) of 16 bits each.
    """
    word = terms.allowed_classes
    for position, country in enumerate(terms.blocked_countries):
        word |= country << (8 + 16 * position)
    return "0x" + word.to_bytes(32, "big").hex()


def short_string(text: str) -> str:
    """Text of at most 31 bytes as a bytes32, left-aligned, as Solidity casts a string literal."""
    data = text.encode()
    if len(data) > 31:
        raise ValueError(f"{text!r} is longer than the 31 bytes a KPI's id has on chain")
    return "0x" + data.ljust(32, b"\0").hex()


def text_of(word: str) -> str:
    """What `short_string` has made a bytes32 of; what is no text stays hexadecimal."""
    data = bytes.fromhex(word[2:]).rstrip(b"\0")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return word


def feed_config(
    feed: FeedTerms,
    currency: str,
    wallets: Signers,
    sponsor: str,
    deal: str = ZERO_HASH,
    consumers: list[str] | None = None,
) -> dict[str, Any]:
    """IKpiOracle.FeedConfig; the factory fills in `deal` and `consumers` itself. `sponsor` is the party that
    pays for rewards, and has back what is left of them.

    A feed takes as many of the nodes and of the panel as its policy asks for, from the lowest address up.
    """
    return {
        "deal": deal,
        "kpi": short_string(feed.kpi),
        "methodHash": feed.method_hash,
        "minValue": feed.min_value,
        "maxValue": feed.max_value,
        "maxSpread": feed.max_spread,
        "reportingWindow": feed.reporting_window,
        "lateWindow": feed.late_window,
        "disputeWindow": feed.dispute_window,
        "rulingWindow": feed.ruling_window,
        "quorum": feed.quorum,
        "panelQuorum": feed.panel_quorum,
        "decimals": feed.decimals,
        "bondCurrency": currency,
        "challengeBond": feed.challenge_bond,
        "challengeReward": feed.challenge_reward,
        "sponsor": sponsor,
        "periodEnds": list(feed.period_ends),
        "signers": wallets.nodes[: feed.nodes],
        "panel": wallets.panel[: feed.panel_size],
        "consumers": consumers or [],
    }


def feed_configs(
    terms: SettlementTerms,
    currency: str,
    wallets: Wallets,
    deal: str = ZERO_HASH,
    consumers: list[str] | None = None,
) -> list[dict[str, Any]]:
    """IKpiOracle.FeedConfig of every KPI, in the order of `terms.feeds`."""
    return [feed_config(feed, currency, wallets, wallets.issuer, deal, consumers) for feed in terms.feeds]


def periods(terms: SettlementTerms) -> list[dict[str, int]]:
    """IKpiBond.Period of every coupon."""
    return [
        {
            "payDate": p.pay_date,
            "numerator": p.numerator,
            "denominator": p.denominator,
            "repayment": p.repayment,
        }
        for p in terms.periods
    ]


def fixings(terms: SettlementTerms, feeds: Sequence[str]) -> list[dict[str, Any]]:
    """IKpiBond.Fixing of every fixing; `feeds` is what stands for each of `terms.feeds`: its id, or for the
    factory its KPI (`kpi_names`).
    """
    return [
        {
            "feed": feeds[f.feed],
            "kpiPeriod": f.kpi_period,
            "effect": int(f.effect),
            "first": f.first,
            "last": f.last,
            "missing": f.missing,
            "curve": curve(f.curve),
        }
        for f in terms.fixings
    ]


def kpi_names(terms: SettlementTerms) -> list[str]:
    """The id of each KPI as the oracle has it, in the order of `terms.feeds`."""
    return [short_string(feed.kpi) for feed in terms.feeds]


def curve(payoff: Curve) -> dict[str, Any]:
    """PayoffCurve.Curve."""
    return {"shape": int(payoff.shape), "knots": [{"x": knot.x, "y": knot.y} for knot in payoff.knots]}


def deal_terms(terms: SettlementTerms, wallets: Wallets, currency: str, registry: str) -> dict[str, Any]:
    """IDealFactory.DealTerms."""
    return {
        "termsHash": terms.terms_hash,
        "name": terms.name,
        "symbol": terms.symbol,
        "currency": currency,
        "registry": registry,
        "agent": wallets.agent,
        "policy": holding_policy(terms),
        "issuer": wallets.issuer,
        "unitPrice": terms.unit_price,
        "softCap": terms.soft_cap,
        "hardCap": terms.hard_cap,
        "opens": terms.opens,
        "closes": terms.closes,
        "unitPrincipal": terms.unit_principal,
        "rate": terms.rate,
        "gracePeriod": terms.grace_seconds,
        "curePeriod": terms.cure_seconds,
        "lateRate": terms.late_rate,
        "dataController": DATA_CONTROLLERS[terms.data_controller],
        "periods": periods(terms),
        "fixings": fixings(terms, kpi_names(terms)),
        "oraclePolicies": feed_configs(terms, currency, wallets),
    }
