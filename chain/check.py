"""What runs on a chain is what the deal says: every part's terms and its code, read from the chain itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from web3 import Web3
from web3.contract.contract import ContractFunction

from chain import artifacts
from chain.bindings import contract, read
from chain.errors import ContractError
from chain.events import require_chain
from chain.kinds import plan_of, site_of
from chain.parts import PARTS
from chain.plan import Plan, Planned, Site, feed_config, feed_id, kept_with_code
from chain.reconciliation import Difference
from chain.records import DeployedPart, DeploymentRecord
from chain.terms import ZERO_ADDRESS, ZERO_HASH, short_string
from finance.terms import Deal

Comparison = tuple[str, Any, Any]
"""What is compared, what the deal says, what the chain says."""
SHARED: Final = {"oracle": "KpiOracle", "registry": "IdentityRegistry", "factory": "DealFactory"}
"""The contracts that deals share and that are ours; a currency may be anybody's."""


def check_deployment(w3: Web3, record: DeploymentRecord, deal: Deal | None = None) -> list[Difference]:
    """Every difference between the deployed contracts and `deal` (default: the one in the record).

    Compares the record's own terms with its hash, and of every part and feed of the deal's plan the terms,
    the wiring, and the code: that it is a clone of what the record names, and that this is what our own
    sources compile to. An empty list means: what investors bought is what runs. Raises NetworkError if it is
    another chain, ChainError if a contract does not answer.
    """
    require_chain(w3, record)
    deal = deal or record.load_deal()
    return [
        difference
        for label, expected, actual in _comparisons(w3, record, plan_of(deal), deal.terms_hash)
        for difference in differ(label, expected, actual)
    ]


def _comparisons(w3: Web3, record: DeploymentRecord, plan: Plan, terms_hash: str) -> Iterator[Comparison]:
    yield "record.terms_hash", terms_hash, record.terms_hash
    kinds = {part.key: part.kind for part in plan.parts}
    yield "record.parts", kinds, {key: part.kind for key, part in record.parts.items()}
    yield "record.feeds", [feed.terms.kpi for feed in plan.feeds], list(record.feeds)
    roles, shared = plan.asked()
    yield "record.wallets", sorted(roles), sorted(record.wallets.people)
    yield "record.shared", sorted({*shared, "factory"}), sorted(record.shared)
    for name in record.shared.keys() & SHARED.keys():
        yield f"{name}.code", SHARED[name], code_name(w3, record.shared[name], SHARED[name])
    # What the record lacks stands as nothing, which no part's terms say.
    site = _filled(site_of(record), plan, roles, shared, terms_hash)
    for part in plan.parts:
        made = record.parts.get(part.key)
        if made is not None:
            yield from _part(w3, part, made, site, record)
    yield from _feeds(w3, record, plan, site)


def _filled(site: Site, plan: Plan, roles: list[str], shared: list[str], terms_hash: str) -> Site:
    return Site(
        terms_hash,
        {part.key: site.parts.get(part.key, ZERO_ADDRESS) for part in plan.parts},
        {name: site.shared.get(name, ZERO_ADDRESS) for name in shared},
        {role: site.wallets.get(role, ZERO_ADDRESS) for role in roles},
        {feed.terms.kpi: site.feeds.get(feed.terms.kpi, ZERO_HASH) for feed in plan.feeds},
    )


def _part(
    w3: Web3, part: Planned, made: DeployedPart, site: Site, record: DeploymentRecord
) -> Iterator[Comparison]:
    kind = PARTS[part.kind]
    # The only place where a part that does not name the terms' hash itself is bound to it.
    factory = contract(w3, "DealFactory", record.shared["factory"])
    place = factory.functions.partOf(record.wallets.deployer, site.terms_hash, short_string(part.key))
    yield f"factory.{part.key}", made.address, read(place)
    clone = clone_code(made.implementation, kept_with_code(part, kind.contract, site))
    yield f"{part.key}.code", "0x" + clone.hex(), "0x" + _code(w3, made.address).hex()
    found = code_name(w3, made.implementation, kind.contract, kind.helper)
    yield f"{part.key}.implementation", kind.contract, found
    functions = contract(w3, kind.contract, made.address).functions
    for view, expected in part.views(site).items():
        yield f"{part.key}.{view}", expected, _answer(functions[view]())


def _feeds(w3: Web3, record: DeploymentRecord, plan: Plan, site: Site) -> Iterator[Comparison]:
    oracle = contract(w3, "KpiOracle", record.shared["oracle"])
    for feed in plan.feeds:
        kpi = feed.terms.kpi
        config = feed_config(feed, site, record.wallets)
        yield f"feeds.{kpi}.id", feed_id(config), site.feeds[kpi]
        yield f"feeds.{kpi}", config, _answer(oracle.functions.configOf(site.feeds[kpi]))


def _answer(view: ContractFunction) -> Any:
    """What a contract says, or why it says nothing: other code than ours, or a feed that is not there."""
    try:
        return read(view)
    except ContractError as error:
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


def code_name(w3: Web3, address: str, name: str, helper: str | None = None) -> str:
    """`name` if the code at an address is what our sources of that contract compile to, whatever it was
    constructed with, and, if it keeps the address of a `helper`, that one's code is too; else what is amiss,
    in words."""
    code = _code(w3, address)
    ours, places = _compiled(str(artifacts.artifact(name)["deployedBytecode"]).removeprefix("0x"))
    if len(code) != len(ours):
        return f"{len(code)} bytes of another contract" if code else "no contract"
    words = [code[place : place + 32] for place in places]
    if _blank(code, places) != ours:
        return f"another contract than {name} compiles to"
    if helper is not None:
        for at in {Web3.to_checksum_address(word[12:]) for word in words if not any(word[:12])}:
            if code_name(w3, at, helper) != helper:
                return f"{name} with another {helper}"
    return name


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


def _code(w3: Web3, address: str) -> bytes:
    return bytes(w3.eth.get_code(Web3.to_checksum_address(address)))
