"""Expected and actual payments of a deployed deal, whatever its parts, in minor units: the difference is 0 or
it is shown.

Expected comes from the deal alone: its parts' books in finance.settlement, lived act by act from what people
did (chain.replay). Actual comes from the log: what the contracts say, and every transfer of the currency from
or to the deal, which must be the books' as well; and in the end what the contracts hold and answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from web3 import Web3

from chain.bindings import contract, read
from chain.check import check_deployment, require_complete
from chain.errors import ChainError, NetworkError
from chain.events import Watch, require_chain, watch
from chain.kinds import world_of
from chain.ledger import Ledger, read_ledger
from chain.parts import PARTS, rows_of, standing_of
from chain.parts.base import Now, Seen, Standing
from chain.reconciliation import (
    Check,
    Difference,
    Holder,
    MoneyCheck,
    Position,
    Reconciliation,
    Row,
)
from chain.records import DeploymentRecord
from chain.replay import Replayed, replay
from finance.settlement.claim_token import TokenBooks
from finance.settlement.widths import SettlementError
from finance.settlement.world import CURRENCY, World
from finance.terms import Deal, InputError
from finance.terms.sections import Currency


def reconcile(
    w3: Web3,
    record: DeploymentRecord,
    deal: Deal | None = None,
    block: int | None = None,
    ledger: Ledger | None = None,
) -> Reconciliation:
    """Reconcile a deployed deal at `block` (default: the latest) against `deal` (default: the record's own).

    `ledger` is what happened, if it has been read already; else it is read from the chain. What is not due
    yet is left out; what is due and not paid is noted within its grace, and expected after it. Raises
    NetworkError if it is another chain, InputError for a deal of another kind, and for a block before the
    deployment or beyond the chain's head. Where the deployment differs, and what happened cannot be read or
    lived for it, these differences are all there is, and a note says why.
    """
    deal = deal or record.load_deal()
    if ledger is None:
        require_chain(w3, record)
        block = _within(w3, record, block)
    deployment = _checked(w3, record, deal)
    try:
        require_complete(record, deal)
        ledger = ledger or read_ledger(w3, record, block)
        return _Reconciler(w3, record, world_of(record, deal), ledger).result(deal, deployment)
    except NetworkError:
        raise
    except (ChainError, SettlementError) as error:
        if not deployment:
            raise
        at = block if ledger is None else ledger.to_block
        assert at is not None
        return _unlived(w3, record, deal, deployment, at, str(error))


def _checked(w3: Web3, record: DeploymentRecord, deal: Deal) -> list[Difference]:
    """How the deployment differs; that it cannot be told, where a contract does not answer."""
    try:
        return check_deployment(w3, record, deal)
    except NetworkError:
        raise
    except ChainError as error:
        return [Difference("deployment", "contracts that answer", str(error))]


def _within(w3: Web3, record: DeploymentRecord, block: int | None) -> int:
    """The block to reconcile at. Raises InputError for one that the deployment, or the chain, has not."""
    head = int(w3.eth.block_number)
    if record.block > head:
        raise InputError(f"{record.deal}: block = {record.block}: the chain's head is {head}")
    if block is None:
        return head
    if block < record.block:
        raise InputError(f"block {block}: {record.deal} was deployed later, in block {record.block}")
    if block > head:
        raise InputError(f"block {block}: the chain's head is {head}")
    return block


def _unlived(
    w3: Web3, record: DeploymentRecord, deal: Deal, deployment: list[Difference], block: int, why: str
) -> Reconciliation:
    """What is left to be said where the deal cannot be lived again."""
    return Reconciliation(
        deal=deal.id,
        terms_hash=record.terms_hash,
        chain_id=record.chain_id,
        block=block,
        time=w3.eth.get_block(block)["timestamp"],
        states={},
        currency_decimals=deal.currency.token_decimals,
        reports=[],
        rows=[],
        positions=[],
        accounts=[],
        holders=[],
        checks=[],
        deployment=deployment,
        notes=[f"what happened could not be lived again: {line}" for line in why.splitlines()],
    )


class _Reconciler:
    """Lives the deal once, and compares."""

    def __init__(self, w3: Web3, record: DeploymentRecord, world: World, ledger: Ledger) -> None:
        self.w3, self.record, self.ledger = w3, record, ledger
        self.watch: Watch = watch(record)
        self.addresses = world.addresses
        self.names = names_of(record)
        self.rows: list[Row] = []
        self.moved: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        self.sent: dict[str, int] = defaultdict(int)
        self.made: Replayed = replay(world, record, ledger.events, self._tell)
        self.world = replace(self.made.world, at=ledger.time, block=ledger.to_block)

    def _tell(self, seen: Seen) -> None:
        self.rows += rows_of(seen)
        if seen.part == CURRENCY:
            self._count(seen)

    def _count(self, seen: Seen) -> None:
        """A transfer between the deal and somebody outside it."""
        own, source, to = self.watch.own, seen["from"], seen["to"]
        if source not in own:
            key = (source, "paid_in")
        elif to not in own:
            key = (to, "received")
        else:
            return
        for index, amount in enumerate(seen.both("value")):
            self.moved[key][index] += amount
        if seen.alone:
            self.sent[to] += seen["value"]

    def result(self, deal: Deal, deployment: list[Any]) -> Reconciliation:
        standings = dict(self._standings(deal.currency))
        over = {part for each in deal.groups.values() for part in _over(each.parts, standings)}
        done = all(each.ended or part in over for part, each in standings.items())
        holders = list(self._holders())
        return Reconciliation(
            deal=deal.id,
            terms_hash=self.record.terms_hash,
            chain_id=self.record.chain_id,
            block=self.ledger.to_block,
            time=self.ledger.time,
            states={part: each.state for part, each in standings.items() if each.state},
            currency_decimals=deal.currency.token_decimals,
            reports=[report for each in standings.values() for report in each.reports],
            rows=[*self.rows, *(row for each in standings.values() for row in each.rows)],
            positions=[position for each in standings.values() for position in each.positions],
            accounts=[
                Position(self.names.get(address, ""), address, figure, *amounts)
                for (address, figure), amounts in sorted(self.moved.items())
            ],
            holders=holders,
            checks=[
                *(check for each in standings.values() for check in each.checks),
                *balances(self.w3, self.world, self.watch, self.ledger.to_block),
                Check("log: events that no act of the deal explains", 0, len(self.made.left)),
                Check("log: figures unlike the books'", 0, len(self.made.differences)),
            ],
            deployment=deployment,
            notes=[*(note for each in standings.values() for note in each.notes), *self.made.unlike],
            not_yet=[]
            if done
            else [line for part, each in standings.items() if part not in over for line in each.not_yet],
        )

    def _standings(self, currency: Currency) -> Iterator[tuple[str, Standing]]:
        for part in self.world.parts:
            address = self.addresses[part]
            held = held_at(self.w3, self.addresses[CURRENCY], address, self.ledger.to_block)
            now = Now(part, self.world, self._reader(part), held, currency, self.sent[address])
            if (found := standing_of(now)) is not None:
                yield part, found

    def _reader(self, part: str) -> Callable[..., Any]:
        """What a part's contract answers at the block."""

        def ask(name: str, *arguments: Any) -> Any:
            asked = contract(self.w3, PARTS[self.world.kind(part)].contract, self.addresses[part])
            return read(asked.functions[name](*arguments), self.ledger.to_block)

        return ask

    def _holders(self) -> Iterator[Holder]:
        """Of every claim token. What was claimed are the currency's own transfers."""
        for part, books in self.world.parts.items():
            if not isinstance(books, TokenBooks):
                continue
            claimed: dict[str, list[int]] = defaultdict(lambda: [0, 0])
            for row in self.rows:
                if (row.part, row.kind) == (part, "claim"):
                    claimed[row.party][0] += row.expected
            for move in self.ledger.of(CURRENCY, "Transfer"):
                if move.arguments["from"] == self.addresses[part]:
                    claimed[move.arguments["to"]][1] += move.arguments["value"]
            ask = self._reader(part)
            for holder in sorted({*books.accounts, *claimed}):
                expected = claimed[holder][0] + books.claimable(holder)
                units, unclaimed = books.units_of(holder), ask("claimable", holder)
                yield Holder(part, holder, units, expected, claimed[holder][1], unclaimed)


def _over(parts: Collection[str], standings: Mapping[str, Standing]) -> Collection[str]:
    """Those parts, which hang together, if one of them says that nothing of them is to come."""
    return parts if any(standings[part].over for part in parts if part in standings) else ()


def names_of(record: DeploymentRecord) -> dict[str, str]:
    """What the wallets of a record are called, by address; whoever has several roles by the first."""
    wallets = {"deployer": record.wallets.deployer, **record.wallets.people}
    return {address: name for name, address in reversed(wallets.items())}


def balances(w3: Web3, world: World, watch: Watch, block: int) -> list[Check]:
    """Currency that each of the deal's own contracts holds at a block: by the books, and on the chain."""
    return [
        MoneyCheck(
            f"money: {part}: by the books = held",
            world.held(part),
            held_at(w3, world.addresses[CURRENCY], address, block),
        )
        for part, address in world.addresses.items()
        if address in watch.own
    ]


def held_at(w3: Web3, currency: str, address: str, block: int) -> int:
    """Currency that somebody holds at a block, in minor units."""
    return int(read(contract(w3, "IERC20", currency).functions.balanceOf(address), block))
