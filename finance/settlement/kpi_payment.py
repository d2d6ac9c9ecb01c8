"""A KPI payment's whole life in integers: the pure replay of contracts/instruments/KpiPayment.sol.

Two sides pay each other a signed amount per period, `fixed + payoff(KPI)`; positive, the payer (a hedge
provider) pays the payee (a project). Each side has a balance it has posted, a credit it has been paid, and
what it owes with simple interest. The swap is agreed first and begins with both sides' collateral in place,
by a stated time, or lapses. Times are unix seconds, money is minor units. `apply` raises
SettlementError where the contract reverts, so the replay can be held against the chain act by act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import pairwise

from finance.settlement import close_out, netting
from finance.settlement.clock import when
from finance.settlement.netting import Debt
from finance.settlement.payoff_curve import Curve, maximum, minimum, payoff
from finance.settlement.widths import SettlementError, uint256, wrong_state

MAX_AMOUNT = 2**96 - 1
"""No single amount of a payment is above this (PaymentTerms.MAX_AMOUNT)."""
MAX_HELD = 2**104 - 1
MAX_PERIODS = 240


class Side(IntEnum):
    """Of the swap; the numbers are those of the Solidity enum, as in all three."""

    PAYER = 0
    PAYEE = 1


class CloseOutRule(IntEnum):
    """What a default leaves to pay for the periods that had not begun."""

    MODEL_VALUE = 0
    LAST_FIXING = 1
    REPLACEMENT_COST = 2


class State(IntEnum):
    """Of the swap; LAPSED and DEFAULTED come by the clock."""

    NONE, AGREED, ACTIVE, DEFAULTED, MATURED, CLOSED, TERMINATED, LAPSED = range(8)


@dataclass(frozen=True, slots=True)
class Period:
    """From when it can be settled, the signed part of its amount that does not depend on the KPI, and when
    the KPI's measurement ends."""

    pay_date: int
    fixed_amount: int
    end: int


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """What settles a KPI payment; see IKpiPayment.Terms. `required` is (payer's, payee's) collateral,
    `start_by` the last second in which the swap can begin."""

    periods: tuple[Period, ...]
    curve: Curve
    missing_payoff: int
    data_controller: Side
    required: tuple[int, int]
    cure_period: int
    late_rate: int
    close_out_rule: CloseOutRule
    start_by: int
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
    """The swap after an act at time `at`. `amounts` are the fixings so far; `withdrawn` is what has left.

    `status` is AGREED, ACTIVE or how the swap ended; `state_at` adds what comes by the clock.
    """

    at: int
    accounts: tuple[Account, Account] = field(default_factory=lambda: (Account(), Account()))
    withdrawn: tuple[int, int] = (0, 0)
    amounts: tuple[int, ...] = ()
    last: int = 0
    status: State = State.AGREED


@dataclass(frozen=True, slots=True)
class Activation:
    """The swap begins."""

    at: int


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


SwapAct = Activation | Settlement | Funding | Withdrawal | MarginCall | CloseOut | Termination


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
    if terms.start_by >= terms.periods[0].end:
        raise SettlementError(f"start_by = {terms.start_by}: the first period has ended by then")
    if any(period.end > period.pay_date for period in terms.periods):
        raise SettlementError("periods: one ends after its pay date")
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


def periods_a_year(terms: PaymentTerms) -> int:
    """How many payments fall due in a year: within 350 days of the first, itself included, because the same
    day of the next year's quarter or month is not always 365 days away."""
    end = terms.periods[0].pay_date + 350 * 86_400
    return sum(period.pay_date < end for period in terms.periods)


def close_out_amount(
    terms: PaymentTerms, amounts: Sequence[int], defaulter: Side, value: int | None = None
) -> int:
    """The signed amount that a default leaves to pay, after the settled `amounts`, whenever it is closed out.

    By model value: `value`, or the deal's `missing_value` (None). By last fixing: nothing for the future. By
    replacement cost: the last year's amounts, for as long as the swap would have run. Never to the
    defaulter, and but for the model value at least its required collateral.
    """
    payer, damages, amount = defaulter == Side.PAYER, terms.required[defaulter], 0
    if terms.close_out_rule == CloseOutRule.MODEL_VALUE:
        amount, damages = terms.missing_value if value is None else value, 0
    elif terms.close_out_rule == CloseOutRule.REPLACEMENT_COST:
        year, remaining = periods_a_year(terms), len(terms.periods) - len(amounts)
        amount = close_out.replacement_cost(payer, sum(amounts[-year:]), remaining, year)
    return close_out.against(payer, amount, damages)


def has_begun(terms: PaymentTerms, index: int, default: int) -> bool:
    """Whether something of period `index` had been measured before a default."""
    return index == 0 or terms.periods[index - 1].end < default


def defaulted_at(ledger: Ledger, at: int) -> int:
    """The margin deadline that has passed first by time `at`, or 0."""
    deadlines = [account.deadline for account in ledger.accounts if account.deadline]
    return min(deadlines) if deadlines and at > min(deadlines) else 0


def state_at(terms: PaymentTerms, ledger: Ledger, at: int) -> State:
    """The state by the clock."""
    if ledger.status == State.ACTIVE and defaulted_at(ledger, at):
        return State.DEFAULTED
    if ledger.status == State.AGREED and at > terms.start_by:
        return State.LAPSED
    return ledger.status


def debt_at(terms: PaymentTerms, account: Account, at: int) -> Debt:
    """What a side owes at a time, with the interest since it was last written down."""
    return netting.accrue(account.debt, terms.late_rate, at - account.since)


def owed(terms: PaymentTerms, ledger: Ledger, side: Side, at: int) -> int:
    """What a side owes and has not paid at a time, in minor units, with interest."""
    return netting.due(debt_at(terms, ledger.accounts[side], at))


def withdrawable(terms: PaymentTerms, ledger: Ledger, side: Side, at: int, by_party: bool = True) -> int:
    """What a withdrawal for a side would pay at a time."""
    return sum(_free(terms, ledger, side, at, by_party))


def _free(terms: PaymentTerms, ledger: Ledger, side: Side, at: int, by_party: bool) -> tuple[int, int]:
    """The parts of a side's balance and credit that can leave."""
    account, state = ledger.accounts[side], state_at(terms, ledger, at)
    if state > State.DEFAULTED:
        return account.balance, account.credit
    above = account.balance - terms.required[side]
    if state == State.AGREED:
        bound = all(is_sound(terms, each, ledger.accounts[each]) for each in Side)
        return ((above if bound else account.balance) if by_party else 0), 0
    if account.deadline or not is_sound(terms, side, account):
        return 0, 0
    running = state == State.ACTIVE and at < terms.periods[len(ledger.amounts)].pay_date
    return (above if by_party and running else 0), account.credit


def _is_limited(terms: PaymentTerms, side: Side) -> bool:
    return side == Side.PAYEE and terms.limited_recourse


def is_sound(terms: PaymentTerms, side: Side, account: Account) -> bool:
    """Whether a side has its collateral and owes nothing, unless it is of limited recourse."""
    owes = account.debt.principal != 0 and not _is_limited(terms, side)
    return account.balance >= terms.required[side] and not owes


def _with(ledger: Ledger, side: Side, account: Account) -> Ledger:
    payer, payee = ledger.accounts
    return replace(ledger, accounts=(account, payee) if side == Side.PAYER else (payer, account))


def _restored(terms: PaymentTerms, ledger: Ledger, side: Side) -> Ledger:
    """Without the side's margin call, if it is sound again in time."""
    account = ledger.accounts[side]
    if state_at(terms, ledger, ledger.at) != State.ACTIVE or not is_sound(terms, side, account):
        return ledger
    return _with(ledger, side, replace(account, deadline=0))


def _paid(terms: PaymentTerms, ledger: Ledger, amount: int) -> Ledger:
    """After the signed amount is netted, paid from the balance and then the credit, and owed for the rest."""
    side = Side.PAYEE if amount < 0 else Side.PAYER
    other = Side(1 - side)
    debtor, creditor = ledger.accounts[side], ledger.accounts[other]
    means = debtor.balance + (0 if _is_limited(terms, side) else debtor.credit)
    left, netted, paid, unpaid = netting.net(abs(amount), means, debt_at(terms, creditor, ledger.at))
    creditor = replace(creditor, credit=creditor.credit + paid)
    if netted:
        creditor = replace(creditor, debt=left, since=ledger.at)
    posted = min(paid, debtor.balance)
    debtor = replace(debtor, balance=debtor.balance - posted, credit=debtor.credit - (paid - posted))
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


def _activate(terms: PaymentTerms, ledger: Ledger) -> Ledger:
    state = state_at(terms, ledger, ledger.at)
    if state != State.AGREED:
        raise wrong_state("swap", state, State.AGREED)
    for side in Side:
        if not is_sound(terms, side, ledger.accounts[side]):
            raise SettlementError(f"a beginning without the collateral of the {side.name.lower()}")
    return replace(ledger, status=State.ACTIVE)


def _settle(terms: PaymentTerms, ledger: Ledger, kpi: int | None) -> Ledger:
    index = len(ledger.amounts)
    if ledger.status != State.ACTIVE:
        state = state_at(terms, ledger, ledger.at)
        raise wrong_state("swap", state, State.ACTIVE)
    due = terms.periods[index].pay_date
    if ledger.at < due:
        raise SettlementError(f"period {index + 1} is not due before {when(due)}")
    default = defaulted_at(ledger, ledger.at)
    if default and not has_begun(terms, index, default):
        raise SettlementError(
            f"a settlement of period {index + 1}: the swap defaulted on {when(default)}, before it"
        )
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
    posted, credit = _free(terms, ledger, side, ledger.at, by_party)
    sums = [ledger.withdrawn[0], ledger.withdrawn[1]]
    sums[side] += posted + credit
    ledger = replace(ledger, withdrawn=(sums[0], sums[1]), last=posted + credit)
    left = replace(account, balance=account.balance - posted, credit=account.credit - credit)
    return _with(ledger, side, left)


def _call_margin(terms: PaymentTerms, ledger: Ledger, side: Side) -> Ledger:
    account, state = ledger.accounts[side], state_at(terms, ledger, ledger.at)
    if state != State.ACTIVE:
        raise wrong_state("swap", state, State.ACTIVE)
    if account.deadline or is_sound(terms, side, account):
        why = "is called already" if account.deadline else "has its collateral and owes nothing"
        raise SettlementError(f"a margin call on the {side.name.lower()}, who {why}")
    return _with(ledger, side, replace(account, deadline=ledger.at + terms.cure_period))


def _close_out(terms: PaymentTerms, ledger: Ledger, value: int | None) -> Ledger:
    state = state_at(terms, ledger, ledger.at)
    if state != State.DEFAULTED:
        raise wrong_state("swap", state, State.DEFAULTED)
    index, default = len(ledger.amounts), defaulted_at(ledger, ledger.at)
    if has_begun(terms, index, default):
        raise SettlementError(
            f"a close-out before period {index + 1}, which had begun by the default, is settled"
        )
    defaulters = [side for side in Side if ledger.accounts[side].deadline == default]
    # Of two sides that default in the same second, neither pays.
    both = len(defaulters) == 2
    amount = 0 if both else close_out_amount(terms, ledger.amounts, defaulters[0], value)
    return _paid(terms, _ended(ledger, State.CLOSED), amount)


def _terminate(terms: PaymentTerms, ledger: Ledger, amount: int) -> Ledger:
    if ledger.status != State.ACTIVE:
        state = state_at(terms, ledger, ledger.at)
        raise wrong_state("swap", state, State.ACTIVE)
    if abs(amount) > MAX_AMOUNT:
        raise SettlementError(f"amount = {amount}: above {MAX_AMOUNT}")
    after = _paid(terms, _ended(ledger, State.TERMINATED), amount)
    side = Side.PAYEE if amount < 0 else Side.PAYER
    before = debt_at(terms, ledger.accounts[side], ledger.at).principal
    if after.accounts[side].debt.principal > before:
        raise SettlementError(
            f"a termination against {amount}, which the {side.name.lower()} cannot pay at once"
        )
    return after


def apply(terms: PaymentTerms, ledger: Ledger, act: SwapAct) -> Ledger:
    """The ledger after one more act; `last` is the amount it fixed or paid out.

    Raises SettlementError for an act before the ledger's time, and wherever the contract reverts.
    """
    if act.at < ledger.at:
        raise SettlementError(f"{act}: before the last act, at {ledger.at}")
    ledger = replace(ledger, at=act.at, last=0)
    match act:
        case Activation():
            return _activate(terms, ledger)
        case Settlement():
            return _settle(terms, ledger, act.kpi)
        case Funding():
            return _fund(terms, ledger, act.side, act.amount)
        case Withdrawal():
            return _withdraw(terms, ledger, act.side, act.by_party)
        case MarginCall():
            return _call_margin(terms, ledger, act.side)
        case CloseOut():
            return _close_out(terms, ledger, act.value)
        case Termination():
            return _terminate(terms, ledger, act.amount)


def history(terms: PaymentTerms, acts: Sequence[SwapAct]) -> list[Ledger]:
    """The ledger after each act, in order; see `apply` for what is refused."""
    validate(terms)
    ledger = Ledger(at=acts[0].at if acts else 0)
    made = []
    for act in acts:
        ledger = apply(terms, ledger, act)
        made.append(ledger)
    return made


def replay(
    terms: PaymentTerms,
    kpis: Sequence[int | None],
    fundings: Sequence[Funding],
    settled_at: Sequence[int] | None = None,
) -> list[Ledger]:
    """Every ledger of a swap whose first periods settle on `kpis` (None: missing), funded as `fundings` say.

    The swap begins at its latest, with what has been paid in by then. Period i settles at `settled_at[i]`, by
    default on its pay date; money that arrives in the same second comes first. Nobody calls margin or
    withdraws. One ledger after each act, in order of time. Raises
    SettlementError for more KPI values than periods, and as `history` does.
    """
    if len(kpis) > len(terms.periods):
        raise SettlementError(f"kpis: {len(kpis)} for {len(terms.periods)} periods")
    times = [period.pay_date for period in terms.periods] if settled_at is None else settled_at
    settlements = [Settlement(at, kpi) for at, kpi in zip(times, kpis, strict=False)]
    begins = Activation(terms.start_by)
    acts: list[SwapAct] = sorted([*fundings, begins, *settlements], key=lambda act: act.at)
    return history(terms, acts)
