"""unit-value/1: what one unit of a bond's claim token has been worth since issue, at the end of the period.

The number is that of finance.pricing.worth: what a unit was paid by then, in integers, and the closed
form of what is still to be paid, discounted at the coupon. A node has the deal file and a table of the
settled reports of the KPIs that the bond hangs on; it needs no chain. The bundle holds both.

Only what is to come is a float, and it is rounded once, with the sum, half to even to the KPI's decimals.
Two machines may differ in its last bits, and so the KPI by one unit of its last decimal where these decide
the rounding: a `max_spread` of one such unit, the least there is, allows it. Who recomputes
allows a rounding of any worth that is no more than the tolerance off.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from finance.pricing.prepared import PreparedBond
from finance.pricing.worth import Settled, settled_by, stated_reports, unit_value
from finance.settlement.terms import feed_terms
from finance.terms import InputError, load_deal, parse_deal
from finance.terms.reader import read_deal_json
from oracle.config import ConfigError, Section
from oracle.evidence import COMMON_FILES, Bundle, EvidenceError
from oracle.kpi import KpiError, kpi_text, to_decimal, to_integer
from oracle.methods.base import (
    About,
    Inputs,
    Measurement,
    Method,
    MethodError,
    NodeData,
    Preparation,
    Watched,
    about_of,
    compare,
)
from oracle.methods.reported import Reader
from oracle.methods.reported_table import last_day
from oracle.methods.settled_table import read_settled, read_settled_file, settled_text

DEAL_FILE = "deal.json"
SETTLED_FILE = "settled.csv"


class UnitValueData(Section):
    """`deal`: the deal file; `settled`: the node's own table kpi,period,settled_at,value."""

    deal: Path
    settled: Path
    reader: Reader


class UnitValueMethod(Method):
    """The worth of a unit; see the module's docstring."""

    id = "unit-value/1"
    description = (
        "What one unit of the bond's token was paid by the end of the period's last day, exact, and the "
        "expected value of what is still to be paid, in closed form from the deal's terms and the reports "
        "settled by then, discounted at the coupon; rounded once, half to even, to the KPI's decimals."
    )
    twin = "deal-terms"
    twin_version = "1.0.0"
    tolerance = Decimal("1e-6")
    files = frozenset((*COMMON_FILES, DEAL_FILE, SETTLED_FILE))
    section = UnitValueData
    options = frozenset({"settled"})

    def engine(self) -> str:
        return "Penstock"

    def open(self, data: UnitValueData) -> UnitValueMeter:
        return UnitValueMeter(self, data)

    def compute(self, about: About, *inputs: Any, **options: Any) -> Measurement:
        """inputs: bond (PreparedBond), settled reports (Settled), start, end of the period [unix seconds].
        options: `claimed`, a value that stands if it is within the tolerance."""
        bond, settled, start, end = inputs
        self._check_feed(bond, about, start, end)
        day = last_day(end)
        try:
            used = settled_by(bond, settled, day)
            found = unit_value(bond, used, day)
            value = to_integer(found.worth, about.decimals)
        except (InputError, KpiError) as error:
            raise MethodError(str(error)) from None
        claimed = options.get("claimed", value)
        half = to_decimal(5, about.decimals + 1)
        if (
            claimed != value
            and abs(to_decimal(claimed, about.decimals) - found.worth) > half + self.tolerance
        ):
            raise MethodError(f"value = {claimed}, but its own raw data give {value}")
        return self.bundle(
            about,
            claimed,
            (start, end),
            texts={DEAL_FILE: bond.deal.canonical_json, SETTLED_FILE: settled_text(used, bond.deal.kpis)},
            parameters={
                "parameters": {"decimals": about.decimals, "discount_yield": str(bond.claim.rate)},
                "terms_hash": bond.deal.terms_hash,
            },
            results={
                "value": str(claimed),
                "reads": kpi_text(claimed, about.decimals),
                "day": day.isoformat(),
                "paid": str(found.paid),
            },
        )

    def _check_feed(self, bond: PreparedBond, about: About, start: int, end: int) -> None:
        """Raises MethodError unless the deal has this KPI, by this method, with this period."""
        deal, where = bond.deal, f"{bond.deal.id}: kpi = {about.kpi}"
        if about.kpi not in deal.oracle or deal.oracle[about.kpi].method != self.id:
            raise MethodError(f"{where}: the deal has none that is reported by {self.id}")
        if about.kpi in bond.claim.kpis:
            raise MethodError(f"{where}: the bond hangs on it, so it cannot be what the bond is worth")
        feed = feed_terms(deal, about.kpi)
        if feed.decimals != about.decimals:
            raise MethodError(f"{where}: has {feed.decimals} decimals, not {about.decimals}")
        if (start, end) not in zip(feed.period_starts, feed.period_ends, strict=True):
            raise MethodError(f"{where}: has no period from {start} to {end}")

    def recompute(self, bundle: Bundle) -> int:
        """As Method; the value that the raw data give here, which the bundle's need not be to the unit."""
        compare(bundle, self._again(bundle, claimed=bundle.context.value))
        return self.raw_value(bundle)

    def raw_value(self, bundle: Bundle) -> int:
        return self._again(bundle).value

    def _again(self, bundle: Bundle, **options: Any) -> Measurement:
        self.parameters_of(bundle)
        context = bundle.context
        try:
            deal = parse_deal(read_deal_json(bundle.files[DEAL_FILE], DEAL_FILE), DEAL_FILE)
            bond = PreparedBond.of(deal)
            settled = read_settled(bundle.text(SETTLED_FILE), SETTLED_FILE, deal.kpis)
        except (InputError, EvidenceError) as error:
            raise MethodError(" ".join(str(error).split())) from None
        start, end = context.period_start, context.period_end
        return self.compute(about_of(bundle), bond, settled, start, end, **options)

    def inputs(self, bundle: Bundle) -> Inputs:
        return Inputs({"deal": bundle.files[DEAL_FILE], "settled": bundle.files[SETTLED_FILE]}, {})

    def forged(self, results: dict[str, Any], value: int, lie: float) -> dict[str, Any]:
        places = len(results["reads"].partition(".")[2])
        return {**results, "value": str(value), "reads": str(to_decimal(value, places))}

    def prepare(self, wanted: Preparation) -> Callable[[int], NodeData]:
        """The deal, and the reports in the file of the option `settled`, or those that the deal states."""
        deal = wanted.deal
        if deal is None:
            raise InputError(f"deal: is required by {self.id}")
        given, kpis = wanted.options.get("settled"), PreparedBond.of(deal).claim.kpis
        settled: Settled = (
            stated_reports(deal, kpis) if given is None else read_settled_file(Path(given), deal.kpis)
        )
        files = {DEAL_FILE: deal.canonical_json, SETTLED_FILE: settled_text(settled, deal.kpis)}

        def node(index: int) -> NodeData:
            section = {"deal": DEAL_FILE, "settled": SETTLED_FILE, "reader": {"id": f"reader-{index}"}}
            return NodeData(files, section)

        return node


class UnitValueMeter:
    """One node's deal file and table. Raises ConfigError when they cannot be used."""

    def __init__(self, method: UnitValueMethod, data: UnitValueData) -> None:
        self._method, self._data = method, data
        self._bond = self._read_bond()
        self._settled = Watched([data.settled], self._read_settled)
        self._settled.get()

    @property
    def gauge(self) -> str:
        return self._data.reader.id

    def measure(self, about: About, start: int, end: int) -> Measurement:
        return self._method.compute(about, self._bond, self._settled.get(), start, end)

    def _read_bond(self) -> PreparedBond:
        try:
            return PreparedBond.of(load_deal(self._data.deal))
        except InputError as error:
            raise ConfigError(f"deal: {' '.join(str(error).split())}") from None

    def _read_settled(self) -> Settled:
        try:
            return read_settled_file(self._data.settled, self._bond.deal.kpis)
        except InputError as error:
            raise ConfigError(f"settled: {error}") from None
