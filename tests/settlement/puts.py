"""Random puts: an issue of which holders sell units to a writer on dates, by contracts and by books."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from finance.settlement.put_right import PutBooks, PutDate, PutTerms
from tests.settlement.engine import NOW
from tests.settlement.issues import (
    AGENT,
    DAY,
    FOREVER,
    HOLDERS,
    ISSUER,
    MINTER,
    PEOPLE,
    VERIFIER,
    Choice,
    Issue,
)
from tests.settlement.twins import Chain, Contract, View, approve

STOPS = {"announce_recovery", "close", "set_paused", "revoke", "set_frozen_tokens"}
"""Acts that stop sales, which are rarer here."""


class Holders(Issue):
    """Three dates of which the first two overlap; the money is mostly less than what is noticed."""

    def __init__(self, chain: Chain, rng: Random):
        self.terms = PutTerms("token", ISSUER, rng.random() < 0.5, tuple(_dates(rng)))
        super().__init__(chain, rng)
        self.world.parts["put"] = PutBooks(self.terms)
        who = {"account": ISSUER, "identity": {"expiry": FOREVER, "country": 276, "investorClass": 3}}
        self.do(self.act(VERIFIER, "registry", "set_identity", **who))
        if not self.is_sold:
            for each in HOLDERS:
                self.do(self.act(MINTER, "token", "mint", to=each, units=rng.randrange(60)))

    def _deploy(self, chain: Chain) -> dict[str, Contract]:
        contracts = super()._deploy(chain)
        put, token, money = chain.clone("PutRight"), contracts["token"], contracts["currency"]
        terms = self.terms
        given = (
            token.address,
            money.address,
            terms.writer,
            terms.ahead,
            [tuple(each) for each in terms.dates],
        )
        chain.send(AGENT, put, "initialize", given)
        for each in (token, money):
            approve(chain, each, PEOPLE, [put.address])
        return contracts | {"put": put}

    @property
    def books(self) -> PutBooks:
        found: PutBooks = self.world.parts["put"]
        return found

    def edges(self) -> Iterator[int]:
        yield from super().edges()
        for number, date in enumerate(self.terms.dates):
            yield from (*date[:4], self.books.ends_of(number))

    def choices(self) -> Iterator[Choice]:
        for weight, by, part, call, given in super().choices():
            hinders = call == "set_paused" or given.get("account") == ISSUER
            yield weight / 4 if call in STOPS and not hinders else weight, by, part, call, given
        rng, books, world = self.rng, self.books, self.world
        live = [n for n, each in enumerate(self.terms.dates) if each.opens <= world.at < books.ends_of(n)]
        number = rng.choice(live if live and rng.random() < 0.9 else (0, 0, 1, 1, 2, 2, 3, 2**256 - 1))
        terms = self.terms.dates[number] if number < 3 else None
        holder = rng.choice([*HOLDERS, ISSUER])
        units = world.parts["token"].units_of(holder)
        noticed = [
            who for (date, who), each in books.notices.items() if date == number and each.units
        ] or HOLDERS
        other = rng.choice(noticed)
        held = world.parts["token"].units_of(other)
        price = books.price_of(world, number) if terms else 1
        some = rng.choice(
            (0, 1, price, price * rng.randrange(40), price * units + rng.randint(-1, 1), 2**128)
        )
        now = terms is not None and terms.opens <= world.at < terms.closes
        dated = {"date": number}
        wanted = rng.choice((units, units, units // 2, units + 1, 0, rng.randrange(30)))
        yield 60 if now else 2, holder, "put", "give_notice", {**dated, "units": wanted}
        at = rng.choice((held, held, held + 1, max(0, held - 1), 0))
        yield 8, rng.choice(PEOPLE), "put", "lapse", {**dated, "holder": other, "units": at}
        yield 25, rng.choice((ISSUER, ISSUER, holder)), "put", "fund", {**dated, "amount": max(0, some)}
        left = books.left_of(world, number, other) if terms else 1
        sold = rng.choice((left, left, (left + 1) // 2, left + 1, 0))
        yield 60, other, "put", "exercise", {**dated, "units": sold}
        for call, weight in (("dishonour", 6), ("prolong", 8), ("return_money", 5)):
            yield weight, rng.choice(PEOPLE), "put", call, dated

    def views(self) -> Iterator[View]:
        yield from super().views()
        books = self.books
        for number in range(len(self.terms.dates)):
            stands = books.standing_of(number)
            said = [stands.money, stands.noticed, stands.sold, books.ends_of(number), stands.start or 0]
            told = [*said, stands.start is not None, stands.dishonoured]
            yield View("put", "standingOf(uint256)", (number,), told)
            yield View("put", "priceOf(uint256)", (number,), [books.price_of(self.world, number)])
            for each in HOLDERS:
                notice = books.notice_of(number, each)
                yield View("put", "noticeOf(uint256,address)", (number, each), notice)
                left = books.left_of(self.world, number, each)
                yield View("put", "leftOf(uint256,address)", (number, each), [left])


def _dates(rng: Random) -> Iterator[PutDate]:
    """Times from soon after the sale on, and prices of which some are nothing once enough is earned."""
    start = NOW + rng.choice((12, 42, 50)) * DAY
    for number in range(3):
        opens = start + number * rng.choice((4, 40)) * DAY
        closes = opens + rng.choice((3 * DAY, 10 * DAY))
        settles = closes + rng.choice((0, 1, 5 * DAY))
        price, due = rng.choice((0, 1, 100, 10**9)), rng.choice((0, 3, 10**4))
        earned = due + rng.choice((0, 10, 10**5)) + (not price)
        yield PutDate(opens, closes, settles, settles + rng.choice((5 * DAY, 20 * DAY)), due, price, earned)
