"""Random registers of proceeds: an issue that is mostly sold, and what is recorded of its money, by contracts
and by books."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from finance.settlement.proceeds import NOTHING, ProceedsBooks, ProceedsTerms
from finance.settlement.sale import State
from finance.settlement.world import NOBODY
from tests.settlement.issues import HOLDERS, ISSUER, VERIFIER, Choice, Issue
from tests.settlement.twins import Chain, Contract, View

REVIEWER = HOLDERS[-1]
DOCUMENTS = ["0x" + f"{number:02x}" * 32 for number in range(6)]
"""The first of them is none."""
assert DOCUMENTS[0] == NOTHING


class Register(Issue):
    """Entries for uses and amounts of which some are too much, by the issuer and by others."""

    def __init__(self, chain: Chain, rng: Random):
        names = ["0x" + bytes(f"use-{number}", "ascii").ljust(32, b"\0").hex() for number in range(3)]
        amounts = rng.choice(((5, 10**7, 2**128 - 1), (10**9, 3, 40), (1, 1, 1)))
        self.terms = ProceedsTerms(
            "token", rng.choice((REVIEWER, REVIEWER, NOBODY)), dict(zip(names, amounts, strict=True))
        )
        super().__init__(chain, rng)
        self.world.parts["register"] = ProceedsBooks(self.terms, key="register")

    def _deploy(self, chain: Chain) -> dict[str, Contract]:
        contracts = super()._deploy(chain)
        register = chain.clone("ProceedsRegister")
        given = (contracts["token"].address, self.terms.reviewer, list(self.terms.uses.items()))
        chain.send(ISSUER, register, "initialize", given)
        return contracts | {"register": register}

    @property
    def books(self) -> ProceedsBooks:
        found: ProceedsBooks = self.world.parts["register"]
        return found

    def choices(self) -> Iterator[Choice]:
        sale = self.world.parts.get("offering")
        for weight, by, part, call, given in super().choices():
            ends = call == "settle" or (
                call == "subscribe" and sale and sale.state(self.world.at) == State.OPEN
            )
            yield weight * 3 if ends else weight, by, part, call, given
        yield from self._of_the_register()

    def _of_the_register(self) -> Iterator[Choice]:
        rng, books = self.rng, self.books
        use = rng.choice((*self.terms.uses, *self.terms.uses, NOTHING, "0x" + "11" * 32))
        left = 0
        if use in self.terms.uses and self.is_sold:
            left = min(self.terms.uses[use] - books.allocated_to(use), books.unallocated(self.world))
        amount = rng.choice((left, left, (left + 1) // 2, rng.randint(0, left), left + 1, 0, 1))
        document = rng.choice((*DOCUMENTS, "0x" + rng.randbytes(32).hex()))
        entry = rng.choice((*books.entries, len(books.entries), 2**256 - 1))
        issuer = rng.choice((*[ISSUER] * 9, VERIFIER))
        reviewer = rng.choice((*[REVIEWER] * 9, ISSUER))
        recorded = {"use": use, "amount": min(amount, 2**128 - 1), "document": document}
        yield 12, issuer, "register", "record", recorded
        yield 3, issuer, "register", "strike", {"entry": entry, "document": document}
        said = {"entry": entry, "accepted": rng.random() < 0.5, "document": document}
        yield 4, reviewer, "register", "review", said

    def views(self) -> Iterator[View]:
        yield from super().views()
        books = self.books
        yield View("register", "entryCount()", (), [len(books.entries)])
        for use in self.terms.uses:
            yield View("register", "allocatedTo(bytes32)", (int(use, 16),), [books.allocated_to(use)])
        if self.is_sold:
            yield View("register", "raised()", (), [books.sale(self.world).proceeds])
            yield View("register", "unallocated()", (), [books.unallocated(self.world)])
        for number, each in books.entries.items():
            found = [int(each.use, 16), each.amount, each.review, each.struck, int(each.document, 16)]
            yield View("register", "entryOf(uint256)", (number,), found)
