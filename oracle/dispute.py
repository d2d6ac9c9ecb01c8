"""What a challenger or petitioner commits to before it speaks, so that nobody who copies it is first."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak


def commitment(who: str, feed: str, period: int, value: int | None, evidence: str, salt: str) -> str:
    """As IKpiOracle.commitChallenge takes it: of a challenge of the reported `value`, or of a petition where
    it is None. feed, evidence, salt and the result: 0x and 64 hex digits."""
    kinds, values = ["address", "bytes32", "uint32"], [to_checksum_address(who), _word(feed), period]
    if value is not None:
        kinds, values = [*kinds, "int128"], [*values, value]
    return (
        "0x" + keccak(encode([*kinds, "bytes32", "bytes32"], [*values, _word(evidence), _word(salt)])).hex()
    )


def _word(text: str) -> bytes:
    return bytes.fromhex(text[2:])
