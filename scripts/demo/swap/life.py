"""The life of a KPI payment on a local chain, step by step; each step sends real transactions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from web3.contract import Contract
from web3.logs import DISCARD

from chain.bindings import contract, read
from chain.deploy import deploy_on
from chain.network import LocalChain, reach_time
from chain.records import DeploymentRecord, Wallets
from chain.sender import GasLog, Sender
from finance.settlement.kpi_payment import Side, amount_of
from finance.settlement.swap_terms import SwapTerms, swap_terms
from finance.terms import Deal
from scripts.demo.cast import COUNTRY_USA, Investor, Trade
from scripts.demo.life import DAY, IDENTITY_YEARS, MAX_UINT, Money
from scripts.demo.swap.cast import (
    CITIZEN,
    INVESTORS,
    OFFTAKER,
    RELAY,
    STRANGER,
    allot,
    claims_now,
    trades_after,
)

LINE = "0x" + b"power sales".ljust(32, b"\0").hex()
"""The treasury's line for what the plant sells."""


class SwapLife:
    """A deployed swap deal and everybody around it."""

    def __init__(self, chain: LocalChain, deal: Deal, gas: GasLog) -> None:
        self.chain, self.deal, self.gas = chain, deal, gas
        self.w3 = chain.w3
        self.terms: SwapTerms = swap_terms(deal)
        self.money = Money(deal.currency.code, self.terms.currency_decimals)
        self.names = {chain.accounts[i.account]: i.name for i in INVESTORS}
        self._senders: dict[str, Sender] = {}
        self.record: DeploymentRecord

    # -- people

    def sender(self, address: str) -> Sender:
        return self._senders.setdefault(address, Sender(self.w3, address, self.gas))

    def account(self, number: int) -> Sender:
        return self.sender(self.chain.accounts[number])

    def wallet(self, investor: Investor | str) -> str:
        if isinstance(investor, str):
            investor = next(i for i in INVESTORS if i.name == investor)
        return self.chain.accounts[investor.account]

    @property
    def citizen(self) -> Sender:
        return self.account(CITIZEN)

    @property
    def relay(self) -> Sender:
        return self.account(RELAY)

    @property
    def stranger(self) -> Sender:
        return self.account(STRANGER)

    @property
    def has_project(self) -> bool:
        return self.terms.project is not None

    def party(self, side: Side) -> str:
        if side is Side.PAYEE and self.has_project:
            return self.record.addresses["treasury"]
        return self.record.wallets[side.name.lower()]

    def at(self, name: str, address: str) -> Contract:
        return contract(self.w3, name, address)

    def balance(self, account: str) -> int:
        return int(read(self.currency.functions.balanceOf(account)))

    # -- beginning

    def deploy(self, folder: Path | None = None, wallets: Wallets | None = None) -> DeploymentRecord:
        """Shared contracts, then the deal in one transaction; raises if the chain differs from the file.

        Deals with the same `folder` share their contracts.
        """
        self.record = deploy_on(self.chain, self.deal, self.gas, folder, wallets)
        at = self.record.addresses
        self.swap = self.at("KpiPayment", at["swap"])
        self.oracle = self.at("KpiOracle", at["oracle"])
        self.currency = self.at("TestCurrency", at["currency"])
        self.feed = self.record.feeds[self.terms.feed.kpi]
        if self.has_project:
            self.treasury = self.at("RevenueTreasury", at["treasury"])
            self.token = self.at("SecurityToken", at["token"])
            self.offering = self.at("Offering", at["offering"])
            self.registry = self.at("IdentityRegistry", at["registry"])
        return self.record

    def mint(self, wallet: str, amount: int) -> None:
        self.account(0).send(self.currency.functions.mint(wallet, amount), "mint test currency")

    def approve(self, owner: Sender, spender: str, amount: int = MAX_UINT) -> None:
        owner.send(self.currency.functions.approve(spender, amount), "approve")

    def fund_rewards(self) -> None:
        """Money for whoever challenges rightly, of every period, put aside with the oracle by a party."""
        amount = self.terms.feed.all_rewards
        owner = self.sender(self.record.wallets["payer"])
        self.mint(owner.address, amount)
        self.approve(owner, self.record.addresses["oracle"], amount)
        owner.send(self.oracle.functions.fundRewards(self.feed, amount), "fund rewards")
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
            self.stranger.send(self.swap.functions.activate(), "begin swap")

    # -- issue of a project's claim token

    def onboard(self) -> None:
        """Verify all investors in one transaction and give everybody test money."""
        project = self.terms.project
        assert project is not None
        expiry = project.periods[-1].pay_date + IDENTITY_YEARS * 365 * DAY
        identities = [(expiry, COUNTRY_USA, i.investor_class) for i in INVESTORS]
        wallets = [self.wallet(i) for i in INVESTORS]
        call = self.registry.functions.setIdentities(wallets, identities)
        self.account(0).send(call, "verify holders (batch)")
        for name, units in allot(project.hard_cap).items():
            self.mint(self.wallet(name), units * project.unit_price)

    def issue(self) -> dict[str, int]:
        """All units against money, then the offering is settled and the treasury begins; units by name."""
        project = self.terms.project
        assert project is not None
        reach_time(self.w3, project.opens)
        allotted = allot(project.hard_cap)
        for name, units in allotted.items():
            buyer = self.sender(self.wallet(name))
            self.approve(buyer, self.offering.address, units * project.unit_price)
            buyer.send(self.offering.functions.subscribe(units), "subscribe (DvP)")
        reach_time(self.w3, project.closes)
        self.stranger.send(self.offering.functions.settle(), "settle offering")
        self.approve(self.account(OFFTAKER), self.treasury.address)
        return allotted

    # -- one period

    def sell_power(self, amount: int) -> None:
        """The off-taker pays the project for the period's power."""
        buyer = self.account(OFFTAKER)
        self.mint(buyer.address, amount)
        buyer.send(self.treasury.functions.receiveRevenue(LINE, amount), "receive revenue")

    def due(self, period: int, kpi: int | None) -> int:
        """The signed amount that the period's report makes due; positive, the payer pays."""
        return amount_of(self.terms.payment, period, kpi)

    def pay_in(self, side: Side, amount: int) -> None:
        """A party brings money to the swap for itself."""
        owner = self.sender(self.party(side))
        self.mint(owner.address, amount)
        self.approve(owner, self.swap.address, amount)
        owner.send(self.swap.functions.fund(side, amount), "fund swap")

    def settle(self) -> int:
        """Anyone settles the next period; its signed amount."""
        receipt = self.stranger.send(self.swap.functions.settle(), "settle swap")
        (event,) = self.swap.events.PeriodSettled().process_receipt(receipt, errors=DISCARD)
        return int(event["args"]["amount"])

    def shortfall(self, side: Side) -> int:
        """What a side lacks of its collateral, and owes."""
        account = read(self.swap.functions.accountOf(side))
        lacks = max(0, self.terms.payment.required[side] - account["balance"])
        return int(lacks + account["principal"] + account["interest"])

    def owed(self, side: Side) -> int:
        """What a side owes and has not paid, with interest to now."""
        return int(self.swap.functions.owed(side).call())

    def call_margin(self, side: Side) -> int:
        """A stranger calls; until when the side can make it good, unix seconds."""
        receipt = self.stranger.send(self.swap.functions.callMargin(side), "call margin")
        (event,) = self.swap.events.MarginCalled().process_receipt(receipt, errors=DISCARD)
        return int(event["args"]["deadline"])

    def take(self, side: Side) -> int:
        """A party takes its credit and what it holds above the requirement."""
        can: int = read(self.swap.functions.withdrawable(side))
        if can:
            self.sender(self.party(side)).send(self.swap.functions.withdraw(side), "withdraw from swap")
        return can

    def pay_waterfall(self) -> Mapping[str, Any]:
        """Anyone has the treasury spend what it holds; the event's arguments."""
        receipt = self.stranger.send(self.treasury.functions.pay(), "pay waterfall (treasury and token)")
        (event,) = self.treasury.events.PeriodPaid().process_receipt(receipt, errors=DISCARD)
        return dict(event["args"])

    def habits(self, period: int) -> None:
        """Claims and trades between holders after a distribution."""
        for investor in INVESTORS:
            if claims_now(investor.name, period):
                self.claim(self.wallet(investor))
        for trade in trades_after(period):
            self.trade(trade)

    def trade(self, trade: Trade) -> None:
        seller, buyer = self.wallet(trade.seller), self.wallet(trade.buyer)
        units = min(trade.units, read(self.token.functions.balanceOf(seller)))
        if not units:
            return
        label = "transfer" if read(self.token.functions.balanceOf(buyer)) else "transfer to a new holder"
        self.sender(seller).send(self.token.functions.transfer(buyer, units), label)

    def claim(self, holder: str) -> int:
        amount: int = read(self.token.functions.claimable(holder))
        if amount:
            label = "claim" if self.balance(holder) else "first claim"
            self.sender(holder).send(self.token.functions.claim(holder), label)
        return amount

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
            for investor in INVESTORS:
                self.claim(self.wallet(investor))
