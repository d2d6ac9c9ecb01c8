"""The result of a reconciliation: rows by payment and party, positions, holders, equations, and sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from finance.report.text import token_money

if TYPE_CHECKING:
    import pandas as pd

    from finance.terms.sections import Currency

Sums = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Difference:
    """A field of a contract that is not what the deal or the record says; values as text."""

    field: str
    expected: str
    actual: str

    def __str__(self) -> str:
        if self.field.startswith("record."):
            return f"{self.field}: is {self.actual}, and must be {self.expected}"
        return f"{self.field}: the deal says {self.expected}, the chain says {self.actual}"


@dataclass(frozen=True)
class Compared:
    """Two amounts in minor units: by the deal, and on the chain."""

    @property
    def difference(self) -> int:
        return self.actual - self.expected  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Row(Compared):
    """One payment: who gets it (or, paid in, who pays it or whose account it goes to), in minor units.

    `part` of the deal whose event tells of it; `kind`: chain.parts.words_of. `period` counts from 1, as
    people do; None where none is meant, the redemption among it. `units` are a holder's, `detail` is the line
    of revenue, `tx` where it happened, empty for what has not.
    """

    part: str
    kind: str
    party: str
    period: int | None
    expected: int
    actual: int
    tx: str = ""
    units: int = 0
    detail: str = ""


@dataclass(frozen=True)
class Position(Compared):
    """A party's money with the deal: what a part of it has `held` for it, what it `owes` or is `owed` there;
    or all currency that it has `paid_in` or `received`. `party`: its name, if it has one."""

    party: str
    address: str
    figure: str
    expected: int
    actual: int


@dataclass(frozen=True)
class Holder:
    """A holder's account of the claim token `part`: everything earned, what has reached the wallet, and what
    is there to claim."""

    part: str
    holder: str
    units: int
    expected: int
    claimed: int
    unclaimed: int

    @property
    def difference(self) -> int:
        return self.claimed + self.unclaimed - self.expected


@dataclass(frozen=True)
class Check(Compared):
    """One equation that must hold over the whole deal; of a contract's flags too, as 0 and 1."""

    name: str
    expected: int
    actual: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected", int(self.expected))
        object.__setattr__(self, "actual", int(self.actual))


class MoneyCheck(Check):
    """One of money."""


@dataclass(frozen=True)
class ReportState:
    """A report that a part of the deal goes by: `period` of the KPI from 1, status in words, and the value
    times 10^decimals, None unless it is final."""

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

    `states` in words by part. `positions` are those with parts of the deal, `accounts` those of everybody
    outside it with all of it. `reports`: those that the parts go by, a bond's one for each fixing, a swap's
    one for each period settled. `not_yet`: what the deal still has to come, a line each, so that no
    difference is not taken for everything done.
    """

    deal: str
    terms_hash: str
    chain_id: int
    block: int
    time: int
    states: Mapping[str, str]
    currency_decimals: int
    reports: list[ReportState]
    rows: list[Row]
    positions: list[Position]
    accounts: list[Position]
    holders: list[Holder]
    checks: list[Check]
    deployment: list[Difference]
    notes: list[str] = field(default_factory=list)
    not_yet: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[Row | Position | Holder | Check]:
        """Everything whose difference is not zero."""
        found: list[Row | Position | Holder | Check] = []
        for part in (self.rows, self.positions, self.accounts, self.holders, self.checks):
            found += [item for item in part if item.difference]
        return found

    @property
    def ok(self) -> bool:
        return not self.differences and not self.deployment

    def payments(self) -> Sums:
        """Per kind (chain.parts.words_of), as they first occur: expected, actual, difference."""
        return _sums(self.rows)

    def by_party(self) -> dict[str, Sums]:
        """Per address and kind: expected, actual, difference."""
        parties = sorted({row.party for row in self.rows})
        return {party: _sums([row for row in self.rows if row.party == party]) for party in parties}

    def earned(self) -> dict[str, int]:
        """Of all holders: expected, actual, difference, and what of it is `claimed` or `unclaimed`."""
        claimed, unclaimed = (
            sum(getattr(h, name) for h in self.holders) for name in ("claimed", "unclaimed")
        )
        return {
            "expected": sum(h.expected for h in self.holders),
            "actual": claimed + unclaimed,
            "difference": sum(h.difference for h in self.holders),
            "claimed": claimed,
            "unclaimed": unclaimed,
        }

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        columns = [
            "part",
            "kind",
            "party",
            "period",
            "units",
            "detail",
            "expected",
            "actual",
            "difference",
            "tx",
        ]
        return pd.DataFrame(
            [{c: getattr(row, c) for c in columns} for row in self.rows], columns=columns, dtype=object
        )

    def as_json(self) -> dict[str, Any]:
        """Everything as plain JSON; amounts are integer strings in minor units."""
        plain = ("deal", "terms_hash", "chain_id", "block", "time", "currency_decimals")
        return {
            **{name: getattr(self, name) for name in plain},
            "states": dict(self.states),
            "ok": self.ok,
            "reports": [
                {**asdict(report), "value": None if report.value is None else str(report.value)}
                for report in self.reports
            ],
            "payments": {kind: _texts(sums) for kind, sums in self.payments().items()},
            "earned": _texts(self.earned()),
            **{
                name: [_json(item) for item in getattr(self, name)]
                for name in ("rows", "positions", "accounts", "holders", "checks")
            },
            "deployment": [asdict(difference) for difference in self.deployment],
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


def difference_words(item: Row | Position | Holder | Check, currency: Currency) -> str:
    """One of `Reconciliation.differences` in words, its money in the currency."""
    if isinstance(item, Row):
        period = "" if item.period is None else f" of period {item.period}"
        what = f"{item.part}: {item.kind.replace('_', ' ')}{period}, {item.party}"
        what += f", transaction {item.tx}" if item.tx else ""
    elif isinstance(item, Position):
        what = f"{' '.join(filter(None, (item.party, item.address)))}: {item.figure.replace('_', ' ')}"
    elif isinstance(item, Holder):
        what = f"holder {item.holder}: earned"
    else:
        what = item.name
    actual = item.expected + item.difference

    def said(amount: int) -> str:
        counts = isinstance(item, Check) and not isinstance(item, MoneyCheck)
        return f"{amount:,}" if counts else token_money(amount, currency)

    return f"{what}: expected {said(item.expected)}, is {said(actual)}: differs by {said(item.difference)}"


def _sums(rows: Sequence[Row]) -> Sums:
    found: Sums = defaultdict(lambda: {"expected": 0, "actual": 0, "difference": 0})
    for row in rows:
        for name in ("expected", "actual", "difference"):
            found[row.kind][name] += getattr(row, name)
    return dict(found)


def _texts(amounts: Mapping[str, int]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def _json(item: Row | Position | Holder | Check) -> dict[str, Any]:
    amounts = ("units", "expected", "actual", "claimed", "unclaimed")
    plain = {name: str(value) if name in amounts else value for name, value in asdict(item).items()}
    return {**plain, "difference": str(item.difference)}
