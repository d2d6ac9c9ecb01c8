"""The HTML report as a reader, a browser and a screen reader meet it."""

from __future__ import annotations

import re
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finance import price
from finance.report.page import inputs, render_page
from finance.terms import parse_deal
from finance.terms.reader import read_deal_yaml
from scripts.cli import main
from tests.finance.deal_variants import ALL, BOOK, book_deal, file_of

pytestmark = pytest.mark.slow

VOID = {"meta", "br", "hr", "img", "input", "link", "col", "wbr"}


class Page(HTMLParser):
    """A page as a tree that must close what it opens; text by table cell."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: list[list[list[str]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "svg" not in self.open:
            self.text.append(data)
        if self.open[-1:] and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    def all(self, *names: str) -> list[tuple[str, dict[str, str]]]:
        return [(tag, attributes) for tag, attributes in self.tags if tag in names]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: render_page(price(make()), f"penstock price {name}") for name, make in ALL.items()}


@pytest.mark.parametrize("name", ALL)
def test_it_is_one_well_formed_page_in_a_stated_language(name: str, pages: dict[str, str]) -> None:
    text = pages[name]
    page = Page(text)
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert page.all("html")[0][1]["lang"] == "en"
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    levels = [int(tag[1]) for tag, _ in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    inside = {a["href"][1:] for _, a in page.all("a") if a.get("href", "").startswith("#")}
    assert inside <= set(ids)
    for _, attributes in page.tags:
        assert attributes.get("aria-labelledby", ids[0]) in ids


@pytest.mark.parametrize("name", ALL)
def test_it_loads_nothing_from_elsewhere(name: str, pages: dict[str, str]) -> None:
    page = Page(pages[name])
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "audio", "video", "base")
        for attribute in ("src", "srcset", "data", "poster", "action", "background", "onload", "onclick"):
            assert attribute not in attributes
        for attribute in ("href", "xlink:href"):
            address = attributes.get(attribute, "")
            assert address.startswith("#") or (tag == "a" and address.startswith("http")) or not address
    assert "@import" not in pages[name]
    assert not re.findall(r"url\((?!#)", pages[name])


@pytest.mark.parametrize("name", ALL)
def test_pictures_and_tables_have_names(name: str, pages: dict[str, str]) -> None:
    page = Page(pages[name])
    pictures = [attributes for _, attributes in page.all("svg")]
    fixed = name == "hksar-tokenised-green-bond-2023"
    assert len(pictures) == (2 if fixed else 3)
    assert len(page.all("figcaption")) == len(pictures)
    for attributes in pictures:
        assert attributes["role"] == "img"
        assert len(attributes["aria-label"]) > 60
    assert len(page.all("caption")) == len(page.all("table")) >= 4
    assert all(attributes.get("scope") == "col" for _, attributes in page.all("th"))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_of_text_have_enough_contrast(pages: dict[str, str]) -> None:
    """WCAG 2.2, criterion 1.4.3, level AA: 4.5 to 1 for text."""
    style = re.search(r"<style>(.*?)</style>", pages[BOOK[0]], re.DOTALL)
    assert style
    colours = dict(re.findall(r"--(\w+): (#\w+);", style.group(1)))
    used = set(re.findall(r"[{; ]color: var\(--(\w+)\)", style.group(1)))
    assert used >= {"ink", "soft", "bad", "blue"}
    for name in used:
        for ground in ("paper", "tint"):
            light, dark = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)
    assert "@media print" in style.group(1)
    assert "max-width: 30rem" in style.group(1)


def amounts(cells: list[str]) -> list[Decimal]:
    return [Decimal(cell.replace(",", "")) for cell in cells if cell]


@pytest.mark.parametrize("name", ALL)
def test_money_columns_of_the_cash_flows_add_up(name: str, pages: dict[str, str]) -> None:
    (table,) = [table for table in Page(pages[name]).tables if table[0][0] == "Date"]
    head, *rows, foot = table
    paid = [row for row in rows if row[2] != "issue"]
    for column in range(4, len(head)):
        if head[column] == "Discount factor":
            continue
        total = sum(amounts([row[column] for row in paid]), Decimal(0))
        # A cell is rounded to a cent, and so is the sum.
        slack = Decimal("0.005") * (len(paid) + 1) if head[column] not in ("Expected",) else Decimal("0.17")
        assert abs(total - amounts([foot[column]])[0]) <= slack, head[column]


@pytest.mark.parametrize("name", BOOK)
def test_every_input_is_there_with_its_origin_and_its_source(name: str, pages: dict[str, str]) -> None:
    deal = book_deal(name)
    facts = deal.numbers()
    page = Page(pages[name])
    (table,) = [table for table in page.tables if table[0][0] == "Field of the deal file"]
    assert [row[0] for row in table[1:]] == [path for path, *_ in facts]
    assert [row[2] for row in table[1:]] == [kind for *_, kind, _ in facts]
    links = {attributes["href"] for _, attributes in page.all("a")}
    for fact in inputs(deal):
        source = [s for s in deal.sources.values() if fact.text.startswith(s.citation)]
        if not fact.assumed:
            assert source
            assert fact.url in {each.url for each in source}
        if fact.url:
            assert fact.url in links
    assert {source.url for source in deal.sources.values() if source.url} <= links


@pytest.mark.parametrize("name", ALL)
def test_it_says_how_it_was_made(name: str, pages: dict[str, str]) -> None:
    words, valuation = Page(pages[name]).words, price(ALL[name]())
    assert valuation.deal.terms_hash in words
    assert f"penstock price {name}" in words
    assert f"{valuation.price:.4f}" in words
    if valuation.claim.kpis:
        assert f"seed {valuation.monte_carlo.seed}" in words
        assert "standard error" in words
    assert not re.findall(r"\b(?:None|nan|inf|Decimal)\b", words)


def test_words_of_the_published_deals(pages: dict[str, str]) -> None:
    """What readers are told of gains and losses, against what the sources say of the deals."""
    dc, enel, atlanta, hongkong, singapore = (
        Page(pages[name]).words
        for name in (
            "dc-water-eib-2016",
            "enel-slb-2019",
            "atlanta-eib-2019",
            "hksar-tokenised-green-bond-2023",
            "singapore-ebus-loan",
        )
    )
    assert "Below 18.6 %: the holders pay the issuer USD 3,300,000.00 on 2021-04-01 . The chance" in dc
    assert "the chance that they lose against it is 2.50 %" in dc
    assert "a yield of 0.53 % a year" in dc  # the published worst, 0.5275 % over nine half-years
    assert "If the report does not come, the issuer pays the holders USD 3,300,000.00" in dc
    assert "Below 55 %: the coupon is 25 basis points higher, USD 7,500,000.00 more in all" in enel
    assert "No report can make holders get less than the stated coupon and principal" in enel
    assert "issued at 99.879 per 100" in enel
    assert "6.52 or more: the issuer pays the holders USD 1,000,000.00 on 2025-01-31" in atlanta
    assert "this is a fixed bond" in hongkong
    assert "HKD 32,400,000 more than they paid" in hongkong.replace("832,400,000.00 for", "").replace(
        ": 32,400,000.00", ": HKD 32,400,000"
    )
    assert "cannot change what the bond costs its issuer" in hongkong
    assert "The principal comes back in 32 parts" in singapore
    assert "7 reports decide, and the cost of capital with data is known for one only" in singapore


def test_text_of_a_deal_cannot_become_markup() -> None:
    tree = read_deal_yaml(file_of("enel-slb-2019"))
    tree["title"] = 'A <script>alert("x")</script> & more'
    tree["kpis"]["renewable-share"]["title"] = 'share "quoted" <b>bold</b>'
    tree["parts"]["bond"]["grace_days"] = {"value": 10, "assumed": "<img src=x onerror=alert(1)>"}
    text = render_page(price(parse_deal(tree)))
    page = Page(text)
    assert not page.all("script", "img", "b1")
    assert 'A <script>alert("x")</script> & more' in page.words


def test_the_command_writes_it_whole_and_says_how_to_repeat(tmp_path: Path) -> None:
    target = tmp_path / "deal.html"
    target.write_text("an older page")
    result = CliRunner().invoke(main, ["price", str(file_of("dc-water-eib-2016")), "--html", str(target)])
    assert (result.exit_code, result.stderr) == (0, "")
    page = Page(target.read_text(encoding="utf-8"))
    assert "The command that makes this page again" in page.words
    assert [path.name for path in tmp_path.iterdir()] == ["deal.html"]
