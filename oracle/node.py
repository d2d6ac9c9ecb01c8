"""An oracle node: measures the KPI with its own data and its own run of the method, and signs the value.

A node never signs two different values for one (feed, period, version): what it signed is on its disk before
the signature leaves it. It knows nothing of the chain; the contract checks everything again. oracle.server
puts it on HTTP.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from oracle import evidence
from oracle.method import Measurement, MethodError, method_hash
from oracle.node_config import ConfigError, NodeConfig, load_key
from oracle.observation import Domain, Observation, sign
from oracle.sources import source_of
from oracle.twins.rain import RainError
from oracle.twins.stormwater import TwinError
from oracle.wire import ObservationRequest, SignedObservation

log = logging.getLogger("penstock.oracle.node")


class RefusedError(Exception):
    """A request that the node will not serve; `status` is the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Ledger:
    """What a node has signed, on disk, so that a restart does not make it forget."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._open() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS signed (feed TEXT, period INTEGER, version INTEGER, value TEXT"
                " NOT NULL, evidence TEXT NOT NULL, PRIMARY KEY (feed, period, version))"
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            yield connection

    def claim(self, feed: str, period: int, version: int, value: int, root: str) -> tuple[int, str]:
        """Write down (value, evidence root) unless something is there; return what is there now.

        One SQL statement, so of two processes with the same state folder only one writes.
        """
        key = (feed, period, version)
        with self._open() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO signed VALUES (?, ?, ?, ?, ?)", (*key, str(value), root)
            )
            row = connection.execute(
                "SELECT value, evidence FROM signed WHERE feed = ? AND period = ? AND version = ?", key
            ).fetchone()
        return int(row[0]), str(row[1])


class Node:
    """One node. Raises ConfigError when its configuration, key, twin or data cannot be used."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self._account: LocalAccount = load_key(config.key)
        self.address: str = self._account.address
        self.source = source_of(config)  # a node that cannot read its data should not start
        try:
            config.state.mkdir(parents=True, exist_ok=True)
            self.ledger = Ledger(config.state / "signed.sqlite")
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"{config.state}: cannot be used: {error}") from None
        self._lock = threading.Lock()

    @property
    def evidence_folder(self) -> Path:
        return self.config.state / "evidence"

    def info(self) -> dict[str, Any]:
        """What the node is: address, method, KPI, periods, twin and engine."""
        config = self.config
        return {
            "address": self.address,
            "method": config.method,
            "method_hash": method_hash(config.method),
            "kpi": config.kpi.id,
            "decimals": config.kpi.decimals,
            "periods": [item.model_dump() for item in config.periods],
            **self.source.info(),
        }

    def health(self) -> dict[str, Any]:
        """Up, and whether it misbehaves on purpose."""
        return {"status": "up", "address": self.address, "faults_injected": self.config.fault.active}

    def observe(self, request: ObservationRequest) -> SignedObservation:
        """Measure and sign. Raises RefusedError (404 not served, 409 another value is already signed, 422 bad
        time or value, 500 the twin fails, 503 silent)."""
        config = self.config
        if config.fault.delay_seconds:
            time.sleep(config.fault.delay_seconds)
        if config.fault.silent:
            raise RefusedError(503, "fault injected: silent")
        if not config.accepts(request.chain_id, request.contract, request.feed):
            raise RefusedError(404, "this node does not serve that feed of that contract on that chain")
        if request.period >= len(config.periods):
            raise RefusedError(404, f"period = {request.period}: the node knows {len(config.periods)}")
        period = config.periods[request.period]
        if request.observed_at < period.end:
            raise RefusedError(422, f"observed_at = {request.observed_at}: the period ends at {period.end}")
        with self._lock:
            measurement = self._measure(request)
        value, bundle = measurement.value, measurement.bundle
        if not config.kpi.minimum <= value <= config.kpi.maximum:
            raise RefusedError(422, f"value = {value}: outside the KPI's bounds")
        bundle.save(self.evidence_folder)  # before the ledger: a root in the ledger can always be served
        signed_value, root = self.ledger.claim(
            request.feed, request.period, request.version, value, bundle.root
        )
        if signed_value != value:
            raise RefusedError(
                409,
                f"value {signed_value} is already signed for feed {request.feed}, period {request.period}, "
                f"version {request.version}; now it would be {value}",
            )
        observation = Observation(
            request.feed, request.period, request.version, value, request.observed_at, root
        )
        signature = sign(observation.message(Domain(request.chain_id, request.contract)), self._account)
        log.info("signed %s for period %s version %s", value, request.period, request.version)
        return SignedObservation(
            **request.model_dump(),
            value=value,
            evidence=root,
            signer=self.address,
            r=signature.r,
            vs=signature.vs,
        )

    def _measure(self, request: ObservationRequest) -> Measurement:
        try:
            measurement = self.source.measure(request)
        except (TwinError, RainError, MethodError, ConfigError, evidence.EvidenceError) as error:
            raise RefusedError(500, f"cannot measure: {error}") from None
        lie = self.config.fault.lie
        return self.source.forge(measurement, lie) if lie else measurement

    def evidence(self, root: str) -> evidence.Bundle:
        """A stored bundle. Raises RefusedError (404, or 500 if the stored copy is damaged)."""
        if not evidence.is_root(root) or not (self.evidence_folder / root).is_dir():
            raise RefusedError(404, "no such evidence here")
        try:
            return evidence.load(self.evidence_folder / root)
        except evidence.EvidenceError as error:
            log.error("%s", error)
            raise RefusedError(500, "the stored evidence is damaged") from None
