"""Prices, valuations and cash flows as the API takes and gives them."""

from __future__ import annotations

import datetime
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, FailFast, Field, field_validator, model_validator

from api.models import Asked, Hash, Minor, Resource
from api.models.deployment import Quantiles

MOST_PATHS = 50_000
MOST_KPIS, MOST_FIXED = 16, 240
Rate = Annotated[float, Field(gt=-1, lt=1, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e18, le=1e18)]
Factor = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
Amount = Annotated[str, Field(pattern=r"^-?[0-9]{1,30}$", examples=["3060000000000"])]
Name = Annotated[str, Field(max_length=64)]


class KpiChange(Asked):
    """Another expectation of a KPI. A bond's: `mean` and `sd`, in its unit (`mean` of a yes or no is its
    chance). A swap's: factors on the mean and on the spread of every period."""

    mean: Number | None = None
    sd: Annotated[float, Field(gt=0, le=1e18, allow_inf_nan=False)] | None = None
    mean_factor: Factor | None = None
    sd_factor: Factor | None = None


class Reported(Asked):
    """A report that is there. `period` counts from 0; `value` in the KPI's unit, null when it is missing."""

    kpi: Name
    period: Annotated[int, Field(ge=0, le=10_000)]
    value: Number | None


class ValuationRequest(Asked):
    """A deal, stored (`deal`), posted (`document`: the deal as an object, or a deal file as text) or deployed
    (`deployment`), and what is changed in it.

    `as_of`: value what is still to come on that day, by the reports given; without, the deal at its start. Of
    a deployment: by default on the chain's day and by the reports that are settled there; others add to them.
    `fixed`: a swap's fixed payments of consecutive periods, which start over, in minor units.
    `fixed_factor`: on the swap's fixed payments. `chart`: with the points of KPI distribution and payoff.
    Method `full` simulates; it takes `kpi_model`, `seed`, `paths`, `solve` and `parameter` too.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "deal": "dc-water-eib-2016",
                    "discount_yield": 0.03,
                    "kpis": {"runoff-reduction": {"mean": 0.35}},
                },
                {"deal": "water-utility-rainfall-swap", "fixed_factor": 0.98, "discount_rate": 0.05},
                {
                    "deal": "dc-water-eib-2016",
                    "as_of": "2021-01-20",
                    "reports": [{"kpi": "runoff-reduction", "period": 0, "value": 0.2968}],
                },
            ]
        },
    )

    deal: Name | None = None
    document: dict[str, Any] | str | None = None
    deployment: Annotated[str, Field(max_length=100)] | None = None
    method: Literal["closed_form", "full"] = "closed_form"
    discount_yield: Rate | None = Field(default=None, description="Of a bond; default: its coupon.")
    discount_rate: Rate | None = Field(default=None, description="Of a swap; default: the deal's.")
    kpis: dict[Name, KpiChange] = Field(default_factory=dict, max_length=MOST_KPIS)
    as_of: Day | None = None
    reports: Annotated[list[Reported], FailFast()] = Field(default_factory=list, max_length=1_000)
    fixed: Annotated[list[Amount], Field(min_length=1, max_length=MOST_FIXED)] | None = None
    fixed_factor: Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)] | None = None
    chart: bool = False
    kpi_model: Literal["interval", "twin"] = "interval"
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    paths: Annotated[int, Field(ge=1_000, le=MOST_PATHS)] | None = None
    solve: Literal["fair", "wang", "sd", "sharpe", "dscr"] | None = None
    parameter: Number | None = None

    @field_validator("kpis", "fixed", mode="before")
    @classmethod
    def _few(cls, given: Any) -> Any:
        """Before each of them is looked at, and an error kept of each."""
        most = MOST_KPIS if isinstance(given, dict) else MOST_FIXED
        if isinstance(given, dict | list) and len(given) > most:
            raise ValueError(f"has {len(given)}: at most {most}")
        return given

    @model_validator(mode="after")
    def _one_deal(self) -> Self:
        if sum(each is not None for each in (self.deal, self.document, self.deployment)) != 1:
            raise ValueError("needs one of `deal`, `document` and `deployment`")
        if self.fixed is not None and self.fixed_factor is not None:
            raise ValueError("`fixed` and `fixed_factor` exclude each other")
        if self.method == "closed_form":
            for name in ("seed", "paths", "solve", "parameter"):
                if getattr(self, name) is not None:
                    raise ValueError(f"`{name}` needs the method full")
        return self


class CaseValue(Resource):
    """A tier of the report that decides a bond, or its worst and best case: what it adds (`amount`, for the
    whole issue), its chance (of a tier), and the price in that case."""

    label: str
    start: float | None
    amount: Minor
    probability: float | None
    price: float | None


class ChartPoint(Resource):
    """A value of the next report, its density (null where it has none), and what it decides: minor units (of
    a swap with the fixed payment), or a rate with 1e18 = 100 % a year."""

    kpi: float
    density: float | None
    payoff: str


class PeriodValue(Resource):
    """A report and the money it decides. `expected`: its value, before it is there; `amount`: what it is
    expected to pay in all, or pays; of a swap with the fixed payment."""

    kpi: str
    period: int
    measured: date
    value: float | None
    missing: bool
    expected: Quantiles | None
    amount: Minor


class ValuationView(Resource):
    """A deal's value. Prices are per 100; rates are fractions a year; money is in minor units, of a bond for
    the whole issue.

    Of a bond: `price` (at the start: of the principal; with `as_of`: what a buyer pays per 100 outstanding),
    cases, yields and durations. Of a swap: `value` of the settlements to the payee, with `low` and `high`
    where it is simulated, the `fair` fixed payments, and `price` of a unit of its revenue share per 100 of
    its issue price.
    """

    deal: str
    terms_hash: Hash
    kind: str = Field(description="Of the part that leads the deal.")
    method: Literal["closed_form", "full"]
    currency: str
    decimals: int
    as_of: date | None = None
    rate: float
    price: float | None = None
    clean: float | None = None
    accrued: float | None = None
    cases: list[CaseValue] = Field(default_factory=list)
    expected_yield: float | None = None
    spread: float | None = None
    macaulay_duration: float | None = None
    modified_duration: float | None = None
    expected_outcome: Minor | None = None
    outcome_sd: Minor | None = None
    value: Minor | None = None
    standard_error: Minor | None = None
    low: Minor | None = None
    high: Minor | None = None
    fixed: list[Minor] | None = None
    fair: list[Minor] | None = None
    periods: list[PeriodValue] = Field(default_factory=list)
    chart: list[ChartPoint] | None = None
    basis: str
    assumed: list[str]
    simulated: dict[str, Any] | None = Field(
        default=None,
        description="Of the method full: the analyst's figures as `penstock price --json` has them; money "
        "there is in units of the currency.",
    )


# -- what a deal under way is worth


class TierChance(Resource):
    """A tier of what a report decides, and its chance. `start`: where it begins (KPI's unit; null: from the
    lowest); `y`: minor units for the whole issue, or a rate with 1e18 = 100 % a year."""

    label: str
    start: float | None
    effect: Literal["amount", "rate"]
    y: str
    probability: float


class ReportEffect(Resource):
    """How a report moved the value, on `day`: with everything else as it is known now, without the report
    and with it. A bond's `before`, `after` and `moved` are per 100; a swap's `value_...` are minor units, to
    the payee."""

    kpi: str
    period: int
    value: float | None = Field(description="In the KPI's unit; null: it was missing.")
    day: date
    before: float | None = None
    after: float | None = None
    moved: float | None = None
    value_before: Minor | None = None
    value_after: Minor | None = None
    value_moved: Minor | None = None


class LivePrice(Resource):
    """What a deal is worth on `day`. `state`: ready; computing (a simulation is under way); over (nothing is
    left to be paid).

    Of a bond `price` is what a buyer pays per 100 outstanding, `clean` the same less `accrued` interest. Of a
    swap `value` is that of its coming payments to the payee, in minor units, with `low` and `high` (5 % and
    95 % quantiles), and `price` that of a unit of its revenue share per 100 of its issue price. `basis` says
    in words how it was found; `assumed` what was assumed for it.
    """

    deal: str
    state: Literal["ready", "computing", "over"]
    day: date
    rate: float = Field(description="What it is discounted at, a fraction a year.")
    price: float | None = None
    clean: float | None = None
    accrued: float | None = None
    outstanding: Minor | None = None
    value: Minor | None = None
    low: Minor | None = None
    high: Minor | None = None
    standard_error: Minor | None = Field(default=None, description="Of `value`, by simulation.")
    tiers: list[TierChance] = Field(default_factory=list)
    last_report: ReportEffect | None = None
    basis: str
    assumed: list[str]


# -- cash flows


class CaseAmount(Resource):
    """What a payment is in one case of the KPIs."""

    case: str
    amount: Minor


class CashflowRow(Resource):
    """A payment as it is expected at the start: to the holders of the whole issue, or to the payee of a swap.

    `low` and `high`: the worst and best for holders, or a swap's 5 % and 95 % quantiles. `expected` is null
    while a simulation that it needs is under way. `period` counts from 1; 0 is the issue.
    """

    date: datetime.date
    period: int
    kind: str = Field(description="issue, coupon, principal, outcome, settlement.")
    accrual: str = Field(description="Fraction of a year that a coupon is for.")
    expected: Minor | None
    low: Minor | None
    high: Minor | None
    cases: list[CaseAmount]
    discount_factor: float
    present_value: Minor | None
