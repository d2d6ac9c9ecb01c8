"""What a row of transactions would do if it were sent now, by the chain's own word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.hexadecimal import decode_hex
from web3 import Web3

from chain.bindings import decode_error, request
from chain.errors import ContractError, NetworkError
from chain.network import clock

MARGIN = 1.25
"""On a node's own estimate: the state may change before the block."""
LATER_MARGIN = 1.5
"""On the gas that a simulated step used, which leaves out what is refunded at its end (at most a fifth)."""


@dataclass(frozen=True)
class Call:
    """A transaction that is not sent yet."""

    sender: str
    to: str
    data: str
    label: str

    def as_transaction(self) -> dict[str, str]:
        return {"from": self.sender, "to": self.to, "data": self.data}


@dataclass(frozen=True)
class Result:
    """What a call would do. `ok` is None where nothing can be said; `logs` as the node gives them, None where
    it gives none."""

    ok: bool | None
    error: ContractError | None = None
    gas: int | None = None
    logs: Sequence[dict[str, Any]] | None = None

    @property
    def simulated(self) -> bool:
        return self.ok is not None


UNKNOWN = Result(None)


def simulate(w3: Web3, calls: Sequence[Call]) -> list[Result]:
    """What each call would do after those before it; what follows a refusal is not known.

    Raises NetworkError if the chain does not answer.
    """
    try:
        results = _in_a_row(w3, calls)
    except NetworkError:  # not every node has eth_simulateV1, which geth and Anvil have
        return [_alone(w3, calls[0]), *(UNKNOWN for _ in calls[1:])]
    if results[0].ok:  # the node's own estimate is closer than what a simulation used
        results[0] = Result(True, None, _estimate(w3, calls[0]) or results[0].gas, results[0].logs)
    return results


def _in_a_row(w3: Web3, calls: Sequence[Call]) -> list[Result]:
    block = {
        "blockOverrides": {"time": hex(clock(w3))},
        "calls": [call.as_transaction() for call in calls],
    }
    answer = request(w3, "eth_simulateV1", [{"blockStateCalls": [block]}, "latest"], "simulation")
    if not answer or len(answer[0].get("calls", ())) != len(calls):
        raise NetworkError("the node simulates less than it was asked for")
    found: list[Result] = []
    for call, each in zip(calls, answer[0]["calls"], strict=True):
        if found and not found[-1].ok:
            found.append(UNKNOWN)
        elif int(each["status"], 16) == 1:
            gas = int(int(each["gasUsed"], 16) * LATER_MARGIN)
            found.append(Result(True, None, gas, tuple(each.get("logs", ()))))
        else:
            data = (each.get("error") or {}).get("data") or each.get("returnData") or "0x"
            found.append(Result(False, decode_error(decode_hex(data), call.label)))
    return found


def _alone(w3: Web3, call: Call) -> Result:
    try:
        request(w3, "eth_call", [call.as_transaction(), "latest"], call.label)
    except ContractError as error:
        return Result(False, error)
    return Result(True, None, _estimate(w3, call))


def _estimate(w3: Web3, call: Call) -> int | None:
    try:
        estimate = int(request(w3, "eth_estimateGas", [call.as_transaction()], call.label), 16)
    except (ContractError, NetworkError):
        return None
    limit = int(w3.eth.get_block("latest")["gasLimit"])
    return max(estimate, min(int(estimate * MARGIN), limit))
