"""Local chains for the tests, started once; they end with the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chain.artifacts import ensure_compiled
from chain.network import LocalChain, start_anvil
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, Life, whole_life


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    ensure_compiled()


@pytest.fixture(scope="session", params=list(CLIENTS))
def chain(request: pytest.FixtureRequest) -> Iterator[LocalChain]:
    """A chain of each client whose clock starts when the offering opens; tests leave the clock alone."""
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as started:
        yield started


@pytest.fixture(scope="session")
def anvil() -> Iterator[LocalChain]:
    """As `chain`, for what does not depend on the client."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as started:
        yield started


@pytest.fixture(scope="session", params=["anvil-met", "ganache-missed", "anvil-silent"])
def lived(request: pytest.FixtureRequest) -> Iterator[Life]:
    """A bond's whole life: target exceeded (0.42), missed (0.10), or nobody reports. Read only."""
    client, fate = request.param.split("-")
    value = {"met": 420_000, "missed": 100_000, "silent": None}[fate]
    with CLIENTS[client](timestamp=BEFORE_THE_OFFERING) as started:
        yield whole_life(started, value)


@pytest.fixture(scope="session")
def one_life() -> Iterator[Life]:
    """The first of `lived`, for what does not depend on the fate."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as started:
        yield whole_life(started, 420_000)
