"""From the deal's integers to the structs of the contracts, by field name as the ABI has them."""

from __future__ import annotations

from typing import Any

from chain.records import Signers, Wallets
from finance.settlement.swap_terms import ProjectTerms
from finance.settlement.terms import Effect, FeedTerms, SettlementTerms
from finance.terms.problems import InputError

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


def feed_config(
    feed: FeedTerms,
    currency: str,
    wallets: Signers,
    deal: str = ZERO_HASH,
    consumers: list[str] | None = None,
) -> dict[str, Any]:
    """IKpiOracle.FeedConfig; the factory fills in `deal` and `consumers` itself."""
    return {
        "deal": deal,
        "kpi": short_string(feed.kpi),
        "methodHash": feed.method_hash,
        "minValue": feed.min_value,
        "maxValue": feed.max_value,
        "maxSpread": feed.max_spread,
        "reportingWindow": feed.reporting_window,
        "disputeWindow": feed.dispute_window,
        "rulingWindow": feed.ruling_window,
        "quorum": feed.quorum,
        "panelQuorum": feed.panel_quorum,
        "decimals": feed.decimals,
        "bondCurrency": currency,
        "challengeBond": feed.challenge_bond,
        "challengeReward": feed.challenge_reward,
        "periodEnds": list(feed.period_ends),
        "signers": list(wallets.nodes),
        "panel": list(wallets.panel),
        "consumers": consumers or [],
    }


def periods(terms: SettlementTerms) -> list[dict[str, int]]:
    """IKpiBond.Period of every coupon."""
    return [
        {"payDate": p.pay_date, "numerator": p.numerator, "denominator": p.denominator} for p in terms.periods
    ]


def outcome(terms: SettlementTerms) -> dict[str, Any]:
    """PayoffCurve.Curve of the outcome payment."""
    knots = [{"x": knot.x, "y": knot.y} for knot in terms.fixings[0].curve.knots]
    return {"kind": int(terms.fixings[0].curve.kind), "knots": knots}


def require_deployable(terms: SettlementTerms) -> None:
    """Raise InputError for a bond that the contracts cannot serve: they have one outcome payment, at
    maturity.
    """
    last = len(terms.periods) - 1
    fits = [fixing.effect is Effect.AMOUNT and fixing.first == last for fixing in terms.fixings] == [True]
    if not fits or any(period.repayment for period in terms.periods[:-1]):
        raise InputError(
            f"{terms.deal_id}: only bonds with one outcome payment at maturity can be deployed; "
            "this deal can be priced"
        )


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
        "kpiPeriod": terms.fixings[0].kpi_period,
        "dataController": DATA_CONTROLLERS[terms.data_controller],
        "missingOutcome": terms.fixings[0].missing,
        "periods": periods(terms),
        "outcome": outcome(terms),
        "oraclePolicy": feed_config(terms.feeds[0], currency, wallets),
    }
