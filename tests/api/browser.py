"""Real Chromium for the tests of pages: a page opened in a language and width, what axe finds in it, and a
picture.

with served(app) as url, chromium() as browser: page = open_page(browser, url + "/", language="ko",
width=360)"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = Path(os.environ["PENSTOCK_SHOTS"]) if "PENSTOCK_SHOTS" in os.environ else None
"""Where pictures are left to be looked at; nowhere unless it is set."""
WIDE, PHONE = 1280, 360
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

expect.set_options(timeout=30_000)  # a busy machine is slow, which is no fault of a page

needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="there is no chromium here (apt-get install chromium)"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser process, ended with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def served(app: Any, port: int) -> Iterator[str]:
    """The app behind a real HTTP server on 127.0.0.1, its lifespan run; gives its address."""
    settings = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def open_page(
    browser: Browser, url: str, *, language: str = "en", width: int = WIDE, dark: bool = False, **options: Any
) -> Page:
    """The page in a context of its own (close it with `page.context.close()`), settled: fonts, scripts,
    charts. What its scripts say wrong is in `page.errors`."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        locale={"en": "en-GB", "ko": "ko-KR"}[language],
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        **options,
    )
    page = context.new_page()
    errors: list[str] = []
    page.errors = errors  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(url)
    settle(page)
    return page


def settle(page: Page) -> None:
    """Wait until every chart is drawn. An open stream of events never lets the network be idle."""
    page.wait_for_load_state("load")
    page.wait_for_function(
        "() => [...document.querySelectorAll('figure[data-chart]')].every((each) => each.dataset.drawn)"
        " && document.fonts.status === 'loaded'"
    )


def axe(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, one line for each place."""
    page.evaluate(AXE.read_text())  # allowed: it is not a script of the page
    found = page.evaluate("(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES)
    return [
        f"{violation['id']}: {node['target']}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def wider_than_the_window(page: Page) -> list[str]:
    """Elements that make the page scroll sideways."""
    return list(
        page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= width) return [];
              return [...document.querySelectorAll("body *")]
                .filter((each) => each.getBoundingClientRect().right > width + 1)
                .map((each) => each.outerHTML.slice(0, 120)).slice(0, 10);
            }"""
        )
    )


def shot(page: Page, name: str) -> None:
    """A picture of the whole page, if somebody wants to look."""
    if SHOTS is not None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(SHOTS / f"{name}.png"), full_page=True)
