"""What resources have in common. Money is always a string of whole minor units; times are unix seconds."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Item = TypeVar("Item")

Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
Minor = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,78}$"), Field(examples=["428750000000"])]
"""Minor units of the deal's currency as an integer string."""


class Resource(BaseModel):
    """Base of what the API answers: nothing undocumented leaves it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Asked(BaseModel):
    """Base of what is asked in a body that may be large: an unknown field is an error, and a hundred thousand
    of them are one, not as many."""

    model_config = ConfigDict(extra="forbid")

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


def example(value: Any) -> ConfigDict:
    """Config of a model with an example for OpenAPI."""
    return ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"example": value})
