"""Waterfalls as data: both engines run any of them alike, and whatever the data, money is conserved, the
senior comes before the junior, and nobody gets more than it is owed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from finance.settlement import SettlementError
from finance.settlement import waterfall as engine_of_python
from finance.settlement.waterfall import (
    FIRST_FIGURE,
    MOST,
    MOVES,
    NONE,
    Claim,
    Figure,
    Op,
    Order,
    Rule,
    Run,
    State,
    Step,
    Trigger,
    Tripped,
    Waterfall,
    When,
    run,
    validate,
)
from tests.settlement.engine import Reverted
from tests.settlement.waterfalls import Case, WaterfallEngine, any_case, spoiled

PERIODS = 8
REAL = engine_of_python.allot

Period = tuple[tuple[int, ...], int, bool]


@pytest.fixture(scope="module")
def engine() -> WaterfallEngine:
    return WaterfallEngine()


def lives(seed: int | str, cases: int) -> Iterator[tuple[int, Case]]:
    """As many periods as `cases`."""
    rng = Random(seed)
    for number in range(max(1, cases // PERIODS)):
        yield number, any_case(rng, PERIODS)


def periods(case: Case, runs: Callable[..., Run] = run) -> Iterator[tuple[State, Period, Run]]:
    """The state before each period, what it brings, and what it came to. What is not spent is kept, and the
    period's first input comes in. None is refused: a sound waterfall never is, whatever its amounts."""
    state = case.state
    for number, (inputs, due) in enumerate(case.periods):
        is_over = number >= PERIODS - 2
        x = list(state.registers)
        x[0] = min(x[0] + max(0, inputs[0]), MOST)
        state = State(tuple(x), state.triggers)
        made = runs(case.waterfall, state, inputs, due, is_over)
        yield state, (inputs, due, is_over), made
        state = made.state


def test_the_engines_agree(engine: WaterfallEngine, seed: int, cases: int) -> None:
    rng, unsound, lived = Random(f"{seed}/unsound"), 0, 0
    for number, case in lives(f"{seed}/waterfall", cases):
        where = f"(PENSTOCK_SEED={seed}, case {number})"

        def both(of: Waterfall, state: State, *period: Any, at: str = where) -> Run:
            theirs, ours = engine.run(of, state, *period), run(of, state, *period)
            assert ours == theirs, f"{of}\n{state}\n{period}\n{ours}\n{theirs} {at}"
            return ours

        validate(case.waterfall)
        engine.validate(case.waterfall)
        lived += len(list(periods(case, both)))
        wrong = spoiled(rng, case.waterfall)
        found = []
        for check in (validate, engine.validate):
            try:
                check(wrong)
                found.append(True)
            except (SettlementError, Reverted):
                found.append(False)
        assert found[0] == found[1], f"{wrong}: sound for Python {found[0]}, Solidity {found[1]} {where}"
        unsound += not found[0]
    assert lived >= cases // PERIODS * PERIODS
    assert lived < 1_000 * PERIODS or lived // PERIODS // 4 < unsound < lived // PERIODS


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        (
            "rounding",
            lambda budget, needs, order, weights: [-(-n * budget // max(1, sum(needs))) for n in needs],
        ),
        ("order", lambda budget, needs, order, weights: REAL(budget, needs[::-1], Order.SEQUENCE, [])[::-1]),
        ("one unit", lambda budget, needs, order, weights: REAL(max(0, budget - 1), needs, order, weights)),
    ],
)
def test_a_difference_is_found(
    name: str,
    wrong: Callable[..., list[int]],
    engine: WaterfallEngine,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_of_python, "allot", wrong)
    with pytest.raises(AssertionError):
        test_the_engines_agree(engine, seed, 4_000)


def test_money_is_conserved(seed: int, cases: int) -> None:
    """What leaves the pots is what claims are paid, and loans change by what is paid on them, drawn and
    written down, whatever the waterfall is."""
    for number, case in lives(f"{seed}/conserved", cases):
        of = case.waterfall
        for before, _, made in periods(case):
            x, y = before.registers, made.state.registers
            where = f"{of} {before} (PENSTOCK_SEED={seed}, case {number})"
            assert sum(x[: of.pots]) == sum(y[: of.pots]) + sum(made.paid), where
            assert min(y) >= 0 <= min(made.paid, default=0), where
            for claim, each in enumerate(of.claims):
                if each.loan == NONE:
                    continue
                drawn = sum(
                    move.amount if of.steps[move.step].op == Op.DRAW else -move.amount
                    for move in made.moves
                    if of.steps[move.step].op in MOVES and claim in of.steps[move.step].claims
                )
                balance, lost = of.balances + each.loan, of.losses + each.loan
                assert x[balance] + drawn - made.paid[claim] == y[balance] + y[lost] - x[lost], where
                assert y[of.owed + claim] <= y[balance], where


def test_senior_comes_before_junior(seed: int, cases: int) -> None:
    """A step that spends a pot gets nothing while claims of an earlier step, paid from it without a limit
    and in the same states of the triggers, are still owed something."""
    found = 0
    for number, case in lives(f"{seed}/senior", cases):
        of = case.waterfall
        pays = [
            (i, step)
            for i, step in enumerate(of.steps)
            if step.op == Op.PAY and step.limit == NONE and not step.on | step.off
        ]
        for _, (_, _, is_over), made in periods(case):
            spent = {
                (of.steps[move.step].source, move.step)
                for move in made.moves
                if of.steps[move.step].op not in (Op.WRITE_DOWN,)
            }
            refilled = {of.steps[move.step].target for move in made.moves if of.steps[move.step].op in MOVES}
            for i, step in pays:
                if step.when == (When.PERIODS if is_over else When.AFTER):
                    continue
                later = [j for source, j in spent if source == step.source and j > i]
                if not later or step.source in refilled:
                    continue
                found += 1
                assert all(made.state.registers[of.owed + claim] == 0 for claim in step.claims), (
                    f"step {i} of {of}: {made} (PENSTOCK_SEED={seed}, case {number})"
                )
    assert found > cases // 100


def test_nobody_gets_more_than_it_is_owed(seed: int, cases: int) -> None:
    """But for the rest, prepayments and losses, what a claim was owed and fell due is paid or still owed."""
    for number, case in lives(f"{seed}/owed", cases):
        of = case.waterfall
        other = (Op.REST, Op.PREPAY, Op.DRAW, Op.REPAY, Op.WRITE_DOWN)
        free = {claim for step in of.steps if step.op in other for claim in step.claims}
        for before, period, made in periods(case):
            due = run(replace(of, steps=()), before, *period).state.registers
            for claim in set(range(len(of.claims))) - free:
                assert made.paid[claim] + made.state.registers[of.owed + claim] == due[of.owed + claim], (
                    f"claim {claim} of {of} (PENSTOCK_SEED={seed}, case {number})"
                )


@pytest.mark.parametrize(
    ("wide", "deep", "sound"), [(2, 8, True), (2, 11, False), (16, 2, True), (16, 3, False)]
)
def test_figures_of_figures_stay_affordable(
    wide: int, deep: int, sound: bool, engine: WaterfallEngine
) -> None:
    """Each is worked out whenever it is mentioned: what grows as a tree could never be paid."""
    chain = tuple(Figure(Rule.SUM, (FIRST_FIGURE + i - 1 if i else 1,) * wide, wide) for i in range(deep))
    of = Waterfall(1, 0, 0, (Claim(FIRST_FIGURE + deep - 1),), (), chain, (Step(Op.PAY, 0, (0,)),))
    for check, refusal in ((validate, SettlementError), (engine.validate, Reverted)):
        if sound:
            check(of)
        else:
            with pytest.raises(refusal):
                check(of)


def test_after_the_last_period_nothing_is_tested_and_only_late_claims_fall_due() -> None:
    claims = (Claim(8), Claim(8, late=True), Claim())
    steps = (
        Step(Op.TEST, 0, target=0),
        Step(Op.PAY, 0, (0, 1), when=When.ALWAYS),
        Step(Op.REST, 0, (2,), off=1),
        Step(Op.REST, 0, (2,), when=When.AFTER),
    )
    of = Waterfall(1, 0, 1, claims, (Trigger(0, NONE, 8),), (), steps)
    assert of.numbers == 8
    before = State((100, 0, 0, 0), (Tripped(5, 0),))
    in_time = run(of, before, (10,), 9)
    assert in_time.paid == (10, 10, 80)
    assert not in_time.state.triggers[0].since
    late = run(of, before, (10,), 9, True)
    assert late.paid == (0, 10, 90)
    assert late.tests == ()
    assert late.state.triggers == before.triggers
