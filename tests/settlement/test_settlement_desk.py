"""The trade desk: the real contract and its books, lived act by act, with the token whose units it moves."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from finance.settlement.bond_life import BondLife
from finance.settlement.terms import settlement_terms
from finance.settlement.trade_desk import TradeDeskBooks
from finance.terms import load_deal
from tests.settlement.desks import Market
from tests.settlement.issues import PEOPLE
from tests.settlement.twins import DAY, Chain, Difference, Tally, mutate, same_functions

ROOT = Path(__file__).resolve().parents[2]
PARTS = {"desk": ("TradeDesk", TradeDeskBooks)}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(lambda rng, case: Market(chain, rng), f"{name}/market", lives, 120, PARTS)


def test_a_market_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(30, cases // 300))
    assert not tally.missing(PARTS)
    assert tally.accepted["desk", "fill"] > 30


def test_every_function_is_an_act() -> None:
    same_functions("TradeDesk", TradeDeskBooks, but={"initialize"})


def test_a_trade_moves_units_and_money_of_two_people_only(chain: Chain, seed: int) -> None:
    """As much of each as the event says, from the one to the other, and the desk keeps nothing."""
    trades = 0
    for case in range(300):  # go on until there are enough
        market = Market(chain, Random(f"{seed}/kept {case}"))
        for _ in range(120):
            units = {each: market.world.parts["token"].units_of(each) for each in PEOPLE}
            money = dict(market.world.money)
            market.step()
            told = market.told["desk", "QuoteFilled"]
            if told:
                market.told.clear()
                now = {each: market.world.parts["token"].units_of(each) for each in PEOPLE}
                moved = {each: now[each] - units[each] for each in PEOPLE if now[each] != units[each]}
                paid = {
                    who: had - money.get(who, 0)
                    for who, had in market.world.money.items()
                    if had != money.get(who, 0)
                }
                assert len(moved) == len(paid) == 2
                assert sum(moved.values()) == sum(paid.values()) == 0
                assert all(moved[who] * paid[who] < 0 for who in moved)
                trades += 1
        if trades > 50:
            break
    assert trades > 50


MUTANTS: list[tuple[Any, str, str, str]] = [
    (TradeDeskBooks, "price_now", "since and not", "since > 1 and not"),
    (TradeDeskBooks, "price_now", "since >= quote.price", "since > quote.price"),
    (TradeDeskBooks, "price_now", "return quote.price - since", "return quote.price"),
    (TradeDeskBooks, "price_now", "and since > 0", ""),
    (TradeDeskBooks, "fill", "max(made.least, self.terms.minimum)", "made.least"),
    (TradeDeskBooks, "fill", "units < least and units != left", "units < least"),
    (TradeDeskBooks, "fill", "self.fate_of(made).filled + units", "units"),
    (TradeDeskBooks, "fill", "if made.side is Side.SELLS", "if made.side is Side.BUYS"),
    (TradeDeskBooks, "left_of", "quote.nonce < self.nonce_of", "quote.nonce <= self.nonce_of"),
    (TradeDeskBooks, "cancel", "if fate.cancelled:", "if False:"),
    (TradeDeskBooks, "cancel_below", "nonce <= self", "nonce < self"),
    (TradeDeskBooks, "_require_live", "world.at < quote.expires", "world.at <= quote.expires"),
    (TradeDeskBooks, "_require_live", "opens > self.terms.longest", "opens >= self.terms.longest"),
    (TradeDeskBooks, "_require_live", "quote.taker not in (NOBODY, by)", "False"),
    (TradeDeskBooks, "_require_live", "by == quote.maker or", "False or"),
    (TradeDeskBooks, "_require_live", ".recovery_of(quote.maker, world.at)", ".closed"),
]  # fmt: skip
"""A unit, a second, a side: of a function, a piece and what takes its place."""


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "name", "old", "new"), MUTANTS, ids=range(len(MUTANTS)))
def test_books_that_are_a_little_wrong_are_found(
    chain: Chain, seed: int, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, old: str, new: str
) -> None:
    """The comparison itself can fail."""
    mutate(monkeypatch, owner, name, old, new)
    with pytest.raises(Difference):
        lived(chain, f"{seed}/wrong", 400)


def test_what_has_accrued_grows_to_the_coupon_and_waits_for_reports() -> None:
    """Of a bond: nothing at the start of interest, the coupon on its day, unknown where a report is open."""
    terms = settlement_terms(load_deal(ROOT / "deals" / "enel-slb-2019.yaml"))
    bond, whole = BondLife(terms, units=1000), terms.periods[0]
    assert bond.accrued(whole.start - 1) == bond.accrued(whole.start) == 0
    coupon = bond.payments(0, 1)[0].interest
    assert bond.accrued(whole.pay_date) == coupon
    found = [bond.accrued(whole.start + day * DAY) for day in range(182)]
    assert all(0 <= b - a <= coupon // 180 for a, b in pairwise(found))
    bent = terms.fixings[0].first
    bond.coupons_paid = bent
    assert bond.accrued(terms.periods[bent].start + DAY) is None
    bond.values[0] = 0
    assert bond.accrued(terms.periods[bent].start + DAY)
