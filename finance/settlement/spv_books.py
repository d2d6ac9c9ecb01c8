"""A vehicle's treasury among the parts of its deal: the books of contracts/spv/Treasury.sol.

How money is spent is `finance.settlement.waterfall`; here it is called as the contract is: money comes in by
line and counts for its period, a period is run once, people are credited and tokens are distributed to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, ClassVar

from finance.settlement import swap_legs, waterfall
from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.claim_token import MAX_INDEX, TokenBooks
from finance.settlement.clock import when
from finance.settlement.feed_report import Status
from finance.settlement.kpi_payment import Side
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks
from finance.settlement.sale import SaleBooks
from finance.settlement.waterfall import MOST
from finance.settlement.waterfall_plan import Compiled, Plan
from finance.settlement.widths import SettlementError, wrong_state
from finance.settlement.world import NOBODY, Books, World

ACTS = table(
    Call("deposit", ANYONE, "fill a pot before the treasury begins", {"pot": "uint256", "amount": "uint256"}),
    Call("activate", "offering", "begin: all issues are settled"),
    Call("receive_revenue", ANYONE, "pay in revenue of a line", {"line": "bytes32", "amount": "uint256"}),
    Call("pay", ANYONE, "run the next period; after the last one, spend what is left and has come since"),
    Call("withdraw", ANYONE, "pay somebody its credit", {"payee": "uint256"}),
    Call("return_money", ANYONE, "after a failed issue: a pot back to its funder", {"pot": "uint256"}, True),
)


DAY = 86_400
STEP_BITS, TO_BITS = 8, 8
"""Of a move as the contract says it: its step, where to, and above them the amount."""


def proportional(whole: int, value: int, at: int) -> int:
    """What is due of money that follows a KPI, all of it where the `value` is `at`; below 0 nothing. Rounded
    down."""
    return whole * max(0, value) // at


def moved(plan: Plan, moves: Iterable[int]) -> Iterator[tuple[int, str, str, int]]:
    """What each step of a period did, in order, of moves as the contract says them: its number from 1, from
    where to where (Plan.ends), and how much, minor units."""
    for each in moves:
        step, to = each & (1 << STEP_BITS) - 1, each >> STEP_BITS & (1 << TO_BITS) - 1
        yield step + 1, *plan.ends(step, to), each >> STEP_BITS + TO_BITS


class State(IntEnum):
    """ITreasury.State"""

    OFFERED, ACTIVE, CLOSED = range(3)


@dataclass(frozen=True, slots=True)
class Line:
    """A source of revenue: its name as the contract has it (bytes32), the address of the only one who may pay
    it in, or NOBODY, and what is `expected` by period, minor units, of which the contract knows nothing: if
    it is `measured`, by the number of a fact, in proportion to its value, all of it `at` this one; where a
    report is `missing`, to this one."""

    name: str
    payer: str = NOBODY
    expected: tuple[int, ...] = ()
    measured: int | None = None
    at: int = 1
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Fact:
    """A KPI: its feed's value of the period, or what counts where it is missing."""

    oracle: str
    feed: str
    missing: int


@dataclass(frozen=True, slots=True)
class Payee:
    """The key of a token, of which so many `units` are in issue, or, without units, an address."""

    to: str
    units: int = 0


@dataclass(frozen=True, slots=True)
class Leg:
    """A KPI payment of which the treasury is the payee, by the key of its part: its money is revenue of a
    `line`, and what is owed on it is paid as to a `payee`, each by its number."""

    swap: str
    line: int
    payee: int


@dataclass(frozen=True, slots=True)
class SpvTerms:
    """What a treasury runs and whom it knows: the waterfall, when its periods are `due`, who pays in and
    decides, who filled each pot, who is paid for each claim. `offerings` are keys of parts."""

    compiled: Compiled
    due: tuple[int, ...]
    lines: tuple[Line, ...]
    facts: tuple[Fact, ...]
    funders: tuple[str, ...]
    payees: tuple[Payee, ...]
    payee_of: tuple[int, ...]
    offerings: tuple[str, ...] = ("offering",)
    swaps: tuple[Leg, ...] = ()


@dataclass
class SpvBooks(Books):
    """A treasury's state: the waterfall's, revenue by period and line, and what payees have not been paid.
    `held` is all of it; the money that it holds besides is the world's to know."""

    KIND: ClassVar[str] = "spv"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: SpvTerms
    spent: waterfall.State
    state: State = State.OFFERED
    begun: int = 0
    periods_paid: int = 0
    held: int = 0
    income: dict[tuple[int, int], int] = field(default_factory=dict)
    credits: dict[int, int] = field(default_factory=dict)
    key: str = "treasury"

    @classmethod
    def of(cls, terms: SpvTerms, key: str = "treasury") -> SpvBooks:
        """As the contract begins: its pots are still to be filled."""
        begins = terms.compiled.state
        pots = terms.compiled.waterfall.pots
        return cls(terms, replace(begins, registers=(*[0] * pots, *begins.registers[pots:])), key=key)

    # -- questions

    @property
    def openings(self) -> tuple[int, ...]:
        """What is to be in each pot beside the cash before the treasury begins, in minor units."""
        return self.terms.compiled.state.registers[1 : self.terms.compiled.waterfall.pots]

    def open_period(self, at: int) -> int:
        """The period that revenue counts for at a time: the first not due yet, of those not run."""
        period = self.periods_paid
        while period < len(self.terms.due) and self.terms.due[period] <= at:
            period += 1
        return period

    def has_failed(self, world: World) -> bool:
        """Whether an issue has, so that the treasury never begins."""
        sales = [world.books(key, SaleBooks) for key in self.terms.offerings]
        ended = (sale.has_failed(world.at) or (sale.settled and not self.begun) for sale in sales)
        return self.state == State.OFFERED and any(ended)

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"offering": [world.addresses[key] for key in self.terms.offerings]}

    def due(self, world: World) -> list[Act]:
        if self.has_failed(world):
            pots = [pot for pot in range(1, len(self.spent_pots)) if self.spent_pots[pot]]
            sent = [0] if world.held(self.key) > self.held else []
            return [self._now(world, "return_money", pot=pot) for pot in [*pots, *sent]]
        return [self._now(world, "pay")]

    def promised(self, world: World) -> list[Act]:
        """Funders fill their pots, and in the last day before a period is due whoever pays a line pays what
        is to have come of it by then."""
        if self.state == State.OFFERED:
            return [] if self.has_failed(world) else self._fills(world)
        period = self.open_period(world.at)
        if period == len(self.terms.due) or world.at < self.terms.due[period] - DAY:
            return []
        acts = []
        for number, line in enumerate(self.terms.lines):
            paid = sum(self.income.get((each, number), 0) for each in range(period + 1))
            left = sum(self.expected(world, number, each) for each in range(period + 1)) - paid
            if left > 0 and line.payer != NOBODY and line.payer not in world.own:
                acts.append(self._now(world, "receive_revenue", line.payer, line=line.name, amount=left))
        return acts

    def expected(self, world: World, number: int, period: int) -> int:
        """What is to come of a line, by its number, for a period (from 0), in minor units; nothing while the
        KPI that it follows is not settled."""
        line = self.terms.lines[number]
        whole = line.expected[period] if line.expected else 0
        if line.measured is None:
            return whole
        value = self.known(world, line.measured, period, line.missing)
        return 0 if value is None else proportional(whole, value, line.at)

    def known(self, world: World, number: int, period: int, missing: int) -> int | None:
        """The value of a KPI, by the number of its fact, that stands for a period, `missing` where there is
        none; None while that is not settled."""
        fact = self.terms.facts[number]
        report = world.books(fact.oracle, FeedBooks).report_of(fact.feed, period, world.at)
        return missing if report.status is Status.MISSING else report.settled_value

    def _fills(self, world: World) -> list[Act]:
        wanted = zip(self.openings, self.spent_pots[1:], self.terms.funders, strict=True)
        return [
            self._now(world, "deposit", funder, pot=pot, amount=opening - there)
            for pot, (opening, there, funder) in enumerate(wanted, start=1)
            if opening > there
        ]

    @property
    def spent_pots(self) -> tuple[int, ...]:
        """What is in each pot, the cash first, in minor units."""
        return self.spent.registers[: self.terms.compiled.waterfall.pots]

    def dates(self) -> list[int]:
        """When periods are due, and when their revenue is to be paid in."""
        return sorted({*self.terms.due, *(due - DAY for due in self.terms.due)})

    def owing(self, world: World) -> list[Act]:
        return [
            self._now(world, "withdraw", payee.to, payee=number)
            for number, payee in enumerate(self.terms.payees)
            if not payee.units and self.credits.get(number)
        ]

    # -- beginning

    def deposit(self, world: World, by: str, pot: int, amount: int) -> None:
        self._require_offered()
        wanted = self.openings[self._pot(pot)] - self.spent_pots[pot]
        if amount > wanted:
            raise SettlementError(f"{self.key}: {amount} into pot {pot}, which lacks {wanted}")
        self._set_pot(pot, self.spent_pots[pot] + amount)
        world.emit(self.key, "Deposited", **{"pot": pot, "from": by, "amount": amount})
        self._take(world, by, amount, "deposit")

    def activate(self, world: World, by: str) -> None:
        self._require_offered()
        self.begun += 1
        if self.begun != 1:
            return
        for key in self.terms.offerings:
            if world.addresses[key] != by:
                world.call(self.key, key, "settle")
        if world.at >= self.terms.due[0]:
            raise SettlementError(f"{self.key}: its first period was due at {when(self.terms.due[0])}")
        if self.spent_pots[1:] != self.openings:
            raise SettlementError(f"{self.key}: pots {self.spent_pots[1:]}, must hold {self.openings}")
        for payee in self.terms.payees:
            if payee.units and world.books(payee.to, TokenBooks).supply != payee.units:
                raise SettlementError(f"{self.key}: not all {payee.units} units of {payee.to} are issued")
        for leg in self.terms.swaps:
            world.call(self.key, leg.swap, "activate")
        self.state = State.ACTIVE
        world.emit(self.key, "TreasuryActivated")

    def return_money(self, world: World, by: str, pot: int) -> int:
        if not self.has_failed(world):
            raise SettlementError(f"{self.key}: no issue has failed")
        if pot:
            to, returned = self.terms.funders[self._pot(pot)], self.spent_pots[pot]
            self._set_pot(pot, 0)
            self.held -= returned
        else:
            to = world.books(self.terms.offerings[0], SaleBooks).terms.issuer
            for leg in self.terms.swaps:
                self._withdrawn(world, leg, None)
            returned = world.held(self.key) - self.held
        world.emit(self.key, "MoneyReturned", pot=pot, to=to, amount=returned)
        world.move(world.addresses[self.key], to, returned, "returned")
        return returned

    # -- money

    def receive_revenue(self, world: World, by: str, line: str, amount: int) -> None:
        self._require_begun()
        names = [each.name for each in self.terms.lines]
        if line not in names:
            raise SettlementError(f"{self.key}: no line {line}")
        payer, number = self.terms.lines[names.index(line)].payer, names.index(line)
        if payer not in (NOBODY, by):
            raise SettlementError(f"{self.key}: revenue by {by}, not by {payer}")
        period = self.open_period(world.at)
        self.income[period, number] = self.income.get((period, number), 0) + amount
        said = {"line": line, "from": by, "period": period, "amount": amount}
        world.emit(self.key, "RevenueReceived", **said)
        self._take(world, by, amount, "revenue")

    def withdraw(self, world: World, by: str, payee: int) -> int:
        if payee >= len(self.terms.payees):
            raise SettlementError(f"{self.key}: no payee {payee}")
        to = self.terms.payees[payee]
        paid = 0 if to.units else self.credits.get(payee, 0)
        if paid:
            self.credits[payee] = 0
            self.held -= paid
            world.emit(self.key, "Withdrawn", payee=payee, to=to.to, amount=paid)
            world.move(world.addresses[self.key], to.to, paid, "credit")
        return paid

    # -- the waterfall

    def pay(self, world: World, by: str) -> None:
        self._require_begun()
        period, count = self.periods_paid, len(self.terms.due)
        row = min(period, count - 1)
        if period < count:
            if world.at < self.terms.due[period]:
                raise SettlementError(f"period {period + 1} is not due before {when(self.terms.due[period])}")
            self.periods_paid += 1
        is_over = period == count
        self._collect(world, period)
        income, gifts, cash = self._received(world, period)
        facts = [self._fact(world, fact, row) for fact in self.terms.facts]
        swaps = [world.books(leg.swap, PaymentBooks) for leg in self.terms.swaps]
        facts += [swap.owed(Side.PAYEE, world.at) for swap in swaps]
        numbers = [values[row % len(values)] for values in self.terms.compiled.numbers]
        state = replace(self.spent, registers=(cash, *self.spent.registers[1:]))
        inputs, of = (*income, *facts, *numbers), self.terms.compiled.waterfall
        run = waterfall.run(of, state, inputs, self.terms.due[row], is_over)
        self.spent = run.state
        if not is_over:
            self._set_pot(0, self.spent_pots[0] + gifts)
        given = self._credit(world, run.paid)
        moves = [m.step | m.to << STEP_BITS | m.amount << STEP_BITS + TO_BITS for m in run.moves]
        world.emit(self.key, "PeriodPaid", period=period, income=income, gifts=gifts, moves=moves)
        for test in run.tests:
            tested = {"value": test.value, "divisor": test.divisor, "threshold": test.threshold}
            said = {"period": period, "trigger": test.trigger, **tested, "failed": test.on}
            world.emit(self.key, "CovenantTested", **said)
        closes = self.periods_paid == count and self.state == State.ACTIVE
        if closes:
            self.state = State.CLOSED
            world.emit(self.key, "TreasuryClosed")
        swap_of = {leg.payee: leg.swap for leg in self.terms.swaps}
        for number, payee in enumerate(self.terms.payees):
            if given.get(number) and number in swap_of:
                with world.paying("swap_paid", period):
                    world.call(self.key, swap_of[number], "fund", side=Side.PAYEE, amount=given[number])
                continue
            with world.paying("distribution", period):
                if given.get(number):
                    world.call(self.key, payee.to, "distribute", amount=given[number])
                if payee.units and closes:
                    world.call(self.key, payee.to, "close")

    def _collect(self, world: World, period: int) -> None:
        """What swaps have for this treasury is revenue of their lines: of the period that is run, or, if that
        is late and they have settled again, of the one that this was settled for."""
        for leg in self.terms.swaps:
            counts, count = period, len(self.terms.due)
            if period < count:
                since = swap_legs.await_swap(world, self.key, leg.swap, self.terms.due[period])
                while counts < count and self.terms.due[counts] < since:
                    counts += 1
            amount = self._withdrawn(world, leg, period)
            if amount:
                self.held += amount
                self.income[counts, leg.line] = self.income.get((counts, leg.line), 0) + amount
                line, payer = self.terms.lines[leg.line].name, world.addresses[leg.swap]
                said = {"line": line, "from": payer, "period": counts, "amount": amount}
                world.emit(self.key, "RevenueReceived", **said)

    def _withdrawn(self, world: World, leg: Leg, period: int | None) -> int:
        with world.paying("swap_received", period):
            return int(world.call(self.key, leg.swap, "withdraw", side=Side.PAYEE))

    def _received(self, world: World, period: int) -> tuple[list[int], int, int]:
        """Revenue of each line, what was simply sent, and the cash to spend: what was sent is there only from
        the next period on."""
        income = [self.income.get((period, line), 0) for line in range(len(self.terms.lines))]
        cash, gifts = self.spent_pots[0] + sum(income), world.held(self.key) - self.held
        gifts = min(gifts, max(0, MOST // 2 - self.held))
        self.held += gifts
        if period == len(self.terms.due):
            for line in range(len(income)):
                self.income[period, line] = 0
            cash += gifts
            if not cash + sum(self.spent_pots[1:]):
                raise SettlementError(f"{self.key}: nothing to spend")
        return income, gifts, cash

    def _fact(self, world: World, fact: Fact, row: int) -> int:
        value, missing = world.call(self.key, fact.oracle, "consume", feed=fact.feed, period=row)
        return fact.missing if missing else int(value)

    def _credit(self, world: World, paid: tuple[int, ...]) -> dict[int, int]:
        """What each token is to be given, now that payees are credited what their claims are paid."""
        earned: dict[int, int] = {}
        for claim, amount in enumerate(paid):
            if amount:
                payee = self.terms.payee_of[claim]
                earned[payee] = earned.get(payee, 0) + amount
        given: dict[int, int] = {}
        swaps = {leg.payee for leg in self.terms.swaps}
        for number, amount in earned.items():
            if number in swaps:
                given[number] = amount
                continue
            to, credit = self.terms.payees[number], self.credits.get(number, 0) + amount
            if to.units:
                room = MAX_INDEX - world.books(to.to, TokenBooks).index
                given[number] = min(credit // to.units, room) * to.units
            self.credits[number] = credit - given.get(number, 0)
        self.held -= sum(given.values())
        return given

    # -- what all need

    def _take(self, world: World, by: str, amount: int, what: str) -> None:
        if amount > MOST - self.held:
            raise SettlementError(f"{self.key}: {amount} more than a waterfall counts")
        self.held += amount
        world.move(by, world.addresses[self.key], amount, what)

    def _set_pot(self, pot: int, amount: int) -> None:
        registers: list[Any] = list(self.spent.registers)
        registers[pot] = amount
        self.spent = replace(self.spent, registers=tuple(registers))

    def _pot(self, pot: int) -> int:
        """Its number among those beside the cash."""
        if not 0 < pot < self.terms.compiled.waterfall.pots:
            raise SettlementError(f"{self.key}: no pot {pot}")
        return pot - 1

    def _require_offered(self) -> None:
        if self.state != State.OFFERED:
            raise wrong_state(self.key, self.state, State.OFFERED)

    def _require_begun(self) -> None:
        if self.state == State.OFFERED:
            raise wrong_state(self.key, self.state)
