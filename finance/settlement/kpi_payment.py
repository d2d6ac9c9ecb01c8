"""A KPI payment's whole life in integers: the pure replay of contracts/instruments/KpiPayment.sol.

Two sides pay each other a signed amount per period, `fixed + payoff(KPI)`; positive, the payer (a hedge
provider) pays the payee (a project). Each side has a balance it has posted, a credit it has been paid, and
what it owes with simple interest. Times are unix seconds, money is minor units. Every step raises
SettlementError where the contract reverts, so the replay can be held against the chain event by event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import pairwise

from finance.settlement import netting
from finance.settlement.netting import Debt
from finance.settlement.payoff_curve import Curve, maximum, minimum, payoff
from finance.settlement.widths import SettlementError, uint256

MAX_AMOUNT = 2**96 - 1
"""No single amount of a payment is above this (PaymentChecks.MAX_AMOUNT)."""
MAX_HELD = 2**104 - 1
MAX_PERIODS = 240


class Side(IntEnum):
    """Of the swap; the numbers are those of the Solidity enum, as in all three."""

    PAYER = 0
    PAYEE = 1


class CloseOutRule(IntEnum):
    """What a default leaves to pay."""

    MODEL_VALUE = 0
    LAST_FIXING = 1


class State(IntEnum):
    """Of the swap; DEFAULTED comes by the clock."""

    NONE, ACTIVE, DEFAULTED, MATURED, CLOSED, TERMINATED = range(6)


@dataclass(frozen=True, slots=True)
class Period:
    """From when it can be settled, and the signed part of its amount that does not depend on the KPI."""

    pay_date: int
    fixed_amount: int


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """What settles a KPI payment; see IKpiPayment.Terms. `required` is (payer's, payee's) collateral."""

    periods: tuple[Period, ...]
    curve: Curve
    missing_payoff: int
    data_controller: Side
    required: tuple[int, int]
    cure_period: int
    late_rate: int
    close_out_rule: CloseOutRule
    missing_value: int = 0
    limited_recourse: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """A side's books. `debt` is what it owed at `since`; `deadline` is the open margin call's, or 0."""

    balance: int = 0
    credit: int = 0
    debt: Debt = field(default_factory=Debt)
    since: int = 0
    deadline: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """The swap after an event at time `at`. `amounts` are the fixings so far; `withdrawn` is what has left.

    `status` is ACTIVE or how the swap ended; `state_at` adds the default, which comes by the clock.
    """

    at: int
    accounts: tuple[Account, Account] = field(default_factory=lambda: (Account(), Account()))
    withdrawn: tuple[int, int] = (0, 0)
    amounts: tuple[int, ...] = ()
    last: int = 0
    status: State = State.ACTIVE


@dataclass(frozen=True, slots=True)
class Settlement:
    """Of the next period; `kpi` is its final value times 10^decimals of the feed, None when missing."""

    at: int
    kpi: int | None


@dataclass(frozen=True, slots=True)
class Funding:
    """Money paid in for a side."""

    at: int
    side: Side
    amount: int


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Of a side's credit and, when the party itself calls, of what it holds above the requirement."""

    at: int
    side: Side
    by_party: bool = True


@dataclass(frozen=True, slots=True)
class MarginCall:
    """On a side that lacks collateral or owes."""

    at: int
    side: Side


@dataclass(frozen=True, slots=True)
class CloseOut:
    """After a default; `value` is the model value of the remaining payments, None when missing or unused."""

    at: int
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Termination:
    """Agreed by both sides, against a signed amount."""

    at: int
    amount: int


Event = Settlement | Funding | Withdrawal | MarginCall | CloseOut | Termination


def validate(terms: PaymentTerms) -> None:
    """Raise SettlementError for terms that the contract refuses: among them, that silence would pay."""
    if not 1 <= len(terms.periods) <= MAX_PERIODS:
        raise SettlementError(f"periods: {len(terms.periods)}, must be from 1 to {MAX_PERIODS}")
    dates = [period.pay_date for period in terms.periods]
    if any(later <= earlier for earlier, later in pairwise(dates)):
        raise SettlementError("periods: pay dates must ascend")
    lowest, highest = minimum(terms.curve), maximum(terms.curve)
    payer = terms.data_controller == Side.PAYER
    if terms.missing_payoff < highest if payer else terms.missing_payoff > lowest:
        raise SettlementError(
            f"missing_payoff = {terms.missing_payoff}: silence would pay the "
            f"{terms.data_controller.name.lower()}, who controls the data (payoffs {lowest} to {highest})"
        )
    for i, period in enumerate(terms.periods):
        for extreme in (lowest, highest, terms.missing_payoff):
            if abs(period.fixed_amount + extreme) > MAX_AMOUNT:
                raise SettlementError(
                    f"periods[{i}]: |{period.fixed_amount} + {extreme}| is above {MAX_AMOUNT}"
                )
    if terms.cure_period <= 0:
        raise SettlementError(f"cure_period = {terms.cure_period}: must be positive")
    if not 0 <= terms.late_rate <= 10**18:
        raise SettlementError(f"late_rate = {terms.late_rate}: must be from 0 to 100 % (1e18)")
    for side in Side:
        if not 0 <= terms.required[side] <= MAX_AMOUNT:
            raise SettlementError(
                f"required[{side}] = {terms.required[side]}: must be from 0 to {MAX_AMOUNT}"
            )


def amount_of(terms: PaymentTerms, index: int, kpi: int | None) -> int:
    """The signed amount of period `index` (from 0) for a KPI value, or for its absence (None)."""
    return terms.periods[index].fixed_amount + (
        terms.missing_payoff if kpi is None else payoff(terms.curve, kpi)
    )


def close_out_amount(terms: PaymentTerms, ledger: Ledger, value: int | None) -> int:
    """The signed amount that a default leaves to pay, as of the default, whenever it is closed out.

    By model value: `value`, or the deal's `missing_value` (None). By last fixing: the last fixed amount
    times the part of the time between its pay date and the next that had passed; 0 before any fixing.
    """
    if terms.close_out_rule == CloseOutRule.MODEL_VALUE:
        return terms.missing_value if value is None else value
    index = len(ledger.amounts)
    if index == 0:
        return 0
    start, end = terms.periods[index - 1].pay_date, terms.periods[index].pay_date
    return netting.accrued(ledger.amounts[-1], defaulted_at(ledger, ledger.at) - start, end - start)


def defaulted_at(ledger: Ledger, at: int) -> int:
    """The margin deadline that has passed first by time `at`, or 0."""
    deadlines = [account.deadline for account in ledger.accounts if account.deadline]
    return min(deadlines) if deadlines and at > min(deadlines) else 0


def state_at(ledger: Ledger, at: int) -> State:
    """The state by the clock."""
    if ledger.status == State.ACTIVE and defaulted_at(ledger, at):
        return State.DEFAULTED
    return ledger.status


def debt_at(terms: PaymentTerms, account: Account, at: int) -> Debt:
    """What a side owes at a time, with the interest since it was last written down."""
    return netting.accrue(account.debt, terms.late_rate, at - account.since)


def owed(terms: PaymentTerms, ledger: Ledger, side: Side, at: int) -> int:
    """What a side owes and has not paid at a time, in minor units, with interest."""
    return netting.due(debt_at(terms, ledger.accounts[side], at))


def withdrawable(terms: PaymentTerms, ledger: Ledger, side: Side, at: int, by_party: bool = True) -> int:
    """What a withdrawal for a side would pay at a time."""
    account = ledger.accounts[side]
    state = state_at(ledger, at)
    if state > State.DEFAULTED:
        return account.credit + account.balance
    if not by_party or state == State.DEFAULTED or at >= terms.periods[len(ledger.amounts)].pay_date:
        return account.credit
    return account.credit + max(0, account.balance - terms.required[side])


def _is_sound(terms: PaymentTerms, side: Side, account: Account) -> bool:
    limited = side == Side.PAYEE and terms.limited_recourse
    return account.balance >= terms.required[side] and (limited or account.debt.principal == 0)


def _with(ledger: Ledger, side: Side, account: Account) -> Ledger:
    payer, payee = ledger.accounts
    return replace(ledger, accounts=(account, payee) if side == Side.PAYER else (payer, account))


def _restored(terms: PaymentTerms, ledger: Ledger, side: Side) -> Ledger:
    """Without the side's margin call, if it is sound again in time."""
    account = ledger.accounts[side]
    if state_at(ledger, ledger.at) != State.ACTIVE or not _is_sound(terms, side, account):
        return ledger
    return _with(ledger, side, replace(account, deadline=0))


def _paid(terms: PaymentTerms, ledger: Ledger, amount: int) -> Ledger:
    """After the signed amount is netted, paid from the balance, and owed for the rest."""
    side = Side.PAYEE if amount < 0 else Side.PAYER
    other = Side(1 - side)
    debtor, creditor = ledger.accounts[side], ledger.accounts[other]
    left, netted, paid, unpaid = netting.net(abs(amount), debtor.balance, debt_at(terms, creditor, ledger.at))
    creditor = replace(creditor, credit=creditor.credit + paid)
    if netted:
        creditor = replace(creditor, debt=left, since=ledger.at)
    debtor = replace(debtor, balance=debtor.balance - paid)
    if unpaid:
        debt = debt_at(terms, debtor, ledger.at)
        debtor = replace(debtor, debt=replace(debt, principal=debt.principal + unpaid), since=ledger.at)
    ledger = replace(_with(_with(ledger, side, debtor), other, creditor), last=amount)
    return _restored(terms, ledger, other) if netted else ledger


def _ended(ledger: Ledger, how: State) -> Ledger:
    if not defaulted_at(ledger, ledger.at):
        payer, payee = (replace(account, deadline=0) for account in ledger.accounts)
        ledger = replace(ledger, accounts=(payer, payee))
    return replace(ledger, status=how)


def _settle(terms: PaymentTerms, ledger: Ledger, kpi: int | None) -> Ledger:
    index = len(ledger.amounts)
    if ledger.status != State.ACTIVE:
        raise SettlementError(f"a settlement of a swap that is {ledger.status.name}")
    due = terms.periods[index].pay_date
    if ledger.at < due:
        raise SettlementError(f"a settlement at {ledger.at}: period {index} is not due before {due}")
    default = defaulted_at(ledger, ledger.at)
    if default and due > default:
        raise SettlementError(f"a settlement of period {index}, due {due}: the swap defaulted at {default}")
    amount = amount_of(terms, index, kpi)
    ledger = replace(ledger, amounts=(*ledger.amounts, amount))
    if index + 1 == len(terms.periods):
        ledger = _ended(ledger, State.MATURED)
    return _paid(terms, ledger, amount)


def _fund(terms: PaymentTerms, ledger: Ledger, side: Side, amount: int) -> Ledger:
    held = sum(account.balance + account.credit for account in ledger.accounts) + uint256("amount", amount)
    if held > MAX_HELD:
        raise SettlementError(f"amount = {amount}: the swap would hold {held}, more than {MAX_HELD}")
    mine, others = ledger.accounts[side], ledger.accounts[1 - side]
    left, repaid = netting.repay(debt_at(terms, mine, ledger.at), amount)
    if repaid:
        mine = replace(mine, debt=left, since=ledger.at)
        others = replace(others, credit=others.credit + repaid)
    mine = replace(mine, balance=mine.balance + amount - repaid)
    return _restored(terms, _with(_with(ledger, side, mine), Side(1 - side), others), side)


def _withdraw(terms: PaymentTerms, ledger: Ledger, side: Side, by_party: bool) -> Ledger:
    account = ledger.accounts[side]
    paid = withdrawable(terms, ledger, side, ledger.at, by_party)
    balance = account.balance - (paid - account.credit)
    sums = [ledger.withdrawn[0], ledger.withdrawn[1]]
    sums[side] += paid
    ledger = replace(ledger, withdrawn=(sums[0], sums[1]), last=paid)
    return _with(ledger, side, replace(account, balance=balance, credit=0))


def _call_margin(terms: PaymentTerms, ledger: Ledger, side: Side) -> Ledger:
    account, state = ledger.accounts[side], state_at(ledger, ledger.at)
    if state != State.ACTIVE or account.deadline or _is_sound(terms, side, account):
        raise SettlementError(f"a margin call on the {side.name}: {state.name}, {account}")
    return _with(ledger, side, replace(account, deadline=ledger.at + terms.cure_period))


def _close_out(terms: PaymentTerms, ledger: Ledger, value: int | None) -> Ledger:
    state = state_at(ledger, ledger.at)
    if state != State.DEFAULTED:
        raise SettlementError(f"a close-out of a swap that is {state.name}")
    index = len(ledger.amounts)
    if terms.periods[index].pay_date <= defaulted_at(ledger, ledger.at):
        raise SettlementError(f"a close-out before period {index}, due by the default, is settled")
    amount = close_out_amount(terms, ledger, value)
    return _paid(terms, _ended(ledger, State.CLOSED), amount)


def _terminate(terms: PaymentTerms, ledger: Ledger, amount: int) -> Ledger:
    if ledger.status != State.ACTIVE:
        raise SettlementError(f"a termination of a swap that is {ledger.status.name}")
    if abs(amount) > MAX_AMOUNT:
        raise SettlementError(f"amount = {amount}: above {MAX_AMOUNT}")
    after = _paid(terms, _ended(ledger, State.TERMINATED), amount)
    side = Side.PAYEE if amount < 0 else Side.PAYER
    before = debt_at(terms, ledger.accounts[side], ledger.at).principal
    if after.accounts[side].debt.principal > before:
        raise SettlementError(f"a termination against {amount}, which the {side.name} cannot pay at once")
    return after


def step(terms: PaymentTerms, ledger: Ledger, event: Event) -> Ledger:
    """The ledger after one more event; `last` is the amount it fixed or paid out.

    Raises SettlementError for an event before the ledger's time, and wherever the contract reverts.
    """
    if event.at < ledger.at:
        raise SettlementError(f"{event}: before the last event, at {ledger.at}")
    ledger = replace(ledger, at=event.at, last=0)
    match event:
        case Settlement():
            return _settle(terms, ledger, event.kpi)
        case Funding():
            return _fund(terms, ledger, event.side, event.amount)
        case Withdrawal():
            return _withdraw(terms, ledger, event.side, event.by_party)
        case MarginCall():
            return _call_margin(terms, ledger, event.side)
        case CloseOut():
            return _close_out(terms, ledger, event.value)
        case Termination():
            return _terminate(terms, ledger, event.amount)


def history(terms: PaymentTerms, events: Sequence[Event]) -> list[Ledger]:
    """The ledger after each event, in order; see `step` for what is refused."""
    validate(terms)
    ledger = Ledger(at=events[0].at if events else 0)
    made = []
    for event in events:
        ledger = step(terms, ledger, event)
        made.append(ledger)
    return made


def replay(
    terms: PaymentTerms,
    kpis: Sequence[int | None],
    fundings: Sequence[Funding],
    settled_at: Sequence[int] | None = None,
) -> list[Ledger]:
    """Every ledger of a swap whose first periods settle on `kpis` (None: missing), funded as `fundings` say.

    Period i settles at `settled_at[i]`, by default on its pay date; money that arrives in the same second
    comes first. Nobody calls margin or withdraws. One ledger per event, in order of time. Raises
    SettlementError for more KPI values than periods, and as `history` does.
    """
    if len(kpis) > len(terms.periods):
        raise SettlementError(f"kpis: {len(kpis)} for {len(terms.periods)} periods")
    times = [period.pay_date for period in terms.periods] if settled_at is None else settled_at
    settlements = [Settlement(at, kpi) for at, kpi in zip(times, kpis, strict=False)]
    events: list[Event] = sorted([*fundings, *settlements], key=lambda event: event.at)
    return history(terms, events)
