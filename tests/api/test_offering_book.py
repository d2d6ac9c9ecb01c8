"""A book of orders at the service: acts prepared and refused, orders listed and said, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.i18n import Translator
from api.pages.format import Format
from api.pages.term_sheet import term_sheet
from chain.bindings import read
from chain.network import reach_time, start_anvil
from finance.terms import parse_deal
from tests.api.test_transactions_prepare import prepare, send
from tests.api.world import Service, World, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING, at
from tests.chain.test_book import DOLLAR, book_tree, with_orders

A, B, C = 3, 4, 5
CLOSED = "2016-09-29"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A has ordered six units at 1,010 and B eight at 1,000, of ten; C two at 990. Tests go on from there."""
    folder: Path = tmp_path_factory.mktemp("book")
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life, _ = with_orders(chain)
        with serving(World(chain, life, folder).save()) as service:
            yield service


def test_an_order_is_paid_in(service: Service) -> None:
    life = service.world.life
    held = read(life.currency.balanceOf(life.c))
    life.send(life.c, life.currency.approve(life.record.addresses["offering"], 0))
    prepared = prepare(service, "order", life.c, units=3, price=str(995 * DOLLAR))
    assert prepared["title"] == "Order 3 units for USD 2,985.00 or less"
    assert prepared["ok"] is True
    approve, order = prepared["steps"]
    assert approve["function"] == "approve"
    assert [(m["asset"], m["amount"]) for m in order["outcome"]["moves"]] == [("money", str(2_985 * DOLLAR))]
    for step in prepared["steps"]:
        done = send(service, step, C)
    assert (done["action"], done["state"]) == ("order", "done")
    assert read(life.currency.balanceOf(life.c)) == held - 2_985 * DOLLAR


@pytest.mark.parametrize(
    ("units", "price", "name", "words"),
    [
        (1, 991, "OrderBook_NotOnTheLadder", "The book has no such price."),
        (11, 990, "Offering_CapExceeded", "Only 10 units are left."),
    ],
)
def test_what_the_book_refuses_is_said_in_words(
    service: Service, units: int, price: int, name: str, words: str
) -> None:
    given = {"units": units, "price": str(price * DOLLAR)}
    life = service.world.life
    answer = service.post(
        "/v1/transactions/prepare",
        json={"deployment": service.world.id, "action": "order", "from": life.a, "parameters": given},
    )
    refusal = answer.json()["steps"][-1]["outcome"]["refusal"]
    assert (refusal["name"], refusal["words"]) == (name, words)


def test_an_open_book_says_what_is_ordered(service: Service) -> None:
    service.catch_up()
    state = service.of("/state")
    assert state["state"] == "offering"
    assert "19 of 10 units are ordered" in state["sentence"]
    assert [step["action"] for step in state["steps"] if step["due"]] == ["order"]
    page = service.get(f"/deals/{service.world.deal.id}").text
    assert 'data-act="order"' in page
    assert "/investor?deal=" not in page  # whose form buys from offerings at one price


def test_a_book_is_led_to_its_end(service: Service) -> None:
    """Each step is what the state says is next; what is refused before is said."""
    life = service.world.life
    reach_time(life.w3, at(CLOSED))
    (settle,) = prepare(service, "settle-book", life.c)["steps"]
    assert settle["outcome"]["refusal"]["words"] == "The price of the book is not known yet."
    for action, given in (
        ("clear-book", {}),
        ("deliver-order", {"investor": life.a, "number": 1}),
        ("take-order", {"number": 2}),
        ("settle-book", {}),
    ):
        service.catch_up()
        state = service.of("/state")
        assert state["state"] == "sold"
        if action != "take-order":
            assert state["steps"][0]["action"] == action
        (step,) = prepare(service, action, life.b, **given)["steps"]
        assert send(service, step, B)["state"] == "done"
    assert [read(life.token.balanceOf(each)) for each in (life.a, life.b, life.c)] == [6, 4, 0]
    service.catch_up()
    assert service.of("/state")["state"] == "active"
    (again,) = prepare(service, "clear-book", life.c)["steps"]
    assert again["outcome"]["refusal"]["name"] == "Offering_WrongState"


def test_orders_are_listed_and_explained(service: Service) -> None:
    life = service.world.life
    service.catch_up()
    assert {"orders", "deliveries"} <= set(service.of()["collections"])
    rows = service.of("/orders")["items"]
    assert [(row["order"], row["units"], row["paid"]) for row in rows] == [
        (1, 6, str(6_060 * DOLLAR)),
        (2, 8, str(8_000 * DOLLAR)),
        (3, 2, str(1_980 * DOLLAR)),
        (4, 3, str(2_985 * DOLLAR)),
    ]
    mine = service.of("/orders?account=" + life.c)["items"]
    assert mine == [row for row in rows if row["holder"] == life.c]
    delivered = service.of("/deliveries")["items"]
    assert [(row["holder"], row["order"], row["units"]) for row in delivered] == [
        (life.a, 1, 6),
        (life.b, 2, 4),
    ]
    assert service.of("/reconciliation")["ok"]
    assert not any(fact["name"] == "unexplained" for fact in service.of("/state")["facts"])


@pytest.mark.parametrize(
    ("language", "said"), [("en", " ordered 6 units at USD 1,010.00 each or less"), ("ko", "6단위 주문")]
)
def test_an_order_is_said_in_words(service: Service, language: str, said: str) -> None:
    service.catch_up()
    order = service.of("/orders")["items"][0]["trace"]["tx"]
    page = service.get(f"/transactions/{order}?lang={language}")
    assert page.status_code == 200, page.text
    assert said in page.text


@pytest.mark.parametrize(
    ("language", "title", "label"),
    [("en", "Book of orders", "Lowest price"), ("ko", "주문 장부", "최저 가격")],
)
def test_its_terms_are_shown_under_its_own_name(language: str, title: str, label: str) -> None:
    sheet = term_sheet(parse_deal(book_tree()), Translator(language), Format(language))
    (group,) = (each for each in sheet.groups if each.title == title)
    assert label in [line.label for line in group.lines]
