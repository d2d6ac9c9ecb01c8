"""Price a deal: the valuation that analysts read, as numbers, tables and a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from math import hypot, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from finance.pricing.calls import Workout, exercised, least_price, least_yield, matured, puts, workouts
from finance.pricing.claim import BondClaim, Case
from finance.pricing.engine import ClosedForm, MonteCarlo, closed_form, sobol
from finance.pricing.flows import Flows, deal_flows
from finance.pricing.money import case_flows, discount_factors, expected_flows, period_of, stream
from finance.pricing.outlook import Outlook, deal_outlook
from finance.pricing.process import KpiProcess
from finance.pricing.processes import Process
from finance.pricing.sample import load_sample
from finance.pricing.simulate import kpi_time, law
from finance.pricing.yields import RateRisk, bond_equivalent, checked_yield, earned_yield, simple_return
from finance.terms.bond import KpiBond
from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.problems import InputError

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_SEED = 20160929  # the issue date of the DC Water bond; any number will do, it only has to be said
KpiModel = Literal["interval", "twin"]
Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Reading:
    """Yields and simple returns under one reading of the term: fractions a year, one per case, and as
    expected; None where nothing comes back. Simple returns are of bonds repaid at maturity only; else none.
    """

    years: Decimal
    periods: int
    note: str
    yields: tuple[float | None, ...]
    expected_yield: float | None
    simple_returns: tuple[float, ...]
    expected_simple_return: float | None


@dataclass(frozen=True)
class Valuation:
    """What a deal is worth and why. Prices per 100 of principal, money in units of the currency, rates as
    fractions.

    `price` is at the start of interest, to maturity whoever may call the bond before (see `workouts`); `rate`
    the yield it is discounted at, compounded with the coupon;
    `readings` are its returns, one for each reading of the term. `outlook` is what is expected of each KPI;
    `process` that of the first KPI when its first report is made, None for a fixed bond. `case_prices` are
    those of the claim's cases. `payments`: one row per payment, seen by the holders: date, period, kind,
    accrual, money per case as Decimal (`tier_1`, ... or `worst` and `best`) and as expected, and discount
    factor and present value as float.
    """

    deal: Deal
    claim: BondClaim
    flows: Flows
    outlook: Outlook
    process: KpiProcess | None
    rate: float
    closed_form: ClosedForm
    monte_carlo: MonteCarlo
    price: float
    case_prices: tuple[float, ...]
    durations: RateRisk
    readings: tuple[Reading, ...]
    payments: tuple[dict[str, Any], ...]

    @cached_property
    def cashflows(self) -> pd.DataFrame:
        """`payments` as a table."""
        import pandas as pd  # longer to load than a bond to price, and a price needs no table

        return pd.DataFrame(list(self.payments))

    @property
    def tier_prices(self) -> tuple[float, ...]:
        """The price of each tier, if one report's tiers decide everything."""
        return self.case_prices if self.claim.tiered else ()

    @cached_property
    def workouts(self) -> tuple[Workout, ...]:
        """The bond to each day on which its issuer may call it, and to maturity; none for one that cannot be
        called."""
        money = expected_flows(self.claim, self.flows, self.closed_form)
        return workouts(self.claim, self.flows, money, self.rate)

    @cached_property
    def puts(self) -> tuple[Workout, ...]:
        """The bond to each day on which its holders may sell it back; none for one that they cannot."""
        bond = self.deal.only(KpiBond)
        ways = self.deal.linking(bond.token, "can be sold back by")
        prices = [each for key in ways for each in self.deal.parts[key].bought_back]
        money = expected_flows(self.claim, self.flows, self.closed_form)
        return puts(self.claim, self.flows, money, self.rate, prices)

    @cached_property
    def held(self) -> Workout:
        """The bond if, at the yield, issuer and holders each do what is best for them by it."""
        money = expected_flows(self.claim, self.flows, self.closed_form)
        return exercised(self.workouts, self.puts, matured(self.claim, self.flows, money, self.rate))

    @property
    def expected_yield(self) -> float | None:
        """Bond-equivalent yield of the expected cash flows bought at the issue price, over the contract's
        schedule; None when there is none.
        """
        money = expected_flows(self.claim, self.flows, self.closed_form)
        return earned_yield(stream(self.flows, money), 100 * float(self.claim.issue_price) / self.flows.face)

    @property
    def sampling_error(self) -> float:
        """Standard error of the expected KPI payments because a sample is only a sample; 0 for a
        distribution.

        sd/sqrt(n - 1) with the sd over the n runs, in units of the currency.
        """
        size = self.process.sample_size if self.process is not None else None
        return (self.closed_form.sd or 0.0) / sqrt(size - 1) if size else 0.0

    @property
    def price_standard_error(self) -> float:
        """Standard error of the price, per 100: the Monte Carlo's, and the sample's if there is one.

        Both are errors of the undiscounted sum; discounting at the last pay date's factor or an earlier one
        can only scale them by at most the first KPI payment's factor, which is taken.
        """
        if not self.flows.kpi_flows:
            return 0.0
        error = hypot(self.monte_carlo.standard_error, self.sampling_error)
        first = min(period_of(self.claim, flow.paid) for flow in self.flows.kpi_flows)
        factor = float(discount_factors(self.flows, self.rate)[first])
        return error * factor * 100 / float(self.claim.principal)

    @property
    def spread(self) -> float | None:
        """Expected yield less the discount yield, both bond-equivalent; a fraction a year."""
        earned = self.expected_yield
        return None if earned is None else earned - bond_equivalent(self.rate, self.claim.frequency)

    def to_dict(self) -> dict[str, Any]:
        """The valuation for JSON: money as decimal strings, prices, rates and probabilities as floats."""
        return {
            "deal": self.deal.id,
            "terms_hash": self.deal.terms_hash,
            "claim": self.claim.name,
            "currency": self.claim.currency,
            "principal": plain(self.claim.principal),
            "kpi": None
            if self.process is None
            else {
                "id": self.claim.kpi,
                "model": self.process.description,
                "mean": self.process.mean,
                "sd": self.process.sd,
                "sample_size": self.process.sample_size,
            },
            "discount_yield": self.rate,
            "price": self.price,
            "price_standard_error": self.price_standard_error,
            "expected_yield": self.expected_yield,
            "spread": self.spread,
            "macaulay_duration": self.durations.macaulay,
            "modified_duration": self.durations.modified,
            "expected_outcome": {
                "closed_form": self.closed_form.expected,
                "sd": self.closed_form.sd,
                "monte_carlo": self.monte_carlo.expected,
                "standard_error": self.monte_carlo.standard_error,
                "sampling_error": self.sampling_error,
                "replicates": self.monte_carlo.replicates,
                "points": self.monte_carlo.points,
                "seed": self.monte_carlo.seed,
                "outside_bounds": self.closed_form.outside,
            },
            "tiers" if self.claim.tiered else "cases": [
                self._case(index, case) for index, case in enumerate(self.claim.cases)
            ],
            "readings": [
                {
                    "years": plain(reading.years),
                    "periods": reading.periods,
                    "note": reading.note,
                    "yields": list(reading.yields),
                    "expected_yield": reading.expected_yield,
                    "simple_returns": list(reading.simple_returns),
                    "expected_simple_return": reading.expected_simple_return,
                }
                for reading in self.readings
            ],
            "cashflows": plain_rows(self.payments),
            **self._calls(),
            **self._puts(),
            "assumed": [
                {"field": path, "value": _text(value), "because": text}
                for path, value, kind, text in self.deal.numbers()
                if kind == "assumed"
            ],
        }

    def _calls(self) -> dict[str, Any]:
        """Only of a bond that can be called."""
        if not self.workouts:
            return {}
        return {
            "calls": {
                "price_to_worst": least_price(self.workouts).price,
                "yield_to_worst": least_yield(self.workouts).earned,
                "option": "not valued",
                "workouts": [
                    {
                        "date": each.day.isoformat(),
                        "call_price": each.call_price,
                        "price": each.price,
                        "yield": each.earned,
                    }
                    for each in self.workouts
                ],
            }
        }

    def _puts(self) -> dict[str, Any]:
        """Only of a bond that can be sold back."""
        if not self.puts:
            return {}
        shown = [
            {
                "date": each.day.isoformat(),
                "put_price": each.call_price,
                "price": each.price,
                "yield": each.earned,
            }
            for each in self.puts
        ]
        end = {"price_exercised": self.held.price, "ends": self.held.day.isoformat()}
        return {"puts": {**end, "option": "not valued beyond this yield", "workouts": shown}}

    def _case(self, index: int, case: Case) -> dict[str, Any]:
        content = {"tier" if self.claim.tiered else "case": case.label, "amount": plain(case.amount)}
        chance = {"probability": self.closed_form.probabilities[index]} if self.claim.tiered else {}
        return {**content, **chance, "price": self.case_prices[index]}


def price(
    deal: Deal,
    kpi: KpiModel | KpiProcess | Outlook = "interval",
    discount_yield: float | None = None,
    seed: int = DEFAULT_SEED,
    sample: str | Path | None = None,
) -> Valuation:
    """Value the claim of `deal` at the start of interest.

    `kpi`: "interval" (the processes of the deal file), "twin" (the sample of the twin, at `sample` or beside
    the deal file), one KpiProcess for every KPI, or a process for each by its id. `discount_yield`: flat,
    nominal, compounded with the coupon frequency; default: the coupon. `seed` drives the Monte Carlo. Raises
    InputError (no usable sample) or ValueError (a yield that is not a fraction).

    >>> from finance import load_deal, price
    >>> valuation = price(load_deal("deals/dc-water-eib-2016.yaml"))
    >>> [f"{p:.1%}" for p in valuation.closed_form.probabilities]
    ['2.5%', '95.0%', '2.5%']
    """
    claim = BondClaim.of(deal)
    flows = deal_flows(deal, claim)
    rate = checked_yield(float(claim.rate) if discount_yield is None else discount_yield, claim.frequency)
    outlook = deal_expectation(deal, kpi, sample)
    exact = closed_form(flows, outlook)
    expected = stream(flows, expected_flows(claim, flows, exact))
    return Valuation(
        deal=deal,
        claim=claim,
        flows=flows,
        outlook=outlook,
        process=first_law(flows, outlook),
        rate=rate,
        closed_form=exact,
        monte_carlo=sobol(flows, outlook, seed),
        price=expected.price(rate),
        case_prices=tuple(stream(flows, case_flows(claim, case.values)).price(rate) for case in claim.cases),
        durations=expected.risk(rate),
        readings=_readings(deal, claim, flows, exact),
        payments=tuple(cashflow_rows(claim, flows, rate, exact)),
    )


def deal_expectation(
    deal: Deal, kpi: KpiModel | KpiProcess | Outlook = "interval", sample: str | Path | None = None
) -> dict[str, Process | KpiProcess]:
    """What is expected of each KPI that the deal's bond depends on; arguments as in `price`."""
    bond = deal.only(KpiBond)
    names = list(dict.fromkeys(rule.kpi for rule in bond.kpi_rules))
    if isinstance(kpi, Mapping):
        return dict(kpi)
    if not isinstance(kpi, str):
        return dict.fromkeys(names, kpi)
    if kpi == "interval":
        stated = deal_outlook(deal)
        return {name: stated[name] for name in names}
    if kpi == "twin":
        if not names:
            raise InputError(f"{deal.id}: no KPI decides anything here, so there is no twin's sample")
        path = Path(sample) if sample else None
        return {name: load_sample(deal, name, path).process() for name in names}
    raise ValueError(f"kpi = {kpi}: must be interval, twin or a KPI process")


def first_law(flows: Flows, outlook: Outlook) -> KpiProcess | None:
    """The distribution of the first KPI report, seen from the start of interest; None for a fixed bond."""
    if not flows.kpi_flows:
        return None
    first = flows.kpi_flows[0]
    return law(outlook[first.kpi], kpi_time(flows.start, first.observed))


def _stretched(claim: BondClaim, periods: int, outcome: float) -> list[float]:
    """A bullet with one outcome at maturity, read as if it ran for `periods`: the rate over the frequency."""
    flows = [float(claim.principal) * float(claim.rate) / claim.frequency] * periods
    flows[-1] += float(claim.principal) + outcome
    return flows


def _readings(deal: Deal, claim: BondClaim, flows: Flows, exact: ClosedForm) -> tuple[Reading, ...]:
    bond = deal.only(KpiBond)
    terms = [(reading.years.value, reading.note) for reading in bond.term_readings]
    if not terms:
        whole = sum((period.years for period in claim.schedule), start=claim.schedule[0].years * 0)
        terms = [(Decimal(whole.numerator) / Decimal(whole.denominator), "the contract's schedule")]
    return tuple(_reading(claim, flows, exact, years, note) for years, note in terms)


def _reading(claim: BondClaim, flows: Flows, exact: ClosedForm, years: Decimal, note: str) -> Reading:
    own = len(claim.schedule)
    periods = round(float(years) * claim.frequency)

    def yield_of(money: list[float]) -> float | None:
        coming = stream(flows, money)
        if periods != own:
            coming = replace(coming, times=np.arange(1, periods + 1) / claim.frequency)
        return earned_yield(coming, 100 * float(claim.issue_price) / flows.face)

    def return_for(amount: float) -> float:
        return simple_return(float(claim.average_rate), amount, float(claim.principal), float(years))

    if periods == own:
        by_case = [case_flows(claim, case.values) for case in claim.cases]
        expected = expected_flows(claim, flows, exact)
    else:
        by_case = [_stretched(claim, periods, float(case.amount)) for case in claim.cases]
        expected = _stretched(claim, periods, exact.expected)
    return Reading(
        years=years,
        periods=periods,
        note=note,
        yields=tuple(yield_of(money) for money in by_case),
        expected_yield=yield_of(expected),
        simple_returns=tuple(return_for(float(case.amount)) for case in claim.cases) if claim.bullet else (),
        expected_simple_return=return_for(exact.expected) if claim.bullet else None,
    )


def case_columns(claim: BondClaim) -> list[str]:
    """Names of the money columns of the cash flows, one per case."""
    if not claim.tiered:
        return ["worst", "best"][: len(claim.cases)]
    return [f"tier_{number}" for number in range(1, len(claim.cases) + 1)]


def cashflow_rows(claim: BondClaim, flows: Flows, rate: float, exact: ClosedForm) -> list[dict[str, Any]]:
    """The payments of a claim as in `Valuation.payments`, discounted at a yield."""
    grain, factors = Decimal(1).scaleb(-claim.money_decimals), discount_factors(flows, rate)
    names = case_columns(claim)
    still = claim.payments([0] * len(claim.terms.fixings))
    by_case = [claim.payments(case.values) for case in claim.cases]
    extra = _expected_extra(claim, flows, exact)
    issue = claim.issue_price.copy_negate()
    rows = [_row(claim.issue_date, 0, "issue", "", dict.fromkeys(names, issue), issue, 1.0)]
    for position, (kind, index, amount) in enumerate(still):
        period = claim.schedule[index]
        accrual = f"{period.numerator}/{period.denominator}" if kind == "coupon" else ""
        money = {name: made[position][2] for name, made in zip(names, by_case, strict=True)}
        expected = amount + Decimal(extra.get((kind, index), 0.0)).quantize(grain)
        factor = float(factors[index])
        rows.append(_row(period.end, index + 1, kind, accrual, money, expected + 0, factor))
    return rows


def _expected_extra(claim: BondClaim, flows: Flows, exact: ClosedForm) -> dict[tuple[str, int], float]:
    """What KPIs are expected to add, by kind and period from 0. Flows and fixings are in the same order."""
    extra: dict[tuple[str, int], float] = {}
    kinds = [
        "outcome" if fixing.effect else "coupon"
        for fixing in claim.terms.fixings
        for _ in range(fixing.first, fixing.last + 1)
    ]
    for kind, flow, amount in zip(kinds, flows.kpi_flows, exact.amounts, strict=True):
        at = (kind, period_of(claim, flow.paid))
        extra[at] = extra.get(at, 0.0) + amount
    return extra


def _row(
    day: Any,
    period: int,
    kind: str,
    accrual: str,
    cases: dict[str, Decimal],
    expected: Decimal,
    factor: float,
) -> dict[str, Any]:
    return {
        "date": day,
        "period": period,
        "kind": kind,
        "accrual": accrual,
        **cases,
        "expected": expected,
        "discount_factor": factor,
        "present_value": float(expected) * factor,
    }


def plain_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows for JSON: dates in ISO form, Decimal as plain text, floats as they are."""
    return [
        {name: value if isinstance(value, int | float | str) else _text(value) for name, value in row.items()}
        for row in rows
    ]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return plain(value) if isinstance(value, Decimal) else str(value)
