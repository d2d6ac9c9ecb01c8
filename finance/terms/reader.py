"""Reads a deal file's YAML without losing a digit.

YAML 1.2 core scalars: numbers become `int` or `Decimal` (never float), `2021-04-01` becomes a date, and
only `true`, `false` and `null` are words with a meaning, so the country code NO stays text. Duplicate keys
are an error (YAML parsers silently keep the last), and aliases are not accepted: a deal is read top to
bottom.
"""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from finance.terms.problems import DealFileError, Problem

MAX_FILE_BYTES = 1_000_000


class DealYamlLoader(yaml.SafeLoader):
    """SafeLoader with the scalar rules of this module."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not accepted", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            mark = key_node.start_mark
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!s} must be text", mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _decimal(loader: yaml.SafeLoader, node: Any) -> Decimal:
    return Decimal(loader.construct_scalar(node))


def _integer(loader: yaml.SafeLoader, node: Any) -> int:
    return int(loader.construct_scalar(node))


def _date(loader: yaml.SafeLoader, node: Any) -> date | str:
    text = str(loader.construct_scalar(node))
    try:
        return date.fromisoformat(text)
    except ValueError:
        # A day that does not exist stays text, and the field that wants a date says so.
        return text


def _set_up(loader: type[DealYamlLoader]) -> None:
    def resolve(tag: str, pattern: str, first: str) -> None:
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))

    resolve("bool", r"^(?:true|false)$", "tf")
    resolve("null", r"^(?:null|~|)$", "n~")
    loader.yaml_implicit_resolvers.setdefault("", []).append(("tag:yaml.org,2002:null", re.compile("^$")))
    resolve("int", r"^[-+]?[0-9]+$", "-+0123456789")
    resolve("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789")
    resolve("timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789")
    loader.add_constructor("tag:yaml.org,2002:int", _integer)
    loader.add_constructor("tag:yaml.org,2002:float", _decimal)
    loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


_set_up(DealYamlLoader)


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
        # The loader class is a SafeLoader: it builds plain data only.
        tree = yaml.load(data.decode("utf-8"), Loader=DealYamlLoader)  # noqa: S506
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
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, f"not JSON: {' '.join(str(error).split())[:200]}") from None
    return _mapping(tree, file)


def exact_json(data: bytes) -> Any:
    """JSON with numbers as int or Decimal. Raises ValueError, also for NaN, Infinity and duplicate keys."""

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not a number")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise ValueError(f"duplicate key {next(name for name in names if names.count(name) > 1)!r}")
        return found

    return json.loads(data, parse_float=Decimal, parse_constant=refuse, object_pairs_hook=once)


def _mapping(tree: Any, file: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise _unreadable(file, "not a deal: the file must be a mapping of fields")
    return tree


def _unreadable(file: str, reason: str) -> DealFileError:
    return DealFileError([Problem(file, "", "", reason)])
