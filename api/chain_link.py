"""The service's connection to its chain: made when it is needed, and again when it was lost.

Nobody waits long for a chain that is silent: who finds out does, and until it answers one at a time tries."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from web3 import Web3
from web3.exceptions import Web3Exception

from api.problems import ProblemError, unavailable
from chain.errors import NetworkError
from chain.network import connect, is_local, when

Result = TypeVar("Result")

ANSWER_SECONDS = 5.0
"""In which a node must answer one question. Simulations of a few transactions take it well below a second."""
PROBE_SECONDS = 2.0
"""In which it must say that it is there."""
PAUSE_SECONDS = 0.5
"""After a chain did not answer: until then nobody asks it."""
NO_ANSWER = (NetworkError, OSError, Web3Exception, json.JSONDecodeError)
"""What the libraries raise when what is asked is no chain now, whatever they call it."""


def no_answer(error: Exception) -> ProblemError:
    """503 for one of NO_ANSWER."""
    words = str(error)[:200]
    if not isinstance(error, NetworkError):
        words = f"the chain does not answer: {words}"
    return unavailable(words, "chain-unavailable")


class ChainLink:
    """A chain that may be down now and up later. Every call either answers or raises a ProblemError 503
    (`chain-unavailable`, or `wrong-chain` when another chain answers than the one first seen)."""

    def __init__(self, network: str, chain_id: int | None = None) -> None:
        self.network = network
        self._chain_id = chain_id
        self._w3: Web3 | None = None
        self._connecting = threading.Lock()
        self._state = threading.Lock()
        self._heard: float | None = None
        self._failed: tuple[float, float, str] | None = None  # unix seconds, until (monotonic), why
        self._trying = False

    @property
    def silent_since(self) -> int | None:
        """When a chain that does not answer now answered last, or was first asked in vain (unix seconds);
        None while it answers."""
        with self._state:
            if self._failed is None:
                return None
            return int(self._failed[0] if self._heard is None else self._heard)

    def expect(self, chain_id: int) -> None:
        """The chain that the index was built from; another one is refused from now on."""
        if self._chain_id != chain_id:
            self._chain_id, self._w3 = chain_id, None

    @property
    def chain_id(self) -> int:
        return self._chain_id if self._chain_id is not None else self.call(lambda w3: w3.eth.chain_id)

    @property
    def is_local(self) -> bool:
        """Whether it is a development chain; raises as `call` does."""
        return self.call(is_local)

    def call(self, action: Callable[[Web3], Result]) -> Result:
        """`action(w3)`; a chain that does not answer becomes 503, and is looked for again next time.

        A contract that refuses raises chain.errors.ContractError as always.
        """
        with self._asking():
            return action(self._connected())

    def probe(self) -> None:
        """Raise as `call` does unless the chain answers at once."""
        with self._asking():
            self._require_same(connect(self.network, timeout=PROBE_SECONDS, retry=False))

    # -- who waits for it

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self._begin()
        heard = False
        try:
            yield
            heard = True
        except NO_ANSWER as error:
            self._w3 = None
            heard = self._answers()  # and has refused this one question
            raise no_answer(error) if heard else self._silent(str(error)[:200]) from None
        except ProblemError:
            raise  # another chain: it answers, and is refused
        except Exception:
            heard = True  # a contract that refuses has been heard
            raise
        finally:
            with self._state:
                self._trying = False
                if heard:
                    self._heard, self._failed = time.time(), None

    def _begin(self) -> None:
        with self._state:
            if self._failed is None:
                return
            _, until, why = self._failed
            if self._trying or time.monotonic() < until:
                raise unavailable(f"the chain does not answer{self._when()}: {why}", "chain-unavailable")
            self._trying = True

    def _answers(self) -> bool:
        try:
            self._require_same(connect(self.network, timeout=PROBE_SECONDS, retry=False))
        except (*NO_ANSWER, ProblemError):
            return False
        return True

    def _silent(self, why: str) -> ProblemError:
        with self._state:
            first = time.time() if self._failed is None else self._failed[0]
            self._failed = (first, time.monotonic() + PAUSE_SECONDS, why)
            return unavailable(f"the chain does not answer{self._when()}: {why}", "chain-unavailable")

    def _when(self) -> str:
        return "" if self._heard is None else f" since {when(int(self._heard))}"

    def _connected(self) -> Web3:
        with self._connecting:
            if self._w3 is None:
                if self._failed is not None and time.monotonic() < self._failed[1]:
                    raise NetworkError(self._failed[2])  # somebody found out while this one waited
                self._w3 = self._require_same(connect(self.network, timeout=ANSWER_SECONDS, retry=False))
            return self._w3

    def _require_same(self, found: Web3) -> Web3:
        """`found`, unless it is another chain than the one first seen. Raises ProblemError (503)."""
        actual = found.eth.chain_id
        if self._chain_id is not None and actual != self._chain_id:
            raise unavailable(
                f"{self.network} is chain {actual}, and this service was set up for {self._chain_id}",
                "wrong-chain",
            )
        self._chain_id = actual
        return found
