"""Contract objects with our ABIs, and readable errors for what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.hexadecimal import decode_hex
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import RPCEndpoint

from chain import artifacts
from chain.errors import ChainError, ContractError, NetworkError, UnreachableError

PANICS = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "invalid enum value",
    0x32: "index out of bounds",
    0x41: "out of memory",
}
"""https://docs.soliditylang.org/en/latest/control-structures.html#panic-via-assert-and-error-via-require"""


@lru_cache(1024)
def contract(w3: Web3, name: str, address: str) -> Contract:
    """The contract at `address`, spoken to with the ABI of `name`; made once, for that takes milliseconds."""
    return w3.eth.contract(address=to_checksum_address(address), abi=artifacts.abi(name))


def type_of(component: Mapping[str, Any]) -> str:
    """The canonical ABI type of an ABI entry, tuples spelled out: `(uint64,uint32)[]`."""
    kind: str = component["type"]
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(type_of(c) for c in component["components"]) + ")" + kind.removeprefix("tuple")


def named(component: Mapping[str, Any], value: Any) -> Any:
    """A decoded ABI value with field names: tuples become dicts, addresses checksummed, bytes 0x text."""
    kind: str = component["type"]
    if kind.endswith("]"):
        inner = {**component, "type": kind[: kind.rindex("[")]}
        return [named(inner, item) for item in value]
    if kind == "tuple":
        parts = component["components"]
        if isinstance(value, Mapping):
            return {part["name"]: named(part, value[part["name"]]) for part in parts}
        return {part["name"]: named(part, item) for part, item in zip(parts, value, strict=True)}
    if kind == "address":
        return to_checksum_address(value)
    if kind.startswith("bytes"):
        return "0x" + bytes(value).hex()
    return value


def ordered(component: Mapping[str, Any], value: Any) -> Any:
    """The opposite of `named`: structs given as dicts (or already as sequences) in the ABI's order."""
    kind: str = component["type"]
    if kind.endswith("]"):
        inner = {**component, "type": kind[: kind.rindex("[")]}
        return [ordered(inner, item) for item in value]
    if kind == "tuple":
        parts = component["components"]
        items = [value[p["name"]] for p in parts] if isinstance(value, Mapping) else value
        return tuple(ordered(part, item) for part, item in zip(parts, items, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return decode_hex(value)
    return value


def calldata(function: ContractFunction) -> str:
    """The data of a call; structs may be dicts by field name, so that the order of fields matters nowhere."""
    entry: Any = function.abi
    inputs = entry["inputs"]
    values = [ordered(i, v) for i, v in zip(inputs, function.arguments, strict=True)]
    return "0x" + (function_abi_to_4byte_selector(entry) + encode([type_of(i) for i in inputs], values)).hex()


# -- errors


@lru_cache(maxsize=1)
def _errors(_compiled: int) -> dict[bytes, dict[str, Any]]:
    return {function_abi_to_4byte_selector(_as_function(entry)): entry for entry in artifacts.error_abis()}


def _as_function(entry: dict[str, Any]) -> Any:
    return {**entry, "type": "function"}


def decode_error(data: bytes, operation: str = "") -> ContractError:
    """What a contract reverted with, as an exception: our custom errors by name and arguments, a revert
    string as `Error("...")`, a Panic with its meaning. Data that nobody declared is shown in hexadecimal."""
    selector, body = data[:4], data[4:]
    if not data:
        return ContractError("Reverted", {"": "without a reason"}, operation)
    try:
        if selector == bytes.fromhex("08c379a0"):
            return ContractError("Error", {"": decode(["string"], body)[0]}, operation)
        if selector == bytes.fromhex("4e487b71"):
            code = decode(["uint256"], body)[0]
            return ContractError(
                "Panic", {"": f"0x{code:02x}: {PANICS.get(code, 'see the Solidity manual')}"}, operation
            )
        entry = _errors(len(artifacts.error_abis())).get(selector)
        if entry is not None:
            values = decode([type_of(i) for i in entry["inputs"]], body)
            pairs = zip(entry["inputs"], values, strict=True)
            return ContractError(entry["name"], {i["name"]: named(i, v) for i, v in pairs}, operation)
    except Exception:  # noqa: S110 - malformed data is shown as it is, below
        pass
    return ContractError("UnknownError", {"data": "0x" + data.hex()}, operation)


def revert_data(error: Any) -> bytes | None:
    """The bytes a contract reverted with, from a node's JSON-RPC error; None if the error is not a revert.

    Anvil gives `data: "0x..."`; Ganache gives that for calls and `data: {"result": "0x..."}` for estimates.
    """
    if not isinstance(error, Mapping):
        return None
    data = error.get("data")
    if isinstance(data, Mapping):
        data = data.get("result") or data.get("data")
    if isinstance(data, str) and data.startswith("0x"):
        return decode_hex(data)
    return b"" if "revert" in str(error.get("message", "")).lower() else None


def request(w3: Web3, method: str, parameters: list[Any], operation: str = "") -> Any:
    """A JSON-RPC call about a contract; raises ContractError with the decoded reason if the contract reverts,
    NetworkError with the node's words for any other refusal."""
    try:
        answer = w3.provider.make_request(RPCEndpoint(method), parameters)
    except ChainError:
        raise
    except Exception as error:
        raise UnreachableError(
            f"{operation or method}: the chain does not answer: {str(error)[:300]}"
        ) from None
    refusal = answer.get("error")
    if not refusal:
        return answer.get("result")
    data = revert_data(refusal)
    if data is not None:
        raise decode_error(data, operation)
    words = refusal.get("message", refusal) if isinstance(refusal, dict) else refusal
    raise NetworkError(f"{operation or method}: {words}")


def read(function: ContractFunction, block: int | str = "latest") -> Any:
    """Call a view at a block and return its value: structs as dicts by field name, as the ABI names them.

    Raises ContractError with the contract's reason, ChainError if nothing answers at the address.
    """
    label = function.fn_name
    transaction = {"to": function.address, "data": calldata(function)}
    answer = request(
        function.w3, "eth_call", [transaction, hex(block) if isinstance(block, int) else block], label
    )
    outputs: Any = function.abi.get("outputs") or []
    raw = decode_hex(answer or "0x")
    if outputs and not raw:
        raise ChainError(f"{label}: no contract at {function.address}; is this the chain it was deployed to?")
    values = decode([type_of(o) for o in outputs], raw)
    result = [named(o, v) for o, v in zip(outputs, values, strict=True)]
    return result[0] if len(result) == 1 else tuple(result)


# -- events


@lru_cache(maxsize=64)
def event_abis(name: str) -> dict[bytes, dict[str, Any]]:
    """The events contract `name` declares, by topic."""
    return {event_abi_to_log_topic(e): e for e in artifacts.abi(name) if e["type"] == "event"}  # type: ignore[arg-type]


def decode_log(
    log: Mapping[str, Any], events: Mapping[bytes, dict[str, Any]]
) -> tuple[str, dict[str, Any]] | None:
    """Name and arguments of a log (topics and data as bytes), or None if `events` does not know it."""
    topics = [bytes(t) for t in log["topics"]]
    entry = events.get(topics[0]) if topics else None
    if entry is None:
        return None
    indexed = iter(topics[1:])
    plain = [i for i in entry["inputs"] if not i["indexed"]]
    data = iter(decode([type_of(i) for i in plain], bytes(log["data"])))
    found: dict[str, Any] = {}
    for i in entry["inputs"]:
        value = decode([i["type"]], next(indexed))[0] if i["indexed"] else next(data)
        found[i["name"]] = named(i, value)
    return entry["name"], found
