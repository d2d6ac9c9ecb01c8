"""The service over the deal book alone: no chain answers, and nothing follows one."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from api.app import build
from api.settings import DEALS, Limits, Settings

NO_CHAIN = "http://127.0.0.1:9"


def offline(folder: Path, deals: Path = DEALS) -> TestClient:
    """A client of a service that was built and not started, over the deal files of a folder."""
    settings = Settings(
        network=NO_CHAIN,
        database=f"sqlite:///{folder / 'index.sqlite'}",
        data=folder,
        deals=deals,
        origin="http://127.0.0.1",
        limits=Limits(per_second=0),
    )
    return TestClient(build(settings), base_url="http://127.0.0.1", raise_server_exceptions=False)
