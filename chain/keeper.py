"""Whoever performs what is due and anyone may do: settle, fix, pay, call margin, close out, distribute.

What is due is what the books of a deal say (`World.due`), on the log as it stands; nothing is remembered that
the chain does not know, so a keeper that was killed goes on where it was. It has one transaction under way at
a time: one that an earlier run left is awaited, or replaced, before anything else is sent, so that nothing is
done twice. Several keepers may serve the same deals: who comes second is refused by the contract.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Event as Flag
from typing import Any

from eth_account.signers.local import LocalAccount
from prometheus_client import CollectorRegistry, Counter, Gauge
from web3 import Web3
from web3.contract.contract import ContractFunction
from web3.exceptions import Web3Exception

from chain.bindings import calldata, request
from chain.errors import (
    ChainError,
    ContractError,
    NetworkError,
    OtherChainError,
    RecordError,
    UnreachableError,
    argument_words,
)
from chain.following import Following, StrayError, acts_of
from chain.reconcile import names_of
from chain.records import DeploymentRecord
from chain.sender import submit, with_margin
from finance.report.text import token_money
from finance.settlement.acts import Act, Done
from finance.settlement.world import World
from finance.terms.sections import Currency

DUST = Decimal(1)
"""What is left over is given back from so many whole units of the currency on: less is not worth the gas, and
anyone can leave it there."""
PATIENCE = 45
"""Seconds until a transaction that is not mined is sent again with higher fees."""
RAISE = 1.25
"""By how much fees rise then; nodes want a tenth more at least."""
TRIES = 8
LONGEST_WAIT = 60
REST, LONGEST_REST = 60, 3_600
"""Seconds that an act is let be that was paid for in vain a second time, doubled at each further one: who
makes it fail once it is sent must not drain the keeper."""


@dataclass(frozen=True)
class Performed:
    """An act that a keeper performed: what it came to by the books, and its transaction."""

    deal: str
    act: Act
    done: Done
    tx: str
    block: int
    gas: int


@dataclass
class Metrics:
    """What a keeper counts, for Prometheus."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.acts = Counter(
            "penstock_keeper_acts", "Acts performed", ["deal", "part", "act"], registry=self.registry
        )
        self.refused = Counter(
            "penstock_keeper_refused",
            "Acts that a contract refused",
            ["deal", "part", "act"],
            registry=self.registry,
        )
        self.raised = Counter(
            "penstock_keeper_fees_raised", "Transactions sent again with higher fees", registry=self.registry
        )
        self.lost = Counter(
            "penstock_keeper_rounds_lost", "Rounds in which the chain did not answer", registry=self.registry
        )
        self.due = Gauge("penstock_keeper_due", "Acts that are due", ["deal"], registry=self.registry)
        self.block = Gauge(
            "penstock_keeper_block", "Block that was looked at last", ["deal"], registry=self.registry
        )
        self.stray = Gauge(
            "penstock_keeper_stray",
            "1: it cannot be served, for its log is not what the books make of it, or it is not on the chain",
            ["deal"],
            registry=self.registry,
        )


class Keeper:
    """Serves the deals of `records` from one account: an address that the node has unlocked, or a key.

    `say` is told a line for every act, and for what stands in the way, once. What is left over is
    given back from `dust` whole units of the currency on.
    """

    def __init__(
        self,
        w3: Web3,
        account: str | LocalAccount,
        records: Sequence[DeploymentRecord],
        say: Callable[[str], None] = lambda line: None,
        patience: float = PATIENCE,
        metrics: Metrics | None = None,
        dust: Decimal = DUST,
    ) -> None:
        self.w3, self.say, self.patience, self.dust = w3, say, patience, dust
        self.account = account
        self.address = Web3.to_checksum_address(account if isinstance(account, str) else account.address)
        self.deals = [Following(w3, record) for record in records]
        self.metrics = metrics or Metrics()
        self.stray: set[str] = set()
        """Deals that could not be served when they were looked at last: by their log, or off the chain."""
        self._said: dict[str, str] = {}
        self._reverted: dict[str, tuple[int, float]] = {}
        """Acts that were paid for and did not happen: how often in a row, and until when (monotonic) they are
        let be."""

    def run(self, interval: float, stop: Flag) -> None:
        """Rounds until `stop` is set, `interval` seconds apart; longer while the chain does not answer."""
        wait = interval
        while not stop.is_set():
            try:
                self.round(stop)
                self._say_once("chain", "")
                wait = interval
            except (ChainError, Web3Exception) as error:
                self.metrics.lost.inc()
                self._say_once("chain", f"the chain does not answer, trying again: {error}")
                wait = min(max(wait * 2, 1), max(LONGEST_WAIT, interval))
            stop.wait(wait)

    def round(self, stop: Flag | None = None) -> list[Performed]:
        """Perform all that is due now, until nothing is. Raises NetworkError if the chain does not answer."""
        found: list[Performed] = []
        self._settle_earlier()
        for deal in self.deals:
            refused: set[str] = set()
            while not (stop is not None and stop.is_set()):
                done = self._next(deal, refused)
                if done is None:
                    break
                found.append(done)
        return found

    def _name(self, deal: Following) -> str:
        """The deal's id; with its address where another that is served has the same."""
        record = deal.record
        alone = sum(each.record.deal == record.deal for each in self.deals) == 1
        return record.deal if alone else f"{record.deal} ({record.own})"

    def due(self) -> list[tuple[str, Act]]:
        """What is due now and worth its gas, with the deal's id."""
        return [(self._name(deal), act) for deal in self.deals for act in self._worth(deal, deal.look())]

    # -- one act

    def _next(self, deal: Following, refused: set[str]) -> Performed | None:
        """Perform the first act that is due and not refused; None when there is none."""
        name = self._name(deal)
        try:
            world = deal.look()
            due = self._worth(deal, world)
        except (StrayError, OtherChainError, RecordError) as error:
            self._left(name, error)
            return None
        except (ChainError, Web3Exception):
            raise
        except Exception as error:  # books of another package may break off
            self._left(name, error)
            return None
        self.metrics.stray.labels(name).set(0)
        self.stray.discard(name)
        self.metrics.due.labels(name).set(len(due))
        self.metrics.block.labels(name).set(world.block - 1)
        now = time.monotonic()
        for act in due:
            if _key(act) in refused or self._reverted.get(f"{name} {_key(act)}", (0, 0.0))[1] > now:
                continue
            try:
                return self._perform(deal, world, act)
            except ContractError as error:  # somebody was faster, or the contract knows better
                refused.add(_key(act))
                self.metrics.refused.labels(name, act.part, act.call).inc()
                self._say_once(f"{name} {_key(act)}", f"{name} {words(act)}: the contract refuses: {error}")
        return None

    def _left(self, name: str, error: Exception) -> None:
        """A deal that cannot be served holds up no other."""
        self.metrics.stray.labels(name).set(1)
        self.stray.add(name)
        why = str(error) if isinstance(error, ChainError) else f"{type(error).__name__}: {error}"
        self._say_once(name, f"{name}: nothing is done: {why}")

    def _worth(self, deal: Following, world: World) -> list[Act]:
        """What is due but for sweeping up dust."""
        due = world.due()
        sweeps = [act for act in due if acts_of(world, act.part)[act.call].sweeps]
        if not sweeps:
            return due
        currency, name = deal.record.load_deal().currency, self._name(deal)
        for act in sweeps:
            amount = world.tried(act)[1].result
            if Decimal(amount) < self.dust.scaleb(currency.token_decimals):
                due.remove(act)
                left = f"left, for {token_money(amount, currency)} is not worth the gas (--dust)"
                self._say_once(f"{name} {_key(act)}", f"{name} {words(act)}: {left}")
        return due

    def _perform(self, deal: Following, world: World, act: Act) -> Performed:
        name = self._name(deal)
        _, made = world.tried(act)
        receipt = self._send(deal.call(world, act), words(act), f"{name} {_key(act)}")
        done = Performed(
            name,
            act,
            made,
            _hex(receipt["transactionHash"]),
            receipt["blockNumber"],
            receipt["gasUsed"],
        )
        self.metrics.acts.labels(name, act.part, act.call).inc()
        self._said.pop(f"{name} {_key(act)}", None)
        names = names_of(deal.record) | {address: part for part, address in world.addresses.items()}
        self.say(told(done, names, deal.record.load_deal().currency))
        return done

    # -- transactions

    def _send(self, function: ContractFunction, operation: str, about: str) -> Any:
        """Send a call and wait until it is mined, raising its fees when it takes long. `about`: whose act."""
        plain = {"from": self.address, "to": function.address, "data": calldata(function), "value": "0x0"}
        estimate = int(request(self.w3, "eth_estimateGas", [plain], operation), 16)
        limit = int(self.w3.eth.get_block("latest")["gasLimit"])
        plain["gas"] = hex(with_margin(estimate, limit))
        receipt = self._mined(plain, self._nonce("latest"), operation)
        if receipt["status"] != 1:
            times = self._reverted.get(about, (0, 0.0))[0] + 1
            rest = min(REST * 2 ** (times - 2), LONGEST_REST) if times > 1 else 0
            self._reverted[about] = times, time.monotonic() + rest
            request(self.w3, "eth_call", [plain, hex(receipt["blockNumber"] - 1)], operation)
            raise ContractError("Reverted", {"tx": _hex(receipt["transactionHash"])}, operation)
        self._reverted.pop(about, None)
        return receipt

    def _settle_earlier(self) -> None:
        """Wait for what an earlier run has sent. What is not mined in time is replaced by nothing done: what
        is still due is found due again."""
        waiting = self._nonce("pending") - self._nonce("latest")
        if waiting <= 0:
            return
        self._say_once(
            "earlier", f"waiting for {waiting} transactions of {self.address} that were sent before"
        )
        until = time.monotonic() + self.patience
        while self._nonce("pending") > self._nonce("latest"):
            if time.monotonic() > until:
                first = self._nonce("latest")
                plain = {
                    "from": self.address,
                    "to": self.address,
                    "data": "0x",
                    "value": "0x0",
                    "gas": hex(21_000),
                }
                self._mined(plain, first, "cancel", raised=RAISE**2)
                until = time.monotonic() + self.patience
            time.sleep(0.2)
        self._say_once("earlier", "")

    def _mined(self, plain: dict[str, Any], nonce: int, operation: str, raised: float = 1.0) -> Any:
        sent: list[str] = []
        for _ in range(TRIES):
            try:
                sent.append(submit(self.w3, self.account, plain, nonce, raised, operation))
            except UnreachableError:
                raise
            except NetworkError as error:
                # Of a nonce that is taken there is a receipt, or somebody else uses the account.
                if not sent:
                    raise
                self._say_once(operation, f"{operation}: not sent again: {error}")
            receipt = self._await(sent)
            if receipt is not None:
                return receipt
            raised *= RAISE
            self.metrics.raised.inc()
        raise NetworkError(f"{operation}: not mined in {TRIES * self.patience:g} s: {', '.join(sent)}")

    def _await(self, sent: Sequence[str]) -> Any:
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            for tx in sent:
                receipt = request(self.w3, "eth_getTransactionReceipt", [tx])
                if receipt is not None:
                    return self.w3.eth.get_transaction_receipt(tx)  # type: ignore[arg-type]
            time.sleep(min(0.2, self.patience / 10))
        return None

    def _nonce(self, block: str) -> int:
        return self.w3.eth.get_transaction_count(self.address, block)  # type: ignore[arg-type]

    def _say_once(self, about: str, line: str) -> None:
        """A line, unless it was the last one about the same thing; an empty one ends it."""
        if line and self._said.get(about) != line:
            self.say(line)
        self._said[about] = line


def words(act: Act) -> str:
    """An act in a word or two: `bond fix fixing=0`."""
    given = [
        argument_words(name, int(value) if isinstance(value, int) else value)
        for name, value in act.arguments.items()
    ]
    return " ".join([act.part, act.call, *given])


def told(done: Performed, names: Mapping[str, str], currency: Currency) -> str:
    """The line of an act; `names` of parts and wallets by address."""
    moved = "".join(
        f"; {token_money(each.amount, currency)} {each.what}"
        + ("" if each.period is None else f" of period {each.period + 1}")
        + f" from {names.get(each.payer, each.payer)} to {names.get(each.payee, each.payee)}"
        for each in done.done.flows
    )
    return f"{done.deal} {words(done.act)}: block {done.block}, {done.gas:,} gas, {done.tx}{moved}"


def _key(act: Act) -> str:
    return words(act)


def _hex(value: Any) -> str:
    return str(value.to_0x_hex())
