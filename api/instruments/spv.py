"""The vehicle: notes and a residual claim on what its lines bring, in the order of a waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from api.i18n import N_
from api.instruments import offering, token
from api.instruments.base import Case, Collection, Extent, Instrument, tabled, turns
from api.instruments.rows import CovenantRow, IncomeRow, PaidOutRow, StepRow, VehicleRevenueRow
from api.instruments.spv_state import payments, state
from api.instruments.spv_words import vehicle_words
from api.models import Resource, Trace
from finance.settlement.spv_terms import VehicleTerms, vehicle_terms
from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from finance.terms.tranche import Tranche

KIND = "spv"


def read_terms(deal: Deal) -> tuple[VehicleTerms, tuple[FeedTerms, ...]]:
    """The integers of the vehicle, and the feeds that it reads."""
    terms = vehicle_terms(deal)
    return terms, tuple(feed for feed, _ in terms.facts)


def extent(deal: Deal) -> Extent:
    """From the first period's beginning to the last one's end, and the principal of all notes."""
    terms = vehicle_terms(deal)
    principal = sum(each.units * each.unit_principal for each in terms.tranches if each.rate is not None)
    return Extent(terms.periods[0].start, terms.periods[-1].end, principal)


def unit(deal: Deal) -> Decimal:
    """The nominal of a unit of notes, or of the residual claim where there are none."""
    tranches = sorted(deal.having(Tranche).items(), key=lambda each: (each[1].rate is None, each[0]))
    return tranches[0][1].denomination.value


def _rows(case: Case, table: str, row: type[Resource]) -> Sequence[Resource]:
    """The rows of a table of which an event makes several."""
    found = []
    for cells in case.ledger.rows(table):
        trace = Trace(block=cells["block"], log=cells["log"], time=cells["time"], tx=cells["tx"])
        said = {name: cells[name] for name in row.model_fields if name in cells}
        found.append(row.model_validate({**said, "trace": trace}))
    return found


COLLECTIONS = (
    tabled(
        "line-revenue", "Revenue paid in, by line", VehicleRevenueRow, KIND, account=("payer",), payer="from"
    ),
    Collection(
        "waterfall", "What each step of the waterfall did", StepRow,
        rows=lambda case: _rows(case, "waterfall", StepRow), role=KIND,
    ),
    Collection(
        "income", "Revenue of each period, by line", IncomeRow,
        rows=lambda case: _rows(case, "income", IncomeRow), role=KIND,
    ),
    Collection(
        "covenants", "Covenants tested, with what", CovenantRow,
        rows=lambda case: _rows(case, "covenants", CovenantRow), role=KIND,
    ),
    tabled("paid-out", "Credits paid out", PaidOutRow, KIND, account=("receiver",), receiver="to"),
    token.DISTRIBUTIONS,
    *token.COLLECTIONS,
    *offering.COLLECTIONS,
    turns(KIND, "offering", "token"),
)  # fmt: skip

VEHICLE = Instrument(
    kind=KIND,
    name=lambda deal: N_("Vehicle"),
    title="Vehicle with tranches",
    terms=read_terms,
    collections=COLLECTIONS,
    state=state,
    payments=payments,
    curves=lambda case, kpi: [],
    given=lambda case, slot: None,
    words=vehicle_words,
    extent=extent,
    unit=unit,
)
