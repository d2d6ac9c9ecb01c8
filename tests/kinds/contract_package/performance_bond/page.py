"""The performance bond for the API: where it stands, and words for it. Its acts are said in those of its
books."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from api.i18n import N_
from api.instruments.base import Case, Extent, Instrument, fact, report_steps, stands, unexplained
from api.instruments.words import PlainWords, Say, Write
from api.models.deployment import StateView
from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import Deal
from performance_bond.books import PerformanceBondBooks
from performance_bond.terms import PerformanceBond


def _terms(deal: Deal) -> tuple[Any, tuple[FeedTerms, ...]]:
    return None, tuple(feed_terms(deal, kpi) for kpi in deal.kpis)


def _state(case: Case) -> StateView:
    """Of several together: settled, or posted, once all of them are."""
    found = [case.world.books(key, PerformanceBondBooks) for key in case.deal.having(PerformanceBond)]
    state = "open"
    for each in ("posted", "settled"):
        state = each if all(getattr(books, each) for books in found) else state
    aside = sum(books.left for books in found if books.posted and not books.settled)
    facts = [*unexplained(case), fact("aside", "Set aside", aside, "money")]
    sentence = "A contractor answers for what the works show."
    return stands(case, state, state, sentence, None, facts, report_steps(case))


def _words(deal: Deal, say: Say, write: Write) -> PlainWords:
    return PlainWords(say.deal(deal.summary), gets=(), loses=(), for_holders=False)


def _extent(deal: Deal) -> Extent:
    (period,) = next(iter(deal.kpis.values())).periods
    return Extent(period.start, period.end)


INSTRUMENT = Instrument(
    kind="performance_bond",
    name=lambda deal: N_("Performance bond"),
    title="performance bond",
    terms=_terms,
    collections=(),
    state=_state,
    payments=lambda case: [],
    curves=lambda case, kpi: [],
    given=lambda case, slot: None,
    words=_words,
    extent=_extent,
    unit=lambda deal: Decimal(1),
)
