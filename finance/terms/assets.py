"""What an asset's parameters must be, by the kind of its twin: a model for each, checked on reading a file.

The parameters of an asset are stated facts (`Deal.asset.parameters`); these models say which of them a twin
or a valuation needs, in which unit and between which bounds. Other facts may stand beside them, except where
a twin is made of nothing else: there a name nobody knows is a slip.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from finance.registry import Registry
from finance.terms.deal import Deal
from finance.terms.problems import in_words
from finance.terms.rule_parts import Finding, Loc, outside_bounds

Real = Annotated[Decimal, Field(strict=True)]
Words = Annotated[str, Field(strict=True, min_length=1)]
Fraction = Annotated[Real, Field(gt=0, le=1)]
Memory = Annotated[Real, Field(gt=-1, lt=1)]
Rate = Annotated[Real, Field(gt=Decimal("-0.5"), lt=1)]
PerMwh = Annotated[Real, Field(ge=-10_000, le=10_000)]
MEAN_OF_DAY = Decimal("1e-6")  # by how much the mean of 24 factors may miss 1


def _number(unit: str, words: str, **bounds: Any) -> Any:
    """A number with its unit and what it is; `bounds` as pydantic's Field (ge, gt, le, lt, default)."""
    return Field(description=words, json_schema_extra={"unit": unit}, **bounds)


class AssetParameters(BaseModel):
    """Facts of an asset, by name; what is not listed here is a fact beside."""

    model_config = ConfigDict(frozen=True, extra="allow")


class PaymentParameters(AssetParameters):
    """What the valuation of any KPI payment needs."""

    discount_rate: Rate = _number("a year", "of settlements, ACT/365")
    risk_price: Real | None = _number(
        "per sd", 'the provider\'s price of risk (Wang), for "other terms"', default=None, ge=0, le=10
    )


class VehicleParameters(AssetParameters):
    """What the valuation of a vehicle needs: of who owes it, and of other revenue."""

    discount_rate: Rate = _number("a year", "yield at which tranches are discounted")
    default_probability: Real = _number(
        "chance", "of who owes a receivable, within ten years", default=Decimal(0), ge=0, lt=1
    )
    recovery: Real = _number("fraction", "of what is owed at default", default=Decimal(0), ge=0, le=1)
    asset_correlation: Real = _number("", "of asset values of who owes", default=Decimal(0), ge=0, lt=1)
    revenue_sd: Real = _number("fraction", "of other revenue of a period", default=Decimal(0), ge=0, le=2)


class StormwaterParameters(AssetParameters):
    """A sewershed and its works."""

    impervious_area_acres: Real = _number("acres", "impervious surface", ge=Decimal("0.001"), le=1_000_000)


class RainIndexParameters(AssetParameters):
    """An index of rain at a station."""

    station: Words = _number("", "`pvlib:FILE`, the station's hours of rain")
    gauge_weights: list[Annotated[Real, Field(ge=0)]] | None = _number(
        "", "of the gauges", default=None, min_length=1
    )


class WindParameters(PaymentParameters):
    """A wind farm, its market and its loan: nothing else stands here, so an unknown name is a slip."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    capacity_mw: Real = _number("MW", "most that the plant delivers", gt=0, le=100_000)
    turbines: Real = _number("count", "machines", ge=1, le=10_000, multiple_of=1)
    turbine_curve: Words = _number("", "`windpowerlib:TYPE`, or a file with wind speed and kW")
    hub_height_m: Real = _number("m", "above ground", gt=0, le=400)
    site_elevation_m: Real = _number("m", "above the sea", ge=-400, le=5_500)
    mean_wind_speed_m_s: Real = _number("m/s", "at hub height; the weather file is scaled to it", gt=0, le=30)
    weather: Words = _number("", "`pvlib:FILE` (typical year), or a file of hourly wind")
    efficiency: Fraction = _number("fraction", "as negotiated, held constant")
    availability: Fraction = _number("fraction", "as negotiated, held constant")
    price_monthly: list[PerMwh] = _number(
        "currency per MWh", "twelve mean hub prices, January first", min_length=12, max_length=12
    )
    price_diurnal: list[Real] = _number("", "24 factors by UTC hour, mean 1", min_length=24, max_length=24)
    price_floor: Real = _number("currency per MWh", "how far below zero prices can go", ge=0, le=10_000)
    price_wind_correlation: Real = _number("", "of hourly generation and hub price", gt=-1, lt=1)
    price_sd: Real = _number("logarithm", "daily level: stationary sd", ge=0, le=2)
    price_memory: Memory = _number("fraction", "part of the daily level kept to the next day")
    price_slow_volatility: Real = _number("per root year", "lasting moves of the level", ge=0, le=2)
    price_slow_speed: Real = _number("per year", "their pull back", ge=0, le=100)
    basis_mean: PerMwh = _number("currency per MWh", "node less hub")
    basis_wind_effect: PerMwh = _number("currency per MWh", "its change from calm to full power")
    basis_sd: Real = _number("currency per MWh", "daily noise of the basis", ge=0, le=10_000)
    basis_memory: Memory = _number("fraction", "part of it kept to the next day")
    operations_mean: Real = _number("fraction", "metered over proxy energy", gt=0, le=2)
    operations_lasting_sd: Real = _number("fraction", "its noise, for good", ge=0, le=1)
    operations_period_sd: Real = _number("fraction", "its noise from period to period", ge=0, le=1)
    year_sd: Real = _number("fraction", "year-to-year variation of energy", ge=0, le=1)
    debt_rate: Real = _number("a year", "of the loan that is sized", ge=0, lt=1)

    @model_validator(mode="after")
    def _day(self) -> Self:
        day = self.price_diurnal
        if min(day) < 0 or abs(Decimal(sum(day)) / len(day) - 1) > MEAN_OF_DAY:
            raise PydanticCustomError("price_diurnal", "must be 0 or more, with a mean of 1")
        if min(self.price_monthly) * max(day) + self.price_floor <= 0 or (
            min(self.price_monthly) * min(day) + self.price_floor <= 0
        ):
            raise PydanticCustomError("price_floor", "a mean price of a month and hour lies at or below it")
        return self


TWINS: Registry[type[AssetParameters]] = Registry(
    {
        "wind": f"{__name__}:WindParameters",
        "stormwater": f"{__name__}:StormwaterParameters",
        "rain-index": f"{__name__}:RainIndexParameters",
        "reported": f"{__name__}:AssetParameters",
    },
    "penstock.twins",
)
"""The model of each kind of twin; a kind that is not here has facts that nobody checks. Other packages add
theirs as entry points of that group."""
NEEDED: Registry[type[AssetParameters]] = Registry(
    {"kpi_payment": f"{__name__}:PaymentParameters", "spv": f"{__name__}:VehicleParameters"},
    "penstock.part_facts",
)
"""What the valuation of a kind of part needs beside, by the kind."""


def parameters(deal: Deal) -> Iterator[Finding]:
    """Every parameter against the models that apply: of the twin, and what kinds of parts need."""
    twin = TWINS.get(deal.asset.twin or "", AssetParameters)
    needed = {NEEDED[part.kind] for part in deal.parts.values() if part is not None and part.kind in NEEDED}
    models = {twin, *(each for each in needed if not issubclass(twin, each))}
    stated = {name: term.value for name, term in deal.asset.parameters.items() if term is not None}
    for model in sorted(models, key=lambda each: each.__name__):
        try:
            model.model_validate(stated)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                yield _finding(model, each)


def _finding(model: type[AssetParameters], error: ErrorDetails) -> Finding:
    here = ("asset", "parameters")
    if not error["loc"]:  # a check of several, whose type names the field
        return (*here, error["type"]), error["msg"]
    name = str(error["loc"][0])
    extra = model.model_fields[name].json_schema_extra if name in model.model_fields else None
    unit = str(extra["unit"]) if isinstance(extra, dict) and extra["unit"] else ""
    if error["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields)
        return (*here, name), f"unknown parameter of this twin (known: {known})"
    reason = in_words(error)
    return (*here, name), f"{reason} [{unit}]" if unit else reason


def published(deal: Deal) -> Iterator[Finding]:
    """What was published of a KPI is what its oracle would take."""
    if "reported_values" in deal.asset.parameters:
        yield ("asset", "parameters", "reported_values"), "belongs to a KPI: kpis.KEY.reported_values"
    for key, kpi in deal.kpis.items():
        if kpi.reported_values is None:
            continue
        loc: Loc = ("kpis", key, "reported_values")
        values = kpi.reported_values.value
        if not values:
            yield loc, "needs at least one value"
        if len(values) > len(kpi.periods):
            yield loc, f"has {len(values)} values for {len(kpi.periods)} periods"
        for value in values:
            if not kpi.bounds.minimum.value <= value <= kpi.bounds.maximum.value:
                yield loc, outside_bounds(kpi, value)
                break


RULES = (parameters, published)
