"""The outcome of reconciling a swap deal: rows, positions, holders and equations, and their differences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chain.check import Difference
from chain.reconcile import Check, Holder
from chain.swap.replay import Report
from chain.swap.rows import KINDS, Row

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Position:
    """A party's money with the deal, in minor units: `paid_in`, `received`, what is `held` for it there, and
    what it is `owed` or `owes`."""

    party: str
    address: str
    figure: str
    expected: int
    actual: int

    @property
    def difference(self) -> int:
        return self.actual - self.expected


@dataclass(frozen=True)
class SwapReconciliation:
    """The outcome of a reconciliation at one block. `ok` means: every difference is zero.

    `state` is the swap's, `treasury` a project's; `reports` are those of the periods settled. `refused` names
    an act on chain that the deal does not allow: nothing after it is expected. `not_yet`: what the deal still
    has to come, a line each.
    """

    deal: str
    terms_hash: str
    chain_id: int
    block: int
    time: int
    state: str
    treasury: str | None
    currency_decimals: int
    reports: list[Report]
    rows: list[Row]
    positions: list[Position]
    holders: list[Holder]
    checks: list[Check]
    deployment: list[Difference]
    refused: str | None = None
    notes: list[str] = field(default_factory=list)
    not_yet: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[Row | Position | Holder | Check]:
        """Everything whose difference is not zero."""
        found: list[Row | Position | Holder | Check] = []
        for part in (self.rows, self.positions, self.holders, self.checks):
            found += [item for item in part if item.difference]
        return found

    @property
    def ok(self) -> bool:
        return not self.differences and not self.deployment and self.refused is None

    @property
    def remarks(self) -> list[str]:
        """What a reader should know besides the figures, first of an act that the deal does not allow."""
        refused = [] if self.refused is None else [f"the deal does not allow an act on chain: {self.refused}"]
        return [*refused, *self.notes]

    def payments(self) -> dict[str, dict[str, int]]:
        """Per kind (chain.swap.rows.KINDS, those that occur): expected, actual, difference."""
        sums: dict[str, dict[str, int]] = {}
        for kind in KINDS:
            rows = [row for row in self.rows if row.kind == kind]
            if rows:
                sums[kind] = {
                    name: sum(getattr(row, name) for row in rows)
                    for name in ("expected", "actual", "difference")
                }
        return sums

    def by_party(self) -> dict[str, dict[str, dict[str, int]]]:
        """Per address and kind: expected, actual, difference."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for row in self.rows:
            sums = found.setdefault(row.party, {}).setdefault(row.kind, defaultdict(int))
            for name in ("expected", "actual", "difference"):
                sums[name] += getattr(row, name)
        return found

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        columns = ["kind", "party", "period", "units", "detail", "expected", "actual", "difference", "tx"]
        return pd.DataFrame(
            [{c: getattr(row, c) for c in columns} for row in self.rows], columns=columns, dtype=object
        )

    def as_json(self) -> dict[str, Any]:
        """Everything as plain JSON; amounts are integer strings in minor units."""
        plain = ("deal", "terms_hash", "chain_id", "block", "time", "state", "treasury", "currency_decimals")
        return {
            **{name: getattr(self, name) for name in plain},
            "ok": self.ok,
            "reports": [
                {"period": i, "status": r.status, "value": None if r.value is None else str(r.value)}
                for i, r in enumerate(self.reports, start=1)
            ],
            "payments": {
                kind: {name: str(amount) for name, amount in sums.items()}
                for kind, sums in self.payments().items()
            },
            "rows": [_json(row, "kind", "party", "period", "units", "detail", "tx") for row in self.rows],
            "positions": [_json(item, "party", "address", "figure") for item in self.positions],
            "holders": [_holder_json(holder) for holder in self.holders],
            "checks": [_json(check, "name") for check in self.checks],
            "deployment": [
                {"field": d.field, "expected": d.expected, "actual": d.actual} for d in self.deployment
            ],
            "refused": self.refused,
            "notes": self.notes,
            "not_yet": self.not_yet,
        }


def _json(item: Row | Position | Check, *names: str) -> dict[str, Any]:
    amounts = {name: str(getattr(item, name)) for name in ("expected", "actual", "difference")}
    return {**{name: getattr(item, name) for name in names}, **amounts}


def _holder_json(holder: Holder) -> dict[str, Any]:
    amounts = ("expected", "claimed", "unclaimed", "difference")
    texts = {name: str(getattr(holder, name)) for name in amounts}
    return {"holder": holder.holder, "units": holder.units, **texts}
