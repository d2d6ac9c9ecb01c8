"""What can be done, on a deal's page: the forms are the books' own acts; one is done by a wallet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from api.views.cases import case_of
from api.views.doable import doable
from chain.bindings import read
from chain.network import start_anvil
from tests.api.browser import PHONE, axe, chromium, needs_chromium, open_page, shot, wider_than_the_window
from tests.api.test_investor_page import confirm, site
from tests.api.world import Service, bond_world
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def page_of(service: Service, language: str = "en") -> str:
    world = service.world
    return str(service.get(f"/deals/{world.deal.id}?deployment={world.id}&lang={language}").text)


def test_every_act_that_can_be_done_has_a_form(active: Service, wind: Service, redeemed: Service) -> None:
    for service in (active, wind, redeemed):
        shown = page_of(service)
        acts = doable(case_of(service.services, service.world.id))
        assert shown.count("data-act=") == len(acts)
        for each in acts:
            form = f'data-act="{each.act.name}" data-part="{each.act.part}"'
            assert form in shown
    names = {each.act.name for each in doable(case_of(active.services, active.world.id))}
    assert {"fund", "pause"} <= names
    # Nobody buys of an issue that is over, or makes a payment before its day.
    assert not names & {"subscribe", "refund", "settle", "pay-coupon", "redeem", "declare-default"}


@needs_chromium
def test_the_issuer_pays_in_by_a_form(browser: Browser, tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "active")
        life = world.life
        issuer = world.record.wallets["issuer"]
        life.send(life.deployer, life.currency.mint(issuer, 9 * THOUSAND))
        held = read(life.currency.balanceOf(world.record.addresses["bond"]))
        with site(world, Issuer=issuer) as url:
            page = open_page(browser, f"{url}/deals/{world.deal.id}")
            card = page.locator("#acts")
            form = card.locator('form[data-act="fund"]')
            card.locator("#act-bond-fund > summary").click()
            form.get_by_label("Amount in USD").fill("a lot")
            form.get_by_role("button", name="Do it").click()
            expect(form.get_by_role("alert")).to_have_text("Not an amount of the currency: a lot")
            form.get_by_label("Amount in USD").fill("1,234.5")
            shot(page, "acts-en-1280")
            assert axe(page) == []
            form.get_by_role("button", name="Do it").click()
            page.get_by_role("button", name="Act as this account").click()
            expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(
                "Pay USD 1,234.50 in for what is due"
            )
            confirm(page)
            assert read(life.currency.balanceOf(world.record.addresses["bond"])) == held + 1_234_500_000
            assert page.errors == []  # type: ignore[attr-defined]
            page.context.close()
            narrow = open_page(browser, f"{url}/deals/{world.deal.id}", language="ko", width=PHONE)
            narrow.locator("#act-bond-fund > summary").click()
            shot(narrow, "acts-ko-360")
            assert wider_than_the_window(narrow) == []
            narrow.context.close()
