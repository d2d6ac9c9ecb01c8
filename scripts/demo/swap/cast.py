"""Who takes part beside the parties of the deal, and what goes wrong when. No real persons or firms."""

from __future__ import annotations

from dataclasses import replace

from scripts.demo import cast
from scripts.demo.cast import Investor, Trade

FIRST_FREE = 6
"""Accounts before this one are the deal's parties (chain.deploy.LOCAL_ACCOUNTS)."""
INVESTORS: tuple[Investor, ...] = tuple(
    replace(investor, account=FIRST_FREE + place) for place, investor in enumerate(cast.INVESTORS)
)
CITIZEN, RELAY, STRANGER, OFFTAKER = 16, 17, 18, 19
"""Accounts: who challenges a reading, who brings reports, who triggers payments, who buys the power."""

DISPUTED = 10
"""The period (from 0) whose report a captured quorum gets wrong; the last one in a shorter deal."""
FIRST_MARGIN = 3
"""From this period on, the payer once fails to pay in before a settlement that it owes."""
CLAIM_EVERY = {"Household 1": 1, "Household 3": 8, "Household 4": 1000, "Institution B": 2}
"""Some claim every so many periods (1000: not before the end); the others once a year."""
YEARLY = 4

TRADES = tuple(replace(trade, after_coupon=4 * trade.after_coupon - 1) for trade in cast.TRADES)
"""The trades of the bond's demonstration, four times as far apart."""


def trades_after(period: int) -> list[Trade]:
    """Sales between holders after the distribution of `period` (from 0)."""
    return [trade for trade in TRADES if trade.after_coupon == period]


def claims_now(name: str, period: int) -> bool:
    """Whether the holder claims after the distribution of `period` (from 0)."""
    return (period + 1) % CLAIM_EVERY.get(name, YEARLY) == 0


def allot(units: int) -> dict[str, int]:
    """Units each investor subscribes for; the first takes what rounding leaves."""
    return cast.allot(units)
