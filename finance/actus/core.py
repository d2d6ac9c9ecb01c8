"""The shared core of all contract types: events, states, and the machine that runs them.

A contract type is a class with a schedule and one method per event type, named as the event. The method is
the event's payoff function and state transition function in one: it changes the state and returns the payoff
(ACTUS Technical Specifications 1.1, sections 2.5 to 2.10).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Final

from finance.actus.dates import CALENDAR_NAMES, CALENDARS, SHIFTS, BusinessDays, schedule
from finance.actus.day_count import YearFraction, year_fraction
from finance.actus.errors import ActusError
from finance.actus.market import Observations, Observed
from finance.actus.terms import Terms

_ORDER: Final = (
    "IED", "FP", "PR", "PI", "PY", "PP", "IP", "IPFX", "IPFL", "IPCI", "CE", "RRF", "RR", "PRF", "DV", "PRD",
    "TD", "SC", "IPCB", "MD", "XD", "STD", "AD",
)  # fmt: skip
SEQUENCE: Final = {name: place for place, name in enumerate(_ORDER)}
"""The order of events at one time: the event dictionary's, with PRF after the rate it follows."""


@dataclass(slots=True)
class State:
    """State variables (state dictionary). Amounts are signed: a claim is positive, a debt negative.

    Sd status date, Md maturity, Nt notional principal, Ipnr nominal interest rate a year, Ipac and Ipac2
    accrued interest (of a swap's second leg), Feac accrued fees, Nsc and Isc scaling multipliers of principal
    and interest, Prnxt next principal redemption payment, Ipcb interest calculation base, Prf contract
    performance, Xd and Xa exercise date and amount.
    """

    Sd: datetime
    Md: datetime | None = None
    Nt: float = 0.0
    Ipnr: float = 0.0
    Ipac: float = 0.0
    Ipac2: float = 0.0
    Feac: float = 0.0
    Nsc: float = 1.0
    Isc: float = 1.0
    Prnxt: float = 0.0
    Ipcb: float = 0.0
    Prf: str = "PF"
    Xd: datetime | None = None
    Xa: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """A scheduled event, and its three times (sections 3.1 and 3.4; event dictionary, scheduleTime).

    It happens at `time`, the business day; accruals run to `calculated`, before or after the shift as the
    convention says; what is observed is observed at `scheduled`, the time that the schedule names.
    """

    type: str
    time: datetime
    calculated: datetime
    scheduled: datetime
    place: int
    detail: Any = field(default=None, compare=False)

    @property
    def order(self) -> tuple[datetime, int]:
        return self.time, self.place


@dataclass(frozen=True, slots=True)
class Flow:
    """An event that has happened: its `type` (event dictionary), its `payoff` in `currency`, and the
    state just after it.
    """

    type: str
    time: datetime
    payoff: float
    currency: str
    state: State


class Contract(ABC):
    """One contract: its terms, what it observes, and the horizon up to which an endless one is followed.

    Raises ActusError for terms that cannot be used; most are read when they are needed.
    """

    type: ClassVar[str]
    ends_with: ClassVar[tuple[str, ...]] = ("TD", "MD", "STD")
    """The events that end the contract's life, whichever comes first (section 2.10)."""

    def __init__(self, terms: Terms, seen: Observations, horizon: datetime | None = None) -> None:
        self.terms, self.seen, self.horizon = terms, seen, horizon
        self.id = terms.contract
        self.sign = terms.role_sign
        self.status_date = terms.need("statusDate", terms.time("statusDate"))
        self.days = BusinessDays(
            terms.choice("calendar", CALENDARS, "NC", CALENDAR_NAMES),
            terms.choice("businessDayConvention", SHIFTS, "NULL"),
        )
        self.month_ends = terms.choice("endOfMonthConvention", ("SD", "EOM"), "SD") == "EOM"
        self.currency = terms.text("currency")

    # What a contract type is made of

    @abstractmethod
    def schedule(self) -> Iterable[Event]:
        """All events of the contract's life, in any order."""

    @abstractmethod
    def initial(self) -> State:
        """The state as of the status date t0."""

    def maturity(self) -> datetime | None:
        """Md(t0); None for a contract without one."""
        return self.terms.time("maturityDate")

    def accrue(self, s: State, t: datetime) -> None:
        """Bring accrued amounts to `t` and set the status date."""
        s.Sd = t

    # Events that every type has

    def AD(self, s: State, event: Event) -> float:
        """Analysis: the state as of this time."""
        self.accrue(s, event.calculated)
        return 0.0

    def CE(self, s: State, event: Event) -> float:
        """Credit event: the contract performance changes."""
        self.accrue(s, event.calculated)
        s.Prf = event.detail or s.Prf
        return 0.0

    # Helpers for schedules

    @cached_property
    def Md(self) -> datetime:
        """The maturity, which the contract type must have."""
        return self.terms.need("maturityDate", self.maturity())

    @cached_property
    def Y(self) -> YearFraction:
        """Year fractions by the contract's day count."""
        name = self.terms.need("dayCountConvention", self.terms.text("dayCountConvention") or None)
        try:
            return year_fraction(name, self.days, self.terms.time("maturityDate"))
        except ValueError as error:
            raise self.terms.error("dayCountConvention", str(error)) from None

    def at(
        self, kind: str, moment: datetime | None, detail: Any = None, *, shift: bool = False
    ) -> list[Event]:
        """An event at `moment` (none if it is None), moved to a business day if `shift`."""
        if moment is None:
            return []
        when = (self.days.shift(moment), self.days.calculated(moment)) if shift else (moment, moment)
        return [Event(kind, *when, moment, SEQUENCE[kind], detail)]

    def cyclic(self, kind: str, times: Iterable[datetime], detail: Any = None) -> list[Event]:
        """An event on the business day of each of `times`."""
        return [event for moment in times for event in self.at(kind, moment, detail, shift=True)]

    def times(
        self,
        anchor: str,
        cycle: str,
        end: datetime,
        *,
        include_end: bool = True,
        start: datetime | None = None,
    ) -> list[datetime]:
        """Times from the terms `anchor` and `cycle` until `end`; without an anchor from `start` + cycle."""
        step, first = self.terms.cycle(cycle), self.terms.time(anchor)
        if first is None and step is not None and start is not None:
            first = step.after(start)
        return schedule(first, step, end, include_end=include_end, month_ends=self.month_ends)

    def past(self, moment: datetime) -> bool:
        """Whether a cyclic event scheduled at `moment` has happened by t0: only later ones follow (2.3)."""
        return self.days.shift(moment) <= self.status_date

    def last_past(self, times: Iterable[datetime]) -> datetime | None:
        """The time for which the last of the events at `times` that t0 has behind it was calculated."""
        return max((self.days.calculated(t) for t in times if self.past(t)), default=None)

    def observed(self, kind: str, contracts: Iterable[str] | None = None) -> list[Observed]:
        """Observed events of one type, after t0, of this contract or of `contracts`, in order of time."""
        names = {self.id, ""} if contracts is None else set(contracts)
        found = [e for e in self.seen.events if e.type == kind and e.contract in names]
        return sorted((e for e in found if self.ahead(kind, e.time)), key=lambda e: e.time)

    def ahead(self, kind: str, t: datetime) -> bool:
        """Whether an event at `t` is to come: after t0 (section 2.3), or analysis as of t0 (7.1, AD)."""
        return t > self.status_date or (kind == "AD" and t == self.status_date)

    def own_events(self) -> list[Event]:
        """Purchase, termination, analysis and credit events, which every contract may have."""
        events = self.at("PRD", self.terms.time("purchaseDate"))
        events += self.at("TD", self.terms.time("terminationDate"))
        for e in self.observed("AD"):
            events += self.at("AD", e.time)
        for e in self.observed("CE"):
            events += self.at("CE", e.time, e.performance)
        return events

    # Helpers for payoffs

    def price(self, term: str) -> float:
        """The price in `term`, which the contract must have."""
        return self.terms.need(term, self.terms.number(term))

    def exchange_rate(self, t: datetime) -> float:
        """X(t): units of the settlement currency for one of the contract's (section 3.10)."""
        settled = self.terms.text("settlementCurrency")
        if not settled or settled == self.currency:
            return 1.0
        return self.seen.value(f"{self.currency}/{settled}", t, self.id)

    @property
    def settled_in(self) -> str:
        return self.terms.text("settlementCurrency") or self.currency

    # The machine

    @cached_property
    def life(self) -> list[Event]:
        """The events after t0 in order, from IED to the end of life (section 2.10)."""
        events = sorted((e for e in self.schedule() if self.ahead(e.type, e.time)), key=lambda e: e.order)
        started = next((e.order for e in events if e.type == "IED"), None)
        if started is not None:
            events = [e for e in events if e.order >= started or e.type in ("AD", "PRD")]
        ended = next((e.order for e in events if e.type in self.ends_with), None)
        if ended is not None:
            events = [e for e in events if e.order <= ended]
        return events

    @cached_property
    def events(self) -> list[Event]:
        """The events of the contract's life that the horizon lets us see."""
        return [e for e in self.life if self.within(e)]

    def within(self, event: Event) -> bool:
        """Whether `event` lies within the horizon."""
        return self.horizon is None or event.time <= self.horizon

    def steps(self) -> Iterator[tuple[Event, float, State]]:
        """Every event with its payoff and the state after it; the state is the same object throughout."""
        state = self.initial()
        for event in self.events:
            method = getattr(self, event.type, None)
            if method is None:
                raise ActusError(f"{self.type} has no event {event.type}", contract=self.id)
            amount = method(state, event)
            yield event, amount * self.exchange_rate(event.scheduled) if amount else 0.0, state

    def flows(self) -> list[Flow]:
        """The contract's events with payoffs and states. A buyer sees only analysis before the purchase date.

        Raises ActusError for terms that cannot be used, and for what is needed and not observed.
        """
        try:
            bought = next((e.order for e in self.events if e.type == "PRD"), None)
            return [
                Flow(event.type, event.time, amount, self.settled_in, replace(state))
                for event, amount, state in self.steps()
                if bought is None or event.order >= bought or event.type == "AD"
            ]
        except (OverflowError, ZeroDivisionError) as error:
            raise ActusError(f"cannot be evaluated: {error}", contract=self.id) from None

    def state_at(self, t: datetime, before: str = "") -> State:
        """U^sv (section 6): the state at `t`, after every event up to it, with accruals brought to `t`.

        With `before`, an event type, without what the sequence of events puts after it at `t`.
        """
        state, until = self.initial(), (t, SEQUENCE.get(before, len(SEQUENCE)))
        for event in self.life:
            if event.order > until:
                break
            getattr(self, event.type)(state, event)
        if t != state.Sd:
            self.accrue(state, t)
        return state


CONTRACT_TYPES: Final[dict[str, type[Contract]]] = {}
"""The types there are, by name; finance.actus.contracts lists them."""


def contract(
    terms: Mapping[str, Any], seen: Observations | None = None, horizon: datetime | None = None
) -> Contract:
    """The contract with `terms` (data dictionary names), observing `seen` up to `horizon`.

    Raises ActusError for terms that cannot be used, or a contract type that this package does not have.
    """
    read = Terms(terms)
    kind = read.choice("contractType", tuple(CONTRACT_TYPES), "")
    return CONTRACT_TYPES[kind](read, seen or Observations(), horizon)


def child_terms(terms: Terms, role: str) -> list[tuple[str, Mapping[str, Any]]]:
    """(reference type, object) of each reference of one role in the contract structure (section 4).

    Type and role have the dictionary's names, or those of the published contracts.
    """
    found: list[tuple[str, Mapping[str, Any]]] = []
    references = terms.raw("contractStructure") or []
    if not isinstance(references, list):
        raise terms.error("contractStructure", "must be a list of references")
    for reference in references:
        if not isinstance(reference, Mapping) or not isinstance(reference.get("object"), Mapping):
            raise terms.error("contractStructure", "each reference needs an object, a type and a role")
        if reference.get("referenceRole", reference.get("role")) == role:
            found.append((str(reference.get("referenceType", reference.get("type"))), reference["object"]))
    if not found:
        raise terms.error("contractStructure", f"has no reference of role {role}")
    return found
