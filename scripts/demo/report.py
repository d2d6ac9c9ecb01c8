"""report.html: the demonstration for people, one self-contained file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from finance.report.tables import inputs_table, summary_table, tier_table
from scripts.demo import figures
from scripts.demo.cast import CLASS_NAMES, INVESTORS
from scripts.demo.life import Life
from scripts.demo.story import OUTCOME, Demonstration, Ending
from scripts.demo.summary import payments


def write_report(demo: Demonstration, path: Path) -> Path:
    """Render the report to `path`."""
    path.write_text(environment(demo.life).get_template("report.html.j2").render(**_content(demo)))
    return path


def environment(life: Life) -> Environment:
    """The templates of this folder, with amounts of the deal's currency in words as a filter."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["money"] = life.money.words
    return made


def _content(demo: Demonstration) -> dict[str, Any]:
    life, main = demo.life, demo.ending
    chapters: dict[str, list[Any]] = {}
    for line in demo.narrator.lines:
        chapters.setdefault(line.chapter.strip(), []).append(line)
    report = main.report or {}
    decimals = life.reading(OUTCOME).feed.decimals
    classes = {life.wallet(i): CLASS_NAMES[life.investor_class(i)] for i in INVESTORS}
    return {
        "demo": demo,
        "deal": demo.deal,
        "life": life,
        "record": life.record,
        "headline": _headline(demo),
        "figures": {
            name: Markup(figures.svg(draw(demo)))
            for name, draw in {
                "kpi": figures.kpi_figure,
                "cashflows": figures.cashflow_figure,
                "holders": figures.holders_figure,
                "gas": figures.gas_figure,
            }.items()
        },
        "payments": payments(main),
        "holders": [
            {
                "name": life.names.get(h.holder, h.holder),
                "kind": classes.get(h.holder, ""),
                "subscribed": demo.allotted.get(life.names.get(h.holder, ""), 0),
                "account": h,
            }
            for h in sorted(main.reconciliation.holders, key=lambda h: -h.expected)
        ],
        "observations": [
            {
                "node": item["signer_index"],
                "address": item["signer"],
                "value": f"{int(item['value']) / 10**decimals:.{decimals}f}",
                "evidence": item["evidence"],
                "fault": demo.faults.get(item["signer"], ""),
                "exposed": demo.verification.get(item["signer"], ""),
            }
            for item in report.get("observations", [])
        ],
        "down": [
            {"node": list(report["signers"]).index(address), "address": address, "fault": fault}
            for address, fault in demo.faults.items()
            if address not in {item["signer"] for item in report["observations"]}
        ],
        "endings": [main, *demo.what_ifs],
        "ending_titles": {
            "main": f"As told: outcome “{demo.options.outcome}”",
            "disputed": "What if a captured quorum reports a wrong value",
            "silent": "What if nobody reports",
        },
        "kpi_text": lambda ending: _kpi_text(ending, decimals),
        "gas": life.gas.summary(),
        "marks": figures.GAS_MARKS,
        "chapters": chapters,
        "tables": [summary_table(demo.valuation), tier_table(demo.valuation)],
        "inputs": inputs_table(demo.deal),
        "sources": demo.deal.sources,
    }


def _kpi_text(ending: Ending, decimals: int) -> str:
    if ending.fixing["missing"]:
        return "missing"
    return f"{100 * ending.fixing['kpi'] / 10**decimals:.2f} %"


def _headline(demo: Demonstration) -> str:
    outcome = demo.ending.fixing["outcome"]
    feed = demo.life.reading(OUTCOME).feed
    title = demo.deal.kpis[feed.kpi].title.lower()
    words = demo.life.money.words(abs(outcome))
    settled = (
        "no outcome payment either way"
        if outcome == 0
        else f"the issuer pays investors {words}"
        if outcome > 0
        else f"investors pay the issuer {words}"
    )
    return f"Reported {title} {_kpi_text(demo.ending, feed.decimals)}: {settled}."
