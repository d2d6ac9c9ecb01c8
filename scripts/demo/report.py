"""summary.json and report.html of a demonstration, from the deal lived again; amounts are minor units as
text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from chain.network import when
from chain.parts import PARTS, words_of
from chain.reconciliation import Holder, Reconciliation
from finance.report.tables import inputs_table
from oracle.kpi import to_decimal
from scripts.demo import figures
from scripts.demo.cast import CLASS_NAMES
from scripts.demo.conductor import Conducted, Course


def summary(done: Conducted) -> dict[str, Any]:
    """The summary of a finished demonstration (see docs/demo.md for its fields)."""
    life, main, result = done.life, done.main, done.main.reconciliation
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
            "reports": [report_summary(each) for each in main.reports],
            "faults": [{"node": node, "fault": fault} for node, fault in main.faults.items()],
            "exposed": [{"node": node, "reason": reason} for node, reason in main.exposed.items()],
        },
        **_course(done, main),
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
        "what_ifs": [{"name": name, **_course(done, each)} for name, each in done.what_ifs.items()],
        "gas": life.gas.summary(),
        "seconds": round(done.seconds, 1),
    }


def _course(done: Conducted, course: Course) -> dict[str, Any]:
    """What differs between the lives of a deal."""
    facts = {key: closing.facts for key, closing in course.closing.items()}
    return {
        "kpis": {kpi: _kpi(course, kpi, feed.decimals) for kpi, feed in done.life.feeds.items()},
        "fixings": [{k: v for k, v in each.items() if k != "words"} for each in course.decisions],
        "disputes": course.disputes,
        "unpaid": course.unpaid,
        "missed": [each for closing in course.closing.values() for each in closing.missed],
        "payments": sums(course.reconciliation),
        **({"facts": facts} if len(done.deal.groups) > 1 else next(iter(facts.values()), {})),
    }


def _kpi(course: Course, kpi: str, decimals: int) -> dict[str, Any]:
    """What counts of a KPI in each period, and in the last."""
    periods = [
        {"period": period + 1, "value": value, "label": label}
        for (each, period), (value, label) in course.values.items()
        if each == kpi
    ]
    return {"decimals": decimals, "value": periods[-1]["value"] if periods else None, "periods": periods}


def sums(result: Reconciliation) -> dict[str, dict[str, str]]:
    """Expected, actual and difference per kind, and in all that holders have earned."""
    total = {"total": result.earned()} if result.holders else {}
    return {
        kind: {name: str(each[name]) for name in ("expected", "actual", "difference")}
        for kind, each in (result.payments() | total).items()
    }


def report_summary(record: dict[str, Any]) -> dict[str, Any]:
    """A report as the relay recorded it, without what only machines need."""
    wanted = ["kpi", "period", "version", "value", "decimals", "evidence", "tx", "gas_used"]
    if "corrected" in record:  # by the panel, to what counts
        wanted.insert(wanted.index("value") + 1, "corrected")
    signed = [
        {"node": item["signer"], "signer": item["signer_index"], "value": item["value"]}
        for item in record["observations"]
    ]
    return {**{name: record[name] for name in wanted}, "observations": signed, "failed": record["failures"]}


def write_report(done: Conducted, path: Path) -> Path:
    """Render the report to `path`."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["money"] = done.life.money.words
    path.write_text(made.get_template("report.html.j2").render(**_content(done)))
    return path


def _holder(done: Conducted, account: Holder) -> str:
    """Whose account it is, and of which claim where there are several."""
    name = done.life.called.get(account.holder, account.holder)
    several = len({each.part for each in done.main.reconciliation.holders}) > 1
    return f"{account.part}: {name}" if several else name


def _figures(done: Conducted) -> Iterator[tuple[Markup, str]]:
    """What each kind draws, then what holders earned and held; with their captions."""
    for closing in done.main.closing.values():
        for drawn in closing.figures:
            with matplotlib.rc_context(figures.STYLE):
                yield Markup(figures.svg(drawn.draw())), drawn.caption
    earned = _earned(done.main)
    if earned:
        caption = "What holders earned, by date and what for; they claim it when they like."
        yield Markup(figures.svg(figures.payments_figure(earned, done.life.money))), caption
    if len({each.part for each in earned}) == 1 < len({each.day for each in earned}):
        caption = "Units that each holder had at every payment. A transfer never moves money already earned."
        yield Markup(figures.svg(figures.holdings_figure(earned, done.life.called))), caption


def _earned(course: Course) -> list[figures.Earned]:
    """Money that holders earned."""
    held = {each.part for each in course.reconciliation.holders}
    return [
        figures.Earned(when(at)[:10], row.part, row.kind.replace("_", " "), row.party, row.units, row.actual)
        for at, row in course.paid
        if row.units and row.part not in held and row.kind not in ("subscription", "refund")
    ]


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


def _reported(done: Conducted, course: Course) -> list[dict[str, Any]]:
    """Every period's value, what it decided, and what was signed."""
    kpis, several = done.deal.kpis, len(done.deal.groups) > 1
    records = {(each["kpi"], int(each["period"])): each for each in course.reports}
    return [
        {
            "title": kpis[kpi].title,
            "unit": kpis[kpi].unit,
            "period": period + 1,
            "value": "none"
            if value is None
            else f"{to_decimal(int(value), done.life.feeds[kpi].decimals):,}",
            "label": label,
            "again": (kpi, period) in course.found,
            "decided": "; ".join(
                f"{made['part']}: {made['words']}" if several else made["words"]
                for made in course.decisions
                if (made["kpi"], made["period"]) == (kpi, period + 1)
            ),
            "signed": [
                {
                    "node": item["signer_index"],
                    "value": f"{to_decimal(int(item['value']), done.life.feeds[kpi].decimals):,}",
                    "evidence": item["evidence"],
                    "fault": "captured"
                    if "corrected" in records[kpi, period]
                    else course.faults.get(item["signer"], "none"),
                    "exposed": course.found.get((kpi, period), {}).get(item["signer"], ""),
                }
                for item in records.get((kpi, period), {}).get("observations", [])
            ],
        }
        for (kpi, period), (value, label) in course.values.items()
    ]


def _content(done: Conducted) -> dict[str, Any]:
    life, main = done.life, done.main
    chapters: dict[str, list[Any]] = {}
    for line in done.narrator.lines:
        chapters.setdefault(line.chapter.strip(), []).append(line)
    classes = {life.wallet(each): CLASS_NAMES[life.investor_class(each)] for each in life.cast.investors}
    several = len(done.deal.groups) > 1
    return {
        "demo": done,
        "deal": done.deal,
        "life": life,
        "record": life.record,
        "contracts": {key: PARTS[part.kind].contract for key, part in life.record.parts.items()},
        "result": main.reconciliation,
        "total": main.reconciliation.earned()["actual"],
        "by_part": _by_part(main.reconciliation),
        "words": {row.kind: words_of(row.kind) for row in main.reconciliation.rows},
        "headline": "; ".join(
            f"{key}: {closing.headline}" if several else closing.headline
            for key, closing in main.closing.items()
            if closing.headline
        ),
        "labels": sorted({label.partition(",")[0] for _, label in main.values.values()}),
        "kpis": _reported(done, main),
        "faults": "; ".join(f"a node {fault}" for fault in sorted(set(main.faults.values()))),
        "figures": list(_figures(done)),
        "gas": Markup(figures.svg(figures.gas_figure(life.gas.summary()))),
        "closing_tables": [table for closing in main.closing.values() for table in closing.tables],
        "holders": [
            {
                "name": _holder(done, each),
                "kind": classes.get(each.holder, ""),
                "account": each,
            }
            for each in sorted(main.reconciliation.holders, key=lambda each: (each.part, -each.expected))
        ],
        "lives": [
            {"name": name, "kpis": _reported(done, each), "course": each}
            for name, each in {"as told": main, **done.what_ifs}.items()
        ],
        "tables": done.tables,
        "inputs": inputs_table(done.deal),
        "sources": done.deal.sources,
        "chapters": chapters,
    }
