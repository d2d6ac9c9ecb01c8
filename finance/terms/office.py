"""A role that is handed on by the deal's rules, in a deal file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from finance.terms.part import ANY, Link, Part, Whole
from finance.terms.values import Key, NumberTerm


class Office(Part):
    """The account of the party `keeper` in the part `of`, and wherever else in the deal it has a role: the
    parts name the office, and who keeps it can change. The keeper hands it on with `notice_days` of notice;
    and of the parties `appointers` a `quorum` can give it to another with as much, all of them if the keeper
    objects. So no lost or stolen key ends a role in a deal of thirty years.

    A role that pays money in cannot be handed on.
    """

    called: ClassVar[str] = "office"
    led: ClassVar[bool] = True
    gas: ClassVar[int] = 190_000
    GAS_OF_AN_APPOINTER: ClassVar[int] = 23_000

    kind: Literal["office"]
    of: Annotated[Key, Link(ANY, "acts in")]
    keeper: Key
    appointers: list[Key]
    quorum: NumberTerm
    notice_days: NumberTerm

    @property
    def named(self) -> list[tuple[str, str]]:
        return [("appointer", key) for key in self.appointers]

    def least_gas(self, deal: Whole) -> int:
        return self.gas + self.GAS_OF_AN_APPOINTER * len(self.appointers)
