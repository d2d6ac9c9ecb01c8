"""What one unit of a bond's claim token has been worth since issue, on a day.

    worth = what the unit was paid by the end of the day + model value of what is still to be paid

What was paid is exact (finance.settlement.bond); what is to come is the closed form of `live_value`, given
the reports that were settled by then. A payment moves money from one term to the other, so the price of a
unit now is this less what the token has earned per unit by now, whether a payment comes before or after.

It is of a bond that is served on time, sold in full and runs to its maturity. Of fewer units a distribution
may give a unit another minor unit, which the next evens out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from finance.pricing.live import LiveValue, Realised, fixing_rules, live_value
from finance.pricing.outlook import Outlook
from finance.pricing.prepared import PreparedBond
from finance.settlement.bond import fixed, payments
from finance.settlement.terms import feed_terms, integer
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.schedule import day_after, unix


@dataclass(frozen=True)
class SettledReport:
    """A report that can change no more. at: since when [unix seconds]; value: times 10^decimals of the KPI,
    None where it is missing."""

    at: int
    value: int | None


Settled = Mapping[tuple[str, int], SettledReport]
"""Settled reports by KPI and period (from 0, as on chain)."""


@dataclass(frozen=True)
class UnitValue:
    """One unit at the end of `day`, in units of the currency. paid: by then, exact; coming: model value of
    the rest; live: the bond itself, per 100 outstanding."""

    day: date
    paid: Decimal
    coming: float
    live: LiveValue

    @property
    def worth(self) -> Decimal:
        """Both together; what is to come counts at its shortest decimal form, and nothing is rounded."""
        return self.paid + Decimal(repr(self.coming))


def unit_value(
    bond: PreparedBond,
    settled: Settled,
    day: date,
    rate: float | None = None,
    outlook: Outlook | None = None,
) -> UnitValue:
    """The worth of one unit since issue at the end of `day`; a payment of that day is paid.

    `settled` as in `settled_by`; `rate` and `outlook` as in `live_value`: the yield is the coupon unless said
    otherwise. Raises InputError, also where what was due hangs on a report that was not settled.

    >>> from finance import load_deal
    >>> bond = PreparedBond.of(load_deal("deals/hksar-tokenised-green-bond-2023.yaml"))
    >>> f"{unit_value(bond, {}, bond.flows.start).worth:.2f}"  # at its coupon it is worth its denomination
    '10000.00'
    """
    known = {
        key: report.value for key, report in settled_by(bond, settled, day).items() if _is_by(report, day)
    }
    live = live_value(bond, known, day, rate, outlook)
    coming = 0.0 if live.dirty is None else live.dirty / 100 * live.outstanding / bond.claim.terms.hard_cap
    return UnitValue(day, _paid(bond, known, day), coming, live)


def settled_by(bond: PreparedBond, settled: Settled, day: date) -> dict[tuple[str, int], SettledReport]:
    """The reports of `settled` on which the bond's value at the end of `day` hangs, in order.

    Those are what was settled by then, and what was late: a report that would be missing by then, but for a
    dispute, must be there with the later time of its settlement. So two people who give a value differ only
    if one of them left out a report. Raises InputError for one that is required and not there, that is none
    of the bond's, or that cannot be.
    """
    feeds = {feed.kpi: feed for feed in bond.claim.terms.feeds}
    found = {}
    for (kpi, period), report in sorted(settled.items()):
        where, feed = f"report of {kpi}, period {period + 1}", feeds.get(kpi)
        if feed is None or not 0 <= period < len(feed.period_ends):
            raise InputError(
                f"{where}: the bond of {bond.deal.id} hangs on none (known: {', '.join(feeds) or 'none'})"
            )
        if report.at < feed.period_ends[period]:
            raise InputError(f"{where}: settled before the period's end")
        if report.value is not None and not feed.min_value <= report.value <= feed.max_value:
            raise InputError(f"{where}: outside the KPI's bounds")
        if _is_by(report, day) or feed.missing_at(period) <= _end(day):
            found[kpi, period] = report
    for kpi, feed in feeds.items():
        for period in range(len(feed.period_ends)):
            if (kpi, period) not in found and feed.missing_at(period) <= _end(day):
                raise InputError(
                    f"report of {kpi}, period {period + 1}: is required: by the end of {day} it is final or "
                    "missing, or in dispute and settled later"
                )
    return found


def stated_reports(deal: Deal, kpis: Iterable[str]) -> dict[tuple[str, int], SettledReport]:
    """The `reported_values` of the deal file for `kpis`, as if each had been reported when its period ended,
    and nobody had disputed it."""
    found = {}
    for kpi in dict.fromkeys(kpis):
        stated, feed = deal.kpis[kpi].reported_values, feed_terms(deal, kpi)
        for period, value in enumerate(stated.value if stated else ()):
            at = feed.period_ends[period] + feed.dispute_window
            found[kpi, period] = SettledReport(at, integer(value, feed.decimals))
    return found


def _paid(bond: PreparedBond, known: Realised, day: date) -> Decimal:
    """What a unit was paid by the end of `day`, to the minor unit."""
    terms, reports = bond.claim.terms, []
    for rule, fixing in fixing_rules(bond):
        key, due = (rule.kpi, fixing.kpi_period), bond.flows.periods[fixing.first].end
        if key not in known and due <= day:
            raise InputError(
                f"report of {rule.kpi}, period {fixing.kpi_period + 1}: is not settled by the end of {day}, "
                f"and the payment of {due} hangs on it"
            )
        reports.append(known.get(key))  # what is not known bends nothing that was paid
    last = len(terms.periods) - 1
    made = payments(terms, terms.hard_cap, fixed(terms, reports))
    total = sum(p.per_unit for p in made if terms.periods[min(p.index, last)].pay_date < _end(day))
    return Decimal(total).scaleb(-terms.currency_decimals)


def _is_by(report: SettledReport, day: date) -> bool:
    return report.at <= _end(day)


def _end(day: date) -> int:
    return unix(day_after(day))
