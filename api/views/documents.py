"""Deals that somebody posts: read exactly, checked as a whole, and remembered while they are tried out."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath

from api.problems import Flaw, ProblemError, unavailable
from finance.swaps.wind import PACKAGED
from finance.terms import Deal, parse_deal
from finance.terms.problems import DealFileError
from finance.terms.reader import read_deal_json, read_deal_text

MOST_BYTES = 200_000
"""Of a posted deal; those of the deal book have some 10,000."""
SMALL_BYTES = 20_000
MOST_WAITING = 6
"""Larger deals than SMALL_BYTES that are read or wait for it."""
MOST_FLAWS = 200
LONGEST = 1_000
"""Characters of what is said of one of them."""
JSON_TYPES = ("application/json",)
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain")
_PACKAGED_CURVE = "windpowerlib:"
_REMEMBERED = 32


class _Remembered:
    """The last posted deals by the hash of their text: reading one takes far longer than pricing it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deals: OrderedDict[bytes, Deal] = OrderedDict()

    def deal(self, text: bytes) -> Deal:
        key = hashlib.sha256(text).digest()
        with self._lock:
            if key in self._deals:
                self._deals.move_to_end(key)
                return self._deals[key]
        deal = posted_deal(text)
        with self._lock:
            self._deals[key] = deal
            while len(self._deals) > _REMEMBERED:
                self._deals.popitem(last=False)
        return deal


_remembered = _Remembered()


def remembered_deal(text: bytes) -> Deal:
    """`posted_deal`, which is read once for the same text. Raises ProblemError (413, 422)."""
    try:
        return _remembered.deal(text)
    except DealFileError as error:
        found = flaws(error)
        raise ProblemError(422, "invalid-deal", f"{found[0].field}: {found[0].reason}", found) from None


def posted_deal(text: bytes) -> Deal:
    """The deal in a posted text, JSON or YAML. Raises DealFileError with everything that is wrong with it,
    and ProblemError (413, 422 for one that names files of ours, 503 when too many are being read)."""
    if len(text) > MOST_BYTES:
        raise ProblemError(
            413, "deal-too-large", f"{len(text)} bytes: a posted deal has at most {MOST_BYTES}"
        )
    read = read_deal_json if text.lstrip()[:1] == b"{" else read_deal_text
    with reading(len(text)):
        deal = parse_deal(read(text))
    _refuse_files(deal)
    return deal


_one = threading.Lock()
_places = threading.BoundedSemaphore(MOST_WAITING)


@contextmanager
def reading(size: int) -> Iterator[None]:
    """Large texts are read one at a time, for threads gain nothing by reading at once and all others would
    wait; the few that find a place wait for their turn. Raises ProblemError (503) for the others. In a
    thread, never on the event loop."""
    if size <= SMALL_BYTES:
        yield
        return
    if not _places.acquire(blocking=False):
        raise unavailable("other large bodies are being read: send it again in a moment", "busy")
    try:
        with _one:
            yield
    finally:
        _places.release()


def flaws(error: DealFileError) -> list[Flaw]:
    """What is wrong with a deal, by field. A reason may list all that is known of a deal with thousands of
    parts, and half a character of a JSON escape can be a key, but no answer."""
    return [
        Flaw(
            field=_whole(problem.field[:LONGEST]) or "deal",
            value=_whole(problem.value[:LONGEST]) or None,
            reason=_whole(problem.reason[:LONGEST]),
        )
        for problem in error.problems[:MOST_FLAWS]
    ]


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _refuse_files(deal: Deal) -> None:
    """A deal may name files for its weather and its turbines. Ours are not for a stranger to read."""
    for name, prefix in (("weather", PACKAGED), ("turbine_curve", _PACKAGED_CURVE), ("station", PACKAGED)):
        if name not in deal.asset.parameters:
            continue
        value = str(deal.parameter(name))
        rest = value.removeprefix(prefix)
        plain = PurePath(rest).name == rest or prefix == _PACKAGED_CURVE
        if rest == value or ".." in rest or not plain:
            reason = f"a posted deal can only use what ships with the software ({prefix}NAME)"
            flaw = Flaw(field=f"asset.parameters.{name}", value=value[:200], reason=reason)
            raise ProblemError(422, "invalid-deal", f"{flaw.field}: {reason}", [flaw])
