"""Words of the contracts: what stands for text, for who may hold, for a payoff curve."""

from __future__ import annotations

from typing import Any, Protocol

from finance.settlement.payoff_curve import Curve

ZERO_ADDRESS = "0x" + "00" * 20
ZERO_HASH = "0x" + "00" * 32


class Holding(Protocol):
    """Who may hold a claim: classes as bits, blocked countries as ISO numbers, ascending."""

    @property
    def allowed_classes(self) -> int: ...

    @property
    def blocked_countries(self) -> tuple[int, ...]: ...


def holding_policy(terms: Holding) -> str:
    """Who may hold, as the one word of IIdentityRegistry.HoldingPolicy.

    Class bitmap in the lowest byte, then up to fifteen blocked countries (ISO numeric) of 16 bits each.
    """
    word = terms.allowed_classes
    for position, country in enumerate(terms.blocked_countries):
        word |= country << (8 + 16 * position)
    return "0x" + word.to_bytes(32, "big").hex()


def short_string(text: str) -> str:
    """Text of at most 31 bytes as a bytes32, left-aligned, as Solidity casts a string literal."""
    data = text.encode()
    if len(data) > 31:
        raise ValueError(f"{text!r} is longer than the 31 bytes that an id has on chain")
    return "0x" + data.ljust(32, b"\0").hex()


def text_of(word: str) -> str:
    """What `short_string` has made a bytes32 of; what is no text stays hexadecimal."""
    data = bytes.fromhex(word[2:]).rstrip(b"\0")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return word


def curve(payoff: Curve) -> dict[str, Any]:
    """PayoffCurve.Curve."""
    return {"shape": int(payoff.shape), "knots": [{"x": knot.x, "y": knot.y} for knot in payoff.knots]}
