"""Two small swap deals, and lives that tests script for them; reports are signed with the local keys.

`project_deal` is Bloom's deal file cut to six quarters; `rain_deal` the water utility's, cut to six as well.
Amounts are in units of the currency, unless a name says otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_account import Account
from web3.contract.contract import ContractFunction, ContractFunctions
from web3.types import TxReceipt

from chain.acting import Acting
from chain.bindings import contract, read
from chain.deploy import deploy_on, local_keys
from chain.ledger import read_ledger
from chain.network import LocalChain, reach_time
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.sender import GasLog
from chain.terms import short_string
from finance.settlement.acts import Done
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
SIDES = ("payer", "payee")
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


class SwapLife:
    """A deployed swap deal on a local chain, with investors a, b, c, a stranger and signing nodes: what they
    do as the books allow it (chain.acting), and any other call with `send`."""

    def __init__(self, chain: LocalChain, deal: Deal) -> None:
        gas = GasLog()
        people = dict(zip(("a", "b", "c", "stranger"), chain.accounts[6:10], strict=True))
        self.chain, self.w3, self.deal, self.terms = chain, chain.w3, deal, swap_terms(deal)
        self.record = deploy_on(chain, deal, gas)
        self.acting = Acting(self.w3, self.record, people, gas)
        self.senders = self.acting.senders
        self.keys = local_keys(self.record.wallets)
        self.pay_dates = [period.pay_date for period in self.terms.payment.periods]
        self.swap = self._functions("KpiPayment", "payment")
        self.oracle = self._functions("KpiOracle", "oracle")
        self.currency = self._functions("TestCurrency", "currency")
        for name in ("payer", "payee", "issuer", "a", "b", "c", "stranger"):
            if name in self.senders:
                self.act("deployer", "currency.mint", to=self.address(name), amount=units(200_000_000))

    # -- contracts of a project

    @property
    def treasury(self) -> ContractFunctions:
        """The project's treasury."""
        return self._functions("RevenueTreasury", "treasury")

    @property
    def token(self) -> ContractFunctions:
        """The project's claim token."""
        return self._functions("SecurityToken", "token")

    @property
    def offering(self) -> ContractFunctions:
        """The offering of the claim token."""
        return self._functions("Offering", "offering")

    def _functions(self, name: str, kind: str) -> ContractFunctions:
        return contract(self.w3, name, self.record.addresses[self._part(kind)]).functions

    def _part(self, kind: str) -> str:
        """The key of the part of a kind; a shared contract is called as its kind is."""
        return next((key for key, part in self.record.parts.items() if part.kind == kind), kind)

    # -- people and money

    def address(self, name: str) -> str:
        """Of a sender; raises KeyError for a name that nobody has."""
        return self.senders[name].address

    def act(self, by: str, what: str, **arguments: Any) -> Done | None:
        """Do KIND.ACT, such as `payment.fund`; see Acting.act."""
        kind, _, call = what.partition(".")
        return self.acting.act(by, f"{self._part(kind)}.{call}", **arguments)

    def send(self, by: str, function: ContractFunction) -> TxReceipt:
        """Send any call of the deal's contracts."""
        return self.senders[by].send(function)

    def balance(self, address: str) -> int:
        """Somebody's currency."""
        return int(read(self.currency.balanceOf(address)))

    # -- the swap

    def activate(self, by: str = "deployer") -> None:
        """Begin a swap between two parties, once both have posted."""
        self.act(by, "payment.activate")

    def fund(self, side: str, amount: int, by: str | None = None) -> None:
        """Pay in for `side` (payer or payee); `by` is the side itself unless named."""
        self.act(by or side, "payment.fund", side=side, amount=amount)

    def settle(self, by: str = "deployer") -> None:
        """Settle the next period."""
        self.act(by, "payment.settle")

    def withdraw(self, side: str, by: str | None = None) -> None:
        """Pay out what a side can have; called by itself unless `by` is named."""
        self.act(by or side, "payment.withdraw", side=side)

    def call_margin(self, side: str, by: str) -> None:
        """Call a side that lacks collateral or owes."""
        self.act(by, "payment.call_margin", side=side)

    def close_out(self, by: str = "deployer") -> None:
        """Close out after a default."""
        self.act(by, "payment.close_out")

    def propose_termination(self, by: str, amount: int, expiry: int) -> int:
        """A party's offer to end the swap against a signed amount, positive: the payer pays; its number."""
        done = self.act(by, "payment.propose_termination", amount=amount, expiry=expiry)
        assert done is not None
        return int(done.result)

    def accept_termination(self, by: str, number: int) -> None:
        """A party accepts the other one's offer."""
        self.act(by, "payment.accept_termination", id=number)

    # -- the claim token

    def settle_offering(self, by: str = "deployer") -> None:
        """The money to the issuer; the treasury begins."""
        self.act(by, "offering.settle")

    def transfer(self, source: str, to: str, units: int) -> None:
        """Give units to somebody who may hold them."""
        self.act(source, "token.transfer", to=self.address(to), value=units)

    def claim(self, holder: str, by: str | None = None) -> None:
        """Pay a holder all it has earned; called by itself unless `by` is named."""
        self.act(by or holder, "token.claim", holder=self.address(holder))

    # -- the treasury

    def pay(self, by: str = "deployer") -> None:
        """Pay the next period, or after the last one what has come since."""
        periods = len(read(self.treasury.terms())["periods"])
        rest = read(self.treasury.periodsPaid()) == periods
        self.act(by, "treasury.pay_rest" if rest else "treasury.pay")

    def withdraw_credit(self, party: str, by: str | None = None) -> None:
        """Pay operator or lender its credit."""
        self.act(by or party, "treasury.withdraw", party=party)

    def return_money(self, by: str = "deployer") -> None:
        """After a failed issue: what the treasury holds, to the issuer."""
        self.act(by, "treasury.return_money")

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
        self.send("stranger", self.currency.approve(self.record.addresses["oracle"], units(10_000)))
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
        self.act("issuer", "treasury.receive_revenue", line=short_string(line), amount=units(amount))

    def sell(self, **bought: int) -> None:
        """Verify everybody and let them subscribe."""
        identity = {"expiry": at("2060-01-01"), "country": USA, "investorClass": INSTITUTIONAL}
        accounts = [self.address(name) for name in "abc"]
        self.act("deployer", "registry.set_identities", accounts=accounts, identities=[identity] * 3)
        for name, count in bought.items():
            self.act(name, "offering.subscribe", units=count)


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
