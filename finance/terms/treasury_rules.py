"""Rules of treasuries, and of the KPI payments beside them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from finance.terms.deal import Deal
from finance.terms.rule_parts import Finding, Loc, count, money, parts_of, period_amounts
from finance.terms.spv_rules import issuer_of
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury

MAX_UNITS = 2**64 - 1


def treasuries(deal: Deal) -> Iterator[tuple[Loc, Treasury, KpiPayment | None]]:
    """Every treasury, with its place in the file and the KPI payment beside it, if that is there."""
    for here, treasury in parts_of(deal, Treasury):
        beside = deal.parts.get(treasury.swap)
        yield here, treasury, beside if isinstance(beside, KpiPayment) else None


def treasury(deal: Deal) -> Iterator[Finding]:
    for here, share, swap in treasuries(deal):
        kpi = None if swap is None else deal.kpis.get(swap.kpi)
        yield from count((*here, "units"), share.units, 1, MAX_UNITS)
        yield from money(deal, (*here, "unit_price"), share.unit_price, positive=True)
        for name in ("operating_cost", "debt_service"):
            periods = None if kpi is None else len(kpi.periods)
            yield from period_amounts(deal, (*here, name), getattr(share, name), periods)
        if swap is not None and issuer_of(deal, here[1]) not in (None, swap.payee):
            yield (
                (*here, "issuer"),
                f"is not {swap.payee}, whom parts.{share.swap} pays through this treasury",
            )
        if kpi is None or not kpi.periods:
            continue
        begins, named = kpi.periods[0].start, f"parts.{share.swap}"
        if share.issue_date.value > begins:
            yield (*here, "issue_date"), f"dates out of order: after the first period of {named} begins"
        for key in deal.linking(share.token, "sells"):
            window = deal.parts[key].window
            if window is not None and window[1] >= begins:
                yield (
                    ("parts", key, "closes"),
                    f"dates out of order: not before {begins}, when {named} must have begun",
                )


def beside(deal: Deal) -> Iterator[Finding]:
    """What a KPI payment to a treasury may not say: the treasury has nothing before it begins, and waits for
    a provider that is short, but not beyond the next settlement, which would pay the provider of what was
    held up."""
    for _, share, swap in treasuries(deal):
        if swap is None:
            continue
        here = ("parts", share.swap)
        if swap.collateral.payee.value > 0:
            yield (
                (*here, "collateral", "payee"),
                "must be 0: the treasury that is paid has no money before the swap begins",
            )
        kpi = deal.kpis.get(swap.kpi)
        if kpi is None or len(kpi.periods) < 2:
            continue
        gap = min((later.end - earlier.end).days for earlier, later in pairwise(kpi.periods))
        if swap.cure_days.value >= gap:
            yield (*here, "cure_days"), f"must be shorter than the {gap} days from one pay date to the next"


RULES = (treasury, beside)
