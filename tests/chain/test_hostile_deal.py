"""What a stranger, a deployer or a node could do to the books of a deal, to its keeper and to its check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from time import process_time
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3 import Web3

import chain.log_reader as log_reader
from chain import artifacts
from chain.announcement import announcements
from chain.bindings import calldata, contract, event_abis, read
from chain.check import _compiled, check_deployment, clone_code, code_name
from chain.deploy import (
    Infrastructure,
    deploy_deal,
    deploy_infrastructure,
    deployment,
    local_wallets,
    require_new,
)
from chain.errors import AlreadyDeployedError, NetworkError
from chain.following import Following
from chain.history import Event
from chain.keeper import Keeper
from chain.kinds import plan_of
from chain.network import LocalChain, reach_time, rpc, start_anvil
from chain.parts import PARTS
from chain.reconcile import reconcile
from chain.records import DeploymentRecord, load_record
from chain.replay import replay
from chain.sender import Sender
from chain.terms import short_string, text_of
from finance.terms import Deal
from tests.chain import bond_life
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, Life, at, small_deal


@pytest.fixture
def chain() -> Iterator[LocalChain]:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        yield chain


def differences(life: Life) -> list[str]:
    return [difference.field for difference in check_deployment(life.w3, life.record)]


# -- a stranger


def test_who_moves_nothing_out_of_a_part_stops_nobody(chain: LocalChain) -> None:
    """An ERC-20 lets anyone move nothing from anywhere, and says so in the part's name."""
    life = Life(chain, small_deal())
    life.sell(a=4, b=3)
    life.settle()
    life.fund(20 * THOUSAND)
    stranger, currency = chain.accounts[9], life.record.shared["currency"]
    for part in life.record.parts.values():
        life.send(stranger, life.currency.transferFrom(part.address, stranger, 0))
    Following(life.w3, life.record).look()
    reach_time(life.w3, at("2017-04-02"))
    done = Keeper(life.w3, chain.accounts[8], [life.record]).round()
    assert [each.act.call for each in done] == ["pay_coupon"]
    assert reconcile(life.w3, life.record).ok
    assert read(contract(life.w3, "IERC20", currency).functions.balanceOf(stranger)) == 0


def test_money_of_another_feed_of_the_oracle_is_a_gift(chain: LocalChain) -> None:
    """Anybody's feed can name the deal's bond as its sponsor, and have the oracle pay it."""
    life = Life(chain, small_deal())
    life.sell(a=4, b=3)
    life.settle()
    stranger, shared, bond = chain.accounts[9], life.record.shared, life.record.addresses["bond"]
    ended = life.w3.eth.get_block("latest")["timestamp"] - 10**6
    windows = dict.fromkeys(("reportingWindow", "lateWindow", "disputeWindow", "rulingWindow"), 1)
    config = dict(read(life.oracle.configOf(next(iter(life.record.feeds.values())))))
    config |= {"sponsor": bond, "periodEnds": [ended], **windows, "deal": "0x" + "66" * 32}
    feed = life.oracle.createFeed(config).call()
    for call in (
        life.oracle.createFeed(config),
        life.currency.mint(stranger, 1),
        life.currency.approve(shared["oracle"], 1),
        life.oracle.fundRewards(feed, 1),
        life.oracle.releaseRewards(feed),
        life.oracle.withdraw(shared["currency"], bond),
    ):
        life.send(stranger, call)
    assert Following(life.w3, life.record).look().held("bond") == read(life.currency.balanceOf(bond)) > 0
    assert reconcile(life.w3, life.record).ok


def test_what_was_given_before_there_was_a_deal_is_in_its_books(
    chain: LocalChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where parts and feeds will be follows from the terms: anybody can pay into them first."""
    w3, deployer, stranger, deal = chain.w3, chain.accounts[0], chain.accounts[9], small_deal()
    shared = deploy_infrastructure(w3, deployer)
    wallets = local_wallets(w3, deal, deployer)
    _, calls, parts = deployment(w3, plan_of(deal), deal.terms_hash, shared, wallets).arguments
    currency = contract(w3, "TestCurrency", shared.currency).functions
    oracle = contract(w3, "KpiOracle", shared.oracle).functions
    factory = contract(w3, "DealFactory", shared.factory).functions
    sender = Sender(w3, stranger)
    for part in parts:
        where = (deployer, deal.terms_hash, part["key"], part["implementation"], part["immutables"])
        sender.send(currency.mint(read(factory.addressOf(*where)), 2))
    for call in calls:
        sent = w3.eth.send_transaction({"from": stranger, "to": call["to"], "data": call["data"]})
        w3.eth.wait_for_transaction_receipt(sent)
    feed = w3.eth.get_logs({"address": to_checksum_address(shared.oracle), "fromBlock": 0})[-1]["topics"][1]
    for each in (currency.mint(stranger, 3), currency.approve(shared.oracle, 3), oracle.fundRewards(feed, 3)):
        sender.send(each)

    monkeypatch.setattr(bond_life, "deploy_infrastructure", lambda *_, **__: shared)
    life = Life(chain, deal)
    assert life.record.gifts == dict.fromkeys(life.record.parts, 2)
    assert life.record.rewards == dict.fromkeys(life.record.feeds, 3)
    assert differences(life) == []
    told = life.record.model_copy(update={"gifts": {}, "rewards": dict.fromkeys(life.record.feeds, 4)})
    assert "record.gifts" in [each.field for each in check_deployment(w3, told)]
    life.sell(a=4, b=3)
    life.settle()
    reach_time(w3, at("2017-06-15"))
    life.send(stranger, life.bond.declareDefault())  # says what the bond holds
    reach_time(w3, at("2022-06-01"))
    life.send(stranger, life.oracle.releaseRewards(feed))  # says what is left of the rewards
    bond = life.record.addresses["bond"]
    assert Following(w3, life.record).look().held("bond") == read(life.currency.balanceOf(bond)) > 0
    checks = reconcile(w3, life.record).checks
    assert checks
    assert all(check.expected == check.actual for check in checks)


@pytest.mark.parametrize("moved", ["currency", "token"])
def test_a_transaction_full_of_gifts_is_read_at_once(chain: LocalChain, moved: str) -> None:
    """As many as a transaction can hold, each an act by itself."""
    life = Life(chain, small_deal())
    life.sell(a=4, b=3)
    life.settle()
    world = Following(life.w3, life.record).look()
    place = {"block": world.block, "time": world.at, "tx": "0x" + "77" * 32}
    givers = [to_checksum_address(f"0x{number:040x}") for number in range(1, 1_901)]
    to = life.record.addresses["bond"] if moved == "currency" else life.a
    ways = [(giver, to, 1) for giver in givers] if moved == "currency" else [(life.a, life.b, 0)] * 1_900
    events = [
        Event(
            index=index,
            source=moved,
            name="Transfer",
            arguments=dict(zip(("from", "to", "value"), way, strict=True)),
            **place,
        )
        for index, way in enumerate(ways)
    ]
    start = process_time()
    made = replay(world, life.record, events)
    assert made.holds
    assert len(made.steps) == 1_900
    assert process_time() - start < 10  # each tried for every other: a minute


# -- a node


def test_a_node_that_gives_logs_and_not_their_block_is_no_end(
    chain: LocalChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(chain, small_deal())
    life.sell(a=4, b=3)
    plain, many, lost = log_reader.rpc, log_reader._many, Flag()

    def untimed(w3: Web3, method: str, *parameters: Any) -> Any:
        answer = plain(w3, method, *parameters)
        for log in answer if method == "eth_getLogs" else ():
            log.pop("blockTimestamp", None)
        return answer

    monkeypatch.setattr(log_reader, "rpc", untimed)
    monkeypatch.setattr(
        log_reader,
        "_many",
        lambda w3, numbers: [None if lost.is_set() else each for each in many(w3, numbers)],
    )
    following = Following(life.w3, life.record)
    before = following.look()
    lost.set()
    life.sell(c=1)
    with pytest.raises(NetworkError, match=r"gives logs of block \d+, and not the block"):
        following.look()
    lost.clear()
    assert following.look().block > before.block


# -- a deployer


def raw(w3: Web3, by: str, runtime: bytes, storage: dict[int, int] | None = None) -> str:
    """A contract of this code, and of what foreign creation code writes first."""
    fill = b"".join(
        b"\x7f" + value.to_bytes(32) + b"\x7f" + slot.to_bytes(32) + b"\x55"
        for slot, value in (storage or {}).items()
    )
    begin = len(fill) + 13
    made = fill + bytes.fromhex(f"61{len(runtime):04x}8061{begin:04x}5f395ff3") + b"\0\0" + runtime
    sent = w3.eth.send_transaction({"from": by, "data": Web3.to_hex(made), "gas": 25_000_000})
    at_ = w3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    assert bytes(w3.eth.get_code(at_)) == runtime
    return str(at_)


def places_of(name: str) -> tuple[int, ...]:
    return _compiled(str(artifacts.artifact(name)["deployedBytecode"]).removeprefix("0x"))[1]


def on(chain: LocalChain, shared: Infrastructure) -> list[str]:
    deal = small_deal()
    record = deploy_deal(chain.w3, chain.accounts[0], deal, shared)
    return [difference.field for difference in check_deployment(chain.w3, record, deal)]


def test_another_money_is_caught(chain: LocalChain) -> None:
    shared = deploy_infrastructure(chain.w3, chain.accounts[0])
    yen, _ = Sender(chain.w3, chain.accounts[0]).deploy("TestCurrency", "Yen", "JPYx", 18)
    assert on(chain, replace(shared, currency=str(yen.address))) == ["currency.decimals"]


@pytest.mark.parametrize("name", ["SecurityToken", "KpiOracle", "KpiBond"])
def test_a_constructor_s_words_of_somebody_else_are_caught(chain: LocalChain, name: str) -> None:
    """A domain of another contract's: signatures for that one move units, or honest reports are refused."""
    w3, by = chain.w3, chain.accounts[0]
    ours = str(Sender(w3, by).deploy(name)[0].address)
    code = bytes(w3.eth.get_code(to_checksum_address(ours)))
    assert code_name(w3, ours, name) == name
    assert code_name(w3, raw(w3, by, code), name) != name  # the words say where it is, and this is elsewhere
    for place in places_of(name):
        other = code[:place] + b"\x66" * 32 + code[place + 32 :]
        rpc(w3, "anvil_setCode", ours, "0x" + other.hex())
        assert code_name(w3, ours, name) == f"{name}, but not as its constructor leaves it"
    rpc(w3, "anvil_setCode", ours, "0x" + code.hex())
    assert code_name(w3, ours, name) == name


def test_what_is_done_within_the_deployment_is_caught(chain: LocalChain, tmp_path: Path) -> None:
    """The deployer's calls may begin the parts, and act, before the books begin."""
    w3, deployer, deal = chain.w3, chain.accounts[0], small_deal()
    reach_time(w3, at("2016-09-20"))
    shared = deploy_infrastructure(w3, deployer)
    wallets = local_wallets(w3, deal, deployer)
    factory = contract(w3, "DealFactory", shared.factory).functions
    _, calls, parts = deployment(w3, plan_of(deal), deal.terms_hash, shared, wallets).arguments
    sender = Sender(w3, deployer)
    identity = {"expiry": at("2040-01-01"), "country": 840, "investorClass": 3}
    registry = contract(w3, "IdentityRegistry", shared.registry).functions
    currency = contract(w3, "TestCurrency", shared.currency).functions
    sender.send(registry.setIdentity(shared.factory, identity))
    sender.send(currency.mint(shared.factory, 3 * THOUSAND))
    where = {
        part["key"]: read(
            factory.addressOf(
                deployer, deal.terms_hash, part["key"], part["implementation"], part["immutables"]
            )
        )
        for part in parts
    }
    offering = contract(w3, "Offering", where[short_string("offering")]).functions
    more = [
        *({"to": where[part["key"]], "data": part["data"]} for part in parts),
        {"to": shared.currency, "data": calldata(currency.approve(offering.address, 3 * THOUSAND))},
        {"to": offering.address, "data": calldata(offering.subscribe(3))},
    ]
    views = {"token": "totalSupply", "offering": "sold", "bond": "state"}
    quiet = []
    for part in parts:
        key = text_of(part["key"])
        begun = contract(w3, PARTS[key].contract, where[part["key"]]).functions
        quiet.append({**part, "data": calldata(begun[views[key]]())})
    sender.send(factory.deploy(deal.terms_hash, [*calls, *more], quiet))
    record = recorded(w3, deployer, deal, tmp_path)
    (found,) = check_deployment(w3, record)
    assert found.field == "record.tx"
    assert found.actual == "offering Subscribed, token Transfer, currency Transfer"


def recorded(w3: Web3, deployer: str, deal: Deal, folder: Path) -> DeploymentRecord:
    """The record of a deal that is on the chain."""
    with pytest.raises(AlreadyDeployedError):
        require_new(w3, deployer, deal, folder / "record.json", None, 0)
    return load_record(folder / "record.json")


def test_a_factory_with_a_past_is_caught(chain: LocalChain) -> None:
    """Our factory's code over foreign storage vouches for a token that has units nobody bought."""
    w3, by, deal = chain.w3, chain.accounts[0], small_deal()
    record = deploy_deal(w3, by, deal, deploy_infrastructure(w3, by))
    code = clone_code(record.parts["token"].implementation)
    ours = bytes(w3.eth.get_code(to_checksum_address(record.parts["token"].address)))
    assert ours[: len(code)] == code
    token = raw(w3, by, ours, {9: 4})

    def at_key(kind: str, key: Any, slot: int) -> int:
        return int.from_bytes(keccak(encode([kind, "uint256"], [key, slot])))

    terms, key = bytes.fromhex(deal.terms_hash[2:]), bytes.fromhex(short_string("token")[2:])
    place = at_key("bytes32", key, at_key("bytes32", terms, at_key("address", by, 1)))
    blocks = at_key("bytes32", terms, at_key("address", by, 0))
    planted = {place: int(token, 16), blocks: w3.eth.block_number + 1}
    factory = raw(w3, by, bytes(w3.eth.get_code(to_checksum_address(record.shared["factory"]))), planted)
    assert code_name(w3, factory, "DealFactory") == "DealFactory"
    part = record.parts["token"].model_copy(update={"address": token})
    forged = record.model_copy(
        update={
            "shared": {**record.shared, "factory": factory},
            "parts": {**record.parts, "token": part},
            "block": planted[blocks],
        }
    )
    assert {"factory.code", "factory.announced"} <= {each.field for each in check_deployment(w3, forged)}


def test_a_deal_announced_by_a_contract_that_is_no_factory_is_not_there(
    chain: LocalChain, tmp_path: Path
) -> None:
    """Even by one that the deployer has called."""
    w3, victim, deal = chain.w3, chain.accounts[0], small_deal()
    announced = next(t for t, e in event_abis("DealFactory").items() if e["name"] == "DealDeployed")
    words = [announced, bytes(12) + bytes.fromhex(victim[2:]), bytes.fromhex(deal.terms_hash[2:])]
    topics = b"".join(b"\x7f" + word for word in reversed(words))
    made = encode(
        ["(bytes32,address,address)[]"], [[(bytes.fromhex(short_string("bond")[2:]), victim, victim)]]
    )
    stored = b"".join(
        b"\x7f" + made[place : place + 32] + b"\x60" + bytes([place]) + b"\x52"
        for place in range(0, len(made), 32)
    )
    forger = raw(
        w3, chain.accounts[9], stored + topics + b"\x60" + bytes([len(made)]) + bytes.fromhex("6000a300")
    )
    sent = w3.eth.send_transaction({"from": victim, "to": to_checksum_address(forger)})
    assert len(w3.eth.wait_for_transaction_receipt(sent)["logs"]) == 1
    assert len(announcements(w3, victim, deal.terms_hash)) == 1
    require_new(w3, victim, deal, tmp_path / "record.json", None, 0)
    assert not (tmp_path / "record.json").exists()
