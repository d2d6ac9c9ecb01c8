"""Lists: in parts (limit and cursor), and as JSON, CSV or Parquet, as the Accept header or ?format asks."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pandas as pd
from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.models import AsOf, Page
from api.problems import ProblemError, bad_input

DEFAULT_LIMIT, MOST = 100, 1_000
CSV, PARQUET, JSON = "text/csv", "application/vnd.apache.parquet", "application/json"
_FORMATS = {"json": JSON, "csv": CSV, "parquet": PARQUET}

Limit = Annotated[int, Query(ge=1, le=MOST, description="Rows in this part.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the part before.")]
Format = Annotated[
    Literal["json", "csv", "parquet"] | None, Query(description="Instead of an Accept header.")
]

LISTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A part of the list; CSV and Parquet have a column for each field.",
        "content": {
            CSV: {"schema": {"type": "string"}},
            PARQUET: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
"""`responses` of a route that answers with `listed`."""


def encode_cursor(*key: Any) -> str:
    """A cursor that stands for the sort key of the last row of a part."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *types: type) -> tuple[Any, ...] | None:
    """The key in a cursor, whose parts must have these types; None for none. Raises ProblemError (422)."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key = json.loads(raw)
        if not isinstance(key, list) or [type(part) for part in key] != list(types):
            raise ValueError("another key")
    except (ValueError, binascii.Error, RecursionError):
        raise bad_input("cursor: not one that this list gave") from None
    return tuple(key)


def wanted(request: Request, format: str | None = None) -> str:
    """The media type to answer with: `format`, else the first of Accept that we have. Raises 406."""
    if format is not None:
        return _FORMATS[format]
    accept = request.headers.get("accept", "*/*")
    ranked = []
    for place, part in enumerate(accept.split(",")):
        name, _, parameters = part.partition(";")
        quality = 1.0
        for parameter in parameters.split(";"):
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if quality > 0:
            ranked.append((-quality, place, name.strip().lower()))
    for _, _, name in sorted(ranked):
        if name in ("*/*", "application/*", JSON):
            return JSON
        if name in (CSV, "text/*"):
            return CSV
        if name == PARQUET:
            return PARQUET
    raise ProblemError(406, "not-acceptable", f"Accept: {accept[:200]}: there is {JSON}, {CSV} and {PARQUET}")


def listed(
    request: Request,
    items: Sequence[BaseModel],
    *,
    name: str,
    model: type[BaseModel],
    next: str | None = None,
    as_of: AsOf | None = None,
    format: str | None = None,
) -> Response:
    """A part of a list in the form that was asked for; `name` is that of a file, `model` that of a row. The
    cursor of the next part is in the body (JSON) and in a Link header (all)."""
    kind = wanted(request, format)
    headers = {"Vary": "Accept"}
    if next is not None:
        headers["Link"] = f'<{request.url.include_query_params(cursor=next)}>; rel="next"'
    if kind == JSON:
        page: Page[Any] = Page(items=[item.model_dump(mode="json") for item in items], next=next, as_of=as_of)
        return Response(page.model_dump_json(), media_type=JSON, headers=headers)
    frame = table(items, model)
    headers["Content-Disposition"] = f'attachment; filename="{name}.{"csv" if kind == CSV else "parquet"}"'
    if kind == CSV:
        return Response(frame.to_csv(index=False), media_type=CSV, headers=headers)
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return Response(buffer.getvalue(), media_type=PARQUET, headers=headers)


def table(items: Sequence[BaseModel], model: type[BaseModel]) -> pd.DataFrame:
    """Items as a table with a column for each leaf of `model`, typed by it: a number that is missing in some
    row stays an integer in the others, and a list without rows has the same columns and types."""
    kinds = columns(model)
    frame = pd.DataFrame([flat(item) for item in items], columns=list(kinds), dtype=object)
    for name, kind in kinds.items():
        if kind == _DTYPES[int] and any(each is not None and each >= 2**63 for each in frame[name]):
            kinds[name] = "UInt64"  # a time as a contract takes it
    return frame.astype(kinds)


_DTYPES: dict[Any, str] = {bool: "boolean", int: "Int64", float: "float64"}
"""What is none of these is text."""


def columns(model: type[BaseModel]) -> dict[str, str]:
    """The columns of a table of `model` with their pandas types: nested models, those that may be missing
    too, spread as `outer_inner`."""
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        kind = _present(field.annotation)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= {f"{name}_{inner}": dtype for inner, dtype in columns(kind).items()}
        else:
            found[name] = _DTYPES.get(kind, "string")
    return found


def _present(annotation: Any) -> Any:
    """The type of a field when it is there: `X` of `X | None`."""
    if get_origin(annotation) is Annotated:
        return _present(get_args(annotation)[0])
    found = [each for each in get_args(annotation) if each is not NoneType]
    return (
        _present(found[0]) if get_origin(annotation) in (UnionType, Union) and len(found) == 1 else annotation
    )


def flat(item: BaseModel) -> dict[str, Any]:
    """An item as one row: nested models spread, lists and mappings as JSON text."""
    row: dict[str, Any] = {}
    for name in type(item).model_fields:
        value = getattr(item, name)
        if isinstance(value, BaseModel):
            row |= {f"{name}_{inner}": each for inner, each in flat(value).items()}
        elif isinstance(value, list | tuple | dict):
            row[name] = json.dumps(value, default=_plain)
        elif value is None or isinstance(value, bool | int | float | str):
            row[name] = value
        else:
            row[name] = str(value)
    return row


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
