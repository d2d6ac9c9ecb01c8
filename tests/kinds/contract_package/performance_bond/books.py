"""The books of PerformanceBond.sol."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from finance.settlement.acts import ANYONE, Act, table
from finance.settlement.acts import Call as Row
from finance.settlement.widths import SettlementError
from finance.settlement.world import Books, World


@dataclass(frozen=True, slots=True)
class Terms:
    """Addresses, and integers: `amount` in minor units, `target` as the KPI is reported. The KPI's
    period `ends`, and whether it has a report is `answered`, in unix seconds."""

    feed: str
    contractor: str
    owner: str
    amount: int
    target: int
    missing_to_owner: bool
    ends: int
    answered: int


@dataclass
class PerformanceBondBooks(Books):
    """Whether the amount was set aside, and has gone where it belongs."""

    KIND = "performance_bond"
    ACTS: ClassVar = table(
        Row("post", ANYONE, "set the amount aside"),
        Row("waive", "owner", "give the contractor some of the amount back", {"amount": "uint128"}),
        Row("settle", ANYONE, "pay the amount to whose it is by the report"),
    )

    terms: Terms
    key: str
    posted: bool = False
    settled: bool = False
    waived: int = 0

    @property
    def left(self) -> int:
        return self.terms.amount - self.waived

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"owner": (self.terms.owner,)}

    def due(self, world: World) -> list[Act]:
        return [self._now(world, "settle")]

    def promised(self, world: World) -> list[Act]:
        return [self._now(world, "post", self.terms.contractor)]

    def dates(self) -> list[int]:
        return [self.terms.answered]

    def post(self, world: World, by: str) -> None:
        if self.posted or world.at >= self.terms.ends:
            raise SettlementError(f"{self.key}: nothing can be set aside now")
        self.posted = True
        world.emit(self.key, "Posted", by=by, amount=self.terms.amount)
        world.move(by, world.addresses[self.key], self.terms.amount, "posting")

    def waive(self, world: World, by: str, amount: int) -> None:
        if not self.posted or self.settled or amount > self.left:
            raise SettlementError(f"{self.key}: {amount} cannot be waived now")
        self.waived += amount
        world.emit(self.key, "Waived", amount=amount)
        world.move(world.addresses[self.key], self.terms.contractor, amount, "waiver")

    def settle(self, world: World, by: str) -> str:
        if not self.posted or self.settled:
            raise SettlementError(f"{self.key}: there is nothing to settle")
        self.settled = True
        kpi, missing = world.call(self.key, "oracle", "consume", feed=self.terms.feed, period=0)
        performed = not self.terms.missing_to_owner if missing else kpi >= self.terms.target
        to = self.terms.contractor if performed else self.terms.owner
        world.emit(self.key, "Settled", to=to, amount=self.left, kpi=kpi, missing=missing)
        world.move(world.addresses[self.key], to, self.left, "settlement")
        return to
