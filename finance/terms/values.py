"""The values a deal is made of: exact numbers, dates and texts, and the `Term` that says where one comes
from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

# More digits or a larger exponent than any amount, rate or KPI; stops 1e999999999 from filling the memory.
MAX_DIGITS = 40
TOO_LONG = f"has more digits than a deal can carry ({MAX_DIGITS})"

_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def _exact(value: Any) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("number", "must be a number (plain digits, no %, comma or unit)")
    number = Decimal(value)
    if not is_carried(number):
        raise PydanticCustomError("number_size", TOO_LONG)
    return shortest(number)


def is_carried(number: Decimal) -> bool:
    """Whether a deal can carry a number: a finite one of at most MAX_DIGITS."""
    digits = number.as_tuple().digits
    return number.is_finite() and len(digits) <= MAX_DIGITS and abs(number.adjusted()) <= MAX_DIGITS


def shortest(number: Decimal) -> Decimal:
    """The same number with no needless zeros and no exponent: 3.430e-2 becomes 0.0343, 2.5E+7 becomes
    25000000.
    """
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    while exponent < 0 and digits and digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    if exponent > 0:
        digits, exponent = digits + (0,) * exponent, 0
    if not any(digits):
        return Decimal(0)
    return Decimal((sign, digits, exponent))


def scaled(number: Decimal | Fraction, decimals: int) -> int | None:
    """`number` times 10^decimals as an integer, or None when it is not exactly one."""
    fraction = Fraction(number) * 10**decimals
    return fraction.numerator if fraction.denominator == 1 else None


def _iso_date(value: Any) -> Any:
    if isinstance(value, str):
        with suppress(ValueError):
            value = date.fromisoformat(value)
    # A datetime is a date to Python, but a deal has no times of day.
    if type(value) is not date:
        raise PydanticCustomError("date", "must be a day that exists, written YYYY-MM-DD")
    if not 1970 <= value.year <= 2199:
        raise PydanticCustomError("date_range", "must lie between 1970 and 2199")
    return value


# Control characters but tab and end of line, and those that turn the direction of what follows.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _all_seen(text: str) -> str:
    if found := _UNSEEN.search(text):
        raise PydanticCustomError(
            "unseen",
            "holds {character}, which is not seen and changes how the rest is shown",
            {"character": f"U+{ord(found[0]):04X}"},
        )
    return text


def written(how: str) -> WrapValidator:
    """Says in words `how` a text must be written, with an example, whatever is wrong with it."""

    def judged(value: Any, judge: Callable[[Any], Any]) -> Any:
        try:
            return judge(value)
        except ValidationError:
            raise PydanticCustomError("written", "must be {how}", {"how": how}) from None

    return WrapValidator(judged)


Number = Annotated[Decimal, BeforeValidator(_exact)]
Day = Annotated[date, BeforeValidator(_iso_date)]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(_all_seen),
]
Key = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$", max_length=31),
    written("at most 31 small letters and digits, with single - or _ between them, such as series-a"),
]

T = TypeVar("T")


class Strict(BaseModel):
    """Base of every part of a deal: immutable, and a field nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Provenance(Strict):
    """Says where facts come from: `source` (a key of the deal's sources) or `assumed` (why), never both."""

    source: Text | None = None
    assumed: Text | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Provenance:
        if self.source is None and self.assumed is None:
            raise PydanticCustomError(
                "origin", "is neither sourced nor assumed: add `source: KEY` or `assumed: WHY`"
            )
        if self.source is not None and self.assumed is not None:
            raise PydanticCustomError("origin", "cannot be both sourced and assumed: keep one")
        return self

    @property
    def is_sourced(self) -> bool:
        """Whether a source is cited, and it is no assumption."""
        return self.source is not None

    @property
    def citation(self) -> str:
        """The key of the source, or the reason of the assumption, with the note if there is one."""
        origin = self.source if self.source is not None else self.assumed
        return f"{origin} ({self.note})" if self.note else str(origin)


class Term(Provenance, Generic[T]):
    """A value with its origin: `{value: 0.0343, source: pfs}` or `{value: 10, assumed: none published}`."""

    value: T

    @model_validator(mode="before")
    @classmethod
    def _not_bare(cls, data: Any) -> Any:
        if not isinstance(data, dict | BaseModel):
            raise PydanticCustomError(
                "origin",
                "is neither sourced nor assumed: write {value: ..., source: KEY} "
                "or {value: ..., assumed: WHY}",
            )
        return data


class NumberTerm(Term[Number]):
    """A number with its origin."""


class DayTerm(Term[Day]):
    """A date with its origin."""


class TextTerm(Term[Text]):
    """A text with its origin."""


class NumbersTerm(Term[list[Number]]):
    """A list of numbers with one origin."""
