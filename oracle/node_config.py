"""Configuration of an oracle node: one YAML (or JSON) file; paths in it are relative to the file."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from eth_account import Account
from eth_account.signers.local import LocalAccount
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from finance.terms import InputError
from oracle.kpi import MAX_DECIMALS
from oracle.method import MethodError, check_known
from oracle.twins.reported import METHOD as REPORTED
from oracle.twins.stormwater_parameters import ParameterError, StormwaterParameters, scenario
from oracle.wire import Address, ChainId, Int128, UnixTime, Word, one_line


class ConfigError(InputError):
    """A configuration that cannot be used: `FILE: FIELD = VALUE: REASON`."""


class Section(BaseModel):
    """Base: no unknown fields, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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

    def under(self, base: Path) -> KeySource:
        """The same with relative paths below `base`."""
        names = ("file", "keystore", "password_file")
        paths = {name: getattr(self, name) for name in names}
        return self.model_copy(update={n: base / path for n, path in paths.items() if path is not None})


class Gauge(Section):
    """The node's own rain gauge: its error is drawn from `seed`, see oracle.twins.rain.gauge."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    bias: float = Field(0.0, gt=-1, lt=1)
    noise: float = Field(0.0, ge=0, le=1)
    seed: int = 0


class TwinSource(Section):
    """The twin: a scenario and the impervious area, or a file of parameters
    (StormwaterParameters.to_dict)."""

    scenario: str | None = None
    impervious_area_acres: float | None = None
    parameters: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> TwinSource:
        if (self.scenario is None) == (self.parameters is None):
            raise ValueError("give either scenario or parameters")
        if (self.scenario is None) != (self.impervious_area_acres is None):
            raise ValueError("scenario and impervious_area_acres belong together")
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

    lie: added to the KPI (fraction), with forged results; silent: answer requests for observations with 503;
    delay_seconds: wait before answering.
    """

    lie: float = Field(0.0, ge=-2, le=2)
    silent: bool = False
    delay_seconds: float = Field(0.0, ge=0, le=600)

    @property
    def active(self) -> list[str]:
        """Names of the faults that are switched on."""
        return [name for name in ("lie", "silent", "delay_seconds") if getattr(self, name)]


class NodeConfig(Section):
    """Everything a node needs. `state`: folder for its ledger and evidence; `rain`: its copy of the true
    rain, with `gauge` and `twin` for the stormwater method; `reported`: its copy of a publication, for the
    method that reads one."""

    listen: Listen = Listen()
    key: KeySource
    state: Path
    rain: Path | None = None
    gauge: Gauge | None = None
    twin: TwinSource | None = None
    reported: Path | None = None
    kpi: Kpi
    method: str
    periods: Annotated[list[Period], Field(min_length=1)]
    feeds: Literal["any"] | Annotated[list[FeedId], Field(min_length=1)]
    fault: Fault = Fault()

    @field_validator("method")
    @classmethod
    def _known(cls, method: str) -> str:
        try:
            check_known(method)
        except MethodError as error:
            raise ValueError(str(error)) from None
        return method

    @model_validator(mode="after")
    def _inputs(self) -> NodeConfig:
        of_method = ("reported",) if self.method == REPORTED else ("rain", "gauge", "twin")
        for name in ("rain", "gauge", "twin", "reported"):
            given = getattr(self, name) is not None
            if given != (name in of_method):
                raise ValueError(f"the method {self.method} {'has no' if given else 'needs'} {name}")
        return self

    def accepts(self, chain_id: int, contract: str, feed: str) -> bool:
        """Whether the node may sign for this feed of this contract on this chain."""
        if self.feeds == "any":
            return True
        wanted = (chain_id, contract.lower(), feed)
        return any((item.chain_id, item.contract.lower(), item.feed) == wanted for item in self.feeds)


def load_config(path: str | Path) -> NodeConfig:
    """Read a configuration file; relative paths become relative to its folder. Raises ConfigError."""
    file = Path(path)
    data = read_mapping(file)
    try:
        config = NodeConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{file}: {one_line(error)}") from None
    base = file.resolve().parent

    twin = config.twin
    if twin is not None and twin.parameters is not None:
        twin = twin.model_copy(update={"parameters": base / twin.parameters})
    given = {name: getattr(config, name) for name in ("state", "rain", "reported")}
    paths = {name: base / path for name, path in given.items() if path is not None}
    return config.model_copy(update={"key": config.key.under(base), "twin": twin, **paths})


def read_mapping(file: Path) -> dict[str, Any]:
    """A YAML or JSON file that holds a mapping. Raises ConfigError."""
    try:
        data = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: not a mapping")
    return data


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


def load_twin(source: TwinSource) -> StormwaterParameters:
    """The twin's parameters. Raises ConfigError."""
    try:
        if source.parameters is not None:
            return StormwaterParameters.from_dict(read_mapping(source.parameters))
        assert source.scenario is not None
        assert source.impervious_area_acres is not None
        return scenario(source.scenario, source.impervious_area_acres)
    except ParameterError as error:
        raise ConfigError(f"{source.parameters or 'twin'}: {error}") from None
