"""Who may do what: wallets that sign in, programs with keys, and roles that are read from the chain."""

from __future__ import annotations

from api.access.access import Access
from api.access.guard import SESSION_COOKIE, Principal, optional_principal, requires, same_site
from api.access.keys import SCOPES, NewKey, create_key, list_keys, revoke_key
from api.access.signing_in import Challenge, Session

__all__ = [
    "SCOPES",
    "SESSION_COOKIE",
    "Access",
    "Challenge",
    "NewKey",
    "Principal",
    "Session",
    "create_key",
    "list_keys",
    "optional_principal",
    "requires",
    "revoke_key",
    "same_site",
]
