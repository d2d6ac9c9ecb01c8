"""The events of a swap deal as pandas tables: what was fixed, paid, posted, called, distributed and claimed.

Every row names the block, log and transaction it comes from. Amounts are Python integers in minor units;
times are unix seconds; periods count from 0, as on the chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chain.event_tables import Distribution, EventTables, table_of
from chain.events import Event
from chain.terms import text_of

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("payer", "payee")
"""IKpiPayment.Side"""
PARTIES = ("operator", "lender")
"""IRevenueTreasury.Party"""
TABLES = (
    "periods",
    "ends",
    "fundings",
    "withdrawals",
    "margins",
    "proposals",
    "treasury_periods",
    "revenue",
    "distributions",
    "claims",
    "recoveries",
    "transfers",
    "holdings",
    "subscriptions",
    "refunds",
    "currency",
    "balances",
    "turns",
    "reports",
    "challenges",
    "petitions",
    "rulings",
)
_ENDS = {"ClosedOut": "close_out", "AgreedTermination": "termination"}
_TURNS = {
    "PaymentInitialized",
    "TreasuryInitialized",
    "OfferingSettled",
    "TreasuryActivated",
    "PaymentActivated",
    "MoneyReturned",
    "Matured",
    "ClosedOut",
    "AgreedTermination",
    "TreasuryClosed",
    "TokenClosed",
    "TransfersPaused",
}

Key = tuple[int, int]
"""Block and log of an event."""


def key(event: Event) -> Key:
    """Where an event stands among all others."""
    return event.block, event.index


@dataclass
class SwapLedger(EventTables):
    """The events of a swap deal, and tables made of them."""

    # -- what belongs together

    def after(self, event: Event, source: str, name: str) -> Event | None:
        """The first event `name` of a part of the kind `source` in the same transaction after `event`."""
        return next(
            (
                e
                for e in self._by_tx[event.tx]
                if key(e) > key(event) and (self.kind_of(e), e.name) == (source, name)
            ),
            None,
        )

    def before(self, event: Event, source: str, name: str) -> Event | None:
        """The last event `name` of a part of the kind `source` in the same transaction before `event`."""
        found = [e for e in self._by_tx[event.tx] if key(e) < key(event)]
        return next((e for e in reversed(found) if (self.kind_of(e), e.name) == (source, name)), None)

    @cached_property
    def _by_tx(self) -> dict[str, list[Event]]:
        grouped: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            grouped[event.tx].append(event)
        return grouped

    # -- the swap

    @property
    def periods(self) -> pd.DataFrame:
        """Periods settled: period, kpi (None: missing), amount (positive: the payer pays), and of its
        magnitude what was netted, paid and left unpaid."""
        rows = []
        for e in self.of("payment", "PeriodSettled"):
            a = e.arguments
            kpi = None if a["missing"] else a["kpi"]
            rows.append({**e.trace, "period": a["period"], "kpi": kpi, **self._how(e)})
        return table_of(rows, ["period", "kpi", "amount", "netted", "paid", "unpaid"])

    @property
    def ends(self) -> pd.DataFrame:
        """Close-outs and agreed terminations: how, and the amounts as in `periods`."""
        ends = (e for e in self.events if self.kind_of(e) == "payment" and e.name in _ENDS)
        rows = [{**e.trace, "how": _ENDS[e.name], **self._how(e)} for e in ends]
        return table_of(rows, ["how", "amount", "netted", "paid", "unpaid"])

    def _how(self, event: Event) -> dict[str, int]:
        paid = self.after(event, "payment", "AmountPaid")
        names = ("netted", "paid", "unpaid")
        return {"amount": event.arguments["amount"]} | {
            name: 0 if paid is None else paid.arguments[name] for name in names
        }

    @property
    def fundings(self) -> pd.DataFrame:
        """Money paid into the swap: side, from, amount, of which repaid to the other side; the rest is
        posted."""
        rows = []
        for e in self.of("payment", "Funded"):
            a = e.arguments
            amounts = {"amount": a["amount"], "repaid": a["repaid"], "posted": a["amount"] - a["repaid"]}
            rows.append({**e.trace, "side": SIDES[a["side"]], "from": a["from"], **amounts})
        return table_of(rows, ["side", "from", "amount", "repaid", "posted"])

    @property
    def withdrawals(self) -> pd.DataFrame:
        """Money paid out by payment and treasury: contract, party, to, amount."""
        rows = []
        for e in self.events:
            kind = self.kind_of(e)
            if e.name == "Withdrawn" and kind in ("payment", "treasury"):
                row = {"contract": kind, "party": _party(kind, e)}
                rows.append({**e.trace, **row, "to": e.arguments["to"], "amount": e.arguments["amount"]})
        return table_of(rows, ["contract", "party", "to", "amount"])

    @property
    def margins(self) -> pd.DataFrame:
        """Margin calls and their ends: event (called, restored), side, deadline (of a call)."""
        names = {"MarginCalled": "called", "MarginRestored": "restored"}
        rows = [
            {
                **e.trace,
                "event": names[e.name],
                "side": SIDES[e.arguments["side"]],
                "deadline": e.arguments.get("deadline"),
            }
            for e in self.events
            if self.kind_of(e) == "payment" and e.name in names
        ]
        return table_of(rows, ["event", "side", "deadline"])

    @property
    def proposals(self) -> pd.DataFrame:
        """Offers to end the swap: event, side, id, amount and expiry (of a proposal)."""
        names = {"TerminationProposed": "proposed", "TerminationWithdrawn": "withdrawn"}
        rows = []
        for e in self.events:
            if self.kind_of(e) == "payment" and e.name in names:
                a = e.arguments
                offer = {"id": a["id"], "amount": a.get("amount"), "expiry": a.get("expiry")}
                rows.append({**e.trace, "event": names[e.name], "side": SIDES[a["side"]], **offer})
        return table_of(rows, ["event", "side", "id", "amount", "expiry"])

    # -- the project

    @property
    def treasury_periods(self) -> pd.DataFrame:
        """Payments of the waterfall: period (their number after the last one), collected from the swap,
        operating_cost, debt_service, swap and holders paid."""
        names = {
            "period": "period",
            "collected": "collected",
            "operatingCost": "operating_cost",
            "debtService": "debt_service",
            "swap": "swap",
            "holders": "holders",
        }
        return self.table("treasury", "PeriodPaid", names)

    @property
    def revenue(self) -> pd.DataFrame:
        """Revenue received, by line: line, from, amount."""
        table = self.table(
            "treasury", "RevenueReceived", {"line": "line", "from": "from", "amount": "amount"}
        )
        table["line"] = [text_of(word) for word in table["line"]]
        return table

    @cached_property
    def payouts(self) -> list[Distribution]:
        """Every distribution to holders, in order: revenue, or a gift by anybody but the treasury."""
        treasuries = self.addresses_of("treasury")
        return [
            Distribution(
                e, "revenue" if a["payer"] in treasuries else "gift", -1, a["payer"], a["paid"], a["perUnit"]
            )
            for e in self.of("token", "Distributed")
            for a in (e.arguments,)
        ]

    @property
    def distributions(self) -> pd.DataFrame:
        """Distributions to holders: kind (revenue, or gift by anybody but the treasury), payer, paid,
        per_unit, supply."""
        columns = ["kind", "payer", "paid", "per_unit", "supply"]
        rows = ({**d.event.trace, **{c: getattr(d, c) for c in columns}} for d in self.payouts)
        return table_of(rows, columns)

    @property
    def turns(self) -> pd.DataFrame:
        """Turns in the life of swap, treasury, offering and token: event, and its arguments as text."""
        events = (e for e in self.events if e.name in _TURNS and e.source != "currency")
        rows = [{**e.trace, "event": e.name, "arguments": str(e.arguments)} for e in events]
        return table_of(rows, ["event", "arguments"])

    # -- balances

    @property
    def balances(self) -> pd.DataFrame:
        """Every party's and contract's money after each change: account, change, balance.

        Accounts are `payer posted`, `payer credit` and so on in the swap, `operator credit` and `lender
        credit` in the treasury, and the key of each part for the currency it holds, and
        the address of everybody outside for what it has received from the deal less what it has paid in.
        """
        held: dict[str, int] = defaultdict(int)
        rows = []
        for event, account, change in self._changes():
            held[account] += change
            if change:
                rows.append({**event.trace, "account": account, "change": change, "balance": held[account]})
        return table_of(rows, ["account", "change", "balance"])

    def _changes(self) -> Iterator[tuple[Event, str, int]]:
        inside = {v: k for k, v in self.record.addresses.items()}
        credit: dict[str, int] = defaultdict(int)
        for event in self.events:
            for account, change in self._booked(event, credit):
                if account.endswith("credit"):
                    credit[account] += change
                yield event, account, change
            if event.source == "currency" and event.name == "Transfer":
                a = event.arguments
                yield event, inside.get(a["from"], a["from"]), -a["value"]
                yield event, inside.get(a["to"], a["to"]), a["value"]

    def _booked(self, event: Event, credit: dict[str, int]) -> Iterator[tuple[str, int]]:
        """What an event adds to the accounts in swap and treasury; `credit` has what is credited so far."""
        a = event.arguments
        match self.kind_of(event), event.name:
            case "payment", "AmountPaid":
                payer, payee = SIDES if a["amount"] >= 0 else SIDES[::-1]
                yield f"{payer} posted", -a["paid"]
                yield f"{payee} credit", a["paid"]
            case "payment", "Funded":
                yield f"{SIDES[a['side']]} posted", a["amount"] - a["repaid"]
                yield f"{SIDES[1 - a['side']]} credit", a["repaid"]
            case "treasury", "PeriodPaid":
                yield "operator credit", a["operatingCost"]
                yield "lender credit", a["debtService"]
            case (("payment" | "treasury") as kind, "Withdrawn"):
                party = _party(kind, event)
                due = credit[f"{party} credit"]
                yield f"{party} credit", -due
                if kind == "payment":
                    yield f"{party} posted", due - a["amount"]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name."""
        return {name: getattr(self, name) for name in TABLES}


def _party(kind: str, event: Event) -> str:
    """Whose money a Withdrawn event of a KPI payment or a treasury is."""
    a = event.arguments
    return SIDES[a["side"]] if kind == "payment" else PARTIES[a["party"]]
