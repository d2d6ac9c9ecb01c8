"""Contract terms: text or numbers as they come in JSON, read with one clear error (data dictionary 1.4).

Terms carry the identifiers of the data dictionary, such as `notionalPrincipal`. Numbers may be text, text may
be padded, and a single value stands for an array of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from finance.actus.dates import Cycle, add_period, read_time
from finance.actus.errors import ActusError

T = TypeVar("T")

ROLE_SIGNS: Final = {
    "RPA": 1, "RPL": -1, "LG": 1, "ST": -1, "BUY": 1, "SEL": -1, "RFL": 1, "PFL": -1, "RF": 1, "PF": -1,
    "COL": 1, "CNO": 1, "GUA": -1, "OBL": 1, "UDL": 1, "UDLP": 1, "UDLM": -1,
}  # fmt: skip
"""R(CNTRL): +1 if the creator of the record holds the claim, -1 if it owes (section 3.7)."""

OTHER_NAMES: Final = {
    "cycleAnchorDateOfDividend": "cycleAnchorDateOfDividendPayment",
    "cycleOfDividend": "cycleOfDividendPayment",
    "creditEventTypeCovered": "creditEventTypesCovered",
    "contractID": "contractIdentifier",
}
"""Names that published contracts use beside the dictionary's."""


class Terms:
    """The terms of one contract, read by type. Missing, null and empty terms are undefined."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        if not isinstance(values, Mapping):
            raise ActusError("terms must be an object of names and values")
        self._values = values
        self.contract = str(self.raw("contractID") or "?").strip()

    def raw(self, name: str) -> Any:
        """The value of a term as it came, stripped; None if it is undefined."""
        value = self._values.get(name)
        if value is None and name in OTHER_NAMES:
            value = self._values.get(OTHER_NAMES[name])
        if isinstance(value, str):
            value = value.strip()
        return None if value in ("", "NULL") else value

    def error(self, name: str, reason: str) -> ActusError:
        """The error that says why the term `name` of this contract cannot be used."""
        return ActusError(reason, contract=self.contract, term=name, value=self.raw(name))

    def need(self, name: str, value: T | None) -> T:
        """`value`, unless it is undefined: then the contract cannot do without the term `name`."""
        if value is None:
            raise self.error(name, "is missing")
        return value

    def _read(self, name: str, read: Callable[[Any], T]) -> T | None:
        value = self.raw(name)
        if value is None:
            return None
        try:
            return read(value)
        except (ValueError, TypeError) as error:
            raise self.error(name, str(error)) from None

    def _list(self, name: str, read: Callable[[Any], T]) -> list[T]:
        value = self.raw(name)
        if value is None:
            return []
        many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        try:
            return [read(item.strip() if isinstance(item, str) else item) for item in many]
        except (ValueError, TypeError) as error:
            raise self.error(name, str(error)) from None

    def number(self, name: str) -> float | None:
        return self._read(name, _number)

    def amount(self, name: str, default: float = 0.0) -> float:
        """A number that has a default where it is undefined."""
        value = self.number(name)
        return default if value is None else value

    def time(self, name: str) -> datetime | None:
        return self._read(name, _time)

    def cycle(self, name: str) -> Cycle | None:
        return self._read(name, _cycle)

    def text(self, name: str, default: str = "") -> str:
        value = self.raw(name)
        return default if value is None else str(value)

    def choice(
        self, name: str, allowed: Sequence[str], default: str, names: Mapping[str, str] | None = None
    ) -> str:
        """One of the `allowed` values, or one of their other `names`; raises ActusError for another."""
        value = self.text(name, default)
        value = (names or {}).get(value.lower(), value)
        if value not in allowed:
            raise self.error(name, f"must be one of {', '.join(allowed)}")
        return value

    def plus(self, name: str, start: datetime) -> datetime:
        """`start` plus the period in the term `name`, by default P0D."""
        try:
            return add_period(start, self.text(name, "P0D"))
        except ValueError as error:
            raise self.error(name, str(error)) from None

    def numbers(self, name: str) -> list[float]:
        return self._list(name, _number)

    def times(self, name: str) -> list[datetime]:
        return self._list(name, _time)

    def cycles(self, name: str) -> list[Cycle]:
        return self._list(name, _cycle)

    def texts(self, name: str) -> list[str]:
        return self._list(name, str)

    @property
    def role_sign(self) -> int:
        """R(CNTRL), +1 or -1."""
        role = self.choice("contractRole", tuple(ROLE_SIGNS), "")
        return ROLE_SIGNS[role]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")
    try:
        number = float(value)
    except ValueError:
        raise ValueError("must be a number") from None
    if not math.isfinite(number):
        raise ValueError("must be finite")
    return number


def _time(value: Any) -> datetime:
    try:
        return value if isinstance(value, datetime) else read_time(str(value))
    except ValueError:
        raise ValueError("must be a time such as 2013-01-01T00:00:00") from None


def _cycle(value: Any) -> Cycle:
    return value if isinstance(value, Cycle) else Cycle.parse(str(value))
