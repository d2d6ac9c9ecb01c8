"""The logs of a deal's contracts and of its currency, read once, decoded and put in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from web3 import Web3

from chain.bindings import decode_log, event_abis
from chain.check import require_chain
from chain.errors import NetworkError
from chain.records import DeploymentRecord

PAGE = 10_000
"""Blocks per request; halved whenever a node finds that too many."""


@dataclass(frozen=True)
class Event:
    """One decoded log. `source` is the role of its contract: token, bond, offering, oracle or currency."""

    block: int
    index: int
    time: int
    tx: str
    source: str
    name: str
    arguments: dict[str, Any]

    @property
    def trace(self) -> dict[str, Any]:
        """Where it happened: the columns every table begins with."""
        return {"block": self.block, "log": self.index, "time": self.time, "tx": self.tx}


def read_events(w3: Web3, record: DeploymentRecord, to_block: int, page: int = PAGE) -> list[Event]:
    """Every event of the deal in `record` from its deployment to `to_block`, in order of block and log.

    Of oracle and currency, which serve other deals too, only what concerns this one. Raises NetworkError if
    it is another chain, or the node refuses even a single block.
    """
    require_chain(w3, record)
    at = record.addresses
    roles = {
        at.token: ("token", event_abis("SecurityToken")),
        at.bond: ("bond", event_abis("KpiBond")),
        at.offering: ("offering", event_abis("Offering")),
        at.oracle: ("oracle", event_abis("KpiOracle")),
        at.currency: ("currency", event_abis("IERC20")),
    }
    return decoded_events(w3, roles, record.block, to_block, lambda *e: _concerns(record, *e), page)


def decoded_events(
    w3: Web3,
    roles: Mapping[str, tuple[str, Mapping[bytes, dict[str, Any]]]],
    start: int,
    end: int,
    concerns: Callable[[str, str, dict[str, Any]], bool],
    page: int = PAGE,
) -> list[Event]:
    """The events of blocks `start` to `end`, in order of block and log, of the contracts in `roles`: address
    -> (role, its events by topic). `concerns(role, name, arguments)` says which are wanted.

    Raises NetworkError when the node refuses even a single block.
    """
    times: dict[int, int] = {}
    events = []
    for log in _logs(w3, list(roles), start, end, page):
        source, abis = roles[Web3.to_checksum_address(log["address"])]
        decoded = decode_log(log, abis)
        if decoded is None or not concerns(source, *decoded):
            continue
        block = int(log["blockNumber"])
        if block not in times:
            times[block] = w3.eth.get_block(block)["timestamp"]
        tx = "0x" + bytes(log["transactionHash"]).hex()
        events.append(Event(block, int(log["logIndex"]), times[block], tx, source, *decoded))
    events.sort(key=lambda e: (e.block, e.index))
    return events


def _concerns(record: DeploymentRecord, source: str, name: str, arguments: dict[str, Any]) -> bool:
    if source == "oracle":
        return arguments.get("feed") in record.feeds.values()
    if source == "currency":
        at = record.addresses
        return name == "Transfer" and not {at.token, at.bond, at.offering}.isdisjoint(
            (arguments["from"], arguments["to"])
        )
    return True


def _logs(w3: Web3, addresses: list[str], start: int, end: int, page: int) -> Iterator[Any]:
    checksummed = [Web3.to_checksum_address(a) for a in addresses]
    while start <= end:
        last = min(start + page - 1, end)
        try:
            found = w3.eth.get_logs({"address": checksummed, "fromBlock": start, "toBlock": last})
        except Exception as error:
            if page == 1:
                raise NetworkError(f"the node gives no logs of block {start}: {str(error)[:300]}") from None
            page = max(1, page // 2)
            continue
        yield from found
        start = last + 1
