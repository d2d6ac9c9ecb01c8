"""Deals lived by their books alone: of any kinds, in a world without a chain, to the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from random import Random
from typing import Any

from chain.kinds import plan_of, site_of, world_of
from chain.plan import feed_config, feed_id
from chain.records import DeployedPart, DeploymentRecord, Wallets
from finance.settlement.acts import Act, Flow
from finance.settlement.claim_token import TokenBooks
from finance.settlement.feed_config import FeedConfig
from finance.settlement.feed_report import Status, StoredReport
from finance.settlement.offering_book import OrderBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.sale import SaleBooks
from finance.settlement.world import World
from finance.terms import Deal
from tests.settlement.twins import DAY, person

SHARED = ("currency", "oracle", "registry", "factory")
HOLDERS = [person("ada"), person("ben")]
STRANGER = person("stranger")
LINE = "0x" + "74" * 32
Reports = Mapping[tuple[str, int], int | None]
"""By KPI and period; None where nobody reports."""


def world_for(deal: Deal) -> World:
    """The books of a deal as it is deployed, at addresses made up."""
    plan = plan_of(deal)
    roles, _ = plan.asked()
    terms = [feed.terms for feed in plan.feeds]
    wallets = Wallets.model_validate(
        {
            "deployer": person("deployer"),
            "nodes": sorted(person(f"node {n}") for n in range(max((t.nodes for t in terms), default=0))),
            "panel": sorted(
                person(f"judge {n}") for n in range(max((t.panel_size for t in terms), default=0))
            ),
            **{role: person(role) for role in roles},
        }
    )
    parts = {
        part.key: DeployedPart(kind=part.kind, address=person(f"part {n}"), implementation=person("code"))
        for n, part in enumerate(plan.parts)
    }
    record: Any = DeploymentRecord.model_construct(
        terms_hash=deal.terms_hash,
        parts=parts,
        shared={name: person(name) for name in SHARED},
        feeds={},
        gifts={},
        rewards={},
        wallets=wallets,
    )
    for feed in plan.feeds:
        record.feeds[feed.terms.kpi] = feed_id(feed_config(feed, site_of(record, plan.seats), wallets))
    return world_of(record, deal)


class Kept:
    """A life in which all but the `faithless` keep their word, everybody takes what is theirs, and whoever
    may buy buys `bought` of a thousand. The KPIs are reported as `reports` say, as soon as can be. `revenue`
    comes in at each date where a part takes any. Whoever owes may choose among what only it may do, as often
    as `whim` says, and for the same `whim` alike, whatever is reported."""

    bought = 1000

    def __init__(
        self,
        deal: Deal,
        reports: Reports,
        faithless: Collection[str] = (),
        revenue: int = 0,
        whim: float = 0.0,
    ) -> None:
        self.deal, self.world, self.faithless = deal, world_for(deal), set(faithless)
        self.revenue, self.whim = revenue, whim
        self.flows: list[tuple[int, Flow]] = []
        self.done: Counter[tuple[str, str]] = Counter()
        self.oracle = self.world.books("oracle", FeedBooks)
        self.feeds = {kpi: id for id, config in self.oracle.feeds.items() for kpi in [kpi_of(config)]}
        for (kpi, period), value in reports.items():
            if value is not None:
                self._report(self.feeds[kpi], period, value)

    def _report(self, feed: str, period: int, value: int) -> None:
        config = self.oracle.feeds[feed]
        final = config.period_end(period) + DAY + config.dispute_window
        told = StoredReport(
            value, final_at=final, version=1, signers=2**config.quorum - 1, stored=Status.PENDING
        )
        self.oracle.reports[feed, period] = told

    @property
    def dates(self) -> list[int]:
        found = sorted({date for books in self.world.parts.values() for date in books.dates()})
        return [*found, found[-1] + 400 * DAY]  # by then what was called is cured, or in default

    def live(self) -> Kept:
        for date in self.dates:
            self.reach(date)
        return self

    def reach(self, date: int) -> None:
        """All that is to be done at a date."""
        self.world.at, self.world.block = date, self.world.block + 1
        for act in [*self._bought(), *self._earned(), *self._chosen()]:
            self.do(act)
        for _ in range(500):
            acts = self.next()
            if not acts:
                return
            self.do(acts[0])
        raise AssertionError(f"there is no end to {acts}")

    def next(self) -> list[Act]:
        world = self.world
        return world.due() or self._promised() or world.owing()

    def _promised(self) -> list[Act]:
        return [act for act in self.world.promised() if act.by not in self.faithless]

    def _bought(self) -> Iterator[Act]:
        for key, books in self.world.parts.items():
            if not isinstance(books, SaleBooks) or books.sold or books.terms.opens != self.world.at:
                continue
            most = books.terms.hard_cap * self.bought // 1000
            for holder, units in zip(HOLDERS, (most // 3, most - most // 3), strict=True):
                if units and isinstance(books, OrderBooks):
                    yield from self._ordered(holder, books, units)
                elif units:
                    yield Act(holder, key, "subscribe", {"units": units}, 0)

    def _ordered(self, holder: str, books: OrderBooks, units: int) -> Iterator[Act]:
        """As many units, the first holder's at the most there is and the other's at half that, and as many
        again at the least."""
        level = (books.ladder.levels - 1) // (1 if holder == HOLDERS[0] else 2)
        for price in (books.price_at(level), books.price):
            if units >= books.ladder.minimum:
                yield Act(holder, books.key, "order", {"units": units, "price": price}, 0)

    def _earned(self) -> Iterator[Act]:
        for key in self.world.parts:
            earned = {"line": LINE, "amount": self.revenue}
            act = Act(STRANGER, key, "receive_revenue", earned, *self._now)
            if self.revenue and self.world.takes(act):
                yield act

    def _chosen(self) -> Iterator[Act]:
        """Of each part one act that its issuer alone may do, with arguments of which there are few."""
        for key, books in self.world.parts.items():
            for name, call in books.ACTS.items():
                few = books.few(name)
                rng = Random(f"{self.whim} {self.world.at} {key} {name}")
                if call.who != "issuer" or not few or rng.random() >= self.whim:
                    continue
                who = next(iter(books.roles(self.world)[call.who]))
                arguments = {argument: rng.choice([*values]) for argument, values in few.items() if values}
                act = Act(who, key, name, arguments, *self._now)
                if arguments.keys() == call.arguments.keys() and self.world.takes(act):
                    yield act

    def do(self, act: Act) -> None:
        act = Act(act.by or STRANGER, act.part, act.call, act.arguments, *self._now)
        done = self.world.do(act)
        self.done[self.world.kind(act.part), act.call] += 1
        self.flows += [(self.world.at, flow) for flow in done.flows]

    @property
    def _now(self) -> tuple[int, int]:
        return self.world.at, self.world.block

    # -- what came of it

    @property
    def dust(self) -> int:
        """The most that rounding keeps back: less than a minor unit of each unit, payment by payment."""
        return self.units * len(self.dates)

    @property
    def units(self) -> int:
        """Of all claims, in issue."""
        return sum(each.supply for each in self.world.parts.values() if isinstance(each, TokenBooks))

    @property
    def own(self) -> set[str]:
        """The addresses of the deal's parts."""
        return set(self.world.addresses.values())


def kpi_of(config: FeedConfig) -> str:
    return bytes.fromhex(config.kpi[2:]).rstrip(b"\0").decode()


def periods_of(deal: Deal) -> dict[tuple[str, int], tuple[int, int]]:
    """Least and greatest value that the oracle takes, by KPI and period."""
    return {
        (feed.terms.kpi, period): (feed.terms.min_value, feed.terms.max_value)
        for feed in plan_of(deal).feeds
        for period in range(len(feed.terms.period_ends))
    }
