"""Reads a deal file, and reports everything that is wrong with it, one line per problem."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from finance.terms.canonical import plain
from finance.terms.checks import check
from finance.terms.deal import Deal
from finance.terms.graph_rules import MAX_PARTS
from finance.terms.problems import DealFileError, Problem, in_words
from finance.terms.reader import read_deal_yaml
from finance.terms.values import Term

MISSING = object()
EARLIER = "penstock/deal/1"
"""The form before parts (finance.terms.migrate)."""


def load_deal(path: str | Path) -> Deal:
    """The deal in the YAML file at `path`; raises DealFileError with every problem found in it."""
    path = Path(path)
    deal = parse_deal(read_deal_yaml(path), file=str(path))
    deal._file = path
    return deal


def parse_deal(tree: Mapping[str, Any], file: str = "deal") -> Deal:
    """The deal in `tree` (numbers as int, Decimal or text, never float); `file` names it in messages.

    Raises DealFileError. Rules that compare fields are checked even when other fields are malformed, as far
    as what is there allows, so that one run shows all there is to mend.
    """
    problems: list[Problem] = []
    if tree.get("schema") == EARLIER:
        reason = f"is an earlier form: `penstock migrate {file}` writes it anew"
        raise DealFileError([Problem(file, "schema", EARLIER, reason)])
    parts = tree.get("parts")
    if isinstance(parts, Mapping) and len(parts) > MAX_PARTS:
        reason = (
            f"are {len(parts)}, and {MAX_PARTS} at most: more can never be deployed in one transaction: "
            "make several deals of them"
        )
        raise DealFileError([Problem(file, "parts", show(parts), reason)])
    try:
        deal = Deal.model_validate(dict(tree))
        draft, complete = deal, True
    except ValidationError as error:
        draft, complete = _salvage(Deal, dict(tree)), False
        problems += _from_pydantic(file, tree, error.errors(include_url=False))
    reported = {problem.field for problem in problems}
    found = dict.fromkeys(problems)  # in order, each once
    for loc, reason in check(draft, complete):
        problem = Problem(file, _name(loc), show(look_up(tree, loc)), reason)
        if problem.field not in reported:
            found[problem] = None
    if found:
        raise DealFileError(found)
    return deal


def _name(loc: tuple[str, ...]) -> str:
    """What stands at `loc` is called so: parts.bond.coupon."""
    return ".".join(step or '""' for step in loc)


def _from_pydantic(file: str, tree: Any, errors: Iterable[ErrorDetails]) -> list[Problem]:
    problems: dict[tuple[str, ...], Problem] = {}
    for error in errors:
        loc, reason = _file_path(tree, error["loc"], missing=error["type"] == "missing"), in_words(error)
        if error["type"].startswith("union_tag"):
            loc = (*loc, "kind")
        elif error["type"] == "extra_forbidden" and look_up(tree, loc) is None:
            reason += " (a text with a comma needs quotes)"
        # One line per field: a value that fits no member of a union fails once per member.
        problems.setdefault(loc, Problem(file, _name(loc), show(look_up(tree, loc)), reason))
    return list(problems.values())


def _file_path(tree: Any, loc: tuple[int | str, ...], missing: bool) -> tuple[str, ...]:
    """`loc` without the names pydantic adds for the members of a union and for keys."""
    path: list[str] = []
    for index, step in enumerate(loc):
        in_list = isinstance(tree, list) and isinstance(step, int) and step < len(tree)
        if in_list or (isinstance(tree, Mapping) and step in tree):
            tree = tree[step]
        elif not (missing and index == len(loc) - 1):
            continue
        path.append(str(step))
    return tuple(path)


def look_up(tree: Any, loc: Iterable[str]) -> Any:
    """What stands at `loc` in the file, or MISSING; the value of a term rather than the mapping around it."""
    for step in loc:
        if isinstance(tree, Mapping) and step in tree:
            tree = tree[step]
        elif isinstance(tree, list) and step.isdecimal() and int(step) < len(tree):
            tree = tree[int(step)]
        else:
            return MISSING
    if isinstance(tree, Mapping) and "value" in tree:
        return tree["value"]
    return tree


def show(value: Any) -> str:
    """A value of the file in one short line."""
    if value is MISSING:
        return "(missing)"
    if value is None:
        return "(empty)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        value = plain(value) if value.is_finite() and abs(value.adjusted()) < 60 else str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {show(item)}" for key, item in list(value.items())[:4])[:80] + "}"
    if isinstance(value, list):
        return "[" + ", ".join(show(item) for item in value[:4])[:80] + "]"
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _salvage(model: type[BaseModel], tree: Mapping[str, Any]) -> Any:
    """A `model` from the parts of `tree` that are well-formed; None stands for each that is not."""
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        raw = tree.get(field.alias or name, tree.get(name, MISSING))
        if raw is MISSING:
            fields[name] = None if field.is_required() else field.get_default(call_default_factory=True)
        else:
            annotation: Any = field.annotation
            if field.metadata:
                annotation = Annotated[(annotation, *field.metadata)]
            fields[name] = _salvage_value(annotation, raw)
    return model.model_construct(**fields)


def _member(members: list[Any], raw: Any) -> Any:
    """The member of a union that `raw` means to be: the only one, or the one of its `kind`."""
    if len(members) == 1:
        return members[0]
    kind = raw.get("kind") if isinstance(raw, Mapping) else None
    models = [each for each in members if isinstance(each, type) and issubclass(each, BaseModel)]
    named = (each for each in models if "kind" in each.model_fields)
    return next((each for each in named if kind in get_args(each.model_fields["kind"].annotation)), None)


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    """Made once for each type of a field: making one takes longer than reading a thousand values."""
    return TypeAdapter(annotation)


def _salvage_value(annotation: Any, raw: Any) -> Any:
    try:
        return _adapter(annotation).validate_python(raw)
    except ValidationError:
        return _salvage_parts(annotation, raw)


def _salvage_parts(annotation: Any, raw: Any) -> Any:
    """What is well-formed inside `raw`, which as a whole is not."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _salvage_parts(args[0], raw)
    if origin in (types.UnionType, typing.Union):
        member = _member([arg for arg in args if arg is not type(None)], raw)
        return None if member is None else _salvage_parts(member, raw)
    if origin is dict and isinstance(raw, Mapping):
        return {key: _salvage_value(args[1], item) for key, item in raw.items()}
    if origin is list and isinstance(raw, list):
        return [_salvage_value(args[0], item) for item in raw]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and isinstance(raw, Mapping):
        # A value without an origin is one problem; a check that then also misjudged the value would be noise.
        return None if issubclass(annotation, Term) else _salvage(annotation, raw)
    return None
