"""What a demonstration on a local chain adds; scripts.serve does it, and hands it to the app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class DemoAccount:
    """A wallet of the local chain that a visitor may act as. `role`: investor, citizen, issuer, ..."""

    address: str
    name: str
    role: str


@dataclass(frozen=True)
class NextEvent:
    """What comes next in the simulated world: the chain's clock would move to `time` (unix seconds)."""

    time: int
    deployment: str
    title: str


class Demo(Protocol):
    """The demonstration's world: wallets to act as, a clock to move, and what everybody else does then."""

    def accounts(self) -> Sequence[DemoAccount]:
        """Wallets that the chain itself holds unlocked."""

    def upcoming(self) -> Sequence[NextEvent]:
        """What comes next, soonest first."""

    def advance(self) -> NextEvent:
        """Move the clock to the next event and let everybody act. Raises ChainError; ProblemError while it
        cannot happen."""

    def rpc(self, method: str, parameters: Sequence[Any]) -> Any:
        """A wallet call (eth_sendTransaction, personal_sign, eth_signTypedData_v4, eth_accounts, eth_chainId)
        passed on to the chain for one of `accounts`. Raises ProblemError for another method or account."""

    def trouble(self) -> Sequence[str]:
        """What does not run now and what is waited for, a sentence each; none if all is well."""

    def facts(self) -> Mapping[str, str]:
        """What is simulated here, in words, for the banner."""
