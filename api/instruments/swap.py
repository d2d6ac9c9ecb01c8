"""The KPI payment: a signed amount each period, with or without a project whose revenue is shared by
units."""

from __future__ import annotations

from decimal import Decimal

from api.i18n import N_
from api.instruments import offering, token
from api.instruments.base import Case, Collection, Extent, Instrument, curve_view, tabled, turns
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
from api.instruments.swap_case import owed, read_terms
from api.instruments.swap_payments import payments, settlements
from api.instruments.swap_state import state
from api.instruments.swap_value import SwapValue
from api.instruments.swap_words import swap_words
from api.models.deployment import CurveView, SettlementView
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


COLLECTIONS = (
    Collection("settlements", "Periods of the swap, settled and to come", SettlementView, rows=settlements),
    tabled("ends", "Close-outs and agreed terminations", EndRow, "payment"),
    tabled(
        "fundings", "Money paid into the swap", FundingRow, "payment", account=("payer",), payer="from"
    ),
    tabled(
        "withdrawals", "Money paid out by swap and treasury", WithdrawalRow, "payment", "treasury",
        account=("receiver",), receiver="to",
    ),
    tabled("margins", "Margin calls and their ends", MarginRow, "payment"),
    tabled("proposals", "Offers to end the swap", ProposalRow, "payment", number="id"),
    tabled("treasury-periods", "Payments of the waterfall", TreasuryPeriodRow, "treasury"),
    tabled(
        "revenue", "Revenue received, by line", RevenueRow, "treasury", account=("payer",), payer="from"
    ),
    token.DISTRIBUTIONS,
    *token.COLLECTIONS,
    *offering.COLLECTIONS,
    turns("payment", "treasury", "offering", "offering_book", "token"),
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
