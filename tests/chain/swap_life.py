"""Two small swap deals, and lives that tests script for them; reports are signed with the local keys.

`project_deal` is Bloom's deal file cut to six quarters; `rain_deal` the water utility's, cut to six as well.
Amounts are in units of the currency, unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract.contract import ContractFunction, ContractFunctions
from web3.types import TxReceipt

from chain.bindings import contract, read
from chain.deploy import deploy_on, local_keys
from chain.errors import RecordError
from chain.ledger import read_ledger
from chain.network import LocalChain, reach_time
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.records import DeploymentRecord
from chain.sender import GasLog, Sender
from chain.terms import short_string
from finance.settlement.swap_terms import swap_terms
from finance.terms import Deal, parse_deal
from finance.terms.reader import read_deal_yaml
from oracle.dispute import commitment

ROOT = Path(__file__).resolve().parents[2]
BLOOM = ROOT / "deals" / "bloom-wind-prs.yaml"
RAIN = ROOT / "deals" / "water-utility-rainfall-swap.yaml"
QUARTERS = 6
USA, INSTITUTIONAL = 840, 3
DAY = 86_400
SIDES, PARTIES = ("payer", "payee"), ("operator", "lender")
STANDS, CORRECTED, VOID = range(3)
EVIDENCE = "0x" + "ab" * 32


def at(text: str) -> int:
    """Unix seconds of a UTC date."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


BEFORE = {"bloom-wind-prs": at("2017-05-01"), "water-utility-rainfall-swap": at("2023-12-20")}
"""A clock at which each deal can begin."""


def units(amount: str | int) -> int:
    """An amount in minor units of a currency with six decimals."""
    return int(Decimal(amount) * 10**6)


def cut(path: Path, **changes: Any) -> dict[str, Any]:
    """A deal file with its first six periods; `changes` of the swap's own fields."""
    tree = read_deal_yaml(path)
    swap = tree["parts"]["swap"]
    swap.update(changes)
    measure = tree["kpis"][swap["kpi"]]
    measure["periods"] = measure["periods"][:QUARTERS]
    return tree


def project_deal(title: str | None = None) -> Deal:
    tree = cut(BLOOM)
    tree["title"] = title or tree["title"]
    return parse_deal(tree)


def rain_deal(title: str | None = None) -> Deal:
    tree = cut(RAIN)
    tree["title"] = title or tree["title"]
    return parse_deal(tree)


def valued_deal() -> Deal:
    """The rainfall swap with a close-out by model value: another KPI says what the rest is worth."""
    tree = cut(RAIN, close_out={"rule": "model_value", "kpi": "model-value"})
    worth = {"value": 9_000_000, "assumed": "far above any value"}
    tree["kpis"]["model-value"] = {
        **tree["kpis"]["rainfall"],
        "title": "Value of the remaining payments",
        "unit": "USD",
        "decimals": 6,
        "bounds": {"minimum": {**worth, "value": -9_000_000}, "maximum": worth},
        "process": {
            "kind": "normal",
            "mean": {"value": 0, "assumed": "fair"},
            "sd": {"value": 100_000, "assumed": "a guess"},
        },
    }
    tree["oracle"]["model-value"] = {
        **tree["oracle"]["rainfall"],
        "method": "model-value/1",
        "max_spread": {"value": 1_000_000, "assumed": "models differ"},
    }
    return parse_deal(tree)


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

    def ledger(self) -> Any:
        """Everything that happened, as tables."""
        return read_ledger(self.w3, self.record)

    def reconcile(self) -> Reconciliation:
        """Expected and actual payments; see chain.reconcile."""
        return reconcile(self.w3, self.record)


class SwapLife(SwapActs):
    """A deployed swap deal on a local chain, with investors a, b, c, a stranger and signing nodes."""

    def __init__(self, chain: LocalChain, deal: Deal) -> None:
        gas = GasLog()
        people = dict(zip(("a", "b", "c", "stranger"), chain.accounts[6:10], strict=True))
        super().__init__(chain.w3, deploy_on(chain, deal, gas), people, gas)
        self.chain, self.deal, self.terms = chain, deal, swap_terms(deal)
        self.keys = local_keys(self.record.wallets)
        self.pay_dates = [period.pay_date for period in self.terms.payment.periods]
        for name in ("payer", "payee", "issuer", "a", "b", "c", "stranger"):
            if name in self.senders:
                self.mint(name, units(200_000_000))

    def now(self) -> int:
        return int(self.w3.eth.get_block("latest")["timestamp"])

    # -- the oracle

    def _sign(self, digest: str, signer: str) -> dict[str, str]:
        signed = Account.unsafe_sign_hash(digest, self.keys[signer].key)
        # EIP-2098: the parity of y in the highest bit of s
        compact = signed.s | (signed.v - 27) << 255
        return {
            "r": "0x" + signed.r.to_bytes(32, "big").hex(),
            "vs": "0x" + compact.to_bytes(32, "big").hex(),
        }

    def report(self, period: int, value: str | int, kpi: str | None = None) -> None:
        """All nodes sign the same value of a period (from 0), a day after its end; anyone brings it."""
        name = kpi or self.terms.feed.kpi
        feed, terms = self.record.feeds[name], self.terms.feed
        decimals = self.deal.kpis[name].decimals
        reach_time(self.w3, terms.period_ends[period] + DAY)
        number, seen = int(Decimal(value) * 10**decimals), terms.period_ends[period] + 60
        observations = []
        for index, node in enumerate(self.record.wallets.nodes):
            digest = read(self.oracle.observationDigest(feed, period, 0, number, seen, EVIDENCE))
            said = {"value": number, "observedAt": seen, "signer": index, "evidence": EVIDENCE}
            observations.append({**said, **self._sign(digest, node)})
        self.send("stranger", self.oracle.submit(feed, period, 0, observations))

    def challenge(self, period: int) -> None:
        """A stranger challenges the report of a period and puts up the bond."""
        self.approve("stranger", "oracle", units(10_000))
        feed = self.record.feeds[self.terms.feed.kpi]
        value = read(self.oracle.reportOf(feed, period))["value"]
        sealed = commitment(self.address("stranger"), feed, period, value, EVIDENCE, EVIDENCE)
        self.send("stranger", self.oracle.commitChallenge(sealed))
        self.send("stranger", self.oracle.challenge(feed, period, value, EVIDENCE, EVIDENCE))

    def rule(self, period: int, verdict: int, value: str | int = 0) -> None:
        """The whole panel signs a ruling."""
        feed = self.record.feeds[self.terms.feed.kpi]
        number = int(Decimal(value) * 10**self.terms.feed.decimals)
        held = read(self.oracle.reportOf(feed, period))["evidence"]
        digest = read(self.oracle.rulingDigest(feed, period, 0, held, verdict, number, EVIDENCE))
        signatures = [
            {"panellist": index, **self._sign(digest, judge)}
            for index, judge in enumerate(self.record.wallets.panel)
        ]
        self.send("stranger", self.oracle.rule(feed, period, verdict, number, EVIDENCE, signatures))

    # -- periods

    def settle_at(self, period: int, value: str | int | None) -> None:
        """Report a period (None: nobody does) and settle it on its pay date."""
        if value is not None:
            self.report(period, value)
        reach_time(self.w3, self.pay_dates[period])
        self.settle("stranger")

    def earn(self, amount: str, line: str = "power sales") -> None:
        """Revenue, which the issuer passes on."""
        self.receive_revenue(line, units(amount), "issuer")

    def sell(self, **bought: int) -> None:
        """Verify everybody and let them subscribe."""
        self.verify(["a", "b", "c"], USA, INSTITUTIONAL, at("2060-01-01"))
        for name, count in bought.items():
            self.subscribe(name, count)


def project_life(chain: LocalChain) -> SwapLife:
    """A project from its issue to the last distribution.

    A has 30,000 units and gives C 10,000 after the first distribution; B has 30,000. The provider falls short
    of its collateral and restores it; a report is disputed and corrected; another never comes, so that the
    project owes for quarters what its revenue cannot pay; in the end the provider pays late.
    """
    life = SwapLife(chain, project_deal())
    life.fund("payer", units(3_000_000))
    life.sell(a=30_000, b=30_000)
    life.settle_offering()

    life.settle_at(0, "2500000")  # 3,060,000 fixed: 560,000 to the project
    life.call_margin("payer", by="stranger")
    life.fund("payer", units(560_000), by="payer")
    life.earn("2300000.123457")
    life.earn("100000", line="renewable certificates")
    life.pay("stranger")
    life.transfer("a", "c", 10_000)
    life.claim("a", by="stranger")
    life.withdraw_credit("operator")

    life.report(1, "5500000")
    life.challenge(1)
    life.rule(1, CORRECTED, "4500000")  # 3,780,000 fixed: 720,000 to the provider, which the swap cannot pay
    reach_time(life.w3, life.pay_dates[1])
    life.settle()
    reach_time(life.w3, life.pay_dates[1] + 5 * DAY)
    life.earn("4300000")
    life.pay("b")

    life.settle_at(2, None)  # 3,520,000 fixed, and silence counts as 15,000,000
    life.earn("3600000")
    life.send("stranger", life.currency.transfer(life.record.addresses["treasury"], 77))
    life.pay("stranger")
    life.withdraw("payer", by="stranger")

    life.settle_at(3, "1000000")  # 1,560,000 to the project, netted
    life.earn("1500000")
    life.pay("stranger")

    life.settle_at(4, "60000")  # 3,000,000 to the project, netted
    life.earn("9000000")
    life.pay("stranger")
    life.claim("b")
    life.withdraw("payer", by="stranger")

    life.settle_at(5, "200000")  # 3,580,000 to the project, of which the provider has 3,000,000
    life.withdraw("payee", by="stranger")
    life.earn("2100000")
    reach_time(life.w3, life.pay_dates[5] + 10 * DAY + 1)  # the provider has had its cure period
    life.pay("stranger")
    reach_time(life.w3, life.pay_dates[5] + 73 * DAY)
    life.fund("payer", units(600_000), by="stranger")
    life.pay("stranger")
    life.claim("c")
    life.withdraw("payer")
    life.withdraw_credit("operator", by="stranger")
    life.withdraw_credit("lender")
    return life


def rain_life(chain: LocalChain) -> SwapLife:
    """A swap between two parties: margin called and restored on both sides, then a default and close-out."""
    life = SwapLife(chain, rain_deal())
    life.fund("payer", units(2_000_000))
    life.fund("payee", units(1_000_000))
    life.activate("stranger")

    life.settle_at(0, 150)  # 3,000,000 - 1,880,000: 1,120,000 to the utility
    life.call_margin("payer", by="payee")
    life.fund("payer", units(1_200_000))
    life.withdraw("payer")  # the 80,000 beyond what is required
    life.withdraw("payee", by="stranger")

    life.settle_at(1, 180)  # 3,600,000 - 4,850,000: 1,250,000 to the provider, of which 1,000,000 is there
    life.call_margin("payee", by="payer")
    reach_time(life.w3, life.pay_dates[1] + 9 * DAY)
    life.fund("payee", units(1_300_000))
    life.withdraw("payee", by="stranger")

    life.settle_at(2, 400)  # 8,000,000 - 7,510,000: 490,000 to the utility
    # Silence counts as no rain: 2,650,000 to the provider; collateral and credit of the utility pay a part.
    life.settle_at(3, None)
    life.withdraw("payer")  # nothing while it lacks 490,000
    life.fund("payer", units(490_000))
    life.withdraw("payer")
    life.call_margin("payee", by="stranger")
    life.settle_at(4, 60)  # under way at the default: 680,000 to the provider
    life.close_out("stranger")
    life.withdraw("payer")
    life.fund("payee", units(3_500_000))
    life.withdraw("payee")
    life.withdraw("payer", by="stranger")
    return life
