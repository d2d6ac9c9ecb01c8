"""What the service is told when it starts: where its chain, database and files are, and how far it trusts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

DEALS = Path(__file__).resolve().parent.parent / "deals"
DEFAULT_PORT = 8600


@dataclass(frozen=True)
class Limits:
    """What one client may ask for. `per_second` and `burst`: requests that compute or write, by client; 0 is
    no limit. Cached reads are not counted. `body_bytes`: largest body, which a deal of 200 kB fits in;
    `body_seconds`: how long one may take to arrive; `streams`: open event streams in all."""

    per_second: int = 50
    burst: int = 200
    body_bytes: int = 500_000
    body_seconds: float = 10.0
    streams: int = 2_000
    jobs: int = 32


@dataclass(frozen=True)
class Settings:
    """`network`: name or URL of the chain. `database`: SQLAlchemy URL. `data`: a folder per deployment, named
    by its id, with deployment.json, nodes.json ({kpi: [url, ...]}), relay.json ({"file": KEY}) and
    KPI/report-*.json with KPI/evidence/.
    `origin`: where users reach the service, for signing in. `hosts`: other Host headers that are answered.
    `cors`: origins of other sites that may call the API; none by default. `demo`: a demonstration on a local
    chain, and every page says so.
    """

    network: str
    database: str
    data: Path
    deals: Path = DEALS
    origin: str = f"http://127.0.0.1:{DEFAULT_PORT}"
    hosts: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    demo: bool = False
    limits: Limits = field(default_factory=Limits)


def default_database(data: Path) -> str:
    """The embedded database: $PENSTOCK_DATABASE, else SQLite in the data folder."""
    return os.environ.get("PENSTOCK_DATABASE") or f"sqlite:///{data / 'penstock.sqlite'}"
