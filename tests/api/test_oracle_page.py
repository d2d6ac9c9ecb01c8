"""The oracle's page in real Chromium: what it says of nodes and reports, a report computed again, challenged
with a wallet and paid; and without scripts. What it shows is compared with the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import build
from chain.bindings import contract, read
from chain.deploy import PANEL_KEYS
from chain.network import local_account, rpc
from chain.sender import Sender
from oracle.observation import Domain, Ruling, Verdict
from oracle.panel import assemble, sign_ruling
from oracle.relay import send_ruling
from tests.api.browser import PHONE, WIDE, axe, chromium, free_port, needs_chromium, open_page, served, shot
from tests.api.browser import wider_than_the_window as wider
from tests.api.wallets import ChainDemo, install_wallet
from tests.api.world import KPI, World

pytestmark = needs_chromium
PATIENCE = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def site(captured: World) -> Iterator[str]:
    """The service over the captured world, with a database of its own; the chain is as it was afterwards."""
    port, w3 = free_port(), captured.chain.w3
    snapshot = rpc(w3, "evm_snapshot")
    settings = captured.settings(
        origin=f"http://127.0.0.1:{port}",
        database=f"sqlite:///{captured.data / 'page.sqlite'}",
        demo=True,
    )
    app = build(settings, ChainDemo(captured.chain, {captured.chain.accounts[13]: "Citizen"}))
    with served(app, port) as url:
        _until_shown(app, url, captured)
        yield url
    assert rpc(w3, "evm_revert", snapshot)


def _until_shown(app: Any, url: str, world: World) -> None:
    import time

    import httpx

    deadline = time.monotonic() + 120
    while httpx.get(f"{url}/v1/deployments/{world.id}/reports", timeout=60).text.count('"raw"') < 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    app.state.services.nodes.poll()


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_page_can_be_read_by_everybody(browser: Browser, site: str, language: str, width: int) -> None:
    page = open_page(browser, f"{site}/oracle", language=language, width=width)
    try:
        for summary in page.locator("main details:not([open]) > summary").all():
            summary.click()
        assert axe(page) == []
        assert wider(page) == []
        assert page.errors == []  # type: ignore[attr-defined]
        shot(page, f"oracle-{language}-{width}")
        page.locator("a[href^='/oracle/evidence/']").first.click()
        page.wait_for_load_state("load")
        assert axe(page) == []
        assert wider(page) == []
        shot(page, f"evidence-{language}-{width}")
    finally:
        page.context.close()


def test_nodes_and_reports_are_there_without_scripts(browser: Browser, site: str) -> None:
    page = browser.new_context(java_script_enabled=False, locale="en-GB").new_page()
    page.goto(f"{site}/oracle")
    text = page.inner_text("main")
    assert text.count("lies on purpose") == 2
    assert text.count("stays silent on purpose") == 1
    assert "3 nodes misbehave on purpose" in text
    assert "Can be challenged" in text
    page.context.close()


def test_evidence_is_taken_away_file_by_file(browser: Browser, site: str, captured: World) -> None:
    page = open_page(browser, f"{site}/oracle")
    page.get_by_role("link", name="Raw data").first.click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="rain.csv").click()
    root = page.url.rsplit("/", 1)[1]
    signed = captured.folder / KPI / "evidence" / root / "rain.csv"
    assert taken.value.path().read_bytes() == signed.read_bytes()
    assert taken.value.suggested_filename == "rain.csv"
    page.context.close()


def test_a_node_unknown_page_is_not_found(browser: Browser, site: str) -> None:
    page = browser.new_page()
    for path in ("/oracle?deployment=nothing", f"/oracle/evidence/nothing/{KPI}/0/0x{'ab' * 32}"):
        answer = page.goto(site + path)
        assert answer is not None
        assert answer.status == 404
    page.close()


def confirm(page: Page) -> None:
    """Agree to what the wallet's dialog shows, and wait until it is done."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Sign and send").click(timeout=PATIENCE)
    expect(dialog.get_by_text("Done.", exact=True)).to_be_visible(timeout=PATIENCE)
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_citizen_computes_again_challenges_and_is_paid(
    browser: Browser, site: str, captured: World
) -> None:
    """The last test here: it goes on from the pending report to the ruling."""
    w3, record, life = captured.chain.w3, captured.record, captured.life
    citizen = captured.chain.accounts[13]
    oracle = contract(w3, "KpiOracle", record.addresses["oracle"]).functions
    feed = record.feeds[KPI]
    config = read(oracle.configOf(feed))
    bond, reward = config["challengeBond"], config["challengeReward"]
    life.send(life.deployer, life.currency.mint(citizen, bond))
    before = read(life.currency.balanceOf(citizen))

    page = open_page(browser, f"{site}/oracle")
    context = page.context
    install_wallet(context, captured.chain, citizen)
    page.reload()
    # Straight to the challenge: the report is computed again first.
    page.get_by_role("button", name="Challenge this report").click()
    wrong = page.get_by_text("This report does not follow from the raw data.", exact=True)
    expect(wrong).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".recomputed li")).to_have_count(2)
    shot(page, "oracle-recomputed")
    chosen = page.get_by_role("dialog").get_by_role("button", name="Wallet of this browser")
    expect(chosen.or_(page.get_by_role("button", name="Sign and send")).first).to_be_visible(timeout=PATIENCE)
    if chosen.is_visible():
        chosen.click()
    confirm(page)
    assert read(oracle.challengerOf(feed, 0)) == citizen
    expect(page.locator("#disputes")).to_contain_text("The panel rules until", timeout=PATIENCE)
    shot(page, "oracle-challenged")

    (dispute,) = [e for e in oracle_events(captured) if e["evidence"] != "0x" + "00" * 32]
    right = 294_657  # what one of the liars' own raw data give; the panel would say as much
    held = read(oracle.reportOf(feed, 0))["evidence"]
    ruling = Ruling(feed, 0, 0, held, Verdict.CORRECTED, right, dispute["evidence"])
    domain = Domain(record.chain_id, record.addresses["oracle"])
    signed = [
        sign_ruling(ruling, domain, local_account(PANEL_KEYS + index))
        for index in range(config["panelQuorum"])
    ]
    ordered = assemble(ruling, domain, signed, config["panel"], config["panelQuorum"])
    send_ruling(Sender(w3, captured.chain.accounts[14]), record.addresses["oracle"], ruling, ordered)
    expect(page.locator("#disputes")).to_contain_text("Corrected by the panel", timeout=PATIENCE)
    expect(page.locator("main")).to_contain_text("29.5%")
    assert axe(page) == []
    page.get_by_role("button", name="Pay it out").click()
    confirm(page)
    assert read(life.currency.balanceOf(citizen)) == before + reward
    assert read(oracle.creditOf(record.addresses["currency"], citizen)) == 0
    expect(page.get_by_role("button", name="Pay it out")).to_have_count(0, timeout=PATIENCE)
    shot(page, "oracle-paid")
    assert page.errors == []  # type: ignore[attr-defined]
    context.close()


def oracle_events(world: World) -> list[dict[str, Any]]:
    """Challenges on chain, read past the service."""
    from chain.ledger import read_ledger

    return list(read_ledger(world.chain.w3, world.record).challenges.to_dict("records"))
