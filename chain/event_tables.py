"""What the ledgers of all deals have in common: events as tables of units, money and reports.

Every row names the block, log and transaction it comes from. Amounts are Python integers in minor units
(columns of dtype object, because 18 decimals do not fit 64 bits); times are unix seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from web3 import Web3

from chain.events import PAGE, Event, read_events, require_chain
from chain.records import DeploymentRecord

if TYPE_CHECKING:
    import pandas as pd

ZERO = "0x" + "00" * 20
VERDICTS = ("stands", "corrected", "void")
"""IKpiOracle.Verdict"""
_SMALL = {"block", "log", "time", "index", "period", "version", "final_at", "fixing"}


@dataclass(frozen=True)
class Move:
    """A movement of units or of money, by the ERC-20 Transfer event."""

    event: Event
    source: str
    to: str
    amount: int


@dataclass(frozen=True)
class Distribution:
    """Money shared among holders: `per_unit` minor units to each of `supply` units, `paid` in all.

    kind: coupon (with what is paid beside it), redemption, recovery (after acceleration), revenue (by a
    treasury) or gift (by anybody else). `index` is the number of the coupon from 0, else -1. `interest`,
    `principal` and `late` are those parts of a coupon, redemption or recovery as the bond announced them,
    else 0.
    """

    event: Event
    kind: str
    index: int
    payer: str
    paid: int
    per_unit: int
    interest: int = 0
    principal: int = 0
    late: int = 0

    @property
    def supply(self) -> int:
        return self.paid // self.per_unit


@dataclass
class EventTables:
    """All events of a deal from its deployment to block `to_block`, in order, and tables made of them: of all
    its parts, or of those called `keys`."""

    to_block: int
    time: int
    events: list[Event] = field(repr=False)
    record: Any
    keys: frozenset[str] | None = None

    @classmethod
    def read(
        cls,
        w3: Web3,
        record: DeploymentRecord,
        to_block: int | None = None,
        page: int = PAGE,
        keys: frozenset[str] | None = None,
    ) -> Self:
        """Those of a deployed deal up to `to_block` (default: the latest).

        Of oracle and currency, which serve other deals too, only what concerns this one. Raises NetworkError
        if it is another chain, or the node refuses even a single block.
        """
        require_chain(w3, record)
        end = int(w3.eth.block_number if to_block is None else to_block)
        events = read_events(w3, record, end, page)
        return cls(end, w3.eth.get_block(end)["timestamp"], events, record, keys)

    def of(self, source: str, name: str) -> Iterator[Event]:
        """The events `name` of the parts of a kind (chain.parts), or of the shared contract, `source`."""
        return (e for e in self.events if e.name == name and self.kind_of(e) == source)

    def addresses_of(self, kind: str) -> set[str]:
        """Where the parts of a kind are."""
        return {
            part.address for key, part in self.record.parts.items() if part.kind == kind and self.has(key)
        }

    def has(self, key: str) -> bool:
        """Whether these are tables of a part."""
        return self.keys is None or key in self.keys

    def kind_of(self, event: Event) -> str:
        """The kind of the part that said an event, or the name of the shared contract; nothing for a part
        that these are no tables of."""
        part = self.record.parts.get(event.source)
        if part is None:
            return event.source
        return str(part.kind) if self.has(event.source) else ""

    def moves(self, source: str) -> list[Move]:
        """Transfers of units (`token`), or of money from or to a contract of the deal (`currency`)."""
        found = []
        for e in self.of(source, "Transfer"):
            a = e.arguments
            found.append(Move(e, a["from"], a["to"], a["value"]))
        return found

    # -- units

    @cached_property
    def payouts(self) -> list[Distribution]:
        """Every distribution to holders, in order; what it is for, a kind's own ledger knows."""
        raise NotImplementedError

    def holdings_at(self, block: int | None = None, before_log: int | None = None) -> dict[str, int]:
        """Units of each holder at the end of `block` (default: the last one read), or within it just before
        log number `before_log`. Holders of nothing are left out."""
        block = self.to_block if block is None else block
        held: dict[str, int] = defaultdict(int)
        for move in self._unit_moves:
            at = move.event
            if at.block > block or (at.block == block and before_log is not None and at.index >= before_log):
                break
            held[move.source] -= move.amount
            held[move.to] += move.amount
        return {holder: units for holder, units in sorted(held.items()) if units and holder != ZERO}

    @property
    def holders(self) -> list[str]:
        """Everybody who ever held a unit."""
        return sorted({move.to for move in self._unit_moves} - {ZERO})

    @cached_property
    def _unit_moves(self) -> list[Move]:
        return self.moves("token")

    @property
    def transfers(self) -> pd.DataFrame:
        """Movements of units: from, to, units; the zero address issues and takes back."""
        return self.table("token", "Transfer", {"from": "from", "to": "to", "value": "units"})

    @property
    def holdings(self) -> pd.DataFrame:
        """Units of a holder after each change: holder, units."""
        held: dict[str, int] = defaultdict(int)
        rows = []
        for move in self._unit_moves:
            for party, change in ((move.source, -move.amount), (move.to, move.amount)):
                held[party] += change
                if party != ZERO:
                    rows.append({**move.event.trace, "holder": party, "units": held[party]})
        return table_of(rows, ["holder", "units"])

    @property
    def claims(self) -> pd.DataFrame:
        """Claims by holders as the token announces them: holder, amount."""
        return self.table("token", "Claimed", {"holder": "holder", "amount": "amount"})

    @property
    def recoveries(self) -> pd.DataFrame:
        """Holdings of lost keys given to other wallets: holder, to, units, money (earned and unclaimed)."""
        names = {n: n for n in ("holder", "to", "units", "money")}
        return self.table("token", "HoldingRecovered", names)

    @property
    def currency(self) -> pd.DataFrame:
        """The currency's own transfers from or to a contract of the deal: from, to, amount."""
        return self.table("currency", "Transfer", {"from": "from", "to": "to", "value": "amount"})

    @property
    def subscriptions(self) -> pd.DataFrame:
        """Units sold in the offering: holder, units, paid."""
        names = {"investor": "holder", "units": "units", "paid": "paid"}
        return self.table("offering", "Subscribed", names)

    @property
    def refunds(self) -> pd.DataFrame:
        """Units returned after a failed offering: holder, units, amount."""
        return self.table("offering", "Refunded", {"holder": "holder", "units": "units", "amount": "amount"})

    # -- reports

    @property
    def reports(self) -> pd.DataFrame:
        """Reports to the oracle: kpi, period (from 0), version, value, evidence, final_at, supersedes
        (evidence of the report it restates), signers (their indices in the order of their values)."""
        names = {n: n for n in ("period", "version", "value", "evidence", "supersedes", "signers")}
        table = self._reports("ReportSubmitted", {**names, "finalAt": "final_at"})
        table["signers"] = [self._signers(word) for word in table["signers"]]
        return table

    @staticmethod
    def _signers(word: int) -> tuple[int, ...]:
        # One byte per signer, index plus one, lowest first.
        return tuple(byte - 1 for byte in word.to_bytes(32, "little") if byte)

    @property
    def challenges(self) -> pd.DataFrame:
        """Challenges of reports: kpi, period, version, challenger, evidence."""
        names = {n: n for n in ("period", "version", "challenger", "evidence")}
        return self._reports("ReportChallenged", names)

    @property
    def petitions(self) -> pd.DataFrame:
        """Petitions to the panel for periods that nobody reported: kpi, period, petitioner, evidence."""
        return self._reports("PeriodPetitioned", {n: n for n in ("period", "petitioner", "evidence")})

    @property
    def rulings(self) -> pd.DataFrame:
        """Rulings of the panel: kpi, period, version, verdict (in words), value, evidence."""
        names = {n: n for n in ("period", "version", "verdict", "value", "evidence")}
        table = self._reports("ReportRuled", names)
        table["verdict"] = [VERDICTS[number] for number in table["verdict"]]
        return table

    def _reports(self, name: str, columns: dict[str, str]) -> pd.DataFrame:
        """As `table` of an oracle's event, with the KPI's id instead of the feed's first."""
        kpis = {feed: kpi for kpi, feed in self.record.feeds.items()}
        table = self.table("oracle", name, {"feed": "kpi", **columns})
        table["kpi"] = [kpis[feed] for feed in table["kpi"]]
        return table

    def table(self, source: str, name: str, columns: dict[str, str]) -> pd.DataFrame:
        """The events `name` of the parts of the kind `source`; `columns`: argument -> column."""
        events = self.of(source, name)
        rows = ({**e.trace, **{to: e.arguments[of] for of, to in columns.items()}} for e in events)
        return table_of(rows, list(columns.values()))


def table_of(rows: Iterable[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Rows as a table of `columns` behind those of Event.trace."""
    import pandas as pd  # half a second, which a command that shows no table need not wait for

    every = ["block", "log", "time", "tx", *columns]
    table = pd.DataFrame(list(rows), columns=every, dtype=object)
    return table.astype({name: "int64" for name in every if name in _SMALL})
