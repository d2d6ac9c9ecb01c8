"""What a waterfall comes to on given revenue, in whole minor units: the arithmetic that the contract runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from finance.settlement.waterfall import Run, State, Test, run
from finance.settlement.waterfall_plan import CASH, Compiled, Plan
from finance.settlement.widths import SettlementError

if TYPE_CHECKING:
    import pandas as pd

REVENUE = "revenue"


class Flow(NamedTuple):
    """An `amount` that moved in a `period` (from 0), in minor units: `step` is the number of the step (from
    1; 0 is revenue), `source` and `target` are a line, a pot, a claim, a loan, or losses."""

    period: int
    step: int
    source: str
    target: str
    amount: int


@dataclass(frozen=True)
class Projection:
    """The `runs` of a `compiled` plan, one a period, which all revenue in `lines` went into, and at the `end`
    the run that spends what they leave, if nothing more comes in."""

    compiled: Compiled
    lines: Mapping[str, Sequence[int]]
    runs: tuple[Run, ...]
    end: Run

    @property
    def plan(self) -> Plan:
        """What was projected."""
        return self.compiled.plan

    def paid(self, claim: str) -> list[int]:
        """What a `claim` was paid in each period. Raises KeyError for a claim that the plan does not have."""
        if claim not in self.plan.claim_names:
            raise KeyError(claim)
        place = self.plan.claim_names.index(claim)
        return [each.paid[place] for each in self.runs]

    def after(self, name: str) -> list[int]:
        """What `name` says, a pot, what a claim is still owed, `LOAN.balance` or `LOAN.lost`, after each
        period, in minor units. Raises KeyError for anything else."""
        if name not in self.plan.kept_names:
            raise KeyError(name)
        place = self.plan.kept_names.index(name)
        return [each.state.registers[place] for each in self.runs]

    def ratios(self, covenant: str) -> list[list[Fraction | None]]:
        """What a `covenant` was tested with in each period, exactly; None where there was nothing to divide
        by."""
        number = [each.name for each in self.plan.covenants].index(covenant)
        return [[_ratio(test) for test in each.tests if test.trigger == number] for each in self.runs]

    def failed(self, covenant: str) -> list[bool]:
        """Whether a `covenant` stands failed, and not cured, after each period."""
        number = [each.name for each in self.plan.covenants].index(covenant)
        return [bool(each.state.triggers[number].since) for each in self.runs]

    def flows(self) -> Iterator[Flow]:
        """All money that came in and moved, in order: what a Sankey diagram draws."""
        plan = self.plan
        for period, each in enumerate(self.runs):
            for line in plan.lines:
                if self.lines[line][period]:
                    yield Flow(period, 0, line, CASH, self.lines[line][period])
            for move in each.moves:
                yield Flow(period, move.step + 1, *plan.ends(move.step, move.to), move.amount)

    def frame(self) -> pd.DataFrame:
        """A row for each period, by the day it is due: revenue, what each claim was paid, what is left
        unpaid, pots, balances and losses, in minor units, and whether each covenant stands failed."""
        import pandas as pd

        columns: dict[tuple[str, str], Sequence[int] | list[bool]] = {}
        columns |= {(REVENUE, line): self.lines[line] for line in self.plan.lines}
        columns |= {("paid", claim): self.paid(claim) for claim in self.plan.claim_names}
        columns |= {("unpaid", claim): self.after(claim) for claim in self.plan.claim_names}
        columns |= {("held", pot): self.after(pot) for pot in self.plan.pot_names}
        for loan in self.plan.loans:
            columns["balance", loan.name] = self.after(f"{loan.name}.balance")
            columns["lost", loan.name] = self.after(f"{loan.name}.lost")
        columns |= {("failed", each.name): self.failed(each.name) for each in self.plan.covenants}
        days = [datetime.fromtimestamp(due, UTC).date() for due in self.plan.due[: len(self.runs)]]
        frame = pd.DataFrame(columns, index=pd.Index(days, name="due"))
        frame.columns.names = ["what", "whose"]
        return frame


def project(
    plan: Plan,
    lines: Mapping[str, Sequence[int]],
    facts: Mapping[str, Sequence[int]] | None = None,
) -> Projection:
    """Run every period of a plan on `lines` of revenue, in minor units, and `facts`, by name, each a number
    for every period.

    Raises SettlementError for names that are not the plan's, for too few numbers, and for amounts that the
    contract would refuse.
    """
    compiled, facts = plan.compiled, facts or {}
    state, runs = compiled.state, []
    inputs: tuple[int, ...] = ()
    for period, due in enumerate(plan.due):
        income = {name: _of(name, each, period) for name, each in lines.items()}
        known = {name: _of(name, each, period) for name, each in facts.items()}
        inputs = compiled.inputs(period, income, known)
        state = received(state, sum(income.values()))
        runs.append(run(compiled.waterfall, state, inputs, due))
        state = runs[-1].state
    over = (*[0] * len(plan.lines), *inputs[len(plan.lines) :])
    end = run(compiled.waterfall, state, over, plan.due[-1], is_over=True)
    return Projection(compiled, lines, tuple(runs), end)


def received(state: State, amount: int) -> State:
    """The state with more cash."""
    cash, *others = state.registers
    return replace(state, registers=(cash + amount, *others))


def _ratio(test: Test) -> Fraction | None:
    return Fraction(test.value, test.divisor) if test.divisor else None


def _of(name: str, values: Sequence[int], period: int) -> int:
    if period >= len(values):
        raise SettlementError(f"{name}: {len(values)} numbers, and period {period + 1} needs another")
    return int(values[period])
