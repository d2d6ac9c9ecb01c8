"""Moves the demonstration's world: the clock to the next event, and everybody to do what they would."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.chain_link import NO_ANSWER
from api.demo import DemoAccount, NextEvent
from api.problems import ProblemError, bad_input, conflict
from chain.bindings import request
from chain.errors import ChainError
from chain.network import BLOCK_GAS_LIMIT, LocalChain, clock, reach_time
from chain.sender import GAS_MARGIN
from scripts.serve.panel import Panel
from scripts.serve.plan import Plan, Step

log = logging.getLogger("penstock.serve")
SHOWN = 12
"""Events that are told ahead."""
WATCH_SECONDS = 1.0

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
    ) -> None:
        self._chain, self._plan, self._panel = chain, plan, panel
        self._accounts, self._facts = list(accounts), dict(facts)
        self._moving = threading.Lock()

    # -- what is seen

    def accounts(self) -> list[DemoAccount]:
        return list(self._accounts)

    def upcoming(self) -> list[NextEvent]:
        return self._plan.upcoming(SHOWN)

    def facts(self) -> dict[str, str]:
        return dict(self._facts)

    # -- time

    def advance(self) -> NextEvent:
        """The next event. Raises ProblemError (409) when nothing is left, ChainError when the chain refuses
        what should happen; then the event counts as past all the same, so that the world goes on."""
        with self._moving:
            step = self._plan.take()
            if step is None:
                raise conflict("nothing comes next in this demonstration: every deal has ended")
            self._panel.look(at_once=True)
            self._live(step)
            return step.event

    def live_until(self, time: int, tell: Callable[[Step], None]) -> None:
        """Everything up to `time` (unix seconds), with the clock there at the end."""
        with self._moving:
            while (step := self._plan.next()) is not None and step.time <= time:
                self._plan.take()
                tell(step)
                self._live(step)
            reach_time(self._chain.w3, time)

    def _live(self, step: Step) -> None:
        reach_time(self._chain.w3, step.time)
        log.info("%s: %s", step.deployment, step.title)
        step.act()

    def watch(self, stop: threading.Event) -> None:
        """Until `stop`: the panel rules on what is challenged, and what falls due as time passes happens. A
        chain that does not answer is told of once, and waited for."""
        silent = False
        while not stop.wait(WATCH_SECONDS):
            try:
                self._panel.look()
                step = self._plan.next()
                if step is not None and step.time <= clock(self._chain.w3):
                    self.advance()
                silent = False
            except NO_ANSWER as error:
                if not silent:
                    log.warning("the demonstration waits for its chain: %s", str(error)[:200])
                silent = True
            except Exception:
                # The world goes on: what could not be done is in the log.
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
