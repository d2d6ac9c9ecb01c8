"""A book of orders on a chain: ordered from, cleared, delivered, taken, settled; reconciled, lived again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chain.acting import Acting
from chain.bindings import read
from chain.check import check_deployment
from chain.kinds import world_of
from chain.ledger import read_ledger
from chain.network import LocalChain, reach_time
from chain.reconcile import reconcile
from chain.replay import replay
from finance.settlement.widths import SettlementError
from finance.terms import parse_deal
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, THOUSAND, Life, at, small_tree
from tests.joined_deals import term

DOLLAR = THOUSAND // 1000


def book_tree() -> dict[str, Any]:
    """The small bond, ten units of a thousand, sold by a book from 990 to 1,010 by fives."""
    tree = small_tree()
    prices = {"least_price": term(990), "most_price": term(1010), "tick": term(5)}
    tree["parts"]["offering"] = {**tree["parts"]["offering"], "kind": "offering_book", **prices}
    return tree


def with_orders(chain: LocalChain) -> tuple[Life, Acting]:
    """A orders six units at the most and B eight at 1,000, of ten; C two at the least."""
    life = Life(chain, parse_deal(book_tree()))
    acting = Acting(life.w3, life.record, {each: getattr(life, each) for each in ("a", "b", "c")})
    book = life.record.addresses["offering"]
    for who, units, price in (("a", 6, 1010), ("b", 8, 1000), ("c", 2, 990)):
        life.verify(getattr(life, who))
        life.send(life.deployer, life.currency.mint(getattr(life, who), 10_100 * DOLLAR))
        life.send(getattr(life, who), life.currency.approve(book, 2**256 - 1))
        acting.act(who, "offering.order", units=units, price=price * DOLLAR)
    return life, acting


def finished(life: Life, acting: Acting) -> None:
    """The book is cleared by anyone, orders are delivered or taken, and the issue is settled."""
    reach_time(life.w3, at("2016-09-29"))
    acting.act("c", "offering.clear")
    acting.act("c", "offering.take", investor=life.c, number=3)
    acting.act("c", "offering.deliver", investor=life.a, number=1)
    with pytest.raises(SettlementError, match="4 units are to be delivered"):
        acting.act("c", "offering.settle")
    acting.act("b", "offering.take", investor=life.b, number=2)
    acting.act("c", "offering.settle")
    acting.act("a", "offering.take", investor=life.a, number=1)


@pytest.fixture(scope="module", params=list(CLIENTS))
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as chain:
        life, acting = with_orders(chain)
        finished(life, acting)
        yield life


def test_all_pay_one_price_and_have_the_rest_back(life: Life) -> None:
    check_deployment(life.w3, life.record)
    units = [read(life.token.balanceOf(each)) for each in (life.a, life.b, life.c)]
    assert units == [6, 4, 0]
    money = [read(life.currency.balanceOf(each)) for each in (life.a, life.b, life.c)]
    assert money == [(10_100 - 6_000) * DOLLAR, (10_100 - 4_000) * DOLLAR, 10_100 * DOLLAR]
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    assert {row.kind for row in result.rows} >= {"order", "rest", "proceeds"}


def test_an_order_or_a_figure_left_out_shows(life: Life) -> None:
    events = [event for event in read_ledger(life.w3, life.record).events if event.tx != life.record.tx]
    deal = life.record.load_deal()
    assert replay(world_of(life.record, deal), life.record, events).holds
    for place, event in enumerate(events):
        if event.source != "offering":
            continue
        before, after = events[:place], events[place + 1 :]
        assert not replay(world_of(life.record, deal), life.record, [*before, *after]).holds
        for name, value in event.arguments.items():
            if type(value) is int:
                more = replace(event, arguments={**event.arguments, name: value + 1})
                again = replay(world_of(life.record, deal), life.record, [*before, more, *after])
                assert not again.holds, f"{event.name}: {name}"
