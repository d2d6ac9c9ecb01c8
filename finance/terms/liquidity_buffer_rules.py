"""Rules of liquidity buffers: what marks them, and who may stand behind them."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.liquidity_buffer import LiquidityBuffer
from finance.terms.rule_parts import MAX_DAYS, RATE_DECIMALS, Finding, Loc, count, money, parts_of
from finance.terms.values import scaled

MOST_UNITS = 2**64 - 1


def buffers(deal: Deal) -> Iterator[Finding]:
    for here, buffer in parts_of(deal, LiquidityBuffer):
        yield from money(deal, (*here, "facility"), buffer.facility, positive=True)
        yield from count((*here, "most_units"), buffer.most_units, 1, MOST_UNITS)
        yield from count((*here, "longest_age_days"), buffer.longest_age_days, 1, MAX_DAYS)
        discount = buffer.discount.value
        if not 0 <= discount < 1:
            yield (*here, "discount"), f"must be a fraction from 0 to below 1: {plain(discount)}"
        elif scaled(discount, RATE_DECIMALS) is None:
            yield (*here, "discount"), f"has more than {RATE_DECIMALS} decimals"
        yield from _mark(deal, here, buffer)
        yield from _sponsor(deal, here, buffer)


def _mark(deal: Deal, here: Loc, buffer: LiquidityBuffer) -> Iterator[Finding]:
    """The value of a unit, in minor units as the contracts count them."""
    kpi = deal.kpis.get(buffer.kpi)
    if kpi is None:
        yield (*here, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis) or 'none'})"
        return
    if buffer.kpi not in deal.oracle:
        yield (*here, "kpi"), "has no oracle policy"
    if kpi.decimals != deal.currency.token_decimals:
        decimals = deal.currency.token_decimals
        yield ("kpis", buffer.kpi, "decimals"), f"must be the currency's {decimals}: it is money"
    if kpi.unit != deal.currency.code:
        yield ("kpis", buffer.kpi, "unit"), f"must be {deal.currency.code}: it is the value of a unit"
    if buffer.until.value <= kpi.periods[0].end:
        yield (*here, "until"), "must be after the first value of a unit is measured"


def _sponsor(deal: Deal, here: Loc, buffer: LiquidityBuffer) -> Iterator[Finding]:
    """Without a report nothing is bought: who controls the data must not be glad of that."""
    party, loc = deal.parties.get(buffer.sponsor), (*here, "sponsor")
    if party is None:
        yield loc, f"unknown party (known: {', '.join(deal.parties)})"
    elif "lender" not in party.roles:
        yield loc, "the party has not the role lender"
    elif "data_controller" in party.roles:
        yield loc, "controls the data: without reports it would keep its money"


RULES = (buffers,)
