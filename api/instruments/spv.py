"""A vehicle's treasury and the tranches that it pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from api.i18n import N_
from api.instruments import offering, token
from api.instruments.base import Case, Collection, Extent, Instrument, tabled, turns
from api.instruments.rows import (
    CovenantRow,
    CreditRow,
    IncomeRow,
    LineRow,
    RevenueRow,
    TrancheRow,
    WaterfallRow,
)
from api.instruments.spv_case import lines, made, read_terms, registers, terms, titles, units, vehicle
from api.instruments.spv_payments import payments
from api.instruments.spv_sections import sections
from api.instruments.spv_state import state
from api.instruments.spv_words import spv_words
from api.models import Resource, Trace
from chain.history import TRACE, Event
from finance.terms import Deal
from finance.terms.spv import Spv
from finance.terms.tranche import Tranche
from finance.terms.values import scaled

KIND = "spv"


def extent(deal: Deal) -> Extent:
    """The periods, and the principal of all tranches."""
    schedule = deal.only(Spv).schedule
    sizes = (each.principal.value for each in deal.having(Tranche).values())
    principal = scaled(sum(sizes, Decimal(0)), deal.currency.token_decimals)
    return Extent(schedule.from_.value, schedule.until.value, principal)


def unit(deal: Deal) -> Decimal:
    """The denomination of the first tranche."""
    return next(iter(deal.having(Tranche).values())).denomination.value


# -- lists


def _rows(table: str, row: type[Resource]) -> Callable[[Case], Sequence[Resource]]:
    """All rows of a table of the ledger, of whose events some say several."""

    def rows(case: Case) -> Sequence[Resource]:
        return [
            row.model_validate(
                {name: each[name] for name in row.model_fields if name != "trace"}
                | {"trace": Trace.model_validate({name: each[name] for name in TRACE})}
            )
            for each in case.ledger.rows(table)
        ]

    return rows


def _lines(case: Case) -> Sequence[LineRow]:
    found = []
    for each in lines(case):
        line = vehicle(case).lines[each.key]
        loan, scale = line.receivable, case.terms.currency_decimals
        found.append(
            LineRow(
                line=each.key,
                title=titles(case)[each.key],
                payer=line.payer,
                principal=None if loan is None else str(scaled(loan.principal.value, scale)),
                rate=None if loan is None else str(scaled(loan.rate.value, 18)),
                due=str(each.due),
                paid=str(each.paid),
                arrears=str(each.arrears),
                to_come=str(each.to_come),
            )
        )
    return found


def _tranches(case: Case) -> Sequence[TrancheRow]:
    kept = registers(case)
    paid: dict[str, int] = {}
    for flow in made(case):
        owner = flow.target.split(".")[0]
        paid[owner] = paid.get(owner, 0) + flow.amount
    found = []
    for each in terms(case).tranches:
        principal, rated = each.units * each.unit_principal, each.rate is not None
        balance = kept[f"{each.key}.balance"] if rated else None
        found.append(
            TrancheRow(
                tranche=each.key,
                title=each.name,
                token=case.deployment.places[each.token],
                symbol=each.symbol,
                rate=None if each.rate is None else str(each.rate),
                principal=str(principal),
                units=units(case, each),
                balance=None if balance is None else str(balance),
                factor=None if balance is None else balance / principal,
                interest_owed=str(kept[f"{each.key}.interest"]) if rated else None,
                lost=str(kept[f"{each.key}.lost"]) if rated else None,
                paid=str(paid.get(each.key, 0)),
            )
        )
    return found


def _payee(case: Case, event: Event) -> str:
    paid = terms(case).payees[event.arguments["payee"]]
    return paid.party or paid.tranche


COLLECTIONS = (
    Collection("lines", "What pays in: due, paid, in arrears", LineRow, rows=_lines),
    Collection("tranches", "Tranches, and what is left of them", TrancheRow, rows=_tranches),
    Collection("waterfall", "Money by period and step", WaterfallRow, rows=_rows("waterfall", WaterfallRow)),
    Collection("income", "Revenue counted, by period and line", IncomeRow, rows=_rows("income", IncomeRow)),
    tabled("covenants", "Tests of covenants", CovenantRow, "spv"),
    tabled("revenue", "Revenue received, by line", RevenueRow, "spv", account=("payer",), payer="from"),
    replace(
        tabled(
            "withdrawals", "Paid out by the vehicle", CreditRow, "spv", account=("receiver",),
            receiver="to", payee=_payee,
        ),
        name="credits",
    ),
    token.DISTRIBUTIONS,
    *token.COLLECTIONS,
    *offering.COLLECTIONS,
    turns("spv", "offering", "offering_book", "token"),
)  # fmt: skip

SPV = Instrument(
    kind=KIND,
    name=lambda deal: N_("Tranches"),
    title="Vehicle with tranches",
    terms=read_terms,
    collections=COLLECTIONS,
    state=state,
    payments=payments,
    curves=lambda case, kpi: [],
    given=lambda case, slot: None,
    words=spv_words,
    extent=extent,
    unit=unit,
    sections=sections,
)
