"""What travels between relay and node as JSON, validated on both sides."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from finance.terms.problems import in_words
from oracle.kpi import INT128_MAX, INT128_MIN
from oracle.observation import Domain, Observation, Signature

Word = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
"""32 bytes: 0x and 64 lower-case hex digits."""

Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
Uint32 = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
UnixTime = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
ChainId = Annotated[int, Field(strict=True, ge=1, lt=2**64)]


def _integer(value: Any) -> Any:
    if isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdecimal():
        return int(value) if len(value) < 60 else value
    return value


Int128 = Annotated[
    int,
    Field(strict=True, ge=INT128_MIN, le=INT128_MAX),
    BeforeValidator(_integer),
    PlainSerializer(str, return_type=str, when_used="json"),
]
"""An integer that JSON carries as a string: it may exceed what JSON readers hold exactly."""


class Message(BaseModel):
    """Base: no unknown fields, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ObservationRequest(Message):
    """What a relay wants signed: which version of the report of which period. The node puts the value and
    the chain's time to it."""

    feed: Word
    period: Uint32
    version: Uint32
    chain_id: ChainId
    contract: Address


class SignedRequest(Message):
    """POST /v1/observation: a request with its relay's signature; see oracle.access. issued_at: unix seconds
    of the relay's clock; nonce: 32 random bytes."""

    request: ObservationRequest
    relay: Address
    issued_at: UnixTime
    nonce: Word
    r: Word
    vs: Word

    @property
    def signature(self) -> Signature:
        return Signature(self.r, self.vs)


class SignedObservation(Message):
    """A node's answer: what it signed, for which contract, and its signature."""

    feed: Word
    period: Uint32
    version: Uint32
    chain_id: ChainId
    contract: Address
    value: Int128
    observed_at: UnixTime
    evidence: Word
    signer: Address
    r: Word
    vs: Word

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, self.contract)

    @property
    def observation(self) -> Observation:
        return Observation(self.feed, self.period, self.version, self.value, self.observed_at, self.evidence)

    @property
    def signature(self) -> Signature:
        return Signature(self.r, self.vs)


def one_line(error: ValidationError) -> str:
    """The first problem of a payload as `field = value: reason`."""
    problem = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in problem["loc"]) or "body"
    value = problem.get("input")
    shown = "" if problem["type"] == "missing" or isinstance(value, dict | list) else f" = {value!r:.80}"
    more = error.error_count() - 1
    return f"{field}{shown}: {in_words(problem)}" + (f" (and {more} more)" if more else "")
