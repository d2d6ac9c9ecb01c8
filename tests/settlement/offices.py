"""Random offices: a keeper who hands on, appointers who agree or not, by contract and by books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random

from finance.settlement.acts import Act
from finance.settlement.office import WINDOW, OfficeBooks, OfficeTerms
from finance.settlement.world import CURRENCY, NOBODY, World
from tests.settlement.engine import NOW
from tests.settlement.issues import Choice
from tests.settlement.twins import DAY, Chain, Twins, View, currency, person, rich

NOTICE = 30 * DAY
KEEPERS = [person(f"keeper {number}") for number in range(4)]
APPOINTERS = [person(f"appointer {number}") for number in range(4)]
PEOPLE = [*KEEPERS, *APPOINTERS]


class Offices(Twins):
    """An office of two to four appointers, which is paid now and then."""

    def __init__(self, chain: Chain, rng: Random):
        self.rng = rng
        chosen = rng.sample(APPOINTERS, rng.randint(2, 4))
        self.terms = OfficeTerms(KEEPERS[0], NOTICE, rng.randint(2, len(chosen)), tuple(chosen))
        chain.move(NOW, 1)
        money, office = currency(chain, PEOPLE), chain.clone("Office")
        terms = (self.terms.keeper, money.address, NOTICE, self.terms.quorum, chosen)
        chain.send(KEEPERS[0], office, "initialize", terms)
        addresses = {"office": office.address, CURRENCY: money.address}
        world = World({"office": OfficeBooks(self.terms)}, addresses, NOW, 1, defaultdict(int, rich(PEOPLE)))
        super().__init__(chain, world, {"office": office, CURRENCY: money}, PEOPLE)

    @property
    def books(self) -> OfficeBooks:
        found: OfficeBooks = self.world.parts["office"]
        return found

    def edges(self) -> Iterator[int]:
        since = [each.since for each in self.books.candidates.values()]
        for opens in map(self.books.opens, [*since, self.books.announced_at]):
            yield from (opens, opens + WINDOW)

    def choices(self) -> Iterator[Choice]:
        rng, books = self.rng, self.books
        place = self.world.addresses["office"]
        one = rng.choice([*KEEPERS, *KEEPERS, *KEEPERS, rng.choice(APPOINTERS), NOBODY, place])
        keeper = rng.choice((books.keeper, books.keeper, books.keeper, rng.choice(PEOPLE)))
        appointer = rng.choice((*self.terms.appointers, *self.terms.appointers, rng.choice(PEOPLE)))
        known = rng.choice([*books.candidates, one])
        yield 4, keeper, "office", "hand_on", {"to": one}
        yield 16, appointer, "office", "support", {"candidate": rng.choice((one, known))}
        yield 4, appointer, "office", "withdraw_support", {"candidate": known}
        yield 4, keeper, "office", "object", {"candidate": known}
        yield 12, rng.choice((books.announced, *KEEPERS)), "office", "take", {}
        yield 2, rng.choice(PEOPLE), "office", "collect", {}
        yield 2, rng.choice(PEOPLE), CURRENCY, "transfer", {"to": place, "value": rng.randrange(5)}

    def draw(self) -> Act:
        choices = [each for each in self.choices() if each[1] != NOBODY]
        (_, by, part, call, arguments) = self.rng.choices(choices, [each[0] for each in choices])[0]
        return self.act(by, part, call, **arguments)

    def views(self) -> Iterator[View]:
        books = self.books
        yield View("office", "keeper()", (), [int(books.keeper, 16)])
        yield View("office", "announced()", (), [int(books.announced, 16), books.announced_at])
        for each in PEOPLE:
            stands = books.candidacy(each)
            votes = sum(1 << place for place, who in enumerate(self.terms.appointers) if who in stands.by)
            yield View("office", "candidacyOf(address)", (each,), [votes, stands.objected, stands.since])
