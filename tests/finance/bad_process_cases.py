"""Mistakes in the process of the good deal file's KPI: (edits, field, value, part of the reason) by name."""

from __future__ import annotations

from tests.finance.bad_kpi_cases import Edits

PROCESS = "kpis.runoff-reduction.process"
STATED = (
    "kind: normal\n"
    "      interval: {low: {value: 0.186, source: pfs}, high: {value: 0.413, source: pfs}}\n"
    "      probability: {value: 0.95, assumed: the published middle tier is read as a 95 % interval}\n"
)


def process(kind: str, **values: str) -> Edits:
    """The good deal with another process."""
    terms = "".join(f"      {name}: {{value: {value}, assumed: x}}\n" for name, value in values.items())
    return [(STATED, f"kind: {kind}\n{terms}")]


ABOVE_ZERO, INSIDE = "must be greater than 0", "lies outside the KPI's bounds -1 to 1"
BAD_PROCESSES: dict[str, tuple[Edits, str, str, str]] = {
    "process of no kind": (process("poisson"), f"{PROCESS}.kind", "poisson", "'normal', 'lognormal'"),
    "interval upside down": (
        [("low: {value: 0.186, source: pfs}, high", "low: {value: 0.5, source: pfs}, high")],
        f"{PROCESS}.interval",
        "{low:",
        "`low` is not less than `high`",
    ),
    "normal without sd": (
        process("normal", mean="0.3"),
        PROCESS,
        "{kind: normal",
        "needs `interval` with `probability`, or `mean` with `sd`",
    ),
    "normal with sd zero": (process("normal", mean="0.3", sd="0"), f"{PROCESS}.sd", "0", ABOVE_ZERO),
    "normal mean in percent": (
        process("normal", mean="30", sd="0.1"),
        f"{PROCESS}.mean",
        "30",
        "the unit is a fraction: 30 % is 0.3",
    ),
    "trend out of the bounds": (
        process("normal", mean="0.3", sd="0.1", trend="0.2"),
        f"{PROCESS}.trend",
        "0.2",
        "moves the mean to 1.15 by 2020-12-31, outside the KPI's bounds",
    ),
    "lognormal below zero": (
        process("lognormal", mean="-0.3", sd="0.1"),
        f"{PROCESS}.mean",
        "-0.3",
        ABOVE_ZERO,
    ),
    "lognormal with sd zero": (process("lognormal", mean="0.3", sd="0"), f"{PROCESS}.sd", "0", ABOVE_ZERO),
    "lognormal out of bounds": (process("lognormal", mean="3", sd="1"), f"{PROCESS}.mean", "3", INSIDE),
    "bernoulli in percent": (
        process("bernoulli", probability="95"),
        f"{PROCESS}.probability",
        "95",
        "must lie from 0 to 1 (0.95 is 95 %)",
    ),
    "bernoulli out of bounds": (
        [*process("bernoulli", probability="0.5"), ("maximum: {value: 1,", "maximum: {value: 0.9,")],
        "kpis.runoff-reduction.bounds",
        "{minimum:",
        "leave out 0 or 1",
    ),
    "ar1 without memory": (
        process("ar1", start="0.3", mean="0.3", memory="0", noise="0.1"),
        f"{PROCESS}.memory",
        "0",
        "must lie between 0 and 1",
    ),
    "ar1 that explodes": (
        process("ar1", start="0.3", mean="0.3", memory="1", noise="0.1"),
        f"{PROCESS}.memory",
        "1",
        "must lie between 0 and 1",
    ),
    "ar1 without noise": (
        process("ar1", start="0.3", mean="0.3", memory="0.5", noise="0"),
        f"{PROCESS}.noise",
        "0",
        ABOVE_ZERO,
    ),
    "ar1 start out of bounds": (
        process("ar1", start="-2", mean="0.3", memory="0.5", noise="0.1"),
        f"{PROCESS}.start",
        "-2",
        INSIDE,
    ),
    "ar1 mean out of bounds": (
        process("ar1", start="0.3", mean="2", memory="0.5", noise="0.1"),
        f"{PROCESS}.mean",
        "2",
        INSIDE,
    ),
    "reversion without speed": (
        process("mean_reverting", start="0.3", mean="0.3", speed="0", volatility="0.1"),
        f"{PROCESS}.speed",
        "0",
        ABOVE_ZERO,
    ),
    "negative volatility": (
        process("mean_reverting", start="0.3", mean="0.3", speed="1", volatility="-0.1"),
        f"{PROCESS}.volatility",
        "-0.1",
        ABOVE_ZERO,
    ),
    "reversion start out of bounds": (
        process("mean_reverting", start="2", mean="0.3", speed="1", volatility="0.1"),
        f"{PROCESS}.start",
        "2",
        INSIDE,
    ),
    "reversion mean out of bounds": (
        process("mean_reverting", start="0.3", mean="-2", speed="1", volatility="0.1"),
        f"{PROCESS}.mean",
        "-2",
        INSIDE,
    ),
    "a series of one value": (
        process("empirical", series="[0.3]"),
        f"{PROCESS}.series",
        "[0.3]",
        "needs at least two different values",
    ),
    "a series that never moves": (
        process("empirical", series="[0.3, 0.30]"),
        f"{PROCESS}.series",
        "[0.3, 0.3]",
        "needs at least two different values",
    ),
    "a series out of bounds": (
        process("empirical", series="[0.3, 1.5]"),
        f"{PROCESS}.series",
        "[0.3, 1.5]",
        INSIDE,
    ),
    "a series of words": (
        process("empirical", series="[0.3, much]"),
        f"{PROCESS}.series.value.1",
        "much",
        "must be a number",
    ),
}
