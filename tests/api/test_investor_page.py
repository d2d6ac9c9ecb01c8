"""The investor's page in a real browser: buying, being paid, giving, challenging; by an account of the
demonstration and by a wallet of the browser; what it says is compared with the contracts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import build
from chain.bindings import read
from chain.network import reach_time, start_anvil
from tests.api.browser import (
    PHONE,
    WIDE,
    axe,
    chromium,
    free_port,
    needs_chromium,
    open_page,
    served,
    shot,
    wider_than_the_window,
)
from tests.api.wallets import ChainDemo, install_wallet
from tests.api.world import World, bond_world, until_read
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, at

pytestmark = needs_chromium


@contextmanager
def site(world: World, **people: str) -> Iterator[str]:
    """The service over a world, its accounts offered as those of a demonstration."""
    port = free_port()
    demo = ChainDemo(world.chain, {address: name for name, address in people.items()})
    app = build(world.settings(origin=f"http://127.0.0.1:{port}", demo=True), demo)
    with served(app, port) as url:
        until_read(app, world)
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def choose(page: Page, name: str) -> None:
    """Act as an account of the demonstration."""
    page.get_by_label("Or act as an account of the demonstration").select_option(label=_option(page, name))
    page.get_by_role("button", name="Use this account").click()
    expect(page.locator("[data-who]")).to_contain_text(f"Connected: {name}")


def _option(page: Page, name: str) -> str:
    return next(text for text in page.locator("#account option").all_inner_texts() if text.startswith(name))


def confirm(page: Page) -> None:
    """Agree to what the dialog shows, and wait until it is done."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Sign and send").click()
    expect(dialog.get_by_text("Done.", exact=True)).to_be_visible(timeout=20_000)
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_investor_subscribes_is_paid_and_claims(browser: Browser, tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "offered")
        life = world.life
        life.send(life.deployer, life.currency.mint(life.b, 5 * THOUSAND))
        with site(world, Ada=life.a, Ben=life.b, Cleo=life.c) as url:
            page = open_page(browser, f"{url}/investor")
            choose(page, "Ben")
            page.get_by_label("Units to buy").fill("3")
            page.get_by_role("button", name="Buy units").click()
            dialog = page.get_by_role("dialog")
            expect(dialog.get_by_role("heading")).to_have_text("Buy 3 units for USD 3,000.00")
            expect(dialog.get_by_text("You give USD 3,000.00.")).to_be_visible()
            expect(dialog.get_by_text("You receive 3 units.")).to_be_visible()
            shot(page, "investor-dialog-en-1280")
            assert axe(page) == []
            assert read(life.token.balanceOf(life.b)) == 0
            confirm(page)
            assert read(life.token.balanceOf(life.b)) == 3
            # What others do: the issue is settled, the coupon paid.
            life.settle()
            life.fund(10 * THOUSAND)
            life.coupon("2017-04-01")
            earned = read(life.token.claimable(life.b))
            before = read(life.currency.balanceOf(life.b))
            assert earned > 0
            # The page is still open, and comes up to date by itself.
            page.get_by_role("button", name="Pay out USD").click()
            confirm(page)
            assert read(life.currency.balanceOf(life.b)) - before == earned
            page.get_by_text("Give units to somebody").click()
            page.get_by_label("To whom (an address)").fill(life.c)
            page.get_by_label("Units", exact=True).fill("1")
            page.get_by_role("button", name="Give", exact=True).click()
            confirm(page)
            assert (read(life.token.balanceOf(life.b)), read(life.token.balanceOf(life.c))) == (2, 1)
            expect(page.locator("#investor")).to_contain_text("Gave units", timeout=10_000)
            assert page.errors == []  # type: ignore[attr-defined]
            page.context.close()


def test_a_wallet_of_the_browser_on_another_chain(browser: Browser, tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "offered")
        life = world.life
        life.send(life.deployer, life.currency.mint(life.b, 5 * THOUSAND))
        with site(world) as url:
            context = browser.new_context(locale="en-GB")
            install_wallet(context, chain, life.b, chain_id=1)
            page = context.new_page()
            page.goto(f"{url}/investor")
            page.get_by_role("button", name="Connect a wallet").click()
            page.get_by_role("button", name="Wallet of this browser").click()
            expect(page.locator("[data-who]")).to_contain_text("Connected:")
            page.wait_for_url("**/investor?address=0x*")
            assert chain_of(page) == "0x7a69"
            page.get_by_label("Units to buy").fill("1")
            page.get_by_role("button", name="Buy units").click()
            confirm(page)
            assert read(life.token.balanceOf(life.b)) == 1
            context.close()


def chain_of(page: Page) -> str:
    """The chain that the wallet of the browser is on."""
    return str(page.evaluate("window.ethereum.request({method: 'eth_chainId'})"))


def test_a_refusal_is_said_before_anything_is_signed(browser: Browser, tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "offered")
        stranger = chain.accounts[9]
        with site(world, Stranger=stranger) as url:
            page = open_page(browser, f"{url}/investor")
            choose(page, "Stranger")
            expect(page.get_by_text("This wallet is not verified for this deal")).to_be_visible()
            page.get_by_label("Units to buy").fill("1")
            page.get_by_role("button", name="Buy units").click()
            dialog = page.get_by_role("dialog")
            expect(dialog.locator(".notice.bad").first).to_be_visible()
            expect(dialog.get_by_role("button", name="Sign and send")).to_have_count(0)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
            assert chain.w3.eth.get_transaction_count(stranger) == 0
            page.context.close()


def test_a_citizen_challenges_and_is_paid(browser: Browser, tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "measured")
        life, citizen = world.life, chain.accounts[9]
        life.report(420_000, "2021-01-11")
        config = read(life.oracle.configOf(life.record.feeds["runoff-reduction"]))
        stake, reward = config["challengeBond"], config["challengeReward"]
        life.send(life.deployer, life.currency.mint(citizen, stake))
        with site(world, Citizen=citizen) as url:
            page = open_page(browser, f"{url}/investor")
            choose(page, "Citizen")
            page.get_by_label("Your reasons").fill("The gauges read 0.29, not 0.42.")
            page.get_by_role("button", name="Challenge this report").click()
            confirm(page)
            assert read(life.oracle.challengerOf(life.record.feeds["runoff-reduction"], 0)) == citizen
            _rule(world, 296_800)
            page.goto(f"{url}/investor?address={citizen}")
            expect(page.get_by_text("The oracle owes you")).to_be_visible(timeout=10_000)
            page.get_by_role("button", name="Pay it out").click()
            confirm(page)
            assert read(life.currency.balanceOf(citizen)) == stake + reward
            page.context.close()


def _rule(world: World, value: int) -> None:
    """The panel corrects the report, signed by its keys and brought by somebody."""
    from chain.deploy import local_keys
    from oracle.observation import Domain, Ruling, Verdict
    from oracle.panel import assemble, sign_ruling

    life = world.life
    feed = life.record.feeds["runoff-reduction"]
    config, keys = read(life.oracle.configOf(feed)), local_keys(life.record.wallets)
    held = read(life.oracle.reportOf(feed, 0))["evidence"]
    ruling = Ruling(feed, 0, 0, held, Verdict.CORRECTED, value, "0x" + "ef" * 32)
    domain = Domain(life.record.chain_id, life.record.addresses["oracle"])
    signed = [
        sign_ruling(ruling, domain, keys[each].key) for each in config["panel"][: config["panelQuorum"]]
    ]
    found = assemble(ruling, domain, signed, config["panel"], config["panelQuorum"])
    signatures = [{"panellist": place, "r": each.r, "vs": each.vs} for place, each in found]
    life.send(life.c, life.oracle.rule(feed, 0, 1, value, ruling.evidence, signatures))


def test_whose_wallet_acts_is_said(browser: Browser, tmp_path: Path) -> None:
    """Money goes to the wallet that is shown; whoever is connected only sends."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "active")
        life = world.life
        with site(world, Ada=life.a, Ben=life.b) as url:
            page = open_page(browser, f"{url}/investor")
            choose(page, "Ada")
            expect(page.locator("[data-other]")).to_be_hidden()
            page.goto(f"{url}/investor?address={life.b}")
            expect(page.locator("[data-other]")).to_contain_text("another wallet")
            earned, before = read(life.token.claimable(life.b)), read(life.currency.balanceOf(life.b))
            assert earned > 0
            page.get_by_role("button", name="Pay out USD").click()
            confirm(page)
            assert read(life.currency.balanceOf(life.b)) - before == earned
            page.context.close()


def test_accessible_in_both_languages_and_widths(browser: Browser, tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "measured")
        life = world.life
        life.report(420_000, "2021-01-11")
        with site(world, Ada=life.a) as url:
            for language, width in product(("en", "ko"), (WIDE, PHONE)):
                page = open_page(browser, f"{url}/investor?address={life.a}", language=language, width=width)
                expect(page.locator("#holdings")).to_be_visible()
                shot(page, f"investor-{language}-{width}")
                assert axe(page) == []
                assert wider_than_the_window(page) == []
                page.context.close()


def test_looking_needs_no_scripts(browser: Browser, tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "active")
        with site(world, Ada=world.life.a) as url:
            context = browser.new_context(java_script_enabled=False, locale="en-GB")
            page = context.new_page()
            page.goto(f"{url}/investor")
            page.get_by_role("button", name="Use this account").click()
            expect(page.locator("#investor")).to_contain_text("Interest 1 earned")
            context.close()
            reach_time(chain.w3, at("2017-10-02"))
