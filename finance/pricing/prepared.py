"""A bond made ready to be priced often in closed form: what neither market nor KPIs change is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from finance.pricing.claim import BondClaim
from finance.pricing.engine import ClosedForm, closed_form
from finance.pricing.flows import Flows, deal_flows
from finance.pricing.money import case_flows, expected_flows, stream
from finance.pricing.outlook import Outlook
from finance.pricing.process import BernoulliKpi, KpiProcess
from finance.pricing.processes import BernoulliProcess, NormalProcess, Process
from finance.pricing.value import deal_expectation, first_law
from finance.pricing.yields import RateRisk, Stream, bond_equivalent, checked_yield, earned_yield
from finance.terms.deal import Deal
from finance.terms.problems import InputError


@dataclass(frozen=True)
class ClosedValue:
    """The figures of a Valuation that need no simulation, by the same arithmetic. Prices per 100 of
    principal, rates as fractions a year; `expected_by_period`: money of the whole issue.

    `process` is that of the first report, None for a fixed bond.
    """

    rate: float
    price: float
    case_prices: tuple[float, ...]
    closed_form: ClosedForm
    durations: RateRisk
    expected_yield: float | None
    spread: float | None
    expected_by_period: tuple[float, ...]
    process: KpiProcess | None


@dataclass(frozen=True)
class PreparedBond:
    """A deal's bond: its claim, its flows, what the deal expects of its KPIs (`outlook`), and the money of
    each case (`by_case`)."""

    deal: Deal
    claim: BondClaim
    flows: Flows
    outlook: Mapping[str, Process | KpiProcess]
    by_case: tuple[Stream, ...]

    @classmethod
    def of(cls, deal: Deal, called: int | None = None) -> PreparedBond:
        """To maturity, or `called` on the pay date of a period (from 0). Raises InputError for a deal without
        a bond, or one whose KPI no process here prices."""
        claim = BondClaim.of(deal, called)
        flows = deal_flows(deal, claim)
        by_case = tuple(stream(flows, case_flows(claim, case.values)) for case in claim.cases)
        return cls(deal, claim, flows, deal_expectation(deal), by_case)

    @property
    def coupon(self) -> float:
        """The coupon, at which the bond is discounted when nothing else is said."""
        return float(self.claim.rate)

    def value(self, discount_yield: float | None = None, outlook: Outlook | None = None) -> ClosedValue:
        """What `finance.price` gives for a `discount_yield` (a fraction; default: the coupon) and an outlook,
        to the last digit, without its simulation and tables.

        >>> from finance import load_deal
        >>> bond = PreparedBond.of(load_deal("deals/dc-water-eib-2016.yaml"))
        >>> round(bond.value(0.03).price, 4)
        101.7975
        """
        claim, flows = self.claim, self.flows
        expected = self.outlook if outlook is None else outlook
        rate = checked_yield(self.coupon if discount_yield is None else discount_yield, claim.frequency)
        exact = closed_form(flows, expected)
        money = expected_flows(claim, flows, exact)
        coming = stream(flows, money)
        earned = earned_yield(coming, 100 * float(claim.issue_price) / flows.face)
        return ClosedValue(
            rate=rate,
            price=coming.price(rate),
            case_prices=tuple(case.price(rate) for case in self.by_case),
            closed_form=exact,
            durations=coming.risk(rate),
            expected_yield=earned,
            spread=None if earned is None else earned - bond_equivalent(rate, claim.frequency),
            expected_by_period=tuple(money),
            process=first_law(flows, expected),
        )


def changed(process: Process | KpiProcess, mean: float | None, sd: float | None) -> Process | KpiProcess:
    """The same kind of process with another mean or sd; raises InputError where it has none to change."""
    if isinstance(process, BernoulliKpi | BernoulliProcess):
        if sd is not None:
            raise InputError("kpi_sd: a yes or no has a chance (kpi_mean), and no sd of its own")
        return replace(process, probability=process.probability if mean is None else mean)
    if isinstance(process, NormalProcess):
        text = f"normal, moving by {process.trend:g} a year"
        return replace(
            process,
            mean=process.mean if mean is None else mean,
            sd=process.sd if sd is None else sd,
            description=text,
        )
    if not hasattr(process, "moved"):
        raise InputError(f"kpi_mean, kpi_sd: a KPI that is {process.description} cannot be moved by them")
    old: Any = process
    moved: KpiProcess = old.moved(old.mean if mean is None else mean, old.sd if sd is None else sd)
    return moved
