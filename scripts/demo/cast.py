"""Who takes part in the demonstration. Wallets of a local test chain; no real persons or firms."""

from __future__ import annotations

from dataclasses import dataclass

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
    Investor("Institution A", 3, INSTITUTIONAL, 560),
    Investor("Institution B", 4, INSTITUTIONAL, 320),
    Investor("Household 1", 5, RETAIL, 35),
    Investor("Household 2", 6, RETAIL, 25),
    Investor("Household 3", 7, RETAIL, 20),
    Investor("Household 4", 8, RETAIL, 15),
    Investor("Household 5", 9, RETAIL, 12),
    Investor("Household 6", 10, RETAIL, 9),
    Investor("Household 7", 11, RETAIL, 4),
    Investor("Household 8", 12, RETAIL, 0),  # buys later, from another holder
)
CITIZEN, RELAY, STRANGER = 13, 14, 15
"""Accounts: who challenges a reading, who brings reports on chain, who is not verified."""


@dataclass(frozen=True)
class Trade:
    """A sale between holders after a coupon: `units` (or all, if fewer) from `seller` to `buyer`."""

    after_coupon: int
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
    """Who is who by account of the chain: those who buy, who challenges, who brings reports, who is not
    verified and triggers payments; and the sales between holders."""

    investors: tuple[Investor, ...] = INVESTORS
    citizen: int = CITIZEN
    relay: int = RELAY
    stranger: int = STRANGER
    trades: tuple[Trade, ...] = TRADES


CLAIM_HABITS = {"Household 3": 3, "Household 4": 100, "Household 6": 4, "Institution B": 2}
"""Some claim every so many coupons only (100: not before the end). The others claim each time."""


def allot(units: int) -> dict[str, int]:
    """Units each investor subscribes for; the first takes what rounding leaves."""
    parts = {investor.name: units * investor.share // 1000 for investor in INVESTORS}
    parts[INVESTORS[0].name] += units - sum(parts.values())
    return {name: part for name, part in parts.items() if part}
