"""The events of a deal as pandas tables: who held what, what was paid, reported, challenged and ruled.

Which tables there are, and which columns each kind of part gives to them, stands with the kind (chain.parts).
Amounts are Python integers in minor units (columns of dtype object, because 18 decimals do not fit 64 bits);
times are unix seconds; periods count from 0, as on the chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any

from web3 import Web3

from chain.events import PAGE, read_events, require_chain
from chain.history import TRACE, Event, History
from chain.parts import PARTS
from chain.parts.base import Cells
from chain.records import DeploymentRecord
from finance.terms import InputError

if TYPE_CHECKING:
    import pandas as pd

_SMALL = {"block", "log", "time", "index", "period", "version", "final_at", "fixing"}


@dataclass(frozen=True)
class Distribution:
    """Money shared among holders: `per_unit` minor units to each of `supply` units, `paid` in all.

    kind: coupon (with what is paid beside it), redemption, recovery (after acceleration), revenue (by a
    treasury) or gift (by anybody else). `index` is the number of the coupon from 0, else -1. `interest`,
    `principal`, `outcome` (signed) and `late` are those parts of a coupon, redemption or recovery as the bond
    announced them, else 0.
    """

    event: Event
    kind: str
    index: int
    payer: str
    paid: int
    per_unit: int
    supply: int
    interest: int = 0
    principal: int = 0
    outcome: int = 0
    late: int = 0


class Ledger(History):
    """The history of a deal, and tables made of it. A table is an attribute: `ledger.claims`. Every row has
    the block, log and transaction it comes from, and the `part`, or shared contract, that said it."""

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_"):  # asked of a copy before it has fields
            raise AttributeError(name)
        if not self._columns(name):
            raise AttributeError(f"there is no {name}; tables of this deal: {', '.join(self.names)}")
        return self.table(name)

    # -- tables

    @property
    def names(self) -> list[str]:
        """The tables that the deal's parts have."""
        return list(dict.fromkeys(name for kind in self.kinds.values() for name in PARTS[kind].tables))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name."""
        return {name: self.table(name) for name in self.names}

    def table(self, name: str) -> pd.DataFrame:
        """A table by its name; without a row if it is one of parts that the deal has not."""
        return table_of(self.rows(name), ["part", *self._columns(name)])

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table by column."""
        return [{**event.trace, "part": event.source, **cells} for event, cells in self._lines(name)]

    def _lines(self, name: str) -> Iterator[tuple[Event, Cells]]:
        """The rows of a table, each with its event."""
        tables = {key: PARTS[kind].tables.get(name) for key, kind in self.kinds.items()}
        held: dict[str, dict[str, int]] = defaultdict(dict)
        for event in self.events:
            table = tables.get(event.source)
            if table is not None and event.name in table.events:
                for cells in table.rows(self, event, held[event.source]):
                    yield event, cells

    def _columns(self, name: str) -> list[str]:
        """Of all kinds of parts that add to a table: the deal's own, if there is one."""
        for kinds in (self.kinds.values(), PARTS):
            found = [PARTS[kind].tables[name].columns for kind in kinds if name in PARTS[kind].tables]
            if found:
                return list(dict.fromkeys(column for columns in found for column in columns))
        return []

    # -- units

    @cached_property
    def payouts(self) -> list[Distribution]:
        """Every distribution to holders, in order."""
        return [Distribution(event, **cells) for event, cells in self._lines("distributions")]

    def holdings_at(
        self, block: int | None = None, before_log: int | None = None, token: str | None = None
    ) -> dict[str, int]:
        """Units of each holder at the end of `block` (default: the last one read), or within it just before
        log number `before_log`. Holders of nothing are left out. Raises InputError for a deal of several
        claim tokens, unless one is named by its key."""
        end = self.to_block if block is None else block, inf if before_log is None else before_log
        rows = [row for row in self.rows("holdings") if token in (None, row["part"])]
        if len(tokens := {row["part"] for row in rows}) > 1:
            raise InputError(f"{self.record.deal}: has units of {', '.join(sorted(tokens))}: name one")
        held = {row["holder"]: row["units"] for row in rows if (row["block"], row["log"]) < end}
        return {holder: units for holder, units in sorted(held.items()) if units}

    @property
    def holders(self) -> list[str]:
        """Everybody who ever held a unit."""
        return sorted({row["holder"] for row in self.rows("holdings")})


def read_ledger(
    w3: Web3,
    record: DeploymentRecord,
    to_block: int | None = None,
    page: int = PAGE,
    part: str | None = None,
) -> Ledger:
    """What happened to a deployed deal up to `to_block` (default: the latest), of all its parts or of those
    that hang together with `part`, which leads them.

    Of oracle and currency, which serve other deals too, only what concerns this one. Raises NetworkError if
    it is another chain, or the node refuses even a single block, InputError for a part that leads none.
    """
    require_chain(w3, record)
    keys = None if part is None else frozenset(record.load_deal().group(part).parts)
    end = int(w3.eth.block_number if to_block is None else to_block)
    events = read_events(w3, record, end, page)
    return Ledger(end, w3.eth.get_block(end)["timestamp"], events, record, keys)


def table_of(rows: Iterable[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Rows as a table of `columns` behind TRACE; None where a row has none."""
    import pandas as pd  # half a second, which a command that shows no table need not wait for

    every = [*TRACE, *columns]
    table = pd.DataFrame([[row.get(name) for name in every] for row in rows], columns=every, dtype=object)
    return table.astype({name: "int64" for name in every if name in _SMALL and table[name].notna().all()})
