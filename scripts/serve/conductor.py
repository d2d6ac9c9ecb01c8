"""Moves the demonstration's world: the clock to the next event, and everybody to do what they would."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.chain_link import NO_ANSWER
from api.demo import DemoAccount, NextEvent
from api.problems import ProblemError, bad_input, conflict, unavailable
from chain.bindings import request
from chain.errors import ChainError, UnreachableError
from chain.network import BLOCK_GAS_LIMIT, LocalChain, clock, reach_time
from chain.sender import GAS_MARGIN
from scripts.demo.reporting import Crew
from scripts.serve.panel import Panel
from scripts.serve.plan import Plan, PlannedEvent
from scripts.serve.reports import NotReportedError

log = logging.getLogger("penstock.serve")
SHOWN = 12
"""Events that are told ahead."""
WATCH_SECONDS = 1.0
AGAIN_SECONDS = 10.0
"""Between two tries of what could not happen yet."""
PATIENCE_SECONDS = 120.0
"""For a report while the world is being lived, in which a node can start again."""

NODE_STOPPED = "A node of the oracle has stopped. It is being started again."
NOT_REPORTED = (
    "The nodes have given no report. The demonstration waits for it and settles nothing without it."
)

FREE = frozenset({"eth_accounts", "eth_requestAccounts", "eth_chainId"})


class Conductor:
    """The world as the service sees it (api.demo.Demo)."""

    def __init__(
        self,
        chain: LocalChain,
        plan: Plan,
        panel: Panel,
        accounts: Sequence[DemoAccount],
        facts: Mapping[str, str],
        crews: Mapping[str, Crew],
    ) -> None:
        """`crews`: the nodes that run, by deal; it may grow."""
        self._chain, self._plan, self._panel = chain, plan, panel
        self._accounts, self._facts = list(accounts), dict(facts)
        self._crews = crews
        self._moving = threading.Lock()
        self._stopped: list[str] = []
        self._waits = ""
        self._try_at = 0.0

    # -- what is seen

    def accounts(self) -> list[DemoAccount]:
        return list(self._accounts)

    def upcoming(self) -> list[NextEvent]:
        return self._plan.upcoming(SHOWN)

    def facts(self) -> dict[str, str]:
        return dict(self._facts)

    def trouble(self) -> list[str]:
        return ([NODE_STOPPED] if self._stopped else []) + ([self._waits] if self._waits else [])

    # -- time

    def advance(self) -> NextEvent:
        """The next event. Raises ProblemError: 409 when nothing is left, 503 when it cannot happen yet,
        because the nodes gave no report or the chain does not answer; it stays the next one then. Raises
        ChainError when the chain refuses what should happen; that event counts as past, so that the world
        goes on."""
        with self._moving:
            planned = self._plan.take()
            if planned is None:
                raise conflict("nothing comes next in this demonstration: every deal has ended")
            try:
                self._panel.look(at_once=True)
                self._live(planned)
            except (NotReportedError, UnreachableError) as error:
                self._plan.put_back(planned)
                away = isinstance(error, UnreachableError)
                self._waits = "" if away else NOT_REPORTED  # of the chain's silence every page tells
                self._try_at = time.monotonic() + AGAIN_SECONDS
                name = "chain-unavailable" if away else "not-reported"
                raise unavailable("; ".join([f"{planned.title}: {error}", *self.look()]), name) from None
            self._waits = ""
            return planned.shown

    def look(self) -> list[str]:
        """The nodes that should run and do not, in words; they are started again."""
        self._stopped = [f"{deal}: {words}" for deal, crew in self._crews.items() for words in crew.look()]
        return self._stopped

    def live_until(self, until: int, tell: Callable[[PlannedEvent], None]) -> None:
        """Everything up to `until` (unix seconds), with the clock there at the end."""
        with self._moving:
            while (planned := self._plan.next()) is not None and planned.time <= until:
                self._plan.take()
                tell(planned)
                self._live_patiently(planned)
            reach_time(self._chain.w3, until)

    def _live_patiently(self, planned: PlannedEvent) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._live(planned)
            except NotReportedError as error:
                log.warning("%s: %s", error, "; ".join(self.look()))
                if time.monotonic() > deadline:
                    raise
                time.sleep(WATCH_SECONDS)

    def _live(self, planned: PlannedEvent) -> None:
        reach_time(self._chain.w3, planned.time)
        log.info("%s: %s", planned.deployment, planned.title)
        planned.act()

    def watch(self, stop: threading.Event) -> None:
        """Until `stop`: nodes that end are started again, the panel rules on what is challenged, and what
        falls due as time passes happens. What could not be done is told once, and tried again."""
        said = ""
        while not stop.wait(WATCH_SECONDS):
            try:
                self.look()
                self._panel.look()
                planned, now = self._plan.next(), clock(self._chain.w3)
                if planned is not None and planned.time <= now and time.monotonic() >= self._try_at:
                    self.advance()
                said = ""
            except Exception as error:
                # The world goes on: what could not be done is in the log, once.
                if said != (said := f"{type(error).__name__}: {str(error)[:200]}"):
                    if isinstance(error, NO_ANSWER):
                        log.warning("the demonstration waits for its chain: %s", said)
                    elif isinstance(error, (ChainError, ProblemError)):
                        log.warning("the demonstration's watch: %s", said)
                    else:
                        log.exception("the demonstration's watch")

    # -- wallets

    def rpc(self, method: str, parameters: Sequence[Any]) -> Any:
        """See api.demo.Demo.rpc. A transaction calls a contract and carries no ether."""
        if method in FREE:
            known = [account.address for account in self._accounts]
            return hex(self._chain.chain_id) if method == "eth_chainId" else known
        if method == "eth_sendTransaction":
            return self._send(self._transaction(parameters))
        if method == "personal_sign":
            text, account = self._two(method, parameters)
            return self._sign(method, [text, self._own(account)])
        if method == "eth_signTypedData_v4":
            account, typed = self._two(method, parameters)
            return self._sign(method, [self._own(account), typed])
        raise bad_input(f"method = {str(method)[:60]}: not a wallet call of this demonstration")

    def _send(self, transaction: dict[str, Any]) -> Any:
        """As a wallet does: what the contract would refuse is not sent. Raises ContractError."""
        w3 = self._chain.w3
        estimate = int(request(w3, "eth_estimateGas", [transaction], "transaction"), 16)
        gas = hex(min(int(estimate * GAS_MARGIN), BLOCK_GAS_LIMIT))
        return request(w3, "eth_sendTransaction", [{**transaction, "gas": gas}], "transaction")

    def _sign(self, method: str, parameters: list[Any]) -> Any:
        try:
            return request(self._chain.w3, method, parameters)
        except ChainError as error:
            raise bad_input(f"{method}: {str(error)[:300]}") from None

    def _transaction(self, parameters: Sequence[Any]) -> dict[str, Any]:
        if len(parameters) != 1 or not isinstance(parameters[0], dict):
            raise bad_input("params: one transaction is wanted")
        given = parameters[0]
        if not isinstance(given.get("to"), str) or not isinstance(given.get("data"), str):
            raise bad_input("params: a transaction to a contract, with data, is wanted")
        if given.get("value") not in (None, "0x0", "0x", "0x00"):
            raise bad_input("params: value: this demonstration moves no ether")
        return {"from": self._own(given.get("from")), "to": given["to"], "data": given["data"]}

    def _two(self, method: str, parameters: Sequence[Any]) -> tuple[Any, Any]:
        if len(parameters) != 2:
            raise bad_input(f"params: {method} takes two")
        return parameters[0], parameters[1]

    def _own(self, address: Any) -> str:
        for account in self._accounts:
            if isinstance(address, str) and account.address.lower() == address.lower():
                return account.address
        raise ProblemError(
            403, "not-a-demo-account", f"{str(address)[:60]}: not an account of this demonstration"
        )
