"""Puts a deal on a chain: the shared contracts once, then the whole deal in one transaction.

Everything can be run again: shared contracts are remembered per chain and deployer and reused when their very
code is still there; a deal that exists is found, and its record is written again from the chain.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_typing import HexStr
from web3 import Web3
from web3.contract.contract import ContractFunction
from web3.exceptions import Web3Exception

from chain import artifacts
from chain.announcement import Announcement, announcements, given_before
from chain.bindings import calldata, contract, read
from chain.check import check_deployment, code_name
from chain.errors import AlreadyDeployedError, ChainError, ContractError, NetworkError, RecordError
from chain.kinds import plan_of
from chain.network import LocalChain, client_name, clock, is_local, local_account, when
from chain.parts import PARTS
from chain.plan import (
    Plan,
    Site,
    Unknown,
    begin_data,
    feed_config,
    feed_id,
    found_at,
    kept_with_code,
    unknown,
)
from chain.records import (
    Compiler,
    DeployedPart,
    DeploymentRecord,
    Wallets,
    address_of,
    load_wallets,
    most_nodes,
    most_panellists,
    require_wallets,
)
from chain.sender import GasLog, Sender
from chain.terms import short_string
from finance.terms import Deal
from finance.terms.graph_rules import TRANSACTION_GAS

LOCAL_ACCOUNTS = {"deployer": 0, "payee": 1, "issuer": 1, "agent": 2, "payer": 3, "operator": 4, "lender": 5}
"""Whose account each role has on a local chain; the others are free, for investors and strangers."""
MORE_ACCOUNTS = 20
"""From here on those of parties in a role that several have."""
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
    """Contracts that deals share, and what parts are clones of, by kind. `reused` names those that were there
    before."""

    registry: str
    oracle: str
    factory: str
    currency: str
    implementations: Mapping[str, str]
    reused: tuple[str, ...] = ()

    @property
    def contracts(self) -> dict[str, str]:
        """All of them, by what people call them."""
        named = {name: getattr(self, name) for name in ("registry", "oracle", "factory", "currency")}
        return named | {f"implementation of a {kind}": at for kind, at in self.implementations.items()}


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
    kinds: Iterable[str] | None = None,
) -> Infrastructure:
    """Deploy, or find again, the contracts that deals share, and implementations of the `kinds` of parts in
    chain.parts (default: of all).

    The deployer becomes admin and verifier of the identity registry. `currency` is the address of an ERC-20
    with `currency_decimals` decimals to settle in; without one a TestCurrency, which anyone can mint, is
    deployed. `folder` remembers addresses per chain and deployer (None: nothing is remembered).
    """
    artifacts.ensure_compiled(say=say)
    if currency is not None:
        currency = require_currency(w3, currency, currency_decimals)
    sender = Sender(w3, deployer, gas)
    shared = SharedContracts(sender, folder, say)
    registry = shared.get("IdentityRegistry", "IdentityRegistry", sender.address)
    oracle = shared.get("KpiOracle", "KpiOracle")
    cloned = [kind for kind, part in PARTS.items() if part.cloned] if kinds is None else dict.fromkeys(kinds)
    made = {}
    for kind in cloned:
        name, needs = PARTS[kind].contract, PARTS[kind].needs.values()
        made[kind] = shared.get(name, name, *(shared.get(need, need) for need in needs))
    factory = shared.get("DealFactory", "DealFactory")
    test = (f"Test {currency_code}", f"t{currency_code}", currency_decimals)
    money = currency or shared.get(f"TestCurrency {currency_code} {currency_decimals}", "TestCurrency", *test)
    return Infrastructure(registry, oracle, factory, money, made, tuple(shared.reused))


def require_currency(w3: Web3, given: str, decimals: int) -> str:
    """The address of a currency with so many decimals. Raises RecordError where there is none."""
    try:
        address = address_of(given)
    except ValueError as error:
        raise RecordError(f"currency = {given}: {error}") from None
    try:
        has = read(contract(w3, "IERC20Metadata", address).functions.decimals())
    except NetworkError:
        raise
    except ChainError:
        raise RecordError(f"currency = {given}: no currency is there") from None
    if has != decimals:
        raise RecordError(f"currency = {given}: has {has} decimals, the deal has {decimals}")
    return address


# -- wallets


def local_wallets(w3: Web3, deal: Deal, deployer: str | None = None) -> Wallets:
    """Wallets for a local chain: its own accounts (see LOCAL_ACCOUNTS) for the people of the deal, keys of
    the well-known test mnemonic for nodes and panel (who only sign).

    Raises RecordError on any other chain: everybody has those keys.
    """
    if not is_local(w3):
        raise RecordError(
            f"chain {w3.eth.chain_id} is not a local one, so the well-known test keys must not be used: "
            "name the wallets of the deal's people, nodes and panel in a file (--wallets FILE)"
        )
    unlocked = [str(account) for account in w3.eth.accounts]
    plan = plan_of(deal)
    roles, _ = plan.asked()
    more = iter(range(MORE_ACCOUNTS, MORE_ACCOUNTS + len(roles)))
    people: dict[str, str] = {}
    whose: dict[int, str | None] = {}
    parties = deal.people
    for role in ("deployer", *roles):
        number, party = LOCAL_ACCOUNTS.get(role), parties.get(role)
        if number is None and party is not None:
            number = next((known for known, owner in whose.items() if owner == party), None)
        if number is None or whose.setdefault(number, party) != party:
            number = next(more)
            whose[number] = party
        people[role] = unlocked[number] if number < len(unlocked) else local_account(number).address
    people["deployer"] = deployer or people["deployer"]
    feeds = [feed.terms for feed in plan.feeds]
    return Wallets.model_validate(
        {
            **people,
            "nodes": [local_account(NODE_KEYS + i).address for i in range(most_nodes(feeds))],
            "panel": [local_account(PANEL_KEYS + i).address for i in range(most_panellists(feeds))],
        }
    )


def wallets_for(path: Path, deployer: str, deal: Deal, currency: str | None = None) -> Wallets:
    """The wallets in a file, of everybody whom the deal asks for, none of whom is the `currency`; raises
    RecordError with a line per problem."""
    wallets = load_wallets(path, deployer)
    contracts = {} if currency is None else {"currency": currency}
    _require_wallets(wallets, deal, plan_of(deal), contracts, str(path))
    return wallets


def _require_wallets(
    wallets: Wallets, deal: Deal, plan: Plan, contracts: Mapping[str, str], where: str = "wallets"
) -> None:
    feeds = [feed.terms for feed in plan.feeds]
    require_wallets(wallets, plan.asked()[0], feeds, deal.people, contracts, where)


def local_keys(wallets: Wallets) -> dict[str, LocalAccount]:
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

    `wallets` default to `local_wallets`. Warns through `say` when the chain's clock is past a deadline of the
    deal, such as the end of its offering. Raises AlreadyDeployedError, with the addresses and the wallets
    that are not those given, if this deployer has deployed these terms before (and writes the record to
    `out`), RecordError if the wallets are not those the deal needs, InputError for a deal that cannot be
    deployed, ContractError if a contract refuses the terms, TooMuchGasError if the deal does not fit one
    transaction.
    """
    sender = Sender(w3, deployer, gas)
    plan, given = plan_of(deal), wallets
    wallets = wallets or local_wallets(w3, deal, sender.address)
    _require_wallets(wallets, deal, plan, infrastructure.contracts)
    factory = contract(w3, "DealFactory", infrastructure.factory)
    moved = _moved(shifted_from, shifted_days)

    def known() -> Announcement:
        return _announced(w3, infrastructure.factory, sender.address, deal.terms_hash)

    def recorded() -> DeploymentRecord:
        return _record(w3, deal, infrastructure.factory, sender.address, moved)

    deployed = factory.functions.deployedIn(sender.address, deal.terms_hash)
    if read(deployed):
        raise _already(deal, known().parts, out, recorded, given, infrastructure.currency)
    now = clock(w3)
    passed = next((words for time, words in plan.deadlines if now >= time), None)
    if passed is not None:
        say(
            f"warning: the chain's clock is {when(now)} and {passed}. "
            "Move the deal's dates (--shift-days auto) or start the chain earlier."
        )
    call = deployment(w3, plan, deal.terms_hash, infrastructure, wallets)
    try:
        sender.send(call, operation="deploy deal", most=TRANSACTION_GAS)
    except ContractError as error:
        if error.name != "DealFactory_AlreadyDeployed":
            raise
        raise _already(deal, known().parts, out, recorded, given, infrastructure.currency) from None
    record = recorded()
    if out is not None:
        record.save(out)
    return record


def deploy_on(
    chain: LocalChain,
    deal: Deal,
    gas: GasLog | None = None,
    folder: Path | None = None,
    wallets: Wallets | None = None,
    shifted_from: Deal | None = None,
    shifted_days: int = 0,
) -> DeploymentRecord:
    """Shared contracts and deal on a local chain, from its first account, with local wallets unless others
    are given; `folder` remembers the shared contracts. Raises ChainError if the chain then says anything else
    than the deal."""
    by, kinds = chain.accounts[0], [part.kind for part in plan_of(deal).parts]
    code, decimals = deal.currency.code, deal.currency.token_decimals
    shared = deploy_infrastructure(chain.w3, by, code, decimals, folder=folder, gas=gas, kinds=kinds)
    moved: dict[str, Any] = {"shifted_from": shifted_from, "shifted_days": shifted_days}
    record = deploy_deal(chain.w3, by, deal, shared, wallets, gas=gas, **moved)
    differences = check_deployment(chain.w3, record, deal)
    if differences:
        raise ChainError("; ".join(map(str, differences)))
    return record


def deployment(
    w3: Web3, plan: Plan, terms_hash: str, infrastructure: Infrastructure, wallets: Wallets
) -> ContractFunction:
    """The call of the factory that makes the deal of a plan: where everything will be is worked out here."""
    factory = contract(w3, "DealFactory", infrastructure.factory).functions
    shared = {
        "registry": infrastructure.registry,
        "oracle": infrastructure.oracle,
        "currency": infrastructure.currency,
    }
    made = infrastructure.implementations
    # Terms name parts, and parts are where their keys put them: first without addresses, for what is kept.
    at: dict[str, str] = Unknown("part", 20)
    site = Site(terms_hash, at, shared, wallets.people, Unknown("feed", 32), plan.seats)
    kept, seated = {}, {seat.part for seat in plan.seats.values()}
    # What is kept may be who has a role.
    for part in sorted(plan.parts, key=lambda part: part.key not in seated):
        kept[part.key] = kept_with_code(part, PARTS[part.kind].contract, site)
        key = short_string(part.key)
        place = factory.addressOf(wallets.deployer, terms_hash, key, made[part.kind], kept[part.key])
        at[part.key] = str(read(place))
    site = replace(site, parts={part.key: at[part.key] for part in plan.parts}, feeds={})
    configs = {feed.terms.kpi: feed_config(feed, site, wallets) for feed in plan.feeds}
    site = replace(site, feeds={kpi: feed_id(config) for kpi, config in configs.items()})
    oracle = contract(w3, "KpiOracle", infrastructure.oracle)
    calls = [
        {"to": oracle.address, "data": calldata(oracle.functions.createFeed(config))}
        for config in configs.values()
    ]
    parts = [
        {
            "key": short_string(part.key),
            "implementation": made[part.kind],
            "immutables": "0x" + kept[part.key].hex(),
            "data": begin_data(part, PARTS[part.kind].contract, site),
        }
        # A currency may call back, and must find nothing that has not begun but what called it.
        for part in sorted(plan.parts, key=lambda part: PARTS[part.kind].calls_currency)
    ]
    call: ContractFunction = factory.deploy(terms_hash, calls, parts)
    return call


def require_new(
    w3: Web3,
    deployer: str,
    deal: Deal,
    out: Path | None,
    shifted_from: Deal | None,
    shifted_days: int,
    wallets: Wallets | None = None,
    currency: str | None = None,
) -> None:
    """Raise AlreadyDeployedError, and write the record to `out`, if `deployer` has deployed these very terms
    on this chain, through whichever factory: what a folder remembers is not asked. It says which of the
    `wallets`, if they were given, are not those of the deployment, and whether its `currency` is another."""
    factory = factory_before(w3, deployer, deal.terms_hash)
    if factory is not None:
        moved = _moved(shifted_from, shifted_days)
        known = _announced(w3, factory, deployer, deal.terms_hash)

        def recorded() -> DeploymentRecord:
            return _record(w3, deal, factory, deployer, moved)

        raise _already(deal, known.parts, out, recorded, wallets, currency)


def factory_before(w3: Web3, deployer: str, terms_hash: str) -> str | None:
    """The factory through which `deployer` has deployed these terms; None if there is none, or a node does
    not say for lack of an address to look at."""
    try:
        found = announcements(w3, deployer, terms_hash)
    except Web3Exception:
        return None
    # Anybody's contract can emit such an event; what counts is that it is ours, and knows of the deal.
    for factory in dict.fromkeys(said.factory for said in reversed(found)):
        if code_name(w3, factory, "DealFactory") == "DealFactory":
            return factory
    return None


def _moved(original: Deal | None, days: int) -> tuple[int, str | None]:
    return days, original.terms_hash if original is not None and days else None


def _already(
    deal: Deal,
    parts: Mapping[str, str],
    out: Path | None,
    recorded: Callable[[], DeploymentRecord],
    wallets: Wallets | None,
    currency: str | None,
) -> AlreadyDeployedError:
    where = ", ".join(f"{key} {address}" for key, address in parts.items())
    text = f"{deal.id}: these terms ({deal.terms_hash}) are already deployed by this account: {where}"
    differs = missing = False
    if wallets is not None or currency is not None or out is not None:
        # The same addresses can be of an earlier, since restarted chain; what the chain says now counts.
        record = recorded()
        others = [] if wallets is None else list(_others(record.wallets, wallets))
        if others:
            text += f"; for other wallets than those given: {'; '.join(others)}"
        if currency not in (None, record.shared["currency"]):
            text += f"; in another currency than that given: {record.shared['currency']}, not {currency}"
        differs = bool(others) or currency not in (None, record.shared["currency"])
        if out is not None:
            missing = not out.exists() or out.read_bytes() != record.to_json().encode()
            record.save(out)
            text += f"; its record is written again: {out}" if missing else f"; record: {out}"
    return AlreadyDeployedError(text, dict(parts), missing and not differs)


def _others(there: Wallets, given: Wallets) -> Iterator[str]:
    """Who is somebody else in a deployment than was given, as far as its contracts name everybody."""
    has = there.everybody
    for role, wanted in given.everybody.items():
        its = has.get(role, wanted)
        mine, theirs = ({each} if isinstance(each, str) else set(each) for each in (wanted, its))
        if mine != theirs:
            yield f"{role} {', '.join(sorted(theirs - mine))}, not {', '.join(sorted(mine - theirs))}"


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


def _announced(w3: Web3, factory: str, deployer: str, terms_hash: str) -> Announcement:
    """Raises ChainError when the factory has announced no such deal."""
    found = announcements(w3, deployer, terms_hash, factory)
    if not found:
        raise ChainError(f"the factory {factory} shows no deployment of {terms_hash}")
    return found[-1]


def _record(
    w3: Web3, deal: Deal, factory: str, deployer: str, moved: tuple[int, str | None]
) -> DeploymentRecord:
    """The record, read from the chain, so that it says what is there and not what was meant: whatever of it
    the deal does not say stands in the terms of the parts."""
    known, plan = _announced(w3, factory, deployer, deal.terms_hash), plan_of(deal)
    site = unknown(known.parts, deal.terms_hash, plan.seats)
    for part in plan.parts:
        if part.key not in known.parts:
            raise ChainError(f"the factory {factory} shows no part {part.key} of {deal.terms_hash}")
        functions = contract(w3, PARTS[part.kind].contract, known.parts[part.key]).functions
        for view, expected in part.views(site).items():
            found_at(site, expected, read(functions[view]()))
    feeds = {feed.terms.kpi: site.feeds[feed.terms.kpi] for feed in plan.feeds}
    configs = [
        read(contract(w3, "KpiOracle", site.shared["oracle"]).functions.configOf(feed))
        for feed in feeds.values()
    ]
    people = {
        "nodes": {signer for config in configs for signer in config["signers"]},
        "panel": {member for config in configs for member in config["panel"]},
    }
    parts = {
        part.key: DeployedPart(
            kind=part.kind,
            address=known.parts[part.key],
            implementation=known.made[part.key]["implementation"],
        )
        for part in plan.parts
    }
    gifts, rewards = given_before(w3, known.block, site.shared, known.parts, feeds) or ({}, {})
    return DeploymentRecord(
        deal=deal.id,
        terms_hash=deal.terms_hash,
        chain_id=w3.eth.chain_id,
        client=client_name(w3),
        block=known.block,
        time=w3.eth.get_block(known.block)["timestamp"],
        tx=known.tx,
        gas=w3.eth.get_transaction_receipt(HexStr(known.tx))["gasUsed"],
        parts=parts,
        shared={**site.shared, "factory": factory},
        feeds=feeds,
        gifts=gifts,
        rewards=rewards,
        wallets=Wallets.model_validate(
            {"deployer": deployer, **site.people, **{name: list(each) for name, each in people.items()}}
        ),
        compiler=Compiler(**artifacts.compiler()),
        shifted_days=moved[0],
        shifted_from=moved[1],
        terms=json.loads(deal.canonical_json),
    )
