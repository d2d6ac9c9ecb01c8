"""A deployed deal and those who act in it: what the books allow is sent as transactions of whoever signs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import IntEnum
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.types import TxReceipt

from chain.bindings import calldata, contract, read, request
from chain.errors import ContractError
from chain.following import MINT, Following, acts_of
from chain.records import DeploymentRecord
from chain.sender import GasLog, Sender
from finance.settlement.acts import Act, Done
from finance.settlement.world import CURRENCY, World

UNKNOWN = frozenset({"registry", "oracle"})
"""Parts that serve other deals too, of which the books do not know everything: the contract is asked."""
MAY_LACK_ALLOWANCE = frozenset(
    {"ERC20InsufficientAllowance", "SafeERC20FailedOperation", "Error", "Panic", "Reverted", "UnknownError"}
)
"""How currencies refuse what they are not allowed to move: OpenZeppelin's, and any other in its own way."""


class Acting:
    """The deal of a record, and who acts in it: the record's people by their roles, and `people` by any name,
    each an address that the node has unlocked, or a key. Money is in minor units, times are unix seconds."""

    def __init__(
        self,
        w3: Web3,
        record: DeploymentRecord,
        people: Mapping[str, str | LocalAccount] | None = None,
        gas: GasLog | None = None,
    ) -> None:
        self.deal, self.gas = Following(w3, record), gas if gas is not None else GasLog()
        known = {name: who for name, who in record.wallets.everybody.items() if isinstance(who, str)}
        self.senders = {name: Sender(w3, who, self.gas) for name, who in {**known, **(people or {})}.items()}

    def act(self, by: str, what: str, **arguments: Any) -> Done | None:
        """Do PART.ACT, such as `swap.fund`; what it came to by the books. One of few values goes by its name.

        Raises KeyError for a name or an act that there is not, SettlementError where the books refuse, and
        ContractError where only the contract does.
        """
        part, _, call = what.partition(".")
        world, sender = self.deal.look(), self.senders[by]
        kinds = acts_of(world, part)[call].arguments
        given = {name: _named(kinds.get(name), value) for name, value in arguments.items()}
        act = Act(sender.address, part, call, given, world.at, world.block)
        done = tried(world, act)
        self.send(world, act, done, sender)
        return done

    def send(self, world: World, act: Act, done: Done | None, sender: Sender) -> TxReceipt:
        """Send an act of which it is known what it comes to. Raises ContractError."""
        with self._allowed(world, act, done, sender):
            return sender.send(self.deal.call(world, act), f"{act.part}.{act.call}")

    @contextmanager
    def _allowed(self, world: World, act: Act, done: Done | None, sender: Sender) -> Iterator[None]:
        """Let the parts that take currency of who acts take as much, where they may not yet. What is refused
        anyway is refused before; where only the act itself shows it, they may again what they
        might before."""
        w3 = self.deal.w3
        money = contract(w3, "IERC20", world.addresses[CURRENCY]).functions
        takes: dict[str, int] = {}
        for flow in done.flows if done is not None and act.part != CURRENCY else ():
            if flow.payer == sender.address:
                takes[flow.payee] = takes.get(flow.payee, 0) + flow.amount
        before = {part: read(money.allowance(sender.address, part)) for part in takes}
        lacking = {part: amount for part, amount in takes.items() if before[part] < amount}
        if lacking:
            call = self.deal.call(world, act)
            plain = {"from": sender.address, "to": call.address, "data": calldata(call)}
            try:
                request(w3, "eth_estimateGas", [plain], f"{act.part}.{act.call}")
            except ContractError as error:
                if error.name not in MAY_LACK_ALLOWANCE:
                    raise
        try:
            for part, amount in lacking.items():
                sender.send(money.approve(part, amount), "approve")
            yield
        except ContractError:
            for part in lacking:
                if read(money.allowance(sender.address, part)) != before[part]:
                    sender.send(money.approve(part, before[part]), "approve")
            raise


def tried(world: World, act: Act) -> Done | None:
    """What an act would come to by the books; None where only the contract knows. Raises SettlementError."""
    if act.part in UNKNOWN or (act.part, act.call) == (CURRENCY, MINT.name):
        return None
    return world.tried(replace(act, at=world.at, block=world.block))[1]


def _named(kind: Any, value: Any) -> Any:
    is_name = isinstance(value, str) and isinstance(kind, type) and issubclass(kind, IntEnum)
    return kind[value.upper()] if is_name else value
