"""Signing in with a wallet (EIP-4361): a number, a session, who one is, and signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from api.access import SESSION_COOKIE, Principal, optional_principal, requires, same_site
from api.models import Address, Resource
from api.problems import documented
from api.services import ServicesDep

router = APIRouter(tags=["access"])
PRIVATE = {"Cache-Control": "no-store"}


class NonceView(Resource):
    """What the message to sign must say, beside the wallet's address, `Version: 1` and `Issued At`. The nonce
    is good once, until `expires` (unix seconds)."""

    nonce: str
    domain: str
    uri: str
    chain_id: int
    statement: str
    expires: int


class SignInRequest(Resource):
    """The message as it was signed, and the wallet's signature (personal_sign, 65 bytes in hexadecimal)."""

    message: str = Field(max_length=4_000)
    signature: str = Field(pattern=r"^0x[0-9a-fA-F]{130}$")


class SessionView(Resource):
    """Who is asking. `roles` by deployment, read from records and chain. `expires`: unix seconds, null for a
    key without an end."""

    address: Address | None
    key: str | None = None
    scopes: list[str] = Field(default_factory=list)
    expires: int | None = None
    roles: dict[str, list[str]] = Field(default_factory=dict)


class NewSessionView(SessionView):
    """A session that was just opened. `token` is for programs, as `Authorization: Bearer TOKEN`; a browser
    has it as a cookie that scripts cannot read."""

    token: str


@router.get("/auth/nonce", responses=documented(422))
def new_nonce(services: ServicesDep, response: Response) -> NonceView:
    """Begin to sign in: a number that is good once."""
    response.headers.update(PRIVATE)
    return NonceView(**services.access.challenge().__dict__)


@router.post("/auth/session", status_code=201, responses=documented(401, 403, 413, 415, 422))
def sign_in(
    request: Request, given: SignInRequest, services: ServicesDep, response: Response
) -> NewSessionView:
    """Open a session for the wallet that signed the message.

    401 says why not: wrong-domain, wrong-uri, wrong-chain, unknown-nonce, message-expired,
    message-not-yet-valid, bad-signature."""
    same_site(request, services)
    token, session = services.access.sign_in(given.message, given.signature)
    response.headers.update(PRIVATE)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=session.expires - session.created,
        httponly=True,
        samesite="strict",
        secure=services.settings.origin.startswith("https:"),
    )
    roles = services.access.all_roles(services.index, session.address)
    return NewSessionView(
        address=session.address,
        expires=session.expires,
        roles={id: sorted(held) for id, held in roles.items()},
        token=token,
    )


@router.get("/auth/session", responses=documented(401, 422))
def read_session(
    services: ServicesDep, principal: Annotated[Principal, Depends(requires())], response: Response
) -> SessionView:
    """Who is asking, and what they may do."""
    response.headers.update(PRIVATE)
    roles: dict[str, frozenset[str]] = {}
    expires = None
    if principal.address is not None:
        roles = services.access.all_roles(services.index, principal.address)
        session = services.access.session(principal.token or "")
        expires = session.expires if session else None
    return SessionView(
        address=principal.address,
        key=principal.key,
        scopes=sorted(principal.scopes),
        expires=expires,
        roles={id: sorted(held) for id, held in roles.items()},
    )


@router.delete("/auth/session", status_code=204, responses=documented(401, 403, 422))
def sign_out(
    services: ServicesDep, principal: Annotated[Principal | None, Depends(optional_principal)]
) -> Response:
    """End the session, here and for its token. Without one nothing happens."""
    if principal is not None and principal.token is not None:
        services.access.sign_out(principal.token)
    response = Response(status_code=204, headers=PRIVATE)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return response
