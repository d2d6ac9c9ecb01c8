"""The life of a bond on a local chain: coupons, fixings, redemption."""

from __future__ import annotations

from typing import Any

from web3.contract import Contract
from web3.logs import DISCARD

from chain.bindings import read
from chain.network import LocalChain, reach_time
from chain.sender import GasLog, Sender
from finance.settlement.pro_rata import scale
from finance.settlement.terms import Effect, SettlementTerms, settlement_terms
from finance.terms import Deal
from scripts.demo import cast as people
from scripts.demo.cast import Cast
from scripts.demo.life import Issue, Life, Reading


class BondLife(Life):
    """A deployed bond and everybody around it."""

    bond: Contract

    def __init__(self, chain: LocalChain, deal: Deal, gas: GasLog, cast: Cast = people.BOND) -> None:
        self.terms: SettlementTerms = settlement_terms(deal)
        terms = self.terms
        last = terms.periods[-1].pay_date
        sale = Issue(terms.unit_price, terms.hard_cap, terms.opens, terms.closes, last, terms.allowed_classes)
        super().__init__(chain, deal, gas, cast, sale)

    @property
    def issuer(self) -> Sender:
        return self.sender(self.record.wallets["issuer"])

    def reading(self, fixing: int) -> Reading:
        """The report that fixing number `fixing` (from 0) goes by."""
        rule = self.terms.fixings[fixing]
        feed = self.terms.feeds[rule.feed]
        return Reading(feed, self.record.feeds[feed.kpi], rule.kpi_period)

    # -- issue

    def onboard(self) -> None:
        """Investors; the issuer, who pays the principal back; and who will challenge a report."""
        super().onboard()
        self.mint(self.issuer.address, self.sale.units * self.sale.unit_price)
        if self.terms.feeds:
            self.mint(self.citizen.address, max(feed.challenge_bond for feed in self.terms.feeds))
        self.approve(self.issuer, self.bond.address)

    def aside(self) -> None:
        """Rewards for challenges of every KPI, by the issuer."""
        for feed in self.terms.feeds:
            self.fund_rewards("issuer", feed)

    # -- coupons

    def pay_coupon(self, number: int) -> dict[str, int]:
        """Coupon `number` (from 1) on its date, as `coupon`, and what holders do after it."""
        paid = self.coupon()
        self.habits(number)
        return paid

    def coupon(self) -> dict[str, int]:
        """The next coupon on its date, with what is paid beside it: the issuer funds it, a stranger triggers
        it; the event's arguments."""
        due, amount = read(self.bond.functions.nextPayment())
        reach_time(self.w3, due)
        self.issuer.send(self.bond.functions.fund(amount), "fund bond")
        receipt = self.stranger.send(self.bond.functions.payCoupon(), "pay coupon (bond and token)")
        (paid,) = self.bond.events.CouponPaid().process_receipt(receipt, DISCARD)
        return dict(paid["args"])

    def rate(self, period: int) -> int:
        """Coupon rate of `period` (from 0) with every change that is fixed, 1e18 = 100 % a year."""
        return int(read(self.bond.functions.rateOf(period)))

    # -- end

    def fix(self, number: int) -> dict[str, Any]:
        """Turn the final or missing report of fixing `number` (from 0) into a rate or an amount: the event's
        arguments, and as `outcome` what an amount is for the units in issue (0 for a rate)."""
        rule = self.terms.fixings[number]
        is_amount = rule.effect is Effect.AMOUNT
        label = "fix outcome" if is_amount else "fix coupon step"
        receipt = self.stranger.send(self.bond.functions.fix(number), label)
        (event,) = self.bond.events.KpiFixed().process_receipt(receipt, DISCARD)
        units = read(self.token.functions.totalSupply())
        value = int(event["args"]["value"])
        return {**event["args"], "outcome": scale(value, units, self.terms.hard_cap) if is_amount else 0}

    def redeem(self) -> dict[str, Any]:
        """Principal with the outcome, funded to the last unit, then shared out; the event's arguments."""
        _, amount = read(self.bond.functions.nextPayment())
        self.issuer.send(self.bond.functions.fund(amount), "fund bond")
        receipt = self.stranger.send(self.bond.functions.redeem(), "redeem (bond and token)")
        (event,) = self.bond.events.BondRedeemed().process_receipt(receipt, DISCARD)
        return dict(event["args"])
