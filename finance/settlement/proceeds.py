"""What the proceeds of an issue were used for: the books of contracts/market/ProceedsRegister.sol."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, ClassVar

from finance.settlement.acts import Call, table
from finance.settlement.claim_token import TokenBooks
from finance.settlement.sale import SaleBooks
from finance.settlement.widths import SettlementError
from finance.settlement.world import NOBODY, Books, World

NOTHING = "0x" + "00" * 32
ACTS = table(
    Call(
        "record",
        "issuer",
        "record that proceeds were used, with the hash of what shows it",
        {"use": "bytes32", "amount": "uint128", "document": "bytes32"},
    ),
    Call(
        "strike",
        "issuer",
        "take an entry out again, with the hash of what says why",
        {"entry": "uint256", "document": "bytes32"},
    ),
    Call(
        "review",
        "reviewer",
        "say whether an entry holds, with the hash of what says why",
        {"entry": "uint256", "accepted": "bool", "document": "bytes32"},
    ),
)


class Review(IntEnum):
    """IProceedsRegister.Review"""

    NONE, ACCEPTED, OBJECTED = range(3)


@dataclass(frozen=True, slots=True)
class Entry:
    """IProceedsRegister.Entry: so much, minor units, for a use by its name (bytes32); `struck` out it counts
    no more."""

    use: str
    amount: int
    document: str
    review: Review = Review.NONE
    struck: bool = False


@dataclass(frozen=True, slots=True)
class ProceedsTerms:
    """IProceedsRegister.Terms. `token` is the key of a part; of each of the `uses`, by its name as the
    contract has it (bytes32), the most that is recorded for it, minor units."""

    token: str
    reviewer: str
    uses: Mapping[str, int]


@dataclass
class ProceedsBooks(Books):
    """A register's state: its entries by number."""

    KIND: ClassVar[str] = "proceeds"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: ProceedsTerms
    entries: MutableMapping[int, Entry] = field(default_factory=dict)
    key: str = "proceeds"

    # -- questions

    def sale(self, world: World) -> SaleBooks:
        """What brings the proceeds."""
        return world.books(world.books(self.terms.token, TokenBooks).terms.minter, SaleBooks)

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        reviewer = self.terms.reviewer
        found = [] if reviewer == NOBODY else [reviewer]
        return {"issuer": [self.sale(world).terms.issuer], "reviewer": found}

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        return {"use": list(self.terms.uses)} if call == "record" else {}

    @property
    def standing(self) -> list[Entry]:
        """Entries that are not struck out."""
        return [each for each in self.entries.values() if not each.struck]

    def allocated_to(self, use: str) -> int:
        """Recorded for a use, minor units."""
        return sum(each.amount for each in self.standing if each.use == use)

    def unallocated(self, world: World) -> int:
        """What the issue has brought and nothing is recorded for."""
        return self.sale(world).proceeds - sum(each.amount for each in self.standing)

    # -- acts

    def record(self, world: World, by: str, use: str, amount: int, document: str) -> int:
        if not self.sale(world).proceeds:
            raise SettlementError(f"{self.key}: the issue is not settled")
        if use not in self.terms.uses:
            raise SettlementError(f"{self.key}: no use {use}")
        if not amount or document == NOTHING:
            raise SettlementError(f"{self.key}: needs an amount and a document")
        if document in [each.document for each in self.standing]:
            raise SettlementError(f"{self.key}: {document} counts already")
        left = min(self.terms.uses[use] - self.allocated_to(use), self.unallocated(world))
        if amount > left:
            raise SettlementError(f"{self.key}: {amount} of {left} that are left for use {use}")
        number = len(self.entries)
        self.entries[number] = Entry(use, amount, document)
        world.emit(self.key, "Recorded", entry=number, use=use, amount=amount, document=document)
        return number

    def strike(self, world: World, by: str, entry: int, document: str) -> None:
        self.entries[entry] = replace(self._existing(entry), struck=True)
        world.emit(self.key, "Struck", entry=entry, document=document)

    def review(self, world: World, by: str, entry: int, accepted: bool, document: str) -> None:
        said = Review.ACCEPTED if accepted else Review.OBJECTED
        self.entries[entry] = replace(self._existing(entry), review=said)
        world.emit(self.key, "Reviewed", entry=entry, accepted=accepted, document=document)

    def _existing(self, entry: int) -> Entry:
        found = self.entries.get(entry)
        if found is None or found.struck:
            raise SettlementError(f"{self.key}: no entry {entry} stands")
        return found
