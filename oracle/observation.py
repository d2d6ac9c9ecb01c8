"""Signed observations and rulings: EIP-712 typed data and compact signatures (EIP-2098).

The types, their field order and the domain are those of contracts/interfaces/IKpiOracle.sol; a test compares
the digests with the contract's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage, _hash_eip191_message, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address

from oracle.kpi import INT128_MAX, INT128_MIN

DOMAIN_NAME = "Penstock KpiOracle"
DOMAIN_VERSION = "1"

OBSERVATION_TYPE = [
    {"name": "feed", "type": "bytes32"},
    {"name": "period", "type": "uint32"},
    {"name": "version", "type": "uint32"},
    {"name": "value", "type": "int128"},
    {"name": "observedAt", "type": "uint64"},
    {"name": "evidence", "type": "bytes32"},
]
RULING_TYPE = [
    {"name": "feed", "type": "bytes32"},
    {"name": "period", "type": "uint32"},
    {"name": "version", "type": "uint32"},
    {"name": "report", "type": "bytes32"},
    {"name": "verdict", "type": "uint8"},
    {"name": "value", "type": "int128"},
    {"name": "evidence", "type": "bytes32"},
]
NO_REPORT = "0x" + "00" * 32
SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class SignatureError(ValueError):
    """A signature that is malformed or not the signer's; the message says which."""


class Verdict(IntEnum):
    """What a panel rules, as IKpiOracle.Verdict."""

    STANDS = 0
    CORRECTED = 1
    VOID = 2


@dataclass(frozen=True)
class Domain:
    """Where a signature counts: one contract on one chain."""

    chain_id: int
    contract: str

    def to_dict(self) -> dict[str, Any]:
        """The EIP-712 domain."""
        return {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": self.chain_id,
            "verifyingContract": to_checksum_address(self.contract),
        }


@dataclass(frozen=True)
class Observation:
    """One node's KPI value for a period. feed, evidence: 0x and 64 hex digits; value: 10^-decimals of the
    KPI's unit; observed_at: the chain's time when the node signed it [unix seconds]."""

    feed: str
    period: int
    version: int
    value: int
    observed_at: int
    evidence: str

    def __post_init__(self) -> None:
        _word(self.feed, "feed")
        _word(self.evidence, "evidence")
        _within("period", self.period, 0, 2**32 - 1)
        _within("version", self.version, 0, 2**32 - 1)
        _within("value", self.value, INT128_MIN, INT128_MAX)
        _within("observed_at", self.observed_at, 0, 2**64 - 1)

    def message(self, domain: Domain) -> SignableMessage:
        """EIP-712 message to sign."""
        data = {
            "feed": _word(self.feed, "feed"),
            "period": self.period,
            "version": self.version,
            "value": self.value,
            "observedAt": self.observed_at,
            "evidence": _word(self.evidence, "evidence"),
        }
        return encode_typed_data(domain.to_dict(), {"Observation": OBSERVATION_TYPE}, data)


@dataclass(frozen=True)
class Ruling:
    """A panel's decision on a challenged report, or on a petition for one. report: evidence of the report
    that is ruled on, as the oracle holds it, or NO_REPORT; a fuller report has the same version. value and
    evidence count when the verdict is CORRECTED."""

    feed: str
    period: int
    version: int
    report: str
    verdict: Verdict
    value: int
    evidence: str

    def __post_init__(self) -> None:
        _word(self.feed, "feed")
        _word(self.report, "report")
        _word(self.evidence, "evidence")
        _within("period", self.period, 0, 2**32 - 1)
        _within("version", self.version, 0, 2**32 - 1)
        _within("value", self.value, INT128_MIN, INT128_MAX)

    def message(self, domain: Domain) -> SignableMessage:
        """EIP-712 message to sign."""
        data = {
            "feed": _word(self.feed, "feed"),
            "period": self.period,
            "version": self.version,
            "report": _word(self.report, "report"),
            "verdict": int(self.verdict),
            "value": self.value,
            "evidence": _word(self.evidence, "evidence"),
        }
        return encode_typed_data(domain.to_dict(), {"Ruling": RULING_TYPE}, data)


@dataclass(frozen=True)
class Signature:
    """Compact signature: r, and s with the recovery bit on top (EIP-2098); 0x and 64 hex digits each."""

    r: str
    vs: str


def digest(message: SignableMessage) -> bytes:
    """The 32 bytes that are signed; the contract's observationDigest or rulingDigest."""
    return bytes(_hash_eip191_message(message))


def sign(message: SignableMessage, key: LocalAccount | bytes | str) -> Signature:
    """Sign with a private key or an account."""
    account = key if isinstance(key, LocalAccount) else Account.from_key(key)
    signed = account.sign_message(message)
    parity = signed.v - 27
    return Signature(_hex(signed.r), _hex(parity << 255 | signed.s))


def recover(message: SignableMessage, signature: Signature) -> str:
    """Checksum address that signed. Raises SignatureError if nobody can have."""
    r = int.from_bytes(_word(signature.r, "r", SignatureError), "big")
    vs = int.from_bytes(_word(signature.vs, "vs", SignatureError), "big")
    parity, s = vs >> 255, vs & (2**255 - 1)
    # The upper half of s would be a second signature of the same message; the contract refuses it too.
    if not 0 < r < SECP256K1_N or not 0 < s <= SECP256K1_N // 2:
        raise SignatureError("signature is out of range")
    try:
        return str(Account.recover_message(message, vrs=(27 + parity, r, s)))
    except Exception as error:
        raise SignatureError(f"signature recovers to nobody: {error}") from None


def report_evidence(roots: list[str]) -> str:
    """A report's evidence: keccak256 of its observations' roots, concatenated in the report's order."""
    return "0x" + keccak(b"".join(_word(root, "evidence") for root in roots)).hex()


def _hex(number: int) -> str:
    return "0x" + number.to_bytes(32, "big").hex()


def _word(text: str, name: str, kind: type[ValueError] = ValueError) -> bytes:
    try:
        if not text.startswith("0x") or len(text) != 66:
            raise ValueError
        return bytes.fromhex(text[2:])
    except ValueError:
        raise kind(f"{name} = {text}: must be 0x and 64 hex digits") from None


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} = {value}: must be from {low} to {high}")
