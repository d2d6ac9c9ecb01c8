"""CLM, call money: a loan with capitalised interest that the lender may call (section 7.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from finance.actus.core import SEQUENCE, Event, State
from finance.actus.dates import schedule
from finance.actus.pam import Pam


class Clm(Pam):
    """Call money: it ends at MD, or after notice when called (observed XD), else at the horizon."""

    type = "CLM"

    def maturity(self) -> datetime | None:
        """MD, else the call, else the horizon."""
        return self.terms.time("maturityDate") or self.called or self.horizon

    @cached_property
    def called(self) -> datetime | None:
        """When the contract is called; None with a maturity date, which is the end already."""
        if self.terms.time("maturityDate") is not None:
            return None
        calls = [e.time for e in self.observed("XD") if self.horizon is None or e.time <= self.horizon]
        return calls[0] if calls else None

    def schedule(self) -> Iterable[Event]:
        yield from self.at("IED", self.IED_time)
        yield from self.cyclic("IPCI", self.capitalisation_times)
        yield from self.rate_resets(self.Md)
        yield from self.cyclic("FP", self.fee_times)
        yield from self.own_events()
        if self.called is None:
            yield from self.cyclic("IP", [self.Md])
            yield from self.at("MD", self.Md, shift=True)
        else:
            yield from self.at("XD", self.called)
            settled = self.cyclic("STD", [self.terms.plus("xDayNotice", self.called)])
            yield from settled
            # The last interest is paid with the settlement, so it follows the call it may coincide with.
            yield from (replace(e, type="IP", place=SEQUENCE["XD"]) for e in settled)

    def within(self, event: Event) -> bool:
        # What a call within the horizon makes due is settled, even beyond it.
        return super().within(event) or (self.called is not None and event.type in ("IP", "STD"))

    @property
    def capitalisation_times(self) -> list[datetime]:
        """Times of IPCI before Md, the first of them the anchor or IED."""
        step = self.terms.cycle("cycleOfInterestPayment")
        if step is None or self.terms.number("nominalInterestRate") is None:
            return []
        start = self.terms.time("cycleAnchorDateOfInterestPayment") or self.IED_time
        return schedule(start, step, self.Md, include_end=False, month_ends=self.month_ends)

    def interest_times(self) -> list[datetime]:
        return [self.Md]

    def IED(self, s: State, event: Event) -> float:
        """POF_IED_CLM."""
        super().IED(s, event)
        return -s.Nt

    def XD(self, s: State, event: Event) -> float:
        """The call: interest runs no further. With notice the amount due is fixed now and paid later."""
        self.accrue(s, event.calculated)
        s.Xd = event.time
        if self.terms.plus("xDayNotice", event.time) > event.time:
            s.Xa, s.Ipac = s.Ipac, 0.0
        return 0.0

    def IP(self, s: State, event: Event) -> float:
        """POF_IP_CLM, STF_IP_CLM; after a call with notice what the call has fixed."""
        if s.Xd is None:
            return super().IP(s, event)
        payoff, s.Xa, s.Ipac, s.Sd = s.Ipac + s.Xa, 0.0, 0.0, event.calculated
        return payoff

    def STD(self, s: State, event: Event) -> float:
        """Settlement of a call: the principal is repaid."""
        payoff = s.Nt + s.Feac
        s.Nt = s.Feac = 0.0
        s.Sd = event.calculated
        return payoff
