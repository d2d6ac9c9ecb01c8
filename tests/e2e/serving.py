"""`penstock serve` as a process, and what an outsider can ask of it and of its chain."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from web3 import Web3

from chain.bindings import calldata, contract, decode_log, event_abis, read
from chain.reconcile import reconcile
from chain.records import DeploymentRecord

ROOT = Path(__file__).resolve().parents[2]
DEALS = ("dc-water-eib-2016", "bloom-wind-prs", "atlanta-eib-2019")
START_SECONDS, STOP_SECONDS = 600, 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    """A running command, and the lines that it has printed."""

    process: subprocess.Popen[str]
    port: int
    data: Path
    lines: list[str] = field(default_factory=list)
    _queue: queue.Queue[str | None] = field(default_factory=queue.Queue)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    def start(cls, data: Path, *arguments: object, port: int | None = None, **environment: str) -> Served:
        port = port or free_port()
        command = [sys.executable, "-m", "scripts", "serve", "--port", str(port), "--data", str(data)]
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        served = cls(process, port, data)
        served._reader.start()
        return served

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, words: str, seconds: float = START_SECONDS) -> str:
        """The line that says so."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                line = self._queue.get(timeout=0.5)
            except queue.Empty:
                continue
            if line is None:
                break
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError(f"{words!r} was not said:\n" + "\n".join(self.lines))

    def rest(self) -> str:
        """What has been printed since, up to the end."""
        self._reader.join(5)
        found = []
        while not self._queue.empty():
            found.append(self._queue.get() or "")
        return "\n".join(found)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self._reader.join(5)

    def left(self) -> list[str]:
        """Command lines of processes that were given the data folder or a file in it."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.data) in text:
                found.append(text)
        return found


@dataclass
class World:
    """The demonstration, spoken to as a visitor's browser and an outsider's node would."""

    served: Served
    http: httpx.Client
    w3: Web3
    records: dict[str, DeploymentRecord]
    people: dict[str, str]

    def send(self, who: str, call: Any) -> httpx.Response:
        transaction = {"from": self.people[who], "to": call.address, "data": calldata(call)}
        return self.wallet("eth_sendTransaction", transaction)

    def wallet(self, method: str, *parameters: Any) -> httpx.Response:
        return self.http.post("/v1/demo/rpc", json={"method": method, "params": list(parameters)})

    def does(self, who: str, call: Any) -> None:
        answer = self.send(who, call)
        assert answer.status_code == 200, answer.text
        assert self.w3.eth.wait_for_transaction_receipt(answer.json()["result"], 20)["status"] == 1

    def at(self, deal: str, kind: str, name: str) -> Any:
        return contract(self.w3, kind, self.records[deal].addresses[name]).functions

    def raw(self, deal: str, kind: str, name: str) -> Any:
        return contract(self.w3, kind, self.records[deal].addresses[name])

    def balance(self, who: str) -> int:
        currency = self.at(DEALS[0], "TestCurrency", "currency")
        return int(read(currency.balanceOf(self.people[who])))

    def events(self, deal: str, kind: str, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Every event of one of the deal's contracts."""
        logs = self.w3.eth.get_logs(
            {"address": self.records[deal].addresses[name], "fromBlock": 0, "toBlock": "latest"}
        )
        found = [decode_log(log, event_abis(kind)) for log in logs]
        return [each for each in found if each is not None]

    def folder(self, deal: str) -> Path:
        return next(path for path in self.served.data.glob("*") if path.name.startswith(deal))

    def nodes(self, deal: str) -> dict[str, list[str]]:
        return json.loads((self.folder(deal) / "nodes.json").read_text())

    def reconciles(self) -> dict[str, bool]:
        return {deal: reconcile(self.w3, record).ok for deal, record in self.records.items()}
