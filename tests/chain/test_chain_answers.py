"""What nodes answer, made by hand: reverts, refusals, gas, fees, receipts, and chains that are not there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils import keccak, to_checksum_address
from web3 import Web3
from web3.providers.base import BaseProvider

from chain import artifacts
from chain.bindings import (
    calldata,
    contract,
    decode_error,
    decode_log,
    event_abis,
    named,
    ordered,
    read,
    request,
    revert_data,
    type_of,
)
from chain.errors import ChainError, ContractError, NetworkError, TooMuchGasError, UnreachableError
from chain.network import KNOWN, Provider, clock, connect, is_local, rpc
from chain.sender import GasLog, Sender

ADDRESS = to_checksum_address("0x" + "ab" * 20)
Answer = Callable[[list[Any]], Any]


class Node(BaseProvider):
    """A node that answers by method what a test says; a dict with `error` is a refusal."""

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.answers, self.asked = answers, list[tuple[str, list[Any]]]()

    def make_request(self, method: Any, params: Any) -> Any:
        self.asked.append((method, list(params)))
        answer = self.answers[method]
        found = answer(list(params)) if callable(answer) else answer
        if isinstance(found, dict) and "error" in found:
            return {"jsonrpc": "2.0", "id": 1, **found}
        return {"jsonrpc": "2.0", "id": 1, "result": found}

    def sent(self, method: str) -> list[Any]:
        return [params for name, params in self.asked if name == method]


def chain(**answers: Any) -> tuple[Web3, Node]:
    node = Node(**answers)
    return Web3(node), node


# -- reverts


@pytest.mark.parametrize(
    ("code", "words"),
    [
        # https://docs.soliditylang.org/en/latest/control-structures.html
        (0x01, "0x01: assertion failed"),
        (0x11, "0x11: arithmetic overflow"),
        (0x12, "0x12: division by zero"),
        (0x21, "0x21: invalid enum value"),
        (0x32, "0x32: index out of bounds"),
        (0x41, "0x41: out of memory"),
        (0x51, "0x51: see the Solidity manual"),
    ],
)
def test_a_panic_has_its_meaning(code: int, words: str) -> None:
    data = keccak(text="Panic(uint256)")[:4] + encode(["uint256"], [code])
    found = decode_error(data, "pay")
    assert (found.name, found.arguments) == ("Panic", {"": words})
    assert str(found) == f"pay: Panic({words})"


def test_our_own_errors_have_their_arguments(seed: int) -> None:
    """Every custom error of the contracts, encoded by the ABI library, is shown by name and arguments."""
    rng = random.Random(seed)
    simple = {"address": ADDRESS, "bytes32": "0x" + "01" * 32, "bool": True}
    for entry in artifacts.error_abis():
        kinds = [type_of(i) for i in entry["inputs"]]
        if any(kind.endswith(("]", ")")) or kind in ("string", "bytes") for kind in kinds):
            continue
        values = [
            simple[kind]
            if kind in simple
            else rng.randrange(120)
            if kind[-1].isdigit() and "int" in kind
            else None
            for kind in kinds
        ]
        if None in values:
            continue
        raw = [bytes.fromhex(v[2:]) if k == "bytes32" else v for k, v in zip(kinds, values, strict=True)]
        signature = f"{entry['name']}({','.join(kinds)})"
        found = decode_error(keccak(text=signature)[:4] + encode(kinds, raw))
        assert found.name == entry["name"]
        given = dict(zip([i["name"] for i in entry["inputs"]], values, strict=True))
        assert found.arguments == given
        for name, value in given.items():  # people count periods from 1
            assert name == "" or (f"period {value + 1}" if name == "period" else f"{name}={value}") in str(
                found
            )


@pytest.mark.parametrize(
    ("error", "data"),
    [
        ({"data": "0xdead"}, b"\xde\xad"),
        ({"data": {"result": "0xdead"}}, b"\xde\xad"),
        ({"data": {"data": "0xdead"}}, b"\xde\xad"),
        ({"data": {"other": "0xdead"}, "message": "reverted"}, b""),
        ({"data": "dead", "message": "VM Exception: Revert"}, b""),
        ({"data": 5, "message": "no"}, None),
        ({"message": "insufficient funds"}, None),
        ({}, None),
        ("execution reverted", None),
        (None, None),
    ],
)
def test_where_a_revert_is_in_a_refusal(error: Any, data: bytes | None) -> None:
    assert revert_data(error) == data


def test_a_refusal_is_in_the_nodes_words() -> None:
    for refusal, words in (
        ({"message": "busy"}, "ask: busy"),
        ("busy", "ask: busy"),
        ({"code": 5}, "ask: .*5"),
    ):
        w3, _ = chain(eth_call={"error": refusal})
        with pytest.raises(NetworkError, match=words):
            request(w3, "eth_call", [], "ask")
        with pytest.raises(NetworkError, match=words.replace("ask", "eth_call")):
            rpc(w3, "eth_call")
    w3, _ = chain(eth_call={"error": {"message": "reverted", "data": "0x"}})
    with pytest.raises(ContractError, match="ask: Reverted"):
        request(w3, "eth_call", [], "ask")
    w3, _ = chain(eth_call=lambda _: 1 // 0)
    with pytest.raises(UnreachableError, match="eth_call: the chain does not answer: "):
        request(w3, "eth_call", [])


# -- structs


PAIR = [{"name": "x", "type": "int8"}, {"name": "t", "type": "string"}]
STRUCT = {
    "name": "s", "type": "tuple[]", "components": [
        {"name": "who", "type": "address"},
        {"name": "words", "type": "bytes32[2]"},
        {"name": "inner", "type": "tuple", "components": PAIR},
    ],
}  # fmt: skip


def test_structs_go_by_name_whatever_the_order() -> None:
    assert type_of(STRUCT) == "(address,bytes32[2],(int8,string))[]"
    words = ["0x" + "01" * 32, "0x" + "02" * 32]
    told = [{"inner": {"t": "0xa", "x": -1}, "who": ADDRESS, "words": words}]
    inside = (-1, "0xa")
    raw = [bytes.fromhex(word[2:]) for word in words]
    assert ordered(STRUCT, told) == [(ADDRESS, raw, inside)]
    assert ordered(STRUCT, [(ADDRESS, words, inside)]) == [(ADDRESS, raw, inside)]
    plain = named(STRUCT, [(ADDRESS.lower(), raw, inside)])
    assert plain == [{"who": ADDRESS, "words": words, "inner": {"x": -1, "t": "0xa"}}]
    assert named(STRUCT, [{"who": ADDRESS, "words": raw, "inner": {"x": -1, "t": "0xa"}}]) == plain


def test_a_view_gives_one_value_or_several() -> None:
    def answered(raw: bytes, *kinds: str) -> Any:
        w3, node = chain(eth_call="0x" + raw.hex())
        outputs = [{"name": f"o{n}", "type": kind} for n, kind in enumerate(kinds)]
        entry = {
            "type": "function", "name": "look", "inputs": [], "outputs": outputs, "stateMutability": "view",
        }  # fmt: skip
        look = w3.eth.contract(address=ADDRESS, abi=[entry]).functions.look()  # type: ignore[list-item]
        for block, shown in ((17, "0x11"), ("latest", "latest"), (0, "0x0")):
            found = read(look, block)
            assert node.asked[-1][1] == [
                {"to": ADDRESS, "data": "0x" + keccak(text="look()")[:4].hex()},
                shown,
            ]
        return found

    assert answered(encode(["uint256"], [5]), "uint256") == 5
    assert answered(encode(["address", "bool"], [ADDRESS, True]), "address", "bool") == (ADDRESS, True)
    assert answered(b"") == ()
    with pytest.raises(ChainError, match=f"look: no contract at {ADDRESS}; is this the chain"):
        answered(b"", "uint256")


def test_an_event_of_another_contract_is_none() -> None:
    events = event_abis("IERC20")
    moved = next(topic for topic, entry in events.items() if entry["name"] == "Transfer")
    who = [encode(["address"], [address]) for address in (ADDRESS, "0x" + "01" * 20)]
    log = {"topics": [moved, *who], "data": encode(["uint256"], [9])}
    assert decode_log(log, events) == (
        "Transfer",
        {"from": ADDRESS, "to": to_checksum_address("0x" + "01" * 20), "value": 9},
    )
    assert decode_log({"topics": [b"\1" * 32], "data": b""}, events) is None
    assert decode_log({"topics": [], "data": b""}, events) is None


# -- transactions


HASH = "0x" + "11" * 32
RECEIPT = {
    "transactionHash": HASH, "blockNumber": "0x10", "gasUsed": "0x5208", "status": "0x1",
    "contractAddress": None,
    "blockHash": HASH, "logs": [], "from": ADDRESS, "to": ADDRESS, "transactionIndex": "0x0",
    "cumulativeGasUsed": "0x0", "logsBloom": "0x" + "00" * 256, "type": "0x2", "effectiveGasPrice": "0x1",
}  # fmt: skip


def block(gas: int = 30_000_000, base: int | None = 7) -> dict[str, Any]:
    found = {"number": "0x10", "gasLimit": hex(gas), "timestamp": "0x64"}
    return found if base is None else {**found, "baseFeePerGas": hex(base)}


def sending(**other: Any) -> tuple[Web3, Node]:
    answers: dict[str, Any] = {
        "eth_estimateGas": hex(100_000), "eth_getBlockByNumber": block(), "eth_sendTransaction": HASH,
        "eth_getTransactionReceipt": RECEIPT, "eth_chainId": "0x539", "eth_getTransactionCount": "0x5",
        "eth_sendRawTransaction": HASH, "eth_gasPrice": hex(33), "eth_call": "0x",
    }  # fmt: skip
    return chain(**{**answers, **other})


def mint(w3: Web3) -> Any:
    return contract(w3, "TestCurrency", ADDRESS).functions.mint(ADDRESS, 3)


@pytest.mark.parametrize(
    ("estimate", "limit", "gas"),
    [
        (1_000_000, 30_000_000, 1_250_000),  # a quarter more
        (100_000, 30_000_000, 144_200),  # two slots that were empty, at 22,100 each (EIP-2929, EIP-2200)
        (100_000, 110_000, 110_000),
        (100_000, 100_000, 100_000),
        (100_000, 90_000, 100_000),
    ],
)
def test_gas_has_a_margin_as_far_as_the_block_allows(estimate: int, limit: int, gas: int) -> None:
    """Interest of a second between estimate and block is kept in a slot that was empty."""
    w3, node = sending(eth_getBlockByNumber=block(limit), eth_estimateGas=hex(estimate))
    Sender(w3, ADDRESS).send(mint(w3), value=3)
    ((sent,),) = node.sent("eth_sendTransaction")
    assert (int(sent["gas"], 16), sent["value"], sent["from"], sent["to"]) == (gas, "0x3", ADDRESS, ADDRESS)
    assert sent["data"] == calldata(mint(w3))


def test_gas_that_is_given_is_not_estimated() -> None:
    w3, node = sending(eth_estimateGas={"error": {"message": "no"}})
    Sender(w3, ADDRESS).send(mint(w3), gas=77)
    assert int(node.sent("eth_sendTransaction")[0][0]["gas"], 16) == 77


def test_what_takes_too_much_is_not_sent() -> None:
    w3, node = sending()
    with pytest.raises(
        TooMuchGasError, match=r"mint: would take 100,000 gas, .* of more than 99,999; nothing was"
    ):
        Sender(w3, ADDRESS).send(mint(w3), most=99_999)
    assert node.sent("eth_sendTransaction") == []
    Sender(w3, ADDRESS).send(mint(w3), most=100_000)


def test_fees_of_a_key_follow_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the base fee and a tip of one gwei, so that it is taken while fees double; else the price."""
    key, signed = Account.from_key("0x" + "11" * 32), list[dict[str, Any]]()
    sign = type(key).sign_transaction

    def kept(self: Any, transaction: dict[str, Any], **options: Any) -> Any:
        signed.append(transaction)
        return sign(self, transaction, **options)

    monkeypatch.setattr(type(key), "sign_transaction", kept)
    for base in (7, None):
        w3, node = sending(eth_getBlockByNumber=block(base=base))
        Sender(w3, key).send(mint(w3))
        assert len(node.sent("eth_sendRawTransaction")) == 1
        assert node.sent("eth_getTransactionCount")[0] == [key.address, "pending"]
    new, old = signed
    assert (new["maxFeePerGas"], new["maxPriorityFeePerGas"]) == (2 * 7 + 10**9, 10**9)
    assert (new["nonce"], new["chainId"], "from" in new, "gasPrice" in new) == (5, 1337, False, False)
    assert (old["gasPrice"], "maxFeePerGas" in old) == (33, False)


def test_a_transaction_that_fails_when_mined_says_why() -> None:
    """The reason is asked on the state just before its block; where the node gives none, what is known."""
    failed = {**RECEIPT, "status": "0x0"}
    reason = "0x" + (keccak(text="Panic(uint256)")[:4] + encode(["uint256"], [1])).hex()
    w3, node = sending(eth_getTransactionReceipt=failed, eth_call={"error": {"data": reason}})
    gas = GasLog()
    with pytest.raises(ContractError, match="pay: Panic"):
        Sender(w3, ADDRESS, gas).send(mint(w3), "pay")
    ((call, at),) = node.sent("eth_call")
    assert (call["data"], at) == (calldata(mint(w3)), "0xf")
    w3, _ = sending(eth_getTransactionReceipt=failed)
    with pytest.raises(ContractError, match=f"mint: Reverted.tx={HASH}, gas_used=21000, gas_limit=144200"):
        Sender(w3, ADDRESS, gas).send(mint(w3))
    assert list(gas) == []


def test_a_contract_that_is_nowhere_is_said() -> None:
    w3, node = sending()
    with pytest.raises(NetworkError, match=f"deploy TestCurrency: the receipt of {HASH} names no contract"):
        Sender(w3, ADDRESS).deploy("TestCurrency", "a", "b", 6)
    ((sent,),) = node.sent("eth_sendTransaction")
    assert "to" not in sent
    assert sent["value"] == "0x0"
    w3, _ = sending(eth_getTransactionReceipt={**RECEIPT, "contractAddress": ADDRESS})
    gas = GasLog()
    made, _ = Sender(w3, ADDRESS, gas).deploy("TestCurrency", "a", "b", 6, operation="money")
    assert (made.address, [(use.operation, use.gas, use.tx, use.block) for use in gas]) == (
        ADDRESS,
        [("money", 21_000, HASH, 16)],
    )


# -- chains


def test_the_names_of_networks() -> None:
    """As the clients' manuals give them: ids 31337 of Anvil and Hardhat, 1337 of Ganache; one port."""
    assert KNOWN == {
        "anvil": ("http://127.0.0.1:8545", 31_337),
        "ganache": ("http://127.0.0.1:8545", 1337),
        "development": ("http://127.0.0.1:8545", None),
    }


@pytest.mark.parametrize(
    ("client", "chain_id", "local"),
    [
        ("geth/v1.14", 1, False), ("geth/v1.14", 31_337, True), ("geth/v1.14", 1337, True),
        ("geth", 5777, True), ("reth", 5778, False),
        ("anvil/v1.7.1", 1, True), ("Ganache/v7.9.2", 5, True), ("HardhatNetwork/2", 5, True),
    ],
)  # fmt: skip
def test_what_is_a_development_chain(client: str, chain_id: int, local: bool) -> None:
    w3, _ = chain(web3_clientVersion=client, eth_chainId=hex(chain_id))
    assert is_local(w3) == local


def test_the_clock_is_that_of_the_block_in_the_making() -> None:
    def at(latest: int, pending: Any) -> int:
        times = {"latest": {"timestamp": hex(latest)}, "pending": pending}
        return clock(chain(eth_getBlockByNumber=lambda params: times[params[0]])[0])

    assert at(100, {"timestamp": hex(105)}) == 105
    assert at(100, {"timestamp": hex(95)}) == 100
    assert at(100, {"error": {"message": "no pending block"}}) == 100


def test_an_address_that_is_no_chain_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise OSError("a reason\nof two lines " + "x" * 400)

    monkeypatch.setattr("web3.providers.rpc.rpc.HTTPProvider.make_request", refused)
    with pytest.raises(
        UnreachableError, match=r"^no chain answers at http://far\.example: eth_chainId: OSError:"
    ) as no:
        connect("http://far.example", retry=False)
    words = str(no.value).partition("OSError: ")[2]
    assert words.startswith("a reason of two lines x")
    assert len(words) == 200
    # Where something local listens, it is not for want of a chain.
    for listens, says in (
        (True, "no chain answers at http://localhost:9: eth_chainId"),
        (False, "start one, for"),
    ):
        monkeypatch.setattr("chain.network._answers", lambda _url, found=listens: found)
        with pytest.raises(NetworkError, match=says):
            connect("http://localhost:9", retry=False)
    provider = Provider("http://far.example")
    assert not provider.is_connected()
    with pytest.raises(UnreachableError):
        provider.is_connected(show_traceback=True)


def test_an_answer_that_is_not_json_is_no_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    def garbage(*_: Any, **__: Any) -> Any:
        return json.loads("<html>")

    monkeypatch.setattr("web3.providers.rpc.rpc.HTTPProvider.make_batch_request", garbage)
    with pytest.raises(UnreachableError, match="a batch: JSONDecodeError"):
        Provider("http://far.example").make_batch_request([])
