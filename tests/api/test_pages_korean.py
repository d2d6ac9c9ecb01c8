"""Every page in Korean, by following its links: no English is left but names, units, citations and code."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest

from tests.api.world import Service, World, serving

SILENT = {"script", "style", "code", "noscript"}
VOID = {"meta", "link", "input", "img", "br", "hr", "path", "circle", "rect"}
SPOKEN = {"title", "aria-label", "placeholder", "alt", "data-label", "content"}
NAMES = {
    # the house, its formats and what they measure in
    "Penstock", "API", "CSV", "UTC", "SHA", "ETH", "KPI", "HTTP", "JSON", "SWMM", "EPA", "MWh", "Wh", "bp",
    "USD", "EUR", "SGD", "HKD", "mm", "kB", "localhost",
    # who is cited, and files of other programs
    "ImpactAlpha", "Feldhuetter", "Wang", "pvlib", "windpowerlib",
}  # fmt: skip
CODED = re.compile(r"0x[0-9a-f…]+|(pvlib|windpowerlib):\S+", re.IGNORECASE)
WORD = re.compile(r"[A-Za-z][A-Za-z'’]{2,}")


class Reader(HTMLParser):
    """What a person reads or hears of a page: texts that are not code and not marked as a citation."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        classes = given.get("class", "").split()
        quoted = "sourced" in classes or "address" in classes or (given.get("lang") == "en" and tag == "a")
        silent = bool(self.open and self.open[-1][1]) or tag in SILENT or quoted
        if not silent and (tag != "meta" or given.get("name") == "description"):
            self.texts += [given[name] for name in SPOKEN if name in given]
        if tag not in VOID:
            self.open.append((tag, silent))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1][1]):
            self.texts.append(data)


def crawl(service: Service, *starts: str) -> dict[str, Reader]:
    """Every page that links lead to, by path; of transactions and evidence too."""
    found: dict[str, Reader] = {}
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        answer = service.get(path, headers={"accept": "text/html", "accept-language": "ko"})
        assert answer.status_code in (200, 404), (path, answer.status_code)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        found[path] = reader = Reader()
        reader.feed(answer.text)
        for link in reader.links:
            place = urlsplit(urljoin(path, link))
            inside = not place.netloc and not place.path.startswith(("/v1", "/static", "/docs"))
            if inside and "lang=" not in place.query:
                waiting.append(place.path + (f"?{place.query}" if place.query else ""))
    return found


def english(reader: Reader, names: set[str]) -> list[str]:
    return [
        text.strip()
        for text in reader.texts
        if any(word not in names and not word.isupper() for word in WORD.findall(CODED.sub("", text)))
    ]


def check(service: Service, *more: str) -> None:
    service.client.cookies.clear()
    starts = ("/", "/investor", "/oracle", "/no-such-page", *more)
    pages = crawl(service, *starts)
    assert len(pages) > 20
    names = set(NAMES)
    for deal in service.services.deals.all():
        for party in deal.parties.values():
            names |= set(WORD.findall(party.name))
    left = {path: found for path, reader in pages.items() if (found := english(reader, names))}
    said = sorted({text for texts in left.values() for text in texts})
    assert not said, (
        f"{len(said)} texts on {len(left)} of {len(pages)} pages, such as {next(iter(left))}:\n"
        + "\n".join(said)
    )


@pytest.mark.parametrize("name", ["active", "redeemed", "wind"])
def test_no_english_is_left_on_a_korean_page(request: pytest.FixtureRequest, name: str) -> None:
    service: Service = request.getfixturevalue(name)
    holder = service.of("/holders")["items"][0]["holder"]
    check(service, f"/investor?address={holder}")


def test_nor_where_a_report_is_a_lie(captured: World) -> None:
    with serving(captured) as service:
        check(service)
