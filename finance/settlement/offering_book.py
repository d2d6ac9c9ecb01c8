"""A primary issue by a book of orders: the books of contracts/market/OrderBook.sol.

All pay the highest price at which the whole issue is wanted, or the least where it is not. Orders above it
are filled whole, those at it pro rata, rounded where each lies in the row of those at its level, so that
shares sum to what is left for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.claim_token import TokenBooks
from finance.settlement.sale import REFUND, SETTLE, SETTLEMENT_PERIOD, SaleBooks, SaleTerms, State
from finance.settlement.widths import SettlementError
from finance.settlement.world import World

MAX_LEVELS = 64
DELIVERY_PERIOD = 7 * 86_400
"""What is not delivered within this time after the window lapses."""
_MOST = 2**64 - 1

_ORDER = {"investor": "address", "number": "uint256"}
ACTS = table(
    Call(
        "order",
        ANYONE,
        "order units at a price or less, and pay that in",
        {"units": "uint256", "price": "uint256"},
    ),
    Call("clear", ANYONE, "after the window: find the price that all pay"),
    Call("deliver", ANYONE, "give an investor the units that an order has bought", _ORDER),
    Call("take", ANYONE, "give an investor what an order did not need", _ORDER),
    SETTLE,
    REFUND,
)


class Ladder(NamedTuple):
    """IOrderBook.Ladder: `levels` of prices, from the sale's unit price up by `tick` minor units each, and
    the `minimum` units of an order."""

    tick: int
    levels: int
    minimum: int = 1


class Order(NamedTuple):
    """IOrderBook.Order. `start`: units ordered before it at its level."""

    units: int
    start: int
    level: int
    delivered: bool = False


class Cleared(NamedTuple):
    """What came of a book: the level of the price, and the units for orders at just that."""

    level: int
    at_price: int


def cleared(ordered_at: Mapping[int, int], levels: int, issue: int) -> tuple[Cleared, int]:
    """What comes of units ordered at levels, and how many are sold of an `issue` of so many: at the highest
    level at which all are wanted, or at the lowest."""
    left = issue
    for level in reversed(range(levels)):
        wanted = ordered_at.get(level, 0)
        if wanted >= left or level == 0:
            break
        left -= wanted
    at_price = min(wanted, left)
    return Cleared(level, at_price), issue - left + at_price


def share(order: Order, result: Cleared, ordered_at: int) -> int:
    """Units that an order buys, of which so many were ordered at the price's level."""
    if order.level != result.level:
        return order.units if order.level > result.level else 0
    end = order.start + order.units
    return end * result.at_price // ordered_at - order.start * result.at_price // ordered_at


@dataclass
class OrderBooks(SaleBooks):
    """An issue's state. `orders` by investor and number; `result` is None until the book is cleared."""

    KIND: ClassVar[str] = "offering_book"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: SaleTerms
    ladder: Ladder
    sold: int = 0
    sold_to_parties: int = 0
    settled: bool = False
    count: int = 0
    ordered: int = 0
    ordered_by_parties: int = 0
    to_deliver: int = 0
    result: Cleared | None = None
    ordered_at: MutableMapping[int, int] = field(default_factory=dict)
    orders: MutableMapping[tuple[str, int], Order] = field(default_factory=dict)
    key: str = "offering"

    # -- questions

    def state(self, at: int) -> State:
        """The state by the clock."""
        terms = self.terms
        if self.settled:
            return State.SETTLED
        if at < terms.opens:
            return State.NOT_OPEN
        if at < terms.closes:
            return State.OPEN
        if self.is_delivery_over(at) or (self.result and not self.to_deliver):
            met = self._meets(self.sold, self.sold_to_parties)
        else:
            met = self.result is not None or self._meets(self.ordered, self.ordered_by_parties)
        return State.SUCCEEDED if met and at <= terms.closes + SETTLEMENT_PERIOD else State.FAILED

    @property
    def placed(self) -> int:
        return self.ordered

    def coming(self, at: int) -> int:
        return self.sold if self.is_delivery_over(at) else min(self.ordered, self.terms.hard_cap)

    @property
    def turn(self) -> str:
        return "clear" if self.result is None else "deliver" if self.to_deliver else "settle"

    def buying(self, world: World, by: str, units: int) -> Act:
        """At the least price, which nobody is asked less than."""
        wanted = max(units, self.ladder.minimum)
        return self._now(world, "order", by, units=wanted, price=self.terms.unit_price)

    def is_delivery_over(self, at: int) -> bool:
        """Whether what is not delivered has lapsed."""
        return at >= self.terms.closes + DELIVERY_PERIOD

    @property
    def price(self) -> int:
        return self.price_at(self.result.level if self.result else 0)

    def price_at(self, level: int) -> int:
        """Of a level, minor units."""
        return self.terms.unit_price + level * self.ladder.tick

    def level_of(self, price: int) -> int | None:
        """Of a price; None where it is on no level."""
        level, off = divmod(price - self.terms.unit_price, self.ladder.tick)
        return level if not off and 0 <= level < self.ladder.levels else None

    def allotted(self, investor: str, number: int) -> int:
        """Units that an order has bought, once the price is known."""
        order = self._existing(investor, number)
        if self.result is None:
            return 0
        return share(order, self.result, self.ordered_at.get(self.result.level, 0))

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        if call not in ("deliver", "take"):
            return {}
        return {"investor": {who for who, _ in self.orders}, "number": {number for _, number in self.orders}}

    def due(self, world: World) -> list[Act]:
        bought = [
            self._now(world, "deliver", investor=who, number=number)
            for (who, number), order in self.orders.items()
            if self.result and not order.delivered and self.allotted(who, number)
        ]
        return [self._now(world, "clear"), *bought, self._now(world, "settle")]

    def dates(self) -> list[int]:
        return [*super().dates(), self.terms.closes + DELIVERY_PERIOD]

    def owing(self, world: World) -> list[Act]:
        """Each investor takes what its orders did not need, and after a failed issue its money back."""
        failed = self.has_failed(world.at)
        rest = [
            self._now(world, "take", who, investor=who, number=number)
            for who, number in self.orders
            if failed or self.rest(world, who, number)
        ]
        return rest + (self._refunds(world) if failed else [])

    def rest(self, world: World, investor: str, number: int) -> int:
        """What an order gives back now, minor units."""
        if self.result is None and not self.has_failed(world.at):
            return 0
        order, units = self._existing(investor, number), self.allotted(investor, number)
        if not order.delivered and self.is_delivery_over(world.at):
            units = 0
        return order.units * self.price_at(order.level) - units * self.price

    # -- acts

    def order(self, world: World, by: str, units: int, price: int) -> int:
        self._require(world, State.OPEN)
        if not self.ladder.minimum <= units <= self.terms.hard_cap:
            raise SettlementError(f"{self.key}: an order of {units} units")
        level = self.level_of(price)
        if level is None:
            raise SettlementError(f"{self.key}: no level has the price {price}")
        if by in self.terms.parties:
            if level or units > self.open_to_parties(self.ordered_by_parties):
                raise SettlementError(f"{self.key}: {units} units at {price} for {by}, a party of the deal")
            self.ordered_by_parties += units
        last = self.terms.closes + DELIVERY_PERIOD - 1
        if not world.books(self.terms.token, TokenBooks).can_hold(world, by, last):
            raise SettlementError(f"{self.key}: {by} may not hold units until they are delivered")
        if self.ordered + units > _MOST:
            raise SettlementError(f"{self.key}: {units} more than {self.ordered} units ordered")
        start, self.count = self.ordered_at.get(level, 0), self.count + 1
        self.ordered += units
        self.ordered_at[level] = start + units
        self.orders[by, self.count] = Order(units, start, level)
        paid = units * price
        said = {"investor": by, "order": self.count, "units": units, "price": price, "paid": paid}
        world.emit(self.key, "Ordered", **said)
        world.move(by, world.addresses[self.key], paid, "order")
        return self.count

    def clear(self, world: World, by: str) -> None:
        self._require(world, State.SUCCEEDED)
        if self.result is not None:
            raise SettlementError(f"{self.key}: is cleared")
        self.result, self.to_deliver = cleared(self.ordered_at, self.ladder.levels, self.terms.hard_cap)
        said = {"units": self.to_deliver, "price": self.price, "atPrice": self.result.at_price}
        world.emit(self.key, "BookCleared", ordered=self.ordered, **said)

    def deliver(self, world: World, by: str, investor: str, number: int) -> int:
        order, units = self._existing(investor, number), self.allotted(investor, number)
        if self.is_delivery_over(world.at) or order.delivered or not units:
            raise SettlementError(f"{self.key}: nothing of order {number} can be delivered")
        self.orders[investor, number] = order._replace(delivered=True)
        self._deliver(world, investor, number, units)
        return units

    def take(self, world: World, by: str, investor: str, number: int) -> int:
        order, units = self._existing(investor, number), self.allotted(investor, number)
        if self.result is None and not self.has_failed(world.at):
            raise SettlementError(f"{self.key}: order {number}, before the price is known")
        amount = self.rest(world, investor, number)
        del self.orders[investor, number]
        if units and not order.delivered and not self.is_delivery_over(world.at):
            self._deliver(world, investor, number, units)
        world.emit(self.key, "Taken", investor=investor, order=number, amount=amount)
        world.move(world.addresses[self.key], investor, amount, "rest")
        return amount

    def settle(self, world: World, by: str) -> None:
        self._require(world, State.SUCCEEDED)
        if self.result is None or (self.to_deliver and not self.is_delivery_over(world.at)):
            raise SettlementError(f"{self.key}: {self.to_deliver} units are to be delivered first")
        self._pay(world)

    # -- within

    def _existing(self, investor: str, number: int) -> Order:
        if (investor, number) not in self.orders:
            raise SettlementError(f"{self.key}: {investor} has no order {number}")
        return self.orders[investor, number]

    def _deliver(self, world: World, investor: str, number: int, units: int) -> None:
        self.to_deliver -= units
        self.sold += units
        if investor in self.terms.parties:
            self.sold_to_parties += units
        world.emit(self.key, "Delivered", investor=investor, order=number, units=units)
        world.call(self.key, self.terms.token, "mint", to=investor, units=units)
