"""Where a rule begins to hold: each limit of the terms and each deadline of a default, at the last value and
one beyond it, by the real contracts and the replay alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from finance.settlement import SettlementError, widths
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
    history,
    periods_a_year,
)
from finance.settlement.kpi_payment import Period as SwapPeriod
from finance.settlement.payoff_curve import Curve, Shape
from finance.settlement.treasury import (
    Ledger,
    Pay,
    PayRest,
    Period,
    Revenue,
    TreasuryAct,
    TreasuryTerms,
    apply,
    validate,
)
from tests.finance.wide_bonds import after
from tests.settlement.engine import Reverted
from tests.settlement.treasuries import DAY, QUARTER, START, begun
from tests.settlement.treasury_life import TreasuryLife, expected

PAYER, PAYEE = Side.PAYER, Side.PAYEE
MOST = 2**96 - 1
CURE = 30 * DAY


def quarters(count: int, step: int = QUARTER, lag: int = 0) -> tuple[SwapPeriod, ...]:
    dates = [START + (i + 1) * step for i in range(count)]
    return tuple(SwapPeriod(day, 1_000, day - lag) for day in dates)


SWAP = PaymentTerms(
    periods=quarters(4),
    curve=Curve.of(Shape.LINEAR, [(0, 0), (3_000, -3_000)]),
    missing_payoff=-3_000,
    data_controller=PAYEE,
    required=(500, 0),
    cure_period=CURE,
    late_rate=10**17,
    close_out_rule=CloseOutRule.LAST_FIXING,
    start_by=START,
    limited_recourse=True,
)


def beside(
    swap: PaymentTerms | None, later: int = 0, count: int | None = None, **first: Any
) -> TreasuryTerms:
    """A treasury whose periods are the swap's, paid `later`; or `count` of its own. `first`: of its first."""
    dates = [p.pay_date + later for p in swap.periods] if swap is not None else []
    if count is not None:
        dates = [START + (i + 1) * QUARTER for i in range(count)]
    periods = [Period(day, 300, 200) for day in dates]
    periods[0] = replace(periods[0], **first)
    return TreasuryTerms(tuple(periods), 100, swap)


@pytest.fixture(scope="module")
def life() -> TreasuryLife:
    return TreasuryLife()


# --- terms


def _with(**changes: Any) -> TreasuryTerms:
    return beside(replace(SWAP, **changes))


def _fixed(amount: int, **changes: Any) -> TreasuryTerms:
    return _with(periods=(replace(SWAP.periods[0], fixed_amount=amount), *SWAP.periods[1:]), **changes)


def _dated(first: int, second: int) -> TreasuryTerms:
    return _with(periods=(SwapPeriod(first, 0, first), SwapPeriod(second, 0, second)))


_FIRST = SWAP.periods[0]
_PAYER_TELLS = {"data_controller": PAYER, "missing_payoff": 7_000}
_FULL, _ONE = replace(SWAP, limited_recourse=False), beside(None, count=1)
LIMITS: dict[str, tuple[TreasuryTerms, TreasuryTerms]] = {
    "late rate": (_with(late_rate=10**18), _with(late_rate=10**18 + 1)),
    "no late rate": (_with(late_rate=0), _with(late_rate=10**18 + 1)),
    "cure period": (_with(cure_period=1), _with(cure_period=0)),
    "collateral": (_with(required=(MOST, 0)), _with(required=(MOST + 1, 0))),
    "collateral of the payee": (_with(required=(0, 0)), _with(required=(0, 1))),
    "largest amount": (_fixed(MOST), _fixed(MOST + 1)),
    "least amount": (_fixed(3_000 - MOST), _fixed(2_999 - MOST)),
    "least amount for silence": (
        _fixed(5_000 - MOST, missing_payoff=-5_000),
        _fixed(4_999 - MOST, missing_payoff=-5_000),
    ),
    "largest amount for silence": (
        _fixed(MOST - 7_000, **_PAYER_TELLS),
        _fixed(MOST - 6_999, **_PAYER_TELLS),
    ),
    "silence of the payee": (_with(missing_payoff=-3_000), _with(missing_payoff=-2_999)),
    "silence of the payer": (
        _with(data_controller=PAYER, missing_payoff=0),
        _with(data_controller=PAYER, missing_payoff=-1),
    ),
    "cured when the swap settles again": (
        _dated(START + DAY, START + DAY + CURE + 1),
        _dated(START + DAY, START + DAY + CURE),
    ),
    "paid when the swap settles again": (beside(SWAP, later=QUARTER - 1), beside(SWAP, later=QUARTER)),
    "latest start": (_with(start_by=_FIRST.end - 1), _with(start_by=_FIRST.end)),
    "end of a period": (
        _with(periods=quarters(4)),
        _with(periods=(replace(_FIRST, end=_FIRST.pay_date + 1), *SWAP.periods[1:])),
    ),
    "periods of the swap": (_with(periods=quarters(240)), _with(periods=quarters(241))),
    "periods of the treasury": (beside(None, count=240), beside(None, count=241)),
    "a treasury of one period": (_ONE, replace(_ONE, periods=())),
    "swap as long as the treasury": (beside(SWAP), replace(beside(SWAP), periods=beside(SWAP).periods[:3])),
    "pay dates of the treasury": (
        beside(None, count=2, pay_date=START + 2 * QUARTER - 1),
        beside(None, count=2, pay_date=START + 2 * QUARTER),
    ),
    "paid when the swap settles": (beside(SWAP), beside(SWAP, later=-1)),
    "paid within the cure period": (beside(_FULL, later=CURE - 1), beside(_FULL, later=CURE)),
}


@pytest.mark.parametrize("name", LIMITS)
def test_both_engines_take_terms_up_to_the_same_limit(name: str, life: TreasuryLife) -> None:
    last, beyond = LIMITS[name]
    validate(last)
    life.start(last)
    with pytest.raises(SettlementError):
        validate(beyond)
    with pytest.raises(Reverted):
        life.start(beyond)


def test_widths_are_those_of_the_numbers_on_chain() -> None:
    """uintN: 0 to 2^N - 1; intN: -2^(N-1) to 2^(N-1) - 1 (Solidity, types). No flag, no float."""
    for bits in (128, 256):
        for signed in (False, True):
            low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
            check: Callable[[str, Any], int] = getattr(widths, f"{'' if signed else 'u'}int{bits}")
            for value in (low, 0, 1, high):
                assert check("x", value) == value
            for value in (low - 1, high + 1, True, 1.0, "1", None):
                with pytest.raises(SettlementError, match="x = "):
                    check("x", value)


# --- times


def lived(life: TreasuryLife, terms: TreasuryTerms, acts: list[tuple[TreasuryAct, bool]]) -> Ledger:
    """The books after acts that both engines take, or (False) both refuse, compared after each."""
    life.start(terms)
    books = begun(terms)
    for act, taken in acts:
        if taken:
            life.do(act)
            books = apply(terms, books, act)
            assert life.books() == expected(terms, books), act
        else:
            with pytest.raises(Reverted):
                life.do(act)
            with pytest.raises(SettlementError):
                apply(terms, books, act)
    return books


@pytest.mark.parametrize("ends", [-1, 0, 1])
def test_the_second_of_a_default(ends: int, life: TreasuryLife) -> None:
    """In its last second a call is still met, in the next the swap is in default; a period had begun by then
    if the one before it had ended before the default, not in its second."""
    first, second, third, fourth = SWAP.periods
    default = first.pay_date + CURE
    second = replace(second, end=default + ends)
    terms = beside(replace(SWAP, periods=(first, second, third, fourth)))
    called: list[tuple[TreasuryAct, bool]] = [
        (Settlement(first.pay_date - 1, 999), False),
        (Settlement(first.pay_date, 999), True),
        (MarginCall(first.pay_date, PAYER), True),
        (MarginCall(first.pay_date, PAYER), False),
    ]
    in_time = lived(
        life, terms, [*called, (Funding(default, PAYER, 1), True), (CloseOut(default + 1), False)]
    )
    assert in_time.swap is not None
    assert in_time.swap.accounts[PAYER].deadline == 0
    begun_by_then: list[tuple[TreasuryAct, bool]] = [
        (Settlement(third.pay_date, 0), ends == -1),
        (CloseOut(third.pay_date), True),
    ]
    books = lived(
        life,
        terms,
        [
            *called,
            (CloseOut(default), False),
            (Funding(default + 1, PAYER, 1), True),  # too late
            (CloseOut(default + 1), False),  # the second period had begun
            (Settlement(second.pay_date, 0), True),
            *([(CloseOut(second.pay_date), False)] if ends == -1 else []),
            *begun_by_then,
            (CloseOut(third.pay_date), False),
        ],
    )
    assert books.swap is not None
    assert (books.swap.status, len(books.swap.amounts)) == (State.CLOSED, 3 if ends == -1 else 2)


@pytest.mark.parametrize("later", [-1, 0, 1])
def test_a_year_of_amounts_counts_in_the_cost_of_replacement(later: int, life: TreasuryLife) -> None:
    """A year's payments are those within 350 days of the first: one on the 350th day to the second is not."""
    periods = tuple(
        SwapPeriod(day, 1_000, day) for day in (START + QUARTER, START + QUARTER + 350 * DAY + later,
                                                START + 3 * 350 * DAY, START + 4 * 350 * DAY)
    )  # fmt: skip
    swap = replace(SWAP, periods=periods, close_out_rule=CloseOutRule.REPLACEMENT_COST, required=(100, 0))
    assert periods_a_year(swap) == (2 if later < 0 else 1)
    books = lived(
        life,
        beside(swap),
        [
            (Settlement(periods[0].pay_date, 400), True),  # 600, of which 100 are there
            (MarginCall(periods[0].pay_date, PAYER), True),
            (Settlement(periods[1].pay_date, 200), True),  # 800: it had begun
            (CloseOut(periods[1].pay_date), True),
        ],
    )
    assert books.swap is not None
    # Two periods are left: 600 and 800 again of a year of two, twice 800 of a year of one.
    assert books.swap.last == (1_400 if later < 0 else 1_600)


def test_a_payment_is_made_once_it_is_due_and_settled(life: TreasuryLife) -> None:
    first = SWAP.periods[0].pay_date
    lived(
        life,
        beside(SWAP, later=DAY),
        [
            (Revenue(first - 1, 5_000), True),
            (Settlement(first, 1_700), True),
            (Pay(first + DAY - 1), False),
            (PayRest(first + DAY), False),
            (Pay(first + DAY), True),
        ],
    )


def test_what_a_swap_may_hold_and_end_with() -> None:
    """2^104 - 1 in all, and a termination against no more than an amount may be (IKpiPayment)."""
    first = [Funding(START, PAYER, 500), Activation(START)]
    full = history(SWAP, [*first, Funding(START, PAYEE, 2**104 - 501)])[-1]
    assert sum(a.balance for a in full.accounts) == 2**104 - 1
    with pytest.raises(SettlementError, match="hold"):
        history(SWAP, [*first, Funding(START, PAYEE, 2**104 - 500)])
    rich = [Funding(START, PAYER, MOST + 1), *first[1:]]
    for amount, taken in ((MOST, True), (MOST + 1, False), (-MOST - 1, False)):
        if taken:
            ended = history(SWAP, [*rich, Termination(START, amount)])[-1]
            assert (ended.status, ended.accounts[PAYEE].credit) == (State.TERMINATED, amount)
            assert history(SWAP, [*rich, Termination(START, amount), Withdrawal(START, PAYER)])[-1].last == 1
        else:
            with pytest.raises(SettlementError, match="above"):
                history(SWAP, [*rich, Termination(START, amount)])


@pytest.mark.parametrize(("months", "count"), [(1, 12), (3, 4), (6, 2), (12, 1)])
def test_payments_a_year_by_the_calendar(months: int, count: int) -> None:
    """From any day of four years, leap day included: as many as a year has months, quarters, halves."""
    for days in range(0, 4 * 366, 5):
        start = date(2023, 1, 1) + timedelta(days=days)
        dates = [after(start, months * k) for k in range(1, 16)]
        times = [int(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp()) for d in dates]
        assert periods_a_year(replace(SWAP, periods=tuple(SwapPeriod(t, 0, t) for t in times))) == count, (
            start
        )
