"""Signatures against an encoding written out by hand, and against eth_account."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from pydantic import ValidationError

from oracle.observation import (
    SECP256K1_N,
    Domain,
    Observation,
    Ruling,
    Signature,
    SignatureError,
    Verdict,
    digest,
    recover,
    report_evidence,
    sign,
)
from oracle.wire import SignedObservation

KEY = keccak(text="a node")
ADDRESS = Account.from_key(KEY).address
DOMAIN = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
OBSERVATION = Observation("0x" + "01" * 32, 3, 1, -299_500, 1609459300, "0x" + "ab" * 32)
RULING = Ruling("0x" + "01" * 32, 3, 1, "0x" + "cd" * 32, Verdict.CORRECTED, 299_500, "0x" + "ab" * 32)


def separator(domain: Domain) -> bytes:
    """EIP-712 domain separator, field by field."""
    kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    types = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
    name, version = keccak(text="Penstock KpiOracle"), keccak(text="1")
    return keccak(encode(types, [keccak(kind), name, version, domain.chain_id, domain.contract]))


def test_observation_digest_is_eip712() -> None:
    """The type string stands in docs/architecture.md and IKpiOracle.sol."""
    kind = (
        b"Observation(bytes32 feed,uint32 period,uint32 version,"
        b"int128 value,uint64 observedAt,bytes32 evidence)"
    )
    o = OBSERVATION
    struct = encode(
        ["bytes32", "bytes32", "uint32", "uint32", "int128", "uint64", "bytes32"],
        [
            keccak(kind),
            bytes.fromhex(o.feed[2:]),
            o.period,
            o.version,
            o.value,
            o.observed_at,
            bytes.fromhex(o.evidence[2:]),
        ],
    )
    assert digest(o.message(DOMAIN)) == keccak(b"\x19\x01" + separator(DOMAIN) + keccak(struct))


def test_ruling_digest_is_eip712() -> None:
    """The type string stands there too."""
    kind = (
        b"Ruling(bytes32 feed,uint32 period,uint32 version,bytes32 report,"
        b"uint8 verdict,int128 value,bytes32 evidence)"
    )
    r = RULING
    struct = encode(
        ["bytes32", "bytes32", "uint32", "uint32", "bytes32", "uint8", "int128", "bytes32"],
        [
            keccak(kind),
            bytes.fromhex(r.feed[2:]),
            r.period,
            r.version,
            bytes.fromhex(r.report[2:]),
            1,
            r.value,
            bytes.fromhex(r.evidence[2:]),
        ],
    )
    assert digest(r.message(DOMAIN)) == keccak(b"\x19\x01" + separator(DOMAIN) + keccak(struct))


def test_signature_is_eth_accounts_in_compact_form() -> None:
    for number in range(20):  # both parities occur
        observation = replace(OBSERVATION, value=number)
        full = {
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "Observation": [
                    {"name": "feed", "type": "bytes32"},
                    {"name": "period", "type": "uint32"},
                    {"name": "version", "type": "uint32"},
                    {"name": "value", "type": "int128"},
                    {"name": "observedAt", "type": "uint64"},
                    {"name": "evidence", "type": "bytes32"},
                ],
            },
            "primaryType": "Observation",
            "domain": {
                "name": "Penstock KpiOracle",
                "version": "1",
                "chainId": 31337,
                "verifyingContract": DOMAIN.contract,
            },
            "message": {
                "feed": observation.feed,
                "period": 3,
                "version": 1,
                "value": number,
                "observedAt": 1609459300,
                "evidence": observation.evidence,
            },
        }
        theirs = Account.sign_message(encode_typed_data(full_message=full), KEY)
        ours = sign(observation.message(DOMAIN), KEY)
        assert int(ours.r, 16) == theirs.r
        assert int(ours.vs, 16) == theirs.s + ((theirs.v - 27) << 255)
        assert recover(observation.message(DOMAIN), ours) == ADDRESS


@pytest.mark.parametrize(
    "other",
    [
        (OBSERVATION, replace(DOMAIN, chain_id=1)),
        (OBSERVATION, replace(DOMAIN, contract="0x" + "22" * 20)),
        (replace(OBSERVATION, feed="0x" + "02" * 32), DOMAIN),
        (replace(OBSERVATION, period=4), DOMAIN),
        (replace(OBSERVATION, version=2), DOMAIN),
        (replace(OBSERVATION, value=299_500), DOMAIN),
        (replace(OBSERVATION, observed_at=1609459301), DOMAIN),
        (replace(OBSERVATION, evidence="0x" + "ac" * 32), DOMAIN),
        (RULING, DOMAIN),
    ],
)
def test_a_signature_is_for_one_statement(other: tuple[Observation | Ruling, Domain]) -> None:
    signature = sign(OBSERVATION.message(DOMAIN), KEY)
    with contextlib.suppress(SignatureError):  # recovers to nobody: as good
        assert recover(other[0].message(other[1]), signature) != ADDRESS


def test_second_signatures_and_nonsense_are_refused() -> None:
    message = OBSERVATION.message(DOMAIN)
    good = sign(message, KEY)
    # The twin N - s of a signature mostly has no compact form; where it has, above N/2, it is refused.
    high_s = SECP256K1_N // 2 + 1
    assert high_s < 2**255
    for bad in (
        replace(good, vs="0x" + high_s.to_bytes(32, "big").hex()),
        replace(good, r="0x" + "00" * 32),
        replace(good, r="0x" + "ff" * 32),
        replace(good, vs="0x" + "00" * 32),
        replace(good, r="0x12"),
        replace(good, r="0x" + SECP256K1_N.to_bytes(32, "big").hex()),
        Signature("", ""),
    ):
        with pytest.raises(SignatureError):
            recover(message, bad)
    # Half of the order is the highest s that there is: SEC 2, 2.4.1, and EIP-2 on the lower half.
    assert SECP256K1_N == 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
    highest = "0x" + (SECP256K1_N // 2).to_bytes(32, "big").hex()
    assert recover(message, replace(good, vs=highest)) != ADDRESS  # somebody's, and not refused


@pytest.mark.parametrize("statement", [OBSERVATION, RULING])
def test_fields_out_of_range_are_refused(statement: Observation | Ruling) -> None:
    """uint32, int128, uint64 and bytes32 as Solidity has them: the last will do, the next will not."""
    ranges = {"period": (0, 2**32 - 1), "version": (0, 2**32 - 1), "value": (-(2**127), 2**127 - 1)}
    if isinstance(statement, Observation):
        ranges["observed_at"] = (0, 2**64 - 1)
    for name, (low, high) in ranges.items():
        for good in (low, high):
            assert len(digest(replace(statement, **{name: good}).message(DOMAIN))) == 32
        for bad in (low - 1, high + 1):
            with pytest.raises(ValueError, match=name):
                replace(statement, **{name: bad})  # type: ignore[arg-type]
    for name in ("feed", "evidence"):
        for word in ("0x12", "ab" * 33, "0x" + "ab" * 33, "0x" + "ab" * 31, "0x" + "zz" * 32):
            with pytest.raises(ValueError, match=f"{name} = {word}: must be 0x and 64 hex digits"):
                replace(statement, **{name: word})  # type: ignore[arg-type]


def test_report_evidence_is_hash_of_roots_in_order() -> None:
    roots = ["0x" + "01" * 32, "0x" + "02" * 32]
    assert report_evidence(roots) == "0x" + keccak(b"\x01" * 32 + b"\x02" * 32).hex()
    assert report_evidence(roots) != report_evidence(roots[::-1])


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("period", 0, 2**32 - 1),
        ("version", 0, 2**32 - 1),
        ("value", -(2**127), 2**127 - 1),
        ("observed_at", 0, 2**63 - 1),  # the contract's uint64, as far as databases and JSON readers hold it
        ("chain_id", 1, 2**64 - 1),
    ],
)
def test_an_answer_holds_what_the_contract_holds(field: str, low: int, high: int) -> None:
    """uint32, int128 and so on, to the last number; numbers only, and text for what JSON readers round."""
    fields = {
        "feed": OBSERVATION.feed,
        "period": 0,
        "version": 0,
        "chain_id": 1,
        "contract": DOMAIN.contract,
        "value": 0,
        "observed_at": 1,
        "evidence": OBSERVATION.evidence,
        "signer": ADDRESS,
        "r": "0x" + "00" * 32,
        "vs": "0x" + "00" * 32,
    }
    for number in (low, high):
        good = SignedObservation.model_validate({**fields, field: number})
        assert getattr(good, field) == number
        assert SignedObservation.model_validate_json(good.model_dump_json()) == good
        assert getattr(good.observation if field != "chain_id" else good.domain, field) == number
    for bad in (low - 1, high + 1, float(low), None, True):
        with pytest.raises(ValidationError, match=field):
            SignedObservation.model_validate({**fields, field: bad})
    if field != "value":
        with pytest.raises(ValidationError, match=field):
            SignedObservation.model_validate({**fields, field: str(low)})
        return
    for text in ("", "-", "1_0", "٣", "+1", "1.0", "0x1", "9" * 40, "9" * 5000):
        with pytest.raises(ValidationError, match=field):
            SignedObservation.model_validate({**fields, field: text})
