"""Configuration of an oracle node: one YAML (or JSON) file; paths in it are relative to the file.

Fields that NodeConfig does not have are the method's own: which data it reads, the node's instruments, the
twin's parameters (oracle.methods).
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Annotated, Literal

from eth_account import Account
from eth_account.signers.local import LocalAccount
from pydantic import Field, SerializeAsAny, ValidationError, field_validator, model_validator

from oracle.config import ConfigError, Section, read_mapping
from oracle.kpi import MAX_DECIMALS
from oracle.method import MethodError, check_known, method_of
from oracle.wire import Address, ChainId, Int128, UnixTime, Word, one_line

__all__ = [
    "ConfigError", "Fault", "FeedId", "KeySource", "Kpi", "Listen", "NodeConfig", "Period", "Section",
    "load_config", "load_key", "read_mapping", "write_secret",
]  # fmt: skip

LARGEST_LIE = 1e12


class Listen(Section):
    """Where to serve. Port 0 takes a free one; the node prints which."""

    host: Literal["127.0.0.1", "::1", "localhost"] = "127.0.0.1"
    port: int = Field(0, ge=0, le=65535)


class KeySource(Section):
    """The signing key: a file with 64 hex digits and mode 0600, or an encrypted keystore and its password."""

    file: Path | None = None
    keystore: Path | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> KeySource:
        if (self.file is None) == (self.keystore is None):
            raise ValueError("give either file or keystore")
        if (self.keystore is None) != (self.password_file is None):
            raise ValueError("keystore and password_file belong together")
        return self


class Kpi(Section):
    """The KPI that is signed: id, decimals and the bounds of an acceptable value (integers, inclusive)."""

    id: str = Field(min_length=1, max_length=31)
    decimals: int = Field(ge=0, le=MAX_DECIMALS)
    minimum: Int128
    maximum: Int128


class Period(Section):
    """A measurement period in unix seconds, end exclusive."""

    start: UnixTime
    end: UnixTime

    @model_validator(mode="after")
    def _order(self) -> Period:
        if self.end <= self.start:
            raise ValueError("end is not after start")
        return self


class FeedId(Section):
    """A feed that this node serves. A signature for another is refused."""

    chain_id: ChainId
    contract: Address
    feed: Word


class Fault(Section):
    """Deliberate misbehaviour, for demonstrations and tests only; a node with a fault says so in /health.

    lie: added to the KPI, in its unit, with forged results; silent: answer requests for observations with
    503; delay_seconds: wait before answering.
    """

    lie: float = Field(0.0, ge=-LARGEST_LIE, le=LARGEST_LIE)
    silent: bool = False
    delay_seconds: float = Field(0.0, ge=0, le=600)

    @property
    def active(self) -> list[str]:
        """Names of the faults that are switched on."""
        return [name for name in ("lie", "silent", "delay_seconds") if getattr(self, name)]


class NodeConfig(Section):
    """Everything a node needs. `state`: folder for its ledger and evidence; `rpc`: URL of the node's own
    chain client, which tells it time and version; `relays`: addresses of those it signs for; `suspect`:
    whether data that are unlikely are signed, with a word in the evidence, or refused; `data`: the method's
    own part."""

    listen: Listen = Listen()
    key: KeySource
    state: Path
    rpc: Annotated[str, Field(pattern=r"^https?://")]
    relays: Annotated[list[Address], Field(min_length=1, max_length=100)]
    kpi: Kpi
    method: str
    periods: Annotated[list[Period], Field(min_length=1)]
    feeds: Literal["any"] | Annotated[list[FeedId], Field(min_length=1)]
    suspect: Literal["flag", "refuse"] = "flag"
    fault: Fault = Fault()
    data: SerializeAsAny[Section] = Section()

    @field_validator("method")
    @classmethod
    def _known(cls, method: str) -> str:
        try:
            check_known(method)
        except MethodError as error:
            raise ValueError(str(error)) from None
        return method

    def accepts(self, chain_id: int, contract: str, feed: str) -> bool:
        """Whether the node may sign for this feed of this contract on this chain."""
        if self.feeds == "any":
            return True
        wanted = (chain_id, contract.lower(), feed)
        return any((item.chain_id, item.contract.lower(), item.feed) == wanted for item in self.feeds)


def load_config(path: str | Path) -> NodeConfig:
    """Read a configuration file; relative paths become relative to its folder. Raises ConfigError."""
    file = Path(path)
    fields = read_mapping(file)
    common = NodeConfig.model_fields.keys() - {"data"}
    try:
        config = NodeConfig.model_validate({name: fields[name] for name in fields if name in common})
        section = method_of(config.method).section
        data = section.model_validate({name: fields[name] for name in fields if name not in common})
    except ValidationError as error:
        raise ConfigError(f"{file}: {one_line(error)}") from None
    return config.model_copy(update={"data": data}).under(file.resolve().parent)


def load_key(source: KeySource) -> LocalAccount:
    """The signing key. Raises ConfigError; no message ever holds key material."""
    if source.file is not None:
        text = _secret(source.file)
        try:
            return _account(bytes.fromhex(text.removeprefix("0x")))
        except Exception:
            raise ConfigError(f"{source.file}: not a private key of 64 hex digits") from None
    assert source.keystore is not None
    assert source.password_file is not None
    password = _secret(source.password_file)
    try:
        return _account(bytes(Account.decrypt(json.loads(source.keystore.read_text()), password)))
    except Exception:
        raise ConfigError(f"{source.keystore}: not a keystore that the password opens") from None


def _account(key: bytes) -> LocalAccount:
    account: LocalAccount = Account.from_key(key)
    return account


def _secret(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: cannot be read: {getattr(error, 'strerror', None) or 'not text'}"
        ) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"{file}: mode is {stat.S_IMODE(mode):04o}: others can read it; use chmod 600")
    return text


def write_secret(file: Path, text: str) -> None:
    """Write a new file that only its owner can read. Raises FileExistsError if it is there."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text + "\n")
