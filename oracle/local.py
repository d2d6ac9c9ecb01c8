"""A deal's oracle nodes on one machine, made ready: for demonstrations and tests. oracle.processes runs them.

In earnest every node runs on its operator's machine, from its own configuration, key and data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from oracle.method import method_of
from oracle.methods.base import Preparation
from oracle.node_config import ConfigError, write_secret

LOCAL_RPC = "http://127.0.0.1:8545"
LOCAL_RELAY: LocalAccount = Account.from_key(keccak(text="penstock: relay of local chains"))
"""Whom local nodes sign for unless told otherwise. Everybody has its key, as those of local chains."""


@dataclass(frozen=True)
class NodeFiles:
    """A prepared node: its configuration file and the address it will sign with."""

    config: Path
    address: str


def prepare_nodes(
    folder: str | Path,
    terms: FeedTerms,
    *,
    deal: Deal | None = None,
    seed: int = 2020,
    faults: Mapping[int, Mapping[str, Any]] | None = None,
    feeds: Any = "any",
    keys: Sequence[bytes] | None = None,
    first_port: int = 0,
    rpc: str = LOCAL_RPC,
    relays: Sequence[str] = (LOCAL_RELAY.address,),
    **options: Any,
) -> list[NodeFiles]:
    """Write one folder per node of the feed: key (mode 0600), configuration and its own copy of the data.

    Returned ascending by address, so a node's position is its signer index on chain. The feed's method makes
    the data from the parameters of `deal`'s asset, or from `options` of the same names (Method.options); they
    are simulated, not measured, and each node's instrument has errors of its own, which `seed` decides.
    `faults` maps positions to fault sections (see node_config.Fault). `keys`: private keys instead of new
    random ones. `feeds`: "any", or FeedId mappings once the feed exists. Node i listens on `first_port` + i
    (0: free ports). `rpc`: URL of the chain that the nodes look at; `relays`: addresses that they sign for.
    Raises InputError for parameters that are missing or wrong.
    """
    method = method_of(terms.method)
    for name in options.keys() - method.options:
        known = ", ".join(sorted(method.options)) or "none"
        raise ConfigError(f"{name} = {options[name]}: not an option of {method.id}; options: {known}")
    accounts = (
        [Account.from_key(key) for key in keys] if keys else [Account.create() for _ in range(terms.nodes)]
    )
    if len(accounts) != terms.nodes:
        raise ConfigError(f"keys: {len(accounts)} for {terms.nodes} nodes")
    accounts.sort(key=lambda account: int(account.address, 16))
    data_of = method.prepare(Preparation(terms, deal, seed, options))
    nodes = []
    for index, account in enumerate(accounts):
        home = Path(folder) / f"node-{index}"
        home.mkdir(parents=True)
        write_secret(home / "key", account.key.hex())
        data = data_of(index)
        for name, text in data.files.items():
            (home / name).write_text(text)
        config = {
            "listen": {"host": "127.0.0.1", "port": first_port and first_port + index},
            "key": {"file": "key"},
            "state": "state",
            "rpc": rpc,
            "relays": list(relays),
            **data.section,
            **_served(terms),
            "feeds": feeds,
            "fault": dict((faults or {}).get(index, {})),
        }
        path = home / "node.json"
        path.write_text(json.dumps(config, indent=2) + "\n")
        nodes.append(NodeFiles(path, account.address))
    return nodes


def _served(terms: FeedTerms) -> dict[str, Any]:
    """What a node's configuration says about the feed."""
    return {
        "kpi": {
            "id": terms.kpi,
            "decimals": terms.decimals,
            "minimum": str(terms.min_value),
            "maximum": str(terms.max_value),
        },
        "method": terms.method,
        "periods": [
            {"start": start, "end": end}
            for start, end in zip(terms.period_starts, terms.period_ends, strict=True)
        ],
    }


def bind_feed(nodes: Sequence[NodeFiles], chain_id: int, contract: str, feed: str) -> None:
    """Rewrite the configurations so that the nodes serve this feed only; takes effect when they start.

    A feed binds its signers, so it can exist only after the keys: prepare, deploy, bind, run.
    """
    for node in nodes:
        config = json.loads(node.config.read_text())
        config["feeds"] = [{"chain_id": chain_id, "contract": contract, "feed": feed}]
        node.config.write_text(json.dumps(config, indent=2) + "\n")
