"""A primary issue, money against units: the books of contracts/market/Offering.sol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.sale import REFUND, SETTLE, SETTLEMENT_PERIOD, SaleBooks, SaleTerms, State
from finance.settlement.widths import SettlementError
from finance.settlement.world import World

ACTS = table(
    Call("subscribe", ANYONE, "buy units at the issue's price", {"units": "uint256"}),
    SETTLE,
    REFUND,
)


@dataclass
class OfferingBooks(SaleBooks):
    """An issue's state. `last_sale` is the number of a block."""

    KIND: ClassVar[str] = "offering"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: SaleTerms
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
        met = self._meets(self.sold, self.sold_to_parties)
        return State.SUCCEEDED if met and at <= terms.closes + SETTLEMENT_PERIOD else State.FAILED

    def available(self, buyer: str) -> int:
        """Units that somebody could buy."""
        left = self.terms.hard_cap - self.sold
        if buyer not in self.terms.parties:
            return left
        return min(left, self.open_to_parties(self.sold_to_parties))

    def buying(self, world: World, by: str, units: int) -> Act:
        return self._now(world, "subscribe", by, units=units)

    def due(self, world: World) -> list[Act]:
        return [self._now(world, "settle")]

    def owing(self, world: World) -> list[Act]:
        return self._refunds(world) if self.has_failed(world.at) else []

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
        self._pay(world)
