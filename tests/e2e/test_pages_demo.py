"""The demonstration in a real browser, as its visitors live it: a citizen finds a wrong report, challenges it
and is paid; an investor subscribes, receives a coupon and claims it. What pages say is held against the
contracts."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from chain.bindings import read
from chain.network import connect
from chain.records import load_record
from tests.e2e.serving import DEALS, Served, World

sys.path.insert(0, str(Path(__file__).parents[1] / "api"))

from tests.api.browser import axe, chromium, needs_chromium, open_page, settle, shot, wider_than_the_window

pytestmark = needs_chromium
DC_WATER, BLOOM, ATLANTA = DEALS
PATIENCE = 60_000  # milliseconds; a model runs again in one of the steps


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    served = Served.start(tmp_path_factory.mktemp("pages") / "data")
    try:
        chain = re.search(r"http://[0-9.:]+", served.wait_for("deals in mid-life"))
        assert chain is not None
        served.wait_for("demonstration is at")
        with httpx.Client(base_url=served.url, timeout=60, trust_env=False) as http:
            found = [load_record(path) for path in served.data.glob("*/deployment.json")]
            people = {each["name"]: each["address"] for each in http.get("/v1/demo").json()["accounts"]}
            yield World(served, http, connect(chain.group()), {each.deal: each for each in found}, people)
    finally:
        if served.process.poll() is None:
            served.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def act_as(page: Page, world: World, name: str) -> None:
    """Choose an account of the demonstration on the investor's page."""
    page.goto(f"{world.served.url}/investor")
    choice = page.get_by_label("Or act as an account of the demonstration")
    option = next(text for text in choice.locator("option").all_inner_texts() if text.startswith(name))
    choice.select_option(label=option)
    page.get_by_role("button", name="Use this account").click()
    expect(page.locator("[data-who]")).to_contain_text(f"Connected: {name}")


def confirm(page: Page) -> None:
    """Agree to what the dialog shows, and wait until it is done."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Sign and send").click()
    expect(dialog.get_by_text("Done.", exact=True)).to_be_visible(timeout=PATIENCE)
    dialog.get_by_role("button", name="Close").click()


def test_every_page_of_the_demonstration_says_that_it_is_one(world: World, browser: Browser) -> None:
    paths = (
        "/",
        f"/deals/{DC_WATER}",
        f"/deals/{BLOOM}",
        f"/deals/{ATLANTA}",
        "/investor",
        "/oracle",
        f"/deals/{DC_WATER}/what-if",
        f"/deals/{BLOOM}/what-if",
    )
    for number, path in enumerate(paths):
        language, width = (("en", 1280), ("ko", 360))[number % 2]
        page = open_page(browser, world.served.url + path, language=language, width=width)
        banner = page.locator("aside.demo")
        expect(banner).to_be_visible()
        expect(banner.locator(".demo-clock time")).to_have_attribute("datetime", "2021-01-05")
        shot(page, f"demo{path.replace('/', '-')}-{language}-{width}")
        assert axe(page) == [], path
        assert wider_than_the_window(page) == [], path
        assert page.errors == [], path  # type: ignore[attr-defined]
        page.context.close()


def test_a_citizen_finds_a_wrong_report_and_is_paid(world: World, browser: Browser) -> None:
    feed = next(iter(world.records[DC_WATER].feeds.values()))
    config = read(world.at(DC_WATER, "KpiOracle", "oracle").configOf(feed))
    page = open_page(browser, f"{world.served.url}/investor")
    act_as(page, world, "Citizen")
    before = world.balance("Citizen")
    page.goto(f"{world.served.url}/deals/{DC_WATER}")
    settle(page)
    page.get_by_role("button", name="Recompute from raw data").click()
    found = page.locator("#reports .recomputed .notice.bad")
    expect(found).to_contain_text("This report does not follow from the raw data.", timeout=PATIENCE)
    assert found.locator("li").count() == 3  # the captured quorum
    shot(page, "demo-recomputed-en-1280")
    page.get_by_role("link", name="Challenge this report").click()
    page.get_by_role("button", name="Challenge this report").first.click()
    expect(page.get_by_role("dialog")).to_be_visible(timeout=PATIENCE)
    shot(page, "demo-challenge-en-1280")
    confirm(page)
    assert world.balance("Citizen") == before - config["challengeBond"]
    # The panel of the demonstration looks at the raw data and rules; the page shows it by itself.
    expect(page.locator("#disputes").get_by_text("Corrected by the panel").first).to_be_visible(
        timeout=PATIENCE
    )
    page.locator("#disputes").get_by_role("button", name="Pay it out").click(timeout=PATIENCE)
    confirm(page)
    assert world.balance("Citizen") == before + config["challengeReward"]
    page.goto(f"{world.served.url}/deals/{DC_WATER}")
    expect(page.locator("#reports")).to_contain_text("stake and reward together")
    page.context.close()


def test_an_investor_subscribes_receives_a_coupon_and_claims(world: World, browser: Browser) -> None:
    token = world.at(ATLANTA, "SecurityToken", "token")
    investor = world.people["New investor"]
    page = open_page(browser, f"{world.served.url}/investor")
    act_as(page, world, "New investor")
    page.goto(f"{world.served.url}/deals/{ATLANTA}")
    page.get_by_role("link", name="Buy units").click()
    page.wait_for_url("**/investor?*address=*")  # the page knows the wallet
    page.get_by_label("Units to buy").first.fill("5")
    page.get_by_role("button", name="Buy units").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("5,000")
    confirm(page)
    assert read(token.balanceOf(investor)) == 5
    for _ in range(20):  # events of the three deals, up to Atlanta's first coupon
        if read(token.claimable(investor)):
            break
        page.goto(f"{world.served.url}/investor?address={investor}")
        with page.expect_response("**/v1/demo/advance", timeout=PATIENCE) as moved:
            page.get_by_role("button", name="Next event").click()
        # 503: the nodes have given no report yet; it stays the next event, and one presses again.
        assert moved.value.status in (200, 503), moved.value.text()
        if moved.value.status == 200:
            page.get_by_role("button", name="Next event", disabled=False).wait_for(timeout=PATIENCE)
    earned = read(token.claimable(investor))
    assert earned > 0
    before = world.balance("New investor")
    page.goto(f"{world.served.url}/investor?address={investor}")
    page.get_by_role("button", name=re.compile("^Pay out")).first.click(timeout=PATIENCE)
    confirm(page)
    assert world.balance("New investor") - before == earned
    assert read(token.claimable(investor)) == 0
    page.context.close()
