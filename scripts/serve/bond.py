"""A bond in the demonstration's world: its events in order of time, each of which does what everybody would.

Every act looks at the chain first: a visitor may have paid, fixed or settled already, or have spent what was
meant for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from chain.bindings import read
from chain.deploy import local_wallets
from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from scripts.demo.bond import BondLife
from scripts.demo.cast import allot
from scripts.demo.life import Reading
from scripts.demo.reporting import HOUR
from scripts.serve.cast import PEOPLE
from scripts.serve.folders import deployment_id
from scripts.serve.panel import PanelFeed
from scripts.serve.reports import Reports
from scripts.serve.story import DAY, Scene, Urls, as_they_can

OPEN, SUCCEEDED, FAILED = 1, 2, 3
"""IOffering.State."""
ACTIVE = 1
"""IKpiBond.State."""
LEAD_DAYS = 7
"""A deal is deployed this long before its offering opens, unless told otherwise."""


@dataclass(frozen=True)
class BondSetting:
    """What is special about one bond. `issuer`: its account; `sold`: part of the issue that is subscribed on
    the first day, the rest on the last; `original`, `shifted_days`: of a moved deal; `urls`: the nodes of its
    one KPI."""

    deal: Deal
    issuer: int
    urls: Urls
    sold: float = 1.0
    lead_days: int = LEAD_DAYS
    original: Deal | None = None
    shifted_days: int = 0


class BondStory:
    """The life of one bond."""

    def __init__(self, scene: Scene, setting: BondSetting) -> None:
        self.scene, self.setting = scene, setting
        self.id = deployment_id(setting.deal)
        self.life = BondLife(scene.chain, setting.deal, scene.gas, PEOPLE)
        self.reports: dict[str, Reports] = {}

    @property
    def begins(self) -> int:
        return self.life.terms.opens - self.setting.lead_days * DAY

    def plan(self) -> None:
        """Plan every event from deployment to redemption."""
        terms = self.life.terms
        self._at(self.begins, "The deal is deployed", self._deploy)
        self._at(terms.opens, "The offering opens", self._open)
        self._at(terms.closes - HOUR, "The offering closes and is settled", self._close)
        for number, period in enumerate(terms.periods, start=1):
            last = number == len(terms.periods)
            title = f"Coupon {number} is paid" + (", and the bond is redeemed" if last else "")
            self._at(period.pay_date, title, partial(self._pay, number))

    def _at(self, time: int, title: str, act: Callable[[], Any]) -> None:
        self.scene.plan.add(time, self.id, title, act)

    # -- issue

    def _deploy(self) -> None:
        scene, setting, life = self.scene, self.setting, self.life
        folder = scene.data / self.id
        folder.mkdir(parents=True, exist_ok=True)
        wallets = local_wallets(life.w3, life.deal, scene.chain.accounts[0])
        wallets = wallets.with_person("issuer", scene.chain.accounts[setting.issuer])
        record = life.deploy(scene.shared, wallets, setting.original, setting.shifted_days)
        record.save(folder / "deployment.json")
        for feed in life.terms.feeds:
            self._feed(feed)
        life.onboard()

    def _feed(self, feed: FeedTerms) -> None:
        """What the chain tells of a feed, and the events of its reports that the bond goes by."""
        life, scene = self.life, self.scene
        judged = PanelFeed(
            life.record.addresses["oracle"],
            life.record.feeds[feed.kpi],
            tuple(life.record.wallets.panel[: feed.panel_size]),
            feed.panel_quorum,
            scene.data / self.id / feed.kpi,
        )
        scene.panel.add(judged)
        urls = self.setting.urls
        reports = Reports(life.oracle, judged.id, feed, life.relay, judged.folder, urls, scene.panel)
        self.reports[feed.kpi] = reports
        title = life.deal.kpis[feed.kpi].title
        for period in sorted({r.period for r in self._readings() if r.feed.kpi == feed.kpi}):
            name = f"{title}, period {period + 1}" if len(feed.period_ends) > 1 else title
            bring, fix = partial(reports.bring, period), partial(self._fix, feed.kpi, period)
            self._at(reports.time_of(period), f"The nodes report: {name}", bring)
            self._at(reports.final_time(period), f"The report is final: {name}", fix)

    def _readings(self) -> list[Reading]:
        return [self.life.reading(number) for number in range(len(self.life.terms.fixings))]

    def _open(self) -> None:
        units = int(self.life.terms.hard_cap * self.setting.sold)
        with as_they_can(f"{self.id}: subscriptions"):
            self.life.subscribe(allot(units))

    def _close(self) -> None:
        """Others take what is left, so that an issue that must be sold whole is, and the issuer is paid."""
        life = self.life
        if self._offering() == OPEN:
            left = life.terms.hard_cap - read(life.offering.functions.sold())
            buyer = life.wallet(life.cast.investors[0])
            self._top_up(buyer, left * life.terms.unit_price)
            life.subscribe({life.cast.investors[0].name: left})
        if self._offering() == SUCCEEDED:
            life.stranger.send(life.offering.functions.settle(), "settle offering")
            life.aside()

    def _offering(self) -> int:
        return int(read(self.life.offering.functions.state()))

    # -- payments

    def _fix(self, kpi: str, period: int) -> None:
        """See a report through to its end and turn it into what it decides."""
        life = self.life
        self.reports[kpi].await_end(period)
        for number in range(len(life.terms.fixings)):
            reading = life.reading(number)
            if (reading.feed.kpi, reading.period) == (kpi, period):
                self._fix_one(number)

    def _fix_one(self, number: int) -> None:
        made, _ = read(self.life.bond.functions.fixingOf(number))
        if self._active and not made:
            self.life.fix(number)

    def _fix_for(self, payment: int) -> None:
        for number in self.life.terms.bending(payment):
            reading = self.life.reading(number)
            self.reports[reading.feed.kpi].await_end(reading.period)
            self._fix_one(number)

    def _pay(self, number: int) -> None:
        """Every coupon up to `number`, and after the last one the redemption and everybody's claims."""
        life, count = self.life, len(self.life.terms.periods)
        while self._active and (paid := read(life.bond.functions.couponsPaid())) < number:
            self._fix_for(paid)
            self._top_up_issuer()
            life.coupon()
            with as_they_can(f"{self.id}: claims and trades"):
                life.habits(paid + 1)
        if self._active and number == count:
            self._fix_for(count)
            self._top_up_issuer()
            life.redeem()
            with as_they_can(f"{self.id}: claims"):
                life.everybody_claims()

    @property
    def _active(self) -> bool:
        return bool(read(self.life.bond.functions.state()) == ACTIVE)

    def _top_up_issuer(self) -> None:
        _, amount = read(self.life.bond.functions.nextPayment())
        self._top_up(self.life.issuer.address, amount)

    def _top_up(self, wallet: str, needed: int) -> None:
        """Test money for somebody who has less than is needed."""
        life = self.life
        lacks = needed - life.balance(wallet)
        if lacks > 0:
            life.mint(wallet, lacks)
