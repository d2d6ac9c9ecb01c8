"""What holders have, folded from the claim token's events exactly as the contract does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chain.history import Event
from chain.terms import ZERO_ADDRESS


@dataclass(frozen=True, slots=True)
class Account:
    """A holder's account with the claim token. `unclaimed` was earned until the token had earned `per_unit`
    minor units per unit; `claimed` was paid out in all."""

    units: int = 0
    per_unit: int = 0
    unclaimed: int = 0
    claimed: int = 0

    def row(self) -> dict[str, int]:
        """As columns. By hand, for dataclasses.asdict takes longer than all the rest."""
        return {
            "units": self.units,
            "per_unit": self.per_unit,
            "unclaimed": self.unclaimed,
            "claimed": self.claimed,
        }

    def claimable(self, per_unit: int) -> int:
        """What a claim would pay when the token has earned `per_unit`."""
        return self.units * (per_unit - self.per_unit) + self.unclaimed

    def moved(self, units: int, per_unit: int) -> Account:
        """After a change of units: what the old balance has earned is put aside first."""
        return Account(self.units + units, per_unit, self.claimable(per_unit), self.claimed)

    def paid(self, amount: int, per_unit: int) -> Account:
        """After a claim of `amount`."""
        return Account(self.units, per_unit, self.claimable(per_unit) - amount, self.claimed + amount)

    def handed(self, money: int, per_unit: int) -> Account:
        """After unclaimed money came (below zero: went) with a recovered holding."""
        return Account(self.units, per_unit, self.claimable(per_unit) + money, self.claimed)


@dataclass(frozen=True, slots=True)
class Total:
    """The claim token as a whole: units in issue, minor units earned by each since issue, and money
    distributed and claimed in all."""

    supply: int = 0
    per_unit: int = 0
    distributed: int = 0
    claimed: int = 0

    def row(self) -> dict[str, int]:
        """As columns."""
        return asdict(self)


@dataclass
class RunningAccounts:
    """Accounts and total after the events so far, and a row for every change on the way."""

    total: Total
    accounts: dict[str, Account]
    holdings: list[dict[str, Any]] = field(default_factory=list)
    totals: list[dict[str, Any]] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        """Take in one event of the token, the next in order."""
        a = event.arguments
        match event.name:
            case "Transfer":
                self._transfer(event, a["from"], a["to"], a["value"])
            case "Distributed":
                total = self.total
                self._totals(
                    event,
                    per_unit=total.per_unit + a["perUnit"],
                    distributed=total.distributed + a["paid"],
                )
            case "Claimed":
                account = self._account(a["holder"])
                self._holding(event, a["holder"], account.paid(a["amount"], self.total.per_unit))
                self._totals(event, claimed=self.total.claimed + a["amount"])
            case "HoldingRecovered":
                for holder, money in ((a["holder"], -a["money"]), (a["to"], a["money"])):
                    self._holding(event, holder, self._account(holder).handed(money, self.total.per_unit))

    def _transfer(self, event: Event, source: str, to: str, units: int) -> None:
        per_unit = self.total.per_unit
        if source != ZERO_ADDRESS:
            self.accounts[source] = self._account(source).moved(-units, per_unit)
        if to != ZERO_ADDRESS:
            self.accounts[to] = self._account(to).moved(units, per_unit)
        for party in {source, to} - {ZERO_ADDRESS}:
            self._holding(event, party, self.accounts[party])
        if ZERO_ADDRESS in (source, to) and source != to:
            self._totals(event, supply=self.total.supply + (units if source == ZERO_ADDRESS else -units))

    def _account(self, holder: str) -> Account:
        return self.accounts.get(holder) or Account()

    def _holding(self, event: Event, holder: str, account: Account) -> None:
        self.accounts[holder] = account
        self.holdings.append({"holder": holder, "block": event.block, "log": event.index, **account.row()})

    def _totals(self, event: Event, **changes: int) -> None:
        self.total = replace(self.total, **changes)
        self.totals.append({"block": event.block, "log": event.index, **self.total.row()})


def parties(events: Iterable[Event]) -> set[str]:
    """Everybody whose account these events of the token change."""
    found: set[str] = set()
    for event in events:
        a: Mapping[str, Any] = event.arguments
        if event.name == "Transfer":
            found |= {a["from"], a["to"]}
        elif event.name == "Claimed":
            found.add(a["holder"])
        elif event.name == "HoldingRecovered":
            found |= {a["holder"], a["to"]}
    return found - {ZERO_ADDRESS}
