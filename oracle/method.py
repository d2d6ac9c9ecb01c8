"""The methods by which KPIs are computed from raw data, and their repetition by anyone from a bundle.

A feed's configuration carries the hash of its method's id, so all nodes of a feed use the same method and a
changed method is another feed. `measure` is what a node does, `recompute` what a verifier does with a bundle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oracle.evidence import METHOD_FILE, Bundle, EvidenceError
from oracle.methods.base import About, Inputs, Measurement, Method, MethodError, method_hash
from oracle.methods.register import METHODS

__all__ = [
    "METHODS", "Measurement", "MethodError", "bundle_method", "check_known", "inputs_of", "measure",
    "method_hash", "method_of", "recompute", "suspicions_of",
]  # fmt: skip


def check_known(method: str) -> None:
    """Raises MethodError unless this version can compute `method`."""
    if method not in METHODS:
        raise MethodError(f"method = {method}: not known here; known: {', '.join(METHODS)}")


def method_of(method: str) -> Method:
    """The method with this id. Raises MethodError for an unknown one."""
    check_known(method)
    return METHODS[method]


def measure(
    method: str, *inputs: Any, feed: str, period: int, version: int, kpi: str, decimals: int, gauge: str
) -> Measurement:
    """Compute the KPI of the period that the method's `inputs` cover and bundle everything that led to it.

    Raises MethodError if the method is unknown or cannot run, EvidenceError for a bad context.
    """
    return method_of(method).compute(About(feed, period, version, kpi, decimals, gauge), *inputs)


def bundle_method(bundle: Bundle) -> Method:
    """The method that a bundle names. Raises MethodError: unknown, not its hash, or not its files."""
    try:
        document = bundle.document(METHOD_FILE)
    except EvidenceError as error:
        raise MethodError(str(error)) from None
    method = method_of(str(document.get("id")))
    if document.get("hash") != method_hash(method.id):
        raise MethodError(f"{METHOD_FILE}: hash = {document.get('hash')}: not that of {method.id}")
    method.check_files(bundle)
    return method


def recompute(bundle: Bundle) -> int:
    """Run the bundle's method again on its raw data and return the KPI integer it gives.

    Raises MethodError when anything in the bundle does not follow from its raw data, EvidenceError when its
    observation.json is damaged.
    """
    with _judged():
        return bundle_method(bundle).recompute(bundle)


def suspicions_of(bundle: Bundle) -> list[str]:
    """What is unlikely about a bundle's raw data. Raises MethodError, EvidenceError."""
    with _judged():
        return bundle_method(bundle).suspicions(bundle)


def inputs_of(bundle: Bundle) -> Inputs:
    """What went into a bundle, for comparison between nodes. Raises MethodError, EvidenceError."""
    with _judged():
        return bundle_method(bundle).inputs(bundle)


@contextmanager
def _judged() -> Iterator[None]:
    """Whatever a stranger's bundle makes of the arithmetic (not a number, a year 10^9, text that cannot be
    written) is a fault of the bundle."""
    try:
        yield
    except (MethodError, EvidenceError):
        raise
    except (ValueError, TypeError, ArithmeticError, OSError, RecursionError) as error:
        raise MethodError(f"bundle: cannot be recomputed: {' '.join(str(error).split())}") from None
