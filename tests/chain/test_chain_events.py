"""Logs read and decoded without web3: the same arguments as by eth_abi, and only what concerns a deal."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode

from chain.bindings import decode_log, event_abis, type_of
from chain.events import filters, read_events, watch
from chain.log_reader import Log, decoder, header, headers, logs, parts
from chain.network import LocalChain
from chain.parts import PARTS
from tests.chain.bond_life import Life, small_deal

EVENTS = [
    (contract, entry)
    for contract in sorted({kind.contract for kind in PARTS.values()})
    for entry in event_abis(contract).values()
]


def _random(kind: dict[str, Any], draw: random.Random) -> Any:
    """A value of an ABI entry, its extremes often."""
    name: str = kind["type"]
    if name.endswith("]"):
        return [_random({**kind, "type": name[: name.rindex("[")]}, draw) for _ in range(draw.randint(0, 3))]
    if name == "tuple":
        return tuple(_random(part, draw) for part in kind["components"])
    if name == "address":
        return "0x" + draw.randbytes(20).hex()
    if name == "bool":
        return draw.random() < 0.5
    if name.startswith("bytes"):
        return draw.randbytes(int(name[5:] or draw.randint(0, 40)))
    if name == "string":
        return "".join(draw.choices("물abc ", k=draw.randint(0, 40)))
    bits = int(name.lstrip("uint"))
    low, high = (0, 2**bits - 1) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return draw.choice((low, high, 0, draw.randint(low, high)))


@pytest.mark.parametrize(("contract", "entry"), EVENTS, ids=[f"{c}.{e['name']}" for c, e in EVENTS])
def test_decoded_as_eth_abi_does(contract: str, entry: dict[str, Any], seed: int) -> None:
    draw = random.Random(f"{seed} {contract} {entry['name']}")
    decode = decoder(entry)
    for _ in range(20):
        topics = [next(t for t, e in event_abis(contract).items() if e is entry)]
        plain = []
        for each in entry["inputs"]:
            value = _random(each, draw)
            if each["indexed"]:
                topics.append(encode([each["type"]], [value]))
            else:
                plain.append((type_of(each), value))
        data = encode([kind for kind, _ in plain], [value for _, value in plain])
        expected = decode_log({"topics": topics, "data": data}, event_abis(contract))
        found = decode(["0x" + topic.hex() for topic in topics], "0x" + data.hex())
        assert expected == (entry["name"], found)
        assert list(found) == [each["name"] for each in entry["inputs"]]


def test_what_does_not_concern_a_deal_is_not_even_asked_for(chain: LocalChain) -> None:
    """Two deals that share oracle, registry and currency, and money that moves between strangers."""
    one, two = Life(chain, small_deal()), Life(chain, small_deal())
    one.sell(a=4)
    two.sell(b=3)
    stranger, other = chain.accounts[10:12]
    for life in (one, two):
        life.send(life.deployer, life.currency.mint(stranger, 100))
        life.send(stranger, life.currency.transfer(other, 60))
    head = chain.w3.eth.block_number
    for life in (one, two):
        asked = logs(chain.w3, filters([watch(life.record)]), life.record.block, head)
        events = read_events(chain.w3, life.record, head)
        assert [(e.block, e.index) for e in events] == [(log.block, log.index) for log in asked]
        assert {e.source for e in events} >= {"token", "offering", "oracle", "currency"}
        paid = [e.arguments for e in events if e.source == "currency"]
        assert [(a["to"], a["value"]) for a in paid] == [
            (life.record.addresses["offering"], (4 if life is one else 3) * 1_000_000_000)
        ]
        for event in events:
            assert event.time == chain.w3.eth.get_block(event.block)["timestamp"]
    both = logs(chain.w3, filters([watch(one.record), watch(two.record)]), one.record.block, head)
    assert len(both) == len({(log.block, log.index) for log in both})
    assert len(both) == sum(len(read_events(chain.w3, life.record, head)) for life in (one, two))


def test_a_currency_whose_transfer_is_another_event_is_passed_over(anvil: LocalChain) -> None:
    life = Life(anvil, small_deal())
    its = watch(life.record)
    moved = next(t for t, e in event_abis("IERC20").items() if e["name"] == "Transfer")
    words = ["0x" + "00" * 12 + address[2:] for address in (life.record.addresses["bond"], life.a)]
    currency, one, none = life.record.addresses["currency"], "0x" + "1".zfill(64), "0x" + "00" * 32
    log = Log(1, "0x", 0, 1, "0x", currency, ("0x" + moved.hex(), *words), one)
    assert its.event(log, 1) is not None
    assert its.event(replace(log, data=none), 1) is None  # which anybody can move from anywhere
    indexed = Log(1, "0x", 0, 1, "0x", log.address, (*log.topics, "0x" + "00" * 32), "0x")
    assert its.event(indexed, 1) is None
    short = Log(1, "0x", 0, 1, "0x", log.address, log.topics, "0x")
    assert its.event(short, 1) is None


def test_headers_in_few_requests(chain: LocalChain) -> None:
    head = chain.w3.eth.block_number
    found = headers(chain.w3, [*range(head + 1), head + 1_000])
    assert sorted(found) == list(range(head + 1))
    for number in (0, head):
        block = chain.w3.eth.get_block(number)
        assert (found[number].hash, found[number].time) == (block["hash"].to_0x_hex(), block["timestamp"])
    assert header(chain.w3) == found[head]
    assert header(chain.w3, head + 1_000) is None


def test_filters_are_not_too_long() -> None:
    words = [f"0x{number:040x}" for number in range(1_001)]
    split = list(parts(words))
    assert max(len(each) for each in split) <= 200
    assert [word for each in split for word in each] == words
