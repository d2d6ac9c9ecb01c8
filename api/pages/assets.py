"""Libraries that the pages use, served from where npm installed them; nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse

from api.i18n import LANGUAGES, texts
from api.problems import not_found

router = APIRouter()

STATIC = Path(__file__).parent / "static"
MODULES = Path(__file__).resolve().parents[2] / "node_modules"
VENDOR: Mapping[str, str] = {
    "d3.min.js": "d3/dist/d3.min.js",
    "plot.umd.min.js": "@observablehq/plot/dist/plot.umd.min.js",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
}
FOREVER = "public, max-age=31536000, immutable"


@router.get("/static/vendor/{mark}/{name}")
def vendor(
    mark: Annotated[str, InPath(max_length=16)], name: Annotated[str, InPath(max_length=40)]
) -> FileResponse:
    """A library; `mark` is of its content, so a browser may keep it for good."""
    if name not in VENDOR or not (MODULES / VENDOR[name]).is_file():
        raise not_found(f"no script {name}; run npm ci if it should be there")
    return FileResponse(
        MODULES / VENDOR[name], media_type="text/javascript", headers={"Cache-Control": FOREVER}
    )


@router.get("/words/{language}.json")
def words(language: Annotated[str, InPath(max_length=8)]) -> JSONResponse:
    """Every text of a language by its English, for scripts."""
    if language not in LANGUAGES:
        raise not_found(f"no language {language}; there is {', '.join(LANGUAGES)}")
    return JSONResponse(dict(texts(language)), headers={"Cache-Control": "no-cache"})


def asset(name: str) -> str:
    """The address of a file of static/, or of a library, with a mark of its content. Modules have none: they
    import each other by name, and under two addresses a module would run twice."""
    if name in VENDOR:
        return f"/static/vendor/{_mark(MODULES / VENDOR[name])}/{name}"
    if name.endswith(".js"):
        return f"/static/{name}"
    return f"/static/{name}?v={_mark(STATIC / name)}"


def _mark(file: Path) -> str:
    return _digest(file, file.stat().st_mtime_ns) if file.is_file() else "missing"


@lru_cache(maxsize=64)
def _digest(file: Path, changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]
