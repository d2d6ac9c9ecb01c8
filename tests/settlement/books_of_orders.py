"""Random books of orders: registry, claim token and order book, lived by their contracts and their books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.identity_registry import RegistryBooks
from finance.settlement.offering_book import DELIVERY_PERIOD, Ladder, OrderBooks
from finance.settlement.sale import SETTLEMENT_PERIOD, SaleTerms, State
from finance.settlement.world import CURRENCY, NOBODY, World
from tests.settlement.engine import NOW
from tests.settlement.issues import (
    AGENT,
    DAY,
    HOLDERS,
    ISSUER,
    PEOPLE,
    POLICY,
    VERIFIER,
    AnyServicer,
    Choice,
    Issue,
    anchors,
    offering_struct,
    token_views,
)  # fmt: skip
from tests.settlement.twins import Chain, Contract, Twins, View, approve, currency, rich


class BookOfOrders(Issue):
    """A book that is mostly ordered from, cleared, delivered and taken; people are verified and forgotten."""

    def __init__(self, chain: Chain, rng: Random):
        self.rng, self.is_idle = rng, rng.random() < 0.2
        hard_cap = rng.choice((20, 30, 97, 2**64 - 1))
        self.ladder = Ladder(
            tick=rng.choice((1, 3, 10**6, 2**128 - 1)),
            levels=rng.choice((1, 2, 3, 64)),
            minimum=rng.choice((1, 3)),
        )
        self.sale = SaleTerms(
            issuer=ISSUER,
            unit_price=rng.choice((1, 7, 10**6, 2**128 - 1)),
            soft_cap=rng.randint(1, 20),
            hard_cap=hard_cap,
            opens=NOW + 10 * DAY,
            closes=NOW + 20 * DAY,
            parties=(ISSUER, AGENT),
        )
        chain.move(NOW, 1)
        contracts = self._deploy(chain)
        parts: dict[str, Any] = {
            "registry": RegistryBooks(frozenset([VERIFIER])),
            "offering": OrderBooks(self.sale, self.ladder),
            "bond": AnyServicer(),
            "token": TokenBooks(TokenTerms(AGENT, POLICY)),
        }
        addresses = {key: each.address for key, each in contracts.items()}
        world = World(parts, addresses, NOW, 1, defaultdict(int, rich(PEOPLE)))
        Twins.__init__(self, chain, world, contracts, PEOPLE)
        self.verify(0.9)

    def _deploy(self, chain: Chain) -> dict[str, Contract]:
        money = currency(chain, PEOPLE)
        registry = chain.deploy("IdentityRegistry", VERIFIER)
        token = chain.clone("SecurityToken", anchors(registry.address, POLICY, money.address, AGENT))
        book, servicer = (
            chain.clone("OrderBook"),
            Contract("IServicer", chain.code(b"\0")),
        )  # takes every call
        chain.send(AGENT, token, "initialize", "Issue", "ISS", book.address, servicer.address)
        terms = offering_struct(self.sale, token.address, servicer.address, money.address)
        chain.send(AGENT, book, "initialize", terms, tuple(self.ladder))
        approve(chain, money, PEOPLE, [token.address, book.address])
        return {"registry": registry, "token": token, CURRENCY: money, "offering": book, "bond": servicer}

    @property
    def book(self) -> OrderBooks:
        found: OrderBooks = self.world.parts["offering"]
        return found

    def edges(self) -> Iterator[int]:
        closes = self.sale.closes
        yield from (self.sale.opens, closes, closes + DELIVERY_PERIOD, closes + SETTLEMENT_PERIOD)

    def _identity(self, good: float = 0.7) -> dict[str, int]:
        """Some end just when no unit is delivered any more, or a second before."""
        last = self.sale.closes + DELIVERY_PERIOD - self.rng.choice((0, 1))
        return super()._identity(good) | ({"expiry": last} if self.rng.random() < 0.2 else {})

    def choices(self) -> Iterator[Choice]:
        yield from self._of_the_book()
        yield from self._of_the_registry()
        token = self.world.parts["token"]
        one, other = self.rng.choice(HOLDERS), self.rng.choice(PEOPLE)
        yield 2, one, "token", "transfer", {"to": other, "value": self._units(one)}
        yield 1, AGENT, "token", "set_frozen_tokens", {"account": one, "amount": token.units_of(one)}

    def _of_the_book(self) -> Iterator[Choice]:
        rng, book, at = self.rng, self.book, self.world.at
        state, one = book.state(at), rng.choice(PEOPLE)
        units = rng.choice((0, 1, 2, 5, 9, 15, self.sale.hard_cap, self.sale.hard_cap + 1))
        price = book.price_at(rng.choice((0, 0, 1, 2, 63, book.ladder.levels - 1, book.ladder.levels)))
        wants = {"units": units, "price": price + (rng.random() < 0.05)}
        yield (60 if state == State.OPEN else 1), one, "offering", "order", wants
        yield (20 if state == State.SUCCEEDED and not book.result else 1), NOBODY, "offering", "clear", {}
        which = rng.choice([*book.orders, (one, rng.randrange(1 + book.count))])
        named = {"investor": which[0], "number": which[1]}
        weight = 25 if book.result and not self.is_idle else 1
        yield weight, NOBODY, "offering", "deliver", named
        yield (weight if state != State.FAILED else 25), NOBODY, "offering", "take", named
        yield (6 if state == State.SUCCEEDED else 1), NOBODY, "offering", "settle", {}
        yield (20 if state == State.FAILED else 1), one, "offering", "refund", {"units": self._units(one)}

    def views(self) -> Iterator[View]:
        book, at = self.book, self.world.at
        yield View("offering", "state()", (), [book.state(at)])
        yield View("offering", "sold()", (), [book.sold])
        yield View("offering", "soldToParties()", (), [book.sold_to_parties])
        yield View("offering", "ordered()", (), [book.ordered, book.ordered_by_parties])
        yield View("offering", "toDeliver()", (), [book.to_deliver])
        if book.result:
            yield View("offering", "price()", (), [book.price])
        for level in (0, book.ladder.levels - 1):
            yield View("offering", "orderedAt(uint256)", (level,), [book.ordered_at.get(level, 0)])
        for (who, number), order in book.orders.items():
            yield View("offering", "orderOf(address,uint256)", (who, number), [int(e) for e in order])
            yield View("offering", "allotted(address,uint256)", (who, number), [book.allotted(who, number)])
        yield from token_views(self.world, self.world.parts["token"], PEOPLE)
