"""The test chain's clock, by plain RPC: Anvil refuses brownie 1.22.2's chain.mine(timestamp=...), brownie's
chain.time() does not follow warped time, and Ganache knows only evm_setTime."""

from __future__ import annotations

from typing import Any

from brownie import chain, web3


def _rpc(method: str, *args: Any) -> None:
    answer = web3.provider.make_request(method, list(args))
    assert "error" not in answer, answer


def is_ganache() -> bool:
    return web3.client_version.lower().startswith("ganache")


def now() -> int:
    """Timestamp of the last block."""
    return chain[-1].timestamp


def next_at(timestamp: int) -> None:
    """The next transaction is mined at exactly this time."""
    assert timestamp > now(), f"{timestamp} is not after {now()}"
    if is_ganache():
        _rpc("evm_setTime", timestamp * 1000)
    else:
        _rpc("evm_setNextBlockTimestamp", timestamp)


def warp(timestamp: int) -> None:
    """Mine a block at this time, or just after the last one if that is later."""
    next_at(max(timestamp, now() + 1))
    _rpc("evm_mine")
