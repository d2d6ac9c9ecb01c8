"""What an oracle feed never changes: its configuration, what that must satisfy, and the id that is its hash.
Twin of contracts/oracle/FeedChecks.sol and FeedStore.sol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Final

from eth_hash.auto import keccak

from finance.settlement.acts import AbiType
from finance.settlement.widths import SettlementError
from finance.settlement.world import NOBODY

MAX_SIGNERS: Final = 32
MAX_PERIODS: Final = 512
MAX_CONSUMERS: Final = 8
Word = int | str
"""A number, or an address or hash as 0x and hexadecimal digits."""


class Deadlines:
    """When the windows of a measurement period (from 0) end, unix seconds, of what has them."""

    __slots__ = ()
    period_ends: tuple[int, ...]
    reporting_window: int
    late_window: int

    def period_end(self, period: int) -> int:
        """When its measurement ends. Raises SettlementError for a period that is not there."""
        if period >= len(self.period_ends):
            raise SettlementError(f"period {period + 1}: there are {len(self.period_ends)}")
        return self.period_ends[period]

    def report_until(self, period: int) -> int:
        """Last second in which a report is taken unasked."""
        return self.period_end(period) + self.reporting_window

    def late_until(self, period: int) -> int:
        """Last second of the late window."""
        return self.report_until(period) + self.late_window

    def missing_at(self, period: int) -> int:
        """From when a period that nobody reported, or asked the panel about, is missing."""
        return self.late_until(period) + 1


@dataclass(frozen=True)
class FeedConfig(Deadlines):
    """IKpiOracle.FeedConfig, field by field, in its order: values times 10^decimals, times in unix seconds,
    windows in seconds, money in minor units of `bond_currency`."""

    deal: str
    kpi: str
    method_hash: str
    min_value: int
    max_value: int
    max_spread: int
    reporting_window: int
    late_window: int
    dispute_window: int
    ruling_window: int
    quorum: int
    panel_quorum: int
    decimals: int
    bond_currency: str
    challenge_bond: int
    challenge_reward: int
    sponsor: str
    period_ends: tuple[int, ...]
    signers: tuple[str, ...]
    panel: tuple[str, ...]
    consumers: tuple[str, ...]

    @classmethod
    def of(cls, struct: Mapping[str, Any]) -> FeedConfig:
        """From the struct by its field names in Solidity."""
        found: dict[str, Any] = {}
        for each, name in zip(fields(cls), FIELDS, strict=True):
            value = struct[name]
            found[each.name] = tuple(value) if isinstance(value, list | tuple) else value
        return cls(**found)

    def struct(self) -> dict[str, Any]:
        """By field names in Solidity."""
        values = (getattr(self, each.name) for each in fields(self))
        named = zip(FIELDS, values, strict=True)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in named}

    @property
    def disputes_until(self) -> int:
        """Last second in which anything can be disputed or ruled on."""
        late = self.late_until(len(self.period_ends) - 1)
        return late + self.dispute_window + self.ruling_window

    @property
    def id(self) -> str:
        """keccak256(abi.encode(config)), 0x and 64 hexadecimal digits."""
        # One argument that is a struct of no fixed length: its offset, then the struct.
        return digest(word(32) + encoded(self.struct().values()))


FIELDS: Final[Mapping[str, AbiType]] = {
    "deal": "bytes32",
    "kpi": "bytes32",
    "methodHash": "bytes32",
    "minValue": "int128",
    "maxValue": "int128",
    "maxSpread": "uint128",
    "reportingWindow": "uint32",
    "lateWindow": "uint32",
    "disputeWindow": "uint32",
    "rulingWindow": "uint32",
    "quorum": "uint8",
    "panelQuorum": "uint8",
    "decimals": "uint8",
    "bondCurrency": "address",
    "challengeBond": "uint128",
    "challengeReward": "uint128",
    "sponsor": "address",
    "periodEnds": ["uint64"],
    "signers": ["address"],
    "panel": ["address"],
    "consumers": ["address"],
}
"""Type by name of IKpiOracle.FeedConfig's fields, in order."""


def validate(config: FeedConfig) -> None:
    """Raise SettlementError, naming what is wrong, where FeedChecks.validate reverts."""
    c, nodes = config, len(config.signers)
    ends = c.period_ends
    for ok, wrong in (
        (c.min_value < c.max_value, "minValue not below maxValue"),
        (_ascending(c.signers, MAX_SIGNERS), "signers not 1-32 ascending addresses"),
        (_ascending(c.panel, MAX_SIGNERS), "panel not 1-32 ascending addresses"),
        (_ascending(c.consumers, MAX_CONSUMERS), "consumers not 1-8 ascending addresses"),
        (_is_majority(c.quorum, nodes), "quorum not a majority of signers"),
        (c.quorum > 2 * liars(nodes), "quorum too small: liars could set the value"),
        (_is_majority(c.panel_quorum, len(c.panel)), "panelQuorum not a majority of panel"),
        (not set(c.signers) & set(c.panel), "a signer sits on the panel"),
        (c.reporting_window != 0, "reportingWindow zero"),
        (c.dispute_window != 0, "disputeWindow zero"),
        (c.late_window >= c.dispute_window, "lateWindow shorter than disputeWindow"),
        (c.ruling_window != 0, "rulingWindow zero"),
        (c.bond_currency != NOBODY, "bondCurrency zero"),
        (c.challenge_bond != 0, "challengeBond zero"),
        (c.sponsor != NOBODY, "sponsor zero"),
        (0 < len(ends) <= MAX_PERIODS, "periodEnds not 1-512"),
        (all(a < b for a, b in pairwise(ends)), "periodEnds not ascending"),
        (not ends or ends[-1] < 2**40, "periodEnds too far away"),
    ):
        if not ok:
            raise SettlementError(f"config: {wrong}")


def liars(nodes: int) -> int:
    """How many lying nodes a quorum must bear: with more than twice as many values, the median is an honest
    one, or between two."""
    return 1 if nodes < 7 else (nodes - 1) // 3


def _ascending(addresses: Sequence[str], most: int) -> bool:
    """Strictly, from above zero."""
    numbers = [0, *(int(address, 16) for address in addresses)]
    return 1 < len(numbers) <= most + 1 and all(a < b for a, b in pairwise(numbers))


def _is_majority(quorum: int, count: int) -> bool:
    return quorum <= count < 2 * quorum


# -- hashes of what Solidity's abi.encode makes


def digest(data: bytes) -> str:
    """keccak256, 0x and 64 hexadecimal digits."""
    return "0x" + keccak(data).hex()


def word(value: Word) -> bytes:
    """One value as abi.encode has it, in 32 bytes."""
    number = int(value, 16) if isinstance(value, str) else value
    return (number % 2**256).to_bytes(32, "big")


def encoded(values: Iterable[Word | Sequence[Word]]) -> bytes:
    """abi.encode of single values and lists of them."""
    values = list(values)
    head, tail = b"", b""
    for value in values:
        if isinstance(value, int | str):
            head += word(value)
        else:  # where the list begins; it follows all heads
            head += word(32 * len(values) + len(tail))
            tail += word(len(value)) + b"".join(map(word, value))
    return head + tail
