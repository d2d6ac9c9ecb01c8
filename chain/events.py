"""The logs of a deal's contracts and of its currency, read once, decoded and put in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.exceptions import DecodingError
from web3 import Web3

from chain.bindings import event_abis
from chain.errors import OtherChainError
from chain.history import SHARED, Event
from chain.log_reader import (
    Decoder,
    Filter,
    Log,
    decoder,
    paged_logs,
    parts,
    times_of,
)
from chain.parts import PARTS
from chain.records import DeploymentRecord

PAGE = 10_000
"""Blocks per request; halved whenever a node finds that too many."""


@dataclass(frozen=True)
class Watch:
    """What to read for a deal. `contracts`: address -> (part's key or shared name, contract name); of the
    shared ones only what concerns these feeds, or moves money from or to the deal's own contracts: more than
    nothing, which an ERC-20 lets anyone move from anywhere."""

    contracts: Mapping[str, tuple[str, str]]
    feeds: frozenset[str]

    @property
    def own(self) -> frozenset[str]:
        """The contracts of this deal alone."""
        return frozenset(at for at, (role, _) in self.contracts.items() if role not in SHARED)

    def concerns(self, role: str, name: str, arguments: Mapping[str, Any]) -> bool:
        """Whether an event is this deal's."""
        if role == "oracle":
            return arguments.get("feed") in self.feeds
        if role == "currency":
            if name != "Transfer" or not arguments["value"]:
                return False
            return not self.own.isdisjoint((arguments["from"], arguments["to"]))
        return True

    def event(self, log: Log, time: int) -> Event | None:
        """The event in a log, None if it is not this deal's; its block was made at `time`."""
        role, contract = self.contracts.get(log.address, ("", ""))
        found = _decoders(contract).get(log.topics[0]) if contract and log.topics else None
        if found is None:
            return None
        name, decode = found
        try:
            arguments = decode(log.topics, log.data)
        except (ValueError, DecodingError):  # a currency that is no plain ERC-20
            return None
        if not self.concerns(role, name, arguments):
            return None
        return Event(log.block, log.index, time, log.tx, role, name, arguments)


def require_chain(w3: Web3, record: DeploymentRecord) -> None:
    """Raise OtherChainError unless `w3` is the chain of a record: same id, and the deal's own contract."""
    if w3.eth.chain_id != record.chain_id:
        raise OtherChainError(f"the chain has id {w3.eth.chain_id}, the deployment is on {record.chain_id}")
    if not w3.eth.get_code(Web3.to_checksum_address(record.own)):
        raise OtherChainError(
            f"no contract at {record.own}: this is not the chain the deal was deployed to "
            f"(block {record.block}), or it has been restarted"
        )


def watch(record: DeploymentRecord) -> Watch:
    """What to read for the deal in a record."""
    own = {part.address: (key, PARTS[part.kind].contract) for key, part in record.parts.items()}
    shared = {record.shared[name]: (name, PARTS[name].contract) for name in SHARED if name in record.shared}
    return Watch({**own, **shared}, frozenset(record.feeds.values()))


def filters(watches: Iterable[Watch]) -> list[Filter]:
    """Filters that find everything the watches are for, and of busy shared contracts little else."""
    own: set[str] = set()
    feeds: set[str] = set()
    shared: dict[str, set[str]] = {role: set() for role in SHARED}
    for each in watches:
        own |= each.own
        feeds |= each.feeds
        for address, (role, _) in each.contracts.items():
            if role in SHARED:
                shared[role].add(address)
    found: list[Filter] = [{"address": part} for part in parts(own)]
    for oracles in parts(shared["oracle"]):
        found += [{"address": oracles, "topics": [None, part]} for part in parts(feeds)]
    moved = next(topic for topic, (name, _) in _decoders("IERC20").items() if name == "Transfer")
    for currencies in parts(shared["currency"]):
        for part in parts("0x" + address[2:].lower().rjust(64, "0") for address in own):
            found.append({"address": currencies, "topics": [moved, part]})
            found.append({"address": currencies, "topics": [moved, None, part]})
    return found


def read_events(
    w3: Web3, record: DeploymentRecord, to_block: int, page: int = PAGE, from_block: int | None = None
) -> list[Event]:
    """Every event of the deal in `record` from its deployment, or `from_block`, to `to_block`, in order of
    block and log.

    Of oracle and currency, which serve other deals too, only what concerns this one. Raises NetworkError if
    the node refuses even a single block.
    """
    its = watch(record)
    start = record.block if from_block is None else from_block
    found = list(paged_logs(w3, filters([its]), start, to_block, page))
    times = times_of(w3, found)
    events = (its.event(log, times[log.block]) for log in found)
    return [event for event in events if event is not None]


@lru_cache(maxsize=64)
def _decoders(contract: str) -> dict[str, tuple[str, Decoder]]:
    return {
        "0x" + topic.hex(): (entry["name"], decoder(entry)) for topic, entry in event_abis(contract).items()
    }
