"""A trade desk at the service: acts prepared, trades listed and said, its books lived without holders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.i18n import Translator
from api.pages.format import Format
from api.pages.term_sheet import term_sheet
from chain.bindings import read
from chain.network import local_account, start_anvil
from chain.parts.trade_desk import signed
from finance.settlement.trade_desk import Quote, Side
from finance.settlement.world import NOBODY
from finance.terms import parse_deal
from tests.api.test_transactions_prepare import prepare, send
from tests.api.world import Service, World, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING
from tests.chain.test_desk import PRICE, desk_tree, sold, trade

A, B, C = 3, 4, 5


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A held four units and has sold C one, B holds three; C has money for more."""
    folder: Path = tmp_path_factory.mktemp("desk")
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = sold(chain)
        trade(life)
        with serving(World(chain, life, folder).save()) as service:
            yield service


def given(service: Service, maker: int, side: Side, **more: Any) -> dict[str, Any]:
    """A signed quote of three units, and how many of it are taken."""
    life, account = service.world.life, local_account(maker)
    now = life.w3.eth.get_block("latest")["timestamp"]
    terms = {"taker": NOBODY, "units": 3, "least": 1, "price": PRICE, "earned": 0, "holds": False}
    quote = Quote(
        **{"maker": account.address, "side": side, "opens": now, "expires": now + 86_400, "nonce": 1, **terms}
        | more
    )
    desk = life.record.addresses["desk"]
    return {"quote": quote.struct, "signature": signed(life.w3, account, quote, desk), "units": 2}


def test_a_taker_who_buys_allows_money(service: Service) -> None:
    life = service.world.life
    prepared = prepare(service, "fill-quote", life.c, **given(service, A, Side.SELLS))
    assert prepared["title"] == "Trade 2 units at a quote for USD 1,997.00"
    approve, fill = prepared["steps"]
    assert (approve["function"], approve["to"]) == ("approve", life.record.addresses["currency"])
    # Its maker has not allowed the desk its units yet.
    assert fill["outcome"]["refusal"]["name"] == "ERC20InsufficientAllowance"
    life.send(life.a, life.token.approve(life.record.addresses["desk"], 2))
    prepared = prepare(service, "fill-quote", life.c, **given(service, A, Side.SELLS))
    assert prepared["ok"] is True
    moves = {(m["asset"], m["amount"]) for m in prepared["steps"][1]["outcome"]["moves"]}
    assert moves == {("money", str(2 * PRICE)), ("units", "2")}
    for step in prepared["steps"]:
        done = send(service, step, C)
    assert (done["action"], done["state"]) == ("fill-quote", "done")
    assert read(life.token.balanceOf(life.c)) == 3


def test_a_taker_who_sells_allows_units(service: Service) -> None:
    life = service.world.life
    life.send(life.c, life.currency.approve(life.record.addresses["desk"], 2 * PRICE))
    life.send(life.deployer, life.currency.mint(life.c, 2 * PRICE))
    prepared = prepare(service, "fill-quote", life.b, **given(service, C, Side.BUYS))
    assert prepared["title"] == "Trade 2 units at a quote for USD 1,997.00"
    assert prepared["ok"] is True
    approve, fill = prepared["steps"]
    assert (approve["contract"], approve["function"]) == ("token", "approve")
    assert approve["to"] == life.record.addresses["token"]
    assert approve["title"] == "Allow the contract to take 2 units"
    assert approve["outcome"]["note"] is None
    for step in (approve, fill):
        done = send(service, step, B)
    assert done["state"] == "done"
    assert read(life.token.balanceOf(life.b)) == 1
    quote = given(service, C, Side.BUYS)
    life.send(life.b, life.token.approve(life.record.addresses["desk"], 5))
    assert [each["function"] for each in prepare(service, "fill-quote", life.b, **quote)["steps"]] == ["fill"]


@pytest.mark.parametrize(
    ("more", "name", "words"),
    [
        ({"earned": 1}, "TradeDesk_PaidSince", "Units have been paid since the quote was signed"),
        ({"taker": "0x" + "11" * 20}, "TradeDesk_NotTaker", "The quote is for another wallet"),
        ({"units": 1}, "TradeDesk_UnitsNotLeft", "Only 1 units of the quote are left."),
        ({"least": 3}, "TradeDesk_TooFewUnits", "At least 3 units must be taken"),
    ],
)
def test_what_the_desk_refuses_is_said_in_words(
    service: Service, more: dict[str, Any], name: str, words: str
) -> None:
    quote = given(service, A, Side.SELLS, **more)
    refusal = prepare(service, "fill-quote", service.world.life.c, **quote)["steps"][-1]["outcome"]["refusal"]
    assert refusal["name"] == name
    assert refusal["words"].startswith(words)


def test_a_quote_is_taken_back(service: Service) -> None:
    life = service.world.life
    (step,) = prepare(service, "cancel-quote", life.a, hash="0x" + "ab" * 32)["steps"]
    assert send(service, step, A)["action"] == "cancel-quote"
    (step,) = prepare(service, "cancel-quotes-below", life.a, nonce="2")["steps"]
    assert send(service, step, A)["action"] == "cancel-quotes-below"


def test_trades_are_listed_and_explained(service: Service) -> None:
    life = service.world.life
    service.catch_up()
    assert "trades" in service.of()["collections"]
    rows = service.of("/trades")["items"]
    first = {"seller": life.a, "buyer": life.c, "maker": life.a, "units": 1, "price": str(PRICE)}
    assert first.items() <= rows[0].items()
    assert all(int(row["paid"]) == row["units"] * int(row["price"]) for row in rows)
    mine = service.of("/trades?account=" + life.a)["items"]
    assert mine == [row for row in rows if life.a in (row["seller"], row["buyer"], row["maker"])]
    assert service.of("/reconciliation")["ok"]
    assert not any(fact["name"] == "unexplained" for fact in service.of("/state")["facts"])


@pytest.mark.parametrize(("language", "said"), [("en", " sold 1 unit to "), ("ko", "1단위이(가) ")])
def test_a_trade_is_said_in_words(service: Service, language: str, said: str) -> None:
    service.catch_up()
    trade = service.of("/trades")["items"][0]["trace"]["tx"]
    page = service.get(f"/transactions/{trade}?lang={language}")
    assert page.status_code == 200, page.text
    assert said in page.text


def test_the_page_lets_makers_take_quotes_back(service: Service) -> None:
    page = service.get(f"/deals/{service.world.deal.id}").text
    assert 'data-act="cancel-quote"' in page
    assert 'data-act="cancel-quotes-below"' in page


@pytest.mark.parametrize(
    ("language", "title", "label"),
    [
        ("en", "Trade desk", "Longest life of a quote, days"),
        ("ko", "유통 창구", "호가의 최장 유효 기간(일)"),
    ],
)
def test_its_terms_are_shown_under_its_own_name(language: str, title: str, label: str) -> None:
    sheet = term_sheet(parse_deal(desk_tree()), Translator(language), Format(language))
    (group,) = (each for each in sheet.groups if each.title == title)
    assert [(line.label, line.value) for line in group.lines] == [(label, "10")]
