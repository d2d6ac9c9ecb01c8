"""The life of a bond on a local chain, step by step: issue, coupons, fixing, redemption, reconciliation.

Each step is one method that sends real transactions; the order is that of scripts.demo.story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web3.contract import Contract
from web3.logs import DISCARD

from chain.bindings import contract, read
from chain.deploy import deploy_on
from chain.errors import ContractError
from chain.network import LocalChain, reach_time
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.records import DeploymentRecord, Wallets
from chain.sender import GasLog, Sender
from finance.settlement.pro_rata import scale
from finance.settlement.terms import Effect, FeedTerms, SettlementTerms, settlement_terms
from finance.terms import Deal
from scripts.demo.cast import CLAIM_HABITS, CLASS_NAMES, COUNTRY_USA, Cast, Investor, Trade, allot

DAY = 86_400
IDENTITY_YEARS = 40
MAX_UINT = 2**256 - 1


@dataclass(frozen=True)
class Money:
    """Amounts of the settlement currency in words."""

    code: str
    decimals: int

    def words(self, minor: int) -> str:
        """12345678 -> `USD 12.35`; a negative amount with its sign."""
        whole = abs(minor) / 10**self.decimals
        return f"{'-' if minor < 0 else ''}{self.code} {whole:,.2f}"


@dataclass(frozen=True)
class Reading:
    """One report that the bond goes by: `period` (from 0) of the feed with the id `id`."""

    feed: FeedTerms
    id: str
    period: int

    @property
    def ends(self) -> int:
        """When the measurement is over, in unix seconds."""
        return self.feed.period_ends[self.period]


class Life:
    """A deployed deal and everybody around it. `cast`: whose account is whose."""

    def __init__(self, chain: LocalChain, deal: Deal, gas: GasLog, cast: Cast | None = None) -> None:
        self.chain, self.deal, self.gas = chain, deal, gas
        self.cast = cast or Cast()
        self.w3 = chain.w3
        self.terms: SettlementTerms = settlement_terms(deal)
        self.money = Money(deal.currency.code, self.terms.currency_decimals)
        self.names = {chain.accounts[i.account]: self._name(i) for i in self.cast.investors}
        self._senders: dict[str, Sender] = {}
        self.record: DeploymentRecord
        self.traded: list[tuple[str, str, int]] = []
        """Seller, buyer and units of the trades after the last coupon."""

    # -- people

    def investor_class(self, investor: Investor) -> int:
        """The investor's own class; where that may not hold, the highest that may."""
        allowed = [c for c in CLASS_NAMES if self.terms.allowed_classes >> c & 1]
        return investor.investor_class if investor.investor_class in allowed else max(allowed)

    def _name(self, investor: Investor) -> str:
        """A household that may not hold is a fund here."""
        if self.investor_class(investor) == investor.investor_class:
            return investor.name
        return investor.name.replace("Household", "Fund")

    def sender(self, address: str) -> Sender:
        return self._senders.setdefault(address, Sender(self.w3, address, self.gas))

    def wallet(self, investor: Investor | str) -> str:
        if isinstance(investor, str):
            investor = next(i for i in self.cast.investors if i.name == investor)
        return self.chain.accounts[investor.account]

    @property
    def issuer(self) -> Sender:
        return self.sender(self.record.wallets["issuer"])

    @property
    def citizen(self) -> Sender:
        return self.sender(self.chain.accounts[self.cast.citizen])

    @property
    def relay(self) -> Sender:
        return self.sender(self.chain.accounts[self.cast.relay])

    @property
    def stranger(self) -> Sender:
        return self.sender(self.chain.accounts[self.cast.stranger])

    def reading(self, fixing: int) -> Reading:
        """The report that fixing number `fixing` (from 0) goes by."""
        rule = self.terms.fixings[fixing]
        feed = self.terms.feeds[rule.feed]
        return Reading(feed, self.record.feeds[feed.kpi], rule.kpi_period)

    def at(self, name: str, address: str) -> Contract:
        return contract(self.w3, name, address)

    # -- issue

    def deploy(
        self,
        folder: Path | None = None,
        wallets: Wallets | None = None,
        original: Deal | None = None,
        shifted_days: int = 0,
    ) -> DeploymentRecord:
        """Shared contracts, then the deal in one transaction; raises if the chain differs from the file.

        Deals with the same `folder` share their contracts. `original` and `shifted_days`: of a moved deal.
        """
        self.record = deploy_on(
            self.chain, self.deal, self.gas, folder, wallets, shifted_from=original, shifted_days=shifted_days
        )
        at = self.record.addresses
        self.token = self.at("SecurityToken", at["token"])
        self.bond = self.at("KpiBond", at["bond"])
        self.offering = self.at("Offering", at["offering"])
        self.oracle = self.at("KpiOracle", at["oracle"])
        self.currency = self.at("TestCurrency", at["currency"])
        self.registry = self.at("IdentityRegistry", at["registry"])
        return self.record

    def onboard(self) -> None:
        """Verify all investors in one transaction and give everybody test money."""
        expiry = self.terms.periods[-1].pay_date + IDENTITY_YEARS * 365 * DAY
        identities = [(expiry, COUNTRY_USA, self.investor_class(i)) for i in self.cast.investors]
        wallets = [self.wallet(i) for i in self.cast.investors]
        verifier = self.sender(self.record.wallets.deployer)
        verifier.send(self.registry.functions.setIdentities(wallets, identities), "verify holders (batch)")
        issue = self.terms.hard_cap * self.terms.unit_price
        purses = [(self.record.wallets["issuer"], issue)]
        if self.terms.feeds:
            purses.append((self.citizen.address, max(f.challenge_bond for f in self.terms.feeds)))
        purses += [(self.wallet(n), u * self.terms.unit_price) for n, u in allot(self.terms.hard_cap).items()]
        for wallet, amount in purses:
            verifier.send(self.currency.functions.mint(wallet, amount), "mint test currency")
        self.issuer.send(self.currency.functions.approve(self.record.addresses["bond"], MAX_UINT), "approve")

    def open_offering(self) -> None:
        reach_time(self.w3, self.terms.opens)

    def refused(self) -> str:
        """What the contract says when an unverified wallet with money tries to subscribe."""
        price = self.terms.unit_price
        self.stranger.send(self.currency.functions.mint(self.stranger.address, price), "mint test currency")
        approve = self.currency.functions.approve(self.record.addresses["offering"], price)
        self.stranger.send(approve, "approve")
        try:
            self.stranger.send(self.offering.functions.subscribe(1), "subscribe")
        except ContractError as error:
            return str(error)
        raise RuntimeError("an unverified wallet could subscribe")

    def subscribe(self, allotted: Mapping[str, int] | None = None) -> dict[str, int]:
        """Units by investor against money; all units of the issue unless told otherwise."""
        allotted = allot(self.terms.hard_cap) if allotted is None else dict(allotted)
        for name, units in allotted.items():
            buyer = self.sender(self.wallet(name))
            cost = units * self.terms.unit_price
            buyer.send(self.currency.functions.approve(self.record.addresses["offering"], cost), "approve")
            buyer.send(self.offering.functions.subscribe(units), "subscribe (DvP)")
        return allotted

    def settle_offering(self) -> int:
        """Close the offering; the proceeds that reached the issuer."""
        reach_time(self.w3, self.terms.closes)
        before = self.balance(self.record.wallets["issuer"])
        self.stranger.send(self.offering.functions.settle(), "settle offering")
        return self.balance(self.record.wallets["issuer"]) - before

    def fund_rewards(self) -> None:
        """The issuer puts the rewards for a justified challenge of each period of each KPI aside with the
        oracle."""
        for feed in self.terms.feeds:
            amount, at = feed.all_rewards, self.record.addresses["oracle"]
            self.issuer.send(self.currency.functions.approve(at, amount), "approve")
            fund = self.oracle.functions.fundRewards(self.record.feeds[feed.kpi], amount)
            self.issuer.send(fund, "fund rewards")

    # -- coupons and trades

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

    def habits(self, number: int) -> None:
        """Claims and trades between holders after coupon `number` (from 1)."""
        for investor in self.cast.investors:
            if number % CLAIM_HABITS.get(investor.name, 1) == 0:
                self.claim(self.wallet(investor))
        self.traded = []
        for trade in self.cast.trades:
            if trade.after_coupon == number:
                self.trade(trade)

    def trade(self, trade: Trade) -> None:
        seller, buyer = self.wallet(trade.seller), self.wallet(trade.buyer)
        units = min(trade.units, read(self.token.functions.balanceOf(seller)))
        if not units:
            return
        label = "transfer" if read(self.token.functions.balanceOf(buyer)) else "transfer to a new holder"
        self.sender(seller).send(self.token.functions.transfer(buyer, units), label)
        self.traded.append((self.names[seller], self.names[buyer], units))

    def claim(self, holder: str) -> int:
        amount: int = read(self.token.functions.claimable(holder))
        if amount:
            label = "claim" if read(self.currency.functions.balanceOf(holder)) else "first claim"
            self.sender(holder).send(self.token.functions.claim(holder), label)
        return amount

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

    def everybody_claims(self) -> int:
        return sum(self.claim(self.wallet(investor)) for investor in self.cast.investors)

    def reconcile(self) -> Reconciliation:
        return reconcile(self.w3, self.record, self.deal)

    def balance(self, account: str) -> int:
        return int(read(self.currency.functions.balanceOf(account)))
