"""A feed as the chain has it, for relay and verifier."""

from __future__ import annotations

from dataclasses import dataclass

from web3 import Web3

from chain.bindings import contract, read


@dataclass(frozen=True)
class Feed:
    """A feed as the chain has it."""

    id: str
    chain_id: int
    contract: str
    kpi: str
    decimals: int
    minimum: int
    maximum: int
    max_spread: int
    signers: tuple[str, ...]
    quorum: int
    method_hash: str
    period_ends: tuple[int, ...]
    panel: tuple[str, ...]
    panel_quorum: int
    bond_currency: str
    challenge_bond: int


def read_feed(w3: Web3, oracle: str, feed: str) -> Feed:
    """Read a feed's configuration from the contract. Raises chain.errors.ChainError."""
    config = read(contract(w3, "IKpiOracle", oracle).functions.configOf(bytes.fromhex(feed[2:])))
    return Feed(
        id=feed,
        chain_id=w3.eth.chain_id,
        contract=oracle,
        kpi=bytes.fromhex(config["kpi"][2:]).rstrip(b"\0").decode(errors="replace"),
        decimals=config["decimals"],
        minimum=config["minValue"],
        maximum=config["maxValue"],
        max_spread=config["maxSpread"],
        signers=tuple(config["signers"]),
        quorum=config["quorum"],
        method_hash=config["methodHash"],
        period_ends=tuple(config["periodEnds"]),
        panel=tuple(config["panel"]),
        panel_quorum=config["panelQuorum"],
        bond_currency=config["bondCurrency"],
        challenge_bond=config["challengeBond"],
    )
