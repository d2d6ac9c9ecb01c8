"""CEG, guarantee, and CEC, collateral: what a credit event of covered contracts makes due (7.17, 7.18)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from finance.actus.core import Contract, Event, State, child_terms, contract
from finance.actus.dates import schedule
from finance.actus.errors import ActusError
from finance.actus.fees import Fees
from finance.actus.market import Observed
from finance.actus.terms import Terms

EXPOSURES: Final = ("NO", "NI", "MV")
"""What is covered: nominal value, nominal plus accrued interest, or market value."""


class Enhancement(Contract):
    """What guarantee and collateral share: the covered contracts, the credit event, exercise, settlement."""

    @cached_property
    def covered(self) -> list[tuple[str, Contract | None, Mapping[str, Any]]]:
        """(id, contract if given in full, reference) of every covered contract."""
        found: list[tuple[str, Contract | None, Mapping[str, Any]]] = []
        for kind, reference in child_terms(self.terms, "COVE"):
            child = contract(reference, self.seen, self.horizon) if kind == "CNT" else None
            found.append((Terms(reference).contract, child, reference))
        return found

    def maturity(self) -> datetime | None:
        """MD, else the last event of the covered contracts, be it beyond the horizon."""
        given = self.terms.time("maturityDate")
        if given is not None:
            return given
        return max((c.life[-1].time for _, c, _ in self.covered if c and c.life), default=None)

    @cached_property
    def credit_event(self) -> Observed | None:
        """The first credit event of a covered contract, of a covered type, up to and on Md."""
        types = self.terms.texts("creditEventTypeCovered") or ["DF"]
        names = [name for name, _, _ in self.covered]
        events = [e for e in self.observed("CE", names) if e.performance in types and e.time <= self.Md]
        return events[0] if events else None

    @cached_property
    def exercised(self) -> datetime | None:
        """t^XD: the term exerciseDate, or the credit event."""
        given = self.terms.time("exerciseDate")
        return given or (self.credit_event.time if self.credit_event else None)

    def schedule(self) -> Iterable[Event]:
        yield from self.own_events()
        if self.exercised is None:
            yield from self.at("MD", self.Md)
        else:
            yield from self.at("XD", self.exercised)
            yield from self.cyclic("STD", [self.terms.plus("settlementPeriod", self.exercised)])

    def within(self, event: Event) -> bool:
        # What an exercise within the horizon makes due is settled, even beyond it.
        if event.type == "STD" and self.exercised is not None and self.horizon is not None:
            return self.exercised <= self.horizon
        return super().within(event)

    def exposure(self, t: datetime) -> float:
        """coverageOfCreditEnhancement times what the covered contracts are worth at `t`, unsigned."""
        coverage = self.terms.amount("coverageOfCreditEnhancement", 1.0)
        given = self.terms.number("notionalPrincipal")
        if given is not None:
            return coverage * given
        return coverage * sum(self.child_value(name, child, ref, t) for name, child, ref in self.covered)

    def child_value(
        self, name: str, child: Contract | None, reference: Mapping[str, Any], t: datetime
    ) -> float:
        """n_i: what one covered contract is owed at `t`; on the day of its default before what follows it."""
        kind = self.terms.choice("guaranteedExposure", EXPOSURES, "NO")
        if kind == "MV":
            return self.seen.value(Terms(reference).text("marketObjectCode"), t, name)
        if child is None:
            raise ActusError(
                f"covers contract {name} by reference: give it in full, or notionalPrincipal",
                contract=self.id,
            )
        state = child.state_at(t, before="CE" if t == self.exercised else "")
        return child.sign * (state.Nt + (state.Ipac if kind == "NI" else 0.0))

    def initial(self) -> State:
        s = State(Sd=self.status_date, Md=self.Md, Prf=self.terms.text("contractPerformance", "PF"))
        s.Xd, s.Xa = self.terms.time("exerciseDate"), self.terms.amount("exerciseAmount")
        s.Nt = self.first_principal()
        return s

    def first_principal(self) -> float:
        """Nt(t0), signed; a market value matters only from the events that price it."""
        if self.terms.text("guaranteedExposure") == "MV":
            return 0.0
        return self.principal(self.status_date)

    def principal(self, t: datetime) -> float:
        """Nt at `t`, signed."""
        return self.sign * self.exposure(t)

    def MD(self, s: State, event: Event) -> float:
        """STF_MD_CEG."""
        self.accrue(s, event.calculated)
        s.Nt = 0.0
        return 0.0

    def XD(self, s: State, event: Event) -> float:
        """STF_XD_CEG, STF_XD_CEC: Nt becomes what is covered, Xa what of it will be paid."""
        self.accrue(s, event.calculated)
        s.Nt = self.principal(event.scheduled)
        s.Xa = self.payable(s.Nt, event.scheduled)
        s.Xd = event.time
        return 0.0

    def payable(self, covered: float, t: datetime) -> float:
        """Xa for a covered exposure, signed, at `t`."""
        return covered

    def STD(self, s: State, event: Event) -> float:
        """POF_STD_CEG, and POF_STD_CEC, whose collateral has no fees."""
        payoff = s.Xa + s.Feac
        s.Nt = s.Feac = 0.0
        s.Sd = event.calculated
        return payoff


class Ceg(Fees, Enhancement):
    """Guarantee: the guarantor (SEL) pays the covered exposure after a credit event, against fees."""

    type = "CEG"

    def schedule(self) -> Iterable[Event]:
        yield from super().schedule()
        times = [t for t in self.fee_times if self.exercised is None or t <= self.exercised]
        yield from self.cyclic("FP", times)

    @property
    def fee_start(self) -> datetime | None:
        return self.terms.time("purchaseDate")

    @cached_property
    def fee_times(self) -> list[datetime]:
        """t^FP up to Md. A credit event cuts the last period short; it makes no stub of it."""
        step, first = self.terms.cycle("cycleOfFee"), self.terms.time("cycleAnchorDateOfFee")
        if step is None or self.exercised is None or not self.FER:
            return super().fee_times
        if first is None and self.fee_start is not None:
            first = step.after(self.fee_start)
        step = replace(step, long_stub=False)
        return schedule(first, step, self.Md, include_end=True, month_ends=self.month_ends)

    def first_principal(self) -> float:
        purchase = self.terms.time("purchaseDate")
        if purchase is not None and purchase > self.status_date:
            return 0.0
        if self.FER and self.FEB == "N":  # the fee accrues on it
            return self.principal(self.status_date)
        return super().first_principal()

    def initial(self) -> State:
        s = super().initial()
        s.Feac = self.fee_at_start(s)
        return s

    def accrue(self, s: State, t: datetime) -> None:
        if self.FER:
            s.Feac = self.fee_accrued(s, t)
        s.Sd = t

    def PRD(self, s: State, event: Event) -> float:
        """POF_PRD_STK, STF_PRD_CEG."""
        self.accrue(s, event.calculated)
        s.Nt = self.principal(event.scheduled)
        return -self.sign * self.price("priceAtPurchaseDate")

    def TD(self, s: State, event: Event) -> float:
        """POF_TD_STK; the cover ends."""
        self.accrue(s, event.calculated)
        s.Nt = s.Feac = 0.0
        return self.sign * self.price("priceAtTerminationDate")

    def FP(self, s: State, event: Event) -> float:
        """POF_FP_CEG, STF_FP_CEG: the cover is measured anew."""
        payoff = super().FP(s, event)
        s.Nt = self.principal(event.scheduled)
        return payoff


class Cec(Enhancement):
    """Collateral: after a credit event the covered exposure is due, at most what the collateral is worth."""

    type = "CEC"

    def payable(self, covered: float, t: datetime) -> float:
        """At most the market value of the covering contracts."""
        worth = 0.0
        for _, what in child_terms(self.terms, "COVI"):
            terms = Terms(what)
            price = self.seen.value(terms.text("marketObjectCode"), t, self.id)
            worth += terms.amount("quantity", 1.0) * price
        return self.sign * min(worth, self.sign * covered)

    def AD(self, s: State, event: Event) -> float:
        """STF_AD_CEC."""
        super().AD(s, event)
        s.Nt = self.principal(event.scheduled)
        return 0.0
