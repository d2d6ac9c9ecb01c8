"""A primary sale, money against units of a claim: what is common to those of contracts/market/Sale.sol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from finance.settlement.acts import ANYONE, Act, Call
from finance.settlement.claim_token import TokenBooks
from finance.settlement.widths import SettlementError, wrong_state
from finance.settlement.world import Books, World

SETTLEMENT_PERIOD = 30 * 86_400

SETTLE = Call("settle", ANYONE, "after a successful issue: proceeds to the issuer, and the claim begins")
REFUND = Call(
    "refund", ANYONE, "after a failed issue: return one's units for their price", {"units": "uint256"}
)


class State(IntEnum):
    """ISale.State"""

    NOT_OPEN, OPEN, SUCCEEDED, FAILED, SETTLED = range(5)


@dataclass(frozen=True, slots=True)
class SaleTerms:
    """ISale.Terms. `issuer` and `parties` are addresses; `token` and `servicer`, which begins when the
    issue is settled, are keys of parts. Price in minor units, of a book the least; caps in units, window in
    unix seconds."""

    issuer: str
    unit_price: int
    soft_cap: int
    hard_cap: int
    opens: int
    closes: int
    parties: tuple[str, ...]
    token: str = "token"  # noqa: S105 - the key of a part
    servicer: str = "bond"


class SaleBooks(Books):
    """An issue's state, of whatever kind of sale."""

    terms: Any  # SaleTerms, which dataclasses of each kind state
    sold: int
    sold_to_parties: int
    settled: bool

    # -- questions

    def state(self, at: int) -> State:
        """The state by the clock."""
        raise NotImplementedError

    @property
    def placed(self) -> int:
        """Units that people have bought, or ordered."""
        return self.sold

    def coming(self, at: int) -> int:
        """Units that a success has when it is settled, as far as is known."""
        return self.sold

    @property
    def turn(self) -> str:
        """The act that leads a success on to its settlement."""
        return "settle"

    def for_sale(self, at: int) -> int:
        left: int = self.terms.hard_cap - self.placed
        return max(0, left) if self.state(at) == State.OPEN else 0

    def has_failed(self, at: int) -> bool:
        return self.state(at) == State.FAILED

    @property
    def price(self) -> int:
        """What a unit costs that is sold, minor units."""
        price: int = self.terms.unit_price
        return price

    @property
    def proceeds(self) -> int:
        """What the issuer was given, minor units; 0 until it is settled."""
        return self.sold * self.price if self.settled else 0

    def open_to_parties(self, bought: int) -> int:
        """Units that parties of the deal could still buy, who have bought so many."""
        open_: int = self.terms.hard_cap - self.terms.soft_cap - bought
        return open_

    def dates(self) -> list[int]:
        return [self.terms.opens, self.terms.closes]

    # -- acts

    def refund(self, world: World, by: str, units: int) -> int:
        self._require(world, State.FAILED)
        if units == 0:
            raise SettlementError(f"{self.key}: a refund of no units")
        amount = units * self.price
        world.emit(self.key, "Refunded", holder=by, units=units, amount=amount)
        world.call(self.key, self.terms.token, "burn", **{"from": by, "units": units})
        world.move(world.addresses[self.key], by, amount, "refund")
        return amount

    # -- within

    def _refunds(self, world: World) -> list[Act]:
        """After a failed issue each holder takes its money back."""
        return [
            self._now(world, "refund", holder, units=account.units)
            for holder, account in world.books(self.terms.token, TokenBooks).accounts.items()
            if account.units
        ]

    def _pay(self, world: World) -> None:
        """The end of a success."""
        self.settled = True
        world.emit(self.key, "OfferingSettled", units=self.sold, proceeds=self.proceeds)
        world.call(self.key, self.terms.servicer, "activate")
        world.move(world.addresses[self.key], self.terms.issuer, self.proceeds, "proceeds")

    def _meets(self, units: int, of_parties: int) -> bool:
        met: bool = units - of_parties >= self.terms.soft_cap
        return met

    def _require(self, world: World, expected: State) -> None:
        state = self.state(world.at)
        if state != expected:
            raise wrong_state(self.key, state, expected)
