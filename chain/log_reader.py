"""Raw logs and block headers over JSON-RPC: what a node answers, without web3's formatters, which take longer
than the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode
from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.providers import HTTPProvider
from web3.types import RPCEndpoint

from chain.bindings import named, type_of
from chain.errors import NetworkError
from chain.network import rpc

BATCH = 100
"""Headers per request."""
WORDS = 200
"""Addresses or topics per filter."""

checksummed = lru_cache(maxsize=65_536)(to_checksum_address)
Decoder = Callable[[Sequence[str], str], dict[str, Any]]
Filter = Mapping[str, Any]


@dataclass(frozen=True)
class Header:
    """A block as far as it matters here."""

    number: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True)
class Log:
    """A log as the node gives it. `time` is None where the node does not tell the block's."""

    block: int
    block_hash: str
    index: int
    time: int | None
    tx: str
    address: str
    topics: tuple[str, ...]
    data: str


def header(w3: Web3, block: int | str = "latest") -> Header | None:
    """The header of a block by number or tag; None if there is no such block."""
    found = rpc(w3, "eth_getBlockByNumber", hex(block) if isinstance(block, int) else block, False)
    return None if found is None else _header(found)


def headers(w3: Web3, numbers: Iterable[int]) -> dict[int, Header]:
    """Headers by number, in few requests; blocks that do not exist are left out."""
    wanted = sorted(set(numbers))
    found: dict[int, Header] = {}
    for start in range(0, len(wanted), BATCH):
        for answer in _many(w3, [hex(number) for number in wanted[start : start + BATCH]]):
            if answer is not None:
                block = _header(answer)
                found[block.number] = block
    return found


def _many(w3: Web3, numbers: list[str]) -> list[Any]:
    if len(numbers) > 1 and isinstance(w3.provider, HTTPProvider):
        method = RPCEndpoint("eth_getBlockByNumber")
        answers = w3.provider.make_batch_request([(method, [number, False]) for number in numbers])
        # Some nodes take no batches, and say so in one answer.
        if isinstance(answers, list) and not any(answer.get("error") for answer in answers):
            return [answer.get("result") for answer in answers]
    return [rpc(w3, "eth_getBlockByNumber", number, False) for number in numbers]


def _header(found: Mapping[str, Any]) -> Header:
    return Header(int(found["number"], 16), str(found["hash"]), int(found["timestamp"], 16))


def logs(w3: Web3, filters: Iterable[Filter], start: int, end: int) -> list[Log]:
    """The logs of blocks `start` to `end` that any of the filters finds, in order of block and log.

    Raises NetworkError with the node's words when it refuses, as for too many blocks at once.
    """
    found: dict[tuple[int, int], Log] = {}
    for each in filters:
        query = {**each, "fromBlock": hex(start), "toBlock": hex(end)}
        for raw in rpc(w3, "eth_getLogs", query) or ():
            log = _log(raw)
            found[log.block, log.index] = log
    return [found[key] for key in sorted(found)]


def paged_logs(w3: Web3, filters: Sequence[Filter], start: int, end: int, page: int) -> Iterator[Log]:
    """As `logs`, in pages of blocks that shrink when the node finds them too long.

    Raises NetworkError when the node refuses even a single block.
    """
    while start <= end:
        last = min(start + page - 1, end)
        try:
            found = logs(w3, filters, start, last)
        except Exception as error:
            if page == 1:
                raise NetworkError(f"the node gives no logs of block {start}: {str(error)[:300]}") from None
            page = max(1, page // 2)
            continue
        yield from found
        start = last + 1


def times_of(w3: Web3, found: Iterable[Log]) -> dict[int, int]:
    """The time of every block that has one of these logs; asked for only where the logs do not tell. Raises
    NetworkError for a block that the node has no more."""
    times: dict[int, int] = {}
    untold: set[int] = set()
    for log in found:
        if log.time is None:
            untold.add(log.block)
        else:
            times[log.block] = log.time
    told = headers(w3, untold)
    if missing := untold - told.keys():
        raise NetworkError(f"the node gives logs of block {min(missing)}, and not the block")
    return times | {number: block.time for number, block in told.items()}


def _log(raw: Mapping[str, Any]) -> Log:
    time = raw.get("blockTimestamp")
    return Log(
        int(raw["blockNumber"], 16),
        raw["blockHash"],
        int(raw["logIndex"], 16),
        None if time is None else int(time, 16),
        raw["transactionHash"],
        checksummed(raw["address"]),
        tuple(raw["topics"]),
        raw["data"],
    )


def parts(words: Iterable[str]) -> Iterator[list[str]]:
    """Addresses or topics in lists that are not too long for a filter."""
    ordered = sorted(set(words))
    for start in range(0, len(ordered), WORDS):
        yield ordered[start : start + WORDS]


# -- decoding


def decoder(entry: Mapping[str, Any]) -> Decoder:
    """A function from topics and data, as hexadecimal text, to the arguments of this event by name.

    Events whose arguments are single words are cut out of the text; others go through eth_abi.
    """
    inputs = entry["inputs"]
    plain = [i for i in inputs if not i["indexed"]]
    # An argument of more than a word is indexed by its hash.
    words = {i["name"]: _word(i["type"] if _is_word(i["type"]) else "bytes32") for i in inputs}
    topics = [i["name"] for i in inputs if i["indexed"]]
    names = [i["name"] for i in inputs]

    def by_words(found: Sequence[str], data: str) -> dict[str, Any]:
        values = dict(zip(topics, (topic[2:] for topic in found[1:]), strict=True))
        for place, each in enumerate(plain):
            values[each["name"]] = data[2 + 64 * place : 66 + 64 * place]
        return {name: words[name](values[name]) for name in names}

    def by_abi(found: Sequence[str], data: str) -> dict[str, Any]:
        indexed = {name: words[name](topic[2:]) for name, topic in zip(topics, found[1:], strict=True)}
        values = decode([type_of(i) for i in plain], bytes.fromhex(data[2:]))
        rest = {i["name"]: named(i, value) for i, value in zip(plain, values, strict=True)}
        return {name: indexed[name] if name in indexed else rest[name] for name in names}

    return by_words if all(_is_word(i["type"]) for i in plain) else by_abi


def _is_word(kind: str) -> bool:
    return kind in ("address", "bool", "bytes32") or (
        kind.startswith(("uint", "int")) and not kind.endswith("]")
    )


def _word(kind: str) -> Callable[[str], Any]:
    """A word of 64 hexadecimal digits as a value of an ABI type."""
    if kind == "address":
        return lambda word: checksummed("0x" + word[24:])
    if kind == "bool":
        return lambda word: word[-1] == "1"
    if kind == "bytes32":
        return lambda word: "0x" + word
    if kind.startswith("uint"):
        return lambda word: int(word, 16)

    def signed(word: str) -> int:
        value = int(word, 16)
        return value - (1 << 256) if value >> 255 else value

    return signed
