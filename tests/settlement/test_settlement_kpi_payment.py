"""The replay of a KPI payment against lives worked out by hand and the laws every life obeys."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from finance.settlement import SettlementError
from finance.settlement.kpi_payment import (
    Activation,
    CloseOut,
    CloseOutRule,
    Funding,
    Ledger,
    MarginCall,
    PaymentTerms,
    Period,
    Settlement,
    Side,
    State,
    SwapAct,
    Termination,
    Withdrawal,
    amount_of,
    apply,
    close_out_amount,
    history,
    owed,
    periods_a_year,
    replay,
    state_at,
    validate,
    withdrawable,
)
from finance.settlement.netting import YEAR
from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum

PAYER, PAYEE = Side.PAYER, Side.PAYEE
QUARTER = 91 * 86_400
START = 1_700_000_000
# A proxy revenue swap: fixed 1,000 a quarter against proxy revenue of 0 to 3,000.
SWAP = PaymentTerms(
    periods=tuple(Period(START + (i + 1) * QUARTER, 1_000, START + (i + 1) * QUARTER) for i in range(4)),
    curve=Curve.of(Shape.LINEAR, [(0, 0), (3_000, -3_000)]),
    missing_payoff=-3_000,
    data_controller=PAYEE,
    required=(500, 0),
    cure_period=30 * 86_400,
    late_rate=10**17,
    close_out_rule=CloseOutRule.LAST_FIXING,
    start_by=START,
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
    assert [ledger.amounts[-1] for ledger in ledgers[3:]] == [600, -1_500, 1_000]
    first, second, third = ledgers[3:]
    assert (first.accounts[PAYER].balance, first.accounts[PAYEE].credit) == (1_400, 600)
    assert second.accounts[PAYER].credit == 100
    assert owed(SWAP, second, PAYEE, second.at) == 1_400
    # A quarter of 91 days at 10 % on 1,400 is 34.9: the 1,000 meets 34 of it, then 966 of principal.
    interest = Fraction(1_400 * QUARTER, 10 * YEAR)
    assert int(interest) == 34
    assert third.accounts[PAYEE].debt.principal == 1_400 - 966
    assert third.accounts[PAYER].balance == 1_400  # netted, not paid
    after = apply(SWAP, third, Funding(third.at, PAYEE, 1_000))
    assert owed(SWAP, after, PAYEE, after.at) == 0
    assert after.accounts[PAYER].credit == 100 + 434
    assert after.accounts[PAYEE].balance == 566


def begun(terms: PaymentTerms, payer: int, payee: int = 0) -> list[SwapAct]:
    """What both sides post, and the beginning."""
    return [Funding(START, PAYER, payer), Funding(START, PAYEE, payee), Activation(START)]


def test_agreed_begun_or_lapsed() -> None:
    """Nothing can be called before the swap begins, it begins with all collateral, and in time."""
    with pytest.raises(SettlementError, match="collateral of the payer"):
        history(SWAP, [Funding(START, PAYER, 499), Activation(START)])
    with pytest.raises(SettlementError, match="the swap is agreed, not active"):
        history(SWAP, [MarginCall(START, PAYER)])
    agreed = history(SWAP, [Funding(START, PAYER, 501)])[-1]
    assert state_at(SWAP, agreed, START) == State.AGREED
    # The payee needs none: both are in place, and the payer is bound.
    assert withdrawable(SWAP, agreed, PAYER, START) == 1
    two_sided = replace(SWAP, required=(500, 1))
    assert withdrawable(two_sided, agreed, PAYER, START) == 501
    assert withdrawable(two_sided, agreed, PAYER, START, by_party=False) == 0
    assert state_at(SWAP, agreed, START + 1) == State.LAPSED
    assert withdrawable(SWAP, agreed, PAYER, START + 1, by_party=False) == 501
    with pytest.raises(SettlementError, match="the swap is lapsed, not agreed"):
        apply(SWAP, agreed, Activation(START + 1))


def called(cure: int = QUARTER // 2) -> tuple[PaymentTerms, list[SwapAct]]:
    """The payer of 700 falls below its 500 on the first pay date, is called, and is one unit short at the
    last second."""
    return replace(SWAP, cure_period=cure), [
        *begun(SWAP, 700),
        Settlement(pay_date(0), 400),
        MarginCall(pay_date(0), PAYER),
        Funding(pay_date(0) + cure, PAYER, 399),
    ]


def test_margin_default_and_last_fixing() -> None:
    """The period in which the payer defaults is settled by its report, whoever closes out and whenever; the
    future counts nothing, but the collateral of 500 is gone."""
    terms, acts = called()
    ledger = history(terms, acts)[-1]
    default = pay_date(0) + QUARTER // 2
    assert state_at(terms, ledger, default) == State.ACTIVE
    assert state_at(terms, ledger, default + 1) == State.DEFAULTED
    with pytest.raises(SettlementError, match="had begun"):
        apply(terms, ledger, CloseOut(default + 1))
    for late in (pay_date(1), pay_date(1) + 10 * QUARTER):
        settled = apply(terms, ledger, Settlement(late, 900))
        closed = apply(terms, settled, CloseOut(late))
        assert (settled.last, closed.last) == (100, 500)
        # 499 were there: 100 for the period, 399 of the damages; 101 are owed.
        assert closed.accounts[PAYEE].credit == 600 + 499
        assert owed(terms, closed, PAYER, late) == 101
        with pytest.raises(SettlementError, match="defaulted"):
            apply(terms, settled, Settlement(pay_date(2) + 10 * QUARTER, 0))
    cured = history(terms, [*acts[:-1], Funding(default, PAYER, 400)])[-1]
    assert state_at(terms, cured, default + 1) == State.ACTIVE


def test_a_report_that_is_known_is_settled_though_its_pay_date_has_not_come() -> None:
    """The proof of the audit: cure 10 days, pay lag 45. A final report against the payer does not help it to
    leave, however it does so."""
    lag = 45 * 86_400
    terms = replace(
        SWAP,
        cure_period=10 * 86_400,
        periods=tuple(replace(p, end=p.pay_date - lag) for p in SWAP.periods),
    )
    # Short since the first settlement; the second period has ended, against it by 1,000; it calls itself.
    default = terms.periods[1].end + terms.cure_period
    short = [*begun(terms, 500), Settlement(pay_date(0), 999), MarginCall(terms.periods[1].end, PAYER)]
    ledger = history(terms, short)[-1]
    assert default < pay_date(1)
    with pytest.raises(SettlementError, match="period 2, which had begun"):
        apply(terms, ledger, CloseOut(default + 1))
    ledger = apply(terms, ledger, Settlement(pay_date(1), 0))
    assert ledger.last == 1_000
    # And so is the third, in which it defaulted; the fourth is not.
    ledger = apply(terms, ledger, Settlement(pay_date(2), 0))
    with pytest.raises(SettlementError, match="defaulted"):
        apply(terms, ledger, Settlement(pay_date(3), 0))
    assert apply(terms, ledger, CloseOut(pay_date(3))).last == 500


def test_model_value_and_its_absence() -> None:
    """Against the defaulter only. The project controls the data; the payer has defaulted: silence gains
    the project nothing and never pays the payer. When the project has, silence is its worst."""
    terms, acts = called()
    terms = replace(terms, close_out_rule=CloseOutRule.MODEL_VALUE, missing_value=-9_000)
    ledger = apply(terms, history(terms, acts)[-1], Settlement(pay_date(1), 1_000))
    for value, amount in ((700, 700), (-50, 0), (None, 0)):
        assert apply(terms, ledger, CloseOut(pay_date(1), value)).last == amount
        assert close_out_amount(terms, ledger.amounts, PAYER, value) == amount
    for value, amount in ((700, 0), (-50, -50), (None, -9_000)):
        assert close_out_amount(terms, ledger.amounts, PAYEE, value) == amount
    flipped = replace(terms, data_controller=PAYER, missing_value=9_000)
    assert close_out_amount(flipped, ledger.amounts, PAYER, None) == 9_000
    assert close_out_amount(flipped, ledger.amounts, PAYEE, None) == 0


def test_replacement_cost_by_hand() -> None:
    """Forty quarters, as Bloom's; a collateral of 500."""
    terms = replace(
        SWAP,
        periods=tuple(Period(START + (i + 1) * QUARTER, 0, START + i * QUARTER + 1) for i in range(40)),
        close_out_rule=CloseOutRule.REPLACEMENT_COST,
        required=(500, 20),
    )
    assert periods_a_year(terms) == 4
    year = [100, -40, 300, 41]
    # 36 are left, nine years of 401.
    assert close_out_amount(terms, year, PAYER) == 9 * 401
    assert close_out_amount(terms, year, PAYEE) == -20, "the rest is worth something to it: damages only"
    # The first quarter's loss is a quarter of a year's, for 39 quarters; a loss of 1 is less than damages.
    assert close_out_amount(terms, [100], PAYER) == 975
    assert close_out_amount(terms, [1], PAYER) == 500
    assert close_out_amount(terms, [-101], PAYEE) == -985  # 984.75, against the defaulter
    # Ten years ago does not count.
    assert close_out_amount(terms, [10_000, *year], PAYER) == 401 * 35 // 4 + 1


def test_nobody_short_or_in_default_is_paid_before_it_has_paid() -> None:
    """A side that lacks collateral is paid neither balance nor credit, called or not, by whoever calls."""
    terms = replace(SWAP, cure_period=QUARTER // 2)
    acts = [*begun(terms, 500), Settlement(pay_date(0), 1_700), Settlement(pay_date(1), 999)]
    acts[3:3] = [Funding(START, PAYEE, 700)]
    ledger = history(terms, acts)[-1]
    assert (ledger.accounts[PAYER].balance, ledger.accounts[PAYER].credit) == (499, 700)
    assert withdrawable(terms, ledger, PAYER, pay_date(1)) == 0
    called = apply(terms, ledger, MarginCall(pay_date(1), PAYER))
    assert withdrawable(terms, called, PAYER, pay_date(1)) == 0
    cured = apply(terms, called, Funding(pay_date(1), PAYER, 1))
    assert withdrawable(terms, cured, PAYER, pay_date(1)) == 700
    late = apply(terms, called, Funding(pay_date(1) + QUARTER // 2 + 1, PAYER, 10_000))
    assert withdrawable(terms, late, PAYER, late.at) == 0
    # Credit answers for what the balance cannot meet, before anything is owed.
    ended = apply(terms, apply(terms, called, Settlement(pay_date(2), 0)), CloseOut(pay_date(2)))
    assert ended.amounts[-1] == 1_000
    assert ended.accounts[PAYEE].credit == 1 + 499 + 700
    assert owed(terms, ended, PAYER, ended.at) == 1_500 - 1_199


def test_walking_away_never_pays(seed: int) -> None:
    """Law 5: whenever a side of a long swap stops paying, it is worse off than had it kept the terms, as far
    as collateral and what it owes reach. In lives whose years repeat, each settled amount being that of the
    same quarter a year before, and in lives whose future after the default brings, on average, nothing."""
    rng = Random(f"{seed}/walking away")
    quarter, dates = QUARTER + 86_400, range(40)
    terms = replace(
        SWAP,
        periods=tuple(
            Period(START + (i + 1) * quarter, 0, START + (i + 1) * quarter - 86_400) for i in dates
        ),
        close_out_rule=CloseOutRule.REPLACEMENT_COST,
        limited_recourse=False,
        missing_payoff=-1_000_000,
    )
    for _ in range(300):
        year = [rng.randint(-1_000, 1_000) for _ in range(4)]
        terms = replace(terms, required=(rng.randrange(900), rng.randrange(900)))
        for defaulter, sign in ((PAYER, 1), (PAYEE, -1)):
            after = rng.randrange(1, 39)
            amounts = [year[i % 4] for i in range(after)]
            cost = sign * close_out_amount(terms, amounts, defaulter)
            assert cost >= terms.required[defaulter], f"seed {seed}: dearer than staying at its fair value"
            if after >= 4:
                staying = sign * sum(year[i % 4] for i in range(after, 40))
                whole_years = (40 - after) % 4 == 0
                slack = 0 if whole_years else 3 * max(map(abs, year))  # the odd quarters are averages
                assert cost + slack >= staying, (
                    f"seed {seed}: {year} after {after} cost {cost}, not {staying}"
                )


def random_terms(rng: Random) -> PaymentTerms:
    """Terms of few minor units, where every rounding shows, that the contract accepts."""
    curve = Curve.of(
        rng.choice(list(Shape)),
        [(-9, rng.randint(-60, 60)), (2, rng.randint(-60, 60)), (9, rng.randint(-60, 60))],
    )
    controller = rng.choice(list(Side))
    worst = maximum(curve) if controller == PAYER else minimum(curve)
    extra = rng.choice((0, 0, 7))
    rule, lag = rng.choice(list(CloseOutRule)), rng.choice((0, 45 * 86_400))
    return PaymentTerms(
        periods=tuple(
            Period(START + (i + 1) * QUARTER, rng.randint(-40, 40), START + (i + 1) * QUARTER - lag)
            for i in range(rng.randint(1, 6))
        ),
        curve=curve,
        missing_payoff=worst + extra if controller == PAYER else worst - extra,
        data_controller=controller,
        required=(rng.choice((0, 30, 80)), rng.choice((0, 30, 80))),
        cure_period=rng.choice((1, 86_400, QUARTER)),
        late_rate=rng.randrange(10**18),
        close_out_rule=rule,
        start_by=START + QUARTER // 3,
        missing_value=rng.randint(-99, 99) if rule == CloseOutRule.MODEL_VALUE else 0,
        limited_recourse=rng.random() < 0.5,
    )


def random_act(rng: Random, ledger: Ledger, terms: PaymentTerms) -> SwapAct:
    at = ledger.at + rng.choice((0, 1, 86_400, QUARTER // 3, QUARTER))
    side = rng.choice(list(Side))
    kpi = rng.choice((None, rng.randint(-12, 12)))
    return rng.choice(
        (
            Settlement(
                max(at, terms.periods[min(len(ledger.amounts), len(terms.periods) - 1)].pay_date), kpi
            ),
            Settlement(at, kpi),
            Activation(at),
            Funding(at, side, rng.choice((0, rng.randrange(120), owed(terms, ledger, side, at)))),
            Withdrawal(at, side, rng.random() < 0.7),
            MarginCall(at, side),
            CloseOut(at, rng.choice((None, rng.randint(-99, 99)))),
            Termination(at, rng.randint(-30, 30)) if rng.random() < 0.1 else MarginCall(at, side),
        )
    )


def test_laws_of_every_life(seed: int) -> None:
    """Any acts in any order: money is conserved, nobody owes who has a balance, at most one side owes,
    settlement is zero-sum, and states only lead onward."""
    rng = Random(f"{seed}/lives")
    reached = set()
    for _ in range(400):
        terms = random_terms(rng)
        validate(terms)
        ledger, paid_in = Ledger(at=START), [0, 0]
        if rng.random() < 0.8:
            ledger = history(terms, begun(terms, *terms.required))[-1]
            paid_in = list(terms.required)
        for _ in range(40):
            act = random_act(rng, ledger, terms)
            before = ledger
            try:
                ledger = apply(terms, ledger, act)
            except SettlementError:
                continue
            if isinstance(act, Funding):
                paid_in[act.side] += act.amount
            where = f"PENSTOCK_SEED={seed}: {act} on {before}"
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
            assert state_at(terms, ledger, ledger.at) >= state_at(terms, before, act.at), where
            reached.add(state_at(terms, ledger, ledger.at))
    assert reached == set(State) - {State.NONE}


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
        ({"periods": (Period(2, 0, 2), Period(2, 0, 2))}, "ascend"),
        ({"periods": (Period(2, 0, 3),), "start_by": 0}, "after its pay date"),
        ({"start_by": START + QUARTER}, "start_by"),
        ({"missing_payoff": -2_999}, "silence"),
        ({"data_controller": PAYER}, "silence"),
        ({"periods": (Period(2, 2**96 + 3_000, 2),)}, r"periods\[0\]"),
        ({"cure_period": 0}, "cure_period"),
        ({"late_rate": 10**18 + 1}, "late_rate"),
        ({"required": (0, -1)}, "required"),
    ],
)
def test_terms_that_are_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(SettlementError, match=word):
        validate(replace(SWAP, **changes))  # type: ignore[arg-type]


def test_events_that_are_refused() -> None:
    for acts, word in (
        ([Settlement(START, 0)], "the swap is agreed, not active"),
        ([*begun(SWAP, 500), Settlement(START, 0)], "not due"),
        ([Funding(START, PAYER, 1), Funding(START - 1, PAYER, 1)], "before the last act"),
        ([Funding(START, PAYER, 2**104)], "hold"),
        ([*begun(SWAP, 500), MarginCall(START, PAYER)], "margin call"),
        ([*begun(SWAP, 500), CloseOut(START + SWAP.cure_period)], "the swap is active, not defaulted"),
        ([*begun(SWAP, 500), Termination(START, 501)], "cannot pay"),
        ([*begun(SWAP, 500), Termination(START, 1), Settlement(pay_date(0), 0)], "is terminated"),
    ):
        with pytest.raises(SettlementError, match=word):
            history(SWAP, acts)  # type: ignore[arg-type]
    assert len(replay(SWAP, [0] * 4, [Funding(START, PAYER, 5_000)])[-1].amounts) == 4
    with pytest.raises(SettlementError, match="kpis"):
        replay(SWAP, [0] * 5, [])
