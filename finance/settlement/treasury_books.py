"""A project's treasury among the parts of its deal: the books of contracts/spv/RevenueTreasury.sol.

How money is spent is `finance.settlement.treasury`; here it is called as the contract is, collects from the
swap and pays it, shares out to the token's holders, and says what the contract says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import ClassVar

from finance.settlement import treasury
from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.claim_token import TokenBooks
from finance.settlement.kpi_payment import Side
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks
from finance.settlement.sale import SaleBooks
from finance.settlement.treasury import Party, Period
from finance.settlement.widths import SettlementError, wrong_state
from finance.settlement.world import Books, World

ACTS = table(
    Call("activate", "offering", "begin: the issue is settled"),
    Call("receive_revenue", ANYONE, "pay in revenue of a line", {"line": "bytes32", "amount": "uint256"}),
    Call("pay", ANYONE, "pay the next period: cost, debt, the swap, and the rest to holders"),
    Call("pay_rest", ANYONE, "after the last period: spend what has come since"),
    Call("withdraw", ANYONE, "pay a party its credit", {"party": Party}),
    Call("return_money", ANYONE, "after a failed issue: all money to the issuer", sweeps=True),
)


class State(IntEnum):
    """IRevenueTreasury.State"""

    OFFERED, ACTIVE, CLOSED = range(3)


@dataclass(frozen=True, slots=True)
class TreasuryParts:
    """Whom a treasury knows, beside its `periods`: `operator` and `lender` are addresses, `swap`, if there is
    one, `token` and `offering` keys of parts."""

    periods: tuple[Period, ...]
    operator: str
    lender: str
    swap: str | None = "swap"
    token: str = "token"  # noqa: S105 - the key of a part
    offering: str = "offering"

    def address(self, party: Party) -> str:
        return self.operator if party == Party.OPERATOR else self.lender


@dataclass
class TreasuryBooks(Books):
    """A treasury's state; `ledger` without the swap, whose books are the swap's. The money that it holds is
    the world's to know."""

    KIND: ClassVar[str] = "treasury"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: TreasuryParts
    state: State = State.OFFERED
    units: int = 0
    ledger: treasury.Ledger = treasury.Ledger(0)  # noqa: RUF009 - it is frozen
    key: str = "treasury"

    # -- questions

    def available(self, world: World) -> int:
        """What is held and credited to nobody, in minor units."""
        return world.held(self.key) - sum(self.ledger.credits)

    def swap(self, world: World) -> PaymentBooks | None:
        """The books of the swap, if there is one."""
        return None if self.terms.swap is None else world.books(self.terms.swap, PaymentBooks)

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"offering": [world.addresses[self.terms.offering]]}

    def due(self, world: World) -> list[Act]:
        """The next period; what has come after the last one, while the swap has called the project, or after
        a failed issue, if it is enough to do anything."""
        swap = self.swap(world)
        money, owed, comes, settled = self.available(world), 0, 0, 0
        if swap is not None:
            comes = swap.withdrawable(Side.PAYEE, world.at)
            owed, settled = swap.owed(Side.PAYEE, world.at), swap.periods_settled
            money += comes
        found = [self._now(world, "pay")]
        arrears = sum(self.ledger.arrears)
        held = replace(self.ledger, at=world.at)
        kept = treasury.held_back(self.terms.periods, held, settled)
        does = comes or (money and arrears) or (owed and money > kept)
        if self.ledger.periods_paid == len(self.terms.periods):
            does = does or money >= self.units or (self.state == State.ACTIVE and self._is_over(world))
        if does:
            found.append(self._now(world, "pay_rest"))
        return [*found, self._now(world, "return_money")] if money else found

    def dates(self) -> list[int]:
        return [period.pay_date for period in self.terms.periods]

    def owing(self, world: World) -> list[Act]:
        return [
            self._now(world, "withdraw", self.terms.address(party), party=party)
            for party in Party
            if self.ledger.credits[party]
        ]

    # -- acts

    def activate(self, world: World, by: str) -> None:
        if self.state != State.OFFERED:
            raise SettlementError(f"{self.key}: begun already")
        self.units = world.books(self.terms.token, TokenBooks).supply
        self.state = State.ACTIVE
        world.emit(self.key, "TreasuryActivated", units=self.units)
        if self.terms.swap is not None:
            world.call(self.key, self.terms.swap, "activate")

    def receive_revenue(self, world: World, by: str, line: str, amount: int) -> None:
        self._require_begun()
        world.emit(self.key, "RevenueReceived", **{"line": line, "from": by, "amount": amount})
        world.move(by, world.addresses[self.key], amount, "revenue")

    def pay(self, world: World, by: str) -> int:
        self._require_begun()
        index = self.ledger.periods_paid
        self.ledger = treasury.next_period(self.terms.periods, replace(self.ledger, at=world.at))
        self._await_swap(world, index)
        return self._spend(world, index)

    def pay_rest(self, world: World, by: str) -> int:
        self._require_begun()
        swap = self.swap(world)
        called = swap is not None and treasury.is_called(swap.terms, swap.ledger, world.at)
        if self.ledger.periods_paid < len(self.terms.periods) and not called:
            raise SettlementError(f"{self.key}: the rest, after {self.ledger.periods_paid} periods")
        return self._spend(world, len(self.terms.periods))

    def withdraw(self, world: World, by: str, party: Party) -> int:
        paid = self.ledger.credits[party]
        if paid:
            self.ledger = treasury.withdrawn(self.ledger, party)
            to = self.terms.address(party)
            world.emit(self.key, "Withdrawn", party=party, to=to, amount=paid)
            world.move(world.addresses[self.key], to, paid, party.name.lower())
        return paid

    def return_money(self, world: World, by: str) -> int:
        if self.state != State.OFFERED or not self._has_failed(world):
            raise SettlementError(f"{self.key}: the issue has not failed")
        collected = self._collect(world, None)
        issuer = world.books(self.terms.offering, SaleBooks).terms.issuer
        returned = self.available(world)
        world.emit(self.key, "MoneyReturned", issuer=issuer, collected=collected, returned=returned)
        world.move(world.addresses[self.key], issuer, returned, "returned")
        return returned

    # -- the waterfall

    def _spend(self, world: World, period: int) -> int:
        """As the contract: what is said of it comes before the money moves, but for what is collected."""
        swap, key = self.swap(world), self.key
        collected = self._collect(world, period)
        owed = 0 if swap is None else swap.owed(Side.PAYEE, world.at)
        held = replace(self.ledger, at=world.at, balance=world.held(key))
        settled = 0 if swap is None else swap.periods_settled
        self.ledger = treasury.spent(self.terms.periods, self.units, held, period, collected, owed, settled)
        run = self.ledger.runs[-1]
        said = {"operatingCost": run.paid[0], "debtService": run.paid[1], "swap": run.paid[3]}
        world.emit(key, "PeriodPaid", period=period, collected=collected, **said, holders=run.distributed)
        closes = self.state == State.ACTIVE and self._is_over(world)
        if closes:
            self.state = State.CLOSED
            world.emit(key, "TreasuryClosed")
        if run.paid[3] and self.terms.swap is not None:
            with world.paying("swap_paid", period):
                world.call(key, self.terms.swap, "fund", side=Side.PAYEE, amount=run.paid[3])
        if run.distributed:
            with world.paying("distribution", period):
                world.call(key, self.terms.token, "distribute", amount=run.distributed)
        if closes:
            world.call(key, self.terms.token, "close")
        return run.distributed

    def _collect(self, world: World, period: int | None) -> int:
        if self.terms.swap is None:
            return 0
        with world.paying("swap_received", period):
            return int(world.call(self.key, self.terms.swap, "withdraw", side=Side.PAYEE))

    def _await_swap(self, world: World, period: int) -> None:
        """What the swap brings for a period is there before the period is paid: what can be settled or closed
        out by now, and what its provider owes and may still pay in time."""
        swap = self.swap(world)
        if swap is None:
            return
        oracle, last = world.books(swap.parts.oracle, FeedBooks), len(swap.terms.periods) - 1
        final_at = oracle.report_of(swap.parts.feed, last, world.at).final_at
        treasury.await_swap(swap.terms, swap.ledger, period, world.at, final_at)
        for call in ("settle", "close_out"):
            if world.takes(Act(world.addresses[self.key], swap.key, call, {}, world.at, world.block)):
                raise SettlementError(f"{self.key}: {call} of the swap can be, and comes first")

    def _is_over(self, world: World) -> bool:
        """Whether nothing more is due to come in."""
        swap = self.swap(world)
        if self.ledger.periods_paid < len(self.terms.periods):
            return False
        return swap is None or swap.owed(Side.PAYER, world.at) == 0

    def _has_failed(self, world: World) -> bool:
        return world.books(self.terms.offering, SaleBooks).has_failed(world.at)

    def _require_begun(self) -> None:
        if self.state == State.OFFERED:
            raise wrong_state(self.key, self.state)
