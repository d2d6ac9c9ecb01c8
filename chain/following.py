"""A deployed deal's books, kept up with its chain: what is due now, what an act would come to, and the act as
a call of its contract."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from web3 import Web3
from web3.contract.contract import ContractFunction

from chain.bindings import calldata, contract
from chain.check import require_own
from chain.errors import ChainError, NetworkError
from chain.events import Watch, read_events, require_chain, watch
from chain.history import Event
from chain.kinds import world_of
from chain.log_reader import Header, header
from chain.parts import PARTS
from chain.records import DeploymentRecord
from chain.replay import replay
from finance.settlement.acts import ANYONE, Act, Call
from finance.settlement.world import ACTS as CURRENCY_ACTS
from finance.settlement.world import CURRENCY, World


class StrayError(ChainError):
    """The log of a deal is not what its books make of it, so nothing can be said of what is due."""


@dataclass
class Following:
    """The deal of a record on its chain. `look` reads what is new, and all of it again where the chain has
    taken blocks back."""

    w3: Web3
    record: DeploymentRecord
    _world: World | None = field(default=None, repr=False)
    _read: Header | None = None

    def look(self) -> World:
        """The books as of the latest block, their clock at the next one.

        Raises StrayError where the log has what no act of the deal explains, or figures unlike the books',
        RecordError where the record is not that of the deal in it.
        """
        head = self._header("latest")
        if self._world is None or self._read is None or not (head == self._read or self._stands(self._read)):
            require_chain(self.w3, self.record)
            require_own(self.record)
            self._world = world_of(self.record, self.record.load_deal())
            self._read = None
        if self._read is None or head.number > self._read.number:
            start = None if self._read is None else self._read.number + 1
            events = read_events(self.w3, self.record, head.number, from_block=start)
            self._world = self._lived(self._world, events)
            self._read = head
        # Not before the latest block, whatever the clock of this machine says.
        at = max(head.time, self._pending_time())
        return replace(self._world, at=at, block=head.number + 1)

    def call(self, world: World, act: Act) -> ContractFunction:
        """An act as a call of its contract, for whoever does it to send, or keeps the part in whose name it
        is done."""
        row = acts_of(world, act.part)[act.call]
        name = PARTS[world.kind(act.part)].contract
        if (act.part, act.call) == (CURRENCY, MINT.name):
            name = "TestCurrency"
        functions = contract(self.w3, name, world.addresses[act.part]).functions
        call = functions[row.function](*(_plain(act.arguments[each]) for each in row.arguments))
        return in_name_of(world, act.by, call)

    @property
    def watch(self) -> Watch:
        return watch(self.record)

    def _lived(self, world: World, events: list[Event]) -> World:
        made = replay(world, self.record, events)
        if not made.holds:
            raise StrayError(made.unlike[0])
        return made.world

    def _pending_time(self) -> int:
        """When the next block would be made; 0 where a node does not tell."""
        try:
            pending = header(self.w3, "pending")
        except NetworkError:
            return 0
        return 0 if pending is None else pending.time

    def _stands(self, read: Header) -> bool:
        found = header(self.w3, read.number)
        return found is not None and found.hash == read.hash

    def _header(self, block: str) -> Header:
        found = header(self.w3, block)
        if found is None:
            raise ChainError(f"the chain has no {block} block")
        return found


def in_name_of(world: World, by: str, call: ContractFunction) -> ContractFunction:
    """The call as a part makes it that acts by its own address: its `execute`, for its keeper to send."""
    if by not in world.keepers:
        return call
    part = next(key for key in world.parts if world.addresses[key] == by)
    named = contract(call.w3, PARTS[world.kind(part)].contract, by).functions
    made: ContractFunction = named.execute(call.address, calldata(call))
    return made


MINT = Call("mint", ANYONE, "make test currency", {"to": "address", "amount": "uint256"})
"""Of the currency that a deployment without one of its own makes; the books know nothing of it."""


def acts_of(world: World, part: str) -> dict[str, Call]:
    """What can be done to a part, by name."""
    return {**CURRENCY_ACTS, MINT.name: MINT} if part == CURRENCY else dict(world.parts[part].ACTS)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, IntEnum) else value
