"""The ordered steps that spend a treasury's money. Twin of contracts/settlement/Waterfall.sol.

A waterfall is data. It knows *pots* of money (the first holds what came in, the others are reserves and
facilities), *claims*, each with what it is owed, *loans*, whose balance is paid by one claim each, and
*triggers*. All of them, and what comes from outside, are registers: amounts that figures are made of.
A period is run once, with the money, facts and clock of that period alone, so that nobody gains by running it
early or late: what falls due is added to the claims, then the steps are taken in their order.

Registers, in order: pots, what each claim is owed, balances of loans, their losses, for how long each trigger
is on (in seconds), what each claim was owed before the first step, inputs of the period. From `FIRST_FIGURE`
on a reference means a figure. Amounts are minor units, rates and ratios 1e18 = 1, times unix seconds.

A sound waterfall can always be run: no amount is beyond `MOST` either way, whatever comes in and whatever it
is multiplied with, there is no interest for a part of no year, and its figures are looked at no more than
`MAX_WORK` times.

After the last period what still comes is spent by the steps that are taken then (`When`), without any tests:
nothing more falls due but what does so of `late` revenue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from finance.settlement.accrual import interest
from finance.settlement.widths import INT128_MAX, SettlementError, int128, uint256

ONE: Final = 10**18
FIRST_FIGURE: Final = 192
MOST: Final = INT128_MAX
MOST_RATE: Final = 2**64 - 1
MOST_DAYS: Final = 2**32 - 1
NONE: Final = 255
"""No reference: no limit, nothing due, a ratio to 1, no loan."""
MAX_STEPS: Final = 32
MAX_FIGURES: Final = NONE - FIRST_FIGURE
MAX_TRIGGERS: Final = 16
MAX_LISTED: Final = 16
MAX_WORK: Final = 2_000
FOR_GOOD: Final = 255
"""So many cures: a trigger that stays on."""


class Op(IntEnum):
    """What a step does; the numbers are those of the Solidity enum.

    PAY what claims are owed, or PREPAY what is left of their loans and not due yet; give claims that have no
    loan the REST, whatever they are owed; MOVE money from pot to pot, and so DRAW on the loan of a claim, or
    REPAY it; WRITE_DOWN loans, the first listed losing first; TEST a trigger.
    """

    PAY = 0
    PREPAY = 1
    REST = 2
    MOVE = 3
    DRAW = 4
    REPAY = 5
    WRITE_DOWN = 6
    TEST = 7


MOVES: Final = (Op.MOVE, Op.DRAW, Op.REPAY)


class Order(IntEnum):
    """How a step's money is shared among its claims: one after the other, as their needs, or by weights;
    what weights give to a claim above its need goes to the others, in order."""

    SEQUENCE = 0
    PRO_RATA = 1
    WEIGHTS = 2


class When(IntEnum):
    """Whether a step is taken in periods, after the last one too, or only then."""

    PERIODS = 0
    ALWAYS = 1
    AFTER = 2


class Rule(IntEnum):
    """How a figure is made of its references `of`.

    SUM: the first `count`, less the others; it may be negative, which counts as nothing wherever an amount is
    asked for. PRODUCT of two, INTEREST (rate, numerator, denominator, then what it is paid on), LEAST and
    MOST of all. TABLE (value, divisor, first of `count` pairs of inputs): the second number of the last pair
    whose first one the ratio reaches, or nothing. EITHER: the first while trigger `count` is on, else the
    second.
    """

    SUM = 0
    PRODUCT = 1
    INTEREST = 2
    LEAST = 3
    MOST = 4
    TABLE = 5
    EITHER = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount worked out of registers and earlier figures whenever it is asked for."""

    rule: Rule
    of: tuple[int, ...]
    count: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """Who is owed `due` more each period, and of `late` revenue, besides what it has not been paid if it
    `carries` that on; or, of a `loan`, so much of the balance."""

    due: int = NONE
    loan: int = NONE
    carries: bool = True
    late: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """Goes on when the ratio of two references is `below` a third, or else above it; exactly, whatever the
    divisor. Off again by `cures` tests that pass one after the other (FOR_GOOD: never), the last of them
    `within` so many seconds after it went on (0: whenever)."""

    value: int
    divisor: int
    threshold: int
    below: bool = True
    cures: int = 1
    within: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step; taken while all triggers of the mask `on` are on and all of `off` off.

    It spends pot `source`, at most the reference `limit`. `target`: the pot that a move fills, the trigger
    that TEST tests. `weights`: the first of as many inputs as there are claims.
    """

    op: Op
    source: int = 0
    claims: tuple[int, ...] = ()
    order: Order = Order.SEQUENCE
    limit: int = NONE
    target: int = 0
    weights: int = NONE
    on: int = 0
    off: int = 0
    when: When = When.PERIODS


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The data of a waterfall; `inputs` is how many numbers each period brings."""

    pots: int
    loans: int
    inputs: int
    claims: tuple[Claim, ...]
    triggers: tuple[Trigger, ...]
    figures: tuple[Figure, ...]
    steps: tuple[Step, ...]

    @property
    def owed(self) -> int:
        """The register of what the first claim is owed; each of the following begins where one ends."""
        return self.pots

    @property
    def balances(self) -> int:
        return self.owed + len(self.claims)

    @property
    def losses(self) -> int:
        return self.balances + self.loans

    @property
    def ages(self) -> int:
        return self.losses + self.loans

    @property
    def dues(self) -> int:
        return self.ages + len(self.triggers)

    @property
    def numbers(self) -> int:
        """The register of the first input."""
        return self.dues + len(self.claims)

    @property
    def registers(self) -> int:
        return self.numbers + self.inputs


@dataclass(frozen=True, slots=True)
class Tripped:
    """A trigger's state: on `since` a time, 0 while it is off, and how many tests in a row it has passed."""

    since: int = 0
    passes: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What is kept from period to period: `registers` up to the losses, and the triggers."""

    registers: tuple[int, ...]
    triggers: tuple[Tripped, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """What a step paid to a claim, wrote off its loan, or moved to a pot (`to` is their number)."""

    step: int
    to: int
    amount: int


@dataclass(frozen=True, slots=True)
class Test:
    """What a trigger was tested with, and whether it is on since."""

    trigger: int
    value: int
    divisor: int
    threshold: int
    on: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A period that was run: the state after it, what each claim was paid, and how it came about."""

    state: State
    paid: tuple[int, ...]
    moves: tuple[Move, ...]
    tests: tuple[Test, ...]


def allocate(available: int, needs: Sequence[int]) -> tuple[list[int], int]:
    """Pay `needs` in order from `available`, each in full before the next one gets anything.

    All in minor units. Returns what each need was paid and what is left; together they are exactly
    `available`. Raises SettlementError for values outside uint256.
    """
    left = uint256("available", available)
    paid = []
    for i, need in enumerate(needs):
        amount = min(uint256(f"needs[{i}]", need), left)
        paid.append(amount)
        left -= amount
    return paid, left


def allot(budget: int, needs: Sequence[int], order: Order, weights: Sequence[int]) -> list[int]:
    """Share `budget` among `needs`: never more than a need, and all of it unless all needs are met.

    By weights, or by need, each gets floor(left x weight / weights left) in turn, so that what rounding keeps
    from one goes to those after it.
    """
    paid, left = [0] * len(needs), budget
    if order != Order.SEQUENCE:
        parts = needs if order == Order.PRO_RATA else weights
        rest = sum(parts)
        for i, part in enumerate(parts):
            if part:
                paid[i] = min(needs[i], left * part // rest)
                left -= paid[i]
                rest -= part
    for i, need in enumerate(needs):
        more = min(need - paid[i], left)
        paid[i] += more
        left -= more
    return paid


def run(waterfall: Waterfall, state: State, inputs: Sequence[int], now: int, is_over: bool = False) -> Run:
    """Run a period, due at `now`, of a valid waterfall (see `validate`); or, when all of them have been run
    and it `is_over`, spend what has come since, as of the last one's date.

    Raises SettlementError for a state or inputs that are not the waterfall's.
    """
    return _Running(waterfall, state, inputs, now, is_over).run()


class _Running:
    def __init__(
        self, waterfall: Waterfall, state: State, inputs: Sequence[int], now: int, is_over: bool
    ) -> None:
        if len(state.registers) != waterfall.ages or len(state.triggers) != len(waterfall.triggers):
            raise SettlementError("state: of another waterfall")
        if len(inputs) != waterfall.inputs:
            raise SettlementError(f"inputs: {len(inputs)}, must be {waterfall.inputs}")
        self.of = waterfall
        self.now, self.is_over = now, is_over
        self.triggers = list(state.triggers)
        self.x = [int128(f"registers[{i}]", each) for i, each in enumerate(state.registers)]
        self.x += [self._age(trigger) for trigger in self.triggers]
        self.x += [0] * len(waterfall.claims)
        self.x += [int128(f"inputs[{i}]", each) for i, each in enumerate(inputs)]
        self.paid = [0] * len(waterfall.claims)
        self.moves: list[Move] = []
        self.tests: list[Test] = []

    def run(self) -> Run:
        for number, claim in enumerate(self.of.claims):
            self._fall_due(number, claim)
        for number, step in enumerate(self.of.steps):
            on = [bool(trigger.since) for trigger in self.triggers]
            if step.when == (When.PERIODS if self.is_over else When.AFTER):
                continue
            if all(on[t] for t in _bits(step.on)) and not any(on[t] for t in _bits(step.off)):
                self._take(number, step)
        state = State(tuple(self.x[: self.of.ages]), tuple(self.triggers))
        return Run(state, tuple(self.paid), tuple(self.moves), tuple(self.tests))

    def _age(self, trigger: Tripped) -> int:
        return max(0, self.now - trigger.since) if trigger.since else 0

    def _fall_due(self, number: int, claim: Claim) -> None:
        owed = self.of.owed + number
        falls = claim.due != NONE and (claim.late or not self.is_over)
        more = self._amount(claim.due) if falls else 0
        due = _most((self.x[owed] if claim.carries else 0) + more)
        if claim.loan != NONE:
            due = min(due, self.x[self.of.balances + claim.loan])
        self.x[owed] = self.x[self.of.dues + number] = due

    def _take(self, number: int, step: Step) -> None:
        if step.op == Op.TEST:
            self._test(step.target)
            return
        limit = None if step.limit == NONE else self._amount(step.limit)
        budget = MOST if step.op == Op.WRITE_DOWN else self.x[step.source]  # a loss needs no money
        if limit is not None:
            budget = min(budget, limit)
        if step.op in MOVES:
            self._move(number, step, budget)
            return
        weights: list[int] = []
        if step.order == Order.WEIGHTS:
            weights = [max(0, self.x[step.weights + i]) for i in range(len(step.claims))]
        needs = self._needs(step, budget)
        for claim, amount in zip(step.claims, allot(budget, needs, step.order, weights), strict=True):
            if amount:
                self._pay(step, claim, amount)
                self.moves.append(Move(number, claim, amount))

    def _needs(self, step: Step, budget: int) -> list[int]:
        if step.op == Op.REST:
            return [budget] * len(step.claims)
        owed = [self.x[self.of.owed + claim] for claim in step.claims]
        if step.op == Op.PAY:
            return owed
        balances = [self.x[self._balance(claim)] for claim in step.claims]
        if step.op == Op.WRITE_DOWN:
            lost = [self.x[self.of.losses + self.of.claims[claim].loan] for claim in step.claims]
            return [min(balance, MOST - before) for balance, before in zip(balances, lost, strict=True)]
        return [balance - due for balance, due in zip(balances, owed, strict=True)]

    def _balance(self, claim: int) -> int:
        return self.of.balances + self.of.claims[claim].loan

    def _pay(self, step: Step, claim: int, amount: int) -> None:
        owed = self.of.owed + claim
        if step.op == Op.WRITE_DOWN:
            self.x[self._balance(claim)] -= amount
            lost = self.of.losses + self.of.claims[claim].loan
            self.x[lost] += amount
            self.x[owed] = min(self.x[owed], self.x[self._balance(claim)])
            return
        self.x[step.source] -= amount
        self.paid[claim] += amount
        if step.op == Op.PAY:
            self.x[owed] -= amount
        if self.of.claims[claim].loan != NONE:
            self.x[self._balance(claim)] -= amount

    def _move(self, number: int, step: Step, amount: int) -> None:
        amount = min(amount, MOST - self.x[step.target])
        if step.op != Op.MOVE:
            balance, owed = self._balance(step.claims[0]), self.of.owed + step.claims[0]
            amount = min(amount, MOST - self.x[balance] if step.op == Op.DRAW else self.x[balance])
            self.x[balance] += amount if step.op == Op.DRAW else -amount
            self.x[owed] = min(self.x[owed], self.x[balance])
        if not amount:
            return
        self.x[step.source] -= amount
        self.x[step.target] += amount
        self.moves.append(Move(number, step.target, amount))

    def _test(self, number: int) -> None:
        trigger, held = self.of.triggers[number], self.triggers[number]
        value = self._value(trigger.value)
        divisor = ONE if trigger.divisor == NONE else self._value(trigger.divisor)
        threshold = self._value(trigger.threshold)
        ratio, bar = value * ONE, divisor * threshold
        if (ratio < bar) if trigger.below else (ratio > bar):
            held = Tripped(held.since or self.now)
        elif held.since:
            passes = min(held.passes + 1, FOR_GOOD - 1)
            late = trigger.within and self._age(held) > trigger.within
            held = Tripped() if passes >= trigger.cures and not late else Tripped(held.since, passes)
        self.triggers[number] = held
        self.x[self.of.ages + number] = self._age(held)
        self.tests.append(Test(number, value, divisor, threshold, bool(held.since)))

    def _amount(self, reference: int) -> int:
        return max(0, self._value(reference))

    def _value(self, reference: int) -> int:
        if reference < FIRST_FIGURE:
            return self.x[reference]
        return max(-MOST, _most(self._worked_out(self.of.figures[reference - FIRST_FIGURE])))

    def _worked_out(self, figure: Figure) -> int:
        of = figure.of
        if figure.rule == Rule.SUM:
            values = list(map(self._value, of))
            return sum(values[: figure.count]) - sum(values[figure.count :])
        if figure.rule == Rule.PRODUCT:
            return self._amount(of[0]) * self._amount(of[1]) // ONE
        if figure.rule == Rule.INTEREST:
            rate, numerator, denominator, *on = map(self._amount, of)
            rate, numerator = min(rate, MOST_RATE), min(numerator, MOST_DAYS)
            return interest(_most(sum(on)), rate, numerator, denominator) if denominator else 0
        if figure.rule == Rule.TABLE:
            return self._tabled(figure)
        if figure.rule == Rule.EITHER:
            return self._value(of[0] if self.triggers[figure.count].since else of[1])
        return (min if figure.rule == Rule.LEAST else max)(map(self._value, of))

    def _tabled(self, figure: Figure) -> int:
        value = self._value(figure.of[0]) * ONE
        divisor = ONE if figure.of[1] == NONE else self._value(figure.of[1])
        found = 0
        for i in range(figure.count):
            first = figure.of[2] + 2 * i
            if value < divisor * self.x[first]:
                break
            found = self.x[first + 1]
        return found


def _most(amount: int) -> int:
    return min(amount, MOST)


def validate(waterfall: Waterfall) -> None:
    """Raise SettlementError, naming what is wrong, for a waterfall that the contract refuses."""
    for what in _problems(waterfall):
        raise SettlementError(what)


def _bits(mask: int) -> Iterator[int]:
    return (i for i in range(mask.bit_length()) if mask >> i & 1)


def _problems(of: Waterfall) -> Iterator[str]:
    counts = (
        of.pots >= 1,
        of.registers <= FIRST_FIGURE,
        len(of.triggers) <= MAX_TRIGGERS,
        len(of.figures) <= MAX_FIGURES,
        len(of.steps) <= MAX_STEPS,
    )
    if not all(counts):
        yield "no pot, or too many registers, triggers, figures or steps"
        return
    for i, figure in enumerate(of.figures):
        if not _figure_is_sound(of, i, figure):
            yield f"figures[{i}]"
    loans = [claim.loan for claim in of.claims if claim.loan != NONE]
    if sorted(loans) != list(range(of.loans)):
        yield "loans: each is paid by one claim"
    for i, claim in enumerate(of.claims):
        if claim.due != NONE and not _is_known(of, claim.due):
            yield f"claims[{i}]"
    for i, trigger in enumerate(of.triggers):
        known = all(_is_known(of, each) for each in (trigger.value, trigger.threshold))
        divisor = trigger.divisor == NONE or _is_known(of, trigger.divisor)
        if not (known and divisor and 1 <= trigger.cures <= FOR_GOOD):
            yield f"triggers[{i}]"
    for i, step in enumerate(of.steps):
        if not _step_is_sound(of, step):
            yield f"steps[{i}]"
    if _work(of) > MAX_WORK:
        yield "figures: more work than a period can do"


def _work(of: Waterfall) -> int:
    """How often a reference is looked at in a period, at most."""
    work = [1] * FIRST_FIGURE
    for figure in of.figures:
        looked = [each for each in figure.of if each != NONE][: 2 if figure.rule == Rule.TABLE else None]
        rows = figure.count if figure.rule == Rule.TABLE else 0
        work.append(min(1 + rows + sum(work[each] for each in looked), MAX_WORK + 1))
    asked = [claim.due for claim in of.claims] + [step.limit for step in of.steps]
    for step in of.steps:
        if step.op == Op.TEST:
            trigger = of.triggers[step.target]
            asked += [trigger.value, trigger.divisor, trigger.threshold]
    return sum(work[each] for each in asked if each != NONE)


def _is_known(of: Waterfall, reference: int, figures: int | None = None) -> bool:
    count = len(of.figures) if figures is None else figures
    return reference < of.registers or FIRST_FIGURE <= reference < FIRST_FIGURE + count


def _figure_is_sound(of: Waterfall, number: int, figure: Figure) -> bool:
    """Made of registers and of figures before it, as its rule wants them."""
    size, rule, of_ = len(figure.of), figure.rule, list(figure.of)
    if rule == Rule.TABLE:
        if size != 3 or not figure.count:
            return False
        first = of_.pop()
        if not of.numbers <= first <= of.registers - 2 * figure.count:
            return False
        if of_[1] == NONE:
            of_.pop()
    sizes = {
        Rule.PRODUCT: size == 2,
        Rule.INTEREST: size >= 4,
        Rule.EITHER: size == 2 and figure.count < len(of.triggers),
        Rule.SUM: figure.count <= size,
    }
    fits = 1 <= size <= MAX_LISTED and sizes.get(rule, True)
    return fits and all(_is_known(of, each, number) for each in of_)


def _step_is_sound(of: Waterfall, step: Step) -> bool:
    if step.limit != NONE and not _is_known(of, step.limit):
        return False
    if (step.on | step.off) >> len(of.triggers):
        return False
    if step.op == Op.TEST:
        return step.target < len(of.triggers) and not step.claims and step.when == When.PERIODS
    size = len(step.claims)
    if step.source >= of.pots or size > MAX_LISTED or len(set(step.claims)) != size:
        return False
    if any(claim >= len(of.claims) for claim in step.claims):
        return False
    of_loans = all(of.claims[claim].loan != NONE for claim in step.claims)
    of_some = any(of.claims[claim].loan != NONE for claim in step.claims)
    if step.op in MOVES:
        return (
            step.target < of.pots and step.target != step.source and size == (step.op != Op.MOVE) and of_loans
        )
    if not size or (step.op in (Op.PREPAY, Op.WRITE_DOWN) and not of_loans):
        return False
    if step.op == Op.REST and of_some:
        return False
    weighted = of.numbers <= step.weights <= of.registers - size
    return weighted if step.order == Order.WEIGHTS else step.weights == NONE
