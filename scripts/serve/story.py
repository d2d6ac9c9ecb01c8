"""What the deals of the demonstration's world have in common: where they live, and how they are told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chain.errors import ContractError
from chain.network import LocalChain
from chain.sender import GasLog
from scripts.serve.folders import WORLD
from scripts.serve.panel import Panel
from scripts.serve.plan import Plan

log = logging.getLogger("penstock.serve")
DAY = 86_400

Urls = Callable[[int], Sequence[str]]
"""The nodes that are asked about a period (from 0); waits until they run."""


@dataclass
class Scene:
    """Where every deal of the world lives. `data` has a folder for each deployment."""

    chain: LocalChain
    data: Path
    plan: Plan
    panel: Panel
    gas: GasLog = field(default_factory=GasLog)

    @property
    def shared(self) -> Path:
        """Where the addresses of the contracts that all deals share are remembered."""
        return self.data / WORLD / "contracts"


@contextmanager
def as_they_can(what: str) -> Iterator[None]:
    """For what people do of their own accord: a contract that refuses (a paused token, a wallet that is no
    longer verified) ends it, and nothing else."""
    try:
        yield
    except ContractError as error:
        log.warning("%s: %s", what, error)
