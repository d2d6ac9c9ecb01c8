"""What a contract observes: market objects and unscheduled events (section 5, risk factor observer).

A market object is any function of time. A KPI coupon is a rate reset whose market object is a payoff curve of
a KPI, so every contract type with a rate reset can carry one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from finance.actus.errors import ActusError
from finance.settlement.accrual import RATE_ONE
from finance.settlement.payoff_curve import Curve, payoff

MarketObject = Callable[[datetime], float]
"""The value of a risk factor at a time; a rate is a fraction a year (0.05 is 5 %)."""


@dataclass(frozen=True, slots=True)
class Series:
    """Observed `values` of market object `code`, in its unit, as a step function: each holds from its time
    (of `times`) until the next."""

    code: str
    times: tuple[datetime, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, code: str, points: Iterable[tuple[datetime, float]]) -> Series:
        """The series of `points`, (time, value), of market object `code`, in any order; raises ActusError
        if there is none or a time comes twice.
        """
        ordered = sorted(points)
        times = tuple(moment for moment, _ in ordered)
        if not ordered:
            raise ActusError(f"market object {code}: has no values")
        if len(set(times)) != len(times):
            raise ActusError(f"market object {code}: has two values for one time")
        return cls(code, times, tuple(value for _, value in ordered))

    def __call__(self, moment: datetime) -> float:
        """The last value at or before `moment`; raises ActusError before the first."""
        after = bisect_right(self.times, moment)
        if after == 0:
            raise ActusError(f"market object {self.code}: no value at or before {moment.isoformat()}")
        return self.values[after - 1]


@dataclass(frozen=True, slots=True)
class KpiRate:
    """The rate that a payoff curve gives for the KPI observed at a time.

    `kpi` gives the KPI in its unit, `decimals` are those in which nodes sign it; `curve` maps the scaled KPI
    to a rate with 1e18 = 100 % a year (finance.settlement.payoff_curve), so the rate is the one that is
    settled on chain.
    """

    curve: Curve
    kpi: MarketObject
    decimals: int = 6

    def __call__(self, moment: datetime) -> float:
        """The rate, a fraction a year, for the KPI at `moment`."""
        return payoff(self.curve, round(self.kpi(moment) * 10**self.decimals)) / RATE_ONE


@dataclass(frozen=True, slots=True)
class Observed:
    """An event that no schedule has, by its `type`: prepayment PP, credit event CE, exercise XD, analysis AD.

    `value` is the amount of a prepayment, in units of the currency; `contract` the contract it happens to,
    by default the one that is evaluated; `performance` the contract performance that a credit event leads to
    (DL, DQ, DF ...).
    """

    type: str
    time: datetime
    value: float = 0.0
    contract: str = ""
    performance: str = ""


@dataclass(frozen=True, slots=True)
class Observations:
    """All that is observed while a contract lives: market objects by code, and events."""

    market: Mapping[str, MarketObject] = field(default_factory=dict)
    events: tuple[Observed, ...] = ()

    def value(self, code: str, moment: datetime, contract: str = "") -> float:
        """The value of market object `code` at `moment`, in its unit; raises ActusError if it is not
        observed: for `contract`.
        """
        if not code or code not in self.market:
            named = f"market object {code}" if code else "a market object"
            raise ActusError(f"{named} is needed at {moment.isoformat()} and not observed", contract=contract)
        try:
            return self.market[code](moment)
        except ActusError as error:
            raise ActusError(error.reason, contract=contract) from None
