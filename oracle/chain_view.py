"""A node's own look at the chain: the time there, and which version of a report it holds.

Three JSON-RPC questions and no chain library, because every node is a process of its own and needs nothing
else of the chain. It trusts no relay: a node asks the RPC of its own configuration, and signs nothing while
that does not answer. A test compares what it reads with the contract.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, Protocol

from eth_utils import keccak

STATUS = ("none", "pending", "challenged", "final", "missing")
"""IKpiOracle.Status by number."""
STATUS_WORD, VERSION_WORD = 0, 4
"""Places of `status` and `version` in the words of IKpiOracle.Report."""
MAX_ANSWER_BYTES = 4_000_000
"""A block with all its transactions' hashes is well below."""

_REPORT_OF = "0x" + keccak(text="reportOf(bytes32,uint32)")[:4].hex()


class ChainViewError(RuntimeError):
    """The node's chain cannot be asked; the message says why."""


@dataclass(frozen=True)
class ChainState:
    """What a node must know before it signs. time: the latest block's [unix seconds]; status: one of STATUS;
    version: of the report that is there, 0 if none."""

    time: int
    status: str
    version: int

    @property
    def reported(self) -> bool:
        return self.status != "none"


def moment(seconds: int) -> str:
    """A time of the chain, unix seconds, as people read it: `2021-01-01 00:00 UTC`, with seconds if any."""
    try:
        time = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return f"unix time {seconds}"
    return time.strftime("%Y-%m-%d %H:%M:%S UTC" if seconds % 60 else "%Y-%m-%d %H:%M UTC")


class View(Protocol):
    """What a node asks about the chain."""

    def state(self, chain_id: int, contract: str, feed: str, period: int) -> ChainState:
        """The chain's time and what `contract` holds of a period. Raises ChainViewError: no answer, another
        chain, no such feed."""


class ChainView:
    """The chain behind an RPC, at `url`."""

    def __init__(self, url: str, timeout_seconds: float = 10) -> None:
        self._url, self._timeout = url, timeout_seconds
        # A proxy of the environment is no part of the node's configuration.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def state(self, chain_id: int, contract: str, feed: str, period: int) -> ChainState:
        actual = _number(self._ask("eth_chainId"))
        if actual != chain_id:
            raise ChainViewError(f"{self._url} is chain {actual}, not {chain_id}")
        block = self._ask("eth_getBlockByNumber", "latest", False)
        if not isinstance(block, dict):
            raise ChainViewError(f"{self._url}: eth_getBlockByNumber: no block")
        call = {"to": contract, "data": f"{_REPORT_OF}{feed[2:]}{period:064x}"}
        answer = self._ask("eth_call", call, block.get("number"))
        words = bytes.fromhex(answer[2:]) if isinstance(answer, str) else b""
        if len(words) < 32 * (VERSION_WORD + 1):
            raise ChainViewError(f"{self._url}: no oracle contract at {contract}")
        status, version = (
            int.from_bytes(words[32 * place : 32 * place + 32], "big")
            for place in (STATUS_WORD, VERSION_WORD)
        )
        if status >= len(STATUS):
            raise ChainViewError(f"{self._url}: {contract} has no known status {status}")
        return ChainState(_number(block.get("timestamp")), STATUS[status], version)

    def _ask(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310 - http, as the configuration
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                answer = json.loads(response.read(MAX_ANSWER_BYTES))
            error = answer.get("error")
        except (OSError, HTTPException, ValueError, AttributeError) as problem:
            raise ChainViewError(f"{self._url}: {method}: {problem}") from None
        if error:
            if method == "eth_call" and "revert" in str(error):
                raise ChainViewError(f"{self._url}: the contract has no such feed, or no such period of it")
            words = error.get("message", error) if isinstance(error, dict) else error
            raise ChainViewError(f"{self._url}: {method}: {words!s:.200}")
        return answer.get("result")


def _number(text: Any) -> int:
    try:
        return int(text, 16)
    except (TypeError, ValueError):
        raise ChainViewError(f"{text!s:.80}: not a number") from None
