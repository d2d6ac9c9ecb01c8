"""The replay of a KPI payment against lives worked out by hand and the laws every life obeys."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from finance.settlement import SettlementError
from finance.settlement.kpi_payment import (
    CloseOut,
    CloseOutRule,
    Event,
    Funding,
    Ledger,
    MarginCall,
    PaymentTerms,
    Period,
    Settlement,
    Side,
    State,
    Termination,
    Withdrawal,
    amount_of,
    history,
    owed,
    replay,
    state_at,
    step,
    validate,
    withdrawable,
)
from finance.settlement.netting import YEAR
from finance.settlement.payoff_curve import Curve, Kind, maximum, minimum

PAYER, PAYEE = Side.PAYER, Side.PAYEE
QUARTER = 91 * 86_400
START = 1_700_000_000
# A proxy revenue swap: fixed 1,000 a quarter against proxy revenue of 0 to 3,000.
SWAP = PaymentTerms(
    periods=tuple(Period(START + (i + 1) * QUARTER, 1_000) for i in range(4)),
    curve=Curve.of(Kind.LINEAR, [(0, 0), (3_000, -3_000)]),
    missing_payoff=-3_000,
    data_controller=PAYEE,
    required=(500, 0),
    cure_period=30 * 86_400,
    late_rate=10**17,
    close_out_rule=CloseOutRule.LAST_FIXING,
    limited_recourse=True,
)


def pay_date(index: int) -> int:
    return SWAP.periods[index].pay_date


@pytest.mark.parametrize(
    ("revenue", "amount"), [(0, 1_000), (400, 600), (1_000, 0), (2_500, -1_500), (None, -2_000)]
)
def test_a_proxy_revenue_swap_pays_fixed_minus_proxy_revenue(revenue: int | None, amount: int) -> None:
    """Settlement to the project = fixed payment - proxy revenue (the published definition of the swap)."""
    assert amount_of(SWAP, 0, revenue) == amount


def test_a_life_by_hand() -> None:
    """Paid 600; then the project owes 1,500 and has 100; then 1,000 is netted; then it pays the rest."""
    ledgers = replay(SWAP, [400, 2_500, 0], [Funding(START, PAYER, 2_000), Funding(START, PAYEE, 100)])
    assert [ledger.amounts[-1] for ledger in ledgers[2:]] == [600, -1_500, 1_000]
    first, second, third = ledgers[2:]
    assert (first.accounts[PAYER].balance, first.accounts[PAYEE].credit) == (1_400, 600)
    assert second.accounts[PAYER].credit == 100
    assert owed(SWAP, second, PAYEE, second.at) == 1_400
    # A quarter of 91 days at 10 % on 1,400 is 34.9: the 1,000 meets 34 of it, then 966 of principal.
    interest = Fraction(1_400 * QUARTER, 10 * YEAR)
    assert int(interest) == 34
    assert third.accounts[PAYEE].debt.principal == 1_400 - 966
    assert third.accounts[PAYER].balance == 1_400  # netted, not paid
    after = step(SWAP, third, Funding(third.at, PAYEE, 1_000))
    assert owed(SWAP, after, PAYEE, after.at) == 0
    assert after.accounts[PAYER].credit == 100 + 434
    assert after.accounts[PAYEE].balance == 566


def test_margin_default_and_last_fixing() -> None:
    """The payer falls below its 500 on the first pay date, is called, and does not cure: half a period later
    the last fixing, 600, counts for the part of the quarter that had passed at the default."""
    terms = replace(SWAP, cure_period=QUARTER // 2)
    called: list[Event] = [
        Funding(START, PAYER, 700),
        Settlement(pay_date(0), 400),
        MarginCall(pay_date(0), PAYER),
        Funding(pay_date(0) + QUARTER // 2, PAYER, 399),  # one unit short, at the last second
    ]
    ledger = history(terms, called)[-1]
    default = pay_date(0) + QUARTER // 2
    assert state_at(ledger, default) == State.ACTIVE
    assert state_at(ledger, default + 1) == State.DEFAULTED
    for late in (default + 1, default + 10 * QUARTER):  # the same amount whenever it is closed out
        closed = step(terms, ledger, CloseOut(late))
        assert closed.last == 300
        assert closed.accounts[PAYEE].credit == 600 + 300
        assert withdrawable(terms, closed, PAYER, late) == 100 + 399 - 300
    with pytest.raises(SettlementError, match="defaulted"):
        step(terms, ledger, Settlement(pay_date(1), 0))
    cured = history(terms, [*called[:3], Funding(default, PAYER, 400)])[-1]
    assert state_at(cured, default + 1) == State.ACTIVE


def test_model_value_and_its_absence() -> None:
    terms = replace(SWAP, close_out_rule=CloseOutRule.MODEL_VALUE, missing_value=-9_000)
    ledger = history(terms, [MarginCall(START, PAYER)])[-1]
    late = START + terms.cure_period + 1
    for value, amount in ((700, 700), (-50, -50), (None, -9_000)):
        closed = step(terms, ledger, CloseOut(late, value))
        debtor = PAYER if amount > 0 else PAYEE
        assert closed.last == amount
        assert owed(terms, closed, debtor, late) == abs(amount)


def random_terms(rng: Random) -> PaymentTerms:
    """Terms of few minor units, where every rounding shows, that the contract accepts."""
    curve = Curve.of(
        rng.choice(list(Kind)),
        [(-9, rng.randint(-60, 60)), (2, rng.randint(-60, 60)), (9, rng.randint(-60, 60))],
    )
    controller = rng.choice(list(Side))
    worst = maximum(curve) if controller == PAYER else minimum(curve)
    extra = rng.choice((0, 0, 7))
    rule = rng.choice(list(CloseOutRule))
    return PaymentTerms(
        periods=tuple(
            Period(START + (i + 1) * rng.choice((QUARTER,)), rng.randint(-40, 40))
            for i in range(rng.randint(1, 6))
        ),
        curve=curve,
        missing_payoff=worst + extra if controller == PAYER else worst - extra,
        data_controller=controller,
        required=(rng.choice((0, 30, 80)), rng.choice((0, 30, 80))),
        cure_period=rng.choice((1, 86_400, QUARTER)),
        late_rate=rng.randrange(10**18),
        close_out_rule=rule,
        missing_value=0 if rule == CloseOutRule.LAST_FIXING else rng.randint(-99, 99),
        limited_recourse=rng.random() < 0.5,
    )


def random_event(rng: Random, ledger: Ledger, terms: PaymentTerms) -> Event:
    at = ledger.at + rng.choice((0, 1, 86_400, QUARTER // 3, QUARTER))
    side = rng.choice(list(Side))
    kpi = rng.choice((None, rng.randint(-12, 12)))
    return rng.choice(
        (
            Settlement(
                max(at, terms.periods[min(len(ledger.amounts), len(terms.periods) - 1)].pay_date), kpi
            ),
            Settlement(at, kpi),
            Funding(at, side, rng.choice((0, rng.randrange(120), owed(terms, ledger, side, at)))),
            Withdrawal(at, side, rng.random() < 0.7),
            MarginCall(at, side),
            CloseOut(at, rng.choice((None, rng.randint(-99, 99)))),
            Termination(at, rng.randint(-30, 30)) if rng.random() < 0.1 else MarginCall(at, side),
        )
    )


def test_laws_of_every_life(seed: int) -> None:
    """Any events in any order: money is conserved, nobody owes who has a balance, at most one side owes,
    settlement is zero-sum, and states only lead onward."""
    rng = Random(f"{seed}/lives")
    reached = set()
    for _ in range(400):
        terms = random_terms(rng)
        validate(terms)
        ledger, paid_in = Ledger(at=START), [0, 0]
        for _ in range(40):
            event = random_event(rng, ledger, terms)
            before = ledger
            try:
                ledger = step(terms, ledger, event)
            except SettlementError:
                continue
            if isinstance(event, Funding):
                paid_in[event.side] += event.amount
            where = f"PENSTOCK_SEED={seed}: {event} on {before}"
            accounts = ledger.accounts
            held = sum(a.balance + a.credit for a in accounts)
            assert sum(paid_in) == held + sum(ledger.withdrawn), where
            assert not any(a.balance and a.debt.principal for a in accounts), where
            assert not all(a.debt.principal for a in accounts), where
            assert min(a.balance for a in accounts) >= 0, where
            # What a side has put in and not got back has gone to the other one: the net is zero-sum.
            net = [
                a.balance + a.credit + out - put
                for a, out, put in zip(accounts, ledger.withdrawn, paid_in, strict=True)
            ]
            assert sum(net) == 0, where
            assert state_at(ledger, ledger.at) >= state_at(before, event.at), where
            reached.add(state_at(ledger, ledger.at))
    assert reached >= {State.ACTIVE, State.DEFAULTED, State.MATURED, State.CLOSED, State.TERMINATED}


def test_silence_never_pays_whoever_controls_the_data(seed: int) -> None:
    """Law 4: for terms that are accepted, no report leaves the data controller with less than silence."""
    rng = Random(f"{seed}/silence")
    for _ in range(300):
        terms = random_terms(rng)
        sign = 1 if terms.data_controller == PAYEE else -1
        silent = sign * amount_of(terms, 0, None)
        assert all(silent <= sign * amount_of(terms, 0, kpi) for kpi in range(-12, 13)), (
            f"seed {seed}: {terms}"
        )


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"periods": ()}, "periods"),
        ({"periods": (Period(2, 0), Period(2, 0))}, "ascend"),
        ({"missing_payoff": -2_999}, "silence"),
        ({"data_controller": PAYER}, "silence"),
        ({"periods": (Period(2, 2**96 + 3_000),)}, r"periods\[0\]"),
        ({"cure_period": 0}, "cure_period"),
        ({"late_rate": 10**18 + 1}, "late_rate"),
        ({"required": (0, -1)}, "required"),
    ],
)
def test_terms_that_are_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(SettlementError, match=word):
        validate(replace(SWAP, **changes))  # type: ignore[arg-type]


def test_events_that_are_refused() -> None:
    for events, word in (
        ([Settlement(START, 0)], "not due"),
        ([Funding(START, PAYER, 1), Funding(START - 1, PAYER, 1)], "before the last event"),
        ([Funding(START, PAYER, 2**104)], "hold"),
        ([Funding(START, PAYER, 500), MarginCall(START, PAYER)], "margin call"),
        ([MarginCall(START, PAYER), CloseOut(START + SWAP.cure_period)], "close-out"),
        ([Termination(START, 1)], "cannot pay"),
        ([Funding(START, PAYER, 1), Termination(START, 1), Settlement(pay_date(0), 0)], "TERMINATED"),
    ):
        with pytest.raises(SettlementError, match=word):
            history(SWAP, events)  # type: ignore[arg-type]
    with pytest.raises(SettlementError, match="kpis"):
        replay(SWAP, [0] * 5, [])
