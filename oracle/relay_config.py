"""Configuration of the relay and of a challenger: one YAML (or JSON) file; paths are relative to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from oracle.config import ConfigError, Section, read_mapping
from oracle.node_config import KeySource
from oracle.wire import Address, Word, one_line

PeriodNumber = Annotated[int, Field(strict=True, ge=1, lt=2**32)]
"""As people count periods; its index in files and on chain is one less."""


class FeedPlace(Section):
    """Where a feed is: contract and feed id."""

    contract: Address
    feed: Word


class Account(Section):
    """Who pays for transactions: an address that the chain's client has unlocked, or a key."""

    address: Address | None = None
    key: KeySource | None = None

    @model_validator(mode="after")
    def _one(self) -> Account:
        if (self.address is None) == (self.key is None):
            raise ValueError("give either address or key")
        return self


class RelayConfig(Section):
    """network: name or URL of the chain; deployment: a deal's deployment record, with `kpi` where the deal
    has several, or else `feed`; identity: the key that signs requests to the nodes, which list its address
    (default: the account's key); period: counted from 1; nodes: base URLs; out: folder for report files and
    evidence."""

    network: str
    deployment: Path | None = None
    kpi: str | None = None
    feed: FeedPlace | None = None
    account: Account
    identity: KeySource | None = None
    period: PeriodNumber = 1
    nodes: list[Annotated[str, Field(pattern=r"^https?://")]] = Field(default_factory=list)
    out: Path = Path("reports/oracle")
    timeout_seconds: float = Field(30, gt=0, le=600)
    restate: bool = False

    @model_validator(mode="after")
    def _place(self) -> RelayConfig:
        if (self.deployment is None) == (self.feed is None):
            raise ValueError("give either deployment or feed")
        if self.kpi is not None and self.deployment is None:
            raise ValueError("kpi belongs to deployment; a feed has one KPI")
        return self


def load_relay_config(path: str | Path) -> RelayConfig:
    """Read a configuration file. Raises ConfigError."""
    file = Path(path)
    try:
        config = RelayConfig.model_validate(read_mapping(file))
    except ValidationError as error:
        raise ConfigError(f"{file}: {one_line(error)}") from None
    return config.under(file.resolve().parent)
