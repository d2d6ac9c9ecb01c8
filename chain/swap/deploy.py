"""Puts a swap deal on a chain: the shared contracts once, then the whole deal in one transaction.

Everything can be run again, as in chain.deploy, with which registry, oracle, token, offering and currency are
shared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract.contract import ContractFunction

from chain import artifacts
from chain.bindings import contract, read
from chain.deploy import (
    NODE_KEYS,
    PANEL_KEYS,
    TRANSACTION_GAS,
    ZERO_ADDRESS,
    Say,
    SharedContracts,
    deployment_event,
    factory_before,
    quiet,
)
from chain.errors import AlreadyDeployedError, ContractError, RecordError
from chain.network import LocalChain, client_name, clock, is_local, local_account, when
from chain.records import Compiler, load_wallets, most_nodes, most_panellists, require_counts
from chain.sender import GasLog, Sender
from chain.swap.records import SwapAddresses, SwapRecord, SwapWallets, require_wallets
from chain.swap.terms import feeds, project_struct, swap_struct
from finance.settlement.swap_terms import SwapTerms, swap_terms
from finance.terms import Deal

LOCAL_ACCOUNTS = {"deployer": 0, "payee": 1, "issuer": 1, "agent": 2, "payer": 3, "operator": 4, "lender": 5}
"""Whose account each party has on a local chain; the others are free, for investors and strangers."""


@dataclass(frozen=True)
class SwapInfrastructure:
    """Contracts that swap deals share. `reused` names those that were there before."""

    registry: str
    oracle: str
    factory: str
    currency: str
    reused: tuple[str, ...] = ()


def deploy_swap_infrastructure(
    w3: Web3,
    deployer: str | LocalAccount,
    currency_code: str = "USD",
    currency_decimals: int = 6,
    currency: str | None = None,
    folder: Path | None = None,
    gas: GasLog | None = None,
    say: Say = quiet,
) -> SwapInfrastructure:
    """Deploy, or find again, the contracts that swap deals share; see chain.deploy.deploy_infrastructure."""
    artifacts.ensure_compiled(say=say)
    shared = SharedContracts(Sender(w3, deployer, gas), folder, say)
    registry = shared.get("IdentityRegistry", "IdentityRegistry", shared.sender.address)
    oracle = shared.get("KpiOracle", "KpiOracle")
    parts = [
        shared.get(name, name) for name in ("SecurityToken", "RevenueTreasury", "Offering", "KpiPayment")
    ]
    factory = shared.get("SwapFactory", "SwapFactory", *parts, oracle)
    money = shared.currency(currency_code, currency_decimals, currency)
    return SwapInfrastructure(registry, oracle, factory, money, tuple(shared.reused))


# -- wallets


def local_swap_wallets(w3: Web3, terms: SwapTerms, deployer: str | None = None) -> SwapWallets:
    """Wallets for a local chain: its own accounts (see LOCAL_ACCOUNTS) for the parties, keys of the
    well-known test mnemonic for nodes and panel (who only sign).

    Raises RecordError on any other chain: everybody has those keys.
    """
    if not is_local(w3):
        raise RecordError(
            f"chain {w3.eth.chain_id} is not a local one, so the well-known test keys must not be used: "
            "name the wallets of the parties, nodes and panel in a file (--wallets FILE)"
        )
    unlocked = [str(account) for account in w3.eth.accounts]
    names = ["payer", *(("payee",) if terms.project is None else ("issuer", "operator", "lender", "agent"))]
    parties = {}
    for name in ("deployer", *names):
        number = LOCAL_ACCOUNTS[name]
        parties[name] = unlocked[number] if number < len(unlocked) else local_account(number).address
    parties["deployer"] = deployer or parties["deployer"]
    nodes, panel = most_nodes(feeds(terms)), most_panellists(feeds(terms))
    return SwapWallets.model_validate(
        {
            **parties,
            "nodes": [local_account(NODE_KEYS + i).address for i in range(nodes)],
            "panel": [local_account(PANEL_KEYS + i).address for i in range(panel)],
        }
    )


def swap_wallets_for(path: Path, deployer: str, deal: Deal) -> SwapWallets:
    """As chain.deploy.wallets_for, for a swap between two parties or a project."""
    wallets = load_wallets(SwapWallets, path, deployer)
    terms = swap_terms(deal)
    require_wallets(wallets, terms.project is not None)
    require_counts(wallets, feeds(terms))
    return wallets


# -- the deal


def deploy_swap_deal(
    w3: Web3,
    deployer: str | LocalAccount,
    deal: Deal,
    infrastructure: SwapInfrastructure,
    wallets: SwapWallets | None = None,
    out: Path | None = None,
    shifted_from: Deal | None = None,
    shifted_days: int = 0,
    gas: GasLog | None = None,
    say: Say = quiet,
) -> SwapRecord:
    """Deploy `deal` in one transaction and return its record, written to `out` if given.

    `wallets` default to `local_swap_wallets`. Warns through `say` when the chain's clock is past the end of
    the offering, or of the time to begin the swap. Raises AlreadyDeployedError, with the addresses, if this
    deployer has deployed these terms before (and writes the record to `out`), RecordError if the wallets are
    not those the deal needs, InputError for a deal without a swap, ContractError if a contract refuses the
    terms.
    """
    sender = Sender(w3, deployer, gas)
    terms = swap_terms(deal)
    wallets = wallets or local_swap_wallets(w3, terms, sender.address)
    require_wallets(wallets, terms.project is not None)
    require_counts(wallets, feeds(terms))
    factory = contract(w3, "SwapFactory", infrastructure.factory)
    moved = (shifted_days, shifted_from.terms_hash if shifted_from is not None and shifted_days else None)

    def recorded() -> SwapRecord:
        return _record(w3, deal, infrastructure.factory, sender.address, moved)

    def existing() -> dict[str, Any]:
        found: dict[str, Any] = read(factory.functions.dealOf(sender.address, terms.terms_hash))
        return found

    if existing()["swap"] != ZERO_ADDRESS:
        raise _already(deal, existing(), out, recorded)
    _warn_if_late(clock(w3), terms, say)
    try:
        sender.send(
            _call(factory, terms, wallets, infrastructure), operation="deploy deal", most=TRANSACTION_GAS
        )
    except ContractError as error:
        if error.name != "SwapFactory_AlreadyDeployed":
            raise
        raise _already(deal, existing(), out, recorded) from None
    record = recorded()
    if out is not None:
        record.save(out)
    return record


def require_new_swap(
    w3: Web3, deployer: str, deal: Deal, out: Path | None, shifted_from: Deal | None, shifted_days: int
) -> None:
    """chain.deploy.require_new for a swap deal."""
    factory = factory_before(w3, "SwapFactory", "SwapDealDeployed", deployer, deal.terms_hash)
    if factory is not None:
        moved = (shifted_days, shifted_from.terms_hash if shifted_from is not None and shifted_days else None)
        existing = read(contract(w3, "SwapFactory", factory).functions.dealOf(deployer, deal.terms_hash))
        raise _already(deal, existing, out, lambda: _record(w3, deal, factory, deployer, moved))


def deploy_on(
    chain: LocalChain,
    deal: Deal,
    gas: GasLog | None = None,
    folder: Path | None = None,
    wallets: SwapWallets | None = None,
) -> SwapRecord:
    """Shared contracts and deal on a local chain, from its first account, with local wallets unless others
    are given; `folder` remembers the shared contracts."""
    code, decimals = deal.currency.code, deal.currency.token_decimals
    by = chain.accounts[0]
    shared = deploy_swap_infrastructure(chain.w3, by, code, decimals, folder=folder, gas=gas)
    return deploy_swap_deal(chain.w3, by, deal, shared, wallets, gas=gas)


def _call(
    factory: Any, terms: SwapTerms, wallets: SwapWallets, infrastructure: SwapInfrastructure
) -> ContractFunction:
    swap = swap_struct(terms, wallets, infrastructure.currency)
    call: ContractFunction
    if terms.project is None:
        call = factory.functions.deploySwap(swap)
    else:
        project = project_struct(terms.project, wallets, infrastructure.registry)
        call = factory.functions.deployProject(swap, project)
    return call


def _warn_if_late(now: int, terms: SwapTerms, say: Say) -> None:
    advice = "Move the deal's dates (--shift-days auto) or start the chain earlier."
    if terms.project is not None and now >= terms.project.closes:
        say(
            f"warning: the chain's clock is {when(now)} and the offering closes "
            f"{when(terms.project.closes)}: nobody can subscribe. {advice}"
        )
    elif now > terms.payment.start_by:
        by = when(terms.payment.start_by)
        say(f"warning: the chain's clock is {when(now)} and the swap had to begin by {by}. {advice}")


def _already(
    deal: Deal, existing: Mapping[str, Any], out: Path | None, recorded: Callable[[], SwapRecord]
) -> AlreadyDeployedError:
    there = {name: str(value) for name, value in existing.items() if int(value, 16)}
    where = ", ".join(f"{name} {value}" for name, value in there.items())
    text = f"{deal.id}: these terms ({deal.terms_hash}) are already deployed by this account: {where}"
    if out is not None:
        # The same addresses can be of an earlier, since restarted chain; what the chain says now counts.
        recorded().save(out)
        text += f"; record: {out}"
    return AlreadyDeployedError(text, there)


def _record(
    w3: Web3,
    deal: Deal,
    factory: str,
    deployer: str,
    moved: tuple[int, str | None],
) -> SwapRecord:
    """The record, read from the chain, so that it says what is there and not what was meant."""
    log, event = deployment_event(w3, "SwapFactory", "SwapDealDeployed", factory, deployer, deal.terms_hash)
    swap = read(contract(w3, "KpiPayment", event["swap"]).functions.terms())
    ids = [event["feed"], *([event["valueFeed"]] if int(event["valueFeed"], 16) else [])]
    configs = [read(contract(w3, "KpiOracle", swap["oracle"]).functions.configOf(feed)) for feed in ids]
    kpis = [bytes.fromhex(config["kpi"][2:]).rstrip(b"\0").decode() for config in configs]
    tx = log["transactionHash"].to_0x_hex()
    addresses = {"swap": event["swap"], "oracle": swap["oracle"], "currency": swap["currency"]}
    parties = {"deployer": deployer, "payer": swap["payer"], "payee": swap["payee"]}
    if event["treasury"] != ZERO_ADDRESS:
        del parties["payee"]  # the treasury
        addresses |= _project_contracts(w3, event)
        parties |= _project_parties(w3, event)
    most = max(configs, key=lambda config: len(config["signers"]))
    panel = max(configs, key=lambda config: len(config["panel"]))
    return SwapRecord(
        deal=deal.id,
        terms_hash=deal.terms_hash,
        chain_id=w3.eth.chain_id,
        client=client_name(w3),
        block=log["blockNumber"],
        time=w3.eth.get_block(log["blockNumber"])["timestamp"],
        tx=tx,
        gas=w3.eth.get_transaction_receipt(tx)["gasUsed"],
        feeds=dict(zip(kpis, ids, strict=True)),
        addresses=SwapAddresses(**addresses, factory=factory),
        wallets=SwapWallets(**parties, nodes=most["signers"], panel=panel["panel"]),
        compiler=Compiler(**artifacts.compiler()),
        shifted_days=moved[0],
        shifted_from=moved[1],
        terms=json.loads(deal.canonical_json),
    )


def _project_contracts(w3: Web3, event: Mapping[str, Any]) -> dict[str, str]:
    anchors = read(contract(w3, "SecurityToken", event["token"]).functions.anchors())
    made = {name: event[name] for name in ("treasury", "token", "offering")}
    return {**made, "registry": anchors["registry"]}


def _project_parties(w3: Web3, event: Mapping[str, Any]) -> dict[str, str]:
    treasury = read(contract(w3, "RevenueTreasury", event["treasury"]).functions.terms())
    offering = read(contract(w3, "Offering", event["offering"]).functions.terms())
    anchors = read(contract(w3, "SecurityToken", event["token"]).functions.anchors())
    return {
        "issuer": offering["issuer"],
        "operator": treasury["operator"],
        "lender": treasury["lender"],
        "agent": anchors["agent"],
    }
