"""What runs on a chain is what the deal says: every part's terms and its code, read from the chain itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import permutations
from types import MappingProxyType
from typing import Any, Final

from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3
from web3.contract.contract import ContractFunction
from web3.exceptions import Web3Exception

from chain import artifacts
from chain.announcement import announcements, given_before
from chain.bindings import contract, read
from chain.errors import ChainError, NetworkError, RecordError
from chain.events import read_events, require_chain
from chain.kinds import plan_of, site_of
from chain.parts import PARTS
from chain.plan import Plan, Planned, Site, feed_config, feed_id, kept_with_code
from chain.reconciliation import Difference
from chain.records import DeployedPart, DeploymentRecord
from chain.terms import short_string
from finance.terms import Deal

Comparison = tuple[str, Any, Any]
"""What is compared, what the deal says, what the chain says."""
SHARED: Final = {
    **{name: (PARTS[name].contract, PARTS[name].helper) for name in ("oracle", "registry")},
    "factory": ("DealFactory", None),
}
"""The contracts that deals share and that are ours, and what they make for themselves."""


def check_deployment(w3: Web3, record: DeploymentRecord, deal: Deal | None = None) -> list[Difference]:
    """Every difference between the deployed contracts, their record and `deal` (default: the one in the
    record).

    Compares the record with the deal, and of every part and feed of its plan the terms, the wiring and the
    code: that it is a clone of what the record names, and that this is what our own constructor leaves there;
    the currency's decimals; and what the factory announced, and what else was done, in the record's block and
    transaction. An empty list means: what investors bought is what runs. Of a record that is not complete
    nothing else can be said. Raises NetworkError if it is another chain, ChainError if a part does not
    answer.
    """
    require_chain(w3, record)
    deal = deal or record.load_deal()
    found = record_differences(record, deal)
    if not incomplete(record, deal):
        found += _differences(_on_chain(w3, record, deal))
    return found


def record_differences(record: DeploymentRecord, deal: Deal) -> list[Difference]:
    """Every difference between a record and a deal that shows without a chain."""
    missing = incomplete(record, deal)
    return missing or _differences(_of_its_deal(record, deal))


def incomplete(record: DeploymentRecord, deal: Deal) -> list[Difference]:
    """What a record lacks of the parts, feeds, people and shared contracts of a deal, or has beyond them: it
    cannot be read as this deal's."""
    return _differences(_whole(record, plan_of(deal)))


def require_own(record: DeploymentRecord) -> None:
    """Raise RecordError, with a line for each difference, unless a record is that of the deal in it."""
    _refuse(record, record_differences(record, record.load_deal()))


def require_complete(record: DeploymentRecord, deal: Deal) -> None:
    """Raise RecordError, with a line for each difference, for a record that is `incomplete`."""
    _refuse(record, incomplete(record, deal))


def _refuse(record: DeploymentRecord, found: list[Difference]) -> None:
    if found:
        raise RecordError("\n".join(f"{record.deal}: deployment {each}" for each in found))


def _differences(comparisons: Iterable[Comparison]) -> list[Difference]:
    return [each for label, one, other in comparisons for each in differ(label, one, other)]


def _whole(record: DeploymentRecord, plan: Plan) -> Iterator[Comparison]:
    kinds = {part.key: part.kind for part in plan.parts}
    feeds = [feed.terms.kpi for feed in plan.feeds]
    roles, shared = plan.asked()
    yield "record.parts", kinds, {key: part.kind for key, part in record.parts.items()}
    yield "record.feeds", feeds, list(record.feeds)
    yield "record.wallets", sorted(roles), sorted(record.wallets.people)
    yield "record.shared", sorted({*shared, "factory"}), sorted(record.shared)
    yield "record.gifts", [], sorted(record.gifts.keys() - kinds.keys())
    yield "record.rewards", [], sorted(record.rewards.keys() - set(feeds))


def _of_its_deal(record: DeploymentRecord, deal: Deal) -> Iterator[Comparison]:
    plan = plan_of(deal)
    site = site_of(record, plan.seats)
    yield "record.deal", deal.id, record.deal
    yield "record.terms_hash", deal.terms_hash, record.terms_hash
    yield "record.parts", plan.parts[0].key, next(iter(record.parts))
    for feed in plan.feeds:
        kpi = feed.terms.kpi
        yield f"record.feeds.{kpi}", feed_id(feed_config(feed, site, record.wallets)), site.feeds[kpi]


def _on_chain(w3: Web3, record: DeploymentRecord, deal: Deal) -> Iterator[Comparison]:
    plan = plan_of(deal)
    site = replace(site_of(record, plan.seats), terms_hash=deal.terms_hash)
    for name in record.shared.keys() - {"currency"}:  # which may be anybody's
        contract_name, helper = SHARED[name]
        yield f"{name}.code", contract_name, code_name(w3, record.shared[name], contract_name, helper)
    money = contract(w3, "IERC20Metadata", record.shared["currency"]).functions
    yield "currency.decimals", deal.currency.token_decimals, _answer(money.decimals())
    yield from _announced(w3, record)
    for part in plan.parts:
        yield from _part(w3, part, record.parts[part.key], site)
    for feed in plan.feeds:
        oracle = contract(w3, "KpiOracle", record.shared["oracle"]).functions
        config = feed_config(feed, site, record.wallets)
        yield f"feeds.{feed.terms.kpi}", config, _answer(oracle.configOf(site.feeds[feed.terms.kpi]))


def _announced(w3: Web3, record: DeploymentRecord) -> Iterator[Comparison]:
    """What the factory said when it made the deal, and what happened in that very transaction."""
    factory = contract(w3, "DealFactory", record.shared["factory"])
    made_in = _answer(factory.functions.deployedIn(record.wallets.deployer, record.terms_hash))
    yield "record.block", made_in, record.block
    if made_in != record.block:
        return
    by, shared = record.wallets.deployer, record.shared
    # Creation code can say anything in a factory's name; what the factory says later is what it has done.
    if _code_before(w3, shared["factory"], made_in) == b"":
        yield "factory.code", "there before the deal", f"created in block {made_in}"
    announced = announcements(w3, by, record.terms_hash, shared["factory"], made_in)
    yield "factory.announced", 1, len(announced)
    for said in announced:
        yield "record.tx", said.tx, record.tx
        named = {
            key: {"key": short_string(key), "implementation": part.implementation, "at": part.address}
            for key, part in record.parts.items()
        }
        yield "record.parts", dict(said.made), named
    given = given_before(
        w3, made_in, shared, {key: part.address for key, part in record.parts.items()}, record.feeds
    )
    if given is not None:
        yield "record.gifts", given, (record.gifts, record.rewards)
    # Whatever is done in that transaction is in no books: parts and feeds begin, and nothing else.
    others = [
        f"{event.source} {event.name}"
        for event in read_events(w3, record, made_in, from_block=made_in)
        if event.tx == record.tx and not event.name.endswith(("Initialized", "FeedCreated"))
    ]
    yield "record.tx", "a beginning", ", ".join(others) or "a beginning"
    yield "record.time", w3.eth.get_block(record.block)["timestamp"], record.time


def _part(w3: Web3, part: Planned, made: DeployedPart, site: Site) -> Iterator[Comparison]:
    kind = PARTS[part.kind]
    clone = clone_code(made.implementation, kept_with_code(part, kind.contract, site))
    yield f"{part.key}.code", "0x" + clone.hex(), "0x" + _code(w3, made.address).hex()
    found = code_name(w3, made.implementation, kind.contract, kind.helper, kind.needs)
    yield f"{part.key}.implementation", kind.contract, found
    functions = contract(w3, kind.contract, made.address).functions
    for view, expected in part.views(site).items():
        yield f"{part.key}.{view}", expected, _answer(functions[view]())


def _answer(view: ContractFunction) -> Any:
    """What a contract says, or why it says nothing: other code than ours, or a feed that is not there."""
    try:
        return read(view)
    except NetworkError:
        raise
    except ChainError as error:
        return str(error)


def differ(label: str, expected: Any, actual: Any) -> Iterator[Difference]:
    """Differences leaf by leaf; a field that only one side has counts as one."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in dict.fromkeys([*expected, *actual]):
            yield from differ(f"{label}.{key}", expected.get(key, "(none)"), actual.get(key, "(none)"))
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differ(f"{label}[{index}]", one, other)
    elif expected != actual:
        yield Difference(label, str(expected), str(actual))


# -- code

_PROXY: Final = (bytes.fromhex("363d3d373d3d3d363d73"), bytes.fromhex("5af43d82803e903d91602b57fd5bf3"))
_IMMUTABLE: Final = re.compile(rb"\x7f(\x00{32})", re.DOTALL)
"""A word that the compiler leaves open and the constructor fills in: PUSH32 of nothing."""


def clone_code(implementation: str, kept: bytes = b"") -> bytes:
    """The code of a clone (EIP-1167), and what is kept with it."""
    return _PROXY[0] + bytes.fromhex(implementation[2:]) + _PROXY[1] + kept


def code_name(
    w3: Web3,
    address: str,
    name: str,
    helper: str | None = None,
    needs: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """`name` if the code at an address is what our own constructor of that contract leaves there, on this
    chain and at this address, and the `helper` it makes for itself and what it `needs` (PartKind) are ours
    too; else what is amiss, in words.

    Says nothing of the storage, which foreign creation code can fill before it leaves our code: whose shared
    contracts a deal stands on is a matter of trust (docs/security.md).
    """
    code = _code(w3, address)
    ours, places = _compiled(str(artifacts.artifact(name)["deployedBytecode"]).removeprefix("0x"))
    if len(code) != len(ours):
        return f"{len(code)} bytes of another contract" if code else "no contract"
    if _blank(code, places) != ours:
        return f"another contract than {name} compiles to"
    known = [str(_answer(contract(w3, name, address).functions[view]())) for view in needs]
    for at, need in zip(known, needs.values(), strict=True):
        if code_name(w3, at, need) != need:
            return f"{name} with another {need}"
    arguments = b"".join(map(_word, known))
    if places and [code[at : at + 32] for at in places] != _words(w3, name, places, address, arguments):
        return f"{name}, but not as its constructor leaves it"
    if helper is not None and code_name(w3, _made_by(address), helper) != helper:
        return f"{name} with another {helper}"
    return name


def _words(w3: Web3, name: str, places: tuple[int, ...], address: str, arguments: bytes = b"") -> list[bytes]:
    """What our constructor fills in at an address, given `arguments`: the node runs it elsewhere, and what
    depends on the place is put right."""
    key = (w3.eth.chain_id, artifacts.bytecode(name) + arguments.hex())
    if key not in _BUILT:
        by = Account.create().address
        _BUILT[key] = bytes(w3.eth.call({"from": by, "data": HexBytes(key[1])})), by
    made, by = _BUILT[key]
    words = [made[at : at + 32] for at in places]
    # Some nodes count such a call among the caller's transactions before it is made, some after.
    for there in (_made_by(by, 0), _made_by(by, 1)):
        moved = {_word(there): _word(address), _word(_made_by(there)): _word(_made_by(address))}
        if not moved.keys().isdisjoint(words):
            break
    for one, other in permutations(set(words), 2):  # of the hashes of an EIP-712 domain's name and version
        separator = _separator(one, other, key[0], there)
        if separator in words:
            moved[separator] = _separator(one, other, key[0], address)
    return [moved.get(word, word) for word in words]


_BUILT: Final[dict[tuple[int, str], tuple[bytes, str]]] = {}
"""By chain and creation code: what its constructor leaves, and who ran it."""
_DOMAIN: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


def _separator(name: bytes, version: bytes, chain_id: int, address: str) -> bytes:
    return bytes(keccak(_DOMAIN + name + version + chain_id.to_bytes(32) + _word(address)))


def _word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def _made_by(address: str, nonce: int = 1) -> str:
    """Where what an address creates is: the last 20 bytes of the hash of the RLP of both, for a nonce below
    128. That of a contract begins at 1 (EIP-161)."""
    return to_checksum_address(keccak(b"\xd6\x94" + _word(address)[12:] + bytes([nonce or 0x80]))[12:])


@lru_cache(maxsize=32)
def _compiled(text: str) -> tuple[bytes, tuple[int, ...]]:
    """What a contract compiles to, and where the words stand that its constructor fills in."""
    code = bytes.fromhex(text)
    return code, tuple(found.start(1) for found in _IMMUTABLE.finditer(code))


def _blank(code: bytes, places: tuple[int, ...]) -> bytes:
    made = bytearray(code)
    for place in places:
        made[place : place + 32] = bytes(32)
    return bytes(made)


def _code_before(w3: Web3, address: str, block: int) -> bytes | None:
    """None where the node does not know any more."""
    try:
        return bytes(w3.eth.get_code(Web3.to_checksum_address(address), block - 1))
    except (Web3Exception, ChainError):
        return None


def _code(w3: Web3, address: str) -> bytes:
    return bytes(w3.eth.get_code(Web3.to_checksum_address(address)))
