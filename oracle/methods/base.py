"""What a method is: how raw data become a KPI value with evidence, and how anyone repeats that.

A node opens the method on its own data (`open`), which gives a `Meter`; the meter measures periods. A
verifier needs only a bundle (`recompute`). For demonstrations a method makes the nodes' data (`prepare`).
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from oracle.config import Section
from oracle.evidence import (
    METHOD_FILE,
    OBSERVATION_FILE,
    PARAMETERS_FILE,
    RESULTS_FILE,
    Bundle,
    Context,
    EvidenceError,
    canonical,
)
from oracle.kpi import to_integer

T = TypeVar("T")


class MethodError(ValueError):
    """The method is not known here, cannot be run on the data, or a bundle's numbers do not follow from its
    raw data by it."""


def method_hash(method: str) -> str:
    """What a feed carries: 0x and sha256 of the method's id."""
    return "0x" + hashlib.sha256(method.encode()).hexdigest()


@dataclass(frozen=True)
class About:
    """What a measurement is for; `gauge` names the node's instrument or data copy."""

    feed: str
    period: int
    version: int
    kpi: str
    decimals: int
    gauge: str


@dataclass(frozen=True)
class Measurement:
    """A KPI value (x 10^decimals) for one period with the evidence for it, and what is unlikely about its raw
    data."""

    value: int
    bundle: Bundle
    suspicions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What a node's instrument showed, to be held beside the other nodes': `values` by step or one total.

    A node whose values differ from the median of the nodes by more than `limit` of it, in sum, is suspect.
    `mean`: people read its mean, not its sum.
    """

    values: Sequence[float]
    unit: str
    limit: float
    mean: bool = False


@dataclass(frozen=True)
class Inputs:
    """What went into a bundle. `shared`: what all nodes must have alike, by name; `readings`: what each has
    measured for itself, by name."""

    shared: Mapping[str, bytes]
    readings: Mapping[str, Reading]


@dataclass(frozen=True)
class NodeData:
    """One node's own data: files by name, and the method's part of its configuration."""

    files: Mapping[str, str]
    section: Mapping[str, Any]


@dataclass(frozen=True)
class Preparation:
    """What the data of a deal's nodes are made from, for demonstrations and tests.

    deal: with the asset's parameters, or None; options: values that take the place of parameters, or that no
    deal has; seed: of everything that is drawn.
    """

    terms: FeedTerms
    deal: Deal | None
    seed: int
    options: Mapping[str, Any]


class Meter(Protocol):
    """A method opened on one node's data."""

    @property
    def gauge(self) -> str:
        """Name of the instrument or data copy; it stands in every bundle."""

    def measure(self, about: About, start: int, end: int) -> Measurement:
        """Compute the KPI of the period from `start` to `end` (unix seconds, end exclusive).

        Raises MethodError or an InputError when the data do not allow it.
        """


class Method(ABC):
    """A method by its class variables and functions.

    id: as in the deal and, hashed, in the feed; tolerance: how far a KPI computed elsewhere from the same
    bundle may be off, in the KPI's unit (0: not at all); files: names in a bundle; section: the method's part
    of a node's configuration; options: names that `prepare` takes beside the deal.
    """

    id: ClassVar[str]
    description: ClassVar[str]
    twin: ClassVar[str]
    twin_version: ClassVar[str]
    tolerance: ClassVar[Decimal] = Decimal(0)
    files: ClassVar[frozenset[str]]
    section: ClassVar[type[Section]]
    options: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def engine(self) -> str:
        """What does the arithmetic, with its version."""

    @abstractmethod
    def open(self, data: Any) -> Meter:
        """Read and check a node's data. data: an instance of `section`. Raises ConfigError."""

    @abstractmethod
    def compute(self, about: About, *inputs: Any, **options: Any) -> Measurement:
        """The KPI and its bundle from the inputs themselves. Raises MethodError."""

    @abstractmethod
    def recompute(self, bundle: Bundle) -> int:
        """Run the method again on a bundle's raw data; the KPI integer it gives.

        Raises MethodError when anything in the bundle does not follow from its raw data.
        """

    @abstractmethod
    def raw_value(self, bundle: Bundle) -> int:
        """The KPI integer that a bundle's raw data give, whatever its results claim. Raises MethodError."""

    @abstractmethod
    def inputs(self, bundle: Bundle) -> Inputs:
        """What went into a bundle, for comparison between nodes. Raises MethodError."""

    def suspicions(self, bundle: Bundle) -> list[str]:
        """What is unlikely about a bundle's raw data, in words; see oracle.quality. Raises MethodError."""
        return []

    @abstractmethod
    def prepare(self, wanted: Preparation) -> Callable[[int], NodeData]:
        """Data for the nodes of a deal: a function from a node's index to its own. Raises InputError."""

    def check_files(self, bundle: Bundle) -> None:
        """Raises MethodError unless the bundle holds exactly this method's files."""
        wrong = sorted(bundle.files.keys() ^ self.files)
        if wrong:
            raise MethodError(f"bundle: missing or unknown files for {self.id}: {', '.join(wrong)}")

    def bundle(
        self,
        about: About,
        value: int,
        period: tuple[int, int],
        *,
        texts: Mapping[str, str],
        parameters: Mapping[str, Any],
        results: Mapping[str, Any],
        suspicions: Sequence[str] = (),
    ) -> Measurement:
        """The measurement of `value` for `period` (start, end): its bundle holds `texts` and the rest.
        `suspicions`: what is unlikely about the raw data; it stands in the results if there is any."""
        context = Context(
            feed=about.feed,
            period=about.period,
            version=about.version,
            kpi=about.kpi,
            decimals=about.decimals,
            value=value,
            period_start=period[0],
            period_end=period[1],
            gauge=about.gauge,
        )
        documents: dict[str, Mapping[str, Any]] = {
            METHOD_FILE: {
                "id": self.id,
                "hash": method_hash(self.id),
                "description": self.description,
                "engine": self.engine(),
            },
            PARAMETERS_FILE: {"twin": self.twin, "twin_version": self.twin_version, **parameters},
            RESULTS_FILE: {**results, **({"suspect": list(suspicions)} if suspicions else {})},
        }
        bundle = Bundle.build(context, texts=texts, documents=documents)
        return Measurement(value, bundle, tuple(suspicions))

    def parameters_of(self, bundle: Bundle) -> dict[str, Any]:
        """parameters.json of a bundle of this twin. Raises MethodError."""
        try:
            document = bundle.document(PARAMETERS_FILE)
        except EvidenceError as error:
            raise MethodError(str(error)) from None
        if document.get("twin") != self.twin:
            raise MethodError(f"{PARAMETERS_FILE}: twin = {document.get('twin')}: not {self.twin}")
        return document

    def forge(self, honest: Measurement, lie: float) -> Measurement:
        """FAULT INJECTION: a bundle whose hashes all match, but whose results do not follow from its raw
        data. lie: added to the KPI, in its unit."""
        value = honest.value + to_integer(lie, honest.bundle.context.decimals)
        results = self.forged(honest.bundle.document(RESULTS_FILE), value, lie)
        observation = {**honest.bundle.document(OBSERVATION_FILE), "value": str(value)}
        files = {
            **honest.bundle.files,
            RESULTS_FILE: canonical(results),
            OBSERVATION_FILE: canonical(observation),
        }
        return Measurement(value, Bundle(files))

    def forged(self, results: dict[str, Any], value: int, lie: float) -> dict[str, Any]:
        """results.json as a liar would write it for the KPI integer `value`, which is `lie` off."""
        return {**results, "value": str(value)}


def about_of(bundle: Bundle) -> About:
    """What a bundle says it is for. Raises EvidenceError."""
    context = bundle.context
    return About(**{name: getattr(context, name) for name in About.__dataclass_fields__})


def compare(bundle: Bundle, again: Measurement) -> int:
    """The value of `again`, which was computed from the bundle's raw data, if all files agree to the byte.

    The engine named in method.json may differ. Raises MethodError naming the first file that does not follow.
    """
    context, value = bundle.context, again.value
    for name in sorted(bundle.files.keys() - {METHOD_FILE, OBSERVATION_FILE}):
        if bundle.files[name] != again.bundle.files[name]:
            where = _difference(bundle, again, name)
            raise MethodError(f"{name}: not what the bundle's raw data give: {where}")
    if context.value != value:
        raise MethodError(f"value = {context.value}, but its own raw data give {value}")
    if asdict(context) != asdict(again.bundle.context):
        raise MethodError(f"{OBSERVATION_FILE}: the raw data do not cover the period")
    return value


def _difference(bundle: Bundle, again: Measurement, name: str) -> str:
    if name.endswith(".json"):
        return _differing(bundle.document(name), again.bundle.document(name)) or "not in canonical form"
    lines = (bundle.text(name).splitlines(), again.bundle.text(name).splitlines())
    for number, (line, right) in enumerate(zip(*lines, strict=False), start=1):
        if line != right:
            return f"line {number}: {line:.80}, not {right:.80}"
    return f"{len(lines[0])} lines, not {len(lines[1])}"


def _differing(found: Mapping[str, Any], right: Mapping[str, Any]) -> str | None:
    """The first field in which two documents differ, with both values."""
    for key in sorted(found.keys() | right.keys()):
        mine, other = found.get(key), right.get(key)
        if isinstance(mine, dict) and isinstance(other, dict):
            inside = _differing(mine, other)
            if inside:
                return f"{key}.{inside}"
        elif mine != other:
            return f"{key} = {mine!s:.60}, not {other!s:.60}"
    return None


class Watched(Generic[T]):
    """Something read from files, read again when one of them has changed."""

    def __init__(self, files: Sequence[Path], load: Callable[[], T]) -> None:
        self._files, self._load = tuple(files), load
        self._state: tuple[tuple[int, int], ...] | None = None
        self._held: T | None = None

    def get(self) -> T:
        """What `load` gives for the files as they are now. Raises what `load` raises."""
        state = tuple(map(_stamp, self._files))
        if self._held is None or state != self._state:
            self._held, self._state = self._load(), state
        return self._held


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


class Parameters:
    """Values that a twin's builder needs: from the options, or else from the deal's asset."""

    def __init__(self, wanted: Preparation) -> None:
        self._wanted = wanted

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter's value; `default` when neither options nor deal have it."""
        options, deal = self._wanted.options, self._wanted.deal
        if options.get(name) is not None:
            return options[name]
        if deal is not None and name in deal.asset.parameters:
            return deal.asset.parameters[name].value
        return default


__all__ = [
    "About", "Inputs", "Measurement", "Meter", "Method", "MethodError", "NodeData", "Parameters",
    "Preparation", "Reading", "Watched", "about_of", "compare", "method_hash",
]  # fmt: skip
