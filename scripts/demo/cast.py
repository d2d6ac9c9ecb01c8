"""Who takes part in a demonstration beside the parties of its deal. Wallets of a local test chain; no real
persons or firms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

RETAIL, PROFESSIONAL, INSTITUTIONAL = 1, 2, 3
CLASS_NAMES = {RETAIL: "retail", PROFESSIONAL: "professional", INSTITUTIONAL: "institutional"}
COUNTRY_USA = 840  # ISO 3166-1 numeric


@dataclass(frozen=True)
class Investor:
    """A wallet of the demonstration. `share` of the issue it subscribes for, in parts per thousand."""

    name: str
    account: int
    investor_class: int
    share: int


INVESTORS = (
    Investor("Institution A", 6, INSTITUTIONAL, 560),
    Investor("Institution B", 7, INSTITUTIONAL, 320),
    Investor("Household 1", 8, RETAIL, 35),
    Investor("Household 2", 9, RETAIL, 25),
    Investor("Household 3", 10, RETAIL, 20),
    Investor("Household 4", 11, RETAIL, 15),
    Investor("Household 5", 12, RETAIL, 12),
    Investor("Household 6", 13, RETAIL, 9),
    Investor("Household 7", 14, RETAIL, 4),
    Investor("Household 8", 15, RETAIL, 0),  # buys later, from another holder
)


@dataclass(frozen=True)
class Trade:
    """A sale between holders after a payment, counted from 1: `units` (or all, if fewer) from `seller` to
    `buyer`."""

    after: int
    seller: str
    buyer: str
    units: int


TRADES = (
    Trade(1, "Institution A", "Household 8", 40),
    Trade(2, "Institution B", "Household 1", 500),
    Trade(3, "Household 2", "Household 3", 125),
    Trade(4, "Household 7", "Household 8", 100),
    Trade(5, "Household 1", "Institution A", 250),
    Trade(6, "Household 4", "Household 5", 75),
    Trade(7, "Household 8", "Household 6", 20),
    Trade(8, "Institution A", "Institution B", 1000),
)


@dataclass(frozen=True)
class Cast:
    """Who is who by account of the chain: those who buy, who challenges a report, who brings reports on
    chain, who is not verified and triggers payments, who buys what the asset makes; and the habits of
    holders: their sales, and after how many payments each claims (`usually`, where `claims` does not say)."""

    investors: tuple[Investor, ...] = INVESTORS
    citizen: int = 16
    relay: int = 17
    stranger: int = 18
    offtaker: int = 19
    trades: tuple[Trade, ...] = TRADES
    claims: Mapping[str, int] = field(default_factory=dict)
    usually: int = 1

    def trades_after(self, payment: int) -> list[Trade]:
        """Sales between holders after a payment, counted from 1."""
        return [trade for trade in self.trades if trade.after == payment]

    def claims_after(self, name: str, payment: int) -> bool:
        """Whether a holder claims after a payment, counted from 1."""
        return payment % self.claims.get(name, self.usually) == 0


NEVER = 1_000
"""As a habit: not before the end."""
HALF_YEARS = Cast(claims={"Household 3": 3, "Household 4": NEVER, "Household 6": 4, "Institution B": 2})
"""Of a deal with few payments, half a year or more apart; its parties have the accounts before."""
QUARTERS = Cast(
    trades=tuple(replace(trade, after=4 * trade.after) for trade in TRADES),
    claims={"Household 1": 1, "Household 3": 8, "Household 4": NEVER, "Institution B": 2},
    usually=4,
)
"""Of a deal that pays each quarter, with more parties (chain.deploy.LOCAL_ACCOUNTS)."""


def allot(units: int) -> dict[str, int]:
    """Units each investor subscribes for; the first takes what rounding leaves."""
    parts = {investor.name: units * investor.share // 1000 for investor in INVESTORS}
    parts[INVESTORS[0].name] += units - sum(parts.values())
    return {name: part for name, part in parts.items() if part}
