"""A deployment as it is now, once for each change of the index: what all views begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from api.instruments import Case, instrument_of
from api.instruments.slots import Slot, Submission
from api.models import AsOf
from api.problems import not_found

if TYPE_CHECKING:
    from api.index.reader import Index
    from api.services import Services

_CASES: WeakKeyDictionary[Index, dict[str, Case]] = WeakKeyDictionary()


def case_of(services: Services, id: str) -> Case:
    """The deployment with that id at the block up to which it is indexed. Raises ProblemError (404, 503)."""
    deployment = services.index.deployment(id)
    ledger = services.index.ledger(id)
    kept = _CASES.setdefault(services.index, {})
    found = kept.get(id)
    # The index gives the same ledger until something has changed.
    if found is None or found.ledger is not ledger:
        earlier = None if found is None else found.known
        instrument = instrument_of(deployment.kind)
        found = kept[id] = Case(deployment, instrument, ledger, ledger.time, earlier)
    return found


def cases(services: Services, deal: str | None = None) -> list[Case]:
    """Every deployment, or those of a deal, in the order they were made."""
    return [case_of(services, each.id) for each in services.index.deployments(deal)]


def as_of(case: Case) -> AsOf:
    return AsOf(block=case.ledger.to_block, time=case.now)


def require_kpi(case: Case, kpi: str) -> None:
    """Raise ProblemError (404) for a KPI that the deployment has no feed for."""
    if kpi not in case.deployment.feeds:
        known = ", ".join(case.deployment.feeds) or "none"
        raise not_found(f"{case.deployment.id}: has no KPI {kpi[:80]}; known: {known}")


def slot_of(case: Case, kpi: str, period: int) -> Slot:
    """A period of a KPI. Raises ProblemError (404)."""
    require_kpi(case, kpi)
    slot = case.slots.get((kpi, period))
    if slot is None:
        count = sum(1 for name, _ in case.slots if name == kpi)
        raise not_found(f"{case.deployment.id}: {kpi} has periods 0 to {count - 1}, not {period}")
    return slot


def submission_of(slot: Slot, version: int | None = None) -> Submission:
    """A version of a period's report, by default the newest. Raises ProblemError (404)."""
    for submission in reversed(slot.submissions):
        if version is None or submission.version == version:
            return submission
    which = "report" if version is None else f"version {version} of a report"
    raise not_found(f"there is no {which} for {slot.feed.kpi}, period {slot.period}")
