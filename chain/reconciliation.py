"""The result of a reconciliation: rows by holder and payment, accounts of holders, equations, sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chain.check import Difference

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("subscription", "refund", "coupon", "principal", "outcome", "late", "recovery", "gift")
PRIMARY = ("subscription", "refund")
"""Kinds that are not earned from the token."""


@dataclass(frozen=True)
class Row:
    """What a holder should have got (or, for a subscription, paid) and has, in minor units.

    `period` counts coupons from 1, as people do, and says with which coupon it was paid; None for what was
    not, the redemption among it. `tx` is where it happened.
    """

    holder: str
    kind: str
    period: int | None
    units: int
    expected: int
    actual: int
    tx: str = ""

    @property
    def difference(self) -> int:
        return self.actual - self.expected


@dataclass(frozen=True)
class Holder:
    """A holder's account: everything earned, what has reached the wallet, and what is there to claim."""

    holder: str
    units: int
    expected: int
    claimed: int
    unclaimed: int

    @property
    def difference(self) -> int:
        return self.claimed + self.unclaimed - self.expected


@dataclass(frozen=True)
class Check:
    """One equation that must hold over the whole deal."""

    name: str
    expected: int
    actual: int

    @property
    def difference(self) -> int:
        return self.actual - self.expected


@dataclass(frozen=True)
class ReportState:
    """The report that one fixing of the bond goes by: `period` of the KPI from 1, status in words, and the
    value times 10^decimals, None unless it is final.
    """

    kpi: str
    period: int
    status: str
    value: int | None

    @property
    def is_settled(self) -> bool:
        return self.status in ("final", "missing")

    def __str__(self) -> str:
        return f"the report on {self.kpi}, period {self.period}"


@dataclass(frozen=True)
class Reconciliation:
    """The outcome of a reconciliation at one block. `ok` means: every difference is zero.

    `reports` has one for each fixing of the bond, in their order. `not_yet`: what the deal still has to come,
    a line each, so that no difference is not taken for everything done.
    """

    deal: str
    terms_hash: str
    chain_id: int
    block: int
    time: int
    state: str
    reports: list[ReportState]
    currency_decimals: int
    rows: list[Row]
    holders: list[Holder]
    checks: list[Check]
    issuer: dict[str, int]
    deployment: list[Difference]
    notes: list[str] = field(default_factory=list)
    not_yet: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[Row | Holder | Check]:
        found: list[Row | Holder | Check] = []
        for part in (self.rows, self.holders, self.checks):
            found += [item for item in part if item.difference]
        return found

    @property
    def ok(self) -> bool:
        return not self.differences and not self.deployment

    @property
    def remarks(self) -> list[str]:
        """What a reader should know besides the figures."""
        return self.notes

    def payments(self) -> dict[str, dict[str, int]]:
        """Per kind over all holders: expected, actual, difference; and `claimed`, `unclaimed` in all."""
        sums: dict[str, dict[str, int]] = {}
        for row in self.rows:
            entry = sums.setdefault(row.kind, {"expected": 0, "actual": 0, "difference": 0})
            entry["expected"] += row.expected
            entry["actual"] += row.actual
            entry["difference"] += row.difference
        sums["total"] = {
            "expected": sum(h.expected for h in self.holders),
            "actual": sum(h.claimed + h.unclaimed for h in self.holders),
            "difference": sum(h.difference for h in self.holders),
            "claimed": sum(h.claimed for h in self.holders),
            "unclaimed": sum(h.unclaimed for h in self.holders),
        }
        return sums

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        columns = ["holder", "kind", "period", "units", "expected", "actual", "difference", "tx"]
        return pd.DataFrame(
            [{c: getattr(r, c) for c in columns} for r in self.rows], columns=columns, dtype=object
        )

    def as_json(self) -> dict[str, Any]:
        """Everything as plain JSON; amounts are integer strings in minor units."""
        return {
            "deal": self.deal,
            "terms_hash": self.terms_hash,
            "chain_id": self.chain_id,
            "block": self.block,
            "time": self.time,
            "state": self.state,
            "reports": [
                {
                    **_fields(report, "kpi", "period", "status"),
                    "value": None if report.value is None else str(report.value),
                }
                for report in self.reports
            ],
            "currency_decimals": self.currency_decimals,
            "ok": self.ok,
            "payments": {kind: _texts(sums) for kind, sums in self.payments().items()},
            "rows": [{**_fields(r, "holder", "kind", "period", "tx"), **_sums(r)} for r in self.rows],
            "holders": [
                {"holder": h.holder, **_texts({"claimed": h.claimed, "unclaimed": h.unclaimed}), **_sums(h)}
                for h in self.holders
            ],
            "checks": [{"name": c.name, **_sums(c)} for c in self.checks],
            "issuer": _texts(self.issuer),
            "deployment": [
                {"field": d.field, "expected": d.expected, "actual": d.actual} for d in self.deployment
            ],
            "notes": self.notes,
            "not_yet": self.not_yet,
        }


def verdict(ok: bool, happened: bool, not_yet: Sequence[str]) -> str:
    """The last lines of a reconciliation: whether it holds, and over what."""
    if not ok:
        words = "NOT reconciled"
    elif not happened:
        words = "nothing has been paid yet, so there is nothing to reconcile"
    else:
        words = f"reconciled{' so far' if not_yet else ''}: every difference is 0"
    return "\n".join([words, *(f"not yet: {line}" for line in not_yet)])


def _texts(amounts: dict[str, int]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def _fields(item: object, *names: str) -> dict[str, Any]:
    return {name: getattr(item, name) for name in names}


def _sums(item: Row | Holder | Check) -> dict[str, str]:
    names = ("units", "expected", "actual", "difference")
    return {name: str(getattr(item, name)) for name in names if hasattr(item, name)}
