"""JSON bodies that may be large: read by the routes themselves, in threads, where FastAPI reads them on the
event loop and before it asks who sent them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from api.problems import ProblemError
from api.views.documents import reading

JSON = "application/json"
_COMPONENTS = "#/components/schemas/{model}"
_MOST_ERRORS = 50
_Model = TypeVar("_Model", bound=BaseModel)


async def _bytes_of(request: Request) -> bytes:
    return await request.body()


PostedBytes = Annotated[bytes, Depends(_bytes_of)]


def posted(model: type[_Model]) -> Callable[..., _Model]:
    """A dependency that is the posted `model`. FastAPI runs it in a thread, for it is no coroutine."""

    def read(request: Request, body: PostedBytes) -> _Model:
        require_json(request)
        with reading(len(body)):
            return read_model(model, body)

    return read


def require_json(request: Request) -> None:
    """Raise ProblemError (415) for a body that does not say it is JSON: a form of another site cannot."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise another_kind(kind)


def another_kind(kind: str) -> ProblemError:
    words = f"{kind[:80] or 'no type'}: the body must be {JSON}"
    return ProblemError(415, "unsupported-media-type", words)


def read_model(model: type[_Model], body: bytes) -> _Model:
    """The `model` in a JSON body. Raises RequestValidationError, as FastAPI does."""
    try:
        return model.model_validate(json.loads(body))
    except ValidationError as error:
        found = error.errors(include_url=False)[:_MOST_ERRORS]
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found]) from None
    except (ValueError, RecursionError) as error:
        known = isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
        reason = f"not JSON: {error if known else 'too deep, or a number of too many digits'}"
        reason = reason[:200] if body else "Field required"
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": reason}]) from None


def described(what: type[BaseModel] | dict[str, Any]) -> dict[str, Any]:
    """The body of a route that reads it itself, for OpenAPI; a model is also to be told to `describe`."""
    schema = what if isinstance(what, dict) else {"$ref": _COMPONENTS.format(model=what.__name__)}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def describe(openapi: dict[str, Any], *models: type[BaseModel]) -> None:
    """Put the schemas of `models` among the components, as FastAPI writes them: a default of null is none."""
    for model in models:
        schema = jsonable_encoder(model.model_json_schema(ref_template=_COMPONENTS), exclude_none=True)
        openapi["components"]["schemas"] |= {**schema.pop("$defs", {}), model.__name__: schema}
