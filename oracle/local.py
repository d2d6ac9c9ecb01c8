"""A deal's oracle nodes on one machine, as real processes: for demonstrations and tests.

In earnest every node runs on its operator's machine, from its own configuration, key and data.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import IO, Any

import numpy as np
from eth_account import Account

from finance.settlement.terms import FeedTerms
from oracle.node_config import ConfigError, write_secret
from oracle.twins.rain import RainSeries, tmy3_rain, to_csv

GAUGE_BIAS_SD = 0.02
"""Assumed: spread of the catch error between the nodes' gauges."""

GAUGE_NOISE = 0.05
"""Assumed: standard deviation of the error of one hour's reading."""

ROOT = Path(__file__).resolve().parent.parent


class NodeStartError(RuntimeError):
    """A node process did not come up; the message holds its last words."""


@dataclass(frozen=True)
class NodeFiles:
    """A prepared node: its configuration file and the address it will sign with."""

    config: Path
    address: str


@dataclass(frozen=True)
class RunningNode:
    """A node process that answers at `url`."""

    address: str
    url: str
    pid: int


def prepare_nodes(
    folder: str | Path,
    terms: FeedTerms,
    *,
    impervious_area_acres: float | None = None,
    reported: str | None = None,
    scenario: str = "published",
    seed: int = 2020,
    faults: Mapping[int, Mapping[str, Any]] | None = None,
    feeds: Any = "any",
    keys: Sequence[bytes] | None = None,
    first_port: int = 0,
) -> list[NodeFiles]:
    """Write one folder per node of the feed: key (mode 0600), configuration and its own copy of the data.

    The data are the publication `reported` (its text), or else, for the stormwater twin with its
    `impervious_area_acres` and `scenario`, rain: a typical year placed in the years of the periods, simulated
    and not measured, on gauges whose errors `seed` decides.

    Returned ascending by address, so a node's position is its signer index on chain; `faults` maps positions
    to fault sections (see node_config.Fault). `keys`: private keys instead of new random ones. `feeds`:
    "any", or FeedId mappings once the feed exists. Node i listens on `first_port` + i (0: free ports).
    """
    accounts = (
        [Account.from_key(key) for key in keys] if keys else [Account.create() for _ in range(terms.nodes)]
    )
    if len(accounts) != terms.nodes:
        raise ConfigError(f"keys: {len(accounts)} for {terms.nodes} nodes")
    accounts.sort(key=lambda account: int(account.address, 16))
    if (reported is None) == (impervious_area_acres is None):
        raise ConfigError("give either reported or impervious_area_acres")
    rain = to_csv(_rain(terms.period_starts[0], terms.period_ends[-1])) if reported is None else ""
    nodes = []
    for index, account in enumerate(accounts):
        home = Path(folder) / f"node-{index}"
        home.mkdir(parents=True)
        write_secret(home / "key", account.key.hex())
        if reported is not None:
            (home / "reported.json").write_text(reported)
            data: dict[str, Any] = {"reported": "reported.json"}
        else:
            (home / "rain.csv").write_text(rain)
            data = _stormwater(index, seed, scenario, impervious_area_acres)
        config = {
            "listen": {"host": "127.0.0.1", "port": first_port and first_port + index},
            "key": {"file": "key"},
            "state": "state",
            **data,
            "kpi": {
                "id": terms.kpi,
                "decimals": terms.decimals,
                "minimum": str(terms.min_value),
                "maximum": str(terms.max_value),
            },
            "method": terms.method,
            "periods": [
                {"start": start, "end": end}
                for start, end in zip(terms.period_starts, terms.period_ends, strict=True)
            ],
            "feeds": feeds,
            "fault": dict((faults or {}).get(index, {})),
        }
        path = home / "node.json"
        path.write_text(json.dumps(config, indent=2) + "\n")
        nodes.append(NodeFiles(path, account.address))
    return nodes


def _stormwater(index: int, seed: int, scenario: str, area: float | None) -> dict[str, Any]:
    bias = float(np.clip(np.random.default_rng([seed, index]).normal(0, GAUGE_BIAS_SD), -0.06, 0.06))
    return {
        "rain": "rain.csv",
        "gauge": {
            "id": f"gauge-{index}",
            "bias": round(bias, 4),
            "noise": GAUGE_NOISE,
            "seed": seed * 100 + index,
        },
        "twin": {"scenario": scenario, "impervious_area_acres": area},
    }


def bind_feed(nodes: Sequence[NodeFiles], chain_id: int, contract: str, feed: str) -> None:
    """Rewrite the configurations so that the nodes serve this feed only; takes effect when they start.

    A feed binds its signers, so it can exist only after the keys: prepare, deploy, bind, run.
    """
    for node in nodes:
        config = json.loads(node.config.read_text())
        config["feeds"] = [{"chain_id": chain_id, "contract": contract, "feed": feed}]
        node.config.write_text(json.dumps(config, indent=2) + "\n")


def _rain(start: int, end: int) -> RainSeries:
    first = datetime.fromtimestamp(start, UTC).year
    last = datetime.fromtimestamp(end - 1, UTC).year
    years = [tmy3_rain(year) for year in range(first, last + 1)]
    depths = tuple(depth for year in years for depth in year.depths_mm)
    source = years[0].source if first == last else f"{years[0].source} and repeated to {last}"
    return RainSeries(years[0].start, years[0].step_seconds, depths, source)


@contextmanager
def run_nodes(nodes: Sequence[NodeFiles], timeout_seconds: float = 60) -> Iterator[list[RunningNode]]:
    """Start the nodes as processes, wait until all listen, and stop them at the end of the `with`.

    Their logs are node.log beside each configuration. Raises NodeStartError.
    """
    processes: list[subprocess.Popen[str]] = []
    logs: list[IO[str]] = []
    try:
        for node in nodes:
            log = (node.config.parent / "node.log").open("a")
            logs.append(log)
            command = [sys.executable, "-m", "oracle.server", str(node.config)]
            processes.append(
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
            )
        deadline = time.monotonic() + timeout_seconds
        yield [_listening(p, n, deadline) for p, n in zip(processes, nodes, strict=True)]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        for handle in logs:
            handle.close()


def _listening(process: subprocess.Popen[str], node: NodeFiles, deadline: float) -> RunningNode:
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        lines.append(process.stdout.readline())

    reader = Thread(target=read, daemon=True)
    reader.start()
    reader.join(max(0.0, deadline - time.monotonic()))
    if not lines or not lines[0]:
        words = (node.config.parent / "node.log").read_text().strip().splitlines()
        raise NodeStartError(f"{node.config}: the node did not start: {words[-1] if words else 'no output'}")
    answer = json.loads(lines[0])
    if answer["address"] != node.address:
        raise NodeStartError(f"{node.config}: the node signs as {answer['address']}, not {node.address}")
    return RunningNode(node.address, answer["url"], process.pid)
