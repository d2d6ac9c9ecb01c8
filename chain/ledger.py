"""The events of a deal as pandas tables: who held what, what was paid, reported, challenged and ruled.

Every row names the block, log and transaction it comes from. Amounts are Python integers in minor units
(columns of dtype object, because 18 decimals do not fit 64 bits); times are unix seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
from web3 import Web3

from chain.events import PAGE, Event, read_events
from chain.records import DeploymentRecord

ZERO = "0x" + "00" * 20
VERDICTS = ("stands", "corrected", "void")
"""IKpiOracle.Verdict"""
TABLES = (
    "transfers",
    "holdings",
    "distributions",
    "claims",
    "currency",
    "subscriptions",
    "refunds",
    "fundings",
    "surplus",
    "turns",
    "reports",
    "challenges",
    "rulings",
    "fixings",
)
_PAYMENTS = {"CouponPaid": "coupon", "BondRedeemed": "redemption", "Recovered": "recovery"}
_TURNS = {
    "OfferingSettled",
    "BondActivated",
    "BondDefaulted",
    "DefaultCured",
    "BondAccelerated",
    "BondRedeemed",
    "TokenClosed",
    "TransfersPaused",
}
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

    kind: coupon (with what is paid beside it), redemption, recovery (after acceleration) or gift (by anybody
    but the bond). `index` is the number of the coupon from 0, else -1. `interest` and `principal` are those
    parts of a coupon or redemption as the bond announced them, else 0.
    """

    event: Event
    kind: str
    index: int
    payer: str
    paid: int
    per_unit: int
    interest: int = 0
    principal: int = 0

    @property
    def supply(self) -> int:
        return self.paid // self.per_unit


@dataclass
class Ledger:
    """All events of a deal from its deployment to block `to_block`, in order, and tables made of them."""

    record: DeploymentRecord
    to_block: int
    time: int
    events: list[Event] = field(repr=False)

    def of(self, source: str, name: str) -> Iterator[Event]:
        """The events `name` of the contract with the role `source`."""
        return (e for e in self.events if e.source == source and e.name == name)

    def moves(self, source: str) -> list[Move]:
        """Transfers of units (`token`), or of money from or to a contract of the deal (`currency`)."""
        found = []
        for e in self.of(source, "Transfer"):
            a = e.arguments
            found.append(Move(e, a["from"], a["to"], a["value"]))
        return found

    # -- units

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
        return self._table("token", "Transfer", {"from": "from", "to": "to", "value": "units"})

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
        return _table(rows, ["holder", "units"])

    # -- money

    @cached_property
    def payouts(self) -> list[Distribution]:
        """Every distribution to holders, in order."""
        found = []
        waiting: Event | None = None
        for event in self.events:
            if (event.source, event.name) == ("token", "Distributed"):
                if event.arguments["payer"] == self.record.addresses.bond:
                    waiting = event
                else:
                    found.append(_distribution(event, "gift"))
            elif event.source == "bond" and event.name in _PAYMENTS and waiting is not None:
                # The bond announces what it has just distributed, in the same transaction.
                a = event.arguments
                parts = (0, 0)
                if event.name != "Recovered":
                    parts = (a.get("interest", 0), a["repayment" if "repayment" in a else "principal"])
                found.append(_distribution(waiting, _PAYMENTS[event.name], a.get("period", -1), *parts))
                waiting = None
        return sorted(found, key=lambda d: (d.event.block, d.event.index))

    @property
    def distributions(self) -> pd.DataFrame:
        """Distributions to holders: kind, index, payer, paid, per_unit, supply (see Distribution)."""
        columns = ["kind", "index", "payer", "paid", "per_unit", "supply"]
        rows = ({**d.event.trace, **{c: getattr(d, c) for c in columns}} for d in self.payouts)
        return _table(rows, columns)

    @property
    def claims(self) -> pd.DataFrame:
        """Claims by holders as the token announces them: holder, amount."""
        return self._table("token", "Claimed", {"holder": "holder", "amount": "amount"})

    @property
    def currency(self) -> pd.DataFrame:
        """The currency's own transfers from or to a contract of the deal: from, to, amount."""
        return self._table("currency", "Transfer", {"from": "from", "to": "to", "value": "amount"})

    @property
    def subscriptions(self) -> pd.DataFrame:
        """Units sold in the offering: holder, units, paid."""
        names = {"investor": "holder", "units": "units", "paid": "paid"}
        return self._table("offering", "Subscribed", names)

    @property
    def refunds(self) -> pd.DataFrame:
        """Units returned after a failed offering: holder, units, amount."""
        return self._table("offering", "Refunded", {"holder": "holder", "units": "units", "amount": "amount"})

    @property
    def fundings(self) -> pd.DataFrame:
        """Money put into the bond: payer, amount."""
        return self._table("bond", "BondFunded", {"from": "payer", "amount": "amount"})

    @property
    def surplus(self) -> pd.DataFrame:
        """Money returned to the issuer after redemption: amount."""
        return self._table("bond", "SurplusReturned", {"amount": "amount"})

    @property
    def turns(self) -> pd.DataFrame:
        """Turns in the life of offering, bond and token: event, and its arguments as text."""
        events = (e for e in self.events if e.name in _TURNS and e.source != "currency")
        rows = ({**e.trace, "event": e.name, "arguments": str(e.arguments)} for e in events)
        return _table(rows, ["event", "arguments"])

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
    def rulings(self) -> pd.DataFrame:
        """Rulings of the panel: kpi, period, version, verdict (in words), value, evidence."""
        names = {n: n for n in ("period", "version", "verdict", "value", "evidence")}
        table = self._reports("ReportRuled", names)
        table["verdict"] = [VERDICTS[number] for number in table["verdict"]]
        return table

    @property
    def fixings(self) -> pd.DataFrame:
        """Reports turned into rates and amounts: fixing (from 0), kpi_value, missing, value (added to the
        rate, 1e18 = 100 % a year, or an amount for the full issue)."""
        names = {"fixing": "fixing", "kpi": "kpi_value", "missing": "missing", "value": "value"}
        return self._table("bond", "KpiFixed", names)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name."""
        return {name: getattr(self, name) for name in TABLES}

    def _reports(self, name: str, columns: dict[str, str]) -> pd.DataFrame:
        """As `_table` of an oracle's event, with the KPI's id instead of the feed's first."""
        kpis = {feed: kpi for kpi, feed in self.record.feeds.items()}
        table = self._table("oracle", name, {"feed": "kpi", **columns})
        table["kpi"] = [kpis[feed] for feed in table["kpi"]]
        return table

    def _table(self, source: str, name: str, columns: dict[str, str]) -> pd.DataFrame:
        events = self.of(source, name)
        rows = ({**e.trace, **{to: e.arguments[of] for of, to in columns.items()}} for e in events)
        return _table(rows, list(columns.values()))


def read_ledger(w3: Web3, record: DeploymentRecord, to_block: int | None = None, page: int = PAGE) -> Ledger:
    """The ledger of a deployed deal up to `to_block` (default: the latest); errors as in `read_events`."""
    end = int(w3.eth.block_number if to_block is None else to_block)
    return Ledger(record, end, w3.eth.get_block(end)["timestamp"], read_events(w3, record, end, page))


def _distribution(
    event: Event, kind: str, index: int = -1, interest: int = 0, principal: int = 0
) -> Distribution:
    a = event.arguments
    return Distribution(event, kind, index, a["payer"], a["paid"], a["perUnit"], interest, principal)


def _table(rows: Iterable[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    every = ["block", "log", "time", "tx", *columns]
    table = pd.DataFrame(list(rows), columns=every, dtype=object)
    return table.astype({name: "int64" for name in every if name in _SMALL})
