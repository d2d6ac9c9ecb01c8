"""The KPI bond: coupons and principal whose rate or amount bends with reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from api.i18n import N_
from api.instruments import offering, token
from api.instruments.base import Case, Extent, Instrument, curve_view, tabled, trace_of, turns
from api.instruments.bond_case import read_terms, slot_of, terms_now
from api.instruments.bond_payments import payments
from api.instruments.bond_state import state
from api.instruments.bond_value import BondValue
from api.instruments.bond_words import bond_words
from api.instruments.rows import FixingRow, FundingRow, SurplusRow
from api.instruments.sections import Section
from api.instruments.slots import Slot
from api.instruments.valued import Valued
from api.instruments.words import Say, Write
from api.models.deployment import CurveView
from chain.history import Event
from finance.settlement import bond
from finance.settlement.payoff_curve import payoff
from finance.settlement.terms import Effect
from finance.terms import Deal
from finance.terms.bond import KpiBond
from finance.terms.values import scaled

KIND = "kpi_bond"


def extent(deal: Deal) -> Extent:
    """From the first interest to maturity."""
    bond = deal.only(KpiBond)
    principal = scaled(bond.principal.value, deal.currency.token_decimals)
    return Extent(bond.interest_from.value, bond.maturity.value, principal)


def curves(case: Case, kpi: str) -> list[CurveView]:
    """What the reports of a KPI decide, one for each fixing."""
    found = []
    for number, fixing in enumerate(case.terms.fixings):
        feed = case.terms.feeds[fixing.feed]
        if feed.kpi != kpi:
            continue
        rate = fixing.effect is Effect.RATE
        last = f"coupons {fixing.first + 1} to {fixing.last + 1}"
        scope = f"the rate of {last}" if rate else f"{case.terms.hard_cap} units, the full issue"
        found.append(
            curve_view(
                fixing.curve,
                feed.decimals,
                effect="rate" if rate else "amount",
                missing=str(fixing.missing),
                positive="holders",
                scope=scope,
                fixing=number,
                period=fixing.kpi_period,
            )
        )
    return found


def given(case: Case, slot: Slot) -> int | None:
    """The change of rate or the amount that the report gives by the first fixing that goes by it."""
    for fixing in case.terms.fixings:
        if slot_of(case, fixing) is slot:
            if slot.status == "missing":
                return int(fixing.missing)
            return None if slot.value is None else payoff(fixing.curve, slot.value)
    return None


def standing(case: Case, ready: Valued) -> Valued:
    """What a call leaves of the bond, once it is announced."""
    terms = terms_now(case)
    if terms.premium is None or not isinstance(ready, BondValue):
        return ready
    return ready.as_called(len(terms.periods) - 1)


def sections(deal: Deal, say: Say, write: Write, case: Case | None) -> list[Section]:
    """The call, once it is announced."""
    if case is None or (terms := terms_now(case)).premium is None:
        return []
    back = bond.outstanding(terms, len(terms.periods) - 1) + bond.premium(terms, 1)
    lead = say(
        "It ends on {day}: each unit then gets back {amount}, beside the interest. What is measured for "
        "later payments decides nothing any more.",
        day=write.day_text(datetime.fromtimestamp(terms.periods[-1].pay_date, UTC).date()),
        amount=write.amount(Decimal(back).scaleb(-terms.currency_decimals), deal.currency.code, 2),
    )
    return [Section("call", say("Called by the issuer"), lead)]


# -- lists


def _fixing(case: Case, event: Event) -> FixingRow:
    a = event.arguments
    fixing = case.terms.fixings[a["fixing"]]
    feed = case.terms.feeds[fixing.feed]
    return FixingRow(
        trace=trace_of(event),
        fixing=a["fixing"],
        kpi=feed.kpi,
        kpi_period=fixing.kpi_period,
        effect="rate" if fixing.effect is Effect.RATE else "amount",
        kpi_value=None if a["missing"] else a["kpi"] / 10**feed.decimals,
        raw=None if a["missing"] else str(a["kpi"]),
        missing=a["missing"],
        value=str(a["value"]),
    )


COLLECTIONS = (
    token.DISTRIBUTIONS,
    *token.COLLECTIONS,
    *offering.COLLECTIONS,
    replace(tabled("fixings", "Reports turned into rates and amounts", FixingRow, "bond"), make=_fixing),
    tabled("fundings", "Money put into the bond", FundingRow, "bond", account=("payer",), posted="amount"),
    tabled("surplus", "Money returned to the issuer", SurplusRow, "bond"),
    turns("offering", "offering_book", "bond", "token"),
)


BOND = Instrument(
    kind=KIND,
    name=lambda deal: N_("Bond"),
    title="KPI bond",
    terms=read_terms,
    collections=COLLECTIONS,
    state=state,
    payments=payments,
    curves=curves,
    given=given,
    words=bond_words,
    extent=extent,
    unit=lambda deal: deal.only(KpiBond).denomination.value,
    valued=BondValue,
    standing=standing,
    sections=sections,
)
