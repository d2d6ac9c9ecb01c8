"""Random projects: an offering, a treasury with a claim token, and a swap fixed by an oracle; or a swap of
two people. Lived by their contracts and their books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.identity_registry import RegistryBooks
from finance.settlement.kpi_payment import CloseOutRule, PaymentTerms, Side, owed
from finance.settlement.netting import INTEREST_ONE
from finance.settlement.offering import OfferingBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks, PaymentParts
from finance.settlement.sale import SaleTerms
from finance.settlement.treasury import Party, Period
from finance.settlement.treasury_books import TreasuryBooks, TreasuryParts
from finance.settlement.world import CURRENCY, NOBODY, World
from tests.settlement.engine import NOW
from tests.settlement.issues import AGENT, HOLDERS, ISSUER, POLICY, VERIFIER, Choice
from tests.settlement.reported import NO_FEED, Reported, curve_struct, feed_config
from tests.settlement.treasuries import QUARTER, random_swap
from tests.settlement.twins import DAY, Chain, Contract, View, person

PAYER, PAYEE = person("payer"), person("payee")
OPERATOR, LENDER = person("operator"), person("lender")
PEOPLE = [VERIFIER, AGENT, ISSUER, PAYER, PAYEE, OPERATOR, LENDER, *HOLDERS]


def random_payment(rng: Random, periods: int, scale: int, has_treasury: bool) -> PaymentTerms:
    """A swap that begins with the issue; of two people, both with collateral."""
    terms = replace(random_swap(rng, periods, scale), start_by=NOW + 45 * DAY)
    if has_treasury:
        return terms
    mine = rng.choice((0, 20, 70)) * scale
    return replace(terms, required=(terms.required[0], mine), cure_period=rng.choice((1, DAY, 30 * DAY)))


class Project(Reported):
    """`kind`: a project with a swap, one without, or a swap alone."""

    SERVICER = "treasury"

    def __init__(self, chain: Chain, rng: Random, kind: str):
        self.kind, self.is_sold = kind, kind != "swap"
        count, self.scale = rng.randint(1, 7), rng.choice((1, 1, 10 ** rng.randint(1, 18)))
        self.sale = SaleTerms(
            ISSUER, rng.choice((1, 7, 10**6)), 5, rng.choice((8, 13, 40)), NOW + 10 * DAY, NOW + 40 * DAY,
            (ISSUER, AGENT, PAYER, OPERATOR, LENDER), servicer="treasury",
        )  # fmt: skip
        late, most = rng.choice((0, 0, 1, 10 * DAY)), 30
        self.periods = tuple(
            Period(
                NOW + (i + 1) * QUARTER + late,
                rng.randint(0, most) * self.scale,
                rng.randint(0, most) * self.scale,
            )
            for i in range(count)
        )
        settled = rng.choice((count, rng.randint(1, count))) if self.is_sold else rng.randint(2, 8)
        self.swap_terms = random_payment(rng, settled, self.scale, self.is_sold)
        super().__init__(chain, rng, PEOPLE)

    def clones(self, chain: Chain) -> dict[str, Contract]:
        made = {}
        if self.is_sold:
            made["treasury"] = chain.clone("RevenueTreasury")
        if self.kind != "treasury":
            made["swap"] = chain.clone("KpiPayment")
        return made

    def parts(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        parts: dict[str, Any] = {"oracle": FeedBooks()}
        if self.is_sold:
            parts["registry"] = RegistryBooks(frozenset([VERIFIER]))
            parts["offering"] = OfferingBooks(self.sale)
        if self.kind != "treasury":
            payee = addresses["treasury"] if self.is_sold else PAYEE
            known = PaymentParts(PAYER, payee, NO_FEED, None, self.is_sold)
            parts["swap"] = PaymentBooks(self.swap_terms, known)
        if self.is_sold:
            swap = "swap" if "swap" in parts else None
            parts["treasury"] = TreasuryBooks(TreasuryParts(self.periods, OPERATOR, LENDER, swap))
            parts["token"] = TokenBooks(TokenTerms(AGENT, POLICY, servicer="treasury"))
        return parts

    def wire(self, at: Mapping[str, str]) -> None:
        if "swap" in at:
            self._wire_swap(at)
        if self.is_sold:
            periods = [(p.pay_date, p.operating_cost, p.debt_service) for p in self.periods]
            swap = at.get("swap", NOBODY)
            treasury = (at["token"], at[CURRENCY], at["offering"], swap, OPERATOR, LENDER, periods)
            self.send("treasury", "initialize", treasury)

    def _wire_swap(self, at: Mapping[str, str]) -> None:
        terms = self.swap_terms
        ends = [p.end for p in terms.periods]
        feeds = [self.feed(feed_config(at[CURRENCY], at["swap"], ends, (-12, 12), 1))]
        if terms.close_out_rule == CloseOutRule.MODEL_VALUE:
            far, worst = 200 * self.scale, terms.missing_value
            bounds = (worst - far, worst) if terms.data_controller == Side.PAYER else (worst, worst + far)
            valued = [NOW + DAY, *ends[:-1]]
            feeds.append(self.feed(feed_config(at[CURRENCY], at["swap"], valued, bounds, 2)))
        books = self.world.parts["swap"]
        books.parts = replace(books.parts, feed=feeds[0], value_feed=feeds[1] if feeds[1:] else None)
        struct = (
            at[CURRENCY], books.parts.payer, books.parts.payee, at["oracle"], *[*feeds, NO_FEED][:2],
            terms.cure_period, terms.late_rate, int(terms.data_controller), int(terms.close_out_rule),
            terms.limited_recourse, books.parts.payee_starts, terms.start_by,
            terms.missing_payoff, terms.missing_value, list(terms.required),
            [(p.pay_date, p.fixed_amount) for p in terms.periods], curve_struct(terms.curve),
        )  # fmt: skip
        self.send("swap", "initialize", struct)

    def begin(self) -> None:
        """With all collateral in place."""
        if "swap" in self.contracts:
            for side, amount in enumerate(self.swap_terms.required):
                self.do(self.act(PAYER, "swap", "fund", side=Side(side), amount=amount))
        if self.is_sold:
            super().begin()
        else:
            self.do(self.act(PAYER, "swap", "activate"))

    def is_over(self) -> bool:
        if self.is_sold:
            treasury = self.world.parts["treasury"]
            return treasury.state == 2 or (treasury.state == 0 and treasury._has_failed(self.world))
        return self.world.parts["swap"].state(self.world.at) > 3

    def edges(self) -> Iterator[int]:
        yield from super().edges()
        if "swap" in self.contracts:
            swap = self.world.parts["swap"]
            yield self.swap_terms.start_by
            yield from (p.pay_date for p in self.swap_terms.periods)
            yield from (a.deadline for a in swap.ledger.accounts)
            yield from (p.expiry for p in swap.proposals)
        if self.is_sold:
            yield from (p.pay_date for p in self.periods)

    def choices(self) -> Iterator[Choice]:
        yield from super().choices()
        if self.is_sold:
            yield from self._of_the_treasury()
        if "swap" in self.contracts:
            yield from self._of_the_swap()

    def _of_the_swap(self) -> Iterator[Choice]:
        rng, swap, at = self.rng, self.world.parts["swap"], self.world.at
        side = rng.choice(list(Side))
        party, other = swap.party(side), swap.party(Side(1 - side))
        by = party if party in PEOPLE else NOBODY
        lacks = max(0, self.swap_terms.required[side] - swap.ledger.accounts[side].balance)
        debt = owed(self.swap_terms, swap.ledger, side, at)
        some = rng.choice((0, lacks, debt, lacks + debt, rng.randrange(150 * self.scale), 2**104))
        yield self.means, rng.choice((by, NOBODY)), "swap", "fund", {"side": side, "amount": some}
        yield 0.3, rng.choice((by, NOBODY)), "swap", "withdraw", {"side": side}
        yield 0.5, NOBODY, "swap", "activate", {}
        yield 2, NOBODY, "swap", "settle", {}
        yield 1, NOBODY, "swap", "call_margin", {"side": side}
        yield 0.5, NOBODY, "swap", "close_out", {}
        yield 0.1, by, CURRENCY, "transfer", {"to": self.contracts["swap"].address, "value": some}
        amount = rng.choice((0, 1, -1)) * rng.randrange(50 * self.scale) + rng.choice((0, 0, 0, 2**96))
        ends = at + rng.choice((-1, 0, 5 * DAY, 30 * DAY))
        offer = swap.proposals[1 - side]
        yield 0.4, by, "swap", "propose_termination", {"amount": amount, "expiry": ends}
        yield 0.2, by, "swap", "withdraw_termination", {}
        ids = {"id": rng.choice((offer.id, offer.id, offer.id + 1))}
        accepts = 9.0 if offer.expiry in (at, at - 1) else 0.6 if offer.expiry > at else 0.1
        yield accepts, by if other in PEOPLE else NOBODY, "swap", "accept_termination", ids

    def _of_the_treasury(self) -> Iterator[Choice]:
        rng, treasury = self.rng, self.world.parts["treasury"]
        some = rng.choice((0, rng.randrange(30 * self.scale), rng.randrange(200 * self.scale)))
        lines = ("0x" + "74" * 32, NO_FEED)
        yield 0.4, NOBODY, "treasury", "receive_revenue", {"line": rng.choice(lines), "amount": some}
        yield 0.1, NOBODY, CURRENCY, "transfer", {"to": self.contracts["treasury"].address, "value": some}
        yield 2, NOBODY, "treasury", "pay", {}
        yield 0.5, NOBODY, "treasury", "pay_rest", {}
        yield 0.3, NOBODY, "treasury", "withdraw", {"party": rng.choice(list(Party))}
        yield 0.1, NOBODY, "treasury", "activate", {}
        failed = treasury.state == 0 and treasury._has_failed(self.world)
        yield 3 if failed else 0.2, NOBODY, "treasury", "return_money", {}

    # -- views

    def views(self) -> Iterator[View]:
        if self.is_sold:
            yield from super().views()
            yield from treasury_views(self.world, self.world.parts["treasury"])
        if "swap" in self.contracts:
            yield from swap_views(self.world, self.world.parts["swap"])


def swap_views(world: World, swap: PaymentBooks) -> Iterator[View]:
    """All that a swap answers but its terms."""
    key, at = swap.key, world.at
    yield View(key, "state()", (), [swap.state(at)])
    yield View(key, "periodsSettled()", (), [swap.periods_settled])
    yield View(key, "defaultedAt()", (), [swap.defaulted_at(at)])
    for side in Side:
        account, debt = swap.ledger.accounts[side], swap.debt(side, at)
        figures = [
            account.balance,
            account.credit,
            debt.principal,
            debt.interest // INTEREST_ONE,
            account.deadline,
        ]
        offer = swap.proposals[side]
        yield View(key, "accountOf(uint8)", (side,), figures)
        yield View(key, "owed(uint8)", (side,), [swap.owed(side, at)])
        yield View(key, "withdrawable(uint8)", (side,), [swap.withdrawable(side, at)])
        said = [offer.id, offer.periods_settled, offer.expiry, offer.amount % 2**256]
        yield View(key, "proposalOf(uint8)", (side,), said)


def treasury_views(world: World, treasury: TreasuryBooks) -> Iterator[View]:
    """All that a treasury answers but its terms."""
    key, ledger = treasury.key, treasury.ledger
    yield View(key, "state()", (), [treasury.state])
    yield View(key, "periodsPaid()", (), [ledger.periods_paid])
    yield View(key, "available()", (), [treasury.available(world)])
    for party in Party:
        yield View(key, "arrearsOf(uint8)", (party,), [ledger.arrears[party]])
        yield View(key, "creditOf(uint8)", (party,), [ledger.credits[party]])
