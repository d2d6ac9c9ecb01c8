"""Random issues: registry, claim token and offering, lived by their contracts and their books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any, ClassVar

from finance.settlement.acts import Act, Call, table
from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.identity_registry import HoldingPolicy, RegistryBooks
from finance.settlement.offering import OfferingBooks
from finance.settlement.sale import SaleTerms, State
from finance.settlement.world import CURRENCY, NOBODY, Books, World
from tests.settlement.engine import NOW
from tests.settlement.signing import Key
from tests.settlement.twins import Chain, Contract, Twins, View, approve, currency, person, rich

DAY = 86_400
FOREVER = 2**64 - 1
VERIFIER, AGENT, ISSUER = person("verifier"), person("agent"), person("issuer")
MINTER, SERVICER = person("minter"), person("servicer")
KEYS = {key.address: key for key in map(Key, range(11, 15))}
HOLDERS = list(KEYS)
PEOPLE = [VERIFIER, AGENT, ISSUER, MINTER, SERVICER, *HOLDERS]
POLICY = HoldingPolicy(1 << 1 | 1 << 3, (410, 840))
Choice = tuple[float, str, str, str, dict[str, Any]]


class AnyServicer(Books):
    """A servicer that only begins."""

    ACTS: ClassVar = table(Call("activate", "anyone", "begin"))
    key = "bond"

    def activate(self, world: World, by: str) -> None:
        """Nothing to keep."""


def policy_word(policy: HoldingPolicy) -> bytes:
    """IIdentityRegistry.HoldingPolicy"""
    word = policy.classes
    for i, country in enumerate(policy.blocked):
        word |= country << (8 + 16 * i)
    return word.to_bytes(32, "big")


def anchors(registry: str, policy: HoldingPolicy, money: str, agent: str) -> bytes:
    """ISecurityToken.Anchors of a clone."""
    addresses = [bytes.fromhex(address[2:]).rjust(32, b"\0") for address in (registry, money, agent)]
    return addresses[0] + policy_word(policy) + addresses[1] + addresses[2] + b"\x07" * 32


def random_offering(rng: Random) -> SaleTerms:
    return SaleTerms(
        issuer=ISSUER,
        unit_price=rng.choice((1, 7, 10**6, 2**128 - 1)),
        soft_cap=rng.randint(1, 20),
        hard_cap=rng.choice((20, 30, 40, 2**64 - 1)),
        opens=NOW + 10 * DAY,
        closes=NOW + 40 * DAY,
        parties=(ISSUER, AGENT),
    )


def offering_struct(terms: SaleTerms, token: str, servicer: str, money: str) -> tuple[Any, ...]:
    """ISale.Terms"""
    return (
        token, servicer, money, terms.issuer, terms.unit_price,
        terms.soft_cap, terms.hard_cap, terms.opens, terms.closes, list(terms.parties),
    )  # fmt: skip


class Issue(Twins):
    """An offering of a token; or, since only people can be spoken for, one that people mint and close."""

    def __init__(self, chain: Chain, rng: Random):
        self.rng, self.is_sold, self.is_late = rng, rng.random() < 0.6, rng.random() < 0.3
        self.sale = random_offering(rng)
        chain.move(NOW, 1)
        contracts = self._deploy(chain)
        addresses = {key: each.address for key, each in contracts.items()}
        parts: dict[str, Any] = {"registry": RegistryBooks(frozenset([VERIFIER]))}
        if self.is_sold:
            parts |= {"offering": OfferingBooks(self.sale), "bond": AnyServicer()}
        else:
            addresses |= {"offering": MINTER, "bond": SERVICER}
        parts["token"] = TokenBooks(TokenTerms(AGENT, POLICY))
        world = World(parts, addresses, NOW, 1, defaultdict(int, rich(PEOPLE)))
        super().__init__(chain, world, contracts, PEOPLE)
        self.verify(0.8)

    def _deploy(self, chain: Chain) -> dict[str, Contract]:
        money = currency(chain, PEOPLE)
        registry = chain.deploy("IdentityRegistry", VERIFIER)
        token = chain.clone("SecurityToken", anchors(registry.address, POLICY, money.address, AGENT))
        sale, servicer = chain.clone("Offering"), Contract("IServicer", chain.code(b"\0"))  # takes every call
        masters = (sale.address, servicer.address) if self.is_sold else (MINTER, SERVICER)
        chain.send(AGENT, token, "initialize", "Issue", "ISS", *masters)
        terms = offering_struct(self.sale, token.address, servicer.address, money.address)
        chain.send(AGENT, sale, "initialize", terms)
        approve(chain, money, PEOPLE, [token.address, sale.address])
        approve(chain, token, PEOPLE, PEOPLE)
        contracts = {"registry": registry, "token": token, CURRENCY: money}
        return contracts | ({"offering": sale, "bond": servicer} if self.is_sold else {})

    def verify(self, part: float) -> None:
        """So many of the people."""
        for each in self.people:
            if self.rng.random() < part:
                given = {"account": each, "identity": self._identity(1)}
                self.do(self.act(VERIFIER, "registry", "set_identity", **given))

    def _identity(self, good: float = 0.7) -> dict[str, int]:
        rng, at = self.rng, self.world.at
        if rng.random() < good:
            return {"expiry": rng.choice((FOREVER, at + 60 * DAY)), "country": 276, "investorClass": 3}
        return {
            "expiry": at + rng.choice((0, 1, 100 * DAY)),
            "country": rng.choice((0, 276, 410, 840)),
            "investorClass": rng.choice((0, 1, 2, 3, 7, 8)),
        }

    def edges(self) -> Iterator[int]:
        recoveries = self.world.parts["token"].recoveries.values()
        yield from (self.sale.opens, self.sale.closes, self.sale.closes + 30 * DAY)
        yield from (i.expiry for i in self.world.parts["registry"].identities.values() if i.expiry < FOREVER)
        yield from (r.start + more for r in recoveries for more in (0, 30 * DAY))

    def choices(self) -> Iterator[Choice]:
        """What may be done next: how likely, by whom (nobody: anybody), which part, which call, and how."""
        yield from self._of_the_sale()
        yield from self._of_the_registry()
        yield from self._of_the_token()
        yield from self._of_the_agent()

    def draw(self) -> Act:
        """A random act of a random person."""
        choices = list(self.choices())
        weights = [choice[0] for choice in choices]
        _, by, part, call, arguments = self.rng.choices(choices, weights)[0]
        if by == NOBODY or self.rng.random() < 0.1:
            by = self.rng.choice(self.people)
        return self.act(by, part, call, **arguments)

    def _units(self, holder: str) -> int:
        units = self.world.parts["token"].units_of(holder)
        return self.rng.choice((0, 1, units, units // 2, self.rng.randrange(30)))

    def _of_the_sale(self) -> Iterator[Choice]:
        if not self.is_sold:
            return
        rng, sale = self.rng, self.world.parts["offering"]
        state, one, party = sale.state(self.world.at), rng.choice(HOLDERS), rng.choice((ISSUER, AGENT))
        buys = {"units": rng.choice((0, 1, 5, 15, sale.available(one), sale.available(one) + 1))}
        yield 40 if state == State.OPEN else 1, one, "offering", "subscribe", buys
        yield 5 if state == State.OPEN else 0, party, "offering", "subscribe", {"units": rng.randrange(30)}
        due = state == State.SUCCEEDED and self.world.at >= self.is_late * (self.sale.closes + 30 * DAY - 1)
        yield 20 if due else int(rng.random() > 0.5), NOBODY, "offering", "settle", {}
        yield 20 if state == State.FAILED else 1, one, "offering", "refund", {"units": self._units(one)}

    def _of_the_registry(self) -> Iterator[Choice]:
        one, other = self.rng.choice(HOLDERS), self.rng.choice([*PEOPLE, NOBODY])
        many = [self._identity() for _ in range(self.rng.choice((2, 2, 1)))]
        yield 3, VERIFIER, "registry", "set_identity", {"account": other, "identity": self._identity()}
        yield 1, VERIFIER, "registry", "set_identities", {"accounts": [one, other], "identities": many}
        yield 1, VERIFIER, "registry", "revoke", {"account": other}

    def _of_the_token(self) -> Iterator[Choice]:
        rng, token = self.rng, self.world.parts["token"]
        one, other, supply = rng.choice(HOLDERS), rng.choice([*PEOPLE, NOBODY]), token.supply
        units = self._units(one)
        shared = rng.choice(
            (rng.randrange(9_999), supply * rng.randrange(9), 9 * supply * 2 ** rng.randrange(90))
        )
        if rng.random() < 0.02:
            shared = supply * (2**96 - token.index - rng.randrange(2))
        yield 4, NOBODY, "token", "distribute", {"amount": shared}
        yield 5, rng.choice((one, other)), "token", "claim", {"holder": one}
        yield 5, one, "token", "transfer", {"to": other, "value": units}
        yield 3, NOBODY, "token", "transfer_from", {"from": one, "to": other, "value": units}
        yield 1, one, "token", "object_to_recovery", {}
        yield 3, NOBODY, "token", "recover_holding", {"holder": rng.choice([*token.recoveries, one])}
        to_parts = {"to": self.contracts["token"].address, "value": units}
        yield 1, one, CURRENCY, "transfer", to_parts
        if not self.is_sold:
            most = rng.choice((1, 5, 15, 2**64 - 1 - supply, 2**64 - supply, 2**70))
            yield 6, MINTER, "token", "mint", {"to": one, "units": most}
            yield 2, MINTER, "token", "burn", {"from": rng.choice((one, NOBODY)), "units": units}
        yield int(not self.is_sold and rng.random() < 0.4), SERVICER, "token", "close", {}

    def _of_the_agent(self) -> Iterator[Choice]:
        rng, token = self.rng, self.world.parts["token"]
        one, other = rng.choice(HOLDERS), rng.choice([*HOLDERS, *PEOPLE])
        units = self._units(one)
        frozen = rng.choice((units, units + 1, token.units_of(one) + 3, 2**256 - 1))
        yield 2, AGENT, "token", "set_frozen_tokens", {"account": one, "amount": frozen}
        yield 3, AGENT, "token", "forced_transfer", {"from": one, "to": other, "amount": units}
        yield 1, AGENT, "token", "set_paused", {"paused": rng.random() < 0.3}
        yield 3, AGENT, "token", "announce_recovery", {"holder": one, "to": other}

    def views(self) -> Iterator[View]:
        if self.is_sold:
            sale = self.world.parts["offering"]
            yield View("offering", "state()", (), [sale.state(self.world.at)])
            yield View("offering", "sold()", (), [sale.sold])
            yield View("offering", "soldToParties()", (), [sale.sold_to_parties])
        yield from token_views(self.world, self.world.parts["token"], PEOPLE)


def token_views(world: World, token: TokenBooks, people: list[str]) -> Iterator[View]:
    """All that a token answers."""
    key = token.key
    yield View(key, "totalSupply()", (), [token.supply])
    yield View(key, "earnedPerUnit()", (), [token.index])
    yield View(key, "paused()", (), [token.paused])
    yield View(key, "closed()", (), [token.closed])
    for each in people:
        recovery = token.recovery_of(each, world.at) or (NOBODY, 0)
        yield View(key, "balanceOf(address)", (each,), [token.units_of(each)])
        yield View(key, "claimable(address)", (each,), [token.claimable(each)])
        yield View(key, "getFrozenTokens(address)", (each,), [token.frozen.get(each, 0)])
        yield View(key, "canSend(address)", (each,), [token.can_hold(world, each)])
        yield View(key, "recoveryOf(address)", (each,), [int(recovery[0], 16), recovery[1]])
