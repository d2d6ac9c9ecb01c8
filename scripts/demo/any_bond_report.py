"""summary.json and report.html of any bond's demonstration. Amounts are integer strings in minor units."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from finance.report.plots import EVEN, GAIN, INK
from finance.report.tables import inputs_table, summary_table
from finance.settlement.terms import RATE_DECIMALS, Effect
from oracle.kpi import to_decimal
from scripts.demo import figures
from scripts.demo.any_bond import BondDemonstration
from scripts.demo.cast import CLASS_NAMES, INVESTORS
from scripts.demo.report import environment
from scripts.demo.summary import holders, report_summary, sums

OTHER = "#E69F00"


def summary(done: BondDemonstration) -> dict[str, Any]:
    """The summary of a finished demonstration (see docs/demo.md for its fields)."""
    life, result = done.life, done.reconciliation
    assert result is not None
    feeds = life.terms.feeds
    return {
        "deal": done.deal.id,
        "title": done.deal.title,
        "terms_hash": done.deal.terms_hash,
        "outcome": done.options.outcome if feeds else None,
        "ok": done.ok,
        "chain": {"client": done.chain.client, "id": done.chain.chain_id, "clock": "simulated"},
        "currency": {"code": life.money.code, "decimals": life.money.decimals, "kind": "test"},
        "oracle": {
            "nodes": max((f.nodes for f in feeds), default=0),
            "quorum": max((f.quorum for f in feeds), default=0),
            "reports": [{"kpi": r["kpi"], **report_summary(r)} for r in done.reports],
            "faults": [{"node": node, "fault": fault} for node, fault in done.faults.items()],
            "exposed": [{"node": n, "reason": r} for n, r in done.exposed.items()],
        },
        "kpis": {
            feed.kpi: {
                "decimals": feed.decimals,
                "periods": [
                    {
                        "period": period + 1,
                        "value": r["value"],
                        "label": done.labels[feed.kpi, period],
                    }
                    for r in done.reports
                    if r["kpi"] == feed.kpi
                    for period in [int(r["period"])]
                ],
            }
            for feed in feeds
        },
        "fixings": [
            {
                "kpi": life.reading(number).feed.kpi,
                "period": life.reading(number).period + 1,
                "decides": "rate" if rule.effect is Effect.RATE else "amount",
                "coupons": [rule.first + 1, rule.last + 1],
                "kpi_value": None if event["missing"] else str(event["kpi"]),
                "value": str(event["value"]),
                "outcome": str(event["outcome"]),
            }
            for number, rule in enumerate(life.terms.fixings)
            for event in [done.fixings[number]]
        ],
        "payments": sums(result),
        "holders": holders(life, result),
        "what_ifs": [],
        "gas": life.gas.summary(),
        "seconds": round(done.seconds, 1),
    }


def write_report(done: BondDemonstration, path: Path) -> Path:
    """Render the report to `path`."""
    template = environment(done.life).get_template("any_bond.html.j2")
    path.write_text(template.render(**_content(done)))
    return path


def _content(done: BondDemonstration) -> dict[str, Any]:
    life, result = done.life, done.reconciliation
    assert result is not None
    chapters: dict[str, list[Any]] = {}
    for line in done.narrator.lines:
        chapters.setdefault(line.chapter.strip(), []).append(line)
    classes = {life.wallet(i): CLASS_NAMES[life.investor_class(i)] for i in INVESTORS}
    return {
        "demo": done,
        "deal": done.deal,
        "life": life,
        "record": life.record,
        "headline": _headline(done),
        "fixings": [_fixing(done, number) for number in range(len(life.terms.fixings))],
        "faults": "; ".join(sorted(set(done.faults.values()))),
        "exposed": "; ".join(f"{a[:10]}… {reason}" for a, reason in done.exposed.items()),
        "figures": {
            "payments": Markup(figures.svg(payments_figure(done))),
            "gas": Markup(figures.svg(figures.gas_figure(done))),
        },
        "payments": sums(result),
        "holders": [
            {
                "name": life.names.get(h.holder, h.holder),
                "kind": classes.get(h.holder, ""),
                "subscribed": done.allotted.get(_cast_name(life, h.holder), 0),
                "account": h,
            }
            for h in sorted(result.holders, key=lambda h: -h.expected)
        ],
        "gas": life.gas.summary(),
        "marks": figures.GAS_MARKS,
        "chapters": chapters,
        "tables": [summary_table(done.valuation)],
        "inputs": inputs_table(done.deal),
        "sources": done.deal.sources,
    }


def _cast_name(life: Any, holder: str) -> str:
    return next((i.name for i in INVESTORS if life.wallet(i) == holder), "")


def _fixing(done: BondDemonstration, number: int) -> dict[str, Any]:
    life, rule, event = done.life, done.life.terms.fixings[number], done.fixings[number]
    reading = life.reading(number)
    shown = "missing" if event["missing"] else str(to_decimal(event["kpi"], reading.feed.decimals))
    if rule.effect is Effect.RATE:
        gives = f"{float(to_decimal(event['value'], RATE_DECIMALS)) * 10_000:+g} basis points"
        decides = f"rate of coupons {rule.first + 1} to {rule.last + 1}"
    else:
        gives = life.money.words(event["outcome"])
        decides = f"amount on {_day(life.terms.periods[rule.first].pay_date)}"
    label = done.labels.get((reading.feed.kpi, reading.period), "no report")
    period = reading.period + 1
    return {
        "kpi": reading.feed.kpi,
        "period": period,
        "shown": shown,
        "label": label,
        "decides": decides,
        "gives": gives,
    }


def _headline(done: BondDemonstration) -> str:
    steps = [done.fixings[n] for n, f in enumerate(done.life.terms.fixings) if f.effect is Effect.RATE]
    amounts = [e["outcome"] for n, e in sorted(done.fixings.items()) if e not in steps]
    parts = [f"{len(done.life.terms.periods)} coupons paid and the principal repaid"]
    if steps:
        moved = sum(1 for event in steps if event["value"])
        parts.append(f"{moved} of {len(steps)} reports moved the coupon")
    if amounts:
        parts.append(f"outcome {done.life.money.words(sum(amounts))}")
    return "; ".join(parts) + "."


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def payments_figure(done: BondDemonstration) -> Figure:
    """What holders received on each pay date: interest, repaid principal, outcome."""
    life, result = done.life, done.reconciliation
    assert result is not None
    unit = 10 ** (life.money.decimals + 6)
    count = len(life.terms.periods)
    paid = {kind: [0] * count for kind in ("coupon", "principal", "outcome")}
    for row in result.rows:
        if row.kind in paid:
            paid[row.kind][(row.period or count) - 1] += row.actual
    days = [_day(p.pay_date)[:7] for p in life.terms.periods]
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(8.2, 3.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        upper.bar(days, [c / unit for c in paid["coupon"]], color=GAIN, width=0.65)
        upper.set_title("Interest", loc="left", fontsize=10)
        lower.bar(days, [c / unit for c in paid["principal"]], color=EVEN, width=0.65, label="principal")
        base = [c / unit for c in paid["principal"]]
        if any(paid["outcome"]):
            top = [c / unit for c in paid["outcome"]]
            lower.bar(days, top, bottom=base, color=OTHER, width=0.65, label="outcome")
            lower.legend(frameon=False, fontsize=8.5)
        lower.set_title("Principal and outcome", loc="left", fontsize=10)
        lower.tick_params(axis="x", rotation=90 if count > 12 else 45)
        for axes in (upper, lower):
            axes.set_ylabel(f"{life.money.code} million")
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(color=INK)
        return figure
