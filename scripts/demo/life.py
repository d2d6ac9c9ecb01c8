"""A deal's life on a local chain: everybody around it, and what they do whatever the deal is.

Each step is one method that sends real transactions; scripts.demo.bond and scripts.demo.swap add the steps
of their contracts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from web3.contract import Contract

from chain.bindings import contract, read
from chain.deploy import deploy_on
from chain.errors import ContractError
from chain.network import LocalChain, reach_time
from chain.parts import PARTS
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.records import DeploymentRecord, Wallets
from chain.sender import GasLog, Sender
from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from scripts.demo.cast import CLASS_NAMES, COUNTRY_USA, Cast, Investor, Trade, allot

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


@dataclass(frozen=True)
class Issue:
    """What of a claim is sold: price of a unit in minor units, units, the window and the last payment in unix
    seconds, and the classes of investors that may hold, as bits."""

    unit_price: int
    units: int
    opens: int
    closes: int
    last_payment: int
    allowed_classes: int


class Life:
    """A deployed deal and everybody around it. `cast`: whose account is whose; `issue`: what is sold, if
    anything is."""

    token: Contract
    offering: Contract
    registry: Contract
    oracle: Contract
    currency: Contract
    record: DeploymentRecord

    def __init__(self, chain: LocalChain, deal: Deal, gas: GasLog, cast: Cast, issue: Issue | None) -> None:
        self.chain, self.deal, self.gas, self.cast, self.issue = chain, deal, gas, cast, issue
        self.w3 = chain.w3
        self.money = Money(deal.currency.code, deal.currency.token_decimals)
        self.names = {chain.accounts[i.account]: self._name(i) for i in cast.investors}
        self._senders: dict[str, Sender] = {}
        self.traded: list[tuple[str, str, int]] = []
        """Seller, buyer and units of the trades after the last payment."""

    # -- people

    def investor_class(self, investor: Investor) -> int:
        """The investor's own class; where that may not hold, the highest that may."""
        if self.issue is None:
            return investor.investor_class
        allowed = [c for c in CLASS_NAMES if self.issue.allowed_classes >> c & 1]
        return investor.investor_class if investor.investor_class in allowed else max(allowed)

    def classes(self) -> str:
        """How many of the investors are of which class, in words."""
        names = [CLASS_NAMES[self.investor_class(each)] for each in self.cast.investors]
        return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))

    def _name(self, investor: Investor) -> str:
        """A household that may not hold is a fund here."""
        if self.investor_class(investor) == investor.investor_class:
            return investor.name
        return investor.name.replace("Household", "Fund")

    def sender(self, address: str) -> Sender:
        return self._senders.setdefault(address, Sender(self.w3, address, self.gas))

    def account(self, number: int) -> Sender:
        return self.sender(self.chain.accounts[number])

    def wallet(self, investor: Investor | str) -> str:
        if isinstance(investor, str):
            investor = next(i for i in self.cast.investors if i.name == investor)
        return self.chain.accounts[investor.account]

    @property
    def verifier(self) -> Sender:
        """Who deployed the deal verifies investors and makes test money."""
        return self.sender(self.record.wallets.deployer)

    @property
    def citizen(self) -> Sender:
        return self.account(self.cast.citizen)

    @property
    def relay(self) -> Sender:
        return self.account(self.cast.relay)

    @property
    def stranger(self) -> Sender:
        return self.account(self.cast.stranger)

    # -- beginning

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
        for part in self.record.parts.values():
            setattr(self, part.kind, contract(self.w3, PARTS[part.kind].contract, part.address))
        for name in self.record.shared.keys() - {"factory"}:
            kind = "TestCurrency" if name == "currency" else PARTS[name].contract
            setattr(self, name, contract(self.w3, kind, self.record.shared[name]))
        return self.record

    def mint(self, wallet: str, amount: int) -> None:
        self.verifier.send(self.currency.functions.mint(wallet, amount), "mint test currency")

    def approve(self, owner: Sender, spender: str, amount: int = MAX_UINT) -> None:
        owner.send(self.currency.functions.approve(spender, amount), "approve")

    def balance(self, account: str) -> int:
        return int(read(self.currency.functions.balanceOf(account)))

    def fund_rewards(self, sponsor: str, feed: FeedTerms) -> None:
        """A party puts the rewards for justified challenges of each period of a KPI aside with the oracle."""
        owner, amount = self.sender(self.record.wallets[sponsor]), feed.all_rewards
        if self.balance(owner.address) < amount:
            self.mint(owner.address, amount)
        self.approve(owner, self.oracle.address, amount)
        owner.send(self.oracle.functions.fundRewards(self.record.feeds[feed.kpi], amount), "fund rewards")

    # -- the issue of a claim

    @property
    def sale(self) -> Issue:
        assert self.issue is not None
        return self.issue

    def onboard(self) -> None:
        """Verify all investors in one transaction and give them test money."""
        expiry = self.sale.last_payment + IDENTITY_YEARS * 365 * DAY
        identities = [(expiry, COUNTRY_USA, self.investor_class(i)) for i in self.cast.investors]
        wallets = [self.wallet(i) for i in self.cast.investors]
        self.verifier.send(
            self.registry.functions.setIdentities(wallets, identities), "verify holders (batch)"
        )
        for name, units in allot(self.sale.units).items():
            self.mint(self.wallet(name), units * self.sale.unit_price)

    def refused(self) -> str:
        """What the contract says when an unverified wallet with money tries to subscribe."""
        price = self.sale.unit_price
        self.mint(self.stranger.address, price)
        self.approve(self.stranger, self.offering.address, price)
        try:
            self.stranger.send(self.offering.functions.subscribe(1), "subscribe")
        except ContractError as error:
            return str(error)
        raise RuntimeError("an unverified wallet could subscribe")

    def subscribe(self, allotted: Mapping[str, int] | None = None) -> dict[str, int]:
        """Units by investor against money; all units of the issue unless told otherwise."""
        allotted = allot(self.sale.units) if allotted is None else dict(allotted)
        for name, units in allotted.items():
            buyer = self.sender(self.wallet(name))
            self.approve(buyer, self.offering.address, units * self.sale.unit_price)
            buyer.send(self.offering.functions.subscribe(units), "subscribe (DvP)")
        return allotted

    def settle_offering(self) -> int:
        """Close the offering; the proceeds that reached the issuer."""
        reach_time(self.w3, self.sale.closes)
        issuer = self.record.wallets["issuer"]
        before = self.balance(issuer)
        self.stranger.send(self.offering.functions.settle(), "settle offering")
        return self.balance(issuer) - before

    # -- holders

    def habits(self, payment: int) -> None:
        """Claims and trades between holders after a payment, counted from 1."""
        for investor in self.cast.investors:
            if self.cast.claims_after(investor.name, payment):
                self.claim(self.wallet(investor))
        self.traded = []
        for trade in self.cast.trades_after(payment):
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
            label = "claim" if self.balance(holder) else "first claim"
            self.sender(holder).send(self.token.functions.claim(holder), label)
        return amount

    def everybody_claims(self) -> int:
        return sum(self.claim(self.wallet(investor)) for investor in self.cast.investors)

    # -- end

    def reconcile(self) -> Reconciliation:
        return reconcile(self.w3, self.record, self.deal)
