"""Transactions: what can be done, prepared for a wallet to sign, passed on when signed, and looked up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.i18n import Translator, language_of
from api.models import Page, Resource
from api.problems import documented
from api.routes.bodies import described, posted
from api.services import ServicesDep
from api.views.preparing import SIGN_RULING, action_views, prepare, ruling_to_sign
from api.views.relaying import relay, transaction_view
from api.views.transaction_models import (
    ActionView,
    PreparedView,
    PrepareRequest,
    RelayedView,
    RelayRequest,
    TransactionView,
)

router = APIRouter(tags=["transactions"])
PRIVATE = {"Cache-Control": "no-store"}
Relayed = Annotated[RelayRequest, Depends(posted(RelayRequest))]
TransactionHash = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$", description="Of a transaction.")]
DeploymentId = Annotated[str, Path(max_length=96, description="Of a deployment.")]


class Chain(Resource):
    """The chain that wallets must be on. `url` is where a wallet reaches it; only told for a local one."""

    chain_id: int
    local: bool
    url: str | None = None


@router.get("/chain", responses=documented(422))
def read_chain(services: ServicesDep) -> Chain:
    """The chain that wallets must be on."""
    local = services.chain.is_local
    url = services.settings.network if local and services.settings.network.startswith("http") else None
    return Chain(chain_id=services.chain.chain_id, local=local, url=url)


@router.get("/deployments/{id}/actions", responses=documented(404, 422))
def list_actions(request: Request, id: DeploymentId, services: ServicesDep) -> Page[ActionView]:
    """What can be done with a deployment, and what each action must be told."""
    say = Translator(language_of(request))
    return Page[ActionView](items=action_views(services.index.deployment(id), say))


@router.post("/transactions/prepare", responses=documented(404, 409, 413, 415, 422))
def prepare_transaction(
    request: Request, given: PrepareRequest, services: ServicesDep, response: Response
) -> PreparedView:
    """The transactions of an action, in order, for the wallet to sign and send; nothing is sent here.

    Each step says in words what it is, and what it would do if it were sent now, or why the contract would
    refuse it. The action `sign-ruling` gives what a panellist signs instead."""
    response.headers.update(PRIVATE)
    say = Translator(language_of(request))
    if given.action == SIGN_RULING:
        return ruling_to_sign(services, given, say)
    return prepare(services, given, say)


@router.post(
    "/transactions",
    status_code=202,
    responses=documented(409, 413, 415, 422),
    openapi_extra=described(RelayRequest),
)
def relay_transaction(
    request: Request, given: Relayed, services: ServicesDep, response: Response
) -> RelayedView:
    """Pass on a transaction that a wallet has signed, if it is an action of a registered deployment.

    One that a contract would refuse is not sent: 409 with the contract's error. Sending the same one again
    does nothing."""
    relayed = relay(services, given.raw, Translator(language_of(request)))
    response.headers.update({**PRIVATE, "Location": f"/v1/transactions/{relayed.hash}"})
    return relayed


@router.get("/transactions/{hash}", responses=documented(404, 422))
def read_transaction(
    request: Request, hash: TransactionHash, services: ServicesDep, response: Response
) -> TransactionView:
    """A transaction that concerns a registered deployment: its state, what it did, and its events decoded."""
    response.headers.update(PRIVATE)
    return transaction_view(services, hash, Translator(language_of(request)))
