"""A project's treasury and its swap in integers: the pure replay of contracts/spv/RevenueTreasury.sol.

Revenue comes in, the swap settles in or out, and each period what is held is spent in order: operating cost,
debt service, what is held back for further periods that are due, what the project owes on the swap, and the
rest to the units of the claim token. Times are unix seconds, money is minor units. `apply` raises
SettlementError where the contract reverts, so the replay can be held against the chain act by act. It
begins when the token is issued.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise
from typing import Literal

from finance.settlement import kpi_payment
from finance.settlement.clock import when
from finance.settlement.kpi_payment import (
    Activation,
    CloseOut,
    Funding,
    MarginCall,
    PaymentTerms,
    Settlement,
    Side,
    Withdrawal,
)
from finance.settlement.pro_rata import per_unit
from finance.settlement.waterfall import allocate
from finance.settlement.widths import SettlementError, uint256

MAX_PERIODS = 240
MAX_NEED = 2**96 - 1
"""No operating cost and no debt service of a period is above this (uint96)."""
MAX_UNITS = 2**64 - 1


class Party(IntEnum):
    """Who is paid by credit; the numbers are those of the Solidity enum."""

    OPERATOR = 0
    LENDER = 1


@dataclass(frozen=True, slots=True)
class Period:
    """From when it can be paid, and what it needs for operator and lender."""

    pay_date: int
    operating_cost: int
    debt_service: int


@dataclass(frozen=True, slots=True)
class TreasuryTerms:
    """What a treasury spends; see IRevenueTreasury.Terms. `units` of the claim token are in issue; of the
    swap, if there is one, the treasury is the payee."""

    periods: tuple[Period, ...]
    units: int
    swap: PaymentTerms | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One payment of the waterfall, of `period` (their number after the last one).

    `needs` and `paid`, in order: operator and lender with their arrears, held back for further periods that
    are due, the swap. Each of the units then gets `per_unit`; less than one minor unit each is `carried`.
    """

    at: int
    period: int
    collected: int
    needs: tuple[int, int, int, int]
    paid: tuple[int, int, int, int]
    per_unit: int
    distributed: int
    carried: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The treasury after an act at time `at`.

    `balance` is all currency it holds, `credits` the part of it that is operator's and lender's, `arrears`
    what they are still to get of the periods paid, `withdrawn` what they have had.
    """

    at: int
    swap: kpi_payment.Ledger | None = None
    balance: int = 0
    arrears: tuple[int, int] = (0, 0)
    credits: tuple[int, int] = (0, 0)
    withdrawn: tuple[int, int] = (0, 0)
    runs: tuple[Run, ...] = ()
    periods_paid: int = 0
    closed: bool = False

    @property
    def available(self) -> int:
        """What is held and credited to nobody."""
        return self.balance - sum(self.credits)


@dataclass(frozen=True, slots=True)
class Revenue:
    """Money that comes in, of whatever line, or that is simply sent."""

    at: int
    amount: int


@dataclass(frozen=True, slots=True)
class Pay:
    """Of the next period."""

    at: int


@dataclass(frozen=True, slots=True)
class PayRest:
    """After the last period."""

    at: int


@dataclass(frozen=True, slots=True)
class PartyWithdrawal:
    """Of an operator's or lender's credit."""

    at: int
    party: Party


@dataclass(frozen=True, slots=True)
class Return:
    """Of all money to the issuer, when the issue has failed."""

    at: int


TreasuryAct = Revenue | Pay | PayRest | PartyWithdrawal | Return | kpi_payment.SwapAct

PaymentKind = Literal["swap_received", "operating_cost", "debt_service", "swap_paid", "distribution"]


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a treasury; money in minor units.

    `swap_received` comes from the swap; the others go out, in the order of the waterfall. `index` is the
    period (their number after the last one), `due` what was to be paid, arrears included, `total` what was.
    `per_unit` is zero but for a distribution, whose `total` is per_unit times units.
    """

    kind: PaymentKind
    index: int
    at: int
    due: int
    total: int
    per_unit: int = 0


def validate(terms: TreasuryTerms) -> None:
    """Raise SettlementError for terms that the contracts refuse, alone or together with the swap."""
    if not 1 <= len(terms.periods) <= MAX_PERIODS:
        raise SettlementError(f"periods: {len(terms.periods)}, must be from 1 to {MAX_PERIODS}")
    if any(later.pay_date <= earlier.pay_date for earlier, later in pairwise(terms.periods)):
        raise SettlementError("periods: pay dates must ascend")
    for i, period in enumerate(terms.periods):
        for name in ("operating_cost", "debt_service"):
            value = getattr(period, name)
            if not 0 <= value <= MAX_NEED:
                raise SettlementError(f"periods[{i}].{name} = {value}: must be from 0 to {MAX_NEED}")
    if not 1 <= terms.units <= MAX_UNITS:
        raise SettlementError(f"units = {terms.units}: must be from 1 to {MAX_UNITS}")
    if terms.swap is not None:
        _validate_with(terms.swap, terms.periods)


def _validate_with(swap: PaymentTerms, periods: Sequence[Period]) -> None:
    kpi_payment.validate(swap)
    if swap.required[Side.PAYEE]:
        raise SettlementError(
            f"swap.required = {swap.required}: the treasury is the payee and posts no collateral"
        )
    if len(swap.periods) > len(periods):
        raise SettlementError(f"swap.periods: {len(swap.periods)}, and the treasury has {len(periods)}")
    for i, (mine, its) in enumerate(zip(periods, swap.periods, strict=False)):
        if mine.pay_date < its.pay_date:
            raise SettlementError(
                f"periods[{i}].pay_date = {mine.pay_date}: the swap settles only at {its.pay_date}"
            )
        if not swap.limited_recourse and mine.pay_date >= its.pay_date + swap.cure_period:
            raise SettlementError(
                f"periods[{i}].pay_date = {mine.pay_date}: by then the swap, of full recourse, is in default"
            )
    for i, (mine, its, then) in enumerate(zip(periods, swap.periods, swap.periods[1:], strict=False)):
        if max(mine.pay_date, its.pay_date + swap.cure_period) >= then.pay_date:
            raise SettlementError(
                f"periods[{i}]: may still wait for the swap's provider when the swap settles again, at "
                f"{then.pay_date}: its cure period of {swap.cure_period} s, or the pay date, is too late"
            )


def _due_as_well(periods: Sequence[Period], ledger: Ledger, settled: int, and_next: bool) -> int:
    """Cost and debt of periods that are not paid yet, though their pay date has passed or the swap has
    `settled` them; and of the next one after them."""
    needs = 0
    for i in range(ledger.periods_paid, len(periods)):
        due = periods[i].pay_date <= ledger.at or i < settled
        if due or and_next:
            needs += periods[i].operating_cost + periods[i].debt_service
        if not due:
            break
    return needs


def held_back(periods: Sequence[Period], ledger: Ledger, settled: int) -> int:
    """What is not the swap's when the rest is paid at the ledger's time: arrears, and what is kept for
    periods to come."""
    return sum(ledger.arrears) + _due_as_well(periods, ledger, settled, ledger.periods_paid < len(periods))


def await_swap(
    terms: PaymentTerms, swap: kpi_payment.Ledger, period: int, at: int, final_at: int = 0
) -> None:
    """Raise SettlementError while what the swap brings for `period` may still come: it has to settle the
    period, and its provider to pay what it owes, or be in default. `final_at`: when the report of the swap's
    last period was settled, if after its pay date. What else could be settled or closed out goes by reports
    too, which are the caller's to know."""
    state = kpi_payment.state_at(terms, swap, at)
    if state <= kpi_payment.State.DEFAULTED and len(swap.amounts) <= period:
        raise SettlementError(f"a payment of period {period + 1}, which the swap has not settled")
    owed = kpi_payment.owed(terms, swap, Side.PAYER, at)
    if owed and _may_still_pay(terms, swap, state, at, final_at):
        raise SettlementError(f"a payment of period {period + 1}, while the swap's provider owes {owed}")


def _may_still_pay(
    terms: PaymentTerms, swap: kpi_payment.Ledger, state: kpi_payment.State, at: int, final_at: int
) -> bool:
    """Whether a provider that owes is not in default."""
    if state != kpi_payment.State.MATURED:
        return state == kpi_payment.State.ACTIVE
    ends = max(terms.periods[-1].pay_date, final_at) + terms.cure_period
    return not kpi_payment.defaulted_at(swap, at) and at <= ends


def is_called(terms: PaymentTerms, swap: kpi_payment.Ledger, at: int) -> bool:
    """Whether the swap has called the project, of full recourse, for what it owes: it may pay between its
    dates then."""
    return swap.accounts[Side.PAYEE].deadline != 0 and kpi_payment.owed(terms, swap, Side.PAYEE, at) != 0


def _is_over(terms: TreasuryTerms, ledger: Ledger) -> bool:
    """Whether nothing more is due to come in."""
    if ledger.periods_paid < len(terms.periods):
        return False
    if terms.swap is None or ledger.swap is None:
        return True
    return kpi_payment.owed(terms.swap, ledger.swap, Side.PAYER, ledger.at) == 0


def _collected(terms: TreasuryTerms, ledger: Ledger) -> tuple[Ledger, int, int]:
    """The ledger after the swap has paid out what it has for the project, that amount, and what is owed on
    it."""
    if terms.swap is None or ledger.swap is None:
        return ledger, 0, 0
    swap = kpi_payment.apply(terms.swap, ledger.swap, Withdrawal(ledger.at, Side.PAYEE))
    owed = kpi_payment.owed(terms.swap, swap, Side.PAYEE, ledger.at)
    return replace(ledger, swap=swap, balance=ledger.balance + swap.last), swap.last, owed


def spent(
    periods: Sequence[Period],
    units: int,
    ledger: Ledger,
    period: int,
    collected: int,
    owed: int,
    settled: int,
) -> Ledger:
    """The ledger after the waterfall of `period` has been run on all that is available, of which `collected`
    came from the swap, which has `settled` so many periods; the project owes `owed` on it. The rest, their
    number, before all are paid, is not shared out. Raises SettlementError for no units."""
    between = period == len(periods) > ledger.periods_paid
    needs = (*ledger.arrears, _due_as_well(periods, ledger, settled, between), owed)
    paid, left = allocate(ledger.available, needs)
    operator, lender, held_back, to_swap = paid
    each, distributed = per_unit(0 if between else left, units)
    run = Run(
        at=ledger.at,
        period=period,
        collected=collected,
        needs=needs,
        paid=(operator, lender, held_back, to_swap),
        per_unit=each,
        distributed=distributed,
        carried=left - distributed,
    )
    return replace(
        ledger,
        balance=ledger.balance - to_swap - distributed,
        arrears=(ledger.arrears[0] - operator, ledger.arrears[1] - lender),
        credits=(ledger.credits[0] + operator, ledger.credits[1] + lender),
        runs=(*ledger.runs, run),
    )


def _spend(terms: TreasuryTerms, ledger: Ledger, period: int) -> Ledger:
    ledger, collected, owed = _collected(terms, ledger)
    settled = 0 if ledger.swap is None else len(ledger.swap.amounts)
    ledger = spent(terms.periods, terms.units, ledger, period, collected, owed, settled)
    to_swap = ledger.runs[-1].paid[3]
    if terms.swap is not None and ledger.swap is not None and to_swap:
        funding = Funding(ledger.at, Side.PAYEE, to_swap)
        ledger = replace(ledger, swap=kpi_payment.apply(terms.swap, ledger.swap, funding))
    return replace(ledger, closed=ledger.closed or _is_over(terms, ledger))


def next_period(periods: Sequence[Period], ledger: Ledger) -> Ledger:
    """The ledger when the next period is due at its time, what it needs among the arrears. Raises
    SettlementError before its pay date, and after the last period."""
    index = ledger.periods_paid
    if index == len(periods):
        raise SettlementError(f"a payment after the last of {index} periods")
    period = periods[index]
    if ledger.at < period.pay_date:
        raise SettlementError(f"period {index + 1} is not due before {when(period.pay_date)}")
    arrears = (ledger.arrears[0] + period.operating_cost, ledger.arrears[1] + period.debt_service)
    return replace(ledger, periods_paid=index + 1, arrears=arrears)


def _pay(terms: TreasuryTerms, ledger: Ledger) -> Ledger:
    index = ledger.periods_paid
    due = next_period(terms.periods, ledger)
    if terms.swap is not None and ledger.swap is not None:
        await_swap(terms.swap, ledger.swap, index, ledger.at)
    return _spend(terms, due, index)


def _pay_rest(terms: TreasuryTerms, ledger: Ledger) -> Ledger:
    its, swap = terms.swap, ledger.swap
    called = its is not None and swap is not None and is_called(its, swap, ledger.at)
    if ledger.periods_paid < len(terms.periods) and not called:
        raise SettlementError(f"the rest, after {ledger.periods_paid} of {len(terms.periods)} periods")
    return _spend(terms, ledger, len(terms.periods))


def withdrawn(ledger: Ledger, party: Party) -> Ledger:
    """The ledger after a party has been paid its credit."""
    paid = ledger.credits[party]
    credits, withdrawn = list(ledger.credits), list(ledger.withdrawn)
    credits[party] = 0
    withdrawn[party] += paid
    return replace(
        ledger,
        balance=ledger.balance - paid,
        credits=(credits[0], credits[1]),
        withdrawn=(withdrawn[0], withdrawn[1]),
    )


def returned(terms: PaymentTerms | None, ledger: Ledger) -> Ledger:
    """The ledger of a treasury whose issue has failed after all money, the swap's for it included, went to
    the issuer; `withdrawn` and the like stay, as nothing was ever due."""
    swap = ledger.swap
    if terms is not None and swap is not None:
        swap = kpi_payment.apply(terms, swap, Withdrawal(ledger.at, Side.PAYEE))
    return replace(ledger, swap=swap, balance=0)


def _apply_to_swap(terms: TreasuryTerms, ledger: Ledger, act: kpi_payment.SwapAct) -> Ledger:
    if terms.swap is None or ledger.swap is None:
        raise SettlementError(f"{act}: the treasury has no swap")
    if isinstance(act, Withdrawal) and act.side == Side.PAYEE:
        raise SettlementError(f"{act}: the treasury takes what the swap has for it only when it pays")
    if not isinstance(act, Activation | Settlement | Funding | Withdrawal | MarginCall | CloseOut):
        raise SettlementError(f"{act}: the treasury agrees to no termination")
    return replace(ledger, swap=kpi_payment.apply(terms.swap, ledger.swap, act))


def apply(terms: TreasuryTerms, ledger: Ledger, act: TreasuryAct) -> Ledger:
    """The ledger after one more act of the treasury or of its swap.

    Raises SettlementError for an act before the ledger's time, and wherever the contracts revert.
    """
    if act.at < ledger.at:
        raise SettlementError(f"{act}: before the last act, at {ledger.at}")
    ledger = replace(ledger, at=act.at)
    match act:
        case Revenue():
            return replace(ledger, balance=ledger.balance + uint256("amount", act.amount))
        case Pay():
            return _pay(terms, ledger)
        case PayRest():
            return _pay_rest(terms, ledger)
        case PartyWithdrawal():
            return withdrawn(ledger, act.party)
        case Return():
            raise SettlementError(f"{act}: the issue has not failed")
        case _:
            return _apply_to_swap(terms, ledger, act)


def history(terms: TreasuryTerms, acts: Sequence[TreasuryAct]) -> list[Ledger]:
    """The ledger after each act, in order; see `apply` for what is refused. The swap's beginning is one."""
    validate(terms)
    start = acts[0].at if acts else 0
    ledger = Ledger(at=start, swap=None if terms.swap is None else kpi_payment.Ledger(at=start))
    made = []
    for act in acts:
        ledger = apply(terms, ledger, act)
        made.append(ledger)
    return made


def payments(ledger: Ledger) -> list[Payment]:
    """Every payment of a treasury so far, in order; a kind of which nothing was due is left out."""
    return [payment for run in ledger.runs for payment in _payments_of(run) if payment.due or payment.total]


def _payments_of(run: Run) -> Iterator[Payment]:
    yield Payment("swap_received", run.period, run.at, run.collected, run.collected)
    needs: tuple[tuple[PaymentKind, int], ...] = (
        ("operating_cost", 0),
        ("debt_service", 1),
        ("swap_paid", 3),
    )
    for kind, i in needs:
        yield Payment(kind, run.period, run.at, run.needs[i], run.paid[i])
    shared = run.distributed + run.carried
    yield Payment("distribution", run.period, run.at, shared, run.distributed, run.per_unit)


def replay(
    terms: TreasuryTerms,
    revenue: Sequence[int],
    kpis: Sequence[int | None] = (),
    fundings: Sequence[Funding] = (),
    paid_at: Sequence[int] | None = None,
) -> list[Payment]:
    """Every payment to every party of a treasury whose first periods bring `revenue`.

    Period i is paid at `paid_at[i]`, by default on its pay date, with `revenue[i]` in hand by then. The swap,
    if there is one, settles its period i on its own pay date on `kpis[i]` (None: the report is missing) and
    is funded as `fundings` say, by its latest beginning with its collateral; within one second, money comes
    first and the treasury pays last. Nobody
    calls margin, and nobody but the treasury withdraws. Raises SettlementError for more revenue than
    periods, unless there is one KPI value for each period that is paid and that the swap has, when the money
    of the swap's provider does not suffice, and as `history` does.
    """
    if len(revenue) > len(terms.periods):
        raise SettlementError(f"revenue: {len(revenue)} for {len(terms.periods)} periods")
    dates = () if terms.swap is None else tuple(period.pay_date for period in terms.swap.periods)
    if len(kpis) != min(len(revenue), len(dates)):
        raise SettlementError(
            f"kpis: {len(kpis)} for {len(revenue)} periods paid and {len(dates)} of the swap"
        )
    times = [period.pay_date for period in terms.periods] if paid_at is None else paid_at
    if len(times) < len(revenue):
        raise SettlementError(f"paid_at: {len(times)} for {len(revenue)} periods paid")
    settled: list[TreasuryAct] = [Settlement(at, kpi) for at, kpi in zip(dates, kpis, strict=False)]
    received: list[TreasuryAct] = [Revenue(at, amount) for at, amount in zip(times, revenue, strict=False)]
    paid: list[TreasuryAct] = [Pay(at) for at, _ in zip(times, revenue, strict=False)]
    begins = [] if terms.swap is None else [Activation(terms.swap.start_by)]
    acts = sorted([*fundings, *begins, *settled, *received, *paid], key=lambda act: act.at)
    made = history(terms, acts)
    return payments(made[-1]) if made else []
