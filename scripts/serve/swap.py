"""A swap with a project in the demonstration's world: reports, settlements either way, distributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from chain.bindings import read
from chain.network import reach_time
from finance.settlement.kpi_payment import Side, State
from finance.terms import Deal
from oracle.relay import send_challenge
from scripts.demo.reporting import HOUR
from scripts.demo.swap.cast import DISPUTED, FIRST_MARGIN
from scripts.demo.swap.life import SwapLife
from scripts.demo.swap.world import power_sales
from scripts.serve.crews import SEED
from scripts.serve.folders import deployment_id
from scripts.serve.panel import PanelFeed
from scripts.serve.reports import Reports
from scripts.serve.story import DAY, Scene, Urls, as_they_can

TREASURY_ACTIVE = 1
"""IRevenueTreasury.State."""
LEAD_DAYS = 7
CHALLENGED_AFTER, RULED_AFTER, RESTORED_AFTER = 2 * DAY, 5 * DAY, 4 * DAY
"""From a wrong report to its challenge and its ruling; from a margin call to its restoring. All within the
deal's windows of ten and fifteen days and of ten days."""


@dataclass(frozen=True)
class SwapSetting:
    """What is special about the swap. `captured` are the nodes that are asked in the period whose report a
    captured quorum gets wrong."""

    deal: Deal
    urls: Urls
    captured: Urls


class SwapStory:
    """The life of a swap and of its project's treasury and token."""

    def __init__(self, scene: Scene, setting: SwapSetting) -> None:
        self.scene, self.setting = scene, setting
        self.id = deployment_id(setting.deal)
        self.life = SwapLife(scene.chain, setting.deal, scene.gas)
        project = self.life.terms.project
        assert project is not None
        self.project = project
        self.sales = power_sales(setting.deal, self.life.terms, SEED)
        self.margin_called = False
        self.reports: Reports

    @property
    def begins(self) -> int:
        return self.project.opens - LEAD_DAYS * DAY

    def plan(self) -> None:
        """Plan every event from deployment to the last distribution."""
        self._at(self.begins, "The deal is deployed", self._deploy)
        self._at(self.project.opens, "Collateral is posted; the offering opens and is sold", self._issue)
        payment, feed = self.life.terms.payment, self.life.terms.feed
        for period, ends in enumerate(feed.period_ends):
            name = f"quarter {period + 1}"
            self._at(ends + HOUR, f"The nodes report {name}", partial(self._report, period))
            day = payment.periods[period].pay_date
            self._at(day, f"The swap settles {name}, the treasury pays", partial(self._settle, period))
        self._at(payment.periods[-1].pay_date + DAY, "Everybody takes what is theirs", self._wind_up)

    def _at(self, time: int, title: str, act: Callable[[], Any]) -> None:
        self.scene.plan.add(time, self.id, title, act)

    # -- beginning

    def _deploy(self) -> None:
        life, scene = self.life, self.scene
        folder = scene.data / self.id
        folder.mkdir(parents=True, exist_ok=True)
        record = life.deploy(scene.shared)
        record.save(folder / "deployment.json")
        feed = life.terms.feed
        panel = tuple(record.wallets.panel[: feed.panel_size])
        judged = PanelFeed(record.addresses["oracle"], life.feed, panel, feed.panel_quorum, folder / feed.kpi)
        scene.panel.add(judged)
        self.reports = Reports(
            life.oracle, life.feed, feed, life.relay, judged.folder, self._asked, scene.panel
        )
        life.onboard()

    def _asked(self, period: int) -> Any:
        return (self.setting.captured if period == DISPUTED else self.setting.urls)(period)

    def _issue(self) -> None:
        self.life.post_collateral()
        self.life.sell()
        self.life.aside()

    # -- a quarter

    def _report(self, period: int) -> None:
        life = self.life
        self.reports.bring(period)  # first: what follows is done once, though a report may take several tries
        revenue = self.sales[period]
        if revenue.amount and self._treasury_state() == TREASURY_ACTIVE:
            life.sell_power(revenue.amount)
        if period == DISPUTED:
            now = life.w3.eth.get_block("latest")["timestamp"]
            challenge, rule = partial(self._challenge, period), partial(self._rule, period)
            self._at(now + CHALLENGED_AFTER, "A citizen challenges the report", challenge)
            self._at(now + RULED_AFTER, "The panel rules; the citizen is paid", rule)

    def _challenge(self, period: int) -> None:
        life = self.life
        evidence = read(life.oracle.functions.reportOf(life.feed, period))["evidence"]
        life.approve(life.citizen, life.oracle.address, life.terms.feed.challenge_bond)
        send_challenge(life.citizen, life.oracle.address, life.feed, period, evidence)

    def _rule(self, period: int) -> None:
        life = self.life
        self.scene.panel.rule(life.feed, period)
        withdraw = life.oracle.functions.withdraw(life.currency.address, life.citizen.address)
        life.citizen.send(withdraw, "withdraw challenge credit")

    def _settle(self, period: int) -> None:
        """Settle and pay every quarter up to `period`."""
        life = self.life
        while self._swap_state() == State.ACTIVE and (now := self._settled()) <= period:
            self.reports.await_end(now)
            reach_time(life.w3, life.terms.payment.periods[now].pay_date)
            self._settle_one(now)
        while self._treasury_state() == TREASURY_ACTIVE and (paid := self._paid()) <= period:
            reach_time(life.w3, self.project.periods[paid].pay_date)
            life.pay_waterfall()
            with as_they_can(f"{self.id}: claims and trades"):
                life.habits(paid + 1)

    def _settle_one(self, period: int) -> None:
        """The side that owes pays in before; but once the payer does not, and its margin is called."""
        life = self.life
        amount = life.due(period, self.reports.value(period))
        calls = amount > 0 and not self.margin_called and period >= FIRST_MARGIN
        if amount > 0 and not calls:
            life.pay_in(Side.PAYER, amount)
        life.settle()
        if calls and life.shortfall(Side.PAYER):
            self.margin_called = True
            deadline = life.call_margin(Side.PAYER)
            now = life.w3.eth.get_block("latest")["timestamp"]
            restore = min(now + RESTORED_AFTER, deadline - DAY)
            self._at(restore, "The margin is restored within the cure period", self._restore)

    def _restore(self) -> None:
        if self._swap_state() == State.ACTIVE:
            self.life.make_good(Side.PAYER)

    def _wind_up(self) -> None:
        if self._swap_state() == State.MATURED and self._paid() == len(self.project.periods):
            self.life.wind_up()

    # -- what there is to see

    def _settled(self) -> int:
        return int(read(self.life.payment.functions.periodsSettled()))

    def _paid(self) -> int:
        return int(read(self.life.treasury.functions.periodsPaid()))

    def _swap_state(self) -> int:
        return int(read(self.life.payment.functions.state()))

    def _treasury_state(self) -> int:
        return int(read(self.life.treasury.functions.state()))
