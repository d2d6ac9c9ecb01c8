"""Who may ask a node to sign: the relays of its configuration, each by its key, and each request once.

A request is signed as EIP-712 typed data in the feed's own domain (oracle.observation.Domain), so it counts
for one contract on one chain. It is the same for every node of the feed: what is passed on from one node to
another asks that one for what the relay asks it anyway.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount

from oracle.observation import Domain, SignatureError, recover, sign
from oracle.wire import ObservationRequest, SignedRequest

MAX_AGE_SECONDS = 60
"""How far the clocks of a relay and a node may be apart, and so how long a node remembers a nonce twice."""

REQUEST_TYPE = [
    {"name": "feed", "type": "bytes32"},
    {"name": "period", "type": "uint32"},
    {"name": "version", "type": "uint32"},
    {"name": "issuedAt", "type": "uint64"},
    {"name": "nonce", "type": "bytes32"},
]


class AccessError(Exception):
    """A request that no listed relay has made, or that is not fresh; the message says which."""


def _message(request: ObservationRequest, issued_at: int, nonce: str) -> SignableMessage:
    data: dict[str, Any] = {
        "feed": bytes.fromhex(request.feed[2:]),
        "period": request.period,
        "version": request.version,
        "issuedAt": issued_at,
        "nonce": bytes.fromhex(nonce[2:]),
    }
    domain = Domain(request.chain_id, request.contract).to_dict()
    return encode_typed_data(domain, {"ObservationRequest": REQUEST_TYPE}, data)


def sign_request(
    request: ObservationRequest, key: LocalAccount, issued_at: int | None = None
) -> SignedRequest:
    """The request as a relay makes it. issued_at: unix seconds of the relay's own clock (default: now)."""
    issued = int(time.time()) if issued_at is None else issued_at
    nonce = "0x" + secrets.token_hex(32)
    signature = sign(_message(request, issued, nonce), key)
    return SignedRequest(
        request=request,
        relay=key.address,
        issued_at=issued,
        nonce=nonce,
        r=signature.r,
        vs=signature.vs,
    )


class Gate:
    """Lets in what `relays` (addresses) ask. `spend(nonce, until)` writes a nonce down until a time [unix
    seconds] and says whether it was new; it must outlive the process."""

    def __init__(self, relays: Sequence[str], spend: Callable[[str, int], bool]) -> None:
        self._relays = frozenset(relay.lower() for relay in relays)
        self._spend = spend

    def admit(self, asked: SignedRequest, now: int) -> ObservationRequest:
        """The request itself, at the node's own time `now`. Raises AccessError."""
        if asked.relay.lower() not in self._relays:
            raise AccessError(f"relay = {asked.relay}: not one that this node signs for")
        if abs(now - asked.issued_at) > MAX_AGE_SECONDS:
            raise AccessError(
                f"issued_at = {asked.issued_at}: more than {MAX_AGE_SECONDS} s from this node's clock, {now}"
            )
        try:
            signer = recover(_message(asked.request, asked.issued_at, asked.nonce), asked.signature)
        except SignatureError as error:
            raise AccessError(f"signature: {error}") from None
        if signer.lower() != asked.relay.lower():
            raise AccessError(f"signature: that of {signer}, not of relay {asked.relay}")
        if not self._spend(asked.nonce, asked.issued_at + MAX_AGE_SECONDS):
            raise AccessError(f"nonce = {asked.nonce}: this request was made before")
        return asked.request
