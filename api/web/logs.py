"""Logs as JSON, a line for each event, each with the id of the request that it belongs to.

Nothing that lets somebody in is written: no headers, no query, no body; and passwords of the database and of
the chain's address are struck out wherever a message quotes them.
"""

from __future__ import annotations

import logging
import re
import sys
from contextvars import ContextVar
from typing import TextIO
from urllib.parse import urlsplit

from pythonjsonlogger.json import JsonFormatter

from api.settings import Settings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request at work, also in the threads that work for it."""

_TOKENS = re.compile(r"(?i)(bearer\s+|penstock_[0-9a-f]{8}_)[^\s\"',]+|(//[^/\s:@]*:)[^\s@/]+(?=@)")


class Secrets:
    """The parts of the settings that must not be told: passwords, and paths and queries of the chain's URL,
    in which providers put their keys."""

    def __init__(self, *urls: str) -> None:
        found = set()
        for url in urls:
            try:
                parts = urlsplit(url)
                password = parts.password
            except ValueError:
                continue
            if password:
                found.add(password)
            if parts.scheme in ("http", "https"):
                found |= {part for part in (parts.path.strip("/"), parts.query) if len(part) >= 8}
        self._found = sorted(found, key=len, reverse=True)

    @classmethod
    def of(cls, settings: Settings) -> Secrets:
        return cls(settings.database, settings.network)

    def strike(self, text: str) -> str:
        """The text without them."""
        for secret in self._found:
            text = text.replace(secret, "***")
        return _TOKENS.sub(lambda found: f"{found[1] or found[2]}***", text)


class _Formatter(JsonFormatter):
    def __init__(self, secrets: Secrets) -> None:
        super().__init__(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            json_ensure_ascii=False,
        )
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        if (current := request_id.get()) is not None and not hasattr(record, "request"):
            record.request = current
        return self._secrets.strike(super().format(record))


def configure(settings: Settings, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every log of this process as JSON to `stream` (default: standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter(Secrets.of(settings)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # One line for each request is ours already.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    # These tell of every call of theirs, some with its whole address.
    for name in ("alembic", "httpx", "httpcore", "web3", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
