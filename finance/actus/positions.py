"""CSH, cash, and STK, stock (sections 7.8 and 7.9); COM, commodity, as what collateral is made of (7.10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from finance.actus.core import Contract, Event, State
from finance.actus.dates import schedule


class Csh(Contract):
    """Cash: a position that only analysis events look at."""

    type = "CSH"

    def schedule(self) -> Iterable[Event]:
        for e in self.observed("AD"):
            yield from self.at("AD", e.time)

    def initial(self) -> State:
        amount = self.terms.need("notionalPrincipal", self.terms.number("notionalPrincipal"))
        return State(Sd=self.status_date, Nt=self.sign * amount)


class Traded(Contract):
    """A position bought at PRD and sold at TD, at prices that include everything."""

    def initial(self) -> State:
        return State(Sd=self.status_date, Prf=self.terms.text("contractPerformance", "PF"))

    def schedule(self) -> Iterable[Event]:
        yield from self.own_events()

    def PRD(self, s: State, event: Event) -> float:
        """POF_PRD_STK."""
        s.Sd = event.calculated
        return -self.sign * self.price("priceAtPurchaseDate")

    def TD(self, s: State, event: Event) -> float:
        """POF_TD_STK."""
        s.Sd = event.calculated
        return self.sign * self.price("priceAtTerminationDate")


class Stk(Traded):
    """Stock: bought at PRD, sold at TD, dividends in between, up to the horizon."""

    type = "STK"

    def schedule(self) -> Iterable[Event]:
        yield from super().schedule()
        yield from self.dividends()

    def dividends(self) -> list[Event]:
        """DV by the dividend cycle up to the horizon; the first is nextDividendPaymentAmount if given."""
        step, anchor = self.terms.cycle("cycleOfDividend"), self.terms.time("cycleAnchorDateOfDividend")
        known = self.terms.number("nextDividendPaymentAmount")
        if anchor is None:
            return []
        end = self.terms.time("terminationDate") or self.horizon
        if step is None:
            return self.cyclic("DV", [anchor], known)
        if end is None:
            raise self.terms.error("cycleOfDividend", "dividends need a horizon or a termination date")
        # The horizon is not the contract's end: a dividend may fall on it, and there is no stub.
        times = schedule(
            anchor,
            replace(step, long_stub=False),
            end + timedelta(seconds=1),
            include_end=False,
            month_ends=self.month_ends,
        )
        return [
            event
            for number, t in enumerate(times)
            for event in self.cyclic("DV", [t], known if number == 0 else None)
        ]

    def DV(self, s: State, event: Event) -> float:
        """POF_DV_STK: the known dividend, or the observed one."""
        s.Sd = event.calculated
        if event.detail is not None:
            return self.sign * float(event.detail)
        code = self.terms.text("marketObjectCodeOfDividends", f"{self.id}-DV")
        return self.sign * self.seen.value(code, event.scheduled, self.id)


class Com(Traded):
    """Commodity: a quantity that is bought and sold at prices for one unit."""

    type = "COM"

    def PRD(self, s: State, event: Event) -> float:
        return self.terms.amount("quantity", 1.0) * super().PRD(s, event)

    def TD(self, s: State, event: Event) -> float:
        return self.terms.amount("quantity", 1.0) * super().TD(s, event)
