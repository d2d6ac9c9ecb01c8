"""What only a demonstration on a local chain has: wallets to act as, and a clock to move."""

from __future__ import annotations

import re
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from api.access import same_site
from api.chain_link import NO_ANSWER, no_answer
from api.demo import Demo, NextEvent
from api.models import Address, Resource
from api.problems import ProblemError, conflict, documented, not_found
from api.services import ServicesDep
from chain.errors import ChainError

router = APIRouter(tags=["demo"])
PRIVATE = {"Cache-Control": "no-store"}
METHODS = frozenset(
    {
        "eth_accounts",
        "eth_requestAccounts",
        "eth_chainId",
        "eth_sendTransaction",
        "eth_signTypedData_v4",
        "personal_sign",
    }
)
_moving = Lock()


class AccountView(Resource):
    """A wallet that a visitor may act as."""

    address: Address
    name: str
    role: str


class EventView(Resource):
    """What comes next: the chain's clock would move to `time` (unix seconds)."""

    time: int
    deployment: str
    title: str


class DemoView(Resource):
    """The demonstration: what is simulated, whom a visitor may act as, what comes next."""

    facts: dict[str, str]
    accounts: list[AccountView]
    upcoming: list[EventView]
    trouble: list[str] = Field(description="What does not run now or is waited for; empty if all is well.")


class WalletCall(Resource):
    """A call as wallets take it (EIP-1193)."""

    method: str = Field(max_length=40)
    params: list[Any] = Field(default_factory=list, max_length=4)


class WalletAnswer(Resource):
    """What the wallet answers."""

    result: Any = None


def demonstration(request: Request, services: ServicesDep) -> Demo:
    """The demonstration. Raises ProblemError: 404 where there is none, 403 for another site's page, 415 for a
    body that a form could send."""
    if services.demo is None:
        raise not_found("this is no demonstration")
    if request.method != "GET":
        same_site(request, services)
        kind = request.headers.get("content-type", "application/json")
        if not re.fullmatch(r"application/json(\s*;.*)?", kind, re.IGNORECASE):
            raise ProblemError(415, "unsupported-media-type", "the body must be application/json")
    return services.demo


Demonstration = Annotated[Demo, Depends(demonstration)]


def _event(found: NextEvent) -> EventView:
    return EventView(time=found.time, deployment=found.deployment, title=found.title)


@router.get("/demo", responses=documented(404, 422))
def read_demo(demo: Demonstration, response: Response) -> DemoView:
    """What is simulated, whom one may act as, and what comes next."""
    response.headers.update(PRIVATE)
    accounts = [AccountView(address=a.address, name=a.name, role=a.role) for a in demo.accounts()]
    return DemoView(
        facts=dict(demo.facts()),
        accounts=accounts,
        upcoming=[_event(each) for each in demo.upcoming()],
        trouble=list(demo.trouble()),
    )


@router.post("/demo/advance", responses=documented(403, 404, 409, 415, 422, 503))
def advance_demo(demo: Demonstration, response: Response) -> EventView:
    """Move the clock to the next event, and let everybody act. 503 while it cannot happen, such as for a
    report that the nodes have not given: nothing is settled without it, and it stays the next event."""
    response.headers.update(PRIVATE)
    if not _moving.acquire(blocking=False):
        raise conflict("the clock is being moved already", "busy")
    try:
        return _event(demo.advance())
    except NO_ANSWER as error:
        raise no_answer(error) from None
    except ChainError as error:
        raise conflict(f"the next event did not happen: {error}", "not-advanced") from None
    finally:
        _moving.release()


@router.post("/demo/rpc", responses=documented(403, 404, 409, 413, 415, 422))
def call_demo_wallet(demo: Demonstration, given: WalletCall, response: Response) -> WalletAnswer:
    """Act as one of the demonstration's wallets, as a page speaks to a wallet (EIP-1193)."""
    response.headers.update(PRIVATE)
    if given.method not in METHODS:
        raise ProblemError(422, "unknown-method", f"method: must be one of {', '.join(sorted(METHODS))}")
    try:
        return WalletAnswer(result=demo.rpc(given.method, given.params))
    except NO_ANSWER as error:
        raise no_answer(error) from None
