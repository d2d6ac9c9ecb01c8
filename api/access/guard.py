"""What routes depend on: who is asking, and whether that is enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from api.access.keys import PREFIX
from api.problems import ProblemError
from api.services import Services, ServicesDep

SESSION_COOKIE = "penstock_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(
    auto_error=False, scheme_name="bearer", description="A session's token, or an API key (penstock_...)."
)
_cookie = APIKeyCookie(
    name=SESSION_COOKIE,
    auto_error=False,
    scheme_name="session",
    description="As POST /v1/auth/session sets it.",
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Cookie = Annotated[str | None, Depends(_cookie)]


@dataclass(frozen=True)
class Principal:
    """Whoever asks: a wallet that has signed in (`address`), or a program with a key (`key`, `scopes`).

    `roles` are those of the address in the deployment that the route is about; empty where it is about none.
    """

    address: str | None = None
    key: str | None = None
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    token: str | None = field(default=None, repr=False)


def same_site(request: Request, services: Services) -> None:
    """Raise ProblemError 403 if a browser sends this for another site's page.

    Browsers name the page's origin with every such request; other programs need not.
    """
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise ProblemError(403, "other-site", "this cannot be asked for by another site")
        return
    allowed = {
        services.settings.origin.rstrip("/"),
        f"{request.url.scheme}://{request.headers.get('host', '')}",
    }
    if origin not in allowed:
        raise ProblemError(403, "other-site", f"this cannot be asked for by {origin[:100]}")


def optional_principal(
    request: Request, services: ServicesDep, bearer: Bearer, cookie: Cookie
) -> Principal | None:
    """Whoever asks, None for anybody. Raises ProblemError 401 for credentials that are not good."""
    if bearer is not None:
        return _of_token(services, bearer.credentials)
    if cookie is None:
        return None
    if request.method not in SAFE:
        same_site(request, services)
    session = services.access.session(cookie)
    return None if session is None else Principal(address=session.address, token=cookie)


def _of_token(services: Services, token: str) -> Principal:
    if token.startswith(PREFIX):
        key = services.access.key(token)
        if key is not None:
            return Principal(key=key.id, scopes=key.scopes)
    else:
        session = services.access.session(token)
        if session is not None:
            return Principal(address=session.address, token=token)
    raise _unknown("the session or key is unknown, has expired or was revoked")


def _unknown(detail: str) -> ProblemError:
    return ProblemError(401, "not-signed-in", detail, headers={"WWW-Authenticate": "Bearer"})


def requires(scope: str | None = None, role: str | tuple[str, ...] | None = None) -> Callable[..., Principal]:
    """The dependency of a route that needs a key with `scope`, or a session of a wallet that has one of the
    `role`s in the deployment of the path's `id`. With neither, any session or key will do.

    >>> principal: Annotated[Principal, Depends(requires(scope="oracle:write", role=("issuer", "node")))]

    Raises ProblemError: 401 for nobody, 403 for somebody else.
    """
    roles = (role,) if isinstance(role, str) else role or ()

    def principal(
        request: Request,
        services: ServicesDep,
        found: Annotated[Principal | None, Depends(optional_principal)],
    ) -> Principal:
        if found is None:
            raise _unknown("sign in with a wallet, or send an API key")
        id = request.path_params.get("id")
        if found.address is not None and id is not None:
            held = services.access.roles(services.index.deployment(id), found.address)
            found = Principal(found.address, None, frozenset(), held, found.token)
        if (scope is None and not roles) or scope in found.scopes or not found.roles.isdisjoint(roles):
            return found
        wanted = [f"a key with scope {scope}"] if scope else []
        wanted += [f"the role {' or '.join(roles)}"] if roles else []
        raise ProblemError(403, "not-allowed", f"this needs {', or '.join(wanted)}")

    return principal
