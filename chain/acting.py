"""A deployed deal and those who act in it: what the books allow is sent as transactions of whoever signs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
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
from finance.settlement.world import CURRENCY, NOBODY, World

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
        act = world.acting(Act(sender.address, part, call, given, world.at, world.block))
        done = tried(world, act)
        self.send(world, act, done, sender)
        return done

    def send(self, world: World, act: Act, done: Done | None, sender: Sender) -> TxReceipt:
        """Send an act of which it is known what it comes to. Raises ContractError."""
        with ExitStack() as allowed:
            for key, amount in _taken(act, done, sender.address).items():
                allowed.enter_context(self._allowed(world, act, sender, key, amount))
            return sender.send(self.deal.call(world, act), f"{act.part}.{act.call}")

    @contextmanager
    def _allowed(self, world: World, act: Act, sender: Sender, of: str, takes: int) -> Iterator[None]:
        """Let the part that is called take what the act takes of who acts, currency or units, where it may
        not yet. What is refused anyway is refused before; however the act breaks off, the part may again take
        what it might before, as far as the chain still answers."""
        w3, part = self.deal.w3, world.addresses[act.part]
        money = contract(w3, "IERC20", world.addresses[of]).functions
        before = read(money.allowance(sender.address, part)) if takes else 0
        if takes <= before:
            yield
            return
        call = self.deal.call(world, act)
        plain = {"from": sender.address, "to": call.address, "data": calldata(call)}
        try:
            request(w3, "eth_estimateGas", [plain], f"{act.part}.{act.call}")
        except ContractError as error:
            if error.name not in MAY_LACK_ALLOWANCE:
                raise
        try:
            allow(sender, money, part, before, takes)
            yield
        except BaseException:
            # What is allowed now is not asked: what was sent may still be on its way.
            with suppress(Exception):
                allow(sender, money, part, takes, before)
            raise


def allow(sender: Sender, token: Any, spender: str, was: int, amount: int) -> None:
    """Let somebody take so much of a token (its contract's functions) from who sends, of which it `was` so
    much."""
    # Some currencies change an allowance only from or to nothing.
    for each in (0, amount) if was and amount else (amount,):
        sender.send(token.approve(spender, each), "approve")


def tried(world: World, act: Act) -> Done | None:
    """What an act would come to by the books; None where only the contract knows. Raises SettlementError."""
    if (act.part, act.call) == (CURRENCY, MINT.name) or (act.part != CURRENCY and world.shared(act.part)):
        return None
    return world.tried(replace(act, at=world.at, block=world.block))[1]


def _taken(act: Act, done: Done | None, of: str) -> Counter[str]:
    """What a part takes of who acts: of the currency, and units of other parts, by key."""
    found: Counter[str] = Counter()
    for each in done.emitted if done is not None else ():
        a = each.arguments
        if each.name == "Transfer" and each.part != act.part and a["from"] == of and a["to"] != NOBODY:
            found[each.part] += a["value"]
    return found


def _named(kind: Any, value: Any) -> Any:
    is_name = isinstance(value, str) and isinstance(kind, type) and issubclass(kind, IntEnum)
    return kind[value.upper()] if is_name else value
