"""The token of a claim in a deal file: what it is called, and who may hold it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from finance.terms.part import Part
from finance.terms.values import Key, written

InvestorClass = Literal["retail", "professional", "institutional"]
Symbol = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z0-9]{1,11}$"),
    written("at most eleven capitals and digits, such as DCW16B"),
]
Country = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}$"), written("two capitals of ISO 3166-1, such as US")
]


class ClaimToken(Part):
    """Units of a claim, which change hands among those who may hold them: wallets of the `eligible_classes`
    from no blocked country (ISO 3166-1 alpha-2). Its name is the title of the part that pays it;
    `agent` keeps its register, by default the only party with that role."""

    called: ClassVar[str] = "claim token"
    led: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ("agent",)
    handed_on: ClassVar[tuple[str, ...]] = ("agent",)
    gas: ClassVar[int] = 250_000

    kind: Literal["claim_token"]
    symbol: Symbol
    agent: Key | None = None
    eligible_classes: Annotated[list[InvestorClass], Field(min_length=1)]
    blocked_countries: list[Country] = Field(default_factory=list)

    @property
    def holders(self) -> list[InvestorClass]:
        return self.eligible_classes
