"""What every kind of part of a deal is: a section of the file, whose links to other parts are fields."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple, Protocol

from finance.terms.sections import Currency, Kpi, OraclePolicy, Party
from finance.terms.values import Strict

ANY = "part"


@dataclass(frozen=True)
class Link:
    """Marks a field that names another part of the deal, which must be of a `kind` (ANY: of whichever);
    `does` is what the part with the field does to that: it pays it, sells it, is hedged by it."""

    kind: str
    does: str


class Issue(NamedTuple):
    """What a part that pays a claim token lets an offering sell: the `whole` and one `unit` of it in money,
    with what the file calls them, until when, why all of it is offered, and the `price` at which a unit is
    valued."""

    whole_name: str
    whole: Decimal
    unit_name: str
    unit: Decimal
    issued: date
    why: str
    price: Decimal


class UnitPayment(NamedTuple):
    """What a unit is paid on a `day` by the terms, in minor units: at `least`, whatever KPIs decide, with
    what is repaid of its principal, of which so much is `left` then; the most that KPIs may have `taken` of
    it; and the price, a fraction of what is left, at which all may be ended that day by whoever owes it."""

    day: date
    least: int
    left: int
    taken: int
    call: Fraction | None


class Whole(Protocol):
    """What a part may look at of the deal that it is in (finance.terms.deal.Deal)."""

    @property
    def currency(self) -> Currency: ...
    @property
    def parties(self) -> Mapping[str, Party]: ...
    @property
    def kpis(self) -> Mapping[str, Kpi]: ...
    @property
    def oracle(self) -> Mapping[str, OraclePolicy]: ...
    @property
    def parts(self) -> Mapping[str, Part]: ...

    def in_role(self, role: str) -> list[str]:
        """The keys of the parties that have a role."""


class Sides(NamedTuple):
    """Who is on either side of a part that KPIs decide, and in words what the data controller must be."""

    parties: frozenset[str]
    words: str


class Part(Strict):
    """Base of every kind of part. `called`: what people call the only part of a kind. `leads`: parts of the
    kind are valued, and shown, by themselves, together with those that hang on them; `led`: they are nothing
    by themselves, and which other must name them their rules say; `served`: a part that they name has the
    contract that serves them. `people`: the roles of parties that it
    knows, each a field with the key of one, which may be empty where only one party of the deal has that
    role; `handed_on`: roles in it that pay nothing in, so that an office may have them. `gas`: what its
    contract takes at least to be deployed, whatever its terms; 0 where nobody has
    measured it (tests/chain/test_chain_gas.py).

    A subclass states its `kind` as a Literal and is listed in finance.terms.kinds.
    """

    called: ClassVar[str] = ""
    leads: ClassVar[bool] = False
    led: ClassVar[bool] = False
    served: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()
    handed_on: ClassVar[tuple[str, ...]] = ()
    gas: ClassVar[int] = 0

    @property
    def issue(self) -> Issue | None:
        """What is sold of it, where it pays a claim token."""
        return None

    def unit_payments(self, deal: Whole) -> tuple[UnitPayment, ...] | None:
        """What a unit of the claim that it pays is paid by its terms, but for the redemption; None where they
        do not say. Raises ValueError where they do not fit."""
        return None

    @property
    def bought_back(self) -> Sequence[tuple[int, Fraction]]:
        """The pay dates, by coupon period from 0, at which holders may sell units back of what it names, and
        each price, a fraction of the principal left then."""
        return ()

    @property
    def holders(self) -> Collection[str] | None:
        """The classes of investors that may hold units of it; None where it has none."""
        return None

    @property
    def window(self) -> tuple[date, date] | None:
        """When it is sold, if it is a sale: the first day, and the first one after."""
        return None

    @property
    def named(self) -> Collection[tuple[str, str]]:
        """Roles and keys of parties that it knows beside its `people`: several may have one role in it."""
        return ()

    def sides(self, deal: Whole) -> Sides | None:
        """Whom a KPI lets gain or lose by it; None where no KPI decides anything of it."""
        return None

    def problems(self, deal: Any, here: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        """What its kind finds wrong with it in a `deal` (finance.terms.Deal), whose file has it at `here`:
        places in the file, with the reasons."""
        yield from ()

    def least_gas(self, deal: Whole) -> int:
        """Gas that its contract takes at least to be deployed with the terms it has in a deal. Raises
        ValueError where the terms do not say."""
        return self.gas

    def keep_dates(self, moved: dict[str, Any], days: int) -> None:
        """Put dates back where its kind must have them in `moved`, its section of the file with every date
        `days` later. Raises ValueError where they fit nowhere."""

    @classmethod
    def linking(cls) -> Iterator[tuple[str, Link]]:
        """The fields of this kind that name other parts."""
        for name, field in cls.model_fields.items():
            for mark in field.metadata:
                if isinstance(mark, Link):
                    yield name, mark

    def links(self) -> Iterator[tuple[str, Link, str]]:
        """The other parts that this one names: field, link, key."""
        for name, link in type(self).linking():
            key: Any = getattr(self, name, None)
            if isinstance(key, str):
                yield name, link, key
