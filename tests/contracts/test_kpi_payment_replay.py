"""Random whole lives on a real chain against the Python replay: every figure after every act, to the unit.

The one contract test that uses `finance`: that both agree is what it shows.
"""

from __future__ import annotations

import random

import pytest
from brownie.exceptions import VirtualMachineError

from finance.settlement import SettlementError
from finance.settlement.kpi_payment import (
    Activation,
    CloseOut,
    CloseOutRule,
    Funding,
    MarginCall,
    PaymentTerms,
    Period,
    Settlement,
    Side,
    Withdrawal,
    apply,
    history,
    owed,
    state_at,
    validate,
)
from finance.settlement.netting import INTEREST_ONE
from finance.settlement.payoff_curve import Curve, Shape
from tests.contracts.clock import is_ganache, next_at, now
from tests.contracts.material import Status
from tests.contracts.swaps import (
    LAST_FIXING,
    MARGINS,
    MODEL_VALUE,
    PAYEE,
    PAYER,
    REPLACEMENT_COST,
    TOP,
    VALUE_BOUND,
    K,
    model,
)
from tests.seeds import SEED

DAY = 86_400
LIVES, EVENTS = 3, 40


def python_terms(swap, rule, limited) -> PaymentTerms:
    terms = PaymentTerms(
        periods=tuple(
            Period(date, 10 * K, end) for date, end in zip(swap.pay_dates, swap.period_ends, strict=True)
        ),
        curve=Curve.of(Shape.LINEAR, [(0, 0), (TOP, -TOP)]),
        missing_payoff=-TOP,
        data_controller=Side.PAYEE,
        required=(MARGINS[0], 0 if limited else MARGINS[1]),
        cure_period=30 * DAY,
        late_rate=10**17,
        close_out_rule=CloseOutRule(rule),
        start_by=swap.start + 10 * DAY,
        missing_value=-VALUE_BOUND if rule == MODEL_VALUE else 0,
        limited_recourse=limited,
    )
    validate(terms)
    return terms


class Life:
    """One swap lived on chain and in Python at once."""

    def __init__(self, swap, terms, parties, report, rng):
        self.swap, self.terms, self.parties, self.report, self.rng = swap, terms, parties, report, rng
        posted = [Funding(now(), side, terms.required[side]) for side in Side]
        self.ledger = history(terms, [*posted, Activation(now())])[-1]
        self.kpis: dict[int, int] = {}
        self.values: dict[int, int] = {}
        self.done: list[str] = []
        self.compared = 0

    def tell(self, which, known, ends, low, high):
        """Sometimes report the next period, when its window is open."""
        i = len(self.ledger.amounts)
        if i >= len(ends) or i in known or not ends[i] <= now() <= ends[i] + 44 * DAY:
            return
        known[i] = self.rng.randint(low, high)
        self.report(which, [known[i]] * 3, at=now(), period=i)

    def wait(self):
        """A few days, or a day past what comes next."""
        i = min(len(self.ledger.amounts), len(self.swap.pay_dates) - 1)
        edges = [self.swap.period_ends[i], self.swap.pay_dates[i]]
        edges += [a.deadline for a in self.ledger.accounts]
        later = [e + self.rng.choice((0, 1, DAY)) for e in edges if e > now() + 1]
        at = min(later) if later and self.rng.random() < 0.7 else now() + self.rng.randrange(1, 20 * DAY)
        next_at(at)
        self.parties.stranger.transfer(self.parties.stranger, 0)

    def act(self, at):
        """A random act, and the same on chain."""
        rng, payment, i = self.rng, self.swap.payment, len(self.ledger.amounts)
        side = rng.choice((Side.PAYER, Side.PAYEE))
        party = self.parties.investor if side == Side.PAYER else self.parties.issuer
        stranger = {"from": self.parties.stranger}
        kind = rng.randrange(8)
        if kind < 3:
            return Settlement(at, self.kpis.get(i)), lambda: payment.settle(stranger)
        if kind == 3:
            amount = rng.choice((rng.randrange(20 * K), owed(self.terms, self.ledger, side, at)))
            return Funding(at, side, amount), lambda: payment.fund(side, amount, {"from": party})
        if kind == 4:
            own = rng.random() < 0.5
            by = {"from": party} if own else stranger
            return Withdrawal(at, side, own), lambda: payment.withdraw(side, by)
        if kind < 7:
            return MarginCall(at, side), lambda: payment.callMargin(side, stranger)
        return CloseOut(at, self.values.get(i)), lambda: payment.closeOut(stranger)

    def is_in_the_making(self, act) -> bool:
        """Whether the act needs a report that is not settled: those are for the oracle's tests."""
        i = min(len(self.ledger.amounts), len(self.swap.pay_dates) - 1)
        if isinstance(act, Settlement):
            feed = self.swap.feed
        elif isinstance(act, CloseOut) and self.terms.close_out_rule == CloseOutRule.MODEL_VALUE:
            feed = self.swap.value_feed
        else:
            return False
        return self.swap.oracle.statusOf(feed, i) not in (Status.FINAL, Status.MISSING)

    def one(self):
        at = now() + 1
        act, send = self.act(at)
        if self.is_in_the_making(act):
            return
        next_at(at)
        try:
            after = apply(self.terms, self.ledger, act)
        except SettlementError as refused:
            with pytest.raises(VirtualMachineError):
                send()
            self.done.append(f"{act}: refused, {refused}")
            return
        tx = send()
        assert tx.timestamp == at
        self.ledger = after
        self.done.append(str(act))
        if tx.return_value is not None:
            assert tx.return_value == after.last, self.done
        self.compare(at)
        self.compared += 1

    def compare(self, at):
        payment, ledger = self.swap.payment, self.ledger
        assert payment.state() == state_at(self.terms, ledger, at), self.done
        assert payment.periodsSettled() == len(ledger.amounts), self.done
        for side in (PAYER, PAYEE):
            a, mine = payment.accountOf(side), ledger.accounts[side]
            assert (a["balance"], a["credit"]) == (mine.balance, mine.credit), self.done
            assert (a["principal"], a["deadline"]) == (mine.debt.principal, mine.deadline), self.done
            assert payment.owed(side) == owed(self.terms, ledger, Side(side), at), self.done
            if mine.since == at:
                assert a["interest"] == mine.debt.interest // INTEREST_ONE, self.done
        held = self.swap.currency.balanceOf(payment)
        assert held == sum(a.balance + a.credit for a in ledger.accounts), self.done


@pytest.mark.parametrize("life", range(LIVES))
@pytest.mark.parametrize(
    ("rule", "limited"),
    [(MODEL_VALUE, False), (LAST_FIXING, True), (REPLACEMENT_COST, False)],
    ids=["model value", "limited recourse", "replacement cost"],
)
def test_a_random_life_is_what_the_replay_says(launch_swap, parties, report, rule, limited, life):
    if is_ganache():
        pytest.skip("the time of a Ganache block follows the machine's clock, not the second it was told")
    rng = random.Random(f"{SEED}/{rule}/{life}")
    margins = [MARGINS[0], 0 if limited else MARGINS[1]]
    swap = launch_swap(rule=rule, limitedRecourse=limited, requiredCollateral=margins)
    lived = Life(swap, python_terms(swap, rule, limited), parties, report, rng)
    print(f"PENSTOCK_SEED={SEED}")
    for _ in range(EVENTS):
        if rng.random() < 0.5:
            lived.wait()
        if rng.random() < 0.8:
            lived.tell(swap, lived.kpis, swap.period_ends, 0, TOP)
            if rule == MODEL_VALUE:
                lived.tell(model(swap), lived.values, swap.valued_at, -VALUE_BOUND, VALUE_BOUND)
        lived.one()
    assert lived.compared >= 5, f"PENSTOCK_SEED={SEED}: too little happened, {lived.done}"
