"""A deal lived twice, act by act: by its contracts, in an EVM inside this process, and by its books."""

from __future__ import annotations

import inspect
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any, NamedTuple

import pyrevm
import pytest
from eth_abi import abi
from eth_utils import function_signature_to_4byte_selector

from chain import artifacts
from chain.bindings import event_abis, named, ordered, type_of
from chain.log_reader import checksummed, decoder
from finance.settlement import SettlementError
from finance.settlement.acts import ANYONE, Act, Call, Done, Emitted
from finance.settlement.widths import FailedError
from finance.settlement.world import ACTS as CURRENCY_ACTS
from finance.settlement.world import CURRENCY, Books, World
from tests.settlement.engine import NOW, Reverted

DEPLOYER = checksummed("0x" + "de" * 20)
PLENTY = 2**200
DAY = 86_400
HELPERS = {"Treasury": ("WaterfallTerms", "WaterfallEngine", "SwapLegs")}
"""What the constructor of an implementation takes the addresses of."""


class Difference(AssertionError):
    """Contracts and books are not the same."""


def person(name: str) -> str:
    """An address for somebody; of a long name its beginning and end tell who."""
    data = name.encode()
    data = data if len(data) <= 20 else data[:6] + data[-14:]
    return checksummed("0x" + data.rjust(20, b"\0").hex())


@cache
def _function(contract: str, name: str) -> dict[str, Any]:
    return next(e for e in artifacts.abi(contract) if e["type"] == "function" and e["name"] == name)


@cache
def _selector(signature: str) -> bytes:
    return function_signature_to_4byte_selector(signature)


@cache
def _events(contract: str) -> dict[str, tuple[str, Any]]:
    return {"0x" + topic.hex(): (e["name"], decoder(e)) for topic, e in event_abis(contract).items()}


class Contract(NamedTuple):
    """Where a contract is, and by which ABI it is spoken to."""

    name: str
    address: str


class Chain:
    """An EVM with our contracts; `at` and `block` are those of the calls that follow."""

    def __init__(self) -> None:
        artifacts.ensure_compiled()
        self._evm = pyrevm.EVM()
        self._implementations: dict[str, str] = {}
        self.move(NOW, 1)

    def move(self, at: int, block: int) -> None:
        self.at, self.block = at, block
        self._evm.set_block_env(pyrevm.BlockEnv(timestamp=at, number=block))

    def deploy(self, name: str, *arguments: Any) -> Contract:
        """A contract of its own."""
        inputs = next((e["inputs"] for e in artifacts.abi(name) if e["type"] == "constructor"), [])
        code = bytes.fromhex(artifacts.bytecode(name)[2:])
        data = abi.encode([type_of(i) for i in inputs], list(arguments))
        return Contract(name, checksummed(self._evm.deploy(DEPLOYER, code + data)))

    def clone(self, name: str, arguments: bytes = b"") -> Contract:
        """As OpenZeppelin's Clones makes one, of an implementation that is deployed once."""
        if name not in self._implementations:
            helpers = [self.deploy(each).address for each in HELPERS.get(name, ())]
            self._implementations[name] = self.deploy(name, *helpers).address
        target = bytes.fromhex(self._implementations[name][2:])
        code = (
            bytes.fromhex("363d3d373d3d3d363d73") + target + bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
        )
        return Contract(name, self.code(code + arguments))

    def code(self, code: bytes) -> str:
        """The address of a contract of just this code."""
        create = bytes.fromhex("61") + len(code).to_bytes(2, "big") + bytes.fromhex("3d81600a3d39f3")
        return checksummed(self._evm.deploy(DEPLOYER, create + code))

    def send(self, by: str, to: Contract, function: str, *arguments: Any) -> Any:
        """What a function returns, carried out. Raises Reverted when the contract refuses."""
        entry = _function(to.name, function)
        types = [type_of(i) for i in entry["inputs"]]
        values = [ordered(i, v) for i, v in zip(entry["inputs"], arguments, strict=True)]
        data = _selector(f"{function}({','.join(types)})") + abi.encode(types, values)
        raw = self._call(by, to.address, data)
        values = abi.decode([type_of(o) for o in entry["outputs"]], raw)
        found = [named(o, v) for o, v in zip(entry["outputs"], values, strict=True)]
        return found[0] if len(found) == 1 else tuple(found) or None

    def logs(self, contracts: Mapping[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Address, name and arguments of each event of the last call; `contracts` by address."""
        for log in self._evm.result.logs:
            address = checksummed(log.address)
            name, decode = _events(contracts[address])[log.topics[0]]
            yield address, name, decode(log.topics, "0x" + log.data[1].hex())

    def ask(self, to: str, signature: str, *arguments: str | int) -> list[int]:
        """The words that a view answers, as unsigned integers."""
        words = (int(a, 16) if isinstance(a, str) else a for a in arguments)
        data = _selector(signature) + b"".join((w % 2**256).to_bytes(32, "big") for w in words)
        raw = self._call(DEPLOYER, to, data, is_static=True)
        return [int.from_bytes(raw[i : i + 32], "big") for i in range(0, len(raw), 32)]

    def _call(self, by: str, to: str, data: bytes, is_static: bool = False) -> bytes:
        try:
            answer: bytes = self._evm.message_call(caller=by, to=to, calldata=data, is_static=is_static)
        except RuntimeError as error:
            if "Revert" not in str(error):  # a halt is a fault of the test
                raise
            raise Reverted(str(error)) from None
        return answer


class View(NamedTuple):
    """A question to a contract, and the words that the books answer."""

    part: str
    signature: str
    arguments: tuple[str | int, ...]
    expected: Sequence[int]


class Twins:
    """A deal's contracts by key, and its world; all `people` have plenty of currency. A kind of life says
    what may be done next (`draw`), at which times something changes, and what to compare (`views`)."""

    rng: Random
    HASTE = 0.8
    """How often no time passes between two acts."""

    def __init__(self, chain: Chain, world: World, contracts: Mapping[str, Contract], people: Sequence[str]):
        self.chain, self.world, self.contracts, self.people = chain, world, contracts, people
        self._names = {each.address: each.name for each in contracts.values()}
        self._keys = {each.address: key for key, each in contracts.items()}
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.told: Counter[tuple[str, str]] = Counter()
        self.story: list[str] = []

    # -- a kind of life

    def draw(self) -> Act:
        """A random act."""
        raise NotImplementedError

    def edges(self) -> Iterator[int]:
        """Times at which something changes."""
        return iter(())

    def views(self) -> Iterator[View]:
        """What to compare."""
        return iter(())

    def is_over(self) -> bool:
        """Whether little more can happen."""
        return False

    # -- living

    def live(self, acts: int) -> None:
        """Some random acts, most of them sensible, at random times; views are compared now and then."""
        self.compare()
        more = 20
        for _ in range(acts):
            self.step()
            if self.rng.random() < 0.2:
                self.compare()
            more -= self.is_over()
            if not more:
                break
        self.compare()

    def kept(self, acts: int) -> Counter[str]:
        """Some random acts, and after each all that is due, by anybody: what was done so. Raises
        AssertionError when what is due is refused, or there is no end to it."""
        done: Counter[str] = Counter()
        for _ in range(acts):
            self.step()
            for _ in range(50):
                if not (due := self.world.due()):
                    break
                assert not due[0].by
                assert self.do(self.by_anyone(due[0])), f"{due[0]} is refused"
                done[due[0].call] += 1
            else:
                raise AssertionError(f"{due[0]} is still due")
            for act in self._open():
                if self.world.takes(act):
                    flows = self.world.tried(act)[1].flows
                    assert not any(flow.amount for flow in flows), f"{act} moves money, and is not due"
        return done

    def _open(self) -> Iterator[Act]:
        """What anybody may do without saying more."""
        for part, books in self.world.parts.items():
            for call in books.ACTS.values():
                if call.who == ANYONE and not call.arguments:
                    yield self.by_anyone(self.act("", part, call.name))

    def by_anyone(self, act: Act) -> Act:
        """An act that is open to all, by somebody."""
        return replace(act, by=self.rng.choice(self.people))

    def step(self) -> None:
        """Perhaps some time, then an act."""
        if self.rng.random() > self.HASTE:
            self.wait()
        self.do(self.draw() if self.rng.random() < 0.3 else self._sensible())

    def wait(self) -> None:
        """Some time, often until just about an edge."""
        rng, world = self.rng, self.world
        later = [e + rng.choice((-1, 0, 1)) for e in self.edges() if e > world.at + 1]
        near = min(later, default=0) if rng.random() < 0.6 else 0
        world.at, world.block = near or world.at + rng.randrange(1, 6 * DAY), world.block + rng.randint(1, 3)

    def act(self, by: str, part: str, call: str, **arguments: Any) -> Act:
        """An act now."""
        return Act(by, part, call, arguments, self.world.at, self.world.block)

    def _sensible(self, draws: int = 12) -> Act:
        """The first of some acts that the books would take, or the last one."""
        for _ in range(draws):
            act = self.draw()
            if self.world.takes(act):
                break
        return act

    # -- both at once

    def do(self, act: Act) -> Done | None:
        """Both do it, in the same way, or both refuse (None). Raises Difference."""
        self.story.append(
            f"{act.at - NOW}, block {act.block}: {act.part}.{act.call} {dict(act.arguments)} by {act.by}"
        )
        contract = self.contracts[act.part]
        self.chain.move(act.at, act.block)
        try:
            result = self.chain.send(act.by, contract, self.row(act).function, *act.arguments.values())
        except Reverted as refusal:
            try:
                self.world.tried(act)
            except SettlementError as error:
                if isinstance(error, FailedError):
                    raise self._differ(str(error)) from error
                self.story[-1] += ": refused"
                self.refused[act.part, act.call] += 1
                return None
            raise self._differ(f"the contract refuses, {refusal}") from None
        logs = self.chain.logs(self._names)
        told = (Emitted(self._keys[address], name, arguments) for address, name, arguments in logs)
        # Allowances are the currency's own matter.
        emitted = [each for each in told if (each.part, each.name) != (CURRENCY, "Approval")]
        try:
            self.world, done = self.world.tried(act)
        except SettlementError as refusal:
            raise self._differ(f"the books refuse: {refusal}") from None
        self.accepted[act.part, act.call] += 1
        self.told.update((each.part, each.name) for each in emitted)
        self._same("returned", result, done.result)
        self._same("events", emitted, done.emitted)
        moved = [(f.payer, f.payee, f.amount) for f in done.flows]
        sent = [tuple(e.arguments.values()) for e in emitted if e.part == CURRENCY]
        self._same("flows", sent, moved)
        return done

    def row(self, act: Act) -> Call:
        """Of the table of acts."""
        acts = CURRENCY_ACTS if act.part == CURRENCY else self.world.parts[act.part].ACTS
        found: Call = acts[act.call]
        return found

    def compare(self) -> None:
        """The currency that everybody holds, and what views say."""
        self.chain.move(self.world.at, self.world.block)
        for address in {*self.people, *self._keys}:
            held = self.chain.ask(self.contracts[CURRENCY].address, "balanceOf(address)", address)
            self._same(f"held by {address}", held, [self.world.money[address]])
        for view in self.views():
            found = self.chain.ask(self.contracts[view.part].address, view.signature, *view.arguments)
            self._same(
                f"{view.part}.{view.signature} {view.arguments}", found, [int(e) for e in view.expected]
            )

    def _same(self, what: str, contracts: Any, books: Any) -> None:
        if contracts != books:
            raise self._differ(f"{what}: {contracts} by the contracts, {books} by the books")

    def _differ(self, what: str) -> Difference:
        return Difference("\n".join([*self.story, what]))


class Tally:
    """What happened in some lives: acts that were accepted and refused, and events, by part."""

    def __init__(self) -> None:
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.told: Counter[tuple[str, str]] = Counter()

    @classmethod
    def of(
        cls,
        make: Callable[[Random, int], Twins],
        name: str,
        lives: int,
        acts: int,
        parts: Mapping[str, tuple[str, type[Books]]],
        inner: Collection[tuple[str, str]] = (),
    ) -> Tally:
        """Of so many random lives of so many acts each, each made by its dice and number; of more until
        the rarest thing has been seen."""
        tally = cls()
        for case in range(10 * lives):
            if case >= lives and not tally.missing(parts, inner):
                break
            life = make(Random(f"{name} {case}"), case)
            life.live(acts)
            tally.add(life)
        return tally

    def add(self, life: Twins) -> None:
        self.accepted += life.accepted
        self.refused += life.refused
        self.told += life.told

    def add_all(self, other: Tally) -> None:
        """What another has seen."""
        self.accepted += other.accepted
        self.refused += other.refused
        self.told += other.told

    def missing(
        self, parts: Mapping[str, tuple[str, type[Books]]], inner: Collection[tuple[str, str]] = ()
    ) -> set[tuple[str, str, str]]:
        """Acts of parts, given by contract and books, that were not accepted or not refused, but `inner`
        ones, which only other parts do; and events not told. A comparison that only ever sees refusals, or
        none, shows nothing."""
        acts = {(key, call) for key, (_, books) in parts.items() for call in books.ACTS}
        events = {
            (key, name) for key, (contract, _) in parts.items() for name, _ in _events(contract).values()
        }
        return {
            *(("accepted", *each) for each in acts - set(inner) - self.accepted.keys()),
            *(("refused", *each) for each in acts - ALWAYS - self.refused.keys()),
            *(("told", *each) for each in events - self.told.keys() if each[1] not in SILENT),
        }


SILENT = {
    "Initialized",
    "PaymentInitialized",
    "TreasuryInitialized",
    "Approval",
    "EIP712DomainChanged",
    "RoleGranted",
    "RoleRevoked",
    "RoleAdminChanged",
}
"""Events of what OpenZeppelin's contracts do besides, or before a world begins."""
ALWAYS = {("swap", "withdraw"), ("treasury", "withdraw"), ("office", "collect")}
"""Acts that nothing refuses: there may be nothing to pay."""


def mutate(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, old: str, new: str) -> None:
    """One piece of a function, or of a method, changed."""
    function = getattr(owner, name)
    source = inspect.getsource(function)
    assert source.count(old) == 1, f"{old!r} is in {name} {source.count(old)} times"
    made: dict[str, Any] = {}
    exec(
        compile(
            f"from __future__ import annotations\n{textwrap.dedent(source.replace(old, new))}", name, "exec"
        ),
        function.__globals__,
        made,
    )
    monkeypatch.setattr(owner, name, made[name])


def currency(chain: Chain, people: Iterable[str]) -> Contract:
    """A currency of which everybody has plenty."""
    made = chain.deploy("TestCurrency", "Test dollar", "TUSD", 6)
    for each in people:
        chain.send(each, made, "mint", each, PLENTY)
    return made


def approve(chain: Chain, money: Contract, people: Iterable[str], spenders: Iterable[str]) -> None:
    """All people let all spenders take what they like."""
    everyone = list(spenders)
    for each in people:
        for spender in everyone:
            chain.send(each, money, "approve", spender, 2**256 - 1)


def rich(people: Iterable[str]) -> dict[str, int]:
    """What `currency` gives everybody, as a world has it."""
    return dict.fromkeys(people, PLENTY)


def same_functions(contract: str, books: type[Books], but: Collection[str] = ()) -> None:
    """The table of acts has every function of a contract that changes anything, as it is called."""
    changing = [
        e
        for e in artifacts.abi(contract)
        if e["type"] == "function" and e["stateMutability"] == "nonpayable" and e["name"] not in but
    ]
    theirs = {
        f"{e['name']}({','.join(type_of(i) for i in e['inputs'])})": [
            i["name"].strip("_") for i in e["inputs"]
        ]
        for e in changing
    }
    assert {row.signature: list(row.arguments) for row in books.ACTS.values()} == theirs
    assert all(row.name == name for name, row in books.ACTS.items())
