"""What routes and pages are given: the services that one process runs, made once by `api.app.build`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

if TYPE_CHECKING:
    from api.access.access import Access
    from api.chain_link import ChainLink
    from api.deal_book import DealBook
    from api.demo import Demo
    from api.index.database import Database
    from api.index.reader import Index
    from api.index.stream import Stream
    from api.jobs import Jobs
    from api.node_watch import NodeWatch
    from api.settings import Settings


@dataclass
class Services:
    """All of them. `demo` is there in a demonstration only."""

    settings: Settings
    database: Database
    chain: ChainLink
    deals: DealBook
    index: Index
    stream: Stream
    jobs: Jobs
    nodes: NodeWatch
    access: Access
    demo: Demo | None = None


def services_of(request: Request) -> Services:
    return cast(Services, request.app.state.services)


ServicesDep = Annotated[Services, Depends(services_of)]
"""A route's parameter `services: ServicesDep`."""
