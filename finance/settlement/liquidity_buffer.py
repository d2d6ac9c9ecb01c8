"""A sponsor's money that buys units at their reported value: the books of
contracts/market/LiquidityBuffer.sol.

It buys as a maker of a trade desk, which asks it whether a quote is one that it would make (`signs`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.claim_token import TokenBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.trade_desk import Quote, Side, TradeDeskBooks
from finance.settlement.widths import SettlementError
from finance.settlement.world import Books, World

ONE = 10**18
ACTS = table(
    Call("fund", "sponsor", "put money in that buys units", {"amount": "uint256"}),
    Call("mark", ANYONE, "take the next reported value of a unit"),
    Call("collect", ANYONE, "take what the units held have earned"),
    Call("release", ANYONE, "give the sponsor what is left after the offer", sweeps=True),
)


@dataclass(frozen=True, slots=True)
class BufferTerms:
    """ILiquidityBuffer.Terms. `desk` is the key of a part, `feed` an id, `sponsor` an address; `discount`
    1e18 = 100 %, `longest` in seconds, `most` in units, `until` in unix seconds. `facility`: what the
    sponsor promises, minor units, and `settled`, when each report is there or
    missing unless it is disputed: which the contract does not know."""

    desk: str
    feed: str
    sponsor: str
    discount: int
    longest: int
    most: int
    until: int
    facility: int = 0
    settled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """ILiquidityBuffer.Mark: `value` of a unit since issue at `time`, minor units; it counts until
    `closes`."""

    value: int = 0
    time: int = 0
    closes: int = 0
    limit: int = 0
    evidence: str = "0x" + "00" * 32


@dataclass
class LiquidityBufferBooks(Books):
    """A buffer's state: the last mark, and how many periods are marked. Where the token's books keep only
    sums they know of no units that it holds, so `room` is that of a buffer without any."""

    KIND: ClassVar[str] = "liquidity_buffer"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: BufferTerms
    mark_now: Mark = Mark()
    marked: int = 0
    funded: int = 0
    key: str = "buffer"

    # -- questions

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"sponsor": [self.terms.sponsor]}

    def token(self, world: World) -> TokenBooks:
        """Of the claim that it buys."""
        return world.books(self._desk(world).terms.token, TokenBooks)

    def is_over(self, world: World) -> bool:
        return world.at >= self.terms.until or self.token(world).closed

    def value_now(self, world: World) -> int:
        """Of a unit by the last mark, less what it has earned, whether the mark still counts or not."""
        return max(0, self.mark_now.value - self.token(world).earned)

    def age(self, world: World) -> int:
        """Of the last mark, seconds."""
        return world.at - self.mark_now.time

    def bid(self, world: World) -> int:
        """What it pays for a unit now, minor units; 0 while it buys none."""
        if world.at >= self.mark_now.closes or self.is_over(world):
            return 0
        return self.value_now(world) * (ONE - self.terms.discount) // ONE

    def room(self, world: World) -> int:
        """Units that it would still buy at this mark, if it has the money."""
        return max(0, self.mark_now.limit - self._held(world))

    def buys(self, world: World, units: int) -> tuple[int, int]:
        """Of so many units those that it would buy now, and the price of one."""
        bid = self.bid(world)
        affordable = world.held(self.key) // bid if bid else 0
        return min(units, self.room(world), affordable), bid

    def status(self, world: World) -> str:
        """Why it buys or not: open, over, missing (its last period has no report), waiting (for the report of
        a later one), stale (older than the deal allows)."""
        ends = world.books("oracle", FeedBooks).config_of(self.terms.feed).period_ends
        if self.is_over(world):
            return "over"
        if self.bid(world):
            return "open"
        if not self.marked or world.at >= min(ends[self.marked : self.marked + 1], default=world.at + 1):
            return "waiting"
        return "missing" if not self.mark_now.value else "stale"

    def quote(self, world: World, units: int, nonce: int = 0) -> Quote:
        """What a seller of so many units gives the desk, its own encoding as the signature."""
        desk, now = self._desk(world), world.at
        return Quote(
            maker=world.addresses[self.key],
            taker="0x" + "00" * 20,
            side=Side.BUYS,
            units=units,
            least=1,
            price=self.bid(world),
            earned=self.token(world).earned,
            holds=True,
            opens=now,
            expires=now + min(3_600, desk.terms.longest),
            nonce=nonce,
        )

    def signs(self, world: World, desk: str, quote: Quote) -> bool:
        return (
            desk == self.terms.desk
            and quote.side is Side.BUYS
            and quote.units <= self.room(world)
            and self._desk(world).price_now(world, quote) <= self.bid(world)
        )

    def _desk(self, world: World) -> TradeDeskBooks:
        return world.books(self.terms.desk, TradeDeskBooks)

    def _held(self, world: World) -> int:
        return self.token(world).units_of(world.addresses[self.key])

    def due(self, world: World) -> list[Act]:
        config = world.books("oracle", FeedBooks).config_of(self.terms.feed)
        made = [self._now(world, "mark")] if self.marked < len(config.period_ends) else []
        token, here = self.token(world), world.addresses[self.key]
        if token.claimable(here) or token.recovery_of(here, world.at):
            made.append(self._now(world, "collect"))
        if self.is_over(world) and world.held(self.key):
            made.append(self._now(world, "release"))
        return made

    def promised(self, world: World) -> list[Act]:
        """The sponsor brings the facility once there is something to buy at."""
        missing = self.terms.facility - self.funded
        if not self.bid(world) or missing <= 0:
            return []
        return [self._now(world, "fund", self.terms.sponsor, amount=missing)]

    def dates(self) -> list[int]:
        return [*self.terms.settled, self.terms.until]

    # -- acts

    def fund(self, world: World, by: str, amount: int) -> None:
        if self.is_over(world):
            raise SettlementError(f"{self.key}: the offer ended at {self.terms.until}, or with the token")
        self.funded += amount
        world.emit(self.key, "Funded", amount=amount)
        world.move(by, world.addresses[self.key], amount, "facility")

    def mark(self, world: World, by: str) -> None:
        feed, period, terms = self.terms.feed, self.marked, self.terms
        reported, missing = world.call(self.key, "oracle", "consume", feed=feed, period=period)
        oracle = world.books("oracle", FeedBooks)
        ends = oracle.config_of(feed).period_ends
        value = 0 if missing else max(0, reported)
        closes = min(ends[period] + terms.longest, terms.until, *ends[period + 1 : period + 2])
        evidence = oracle.report_of(feed, period, world.at).evidence
        limit = min(self._held(world) + terms.most, 2**64 - 1)
        self.mark_now = Mark(value, ends[period], closes, limit, evidence)
        self.marked += 1
        world.emit(self.key, "Marked", period=period, value=value, evidence=evidence)

    def collect(self, world: World, by: str) -> int:
        token = self._desk(world).terms.token
        amount: int = world.call(self.key, token, "claim", holder=world.addresses[self.key])
        return amount

    def release(self, world: World, by: str) -> int:
        if not self.is_over(world):
            raise SettlementError(f"{self.key}: offered until {self.terms.until}")
        amount = world.held(self.key)
        world.emit(self.key, "Released", amount=amount)
        world.move(world.addresses[self.key], self.terms.sponsor, amount, "released")
        return amount
