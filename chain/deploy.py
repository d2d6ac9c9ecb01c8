"""Puts a deal on a chain: the shared contracts once, then the whole deal in one transaction.

Everything can be run again: shared contracts are remembered per chain and deployer and reused when their very
code is still there; a deal that exists is found, and its record is written again from the chain.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.exceptions import Web3Exception

from chain import artifacts
from chain.bindings import contract, decode_log, event_abis, read
from chain.errors import AlreadyDeployedError, ChainError, ContractError, RecordError
from chain.network import client_name, clock, is_local, local_account, when
from chain.records import (
    Compiler,
    DealAddresses,
    DeploymentRecord,
    Signers,
    Wallets,
    load_wallets,
    most_nodes,
    most_panellists,
    require_counts,
)
from chain.sender import GasLog, Sender
from chain.terms import deal_terms
from finance.settlement.terms import SettlementTerms, settlement_terms
from finance.terms import Deal

ZERO_ADDRESS = "0x" + "00" * 20
TRANSACTION_GAS = 2**24
"""The most that one transaction may take on many chains (EIP-7825)."""
NODE_KEYS, PANEL_KEYS = 100, 200
"""On a local chain node i has key 100 + i of the well-known test mnemonic, panellist i key 200 + i."""

Say = Callable[[str], None]


def quiet(_text: str) -> None:
    """Say nothing."""


def say_on_stderr(text: str) -> None:
    """Progress and warnings for a person, away from a command's result."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Infrastructure:
    """Contracts that deals share. `reused` names those that were there before."""

    registry: str
    oracle: str
    token_implementation: str
    bond_implementation: str
    offering_implementation: str
    factory: str
    currency: str
    reused: tuple[str, ...] = ()


# -- shared contracts


class SharedContracts:
    """The shared contracts of one deployer on one chain, remembered in a file after each deployment."""

    def __init__(self, sender: Sender, folder: Path | None, say: Say) -> None:
        self.sender, self.say = sender, say
        self.reused: list[str] = []
        self.path = None
        self.known: dict[str, Any] = {}
        if folder is not None:
            chain = str(sender.w3.eth.chain_id)
            self.path = folder / chain / f"infrastructure-{sender.address.lower()}.json"
            if self.path.exists():
                try:
                    self.known = json.loads(self.path.read_text())["contracts"]
                except (OSError, ValueError, KeyError, TypeError):
                    raise RecordError(f"{self.path}: not a list of shared contracts: delete it") from None

    def get(self, label: str, name: str, *arguments: Any) -> str:
        """The address of contract `name`: the remembered one if its code is unchanged there and in our
        artifacts, else newly deployed."""
        wanted = {
            "arguments": list(arguments),
            "from": hashlib.sha256(artifacts.bytecode(name).encode()).hexdigest(),
        }
        entry = self.known.get(label, {})
        unchanged = {key: entry.get(key) for key in wanted} == wanted
        if unchanged and entry.get("code") == self._code(entry["address"]):
            self.reused.append(label)
            return str(entry["address"])
        self.say(f"deploying {name} ...")
        made, _ = self.sender.deploy(name, *arguments)
        self.known[label] = {
            "address": made.address,
            **wanted,
            "code": self._code(made.address),
        }
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside = self.path.with_name(self.path.name + ".part")
            beside.write_text(json.dumps({"contracts": self.known}, indent=2) + "\n")
            beside.replace(self.path)
        return str(made.address)

    def currency(self, code: str, decimals: int, address: str | None = None) -> str:
        """The currency at `address`, or a TestCurrency; raises RecordError for one with other decimals."""
        if address is None:
            test = (f"Test {code}", f"t{code}", decimals)
            return self.get(f"TestCurrency {code} {decimals}", "TestCurrency", *test)
        has = read(contract(self.sender.w3, "IERC20Metadata", address).functions.decimals())
        if has != decimals:
            raise RecordError(f"currency {address}: has {has} decimals, the deal has {decimals}")
        return address

    def _code(self, address: str) -> str:
        # Not just its presence: a restarted local chain gives the same addresses to other contracts.
        return hashlib.sha256(
            bytes(self.sender.w3.eth.get_code(Web3.to_checksum_address(address)))
        ).hexdigest()


def deploy_infrastructure(
    w3: Web3,
    deployer: str | LocalAccount,
    currency_code: str = "USD",
    currency_decimals: int = 6,
    currency: str | None = None,
    folder: Path | None = None,
    gas: GasLog | None = None,
    say: Say = quiet,
) -> Infrastructure:
    """Deploy, or find again, the contracts that deals share.

    The deployer becomes admin and verifier of the identity registry. `currency` is the address of an ERC-20
    with `currency_decimals` decimals to settle in; without one a TestCurrency, which anyone can mint, is
    deployed. `folder` remembers addresses per chain and deployer (None: nothing is remembered).
    """
    artifacts.ensure_compiled(say=say)
    sender = Sender(w3, deployer, gas)
    shared = SharedContracts(sender, folder, say)
    registry = shared.get("IdentityRegistry", "IdentityRegistry", sender.address)
    oracle = shared.get("KpiOracle", "KpiOracle")
    token = shared.get("SecurityToken", "SecurityToken")
    bond = shared.get("KpiBond", "KpiBond")
    offering = shared.get("Offering", "Offering")
    factory = shared.get("DealFactory", "DealFactory", token, bond, offering, oracle)
    currency = shared.currency(currency_code, currency_decimals, currency)
    return Infrastructure(registry, oracle, token, bond, offering, factory, currency, tuple(shared.reused))


# -- wallets


def local_wallets(w3: Web3, terms: SettlementTerms, deployer: str | None = None) -> Wallets:
    """Wallets for a local chain: its own unlocked accounts for deployer, issuer and agent, keys of the
    well-known test mnemonic for nodes and panel (who only sign).

    Raises RecordError on any other chain: everybody has those keys.
    """
    if not is_local(w3):
        raise RecordError(
            f"chain {w3.eth.chain_id} is not a local one, so the well-known test keys must not be used: "
            "name the wallets of issuer, agent, nodes and panel in a file (--wallets FILE)"
        )
    unlocked = [str(a) for a in w3.eth.accounts[:3]]
    accounts = unlocked + [local_account(i).address for i in range(len(unlocked), 3)]
    return Wallets(
        deployer=deployer or accounts[0],
        issuer=accounts[1],
        agent=accounts[2],
        nodes=[local_account(NODE_KEYS + i).address for i in range(most_nodes(terms.feeds))],
        panel=[local_account(PANEL_KEYS + i).address for i in range(most_panellists(terms.feeds))],
    )


def wallets_for(path: Path, deployer: str, deal: Deal) -> Wallets:
    """The wallets in a file, as many as the deal asks for; raises RecordError with a line per problem."""
    wallets = load_wallets(Wallets, path, deployer)
    require_counts(wallets, settlement_terms(deal).feeds)
    return wallets


def local_keys(wallets: Signers) -> dict[str, LocalAccount]:
    """The keys of those nodes and panellists who have well-known test keys, by address."""
    candidates = [local_account(NODE_KEYS + i) for i in range(len(wallets.nodes))]
    candidates += [local_account(PANEL_KEYS + i) for i in range(len(wallets.panel))]
    wanted = {*wallets.nodes, *wallets.panel}
    return {key.address: key for key in candidates if key.address in wanted}


# -- the deal


def deploy_deal(
    w3: Web3,
    deployer: str | LocalAccount,
    deal: Deal,
    infrastructure: Infrastructure,
    wallets: Wallets | None = None,
    out: Path | None = None,
    shifted_from: Deal | None = None,
    shifted_days: int = 0,
    gas: GasLog | None = None,
    say: Say = quiet,
) -> DeploymentRecord:
    """Deploy `deal` in one transaction and return its record, written to `out` if given.

    `wallets` default to `local_wallets`. Warns through `say` when the chain's clock is past the end of the
    offering. Raises AlreadyDeployedError, with the addresses, if this deployer has deployed these terms
    before (and writes the record to `out` if it is not there), ContractError if a contract refuses the terms,
    TooMuchGasError if the deal does not fit one transaction.
    """
    sender = Sender(w3, deployer, gas)
    terms = settlement_terms(deal)
    wallets = wallets or local_wallets(w3, terms, sender.address)
    require_counts(wallets, terms.feeds)
    factory = contract(w3, "DealFactory", infrastructure.factory)
    moved = (shifted_days, shifted_from.terms_hash if shifted_from is not None and shifted_days else None)

    def recorded() -> DeploymentRecord:
        return _record(w3, deal, infrastructure.factory, sender.address, moved)

    existing = read(factory.functions.dealOf(sender.address, terms.terms_hash))
    if existing["token"] != ZERO_ADDRESS:
        raise _already(deal, existing, out, recorded)
    now = clock(w3)
    if now >= terms.closes:
        say(
            f"warning: the chain's clock is {when(now)} and the offering closes {when(terms.closes)}: "
            "nobody can subscribe. Move the deal's dates (--shift-days auto) or start the chain earlier."
        )
    structure = deal_terms(terms, wallets, infrastructure.currency, infrastructure.registry)
    try:
        sender.send(factory.functions.deploy(structure), operation="deploy deal", most=TRANSACTION_GAS)
    except ContractError as error:
        if error.name != "DealFactory_AlreadyDeployed":
            raise
        raise _already(
            deal, read(factory.functions.dealOf(sender.address, terms.terms_hash)), out, recorded
        ) from None
    record = recorded()
    if out is not None:
        record.save(out)
    return record


def require_new(
    w3: Web3, deployer: str, deal: Deal, out: Path | None, shifted_from: Deal | None, shifted_days: int
) -> None:
    """Raise AlreadyDeployedError, and write the record to `out`, if `deployer` has deployed these very terms
    on this chain, through whichever factory: what a folder remembers is not asked."""
    factory = factory_before(w3, "DealFactory", "DealDeployed", deployer, deal.terms_hash)
    if factory is not None:
        moved = (shifted_days, shifted_from.terms_hash if shifted_from is not None and shifted_days else None)
        existing = read(contract(w3, "DealFactory", factory).functions.dealOf(deployer, deal.terms_hash))
        raise _already(deal, existing, out, lambda: _record(w3, deal, factory, deployer, moved))


def factory_before(w3: Web3, kind: str, name: str, deployer: str, terms_hash: str) -> str | None:
    """The factory of a `kind` through which `deployer` has deployed these terms, by its event `name`; None if
    there is none, or a node does not say for lack of an address to look at."""
    try:
        logs = deployment_logs(w3, kind, name, None, deployer, terms_hash)
    except Web3Exception:
        return None
    for log in reversed(logs):
        sent = w3.eth.get_transaction(log["transactionHash"])
        # Anybody's contract can emit such an event; what counts is that the deployer called it.
        if (sent["from"], sent["to"]) == (deployer, log["address"]):
            return str(log["address"])
    return None


def _already(
    deal: Deal, existing: dict[str, Any], out: Path | None, recorded: Callable[[], DeploymentRecord]
) -> AlreadyDeployedError:
    where = ", ".join(f"{name} {existing[name]}" for name in ("token", "bond", "offering"))
    text = f"{deal.id}: these terms ({deal.terms_hash}) are already deployed by this account: {where}"
    if out is not None:
        # The same addresses can be of an earlier, since restarted chain; what the chain says now counts.
        recorded().save(out)
        text += f"; record: {out}"
    return AlreadyDeployedError(text, {name: str(existing[name]) for name in ("token", "bond", "offering")})


def data_folder() -> Path:
    """Where deployments are remembered: $PENSTOCK_DEPLOYMENTS, else ./deployments; git ignores it."""
    folder = Path(os.environ.get("PENSTOCK_DEPLOYMENTS") or Path.cwd() / "deployments")
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return folder


def record_path(folder: Path, chain_id: int, deal: Deal) -> Path:
    """Where a record goes by default: FOLDER/CHAIN-ID/DEAL-ID-(first digits of the terms hash).json"""
    return folder / str(chain_id) / f"{deal.id}-{deal.terms_hash[2:10]}.json"


def _record(
    w3: Web3, deal: Deal, factory: str, deployer: str, moved: tuple[int, str | None]
) -> DeploymentRecord:
    """The record, read from the chain, so that it says what is there and not what was meant."""
    log, event = deployment_event(w3, "DealFactory", "DealDeployed", factory, deployer, deal.terms_hash)
    token = contract(w3, "SecurityToken", event["token"])
    anchors = read(token.functions.anchors())
    bond = read(contract(w3, "KpiBond", event["bond"]).functions.terms())
    oracle = contract(w3, "KpiOracle", bond["oracle"])
    configs = [read(oracle.functions.configOf(feed)) for feed in event["feeds"]]
    kpis = [bytes.fromhex(config["kpi"][2:]).rstrip(b"\0").decode() for config in configs]
    return DeploymentRecord(
        deal=deal.id,
        terms_hash=deal.terms_hash,
        chain_id=w3.eth.chain_id,
        client=client_name(w3),
        block=log["blockNumber"],
        time=w3.eth.get_block(log["blockNumber"])["timestamp"],
        tx=log["transactionHash"].to_0x_hex(),
        feeds=dict(zip(kpis, event["feeds"], strict=True)),
        addresses=DealAddresses(
            token=event["token"],
            bond=event["bond"],
            offering=event["offering"],
            oracle=bond["oracle"],
            registry=anchors["registry"],
            currency=anchors["currency"],
            factory=factory,
        ),
        wallets=Wallets(
            deployer=deployer,
            issuer=bond["issuer"],
            agent=anchors["agent"],
            nodes=list({signer for config in configs for signer in config["signers"]}),
            panel=list({member for config in configs for member in config["panel"]}),
        ),
        compiler=Compiler(**artifacts.compiler()),
        shifted_days=moved[0],
        shifted_from=moved[1],
        terms=json.loads(deal.canonical_json),
    )


def deployment_event(
    w3: Web3, kind: str, name: str, factory: str, deployer: str, terms_hash: str
) -> tuple[Any, dict[str, Any]]:
    """The log, and its arguments, with which a factory of a `kind` announced a deal by the event `name`.

    Raises ChainError when there is none.
    """
    logs = deployment_logs(w3, kind, name, factory, deployer, terms_hash)
    if not logs:
        raise ChainError(f"the factory {factory} shows no {name} event for {terms_hash}")
    decoded = decode_log(logs[-1], event_abis(kind))
    assert decoded is not None
    return logs[-1], decoded[1]


def deployment_logs(
    w3: Web3, kind: str, name: str, factory: str | None, deployer: str, terms_hash: str
) -> list[Any]:
    """Every log with which a factory (None: any) announced these terms of this deployer, in order."""
    topic = next(t for t, entry in event_abis(kind).items() if entry["name"] == name)
    who = "0x" + deployer[2:].lower().rjust(64, "0")
    wanted: Any = {"fromBlock": 0, "toBlock": "latest", "topics": ["0x" + topic.hex(), who, terms_hash]}
    if factory is not None:
        wanted["address"] = Web3.to_checksum_address(factory)
    return list(w3.eth.get_logs(wanted))
