"""The parts of a deal and its currency as a chain holds them, one act after the other.

An act inside an act (a treasury that funds a swap, an offering that begins a bond) is never given: it follows
from the outermost one, is made by the calling part, and happens where the contract makes it.

What a holder allows a part to take of the currency, or another to take of its units, is the ERC-20's matter
and not kept here: an act that a chain has carried out was allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, ClassVar, TypeVar

from finance.settlement.acts import ANYONE, Act, Call, Done, Emitted, Flow, table
from finance.settlement.layered import Layered, Sums
from finance.settlement.widths import FailedError, SettlementError, uint256

CURRENCY = "currency"
NOBODY = "0x" + "00" * 20
B = TypeVar("B")

ACTS = table(Call("transfer", ANYONE, "send currency", {"to": "address", "value": "uint256"}))
"""Of the currency: what comes to a part so is a gift, of which the contract is not told."""


class Books:
    """A part's state as its contract holds it. Fields are `terms`, which never change, and immutable values,
    or lists, mappings and sets of them. An act is a method by its name in the table `ACTS`: it takes the
    world, who does it and the arguments, and returns what the contract's function returns."""

    KIND: ClassVar[str] = ""
    """What kind of part: as the other rooms list it."""
    ACTS: ClassVar[Mapping[str, Call]] = {}
    SHARED: ClassVar[bool] = False
    """Whether the contract serves other deals too."""
    key: str
    """Of the part in its deal."""

    def act(self, by: str, call: str, arguments: Mapping[str, Any], world: World) -> Any:
        """Carry an act out. Raises SettlementError where the contract reverts, FailedError where these books
        break off, as those of another package may."""
        if call not in self.ACTS:
            raise SettlementError(f"{self.key}: no act {call}")
        row = self.ACTS[call]
        if row.who != ANYONE and by not in self.roles(world)[row.who]:
            raise SettlementError(f"{self.key}: {call} by {by}, not by the {row.who}")
        try:
            return getattr(self, call)(world, by, **row.checked(arguments))
        except SettlementError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise FailedError(f"{self.key}: {call}: its books break off: {why}") from error

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        """Who has each role that the table names."""
        return {}

    def due(self, world: World) -> list[Act]:
        """What anyone may do, and should be done as soon as the contract takes it: `World.due` tries it. In
        the order in which it should be done."""
        return []

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        """What an argument of an act can be now, of those that can only be one of a few."""
        return {}

    def promised(self, world: World) -> list[Act]:
        """What those who keep their word do now, who are no parts of the deal: each its own act."""
        return []

    def signs(self, world: World, desk: str, quote: Any) -> bool:
        """Whether it signs a quote of its own for a trade desk, by its key, now (ERC-1271)."""
        return False

    def owing(self, world: World) -> list[Act]:
        """What pays somebody outside what the part holds for them now."""
        return []

    def for_sale(self, at: int) -> int:
        """Units of it that anybody may buy at a time, as `buying` says."""
        return 0

    def buying(self, world: World, by: str, units: int) -> Act:
        """How somebody buys units of it that are for sale. Raises NotImplementedError where none ever are."""
        raise NotImplementedError

    def units_of(self, holder: str) -> int:
        """Units of it that somebody holds."""
        return 0

    @property
    def earned(self) -> int:
        """What it has paid each of its units so far, in a measure of its own that only grows."""
        return 0

    def accrued(self, world: World) -> int | None:
        """What a unit of its claim has accrued so far of what it is paid next, minor units; None where that
        cannot be said."""
        return None

    def standstill(self, payment: int) -> int:
        """Seconds by which those who hold it let a payment that is missed (from 0) be late for longer."""
        return 0

    @property
    def kept_by(self) -> str | None:
        """Who acts in its name: it is an account of theirs in the deal. None where nobody does."""
        return None

    def dates(self) -> list[int]:
        """When something of it begins or falls due, in unix seconds, whatever happens."""
        return []

    def _now(self, world: World, call: str, by: str = "", **arguments: Any) -> Act:
        """An act now, by anyone unless told otherwise."""
        return Act(by, self.key, call, arguments, world.at, world.block)

    def copied(self) -> Books:
        """The same state, of which nothing changes with this one."""
        made: Books = object.__new__(type(self))
        for name, value in vars(self).items():
            if isinstance(value, dict):
                value = Layered(value)
            vars(made)[name] = value.copy() if isinstance(value, Layered | list | set) else value
        return made


@dataclass
class World:
    """`parts` and their `addresses` by key, the currency's with them; `money` is currency by address: of
    outsiders what the deal has given them less what it took, unless they are given some.

    Parts are in the order in which a keeper looks at them. Addresses are compared as they are written.
    """

    parts: dict[str, Any]
    addresses: Mapping[str, str]
    at: int = 0
    block: int = 0
    money: MutableMapping[str, int] = field(default_factory=Sums)
    _done: Done = field(default_factory=Done, repr=False)
    _purposes: list[tuple[str, int | None]] = field(default_factory=list, repr=False)

    def do(self, act: Act) -> Done:
        """Carry an act out. Raises SettlementError where the chain would revert; the world is then of no use
        (see `tried`)."""
        if act.at < self.at or act.block < self.block:
            raise SettlementError(f"{act.call}: at {act.at}, block {act.block}, before what was last done")
        self.at, self.block, self._done, self._purposes = act.at, act.block, Done(), []
        if act.part == CURRENCY:
            self._done.result = self._transfer(act)
        else:
            self._done.result = self._part(act.part).act(act.by, act.call, act.arguments, self)
        return self._done

    def tried(self, act: Act) -> tuple[World, Done]:
        """The world after an act, and what it came to; this one stays as it is."""
        parts = {key: books.copied() for key, books in self.parts.items()}
        money = self.money if isinstance(self.money, Sums) else Sums(self.money)
        after = replace(self, parts=parts, money=money.copy())
        return after, after.do(act)

    def due(self) -> list[Act]:
        """What is due now in any part, and anyone may do."""
        return [act for books in self.parts.values() for act in books.due(self) if self.takes(act)]

    def promised(self) -> list[Act]:
        """What those who keep their word do now, in all parts."""
        return [act for books in self.parts.values() for act in books.promised(self) if self.takes(act)]

    def owing(self) -> list[Act]:
        """What pays somebody outside what is held for them, in all parts."""
        return [act for books in self.parts.values() for act in books.owing(self) if self.takes(act)]

    def takes(self, act: Act) -> bool:
        """Whether an act would be carried out."""
        try:
            self.tried(act)
        except SettlementError:
            return False
        return True

    def acting(self, act: Act) -> Act:
        """The same act in the name of a part, where only that may do it and whoever acts keeps it."""
        books = self.parts.get(act.part)
        if books is None or act.call not in books.ACTS or (who := books.ACTS[act.call].who) == ANYONE:
            return act
        may = books.roles(self).get(who, ())
        names = [part for part, keeper in self.keepers.items() if keeper == act.by and part in may]
        return replace(act, by=names[0]) if names and act.by not in may else act

    @property
    def keepers(self) -> dict[str, str]:
        """Who acts in the name of parts, by the address of each."""
        kept = {self.addresses[key]: books.kept_by for key, books in self.parts.items()}
        return {address: keeper for address, keeper in kept.items() if keeper is not None}

    def kind(self, key: str) -> str:
        """The kind of a part; the currency is one of its own."""
        return key if key == CURRENCY else str(self._part(key).KIND)

    def held(self, part: str) -> int:
        """Currency that a part holds."""
        return self.money[self.addresses[part]]

    @property
    def own(self) -> set[str]:
        """Addresses of the parts that are this deal's alone; its oracle serves others too."""
        return {self.addresses[key] for key in self.parts if not self.shared(key)}

    def shared(self, key: str) -> bool:
        """Whether a part serves other deals too, so that its books do not know everything of it."""
        return bool(self._part(key).SHARED)

    def books(self, key: str, kind: type[B]) -> B:
        """The books of a part, to ask them. Raises SettlementError when the deal has no such part."""
        found = self._part(key)
        if not isinstance(found, kind):
            raise SettlementError(f"{key}: {type(found).__name__}, no {kind.__name__}")
        return found

    # -- for books

    def call(self, caller: str, part: str, call: str, **arguments: Any) -> Any:
        """One part's books call another's."""
        return self._part(part).act(self.addresses[caller], call, arguments, self)

    @contextmanager
    def paying(self, what: str, period: int | None = None) -> Iterator[None]:
        """Money that the parts called here move is for this, as the caller knows it."""
        self._purposes.append((what, period))
        yield
        self._purposes.pop()

    def move(self, payer: str, payee: str, amount: int, what: str) -> None:
        """Currency from address to address."""
        uint256("amount", amount)
        if payee == NOBODY:
            raise SettlementError(f"{what}: {amount} to nobody")
        if payer in self.addresses.values() and self.money[payer] < amount:
            raise SettlementError(f"{what}: {amount} of {self.money[payer]} that {payer} holds")
        self.money[payer] -= amount
        self.money[payee] += amount
        purpose = self._purposes[-1] if self._purposes else (what, None)
        self._done.flows.append(Flow(payer, payee, amount, *purpose))
        self.emit(CURRENCY, "Transfer", **{"from": payer, "to": payee, "value": amount})

    def emit(self, part: str, event: str, /, **arguments: Any) -> None:
        """A part's contract says something."""
        plain = {k: int(v) if isinstance(v, IntEnum) else v for k, v in arguments.items()}
        self._done.emitted.append(Emitted(part, event, plain))

    def _transfer(self, act: Act) -> bool:
        if act.call not in ACTS:
            raise SettlementError(f"{CURRENCY}: no act {act.call}")
        arguments = ACTS[act.call].checked(act.arguments)
        if any(self.shared(key) and self.addresses[key] == act.by for key in self.parts):
            self.money[act.by] += arguments["value"]  # of other deals, whose money is not in these books
        self.move(act.by, arguments["to"], arguments["value"], "gift")
        return True

    def _part(self, key: str) -> Any:
        if key not in self.parts:
            raise SettlementError(f"{key}: the deal has no such part")
        return self.parts[key]
