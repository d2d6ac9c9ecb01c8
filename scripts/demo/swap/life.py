"""The life of a KPI payment on a local chain, and of the project that it serves, if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from web3.contract import Contract
from web3.logs import DISCARD

from chain.bindings import read
from chain.network import LocalChain, reach_time
from chain.sender import GasLog
from finance.settlement.kpi_payment import Side, amount_of
from finance.settlement.swap_terms import SwapTerms, swap_terms
from finance.terms import Deal
from scripts.demo import cast as people
from scripts.demo.cast import Cast
from scripts.demo.life import Issue, Life, Reading

LINE = "0x" + b"power sales".ljust(32, b"\0").hex()
"""The treasury's line for what the plant sells."""


class SwapLife(Life):
    """A deployed KPI payment and everybody around it."""

    payment: Contract
    treasury: Contract

    def __init__(self, chain: LocalChain, deal: Deal, gas: GasLog, cast: Cast = people.QUARTERS) -> None:
        self.terms: SwapTerms = swap_terms(deal)
        project, sale = self.terms.project, None
        if project is not None:
            last = project.periods[-1].pay_date
            sale = Issue(
                project.unit_price,
                project.hard_cap,
                project.opens,
                project.closes,
                last,
                project.allowed_classes,
            )
        super().__init__(chain, deal, gas, cast, sale)

    @property
    def has_project(self) -> bool:
        return self.terms.project is not None

    @property
    def feed(self) -> str:
        """The id of the KPI's feed."""
        return self.record.feeds[self.terms.feed.kpi]

    def reading(self, period: int) -> Reading:
        """The report that a period (from 0) goes by."""
        return Reading(self.terms.feed, self.feed, period)

    def party(self, side: Side) -> str:
        if side is Side.PAYEE and self.has_project:
            return str(self.treasury.address)
        return self.record.wallets[side.name.lower()]

    # -- beginning

    def aside(self) -> None:
        """Rewards for challenges, by the payer; and who will challenge a report has the stake."""
        self.fund_rewards("payer", self.terms.feed)
        self.mint(self.citizen.address, self.terms.feed.challenge_bond)

    def post_collateral(self) -> dict[Side, int]:
        """Each side posts what the deal requires; a treasury has none to post."""
        posted = {}
        for side in Side:
            amount = self.terms.payment.required[side]
            if amount:
                self.pay_in(side, amount)
                posted[side] = amount
        return posted

    def begin(self) -> None:
        """A swap without a project begins; a treasury begins its own."""
        if not self.has_project:
            self.stranger.send(self.payment.functions.activate(), "begin swap")

    def sell(self) -> dict[str, int]:
        """All units against money, then the offering is settled and the treasury begins; units by name."""
        reach_time(self.w3, self.sale.opens)
        allotted = self.subscribe()
        self.settle_offering()
        self.approve(self.account(self.cast.offtaker), self.treasury.address)
        return allotted

    # -- one period

    def sell_power(self, amount: int) -> None:
        """The off-taker pays the project for the period's power."""
        buyer = self.account(self.cast.offtaker)
        self.mint(buyer.address, amount)
        buyer.send(self.treasury.functions.receiveRevenue(LINE, amount), "receive revenue")

    def due(self, period: int, kpi: int | None) -> int:
        """The signed amount that the period's report makes due; positive, the payer pays."""
        return amount_of(self.terms.payment, period, kpi)

    def pay_in(self, side: Side, amount: int) -> None:
        """A party brings money to the swap for itself."""
        owner = self.sender(self.party(side))
        self.mint(owner.address, amount)
        self.approve(owner, self.payment.address, amount)
        owner.send(self.payment.functions.fund(side, amount), "fund swap")

    def settle(self) -> int:
        """Anyone settles the next period; its signed amount."""
        receipt = self.stranger.send(self.payment.functions.settle(), "settle swap")
        (event,) = self.payment.events.PeriodSettled().process_receipt(receipt, errors=DISCARD)
        return int(event["args"]["amount"])

    def shortfall(self, side: Side) -> int:
        """What a side lacks of its collateral, and owes."""
        account = read(self.payment.functions.accountOf(side))
        lacks = max(0, self.terms.payment.required[side] - account["balance"])
        return int(lacks + account["principal"] + account["interest"])

    def make_good(self, side: Side) -> None:
        """A side pays what it lacks; late interest runs meanwhile, so what has come due by then as well."""
        while lacks := self.shortfall(side):
            self.pay_in(side, lacks)

    def owed(self, side: Side) -> int:
        """What a side owes and has not paid, with interest to now."""
        return int(self.payment.functions.owed(side).call())

    def call_margin(self, side: Side) -> int:
        """A stranger calls; until when the side can make it good, unix seconds."""
        receipt = self.stranger.send(self.payment.functions.callMargin(side), "call margin")
        (event,) = self.payment.events.MarginCalled().process_receipt(receipt, errors=DISCARD)
        return int(event["args"]["deadline"])

    def take(self, side: Side) -> int:
        """A party takes its credit and what it holds above the requirement."""
        can: int = read(self.payment.functions.withdrawable(side))
        if can:
            self.sender(self.party(side)).send(self.payment.functions.withdraw(side), "withdraw from swap")
        return can

    def pay_waterfall(self) -> Mapping[str, Any]:
        """Anyone has the treasury spend what it holds; the event's arguments."""
        receipt = self.stranger.send(self.treasury.functions.pay(), "pay waterfall (treasury and token)")
        (event,) = self.treasury.events.PeriodPaid().process_receipt(receipt, errors=DISCARD)
        return dict(event["args"])

    # -- end

    def wind_up(self) -> None:
        """Everybody takes what is theirs: parties of the swap, operator, lender, holders."""
        if self.has_project:
            self.stranger.send(self.treasury.functions.payRest(), "pay rest")
        for side in Side:
            if not (side is Side.PAYEE and self.has_project):
                self.take(side)
        if self.has_project:
            for party in (0, 1):
                if read(self.treasury.functions.creditOf(party)):
                    self.stranger.send(self.treasury.functions.withdraw(party), "withdraw from treasury")
            self.everybody_claims()
