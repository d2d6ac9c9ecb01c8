"""The first page: every deal, what state it is in, what comes next, what it is worth and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.i18n import Translator, language_of
from api.index.reader import Deployment
from api.instruments import instrument_of, standing, words_of
from api.models import Currency
from api.models.deployment import KpiView
from api.models.valuation import LivePrice
from api.pages.chain_words import PERIODS, coded, state_words, step_words
from api.pages.deal_charts import Formatter
from api.pages.format import Format
from api.pages.render import marks, page
from api.problems import ProblemError
from api.services import Services, ServicesDep
from api.views.cases import case_of
from api.views.kpis import kpi_views, realised
from finance.terms import Deal

router = APIRouter()


@dataclass(frozen=True)
class Card:
    """A deal on the first page. `figures`: (label, value, note); `measured`: how far the measuring is, in
    words and with the tone of a badge; `link`: its page; `soon`: a figure is being computed."""

    deal: Deal
    link: str
    instrument: str
    state: tuple[str, str, str] | None
    what: str
    figures: Sequence[tuple[str, Any, str | None]]
    measured: tuple[str, str] | None
    progress: float | None
    moved: bool
    soon: bool


@router.get("/")
def portfolio(request: Request, services: ServicesDep) -> HTMLResponse:
    language = language_of(request)
    say, write = Translator(language), Format(language)
    try:
        deployments, missing = services.index.deployments(), None
    except ProblemError as error:
        if error.status != 503:
            raise
        deployments, missing = [], error
    live = [_live(services, each, say, write, marks(language)) for each in deployments]
    deployed = {each.deal_id for each in deployments}
    book = [_book(deal, say, write) for deal in services.deals.all() if deal.id not in deployed]
    return page(
        request, "portfolio.html.j2", live=live, book=book, missing=missing, problems=services.deals.problems
    )


def _formatter(deal: Deal, say: Translator, write: Format) -> Formatter:
    return Formatter(say, write, Currency(code=deal.currency.code, decimals=deal.currency.token_decimals))


def _live(services: Services, deployment: Deployment, say: Translator, write: Format, ui: Any) -> Card:
    case, deal = case_of(services, deployment.id), deployment.deal
    state = case.instrument.state(case)
    kpis = kpi_views(services, deployment.id)
    figures: list[tuple[str, Any, str | None]] = []
    day = datetime.fromtimestamp(case.now, UTC).date()
    ready, soon = standing(case), False
    if ready is not None:
        price = ready.price(realised(case), day, services.jobs, case.instrument.owed(case))
        soon, value = price.state == "computing", _value(deal, price, write)
        if value:
            accrued = None if price.accrued is None else say("with accrued interest")
            figures.append((say("Value of a unit"), value, accrued))
        elif soon and deployment.has_units:
            figures.append((say("Value of a unit"), "…", say("being computed")))
    latest = _latest(kpis)
    formatter = _formatter(deal, say, write)
    if latest is not None:
        kpi, period = latest
        figures.append(
            (say.deal(kpi.title), formatter.value(kpi, period.value), coded(PERIODS, period.status, say)[0])
        )
    elif kpis and (ahead := kpis[0].periods[0].forecast):
        figures.append((say.deal(kpis[0].title), formatter.value(kpis[0], ahead.p50), say("expected")))
    if state.steps:
        step = state.steps[0]
        figures.append((say("Next"), write.day(step.time), step_words(step, deal, say)))
    payments = [each for each in case.instrument.payments(case) if each.kind != "gift"]
    done = sum(each.status in ("paid", "nothing") for each in payments)
    return Card(
        deal=deal,
        link=f"/deals/{deal.id}?deployment={deployment.id}",
        instrument=say(instrument_of(deal.kind).name(deal)),
        state=state_words(state.state, state.title, say),
        what=words_of(deal, say, write).what,
        figures=figures,
        measured=_measured(kpis, say),
        progress=done / len(payments) if payments else None,
        moved=bool(case.record.shifted_days),
        soon=soon,
    )


def _latest(kpis: Sequence[KpiView]) -> tuple[KpiView, Any] | None:
    """The KPI period that was reported last."""
    known = [(kpi, period) for kpi in kpis for period in kpi.periods if period.value is not None]
    return max(known, key=lambda each: each[1].end, default=None)


def _measured(kpis: Sequence[KpiView], say: Translator) -> tuple[str, str] | None:
    """What a reader should know about the measuring: what can be challenged comes first."""
    open_ones = [p for kpi in kpis for p in kpi.periods if p.status in ("pending", "challenged")]
    if open_ones:
        return coded(PERIODS, open_ones[-1].status, say)
    return None


def _value(deal: Deal, price: LivePrice, write: Format) -> str | None:
    """What a unit is worth, where a unit is sold."""
    if price.price is None:
        return None
    unit = instrument_of(deal.kind).unit(deal)
    return write.amount(float(unit) / 100 * price.price, deal.currency.code)


def _book(deal: Deal, say: Translator, write: Format) -> Card:
    words = words_of(deal, say, write)
    return Card(
        deal=deal,
        link=f"/deals/{deal.id}",
        instrument=say(instrument_of(deal.kind).name(deal)),
        state=None,
        what=words.what,
        figures=[(label, value, None) for label, value in words.facts[1:4]],
        measured=None,
        progress=None,
        moved=False,
        soon=False,
    )
