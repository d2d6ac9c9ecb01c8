"""The API's documentation as a page: docs/api.md, whose examples a test runs, and every operation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markupsafe import Markup

from api.pages.render import page
from api.problems import not_found

router = APIRouter()

TEXT = Path(__file__).parents[2] / "docs" / "api.md"


@dataclass(frozen=True)
class Operation:
    """A row of the table: what is called how, and what it does."""

    method: str
    path: str
    does: Markup


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """How the API is used."""
    return page(request, "reference.html.j2", article=_article(), operations=_operations(request))


@lru_cache(maxsize=1)
def _article() -> Markup:
    """docs/api.md as HTML. It is ours, and raw HTML in it is shown as text all the same."""
    try:
        text = TEXT.read_text()
    except OSError:
        raise not_found("docs/api.md is not part of this installation; see /v1/openapi.json") from None
    reader = _reader()
    tokens = reader.parse(text)
    for token in tokens:
        if token.type == "fence":
            token.attrs["tabindex"] = "0"  # it scrolls, so it must take the focus
    return Markup(reader.renderer.render(tokens, reader.options, {}))


def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _operations(request: Request) -> list[Operation]:
    return [
        Operation(
            method.upper(),
            path,
            Markup(_reader().renderInline(str(each["description"]).split("\n\n")[0])),
        )
        for path, item in request.app.openapi()["paths"].items()
        for method, each in item.items()
    ]
