"""Random trades: an issue of which units change hands at a desk, lived by its contracts and its books."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from finance.settlement.trade_desk import QUOTE_TYPE, DeskTerms, Quote, Side, TradeDeskBooks
from finance.settlement.world import NOBODY
from tests.settlement.issues import DAY, HOLDERS, KEYS, MINTER, PEOPLE, Choice, Issue
from tests.settlement.signing import digest, domain
from tests.settlement.twins import Chain, Contract, View, approve

KNOWN = 6
"""Quotes that are looked at."""
STOPS = {"announce_recovery", "close", "set_paused", "revoke", "set_frozen_tokens"}
"""Acts that stop trade, which are rarer here."""


class Market(Issue):
    """Quotes of any terms, some of them sensible; every one is signed by its maker."""

    def __init__(self, chain: Chain, rng: Random):
        self.terms = DeskTerms(
            rng.choice((1, 1, 1, 1, 3, 3, 2**64 - 1)), rng.choice((20 * DAY, 20 * DAY, 1, 90 * DAY))
        )
        self.quotes: list[Quote] = []
        super().__init__(chain, rng)
        self.domain = domain(self.contracts["desk"].address, "TradeDesk")
        self.world.parts["desk"] = TradeDeskBooks(self.terms)
        if not self.is_sold:
            for each in HOLDERS:
                self.do(self.act(MINTER, "token", "mint", to=each, units=rng.randrange(60)))

    def _deploy(self, chain: Chain) -> dict[str, Contract]:
        contracts = super()._deploy(chain)
        desk, token, money = chain.clone("TradeDesk"), contracts["token"], contracts["currency"]
        chain.send(
            HOLDERS[0],
            desk,
            "initialize",
            (token.address, money.address, self.terms.minimum, self.terms.longest),
        )
        for each in (token, money):
            approve(chain, each, PEOPLE, [desk.address])
        return contracts | {"desk": desk}

    def edges(self) -> Iterator[int]:
        yield from super().edges()
        yield from (when for quote in self.quotes for when in (quote.opens, quote.expires))

    def choices(self) -> Iterator[Choice]:
        for weight, by, part, call, given in super().choices():
            yield weight / 5 if call in STOPS else weight, by, part, call, given
        if not self.quotes or self.rng.random() < 0.2:
            self.quotes = [*self.quotes[1 - KNOWN :], self._quote()]
        rng, desk, at = self.rng, self.world.parts["desk"], self.world.at
        live = [each for each in self.quotes if each.opens <= at < each.expires and desk.left_of(each)]
        quote = rng.choice(live if live and rng.random() < 0.8 else self.quotes)
        left = desk.left_of(quote)
        units = rng.choice((left, left, left, (left + 1) // 2, rng.randint(0, left), left + 1, 0))
        signature = KEYS[quote.maker].sign_in_full(digest(self.domain, QUOTE_TYPE, *quote.struct.values()))
        taker = (
            rng.choice([each for each in HOLDERS if each != quote.maker])
            if quote.taker == NOBODY
            else quote.taker
        )
        given = {"quote": quote.struct, "signature": signature, "units": units}
        yield 25, taker, "desk", "fill", given
        yield 2, quote.maker, "desk", "cancel", {"hash": quote.hash}
        nonce = desk.nonce_of(quote.maker) + rng.randrange(3)
        yield 1, quote.maker, "desk", "cancel_below", {"nonce": min(nonce, 2**64 - 1)}

    def _quote(self) -> Quote:
        """Of units that the seller has, perhaps, for a time of which some is left."""
        rng, at = self.rng, self.world.at
        token, side = self.world.parts["token"], rng.choice(list(Side))
        seller = rng.choice([each for each in HOLDERS if token.units_of(each)] or HOLDERS)
        buyer = rng.choice([each for each in HOLDERS if each != seller])
        maker, other = (seller, buyer) if side is Side.SELLS else (buyer, seller)
        units = rng.choice(
            (self._units(seller), *(rng.randint(1, 1 + token.units_of(seller)) for _ in range(3)))
        )
        opens = at + rng.choice((0, 0, 0, 0, -DAY, DAY))
        life = min(self.terms.longest, 19 * DAY)
        return Quote(
            maker=maker,
            taker=rng.choice((*[NOBODY] * 4, *[other] * 4, maker)),
            side=side,
            units=units,
            least=rng.choice((0, 1, 1, 1, units, 4)),
            price=rng.choice((1, 5, 100, 10**9, 2**128 - 1)),
            earned=max(0, self.world.parts["token"].index + rng.choice((0, 0, 0, 0, 1, -1))) % 2**96,
            holds=rng.random() < 0.7,
            opens=opens,
            expires=opens + rng.choice((*[life] * 9, self.terms.longest + 1, 0, -1)),
            nonce=self.world.parts["desk"].nonce_of(maker) + rng.randrange(2),
        )

    def views(self) -> Iterator[View]:
        yield from super().views()
        desk = self.world.parts["desk"]
        struct = "(address,address,uint8,uint64,uint64,uint128,uint96,bool,uint64,uint64,uint64)"
        for quote in self.quotes:
            said = tuple(quote.struct.values())
            yield View("desk", f"leftOf({struct})", said, [desk.left_of(quote)])
            yield View("desk", f"hashOf({struct})", said, [int(quote.hash, 16)])
        for each in HOLDERS:
            yield View("desk", "nonceOf(address)", (each,), [desk.nonce_of(each)])
