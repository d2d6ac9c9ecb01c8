"""Random bonds, from the offering to the end, late payments and defaults included. Lived by their contracts
and their books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from chain.terms import ZERO_ADDRESS
from finance.settlement import SettlementError
from finance.settlement.accrual import interest
from finance.settlement.bond import outstanding
from finance.settlement.bond_books import BondBooks, BondParts
from finance.settlement.bond_life import LATE_ONE, State
from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.identity_registry import RegistryBooks
from finance.settlement.offering import OfferingBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum
from finance.settlement.sale import SaleTerms
from finance.settlement.terms import (
    CallPrice,
    CouponPeriod,
    Effect,
    Fixing,
    SettlementTerms,
    settlement_terms,
)
from finance.settlement.world import CURRENCY, NOBODY, World
from finance.terms import load_deal
from tests.settlement.engine import NOW
from tests.settlement.issues import AGENT, HOLDERS, ISSUER, POLICY, VERIFIER, Choice
from tests.settlement.reported import Reported, curve_struct, feed_config
from tests.settlement.treasuries import QUARTER
from tests.settlement.twins import DAY, Chain, Contract, View

DEAL = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"
GRACE, CURE = 10 * DAY, 40 * DAY
PEOPLE = [VERIFIER, AGENT, ISSUER, *HOLDERS]


@cache
def _template() -> SettlementTerms:
    return settlement_terms(load_deal(DEAL))


def random_bond(rng: Random) -> SettlementTerms:
    """Few minor units, so that every rounding shows; repayments, rates by the terms, overlapping steps,
    amounts; each fixing by a report of its own, of one of two feeds, on what is measured before or after the
    payment it bends."""
    count, units = rng.randint(1, 5), rng.randint(5, 30)
    back = [rng.randint(0, 3_000) for _ in range(count - 1)] + [rng.randint(1, 90_000)]
    issuer, rate, fixings = rng.random() < 0.5, rng.randrange(10**17), []
    periods = tuple(
        CouponPeriod(
            NOW + i * QUARTER, NOW + (i + 1) * QUARTER, rng.randint(80, 95), 360, part,
            rng.choice((0, rng.randint(-rate // 20, 5 * 10**16))),
        )
        for i, part in enumerate(back)
    )  # fmt: skip
    ends: tuple[list[int], list[int]] = [], []
    for number in range(rng.randint(0, 6)):
        first, effect = rng.randrange(count), rng.choice(list(Effect))
        last = rng.randrange(first, count) if effect is Effect.RATE else first
        if effect is Effect.RATE:
            points = [(-9, -rng.randint(0, rate // 5)), (9, rng.randint(0, 10**17))]
        else:
            taken = rng.randint(0, max(0, back[-1] * units // 5 - units)) if first + 1 == count else 0
            points = [(-9, -taken), (9, rng.randint(0, 5_000))]
        if rng.random() < 0.5:
            points = [(x, points[1 - i][1]) for i, (x, _) in enumerate(points)]
        curve = Curve.of(rng.choice(list(Shape)), points)
        missing, feed = (maximum if issuer else minimum)(curve), rng.randrange(2)
        if issuer and effect is Effect.AMOUNT:  # silence may cost more than any report
            missing += rng.choice((0, rng.randrange(500)))
        # Also just before and after the grace of the payment before.
        days = rng.choice((rng.randint(-60, 40), rng.choice((-1, 0, 10)) - rng.choice((0, 81, 86, 91))))
        end = NOW + (first + 1) * QUARTER + days * DAY + number  # no two are the same
        fixings.append(Fixing(feed, end, effect, first, last, curve, missing))
        ends[feed].append(end)
    ordered = [tuple(sorted(each)) or (NOW,) for each in ends]
    template = _template()
    return replace(
        template,
        unit_principal=sum(back),
        hard_cap=units,
        rate=rate,
        late_rate=8 * 10**17 + rng.randrange(10**17),
        periods=periods,
        grace_seconds=GRACE,
        cure_seconds=CURE,
        data_controller="issuer" if issuer else "holders",
        feeds=tuple(replace(template.feeds[0], period_ends=each) for each in ordered),
        fixings=tuple(replace(f, kpi_period=ordered[f.feed].index(f.kpi_period)) for f in fixings),
    )


def with_calls(terms: SettlementTerms, rng: Random) -> SettlementTerms:
    """The same, one time in two with calls from one or two pay dates on, where premiums can cover what KPIs
    may add later: often by just as much."""
    last, needed = len(terms.periods) - 1, premiums_needed(terms)
    if not last or max(needed) > 10**19 or rng.random() < 0.5:
        return terms
    starts = sorted(rng.sample(range(last), min(last, rng.choice((1, 2)))))
    calls: list[CallPrice] = []
    for first, until in reversed(list(zip(starts, [*starts[1:], last], strict=True))):
        least = max([*needed[first:until], *(call.premium for call in calls)])
        calls.insert(0, CallPrice(first, least + rng.choice((0, rng.randrange(10**17)))))
    return replace(terms, calls=tuple(calls), notice_seconds=rng.choice((1, rng.randint(1, 60) * DAY)))


def premiums_needed(terms: SettlementTerms) -> list[int]:
    """The least premium of a call on each pay date before the last, by what KPIs may add to a unit later:
    each part rounded up, 1e18 = 100 %."""
    most = []
    for index, period in enumerate(terms.periods):
        bent = [f for f in terms.fixings if f.first <= index <= f.last]
        rate = sum(max(maximum(f.curve), f.missing) for f in bent if f.effect is Effect.RATE)
        best = [max(maximum(f.curve), f.missing) for f in bent if f.effect is Effect.AMOUNT]
        more = sum(amount // terms.hard_cap + 1 for amount in best if amount > 0)
        if rate > 0:
            more += interest(outstanding(terms, index), rate, period.numerator, period.denominator) + 1
        most.append(more)
    return [
        -(-sum(most[index + 1 :]) * 10**18 // outstanding(terms, index)) for index in range(len(most) - 1)
    ]


class Bond(Reported):
    """A bond; the issuer serves it well, or badly."""

    SERVICER = "bond"

    def __init__(self, chain: Chain, rng: Random):
        self.is_sold, self.terms = True, with_calls(random_bond(rng), rng)
        # How much more often than others the issuer pays in while the bond is active, and in default.
        self.diligence = rng.choice((4, 4, 1, 0.02, 0.02)), rng.choice((4, 0.02))
        self.sale = SaleTerms(
            ISSUER, rng.choice((1, 7, 10**6)), rng.randint(1, 5), self.terms.hard_cap,
            NOW + 10 * DAY, NOW + 40 * DAY, (ISSUER, AGENT),
        )  # fmt: skip
        super().__init__(chain, rng, PEOPLE)

    @property
    def books(self) -> BondBooks:
        return self.world.books("bond", BondBooks)

    def clones(self, chain: Chain) -> dict[str, Contract]:
        return {"bond": chain.clone("KpiBond")}

    def parts(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        return {
            "oracle": FeedBooks(),
            "registry": RegistryBooks(frozenset([VERIFIER])),
            "offering": OfferingBooks(self.sale),
            "bond": BondBooks.offered(self.terms, BondParts(ISSUER, ())),
            "token": TokenBooks(TokenTerms(AGENT, POLICY)),
        }

    def wire(self, at: Mapping[str, str]) -> None:
        terms = self.terms
        feeds = tuple(
            self.feed(feed_config(at[CURRENCY], at["bond"], each.period_ends, (-12, 12), number))
            for number, each in enumerate(terms.feeds)
        )
        self.books.parts = replace(self.books.parts, feeds=feeds)
        struct = (
            at["token"], at[CURRENCY], ISSUER, at["offering"], at["oracle"], terms.grace_seconds,
            terms.cure_seconds, ("issuer", "holders").index(terms.data_controller), terms.unit_principal,
            terms.hard_cap, terms.rate, terms.late_rate,
            [(p.pay_date, p.numerator, p.denominator, p.repayment, p.step) for p in terms.periods],
            [
                (feeds[f.feed], f.kpi_period, f.effect, f.first, f.last, f.missing, curve_struct(f.curve))
                for f in terms.fixings
            ],
            terms.notice_seconds,
            [(call.first, call.premium) for call in terms.calls], ZERO_ADDRESS,
        )  # fmt: skip
        self.send("bond", "initialize", struct)

    def is_over(self) -> bool:
        failed = self.world.parts["offering"].state(self.world.at) == 3
        return failed or self.books.life.state == State.REDEEMED

    def edges(self) -> Iterator[int]:
        life = self.books.life
        yield from super().edges()
        for index in range(life.coupons_paid, life.total + 1):
            payment = life.payments(index, index + 1)[0]
            yield from (payment.since, payment.since + GRACE, payment.since + self.rng.randint(1, 9) * DAY)
        yield life.defaulted_at + CURE
        yield from self._notices()
        yield life.booked_to + DAY * self.rng.randint(1, 9)

    def choices(self) -> Iterator[Choice]:
        rng, to = self.rng, self.contracts["bond"].address
        yield from super().choices()
        lacks = self._lacking()
        some = rng.choice((0, lacks, lacks, max(0, lacks - 1), rng.randrange(20_000)))
        known = {State.ACTIVE: self.diligence[0], State.DEFAULTED: self.diligence[1]}
        means = self.means * known.get(self.books.life.state, 1)
        yield means, ISSUER, "bond", "fund", {"amount": some}
        yield 0.2 * means, NOBODY, CURRENCY, "transfer", {"to": to, "value": some}
        yield 1, NOBODY, "bond", "fix", {"fixing": rng.randrange(len(self.terms.fixings) + 1)}
        period = {"period": rng.randrange(len(self.terms.periods) + 1)}
        yield 0.4, ISSUER, "bond", "announce_call", period
        last = (index for date, index in self._notices().items() if date == self.world.at)
        yield from ((9, ISSUER, "bond", "announce_call", {"period": index}) for index in last)
        yield 0.1, NOBODY, "bond", "announce_call", period
        calls = ("pay_coupon", "redeem", "declare_default", "cure", "accelerate", "recover", "return_surplus")
        yield from ((0.5, NOBODY, "bond", call, {}) for call in (*calls, "activate"))

    def _notices(self) -> dict[int, int]:
        """The last moment for each call, and its period."""
        life = self.books.life
        return {life.date_of(index) - life.terms.notice_seconds: index for index in life.terms.callable()}

    def _lacking(self) -> int:
        """What the bond lacks for all that is due, or for the next payment."""
        life, at = self.books.life, self.world.at
        held = self.world.held("bond")
        if life.state == State.ACCELERATED:
            due, late = life.interest_owed + life.principal_owed, life.late_owed(at) // LATE_ONE
        else:
            end = max(life.overdue(at), min(life.coupons_paid, life.total) + 1)
            due, late = life._sums(life.payments(life.coupons_paid, end), at)
        return max(0, due + late + life.carried - held)

    def views(self) -> Iterator[View]:
        yield from super().views()
        yield from bond_views(self.world, self.books)


def bond_views(world: World, books: BondBooks) -> Iterator[View]:
    """All that a bond answers but its terms."""
    key, life = books.key, books.life
    yield View(key, "state()", (), [life.state])
    yield View(key, "couponsPaid()", (), [life.coupons_paid])
    yield View(key, "periodCount()", (), [life.total])
    yield View(key, "principal()", (), [books.principal()])
    yield View(key, "owedAfterAcceleration()", (), books.owed_after_acceleration(world.at))
    for number in range(len(books.terms.fixings)):
        made = number in life.values
        yield View(key, "fixingOf(uint256)", (number,), [made, life.values.get(number, 0) % 2**256])
    with suppress(SettlementError):  # it waits for a fixing, and the contract refuses to tell
        yield View(key, "nextPayment()", (), books.next_payment(world.at))
