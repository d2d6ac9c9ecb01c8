"""What the oracle holds of a feed's measurement period, what that is by the clock, and which report may come.
What is stored, and the rules for it, are those of contracts/oracle/KpiOracle.sol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple

from finance.settlement.clock import when
from finance.settlement.feed_config import FeedConfig, digest, word
from finance.settlement.median import median
from finance.settlement.widths import SettlementError

ZERO_HASH: Final = "0x" + "00" * 32


class Status(IntEnum):
    """IKpiOracle.Status"""

    NONE, PENDING, CHALLENGED, FINAL, MISSING = range(5)

    @property
    def words(self) -> str:
        return "not reported" if self is Status.NONE else self.name.lower()

    @property
    def settled(self) -> bool:
        """Whether contracts can go by it."""
        return self in (Status.FINAL, Status.MISSING)


class Verdict(IntEnum):
    """IKpiOracle.Verdict"""

    STANDS, CORRECTED, VOID = range(3)


STATUS: Final = tuple(each.name.lower() for each in Status)
VERDICTS: Final = tuple(each.name.lower() for each in Verdict)
"""In words, by number."""


@dataclass(frozen=True, slots=True)
class Report:
    """IKpiOracle.Report: what there is of a period at a time. `final_at`: when it becomes, or became, final
    or missing unless something happens, or was ruled on."""

    status: Status
    value: int
    evidence: str
    final_at: int
    version: int
    used: bool

    @property
    def settled_value(self) -> int | None:
        """The value that contracts settle on; None unless it is final."""
        return self.value if self.status is Status.FINAL else None


class Told(NamedTuple):
    """What observations come to: their median, the hash of their evidence roots, and who signed, in the order
    of the values."""

    value: int
    evidence: str
    signers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoredReport:
    """As the contract keeps it. `stored`: PENDING and CHALLENGED turn FINAL, or MISSING, by the clock.
    `signers`: bit i for signer i; none: there is no report, CHALLENGED by a petition."""

    value: int = 0
    evidence: str = ZERO_HASH
    final_at: int = 0
    version: int = 0
    signers: int = 0
    stored: Status = Status.NONE
    used: bool = False

    def lapsed(self, now: int) -> bool:
        """Whether the panel stayed silent on a challenge or petition that nobody has settled."""
        return self.stored is Status.CHALLENGED and now >= self.final_at

    def at(self, now: int, missing_at: int) -> Report:
        """By the clock at `now`. `missing_at`: from when it is missing, if nothing has happened to it."""
        status, final_at = self.stored, self.final_at
        if status is Status.NONE:
            status, final_at = (Status.MISSING if now >= missing_at else status), missing_at
        elif not status.settled and now >= final_at:
            status = Status.FINAL if self.signers else Status.MISSING
        return Report(status, self.value, self.evidence, final_at, self.version, self.used)


NOTHING: Final = StoredReport()


def admit(config: FeedConfig, was: StoredReport, period: int, version: int, now: int) -> bool:
    """Whether a report that comes now must have all signers of the present one, and more. Raises
    SettlementError if none may come."""
    if now < config.period_end(period):
        raise SettlementError(f"period {period + 1} ends at {when(config.period_end(period))}")
    late = now > config.report_until(period)
    if was.stored is Status.NONE:
        if late:
            raise SettlementError(
                f"period {period + 1} was reported until {when(config.report_until(period))}"
            )
        return False
    if was.used:
        raise SettlementError(f"the report of period {period + 1} has been used")
    if was.stored.settled:
        raise SettlementError(f"period {period + 1} is {was.stored.words}")
    if now > config.late_until(period):
        raise SettlementError(f"period {period + 1} was reported until {when(config.late_until(period))}")
    is_final, fuller = now >= was.final_at, False
    if was.signers:
        if version < was.version:
            raise SettlementError(f"version {version}: there is {was.version}")
        fuller = version == was.version
        if fuller and is_final:
            raise SettlementError(f"period {period + 1} is final")
    if late and not fuller and (is_final or was.stored is not Status.CHALLENGED):
        raise SettlementError(f"period {period + 1} was reported until {when(config.report_until(period))}")
    return fuller


def summary(config: FeedConfig, period: int, observations: Sequence[Mapping[str, Any]], now: int) -> Told:
    """What observations (IKpiOracle.Observation by field names) come to. Raises SettlementError unless they
    ascend, are within bounds and spread, and were made after the period and not in the future."""
    end = config.period_end(period)
    for each in observations:
        if not end <= each["observedAt"] <= now:
            raise SettlementError(f"observed at {each['observedAt']}: not from {end} to {now}")
    values = [each["value"] for each in observations]
    value = median(values)
    require_in_range(config, values[0])
    require_in_range(config, values[-1])
    if values[-1] - values[0] > config.max_spread:
        raise SettlementError(f"{values[0]} and {values[-1]}: further apart than {config.max_spread}")
    roots = b"".join(word(each["evidence"]) for each in observations)
    return Told(value, digest(roots), tuple(each["signer"] for each in observations))


def require_in_range(config: FeedConfig, value: int) -> None:
    """Raise SettlementError for a value out of the feed's bounds."""
    if not config.min_value <= value <= config.max_value:
        raise SettlementError(f"{value}: not from {config.min_value} to {config.max_value}")


def bits(indices: Sequence[int], quorum: int, count: int) -> int:
    """Bit i for each index i of `count` signers. Raises SettlementError for fewer than the quorum, one twice,
    or one that is not there."""
    if len(indices) < quorum:
        raise SettlementError(f"{len(indices)} signatures: the quorum is {quorum}")
    seen = 0
    for index in indices:
        if seen >> index & 1:
            raise SettlementError(f"signer {index} is there twice")
        if index >= count:
            raise SettlementError(f"signer {index}: there are {count}")
        seen |= 1 << index
    return seen


def packed(signers: Sequence[int]) -> int:
    """Indices as ReportSubmitted has them: plus one, one byte each, the first one lowest."""
    return sum(index + 1 << 8 * place for place, index in enumerate(signers))


def unpacked(signers: int) -> tuple[int, ...]:
    """The opposite of `packed`."""
    return tuple(byte - 1 for byte in signers.to_bytes(32, "little") if byte)


def commitment(who: str, feed: str, period: int, value: int | None, evidence: str, salt: str) -> str:
    """What a challenger or petitioner commits to before it speaks, so that nobody who copies it is first: of
    a challenge of the reported `value`, or of a petition where it is None. feed, evidence, salt and the
    result: 0x and 64 hexadecimal digits."""
    meant = (who, feed, period) if value is None else (who, feed, period, value)
    return digest(b"".join(map(word, (*meant, evidence, salt))))
