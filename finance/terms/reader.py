"""Reads a deal file's YAML without losing a digit.

YAML 1.2 core scalars: numbers become `int` or `Decimal` (never float), `2021-04-01` becomes a date, and
only `true`, `false` and `null` are words with a meaning, so the country code NO stays text. Duplicate keys
are an error (YAML parsers silently keep the last), and aliases are not accepted: a deal is read top to
bottom. The text is parsed by libyaml, and its events become values at once: in pure Python 200 kB take
seconds.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from finance.terms.problems import DealFileError, Problem

MAX_FILE_BYTES = 1_000_000
MAX_DEPTH = 64
"""Of lists and mappings within each other; a deal has some ten."""


_TAG = "tag:yaml.org,2002:"
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_THOUSANDS = re.compile(r"\d{3}(\.\d*)?", re.ASCII)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_STARTS = frozenset("-+.0123456789")
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_MOST_DIGITS = 1_000
"""Of an int: reading takes the square of their number, and Python refuses more than 4,300."""


def load_yaml(text: str) -> Any:
    """What `text` holds, by the rules of this module; raises yaml.YAMLError, or ValueError for a number that
    has too many digits."""
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    next(events)  # the stream's start
    begin = next(events)
    if isinstance(begin, yaml.StreamEndEvent):
        return None
    found = _value(events, next(events), 0)
    next(events)  # the document's end
    if not isinstance(second := next(events), yaml.StreamEndEvent):
        raise _refused("expected a single document in the stream", second)
    return found


def _value(events: Iterator[yaml.Event], event: Any, depth: int) -> Any:
    """The value that begins with `event`."""
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.AliasEvent):
        raise _refused("aliases (*name) are not accepted", event)
    if depth == MAX_DEPTH:
        raise _refused(f"more than {MAX_DEPTH} lists and mappings within each other", event)
    if isinstance(event, yaml.SequenceStartEvent):
        _require_tag(event, "!", _TAG + "seq")
        values = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            values.append(_value(events, item, depth + 1))
        return values
    _require_tag(event, "!", _TAG + "map")
    fields: dict[str, Any] = {}
    while not isinstance(start := next(events), yaml.MappingEndEvent):
        key = _value(events, start, depth + 1)
        if not isinstance(key, str):
            commas = "; numbers take no commas" if _is_cut(start, [*fields.values()]) else ""
            raise _refused(f"key {key!s} must be text{commas}", start)
        if key in fields:
            raise _refused(f"duplicate key {key!r}", start)
        fields[key] = _value(events, next(events), depth + 1)
    return fields


def _is_cut(key: Any, before: list[Any]) -> bool:
    """Whether a key looks like what follows a comma in the number before it, which ends there: 25,000."""
    follows = isinstance(key, yaml.ScalarEvent) and _THOUSANDS.fullmatch(key.value)
    return bool(follows and before and isinstance(before[-1], int))


def _require_tag(event: Any, *known: str) -> None:
    if event.tag is not None and event.tag not in known:
        raise _refused(f"could not determine a constructor for the tag {event.tag!r}", event)


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or tagged
        _require_tag(event, "!", _TAG + "str")
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return _whole(text)
    if _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            # A day that does not exist stays text, and the field that wants a date says so.
            return text
    return _decimal(text) if _NUMBER.fullmatch(text) else text


def _whole(text: str) -> int | Decimal:
    """A whole number; of more digits than any that is accepted as a Decimal, for the field to refuse."""
    return int(text) if len(text) <= _MOST_DIGITS else Decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # which is no ValueError
        raise ValueError(f"{text[:40]}: an exponent that no number can have") from None


def _refused(why: str, event: Any) -> yaml.YAMLError:
    return yaml.MarkedYAMLError(None, None, why, event.start_mark)


def read_deal_yaml(path: Path) -> dict[str, Any]:
    """The mapping in the file at `path`; raises DealFileError when there is none that can be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _unreadable(str(path), "file not found") from None
    except OSError as error:
        raise _unreadable(str(path), f"cannot be read: {error.strerror}") from None
    return read_deal_text(data, str(path))


def read_deal_text(data: bytes, file: str = "deal") -> dict[str, Any]:
    """The mapping in the YAML text `data`; raises DealFileError when there is none. `file` names it."""
    if len(data) > MAX_FILE_BYTES:
        raise _unreadable(file, f"{len(data)} bytes: a deal file has at most {MAX_FILE_BYTES}")
    try:
        tree = load_yaml(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise _unreadable(file, "not YAML: the file is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise _unreadable(file, f"not YAML: {error.problem}{where}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _unreadable(file, f"not YAML: {reason}") from None
    return _mapping(tree, file)


def read_deal_json(data: bytes, file: str = "deal") -> dict[str, Any]:
    """The mapping in the JSON text `data`, its numbers exact, duplicate keys refused as in YAML. Raises
    DealFileError."""
    if len(data) > MAX_FILE_BYTES:
        raise _unreadable(file, f"{len(data)} bytes: a deal file has at most {MAX_FILE_BYTES}")
    try:
        tree = exact_json(data)
        _refuse_deep(tree)
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, f"not JSON: {' '.join(str(error).split())[:200]}") from None
    return _mapping(tree, file)


def _refuse_deep(tree: Any) -> None:
    """As deep as YAML may be: what reads and shows a deal calls itself for every level."""
    level = [tree] if isinstance(tree, dict | list) else []
    for _ in range(MAX_DEPTH):
        inner = (child for each in level for child in (each.values() if isinstance(each, dict) else each))
        level = [child for child in inner if isinstance(child, dict | list)]
        if not level:
            return
    raise ValueError(f"more than {MAX_DEPTH} lists and mappings within each other")


def exact_json(data: bytes) -> Any:
    """JSON with numbers as int or Decimal. Raises ValueError, also for NaN, Infinity, duplicate keys and half
    a character."""

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not a number")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            counts = Counter(name for name, _ in pairs)  # one pass: a stranger may send a hundred thousand
            raise ValueError(f"duplicate key {next(name for name in counts if counts[name] > 1)!r}")
        return found

    found = json.loads(
        data, parse_int=_whole, parse_float=_decimal, parse_constant=refuse, object_pairs_hook=once
    )
    if _HALF.search(data):  # by an escape JSON can hold half a character, which no other text can
        try:
            json.dumps(found, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise ValueError("holds half a character, an escape from \\ud800 to \\udfff") from None
    return found


def _mapping(tree: Any, file: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise _unreadable(file, "not a deal: the file must be a mapping of fields")
    return tree


def _unreadable(file: str, reason: str) -> DealFileError:
    return DealFileError([Problem(file, "", "", reason)])
