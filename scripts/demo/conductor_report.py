"""summary.json and report.html of the demonstration of any deal; amounts are minor units as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from chain.network import when
from chain.parts import PARTS, words_of
from chain.reconciliation import Holder, Reconciliation
from finance.report.plots import EVEN, GAIN, INK
from finance.report.tables import inputs_table
from oracle.kpi import to_decimal
from scripts.demo import figures
from scripts.demo.cast import CLASS_NAMES
from scripts.demo.conductor import Conducted
from scripts.demo.report import environment
from scripts.demo.summary import report_summary, sums

COLORS = (GAIN, EVEN, "#E69F00", INK)


def summary(done: Conducted) -> dict[str, Any]:
    """The summary of a finished demonstration (see docs/demo.md for its fields)."""
    life, result = done.life, _result(done)
    feeds = life.feeds.values()
    return {
        "deal": done.deal.id,
        "title": done.deal.title,
        "terms_hash": done.deal.terms_hash,
        "outcome": done.options.outcome if feeds else None,
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
                        "value": each.get("corrected", each["value"]),
                        "label": done.labels[kpi, int(each["period"])],
                    }
                    for each in done.reports
                    if each["kpi"] == kpi
                ],
            }
            for kpi, feed in life.feeds.items()
        },
        "fixings": [{k: v for k, v in each.items() if k != "words"} for each in done.decisions],
        "payments": sums(result),
        "by_part": _by_part(result),
        "holders": {
            _holder(done, each): {
                "units": each.units,
                "expected": str(each.expected),
                "actual": str(each.claimed + each.unclaimed),
                "difference": str(each.difference),
            }
            for each in result.holders
        },
        "what_ifs": [],
        "gas": life.gas.summary(),
        "seconds": round(done.seconds, 1),
    }


def write_report(done: Conducted, path: Path) -> Path:
    """Render the report to `path`."""
    path.write_text(environment(done.life).get_template("conductor.html.j2").render(**_content(done)))
    return path


def _holder(done: Conducted, account: Holder) -> str:
    """Whose account it is, and of which claim where there are several."""
    name = done.life.called.get(account.holder, account.holder)
    several = len({each.part for each in _result(done).holders}) > 1
    return f"{account.part}: {name}" if several else name


def payments_figure(done: Conducted) -> Figure:
    """Money that holders earned by each part, by date and what for."""
    claims = list(dict.fromkeys(claim for _, claim, _, _ in done.shared))
    unit = 10 ** (done.life.money.decimals + 6)
    days = sorted({when(at)[:10] for at, _, _, _ in done.shared})
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(8.2, 1.2 + 2.0 * len(claims)), layout="constrained")
        for axes, claim in zip(
            figure.subplots(len(claims), 1, sharex=True, squeeze=False)[:, 0], claims, strict=True
        ):
            base = dict.fromkeys(days, 0.0)
            kinds = dict.fromkeys(what for _, each, what, _ in done.shared if each == claim)
            for what, color in zip(kinds, COLORS, strict=False):
                tops = dict.fromkeys(days, 0.0)
                for at, each, paid_for, amount in done.shared:
                    if (each, paid_for) == (claim, what):
                        tops[when(at)[:10]] += amount / unit
                axes.bar(
                    days, list(tops.values()), bottom=list(base.values()), color=color, width=0.65, label=what
                )
                base = {day: base[day] + tops[day] for day in days}
            axes.set_title(claim if len(claims) > 1 else "Earned by holders", loc="left", fontsize=10)
            axes.set_ylabel(f"{done.life.money.code} million")
            axes.tick_params(axis="x", rotation=90 if len(days) > 12 else 45, color=INK)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(frameon=False, fontsize=8.5)
        return figure


def _result(done: Conducted) -> Reconciliation:
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


def _content(done: Conducted) -> dict[str, Any]:
    life, result, decisions = done.life, _result(done), done.decisions
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
        "words": {row.kind: words_of(row.kind) for row in result.rows},
        "kpis": [
            {
                "title": done.deal.kpis[each["kpi"]].title,
                "unit": done.deal.kpis[each["kpi"]].unit,
                "period": int(each["period"]) + 1,
                "value": str(to_decimal(int(each.get("corrected", each["value"])), int(each["decimals"]))),
                "label": done.labels[each["kpi"], int(each["period"])],
                "signed": len(each["observations"]),
                "decided": "; ".join(
                    made["words"] if len(done.deal.groups) == 1 else f"{made['part']}: {made['words']}"
                    for made in decisions
                    if (made["kpi"], made["period"]) == (each["kpi"], int(each["period"]) + 1)
                ),
            }
            for each in done.reports
        ],
        "faults": "; ".join(sorted(set(done.faults.values()))),
        "exposed": "; ".join(f"{node[:10]}… {reason}" for node, reason in done.exposed.items()),
        "figures": {
            "gas": Markup(figures.svg(figures.gas_figure(done))),
            "payments": Markup(figures.svg(payments_figure(done))) if done.shared else "",
        },
        "holders": [
            {
                "name": _holder(done, each),
                "kind": classes.get(each.holder, ""),
                "account": each,
            }
            for each in sorted(result.holders, key=lambda each: (each.part, -each.expected))
        ],
        "tables": done.tables,
        "inputs": inputs_table(done.deal),
        "sources": done.deal.sources,
        "chapters": chapters,
    }
