"""Comparison of computed events with reference results, to the last digit that is published."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from finance.actus.cases import Case, contract_type, raw_cases, read_cases
from finance.actus.contracts import CONTRACT_TYPES, flows
from finance.actus.core import Flow
from finance.actus.dates import read_time
from finance.actus.errors import ActusError

TOLERANCE: Final = 1e-8
"""Absolute and relative: both must hold."""

NEAR_ZERO: Final = 1e-3
"""Values smaller than this are compared as if they were this large: sums of cents leave 1e-13 behind."""

FLOAT_DIGITS: Final = 16 * sys.float_info.epsilon
"""Beyond 1e7 a tolerance of 1e-8 is finer than a float holds after a few operations."""

LAST_DIGIT_FROM: Final = 6
"""Significant digits from which a published value counts as rounded: 8.1 must be exact, 3508695 need not."""

NUMBERS: Final = {
    "notionalPrincipal": "Nt",
    "nominalInterestRate": "Ipnr",
    "accruedInterest": "Ipac",
    "accruedInterest2": "Ipac2",
    "exerciseAmount": "Xa",
    "feeAccrued": "Feac",
    "notionalScalingMultiplier": "Nsc",
    "interestScalingMultiplier": "Isc",
    "nextPrincipalRedemptionPayment": "Prnxt",
    "interestCalculationBaseAmount": "Ipcb",
}
"""Result fields that are state variables."""


@dataclass(frozen=True)
class Difference:
    """The first event of a case that differs: its number from 0, the field, both values."""

    event: int
    what: str
    expected: Any
    actual: Any
    at: str = ""


@dataclass
class TypeResult:
    """How the cases of one contract type fared; `to_last_digit` counts the values that match only there."""

    passed: int = 0
    failed: int = 0
    to_last_digit: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)


def agrees(expected: Any, actual: float) -> str:
    """ "exact" within TOLERANCE, "last digit" if `actual` rounds or cuts to `expected`, else "".

    Published values are partly cut after 10 decimals and partly rounded; one with few digits is exact.

    >>> agrees("466.0273972602", 466.027397260274), agrees("3508695", 3508695.652), agrees("500", 500.4)
    ('exact', 'last digit', '')
    """
    try:
        number = Decimal(str(expected).strip())
    except InvalidOperation:
        return ""
    size = abs(float(number))
    if abs(float(number) - actual) <= max(TOLERANCE * min(1.0, max(size, NEAR_ZERO)), FLOAT_DIGITS * size):
        return "exact"
    if len(number.normalize().as_tuple().digits) < LAST_DIGIT_FROM:
        return ""
    unit = Decimal(1).scaleb(min(int(number.as_tuple().exponent), 0))
    rounded = (Decimal(actual).quantize(unit, how) for how in (ROUND_HALF_UP, ROUND_DOWN, ROUND_FLOOR))
    return "last digit" if number in rounded else ""


def compare(results: Sequence[Mapping[str, Any]], computed: Sequence[Flow]) -> tuple[Difference | None, int]:
    """The first difference, or None, and how many values matched only to their last digit."""
    rounded = 0
    for number, (row, flow) in enumerate(zip(results, computed, strict=False)):
        where = f"{flow.type} {flow.time.isoformat()}"
        expected_event = (
            f"{str(row['eventType']).strip()} {read_time(str(row['eventDate']).strip()).isoformat()}"
        )
        if expected_event != where:
            return Difference(number, "event", expected_event, where), rounded
        if "currency" in row and str(row["currency"]).strip() != flow.currency:
            return Difference(number, "currency", row["currency"], flow.currency, where), rounded
        values = {"payoff": flow.payoff, **{name: getattr(flow.state, var) for name, var in NUMBERS.items()}}
        for name, actual in values.items():
            if row.get(name) is None:
                continue
            match = agrees(row[name], actual)
            if not match:
                return Difference(number, name, row[name], actual, where), rounded
            rounded += match == "last digit"
        if row.get("exerciseDate") and (
            flow.state.Xd is None or read_time(str(row["exerciseDate"]).strip()) != flow.state.Xd
        ):
            actual_date = flow.state.Xd.isoformat() if flow.state.Xd else None
            return Difference(number, "exerciseDate", row["exerciseDate"], actual_date, where), rounded
    if len(results) != len(computed):
        at = min(len(results), len(computed))
        expected = f"{results[at]['eventType']} {results[at]['eventDate']}" if at < len(results) else None
        actual_event = f"{computed[at].type} {computed[at].time.isoformat()}" if at < len(computed) else None
        return Difference(at, "event", expected, actual_event), rounded
    return None, rounded


def run_case(case: Case) -> tuple[Difference | None, int]:
    """Evaluate and compare one case; a contract that cannot be evaluated differs in everything."""
    try:
        computed = flows(case.terms, case.seen, case.horizon)
    except ActusError as error:
        return Difference(0, "error", None, str(error)), 0
    return compare(case.results, computed)


def run_folder(folder: Path, types: Sequence[str] = ()) -> tuple[dict[str, TypeResult], dict[str, int]]:
    """Results by contract type of all cases in the folder's JSON files, and counts of types not run.

    With `types`, a case is run if its contract type, or the name of its file without ending, is among them.
    Raises ActusError if `folder` has no cases.
    """
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not files:
        raise ActusError(f"{folder}: no folder with JSON files of reference cases")
    results: dict[str, TypeResult] = {}
    others: Counter[str] = Counter()
    for path in files:
        by_name = path.stem in types
        wanted = [kind for kind in CONTRACT_TYPES if not types or by_name or kind in types]
        if not types:
            others.update(k for k in map(contract_type, raw_cases(path).values()) if k not in CONTRACT_TYPES)
        for case in read_cases(path, wanted):
            result = results.setdefault(case.type, TypeResult())
            difference, rounded = run_case(case)
            result.to_last_digit += rounded
            if difference is None:
                result.passed += 1
            else:
                result.failed += 1
                result.failures.append({"case": case.id, "file": case.file, **asdict(difference)})
    return results, others
