"""Random waterfalls, and the engines that run them: Solidity's in an EVM, and the words that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from eth_utils import function_signature_to_4byte_selector

from finance.settlement import SettlementError
from finance.settlement.waterfall import (
    FIRST_FIGURE,
    FOR_GOOD,
    MOVES,
    NONE,
    ONE,
    Claim,
    Figure,
    Move,
    Op,
    Order,
    Rule,
    Run,
    State,
    Step,
    Test,
    Trigger,
    Tripped,
    Waterfall,
    When,
    validate,
)
from tests.settlement.engine import HARNESS, Deployed, signed, unsigned, word, words

PROGRAM = "(uint256,uint256,uint256,uint256[],uint256[],uint256[],uint256[])"
DAY = 86_400
BEGINS = 1_700_000_000
ON = (Tripped(BEGINS), Tripped(BEGINS - DAY, 1), Tripped(BEGINS, FOR_GOOD - 2))


# ---------------------------------------------------------------- the words


def packed(*fields: tuple[int, int]) -> int:
    """(value, bits) one above the other, the first in the lowest bits."""
    whole = shift = 0
    for value, bits in fields:
        whole |= value << shift
        shift += bits
    return whole


def listed(items: Sequence[int]) -> list[tuple[int, int]]:
    return [(item, 8) for item in items]


def program(of: Waterfall) -> bytes:
    """A waterfall as contracts/settlement/Waterfall.sol takes it."""
    arrays = (
        [packed((c.due, 8), (c.loan, 8), (c.carries, 1), (c.late, 1)) for c in of.claims],
        [
            packed((t.value, 8), (t.divisor, 8), (t.threshold, 8), (t.below, 8), (t.cures, 8), (t.within, 40))
            for t in of.triggers
        ],
        [packed((f.rule, 8), (f.count, 8), (len(f.of), 8), *listed(f.of)) for f in of.figures],
        [
            packed(
                *((s.op, 8), (s.source, 8), (s.order, 8), (s.limit, 8), (s.target, 8), (s.weights, 8)),
                *((len(s.claims), 8), (s.on, 16), (s.off, 16), *listed(s.claims)),
                *((0, 8 * (16 - len(s.claims))), (s.when, 8)),
            )
            for s in of.steps
        ],
    )
    return struct([of.pots, of.loans, of.inputs], arrays)


def struct(numbers: Sequence[int], arrays: Sequence[Sequence[int]]) -> bytes:
    """Words, then dynamic arrays."""
    tails = [words(each) for each in arrays]
    offset, head = 32 * (len(numbers) + len(arrays)), b"".join(map(word, numbers))
    for tail in tails:
        head += word(offset)
        offset += len(tail)
    return head + b"".join(tails)


class WaterfallEngine:
    """SettlementHarness, deployed once."""

    def __init__(self) -> None:
        self._harness = Deployed(HARNESS, "SettlementHarness")
        self._run = function_signature_to_4byte_selector(
            f"runWaterfall({PROGRAM},int128[],uint256[],int128[],uint40,bool)"
        )
        self._validate = function_signature_to_4byte_selector(f"validateWaterfall({PROGRAM})")

    def validate(self, of: Waterfall) -> None:
        self._harness.call(self._validate + word(32) + program(of))

    def run(self, of: Waterfall, state: State, inputs: Sequence[int], now: int, is_over: bool = False) -> Run:
        """What the contract makes of a period; raises Reverted as it does."""
        tripped = [packed((t.since, 40), (t.passes, 8)) for t in state.triggers]
        tails = [program(of), words(state.registers), words(tripped), words(inputs)]
        offset, head = 6 * 32, b""
        for tail in tails:
            head += word(offset)
            offset += len(tail)
        raw = self._harness.call(self._run + head + word(now) + word(is_over) + b"".join(tails))
        x, tripped, paid, moves, tests = (
            _array(raw, i, signed if i in (0, 4) else unsigned) for i in range(5)
        )
        after = State(tuple(x[: of.ages]), tuple(Tripped(t & (2**40 - 1), t >> 40) for t in tripped))
        return Run(
            after,
            tuple(paid),
            tuple(Move(each & 255, each >> 8 & 255, each >> 16) for each in moves),
            tuple(Test(*tests[i : i + 4], on=bool(tests[i + 4])) for i in range(0, len(tests), 5)),
        )


def _array(raw: bytes, number: int, read: type | object) -> list[int]:
    at = unsigned(raw[32 * number : 32 * number + 32])
    count = unsigned(raw[at : at + 32])
    return [read(raw[i : i + 32]) for i in range(at + 32, at + 32 + 32 * count, 32)]  # type: ignore[operator]


# ---------------------------------------------------------------- random lives


@dataclass(frozen=True)
class Case:
    """A waterfall, where it begins, and what each period brings: inputs and when it is due."""

    waterfall: Waterfall
    state: State
    periods: tuple[tuple[tuple[int, ...], int], ...]


def amount(rng: Random, digits: int) -> int:
    """Often nothing, one, or round; else of up to so many digits."""
    kind = rng.randrange(8)
    if kind < 2:
        return kind
    if kind == 2:
        return int(10 ** rng.randint(0, digits))
    return rng.randrange(10 ** rng.randint(1, digits))


def any_case(rng: Random, periods: int) -> Case:
    """Any waterfall whose figures are no more work than a period can do."""
    while True:
        case = _any_case(rng, periods)
        try:
            validate(case.waterfall)
        except SettlementError as error:
            if "work" not in str(error):
                raise
            continue
        return case


def _any_case(rng: Random, periods: int) -> Case:
    """Any waterfall: deep and shallow, with amounts from a few units to the widest; money comes in
    most periods, and often falls short."""
    pots, loans, triggers = rng.randint(1, 4), rng.randint(0, 3), rng.randint(0, 3)
    others, inputs = rng.randint(loans == 0, 6), rng.randint(4, 14)
    claims = [*range(loans), *[NONE] * others]
    rng.shuffle(claims)
    of = Waterfall(pots, loans, inputs, (Claim(),) * len(claims), (Trigger(0, 0, 0),) * triggers, (), ())
    figures: list[Figure] = []
    for _ in range(rng.randint(0, 10)):
        figures.append(a_figure(rng, of, len(figures)))
    of = replace(of, figures=tuple(figures))
    of = replace(
        of,
        claims=tuple(
            Claim(
                a_reference(rng, of) if rng.randrange(5) else NONE,
                loan,
                rng.randrange(4) > 0,
                rng.randrange(4) == 0,
            )
            for loan in claims
        ),
        triggers=tuple(a_trigger(rng, of) for _ in range(triggers)),
    )
    steps = rng.choice((1, 3, 6, 6, 10, 10, 20, 32))
    of = replace(of, steps=tuple(a_step(rng, of) for _ in range(steps)))
    digits = rng.choice((2, 9, 9, 15, 27, 38))
    registers = [min(amount(rng, digits), 2**127 - 1) for _ in range(of.ages)]
    now, lived = BEGINS, []
    tripped = tuple(rng.choice((Tripped(), Tripped(), *ON)) for _ in range(triggers))
    for _ in range(periods):
        now += rng.choice((30, 91, 365)) * DAY
        lived.append((some_inputs(rng, of, digits), now))
    return Case(of, State(tuple(registers), tripped), tuple(lived))


def some_inputs(rng: Random, of: Waterfall, digits: int) -> tuple[int, ...]:
    """Amounts, rates and ratios, days and years; now and then below zero, as a KPI may be."""
    made = []
    for _ in range(of.inputs):
        kind = rng.randrange(8)
        if kind < 4:
            made.append(min(amount(rng, digits), 2**127 - 1))
        elif kind < 6:
            made.append(rng.choice((ONE, ONE // 2, ONE * 6 // 5, rng.randrange(2 * ONE))))
        elif kind == 6:
            made.append(rng.choice((1, 4, 30, 90, 360, 365)))
        else:
            made.append(-amount(rng, min(digits, 38)) % 2**127 * -1)
    return tuple(made)


def a_reference(rng: Random, of: Waterfall, figures: int | None = None) -> int:
    """A register, or a figure: the last ones often, so that they are used."""
    count = len(of.figures) if figures is None else figures
    if count and rng.randrange(2):
        return FIRST_FIGURE + rng.randrange(count)
    return rng.randrange(of.numbers, of.registers) if rng.randrange(2) else rng.randrange(of.registers)


def a_figure(rng: Random, of: Waterfall, number: int) -> Figure:
    rule = rng.choice(list(Rule))
    if rule == Rule.EITHER and not of.triggers:
        rule = Rule.SUM

    def some(least: int, most: int) -> tuple[int, ...]:
        return tuple(a_reference(rng, of, number) for _ in range(rng.randint(least, most)))

    if rule == Rule.TABLE:
        count = rng.randint(1, of.inputs // 2)
        first = rng.randint(of.numbers, of.registers - 2 * count)
        divisor = NONE if rng.randrange(3) == 0 else a_reference(rng, of, number)
        return Figure(rule, (a_reference(rng, of, number), divisor, first), count)
    if rule == Rule.EITHER:
        return Figure(rule, some(2, 2), rng.randrange(len(of.triggers)))
    if rule == Rule.INTEREST:
        return Figure(rule, some(4, 6))
    if rule == Rule.PRODUCT:
        return Figure(rule, some(2, 2))
    of_ = some(1, 5)
    return Figure(rule, of_, rng.randint(0, len(of_)) if rule == Rule.SUM else 0)


def a_trigger(rng: Random, of: Waterfall) -> Trigger:
    divisor = NONE if rng.randrange(3) == 0 else a_reference(rng, of)
    cures, within = rng.choice((1, 1, 2, FOR_GOOD)), rng.choice((0, 30 * DAY, 91 * DAY, 800 * DAY))
    below = rng.randrange(2) > 0
    return Trigger(a_reference(rng, of), divisor, a_reference(rng, of), below, cures, within)


def a_step(rng: Random, of: Waterfall) -> Step:
    loans = [i for i, claim in enumerate(of.claims) if claim.loan != NONE]
    others = [i for i, claim in enumerate(of.claims) if claim.loan == NONE]
    ops = [Op.PAY, Op.PAY, Op.PAY, Op.PAY]
    ops += [Op.MOVE] * 2 * (of.pots > 1) + [Op.TEST] * 2 * bool(of.triggers)
    ops += [Op.DRAW, Op.REPAY] * (of.pots > 1 and bool(loans))
    ops += [Op.PREPAY, Op.WRITE_DOWN] * bool(loans) + [Op.REST] * bool(others)
    op = rng.choice(ops)
    masks = [0, 0]
    for t in range(len(of.triggers)):
        if rng.randrange(6) == 0:
            masks[rng.randrange(2)] |= 1 << t
    when = When.PERIODS if op == Op.TEST else rng.choice(list(When))
    limit = NONE if rng.randrange(3) else a_reference(rng, of)
    step = Step(op, limit=limit, on=masks[0], off=masks[1], when=when)
    if op == Op.TEST:
        return replace(step, target=rng.randrange(len(of.triggers)))
    source = 0 if rng.randrange(2) else rng.randrange(of.pots)
    if op in MOVES:
        source, target = rng.sample(range(of.pots), 2)
        of_loan = () if op == Op.MOVE else (rng.choice(loans),)
        return replace(step, source=source, target=target, claims=of_loan)
    among = {Op.PAY: loans + others, Op.REST: others}.get(op, loans)
    claims = tuple(rng.sample(among, rng.randint(1, min(len(among), 4))))
    order = rng.choice(list(Order))
    weights = NONE
    if order == Order.WEIGHTS:
        weights = rng.randint(of.numbers, of.registers - len(claims))
    return replace(step, source=source, claims=claims, order=order, weights=weights)


def spoiled(rng: Random, of: Waterfall) -> Waterfall:
    """The same with one of its numbers replaced by any other, which mostly makes it unsound."""
    number = rng.choice((0, 1, 7, 16, 17, 100, 191, 192, 200, 254, 255))
    which = rng.randrange(4)
    if which == 0 and of.figures:
        i = rng.randrange(len(of.figures))
        figure = of.figures[i]
        at = rng.randrange(len(figure.of))
        of_ = (*figure.of[:at], number, *figure.of[at + 1 :])
        figure = replace(figure, of=of_) if rng.randrange(2) else replace(figure, count=number)
        if rng.randrange(4) == 0:
            figure = replace(figure, of=figure.of[:-1] if rng.randrange(2) else figure.of * 4)
        return replace(of, figures=(*of.figures[:i], figure, *of.figures[i + 1 :]))
    if which == 1:
        i = rng.randrange(len(of.claims))
        claim = replace(of.claims[i], **{rng.choice(("due", "loan")): number})
        return replace(of, claims=(*of.claims[:i], claim, *of.claims[i + 1 :]))
    if which == 2 and of.triggers:
        i = rng.randrange(len(of.triggers))
        field = rng.choice(("value", "divisor", "threshold", "cures"))
        trigger = replace(of.triggers[i], **{field: number})
        return replace(of, triggers=(*of.triggers[:i], trigger, *of.triggers[i + 1 :]))
    if rng.randrange(8) == 0:
        field = rng.choice(("pots", "inputs", "loans"))
        return replace(of, **{field: number})
    i = rng.randrange(len(of.steps))
    step = of.steps[i]
    field = rng.choice(("source", "limit", "target", "weights", "on", "off", "claims"))
    step = replace(step, **{field: (*step.claims, number) if field == "claims" else number})
    return replace(of, steps=(*of.steps[:i], step, *of.steps[i + 1 :]))
