"""The deployment record: everything needed to find, check and reconcile a deployed deal, as one JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from eth_utils.address import (
    is_address,
    is_checksum_address,
    is_checksum_formatted_address,
    to_checksum_address,
)
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from chain.errors import RecordError
from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from finance.terms.load import EARLIER
from finance.terms.problems import in_words, one_line
from finance.terms.reader import exact_json
from finance.terms.values import written


def address_of(value: str) -> str:
    """An address with its checksum. Raises ValueError for what is none, or has a wrong one (EIP-55)."""
    if not is_address(value):
        raise ValueError("must be an address, 0x and 40 hexadecimal digits")
    if is_checksum_formatted_address(value) and not is_checksum_address(value):
        raise ValueError(
            "is an address with a wrong checksum (EIP-55): a digit or a letter's case is not right"
        )
    return str(to_checksum_address(value))


def _ascending(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("names an address twice")
    return sorted(values, key=lambda address: int(address, 16))


Address = Annotated[str, AfterValidator(address_of)]
Addresses = Annotated[list[Address], AfterValidator(_ascending)]


def _serving(shared: dict[str, str]) -> dict[str, str]:
    """What serves every deal must be there."""
    for name in ("currency", "factory"):
        if name not in shared:
            raise ValueError(f"{name} is missing")
    return shared


Minor = Annotated[int, Field(gt=0)]
Hash = Annotated[
    str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$"), written("0x and 64 small hexadecimal digits")
]


class Frozen(BaseModel):
    """Base of what is written to a file: nothing unknown, nothing changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


Model = TypeVar("Model", bound=Frozen)


class Wallets(Frozen):
    """Who is who on the chain: `deployer`, the people of the deal by their roles (issuer, agent, payer,
    payee, operator, lender; ROLE.PARTY where several parties have one: `Deal.wallet_of`), and who signs for
    the oracle.

    `nodes` and `panel` ascend by address: a position is the oracle's index. A deal with several KPIs has as
    many of both as the KPI that asks for most; without a KPI there are none.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Address] = Field(init=False)

    deployer: Address
    nodes: Addresses
    panel: Addresses

    @property
    def people(self) -> dict[str, str]:
        """The deal's people by role."""
        return dict(self.__pydantic_extra__)

    @property
    def everybody(self) -> dict[str, str | list[str]]:
        """The deployer, the deal's people by role, nodes and panel."""
        return {"deployer": self.deployer, **self.people, "nodes": self.nodes, "panel": self.panel}

    def with_person(self, role: str, address: str) -> Wallets:
        """The same with somebody else in a role."""
        return Wallets.model_validate({**self.everybody, role: address})

    def __getitem__(self, role: str) -> str:
        """Whoever has a role. Raises RecordError when nobody has."""
        if role == "deployer":
            return self.deployer
        if role not in self.__pydantic_extra__:
            raise RecordError(f"wallets: {role}: is missing")
        return self.__pydantic_extra__[role]


class Compiler(Frozen):
    """What made the bytecode; `sources` is a hash over the Solidity sources and settings."""

    version: str
    evm_version: str
    optimizer_runs: int | None
    sources: str


class DeployedPart(Frozen):
    """One part of a deal: its `kind` as chain.parts has it, where it is, and what it is a clone of."""

    kind: str
    address: Address
    implementation: Address


class DeploymentRecord(Frozen):
    """A deal on a chain. `terms` is the canonical deal whose sha256 is `terms_hash`, which is on chain too.

    `parts` are the deal's own contracts by key, `shared` those it has with other deals: currency, factory,
    the oracle where a part knows it, and the identity registry where something is held. `feeds` are the ids
    of the oracle's feeds by KPI, in the order of the plan. `gifts` (currency by part) and `rewards` (by KPI)
    are what strangers had given before there was a deal, in minor units. `gas` is what the deployment used.
    `shifted_days` is by how many days the dates of the deal file were moved, `shifted_from` the terms hash of
    the unmoved one (None when they were not).
    """

    schema_id: Literal["penstock/deployment/3"] = Field(default="penstock/deployment/3", alias="schema")
    deal: str
    terms_hash: Hash
    chain_id: int
    client: str
    block: int
    time: int
    tx: Hash
    gas: int
    parts: Annotated[dict[str, DeployedPart], Field(min_length=1)]
    shared: Annotated[dict[str, Address], AfterValidator(_serving)]
    feeds: dict[str, Hash]
    gifts: dict[str, Minor] = {}
    rewards: dict[str, Minor] = {}
    wallets: Wallets
    compiler: Compiler
    shifted_days: int = 0
    shifted_from: Hash | None = None
    terms: dict[str, Any]

    @property
    def own(self) -> str:
        """The address by which the deal is known: that of its first part, which is no other deal's."""
        return next(iter(self.parts.values())).address

    @property
    def addresses(self) -> dict[str, str]:
        """The deal's own contracts by key, then the shared ones by name."""
        return {**{key: part.address for key, part in self.parts.items()}, **self.shared}

    def load_deal(self) -> Deal:
        """The deal as deployed, from the canonical terms in the record.

        Raises RecordError if they are not a deal. Does not compare hashes: a check of the deployment does.
        """
        try:
            return Deal.model_validate(self.terms)
        except ValidationError as error:  # of the deal's own model, which is no record's
            raise RecordError("\n".join(problems("deployment record: terms", error))) from None

    def place_of(self, kind: str) -> str | None:
        """Where the only part of a kind (chain.parts) is; None without one. RecordError for several."""
        found = [part.address for part in self.parts.values() if part.kind == kind]
        if len(found) > 1:
            raise RecordError(f"{self.deal}: has {len(found)} parts of the kind {kind}, and this needs one")
        return found[0] if found else None

    def kinds_of(self, group: Deal) -> dict[str, str]:
        """The kinds (chain.parts) of the parts of one of the deal's groups, by key."""
        return {key: part.kind for key, part in self.parts.items() if key in group.parts}

    def feed_of(self, kpi: str | None = None) -> str:
        """The id of the feed of `kpi`, which may be left out where there is only one.

        Raises RecordError for a KPI that no feed is for, or none where there is not exactly one feed.
        """
        known = ", ".join(self.feeds) or "none"
        if kpi is None:
            if len(self.feeds) != 1:
                raise RecordError(f"{self.deal}: the KPI must be named (--kpi; known: {known})")
            (kpi,) = self.feeds
        if kpi not in self.feeds:
            raise RecordError(f"{self.deal}: no feed for the KPI {kpi} (known: {known})")
        return self.feeds[kpi]

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"

    def save(self, path: Path) -> Path:
        """Write the record, whole or not at all; folders are made as needed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        try:
            beside.write_text(self.to_json())
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise RecordError(f"{path}: cannot be written: {error.strerror}") from None
        return path


_OF_A_RECORD = re.compile(r"penstock/(\w+-)?deployment/\d+")


def load_record(path: str | Path) -> DeploymentRecord:
    """The deployment record at `path`. Raises RecordError as `record_of`."""
    return record_of(read_json(path, "no deployment record: not JSON"), str(path))


def record_of(data: Any, where: str = "deployment record") -> DeploymentRecord:
    """A record from plain data. Raises RecordError with a line `WHERE: FIELD: REASON` per problem."""
    schema = data.get("schema") if isinstance(data, dict) else None
    wanted = str(DeploymentRecord.model_fields["schema_id"].default)
    if not (isinstance(schema, str) and _OF_A_RECORD.fullmatch(schema)):
        why = f"no deployment record, as `penstock deploy` writes: its schema is not {wanted}"
        raise RecordError(f"{where}: {why}")
    if schema != wanted:
        why = f"must be {wanted}; an earlier Penstock wrote it, for other contracts: deploy the deal again"
        raise RecordError(f"{where}: schema = {schema!r}: {why}")
    terms = data.get("terms")
    if isinstance(terms, dict) and terms.get("schema") == EARLIER:
        why = "an earlier Penstock wrote it, for deals of an earlier form: deploy the deal again"
        raise RecordError(f"{where}: terms.schema = {EARLIER!r}: {why}")
    return parsed(DeploymentRecord, data, where)


def load_wallets(path: str | Path, deployer: str) -> Wallets:
    """The wallets of a deal from a JSON file: an address for each role, and lists of nodes and panel.

    Raises RecordError with a line `FILE: FIELD: REASON` per problem.
    """
    data = read_json(path)
    if not isinstance(data, dict):
        raise RecordError(f"{path}: must be an object with the wallet of each role, nodes and panel")
    if str(data.get("deployer", deployer)).lower() != deployer.lower():
        raise RecordError(f"{path}: deployer = {data['deployer']}: is {deployer}, who sends; leave it out")
    return parsed(Wallets, {"deployer": deployer, **data}, str(path))


def parsed(model: type[Model], data: Any, where: str) -> Model:
    """`data` as a `model`; raises RecordError with a line `WHERE: FIELD: REASON` per problem."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RecordError("\n".join(problems(where, error))) from None


def read_json(path: str | Path, otherwise: str = "not JSON") -> Any:
    """The JSON of a file; raises RecordError, naming the file, if there is none, or a key stands twice."""
    try:
        return exact_json(Path(path).read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: {otherwise}: {error}") from None


def problems(file: str, error: ValidationError) -> list[str]:
    """A line `FILE: FIELD = VALUE: REASON` for each problem."""
    lines = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        given = problem.get("input")
        shown = f" = {given!r}" if isinstance(given, str | int) else ""
        lines.append(one_line(f"{file}: {field}{shown}: {in_words(problem)}"))
    return lines


def require_wallets(
    wallets: Wallets,
    roles: Sequence[str],
    feeds: Sequence[FeedTerms],
    parties: Mapping[str, str | None] = MappingProxyType({}),
    contracts: Mapping[str, str] = MappingProxyType({}),
    where: str = "wallets",
) -> None:
    """Raise RecordError, with a line `WHERE: FIELD = VALUE: REASON` per problem, unless the wallets are those
    of the `roles` that a deal has, and of as many nodes and panellists as its `feeds` ask for.

    Nobody who signs or judges has another part in the deal; two `parties` (whose a wallet is, by role:
    `Deal.people`) do not share a wallet; and nobody is zero or one of the `contracts`, addresses by name.
    """
    wrong = [
        *_of_roles(wallets, roles),
        *_of_numbers(wallets, feeds),
        *_of_others(wallets, parties, {address: name for name, address in contracts.items()}),
    ]
    if wrong:
        raise RecordError("\n".join(f"{where}: {each}" for each in wrong))


def _of_roles(wallets: Wallets, roles: Sequence[str]) -> Iterator[str]:
    for role in roles:
        if role not in wallets.people:
            yield f"{role}: is missing, and this deal needs it"
    for role, given in wallets.people.items():
        if role not in roles:
            yield f"{role} = {given}: this deal has none (it has {', '.join(roles)})"


def _of_numbers(wallets: Wallets, feeds: Sequence[FeedTerms]) -> Iterator[str]:
    wanted: Sequence[tuple[str, list[str], int]] = (
        ("nodes", wallets.nodes, most_nodes(feeds)),
        ("panel", wallets.panel, most_panellists(feeds)),
    )
    for name, have, need in wanted:
        if len(have) != need:
            yield f"{name}: the deal asks for {need} and {len(have)} are given"


def _of_others(
    wallets: Wallets, parties: Mapping[str, str | None], contracts: Mapping[str, str]
) -> Iterator[str]:
    """Addresses that cannot be whose they are said to be."""
    known: dict[str, str] = {}
    for role, given in wallets.people.items():
        first = known.setdefault(given, role)
        mine, other = parties.get(role), parties.get(first)
        if None not in (mine, other) and mine != other:
            yield f"{role} = {given}: is the {first}'s as well, and those are two parties, {other} and {mine}"
    for member in wallets.panel:
        if member in wallets.nodes:
            yield f"panel = {member}: would be a node and sit on the panel that judges nodes"
    for name, members in (("nodes", wallets.nodes), ("panel", wallets.panel)):
        for each in members:
            if each in known:
                yield f"{name} = {each}: is the {known[each]}'s: nobody signs or judges in a deal of its own"
    for name, some in wallets.everybody.items():
        for each in [some] if isinstance(some, str) else some:
            if not int(each, 16):
                yield f"{name} = {each}: is nobody's address"
            elif each in contracts:
                yield f"{name} = {each}: is a contract of the deal ({contracts[each]}), which acts for nobody"


def most_nodes(feeds: Sequence[FeedTerms]) -> int:
    """Nodes of the KPI that asks for most of them."""
    return max((feed.nodes for feed in feeds), default=0)


def most_panellists(feeds: Sequence[FeedTerms]) -> int:
    """Panellists of the KPI that asks for most of them."""
    return max((feed.panel_size for feed in feeds), default=0)
