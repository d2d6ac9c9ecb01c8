"""Errors as the API gives them: RFC 9457 problem details, one shape for everything that can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "No such representation",
    409: "Conflict",
    410: "Gone",
    413: "Body too large",
    408: "Body too slow",
    415: "Unsupported media type",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    502: "A node refused",
    503: "Temporarily unavailable",
}


class Flaw(BaseModel):
    """One thing that is wrong with the input."""

    field: str
    value: str | None = None
    reason: str


class Problem(BaseModel):
    """RFC 9457 problem details. `type` is /problems/NAME, where NAME is stable; `errors` has a row for each
    thing that is wrong with the input."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "/problems/not-found",
                "title": "Not found",
                "status": 404,
                "detail": "no deal dc-water",
                "instance": "/v1/deals/dc-water",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list[Flaw] = Field(default_factory=list)


class ProblemError(Exception):
    """Something that a client is told. `name` ends the problem's type; `headers` go with the answer."""

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        errors: list[Flaw] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.name, self.detail = status, name, detail
        self.errors, self.headers = errors or [], headers or {}

    def problem(self, instance: str | None = None) -> Problem:
        return Problem(
            type=f"/problems/{self.name}",
            title=TITLES.get(self.status, "Error"),
            status=self.status,
            detail=self.detail,
            instance=instance,
            errors=self.errors,
        )


def shown(value: Any, most: int = 200) -> str:
    """The beginning of str(value). No more of it is made: a value can be a whole body, once for each flaw."""
    if isinstance(value, str):
        return value[:most]
    text, size = [], 0
    for piece in _pieces(value, most):
        text.append(piece)
        size += len(piece)
        if size >= most:
            break
    return "".join(text)[:most]


def _pieces(value: Any, most: int) -> Iterator[str]:
    if isinstance(value, dict):
        yield "{"
        for index, (name, item) in enumerate(value.items()):
            yield (", " if index else "") + f"{str(name)[:most]!r}: "
            yield from _pieces(item, most)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for index, item in enumerate(value):
            yield ", " if index else ""
            yield from _pieces(item, most)
        yield "]"
    else:
        yield repr(value[:most]) if isinstance(value, str | bytes) else str(value)


def not_found(what: str) -> ProblemError:
    return ProblemError(404, "not-found", what)


def bad_input(detail: str, errors: list[Flaw] | None = None) -> ProblemError:
    return ProblemError(422, "invalid-input", detail, errors)


def conflict(detail: str, name: str = "conflict") -> ProblemError:
    return ProblemError(409, name, detail)


def unavailable(detail: str, name: str = "unavailable", retry: int = 2) -> ProblemError:
    """503 with Retry-After: the chain, the database or a node does not answer now."""
    return ProblemError(503, name, detail, headers={"Retry-After": str(retry)})


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with these problems, for OpenAPI."""
    return {
        status: {
            "model": Problem,
            "description": TITLES[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }
