"""Every payment of a deployment twice, by the terms and by the chain: done once for each block, and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from api.models.deployment import DifferenceView, ReconciliationCheck, ReconciliationSum, ReconciliationView
from api.views.cases import case_of
from chain.reconcile import reconcile

if TYPE_CHECKING:
    from api.index.reader import Index
    from api.services import Services

KEPT = 64
_FOUND: WeakKeyDictionary[Index, OrderedDict[tuple[str, int, int], ReconciliationView]] = WeakKeyDictionary()
_working = threading.Lock()


def reconciliation_view(services: Services, id: str) -> ReconciliationView:
    """Reconcile at the block up to which the deployment is indexed; one at a time, and once for each event.

    It reads the chain itself, not the index. Raises ProblemError (404, 503).
    """
    case = case_of(services, id)
    # Between two events nothing is paid; what falls due meanwhile is looked at again with the next block.
    key = (id, case.ledger.to_block, case.now)
    kept = _FOUND.setdefault(services.index, OrderedDict())
    with _working:
        if key not in kept:
            kept[key] = _reconciled(services, case.record, case.ledger.to_block)
            while len(kept) > KEPT:
                kept.popitem(last=False)
        return kept[key]


def _reconciled(services: Services, record: Any, block: int) -> ReconciliationView:
    return _view(services.chain.call(lambda w3: reconcile(w3, record, block=block)))


def _view(found: Any) -> ReconciliationView:
    def sums(item: Any) -> dict[str, str]:
        return {name: str(getattr(item, name)) for name in ("expected", "actual", "difference")}

    payments = [
        ReconciliationSum(kind=kind, **{name: str(amount) for name, amount in each.items()})
        for kind, each in found.payments().items()
    ]
    return ReconciliationView(
        ok=found.ok,
        block=found.block,
        time=found.time,
        payments=payments,
        checks=[ReconciliationCheck(name=check.name, **sums(check)) for check in found.checks],
        rows=len(found.rows),
        different=sum(1 for row in found.rows if row.difference),
        unclaimed=str(sum(holder.unclaimed for holder in found.holders)),
        deployment=[
            DifferenceView(field=d.field, expected=d.expected, actual=d.actual) for d in found.deployment
        ],
        notes=found.notes,
    )
