"""A page from its template: the shell around it, the reader's language, and what every page shows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.demo import NextEvent
from api.i18n import COOKIE, LANGUAGES, N_, Translator, language_of
from api.pages.assets import asset
from api.pages.format import Format, short_hash
from api.problems import Problem, ProblemError
from api.services import Services

log = logging.getLogger("penstock.pages")
TEMPLATES = Path(__file__).parent / "templates"
YEAR = 365 * 24 * 3600

# (path, words) of the places that every page leads to.
PLACES = (("/", N_("Deals")), ("/investor", N_("Your holdings")), ("/oracle", N_("Measurements")))

environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(("html.j2", "html"), default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=["jinja2.ext.do"],
)
environment.globals |= {"asset": asset, "short_hash": short_hash, "languages": LANGUAGES, "places": PLACES}


@dataclass(frozen=True)
class Banner:
    """What a demonstration says on every page. `clock`: the chain's time, if the index has any; `deal`: title
    of the deal that the next event is of; `trouble`: what does not run, in sentences."""

    facts: dict[str, str]
    clock: int | None
    upcoming: NextEvent | None
    deal: str | None
    trouble: list[str]


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """The page that `template` (a file of templates/) makes of `context`, in the reader's language.

    Templates have besides: `_` and `n_` (translate, see i18n.Translator), `d` (a text of a deal file), `f`
    (writes numbers and dates, see format.Format), `lang`, `request`, `path`, `asset`, `short_hash`, `banner`
    (in a demonstration), `head` (how far the chain is read, or None) and `silent_since` (when a chain that
    does not answer was last heard, or None).
    """
    language = language_of(request)
    services: Services | None = getattr(request.app.state, "services", None)
    shell = {
        **_formatter(language),
        "request": request,
        "path": request.url.path,
        "head": head_of(services),
        "stream_after": services.stream.newest if services is not None else None,
        "silent_since": services.chain.silent_since if services is not None else None,
        "banner": banner_of(services),
        "other_languages": [
            (code, name, str(request.url.include_query_params(lang=code).replace(scheme="", netloc="")))
            for code, name in LANGUAGES.items()
            if code != language
        ],
    }
    text = environment.get_template(template).render(shell | context)
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie", "Cache-Control": "no-cache"}
    answer = HTMLResponse(text, status, headers)
    if request.query_params.get("lang") == language:
        answer.set_cookie(COOKIE, language, max_age=YEAR, samesite="lax")
    return answer


def marks(language: str) -> Any:
    """The macros of macros.html.j2 as functions, for cells of tables that are put together in Python."""
    return cast(Any, environment.get_template("macros.html.j2").make_module(_formatter(language)))


def _formatter(language: str) -> dict[str, Any]:
    say = Translator(language)
    return {"_": say, "n_": say.plural, "d": say.deal, "f": Format(language), "lang": language}


def wants_page(request: Request) -> bool:
    """Whether an error should be a page: a browser asks, and not for the API."""
    accept = request.headers.get("accept", "")
    return "text/html" in accept and not request.url.path.startswith(
        ("/v1", "/health", "/metrics", "/static")
    )


def error_page(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> HTMLResponse:
    """A problem as a page."""
    answer = page(request, "error.html.j2", problem.status, problem=problem)
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    answer.headers["Cache-Control"] = "no-store"
    return answer


def head_of(services: Services | None) -> Any:
    """How far the chain is read; None where nothing is read or the database does not answer."""
    try:
        return services.index.head() if services is not None else None
    except (ProblemError, AttributeError):
        return None


def banner_of(services: Services | None) -> Banner | None:
    """What the demonstration says of itself; a page does not fail because the demonstration is busy."""
    demo = services.demo if services is not None else None
    if services is None or demo is None:
        return None
    upcoming: NextEvent | None = None
    head, deal = head_of(services), None
    try:
        upcoming = next(iter(demo.upcoming()), None)
        deal = services.index.deployment(upcoming.deployment).deal.title if upcoming else None
    except ProblemError:
        pass  # not indexed yet
    except Exception:
        log.warning("the demonstration cannot say what comes next", exc_info=True)
        upcoming = None
    clock = cast("int | None", head.time if head else None)
    return Banner(dict(demo.facts()), clock, upcoming, deal, list(demo.trouble()))
