"""SWPPV, plain vanilla interest rate swap (section 7.12)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from finance.actus.core import Event, State
from finance.actus.pam import Pam


class Swppv(Pam):
    """Plain vanilla swap: IPNR against a floating rate that starts at IPNR2; no principal is exchanged.

    Settled in cash (deliverySettlement S) the difference is paid as IP and Ipac is net. Settled in full (D)
    the fixed leg is paid as IPFX and the floating leg as IPFL; Ipac is then the fixed leg's accrual and Ipac2
    the floating leg's. Ipnr is the floating rate.
    """

    type = "SWPPV"

    @cached_property
    def fixed(self) -> float:
        return self.terms.need("nominalInterestRate", self.terms.number("nominalInterestRate"))

    @cached_property
    def net(self) -> bool:
        return self.terms.choice("deliverySettlement", ("D", "S"), "D") == "S"

    def schedule(self) -> Iterable[Event]:
        yield from self.at("IED", self.IED_time)
        yield from self.at("MD", self.Md, shift=True)
        times = self.interest_times()
        for kind in ("IP",) if self.net else ("IPFX", "IPFL"):
            yield from self.cyclic(kind, times)
        yield from self.rate_resets(self.Md)
        yield from self.own_events()

    def interest_times(self) -> list[datetime]:
        anchor, cycle = "cycleAnchorDateOfInterestPayment", "cycleOfInterestPayment"
        if self.terms.cycle(cycle) is None:
            return [self.Md]
        return self.times(anchor, cycle, self.Md, start=self.IED_time)

    # States

    def initial(self) -> State:
        s = State(Sd=self.status_date, Md=self.Md, Prf=self.terms.text("contractPerformance", "PF"))
        if self.IED_time <= s.Sd:
            self.begin(s)
            s.Sd = self.last_past(self.interest_times()) or self.status_date
            self.accrue(s, self.status_date)
            for term, leg in (("accruedInterest", "Ipac"), ("accruedInterest2", "Ipac2")):
                if (given := self.terms.number(term)) is not None:
                    setattr(s, leg, self.sign * given)
        return s

    def begin(self, s: State) -> None:
        s.Nt = self.sign * self.NT
        s.Ipnr = self.terms.need("nominalInterestRate2", self.terms.number("nominalInterestRate2"))

    def accrue(self, s: State, t: datetime) -> None:
        if s.Nt:
            amount = self.Y(s.Sd, t) * s.Nt
            s.Ipac += amount * (self.fixed - s.Ipnr) if self.net else amount * self.fixed
            s.Ipac2 -= amount * s.Ipnr
        s.Sd = t

    # Events

    def IED(self, s: State, event: Event) -> float:
        """STF_IED_SWPPV."""
        s.Sd = event.calculated
        self.begin(s)
        return 0.0

    def MD(self, s: State, event: Event) -> float:
        """STF_PR_SWPPV, named MD as published; the rate stays."""
        self.accrue(s, event.calculated)
        s.Nt = s.Ipac = s.Ipac2 = 0.0
        return 0.0

    def PRD(self, s: State, event: Event) -> float:
        """POF_PRD_STK, STF_PRD_SWPPV."""
        self.accrue(s, event.calculated)
        return -self.sign * self.price("priceAtPurchaseDate")

    def TD(self, s: State, event: Event) -> float:
        """Termination at a price that the creator of the record receives, below zero pays: a swap is worth
        either sign to either side, so the price bears it (POF_TD_SWAPS, section 7.13)."""
        self.MD(s, event)
        return self.price("priceAtTerminationDate")

    def IP(self, s: State, event: Event) -> float:
        """POF_IP_SWPPV: the net of both legs."""
        self.accrue(s, event.calculated)
        payoff, s.Ipac, s.Ipac2 = s.Ipac, 0.0, 0.0
        return payoff

    def IPFX(self, s: State, event: Event) -> float:
        """IP^(fix): the fixed leg."""
        self.accrue(s, event.calculated)
        payoff, s.Ipac = s.Ipac, 0.0
        return payoff

    def IPFL(self, s: State, event: Event) -> float:
        """IP^(var): the floating leg."""
        self.accrue(s, event.calculated)
        payoff, s.Ipac2 = s.Ipac2, 0.0
        return payoff
