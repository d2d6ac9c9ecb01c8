"""The pages in a real browser: WCAG 2.2 AA in both languages and at both widths, without a mouse, without
scripts, on paper, and kept up with the chain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import build
from chain.network import start_anvil
from tests.api.browser import (
    PHONE,
    WIDE,
    axe,
    chromium,
    free_port,
    needs_chromium,
    open_page,
    served,
    settle,
    shot,
    wider_than_the_window,
)
from tests.api.wallets import ChainDemo
from tests.api.world import Service, World, bond_world, until_read
from tests.chain.bond_life import BEFORE_THE_OFFERING

pytestmark = needs_chromium
BOND, SWAP, VEHICLE = "dc-water-eib-2016", "bloom-wind-prs", "viveracqua-hydrobond-2014"


@contextmanager
def site(world: World, folder: Path) -> Iterator[str]:
    """The pages over a world that others read too, with an index of their own."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    settings = world.settings(
        database=f"sqlite:///{folder / 'pages.sqlite'}", origin=f"http://127.0.0.1:{port}", demo=True
    )
    app = build(settings, ChainDemo(world.chain, {}))
    with served(app, port) as url:
        until_read(app, world)
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def bond(redeemed: Service, tmp_session: Path) -> Iterator[str]:
    with site(redeemed.world, tmp_session / "pages-bond") as url:
        redeemed.catch_up()
        yield url


@pytest.fixture(scope="module")
def swap(wind: Service, tmp_session: Path) -> Iterator[str]:
    with site(wind.world, tmp_session / "pages-swap") as url:
        yield url


def ready(browser: Browser, url: str, **options: object) -> Page:
    """The page, once the index has the deal."""
    page = open_page(browser, url, **options)  # type: ignore[arg-type]
    for _ in range(40):
        if (
            page.locator("#on-chain, .deal .badge, main h1").first.is_visible()
            and not page.get_by_text("The chain has not been read yet.").is_visible()
        ):
            break
        page.wait_for_timeout(250)
        page.reload()
        settle(page)
    return page


def sound(page: Page, name: str) -> None:
    """No finding of axe, nothing beyond the window's side, no error of a script."""
    shot(page, name)
    assert axe(page) == []
    assert wider_than_the_window(page) == []
    assert [error for error in page.errors if "status of 404" not in error] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "path", "language", "width"),
    [
        *(("deals", "/", language, width) for language in ("en", "ko") for width in (WIDE, PHONE)),
        *(
            ("bond", f"/deals/{BOND}", language, width)
            for language in ("en", "ko")
            for width in (WIDE, PHONE)
        ),
        ("book", "/deals/singapore-ebus-loan", "en", PHONE),
        ("book", "/deals/singapore-ebus-loan", "ko", WIDE),
        *(("vehicle", f"/deals/{VEHICLE}", "en", width) for width in (WIDE, PHONE)),
        ("vehicle", f"/deals/{VEHICLE}", "ko", PHONE),
        ("missing", "/deals/no-such-deal", "en", WIDE),
        ("missing", "/deals/no-such-deal", "ko", PHONE),
    ],
)
def test_pages_are_accessible(
    browser: Browser, bond: str, name: str, path: str, language: str, width: int
) -> None:
    page = ready(browser, bond + path, language=language, width=width)
    assert page.locator("html").get_attribute("lang") == language
    shot(page, f"pages-{name}-{language}-{width}")
    assert wider_than_the_window(page) == []
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    sound(page, f"pages-{name}-open-{language}-{width}")
    page.context.close()


@pytest.mark.parametrize(("language", "width"), [("en", WIDE), ("ko", PHONE)])
def test_the_page_of_a_swap_is_accessible(browser: Browser, swap: str, language: str, width: int) -> None:
    page = ready(browser, f"{swap}/deals/{SWAP}", language=language, width=width)
    expect(page.locator("#chart-settlements[data-drawn] .chart-drawing svg[role=img]")).to_be_visible(
        timeout=20_000
    )
    sound(page, f"pages-swap-{language}-{width}")
    page.context.close()


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_figure_leads_to_its_transaction(browser: Browser, bond: str, language: str) -> None:
    page = ready(browser, f"{bond}/deals/{BOND}", language=language)
    traces = page.locator("#payments a.trace")
    assert traces.count() >= 10  # nine coupons and the redemption, some of them twice
    page.goto(bond + str(traces.last.get_attribute("href")))
    settle(page)
    assert page.locator(".told li").count() >= 2
    sound(page, f"pages-transaction-{language}")
    page.context.close()


@pytest.mark.parametrize("name", ["redeemed", "wind"])
def test_every_kind_of_transaction_is_accessible(
    browser: Browser, bond: str, swap: str, request: pytest.FixtureRequest, name: str
) -> None:
    """One transaction for each event that a deal's life has, in either language by turns, unfolded."""
    service: Service = request.getfixturevalue(name)
    kinds: dict[str, str] = {}
    for event in service.services.index.events(service.world.id):
        kinds.setdefault(event.name, event.tx)
    assert len(kinds) > 10
    page = ready(browser, bond if name == "redeemed" else swap)
    base = page.url.rstrip("/")
    for place, tx in enumerate(sorted(set(kinds.values()))):
        page.goto(f"{base}/transactions/{tx}?lang={('en', 'ko')[place % 2]}")
        settle(page)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert axe(page) == [], tx
        assert wider_than_the_window(page) == [], tx
    page.context.close()


def test_dark_pages_are_accessible(browser: Browser, bond: str) -> None:
    page = ready(browser, f"{bond}/deals/{BOND}", dark=True)
    sound(page, "pages-bond-dark")
    page.context.close()


def test_charts_have_words_and_a_table(browser: Browser, bond: str) -> None:
    page = ready(browser, f"{bond}/deals/{BOND}")
    charts = page.locator("figure[data-chart]")
    assert charts.count() >= 2
    for chart in charts.all():
        drawing = chart.locator(".chart-drawing [role=img]")
        sentence = chart.locator("figcaption").inner_text()
        assert drawing.get_attribute("aria-label") == sentence
        assert len(sentence) > 30
        assert chart.locator("details table tbody tr").count() >= 1
    page.context.close()


def test_a_page_works_without_a_mouse(browser: Browser, bond: str) -> None:
    page = ready(browser, f"{bond}/deals/{BOND}")
    page.keyboard.press("Tab")
    expect(page.locator("a.skip")).to_be_focused()
    expect(page.locator("a.skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    table = page.locator("#chart-runoff-reduction details")
    for _ in range(40):  # from the start of the text to the first folded table
        page.keyboard.press("Tab")
        if table.locator("summary").evaluate("(each) => each === document.activeElement"):
            break
    outline = table.locator("summary").evaluate("(each) => getComputedStyle(each).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    expect(table.locator("table")).to_be_visible()
    page.context.close()


def test_a_page_can_be_read_without_scripts(browser: Browser, bond: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{bond}/deals/{BOND}")
    expect(page.get_by_role("heading", name="When you would lose")).to_be_visible()
    page.locator("#chart-payments summary").click()
    expect(page.locator("#chart-payments table")).to_be_visible()
    context.close()


def test_a_page_prints_its_substance(browser: Browser, bond: str, tmp_path: Path) -> None:
    page = ready(browser, f"{bond}/deals/{BOND}", dark=True)
    page.emulate_media(media="print")
    expect(page.locator(".top nav")).to_be_hidden()
    expect(page.locator("#words")).to_be_visible()
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    written = page.pdf(path=str(tmp_path / "deal.pdf"), format="A4")
    assert written.startswith(b"%PDF")
    page.context.close()


def test_the_language_is_kept(browser: Browser, bond: str) -> None:
    page = ready(browser, f"{bond}/")
    page.get_by_role("link", name="한국어").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("성과로 지급받는 인프라")
    page.goto(f"{bond}/deals/{BOND}")
    assert page.locator("html").get_attribute("lang") == "ko"
    # What no catalogue has is marked as English.
    english = page.locator("#terms [lang=en]").all_inner_texts()
    assert not any(re.search("[가-힣]", text) for text in english)
    page.context.close()


def test_a_page_keeps_up_with_the_chain(browser: Browser, tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "active")
        life = world.life
        with site(world, tmp_path / "site") as url:
            page = ready(browser, f"{url}/deals/{BOND}")
            expect(page.locator("#holders tbody tr")).to_have_count(3)
            page.locator("#contracts summary").click()  # what is open stays open
            life.verify("0x" + "ab" * 20)
            life.send(life.a, life.token.transfer("0x" + "ab" * 20, 1))
            expect(page.locator("#holders tbody tr")).to_have_count(4, timeout=15_000)
            expect(page.locator("#contracts")).to_have_attribute("open", "")
            expect(page.locator("#said")).to_have_text("The page has been brought up to date.")
            for chart in page.locator("figure[data-chart]").all():
                expect(chart.locator(".chart-drawing svg")).to_be_visible()
            assert page.errors == []  # type: ignore[attr-defined]
            page.context.close()
