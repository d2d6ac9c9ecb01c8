"""Random consent solicitations over a random issue, by contracts and by books."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from finance.settlement.consent_solicitation import ConsentBooks, ConsentTerms
from tests.settlement.issues import AGENT, DAY, HOLDERS, ISSUER, KEYS, PEOPLE, VERIFIER, Choice, Issue
from tests.settlement.signing import digest, domain
from tests.settlement.twins import Chain, Contract, View

CONSENT = "Consent(uint256 waiver,address holder,uint64 units)"


class Solicitation(Issue):
    """Waivers of which some are too long; consents, signed or not, of more units than are free; counts that
    name what counts, and some a little more. Each of the people consents."""

    def __init__(self, chain: Chain, rng: Random):
        affiliates = {ISSUER, *rng.sample(HOLDERS, rng.randint(0, 1))}
        parts, of = rng.choice(((2, 3), (3, 4), (51, 100), (1, 1)))
        notice = rng.choice((1, 10)) * DAY
        self.terms = ConsentTerms(
            "token", ISSUER, tuple(sorted(affiliates, key=lambda each: int(each, 16))), parts, of,
            90 * DAY, notice, rng.choice((1, notice)), rng.choice((1, 30)) * DAY,
        )  # fmt: skip
        super().__init__(chain, rng)
        self.world.parts["consents"] = ConsentBooks(self.terms)
        self.domain = domain(self.world.addresses["consents"], "ConsentSolicitation")

    def _deploy(self, chain: Chain) -> dict[str, Contract]:
        contracts, t = super()._deploy(chain), self.terms
        made = chain.clone("ConsentSolicitation")
        figures = (t.numerator, t.denominator, t.longest, t.notice, t.held, t.window)
        given = (contracts["token"].address, t.issuer, list(t.affiliates), *figures)
        chain.send(AGENT, made, "initialize", given)
        return contracts | {"consents": made}

    @property
    def books(self) -> ConsentBooks:
        found: ConsentBooks = self.world.parts["consents"]
        return found

    def edges(self) -> Iterator[int]:
        yield from super().edges()
        for each in self.books.waivers.values():
            opens = each.proposed_at + self.terms.notice
            yield from (opens, opens + self.terms.window)
        yield from (its.since + self.terms.held for its in self.books.consents.values())

    def choices(self) -> Iterator[Choice]:
        for weight, by, part, call, given in super().choices():
            yield weight * 3 if call in ("mint", "subscribe", "settle") else weight, by, part, call, given
        rng, books = self.rng, self.books
        longer = rng.choice((0, 1, 30 * DAY, 90 * DAY, 90 * DAY + 1))
        asked = {"payment": rng.randint(0, 1), "standstill": longer, "document": "0x" + "11" * 32}
        yield 3, rng.choice((*[ISSUER] * 9, VERIFIER)), "consents", "propose", asked
        waiver = rng.randint(0, len(books.waivers))
        token, holder = books._token(self.world), rng.choice(HOLDERS)
        free = token.free_units(holder, self.world.at)
        units = min(2**64 - 1, rng.choice((free, free, free, free // 2, free + 1, 0, 1)))
        yield 20, holder, "consents", "consent", {"waiver": waiver, "units": units}
        signature = KEYS[holder].sign_in_full(digest(self.domain, CONSENT, waiver, holder, units))
        given = {"waiver": waiver, "holder": holder, "units": units, "signature": signature}
        yield 8, rng.choice(PEOPLE), "consents", "lodge", given
        yield 2, holder, "consents", "revoke", {"waiver": waiver}
        for act in books.due(self.world):
            yield 30, rng.choice(PEOPLE), "consents", "count", dict(act.arguments)
        if waiver in books.waivers:
            found = {each: token.units_of(each) for each in self.terms.affiliates}
            found |= {each: books._most(self.world, waiver, each) for each in HOLDERS if each not in found}
            named = sorted((each for each in found if found[each]), key=lambda each: int(each, 16))
            most = [min(2**64 - 1, found[each] + rng.choice((0, 0, 0, 0, 1))) for each in named]
            if rng.random() < 0.1:
                named, most = named[::-1], most[::-1]
            counted = {"waiver": waiver, "holders": named, "units": most}
            yield 20, rng.choice(PEOPLE), "consents", "count", counted

    def views(self) -> Iterator[View]:
        yield from super().views()
        books, token = self.books, self.books._token(self.world)
        yield View("consents", "waiverCount()", (), [len(books.waivers)])
        for payment in (0, 1):
            yield View("consents", "standstillOf(uint256)", (payment,), [books.standstill(payment)])
        for holder in HOLDERS:
            free = token.free_units(holder, self.world.at)
            yield View("consents", "freeUnits(address)", (holder,), [free])
        for (waiver, holder), its in books.consents.items():
            found = [its.units, its.since if its.units else 0, True]
            yield View("consents", "consentOf(uint256,address)", (waiver, holder), found)
