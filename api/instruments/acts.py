"""The acts that people are offered, of every kind of part and shared contract. They are those of the books,
which `penstock act` and the keeper know too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

from web3 import Web3

from api.i18n import N_
from api.instruments.offers import Act, PartWords, plainly
from api.instruments.sentences import Arguments, Writer
from chain.bindings import contract
from chain.parts import PARTS
from finance.registry import Registry

if TYPE_CHECKING:
    from api.index.reader import Deployment

WORDS: Final[Registry[PartWords]] = Registry(
    {
        "offering": "api.instruments.offering:WORDS",
        "offering_book": "api.instruments.offering_book:WORDS",
        "token": "api.instruments.token:WORDS",
        "registry": "api.instruments.registry:WORDS",
        "oracle": "api.instruments.oracle:WORDS",
        "bond": "api.instruments.bond_acts:WORDS",
        "payment": "api.instruments.swap_acts:WORDS",
        "treasury": "api.instruments.swap_acts:TREASURY",
        "spv": "api.instruments.spv_acts:WORDS",
        "trade_desk": "api.instruments.trade_desk:WORDS",
        "proceeds": "api.instruments.proceeds:WORDS",
        "put": "api.instruments.put_right:WORDS",
        "consent_solicitation": "api.instruments.consent_solicitation:WORDS",
        "liquidity_buffer": "api.instruments.liquidity_buffer:WORDS",
        "office": "api.instruments.office:WORDS",
        "currency": "api.instruments.currency:WORDS",
        "factory": "api.instruments.acts:FACTORY",
    },
    "penstock.words",
)
"""By kind of part, as the books have it, and by name of a shared contract. A kind of another package does
without: its acts are said in the words of its books, its contract and its errors by their names."""
FACTORY = PartWords(
    N_("Factory"),
    told={"DealDeployed": lambda t, a: t.say("The deal was deployed: its contracts began to exist.")},
)
_OWN_NAME: Mapping[str, str] = {"currency": "TestCurrency", "factory": "DealFactory"}
"""Of the currency, which is any ERC-20, only `mint` is not common; and of what is no part."""
COMMIT = "commit-challenge"
"""The step before an act that `commits`."""
APPROVE = "approve"
"""The step before an act that pays: the contract may take the money. Its typed-data form is a permit."""


def acts_of(deployment: Deployment) -> list[Act]:
    """Those that a deployment has, whatever its state: in the order of WORDS, after those without words."""
    order = {kind: place for place, kind in enumerate(WORDS, 1)}
    sources = sorted(deployment.sources, key=lambda key: order.get(deployment.role(key), 0))
    return [act for key in sources for act in acts_on(deployment, key)]


def acts_on(deployment: Deployment, key: str) -> Iterator[Act]:
    """Those of one of its parts, or of a shared contract: what its kind has words for, or all that its books
    know and not only the deal's own contracts may."""
    kind = deployment.role(key)
    if kind in WORDS:
        for act in WORDS[kind].acts:
            if deployment.feeds or not act.offered.feeds:
                yield replace(act, part=key)
        return
    world = deployment.begun
    books, contracts = world.parts[key], set(world.addresses.values())
    for call in books.ACTS.values():
        may = set(books.roles(world).get(call.who, ()))
        if not may or may - contracts:
            yield plainly(kind, key, call)


@cache
def coded_by_kinds(what: Literal["states", "steps", "payments", "lines"]) -> Mapping[str, Any]:
    """Words for codes of a sort, of all kinds of parts; ours where another package has one of the same
    name."""
    found: dict[str, Any] = {}
    for words in WORDS.values():
        for code, said in getattr(words, what).items():
            found.setdefault(code, said)
    return found


def sentence_of(role: str, event: str, writer: Writer, arguments: Arguments) -> str | None:
    """What an event of a contract says in words; None where its kind has none for it."""
    make = WORDS[role].told.get(event) if role in WORDS else None
    return None if make is None else make(writer, arguments)


def title_of(role: str) -> str:
    """What people call a contract by its role, to be translated."""
    return WORDS[role].title if role in WORDS else role.replace("_", " ")


def contract_of(role: str) -> str:
    """The name of a contract by its role: the kind of a part, or the name of a shared contract."""
    return _OWN_NAME.get(role) or PARTS[role].contract


def functions(w3: Web3, role: str, at: str) -> Any:
    """Of a contract in a role."""
    return contract(w3, contract_of(role), at).functions
