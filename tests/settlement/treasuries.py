"""Random treasuries with swaps, and random acts of their lives: few minor units, where every rounding
shows, and dates close enough that everything happens late, early and at the same time."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from finance.settlement.kpi_payment import (
    Activation,
    CloseOut,
    CloseOutRule,
    Funding,
    MarginCall,
    PaymentTerms,
    Settlement,
    Side,
    Withdrawal,
    owed,
)
from finance.settlement.kpi_payment import Period as SwapPeriod
from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum
from finance.settlement.treasury import (
    Ledger,
    Party,
    PartyWithdrawal,
    Pay,
    PayRest,
    Period,
    Revenue,
    TreasuryAct,
    TreasuryTerms,
    history,
)

DAY = 86_400
QUARTER = 91 * DAY
START = 1_700_000_000


def random_swap(rng: Random, periods: int, scale: int) -> PaymentTerms:
    """A swap of `periods` quarters that the contract accepts, without collateral of the project."""

    def amount(most: int) -> int:
        return rng.randint(-most * scale, most * scale)

    curve = Curve.of(rng.choice(list(Shape)), [(-9, amount(60)), (2, amount(60)), (9, amount(60))])
    controller = rng.choice(list(Side))
    rule, lag, limited = rng.choice(list(CloseOutRule)), rng.choice((0, 45 * DAY)), rng.random() < 0.7
    return PaymentTerms(
        periods=tuple(
            SwapPeriod(START + (i + 1) * QUARTER, amount(40), START + (i + 1) * QUARTER - lag)
            for i in range(periods)
        ),
        curve=curve,
        missing_payoff=maximum(curve) if controller == Side.PAYER else minimum(curve),
        data_controller=controller,
        required=(rng.choice((0, 30, 80)) * scale, 0),
        # Of full recourse, the treasury must be able to pay in time.
        cure_period=rng.choice((1, DAY, 60 * DAY)) if limited else 60 * DAY,
        late_rate=rng.randrange(10**18),
        close_out_rule=rule,
        start_by=START,
        missing_value=amount(99) if rule == CloseOutRule.MODEL_VALUE else 0,
        limited_recourse=limited,
    )


def begun(terms: TreasuryTerms) -> Ledger:
    """The ledger when the token is issued: the swap has begun, with just the provider's collateral."""
    if terms.swap is None:
        return Ledger(at=START)
    posted = Funding(START, Side.PAYER, terms.swap.required[Side.PAYER])
    return history(terms, [posted, Activation(START)])[-1]


def random_terms(rng: Random, scale: int = 1) -> TreasuryTerms:
    """One in six has no swap; the others have one as long as the treasury, or shorter."""
    count = rng.randint(1, 6)
    late = rng.choice((0, 0, 1, 10 * DAY))
    return TreasuryTerms(
        periods=tuple(
            Period(START + (i + 1) * QUARTER + late, rng.randint(0, 30) * scale, rng.randint(0, 30) * scale)
            for i in range(count)
        ),
        units=rng.randint(1, 13),
        swap=None if rng.random() < 1 / 6 else random_swap(rng, rng.randint(1, count), scale),
    )


def _swap_act(rng: Random, terms: PaymentTerms, ledger: Ledger, at: int, scale: int) -> TreasuryAct:
    assert ledger.swap is not None
    side = rng.choice(list(Side))
    index = min(len(ledger.swap.amounts), len(terms.periods) - 1)
    due = max(at, terms.periods[index].pay_date)
    lacking = owed(terms, ledger.swap, side, at)
    amount = rng.choice((0, rng.randrange(150 * scale), 200 * scale if side == Side.PAYER else 0, lacking))
    kpi = rng.choice((None, *(rng.randint(-12, 12) for _ in range(4))))
    value = rng.choice((None, rng.randint(-99 * scale, 99 * scale)))
    choices: list[TreasuryAct] = [
        Settlement(due, kpi),
        Settlement(due, kpi),
        Settlement(at, kpi),
        Funding(at, side, amount),
        Funding(at, Side.PAYER, amount),
        # As strangers for the treasury, the provider by itself.
        Withdrawal(at, side, by_party=side == Side.PAYER),
        MarginCall(at, side),
        CloseOut(at, value),
    ]
    return rng.choice(choices)


def random_act(rng: Random, terms: TreasuryTerms, ledger: Ledger, scale: int = 1) -> TreasuryAct:
    """Often what is next to be done, on its day; often not."""
    at = ledger.at + rng.choice((0, 0, 1, DAY, QUARTER // 3, QUARTER))
    next_period = terms.periods[min(ledger.periods_paid, len(terms.periods) - 1)]
    if terms.swap is not None and rng.random() < 0.55:
        return _swap_act(rng, terms.swap, ledger, at, scale)
    choices: list[TreasuryAct] = [
        Revenue(at, rng.choice((0, rng.randrange(30 * scale), rng.randrange(200 * scale)))),
        Revenue(at, rng.randrange(100 * scale)),
        Pay(max(at, next_period.pay_date)),
        Pay(max(at, next_period.pay_date)),
        Pay(at),
        PayRest(at),
        PartyWithdrawal(at, rng.choice(list(Party))),
    ]
    return rng.choice(choices)


def with_width(terms: TreasuryTerms, need: int) -> TreasuryTerms:
    """The same, with all needs of the first period at one amount."""
    first, *rest = terms.periods
    return replace(terms, periods=(replace(first, operating_cost=need, debt_service=need), *rest))
