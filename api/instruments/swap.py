"""The KPI payment: a signed amount each period, with or without a project whose revenue is shared by
units."""

from __future__ import annotations

from decimal import Decimal

from api.i18n import N_
from api.instruments.base import Case, Collection, Instrument, curve_view, trace_of
from api.instruments.common import TOKEN_COLLECTIONS, turns
from api.instruments.rows import (
    DistributionRow,
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
from api.instruments.swap_words import swap_words
from api.models import Resource, Trace
from api.models.deployment import CurveView, SettlementView
from chain.events import Event
from chain.swap.ledger import PARTIES
from chain.terms import text_of
from finance.settlement.kpi_payment import amount_of
from finance.terms import Deal
from finance.terms.payment_form import payment_form

KIND = "kpi_payment"


def unit(deal: Deal) -> Decimal:
    """The price of a unit of the project's revenue."""
    assert deal.treasury is not None
    return deal.treasury.unit_price.value


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


def _distributions(case: Case) -> list[Resource]:
    return [
        DistributionRow(
            trace=_trace(row),
            kind=row["kind"],
            payer=row["payer"],
            paid=str(row["paid"]),
            per_unit=str(row["per_unit"]),
            supply=row["supply"],
        )
        for row in case.ledger.distributions.to_dict("records")
    ]


def _ends(case: Case) -> list[Resource]:
    names = ("amount", "netted", "paid", "unpaid")
    return [
        EndRow(trace=_trace(row), how=row["how"], **{name: str(row[name]) for name in names})
        for row in case.ledger.ends.to_dict("records")
    ]


def _funding(_case: Case, event: Event) -> Resource:
    a = event.arguments
    return FundingRow(
        trace=trace_of(event),
        side=SIDES[a["side"]],
        payer=a["from"],
        amount=str(a["amount"]),
        repaid=str(a["repaid"]),
        posted=str(a["amount"] - a["repaid"]),
    )


def _withdrawal(case: Case, event: Event) -> Resource:
    a, role = event.arguments, case.deployment.role(event.source)
    return WithdrawalRow(
        trace=trace_of(event),
        contract="payment" if role == "payment" else "treasury",
        party=SIDES[a["side"]] if role == "payment" else PARTIES[a["party"]],
        receiver=a["to"],
        amount=str(a["amount"]),
    )


def _margin(_case: Case, event: Event) -> Resource:
    a, called = event.arguments, event.name == "MarginCalled"
    return MarginRow(
        trace=trace_of(event),
        event="called" if called else "restored",
        side=SIDES[a["side"]],
        deadline=a.get("deadline"),
    )


def _proposal(_case: Case, event: Event) -> Resource:
    a, made = event.arguments, event.name == "TerminationProposed"
    return ProposalRow(
        trace=trace_of(event),
        event="proposed" if made else "withdrawn",
        side=SIDES[a["side"]],
        number=a["id"],
        amount=str(a["amount"]) if made else None,
        expiry=a.get("expiry"),
    )


def _treasury_period(_case: Case, event: Event) -> Resource:
    a = event.arguments
    return TreasuryPeriodRow(
        trace=trace_of(event),
        period=a["period"],
        collected=str(a["collected"]),
        operating_cost=str(a["operatingCost"]),
        debt_service=str(a["debtService"]),
        swap=str(a["swap"]),
        holders=str(a["holders"]),
    )


def _revenue(_case: Case, event: Event) -> Resource:
    a = event.arguments
    return RevenueRow(
        trace=trace_of(event), line=text_of(a["line"]), payer=a["from"], amount=str(a["amount"])
    )


COLLECTIONS = (
    Collection("settlements", "Periods of the swap, settled and to come", SettlementView, rows=settlements),
    Collection("ends", "Close-outs and agreed terminations", EndRow, rows=_ends),
    Collection(
        "fundings",
        "Money paid into the swap",
        FundingRow,
        events=frozenset({("payment", "Funded")}),
        make=_funding,
        account=("payer",),
    ),
    Collection(
        "withdrawals",
        "Money paid out by swap and treasury",
        WithdrawalRow,
        events=frozenset({("payment", "Withdrawn"), ("treasury", "Withdrawn")}),
        make=_withdrawal,
        account=("receiver",),
    ),
    Collection(
        "margins",
        "Margin calls and their ends",
        MarginRow,
        events=frozenset({("payment", "MarginCalled"), ("payment", "MarginRestored")}),
        make=_margin,
    ),
    Collection(
        "proposals",
        "Offers to end the swap",
        ProposalRow,
        events=frozenset({("payment", "TerminationProposed"), ("payment", "TerminationWithdrawn")}),
        make=_proposal,
    ),
    Collection(
        "treasury-periods",
        "Payments of the waterfall",
        TreasuryPeriodRow,
        events=frozenset({("treasury", "PeriodPaid")}),
        make=_treasury_period,
        role="treasury",
    ),
    Collection(
        "revenue",
        "Revenue received, by line",
        RevenueRow,
        events=frozenset({("treasury", "RevenueReceived")}),
        make=_revenue,
        role="treasury",
        account=("payer",),
    ),
    Collection(
        "distributions", "Money shared among holders", DistributionRow, rows=_distributions, role="token"
    ),
    *TOKEN_COLLECTIONS,
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
)


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
    unit=unit,
    sides=lambda deal: {"payer": deal.swap.payer, "payee": deal.swap.payee},
    owed=owed,
    contracts={
        "payment": "KpiPayment",
        "treasury": "RevenueTreasury",
        "token": "SecurityToken",
        "offering": "Offering",
        "oracle": "KpiOracle",
        "registry": "IdentityRegistry",
        "currency": "TestCurrency",
        "factory": "DealFactory",
    },
)
