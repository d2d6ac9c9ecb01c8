"""The events of a deal as pandas tables: who held what, what was paid, reported, challenged and ruled.

Every row names the block, log and transaction it comes from. Amounts are Python integers in minor units
(columns of dtype object, because 18 decimals do not fit 64 bits); times are unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chain.event_tables import Distribution, EventTables, table_of
from chain.events import Event

if TYPE_CHECKING:
    import pandas as pd

TABLES = (
    "transfers",
    "holdings",
    "distributions",
    "claims",
    "recoveries",
    "currency",
    "subscriptions",
    "refunds",
    "fundings",
    "surplus",
    "turns",
    "reports",
    "challenges",
    "petitions",
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


@dataclass
class Ledger(EventTables):
    """The events of a bond deal, and tables made of them."""

    # -- money

    @cached_property
    def payouts(self) -> list[Distribution]:
        """Every distribution to holders, in order."""
        found = []
        waiting: Event | None = None
        servicers = self.addresses_of("bond")
        for event in self.events:
            kind = self.kind_of(event)
            if (kind, event.name) == ("token", "Distributed"):
                if event.arguments["payer"] in servicers:
                    waiting = event
                else:
                    found.append(_distribution(event, "gift"))
            elif kind == "bond" and event.name in _PAYMENTS and waiting is not None:
                # The bond announces what it has just distributed, in the same transaction.
                a = event.arguments
                back = a["repayment" if "repayment" in a else "principal"]
                parts = (a.get("interest", 0), back, a["late"])
                found.append(_distribution(waiting, _PAYMENTS[event.name], a.get("period", -1), *parts))
                waiting = None
        return sorted(found, key=lambda d: (d.event.block, d.event.index))

    @property
    def distributions(self) -> pd.DataFrame:
        """Distributions to holders: kind, index, payer, paid, per_unit, supply (see Distribution)."""
        columns = ["kind", "index", "payer", "paid", "per_unit", "supply"]
        rows = ({**d.event.trace, **{c: getattr(d, c) for c in columns}} for d in self.payouts)
        return table_of(rows, columns)

    @property
    def fundings(self) -> pd.DataFrame:
        """Money put into the bond: payer, amount."""
        return self.table("bond", "BondFunded", {"from": "payer", "amount": "amount"})

    @property
    def surplus(self) -> pd.DataFrame:
        """Money returned to the issuer after redemption: amount."""
        return self.table("bond", "SurplusReturned", {"amount": "amount"})

    @property
    def turns(self) -> pd.DataFrame:
        """Turns in the life of offering, bond and token: event, and its arguments as text."""
        events = (e for e in self.events if e.name in _TURNS and e.source != "currency")
        rows = ({**e.trace, "event": e.name, "arguments": str(e.arguments)} for e in events)
        return table_of(rows, ["event", "arguments"])

    @property
    def fixings(self) -> pd.DataFrame:
        """Reports turned into rates and amounts: fixing (from 0), kpi_value, missing, value (added to the
        rate, 1e18 = 100 % a year, or an amount for the full issue)."""
        names = {"fixing": "fixing", "kpi": "kpi_value", "missing": "missing", "value": "value"}
        return self.table("bond", "KpiFixed", names)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name."""
        return {name: getattr(self, name) for name in TABLES}


def _distribution(
    event: Event, kind: str, index: int = -1, interest: int = 0, principal: int = 0, late: int = 0
) -> Distribution:
    a = event.arguments
    return Distribution(event, kind, index, a["payer"], a["paid"], a["perUnit"], interest, principal, late)
