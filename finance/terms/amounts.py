"""Amounts of a waterfall in a deal file: a name, a number with its origin, or what is made of amounts.

Names are those of the vehicle (finance.terms.spv): `cash`, a pot, a line of revenue, what a line owes
(`LINE.due`), a KPI that it reads, a claim (what it is still owed), `CLAIM.due` (what it was owed before the
first step), `LOAN.balance`, `LOAN.lost`, `LOAN.interest`, `LOAN.principal`, `COVENANT.seconds`. Whether a
number is money or a rate (a fraction, 0.05 is 5 %) follows from where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator
from pydantic_core import PydanticCustomError

from finance.terms.values import Key, NumbersTerm, NumberTerm, Strict, written

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]+(?:[-_.][a-z0-9]+)*$", max_length=63),
    written("a name of the waterfall, such as cash or notes.interest"),
]


class Total(Strict):
    """All amounts of `total`, less those of `less`."""

    total: Annotated[list[Amount], Field(min_length=1)]
    less: list[Amount] = Field(default_factory=list)


class Share(Strict):
    """The `rate` of the amount `share`, rounded down."""

    share: Amount
    rate: Amount


class Interest(Strict):
    """Simple interest at the rate `interest` a year on amounts, by each period's fraction of a year."""

    interest: Amount
    on: Annotated[list[Amount], Field(min_length=1)]


class Least(Strict):
    """The least of amounts."""

    least: Annotated[list[Amount], Field(min_length=1)]


class Most(Strict):
    """The largest of amounts."""

    most: Annotated[list[Amount], Field(min_length=1)]


class Row(Strict):
    """From `at` on it `is` so much."""

    at: NumberTerm
    is_: NumberTerm = Field(alias="is")


class Table(Strict):
    """By ascending rows, the last of them that the amount `table`, or its ratio to the amount `per`, reaches;
    nothing below the first."""

    table: Amount
    per: Amount | None = None
    rows: Annotated[list[Row], Field(min_length=1)]


class While(Strict):
    """`then` while the covenant `failed` stands failed, and else `otherwise`."""

    failed: Key
    then: Amount
    otherwise: Amount


_MADE: dict[str, type[Strict]] = {
    "total": Total,
    "share": Share,
    "interest": Interest,
    "least": Least,
    "most": Most,
    "table": Table,
    "failed": While,
}


def _form(value: Any) -> str | None:
    """Which form an amount has in a file, or as a model: no word of it is a field's name."""
    if isinstance(value, str):
        return "a name"
    if isinstance(value, Mapping):
        if "value" in value:
            return "numbers" if isinstance(value["value"], list) else "a number"
        return next((f"of {name}" for name in _MADE if name in value), None)
    if isinstance(value, NumberTerm | NumbersTerm):
        return "a number" if isinstance(value, NumberTerm) else "numbers"
    return next((f"of {name}" for name, model in _MADE.items() if isinstance(value, model)), None)


Amount: TypeAlias = Annotated[
    Annotated[Name, Tag("a name")]
    | Annotated[NumberTerm, Tag("a number")]
    | Annotated[NumbersTerm, Tag("numbers")]
    | Annotated[Total, Tag("of total")]
    | Annotated[Share, Tag("of share")]
    | Annotated[Interest, Tag("of interest")]
    | Annotated[Least, Tag("of least")]
    | Annotated[Most, Tag("of most")]
    | Annotated[Table, Tag("of table")]
    | Annotated[While, Tag("of failed")],
    Discriminator(
        _form,
        custom_error_type="amount",
        custom_error_message="must be a name, a number with its origin ({value: ..., assumed: ...}), "
        "or one of total, share, interest, least, most, table, failed",
    ),
]
"""`NumbersTerm`: a number for each period, which start over when they are through."""

for _model in _MADE.values():
    _model.model_rebuild()


class Repayment(Strict):
    """How a loan is repaid: in equal parts from the period with the number `equal_from` on (1 is the first),
    or by the `fractions` of its principal that fall due in consecutive periods; the last one takes what is
    left."""

    equal_from: NumberTerm | None = None
    fractions: NumbersTerm | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Repayment:
        if (self.equal_from is None) == (self.fractions is None):
            raise PydanticCustomError("repayment", "needs `equal_from` or `fractions`, and not both")
        return self

    def due(self, principal: int, periods: int) -> list[int]:
        """What falls due of `principal` (minor units) in each period, rounded down; adds up to it. Raises
        ValueError where the terms do not fit the periods."""
        back = [0] * periods
        if self.equal_from is not None:
            first = self.equal_from.value
            if first != int(first) or not 1 <= first <= periods:
                raise ValueError(f"`equal_from` must be the number of a period, from 1 to {periods}")
            each = principal // (periods - int(first) + 1)
            back[int(first) - 1 :] = [each] * (periods - int(first) + 1)
        elif self.fractions is not None:
            fractions = [Fraction(each) for each in self.fractions.value]
            if len(fractions) > periods or min(fractions, default=-1) < 0 or sum(fractions) > 1:
                raise ValueError(
                    f"`fractions` must be at most {periods}, none below 0, and at most 1 together"
                )
            for period, part in enumerate(fractions):
                back[period] = principal * part.numerator // part.denominator
        back[-1] += principal - sum(back)
        return back


def names_in(amount: Amount | None) -> Iterator[str]:
    """Every name that an amount is made of, covenants too."""
    if isinstance(amount, str):
        yield amount
    elif isinstance(amount, Strict) and not isinstance(amount, NumberTerm | NumbersTerm):
        for field in type(amount).model_fields:
            value: Any = getattr(amount, field)
            for each in value if isinstance(value, list) else [value]:
                yield from names_in(each)
