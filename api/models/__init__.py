"""What resources have in common. Money is always a string of whole minor units; times are unix seconds."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from api.models.examples import EXAMPLES

Item = TypeVar("Item")

Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
Minor = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
    StringConstraints(pattern=r"^-?[0-9]{1,78}$"),
    Field(examples=["428750000000"]),
]
"""Minor units of the deal's currency as an integer string."""


def _with_example(schema: dict[str, Any], model: type[BaseModel]) -> None:
    if model.__name__ in EXAMPLES:
        schema["example"] = EXAMPLES[model.__name__]


class Resource(BaseModel):
    """Base of what the API answers: nothing undocumented leaves it. Its description has the example of its
    name."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra=_with_example)

    @classmethod
    def of(cls, source: Any, **more: Any) -> Self:
        """What `source` has by the names of the fields, and `more`, which comes before it."""
        names = (name for name in cls.model_fields if name not in more and hasattr(source, name))
        return cls(**{name: getattr(source, name) for name in names}, **more)


class Asked(BaseModel):
    """Base of what is asked in a body that may be large: an unknown field is an error, and a hundred thousand
    of them are one, not as many."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_with_example)

    @model_validator(mode="before")
    @classmethod
    def _no_more_than_known(cls, data: Any) -> Any:
        if isinstance(data, dict) and len(data) > len(cls.model_fields):
            unknown = next(name for name in data if name not in cls.model_fields)
            raise ValueError(f"`{unknown[:64]}` is not known")
        return data


class Currency(Resource):
    """Divide minor units by 10^decimals. `token` is the currency's contract, where there is one."""

    code: str
    decimals: int
    token: Address | None = None


class AsOf(Resource):
    """The block up to which the index has read."""

    block: int
    time: int


class Trace(Resource):
    """The log on chain that a figure comes from."""

    block: int
    log: int
    time: int
    tx: Hash


class Page(Resource, Generic[Item]):
    """A part of a list. `next`: cursor of the following part, null at the end."""

    items: list[Item]
    next: str | None = None
    as_of: AsOf | None = None
