"""A primary issue, money against units: the books of contracts/market/Offering.sol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.claim_token import TokenBooks
from finance.settlement.widths import SettlementError, wrong_state
from finance.settlement.world import Books, World

SETTLEMENT_PERIOD = 30 * 86_400

ACTS = table(
    Call("subscribe", ANYONE, "buy units at the issue's price", {"units": "uint256"}),
    Call("settle", ANYONE, "after a successful issue: proceeds to the issuer, and the claim begins"),
    Call("refund", ANYONE, "after a failed issue: return one's units for their price", {"units": "uint256"}),
)


class State(IntEnum):
    """IOffering.State"""

    NOT_OPEN, OPEN, SUCCEEDED, FAILED, SETTLED = range(5)


@dataclass(frozen=True, slots=True)
class OfferingTerms:
    """IOffering.Terms. `issuer` and `parties` are addresses; `token` and `servicer`, which begins when the
    issue is settled, are keys of parts. Price in minor units, caps in units, window in unix seconds."""

    issuer: str
    unit_price: int
    soft_cap: int
    hard_cap: int
    opens: int
    closes: int
    parties: tuple[str, ...]
    token: str = "token"  # noqa: S105 - the key of a part
    servicer: str = "bond"


@dataclass
class OfferingBooks(Books):
    """An issue's state. `last_sale` is the number of a block."""

    KIND: ClassVar[str] = "offering"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: OfferingTerms
    sold: int = 0
    sold_to_parties: int = 0
    last_sale: int = 0
    settled: bool = False
    key: str = "offering"

    # -- questions

    def state(self, at: int) -> State:
        """The state by the clock."""
        terms = self.terms
        if self.settled:
            return State.SETTLED
        if at < terms.opens:
            return State.NOT_OPEN
        if at < terms.closes and self.sold < terms.hard_cap:
            return State.OPEN
        met = self.sold - self.sold_to_parties >= terms.soft_cap
        return State.SUCCEEDED if met and at <= terms.closes + SETTLEMENT_PERIOD else State.FAILED

    def available(self, buyer: str) -> int:
        """Units that somebody could buy."""
        left = self.terms.hard_cap - self.sold
        if buyer not in self.terms.parties:
            return left
        return min(left, self.terms.hard_cap - self.terms.soft_cap - self.sold_to_parties)

    def for_sale(self, at: int) -> int:
        return self.terms.hard_cap - self.sold if self.state(at) == State.OPEN else 0

    def due(self, world: World) -> list[Act]:
        return [self._now(world, "settle")]

    def dates(self) -> list[int]:
        return [self.terms.opens, self.terms.closes]

    def owing(self, world: World) -> list[Act]:
        """After a failed issue each holder takes its money back."""
        if self.state(world.at) != State.FAILED:
            return []
        return [
            self._now(world, "refund", holder, units=account.units)
            for holder, account in world.books(self.terms.token, TokenBooks).accounts.items()
            if account.units
        ]

    # -- acts

    def subscribe(self, world: World, by: str, units: int) -> int:
        self._require(world, State.OPEN)
        if not 0 < units <= self.available(by):
            raise SettlementError(f"{self.key}: {units} of {self.available(by)} units")
        self.sold += units
        if by in self.terms.parties:
            self.sold_to_parties += units
        self.last_sale = world.block
        paid = units * self.terms.unit_price
        world.emit(self.key, "Subscribed", investor=by, units=units, paid=paid)
        world.call(self.key, self.terms.token, "mint", to=by, units=units)
        world.move(by, world.addresses[self.key], paid, "subscription")
        return paid

    def settle(self, world: World, by: str) -> None:
        self._require(world, State.SUCCEEDED)
        if world.block <= self.last_sale:
            raise SettlementError(f"{self.key}: settled in block {world.block}, of the last sale")
        self.settled = True
        proceeds = self.sold * self.terms.unit_price
        world.emit(self.key, "OfferingSettled", units=self.sold, proceeds=proceeds)
        world.call(self.key, self.terms.servicer, "activate")
        world.move(world.addresses[self.key], self.terms.issuer, proceeds, "proceeds")

    def refund(self, world: World, by: str, units: int) -> int:
        self._require(world, State.FAILED)
        if units == 0:
            raise SettlementError(f"{self.key}: a refund of no units")
        amount = units * self.terms.unit_price
        world.emit(self.key, "Refunded", holder=by, units=units, amount=amount)
        world.call(self.key, self.terms.token, "burn", **{"from": by, "units": units})
        world.move(world.addresses[self.key], by, amount, "refund")
        return amount

    def _require(self, world: World, expected: State) -> None:
        state = self.state(world.at)
        if state != expected:
            raise wrong_state(self.key, state, expected)
