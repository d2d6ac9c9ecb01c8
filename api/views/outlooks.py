"""What is made once for a deal and used by every price of it: prepared terms, and simulated outlooks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from api.jobs import Job, Jobs, apart
from finance.pricing.live import Realised
from finance.pricing.prepared import PreparedBond
from finance.swaps.live import PreparedSwap, SwapOutlook, index_outlook, project_outlook
from finance.swaps.wind import is_wind
from finance.terms.deal import Deal, KpiBond, KpiPayment
from finance.terms.problems import InputError

PATHS, SEED = 10_000, 1
KEPT = 64  # prepared deals
Ready = TypeVar("Ready")


class DealCache(Generic[Ready]):
    """Things made once for each deal object, the last `KEPT` of them; a deal is immutable."""

    def __init__(self, make: Callable[[Deal], Ready]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._found: OrderedDict[int, tuple[Deal, Ready]] = OrderedDict()

    def of(self, deal: Deal) -> Ready:
        """By identity: hashing the terms of a deal costs more than pricing it."""
        with self._lock:
            if id(deal) in self._found:
                self._found.move_to_end(id(deal))
                return self._found[id(deal)][1]
        made = self._make(deal)
        with self._lock:
            self._found[id(deal)] = (deal, made)
            while len(self._found) > KEPT:
                self._found.popitem(last=False)
        return made


bonds: DealCache[PreparedBond] = DealCache(PreparedBond.of)
swaps: DealCache[PreparedSwap] = DealCache(PreparedSwap.of)
_hashes: DealCache[str] = DealCache(lambda deal: deal.terms_hash)
_index_outlooks: DealCache[SwapOutlook] = DealCache(index_outlook)
_simulated: OrderedDict[str, SwapOutlook] = OrderedDict()
_MOST_SIMULATED = 8


def hash_of(deal: Deal) -> str:
    """The deal's terms hash, computed once."""
    return _hashes.of(deal)


def is_shown(deal: Deal) -> bool:
    """Whether a deal can be valued and shown here."""
    return bool(deal.having(KpiBond) or deal.having(KpiPayment))


def is_bond(deal: Deal) -> bool:
    """Whether the deal's first claim of interest is a bond; else it is a KPI payment."""
    return bool(deal.having(KpiBond))


def _simulate(tree: Mapping[str, Any], paths: int, seed: int, progress: Callable[..., None]) -> SwapOutlook:
    deal = Deal.model_validate(tree)
    return project_outlook(
        deal, paths, seed, lambda done, of: progress(done / of, f"{done:,} of {of:,} paths")
    )


def simulate_outlook(deal: Deal, jobs: Jobs) -> Job | None:
    """A job that simulates what a wind project's swap may do; None when nothing needs to be simulated or it
    has been."""
    if is_bond(deal) or not is_wind(deal) or outlook_of(deal) is not None:
        return None
    terms_hash = hash_of(deal)
    work = apart(_simulate, deal.model_dump(mode="python", by_alias=True, exclude_none=True), PATHS, SEED)

    def keep(progress: Callable[[float, str], None], cancelled: threading.Event) -> str:
        _simulated[terms_hash] = work(progress, cancelled)
        while len(_simulated) > _MOST_SIMULATED:
            _simulated.popitem(last=False)
        return terms_hash

    return jobs.submit("outlook", keep, key=terms_hash, for_all=True)


def outlook_of(deal: Deal, realised: Realised | None = None) -> SwapOutlook | None:
    """What is expected of a swap's periods; None while a simulation that it needs is not there."""
    if is_wind(deal):
        return _simulated.get(hash_of(deal))
    known = reported(deal, realised or {})
    return index_outlook(deal, known) if known else _index_outlooks.of(deal)


def reported(deal: Deal, realised: Realised) -> dict[int, int | None]:
    """Reports of the swap's own KPI, by period. Raises InputError for a KPI that the deal has not."""
    strange = [kpi for kpi, _ in realised if kpi not in deal.kpis]
    if strange:
        raise InputError(f"report of {strange[0]}: the deal {deal.id} has no such KPI")
    return {period: value for (kpi, period), value in realised.items() if kpi == deal.swap.kpi}


def warm(deals: Iterable[Deal], jobs: Jobs) -> None:
    """What a service may do when it starts, so that nobody waits later: prepare every deal, and begin the
    simulations that some need."""
    for deal in deals:
        if is_bond(deal):
            bonds.of(deal).value()
        else:
            swaps.of(deal)
            simulate_outlook(deal, jobs)
