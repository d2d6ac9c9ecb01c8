"""The acts of a swap deal's life, by named senders: for demonstrations, tests and notebooks.

Names are those of the record's wallets (deployer, payer, payee or issuer, operator, lender, agent) and any
others that are given, such as investors. Money is in minor units, times are unix seconds. Every act waits
for its receipt and raises ContractError with the contract's own reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract.contract import ContractFunction, ContractFunctions
from web3.types import TxReceipt

from chain.bindings import contract, read
from chain.errors import RecordError
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.records import DeploymentRecord
from chain.sender import GasLog, Sender
from chain.swap.ledger import PARTIES, SIDES, SwapLedger
from chain.terms import short_string


class SwapActs:
    """A deployed swap deal. `people` adds senders by name: addresses that the node has unlocked, or keys."""

    def __init__(
        self,
        w3: Web3,
        record: DeploymentRecord,
        people: Mapping[str, str | LocalAccount] | None = None,
        gas: GasLog | None = None,
    ) -> None:
        self.w3, self.record = w3, record
        self.gas = gas if gas is not None else GasLog()
        known: dict[str, str | LocalAccount] = {"deployer": record.wallets.deployer, **record.wallets.people}
        self.senders = {name: Sender(w3, who, self.gas) for name, who in {**known, **(people or {})}.items()}
        at = record.addresses
        self.swap = self._own("KpiPayment", "payment")
        self.oracle = contract(w3, "KpiOracle", at["oracle"]).functions
        self.currency = contract(w3, "TestCurrency", at["currency"]).functions

    # -- contracts of a project

    @property
    def treasury(self) -> ContractFunctions:
        """The project's treasury."""
        return self._own("RevenueTreasury", "treasury")

    @property
    def token(self) -> ContractFunctions:
        """The project's claim token."""
        return self._own("SecurityToken", "token")

    @property
    def offering(self) -> ContractFunctions:
        """The offering of the claim token."""
        return self._own("Offering", "offering")

    @property
    def registry(self) -> ContractFunctions:
        """Who may hold the claim token."""
        return contract(self.w3, "IdentityRegistry", self._place("registry")).functions

    def _own(self, name: str, kind: str) -> ContractFunctions:
        return contract(self.w3, name, self._place(kind)).functions

    def _place(self, kind: str) -> str:
        """Where a part of a kind, or a shared contract of that name, is."""
        address = self.record.shared.get(kind) or self.record.place_of(kind)
        if address is None:
            raise RecordError(f"{self.record.deal}: has no {kind}: it is a swap between two parties")
        return address

    # -- people and money

    def address(self, name: str) -> str:
        """Of a sender, or `name` itself if it is an address; raises KeyError for a name that nobody has."""
        return name if name.startswith("0x") else self.senders[name].address

    def send(self, by: str, function: ContractFunction, operation: str | None = None) -> TxReceipt:
        """Send any call of the deal's contracts."""
        return self.senders[by].send(function, operation)

    def mint(self, name: str, amount: int) -> TxReceipt:
        """Give somebody test money; only where the currency is a TestCurrency."""
        return self.send("deployer", self.currency.mint(self.address(name), amount), "mint test currency")

    def approve(self, name: str, spender: str, amount: int) -> TxReceipt:
        """Let a contract of the deal, by the kind of its part, take money."""
        return self.send(name, self.currency.approve(self._place(spender), amount))

    def balance(self, name: str) -> int:
        """Somebody's currency."""
        return int(read(self.currency.balanceOf(self.address(name))))

    # -- the swap

    def activate(self, by: str = "deployer") -> TxReceipt:
        """Begin a swap between two parties, once both have posted."""
        return self.send(by, self.swap.activate())

    def fund(self, side: str, amount: int, by: str | None = None) -> TxReceipt:
        """Pay in for `side` (payer or payee); `by` is the side itself unless named."""
        who = by or side
        self.approve(who, "payment", amount)
        return self.send(who, self.swap.fund(SIDES.index(side), amount))

    def settle(self, by: str = "deployer") -> TxReceipt:
        """Settle the next period."""
        return self.send(by, self.swap.settle(), "settle swap")

    def withdraw(self, side: str, by: str | None = None) -> TxReceipt:
        """Pay out what a side can have; called by itself unless `by` is named."""
        return self.send(by or side, self.swap.withdraw(SIDES.index(side)), "withdraw from swap")

    def call_margin(self, side: str, by: str) -> TxReceipt:
        """Call a side that lacks collateral or owes."""
        return self.send(by, self.swap.callMargin(SIDES.index(side)))

    def close_out(self, by: str = "deployer") -> TxReceipt:
        """Close out after a default."""
        return self.send(by, self.swap.closeOut())

    def propose_termination(self, by: str, amount: int, expiry: int) -> int:
        """A party's offer to end the swap against a signed amount, positive: the payer pays; its number."""
        self.send(by, self.swap.proposeTermination(amount, expiry))
        parties = [str(read(self.swap.partyOf(side))).lower() for side in range(2)]
        return int(read(self.swap.proposalOf(parties.index(self.address(by).lower())))["id"])

    def accept_termination(self, by: str, number: int) -> TxReceipt:
        """A party accepts the other one's offer."""
        return self.send(by, self.swap.acceptTermination(number))

    # -- the claim token

    def verify(self, names: Sequence[str], country: int, investor_class: int, expiry: int) -> TxReceipt:
        """Enter people in the identity registry, in one transaction. Country by ISO number; class 1 retail,
        2 professional, 3 institutional."""
        identity = {"expiry": expiry, "country": country, "investorClass": investor_class}
        people = [self.address(name) for name in names]
        return self.send("deployer", self.registry.setIdentities(people, [identity] * len(people)))

    def subscribe(self, name: str, units: int) -> TxReceipt:
        """Buy units in the offering with money that the buyer has."""
        self.approve(name, "offering", units * int(read(self.offering.terms())["unitPrice"]))
        return self.send(name, self.offering.subscribe(units))

    def settle_offering(self, by: str = "deployer") -> TxReceipt:
        """The money to the issuer; the treasury begins."""
        return self.send(by, self.offering.settle(), "settle offering")

    def transfer(self, source: str, to: str, units: int) -> TxReceipt:
        """Give units to somebody who may hold them."""
        return self.send(source, self.token.transfer(self.address(to), units), "transfer units")

    def claim(self, holder: str, by: str | None = None) -> TxReceipt:
        """Pay a holder all it has earned; called by itself unless `by` is named."""
        return self.send(by or holder, self.token.claim(self.address(holder)))

    # -- the treasury

    def receive_revenue(self, line: str, amount: int, by: str) -> TxReceipt:
        """Pay in revenue of a named line."""
        self.approve(by, "treasury", amount)
        return self.send(by, self.treasury.receiveRevenue(short_string(line), amount))

    def pay(self, by: str = "deployer") -> TxReceipt:
        """Pay the next period, or after the last one what has come since."""
        periods = len(read(self.treasury.terms())["periods"])
        rest = read(self.treasury.periodsPaid()) == periods
        return self.send(by, self.treasury.payRest() if rest else self.treasury.pay(), "pay period")

    def withdraw_credit(self, party: str, by: str | None = None) -> TxReceipt:
        """Pay operator or lender its credit."""
        return self.send(by or party, self.treasury.withdraw(PARTIES.index(party)), "withdraw from treasury")

    def return_money(self, by: str = "deployer") -> TxReceipt:
        """After a failed issue: what the treasury holds, to the issuer."""
        return self.send(by, self.treasury.returnMoney())

    # -- what there is to see

    def account(self, side: str) -> dict[str, int]:
        """A side's balance, credit, principal and interest owed, and margin deadline."""
        return dict(read(self.swap.accountOf(SIDES.index(side))))

    def ledger(self) -> SwapLedger:
        """Everything that happened, as tables."""
        return SwapLedger.read(self.w3, self.record)

    def reconcile(self) -> Reconciliation:
        """Expected and actual payments; see chain.reconcile."""
        return reconcile(self.w3, self.record)
