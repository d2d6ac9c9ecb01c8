"""An index over a chain, stepped by hand, and what the contracts themselves say about every holder."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.chain_link import ChainLink
from api.index import tables
from api.index.database import Database
from api.index.follower import Follower
from api.index.reader import Deployment, Index
from api.index.stream import Stream
from chain.bindings import calldata, contract, read
from chain.network import LocalChain, reach_time, rpc
from chain.records import DeploymentRecord
from tests.chain.bond_life import THOUSAND, Life, at, small_deal

DERIVED = (tables.events, tables.holdings, tables.accounts, tables.totals)
"""Everything that comes of the chain alone."""


@dataclass
class Indexed:
    """A database and a follower of a chain. Nothing runs by itself."""

    url: str
    chain: LocalChain
    database: Database = field(init=False)
    index: Index = field(init=False)
    stream: Stream = field(init=False)
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.url)
        self.database.migrate()
        self.link = ChainLink(self.chain.url)
        self.index = Index(self.database)
        self.stream = Stream(self.database, index=self.index)
        self.follower = Follower(self.database, self.link, self.index, self.stream)

    def register(self, record: DeploymentRecord) -> Deployment:
        return self.index.register(record, self.link)

    def level(self, most: int = 200) -> None:
        """Step until there is nothing more to do."""
        for _ in range(most):
            if not self.follower.step():
                return
        raise AssertionError(f"not level after {most} steps")

    def close(self) -> None:
        self.database.close()

    def rows(self) -> dict[str, list[Any]]:
        """All that was made of the chain, by table, in order."""
        with self.database.connect() as connection:
            return {
                table.name: sorted(tuple(row) for row in connection.execute(select(table)))
                for table in DERIVED
            }

    def bodies(self, topic: str) -> list[str]:
        """The messages of a topic so far."""
        return [message.body for message in self.stream.messages(0, 100_000) if message.topic == topic]


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'index.sqlite'}"


def assert_positions(indexed: Indexed, id: str, record: Any, block: int, holders: list[str]) -> None:
    """At a block, what the index says of each holder is what the claim token says then."""
    token = contract(indexed.chain.w3, "SecurityToken", record.addresses["token"]).functions
    total = indexed.index.total(id, block)
    assert total.supply == read(token.totalSupply(), block)
    assert total.per_unit == read(token.earnedPerUnit(), block)
    claims = _claims(indexed, record, block)
    for holder in holders:
        position = indexed.index.position(id, holder, block)
        assert position.units == read(token.balanceOf(holder), block), (holder, block)
        assert position.claimable == read(token.claimable(holder), block), (holder, block)
        assert position.claimed == claims.get(holder, 0), (holder, block)


def _claims(indexed: Indexed, record: Any, block: int) -> dict[str, int]:
    """Money that the token has sent to each holder, by the currency's own logs."""
    w3, at = indexed.chain.w3, record.addresses
    found: dict[str, int] = {}
    moved = "0x" + bytes(w3.keccak(text="Transfer(address,address,uint256)")).hex()
    source = "0x" + at["token"][2:].lower().rjust(64, "0")
    query = {"address": at["currency"], "topics": [moved, source], "fromBlock": "0x0", "toBlock": hex(block)}
    for log in rpc(w3, "eth_getLogs", query):
        holder = w3.to_checksum_address("0x" + log["topics"][2][-40:])
        found[holder] = found.get(holder, 0) + int(log["data"], 16)
    return found


# -- a life at random


class RandomLife:
    """Random transfers, distributions, claims, freezes, forced transfers, recoveries of lost keys (the clock
    leaps over their notice now and then) and, after a failed offering, refunds among six holders of the small
    bond, several to a block. Some transactions revert, as in life."""

    def __init__(self, chain: LocalChain, draw: random.Random, fails: bool) -> None:
        self.chain, self.draw, self.fails = chain, draw, fails
        self.life = life = Life(chain, small_deal())
        self.holders = list(chain.accounts[3:9])
        sold = 0
        for who in self.holders[: 2 if fails else 3]:
            count = 2 if fails else draw.randint(2, 3)
            life.verify(who)
            life.send(life.deployer, life.currency.mint(who, count * THOUSAND))
            life.send(who, life.currency.approve(life.record.addresses["offering"], count * THOUSAND))
            life.send(who, life.offering.subscribe(count))
            sold += count
        for who in self.holders:
            life.verify(who)
        reach_time(chain.w3, at("2016-09-29"))
        if not fails and sold >= 7:
            life.send(life.deployer, life.offering.settle())
        life.send(life.deployer, life.currency.mint(life.deployer, 10**15))
        life.send(life.deployer, life.currency.approve(life.record.addresses["token"], 10**15))

    @property
    def record(self) -> DeploymentRecord:
        return self.life.record

    def blocks(self, count: int) -> None:
        """So many blocks of one to three transactions each."""
        rpc(self.chain.w3, "evm_setAutomine", False)
        for _ in range(count):
            for _ in range(self.draw.choice((1, 1, 2, 3))):
                self._act()
            if self.draw.random() < 0.15:
                rpc(self.chain.w3, "evm_increaseTime", 91 * 86_400)
            rpc(self.chain.w3, "evm_mine")
        rpc(self.chain.w3, "evm_setAutomine", True)

    def _act(self) -> None:
        life, draw = self.life, self.draw
        a, b = draw.choice(self.holders), draw.choice(self.holders)
        units = draw.randint(0, 2)
        actions = [
            (a, life.token.transfer(b, units)),
            (a, life.token.transfer(b, units)),
            (life.deployer, life.token.distribute(draw.choice((7, 1_000, 10**9 + 1)))),
            (life.deployer, life.token.claim(a)),
            (self.record.wallets["agent"], life.token.forcedTransfer(a, b, units)),
            (self.record.wallets["agent"], life.token.setFrozenTokens(a, units)),
            (self.record.wallets["agent"], life.token.announceRecovery(a, b)),
            (life.deployer, life.token.recoverHolding(a)),
            (a, life.token.objectToRecovery()),
        ]
        if self.fails:
            actions.append((a, life.offering.refund(units)))
        sender, function = draw.choice(actions)
        transaction = {
            "from": sender,
            "to": function.address,
            "data": calldata(function),
            "gas": hex(500_000),
        }
        rpc(self.chain.w3, "eth_sendTransaction", transaction)
