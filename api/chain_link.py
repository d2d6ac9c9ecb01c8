"""The service's connection to its chain: made when it is needed, and again when it was lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from web3 import Web3
from web3.exceptions import Web3Exception

from api.problems import unavailable
from chain.errors import NetworkError
from chain.network import connect, is_local

Result = TypeVar("Result")

ANSWER_SECONDS = 15.0
"""In which a node must answer. Simulations of a few transactions take it well below a second."""
PAUSE_SECONDS = 0.5
"""After a chain did not answer: until then nobody else waits for it."""


class ChainLink:
    """A chain that may be down now and up later. Every call either answers or raises a ProblemError 503
    (`chain-unavailable`, or `wrong-chain` when another chain answers than the one first seen)."""

    def __init__(self, network: str, chain_id: int | None = None) -> None:
        self.network = network
        self._chain_id = chain_id
        self._w3: Web3 | None = None
        self._down: tuple[float, str] = (0.0, "")
        self._lock = threading.Lock()

    def expect(self, chain_id: int) -> None:
        """The chain that the index was built from; another one is refused from now on."""
        with self._lock:
            if self._chain_id != chain_id:
                self._chain_id, self._w3 = chain_id, None

    @property
    def w3(self) -> Web3:
        with self._lock:
            if self._w3 is None:
                since, said = self._down
                if time.monotonic() - since < PAUSE_SECONDS:
                    raise unavailable(said, "chain-unavailable")
                try:
                    found = connect(self.network, timeout=ANSWER_SECONDS)
                except NetworkError as error:
                    self._down = (time.monotonic(), str(error))
                    raise unavailable(str(error), "chain-unavailable") from None
                if self._chain_id is not None and found.eth.chain_id != self._chain_id:
                    raise unavailable(
                        f"{self.network} is chain {found.eth.chain_id}, and this service was set up for "
                        f"{self._chain_id}",
                        "wrong-chain",
                    )
                self._chain_id = found.eth.chain_id
                self._w3 = found
            return self._w3

    @property
    def chain_id(self) -> int:
        return self._chain_id if self._chain_id is not None else self.w3.eth.chain_id

    @property
    def is_local(self) -> bool:
        """Whether it is a development chain; raises as `w3` does."""
        return self.call(is_local)

    def call(self, action: Callable[[Web3], Result]) -> Result:
        """`action(w3)`; a chain that does not answer becomes 503, and is looked for again next time.

        A contract that refuses raises chain.errors.ContractError as always.
        """
        w3 = self.w3
        try:
            return action(w3)
        except (NetworkError, OSError, Web3Exception, json.JSONDecodeError) as error:
            # Whatever the libraries call it: what answers there is no chain now.
            with self._lock:
                self._w3 = None
            raise unavailable(f"the chain does not answer: {str(error)[:200]}", "chain-unavailable") from None
