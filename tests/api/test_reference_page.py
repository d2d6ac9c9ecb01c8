"""The documentation as a page: the file that is run as a test, and every operation that there is."""

from __future__ import annotations

from pathlib import Path

from tests.api.browser import axe, chromium, free_port, needs_chromium, open_page, served
from tests.api.without_chain import offline

ROOT = Path(__file__).parents[2]


def test_it_is_docs_api_md_and_the_description(tmp_path: Path) -> None:
    client = offline(tmp_path)
    text = client.get("/docs").text
    assert "curl -sSf &quot;$URL/v1/deployments/$ID/holders?limit=3&quot;" in text
    for path, item in client.get("/v1/openapi.json").json()["paths"].items():
        for method in item:
            assert f"<code>{method.upper()} {path}</code>" in text
    assert 'lang="en"' in client.get("/docs?lang=ko").text


@needs_chromium
def test_everybody_can_read_it(tmp_path: Path) -> None:
    with served(offline(tmp_path).app, free_port()) as url, chromium() as browser:
        for language, width in (("en", 360), ("ko", 1280)):
            page = open_page(browser, f"{url}/docs", language=language, width=width)
            assert axe(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.context.close()
