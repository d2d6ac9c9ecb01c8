"""Sign-In with Ethereum (EIP-4361): a wallet signs a message that names this service, this chain and a number
that is good once; for that it gets a session."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy import delete, func, insert, select

from api.access.keys import hashed
from api.access.message import MessageError, SignInMessage, read_message
from api.access.tables import nonces, sessions
from api.problems import ProblemError, bad_input, unavailable

if TYPE_CHECKING:
    from api.index.database import Database

NONCE_SECONDS = 600
SESSION_SECONDS = 12 * 3600
AHEAD_SECONDS = 60  # by which a client's clock may be ahead of ours
MOST_NONCES, MOST_SESSIONS = 20_000, 20  # waiting in all; of one wallet
STATEMENT = "Sign in to Penstock. This costs nothing and moves nothing."
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Challenge:
    """What the message to sign must say. `expires`: unix seconds."""

    nonce: str
    domain: str
    uri: str
    chain_id: int
    statement: str
    expires: int


@dataclass(frozen=True)
class Session:
    """A wallet that has signed in, until `expires` (unix seconds)."""

    address: str
    chain_id: int
    created: int
    expires: int


def refused(name: str, detail: str) -> ProblemError:
    """401: whoever asks is not let in."""
    return ProblemError(401, name, detail)


class SigningIn:
    """Challenges and sessions of one service, which is at `origin`."""

    def __init__(self, database: Database, origin: str) -> None:
        self._database, self._origin = database, origin.rstrip("/")
        self._domain = urlsplit(origin).netloc

    def challenge(self, chain_id: int) -> Challenge:
        """A new nonce and the rest of what is to be signed."""
        nonce = "".join(secrets.choice(_ALPHABET) for _ in range(24))
        now = int(time.time())
        with self._database.begin() as connection:
            connection.execute(delete(nonces).where(nonces.c.expires <= now))
            if (connection.scalar(select(func.count()).select_from(nonces)) or 0) >= MOST_NONCES:
                raise unavailable("too many are signing in now", retry=60)
            connection.execute(insert(nonces).values(nonce=nonce, expires=now + NONCE_SECONDS))
        return Challenge(nonce, self._domain, self._origin, chain_id, STATEMENT, now + NONCE_SECONDS)

    def sign_in(self, text: str, signature: str, chain_id: int) -> tuple[str, Session]:
        """A session's token for a signed message. Raises ProblemError: 422 if it is no such message, 401 with
        the reason if it lets nobody in. A nonce is used up even then."""
        try:
            message = read_message(text)
        except MessageError as error:
            raise bad_input(f"message: {error}") from None
        self._check(message, chain_id)
        now = int(time.time())
        # Deleting is the check: of two that bring the same nonce one deletes the row.
        with self._database.begin() as connection:
            wanted = delete(nonces).where(nonces.c.nonce == message.nonce, nonces.c.expires > now)
            known = connection.execute(wanted).rowcount == 1
        if not known:
            raise refused("unknown-nonce", "the nonce is not ours, was used before, or is too old")
        if not message.signed_by(signature):
            raise refused("bad-signature", f"the signature is not that of {message.address}")
        return self._open(message.address, chain_id, now)

    def _check(self, message: SignInMessage, chain_id: int) -> None:
        if message.domain != self._domain or message.scheme not in (None, urlsplit(self._origin).scheme):
            words = (
                f"signed for {message.domain[:100]}; this is {self._domain}, open {self._origin} to sign in"
            )
            raise refused("wrong-domain", words)
        if not (message.uri + "/").startswith(self._origin + "/"):
            raise refused("wrong-uri", f"signed for {message.uri[:100]}; this is {self._origin}")
        if message.chain_id != chain_id:
            raise refused(
                "wrong-chain", f"signed for chain {message.chain_id}; this service is on {chain_id}"
            )
        now = time.time()
        if message.expires_at is not None and message.expires_at <= now:
            raise refused("message-expired", "the message has expired")
        if now - message.issued_at > NONCE_SECONDS:
            raise refused("message-expired", f"the message was made {now - message.issued_at:.0f} s ago")
        if max(message.issued_at, message.not_before or 0) > now + AHEAD_SECONDS:
            raise refused("message-not-yet-valid", "the message is from the future")

    def _open(self, address: str, chain_id: int, now: int) -> tuple[str, Session]:
        token = secrets.token_urlsafe(32)
        session = Session(address, chain_id, now, now + SESSION_SECONDS)
        own = sessions.c.address == address
        with self._database.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires <= now))
            newest = select(sessions.c.token_hash).where(own).order_by(sessions.c.created.desc())
            keep = list(connection.scalars(newest.limit(MOST_SESSIONS - 1)))
            connection.execute(delete(sessions).where(own, sessions.c.token_hash.not_in(keep)))
            row = {"token_hash": hashed(token), **session.__dict__}
            connection.execute(insert(sessions).values(row))
        return token, session

    def session(self, token: str) -> Session | None:
        """Of a token, if it is good now."""
        wanted = select(sessions).where(sessions.c.token_hash == hashed(token))
        with self._database.connect() as connection:
            row = connection.execute(wanted).first()
        if row is None or row.expires <= time.time():
            return None
        return Session(row.address, row.chain_id, row.created, row.expires)

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self._database.begin() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_hash == hashed(token)))
