"""What can be done, on a deal's page: the forms are the books' own acts; one is done by a wallet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from api.i18n import Translator
from api.instruments.base import Lived
from api.models import Currency
from api.pages.acts import act_forms
from api.pages.deal_charts import Formatter
from api.pages.format import Format
from api.views.cases import case_of
from api.views.doable import doable
from chain.bindings import read
from chain.network import start_anvil
from tests.api.browser import PHONE, axe, chromium, needs_chromium, open_page, shot, wider_than_the_window
from tests.api.test_investor_page import confirm, site
from tests.api.world import Service, bond_world
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, at


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


def test_what_is_done_to_holders_has_a_form(active: Service, redeemed: Service) -> None:
    """Though the page's books do not keep who holds what."""
    to_holders = {"transfer", "claim", "freeze", "forced-transfer", "announce-recovery"}
    names = {each.act.name for each in doable(case_of(active.services, active.world.id))}
    assert to_holders <= names
    ended = {each.act.name for each in doable(case_of(redeemed.services, redeemed.world.id))}
    assert to_holders & ended == {"claim", "freeze", "announce-recovery"}  # of a claim that is closed


def test_no_report_is_turned_into_a_payment_before_it_is_final(active: Service) -> None:
    names = {each.act.name for each in doable(case_of(active.services, active.world.id))}
    assert "fix" not in names


def test_what_is_due_by_now_has_a_form_before_there_is_a_block(active: Service) -> None:
    case = case_of(active.services, active.world.id)
    later = at("2031-01-01")
    assert not [each for each in doable(case) if each.due]
    assert {each.act.name for each in doable(case, later) if each.due} == {"fix", "pay-coupon"}


def test_no_form_where_the_log_is_not_what_the_deal_gives(active: Service) -> None:
    case = case_of(active.services, active.world.id)
    say = Formatter(Translator("en"), Format("en"), Currency(code="USD", decimals=6))
    assert act_forms(case, 0, [], say)
    strange = replace(case, earlier=Lived(case.ledger.events, case.lived.world, ("a figure unlike",)))
    assert act_forms(strange, 0, [], say) is None


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
            form.get_by_label("Amount in USD").fill("1,5")  # elsewhere one and a half, and never fifteen
            form.get_by_role("button", name="Do it").click()
            expect(form.get_by_role("alert")).to_have_text("Not an amount of the currency: 1,5")
            form.get_by_label("Amount in USD").fill("1,234.5")
            shot(page, "acts-en-1280")
            assert axe(page) == []
            form.get_by_role("button", name="Do it").click()
            page.get_by_role("button", name="Act as this account").click()
            expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(
                "Pay USD 1,234.50 in for what is due"
            )
            given = page.get_by_role("dialog").locator("dl.given")
            expect(given).to_have_text("the amountUSD 1,234.50")
            shot(page, "acts-dialog-en-1280")
            confirm(page)
            assert read(life.currency.balanceOf(world.record.addresses["bond"])) == held + 1_234_500_000
            assert page.errors == []  # type: ignore[attr-defined]
            page.context.close()
            narrow = open_page(browser, f"{url}/deals/{world.deal.id}", language="ko", width=PHONE)
            narrow.locator("#act-bond-fund > summary").click()
            shot(narrow, "acts-ko-360")
            assert wider_than_the_window(narrow) == []
            narrow.context.close()
