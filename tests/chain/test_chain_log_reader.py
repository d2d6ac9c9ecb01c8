"""Reading logs: decoded as the ABI library decodes them, every block once, in few requests."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils import keccak, to_checksum_address
from web3.providers import HTTPProvider

from chain import log_reader
from chain.bindings import event_abis, type_of
from chain.errors import NetworkError
from chain.log_reader import Log, decoder, header, headers, logs, paged_logs, times_of

CONTRACTS = (
    "SecurityToken", "KpiBond", "KpiPayment", "RevenueTreasury", "Offering", "KpiOracle",
    "DealFactory", "IERC20",
)  # fmt: skip
W3: Any = None


def drawn(rng: random.Random, kind: str) -> Any:
    """A value of an ABI type, its ends included."""
    if kind.endswith("[]"):
        return [drawn(rng, kind[:-2]) for _ in range(rng.randrange(3))]
    if kind == "address":
        return to_checksum_address(rng.randbytes(20).hex())
    if kind == "bool":
        return rng.random() < 0.5
    if kind.startswith("bytes"):
        return rng.randbytes(int(kind[5:] or rng.randrange(40)))
    if kind == "string":
        return rng.choice(["", "a", "Bloom Wind é" * 5])
    bits = int(kind.removeprefix("u").removeprefix("int"))
    if kind.startswith("uint"):
        return rng.choice([0, 1, 2**bits - 1, rng.getrandbits(bits)])
    return rng.choice([0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), rng.getrandbits(bits - 1)])


def shown(value: Any) -> Any:
    """As this project shows values: bytes in hexadecimal."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return [shown(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_event_is_decoded_as_it_was_encoded(name: str, seed: int) -> None:
    rng = random.Random(seed)
    for topic, entry in event_abis(name).items():
        decode, inputs = decoder(entry), entry["inputs"]
        if any("tuple" in i["type"] for i in inputs):
            continue  # structs are drawn nowhere else either
        for _ in range(20):
            values = {i["name"]: drawn(rng, i["type"]) for i in inputs}
            topics = ["0x" + topic.hex()]
            for i in inputs:
                if i["indexed"]:
                    # The ABI's rule: what is longer than a word is indexed by its hash.
                    if i["type"] in ("string", "bytes") or i["type"].endswith("]"):
                        raw = values[i["name"]]
                        values[i["name"]] = keccak(raw.encode() if isinstance(raw, str) else raw)
                        topics.append("0x" + values[i["name"]].hex())
                    else:
                        topics.append("0x" + encode([i["type"]], [values[i["name"]]]).hex())
            plain = [i for i in inputs if not i["indexed"]]
            data = encode([type_of(i) for i in plain], [values[i["name"]] for i in plain])
            found = decode(topics, "0x" + data.hex())
            assert list(found) == [i["name"] for i in inputs]
            assert found == {key: shown(value) for key, value in values.items()}, (name, entry["name"])


def test_values_at_the_ends_of_their_words() -> None:
    """Two's complement, and a bool in its last digit."""
    kinds = ["int8", "int256", "uint256", "bool", "bool", "address", "bytes32"]
    entry = {"inputs": [{"name": str(n), "type": kind, "indexed": False} for n, kind in enumerate(kinds)]}
    values = (-1, -(2**255), 2**256 - 1, True, False, "0x" + "ab" * 20, bytes(range(32)))
    found = decoder(entry)([""], "0x" + encode(kinds, values).hex())
    assert found == {
        "0": -1, "1": -(2**255), "2": 2**256 - 1, "3": True, "4": False,
        "5": to_checksum_address("0x" + "ab" * 20), "6": "0x" + bytes(range(32)).hex(),
    }  # fmt: skip


# -- pages


class Chain:
    """Blocks that each have a log, from a node that gives so many blocks at once and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
        self.most, self.asked = most, list[tuple[int, int]]()
        monkeypatch.setattr(log_reader, "logs", self.logs)

    def logs(self, _w3: Any, _filters: Any, start: int, end: int) -> list[int]:
        assert start <= end
        self.asked.append((start, end))
        if end - start + 1 > self.most:
            raise NetworkError(f"more than {self.most} blocks")
        return list(range(start, end + 1))


@pytest.mark.parametrize("most", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("page", [1, 2, 5, 16, 1000])
def test_every_block_is_read_once(monkeypatch: pytest.MonkeyPatch, most: int, page: int) -> None:
    chain = Chain(monkeypatch, most)
    for start, end in ((0, 0), (5, 5), (3, 40), (0, 64)):
        chain.asked.clear()
        assert list(paged_logs(W3, [], start, end, page)) == list(range(start, end + 1))
        sizes = [last - first + 1 for first, last in chain.asked]
        assert max(sizes) <= page
        if page <= most:  # nothing is refused, so nothing is asked in smaller pages
            assert len(sizes) == -(-(end - start + 1) // page)
        else:  # halved each time, and not sought anew for every page
            refused = [size for size in sizes if size > most]
            assert len(refused) <= page.bit_length()
    assert list(paged_logs(W3, [], 5, 4, page)) == []


def test_a_node_that_refuses_a_single_block_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(monkeypatch, 0)
    with pytest.raises(NetworkError, match="the node gives no logs of block 3: more than 0 blocks"):
        list(paged_logs(W3, [], 3, 9, 8))
    assert [last - first + 1 for first, last in chain.asked] == [7, 4, 2, 1]


def test_a_log_that_two_filters_find_is_there_once_and_all_are_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raw(block: int, index: int, time: str | None) -> dict[str, Any]:
        found = {
            "blockNumber": hex(block), "logIndex": hex(index), "blockHash": "0xb", "transactionHash": "0xt",
            "address": "0x" + "ab" * 20, "topics": ["0x1"], "data": "0x",
        }  # fmt: skip
        return found if time is None else {**found, "blockTimestamp": time}

    answers = {
        "a": [raw(18, 1, None), raw(2, 17, "0x11")],
        "b": [raw(2, 17, "0x11"), raw(2, 3, "0x11")],
        "c": None,
    }

    def rpc(_w3: Any, method: str, query: dict[str, Any]) -> Any:
        assert (method, query["fromBlock"], query["toBlock"]) == ("eth_getLogs", "0x1", "0x12")
        return answers[query["address"]]

    monkeypatch.setattr(log_reader, "rpc", rpc)
    found = logs(W3, [{"address": name} for name in "abc"], 1, 18)
    assert [(log.block, log.index, log.time) for log in found] == [(2, 3, 17), (2, 17, 17), (18, 1, None)]
    assert found[0].address == to_checksum_address("0x" + "ab" * 20)


# -- headers


def node(batches: Callable[[list[Any]], Any] | None) -> Any:
    """A node with blocks up to 349, whose times are their numbers and 1,000; `batches`: its answer to one."""
    asked: list[list[str]] = []

    def answer(number: str) -> Any:
        block = int(number, 16)
        return (
            {"number": number, "hash": f"0x{block}", "timestamp": hex(1000 + block)} if block < 350 else None
        )

    class Provider(HTTPProvider):
        def make_request(self, method: Any, params: Any) -> Any:
            assert (method, params[1]) == ("eth_getBlockByNumber", False)
            asked.append([params[0]])
            return {"result": answer(hex(349) if params[0] == "latest" else params[0])}

        def make_batch_request(self, requests: Any) -> Any:
            asked.append([params[0] for _, params in requests])
            found = [{"result": answer(params[0])} for _, params in requests]
            return found if batches is None else batches(found)

    return SimpleNamespace(provider=Provider("http://nowhere"), asked=asked)


def test_headers_come_a_hundred_at_a_time() -> None:
    w3 = node(None)
    found = headers(w3, [*range(400), 5, 5])
    assert sorted(found) == list(range(350))
    assert all((one.number, one.time, one.hash) == (n, 1000 + n, f"0x{n}") for n, one in found.items())
    assert [len(each) for each in w3.asked] == [100] * 4
    assert headers(w3, []) == {}
    assert [*headers(node(None), [7])] == [7]
    latest = header(node(None))
    assert latest is not None
    assert latest.number == 349
    assert header(node(None), 349) == latest
    assert header(node(None), 350) is None


@pytest.mark.parametrize(
    "refusal",
    [
        lambda _found: {"error": {"message": "no batches"}},
        lambda found: [*found[:-1], {"error": {"message": "too many"}}],
        lambda found: [{"error": {"message": "no"}} for _ in found],
    ],
)
def test_a_node_that_takes_no_batches_is_asked_one_by_one(refusal: Callable[[Any], Any]) -> None:
    w3 = node(refusal)
    assert sorted(headers(w3, range(345, 355))) == list(range(345, 350))
    assert [len(each) for each in w3.asked] == [10, *[1] * 10]


def test_a_node_that_is_not_asked_over_http_is_asked_one_by_one() -> None:
    http = node(None)
    other = SimpleNamespace(
        provider=SimpleNamespace(make_request=http.provider.make_request), asked=http.asked
    )
    assert sorted(headers(other, range(3))) == [0, 1, 2]  # type: ignore[arg-type]
    assert [len(each) for each in http.asked] == [1, 1, 1]


def test_times_are_asked_for_only_where_logs_do_not_tell() -> None:
    def log(block: int, time: int | None) -> Log:
        return Log(block, "0x", 0, time, "0x", "0x", (), "0x")

    w3 = node(None)
    assert times_of(w3, [log(1, 77), log(2, None), log(2, None), log(3, 78)]) == {1: 77, 2: 1002, 3: 78}
    assert w3.asked == [["0x2"]]
    assert times_of(w3, [log(1, 77)]) == {1: 77}
    assert len(w3.asked) == 1
