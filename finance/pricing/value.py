"""Price a deal: the valuation that analysts read, as numbers, tables and a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import hypot, sqrt
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from finance.pricing.claim import BondClaim
from finance.pricing.engine import ClosedForm, MonteCarlo, closed_form, sobol
from finance.pricing.process import KpiProcess, NormalKpi
from finance.pricing.sample import load_sample
from finance.pricing.yields import (
    Durations,
    FlatYield,
    bond_equivalent_yield,
    durations,
    present_value,
    simple_return,
)
from finance.terms.canonical import plain
from finance.terms.deal import Deal

DEFAULT_SEED = 20160929  # the issue date of the DC Water bond; any number will do, it only has to be said
KpiModel = Literal["interval", "twin"]


@dataclass(frozen=True)
class Reading:
    """Yields and simple returns under one reading of the term: fractions a year, one per tier, and as
    expected.
    """

    years: Decimal
    periods: int
    note: str
    yields: tuple[float, ...]
    expected_yield: float
    simple_returns: tuple[float, ...]
    expected_simple_return: float


@dataclass(frozen=True)
class Valuation:
    """What a deal is worth and why. Prices per 100 of principal, money in units of the currency, rates as
    fractions.

    `cashflows`: one row per payment, seen by the holders: date, period, kind, accrual, a Decimal column of
    money per tier (`tier_1`, ...) and one of expected money, and float columns of discount factor and
    present value.
    """

    deal: Deal
    claim: BondClaim
    process: KpiProcess
    market: FlatYield
    closed_form: ClosedForm
    monte_carlo: MonteCarlo
    price: float
    tier_prices: tuple[float, ...]
    durations: Durations
    readings: tuple[Reading, ...]
    cashflows: pd.DataFrame

    @property
    def expected_yield(self) -> float:
        """Bond-equivalent yield of the expected cash flows bought at the issue price, over the contract's
        schedule.
        """
        flows = _flows(self.claim, len(self.claim.schedule), self.closed_form.expected)
        return bond_equivalent_yield([-float(self.claim.issue_price), *flows], self.claim.frequency)

    @property
    def sampling_error(self) -> float:
        """Standard error of the expected outcome because a sample is only a sample; 0 for a distribution.

        sd/sqrt(n - 1) with the sd over the n runs, in units of the currency.
        """
        size = self.process.sample_size
        return self.closed_form.sd / sqrt(size - 1) if size else 0.0

    @property
    def price_standard_error(self) -> float:
        """Standard error of the price, per 100: the Monte Carlo's, and the sample's if there is one."""
        error = hypot(self.monte_carlo.standard_error, self.sampling_error)
        return error * self.market.discount(len(self.claim.schedule)) * 100 / float(self.claim.principal)

    @property
    def spread(self) -> float:
        """Expected yield less the discount yield, both bond-equivalent; a fraction a year."""
        half_year = (1 + self.market.rate / self.market.frequency) ** (self.market.frequency / 2)
        return self.expected_yield - 2 * (half_year - 1)

    def to_dict(self) -> dict[str, Any]:
        """The valuation for JSON: money as decimal strings, prices, rates and probabilities as floats."""
        return {
            "deal": self.deal.id,
            "terms_hash": self.deal.terms_hash,
            "claim": self.claim.name,
            "currency": self.claim.currency,
            "principal": plain(self.claim.principal),
            "kpi": {
                "id": self.claim.kpi,
                "model": self.process.description,
                "mean": self.process.mean,
                "sd": self.process.sd,
                "sample_size": self.process.sample_size,
            },
            "discount_yield": self.market.rate,
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
            },
            "tiers": [
                {
                    "tier": tier.label,
                    "amount": plain(tier.amount),
                    "probability": self.closed_form.probabilities[index],
                    "price": self.tier_prices[index],
                }
                for index, tier in enumerate(self.claim.tiers)
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
            "cashflows": rows(self.cashflows),
            "assumed": [
                {"field": path, "value": _text(value), "because": text}
                for path, value, kind, text in self.deal.numbers()
                if kind == "assumed"
            ],
        }


def price(
    deal: Deal,
    kpi: KpiModel | KpiProcess = "interval",
    discount_yield: float | None = None,
    seed: int = DEFAULT_SEED,
    sample: str | Path | None = None,
) -> Valuation:
    """Value the claim of `deal` at the start of interest.

    `kpi`: "interval" (the process of the deal file), "twin" (the sample of the twin, at `sample` or beside
    the deal file) or any KpiProcess. `discount_yield`: flat, nominal, compounded with the coupon frequency;
    default: the coupon. `seed` drives the Monte Carlo. Raises InputError (no usable sample) or ValueError
    (a yield that is not a fraction).

    >>> from finance import load_deal, price
    >>> valuation = price(load_deal("deals/dc-water-eib-2016.yaml"))
    >>> [f"{p:.1%}" for p in valuation.closed_form.probabilities]
    ['2.5%', '95.0%', '2.5%']
    """
    claim = BondClaim.of(deal)
    market = FlatYield(float(claim.rate) if discount_yield is None else discount_yield, claim.frequency)
    process = kpi_process(deal, kpi, sample)
    exact = closed_form(claim, process)
    estimate = sobol(claim, process, seed)
    count, per_100 = len(claim.schedule), 100 / float(claim.principal)
    expected = _flows(claim, count, exact.expected)
    return Valuation(
        deal=deal,
        claim=claim,
        process=process,
        market=market,
        closed_form=exact,
        monte_carlo=estimate,
        price=present_value(expected, market) * per_100,
        tier_prices=tuple(
            present_value(_flows(claim, count, float(tier.amount)), market) * per_100 for tier in claim.tiers
        ),
        durations=durations(expected, market),
        readings=_readings(deal, claim, exact),
        cashflows=_cashflows(claim, market, exact),
    )


def kpi_process(
    deal: Deal, kpi: KpiModel | KpiProcess = "interval", sample: str | Path | None = None
) -> KpiProcess:
    """What is expected of the KPI that decides the outcome of the deal's bond; arguments as in `price`."""
    if not isinstance(kpi, str):
        return kpi
    ((_, bond),) = deal.claims.items()
    name = bond.outcome_payment.kpi
    if kpi == "interval":
        return NormalKpi.from_kpi(deal.kpis[name])
    if kpi == "twin":
        return load_sample(deal, name, Path(sample) if sample else None).process()
    raise ValueError(f"kpi = {kpi}: must be interval, twin or a KPI process")


def _flows(claim: BondClaim, periods: int, outcome: float) -> list[float]:
    """Money at the end of each period for the whole issue, redemption and outcome in the last.

    Beyond the contract's own schedule the coupon is the rate over the frequency.
    """
    if periods == len(claim.coupons):
        flows = [float(coupon) for coupon in claim.coupons]
    else:
        flows = [float(claim.principal) * float(claim.rate) / claim.frequency] * periods
    flows[-1] += float(claim.principal) + outcome
    return flows


def _readings(deal: Deal, claim: BondClaim, exact: ClosedForm) -> tuple[Reading, ...]:
    ((_, bond),) = deal.claims.items()
    terms = [(reading.years.value, reading.note) for reading in bond.term_readings]
    if not terms:
        terms = [(Decimal(len(claim.schedule)) / claim.frequency, "the contract's schedule")]
    outcomes = [float(tier.amount) for tier in claim.tiers]
    readings = []
    for years, note in terms:
        periods = int(years * claim.frequency)

        def yield_for(outcome: float, periods: int = periods) -> float:
            flows = [-float(claim.issue_price), *_flows(claim, periods, outcome)]
            return bond_equivalent_yield(flows, claim.frequency)

        def return_for(outcome: float, years: Decimal = years) -> float:
            return simple_return(float(claim.rate), outcome, float(claim.principal), float(years))

        readings.append(
            Reading(
                years=years,
                periods=periods,
                note=note,
                yields=tuple(yield_for(outcome) for outcome in outcomes),
                expected_yield=yield_for(exact.expected),
                simple_returns=tuple(return_for(outcome) for outcome in outcomes),
                expected_simple_return=return_for(exact.expected),
            )
        )
    return tuple(readings)


def _cashflows(claim: BondClaim, market: FlatYield, exact: ClosedForm) -> pd.DataFrame:
    grain = Decimal(1).scaleb(-claim.money_decimals)
    count, last = len(claim.schedule), claim.schedule[-1]
    table: list[dict[str, Any]] = []

    def add(day: Any, period: int, kind: str, accrual: str, tiers: list[Decimal], expected: Decimal) -> None:
        factor = market.discount(period)
        table.append(
            {
                "date": day,
                "period": period,
                "kind": kind,
                "accrual": accrual,
                **{f"tier_{k}": amount for k, amount in enumerate(tiers, start=1)},
                "expected": expected,
                "discount_factor": factor,
                "present_value": float(expected) * factor,
            }
        )

    def certain(day: Any, period: int, kind: str, accrual: str, amount: Decimal) -> None:
        add(day, period, kind, accrual, [amount] * len(claim.tiers), amount)

    certain(claim.issue_date, 0, "issue", "", claim.issue_price.copy_negate())
    for number, (period, coupon) in enumerate(zip(claim.schedule, claim.coupons, strict=True), start=1):
        certain(period.end, number, "coupon", f"{period.numerator}/{period.denominator}", coupon)
    certain(last.end, count, "principal", "", claim.principal)
    outcome = Decimal(exact.expected).quantize(grain)
    add(last.end, count, "outcome", "", [tier.amount for tier in claim.tiers], outcome + 0)
    return pd.DataFrame(table)


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as records for JSON: dates in ISO form, Decimal as plain text, floats as they are."""
    return [
        {
            str(name): _text(value) if not isinstance(value, int | float | str) else value
            for name, value in record.items()
        }
        for record in table.to_dict(orient="records")
    ]


def _text(value: Any) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
