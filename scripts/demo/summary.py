"""summary.json: what the demonstration did, for programs. Amounts are integer strings in minor units."""

from __future__ import annotations

from typing import Any

from chain.reconciliation import Reconciliation
from scripts.demo.life import Life
from scripts.demo.story import OUTCOME, Demonstration, Ending


def summary(demo: Demonstration) -> dict[str, Any]:
    """The summary of a finished demonstration (see docs/demo.md for its fields)."""
    life, main = demo.life, demo.ending
    report = main.report or {}
    feed = life.reading(OUTCOME).feed
    return {
        "deal": demo.deal.id,
        "title": demo.deal.title,
        "terms_hash": demo.deal.terms_hash,
        "outcome": demo.options.outcome,
        "ok": demo.ok,
        "chain": {"client": demo.chain.client, "id": demo.chain.chain_id, "clock": "simulated"},
        "currency": {"code": life.money.code, "decimals": life.money.decimals, "kind": "test"},
        "oracle": {
            "nodes": feed.nodes,
            "quorum": feed.quorum,
            "reports": [report_summary(report)],
            "faults": [{"node": node, "fault": fault} for node, fault in demo.faults.items()],
            "exposed": [{"node": n, "reason": r} for n, r in demo.verification.items()],
        },
        "kpis": {feed.kpi: _kpi(main, feed.decimals)},
        "payments": payments(main),
        "cash_flow_contracts": {
            kind: {"contracts": str(ours), "settled": str(theirs), "difference": str(ours - theirs)}
            for kind, (ours, theirs) in main.contracts.items()
        },
        "holders": holders(life, main.reconciliation),
        "what_ifs": [
            {"name": e.name, "kpi": _kpi(e, feed.decimals), "payments": payments(e), "notes": e.notes or {}}
            for e in demo.what_ifs
        ],
        "gas": life.gas.summary(),
        "seconds": round(demo.seconds, 1),
    }


def payments(ending: Ending) -> dict[str, dict[str, str]]:
    """`sums` of one life."""
    return sums(ending.reconciliation)


def sums(result: Reconciliation) -> dict[str, dict[str, str]]:
    """Expected, actual and difference per kind, and in all that holders have earned."""
    return {
        kind: {name: str(each[name]) for name in ("expected", "actual", "difference")}
        for kind, each in (result.payments() | {"total": result.earned()}).items()
    }


def holders(life: Life, result: Reconciliation) -> dict[str, dict[str, Any]]:
    """Units, and what was earned, of everybody who ever held, by name."""
    return {
        life.names.get(h.holder, h.holder): {
            "units": h.units,
            "expected": str(h.expected),
            "actual": str(h.claimed + h.unclaimed),
            "difference": str(h.difference),
        }
        for h in result.holders
    }


def report_summary(record: dict[str, Any]) -> dict[str, Any]:
    """A report as the relay recorded it, without what only machines need."""
    wanted = ["period", "version", "value", "decimals", "evidence", "tx", "gas_used"]
    if "corrected" in record:  # by the panel, to what counts
        wanted.insert(wanted.index("value") + 1, "corrected")
    signed = [
        {"node": item["signer"], "signer": item["signer_index"], "value": item["value"]}
        for item in record["observations"]
    ]
    return {**{name: record[name] for name in wanted}, "observations": signed, "failed": record["failures"]}


def _kpi(ending: Ending, decimals: int) -> dict[str, Any]:
    fixing = ending.fixing
    value = None if fixing["missing"] else str(fixing["kpi"])
    return {
        "value": value,
        "decimals": decimals,
        "missing": fixing["missing"],
        "outcome": str(fixing["outcome"]),
    }
