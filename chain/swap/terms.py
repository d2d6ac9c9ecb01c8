"""From a swap deal's integers to the structs of the contracts, by field name as the ABI has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chain.swap.records import SwapWallets
from chain.terms import ZERO_HASH, feed_config, holding_policy
from finance.settlement.swap_terms import ProjectTerms, SwapTerms
from finance.settlement.terms import FeedTerms

ZERO_ADDRESS = "0x" + "00" * 20


@dataclass(frozen=True)
class _Signers:
    nodes: list[str]
    panel: list[str]


def policy(
    feed: FeedTerms,
    currency: str,
    wallets: SwapWallets,
    deal: str = ZERO_HASH,
    consumers: list[str] | None = None,
) -> dict[str, Any]:
    """IKpiOracle.FeedConfig of one feed; the factory fills in `deal` and `consumers` itself. The payer pays
    for rewards."""
    signers = _Signers(wallets.nodes[: feed.nodes], wallets.panel[: feed.panel_size])
    return feed_config(feed, currency, signers, wallets.payer, deal, consumers)


def feeds(terms: SwapTerms) -> list[FeedTerms]:
    """The deal's feeds: of the KPI, and of the model value if there is one."""
    return [terms.feed] if terms.value_feed is None else [terms.feed, terms.value_feed]


def payment(terms: SwapTerms, currency: str, payer: str, payee: str) -> dict[str, Any]:
    """IKpiPayment.Terms without `oracle`, `feed` and `valueFeed`, which the factory fills in."""
    swap = terms.payment
    knots = [{"x": knot.x, "y": knot.y} for knot in swap.curve.knots]
    return {
        "currency": currency,
        "payer": payer,
        "payee": payee,
        "oracle": ZERO_ADDRESS,
        "feed": ZERO_HASH,
        "valueFeed": ZERO_HASH,
        "curePeriod": swap.cure_period,
        "lateRate": swap.late_rate,
        "dataController": int(swap.data_controller),
        "closeOutRule": int(swap.close_out_rule),
        "limitedRecourse": swap.limited_recourse,
        "payeeStarts": terms.project is not None,
        "startBy": swap.start_by,
        "missingPayoff": swap.missing_payoff,
        "missingValue": swap.missing_value,
        "requiredCollateral": list(swap.required),
        "periods": [{"payDate": p.pay_date, "fixedAmount": p.fixed_amount} for p in swap.periods],
        "curve": {"shape": int(swap.curve.shape), "knots": knots},
    }


def treasury_periods(project: ProjectTerms) -> list[dict[str, int]]:
    """IRevenueTreasury.Period of every period."""
    return [
        {"payDate": p.pay_date, "operatingCost": p.operating_cost, "debtService": p.debt_service}
        for p in project.periods
    ]


def swap_struct(terms: SwapTerms, wallets: SwapWallets, currency: str) -> dict[str, Any]:
    """ISwapFactory.SwapTerms. For a project, whose treasury does not exist yet, the payee is zero."""
    value = terms.value_feed or terms.feed  # not used unless there is one, but a struct has all its fields
    return {
        "termsHash": terms.terms_hash,
        "payment": payment(terms, currency, wallets.payer, wallets.payee or ZERO_ADDRESS),
        "kpiPolicy": policy(terms.feed, currency, wallets),
        "valuePolicy": policy(value, currency, wallets),
    }


def project_struct(project: ProjectTerms, wallets: SwapWallets, registry: str) -> dict[str, Any]:
    """ISwapFactory.ProjectTerms."""
    return {
        "name": project.name,
        "symbol": project.symbol,
        "registry": registry,
        "agent": wallets.agent,
        "policy": holding_policy(project),
        "issuer": wallets.issuer,
        "unitPrice": project.unit_price,
        "softCap": project.soft_cap,
        "hardCap": project.hard_cap,
        "opens": project.opens,
        "closes": project.closes,
        "operator": wallets.operator,
        "lender": wallets.lender,
        "periods": treasury_periods(project),
    }
