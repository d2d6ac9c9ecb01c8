"""The KPI payment: a signed amount each period, with or without a project whose revenue is shared by
units."""

from __future__ import annotations

from decimal import Decimal

from api.i18n import N_
from api.instruments import offering, token
from api.instruments.base import Case, Collection, Extent, Instrument, curve_view, logged, turns
from api.instruments.rows import (
    EndRow,
    FundingRow,
    MarginRow,
    ProposalRow,
    RevenueRow,
    TreasuryPeriodRow,
    WithdrawalRow,
)
from api.instruments.slots import Slot
from api.instruments.swap_case import SIDES, owed, read_terms
from api.instruments.swap_payments import payments, settlements
from api.instruments.swap_state import state
from api.instruments.swap_value import SwapValue
from api.instruments.swap_words import swap_words
from api.models import Resource, Trace
from api.models.deployment import CurveView, SettlementView
from chain.events import Event
from chain.swap.ledger import PARTIES
from chain.terms import text_of
from finance.settlement.kpi_payment import amount_of
from finance.terms import Deal
from finance.terms.payment_form import payment_form
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury

KIND = "kpi_payment"


def extent(deal: Deal) -> Extent:
    """From the first period to the last."""
    periods = deal.kpis[deal.only(KpiPayment).kpi].periods
    return Extent(periods[0].start, periods[-1].end)


def unit(deal: Deal) -> Decimal:
    """The price of a unit of the project's revenue."""
    return deal.only(Treasury).unit_price.value


def curves(case: Case, kpi: str) -> list[CurveView]:
    """The payoff of the swap's own KPI; a model value has none."""
    if kpi != case.terms.feed.kpi:
        return []
    return [
        curve_view(
            case.terms.payment.curve,
            case.terms.feed.decimals,
            effect="amount",
            missing=str(case.terms.payment.missing_payoff),
            positive="payee",
            scope="one period of the swap, beside its fixed amount",
        )
    ]


def given(case: Case, slot: Slot) -> int | None:
    """The signed amount of the period, fixed part and payoff, that the report makes due."""
    if slot.feed.kpi != case.terms.feed.kpi:
        return None
    if slot.status == "missing":
        return amount_of(case.terms.payment, slot.period, None)
    return None if slot.value is None else amount_of(case.terms.payment, slot.period, slot.value)


# -- lists


def _trace(row: dict[str, object]) -> Trace:
    return Trace.model_validate({name: row[name] for name in ("block", "log", "time", "tx")})


def _ends(case: Case) -> list[Resource]:
    names = ("amount", "netted", "paid", "unpaid")
    return [
        EndRow(trace=_trace(row), how=row["how"], **{name: str(row[name]) for name in names})
        for row in case.ledger.ends.to_dict("records")
    ]


def _side(_case: Case, event: Event) -> str:
    return SIDES[event.arguments["side"]]


def _party(case: Case, event: Event) -> str:
    return PARTIES[event.arguments["party"]] if "party" in event.arguments else _side(case, event)


def _posted(_case: Case, event: Event) -> int:
    return int(event.arguments["amount"] - event.arguments["repaid"])


COLLECTIONS = (
    Collection("settlements", "Periods of the swap, settled and to come", SettlementView, rows=settlements),
    Collection("ends", "Close-outs and agreed terminations", EndRow, rows=_ends),
    logged(
        "fundings", "Money paid into the swap", FundingRow, ("payment", "Funded"), account=("payer",),
        side=_side, payer="from", posted=_posted,
    ),
    logged(
        "withdrawals", "Money paid out by swap and treasury", WithdrawalRow,
        ("payment", "Withdrawn"), ("treasury", "Withdrawn"), account=("receiver",),
        contract=lambda case, event: case.deployment.role(event.source), party=_party, receiver="to",
    ),
    logged(
        "margins", "Margin calls and their ends", MarginRow,
        ("payment", "MarginCalled"), ("payment", "MarginRestored"),
        event=lambda _, event: "called" if event.name == "MarginCalled" else "restored", side=_side,
    ),
    logged(
        "proposals", "Offers to end the swap", ProposalRow,
        ("payment", "TerminationProposed"), ("payment", "TerminationWithdrawn"),
        event=lambda _, event: "proposed" if event.name == "TerminationProposed" else "withdrawn",
        side=_side, number="id",
    ),
    logged(
        "treasury-periods", "Payments of the waterfall", TreasuryPeriodRow, ("treasury", "PeriodPaid"),
        operating_cost="operatingCost", debt_service="debtService",
    ),
    logged(
        "revenue", "Revenue received, by line", RevenueRow, ("treasury", "RevenueReceived"),
        account=("payer",), line=lambda _, event: text_of(event.arguments["line"]), payer="from",
    ),
    token.DISTRIBUTIONS,
    *token.COLLECTIONS,
    *offering.COLLECTIONS,
    turns(
        ("payment", "PaymentInitialized"),
        ("payment", "PaymentActivated"),
        ("payment", "Matured"),
        ("payment", "ClosedOut"),
        ("payment", "AgreedTermination"),
        ("treasury", "TreasuryInitialized"),
        ("treasury", "TreasuryActivated"),
        ("treasury", "MoneyReturned"),
        ("treasury", "TreasuryClosed"),
        ("offering", "OfferingSettled"),
        ("token", "TokenClosed"),
        ("token", "TransfersPaused"),
    ),
)  # fmt: skip


FORMS = {
    "swap": N_("Swap"),
    "charge": N_("Charge"),
    "forward": N_("Forward"),
    "payment": N_("Payment"),
}

SWAP = Instrument(
    kind=KIND,
    name=lambda deal: FORMS[payment_form(deal).noun],
    title="KPI payment swap",
    terms=read_terms,
    collections=COLLECTIONS,
    state=state,
    payments=payments,
    curves=curves,
    given=given,
    words=swap_words,
    extent=extent,
    unit=unit,
    valued=SwapValue,
    form=payment_form,
    sides=lambda deal: {"payer": deal.only(KpiPayment).payer, "payee": deal.only(KpiPayment).payee},
    owed=owed,
)
