"""An oracle node: measures the KPI by its method on its own data, and signs the value.

A node never signs two different values for one (feed, period, version): what it signed is on its disk before
the signature leaves it. It signs for the relays of its configuration only, for the version and at the time of
the chain that it sees itself (oracle.chain_view, oracle.versions). oracle.server puts it on HTTP.
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

from finance.terms import InputError
from oracle import evidence
from oracle.access import AccessError, Gate
from oracle.chain_view import ChainState, ChainView, ChainViewError, View, moment
from oracle.kpi import KpiError
from oracle.method import Measurement, MethodError, method_hash, method_of
from oracle.methods.base import About
from oracle.node_config import ConfigError, NodeConfig, load_key
from oracle.observation import Domain, Observation, sign
from oracle.versions import admitted
from oracle.wire import ObservationRequest, SignedObservation, SignedRequest

log = logging.getLogger("penstock.oracle.node")


class RefusedError(Exception):
    """A request that the node will not serve; `status` is the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class NodeStore:
    """What a node has signed, and which requests it has served, on disk, so that a restart does not make it
    forget."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._open() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS signed (feed TEXT, period INTEGER, version INTEGER, value TEXT"
                " NOT NULL, evidence TEXT NOT NULL, PRIMARY KEY (feed, period, version))"
            )
            connection.execute("CREATE TABLE IF NOT EXISTS served (nonce TEXT PRIMARY KEY, until INTEGER)")

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

    def spend(self, nonce: str, until: int) -> bool:
        """Write down a request's nonce, which counts until a time [unix seconds]; False if it is there."""
        with self._open() as connection:
            connection.execute("DELETE FROM served WHERE until < ?", (int(time.time()) - 1,))
            done = connection.execute("INSERT OR IGNORE INTO served VALUES (?, ?)", (nonce, until))
            return done.rowcount == 1

    def behind(self, root: str) -> tuple[str, int, int] | None:
        """Feed, period and version that an evidence root was signed for."""
        with self._open() as connection:
            row = connection.execute(
                "SELECT feed, period, version FROM signed WHERE evidence = ?", (root,)
            ).fetchone()
        return None if row is None else (str(row[0]), int(row[1]), int(row[2]))


class Node:
    """One node. Raises ConfigError when its configuration, key or data cannot be used. `chain`: what it
    believes about the chain; by default its own RPC."""

    def __init__(self, config: NodeConfig, chain: View | None = None) -> None:
        self.config = config
        self._chain = chain if chain is not None else ChainView(config.rpc)
        self._account: LocalAccount = load_key(config.key)
        self.address: str = self._account.address
        self._method = method_of(config.method)
        self._meter = self._method.open(config.data)  # a node that cannot read its data should not start
        try:
            config.state.mkdir(parents=True, exist_ok=True)
            self.ledger = NodeStore(config.state / "signed.sqlite")
            self._gate = Gate(config.relays, self.ledger.spend)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"{config.state}: cannot be used: {error}") from None
        self._lock = threading.Lock()

    @property
    def evidence_folder(self) -> Path:
        return self.config.state / "evidence"

    def info(self) -> dict[str, Any]:
        """What the node is: address, method, KPI, periods, twin and engine."""
        config, method = self.config, self._method
        return {
            "address": self.address,
            "method": config.method,
            "method_hash": method_hash(config.method),
            "kpi": config.kpi.id,
            "decimals": config.kpi.decimals,
            "periods": [item.model_dump() for item in config.periods],
            "gauge": self._meter.gauge,
            "twin": method.twin,
            "twin_version": method.twin_version,
            "engine": method.engine(),
        }

    def health(self) -> dict[str, Any]:
        """Up, and whether it misbehaves on purpose."""
        return {"status": "up", "address": self.address, "faults_injected": self.config.fault.active}

    def answer(self, asked: SignedRequest) -> SignedObservation:
        """`observe` what a relay asks. Raises RefusedError as it does, and 403 for a request that is not a
        fresh one of a relay that the node signs for."""
        try:
            request = self._gate.admit(asked, int(time.time()))
        except AccessError as error:
            raise RefusedError(403, str(error)) from None
        return self.observe(request)

    def observe(self, request: ObservationRequest) -> SignedObservation:
        """Measure and sign. Raises RefusedError (404 not served, 409 another value is already signed or the
        chain is at another version, 422 too early or out of bounds, 500 it cannot measure, 503 silent, or it
        does not see the chain)."""
        config = self.config
        if config.fault.delay_seconds:
            time.sleep(config.fault.delay_seconds)
        if config.fault.silent:
            raise RefusedError(503, "fault injected: silent")
        if not config.accepts(request.chain_id, request.contract, request.feed):
            raise RefusedError(404, "this node does not serve that feed of that contract on that chain")
        if request.period >= len(config.periods):
            raise RefusedError(404, f"period {request.period + 1}: the node knows {len(config.periods)}")
        now = self._look(request).time
        with self._lock:
            measurement = self._measure(request.feed, request.period, request.version)
        value, bundle = measurement.value, measurement.bundle
        if not config.kpi.minimum <= value <= config.kpi.maximum:
            raise RefusedError(422, f"value = {value}: outside the KPI's bounds")
        if measurement.suspicions:
            log.warning("suspect data: %s", "; ".join(measurement.suspicions))
            if config.suspect == "refuse":
                first = measurement.suspicions[0]
                raise RefusedError(422, f"suspect data are not signed here: {first}")
        bundle.save(self.evidence_folder)  # before the ledger: a root in the ledger can always be served
        signed_value, root = self.ledger.claim(
            request.feed, request.period, request.version, value, bundle.root
        )
        if signed_value != value:
            raise RefusedError(
                409,
                f"value {signed_value} is already signed for feed {request.feed}, "
                f"period {request.period + 1}, version {request.version}; now it would be {value}, "
                "under a higher version",
            )
        if root != bundle.root:
            self.evidence(root)  # the first evidence of this value is what counts, if it is still whole
        observation = Observation(request.feed, request.period, request.version, value, now, root)
        signature = sign(observation.message(Domain(request.chain_id, request.contract)), self._account)
        log.info("signed %s for period %s version %s", value, request.period + 1, request.version)
        return SignedObservation(
            **request.model_dump(),
            value=value,
            observed_at=now,
            evidence=root,
            signer=self.address,
            r=signature.r,
            vs=signature.vs,
        )

    def _look(self, request: ObservationRequest) -> ChainState:
        """The chain as this node sees it, if it allows the request."""
        try:
            state = self._chain.state(request.chain_id, request.contract, request.feed, request.period)
        except ChainViewError as error:
            raise RefusedError(503, f"nothing is signed without a view of the chain: {error}") from None
        ends = self.config.periods[request.period].end
        if state.time < ends:
            raise RefusedError(
                422, f"the period ends at {moment(ends)}; the chain is at {moment(state.time)}"
            )
        lowest, highest = admitted(state, ends)
        if not lowest <= request.version <= highest:
            raise RefusedError(
                409, f"version = {request.version}: the chain now takes versions {lowest} to {highest}"
            )
        return state

    def _measure(self, feed: str, period: int, version: int) -> Measurement:
        config, span = self.config, self.config.periods[period]
        about = About(feed, period, version, config.kpi.id, config.kpi.decimals, self._meter.gauge)
        try:
            measurement = self._meter.measure(about, span.start, span.end)
        except (MethodError, InputError, KpiError, evidence.EvidenceError) as error:
            raise RefusedError(500, f"cannot measure: {error}") from None
        return self._method.forge(measurement, config.fault.lie) if config.fault.lie else measurement

    def evidence(self, root: str) -> evidence.Bundle:
        """A stored bundle; a damaged one is made again from the node's data where they still give it. Raises
        RefusedError (404, or 500 if it is lost)."""
        if not evidence.is_root(root):
            raise RefusedError(404, "no such evidence here")
        try:
            return evidence.load(self.evidence_folder / root)
        except evidence.EvidenceError as error:
            damage = error
        signed = self.ledger.behind(root)
        if signed is None:
            raise RefusedError(404, "no such evidence here")
        log.error("%s", damage)
        with self._lock:
            again = self._measure(*signed).bundle
        if again.root != root:
            raise RefusedError(500, "the stored evidence is damaged, and the data have changed since")
        again.save(self.evidence_folder)
        log.info("evidence %s was damaged and is made again", root)
        return again
