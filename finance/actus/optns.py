"""OPTNS, option on an observed market object (section 7.15)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from finance.actus.core import Event, State, child_terms
from finance.actus.positions import Traded
from finance.actus.terms import Terms


class Optns(Traded):
    """Option: exercised at MD (European) or when observed before (American, Bermudan), settled after STP."""

    type = "OPTNS"
    ends_with = ("TD", "STD")

    def schedule(self) -> Iterable[Event]:
        yield from self.own_events()
        exercised = self.exercised
        if exercised == self.Md:
            yield from self.at("MD", self.Md)
        yield from self.at("XD", exercised)
        yield from self.cyclic("STD", [self.terms.plus("settlementPeriod", exercised)])

    def within(self, event: Event) -> bool:
        return super().within(event) or (
            event.type == "STD" and (self.horizon is None or self.exercised <= self.horizon)
        )

    @cached_property
    def exercised(self) -> datetime:
        """The exercise date: the term, an observed one before MD unless European, or MD."""
        given = self.terms.time("exerciseDate")
        if given is not None:
            return given
        if self.terms.choice("optionExerciseType", ("E", "A", "B"), "E") != "E":
            early = [e.time for e in self.observed("XD") if e.time <= self.Md]
            if early:
                return early[0]
        return self.Md

    @cached_property
    def underlying(self) -> str:
        """The market object code of the underlying."""
        _, what = child_terms(self.terms, "UDL")[0]
        return Terms(what).text("marketObjectCode")

    def initial(self) -> State:
        s = super().initial()
        s.Xd, s.Xa = self.terms.time("exerciseDate"), self.terms.amount("exerciseAmount")
        return s

    def value(self, t: datetime) -> float:
        """What exercise at `t` is worth to the holder: call C, put P, or both CP."""
        kind = self.terms.choice("optionType", ("C", "P", "CP"), "C")
        price = self.seen.value(self.underlying, t, self.id)
        strike = self.terms.need("optionStrike1", self.terms.number("optionStrike1"))
        if kind == "P":
            return max(strike - price, 0.0)
        put = 0.0
        if kind == "CP":
            put_strike = self.terms.need("optionStrike2", self.terms.number("optionStrike2"))
            put = max(put_strike - price, 0.0)
        return max(price - strike, 0.0) + put

    def TD(self, s: State, event: Event) -> float:
        """Termination at a price that the creator of the record receives, below zero pays (POF_TD_OPTNS)."""
        s.Sd = event.calculated
        return self.price("priceAtTerminationDate")

    def MD(self, s: State, event: Event) -> float:
        """STF_MD_OPTNS: exercised if not done before and in the money."""
        s.Sd = event.calculated
        if s.Xd is None and self.value(event.calculated) > 0:
            s.Xd = event.time
        return 0.0

    def XD(self, s: State, event: Event) -> float:
        """STF_XD_OPTNS."""
        s.Sd = event.calculated
        s.Xa = self.value(event.calculated)
        if event.time < self.Md:
            s.Xd = event.time
        return 0.0

    def STD(self, s: State, event: Event) -> float:
        """POF_STD_OPTNS, STF_STD_OPTNS."""
        s.Sd = event.calculated
        payoff, s.Xa = self.sign * s.Xa, 0.0
        return payoff
