"""Fees (FER, FEB): when they are paid, and what has accrued of them (sections 7.1 and 7.17: FP, Feac)."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from finance.actus.core import Contract, Event, State


class Fees(Contract):
    """A contract with fees: an amount at every FP (basis A), or a rate a year on the principal (basis N)."""

    @cached_property
    def FER(self) -> float:
        return self.terms.amount("feeRate")

    @cached_property
    def FEB(self) -> str:
        return self.terms.choice("feeBasis", ("A", "N"), "A")

    @property
    def fee_start(self) -> datetime | None:
        """Where the first fee period begins, and the cycle is counted from without an anchor."""
        raise NotImplementedError

    @cached_property
    def fee_times(self) -> list[datetime]:
        """t^FP: by the fee cycle, and at Md."""
        if not self.FER:
            return []
        return self.times("cycleAnchorDateOfFee", "cycleOfFee", self.Md, start=self.fee_start)

    def fee_at_start(self, s: State) -> float:
        """Feac(t0): the term (which knows no role: section 3.7), or what accrued since the last fee."""
        given = self.terms.number("feeAccrued")
        if given is not None or not self.FER:
            return self.sign * (given or 0.0)
        if self.FEB == "A":
            return self.fee_accrued(s, s.Sd)
        last = self.last_past(self.fee_times)
        return 0.0 if last is None else self.Y(last, s.Sd) * s.Nt * self.FER

    def fee_accrued(self, s: State, t: datetime) -> float:
        """Feac at `t`: on the principal since Sd (basis N), or the elapsed part of the fee (basis A)."""
        if self.FEB == "N":
            return s.Feac + self.Y(s.Sd, t) * s.Nt * self.FER
        times = [self.days.calculated(f) for f in self.fee_times]
        last = max((f for f in times if f <= t), default=self.fee_start)
        following = min((f for f in times if f > t), default=None)
        if last is None or following is None or last > t:
            return 0.0
        return self.Y(last, t) / self.Y(last, following) * self.sign * self.FER

    def FP(self, s: State, event: Event) -> float:
        """POF_FP_PAM, POF_FP_CEG: the fee, or what has accrued of it."""
        self.accrue(s, event.calculated)
        payoff = self.sign * self.FER if self.FEB == "A" else s.Feac
        s.Feac = 0.0
        return payoff
