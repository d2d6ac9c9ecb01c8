"""Worlds that several tests of the API read, made once a session. A test that changes one makes its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.artifacts import ensure_compiled
from chain.network import LocalChain, start_anvil
from tests.api.postgres import Postgres, running
from tests.api.world import (
    BEFORE,
    BEFORE_THE_OFFERING,
    KPI,
    LIARS,
    LIE,
    SILENT,
    Service,
    World,
    bond_nodes,
    bond_world,
    serving,
    swap_world,
)


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    ensure_compiled()


@pytest.fixture(scope="session")
def tmp_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture
def chain() -> Iterator[LocalChain]:
    """A chain of a test's own, whose clock is before the small bond's offering."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as started:
        yield started


@pytest.fixture(scope="session")
def active(tmp_session: Path) -> Iterator[Service]:
    """The small bond after two coupons. Read only."""
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(bond_world(chain, tmp_session / "active", "active")) as service,
    ):
        yield service


@pytest.fixture(scope="session")
def redeemed(tmp_session: Path) -> Iterator[Service]:
    """The small bond at its end, target exceeded. Read only."""
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(bond_world(chain, tmp_session / "redeemed", "redeemed")) as service,
    ):
        yield service


@pytest.fixture(scope="session")
def wind(tmp_session: Path) -> Iterator[Service]:
    """The small wind project and its swap at their end. Read only."""
    with (
        start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain,
        serving(swap_world(chain, tmp_session / "wind")) as service,
    ):
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; tests that take it down start it again."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    url: str = request.getfixturevalue("postgres").database()
    return url


@pytest.fixture(scope="session")
def captured(tmp_session: Path) -> Iterator[World]:
    """The small bond with real nodes, of which two lie alike and one is silent, and the pending report of
    that captured quorum. A test that goes on from there takes the chain back (evm_snapshot)."""
    folder = tmp_session / "captured"
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, folder / "data", "measured")
        faults: dict[int, dict[str, object]] = {index: {"lie": LIE} for index in LIARS}
        faults[SILENT] = {"silent": True}
        with bond_nodes(chain.url, folder / "nodes", world.deal, faults) as nodes:
            urls = [node.url for node in nodes]
            world.save({KPI: urls})
            world.relay(KPI, 0, urls)
            yield world
