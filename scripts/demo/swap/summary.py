"""summary.json of a KPI payment's demonstration. Amounts are integer strings in minor units."""

from __future__ import annotations

from typing import Any

from scripts.demo.summary import holders, report_summary
from scripts.demo.swap.figures import coverage
from scripts.demo.swap.story import SwapDemonstration


def summary(demo: SwapDemonstration) -> dict[str, Any]:
    """The summary of a finished demonstration (see docs/demo.md for its fields)."""
    life, feed, swap = demo.life, demo.life.terms.feed, demo.deal.swap
    return {
        "deal": demo.deal.id,
        "title": demo.deal.title,
        "terms_hash": demo.deal.terms_hash,
        "ok": demo.ok,
        "chain": {"client": demo.chain.client, "id": demo.chain.chain_id, "clock": "simulated"},
        "currency": {"code": life.money.code, "decimals": life.money.decimals, "kind": "test"},
        "parties": {"payer": demo.deal.parties[swap.payer].name, "payee": demo.deal.parties[swap.payee].name},
        "oracle": {
            "nodes": feed.nodes,
            "quorum": feed.quorum,
            "reports": [report_summary(record) for record in demo.reports],
            "faults": [{"node": node, "fault": fault} for node, fault in demo.faults.items()],
        },
        "kpis": {
            feed.kpi: [
                {"period": f.period + 1, "value": str(f.kpi), "decimals": feed.decimals} for f in demo.fixings
            ]
        },
        "periods": [_period(fixing) for fixing in demo.fixings],
        "dispute": demo.dispute,
        "margin_call": demo.margin,
        "coverage": coverage(demo),
        "payments": payments(demo),
        "holders": holders(life, demo.reconciliation),
        "what_ifs": [],
        "gas": life.gas.summary(),
        "seconds": round(demo.seconds, 1),
    }


def payments(demo: SwapDemonstration) -> dict[str, dict[str, str]]:
    """Expected, actual and difference per kind. There is no total: collateral posted and given back,
    proceeds, revenue and settlements either way do not add up to anything.
    """
    found = demo.reconciliation.payments()
    names = ("expected", "actual", "difference")
    return {kind: {name: str(sums[name]) for name in names} for kind, sums in found.items()}


def _period(fixing: Any) -> dict[str, Any]:
    run = {
        name: str(fixing.run[name])
        for name in ("collected", "operatingCost", "debtService", "swap", "holders")
        if name in fixing.run
    }
    return {
        "period": fixing.period + 1,
        "end": fixing.end,
        "kpi": str(fixing.kpi),
        "amount": str(fixing.amount),
        "disputed": fixing.disputed,
        "margin_called": fixing.margin_called,
        "revenue": None if fixing.revenue is None else str(fixing.revenue.amount),
        "treasury": run or None,
        "owed_by_payee": str(fixing.owed),
    }
