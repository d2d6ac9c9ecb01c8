"""Many paths of revenue through one waterfall at once, in floats: for pricing, never for settlement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finance.settlement.waterfall import (
    FIRST_FIGURE,
    FOR_GOOD,
    MOVES,
    NONE,
    ONE,
    Figure,
    Op,
    Order,
    Rule,
    Step,
    When,
)
from finance.settlement.waterfall_plan import Plan
from finance.settlement.widths import SettlementError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Paths:
    """By path and period: what each claim was `paid`, what each pot, claim, balance and loss was `after` it,
    and whether each covenant stood `failed`. By path: what each claim is `left` by the steps that spend what
    the last period leaves, and what each register is at the `end`, after those. All amounts in minor units,
    not rounded to whole ones."""

    paid: Mapping[str, Floats]
    after: Mapping[str, Floats]
    failed: Mapping[str, Flags]
    left: Mapping[str, Floats]
    end: Mapping[str, Floats]


def project_paths(
    plan: Plan,
    lines: Mapping[str, ArrayLike],
    facts: Mapping[str, ArrayLike] | None = None,
) -> Paths:
    """Run every period of a plan on `lines` of revenue, in minor units, and `facts`, by name: arrays (paths,
    periods), or (periods,) where all paths share them.

    Agrees with `project` but for rounding: less than a minor unit for each division on the way, and a test
    that is met to the unit may be missed. Raises SettlementError for names or shapes that do not fit.
    """
    given = {name: np.asarray(each, dtype=np.float64) for name, each in {**lines, **(facts or {})}.items()}
    if set(lines) != set(plan.lines) or set(facts or {}) != set(plan.facts):
        raise SettlementError(f"inputs: {', '.join(given)}, not {', '.join((*plan.lines, *plan.facts))}")
    for name, each in given.items():
        if each.shape[-1:] != (len(plan.due),):
            raise SettlementError(f"{name}: of shape {each.shape}, and the plan has {len(plan.due)} periods")
    count = np.broadcast_shapes((1,), *(each.shape[:-1] for each in given.values()))[0]
    return _Running(plan, count).paths(lines, given)


class _Running:
    """The registers of all paths, as finance.settlement.waterfall has them of one."""

    def __init__(self, plan: Plan, count: int) -> None:
        self.plan, self.compiled, self.count = plan, plan.compiled, count
        self.of = plan.compiled.waterfall
        kept = self.compiled.state.registers
        self.x: list[Floats] = [np.full(count, float(each)) for each in kept]
        self.x += [np.zeros(count)] * (self.of.registers - len(kept))
        self.since: list[Floats] = [np.zeros(count) for _ in self.of.triggers]
        self.passes: list[Floats] = [np.zeros(count) for _ in self.of.triggers]
        self.paid: list[Floats] = []
        self.now = 0.0

    def paths(self, lines: Mapping[str, ArrayLike], given: Mapping[str, Floats]) -> Paths:
        plan, of = self.plan, self.of
        kept = plan.kept_names
        shape = (self.count, len(plan.due))
        # Period by period in memory, as they are written.
        paid = {name: np.empty(shape, order="F") for name in plan.claim_names}
        after = {name: np.empty(shape, order="F") for name in kept}
        failed = {each.name: np.empty(shape, np.bool_, order="F") for each in plan.covenants}
        for period, due in enumerate(plan.due):
            self.now = float(due)
            self._begin(period, [given[name] for name in (*plan.lines, *plan.facts)])
            for name in lines:
                self.x[0] = self.x[0] + given[name][..., period]
            for i, claim in enumerate(of.claims):
                self._fall_due(i, claim.due, claim.loan, claim.carries)
            for step in of.steps:
                if step.when != When.AFTER:
                    self._take(step)
            for name, each in zip(plan.claim_names, self.paid, strict=True):
                paid[name][:, period] = each
            for i, name in enumerate(kept):
                after[name][:, period] = self.x[i]
            for i, each_test in enumerate(plan.covenants):
                failed[each_test.name][:, period] = self.since[i] > 0
        self._finish()
        left = dict(zip(plan.claim_names, self.paid, strict=True))
        return Paths(paid, after, failed, left, {name: self.x[i] for i, name in enumerate(kept)})

    def _finish(self) -> None:
        """What is left is spent: nothing more comes in, so nothing falls due."""
        for i in range(len(self.plan.lines)):
            self.x[self.of.numbers + i] = np.zeros(self.count)
        self.paid = [np.zeros(self.count) for _ in self.of.claims]
        for i, claim in enumerate(self.of.claims):
            self._fall_due(i, claim.due if claim.late else NONE, claim.loan, claim.carries)
        for step in self.of.steps:
            if step.when != When.PERIODS:
                self._take(step)

    def _begin(self, period: int, known: Sequence[Floats]) -> None:
        self.paid = [np.zeros(self.count) for _ in self.of.claims]
        for i, since in enumerate(self.since):
            self.x[self.of.ages + i] = np.where(since > 0, self.now - since, 0.0)
        for i, each in enumerate(known):
            self.x[self.of.numbers + i] = np.broadcast_to(each[..., period], (self.count,))
        for i, values in enumerate(self.compiled.numbers, start=len(known)):
            self.x[self.of.numbers + i] = np.full(self.count, float(values[period % len(values)]))

    def _fall_due(self, number: int, due: int, loan: int, carries: bool) -> None:
        owed = self.x[self.of.owed + number] if carries else np.zeros(self.count)
        if due != NONE:
            owed = owed + self._amount(due)
        if loan != NONE:
            owed = np.minimum(owed, self.x[self.of.balances + loan])
        self.x[self.of.owed + number] = self.x[self.of.dues + number] = owed

    def _take(self, step: Step) -> None:
        active = np.ones(self.count, dtype=np.bool_)
        for i, since in enumerate(self.since):
            if step.on >> i & 1:
                active &= since > 0
            if step.off >> i & 1:
                active &= since == 0
        if step.op == Op.TEST:
            self._test(step.target, active)
            return
        budget = self.x[step.source]
        if step.op == Op.WRITE_DOWN:
            budget = sum(self._needs(step, budget), np.zeros(self.count))
        if step.limit != NONE:
            budget = np.minimum(budget, self._amount(step.limit))
        budget = np.where(active, budget, 0.0)
        if step.op in MOVES:
            self._move(step, budget)
            return
        weights: list[Floats] = []
        if step.order == Order.WEIGHTS:
            weights = [np.maximum(self.x[step.weights + i], 0.0) for i in range(len(step.claims))]
        shares = _allot(budget, self._needs(step, budget), step.order, weights)
        for claim, amount in zip(step.claims, shares, strict=True):
            self._pay(step, claim, amount)

    def _move(self, step: Step, amount: Floats) -> None:
        x = self.x
        if step.op != Op.MOVE:
            balance, owed = self._balance(step.claims[0]), self.of.owed + step.claims[0]
            if step.op == Op.REPAY:
                amount = np.minimum(amount, x[balance])
            x[balance] = x[balance] + (amount if step.op == Op.DRAW else -amount)
            x[owed] = np.minimum(x[owed], x[balance])
        x[step.source] = x[step.source] - amount
        x[step.target] = x[step.target] + amount

    def _needs(self, step: Step, budget: Floats) -> list[Floats]:
        if step.op == Op.REST:
            return [budget] * len(step.claims)
        owed = [self.x[self.of.owed + claim] for claim in step.claims]
        if step.op == Op.PAY:
            return owed
        balances = [self.x[self._balance(claim)] for claim in step.claims]
        if step.op == Op.WRITE_DOWN:
            return balances
        return [balance - due for balance, due in zip(balances, owed, strict=True)]

    def _balance(self, claim: int) -> int:
        return self.of.balances + self.of.claims[claim].loan

    def _pay(self, step: Step, claim: int, amount: Floats) -> None:
        x, owed = self.x, self.of.owed + claim
        has_loan = self.of.claims[claim].loan != NONE
        if has_loan:
            x[self._balance(claim)] = x[self._balance(claim)] - amount
        if step.op == Op.WRITE_DOWN:
            lost = self.of.losses + self.of.claims[claim].loan
            x[lost] = x[lost] + amount
            x[owed] = np.minimum(x[owed], x[self._balance(claim)])
            return
        x[step.source] = x[step.source] - amount
        self.paid[claim] = self.paid[claim] + amount
        if step.op == Op.PAY:
            x[owed] = x[owed] - amount

    def _test(self, number: int, active: Flags) -> None:
        trigger = self.of.triggers[number]
        value, bar = self._value(trigger.value), self._value(trigger.threshold)
        if trigger.divisor != NONE:
            value, bar = value * ONE, bar * self._value(trigger.divisor)
        fails = (value < bar) if trigger.below else (value > bar)
        since, passes = self.since[number], np.minimum(self.passes[number] + 1, FOR_GOOD - 1)
        late = (self.now - since > trigger.within) if trigger.within else np.zeros(self.count, dtype=np.bool_)
        cured = (passes >= trigger.cures) & ~late
        was = since > 0
        then = np.where(fails, np.where(was, since, self.now), np.where(was & ~cured, since, 0.0))
        self.since[number] = np.where(active, then, since)
        kept = np.where(~fails & was & ~cured, passes, 0.0)
        self.passes[number] = np.where(active, kept, self.passes[number])
        self.x[self.of.ages + number] = np.where(self.since[number] > 0, self.now - self.since[number], 0.0)

    def _amount(self, reference: int) -> Floats:
        return np.maximum(self._value(reference), 0.0)

    def _value(self, reference: int) -> Floats:
        if reference < FIRST_FIGURE:
            return self.x[reference]
        figure = self.of.figures[reference - FIRST_FIGURE]
        if figure.rule == Rule.SUM:
            values = [self._value(each) for each in figure.of]
            added, taken = values[: figure.count], values[figure.count :]
            return sum(added, np.zeros(self.count)) - sum(taken, np.zeros(self.count))
        if figure.rule == Rule.PRODUCT:
            return self._amount(figure.of[0]) * self._amount(figure.of[1]) / ONE
        if figure.rule == Rule.INTEREST:
            rate, numerator, denominator, *on = map(self._amount, figure.of)
            return sum(on, np.zeros(self.count)) * rate * numerator / (denominator * ONE)
        if figure.rule == Rule.TABLE:
            return self._tabled(figure)
        if figure.rule == Rule.EITHER:
            return np.where(self.since[figure.count] > 0, *map(self._value, figure.of))
        return (np.minimum if figure.rule == Rule.LEAST else np.maximum).reduce(
            [self._value(each) for each in figure.of]
        )

    def _tabled(self, figure: Figure) -> Floats:
        value = self._value(figure.of[0])
        divisor = np.full(self.count, 1.0)
        if figure.of[1] != NONE:
            value, divisor = value * ONE, self._value(figure.of[1])
        found, reaches = np.zeros(self.count), np.ones(self.count, dtype=np.bool_)
        for row in range(figure.of[2], figure.of[2] + 2 * figure.count, 2):
            reaches &= value >= divisor * self.x[row]
            found = np.where(reaches, self.x[row + 1], found)
        return found


def _allot(budget: Floats, needs: Sequence[Floats], order: Order, weights: Sequence[Floats]) -> list[Floats]:
    paid, left = [np.zeros_like(budget) for _ in needs], budget
    if order != Order.SEQUENCE:
        parts = needs if order == Order.PRO_RATA else weights
        rest = sum(parts, np.zeros_like(budget))
        for i, part in enumerate(parts):
            share = np.divide(left * part, rest, out=np.zeros_like(budget), where=rest > 0)
            paid[i] = np.minimum(needs[i], share)
            left = left - paid[i]
            rest = np.maximum(rest - part, 0.0)
    for i, need in enumerate(needs):
        more = np.minimum(need - paid[i], left)
        paid[i] = paid[i] + more
        left = left - more
    return paid
