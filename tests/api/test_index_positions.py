"""Positions and statements against the contracts' own view: every holder, every block, also after
reorganisations."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from api.index.positions import Account
from api.index.statements import _Change, _lines, _Note
from chain.network import LocalChain, rpc
from tests.api.index_world import Indexed, RandomLife, assert_positions, sqlite_url
from tests.seeds import SEED


def draw(salt: str) -> random.Random:
    return random.Random(f"{SEED} {salt}")


@pytest.mark.parametrize("fails", [False, True], ids=["sold", "failed"])
def test_positions_are_what_the_token_says_at_every_block(
    chain: LocalChain, database_url: str, fails: bool
) -> None:
    life = RandomLife(chain, draw(f"positions {fails}"), fails)
    indexed = Indexed(database_url, chain)
    id = indexed.register(life.record).id
    for _ in range(6):
        life.blocks(life.draw.randint(1, 8))
        if life.draw.random() < 0.6:
            indexed.level()
            assert_positions(indexed, id, life.record, chain.w3.eth.block_number, life.holders)
    indexed.level()
    for block in range(life.record.block, chain.w3.eth.block_number + 1):
        assert_positions(indexed, id, life.record, block, life.holders)
    listed = indexed.index.holders(id)
    assert {p.holder: p.units for p in listed if p.units} == {
        holder: units for holder in life.holders if (units := life.life.token.balanceOf(holder).call())
    }
    assert [p.units for p in listed] == sorted((p.units for p in listed), reverse=True)


def test_positions_after_reorganisations_of_every_depth(chain: LocalChain, tmp_path: Path) -> None:
    life = RandomLife(chain, draw("reorganisations"), True)
    life.blocks(14)
    indexed = Indexed(sqlite_url(tmp_path), chain)
    id = indexed.register(life.record).id
    indexed.level()
    for depth in range(1, 13):
        rpc(chain.w3, "anvil_reorg", depth, [])
        if life.draw.random() < 0.5:
            indexed.level()
        life.blocks(life.draw.randint(1, 3))
        indexed.level()
        head = indexed.index.head()
        assert head is not None
        latest = chain.w3.eth.get_block("latest")
        assert (head.block, head.hash) == (latest["number"], latest["hash"].to_0x_hex())
        for block in range(max(life.record.block, head.block - 14), head.block + 1):
            assert_positions(indexed, id, life.record, block, life.holders)
    afresh = Indexed(f"sqlite:///{tmp_path / 'afresh.sqlite'}", chain)
    afresh.register(life.record)
    afresh.level()
    assert indexed.rows() == afresh.rows()
    assert len(indexed.bodies("reorganisation")) >= 6


@pytest.mark.parametrize("fails", [False, True], ids=["sold", "failed"])
def test_a_statement_adds_up_line_by_line(chain: LocalChain, tmp_path: Path, fails: bool) -> None:
    life = RandomLife(chain, draw(f"statements {fails}"), fails)
    life.blocks(40)
    indexed = Indexed(sqlite_url(tmp_path), chain)
    id = indexed.register(life.record).id
    indexed.level()
    for holder in life.holders:
        lines = indexed.index.statement(id, holder)
        units = claimable = 0
        for line in lines:
            units += line.units
            claimable += line.earned - (line.received if line.kind == "claim" else 0)
            assert (line.units_after, line.claimable_after) == (units, claimable)
        assert units == life.life.token.balanceOf(holder).call()
        assert claimable == life.life.token.claimable(holder).call()
        # The holder's money, by the currency itself: minted for the offering, less paid, plus received.
        paid, received = sum(line.paid for line in lines), sum(line.received for line in lines)
        assert life.life.currency.balanceOf(holder).call() == received
        assert paid % 10**9 == 0
        assert [(line.block, line.log) for line in lines] == sorted(
            {(line.block, line.log) for line in lines}
        )
        for size in (1, 3):
            assert _in_parts(indexed, id, holder, size) == lines


def _in_parts(indexed: Indexed, id: str, holder: str, size: int) -> list[object]:
    found: list[object] = []
    after = None
    while part := indexed.index.statement(id, holder, after, size):
        assert len(part) <= size
        found += part
        after = (part[-1].block, part[-1].log)
    return found


def test_of_two_transfers_in_a_transaction_only_the_forced_one_is_forced() -> None:
    """A batching wallet sends units itself and, as the agent, forces others: the token says ForcedTransfer
    in the log right after the transfer that it forced (ERC-7943), and of no other."""
    a, b = "0x" + "a" * 40, "0x" + "b" * 40
    notes = [_Note(4, "ForcedTransfer", a, {"from": a, "to": b, "amount": 2})]

    def step(log: int, units: int) -> _Change:
        moved = {"from": a, "to": b, "value": 1}
        return _Change(7, log, 1_500_000_000, "0x" + "1" * 64, "Transfer", moved, Account(units=units), notes)

    first, forced, last = step(1, 9), step(3, 7), step(6, 6)
    lines = list(_lines(a, Account(units=10), 0, [first, forced, last], []))
    assert [line.kind for line in lines] == ["sent", "forced", "sent"]
    assert [line.units for line in lines] == [-1, -2, -1]
