"""Random projects: an offering, a treasury with a claim token, and a swap fixed by an oracle; or a swap of
two people. Lived by their contracts and their books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from finance.settlement.acts import Act
from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.feed_report import NOTHING, Status
from finance.settlement.identity_registry import RegistryBooks
from finance.settlement.kpi_payment import CloseOutRule, PaymentTerms, Side, owed
from finance.settlement.netting import INTEREST_ONE
from finance.settlement.offering import OfferingBooks, OfferingTerms
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks, PaymentParts
from finance.settlement.payoff_curve import Curve
from finance.settlement.treasury import Party, Period
from finance.settlement.treasury_books import TreasuryBooks, TreasuryParts
from finance.settlement.world import CURRENCY, NOBODY, World
from tests.settlement.engine import NOW
from tests.settlement.issues import (
    AGENT,
    HOLDERS,
    ISSUER,
    POLICY,
    VERIFIER,
    Choice,
    Issue,
    anchors,
    offering_struct,
)
from tests.settlement.signing import OBSERVATION, Key, digest, domain
from tests.settlement.treasuries import QUARTER, random_swap
from tests.settlement.twins import DAY, Chain, Contract, Twins, View, approve, currency, person, rich
from tests.settlement.twins import DEPLOYER as SPONSOR

PAYER, PAYEE = person("payer"), person("payee")
OPERATOR, LENDER = person("operator"), person("lender")
PEOPLE = [VERIFIER, AGENT, ISSUER, PAYER, PAYEE, OPERATOR, LENDER, *HOLDERS]
NODES = sorted((Key(n) for n in range(0xA0DE, 0xA0DE + 3)), key=lambda key: int(key.address, 16))
PANEL = [person("panel")]
NO_FEED = "0x" + "00" * 32
REPORTING, LATE, DISPUTE = 20 * DAY, 5 * DAY, 2 * DAY


def feed_config(
    money: str, consumer: str, ends: Sequence[int], bounds: tuple[int, int], kpi: int
) -> dict[str, Any]:
    """IKpiOracle.FeedConfig of three nodes that report within some weeks."""
    return {
        "deal": NO_FEED, "kpi": "0x" + kpi.to_bytes(32, "big").hex(), "methodHash": NO_FEED,
        "minValue": bounds[0], "maxValue": bounds[1], "maxSpread": 2**100,
        "reportingWindow": REPORTING, "lateWindow": LATE, "disputeWindow": DISPUTE, "rulingWindow": DAY,
        "quorum": 3, "panelQuorum": 1, "decimals": 0, "bondCurrency": money,
        "challengeBond": 1, "challengeReward": 0, "sponsor": SPONSOR, "periodEnds": list(ends),
        "signers": [key.address for key in NODES], "panel": PANEL, "consumers": [consumer],
    }  # fmt: skip


def curve_struct(curve: Curve) -> tuple[int, list[tuple[int, int]]]:
    """PayoffCurve.Curve"""
    return int(curve.shape), [(knot.x, knot.y) for knot in curve.knots]


def random_payment(rng: Random, periods: int, scale: int, has_treasury: bool) -> PaymentTerms:
    """A swap that begins with the issue; of two people, both with collateral."""
    terms = replace(random_swap(rng, periods, scale), start_by=NOW + 45 * DAY)
    if has_treasury:
        return terms
    mine = rng.choice((0, 20, 70)) * scale
    return replace(terms, required=(terms.required[0], mine), cure_period=rng.choice((1, DAY, 30 * DAY)))


class Project(Issue):
    """`kind`: a project with a swap, one without, or a swap alone."""

    HASTE = 0.6

    def __init__(self, chain: Chain, rng: Random, kind: str):
        self.rng, self.kind, self.is_sold, self.is_late = rng, kind, kind != "swap", False
        chain.move(NOW, 1)
        count, self.scale = rng.randint(1, 7), rng.choice((1, 1, 10 ** rng.randint(1, 18)))
        self.sale = OfferingTerms(
            ISSUER, rng.choice((1, 7, 10**6)), 5, rng.choice((8, 13, 40)), NOW + 10 * DAY, NOW + 40 * DAY,
            (ISSUER, AGENT, PAYER, OPERATOR, LENDER), servicer="treasury",
        )  # fmt: skip
        late = rng.choice((0, 0, 1, 10 * DAY))
        self.periods = tuple(
            Period(
                NOW + (i + 1) * QUARTER + late,
                rng.randint(0, 30) * self.scale,
                rng.randint(0, 30) * self.scale,
            )
            for i in range(count)
        )
        settled = rng.choice((count, rng.randint(1, count))) if self.is_sold else rng.randint(2, 8)
        self.swap_terms = random_payment(rng, settled, self.scale, self.is_sold)
        self.answers = [rng.random() < 0.85 for _ in range(99)]  # whether nodes report the period
        self.means = rng.choice((0.1, 0.5, 2))  # how often somebody pays in
        self.keeping = rng.choice((0.5, 2, 5))  # how often what is due is done
        self._asked: tuple[World | None, int, list[Act]] = None, 0, []
        contracts = self._clone(chain)
        addresses = {key: each.address for key, each in contracts.items()}
        world = World(self._parts(addresses), addresses, NOW, 1, defaultdict(int, rich(PEOPLE)))
        Twins.__init__(self, chain, world, contracts, PEOPLE)
        self.domain = domain(addresses["oracle"])
        self._initialize()
        if self.is_sold:
            self.verify(0.9)
        if rng.random() < 0.8:
            self.begin()

    # -- made by hand, as the factory makes it

    def _clone(self, chain: Chain) -> dict[str, Contract]:
        money = currency(chain, PEOPLE)
        made = {CURRENCY: money, "oracle": chain.deploy("KpiOracle")}
        if self.is_sold:
            registry = chain.deploy("IdentityRegistry", VERIFIER)
            made["registry"] = registry
            made["token"] = chain.clone(
                "SecurityToken", anchors(registry.address, POLICY, money.address, AGENT)
            )
            made["offering"] = chain.clone("Offering")
            made["treasury"] = chain.clone("RevenueTreasury")
        if self.kind != "treasury":
            made["swap"] = chain.clone("KpiPayment")
        return made

    def _parts(self, addresses: dict[str, str]) -> dict[str, Any]:
        parts: dict[str, Any] = {"oracle": FeedBooks()}
        if self.is_sold:
            parts["registry"] = RegistryBooks(frozenset([VERIFIER]))
            parts["offering"] = OfferingBooks(self.sale)
        if self.kind != "treasury":
            payee = addresses["treasury"] if self.is_sold else PAYEE
            self.payment_parts = PaymentParts(PAYER, payee, NO_FEED, None, self.is_sold)
            parts["swap"] = PaymentBooks(self.swap_terms, self.payment_parts)
        if self.is_sold:
            swap = "swap" if "swap" in parts else None
            parts["treasury"] = TreasuryBooks(TreasuryParts(self.periods, OPERATOR, LENDER, swap))
            parts["token"] = TokenBooks(TokenTerms(AGENT, POLICY, servicer="treasury"))
        return parts

    def _initialize(self) -> None:
        at = {key: each.address for key, each in self.contracts.items()}
        if "swap" in at:
            self._begin_swap(at)
        if self.is_sold:
            self._send("token", "initialize", "Project", "PRJ", at["offering"], at["treasury"])
            self._send(
                "offering",
                "initialize",
                offering_struct(self.sale, at["token"], at["treasury"], at[CURRENCY]),
            )
            periods = [(p.pay_date, p.operating_cost, p.debt_service) for p in self.periods]
            swap = at.get("swap", NOBODY)
            treasury = (at["token"], at[CURRENCY], at["offering"], swap, OPERATOR, LENDER, periods)
            self._send("treasury", "initialize", treasury)
            approve(self.chain, self.contracts["token"], HOLDERS, PEOPLE)
        approve(self.chain, self.contracts[CURRENCY], PEOPLE, at.values())

    def _begin_swap(self, at: dict[str, str]) -> None:
        terms, parts = self.swap_terms, self.payment_parts
        ends = [p.end for p in terms.periods]
        feeds = [self._feed(feed_config(at[CURRENCY], at["swap"], ends, (-12, 12), 1))]
        if terms.close_out_rule == CloseOutRule.MODEL_VALUE:
            far, worst = 200 * self.scale, terms.missing_value
            bounds = (worst - far, worst) if terms.data_controller == Side.PAYER else (worst, worst + far)
            valued = [NOW + DAY, *ends[:-1]]
            feeds.append(self._feed(feed_config(at[CURRENCY], at["swap"], valued, bounds, 2)))
        books = self.world.parts["swap"]
        books.parts = replace(parts, feed=feeds[0], value_feed=feeds[1] if len(feeds) > 1 else None)
        struct = (
            at[CURRENCY], parts.payer, parts.payee, at["oracle"], *[*feeds, NO_FEED][:2],
            terms.cure_period, terms.late_rate, int(terms.data_controller), int(terms.close_out_rule),
            terms.limited_recourse, parts.payee_starts, terms.start_by,
            terms.missing_payoff, terms.missing_value, list(terms.required),
            [(p.pay_date, p.fixed_amount) for p in terms.periods],
            curve_struct(terms.curve),
        )  # fmt: skip
        self._send("swap", "initialize", struct)

    def _feed(self, config: dict[str, Any]) -> str:
        done = self.do(self.act(AGENT, "oracle", "create_feed", config=config))
        assert done is not None
        return str(done.result)

    def _send(self, key: str, function: str, *arguments: Any) -> None:
        self.chain.send(AGENT, self.contracts[key], function, *arguments)

    def begin(self) -> None:
        """As it should: the issue is sold, collateral is there, all begins."""
        if self.is_sold:
            self.world.at, self.world.block = self.sale.opens, self.world.block + 1
            for holder in self.rng.choices(HOLDERS, k=4):
                self.do(self.act(holder, "offering", "subscribe", units=self.rng.randint(2, 9)))
            self.world.at, self.world.block = self.sale.closes, self.world.block + 1
        if "swap" in self.contracts:
            for side, amount in enumerate(self.swap_terms.required):
                self.do(self.act(PAYER, "swap", "fund", side=Side(side), amount=amount))
        part, call = ("offering", "settle") if self.is_sold else ("swap", "activate")
        self.do(self.act(PAYER, part, call))

    def is_over(self) -> bool:
        if self.is_sold:
            treasury = self.world.parts["treasury"]
            return treasury.state == 2 or (treasury.state == 0 and treasury._has_failed(self.world))
        return self.world.parts["swap"].state(self.world.at) > 3

    # -- time

    def edges(self) -> Iterator[int]:
        oracle = self.world.parts["oracle"]
        for feed, config in oracle.feeds.items():
            for period, end in enumerate(config.period_ends):
                yield from (end, end + REPORTING, end + REPORTING + LATE + 1)
                yield oracle.reports.get((feed, period), NOTHING).final_at
        if "swap" in self.contracts:
            swap = self.world.parts["swap"]
            yield self.swap_terms.start_by
            yield from (p.pay_date for p in self.swap_terms.periods)
            yield from (a.deadline for a in swap.ledger.accounts)
            yield from (p.expiry for p in swap.proposals)
        if self.is_sold:
            yield from super().edges()
            yield from (p.pay_date for p in self.periods)

    # -- random acts

    def choices(self) -> Iterator[Choice]:
        if self.is_sold:
            yield from self._of_the_sale()
            yield from self._of_the_treasury()
            if self.rng.random() < 0.15:
                yield from self._of_the_token()
            if self.rng.random() < 0.03:
                yield from self._of_the_registry()
                yield from self._of_the_agent()
        if "swap" in self.contracts:
            yield from self._of_the_swap()
            yield from self._of_the_nodes()
        for act in self._due():
            yield self.keeping, NOBODY, act.part, act.call, dict(act.arguments)

    def _due(self) -> list[Act]:
        """What is due, asked once for each state of the world."""
        world, at, due = self._asked
        if world is not self.world or at != self.world.at:
            due = self.world.due()
            self._asked = self.world, self.world.at, due
        return due

    def _of_the_nodes(self) -> Iterator[Choice]:
        oracle, at = self.world.parts["oracle"], self.world.at
        for number, (feed, config) in enumerate(oracle.feeds.items()):
            for period, end in enumerate(config.period_ends):
                known = oracle.reports.get((feed, period), NOTHING).stored != Status.NONE
                if known or not end <= at <= end + REPORTING or not self.answers[period + 9 * number]:
                    continue
                value = self.rng.randint(config.min_value, config.max_value)
                said = {"value": value, "observedAt": at, "evidence": NO_FEED}
                signed = digest(self.domain, OBSERVATION, feed, period, 1, value, at, NO_FEED)
                seen = [{**said, "signer": i, **key.sign(signed)} for i, key in enumerate(NODES)]
                report = {"feed": feed, "period": period, "version": 1, "observations": seen}
                yield 6, NOBODY, "oracle", "submit", report

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
        yield (
            0.6 if offer.expiry >= at else 0.1,
            by if other in PEOPLE else NOBODY,
            "swap",
            "accept_termination",
            ids,
        )

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
