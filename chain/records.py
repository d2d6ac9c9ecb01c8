"""The deployment record: everything needed to find, check and reconcile a deployed deal, as one JSON file.

`chain.kinds` reads records of every kind.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar

from eth_utils.address import is_address, to_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from chain.errors import RecordError
from finance.settlement.terms import FeedTerms
from finance.terms import Deal


def _address(value: str) -> str:
    if not is_address(value):
        raise ValueError("must be an address, 0x and 40 hexadecimal digits")
    return str(to_checksum_address(value))


def _ascending(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("names an address twice")
    return sorted(values, key=lambda address: int(address, 16))


Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[list[Address], AfterValidator(_ascending)]
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]


class Frozen(BaseModel):
    """Base of what is written to a file: nothing unknown, nothing changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


Model = TypeVar("Model", bound=Frozen)


class Signers(Protocol):
    """Whoever signs for the oracle, in its order."""

    @property
    def nodes(self) -> list[str]: ...

    @property
    def panel(self) -> list[str]: ...


class Wallets(Frozen):
    """Who is who on the chain. `nodes` and `panel` ascend by address: a position is the oracle's index.

    A deal with several KPIs has as many of both as the KPI that asks for most; a fixed bond has none.
    """

    deployer: Address
    issuer: Address
    agent: Address
    nodes: Addresses
    panel: Addresses

    @property
    def parties(self) -> list[str]:
        """Whose purchases do not count towards the soft cap, in the order of Offering's terms."""
        return [self.issuer, self.agent]


class DealAddresses(Frozen):
    """Where the deal's contracts are, and those it shares with other deals."""

    token: Address
    bond: Address
    offering: Address
    oracle: Address
    registry: Address
    currency: Address
    factory: Address


class Compiler(Frozen):
    """What made the bytecode; `sources` is a hash over the Solidity sources and settings."""

    version: str
    evm_version: str
    optimizer_runs: int | None
    sources: str


class RecordFile(Frozen):
    """A deal on a chain. `terms` is the canonical deal whose sha256 is `terms_hash`, which is on chain too.

    `feeds` are the ids of the oracle's feeds by KPI, in the order of the settlement terms. `shifted_days` is
    by how many days the dates of the deal file were moved, `shifted_from` the terms hash of the unmoved one
    (None when they were not). A kind has a record of its own, with its addresses and wallets, and the role of
    the contract that is the deal's `own`.
    """

    kind: ClassVar[str]
    """As Deal.kind."""
    own_role: ClassVar[str]

    schema_id: str = Field(alias="schema")
    deal: str
    terms_hash: Hash
    chain_id: int
    client: str
    block: int
    time: int
    tx: Hash
    feeds: dict[str, Hash]
    addresses: Any
    wallets: Any
    compiler: Compiler
    shifted_days: int = 0
    shifted_from: Hash | None = None
    terms: dict[str, Any]

    @property
    def own(self) -> str:
        """The address of the contract that is this deal's alone and that its kind is about."""
        return str(getattr(self.addresses, self.own_role))

    def load_deal(self) -> Deal:
        """The deal as deployed, from the canonical terms in the record.

        Raises RecordError if they are not a deal. Does not compare hashes: a check of the deployment does.
        """
        try:
            return Deal.model_validate(self.terms)
        except ValidationError as error:  # of the deal's own model, which is no record's
            raise RecordError("\n".join(problems("deployment record: terms", error))) from None

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


class DeploymentRecord(RecordFile):
    """A bond on a chain."""

    kind = "kpi_bond"
    own_role = "bond"

    schema_id: Literal["penstock/deployment/2"] = Field(default="penstock/deployment/2", alias="schema")
    addresses: DealAddresses
    wallets: Wallets


def load_wallets(model: type[Model], path: str | Path, deployer: str) -> Model:
    """The wallets of a kind of deal from a JSON file: the fields of `model` but for the deployer.

    Raises RecordError with a line `FILE: FIELD: REASON` per problem.
    """
    data = read_json(path)
    if not isinstance(data, dict):
        names = ", ".join(name for name in model.model_fields if name != "deployer")
        raise RecordError(f"{path}: must be an object with {names}")
    return parsed(model, {"deployer": deployer, **data}, str(path))


def parsed(model: type[Model], data: Any, where: str) -> Model:
    """`data` as a `model`; raises RecordError with a line `WHERE: FIELD: REASON` per problem."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RecordError("\n".join(problems(where, error))) from None


def read_json(path: str | Path) -> Any:
    """The JSON of a file; raises RecordError, naming the file, if there is none."""
    try:
        return json.loads(Path(path).read_text())
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise RecordError(f"{path}: not JSON: {error}") from None


def problems(file: str, error: ValidationError) -> list[str]:
    """A line `FILE: FIELD = VALUE: REASON` for each problem."""
    lines = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        given = problem.get("input")
        shown = f" = {given!r}" if isinstance(given, str | int) else ""
        lines.append(f"{file}: {field}{shown}: {problem['msg'].removeprefix('Value error, ')}")
    return lines


def require_counts(wallets: Signers, feeds: Sequence[FeedTerms]) -> None:
    """Raise RecordError unless the wallets are as many as the deal asks for and no node sits on the panel."""
    wanted: Sequence[tuple[str, list[str], int]] = (
        ("nodes", wallets.nodes, most_nodes(feeds)),
        ("panel", wallets.panel, most_panellists(feeds)),
    )
    for name, have, need in wanted:
        if len(have) != need:
            raise RecordError(f"wallets: {name}: the deal asks for {need} and {len(have)} are given")
    both = set(wallets.nodes) & set(wallets.panel)
    if both:
        raise RecordError(
            f"wallets: {', '.join(sorted(both))} would be a node and sit on the panel that judges nodes"
        )


def most_nodes(feeds: Sequence[FeedTerms]) -> int:
    """Nodes of the KPI that asks for most of them."""
    return max((feed.nodes for feed in feeds), default=0)


def most_panellists(feeds: Sequence[FeedTerms]) -> int:
    """Panellists of the KPI that asks for most of them."""
    return max((feed.panel_size for feed in feeds), default=0)
