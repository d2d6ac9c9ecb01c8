"""What a treasury asks of the KPI payments that it is the payee of: contracts/spv/SwapLegs.sol."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from finance.settlement.acts import Act
from finance.settlement.clock import when
from finance.settlement.kpi_payment import PaymentTerms, Side, State
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks
from finance.settlement.widths import SettlementError
from finance.settlement.world import World


def check(swap: PaymentTerms, due: Sequence[int]) -> None:
    """Raise SettlementError unless a treasury whose periods are `due`, unix seconds, can be the payee of a
    swap.

    It has no money of its own to post, and pays the swap what its waterfall leaves for it. The swap has
    settled all before the last period is run. And no period waits for a provider, until that has paid or is
    in default, for as long as until the swap settles again: who runs each in time has it run on its own
    money.
    """
    if not swap.limited_recourse:
        raise SettlementError("the swap is of full recourse")
    if swap.required[Side.PAYEE]:
        raise SettlementError("the swap asks for collateral of the vehicle")
    dates = [period.pay_date for period in swap.periods]
    if dates[-1] > due[-1]:
        raise SettlementError(
            f"the swap settles as late as {when(dates[-1])}, and the last period is due {when(due[-1])}"
        )
    for settles, after in pairwise(dates):
        period = next(each for each in due if each >= settles)
        if after > period and settles + swap.cure_period >= after:
            raise SettlementError(
                f"the period due {when(period)} may still wait for the swap's provider when the swap settles "
                f"again, {when(after)}: its cure period is too long"
            )


def await_swap(world: World, treasury: str, key: str, due: int) -> int:
    """Since when what a swap has now counts: the pay date that it settled last, 0 for none. Raises
    SettlementError unless it has brought all that a period due at `due` can have of it.

    So it has settled all that it could by then; what can be closed out is; and the provider's debt is waited
    for until it is paid or in default: a cure period after a margin call, or after the last settlement.
    """
    swap = world.books(key, PaymentBooks)
    terms, settled, stands = swap.terms, swap.periods_settled, swap.state(world.at)
    since = terms.periods[settled - 1].pay_date if settled else 0
    if stands <= State.DEFAULTED:
        if terms.periods[settled].pay_date <= due:
            raise SettlementError(f"{treasury}: {key} has not settled its period {settled + 1}")
        if stands == State.DEFAULTED:
            if world.takes(Act(world.addresses[treasury], key, "close_out", {}, world.at, world.block)):
                raise SettlementError(f"{treasury}: {key} can be closed out, which comes first")
            return since
    owed = swap.owed(Side.PAYER, world.at)
    if owed and _may_still_pay(world, swap, stands):
        raise SettlementError(f"{treasury}: the provider of {key} owes {owed}, and is not in default")
    return since


def _may_still_pay(world: World, swap: PaymentBooks, stands: State) -> bool:
    """Whether a provider that owes is not in default."""
    if stands != State.MATURED:
        return stands == State.ACTIVE
    if swap.defaulted_at(world.at):
        return False
    last = len(swap.terms.periods) - 1
    oracle = world.books(swap.parts.oracle, FeedBooks)
    known = oracle.report_of(swap.parts.feed, last, world.at).final_at
    return world.at <= max(known, swap.terms.periods[last].pay_date) + swap.terms.cure_period
