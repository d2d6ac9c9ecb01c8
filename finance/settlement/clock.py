"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime


def when(unix: int) -> str:
    """Unix seconds as `2016-09-29 00:00 UTC`."""
    try:
        return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"unix time {unix}"
