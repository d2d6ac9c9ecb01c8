"""The method by which a KPI is computed from raw data, and its repetition by anyone from a bundle.

A feed's configuration carries the hash of its method's id, so all nodes of a feed use the same method and a
changed method is another feed. `measure` is what a node does, `recompute` what a verifier does with a bundle.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

from oracle.evidence import Bundle, Context, EvidenceError
from oracle.kpi import KpiError, to_decimal, to_integer
from oracle.twins import reported, stormwater
from oracle.twins.rain import RainError, RainSeries, from_csv, to_csv
from oracle.twins.stormwater_parameters import ParameterError, StormwaterParameters

DESCRIPTIONS = {
    stormwater.METHOD: (
        "Runoff of the sewershed (surface runoff plus underdrain outflow) in EPA SWMM 5, without and with "
        "the works, on the same gauged rain; KPI = 1 - after/before, rounded half to even at its decimals."
    ),
    reported.METHOD: (
        "The value that a publication states for the period, rounded half to even at the KPI's decimals."
    ),
}

TOLERANCE = 1e-5
"""Assumed: how far a KPI (fraction) computed on another machine may be from the bundle's. SWMM is
deterministic on one platform; compilers may differ in the last bits, which a threshold inside the engine can
enlarge."""


class MethodError(ValueError):
    """The method is not known here, or a bundle's numbers do not follow from its raw data by it."""


@dataclass(frozen=True)
class Measurement:
    """A KPI value for one period with the evidence for it; `unrounded` is in the KPI's unit."""

    value: int
    unrounded: float
    bundle: Bundle


def method_hash(method: str) -> str:
    """What a feed carries: 0x and sha256 of the method's id."""
    return "0x" + hashlib.sha256(method.encode()).hexdigest()


def check_known(method: str) -> None:
    """Raises MethodError unless this version can compute `method`."""
    if method not in DESCRIPTIONS:
        raise MethodError(f"method = {method}: not known here; known: {', '.join(DESCRIPTIONS)}")


def measure(
    method: str,
    parameters: StormwaterParameters,
    rain: RainSeries,
    *,
    feed: str,
    period: int,
    version: int,
    kpi: str,
    decimals: int,
    gauge: str,
) -> Measurement:
    """Compute the KPI of the period that `rain` covers and bundle everything that led to it.

    Raises TwinError if the twin cannot run, MethodError for an unknown method, EvidenceError for a bad
    context.
    """
    check_known(method)
    pair = stormwater.run_pair(parameters, rain)
    value = to_integer(pair.reduction, decimals)
    context = Context(
        feed=feed,
        period=period,
        version=version,
        kpi=kpi,
        decimals=decimals,
        value=value,
        period_start=int(rain.start.timestamp()),
        period_end=int(rain.end.timestamp()),
        gauge=gauge,
    )
    bundle = Bundle.build(
        context,
        texts={
            "rain.csv": to_csv(rain),
            "before.inp": stormwater.input_text(parameters, rain, works=False),
            "after.inp": stormwater.input_text(parameters, rain, works=True),
        },
        documents={
            "method.json": {
                "id": method,
                "hash": method_hash(method),
                "description": DESCRIPTIONS[method],
                "engine": pair.engine,
            },
            "parameters.json": {
                "twin": stormwater.TWIN,
                "twin_version": stormwater.TWIN_VERSION,
                "parameters": parameters.to_dict(),
            },
            "results.json": {
                "before": asdict(pair.before),
                "after": asdict(pair.after),
                "runoff_before_m3": pair.runoff_before_m3,
                "runoff_after_m3": pair.runoff_after_m3,
                "reduction": pair.reduction,
            },
        },
    )
    return Measurement(value, pair.reduction, bundle)


def measure_reported(
    publication: str,
    *,
    name: str,
    feed: str,
    period: int,
    version: int,
    kpi: str,
    decimals: int,
    start: int,
    end: int,
) -> Measurement:
    """Take the KPI of the period from `start` to `end` out of a publication (its text), and bundle both.

    `name` stands for whoever keeps this copy. Raises MethodError for a publication that does not have it.
    """
    value, said = _reported(publication, kpi, decimals, start, end)
    context = Context(
        feed=feed,
        period=period,
        version=version,
        kpi=kpi,
        decimals=decimals,
        value=value,
        period_start=start,
        period_end=end,
        gauge=name,
    )
    method = reported.METHOD
    bundle = Bundle.build(
        context,
        texts={"reported.json": publication},
        documents={
            "method.json": {
                "id": method,
                "hash": method_hash(method),
                "description": DESCRIPTIONS[method],
            },
            "results.json": {"value": str(said.value), "label": said.label, "source": said.source},
        },
    )
    return Measurement(value, float(said.value), bundle)


def _reported(text: str, kpi: str, decimals: int, start: int, end: int) -> tuple[int, reported.ReportedValue]:
    try:
        publication = reported.read_publication(text, "reported.json")
        if publication.kpi != kpi:
            raise MethodError(f"reported.json: kpi = {publication.kpi}: not {kpi}")
        said = publication.of(start, end)
        return to_integer(said.value, decimals), said
    except (reported.ReportedError, KpiError) as error:
        raise MethodError(f"reported.json: {error}") from None


def raw_rain(bundle: Bundle) -> RainSeries:
    """The gauged rain in a bundle. Raises MethodError."""
    try:
        return from_csv(bundle.text("rain.csv"), "rain.csv")
    except (RainError, EvidenceError) as error:
        raise MethodError(str(error)) from None


def twin_parameters(bundle: Bundle) -> StormwaterParameters:
    """The twin's parameters in a bundle. Raises MethodError."""
    try:
        document = bundle.document("parameters.json")
        if document.get("twin") != stormwater.TWIN:
            raise MethodError(f"parameters.json: twin = {document.get('twin')}: not {stormwater.TWIN}")
        return StormwaterParameters.from_dict(document["parameters"])
    except (ParameterError, EvidenceError, KeyError) as error:
        raise MethodError(f"parameters.json: {error}") from None


def recompute(bundle: Bundle) -> int:
    """Run the method again on the bundle's raw data and return the KPI integer it gives.

    Raises MethodError when anything in the bundle does not follow from its raw data (rain and parameters, or
    a publication): the SWMM input files, the results, or the value. TwinError if the twin cannot run on them.
    """
    method = method_of(bundle)
    check_known(method)
    return _recompute_reported(bundle) if method == reported.METHOD else _recompute_stormwater(bundle)


def method_of(bundle: Bundle) -> str:
    """The id of the method that a bundle says it follows."""
    return str(bundle.document("method.json").get("id"))


def tolerance(bundle: Bundle) -> float:
    """By how much (in the KPI's unit) another machine may find another value: nothing to read a number."""
    return 0.0 if method_of(bundle) == reported.METHOD else TOLERANCE


def _recompute_reported(bundle: Bundle) -> int:
    context = bundle.context
    text = bundle.text("reported.json") if "reported.json" in bundle.files else ""
    value, said = _reported(text, context.kpi, context.decimals, context.period_start, context.period_end)
    results = bundle.document("results.json")
    if results != {"value": str(said.value), "label": said.label, "source": said.source}:
        raise MethodError(f"results.json: {results.get('value')}, but its publication says {said.value}")
    if context.value != value:
        raise MethodError(
            f"value = {to_decimal(context.value, context.decimals)}, but its publication says {said.value}"
        )
    return value


def _recompute_stormwater(bundle: Bundle) -> int:
    context = bundle.context
    if "rain.csv" not in bundle.files:
        raise MethodError("rain.csv: not in the bundle")
    rain, parameters = raw_rain(bundle), twin_parameters(bundle)
    covered = (int(rain.start.timestamp()), int(rain.end.timestamp()))
    if covered != (context.period_start, context.period_end):
        raise MethodError(f"rain.csv covers {covered}, not the period")
    for name, works in (("before.inp", False), ("after.inp", True)):
        if bundle.text(name) != stormwater.input_text(parameters, rain, works=works):
            raise MethodError(f"{name}: not the input that rain.csv and parameters.json give")
    reduction = stormwater.run_pair(parameters, rain).reduction
    value = to_integer(reduction, context.decimals)
    claimed = bundle.document("results.json").get("reduction")
    if not isinstance(claimed, float) or not abs(claimed - reduction) <= TOLERANCE:
        raise MethodError(f"results.json: reduction = {claimed}, but its own raw data give {reduction:.6f}")
    if not abs(context.value - value) <= TOLERANCE * 10**context.decimals:
        raise MethodError(f"value = {context.value}, but its own raw data give {value}")
    return value
