"""The replay of a treasury against lives worked out by hand and the laws every life obeys."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest

from finance.settlement import SettlementError, kpi_payment
from finance.settlement.kpi_payment import (
    Activation,
    CloseOut,
    CloseOutRule,
    Funding,
    MarginCall,
    PaymentTerms,
    Settlement,
    Side,
    State,
    Termination,
    Withdrawal,
)
from finance.settlement.kpi_payment import Period as SwapPeriod
from finance.settlement.netting import YEAR
from finance.settlement.payoff_curve import Curve, Shape
from finance.settlement.treasury import (
    Ledger,
    Party,
    PartyWithdrawal,
    Pay,
    Payment,
    PayRest,
    Period,
    Revenue,
    TreasuryAct,
    TreasuryTerms,
    apply,
    await_swap,
    history,
    payments,
    replay,
    validate,
)
from tests.settlement.treasuries import QUARTER, START, begun, random_act, random_terms, with_width

PAYER, PAYEE = Side.PAYER, Side.PAYEE
# A proxy revenue swap, fixed 1,000 a quarter against proxy revenue of 0 to 3,000, of limited recourse; cost
# 300 and debt service 200 a quarter; 100 units.
SWAP = PaymentTerms(
    periods=tuple(SwapPeriod(START + (i + 1) * QUARTER, 1_000, START + (i + 1) * QUARTER) for i in range(4)),
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
TERMS = TreasuryTerms(
    periods=tuple(Period(START + (i + 1) * QUARTER, 300, 200) for i in range(4)), units=100, swap=SWAP
)
PLAIN = replace(TERMS, swap=None)
POSTED = Funding(START, PAYER, 500)


def pay_date(index: int) -> int:
    return TERMS.periods[index].pay_date


def of(made: list[Payment], kind: str) -> list[tuple[int, int]]:
    """(due, paid) of each payment of a kind."""
    return [(p.due, p.total) for p in made if p.kind == kind]


def test_the_swap_makes_revenue_fixed() -> None:
    """A proxy revenue swap whose proxy is exact: whatever the wind brings, 1,000 - 500 is for holders."""
    for revenue in (0, 400, 1_000, 1_700, 3_000):
        made = replay(TERMS, [revenue], [revenue], [Funding(START, PAYER, 5_000)])
        assert of(made, "operating_cost") == [(300, 300)]
        assert of(made, "debt_service") == [(200, 200)]
        assert of(made, "swap_received") == ([(1_000 - revenue,) * 2] if revenue < 1_000 else [])
        assert of(made, "swap_paid") == ([(revenue - 1_000,) * 2] if revenue > 1_000 else [])
        (shared,) = (p for p in made if p.kind == "distribution")
        assert (shared.due, shared.total, shared.per_unit) == (500, 500, 5)


def test_limited_recourse_by_hand() -> None:
    """Revenue 1,100 against a proxy of 2,500: 600 is above the senior needs, of 1,500 owed. The next quarter
    owes the 900 left with a quarter's interest, before holders."""
    made = replay(TERMS, [1_100, 2_000], [2_500, 1_000], [POSTED])
    interest = Fraction(900 * QUARTER, 10 * YEAR)
    assert int(interest) == 22
    assert of(made, "swap_paid") == [(1_500, 600), (922, 922)]
    assert of(made, "distribution") == [(2_000 - 500 - 922, 500)]  # 78 carried, less than one a unit
    assert [p.at for p in made if p.kind == "distribution"] == [pay_date(1)]


def test_senior_arrears_come_first_and_bear_no_interest() -> None:
    """Nothing for two quarters, then 2,300: 900 of cost, 600 of debt, and the rest shared."""
    made = replay(PLAIN, [0, 0, 2_300])
    assert of(made, "operating_cost") == [(300, 0), (600, 0), (900, 900)]
    assert of(made, "debt_service") == [(200, 0), (400, 0), (600, 600)]
    assert of(made, "distribution") == [(800, 800)]
    half = replay(PLAIN, [350, 400])
    assert of(half, "operating_cost") == [(300, 300), (300, 300)]
    assert of(half, "debt_service") == [(200, 50), (350, 100)]


def test_dust_is_carried() -> None:
    made = replay(PLAIN, [659, 541])
    assert of(made, "distribution") == [(159, 100), (100, 100)]


def test_a_missing_report_pays_the_missing_payoff() -> None:
    """The project controls the data: silence costs it 2,000, which no report could exceed."""
    made = replay(TERMS, [1_000], [None], [POSTED])
    assert of(made, "swap_paid") == [(2_000, 500)]
    assert of(made, "distribution") == []


def test_a_provider_without_money_is_waited_for() -> None:
    """600 due to the project is unpaid, which nobody gains by: neither the lender, who would have its due of
    the next quarter out of it, nor holders. A year of it at 10 % comes with the money."""
    late = pay_date(0) + YEAR
    acts: list[TreasuryAct] = [
        Activation(START),
        Settlement(pay_date(0), 400),
        Revenue(pay_date(0), 400),
    ]
    terms = replace(TERMS, swap=replace(SWAP, required=(0, 0)))
    with pytest.raises(SettlementError, match="a payment of period 1, while the swap's provider owes 600"):
        apply(terms, history(terms, acts)[-1], Pay(pay_date(0)))
    with pytest.raises(SettlementError, match=r"provider owes 1$"):
        apply(terms, history(terms, [*acts, Funding(late, PAYER, 659)])[-1], Pay(late))
    ledger = history(
        terms, [*acts, Funding(late, PAYER, 660), Pay(late), Settlement(late, 1_000), Pay(late)]
    )[-1]
    first, second = ledger.runs
    # Of 1,060 what is left after 300 and 200 is held back for the periods that are due as well.
    assert (first.collected, first.paid) == (660, (300, 200, 560, 0))
    assert (second.collected, second.paid) == (0, (300, 200, 60, 0))


def test_a_provider_in_default_is_not_waited_for() -> None:
    """Called and not paid: once its cure period is over the treasury pays of what it has, after the
    close-out."""
    terms = replace(
        TERMS, swap=replace(SWAP, required=(0, 0), close_out_rule=CloseOutRule.LAST_FIXING, missing_value=0)
    )
    called = pay_date(0) + 1
    over = called + SWAP.cure_period
    acts: list[TreasuryAct] = [
        Activation(START),
        Settlement(pay_date(0), 400),
        Revenue(pay_date(0), 400),
        MarginCall(called, PAYER),
    ]
    ledger = history(terms, acts)[-1]
    with pytest.raises(SettlementError, match="provider owes"):
        apply(terms, ledger, Pay(over))
    begun = over + 1 > terms.swap.periods[0].end if terms.swap else False
    assert begun  # the second period is under way, and settled before the close-out
    assert apply(terms, ledger, Pay(over + 1)).runs[-1].paid[:2] == (300, 100)
    settled = apply(terms, apply(terms, ledger, Settlement(pay_date(1), 1_000)), Revenue(pay_date(1), 400))
    closed = apply(terms, settled, CloseOut(pay_date(1), None))
    assert apply(terms, closed, Pay(pay_date(1))).runs[-1].paid[:2] == (300, 200)


def test_default_and_close_out() -> None:
    """The provider does not meet its margin call: the quarter under way is settled by its report, and the
    close-out is its collateral of 500, of which nothing is left. It is owed with interest."""
    terms = replace(TERMS, swap=replace(SWAP, cure_period=QUARTER // 2))
    acts: list[TreasuryAct] = [
        Funding(START, PAYER, 700),
        Activation(START),
        Settlement(pay_date(0), 400),
        MarginCall(pay_date(0), PAYER),
        Revenue(pay_date(0), 400),
        Pay(pay_date(0)),
    ]
    assert history(terms, acts)[-1].runs[-1].distributed == 500
    ledger = history(terms, [*acts, Revenue(pay_date(1), 900)])[-1]
    with pytest.raises(SettlementError, match="not settled"):
        apply(terms, ledger, Pay(pay_date(1)))
    ledger = apply(terms, ledger, Settlement(pay_date(1), 900))
    for act in (CloseOut(pay_date(1)), Pay(pay_date(1)), Revenue(pay_date(2), 500), Pay(pay_date(2))):
        ledger = apply(terms, ledger, act)
    _, second, third = ledger.runs
    assert (second.collected, second.distributed) == (100, 500)
    assert (third.collected, third.distributed) == (0, 0)
    # The last period closes the token only once what the provider still owes is paid.
    ledger = apply(terms, apply(terms, ledger, Revenue(pay_date(3), 500)), Pay(pay_date(3)))
    assert not ledger.closed
    assert ledger.swap is not None
    owed = kpi_payment.owed(terms.swap or SWAP, ledger.swap, PAYER, pay_date(3))
    assert owed == 500 + 500 * 2 * QUARTER // (10 * YEAR)
    paid = apply(terms, apply(terms, ledger, Funding(pay_date(3), PAYER, owed)), PayRest(pay_date(3)))
    assert paid.closed
    assert paid.runs[-1].collected == owed
    assert paid.runs[-1].distributed == 500


def test_a_late_payment_holds_back_what_is_due_as_well() -> None:
    """Paid a quarter late, with both quarters' revenue there: the second quarter's 500 stay for it, so that
    holders gain nothing by the delay."""
    in_time = replay(PLAIN, [700, 600])
    late = replay(PLAIN, [1_300, 0], paid_at=[pay_date(1), pay_date(1) + 1])
    assert of(in_time, "distribution") == [(200, 200), (100, 100)]
    assert of(late, "distribution") == [(300, 300)]
    assert of(late, "operating_cost") == of(in_time, "operating_cost")
    assert of(late, "debt_service") == of(in_time, "debt_service")


def test_a_late_payment_holds_back_what_the_swap_has_settled_for() -> None:
    """Quarter 1 is paid late, ten days after the swap has settled quarter 2 in the project's favour, which
    the treasury pays on its own date: that money is for quarter 2 first."""
    later = tuple(replace(period, pay_date=period.pay_date + 20 * 86_400) for period in TERMS.periods)
    terms = replace(TERMS, periods=later)
    acts: list[TreasuryAct] = [
        Funding(START, PAYER, 2_000),
        Activation(START),
        Settlement(pay_date(0), 1_000),
        Revenue(pay_date(0), 500),
        Settlement(pay_date(1), 400),
    ]
    ledger = history(terms, [*acts, Pay(pay_date(1) + 10 * 86_400)])[-1]
    assert (ledger.runs[-1].collected, ledger.runs[-1].paid) == (600, (300, 200, 500, 0))
    assert ledger.runs[-1].distributed == 100


def test_a_project_of_full_recourse_may_pay_when_it_is_called() -> None:
    """Its quarter was paid with nothing in hand. Revenue that comes in the cure period is the swap's, beyond
    arrears and what the next quarter needs; no holder is paid of it, and nobody pays while nothing is
    called."""
    terms = replace(TERMS, swap=replace(SWAP, limited_recourse=False))
    late = pay_date(0) + 5 * 86_400
    acts: list[TreasuryAct] = [
        POSTED,
        Activation(START),
        Settlement(pay_date(0), 1_600),
        Pay(pay_date(0)),
        Revenue(late, 2_000),
    ]
    ledger = history(terms, acts)[-1]
    with pytest.raises(SettlementError, match="the rest, after 1 of 4"):
        apply(terms, ledger, PayRest(late))
    called = apply(terms, ledger, MarginCall(late, PAYEE))
    run = apply(terms, called, PayRest(late)).runs[-1]
    owed = 600 + 600 * 5 * 86_400 // (10 * YEAR)
    assert (run.paid, run.distributed) == ((300, 200, 500, owed), 0)
    assert run.carried == 2_000 - 1_000 - owed
    poor = history(terms, [*acts[:-1], Revenue(late, 1_100), MarginCall(late, PAYEE), PayRest(late)])[-1]
    assert poor.runs[-1].paid == (300, 200, 500, 100)


def test_after_the_last_settlement_the_provider_is_waited_for_its_cure_period() -> None:
    swap = replace(SWAP, periods=SWAP.periods[:1], required=(0, 0))
    terms = replace(TERMS, swap=swap)
    ends = pay_date(0) + swap.cure_period
    ledger = history(terms, [Activation(START), Settlement(pay_date(0), 400), Revenue(pay_date(0), 400)])[-1]
    for at in (pay_date(0), ends):
        with pytest.raises(SettlementError, match="provider owes"):
            apply(terms, ledger, Pay(at))
    assert apply(terms, ledger, Pay(ends + 1)).runs[-1].paid[:2] == (300, 100)
    assert ledger.swap is not None
    later = pay_date(0) + 20 * 86_400  # a dispute puts the report off: the provider has as long from then on
    with pytest.raises(SettlementError, match="provider owes"):
        await_swap(swap, ledger.swap, 0, later + swap.cure_period, later)
    await_swap(swap, ledger.swap, 0, later + swap.cure_period + 1, later)
    await_swap(swap, ledger.swap, 0, ends + 1, pay_date(0) - 86_400)
    paid = apply(terms, ledger, Funding(pay_date(0), PAYER, 600))
    assert apply(terms, paid, Pay(pay_date(0))).runs[-1].distributed == 500


def test_the_rest_after_the_last_period() -> None:
    ledger = history(PLAIN, [Pay(pay_date(i)) for i in range(4)])[-1]
    assert (ledger.closed, ledger.arrears) == (True, (1_200, 800))
    late = pay_date(3) + QUARTER
    ledger = history(PLAIN, [*(Pay(pay_date(i)) for i in range(4)), Revenue(late, 2_345), PayRest(late)])[-1]
    assert (ledger.arrears, ledger.runs[-1].per_unit) == ((0, 0), 3)
    paid = apply(
        PLAIN,
        apply(PLAIN, ledger, PartyWithdrawal(late, Party.OPERATOR)),
        PartyWithdrawal(late, Party.LENDER),
    )
    assert (paid.withdrawn, paid.balance) == ((1_200, 800), 45)
    assert payments(paid)[-1] == Payment("distribution", 4, late, 345, 300, 3)


def money_in(terms: TreasuryTerms, ledger: Ledger) -> tuple[int, int]:
    """(what treasury and swap hold, what has left them) by the ledger."""
    held, out = ledger.balance, sum(ledger.withdrawn) + sum(run.distributed for run in ledger.runs)
    if ledger.swap is not None:
        held += sum(account.balance + account.credit for account in ledger.swap.accounts)
        out += ledger.swap.withdrawn[PAYER]
    return held, out


def check_run(before: Ledger, ledger: Ledger, units: int, where: str) -> None:
    """What must hold of one payment of the waterfall."""
    run = ledger.runs[-1]
    available = before.available + run.collected
    assert sum(run.paid) + run.distributed + run.carried == available, where
    assert run.distributed == run.per_unit * units, where
    between = ledger.periods_paid < run.period  # the rest, before all periods are paid: no holder gets of it
    assert run.distributed == 0 if between else 0 <= run.carried < units, where
    for (need, paid), (_, junior) in pairwise([*zip(run.needs, run.paid, strict=True), (0, run.distributed)]):
        assert paid <= need, where
        assert paid == need or junior == 0, f"{where}: junior before senior"


def test_laws_of_every_life(seed: int) -> None:
    """Any acts in any order: money is conserved, junior never before senior, credits are held, arrears are
    what fell due less what was paid, and nothing is closed while something is owed to the project."""
    rng = Random(f"{seed}/treasury")
    reached, ran = set(), 0
    for _ in range(300):
        terms = random_terms(rng)
        validate(terms)
        ledger, paid_in = begun(terms), 0 if terms.swap is None else terms.swap.required[PAYER]
        for _ in range(60):
            act = random_act(rng, terms, ledger)
            before = ledger
            try:
                ledger = apply(terms, ledger, act)
            except SettlementError:
                continue
            where = f"PENSTOCK_SEED={seed}: {act} on {before}"
            paid_in += act.amount if isinstance(act, Revenue | Funding) else 0
            held, out = money_in(terms, ledger)
            assert paid_in == held + out, where
            assert ledger.available >= 0, where
            due = terms.periods[: ledger.periods_paid]
            assert ledger.arrears[0] + ledger.credits[0] + ledger.withdrawn[0] == sum(
                p.operating_cost for p in due
            ), where
            assert ledger.arrears[1] + ledger.credits[1] + ledger.withdrawn[1] == sum(
                p.debt_service for p in due
            ), where
            assert ledger.closed or not before.closed, where
            if isinstance(act, Pay | PayRest):
                ran += 1
                check_run(before, ledger, terms.units, where)
                if ledger.runs[-1].distributed and terms.swap and ledger.swap:
                    assert kpi_payment.owed(terms.swap, ledger.swap, PAYEE, ledger.at) == 0, where
            if ledger.closed and not before.closed and ledger.swap and terms.swap:
                assert ledger.swap.status > State.DEFAULTED, where
                assert kpi_payment.owed(terms.swap, ledger.swap, PAYER, ledger.at) == 0, where
            reached.add((ledger.closed, any(ledger.arrears), ledger.swap and ledger.swap.status))
    assert ran > 500
    assert {status for _, _, status in reached} >= {State.ACTIVE, State.MATURED, State.CLOSED, None}
    assert {closed for closed, _, _ in reached} == {arrears for _, arrears, _ in reached} == {False, True}


def test_the_replay_is_the_history(seed: int) -> None:
    """One call gives what its acts give, and its payments add up to all that came in."""
    rng = Random(f"{seed}/replay")
    for _ in range(200):
        terms = random_terms(rng)
        count = rng.randint(1, len(terms.periods))
        revenue = [rng.randrange(200) for _ in range(count)]
        kpis = [
            rng.choice((None, rng.randint(-12, 12)))
            for _ in range(min(count, len(terms.swap.periods) if terms.swap else 0))
        ]
        least = terms.swap.required[PAYER] if terms.swap else 0
        fundings = [Funding(START, PAYER, least + 10**6)] if terms.swap else []
        made = replay(terms, revenue, kpis, fundings)
        received = sum(revenue) + sum(p.total for p in made if p.kind == "swap_received")
        spent = sum(p.total for p in made if p.kind != "swap_received")
        assert received - spent >= 0, f"seed {seed}"
        assert all(p.total == p.per_unit * terms.units for p in made if p.kind == "distribution")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"periods": ()}, "periods"),
        ({"periods": (Period(2, 0, 0), Period(2, 0, 0)), "swap": None}, "ascend"),
        ({"units": 0}, "units"),
        ({"units": 2**64}, "units"),
        ({"swap": replace(SWAP, required=(0, 1))}, "collateral"),
        ({"swap": replace(SWAP, missing_payoff=0)}, "silence"),
        ({"periods": TERMS.periods[:3]}, r"swap\.periods"),
        ({"periods": tuple(replace(p, pay_date=p.pay_date - 1) for p in TERMS.periods)}, "settles only"),
        (
            {
                "swap": replace(SWAP, limited_recourse=False),
                "periods": tuple(replace(p, pay_date=p.pay_date + SWAP.cure_period) for p in TERMS.periods),
            },
            "full recourse",
        ),
    ],
)
def test_terms_that_are_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(SettlementError, match=word):
        validate(replace(TERMS, **changes))  # type: ignore[arg-type]


def test_needs_wider_than_the_contract_keeps_are_refused() -> None:
    validate(with_width(TERMS, 2**96 - 1))
    for need in (2**96, -1):
        with pytest.raises(SettlementError, match=r"periods\[0\]\.operating_cost"):
            validate(with_width(TERMS, need))


def test_events_that_are_refused() -> None:
    cases: list[tuple[TreasuryTerms, list[TreasuryAct], str]] = [
        (PLAIN, [Pay(pay_date(0) - 1)], "not due"),
        (PLAIN, [Revenue(2, 1), Revenue(1, 1)], "before the last act"),
        (PLAIN, [Pay(pay_date(0)), Pay(pay_date(0))], "not due"),
        (PLAIN, [PayRest(pay_date(3))], "rest"),
        (PLAIN, [*(Pay(pay_date(3)) for _ in range(5))], "after the last"),
        (PLAIN, [Settlement(pay_date(0), 0)], "no swap"),
        (PLAIN, [Revenue(1, -1)], "amount"),
        (TERMS, [Activation(START)], "without the collateral of the payer"),
        (TERMS, [POSTED, Activation(START), Pay(pay_date(0))], "not settled"),
        (TERMS, [Withdrawal(START, PAYEE)], "only when it pays"),
        (TERMS, [Withdrawal(START, PAYEE, by_party=False)], "only when it pays"),
        (TERMS, [Termination(START, 0)], "no termination"),
    ]
    for terms, acts, word in cases:
        with pytest.raises(SettlementError, match=word):
            history(terms, acts)
    for call, word in (
        (lambda: replay(PLAIN, [1] * 5), "revenue"),
        (lambda: replay(TERMS, [1], []), "kpis"),
        (lambda: replay(PLAIN, [1], [1]), "kpis"),
        (lambda: replay(PLAIN, [1, 1], paid_at=[pay_date(0)]), "paid_at"),
    ):
        with pytest.raises(SettlementError, match=word):
            call()
