"""Who holds how many units, and what they have earned: the books of contracts/token/SecurityToken.sol.

A unit earns a whole number of minor units with each distribution; `index` is what one has earned since issue.
An account keeps what it had earned when its units last changed, so that moving units never moves money. Where
the contract puts what does not fit an account's word aside, these integers have no width.

Allowances are the ERC-20's (`approve`, `permit` and their events): a unit moved by `transferFrom` is moved as
its holder's transfer is, and says the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.identity_registry import HoldingPolicy, RegistryBooks
from finance.settlement.pro_rata import per_unit
from finance.settlement.widths import SettlementError, StateError
from finance.settlement.world import NOBODY, Books, World

MAX_UNITS = 2**64 - 1
MAX_INDEX = 2**96 - 1
RECOVERY_NOTICE = 90 * 86_400
RECOVERY_WINDOW = 30 * 86_400

_TO = {"to": "address", "value": "uint256"}
ACTS = table(
    Call("mint", "minter", "issue units", {"to": "address", "units": "uint256"}),
    Call("burn", "minter", "take units back", {"from": "address", "units": "uint256"}),
    Call("close", "servicer", "end the token's life: no transfer or issue any more"),
    Call("distribute", ANYONE, "share currency equally over all units", {"amount": "uint256"}),
    Call("claim", ANYONE, "pay a holder all that it has earned", {"holder": "address"}),
    Call("transfer", ANYONE, "give units to another holder", _TO),
    Call("transfer_from", ANYONE, "move units of a holder who allows it", {"from": "address", **_TO}),
    Call("set_frozen_tokens", "agent", "freeze units", {"account": "address", "amount": "uint256"}),
    Call(
        "forced_transfer",
        "agent",
        "move units without their holder",
        {"from": "address", "to": "address", "amount": "uint256"},
    ),
    Call("set_paused", "agent", "stop transfers, or let them go on", {"paused": "bool"}),
    Call(
        "announce_recovery",
        "agent",
        "begin the notice after which a lost key's holding goes to another wallet of its holder",
        {"holder": "address", "to": "address"},
    ),
    Call("object_to_recovery", "holder in recovery", "show that the key is not lost"),
    Call("recover_holding", ANYONE, "after the notice: make a recovery", {"holder": "address"}),
)


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """ISecurityToken.Anchors. `agent` is an address; `minter`, `servicer` and `registry` are keys of
    parts."""

    agent: str
    policy: HoldingPolicy
    minter: str = "offering"
    servicer: str = "bond"
    registry: str = "registry"


@dataclass(frozen=True, slots=True)
class Account:
    """`owed` is what had been earned and not claimed when the index stood at `index`."""

    units: int = 0
    index: int = 0
    owed: int = 0


class Recovery(NamedTuple):
    """`start`: first second in which the holding can be recovered."""

    to: str
    start: int


@dataclass
class TokenBooks(Books):
    """A claim token's state. `frozen` units may be more than are held."""

    KIND: ClassVar[str] = "token"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: TokenTerms
    supply: int = 0
    index: int = 0
    paused: bool = False
    closed: bool = False
    accounts: MutableMapping[str, Account] = field(default_factory=dict)
    frozen: MutableMapping[str, int] = field(default_factory=dict)
    recoveries: MutableMapping[str, Recovery] = field(default_factory=dict)
    key: str = "token"

    def without_holders(self) -> TokenSums:
        """The same of which only the sums are known."""
        return TokenSums(**vars(self))

    # -- questions

    def units_of(self, holder: str) -> int:
        return self._account(holder).units

    def known_units(self, holder: str) -> int | None:
        """What somebody holds; None where only the sums are known."""
        return self.units_of(holder)

    def free_units(self, holder: str, at: int) -> int:
        """Neither frozen nor in recovery."""
        if self.recovery_of(holder, at):
            return 0
        return max(0, self.units_of(holder) - self.frozen.get(holder, 0))

    @property
    def earned(self) -> int:
        return self.index

    def claimable(self, holder: str) -> int:
        """What a claim would pay now."""
        account = self._account(holder)
        return account.owed + account.units * (self.index - account.index)

    def can_hold(self, world: World, account: str, at: int | None = None) -> bool:
        """By what is known now; at another time if one is given."""
        registry = world.books(self.terms.registry, RegistryBooks)
        return registry.is_eligible(account, self.terms.policy, world.at if at is None else at)

    def may_refuse(self, world: World, account: str) -> bool:
        """Whether, as far as is known, somebody may not hold units now."""
        registry = world.books(self.terms.registry, RegistryBooks)
        return registry.may_refuse(account, self.terms.policy, world.at)

    def recovery_of(self, holder: str, at: int) -> Recovery | None:
        """The recovery announced for a holder, and not lapsed."""
        recovery = self.recoveries.get(holder)
        return None if recovery is None or at > recovery.start + RECOVERY_WINDOW else recovery

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {
            "agent": [self.terms.agent],
            "minter": [world.addresses[self.terms.minter]],
            "servicer": [world.addresses[self.terms.servicer]],
            "holder in recovery": [each for each in self.recoveries if self.recovery_of(each, world.at)],
        }

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        return {"holder": list(self.recoveries)} if call == "recover_holding" else {}

    def due(self, world: World) -> list[Act]:
        return [self._now(world, "recover_holding", holder=holder) for holder in self.recoveries]

    def owing(self, world: World) -> list[Act]:
        """Each holder takes what it has earned."""
        return [
            self._now(world, "claim", holder, holder=holder)
            for holder in self.accounts
            if self.claimable(holder)
        ]

    # -- issue and end

    def mint(self, world: World, by: str, to: str, units: int) -> None:
        self._require_open()
        self._require_can_hold(world, to)
        if units > MAX_UNITS - self.supply:
            raise SettlementError(f"{self.key}: {units} more than {self.supply} units")
        self.supply += units
        self._credit(to, units)
        self._transferred(world, NOBODY, to, units)

    def burn(self, world: World, by: str, from_: str, units: int) -> None:
        if from_ == NOBODY:
            raise SettlementError(f"{self.key}: units of nobody")
        self._release(world, from_, units)
        self._debit(from_, units)
        self.supply -= units
        self._transferred(world, from_, NOBODY, units)

    def close(self, world: World, by: str) -> None:
        self._require_open()
        self.closed = True
        world.emit(self.key, "TokenClosed")

    # -- money

    def distribute(self, world: World, by: str, amount: int) -> int:
        each, paid = per_unit(amount, self.supply)
        if each == 0 or each > MAX_INDEX - self.index:
            raise SettlementError(f"{self.key}: {amount} over {self.supply} units at index {self.index}")
        self.index += each
        world.emit(self.key, "Distributed", payer=by, paid=paid, perUnit=each)
        world.move(by, world.addresses[self.key], paid, "distribution")
        return paid

    def claim(self, world: World, by: str, holder: str) -> int:
        if self.recovery_of(holder, world.at):
            if by != holder:
                raise SettlementError(f"{self.key}: a claim of {holder}, in recovery, by {by}")
            self._end_recovery(world, holder)
        amount = self.claimable(holder)
        if amount == 0:
            return 0
        self.accounts[holder] = Account(self.units_of(holder), self.index, 0)
        world.emit(self.key, "Claimed", holder=holder, amount=amount)
        world.move(world.addresses[self.key], holder, amount, "claim")
        return amount

    # -- transfers

    def transfer(self, world: World, by: str, to: str, value: int) -> bool:
        self._require_open()
        if self.paused:
            raise StateError(f"{self.key}: transfers are paused")
        self._require_can_hold(world, by, to)
        unfrozen = max(0, self.units_of(by) - self.frozen.get(by, 0))
        self._debit(by, value)
        if value > unfrozen:
            raise SettlementError(f"{self.key}: {value} units of {by}, of which {unfrozen} are not frozen")
        self._credit(to, value)
        self._transferred(world, by, to, value)
        return True

    def transfer_from(self, world: World, by: str, from_: str, to: str, value: int) -> bool:
        return self.transfer(world, from_, to, value)

    # -- compliance

    def set_frozen_tokens(self, world: World, by: str, account: str, amount: int) -> bool:
        self._freeze(world, account, amount)
        return True

    def forced_transfer(self, world: World, by: str, from_: str, to: str, amount: int) -> bool:
        if from_ == to:
            raise SettlementError(f"{self.key}: a forced transfer of {to} to itself")
        self._require_open()
        self._require_can_hold(world, to)
        self._release(world, from_, amount)
        self._debit(from_, amount)
        self._credit(to, amount)
        self._transferred(world, from_, to, amount)
        world.emit(self.key, "ForcedTransfer", **{"from": from_, "to": to, "amount": amount})
        return True

    def set_paused(self, world: World, by: str, paused: bool) -> None:
        self.paused = paused
        world.emit(self.key, "TransfersPaused", paused=paused)

    # -- a lost key

    def announce_recovery(self, world: World, by: str, holder: str, to: str) -> None:
        if holder == to:
            raise SettlementError(f"{self.key}: a recovery of {to} to itself")
        self._require_can_hold(world, to)
        start = world.at + RECOVERY_NOTICE
        self.recoveries[holder] = Recovery(to, start)
        world.emit(self.key, "RecoveryAnnounced", **{"holder": holder, "to": to, "from": start})

    def object_to_recovery(self, world: World, by: str) -> None:
        self._end_recovery(world, by)

    def recover_holding(self, world: World, by: str, holder: str) -> tuple[int, int]:
        recovery = self.recovery_of(holder, world.at)
        if recovery is None or world.at < recovery.start:
            raise SettlementError(f"{self.key}: no recovery of {holder} can be made now")
        self._require_can_hold(world, recovery.to)
        del self.recoveries[holder]
        units, money = self.units_of(holder), self.claimable(holder)
        self._release(world, holder, units)
        self.accounts[holder] = Account(0, self.index, 0)
        self._credit(recovery.to, units)
        heir = self._account(recovery.to)
        self.accounts[recovery.to] = replace(heir, owed=heir.owed + money)
        self._transferred(world, holder, recovery.to, units)
        world.emit(self.key, "HoldingRecovered", holder=holder, to=recovery.to, units=units, money=money)
        return units, money

    # -- within

    def _account(self, holder: str) -> Account:
        return self.accounts.get(holder, Account())

    def _credit(self, to: str, units: int) -> None:
        self.accounts[to] = Account(self.units_of(to) + units, self.index, self.claimable(to))

    def _debit(self, from_: str, units: int) -> None:
        if units > self.units_of(from_):
            raise SettlementError(f"{self.key}: {units} of the {self.units_of(from_)} units of {from_}")
        self.accounts[from_] = Account(self.units_of(from_) - units, self.index, self.claimable(from_))

    def _release(self, world: World, from_: str, units: int) -> None:
        """Units that leave by force or refund stop being frozen; what was frozen beyond them stays so."""
        held, frozen = self.units_of(from_), self.frozen.get(from_, 0)
        unfrozen = max(0, held - frozen)
        if held >= units > unfrozen:
            self._freeze(world, from_, frozen - (units - unfrozen))

    def _freeze(self, world: World, account: str, amount: int) -> None:
        self.frozen[account] = amount
        world.emit(self.key, "Frozen", account=account, amount=amount)

    def _end_recovery(self, world: World, holder: str) -> None:
        del self.recoveries[holder]
        world.emit(self.key, "RecoveryObjected", holder=holder)

    def _transferred(self, world: World, from_: str, to: str, units: int) -> None:
        world.emit(self.key, "Transfer", **{"from": from_, "to": to, "value": units})

    def _require_open(self) -> None:
        if self.closed:
            raise StateError(f"{self.key}: has ended")

    def _require_can_hold(self, world: World, *accounts: str) -> None:
        for account in accounts:
            if not self.can_hold(world, account):
                raise SettlementError(f"{self.key}: {account} may not hold units")


@dataclass
class TokenSums(TokenBooks):
    """A claim token of which only the sums are known: units in issue, what one has earned, money. Who holds
    what is kept elsewhere, such as in an index of millions of transfers; a claim is what was told of it."""

    KIND: ClassVar[str] = "token sums"
    ACTS: ClassVar[Mapping[str, Call]] = {
        **{
            name: ACTS[name]
            for name in ("mint", "burn", "close", "distribute", "set_paused", "transfer_from")
        },
        **table(
            Call("told_claim", ANYONE, "pay a holder", {"holder": "address", "amount": "uint256"}),
        ),
    }

    def with_holders(self) -> TokenBooks:
        """A claim token of these sums, which of no holder can say anything."""
        return _Unheld(**vars(self))

    def due(self, world: World) -> list[Act]:
        return []

    def known_units(self, holder: str) -> None:
        return None

    def units_of(self, holder: str) -> int:
        """As many as there are: a chain that has taken an act has seen to it who holds what."""
        return self.supply

    def free_units(self, holder: str, at: int) -> int:
        """As `units_of`."""
        return self.supply

    def told_claim(self, world: World, by: str, holder: str, amount: int) -> None:
        world.emit(self.key, "Claimed", holder=holder, amount=amount)
        world.move(world.addresses[self.key], holder, amount, "claim")

    def transfer(self, world: World, by: str, to: str, value: int) -> bool:
        """As `_credit`."""
        self._require_open()
        return True

    def _credit(self, to: str, units: int) -> None:
        """Nobody's account is kept."""

    def _debit(self, from_: str, units: int) -> None:
        """As `_credit`."""

    def _release(self, world: World, from_: str, units: int) -> None:
        """As `_credit`."""

    def _transferred(self, world: World, from_: str, to: str, units: int) -> None:
        """Not told of."""


class _Unheld(TokenBooks):
    """See TokenSums.with_holders."""

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        return {}

    def known_units(self, holder: str) -> None:
        return None

    def _account(self, holder: str) -> Account:
        raise LookupError(f"{self.key}: who holds what is not known here")
