"""A deal in the demonstration's world: its events in order of time, each of which does what everybody would.

The keeper and the people are those of any demonstration (scripts.demo.company), which look at the chain
before every act: a visitor may have paid, fixed or settled already, or have spent what was meant for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from chain.bindings import read
from chain.deploy import local_wallets
from chain.kinds import plan_of
from chain.network import LocalChain, clock
from chain.plan import dates_of
from chain.sender import GasLog
from finance.settlement.acts import Act
from finance.terms import Deal
from finance.terms.schedule import unix
from oracle.relay import send_challenge
from scripts.demo.accidents import NONE, Accidents
from scripts.demo.company import DAY, Company
from scripts.demo.conductor import said_of
from scripts.demo.reporting import HOUR
from scripts.serve.crews import SEED
from scripts.serve.folders import WORLD, deployment_id
from scripts.serve.panel import Panel, PanelFeed
from scripts.serve.plan import Plan
from scripts.serve.reports import Reports

log = logging.getLogger("penstock.serve")
LEAD_DAYS = 7
"""A deal is deployed this long before anything of it, unless told otherwise."""
CHALLENGED_AFTER, RULED_AFTER = 2 * DAY, 5 * DAY
"""From a report that a captured quorum has made up: within the windows of the deals that are lived."""

Urls = Callable[[], Sequence[str]]
"""The nodes that are asked; waits until they run."""


@dataclass
class Scene:
    """Where every deal of the world lives. `data` has a folder for each deployment."""

    chain: LocalChain
    data: Path
    plan: Plan
    panel: Panel
    gas: GasLog = field(default_factory=GasLog)

    @property
    def shared(self) -> Path:
        """Where the addresses of the contracts that all deals share are remembered."""
        return self.data / WORLD / "contracts"


@dataclass(frozen=True)
class Setting:
    """What is special about one deal. `urls`: its nodes, and `captured` those that are asked for a report
    that is made up; `people`: accounts of roles that are not where they usually are; `sold`: part of an issue
    that is subscribed on the first day, the rest on the last; `original`, `shifted_days`: of a moved deal."""

    deal: Deal
    urls: Urls
    accidents: Accidents = NONE
    captured: Urls | None = None
    people: Mapping[str, int] = field(default_factory=dict)
    sold: float = 1.0
    lead_days: int = LEAD_DAYS
    original: Deal | None = None
    shifted_days: int = 0


class Visited(Company):
    """A company among visitors, who may have paused a token or unverified a wallet: a contract that refuses
    what people do of their own accord ends that, and nothing else."""

    def let_be(self, act: Act, error: Exception) -> None:
        log.warning("%s: %s %s: %s", self.deal.id, act.part, act.call, error)


class Story:
    """The life of one deal."""

    def __init__(self, scene: Scene, setting: Setting) -> None:
        self.scene, self.setting, deal = scene, setting, setting.deal
        self.id = deployment_id(deal)
        self.dates = dates_of(plan_of(deal))
        self.life = Visited(scene.chain, deal, scene.gas, self.dates)
        self.reports: dict[str, Reports] = {}
        self.income: list[tuple[int, Act]] = []
        """What somebody outside is still to pay in, and when."""

    @property
    def begins(self) -> int:
        return self.dates[0] - self.setting.lead_days * DAY

    def plan(self) -> None:
        """Plan every event from deployment to the last claim."""
        deal = self.life.deal
        self._at(self.begins, "The deal is deployed", self._deploy)
        titles = {at: title for _, group, dates in said_of(deal, "dates") for at, title in dates(group)}
        for window in filter(None, (part.window for part in deal.parts.values())):
            opens, closes = map(unix, window)
            titles |= {opens: "The offering opens", closes: "The offering closes and is settled"}
            self._at(closes - HOUR, "What is left of the offering is bought", self._buy_rest)
        for date in self.dates:
            self._at(date, titles.get(date, "What falls due is done"), self._due)
        for kpi, feed in self.life.feeds.items():
            title = deal.kpis[kpi].title
            for period, ends in enumerate(feed.period_ends):
                name = f"{title}, period {period + 1}" if len(feed.period_ends) > 1 else title
                self._at(ends + HOUR, f"The nodes report: {name}", partial(self._report, kpi, period))
        for _, group, revenue in said_of(deal, "revenue"):
            self.income += revenue(group, SEED)
        self._at(self.dates[-1] + DAY, "Everybody takes what is theirs", self._wind_up)

    def _at(self, time: int, title: str, act: Callable[[], Any]) -> None:
        self.scene.plan.add(time, self.id, title, act)

    # -- events

    def _deploy(self) -> None:
        scene, setting, life = self.scene, self.setting, self.life
        folder = scene.data / self.id
        folder.mkdir(parents=True, exist_ok=True)
        wallets = local_wallets(life.w3, life.deal, scene.chain.accounts[0])
        for role, account in setting.people.items():
            wallets = wallets.with_person(role, scene.chain.accounts[account])
        record = life.deploy(scene.shared, wallets, setting.original, setting.shifted_days)
        record.save(folder / "deployment.json")
        life.begin()
        for kpi, feed in life.feeds.items():
            panel = tuple(record.wallets.panel[: feed.panel_size])
            id, at = record.feeds[kpi], record.addresses["oracle"]
            judged = PanelFeed(at, id, panel, feed.panel_quorum, folder / kpi)
            scene.panel.add(judged)
            asked = partial(self._asked, kpi)
            self.reports[kpi] = Reports(life.oracle, id, feed, life.relay, judged.folder, asked, scene.panel)
            life.stake(kpi)
        for part, number in setting.accidents.unpaid.items():
            life.past.unpaid_from[part] = life.look().parts[part].dates()[number - 1]
        self._due()

    def _asked(self, kpi: str, period: int) -> Sequence[str]:
        made_up = self.setting.accidents.at(kpi, period) and self.setting.captured
        return (made_up or self.setting.urls)()

    def _due(self) -> None:
        """Every report that should be final is, whoever may buy has, and all that falls due is done."""
        life, late = self.life, self.life.past.late_until
        for reports in self.reports.values():
            reports.await_ends(clock(life.w3))
        for key, units in life.on_sale().items():
            if not life.look().parts[key].sold:
                life.subscribe(key, int(units * self.setting.sold))
        begun = set(late)
        for _ in life.round():
            pass
        for part in late.keys() - begun:
            self._at(late[part], "The margin is restored within the cure period", self._due)

    def _buy_rest(self) -> None:
        """Somebody takes what is left, so that an issue that must be sold whole is."""
        life = self.life
        buyer = life.wallet(life.cast.investors[0])
        left = [life.buying(key, buyer, units) for key, units in life.on_sale().items()]
        list(life.each(left))
        self._due()

    def _report(self, kpi: str, period: int) -> None:
        life = self.life
        self.reports[kpi].bring(
            period
        )  # first: what follows is done once, though a report may take several tries
        while self.income and self.income[0][0] <= clock(life.w3):
            act = life.now(replace(self.income.pop(0)[1], by=life.account(life.cast.offtaker).address))
            if life.look().takes(act):
                life.do(act)
        if self.setting.accidents.at(kpi, period):
            now = clock(life.w3)
            challenge, rule = partial(self._challenge, kpi, period), partial(self._rule, kpi, period)
            self._at(now + CHALLENGED_AFTER, "A citizen challenges the report", challenge)
            self._at(now + RULED_AFTER, "The panel rules; the citizen is paid", rule)

    def _challenge(self, kpi: str, period: int) -> None:
        life, id = self.life, self.life.record.feeds[kpi]
        evidence = read(life.oracle.functions.reportOf(id, period))["evidence"]
        life.approve(life.citizen, life.oracle.address, life.feeds[kpi].challenge_bond)
        send_challenge(life.citizen, life.oracle.address, id, period, evidence)

    def _rule(self, kpi: str, period: int) -> None:
        life = self.life
        self.scene.panel.rule(life.record.feeds[kpi], period)
        withdraw = life.oracle.functions.withdraw(life.currency.address, life.citizen.address)
        life.citizen.send(withdraw, "withdraw challenge credit")

    def _wind_up(self) -> None:
        self._due()
        while list(self.life.each(self.life.look().owing())):
            self._due()
