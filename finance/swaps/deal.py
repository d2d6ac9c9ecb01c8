"""From a deal file to what a study of its KPI payment needs: amounts, payoff, plant, costs, debt."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from finance.pricing.flows import KpiFlow, Outside
from finance.pricing.market import DiscountCurve
from finance.settlement.swap_terms import pay_dates, swap_terms
from finance.swaps.debt import USUAL_COVENANTS, Covenant, DebtTerms
from finance.swaps.inputs import Payoff, Pricing, SwapInputs
from finance.swaps.periods import Floats, Periods, swap_periods
from finance.swaps.wind import wind_outlook
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury


def swap_inputs(deal: Deal, pricing: Pricing | None = None, paths: int = 10_000, seed: int = 1) -> SwapInputs:
    """What `swap_study` needs; by default the fixed payments are the deal's own ("quoted").

    Raises InputError for a deal without a treasury (its costs and debt) or whose parameters do not do.
    """
    share, swap, periods = deal.only_or_none(Treasury), deal.only(KpiPayment), swap_periods(deal)
    if share is None:
        raise InputError(f"{deal.file or deal.id}: has no treasury, whose costs and debt a study needs")
    dscr = float(swap.covenant_dscr.value) if swap.covenant_dscr is not None else None
    covenants = USUAL_COVENANTS if dscr is None else (Covenant(0.50, dscr), USUAL_COVENANTS[1])
    planned = yearly(periods, [float(value) for value in share.debt_service.value])
    return SwapInputs(
        outlook=wind_outlook(deal),
        periods=periods,
        curve=DiscountCurve.flat(periods.start, deal.number("discount_rate"), 1, "ACT/365F"),
        costs=tuple(yearly(periods, [float(value) for value in share.operating_cost.value])),
        debt=DebtTerms(deal.number("debt_rate"), periods.years, covenants, tuple(planned)),
        pricing=pricing or Pricing.quoted(fixed_amounts(deal)),
        currency=deal.currency.code,
        paths=paths,
        seed=seed,
        payoff=deal_payoff(deal),
        pay_lag_days=int(swap.pay_lag_days.value),
    )


def payment_flows(deal: Deal) -> tuple[KpiFlow, ...]:
    """What each period's report makes due besides the fixed payment: by the curve that settles, of the KPI as
    it stands on chain, rounded to its decimals; a KPI outside its bounds makes no report, and the rule for a
    missing one pays. Currency, to the payee.
    """
    terms, kpi = swap_terms(deal), deal.kpis[deal.only(KpiPayment).kpi]
    outside = Outside(terms.feed.min_value, terms.feed.max_value, terms.payment.missing_payoff)
    curve, scale = terms.payment.curve, 10.0**-terms.currency_decimals
    return tuple(
        KpiFlow(paid, period.end, curve, kpi.decimals, scale, deal.only(KpiPayment).kpi, outside)
        for period, paid in zip(kpi.periods, payment_days(deal), strict=True)
    )


def payment_days(deal: Deal) -> tuple[date, ...]:
    """The day from which each payment can be settled."""
    return tuple(datetime.fromtimestamp(at, UTC).date() for at in pay_dates(deal))


def deal_payoff(deal: Deal) -> Payoff:
    """What the payee receives besides the fixed payment, in currency, for KPI values of any shape: one payoff
    serves every period."""
    return payment_flows(deal)[0].amounts


def yearly(periods: Periods, listed: list[float]) -> list[float]:
    """Sums by contract year of amounts that start over when their list is through."""
    each = np.array([listed[index % len(listed)] for index in range(periods.count)])
    return [float(total) for total in periods.yearly(each)]


def fixed_amounts(deal: Deal) -> Floats:
    """The deal's own fixed amount of each period, in units of the currency."""
    listed = [float(value) for value in deal.only(KpiPayment).fixed.value]
    count = len(deal.kpis[deal.only(KpiPayment).kpi].periods)
    return np.array([listed[index % len(listed)] for index in range(count)])
