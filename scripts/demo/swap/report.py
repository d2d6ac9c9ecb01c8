"""report.html of a KPI payment's demonstration: one self-contained file for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from chain.network import when
from finance.report.tables import inputs_table
from finance.terms import Deal
from finance.terms.payment_form import payment_form
from scripts.demo.cast import CLASS_NAMES
from scripts.demo.figures import svg
from scripts.demo.swap import figures
from scripts.demo.swap.story import SwapDemonstration
from scripts.demo.swap.summary import payments

TEMPLATES = Path(__file__).parent.parent


def write_report(demo: SwapDemonstration, path: Path) -> Path:
    """Render the report to `path`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = demo.life.money.words
    environment.filters["whole"] = lambda minor: f"{round(minor / 10**demo.life.money.decimals):,}"
    environment.filters["day"] = lambda unix: when(unix)[:10]
    path.write_text(environment.get_template("swap_report.html.j2").render(**_content(demo)))
    return path


def _published(deal: Deal) -> bool:
    """Whether what the nodes report was published, and is not simulated."""
    stated = deal.kpis[deal.swap.kpi].reported_values
    return stated is not None and stated.is_sourced


def _content(demo: SwapDemonstration) -> dict[str, Any]:
    life = demo.life
    chapters: dict[str, list[Any]] = {}
    for line in demo.narrator.lines:
        chapters.setdefault(line.chapter.strip(), []).append(line)
    drawn = {"settlements": figures.settlement_figure} if len(demo.fixings) > 1 else {}
    if life.has_project:
        drawn |= {"revenue": figures.revenue_figure, "holders": figures.holders_figure}
    classes = {life.wallet(i): CLASS_NAMES[life.investor_class(i)] for i in life.cast.investors}
    return {
        "demo": demo,
        "deal": demo.deal,
        "life": life,
        "record": life.record,
        "figures": {name: Markup(svg(draw(demo))) for name, draw in drawn.items()},
        "payments": payments(demo),
        "scale": 10**life.terms.feed.decimals,
        "years": figures.coverage(demo),
        "form": payment_form(demo.deal),
        "published": _published(demo.deal),
        "taken": sum(p.fixed_amount for p in life.terms.payment.periods)
        - sum(f.amount for f in demo.fixings),
        "to_payee": sum(f.amount for f in demo.fixings if f.amount > 0),
        "to_payer": -sum(f.amount for f in demo.fixings if f.amount < 0),
        "to_holders": sum(f.run.get("holders", 0) for f in demo.fixings),
        "holders": [
            {"name": life.names.get(h.holder, h.holder), "kind": classes.get(h.holder, ""), "account": h}
            for h in sorted(demo.reconciliation.holders, key=lambda h: -h.expected)
        ],
        "study": demo.study,
        "gas": life.gas.summary(),
        "chapters": chapters,
        "inputs": inputs_table(demo.deal),
        "sources": demo.deal.sources,
    }
