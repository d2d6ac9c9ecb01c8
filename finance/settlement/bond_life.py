"""A KPI bond's whole life in integers, late payments, default and recovery included: the pure replay of
contracts/instruments/KpiBond.sol, act by act.

Times are unix seconds, money is minor units, payments are counted from 0 with the redemption after the last
coupon. Every act raises SettlementError where the contract reverts, so the replay can be held against the
chain act by act. What a bond pays that is served in time is `finance.settlement.bond`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from finance.settlement import bond
from finance.settlement.accrual import interest
from finance.settlement.payoff_curve import maximum, payoff
from finance.settlement.pro_rata import per_unit, scale
from finance.settlement.terms import Effect, Fixing, SettlementTerms
from finance.settlement.widths import SettlementError, wrong_state

DAY = 86_400
YEAR_DAYS = 365
LATE_ONE = 2**32
"""One minor unit of late interest after an acceleration: small recoveries round none away."""


class State(IntEnum):
    """IKpiBond.State"""

    OFFERED, ACTIVE, DEFAULTED, ACCELERATED, REDEEMED = range(5)


@dataclass(frozen=True, slots=True)
class Settled:
    """A report that is final (`kpi`: its value times 10^decimals) or missing (None) since `at`."""

    kpi: int | None
    at: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment's parts, the premium of a call with the outcome; `since` is when it could be made, `waits`
    the fixing it still waits for."""

    interest: int
    repayment: int
    outcome: int
    since: int
    waits: int | None = None

    @property
    def due(self) -> int:
        return self.interest + self.repayment + self.outcome


@dataclass(frozen=True, slots=True)
class Paid:
    """One distribution: `paid` in all, after `late` interest was added and what does not divide carried."""

    payment: Payment
    late: int
    paid: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery paid off, in the order of seniority."""

    late: int
    interest: int
    principal: int

    @property
    def paid(self) -> int:
        return self.late + self.interest + self.principal


@dataclass
class BondLife:
    """A bond with `units` in issue from its activation on. `reports` has what the oracle has settled, by
    fixing; whoever replays adds to it. `standstill`: seconds by which holders have made the cure period
    longer. `held` is the bond's money, `known` what it knew of in time.
    """

    terms: SettlementTerms
    units: int
    reports: dict[int, Settled] = field(default_factory=dict)
    state: State = State.ACTIVE
    coupons_paid: int = 0
    held: int = 0
    known: int = 0
    carried: int = 0
    met_to: int = 0
    booked_to: int = 0
    late: int = 0
    defaulted_at: int = 0
    interest_owed: int = 0
    principal_owed: int = 0
    values: dict[int, int] = field(default_factory=dict)
    settled_at: dict[int, int] = field(default_factory=dict)
    standstill: int = 0

    # -- acts

    def receive(self, amount: int) -> None:
        """A plain transfer, of which the bond is not told."""
        self.held += amount

    def fund(self, amount: int, at: int) -> None:
        """Money with which late interest ends if it is enough; zero tells of plain transfers."""
        if self.state in (State.OFFERED, State.REDEEMED):
            raise wrong_state("bond", self.state)
        self.held += amount
        if self.state == State.ACCELERATED:
            self._accrue(at)
        else:
            self._note(at)

    def fix(self, number: int, at: int) -> int:
        """The value that the settled report gives fixing `number`."""
        if self.state not in (State.ACTIVE, State.DEFAULTED):
            raise wrong_state("bond", self.state)
        if not 0 <= number < len(self.terms.fixings) or number in self.values:
            raise SettlementError(f"fixing {number}: made, or there is none")
        value = self._fix(number, at)
        if at >= self.date_of(self.coupons_paid):
            self._note(at)
        return value

    def pay_coupon(self, at: int) -> Paid:
        """The next payment but for the redemption, with the late interest that has run up."""
        self._require(State.ACTIVE)
        index = self.coupons_paid
        if index == self.total or at < self.date_of(index):
            raise SettlementError(f"payment {index + 1}: not due")
        return self._pay_next(at, State.ACTIVE)

    def announce_call(self, period: int, at: int) -> int:
        """The period whose pay date is named becomes the last one; returns the premium in all."""
        self._require(State.ACTIVE)
        try:
            terms = self.terms.called(period)
        except ValueError as error:
            raise SettlementError(str(error)) from error
        if at > terms.periods[-1].pay_date - terms.notice_seconds:
            raise SettlementError(f"period {period}: less than the notice before its pay date")
        self.terms = terms
        return bond.premium(terms, self.units)

    def redeem(self, at: int) -> Paid:
        """The redemption, after the last coupon."""
        self._require(State.ACTIVE)
        if self.coupons_paid != self.total:
            raise SettlementError(f"{self.coupons_paid} of {self.total} coupons paid")
        return self._pay_next(at, State.REDEEMED)

    def declare_default(self, at: int) -> int:
        """Of a payment past the grace period, which begins when the payment could be made: what is due and
        not there, with late interest and what is carried."""
        self._require(State.ACTIVE)
        payment = self._next()
        if at <= payment.since + self.terms.grace_seconds:
            raise SettlementError("the payment is still in its grace period")
        due, late = self._sums([payment], at)
        due += late + self.carried
        if self.held >= due:
            raise SettlementError("what is due is funded")
        self.state, self.defaulted_at = State.DEFAULTED, at
        return due

    def cure(self, at: int) -> None:
        """All arrears that could be made by now, with late interest, are there in the cure period. For a
        report in the making nobody waits."""
        self._require(State.DEFAULTED)
        if at > self.cure_end:
            raise SettlementError("the cure period is over")
        arrears = self.payments(self.coupons_paid, self.overdue(at))
        ready, in_making = self._ready(arrears, at)
        if ready < len(arrears) and not in_making:
            _require_known(arrears[ready])
        due, late = self._sums(arrears[:ready], at)
        if self.held < due + late + self.carried:
            raise SettlementError("what is held is not enough for a cure")
        self.state = State.ACTIVE
        self._note(at)

    def accelerate(self, at: int) -> list[int]:
        """Everything falls due. A report on what was measured by the end of the missed payment's grace is
        waited for, and what it fixes is returned; what was measured later counts at its best for holders."""
        self._require(State.DEFAULTED)
        if at <= self.cure_end:
            raise SettlementError("the cure period is open")
        first, running = self.coupons_paid, self._running(at)
        missed = self.payments(first, first + 1)[0].since + self.terms.grace_seconds
        before, fixed = (dict(self.values), dict(self.settled_at)), []
        try:
            for number, fixing in enumerate(self.terms.fixings):
                if fixing.effect is Effect.RATE:
                    matters = fixing.first <= running and fixing.last >= first
                else:
                    matters = first <= self.terms.first_payment(fixing) <= self.total
                if not matters:
                    continue
                if self.terms.feeds[fixing.feed].period_ends[fixing.kpi_period] > missed:
                    if number not in self.values:  # what waited for it could be paid once it was settled
                        report = self.reports.get(number)
                        self.settled_at[number] = at if report is None else min(at, report.at)
                    self.values[number] = max(maximum(fixing.curve), fixing.missing)
                elif number not in self.values:
                    self._fix(number, at)
                    fixed.append(number)
        except SettlementError:
            self.values, self.settled_at = before
            raise
        due = self.payments(first, self.total + 1)
        accrued = self.accrued(at)
        assert accrued is not None  # all is fixed
        owed = self.carried + accrued
        _, late = self._sums(due, at)  # none runs on what would fall due later
        self.state = State.ACCELERATED
        self.interest_owed = owed
        self.principal_owed = sum(p.repayment + p.outcome for p in due)
        self.carried = 0
        self._book(late * LATE_ONE, at)
        return fixed

    def recover(self, at: int) -> Recovery:
        """What is there: late interest, then interest, then principal."""
        self._require(State.ACCELERATED)
        total = self.late_owed(at)
        owed = total // LATE_ONE + self.interest_owed + self.principal_owed
        _, paid = per_unit(min(self.held, owed), self.units)
        met = owed - paid < self.units
        if paid == 0 and not met:
            raise SettlementError("nothing to recover")
        self._accrue(at)
        late = min(paid, total // LATE_ONE)
        senior = min(paid - late, self.interest_owed)
        self.late -= late * LATE_ONE
        self.interest_owed -= senior
        self.principal_owed -= paid - late - senior
        self.held -= paid
        self.known = self.held
        if met:
            self.state = State.REDEEMED
        return Recovery(late, senior, paid - late - senior)

    def return_surplus(self) -> int:
        """What is left after the redemption goes to the issuer."""
        self._require(State.REDEEMED)
        amount, self.held, self.carried = self.held, 0, 0
        return amount

    # -- what is due

    @property
    def cure_end(self) -> int:
        """The last second of the cure period."""
        return self.defaulted_at + self.terms.cure_seconds + self.standstill

    @property
    def total(self) -> int:
        """Coupons; the redemption is the payment of this number."""
        return len(self.terms.periods)

    def date_of(self, payment: int) -> int:
        """The day of a payment; the redemption's is the last coupon's."""
        return self.terms.periods[min(payment, self.total - 1)].pay_date

    def given(self, number: int) -> int | None:
        """What a fixing gives: as it is made, or as its settled report will make it; None while that is
        open."""
        if number in self.values:
            return self.values[number]
        report = self.reports.get(number)
        return None if report is None else _value(self.terms.fixings[number], report)

    def payments(self, start: int, end: int) -> list[Payment]:
        """Payments from `start` until before `end`."""
        return [self._payment(index) for index in range(start, end)]

    def _payment(self, index: int) -> Payment:
        terms, since = self.terms, self.date_of(index)
        rate, outcome, waits = terms.rate, 0, None
        for number, fixing in enumerate(terms.fixings):
            if terms.first_payment(fixing) <= index:  # payments are in order: all from the first on waited
                since = max(since, self.settled_at.get(number, 0))
            if not terms.bends(fixing, index):
                continue
            if number not in self.values:
                waits = number
            elif fixing.effect is Effect.RATE:
                rate += self.values[number]
            else:
                outcome += scale(self.values[number], self.units, terms.hard_cap)
        left = bond.outstanding(terms, min(index, self.total - 1)) * self.units
        if index == self.total:
            return Payment(0, left, outcome + bond.premium(terms, self.units), since, waits)
        period = terms.periods[index]
        rate += period.step
        due = 0 if waits is not None else interest(left, rate, period.numerator, period.denominator)
        back = period.repayment * self.units if index + 1 < self.total else 0
        return Payment(due, back, outcome, since, waits)

    def accrued(self, at: int) -> int | None:
        """Interest on all units up to `at` on payments that are not made, of the period that runs by time;
        None while a report that bends one of them is open."""
        running = self._running(at)
        found = 0
        for index in range(self.coupons_paid, min(running + 1, self.total)):
            payment = self._payment(index)
            if payment.waits is not None:
                return None
            if index < running:
                found += payment.interest
            else:
                end = self.date_of(index)
                start = self.date_of(index - 1) if index else self.terms.periods[0].start
                found += payment.interest * max(0, at - start) // (end - start)
        return found

    def late_owed(self, at: int) -> int:
        """Late interest after an acceleration up to `at`, LATE_ONE to the minor unit."""
        bears = max(0, self.interest_owed + self.principal_owed - self.known)
        return self.late + self._interest(bears * LATE_ONE, self.booked_to, at)

    def as_if_fixed(self, at: int) -> BondLife:
        """The bond with every fixing made that its reports allow by `at`; this one stays as it is."""
        found = replace(self, values=dict(self.values), settled_at=dict(self.settled_at))
        for number, report in self.reports.items():
            if number not in found.values and report.at <= at:
                found._fix(number, at)
        return found

    def next_payment(self, at: int) -> tuple[int, int]:
        """Date and amount of the next payment, with late interest up to `at`."""
        due, late = self._sums([self._next()], at)
        return self.date_of(self.coupons_paid), due + late

    def _next(self) -> Payment:
        payment = self._payment(self.coupons_paid)
        _require_known(payment)
        return payment

    def _pay_next(self, at: int, state: State) -> Paid:
        payment = self._next()
        due, late = self._sums([payment], at)
        due += late + self.carried
        if self.held < due:
            raise SettlementError(f"{due} minor units are due, and {self.held} held")
        _, paid = per_unit(due, self.units)
        if state == State.ACTIVE:
            self.coupons_paid += 1
        self.state, self.late, self.carried = state, 0, due - paid
        self.held -= paid
        self.known = max(0, self.known - paid)
        if state == State.ACTIVE:
            self._note(at)
        return Paid(payment, late, paid)

    def _fix(self, number: int, at: int) -> int:
        fixing, report = self.terms.fixings[number], self.reports.get(number)
        if report is None or report.at > at:
            raise SettlementError(f"fixing {number}: the report is not settled")
        value = self.values[number] = _value(fixing, report)
        if at > self.date_of(self.terms.first_payment(fixing)):
            self.settled_at[number] = report.at
        return value

    # -- late interest

    def _note(self, at: int) -> None:
        """The bond sees its money: late interest ends on what could be paid by now and for which, and all
        before, it is there."""
        arrears = self.payments(self.coupons_paid, self.overdue(at))
        count, in_making = self._ready(arrears, at)
        sum_, late = self.carried, self.late
        runs = self.late_on(arrears[:count], at)
        for index, (payment, more) in enumerate(zip(arrears, runs, strict=False), start=self.coupons_paid):
            sum_, late = sum_ + payment.due, late + more
            if self.held < sum_ + late:
                return
            if index >= self.met_to:
                self.met_to, self.late = index + 1, late
        # Money counts for a payment from the fixing, if it could have been fixed by now.
        if count == len(arrears) or in_making:
            self.known = self.held

    def _ready(self, arrears: Sequence[Payment], at: int) -> tuple[int, bool]:
        """How many of the next payments wait for nothing, and whether the one after them waits for a report
        in the making."""
        count = next((i for i, p in enumerate(arrears) if p.waits is not None), len(arrears))
        return count, count < len(arrears) and self._waits_for_report(self.coupons_paid + count, at)

    def _book(self, late: int, at: int) -> None:
        self.known, self.booked_to, self.late = self.held, at, late

    def late_on(self, payments: Sequence[Payment], at: int) -> list[int]:
        """Late interest that runs up to `at` on the next payments, all of which could be made by then."""
        left = max(0, self.known - self.late - self.carried)  # of the money known in time
        found = []
        for index, payment in enumerate(payments, start=self.coupons_paid):
            runs = index >= self.met_to and left < payment.due
            found.append(self._interest(payment.due, payment.since, at) if runs else 0)
            left = max(0, left - payment.due)
        return found

    def _sums(self, payments: Sequence[Payment], at: int) -> tuple[int, int]:
        """What payments are in all, and the late interest on them with what is booked."""
        return sum(p.due for p in payments), self.late + sum(self.late_on(payments, at))

    def _accrue(self, at: int) -> None:
        late = self.late_owed(at)
        self._book(late, at - (at - self.booked_to) % DAY)

    def _interest(self, amount: int, since: int, at: int) -> int:
        return interest(amount, self.terms.late_rate, max(0, at - since) // DAY, YEAR_DAYS)

    def _waits_for_report(self, payment: int, at: int) -> bool:
        for number in self.terms.bending(payment):
            if number in self.values:
                continue
            report = self.reports.get(number)
            if report is None or report.at > at:
                return True
        return False

    def _running(self, at: int) -> int:
        index = self.coupons_paid
        while index < self.total and self.date_of(index) <= at:
            index += 1
        return index

    def overdue(self, at: int) -> int:
        """The first payment whose date has not come."""
        running = self._running(at)
        return running + (running == self.total)

    def _require(self, state: State) -> None:
        if self.state != state:
            raise wrong_state("bond", self.state, state)


def _value(fixing: Fixing, report: Settled) -> int:
    return fixing.missing if report.kpi is None else payoff(fixing.curve, report.kpi)


def _require_known(payment: Payment) -> None:
    if payment.waits is not None:
        raise SettlementError(f"fixing {payment.waits} is not made")
