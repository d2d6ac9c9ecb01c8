"""The what-if page in a real browser: live prices, the keyboard, the link, and the form without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from starlette.testclient import TestClient

from api.instruments import instrument_of
from api.instruments.swap_value import SwapValue
from finance import load_deal, price
from finance.pricing import NormalKpi
from tests.api.browser import (
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
from tests.api.without_chain import offline
from tests.book import groups

DC, RAIN, LOAN = "dc-water-eib-2016", "water-utility-rainfall-swap", "singapore-ebus-loan"
DEALS = Path(__file__).resolve().parents[2] / "deals"

OUT_OF_THEIR_CARD = """() => {
  const right = (each) => each.getBoundingClientRect().right;
  return [...document.querySelectorAll(".card *")]
    .filter((each) => !each.closest(".hidden, svg, thead") && right(each) > right(each.closest(".card")) + 1)
    .map((each) => each.outerHTML.slice(0, 120));
}"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    made = offline(tmp_path_factory.mktemp("what-if"))
    yield made
    made.app.state.services.jobs.close()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def url(client: TestClient) -> Iterator[str]:
    with served(client.app, free_port()) as address:
        yield address


def shown(page: Page, name: str = "price") -> str:
    return page.locator(f'.stats [data-show="{name}"]').inner_text()


# -- without scripts


def test_the_form_works_without_scripts(client: TestClient) -> None:
    """Sent as a form: a yield of 3 % and a mean of 35 %, against the library."""
    answer = client.get(f"/deals/{DC}/what-if", params={"yield": "3", "mean": "35"})
    assert answer.status_code == 200
    law = price(load_deal(DEALS / f"{DC}.yaml")).process
    assert law is not None
    expected = price(load_deal(DEALS / f"{DC}.yaml"), NormalKpi(0.35, law.sd), 0.03)
    assert f'data-show="price">{expected.price:.2f}<' in answer.text
    for chance in expected.closed_form.probabilities:
        assert f">{100 * chance:.1f}%<" in answer.text


VALUED = [name for name, deal in groups().items() if instrument_of(deal.kind).valued is not None]


@pytest.mark.parametrize("deal", VALUED)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_deal_has_a_page(client: TestClient, deal: str, language: str) -> None:
    answer = client.get(f"/deals/{deal}/what-if", params={"lang": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    sliders = re.findall(r'<input type="range"[^>]*>', answer.text)
    assert sliders
    for slider in sliders:
        low, high, value, stands = (
            float(re.search(rf'\b{name}="([^"]+)"', slider).group(1))  # type: ignore[union-attr]
            for name in ("min", "max", "value", "data-stands")
        )
        assert low < value == stands < high or low <= value == stands <= high


@pytest.mark.parametrize("query", ["yield=x", "yield=nan", "yield=900", "mean=1e400", "sd=-1"])
def test_positions_that_cannot_be_are_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"/deals/{DC}/what-if?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.text


def test_unknown_deals_and_deployments_are_not_found(client: TestClient) -> None:
    assert client.get("/deals/nothing/what-if").status_code == 404
    assert client.get(f"/deals/{DC}/what-if?deployment=nothing").status_code in (404, 503)


# -- with a browser


@needs_chromium
def test_a_slider_reprices_live_by_keyboard(browser: Browser, url: str) -> None:
    page = open_page(browser, f"{url}/deals/{DC}/what-if")
    assert shown(page) == "100.00"
    slider = page.get_by_label("Yield")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('.stats [data-show=price]').textContent !== '100.00'"
    )
    rate = float(slider.input_value()) / 100
    assert rate > 0.0343
    page.wait_for_timeout(300)
    assert shown(page) == f"{price(load_deal(DEALS / f'{DC}.yaml'), discount_yield=rate).price:.2f}"
    assert page.locator("#o-yield").inner_text().startswith(f"{100 * rate:.2f}")
    again = open_page(browser, page.url)  # the address shows the same again
    assert shown(again) == shown(page)
    page.get_by_role("link", name="As the deal stands").click()
    page.wait_for_function(
        "() => document.querySelector('.stats [data-show=price]').textContent === '100.00'"
    )
    assert "yield" not in page.url
    assert not page.errors  # type: ignore[attr-defined]
    for each in (page, again):
        each.context.close()


@needs_chromium
def test_the_newest_answer_wins(browser: Browser, url: str) -> None:
    """Answers that come late are for a slider that has moved on."""
    page = open_page(browser, f"{url}/deals/{DC}/what-if")
    late = iter([1.5, 0.0, 0.0, 0.0])

    def slow(route: object) -> None:
        page.wait_for_timeout(1000 * next(late))
        route.continue_()  # type: ignore[attr-defined]

    page.route("**/v1/valuations", slow)
    slider = page.get_by_label("Yield")
    slider.fill("5.43")
    page.wait_for_timeout(200)
    slider.fill("2.43")
    page.wait_for_timeout(2500)
    assert shown(page) == f"{price(load_deal(DEALS / f'{DC}.yaml'), discount_yield=0.0243).price:.2f}"
    page.context.close()


@needs_chromium
def test_without_scripts_the_button_works_it_out(browser: Browser, url: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{url}/deals/{RAIN}/what-if")
    before = shown(page, "value")
    page.get_by_label("Fixed payment").fill("90")
    page.get_by_role("button", name="Work it out").click()
    assert "fixed=90" in page.url
    assert shown(page, "value") != before
    page.context.close()


@needs_chromium
def test_a_service_that_fails_is_said_and_got_over(browser: Browser, url: str) -> None:
    page = open_page(browser, f"{url}/deals/{DC}/what-if")
    page.route("**/v1/valuations", lambda route: route.fulfill(status=422, body='{"detail": "too odd"}'))
    page.get_by_label("Yield").fill("4.43")
    page.get_by_text("That did not work: too odd").wait_for()
    page.unroute("**/v1/valuations")
    page.get_by_label("Yield").fill("5.43")
    page.get_by_text("That did not work").wait_for(state="hidden")
    page.context.close()


@needs_chromium
@pytest.mark.parametrize(
    ("deal", "width", "language"),
    [
        (DC, 1280, "en"),
        (DC, 1280, "ko"),
        (DC, 360, "en"),
        (DC, 360, "ko"),
        (LOAN, 360, "en"),
        (RAIN, 1280, "ko"),
    ],
)
def test_everybody_can_use_it(browser: Browser, url: str, deal: str, width: int, language: str) -> None:
    page = open_page(browser, f"{url}/deals/{deal}/what-if", language=language, width=width)
    page.get_by_role("slider").first.press("ArrowLeft")
    page.wait_for_timeout(400)
    settle(page)
    shot(page, f"what-if-{deal}-{language}-{width}")
    assert axe(page) == []
    assert wider_than_the_window(page) == []
    assert not page.errors  # type: ignore[attr-defined]
    page.context.close()


def simulated(client: TestClient) -> None:
    services = client.app.state.services  # type: ignore[attr-defined]
    job = SwapValue(services.deals.get("bloom-wind-prs")).simulate(services.jobs)
    assert job is None or (job.ended.wait(90) and job.state == "done")


@needs_chromium
@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (360, "ko")])
def test_the_wind_swap_waits_for_its_scenarios_and_is_then_live(
    client: TestClient, browser: Browser, url: str, width: int, language: str
) -> None:
    page = open_page(browser, f"{url}/deals/bloom-wind-prs/what-if", width=width, language=language)
    simulated(client)
    page.locator('.stats [data-show="value"]').wait_for(timeout=15_000)  # it looks again by itself
    before = shown(page, "value")
    page.locator("#c-fixed").press("ArrowRight")
    page.wait_for_function(f"() => document.querySelector('[data-show=value]').textContent !== '{before}'")
    settle(page)
    shot(page, f"what-if-bloom-{language}-{width}")
    assert axe(page) == []
    assert wider_than_the_window(page) == []
    assert page.evaluate(OUT_OF_THEIR_CARD) == []
    page.context.close()


@needs_chromium
def test_it_is_readable_in_the_dark(browser: Browser, url: str) -> None:
    page = open_page(browser, f"{url}/deals/{DC}/what-if", dark=True)
    shot(page, "what-if-dark")
    assert axe(page) == []
    page.context.close()
