"""What deal factories have announced: which deals were made, in which block, of which contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from web3 import Web3

from chain.bindings import contract, decode_log, event_abis, read
from chain.errors import ChainError
from chain.terms import text_of


@dataclass(frozen=True)
class Announcement:
    """A deal as a `factory` announced it. `made`: IDealFactory.Made by the part's key."""

    factory: str
    block: int
    tx: str
    made: Mapping[str, Mapping[str, str]]

    @property
    def parts(self) -> dict[str, str]:
        """Addresses by key."""
        return {key: made["at"] for key, made in self.made.items()}


def announcements(
    w3: Web3, deployer: str, terms_hash: str, factory: str | None = None, block: int | None = None
) -> list[Announcement]:
    """Every announcement of these terms of this deployer, in order: by `factory` (None: by any contract, ours
    or not), in `block` (None: in any)."""
    topic = next(t for t, entry in event_abis("DealFactory").items() if entry["name"] == "DealDeployed")
    who = "0x" + deployer[2:].lower().rjust(64, "0")
    first, last = (0, "latest") if block is None else (block, block)
    wanted: Any = {"fromBlock": first, "toBlock": last, "topics": ["0x" + topic.hex(), who, terms_hash]}
    if factory is not None:
        wanted["address"] = Web3.to_checksum_address(factory)
    return [_announcement(log) for log in w3.eth.get_logs(wanted)]


def _announcement(log: Any) -> Announcement:
    decoded = decode_log(log, event_abis("DealFactory"))
    assert decoded is not None
    made = {text_of(made["key"]): made for made in decoded[1]["parts"]}
    return Announcement(str(log["address"]), log["blockNumber"], log["transactionHash"].to_0x_hex(), made)


def given_before(
    w3: Web3, block: int, shared: Mapping[str, str], parts: Mapping[str, str], feeds: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, int]] | None:
    """What strangers have given to a deal that was made in `block` before it: currency by part, rewards by
    KPI, without nothings. Addresses and feeds follow from the terms, so anybody can. None if the node does
    not know any more."""
    balance = contract(w3, "IERC20", shared["currency"]).functions.balanceOf
    try:
        gifts = {key: int(read(balance(at), block - 1)) for key, at in parts.items()}
        rewards = {}
        for kpi, feed in feeds.items():
            pool = contract(w3, "KpiOracle", shared["oracle"]).functions.rewardPool(feed)
            rewards[kpi] = int(read(pool, block - 1))
    except ChainError:
        return None
    return {k: v for k, v in gifts.items() if v}, {k: v for k, v in rewards.items() if v}
