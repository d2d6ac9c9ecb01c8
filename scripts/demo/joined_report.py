"""summary.json and report.html of the demonstration of any deal; amounts are minor units as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from chain.parts import PARTS, WORDS
from chain.reconciliation import Reconciliation
from finance.report.tables import inputs_table
from scripts.demo import figures
from scripts.demo.cast import CLASS_NAMES
from scripts.demo.joined import JoinedDemonstration
from scripts.demo.report import environment
from scripts.demo.summary import report_summary, sums


def summary(done: JoinedDemonstration) -> dict[str, Any]:
    """The summary of a finished demonstration (see docs/demo.md for its fields)."""
    life, result = done.life, _result(done)
    feeds = life.feeds.values()
    return {
        "deal": done.deal.id,
        "title": done.deal.title,
        "terms_hash": done.deal.terms_hash,
        "ok": done.ok,
        "chain": {"client": done.chain.client, "id": done.chain.chain_id, "clock": "simulated"},
        "currency": {"code": life.money.code, "decimals": life.money.decimals, "kind": "test"},
        "parts": {
            key: {"kind": part.kind, "state": result.states.get(key)}
            for key, part in life.record.parts.items()
        },
        "oracle": {
            "nodes": max((feed.nodes for feed in feeds), default=0),
            "quorum": max((feed.quorum for feed in feeds), default=0),
            "reports": [{"kpi": each["kpi"], **report_summary(each)} for each in done.reports],
            "faults": [{"node": node, "fault": fault} for node, fault in done.faults.items()],
            "exposed": [{"node": node, "reason": reason} for node, reason in done.exposed.items()],
        },
        "kpis": {
            kpi: {
                "decimals": feed.decimals,
                "periods": [
                    {
                        "period": int(each["period"]) + 1,
                        "value": each["value"],
                        "label": done.labels[kpi, int(each["period"])],
                    }
                    for each in done.reports
                    if each["kpi"] == kpi
                ],
            }
            for kpi, feed in life.feeds.items()
        },
        "payments": sums(result),
        "by_part": _by_part(result),
        "holders": [
            {
                "part": each.part,
                "holder": life.called.get(each.holder, each.holder),
                "units": each.units,
                "expected": str(each.expected),
                "actual": str(each.claimed + each.unclaimed),
                "difference": str(each.difference),
            }
            for each in result.holders
        ],
        "what_ifs": [],
        "gas": life.gas.summary(),
        "seconds": round(done.seconds, 1),
    }


def write_report(done: JoinedDemonstration, path: Path) -> Path:
    """Render the report to `path`."""
    path.write_text(environment(done.life).get_template("joined.html.j2").render(**_content(done)))
    return path


def _result(done: JoinedDemonstration) -> Reconciliation:
    assert done.reconciliation is not None
    return done.reconciliation


def _by_part(result: Reconciliation) -> dict[str, dict[str, dict[str, str]]]:
    """Expected, actual and difference per part and kind of payment."""
    found: dict[str, dict[str, list[int]]] = {}
    for row in result.rows:
        both = found.setdefault(row.part, {}).setdefault(row.kind, [0, 0])
        both[0] += row.expected
        both[1] += row.actual
    return {
        part: {
            kind: {"expected": str(e), "actual": str(a), "difference": str(a - e)}
            for kind, (e, a) in kinds.items()
        }
        for part, kinds in found.items()
    }


def _content(done: JoinedDemonstration) -> dict[str, Any]:
    life, result = done.life, _result(done)
    chapters: dict[str, list[Any]] = {}
    for line in done.narrator.lines:
        chapters.setdefault(line.chapter.strip(), []).append(line)
    classes = {life.wallet(each): CLASS_NAMES[life.investor_class(each)] for each in life.cast.investors}
    return {
        "demo": done,
        "deal": done.deal,
        "life": life,
        "record": life.record,
        "contracts": {key: PARTS[part.kind].contract for key, part in life.record.parts.items()},
        "result": result,
        "by_part": _by_part(result),
        "words": WORDS,
        "kpis": [
            {
                "title": done.deal.kpis[each["kpi"]].title,
                "unit": done.deal.kpis[each["kpi"]].unit,
                "period": int(each["period"]) + 1,
                "value": _value(each),
                "label": done.labels[each["kpi"], int(each["period"])],
                "signed": len(each["observations"]),
            }
            for each in done.reports
        ],
        "faults": "; ".join(sorted(set(done.faults.values()))),
        "exposed": "; ".join(f"{node[:10]}… {reason}" for node, reason in done.exposed.items()),
        "figures": {"gas": Markup(figures.svg(figures.gas_figure(done)))},
        "holders": [
            {
                "part": each.part,
                "name": life.called.get(each.holder, each.holder),
                "kind": classes.get(each.holder, ""),
                "account": each,
            }
            for each in sorted(result.holders, key=lambda each: (each.part, -each.expected))
        ],
        "tables": [],
        "inputs": inputs_table(done.deal),
        "sources": done.deal.sources,
        "chapters": chapters,
    }


def _value(report: dict[str, Any]) -> str:
    from oracle.kpi import to_decimal

    return str(to_decimal(int(report["value"]), int(report["decimals"])))
