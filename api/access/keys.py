"""API keys for programs: made by whoever runs the service, shown once, stored as hashes."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from api.access.tables import api_keys
from finance.terms import InputError

if TYPE_CHECKING:
    from api.index.database import Database

SCOPES: Mapping[str, str] = {
    "deployments:write": "register deployments",
    "oracle:write": "run relay rounds",
}
PREFIX = "penstock_"
DAY = 86_400
LONGEST_NAME = 80


@dataclass(frozen=True)
class NewKey:
    """A key that was just made. `token` is told this once."""

    id: str
    token: str


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key. Times are unix seconds."""

    id: str
    name: str
    scopes: frozenset[str]
    created: int
    expires: int | None
    revoked: int | None


def hashed(token: str) -> str:
    """What is stored of a token. Tokens are random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_key(database: Database, name: str, scopes: Sequence[str], days: int | None = None) -> NewKey:
    """A key with these scopes, for so many days (None: until revoked). Raises InputError."""
    unknown = sorted(set(scopes) - SCOPES.keys())
    if unknown or not scopes:
        raise InputError(f"scopes = {', '.join(unknown) or '(none)'}: must be of {', '.join(SCOPES)}")
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InputError(f"name = {name[:LONGEST_NAME]!r}: must be 1 to {LONGEST_NAME} characters")
    if days is not None and days < 1:
        raise InputError(f"days = {days}: must be 1 or more")
    id, now = secrets.token_hex(4), int(time.time())
    token = f"{PREFIX}{id}_{secrets.token_urlsafe(32)}"
    row = {
        "id": id,
        "token_hash": hashed(token),
        "name": name.strip(),
        "scopes": " ".join(sorted(set(scopes))),
        "created": now,
        "expires": None if days is None else now + days * DAY,
        "revoked": None,
    }
    with database.begin() as connection:
        connection.execute(insert(api_keys).values(row))
    return NewKey(id, token)


def list_keys(database: Database) -> list[ApiKey]:
    """Every key, oldest first, revoked ones too."""
    with database.connect() as connection:
        return [_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.created))]


def revoke_key(database: Database, id: str) -> bool:
    """End a key now; whether there was one to end."""
    wanted = update(api_keys).where(api_keys.c.id == id, api_keys.c.revoked.is_(None))
    with database.begin() as connection:
        return connection.execute(wanted.values(revoked=int(time.time()))).rowcount == 1


def find_key(database: Database, token: str) -> ApiKey | None:
    """The key of a token, if it is good now."""
    with database.connect() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.token_hash == hashed(token))).first()
    if row is None:
        return None
    key = _key(row)
    over = key.revoked is not None or (key.expires is not None and key.expires <= time.time())
    return None if over else key


def _key(row: Any) -> ApiKey:
    return ApiKey(row.id, row.name, frozenset(row.scopes.split()), row.created, row.expires, row.revoked)
