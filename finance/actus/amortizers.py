"""LAM, NAM and ANN: principal repaid in instalments (sections 7.2, 7.4 and 7.5)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from finance.actus.core import SEQUENCE, Event, State
from finance.actus.dates import schedule
from finance.actus.pam import Pam
from finance.terms.schedule import ends_month

ROUNDING: Final = 1e-9
"""A quotient this close above a whole number counts as that number of payments."""


class Lam(Pam):
    """Linear amortizer (7.2): the principal falls by Prnxt on each PR date, interest comes on top."""

    type = "LAM"

    @cached_property
    def IPCB_kind(self) -> str:
        """Interest base: NT outstanding, NTIED as at initial exchange, NTL lagging by a schedule."""
        return self.terms.choice("interestCalculationBase", ("NT", "NTIED", "NTL"), "NT")

    def schedule(self) -> Iterable[Event]:
        yield from super().schedule()
        yield from self.cyclic("PR", self.redemption_times)
        if self.IPCB_kind == "NTL":
            anchor, cycle = "cycleAnchorDateOfInterestCalculationBase", "cycleOfInterestCalculationBase"
            times = self.times(anchor, cycle, self.Md, include_end=False, start=self.IED_time)
            yield from self.cyclic("IPCB", times)

    @cached_property
    def redemption_times(self) -> list[datetime]:
        """t^PR (7.2), all before Md."""
        anchor, cycle = "cycleAnchorDateOfPrincipalRedemption", "cycleOfPrincipalRedemption"
        return self.times(anchor, cycle, self.Md, include_end=False, start=self.IED_time)

    # Maturity

    def maturity(self) -> datetime | None:
        return super().maturity() or self.last_payment

    @cached_property
    def last_payment(self) -> datetime | None:
        """Md(t0) without MD (7.2, 7.4): when the payments PRNXT have repaid it; None without PRNXT."""
        payment = self.terms.number("nextPrincipalRedemptionPayment")
        cycle = self.terms.cycle("cycleOfPrincipalRedemption")
        if payment is None:
            return None
        cycle = self.terms.need("cycleOfPrincipalRedemption", cycle)
        anchor = self.terms.time("cycleAnchorDateOfPrincipalRedemption") or cycle.after(self.IED_time)
        to_month_end = self.month_ends and cycle.months > 0 and ends_month(anchor)

        def payment_time(number: int) -> datetime:
            return cycle.after(anchor, number, to_month_end)

        due = 0
        while self.past(payment_time(due)):
            due += 1
        last = max(due - 1, 0)
        repaid = self.repaid_per_period(payment, payment_time(last), payment_time(last + 1))
        if repaid <= 0:
            raise self.terms.error("nextPrincipalRedemptionPayment", "never repays; give maturityDate")
        return payment_time(due + math.ceil(self.NT / repaid - ROUNDING) - 1)

    def repaid_per_period(self, payment: float, start: datetime, end: datetime) -> float:
        """Principal repaid by one payment."""
        return payment

    # States

    def set_principal(self, s: State, amount: float) -> None:
        s.Nt = amount
        if self.IPCB_kind == "NT":
            s.Ipcb = amount

    def interest_base(self, s: State) -> float:
        return s.Ipcb

    def set_base(self, s: State) -> None:
        """Ipcb where it is not the outstanding principal: the term, or the principal at IED."""
        if self.IPCB_kind != "NT":
            s.Ipcb = self.sign * self.terms.amount("interestCalculationBaseAmount", self.NT)

    def initial(self) -> State:
        s = super().initial()
        s.Prnxt = self.first_payment()
        return s

    def accrued_at_start(self, s: State) -> float:
        self.set_base(s)
        return super().accrued_at_start(s)

    def first_payment(self) -> float:
        """Prnxt(t0), signed: the term, or equal parts of the principal up to and with Md."""
        given = self.terms.number("nextPrincipalRedemptionPayment")
        if given is not None:
            return self.sign * given
        return self.sign * self.NT / (1 + sum(not self.past(t) for t in self.redemption_times))

    # Events

    def IED(self, s: State, event: Event) -> float:
        """STF_IED_LAM."""
        self.set_base(s)
        return super().IED(s, event)

    def PR(self, s: State, event: Event) -> float:
        """POF_PR_LAM: repay Prnxt, at most what is outstanding; accrued interest stays."""
        self.accrue(s, event.calculated)
        return s.Nsc * self.redeem(s, s.Prnxt)

    def redeem(self, s: State, amount: float) -> float:
        """Reduce the principal by `amount`, at most to zero; the amount by which it fell."""
        if self.sign * amount > self.sign * s.Nt:
            amount = s.Nt
        self.set_principal(s, s.Nt - amount)
        return amount

    def IPCB(self, s: State, event: Event) -> float:
        """STF_IPCB_LAM: interest from now on is on what is outstanding now."""
        self.accrue(s, event.calculated)
        s.Ipcb = s.Nt
        return 0.0

    def PP(self, s: State, event: Event) -> float:
        """Prepayment; it lowers later payments if prepaymentEffect is A, and ends them earlier if M."""
        before = s.Nt
        payoff = super().PP(s, event)
        if payoff and self.terms.text("prepaymentEffect") == "A":
            s.Prnxt = self.lowered(s, before, event.time)
        return payoff

    def lowered(self, s: State, before: float, t: datetime) -> float:
        """Prnxt after a prepayment at `t` that found the principal at `before`."""
        return s.Prnxt * s.Nt / before


class Nam(Lam):
    """Negative amortizer (7.4): PR pays Prnxt less the interest due, so the principal may grow."""

    type = "NAM"

    def interest_times(self) -> list[datetime]:
        """t^IP (7.4): the interest cycle until PRCL before the first redemption, then with each, and Md."""
        if self.terms.number("nominalInterestRate") is None:
            return []
        redemptions = self.redemption_times
        until = redemptions[0] if redemptions else self.Md
        if (step := self.terms.cycle("cycleOfPrincipalRedemption")) is not None:
            until = step.after(until, -1, self.month_ends and step.months > 0 and ends_month(until))
        cycle = self.terms.cycle("cycleOfInterestPayment")
        start = self.terms.time("cycleAnchorDateOfInterestPayment")
        if start is None and cycle is not None:
            start = cycle.after(self.IED_time)
        before: list[datetime] = []
        if start is not None and start <= until:
            before = schedule(start, cycle, until, include_end=True, month_ends=self.month_ends)
        return [*before, *redemptions, self.Md]

    def repaid_per_period(self, payment: float, start: datetime, end: datetime) -> float:
        return payment - self.NT * self.Y(start, end) * self.terms.amount("nominalInterestRate")

    def first_payment(self) -> float:
        term = "nextPrincipalRedemptionPayment"
        return self.sign * self.terms.need(term, self.terms.number(term))

    def PR(self, s: State, event: Event) -> float:
        """POF_PR_NAM, STF_PR_NAM."""
        self.accrue(s, event.calculated)
        return s.Nsc * self.redeem(s, s.Prnxt - s.Ipac)


class Ann(Nam):
    """Annuity (7.5): as NAM, with the payment that repays the principal by Md (or amortizationDate)."""

    type = "ANN"

    def schedule(self) -> Iterable[Event]:
        yield from super().schedule()
        if self.terms.number("nextPrincipalRedemptionPayment") is None and self.redemption_times:
            yield from self.at("PRF", self.redemption_times[0] - timedelta(days=1))
        for reset in self.rate_resets(self.Md):
            yield replace(reset, type="PRF", place=SEQUENCE["PRF"], detail=None)

    def maturity(self) -> datetime | None:
        return self.terms.time("maturityDate") or self.terms.time("amortizationDate") or self.last_payment

    @cached_property
    def payments(self) -> list[tuple[datetime, datetime]]:
        """(time, time calculated for) of payments that would repay it all by amortizationDate or Md."""
        end = self.terms.time("amortizationDate") or self.Md
        anchor, cycle = "cycleAnchorDateOfPrincipalRedemption", "cycleOfPrincipalRedemption"
        times = self.times(anchor, cycle, end, include_end=True, start=self.IED_time)
        return [(self.days.shift(t), self.days.calculated(t)) for t in times]

    def annuity(self, s: State, made: datetime) -> float:
        """A(s, T, n, a, r), signed: the level payment that repays Nt, when those up to `made` are made (3.8).

        The interest accrued until the first payment belongs to what it repays.
        """
        times = [calculated for time, calculated in self.payments if time > made]
        if not times:
            return s.Nt + s.Ipac
        first = s.Ipac + self.Y(s.Sd, times[0]) * s.Ipnr * self.interest_base(s)
        growth, total = 1.0, 1.0
        for start, end in zip(reversed(times[:-1]), reversed(times[1:]), strict=True):
            growth *= 1 + s.Ipnr * self.Y(start, end)
            total += growth
        return (s.Nt + first) * growth / total

    def first_payment(self) -> float:
        given = self.terms.number("nextPrincipalRedemptionPayment")
        return 0.0 if given is None else self.sign * given

    def initial(self) -> State:
        s = super().initial()
        if self.IED_time <= s.Sd:
            self.fix_first(s, s.Sd)
        return s

    def fix_first(self, s: State, made: datetime) -> None:
        """Fix Prnxt where it is not a term, when the payments up to `made` are made."""
        if self.terms.number("nextPrincipalRedemptionPayment") is None:
            s.Prnxt = self.annuity(s, made)

    def IED(self, s: State, event: Event) -> float:
        """STF_IED_LAM, and Prnxt(t) where it is not a term."""
        payoff = super().IED(s, event)
        self.fix_first(s, event.time - timedelta(seconds=1))  # a payment may follow at once
        return payoff

    def PRF(self, s: State, event: Event) -> float:
        """The second half of STF_RR_ANN: fix Prnxt anew, from the payments after this time."""
        self.accrue(s, event.calculated)
        s.Prnxt = self.annuity(s, event.time)
        return 0.0

    def lowered(self, s: State, before: float, t: datetime) -> float:
        return self.annuity(s, t)
