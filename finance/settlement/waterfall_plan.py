"""A waterfall by names: what a treasury's terms say, and the data that both engines run.

Amounts are made of each other and of names: a pot, a line of revenue, a fact, a claim (what it is still
owed), `CLAIM.due` (what it was owed before the first step), `LOAN.balance`, `LOAN.lost`, `TEST.seconds` (for
how long a test has been failed). A loan is paid by two claims, `LOAN.interest` and `LOAN.principal`. Money
is minor units, rates, shares and ratios 1e18 = 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, pairwise

from finance.settlement.waterfall import (
    FIRST_FIGURE,
    FOR_GOOD,
    MOST,
    MOVES,
    NONE,
    Claim,
    Figure,
    Op,
    Order,
    Rule,
    State,
    Step,
    Trigger,
    Tripped,
    Waterfall,
    When,
    validate,
)
from finance.settlement.widths import SettlementError

MAX_PERIODS, MAX_LINES, MAX_FACTS = 480, 16, 16
MAX_STORED = 32 * 767
"""Bytes of dates (8) and numbers (16) that a contract's code can hold."""
CASH = "cash"
"""The first pot: what came in and is not spent."""
LOSSES = "losses"
"""Where a loan's balance goes that is written off."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Numbers, `values` of the periods, which start over when they are through."""

    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """All of `plus`, less all of `minus`."""

    plus: tuple[Amount, ...]
    minus: tuple[Amount, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """`rate` of an amount, rounded down."""

    of: Amount
    rate: Amount


@dataclass(frozen=True, slots=True)
class Interest:
    """Simple interest at `rate` a year (1e18 = 100 %) `on` amounts, rounded down. `years`: each period's
    exact fraction of a year, as days and length of the year."""

    rate: Amount
    on: tuple[Amount, ...]
    years: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Least:
    """The least of amounts."""

    of: tuple[Amount, ...]


@dataclass(frozen=True, slots=True)
class Most:
    """The largest of amounts."""

    of: tuple[Amount, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """By rows (from, result), ascending: the result of the last row that `value`, or its ratio to `divisor`,
    reaches, compared exactly; nothing below the first."""

    value: Amount
    divisor: Amount | None
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class While:
    """Amount `then` while the covenant `test` stands failed, and else `otherwise`."""

    test: str
    then: Amount
    otherwise: Amount


Amount = str | int | Schedule | Total | Share | Interest | Least | Most | Table | While
"""A name, a number that is always the same, or what is made of them."""


@dataclass(frozen=True, slots=True)
class Due:
    """A claim on the treasury, by `name`, that is no loan's: its `amount` falls due each period, None:
    nothing. What stays unpaid `carries` over, or lapses. `late`: it falls due on revenue after the last
    period too."""

    name: str
    amount: Amount | None = None
    carries: bool = True
    late: bool = False


@dataclass(frozen=True, slots=True)
class Loan:
    """A debt, by `name`, with its `balance` at first: `interest` is the amount that falls due each period
    (which may name the loan's balance, and its own unpaid interest), `repayment` the principal that does,
    never more than the balance."""

    name: str
    balance: int
    interest: Amount | None = None
    repayment: Amount | None = None


@dataclass(frozen=True, slots=True)
class Covenant:
    """A test, by `name`, that is failed when `value` / `divisor` (None: 1) is `below` the `threshold`, or
    else above it; 1e18 = 1.

    It stands failed until it has been passed `cures` times in a row, the last of them `within` so many
    seconds of the fail (0: whenever); None: for good.
    """

    name: str
    value: Amount
    divisor: Amount | None
    threshold: Amount
    below: bool = True
    cures: int | None = 1
    within: int = 0


@dataclass(frozen=True, slots=True)
class Spend:
    """A step: `op` with the names of `claims` (of a drawing or repayment: the principal), in `order`, by
    `weights` if it goes by them, out of pot `source`, at most `limit`. `target`: the pot that a move fills,
    the covenant that is tested. Taken while all covenants in `on` stand failed, and none in `off`; in
    periods, or `when` else."""

    op: Op
    claims: tuple[str, ...] = ()
    source: str = CASH
    target: str = ""
    order: Order = Order.SEQUENCE
    weights: tuple[int, ...] = ()
    limit: Amount | None = None
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    when: When = When.PERIODS


@dataclass(frozen=True)
class Plan:
    """What a treasury does with its money: `claims` and `loans` that it pays, `covenants` that it keeps and
    the `steps` that it takes, in order; `pots` by name with what is in them at first, beside the cash.

    `lines` of revenue come in as cash; `facts` are what else is known of a period: KPIs, what a part owes.
    `due`: when each period is, unix seconds. Raises SettlementError, when it is compiled, for names that are
    not known or stand twice and for what the contract refuses.
    """

    due: tuple[int, ...]
    lines: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    pots: Mapping[str, int] = field(default_factory=dict)
    claims: tuple[Due, ...] = ()
    loans: tuple[Loan, ...] = ()
    covenants: tuple[Covenant, ...] = ()
    steps: tuple[Spend, ...] = ()

    @cached_property
    def compiled(self) -> Compiled:
        """The data of the waterfall."""
        return _Compiler(self).compiled()

    @property
    def claim_names(self) -> tuple[str, ...]:
        """Of all claims, in the order of the engine."""
        of_loans = ((f"{loan.name}.interest", f"{loan.name}.principal") for loan in self.loans)
        return (*(claim.name for claim in self.claims), *chain.from_iterable(of_loans))

    @property
    def pot_names(self) -> tuple[str, ...]:
        """Of all pots, in the order of the engine."""
        return (CASH, *self.pots)

    @property
    def kept_names(self) -> tuple[str, ...]:
        """Of all that a state keeps, in the order of the engine: pots, claims, LOAN.balance, LOAN.lost."""
        loans = (f"{loan.name}.{what}" for what in ("balance", "lost") for loan in self.loans)
        return (*self.pot_names, *self.claim_names, *loans)

    def ends(self, step: int, to: int) -> tuple[str, str]:
        """From where to where a move of the `step` with that number (from 0) goes, `to` the number of a claim
        or of a pot: from a pot to a claim or a pot, or from a loan to LOSSES."""
        spend = self.steps[step]
        if spend.op == Op.WRITE_DOWN:
            return self.claim_names[to].removesuffix(".principal"), LOSSES
        return spend.source, (self.pot_names if spend.op in MOVES else self.claim_names)[to]


@dataclass(frozen=True)
class Compiled:
    """The `waterfall` of a `plan`, the `state` that it begins in, and the `numbers` that follow lines and
    facts among the inputs: a schedule each."""

    plan: Plan
    waterfall: Waterfall
    state: State
    numbers: tuple[tuple[int, ...], ...]

    def inputs(self, period: int, lines: Mapping[str, int], facts: Mapping[str, int]) -> tuple[int, ...]:
        """What a `period` (from 0) brings: `lines` of revenue in minor units, and `facts`, by name. Raises
        SettlementError for names that the plan does not have, or lacks."""
        for given, wanted in ((lines, self.plan.lines), (facts, self.plan.facts)):
            if given.keys() != set(wanted):
                raise SettlementError(f"inputs: {', '.join(given) or 'none'}, not {', '.join(wanted)}")
        known = [*(lines[name] for name in self.plan.lines), *(facts[name] for name in self.plan.facts)]
        return (*known, *(values[period % len(values)] for values in self.numbers))


class _Compiler:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.figures: list[Figure] = []
        self.numbers: list[tuple[int, ...]] = []
        self.where: dict[str, int] = {}
        self.tests = {each.name: i for i, each in enumerate(plan.covenants)}
        groups = (
            plan.kept_names,
            [f"{name}.seconds" for name in self.tests],
            [f"{name}.due" for name in plan.claim_names],
            (*plan.lines, *plan.facts),
        )
        for name in chain.from_iterable(groups):
            if name in self.where:
                raise SettlementError(f"{name}: stands twice")
            self.where[name] = len(self.where)

    def compiled(self) -> Compiled:
        plan = self.plan
        claims = [
            Claim(self.reference(claim.amount), NONE, claim.carries, claim.late) for claim in plan.claims
        ]
        for i, loan in enumerate(plan.loans):
            claims += [Claim(self.reference(loan.interest)), Claim(self.reference(loan.repayment), i)]
        triggers = tuple(map(self.trigger, plan.covenants))
        steps = tuple(map(self.step, plan.steps))
        inputs = len(plan.lines) + len(plan.facts) + len(self.numbers)
        waterfall = Waterfall(
            len(plan.pot_names),
            len(plan.loans),
            inputs,
            tuple(claims),
            triggers,
            tuple(self.figures),
            steps,
        )
        validate(waterfall)
        self._check()
        money = [0, *plan.pots.values(), *[0] * len(claims), *(loan.balance for loan in plan.loans)]
        state = State((*money, *[0] * len(plan.loans)), (Tripped(),) * len(triggers))
        return Compiled(plan, waterfall, state, tuple(self.numbers))

    def _check(self) -> None:
        """What the contract refuses besides."""
        plan, due = self.plan, self.plan.due
        if not due or len(due) > MAX_PERIODS or due[0] < 1 or any(b <= a for a, b in pairwise(due)):
            raise SettlementError(f"due: from 1 to {MAX_PERIODS} times, ascending")
        if len(plan.lines) > MAX_LINES or len(plan.facts) > MAX_FACTS:
            raise SettlementError(f"more than {MAX_LINES} lines or {MAX_FACTS} facts")
        for name, amount in [*plan.pots.items(), *((loan.name, loan.balance) for loan in plan.loans)]:
            if not 0 <= amount <= MOST:
                raise SettlementError(f"{name}: {amount}, must be from 0 to {MOST}")
        if 8 * len(due) + 16 * sum(map(len, self.numbers)) > MAX_STORED:
            raise SettlementError("schedules: more numbers than a contract can keep")

    def trigger(self, test: Covenant) -> Trigger:
        value, divisor = self.reference(test.value), self.reference(test.divisor)
        cures = FOR_GOOD if test.cures is None else test.cures
        return Trigger(value, divisor, self.reference(test.threshold), test.below, cures, test.within)

    def step(self, step: Spend) -> Step:
        if step.order == Order.WEIGHTS and len(step.weights) != len(step.claims):
            raise SettlementError(f"weights: {len(step.weights)} for {len(step.claims)} claims")
        claims = tuple(self._place(name, self.plan.claim_names, "claim") for name in step.claims)
        names = list(self.tests) if step.op == Op.TEST else self.plan.pot_names
        target = self._place(step.target, names, "target") if step.op in (Op.TEST, *MOVES) else 0
        return Step(
            step.op,
            self._place(step.source, self.plan.pot_names, "pot"),
            claims,
            step.order,
            self.reference(step.limit),
            target,
            self._block(step.weights) if step.weights else NONE,
            self._mask(step.on),
            self._mask(step.off),
            step.when,
        )

    def reference(self, amount: Amount | None) -> int:
        """A register, or the figure made of an amount."""
        if amount is None:
            return NONE
        if isinstance(amount, str):
            if amount not in self.where:
                raise SettlementError(f"{amount}: the waterfall has no such name")
            return self.where[amount]
        if isinstance(amount, int):
            return self._number((amount,))
        if isinstance(amount, Schedule):
            return self._number(amount.values)
        if isinstance(amount, Interest):
            if not amount.years:
                raise SettlementError("interest for the years of no period")
            years = [self._number(tuple(each)) for each in zip(*amount.years, strict=True)]
            return self._figure(Rule.INTEREST, [self.reference(amount.rate), *years, *self._all(amount.on)])
        if isinstance(amount, Table):
            rows = self._block(tuple(chain.from_iterable(amount.rows)))
            of = [self.reference(amount.value), self.reference(amount.divisor), rows]
            return self._figure(Rule.TABLE, of, len(amount.rows))
        if isinstance(amount, While):
            of = [self.reference(amount.then), self.reference(amount.otherwise)]
            return self._figure(Rule.EITHER, of, self._place(amount.test, list(self.tests), "test"))
        if isinstance(amount, Share):
            return self._figure(Rule.PRODUCT, [self.reference(amount.of), self.reference(amount.rate)])
        if isinstance(amount, Total):
            return self._figure(Rule.SUM, self._all(amount.plus + amount.minus), len(amount.plus))
        return self._figure(Rule.LEAST if isinstance(amount, Least) else Rule.MOST, self._all(amount.of))

    def _all(self, amounts: Sequence[Amount]) -> list[int]:
        return [self.reference(each) for each in amounts]

    def _figure(self, rule: Rule, of: Sequence[int], count: int = 0) -> int:
        figure = Figure(rule, tuple(of), count)
        if figure not in self.figures:
            self.figures.append(figure)
        return FIRST_FIGURE + self.figures.index(figure)

    def _number(self, values: tuple[int, ...]) -> int:
        if not values:
            raise SettlementError("a schedule of no periods")
        if len(set(values)) == 1:
            values = values[:1]
        if values not in self.numbers:
            self.numbers.append(values)
        return len(self.where) + self.numbers.index(values)

    def _block(self, values: Sequence[int]) -> int:
        """Numbers one after the other; the first of them."""
        self.numbers += [(value,) for value in values]
        return len(self.where) + len(self.numbers) - len(values)

    def _mask(self, names: Sequence[str]) -> int:
        return sum(1 << self._place(name, list(self.tests), "test") for name in set(names))

    def _place(self, name: str, among: Sequence[str], what: str) -> int:
        if name not in among:
            raise SettlementError(f"{name or '(none)'}: no {what} of the waterfall")
        return among.index(name)
