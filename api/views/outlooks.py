"""What a service may do when it starts, so that nobody waits later."""

from __future__ import annotations

from collections.abc import Iterable

from api.instruments import valued
from api.jobs import Jobs
from finance.terms import Deal


def warm(deals: Iterable[Deal], jobs: Jobs) -> None:
    """Prepare every deal, and begin the simulations that some need."""
    for deal in deals:
        if (ready := valued(deal)) is not None:
            ready.warm(jobs)
