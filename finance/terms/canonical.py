"""Canonical JSON and its hash: one text for one set of terms, however the file was written."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from decimal import Decimal
from typing import Any

from finance.terms.values import shortest


def plain(number: Decimal) -> str:
    """The shortest plain string of a number: no exponent, no needless zero, no minus zero."""
    return format(shortest(number), "f")


def _encode(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical_json(tree: Any) -> str:
    """`tree` (dicts, lists, str, int, bool, Decimal, date) as canonical JSON; raises TypeError for anything
    else.

    Floats are refused: their text depends on who prints them.
    """
    _refuse_floats(tree)
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_encode)


def _refuse_floats(tree: Any) -> None:
    if isinstance(tree, float):
        raise TypeError("float has no canonical form")
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        _refuse_floats(child)


def sha256_hex(text: str) -> str:
    """ "0x" and 64 hex digits: sha256 of the UTF-8 text."""
    return "0x" + hashlib.sha256(text.encode()).hexdigest()
