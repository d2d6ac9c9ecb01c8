"""Who may hold a claim token: the books of contracts/identity/IdentityRegistry.sol.

One registry serves many deals, so it is known as far as it has been told of: `identities` when the world
begins, and acts since. Its verifiers are taken as given: who names them is no matter of a deal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from finance.settlement.acts import Call, table
from finance.settlement.widths import SettlementError
from finance.settlement.world import NOBODY, Books, World

LAST_CLASS = 7
IDENTITY = {"expiry": "uint64", "country": "uint16", "investorClass": "uint8"}

ACTS = table(
    Call(
        "set_identity", "verifier", "register or renew a wallet", {"account": "address", "identity": IDENTITY}
    ),
    Call(
        "set_identities",
        "verifier",
        "register many wallets at once",
        {"accounts": ["address"], "identities": [IDENTITY]},
    ),
    Call("revoke", "verifier", "forget a wallet", {"account": "address"}),
)


class Identity(NamedTuple):
    """`expiry`: first second in which a wallet counts as verified no more; `country` by its ISO 3166-1
    number; class 1 retail, 2 professional, 3 institutional, up to LAST_CLASS."""

    expiry: int
    country: int
    investor_class: int


class HoldingPolicy(NamedTuple):
    """Who may hold: `classes` has bit c for class c, `blocked` are countries that may not."""

    classes: int
    blocked: tuple[int, ...] = ()


@dataclass
class RegistryBooks(Books):
    """The registry's state."""

    KIND: ClassVar[str] = "registry"
    SHARED: ClassVar[bool] = True
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    verifiers: frozenset[str]
    identities: MutableMapping[str, Identity] = field(default_factory=dict)
    key: str = "registry"

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"verifier": self.verifiers}

    def is_eligible(self, account: str, policy: HoldingPolicy, at: int) -> bool:
        """Whether a wallet is registered, not expired, of an allowed class and of no blocked country."""
        known = self.identities.get(account)
        if known is None or at >= known.expiry:
            return False
        return bool(policy.classes >> known.investor_class & 1) and known.country not in policy.blocked

    def may_refuse(self, account: str, policy: HoldingPolicy, at: int) -> bool:
        """Whether, as far as is known here, a wallet may not be eligible."""
        return not self.is_eligible(account, policy, at)

    # -- acts

    def set_identity(self, world: World, by: str, account: str, identity: Mapping[str, Any]) -> None:
        known = Identity(identity["expiry"], identity["country"], identity["investorClass"])
        if account == NOBODY or not 0 < known.investor_class <= LAST_CLASS:
            raise SettlementError(f"{self.key}: {account} of class {known.investor_class}")
        if known.expiry <= world.at:
            raise SettlementError(f"{self.key}: an identity that expired at {known.expiry}")
        self.identities[account] = known
        world.emit(
            self.key,
            "IdentitySet",
            account=account,
            investorClass=known.investor_class,
            country=known.country,
            expiry=known.expiry,
        )

    def set_identities(
        self, world: World, by: str, accounts: Sequence[str], identities: Sequence[Mapping[str, Any]]
    ) -> None:
        if len(accounts) != len(identities):
            raise SettlementError(f"{self.key}: {len(accounts)} accounts, {len(identities)} identities")
        for account, identity in zip(accounts, identities, strict=True):
            self.set_identity(world, by, account, identity)

    def revoke(self, world: World, by: str, account: str) -> None:
        if account not in self.identities:
            raise SettlementError(f"{self.key}: {account} is not registered")
        del self.identities[account]
        world.emit(self.key, "IdentityRevoked", account=account)
