"""The oracle's page: who measures, what was reported, what can be challenged, and how disputes ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from api.i18n import N_, Translator, language_of
from api.models import Currency
from api.models.deployment import KpiView
from api.models.oracle import DisputeView, EvidenceView, FeedView, OracleNodeView, ReportView
from api.pages.chain_words import PERIODS, coded
from api.pages.deal_charts import Formatter
from api.pages.deal_sections import ReportSection, report_section
from api.pages.format import Format, short_hash
from api.pages.render import marks, page
from api.services import Services, ServicesDep
from api.views.cases import case_of
from api.views.kpis import kpi_views
from api.views.oracle import feed_views, node_views, twin_views
from api.views.reports import dispute_views, evidence_view, report_views

router = APIRouter()

HEALTH = {
    "up": (N_("Answers"), "good"),
    "down": (N_("Does not answer"), "bad"),
    "wrong": (N_("Somebody else answers"), "bad"),
    "unknown": (N_("Not known"), "plain"),
}
FAULTS = {
    "lie": N_("lies on purpose"),
    "silent": N_("stays silent on purpose"),
    "delay_seconds": N_("answers late on purpose"),
}
WAITS = {
    "challenged": N_("The panel rules on a challenge"),
    "pending": N_("A report can be challenged"),
    "awaited": N_("A report is due"),
    "running": N_("Measuring goes on"),
    "future": N_("Measuring has not begun"),
    "settled": N_("Everything is measured"),
}
EARLIER = 12
"""Earlier reports of a feed that are listed; the API has all."""


@dataclass(frozen=True)
class FeedSection:
    """A feed for readers. `waits`: words, tone, and until when; `open`: reports that are not final yet, with
    the newest final one; `earlier`: rows of the others; `money`: what a challenge takes and may win."""

    id: str
    view: FeedView
    deal: Any
    kpi: KpiView
    currency: Currency
    waits: tuple[str, str]
    until: int | None
    nodes: Sequence[list[Any]]
    open: Sequence[ReportSection]
    earlier: Sequence[list[Any]]
    more: int
    faulty: int


@router.get("/oracle")
def oracle(
    request: Request,
    services: ServicesDep,
    deployment: Annotated[str | None, Query(max_length=96)] = None,
    kpi: Annotated[str | None, Query(max_length=64)] = None,
    period: Annotated[int | None, Query(ge=0, le=10_000)] = None,
) -> HTMLResponse:
    language = language_of(request)
    say, write, ui = Translator(language), Format(language), marks(language)
    chosen = case_of(services, deployment) if deployment else None
    sections = [
        _section(services, feed, say, write, ui, (kpi, period))
        for feed in feed_views(services, deployment)
        if kpi is None or deployment is None or feed.kpi == kpi
    ]
    return page(
        request,
        "oracle.html.j2",
        sections=sections,
        chosen=chosen,
        disputes=_disputes(services, sections, say, write),
        twins=twin_views(services) if chosen is None else [],
        short=short_hash,
    )


def _section(
    services: Services,
    feed: FeedView,
    say: Translator,
    write: Format,
    ui: Any,
    wanted: tuple[str | None, int | None],
) -> FeedSection:
    case = case_of(services, feed.deployment)
    kpi = next(view for view in kpi_views(services, feed.deployment) if view.kpi == feed.kpi)
    formatter = Formatter(say, write, case.deployment.currency)
    reports = report_views(services, feed.deployment, feed.kpi)
    nodes = [node for node in node_views(services, feed.deployment) if node.kpi == feed.kpi]
    shown = _shown(reports, wanted if wanted[0] == feed.kpi else (None, None))
    rest = [view for view in reports if view not in shown]
    return FeedSection(
        id=f"feed-{feed.deployment}-{feed.kpi}",
        view=feed,
        deal=case.deal,
        kpi=kpi,
        currency=formatter.currency,
        waits=_waits(kpi, feed, say),
        until=feed.next_time,
        nodes=[_node(node, say, write, ui) for node in nodes],
        open=[report_section(case.deal, kpi, view, formatter, ui) for view in shown],
        earlier=[_earlier(kpi, view, formatter, ui) for view in rest[:EARLIER]],
        more=max(0, len(rest) - EARLIER),
        faulty=sum(1 for node in nodes if node.faults),
    )


def _shown(reports: Sequence[ReportView], wanted: tuple[str | None, int | None]) -> list[ReportView]:
    """The one that was asked for, those that are not final, and the newest."""
    found = [view for view in reports if (view.kpi, view.period) == wanted]
    found += [view for view in reports if view.status in ("pending", "challenged") and view not in found]
    return found or list(reports[:1])


def _waits(kpi: KpiView, feed: FeedView, say: Translator) -> tuple[str, str]:
    if feed.next_period is None:
        return say(WAITS["settled"]), "plain"
    status = kpi.periods[feed.next_period].status
    return say(WAITS[status]), PERIODS[status][1]


def _node(node: OracleNodeView, say: Translator, write: Format, ui: Any) -> list[Any]:
    words, tone = coded(HEALTH, node.health, say)
    faults = [ui.badge(say(FAULTS[f]) if f in FAULTS else f.replace("_", " "), "bad") for f in node.faults]
    out = "–" if node.share_left_out is None else write.percent(node.share_left_out, 0)
    return [
        ui.address(node.address, say("Node {number}", number=node.signer_index + 1)),
        ui.badge(words, tone),
        Markup(" ").join(faults) if faults else say("none"),
        write.time(node.last_seen) if node.last_seen is not None else say("never"),
        say("{signed} of {reports}", signed=node.signed, reports=node.reports),
        out,
    ]


def _earlier(kpi: KpiView, view: ReportView, formatter: Formatter, ui: Any) -> list[Any]:
    measured = kpi.periods[view.period]
    counted = "–" if view.settled is None else formatter.value(kpi, view.settled)
    return [
        formatter.say("Period {number}", number=view.period + 1),
        f"{formatter.write.day_text(measured.start)} – {formatter.write.day_text(measured.end - 1)}",
        ui.badge(*coded(PERIODS, view.status, formatter.say)),
        ui.figure_with_trace(formatter.value(kpi, view.value), view.trace),
        counted,
    ]


@dataclass(frozen=True)
class DisputeSection:
    """A dispute with what is needed to write it. `won`: the challenger can be paid, or has been; `owed`: the
    first."""

    view: DisputeView
    feed: FeedSection
    value: str
    ruled: str | None
    won: bool
    owed: bool


def _disputes(
    services: Services, sections: Sequence[FeedSection], say: Translator, write: Format
) -> list[DisputeSection]:
    """Disputes of the feeds that are shown, newest first."""
    found = []
    for id in dict.fromkeys(section.view.deployment for section in sections):
        by_kpi = {section.view.kpi: section for section in sections if section.view.deployment == id}
        for view in dispute_views(services, id):
            if view.kpi in by_kpi:
                feed = by_kpi[view.kpi]
                formatter = Formatter(say, write, feed.currency)
                ruled = None if view.ruled is None else formatter.value(feed.kpi, view.ruled)
                won = view.credited is not None and int(view.credited) > 0
                owed = won and view.unpaid != "0"
                value = "–" if view.value is None else formatter.value(feed.kpi, view.value)
                found.append(DisputeSection(view, feed, value, ruled, won, owed))
    return sorted(found, key=lambda each: each.view.challenged.time, reverse=True)


# -- evidence


@router.get("/oracle/evidence/{id}/{kpi}/{period}/{root}")
def evidence(
    request: Request,
    services: ServicesDep,
    id: Annotated[str, Path(max_length=96)],
    kpi: Annotated[str, Path(max_length=64)],
    period: Annotated[int, Path(ge=0, le=10_000)],
    root: Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")],
) -> HTMLResponse:
    """The files of an evidence bundle, to be taken away."""
    language = language_of(request)
    view = evidence_view(services, id, kpi, period, root)
    case = case_of(services, id)
    shown = next(each for each in kpi_views(services, id) if each.kpi == kpi)
    formatter = Formatter(Translator(language), Format(language), case.deployment.currency)
    ui = marks(language)
    return page(
        request,
        "evidence.html.j2",
        view=view,
        deal=case.deal,
        id=id,
        kpi=shown,
        value=formatter.value(shown, view.value),
        doubt=_doubt(services, id, view, formatter.say),
        rows=[
            [ui.link(item.href, item.name), _size(item.bytes, formatter.write), _hash(item.sha256)]
            for item in view.files
        ],
    )


def _doubt(services: Services, id: str, view: EvidenceView, say: Translator) -> str:
    """What is known to be wrong with a reading: it was recomputed in vain, or the panel set it aside."""
    reports = [
        each for each in report_views(services, id) if (each.kpi, each.period) == (view.kpi, view.period)
    ]
    mine = [each for report in reports for each in report.observations if each.evidence == view.root]
    if any(each.culprit is not None for each in mine):
        return say("Recomputed: this node's value does not follow from these files.")
    ruled = next((each.dispute for each in reports if each.dispute and each.dispute.ruling), None)
    if ruled is not None and ruled.verdict != "stands" and any(view.value != ruled.ruled for _ in mine):
        return say("The panel has ruled on this report: the value here does not count.")
    return ""


def _hash(value: str) -> Markup:
    return Markup('<code class="long">{}</code>').format(value)


def _size(count: int, write: Format) -> str:
    return f"{write.number(count / 1000, 1)} kB"
