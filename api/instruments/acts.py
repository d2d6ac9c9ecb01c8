"""What can be done with a deal on chain, as data: each act is one call of one of its contracts.

`arguments` makes the call's arguments of what was given; `pays` is the money that the contract takes from
whoever sends it, which must be allowed to it before. Titles are templates: {deal}, {units}, {money} and the
names of parameters are filled in after translation.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from api.instruments.parameters import CLASSES, PARTIES, SIDES, VERDICTS, Parameter, Values
from api.problems import bad_input, conflict
from oracle.dispute import commitment
from oracle.observation import Domain, Ruling, Signature, Verdict
from oracle.panel import PanelError, assemble

if TYPE_CHECKING:
    from api.index.reader import Deployment

Read = Callable[..., Any]
"""Read(role, function, *arguments): a view of the deal's contract in that role."""

ABI: Mapping[str, str] = {
    "token": "SecurityToken",
    "offering": "Offering",
    "bond": "KpiBond",
    "payment": "KpiPayment",
    "treasury": "RevenueTreasury",
    "oracle": "KpiOracle",
    "registry": "IdentityRegistry",
    "currency": "TestCurrency",
}
"""Contract by role: the kind of a part, or the name of a shared contract. The
currency is any ERC-20; of TestCurrency only `mint` is not common."""


@dataclass(frozen=True)
class Given:
    """What an act is prepared from: the deployment, who sends, and the checked values. `salt` hides what a
    challenger commits to."""

    deployment: Deployment
    sender: str
    values: Values
    read: Read
    salt: str = field(default_factory=lambda: "0x" + secrets.token_hex(32))

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def feed(self) -> str:
        """Of the KPI that was named; it may be left out where there is one."""
        feeds = self.deployment.feeds
        kpi = self.values.get("kpi")
        if kpi is None and len(feeds) == 1:
            return str(next(iter(feeds.values())))
        if kpi not in feeds:
            raise bad_input(
                f"parameters.kpi: must be one of {', '.join(feeds) or 'none: no KPI is reported'}"
            )
        return str(feeds[kpi])

    def reported(self) -> int:
        """The value that the oracle holds now, times 10^decimals, unless one was named."""
        if (named := self.values.get("value")) is not None:
            return int(named)
        return int(self.report()["value"])

    def report(self) -> Mapping[str, Any]:
        """What the oracle holds now."""
        found: Mapping[str, Any] = self.read("oracle", "reportOf", self.feed(), self["period"])
        return found


@dataclass(frozen=True)
class Act:
    """One call. `commits`: what the oracle must have been told before, so that nobody is first by copying.
    `who`: anyone, or the role that the contract asks for. `on`: the role of
    its contract. `local`: only on a chain of test money."""

    name: str
    title: str
    on: str
    function: str
    parameters: tuple[Parameter, ...] = ()
    arguments: Callable[[Given], tuple[Any, ...]] = lambda given: ()
    pays: Callable[[Given], int] | None = None
    commits: Callable[[Given], str] | None = None
    who: str = "anyone"
    local: bool = False
    needs_feeds: bool = False

    def there(self, deployment: Deployment) -> bool:
        """Whether a deployment has it."""
        if self.needs_feeds and not deployment.feeds:
            return False
        return self.on in deployment.at


# -- parameters that several have

UNITS = Parameter("units", "units", "whole units of the claim token", bits=64, least=1)
AMOUNT = Parameter("amount", "amount", "minor units of the currency", least=1)
KPI = Parameter("kpi", "kpi", "the KPI; may be left out where there is one", optional=True)
PERIOD = Parameter("period", "number", "the measurement period, from 0", bits=32)
REPORTED = Parameter(
    "value",
    "signed",
    "the value that is wrong, times 10^decimals; the reported one if left out",
    True,
)
EVIDENCE = Parameter("evidence", "hash", "root of your own evidence, or any hash of your reasons", True)
REASONS = Parameter(
    "reasons", "words", "your reasons, instead of evidence: only their hash goes on chain", True
)
SIDE = Parameter("side", "choice", "whose", choices=SIDES)
PARTY = Parameter("party", "choice", "whose", choices=PARTIES)
HOLDER = Parameter("holder", "address", "who is paid; whoever sends if left out", optional=True)
ACCOUNT = Parameter("account", "address", "the wallet")
RULING = (
    KPI,
    PERIOD,
    Parameter("verdict", "choice", "what the panel rules", choices=VERDICTS),
    Parameter("value", "signed", "the corrected value, times 10^decimals; 0 unless corrected", optional=True),
    Parameter("evidence", "hash", "root of the panel's evidence", optional=True),
)
NO_EVIDENCE = "0x" + "00" * 32


def _self(given: Given, name: str) -> str:
    return str(given.values.get(name) or given.sender)


def _identity(given: Given) -> tuple[Any, ...]:
    identity = {
        "expiry": given["expiry"],
        "country": given["country"],
        "investorClass": given["investor_class"] + 1,
    }
    return (given["account"], identity)


def ruling_of(given: Given) -> Ruling:
    """The ruling that is meant, on the report as the oracle holds it."""
    verdict = Verdict(given["verdict"])
    if (verdict is Verdict.CORRECTED) != (given.values.get("value") is not None):
        raise bad_input("parameters.value: is given if, and only if, the verdict is corrected")
    report = given.report()
    return Ruling(
        feed=given.feed(),
        period=given["period"],
        version=int(report["version"]),
        report=str(report["evidence"]),
        verdict=verdict,
        value=given.values.get("value", 0),
        evidence=given.values.get("evidence", NO_EVIDENCE),
    )


def ruling_domain(given: Given) -> Domain:
    """Where a ruling counts."""
    return Domain(given.deployment.record.chain_id, given.deployment.at["oracle"])


def _ruled(given: Given) -> tuple[Any, ...]:
    ruling = ruling_of(given)
    config = given.read("oracle", "configOf", ruling.feed)
    signatures = [compact(each) for each in given["signatures"]]
    try:
        found = assemble(ruling, ruling_domain(given), signatures, config["panel"], config["panelQuorum"])
    except PanelError as error:
        raise conflict(f"signatures: {error}", "not-a-ruling") from None
    signed = [{"panellist": place, "r": each.r, "vs": each.vs} for place, each in found]
    return (ruling.feed, ruling.period, int(ruling.verdict), ruling.value, ruling.evidence, signed)


def compact(signature: str) -> Signature:
    """A signature as wallets give it (r, s, v: 65 bytes in hexadecimal), or 64 bytes as EIP-2098 has it."""
    r, rest, v = signature[2:66], int(signature[66:130], 16), signature[130:]
    if v:
        parity = int(v, 16) - 27 if int(v, 16) >= 27 else int(v, 16)
        rest |= (parity & 1) << 255
    return Signature("0x" + r, f"0x{rest:064x}")


def _bond(given: Given) -> int:
    return int(given.read("oracle", "configOf", given.feed())["challengeBond"])


def _evidence(given: Given) -> str:
    evidence, reasons = given.values.get("evidence"), given.values.get("reasons")
    if (evidence is None) == (reasons is None):
        raise bad_input("parameters.evidence: give either evidence or reasons")
    return str(evidence) if evidence is not None else "0x" + keccak(text=reasons).hex()


def _challenged(given: Given) -> tuple[Any, ...]:
    return given.feed(), given["period"], given.reported(), _evidence(given), given.salt


def _petitioned(given: Given) -> tuple[Any, ...]:
    return given.feed(), given["period"], _evidence(given), given.salt


def _challenge_sealed(given: Given) -> str:
    return commitment(given.sender, *_challenged(given))


def _petition_sealed(given: Given) -> str:
    feed, period, evidence, salt = _petitioned(given)
    return commitment(given.sender, feed, period, None, evidence, salt)


def _price(given: Given) -> int:
    return int(given["units"]) * int(given.read("offering", "terms")["unitPrice"])


def _amount(given: Given) -> int:
    return int(given["amount"])


_ALL = (
    # -- holders of the claim token
    Act(
        "subscribe", "Buy {units} units for {money}", "offering", "subscribe", (UNITS,),
        lambda g: (g["units"],), pays=_price, who="investor",
    ),
    Act(
        "refund", "Return {units} units of the failed issue for their price", "offering", "refund", (UNITS,),
        lambda g: (g["units"],), who="investor",
    ),
    Act(
        "transfer", "Give {units} units to {to}", "token", "transfer",
        (Parameter("to", "address", "who receives them; must be verified"), UNITS),
        lambda g: (g["to"], g["units"]), who="investor",
    ),
    Act(
        "claim", "Pay out what {holder} has earned", "token", "claim", (HOLDER,),
        lambda g: (_self(g, "holder"),),
    ),
    Act(
        "distribute", "Share {money} among all holders", "token", "distribute", (AMOUNT,),
        lambda g: (g["amount"],), pays=_amount,
    ),
    Act(
        "settle-offering", "Settle the offering: the money to the issuer, and the claim begins",
        "offering", "settle",
    ),
    # -- who keeps the register
    Act(
        "verify-identity", "Verify the wallet {account}", "registry", "setIdentity",
        (
            ACCOUNT,
            Parameter("country", "number", "country of residence, ISO 3166-1 numeric", bits=16, least=1),
            Parameter("investor_class", "choice", "class of investor", choices=CLASSES),
            Parameter("expiry", "time", "until when, unix seconds", bits=64),
        ),
        _identity, who="verifier",
    ),
    Act(
        "revoke-identity", "Forget the wallet {account}", "registry", "revoke", (ACCOUNT,),
        lambda g: (g["account"],), who="verifier",
    ),
    Act(
        "pause", "Stop or allow transfers", "token", "setPaused",
        (Parameter("paused", "flag", "true stops transfers, false allows them"),),
        lambda g: (g["paused"],), who="agent",
    ),
    Act(
        "freeze", "Freeze {units} units of {account}", "token", "setFrozenTokens",
        (ACCOUNT, Parameter("units", "units", "units that may not move; 0 frees them", bits=64)),
        lambda g: (g["account"], g["units"]), who="agent",
    ),
    Act(
        "forced-transfer", "Move {units} units of {from} to {to}", "token", "forcedTransfer",
        (Parameter("from", "address", "whose units"), Parameter("to", "address", "who receives them"), UNITS),
        lambda g: (g["from"], g["to"], g["units"]), who="agent",
    ),
    Act(
        "announce-recovery", "Announce that the holding of {holder} goes to {to}",
        "token", "announceRecovery",
        (Parameter("holder", "address", "whose key is lost"), Parameter("to", "address", "its new wallet")),
        lambda g: (g["holder"], g["to"]), who="agent",
    ),
    Act(
        "object-to-recovery", "Object: the key of this wallet is not lost", "token", "objectToRecovery",
    ),
    Act(
        "recover-holding", "Give the holding of {holder} to its new wallet", "token", "recoverHolding",
        (Parameter("holder", "address", "whose key is lost"),), lambda g: (g["holder"],),
    ),
    # -- the oracle
    Act(
        "challenge", "Challenge the report, staking {money}", "oracle", "challenge",
        (KPI, PERIOD, REPORTED, EVIDENCE, REASONS),
        _challenged, pays=_bond, commits=_challenge_sealed, needs_feeds=True,
    ),
    Act(
        "petition", "Ask the panel for the value that nobody reported, staking {money}", "oracle", "petition",
        (KPI, PERIOD, EVIDENCE, REASONS),
        _petitioned, pays=_bond, commits=_petition_sealed, needs_feeds=True,
    ),
    Act(
        "release-rewards", "Give what is left of the rewards to their sponsor", "oracle", "releaseRewards",
        (KPI,), lambda g: (g.feed(),), needs_feeds=True,
    ),
    Act(
        "withdraw-credit", "Pay out what the oracle owes {account}", "oracle", "withdraw",
        (Parameter("account", "address", "who is paid; whoever sends if left out", optional=True),),
        lambda g: (g.deployment.at["currency"], _self(g, "account")), needs_feeds=True,
    ),
    Act(
        "fund-rewards", "Put {money} into the pool that rewards challengers", "oracle", "fundRewards",
        (KPI, AMOUNT), lambda g: (g.feed(), g["amount"]), pays=_amount, needs_feeds=True,
    ),
    Act(
        "rule", "Bring the panel's ruling", "oracle", "rule",
        (*RULING, Parameter("signatures", "signatures", "the panellists' signatures, in any order")),
        _ruled, who="panellist", needs_feeds=True,
    ),
    Act(
        "settle-silent-panel", "Give the challenger's stake back: the panel was silent", "oracle",
        "settleSilentPanel",
        (KPI, PERIOD), lambda g: (g.feed(), g["period"]), needs_feeds=True,
    ),
    # -- bonds
    Act(
        "fund", "Pay {money} in for what is due", "bond", "fund", (AMOUNT,),
        lambda g: (g["amount"],), pays=_amount,
    ),
    Act(
        "fix", "Turn the final report into its payment", "bond", "fix",
        (Parameter("fixing", "number", "which, from 0", bits=16),),
        lambda g: (g["fixing"],), needs_feeds=True,
    ),
    Act("pay-coupon", "Make the payment that is due", "bond", "payCoupon"),
    Act("redeem", "Redeem the bond", "bond", "redeem"),
    Act("declare-default", "Declare the default", "bond", "declareDefault"),
    Act("cure", "End the default: the arrears are funded", "bond", "cure"),
    Act("accelerate", "Make everything due", "bond", "accelerate"),
    Act("recover", "Share what the bond holds", "bond", "recover"),
    Act("return-surplus", "Return the surplus to the issuer", "bond", "returnSurplus"),
    # -- swaps
    Act(
        "fund-swap", "Pay {money} in for the {side}", "payment", "fund", (SIDE, AMOUNT),
        lambda g: (g["side"], g["amount"]), pays=_amount,
    ),
    Act("begin", "Begin the swap: both sides have posted", "payment", "activate"),
    Act("settle", "Settle the period that is due", "payment", "settle"),
    Act(
        "withdraw-swap", "Pay the {side} what it can have", "payment", "withdraw", (SIDE,),
        lambda g: (g["side"],),
    ),
    Act(
        "call-margin", "Call the {side} for collateral", "payment", "callMargin", (SIDE,),
        lambda g: (g["side"],),
    ),
    Act("close-out", "Close the swap out after its default", "payment", "closeOut"),
    Act(
        "propose-termination", "Offer to end the swap", "payment", "proposeTermination",
        (
            Parameter("amount", "signed", "last payment in minor units; positive: the payer pays"),
            Parameter("expiry", "time", "until when it stands, unix seconds", bits=64),
        ),
        lambda g: (g["amount"], g["expiry"]), who="party",
    ),
    Act("withdraw-termination", "Take the offer back", "payment", "withdrawTermination", who="party"),
    Act(
        "accept-termination", "Accept the other side's offer {id}", "payment", "acceptTermination",
        (Parameter("id", "number", "number of the offer", bits=32, least=1),),
        lambda g: (g["id"],), who="party",
    ),
    # -- the treasury of a project
    Act(
        "receive-revenue", "Pay {money} of revenue in", "treasury", "receiveRevenue",
        (Parameter("line", "line", "line of the accounts, at most 31 bytes"), AMOUNT),
        lambda g: (g["line"], g["amount"]), pays=_amount,
    ),
    Act("pay-waterfall", "Pay the period: costs, debt, swap, holders", "treasury", "pay"),
    Act("pay-rest", "Pay out what has come between or after the periods", "treasury", "payRest"),
    Act(
        "withdraw-treasury", "Pay the {party} its credit", "treasury", "withdraw", (PARTY,),
        lambda g: (g["party"],),
    ),
    Act("return-money", "Return the money of a failed issue to the issuer", "treasury", "returnMoney"),
    # -- test money
    Act(
        "mint-test-money", "Make test money: {money}", "currency", "mint",
        (Parameter("amount", "amount", "minor units", bits=80, least=1),),
        lambda g: (g.sender, g["amount"]), local=True,
    ),
)  # fmt: skip

ACTS: Mapping[str, Act] = {act.name: act for act in _ALL}

COMMIT = "commit-challenge"
"""The step before an act that `commits`."""
APPROVE = "approve"
"""The step before an act that pays: the contract may take the money. Its typed-data form is a permit."""


def acts_of(deployment: Deployment) -> tuple[Act, ...]:
    """Those that a deployment has, whatever its state."""
    return tuple(act for act in _ALL if act.there(deployment))
