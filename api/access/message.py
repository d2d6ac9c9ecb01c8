"""The message of Sign-In with Ethereum, read strictly: https://eips.ethereum.org/EIPS/eip-4361."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.address import is_checksum_address

LONGEST = 4_000
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_MESSAGE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<domain>[^/?#\s]+)"
    r" wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    r"(?:(?P<statement>[^\n]+)\n)?\n"
    r"URI: (?P<uri>\S+)\n"
    r"Version: (?P<version>\d+)\n"
    r"Chain ID: (?P<chain_id>\d{1,18})\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9]{8,64})\n"
    rf"Issued At: (?P<issued_at>{_TIME})"
    rf"(?:\nExpiration Time: (?P<expires_at>{_TIME}))?"
    rf"(?:\nNot Before: (?P<not_before>{_TIME}))?"
    r"(?:\nRequest ID: (?P<request>[^\s]*))?"
    r"(?:\nResources:(?P<resources>(?:\n- \S+)*))?",
    re.ASCII,
)


class MessageError(ValueError):
    """Not a message of EIP-4361; the text says what is wrong."""


@dataclass(frozen=True)
class SignInMessage:
    """What a wallet signed. Times are unix seconds; `text` is the message itself, which is what counts."""

    text: str
    scheme: str | None
    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: float
    expires_at: float | None
    not_before: float | None

    def signed_by(self, signature: str) -> bool:
        """Whether the signature (65 bytes in hexadecimal) over the text is that of `address`."""
        try:
            found = Account.recover_message(encode_defunct(text=self.text), signature=signature)
        except Exception:  # the libraries raise many kinds for bytes that are no signature
            return False
        return str(found) == self.address


def read_message(text: str) -> SignInMessage:
    """The message in a text. Raises MessageError."""
    if len(text) > LONGEST:
        raise MessageError(f"longer than {LONGEST} characters")
    found = _MESSAGE.fullmatch(text)
    if found is None:
        raise MessageError("not a message of EIP-4361")
    if found["version"] != "1":
        raise MessageError(f"Version {found['version']}: must be 1")
    if not is_checksum_address(found["address"]):
        raise MessageError(f"{found['address']}: must have a checksum (EIP-55)")
    return SignInMessage(
        text=text,
        scheme=found["scheme"],
        domain=found["domain"],
        address=found["address"],
        uri=found["uri"],
        chain_id=int(found["chain_id"]),
        nonce=found["nonce"],
        issued_at=_seconds("Issued At", found["issued_at"]),
        expires_at=_seconds("Expiration Time", found["expires_at"]) if found["expires_at"] else None,
        not_before=_seconds("Not Before", found["not_before"]) if found["not_before"] else None,
    )


def _seconds(name: str, moment: str) -> float:
    try:
        return datetime.fromisoformat(moment).timestamp()
    except (ValueError, OverflowError):
        raise MessageError(f"{name}: {moment} is not a time") from None
