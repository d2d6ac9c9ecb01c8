"""Signatures of nodes and panels for tests, thousands in a second: of real keys over real EIP-712 digests, by
the textbook, where eth_account takes some milliseconds for each. A test holds them against eth_account's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from eth_keys import keys
from eth_utils import keccak

from finance.settlement.feed_config import Word, word

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1."""
OBSERVATION = (
    "Observation(bytes32 feed,uint32 period,uint32 version,int128 value,uint64 observedAt,bytes32 evidence)"
)
RULING = (
    "Ruling(bytes32 feed,uint32 period,uint32 version,bytes32 report,"
    "uint8 verdict,int128 value,bytes32 evidence)"
)
DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


@dataclass(frozen=True)
class Key:
    """A private key, and one nonce for all its signatures, which gives it away: it guards nothing."""

    secret: int
    nonce: int = 0x51ED

    @cached_property
    def address(self) -> str:
        return keys.PrivateKey(word(self.secret)).public_key.to_checksum_address()

    @cached_property
    def _point(self) -> tuple[int, int]:
        raw = keys.PrivateKey(word(self.nonce)).public_key.to_bytes()
        return int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")

    def sign(self, digest: bytes) -> dict[str, str]:
        """r and vs of a compact signature (EIP-2098)."""
        x, s, odd = self._signed(digest)
        return {"r": "0x" + word(x).hex(), "vs": "0x" + word(odd << 255 | s).hex()}

    def sign_in_full(self, digest: bytes) -> str:
        """r, s and v of a signature of 65 bytes."""
        x, s, odd = self._signed(digest)
        return "0x" + (word(x) + word(s) + bytes([27 + odd])).hex()

    def _signed(self, digest: bytes) -> tuple[int, int, int]:
        x, y = self._point
        s = pow(self.nonce, -1, N) * (int.from_bytes(digest, "big") + x * self.secret) % N
        odd = y & 1
        return (x, N - s, odd ^ 1) if s > N // 2 else (x, s, odd)


def domain(at: str, contract: str = "KpiOracle", chain_id: int = 1) -> bytes:
    """The EIP-712 domain separator of an oracle, or another contract of ours."""
    names = (keccak(text=f"Penstock {contract}"), keccak(text="1"))
    return keccak(keccak(text=DOMAIN) + b"".join(names) + word(chain_id) + word(at))


def digest(separator: bytes, kind: str, *values: Word) -> bytes:
    """What is signed of an observation or ruling."""
    struct = keccak(keccak(text=kind) + b"".join(map(word, values)))
    return keccak(b"\x19\x01" + separator + struct)
