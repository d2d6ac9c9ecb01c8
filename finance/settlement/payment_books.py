"""A KPI payment among the parts of its deal: the books of contracts/instruments/KpiPayment.sol.

What an act makes of the swap is `finance.settlement.kpi_payment`; here it is called as the contract is, gets
its reports from the oracle, moves the currency, and says what the contract says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from finance.settlement import kpi_payment
from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.kpi_payment import (
    MAX_AMOUNT,
    Activation,
    CloseOut,
    CloseOutRule,
    Funding,
    Ledger,
    MarginCall,
    PaymentTerms,
    Settlement,
    Side,
    State,
    Termination,
    Withdrawal,
)
from finance.settlement.netting import Debt
from finance.settlement.widths import SettlementError, wrong_state
from finance.settlement.world import Books, World

_SIDE = {"side": Side}
ACTS = table(
    Call(
        "activate", ANYONE, "begin, with the collateral of both sides in place; only the payee if it starts"
    ),
    Call("settle", ANYONE, "fix and pay the next period, by its report"),
    Call("fund", ANYONE, "pay in for a side: what it owes, then its balance", {**_SIDE, "amount": "uint256"}),
    Call("withdraw", ANYONE, "pay a party its credit, and if it calls itself what it need not hold", _SIDE),
    Call("call_margin", ANYONE, "call a side that lacks collateral or owes to make it good", _SIDE),
    Call("close_out", ANYONE, "after a default: the defaulter pays what closes the swap"),
    Call(
        "propose_termination",
        "party",
        "offer to end the swap against a signed amount",
        {"amount": "int128", "expiry": "uint64"},
    ),
    Call("withdraw_termination", "party", "take one's own offer back"),
    Call("accept_termination", "party", "accept the other side's offer", {"id": "uint32"}),
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A side's offer to end the swap; `id` 0: none ever, `expiry` 0: taken back."""

    id: int = 0
    periods_settled: int = 0
    expiry: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class PaymentParts:
    """Whom a payment knows: `payer` and `payee` are addresses, `oracle` the key of a part, `feed` and
    `value_feed` ids of its feeds. The payee begins the swap, or anyone."""

    payer: str
    payee: str
    feed: str
    value_feed: str | None = None
    payee_starts: bool = False
    oracle: str = "oracle"


@dataclass
class PaymentBooks(Books):
    """A swap's state: `ledger`, and each side's offer to end it."""

    KIND: ClassVar[str] = "payment"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: PaymentTerms
    parts: PaymentParts
    ledger: Ledger = Ledger(0)  # noqa: RUF009 - it is frozen
    proposals: tuple[Proposal, Proposal] = (Proposal(), Proposal())
    key: str = "swap"

    # -- questions

    def state(self, at: int) -> State:
        """The state by the clock."""
        return kpi_payment.state_at(self.terms, self.ledger, at)

    def owed(self, side: Side, at: int) -> int:
        """What a side owes and has not paid, in minor units, with interest to now."""
        return kpi_payment.owed(self.terms, self.ledger, side, at)

    def debt(self, side: Side, at: int) -> Debt:
        """What a side owes, principal and interest apart."""
        return kpi_payment.debt_at(self.terms, self.ledger.accounts[side], at)

    def defaulted_at(self, at: int) -> int:
        """The margin deadline that has passed first, or 0."""
        return kpi_payment.defaulted_at(self.ledger, at)

    def withdrawable(self, side: Side, at: int, by_party: bool = True) -> int:
        """What a withdrawal for a side would pay now."""
        return kpi_payment.withdrawable(self.terms, self.ledger, side, at, by_party)

    @property
    def periods_settled(self) -> int:
        return len(self.ledger.amounts)

    def party(self, side: Side) -> str:
        """A side's address."""
        return self.parts.payer if side == Side.PAYER else self.parts.payee

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"party": [self.parts.payer, self.parts.payee]}

    def due(self, world: World) -> list[Act]:
        begin = [] if self.parts.payee_starts else [self._now(world, "activate")]
        calls = [self._now(world, "call_margin", side=side) for side in Side]
        return [*begin, self._now(world, "settle"), self._now(world, "close_out"), *calls]

    def dates(self) -> list[int]:
        return [self.terms.start_by, *(period.pay_date for period in self.terms.periods)]

    def promised(self, world: World) -> list[Act]:
        """Each side outside the deal posts what it lacks of its collateral, pays in what the settlement that
        can be made now will take, and pays what it owes, after the end too."""
        found, after = [], self
        if self.state(world.at) == State.ACTIVE:
            with suppress(SettlementError):
                after = world.tried(self._now(world, "settle"))[0].books(self.key, PaymentBooks)
        runs = after.state(world.at) in (State.AGREED, State.ACTIVE)
        for side in Side:
            lacks = after.owed(side, world.at)
            if runs:
                lacks += max(0, self.terms.required[side] - after.ledger.accounts[side].balance)
            if lacks and self.party(side) not in world.own:
                found.append(self._now(world, "fund", self.party(side), side=side, amount=lacks))
        return found

    def owing(self, world: World) -> list[Act]:
        """Each side outside the deal takes what it can have; collateral that it has posted for the beginning
        stays, as it promised."""
        if self.state(world.at) == State.AGREED:
            return []
        return [
            self._now(world, "withdraw", self.party(side), side=side)
            for side in Side
            if self.party(side) not in world.own and self.withdrawable(side, world.at)
        ]

    # -- acts

    def activate(self, world: World, by: str) -> None:
        if self.parts.payee_starts and by != self.parts.payee:
            raise SettlementError(f"{self.key}: begun by {by or 'anyone'}, not by the payee")
        self._apply(Activation(world.at))
        world.emit(self.key, "PaymentActivated")

    def settle(self, world: World, by: str) -> int:
        self._require_running(world)
        index = self.periods_settled
        kpi = self._report(world, self.parts.feed, index)
        before = self._apply(Settlement(world.at, kpi))
        said = {"period": index, "kpi": kpi or 0, "missing": kpi is None, "amount": self.ledger.last}
        world.emit(self.key, "PeriodSettled", **said)
        self._say_paid(world, before)
        if self.ledger.status == State.MATURED:
            world.emit(self.key, "Matured")
        return self.ledger.last

    def fund(self, world: World, by: str, side: Side, amount: int) -> None:
        before = self._apply(Funding(world.at, side, amount))
        other = Side(1 - side)
        repaid = self.ledger.accounts[other].credit - before.accounts[other].credit
        world.emit(self.key, "Funded", **{"side": side, "from": by, "amount": amount, "repaid": repaid})
        self._say_restored(world, before, side)
        world.move(by, world.addresses[self.key], amount, "funding")

    def withdraw(self, world: World, by: str, side: Side) -> int:
        to = self.party(side)
        if side == Side.PAYEE and self.parts.payee_starts and by != to:
            raise SettlementError(f"{self.key}: what it has for the payee, which takes it itself")
        self._apply(Withdrawal(world.at, side, by == to))
        paid = self.ledger.last
        if paid:
            world.emit(self.key, "Withdrawn", side=side, to=to, amount=paid)
            world.move(world.addresses[self.key], to, paid, "withdrawal")
        return paid

    def call_margin(self, world: World, by: str, side: Side) -> None:
        self._apply(MarginCall(world.at, side))
        world.emit(self.key, "MarginCalled", side=side, deadline=self.ledger.accounts[side].deadline)

    def close_out(self, world: World, by: str) -> int:
        index, value = self.periods_settled, None
        default = self.defaulted_at(world.at)
        by_model = self.terms.close_out_rule == CloseOutRule.MODEL_VALUE
        if by_model and self.parts.value_feed is not None:
            value = self._report(world, self.parts.value_feed, index)
        elif self.terms.close_out_rule == CloseOutRule.REPLACEMENT_COST:
            year = kpi_payment.periods_a_year(self.terms)
            for period in range(max(0, index - year), index):  # used already, so they are what they were
                self._report(world, self.parts.feed, period)
        before = self._apply(CloseOut(world.at, value))
        said = {"period": index, "defaultedAt": default, "missing": by_model and value is None}
        world.emit(self.key, "ClosedOut", **said, amount=self.ledger.last)
        self._say_paid(world, before)
        return self.ledger.last

    # -- early termination

    def propose_termination(self, world: World, by: str, amount: int, expiry: int) -> int:
        self._require_running(world)
        if abs(amount) > MAX_AMOUNT or expiry < world.at:
            raise SettlementError(f"{self.key}: an offer of {amount} until {expiry}")
        side = self._side(by)
        made = Proposal(self.proposals[side].id + 1, self.periods_settled, expiry, amount)
        self._propose(side, made)
        world.emit(self.key, "TerminationProposed", side=side, id=made.id, amount=amount, expiry=expiry)
        return made.id

    def withdraw_termination(self, world: World, by: str) -> None:
        self._require_running(world)
        side = self._side(by)
        mine = self.proposals[side]
        if not mine.expiry:
            raise SettlementError(f"{self.key}: the {side.name.lower()} has no offer")
        self._propose(side, replace(mine, expiry=0))
        world.emit(self.key, "TerminationWithdrawn", side=side, id=mine.id)

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        offers = {each.id for each in self.proposals if each.id}
        return {"id": sorted(offers)} if call == "accept_termination" else {}

    def accept_termination(self, world: World, by: str, id: int) -> None:
        self._require_running(world)
        proposer = Side(1 - self._side(by))
        theirs = self.proposals[proposer]
        if theirs.id != id or theirs.expiry < world.at or theirs.periods_settled != self.periods_settled:
            raise SettlementError(f"{self.key}: offer {id} of the {proposer.name.lower()} is not open")
        before = self._apply(Termination(world.at, theirs.amount))
        world.emit(self.key, "AgreedTermination", proposer=proposer, id=id, amount=theirs.amount)
        self._say_paid(world, before)

    # -- within

    def _apply(self, act: kpi_payment.SwapAct) -> Ledger:
        """The ledger before the act."""
        before, self.ledger = self.ledger, kpi_payment.apply(self.terms, self.ledger, act)
        return before

    def _report(self, world: World, feed: str, period: int) -> int | None:
        """The settled value of a report, used from now on; None when it is missing."""
        value, missing = world.call(self.key, self.parts.oracle, "consume", feed=feed, period=period)
        return None if missing else int(value)

    def _say_paid(self, world: World, before: Ledger) -> None:
        """How the last amount was paid: what is not netted goes to the credit or is owed."""
        amount = self.ledger.last
        debtor = Side.PAYEE if amount < 0 else Side.PAYER
        creditor = Side(1 - debtor)
        paid = self.ledger.accounts[creditor].credit - before.accounts[creditor].credit
        unpaid = self.ledger.accounts[debtor].debt.principal - before.accounts[debtor].debt.principal
        netted = abs(amount) - paid - unpaid
        world.emit(self.key, "AmountPaid", amount=amount, netted=netted, paid=paid, unpaid=unpaid)
        self._say_restored(world, before, creditor)

    def _say_restored(self, world: World, before: Ledger, side: Side) -> None:
        """A call that has ended before the swap has was met."""
        called = before.accounts[side].deadline and not self.ledger.accounts[side].deadline
        if called and self.ledger.status == State.ACTIVE:
            world.emit(self.key, "MarginRestored", side=side)

    def _propose(self, side: Side, made: Proposal) -> None:
        payer, payee = self.proposals
        self.proposals = (made, payee) if side == Side.PAYER else (payer, made)

    def _side(self, party: str) -> Side:
        return Side.PAYER if party == self.parts.payer else Side.PAYEE

    def _require_running(self, world: World) -> None:
        if self.ledger.status != State.ACTIVE:
            raise wrong_state(self.key, self.state(world.at), State.ACTIVE)
