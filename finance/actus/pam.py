"""PAM, principal at maturity: the schedules and events that every loan and bond shares (section 7.1).

Amounts in states are signed by the contract role, so a payoff is the signed state itself. Where the published
reference results settle a point on which the specification is silent or contradicts itself, they are
followed; docs/actus.md lists those points.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Final

from finance.actus.core import Event, State
from finance.actus.dates import schedule
from finance.actus.fees import Fees

PENALTIES: Final = ("O", "A", "N", "R", "I")
"""Penalty types: O none, A an amount, N or R a rate a year on the principal, I the rate differential."""


class Pam(Fees):
    """Principal at maturity: all principal is repaid at MD, interest is paid on IP dates or capitalised."""

    type = "PAM"

    # Terms that several events need

    @cached_property
    def IED_time(self) -> datetime:
        return self.terms.need("initialExchangeDate", self.terms.time("initialExchangeDate"))

    @property
    def fee_start(self) -> datetime:
        return self.IED_time

    @cached_property
    def NT(self) -> float:
        return self.terms.need("notionalPrincipal", self.terms.number("notionalPrincipal"))

    @cached_property
    def scales(self) -> tuple[bool, bool]:
        """Whether interest and whether principal are scaled by an index (scalingEffect)."""
        # Published contracts write the zeros of the dictionary as the letter O, too.
        effect = self.terms.text("scalingEffect", "000").replace("O", "0")
        if len(effect) != 3 or effect[0] not in "0I" or effect[1] not in "0N" or effect[2] not in "0M":
            raise self.terms.error("scalingEffect", "must be one of 000, I00, 0N0, IN0")
        return effect[0] == "I", effect[1] == "N"

    # Schedule

    def schedule(self) -> Iterable[Event]:
        yield from self.at("IED", self.IED_time)
        yield from self.at("MD", self.Md, shift=True)
        yield from self.interest(self.interest_times())
        yield from self.rate_resets(self.Md)
        yield from self.cyclic("FP", self.fee_times)
        yield from self.scaling()
        yield from self.prepayments()
        yield from self.own_events()

    def interest_times(self) -> list[datetime]:
        """Times at which interest is due, the last of them Md; none if there is no rate."""
        if self.terms.number("nominalInterestRate") is None:
            return []
        anchor, cycle = "cycleAnchorDateOfInterestPayment", "cycleOfInterestPayment"
        if self.in_advance and self.terms.time(anchor) is None and (step := self.terms.cycle(cycle)):
            # The first period begins, and is paid for, at IED.
            return schedule(self.IED_time, step, self.Md, include_end=True, month_ends=self.month_ends)
        return self.times(anchor, cycle, self.Md, start=self.IED_time) or [self.Md]

    @cached_property
    def in_advance(self) -> bool:
        """Whether interest is paid at the beginning of its period (cyclePointOfInterestPayment B)."""
        return self.terms.choice("cyclePointOfInterestPayment", ("B", "E"), "E") == "B"

    def interest(self, times: Sequence[datetime]) -> list[Event]:
        """t^IP and t^IPCI (7.1): IP at `times`, IPCI instead up to the capitalisation end date, and on it."""
        if not times:
            return []
        capitalised: set[datetime] = set()
        if (last := self.terms.time("capitalizationEndDate")) is not None:
            capitalised = {t for t in times if t <= last} | {last}
        events = self.cyclic("IPCI", sorted(capitalised))
        for t, following in pairwise([*times, None]):
            if t is not None and t not in capitalised:
                covered = self.days.calculated(following) if self.in_advance and following else None
                events += self.cyclic("IP", [t], covered)
        return events

    def rate_resets(self, end: datetime) -> list[Event]:
        """t^RR before `end` and t^RRF (7.1): the first after t0, if its rate is known (nextResetRate)."""
        if self.terms.choice("cyclePointOfRateReset", ("B", "E"), "B") == "E":
            raise self.terms.error("cyclePointOfRateReset", "rates fixed in arrears are not supported")
        times = self.times(
            "cycleAnchorDateOfRateReset",
            "cycleOfRateReset",
            end,
            include_end=False,
            start=self.terms.time("initialExchangeDate"),
        )
        events = self.cyclic("RR", times)
        if self.terms.number("nextResetRate") is None:
            return events
        known = next((i for i, event in enumerate(events) if event.time > self.status_date), None)
        if known is not None:
            events[known] = self.cyclic("RRF", [times[known]])[0]
        return events

    def scaling(self) -> list[Event]:
        """t^SC before Md (7.1)."""
        if not any(self.scales):
            return []
        anchor, cycle = "cycleAnchorDateOfScalingIndex", "cycleOfScalingIndex"
        times = self.times(anchor, cycle, self.Md, include_end=False, start=self.IED_time)
        return self.cyclic("SC", times)

    def prepayments(self) -> list[Event]:
        """t^PP, as observed and by the option schedule, and t^PY with each that costs a penalty (7.1)."""
        if self.terms.choice("prepaymentEffect", ("N", "A", "M"), "N") == "N":
            return []
        anchor, cycle = "cycleAnchorDateOfOptionality", "cycleOfOptionality"
        observed = {e.time: e.value for e in self.observed("PP") if e.time <= self.Md}
        times = set(self.times(anchor, cycle, self.Md, start=self.IED_time)) | set(observed)
        events: list[Event] = []
        for t in sorted(times):
            events += self.at("PP", t, observed.get(t, 0.0), shift=t not in observed)
            if self.terms.choice("penaltyType", PENALTIES, "O") != "O":
                events += self.at("PY", t, shift=t not in observed)
        return events

    # States

    def initial(self) -> State:
        s = State(Sd=self.status_date, Md=self.maturity(), Prf=self.terms.text("contractPerformance", "PF"))
        s.Nsc = self.terms.amount("notionalScalingMultiplier", 1.0)
        s.Isc = self.terms.amount("interestScalingMultiplier", 1.0)
        if self.IED_time > s.Sd:
            return s
        self.set_principal(s, self.sign * self.NT)
        s.Ipnr = self.terms.amount("nominalInterestRate")
        s.Ipac = self.accrued_at_start(s)
        s.Feac = self.fee_at_start(s)
        return s

    def accrued_at_start(self, s: State) -> float:
        """Ipac(t0): the term, or interest since the last time it was due; before the first of them none."""
        given = self.terms.number("accruedInterest")
        if given is not None:
            return self.sign * given
        last = self.last_past(self.interest_times()) if s.Ipnr else None
        return 0.0 if last is None else self.Y(last, s.Sd) * s.Ipnr * self.interest_base(s)

    def set_principal(self, s: State, amount: float) -> None:
        """Set Nt, and what follows it."""
        s.Nt = amount

    def interest_base(self, s: State) -> float:
        """What interest is calculated on."""
        return s.Nt

    def accrue(self, s: State, t: datetime) -> None:
        """Accrue interest and fees from Sd to `t`."""
        if s.Ipnr or self.FER:
            if self.FER:
                s.Feac = self.fee_accrued(s, t)
            s.Ipac += self.Y(s.Sd, t) * s.Ipnr * self.interest_base(s)
        s.Sd = t

    # Events

    def IED(self, s: State, event: Event) -> float:
        """STF_IED_PAM: interest runs from an anchor before IED, if there is one."""
        s.Sd = event.calculated
        self.set_principal(s, self.sign * self.NT)
        s.Ipnr = self.terms.amount("nominalInterestRate")
        given = self.terms.number("accruedInterest")
        anchor = self.terms.time("cycleAnchorDateOfInterestPayment")
        if given is not None:
            s.Ipac = self.sign * given
        elif s.Ipnr and anchor is not None and anchor < s.Sd and not self.in_advance:
            s.Ipac = self.Y(anchor, s.Sd) * s.Ipnr * self.interest_base(s)
        return -self.sign * (self.NT + self.terms.amount("premiumDiscountAtIED"))

    def MD(self, s: State, event: Event) -> float:
        """POF_MD_PAM, STF_MD_PAM; the rate stays."""
        self.accrue(s, event.calculated)
        payoff = s.Nsc * s.Nt + s.Isc * s.Ipac + s.Feac
        self.set_principal(s, 0.0)
        s.Ipac = s.Feac = s.Ipcb = 0.0
        return payoff

    def IP(self, s: State, event: Event) -> float:
        """POF_IP_PAM, STF_IP_PAM; in advance, interest of the period ahead, then negative in Ipac."""
        self.accrue(s, event.calculated)
        ahead = 0.0
        if event.detail is not None:
            ahead = self.Y(s.Sd, event.detail) * s.Ipnr * self.interest_base(s)
        payoff = s.Isc * (s.Ipac + ahead)
        s.Ipac = -ahead
        return payoff

    def IPCI(self, s: State, event: Event) -> float:
        """STF_IPCI_PAM: what has accrued becomes principal."""
        self.accrue(s, event.calculated)
        self.set_principal(s, s.Nt + s.Ipac)
        s.Ipac = 0.0
        return 0.0

    def PP(self, s: State, event: Event) -> float:
        """POF_PP_PAM, STF_PP_PAM: prepayment as observed, at most what is outstanding."""
        self.accrue(s, event.calculated)
        payoff = self.sign * min(event.detail, abs(s.Nt))
        self.set_principal(s, s.Nt - payoff)
        return payoff

    def PY(self, s: State, event: Event) -> float:
        """POF_PY_PAM: penalty for a prepayment, on the principal before it."""
        years = self.Y(s.Sd, event.calculated)
        self.accrue(s, event.calculated)
        kind, rate = self.terms.text("penaltyType"), self.terms.amount("penaltyRate")
        if kind == "A":
            return self.sign * rate
        if kind == "I":
            rate = max(0.0, s.Ipnr - self.market_rate(event.scheduled))
        return years * s.Nt * rate

    def PRD(self, s: State, event: Event) -> float:
        """POF_PRD_PAM: purchase at a clean price, plus what has accrued."""
        self.accrue(s, event.calculated)
        return -self.sign * (self.price("priceAtPurchaseDate") + s.Ipac)

    def TD(self, s: State, event: Event) -> float:
        """POF_TD_PAM, STF_TD_PAM: termination at a clean price, plus what has accrued; the rate stays."""
        self.accrue(s, event.calculated)
        payoff = self.sign * (self.price("priceAtTerminationDate") + s.Ipac)
        self.set_principal(s, 0.0)
        s.Ipac = s.Feac = s.Ipcb = 0.0
        return payoff

    def market_rate(self, t: datetime) -> float:
        """The observed market object of the rate reset."""
        return self.seen.value(self.terms.text("marketObjectCodeOfRateReset"), t, self.id)

    def RR(self, s: State, event: Event) -> float:
        """STF_RR_PAM: the market rate times multiplier plus spread, within period and lifetime bounds."""
        self.accrue(s, event.calculated)
        rate = self.market_rate(event.scheduled) * self.terms.amount("rateMultiplier", 1.0)
        s.Ipnr = self.bounded(s.Ipnr, rate + self.reset_spread(event))
        return 0.0

    def reset_spread(self, event: Event) -> float:
        return self.terms.amount("rateSpread")

    def bounded(self, old: float, new: float) -> float:
        """`new` after periodFloor and periodCap on the change and lifeFloor and lifeCap on the rate.

        periodFloor is the largest fall, a positive number (data dictionary, RRPF); -0.01 says the same.
        """
        amount, infinity = self.terms.amount, float("inf")
        change = min(max(new - old, -abs(amount("periodFloor", infinity))), amount("periodCap", infinity))
        target = new if change == new - old else old + change
        return min(max(target, amount("lifeFloor", -infinity)), amount("lifeCap", infinity))

    def RRF(self, s: State, event: Event) -> float:
        """STF_RRF_PAM: the rate known before."""
        self.accrue(s, event.calculated)
        s.Ipnr = self.terms.amount("nextResetRate")
        return 0.0

    def SC(self, s: State, event: Event) -> float:
        """STF_SC_PAM: scale by the index over its value at the contract deal date."""
        self.accrue(s, event.calculated)
        term = "scalingIndexAtContractDealDate"
        base = self.terms.number(term)
        if not base:
            raise self.terms.error(term, "scaling needs an index that is not zero")
        index = self.seen.value(self.terms.text("marketObjectCodeOfScalingIndex"), event.scheduled, self.id)
        interest, principal = self.scales
        s.Isc = index / base if interest else s.Isc
        s.Nsc = index / base if principal else s.Nsc
        return 0.0
