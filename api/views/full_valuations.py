"""Valuations with simulation: a job, in a process of its own. The same figures as `penstock price` gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.jobs import Job, Jobs, apart
from api.problems import ProblemError
from api.views.outlooks import bonds, hash_of, is_bond
from api.views.pricing import assumed_kpis, minor
from api.views.valuation_models import ValuationRequest
from api.views.valuations import blank_view, bond_outlook, check_kpis, closed_value, fixed_payments, refuse
from finance.pricing.value import DEFAULT_SEED, price
from finance.swaps.index import PATHS, index_swap
from finance.swaps.live import PreparedSwap
from finance.swaps.project import project_swap
from finance.swaps.wind import is_wind
from finance.terms import parse_deal
from finance.terms.deal import Deal, KpiPayment
from finance.terms.problems import DealFileError, InputError


def full_value(deal: Deal, request: ValuationRequest, jobs: Jobs) -> Job:
    """A job for the valuation with simulation; its result is a ValuationView as JSON. The same request gives
    the same job while that is kept."""
    if is_bond(deal):
        refuse(request, "bond", "solve", "parameter", "paths")
    check_kpis(deal, request)
    key = f"{hash_of(deal)} {request.model_dump_json(exclude={'deal', 'document'})}"
    return jobs.submit("valuation", apart(_full, deal, request), key=key)


def _full(deal: Deal, request: ValuationRequest, progress: Callable[..., None]) -> dict[str, Any]:
    try:
        return _full_bond(deal, request) if is_bond(deal) else _full_swap(deal, request, progress)
    except (ProblemError, DealFileError, ValueError) as error:
        raise InputError(str(error)) from None


def _full_bond(deal: Deal, request: ValuationRequest) -> dict[str, Any]:
    if request.as_of is not None or request.reports:
        raise InputError("method: full is of a bond at its start; in mid-life the closed form is exact")
    found = closed_value(deal, request)
    seed = DEFAULT_SEED if request.seed is None else request.seed
    valuation = price(deal, bond_outlook(bonds.of(deal), request), request.discount_yield, seed)
    found.method, found.simulated = "full", valuation.to_dict()
    found.basis += "; Monte Carlo beside it"
    return found.model_dump(mode="json")


def _full_swap(deal: Deal, request: ValuationRequest, progress: Callable[..., None]) -> dict[str, Any]:
    if request.as_of is not None or request.reports or request.kpis or request.discount_rate is not None:
        raise InputError("method: full is of a swap at its start on its own terms, or with other payments")
    changed_deal = _with_fixed(deal, request)
    seed = 1 if request.seed is None else request.seed
    if is_wind(deal):
        count = request.paths or 10_000
        study: Any = project_swap(
            changed_deal,
            request.solve,
            request.parameter,
            count,
            seed,
            lambda done, of: progress(done / of, f"{done:,} of {of:,} paths"),
        )
        value, fixed = study.study.value, study.study.fixed
    else:
        count = request.paths or PATHS
        study = index_swap(changed_deal, request.solve, request.parameter, count, seed)
        value, fixed = study.value, study.fixed
    found = blank_view(deal, request, deal.number("discount_rate"), assumed_kpis(deal, [deal.swap.kpi]))
    exact = study.exact_value
    found.method, found.simulated = "full", study.to_dict()
    found.value, found.standard_error = minor(deal, exact.value), minor(deal, exact.standard_error)
    found.low, found.high = minor(deal, value.low), minor(deal, value.high)
    found.fixed = [minor(deal, float(each)) for each in fixed]
    found.fair = [minor(deal, float(each)) for each in study.fair]
    found.basis = (
        f"{count:,} simulated paths (seed {seed}), exact means, discounted at {100 * found.rate:g} %"
    )
    return found.model_dump(mode="json")


def _with_fixed(deal: Deal, request: ValuationRequest) -> Deal:
    if request.fixed is None and request.fixed_factor is None:
        return deal
    token = deal.currency.token_decimals
    tree = deal.model_dump(mode="python", by_alias=True, exclude_none=True)
    name = deal.key_of(KpiPayment)
    listed = [minor(deal, float(each)) for each in fixed_payments(PreparedSwap.of(deal), request)]
    kept = [f"{int(each)}e-{token}" for each in (request.fixed or listed[: len(deal.swap.fixed.value)])]
    tree["parts"][name]["fixed"] = {"value": kept, "assumed": "what if"}
    return parse_deal(tree)
